package config

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A redisSubject runs golden cases on a real redis-server.
type redisSubject struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan error // receives the result of cmd.Wait
	conn net.Conn
	in   *bufio.Reader
}

// startMax bounds how long redis-server may take to fail or to listen.
const startMax = 3 * time.Second

func (s *redisSubject) start(c *goldenCase, dir string) []string {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	s.cmd = exec.Command("redis-server", c.prepare(s.t, dir)...)
	s.cmd.Dir = dir
	s.cmd.Stdin = strings.NewReader(c.stdin)
	s.cmd.Stdout, s.cmd.Stderr = &stdout, &stderr
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.done = make(chan error, 1)
	go func() { s.done <- s.cmd.Wait() }()

	commands := len(c.commands()) > 0
	deadline := time.After(startMax)
	retry := time.NewTicker(5 * time.Millisecond)
	defer retry.Stop()
	for {
		select {
		case err := <-s.done:
			s.done <- err
			return showExit(err, stdout.String(), stderr.String())
		case <-deadline:
			s.t.Errorf("line %d: redis-server accepts this and goes on running", c.line)
			return []string{"running"}
		case <-retry.C:
			if commands && s.dial(dir) {
				return nil
			}
		}
	}
}

func showExit(err error, stdout, stderr string) []string {
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	}
	lines := []string{fmt.Sprintf("exit %d", code)}
	if stderr != "" {
		lines = append(lines, strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")...)
	}
	for line := range strings.Lines(stdout) {
		if i := strings.Index(line, "# Fatal"); i >= 0 {
			lines = append(lines, "log: "+strings.TrimSpace(line[i+len("# "):]))
		}
	}
	return lines
}

func (s *redisSubject) dial(dir string) bool {
	conn, err := net.Dial("unix", filepath.Join(dir, "s.sock"))
	if err != nil {
		return false
	}
	s.conn, s.in = conn, bufio.NewReader(conn)
	return true
}

func (s *redisSubject) stop() {
	if s.conn != nil {
		s.conn.Close()
	}
	s.cmd.Process.Kill()
	<-s.done
}

func (s *redisSubject) do(words []string) []string {
	s.t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := s.conn.Write(b.Bytes()); err != nil {
		s.t.Fatal(err)
	}
	line := s.readLine()
	if line[0] != '*' {
		return []string{line}
	}
	count, err := strconv.Atoi(line[1:])
	if err != nil {
		s.t.Fatal(err)
	}
	var pairs []Pair
	for range count / 2 {
		pairs = append(pairs, Pair{s.readBulk(), s.readBulk()})
	}
	return showPairs(pairs, words[2] == "*")
}

func (s *redisSubject) readLine() string {
	s.t.Helper()
	line, err := s.in.ReadString('\n')
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSuffix(line, "\r\n")
}

func (s *redisSubject) readBulk() string {
	s.t.Helper()
	size, err := strconv.Atoi(strings.TrimPrefix(s.readLine(), "$"))
	if err != nil {
		s.t.Fatal(err)
	}
	data := make([]byte, size+2)
	if _, err := io.ReadFull(s.in, data); err != nil {
		s.t.Fatal(err)
	}
	return string(data[:size])
}

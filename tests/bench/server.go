package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A contender is one of the programs that are compared.
type contender struct {
	name string
	path string
}

// serverFlags are the same for all: no snapshots of their own accord, and
// room for the idle connections.
var serverFlags = []string{"--save", "", "--appendonly", "no", "--maxclients", "10100", "--enable-debug-command", "yes"}

// patience bounds a server's start and its orderly end.
const patience = 10 * time.Second

// A server is a running contender.
type server struct {
	name       string
	addr       string
	dir        string
	cmd        *exec.Cmd
	done       chan struct{} // closed once the process has ended
	firstReply time.Duration // from the start of the process
}

// start runs the contender in a new directory and waits for its first PONG.
func (c contender) start(ctx context.Context) (*server, error) {
	var err error
	for range 3 { // another program may take the port that was free
		var s *server
		if s, err = c.startOnce(ctx); err == nil {
			return s, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("%s: %w", c.name, err)
}

func (c contender) startOnce(ctx context.Context) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "valkeyper-bench-")
	if err != nil {
		return nil, err
	}
	s := &server{name: c.name, addr: net.JoinHostPort("127.0.0.1", port), dir: dir, done: make(chan struct{})}
	log, err := os.Create(s.logPath())
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	defer log.Close()
	s.cmd = exec.Command(c.path, append([]string{"--port", port, "--dir", dir}, serverFlags...)...)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = dir, log, log
	endWithParent(s.cmd)
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	go func() {
		s.cmd.Wait() // how it ended stands in ProcessState
		close(s.done)
	}()
	if err := s.waitReady(ctx, began); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// freePort returns a port below those that the kernel gives to outgoing
// connections, of which a benchmark makes many.
func freePort() (string, error) {
	var err error
	for range 100 {
		port := strconv.Itoa(20000 + rand.IntN(10000))
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			return port, l.Close()
		}
	}
	return "", err
}

// waitReady polls closely, for the time until the first reply is a figure.
func (s *server) waitReady(ctx context.Context, began time.Time) error {
	for time.Since(began) < patience && ctx.Err() == nil {
		if err := s.alive(); err != nil {
			return err
		}
		if reply, err := s.do("PING"); err == nil && reply == "PONG" {
			s.firstReply = time.Since(began)
			return s.alive()
		}
		sleepUntil(ctx, time.Now().Add(200*time.Microsecond))
	}
	return fmt.Errorf("no PONG within %v: %s", patience, s.logTail())
}

// sleepUntil returns at t or when ctx ends.
func sleepUntil(ctx context.Context, t time.Time) {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// do sends one command on a connection of its own.
func (s *server) do(args ...string) (string, error) {
	l, err := dial(s.addr)
	if err != nil {
		return "", err
	}
	defer l.conn.Close()
	return l.do(args...)
}

func (s *server) pid() int { return s.cmd.Process.Pid }

func (s *server) logPath() string { return filepath.Join(s.dir, "server.log") }

// logTail is the end of the server's log, for error messages.
func (s *server) logTail() string {
	text, err := os.ReadFile(s.logPath())
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-600):]))
}

// alive returns nil while the server runs, and afterwards how it ended.
func (s *server) alive() error {
	select {
	case <-s.done:
		return fmt.Errorf("%s ended by itself (%v): %s", s.name, s.cmd.ProcessState, s.logTail())
	default:
		return nil
	}
}

// stop ends the server, politely first, and removes its directory. It touches
// no other process.
func (s *server) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM) // an error means that it has ended already
	select {
	case <-s.done:
	case <-time.After(patience):
		s.cmd.Process.Kill()
		<-s.done
	}
	os.RemoveAll(s.dir) // it lies below the system's temporary directory
}

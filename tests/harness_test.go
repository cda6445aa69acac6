// Package tests drives the built server over its sockets, as any client would.
//
// A test asks start for a server of its own. Nothing here knows the server's
// insides, so the same tests run against a real redis-server: the answers of
// the golden scripts come from there (see README.md).
package tests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Names of the environment variables that steer the tests.
const (
	envServer = "TEST_SERVER" // path of the server under test; empty builds ours
	envRace   = "TEST_RACE"   // not empty: build ours with the race detector
	envGolden = "GOLDEN"      // not empty: record answers from redis-server instead of comparing
	envCI     = "CI"          // not empty: a missing peer is a failure, not a skip
)

// patience bounds every wait of a test. It is long because the tests share
// their machine; no test measures time with it.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		if err := os.RemoveAll(built.dir); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// built is our server, compiled by the first test that needs it.
var built struct {
	once sync.Once
	dir  string
	path string
	err  error
}

// underRace reports whether our server is built with the race detector, under
// which it is some ten times slower.
func underRace() bool { return os.Getenv(envRace) != "" }

// fewer is n, or under the race detector the smaller number that shows the same.
func fewer(n, raced int) int {
	if underRace() {
		return raced
	}
	return n
}

// serverPath returns the program under test.
func serverPath(t testing.TB) string {
	t.Helper()
	if path := os.Getenv(envServer); path != "" {
		return path
	}
	built.once.Do(func() {
		built.dir, built.err = os.MkdirTemp("", "valkeyper-test")
		if built.err != nil {
			return
		}
		built.path = filepath.Join(built.dir, "valkeyper")
		args := []string{"build", "-o", built.path}
		if underRace() {
			args = append(args, "-race")
			built.err = endAtOnce()
		}
		if os.Getenv("GOCOVERDIR") != "" {
			args = append(args, "-cover", "-coverpkg=./...")
		}
		cmd := exec.Command("go", append(args, ".")...)
		cmd.Dir = ".."
		if out, err := cmd.CombinedOutput(); err != nil && built.err == nil {
			built.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// endAtOnce asks the race detector, in every server to come, not to sleep for a second
// before the process ends: it waits for threads that are just about to report a race,
// which takes them no such time, and the tests stop some thousand servers. What stands
// in the variable already comes behind ours, and so wins.
func endAtOnce() error {
	return os.Setenv("GORACE", strings.TrimSpace("atexit_sleep_ms=10 "+os.Getenv("GORACE")))
}

// redisPath returns the real redis-server. Without one, the test is skipped,
// except in CI, where that would hide that nothing was compared.
func redisPath(t testing.TB) string {
	t.Helper()
	return peerPath(t, "redis-server")
}

// peerPath returns the path of a program that the test compares us with.
func peerPath(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv(envCI) != "" || os.Getenv(envGolden) != "":
		t.Fatalf("%s is not installed", name)
	default:
		t.Skipf("%s is not installed", name)
	}
	return ""
}

// A server is one running process.
type server struct {
	port     int
	dir      string // its working directory, empty at the start
	logPath  string
	password string // of --requirepass
	cmd      *exec.Cmd
	done     chan struct{} // closed once the process has ended
}

// errPortTaken asks for another try with another port.
var errPortTaken = errors.New("port taken")

// start runs the server under test with flags, waits until it serves, and
// stops it at the end of the test, which fails if the server died before or
// logged a panic or a data race.
func start(t testing.TB, flags ...string) *server {
	t.Helper()
	return startProgram(t, serverPath(t), flags...)
}

// startProgram is start for a given program. A first flag without dashes is
// the path of a configuration file, as for redis-server itself.
func startProgram(t testing.TB, path string, flags ...string) *server {
	t.Helper()
	s, err := launch(path, t.TempDir(), flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// launch starts path in dir with flags, the defaults of the tests before them.
func launch(path, dir string, flags ...string) (*server, error) {
	s, err := launchWith(path, dir, func(port string) []string {
		rest := flags
		var args []string
		if len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
			args, rest = rest[:1:1], rest[1:]
		}
		args = append(args, "--port", port, "--dir", dir, "--save", "", "--enable-debug-command", "yes")
		return append(args, rest...)
	})
	if i := slices.Index(flags, "--requirepass"); i >= 0 && err == nil {
		s.password = flags[i+1]
	}
	return s, err
}

// launchWith starts path in dir with the arguments that args makes for a
// port, which was free a moment ago.
func launchWith(path, dir string, args func(port string) []string) (*server, error) {
	for range 10 {
		port := freePort()
		s, err := launchOn(port, path, dir, args(strconv.Itoa(port)))
		if !errors.Is(err, errPortTaken) {
			return s, err
		}
	}
	return nil, errPortTaken
}

func launchOn(port int, path, dir string, args []string) (*server, error) {
	s := &server{port: port, dir: dir, logPath: filepath.Join(dir, "server.log"), done: make(chan struct{})}
	s.cmd = exec.Command(path, args...)
	s.cmd.Dir = dir
	if underRace() {
		// By default the detector has a program sleep for a second at its end.
		s.cmd.Env = append(os.Environ(), "GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=20")
	}
	endWithParent(s.cmd)
	log, err := os.Create(s.logPath)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.cmd.Wait() // how it ended is read from ProcessState
		close(s.done)
	}()
	if err := s.waitReady(); err != nil {
		s.kill()
		return nil, err
	}
	return s, nil
}

// freePort returns a port that nobody listens on. It stays below the range
// that the kernel gives to outgoing connections, which our own clients use.
func freePort() int {
	for {
		port := 20000 + rand.IntN(12000)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		l.Close()
		return port
	}
}

// waitReady returns once the server said that it is ready and answers a PING.
// The log line comes first: another program on the port would answer as well.
func (s *server) waitReady() error {
	for end := time.Now().Add(patience); time.Now().Before(end); pause() {
		log, err := os.ReadFile(s.logPath)
		if err != nil {
			return err
		}
		if s.ended() {
			if bytes.Contains(log, []byte("Failed listening on port")) || bytes.Contains(log, []byte("Address already in use")) {
				return errPortTaken
			}
			return fmt.Errorf("server ended at start: %v\n%s", s.cmd.ProcessState, log)
		}
		if !bytes.Contains(log, []byte("eady to accept connections")) {
			continue
		}
		conn, err := net.Dial("tcp", s.addr())
		if err != nil {
			return fmt.Errorf("server says it is ready: %w", err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
			return err
		}
		// Any answer will do: one that asks for a password says NOAUTH.
		if _, err := conn.Read(make([]byte, 64)); err != nil {
			return fmt.Errorf("server does not answer PING: %w", err)
		}
		return nil
	}
	return fmt.Errorf("server is not ready after %v", patience)
}

// pause lets a poll for a condition wait a little before the next look.
func pause() { <-time.After(2 * time.Millisecond) }

func (s *server) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

func (s *server) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// stop ends the server, politely first, and says what was wrong with its life.
func (s *server) stop() error {
	err := s.cmd.Process.Signal(terminate())
	if errors.Is(err, os.ErrProcessDone) {
		<-s.done
		if s.cmd.ProcessState.Success() {
			return s.checkLog() // a test sent SHUTDOWN
		}
		return fmt.Errorf("server died (%v)\n%s", s.cmd.ProcessState, s.logTail())
	}
	if err != nil {
		return err
	}
	select {
	case <-s.done:
		return s.checkLog()
	case <-time.After(patience):
		s.kill()
		return fmt.Errorf("server still ran %v after SIGTERM\n%s", patience, s.logTail())
	}
}

// kill ends the server at once, as a power cut would.
func (s *server) kill() {
	s.cmd.Process.Kill() // an error means that it has ended already
	<-s.done
}

// terminate is the signal that asks for an orderly end.
func terminate() os.Signal {
	if runtime.GOOS == "windows" {
		return os.Kill
	}
	return syscall.SIGTERM
}

// checkLog reports what must never stand in a server's log.
func (s *server) checkLog() error {
	log, err := os.ReadFile(s.logPath)
	if err != nil {
		return err
	}
	for _, bad := range []string{"panic", "DATA RACE", "fatal error: ", "REDIS BUG REPORT"} {
		if i := bytes.Index(log, []byte(bad)); i >= 0 {
			return fmt.Errorf("the server's log contains %q:\n%s", bad, log[i:min(len(log), i+4000)])
		}
	}
	return nil
}

// logTail is the end of the server's log, for failure messages.
func (s *server) logTail() string {
	log, err := os.ReadFile(s.logPath)
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-4000):])
}

// info returns one field of INFO, read on a connection of its own.
func (s *server) info(t testing.TB, field string) string {
	t.Helper()
	c := s.client(t)
	defer c.conn.Close()
	if s.password != "" {
		c.ok("AUTH " + s.password)
	}
	for line := range strings.Lines(c.do("INFO", "everything").text) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("INFO has no field %s", field)
	return ""
}

// infoInt is info for a number.
func (s *server) infoInt(t testing.TB, field string) int {
	t.Helper()
	n, err := strconv.Atoi(s.info(t, field))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// waitFor polls until ok holds, or fails the test.
func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	waitWithin(t, patience, what, ok)
}

// waitWithin is waitFor with a limit of its own.
func waitWithin(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); pause() {
		if ok() {
			return
		}
	}
	t.Fatalf("still waiting after %v for %s", limit, what)
}

package clients

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Names of the environment variables that choose the server.
const (
	envAddress = "TEST_ADDRESS" // host:port of a server that runs already
	envServer  = "TEST_SERVER"  // path of a server to start; empty builds ours
	envRace    = "TEST_RACE"    // not empty: build ours with the race detector
)

// patience bounds every wait of a test.
const patience = 30 * time.Second

// address is where the server listens that all tests share.
var address string

func TestMain(m *testing.M) {
	os.Exit(runAll(m))
}

// runAll runs the tests against a server of their own, unless there is one.
func runAll(m *testing.M) int {
	if address = os.Getenv(envAddress); address != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "valkeyper-clients-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	path := os.Getenv(envServer)
	if path == "" {
		if path, err = buildServer(dir); err != nil {
			return fail(err)
		}
	}
	stop, err := startServer(path, dir)
	if err != nil {
		return fail(err)
	}
	code := m.Run()
	if err := stop(); err != nil {
		return fail(err)
	}
	return code
}

// buildServer compiles our server into dir.
func buildServer(dir string) (path string, err error) {
	path = filepath.Join(dir, "valkeyper")
	args := []string{"build", "-o", path}
	if os.Getenv(envRace) != "" {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, ".")...)
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}

func fail(err error) int {
	os.Stderr.WriteString(err.Error() + "\n")
	return 1
}

// startServer starts a server on a free port and sets address. The function
// it returns stops it, and complains if it had ended before.
func startServer(path, dir string) (stop func() error, err error) {
	logPath := filepath.Join(dir, "server.log")
	log, err := os.Create(logPath)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, "--port", port, "--dir", dir, "--save", "")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	endWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait() // how it ended stands in ProcessState
		close(ended)
	}()
	stop = func() error {
		select {
		case <-ended:
			text, err := os.ReadFile(logPath)
			return errors.Join(fmt.Errorf("the server ended by itself: %v\n%s", cmd.ProcessState, text), err)
		default:
		}
		err := cmd.Process.Kill()
		<-ended
		return errors.Join(err, checkLog(logPath))
	}
	address = net.JoinHostPort("127.0.0.1", port)
	for end := time.Now().Add(patience); time.Now().Before(end); pause() {
		select {
		case <-ended:
			return nil, stop()
		default:
		}
		if conn, err := net.Dial("tcp", address); err == nil {
			return stop, conn.Close()
		}
	}
	return nil, errors.Join(errors.New("nobody listens on "+address), stop())
}

// checkLog reports what must never stand in a server's log.
func checkLog(path string) error {
	log, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for _, bad := range []string{"panic", "DATA RACE", "REDIS BUG REPORT"} {
		if i := bytes.Index(log, []byte(bad)); i >= 0 {
			return fmt.Errorf("the server's log contains %q:\n%s", bad, log[i:min(len(log), i+4000)])
		}
	}
	return nil
}

// freePort returns a port below those of outgoing connections.
func freePort() (string, error) {
	var err error
	for range 100 {
		port := strconv.Itoa(20000 + rand.IntN(12000))
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			return port, l.Close()
		}
	}
	return "", err
}

// pause lets a poll for a condition wait a little before the next look.
func pause() { <-time.After(2 * time.Millisecond) }

// bothProtocols runs a test under RESP2 and under RESP3.
func bothProtocols(t *testing.T, test func(t *testing.T, protocol int)) {
	for _, protocol := range []int{2, 3} {
		t.Run("RESP"+strconv.Itoa(protocol), func(t *testing.T) { test(t, protocol) })
	}
}

// connect returns a client that speaks one version of the protocol.
func connect(t *testing.T, protocol int) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: address, Protocol: protocol})
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// keys returns names that no other test uses, and removes them at the end.
func keys(t *testing.T, c *redis.Client, count int) []string {
	t.Helper()
	names := make([]string, count)
	for i := range names {
		names[i] = fmt.Sprintf("go-redis:%s:%d", t.Name(), i)
	}
	if err := c.Del(t.Context(), names...).Err(); err != nil {
		t.Fatal(err)
	}
	return names
}

package tests

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestSupervised plays systemd: it reads what a server says of its start and its end.
func TestSupervised(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("systemd is for Linux")
	}
	dir, err := os.MkdirTemp("", "notify") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	for _, mode := range []string{"systemd", "auto"} {
		t.Run(mode, func(t *testing.T) {
			s := start(t, "--supervised", mode)
			if got := s.info(t, "process_supervised"); got != "systemd" {
				t.Errorf("process_supervised is %s", got)
			}
			if err := s.stop(); err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"STATUS=Redis is loading...\n", "STATUS=Ready to accept connections\n", "READY=1\n", "STOPPING=1\n"} {
				if got := datagram(t, socket); got != want {
					t.Fatalf("got %q, want %q", got, want)
				}
			}
		})
	}
	s := start(t) // not asked to, it says nothing
	if got := s.info(t, "process_supervised"); got != "no" {
		t.Errorf("process_supervised is %s", got)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if err := socket.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := socket.Read(make([]byte, 256)); err == nil {
		t.Errorf("%d bytes from a server that nobody supervises", n)
	}
}

// TestSupervisorMissing starts a server that is to be supervised by nobody: it runs.
func TestSupervisorMissing(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	s := start(t, "--supervised", "systemd")
	if log := s.logTail(); !strings.Contains(log, "systemd supervision error: NOTIFY_SOCKET not found!") {
		t.Errorf("the log does not say so:\n%s", log)
	}
}

func datagram(t *testing.T, socket *net.UnixConn) string {
	t.Helper()
	if err := socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 256)
	n, err := socket.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

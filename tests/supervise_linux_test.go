package tests

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestUpstart plays upstart: the server stops itself, and serves when it is told to
// go on.
func TestUpstart(t *testing.T) {
	t.Setenv("UPSTART_JOB", "job")
	for _, mode := range []string{"upstart", "auto"} {
		t.Run(mode, func(t *testing.T) {
			var s *server
			ready := make(chan error, 1)
			dir := t.TempDir()
			go func() {
				var err error
				s, err = launch(serverPath(t), dir, "--supervised", mode, "--daemonize", "yes")
				ready <- err
			}()
			stopped := false
			waitFor(t, "the server to stop and go on", func() bool {
				if pid := stoppedServer(dir); pid > 0 {
					stopped = true
					syscall.Kill(pid, syscall.SIGCONT)
				}
				return len(ready) > 0
			})
			if err := <-ready; err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.kill)
			if !stopped {
				t.Error("it has not stopped")
			}
			if got := s.info(t, "process_supervised"); got != "upstart" {
				t.Errorf("process_supervised is %s", got)
			}
			if err := s.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// stoppedServer is the PID of the server with its log in dir, if it has said that it
// stops and has stopped, and 0 otherwise.
func stoppedServer(dir string) int {
	log, err := os.ReadFile(filepath.Join(dir, "server.log"))
	if err != nil || !strings.Contains(string(log), "supervised by upstart, will stop to signal readiness.\n") {
		return 0
	}
	name, _, _ := strings.Cut(string(log), ":")
	stat, err := os.ReadFile(filepath.Join("/proc", name, "stat"))
	if err != nil || !strings.Contains(string(stat), ") T ") {
		return 0
	}
	pid, err := strconv.Atoi(name)
	if err != nil {
		return 0
	}
	return pid
}

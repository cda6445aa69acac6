package tests

import (
	"os/exec"
	"syscall"
	"testing"
)

// endWithParent makes the kernel kill the server when the test process ends,
// however that happens: a timed-out test runs no cleanup.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// freeze stops the server's process where it is.
func (s *server) freeze(t testing.TB) { s.signal(t, syscall.SIGSTOP) }

// thaw lets it go on.
func (s *server) thaw(t testing.TB) { s.signal(t, syscall.SIGCONT) }

func (s *server) signal(t testing.TB, sig syscall.Signal) {
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

package tests

import (
	"os/exec"
	"syscall"
)

// endWithParent makes the kernel kill the server when the test process ends,
// however that happens: a timed-out test runs no cleanup.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

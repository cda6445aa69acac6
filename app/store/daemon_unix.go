//go:build unix

package store

import (
	"os"
	"os/exec"
	"syscall"
)

// detachable: a process may have a session of its own.
const detachable = true

// handoverFD is the descriptor behind the three that every process has.
const handoverFD = 3

// detach has a command run in a session of its own, with one more descriptor.
func detach(cmd *exec.Cmd, handover *os.File) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.ExtraFiles = []*os.File{handover}
}

// handoverFile is what detach has given to this process. It is not for those that
// this one may start.
func handoverFile() *os.File {
	syscall.CloseOnExec(handoverFD)
	return os.NewFile(handoverFD, "launcher")
}

// silence has what is read and written by the three descriptors be nothing.
func silence() {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return // they are pipes that nobody is at the end of, which is as well
	}
	defer null.Close()
	for fd := range handoverFD {
		replaceFD(int(null.Fd()), fd)
	}
}

// stopSelf stops the process until it is told to go on.
func stopSelf() { syscall.Kill(os.Getpid(), syscall.SIGSTOP) }

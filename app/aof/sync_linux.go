package aof

import (
	"os"
	"syscall"
)

// syncData puts the content of a file on disk, and of what the system knows about
// it only what is needed to read it.
func syncData(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	failed := raw.Control(func(fd uintptr) {
		for {
			if err = syscall.Fdatasync(int(fd)); err != syscall.EINTR {
				return
			}
		}
	})
	if failed != nil {
		return failed
	}
	return err
}

//go:build unix

package store

import (
	"os"
	"os/signal"
	"syscall"
)

// syncDir makes the names in a directory last.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// surviveFileLimit has a write beyond the limit on the size of files fail, and not
// end the process.
func surviveFileLimit() { signal.Ignore(syscall.SIGXFSZ) }

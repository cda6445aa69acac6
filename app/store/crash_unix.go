//go:build unix

package store

import (
	"os"
	"syscall"
)

// crashSignals end the process with a report, as they end redis-server. Those that
// a fault of the program's own causes come as panics instead.
var crashSignals = []os.Signal{syscall.SIGABRT, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGSEGV}

//go:build !linux

package tests

import (
	"os/exec"
	"testing"
)

// endWithParent has nothing to rely on outside Linux; cleanups must do.
func endWithParent(*exec.Cmd) {}

// freeze would stop the server's process where it is.
func (s *server) freeze(t testing.TB) { t.Skip("processes are stopped on Linux only") }

// thaw would let it go on.
func (s *server) thaw(testing.TB) {}

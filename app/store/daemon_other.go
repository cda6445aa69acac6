//go:build !unix

package store

import (
	"os"
	"os/exec"
)

// detachable: there is nothing here to let go of.
const detachable = false

func detach(*exec.Cmd, *os.File) {}

func handoverFile() *os.File { return nil }

func silence() {}

// stopSelf does nothing where a process cannot be stopped.
func stopSelf() {}

//go:build unix && !linux

package store

import "syscall"

// replaceFD makes a descriptor stand for another file.
func replaceFD(from, to int) { syscall.Dup2(from, to) }

//go:build !linux

package main

import (
	"errors"
	"os/exec"
	"time"
)

// supported says whether this system can show what a process uses. Only
// Linux's /proc is read; elsewhere the program builds and refuses to run.
const supported = false

func cpuTime(int) (time.Duration, error) { return 0, errors.ErrUnsupported }
func residentBytes(int) (int64, error)   { return 0, errors.ErrUnsupported }
func loadAverage() string                { return "unknown" }
func endWithParent(*exec.Cmd)            {}

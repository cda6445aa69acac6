//go:build unix

package store

import (
	"fmt"
	"math"
	"syscall"
	"time"
)

// cpuUsage is the processor time used so far, printed in seconds.
type cpuUsage struct{ sys, user, sysChildren, userChildren string }

func cpuTimes() cpuUsage {
	var self, children syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &self) != nil || syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children) != nil {
		return cpuUsage{"0.000000", "0.000000", "0.000000", "0.000000"}
	}
	return cpuUsage{seconds(self.Stime), seconds(self.Utime), seconds(children.Stime), seconds(children.Utime)}
}

func seconds(t syscall.Timeval) string { return fmt.Sprintf("%d.%06d", t.Sec, t.Usec) }

// raiseFileLimit tries to let the process open that many files. It returns the
// limit before and after, and why it is still too low.
func raiseFileLimit(wanted int64) (before, got int64, refusal error) {
	const step = 16
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		const assumed = 1024
		return assumed, assumed, err
	}
	before = int64(limit.Cur)
	if before >= wanted || before < 0 { // negative: no limit at all
		return before, before, nil
	}
	for best := wanted; best > before; best -= step {
		raised := limit
		raised.Cur = asLimit(raised.Cur, best)
		if int64(raised.Max) >= 0 && int64(raised.Max) < best {
			raised.Max = raised.Cur
		}
		err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised)
		if err == nil {
			return before, best, refusal
		}
		if refusal == nil {
			refusal = err
		}
	}
	return before, before, refusal
}

// asLimit is n in the type of a limit, which differs between systems.
func asLimit[T int64 | uint64](_ T, n int64) T { return T(n) }

// processorTime is the time that the process has had of the processors.
func processorTime() (user, system time.Duration, ok bool) {
	var self syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &self) != nil {
		return 0, 0, false
	}
	return time.Duration(self.Utime.Nano()), time.Duration(self.Stime.Nano()), true
}

// openFilesMax is how many files the process may have open if it raises its limit.
func openFilesMax() (n int64, ok bool) {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0, false
	}
	if int64(limit.Max) < 0 {
		return math.MaxInt64, true // no limit at all
	}
	return int64(limit.Max), true
}

package main

import (
	"os"
	"testing"
	"time"
)

func TestParseCPUTime(t *testing.T) {
	got, err := parseCPUTime([]byte("42 (a b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0\n"))
	if want := 3 * time.Second; err != nil || got != want {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	for _, bad := range []string{"", "42 (a) S 1 2", "42 (a) S 1 2 3 4 5 6 7 8 9 10 x 50 0"} {
		if _, err := parseCPUTime([]byte(bad)); err == nil {
			t.Errorf("%q was read without an error", bad)
		}
	}
}

func TestOwnProcess(t *testing.T) {
	if n, err := residentBytes(os.Getpid()); err != nil || n < 1<<20 {
		t.Errorf("resident: %d, %v", n, err)
	}
	if _, err := cpuTime(os.Getpid()); err != nil {
		t.Error(err)
	}
	if _, err := cpuTime(-1); err == nil {
		t.Error("a process that cannot be has a CPU time")
	}
}

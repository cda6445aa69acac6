//go:build !linux

package store

import "runtime"

const multiplexing = "netpoll"

func systemName() string { return runtime.GOOS + " " + runtime.GOARCH }

// residentMemory is what the Go runtime holds, the nearest there is.
func residentMemory() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased)
}

func systemMemory() int64 { return 0 }

// refuseHugePages has nothing to refuse.
func refuseHugePages() error { return nil }

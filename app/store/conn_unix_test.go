//go:build unix && !race

package store

import (
	"net"
	"runtime"
	"syscall"
	"testing"
)

// A connection that has nothing to do holds little: no buffers, and the stack
// that its goroutine waits on.
func TestIdleConnectionMemory(t *testing.T) {
	const connections, bytesMax = 500, 8 << 10
	s := serveSockets(t)
	s.dial(t, "tcp").do("PING")
	before := heldMemory()
	address := &syscall.SockaddrInet4{Port: s.listeners["tcp"].Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}
	answer := make([]byte, 1<<10)
	for range connections {
		// Bare descriptors, so that our end holds no memory of the program.
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(fd)
		if err := syscall.Connect(fd, address); err != nil {
			t.Fatal(err)
		}
		if _, err := syscall.Write(fd, []byte("PING\r\nINFO clients\r\nCLIENT INFO\r\n")); err != nil {
			t.Fatal(err)
		}
		for last := byte(0); last != '='; { // of resp=2
			n, err := syscall.Read(fd, answer)
			if err != nil || n < 4 {
				t.Fatal(n, err)
			}
			last = answer[n-5]
		}
	}
	if each := (heldMemory() - before) / connections; each > bytesMax {
		t.Errorf("an idle connection holds %d bytes", each)
	} else {
		t.Logf("%d bytes each", each)
	}
}

// heldMemory is what is in use on the heap and for stacks.
func heldMemory() int64 {
	var m runtime.MemStats
	for range 3 { // stacks shrink by half at a time
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

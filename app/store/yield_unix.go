//go:build unix

package store

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
)

// A client that sends without pause never finds its socket empty, so its
// goroutine never waits, and the scheduler looks for input of others only every
// 10 ms while anybody can run. Therefore such a client gives its turn up once in
// a while, and does it by waiting for a byte that it has just written to a pipe:
// only the poller can tell it that the byte is there, and on the way it wakes
// whoever else has input.

// turnNs is how long the commands of one client run before it yields.
const turnNs = 200_000

// A yielder is a pipe to wait on.
type yielder struct {
	r, w *os.File
	raw  syscall.RawConn // of r
}

// yielders are those that nobody waits on. The zero value has none.
type yielders struct {
	mu   sync.Mutex
	free []*yielder
	shut bool
}

// yield lets everybody who is ready run before the caller goes on.
func (ys *yielders) yield() {
	y := ys.take()
	if y == nil {
		runtime.Gosched() // no descriptors left: the next best
		return
	}
	written := false
	err := y.raw.Read(func(fd uintptr) bool {
		var b [1]byte
		if !written {
			// Not before: Read forgets what the poller has told until then.
			written = true
			_, err := y.w.Write(b[:])
			return err != nil
		}
		_, err := sysRead(int(fd), b[:])
		return err != syscall.EAGAIN && err != syscall.EINTR
	})
	if err != nil {
		y.close()
		return
	}
	ys.put(y)
}

func (ys *yielders) take() *yielder {
	ys.mu.Lock()
	defer ys.mu.Unlock()
	if n := len(ys.free); n > 0 {
		y := ys.free[n-1]
		ys.free = ys.free[:n-1]
		return y
	}
	return newYielder()
}

// newYielder is nil when the system gives no pipe.
func newYielder() *yielder {
	r, w, err := os.Pipe()
	if err != nil {
		return nil
	}
	y := &yielder{r: r, w: w}
	if y.raw, err = r.SyscallConn(); err != nil {
		y.close()
		return nil
	}
	return y
}

func (ys *yielders) put(y *yielder) {
	ys.mu.Lock()
	defer ys.mu.Unlock()
	if ys.shut {
		y.close()
		return
	}
	ys.free = append(ys.free, y)
}

// close closes the pipes, those in use when they come back.
func (ys *yielders) close() {
	ys.mu.Lock()
	defer ys.mu.Unlock()
	ys.shut = true
	for _, y := range ys.free {
		y.close()
	}
	ys.free = nil
}

func (y *yielder) close() {
	y.r.Close()
	y.w.Close()
}

// The poller hands out those who have become ready together last first. Clients
// that do not wait for one another are promised no order, but it looks odd when
// the second of two commands, sent on two connections one after the other, is
// executed first. So the first who are woken let those run who are woken behind
// them, and then go on in reverse. It is done for few only: with many ready
// clients nobody could tell, and it would cost.

const (
	wakersMax    = 3 // that wait for those behind them
	wakerPatient = 4 // times at most
)

// wakers counts the clients that wait so.
type wakers struct{ waiting atomic.Int32 }

// await lets those run first who became ready before the caller.
func (w *wakers) await() {
	place := w.waiting.Add(1)
	if place <= wakersMax {
		for range wakerPatient {
			if runtime.Gosched(); w.waiting.Load() <= place {
				break
			}
		}
	}
	w.waiting.Add(-1)
}

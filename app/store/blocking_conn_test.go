package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// waitBlocked waits until so many clients are parked.
func (s *socketServer) waitBlocked(t testing.TB, n int) {
	t.Helper()
	waitFor(t, fmt.Sprintf("%d clients to be blocked", n), func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.parkedClients == n
	})
}

// TestBlockedPipeline keeps what a client sends behind a command that blocks,
// and runs it in order when that has been answered.
func TestBlockedPipeline(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			s := serveSockets(t)
			p, pusher := s.dial(t, transport), s.dial(t, transport)
			p.do("PING")
			go p.send("PING", "BLPOP q 0", "SET a 1", "BLPOP q 0", "GET a", "BLPOP q 0.01", "PING")
			p.do2("PONG")
			s.waitBlocked(t, 1)
			pusher.do("RPUSH q x")
			if v := show(p.read()); v != `["q" "x"]` {
				t.Error(v)
			}
			p.do2("OK")
			pusher.do("RPUSH q y")
			if v := show(p.read()); v != `["q" "y"]` {
				t.Error(v)
			}
			p.do2("1")
			if v := p.read(); !v.Null {
				t.Error(show(v))
			}
			p.do2("PONG")

			// What comes only while it is blocked, and in pieces.
			p.send("BLPOP q 0")
			s.waitBlocked(t, 1)
			p.Write([]byte("*2\r\n$4\r\nECHO\r\n$"))
			p.Write([]byte("2\r\nhi\r\nPI"))
			pusher.do("RPUSH q z")
			if v := show(p.read()); v != `["q" "z"]` {
				t.Error(v)
			}
			p.do2("hi")
			p.Write([]byte("NG\r\n"))
			p.do2("PONG")
			p.Close()
			pusher.Close()
			s.waitEmpty(t)
		})
	}
}

// TestBlockedHangUp has clients leave while they are blocked: it is noticed, and
// what they waited for goes to others.
func TestBlockedHangUp(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			s := serveSockets(t)
			for _, leave := range []func(p *peer){
				func(p *peer) { p.Close() },
				func(p *peer) { p.reset() },
				func(p *peer) { p.send("PING"); p.Close() },
				func(p *peer) { p.Write([]byte("*1\r\n$4\r\nPI")); p.Close() },
			} {
				p, late := s.dial(t, transport), s.dial(t, transport)
				p.send("BLPOP p q 0")
				s.waitBlocked(t, 1)
				late.send("BLPOP q 0")
				s.waitBlocked(t, 2)
				leave(p)
				s.waitBlocked(t, 1)
				pusher := s.dial(t, transport)
				pusher.do("RPUSH q x")
				if v := show(late.read()); v != `["q" "x"]` {
					t.Error(v)
				}
				// A command that blocks and a FIN that comes with it.
				p = s.dial(t, transport)
				p.send("BLPOP q 0")
				p.Close()
				late.Close()
				pusher.Close()
				s.waitEmpty(t)
			}
		})
	}
}

// TestBlockedKilled kills blocked clients.
func TestBlockedKilled(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			s := serveSockets(t)
			p, killer := s.dial(t, transport), s.dial(t, transport)
			id := p.do("CLIENT ID").Int
			p.send("BLPOP q 0")
			s.waitBlocked(t, 1)
			killer.send(fmt.Sprintf("CLIENT KILL ID %d", id), "RPUSH q x", "LLEN q")
			for range 3 {
				if v := killer.read(); v.Int != 1 {
					t.Error(show(v))
				}
			}
			p.expectEnd()
			// Answered and closed.
			p = s.dial(t, transport)
			p.send("BLPOP p 0", "PING")
			s.waitBlocked(t, 1)
			s.mu.Lock()
			s.dismissBlocked()
			s.unlock()
			if v := p.read(); v.Str != string(errRoleChanged) {
				t.Error(show(v))
			}
			p.expectEnd()
			p.Close()
			killer.Close()
			s.waitEmpty(t)
		})
	}
}

// TestPausedThenBlocked has a blocking command wait for a pause to end, and
// then for its key.
func TestPausedThenBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := configured(t)
		defer kv.Close()
		c, waiter := connectPipe(t, kv), connectPipe(t, kv)
		c.expect("CLIENT PAUSE 1000 WRITE", "OK")
		started := time.Now()
		waiter.send("BLPOP q 2")
		synctest.Wait()
		c.expect("CLIENT UNBLOCK 2", "0")
		waiter.read("nil")
		if took := time.Since(started); took != 3*time.Second {
			t.Errorf("timed out after %v", took)
		}
	})
}

// TestPausedWhileBlocked ends the waiting in a pause by its deadline.
func TestPausedWhileBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := configured(t)
		defer kv.Close()
		c, waiter := connectPipe(t, kv), connectPipe(t, kv)
		started := time.Now()
		waiter.send("BLPOP q 2")
		synctest.Wait()
		c.expect("CLIENT PAUSE 100000 ALL", "OK")
		waiter.send("PING")
		waiter.read("nil")
		if took := time.Since(started); took != 2*time.Second {
			t.Errorf("timed out after %v", took)
		}
		<-time.After(97 * time.Second)
		waiter.read("PONG")
	})
}

// TestDoBlocks runs blocking commands in process.
func TestDoBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := configured(t)
		defer kv.Close()
		ctx := t.Context()
		started := time.Now()
		if v, err := kv.Do(ctx, "BLPOP", "q", "1.5"); err != nil || !v.Null {
			t.Errorf("%v, %v", show(v), err)
		}
		if took := time.Since(started); took != 1500*time.Millisecond {
			t.Errorf("timed out after %v", took)
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		started = time.Now()
		if v, err := kv.Do(short, "BLPOP", "q", "0"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, %v", show(v), err)
		}
		if took := time.Since(started); took != time.Second {
			t.Errorf("gave up after %v", took)
		}
		type answer struct {
			v   resp.Value
			err error
		}
		answers := make(chan answer)
		block := func() {
			v, err := kv.Do(ctx, "BLPOP", "p", "q", "0")
			answers <- answer{v, err}
		}
		go block()
		synctest.Wait()
		if _, err := kv.Do(ctx, "RPUSH", "q", "x", "y"); err != nil {
			t.Error(err)
		}
		if a := <-answers; a.err != nil || show(a.v) != `["q" "x"]` {
			t.Errorf("%v, %v", show(a.v), a.err)
		}
		if v, err := kv.Do(ctx, "LLEN", "q"); err != nil || v.Int != 1 {
			t.Errorf("%v, %v", show(v), err)
		}
		kv.Do(ctx, "DEL", "q")
		go block()
		synctest.Wait()
		c := connectPipe(t, kv)
		c.expect("CLIENT KILL TYPE normal", "1")
		if a := <-answers; !errors.Is(a.err, net.ErrClosed) {
			t.Errorf("killed: %v, %v", show(a.v), a.err)
		}
		go block()
		synctest.Wait()
		kv.Close()
		if a := <-answers; !errors.Is(a.err, net.ErrClosed) {
			t.Errorf("closed: %v, %v", show(a.v), a.err)
		}
		if len(kv.clients) != 0 || kv.parkedClients != 0 {
			t.Errorf("%d clients are left, %d parked", len(kv.clients), kv.parkedClients)
		}
	})
}

// TestFirstComeFirstServed blocks 200 connections one after another on one key
// among others, and has several push at once: who came first is given what was
// pushed first.
func TestFirstComeFirstServed(t *testing.T) {
	const clients, pushers = 200, 4
	s := serveSockets(t)
	var order []string // of the pushes, as they were executed
	s.locked(func() {
		s.effects.sink = func(_ int, args []string) {
			if args[0] == "RPUSH" {
				order = append(order, string([]byte(args[2])))
			}
		}
	})
	var waiting []*peer
	for i := range clients {
		p := s.dial(t, "tcp")
		p.send(fmt.Sprintf("BLPOP k%d q k%d 0", i%7, i%3))
		s.waitBlocked(t, i+1)
		waiting = append(waiting, p)
	}
	var all sync.WaitGroup
	for n := range pushers {
		p := s.dial(t, "tcp")
		all.Go(func() {
			for i := range clients / pushers {
				p.do(fmt.Sprintf("RPUSH q %d-%d", n, i))
			}
			p.Close()
		})
	}
	all.Wait()
	s.locked(func() { s.effects.sink = nil }) // nobody appends to order any more
	for i, p := range waiting {
		if got, want := show(p.read()), fmt.Sprintf(`["q" "%s"]`, order[i]); got != want {
			t.Errorf("client %d was given %s, not %s", i, got, want)
		}
		p.Close()
	}
	s.waitEmpty(t)
}

// A hustle is many clients that block on the same few keys while others push,
// pop, move, rename and go. Each pushed element is one of its own.
type hustle struct {
	*socketServer
	t      *testing.T
	pushed atomic.Int64
	enough atomic.Bool // no more waiting
	mu     sync.Mutex
	got    map[string]int // how often each element was given out
}

const (
	hustleKeys = 12
	hustleTime = 5 * time.Second
)

func hustleKey(rng *rand.Rand) string { return fmt.Sprintf("k%d", rng.IntN(hustleKeys)) }

// took notes what a popping command was answered: [key element] or an element.
func (h *hustle) took(v resp.Value) {
	if v.Null || v.Kind == '-' {
		return
	}
	if len(v.Elems) == 2 {
		v = v.Elems[1]
	}
	h.mu.Lock()
	h.got[v.Str]++
	h.mu.Unlock()
}

// blockAndPop takes elements with blocking commands that time out soon.
func (h *hustle) blockAndPop(seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	p := h.dial(h.t, "tcp")
	defer p.Close()
	for !h.enough.Load() {
		line := []string{"BLPOP", "BRPOP"}[rng.IntN(2)]
		for range 1 + rng.IntN(4) {
			line += " " + hustleKey(rng)
		}
		timeout := []string{" 0.1", " 0.5", " 0"}[rng.IntN(3)]
		if rng.IntN(4) == 0 {
			p.send(line+timeout, "PING", line+timeout)
			h.took(p.read())
			p.do2("PONG")
			h.took(p.read())
		} else {
			h.took(p.do(line + timeout))
		}
	}
}

// blockAndLeave moves elements with blocking commands and hangs up when it likes.
func (h *hustle) blockAndLeave(seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 2))
	for !h.enough.Load() {
		p := h.dial(h.t, "tcp")
		p.send(fmt.Sprintf("BLMOVE %s %s LEFT RIGHT 0", hustleKey(rng), hustleKey(rng)))
		p.SetReadDeadline(time.Now().Add(time.Duration(rng.IntN(60)) * time.Millisecond))
		p.in.Peek(1)
		if rng.IntN(2) == 0 {
			p.reset()
		} else {
			p.Close()
		}
	}
}

// blockInProcess takes elements through Do, with little patience.
func (h *hustle) blockInProcess(seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 3))
	for !h.enough.Load() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rng.IntN(40))*time.Millisecond)
		if v, err := h.Do(ctx, "BLPOP", hustleKey(rng), hustleKey(rng), "0"); err == nil {
			h.took(v)
		}
		cancel()
	}
}

// push pushes elements, some of them in transactions, and disturbs the others
// in between.
func (h *hustle) push(seed uint64, elements int) {
	rng := rand.New(rand.NewPCG(seed, 4))
	p := h.dial(h.t, "tcp")
	defer p.Close()
	next := func() string { return fmt.Sprintf("e%d", h.pushed.Add(1)) }
	late := time.Now().Add(hustleTime) // on a busy machine less has to do
	for i := 0; i < elements && time.Now().Before(late); i++ {
		a, b := hustleKey(rng), hustleKey(rng)
		switch rng.IntN(10) {
		case 0:
			p.send("MULTI", fmt.Sprintf("RPUSH %s %s", a, next()), fmt.Sprintf("LPUSH %s %s", b, next()), "EXEC")
			for range 4 {
				p.read()
			}
		case 1:
			p.do(fmt.Sprintf("RENAMENX %s %s", a, b))
		case 2:
			h.took(p.do(fmt.Sprintf("BLPOP %s 0.0001", a)))
		case 3:
			p.do(fmt.Sprintf("CLIENT UNBLOCK %d %s", rng.IntN(300), []string{"TIMEOUT", "ERROR"}[rng.IntN(2)]))
		case 4:
			p.send(fmt.Sprintf("RPUSH %s %s %s", a, next(), next()), fmt.Sprintf("LPUSH %s %s", b, next()))
			p.read()
			p.read()
		default:
			p.do(fmt.Sprintf("RPUSH %s %s", a, next()))
		}
	}
}

// TestHustle counts: of all that was pushed nothing is lost and nothing given
// out twice.
func TestHustle(t *testing.T) {
	h := &hustle{socketServer: serveSockets(t), t: t, got: make(map[string]int)}
	var waiters, pushers sync.WaitGroup
	for i := range uint64(160) {
		waiters.Go(func() { h.blockAndPop(i) })
	}
	for i := range uint64(30) {
		waiters.Go(func() { h.blockAndLeave(i) })
	}
	for i := range uint64(10) {
		waiters.Go(func() { h.blockInProcess(i) })
	}
	for i := range uint64(8) {
		pushers.Go(func() { h.push(i, 300) })
	}
	pushers.Wait()
	h.enough.Store(true)
	done := make(chan struct{})
	go func() {
		waiters.Wait()
		close(done)
	}()
	waitFor(t, "the waiters to stop", func() bool {
		h.unblockAll()
		select {
		case <-done:
			return true
		default:
			return false
		}
	})
	p := h.dial(t, "tcp")
	for i := range hustleKeys {
		for {
			v := p.do(fmt.Sprintf("BLPOP k%d 0.001", i))
			if v.Null {
				break
			}
			h.took(v)
		}
	}
	p.Close()
	h.waitEmpty(t)
	if err := h.check(); err != nil {
		t.Error(err)
	}
	t.Logf("%d elements were pushed", h.pushed.Load())
	var wrong []string
	for i := range h.pushed.Load() {
		e := fmt.Sprintf("e%d", i+1)
		if n := h.got[e]; n != 1 {
			wrong = append(wrong, fmt.Sprintf("%s %d times", e, n))
		}
	}
	if len(wrong) > 0 || len(h.got) != int(h.pushed.Load()) {
		slices.Sort(wrong)
		t.Errorf("%d of %d elements are not given out once: %q", len(wrong), h.pushed.Load(), wrong[:min(len(wrong), 20)])
	}
}

// unblockAll has every blocked client time out.
func (s *socketServer) unblockAll() {
	s.mu.Lock()
	defer s.unlock()
	for _, c := range s.clients {
		if c.waiter != nil {
			s.resume(c.waiter, timedOut)
		}
	}
}

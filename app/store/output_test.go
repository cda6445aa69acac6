package store

import (
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// Replies and messages of one client leave in the order of execution, whoever
// sends the messages and however little the kernel takes at a time.
func TestOrderOfOutput(t *testing.T) {
	const publishers, messages = 4, 400
	filler := strings.Repeat("x", 700)
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			s := serveSockets(t)
			s.smallBuffers.Store(true)
			p := s.dial(t, transport)
			s.smallBuffers.Store(false)
			p.do("HELLO 3")
			p.do("SUBSCRIBE ch")
			var all sync.WaitGroup
			for n := range publishers {
				other := s.dial(t, transport)
				all.Go(func() { other.publishAll(n, messages, filler) })
			}
			all.Go(func() {
				for i := range messages {
					p.Write(fmt.Appendf(nil, "ECHO %d\r\nPUBLISH ch own:%d:%s\r\nECHO %d\r\n", 2*i, i, filler, 2*i+1))
				}
			})
			order := outputOrder{next: make(map[string]int), filler: filler}
			for range messages * (publishers + 4) {
				if err := order.take(p.read()); err != nil {
					t.Fatal(err)
				}
			}
			all.Wait()
			if p.in.Buffered() != 0 {
				t.Error("something is left to read")
			}
		})
	}
}

// publishAll sends numbered messages, some of them in transactions.
func (p *peer) publishAll(from, count int, filler string) {
	for i := range count {
		line := fmt.Sprintf("PUBLISH ch %d:%d:%s", from, i, filler)
		if rand.IntN(2) == 0 {
			line = "MULTI\r\n" + line + "\r\nEXEC"
		}
		p.Write([]byte(line + "\r\n"))
		for range strings.Count(line, "\r\n") + 1 {
			p.read()
		}
	}
}

// outputOrder watches over what a client gets that echoes an even number,
// publishes to itself and echoes an odd one, again and again, while others
// publish to it.
type outputOrder struct {
	next    map[string]int // number of the next message, by sender
	echoed  int
	pending bool // our own message has come, the reply of its PUBLISH has not
	filler  string
}

func (o *outputOrder) take(v resp.Value) error {
	switch v.Kind {
	case '>':
		from, rest, _ := strings.Cut(v.Elems[2].Str, ":")
		number, text, _ := strings.Cut(rest, ":")
		if text != o.filler || number != strconv.Itoa(o.next[from]) || from == "own" && o.pending {
			return fmt.Errorf("message %s of %s came as number %d, with %d bytes", number, from, o.next[from], len(text))
		}
		o.next[from]++
		o.pending = o.pending || from == "own"
	case ':':
		if v.Int != 1 || !o.pending {
			return fmt.Errorf("PUBLISH: %d, its message pending: %v", v.Int, o.pending)
		}
		o.pending = false
	case '$':
		if v.Str != strconv.Itoa(o.echoed) || o.pending || o.echoed != 2*o.next["own"]-o.echoed%2 {
			return fmt.Errorf("echo %s came as number %d, behind %d of our messages", v.Str, o.echoed, o.next["own"])
		}
		o.echoed++
	default:
		return fmt.Errorf("unexpected %+v", v)
	}
	return nil
}

// A subscriber that does not read is closed at its limit. Until then it holds
// little more than that, and it delays nobody.
func TestHardOutputLimit(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			s := serveSockets(t)
			const hard, size = 1 << 20, 100_000
			s.locked(func() { s.outputLimits[classPubsub] = outputLimit{hard: hard} })
			deaf, keen, p := s.dial(t, transport), s.dial(t, transport), s.dial(t, transport)
			deaf.do("SUBSCRIBE ch")
			keen.do("SUBSCRIBE ch")
			message := strings.Repeat("m", size)
			sent := 0
			for receivers := int64(2); receivers == 2 && sent < 1000; sent++ {
				receivers = p.do("PUBLISH ch " + message).Int
				if v := keen.read(); len(v.Elems) != 3 || v.Elems[2].Str != message {
					t.Fatalf("message %d of the one who reads: %d elements", sent, len(v.Elems))
				}
				s.locked(func() {
					for _, c := range s.clients {
						if n := c.pendingOutput(); n > hard+2*size {
							t.Errorf("%d bytes are held for a client", n)
						}
					}
				})
			}
			if sent == 1000 {
				t.Fatal("never closed")
			}
			s.locked(func() {
				if s.stats.outputLimitClosed != 1 {
					t.Errorf("%d clients closed", s.stats.outputLimitClosed)
				}
			})
			waitFor(t, "the client to leave", func() bool {
				s.mu.Lock()
				defer s.mu.Unlock()
				return len(s.clients) == 2
			})
		})
	}
}

// So is one that asks for more than it reads.
func TestHardOutputLimitOfReplies(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			s := serveSockets(t)
			s.locked(func() { s.outputLimits[classNormal] = outputLimit{hard: 1 << 20} })
			p := s.dial(t, transport)
			p.do("SET k " + strings.Repeat("v", 100_000))
			batch := []byte(strings.Repeat("GET k\r\n", 10))
			for range 1000 {
				if _, err := p.Write(batch); err != nil {
					break
				}
			}
			s.waitEmpty(t)
		})
	}
}

// pipes serves a store over net.Pipe within a bubble of fake time.
func pipes(t *testing.T, f func(t *testing.T, s *socketServer)) {
	synctest.Test(t, func(t *testing.T) {
		s := &socketServer{KVStore: New()}
		s.logLevel.Store(logWarning + 1)
		defer s.Close()
		f(t, s)
	})
}

// The soft limit closes a client that has been over it for its time without a
// break, and not before.
func TestSoftOutputLimit(t *testing.T) {
	pipes(t, func(t *testing.T, s *socketServer) {
		s.locked(func() { s.outputLimits[classPubsub] = outputLimit{soft: 50_000, softMs: 10_000} })
		deaf, slow, p := s.dial(t, "pipe"), s.dial(t, "pipe"), s.dial(t, "pipe")
		deaf.do("SUBSCRIBE ch")
		slow.do("SUBSCRIBE ch")
		publish := func() int64 { return p.do("PUBLISH ch " + strings.Repeat("m", 60_000)).Int }
		for _, want := range []int{3, 3, 2, 2} { // after 4, 8, 12 and 16 s
			publish()
			time.Sleep(2 * time.Second)
			slow.read()
			time.Sleep(2 * time.Second) // time enough to be seen below the limit
			s.locked(func() {
				if len(s.clients) != want {
					t.Errorf("%d clients, want %d", len(s.clients), want)
				}
			})
		}
		if n := publish(); n != 1 {
			t.Errorf("%d receivers are left", n)
		}
		if v := slow.read(); len(v.Elems) != 3 {
			t.Errorf("the one who reads now and then got %+v", v)
		}
	})
}

// A client that closes after its reply gets all of it, however slowly it reads,
// and one that says QUIT while messages pour in gets nothing behind the OK.
func TestRepliesBeforeClosing(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			s := serveSockets(t)
			s.dial(t, "tcp").do("SET k " + strings.Repeat("v", 1<<20))
			for range 10 {
				p := s.dial(t, transport)
				p.Write([]byte("GET k\r\nGET k\r\nGET k\r\nQUIT\r\n"))
				for range 3 {
					if v := p.read(); len(v.Str) != 1<<20 {
						t.Fatalf("got %d bytes", len(v.Str))
					}
				}
				p.do2("OK")
				p.expectEnd()
			}
			stop := make(chan struct{})
			var noise sync.WaitGroup
			publisher := s.dial(t, transport)
			defer noise.Wait()
			defer close(stop)
			noise.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						publisher.do("PUBLISH ch m")
						runtime.Gosched()
					}
				}
			})
			for range 50 {
				p := s.dial(t, transport)
				p.send("HELLO 3", "SUBSCRIBE ch")
				p.read()
				for range 10 {
					p.read()
				}
				p.send("QUIT")
				for p.read().Kind == '>' {
				}
				p.expectEnd()
			}
		})
	}
}

// CLIENT REPLY silences replies, not pushes.
func TestPushesToSilencedClient(t *testing.T) {
	s := serveSockets(t)
	for _, protocol := range []string{"2", "3"} {
		p := s.dial(t, "tcp")
		p.do("HELLO " + protocol)
		p.send("CLIENT REPLY OFF", "PING", "SUBSCRIBE a b", "PING", "MULTI", "PUBLISH a 1", "PING", "PUBLISH b 2", "EXEC", "PING",
			"UNSUBSCRIBE a b", "CLIENT REPLY ON")
		want := []string{"subscribe a 1", "subscribe b 2"}
		if protocol == "3" {
			want = append(want, "message a 1", "message b 2")
		}
		want = append(want, "unsubscribe a 1", "unsubscribe b 0", "OK")
		for _, w := range want {
			if got := words(p.read()); got != w {
				t.Errorf("RESP%s: got %q, want %q", protocol, got, w)
			}
		}
	}
}

// words prints a message as a line.
func words(v resp.Value) string {
	if v.Elems == nil {
		if v.Kind == ':' {
			return strconv.FormatInt(v.Int, 10)
		}
		return v.Str
	}
	parts := make([]string, len(v.Elems))
	for i, e := range v.Elems {
		parts[i] = words(e)
	}
	return strings.Join(parts, " ")
}

// A store that is closed lets go of everybody, wherever they are.
func TestCloseWithClients(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			s := serveSockets(t)
			s.dial(t, "tcp").do("SET k " + strings.Repeat("v", 100_000))
			for range 20 {
				p := s.dial(t, transport)
				p.send("SUBSCRIBE a", "PSUBSCRIBE a*")
				p.read()
				deaf := s.dial(t, transport)
				go deaf.Write([]byte(strings.Repeat("GET k\r\n", 200)))
				deaf.in.Peek(1)
			}
			s.Close()
			s.locked(func() {
				if len(s.clients) != 0 || len(s.roster) != 0 {
					t.Errorf("%d clients are left, %d in the roster", len(s.clients), len(s.roster))
				}
			})
			late, theirs := net.Pipe()
			go s.HandleConnection(Connection{Conn: theirs}, nil)
			if v := newPeer(t, late).read(); v.Err() == nil {
				t.Errorf("a closed server answers %+v", v)
			}
		})
	}
}

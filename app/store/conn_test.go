package store

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// transports are the ways into a server: two that take the raw path where
// there is one, and two that take the portable path.
var transports = []string{"tcp", "unix", "pipe", "tls"}

// A socketServer serves one store over all transports.
type socketServer struct {
	*KVStore
	listeners    map[string]net.Listener
	smallBuffers atomic.Bool // the kernel takes little at a time from connections made now
}

// serveSockets starts a server. When the test ends it is closed, and no
// goroutine may be left.
func serveSockets(t testing.TB) *socketServer {
	before := runtime.NumGoroutine()
	s := &socketServer{KVStore: New(), listeners: make(map[string]net.Listener)}
	s.logLevel.Store(logWarning + 1)
	path := filepath.Join(t.TempDir(), "s")
	for transport, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": path, "tls": "127.0.0.1:0"} {
		l, err := net.Listen(strings.Replace(transport, "tls", "tcp", 1), address)
		if err != nil {
			t.Fatal(err)
		}
		s.listeners[transport] = l
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				if c, ok := conn.(interface{ SetWriteBuffer(int) error }); ok && s.smallBuffers.Load() {
					c.SetWriteBuffer(4 << 10)
				}
				if transport == "tls" {
					conn = tls.Server(conn, secureConfig())
				}
				go s.HandleConnection(Connection{Conn: conn}, resp.NewParser(conn))
			}
		}()
	}
	t.Cleanup(func() {
		for _, l := range s.listeners {
			l.Close()
		}
		s.Close()
		waitFor(t, "the end of every goroutine", func() bool { return runtime.NumGoroutine() <= before })
	})
	return s
}

// dial connects over a transport.
func (s *socketServer) dial(t testing.TB, transport string) *peer {
	t.Helper()
	if l := s.listeners[transport]; l != nil {
		conn, err := net.Dial(l.Addr().Network(), l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if transport == "tls" {
			conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
		}
		return newPeer(t, conn)
	}
	ours, theirs := net.Pipe()
	go s.HandleConnection(Connection{Conn: theirs}, resp.NewParser(theirs))
	return newPeer(t, ours)
}

// locked runs f with the mutex held.
func (s *socketServer) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// waitEmpty waits until every client has left, and everything it was part of.
func (s *socketServer) waitEmpty(t testing.TB) {
	t.Helper()
	waitFor(t, "the last client to leave", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.clients) == 0
	})
	s.locked(func() {
		if n := s.channels.channelCount() + s.channels.patternCount() + s.channels.shardCount(); n != 0 {
			t.Errorf("%d topics are left", n)
		}
		for _, db := range s.dbs {
			if len(db.watched) != 0 {
				t.Errorf("%d watched keys are left", len(db.watched))
			}
			if len(db.waiting) != 0 {
				t.Errorf("%d keys are still waited for", len(db.waiting))
			}
		}
		if s.parkedClients != 0 {
			t.Errorf("%d clients are still parked", s.parkedClients)
		}
	})
}

// patience bounds every wait.
const patience = 60 * time.Second

// waitFor waits for a condition that other goroutines bring about.
func waitFor(t testing.TB, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !condition() {
		select {
		case <-tick.C:
		case <-late:
			buf := make([]byte, 1<<20)
			t.Fatalf("waited too long for %s\n%s", what, buf[:runtime.Stack(buf, true)])
		}
	}
}

// A peer is the client's end of a connection.
type peer struct {
	net.Conn
	in *bufio.Reader
	t  testing.TB
}

func newPeer(t testing.TB, conn net.Conn) *peer {
	conn.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { conn.Close() })
	return &peer{conn, bufio.NewReaderSize(conn, 64<<10), t}
}

// send writes requests, each a line of words.
func (p *peer) send(lines ...string) {
	p.t.Helper()
	var b []byte
	for _, line := range lines {
		b = resp.AppendCommand(b, strings.Fields(line)...)
	}
	if _, err := p.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

// read reads one message.
func (p *peer) read() resp.Value {
	p.t.Helper()
	v, err := resp.ReadValue(p.in)
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

// do sends a request and returns the reply.
func (p *peer) do(line string) resp.Value {
	p.t.Helper()
	p.send(line)
	return p.read()
}

// expectEnd expects that the server has closed the connection.
func (p *peer) expectEnd() {
	p.t.Helper()
	if b, err := p.in.ReadByte(); err == nil {
		p.t.Fatalf("expected the end, got %q", b)
	} else if errors.Is(err, errTimeout(err)) {
		p.t.Fatal("expected the end, got nothing")
	}
}

// errTimeout is err itself when it is a time-out.
func errTimeout(err error) error {
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		return err
	}
	return errors.New("no time-out")
}

// halfClose ends the sending where the transport can do that.
func (p *peer) halfClose() bool {
	c, ok := p.Conn.(interface{ CloseWrite() error })
	if ok {
		c.CloseWrite()
	}
	return ok
}

// reset hangs up without a FIN where the transport can do that.
func (p *peer) reset() {
	if c, ok := p.Conn.(*net.TCPConn); ok {
		c.SetLinger(0)
	}
	p.Close()
}

// hangUps are the ways in which a client leaves.
var hangUps = []struct {
	name string
	do   func(p *peer)
}{
	{"at once", func(p *peer) { p.Close() }},
	{"after an answer", func(p *peer) { p.do("PING"); p.Close() }},
	{"with its last words", func(p *peer) { p.send("SET k v"); p.Close() }},
	{"inside a command", func(p *peer) { p.Write([]byte("*3\r\n$3\r\nSET\r\n$1\r\nk")); p.Close() }},
	{"inside a large argument", func(p *peer) { p.Write([]byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\nabc")); p.Close() }},
	{"with a command and a half", func(p *peer) { p.Write([]byte("PING\r\n*2\r\n$4\r\nPI")); p.Close() }},
	{"with answers unread", func(p *peer) { p.send("PING", "PING", "PING"); p.in.Peek(1); p.Close() }},
	{"in a transaction", func(p *peer) { p.send("WATCH k", "MULTI", "SET k v"); p.in.Peek(1); p.Close() }},
	{"subscribed", func(p *peer) { p.send("SUBSCRIBE a b", "PSUBSCRIBE a*", "SSUBSCRIBE a"); p.in.Peek(1); p.Close() }},
	{"by QUIT", func(p *peer) { p.do("QUIT"); p.expectEnd(); p.Close() }},
	{"by QUIT and more", func(p *peer) { p.send("QUIT", "PING"); p.do2("OK"); p.Close() }},
	{"by a bad request", func(p *peer) { p.Write([]byte("*1\r\nPING\r\n")); p.read(); p.expectEnd(); p.Close() }},
	{"by a bad request at once", func(p *peer) { p.Write([]byte("*1\r\nPING\r\n")); p.Close() }},
	{"resetting", func(p *peer) { p.reset() }},
	{"resetting with its last words", func(p *peer) { p.send("SET k v"); p.reset() }},
	{"resetting with answers unread", func(p *peer) { p.send("PING", "PING"); p.in.Peek(1); p.reset() }},
	{"resetting with much unread", func(p *peer) {
		go func() { // the pipe takes no more than is read
			for range 40 {
				if _, err := p.Write([]byte(strings.Repeat("GET big\r\n", 100))); err != nil {
					return
				}
			}
		}()
		p.in.Peek(1)
		p.reset()
	}},
	{"half, and reads on", func(p *peer) {
		p.send("PING")
		if p.halfClose() {
			p.do2("PONG")
			p.expectEnd()
		}
		p.Close()
	}},
	{"half, inside a command", func(p *peer) {
		p.Write([]byte("PING\r\n*1\r\n$4"))
		if p.halfClose() {
			p.do2("PONG")
			p.expectEnd()
		}
		p.Close()
	}},
	{"half, subscribed", func(p *peer) {
		p.send("SUBSCRIBE a")
		if p.halfClose() {
			p.read()
			p.expectEnd()
		}
		p.Close()
	}},
}

// do2 expects a status.
func (p *peer) do2(status string) {
	p.t.Helper()
	if v := p.read(); v.Str != status {
		p.t.Fatalf("got %+v, want %q", v, status)
	}
}

// A client that hangs up leaves nothing behind, however it does it. The poller
// tells of a FIN only once, and together with the data before it.
func TestHangUps(t *testing.T) {
	rounds := 100
	if testing.Short() {
		rounds = 5
	}
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			s := serveSockets(t)
			s.dial(t, "tcp").do("SET big " + strings.Repeat("x", 4096))
			times := rounds / 5
			if transport == "tls" {
				times = max(times/10, 1) // handshakes take their time
			}
			for _, way := range hangUps {
				t.Run(way.name, func(t *testing.T) {
					var all sync.WaitGroup
					for range 10 {
						all.Go(func() {
							for range times {
								way.do(s.dial(t, transport))
							}
						})
					}
					all.Wait()
				})
			}
			waitFor(t, "the clients to leave", func() bool {
				s.mu.Lock()
				defer s.mu.Unlock()
				return len(s.clients) <= 1
			})
		})
	}
}

// kickAll wakes every client for no reason.
func (s *socketServer) kickAll() {
	s.locked(func() {
		for _, c := range s.clients {
			c.kick()
		}
	})
}

// What is sent in one piece or byte by byte, and whatever kicks arrive, is
// answered the same.
func TestRequestsInPieces(t *testing.T) {
	var input []byte
	var want strings.Builder
	for i := range 300 {
		value := strings.Repeat("v", rand.IntN(300))
		input = resp.AppendCommand(input, "SET", "k", value)
		input = append(input, "\r\nGET k\r\n"...)
		input = resp.AppendCommand(input, "ECHO", fmt.Sprint(i))
		fmt.Fprintf(&want, "+OK\r\n%s%s", resp.ToBulkString(value), resp.ToBulkString(fmt.Sprint(i)))
	}
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			s := serveSockets(t)
			stop := make(chan struct{})
			var kicker sync.WaitGroup
			kicker.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						s.kickAll()
						runtime.Gosched()
					}
				}
			})
			var all sync.WaitGroup
			for _, pieceMax := range []int{1, 2, 7, 100, 5000, len(input)} {
				p := s.dial(t, transport)
				all.Go(func() {
					rest := input
					for len(rest) > 0 {
						n := min(1+rand.IntN(pieceMax), len(rest))
						if _, err := p.Write(rest[:n]); err != nil {
							t.Error(err)
							return
						}
						rest = rest[n:]
					}
				})
				all.Go(func() {
					got := make([]byte, want.Len())
					if _, err := io.ReadFull(p.in, got); err != nil {
						t.Error(err)
					} else if string(got) != want.String() {
						t.Errorf("pieces of %d: wrong answers", pieceMax)
					}
				})
				all.Wait()
			}
			close(stop)
			kicker.Wait()
		})
	}
}

// A client may send as much as it likes before it reads the first answer.
func TestReadsNothingUntilAllIsSent(t *testing.T) {
	requests := 200_000
	if testing.Short() {
		requests = 20_000
	}
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			s := serveSockets(t)
			p := s.dial(t, transport)
			value := strings.Repeat("v", 1024)
			p.do("SET k " + value)
			batch := []byte(strings.Repeat("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", 500))
			for range requests / 500 {
				if _, err := p.Write(batch); err != nil {
					t.Fatal(err)
				}
			}
			answer := resp.ToBulkString(value)
			got := make([]byte, len(answer))
			for i := range requests {
				if _, err := io.ReadFull(p.in, got); err != nil {
					t.Fatalf("answer %d: %v", i, err)
				}
				if string(got) != answer {
					t.Fatalf("answer %d: %q", i, got[:40])
				}
			}
			p.Close()
			s.waitEmpty(t)
		})
	}
}

// What a request announces is not what it gets before it has sent it.
func TestAnnouncedIsNotAllocated(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			s := serveSockets(t)
			p := s.dial(t, transport)
			p.Write([]byte("*2\r\n$4\r\nECHO\r\n$500000000\r\n" + strings.Repeat("x", 100_000)))
			var room int64
			waitFor(t, "the input to be read", func() bool {
				s.mu.Lock()
				defer s.mu.Unlock()
				for _, c := range s.clients {
					room = c.inputSize.Load()
					return c.pending.Load() >= 100_000 // of the argument; what came before it is parsed
				}
				return false
			})
			if room > 512<<10 {
				t.Errorf("%d bytes of room for 100 kB of input", room)
			}
		})
	}
}

// The query buffer has a limit.
func TestQueryBufferLimit(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			s := serveSockets(t)
			s.queryLimit.Store(1 << 20)
			p := s.dial(t, transport)
			p.do("PING")
			p.Write([]byte("*2\r\n$4\r\nECHO\r\n$500000000\r\n"))
			piece := make([]byte, 64<<10)
			for range 64 {
				if _, err := p.Write(piece); err != nil {
					break // the server hangs up some time
				}
			}
			p.expectEnd()
			s.waitEmpty(t)
		})
	}
}

// While a client is parked its input is kept, its hanging up is noticed, and
// when it goes on, it goes on where it was.
func TestParkedByPause(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			s := serveSockets(t)
			s.locked(func() { s.pauseFor(pauseByClient, pauseWrites, time.Hour.Milliseconds()) })
			var waiting, leaving []*peer
			for range 20 {
				p := s.dial(t, transport)
				p.do("PING")
				p.send("SET a 1")
				go p.send("GET a", "SET b 2", "GET b", "PING")
				waiting = append(waiting, p)
				leaving = append(leaving, s.dial(t, transport))
			}
			for _, p := range leaving {
				p.send("SET a 2")
			}
			waitFor(t, "the clients to be parked", func() bool {
				s.mu.Lock()
				defer s.mu.Unlock()
				return s.parkedClients == 40
			})
			for _, p := range leaving {
				p.Close()
			}
			waitFor(t, "the others to leave", func() bool {
				s.mu.Lock()
				defer s.mu.Unlock()
				return s.parkedClients == 20
			})
			s.locked(func() { s.unpause(pauseByClient) })
			for _, p := range waiting {
				for _, want := range []string{"OK", "1", "OK", "2", "PONG"} {
					p.do2(want)
				}
				p.Close()
			}
			s.waitEmpty(t)
		})
	}
}

// A killed client goes wherever it is: idle, executing, parked, or before a
// reader that does not read.
func TestKill(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			s := serveSockets(t)
			s.dial(t, "tcp").do("SET big " + strings.Repeat("x", 100_000))
			idle := s.dial(t, transport)
			idle.do("PING")
			deaf := s.dial(t, transport)
			go deaf.Write([]byte(strings.Repeat("GET big\r\n", 500)))
			deaf.in.Peek(1)
			busy := s.dial(t, transport)
			busy.do("PING")
			go func() {
				for {
					if _, err := busy.Write([]byte("PING\r\n")); err != nil {
						return
					}
					busy.in.ReadString('\n')
				}
			}()
			stuck := s.dial(t, transport)
			stuck.do("PING")
			stuck.Write([]byte("*1\r\n$4\r\nPI"))
			s.locked(func() {
				for _, c := range s.clients {
					c.kill()
				}
			})
			idle.expectEnd()
			stuck.expectEnd()
			s.waitEmpty(t)
			deaf.Close()
			busy.Close()
		})
	}
}

// HandleConnection serves what a parser has read ahead, and a transaction that
// was begun elsewhere.
func TestHandedOver(t *testing.T) {
	s := serveSockets(t)
	for _, transport := range []string{"tcp", "pipe"} {
		t.Run(transport, func(t *testing.T) {
			ours, theirs := pair(t, transport)
			p := newPeer(t, ours)
			go p.send("PING", "ECHO a", "ECHO b")
			parser := resp.NewParser(theirs)
			if args, err := parser.Parse(); err != nil || args[0] != "PING" {
				t.Fatal(args, err)
			}
			go s.HandleConnection(Connection{Conn: theirs, TxnStarted: true, TxnQueue: [][]string{{"SET", "k", "v"}, {"GET", "k"}}}, parser)
			p.do2("QUEUED")
			p.do2("QUEUED")
			v := p.do("EXEC")
			if len(v.Elems) != 4 || v.Elems[1].Str != "v" || v.Elems[3].Str != "b" {
				t.Errorf("EXEC: %+v", v)
			}
			p.Close()
		})
	}
	s.HandleConnection(Connection{}, nil)
	s.waitEmpty(t)
}

// pair is both ends of a connection that nobody serves yet.
func pair(t *testing.T, transport string) (ours, theirs net.Conn) {
	if transport == "pipe" {
		return net.Pipe()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if ours, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if theirs, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

// A stubbornConn heeds no deadlines.
type stubbornConn struct{ net.Conn }

func (stubbornConn) SetDeadline(time.Time) error      { return nil }
func (stubbornConn) SetReadDeadline(time.Time) error  { return errors.New("no deadlines") }
func (stubbornConn) SetWriteDeadline(time.Time) error { return errors.New("no deadlines") }

func TestConnWithoutDeadlines(t *testing.T) {
	s := serveSockets(t)
	ours, theirs := net.Pipe()
	p := newPeer(t, ours)
	served := make(chan struct{})
	go func() {
		defer close(served)
		s.HandleConnection(Connection{Conn: stubbornConn{theirs}}, nil)
	}()
	p.do("PING")
	s.locked(func() { s.pauseFor(pauseByClient, pauseWrites, time.Hour.Milliseconds()) })
	p.send("SET a 1")
	waitFor(t, "the client to be parked", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.parkedClients == 1
	})
	s.locked(func() { s.unpause(pauseByClient) })
	p.do2("OK")
	s.locked(func() {
		for _, c := range s.clients {
			c.kill()
		}
	})
	p.expectEnd()
	<-served
}

package tests

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// What the replication tests share: servers of both kinds that follow each other,
// random writes of every type, and a wire between two servers that can be cut.

// A pairing is who is the master and who follows it.
type pairing struct {
	name            string
	master, replica string // paths
}

// pairings are all four; redis-server with itself shows that the test holds.
func pairings(t testing.TB) []pairing {
	ours, redis := serverPath(t), redisPath(t)
	return []pairing{
		{"redis-ours", redis, ours},
		{"ours-ours", ours, ours},
		{"ours-redis", ours, redis},
		{"redis-redis", redis, redis},
	}
}

// startFollowing starts a server that follows the master at a port.
func startFollowing(t testing.TB, path string, port int, flags ...string) *server {
	t.Helper()
	return startProgram(t, path, append([]string{"--replicaof", fmt.Sprintf("127.0.0.1 %d", port)}, flags...)...)
}

// awaitLink returns once the server's link to its master is up.
func awaitLink(t testing.TB, s *server) {
	t.Helper()
	for end := time.Now().Add(patience); s.info(t, "master_link_status") != "up"; pause() {
		if time.Now().After(end) {
			t.Fatalf("the link is not up\n%s", s.logTail())
		}
	}
}

// replicationState is where a server is in its stream, and what data it has there.
func replicationState(t testing.TB, s *server) string {
	t.Helper()
	c := s.client(t)
	defer c.conn.Close()
	if s.password != "" {
		c.ok("AUTH " + s.password)
	}
	offset := "master_repl_offset"
	if c.do("ROLE").elems[0].text == "slave" {
		offset = "slave_repl_offset"
	}
	before := s.info(t, offset)
	state := c.digest() + " at " + before
	if s.info(t, offset) != before {
		return "moving"
	}
	return state
}

// awaitEqual returns once all servers have the same data at the same offset.
func awaitEqual(t testing.TB, servers ...*server) {
	t.Helper()
	var states []string
	for end := time.Now().Add(patience); time.Now().Before(end); pause() {
		states = states[:0]
		equal := true
		for _, s := range servers {
			states = append(states, replicationState(t, s))
			equal = equal && states[0] == states[len(states)-1] && states[0] != "moving"
		}
		if equal {
			return
		}
	}
	text := ""
	for i, s := range servers {
		text += states[i] + "\n"
		if i > 0 {
			text += differingKeys(t, servers[i-1], s)
		}
		text += s.logTail()
	}
	t.Fatalf("the servers differ:\n%s", text)
}

// differingKeys says which keys two servers have different values under.
func differingKeys(t testing.TB, a, b *server) string {
	t.Helper()
	text := ""
	ca, cb := a.client(t), b.client(t)
	for db := range 16 {
		keys := map[string]bool{}
		for _, c := range []*client{ca, cb} {
			c.do("SELECT", strconv.Itoa(db))
			for _, key := range c.do("KEYS", "*").elems {
				keys[key.text] = true
			}
		}
		for key := range keys {
			for _, look := range [][]string{{"DEBUG", "DIGEST-VALUE", key}, {"PEXPIRETIME", key}} {
				if va, vb := ca.do(look...), cb.do(look...); va.String() != vb.String() {
					text += fmt.Sprintf("db %d, %q, %s: %s and %s: %s and %s\n", db, key, look[0], va, vb, cut(ca.do("DUMP", key).String()), cut(cb.do("DUMP", key).String()))
				}
			}
		}
	}
	return text
}

// unfaithful reports whether a command makes the data of a master differ from that
// of its replicas, in Redis as well.
func unfaithful(args []string) bool {
	switch strings.ToUpper(args[0]) {
	case "CONFIG", "PFDEBUG": // limits of encodings, and what changes them
		return true
	case "BITFIELD": // SET that fails makes the key and tells nobody
		return slices.ContainsFunc(args, func(a string) bool { return strings.EqualFold(a, "fail") })
	}
	return false
}

func cut(s string) string { return s[:min(len(s), 400)] }

// A randomWriter sends random commands to a server, those of the differential test and
// some with keys that expire soon.
type randomWriter struct {
	t     testing.TB
	maker *maker
	conns [diffClients]*client
	ids   [diffClients]string
	admin *client
	seed  uint64
}

func newRandomWriter(t testing.TB, s *server) *randomWriter {
	t.Helper()
	w := &randomWriter{t: t, seed: rand.Uint64(), admin: s.client(t)}
	if text := os.Getenv(envSeed); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		w.seed = seed
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s=%d", envSeed, w.seed)
		}
	})
	w.maker = newMaker(readGrammars(t), rand.New(rand.NewPCG(w.seed, 0)))
	for i := range w.conns {
		w.conns[i] = s.client(t)
		w.ids[i] = w.conns[i].do("CLIENT", "ID").text
	}
	return w
}

// write sends n units, whatever they answer.
func (w *randomWriter) write(n int) {
	w.t.Helper()
	for n > 0 {
		units := w.maker.batch()
		n -= len(units)
		if len(units) == 0 {
			n--
			continue
		}
		client, waiting := units[0].client, units[0].waiting
		if waiting != nil {
			w.conns[1-client].send(waiting...)
		}
		var b []byte
		count := 0
		for _, u := range units {
			for _, args := range u.commands {
				if unfaithful(args) {
					continue
				}
				b = appendCommand(b, args...)
				count++
			}
		}
		if w.maker.IntN(4) == 0 {
			key := "soon:" + strconv.Itoa(w.maker.IntN(20))
			b = appendCommand(b, "SET", key, w.maker.value(), "PX", strconv.Itoa(1+w.maker.IntN(20)))
			count++
		}
		w.conns[client].sendRaw(b)
		for range count {
			w.conns[client].read()
		}
		if waiting != nil {
			w.unblock(1 - client)
		}
	}
}

// unblock ends the waiting of a client, which need not have begun: what it has sent
// may still be on its way.
func (w *randomWriter) unblock(client int) {
	w.t.Helper()
	c := w.conns[client]
	waitFor(w.t, "the answer of who blocks", func() bool {
		w.admin.do("CLIENT", "UNBLOCK", w.ids[client])
		c.conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		_, err := c.r.Peek(1)
		return err == nil
	})
	c.read()
}

// A wire is a way to a server that can be cut, and that can swallow what is sent.
type wire struct {
	t        testing.TB
	listener net.Listener
	port     int // of this end

	mu     sync.Mutex
	to     string
	frozen chan struct{}
	conns  map[net.Conn]bool
}

// newWire makes a wire to an address.
func newWire(t testing.TB, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, listener: l, to: to, port: l.Addr().(*net.TCPAddr).Port, conns: make(map[net.Conn]bool)}
	t.Cleanup(func() {
		l.Close()
		w.thaw()
		w.cut()
	})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go w.carry(conn)
		}
	}()
	return w
}

// carry carries what goes over a connection, both ways.
func (w *wire) carry(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer far.Close()
	w.mu.Lock()
	w.conns[near], w.conns[far] = true, true
	w.mu.Unlock()
	done := make(chan struct{}, 2)
	pass := func(dst, src net.Conn) {
		buf := make([]byte, 16<<10)
		for {
			n, err := src.Read(buf)
			w.mu.Lock()
			frozen := w.frozen
			w.mu.Unlock()
			if frozen != nil {
				<-frozen
			}
			if _, failed := dst.Write(buf[:n]); failed != nil || err != nil {
				break
			}
		}
		done <- struct{}{}
	}
	go pass(near, far)
	go pass(far, near)
	<-done
	w.mu.Lock()
	delete(w.conns, near)
	delete(w.conns, far)
	w.mu.Unlock()
}

// cut ends the connections that there are.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for conn := range w.conns {
		conn.Close()
	}
}

// freeze has nothing get through from now on, with the connections as they are.
func (w *wire) freeze() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.frozen == nil {
		w.frozen = make(chan struct{})
	}
}

// thaw ends that.
func (w *wire) thaw() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.frozen != nil {
		close(w.frozen)
		w.frozen = nil
	}
}

// A fakeMaster is the other end of a replica's link, spoken by the test.
type fakeMaster struct {
	*client
	listener net.Listener
	port     int
}

func newFakeMaster(t testing.TB) *fakeMaster {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &fakeMaster{listener: l, port: l.Addr().(*net.TCPAddr).Port}
}

// accept waits for the replica to connect.
func (m *fakeMaster) accept(t testing.TB) {
	t.Helper()
	m.listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	conn, err := m.listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	m.client = newClientOf(t, conn)
}

// want reads a command of the replica, which must be this one, with nothing behind
// it, and answers it.
func (m *fakeMaster) want(answer string, args ...string) {
	m.t.Helper()
	m.conn.SetReadDeadline(time.Now().Add(patience))
	want := string(appendCommand(nil, args...))
	got := make([]byte, len(want))
	if n, err := io.ReadFull(m.r, got); err != nil || string(got) != want {
		m.t.Fatalf("the replica sends %q (%v), want %q", got[:n], err, want)
	}
	if n := m.r.Buffered(); n > 0 {
		more, _ := m.r.Peek(n)
		m.t.Fatalf("behind %s the replica sends %q", strings.Join(args, " "), more)
	}
	if answer != "" {
		m.sendRaw([]byte(answer))
	}
}

// handshake is the handshake of a replica on a port up to PSYNC.
func (m *fakeMaster) handshake(t testing.TB, s *server) {
	t.Helper()
	m.accept(t)
	m.want("+PONG\r\n", "PING")
	m.want("+OK\r\n", "REPLCONF", "listening-port", strconv.Itoa(s.port))
	m.want("+OK\r\n", "REPLCONF", "capa", "eof", "capa", "psync2")
}

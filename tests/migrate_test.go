package tests

import (
	"bufio"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// MIGRATE, to redis-server and from it, and to servers that do not answer.

// TestMigrate moves keys of every kind from either server to the other.
func TestMigrate(t *testing.T) {
	redis, ours := redisPath(t), serverPath(t)
	t.Run("to redis", func(t *testing.T) { migrateAll(t, ours, redis) })
	t.Run("from redis", func(t *testing.T) { migrateAll(t, redis, ours) })
	t.Run("to ours", func(t *testing.T) { migrateAll(t, ours, ours) })
}

// to is a MIGRATE command to a server.
func (s *server) to(keys string, options ...string) []string {
	return append([]string{"MIGRATE", "127.0.0.1", strconv.Itoa(s.port), keys, "0", "5000"}, options...)
}

func migrateAll(t *testing.T, from, to string) {
	a, b := startProgram(t, from), startProgram(t, to)
	source, target := a.client(t), b.client(t)
	source.fill()
	for line := range strings.Lines(source.do("INFO", "keyspace").text) { // other databases stay
		if db, _, ok := strings.Cut(strings.TrimPrefix(line, "db"), ":"); ok && db != "0" {
			source.ok("SELECT " + db)
			source.ok("FLUSHDB")
		}
	}
	source.ok("SELECT 0")
	want := source.digest()
	var names []string
	for _, v := range source.do("KEYS", "*").elems {
		names = append(names, v.text)
	}
	expect := func(want string, args ...string) {
		t.Helper()
		if v := source.do(args...); !strings.HasPrefix(string(v.kind)+v.text, want) {
			t.Fatalf("%.100q: got %s, want %s", args, v, want)
		}
	}
	expect("+OK", b.to("", append([]string{"COPY", "KEYS"}, names...)...)...)
	if got := target.digest(); got != want {
		t.Errorf("digest %s of the copy, want %s", got, want)
	}
	expect("+OK", b.to("", append([]string{"REPLACE", "KEYS"}, names...)...)...)
	if got := target.digest(); got != want {
		t.Errorf("digest %s there, want %s", got, want)
	}
	if n := source.doInt("DBSIZE"); n != 0 {
		t.Errorf("%d keys are left", n)
	}
	if got := a.info(t, "migrate_cached_sockets"); got != "1" {
		t.Errorf("%s connections are kept", got)
	}
	expect("+NOKEY", b.to("nosuch")...)

	target.ok("FLUSHALL")
	source.ok("MSET a 1 b 2 c 3")
	target.ok("SET b busy")
	expect("-ERR Target instance replied with error: BUSYKEY", b.to("", "KEYS", "a", "b", "nosuch", "c")...)
	source.expect("EXISTS a b c", 1)
	target.expect("GET c", "3")
	target.expect("GET b", "busy")
	source.ok("SET soon v PX 100000")
	expect("+OK", b.to("soon")...)
	if ms := target.doInt("PTTL", "soon"); ms < 90000 || ms > 100000 {
		t.Errorf("%d ms are left there", ms)
	}
}

// TestMigrateAuth migrates to a server that wants to know who it is.
func TestMigrateAuth(t *testing.T) {
	b := startProgram(t, redisPath(t), "--requirepass", "secret")
	c, target := start(t).client(t), b.client(t)
	target.ok("AUTH secret")
	target.ok("ACL SETUSER mover on >word ~* +@all")
	c.ok("MSET a 1 b 2")
	for _, tt := range []struct{ want, options string }{
		{"-ERR Target instance replied with error: NOAUTH Authentication required.", ""},
		{"-ERR Target instance replied with error: WRONGPASS", "AUTH wrong"},
		{"-ERR Target instance replied with error: WRONGPASS", "AUTH2 mover wrong COPY"},
		{"+OK", "AUTH secret"},
		{"+OK", "REPLACE AUTH2 mover word KEYS b"},
	} {
		key := "a"
		if strings.Contains(tt.options, "KEYS") {
			key = ""
		}
		if v := c.do(b.to(key, strings.Fields(tt.options)...)...); !strings.HasPrefix(string(v.kind)+v.text, tt.want) {
			t.Errorf("%s: got %s, want %s", tt.options, v, tt.want)
		}
	}
	target.expect("GET a", "1")
	target.expect("GET b", "2")
	c.expect("DBSIZE", 0)
}

// A puppet is a server whose answers the test gives.
type puppet struct {
	t    *testing.T
	port string
	in   net.Listener
}

func newPuppet(t *testing.T) *puppet {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return &puppet{t, port, l}
}

// accept waits for a connection, and for what it sends of n commands.
func (p *puppet) accept(n int) *client {
	p.t.Helper()
	conn, err := p.in.Accept()
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	c := &client{t: p.t, conn: conn, r: bufio.NewReader(conn)}
	c.requests(n)
	return c
}

// requests reads commands.
func (c *client) requests(n int) {
	c.t.Helper()
	for range n {
		if v := c.read(); v.kind != '*' {
			c.t.Fatal(v)
		}
	}
}

// TestMigrateWaits has the other server take its time. Meanwhile everybody else is
// served, but for those who would write the key.
func TestMigrateWaits(t *testing.T) {
	s := start(t, "--appendonly", "yes")
	p := newPuppet(t)
	c, reader, writer, flusher, exec := s.client(t), s.client(t), s.client(t), s.client(t), s.client(t)
	c.ok("SET k v")
	c.send("MIGRATE", "127.0.0.1", p.port, "k", "3", "60000")
	peer := p.accept(2) // SELECT, RESTORE
	reader.expect("GET k", "v")
	reader.ok("SET other v")
	writer.send("APPEND", "k", "x")
	flusher.send("FLUSHALL")
	exec.ok("MULTI")
	exec.expect("GET k", status("QUEUED"))
	exec.expect("APPEND k y", status("QUEUED"))
	exec.send("EXEC")
	reader.expect("CLIENT UNBLOCK "+strconv.Itoa(c.waiterID(reader)), 0)
	reader.expect("GET k", "v")
	reader.expect("GET other", "v")
	peer.sendRaw([]byte("+OK\r\n+OK\r\n"))
	if v := c.read(); v.kind != '+' || v.text != "OK" {
		t.Fatal(v)
	}
	if v := writer.read(); v.text != "1" && v.text != "2" {
		t.Errorf("APPEND: %s, but the key was gone", v)
	}
	flusher.read()
	exec.read()

	// The link is used again, without SELECT. Nothing is deleted without an answer.
	c.ok("FLUSHALL")
	c.ok("MSET a 1 b 2")
	c.send("MIGRATE", "127.0.0.1", p.port, "", "3", "60000", "KEYS", "a", "b")
	peer.requests(2)
	peer.sendRaw([]byte("+OK\r\n"))
	peer.conn.Close()
	if v := c.read(); v.text != "IOERR error or timeout reading to target instance" {
		t.Error(v)
	}
	c.expect("EXISTS a", 0)
	c.expect("EXISTS b", 1)

	// One that has gone meanwhile is replaced.
	c.send("MIGRATE", "127.0.0.1", p.port, "b", "3", "60000")
	peer = p.accept(2)
	peer.conn.Close()
	peer = p.accept(2)
	peer.sendRaw([]byte("+OK\r\n+OK\r\n"))
	if v := c.read(); v.text != "OK" {
		t.Error(v)
	}
	c.expect("EXISTS b", 0)

	// Time-outs.
	c.ok("SET k v")
	c.expect("MIGRATE 127.0.0.1 "+p.port+" k 3 50", errText("IOERR error or timeout reading to target instance"))
	c.ok("MULTI")
	c.expect("MIGRATE 127.0.0.1 "+p.port+" k 3 50", status("QUEUED"))
	if v := c.do("EXEC"); len(v.elems) != 1 || v.elems[0].text != "IOERR error or timeout reading to target instance" {
		t.Error(v)
	}
	c.expect("GET k", "v")
	c.ok("SET k w")
}

// waiterID is the number of the client, as another one finds it out.
func (c *client) waiterID(other *client) int {
	c.t.Helper()
	for line := range strings.Lines(other.do("CLIENT", "LIST").text) {
		if strings.Contains(line, " addr="+c.conn.LocalAddr().String()+" ") {
			id, _, _ := strings.Cut(strings.TrimPrefix(line, "id="), " ")
			n, _ := strconv.Atoi(id)
			return n
		}
	}
	c.t.Fatal("the client is not in the list")
	return 0
}

// TestMigrateLeft kills the client that migrates a key. The key goes when the other
// server has it, also from the append-only file.
func TestMigrateLeft(t *testing.T) {
	s := startEnding(t, serverPath(t), t.TempDir(), "--appendonly", "yes", "--appendfsync", "always")
	p := newPuppet(t)
	c, other := s.client(t), s.client(t)
	c.ok("MSET k v l w")
	c.send("MIGRATE", "127.0.0.1", p.port, "k", "0", "60000")
	peer := p.accept(2)
	id := c.waiterID(other)
	other.expect("CLIENT KILL ID "+strconv.Itoa(id), 1)
	c.readEOF()
	other.expect("EXISTS k", 1)
	peer.sendRaw([]byte("+OK\r\n+OK\r\n"))
	waitFor(t, "the key to go", func() bool { return other.doInt("EXISTS", "k") == 0 })
	s.kill()
	again := startEnding(t, serverPath(t), s.dir, "--appendonly", "yes")
	again.client(t).expect("EXISTS k l", 1)
}

// TestMigrateEnd ends the server while it migrates a key to one that never answers.
func TestMigrateEnd(t *testing.T) {
	s := startAgain(t, serverPath(t), t.TempDir())
	p := newPuppet(t)
	c := s.client(t)
	c.ok("SET k v")
	c.send("MIGRATE", "127.0.0.1", p.port, "k", "0", "600000")
	p.accept(2)
	began := time.Now()
	s.end(t, func() { s.cmd.Process.Signal(terminate()) })
	if time.Since(began) > patience/2 {
		t.Error("the end has waited for MIGRATE")
	}
}

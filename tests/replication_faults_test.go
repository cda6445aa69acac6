package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReplicaRestarts ends a replica that saves its data: what it wrote tells the
// next process, of either kind, where to go on.
func TestReplicaRestarts(t *testing.T) {
	ours, redis := serverPath(t), redisPath(t)
	for _, p := range []struct{ before, after string }{{ours, ours}, {ours, redis}, {redis, ours}} {
		t.Run(filepath.Base(p.before)+"-"+filepath.Base(p.after), func(t *testing.T) {
			t.Parallel()
			master := startProgram(t, redis, "--repl-diskless-sync-delay", "0")
			w := newRandomWriter(t, master)
			w.write(50)
			master.client(t).ok("SELECT 7")
			dir := t.TempDir()
			follow := []string{"--replicaof", fmt.Sprintf("127.0.0.1 %d", master.port)}
			replica := startAgain(t, p.before, dir, follow...)
			awaitLink(t, replica)
			w.write(50)
			awaitEqual(t, master, replica)
			replica.end(t, func() { replica.client(t).send("SHUTDOWN", "SAVE") })
			w.write(50)
			replica = startAgain(t, p.after, dir, follow...)
			awaitLink(t, replica)
			w.write(50)
			awaitEqual(t, master, replica)
			if full := master.infoInt(t, "sync_full"); full != 1 {
				t.Errorf("%d full syncs, want one\n%s", full, replica.logTail())
			}
		})
	}
}

// TestReplicaChangesMaster has the other replica promoted: there is no need of
// another full sync, neither for the replica nor for the old master.
func TestReplicaChangesMaster(t *testing.T) {
	redis, ours := redisPath(t), serverPath(t)
	old := startProgram(t, redis, "--repl-diskless-sync-delay", "0")
	w := newRandomWriter(t, old)
	w.write(100)
	promoted := startFollowing(t, redis, old.port)
	replica := startFollowing(t, ours, old.port)
	awaitLink(t, promoted)
	awaitLink(t, replica)
	w.write(100)
	awaitEqual(t, old, promoted, replica)
	promoted.client(t).ok("REPLICAOF NO ONE")
	c := replica.client(t)
	c.ok(fmt.Sprintf("REPLICAOF 127.0.0.1 %d", promoted.port))
	old.client(t).ok(fmt.Sprintf("REPLICAOF 127.0.0.1 %d", promoted.port))
	awaitLink(t, replica)
	awaitLink(t, old)
	newRandomWriter(t, promoted).write(100)
	awaitEqual(t, promoted, replica, old)
	if full := promoted.infoInt(t, "sync_full"); full != 0 {
		t.Errorf("%d full syncs, want none\n%s", full, replica.logTail())
	}
	if got, want := replica.info(t, "master_replid2"), old.info(t, "master_replid2"); got != want {
		t.Errorf("the replica knows the stream before as %s, want %s", got, want)
	}
	// Promoted itself it goes on counting, under a name of its own.
	offset, id := replica.info(t, "slave_repl_offset"), replica.info(t, "master_replid")
	c.ok("REPLICAOF NO ONE")
	if got := replica.info(t, "master_replid2"); got != id {
		t.Errorf("the second id is %s, want %s", got, id)
	}
	if got := replica.infoInt(t, "second_repl_offset"); fmt.Sprint(got-1) != offset {
		t.Errorf("the second offset is %d, behind %s", got, offset)
	}
	c.ok("SET mine 1")
}

// TestReplicaStoppedMaster stops the master's process: the link is given up, and
// goes on when the master does.
func TestReplicaStoppedMaster(t *testing.T) {
	for _, p := range pairings(t) {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			master := startProgram(t, p.master, "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")
			replica := startFollowing(t, p.replica, master.port, "--repl-timeout", "2")
			awaitLink(t, replica)
			master.freeze(t)
			t.Cleanup(func() { master.thaw(t) })
			waitFor(t, "the end of the link", func() bool { return replica.info(t, "master_link_status") == "down" })
			master.thaw(t)
			newRandomWriter(t, master).write(50)
			awaitLink(t, replica)
			awaitEqual(t, master, replica)
		})
	}
}

// TestReplicaExpiry holds that a replica deletes nothing by itself, and shows
// nobody what has expired, whatever the master does meanwhile.
func TestReplicaExpiry(t *testing.T) {
	m := newFakeMaster(t)
	s := startFollowing(t, serverPath(t), m.port)
	m.handshake(t, s)
	m.want(fmt.Sprintf("+FULLRESYNC %s 0\r\n$%d\r\n%s", someID, len(emptySnapshot), emptySnapshot), "PSYNC", "?", "-1")
	feed := func(lines ...string) {
		var b []byte
		for _, line := range lines {
			b = appendCommand(b, strings.Fields(line)...)
		}
		m.sendRaw(append(b, appendCommand(nil, "SET", "fed", lines[0])...))
		c := s.client(t)
		waitFor(t, lines[0], func() bool { return c.do("GET", "fed").text == lines[0] })
	}
	feed("SET gone v PXAT 1", "SET counter 5 PXAT 1", "RPUSH list a", "PEXPIREAT list 1", "SADD set a b", "PEXPIREAT set 1",
		"HSET hash f v", "PEXPIREAT hash 1", "ZADD zset 1 a", "PEXPIREAT zset 1", "XADD stream 1-1 a b", "PEXPIREAT stream 1")
	c := s.client(t)
	c.expect("GET gone", nil)
	c.expect("EXISTS gone list set hash", 0)
	c.expect("TTL gone", -2)
	c.expect("LRANGE list 0 -1", []any{})
	c.expect("TYPE set", status("none"))
	c.expect("SCARD set", 0)
	c.expect("PFCOUNT gone", 0)
	c.expect("DBSIZE", 8)
	if expired := s.infoInt(t, "expired_keys"); expired != 0 {
		t.Errorf("the replica has removed %d keys", expired)
	}
	// For the master they are there.
	feed("INCR counter", "PERSIST counter", "RPUSH list b", "PERSIST list", "SREM set a", "PERSIST set", "APPEND gone w", "PERSIST gone")
	c.expect("GET counter", "6")
	c.expect("LRANGE list 0 -1", []any{"a", "b"})
	c.expect("SMEMBERS set", []any{"b"})
	c.expect("GET gone", "vw")
	feed("DEL gone", "RENAME hash renamed", "COPY zset copy", "XADD stream 2-1 a b", "XTRIM stream MAXLEN = 1 LIMIT 1")
	c.expect("EXISTS gone", 0)
	c.expect("DBSIZE", 8)
	// Promoted it says itself when they go.
	c.ok("REPLICAOF NO ONE")
	waitFor(t, "the end of what has expired", func() bool { return c.doInt("DBSIZE") == 4 })
}

// TestReplicaWritable writes to a replica: what it has made itself expires there.
func TestReplicaWritable(t *testing.T) {
	for _, p := range pairings(t) {
		t.Run(p.name, func(t *testing.T) {
			master := startProgram(t, p.master, "--repl-diskless-sync-delay", "0")
			replica := startFollowing(t, p.replica, master.port, "--replica-read-only", "no")
			awaitLink(t, replica)
			c := replica.client(t)
			c.ok("SET own v PX 20")
			c.ok("SELECT 3")
			c.ok("SET own v PX 20")
			c.ok("SET stays v")
			waitFor(t, "the end of both", func() bool {
				return !strings.Contains(c.do("INFO", "keyspace").text, "db0:") && c.doInt("DBSIZE") == 1
			})
			if expired := replica.infoInt(t, "expired_keys"); expired != 2 {
				t.Errorf("%d keys expired, want 2", expired)
			}
			master.client(t).ok("SET of:master v")
			waitFor(t, "the master's key", func() bool { return strings.Contains(c.do("INFO", "keyspace").text, "db0:keys=1") })
			c.expect("GET stays", "v")
			if got, want := replica.info(t, "slave_repl_offset"), master.info(t, "master_repl_offset"); got != want {
				t.Errorf("the replica is at %s, the master at %s", got, want)
			}
		})
	}
}

// TestReplicaJournal kills a replica that keeps an append-only file: it has what
// the full sync brought, and what came after that.
func TestReplicaJournal(t *testing.T) {
	master := startProgram(t, redisPath(t), "--repl-diskless-sync-delay", "0")
	master.client(t).fill()
	dir := t.TempDir()
	replica, err := launch(serverPath(t), dir, "--appendonly", "yes", "--appendfsync", "always")
	if err != nil {
		t.Fatal(err)
	}
	c := replica.client(t)
	c.ok("SET before 1")
	c.ok(fmt.Sprintf("REPLICAOF 127.0.0.1 %d", master.port))
	awaitLink(t, replica)
	newRandomWriter(t, master).write(100)
	awaitEqual(t, master, replica)
	waitFor(t, "the end of the rewrite", func() bool {
		return replica.info(t, "aof_rewrite_in_progress") == "0" && replica.info(t, "aof_last_bgrewrite_status") == "ok"
	})
	master.client(t).ok("SET last 1")
	waitFor(t, "the last key", func() bool { return c.do("GET", "last").text == "1" })
	want := c.digest()
	replica.kill()
	// Still a replica, or it would remove what has expired meanwhile.
	again := startAgain(t, serverPath(t), dir, "--appendonly", "yes", "--replicaof", "127.0.0.1 1")
	if got := again.client(t).digest(); got != want {
		t.Errorf("the file has %s, want %s", got, want)
	}
}

// TestReplicaLoading looks at a replica while a snapshot that takes its time is
// loaded: nobody sees half of it.
func TestReplicaLoading(t *testing.T) {
	for _, load := range []string{"disabled", "swapdb"} {
		t.Run(load, func(t *testing.T) {
			master := startProgram(t, redisPath(t), "--repl-diskless-sync-delay", "0")
			master.client(t).do("DEBUG", "POPULATE", "2000")
			replica := start(t, "--repl-diskless-load", load, "--key-load-delay", "500")
			c := replica.client(t)
			c.ok("SET own 1")
			c.ok(fmt.Sprintf("REPLICAOF 127.0.0.1 %d", master.port))
			waitFor(t, "LOADING", func() bool { return strings.HasPrefix(c.do("GET", "own").text, "LOADING ") })
			if load == "swapdb" { // the data is of another master, but stays
				c.expect("REPLICAOF NO ONE", errText("LOADING Redis is loading the dataset in memory"))
			}
			if loading := replica.info(t, "loading"); loading != "1" {
				t.Errorf("INFO says loading:%s", loading)
			}
			c.expect("ROLE", []any{"slave", "127.0.0.1", master.port, "sync", -1})
			c.expect("PING", errText("LOADING Redis is loading the dataset in memory"))
			awaitLink(t, replica)
			awaitEqual(t, master, replica)
		})
	}
}

// TestReplicaNonsense sends a replica what its commands cannot be: that is logged
// and counted, and the link stays, unless propagation-error-behavior says otherwise.
func TestReplicaNonsense(t *testing.T) {
	for _, behavior := range []string{"ignore", "panic-on-replicas"} {
		t.Run(behavior, func(t *testing.T) {
			m := newFakeMaster(t)
			s, err := launch(serverPath(t), t.TempDir(), "--replicaof", fmt.Sprintf("127.0.0.1 %d", m.port), "--propagation-error-behavior", behavior)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.kill)
			m.handshake(t, s)
			m.want(fmt.Sprintf("+FULLRESYNC %s 0\r\n$%d\r\n%s", someID, len(emptySnapshot), emptySnapshot), "PSYNC", "?", "-1")
			c := s.client(t)
			var b []byte
			for _, line := range []string{"SET list v", "NOSUCH command", "GET", "RPUSH list x", "MULTI", "BLPOP nokey 0", "INCR list", "EXEC", "SET end 1"} {
				b = appendCommand(b, strings.Fields(line)...)
			}
			m.sendRaw(b)
			if behavior != "ignore" {
				waitFor(t, "the end of the process", s.ended)
				return
			}
			waitFor(t, "the last command", func() bool { return c.do("GET", "end").text == "1" })
			if n := s.infoInt(t, "unexpected_error_replies"); n != 4 {
				t.Errorf("%d errors are counted, want 4\n%s", n, s.logTail())
			}
			if got := s.infoInt(t, "slave_repl_offset"); got != len(b) {
				t.Errorf("the offset is %d, want %d", got, len(b))
			}
			if err := s.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestReplicaRewrite has CONFIG REWRITE write down whom the server follows, as
// Sentinel asks for in one transaction.
func TestReplicaRewrite(t *testing.T) {
	master := startProgram(t, redisPath(t), "--repl-diskless-sync-delay", "0")
	dir := t.TempDir()
	conf := filepath.Join(dir, "server.conf")
	if err := os.WriteFile(conf, []byte("maxclients 100\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := startAgain(t, serverPath(t), dir, conf)
	c := s.client(t)
	transaction := func(replicaof string) {
		c.ok("MULTI")
		for _, line := range []string{replicaof, "CONFIG REWRITE", "CLIENT KILL TYPE normal", "CLIENT KILL TYPE pubsub"} {
			c.expect(line, status("QUEUED"))
		}
		if v := c.do("EXEC"); !v.matches([]any{status("OK"), status("OK"), 0, 0}) {
			t.Fatalf("EXEC: %s", v)
		}
	}
	transaction(fmt.Sprintf("SLAVEOF 127.0.0.1 %d", master.port))
	awaitLink(t, s)
	line := fmt.Sprintf("\nreplicaof 127.0.0.1 %d\n", master.port)
	if text, err := os.ReadFile(conf); err != nil || !strings.Contains(string(text), line) {
		t.Errorf("no line %q in the file (%v):\n%s", line, err, text)
	}
	s.end(t, func() { c.send("SHUTDOWN", "NOSAVE") })
	s = startAgain(t, serverPath(t), dir, conf)
	awaitLink(t, s)
	c = s.client(t)
	transaction("SLAVEOF NO ONE")
	if text, err := os.ReadFile(conf); err != nil || strings.Contains(string(text), "replicaof 127") {
		t.Errorf("still a replica in the file (%v):\n%s", err, text)
	}
	c.ok("SET mine 1")
}

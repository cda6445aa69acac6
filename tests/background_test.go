package tests

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Snapshots in the background: they hold the data of one instant, whatever is
// written meanwhile, and nobody waits for long.

// begin starts a save in the background and returns the digest of the data at
// that instant, for which writes are paused.
func (c *client) begin() string {
	c.t.Helper()
	c.ok("CLIENT PAUSE 100000 WRITE")
	digest := c.digest()
	c.expect("BGSAVE", status("Background saving started"))
	c.ok("CLIENT UNPAUSE")
	return digest
}

// saved waits until the save in the background has ended. Under the race
// detector, and with many writers, that takes its time.
func (c *client) saved() {
	c.t.Helper()
	waitWithin(c.t, 5*patience, "BGSAVE", func() bool {
		return strings.Contains(c.do("INFO", "persistence").text, "rdb_bgsave_in_progress:0\r\n")
	})
}

// A writer sends random commands that change keys of every type, big ones too.
type writer struct {
	c      *client
	random *rand.Rand
}

// writerKeys are how many keys of each kind there are.
var writerKeys = fewer(300, 60)

func (w *writer) key(kind string) string { return kind + ":" + strconv.Itoa(w.random.IntN(writerKeys)) }

// command is a random command.
func (w *writer) command() []string {
	n := strconv.Itoa(w.random.IntN(5000))
	value := strings.Repeat("v", w.random.IntN(200))
	kinds := []string{"string", "list", "set", "zset", "hash", "stream"}
	any := w.key(kinds[w.random.IntN(len(kinds))])
	commands := [][]string{
		{"SET", w.key("string"), value}, {"APPEND", w.key("string"), "x"}, {"SETRANGE", w.key("string"), "3", "abc"},
		{"RPUSH", w.key("list"), value, n}, {"LPUSH", w.key("list"), n}, {"LPOP", w.key("list")}, {"LSET", w.key("list"), "0", n},
		{"LTRIM", w.key("list"), "1", "-2"}, {"LMOVE", w.key("list"), w.key("list"), "LEFT", "RIGHT"}, {"LINSERT", w.key("list"), "BEFORE", n, "x"},
		{"SADD", w.key("set"), n, value}, {"SREM", w.key("set"), n}, {"SPOP", w.key("set")}, {"SUNIONSTORE", w.key("set"), w.key("set"), w.key("set")},
		{"ZADD", w.key("zset"), n, "m" + n}, {"ZREM", w.key("zset"), "m" + n}, {"ZINCRBY", w.key("zset"), "3", "m" + n}, {"ZPOPMIN", w.key("zset")},
		{"ZREMRANGEBYRANK", w.key("zset"), "0", "1"},
		{"HSET", w.key("hash"), "f" + n, value}, {"HDEL", w.key("hash"), "f" + n}, {"HINCRBY", w.key("hash"), "n", "1"},
		{"XADD", w.key("stream"), "*", "f", value}, {"XTRIM", w.key("stream"), "MAXLEN", "1200"},
		{"XREADGROUP", "GROUP", "g", "c" + n[:1], "COUNT", "2", "STREAMS", w.key("stream"), ">"},
		{"XAUTOCLAIM", w.key("stream"), "g", "d", "0", "0", "COUNT", "3"},
		{"DEL", any}, {"UNLINK", any}, {"RENAME", any, w.key("other")}, {"COPY", any, w.key("other"), "REPLACE"}, {"MOVE", any, "1"},
		{"PEXPIRE", any, "100000" + n}, {"PERSIST", any}, {"EXPIRE", any, "1000"}, {"GETDEL", w.key("string")},
		{"SORT", w.key("list"), "ALPHA", "STORE", w.key("list")}, {"PFADD", w.key("hll"), n}, {"PFCOUNT", w.key("hll"), w.key("hll")},
		{"BITFIELD", w.key("string"), "INCRBY", "u8", "3", "1"}, {"SWAPDB", "2", "3"}, {"DEL", "key:" + n}, {"SET", "key:" + n, "w"}, {"GETEX", w.key("string"), "PERSIST"},
	}
	return commands[w.random.IntN(len(commands))]
}

// fillForWriters makes the keys that writers change, some of them big.
func (c *client) fillForWriters(keys int) {
	c.t.Helper()
	var batch []byte
	sent := 0
	add := func(args ...string) {
		batch = appendCommand(batch, args...)
		sent++
	}
	for db := range 4 {
		add("SELECT", strconv.Itoa(db))
		kinds := writerKeys
		if db > 0 {
			kinds /= fewer(1, 3)
		}
		for i := range kinds {
			name := ":" + strconv.Itoa(i)
			n := []int{3, 50, 200}[i%3]
			if i%60 == 0 && db == 0 {
				n = 3000 // one that is put aside
			}
			members, pairs, scored := []string{"SADD", "set" + name}, []string{"HSET", "hash" + name}, []string{"ZADD", "zset" + name}
			list := []string{"RPUSH", "list" + name}
			for k := range n {
				m := strconv.Itoa(k)
				members, pairs = append(members, "member-"+m), append(pairs, "f"+m, m)
				scored, list = append(scored, m, "m"+m), append(list, "element-"+m)
			}
			add("SET", "string"+name, strings.Repeat("s", n))
			for _, command := range [][]string{members, pairs, scored, list} {
				add(command...)
			}
			for k := range min(n, 1500) {
				if db == 0 && (n < 1000 || i < 100) {
					add("XADD", "stream"+name, fmt.Sprintf("%d-1", k+1), "f", "v")
				}
			}
			if db == 0 {
				add("XGROUP", "CREATE", "stream"+name, "g", "0", "MKSTREAM")
				add("XREADGROUP", "GROUP", "g", "c", "COUNT", "5", "STREAMS", "stream"+name, ">")
			}
		}
	}
	add("SELECT", "0")
	add("DEBUG", "POPULATE", strconv.Itoa(keys)) // so that the table is no small one
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.conn.Write(batch) // an error shows when reading
	}()
	for range sent {
		if v := c.read(); v.kind == '-' {
			c.t.Fatal(v)
		}
	}
	<-done
}

// TestBackgroundSaveIsOneInstant saves under full write load from many clients:
// as fast as it can, and so that each bucket takes a turn of its own.
func TestBackgroundSaveIsOneInstant(t *testing.T) {
	for _, tt := range []struct{ delay, keys int }{{0, fewer(15_000, 5_000)}, {10, fewer(6_000, 500)}} {
		s := start(t)
		s.client(t).fillForWriters(tt.keys)
		for depth := range 2 {
			t.Run(fmt.Sprintf("delay %d, depth %d", tt.delay, depth), func(t *testing.T) {
				s.client(t).ok("CONFIG SET list-compress-depth " + strconv.Itoa(depth))
				s.saveUnderLoad(t, tt.delay, uint64(tt.delay+depth))
			})
		}
	}
}

// saveUnderLoad saves, while clients write what is random by a seed and the saver
// rests behind each key.
func (s *server) saveUnderLoad(t *testing.T, delay int, seed uint64) {
	const clients = 20
	c := s.client(t)
	c.ok("CONFIG SET rdb-key-save-delay " + strconv.Itoa(delay))
	var stop atomic.Bool
	var writers sync.WaitGroup
	for i := range clients {
		w := &writer{s.client(t), rand.New(rand.NewPCG(seed, uint64(i)))}
		writers.Go(func() { w.run(&stop) })
	}
	<-time.After(50 * time.Millisecond)
	want := c.begin()
	c.saved()
	stop.Store(true)
	writers.Wait()
	if log := s.logTail(); !strings.Contains(log, "Background saving terminated with success") {
		t.Fatal(log)
	}
	lookInto(t, s.dir, want)
	c.ok("CONFIG SET rdb-key-save-delay 0")
	c.ok("DEBUG RELOAD") // what was written meanwhile is whole
}

// run sends commands until stop, some of them in transactions.
func (w *writer) run(stop *atomic.Bool) {
	for !stop.Load() {
		n := 1 + w.random.IntN(10)
		var batch []byte
		replies := n
		if w.random.IntN(5) == 0 {
			batch = appendCommand(batch, "MULTI")
			replies += 2
		}
		for range n {
			batch = appendCommand(batch, w.command()...)
		}
		if replies > n {
			batch = appendCommand(batch, "EXEC")
		}
		w.c.sendRaw(batch)
		for range replies {
			w.c.read() // many are errors
		}
	}
}

// lookInto starts servers with the snapshot in a directory, and compares the
// digest of what they have loaded. Keys that expire must not go before.
func lookInto(t *testing.T, dir, want string) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(dir, "dump.rdb"))
	if err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "temp*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
	for _, path := range []string{serverPath(t), redisPath(t)} {
		into := t.TempDir()
		if err := os.WriteFile(filepath.Join(into, "dump.rdb"), file, 0o644); err != nil {
			t.Fatal(err)
		}
		if got := startAgain(t, path, into).client(t).digest(); got != want {
			t.Errorf("%s: digest %s, want %s", filepath.Base(path), got, want)
		}
	}
}

// TestFlushWhileSaving empties databases during a save: one that is flushed is in
// the file all the same, and to flush all ends the save.
func TestFlushWhileSaving(t *testing.T) {
	s := start(t)
	c := s.client(t)
	c.fillForWriters(fewer(30_000, 5_000))
	delay := strconv.Itoa(fewer(10, 100))
	c.ok("CONFIG SET rdb-key-save-delay " + delay)
	want := c.begin()
	c.ok("SELECT 1")
	c.ok("FLUSHDB")
	c.ok("SWAPDB 0 2")
	c.ok("SELECT 2")
	c.ok("FLUSHDB ASYNC")
	c.ok("SET new v")
	c.ok("CONFIG SET rdb-key-save-delay 0")
	c.saved()
	lookInto(t, s.dir, want)
	c.ok("DEBUG POPULATE " + strconv.Itoa(fewer(30_000, 5_000)))
	c.ok("CONFIG SET rdb-key-save-delay " + delay)
	c.expect("BGSAVE", status("Background saving started"))
	c.expect("BGSAVE", errText("ERR Background save already in progress"))
	c.expect("SAVE", errText("ERR Background save already in progress"))
	c.ok("FLUSHALL")
	c.saved()
	lookInto(t, s.dir, want)
	c.ok("SET k v")
}

// TestFlushBigValues empties a database in the very moment when a save has begun,
// which has put its big values aside. They are in the file, although their
// memory is wanted for others.
func TestFlushBigValues(t *testing.T) {
	s := start(t)
	c := s.client(t)
	fill := func(n int, value string) (batch []byte) {
		for i := range n {
			m := strconv.Itoa(i) + value
			batch = appendCommand(batch, "RPUSH", "list", m)
			batch = appendCommand(batch, "SADD", "set", m)
			batch = appendCommand(batch, "HSET", "hash", m, m)
			batch = appendCommand(batch, "ZADD", "zset", strconv.Itoa(i), m)
			batch = appendCommand(batch, "XADD", "stream", strconv.Itoa(i+1), m, m)
		}
		return batch
	}
	const elements = 3000
	for _, how := range []string{"SYNC", "ASYNC"} {
		c.sendRaw(fill(elements, " one"))
		for range 5 * elements {
			c.read()
		}
		want := c.digest()
		batch := appendCommand(nil, "BGSAVE")
		batch = append(appendCommand(batch, "FLUSHDB", how), fill(elements, " two")...)
		c.sendRaw(batch)
		for range 2 + 5*elements {
			if v := c.read(); v.kind == '-' {
				t.Fatal(v)
			}
		}
		c.saved()
		lookInto(t, s.dir, want)
		c.ok("FLUSHALL")
	}
}

// TestSavePoints waits for a save point, and for what happens when saving fails.
func TestSavePoints(t *testing.T) {
	s := start(t, "--save", "1 2", "--enable-protected-configs", "yes")
	c := s.client(t)
	c.ok("SET k v")
	c.ok("SET k w")
	waitFor(t, "the save point", func() bool { return strings.Contains(s.logTail(), "Background saving terminated with success") })
	for _, want := range []string{"2 changes in 1 seconds. Saving...", "Background saving started by pid", "DB saved on disk"} {
		if !strings.Contains(s.logTail(), want) {
			t.Errorf("no %q in the log\n%s", want, s.logTail())
		}
	}
	dir := filepath.Join(s.dir, "gone")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c.ok("CONFIG SET dir " + dir)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	c.expect("BGSAVE", status("Background saving started"))
	c.saved()
	const misconf = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. " +
		"Commands that may modify the data set are disabled, because this instance is configured to report errors during writes " +
		"if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error."
	c.expect("SET k x", errText(misconf))
	c.expect("PING", errText(misconf))
	c.expect("GET k", "w")
	if status := s.info(t, "rdb_last_bgsave_status"); status != "err" {
		t.Errorf("status %s", status)
	}
	c.ok("CONFIG SET stop-writes-on-bgsave-error no")
	c.ok("SET k x")
	c.ok("CONFIG SET stop-writes-on-bgsave-error yes")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c.expect("BGSAVE", status("Background saving started"))
	c.saved()
	c.ok("SET k y")
}

// TestEndWhileSaving ends servers during a save, politely and not.
func TestEndWhileSaving(t *testing.T) {
	for _, how := range []string{"SHUTDOWN SAVE", "SHUTDOWN NOSAVE", "kill"} {
		s, err := launch(serverPath(t), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.kill)
		c := s.client(t)
		c.ok("DEBUG POPULATE 30000")
		c.ok("SAVE")
		c.ok("SET k v")
		c.ok("CONFIG SET rdb-key-save-delay 100")
		c.expect("BGSAVE", status("Background saving started"))
		c.ok("CONFIG SET rdb-key-save-delay 0")
		s.end(t, func() {
			if how == "kill" {
				s.kill()
			} else {
				c.send(strings.Fields(how)...)
			}
		})
		want := map[string]int{"SHUTDOWN SAVE": 30001, "SHUTDOWN NOSAVE": 30000, "kill": 30000}[how]
		if got := startAgain(t, serverPath(t), s.dir).client(t).doInt("DBSIZE"); got != want {
			t.Errorf("%s: %d keys, want %d", how, got, want)
		}
		temp, err := filepath.Glob(filepath.Join(s.dir, "temp*"))
		if err != nil || how != "kill" && len(temp) > 0 {
			t.Errorf("%s: left behind %q, %v", how, temp, err)
		}
	}
}

package tests

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A million writes: random ones of every type, with transactions, keys that expire
// soon, clients that wait and groups of consumers, are sent to a master in pipelines,
// while the links to its replicas are cut at any moment. In the end all have the same
// data at the same place of the stream, nobody needed a second full sync, and the
// master's append-only file makes the same data.
//
// A run that is no soak sends fewer. With TEST_SERVER=redis-server it shows whether
// redis-server keeps all this itself.

const (
	floodWrites     = 6_000
	floodWritesSoak = 1_000_000
	floodPipeline   = 200 // commands sent at once, about
)

func TestReplicaMillion(t *testing.T) {
	ours, redis := serverPath(t), redisPath(t)
	for _, chain := range []struct {
		name  string
		paths []string
	}{
		{"redis-ours", []string{redis, ours}},
		{"ours-ours", []string{ours, ours}},
		{"ours-redis", []string{ours, redis}},
		{"chain", []string{ours, redis, ours, ours}},
	} {
		t.Run(chain.name, func(t *testing.T) {
			t.Parallel()
			writes := floodWrites
			if soakTime(t) > 0 {
				writes = floodWritesSoak
			}
			fl := newFlood(t, chain.paths)
			fl.fields = !slices.Contains(chain.paths, redis)
			fl.run(writes)
		})
	}
}

// A flood is a chain of servers, and what writes to the first of them.
type flood struct {
	*randomWriter
	nodes  []*server
	wires  []*wire         // each one from a server to that before it
	writer map[string]bool // the commands that write
	fields bool            // all of the servers know hash fields that expire

	pipeline []byte
	sent     []string // the names of the commands in it
	writes   int      // that were not refused
}

func newFlood(t *testing.T, paths []string) *flood {
	fl := &flood{writer: map[string]bool{}}
	for i, path := range paths {
		flags := []string{
			"--repl-diskless-sync-delay", "0", "--repl-backlog-size", "256mb",
			"--client-output-buffer-limit", "replica 0 0 0",
			"--hz", "500", // redis-server ends a short wait when its clock ticks
		}
		if i == 0 && path == serverPath(t) {
			flags = append(flags, "--appendonly", "yes", "--appendfsync", "no") // it gets the same
		}
		if i > 0 {
			fl.wires = append(fl.wires, newWire(t, fl.nodes[i-1].addr()))
			flags = append(flags, "--replicaof", fmt.Sprintf("127.0.0.1 %d", fl.wires[i-1].port))
		}
		fl.nodes = append(fl.nodes, startProgram(t, path, flags...))
		if i > 0 {
			awaitLink(t, fl.nodes[i])
		}
	}
	fl.randomWriter = newRandomWriter(t, fl.nodes[0])
	for _, e := range fl.admin.do("COMMAND", "LIST", "FILTERBY", "ACLCAT", "write").elems {
		fl.writer[strings.ToUpper(e.text)] = true
	}
	return fl
}

// run floods the servers until there were so many writes, and holds that all went well.
func (fl *flood) run(writes int) {
	fl.t.Helper()
	cuts := 0
	for fl.writes < writes {
		i := fl.maker.IntN(len(fl.wires))
		if fl.maker.IntN(2) == 0 {
			awaitLink(fl.t, fl.nodes[i+1])
		}
		cut := make(chan struct{})
		go func() {
			defer close(cut)
			fl.wires[i].cut()
		}()
		cuts++
		for end := fl.writes + 100 + fl.maker.IntN(writes/10); fl.writes < min(end, writes); {
			fl.turn()
		}
		<-cut
	}
	for _, n := range fl.nodes[1:] {
		awaitLink(fl.t, n)
	}
	awaitEqual(fl.t, fl.nodes...)
	fl.holdsJournal()
	partial := 0
	for _, n := range fl.nodes[:len(fl.nodes)-1] {
		if full := n.infoInt(fl.t, "sync_full"); full != 1 {
			fl.t.Errorf("%d full syncs, want one\n%s", full, n.logTail())
		}
		partial += n.infoInt(fl.t, "sync_partial_ok")
	}
	if partial == 0 {
		fl.t.Error("no link was resumed")
	}
	fl.t.Logf("%d writes, %d cuts, %d times resumed, %s bytes of stream, %d keys", fl.writes, cuts, partial,
		fl.nodes[0].info(fl.t, "master_repl_offset"), fl.admin.doInt("DBSIZE"))
}

// holdsJournal holds that the append-only file of the master, if it has one, makes the
// same data. Now and then a key expires meanwhile.
func (fl *flood) holdsJournal() {
	fl.t.Helper()
	if fl.nodes[0].info(fl.t, "aof_enabled") == "0" {
		return
	}
	waitFor(fl.t, "the same data from the append-only file", func() bool {
		want := fl.admin.digest()
		fl.admin.ok("DEBUG LOADAOF")
		return fl.admin.digest() == want
	})
}

// turn sends one pipeline and reads the replies.
func (fl *flood) turn() {
	fl.t.Helper()
	client, waiting := 0, []string(nil)
	for waiting == nil && len(fl.sent) < floodPipeline {
		units := fl.maker.batch()
		for _, u := range units {
			client, waiting = u.client, u.waiting
			for _, args := range u.commands {
				// What empties everything comes seldom, so that there is something to lose.
				flush := strings.HasPrefix(strings.ToUpper(args[0]), "FLUSH")
				if !unfaithful(args) && (!flush || fl.maker.IntN(20) == 0) {
					fl.add(args...)
				}
			}
		}
		fl.addKeys()
	}
	if waiting != nil {
		fl.conns[1-client].send(waiting...)
	}
	fl.conns[client].sendRaw(fl.pipeline)
	for _, name := range fl.sent {
		if v := fl.conns[client].read(); fl.writer[name] && v.kind != '-' {
			fl.writes++
		}
	}
	if waiting != nil {
		fl.admin.do("CLIENT", "UNBLOCK", fl.ids[1-client])
		fl.conns[1-client].read()
	}
	fl.pipeline, fl.sent = fl.pipeline[:0], fl.sent[:0]
}

func (fl *flood) add(args ...string) {
	fl.pipeline = appendCommand(fl.pipeline, args...)
	fl.sent = append(fl.sent, strings.ToUpper(args[0]))
}

// addKeys adds commands of which the grammars have none: on many keys, and with the
// time in them. Some keys expire within milliseconds, so that the commands behind
// meet them before and after that.
func (fl *flood) addKeys() {
	m := fl.maker
	transaction := m.IntN(4) == 0
	if transaction {
		fl.add("MULTI")
	}
	for range m.IntN(16) {
		kind := pickOf(m, "string", "list", "hash", "set", "zset", "stream")
		key, ms := fmt.Sprintf("many:%s:%d", kind, m.IntN(1000)), strconv.Itoa(1_000_000+m.IntN(1_000_000))
		if m.IntN(2) == 0 {
			key, ms = fmt.Sprintf("soon:%s:%d", kind, m.IntN(20)), strconv.Itoa(1+m.IntN(30))
		}
		fl.add(fl.onKey(kind, key, ms)...)
		switch m.IntN(8) {
		case 0:
			fl.add(pickOf(m, "PEXPIRE", "PEXPIRE", "EXPIRE"), key, ms)
		case 1:
			fl.add("PERSIST", key)
		case 2:
			fl.add("COPY", key, "soon:"+kind+":1", "REPLACE")
		case 3:
			fl.addBlocking(kind, key)
		}
	}
	if transaction {
		fl.add("EXEC")
	}
}

// addBlocking adds a command that blocks its client when there is nothing to take, and
// before it one that mostly sees to it that there is: to wait for a millisecond takes a
// server as long as hundreds of commands.
func (fl *flood) addBlocking(kind, key string) {
	switch kind {
	case "list":
		fl.add("RPUSH", key, "a", "b")
		fl.add(fl.line(key, "", "BLPOP key 0.001", "BLMOVE key key LEFT RIGHT 0.001", "BLMPOP 0.001 1 key RIGHT COUNT 2")...)
	case "zset":
		fl.add("ZADD", key, "1", "a", "2", "b")
		fl.add(fl.line(key, "", "BZPOPMIN key 0.001", "BZMPOP 0.001 1 key MAX")...)
	case "stream":
		fl.add("XGROUP", "CREATE", key, "g", "0")
		fl.add("XADD", key, "*", "a", "b")
		fl.add("XREADGROUP", "GROUP", "g", "c", "BLOCK", "1", "STREAMS", key, ">")
	}
}

// onKey is a command on a key of a type that lives for a while.
func (fl *flood) onKey(kind, key, ms string) []string {
	choose := func(lines ...string) []string { return fl.line(key, ms, lines...) }
	switch kind {
	case "string":
		return choose("SET key val PX ms", "SET key val", "GETEX key PX ms", "SET key val KEEPTTL", "PSETEX key ms val", "APPEND key val",
			"INCRBYFLOAT key n", "INCR key", "SETRANGE key n val", "GETDEL key", "SETBIT key n 1", "PFADD key mem mem")
	case "list":
		return choose("RPUSH key val val", "LPUSH key val", "LPOP key", "RPOP key 2", "LINSERT key BEFORE mem val", "LTRIM key 0 n",
			"LMOVE key key LEFT RIGHT", "LMPOP 1 key LEFT COUNT 2")
	case "hash":
		if fl.fields && fl.maker.IntN(2) == 0 {
			return choose("HPEXPIRE key ms FIELDS 2 mem mem", "HEXPIRE key 1 NX FIELDS 1 mem", "HPERSIST key FIELDS 1 mem")
		}
		return choose("HSET key mem val mem val", "HDEL key mem", "HINCRBY key mem n", "HINCRBYFLOAT key mem n", "HSETNX key mem val")
	case "set":
		return choose("SADD key mem mem mem", "SPOP key", "SPOP key n", "SREM key mem", "SMOVE key key mem", "SUNIONSTORE key key soon:set:1")
	case "zset":
		return choose("ZADD key n mem n mem", "ZINCRBY key n mem", "ZPOPMIN key", "ZPOPMAX key 3", "ZREM key mem", "ZREMRANGEBYRANK key 0 1",
			"ZUNIONSTORE key 2 key soon:zset:1", "GEOADD key 13.36 38.11 mem")
	}
	return choose("XADD key * mem val", "XADD key * mem val", "XADD key MAXLEN ~ n * mem val", "XGROUP CREATE key g 0 MKSTREAM",
		"XREADGROUP GROUP g c COUNT 3 STREAMS key >", "XREADGROUP GROUP g d NOACK STREAMS key >", "XAUTOCLAIM key g d 0 0 COUNT 2",
		"XTRIM key MAXLEN n", "XGROUP DELCONSUMER key g d", "XSETID key 99999999999999-0")
}

// line is one of several, with words put in: the key, the milliseconds it may live,
// values, members and small numbers.
func (fl *flood) line(key, ms string, lines ...string) []string {
	words := strings.Fields(pickOf(fl.maker, lines...))
	for i, w := range words {
		switch w {
		case "key":
			words[i] = key
		case "ms":
			words[i] = ms
		case "val":
			words[i] = fl.maker.value()
		case "mem":
			words[i] = fl.maker.member()
		case "n":
			words[i] = strconv.Itoa(fl.maker.IntN(20))
		}
	}
	return words
}

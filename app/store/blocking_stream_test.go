package store

import (
	"slices"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/listpack"
)

// How a command on streams uses the engine, with the simplest commands that
// behave like it: a stream is its last ID. TADD gives it the next one and wakes
// readers. TREAD id key… answers with the first key whose last ID is greater,
// $ being the last one, or waits. TGROUP is TREAD for who needs the stream.
func addTestStreams(kv *KVStore) {
	for _, cmd := range []command{
		{name: "tadd", arity: 2, flags: write, run: testAdd},
		{name: "tread", arity: -3, flags: blocking, run: func(kv *KVStore, c *Client, args []string) error {
			return testRead(kv, c, args, false)
		}},
		{name: "tgroup", arity: -3, flags: write | blocking, run: func(kv *KVStore, c *Client, args []string) error {
			return testRead(kv, c, args, true)
		}},
	} {
		cmd.complete(nil)
		kv.commands.byName[cmd.name] = &cmd
	}
	kv.commands.index()
}

func (kv *KVStore) testLast(e entry) int64 {
	if !e.ok() {
		return 0
	}
	return int64(listpack.Len(e.listpack()))
}

func testAdd(kv *KVStore, c *Client, args []string) error {
	e, err := c.db.lookupTypeWrite(args[1], typeStream)
	if err != nil {
		return err
	}
	if !e.ok() {
		e, _ = c.db.insertListpack(args[1], typeStream, listpack.EmptySize)
	}
	e, lp := c.db.growListpack(e, listpack.EncodedSize("x"))
	listpack.Append(lp, "x")
	kv.changed(c.db, args[1], eventStream, "xadd")
	kv.keyReady(c.db, args[1])
	c.reply.Int(kv.testLast(e))
	return nil
}

func testRead(kv *KVStore, c *Client, args []string, group bool) error {
	known := slices.Clone(args)
	for _, key := range c.wanted(args[2:]) {
		e, err := c.db.lookupType(key, typeStream)
		if err != nil {
			return err
		}
		last := kv.testLast(e)
		if args[1] == "$" {
			known[1] = formatInt(last)
		}
		if seen, _ := canonicalInt(known[1]); last > seen {
			c.reply.Array(2)
			c.reply.Bulk(key)
			c.reply.Int(last)
			return nil
		}
	}
	return kv.block(c, wait{keys: args[2:], typ: typeStream, onTimeout: replyNullArray, args: known, needsStream: group})
}

func TestBlockingStreams(t *testing.T) {
	for _, tt := range []struct{ name, script string }{
		{"all readers", `
			1 TREAD $ s
			2 TREAD $ q s
			3 TREAD 2 s
			4 TADD s
			4< 1
			1< ["s" 1]
			2< ["s" 1]
			4 TADD s
			4 TADD s
			4< 2 3
			3< ["s" 3]`},
		{"from where it was", `
			4 TADD s
			4 TADD s
			4< 1 2
			1 TREAD $ s
			2 TREAD 4 s
			4 TADD s
			4< 3
			1< ["s" 3]
			4 TADD s
			4 TADD s
			4< 4 5
			2< ["s" 5]`},
		{"once for a transaction", `
			1 TREAD $ s
			4 MULTI
			4 TADD s
			4 TADD s
			4 EXEC
			4< OK QUEUED QUEUED [1 2]
			1< ["s" 2]`},
		{"readers outlive the stream", `
			4 TADD s
			4< 1
			1 TREAD $ s
			4 DEL s
			4 TADD s
			4< 1 1
			4 TADD s
			4< 2
			1< ["s" 2]`},
		{"groups do not", `
			4 TADD s
			4< 1
			1 TGROUP $ s
			2 TREAD $ s
			3 TGROUP $ q s
			4 DEL s
			4< 1
			1< UNBLOCKED the stream key no longer exists
			3< UNBLOCKED the stream key no longer exists
			4 TADD s
			4 TADD s
			4< 1 2
			2< ["s" 2]`},
		{"replaced by a string", `
			4 TADD s
			4< 1
			1 TGROUP $ s
			4 SET s str
			4< OK
			1< UNBLOCKED the stream key no longer exists`},
		{"replaced by another stream", `
			4 TADD s
			4 TADD p
			4 TADD p
			4< 1 1 2
			1 TGROUP $ s
			4 RENAME p s
			4< OK
			1< ["s" 2]`},
		{"renamed away", `
			4 TADD s
			4< 1
			1 TGROUP $ s
			4 RENAME s p
			4< OK
			1< UNBLOCKED the stream key no longer exists`},
		{"moved away", `
			4 TADD s
			4< 1
			1 TGROUP $ s
			4 MOVE s 1
			4< 1
			1< UNBLOCKED the stream key no longer exists`},
		{"deleted and made again in one transaction", `
			4 TADD s
			4< 1
			1 TGROUP 0 q s
			1< ["s" 1]
			1 TGROUP 1 s
			4 MULTI
			4 DEL s
			4 TADD s
			4 EXEC
			4< OK QUEUED QUEUED [1 1]
			4 UNLINK s
			4< 1
			1< UNBLOCKED the stream key no longer exists`},
		{"flushed", `
			4 TADD s
			4< 1
			1 TGROUP $ s
			2 TREAD $ s
			4 FLUSHALL
			4< OK
			1< UNBLOCKED the stream key no longer exists
			4 TADD s
			4 TADD s
			4< 1 2
			2< ["s" 2]`},
		{"swapped away", `
			4 TADD s
			4< 1
			1 TGROUP $ s
			4 SWAPDB 0 1
			4< OK
			1< UNBLOCKED the stream key no longer exists`},
		{"swapped for another", `
			4 TADD s
			4 SELECT 1
			4 TADD s
			4 TADD s
			4< 1 OK 1 2
			1 TGROUP $ s
			2 TREAD $ s
			4 SWAPDB 0 1
			4< OK
			1< ["s" 2]
			2< ["s" 2]`},
		{"expired when it is looked at", `
			4 TADD s
			4 PEXPIREAT s 1
			4< 1 1
			1 TGROUP $ s
			4 TADD s
			4< 1
			1< ["s" 1]`},
		{"a list takes its place", `
			4 TADD s
			4< 1
			1 TGROUP $ s
			2 BLPOP q s 0
			2< WRONGTYPE Operation against a key holding the wrong kind of value
			2 BLPOP q 0
			4 RPUSH p a
			4 RENAME p s
			4< 1 OK
			1< UNBLOCKED the stream key no longer exists
			4 RPUSH q b
			4< 1
			2< ["q" "b"]`},
		{"lists and streams under one key", `
			1 TREAD $ k
			2 BLPOP k 0
			3 TREAD $ k
			4 TADD k
			4< 1
			1< ["k" 1]
			3< ["k" 1]
			1 TREAD $ k
			4 DEL k
			4 RPUSH k a
			4< 1 1
			2< ["k" "a"]
			4 TADD k
			4 TADD k
			4< 1 2
			1< ["k" 2]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newCrew(t, 4)
			k.check = k.kv.checkBlocked // what is under the keys is no real stream
			addTestStreams(k.kv)
			k.play(tt.script)
		})
	}
}

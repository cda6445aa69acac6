package store

import (
	"math"

	"github.com/codecrafters-io/redis-starter-go/app/dict"
	"github.com/codecrafters-io/redis-starter-go/app/ttl"
)

// The commands on whole databases: DBSIZE, FLUSHALL, FLUSHDB, SWAPDB.

var keyspaceCommands = []command{
	{name: "dbsize", arity: 1, flags: readonly | fast, cats: catKeyspace, run: (*KVStore).cmdDbsize},
	{name: "flushall", arity: -1, flags: write, cats: catKeyspace | catDangerous, run: (*KVStore).cmdFlushall},
	{name: "flushdb", arity: -1, flags: write, cats: catKeyspace | catDangerous, run: (*KVStore).cmdFlushdb},
	{name: "swapdb", arity: 3, flags: write | fast, cats: catKeyspace | catDangerous, run: (*KVStore).cmdSwapdb},
}

// cmdDbsize serves DBSIZE. Keys that have expired count until they are removed.
func (kv *KVStore) cmdDbsize(c *Client, args []string) error {
	c.reply.Int(int64(c.db.keys.Len()))
	return nil
}

// cmdFlushall serves FLUSHALL [ASYNC|SYNC]. A snapshot under way would bring back
// what is flushed, and so would the one that there is: when save points ask for
// snapshots it is replaced at once, as in Redis.
func (kv *KVStore) cmdFlushall(c *Client, args []string) error {
	if err := c.empty(args, kv.dbs); err != nil {
		return err
	}
	if kv.saver != nil && !kv.saver.base {
		kv.abortSave()
	}
	if kv.savesItself() {
		kv.save() // when that fails the log says so
	}
	return nil
}

// cmdFlushdb serves FLUSHDB [ASYNC|SYNC].
func (kv *KVStore) cmdFlushdb(c *Client, args []string) error {
	return c.empty(args, []*database{c.db})
}

// empty serves the commands that empty databases. It is propagated even when they were empty.
func (c *Client) empty(args []string, dbs []*database) error {
	kv := c.kv
	async := kv.lazyUserFlush
	switch {
	case len(args) == 1:
	case len(args) == 2 && is(args[1], "sync"):
		async = false
	case len(args) == 2 && is(args[1], "async"):
		async = true
	default:
		return errSyntax
	}
	removed := kv.empty(dbs)
	kv.dirty += removed
	if async {
		kv.stats.lazyFreed += removed
	}
	c.effect(args...)
	c.reply.OK()
	return nil
}

// drainedAtOnce is the number of buckets up to which a dropped database is
// freed on the spot.
const drainedAtOnce = 256

// empty removes every key of the databases and returns how many there were. It
// takes no longer for many keys than for few: when no other keys are left the
// memory is dropped as a whole, else it is freed in steps.
func (kv *KVStore) empty(dbs []*database) (removed int64) {
	for _, db := range dbs {
		db.touchAllWatched(nil)
		kv.keysReady(db, db)
	}
	kv.invalidateAll()
	return kv.dropAll(dbs)
}

// dropAll is empty without telling anybody.
func (kv *KVStore) dropAll(dbs []*database) (removed int64) {
	buckets := 0
	for _, db := range dbs {
		removed += int64(db.keys.Len())
		buckets += db.keys.Buckets()
	}
	if buckets > drainedAtOnce && removed == kv.keyCount() && kv.saver == nil {
		kv.emptyArena()
		return removed
	}
	for _, db := range dbs {
		kv.drop(db)
	}
	return removed
}

// keyCount is the number of keys in all databases.
func (kv *KVStore) keyCount() (n int64) {
	for _, db := range kv.dbs {
		n += int64(db.keys.Len())
	}
	return n
}

// emptyArena drops all data at once. Nothing but data lives in the arena, so
// there is nothing to be kept.
func (kv *KVStore) emptyArena() {
	for _, db := range kv.dbs {
		db.keys, db.expires, db.hashes = dict.Dict{}, ttl.Index{}, ttl.Index{}
	}
	kv.drains = nil
	kv.arena.Reset()
	kv.cron.reclaim = true
	kv.cron.nudge()
}

// drop empties a database and leaves what was in it to be freed in steps,
// unless it is little.
func (kv *KVStore) drop(db *database) {
	if db.keys.Len() == 0 {
		return
	}
	dropped := &database{kv: kv, id: db.id, keys: db.keys, expires: db.expires, hashes: db.hashes, saving: db.saving}
	db.keys, db.expires, db.hashes, db.saving = dict.Dict{}, ttl.Index{}, ttl.Index{}, nil
	if dropped.saving != nil {
		dropped.saving.drop(dropped) // it is freed when it has been saved
		return
	}
	if dropped.keys.Buckets() <= drainedAtOnce {
		for !dropped.drain(drainedAtOnce) {
		}
		return
	}
	kv.drainLater(dropped)
}

// cmdSwapdb serves SWAPDB index1 index2.
func (kv *KVStore) cmdSwapdb(c *Client, args []string) error {
	first, err := parseIntRange(args[1], math.MinInt32, math.MaxInt32)
	if err != nil {
		return errFirstDB
	}
	second, err := parseIntRange(args[2], math.MinInt32, math.MaxInt32)
	if err != nil {
		return errSecondDB
	}
	if min(first, second) < 0 || max(first, second) >= int64(len(kv.dbs)) {
		return errDBIndex
	}
	kv.swap(kv.dbs[first], kv.dbs[second])
	kv.dirty++
	c.reply.OK()
	return nil
}

const (
	errFirstDB  replyError = "ERR invalid first DB index"
	errSecondDB replyError = "ERR invalid second DB index"
)

// swap exchanges the keys of two databases. Clients and what they wait for or
// watch stay with the number of the database.
func (kv *KVStore) swap(a, b *database) {
	if a == b {
		return
	}
	a.touchAllWatched(b)
	b.touchAllWatched(a)
	a.keys, b.keys = b.keys, a.keys
	a.expires, b.expires = b.expires, a.expires
	a.hashes, b.hashes = b.hashes, a.hashes
	swapSaving(a, b)
	kv.keysReady(a, b)
	kv.keysReady(b, a)
}

package store

import (
	"time"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// Expiry. A record holds the millisecond it expires at, the last one in which
// it is there. Whoever looks such a key up later removes it (peek); cron takes
// the others in time order from each database's index, so memory and `expired`
// events come when they are due. Both end in expireNow. The fields of hashes
// that expire have their own story, in type_hash_expire.go, of the same kind.

// expiryState steers active expiry.
type expiryState struct {
	off    bool  // DEBUG SET-ACTIVE-EXPIRE 0
	nextMs int64 // cron looks again after it; what expires before must nudge cron. 0: it need not
	turn   int   // of the databases, where the next slice begins
}

// expired reports whether the entry's time has come. While the data is loaded it
// never does: the commands of an append-only file were run when the key was there.
// Nor does it for the commands of a replica's master, which says when a key goes.
func (kv *KVStore) expired(e entry) bool {
	at := e.expireAt()
	return at >= 0 && kv.nowMs > at && !kv.snapshot.loading.active && !kv.repl.applying
}

// keysExpire reports whether expired keys are removed. They only stay hidden
// while writes are paused, for the data must not change then, and on a
// replica, to which the master says when they go; and while the data is loaded,
// when nobody looks.
func (kv *KVStore) keysExpire() bool {
	return kv.pause.kind == pauseNone && kv.Info.Role != "slave" && !kv.snapshot.loading.active
}

// expireNow removes an expired key, unless it is to stay hidden.
func (kv *KVStore) expireNow(db *database, e entry) {
	if kv.keysExpire() {
		kv.expireForWrite(db, e)
	}
}

// expireForWrite removes an expired key for a command that is about to write it.
func (kv *KVStore) expireForWrite(db *database, e entry) {
	kv.stats.expired++
	began := kv.latency.begin()
	kv.removeAndTell(db, e, eventExpired, "expired", kv.lazyExpire)
	kv.latency.end(began, "expire-del")
}

// removeAndTell removes a key that goes by itself and tells everybody. It is
// propagated as UNLINK when lazy.
func (kv *KVStore) removeAndTell(db *database, e entry, class int, event string, lazy bool) {
	db.unlink(e)
	key := e.key() // a view: the record is freed last
	kv.notify(class, event, key, db)
	kv.touchedByItself(db, key, class)
	kv.propagateDel(db, key, lazy)
	db.free(e)
}

// expireDue removes keys whose time has come until clockNs has passed end. It
// reports whether there are more. It begins with the database behind the one
// that took the rest of the last slice.
func (kv *KVStore) expireDue(end int64) (more bool) {
	if kv.expiry.off || !kv.keysExpire() {
		return false
	}
	start := kv.clockNs
	for range kv.dbs {
		kv.expiry.turn = (kv.expiry.turn + 1) % len(kv.dbs)
		if db := kv.dbs[kv.expiry.turn]; db.expireUntil(end) || db.expireHashesUntil(end) {
			more = true
			kv.stats.expireCapped++
			break
		}
	}
	kv.stats.expireNs += kv.clockNs - start
	kv.latency.note("expire-cycle", time.Duration(kv.clockNs-start))
	return more
}

// expireStep is how many keys are removed between two looks at the clock.
const expireStep = 16

// expireUntil is expireDue for one database. It takes a few keys at a time, to
// have their cache misses overlap.
func (db *database) expireUntil(end int64) (more bool) {
	kv := db.kv
	var refs [expireStep]arena.Ref
	var hashes [expireStep]uint64
	defer func() { kv.hint = commandHint{} }() // the hinted key is gone
	for {
		due := refs[:db.expires.Due(kv.arena, kv.nowMs, refs[:])]
		if len(due) == 0 {
			return false
		}
		for i, ref := range due {
			hashes[i] = kv.keyType.Hash(kv.entryAt(ref).key())
		}
		db.keys.Touch(kv.keyType, hashes[:len(due)])
		for i, ref := range due {
			e := kv.entryAt(ref)
			kv.hintKey(e.key(), hashes[i])
			kv.expireNow(db, e)
		}
		if kv.readClock(); kv.clockNs > end {
			return true
		}
	}
}

// entryAt is the entry of a record.
func (kv *KVStore) entryAt(ref arena.Ref) entry {
	return entry{ref, unsafe.Pointer(kv.arena.Ptr(ref))}
}

// wakeFor has cron wake in time for something that expires.
func (kv *KVStore) wakeFor(at int64) {
	if at < kv.expiry.nextMs {
		kv.expiry.nextMs = at
		kv.cron.nudge()
	}
}

// planExpiry is how long there is until a key or a field expires, a tick at the most.
// What is set to expire sooner from now on nudges cron.
func (kv *KVStore) planExpiry() time.Duration {
	if kv.expiry.off || !kv.keysExpire() {
		kv.expiry.nextMs = 0
		return tick
	}
	next := kv.nowMs + tick.Milliseconds()
	for _, db := range kv.dbs {
		if at, _, ok := db.expires.First(kv.arena); ok {
			next = min(next, at)
		}
		if at, _, ok := db.hashes.First(kv.arena); ok {
			next = min(next, at)
		}
	}
	kv.expiry.nextMs = next
	return time.Duration((next+1)*int64(time.Millisecond) - (kv.baseNs + kv.clockNs))
}

// keyspaceInfo is what INFO keyspace says of a database: its keys, those among
// them that expire, and the mean time these have left in ms.
func (db *database) keyspaceInfo() (keys, expires, avgTTL int64) {
	if expires = int64(db.expires.Len()); expires > 0 {
		avgTTL = max(db.expires.MeanMs()-db.kv.nowMs, 0)
	}
	return int64(db.keys.Len()), expires, avgTTL
}

package store

import (
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/dict"
	"github.com/codecrafters-io/redis-starter-go/app/ttl"
)

// The keyspace: databases of records. Everything a command does to a key goes
// through here, so that the table, the expiry index, the memory count and the
// watchers of the key agree. Handlers look a key up, act on the entry, and end
// a change with changed.

// A database is one of the numbered keyspaces.
type database struct {
	kv      *KVStore
	id      int
	keys    dict.Dict
	expires ttl.Index
	hashes  ttl.Index              // the roots of hashes whose fields expire, by the first of those
	watched map[string]*watchedKey // see cmd_transaction.go
	waiting map[string]*waitQueue  // see blocking.go
	saving  *savedTable            // see background_save.go
}

// hashOf is the key's hash, from the touching of keys when it was touched. An
// empty key may have no address, as the hint of no key has none.
func (kv *KVStore) hashOf(key string) uint64 {
	hint := &kv.hint.keyHint
	if hint.data != nil && unsafe.StringData(key) == hint.data && len(key) == hint.n {
		return hint.hash
	}
	return kv.keyType.Hash(key)
}

// A keyHint is the hash of the key that the command at hand starts with, or of
// the one that it comes to next.
type keyHint struct {
	data *byte
	n    int
	hash uint64
}

// touchMax is how many keys touchKeys loads ahead.
const touchMax = 64

// touchKeys loads what finding the keys will need, so that the cache misses of
// a command with many keys overlap. The keys are every step-th of args, up to
// touchMax; their hashes, which it returns, are for hintKey.
func (db *database) touchKeys(args []string, step int, hashes *[touchMax]uint64) []uint64 {
	return touchNamed(&db.keys, db.kv.keyType, args, step, hashes)
}

// touchNamed is touchKeys for what has these names in any table.
func touchNamed(d *dict.Dict, t *dict.Type, args []string, step int, hashes *[touchMax]uint64) []uint64 {
	n := 0
	for i := 0; i < len(args) && n < touchMax; i += step {
		hashes[n] = t.Hash(args[i])
		n++
	}
	if n > 1 {
		d.Touch(t, hashes[:n])
	}
	return hashes[:n]
}

// hintKey says that the next key to be looked up has this hash.
func (kv *KVStore) hintKey(key string, hash uint64) {
	kv.hint.keyHint = keyHint{unsafe.StringData(key), len(key), hash}
}

// find finds a key whether or not it has expired.
func (db *database) find(key string) entry {
	kv := db.kv
	ref := db.keys.Find(kv.keyType, kv.hashOf(key), key)
	if ref == 0 {
		return entry{}
	}
	return entry{ref, kv.arena.Ptr(ref)}
}

// peek finds a key that has not expired, without marking it as used.
// An expired one is removed on the way.
func (db *database) peek(key string) entry {
	e := db.find(key)
	if e.ok() && e.hasExpiry() && db.kv.expired(e) {
		db.kv.expireNow(db, e)
		return entry{}
	}
	return e
}

// lookupRead finds a key for a command that reads it: it counts as a hit or a
// miss and as a use of the key.
func (db *database) lookupRead(key string) entry {
	e := db.lookupNoTouch(key)
	if e.ok() {
		db.kv.touch(e)
	}
	return e
}

// lookupNoTouch finds a key for a command that asks about it: it counts as a
// hit or a miss, but not as a use.
func (db *database) lookupNoTouch(key string) entry {
	e := db.lookupQuiet(key)
	if !e.ok() && db.kv.keyspaceEvents&eventKeyMiss != 0 {
		db.kv.notify(eventKeyMiss, "keymiss", key, db)
	}
	return e
}

// lookupQuiet is lookupNoTouch without the event of a miss.
func (db *database) lookupQuiet(key string) entry {
	e := db.peek(key)
	if e.ok() {
		db.kv.stats.hits++
	} else {
		db.kv.stats.misses++
	}
	return e
}

// lookupWrite finds a key for a command that changes it. A key that it does not
// find is in no table, as store wants it: an expired one goes even in a pause,
// which a write that gets here is exempt from.
func (db *database) lookupWrite(key string) entry {
	e := db.find(key)
	if !e.ok() {
		return e
	}
	if db.kv.saver != nil {
		db.saveFirst(key)
		db.ownValue(e)
	}
	if e.hasExpiry() && db.kv.expired(e) {
		if !db.kv.readOnly { // else nothing is written, whatever the command might
			db.kv.expireForWrite(db, e)
		}
		return entry{}
	}
	db.kv.touch(e)
	return e
}

// lookupType is lookupRead for a value of type t; a key of another type is an
// error.
func (db *database) lookupType(key string, t valueType) (entry, error) {
	e := db.lookupRead(key)
	if e.ok() && e.typ() != t {
		return entry{}, errWrongType
	}
	return e, nil
}

// lookupTypeWrite is lookupWrite for a value of type t.
func (db *database) lookupTypeWrite(key string, t valueType) (entry, error) {
	e := db.lookupWrite(key)
	if e.ok() && e.typ() != t {
		return entry{}, errWrongType
	}
	return e, nil
}

// lookupString is lookupType for a string.
func (db *database) lookupString(key string) (entry, error) { return db.lookupType(key, typeString) }

// lookupStringWrite is lookupTypeWrite for a string.
func (db *database) lookupStringWrite(key string) (entry, error) {
	return db.lookupTypeWrite(key, typeString)
}

// touch marks a key as used now.
func (kv *KVStore) touch(e entry) {
	if kv.client != nil && kv.client.noTouch {
		return
	}
	if kv.lfu {
		e.setAccess(kv.lfuBump(e.access()))
	} else if e.access() != kv.lruClock {
		e.setAccess(kv.lruClock)
	}
}

// bytes is a view of a string's bytes, good until the next string is viewed
// or changed.
func (kv *KVStore) bytes(e entry) []byte { return e.stringBytes(kv.arena, &kv.scratch) }

// str is bytes as a string.
func (kv *KVStore) str(e entry) string { return viewString(kv.bytes(e)) }

// viewString is b as a string, without a copy.
func viewString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// place makes room for a value of size bytes under key, in the place of old,
// which is what lookupWrite found there: in its block, when that is the one
// that the new record would get. The old value is gone; the new one's bytes are
// the caller's to write. key must not be a view of old.
func (db *database) place(old entry, key string, t valueType, enc encoding, size int, expireAt int64) entry {
	a := db.kv.arena
	need := recordSize(len(key), size, expireAt >= 0)
	if !old.ok() {
		return db.insert(key, t, enc, need, expireAt)
	}
	if len(db.waiting) != 0 && (t.blocksFor() || old.typ() == typeStream) {
		db.kv.keyReady(db, key) // for who wants the new value, or needs the stream
	}
	was := old.expireAt()
	db.saveFirst(key)
	db.disown(old)
	if a.Cap(old.ref) == arena.RoundUp(need) {
		db.freeOutside(old)
		if kind := kindOf(t, enc, expireAt >= 0); old.kind() != kind {
			old.writeHead(key, kind, old.access())
		}
		db.reindex(old, old, was, expireAt)
		return old
	}
	e := db.newRecord(key, kindOf(t, enc, expireAt >= 0), need, old.access())
	db.keys.Replace(db.kv.keyType, db.kv.hashOf(key), old.ref, e.ref)
	db.reindex(old, e, was, expireAt)
	db.free(old)
	return e
}

// insert makes the record of a key that is not in the table.
func (db *database) insert(key string, t valueType, enc encoding, size int, expireAt int64) entry {
	kv := db.kv
	db.saveFirst(key)
	e := db.newRecord(key, kindOf(t, enc, expireAt >= 0), size, kv.newAccess())
	db.keys.Insert(kv.keyType, kv.hashOf(key), e.ref)
	if expireAt >= 0 {
		e.putExpireAt(expireAt)
		db.schedule(expireAt, e.ref)
		db.noteOwn(key)
	}
	if kv.keyspaceEvents&eventNew != 0 && !kv.snapshot.loading.active {
		kv.notify(eventNew, "new", key, db)
	}
	if len(db.waiting) != 0 && t.blocksFor() {
		kv.keyReady(db, key)
	}
	return e
}

// newRecord allocates a record of size bytes and writes everything before the
// value but the expiry.
func (db *database) newRecord(key string, kind uint8, size int, access uint32) entry {
	ref := db.kv.arena.Alloc(size)
	e := entry{ref, db.kv.arena.Ptr(ref)}
	e.writeHead(key, kind, access)
	return e
}

// freeOutside frees what the value keeps outside its record. The values of a database
// that was dropped have been counted with it.
func (db *database) freeOutside(e entry) {
	switch enc := e.enc(); {
	case enc == encRawOutside && e.outsideRef() != 0:
		db.kv.arena.Free(e.outsideRef())
	case enc.ofBlocks():
		if kv := db.kv; kv.dropValue(enc, e.outsideRef()) && kv.dbs[db.id] == db {
			kv.stats.lazyFreed++
		}
	}
}

// remake gives a record another expiry or value size, keeping as much of the
// value part as both have. Its type and encoding stay; it may move.
func (db *database) remake(e entry, valueSize int, expireAt int64) entry {
	a := db.kv.arena
	key := e.key()
	db.saveFirst(key)
	was := e.expireAt()
	n := min(e.valueSize(), valueSize)
	need := recordSize(len(key), valueSize, expireAt >= 0)
	kind := kindOf(e.typ(), e.enc(), expireAt >= 0)
	if a.Cap(e.ref) == arena.RoundUp(need) {
		if e.kind() != kind {
			e.shift(uvarintSize(len(key)) + len(key) + n)
		}
		return db.reindex(e, e, was, expireAt)
	}
	to := db.newRecord(key, kind, need, e.access())
	copy(unsafe.Slice((*byte)(to.value()), n), unsafe.Slice((*byte)(e.value()), n))
	db.kv.moved(to)
	return db.move(e, to, was, expireAt)
}

// resizeValue gives the value part of a record size bytes, keeping as many of
// them as there were. The record may move.
func (db *database) resizeValue(e entry, size int) entry {
	return db.remake(e, size, e.expireAt())
}

// recast gives a record another encoding of its type, with a value part of size
// bytes, which the caller writes. What the old value had outside is the
// caller's to free.
func (db *database) recast(e entry, enc encoding, size int) entry {
	at := e.expireAt()
	key := e.key()
	db.saveFirst(key)
	to := db.newRecord(key, kindOf(e.typ(), enc, at >= 0), recordSize(len(key), size, at >= 0), e.access())
	return db.move(e, to, at, at)
}

// move puts the record to, which has the key, in the place of from and frees
// that. What from has outside is to's now.
func (db *database) move(from, to entry, was, expireAt int64) entry {
	db.keys.Replace(db.kv.keyType, db.kv.hashOf(to.key()), from.ref, to.ref)
	db.reindex(from, to, was, expireAt)
	db.kv.arena.Free(from.ref)
	return to
}

// reindex tells the expiry index that a record has moved or changed its expiry,
// and writes the expiry.
func (db *database) reindex(from, to entry, was, expireAt int64) entry {
	if was == expireAt && from.ref == to.ref {
		return to
	}
	if was >= 0 {
		db.expires.Remove(db.kv.arena, was, from.ref)
	}
	if expireAt >= 0 {
		to.putExpireAt(expireAt)
		db.schedule(expireAt, to.ref)
		if was != expireAt {
			db.noteOwn(to.key())
		}
	}
	return to
}

// setExpiry gives the key an expiry in ms, or takes it away with -1. The entry
// may move.
func (db *database) setExpiry(e entry, at int64) entry {
	return db.remake(e, e.valueSize(), at)
}

// schedule enters a record into the expiry index and has cron wake in time.
func (db *database) schedule(at int64, ref arena.Ref) {
	db.expires.Insert(db.kv.arena, at, ref)
	db.kv.wakeFor(at)
}

// unlink takes a record out of the tables without freeing it.
func (db *database) unlink(e entry) {
	kv := db.kv
	if len(db.waiting) != 0 && e.typ() == typeStream {
		kv.keyReady(db, e.key()) // for who needs the stream
	}
	db.saveFirst(e.key())
	db.keys.Remove(kv.keyType, kv.hashOf(e.key()), e.ref)
	if at := e.expireAt(); at >= 0 {
		db.expires.Remove(kv.arena, at, e.ref)
	}
	db.disown(e)
}

// remove removes a record and frees it, telling nobody.
func (db *database) remove(e entry) {
	db.unlink(e)
	db.free(e)
}

// drain frees the records of a dropped database, so many buckets of them. It
// reports whether it is done.
func (db *database) drain(buckets int) (done bool) {
	kv := db.kv
	done = db.keys.Drain(kv.keyType, buckets, func(ref arena.Ref) { db.free(kv.entryAt(ref)) })
	return db.expires.Free(kv.arena, buckets) && db.hashes.Free(kv.arena, buckets) && done
}

// pending is the number of values in a database.
func (db *database) pending() int64 { return int64(db.keys.Len()) }

// free frees a record that no table refers to any more.
func (db *database) free(e entry) {
	db.freeOutside(e)
	db.kv.arena.Free(e.ref)
}

// changed says that the value of key has changed: its watchers' transactions
// fail, and clients that cache it will hear of it. event, when not empty, is
// published to those who asked for keyspace events of that class.
func (kv *KVStore) changed(db *database, key string, class int, event string) {
	kv.changedBy(db, key, class, event, 1)
}

// changedBy is changed for a command that counts as so many changes.
func (kv *KVStore) changedBy(db *database, key string, class int, event string, changes int) {
	kv.touched(db, key)
	kv.notify(class, event, key, db)
	kv.dirty += int64(changes)
}

// touched is changed without an event and without counting.
func (kv *KVStore) touched(db *database, key string) {
	if len(db.watched) != 0 {
		db.touchWatched(key)
	}
	if kv.tracking.known != 0 {
		kv.invalidate(key, kv.client, false)
	}
}

// touchedByItself is touched for a key that no client has changed: it has expired,
// or had to go for want of room. The latter comes before the command that needs
// the room, and is told before its reply.
func (kv *KVStore) touchedByItself(db *database, key string, class int) {
	if len(db.watched) != 0 {
		db.touchWatched(key)
	}
	if kv.tracking.known != 0 {
		kv.invalidate(key, nil, class == eventEvicted)
	}
}

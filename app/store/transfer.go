package store

import (
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// Records that change their key or their database, and copies of them. The
// key lies in the record, so a new record is made in either case. A value is
// bytes within the record and, if its encoding says so, references to blocks
// outside: the former are copied as they are whatever the type; what the latter
// refer to stays where it is when a record moves, and is doubled by copyOutside
// when it is copied.

// transfer gives the record another key or another database or both, in place
// of the key that is there. It tells nobody. e is gone.
func (db *database) transfer(e entry, to *database, key string) entry {
	to.dislodge(key)
	moved := to.place(entry{}, key, e.typ(), e.enc(), e.valueSize(), e.expireAt())
	moved.copyValue(e)
	moved.setAccess(e.access())
	db.unlink(e)
	db.kv.arena.Free(e.ref)
	to.adopt(moved)
	return moved
}

// duplicate makes a copy of the record under another key or in another
// database or both, in place of the key that is there. It tells nobody.
func (db *database) duplicate(e entry, to *database, key string) entry {
	ref := db.kv.copyOutside(e)
	to.dislodge(key)
	c := to.place(entry{}, key, e.typ(), e.enc(), e.valueSize(), e.expireAt())
	c.copyValue(e)
	if ref != 0 {
		c.setOutsideRef(ref)
		to.adopt(c)
	}
	return c
}

// dislodge removes a key that is about to be replaced, even one that has
// expired and is only hidden.
func (db *database) dislodge(key string) {
	if old := db.find(key); old.ok() {
		db.remove(old)
	}
}

// copyOutside copies what the value refers to, 0 when it refers to nothing.
func (kv *KVStore) copyOutside(e entry) arena.Ref {
	switch enc := e.enc(); {
	case enc == encRawOutside:
		n := e.stringLen()
		ref := kv.arena.Alloc(n)
		copy(kv.arena.Bytes(ref, n), kv.arena.Bytes(e.outsideRef(), n))
		return ref
	case enc.ofBlocks():
		return kv.copyBlocks(enc, e.outsideRef())
	}
	return 0
}

// setOutsideRef replaces the reference of an outside value.
func (e entry) setOutsideRef(ref arena.Ref) { *(*arena.Ref)(e.value()) = ref }

// copyValue copies the value part of a record into one that was made for it.
func (e entry) copyValue(from entry) {
	n := from.valueSize()
	copy(unsafe.Slice((*byte)(e.value()), n), unsafe.Slice((*byte)(from.value()), n))
}

// bytesOf is the memory that a key takes: its record, what that refers to, and
// its share of the tables. samples is how many elements of a value made of
// many blocks are looked at, the others being taken for average.
func (db *database) bytesOf(e entry, samples int64) int64 {
	a := db.kv.arena
	n := int64(a.Cap(e.ref)) + db.keys.Bytes(db.kv.keyType)/int64(db.keys.Len())
	if e.hasExpiry() {
		n += db.expires.Bytes(a) / int64(db.expires.Len())
	}
	return n + db.kv.outsideBytes(e, samples)
}

// outsideBytes is the memory of the blocks that a value refers to.
func (kv *KVStore) outsideBytes(e entry, samples int64) int64 {
	switch enc := e.enc(); {
	case enc == encRawOutside:
		return int64(kv.arena.Cap(e.outsideRef()))
	case enc.ofBlocks():
		return kv.blockBytes(enc, e.outsideRef(), samples)
	}
	return 0
}

package store

import (
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// Strings as values. A string is an integer, or text within its record (embstr,
// or raw once it has been changed in place or is longer), or raw text in a
// block of its own. Which one a command leaves behind is Redis's choice in each
// case, for OBJECT ENCODING shows it.

// set makes key a string of the given value, whatever it was. An expiry is
// dropped unless keepTTL. It does not tell anybody: that is changed's work.
func (db *database) set(key, value string, keepTTL bool) entry {
	old := db.lookupWrite(key)
	if keepTTL && old.ok() {
		return db.store(old, key, value, old.expireAt())
	}
	return db.store(old, key, value, -1)
}

// store puts a string with an expiry, -1 for none, in the place of old, which
// is what lookupWrite found under key. Neither key nor value may be a view of
// old. An integer is encoded as one.
func (db *database) store(old entry, key, value string, expireAt int64) entry {
	if n, ok := canonicalInt(value); ok {
		return db.storeInt(old, key, n, expireAt)
	}
	return db.storeText(old, key, value, expireAt)
}

// storeInt is store for an integer.
func (db *database) storeInt(old entry, key string, n, expireAt int64) entry {
	e := db.place(old, key, typeString, encInt, intSize, expireAt)
	e.setInteger(n)
	return e
}

// storeText is store for what is to remain text even if it is an integer.
func (db *database) storeText(old entry, key, value string, expireAt int64) entry {
	n := len(value)
	if n > embstrMax {
		e, b := db.storeRaw(old, key, n, expireAt)
		copy(b, value)
		return e
	}
	e := db.place(old, key, typeString, encEmbstr, embstrHead+n, expireAt)
	v := e.value()
	*(*uint8)(v) = uint8(n)
	copy(unsafe.Slice((*byte)(unsafe.Add(v, embstrHead)), n), value)
	return e
}

// storeRaw is store for a raw string of n bytes, which the caller writes.
func (db *database) storeRaw(old entry, key string, n int, expireAt int64) (entry, []byte) {
	a := db.kv.arena
	if n > inlineMax {
		ref := db.outsideBlock(old, n)
		return db.storeBlock(old, key, ref, n, expireAt), a.Bytes(ref, n)
	}
	e := db.place(old, key, typeString, encRaw, rawHead+n, expireAt)
	e.setRawLen(n)
	return e, e.stringBytes(a, nil)
}

// insertZeros makes a new key, whose value is a raw string of n zeros.
func (db *database) insertZeros(key string, n int) []byte {
	a := db.kv.arena
	if n > inlineMax {
		ref := a.AllocZero(n)
		db.storeBlock(entry{}, key, ref, n, -1)
		return a.Bytes(ref, n)
	}
	_, b := db.storeRaw(entry{}, key, n, -1)
	clear(b)
	return b
}

// storeBlock is store for a raw string of n bytes in a block of its own.
func (db *database) storeBlock(old entry, key string, ref arena.Ref, n int, expireAt int64) entry {
	e := db.place(old, key, typeString, encRawOutside, outside, expireAt)
	e.setOutside(ref, n)
	return e
}

// outsideBlock is a block of n bytes for the value that will replace old: old's
// own, when it has the size, so that overwriting needs no second one.
func (db *database) outsideBlock(old entry, n int) arena.Ref {
	a := db.kv.arena
	if old.ok() && old.enc() == encRawOutside && a.Cap(old.outsideRef()) == arena.RoundUp(n) {
		ref := old.outsideRef()
		old.setOutside(0, 0)
		return ref
	}
	return a.Alloc(n)
}

// resize makes e a raw string of n bytes, for the caller to change in place:
// what it had stays, what is new is zero.
func (db *database) resize(e entry, n int) (entry, []byte) {
	old := e.stringLen()
	e, b := db.makeRaw(e, n)
	if n > old {
		clear(b[old:])
	}
	return e, b
}

// makeRaw is resize with the new bytes left undefined.
func (db *database) makeRaw(e entry, n int) (entry, []byte) {
	a := db.kv.arena
	switch {
	case e.enc() == encRawOutside:
		ref := e.outsideRef()
		if n > a.Cap(ref) {
			ref = a.Resize(ref, e.stringLen(), roomFor(n))
		}
		e.setOutside(ref, n)
	case n > inlineMax:
		e = db.moveOutside(e, n)
	default:
		if e.enc() != encRaw || a.Cap(e.ref) < recordSize(len(e.key()), rawHead+n, e.hasExpiry()) {
			e = db.moveRaw(e, n)
		}
		e.setRawLen(n)
	}
	return e, db.kv.bytes(e)
}

// roomFor leaves a growing string room to grow, as Redis's strings do: twice
// the size up to a mebibyte, a mebibyte more from there.
func roomFor(n int) int {
	const greedyMax = 1 << 20
	if n < greedyMax {
		return 2 * n
	}
	return n + greedyMax
}

// moveOutside moves a string from its record to a block with room for n bytes.
func (db *database) moveOutside(e entry, n int) entry {
	a := db.kv.arena
	value := db.kv.bytes(e)
	ref := a.Alloc(roomFor(n))
	copy(a.Bytes(ref, n), value)
	at := e.expireAt()
	key := e.key()
	to := db.newRecord(key, kindOf(typeString, encRawOutside, at >= 0), recordSize(len(key), outside, at >= 0), e.access())
	to.setOutside(ref, n)
	return db.move(e, to, at, at)
}

// moveRaw moves a string to a record where it is raw and n bytes have room.
func (db *database) moveRaw(e entry, n int) entry {
	value := db.kv.bytes(e)
	at := e.expireAt()
	key := e.key()
	room := n
	if n > len(value) {
		room = min(roomFor(n), inlineMax)
	}
	to := db.newRecord(key, kindOf(typeString, encRaw, at >= 0), recordSize(len(key), rawHead+room, at >= 0), e.access())
	to.setRawLen(n)
	copy(to.stringBytes(db.kv.arena, nil), value)
	return db.move(e, to, at, at)
}

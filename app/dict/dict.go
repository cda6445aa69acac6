// Package dict is a hash table of records that live in an arena: the keyspace,
// big hashes, sets and member indexes are all tables of this kind.
//
// The table is a linear hash table (Litwin 1980). It grows and shrinks by one
// bucket at a time, so no operation ever pays for rehashing the whole of it.
// With 2^level <= buckets < 2^(level+1), a hash belongs to the bucket named by
// its low level+1 bits, or, when that one does not exist yet, by its low level
// bits. Growing splits bucket buckets-2^level in two; shrinking undoes that.
//
//	Dict ── root ─▶ segment                         up to 1024 buckets
//	Dict ── root ─▶ directory ─▶ segment, segment…  more
//	                             │
//	                             ▼
//	                     home bucket, 64 bytes ─▶ overflow block ─▶ …
//
// A bucket is one cache line: ten one-byte tags that tell most strangers
// apart without looking at their records, and ten references of five bytes.
// What does not fit goes to a chain of overflow blocks, see block.go.
//
// Everything is in the arena and a Dict holds no Go pointer: the collector
// never sees the table, whatever its size.
package dict

import (
	"hash/maphash"
	"math"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

const (
	// Elements per home bucket, in halves, above which an Insert splits a
	// bucket. Memory is the reason for more than a Poisson distribution puts
	// into ten slots comfortably: overflow blocks fit their content, empty
	// slots of home buckets do not.
	growLoadHalves = 19

	// Elements per home bucket below which a Remove merges two. Far below the
	// load at which tables grow, so that a table never swings between the two.
	shrinkLoad = 4

	// Buckets that one Insert or Remove adds or takes away at most. One keeps
	// pace with single elements; two catch up after a pause.
	resizeSteps = 2
)

// A Type says where a table's records keep their keys. Tables that share a
// Type share its hash function.
type Type struct {
	Arena     *arena.Arena
	KeyOffset int  // bytes before the key's length in a record
	Expiry    bool // a record whose first byte has its top bit set holds 8 more bytes before the key's length

	expiryBytes uint8 // 8 when Expiry, else 0
	seed        maphash.Seed
}

// NewType returns a Type with a seed of its own.
func NewType(a *arena.Arena, keyOffset int, expiry bool) *Type {
	t := &Type{Arena: a, KeyOffset: keyOffset, Expiry: expiry, seed: maphash.MakeSeed()}
	if expiry {
		t.expiryBytes = 8
	}
	return t
}

// In returns a Type of the same hash function for tables in another arena.
func (t *Type) In(a *arena.Arena) *Type {
	other := *t
	other.Arena = a
	return &other
}

// Hash returns the hash of a key, as the other operations want it.
func (t *Type) Hash(key string) uint64 { return maphash.String(t.seed, key) }

// Key returns the key of a record: a view into the arena that dies with it.
func (t *Type) Key(r arena.Ref) string {
	p := t.keyLength(r)
	if n := *(*uint8)(p); n < 0x80 {
		return unsafe.String((*byte)(unsafe.Add(p, 1)), int(n))
	}
	return longKey(p)
}

// keyLength returns the address of the uvarint that begins a record's key.
func (t *Type) keyLength(r arena.Ref) unsafe.Pointer {
	p := t.Arena.Ptr(r)
	return unsafe.Add(p, t.KeyOffset+int(*(*uint8)(p)>>7*t.expiryBytes))
}

// longKey is the key that begins at p with a length of several bytes.
func longKey(p unsafe.Pointer) string {
	n := 0
	for shift := 0; ; shift += 7 {
		c := *(*uint8)(p)
		p = unsafe.Add(p, 1)
		n |= int(c&0x7f) << shift
		if c < 0x80 {
			return unsafe.String((*byte)(p), n)
		}
	}
}

// A Dict is a hash table of references to records, at most one per key. The
// zero value is an empty table without memory. It holds no pointers and may
// lie in Go memory or in an arena block, and may be copied when the copy alone
// is used from then on. All methods of a table, and of all tables over one
// arena, need one lock around them.
type Dict struct {
	elements uint64
	buckets  uint64    // home buckets; 0 when the table has no memory
	root     arena.Ref // the only segment, or the directory of several
	overflow uint64    // arena bytes of all overflow blocks

	longest uint16 // no chain has more elements; saturates
	fresh   uint16 // nor has a chain that was written since the number of buckets was a power of two
	pauses  uint16 // PauseResize calls without their ResumeResize
	level   uint8  // 2^level <= buckets < 2^(level+1)
	sweep   uint8  // the level at which fresh started
}

// Len returns the number of elements.
func (d *Dict) Len() int { return int(d.elements) }

// Buckets returns the number of home buckets, which Scan visits one by one.
func (d *Dict) Buckets() int { return int(d.buckets) }

// home returns the number of the home bucket of a hash.
func (d *Dict) home(hash uint64) uint64 {
	half := uint64(1) << (d.level & 63)
	i := hash & (2*half - 1)
	// All ones when i >= buckets: a branch would be mispredicted all the time.
	missing := uint64(int64(d.buckets-1-i) >> 63)
	return i &^ (half & missing)
}

// Find returns the record with the key, whose hash is given, or 0.
func (d *Dict) Find(t *Type, hash uint64, key string) arena.Ref {
	if d.elements == 0 {
		return 0
	}
	b := d.bucket(t.Arena, d.home(hash))
	pattern := tagPattern(hash)
	for {
		for m := b.match(pattern); m != 0; m &= m - 1 {
			if r := b.ref(slotOf(m)); t.hasKey(r, key) {
				return r
			}
		}
		if !b.linked() {
			return 0
		}
		b = b.next(t.Arena)
	}
}

// hasKey reports whether key is the key of r.
func (t *Type) hasKey(r arena.Ref, key string) bool {
	p := t.keyLength(r)
	n := int(*(*uint8)(p))
	if n >= 0x80 {
		return longKey(p) == key
	}
	return unsafe.String((*byte)(unsafe.Add(p, 1)), n) == key
}

// Insert adds a complete record whose key, of the given hash, is not in the
// table. It may split a bucket, which reads the records of that bucket.
func (d *Dict) Insert(t *Type, hash uint64, r arena.Ref) {
	if d.buckets == 0 {
		d.addBucket(t.Arena).clear()
	}
	d.put(t.Arena, d.bucket(t.Arena, d.home(hash)), newEntry(hash, r))
	d.elements++
	if d.overloaded() {
		d.CatchUp(t, resizeSteps)
	}
}

// Replace puts the reference new in the place of old, after a record with this
// hash has moved. It looks at neither record.
func (d *Dict) Replace(t *Type, hash uint64, old, new arena.Ref) {
	_, b, slot := d.seek(t.Arena, hash, old)
	b.set(slot, newEntry(hash, new))
}

// Remove takes a record with this hash out of the table without looking at it.
// It may merge two buckets. A table whose last element goes, and which is not
// paused, gives all its memory back.
func (d *Dict) Remove(t *Type, hash uint64, r arena.Ref) {
	d.cut(t.Arena, hash, r)
	d.elements--
	if d.underloaded() {
		d.CatchUp(t, resizeSteps)
	}
	if d.elements == 0 && d.pauses == 0 {
		d.release(t.Arena)
	}
}

// Bytes returns the arena bytes that the table holds, without its records.
func (d *Dict) Bytes(*Type) int64 {
	if d.buckets == 0 {
		return 0
	}
	last := segments(d.buckets) - 1
	n := int(last)*segmentBytes + arena.RoundUp(segmentSize(last, d.buckets-last*segmentBuckets)) + int(d.overflow)
	if last > 0 {
		n += arena.RoundUp(directoryBytes(last + 1))
	}
	return int64(n)
}

// note records that a chain has been written and has n elements now.
func (d *Dict) note(n int) {
	c := uint16(min(n, math.MaxUint16))
	d.longest = max(d.longest, c)
	d.fresh = max(d.fresh, c)
}

// swept is called after each split and merge. When the number of buckets has
// become a power of two, and was another one before, every chain has been
// split or merged in between, and fresh has seen all of them: chains that a
// pause let grow are forgotten.
func (d *Dict) swept() {
	if d.buckets&(d.buckets-1) != 0 {
		return
	}
	if d.level != d.sweep {
		d.longest = d.fresh
	}
	d.sweep, d.fresh = d.level, 0
}

// Package ttl keeps what expires in order of time.
//
// An Index is a B+tree of arena blocks over entries of a millisecond and the
// reference of what expires then. An entry takes 11 bytes of a leaf: 48 bits of
// time above 40 of reference, which is also their order.
//
// Nodes are only as big as their entries need, in steps of an eighth. So it
// hardly matters to the memory how full they are, and they are split where it
// suits the order of arrival and merged late.
//
//	inner   [count][room][ key | child ][ key | child ] …   16 bytes each
//	leaf    [count][room][last][ entry ][ entry ] …         11 bytes each
//
// What lies under child i is not below its key, and below the key of child i+1;
// the key of child 0 does not count.
//
// Every change keeps the tree whole at each point where it asks for memory, so
// that an arena without any cannot damage it.
package ttl

import (
	"math/bits"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// MaxMs is the latest time an Index tells apart, some 8900 years after 1970.
const MaxMs = 1<<48 - 1

// The sizes of full nodes.
const (
	leafBytes  = 768
	innerBytes = 512
)

// heightMax is more levels of inner nodes than 2^64 insertions can make: a level
// more needs 16 times as many splits.
const heightMax = 16

// An Index holds pairs of an expiry and a reference, each pair once. The zero
// Index is empty. It has no pointers, so it may lie in an arena, and may be
// copied as long as only one of the copies is used further.
//
// Times are taken as they are in [0, MaxMs]; earlier and later ones count as
// these bounds, in all methods alike.
type Index struct {
	root   arena.Ref
	length int
	sumHi  uint64 // the sum of all times has 128 bits
	sumLo  uint64
	bytes  int64 // Caps of all nodes
	height uint8 // levels of inner nodes
}

// An entry is a time and a reference as one number of 88 bits.
type entry struct {
	hi uint64 // time, upper 16 bits of the reference
	lo uint64 // lower 24 bits of the reference
}

func newEntry(atMs int64, ref arena.Ref) entry {
	at := uint64(min(max(atMs, 0), MaxMs))
	return entry{at<<16 | uint64(ref)>>24, uint64(ref) & (1<<24 - 1)}
}

func (e entry) atMs() uint64   { return e.hi >> 16 }
func (e entry) ref() arena.Ref { return arena.Ref(e.hi<<48>>24 | e.lo) }

func (e entry) less(other entry) bool {
	return e.hi < other.hi || e.hi == other.hi && e.lo < other.lo
}

// A step is an inner node on the way to a leaf and the child taken. The root has
// the zero step for its parent.
type step struct {
	ref   arena.Ref
	child int
}

// Len returns the number of entries.
func (x *Index) Len() int { return x.length }

// SumMs returns the sum of all times, hi<<64 + lo.
func (x *Index) SumMs() (hi, lo uint64) { return x.sumHi, x.sumLo }

// MeanMs returns the mean of all times, rounded down; 0 when there are none.
func (x *Index) MeanMs() int64 {
	if x.length == 0 {
		return 0
	}
	mean, _ := bits.Div64(x.sumHi, x.sumLo, uint64(x.length))
	return int64(mean)
}

// Bytes returns the memory of the nodes, as the arena accounts for it.
func (x *Index) Bytes(*arena.Arena) int64 { return x.bytes }

// First returns the earliest entry; not ok when there is none. Entries of the
// same millisecond come in order of their references.
func (x *Index) First(a *arena.Arena) (atMs int64, ref arena.Ref, ok bool) {
	if x.root == 0 {
		return 0, 0, false
	}
	at := x.root
	for range x.height {
		at = node{a.Ptr(at)}.child(0)
	}
	e := node{a.Ptr(at)}.entry(0)
	return int64(e.atMs()), e.ref(), true
}

// Package tree keeps entries of a number and a reference in order, and knows
// at what position each stands. Big sorted sets, lists and streams are such
// trees; they differ in what the number means:
//
//	sorted set   the score as ordered bits; entries alike in it are in the order
//	             of their members, which Type.Tie compares
//	stream       the milliseconds of the first ID in a block; then its sequence
//	list         the number of elements in a block: its weight. The order is
//	             that of insertion, and entries are found by position
//
// A Tree is a B+tree (Bayer and McCreight 1972) of arena blocks. Its inner nodes
// are counted: each keeps the weight below every child, so that finding the
// entry at a position, or the position of an entry, takes one walk from the root.
//
//	inner   [count][room] keys… refs… weights… children…   8 + 5 + 8 + 5 bytes each
//	leaf    [count][room] keys… refs…                       8 + 5 bytes each
//
// Key and reference i of an inner node are exactly the first entry under its
// child i. A reference to what is no longer in the tree would be compared and
// be dangling. What an inner node says of child 0 does not count, and is old.
//
// Nodes are only as big as their entries need, in the steps of the arena's
// classes. So it hardly matters to the memory how full they are, and they are
// merged late. Leaves that are filled from one end are left full behind.
//
// A Cursor holds the whole way to an entry. There are no links from leaf to
// leaf: nodes move when they grow, and only the parent has to know.
//
// Every change keeps the tree whole at each point where it asks for memory, so
// that an arena without any cannot damage it.
package tree

import (
	"iter"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// heightMax is more levels of inner nodes than there can be. An inner node
// splits in the middle when it is full, and merging fills no more than three
// quarters, so that ten children at least are new in each node that splits: a
// level more needs ten times as many insertions.
const heightMax = 16

// An Entry is what a tree holds. Ref has 40 bits.
type Entry struct {
	Key uint64
	Ref arena.Ref
}

// A Type says how a tree's entries are to be taken. Trees may share one.
type Type struct {
	Arena *arena.Arena

	// Weighted says that Key is the entry's weight, not its place: positions
	// count weights, and the order is the one made by Insert.
	Weighted bool

	// Tie compares an entry with a probe when their keys are equal: negative
	// when the entry comes first, 0 when it is what the probe describes. It must
	// not change the tree. A Weighted type needs none.
	Tie func(ref arena.Ref, probe string) int
}

// weight returns what the entry adds to positions.
func (ty *Type) weight(e Entry) uint64 {
	if ty.Weighted {
		return e.Key
	}
	return 1
}

// A Tree is an ordered set of entries. The zero value is an empty tree without
// memory. It has no pointers, so it may lie in an arena block, and may be copied
// as long as only one of the copies is used further. All methods of all trees
// over one arena need one lock around them.
//
// To build a tree from what is sorted, insert each entry behind the one before:
// leaves are left full behind. Insert leaves the cursor at the new entry, so
// that Next and Insert, without seeking, build from the front to the back.
type Tree struct {
	root   arena.Ref
	length uint64
	weight uint64 // of all entries; length unless weighted
	bytes  int64  // Caps of all nodes
	height uint8  // levels of inner nodes
}

// Len returns the number of entries.
func (t *Tree) Len() int { return int(t.length) }

// Weight returns the weights of all entries together, which is the number of
// positions. It is Len unless the tree is weighted.
func (t *Tree) Weight() uint64 { return t.weight }

// Bytes returns the memory of the nodes, as the arena accounts for it.
func (t *Tree) Bytes() int64 { return t.bytes }

// All returns an iterator over the entries in order. The tree must not change
// meanwhile.
func (t *Tree) All(ty *Type) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		var c Cursor
		for t.First(ty, &c); c.Valid(); c.Next(ty) {
			if !yield(c.Entry()) {
				return
			}
		}
	}
}

// Drain takes out the last leaves, so many at most, frees them and reports
// whether the tree is empty, that is the zero Tree, now. visit, unless nil,
// gets each entry that goes, those of a leaf in order; it may free what the
// entry refers to. In between the tree holds what is left and may be used.
func (t *Tree) Drain(ty *Type, leaves int, visit func(Entry)) (done bool) {
	for ; t.root != 0; leaves-- {
		if leaves <= 0 {
			return false
		}
		t.dropLast(ty, visit)
	}
	return true
}

// dropLast takes out the last leaf, and the nodes above that hold nothing else.
func (t *Tree) dropLast(ty *Type, visit func(Entry)) {
	var c Cursor
	t.Last(ty, &c)
	leaf := c.path[0].n
	count := leaf.count()
	if visit != nil {
		for i := range count {
			visit(leaf.entry(i))
		}
	}
	weight := ty.weights(leaf, 0, 0, count)
	t.length -= uint64(count)
	t.add(&c, -weight)
	leaf.setCount(0)
	t.dropEmpty(ty.Arena, &c)
}

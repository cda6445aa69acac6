package tree

import "github.com/codecrafters-io/redis-starter-go/app/arena"

// A step of the way to an entry: a node, and the child taken or the entry.
type step struct {
	n node
	i int
}

// A Cursor is a place in a tree: before an entry, or at the end. It holds the
// whole way there, so that what is done at the place needs no search. It is a
// value without a constructor, meant for the stack; it must be sent somewhere
// by a method of a tree before it is used, and is lost when that tree changes
// other than through it.
type Cursor struct {
	// path[0] is the leaf and the entry in it, path[h] an inner node at level h
	// and the child that is path[h-1]. The entry's number is the leaf's count
	// only at the end of the tree, and -1 only before its beginning.
	path   [heightMax + 1]step
	height int
}

// Valid reports whether the cursor stands at an entry.
func (c *Cursor) Valid() bool { return uint(c.path[0].i) < uint(c.path[0].n.count()) }

// Entry returns the entry at the cursor, which must be Valid.
func (c *Cursor) Entry() Entry { return c.path[0].n.entry(c.path[0].i) }

// Next steps to the following entry. It returns false at the end, where the
// cursor stays: entries inserted there are appended, and Prev goes back to the
// last one.
func (c *Cursor) Next(ty *Type) bool {
	leaf := &c.path[0]
	count := leaf.n.count()
	if leaf.i < count {
		leaf.i++
	}
	return leaf.i < count || c.nextLeaf(ty.Arena)
}

// Prev steps to the entry before. It returns false when there is none; the
// cursor is not Valid then, and Next goes to the first entry.
func (c *Cursor) Prev(ty *Type) bool {
	leaf := &c.path[0]
	if leaf.i > 0 {
		leaf.i--
		return true
	}
	if !c.prevLeaf(ty.Arena) {
		leaf.i = -1
		return false
	}
	leaf.i--
	return true
}

// above returns the step that leads to the node at a level; the zero step for
// the root.
func (c *Cursor) above(level int) step {
	if level == c.height {
		return step{}
	}
	return c.path[level+1]
}

// nextLeaf goes to the beginning of the next leaf; or returns false and stays.
func (c *Cursor) nextLeaf(a *arena.Arena) bool {
	for h := 1; h <= c.height; h++ {
		s := &c.path[h]
		if s.i+1 < s.n.count() {
			s.i++
			c.descendFirst(a, h)
			return true
		}
	}
	return false
}

// prevLeaf goes to the end of the leaf before; or returns false and stays.
func (c *Cursor) prevLeaf(a *arena.Arena) bool {
	for h := 1; h <= c.height; h++ {
		s := &c.path[h]
		if s.i > 0 {
			s.i--
			c.descendLast(a, h)
			return true
		}
	}
	return false
}

// descendFirst goes from the child taken at a level to the first entry under it.
func (c *Cursor) descendFirst(a *arena.Arena, level int) {
	for ; level > 0; level-- {
		s := c.path[level]
		c.path[level-1] = step{node{a.Ptr(s.n.child(s.i))}, 0}
	}
}

// descendLast goes from the child taken at a level behind the last entry under it.
func (c *Cursor) descendLast(a *arena.Arena, level int) {
	for ; level > 0; level-- {
		s := c.path[level]
		n := node{a.Ptr(s.n.child(s.i))}
		c.path[level-1] = step{n, n.count()}
		if level > 1 {
			c.path[level-1].i--
		}
	}
}

// start puts the cursor at the root, and reports whether there is one.
func (t *Tree) start(a *arena.Arena, c *Cursor) bool {
	c.height = int(t.height)
	if t.root == 0 {
		c.path[0] = step{noNode, 0}
		return false
	}
	c.path[c.height] = step{node{a.Ptr(t.root)}, 0}
	return true
}

// First sends the cursor to the first entry.
func (t *Tree) First(ty *Type, c *Cursor) {
	if t.start(ty.Arena, c) {
		c.descendFirst(ty.Arena, c.height)
	}
}

// Last sends the cursor to the last entry. Next then leads to the end.
func (t *Tree) Last(ty *Type, c *Cursor) {
	if t.start(ty.Arena, c) {
		c.toEnd(ty.Arena)
		c.path[0].i--
	}
}

// toEnd goes from the root to the end of the tree.
func (c *Cursor) toEnd(a *arena.Arena) {
	top := &c.path[c.height]
	top.i = top.n.count()
	if c.height > 0 {
		top.i--
		c.descendLast(a, c.height)
	}
}

// A target says where to stop among entries in order: before the first one that
// is not below it.
type target struct {
	key   uint64
	probe string

	ties  bool // entries with the key are told apart by the probe
	after bool // what is equal is below
}

// Seek sends the cursor to the first entry that is not below the key and probe.
// It, and the Seeks below, want a tree that is not weighted.
func (t *Tree) Seek(ty *Type, c *Cursor, key uint64, probe string) {
	t.seek(ty, c, target{key: key, probe: probe, ties: true})
}

// SeekAfter sends the cursor to the first entry above the key and probe.
func (t *Tree) SeekAfter(ty *Type, c *Cursor, key uint64, probe string) {
	t.seek(ty, c, target{key: key, probe: probe, ties: true, after: true})
}

// SeekKey sends the cursor to the first entry whose key is not below the key.
func (t *Tree) SeekKey(ty *Type, c *Cursor, key uint64) {
	t.seek(ty, c, target{key: key})
}

// SeekKeyAfter sends the cursor to the first entry whose key is above the key.
func (t *Tree) SeekKeyAfter(ty *Type, c *Cursor, key uint64) {
	t.seek(ty, c, target{key: key, after: true})
}

func (t *Tree) seek(ty *Type, c *Cursor, to target) {
	if !t.start(ty.Arena, c) {
		return
	}
	for h := c.height; h > 0; h-- {
		s := &c.path[h]
		s.i = ty.search(s.n, 1, &to) - 1
		c.path[h-1].n = node{ty.Arena.Ptr(s.n.child(s.i))}
	}
	leaf := &c.path[0]
	leaf.i = ty.search(leaf.n, 0, &to)
	if leaf.i == leaf.n.count() {
		c.nextLeaf(ty.Arena)
	}
}

// search returns the first place of a node, from low on, whose entry is not
// below the target.
func (ty *Type) search(n node, low int, to *target) int {
	keys := n.keys()
	low = lowerBound(keys, low, to.key)
	if low == len(keys) || keys[low] != to.key || !to.ties && !to.after {
		return low
	}
	high := len(keys)
	if keys[high-1] != to.key {
		high = lowerBound(keys, low, to.key+1) // a key above it is there
	}
	if !to.ties {
		return high
	}
	for low < high {
		mid := int(uint(low+high) >> 1)
		order := ty.Tie(n.ref(mid), to.probe)
		if order < 0 || order == 0 && to.after {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// lowerBound returns the first place, from low on, whose key is not less.
func lowerBound(keys []uint64, low int, key uint64) int {
	high := len(keys)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if keys[mid] < key {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// SeekRank sends the cursor to the entry that holds the position rank, the
// first being 0, and returns the offset within it, which is 0 unless the tree
// is weighted. When rank is not below Weight the cursor is at the end.
func (t *Tree) SeekRank(ty *Type, c *Cursor, rank uint64) (offset uint64) {
	if !t.start(ty.Arena, c) {
		return 0
	}
	if rank >= t.weight {
		c.toEnd(ty.Arena)
		return 0
	}
	for h := c.height; h > 0; h-- {
		s := &c.path[h]
		for weight := s.n.weight(0); rank >= weight; weight = s.n.weight(s.i) {
			rank -= weight
			s.i++
		}
		c.path[h-1] = step{node{ty.Arena.Ptr(s.n.child(s.i))}, 0}
	}
	leaf := &c.path[0]
	if !ty.Weighted {
		leaf.i = int(rank)
		return 0
	}
	for weight := leaf.n.key(0); rank >= weight; weight = leaf.n.key(leaf.i) {
		rank -= weight
		leaf.i++
	}
	return rank
}

// Rank returns the weights before the cursor, that is the position of its entry.
func (t *Tree) Rank(ty *Type, c *Cursor) uint64 {
	rank := ty.weights(c.path[0].n, 0, 0, max(c.path[0].i, 0))
	for h := 1; h <= c.height; h++ {
		rank += ty.weights(c.path[h].n, h, 0, c.path[h].i)
	}
	return rank
}

package tree

import "github.com/codecrafters-io/redis-starter-go/app/arena"

// Insert puts an entry at the cursor, before what is there; the cursor then
// stands at the new entry. That this is where the entry belongs is the caller's
// promise. It panics with an *arena.OutOfMemoryError, the entries being as
// before and the cursor lost.
func (t *Tree) Insert(ty *Type, c *Cursor, e Entry) {
	leaf := &c.path[0]
	leaf.i = max(leaf.i, 0)
	switch {
	case t.root == 0:
		t.root, leaf.n = t.newNode(ty.Arena, &leaves, 0)
	case leaf.n.count() == leaf.n.room():
		t.makeRoom(ty, c, 0)
	}
	leaves.open(leaf.n, leaf.i)
	leaf.n.setEntry(leaf.i, e)
	t.length++
	t.add(c, ty.weight(e))
	if leaf.i == 0 {
		t.setFirst(c, 0)
	}
}

// Set replaces the entry at the cursor by one that belongs at the same place:
// what it refers to has moved, or in a weighted tree has another weight.
func (t *Tree) Set(ty *Type, c *Cursor, e Entry) {
	leaf := c.path[0]
	change := ty.weight(e) - ty.weight(leaf.n.entry(leaf.i))
	leaf.n.setEntry(leaf.i, e)
	if change != 0 {
		t.add(c, change)
	}
	if leaf.i == 0 {
		t.setFirst(c, 0)
	}
}

// add notes the change of weight at the cursor in the nodes above it.
func (t *Tree) add(c *Cursor, change uint64) {
	t.weight += change
	for h := 1; h <= c.height; h++ {
		s := c.path[h]
		s.n.setWeight(s.i, s.n.weight(s.i)+change)
	}
}

// setFirst notes above the node at a level what its first entry is.
func (t *Tree) setFirst(c *Cursor, level int) {
	first := c.path[level].n.entry(0)
	for h := level + 1; h <= c.height; h++ {
		if s := c.path[h]; s.i > 0 {
			s.n.setEntry(s.i, first)
			return
		}
	}
}

// makeRoom makes room at the cursor in its node at a level, which has none.
func (t *Tree) makeRoom(ty *Type, c *Cursor, level int) {
	s, k := &c.path[level], kindAt(level)
	if level == 0 && s.i == 0 && s.n.count() == k.max && c.prevLeaf(ty.Arena) {
		// Behind the last entry of the leaf before is the same place. A run
		// that grows towards this leaf fills that one.
		if s.n.count() < s.n.room() {
			return
		}
	}
	if s.n.count() < k.max {
		s.n = t.resize(ty.Arena, k, c.above(level), s.n.count())
		return
	}
	if level == c.height {
		t.growRoot(ty.Arena, c)
	} else if parent := c.path[level+1].n; parent.count() == parent.room() {
		t.makeRoom(ty, c, level+1)
	}
	t.split(ty, c, level)
}

// split splits the full node at a level; its parent has room. Inner nodes split
// in the middle. A leaf is left full when the entry goes to one of its ends,
// and what follows in the same order goes to the new leaf beside it.
func (t *Tree) split(ty *Type, c *Cursor, level int) {
	a, k := ty.Arena, kindAt(level)
	s, parent := &c.path[level], &c.path[level+1]
	count := s.n.count()
	cut, room := count/2, count-count/2
	switch {
	case level > 0:
	case s.i == 0:
		cut, room = 0, count
	case s.i == count && c.lastLeaf():
		cut, room = count, k.max
	case s.i == count:
		cut, room = count, 0
	}
	ref, right := t.newNode(a, k, room)
	k.move(right, 0, s.n, cut, count-cut)
	right.setCount(count - cut)
	s.n.setCount(cut)
	weight := ty.weights(right, level, 0, count-cut)
	inners.open(parent.n, parent.i+1)
	parent.n.setEntry(parent.i+1, right.entry(0)) // Insert sets that of an empty leaf
	parent.n.setWeight(parent.i+1, weight)
	parent.n.setChild(parent.i+1, ref)
	parent.n.setWeight(parent.i, parent.n.weight(parent.i)-weight)
	if cut > 0 && k.loose(s.n) {
		s.n = t.resize(a, k, *parent, cut)
	}
	if s.i > cut || cut == count || level > 0 && s.i == cut {
		*s = step{right, s.i - cut}
		parent.i++
	}
}

// lastLeaf reports whether the cursor is in the last leaf.
func (c *Cursor) lastLeaf() bool {
	for h := 1; h <= c.height; h++ {
		if c.path[h].i+1 < c.path[h].n.count() {
			return false
		}
	}
	return true
}

// growRoot puts a new root above the old one.
func (t *Tree) growRoot(a *arena.Arena, c *Cursor) {
	if t.height == heightMax {
		panic("tree: a tree is too high")
	}
	ref, n := t.newNode(a, &inners, 1)
	n.setEntry(0, Entry{})
	n.setWeight(0, t.weight)
	n.setChild(0, t.root)
	n.setCount(1)
	t.root = ref
	t.height++
	c.height++
	c.path[c.height] = step{n, 0}
}

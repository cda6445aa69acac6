package ttl

import (
	"math/bits"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// Insert adds an entry, which must not be there yet. It panics with an
// *arena.OutOfMemoryError, what is in the index being as before.
func (x *Index) Insert(a *arena.Arena, atMs int64, ref arena.Ref) {
	e := newEntry(atMs, ref)
	if x.root == 0 {
		x.root = x.newNode(a, &leaves, 1)
	}
	// On the way down every inner node is given room for one child more, so
	// that a split below stays there.
	var parent step
	at := x.root
	for level := x.height; level > 0; level-- {
		n := node{a.Ptr(at)}
		if n.count() == n.room() {
			parent, at = x.roomForChild(a, parent, at, e)
			n = node{a.Ptr(at)}
		}
		parent = step{at, n.childFor(e)}
		at = n.child(parent.child)
	}
	x.insertInLeaf(a, parent, at, e)
	x.length++
	var carry uint64
	x.sumLo, carry = bits.Add64(x.sumLo, e.atMs(), 0)
	x.sumHi += carry
}

// insertInLeaf adds the entry to the leaf, or splits it first.
func (x *Index) insertInLeaf(a *arena.Arena, parent step, at arena.Ref, e entry) {
	n := node{a.Ptr(at)}
	i := n.search(e)
	if i < n.count() && n.entry(i) == e {
		panic("ttl: an entry was inserted twice")
	}
	if n.count() == leafMax {
		parent, at, i = x.splitLeaf(a, parent, at, i, e)
		n = node{a.Ptr(at)}
	}
	if n.count() == n.room() {
		at = x.resize(a, &leaves, parent, at, n.count()+1)
		n = node{a.Ptr(at)}
	}
	leaves.open(n, i)
	n.setEntry(i, e)
	n.setLast(i)
}

// splitLeaf splits a full leaf for an entry that belongs at i, and returns where
// it belongs now. Near the end of the leaf, and where times arrive in order, the
// entry becomes the last of its leaf, or behind the end the first of a new one,
// so that full leaves stay behind; else each half takes half.
func (x *Index) splitLeaf(a *arena.Arena, parent step, at arena.Ref, i int, e entry) (step, arena.Ref, int) {
	n := node{a.Ptr(at)}
	count := n.count()
	ascending := n.last()+1 == i
	cut, key, room := count/2, n.entry(count/2), count-count/2
	switch {
	case i == count:
		cut, key, room = count, e, 1
		if ascending {
			room = leafMax
		}
	case ascending || 4*i >= 3*count:
		cut, key, room = i, n.entry(i), count-i
	}
	parent = x.split(a, &leaves, parent, at, cut, key, room)
	at = x.fit(a, &leaves, parent, at)
	if i > cut || i == count {
		parent.child++
		return parent, node{a.Ptr(parent.ref)}.child(parent.child), i - cut
	}
	return parent, at, i
}

// roomForChild makes room for a child in an inner node that has none, and
// returns the node, or the half of it, under which the entry belongs.
func (x *Index) roomForChild(a *arena.Arena, parent step, at arena.Ref, e entry) (step, arena.Ref) {
	n := node{a.Ptr(at)}
	count := n.count()
	if count < innerMax {
		return parent, x.resize(a, &inners, parent, at, count+1)
	}
	cut := count / 2
	if n.childFor(e) == count-1 {
		cut = count - 1 // as in ascending order
	}
	key := n.key(cut)
	parent = x.split(a, &inners, parent, at, cut, key, count-cut+1)
	at = x.fit(a, &inners, parent, at)
	if !e.less(key) {
		parent.child++
		at = node{a.Ptr(parent.ref)}.child(parent.child)
	}
	return parent, at
}

// split moves what a node has from cut on to a new node to its right, with room
// for at least that many, under the key given. It returns the node's parent,
// which is new when the node was the root.
func (x *Index) split(a *arena.Arena, k *kind, parent step, at arena.Ref, cut int, key entry, room int) step {
	if parent.ref == 0 {
		parent = x.growRoot(a)
	}
	right := x.newNode(a, k, room)
	from, to := node{a.Ptr(at)}, node{a.Ptr(right)}
	moved := from.count() - cut
	copy(k.bytes(to, 0, moved), k.bytes(from, cut, moved))
	to.setCount(moved)
	from.setCount(cut)
	n := node{a.Ptr(parent.ref)}
	inners.open(n, parent.child+1)
	n.setWords(parent.child+1, key, right)
	return parent
}

// growRoot puts a new root above the old one.
func (x *Index) growRoot(a *arena.Arena) step {
	if x.height == heightMax {
		panic("ttl: an index is too high")
	}
	root := x.newNode(a, &inners, 2)
	n := node{a.Ptr(root)}
	n.setWords(0, entry{}, x.root)
	n.setCount(1)
	x.root = root
	x.height++
	return step{root, 0}
}

// fit moves a node that has lost much to a smaller block.
func (x *Index) fit(a *arena.Arena, k *kind, parent step, at arena.Ref) arena.Ref {
	n := node{a.Ptr(at)}
	if !k.loose(n) {
		return at
	}
	return x.resize(a, k, parent, at, n.count())
}

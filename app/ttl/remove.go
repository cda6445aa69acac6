package ttl

import (
	"math/bits"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// Remove takes the entry out and reports whether it was there. The entry is out
// even when tidying up behind it panics with an *arena.OutOfMemoryError.
func (x *Index) Remove(a *arena.Arena, atMs int64, ref arena.Ref) bool {
	if x.root == 0 {
		return false
	}
	e := newEntry(atMs, ref)
	var path [heightMax + 1]step // path[0] is no step: the root has no parent
	at := x.root
	for depth := 1; depth <= int(x.height); depth++ {
		n := node{a.Ptr(at)}
		path[depth] = step{at, n.childFor(e)}
		at = n.child(path[depth].child)
	}
	n := node{a.Ptr(at)}
	i := n.search(e)
	if i == n.count() || n.entry(i) != e {
		return false
	}
	leaves.remove(n, i)
	x.length--
	var borrow uint64
	x.sumLo, borrow = bits.Sub64(x.sumLo, e.atMs(), 0)
	x.sumHi -= borrow
	if 4*n.count() < leafMax || leaves.loose(n) {
		x.tidy(a, path[:x.height+1], at)
	}
	return true
}

// tidy frees, merges or shrinks the node at the end of the path when it holds
// little, and goes on with its parent when that has lost a child.
func (x *Index) tidy(a *arena.Arena, path []step, at arena.Ref) {
	k := &leaves
	for depth := len(path) - 1; ; depth-- {
		parent := path[depth]
		n := node{a.Ptr(at)}
		switch {
		case n.count() == 0 && depth == 0:
			x.freeNode(a, at)
			x.root, x.height = 0, 0
			return
		case n.count() == 0:
			x.freeNode(a, at)
			inners.remove(node{a.Ptr(parent.ref)}, parent.child)
		case depth == 0:
			x.fit(a, k, parent, at)
			x.dropRoots(a)
			return
		case 4*n.count() >= k.max || !x.merge(a, k, parent):
			x.fit(a, k, parent, at)
			return
		}
		at, k = parent.ref, &inners
	}
}

// merge joins the node with a neighbour under the same parent when both fit
// into three quarters of a node. It reports whether the parent lost a child.
func (x *Index) merge(a *arena.Arena, k *kind, parent step) bool {
	n := node{a.Ptr(parent.ref)}
	for _, left := range [2]int{parent.child, parent.child - 1} {
		if left < 0 || left+1 >= n.count() {
			continue
		}
		at, from := n.child(left), n.child(left+1)
		total := node{a.Ptr(at)}.count() + node{a.Ptr(from)}.count()
		if 4*total > 3*k.max {
			continue
		}
		if total > (node{a.Ptr(at)}).room() {
			at = x.resize(a, k, step{parent.ref, left}, at, total)
		}
		x.moveAll(a, k, at, from, n.key(left+1))
		x.freeNode(a, from)
		inners.remove(n, left+1)
		return true
	}
	return false
}

// moveAll appends what is in one node to another. The key of a first child did
// not count; what counts now is the key it had in the parent.
func (x *Index) moveAll(a *arena.Arena, k *kind, at, from arena.Ref, key entry) {
	left, right := node{a.Ptr(at)}, node{a.Ptr(from)}
	if k == &inners {
		right.setKey(0, key)
	}
	count, more := left.count(), right.count()
	copy(k.bytes(left, count, more), k.bytes(right, 0, more))
	left.setCount(count + more)
}

// dropRoots removes roots with a single child.
func (x *Index) dropRoots(a *arena.Arena) {
	for x.height > 0 {
		n := node{a.Ptr(x.root)}
		if n.count() > 1 {
			return
		}
		child := n.child(0)
		x.freeNode(a, x.root)
		x.root = child
		x.height--
	}
}

// Free frees at most maxNodes nodes and reports whether that was all. The index
// counts as empty from the first call on, but must not be used otherwise until
// Free is done.
func (x *Index) Free(a *arena.Arena, maxNodes int) (done bool) {
	x.length, x.sumHi, x.sumLo = 0, 0, 0
	for ; x.root != 0; maxNodes-- {
		if maxNodes <= 0 {
			return false
		}
		x.freeLast(a)
	}
	*x = Index{}
	return true
}

// freeLast frees the rightmost node that has no children left.
func (x *Index) freeLast(a *arena.Arena) {
	var parent node
	at := x.root
	for range x.height {
		n := node{a.Ptr(at)}
		if n.count() == 0 {
			break
		}
		parent, at = n, n.child(n.count()-1)
	}
	if at == x.root {
		x.root = 0
	} else {
		parent.setCount(parent.count() - 1)
	}
	x.freeNode(a, at)
}

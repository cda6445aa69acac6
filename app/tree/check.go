package tree

import (
	"errors"
	"fmt"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// A walk gathers what the nodes make up together.
type walk struct {
	ty     *Type
	length uint64
	bytes  int64
	last   uint64 // key of the entry before
}

// Check walks the whole tree and returns the first broken invariant. It cannot
// tell whether entries with equal keys are in order.
func (t *Tree) Check(ty *Type) error {
	if t.root == 0 {
		if *t != (Tree{}) {
			return fmt.Errorf("tree: a tree without nodes is not empty: %+v", *t)
		}
		return nil
	}
	if t.height > heightMax {
		return fmt.Errorf("tree: height %d", t.height)
	}
	w := walk{ty: ty}
	weight, _, err := w.node(t.root, int(t.height))
	switch {
	case err != nil:
		return fmt.Errorf("tree: %w", err)
	case w.length != t.length:
		return fmt.Errorf("tree: length %d, found %d", t.length, w.length)
	case weight != t.weight:
		return fmt.Errorf("tree: weight %d, found %d", t.weight, weight)
	case w.bytes != t.bytes:
		return fmt.Errorf("tree: %d bytes of nodes, found %d", t.bytes, w.bytes)
	}
	return nil
}

// node checks what is at a reference and below it, and returns its weight and
// its first entry.
func (w *walk) node(at arena.Ref, level int) (weight uint64, first Entry, err error) {
	n, k := node{w.ty.Arena.Ptr(at)}, kindAt(level)
	size := w.ty.Arena.Cap(at)
	w.bytes += int64(size)
	if n.room() != min(k.max, (size-headerBytes)/k.width) {
		return 0, first, fmt.Errorf("node %#x of %d bytes has room for %d", at, size, n.room())
	}
	if n.count() == 0 || n.count() > n.room() {
		return 0, first, fmt.Errorf("node %#x holds %d of %d", at, n.count(), n.room())
	}
	if level == 0 {
		return w.ty.weights(n, 0, 0, n.count()), n.entry(0), w.leaf(n)
	}
	for i := range n.count() {
		below, e, err := w.node(n.child(i), level-1)
		switch {
		case err != nil:
			return 0, first, err
		case below != n.weight(i):
			return 0, first, fmt.Errorf("node %#x: child %d weighs %d, not %d", at, i, below, n.weight(i))
		case i == 0:
			first = e
		case e != n.entry(i):
			return 0, first, fmt.Errorf("node %#x: child %d begins with %v, not %v", at, i, e, n.entry(i))
		}
		weight += below
	}
	return weight, first, nil
}

func (w *walk) leaf(n node) error {
	w.length += uint64(n.count())
	for _, key := range n.keys() {
		if key < w.last && !w.ty.Weighted {
			return errors.New("keys are out of order")
		}
		w.last = key
	}
	return nil
}

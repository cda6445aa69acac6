package ttl

import (
	"errors"
	"fmt"
	"math/bits"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// A walk gathers what the nodes make up together.
type walk struct {
	a            *arena.Arena
	length       int
	sumHi, sumLo uint64
	bytes        int64
	last         entry // the one before, when length is not 0
}

// Check walks the whole index and returns the first broken invariant.
func (x *Index) Check(a *arena.Arena) error {
	w := walk{a: a}
	if x.root != 0 {
		if err := w.node(x.root, int(x.height)); err != nil {
			return fmt.Errorf("ttl: %w", err)
		}
		if w.length == 0 {
			return errors.New("ttl: nodes without entries")
		}
	}
	switch {
	case w.length != x.length:
		return fmt.Errorf("ttl: length %d, found %d", x.length, w.length)
	case w.sumHi != x.sumHi || w.sumLo != x.sumLo:
		return fmt.Errorf("ttl: sum %d:%d, found %d:%d", x.sumHi, x.sumLo, w.sumHi, w.sumLo)
	case w.bytes != x.bytes:
		return fmt.Errorf("ttl: %d bytes of nodes, found %d", x.bytes, w.bytes)
	}
	return nil
}

// node checks what is at a reference and below it.
func (w *walk) node(at arena.Ref, level int) error {
	n, k := node{w.a.Ptr(at)}, &leaves
	if level > 0 {
		k = &inners
	}
	size := w.a.Cap(at)
	w.bytes += int64(size)
	if n.room() != min(k.max, (size-k.header)/k.width) {
		return fmt.Errorf("node %#x of %d bytes has room for %d", at, size, n.room())
	}
	if n.count() == 0 || n.count() > n.room() {
		return fmt.Errorf("node %#x holds %d of %d", at, n.count(), n.room())
	}
	if level == 0 {
		return w.leaf(at, n)
	}
	for i := range n.count() {
		if i > 0 && w.length > 0 && !w.last.less(n.key(i)) {
			return fmt.Errorf("node %#x: key %d is not above what is left of it", at, i)
		}
		before := w.length
		if err := w.node(n.child(i), level-1); err != nil {
			return err
		}
		if i > 0 && w.first(n.child(i), level-1).less(n.key(i)) {
			return fmt.Errorf("node %#x: child %d has less than its key", at, i)
		}
		if w.length == before {
			return fmt.Errorf("node %#x: child %d is empty", at, i)
		}
	}
	return nil
}

// first returns the first entry below a node.
func (w *walk) first(at arena.Ref, level int) entry {
	for ; level > 0; level-- {
		at = node{w.a.Ptr(at)}.child(0)
	}
	return node{w.a.Ptr(at)}.entry(0)
}

func (w *walk) leaf(at arena.Ref, n node) error {
	for i := range n.count() {
		e := n.entry(i)
		if w.length > 0 && !w.last.less(e) {
			return fmt.Errorf("leaf %#x: entry %d is out of order", at, i)
		}
		w.last = e
		w.length++
		var carry uint64
		w.sumLo, carry = bits.Add64(w.sumLo, e.atMs(), 0)
		w.sumHi += carry
	}
	return nil
}

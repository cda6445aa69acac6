package store

import (
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// A listWalk goes over a list node by node, in either direction. It serves
// reading: a change of the list ends it, but for those made at its cursor.
type listWalk struct {
	listNode
	l     list
	c     tree.Cursor // at the node, unless the list lies within its record
	count int         // elements of the node
}

// start sends the walk to the first node, or to the last. It reports whether
// there is one.
func (w *listWalk) start(l *list, back bool) bool {
	w.l = *l
	if l.root == nil {
		return w.loadRecord()
	}
	if back {
		l.root.nodes.Last(l.db.kv.lists.nodeType, &w.c)
	} else {
		l.root.nodes.First(l.db.kv.lists.nodeType, &w.c)
	}
	return w.load()
}

// seek sends the walk to the node that holds the element with an index, which
// must be there, and returns the element's index within the node.
func (w *listWalk) seek(l *list, index int) (offset int) {
	w.l = *l
	if l.root == nil {
		w.loadRecord()
		return index
	}
	offset = int(l.root.nodes.SeekRank(l.db.kv.lists.nodeType, &w.c, uint64(index)))
	w.load()
	return offset
}

// next goes on to the following node, or to the one before, if there is one.
func (w *listWalk) next(back bool) bool {
	if w.l.root == nil {
		return false
	}
	if back {
		w.c.Prev(w.l.db.kv.lists.nodeType)
	} else {
		w.c.Next(w.l.db.kv.lists.nodeType)
	}
	return w.load()
}

// load reads the node at the cursor, if there is one.
func (w *listWalk) load() bool {
	if !w.c.Valid() {
		return false
	}
	n := w.c.Entry()
	w.count = int(n.Key)
	w.listNode = w.l.db.kv.readNode(n.Ref)
	return true
}

// loadRecord makes the list within its record the node at hand.
func (w *listWalk) loadRecord() bool {
	w.listNode = listNode{lp: w.l.e.listpack()}
	w.count = listpack.Len(w.lp)
	return w.count > 0
}

// end is the place of the first element of the node, or of the last.
func (w *listWalk) end(back bool) int {
	if back {
		return w.last()
	}
	return w.first()
}

// step is the place behind p in the node, or before it; 0 when there is none.
func (w *listWalk) step(p int, back bool) int {
	if back {
		return w.prev(p)
	}
	return w.listNode.next(p)
}

// each shows n elements, which must be there, from the one with an index on,
// or backwards from it, until visit returns false.
func (l *list) each(index, n int, back bool, visit func(v listpack.Value) bool) {
	if n <= 0 {
		return
	}
	var w listWalk
	offset := w.seek(l, index)
	p := w.listNode.seek(offset)
	for {
		for ; p != 0; p = w.step(p, back) {
			if !visit(w.value(p)) {
				return
			}
			if n--; n == 0 {
				return
			}
		}
		if !w.next(back) {
			return
		}
		p = w.end(back)
	}
}

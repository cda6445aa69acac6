package store

import (
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// Changes within a list: insertion beside an element, replacement, and the
// splitting and merging of nodes that come of them.

// insert adds a value before or behind the first element that equals pivot, and
// reports whether there is one. The entry may move.
func (l *list) insert(pivot, value string, after bool) bool {
	var w listWalk
	for ok := w.start(l, false); ok; ok = w.next(false) {
		if p := w.find(w.first(), pivot); p != 0 {
			l.insertAt(&w, p, value, after)
			return true
		}
	}
	return false
}

// insertAt adds a value beside the element at a place of the walk's node. When
// the node is full, the value goes to the neighbour that is as near, to a node
// of its own between both, or between the halves of the node.
func (l *list) insertAt(w *listWalk, p int, value string, after bool) {
	bytes := listpack.EncodedSize(value)
	place := p
	if after && w.lp != nil {
		place = listpack.Next(w.lp, p)
	}
	full := w.lp == nil || !l.db.kv.takes(l.fill(), len(w.lp), w.count, len(value))
	if l.root == nil {
		if !full && len(w.lp)+bytes <= listInlineMax {
			listpack.Insert(l.room(bytes), place, value)
			return
		}
		l.toNodes()
		w.start(l, false)
	}
	switch {
	case !full:
		listpack.Insert(l.openNode(&w.c, bytes, 0), place, value)
		l.shutNode(&w.c, 1)
	case w.lp == nil, place == w.first(), listpack.AtEnd(w.lp, place):
		l.insertBeside(&w.c, value, after)
	default:
		l.splitNode(&w.c, place)
		l.insertBetween(&w.c, value, after)
	}
}

// insertBeside adds a value before or behind all of the node at the cursor,
// which takes no more.
func (l *list) insertBeside(c *tree.Cursor, value string, after bool) {
	kv, ty := l.db.kv, l.db.kv.lists.nodeType
	near := *c
	if after {
		near.Next(ty)
	} else {
		near.Prev(ty)
	}
	if near.Valid() {
		n := near.Entry()
		if kv.nodeKind(n.Ref) != nodeLarge && kv.takes(l.root.fill, kv.nodeSize(n.Ref), int(n.Key), len(value)) {
			l.addAtEnd(l.openNode(&near, listpack.EncodedSize(value), 0), []string{value}, after)
			l.shutNode(&near, 1)
			return
		}
	}
	ref := kv.elementNode(value, 0)
	if after {
		c.Next(ty)
	}
	l.root.nodes.Insert(ty, c, tree.Entry{Key: 1, Ref: ref})
	l.settleAround(c)
}

// insertBetween adds a value between the node at the cursor and the next, which
// were one before. It joins the half without the pivot.
func (l *list) insertBetween(c *tree.Cursor, value string, after bool) {
	kv, ty := l.db.kv, l.db.kv.lists.nodeType
	bytes := listpack.EncodedSize(value)
	switch {
	case len(value) >= kv.lists.large:
		ref := kv.elementNode(value, 0)
		c.Next(ty)
		l.root.nodes.Insert(ty, c, tree.Entry{Key: 1, Ref: ref})
		l.settleAround(c)
		return
	case after:
		c.Next(ty)
		listpack.Prepend(l.openNode(c, bytes, 0), value)
		l.recount(c, 1)
		c.Prev(ty)
	default:
		listpack.Append(l.openNode(c, bytes, 0), value)
		l.recount(c, 1)
		c.Next(ty)
	}
	l.mergeAround(c)
}

// splitNode splits the node at the cursor before a place, which is neither its
// first nor its end. The cursor stays at the first half. Neither is settled.
func (l *list) splitNode(c *tree.Cursor, place int) {
	kv, ty := l.db.kv, l.db.kv.lists.nodeType
	b := l.openNode(c, 0, 0)
	count := 0
	for p := listpack.First(b); p != place; p = listpack.Next(b, p) {
		count++
	}
	end := len(b) - 1
	moved := int(c.Entry().Key) - count
	ref := kv.arena.Alloc(listpack.EmptySize + end - place)
	half := listpack.Init(kv.nodeBlock(ref))
	listpack.Splice(half, listpack.HeaderSize, listpack.HeaderSize, b[place:end], moved)
	listpack.Splice(b, place, end, nil, -moved)
	l.recount(c, -moved)
	c.Next(ty)
	l.root.nodes.Insert(ty, c, tree.Entry{Key: uint64(moved), Ref: ref})
	c.Prev(ty)
}

// mergeNext joins the node at the cursor with the next one, when
// list-max-listpack-size allows, and reports whether it did. It leaves the node
// unsettled.
func (l *list) mergeNext(c *tree.Cursor) bool {
	kv, ty := l.db.kv, l.db.kv.lists.nodeType
	next := *c
	if !c.Valid() || !next.Next(ty) {
		return false
	}
	left, right := c.Entry(), next.Entry()
	if kv.nodeKind(left.Ref) == nodeLarge || kv.nodeKind(right.Ref) == nodeLarge {
		return false
	}
	size := kv.nodeSize(left.Ref) + kv.nodeSize(right.Ref) - listpack.EmptySize
	if !withinFill(l.root.fill, size, int(left.Key+right.Key)) {
		return false
	}
	lp := kv.readNode(right.Ref).lp
	b := l.openNode(c, len(lp)-listpack.EmptySize, 0)
	end := len(b) - 1
	listpack.Splice(b, end, end, lp[listpack.HeaderSize:len(lp)-1], int(right.Key))
	l.recount(c, int(right.Key))
	c.Next(ty)
	l.removeNode(c)
	c.Prev(ty)
	return true
}

// mergeAround joins what it can of the node at the cursor and the two on either
// side, in Redis's order, and settles what it leaves.
func (l *list) mergeAround(c *tree.Cursor) {
	ty := l.db.kv.lists.nodeType
	// From before the first node, Next leads to it; from behind the last, Prev.
	if c.Prev(ty) {
		if !c.Prev(ty) || !l.mergeNext(c) {
			c.Next(ty)
		}
	}
	c.Next(ty)
	if c.Next(ty) {
		l.mergeNext(c)
	}
	c.Prev(ty)
	if !c.Prev(ty) || !l.mergeNext(c) {
		c.Next(ty)
	}
	l.mergeNext(c)
	l.settleAround(c)
}

// settleAround settles the node at the cursor, those beside it and the ends.
func (l *list) settleAround(c *tree.Cursor) {
	ty := l.db.kv.lists.nodeType
	l.settleNode(c)
	if c.Prev(ty) {
		l.settleNode(c)
	}
	c.Next(ty)
	if c.Next(ty) {
		l.settleNode(c)
	}
	c.Prev(ty)
	l.settleEnds()
}

// set replaces the element with an index, which must be there. The entry may
// move.
func (l *list) set(index int, value string) {
	var w listWalk
	offset := w.seek(l, index)
	l.setAt(&w, w.listNode.seek(offset), value)
}

// setAt replaces the element at a place of the walk's node. A value that would
// make a node much bigger than nodes are gets one of its own.
func (l *list) setAt(w *listWalk, p int, value string) {
	kv := l.db.kv
	large := len(value) >= kv.lists.large
	more, size := 0, 0
	if w.lp != nil {
		more = listpack.EncodedSize(value) - (listpack.Next(w.lp, p) - p)
		size = len(w.lp) + more
	}
	if l.root == nil {
		if !large && size <= listInlineMax {
			listpack.Replace(l.room(max(0, more)), p, value)
			l.fitRecord()
			return
		}
		l.toNodes()
		w.start(l, false)
	}
	const sizeMax = 65536
	switch {
	case w.count == 1:
		l.replaceNode(&w.c, value)
		l.settleNode(&w.c)
	case !large && size <= sizeMax:
		listpack.Replace(l.openNode(&w.c, max(0, more), 0), p, value)
		l.shutNode(&w.c, 0)
	default:
		l.isolate(&w.c, p, value)
	}
	l.toRecord()
}

// replaceNode puts a value in the place of the only element of the node at the
// cursor.
func (l *list) replaceNode(c *tree.Cursor, value string) {
	kv := l.db.kv
	n := c.Entry()
	ref := kv.elementNode(value, 0)
	kv.arena.Free(n.Ref)
	l.root.nodes.Set(kv.lists.nodeType, c, tree.Entry{Key: 1, Ref: ref})
}

// isolate replaces an element of the node at the cursor by a node of its own.
func (l *list) isolate(c *tree.Cursor, p int, value string) {
	kv, ty := l.db.kv, l.db.kv.lists.nodeType
	if p != listpack.HeaderSize {
		l.splitNode(c, p)
		c.Next(ty)
	}
	if c.Entry().Key == 1 {
		l.replaceNode(c, value)
	} else {
		b := l.openNode(c, 0, 0)
		listpack.Delete(b, listpack.First(b), 1)
		l.recount(c, -1)
		l.root.nodes.Insert(ty, c, tree.Entry{Key: 1, Ref: kv.elementNode(value, 0)})
	}
	l.settleAround(c)
}

// trim leaves n elements, which must be there, from the one with an index on.
// The entry may move.
func (l *list) trim(index, n int) {
	const manyNodes = 256
	if l.root != nil && l.root.nodes.Len() > manyNodes && 2*n < l.len() {
		index = l.moveOut(index, n)
	}
	l.removeRange(0, index)
	l.removeRange(n, l.len()-n)
}

// moveOut moves the nodes of n elements from the one with an index on to a root
// of their own and leaves it to cron to free the others, which are many more.
// It returns the index that the first has then.
func (l *list) moveOut(index, n int) int {
	kv, ty := l.db.kv, l.db.kv.lists.nodeType
	ref, root := newRoot[listRoot](kv)
	root.fill, root.depth = l.root.fill, l.root.depth
	var from, to tree.Cursor
	offset := int(l.root.nodes.SeekRank(ty, &from, uint64(index)))
	root.nodes.First(ty, &to)
	for left := offset + n; left > 0; {
		node := from.Entry()
		l.root.nodes.Remove(ty, &from)
		root.nodes.Insert(ty, &to, node)
		to.Next(ty)
		left -= int(node.Key)
	}
	old := l.e.outsideRef()
	l.e.setOutside(ref, 0)
	l.root = root
	l.settleEnds()
	kv.dropValue(encQuicklist, old)
	return offset
}

package store

import (
	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// Changes at the ends of a list, and the removal of ranges.

// listPush adds a value at one end of a list, which is made when e is none. The
// entry may move.
func (db *database) listPush(e entry, key, value string, head bool) entry {
	l := db.list(e)
	l.push(key, []string{value}, head)
	return l.e
}

// push adds values at one end of a list, one after the other, which is made
// when its entry is none. The entry may move. The values must not be views of
// the list.
func (l *list) push(key string, values []string, head bool) {
	for len(values) > 0 {
		n := 0
		switch {
		case !l.e.ok():
			n = l.create(key, values, head)
		case l.root == nil:
			n = l.pushRecord(values, head)
		default:
			n = l.pushNodes(values, head)
		}
		values = values[n:]
	}
}

// fitting counts the values from the start that a node of so many bytes and
// elements takes, and the bytes of their entries. An empty one takes the first
// in any case, unless that is a large one.
func (l *list) fitting(size, count int, values []string) (n, bytes int) {
	kv, fill := l.db.kv, l.fill()
	for _, v := range values {
		if count+n == 0 && len(v) >= kv.lists.large || count+n > 0 && !kv.takes(fill, size+bytes, count+n, len(v)) {
			break
		}
		bytes += listpack.EncodedSize(v)
		n++
	}
	return n, bytes
}

// create makes the list and adds values that go into one node. It returns how
// many.
func (l *list) create(key string, values []string, head bool) int {
	n, bytes := l.fitting(listpack.EmptySize, 0, values)
	if n == 0 || listpack.EmptySize+bytes > listInlineMax {
		ref, root := l.db.kv.newListRoot()
		l.e = l.db.place(entry{}, key, typeList, encQuicklist, outside, -1)
		l.e.setOutside(ref, 0)
		l.root = root
		return l.pushNodes(values, head)
	}
	var b []byte
	l.e, b = l.db.insertListpack(key, typeList, listpack.EmptySize+bytes)
	l.addAtEnd(b[:listpack.EmptySize:listpack.EmptySize+bytes], values[:n], head)
	return n
}

// pushRecord adds as many values as a list within its record takes; when it
// takes none, the list is moved to a node.
func (l *list) pushRecord(values []string, head bool) int {
	lp := l.e.listpack()
	n, bytes := l.fitting(len(lp), listpack.Len(lp), values)
	if n == 0 || len(lp)+bytes > listInlineMax {
		l.toNodes()
		return 0
	}
	l.addAtEnd(l.room(bytes), values[:n], head)
	return n
}

// pushNodes adds as many values as the node at the end takes, or makes a new
// one of them.
func (l *list) pushNodes(values []string, head bool) int {
	var c tree.Cursor
	l.toEnd(&c, head)
	if !c.Valid() {
		return l.pushNewNode(&c, values, head)
	}
	node := c.Entry()
	block := l.db.kv.nodeBlock(node.Ref)
	size := listpack.Size(block) // or the mark of a large node; none at an end is compressed
	if size == largeMark {
		return l.pushNewNode(&c, values, head)
	}
	n, bytes := l.fitting(size, int(node.Key), values)
	if n == 0 {
		return l.pushNewNode(&c, values, head)
	}
	if size+bytes > len(block) {
		block = l.openNode(&c, bytes, l.growth(size+bytes, int(node.Key)+n, len(values[n-1])))
	}
	l.addAtEnd(block[:size], values[:n], head)
	l.recount(&c, n)
	return n
}

// growth is the size of block to ask for when a node at an end has come to so
// many bytes and elements: with room for more, if there can be more of the
// size of the last.
func (l *list) growth(size, count, last int) int {
	const leastRoom = 64
	if !l.db.kv.takes(l.root.fill, size, count, last) {
		return size
	}
	limit := listInlineMax
	if l.root.fill < 0 {
		limit = listSizes[-l.root.fill-1]
	}
	return max(size, min(size+max(size/8, leastRoom), limit))
}

// pushNewNode makes a node at an end of as many values as it takes. The cursor
// is at the node that has been there.
func (l *list) pushNewNode(c *tree.Cursor, values []string, head bool) int {
	kv, ty := l.db.kv, l.db.kv.lists.nodeType
	n, bytes := l.fitting(listpack.EmptySize, 0, values)
	var ref arena.Ref
	if n == 0 {
		n = 1
		ref = kv.elementNode(values[0], 0)
	} else {
		size := listpack.EmptySize + bytes
		ref = kv.arena.Alloc(l.growth(size, n, len(values[n-1])))
		l.addAtEnd(listpack.Init(kv.nodeBlock(ref)), values[:n], head)
	}
	if c.Valid() {
		if l.root.nodes.Len() > 1 {
			l.fitNode(c) // it will be between others
		}
		if !head {
			c.Next(ty)
		}
	}
	l.root.nodes.Insert(ty, c, tree.Entry{Key: uint64(n), Ref: ref})
	l.settleEnds()
	return n
}

// toEnd sends the cursor to the node at one end.
func (l *list) toEnd(c *tree.Cursor, head bool) {
	if head {
		l.root.nodes.First(l.db.kv.lists.nodeType, c)
	} else {
		l.root.nodes.Last(l.db.kv.lists.nodeType, c)
	}
}

// addAtEnd adds values to a listpack that has the room for them, one after the
// other at the same end.
func (l *list) addAtEnd(b []byte, values []string, head bool) {
	switch {
	case len(values) > 1:
		l.addTogether(b, values, head)
	case head:
		listpack.Prepend(b, values[0])
	default:
		listpack.Append(b, values[0])
	}
}

// addTogether is addAtEnd for many values, which moves what is there only once.
func (l *list) addTogether(b []byte, values []string, head bool) {
	s := &l.db.kv.lists
	entries := s.entries[:0]
	place := len(b) - 1
	if head {
		place = listpack.First(b)
		for i := len(values) - 1; i >= 0; i-- {
			entries = listpack.AppendEntry(entries, values[i])
		}
	} else {
		for _, v := range values {
			entries = listpack.AppendEntry(entries, v)
		}
	}
	listpack.Splice(b, place, place, entries, len(values))
	s.entries = entries
}

// listPop takes the element at one end out of a list that has one, and returns
// it: the bytes are good until the next call. A list that is left empty is for
// the caller to remove. The entry may move.
func (db *database) listPop(e entry, head bool) ([]byte, entry) {
	l := db.list(e)
	s := &db.kv.lists
	var w listWalk
	p := w.toEnd(&l, head)
	s.popped = w.value(p).Append(s.popped[:0])
	l.dropAt(&w, p)
	return s.popped, l.e
}

// toEnd sends the walk to the node at one end of a list that has elements, and
// returns the outermost place.
func (w *listWalk) toEnd(l *list, head bool) int {
	w.start(l, !head)
	return w.end(!head)
}

// dropAt removes the element at a place of the walk's node, which is one of the
// ends. The entry may move.
func (l *list) dropAt(w *listWalk, p int) {
	if l.root == nil {
		listpack.Delete(w.lp, p, 1)
		l.fitRecord()
		return
	}
	if w.count == 1 {
		l.removeNode(&w.c)
		l.settleEnds()
	} else {
		listpack.Delete(l.openNode(&w.c, 0, 0), p, 1)
		l.recount(&w.c, -1)
		l.shrinkNode(&w.c)
	}
	l.toRecord()
}

// removeNode removes the node at the cursor, which is then at the following one.
func (l *list) removeNode(c *tree.Cursor) {
	l.db.kv.arena.Free(c.Entry().Ref)
	l.root.nodes.Remove(l.db.kv.lists.nodeType, c)
}

// removeRange removes n elements, which must be there, from the one with an
// index on. A list that is left empty is for the caller to remove. The entry may
// move.
func (l *list) removeRange(index, n int) {
	if n <= 0 {
		return
	}
	if l.root == nil {
		lp := l.e.listpack()
		listpack.Delete(lp, listpack.Seek(lp, index), n)
		l.fitRecord()
		return
	}
	ty := l.db.kv.lists.nodeType
	var c tree.Cursor
	offset := int(l.root.nodes.SeekRank(ty, &c, uint64(index)))
	for n > 0 {
		count := int(c.Entry().Key)
		gone := min(n, count-offset)
		if gone == count {
			l.removeNode(&c)
		} else {
			b := l.openNode(&c, 0, 0)
			listpack.Delete(b, listpack.Seek(b, offset), gone)
			l.shutNode(&c, -gone)
			c.Next(ty)
		}
		n -= gone
		offset = 0
	}
	l.settleEnds()
	l.toRecord()
}

// removeEqual removes elements that equal s: the first max of them, or with
// back the last. It returns how many there were. The entry may move, and the
// list may be left empty.
func (l *list) removeEqual(s string, max int, back bool) (removed int) {
	var w listWalk
	for ok := w.start(l, back); ok && removed < max; {
		from, n := w.matches(s, max-removed, back)
		if n == 0 {
			ok = w.next(back)
			continue
		}
		removed += n
		ok = w.removeMatches(from, s, n, back)
	}
	if removed == 0 {
		return 0
	}
	if l.root != nil {
		l.settleEnds()
	}
	l.fit()
	return removed
}

// matches counts the elements of the node at hand that equal s, max at most,
// from its start or, with back, from its end. It returns the place of the
// first of them in the list's order.
func (w *listWalk) matches(s string, max int, back bool) (from, n int) {
	if back {
		want := newProbe(s)
		for p := w.last(); p != 0 && n < max; p = w.prev(p) {
			if w.equal(p, &want) {
				from = p
				n++
			}
		}
		return from, n
	}
	from = w.find(w.first(), s)
	for p := from; p != 0; {
		if n++; n == max {
			break
		}
		if p = w.listNode.next(p); p != 0 {
			p = w.find(p, s)
		}
	}
	return from, n
}

// removeMatches removes n elements equal to s from a place of the node at hand
// on, and goes on to the next node in the direction, as the result says.
func (w *listWalk) removeMatches(from int, s string, n int, back bool) bool {
	l := &w.l
	if l.root == nil {
		cutMatches(w.lp, from, s, n)
		return false
	}
	ty := l.db.kv.lists.nodeType
	if n == w.count {
		l.removeNode(&w.c)
		if back {
			w.c.Prev(ty)
		}
		return w.load()
	}
	cutMatches(l.openNode(&w.c, 0, 0), from, s, n)
	l.recount(&w.c, -n)
	if back {
		l.mergeNext(&w.c)
	} else if w.c.Prev(ty) {
		if !l.mergeNext(&w.c) {
			w.c.Next(ty)
		}
	} else {
		w.c.Next(ty)
	}
	l.settleNode(&w.c)
	return w.next(back)
}

// cutMatches removes the first n entries equal to s from a place on, the first
// of which is there, by moving what is between them together.
func cutMatches(b []byte, from int, s string, n int) {
	to, p := from, from
	for left := n; left > 0; {
		p = listpack.Next(b, p) // behind the match
		keep := len(b) - 1
		if left--; left > 0 {
			keep = listpack.Find(b, p, s, 0)
		}
		to += copy(b[to:], b[p:keep])
		p = keep
	}
	listpack.Splice(b, to, len(b)-1, nil, -n)
}

package store

import (
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// Walking over the entries of a stream, forwards or backwards:
//
//	var it streamIterator
//	it.start(kv, s, from, to, false)
//	for {
//		id, fields, ok := it.next()
//		if !ok {
//			break
//		}
//		for range fields {
//			name, value := it.nextField()
//			…
//		}
//	}
//
// Fields may be left unread. What nextField returns are views. The stream must
// not change meanwhile but by remove.

// A streamIterator is meant for the stack.
type streamIterator struct {
	kv       *KVStore
	s        *stream
	from, to streamID // the ends of the range, both of it
	reverse  bool

	cursor tree.Cursor // at the node, or at the next one when there is none
	node   streamNode  // b is nil between two nodes
	master streamID    // ID of the node
	entry  entryHead   // the current entry; at is the end before the first one
	id     streamID    // of the entry
	name   int         // position of the next name, when the master has it
	p      int         // position of the next name or value of the entry
	read   int         // listpack entries read behind the head
}

// start sends the iterator before the first entry of a range or, backwards,
// behind the last one.
func (it *streamIterator) start(kv *KVStore, s *stream, from, to streamID, reverse bool) {
	it.kv, it.s, it.from, it.to, it.reverse = kv, s, from, to, reverse
	it.node.b = nil
	if reverse {
		kv.seekNode(s, &it.cursor, to)
		return
	}
	kv.seekNode(s, &it.cursor, from)
	if !it.cursor.Valid() {
		it.cursor.Next(kv.streamType)
	}
}

// next goes to the next entry and returns its ID and the number of its fields,
// or false when there is none.
func (it *streamIterator) next() (id streamID, fields int, ok bool) {
	for it.step() {
		if it.entry.deleted() {
			continue
		}
		id := it.id
		if it.reverse {
			if it.to.less(id) {
				continue
			}
			ok = !id.less(it.from)
		} else {
			if id.less(it.from) {
				continue
			}
			ok = !it.to.less(id)
		}
		return id, it.entry.fields, ok
	}
	return streamID{}, 0, false
}

// step goes to the next entry, whether or not it is deleted and in the range.
func (it *streamIterator) step() bool {
	for {
		var p int
		switch {
		case it.node.b == nil:
			if !it.cursor.Valid() {
				return false
			}
			p = it.openNode()
		case it.reverse:
			p = it.entry.at
		default:
			p = skip(it.node.b, it.p, it.entry.pieces()-it.read)
		}
		if it.reverse {
			p = it.node.prevEntry(p)
		} else if listpack.AtEnd(it.node.b, p) {
			p = 0
		}
		if p != 0 {
			it.entry = it.node.entryAt(p)
			it.id = it.entry.id(it.master)
			it.p, it.read, it.name = it.entry.valuesAt, 0, it.node.fieldsAt
			return true
		}
		it.leaveNode()
	}
}

// openNode reads the node at the cursor and returns where its entries begin or,
// backwards, where they end.
func (it *streamIterator) openNode() int {
	at := it.cursor.Entry()
	it.node = it.kv.streamNodeAt(at.Ref)
	it.master = streamID{at.Key, it.kv.masterSeq(at.Ref)}
	if it.reverse {
		return len(it.node.b) - 1
	}
	return it.node.firstEntry()
}

// leaveNode sends the cursor to the next node.
func (it *streamIterator) leaveNode() {
	it.node.b = nil
	if it.reverse {
		it.cursor.Prev(it.kv.streamType)
	} else {
		it.cursor.Next(it.kv.streamType)
	}
}

// nextField reads a field of the entry.
func (it *streamIterator) nextField() (name, value listpack.Value) {
	b := it.node.b
	if it.entry.flags&entrySameFields != 0 {
		name = listpack.Get(b, it.name)
		it.name = listpack.Next(b, it.name)
	} else {
		name = listpack.Get(b, it.p)
		it.p = listpack.Next(b, it.p)
		it.read++
	}
	value = listpack.Get(b, it.p)
	it.p = listpack.Next(b, it.p)
	it.read++
	return name, value
}

// remove deletes the entry that next returned. The iterator goes on with the
// one behind it.
func (it *streamIterator) remove() {
	kv, n := it.kv, &it.node
	if n.count == 1 {
		kv.removeStreamNode(it.s, &it.cursor)
	} else {
		n.markDeleted(&it.entry)
		kv.setCounts(n, n.count-1, n.deleted+1)
		kv.noteMove(it.s, &it.cursor, n.ref)
	}
	it.s.length--
	if it.reverse {
		it.start(kv, it.s, it.from, it.id, true)
	} else {
		it.start(kv, it.s, it.id, it.to, false)
	}
}

// replyEntry answers with the entry that next returned, of which no field has
// been read: its ID and an array of its names and values.
func (it *streamIterator) replyEntry(c *Client) {
	w := &c.reply
	w.Array(2)
	c.replyStreamID(it.id)
	w.Array(2 * it.entry.fields)
	b, p, name := it.node.b, it.p, it.name
	same := it.entry.flags&entrySameFields != 0
	for range it.entry.fields {
		if same {
			c.replyText(b, name)
			name = listpack.Next(b, name)
		} else {
			c.replyText(b, p)
			p = listpack.Next(b, p)
		}
		c.replyText(b, p)
		p = listpack.Next(b, p)
	}
	it.p, it.read = p, it.entry.pieces()-1
}

package store

import (
	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// Streams: entries in the order of their IDs, appended at one end and trimmed at
// the other. They lie in nodes of some entries each (type_stream_node.go), and a
// tree finds the node of an ID. Where one entry begins and what it holds is the
// business of the iterator (type_stream_iter.go), groups of readers that of
// type_stream_group.go.
//
// The tree's keys are the milliseconds of the nodes' master IDs. Nodes that are
// alike in them are told apart by the sequence, which begins the node's block.
// Only the last node grows; it has room to spare until it is finished.
//
// Invariant: every node has an entry. XDEL takes the last one that it has not yet
// deleted away together with its node, but trimming may leave a first node of
// nothing but deleted ones. length counts the others, and first is the ID of the
// first of them, 0-0 when there is none.

// A stream is the root of a stream.
type stream struct {
	nodes        tree.Tree
	length       uint64
	first        streamID
	last         streamID  // of all that were ever added, or what XSETID says
	maxDeleted   streamID  // the greatest that XDEL deleted
	entriesAdded uint64    // since the beginning
	groups       tree.Tree // of streamGroup, by name
}

// errStreamEntrySize is the answer to an entry that no listpack can hold.
const errStreamEntrySize replyError = "ERR Elements are too large to be stored"

func (kv *KVStore) initStreams() {
	kv.initGroups()
	kv.streamType = &tree.Type{Arena: kv.arena, Tie: func(ref arena.Ref, probe string) int {
		return streamID{0, kv.masterSeq(ref)}.cmp(streamID{0, kv.probedSeq})
	}}
}

// streamAt is the stream that is a key's value. It stays where it is as long as
// the key has it.
func (kv *KVStore) streamAt(e entry) *stream { return rootOf[stream](kv, e) }

// lookupStream finds the stream under a key for reading; nil when there is none.
func (db *database) lookupStream(key string) (*stream, error) {
	e, err := db.lookupType(key, typeStream)
	if !e.ok() {
		return nil, err
	}
	return db.kv.streamAt(e), nil
}

// lookupStreamWrite is lookupStream for a command that changes the stream.
func (db *database) lookupStreamWrite(key string) (*stream, error) {
	e, err := db.lookupTypeWrite(key, typeStream)
	if !e.ok() {
		return nil, err
	}
	return db.kv.streamAt(e), nil
}

// insertStream makes a new key, whose value is an empty stream.
func (db *database) insertStream(key string) *stream {
	ref, s := newRoot[stream](db.kv)
	e := db.place(entry{}, key, typeStream, encStream, outside, -1)
	e.setOutside(ref, 0)
	return s
}

// seekNode sends the cursor to the node that would hold the ID: the last one
// whose master ID is not above it. If there is none the cursor stands before
// the first node and is not valid.
func (kv *KVStore) seekNode(s *stream, c *tree.Cursor, id streamID) {
	kv.probedSeq = id.seq
	s.nodes.SeekAfter(kv.streamType, c, id.ms, "")
	c.Prev(kv.streamType)
}

// addEntry adds an entry of names and values. Its ID is above the last one; that
// the pairs fit has been checked with fitsEntry.
func (kv *KVStore) addEntry(s *stream, id streamID, pairs []string) {
	var c tree.Cursor
	s.nodes.Last(kv.streamType, &c)
	if !c.Valid() || !kv.extendNode(s, &c, id, pairs) {
		ref := kv.newStreamNode(id, pairs)
		if c.Valid() {
			c.Next(kv.streamType)
		}
		s.nodes.Insert(kv.streamType, &c, tree.Entry{Key: id.ms, Ref: ref})
	}
	s.length++
	s.entriesAdded++
	s.last = id
	if s.length == 1 {
		s.first = id
	}
}

// fitsEntry reports whether a listpack can hold the pairs at all.
func fitsEntry(pairs []string) bool { return textSize(pairs) <= listpack.SizeMax }

// textSize is the length of the strings together.
func textSize(strs []string) (n int) {
	for _, s := range strs {
		n += len(s)
	}
	return n
}

// extendNode adds an entry to the last node, where the cursor stands. When that
// has all it should have, extendNode gives back the room that it does not need
// and reports false.
func (kv *KVStore) extendNode(s *stream, c *tree.Cursor, id streamID, pairs []string) bool {
	at := c.Entry()
	n := kv.streamNodeAt(at.Ref)
	if kv.nodeFull(&n, textSize(pairs)) {
		size := streamNodeHead + len(n.b)
		n.ref = kv.arena.Resize(n.ref, size, size)
		kv.noteMove(s, c, n.ref)
		return false
	}
	beyond := streamID{id.ms - at.Key, id.seq - kv.masterSeq(at.Ref)}
	buf, pieces := appendStreamEntry(kv.entryBuf[:0], beyond, pairs, n.sameFields(pairs))
	kv.growStreamNode(&n, len(buf))
	n.b = listpack.Splice(n.b, len(n.b)-1, len(n.b)-1, buf, pieces)
	kv.setCounts(&n, n.count+1, n.deleted)
	kv.noteMove(s, c, n.ref)
	kv.keepEntryBuf(buf)
	return true
}

// noteMove tells the tree where the node at the cursor is now.
func (kv *KVStore) noteMove(s *stream, c *tree.Cursor, ref arena.Ref) {
	if at := c.Entry(); at.Ref != ref {
		s.nodes.Set(kv.streamType, c, tree.Entry{Key: at.Key, Ref: ref})
	}
}

// nodeFull reports whether an entry of so much text has to go to another node.
func (kv *KVStore) nodeFull(n *streamNode, text int) bool {
	bytesMax := kv.streamNodeBytes
	if bytesMax == 0 || bytesMax > listpack.SizeMax {
		bytesMax = listpack.SizeMax
	}
	if int64(len(n.b)+text) >= bytesMax {
		return true
	}
	return kv.streamNodeEntries != 0 && n.count+n.deleted >= kv.streamNodeEntries
}

// removeStreamNode takes out the node at the cursor, which then stands at the next one.
func (kv *KVStore) removeStreamNode(s *stream, c *tree.Cursor) {
	ref := c.Entry().Ref
	s.nodes.Remove(kv.streamType, c)
	kv.arena.Free(ref)
}

// deleteEntry deletes an entry, if it is there.
func (kv *KVStore) deleteEntry(s *stream, id streamID) bool {
	var it streamIterator
	it.start(kv, s, id, id, false)
	if _, _, ok := it.next(); !ok {
		return false
	}
	it.remove()
	return true
}

// setFirst finds out what the first entry is now.
func (kv *KVStore) setFirst(s *stream) {
	s.first = streamID{}
	if s.length > 0 {
		s.first = kv.firstID(s)
	}
}

// firstID is the ID of the first entry, the last possible one when there is none.
func (kv *KVStore) firstID(s *stream) streamID {
	var it streamIterator
	it.start(kv, s, streamID{}, maxStreamID, false)
	if id, _, ok := it.next(); ok {
		return id
	}
	return maxStreamID
}

// oldestID is the ID of the first entry that was not yet trimmed, though XDEL
// may have deleted it; the last possible one when there is none.
func (kv *KVStore) oldestID(s *stream) streamID {
	var c tree.Cursor
	s.nodes.First(kv.streamType, &c)
	if !c.Valid() {
		return maxStreamID
	}
	return kv.masterID(&c)
}

// lastID is the ID of the last entry, 0-0 when there is none.
func (kv *KVStore) lastID(s *stream) streamID {
	var it streamIterator
	it.start(kv, s, streamID{}, maxStreamID, true)
	id, _, _ := it.next()
	return id
}

// hasEntry reports whether there is an entry with the ID.
func (kv *KVStore) hasEntry(s *stream, id streamID) bool {
	var it streamIterator
	it.start(kv, s, id, id, false)
	_, _, ok := it.next()
	return ok
}

// hasTombstones reports whether the greatest deleted ID lies from id on, and so
// maybe between entries. The length counts the entries behind id otherwise.
func (s *stream) hasTombstones(id streamID) bool {
	if s.length == 0 || s.maxDeleted.isZero() || s.maxDeleted.less(s.first) {
		return false
	}
	return !s.maxDeleted.less(id)
}

// unknownDistance is what distance says of an ID whose place cannot be told.
const unknownDistance = -1

// distance is how many entries there have been up to an ID since the first one
// ever added. It is only known of IDs that are at an end of the stream.
func (s *stream) distance(id streamID) int64 {
	added, length := int64(s.entriesAdded), int64(s.length)
	byLast := id.cmp(s.last)
	switch {
	case added == 0:
		return 0
	case length == 0 && byLast <= 0, byLast == 0:
		return added
	case byLast > 0:
		return unknownDistance
	}
	if s.maxDeleted.isZero() || s.maxDeleted.less(s.first) {
		switch id.cmp(s.first) {
		case -1:
			return added - length
		case 0:
			return added - length + 1
		}
	}
	return unknownDistance
}

func (kv *KVStore) drainStream(root arena.Ref, steps int) bool {
	s := (*stream)(kv.arena.Ptr(root))
	free := func(e tree.Entry) { kv.arena.Free(e.Ref) }
	if !s.nodes.Drain(kv.streamType, steps, free) || !kv.drainGroups(s, steps) {
		return false
	}
	kv.arena.Free(root)
	return true
}

func (kv *KVStore) copyStream(root arena.Ref) arena.Ref {
	from := (*stream)(kv.arena.Ptr(root))
	ref, to := newRoot[stream](kv)
	to.length, to.entriesAdded = from.length, from.entriesAdded
	to.first, to.last, to.maxDeleted = from.first, from.last, from.maxDeleted
	var c tree.Cursor
	to.nodes.First(kv.streamType, &c)
	for e := range from.nodes.All(kv.streamType) {
		to.nodes.Insert(kv.streamType, &c, tree.Entry{Key: e.Key, Ref: kv.copyStreamNode(e.Ref)})
		c.Next(kv.streamType)
	}
	kv.copyGroups(from, to)
	return ref
}

// copyStreamNode copies a node, without the room that it has to spare.
func (kv *KVStore) copyStreamNode(ref arena.Ref) arena.Ref {
	n := streamNodeHead + len(kv.listpackOf(ref))
	to := kv.arena.Alloc(n)
	copy(kv.arena.Bytes(to, n), kv.arena.Bytes(ref, n))
	return to
}

func (kv *KVStore) streamBytes(root arena.Ref, samples int64) int64 {
	s := (*stream)(kv.arena.Ptr(root))
	return int64(kv.arena.Cap(root)) + kv.nodeBytes(&s.nodes, kv.streamType, samples) + kv.groupBytes(s)
}

// streamLen counts what the groups have, too.
func (kv *KVStore) streamLen(root arena.Ref) int {
	s := (*stream)(kv.arena.Ptr(root))
	return int(s.length) + kv.groupLen(s)
}

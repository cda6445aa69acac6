package store

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// Consumer groups. A group is a place in a stream, up to which its entries have
// been given to the group's consumers, and what has been given and not been
// acknowledged: pending entries. Each is pending for the group and for the
// consumer that has it, so it hangs in two trees, both by ID:
//
//	stream ─▶ groups by name ─▶ group ─▶ pending ──────────▶ pending entry
//	                              │                           ▲       │
//	                              └▶ consumers by name ─▶ consumer ◀──┘
//
// Trees by name have the first eight bytes of the name for their key, so they
// are in the order of the names, which is how Redis lists groups and consumers.
// An entry can be pending and yet no longer in the stream.
//
// Invariant: a pending entry is in the group's tree and in that of exactly the
// consumer it names.

// A streamGroup is a consumer group. Its name follows it in its block.
type streamGroup struct {
	lastID      streamID  // of the last entry that was given to a consumer
	entriesRead int64     // entries of the stream up to lastID, or unknownDistance
	pending     tree.Tree // of pendingEntry
	consumers   tree.Tree // of streamConsumer, by name
	nameLen     uint64
}

// A streamConsumer is a consumer of a group. Its name follows it in its block.
type streamConsumer struct {
	seenMs  int64     // when it last read or claimed
	pending tree.Tree // of pendingEntry
	nameLen uint64
}

// A pendingEntry says who has an entry. Its milliseconds are in the trees; it
// begins with the sequence, as streamType wants it.
type pendingEntry struct {
	seq         uint64
	deliveredMs int64 // when it was last given to its consumer
	deliveries  int64
	consumer    arena.Ref
}

const (
	groupSize    = unsafe.Sizeof(streamGroup{})
	consumerSize = unsafe.Sizeof(streamConsumer{})
	pendingSize  = int(unsafe.Sizeof(pendingEntry{}))
)

// initGroups makes the types of the trees by name.
func (kv *KVStore) initGroups() {
	kv.groupType = &tree.Type{Arena: kv.arena, Tie: func(ref arena.Ref, probe string) int {
		return compareNames(kv.groupAt(ref).name(), probe)
	}}
	kv.consumerType = &tree.Type{Arena: kv.arena, Tie: func(ref arena.Ref, probe string) int {
		return compareNames(kv.consumerAt(ref).name(), probe)
	}}
}

// compareNames orders names by their bytes.
func compareNames(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// nameKey is the key of a name in a tree by name.
func nameKey(name string) uint64 {
	var b [8]byte
	copy(b[:], name)
	return binary.BigEndian.Uint64(b[:])
}

func (kv *KVStore) groupAt(ref arena.Ref) *streamGroup { return (*streamGroup)(kv.arena.Ptr(ref)) }

func (kv *KVStore) consumerAt(ref arena.Ref) *streamConsumer {
	return (*streamConsumer)(kv.arena.Ptr(ref))
}

func (kv *KVStore) pendingAt(ref arena.Ref) *pendingEntry { return (*pendingEntry)(kv.arena.Ptr(ref)) }

// name is a view of the group's name.
func (g *streamGroup) name() string {
	return unsafe.String((*byte)(unsafe.Add(unsafe.Pointer(g), groupSize)), g.nameLen)
}

// name is a view of the consumer's name.
func (sc *streamConsumer) name() string {
	return unsafe.String((*byte)(unsafe.Add(unsafe.Pointer(sc), consumerSize)), sc.nameLen)
}

// newNamed allocates a block for a zero T of so many bytes and a name behind it.
func newNamed[T any](kv *KVStore, size uintptr, name string) (arena.Ref, *T) {
	ref := kv.arena.Alloc(int(size) + len(name))
	p := kv.arena.Ptr(ref)
	var zero T
	*(*T)(p) = zero
	copy(unsafe.Slice((*byte)(unsafe.Add(p, size)), len(name)), name)
	return ref, (*T)(p)
}

// groupCount is the number of groups.
func (s *stream) groupCount() int { return s.groups.Len() }

// seekGroup sends the cursor to the group of a name, or to where it belongs.
func (kv *KVStore) seekGroup(s *stream, c *tree.Cursor, name string) (found bool) {
	s.groups.Seek(kv.groupType, c, nameKey(name), name)
	return c.Valid() && kv.groupAt(c.Entry().Ref).name() == name
}

// findGroup is the group of a name, nil when there is none.
func (kv *KVStore) findGroup(s *stream, name string) *streamGroup {
	var c tree.Cursor
	if !kv.seekGroup(s, &c, name) {
		return nil
	}
	return kv.groupAt(c.Entry().Ref)
}

// createGroup makes a group, unless there is one of that name.
func (kv *KVStore) createGroup(s *stream, name string, last streamID, entriesRead int64) bool {
	var c tree.Cursor
	if kv.seekGroup(s, &c, name) {
		return false
	}
	ref, g := newNamed[streamGroup](kv, groupSize, name)
	g.lastID, g.entriesRead, g.nameLen = last, entriesRead, uint64(len(name))
	s.groups.Insert(kv.groupType, &c, tree.Entry{Key: nameKey(name), Ref: ref})
	return true
}

// destroyGroup removes a group with all that is pending for it, if there is one
// of that name.
func (kv *KVStore) destroyGroup(s *stream, name string) bool {
	var c tree.Cursor
	if !kv.seekGroup(s, &c, name) {
		return false
	}
	ref := c.Entry().Ref
	s.groups.Remove(kv.groupType, &c)
	d := &droppedGroup{kv, ref}
	if g := kv.groupAt(ref); g.pending.Len()+g.consumers.Len() > freedAtOnce {
		kv.drainLater(d)
		return true
	}
	for !d.drain(freedAtOnce) {
	}
	return true
}

// seekConsumer sends the cursor to the consumer of a name, or to where it belongs.
func (kv *KVStore) seekConsumer(g *streamGroup, c *tree.Cursor, name string) (found bool) {
	g.consumers.Seek(kv.consumerType, c, nameKey(name), name)
	return c.Valid() && kv.consumerAt(c.Entry().Ref).name() == name
}

// findConsumer is the consumer of a name, 0 when there is none.
func (kv *KVStore) findConsumer(g *streamGroup, name string) arena.Ref {
	var c tree.Cursor
	if !kv.seekConsumer(g, &c, name) {
		return 0
	}
	return c.Entry().Ref
}

// createConsumer is the consumer of a name, which is made when there is none.
func (kv *KVStore) createConsumer(g *streamGroup, name string) (ref arena.Ref, created bool) {
	var c tree.Cursor
	if kv.seekConsumer(g, &c, name) {
		return c.Entry().Ref, false
	}
	ref, sc := newNamed[streamConsumer](kv, consumerSize, name)
	sc.seenMs, sc.nameLen = kv.nowMs, uint64(len(name))
	g.consumers.Insert(kv.consumerType, &c, tree.Entry{Key: nameKey(name), Ref: ref})
	return ref, true
}

// deleteConsumer removes a consumer, if there is one of that name, and what is
// pending for it, whose number it returns.
func (kv *KVStore) deleteConsumer(g *streamGroup, name string) (pending int, ok bool) {
	var c tree.Cursor
	if !kv.seekConsumer(g, &c, name) {
		return 0, false
	}
	ref := c.Entry().Ref
	sc := kv.consumerAt(ref)
	pending = sc.pending.Len()
	var all tree.Cursor
	sc.pending.Drain(kv.streamType, math.MaxInt, func(e tree.Entry) {
		kv.seekID(&g.pending, &all, kv.idOf(e))
		g.pending.Remove(kv.streamType, &all)
		kv.arena.Free(e.Ref)
	})
	g.consumers.Remove(kv.consumerType, &c)
	kv.arena.Free(ref)
	return pending, true
}

// idOf is the ID of a pending entry in a tree.
func (kv *KVStore) idOf(e tree.Entry) streamID {
	return streamID{e.Key, kv.pendingAt(e.Ref).seq}
}

// seekID sends the cursor to the first pending entry not below an ID, and
// reports whether it is that of the ID.
func (kv *KVStore) seekID(t *tree.Tree, c *tree.Cursor, id streamID) (found bool) {
	kv.probedSeq = id.seq
	t.Seek(kv.streamType, c, id.ms, "")
	return c.Valid() && kv.idOf(c.Entry()) == id
}

// advance is seekID for a cursor behind a smaller ID. Mostly it is there already.
func (kv *KVStore) advance(t *tree.Tree, c *tree.Cursor, id streamID) (found bool) {
	if !c.Valid() {
		return false // at the end
	}
	if at := kv.idOf(c.Entry()); !at.less(id) {
		return at == id
	}
	return kv.seekID(t, c, id)
}

// insertPending makes an entry pending, which is not yet, for a consumer and as
// delivered once. c stands at its place in the group, and then at it.
func (kv *KVStore) insertPending(g *streamGroup, c *tree.Cursor, id streamID, consumer arena.Ref) *pendingEntry {
	ref := kv.arena.Alloc(pendingSize)
	p := kv.pendingAt(ref)
	*p = pendingEntry{seq: id.seq, deliveredMs: kv.nowMs, deliveries: 1, consumer: consumer}
	g.pending.Insert(kv.streamType, c, tree.Entry{Key: id.ms, Ref: ref})
	return p
}

// removePending makes the entry at the cursor, which is in the group's tree, no
// longer pending. The cursor is at the next one then.
func (kv *KVStore) removePending(g *streamGroup, c *tree.Cursor) {
	e := c.Entry()
	kv.disown(kv.idOf(e), kv.pendingAt(e.Ref))
	g.pending.Remove(kv.streamType, c)
	kv.arena.Free(e.Ref)
}

// disown takes a pending entry from its consumer.
func (kv *KVStore) disown(id streamID, p *pendingEntry) {
	var c tree.Cursor
	sc := kv.consumerAt(p.consumer)
	kv.seekID(&sc.pending, &c, id)
	sc.pending.Remove(kv.streamType, &c)
}

// assign gives the pending entry at the cursor, which is in the group's tree,
// to another consumer.
func (kv *KVStore) assign(at *tree.Cursor, consumer arena.Ref) {
	e := at.Entry()
	id, p := kv.idOf(e), kv.pendingAt(e.Ref)
	if p.consumer == consumer {
		return
	}
	kv.disown(id, p)
	kv.own(e, consumer)
}

// own makes a pending entry, which is nobody's, a consumer's.
func (kv *KVStore) own(e tree.Entry, consumer arena.Ref) {
	var c tree.Cursor
	sc := kv.consumerAt(consumer)
	kv.seekID(&sc.pending, &c, kv.idOf(e))
	sc.pending.Insert(kv.streamType, &c, e)
	kv.pendingAt(e.Ref).consumer = consumer
}

// A delivery makes entries pending for a consumer, in the order of their IDs.
// Its cursors stand behind the entry before, which is mostly where the next one
// belongs, so that only the first one has to be searched for.
type delivery struct {
	g        *streamGroup
	consumer arena.Ref
	all, own tree.Cursor
}

// start prepares the delivery of entries from an ID on.
func (d *delivery) start(kv *KVStore, g *streamGroup, consumer arena.Ref, from streamID) {
	d.g, d.consumer = g, consumer
	kv.seekID(&g.pending, &d.all, from)
	kv.seekID(&kv.consumerAt(consumer).pending, &d.own, from)
}

// add makes one more entry pending. It may be pending already, since XGROUP
// SETID can make a group read again what it has read; then it changes hands.
func (d *delivery) add(kv *KVStore, id streamID) *pendingEntry {
	pending := &kv.consumerAt(d.consumer).pending
	var p *pendingEntry
	if kv.advance(&d.g.pending, &d.all, id) {
		p = kv.pendingAt(d.all.Entry().Ref)
		p.deliveredMs, p.deliveries = kv.nowMs, 1
		if p.consumer == d.consumer {
			return p
		}
		kv.disown(id, p)
		p.consumer = d.consumer
	} else {
		p = kv.insertPending(d.g, &d.all, id, d.consumer)
	}
	kv.advance(pending, &d.own, id)
	pending.Insert(kv.streamType, &d.own, d.all.Entry())
	d.own.Next(kv.streamType)
	d.all.Next(kv.streamType)
	return p
}

// A droppedGroup is a group that no stream has any more.
type droppedGroup struct {
	kv  *KVStore
	ref arena.Ref
}

func (d *droppedGroup) drain(steps int) bool { return d.kv.drainGroup(d.ref, &steps) }
func (d *droppedGroup) pending() int64       { return 0 } // as INFO counts: it is no object

// drainGroups frees so many leaves and consumers of a dropped stream's groups,
// and reports whether nothing is left.
func (kv *KVStore) drainGroups(s *stream, steps int) (done bool) {
	var c tree.Cursor
	for s.groups.Len() > 0 {
		s.groups.Last(kv.groupType, &c)
		if steps <= 0 || !kv.drainGroup(c.Entry().Ref, &steps) {
			return false
		}
		s.groups.Remove(kv.groupType, &c)
	}
	return true
}

// drainGroup frees a group and what it has, steps allowing. The trees of the
// consumers go first, since the entries in them are freed as the group's.
func (kv *KVStore) drainGroup(ref arena.Ref, steps *int) (done bool) {
	g := kv.groupAt(ref)
	var c tree.Cursor
	for g.consumers.Len() > 0 {
		g.consumers.Last(kv.consumerType, &c)
		at := c.Entry().Ref
		if !kv.drainPending(&kv.consumerAt(at).pending, steps, nil) {
			return false
		}
		g.consumers.Remove(kv.consumerType, &c)
		kv.arena.Free(at)
	}
	if !kv.drainPending(&g.pending, steps, func(e tree.Entry) { kv.arena.Free(e.Ref) }) {
		return false
	}
	kv.arena.Free(ref)
	return true
}

// drainPending takes the leaves out of a tree of pending entries, steps allowing.
func (kv *KVStore) drainPending(t *tree.Tree, steps *int, visit func(tree.Entry)) (done bool) {
	for *steps > 0 {
		*steps--
		if t.Drain(kv.streamType, 1, visit) {
			return true
		}
	}
	return false
}

// copyGroups copies the groups of a stream to its copy.
func (kv *KVStore) copyGroups(from, to *stream) {
	var c tree.Cursor
	to.groups.First(kv.groupType, &c)
	for e := range from.groups.All(kv.groupType) {
		to.groups.Insert(kv.groupType, &c, tree.Entry{Key: e.Key, Ref: kv.copyGroup(kv.groupAt(e.Ref))})
		c.Next(kv.groupType)
	}
}

// copyGroup copies a group with all it has.
func (kv *KVStore) copyGroup(from *streamGroup) arena.Ref {
	ref, to := newNamed[streamGroup](kv, groupSize, from.name())
	to.lastID, to.entriesRead, to.nameLen = from.lastID, from.entriesRead, from.nameLen
	var c tree.Cursor
	to.consumers.First(kv.consumerType, &c)
	copies := make(map[arena.Ref]arena.Ref, from.consumers.Len())
	for e := range from.consumers.All(kv.consumerType) {
		sc := kv.consumerAt(e.Ref)
		at, twin := newNamed[streamConsumer](kv, consumerSize, sc.name())
		twin.seenMs, twin.nameLen = sc.seenMs, sc.nameLen
		copies[e.Ref] = at
		to.consumers.Insert(kv.consumerType, &c, tree.Entry{Key: e.Key, Ref: at})
		c.Next(kv.consumerType)
	}
	var own tree.Cursor
	to.pending.First(kv.streamType, &c)
	for e := range from.pending.All(kv.streamType) {
		twin := tree.Entry{Key: e.Key, Ref: kv.copyBlock(e.Ref)}
		p := kv.pendingAt(twin.Ref)
		p.consumer = copies[p.consumer]
		to.pending.Insert(kv.streamType, &c, twin)
		c.Next(kv.streamType)
		pending := &kv.consumerAt(p.consumer).pending
		pending.Last(kv.streamType, &own)
		own.Next(kv.streamType)
		pending.Insert(kv.streamType, &own, twin)
	}
	return ref
}

// groupBytes is the memory of a stream's groups. Nothing has to be sampled.
func (kv *KVStore) groupBytes(s *stream) int64 {
	n := s.groups.Bytes()
	for e := range s.groups.All(kv.groupType) {
		n += kv.bytesOfGroup(e.Ref)
	}
	return n
}

// bytesOfGroup is the memory of one group with all it has.
func (kv *KVStore) bytesOfGroup(ref arena.Ref) int64 {
	g := kv.groupAt(ref)
	n := int64(kv.arena.Cap(ref)) + g.pending.Bytes() + g.consumers.Bytes()
	n += int64(g.pending.Len()) * int64(arena.RoundUp(pendingSize))
	for e := range g.consumers.All(kv.consumerType) {
		n += int64(kv.arena.Cap(e.Ref)) + kv.consumerAt(e.Ref).pending.Bytes()
	}
	return n
}

// groupLen is the number of consumers and pending entries of all groups.
func (kv *KVStore) groupLen(s *stream) (n int) {
	for e := range s.groups.All(kv.groupType) {
		g := kv.groupAt(e.Ref)
		n += 1 + g.consumers.Len() + g.pending.Len()
	}
	return n
}

package store

import (
	"errors"
	"math"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/rdb"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// From a snapshot to streams; snapshot_value.go says how.

// What may be wrong with a stream besides its form.
var (
	errNoOwner     = errors.New("a pending entry without a consumer")
	errTwoOwners   = errors.New("Stream consumer PEL entry already has a consumer assigned")
	errNotPending  = errors.New("a consumer has an entry that is not pending")
	errGroupTwice  = errors.New("a consumer group is there twice")
	errOwnerTwice  = errors.New("Duplicate stream consumer detected")
	errEntryNumber = errors.New("a number of entries that is out of range")
)

// A streamLoad is a stream under way.
type streamLoad struct {
	l        *valueLoader
	s        *stream
	group    *streamGroup
	consumer arena.Ref
	unowned  int // pending entries of the group that are nobody's yet
}

// loadStream builds a stream.
func (l *valueLoader) loadStream() (looseValue, error) {
	v := looseValue{typ: typeStream, enc: encStream}
	b := streamLoad{l: l}
	v.root, b.s = newRoot[stream](l.kv)
	for l.r.Len() > 0 {
		item, err := l.r.Stream()
		if err == nil {
			err = b.add(item)
		}
		if err != nil {
			v.drop(l.kv)
			return looseValue{}, err
		}
	}
	if b.unowned > 0 {
		v.drop(l.kv)
		return looseValue{}, errNoOwner
	}
	return v, nil
}

// loadedID is an ID as the store has it.
func loadedID(id rdb.StreamID) streamID { return streamID{id.Ms, id.Seq} }

// add adds a part of the stream.
func (b *streamLoad) add(item *rdb.StreamItem) error {
	s := b.s
	switch item.Kind {
	case rdb.StreamNode:
		return b.addNode(item)
	case rdb.StreamInfo:
		info := &item.Info
		if info.EntriesAdded > math.MaxInt64 {
			return errEntryNumber
		}
		s.length, s.entriesAdded = info.Length, info.EntriesAdded
		s.first, s.last, s.maxDeleted = loadedID(info.FirstID), loadedID(info.LastID), loadedID(info.MaxDeletedID)
	case rdb.StreamGroup:
		return b.addGroup(item)
	case rdb.StreamPending:
		return b.addPending(item)
	case rdb.StreamConsumer:
		ref, created := b.l.kv.createConsumer(b.group, item.Name)
		if !created {
			return errOwnerTwice
		}
		b.consumer = ref
		b.l.kv.consumerAt(ref).seenMs = item.Time
	case rdb.StreamOwned:
		return b.own(loadedID(item.ID))
	}
	return nil
}

// addNode adds a node behind the others. One in which all is deleted is left
// out; Redis 7.0 writes none.
func (b *streamLoad) addNode(item *rdb.StreamItem) error {
	kv, s := b.l.kv, b.s
	lp := b.l.listpack(item.Node)
	if item.Entries == 0 {
		return nil
	}
	size := streamNodeHead + len(lp)
	ref := kv.arena.Alloc(size)
	*(*uint64)(kv.arena.Ptr(ref)) = item.ID.Seq
	copy(kv.arena.Bytes(ref, size)[streamNodeHead:], lp)
	var c tree.Cursor
	if s.nodes.Last(kv.streamType, &c); c.Valid() {
		c.Next(kv.streamType)
	}
	s.nodes.Insert(kv.streamType, &c, tree.Entry{Key: item.ID.Ms, Ref: ref})
	return nil
}

// addGroup adds a consumer group. The one before must be complete.
func (b *streamLoad) addGroup(item *rdb.StreamItem) error {
	if b.unowned > 0 {
		return errNoOwner
	}
	kv := b.l.kv
	if !kv.createGroup(b.s, item.Name, loadedID(item.ID), max(item.EntriesRead, unknownDistance)) {
		return errGroupTwice
	}
	b.group = kv.findGroup(b.s, item.Name)
	b.unowned = item.Pending
	return nil
}

// addPending adds a pending entry, which is nobody's until a consumer has it.
func (b *streamLoad) addPending(item *rdb.StreamItem) error {
	kv := b.l.kv
	var c tree.Cursor
	id := loadedID(item.ID)
	if kv.seekID(&b.group.pending, &c, id) {
		return errTwice
	}
	p := kv.insertPending(b.group, &c, id, 0)
	p.deliveredMs, p.deliveries = item.Time, int64(item.Deliveries)
	return nil
}

// own makes a pending entry the consumer's.
func (b *streamLoad) own(id streamID) error {
	kv := b.l.kv
	var c tree.Cursor
	if !kv.seekID(&b.group.pending, &c, id) {
		return errNotPending
	}
	at := c.Entry()
	if kv.pendingAt(at.Ref).consumer != 0 {
		return errTwoOwners
	}
	kv.own(at, b.consumer)
	b.unowned--
	return nil
}

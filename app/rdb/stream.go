package rdb

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/codecrafters-io/redis-starter-go/app/listpack"
)

// Streams: nodes of entries, what is known of the whole, and the consumer groups.
//
//	nodes   (master ID, listpack)…
//	info    length, last ID, [first ID, greatest deleted ID, entries added]
//	groups  (name, last ID, [entries read],
//	         pending    (ID, time of delivery, deliveries)…
//	         consumers  (name, seen, [active], owned (ID)…)…)…
//
// What is in brackets came with 7.0, and active with 7.2. IDs are lengths in
// the info and in the head of a group, 16 bytes big endian elsewhere.
//
// The listpack of a node is, one entry a line:
//
//	count   deleted   number of fields   field…   0                  the master
//	flags   ms   seq   [number of fields   field…]   value…   back   an entry
//
// ms and seq are relative to the master ID; fields are as in the master entry
// when flags say so; back is the number of listpack entries before it that belong
// to the same stream entry.

const (
	flagDeleted    = 1
	flagSameFields = 2
)

// A StreamID is the ID of an entry.
type StreamID struct{ Ms, Seq uint64 }

// Compare orders IDs.
func (id StreamID) Compare(other StreamID) int {
	return cmp.Or(cmp.Compare(id.Ms, other.Ms), cmp.Compare(id.Seq, other.Seq))
}

// A StreamKind says which part of a stream an item is.
type StreamKind uint8

const (
	StreamNode     StreamKind = iota // ID, Node, Entries: a node, none or more, then
	StreamInfo                       // Info: once, then for each group
	StreamGroup                      // Name, ID, EntriesRead, Pending: then its pending entries
	StreamPending                    // ID, Time, Deliveries: Pending times, then for each consumer
	StreamConsumer                   // Name, Time, Active, Pending: then what it owns of them
	StreamOwned                      // ID: Pending times
)

// A StreamItem is a part of a stream; which fields count is up to the kind.
type StreamItem struct {
	Kind    StreamKind
	ID      StreamID // of a node its master ID, of a group the last that it delivered
	Node    []byte   // a listpack in the form of a node
	Entries int      // entries in the node that are not deleted; 0 would be an odd node
	Info    StreamFacts
	Name    string

	EntriesRead int64  // by the group, -1 when it is not known
	Pending     int    // how many entries are pending: of a group, or owned by a consumer
	Time        int64  // in ms: of the last delivery, or when a consumer was seen
	Active      int64  // in ms: when it last got an entry
	Deliveries  uint64 // of a pending entry
}

// StreamFacts are what is known of a stream as a whole. A Reader has length,
// first ID and what the last one must be at least from the nodes.
type StreamFacts struct {
	Length       uint64
	LastID       StreamID
	FirstID      StreamID // of the first entry, 0-0 when there is none
	MaxDeletedID StreamID
	EntriesAdded uint64
	Groups       int
}

// A streamReader is where the reading of a stream is.
type streamReader struct {
	item      StreamItem
	inGroups  bool // behind the info
	inOwners  bool // behind the pending entries of a group
	nodes     int  // still to come
	groups    int
	pending   int // of the group
	consumers int // of the group
	owned     int // by the consumer
	live      uint64
	first     StreamID // of the first entry that is not deleted
	last      StreamID // of the last entry
	any       bool     // there was an entry
	nodesSeen bool
}

// beginStream reads the head of a stream.
func (r *Reader) beginStream() error {
	r.Type = TypeStream
	n, err := r.in.readCount(3)
	r.stream = streamReader{nodes: n, nodesSeen: n > 0}
	return err
}

// Stream reads the next item of TypeStream. What it returns is good until the
// next call.
func (r *Reader) Stream() (*StreamItem, error) {
	if r.left <= 0 || r.err != nil {
		return nil, r.fail(errNoPiece)
	}
	if err := r.streamItem(); err != nil {
		return nil, r.fail(err)
	}
	return &r.stream.item, nil
}

// streamItem reads the item that is due.
func (r *Reader) streamItem() error {
	s := &r.stream
	info := s.item.Info
	s.item = StreamItem{Info: info}
	switch {
	case !s.inGroups && s.nodes > 0:
		s.nodes--
		return r.readNode(&s.item)
	case !s.inGroups:
		if err := r.readInfo(&s.item); err != nil {
			return err
		}
		s.inGroups = true
	case s.pending > 0:
		s.pending--
		if err := r.readPending(&s.item); err != nil {
			return err
		}
	case s.owned > 0:
		s.owned--
		s.item.Kind = StreamOwned
		if err := r.readID(&s.item.ID); err != nil {
			return err
		}
	case s.consumers > 0:
		s.consumers--
		if err := r.readConsumer(&s.item); err != nil {
			return err
		}
	default:
		s.groups--
		if err := r.readGroup(&s.item); err != nil {
			return err
		}
		s.inOwners = false
	}
	return r.settleStream()
}

// settleStream finds out what is due next, so that the end is known as soon as
// the last item is read.
func (r *Reader) settleStream() (err error) {
	s := &r.stream
	if s.item.Kind == StreamInfo {
		s.inOwners = true // there is no group yet whose consumers could be due
	}
	if s.pending == 0 && !s.inOwners {
		s.inOwners = true
		if s.consumers, err = r.in.readCount(10); err != nil {
			return err
		}
	}
	if s.pending == 0 && s.consumers == 0 && s.owned == 0 && s.groups == 0 {
		r.left = 0
	}
	return nil
}

// readNode reads and checks a node.
func (r *Reader) readNode(item *StreamItem) error {
	item.Kind = StreamNode
	b, err := r.in.readString(scratchOne)
	if err != nil {
		return err
	}
	if len(b) != 16 {
		return errors.New("a stream node key that is not an ID")
	}
	item.ID = decodeID(b)
	if item.Node, err = r.in.readString(scratchOne); err != nil {
		return err
	}
	s := &r.stream
	if s.any && item.ID.Compare(s.last) <= 0 {
		return errors.New("stream nodes out of order")
	}
	walk, err := walkNode(item.ID, item.Node)
	if err != nil {
		return err
	}
	if s.live == 0 && walk.live > 0 {
		s.first = walk.first
	}
	item.Entries, r.Plain = walk.live, walk.plain
	s.live += uint64(walk.live)
	s.last, s.any = walk.last, true
	return nil
}

// readInfo reads what is known of the stream, and makes it agree with the nodes.
func (r *Reader) readInfo(item *StreamItem) (err error) {
	s, info := &r.stream, &item.Info
	item.Kind = StreamInfo
	lengths := []*uint64{&info.Length, &info.LastID.Ms, &info.LastID.Seq}
	if r.raw != typeStream1 {
		lengths = append(lengths, &info.FirstID.Ms, &info.FirstID.Seq,
			&info.MaxDeletedID.Ms, &info.MaxDeletedID.Seq, &info.EntriesAdded)
	}
	for _, to := range lengths {
		if *to, err = r.in.readLen(); err != nil {
			return err
		}
	}
	if info.Length > 0 && !s.nodesSeen {
		return errors.New("a stream with a length but no nodes")
	}
	info.Length, info.FirstID = s.live, s.first
	if s.any && info.LastID.Compare(s.last) < 0 {
		info.LastID = s.last
	}
	if r.raw == typeStream1 {
		info.EntriesAdded = info.Length
	}
	info.Groups, err = r.in.readCount(5)
	s.groups = info.Groups
	return err
}

// readGroup reads the head of a group.
func (r *Reader) readGroup(item *StreamItem) error {
	item.Kind = StreamGroup
	b, err := r.in.readString(scratchOne)
	if err != nil {
		return err
	}
	item.Name = r.in.hold(scratchOne, b)
	if item.ID.Ms, err = r.in.readLen(); err != nil {
		return err
	}
	if item.ID.Seq, err = r.in.readLen(); err != nil {
		return err
	}
	if r.raw == typeStream1 {
		item.EntriesRead = item.Info.entriesBefore(item.ID)
	} else {
		n, err := r.in.readLen()
		if err != nil {
			return err
		}
		item.EntriesRead = int64(n)
	}
	item.Pending, err = r.in.readCount(25)
	r.stream.pending = item.Pending
	return err
}

// entriesBefore is how many entries were added up to an ID, -1 when that cannot
// be told: only where the stream begins and ends is it known.
func (info *StreamFacts) entriesBefore(id StreamID) int64 {
	atLast := id.Compare(info.LastID)
	switch {
	case info.EntriesAdded == 0:
		return 0
	case info.Length == 0 && atLast <= 0, atLast == 0:
		return int64(info.EntriesAdded)
	case atLast > 0:
		return -1
	}
	if info.MaxDeletedID != (StreamID{}) && info.MaxDeletedID.Compare(info.FirstID) >= 0 {
		return -1
	}
	switch id.Compare(info.FirstID) {
	case -1:
		return int64(info.EntriesAdded - info.Length)
	case 0:
		return int64(info.EntriesAdded - info.Length + 1)
	}
	return -1
}

// readPending reads a pending entry of a group.
func (r *Reader) readPending(item *StreamItem) (err error) {
	item.Kind = StreamPending
	if err = r.readID(&item.ID); err != nil {
		return err
	}
	if item.Time, err = r.in.readInt64(); err != nil {
		return err
	}
	item.Deliveries, err = r.in.readLen()
	return err
}

// readConsumer reads the head of a consumer.
func (r *Reader) readConsumer(item *StreamItem) error {
	item.Kind = StreamConsumer
	b, err := r.in.readString(scratchOne)
	if err != nil {
		return err
	}
	item.Name = r.in.hold(scratchOne, b)
	if item.Time, err = r.in.readInt64(); err != nil {
		return err
	}
	item.Active = item.Time
	if r.raw == typeStream3 {
		if item.Active, err = r.in.readInt64(); err != nil {
			return err
		}
	}
	item.Pending, err = r.in.readCount(16)
	r.stream.owned = item.Pending
	return err
}

// readID reads an ID of 16 bytes.
func (r *Reader) readID(id *StreamID) error {
	b, err := r.in.need(16)
	if err == nil {
		*id = decodeID(b)
	}
	return err
}

func decodeID(b []byte) StreamID {
	return StreamID{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

func appendID(dst []byte, id StreamID) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, id.Ms), id.Seq)
}

// A nodeWalk goes over the listpack of a node.
type nodeWalk struct {
	b           []byte
	p           int
	err         error
	live        int
	first, last StreamID // of the first entry not deleted, and of the last
	plain       bool     // as in Reader
}

// walkNode checks a node: the listpack and what the entries make of it, that IDs
// ascend, and that the counts are right.
func walkNode(master StreamID, b []byte) (w nodeWalk, err error) {
	_, plain, err := listpack.Check(b)
	if err != nil {
		return w, err
	}
	w = nodeWalk{b: b, p: listpack.First(b), last: master, plain: plain}
	count, deleted, fields := w.int(), w.int(), w.int()
	w.pass(fields)
	if w.int() != 0 {
		w.bad("no end of the master entry")
	}
	total := int64(0)
	for ; w.err == nil && !listpack.AtEnd(b, w.p); total++ {
		if total == 0 || !w.usual(master, fields) {
			w.entry(master, fields, total == 0)
		}
	}
	if master == (StreamID{}) {
		w.bad("an ID of 0-0")
	}
	if w.err == nil && (count != int64(w.live) || deleted != total-count || total == 0) {
		w.bad("wrong counts")
	}
	return w, w.err
}

// entryFixed is how many parts each entry has: flags and ID.
const entryFixed = 3

// usual is entry for the kind that is frequent: behind the first, not deleted, the
// same fields as the node's, an ID not far from the node's. It reports whether that
// is what it found, and that nothing is wrong with it; if not it has done nothing.
func (w *nodeWalk) usual(master StreamID, fields int64) bool {
	b, p := w.b, w.p
	if b[p] != flagSameFields {
		return false
	}
	p += 2
	id := master
	switch c := b[p]; {
	case c < 0x80:
		id.Ms += uint64(c)
		p += 2
	case c>>4 == 0xc: // 13 bits, and positive
		id.Ms += uint64(c&0xf)<<8 | uint64(b[p+1])
		p += 3
	default:
		return false
	}
	if b[p] >= 0x80 {
		return false
	}
	id.Seq += uint64(b[p])
	p += 2
	for n := fields; n > 0; n-- {
		next := listpack.Next(b, p)
		if next == p {
			return false
		}
		p = next
	}
	if b[p] >= 0x80 || int64(b[p]) != entryFixed+fields || id.Ms < w.last.Ms || id.Ms == w.last.Ms && id.Seq <= w.last.Seq {
		return false
	}
	if w.live == 0 {
		w.first = id
	}
	w.live++
	w.p, w.last = p+2, id
	return true
}

// entry checks one entry.
func (w *nodeWalk) entry(master StreamID, fields int64, isFirst bool) {
	flags := w.int()
	id := StreamID{master.Ms + uint64(w.int()), master.Seq + uint64(w.int())}
	parts := entryFixed + fields
	if flags&flagSameFields == 0 {
		fields = w.int()
		w.pass(fields)
		parts = entryFixed + 1 + 2*fields
	}
	w.pass(fields)
	if w.int() != parts {
		w.bad("wrong size of an entry")
	}
	switch {
	case isFirst && id != master:
		w.bad("a first entry that has not the ID of the node")
	case !isFirst && id.Compare(w.last) <= 0:
		w.bad("entries out of order")
	case flags&^(flagDeleted|flagSameFields) != 0:
		w.bad("unknown flags")
	}
	w.last = id
	if flags&flagDeleted == 0 {
		if w.live == 0 {
			w.first = id
		}
		w.live++
	}
}

// int reads an integer. Most are small, and no end of a listpack looks like one.
func (w *nodeWalk) int() int64 {
	if c := w.b[w.p]; c < 0x80 {
		w.p += 2
		return int64(c)
	}
	return w.bigInt()
}

// bigInt is int for what does not fit seven bits.
func (w *nodeWalk) bigInt() int64 {
	if w.err != nil || listpack.AtEnd(w.b, w.p) {
		w.bad("early end")
		return 0
	}
	_, n, isInt := listpack.Read(w.b, w.p)
	if !isInt {
		w.bad("a string where an integer should be")
	}
	w.p = listpack.Next(w.b, w.p)
	return n
}

// pass passes over n values.
func (w *nodeWalk) pass(n int64) {
	if n < 0 || n > int64(len(w.b)) {
		w.bad("wrong number of fields")
	}
	if w.err != nil {
		return
	}
	b, p := w.b, w.p
	for ; n > 0; n-- {
		next := listpack.Next(b, p)
		if next == p {
			w.bad("early end")
			break
		}
		p = next
	}
	w.p = p
}

// bad notes what is wrong first.
func (w *nodeWalk) bad(what string) {
	if w.err == nil {
		w.err = fmt.Errorf("stream node: %s at byte %d", what, w.p)
	}
}

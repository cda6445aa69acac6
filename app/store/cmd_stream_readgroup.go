package store

import (
	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// XREADGROUP: reading what is new to a group, which becomes pending for the
// consumer that reads it, or once more what is pending for the consumer. It has
// its arguments and the form of its answer from XREAD (cmd_stream_read.go).
//
// It is never propagated as itself. Each entry read goes out as an XCLAIM that
// makes it pending; with NOACK, where nothing becomes pending, the consumer goes
// out as XGROUP CREATECONSUMER and the place of the group as XGROUP SETID.

const (
	errReadLast replyError = "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this " +
		"consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set."
	errGroupGone replyError = "NOGROUP the consumer group this client was blocked on no longer exists"
)

// A groupRead is what XREADGROUP does with one stream.
type groupRead struct {
	s       *stream
	g       *streamGroup
	behind  streamID // in the history of the consumer
	history bool
}

// cmdXreadgroup serves XREADGROUP GROUP group consumer [COUNT count]
// [BLOCK milliseconds] [NOACK] STREAMS key [key ...] id [id ...].
func (kv *KVStore) cmdXreadgroup(c *Client, args []string) error {
	r, err := kv.parseRead(args, true)
	if err != nil {
		return err
	}
	c.effect()
	if c.beingServed() {
		return kv.readGroupWanted(c, &r)
	}
	var few [4]groupRead
	reads := few[:0]
	for i, key := range r.keys {
		read, err := kv.prepareGroupRead(c, &r, key, r.ids[i])
		if err != nil {
			return err
		}
		reads = append(reads, read)
	}
	at, served := c.reply.Len(), 0
	for i, read := range reads {
		kv.stats.hits++ // Redis looks for the key again
		if !read.history && !(read.g.lastID.less(read.s.last) && read.g.lastID.less(kv.lastID(read.s))) {
			continue
		}
		kv.serveGroupRead(c, &r, r.keys[i], &read)
		served++
	}
	switch {
	case served > 0:
		c.replyStreamCount(at, served)
	case r.blocks:
		return kv.block(c, wait{keys: r.keys, typ: typeStream, deadlineNs: r.deadlineNs, onTimeout: replyNullArray, needsStream: true})
	default:
		c.reply.NullArray()
	}
	return nil
}

// prepareGroupRead finds a stream and the group, and parses the ID that goes with
// it. The last possible ID passes for >.
func (kv *KVStore) prepareGroupRead(c *Client, r *readArgs, key, arg string) (read groupRead, err error) {
	read.s, read.g, err = c.db.lookupGroup(key, r.group)
	switch {
	case err != nil:
		return read, err
	case read.g == nil:
		return read, errf("NOGROUP No such key '%s' or consumer group '%s' in XREADGROUP with GROUP option",
			cut(key, len(key)), cut(r.group, len(r.group)))
	case arg == "$":
		return read, errReadLast
	case arg == ">":
		return read, nil
	}
	read.behind, err = parseStreamID(arg, 0)
	read.history = read.behind != maxStreamID
	return read, err
}

// readGroupWanted serves a consumer that waits, from the stream that has become
// ready. It waits on while that has never had an entry behind what the group has
// read.
func (kv *KVStore) readGroupWanted(c *Client, r *readArgs) error {
	key := c.wanted(r.keys)[0]
	s := kv.streamAt(c.db.find(key))
	g := kv.findGroup(s, r.group)
	switch {
	case g == nil:
		return errGroupGone
	case !g.lastID.less(s.last):
		return kv.block(c, wait{})
	case r.count == 0:
		r.count = blockedCountMax
	}
	at := c.reply.Len()
	kv.serveGroupRead(c, r, key, &groupRead{s: s, g: g})
	c.replyStreamCount(at, 1)
	return nil
}

// serveGroupRead answers with what there is to be read of one stream.
func (kv *KVStore) serveGroupRead(c *Client, r *readArgs, key string, read *groupRead) {
	c.replyStreamName(key)
	consumer, created := kv.createConsumer(read.g, r.consumer)
	kv.consumerAt(consumer).seenMs = kv.nowMs
	if created {
		kv.consumerCreated(c.db, key)
		if r.noAck && kv.propagating() {
			c.effect("XGROUP", "CREATECONSUMER", key, r.group, r.consumer)
		}
	}
	count := r.count
	if count == 0 {
		count = noCount
	}
	if read.history {
		kv.replyHistory(c, read, consumer, count)
	} else {
		kv.replyNew(c, r, key, read, consumer, count)
	}
	kv.dirty++
}

// replyNew answers with what is new to the group.
func (kv *KVStore) replyNew(c *Client, r *readArgs, key string, read *groupRead, consumer arena.Ref, count int64) {
	s, g := read.s, read.g
	from, _ := g.lastID.next() // there is an entry behind it
	var d delivery
	if !r.noAck {
		d.start(kv, g, consumer, from)
	}
	at, n := c.reply.Len(), 0
	var it streamIterator
	it.start(kv, s, from, maxStreamID, false)
	for ; int64(n) < count; n++ {
		id, _, ok := it.next()
		if !ok {
			break
		}
		s.noteRead(g, id)
		it.replyEntry(c)
		if r.noAck {
			continue
		}
		if p := d.add(kv, id); kv.propagating() {
			kv.claimEffect(c, key, r.group, g, id.String(), p)
		}
	}
	c.reply.ArrayAt(at, n)
	if r.noAck && n > 0 && kv.propagating() {
		kv.groupEffect(c, key, r.group, g)
	}
}

// noteRead notes that a group has read the next entry. How many it has read is
// known as long as none may have been deleted before it got there.
func (s *stream) noteRead(g *streamGroup, id streamID) {
	if g.entriesRead != unknownDistance && !s.hasTombstones(id) {
		g.entriesRead++
	} else if s.entriesAdded != 0 {
		g.entriesRead = s.distance(id)
	}
	g.lastID = id
}

// replyHistory answers with what is pending for the consumer, which counts as
// delivered once more. An entry that is no longer in the stream has null for its
// fields.
func (kv *KVStore) replyHistory(c *Client, read *groupRead, consumer arena.Ref, count int64) {
	pending := &kv.consumerAt(consumer).pending
	from, _ := read.behind.next()
	mark, n := c.reply.Len(), int64(0)
	var at tree.Cursor
	for kv.seekID(pending, &at, from); n < count && at.Valid(); at.Next(kv.streamType) {
		e := at.Entry()
		id := kv.idOf(e)
		if c.replyStreamEntry(read.s, id) {
			p := kv.pendingAt(e.Ref)
			p.deliveredMs = kv.nowMs
			p.deliveries++
		} else {
			c.reply.Array(2)
			c.replyStreamID(id)
			c.reply.NullArray()
		}
		n++
	}
	c.reply.ArrayAt(mark, int(n))
}

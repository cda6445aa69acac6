package store

import (
	"math"
	"slices"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// The commands by which a consumer takes what is pending for others: XCLAIM and
// XAUTOCLAIM. A claim goes out as the XCLAIM that leads to the same pending entry
// wherever it is repeated, and so does reading.

// A claim is what XCLAIM and XAUTOCLAIM have in common: the consumer takes
// pending entries that have been idle for long enough.
type claim struct {
	c          *Client
	key        string
	group      string
	name       string // of the consumer
	idText     string // the ID as the client wrote it, "" when it did not
	s          *stream
	g          *streamGroup
	consumer   arena.Ref // 0 until it has got something
	minIdleMs  int64
	deliveryMs int64
	deliveries int64 // what the number becomes; negative: one more
	justID     bool  // the answer is of IDs, and the number of deliveries stays
}

// dropGone removes the entry at the cursor from what is pending when it is no
// longer in the stream. The cursor is at the next one then.
func (m *claim) dropGone(kv *KVStore, at *tree.Cursor) bool {
	e := at.Entry()
	id := kv.idOf(e)
	if kv.hasEntry(m.s, id) {
		return false
	}
	// The entry is missing wherever this is repeated, so it is removed there.
	m.effect(kv, id, kv.pendingAt(e.Ref))
	kv.dirty++
	kv.removePending(m.g, at)
	return true
}

// take makes the pending entry at the cursor the consumer's, and answers with it.
func (m *claim) take(kv *KVStore, at *tree.Cursor) {
	m.meet(kv)
	kv.assign(at, m.consumer)
	m.deliver(kv, at)
}

// meet finds the consumer, or makes it: it takes something.
func (m *claim) meet(kv *KVStore) {
	if m.consumer != 0 {
		return
	}
	ref, created := kv.createConsumer(m.g, m.name)
	if created {
		kv.consumerCreated(m.c.db, m.key)
	}
	kv.consumerAt(ref).seenMs = kv.nowMs
	m.consumer = ref
}

// deliver counts the delivery of the pending entry at the cursor, and answers
// with it.
func (m *claim) deliver(kv *KVStore, at *tree.Cursor) {
	id, p := kv.idOf(at.Entry()), kv.pendingAt(at.Entry().Ref)
	p.deliveredMs = m.deliveryMs
	switch {
	case m.deliveries >= 0:
		p.deliveries = m.deliveries
	case !m.justID:
		p.deliveries++
	}
	if m.justID {
		m.c.replyStreamID(id)
	} else {
		m.c.replyStreamEntry(m.s, id)
	}
	m.effect(kv, id, p)
	kv.dirty++
}

// effect names the effect of a claim.
func (m *claim) effect(kv *KVStore, id streamID, p *pendingEntry) {
	if !kv.propagating() {
		return
	}
	text := m.idText
	if text == "" {
		text = id.String()
	}
	kv.claimEffect(m.c, m.key, m.group, m.g, text, p)
}

// replyStreamEntry answers with the entry of an ID, or reports that there is none.
func (c *Client) replyStreamEntry(s *stream, id streamID) bool {
	var it streamIterator
	it.start(c.kv, s, id, id, false)
	if _, _, ok := it.next(); !ok {
		return false
	}
	it.replyEntry(c)
	return true
}

// claimEffect names the effect that an entry is pending for a consumer, and that
// the group has got as far as it has.
func (kv *KVStore) claimEffect(c *Client, key, group string, g *streamGroup, id string, p *pendingEntry) {
	c.effect("XCLAIM", key, group, kv.consumerAt(p.consumer).name(), "0", id,
		"TIME", formatInt(p.deliveredMs), "RETRYCOUNT", formatInt(p.deliveries),
		"FORCE", "JUSTID", "LASTID", g.lastID.String())
}

// groupEffect names the effect that the group has got as far as it has.
func (kv *KVStore) groupEffect(c *Client, key, group string, g *streamGroup) {
	c.effect("XGROUP", "SETID", key, group, g.lastID.String(), "ENTRIESREAD", formatInt(g.entriesRead))
}

const (
	errClaimIdle       replyError = "ERR Invalid min-idle-time argument for XCLAIM"
	errClaimIdleOption replyError = "ERR Invalid IDLE option argument for XCLAIM"
	errClaimTime       replyError = "ERR Invalid TIME option argument for XCLAIM"
	errClaimRetry      replyError = "ERR Invalid RETRYCOUNT option argument for XCLAIM"
	errAutoclaimIdle   replyError = "ERR Invalid min-idle-time argument for XAUTOCLAIM"
	errAutoclaimCount  replyError = "ERR COUNT must be > 0"
)

// claimOptions are the options of XCLAIM behind the IDs.
type claimOptions struct {
	deliveryMs int64 // never in the future
	deliveries int64 // negative when it is not given
	force      bool
	justID     bool
	lastID     streamID
}

// parseClaimOptions parses the options.
func (kv *KVStore) parseClaimOptions(args []string) (o claimOptions, err error) {
	o.deliveryMs, o.deliveries = -1, -1
	for i := 0; i < len(args); i++ {
		opt, more := args[i], i+1 < len(args)
		var ok bool
		switch {
		case is(opt, "force"):
			o.force = true
			continue
		case is(opt, "justid"):
			o.justID = true
			continue
		case is(opt, "idle") && more:
			var idle int64
			if idle, ok = canonicalInt(args[i+1]); !ok {
				return o, errClaimIdleOption
			}
			o.deliveryMs = kv.nowMs - idle
		case is(opt, "time") && more:
			if o.deliveryMs, ok = canonicalInt(args[i+1]); !ok {
				return o, errClaimTime
			}
		case is(opt, "retrycount") && more:
			if o.deliveries, ok = canonicalInt(args[i+1]); !ok {
				return o, errClaimRetry
			}
		case is(opt, "lastid") && more:
			if o.lastID, err = parseStreamID(args[i+1], 0); err != nil {
				return o, err
			}
		default:
			return o, errf("ERR Unrecognized XCLAIM option '%s'", cut(opt, len(opt)))
		}
		i++
	}
	// Clients reckon with their own clocks, so a time that cannot be is no error.
	if o.deliveryMs < 0 || o.deliveryMs > kv.nowMs {
		o.deliveryMs = kv.nowMs
	}
	return o, nil
}

// cmdXclaim serves XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms]
// [TIME unix-time-ms] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]. With FORCE
// entries that are in the stream are made pending if they are not.
func (kv *KVStore) cmdXclaim(c *Client, args []string) error {
	key, group := args[1], args[2]
	s, g, err := c.db.lookupGroup(key, group)
	switch {
	case err != nil:
		return err
	case g == nil:
		return errNoGroup(key, group)
	}
	minIdle, ok := canonicalInt(args[4])
	if !ok {
		return errClaimIdle
	}
	var few [8]streamID
	ids := few[:0]
	rest := args[5:]
	for len(rest) > 0 {
		id, err := parseStreamID(rest[0], 0)
		if err != nil {
			break // the options begin
		}
		ids, rest = append(ids, id), rest[1:]
	}
	o, err := kv.parseClaimOptions(rest)
	if err != nil {
		return err
	}
	c.effect()
	dirty := kv.dirty
	ahead := g.lastID.less(o.lastID)
	if ahead {
		g.lastID = o.lastID
	}
	m := claim{c: c, key: key, group: group, name: args[3], s: s, g: g, minIdleMs: max(minIdle, 0),
		deliveryMs: o.deliveryMs, deliveries: o.deliveries, justID: o.justID}
	mark, n := c.reply.Len(), 0
	for i, id := range ids {
		m.idText = args[5+i]
		if m.claimID(kv, id, o.force) {
			n++
		}
	}
	c.reply.ArrayAt(mark, n)
	if ahead && kv.dirty == dirty { // else the claims have said it
		kv.dirty++
		if kv.propagating() {
			kv.groupEffect(c, key, group, g)
		}
	}
	return nil
}

// claimID claims one entry, and reports whether it did.
func (m *claim) claimID(kv *KVStore, id streamID, force bool) bool {
	var at tree.Cursor
	if kv.seekID(&m.g.pending, &at, id) {
		if m.dropGone(kv, &at) {
			return false
		}
		idle := kv.nowMs - kv.pendingAt(at.Entry().Ref).deliveredMs
		if m.minIdleMs != 0 && idle < m.minIdleMs {
			return false
		}
		m.take(kv, &at)
		return true
	}
	if !force || !kv.hasEntry(m.s, id) {
		return false
	}
	m.meet(kv)
	kv.insertPending(m.g, &at, id, m.consumer)
	kv.own(at.Entry(), m.consumer)
	m.deliver(kv, &at)
	return true
}

// cmdXautoclaim serves XAUTOCLAIM key group consumer min-idle-time start
// [COUNT count] [JUSTID]. The answer is where to go on, what was claimed, and the
// IDs that were found to be no longer in the stream.
func (kv *KVStore) cmdXautoclaim(c *Client, args []string) error {
	key, group := args[1], args[2]
	s, g, lookupErr := c.db.lookupGroup(key, group)
	minIdle, ok := canonicalInt(args[4])
	if !ok {
		return errAutoclaimIdle
	}
	from, err := parseRangeStart(args[5])
	if err != nil {
		return err
	}
	count, justID, err := parseAutoclaimOptions(args[6:])
	switch {
	case err != nil:
		return err
	case lookupErr != nil:
		return lookupErr
	case g == nil:
		return errNoGroup(key, group)
	}
	c.effect()
	m := claim{c: c, key: key, group: group, name: args[3], s: s, g: g, minIdleMs: max(minIdle, 0),
		deliveryMs: kv.nowMs, deliveries: -1, justID: justID}
	m.claimFrom(kv, from, count)
	return nil
}

// parseAutoclaimOptions parses the options of XAUTOCLAIM.
func parseAutoclaimOptions(args []string) (count int64, justID bool, err error) {
	const countDefault, countMax = 100, math.MaxInt64 / 16
	count = countDefault
	for i := 0; i < len(args); i++ {
		switch {
		case is(args[i], "count") && i+1 < len(args):
			i++
			var ok bool
			if count, ok = canonicalInt(args[i]); !ok || count < 1 || count > countMax {
				return 0, false, errAutoclaimCount
			}
		case is(args[i], "justid"):
			justID = true
		default:
			return 0, false, errSyntax
		}
	}
	return count, justID, nil
}

// claimFrom claims what is pending from an ID on, and answers. It looks at ten
// times as many entries as it may claim.
func (m *claim) claimFrom(kv *KVStore, from streamID, count int64) {
	const looks = 10
	w := &m.c.reply
	head := w.Len()
	claimed := 0
	var gone []streamID
	var at tree.Cursor
	kv.seekID(&m.g.pending, &at, from)
	for left := count * looks; left > 0 && count > 0 && at.Valid(); left-- {
		e := at.Entry()
		id := kv.idOf(e)
		if m.dropGone(kv, &at) {
			gone = append(gone, id)
			count--
			continue
		}
		if m.minIdleMs == 0 || kv.nowMs-kv.pendingAt(e.Ref).deliveredMs >= m.minIdleMs {
			m.take(kv, &at)
			claimed++
			count--
		}
		at.Next(kv.streamType)
	}
	w.ArrayAt(head, claimed)
	var next streamID
	if at.Valid() {
		next = kv.idOf(at.Entry())
	}
	m.c.replyBefore(head, next)
	w.Array(len(gone))
	for _, id := range gone {
		m.c.replyStreamID(id)
	}
}

// replyBefore puts the head of XAUTOCLAIM's answer, an array of three that
// begins with an ID, before what was written since head.
func (c *Client) replyBefore(head int, next streamID) {
	w := &c.reply
	end := w.Len()
	w.Array(3)
	c.replyStreamID(next)
	var text [64]byte
	n := copy(text[:], w.Buf[end:])
	w.Truncate(end)
	w.Buf = slices.Insert(w.Buf, head, text[:n]...)
}

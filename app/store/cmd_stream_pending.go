package store

import "github.com/codecrafters-io/redis-starter-go/app/tree"

// XPENDING: what has been given to the consumers of a group, and not been
// acknowledged.

// cmdXpending serves XPENDING key group [[IDLE min-idle-time] start end count
// [consumer]].
func (kv *KVStore) cmdXpending(c *Client, args []string) error {
	p, err := parsePending(args)
	if err != nil {
		return err
	}
	_, g, err := c.db.lookupGroup(args[1], args[2])
	switch {
	case err != nil:
		return err
	case g == nil:
		return errNoGroup(args[1], args[2])
	case len(args) == 3:
		kv.replyPendingSummary(c, g)
		return nil
	}
	pending := &g.pending
	if p.byConsumer {
		ref := kv.findConsumer(g, p.consumer)
		if ref == 0 {
			c.reply.Array(0)
			return nil
		}
		pending = &kv.consumerAt(ref).pending
	}
	kv.replyPending(c, pending, &p)
	return nil
}

// pendingArgs are the arguments of the long form of XPENDING.
type pendingArgs struct {
	minIdleMs  int64
	from, to   streamID
	count      int64
	consumer   string
	byConsumer bool
}

// parsePending parses the arguments of either form.
func parsePending(args []string) (p pendingArgs, err error) {
	switch n := len(args); {
	case n == 3:
		return p, nil
	case n < 6 || n > 9:
		return p, errSyntax
	}
	rest := args[3:]
	if is(rest[0], "idle") {
		if p.minIdleMs, err = parseInt(rest[1]); err != nil {
			return p, err
		}
		if rest = rest[2:]; len(rest) < 3 {
			return p, errSyntax
		}
	}
	if p.count, err = parseInt(rest[2]); err != nil {
		return p, err
	}
	if p.from, err = parseRangeStart(rest[0]); err != nil {
		return p, err
	}
	p.to, err = parseRangeEnd(rest[1])
	if len(rest) > 3 { // what follows is not looked at
		p.consumer, p.byConsumer = rest[3], true
	}
	return p, err
}

// replyPendingSummary answers with how much is pending, between which IDs and
// for whom.
func (kv *KVStore) replyPendingSummary(c *Client, g *streamGroup) {
	w := &c.reply
	w.Array(4)
	w.Int(int64(g.pending.Len()))
	if g.pending.Len() == 0 {
		w.Null()
		w.Null()
		w.NullArray()
		return
	}
	var at tree.Cursor
	g.pending.First(kv.streamType, &at)
	c.replyStreamID(kv.idOf(at.Entry()))
	g.pending.Last(kv.streamType, &at)
	c.replyStreamID(kv.idOf(at.Entry()))
	mark, n := w.Len(), 0
	for e := range g.consumers.All(kv.consumerType) {
		if sc := kv.consumerAt(e.Ref); sc.pending.Len() > 0 {
			w.Array(2)
			w.Bulk(sc.name())
			w.BulkInt(int64(sc.pending.Len()))
			n++
		}
	}
	w.ArrayAt(mark, n)
}

// replyPending answers with pending entries of a range.
func (kv *KVStore) replyPending(c *Client, pending *tree.Tree, p *pendingArgs) {
	w := &c.reply
	mark, n := w.Len(), int64(0)
	var at tree.Cursor
	for kv.seekID(pending, &at, p.from); n < p.count && at.Valid(); at.Next(kv.streamType) {
		id, entry := kv.idOf(at.Entry()), kv.pendingAt(at.Entry().Ref)
		if p.to.less(id) {
			break
		}
		idle := kv.nowMs - entry.deliveredMs
		if p.minIdleMs != 0 && idle < p.minIdleMs {
			continue
		}
		n++
		w.Array(4)
		c.replyStreamID(id)
		w.Bulk(kv.consumerAt(entry.consumer).name())
		w.Int(max(idle, 0))
		w.Int(entry.deliveries)
	}
	w.ArrayAt(mark, int(n))
}

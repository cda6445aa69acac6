package store

import "github.com/codecrafters-io/redis-starter-go/app/tree"

// XINFO: what a stream, its groups and their consumers are like.

// lookupInfo finds the stream that XINFO is asked about.
func (db *database) lookupInfo(key string) (*stream, error) {
	s, err := db.lookupStream(key)
	if err == nil && s == nil {
		err = errNoSuchKey
	}
	return s, err
}

// cmdXinfoConsumers serves XINFO CONSUMERS key group.
func (kv *KVStore) cmdXinfoConsumers(c *Client, args []string) error {
	s, err := c.db.lookupInfo(args[2])
	if err != nil {
		return err
	}
	g := kv.findGroup(s, args[3])
	if g == nil {
		return errNoGroupForKey(args[2], args[3])
	}
	w := &c.reply
	w.Array(g.consumers.Len())
	for e := range g.consumers.All(kv.consumerType) {
		sc := kv.consumerAt(e.Ref)
		w.Map(3)
		w.Bulk("name")
		w.Bulk(sc.name())
		w.Bulk("pending")
		w.Int(int64(sc.pending.Len()))
		w.Bulk("idle")
		w.Int(max(kv.nowMs-sc.seenMs, 0))
	}
	return nil
}

// cmdXinfoGroups serves XINFO GROUPS key.
func (kv *KVStore) cmdXinfoGroups(c *Client, args []string) error {
	s, err := c.db.lookupInfo(args[2])
	if err != nil {
		return err
	}
	w := &c.reply
	w.Array(s.groups.Len())
	for e := range s.groups.All(kv.groupType) {
		g := kv.groupAt(e.Ref)
		w.Map(6)
		w.Bulk("name")
		w.Bulk(g.name())
		w.Bulk("consumers")
		w.Int(int64(g.consumers.Len()))
		w.Bulk("pending")
		w.Int(int64(g.pending.Len()))
		c.replyProgress(s, g)
	}
	return nil
}

// replyProgress answers with how far a group has got: three pairs.
func (c *Client) replyProgress(s *stream, g *streamGroup) {
	w := &c.reply
	w.Bulk("last-delivered-id")
	c.replyStreamID(g.lastID)
	w.Bulk("entries-read")
	c.replyKnown(g.entriesRead, g.entriesRead != unknownDistance)
	w.Bulk("lag")
	c.replyKnown(s.lag(g))
}

// replyKnown answers with a number, or with null when it is not known.
func (c *Client) replyKnown(n int64, known bool) {
	if known {
		c.reply.Int(n)
	} else {
		c.reply.Null()
	}
}

// lag is how many entries of the stream the group has not read yet. It is not
// known when entries may have been deleted among them.
func (s *stream) lag(g *streamGroup) (n int64, known bool) {
	read := g.entriesRead
	switch {
	case s.entriesAdded == 0:
		return 0, true
	case read == unknownDistance || s.hasTombstones(g.lastID):
		read = s.distance(g.lastID)
	}
	return int64(s.entriesAdded) - read, read != unknownDistance
}

// cmdXinfoStream serves XINFO STREAM key [FULL [COUNT count]].
func (kv *KVStore) cmdXinfoStream(c *Client, args []string) error {
	s, err := c.db.lookupInfo(args[2])
	if err != nil {
		return err
	}
	const countDefault = 10
	count := int64(countDefault)
	switch options := args[3:]; {
	case len(options) == 0:
		kv.replyStreamInfo(c, s)
		return nil
	case len(options) != 1 && len(options) != 3, !is(options[0], "full"), len(options) == 3 && !is(options[1], "count"):
		return errUnknownSubOrArity("xinfo", args[1])
	case len(options) == 3:
		count, err = parseInt(options[2])
		if err != nil {
			return err
		}
		if count < 0 {
			count = countDefault
		}
	}
	if count == 0 {
		count = noCount
	}
	kv.replyFullInfo(c, s, count)
	return nil
}

// replyFullInfo answers XINFO STREAM key FULL. Of entries and of what is pending
// it shows count at most.
func (kv *KVStore) replyFullInfo(c *Client, s *stream, count int64) {
	w := &c.reply
	w.Map(9)
	kv.replyStreamHead(c, s)
	w.Bulk("entries")
	c.replyEntries(s, streamID{}, maxStreamID, count, false)
	w.Bulk("groups")
	w.Array(s.groups.Len())
	for e := range s.groups.All(kv.groupType) {
		g := kv.groupAt(e.Ref)
		w.Map(7)
		w.Bulk("name")
		w.Bulk(g.name())
		c.replyProgress(s, g)
		w.Bulk("pel-count")
		w.Int(int64(g.pending.Len()))
		w.Bulk("pending")
		kv.replyAllPending(c, &g.pending, count, true)
		w.Bulk("consumers")
		w.Array(g.consumers.Len())
		for e := range g.consumers.All(kv.consumerType) {
			sc := kv.consumerAt(e.Ref)
			w.Map(4)
			w.Bulk("name")
			w.Bulk(sc.name())
			w.Bulk("seen-time")
			w.Int(sc.seenMs)
			w.Bulk("pel-count")
			w.Int(int64(sc.pending.Len()))
			w.Bulk("pending")
			kv.replyAllPending(c, &sc.pending, count, false)
		}
	}
}

// replyAllPending answers with what is pending, count entries at most: with ID,
// consumer if so asked, time and number of deliveries.
func (kv *KVStore) replyAllPending(c *Client, pending *tree.Tree, count int64, withConsumer bool) {
	w := &c.reply
	n := min(count, int64(pending.Len()))
	w.Array(int(n))
	var at tree.Cursor
	for pending.First(kv.streamType, &at); n > 0; n-- {
		p := kv.pendingAt(at.Entry().Ref)
		if withConsumer {
			w.Array(4)
		} else {
			w.Array(3)
		}
		c.replyStreamID(kv.idOf(at.Entry()))
		if withConsumer {
			w.Bulk(kv.consumerAt(p.consumer).name())
		}
		w.Int(p.deliveredMs)
		w.Int(p.deliveries)
		at.Next(kv.streamType)
	}
}

// cmdXinfoHelp serves XINFO HELP.
func (kv *KVStore) cmdXinfoHelp(c *Client, args []string) error {
	c.replyHelp("XINFO",
		"CONSUMERS <key> <groupname>",
		"    The consumers of a group.",
		"GROUPS <key>",
		"    The groups of a stream.",
		"STREAM <key> [FULL [COUNT <count>]",
		"    What a stream is like; FULL shows its entries, groups and consumers.")
	return nil
}

// replyStreamHead answers with the properties of a stream that XINFO STREAM
// begins with, in both of its forms. They are 7.
func (kv *KVStore) replyStreamHead(c *Client, s *stream) {
	w := &c.reply
	w.Bulk("length")
	w.Int(int64(s.length))
	w.Bulk("radix-tree-keys")
	w.Int(int64(s.nodes.Len()))
	w.Bulk("radix-tree-nodes")
	w.Int(kv.radixNodes(s))
	w.Bulk("last-generated-id")
	c.replyStreamID(s.last)
	w.Bulk("max-deleted-entry-id")
	c.replyStreamID(s.maxDeleted)
	w.Bulk("entries-added")
	w.Int(int64(s.entriesAdded))
	w.Bulk("recorded-first-entry-id")
	c.replyStreamID(s.first)
}

// replyStreamInfo answers XINFO STREAM key.
func (kv *KVStore) replyStreamInfo(c *Client, s *stream) {
	w := &c.reply
	w.Map(10)
	kv.replyStreamHead(c, s)
	w.Bulk("groups")
	w.Int(int64(s.groupCount()))
	w.Bulk("first-entry")
	kv.replyEndEntry(c, s, false)
	w.Bulk("last-entry")
	kv.replyEndEntry(c, s, true)
}

// replyEndEntry answers with the first or the last entry, or with null.
func (kv *KVStore) replyEndEntry(c *Client, s *stream, last bool) {
	var it streamIterator
	it.start(kv, s, streamID{}, maxStreamID, last)
	if _, _, ok := it.next(); ok {
		it.replyEntry(c)
	} else {
		c.reply.Null()
	}
}

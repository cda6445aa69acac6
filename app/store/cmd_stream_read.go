package store

import "slices"

// Reading what has come to several streams, and waiting for it: XREAD, and what
// it has in common with XREADGROUP.

var streamReadCommands = []command{
	{name: "xread", arity: -4, flags: readonly | blocking | movableKeys, cats: catStream,
		keys: []keySpec{{flags: keyRO | keyAccess, keyword: "STREAMS", from: 1, last: -1, step: 1, limit: 2}}, run: (*KVStore).cmdXread},
}

const (
	errReadUnbalanced replyError = "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified."
	errReadGroup      replyError = "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead."
	errReadNoAck      replyError = "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead."
	errReadNoGroup    replyError = "ERR Missing GROUP option for XREADGROUP"
	errReadNew        replyError = "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option."
)

// readArgs are the arguments of XREAD and XREADGROUP.
type readArgs struct {
	count      int64 // of entries from a stream at most, 0 for all
	blocks     bool
	deadlineNs int64    // of waiting, 0 for none
	keys, ids  []string // one for each stream, views of the arguments

	// Of XREADGROUP alone.

	grouped         bool
	group, consumer string
	noAck           bool
}

// parseRead parses the arguments.
func (kv *KVStore) parseRead(args []string, xreadgroup bool) (r readArgs, err error) {
	for i := 1; i < len(args) && r.keys == nil; i++ {
		left := len(args) - i - 1
		switch arg := args[i]; {
		case is(arg, "block") && left >= 1:
			i++
			r.blocks = true
			r.deadlineNs, err = kv.deadlineMs(args[i])
		case is(arg, "count") && left >= 1:
			i++
			r.count, err = parseInt(args[i])
			r.count = max(r.count, 0)
		case is(arg, "streams") && left >= 1:
			if left%2 != 0 {
				return r, errReadUnbalanced
			}
			r.keys, r.ids = args[i+1:i+1+left/2], args[i+1+left/2:]
		case is(arg, "group") && left >= 2:
			if !xreadgroup {
				return r, errReadGroup
			}
			r.grouped, r.group, r.consumer = true, args[i+1], args[i+2]
			i += 2
		case is(arg, "noack"):
			if !xreadgroup {
				return r, errReadNoAck
			}
			r.noAck = true
		default:
			err = errSyntax
		}
		if err != nil {
			return r, err
		}
	}
	switch {
	case r.keys == nil:
		return r, errSyntax
	case xreadgroup && !r.grouped:
		return r, errReadNoGroup
	}
	return r, nil
}

// cmdXread serves XREAD [COUNT count] [BLOCK milliseconds] STREAMS key [key ...]
// id [id ...].
func (kv *KVStore) cmdXread(c *Client, args []string) error {
	r, err := kv.parseRead(args, false)
	if err != nil {
		return err
	}
	if c.beingServed() {
		return kv.readWanted(c, &r)
	}
	var buf [8]streamID
	behind := buf[:0]
	for i, key := range r.keys {
		id, err := kv.readBehind(c, key, r.ids[i])
		if err != nil {
			return err
		}
		behind = append(behind, id)
	}
	at, served := c.reply.Len(), 0
	for i, key := range r.keys {
		s, err := c.db.lookupStream(key)
		if err != nil || s == nil || s.length == 0 || !behind[i].less(kv.lastID(s)) {
			continue
		}
		c.replyStreamName(key)
		c.replyBehind(s, behind[i], r.count)
		served++
	}
	switch {
	case served > 0:
		c.replyStreamCount(at, served)
	case r.blocks:
		return kv.blockRead(c, &r, args, behind)
	default:
		c.reply.NullArray()
	}
	return nil
}

// readBehind is the ID behind which XREAD reads a stream: $ is the last one.
func (kv *KVStore) readBehind(c *Client, key, arg string) (id streamID, err error) {
	s, err := c.db.lookupStream(key)
	switch {
	case err != nil:
		return id, err
	case arg == "$" && s != nil:
		return s.last, nil
	case arg == "$":
		return id, nil
	case arg == ">":
		return id, errReadNew
	}
	return parseStreamID(arg, 0)
}

// blockRead makes a reader wait. It reads on behind the IDs that it asked for
// when it came: $ does not move.
func (kv *KVStore) blockRead(c *Client, r *readArgs, args []string, behind []streamID) error {
	args = slices.Clone(args)
	ids := args[len(args)-len(r.ids):]
	for i, id := range behind {
		ids[i] = id.String()
	}
	return kv.block(c, wait{keys: r.keys, typ: typeStream, deadlineNs: r.deadlineNs, onTimeout: replyNullArray, args: args})
}

// blockedCountMax is how many entries a reader that had to wait gets when it
// did not say: its ID may be old.
const blockedCountMax = 1000

// readWanted serves a reader that waits, from the stream that has become ready.
// It waits on while that has never had an entry behind its ID.
func (kv *KVStore) readWanted(c *Client, r *readArgs) error {
	key := c.wanted(r.keys)[0]
	s := kv.streamAt(c.db.find(key))
	behind, err := parseStreamID(r.ids[slices.Index(r.keys, key)], 0)
	if err != nil {
		return err
	}
	if !behind.less(s.last) {
		return kv.block(c, wait{})
	}
	if r.count == 0 {
		r.count = blockedCountMax
	}
	at := c.reply.Len()
	c.replyStreamName(key)
	c.replyBehind(s, behind, r.count)
	c.replyStreamCount(at, 1)
	return nil
}

// replyStreamName begins the answer of one stream to a reader. The protocols
// differ: a map of names, or an array of pairs.
func (c *Client) replyStreamName(key string) {
	if c.reply.Proto < 3 {
		c.reply.Array(2)
	}
	c.reply.Bulk(key)
}

// replyStreamCount puts before the answers of n streams how many they are.
func (c *Client) replyStreamCount(at, n int) {
	if c.reply.Proto < 3 {
		c.reply.ArrayAt(at, n)
	} else {
		c.reply.MapAt(at, n)
	}
}

// replyBehind answers with the entries behind an ID, count at most unless that
// is 0.
func (c *Client) replyBehind(s *stream, id streamID, count int64) {
	from, _ := id.next() // behind the last possible ID nothing is asked for
	if count == 0 {
		count = noCount
	}
	c.replyEntries(s, from, maxStreamID, count, false)
}

package store

import "github.com/codecrafters-io/redis-starter-go/app/tree"

// The commands on consumer groups: XGROUP, which makes and removes them, and
// XACK. What is pending is shown in cmd_stream_pending.go and claimed in
// cmd_stream_claim.go; reading through a group is in cmd_stream_readgroup.go,
// XINFO in cmd_stream_info.go.
//
// None of them counts as a change of the key to who watches it, as in Redis, but
// for the creation of the stream.

var streamGroupCommands = []command{
	{name: "xack", arity: -4, flags: write | fast, cats: catStream, keys: key1(keyRW | keyUpdate), run: (*KVStore).cmdXack},
	{name: "xautoclaim", arity: -6, flags: write | fast, cats: catStream, keys: key1(keyRW | keyDelete), run: (*KVStore).cmdXautoclaim},
	{name: "xclaim", arity: -6, flags: write | fast, cats: catStream, keys: key1(keyRW | keyUpdate), run: (*KVStore).cmdXclaim},
	{name: "xgroup", arity: -2, subs: []command{
		{name: "create", arity: -5, flags: write | denyOOM, cats: catStream, keys: keyAt(2, keyRW|keyInsert), run: (*KVStore).cmdXgroupCreate},
		{name: "createconsumer", arity: 5, flags: write | denyOOM, cats: catStream, keys: keyAt(2, keyRW|keyInsert),
			run: (*KVStore).cmdXgroupCreateconsumer},
		{name: "delconsumer", arity: 5, flags: write, cats: catStream, keys: keyAt(2, keyRW|keyDelete), run: (*KVStore).cmdXgroupDelconsumer},
		{name: "destroy", arity: 4, flags: write, cats: catStream, keys: keyAt(2, keyRW|keyDelete), run: (*KVStore).cmdXgroupDestroy},
		{name: "help", arity: 2, flags: loading | stale, cats: catStream, run: (*KVStore).cmdXgroupHelp},
		{name: "setid", arity: -5, flags: write, cats: catStream, keys: keyAt(2, keyRW|keyUpdate), run: (*KVStore).cmdXgroupSetid},
	}},
	{name: "xinfo", arity: -2, subs: []command{
		{name: "consumers", arity: 4, flags: readonly, cats: catStream, keys: keyAt(2, keyRO|keyAccess), run: (*KVStore).cmdXinfoConsumers},
		{name: "groups", arity: 3, flags: readonly, cats: catStream, keys: keyAt(2, keyRO|keyAccess), run: (*KVStore).cmdXinfoGroups},
		{name: "help", arity: 2, flags: loading | stale, cats: catStream, run: (*KVStore).cmdXinfoHelp},
		{name: "stream", arity: -3, flags: readonly, cats: catStream, keys: keyAt(2, keyRO|keyAccess), run: (*KVStore).cmdXinfoStream},
	}},
	{name: "xpending", arity: -3, flags: readonly, cats: catStream, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdXpending},
	{name: "xreadgroup", arity: -7, flags: write | blocking | movableKeys, cats: catStream,
		keys: []keySpec{{flags: keyRO | keyAccess, keyword: "STREAMS", from: 4, last: -1, step: 1, limit: 2}}, run: (*KVStore).cmdXreadgroup},
}

const (
	errGroupKey replyError = "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use " +
		"the MKSTREAM option to create an empty stream automatically."
	errBusyGroup   replyError = "BUSYGROUP Consumer Group name already exists"
	errEntriesRead replyError = "ERR value for ENTRIESREAD must be positive or -1"
)

// errNoGroup is the answer of most commands when the key or the group is
// missing.
func errNoGroup(key, group string) replyError {
	return errf("NOGROUP No such key '%s' or consumer group '%s'", cut(key, len(key)), cut(group, len(group)))
}

// errNoGroupForKey is the answer of XGROUP and XINFO when the group is missing.
func errNoGroupForKey(key, group string) replyError {
	return errf("NOGROUP No such consumer group '%s' for key name '%s'", cut(group, len(group)), cut(key, len(key)))
}

// groupOptions are the options of XGROUP CREATE and XGROUP SETID.
type groupOptions struct {
	makeStream  bool
	entriesRead int64
}

// parseGroupOptions parses args from the fifth on. MKSTREAM is for CREATE alone.
func parseGroupOptions(args []string, creating bool) (o groupOptions, err error) {
	o.entriesRead = unknownDistance
	for i := 5; i < len(args); i++ {
		switch {
		case creating && is(args[i], "mkstream"):
			o.makeStream = true
		case is(args[i], "entriesread") && i+1 < len(args):
			i++
			o.entriesRead, err = parseInt(args[i])
			if err != nil {
				return o, err
			}
			if o.entriesRead < 0 && o.entriesRead != unknownDistance {
				return o, errEntriesRead
			}
		default:
			return o, errUnknownSubOrArity("xgroup", args[1])
		}
	}
	return o, nil
}

// streamOfGroup finds the stream that a subcommand of XGROUP is about, which
// must be there.
func (db *database) streamOfGroup(key string) (*stream, error) {
	s, err := db.lookupStreamWrite(key)
	if err == nil && s == nil {
		err = errGroupKey
	}
	return s, err
}

// groupOf is streamOfGroup for a group that must be there.
func (db *database) groupOf(key, name string) (*stream, *streamGroup, error) {
	s, err := db.streamOfGroup(key)
	if err != nil {
		return nil, nil, err
	}
	g := db.kv.findGroup(s, name)
	if g == nil {
		return nil, nil, errNoGroupForKey(key, name)
	}
	return s, g, nil
}

// cmdXgroupCreate serves XGROUP CREATE key group id|$ [MKSTREAM]
// [ENTRIESREAD entries-read].
func (kv *KVStore) cmdXgroupCreate(c *Client, args []string) error {
	o, err := parseGroupOptions(args, true)
	if err != nil {
		return err
	}
	key, name := args[2], args[3]
	s, err := c.db.lookupStreamWrite(key)
	switch {
	case err != nil:
		return err
	case s == nil && !o.makeStream:
		return errGroupKey
	case len(args) > 8: // an option twice
		return errUnknownSubOrArity("xgroup", args[1])
	}
	var id streamID
	if args[4] != "$" {
		if id, err = parseStreamID(args[4], 0); err != nil {
			return err
		}
	} else if s != nil {
		id = s.last
	}
	if s == nil {
		s = c.db.insertStream(key)
		kv.touched(c.db, key)
	}
	if !kv.createGroup(s, name, id, o.entriesRead) {
		return errBusyGroup
	}
	c.reply.OK()
	kv.dirty++
	kv.notify(eventStream, "xgroup-create", key, c.db)
	return nil
}

// cmdXgroupSetid serves XGROUP SETID key group id|$ [ENTRIESREAD entries-read].
// Unlike in CREATE, the ID may be - or +.
func (kv *KVStore) cmdXgroupSetid(c *Client, args []string) error {
	o, err := parseGroupOptions(args, false)
	if err != nil {
		return err
	}
	s, g, err := c.db.groupOf(args[2], args[3])
	if err != nil {
		return err
	}
	if len(args) > 7 { // an option twice
		return errUnknownSubOrArity("xgroup", args[1])
	}
	var id streamID
	switch args[4] {
	case "$":
		id = s.last
	case "-":
	case "+":
		id = maxStreamID
	default:
		if id, err = parseStreamID(args[4], 0); err != nil {
			return err
		}
	}
	g.lastID, g.entriesRead = id, o.entriesRead
	c.reply.OK()
	kv.dirty++
	kv.notify(eventStream, "xgroup-setid", args[2], c.db)
	return nil
}

// cmdXgroupDestroy serves XGROUP DESTROY key group. Who waits for the group is
// told that it has gone.
func (kv *KVStore) cmdXgroupDestroy(c *Client, args []string) error {
	key := args[2]
	s, err := c.db.streamOfGroup(key)
	if err != nil {
		return err
	}
	if !kv.destroyGroup(s, args[3]) {
		c.reply.Int(0)
		return nil
	}
	c.reply.Int(1)
	kv.dirty++
	kv.notify(eventStream, "xgroup-destroy", key, c.db)
	kv.keyReady(c.db, key)
	return nil
}

// cmdXgroupCreateconsumer serves XGROUP CREATECONSUMER key group consumer.
func (kv *KVStore) cmdXgroupCreateconsumer(c *Client, args []string) error {
	_, g, err := c.db.groupOf(args[2], args[3])
	if err != nil {
		return err
	}
	_, created := kv.createConsumer(g, args[4])
	if !created {
		c.reply.Int(0)
		return nil
	}
	kv.consumerCreated(c.db, args[2])
	c.reply.Int(1)
	return nil
}

// consumerCreated tells that a consumer has been made, by whatever command.
func (kv *KVStore) consumerCreated(db *database, key string) {
	kv.dirty++
	kv.notify(eventStream, "xgroup-createconsumer", key, db)
}

// cmdXgroupDelconsumer serves XGROUP DELCONSUMER key group consumer. The answer
// is how many entries were pending for the consumer; they are no longer.
func (kv *KVStore) cmdXgroupDelconsumer(c *Client, args []string) error {
	_, g, err := c.db.groupOf(args[2], args[3])
	if err != nil {
		return err
	}
	pending, ok := kv.deleteConsumer(g, args[4])
	if ok {
		kv.dirty++
		kv.notify(eventStream, "xgroup-delconsumer", args[2], c.db)
	}
	c.reply.Int(int64(pending))
	return nil
}

// cmdXgroupHelp serves XGROUP HELP.
func (kv *KVStore) cmdXgroupHelp(c *Client, args []string) error {
	c.replyHelp("XGROUP",
		"CREATE <key> <groupname> <id|$> [option]",
		"    Make a group that is to read what comes behind an ID, $ being the last",
		"    one of the stream. Options are:",
		"    * MKSTREAM",
		"      Make the stream, empty, if there is none.",
		"    * ENTRIESREAD entries_read",
		"      How many entries the group counts as read.",
		"CREATECONSUMER <key> <groupname> <consumer>",
		"    Make a consumer of the group.",
		"DELCONSUMER <key> <groupname> <consumer>",
		"    Remove a consumer, and forget what was pending for it.",
		"DESTROY <key> <groupname>",
		"    Remove a group.",
		"SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
		"    Let the group read on, or again, behind an ID.")
	return nil
}

// lookupGroup finds a group for XACK, XPENDING and the claims: nil when the key
// or the group is missing.
func (db *database) lookupGroup(key, name string) (*stream, *streamGroup, error) {
	s, err := db.lookupStream(key)
	if s == nil {
		return nil, nil, err
	}
	return s, db.kv.findGroup(s, name), nil
}

// cmdXack serves XACK key group id [id ...].
func (kv *KVStore) cmdXack(c *Client, args []string) error {
	_, g, err := c.db.lookupGroup(args[1], args[2])
	if err != nil {
		return err
	}
	if g == nil {
		c.reply.Int(0)
		return nil
	}
	var few [8]streamID
	ids := few[:0]
	for _, arg := range args[3:] {
		id, err := parseStreamID(arg, 0)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	acknowledged := int64(0)
	var at tree.Cursor
	for _, id := range ids {
		if kv.seekID(&g.pending, &at, id) {
			kv.removePending(g, &at)
			acknowledged++
		}
	}
	kv.dirty += acknowledged
	c.reply.Int(acknowledged)
	return nil
}

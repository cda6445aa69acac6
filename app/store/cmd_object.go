package store

import "math"

// OBJECT: how a value is kept and when it was used.

var objectCommands = []command{
	{name: "object", arity: -2, subs: []command{
		{name: "encoding", arity: 3, flags: readonly, cats: catKeyspace, keys: keyAt(2, keyRO), run: (*KVStore).cmdObjectEncoding},
		{name: "freq", arity: 3, flags: readonly, cats: catKeyspace, keys: keyAt(2, keyRO), run: (*KVStore).cmdObjectFreq},
		{name: "help", arity: 2, flags: loading | stale, cats: catKeyspace, run: (*KVStore).cmdObjectHelp},
		{name: "idletime", arity: 3, flags: readonly, cats: catKeyspace, keys: keyAt(2, keyRO), run: (*KVStore).cmdObjectIdletime},
		{name: "refcount", arity: 3, flags: readonly, cats: catKeyspace, keys: keyAt(2, keyRO), run: (*KVStore).cmdObjectRefcount},
	}},
}

// cmdObjectEncoding serves OBJECT ENCODING key.
func (kv *KVStore) cmdObjectEncoding(c *Client, args []string) error {
	if e := c.db.lookupQuiet(args[2]); e.ok() {
		c.reply.Bulk(e.encodingName())
	} else {
		c.reply.Null()
	}
	return nil
}

// cmdObjectFreq serves OBJECT FREQ key.
func (kv *KVStore) cmdObjectFreq(c *Client, args []string) error {
	e := c.db.lookupQuiet(args[2])
	switch {
	case !e.ok():
		c.reply.Null()
	case !kv.lfu:
		return errNoLFU
	default:
		c.reply.Int(int64(kv.lfuCount(e.access())))
	}
	return nil
}

// cmdObjectIdletime serves OBJECT IDLETIME key.
func (kv *KVStore) cmdObjectIdletime(c *Client, args []string) error {
	e := c.db.lookupQuiet(args[2])
	switch {
	case !e.ok():
		c.reply.Null()
	case kv.lfu:
		return errLFU
	default:
		c.reply.Int(kv.idleSeconds(e))
	}
	return nil
}

const (
	errNoLFU replyError = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. " +
		"Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."
	errLFU replyError = "ERR An LFU maxmemory policy is selected, idle time not tracked. " +
		"Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."
)

// idleSeconds is how long a key has not been used, by a clock that comes round
// every 194 days.
func (kv *KVStore) idleSeconds(e entry) int64 {
	const lruMax = 1<<24 - 1
	idle := int64(kv.lruClock) - int64(e.access())
	if idle < 0 {
		idle += lruMax
	}
	return idle
}

// cmdObjectRefcount serves OBJECT REFCOUNT key. No value is shared here, but
// small integers pass for those that Redis shares.
func (kv *KVStore) cmdObjectRefcount(c *Client, args []string) error {
	e := c.db.lookupQuiet(args[2])
	switch {
	case !e.ok():
		c.reply.Null()
	case kv.passesForShared(e):
		c.reply.Int(math.MaxInt32)
	default:
		c.reply.Int(1)
	}
	return nil
}

// passesForShared reports whether Redis would keep the value as one of its
// shared objects: the integers below 10000, as long as no eviction policy needs
// every object's own access time.
func (kv *KVStore) passesForShared(e entry) bool {
	const sharedIntegers = 10000
	if e.typ() != typeString || e.enc() != encInt || uint64(e.integer()) >= sharedIntegers {
		return false
	}
	if kv.config.Int("maxmemory") == 0 {
		return true
	}
	switch kv.config.Str("maxmemory-policy") {
	case "volatile-lru", "allkeys-lru", "volatile-lfu", "allkeys-lfu":
		return false
	}
	return true
}

// cmdObjectHelp serves OBJECT HELP.
func (kv *KVStore) cmdObjectHelp(c *Client, args []string) error {
	c.replyHelp("OBJECT",
		"ENCODING <key>",
		"    How the value of <key> is kept: what Redis calls the encoding it would",
		"    have chosen.",
		"FREQ <key>",
		"    How often <key> has been used lately, as the logarithmic counter of the",
		"    LFU policies.",
		"IDLETIME <key>",
		"    How many seconds ago <key> was used last. LFU policies do not",
		"    know.",
		"REFCOUNT <key>",
		"    How many references there are to the value of <key>. It is 1 but for",
		"    small integers.")
	return nil
}

package store

import "math"

// SLOWLOG.

const slowlogSub = admin | loading | stale

var slowlogCommands = []command{
	{name: "slowlog", arity: -2, subs: []command{
		{name: "get", arity: -2, flags: slowlogSub, run: (*KVStore).cmdSlowlogGet},
		{name: "help", arity: 2, flags: loading | stale, run: (*KVStore).cmdSlowlogHelp},
		{name: "len", arity: 2, flags: slowlogSub, run: (*KVStore).cmdSlowlogLen},
		{name: "reset", arity: 2, flags: slowlogSub, run: (*KVStore).cmdSlowlogReset},
	}},
}

// cmdSlowlogHelp serves SLOWLOG HELP.
func (kv *KVStore) cmdSlowlogHelp(c *Client, args []string) error {
	c.replyHelp("SLOWLOG",
		"GET [<count>]",
		"    The last <count> entries, the newest first (default: 10, -1: all). Of each:",
		"    its number, the second it was logged in, the microseconds it took, the",
		"    command with its arguments, the address and the name of the client.",
		"LEN",
		"    The number of entries.",
		"RESET",
		"    Forget all entries.")
	return nil
}

// cmdSlowlogGet serves SLOWLOG GET [count].
func (kv *KVStore) cmdSlowlogGet(c *Client, args []string) error {
	count := int64(10)
	switch len(args) {
	case 2:
	case 3:
		n, err := parseIntRange(args[2], -1, math.MaxInt64)
		if err != nil {
			return errf("ERR count should be greater than or equal to -1")
		}
		count = n
	default:
		return errUnknownSubOrArity("slowlog", args[1])
	}
	entries := kv.slow.entries
	if count >= 0 && count < int64(len(entries)) {
		entries = entries[int64(len(entries))-count:]
	}
	r := &c.reply
	r.Array(len(entries))
	for i := len(entries) - 1; i >= 0; i-- {
		e := &entries[i]
		r.Array(6)
		r.Int(e.id)
		r.Int(e.second)
		r.Int(e.us)
		r.StringArray(e.args)
		r.Bulk(e.addr)
		r.Bulk(e.name)
	}
	return nil
}

// cmdSlowlogLen serves SLOWLOG LEN.
func (kv *KVStore) cmdSlowlogLen(c *Client, args []string) error {
	c.reply.Int(int64(len(kv.slow.entries)))
	return nil
}

// cmdSlowlogReset serves SLOWLOG RESET.
func (kv *KVStore) cmdSlowlogReset(c *Client, args []string) error {
	kv.slow.entries = nil
	c.reply.OK()
	return nil
}

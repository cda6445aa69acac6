package store

import "math"

// MEMORY: what keys cost, and giving back what they cost no more.

var memoryCommands = []command{
	{name: "memory", arity: -2, subs: []command{
		{name: "help", arity: 2, flags: loading | stale, run: (*KVStore).cmdMemoryHelp},
		{name: "purge", arity: 2, run: (*KVStore).cmdMemoryPurge},
		{name: "usage", arity: -3, flags: readonly, keys: keyAt(2, keyRO), run: (*KVStore).cmdMemoryUsage},
	}},
}

// cmdMemoryHelp serves MEMORY HELP.
func (kv *KVStore) cmdMemoryHelp(c *Client, args []string) error {
	c.replyHelp("MEMORY",
		"PURGE",
		"    Give freed memory back to the system now.",
		"USAGE <key> [SAMPLES <count>]",
		"    The bytes that <key> takes with its value. Of a nested value <count>",
		"    elements are looked at, 5 unless told, all when it is 0.")
	return nil
}

// cmdMemoryPurge serves MEMORY PURGE. A first piece is given back at once, the
// rest by cron as fast as clients let it.
func (kv *KVStore) cmdMemoryPurge(c *Client, args []string) error {
	if kv.cron.reclaim = kv.arena.Reclaim(freeBytes); kv.cron.reclaim {
		kv.cron.nudge()
	}
	c.reply.OK()
	return nil
}

// cmdMemoryUsage serves MEMORY USAGE key [SAMPLES count].
func (kv *KVStore) cmdMemoryUsage(c *Client, args []string) error {
	samples := int64(5)
	for i := 3; i < len(args); i += 2 {
		if !is(args[i], "samples") || i+1 == len(args) {
			return errSyntax
		}
		n, err := parseInt(args[i+1])
		if err != nil {
			return err
		}
		if n < 0 {
			return errSyntax
		}
		if samples = n; n == 0 {
			samples = math.MaxInt64
		}
	}
	e := c.db.find(args[2]) // as in Redis, even one that has expired
	if !e.ok() {
		c.reply.Null()
		return nil
	}
	c.reply.Int(c.db.bytesOf(e, samples))
	return nil
}

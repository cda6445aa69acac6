package store

import (
	"math"
	"runtime/debug"
	"strconv"
)

// MEMORY: what keys cost, where the memory is, and giving back what is not needed
// any more.

var memoryCommands = []command{
	{name: "memory", arity: -2, subs: []command{
		{name: "doctor", arity: 2, run: (*KVStore).cmdMemoryDoctor},
		{name: "help", arity: 2, flags: loading | stale, run: (*KVStore).cmdMemoryHelp},
		{name: "malloc-stats", arity: 2, run: (*KVStore).cmdMemoryMallocStats},
		{name: "purge", arity: 2, run: (*KVStore).cmdMemoryPurge},
		{name: "stats", arity: 2, run: (*KVStore).cmdMemoryStats},
		{name: "usage", arity: -3, flags: readonly, keys: keyAt(2, keyRO), run: (*KVStore).cmdMemoryUsage},
	}},
}

// cmdMemoryHelp serves MEMORY HELP.
func (kv *KVStore) cmdMemoryHelp(c *Client, args []string) error {
	c.replyHelp("MEMORY",
		"DOCTOR",
		"    What is wrong with the use of memory, if anything, and what to do.",
		"MALLOC-STATS",
		"    The figures of the arena, which holds the data, and of the Go runtime.",
		"PURGE",
		"    Give freed memory back to the system now.",
		"STATS",
		"    What the memory is used for, in bytes.",
		"USAGE <key> [SAMPLES <count>]",
		"    The bytes that <key> takes with its value. Of a nested value <count>",
		"    elements are looked at, 5 unless told, all when it is 0.")
	return nil
}

// cmdMemoryDoctor serves MEMORY DOCTOR.
func (kv *KVStore) cmdMemoryDoctor(c *Client, args []string) error {
	m := kv.memoryFigures()
	replicas := int64(len(kv.repl.replicas))
	c.reply.Verbatim("txt", m.diagnosis(int64(len(kv.clients))-replicas, replicas))
	return nil
}

// cmdMemoryMallocStats serves MEMORY MALLOC-STATS.
func (kv *KVStore) cmdMemoryMallocStats(c *Client, args []string) error {
	c.reply.Verbatim("txt", kv.allocatorReport())
	return nil
}

// cmdMemoryPurge serves MEMORY PURGE. A first piece of the arena is given back at
// once and the rest by cron, as fast as clients let it; what the Go runtime has, by a
// goroutine, for it collects garbage first.
func (kv *KVStore) cmdMemoryPurge(c *Client, args []string) error {
	kv.cron.reclaim, kv.cron.purge = true, true
	kv.giveBack()
	kv.cron.nudge()
	if kv.purging.CompareAndSwap(false, true) {
		go func() {
			defer kv.purging.Store(false)
			debug.FreeOSMemory()
		}()
	}
	c.reply.OK()
	return nil
}

// A statsWriter replies names with figures.
type statsWriter struct {
	c      *Client
	fields int
}

func (w *statsWriter) int(name string, n int64) {
	w.c.reply.Bulk(name)
	w.c.reply.Int(n)
	w.fields++
}

func (w *statsWriter) float(name string, f float64) {
	w.c.reply.Bulk(name)
	w.c.reply.Double(f)
	w.fields++
}

// cmdMemoryStats serves MEMORY STATS.
func (kv *KVStore) cmdMemoryStats(c *Client, args []string) error {
	m := kv.memoryFigures()
	at := c.reply.Len()
	w := &statsWriter{c: c}
	w.int("peak.allocated", m.peak)
	w.int("total.allocated", m.used)
	w.int("startup.allocated", m.startup)
	w.int("replication.backlog", m.backlog)
	w.int("clients.slaves", m.replicas)
	w.int("clients.normal", m.clients)
	w.int("cluster.links", 0)
	w.int("aof.buffer", m.journal)
	w.int("lua.caches", 0)
	w.int("functions.caches", 0)
	for _, t := range m.tables {
		c.reply.Bulk("db." + strconv.Itoa(t.db))
		w.fields++
		c.reply.Map(3)
		table := &statsWriter{c: c}
		table.int("overhead.hashtable.main", t.keys)
		table.int("overhead.hashtable.expires", t.expires)
		table.int("overhead.hashtable.slot-to-keys", 0)
	}
	w.int("overhead.total", m.overhead)
	w.int("keys.count", m.keys)
	w.int("keys.bytes-per-key", m.bytesPerKey())
	w.int("dataset.bytes", m.dataset)
	w.float("dataset.percentage", part(m.dataset, m.net()))
	w.float("peak.percentage", part(m.used, m.peak))
	w.int("allocator.allocated", m.allocated)
	w.int("allocator.active", m.active)
	w.int("allocator.resident", m.resident)
	w.float("allocator-fragmentation.ratio", share(m.active, m.allocated))
	w.int("allocator-fragmentation.bytes", m.active-m.allocated)
	w.float("allocator-rss.ratio", share(m.resident, m.active))
	w.int("allocator-rss.bytes", m.resident-m.active)
	w.float("rss-overhead.ratio", share(m.rss, m.resident))
	w.int("rss-overhead.bytes", m.rss-m.resident)
	w.float("fragmentation", share(m.rss, m.used))
	w.int("fragmentation.bytes", m.rss-m.used)
	c.reply.MapAt(at, w.fields)
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

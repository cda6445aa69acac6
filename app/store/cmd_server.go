package store

import (
	"strings"
	"time"
)

// The commands of the server as a whole: INFO and TIME. SHUTDOWN is in
// shutdown.go.

var serverCommands = []command{
	{name: "info", arity: -1, flags: loading | stale, cats: catDangerous, run: (*KVStore).cmdInfo},
	{name: "shutdown", arity: -1, flags: admin | noScript | loading | stale | noMulti | allowBusy | endsBatch, run: (*KVStore).cmdShutdown},
	{name: "time", arity: 1, flags: loading | stale | fast, run: (*KVStore).cmdTime},
}

// cmdTime serves TIME.
func (kv *KVStore) cmdTime(c *Client, args []string) error {
	now := kv.wallTime()
	c.reply.Array(2)
	c.reply.Bulk(formatInt(now.Unix()))
	c.reply.Bulk(formatInt(int64(now.Nanosecond()) / 1000))
	return nil
}

// cmdInfo serves INFO [section ...].
func (kv *KVStore) cmdInfo(c *Client, args []string) error {
	c.reply.Verbatim("txt", kv.info(args[1:]))
	return nil
}

// cloneArg copies an argument that outlives its batch.
func cloneArg(s string) string { return strings.Clone(s) }

// uptime is how long the server has run.
func (kv *KVStore) uptime() time.Duration { return time.Since(kv.started) }

package store

import "math"

// EXPIRE and its relatives, and what tells the time a key has left.

var expireCommands = []command{
	{name: "expire", arity: -3, flags: write | fast, cats: catKeyspace, keys: key1(keyRW | keyUpdate), run: (*KVStore).cmdExpire},
	{name: "expireat", arity: -3, flags: write | fast, cats: catKeyspace, keys: key1(keyRW | keyUpdate), run: (*KVStore).cmdExpireat},
	{name: "expiretime", arity: 2, flags: readonly | fast, cats: catKeyspace, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdExpiretime},
	{name: "persist", arity: 2, flags: write | fast, cats: catKeyspace, keys: key1(keyRW | keyUpdate), run: (*KVStore).cmdPersist},
	{name: "pexpire", arity: -3, flags: write | fast, cats: catKeyspace, keys: key1(keyRW | keyUpdate), run: (*KVStore).cmdPexpire},
	{name: "pexpireat", arity: -3, flags: write | fast, cats: catKeyspace, keys: key1(keyRW | keyUpdate), run: (*KVStore).cmdPexpireat},
	{name: "pexpiretime", arity: 2, flags: readonly | fast, cats: catKeyspace, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdPexpiretime},
	{name: "pttl", arity: 2, flags: readonly | fast, cats: catKeyspace, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdPttl},
	{name: "ttl", arity: 2, flags: readonly | fast, cats: catKeyspace, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdTtl},
}

// cmdExpire serves EXPIRE key seconds [NX|XX|GT|LT].
func (kv *KVStore) cmdExpire(c *Client, args []string) error {
	return c.expire(args, kv.nowMs, 1000)
}

// cmdExpireat serves EXPIREAT key unix-time-seconds [NX|XX|GT|LT].
func (kv *KVStore) cmdExpireat(c *Client, args []string) error {
	return c.expire(args, 0, 1000)
}

// cmdPexpire serves PEXPIRE key milliseconds [NX|XX|GT|LT].
func (kv *KVStore) cmdPexpire(c *Client, args []string) error {
	return c.expire(args, kv.nowMs, 1)
}

// cmdPexpireat serves PEXPIREAT key unix-time-milliseconds [NX|XX|GT|LT].
func (kv *KVStore) cmdPexpireat(c *Client, args []string) error {
	return c.expire(args, 0, 1)
}

// expire gives a key an expiry of so many units after base; a unit is so many
// ms. One that is over already deletes the key.
func (c *Client) expire(args []string, base, unit int64) error {
	kv, db, key := c.kv, c.db, args[1]
	when, err := parseExpireWhen(args[3:])
	if err != nil {
		return err
	}
	at, err := parseExpireTime(args[2], base, unit, c.cmd.full)
	if err != nil {
		return err
	}
	e := db.lookupWrite(key)
	if !e.ok() || !when.allows(e.expireAt(), at) {
		c.reply.Int(0)
		return nil
	}
	if kv.alreadyExpired(at) {
		db.remove(e)
		kv.changed(db, key, eventGeneric, "del")
		if kv.effects.sink != nil {
			c.effect(delName(kv.lazyExpire), key)
		}
		c.reply.Int(1)
		return nil
	}
	db.setExpiry(e, max(at, 0)) // a replica keeps what has expired until its master says
	kv.changed(db, key, eventGeneric, "expire")
	if kv.effects.sink != nil {
		c.effect(append([]string{"PEXPIREAT", key, formatInt(at)}, args[3:]...)...)
	}
	c.reply.Int(1)
	return nil
}

// parseExpireTime parses the time of an expiry and returns it in ms since 1970.
// command is what an error names.
func parseExpireTime(arg string, base, unit int64, command string) (int64, error) {
	n, err := parseInt(arg)
	if err != nil {
		return 0, err
	}
	if n > math.MaxInt64/unit || n < math.MinInt64/unit || n*unit > math.MaxInt64-base {
		return 0, errf("ERR invalid expire time in '%s' command", command)
	}
	return n*unit + base, nil
}

// An expireWhen is a condition on the expiry that a key has.
type expireWhen uint8

const (
	expireIfNone    expireWhen = 1 << iota // NX: it has none
	expireIfSome                           // XX: it has one
	expireIfGreater                        // GT: the new one is later; none is the latest
	expireIfLess                           // LT: the new one is sooner
)

// parseExpireWhen parses the options of EXPIRE.
func parseExpireWhen(options []string) (w expireWhen, err error) {
	for _, option := range options {
		switch {
		case is(option, "nx"):
			w |= expireIfNone
		case is(option, "xx"):
			w |= expireIfSome
		case is(option, "gt"):
			w |= expireIfGreater
		case is(option, "lt"):
			w |= expireIfLess
		default:
			return 0, errf("ERR Unsupported option %s", cut(option, len(option)))
		}
	}
	if w&expireIfNone != 0 && w != expireIfNone {
		return 0, errExpireNX
	}
	if w&expireIfGreater != 0 && w&expireIfLess != 0 {
		return 0, errExpireGTLT
	}
	return w, nil
}

const (
	errExpireNX   replyError = "ERR NX and XX, GT or LT options at the same time are not compatible"
	errExpireGTLT replyError = "ERR GT and LT options at the same time are not compatible"
)

// allows reports whether a key whose expiry is now, -1 when it has none, may
// get the one at.
func (w expireWhen) allows(now, at int64) bool {
	has := now >= 0
	switch {
	case w&expireIfNone != 0 && has,
		w&expireIfSome != 0 && !has,
		w&expireIfGreater != 0 && (!has || at <= now),
		w&expireIfLess != 0 && has && at >= now:
		return false
	}
	return true
}

// cmdPersist serves PERSIST key.
func (kv *KVStore) cmdPersist(c *Client, args []string) error {
	e := c.db.lookupWrite(args[1])
	if !e.ok() || !e.hasExpiry() {
		c.reply.Int(0)
		return nil
	}
	c.db.setExpiry(e, -1)
	kv.changed(c.db, args[1], eventGeneric, "persist")
	c.reply.Int(1)
	return nil
}

// cmdTtl serves TTL key.
func (kv *KVStore) cmdTtl(c *Client, args []string) error {
	c.reply.Int(toSeconds(c.timeToLive(args[1], kv.nowMs)))
	return nil
}

// cmdPttl serves PTTL key.
func (kv *KVStore) cmdPttl(c *Client, args []string) error {
	c.reply.Int(c.timeToLive(args[1], kv.nowMs))
	return nil
}

// cmdExpiretime serves EXPIRETIME key.
func (kv *KVStore) cmdExpiretime(c *Client, args []string) error {
	c.reply.Int(toSeconds(c.timeToLive(args[1], 0)))
	return nil
}

// cmdPexpiretime serves PEXPIRETIME key.
func (kv *KVStore) cmdPexpiretime(c *Client, args []string) error {
	c.reply.Int(c.timeToLive(args[1], 0))
	return nil
}

// timeToLive is the expiry of a key in ms since base: -1 when it has none, -2
// when there is no such key.
func (c *Client) timeToLive(key string, base int64) int64 {
	e := c.db.lookupNoTouch(key)
	switch {
	case !e.ok():
		return -2
	case !e.hasExpiry():
		return -1
	}
	return max(e.expireAt()-base, 0)
}

// toSeconds rounds ms to seconds, even those close to the end of time; negative
// ones are no times.
func toSeconds(ms int64) int64 {
	if ms < 0 {
		return ms
	}
	return int64((uint64(ms) + 500) / 1000)
}

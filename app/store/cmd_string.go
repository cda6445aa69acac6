package store

import "math"

// The commands on strings. Those on numbers are in cmd_number.go, LCS is in
// cmd_lcs.go.

var stringCommands = []command{
	{name: "append", arity: 3, flags: write | denyOOM | fast, cats: catString, keys: key1(keyRW | keyInsert), run: (*KVStore).cmdAppend},
	{name: "decr", arity: 2, flags: write | denyOOM | fast, cats: catString, keys: key1(keyRW | keyAccess | keyUpdate), run: (*KVStore).cmdDecr},
	{name: "decrby", arity: 3, flags: write | denyOOM | fast, cats: catString, keys: key1(keyRW | keyAccess | keyUpdate), run: (*KVStore).cmdDecrby},
	{name: "get", arity: 2, flags: readonly | fast, cats: catString, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdGet},
	{name: "getdel", arity: 2, flags: write | fast, cats: catString, keys: key1(keyRW | keyAccess | keyDelete), run: (*KVStore).cmdGetdel},
	{name: "getex", arity: -2, flags: write | fast, cats: catString, keys: key1(keyRW | keyAccess | keyUpdate), run: (*KVStore).cmdGetex},
	{name: "getrange", arity: 4, flags: readonly, cats: catString, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdGetrange},
	{name: "getset", arity: 3, flags: write | denyOOM | fast, cats: catString, keys: key1(keyRW | keyAccess | keyUpdate), run: (*KVStore).cmdGetset},
	{name: "incr", arity: 2, flags: write | denyOOM | fast, cats: catString, keys: key1(keyRW | keyAccess | keyUpdate), run: (*KVStore).cmdIncr},
	{name: "incrby", arity: 3, flags: write | denyOOM | fast, cats: catString, keys: key1(keyRW | keyAccess | keyUpdate), run: (*KVStore).cmdIncrby},
	{name: "incrbyfloat", arity: 3, flags: write | denyOOM | fast, cats: catString, keys: key1(keyRW | keyAccess | keyUpdate), run: (*KVStore).cmdIncrbyfloat},
	{name: "lcs", arity: -3, flags: readonly, cats: catString, keys: keyRange(1, 1, 1, keyRO|keyAccess), run: (*KVStore).cmdLcs},
	{name: "mget", arity: -2, flags: readonly | fast, cats: catString, keys: keyRange(1, -1, 1, keyRO|keyAccess), run: (*KVStore).cmdMget},
	{name: "mset", arity: -3, flags: write | denyOOM, cats: catString, keys: keyRange(1, -1, 2, keyOW|keyUpdate), run: (*KVStore).cmdMset},
	{name: "msetnx", arity: -3, flags: write | denyOOM, cats: catString, keys: keyRange(1, -1, 2, keyOW|keyInsert), run: (*KVStore).cmdMsetnx},
	{name: "psetex", arity: 4, flags: write | denyOOM, cats: catString, keys: key1(keyOW | keyUpdate), run: (*KVStore).cmdPsetex},
	{name: "set", arity: -3, flags: write | denyOOM, cats: catString, keys: key1(keyRW | keyAccess | keyUpdate | keyVariable),
		getKeys: setKeys, run: (*KVStore).cmdSet},
	{name: "setex", arity: 4, flags: write | denyOOM, cats: catString, keys: key1(keyOW | keyUpdate), run: (*KVStore).cmdSetex},
	{name: "setnx", arity: 3, flags: write | denyOOM | fast, cats: catString, keys: key1(keyOW | keyInsert), run: (*KVStore).cmdSetnx},
	{name: "setrange", arity: 4, flags: write | denyOOM, cats: catString, keys: key1(keyRW | keyUpdate), run: (*KVStore).cmdSetrange},
	{name: "strlen", arity: 2, flags: readonly | fast, cats: catString, keys: key1(keyRO), run: (*KVStore).cmdStrlen},
	{name: "substr", arity: 4, flags: readonly, cats: catString, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdGetrange},
}

// cmdGet serves GET key.
func (kv *KVStore) cmdGet(c *Client, args []string) error {
	e, err := c.db.lookupString(args[1])
	if err != nil {
		return err
	}
	c.replyString(e)
	return nil
}

// replyString answers with a string, or with null when e is none.
func (c *Client) replyString(e entry) {
	switch {
	case !e.ok():
		c.reply.Null()
	case e.enc() == encInt:
		c.reply.BulkInt(e.integer())
	default:
		c.reply.BulkBytes(c.kv.bytes(e))
	}
}

// cmdMget serves MGET key [key ...]. A key of another type counts as none.
func (kv *KVStore) cmdMget(c *Client, args []string) error {
	keys := args[1:]
	c.reply.Array(len(keys))
	var buf [touchMax]uint64
	for len(keys) > 0 {
		hashes := c.db.touchKeys(keys, 1, &buf)
		for i, hash := range hashes {
			kv.hintKey(keys[i], hash)
			e := c.db.lookupRead(keys[i])
			if e.ok() && e.typ() != typeString {
				e = entry{}
			}
			c.replyString(e)
		}
		keys = keys[len(hashes):]
	}
	return nil
}

// cmdStrlen serves STRLEN key.
func (kv *KVStore) cmdStrlen(c *Client, args []string) error {
	e, err := c.db.lookupString(args[1])
	if err != nil {
		return err
	}
	n := 0
	if e.ok() {
		n = e.stringLen()
	}
	c.reply.Int(int64(n))
	return nil
}

// cmdGetrange serves GETRANGE key start end, and SUBSTR, its older name.
func (kv *KVStore) cmdGetrange(c *Client, args []string) error {
	start, err := parseInt(args[2])
	if err != nil {
		return err
	}
	end, err := parseInt(args[3])
	if err != nil {
		return err
	}
	e, err := c.db.lookupString(args[1])
	if err != nil {
		return err
	}
	var b []byte
	if e.ok() && !backwards(start, end) {
		b = kv.bytes(e)
	}
	lo, hi := rangeOf(start, end, int64(len(b)))
	c.reply.BulkBytes(b[lo:hi])
	return nil
}

// backwards reports whether both ends of a range count from the end, the last
// one from farther away. Clipping could make that a range of the first byte.
func backwards(first, last int64) bool { return first < 0 && last < 0 && first > last }

// rangeOf turns the first and last index of a range, which count from the end
// when they are negative, into a half-open range of [0, n].
func rangeOf(first, last, n int64) (lo, hi int64) {
	if first < 0 {
		first = max(first+n, 0)
	}
	if last < 0 {
		last = max(last+n, 0)
	}
	last = min(last, n-1)
	if first > last {
		return 0, 0
	}
	return first, last + 1
}

// cmdGetset serves GETSET key value.
func (kv *KVStore) cmdGetset(c *Client, args []string) error {
	e, err := c.db.lookupString(args[1])
	if err != nil {
		return err
	}
	c.replyString(e)
	c.db.set(args[1], args[2], false)
	kv.changed(c.db, args[1], eventString, "set")
	if kv.propagating() {
		c.effect("SET", args[1], args[2])
	}
	return nil
}

// cmdGetdel serves GETDEL key.
func (kv *KVStore) cmdGetdel(c *Client, args []string) error {
	e, err := c.db.lookupString(args[1])
	if err != nil {
		return err
	}
	c.replyString(e)
	if e.ok() {
		kv.dropRead(c, e, args[1], kv.lazyUserDel)
	}
	return nil
}

// dropRead removes a key that a command has just answered with.
func (kv *KVStore) dropRead(c *Client, e entry, key string, lazy bool) {
	c.db.remove(e)
	kv.changed(c.db, key, eventGeneric, "del")
	if kv.propagating() {
		c.effect(delName(lazy), key)
	}
}

// cmdGetex serves GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST].
func (kv *KVStore) cmdGetex(c *Client, args []string) error {
	opts, err := parseSetOptions(args[2:], optsGetex)
	if err != nil {
		return err
	}
	key := args[1]
	e, err := c.db.lookupString(key)
	if err != nil {
		return err
	}
	if !e.ok() {
		c.reply.Null()
		return nil
	}
	at, err := opts.expireAt(c)
	if err != nil {
		return err
	}
	c.replyString(e)
	switch {
	case opts.has(optExat|optPxat) && kv.alreadyExpired(at):
		kv.dropRead(c, e, key, kv.lazyExpire)
	case at >= 0:
		c.db.setExpiry(e, at)
		kv.changed(c.db, key, eventGeneric, "expire")
		if kv.propagating() {
			c.effect("PEXPIREAT", key, formatInt(at))
		}
	case opts.has(optPersist) && e.hasExpiry():
		c.db.setExpiry(e, -1)
		kv.changed(c.db, key, eventGeneric, "persist")
		if kv.propagating() {
			c.effect("PERSIST", key)
		}
	}
	return nil
}

// alreadyExpired reports whether a key that is to expire at that ms is better
// deleted at once. A replica leaves that to its master, and loading to what comes
// behind it.
func (kv *KVStore) alreadyExpired(at int64) bool {
	return at <= kv.nowMs && kv.Info.Role == "master" && !kv.snapshot.loading.active
}

// cmdSet serves SET key value [NX | XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL].
func (kv *KVStore) cmdSet(c *Client, args []string) error {
	if len(args) == 3 {
		c.db.set(args[1], args[2], false)
		kv.changed(c.db, args[1], eventString, "set")
		c.reply.OK()
		return nil
	}
	opts, err := parseSetOptions(args[3:], optsSet)
	if err != nil {
		return err
	}
	at, err := opts.expireAt(c)
	if err != nil {
		return err
	}
	return kv.setWith(c, args, opts, at)
}

// setWith is SET with options.
func (kv *KVStore) setWith(c *Client, args []string, opts setOptions, at int64) error {
	key, value := args[1], args[2]
	if opts.has(optGet) {
		e, err := c.db.lookupString(key)
		if err != nil {
			return err
		}
		c.replyString(e)
	}
	old := c.db.lookupWrite(key)
	if opts.has(optNX) && old.ok() || opts.has(optXX) && !old.ok() {
		if !opts.has(optGet) {
			c.reply.Null()
		}
		return nil
	}
	if opts.has(optKeepTTL) && old.ok() {
		at = old.expireAt()
	}
	c.db.store(old, key, value, at)
	kv.changed(c.db, key, eventString, "set")
	if opts.has(optTimed) {
		kv.setExpires(c, key, value, at)
	} else if opts.has(optGet) && kv.propagating() {
		c.effect(withoutGet(args)...)
	}
	if !opts.has(optGet) {
		c.reply.OK()
	}
	return nil
}

// setExpires tells that a SET has given the key an expiry. Replicas are told
// the moment, not the delay: one that lags would keep the key for longer.
func (kv *KVStore) setExpires(c *Client, key, value string, at int64) {
	if kv.propagating() {
		c.effect("SET", key, value, "PXAT", formatInt(at))
	}
	kv.notify(eventGeneric, "expire", key, c.db)
}

// withoutGet is a SET without its GET, which nobody is there to hear.
func withoutGet(args []string) []string {
	var kept []string
	for i, arg := range args {
		if i < 3 || !is(arg, "get") {
			kept = append(kept, arg)
		}
	}
	return kept
}

// cmdSetnx serves SETNX key value.
func (kv *KVStore) cmdSetnx(c *Client, args []string) error {
	old := c.db.lookupWrite(args[1])
	if old.ok() {
		c.reply.Int(0)
		return nil
	}
	c.db.store(old, args[1], args[2], -1)
	kv.changed(c.db, args[1], eventString, "set")
	c.reply.Int(1)
	return nil
}

// cmdSetex serves SETEX key seconds value.
func (kv *KVStore) cmdSetex(c *Client, args []string) error {
	return kv.setFor(c, args[1], args[3], setOptions{optEX, args[2]})
}

// cmdPsetex serves PSETEX key milliseconds value.
func (kv *KVStore) cmdPsetex(c *Client, args []string) error {
	return kv.setFor(c, args[1], args[3], setOptions{optPX, args[2]})
}

// setFor stores a value for a time.
func (kv *KVStore) setFor(c *Client, key, value string, opts setOptions) error {
	at, err := opts.expireAt(c)
	if err != nil {
		return err
	}
	c.db.store(c.db.lookupWrite(key), key, value, at)
	kv.changed(c.db, key, eventString, "set")
	kv.setExpires(c, key, value, at)
	c.reply.OK()
	return nil
}

// cmdMset serves MSET key value [key value ...].
func (kv *KVStore) cmdMset(c *Client, args []string) error {
	if len(args)%2 == 0 {
		return errArity(c.cmd.full)
	}
	kv.setAll(c, args[1:])
	c.reply.OK()
	return nil
}

// cmdMsetnx serves MSETNX key value [key value ...]: all of them or none.
func (kv *KVStore) cmdMsetnx(c *Client, args []string) error {
	if len(args)%2 == 0 {
		return errArity(c.cmd.full)
	}
	for i := 1; i < len(args); i += 2 {
		if c.db.lookupWrite(args[i]).ok() {
			c.reply.Int(0)
			return nil
		}
	}
	kv.setAll(c, args[1:])
	c.reply.Int(1)
	return nil
}

// setAll stores pairs of a key and a value.
func (kv *KVStore) setAll(c *Client, pairs []string) {
	var buf [touchMax]uint64
	for len(pairs) > 0 {
		hashes := c.db.touchKeys(pairs, 2, &buf)
		for i, hash := range hashes {
			key := pairs[2*i]
			kv.hintKey(key, hash)
			c.db.set(key, pairs[2*i+1], false)
			kv.changed(c.db, key, eventString, "set")
		}
		pairs = pairs[2*len(hashes):]
	}
}

// cmdAppend serves APPEND key value.
func (kv *KVStore) cmdAppend(c *Client, args []string) error {
	key, value := args[1], args[2]
	e, err := c.db.lookupStringWrite(key)
	if err != nil {
		return err
	}
	n := len(value)
	if e.ok() {
		old := e.stringLen()
		if n, err = kv.stringSize(old, n); err != nil {
			return err
		}
		_, b := c.db.makeRaw(e, n)
		copy(b[old:], value)
	} else {
		c.db.store(e, key, value, -1)
	}
	kv.changed(c.db, key, eventString, "append")
	c.reply.Int(int64(n))
	return nil
}

// stringSize is the sum of two sizes, which must be one that a string may have.
func (kv *KVStore) stringSize(n, more int) (int, error) {
	if more > math.MaxInt-n || int64(n+more) > kv.maxBulk {
		return 0, errStringTooLong
	}
	return n + more, nil
}

// cmdSetrange serves SETRANGE key offset value. An empty value changes nothing,
// wherever it would go.
func (kv *KVStore) cmdSetrange(c *Client, args []string) error {
	key, value := args[1], args[3]
	offset, err := parseInt(args[2])
	if err != nil {
		return err
	}
	if offset < 0 {
		return errOffsetRange
	}
	e, err := c.db.lookupStringWrite(key)
	if err != nil {
		return err
	}
	old := 0
	if e.ok() {
		old = e.stringLen()
	}
	if value == "" {
		c.reply.Int(int64(old))
		return nil
	}
	end, err := kv.stringSize(int(offset), len(value))
	if err != nil {
		return err
	}
	var b []byte
	if !e.ok() {
		b = c.db.insertZeros(key, end)
	} else {
		_, b = c.db.makeRaw(e, max(old, end))
		clear(b[old:max(old, int(offset))])
	}
	copy(b[offset:], value)
	kv.changed(c.db, key, eventString, "setrange")
	c.reply.Int(int64(len(b)))
	return nil
}

package store

import (
	"strconv"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/glob"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
)

// The commands on hashes. HRANDFIELD is in cmd_hash_random.go, those on fields
// that expire are in cmd_hash_expire.go.

var hashCommands = []command{
	{name: "hdel", arity: -3, flags: write | fast, cats: catHash, element: 2, keys: key1(keyRW | keyDelete), run: (*KVStore).cmdHdel},
	{name: "hexists", arity: 3, flags: readonly | fast, cats: catHash, element: 2, keys: key1(keyRO), run: (*KVStore).cmdHexists},
	{name: "hget", arity: 3, flags: readonly | fast, cats: catHash, element: 2, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdHget},
	{name: "hgetall", arity: 2, flags: readonly, cats: catHash, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdHgetall},
	{name: "hincrby", arity: 4, flags: write | denyOOM | fast, cats: catHash, element: 2, keys: key1(keyRW | keyAccess | keyUpdate), run: (*KVStore).cmdHincrby},
	{name: "hincrbyfloat", arity: 4, flags: write | denyOOM | fast, cats: catHash, element: 2, keys: key1(keyRW | keyAccess | keyUpdate), run: (*KVStore).cmdHincrbyfloat},
	{name: "hkeys", arity: 2, flags: readonly, cats: catHash, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdHkeys},
	{name: "hlen", arity: 2, flags: readonly | fast, cats: catHash, keys: key1(keyRO), run: (*KVStore).cmdHlen},
	{name: "hmget", arity: -3, flags: readonly | fast, cats: catHash, element: 2, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdHmget},
	{name: "hmset", arity: -4, flags: write | denyOOM | fast, cats: catHash, keys: key1(keyRW | keyUpdate), run: (*KVStore).cmdHmset},
	{name: "hrandfield", arity: -2, flags: readonly, cats: catHash, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdHrandfield},
	{name: "hscan", arity: -3, flags: readonly, cats: catHash, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdHscan},
	{name: "hset", arity: -4, flags: write | denyOOM | fast, cats: catHash, element: 2, keys: key1(keyRW | keyUpdate), run: (*KVStore).cmdHset},
	{name: "hsetnx", arity: 4, flags: write | denyOOM | fast, cats: catHash, element: 2, keys: key1(keyRW | keyInsert), run: (*KVStore).cmdHsetnx},
	{name: "hstrlen", arity: 3, flags: readonly | fast, cats: catHash, element: 2, keys: key1(keyRO), run: (*KVStore).cmdHstrlen},
	{name: "hvals", arity: 2, flags: readonly, cats: catHash, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdHvals},
}

const (
	errHashNotInteger replyError = "ERR hash value is not an integer"
	errHashNotFloat   replyError = "ERR hash value is not a float"
	errNaNOrInfinity  replyError = "ERR value is NaN or Infinity"
)

// cmdHset serves HSET key field value [field value ...].
func (kv *KVStore) cmdHset(c *Client, args []string) error {
	created, err := c.hset(args)
	if err != nil {
		return err
	}
	c.reply.Int(int64(created))
	return nil
}

// cmdHmset serves HMSET, which is HSET with another reply.
func (kv *KVStore) cmdHmset(c *Client, args []string) error {
	if _, err := c.hset(args); err != nil {
		return err
	}
	c.reply.OK()
	return nil
}

// hset sets fields and returns how many are new.
func (c *Client) hset(args []string) (created int, err error) {
	kv, key, pairs := c.kv, args[1], args[2:]
	if len(pairs)%2 != 0 {
		return 0, errArity(c.cmd.full)
	}
	e, err := c.db.lookupHashWrite(key, pairs, 2)
	if err != nil {
		return 0, err
	}
	created = c.db.setFields(e, key, pairs, false)
	kv.changedBy(c.db, key, eventHash, "hset", len(pairs)/2)
	return created, nil
}

// cmdHsetnx serves HSETNX key field value.
func (kv *KVStore) cmdHsetnx(c *Client, args []string) error {
	key := args[1]
	e, err := c.db.lookupHashWrite(key, args[2:3], 1)
	if err != nil {
		return err
	}
	if e.ok() {
		if _, _, _, found := kv.fieldValue(e, args[2]); found {
			c.reply.Int(0)
			return nil
		}
	}
	c.db.setFields(e, key, args[2:], false)
	kv.changed(c.db, key, eventHash, "hset")
	c.reply.Int(1)
	return nil
}

// cmdHincrby serves HINCRBY key field increment.
func (kv *KVStore) cmdHincrby(c *Client, args []string) error {
	key, field := args[1], args[2]
	by, err := parseInt(args[3])
	if err != nil {
		return err
	}
	e, err := c.db.lookupHashWrite(key, args[2:3], 1)
	if err != nil {
		return err
	}
	var n int64
	if e.ok() {
		str, integer, isInt, found := kv.fieldValue(e, field)
		switch {
		case isInt:
			n = integer
		case found:
			if n, found = canonicalInt(str); !found {
				return errHashNotInteger
			}
		}
	}
	sum := n + by
	if (sum < n) != (by < 0) {
		return errIncrOverflow
	}
	var digits [20]byte
	pair := [2]string{field, viewString(strconv.AppendInt(digits[:0], sum, 10))}
	c.db.setFields(e, key, pair[:], true)
	kv.changed(c.db, key, eventHash, "hincrby")
	c.reply.Int(sum)
	return nil
}

// cmdHincrbyfloat serves HINCRBYFLOAT key field increment.
func (kv *KVStore) cmdHincrbyfloat(c *Client, args []string) error {
	key, field := args[1], args[2]
	by, err := parseLongDouble(args[3])
	if err != nil {
		return err
	}
	if !by.finite() {
		return errNaNOrInfinity
	}
	e, err := c.db.lookupHashWrite(key, args[2:3], 1)
	if err != nil {
		return err
	}
	n, err := kv.fieldFloat(e, field)
	if err != nil {
		return err
	}
	sum := n.add(by)
	if !sum.finite() {
		return errNotFinite
	}
	var buf [longDoubleShort]byte
	text := sum.appendText(buf[:0])
	pair := [2]string{field, viewString(text)}
	c.db.setFields(e, key, pair[:], true)
	kv.changed(c.db, key, eventHash, "hincrbyfloat")
	c.reply.BulkBytes(text)
	if kv.propagating() {
		c.effectOfFloat(key, field, string(text))
	}
	return nil
}

// fieldFloat is the value of a field that is a number, 0 when there is none.
func (kv *KVStore) fieldFloat(e entry, field string) (longDouble, error) {
	if !e.ok() {
		return longDouble{}, nil
	}
	str, n, isInt, found := kv.fieldValue(e, field)
	switch {
	case isInt:
		return longDoubleOf(n), nil
	case !found:
		return longDouble{}, nil
	}
	x, err := parseLongDouble(str)
	if err != nil {
		return x, errHashNotFloat
	}
	return x, nil
}

// effectOfFloat propagates the result of HINCRBYFLOAT, so that no replica comes
// to another one. HSET takes the expiry of the field away, which is why it is
// said again.
func (c *Client) effectOfFloat(key, field, text string) {
	c.effect("HSET", key, field, text)
	if at := c.kv.fieldExpiry(c.db.find(key), field); at > 0 {
		c.effect("HPEXPIREAT", key, formatInt(at), "FIELDS", "1", field)
	}
}

// cmdHdel serves HDEL key field [field ...].
func (kv *KVStore) cmdHdel(c *Client, args []string) error {
	key := args[1]
	e, err := c.db.lookupHashWrite(key, nil, 1)
	if err != nil {
		return err
	}
	if !e.ok() {
		c.reply.Int(0)
		return nil
	}
	e, deleted := c.db.deleteFields(e, args[2:])
	if deleted > 0 {
		c.db.fieldsDeleted(e, key, deleted)
	}
	c.reply.Int(int64(deleted))
	return nil
}

// fieldsDeleted tells everybody that a command has deleted fields, and removes
// the key when they were the last.
func (db *database) fieldsDeleted(e entry, key string, deleted int) {
	kv := db.kv
	empty := kv.hashEmpty(e)
	if empty {
		db.remove(e)
	}
	kv.changedBy(db, key, eventHash, "hdel", deleted)
	if empty {
		kv.notify(eventGeneric, "del", key, db)
	}
}

// cmdHget serves HGET key field.
func (kv *KVStore) cmdHget(c *Client, args []string) error {
	e, err := c.db.lookupHash(args[1])
	if err != nil {
		return err
	}
	c.replyField(e, args[2])
	return nil
}

// replyField answers with the value of a field, null when it or the hash is not
// there.
func (c *Client) replyField(e entry, field string) {
	if !e.ok() {
		c.reply.Null()
		return
	}
	switch str, n, isInt, ok := c.kv.fieldValue(e, field); {
	case !ok:
		c.reply.Null()
	case isInt:
		c.reply.BulkInt(n)
	default:
		c.reply.Bulk(str)
	}
}

// cmdHmget serves HMGET key field [field ...].
func (kv *KVStore) cmdHmget(c *Client, args []string) error {
	e, err := c.db.lookupHash(args[1])
	if err != nil {
		return err
	}
	fields := args[2:]
	c.reply.Array(len(fields))
	big := e.ok() && e.enc() != encListpack
	var buf [touchMax]uint64
	for len(fields) > 0 {
		n := min(len(fields), touchMax)
		if big {
			touchNamed(kv.fieldsOf(e), kv.elementType, fields[:n], 1, &buf)
		}
		for _, field := range fields[:n] {
			c.replyField(e, field)
		}
		fields = fields[n:]
	}
	return nil
}

// cmdHexists serves HEXISTS key field.
func (kv *KVStore) cmdHexists(c *Client, args []string) error {
	e, err := c.db.lookupHash(args[1])
	if err != nil {
		return err
	}
	found := false
	if e.ok() {
		_, _, _, found = kv.fieldValue(e, args[2])
	}
	c.reply.Int(oneIf(found))
	return nil
}

// cmdHstrlen serves HSTRLEN key field.
func (kv *KVStore) cmdHstrlen(c *Client, args []string) error {
	e, err := c.db.lookupHash(args[1])
	if err != nil {
		return err
	}
	length := 0
	if e.ok() {
		switch str, n, isInt, found := kv.fieldValue(e, args[2]); {
		case isInt:
			length = decimalLen(n)
		case found:
			length = len(str)
		}
	}
	c.reply.Int(int64(length))
	return nil
}

// cmdHlen serves HLEN key.
func (kv *KVStore) cmdHlen(c *Client, args []string) error {
	e, err := c.db.lookupHash(args[1])
	if err != nil {
		return err
	}
	n := 0
	if e.ok() {
		n = kv.hashLen(e)
	}
	c.reply.Int(int64(n))
	return nil
}

// cmdHgetall serves HGETALL key.
func (kv *KVStore) cmdHgetall(c *Client, args []string) error {
	e, err := c.db.lookupHash(args[1])
	if err != nil {
		return err
	}
	c.reply.Map(kv.lenOrZero(e))
	c.replyFields(e, true, true)
	return nil
}

// cmdHkeys serves HKEYS key.
func (kv *KVStore) cmdHkeys(c *Client, args []string) error { return c.replyHalf(args[1], true) }

// cmdHvals serves HVALS key.
func (kv *KVStore) cmdHvals(c *Client, args []string) error { return c.replyHalf(args[1], false) }

// replyHalf answers with all fields of a hash, or with all values.
func (c *Client) replyHalf(key string, fields bool) error {
	e, err := c.db.lookupHash(key)
	if err != nil {
		return err
	}
	c.reply.Array(c.kv.lenOrZero(e))
	c.replyFields(e, fields, !fields)
	return nil
}

// lenOrZero is the number of fields, 0 when there is no hash.
func (kv *KVStore) lenOrZero(e entry) int {
	if !e.ok() {
		return 0
	}
	return kv.hashLen(e)
}

// replyFields writes the fields of a hash or their values or both, hashLen of
// them.
func (c *Client) replyFields(e entry, fields, values bool) {
	if !e.ok() {
		return
	}
	kv := c.kv
	if e.enc() == encListpack {
		lp := e.listpack()
		for p, isField := listpack.HeaderSize, true; !listpack.AtEnd(lp, p); p, isField = listpack.Next(lp, p), !isField {
			if isField && fields || !isField && values {
				c.replyText(lp, p)
			}
		}
		return
	}
	kv.eachElement(kv.fieldsOf(e), kv.elementType, func(ref arena.Ref) bool {
		field, value, at := kv.element(ref)
		if at != 0 && kv.fieldHidden(at) {
			return true
		}
		if fields {
			c.reply.Bulk(field)
		}
		if values {
			c.reply.Bulk(value)
		}
		return true
	})
}

// cmdHscan serves HSCAN key cursor [MATCH pattern] [COUNT count].
func (kv *KVStore) cmdHscan(c *Client, args []string) error {
	cursor, err := parseCursor(args[2])
	if err != nil {
		return err
	}
	e, err := c.db.lookupHash(args[1])
	if err != nil {
		return err
	}
	start, n := c.reply.Len(), 0
	if !e.ok() {
		c.replyScanAt(start, 0, 0)
		return nil
	}
	o, err := parseScanOptions(args[3:], false)
	if err != nil {
		return err
	}
	if e.enc() == encListpack {
		c.replyScanAt(start, 0, c.scanSmallHash(e, &o))
		return nil
	}
	next := kv.scanTable(kv.fieldsOf(e), kv.elementType, cursor, o.count, 2, func(ref arena.Ref) {
		field, value, at := kv.element(ref)
		if at != 0 && kv.fieldHidden(at) || o.match && !glob.Match(o.pattern, field, false) {
			return
		}
		c.reply.Bulk(field)
		c.reply.Bulk(value)
		n += 2
	})
	c.replyScanAt(start, next, n)
	return nil
}

// scanSmallHash writes all fields of a listpack that match, with their values,
// and returns how many texts these are.
func (c *Client) scanSmallHash(e entry, o *scanOptions) (n int) {
	lp := e.listpack()
	var digits [20]byte
	for p := listpack.HeaderSize; !listpack.AtEnd(lp, p); {
		v := listpack.Next(lp, p)
		if !o.match || glob.Match(o.pattern, textIn(listpack.Get(lp, p), digits[:0]), false) {
			c.replyText(lp, p)
			c.replyText(lp, v)
			n += 2
		}
		p = listpack.Next(lp, v)
	}
	return n
}

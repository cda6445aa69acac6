package store

import "math"

// The commands on strings that are numbers. Integers are encoded as such and
// changed in place.

// cmdIncr serves INCR key.
func (kv *KVStore) cmdIncr(c *Client, args []string) error { return kv.increment(c, args[1], 1) }

// cmdDecr serves DECR key.
func (kv *KVStore) cmdDecr(c *Client, args []string) error { return kv.increment(c, args[1], -1) }

// cmdIncrby serves INCRBY key increment.
func (kv *KVStore) cmdIncrby(c *Client, args []string) error {
	by, err := parseInt(args[2])
	if err != nil {
		return err
	}
	return kv.increment(c, args[1], by)
}

// cmdDecrby serves DECRBY key decrement.
func (kv *KVStore) cmdDecrby(c *Client, args []string) error {
	by, err := parseInt(args[2])
	if err != nil {
		return err
	}
	if by == math.MinInt64 {
		return errDecrOverflow
	}
	return kv.increment(c, args[1], -by)
}

const (
	errDecrOverflow replyError = "ERR decrement would overflow"
	errNotFinite    replyError = "ERR increment would produce NaN or Infinity"
)

// increment adds to the integer under key, 0 when there is none.
func (kv *KVStore) increment(c *Client, key string, by int64) error {
	e, err := c.db.lookupStringWrite(key)
	if err != nil {
		return err
	}
	n, at := int64(0), int64(-1)
	if e.ok() {
		if n, err = kv.integer(e); err != nil {
			return err
		}
		at = e.expireAt()
	}
	sum := n + by
	if (sum < n) != (by < 0) {
		return errIncrOverflow
	}
	if e.ok() && e.enc() == encInt {
		e.setInteger(sum)
	} else {
		c.db.storeInt(e, key, sum, at)
	}
	kv.changed(c.db, key, eventString, "incrby")
	c.reply.Int(sum)
	return nil
}

// integer is the value of a string that is an integer.
func (kv *KVStore) integer(e entry) (int64, error) {
	if e.enc() == encInt {
		return e.integer(), nil
	}
	return parseInt(kv.str(e))
}

// cmdIncrbyfloat serves INCRBYFLOAT key increment.
func (kv *KVStore) cmdIncrbyfloat(c *Client, args []string) error {
	key := args[1]
	e, err := c.db.lookupStringWrite(key)
	if err != nil {
		return err
	}
	var n longDouble
	at := int64(-1)
	if e.ok() {
		if n, err = kv.float(e); err != nil {
			return err
		}
		at = e.expireAt()
	}
	by, err := parseLongDouble(args[2])
	if err != nil {
		return err
	}
	sum := n.add(by)
	if !sum.finite() {
		return errNotFinite
	}
	var buf [longDoubleShort]byte
	text := sum.appendText(buf[:0])
	c.db.storeText(e, key, viewString(text), at)
	kv.changed(c.db, key, eventString, "incrbyfloat")
	c.reply.BulkBytes(text)
	if kv.propagating() {
		// The result, so that no replica comes to another one.
		c.effect("SET", key, string(text), "KEEPTTL")
	}
	return nil
}

// float is the value of a string that is a number.
func (kv *KVStore) float(e entry) (longDouble, error) {
	if e.enc() == encInt {
		return longDoubleOf(e.integer()), nil
	}
	return parseLongDouble(kv.str(e))
}

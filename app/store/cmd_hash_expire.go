package store

// HEXPIRE and its relatives, which came with Redis 7.4, and what tells the time a
// field has left.

var hashExpireCommands = []command{
	{name: "hexpire", arity: -6, flags: write | denyOOM | fast, cats: catHash, keys: key1(keyRW | keyUpdate), run: (*KVStore).cmdHexpire},
	{name: "hexpireat", arity: -6, flags: write | denyOOM | fast, cats: catHash, keys: key1(keyRW | keyUpdate), run: (*KVStore).cmdHexpireat},
	{name: "hexpiretime", arity: -5, flags: readonly | fast, cats: catHash, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdHexpiretime},
	{name: "hpersist", arity: -5, flags: write | fast, cats: catHash, keys: key1(keyRW | keyUpdate), run: (*KVStore).cmdHpersist},
	{name: "hpexpire", arity: -6, flags: write | denyOOM | fast, cats: catHash, keys: key1(keyRW | keyUpdate), run: (*KVStore).cmdHpexpire},
	{name: "hpexpireat", arity: -6, flags: write | denyOOM | fast, cats: catHash, keys: key1(keyRW | keyUpdate), run: (*KVStore).cmdHpexpireat},
	{name: "hpexpiretime", arity: -5, flags: readonly | fast, cats: catHash, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdHpexpiretime},
	{name: "hpttl", arity: -5, flags: readonly | fast, cats: catHash, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdHpttl},
	{name: "httl", arity: -5, flags: readonly | fast, cats: catHash, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdHttl},
}

const (
	errExpireNegative replyError = "ERR invalid expire time, must be >= 0"
	errFieldsMissing  replyError = "ERR Mandatory argument FIELDS is missing or not at the right position"
	errFieldsCount    replyError = "ERR Number of fields must be a positive integer"
	errNumFields      replyError = "ERR Parameter `numFields` should be greater than 0"
	errFieldsMismatch replyError = "ERR The `numfields` parameter must match the number of arguments"
)

// What the commands answer of a field, other than a time.
const (
	fieldMissing  = -2 // or the key is
	fieldPersists = -1 // it has no expiry
	fieldRefused  = 0  // the condition is not met
	fieldChanged  = 1
	fieldDeleted  = 2 // for the time is over already
)

// cmdHexpire serves HEXPIRE key seconds [NX|XX|GT|LT] FIELDS numfields field
// [field ...].
func (kv *KVStore) cmdHexpire(c *Client, args []string) error {
	return c.expireFields(args, kv.nowMs, 1000)
}

// cmdHexpireat serves HEXPIREAT, HEXPIRE with a time in seconds since 1970.
func (kv *KVStore) cmdHexpireat(c *Client, args []string) error {
	return c.expireFields(args, 0, 1000)
}

// cmdHpexpire serves HPEXPIRE, HEXPIRE in milliseconds.
func (kv *KVStore) cmdHpexpire(c *Client, args []string) error {
	return c.expireFields(args, kv.nowMs, 1)
}

// cmdHpexpireat serves HPEXPIREAT, HEXPIRE with a time in ms since 1970.
func (kv *KVStore) cmdHpexpireat(c *Client, args []string) error {
	return c.expireFields(args, 0, 1)
}

// expireFields gives fields an expiry of so many units after base; a unit is so
// many ms. One that is over already deletes them.
func (c *Client) expireFields(args []string, base, unit int64) error {
	kv, db, key := c.kv, c.db, args[1]
	e, err := db.lookupHashWrite(key, args, 1) // the names of the fields are somewhere in them
	if err != nil {
		return err
	}
	at, err := parseFieldExpiry(args[2], base, unit, c.cmd.full)
	if err != nil {
		return err
	}
	when, rest := fieldCondition(args[3:])
	fields, err := parseFields(rest, errNumFields)
	if err != nil {
		return err
	}
	c.reply.Array(len(fields))
	if !e.ok() {
		for range fields {
			c.reply.Int(fieldMissing)
		}
		return nil
	}
	if kv.alreadyExpired(at) {
		c.expireAtOnce(e, key, fields, when, at)
		return nil
	}
	c.expireLater(e, key, fields, when, max(at, 1))
	return nil
}

// expireLater gives fields an expiry and answers for each. A hash none of whose
// fields gets one keeps its form.
func (c *Client) expireLater(e entry, key string, fields []string, when expireWhen, at int64) {
	kv, db := c.kv, c.db
	var set []string // those to be propagated
	changed := 0
	for _, field := range fields {
		was := kv.fieldExpiry(e, field)
		switch {
		case was < 0:
			c.reply.Int(fieldMissing)
			continue
		case !when.allows(orNone(was), at):
			c.reply.Int(fieldRefused)
			continue
		}
		e = db.expireField(e, key, field, at)
		c.reply.Int(fieldChanged)
		changed++
		if kv.propagating() {
			set = append(set, field)
		}
	}
	if changed == 0 {
		return
	}
	db.reschedule(e)
	kv.changed(db, key, eventHash, "hexpire")
	kv.dirty += int64(changed - 1)
	if kv.propagating() {
		c.effect(append([]string{"HPEXPIREAT", key, formatInt(at), "FIELDS", formatInt(int64(len(set)))}, set...)...)
	}
}

// expireAtOnce deletes fields instead of giving them an expiry that is over.
func (c *Client) expireAtOnce(e entry, key string, fields []string, when expireWhen, at int64) {
	kv, db := c.kv, c.db
	var gone []string // to be propagated
	deleted := 0
	for i, field := range fields {
		was := kv.fieldExpiry(e, field)
		switch {
		case was < 0:
			c.reply.Int(fieldMissing)
			continue
		case !when.allows(orNone(was), at):
			c.reply.Int(fieldRefused)
			continue
		}
		e, _ = db.deleteFields(e, fields[i:i+1])
		c.reply.Int(fieldDeleted)
		deleted++
		if kv.propagating() {
			gone = append(gone, field)
		}
	}
	if deleted == 0 {
		return
	}
	db.fieldsDeleted(e, key, deleted)
	if kv.propagating() {
		c.effect(append([]string{"HDEL", key}, gone...)...)
	}
}

// orNone is an expiry as expireWhen takes it, -1 for none.
func orNone(at int64) int64 {
	if at == 0 {
		return -1
	}
	return at
}

// parseFieldExpiry parses the time of an expiry and returns it in ms since 1970.
// command is what an error names.
func parseFieldExpiry(arg string, base, unit int64, command string) (int64, error) {
	n, err := parseInt(arg)
	if err != nil {
		return 0, err
	}
	if n < 0 {
		return 0, errExpireNegative
	}
	if n > fieldExpiryMax/unit || n*unit > fieldExpiryMax-base {
		return 0, errf("ERR invalid expire time in '%s' command", command)
	}
	return n*unit + base, nil
}

// fieldCondition parses the one condition that may stand before FIELDS. What is
// none is left to be found missing.
func fieldCondition(args []string) (expireWhen, []string) {
	when, err := parseExpireWhen(args[:1])
	if err != nil {
		return 0, args
	}
	return when, args[1:]
}

// parseFields parses FIELDS numfields field [field ...]. errCount is the answer
// to a number that is none or not positive.
func parseFields(args []string, errCount error) ([]string, error) {
	if len(args) == 0 || !is(args[0], "fields") {
		return nil, errFieldsMissing
	}
	if len(args) == 1 {
		return nil, errCount
	}
	n, ok := canonicalInt(args[1])
	if !ok || n < 1 {
		return nil, errCount
	}
	if n != int64(len(args)-2) {
		return nil, errFieldsMismatch
	}
	return args[2:], nil
}

// cmdHpersist serves HPERSIST key FIELDS numfields field [field ...].
func (kv *KVStore) cmdHpersist(c *Client, args []string) error {
	key := args[1]
	e, err := c.db.lookupHashWrite(key, args, 1)
	if err != nil {
		return err
	}
	fields, err := parseFields(args[2:], errFieldsCount)
	if err != nil {
		return err
	}
	c.reply.Array(len(fields))
	changed := 0
	for _, field := range fields {
		switch kv.fieldExpiry(e, field) {
		case -1:
			c.reply.Int(fieldMissing)
		case 0:
			c.reply.Int(fieldPersists)
		default:
			e = c.db.expireField(e, key, field, 0)
			c.reply.Int(fieldChanged)
			changed++
		}
	}
	if changed > 0 {
		c.db.reschedule(e)
		kv.changed(c.db, key, eventHash, "hpersist")
		kv.dirty += int64(changed - 1)
	}
	return nil
}

// cmdHttl serves HTTL key FIELDS numfields field [field ...].
func (kv *KVStore) cmdHttl(c *Client, args []string) error {
	return c.replyExpiries(args, kv.nowMs, 1000)
}

// cmdHpttl serves HPTTL, HTTL in milliseconds.
func (kv *KVStore) cmdHpttl(c *Client, args []string) error {
	return c.replyExpiries(args, kv.nowMs, 1)
}

// cmdHexpiretime serves HEXPIRETIME, HTTL with times in seconds since 1970.
func (kv *KVStore) cmdHexpiretime(c *Client, args []string) error {
	return c.replyExpiries(args, 0, 1000)
}

// cmdHpexpiretime serves HPEXPIRETIME, HTTL with times in ms since 1970.
func (kv *KVStore) cmdHpexpiretime(c *Client, args []string) error {
	return c.replyExpiries(args, 0, 1)
}

// replyExpiries answers with the time at which each field expires, after base,
// in units of so many ms, rounded up.
func (c *Client) replyExpiries(args []string, base, unit int64) error {
	e, err := c.db.lookupHash(args[1])
	if err != nil {
		return err
	}
	fields, err := parseFields(args[2:], errFieldsCount)
	if err != nil {
		return err
	}
	c.reply.Array(len(fields))
	for _, field := range fields {
		switch at := c.kv.fieldExpiry(e, field); at {
		case -1:
			c.reply.Int(fieldMissing)
		case 0:
			c.reply.Int(fieldPersists)
		default:
			c.reply.Int((at - base + unit - 1) / unit)
		}
	}
	return nil
}

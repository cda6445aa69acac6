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
	kv := c.kv
	e, err := c.db.lookupHashWrite(args[1], args, 1) // the names of the fields are somewhere in them
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
	x := fieldExpirer{c: c, e: e, key: args[1], when: when, at: max(at, 1)}
	x.over = kv.alreadyExpired(at)
	for i := range fields {
		c.reply.Int(x.expire(fields[i : i+1]))
	}
	x.tell()
	return nil
}

// A fieldExpirer gives fields of a hash an expiry, or deletes them when it is
// over. A hash none of whose fields gets one keeps its form.
type fieldExpirer struct {
	c       *Client
	e       entry // not ok when there is no hash
	key     string
	when    expireWhen
	at      int64
	over    bool
	changed int
	fields  []string // those that have changed, when somebody wants to know
}

// expire does so to one field, and returns the answer.
func (x *fieldExpirer) expire(field []string) int64 {
	kv, db := x.c.kv, x.c.db
	was := kv.fieldExpiry(x.e, field[0])
	switch {
	case was < 0:
		return fieldMissing
	case !x.when.allows(orNone(was), x.at):
		return fieldRefused
	}
	x.changed++
	if kv.propagating() {
		x.fields = append(x.fields, field[0])
	}
	if x.over {
		x.e, _ = db.deleteFields(x.e, field)
		return fieldDeleted
	}
	x.e = db.expireField(x.e, x.key, field[0], x.at)
	return fieldChanged
}

// tell tells everybody what has changed, if anything.
func (x *fieldExpirer) tell() {
	kv, db, c := x.c.kv, x.c.db, x.c
	switch {
	case x.changed == 0:
	case x.over:
		db.fieldsDeleted(x.e, x.key, x.changed)
		if kv.propagating() {
			c.effect(append([]string{"HDEL", x.key}, x.fields...)...)
		}
	default:
		db.reschedule(x.e)
		kv.changedBy(db, x.key, eventHash, "hexpire", x.changed)
		if kv.propagating() {
			n := formatInt(int64(len(x.fields)))
			c.effect(append([]string{"HPEXPIREAT", x.key, formatInt(x.at), "FIELDS", n}, x.fields...)...)
		}
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
	if is(args[0], "fields") { // an error would have to be made in vain
		return 0, args
	}
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
		kv.changedBy(c.db, key, eventHash, "hpersist", changed)
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

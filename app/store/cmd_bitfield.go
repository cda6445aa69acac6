package store

import (
	"math"
	"strings"
)

// BITFIELD and BITFIELD_RO: several operations on integers of any width within
// a string. All are parsed before the first is done.

// A fieldOp is one operation.
type fieldOp struct {
	field bitField
	verb  fieldVerb
	mode  overflow
	value int64 // to set, or to add
}

type fieldVerb uint8

const (
	fieldGet fieldVerb = iota
	fieldSet
	fieldIncr
)

const (
	errFieldOverflow replyError = "ERR Invalid OVERFLOW type specified"
	errFieldReadOnly replyError = "ERR BITFIELD_RO only supports the GET subcommand"
	errFieldType     replyError = "ERR Invalid bitfield type. Use something like i16 u8. " +
		"Note that u64 is not supported but i64 is."
)

// cmdBitfield serves BITFIELD key [GET type offset | [OVERFLOW WRAP|SAT|FAIL]
// SET type offset value | INCRBY type offset increment ...].
func (kv *KVStore) cmdBitfield(c *Client, args []string) error {
	var buf [8]fieldOp
	ops, err := kv.parseFieldOps(buf[:0], args[2:])
	if err != nil {
		return err
	}
	if last, writes := lastWritten(ops); writes {
		return kv.writeFields(c, args[1], ops, last)
	}
	return kv.readFields(c, args[1], ops)
}

// cmdBitfieldRO serves BITFIELD_RO key [GET type offset ...].
func (kv *KVStore) cmdBitfieldRO(c *Client, args []string) error {
	var buf [8]fieldOp
	ops, err := kv.parseFieldOps(buf[:0], args[2:])
	if err != nil {
		return err
	}
	if _, writes := lastWritten(ops); writes {
		return errFieldReadOnly
	}
	return kv.readFields(c, args[1], ops)
}

// parseFieldOps appends the operations to ops.
func (kv *KVStore) parseFieldOps(ops []fieldOp, args []string) ([]fieldOp, error) {
	mode := overflowWrap
	for len(args) > 0 {
		n := 0
		op := fieldOp{mode: mode}
		switch {
		case is(args[0], "get") && len(args) > 2:
			op.verb, n = fieldGet, 3
		case is(args[0], "set") && len(args) > 3:
			op.verb, n = fieldSet, 4
		case is(args[0], "incrby") && len(args) > 3:
			op.verb, n = fieldIncr, 4
		case is(args[0], "overflow") && len(args) > 1:
			var err error
			if mode, err = parseOverflow(args[1]); err != nil {
				return nil, err
			}
			args = args[2:]
			continue
		default:
			return nil, errSyntax
		}
		if err := kv.parseField(&op, args[1:n]); err != nil {
			return nil, err
		}
		ops = append(ops, op)
		args = args[n:]
	}
	return ops, nil
}

func parseOverflow(s string) (overflow, error) {
	switch {
	case is(s, "wrap"):
		return overflowWrap, nil
	case is(s, "sat"):
		return overflowSaturate, nil
	case is(s, "fail"):
		return overflowFail, nil
	}
	return 0, errFieldOverflow
}

// parseField parses type and offset, and the value if there is one.
func (kv *KVStore) parseField(op *fieldOp, args []string) (err error) {
	if err = op.field.parseType(args[0]); err != nil {
		return err
	}
	if op.field.offset, err = kv.parseBitOffset(args[1], op.field.width); err != nil {
		return err
	}
	if len(args) > 2 {
		op.value, err = parseInt(args[2])
	}
	return err
}

// parseType parses a width with its sign: i1 to i64, u1 to u63.
func (f *bitField) parseType(s string) error {
	widest := int64(63)
	switch {
	case strings.HasPrefix(s, "i"):
		f.signed, widest = true, 64
	case !strings.HasPrefix(s, "u"):
		return errFieldType
	}
	s, _, _ = strings.Cut(s[1:], "\x00") // a C string to Redis
	n, ok := canonicalInt(s)
	if !ok || n < 1 || n > widest {
		return errFieldType
	}
	f.width = uint8(n)
	return nil
}

// lastWritten is the last bit that any of the operations writes; false when
// none does.
func lastWritten(ops []fieldOp) (last uint64, writes bool) {
	for _, op := range ops {
		if op.verb != fieldGet {
			last, writes = max(last, op.field.last()), true
		}
	}
	return last, writes
}

// readFields does operations that are all GET.
func (kv *KVStore) readFields(c *Client, key string, ops []fieldOp) error {
	e, err := c.db.lookupString(key)
	if err != nil {
		return err
	}
	var b []byte
	if e.ok() {
		b = kv.bytes(e)
	}
	c.reply.Array(len(ops))
	for _, op := range ops {
		c.reply.Int(int64(op.field.get(b)))
	}
	return nil
}

// writeFields does operations of all kinds. The string is given its final
// length first, even when all of them should fail.
func (kv *KVStore) writeFields(c *Client, key string, ops []fieldOp, last uint64) error {
	b, grown, err := c.db.growBitmap(key, last)
	if err != nil {
		return err
	}
	changes := int64(0)
	c.reply.Array(len(ops))
	for _, op := range ops {
		old := op.field.get(b)
		if op.verb == fieldGet {
			c.reply.Int(int64(old))
			continue
		}
		v, ok := op.apply(old)
		if !ok {
			c.reply.Null()
			continue
		}
		if op.verb == fieldSet {
			c.reply.Int(int64(old))
		} else {
			c.reply.Int(int64(v))
		}
		op.field.set(b, v)
		if grown || v != old {
			changes++
		}
	}
	if changes > 0 {
		kv.changed(c.db, key, eventString, "setbit")
		kv.dirty += changes - 1
	}
	return nil
}

// apply is the new value of a field.
func (op *fieldOp) apply(old uint64) (uint64, bool) {
	if op.verb == fieldIncr {
		return op.field.fit(int64(old), op.value, op.mode)
	}
	if op.value < 0 && op.mode == overflowSaturate {
		// To Redis a great number: it has none below 0, or comes to one when it
		// takes the value from the field's greatest.
		_, high := op.field.bounds()
		if !op.field.signed || op.field.width < 64 && high-op.value < 0 {
			return op.field.fit(math.MaxInt64, 0, op.mode)
		}
	}
	return op.field.fit(op.value, 0, op.mode)
}

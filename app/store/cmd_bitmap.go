package store

import (
	"math"
	"strings"
)

// The commands on strings as bitmaps. BITFIELD is in cmd_bitfield.go.

var bitmapCommands = []command{
	{name: "bitcount", arity: -2, flags: readonly, cats: catBitmap, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdBitcount},
	{name: "bitfield", arity: -2, flags: write | denyOOM, cats: catBitmap, keys: key1(keyRW | keyUpdate | keyAccess | keyVariable), getKeys: bitfieldKeys, run: (*KVStore).cmdBitfield},
	{name: "bitfield_ro", arity: -2, flags: readonly | fast, cats: catBitmap, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdBitfieldRO},
	{name: "bitop", arity: -4, flags: write | denyOOM, cats: catBitmap,
		keys: append(keyAt(2, keyOW|keyUpdate), keyRange(3, -1, 1, keyRO|keyAccess)...), run: (*KVStore).cmdBitop},
	{name: "bitpos", arity: -3, flags: readonly, cats: catBitmap, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdBitpos},
	{name: "getbit", arity: 3, flags: readonly | fast, cats: catBitmap, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdGetbit},
	{name: "setbit", arity: 4, flags: write | denyOOM, cats: catBitmap, keys: key1(keyRW | keyAccess | keyUpdate), run: (*KVStore).cmdSetbit},
}

const (
	errBitOffset replyError = "ERR bit offset is not an integer or out of range"
	errBitValue  replyError = "ERR bit is not an integer or out of range"
	errBitArg    replyError = "ERR The bit argument must be 1 or 0."
	errBitNot    replyError = "ERR BITOP NOT must be called with a single source key."
)

// parseBitOffset parses the offset of a bit. One written #n counts in fields of
// width bits, unless that is 0.
func (kv *KVStore) parseBitOffset(s string, width uint8) (uint64, error) {
	hash := width > 0 && strings.HasPrefix(s, "#")
	if hash {
		s = s[1:]
	}
	n, ok := canonicalInt(s)
	if !ok {
		return 0, errBitOffset
	}
	if hash {
		n *= int64(width) // may go beyond 64 bits, and around, in Redis too
	}
	if n < 0 || n>>3 >= kv.maxBulk {
		return 0, errBitOffset
	}
	return uint64(n), nil
}

// cmdGetbit serves GETBIT key offset.
func (kv *KVStore) cmdGetbit(c *Client, args []string) error {
	offset, err := kv.parseBitOffset(args[2], 0)
	if err != nil {
		return err
	}
	e, err := c.db.lookupString(args[1])
	if err != nil {
		return err
	}
	bit := uint64(0)
	if e.ok() {
		bit = bitField{offset: offset, width: 1}.get(kv.bytes(e))
	}
	c.reply.Int(int64(bit))
	return nil
}

// cmdSetbit serves SETBIT key offset value.
func (kv *KVStore) cmdSetbit(c *Client, args []string) error {
	offset, err := kv.parseBitOffset(args[2], 0)
	if err != nil {
		return err
	}
	if args[3] != "0" && args[3] != "1" {
		return errBitValue
	}
	bit := uint64(args[3][0] - '0')
	b, grown, err := c.db.growBitmap(args[1], offset)
	if err != nil {
		return err
	}
	f := bitField{offset: offset, width: 1}
	old := f.get(b)
	if grown || old != bit {
		f.set(b, bit)
		kv.changed(c.db, args[1], eventString, "setbit")
	}
	c.reply.Int(int64(old))
	return nil
}

// growBitmap makes the string under key a raw one that has the bit, and reports
// whether it had to be made or grow for that.
func (db *database) growBitmap(key string, bit uint64) (b []byte, grown bool, err error) {
	e, err := db.lookupStringWrite(key)
	if err != nil {
		return nil, false, err
	}
	n := int(bit>>3) + 1
	if !e.ok() {
		return db.insertZeros(key, n), true, nil
	}
	old := e.stringLen()
	_, b = db.resize(e, max(old, n))
	return b, n > old, nil
}

// cmdBitcount serves BITCOUNT key [start end [BYTE | BIT]].
func (kv *KVStore) cmdBitcount(c *Client, args []string) error {
	e, err := c.db.lookupString(args[1])
	if err != nil {
		return err
	}
	if !e.ok() {
		c.reply.Int(0)
		return nil
	}
	b := kv.bytes(e)
	lo, hi := int64(0), int64(len(b))*8
	switch len(args) {
	case 2:
	case 4, 5:
		if lo, hi, err = bitcountRange(args[2:], int64(len(b))); err != nil {
			return err
		}
	default:
		return errSyntax
	}
	c.reply.Int(int64(countBitRange(b, lo, hi)))
	return nil
}

// bitcountRange turns the arguments start, end and unit into a half-open range
// of the bits of n bytes.
func bitcountRange(args []string, n int64) (lo, hi int64, err error) {
	start, err := parseInt(args[0])
	if err != nil {
		return 0, 0, err
	}
	end, err := parseInt(args[1])
	if err != nil {
		return 0, 0, err
	}
	if backwards(start, end) {
		return 0, 0, nil // even when the unit is none
	}
	inBits, err := bitUnit(args[2:])
	if err != nil {
		return 0, 0, err
	}
	lo, hi = bitRange(start, end, n, inBits)
	return lo, hi, nil
}

// bitUnit parses the argument BYTE or BIT, if it is there.
func bitUnit(args []string) (inBits bool, err error) {
	switch {
	case len(args) == 0 || is(args[0], "byte"):
		return false, nil
	case is(args[0], "bit"):
		return true, nil
	}
	return false, errSyntax
}

// bitRange is rangeOf for the bits of n bytes, of which first and last name
// bits or bytes.
func bitRange(first, last, n int64, inBits bool) (lo, hi int64) {
	if inBits {
		return rangeOf(first, last, n*8)
	}
	lo, hi = rangeOf(first, last, n)
	return lo * 8, hi * 8
}

// cmdBitpos serves BITPOS key bit [start [end [BYTE | BIT]]].
func (kv *KVStore) cmdBitpos(c *Client, args []string) error {
	bit, err := parseInt(args[2])
	if err != nil {
		return err
	}
	if bit != 0 && bit != 1 {
		return errBitArg
	}
	e, err := c.db.lookupString(args[1])
	if err != nil {
		return err
	}
	if !e.ok() {
		c.reply.Int(-bit) // nothing but zeros
		return nil
	}
	b := kv.bytes(e)
	lo, hi, err := bitposRange(args[3:], int64(len(b)))
	if err != nil {
		return err
	}
	at := findBit(b, bit == 1, lo, hi)
	if at < 0 && bit == 0 && lo < hi && len(args) < 5 {
		at = hi // the first of the zeros that follow, as no end was given
	}
	c.reply.Int(at)
	return nil
}

// bitposRange is bitcountRange for BITPOS, where end may be missing.
func bitposRange(args []string, n int64) (lo, hi int64, err error) {
	if len(args) == 0 {
		return 0, n * 8, nil
	}
	if len(args) > 3 {
		return 0, 0, errSyntax
	}
	start, err := parseInt(args[0])
	if err != nil {
		return 0, 0, err
	}
	inBits := false
	if len(args) == 3 {
		if inBits, err = bitUnit(args[2:]); err != nil {
			return 0, 0, err
		}
	}
	end := int64(math.MaxInt64)
	if len(args) > 1 {
		if end, err = parseInt(args[1]); err != nil {
			return 0, 0, err
		}
	}
	lo, hi = bitRange(start, end, n, inBits)
	return lo, hi, nil
}

// cmdBitop serves BITOP AND|OR|XOR|NOT destkey key [key ...].
func (kv *KVStore) cmdBitop(c *Client, args []string) error {
	op, err := parseBitOp(args[1])
	if err != nil {
		return err
	}
	if op == bitNot && len(args) != 4 {
		return errBitNot
	}
	var buf [16][]byte
	sources, longest := buf[:0], 0
	for _, key := range args[3:] {
		e, err := c.db.lookupString(key)
		if err != nil {
			return err
		}
		var b []byte
		switch {
		case !e.ok():
		case e.enc() == encInt:
			b = []byte(formatInt(e.integer())) // kv.scratch holds one alone
		default:
			b = kv.bytes(e)
		}
		sources = append(sources, b)
		longest = max(longest, len(b))
	}
	if longest > 0 {
		kv.storeBitop(c.db, args[2], op, sources, longest)
	} else if e := c.db.find(args[2]); e.ok() { // expired or not
		c.db.remove(e)
		kv.changed(c.db, args[2], eventGeneric, "del")
	}
	c.reply.Int(int64(longest))
	return nil
}

// storeBitop stores a result of n bytes, which is always raw. It is worked out
// beside the old value, which may be among the sources.
func (kv *KVStore) storeBitop(db *database, key string, op bitOp, sources [][]byte, n int) {
	if n > inlineMax {
		ref := kv.arena.Alloc(n)
		combineBits(kv.arena.Bytes(ref, n), op, sources)
		db.storeBlock(db.lookupWrite(key), key, ref, n, -1)
	} else {
		var result [inlineMax]byte
		combineBits(result[:n], op, sources)
		_, b := db.storeRaw(db.lookupWrite(key), key, n, -1)
		copy(b, result[:n])
	}
	kv.changed(db, key, eventString, "set")
}

func parseBitOp(s string) (bitOp, error) {
	for op, word := range [...]string{"and", "or", "xor", "not"} {
		if is(s, word) {
			return bitOp(op), nil
		}
	}
	return 0, errSyntax
}

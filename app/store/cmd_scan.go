package store

import (
	"math"
	"strconv"
	"strings"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/dict"
	"github.com/codecrafters-io/redis-starter-go/app/glob"
	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// KEYS and SCAN.

var scanCommands = []command{
	{name: "keys", arity: 2, flags: readonly, cats: catKeyspace | catDangerous, run: (*KVStore).cmdKeys},
	{name: "scan", arity: -2, flags: readonly | wanders, cats: catKeyspace, run: (*KVStore).cmdScan},
}

// cmdKeys serves KEYS pattern.
func (kv *KVStore) cmdKeys(c *Client, args []string) error {
	pattern := args[1]
	start, n := c.reply.Len(), 0
	var buf [64]arena.Ref
	for cursor := uint64(0); ; {
		refs, expiring, next := c.db.bucket(cursor, buf[:0])
		for _, ref := range refs {
			e := kv.entryAt(ref)
			key := e.key()
			if (pattern == "*" || glob.Match(pattern, key, false)) && !(expiring && kv.expired(e)) {
				c.reply.Bulk(key)
				n++
			}
		}
		if cursor = next; cursor == 0 {
			c.reply.ArrayAt(start, n)
			return nil
		}
	}
}

// bucket appends the records of the bucket at a cursor to refs and returns them
// with the cursor behind it. It has looked at each record, so that the cache
// misses overlapped, and says whether any of them has an expiry.
func (db *database) bucket(cursor uint64, refs []arena.Ref) (_ []arena.Ref, expiring bool, next uint64) {
	kv := db.kv
	next = db.keys.Scan(kv.keyType, cursor, func(ref arena.Ref) { refs = append(refs, ref) })
	var kinds uint8
	for _, ref := range refs {
		kinds |= kv.entryAt(ref).kind()
	}
	return refs, kinds&expiryBit != 0, next
}

// scanOptions are the options of SCAN and its relatives.
type scanOptions struct {
	count   int64
	match   bool
	pattern string
	typed   bool
	typ     string // as TYPE prints it, in any case
}

// parseScanOptions parses what follows the cursor. TYPE is for SCAN alone.
func parseScanOptions(args []string, withType bool) (o scanOptions, err error) {
	o.count = 10
	for ; len(args) > 0; args = args[2:] {
		if len(args) == 1 {
			return o, errSyntax
		}
		switch {
		case is(args[0], "count"):
			if o.count, err = parseInt(args[1]); err != nil {
				return o, err
			}
			if o.count < 1 {
				return o, errSyntax
			}
		case is(args[0], "match"):
			o.pattern = args[1]
			o.match = o.pattern != "*"
		case is(args[0], "type") && withType:
			o.typed, o.typ = true, args[1]
		default:
			return o, errSyntax
		}
	}
	return o, nil
}

// parseCursor parses a cursor as strtoul reads it: an unsigned number with a
// sign, if there is one, that counts modulo 2^64. Nothing at all is 0.
func parseCursor(s string) (uint64, error) {
	s = cut(s, len(s))
	if s == "" {
		return 0, nil
	}
	digits := strings.TrimPrefix(s, "-")
	if digits == s {
		digits = strings.TrimPrefix(s, "+")
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || digits[0] == '+' {
		return 0, errInvalidCursor
	}
	if s[0] == '-' {
		return -n, nil
	}
	return n, nil
}

// scanSteps is how many buckets are visited for each element wanted, lest a
// call take long in a table that is all but empty.
const scanSteps = 10

// cmdScan serves SCAN cursor [MATCH pattern] [COUNT count] [TYPE type].
func (kv *KVStore) cmdScan(c *Client, args []string) error {
	cursor, err := parseCursor(args[1])
	if err != nil {
		return err
	}
	o, err := parseScanOptions(args[2:], true)
	if err != nil {
		return err
	}
	start := c.reply.Len()
	next, n := c.db.scan(cursor, &o, stepsFor(o.count), &c.reply)
	c.replyScanAt(start, next, n)
	return nil
}

// scan writes keys from the cursor on, as many as the options ask for unless
// that takes too many steps. It returns the cursor to go on with and the number
// of keys.
func (db *database) scan(cursor uint64, o *scanOptions, steps int64, reply *resp.Writer) (next uint64, n int) {
	kv := db.kv
	// Keys that have expired are removed on the way, a bucket at a time. The
	// table keeps all its buckets meanwhile, lest the walk meet a key twice.
	db.keys.PauseResize()
	defer func() {
		db.keys.ResumeResize()
		db.keys.CatchUp(kv.keyType, drainedAtOnce)
	}()
	var buf [64]arena.Ref
	for visited := int64(0); ; steps-- {
		refs, _, next := db.bucket(cursor, buf[:0])
		for _, ref := range refs {
			if key, ok := db.scanned(kv.entryAt(ref), o); ok {
				reply.Bulk(key)
				n++
			}
		}
		visited += int64(len(refs))
		if cursor = next; cursor == 0 || steps == 0 || visited >= o.count {
			return cursor, n
		}
	}
}

// scanned is the key of a record that SCAN has come upon, if it is one to be
// returned. The record may be gone when it is not.
func (db *database) scanned(e entry, o *scanOptions) (key string, ok bool) {
	kv := db.kv
	key = e.key()
	if o.match && !glob.Match(o.pattern, key, false) {
		return "", false
	}
	expired := kv.expired(e)
	if o.typed {
		// The check of the type is a look-up of its own in Redis, which
		// counts as one.
		if expired {
			kv.stats.misses++
			kv.notify(eventKeyMiss, "keymiss", key, db)
		} else {
			kv.stats.hits++
		}
	}
	if expired {
		kv.expireNow(db, e)
		return "", false
	}
	return key, !o.typed || is(o.typ, e.typ().String())
}

// stepsFor is how many buckets are visited for so many elements.
func stepsFor(count int64) int64 {
	if count > math.MaxInt64/scanSteps {
		return math.MaxInt64
	}
	return count * scanSteps
}

// scanTable visits the elements of a table from the cursor on, for HSCAN and its
// like: count of them at least, unless that takes too many steps. texts is how
// many texts an element is answered with; to Redis the steps are for each of
// those. It returns the cursor to go on with.
func (kv *KVStore) scanTable(d *dict.Dict, t *dict.Type, cursor uint64, count, texts int64, visit func(ref arena.Ref)) uint64 {
	steps := stepsFor(min(count, math.MaxInt64/texts) * texts)
	var buf [64]arena.Ref
	for visited := int64(0); ; steps-- {
		refs := buf[:0]
		cursor = d.Scan(t, cursor, func(ref arena.Ref) { refs = append(refs, ref) })
		kv.loadElements(refs)
		for _, ref := range refs {
			visit(ref)
		}
		visited += int64(len(refs))
		if cursor == 0 || steps == 0 || visited >= count {
			return cursor
		}
	}
}

// replyScanAt puts the head of the reply of SCAN and its relatives before the n
// elements that were written since start.
func (c *Client) replyScanAt(start int, cursor uint64, n int) {
	end := c.reply.Len()
	var digits [20]byte
	c.reply.Array(2)
	c.reply.BulkBytes(strconv.AppendUint(digits[:0], cursor, 10))
	c.reply.Array(n)
	var head [64]byte
	size := copy(head[:], c.reply.Buf[end:])
	copy(c.reply.Buf[start+size:], c.reply.Buf[start:end])
	copy(c.reply.Buf[start:], head[:size])
}

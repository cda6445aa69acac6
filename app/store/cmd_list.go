package store

import (
	"math"

	"github.com/codecrafters-io/redis-starter-go/app/listpack"
	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// The commands on lists but those that block (cmd_list_block.go) and those that
// take elements out of one list on behalf of another (cmd_list_pop.go).

var listCommands = []command{
	{name: "lindex", arity: 3, flags: readonly, cats: catList, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdLindex},
	{name: "linsert", arity: 5, flags: write | denyOOM, cats: catList, keys: key1(keyRW | keyInsert), run: (*KVStore).cmdLinsert},
	{name: "llen", arity: 2, flags: readonly | fast, cats: catList, keys: key1(keyRO), run: (*KVStore).cmdLlen},
	{name: "lmove", arity: 5, flags: write | denyOOM, cats: catList, keys: moveKeys, run: (*KVStore).cmdLmove},
	{name: "lmpop", arity: -4, flags: write | movableKeys, cats: catList,
		keys: []keySpec{{flags: keyRW | keyAccess | keyDelete, index: 1, numkeys: true, step: 1}}, run: (*KVStore).cmdLmpop},
	{name: "lpop", arity: -2, flags: write | fast, cats: catList, keys: key1(keyRW | keyAccess | keyDelete), run: (*KVStore).cmdLpop},
	{name: "lpos", arity: -3, flags: readonly, cats: catList, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdLpos},
	{name: "lpush", arity: -3, flags: write | denyOOM | fast, cats: catList, keys: key1(keyRW | keyInsert), run: (*KVStore).cmdLpush},
	{name: "lpushx", arity: -3, flags: write | denyOOM | fast, cats: catList, keys: key1(keyRW | keyInsert), run: (*KVStore).cmdLpushx},
	{name: "lrange", arity: 4, flags: readonly, cats: catList, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdLrange},
	{name: "lrem", arity: 4, flags: write, cats: catList, keys: key1(keyRW | keyDelete), run: (*KVStore).cmdLrem},
	{name: "lset", arity: 4, flags: write | denyOOM, cats: catList, keys: key1(keyRW | keyUpdate), run: (*KVStore).cmdLset},
	{name: "ltrim", arity: 4, flags: write, cats: catList, keys: key1(keyRW | keyDelete), run: (*KVStore).cmdLtrim},
	{name: "rpop", arity: -2, flags: write | fast, cats: catList, keys: key1(keyRW | keyAccess | keyDelete), run: (*KVStore).cmdRpop},
	{name: "rpoplpush", arity: 3, flags: write | denyOOM, cats: catList, keys: moveKeys, run: (*KVStore).cmdRpoplpush},
	{name: "rpush", arity: -3, flags: write | denyOOM | fast, cats: catList, keys: key1(keyRW | keyInsert), run: (*KVStore).cmdRpush},
	{name: "rpushx", arity: -3, flags: write | denyOOM | fast, cats: catList, keys: key1(keyRW | keyInsert), run: (*KVStore).cmdRpushx},
}

// moveKeys are the keys of a command that moves an element from one list to
// another.
var moveKeys = []keySpec{
	{flags: keyRW | keyAccess | keyDelete, index: 1, step: 1},
	{flags: keyRW | keyInsert, index: 2, step: 1},
}

// pushEvent is the event of an element added at the head or at the tail.
func pushEvent(head bool) string {
	if head {
		return "lpush"
	}
	return "rpush"
}

// popEvent is the event of an element taken from the head or from the tail.
func popEvent(head bool) string {
	if head {
		return "lpop"
	}
	return "rpop"
}

// cmdLpush serves LPUSH key element [element ...].
func (kv *KVStore) cmdLpush(c *Client, args []string) error {
	return kv.pushElements(c, args, true, false)
}

// cmdRpush serves RPUSH key element [element ...].
func (kv *KVStore) cmdRpush(c *Client, args []string) error {
	return kv.pushElements(c, args, false, false)
}

// cmdLpushx serves LPUSHX key element [element ...].
func (kv *KVStore) cmdLpushx(c *Client, args []string) error {
	return kv.pushElements(c, args, true, true)
}

// cmdRpushx serves RPUSHX key element [element ...].
func (kv *KVStore) cmdRpushx(c *Client, args []string) error {
	return kv.pushElements(c, args, false, true)
}

// pushElements adds elements at one end of a list, which must be there if so asked.
func (kv *KVStore) pushElements(c *Client, args []string, head, mustExist bool) error {
	key := args[1]
	e, err := c.db.lookupTypeWrite(key, typeList)
	if err != nil {
		return err
	}
	if !e.ok() && mustExist {
		c.reply.Int(0)
		return nil
	}
	l := c.db.list(e)
	l.push(key, args[2:], head)
	c.reply.Int(int64(l.len()))
	kv.changedBy(c.db, key, eventList, pushEvent(head), len(args)-2)
	return nil
}

// cmdLinsert serves LINSERT key BEFORE|AFTER pivot element.
func (kv *KVStore) cmdLinsert(c *Client, args []string) error {
	after := is(args[2], "after")
	if !after && !is(args[2], "before") {
		return errSyntax
	}
	key := args[1]
	e, err := c.db.lookupTypeWrite(key, typeList)
	if err != nil {
		return err
	}
	if !e.ok() {
		c.reply.Int(0)
		return nil
	}
	l := c.db.list(e)
	if !l.insert(args[3], args[4], after) {
		c.reply.Int(-1)
		return nil
	}
	kv.changed(c.db, key, eventList, "linsert")
	c.reply.Int(int64(l.len()))
	return nil
}

// cmdLlen serves LLEN key.
func (kv *KVStore) cmdLlen(c *Client, args []string) error {
	e, err := c.db.lookupType(args[1], typeList)
	if err != nil {
		return err
	}
	n := 0
	if e.ok() {
		n = kv.listLength(e)
	}
	c.reply.Int(int64(n))
	return nil
}

// cmdLindex serves LINDEX key index. Of a key that is not there, any index is
// null, even if it is no number.
func (kv *KVStore) cmdLindex(c *Client, args []string) error {
	e, err := c.db.lookupType(args[1], typeList)
	if err != nil {
		return err
	}
	if !e.ok() {
		c.reply.Null()
		return nil
	}
	n, err := parseInt(args[2])
	if err != nil {
		return err
	}
	l := c.db.list(e)
	index, ok := l.indexOf(n)
	if !ok {
		c.reply.Null()
		return nil
	}
	var w listWalk
	offset := w.seek(&l, index)
	c.replyValue(w.value(w.listNode.seek(offset)))
	return nil
}

// indexOf is the index that n, counted from the end when it is negative, stands
// for, and whether there is an element.
func (l *list) indexOf(n int64) (index int, ok bool) {
	length := int64(l.len())
	if n < 0 {
		n += length
	}
	return int(n), n >= 0 && n < length
}

// cmdLset serves LSET key index element.
func (kv *KVStore) cmdLset(c *Client, args []string) error {
	key := args[1]
	e, err := c.db.lookupTypeWrite(key, typeList)
	if err != nil {
		return err
	}
	if !e.ok() {
		return errNoSuchKey
	}
	n, err := parseInt(args[2])
	if err != nil {
		return err
	}
	l := c.db.list(e)
	index, ok := l.indexOf(n)
	if !ok {
		return errIndexRange
	}
	l.set(index, args[3])
	c.reply.OK()
	kv.changed(c.db, key, eventList, "lset")
	return nil
}

const errIndexRange replyError = "ERR index out of range"

// cmdLrange serves LRANGE key start stop.
func (kv *KVStore) cmdLrange(c *Client, args []string) error {
	start, stop, err := parseRange(args[2], args[3])
	if err != nil {
		return err
	}
	e, err := c.db.lookupType(args[1], typeList)
	if err != nil {
		return err
	}
	if !e.ok() {
		c.reply.Array(0)
		return nil
	}
	l := c.db.list(e)
	lo, hi := listRange(start, stop, int64(l.len()))
	l.replyRange(&c.reply, lo, hi-lo, false)
	return nil
}

// parseRange parses the first and the last index of a range.
func parseRange(start, stop string) (first, last int64, err error) {
	if first, err = parseInt(start); err == nil {
		last, err = parseInt(stop)
	}
	return first, last, err
}

// listRange turns the first and the last index of a range of a list of n
// elements into a half-open range, the empty one at its start.
func listRange(first, last, n int64) (lo, hi int) {
	if first < 0 {
		first = max(first+n, 0)
	}
	if last < 0 {
		last += n
	}
	last = min(last, n-1)
	if first > last {
		return 0, 0
	}
	return int(first), int(last) + 1
}

// replyRange answers with n elements, from the one with an index on or
// backwards from it.
func (l *list) replyRange(r *resp.Writer, index, n int, back bool) {
	r.Array(n)
	if n <= 0 {
		return
	}
	var w listWalk
	offset := w.seek(l, index)
	for p := w.listNode.seek(offset); ; p = w.end(back) {
		n = w.replyNode(r, p, n, back)
		if n == 0 || !w.next(back) {
			return
		}
	}
}

// replyNode answers with n elements of a node from a place on, fewer when there
// are not so many, and returns how many remain.
func (w *listWalk) replyNode(r *resp.Writer, p, n int, back bool) int {
	if w.lp == nil {
		r.BulkBytes(w.large)
		return n - 1
	}
	for p != 0 && n > 0 {
		if str, number, isInt := listpack.Read(w.lp, p); isInt {
			r.BulkInt(number)
		} else {
			r.BulkBytes(str)
		}
		n--
		p = w.step(p, back)
	}
	return n
}

// cmdLtrim serves LTRIM key start stop.
func (kv *KVStore) cmdLtrim(c *Client, args []string) error {
	start, stop, err := parseRange(args[2], args[3])
	if err != nil {
		return err
	}
	key := args[1]
	e, err := c.db.lookupTypeWrite(key, typeList)
	if err != nil {
		return err
	}
	c.reply.OK()
	if !e.ok() {
		return nil
	}
	l := c.db.list(e)
	n := l.len()
	lo, hi := listRange(start, stop, int64(n))
	kv.touched(c.db, key)
	kv.dirty += int64(n - (hi - lo))
	if lo < hi && hi-lo < n {
		l.trim(lo, hi-lo)
	}
	kv.notify(eventList, "ltrim", key, c.db)
	if lo == hi {
		kv.removeList(c.db, l.e, key)
	}
	return nil
}

// removeList removes a list that has become empty, or is to be, and tells so.
func (kv *KVStore) removeList(db *database, e entry, key string) {
	db.remove(e)
	kv.notify(eventGeneric, "del", key, db)
}

// cmdLrem serves LREM key count element: count elements from the head, all when
// it is 0, or from the tail when it is negative.
func (kv *KVStore) cmdLrem(c *Client, args []string) error {
	count, err := parseInt(args[2])
	if err != nil {
		return err
	}
	key := args[1]
	e, err := c.db.lookupTypeWrite(key, typeList)
	if err != nil {
		return err
	}
	if !e.ok() {
		c.reply.Int(0)
		return nil
	}
	l := c.db.list(e)
	removed := l.removeEqual(args[3], limitOf(count), count < 0)
	if removed > 0 {
		kv.changedBy(c.db, key, eventList, "lrem", removed)
	}
	if l.len() == 0 {
		kv.removeList(c.db, l.e, key)
	}
	c.reply.Int(int64(removed))
	return nil
}

// limitOf is how many a count of either sign allows, 0 standing for all.
func limitOf(count int64) int {
	switch {
	case count == 0 || count == math.MinInt64:
		return math.MaxInt
	case count < 0:
		return int(-count)
	}
	return int(count)
}

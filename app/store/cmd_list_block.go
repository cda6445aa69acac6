package store

import "strings"

// The blocking commands on lists: BLMOVE, BLMPOP, BLPOP, BRPOP, BRPOPLPUSH. They
// do what their twins in cmd_list_pop.go do, and wait when there is nothing to
// do it with; blocking.go says how.

var listBlockingCommands = []command{
	{name: "blmove", arity: 6, flags: write | denyOOM | noScript | blocking, cats: catList, keys: blmoveKeys, run: (*KVStore).cmdBlmove},
	{name: "blmpop", arity: -5, flags: write | blocking | movableKeys, cats: catList,
		keys: []keySpec{{flags: keyRW | keyAccess | keyDelete, index: 2, numkeys: true, step: 1}}, run: (*KVStore).cmdBlmpop},
	{name: "blpop", arity: -3, flags: write | noScript | blocking, cats: catList,
		keys: keyRange(1, -2, 1, keyRW|keyAccess|keyDelete), run: (*KVStore).cmdBlpop},
	{name: "brpop", arity: -3, flags: write | noScript | blocking, cats: catList,
		keys: keyRange(1, -2, 1, keyRW|keyAccess|keyDelete), run: (*KVStore).cmdBrpop},
	{name: "brpoplpush", arity: 4, flags: write | denyOOM | noScript | blocking, cats: catList, keys: blmoveKeys, run: (*KVStore).cmdBrpoplpush},
}

var blmoveKeys = append(keyAt(1, keyRW|keyAccess|keyDelete), keyAt(2, keyRW|keyInsert)...)

// cmdBlpop serves BLPOP key [key ...] timeout.
func (kv *KVStore) cmdBlpop(c *Client, args []string) error { return kv.blockingLpop(c, args, true) }

// cmdBrpop serves BRPOP key [key ...] timeout.
func (kv *KVStore) cmdBrpop(c *Client, args []string) error { return kv.blockingLpop(c, args, false) }

// blockingLpop takes an element from the first of the keys that is there.
func (kv *KVStore) blockingLpop(c *Client, args []string, head bool) error {
	return kv.blockingPop(c, args, typeList, popName(head), func(e entry, key string) {
		c.reply.Array(2)
		c.reply.Bulk(key)
		kv.popReply(c, e, key, head)
	})
}

// cmdBlmpop serves BLMPOP timeout numkeys key [key ...] LEFT|RIGHT [COUNT count].
func (kv *KVStore) cmdBlmpop(c *Client, args []string) error {
	m, err := parseMpop(args[2:], "left", "right")
	if err != nil {
		return err
	}
	deadline, err := kv.deadlineSeconds(args[1])
	if err != nil {
		return err
	}
	m.keys = c.wanted(m.keys)
	if found, err := kv.lmpop(c, m); found || err != nil {
		return err
	}
	return kv.block(c, wait{keys: m.keys, typ: typeList, deadlineNs: deadline, onTimeout: replyNullArray})
}

// cmdBlmove serves BLMOVE source destination LEFT|RIGHT LEFT|RIGHT timeout.
func (kv *KVStore) cmdBlmove(c *Client, args []string) error {
	from, err := parseEnd(args[3])
	if err != nil {
		return err
	}
	to, err := parseEnd(args[4])
	if err != nil {
		return err
	}
	moved, err := kv.blockingMove(c, args, from, to)
	if moved && kv.propagating() {
		ends := args[3:5]
		if c.beingServed() { // as Redis spells them then
			ends = []string{strings.ToLower(args[3]), strings.ToLower(args[4])}
		}
		c.effect("LMOVE", args[1], args[2], ends[0], ends[1])
	}
	return err
}

// cmdBrpoplpush serves BRPOPLPUSH source destination timeout.
func (kv *KVStore) cmdBrpoplpush(c *Client, args []string) error {
	moved, err := kv.blockingMove(c, args, false, true)
	if moved && kv.propagating() {
		c.effect("RPOPLPUSH", args[1], args[2])
	}
	return err
}

// blockingMove moves an element, if there is one, or waits for one. The last
// argument is the time-out.
func (kv *KVStore) blockingMove(c *Client, args []string, fromHead, toHead bool) (moved bool, err error) {
	deadline, err := kv.deadlineSeconds(args[len(args)-1])
	if err != nil {
		return false, err
	}
	e, err := c.db.lookupTypeWrite(args[1], typeList)
	if err != nil {
		return false, err
	}
	if !e.ok() {
		return false, kv.block(c, wait{keys: args[1:2], typ: typeList, deadlineNs: deadline, onTimeout: replyNoElement})
	}
	err = kv.moveElement(c, args[1], args[2], e, fromHead, toHead)
	return err == nil, err
}

// replyNoElement answers a BLMOVE that has waited in vain. In a transaction,
// where it does not wait, the answer is that of LMOVE.
func replyNoElement(c *Client) {
	if c.waiter == nil {
		c.reply.Null()
	} else {
		c.reply.NullArray()
	}
}

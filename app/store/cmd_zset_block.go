package store

// The blocking commands on sorted sets: BZMPOP, BZPOPMAX, BZPOPMIN. They do what
// their twins in cmd_zset_pop.go do, and wait when there is nothing to take;
// blocking.go says how.

var zsetBlockingCommands = []command{
	{name: "bzmpop", arity: -5, flags: write | blocking | movableKeys, cats: catSortedset,
		keys: []keySpec{{flags: keyRW | keyAccess | keyDelete, index: 2, numkeys: true, step: 1}}, run: (*KVStore).cmdBzmpop},
	{name: "bzpopmax", arity: -3, flags: write | noScript | blocking | fast, cats: catSortedset,
		keys: keyRange(1, -2, 1, keyRW|keyAccess|keyDelete), run: (*KVStore).cmdBzpopmax},
	{name: "bzpopmin", arity: -3, flags: write | noScript | blocking | fast, cats: catSortedset,
		keys: keyRange(1, -2, 1, keyRW|keyAccess|keyDelete), run: (*KVStore).cmdBzpopmin},
}

// cmdBzpopmin serves BZPOPMIN key [key ...] timeout.
func (kv *KVStore) cmdBzpopmin(c *Client, args []string) error {
	return kv.blockingZpop(c, args, false)
}

// cmdBzpopmax serves BZPOPMAX key [key ...] timeout.
func (kv *KVStore) cmdBzpopmax(c *Client, args []string) error { return kv.blockingZpop(c, args, true) }

// blockingZpop takes a member from the first of the keys that is there.
func (kv *KVStore) blockingZpop(c *Client, args []string, max bool) error {
	return kv.blockingPop(c, args, typeZset, zpopName(max), func(e entry, key string) {
		kv.popZset(c, e, key, max, 1, popFlatWithKey)
	})
}

// zpopName is the command that takes members from an end.
func zpopName(max bool) string {
	if max {
		return "ZPOPMAX"
	}
	return "ZPOPMIN"
}

// cmdBzmpop serves BZMPOP timeout numkeys key [key ...] MIN|MAX [COUNT count].
func (kv *KVStore) cmdBzmpop(c *Client, args []string) error {
	m, err := parseMpop(args[2:], "min", "max")
	if err != nil {
		return err
	}
	deadline, err := kv.deadlineSeconds(args[1])
	if err != nil {
		return err
	}
	m.keys = c.wanted(m.keys)
	if found, err := kv.zmpop(c, m); found || err != nil {
		return err
	}
	return kv.block(c, wait{keys: m.keys, typ: typeZset, deadlineNs: deadline, onTimeout: replyNullArray})
}

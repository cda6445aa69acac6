package store

// The commands on keys of any type: COPY, DEL, EXISTS, MOVE, RANDOMKEY, RENAME,
// TOUCH, TYPE, UNLINK.

var genericCommands = []command{
	{name: "copy", arity: -3, flags: write | denyOOM, cats: catKeyspace, keys: copyKeys, run: (*KVStore).cmdCopy},
	{name: "del", arity: -2, flags: write, cats: catKeyspace, keys: keyRange(1, -1, 1, keyRM|keyDelete), run: (*KVStore).cmdDel},
	{name: "exists", arity: -2, flags: readonly | fast, cats: catKeyspace, keys: keyRange(1, -1, 1, keyRO), run: (*KVStore).cmdExists},
	{name: "move", arity: 3, flags: write | fast, cats: catKeyspace, keys: key1(keyRW | keyAccess | keyUpdate), run: (*KVStore).cmdMove},
	{name: "randomkey", arity: 1, flags: readonly | wanders, cats: catKeyspace, run: (*KVStore).cmdRandomkey},
	{name: "rename", arity: 3, flags: write, cats: catKeyspace, keys: renameKeys(keyUpdate), run: (*KVStore).cmdRename},
	{name: "renamenx", arity: 3, flags: write | fast, cats: catKeyspace, keys: renameKeys(keyInsert), run: (*KVStore).cmdRenamenx},
	{name: "touch", arity: -2, flags: readonly | fast, cats: catKeyspace, keys: keyRange(1, -1, 1, keyRO), run: (*KVStore).cmdTouch},
	{name: "type", arity: 2, flags: readonly | fast, cats: catKeyspace, keys: key1(keyRO), run: (*KVStore).cmdType},
	{name: "unlink", arity: -2, flags: write | fast, cats: catKeyspace, keys: keyRange(1, -1, 1, keyRM|keyDelete), run: (*KVStore).cmdUnlink},
}

var copyKeys = append(keyAt(1, keyRO|keyAccess), keyAt(2, keyOW|keyUpdate)...)

// renameKeys are the keys of a renaming that does to the new name what use says.
func renameKeys(use keyFlags) []keySpec {
	return append(keyAt(1, keyRW|keyAccess|keyDelete), keyAt(2, keyOW|use)...)
}

// cmdDel serves DEL key [key ...].
func (kv *KVStore) cmdDel(c *Client, args []string) error {
	c.reply.Int(c.db.deleteAll(args[1:]))
	return nil
}

// cmdUnlink serves UNLINK key [key ...]. To free a value is short work, or is
// done in steps, for DEL just as well.
func (kv *KVStore) cmdUnlink(c *Client, args []string) error {
	c.reply.Int(c.db.deleteAll(args[1:]))
	return nil
}

// deleteAll deletes the keys and tells everybody. It returns how many there
// were; those that had expired do not count, unless they are still there
// because it is the master who decides that.
func (db *database) deleteAll(keys []string) (deleted int64) {
	kv := db.kv
	db.forEach(keys, func(key string) {
		e := db.find(key)
		if e.ok() && kv.expired(e) {
			kv.expireNow(db, e)
			e = db.find(key)
		}
		if e.ok() {
			db.remove(e)
			kv.changed(db, key, eventGeneric, "del")
			deleted++
		}
	})
	return deleted
}

// forEach visits each of the keys, the look-up of which it has prepared.
func (db *database) forEach(keys []string, visit func(key string)) {
	var buf [touchMax]uint64
	for len(keys) > 0 {
		hashes := db.touchKeys(keys, 1, &buf)
		for i, hash := range hashes {
			db.kv.hintKey(keys[i], hash)
			visit(keys[i])
		}
		keys = keys[len(hashes):]
	}
}

// cmdExists serves EXISTS key [key ...]. A key that is named twice counts twice.
func (kv *KVStore) cmdExists(c *Client, args []string) error {
	n := int64(0)
	c.db.forEach(args[1:], func(key string) {
		if c.db.lookupNoTouch(key).ok() {
			n++
		}
	})
	c.reply.Int(n)
	return nil
}

// cmdTouch serves TOUCH key [key ...].
func (kv *KVStore) cmdTouch(c *Client, args []string) error {
	n := int64(0)
	c.db.forEach(args[1:], func(key string) {
		if c.db.lookupRead(key).ok() {
			n++
		}
	})
	c.reply.Int(n)
	return nil
}

// cmdType serves TYPE key.
func (kv *KVStore) cmdType(c *Client, args []string) error {
	if e := c.db.lookupNoTouch(args[1]); e.ok() {
		c.reply.Status(e.typ().String())
	} else {
		c.reply.Status("none")
	}
	return nil
}

// cmdRandomkey serves RANDOMKEY. Keys that turn out to have expired are passed
// over; when there is hardly anything else, one of them is named in the end.
func (kv *KVStore) cmdRandomkey(c *Client, args []string) error {
	const triesMax = 1000
	for tries := 1; ; tries++ {
		ref := c.db.keys.Random(kv.keyType)
		if ref == 0 {
			c.reply.Null()
			return nil
		}
		e := kv.entryAt(ref)
		if !kv.expired(e) || tries == triesMax {
			c.reply.Bulk(e.key())
			return nil
		}
		kv.expireNow(c.db, e)
	}
}

// cmdRename serves RENAME key newkey.
func (kv *KVStore) cmdRename(c *Client, args []string) error {
	if _, err := c.rename(args[1], args[2], true); err != nil {
		return err
	}
	c.reply.OK()
	return nil
}

// cmdRenamenx serves RENAMENX key newkey.
func (kv *KVStore) cmdRenamenx(c *Client, args []string) error {
	renamed, err := c.rename(args[1], args[2], false)
	if err != nil {
		return err
	}
	c.reply.Int(oneIf(renamed))
	return nil
}

// rename gives a key another name, which another key may have already only if
// replace. Nothing is done when both names are the same.
func (c *Client) rename(key, newKey string, replace bool) (renamed bool, err error) {
	kv, db := c.kv, c.db
	e := db.lookupWrite(key)
	if !e.ok() {
		return false, errNoSuchKey
	}
	if key == newKey {
		return false, nil
	}
	if db.lookupWrite(newKey).ok() && !replace {
		return false, nil
	}
	db.transfer(e, db, newKey)
	kv.touched(db, key)
	kv.touched(db, newKey)
	kv.notify(eventGeneric, "rename_from", key, db)
	kv.notify(eventGeneric, "rename_to", newKey, db)
	kv.dirty++
	return true, nil
}

// cmdMove serves MOVE key db.
func (kv *KVStore) cmdMove(c *Client, args []string) error {
	key, from := args[1], c.db
	to, err := kv.database(args[2])
	if err != nil {
		return err
	}
	if from == to {
		return errSameObject
	}
	e := from.lookupWrite(key)
	if !e.ok() || to.lookupWrite(key).ok() {
		c.reply.Int(0)
		return nil
	}
	from.transfer(e, to, key)
	kv.touched(from, key)
	kv.touched(to, key)
	kv.notify(eventGeneric, "move_from", key, from)
	kv.notify(eventGeneric, "move_to", key, to)
	kv.dirty++
	c.reply.Int(1)
	return nil
}

// cmdCopy serves COPY source destination [DB destination-db] [REPLACE].
func (kv *KVStore) cmdCopy(c *Client, args []string) error {
	key, newKey, to := args[1], args[2], c.db
	replace := false
	for i := 3; i < len(args); i++ {
		switch {
		case is(args[i], "replace"):
			replace = true
		case is(args[i], "db") && i+1 < len(args):
			var err error
			if to, err = kv.database(args[i+1]); err != nil {
				return err
			}
			i++
		default:
			return errSyntax
		}
	}
	if to == c.db && key == newKey {
		return errSameObject
	}
	e := c.db.lookupRead(key)
	if !e.ok() || to.lookupWrite(newKey).ok() && !replace {
		c.reply.Int(0)
		return nil
	}
	c.db.duplicate(e, to, newKey)
	kv.changed(to, newKey, eventGeneric, "copy_to")
	c.reply.Int(1)
	return nil
}

// oneIf is 1 when b, else 0.
func oneIf(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

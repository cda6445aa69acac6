package store

// The commands that save the data.

var persistenceCommands = []command{
	{name: "bgrewriteaof", arity: 1, flags: admin | noScript | noAsyncLoading, run: (*KVStore).cmdBgrewriteaof},
	{name: "bgsave", arity: -1, flags: admin | noScript | noAsyncLoading, run: (*KVStore).cmdBgsave},
	{name: "lastsave", arity: 1, flags: loading | stale | fast, cats: catAdmin | catDangerous, run: (*KVStore).cmdLastsave},
	{name: "save", arity: 1, flags: admin | noScript | noAsyncLoading | noMulti, run: (*KVStore).cmdSave},
}

const errSaving replyError = "ERR Background save already in progress"

// cmdBgsave serves BGSAVE [SCHEDULE].
func (kv *KVStore) cmdBgsave(c *Client, args []string) error {
	if len(args) > 2 || len(args) == 2 && !is(args[1], "schedule") {
		return errSyntax
	}
	switch {
	case kv.aof.rewrite.running && len(args) == 2:
		kv.snapshot.scheduled = true
		c.reply.Status("Background saving scheduled")
		return nil
	case kv.aof.rewrite.running:
		return errBusySaver
	case kv.saver != nil:
		return errSaving
	}
	if kv.nesting > 0 { // half of a transaction is no state to save
		kv.snapshot.scheduled = true
		c.reply.Status("Background saving scheduled")
		return nil
	}
	kv.startSave()
	c.reply.Status("Background saving started")
	return nil
}

// cmdLastsave serves LASTSAVE.
func (kv *KVStore) cmdLastsave(c *Client, args []string) error {
	c.reply.Int(kv.snapshot.lastSave)
	return nil
}

// cmdSave serves SAVE. Nobody else is served meanwhile.
func (kv *KVStore) cmdSave(c *Client, args []string) error {
	if kv.saver != nil && !kv.saver.base {
		return errSaving
	}
	kv.snapshot.saves++
	if !kv.save() {
		return errBare
	}
	c.reply.OK()
	return nil
}

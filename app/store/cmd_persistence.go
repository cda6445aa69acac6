package store

// The commands that save the data.

var persistenceCommands = []command{
	{name: "lastsave", arity: 1, flags: loading | stale | fast, cats: catAdmin | catDangerous, run: (*KVStore).cmdLastsave},
	{name: "save", arity: 1, flags: admin | noScript | noAsyncLoading | noMulti, run: (*KVStore).cmdSave},
}

// cmdLastsave serves LASTSAVE.
func (kv *KVStore) cmdLastsave(c *Client, args []string) error {
	c.reply.Int(kv.snapshot.lastSave)
	return nil
}

// cmdSave serves SAVE. Nobody else is served meanwhile.
func (kv *KVStore) cmdSave(c *Client, args []string) error {
	kv.snapshot.saves++
	if !kv.save() {
		return errBare
	}
	c.reply.OK()
	return nil
}

package store

import (
	"slices"
	"time"
)

// MIGRATE: keys go to another server, which restores them, and are deleted here
// when it says that it has.
//
// Redis stands still meanwhile. Here only the client waits: a goroutine talks to
// the other server without the mutex (migrate_link.go). So that what is deleted
// is what was sent, commands that may write one of the keys are postponed until
// it is over, as if clients were paused; what reads them is served. Changes that
// nobody can postpone, such as Set of the Go API, are found out by watching the
// keys: then a key stays, and the client is told. Within a transaction nobody can
// wait, so there the server stands still, as Redis does.

var migrateCommands = []command{
	{name: "migrate", arity: -6, flags: write | movableKeys, cats: catKeyspace | catDangerous,
		keys: []keySpec{
			{flags: keyRW | keyAccess | keyDelete, index: 3, step: 1},
			{flags: keyRW | keyAccess | keyDelete | keyIncomplete, keyword: "KEYS", from: -2, last: -1, step: 1},
		},
		getKeys: migrateKeys, run: (*KVStore).cmdMigrate},
}

// A migration is one MIGRATE.
type migration struct {
	migrateOptions
	kv   *KVStore
	c    *Client
	db   *database
	name string         // of the command that restores
	keys []*migratedKey // that were there
	sent []*migratedKey // those that had not expired when they were sent
	wait *waiter        // of the client, nil when it does not wait
	fail replyError     // what the client is told, "" when all went well
}

// migrateOptions are the arguments of MIGRATE.
type migrateOptions struct {
	host, port         string
	target             string // the number of the database there
	timeout            time.Duration
	copy, replace      bool
	auth, named        bool // with AUTH or AUTH2; with AUTH2
	username, password string
	names              []string // of the keys
}

// A migratedKey is a key on its way. Its client does nothing but watch it.
type migratedKey struct {
	name     string
	payload  []byte
	expireAt int64 // -1 for never
	watcher  *Client
	restored bool // the other server says that it has the key
}

const (
	errMigrateKeys    replyError = "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string"
	migrateTimeoutMs             = 1000 // instead of none
	errMigrateChanged replyError = "ERR A key was changed while it was sent, and has not been deleted. MIGRATE it again with REPLACE."
)

// parseMigrate parses the arguments of MIGRATE.
func parseMigrate(args []string) (o migrateOptions, err error) {
	o.host, o.port, o.names = args[1], args[2], args[3:4]
	for i := 6; i < len(args); i++ {
		left := len(args) - i - 1
		switch arg := args[i]; {
		case is(arg, "copy"):
			o.copy = true
		case is(arg, "replace"):
			o.replace = true
		case is(arg, "auth") && left >= 1:
			o.auth, o.password = true, args[i+1]
			i++
		case is(arg, "auth2") && left >= 2:
			o.auth, o.named, o.username, o.password = true, true, args[i+1], args[i+2]
			i += 2
		case is(arg, "keys"):
			if args[3] != "" {
				return o, errMigrateKeys
			}
			o.names = args[i+1:]
			i = len(args)
		default:
			return o, errSyntax
		}
	}
	ms, err := parseInt(args[5])
	if err != nil {
		return o, err
	}
	db, err := parseInt(args[4])
	if err != nil {
		return o, err
	}
	if ms <= 0 {
		ms = migrateTimeoutMs
	}
	o.target = formatInt(db)
	o.timeout = time.Duration(min(ms, int64(24*time.Hour/time.Millisecond))) * time.Millisecond
	return o, nil
}

// cmdMigrate serves MIGRATE host port key|"" db timeout [COPY] [REPLACE]
// [AUTH password] [AUTH2 username password] [KEYS key [key ...]].
func (kv *KVStore) cmdMigrate(c *Client, args []string) error {
	if _, err := parseMigrate(args); err != nil {
		return err
	}
	args = cloneArgs(args)
	o, _ := parseMigrate(args)
	m := &migration{migrateOptions: o, kv: kv, c: c, db: c.db, name: "RESTORE"}
	if kv.config.Bool("cluster-enabled") {
		m.name = "RESTORE-ASKING"
	}
	for _, name := range o.names {
		if e := c.db.lookupRead(name); e.ok() {
			m.keys = append(m.keys, &migratedKey{name: name, payload: kv.dump(e), expireAt: e.expireAt()})
		}
	}
	if len(m.keys) == 0 {
		c.reply.Status("NOKEY")
		return nil
	}
	if kv.nesting > 0 {
		m.send()
		return m.finish(kv, c, args)
	}
	m.hold()
	kv.block(c, wait{args: args})
	m.wait = c.waiter
	kv.serving.Add(1)
	go m.run()
	return nil
}

// hold has the keys stay as they are.
func (m *migration) hold() {
	kv := m.kv
	if kv.migrating == nil {
		kv.migrating = make(map[string]int)
	}
	for _, k := range m.keys {
		kv.migrating[k.name]++
		if !m.copy {
			k.watcher = &Client{kv: kv, db: m.db}
			k.watcher.watch(k.name)
		}
	}
	kv.applySettings()
}

// release ends that.
func (m *migration) release() {
	kv := m.kv
	for _, k := range m.keys {
		if kv.migrating[k.name]--; kv.migrating[k.name] == 0 {
			delete(kv.migrating, k.name)
		}
		if k.watcher != nil {
			k.watcher.unwatchAll()
		}
	}
	kv.applySettings()
	kv.wakePostponed()
}

// run sends the keys, and then answers the client, if it is still there.
func (m *migration) run() {
	kv, c := m.kv, m.c
	defer kv.serving.Done()
	m.send()
	kv.mu.Lock()
	defer kv.unlock()
	if kv.closed {
		return
	}
	kv.readClock()
	kv.hint = commandHint{}
	if c.waiter == m.wait {
		kv.resume(m.wait, m.finish)
	} else {
		c.db = m.db // nobody else uses it
		m.finish(kv, c, nil)
		kv.propagate(c, nil, false)
		c.reply.Truncate(0)
	}
	m.release()
	kv.serveReadyKeys()
}

// finish is the handler that deletes what the other server has, and answers.
func (m *migration) finish(kv *KVStore, c *Client, args []string) error {
	gone := []string{"DEL"}
	for _, k := range m.sent {
		e := m.db.find(k.name)
		if !k.restored || m.copy || !e.ok() || kv.readOnly {
			continue
		}
		if k.watcher != nil && k.watcher.txn.dirty {
			m.fail = errMigrateChanged
			continue
		}
		m.db.remove(e)
		kv.changed(m.db, k.name, eventGeneric, "del")
		gone = append(gone, k.name)
	}
	if len(gone) > 1 {
		c.effect(gone...)
	}
	if m.fail != "" {
		return m.fail
	}
	c.reply.OK()
	return nil
}

// migrates reports whether a command has to wait for a MIGRATE: it may write a key
// that is on its way, or any key at all.
func (kv *KVStore) migrates(c *Client, cmd *command, flags cmdFlags, args []string) bool {
	if !flags.has(write|mayReplicate) || c.txn.open && !flags.has(immediate) {
		return false
	}
	if !flags.has(dynamic) {
		return kv.touchesMigrating(cmd, args)
	}
	found := false
	eachQueued(c.txn.queued, c.txn.text, func(cmd *command, args []string) {
		found = found || cmd.flags.has(write|mayReplicate) && kv.touchesMigrating(cmd, args)
	})
	return found
}

// touchesMigrating is migrates for one command. The database is not looked at,
// for a transaction may change it.
func (kv *KVStore) touchesMigrating(cmd *command, args []string) bool {
	if !cmd.hasKeys() {
		return cmd.flags.has(write) // FLUSHALL, SWAPDB
	}
	if cmd.flags.has(mayReplicate) && cmd.flags.has(movableKeys) {
		return true // a script, which need not name its keys
	}
	var buf [4]keyRef
	return slices.ContainsFunc(cmd.appendKeys(buf[:0], args), func(ref keyRef) bool { return kv.migrating[args[ref.index]] > 0 })
}

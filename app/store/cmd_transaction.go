package store

import (
	"encoding/binary"
	"slices"
	"strings"
	"unsafe"
)

// MULTI, EXEC, DISCARD, WATCH, UNWATCH.

var transactionCommands = []command{
	{name: "discard", arity: 1, flags: noScript | loading | stale | fast | allowBusy | immediate, cats: catTransaction, run: (*KVStore).cmdDiscard},
	{name: "exec", arity: 1, flags: noScript | loading | stale | skipSlowlog | immediate | dynamic, cats: catTransaction, run: (*KVStore).cmdExec},
	{name: "multi", arity: 1, flags: noScript | loading | stale | fast | allowBusy | immediate, cats: catTransaction, run: (*KVStore).cmdMulti},
	{name: "unwatch", arity: 1, flags: noScript | loading | stale | fast | allowBusy, cats: catTransaction, run: (*KVStore).cmdUnwatch},
	{name: "watch", arity: -2, flags: noScript | loading | stale | fast | allowBusy | immediate, cats: catTransaction,
		keys: keyRange(1, -1, 1, keyRO), run: (*KVStore).cmdWatch},
}

// A transaction is what a client has queued since MULTI, and the keys it
// watches. The zero value is no transaction.
//
// Queued arguments are copied, since they are views of a buffer that will be
// used again: each as its length and its bytes, one behind the other in text.
// A command lies within one chunk of it, so EXEC can hand out views.
type transaction struct {
	open    bool
	doomed  bool     // a command was refused while queuing: EXEC will fail
	dirty   bool     // a watched key has changed: EXEC will do nothing
	some    cmdFlags // flags that a queued command has
	all     cmdFlags // flags that every queued command has; of no meaning without one
	queued  []queuedCommand
	text    [][]byte
	bytes   int // what queued and text take
	watched []*watch
}

// A queuedCommand is a command and how many arguments of text belong to it.
type queuedCommand struct {
	cmd  *command
	args int
}

const (
	queueChunkMin     = 128 // bytes of the first chunk of text; later ones double
	queueChunkMax     = 64 << 10
	queuedCommandSize = 16
)

// queue keeps a command for EXEC. One that will never run is not kept.
func (t *transaction) queue(cmd *command, args []string) {
	if t.doomed || t.dirty {
		return
	}
	if len(t.queued) == 0 {
		t.all = cmd.flags
	}
	t.some |= cmd.flags
	t.all &= cmd.flags
	t.queued = append(t.queued, queuedCommand{cmd, len(args)})
	need := 0
	for _, a := range args {
		need += uvarintSize(len(a)) + len(a)
	}
	chunk := t.chunk(need)
	for _, a := range args {
		*chunk = binary.AppendUvarint(*chunk, uint64(len(a)))
		*chunk = append(*chunk, a...)
	}
	t.bytes += queuedCommandSize
}

// chunk is the chunk of text that has room for n bytes more.
func (t *transaction) chunk(n int) *[]byte {
	size := queueChunkMin
	if last := len(t.text) - 1; last >= 0 {
		have := t.text[last]
		if cap(have)-len(have) >= n {
			return &t.text[last]
		}
		size = min(2*cap(have), queueChunkMax)
	}
	size = max(size, n)
	t.text = append(t.text, make([]byte, 0, size))
	t.bytes += size
	return &t.text[len(t.text)-1]
}

// drop frees what was queued.
func (t *transaction) drop() {
	t.queued, t.text, t.bytes = nil, nil, 0
}

// doom makes EXEC fail, if there is a transaction to fail.
func (t *transaction) doom() {
	if t.open {
		t.doomed = true
		t.drop()
	}
}

// flags are the flags of an EXEC: what its commands may do counts as its own,
// and what it may do itself it may only if all of them may.
func (t *transaction) flags(own cmdFlags) cmdFlags {
	const (
		added  = write | readonly | denyOOM | mayReplicate | noAsyncLoading
		shared = loading | stale
	)
	own |= t.some & added
	if t.some != 0 {
		own &^= shared &^ t.all
	}
	return own
}

// adopt opens a transaction with commands queued already; those that are
// unknown doom it.
func (t *transaction) adopt(kv *KVStore, queue [][]string) {
	t.open = true
	for _, args := range queue {
		if len(args) == 0 {
			continue
		}
		cmd := kv.commands.lookup(args)
		if cmd == nil || !cmd.checkArity(len(args)) {
			t.doom()
			return
		}
		t.queue(cmd, args)
	}
}

// discard ends the transaction and the watching.
func (t *transaction) discard(c *Client) {
	c.unwatchAll()
	*t = transaction{}
}

// cmdMulti serves MULTI.
func (kv *KVStore) cmdMulti(c *Client, args []string) error {
	if c.txn.open {
		return errf("ERR MULTI calls can not be nested")
	}
	c.txn.open = true
	c.reply.OK()
	return nil
}

// cmdDiscard serves DISCARD.
func (kv *KVStore) cmdDiscard(c *Client, args []string) error {
	if !c.txn.open {
		return errf("ERR DISCARD without MULTI")
	}
	c.txn.discard(c)
	c.reply.OK()
	return nil
}

// cmdExec serves EXEC. The queued commands run one after another with nothing
// between them; one that fails does not stop those behind it.
func (kv *KVStore) cmdExec(c *Client, args []string) error {
	t := &c.txn
	if !t.open {
		return errf("ERR EXEC without MULTI")
	}
	if !t.doomed && (t.dirty || c.watchedExpired()) {
		t.discard(c)
		c.reply.NullArray()
		return nil
	}
	if t.doomed {
		t.discard(c)
		return errExecAbort
	}
	c.unwatchAll() // its own writes must not count
	c.reply.Array(len(t.queued))
	kv.nesting++
	kv.runQueued(c, t.queued, t.text)
	kv.nesting--
	t.discard(c)
	c.effect() // the commands have been propagated, each by itself
	return nil
}

// runQueued runs the commands of a transaction.
func (kv *KVStore) runQueued(c *Client, queued []queuedCommand, text [][]byte) {
	kv.hint = commandHint{}
	exec := c.argv
	eachQueued(queued, text, func(cmd *command, args []string) {
		c.argv = args
		if err := kv.readmit(c, cmd, args); err != nil {
			kv.stats.errorReply(err)
			c.reply.Error(err.Error())
			return
		}
		kv.call(c, cmd, args)
		if poisonInput {
			for _, arg := range args {
				poison(unsafe.Slice(unsafe.StringData(arg), len(arg)))
			}
		}
	})
	c.argv = exec // not deferred: the report of a crash has the command that was running
}

// eachQueued visits the commands of a transaction. Their arguments are views.
func eachQueued(queued []queuedCommand, text [][]byte, visit func(cmd *command, args []string)) {
	args := make([]string, 0, 8)
	at := 0 // in text[0]
	for _, q := range queued {
		if at == len(text[0]) {
			text, at = text[1:], 0
		}
		args = args[:0]
		for range q.args {
			n, size := binary.Uvarint(text[0][at:])
			at += size
			args = append(args, viewString(text[0][at:at+int(n)]))
			at += int(n)
		}
		visit(q.cmd, args)
	}
}

const errExecAbort replyError = "EXECABORT Transaction discarded because of previous errors."

// readmit checks again what may have changed since a command was queued.
func (kv *KVStore) readmit(c *Client, cmd *command, args []string) error {
	reason := "no permission to execute the command or subcommand"
	switch kv.permit(c, cmd, args) {
	case nil:
		return nil
	case errNoPermKeys:
		reason = "no permission to touch the specified keys"
	case errNoPermChannels:
		reason = "no permission to access one of the channels used as arguments"
	}
	return errf("NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. "+
		"This command is no longer allowed for the following reason: %s", reason)
}

// cmdWatch serves WATCH key [key ...].
func (kv *KVStore) cmdWatch(c *Client, args []string) error {
	if c.txn.open {
		return errf("ERR WATCH inside MULTI is not allowed")
	}
	if !c.txn.dirty {
		for _, key := range args[1:] {
			c.watch(key)
		}
	}
	c.reply.OK()
	return nil
}

// cmdUnwatch serves UNWATCH.
func (kv *KVStore) cmdUnwatch(c *Client, args []string) error {
	c.unwatchAll()
	c.txn.dirty = false
	c.reply.OK()
	return nil
}

// A watchedKey is a key of a database that clients watch.
type watchedKey struct {
	db      *database
	key     string
	watches []*watch
}

// A watch is one client's interest in one key.
type watch struct {
	key     *watchedKey
	client  *Client
	at      int  // its place in key.watches
	expired bool // the key was there, but had expired, when WATCH came
}

// watchBytes is about what a watch takes, its part of the key included.
const watchBytes = 96

// watch starts watching a key of the client's database.
func (c *Client) watch(key string) {
	k := c.db.watched[key]
	if k == nil {
		k = &watchedKey{db: c.db, key: strings.Clone(key)}
		if c.db.watched == nil {
			c.db.watched = make(map[string]*watchedKey)
		}
		c.db.watched[k.key] = k
	} else if c.watches(k) {
		return
	}
	e := c.db.find(key)
	w := &watch{key: k, client: c, at: len(k.watches), expired: e.ok() && c.kv.expired(e)}
	k.watches = append(k.watches, w)
	c.txn.watched = append(c.txn.watched, w)
}

// watches reports whether the client watches the key already. It searches the
// shorter of the two lists that would hold the watch.
func (c *Client) watches(k *watchedKey) bool {
	if len(k.watches) < len(c.txn.watched) {
		return slices.ContainsFunc(k.watches, func(w *watch) bool { return w.client == c })
	}
	return slices.ContainsFunc(c.txn.watched, func(w *watch) bool { return w.key == k })
}

// unwatchAll ends the watching.
func (c *Client) unwatchAll() {
	for _, w := range c.txn.watched {
		k := w.key
		end := len(k.watches) - 1
		moved := k.watches[end]
		moved.at = w.at
		k.watches[w.at] = moved
		k.watches[end] = nil
		k.watches = k.watches[:end]
		if end == 0 {
			delete(k.db.watched, k.key)
		}
	}
	c.txn.watched = nil
}

// spoil makes the client's EXEC do nothing. There is no need to watch on.
func (c *Client) spoil() {
	c.txn.dirty = true
	c.txn.drop()
	c.unwatchAll()
}

// watchedExpired reports whether a watched key has expired since WATCH, though
// nobody has come across it yet.
func (c *Client) watchedExpired() bool {
	for _, w := range c.txn.watched {
		if w.expired {
			continue
		}
		if e := w.key.db.find(w.key.key); e.ok() && c.kv.expired(e) {
			return true
		}
	}
	return false
}

// touchWatched spoils the transactions of those who watch the key. A key that
// had expired before it was watched, and is now removed for it, has not changed.
func (db *database) touchWatched(key string) {
	k := db.watched[key]
	if k == nil {
		return
	}
	here := db.find(key).ok()
	// From the end: a watch that goes is replaced by the last one.
	for i := len(k.watches) - 1; i >= 0; i-- {
		if w := k.watches[i]; w.expired && !here {
			w.expired = false
		} else {
			w.client.spoil()
		}
	}
}

// touchAllWatched does it for every watched key of a database that is about to
// be emptied, or with other, to be replaced by that one. What is missing or
// has expired on both sides has not changed.
func (db *database) touchAllWatched(other *database) {
	for key, k := range db.watched {
		here := db.find(key).ok()
		var next entry
		if other != nil {
			next = other.find(key)
		}
		if !here && !next.ok() {
			continue
		}
		nextExpired := next.ok() && db.kv.expired(next)
		for i := len(k.watches) - 1; i >= 0; i-- {
			switch w := k.watches[i]; {
			case w.expired && !next.ok():
				w.expired = false
			case w.expired && nextExpired:
			case !here && nextExpired:
				w.expired = true
			default:
				w.client.spoil()
			}
		}
	}
}

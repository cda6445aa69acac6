package store

import (
	"strings"
	"time"
	"unsafe"
)

// The way of a command: admit, then queue or call. Everything that comes from
// outside takes it: clients, and later the master's stream, AOF replay and the
// Go API. EXEC goes through call for each command it runs. The mutex is held
// throughout.

// processCommand executes one command of a batch; kv.mu is held. What came
// in one read is one batch: execute locks once around all its commands.
func (kv *KVStore) processCommand(c *Client, args []string) {
	kv.client, c.argv = c, args
	mark, muted := len(c.reply.Buf), c.muted()
	replica := c.isReplica()
	cmd, err := kv.admit(c, args) // known? arity, auth, ACL, role, memory
	if cmd != nil {
		c.cmd = cmd
	}
	switch {
	case err == errPostponed:
		kv.park(c, parkedByPause)
	case err != nil:
		c.reject(cmd, err) // inside MULTI this also dooms EXEC
	case replica && cmd.flags.has(readonly|write):
		c.reject(cmd, errReplicaKeys)
	case c.txn.open && !cmd.flags.has(immediate):
		c.txn.queue(cmd, args)
		c.reply.Status("QUEUED")
	default:
		kv.call(c, cmd, args)
	}
	if muted {
		c.mute(mark)
	}
	if replica && len(c.reply.Buf) > mark {
		kv.expelReplica(c, c.reply.Buf[mark:])
	}
	if c.parked == notParked { // else the command, or its answer, is yet to come
		c.nextReplyMode()
	}
	kv.client, c.argv, c.pushes = nil, nil, nil
	if len(kv.blocked.ready) > 0 {
		kv.serveReadyKeys()
	}
}

// errPostponed is admit's word for a command that must wait: for a pause, a saver or
// MIGRATE to end.
const errPostponed replyError = "postponed"

// admit decides whether a command may run, in Redis's order of checks. It
// returns the command also with most errors, for its statistics.
func (kv *KVStore) admit(c *Client, args []string) (*command, error) {
	cmd := kv.hint.command(args)
	if cmd == nil {
		if cmd = kv.commands.lookup(args); cmd == nil {
			return nil, kv.unknown(c, args)
		}
	}
	if !cmd.checkArity(len(args)) {
		return cmd, errArity(cmd.full)
	}
	flags := cmd.flags
	if flags.has(dynamic) {
		flags = c.txn.flags(flags)
	}
	if flags.has(protected) {
		if err := kv.permitProtected(c, cmd); err != nil {
			return cmd, err
		}
	}
	if !c.authenticated && !flags.has(noAuth) && c.needsAuth() {
		return cmd, errNoAuth
	}
	if c.txn.open && flags.has(noMulti) {
		return cmd, errNotInMulti
	}
	if err := kv.permit(c, cmd, args); err != nil {
		return cmd, err
	}
	if kv.guarded {
		if err := kv.guard(c, cmd, flags); err != nil {
			return cmd, err
		}
	}
	if c.subs.n > 0 && c.reply.Proto == 2 && !flags.has(inPubsub) {
		return cmd, errf("ERR Can't execute '%s': only (P|S)SUBSCRIBE / "+
			"(P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context", cmd.full)
	}
	if kv.snapshot.loading.active || kv.repl.away {
		if err := kv.unavailable(flags); err != nil {
			return cmd, err
		}
	}
	if kv.pause.kind != pauseNone && kv.pausedFor(flags) || kv.saver != nil && kv.saver.mustWait(c, cmd, flags, args) {
		return cmd, errPostponed
	}
	return cmd, nil
}

// guard refuses what the state of the server does not allow: growing beyond
// maxmemory, writing what can be neither saved nor written down, writing without
// the replicas that are asked for, and writing on a replica. It postpones what has
// to wait for MIGRATE, and lets those who MONITOR do nothing else. kv.guarded says
// that one of these may be the case at all.
func (kv *KVStore) guard(c *Client, cmd *command, flags cmdFlags) error {
	queuing := c.txn.open && !flags.has(immediate)
	if kv.tracking.clients > 0 {
		kv.limitTracking()
	}
	switch {
	case kv.maxMemory > 0 && kv.tooMuch(c) && (flags.has(denyOOM) || queuing):
		return errOOM
	case (flags.has(write) || cmd.name == "ping") && kv.savingFails():
		return errMisconf
	case kv.journal != nil && (flags.has(write) || cmd.name == "ping") && kv.journal.troubled() != "":
		return errf("MISCONF Errors writing to the AOF file: %s", kv.journal.troubled())
	case flags.has(write) && int64(kv.repl.good) < kv.minReplicas && kv.Info.Role != "slave" && c.master == nil:
		return errNoReplicas
	case flags.has(write) && kv.readOnly:
		return errReadOnly
	case c.monitors && flags.has(write|readonly|mayReplicate) && !kv.snapshot.loading.active:
		return errNoKeyspace
	case len(kv.migrating) > 0 && kv.migrates(c, cmd, flags, c.argv):
		return errPostponed
	}
	return nil
}

// unavailable refuses what cannot be done while the data is loaded, or is not to
// be done while a replica has no link to its master.
func (kv *KVStore) unavailable(flags cmdFlags) error {
	l := &kv.snapshot.loading
	switch {
	case kv.repl.mute && !flags.has(stale):
		return errMasterDown
	case l.active && !flags.has(loading), l.async && flags.has(noAsyncLoading):
		return errLoading
	}
	return nil
}

const errNotInMulti replyError = "ERR Command not allowed inside a transaction"

// unknown is the answer to a command that is in no table.
func (kv *KVStore) unknown(c *Client, args []string) error {
	if cut, ok := attack(args[0]); ok {
		kv.log(logWarning, "Possible SECURITY ATTACK detected. It looks like somebody is sending %s commands to Redis. "+
			"This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis instance. "+
			"Connection from %s aborted.", cut, c.addr)
		c.kill()
		return errInternal // never sent: the connection is gone
	}
	if parent := kv.commands.find(args[0]); parent != nil && len(args) > 1 {
		return errUnknownSub(args[0], args[1])
	}
	return errUnknownCommand(args)
}

// attack recognizes the lines of an HTTP request that a browser was made to send.
func attack(name string) (string, bool) {
	var buf [commandNameMax]byte
	lower, ok := lowerInto(&buf, name)
	if ok && (string(lower) == "post" || string(lower) == "host:") {
		return "POST or Host:", true
	}
	return "", false
}

// call runs an admitted command and sees to its effects.
func (kv *KVStore) call(c *Client, cmd *command, args []string) {
	start := kv.clockNs
	if kv.nesting > 0 {
		start = int64(time.Since(kv.base))
	}
	dirty := kv.dirty
	outer := c.cmd
	c.cmd = cmd
	mark, muted := len(c.reply.Buf), c.muted()
	if kv.saver != nil && cmd.flags.has(write|mayReplicate) {
		kv.saver.beforeCommand(c, cmd, args)
	}
	err := cmd.run(kv, c, args)
	if kv.nesting == 0 {
		kv.readClock()
	}
	ns := kv.elapsed(start)
	kv.stats.commands++
	if err != nil {
		c.fail(cmd, err)
	}
	if muted {
		c.mute(mark)
	}
	kv.observed(c, cmd, args, ns)
	if kv.dirty > dirty || kv.effects.pending() { // less than before it is after SAVE
		kv.propagate(c, args, kv.dirty > dirty)
	}
	if c.tracking != nil {
		kv.tracked(c, cmd, args)
	}
	if kv.nesting > 0 {
		c.cmd = outer
	}
}

// fail sends the error a command ended with.
func (c *Client) fail(cmd *command, err error) {
	kv := c.kv
	cmd.stats.failed++
	reply, ok := err.(replyError)
	if !ok {
		kv.log(logWarning, "%s: %v", cmd.full, err)
		reply = errInternal
	}
	if c.master != nil {
		kv.complain(c, cmd, reply)
	}
	kv.stats.errorReply(reply)
	c.reply.Error(string(reply))
}

// reject sends the error that keeps a command from running. A transaction it
// was meant for will not be executed.
func (c *Client) reject(cmd *command, err error) {
	kv := c.kv
	if cmd != nil {
		cmd.stats.rejected++
	}
	if c.closing {
		return
	}
	c.txn.doom()
	c.tracking.forgetCaching(c, cmd)
	if cmd != nil && cmd.flags.has(dynamic) {
		// A rejected EXEC ends its transaction.
		c.txn.discard(c)
		err = errf("EXECABORT Transaction discarded because of: %s", strings.TrimPrefix(err.Error(), "ERR "))
	}
	if c.master != nil {
		kv.complain(c, cmd, err)
	}
	kv.stats.errorReply(err)
	c.reply.Error(err.Error())
}

// muted reports whether the client is not to be answered for the moment.
func (c *Client) muted() bool {
	return c.replyMode == replyOff || c.replyMode == replySkip || c.closeAfterReply
}

// mute drops what a command has answered since mark, unless it was the one to
// ask for answers again. What was pushed meanwhile stays.
func (c *Client) mute(mark int) {
	if !c.muted() {
		return
	}
	end := min(mark, c.reply.Len())
	for i, p := range c.pushes {
		if p.lo >= end {
			n := copy(c.reply.Buf[end:], c.reply.Buf[p.lo:p.hi])
			c.pushes[i] = span{end, end + n}
			end += n
		}
	}
	c.reply.Truncate(end)
}

// nextReplyMode goes on from CLIENT REPLY SKIP: the command behind it is not
// answered, the one after that is.
func (c *Client) nextReplyMode() {
	switch c.replyMode {
	case replySkip:
		c.replyMode = replyOn
	case replySkipNext:
		c.replyMode = replySkip
	}
}

// A commandHint is what the batch knows already of the command at hand.
type commandHint struct {
	args *string
	cmd  *command
	keyHint
}

// set prepares the hint for the next request of a batch.
func (h *commandHint) set(req *request, args []string) {
	h.args, h.cmd = &args[0], req.cmd
	if req.hashed {
		key := args[req.cmd.firstKey]
		h.keyHint = keyHint{unsafe.StringData(key), len(key), req.hash}
	} else {
		h.keyHint = keyHint{}
	}
}

// command is the command that args call, when the batch has looked it up.
func (h *commandHint) command(args []string) *command {
	if h.args != &args[0] {
		return nil
	}
	return h.cmd
}

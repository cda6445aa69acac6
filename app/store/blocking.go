package store

import "strings"

// Blocking commands on keys: BLPOP, BLMOVE, BZPOPMIN, XREAD.
//
// A handler with nothing to serve returns kv.block, which parks its client in
// the queue of each key it wants. A write that makes such a key marks the queue
// ready. Behind the whole command (or EXEC, or script) serveReadyKeys goes
// through the ready queues, oldest waiter first, and re-runs the command of each
// one that wants a value of the key's type: in the writer's turn, so that nobody
// comes between and replicas see one order of effects. What a re-run command
// makes ready in its turn (BLMOVE) is served behind it, until nothing is ready.
// Waiting ends by service, deadline (timeout.go), CLIENT UNBLOCK or leaving.
//
// Of a handler this asks, beside naming its effect as the command that does not
// block (BLPOP goes out as LPOP):
//
//   - It looks only at the keys of c.wanted(keys). While it is served that is
//     the one key that became ready, whatever stands under the others.
//   - When there is nothing for it, it returns kv.block every time. For a client
//     that waits already this means that it waits on, in its old place and with
//     its first deadline.
//
// A list or a sorted set is taken from until it is gone, so who does not find
// anything any more is not asked. A stream serves all its readers: each is
// re-run, and one that asked for later IDs waits on. XADD adds to a stream that
// is there, so it calls kv.keyReady itself, as XGROUP DESTROY does. XREAD has $
// replaced by the ID it stands for in wait.args, or it would wait for ever.
// XREADGROUP waits for the group as much as for entries, so it sets
// wait.needsStream: when the stream is deleted, or replaced by something else,
// the engine answers it with errStreamGone. That its group has gone it finds out
// by itself, being re-run; c.beingServed tells a re-run from a first run, where
// errors differ.
//
// Invariant: a client has a waiter exactly while it is parkedOnKeys, the waiter
// has one place in the queue of each key it waits for, no queue in
// database.waiting is empty, and the waiter is among the deadlines exactly when
// it has one.

// A wait is what a handler blocks for.
type wait struct {
	keys        []string      // may be views; naming one twice is naming it once
	typ         valueType     // of the value that serves it
	deadlineNs  int64         // on the clock of kv.clockNs; 0 for none
	onTimeout   func(*Client) // answers a client that has waited in vain; nil when CLIENT UNBLOCK cannot end it
	args        []string      // to be re-run instead of the command's own arguments; nil for those
	needsStream bool          // ends when the key is no stream any more
	replicas    int64         // that WAIT waits for
}

// A waiter is a blocked client.
type waiter struct {
	wait
	client   *Client
	cmd      *command
	asked    []string // the command as the client sent it, for the log
	ranNs    int64    // how long it ran until it blocked
	places   []queuePlace
	ready    *waitQueue // the queue it is being served from, nil outside of that
	waitsOn  bool       // the handler that was re-run has found nothing
	order    uint64     // of blocking, between equal deadlines
	deadline int        // its place among the deadlines
}

// A waitQueue is who waits for one key, the oldest first.
type waitQueue struct {
	db          *database
	key         string
	first, last *queuePlace
	groups      int  // waiters that need the stream
	ready       bool // in kv.blocked.ready
}

// A queuePlace is a waiter's place in one queue.
type queuePlace struct {
	waiter     *waiter
	queue      *waitQueue
	prev, next *queuePlace
}

// blockedState is what the store knows of its blocked clients besides the
// queues of each database.
type blockedState struct {
	ready     []*waitQueue // queues to be served, in the order their keys became ready
	deadlines deadlines
	order     uint64
}

// block makes the client wait. Within a transaction nobody can wait: there the
// time is up at once. It always returns nil, for handlers to return it.
func (kv *KVStore) block(c *Client, w wait) error {
	switch {
	case c.waiter != nil:
		c.waiter.waitsOn = true
	case kv.nesting > 0 || kv.snapshot.loading.active || c.master != nil:
		w.onTimeout(c)
	default:
		kv.enqueue(c, w)
		kv.park(c, parkedOnKeys)
	}
	return nil
}

// enqueue puts the client into the queues of its keys.
func (kv *KVStore) enqueue(c *Client, on wait) {
	asked := cloneArgs(c.argv)
	if on.args == nil {
		on.args = asked
	} else {
		on.args = cloneArgs(on.args)
	}
	kv.blocked.order++
	w := &waiter{wait: on, client: c, cmd: c.cmd, asked: asked, order: kv.blocked.order}
	w.places = make([]queuePlace, 0, len(on.keys)) // never grows: places are pointed at
	for _, key := range on.keys {
		if q := c.db.queueOf(key); q.last == nil || q.last.waiter != w {
			w.places = append(w.places, queuePlace{waiter: w, queue: q})
			q.push(&w.places[len(w.places)-1])
		}
	}
	w.keys = nil
	c.waiter = w
	if w.deadlineNs != 0 {
		kv.addDeadline(w)
	}
}

// cloneArgs copies arguments that are views of a buffer.
func cloneArgs(args []string) []string {
	size := 0
	for _, a := range args {
		size += len(a)
	}
	var text strings.Builder
	text.Grow(size)
	for _, a := range args {
		text.WriteString(a)
	}
	all := text.String()
	clones := make([]string, len(args))
	for i, a := range args {
		clones[i], all = all[:len(a)], all[len(a):]
	}
	return clones
}

// queueOf is the queue of a key, made when there is none.
func (db *database) queueOf(key string) *waitQueue {
	if q := db.waiting[key]; q != nil {
		return q
	}
	if db.waiting == nil {
		db.waiting = make(map[string]*waitQueue)
	}
	q := &waitQueue{db: db, key: strings.Clone(key)}
	db.waiting[q.key] = q
	return q
}

// push puts a place at the end of the queue.
func (q *waitQueue) push(p *queuePlace) {
	p.prev = q.last
	if q.last != nil {
		q.last.next = p
	} else {
		q.first = p
	}
	q.last = p
	if p.waiter.needsStream {
		q.groups++
	}
}

// remove takes a place out of the queue, and the queue out of the database
// when it is empty.
func (q *waitQueue) remove(p *queuePlace) {
	if p.prev != nil {
		p.prev.next = p.next
	} else {
		q.first = p.next
	}
	if p.next != nil {
		p.next.prev = p.prev
	} else {
		q.last = p.prev
	}
	if p.waiter.needsStream {
		q.groups--
	}
	if q.first == nil {
		delete(q.db.waiting, q.key)
	}
}

// unblock takes a blocked client out of all queues. It runs on; who calls has
// answered it, or it leaves.
func (kv *KVStore) unblock(c *Client) {
	w := c.waiter
	if w == nil {
		return
	}
	for i := range w.places {
		w.places[i].queue.remove(&w.places[i])
	}
	if w.deadlineNs != 0 {
		kv.blocked.deadlines.remove(w)
	}
	c.waiter = nil
	kv.unpark(c)
}

// wanted are those of the keys that a blocking command is to look at.
func (c *Client) wanted(keys []string) []string {
	if c.beingServed() {
		return []string{c.waiter.ready.key}
	}
	return keys
}

// beingServed reports whether the client's running command is one that had
// blocked and is run again.
func (c *Client) beingServed() bool { return c.waiter != nil && c.waiter.ready != nil }

// blocksFor reports whether there are commands that wait for values of the type.
func (t valueType) blocksFor() bool { return t == typeList || t == typeZset || t == typeStream }

// keyReady says that there may be something under key for those who wait for
// it. They are served when the command at hand has ended.
func (kv *KVStore) keyReady(db *database, key string) {
	if len(db.waiting) == 0 {
		return
	}
	if q := db.waiting[key]; q != nil && !q.ready {
		q.ready = true
		kv.blocked.ready = append(kv.blocked.ready, q)
	}
}

// keysReady looks through all keys of a database that somebody waits for, when
// the database has just got the keys that were in from. Both may be the same
// database: one that is about to be emptied.
func (kv *KVStore) keysReady(db, from *database) {
	for key := range db.waiting {
		now, was := db.find(key), from.find(key)
		if now.ok() && now.typ().blocksFor() || was.ok() && was.typ() == typeStream {
			kv.keyReady(db, key)
		}
	}
}

// serveReadyKeys serves who waits for a key that has become ready, and for
// what becomes ready by that. It ends, since each round takes waiters away or
// makes nothing ready.
func (kv *KVStore) serveReadyKeys() {
	for i := 0; i < len(kv.blocked.ready); i++ {
		q := kv.blocked.ready[i]
		kv.blocked.ready[i] = nil
		q.ready = false
		kv.serveQueue(q)
	}
	kv.blocked.ready = kv.blocked.ready[:0]
}

// serveQueue serves the waiters of one key in their order. A key that expired,
// and is only hidden, serves nobody.
func (kv *KVStore) serveQueue(q *waitQueue) {
	e := q.db.peek(q.key)
	if q.groups > 0 && !(e.ok() && e.typ() == typeStream) {
		q.each(func(w *waiter) bool {
			if w.needsStream {
				kv.resume(w, failWith(errStreamGone))
			}
			return true
		})
	}
	if !e.ok() || !e.typ().blocksFor() {
		return
	}
	t := e.typ()
	q.each(func(w *waiter) bool {
		if w.typ != t {
			return true
		}
		w.ready, w.waitsOn = q, false
		run := w.cmd.run
		if err := kv.permit(w.client, w.cmd, w.args); err != nil {
			run = failWith(err) // its user had the right when it blocked
		}
		kv.resume(w, run)
		w.ready = nil
		e := q.db.peek(q.key)
		return e.ok() && e.typ() == t
	})
}

// each visits the waiters until visit returns false. It may unblock the one
// that it is given.
func (q *waitQueue) each(visit func(w *waiter) bool) {
	for p := q.first; p != nil; {
		next := p.next
		if !visit(p.waiter) {
			return
		}
		p = next
	}
}

// resume runs something as the command of a blocked client, answers the client
// with it and lets it go on, unless it has to wait on. It is the second half of
// call: the command has been counted when it blocked, and its time adds up.
func (kv *KVStore) resume(w *waiter, run handler) {
	c, outer := w.client, kv.client
	kv.client = c
	dirty, start := kv.dirty, kv.clockNs
	mark, muted := len(c.reply.Buf), c.muted()
	err := run(kv, c, w.args)
	if kv.nesting == 0 {
		kv.readClock()
	}
	if err != nil {
		c.fail(w.cmd, err)
	}
	if muted {
		c.mute(mark)
	}
	waitsOn := w.ready != nil && w.waitsOn && err == nil
	kv.observedResumed(w, kv.clockNs-start, !waitsOn && (w.ready != nil || outer != nil))
	if kv.dirty > dirty || kv.effects.pending() {
		kv.propagate(c, w.args, kv.dirty > dirty)
	}
	kv.tellPending(c)
	c.pushes, kv.client = nil, outer
	if waitsOn {
		return
	}
	kv.unblock(c)
	c.lastActive = kv.nowMs
	c.nextReplyMode()
	c.push()
	if c.unread || c.conn == nil {
		c.kick() // else its next input wakes it
	}
}

// failWith is a handler that ends in an error.
func failWith(err error) handler {
	return func(*KVStore, *Client, []string) error { return err }
}

// timedOut is the handler of a client that has waited in vain.
func timedOut(kv *KVStore, c *Client, args []string) error {
	c.waiter.onTimeout(c)
	return nil
}

const (
	errStreamGone  replyError = "UNBLOCKED the stream key no longer exists"
	errUnblocked   replyError = "UNBLOCKED client unblocked via CLIENT UNBLOCK"
	errRoleChanged replyError = "UNBLOCKED force unblock from blocking operation, " +
		"instance state changed (master -> replica?)"
)

// dismissBlocked answers every client that is blocked on keys with an error and
// closes it: what it waits for is not this server's to give any more, since
// it has become a replica.
func (kv *KVStore) dismissBlocked() {
	for _, c := range kv.roster {
		if c.waiter != nil {
			kv.resume(c.waiter, failWith(errRoleChanged))
			c.closeAfterReply = true
			c.kick()
		}
	}
}

// blockingPop takes from the first of the keys that is there, or waits for one:
// what BLPOP, BZPOPMIN and their like do. The last argument is the time-out; name
// is the command that does it without waiting.
func (kv *KVStore) blockingPop(c *Client, args []string, t valueType, name string, take func(e entry, key string)) error {
	last := len(args) - 1
	deadline, err := kv.deadlineSeconds(args[last])
	if err != nil {
		return err
	}
	keys := c.wanted(args[1:last])
	for _, key := range keys {
		e, err := c.db.lookupTypeWrite(key, t)
		if err != nil {
			return err
		}
		if !e.ok() {
			continue
		}
		take(e, key)
		if kv.propagating() {
			c.effect(name, key)
		}
		return nil
	}
	return kv.block(c, wait{keys: keys, typ: t, deadlineNs: deadline, onTimeout: replyNullArray})
}

// replyNullArray is the answer to most commands that have waited in vain.
func replyNullArray(c *Client) { c.reply.NullArray() }

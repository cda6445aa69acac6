package store

import "sync/atomic"

// Output. Replies, pushes and invalidations for a client are appended to its
// one buffer under the mutex, so they leave in the order of execution. After
// the unlock whoever appended becomes the client's flusher, unless it has one,
// and does one non-blocking write. What the socket does not take, and all
// output of a portable connection, is left to a goroutine that ends when the
// buffer is empty. So a connection's own goroutine never waits in a write: it
// goes on reading and executing until the output buffer limit closes it.

// A client's flusher is in one of these states.
const (
	flushIdle   int32 = iota // nobody writes
	flushBusy                // somebody writes
	flushMore                // somebody writes, and will look for more under the mutex
	flushFailed              // nobody writes any more
)

// An output is the part of a client's output that has left its reply buffer.
type output struct {
	state     atomic.Int32
	queued    atomic.Int64  // bytes that a writer goroutine has not written yet
	queue     [][]byte      // guarded by kv.mu: full buffers behind the flusher's
	held      int64         // guarded by kv.mu: bytes in queue
	listed    bool          // guarded by kv.mu: in kv.flushes
	quiet     chan struct{} // guarded by kv.mu: closed when the flusher stops, for who waits for it
	softSince int64         // guarded by kv.mu: when the soft limit was passed, ms; 0 when it is not
	peak      int64         // guarded by kv.mu
}

// pendingOutput is the number of bytes that wait to be sent. kv.mu is held.
func (c *Client) pendingOutput() int64 {
	return int64(len(c.reply.Buf)) + c.out.held + c.out.queued.Load() + c.lag()
}

// takeOutput makes the caller the client's flusher and gives it the output,
// or nil when there is none or when somebody else is at it. kv.mu is held.
func (c *Client) takeOutput() []byte {
	if len(c.reply.Buf) == 0 && len(c.out.queue) == 0 && !c.behind() || c.conn == nil {
		return nil
	}
	if c.closing {
		c.dropOutput()
		return nil
	}
	if c.out.state.CompareAndSwap(flushIdle, flushBusy) || !c.tellFlusher() {
		return c.nextOutput()
	}
	// A slow reader: keep the buffers small, so that none is copied to grow.
	if len(c.reply.Buf) >= readSize {
		c.out.queue = append(c.out.queue, c.reply.Buf)
		c.out.held += int64(len(c.reply.Buf))
		c.reply.Buf = nil
	}
	return nil
}

// tellFlusher makes the flusher look for more before it stops. It reports
// false when the flusher has just stopped; then the caller is the flusher.
// kv.mu is held.
func (c *Client) tellFlusher() bool {
	for {
		switch c.out.state.Load() {
		case flushIdle:
			if c.out.state.CompareAndSwap(flushIdle, flushBusy) {
				return false
			}
		case flushBusy:
			if c.out.state.CompareAndSwap(flushBusy, flushMore) {
				return true
			}
		default:
			return true
		}
	}
}

// nextOutput takes the oldest buffer for the flusher. kv.mu is held.
func (c *Client) nextOutput() []byte {
	buf := c.reply.Buf
	switch {
	case len(c.out.queue) == 0 && len(buf) == 0 && c.behind():
		buf = c.kv.repl.stream.next(&c.replica.place)
	case len(c.out.queue) == 0:
		c.reply.Buf = nil
	default:
		buf = c.out.queue[0]
		c.out.queue[0] = nil
		c.out.queue = c.out.queue[1:]
		c.out.held -= int64(len(buf))
		if len(c.out.queue) == 0 {
			c.out.queue = nil
		}
	}
	// Who waits for the flusher is woken under the mutex, which the flusher
	// takes only when it is told that there is more.
	if len(c.out.queue) > 0 || len(c.reply.Buf) > 0 || c.out.quiet != nil || c.behind() {
		c.out.state.Store(flushMore)
	} else {
		c.out.state.Store(flushBusy)
	}
	return buf
}

// flush writes what takeOutput gave, as much as the connection takes at once,
// and leaves the rest to a goroutine. own says that the caller is the client's
// own goroutine.
func (c *Client) flush(buf []byte, own bool) {
	for buf != nil {
		n, err := c.writeSome(buf, own)
		if err != nil {
			c.writeFailed()
			return
		}
		if n < len(buf) {
			c.out.queued.Store(int64(len(buf) - n))
			go c.writeOut(buf[n:])
			return
		}
		if own && c.ws != nil && c.ws.out == nil && cap(buf) <= spareMax && c.replica == nil {
			c.ws.out = buf[:0]
		}
		buf = c.doneOutput()
	}
}

// writeSome does one write that does not wait.
func (c *Client) writeSome(buf []byte, own bool) (n int, err error) {
	switch {
	case c.raw == nil:
		return 0, nil
	case own:
		n, err = c.writeNow(buf)
	default:
		n, err = c.writeBeside(buf)
	}
	c.kv.netOut.Add(int64(n))
	c.kv.writes.Add(1)
	if c.replica != nil {
		c.kv.repl.netOut.Add(int64(n))
	}
	return n, err
}

// doneOutput ends the caller's turn as flusher, or gives it more to write.
func (c *Client) doneOutput() []byte {
	if c.out.state.CompareAndSwap(flushBusy, flushIdle) {
		return nil
	}
	buf, due := c.moreOutput()
	due.wait() // it may be from a turn that has just ended
	return buf
}

// moreOutput takes what has come meanwhile, or ends the caller's turn as flusher.
func (c *Client) moreOutput() ([]byte, settlement) {
	kv := c.kv
	kv.mu.Lock()
	defer kv.mu.Unlock()
	if c.closing {
		c.dropOutput()
	}
	if len(c.reply.Buf) == 0 && len(c.out.queue) == 0 && !c.behind() {
		c.stopFlushing(flushIdle)
		return nil, settlement{}
	}
	return c.nextOutput(), kv.handOver()
}

// stopFlushing ends the flusher's turn and wakes who waits for that. kv.mu is held.
func (c *Client) stopFlushing(state int32) {
	c.out.state.Store(state)
	if c.out.quiet != nil {
		close(c.out.quiet)
		c.out.quiet = nil
	}
}

// writeOut writes until there is nothing left or the connection fails.
func (c *Client) writeOut(buf []byte) {
	kv := c.kv
	for buf != nil {
		for len(buf) > 0 {
			c.out.queued.Store(int64(len(buf)))
			n, err := c.conn.Write(buf[:min(len(buf), keepSize)])
			kv.netOut.Add(int64(n))
			kv.writes.Add(1)
			buf = buf[n:]
			if err != nil {
				c.writeFailed()
				return
			}
		}
		c.out.queued.Store(0)
		buf = c.doneOutput()
	}
}

// dropOutput forgets what has not been sent. kv.mu is held.
func (c *Client) dropOutput() {
	c.reply.Buf = nil
	c.out.queue, c.out.held = nil, 0
}

// writeFailed ends a client that cannot be written to.
func (c *Client) writeFailed() {
	c.kv.mu.Lock()
	defer c.kv.mu.Unlock()
	c.out.queued.Store(0)
	c.dropOutput()
	c.kill()
	c.stopFlushing(flushFailed)
}

// drain waits until everything for a client that closes after its reply has
// been written. A client that is killed meanwhile is not waited for.
func (c *Client) drain() {
	c.kv.mu.Lock()
	wanted := c.closeAfterReply && !c.closing
	c.kv.mu.Unlock()
	if wanted {
		c.awaitFlusher()
	}
}

// awaitFlusher waits until nobody writes to the connection. It is soon over
// when the connection is closed or past its deadline.
func (c *Client) awaitFlusher() {
	for {
		c.kv.mu.Lock()
		state := c.out.state.Load()
		if state == flushIdle || state == flushFailed {
			c.kv.mu.Unlock()
			return
		}
		if !c.tellFlusher() {
			c.stopFlushing(flushIdle)
			c.kv.mu.Unlock()
			return
		}
		if c.out.quiet == nil {
			c.out.quiet = make(chan struct{})
		}
		quiet := c.out.quiet
		c.kv.mu.Unlock()
		<-quiet
	}
}

// A push is a message that answers no command: of a channel, of a subscription
// that began or ended. beginPush comes before it is appended to the client's
// reply and endPush, with what beginPush returned, after it. ok is false when
// the client takes no more output. CLIENT REPLY silences replies and never
// pushes. kv.mu is held.
func (c *Client) beginPush() (mark int, ok bool) {
	return c.reply.Len(), !c.closing && !c.closeAfterReply
}

// endPush ends what beginPush began.
func (c *Client) endPush(mark int) {
	if c.kv.client != c {
		c.push()
	} else if c.muted() {
		c.pushes = append(c.pushes, span{mark, c.reply.Len()})
	}
}

// A span is a part of the reply buffer.
type span struct{ lo, hi int }

// push enters the client among those to be flushed at the end of the caller's
// turn. It is for output that comes from elsewhere than the client's own
// batch. kv.mu is held.
func (c *Client) push() {
	if !c.out.listed && c.conn != nil {
		c.out.listed = true
		c.kv.flushes = append(c.kv.flushes, c)
	}
}

// A flushJob is output that has to be written after the unlock.
type flushJob struct {
	c   *Client
	buf []byte
}

// unlock ends a turn with the mutex: it releases it and writes what the turn
// has appended to clients, once the append-only file has what it did.
func (kv *KVStore) unlock() {
	jobs := kv.takeFlushes()
	due := kv.handOver()
	kv.mu.Unlock()
	due.wait()
	flushAll(jobs)
}

// takeFlushes takes what the turn has appended to clients other than the
// caller's own. kv.mu is held.
func (kv *KVStore) takeFlushes() []flushJob {
	if kv.repl.stream.news {
		kv.showStream()
	}
	if len(kv.tracking.changed) > 0 {
		kv.broadcast()
	}
	if kv.counting() {
		kv.takeCensus()
	}
	if len(kv.flushes) == 0 {
		return nil
	}
	jobs := make([]flushJob, 0, len(kv.flushes))
	for i, c := range kv.flushes {
		kv.flushes[i] = nil
		c.out.listed = false
		c.checkOutputLimit()
		if buf := c.takeOutput(); buf != nil {
			jobs = append(jobs, flushJob{c, buf})
		}
	}
	kv.flushes = kv.flushes[:0]
	return jobs
}

// flushAll writes from a goroutine that is none of the clients' own.
func flushAll(jobs []flushJob) {
	for _, job := range jobs {
		job.c.flush(job.buf, false)
	}
}

// strangerOutputMax is what may wait for a client that has not authenticated.
const strangerOutputMax = 1 << 10

// checkOutputLimit closes a client whose output has passed its limit: the hard
// one at once, the soft one when it has lasted. kv.mu is held.
func (c *Client) checkOutputLimit() {
	size := c.pendingOutput()
	if size > c.out.peak {
		c.out.peak = size
	}
	limit := c.kv.outputLimits[c.class()]
	if c.isReplica() {
		// Who is not behind the backlog costs nothing.
		limit.hard = max(limit.hard, min(limit.hard, 1)*c.kv.repl.stream.size)
	} else {
		size = limitedBytes(size)
	}
	stranger := size > strangerOutputMax && c.needsAuth()
	if size == 0 || c.closing || limit.hard == 0 && limit.soft == 0 && !stranger {
		c.out.softSince = 0
		return
	}
	over := stranger || limit.hard > 0 && size >= limit.hard
	if limit.soft > 0 && size >= limit.soft {
		if c.out.softSince == 0 {
			c.out.softSince = c.kv.nowMs
		} else if c.kv.nowMs-c.out.softSince > limit.softMs {
			over = true
		}
	} else {
		c.out.softSince = 0
	}
	if !over {
		return
	}
	c.kv.log(logWarning, "Client %s scheduled to be closed ASAP for overcoming of output buffer limits.", c.describe())
	c.kv.stats.outputLimitClosed++
	c.dropOutput()
	c.kill()
}

// replyLook is how many bytes of a reply of any length are written between two looks at its length.
const replyLook = 64 << 10

// checkReplyLimit is checkOutputLimit in the middle of a reply whose length the
// client was free to choose. Where no limit is set it closes the client before
// one reply takes a quarter of the machine's memory: the whole of it is put together
// in one turn, and nobody could do anything meanwhile. kv.mu is held.
func (c *Client) checkReplyLimit() {
	c.checkOutputLimit()
	if size := int64(c.reply.Len()); !c.closing && size > c.kv.replyMax() {
		c.kv.log(logWarning, "Client %s closed: a reply of %d bytes and more to come.", c.describe(), size)
		c.kv.stats.outputLimitClosed++
		c.dropOutput()
		c.kill()
	}
}

// replyMax is the greatest such reply: a quarter of maxmemory or, where there is
// none, of the machine's memory. It is never below what a moderate count comes to.
func (kv *KVStore) replyMax() int64 {
	const (
		atLeast = 64 << 20
		unknown = 4 << 30 // where the system does not tell what it has
	)
	total := kv.maxMemory
	if total == 0 {
		total = systemMemory()
	}
	if total == 0 {
		total = unknown
	}
	return max(total/4, atLeast)
}

// limitedBytes is what Redis holds against a limit when size bytes wait: the
// first 16 KiB lie in a buffer of the client's own and do not count; the rest
// counts by the blocks it would fill.
func limitedBytes(size int64) int64 {
	const (
		ownBuffer  = 16 << 10
		block      = 20480 - 16 // a block of 16 KiB and its header, as allocated
		blockCosts = block + 40 // with its place in the list
	)
	return max(size-ownBuffer+block-1, 0) / block * blockCosts
}

// A clientClass selects an output buffer limit.
type clientClass uint8

const (
	classNormal clientClass = iota
	classReplica
	classPubsub
	clientClasses
)

// class is the client's class for its output buffer limit.
func (c *Client) class() clientClass {
	switch {
	case c.isReplica():
		return classReplica
	case c.subs.count() > 0:
		return classPubsub
	}
	return classNormal
}

// An outputLimit is a class's client-output-buffer-limit.
type outputLimit struct {
	hard, soft int64 // bytes, 0 for none
	softMs     int64
}

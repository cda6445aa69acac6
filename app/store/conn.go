package store

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// Serving a connection. The goroutine of a client reads, executes what it has
// read as one batch, hands the replies over (output.go) and waits for more.
// On the raw path (conn_unix.go) all of it happens inside one RawConn.Read
// callback; on the portable path over plain net.Conn. Only this goroutine
// closes the connection. Whoever wants it closed or resumed sets a flag under
// the mutex and then moves the deadline into the past. The goroutine clears
// the deadline first, looks at its flags second and waits third: in any other
// order a kick would be lost.

// A Connection is what a server's accept loop hands over.
type Connection struct {
	Conn       net.Conn
	TxnStarted bool       // serve the client as if it had sent MULTI
	TxnQueue   [][]string // and these commands after it
}

// HandleConnection serves one client until it leaves, and closes the
// connection. Requests that the parser has buffered already are served first;
// a nil Conn is left alone.
func (kv *KVStore) HandleConnection(connection Connection, parser *resp.Parser) {
	conn := connection.Conn
	if conn == nil {
		return
	}
	kv.start()
	if t, ok := conn.(*tls.Conn); ok && !kv.greet(t) {
		return
	}
	var ahead []byte
	if parser != nil {
		ahead = parser.Detach()
	}
	c := kv.newClient(interruptible(conn, parser))
	if c == nil {
		return
	}
	defer kv.serving.Done()
	defer kv.reportPanic()
	c.preload(ahead)
	if connection.TxnStarted {
		kv.mu.Lock()
		c.txn.adopt(kv, connection.TxnQueue)
		kv.mu.Unlock()
	}
	if c.raw != nil {
		c.serveRaw()
	} else {
		c.servePortable()
	}
	c.goodbye()
}

// goodbye ends a client whose goroutine is done with it. When it returns,
// nobody uses the client any more.
func (c *Client) goodbye() {
	kv := c.kv
	c.drain()
	c.lastWords()
	kv.mu.Lock()
	c.closing = true
	for kv.unsubscribeSome(c, unsubscribeStep) {
		kv.mu.Unlock() // let others in
		kv.mu.Lock()
	}
	kv.leave(c)
	kv.unlock()
	c.conn.Close()
	c.awaitFlusher()
	c.releaseWorkspace(true)
}

// lastWords waits a moment for the answers to what a portable connection sent
// before it ended: there they are written by another goroutine. On the raw
// path the socket has taken them, or what it would take of them.
func (c *Client) lastWords() {
	if c.raw != nil {
		return
	}
	late := time.AfterFunc(lastWordsTimeout, func() { c.conn.Close() })
	defer late.Stop()
	c.awaitFlusher()
}

// lastWordsTimeout is long, for who is starved of processor time must not lose them;
// somebody who has gone ends the waiting sooner.
const lastWordsTimeout = 10 * time.Second

// unsubscribeStep is how many subscriptions a leaving client gives up under one lock.
const unsubscribeStep = 1000

// A workspace is what a client needs only while it has something to do.
// Idle clients hold none.
type workspace struct {
	in     []byte
	out    []byte // spare reply buffer
	args   []string
	batch  []request
	next   int // in batch: the first that has not been executed
	hashes []uint64
}

// A request is one parsed command of a batch.
type request struct {
	lo, hi int // its arguments: ws.args[lo:hi]
	end    int // of its bytes in ws.in
	cmd    *command
	hash   uint64 // of its first key
	hashed bool
}

const (
	readSize   = 32 << 10         // what one read of an idle client may bring
	keepSize   = 64 << 10         // larger buffers are not kept by idle clients
	busySize   = 1 << 20          // nor larger ones than this by busy clients
	batchMax   = 256              // commands parsed ahead and executed under one lock
	outputStep = 256 << 10        // bytes of replies after which the lock is given up
	spareMax   = 2 * outputStep   // what a buffer of replies grows to meanwhile; larger ones are not used again
	pushStep   = 1 << 20          // and of messages to others
	batchSlice = time.Millisecond // and time, to be looked at behind each command
)

var workspaces = sync.Pool{New: func() any {
	return &workspace{in: make([]byte, readSize), out: make([]byte, 0, readSize)}
}}

func (c *Client) takeWorkspace() {
	if c.ws == nil {
		c.ws = workspaces.Get().(*workspace)
	}
}

// releaseWorkspace gives the buffers back when nothing is left in them, or in
// any case when the client goes.
func (c *Client) releaseWorkspace(gone bool) {
	if c.ws == nil {
		return
	}
	if c.r != c.w && !gone {
		c.noteInput(c.w-c.r-c.decoder.Parsed(), len(c.ws.in))
		return
	}
	c.noteInput(0, 0)
	c.r, c.w = 0, 0
	ws := c.ws
	c.ws = nil
	if cap(ws.in) > keepSize || cap(ws.out) > spareMax || cap(ws.args) > 8*batchMax {
		return
	}
	ws.forget()
	workspaces.Put(ws)
}

// noteInput leaves word of the input an idle client holds.
func (c *Client) noteInput(size, room int) {
	if size != c.noted {
		c.noted = size
		c.pending.Store(int64(size))
		c.inputSize.Store(int64(room))
	}
}

// forget empties the batch.
func (ws *workspace) forget() {
	clear(ws.args)
	ws.args, ws.batch, ws.hashes, ws.next = ws.args[:0], ws.batch[:0], ws.hashes[:0], 0
}

// preload puts bytes that were read elsewhere before the client's input.
func (c *Client) preload(b []byte) {
	if len(b) == 0 {
		return
	}
	c.takeWorkspace()
	c.growInput(len(b))
	c.w = copy(c.ws.in, b)
}

// room makes space for reading more. What is unread moves to the front first;
// then the buffer at most doubles, up to what the decoder needs, so that the
// memory follows what was sent and not what was announced.
func (c *Client) room() {
	ws := c.ws
	if c.r == c.w {
		c.r, c.w = 0, 0
		if len(ws.in) > busySize {
			ws.in = make([]byte, readSize)
		}
	}
	need := max(c.decoder.Need(), c.w-c.r+minRead)
	if c.r+need <= len(ws.in) {
		return
	}
	if c.r > 0 {
		c.w = copy(ws.in, ws.in[c.r:c.w])
		c.r = 0
	}
	if c.w+minRead > len(ws.in) || c.w == len(ws.in) {
		c.growInput(min(2*len(ws.in), max(need, c.w+minRead)))
	}
}

// growInput makes the read buffer at least size bytes.
func (c *Client) growInput(size int) {
	if size > len(c.ws.in) {
		grown := make([]byte, size)
		copy(grown, c.ws.in[:c.w])
		c.ws.in = grown
	}
}

// minRead is the least space a read is given.
const minRead = 4 << 10

// consume executes the complete requests that were read. It reports false when
// the client is to be closed.
func (c *Client) consume() bool {
	if c.waiting && !c.resumed() || c.finished {
		return !c.finished
	}
	for c.r < c.w || c.failed != nil {
		if c.ws.next == len(c.ws.batch) {
			c.parse()
			if len(c.ws.batch) == 0 && c.failed == nil {
				break
			}
		}
		if more := c.execute(); !more {
			break
		}
	}
	return !c.finished
}

// resumed reports whether the client's parking has ended, perhaps with the
// client. What it sends meanwhile is only kept: parsing the same input with
// each read would add up.
func (c *Client) resumed() bool {
	c.kv.mu.Lock()
	defer c.kv.mu.Unlock()
	c.waiting = c.parked != notParked
	c.unread = c.waiting && c.r < c.w
	c.finished = c.closing || c.closeAfterReply
	return !c.waiting
}

// parse fills the batch with the complete requests at hand, up to batchMax.
// A protocol error is kept until what came before it has been executed.
func (c *Client) parse() {
	kv, ws := c.kv, c.ws
	ws.batch, ws.args, ws.hashes, ws.next = ws.batch[:0], ws.args[:0], ws.hashes[:0], 0
	at := c.r
	for at < c.w && len(ws.batch) < batchMax {
		lo := len(ws.args)
		args, n, err := c.decoder.Next(ws.in[at:c.w], ws.args)
		ws.args = args
		if err != nil {
			c.failed = err
			return
		}
		if n == 0 {
			break
		}
		at += n
		if len(args) == lo {
			if len(ws.batch) == 0 {
				c.r = at // an empty request before anything else
			} else {
				ws.batch[len(ws.batch)-1].end = at
			}
			continue
		}
		req := request{lo: lo, hi: len(args), end: at}
		req.cmd = kv.commands.lookup(args[lo:])
		if req.cmd != nil {
			req.hash, req.hashed = req.cmd.hashOfFirstKey(kv.keyType, args[lo:])
			if req.hashed {
				ws.hashes = append(ws.hashes, req.hash)
			}
		}
		ws.batch = append(ws.batch, req)
	}
}

// execute runs the batch, or a good part of it, under one lock and sends the
// replies. It reports whether the client may go on with what it has read.
func (c *Client) execute() bool {
	kv, ws := c.kv, c.ws
	kv.mu.Lock()
	kv.readClock()
	start := kv.clockNs
	if c.closing {
		c.finished = true
		kv.mu.Unlock()
		return false
	}
	if c.reply.Buf == nil {
		c.reply.Buf = ws.out[:0]
		ws.out = nil
	}
	more := c.runBatch()
	if more && c.failed != nil && ws.next == len(ws.batch) {
		mark := c.reply.Len()
		c.reply.Error(c.failed.Error())
		c.mute(mark)
		kv.stats.errorReply(c.failed)
		c.failed = nil
		c.closeAfterReply = true
		more = false
	}
	if len(kv.tracking.changed) > 0 {
		kv.broadcast()
	}
	c.checkOutputLimit()
	if kv.counting() {
		c.countTurn()
		kv.checkCensus()
	}
	c.finished = c.closing || c.closeAfterReply
	c.spentNs += kv.clockNs - start
	c.waiting = c.parked != notParked
	c.unread = c.waiting && c.r < c.w
	buf := c.takeOutput()
	jobs := kv.takeFlushes()
	due := kv.handOver()
	kv.mu.Unlock()
	due.wait()
	if buf != nil {
		c.flush(buf, true)
	}
	flushAll(jobs)
	return more
}

// runBatch executes the requests of the batch in order. It reports false when
// the client has to wait or to go. What a command leaves behind unexecuted that
// changes how requests are parsed or whether they run is parsed again; when
// only enough is done for one turn, the batch goes on in the next.
func (c *Client) runBatch() bool {
	kv, ws := c.kv, c.ws
	if poisonInput {
		defer func(from int) { poison(ws.in[from:c.r]) }(c.r)
	}
	c.lastActive = kv.nowMs
	c.endBatch = false
	kv.channels.sent = 0
	end := kv.clockNs + int64(batchSlice)
	if c.parked != notParked {
		c.abandonBatch()
		return false
	}
	if ws.next == 0 && len(ws.hashes) > 1 {
		c.db.keys.Touch(kv.keyType, ws.hashes)
		c.db.touchElements(ws)
	}
	for ws.next < len(ws.batch) {
		req := &ws.batch[ws.next]
		args := ws.args[req.lo:req.hi]
		kv.hint.set(req, args)
		kv.processCommand(c, args)
		if c.parked == parkedByPause {
			c.abandonBatch() // the command itself will be parsed again
			return false
		}
		c.r = req.end
		ws.next++
		if c.endBatch {
			c.abandonBatch()
			return !c.closing && !c.closeAfterReply && c.parked == notParked
		}
		if len(c.reply.Buf) > outputStep || kv.channels.sent > pushStep || kv.clockNs > end {
			break
		}
	}
	return true
}

// abandonBatch leaves what was not executed to be parsed again.
func (c *Client) abandonBatch() {
	c.ws.batch, c.ws.next = c.ws.batch[:0], 0
	c.failed = nil
	c.resetDecoder()
}

// resetDecoder forgets the request the decoder is in the middle of.
func (c *Client) resetDecoder() { c.decoder = resp.Decoder{Limits: c.decoder.Limits} }

// servePortable serves any net.Conn.
func (c *Client) servePortable() {
	idle := make([]byte, idleRead)
	for {
		if !c.consume() {
			return
		}
		c.releaseWorkspace(false)
		n, err := c.read(idle)
		if n > 0 && !c.received(n) {
			return
		}
		if err != nil && !c.interrupted(err) {
			c.consume() // what came together with the end is still executed
			return
		}
	}
}

// idleRead is what an idle portable connection reads at first. It has no
// workspace while it waits.
const idleRead = 512

// read reads some more input.
func (c *Client) read(idle []byte) (n int, err error) {
	if c.ws != nil {
		c.room()
		n, err = c.conn.Read(c.ws.in[c.w:])
	} else if n, err = c.conn.Read(idle); n > 0 {
		c.takeWorkspace()
		copy(c.ws.in, idle[:n])
	}
	c.w += n
	return n, err
}

// interrupted reports whether a read ended because somebody kicked the client
// and the client is to go on.
func (c *Client) interrupted(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	c.conn.SetReadDeadline(time.Time{})
	c.kv.mu.Lock()
	defer c.kv.mu.Unlock()
	return !c.closing
}

// received counts n bytes of input and holds what is not parsed yet against
// the limit of the query buffer. It reports whether the client may stay.
func (c *Client) received(n int) bool {
	kv := c.kv
	kv.netIn.Add(int64(n))
	kv.reads.Add(1)
	size := c.w - c.r - c.decoder.Parsed()
	if int64(size) <= kv.queryLimit.Load() {
		return !kv.censusOn.Load() || c.countInput()
	}
	kv.mu.Lock()
	defer kv.mu.Unlock()
	kv.log(logWarning, "Closing client that reached max query buffer length: %s (qbuf initial bytes: %q)",
		c.describe(), kv.shownInput(c.ws.in[c.r:min(c.r+64, c.w)]))
	return false
}

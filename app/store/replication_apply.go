package store

import (
	"bufio"
	"net"
	"os"
	"strings"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// Applying the master's stream. Its commands are executed in the place of a client
// that stands for the master, in batches, as those of any client are. But they are
// not admitted: the master has done that. They may write, whatever this server
// refuses to others, see the keys that have expired, for the master will say when
// they go, and are not answered; an error is logged.
//
// What has been applied goes on to the replicas of this server as it came, byte for
// byte, and is the server's own stream from then on. A transaction counts as applied
// when its EXEC has run.

// An applier is the executing side of a link that is up.
type applier struct {
	l       *masterLink
	at      int    // in the read buffer: before it all bytes are accounted for
	applied int    // and before this one all are applied
	held    []byte // what came before at and is not: of a transaction that is still open
	waits   bool   // the next command cannot run yet
}

// up makes the link one that is up. kv.mu is held.
func (l *masterLink) up(conn net.Conn, db int) {
	kv := l.kv
	c := &Client{kv: kv, conn: conn, fd: -1, directFD: -1, master: l, authenticated: true}
	c.takeConn()
	c.decoder.Limits = resp.Limits{Bulk: linkBulkMax, Inline: inlineMaxBytes, Args: multibulkMax}
	c.reply.Proto = 2
	kv.enter(c)
	if db > 0 && db < len(kv.dbs) {
		c.db = kv.dbs[db]
	}
	l.client = c
	l.ackMs = kv.nowMs + linkRetry.Milliseconds()
	kv.repl.downSince = 0
	l.setState(linkUp)
}

// linkBulkMax is the longest argument that is taken from a master, which may have
// a greater proto-max-bulk-len than this server. Memory follows what has come, not
// what is announced.
const linkBulkMax = 4 << 30

// stream applies what the master sends until the connection breaks.
func (l *masterLink) stream(in *bufio.Reader) {
	kv := l.kv
	kv.mu.Lock()
	c := l.client
	kv.mu.Unlock()
	if c == nil {
		return
	}
	c.takeWorkspace()
	c.growInput(linkBuffer)
	ahead, _ := in.Peek(in.Buffered())
	c.preload(ahead)
	a := &applier{l: l}
	src := linkReader{l, c.conn}
	for a.consume(c) {
		n, err := src.Read(c.ws.in[c.w:])
		c.w += n
		if err != nil && !c.interrupted(err) {
			a.consume(c)
			break
		}
	}
	kv.mu.Lock()
	l.down(true)
	kv.unlock()
	c.conn.Close()
	c.awaitFlusher()
	c.releaseWorkspace(true)
}

// consume executes the complete commands that were read. It reports false when the
// connection is to be closed.
func (a *applier) consume(c *Client) bool {
	for c.r < c.w {
		a.at, a.applied = c.r, c.r
		c.parse()
		if c.failed == nil && len(c.ws.batch) == 0 && a.at == c.r {
			break
		}
		if !a.execute(c) {
			return false
		}
	}
	c.room() // a buffer that a big command made is given up before it is counted
	c.noteInput(c.w-c.r, len(c.ws.in))
	return true
}

// execute runs a batch, or what of it can be run now, in one turn.
func (a *applier) execute(c *Client) (more bool) {
	kv := c.kv
	kv.mu.Lock()
	kv.readClock()
	if c.closing || !a.l.wanted() {
		kv.mu.Unlock()
		return false
	}
	start := kv.clockNs
	from := a.at
	more = a.run(c)
	a.account(c)
	if poisonInput {
		poison(c.ws.in[from:c.r])
	}
	c.spentNs += kv.clockNs - start
	kv.unlock()
	if a.waits {
		a.waits = false
		c.noteInput(c.w-c.r, len(c.ws.in)) // it has come, though it is not applied
		a.l.alive()                        // it is not the master that is late
		time.Sleep(applyPause)
	} else if c.spentNs > turnNs {
		c.spentNs = 0
		kv.yielders.yield()
	}
	return more
}

// applyPause is how long the stream rests when its next command has to wait.
const applyPause = time.Millisecond

// run executes the requests of a batch in order. It reports false when the
// connection is to be closed.
func (a *applier) run(c *Client) bool {
	kv, ws := c.kv, c.ws
	c.lastActive = kv.nowMs
	end := kv.clockNs + int64(batchSlice)
	if len(ws.hashes) > 1 {
		c.db.keys.Touch(kv.keyType, ws.hashes)
		c.db.touchElements(ws)
	}
	for ws.next < len(ws.batch) {
		req := &ws.batch[ws.next]
		if ws.in[c.r] != '*' {
			kv.log(logWarning, "WARNING: Receiving inline protocol from master, master stream corruption? "+
				"Closing the master connection and discarding the cached master.")
			return a.corrupt(c, "Master using the inline protocol. Desync?")
		}
		args := ws.args[req.lo:req.hi]
		if a.mustWait(c, req.cmd, args) {
			a.waits = true
			c.abandonBatch() // the command itself will be parsed again
			return true
		}
		kv.hint.set(req, args)
		a.apply(c, req.cmd, args)
		c.r = req.end
		ws.next++
		if !c.txn.open {
			a.applied = c.r
		}
		switch {
		case c.closing || c.closeAfterReply || !a.l.wanted():
			return false
		case kv.clockNs > end && ws.next < len(ws.batch):
			c.abandonBatch() // others have their turn
			return true
		}
	}
	if c.failed != nil {
		return a.corrupt(c, strings.TrimPrefix(c.failed.Error(), "ERR Protocol error: "))
	}
	return true
}

// mustWait reports whether a command cannot run for the moment.
func (a *applier) mustWait(c *Client, cmd *command, args []string) bool {
	kv := a.l.kv
	if cmd == nil || kv.saver == nil && kv.pause.kind == pauseNone {
		return false
	}
	flags := cmd.flags
	if flags.has(dynamic) {
		flags = c.txn.flags(flags)
	}
	return kv.pausedFor(flags) || kv.saver != nil && kv.saver.mustWait(c, cmd, flags, args)
}

// apply executes a command of the master, or queues it for EXEC.
func (a *applier) apply(c *Client, cmd *command, args []string) {
	kv := a.l.kv
	kv.client, c.argv, c.cmd = c, args, cmd
	mark := len(c.reply.Buf)
	kv.repl.applying = true
	switch {
	case asksForOffset(args):
		a.account(c)
		a.l.acknowledge()
		mark = len(c.reply.Buf)
	case cmd == nil:
		c.reject(nil, errUnknownCommand(args))
	case !cmd.checkArity(len(args)):
		c.reject(cmd, errArity(cmd.full))
	case c.txn.open && cmd.flags.has(noMulti):
		c.reject(cmd, errNotInMulti)
	case c.txn.open && !cmd.flags.has(immediate):
		c.txn.queue(cmd, args)
	default:
		kv.call(c, cmd, args)
	}
	kv.repl.applying = false
	c.reply.Truncate(min(mark, len(c.reply.Buf)))
	kv.client, c.argv, c.pushes = nil, nil, nil
	kv.hint = commandHint{}
	if len(kv.blocked.ready) > 0 {
		kv.serveReadyKeys()
	}
}

// asksForOffset recognizes REPLCONF GETACK *. It is answered with the offset before
// it.
func asksForOffset(args []string) bool {
	return len(args) == 3 && len(args[0]) == len("replconf") && is(args[0], "replconf") && is(args[1], "getack")
}

// account hands on what has been applied since it was called last, and keeps the
// beginning of what is not.
func (a *applier) account(c *Client) {
	raw := c.ws.in[a.at:c.r]
	done := a.applied - a.at
	a.at = c.r
	if done > 0 {
		stream := &a.l.kv.repl.stream
		if len(a.held) > 0 {
			stream.proxy(a.held)
			a.held = a.held[:0]
			if cap(a.held) > busySize {
				a.held = nil
			}
		}
		stream.proxy(raw[:done])
	}
	if done < len(raw) {
		a.held = append(a.held, raw[max(done, 0):]...)
	}
}

// corrupt ends a link whose stream makes no sense. There is no going on from where
// it is.
func (a *applier) corrupt(c *Client, why string) bool {
	kv := c.kv
	kv.log(logWarning, "Protocol error (%s) from client: %s. Query buffer during protocol error: %q",
		why, c.describe(), kv.shownInput(c.ws.in[c.r:min(c.r+64, c.w)]))
	a.account(c)
	a.l.down(false)
	return false
}

// acknowledge tells the master how much has been applied.
func (l *masterLink) acknowledge() {
	c := l.client
	if c == nil || l.old {
		return
	}
	c.reply.Buf = resp.AppendCommand(c.reply.Buf, "REPLCONF", "ACK", formatInt(l.kv.repl.stream.offset))
	c.push()
}

// complain is called with an error that a command of the master has ended with.
// Nobody is answered, but it may mean that the data is not the master's any more.
func (kv *KVStore) complain(c *Client, cmd *command, err error) {
	name := "<unknown>"
	if cmd != nil {
		name = cmd.full
	}
	kv.log(logWarning, "== CRITICAL == This replica is sending an error to its master: '-%s' after processing the command '%s'", err, name)
	kv.stats.unexpectedErrors++
	behavior := kv.config.Str("propagation-error-behavior")
	if behavior == "ignore" || !kv.readOnly {
		return
	}
	kv.log(logWarning, "This replica panicked sending an error to its master after processing the command '%s'", name)
	if kv.standalone {
		os.Exit(1)
	}
	c.kill() // within another program only the link ends
}

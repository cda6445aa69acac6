package store

import (
	"crypto/tls"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// A Client is one connection: its place in the keyspace, its transaction, its
// subscriptions and its output. Its own goroutine reads, executes and closes;
// everybody else only sets flags under the mutex and kicks it (see conn.go).
type Client struct {
	kv    *KVStore
	id    int64
	conn  net.Conn        // nil for a command run in process
	wake  chan struct{}   // kicks a client without a connection
	raw   syscall.RawConn // nil when the connection takes the portable path
	addr  string          // remote and local end, as CLIENT LIST shows them
	laddr string
	fd    int // for show

	// in holds what was read and not yet executed: in[r:w]. Only the owner
	// touches these.
	ws       *workspace
	r, w     int
	decoder  resp.Decoder
	failed   error // the protocol error that ends the connection
	finished bool  // nothing more is to be executed
	waiting  bool  // the client was parked when it was last looked at

	// Everything below is guarded by kv.mu, unless it says otherwise.

	db    *database
	reply resp.Writer // replies and pushes not yet handed to a flusher
	out   output

	name          string
	user          *user
	authenticated bool
	txn           transaction
	subs          subscriptions
	tracking      *clientTracking // nil until it tracks keys for the first time
	cmd           *command        // running, or the last one that ran
	replyMode     replyMode
	pushes        []span // messages among the replies of a running command that is not answered
	noEvict       bool
	noTouch       bool
	unixSocket    bool
	readonly      bool          // READONLY, which means something only in a cluster
	master        *masterLink   // whose stream it executes; nil for all others
	replica       *replicaState // nil unless it has sent REPLCONF or is a replica
	written       int64         // the offset of the stream behind its last write
	monitors      bool          // MONITOR: it is in kv.monitors

	created    int64 // ms
	lastActive int64 // ms
	endBatch   bool  // the rest of the batch must be parsed again or must wait

	parked          parking
	unread          bool    // input has come while it was parked, for which it must be woken
	waiter          *waiter // what it is blocked on, nil unless it is parkedOnKeys
	closing         bool    // close now, without writing what is left
	closeAfterReply bool
	probe           atomic.Bool // a read came back short and no read has found the socket empty since
	directFD        int         // of the raw callback the owner is in, -1 outside
	spentNs         int64       // execution since the socket was last empty or the turn was given up

	counted censusEntry // see evict_clients.go

	argv         []string // of the running command, nil between commands
	seat         int      // in kv.roster
	countedBytes int64    // what kv.rosterBytes has of it

	noted     int          // what the owner has last stored in pending
	pending   atomic.Int64 // bytes of input not yet executed, for CLIENT LIST
	inputSize atomic.Int64 // of the read buffer
}

// A replyMode is what CLIENT REPLY asked for.
type replyMode uint8

const (
	replyOn replyMode = iota
	replyOff
	replySkipNext
	replySkip
)

// A parking is why a client executes nothing for the moment.
type parking uint8

const (
	notParked parking = iota
	parkedByPause
	parkedOnKeys
)

// newClient makes the client of a connection and enters it among the others.
// It is nil, with the connection told why, when the server takes no more.
func (kv *KVStore) newClient(conn net.Conn) *Client {
	c := &Client{kv: kv, conn: conn, fd: -1, directFD: -1}
	c.takeConn()
	c.decoder.Limits.Inline = inlineMaxBytes
	c.reply.Proto = 2
	kv.mu.Lock()
	refusal := kv.admitClient(c)
	if refusal == "" {
		c.user = kv.defaultUser
		c.authenticated = kv.defaultUser.open()
		c.setLimits()
		kv.enter(c)
		kv.stats.connections++
		kv.serving.Add(1)
	} else {
		kv.stats.rejectedConnections++
	}
	kv.mu.Unlock()
	if refusal == "" {
		return c
	}
	// Nobody waits for a client that is not let in.
	conn.SetWriteDeadline(time.Now().Add(refusalTimeout))
	conn.Write([]byte(refusal))
	conn.Close()
	return nil
}

// takeConn finds out which path the client's connection takes, and how it is shown.
func (c *Client) takeConn() {
	c.raw = rawConn(c.conn)
	shown := c.raw
	if t, ok := c.conn.(*tls.Conn); ok {
		shown = rawConn(t.NetConn())
	}
	if shown != nil {
		shown.Control(func(fd uintptr) { c.fd = int(fd) })
	}
	c.addr, c.laddr, c.unixSocket = endpoints(c.conn)
}

// enter gives the client its number and its place. kv.mu is held.
func (kv *KVStore) enter(c *Client) {
	kv.lastClientID++
	c.id = kv.lastClientID
	c.db = kv.dbs[0]
	c.created, c.lastActive = kv.nowMs, kv.nowMs
	kv.clients[c.id] = c
	c.seat = len(kv.roster)
	kv.roster = append(kv.roster, c)
}

const refusalTimeout = time.Second

// admitClient says why the server refuses a new connection, as the bytes to
// send, or "".
func (kv *KVStore) admitClient(c *Client) string {
	switch {
	case kv.closed:
		return "-ERR server is shutting down\r\n"
	case kv.full():
		return "-ERR max number of clients reached\r\n"
	case kv.protectedMode && kv.defaultUser.nopass && !c.local():
		return protectedModeRefusal
	}
	return ""
}

// local reports whether the client sits on this machine.
func (c *Client) local() bool {
	if c.unixSocket {
		return true
	}
	if c.conn == nil {
		return true
	}
	tcp, ok := c.conn.RemoteAddr().(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}

// protectedModeRefusal is Redis's, byte for byte: programs know it by its words.
const protectedModeRefusal = "-DENIED Redis is running in protected mode because protected " +
	"mode is enabled and no password is set for the default user. " +
	"In this mode connections are only accepted from the loopback interface. " +
	"If you want to connect from external computers to Redis you may adopt one of the following solutions: " +
	"1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface " +
	"by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible " +
	"from internet if you do so. Use CONFIG REWRITE to make this change permanent. " +
	"2) Alternatively you can just disable the protected mode by editing the Redis configuration file, " +
	"and setting the protected mode option to 'no', and then restarting the server. " +
	"3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. " +
	"4) Setup a an authentication password for the default user. " +
	"NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.\r\n"

// endpoints names both ends of a connection.
func endpoints(conn net.Conn) (addr, laddr string, unixSocket bool) {
	if u, ok := conn.LocalAddr().(*net.UnixAddr); ok {
		name := u.Name + ":0"
		return name, name, true
	}
	return endpoint(conn.RemoteAddr()), endpoint(conn.LocalAddr()), false
}

func endpoint(a net.Addr) string {
	if a == nil {
		return "?:0"
	}
	s := a.String()
	// Redis writes an IPv6 address without a zone and IPv4 ones as they are.
	if i := strings.IndexByte(s, '%'); i >= 0 {
		if j := strings.IndexByte(s[i:], ']'); j >= 0 {
			s = s[:i] + s[i+j:]
		}
	}
	return s
}

// setLimits sets what the client's requests may claim, which depends on its
// being authenticated and on the configuration.
func (c *Client) setLimits() {
	c.decoder.Limits.Bulk = c.kv.maxBulk
	c.decoder.Limits.Unauthenticated = c.needsAuth()
	c.decoder.Limits.Args = multibulkMax
}

const (
	inlineMaxBytes = 64 << 10
	multibulkMax   = 1<<31 - 1
)

// needsAuth reports whether the client must authenticate first.
func (c *Client) needsAuth() bool {
	u := c.kv.defaultUser
	return !c.authenticated && !u.open()
}

// leave takes the client out of everything it is part of. kv.mu is held.
func (kv *KVStore) leave(c *Client) {
	if kv.clients[c.id] != c {
		return
	}
	delete(kv.clients, c.id)
	last := len(kv.roster) - 1
	moved := kv.roster[last]
	moved.seat = c.seat
	kv.roster[c.seat] = moved
	kv.roster[last] = nil
	kv.roster = kv.roster[:last]
	kv.dismissReplica(c)
	c.txn.discard(c)
	kv.unsubscribeAll(c)
	kv.stopMonitoring(c)
	kv.leaveTracking(c)
	kv.unblock(c)
	kv.unpark(c)
	c.closing = true
	kv.count(c)
}

// kill makes the client close as soon as its goroutine sees it. kv.mu is held;
// the goroutine, wherever it waits, is woken.
func (c *Client) kill() {
	if c.closing {
		return
	}
	c.closing = true
	c.endBatch = true
	c.kv.unblock(c) // what it waits for is for others
	if c.conn == nil {
		c.kick()
		return
	}
	c.conn.SetDeadline(longAgo)
	if c.raw == nil {
		// It may not heed deadlines, or say goodbye at length. On the raw path
		// Close would wait for the callback, and needs not be called. Who does
		// not read what there is would not read a farewell either.
		if c.out.state.Load() == flushIdle {
			go c.conn.Close()
		} else {
			go closeNow(c.conn)
		}
	}
}

// kick wakes the client's goroutine to look at its flags. kv.mu is held.
func (c *Client) kick() {
	if c.conn != nil {
		c.conn.SetReadDeadline(longAgo)
		return
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// longAgo is a deadline that has passed, under any clock.
var longAgo = time.Unix(1, 0)

// waitForClients waits until every client's goroutine has left the store.
func (kv *KVStore) waitForClients() {
	kv.serving.Wait()
}

package store

import (
	"context"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// The replica's side of replication: following a master.
//
// A link is a goroutine that connects to the master, shakes hands
// (replication_handshake.go), receives a snapshot when the master wants that
// (replication_transfer.go), and from then on applies what the master streams
// (replication_apply.go). When the connection breaks it begins again, and asks
// for what comes behind the last command it has applied. REPLICAOF ends a link
// and begins another: the old goroutine finds out with the mutex held that it is
// not kv.repl.link any more, and goes without having touched anything.
//
// The offset of a replica is that of its own stream, for that is the master's
// stream, byte for byte, as far as it has been applied. So replicas of a replica
// are at home anywhere in the chain, and who is promoted goes on counting.

// A replicaSide is what a server knows as a replica.
type replicaSide struct {
	link      *masterLink   // nil on a master
	cached    *cachedMaster // where to go on once there is a connection again; nil for nowhere
	downSince int64         // s since 1970, of the last loss of the link; 0 when it is up or was never
	away      bool          // some commands are not answered: mute, or data is loaded beside this
	mute      bool          // only commands that put up with stale data are answered
	applying  bool          // a command of the master is running: it does not see that keys expire
	netIn     atomic.Int64  // bytes from masters
	writable  bool          // its clients may write
	ownKeys   map[ownKey]struct{}
}

// A cachedMaster is what was known of the stream when the link broke.
type cachedMaster struct {
	id     string // of the stream
	offset int64  // applied
	db     int    // that the stream has selected
}

// A linkState is how far a link has come.
type linkState uint8

const (
	linkWaiting linkState = iota
	linkConnecting
	linkHandshake
	linkSync
	linkUp
)

// linkStates are their names in ROLE.
var linkStates = [...]string{"connect", "connecting", "handshake", "sync", "connected"}

// A masterLink is the link to a master.
type masterLink struct {
	kv   *KVStore
	host string
	port int
	quit chan struct{} // closed when nobody wants the link any more

	lastIO   atomic.Int64 // ms since 1970: the last sign of life
	total    atomic.Int64 // bytes of the snapshot under way; 0 when not known, -1 before it begins
	received atomic.Int64 // of them

	// Guarded by kv.mu.
	state  linkState
	conn   net.Conn           // nil while there is none
	cancel context.CancelFunc // ends the attempt to connect
	client *Client            // in whose place the stream is executed, nil unless the link is up
	full   fullSync           // the full sync under way
	old    bool               // the master knows no PSYNC, and no acknowledgements
	ackMs  int64              // when the next acknowledgement is due
}

// HandleReplication starts to follow the master that Info names, and returns at
// once. It reconnects for as long as the store is open, and waits until the data
// of the store is loaded. To call it again changes nothing, unless Info has
// another master now.
func (kv *KVStore) HandleReplication() {
	kv.start()
	kv.mu.Lock()
	defer kv.unlock()
	port, err := strconv.Atoi(kv.Info.MasterPort)
	if kv.Info.MasterIP == "" || err != nil || port < 0 || port > 65535 {
		kv.log(logWarning, "There is no master to follow: %q is no address", net.JoinHostPort(kv.Info.MasterIP, kv.Info.MasterPort))
		return
	}
	if l := kv.repl.link; kv.closed || l != nil && l.host == kv.Info.MasterIP && l.port == port {
		return
	}
	kv.follow(kv.Info.MasterIP, port)
}

// becomeReplica makes the server a replica of a master. kv.mu is held.
func (kv *KVStore) becomeReplica(host string, port int) {
	wasMaster := kv.Info.Role != "slave"
	kv.endUnit()  // what a transaction has done up to here is part of the stream
	kv.stopLink() // as of another master
	kv.dismissBlocked()
	if wasMaster {
		kv.cacheMyself()
	}
	kv.follow(strings.Clone(host), port)
}

// follow starts a link.
func (kv *KVStore) follow(host string, port int) {
	kv.stopLink()
	kv.Info.Role, kv.Info.MasterIP, kv.Info.MasterPort = "slave", host, strconv.Itoa(port)
	kv.config.Follow(host, port)
	l := &masterLink{kv: kv, host: host, port: port, quit: make(chan struct{})}
	kv.repl.link = l
	kv.applySinks()
	kv.applySettings()
	kv.adjustOOMScore() // as everywhere but in CONFIG SET, the log says if that is refused
	kv.serving.Add(1)
	go l.run()
}

// becomeMaster ends the following: the server goes on with the data that it has,
// as a master of its own. kv.mu is held.
func (kv *KVStore) becomeMaster() {
	if kv.Info.Role != "slave" {
		return
	}
	kv.stopLink()
	kv.discardCached()
	kv.repl.downSince = 0
	kv.Info.Role, kv.Info.MasterIP, kv.Info.MasterPort = "master", "", ""
	kv.config.Follow("", 0)
	kv.shiftReplicationID()
	kv.disconnectReplicas() // they learn the new id when they come back
	kv.repl.stream.selected = 0
	kv.applySinks()
	kv.applySettings()
	kv.adjustOOMScore()
	kv.restartJournal()
	kv.cron.nudge() // for what has expired
}

// stopLink ends the link, if there is one. Where it was is remembered.
func (kv *KVStore) stopLink() {
	l := kv.repl.link
	if l == nil {
		return
	}
	l.down(true)
	kv.repl.link = nil
	close(l.quit)
	l.hangUp()
}

// hangUp has the link's goroutine find its connection broken.
func (l *masterLink) hangUp() {
	if l.cancel != nil {
		l.cancel()
	}
	if l.client != nil {
		l.client.kill()
	} else if l.conn != nil {
		l.conn.SetDeadline(longAgo)
	}
}

// wanted reports whether the link is still the one to be used. kv.mu is held.
func (l *masterLink) wanted() bool { return l.kv.repl.link == l && !l.kv.closed }

// setState says how far the link has come. kv.mu is held.
func (l *masterLink) setState(s linkState) {
	l.state = s
	l.alive()
	l.kv.muteStale()
}

// alive notes a sign of life.
func (l *masterLink) alive() { l.lastIO.Store(time.Now().UnixMilli()) }

// muteStale decides whether a replica without a link answers.
func (kv *KVStore) muteStale() {
	l := kv.repl.link
	kv.repl.mute = kv.Info.Role == "slave" && (l == nil || l.state != linkUp) && !kv.config.Bool("replica-serve-stale-data")
	kv.repl.away = kv.repl.mute || kv.snapshot.loading.async
}

// linkRetry is the time from one attempt to reach the master to the next.
const linkRetry = time.Second

// linkRest is the least time between two attempts.
const linkRest = 10 * time.Millisecond

// run keeps the link up for as long as it is wanted.
func (l *masterLink) run() {
	kv := l.kv
	defer kv.serving.Done()
	defer kv.reportPanic()
	if !l.awaitData() {
		return
	}
	for {
		began := time.Now()
		rest := time.Duration(0)
		if soon := l.session(); !soon {
			rest = linkRetry - time.Since(began)
		}
		select {
		case <-l.quit:
			return
		case <-time.After(max(rest, linkRest)):
		}
	}
}

// awaitData waits until the data is loaded, for a snapshot may say where to go on.
// It reports whether the link is still wanted.
func (l *masterLink) awaitData() bool {
	l.kv.lockLoaded()
	defer l.kv.mu.Unlock()
	return l.wanted()
}

// session connects to the master and follows it until the connection breaks. It
// reports whether to try again at once.
func (l *masterLink) session() (soon bool) {
	conn := l.connect()
	if conn == nil {
		return false
	}
	defer l.disconnect()
	return l.converse(conn)
}

// converse is the part of a session in which there is a connection.
func (l *masterLink) converse(conn net.Conn) (soon bool) {
	kv := l.kv
	in := l.reader(conn)
	full, err := l.shakeHands(conn, in)
	if err != nil {
		kv.log(logWarning, "%v", err)
		return false
	}
	if full {
		if err = l.receive(conn, in); err != nil {
			kv.log(logWarning, "%v", err)
			kv.log(logNotice, "Reconnecting to MASTER %s:%d after failure", l.host, l.port)
			return true
		}
	}
	l.stream(in)
	return true
}

// connect connects to the master; nil when that fails.
func (l *masterLink) connect() net.Conn {
	kv := l.kv
	kv.mu.Lock()
	if !l.wanted() {
		kv.mu.Unlock()
		return nil
	}
	kv.log(logNotice, "Connecting to MASTER %s:%d", l.host, l.port)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l.cancel = cancel
	l.setState(linkConnecting)
	source := kv.config.Str("bind-source-addr")
	kv.mu.Unlock()
	kv.log(logNotice, "MASTER <-> REPLICA sync started")
	conn, err := kv.dialMaster(ctx, net.JoinHostPort(l.host, strconv.Itoa(l.port)), source)

	kv.mu.Lock()
	defer kv.mu.Unlock()
	l.cancel = nil
	switch {
	case !l.wanted():
		if err == nil {
			closeNow(conn)
		}
		return nil
	case err != nil:
		kv.log(logWarning, "Error condition on socket for SYNC: %s", systemText(causeOfNet(err)))
		l.setState(linkWaiting)
		return nil
	}
	kv.log(logNotice, "Non blocking connect for SYNC fired the event.")
	l.conn = conn
	kv.Info.MasterConn = conn
	l.setState(linkHandshake)
	return conn
}

// dialMaster opens a connection to a master, from an address of this machine
// unless that is "", and shakes hands if it is to be a secure one.
func (kv *KVStore) dialMaster(ctx context.Context, addr, source string) (net.Conn, error) {
	var d net.Dialer
	if ip := net.ParseIP(source); ip != nil {
		d.LocalAddr = &net.TCPAddr{IP: ip}
	}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return connectTLS(ctx, conn, kv.tls.toMaster())
}

// disconnect ends what a session has begun. Nobody uses the connection any more.
func (l *masterLink) disconnect() {
	kv := l.kv
	kv.mu.Lock()
	conn := l.conn
	l.down(true)
	l.conn = nil
	if kv.Info.MasterConn == conn {
		kv.Info.MasterConn = nil
	}
	if l.wanted() {
		l.setState(linkWaiting)
	}
	kv.mu.Unlock()
	conn.Close()
}

// down takes the master's client out of the server when the link was up, and
// remembers where it was, unless that is of no use. kv.mu is held.
func (l *masterLink) down(cache bool) {
	kv, c := l.kv, l.client
	if c == nil {
		return
	}
	l.client = nil
	kv.log(logWarning, "Connection with master lost.")
	if cache && !l.old {
		kv.log(logNotice, "Caching the disconnected master state.")
		kv.repl.cached = &cachedMaster{id: kv.repl.id, offset: kv.repl.stream.offset, db: c.db.id}
	}
	kv.leave(c)
	kv.repl.downSince = time.Now().Unix()
	l.setState(linkWaiting)
}

// cacheMyself takes the server's own stream for that of a master to come: who was
// a replica of this server, and is promoted, can go on from there.
func (kv *KVStore) cacheMyself() {
	kv.log(logNotice, "Before turning into a replica, using my own master parameters to synthesize a cached master: "+
		"I may be able to synchronize with the new master with just a partial transfer.")
	kv.repl.cached = &cachedMaster{id: kv.repl.id, offset: kv.repl.stream.offset}
}

// discardCached forgets where to go on.
func (kv *KVStore) discardCached() {
	if kv.repl.cached != nil {
		kv.log(logNotice, "Discarding previously cached master state.")
		kv.repl.cached = nil
	}
}

// restartJournal turns the append-only file on again, which was off while the data
// was replaced.
func (kv *KVStore) restartJournal() {
	if !kv.configured || kv.closed {
		return
	}
	if err := kv.applyAppendOnly(); err != nil {
		kv.log(logWarning, "Failed enabling the AOF after successful master synchronization! Trying it again in one second.")
		time.AfterFunc(time.Second, func() {
			kv.mu.Lock()
			defer kv.unlock()
			if !kv.snapshot.loading.active {
				kv.restartJournal()
			}
		})
	}
}

// tickReplica is cron's part for the link: it acknowledges what was applied, and
// ends a connection on which nothing has come for too long.
func (kv *KVStore) tickReplica() {
	kv.Info.MasterReplOffSet = int(kv.repl.stream.offset)
	l := kv.repl.link
	if l == nil {
		return
	}
	if l.state == linkUp && !l.old && kv.nowMs >= l.ackMs {
		l.ackMs += linkRetry.Milliseconds()
		if l.ackMs <= kv.nowMs {
			l.ackMs = kv.nowMs + linkRetry.Milliseconds()
		}
		l.acknowledge()
	}
	silent := time.Now().UnixMilli() - l.lastIO.Load()
	if silent/1000 <= kv.config.Int("repl-timeout") {
		return
	}
	switch l.state {
	case linkConnecting, linkHandshake:
		kv.log(logWarning, "Timeout connecting to the MASTER...")
	case linkSync:
		kv.log(logWarning, "Timeout receiving bulk data from MASTER... "+
			"If the problem persists try to set the 'repl-timeout' parameter in redis.conf to a larger value.")
	case linkUp:
		kv.log(logWarning, "MASTER timeout: no data nor PING received...")
	default:
		return
	}
	l.alive() // for it to be said once
	l.hangUp()
}

// infoMaster is the part of INFO replication that is about the link.
func (kv *KVStore) infoMaster(w *infoWriter) {
	l := kv.repl.link
	state, offset, read := linkWaiting, int64(1), int64(1)
	lastIO, now := int64(-1), time.Now()
	if l != nil {
		state = l.state
	}
	switch {
	case state == linkUp:
		offset = kv.repl.stream.offset
		read = offset + l.client.pending.Load()
		lastIO = (now.UnixMilli() - l.lastIO.Load()) / 1000
	case kv.repl.cached != nil:
		offset = kv.repl.cached.offset
		read = offset
	}
	status := "down"
	if state == linkUp {
		status = "up"
	}
	w.field("master_link_status", status)
	w.field("master_last_io_seconds_ago", lastIO)
	w.field("master_sync_in_progress", bit(state == linkSync))
	w.field("slave_read_repl_offset", read)
	w.field("slave_repl_offset", offset)
	if state == linkSync {
		total, received := l.total.Load(), l.received.Load()
		percent := 0.0
		if total != 0 {
			percent = float64(received) / float64(total) * 100
		}
		w.field("master_sync_total_bytes", total)
		w.field("master_sync_read_bytes", received)
		w.field("master_sync_left_bytes", total-received)
		w.field("master_sync_perc", strconv.FormatFloat(percent, 'f', 2, 64))
		w.field("master_sync_last_io_seconds_ago", (now.UnixMilli()-l.lastIO.Load())/1000)
	}
	if state != linkUp {
		down := int64(-1)
		if kv.repl.downSince != 0 {
			down = now.Unix() - kv.repl.downSince
		}
		w.field("master_link_down_since_seconds", down)
	}
	w.field("slave_priority", kv.config.Int("replica-priority"))
	w.field("slave_read_only", bit(kv.config.Bool("replica-read-only")))
	w.field("replica_announced", bit(kv.config.Bool("replica-announced")))
}

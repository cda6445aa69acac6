package store

import (
	"bytes"
	"net"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// The master's side of replication. A replica is a client that has said PSYNC. It
// is given a snapshot first, unless it can go on from where it was
// (replication_sync.go), and then the stream (replication_stream.go): its output is
// what it has not yet been sent of that, and goes the way of all output (output.go).
// So a slow replica is a slow reader, with a limit of its own.

// A masterSide is what a server knows as a master, of its own replicas. A replica
// may have some, too.
type masterSide struct {
	replicas  []*Client
	good      int   // replicas that are not behind for longer than min-replicas-max-lag
	aloneFrom int64 // ms since 1970: since when there has been no replica
	secondMs  int64 // when the work of each second is due
	seconds   int64 // of work, for what is not done each second
	asking    bool  // somebody has begun to WAIT: the replicas are to be asked
	waiting   []*waiter
	netOut    atomic.Int64 // bytes to replicas
}

// A replicaPhase is how far a replica has come.
type replicaPhase uint8

const (
	replicaNone       replicaPhase = iota // REPLCONF has been sent, no more
	replicaWaitsStart                     // until a snapshot is begun
	replicaWaitsEnd                       // until that is complete, or is sent
	replicaReceives                       // a snapshot from the disk
	replicaOnline
)

// replicaPhases are their names in INFO.
var replicaPhases = [...]string{"none", "wait_bgsave", "wait_bgsave", "send_bulk", "online"}

// A replicaState is what a master knows of a replica.
type replicaState struct {
	phase   replicaPhase
	place   streamPlace  // what it has been sent
	streams bool         // the stream is sent on; not before a snapshot without a length has been acknowledged
	plain   bool         // it has said SYNC, and will acknowledge nothing
	since   int64        // ms since 1970, of the phase
	writing atomic.Int64 // ms since 1970: since when a part of a snapshot is being written; 0 when none is

	ack   int64 // offset that it has acknowledged
	ackMs int64 // when

	// What REPLCONF has said.
	port    int64
	ip      string
	eof     bool // it takes a snapshot that ends with a mark
	psync2  bool // it takes another replication id with +CONTINUE
	rdbOnly bool // it wants a snapshot and nothing else
	wants   snapshotContent
}

// A snapshotContent is what is to be left out of a snapshot.
type snapshotContent struct {
	noData, noFunctions bool
}

// isReplica reports whether the client is a replica of this server.
func (c *Client) isReplica() bool { return c.replica != nil && c.replica.phase != replicaNone }

// behind reports whether the client is a replica that is to be sent more of the
// stream.
func (c *Client) behind() bool {
	r := c.replica
	return r != nil && r.streams && r.place.at < c.kv.repl.stream.offset
}

// lag is how much of the stream a replica has still to be sent, now or later.
func (c *Client) lag() int64 {
	if r := c.replica; r != nil && r.place.block != nil {
		return c.kv.repl.stream.offset - r.place.at
	}
	return 0
}

// replicaIP is the address that a replica is known by.
func (c *Client) replicaIP() string {
	if c.replica.ip != "" {
		return c.replica.ip
	}
	if c.unixSocket || c.conn == nil {
		return "?"
	}
	host, _, err := net.SplitHostPort(c.addr)
	if err != nil {
		return "?"
	}
	return host
}

// replicaName is what the log calls a replica.
func (c *Client) replicaName() string {
	if c.replica.port != 0 {
		return net.JoinHostPort(c.replicaIP(), formatInt(c.replica.port))
	}
	return "client id #" + formatInt(c.id)
}

// setPhase moves a replica on.
func (c *Client) setPhase(p replicaPhase) { c.replica.phase, c.replica.since = p, c.kv.nowMs }

// enlist makes the client a replica.
func (kv *KVStore) enlist(c *Client) {
	kv.repl.replicas = append(kv.repl.replicas, c)
	if tcp, ok := c.conn.(*net.TCPConn); ok && kv.config.Bool("repl-disable-tcp-nodelay") {
		tcp.SetNoDelay(false) // an error will show with the next write
	}
}

// dismissReplica forgets that a client that goes was a replica.
func (kv *KVStore) dismissReplica(c *Client) {
	if !c.isReplica() {
		return
	}
	kv.log(logWarning, "Connection with replica %s lost.", c.replicaName())
	waited := c.replica.phase == replicaWaitsEnd
	c.replica.phase, c.replica.streams = replicaNone, false
	kv.repl.stream.leave(&c.replica.place)
	if i := slices.Index(kv.repl.replicas, c); i >= 0 {
		kv.repl.replicas = slices.Delete(kv.repl.replicas, i, i+1)
	}
	if len(kv.repl.replicas) == 0 {
		kv.repl.aloneFrom = kv.nowMs
	}
	kv.countGoodReplicas()
	if s := kv.saver; waited && s != nil && s.fanout == nil && !s.base && !kv.savesItself() && kv.inPhase(replicaWaitsEnd) == 0 {
		kv.abortSave() // nobody else wants it
	}
}

// inPhase is how many replicas are in a phase.
func (kv *KVStore) inPhase(p replicaPhase) (n int) {
	for _, c := range kv.repl.replicas {
		if c.replica.phase == p {
			n++
		}
	}
	return n
}

// expelReplica closes a replica that has said something that has an answer: the
// answer would be taken for a part of the stream.
func (kv *KVStore) expelReplica(c *Client, answer []byte) {
	name := "<unknown>"
	if c.cmd != nil {
		name = c.cmd.full
	}
	if line, _, _ := bytes.Cut(answer, []byte("\r\n")); line[0] == '-' {
		kv.log(logWarning, "== CRITICAL == This master is sending an error to its replica: '%s' after processing the command '%s'", line, name)
	}
	kv.log(logWarning, "Replica generated a reply to command '%s', disconnecting it: %s", name, c.describe())
	c.kill()
}

const errReplicaKeys replyError = "ERR Replica can't interact with the keyspace"

// disconnectReplicas has this server's own replicas come back and ask where they are.
func (kv *KVStore) disconnectReplicas() {
	for _, c := range slices.Clone(kv.repl.replicas) {
		c.kill()
		kv.dismissReplica(c)
	}
}

// needBacklog sees to it that what is streamed from now on is kept for a while.
func (kv *KVStore) needBacklog() {
	kv.repl.stream.begin(kv.config.Int("repl-backlog-size"))
	kv.repl.aloneFrom = kv.nowMs
	kv.applySinks()
}

// freeBacklog forgets what was kept.
func (kv *KVStore) freeBacklog() {
	kv.repl.stream.end()
	kv.applySinks()
}

// restartStream begins the stream anew, at an offset, with nothing before it.
func (kv *KVStore) restartStream(offset int64) {
	kv.repl.stream = replStream{offset: offset}
	kv.needBacklog()
}

// showStream has the replicas sent what is new in the stream: it makes each one
// that does not wait for something else one of those to be flushed. kv.mu is held.
func (kv *KVStore) showStream() {
	if kv.repl.asking {
		kv.repl.asking = false
		kv.tellReplicas("REPLCONF", "GETACK", "*")
	}
	kv.repl.stream.news = false
	for _, c := range kv.repl.replicas {
		if c.replica.streams {
			c.push()
		} else {
			c.checkOutputLimit()
		}
	}
}

// tellReplicas puts a command into the stream that changes no data, between two
// units. It is for no database in particular.
func (kv *KVStore) tellReplicas(args ...string) {
	if s := &kv.repl.stream; kv.Info.Role != "slave" && s.active() {
		s.proxy(resp.AppendCommand(nil, args...))
	}
}

// debugReplicate serves DEBUG REPLICATE command [argument ...].
func (kv *KVStore) debugReplicate(c *Client, args []string) error {
	kv.endUnit()
	kv.tellReplicas(args...)
	c.reply.OK()
	return nil
}

// acknowledged notes that a replica has applied the stream up to an offset.
func (kv *KVStore) acknowledged(c *Client, offset int64) {
	r := c.replica
	r.ack, r.ackMs = max(r.ack, offset), kv.nowMs
	if r.phase == replicaOnline && !r.streams && !r.rdbOnly {
		kv.startStreaming(c)
	}
	if len(kv.repl.waiting) > 0 {
		kv.serveWaiting()
	}
}

// startStreaming has a replica sent the stream from where it is.
func (kv *KVStore) startStreaming(c *Client) {
	c.replica.streams = true
	c.push()
	kv.log(logNotice, "Synchronization with replica %s succeeded", c.replicaName())
	kv.countGoodReplicas()
}

// countGoodReplicas counts those that min-replicas-to-write asks for.
func (kv *KVStore) countGoodReplicas() {
	lag := kv.config.Int("min-replicas-max-lag")
	kv.repl.good = 0
	for _, c := range kv.repl.replicas {
		if c.replica.phase == replicaOnline && (kv.nowMs-c.replica.ackMs)/1000 <= lag {
			kv.repl.good++
		}
	}
}

// tickMaster is cron's part for the replicas.
func (kv *KVStore) tickMaster() {
	kv.beginDueSync()
	if kv.nowMs < kv.repl.secondMs {
		return
	}
	kv.repl.secondMs = kv.nowMs + time.Second.Milliseconds()
	kv.repl.seconds++
	if kv.repl.seconds%kv.config.Int("repl-ping-replica-period") == 0 && kv.Info.Role != "slave" && len(kv.repl.replicas) > 0 && kv.pause.kind == pauseNone {
		kv.tellReplicas("PING")
	}
	timeout := kv.config.Int("repl-timeout")
	for _, c := range slices.Clone(kv.repl.replicas) {
		r := c.replica
		waited := kv.nowMs-r.since >= time.Second.Milliseconds()
		switch {
		case waited && r.phase == replicaWaitsStart, waited && r.phase == replicaWaitsEnd && (kv.saver == nil || kv.saver.fanout == nil):
			c.reply.Buf = append(c.reply.Buf, '\n') // somebody is there; not sooner, for not every replica expects it
			c.push()
		case r.phase == replicaOnline && !r.plain && (kv.nowMs-r.ackMs)/1000 > timeout:
			kv.log(logWarning, "Disconnecting timedout replica (streaming sync): %s", c.replicaName())
			c.kill()
		}
		if since := r.writing.Load(); since != 0 && (time.Now().UnixMilli()-since)/1000 >= timeout {
			kv.log(logWarning, "Disconnecting timedout replica (full sync): %s", c.replicaName())
			c.kill()
		}
	}
	kv.dropIdleBacklog()
	kv.countGoodReplicas()
}

// dropIdleBacklog forgets the stream when there has been no replica for long. Who
// comes then must not go on, for nothing was counted meanwhile.
func (kv *KVStore) dropIdleBacklog() {
	ttl := kv.config.Int("repl-backlog-ttl")
	if kv.Info.Role == "slave" || len(kv.repl.replicas) > 0 || ttl == 0 || !kv.repl.stream.active() ||
		(kv.nowMs-kv.repl.aloneFrom)/1000 <= ttl {
		return
	}
	kv.newHistory()
	kv.freeBacklog()
	kv.log(logNotice, "Replication backlog freed after %d seconds without connected replicas.", ttl)
}

// newHistory gives the stream an id that nobody knows.
func (kv *KVStore) newHistory() {
	kv.setReplicationID(randomID())
	kv.repl.id2, kv.repl.offset2 = noReplicationID, -1
}

// replyMasterRole is ROLE on a master.
func (kv *KVStore) replyMasterRole(c *Client) {
	c.reply.Array(3)
	c.reply.Bulk("master")
	c.reply.Int(kv.repl.stream.offset)
	var online []*Client
	for _, other := range kv.repl.replicas {
		if other.replica.phase == replicaOnline {
			online = append(online, other)
		}
	}
	c.reply.Array(len(online))
	for _, other := range online {
		c.reply.Array(3)
		c.reply.Bulk(other.replicaIP())
		c.reply.Bulk(formatInt(other.replica.port))
		c.reply.Bulk(formatInt(other.replica.ack))
	}
}

// infoReplicas is the part of INFO replication that is about this server's own
// replicas and its stream.
func (kv *KVStore) infoReplicas(w *infoWriter) {
	w.field("connected_slaves", len(kv.repl.replicas))
	if kv.minReplicas > 0 {
		w.field("min_slaves_good_slaves", kv.repl.good)
	}
	for i, c := range kv.repl.replicas {
		r := c.replica
		lag := int64(0)
		if r.phase == replicaOnline {
			lag = (kv.nowMs - r.ackMs) / 1000
		}
		w.field("slave"+strconv.Itoa(i), "ip="+c.replicaIP()+",port="+formatInt(r.port)+",state="+replicaPhases[r.phase]+
			",offset="+formatInt(r.ack)+",lag="+formatInt(lag))
	}
	w.field("master_failover_state", failoverSteps[kv.repl.failover.state])
	s := &kv.repl.stream
	w.field("master_replid", kv.Info.MasterReplId)
	w.field("master_replid2", kv.repl.id2)
	w.field("master_repl_offset", s.offset)
	w.field("second_repl_offset", kv.repl.offset2)
	w.field("repl_backlog_active", bit(s.active()))
	w.field("repl_backlog_size", kv.config.Int("repl-backlog-size"))
	first, length := int64(0), int64(0)
	if s.active() {
		first, length = s.first.start+1, s.offset-s.first.start
	}
	w.field("repl_backlog_first_byte_offset", first)
	w.field("repl_backlog_histlen", length)
}

// replicationBytes are the bytes of the stream that the backlog accounts for, and
// those that only slow replicas want.
func (kv *KVStore) replicationBytes() (backlog, replicas int64) {
	backlog = kv.repl.stream.bytes()
	if len(kv.repl.replicas) > 0 {
		replicas = max(backlog-kv.config.Int("repl-backlog-size"), 0)
	}
	return backlog - replicas, replicas
}

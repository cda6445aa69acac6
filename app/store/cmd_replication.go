package store

import (
	"slices"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// PSYNC, SYNC, REPLCONF and WAIT: what replicas say to their master, and what
// clients want to know of them.

var replicationCommands = []command{
	{name: "psync", arity: -3, flags: admin | noAsyncLoading | noMulti | noScript, run: (*KVStore).cmdPsync},
	{name: "replconf", arity: -1, flags: admin | allowBusy | loading | noScript | stale, run: (*KVStore).cmdReplconf},
	{name: "sync", arity: 1, flags: admin | noAsyncLoading | noMulti | noScript, run: (*KVStore).cmdPsync},
	{name: "wait", arity: 3, flags: noScript, cats: catConnection, run: (*KVStore).cmdWait},
}

const (
	errSyncFailover replyError = "NOMASTERLINK Can't SYNC while failing over"
	errSyncNoLink   replyError = "NOMASTERLINK Can't SYNC while not connected with my master"
	errSyncPending  replyError = "ERR SYNC and PSYNC are invalid with pending output"
	errSyncFiltered replyError = "ERR Filtered replica requires EOF capability"
	errWaitReplica  replyError = "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 " +
		"if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated."
)

// owes reports whether there is output that waits for its turn. On the portable path
// what is being written does not count: the client may have it, and have answered,
// before its writer knows that.
func (c *Client) owes() bool {
	return len(c.reply.Buf)+len(c.out.queue) > 0 || c.raw != nil && c.out.queued.Load() > 0
}

// cmdPsync serves PSYNC replicationid offset, and SYNC. It is answered by what
// follows: the stream from the offset on, or a snapshot and what comes behind it.
func (kv *KVStore) cmdPsync(c *Client, args []string) error {
	if c.isReplica() {
		return nil
	}
	if len(args) > 3 && is(args[3], "failover") {
		if err := kv.takeOverAsAsked(c, args[1]); err != nil {
			return err
		}
	}
	switch l := kv.repl.link; {
	case kv.repl.failover.state != failoverNone:
		return errSyncFailover
	case kv.Info.Role == "slave" && (l == nil || l.state != linkUp):
		return errSyncNoLink
	case c.conn == nil, c.owes():
		return errSyncPending
	}
	if c.replica == nil {
		c.replica = &replicaState{}
	}
	r := c.replica
	if r.wants != (snapshotContent{}) && !r.eof {
		return errSyncFiltered
	}
	kv.log(logNotice, "Replica %s asks for synchronization", c.replicaName())
	if r.plain = len(args) < 3; !r.plain {
		offset, err := parseInt(args[2])
		if err != nil {
			kv.log(logWarning, "Replica %s asks for synchronization but with a wrong offset", c.replicaName())
			return err
		}
		if kv.goOnWith(c, args[1], offset) {
			kv.stats.syncsPartial++
			return nil
		}
		if args[1] == "" || args[1][0] != '?' {
			kv.stats.syncsRefused++
		}
	}
	kv.syncFully(c)
	return nil
}

// takeOverAsAsked makes a replica a master, when its master hands over to it.
func (kv *KVStore) takeOverAsAsked(c *Client, id string) error {
	kv.log(logWarning, "Failover request received for replid %s.", id)
	switch {
	case kv.Info.Role != "slave":
		return errf("ERR PSYNC FAILOVER can't be sent to a master.")
	case !is(id, kv.repl.id):
		return errf("ERR PSYNC FAILOVER replid must match my replid.")
	}
	kv.becomeMaster()
	kv.log(logNotice, "MASTER MODE enabled (failover request from '%s')", c.describe())
	return nil
}

// cmdReplconf serves REPLCONF option value [option value …].
func (kv *KVStore) cmdReplconf(c *Client, args []string) error {
	if len(args)%2 == 0 {
		return errSyntax
	}
	if c.replica == nil {
		c.replica = &replicaState{}
	}
	r := c.replica
	for i := 1; i < len(args); i += 2 {
		option, value := args[i], args[i+1]
		switch {
		case is(option, "listening-port"):
			port, err := parseInt(value)
			if err != nil {
				return err
			}
			r.port = int64(int32(port))
		case is(option, "ip-address"):
			const most = 255 // bytes of an address
			if len(value) > most {
				return errf("ERR REPLCONF ip-address provided by replica instance is too long: %d bytes", len(value))
			}
			r.ip = string([]byte(value))
		case is(option, "capa"):
			r.eof = r.eof || is(value, "eof")
			r.psync2 = r.psync2 || is(value, "psync2")
		case is(option, "ack"):
			if c.isReplica() {
				if offset, err := parseInt(value); err == nil {
					kv.acknowledged(c, offset)
				}
			}
			return nil // without an answer
		case is(option, "getack"):
			if l := kv.repl.link; l != nil {
				l.acknowledge()
			}
			return nil
		case is(option, "rdb-only"):
			only, err := parseIntRange(value, 0, 1)
			if err != nil {
				return err
			}
			r.rdbOnly = only == 1
		case is(option, "rdb-filter-only"):
			if err := r.filter(value); err != nil {
				return err
			}
		default:
			return errf("ERR Unrecognized REPLCONF option: %s", cString(option))
		}
	}
	c.reply.OK()
	return nil
}

// filter notes what the snapshot is to consist of, and nothing else.
func (r *replicaState) filter(value string) error {
	words, ok := resp.SplitLine([]byte(value))
	if !ok {
		return errf("ERR Missing rdb-filter-only values")
	}
	wants := snapshotContent{noData: true, noFunctions: true}
	for _, word := range words {
		if !is(word, "functions") {
			return errf("ERR Unsupported rdb-filter-only option: %s", cString(word))
		}
		wants.noFunctions = false
	}
	r.wants = wants
	return nil
}

// cmdWait serves WAIT numreplicas timeout: how many replicas have applied what this
// client has written, once it is as many as wanted or the time is up.
func (kv *KVStore) cmdWait(c *Client, args []string) error {
	if kv.Info.Role == "slave" {
		return errWaitReplica
	}
	wanted, err := parseInt(args[1])
	if err != nil {
		return err
	}
	deadline, err := kv.deadlineMs(args[2])
	if err != nil {
		return err
	}
	count := func(c *Client) { c.reply.Int(kv.appliedBy(c.written)) }
	if kv.appliedBy(c.written) >= wanted {
		count(c)
		return nil
	}
	kv.block(c, wait{deadlineNs: deadline, onTimeout: count, replicas: wanted})
	if c.waiter != nil {
		kv.repl.waiting = append(kv.repl.waiting, c.waiter)
		kv.repl.asking = true
		kv.repl.stream.news = true // what is asked goes with the end of the turn
	}
	return nil
}

// appliedBy is how many replicas have applied the stream up to an offset.
func (kv *KVStore) appliedBy(offset int64) (n int64) {
	for _, c := range kv.repl.replicas {
		if c.replica.phase == replicaOnline && c.replica.ack >= offset {
			n++
		}
	}
	return n
}

// serveWaiting answers those who WAIT for no more replicas than have answered.
func (kv *KVStore) serveWaiting() {
	kv.repl.waiting = slices.DeleteFunc(kv.repl.waiting, func(w *waiter) bool {
		if w.client.waiter != w {
			return true // its time is up, or it has gone
		}
		if kv.appliedBy(w.client.written) < w.replicas {
			return false
		}
		kv.resume(w, timedOut)
		return true
	})
}

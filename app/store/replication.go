package store

import "strings"

// Replication. A server has one stream of bytes with one offset: what its replicas
// get. On a master it has what commands did, on a replica it is the master's, byte
// for byte (replication_replica.go).

// replication is what a server knows of it.
type replication struct {
	id      string // of the stream, as Info.MasterReplId
	id2     string // of the stream before it, up to offset2
	offset2 int64  // the first offset that id2 is not good for, -1 for none
	stream  replStream

	replicaSide
	failover failoverState
}

// noReplicationID stands for none.
var noReplicationID = strings.Repeat("0", replicationIDSize)

// replicationIDSize is the length of a replication id.
const replicationIDSize = 40

// A replStream is the stream of a server.
type replStream struct {
	offset int64 // behind its last byte
}

// proxy appends what the master has sent and this server has applied.
func (s *replStream) proxy(raw []byte) { s.offset += int64(len(raw)) }

// setReplicationID gives the stream another id.
func (kv *KVStore) setReplicationID(id string) { kv.repl.id, kv.Info.MasterReplId = id, id }

// shiftReplicationID begins a history of this server's own: what there is up to here
// goes by the id of the master before.
func (kv *KVStore) shiftReplicationID() {
	kv.repl.id2, kv.repl.offset2 = kv.repl.id, kv.repl.stream.offset+1
	kv.setReplicationID(randomID())
	kv.log(logWarning, "Setting secondary replication ID to %s, valid up to offset: %d. New replication ID is %s",
		kv.repl.id2, kv.repl.offset2, kv.repl.id)
}

// restartStream begins the stream anew, at an offset, with nothing before it.
func (kv *KVStore) restartStream(offset int64) { kv.repl.stream = replStream{offset: offset} }

// needBacklog sees to it that what is streamed from now on is kept for a while.
func (kv *KVStore) needBacklog() {}

// freeBacklog forgets what was kept.
func (kv *KVStore) freeBacklog() {}

// disconnectReplicas has this server's own replicas come back and ask where they are.
func (kv *KVStore) disconnectReplicas() {}

// isReplica reports whether the client is a replica of this server.
func (c *Client) isReplica() bool { return false }

// replyMasterRole is ROLE on a master.
func (kv *KVStore) replyMasterRole(c *Client) {
	c.reply.Array(3)
	c.reply.Bulk("master")
	c.reply.Int(kv.repl.stream.offset)
	c.reply.Array(0)
}

// savedStream is the database that the stream has selected, for a snapshot to say
// where in the stream its data is. It is false when that is of no use.
func (kv *KVStore) savedStream() (db int, ok bool) {
	r := &kv.repl
	switch {
	case kv.Info.Role != "slave":
		return 0, false
	case r.link != nil && r.link.client != nil:
		return r.link.client.db.id, true
	case r.cached != nil:
		return r.cached.db, true
	}
	return 0, false
}

// resumeStream goes on with the stream where the snapshot was made that was loaded
// at the start, if it says so. A replica asks its master for what came since. A
// master keeps the name of the stream for replicas that know it.
func (kv *KVStore) resumeStream() {
	from := &kv.snapshot.loading
	if from.replID == "" || from.replOffset < 0 || from.streamDB < 0 {
		return
	}
	kv.restartStream(from.replOffset)
	if kv.Info.Role == "slave" {
		kv.setReplicationID(from.replID)
		kv.cacheMyself()
		kv.repl.cached.db = from.streamDB
		return
	}
	kv.repl.id2, kv.repl.offset2 = from.replID, from.replOffset+1
	kv.needBacklog()
}

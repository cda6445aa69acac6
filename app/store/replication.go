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

	masterSide
	replicaSide
	failover failoverState
}

// noReplicationID stands for none.
var noReplicationID = strings.Repeat("0", replicationIDSize)

// replicationIDSize is the length of a replication id.
const replicationIDSize = 40

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

// savedStream is the database that the stream has selected, for a snapshot to say
// where in the stream its data is. It is false when that is of no use.
func (kv *KVStore) savedStream() (db int, ok bool) {
	r := &kv.repl
	switch {
	case kv.Info.Role != "slave":
		return max(r.stream.selected-1, 0), r.stream.active()
	case r.link != nil && r.link.client != nil:
		return r.link.client.db.id, true
	case r.cached != nil:
		return r.cached.db, true
	}
	return 0, false
}

// resumeStream goes on with the stream where the snapshot was made that is loaded
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
}

package store

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/rdb"
)

// Bringing a replica to where the stream is: by the part of it that is missing
// (+CONTINUE), or by a snapshot and what has been streamed since its instant
// (+FULLRESYNC). The snapshot is made as BGSAVE makes one, and either goes to the
// disk first, and from there to each replica as $<length> and so many bytes, or
// straight to all who wait for one, as $EOF:<mark>, bytes of a number that nobody
// knows in advance, and the mark again. Replicas that come together share one.
//
// While a replica is sent a snapshot, whoever sends it is the flusher of its output,
// so nothing else comes in between.

// goOnWith sends a replica the stream from an offset on, if that is possible.
func (kv *KVStore) goOnWith(c *Client, id string, offset int64) bool {
	s, r := &kv.repl.stream, c.replica
	switch {
	case !is(id, kv.repl.id) && (!is(id, kv.repl.id2) || offset > kv.repl.offset2):
		if id == "" || id[0] == '?' {
			kv.log(logNotice, "Full resync requested by replica %s", c.replicaName())
		} else if !is(id, kv.repl.id) && !is(id, kv.repl.id2) {
			kv.log(logNotice, "Partial resynchronization not accepted: Replication ID mismatch (Replica asked for '%s', "+
				"my replication IDs are '%s' and '%s')", oneLine(cut(id, quotedMax)), kv.repl.id, kv.repl.id2)
		} else {
			kv.log(logNotice, "Partial resynchronization not accepted: Requested offset for second ID was %d, but I can reply up to %d",
				offset, kv.repl.offset2)
		}
		return false
	case !s.has(offset - 1):
		kv.log(logNotice, "Unable to partial resync with replica %s for lack of backlog (Replica request was: %d).", c.replicaName(), offset)
		if offset-1 > s.offset {
			kv.log(logWarning, "Warning: replica %s tried to PSYNC with an offset that is greater than the master replication offset.", c.replicaName())
		}
		return false
	}
	c.reply.Buf = append(c.reply.Buf, "+CONTINUE"...)
	if r.psync2 {
		c.reply.Buf = append(append(c.reply.Buf, ' '), kv.repl.id...)
	}
	c.reply.Buf = append(c.reply.Buf, "\r\n"...)
	r.place, r.streams, r.ackMs = s.place(offset-1), true, kv.nowMs
	c.setPhase(replicaOnline)
	kv.enlist(c)
	kv.log(logNotice, "Partial resynchronization request from %s accepted. Sending %d bytes of backlog starting from offset %d.",
		c.replicaName(), c.lag(), offset)
	kv.countGoodReplicas()
	return true
}

// syncFully has a replica wait for a snapshot, or for the one that is being made, if
// that has what it needs.
func (kv *KVStore) syncFully(c *Client) {
	r := c.replica
	kv.stats.syncsFull++
	c.setPhase(replicaWaitsStart)
	kv.enlist(c)
	if !kv.repl.stream.active() {
		if kv.Info.Role != "slave" {
			kv.newHistory()
		}
		kv.needBacklog()
		kv.log(logNotice, "Replication backlog created, my new replication IDs are '%s' and '%s'", kv.repl.id, kv.repl.id2)
	}
	s := kv.saver
	switch {
	case s != nil && s.fanout != nil:
		kv.log(logNotice, "Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC")
	case s != nil && !s.base && !s.aborted:
		other := kv.sharesWith(c)
		if other == nil {
			kv.log(logNotice, "Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE for SYNC")
			return
		}
		kv.announceSync(c, other.replica.place)
		kv.log(logNotice, "Waiting for end of BGSAVE for SYNC")
	case kv.config.Bool("repl-diskless-sync") && r.eof && kv.config.Int("repl-diskless-sync-delay") > 0:
		kv.log(logNotice, "Delay next BGSAVE for diskless SYNC")
	case s == nil:
		kv.startSync(r.eof, r.wants)
	default:
		kv.log(logNotice, "No BGSAVE in progress, but another BG operation is active. BGSAVE for replication delayed")
	}
}

// sharesWith is a replica that waits for the snapshot being made and needs no less
// than this one; nil for none.
func (kv *KVStore) sharesWith(c *Client) *Client {
	r := c.replica
	for _, other := range kv.repl.replicas {
		o := other.replica
		if o.phase == replicaWaitsEnd && o.place.block != nil && o.wants == r.wants && (r.eof || !o.eof) && (r.psync2 || !o.psync2) {
			return other
		}
	}
	return nil
}

// announceSync tells a replica which part of the stream comes behind the snapshot
// that it will be sent.
func (kv *KVStore) announceSync(c *Client, from streamPlace) {
	r := c.replica
	if !r.plain {
		c.reply.Buf = fmt.Appendf(c.reply.Buf, "+FULLRESYNC %s %d\r\n", kv.repl.id, from.at)
		c.push()
	}
	if !r.rdbOnly {
		r.place = from.share()
	}
	c.setPhase(replicaWaitsEnd)
}

// startSync begins a snapshot for those who wait for one of such a content.
func (kv *KVStore) startSync(eof bool, wants snapshotContent) {
	direct := eof && (kv.config.Bool("repl-diskless-sync") || wants != (snapshotContent{}))
	target := "disk"
	if direct {
		target = "replicas sockets"
	}
	kv.log(logNotice, "Starting BGSAVE for SYNC with target: %s", target)
	if kv.snapshotVersion() > rdb.VersionDefault {
		kv.log(logWarning, "There are hashes whose fields expire. Replicas before Redis 7.4 cannot read such a snapshot.")
	}
	s := &kv.repl.stream
	s.selected = 0 // the snapshot says which database is
	here := s.place(s.offset)
	var list []*Client
	for _, c := range kv.repl.replicas {
		if r := c.replica; r.phase == replicaWaitsStart && r.wants == wants && (!direct || r.eof) {
			kv.announceSync(c, here)
			list = append(list, c)
		}
	}
	s.leave(&here)
	if !direct {
		kv.startSave()
		return
	}
	kv.log(logNotice, "Background RDB transfer started by pid %d", os.Getpid())
	kv.snapshot.lastTry = time.Now().Unix()
	kv.beginSaver(&saver{fanout: &syncFanout{kv: kv, clients: list, mark: randomID()}, wants: wants})
}

// beginDueSync begins a snapshot for those who have waited for others to come.
func (kv *KVStore) beginDueSync() {
	if kv.saver != nil || kv.closed || kv.snapshot.loading.active || len(kv.repl.replicas) == 0 {
		return
	}
	var first *replicaState
	waiting, eof := int64(0), true
	for _, c := range kv.repl.replicas {
		r := c.replica
		if r.phase != replicaWaitsStart || first != nil && r.wants != first.wants {
			continue
		}
		if first == nil {
			first = r
		}
		waiting++
		eof = eof && r.eof
	}
	if first == nil {
		return
	}
	most := kv.config.Int("repl-diskless-sync-max-replicas")
	if !kv.config.Bool("repl-diskless-sync") || most > 0 && waiting >= most ||
		kv.nowMs-first.since >= kv.config.Int("repl-diskless-sync-delay")*1000 {
		kv.startSync(eof, first.wants)
	}
}

// snapshotDone is called when a snapshot on the disk is complete, or has failed: it
// goes to those who wait for it.
func (kv *KVStore) snapshotDone(failure error) {
	sent := false
	for _, c := range kv.repl.replicas {
		if c.replica.phase != replicaWaitsEnd {
			continue
		}
		f, size, err := (*os.File)(nil), int64(0), failure
		if err == nil {
			f, size, err = openSized(kv.snapshotPath())
		}
		if err != nil {
			kv.log(logWarning, "SYNC failed. BGSAVE child returned an error: %v", err)
			c.kill()
			continue
		}
		c.setPhase(replicaReceives)
		sent = true
		kv.serving.Add(1)
		go kv.sendSnapshot(c, f, size)
	}
	if sent && kv.config.Bool("rdb-del-sync-files") && !kv.savesItself() && kv.journal == nil {
		kv.log(logNotice, "Removing the RDB file used to feed replicas in a persistence-less instance")
		if err := os.Remove(kv.snapshotPath()); err != nil {
			kv.log(logWarning, "%v", err)
		}
	}
}

// openSized opens a file, and tells its size.
func openSized(name string) (*os.File, int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	stat, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, stat.Size(), nil
}

// sendSnapshot sends a file to a replica, which is online then.
func (kv *KVStore) sendSnapshot(c *Client, f *os.File, size int64) {
	defer kv.serving.Done()
	defer f.Close()
	if !c.seizeOutput() {
		return
	}
	err := c.sendNow(fmt.Appendf(nil, "$%d\r\n", size))
	for left := size; err == nil && left > 0; {
		n := int64(0)
		c.replica.writing.Store(time.Now().UnixMilli())
		n, err = io.CopyN(c.conn, f, min(left, syncPiece))
		c.replica.writing.Store(0)
		left -= n
		kv.repl.netOut.Add(n)
		if err == nil && !c.stays() {
			err = net.ErrClosed
		}
	}
	if err != nil {
		kv.log(logWarning, "Write error sending DB to replica %s: %s", c.addr, systemText(causeOfNet(err)))
		c.writeFailed()
		return
	}
	kv.mu.Lock()
	kv.synced(c, true)
	kv.unlock()
	c.flush(c.doneOutput(), false)
}

// syncPiece is how much of a snapshot is sent between two looks at whether the
// replica is still there.
const syncPiece = 1 << 20

// stays reports whether the client is to stay.
func (c *Client) stays() bool {
	c.kv.mu.Lock()
	defer c.kv.mu.Unlock()
	return !c.closing
}

// synced puts a replica online that has been sent a snapshot. One that was told no
// length has to say first that it has found the end.
func (kv *KVStore) synced(c *Client, streams bool) {
	if !c.isReplica() || c.closing {
		return
	}
	r := c.replica
	r.ackMs = kv.nowMs
	c.setPhase(replicaOnline)
	if r.rdbOnly {
		kv.log(logNotice, "RDB transfer completed, rdb only replica (%s) should be disconnected asap", c.replicaName())
		c.kill()
		return
	}
	if streams {
		kv.startStreaming(c)
	}
}

// seizeOutput makes the caller the flusher of a client, once nobody else is, and
// writes what there is. It reports false when the client goes.
func (c *Client) seizeOutput() bool {
	kv := c.kv
	for {
		c.awaitFlusher()
		kv.mu.Lock()
		if c.closing || c.out.state.Load() == flushFailed {
			kv.mu.Unlock()
			return false
		}
		if !c.out.state.CompareAndSwap(flushIdle, flushBusy) {
			kv.mu.Unlock()
			continue
		}
		ahead := c.reply.Buf
		c.reply.Buf = nil
		kv.mu.Unlock()
		if err := c.sendNow(ahead); err != nil {
			c.writeFailed()
			return false
		}
		return true
	}
}

// sendNow writes to a client whose flusher the caller is, and waits until it is
// written.
func (c *Client) sendNow(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	c.replica.writing.Store(time.Now().UnixMilli())
	n, err := c.conn.Write(b)
	c.replica.writing.Store(0)
	c.kv.repl.netOut.Add(int64(n))
	return err
}

// A syncFanout sends a snapshot to several replicas while it is made. The slowest of
// them sets the pace.
type syncFanout struct {
	kv      *KVStore
	clients []*Client
	mark    string
}

// send sends what fill writes, between the marks.
func (f *syncFanout) send(fill func(io.Writer) error) error {
	f.each((*Client).seizeOutput)
	_, err := f.Write([]byte("$EOF:" + f.mark + "\r\n"))
	if err == nil {
		err = fill(f)
	}
	if err == nil {
		f.kv.log(logWarning, "Diskless rdb transfer, done reading from pipe, %d replicas still up.", len(f.clients))
		_, err = f.Write([]byte(f.mark))
	}
	return err
}

// each keeps those replicas that a step succeeds with.
func (f *syncFanout) each(step func(*Client) bool) {
	kept := f.clients[:0]
	for _, c := range f.clients {
		if step(c) {
			kept = append(kept, c)
		}
	}
	f.clients = kept
}

// Write sends a piece to all who are left.
func (f *syncFanout) Write(b []byte) (int, error) {
	f.each(func(c *Client) bool {
		err := c.sendNow(b)
		if err != nil {
			f.kv.log(logWarning, "Diskless rdb transfer, write error sending DB to replica %s: %s", c.addr, systemText(causeOfNet(err)))
			c.writeFailed()
		}
		return err == nil
	})
	if len(f.clients) == 0 {
		f.kv.log(logWarning, "Diskless rdb transfer, last replica dropped, killing fork child.")
		return 0, errNobodyWaits
	}
	return len(b), nil
}

var errNobodyWaits = errors.New("no replica is left that waits for it")

// finish ends the transfer. kv.mu is held.
func (f *syncFanout) finish(err error) {
	if err == nil {
		f.kv.log(logNotice, "Background RDB transfer terminated with success")
	} else {
		f.kv.log(logWarning, "Background transfer error: %v", err)
	}
	for _, c := range f.clients {
		if err != nil {
			c.kill()
			continue
		}
		f.kv.log(logNotice, "Streamed replica with replica %s via socket. Waiting for REPLCONF ACK from replica to enable streaming", c.replicaName())
		f.kv.synced(c, false)
	}
}

// release ends being the flusher of the replicas' output.
func (f *syncFanout) release() {
	for _, c := range f.clients {
		c.flush(c.doneOutput(), false)
	}
}

package store

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/aof"
	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// The append-only file: what changes the data is written down as the commands
// that repeat it, and run again at the next start (journal_load.go).
//
// A turn with the mutex appends to buf what its commands did, each unit of more
// than one command between MULTI and EXEC. At its end the turn hands buf over to
// the queue, gives the mutex up, and only then writes: whoever comes first writes
// all that is queued, and the others find that theirs is done. With appendfsync
// always the same goes for putting it on disk, so that many clients share one
// fsync. Replies wait for that (settle), also those to commands that have only
// read: what somebody was shown has to be there after a crash.
//
// Positions count the bytes appended since the file was opened. They only grow:
// synced <= written <= queued <= end.

// A journal is an append-only file that is in use. The mutexes are taken in this
// order: kv.mu, writeMu, queueMu. Nobody waits for kv.mu with one of the others.
type journal struct {
	kv         *KVStore
	policy     atomic.Int32 // appendfsync
	standalone bool         // the process may end for it
	flushSleep atomic.Int64 // DEBUG AOF-FLUSH-SLEEP, in µs

	// Guarded by kv.mu.
	buf        []byte // what the turn has appended
	end        int64  // the position behind buf
	selected   int    // the database that the next command would be for, -1 for none
	unit       int    // commands of the unit at hand
	unitAt     int    // where in buf it begins
	lastAt     int    // where in buf its last command begins
	timestamps bool   // aof-timestamp-enabled
	second     int64  // of the last timestamp
	waiting    bool   // for a base: the file has a temporary name

	queueMu sync.Mutex
	queue   []byte // handed over and not being written
	queued  int64  // the position behind queue

	writeMu   sync.Mutex
	log       *aof.Log
	rest      []byte    // taken from the queue and not written yet
	taken     int64     // the position behind rest
	stopped   bool      // the file is closed
	complaint time.Time // when a failed write was last logged
	postponed time.Time // since when writing waits for an fsync; zero when it does not

	written atomic.Int64
	synced  atomic.Int64
	syncing atomic.Bool            // everySecond is at it
	size    atomic.Int64           // of the incremental file
	failure atomic.Pointer[string] // why writing failed, nil when it did not
	noSync  atomic.Pointer[string] // why fsync in the background failed
	delayed atomic.Int64           // writes that did not wait for an fsync any longer

	quit chan struct{}
	done chan struct{}
}

// The policies of appendfsync.
const (
	fsyncEverySecond int32 = iota
	fsyncAlways
	fsyncNo
)

var fsyncPolicyOf = map[string]int32{"everysec": fsyncEverySecond, "always": fsyncAlways, "no": fsyncNo}

const (
	journalKeep    = 1 << 20          // a larger buffer is not used again
	postponeMax    = 2 * time.Second  // how long a write waits for an fsync
	complaintEvery = 30 * time.Second // at the most, about the disk
)

// newJournal begins to write to the end of a file.
func (kv *KVStore) newJournal(log *aof.Log) *journal {
	j := &journal{
		kv: kv, log: log, selected: -1, standalone: kv.standalone,
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	j.size.Store(log.Size())
	j.applySettings()
	go j.everySecond()
	return j
}

// applySettings copies the directives. kv.mu is held.
func (j *journal) applySettings() {
	j.policy.Store(fsyncPolicyOf[j.kv.config.Str("appendfsync")])
	j.timestamps = j.kv.config.Bool("aof-timestamp-enabled")
}

// feed appends a command to the unit at hand. kv.mu is held.
func (j *journal) feed(db int, args []string) {
	from := len(j.buf)
	if j.unit == 0 && j.timestamps && j.kv.nowMs/1000 > j.second {
		j.second = j.kv.nowMs / 1000
		j.buf = append(j.buf, "#TS:"...)
		j.buf = append(j.buf, formatInt(j.second)...)
		j.buf = append(j.buf, "\r\n"...)
	}
	if db != j.selected {
		j.selected = db
		j.buf = resp.AppendCommand(j.buf, "SELECT", formatInt(int64(db)))
	}
	if j.unit == 0 {
		j.unitAt = len(j.buf)
	}
	j.unit++
	j.lastAt = len(j.buf)
	j.buf = resp.AppendCommand(j.buf, args...)
	j.end += int64(len(j.buf) - from)
}

// last is the command that was fed last, as it was encoded. It is good for the moment.
func (j *journal) last() []byte { return j.buf[j.lastAt:] }

var (
	multiLine = resp.AppendCommand(nil, "MULTI")
	execLine  = resp.AppendCommand(nil, "EXEC")
)

// endUnit ends the unit at hand. kv.mu is held.
func (j *journal) endUnit() {
	if j.unit > 1 {
		j.buf = slices.Insert(j.buf, j.unitAt, multiLine...)
		j.buf = append(j.buf, execLine...)
		j.end += int64(len(multiLine) + len(execLine))
	}
	j.unit = 0
}

// A settlement is what the replies of a turn have to wait for. The zero value is
// nothing.
type settlement struct {
	j  *journal
	at int64
}

// handOver ends a turn with the journal: what it has appended goes to the queue.
// kv.mu is held.
func (kv *KVStore) handOver() settlement {
	j := kv.journal
	if j == nil {
		return settlement{}
	}
	if len(j.buf) == 0 {
		if j.policy.Load() != fsyncAlways || j.synced.Load() == j.end {
			return settlement{}
		}
		return settlement{j, j.end}
	}
	j.queueMu.Lock()
	if len(j.queue) == 0 {
		j.queue, j.buf = j.buf, j.queue
	} else {
		j.queue = append(j.queue, j.buf...)
		j.buf = j.buf[:0]
	}
	j.queued = j.end
	j.queueMu.Unlock()
	if cap(j.buf) > journalKeep {
		j.buf = nil
	}
	return settlement{j, j.end}
}

// wait returns when the replies of the turn may leave. No mutex is held.
func (s settlement) wait() {
	j := s.j
	if j == nil || j.reached(s.at) {
		return
	}
	j.writeMu.Lock()
	if !j.reached(s.at) {
		j.write(false)
	}
	j.writeMu.Unlock()
}

// reached reports whether all before a position is as safe as appendfsync wants.
func (j *journal) reached(at int64) bool {
	if j.policy.Load() == fsyncAlways {
		return j.synced.Load() >= at
	}
	return j.written.Load() >= at
}

// write writes what is queued, and with appendfsync always puts it on disk. Unless
// now is set it may leave that to everySecond, whose fsync it would wait for: the
// system lets nobody write to a file meanwhile. writeMu is held.
func (j *journal) write(now bool) {
	if j.stopped || !now && j.postpone() {
		return
	}
	j.postponed = time.Time{}
	j.take()
	if len(j.rest) > 0 {
		if us := j.flushSleep.Load(); us > 0 {
			time.Sleep(time.Duration(us) * time.Microsecond)
		}
		event := "aof-write-alone"
		if j.syncing.Load() {
			event = "aof-write-pending-fsync"
		}
		began := j.kv.latency.begin()
		n, err := j.log.Append(j.rest)
		j.kv.latency.end(began, event, "aof-write")
		j.size.Store(j.log.Size())
		if err != nil {
			j.writeFailed(n, err)
			return
		}
		if cap(j.rest) > journalKeep {
			j.rest = nil
		}
		j.rest = j.rest[:0]
		j.written.Store(j.taken)
		if j.failure.Swap(nil) != nil {
			j.kv.log(logWarning, "AOF write error looks solved, Redis can write again.")
		}
	}
	if j.policy.Load() != fsyncAlways || j.synced.Load() >= j.taken {
		return
	}
	began := j.kv.latency.begin()
	err := j.log.Sync()
	j.kv.latency.end(began, "aof-fsync-always")
	if err != nil {
		j.fatal("Can't persist AOF for fsync error when the AOF fsync policy is 'always': "+systemText(causeOf(err))+". Exiting...", err)
		return
	}
	j.synced.Store(j.taken)
}

// postpone reports whether a write is to wait for the fsync in the background.
func (j *journal) postpone() bool {
	if !j.syncing.Load() || j.policy.Load() != fsyncEverySecond {
		return false
	}
	if j.postponed.IsZero() {
		j.postponed = time.Now()
	}
	if time.Since(j.postponed) < postponeMax {
		return true
	}
	j.delayed.Add(1)
	j.kv.log(logNotice, "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without "+
		"waiting for fsync to complete, this may slow down Redis.")
	return false
}

// take takes what is queued. writeMu is held.
func (j *journal) take() {
	j.queueMu.Lock()
	defer j.queueMu.Unlock()
	if len(j.rest) == 0 {
		j.rest, j.queue = j.queue, j.rest
	} else {
		j.rest = append(j.rest, j.queue...)
		j.queue = j.queue[:0]
	}
	j.taken = j.queued
}

// writeFailed deals with a write of which n bytes went through. It is tried again
// with the next, and every second; until then no command may write. writeMu is held.
func (j *journal) writeFailed(n int, err error) {
	complain := time.Since(j.complaint) > complaintEvery
	if complain {
		j.complaint = time.Now()
	}
	cause := causeOf(err)
	if short, ok := errors.AsType[*aof.ShortWriteError](err); ok {
		cause = syscall.ENOSPC
		if complain {
			j.kv.log(logWarning, "Short write while writing to the AOF file: (nwritten=%d, expected=%d)", short.Written, short.Expected)
			if short.Undo != nil {
				j.kv.log(logWarning, "Could not remove short write from the append-only file.  Redis may refuse to load the AOF the "+
					"next time it starts.  ftruncate: %s", systemText(causeOf(short.Undo)))
			}
		}
	} else if complain {
		j.kv.log(logWarning, "Error writing to the AOF file: %s", systemText(cause))
	}
	j.rest = slices.Delete(j.rest, 0, n)
	if j.policy.Load() == fsyncAlways {
		j.fatal("Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...", cause)
		return
	}
	j.fail(cause)
}

// fail has commands that write refused.
func (j *journal) fail(err error) {
	text := systemText(err)
	j.failure.Store(&text)
}

// fatal ends the process, when it is a server of its own, before anybody is told
// that something is on disk which is not. A store within another program refuses
// to write instead.
func (j *journal) fatal(text string, err error) {
	j.kv.log(logWarning, "%s", text)
	if j.standalone {
		os.Exit(1)
	}
	j.fail(causeOf(err))
}

// everySecond puts what was written on disk each second if the policy wants it,
// and tries again to write what could not be.
func (j *journal) everySecond() {
	defer close(j.done)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-j.quit:
			return
		case <-ticker.C:
		}
		j.syncInBackground()
		j.writeMu.Lock()
		j.queueMu.Lock()
		behind := j.queued
		j.queueMu.Unlock()
		if !j.reached(behind) || len(j.rest) > 0 {
			j.write(true)
		}
		j.writeMu.Unlock()
	}
}

// syncInBackground is the fsync of appendfsync everysec.
func (j *journal) syncInBackground() {
	j.writeMu.Lock()
	log, at := j.log, j.written.Load()
	wanted := !j.stopped && j.policy.Load() == fsyncEverySecond && j.synced.Load() < at
	j.syncing.Store(wanted)
	j.writeMu.Unlock()
	if !wanted {
		return
	}
	err := log.Sync()
	j.syncing.Store(false)
	switch {
	case errors.Is(err, os.ErrClosed):
	case err != nil:
		text := systemText(causeOf(err))
		if j.noSync.Swap(&text) == nil {
			j.kv.log(logWarning, "Fail to fsync the AOF file: %s", text)
		}
	default:
		j.noSync.Store(nil)
		j.synced.Store(max(at, j.synced.Load()))
	}
}

// flush writes everything and puts it on disk. kv.mu is held.
func (j *journal) flush() {
	j.kv.handOver()
	j.writeMu.Lock()
	defer j.writeMu.Unlock()
	j.write(true)
	if j.stopped || j.synced.Load() == j.written.Load() {
		return
	}
	if err := j.log.Sync(); err != nil {
		j.kv.log(logWarning, "Fail to fsync the AOF file: %s", systemText(causeOf(err)))
		return
	}
	j.synced.Store(j.written.Load())
}

// close flushes and ends the use of the file. kv.mu is held.
func (j *journal) close() {
	j.flush()
	close(j.quit)
	j.writeMu.Lock()
	j.stopped = true
	j.log.Close()
	j.writeMu.Unlock()
	<-j.done
}

// troubled returns why commands must not write, "" when they may.
func (j *journal) troubled() string {
	for _, p := range []*string{j.failure.Load(), j.noSync.Load()} {
		if p != nil {
			return *p
		}
	}
	return ""
}

// buffered is how many bytes wait to be written.
func (j *journal) buffered() int64 { return j.end - j.written.Load() }

// infoJournal is the part of INFO persistence that is about the append-only file.
func (kv *KVStore) infoJournal(w *infoWriter) {
	j := kv.journal
	w.field("aof_enabled", bit(j != nil))
	r := &kv.aof.rewrite
	w.field("aof_rewrite_in_progress", bit(r.running))
	w.field("aof_rewrite_scheduled", bit(r.scheduled))
	status, running := "ok", int64(-1)
	if r.failed {
		status = "err"
	}
	if r.running {
		running = int64(time.Since(r.began).Seconds())
	}
	w.field("aof_last_rewrite_time_sec", r.lastSeconds)
	w.field("aof_current_rewrite_time_sec", running)
	w.field("aof_last_bgrewrite_status", status)
	w.field("aof_rewrites", r.count)
	w.field("aof_rewrites_consecutive_failures", r.failures)
	status = "ok"
	if j != nil && j.troubled() != "" {
		status = "err"
	}
	w.field("aof_last_write_status", status)
	w.field("aof_last_cow_size", 0)
	w.field("module_fork_in_progress", 0)
	w.field("module_fork_last_cow_size", 0)
	if j == nil {
		return
	}
	w.field("aof_current_size", kv.aof.olderBytes+j.size.Load())
	w.field("aof_base_size", kv.aof.baseBytes)
	w.field("aof_pending_rewrite", bit(r.scheduled))
	w.field("aof_buffer_length", j.buffered())
	w.field("aof_pending_bio_fsync", bit(j.syncing.Load()))
	w.field("aof_delayed_fsync", j.delayed.Load())
}

// journalBytes is the memory that waits to be written.
func (kv *KVStore) journalBytes() int64 {
	if kv.journal == nil {
		return 0
	}
	return kv.journal.buffered()
}

// debugFlushSleep serves DEBUG AOF-FLUSH-SLEEP microseconds: each write to the
// append-only file takes that much longer.
func (kv *KVStore) debugFlushSleep(c *Client, args []string) error {
	if kv.journal != nil {
		us, _ := parseInt(args[0])
		kv.journal.flushSleep.Store(us)
	}
	c.reply.OK()
	return nil
}

// debugLoadaof serves DEBUG LOADAOF: the data is replaced by what the append-only
// file makes.
func (kv *KVStore) debugLoadaof(c *Client, args []string) error {
	c.effect() // it is no change, but what comes of all the others
	if kv.journal != nil {
		kv.journal.flush()
	}
	kv.dropAll(kv.dbs)
	kv.snapshot.libraries = nil
	if err := kv.reloadJournal(); err != nil {
		kv.logLoadError(err)
		return errReload
	}
	kv.dirty = 0
	kv.log(logWarning, "Append Only File loaded by DEBUG LOADAOF")
	c.reply.OK()
	return nil
}

// isSnapshot reports whether a file begins as a snapshot does.
func isSnapshot(f *os.File) bool {
	magic := make([]byte, 5)
	n, _ := f.ReadAt(magic, 0)
	return bytes.Equal(magic[:n], []byte("REDIS"))
}

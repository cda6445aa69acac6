package store

import (
	"bufio"
	"io"
	"os"
	"slices"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/rdb"
)

// Snapshots in the background, without a second process: BGSAVE and save points.
// The file has the data as it was at the instant when the save began. A goroutine
// goes over it, with the mutex held for short slices, and encodes; compression,
// checksum and disk have their time between two slices.
//
// The unit is a bucket of a database's table. Each is encoded once, by whoever
// comes first: the goroutine, or a command that is about to change a key of it,
// to remove one or to add one (saveFirst). So what was there at the instant is in
// the file and what came later is not, and no record needs a mark. Tables do not
// resize meanwhile; those so small that this would hurt are encoded at the start.
//
// A big value takes too long for a command that comes first. When its bucket is
// encoded it is put aside, and the goroutine encodes it next, in slices of its
// own. Until then it must stay as it is:
//
//   - a command that wants to write its key is postponed, as if clients were paused
//     (mustWait), and what reads it is served;
//   - what nobody can postpone, such as Set of the Go API, first gets a copy of
//     the value, and the goroutine keeps the original (ownValue);
//   - when its key goes, the goroutine keeps it, and frees it in the end;
//   - fields of it whose time has come stay hidden for so long.
//
// So the mutex is held for a bucket or a slice of a value, whichever is longer; a
// single string is encoded in one piece. What was encoded out of turn waits in
// memory. When that is much, writes are postponed, too.

const (
	bigValue   = 1000                   // elements from which a value is put aside
	smallTable = 512                    // buckets up to which a table is encoded at once
	saveSlice  = 500 * time.Microsecond // of encoding buckets,
	saveBytes  = 128 << 10              // or bytes that are encoded, between two rests
	saveSteps  = 16                     // buckets between two looks at the clock
	sideMax    = 256 << 20              // bytes out of turn from which writes wait
	saveRest   = 200 * time.Microsecond
	saveRetry  = 5 // seconds between two tries of save points
)

// A saver is a snapshot that is being written in the background.
type saver struct {
	kv      *KVStore
	file    *snapshotFile // nil when it goes to replicas at once
	fanout  *syncFanout   // which do so
	wants   snapshotContent
	base    bool // of the append-only file
	version int
	w       *rdb.Writer
	tables  []*savedTable
	aside   []*asideValue             // big values, the next one first
	byRoot  map[arena.Ref]*asideValue // the same
	keys    *keyEncoder               // of whole keys
	spare   rdb.Encoder               // swapped with that of keys while it is written
	db      int                       // that keys has selected, -1 when none
	aborted bool
	quit    chan struct{} // closed when it is
	full    bool          // somebody waits until there is less in memory
	dirty   int64         // changes at the instant
	done    int64         // keys encoded
	total   int64
}

// A savedTable is the table of a database, some of its buckets encoded.
type savedTable struct {
	s       *saver
	id      int
	holder  *database // has the table now; it may have been swapped or dropped
	dropped bool
	done    []uint64 // a bit for each bucket
	next    int      // bucket
	buckets int
}

// An asideValue is a big value that is yet to be encoded.
type asideValue struct {
	enc     encoding
	typ     valueType
	root    arena.Ref
	head    *keyEncoder // has what stands before the value
	dropped bool        // no key has it any more
}

// startSave begins to save the data as it is now.
func (kv *KVStore) startSave() {
	kv.snapshot.saves++
	kv.snapshot.scheduled = false
	kv.snapshot.lastTry = time.Now().Unix()
	kv.log(logNotice, "Background saving started by pid %d", os.Getpid())
	kv.beginSaver(&saver{file: kv.newSnapshotFile("-bg")})
}

// beginSaver begins to write the data as it is now, to where s says.
func (kv *KVStore) beginSaver(s *saver) {
	s.kv = kv
	s.base = s.file != nil && s.file.base
	s.quit = make(chan struct{})
	s.version = kv.snapshotVersion()
	s.byRoot = make(map[arena.Ref]*asideValue)
	s.keys = kv.newKeyEncoder(nil)
	s.db = -1
	s.dirty = kv.dirty
	kv.saver = s
	s.keys.aux(s.base)
	if !s.wants.noFunctions {
		s.keys.functions()
	}
	if !s.wants.noData {
		s.beginData()
	}
	kv.serving.Add(1)
	compress, checksum := kv.config.Bool("rdbcompression"), kv.config.Bool("rdbchecksum")
	go s.run(compress, checksum)
}

// beginData takes up all databases.
func (s *saver) beginData() {
	s.total = s.kv.keyCount()
	for _, db := range s.kv.dbs {
		if db.keys.Len() > 0 {
			s.keys.enc.SelectDB(db.id)
			s.keys.enc.ResizeDB(db.keys.Len(), db.expires.Len())
		}
	}
	for _, db := range s.kv.dbs {
		s.begin(db)
	}
}

// begin takes up a database: at once, when it is small.
func (s *saver) begin(db *database) {
	n := db.keys.Buckets()
	if db.keys.Len() == 0 {
		return
	}
	t := &savedTable{s: s, id: db.id, holder: db, buckets: n, done: make([]uint64, (n+63)/64)}
	if n <= smallTable && s.delay() == 0 {
		for i := range n {
			t.save(i)
		}
		return
	}
	db.keys.PauseResize()
	db.saving = t
	s.tables = append(s.tables, t)
}

// delay is how long to rest behind each key, which only tests want.
func (s *saver) delay() time.Duration {
	return time.Duration(s.kv.config.Int("rdb-key-save-delay")) * time.Microsecond
}

// save encodes a bucket, unless it has been.
func (t *savedTable) save(i int) {
	if t.done[i/64]>>(i%64)&1 != 0 || t.s.aborted {
		return
	}
	t.done[i/64] |= 1 << (i % 64)
	kv := t.s.kv
	t.holder.keys.VisitBucket(kv.keyType, i, func(ref arena.Ref) { t.s.key(t.id, kv.entryAt(ref)) })
}

// key encodes a key, or puts its value aside.
func (s *saver) key(id int, e entry) {
	s.done++
	if !e.enc().ofBlocks() || s.kv.blockLen(e.enc(), e.outsideRef()) < bigValue {
		if s.db != id {
			s.db = id
			s.keys.enc.SelectDB(id)
		}
		s.keys.key(e)
		return
	}
	v := &asideValue{enc: e.enc(), typ: e.typ(), root: e.outsideRef(), head: s.kv.newKeyEncoder(s.giveWay)}
	v.head.spillAt = saveBytes
	v.head.enc.SelectDB(id)
	v.head.head(e)
	s.aside = append(s.aside, v)
	s.byRoot[v.root] = v
}

// run writes the snapshot.
func (s *saver) run(compress, checksum bool) {
	kv := s.kv
	defer kv.serving.Done()
	defer kv.reportPanic()
	fill := func(f io.Writer) error {
		out := bufio.NewWriterSize(f, saveBytes)
		s.w = rdb.NewWriter(out, s.version, compress, checksum)
		if err := s.encode(); err != nil {
			return err
		}
		if err := s.w.Close(); err != nil {
			return err
		}
		return out.Flush()
	}
	if s.fanout != nil {
		err := s.fanout.send(fill)
		kv.mu.Lock()
		s.finish(err)
		kv.unlock()
		s.fanout.release()
		return
	}
	err := s.file.write(func(f *os.File) error {
		if s.file.commands {
			return asCommands(f, s.file.stamp, fill)
		}
		return fill(f)
	})
	kv.mu.Lock()
	defer kv.unlock()
	s.finish(err)
}

// encode encodes all data, and returns when it has been written.
func (s *saver) encode() error {
	s.kv.mu.Lock()
	defer s.kv.unlock()
	for {
		if s.aborted || s.kv.closed {
			return errAborted
		}
		more := s.slice()
		s.spare, s.keys.enc = s.keys.enc, s.spare
		s.db = -1
		if s.full {
			s.full = false
			s.kv.wakePostponed()
		}
		if err := s.giveWay(&s.spare); err != nil {
			return err
		}
		if !more && s.keys.enc.Len() == 0 && len(s.aside) == 0 {
			return nil
		}
	}
}

// giveWay writes what an encoder holds. The mutex is given up meanwhile.
func (s *saver) giveWay(e *rdb.Encoder) error {
	kv := s.kv
	kv.unlock()
	err := s.w.Drain(e)
	time.Sleep(saveRest)
	kv.mu.Lock()
	kv.readClock()
	if err == nil && (s.aborted || kv.closed) {
		err = errAborted
	}
	return err
}

// slice encodes a big value that was put aside, or some buckets. It reports
// whether there are more buckets.
func (s *saver) slice() (more bool) {
	if len(s.aside) > 0 {
		s.encodeAside()
		return true
	}
	begun, delay := time.Now(), s.delay()
	if delay > 0 {
		done := s.done
		defer func() {
			rest := delay * time.Duration(s.done-done)
			s.kv.unlock()
			select {
			case <-time.After(rest):
			case <-s.quit:
			}
			s.kv.mu.Lock()
		}()
	}
	for _, t := range s.tables {
		for t.next < t.buckets {
			t.save(t.next)
			t.next++
			if delay > 0 || s.keys.enc.Len() >= saveBytes || len(s.aside) > 0 || t.next%saveSteps == 0 && time.Since(begun) > saveSlice {
				return true
			}
		}
	}
	return false
}

// encodeAside encodes the next big value, and lets those go on who wait for it.
// When it fails, finish sees to the value.
func (s *saver) encodeAside() {
	v := s.aside[0]
	v.head.blocks(v.enc, v.typ, v.root)
	if v.head.err == nil {
		v.head.flush()
	}
	if v.head.err != nil {
		return // giveWay will fail again
	}
	i := slices.Index(s.aside, v)
	s.aside = slices.Delete(s.aside, i, i+1)
	s.release(v)
	s.kv.wakePostponed()
}

// release lets go of a value.
func (s *saver) release(v *asideValue) {
	delete(s.byRoot, v.root)
	if v.dropped {
		s.kv.dropValue(v.enc, v.root)
	}
}

// finish ends the save, be it complete or not.
func (s *saver) finish(err error) {
	kv, state := s.kv, &s.kv.snapshot
	for _, t := range s.tables {
		t.holder.saving = nil
		t.holder.keys.ResumeResize()
		if t.dropped {
			kv.drainLater(t.holder)
		}
	}
	for _, v := range s.aside {
		s.release(v)
	}
	kv.saver = nil
	kv.wakePostponed()
	if s.base {
		if err == nil && s.aborted {
			err = errAborted // too late for the file
		}
		kv.finishRewrite(err, s.file.name)
		return
	}
	state.lastSeconds = time.Now().Unix() - state.lastTry
	if s.fanout != nil {
		s.fanout.finish(err)
		return
	}
	switch {
	case err == nil:
		kv.log(logNotice, "Background saving terminated with success")
		kv.dirty -= min(s.dirty, kv.dirty)
		kv.noteSaved()
	case err == errAborted:
		kv.log(logWarning, "Background saving was given up")
	default:
		kv.log(logWarning, "Background saving error")
		state.failed = true
	}
	kv.applySettings() // what is refused may have changed
	kv.snapshotDone(err)
}

// abortSave ends a save under way, in a moment.
func (kv *KVStore) abortSave() {
	if s := kv.saver; s != nil && !s.aborted {
		s.aborted = true
		close(s.quit)
	}
}

// saveFirst sees to it that the bucket of a key is encoded before it changes. Any
// change of a database's table or of a record goes through it.
func (db *database) saveFirst(key string) {
	if db.saving != nil {
		db.saveBucketOf(key)
	}
}

func (db *database) saveBucketOf(key string) { db.saving.save(db.keys.Home(db.kv.hashOf(key))) }

// ownValue gives a key a copy of its value, if it is yet to be encoded.
func (db *database) ownValue(e entry) {
	if !e.enc().ofBlocks() {
		return
	}
	v := db.kv.saver.byRoot[e.outsideRef()]
	if v == nil {
		return
	}
	db.disown(e)
	e.setOutsideRef(db.kv.copyBlocks(v.enc, v.root))
	db.adopt(e)
	v.dropped = true
}

// beforeCommand sees to the keys of a command that may change them, some of which
// change what they have looked up to be read.
func (s *saver) beforeCommand(c *Client, cmd *command, args []string) {
	var buf [4]keyRef
	for _, ref := range cmd.appendKeys(buf[:0], args) {
		key := args[ref.index]
		c.db.saveFirst(key)
		if e := c.db.find(key); e.ok() {
			c.db.ownValue(e)
		}
	}
}

// mustWait reports whether a command is postponed: it writes a key whose value is
// yet to be encoded, which it now is next, or there is too much in memory.
func (s *saver) mustWait(c *Client, cmd *command, flags cmdFlags, args []string) bool {
	if !flags.has(write|mayReplicate) || c.txn.open && !flags.has(immediate) || s.aborted {
		return false
	}
	if s.keys.enc.Len() > sideMax {
		s.full = true
		return true
	}
	if !flags.has(dynamic) {
		return s.frozenKey(c, cmd, args)
	}
	wait := false
	eachQueued(c.txn.queued, c.txn.text, func(cmd *command, args []string) {
		if cmd.flags.has(write|mayReplicate) && s.frozenKey(c, cmd, args) {
			wait = true
		}
	})
	return wait
}

// frozenKey reports whether a command has a key whose value is yet to be encoded.
func (s *saver) frozenKey(c *Client, cmd *command, args []string) (wait bool) {
	var buf [4]keyRef
	for _, ref := range cmd.appendKeys(buf[:0], args) {
		key := args[ref.index]
		c.db.saveFirst(key)
		e := c.db.find(key)
		if !e.ok() || !e.enc().ofBlocks() {
			continue
		}
		if v := s.byRoot[e.outsideRef()]; v != nil {
			wait = true
			s.hurry(v)
		}
	}
	return wait
}

// hurry makes a value the next one, behind the one that is being encoded.
func (s *saver) hurry(v *asideValue) {
	if i := slices.Index(s.aside, v); i > 1 {
		s.aside = slices.Insert(slices.Delete(s.aside, i, i+1), 1, v)
	}
}

// keeps reports whether the saver needs a value that no key has any more. It
// will free it.
func (s *saver) keeps(root arena.Ref) bool {
	v := s.byRoot[root]
	if v != nil {
		v.dropped = true
	}
	return v != nil
}

// frozen reports whether a value is yet to be encoded.
func (kv *KVStore) frozen(e entry) bool {
	return kv.saver != nil && e.enc().ofBlocks() && kv.saver.byRoot[e.outsideRef()] != nil
}

// drop notes that a database was emptied before all of it is encoded.
func (t *savedTable) drop(holder *database) {
	t.holder, t.dropped = holder, true
}

// swapSaving follows two databases that have exchanged their tables.
func swapSaving(a, b *database) {
	a.saving, b.saving = b.saving, a.saving
	for _, db := range []*database{a, b} {
		if db.saving != nil {
			db.saving.holder = db
		}
	}
}

// wakePostponed lets the clients go on whose commands were postponed; those that
// still have to wait will be postponed again.
func (kv *KVStore) wakePostponed() {
	for _, c := range kv.clients {
		if c.parked == parkedByPause {
			kv.unpark(c)
			c.kick()
		}
	}
}

// savesItself reports whether save points ask for snapshots.
func (kv *KVStore) savesItself() bool {
	return kv.configured && len(kv.config.SavePoints()) > 0
}

// watchSavePoints begins a save when a save point is reached, or a transaction
// has asked for it.
func (kv *KVStore) watchSavePoints() {
	state := &kv.snapshot
	if kv.saver != nil || state.loading.busy() {
		return
	}
	now := time.Now().Unix()
	if state.failed && now-state.lastTry <= saveRetry {
		return
	}
	if state.scheduled {
		kv.startSave()
		return
	}
	if kv.dirty == 0 || !kv.savesItself() {
		return
	}
	for _, p := range kv.config.SavePoints() {
		if kv.dirty >= int64(p.Changes) && now-state.lastSave > p.Seconds {
			kv.log(logNotice, "%d changes in %d seconds. Saving...", p.Changes, p.Seconds)
			kv.startSave()
			return
		}
	}
}

// savingFails reports whether writes are refused since the data cannot be saved.
func (kv *KVStore) savingFails() bool {
	return kv.snapshot.failed && kv.savesItself() && kv.config.Bool("stop-writes-on-bgsave-error") && kv.Info.Role != "slave"
}

const errMisconf replyError = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. " +
	"Commands that may modify the data set are disabled, because this instance is configured to report errors during writes " +
	"if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error."

package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/dict"
	"github.com/codecrafters-io/redis-starter-go/app/rdb"
)

// A full sync: the snapshot that the master sends takes the place of all data. It
// comes as $<length> and so many bytes, or as $EOF:<mark>, bytes, and the mark
// again. What repl-diskless-load says decides what becomes of it:
//
//	disabled      it goes to a file first, so that what there was stays until all
//	              of the new data is here; then the file becomes the snapshot of
//	              this server, and is loaded
//	on-empty-db   the same, unless there is no data that could be lost: then it
//	              is loaded as it comes
//	swapdb        it is loaded as it comes, beside the data that there is, which
//	              goes when the new data is complete
//
// The new data is built aside in any case, in an arena of its own, by the link's
// goroutine and without the mutex. Then it takes the place of the old one in a
// moment, however much it is. Clients are answered -LOADING meanwhile, except with
// swapdb when the old data is an earlier state of the same master's.

// A fullSync is a full sync under way.
type fullSync struct {
	id     string // of the stream that goes on behind the snapshot
	offset int64  // where
	mark   string // that ends the snapshot, "" when its length is known
	swap   bool   // the old data stays until the new one is complete
	side   *KVStore
}

// syncPolicy is where a snapshot goes.
type syncPolicy struct {
	direct, swap bool
}

// syncPolicy decides it.
func (kv *KVStore) syncPolicy() syncPolicy {
	kv.mu.Lock()
	defer kv.mu.Unlock()
	switch kv.config.Str("repl-diskless-load") {
	case "swapdb":
		return syncPolicy{direct: true, swap: true}
	case "on-empty-db":
		return syncPolicy{direct: kv.keyCount() == 0}
	}
	return syncPolicy{}
}

// beginSync notes that a snapshot is to come. kv.mu is held.
func (l *masterLink) beginSync() {
	l.total.Store(-1)
	l.received.Store(0)
	l.setState(linkSync)
}

// receive receives a snapshot and puts it in the place of the data. An error is
// for the log.
func (l *masterLink) receive(conn net.Conn, in *bufio.Reader) error {
	size, err := l.announced(in)
	if err != nil {
		return err
	}
	kv := l.kv
	policy := kv.syncPolicy()
	l.full.swap = policy.swap
	where := "to disk"
	if policy.direct {
		where = "to parser"
	}
	if l.full.mark != "" {
		kv.log(logNotice, "MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF %s", where)
	} else {
		kv.log(logNotice, "MASTER <-> REPLICA sync: receiving %d bytes from master %s", size, where)
	}
	if policy.direct {
		err = l.loadDirect(conn, in, size)
	} else {
		err = l.loadFromDisk(conn, in, size)
	}
	if err != nil {
		return err
	}
	return l.finishSync(conn)
}

// announced reads the line before a snapshot, and how long that will be, 0 when
// that is not known.
func (l *masterLink) announced(in *bufio.Reader) (size int64, err error) {
	line := ""
	for line == "" { // the master is still at it
		if line, err = readLine(in); err != nil {
			return 0, fmt.Errorf("I/O error reading bulk count from MASTER: %s", systemText(causeOfNet(err)))
		}
	}
	rest, ok := strings.CutPrefix(line, "$")
	switch {
	case line[0] == '-':
		return 0, fmt.Errorf("MASTER aborted replication with an error: %s", line[1:])
	case !ok:
		return 0, fmt.Errorf("Bad protocol from MASTER, the first byte is not '$' (we received '%s'), "+
			"are you sure the host and port are right?", oneLine(line))
	}
	if mark, ok := strings.CutPrefix(rest, "EOF:"); ok && len(mark) >= replicationIDSize {
		l.full.mark = mark[:replicationIDSize]
		l.total.Store(0)
		return 0, nil
	}
	if size, err = strconv.ParseInt(rest, 10, 64); err != nil || size <= 0 {
		return 0, fmt.Errorf("Bad protocol from MASTER: no length of a snapshot: %q", line)
	}
	l.total.Store(size)
	return size, nil
}

// A syncSource is a snapshot being read, from the connection or from a file. It
// keeps account of it, and lets the master know that somebody is there.
type syncSource struct {
	l    *masterLink
	src  io.Reader
	conn net.Conn
	disk bool // what is read was counted when it came
	told time.Time
}

func (s *syncSource) Read(b []byte) (int, error) {
	n, err := s.src.Read(b)
	l, kv := s.l, s.l.kv
	if !s.disk {
		l.received.Add(int64(n))
	}
	if now := time.Now(); now.Sub(s.told) > time.Second {
		s.told = now
		l.alive()
		s.conn.Write([]byte("\n")) // a failure shows soon enough
	}
	kv.mu.Lock()
	defer kv.mu.Unlock()
	if !l.wanted() {
		return 0, net.ErrClosed
	}
	kv.snapshot.loading.bytesLoaded += int64(n)
	return n, err
}

// loadDirect loads a snapshot as it comes.
func (l *masterLink) loadDirect(conn net.Conn, in *bufio.Reader, size int64) error {
	var src io.Reader = in
	if size > 0 {
		src = io.LimitReader(in, size)
	}
	source := &syncSource{l: l, src: src, conn: conn, told: time.Now()}
	r, err := l.load(source, size, "socket")
	if err != nil || size > 0 {
		return err
	}
	// The reader may have gone on behind the end.
	ahead := make([]byte, r.Buffered())
	if _, err := io.ReadFull(r.Rest(), ahead); err != nil {
		return l.spoiled(err)
	}
	mark := make([]byte, replicationIDSize)
	n := copy(mark, ahead)
	if _, err := io.ReadFull(in, mark[n:]); err != nil || string(mark) != l.full.mark {
		return l.spoiled(errors.New("Replication stream EOF marker is broken"))
	}
	if len(ahead) > n {
		return l.spoiled(errors.New("the master has sent more before it was told that the snapshot is here"))
	}
	return nil
}

// spoiled gives up a snapshot that was loaded already.
func (l *masterLink) spoiled(err error) error {
	kv := l.kv
	kv.mu.Lock()
	defer kv.unlock()
	l.endLoad()
	return err
}

// loadFromDisk puts a snapshot into a file and loads it when it is complete.
func (l *masterLink) loadFromDisk(conn net.Conn, in *bufio.Reader, size int64) error {
	f, name, err := l.tempFile()
	if err != nil {
		return fmt.Errorf("Opening the temp file needed for MASTER <-> REPLICA synchronization: %s", systemText(causeOf(err)))
	}
	defer f.Close()
	if err := l.fill(f, in, size); err != nil {
		os.Remove(f.Name())
		return err
	}
	remove := name == "" || l.kv.syncFilesGo()
	if name != "" {
		if err = os.Rename(f.Name(), name); err == nil {
			err = syncDir(filepath.Dir(name))
		}
		if err != nil {
			os.Remove(f.Name())
			return fmt.Errorf("Failed trying to rename the temp DB into %s in MASTER <-> REPLICA synchronization: %s",
				filepath.Base(name), systemText(causeOf(err)))
		}
	} else {
		name = f.Name()
	}
	if remove {
		defer os.Remove(name)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = l.load(&syncSource{l: l, src: f, conn: conn, disk: true, told: time.Now()}, l.received.Load(), "disk")
	return err
}

// tempFile opens the file that a snapshot goes to, and names the one that it will
// become, "" when it is only needed to be loaded.
func (l *masterLink) tempFile() (f *os.File, name string, err error) {
	kv := l.kv
	kv.mu.Lock()
	configured, dir := kv.configured, kv.config.Str("dir")
	name = kv.snapshotPath()
	kv.mu.Unlock()
	if !configured {
		f, err = os.CreateTemp("", "valkeyper-sync-*.rdb")
		return f, "", err
	}
	temp := fmt.Sprintf("temp-%d.%d.rdb", time.Now().Unix(), os.Getpid())
	f, err = os.OpenFile(filepath.Join(dir, temp), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if errors.Is(err, os.ErrExist) { // of another store of this program
		f, err = os.CreateTemp(dir, "temp-*.rdb")
	}
	return f, name, err
}

// syncFilesGo reports whether a snapshot that is only there for a sync is removed.
func (kv *KVStore) syncFilesGo() bool {
	kv.mu.Lock()
	defer kv.mu.Unlock()
	return kv.config.Bool("rdb-del-sync-files") && !kv.config.Bool("appendonly") && len(kv.config.SavePoints()) == 0
}

// fill writes the snapshot to a file and puts it on disk.
func (l *masterLink) fill(f *os.File, in *bufio.Reader, size int64) error {
	var err error
	if size > 0 {
		_, err = io.CopyN(syncSink{l, f}, in, size)
	} else {
		err = l.copyToMark(f, in)
	}
	if errors.Is(err, errSyncDisk) {
		return err
	}
	if err != nil {
		return fmt.Errorf("I/O error trying to sync with MASTER: %s", systemText(causeOfNet(err)))
	}
	if err = f.Sync(); err != nil {
		return fmt.Errorf("Failed trying to sync the temp DB to disk in MASTER <-> REPLICA synchronization: %s", systemText(causeOf(err)))
	}
	return nil
}

// errSyncDisk marks an error of the disk.
var errSyncDisk = errors.New("Write error or short write writing to the DB dump file needed for MASTER <-> REPLICA synchronization")

// A syncSink writes to the file and keeps account of it.
type syncSink struct {
	l *masterLink
	f *os.File
}

func (s syncSink) Write(b []byte) (int, error) {
	n, err := s.f.Write(b)
	s.l.received.Add(int64(n))
	if err != nil {
		return n, fmt.Errorf("%w: %s", errSyncDisk, systemText(causeOf(err)))
	}
	return n, nil
}

// copyToMark copies what comes before the mark. It holds back what may be the
// beginning of it.
func (l *masterLink) copyToMark(f *os.File, in *bufio.Reader) error {
	mark := []byte(l.full.mark)
	sink := syncSink{l, f}
	for {
		if _, err := in.Peek(len(mark)); err != nil {
			return err
		}
		b, _ := in.Peek(in.Buffered())
		i := bytes.Index(b, mark)
		n := i
		if i < 0 {
			n = len(b) - len(mark) + 1
		}
		if _, err := sink.Write(b[:n]); err != nil {
			return err
		}
		in.Discard(n)
		if i >= 0 {
			in.Discard(len(mark))
			return nil
		}
	}
}

// load builds the data of a snapshot. What else there is has gone before, unless
// the two are to be swapped.
func (l *masterLink) load(src io.Reader, size int64, from string) (*rdb.Reader, error) {
	if err := l.beginLoad(size); err != nil {
		return nil, err
	}
	l.kv.log(logNotice, "MASTER <-> REPLICA sync: Loading DB in memory")
	side := l.full.side
	r, err := side.readSide(src, size, from == "disk", l.rester())
	if err == nil {
		return r, nil
	}
	kv := l.kv
	kv.mu.Lock()
	defer kv.unlock()
	kv.log(logWarning, "Failed trying to load the MASTER synchronization DB from %s: %v", from, err)
	if l.full.swap {
		kv.log(logNotice, "MASTER <-> REPLICA sync: Discarding temporary DB in background")
	}
	l.endLoad()
	return nil, err
}

// rester returns what is called behind each key: it rests as key-load-delay says,
// which only tests want, and now and then looks whether the data is still wanted.
func (l *masterLink) rester() func() error {
	const every = 256
	var n int
	var delay time.Duration
	return func() (err error) {
		if n%every == 0 {
			l.kv.mu.Lock()
			delay = time.Duration(l.kv.config.Int("key-load-delay")) * time.Microsecond
			if !l.wanted() {
				err = net.ErrClosed
			}
			l.kv.mu.Unlock()
		}
		n++
		if delay > 0 {
			time.Sleep(delay)
		}
		return err
	}
}

// beginLoad makes way for the new data.
func (l *masterLink) beginLoad(size int64) error {
	kv := l.kv
	kv.mu.Lock()
	defer kv.unlock()
	if !l.wanted() {
		return net.ErrClosed
	}
	kv.stopJournal() // it will begin with the new data
	kv.aof.rewrite.scheduled = false
	kv.abortSave()
	state := &kv.snapshot.loading
	state.begin(size)
	state.done = make(chan struct{})
	if l.full.swap {
		state.async = l.full.id == kv.repl.id
		state.active = !state.async
		kv.muteStale()
	} else {
		kv.attach()
		kv.log(logNotice, "MASTER <-> REPLICA sync: Flushing old data")
		kv.hint = commandHint{}
		kv.empty(kv.dbs)
		kv.snapshot.libraries = nil
		kv.serveReadyKeys()
	}
	l.full.side = kv.newSide()
	return nil
}

// attach ends what was with another master: nobody can go on from there any more.
func (kv *KVStore) attach() {
	kv.discardCached()
	kv.disconnectReplicas()
	kv.freeBacklog()
}

// endLoad ends the loading, and drops what was built and not taken over. kv.mu is
// held.
func (l *masterLink) endLoad() {
	state := &l.kv.snapshot.loading
	state.active, state.async = false, false
	close(state.done)
	l.kv.muteStale()
	if side := l.full.side; side != nil {
		l.full.side = nil
		side.arena.Close()
	}
}

// newSide is a store to build data in, which has this one's settings. It serves
// nobody.
func (kv *KVStore) newSide() *KVStore {
	side := &KVStore{Info: Info{Role: "slave"}, settings: kv.settings, config: kv.config, base: kv.base, baseNs: kv.baseNs}
	side.logLevel.Store(kv.logLevel.Load())
	side.logger.follow(&kv.logger)
	side.setArena(arena.New())
	side.keyType, side.elementType, side.scoredType = kv.keyType.In(side.arena), kv.elementType.In(side.arena), kv.scoredType.In(side.arena)
	side.makeDatabases(len(kv.dbs))
	side.resetWall()
	side.keyspaceEvents = 0
	side.snapshot.loading.begin(0)
	side.snapshot.skipChecksums = kv.snapshot.skipChecksums || !kv.config.Bool("rdbchecksum")
	return side
}

// readSide loads a snapshot into a side store. sized says that there are as many
// bytes as size says, and not only announced. rest is called behind each key.
func (kv *KVStore) readSide(src io.Reader, size int64, sized bool, rest func() error) (*rdb.Reader, error) {
	var options []rdb.Option
	if size > 0 {
		options = append(options, rdb.WithSize(size))
	}
	if sized {
		kv.snapshot.loading.bytesTotal = size
	}
	if kv.snapshot.skipChecksums {
		options = append(options, rdb.WithoutChecksum())
	}
	r, err := rdb.NewReader(src, options...)
	if err == nil {
		_, err = kv.loadResting(r, false, rest)
	}
	return r, err
}

// finishSync puts the new data in the place of the old one, and the link up.
func (l *masterLink) finishSync(conn net.Conn) error {
	kv := l.kv
	kv.mu.Lock()
	defer kv.unlock()
	for kv.saver != nil && l.wanted() { // it is about to give up
		kv.abortSave()
		kv.mu.Unlock()
		time.Sleep(saveRest)
		kv.mu.Lock()
	}
	if !l.wanted() {
		l.endLoad()
		return net.ErrClosed
	}
	kv.readClock()
	if l.full.swap {
		kv.attach()
		kv.log(logNotice, "MASTER <-> REPLICA sync: Swapping active DB with loaded DB")
	}
	side := l.full.side
	l.full.side = nil
	kv.takeOver(side)
	kv.dirty++
	l.endLoad()
	kv.repl.id2, kv.repl.offset2 = noReplicationID, -1
	kv.setReplicationID(l.full.id)
	kv.restartStream(l.full.offset)
	l.up(conn, side.snapshot.loading.streamDB)
	kv.log(logNotice, "MASTER <-> REPLICA sync: Finished with success")
	if l.full.mark != "" {
		l.acknowledge() // the master waits for it
	}
	kv.restartJournal()
	kv.serveReadyKeys()
	kv.cron.nudge()
	return nil
}

// takeOver makes the data of a side store this one's.
func (kv *KVStore) takeOver(side *KVStore) {
	for i, db := range kv.dbs {
		db.touchAllWatched(side.dbs[i])
		kv.keysReady(db, db)
	}
	kv.invalidateAll()
	old := kv.arena
	kv.cleanup.Stop()
	kv.arena, kv.drains = side.arena, nil
	for _, t := range []*dict.Type{kv.keyType, kv.elementType, kv.scoredType} {
		t.Arena = kv.arena // and stays what it is: clients hash with it ahead of their turns
	}
	large := kv.lists.large
	kv.initLists()
	kv.lists.large = large
	kv.initZsets()
	kv.initStreams()
	kv.cleanup = runtime.AddCleanup(kv, func(release func()) { release() }, kv.arena.Releaser())
	kv.hint = commandHint{}
	for i, db := range kv.dbs {
		from := side.dbs[i]
		db.keys, db.expires, db.hashes, db.saving = from.keys, from.expires, from.hashes, nil
		kv.keysReady(db, db)
	}
	kv.snapshot.libraries = side.snapshot.libraries
	kv.repl.ownKeys = nil
	loaded := &side.snapshot.loading
	kv.snapshot.loading.keys, kv.snapshot.loading.expired = loaded.keys, loaded.expired
	kv.snapshot.loading.usedMemory = loaded.usedMemory
	kv.cron.reclaim = true
	kv.serving.Add(1)
	go func() {
		defer kv.serving.Done()
		old.Close()
	}()
}

package store

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/rdb"
)

// Loading the data when the server starts. It is done by a goroutine of its own,
// which has the mutex but while it waits for the disk; so clients are answered
// meanwhile: -LOADING, but for the few commands that may run. Who needs the data
// from Go waits in lockLoaded.

// A loadingState is how far loading has come, and what it came to.
type loadingState struct {
	active bool
	async  bool          // the data is loaded beside the old one, which is served meanwhile
	done   chan struct{} // closed when it is over; nil if nothing was loaded at the start
	listen chan struct{} // closed when the server listens
	ready  bool          // the server listens, and is to say so when it is over

	started     int64 // in seconds since 1970
	bytesTotal  int64
	bytesLoaded int64
	usedMemory  int64 // of the server that saved it
	savedAt     int64 // in seconds since 1970, 0 when it does not say
	keys        int64 // loaded
	expired     int64 // left out, since they had expired

	// What the snapshot says about the replication stream at its instant.
	streamDB   int    // selected, -1 when it says nothing
	replID     string // "" when it says nothing
	replOffset int64  // -1 when it says nothing

	first       bool // it is the data of the start, with which the replication stream goes on
	keepExpired bool // of a base: commands follow that were run when the keys were there
}

// busy reports whether data is loaded, to be served or beside what is.
func (l *loadingState) busy() bool { return l.active || l.async }

// begin notes that so many bytes are about to be loaded.
func (l *loadingState) begin(total int64) {
	l.active = true
	l.started = time.Now().Unix()
	l.bytesTotal, l.bytesLoaded, l.usedMemory, l.savedAt = total, 0, 0, 0
	l.keys, l.expired = 0, 0
	l.streamDB, l.replID, l.replOffset = -1, "", -1
}

// lockLoaded takes the mutex, once nothing is being loaded.
func (kv *KVStore) lockLoaded() {
	kv.mu.Lock()
	for kv.snapshot.loading.active && !kv.closed {
		done := kv.snapshot.loading.done
		kv.mu.Unlock()
		<-done
		kv.mu.Lock()
	}
}

// A snapshotLoad is a snapshot being loaded.
type snapshotLoad struct {
	kv     *KVStore
	r      *rdb.Reader
	values valueLoader
	db     *database
	merge  bool // keys that are there give way
	empty  int64
	rest   func() error // called behind each key, nil for nothing
}

// loadSnapshot loads what a reader has into the databases, and returns how many
// keys there were.
func (kv *KVStore) loadSnapshot(r *rdb.Reader, merge bool) (keys int64, err error) {
	return kv.loadResting(r, merge, nil)
}

// loadResting is loadSnapshot with something to be done behind each key.
func (kv *KVStore) loadResting(r *rdb.Reader, merge bool, rest func() error) (keys int64, err error) {
	state := &kv.snapshot.loading
	if !state.active {
		state.begin(0)
		defer func() { state.active = false }()
	}
	l := snapshotLoad{kv: kv, r: r, values: valueLoader{kv: kv, r: r}, db: kv.dbs[0], merge: merge, rest: rest}
	for more := true; more && err == nil; {
		more, err = l.next()
	}
	if err != nil {
		return state.keys, err
	}
	level, text := logNotice, fmt.Sprintf("Done loading RDB, keys loaded: %d, keys expired: %d", state.keys, state.expired)
	if l.empty > 0 {
		level, text = logWarning, text+fmt.Sprintf(", empty keys skipped: %d", l.empty)
	}
	kv.log(level, "%s.", text)
	return state.keys, nil
}

// next loads what comes next. It reports whether there is more.
func (l *snapshotLoad) next() (more bool, err error) {
	event, err := l.r.Next()
	if err != nil {
		return false, err
	}
	switch event {
	case rdb.EventEnd:
		return false, nil
	case rdb.EventAux:
		l.aux(l.r.Name, l.r.Text)
	case rdb.EventSelectDB:
		if l.r.DB >= len(l.kv.dbs) {
			return false, errTooFewDatabases
		}
		l.db = l.kv.dbs[l.r.DB]
	case rdb.EventResizeDB:
		l.expand(l.r.Keys)
	case rdb.EventFunction:
		l.kv.snapshot.libraries = append(l.kv.snapshot.libraries, strings.Clone(l.r.Text))
	case rdb.EventKey:
		if err := l.key(); err != nil || l.rest == nil {
			return true, err
		}
		return true, l.rest()
	}
	return true, nil
}

// expand makes room for keys in an empty database. Their number is not believed
// when the file is too small for it.
func (l *snapshotLoad) expand(keys uint64) {
	const keyBytes = 3 // the least that a key takes in a snapshot
	if l.db.keys.Len() == 0 && keys <= uint64(l.kv.snapshot.loading.bytesTotal)/keyBytes {
		l.db.keys.Expand(l.kv.keyType, int(keys))
	}
}

var errTooFewDatabases = errors.New("a database beyond the number of databases")

// aux logs what a snapshot says of itself.
func (l *snapshotLoad) aux(name, text string) {
	kv := l.kv
	number, _ := strconv.ParseInt(text, 10, 64)
	switch strings.ToLower(name) {
	case "redis-ver":
		kv.log(logNotice, "Loading RDB produced by version %s", text)
	case "ctime":
		kv.log(logNotice, "RDB age %d seconds", max(time.Now().Unix()-number, 0))
		kv.snapshot.loading.savedAt = number
	case "used-mem":
		kv.log(logNotice, "RDB memory usage when created %.2f Mb", float64(number)/(1<<20))
		kv.snapshot.loading.usedMemory = number
	case "aof-preamble":
		if number != 0 {
			kv.log(logNotice, "RDB has an AOF tail")
		}
	case "aof-base":
		if number != 0 {
			kv.log(logNotice, "RDB is base AOF")
		}
	case "repl-stream-db":
		kv.snapshot.loading.streamDB = int(int32(number))
	case "repl-id":
		if len(text) == replicationIDSize {
			kv.snapshot.loading.replID = strings.Clone(text)
		}
	case "repl-offset":
		kv.snapshot.loading.replOffset = number
		if kv.snapshot.loading.first {
			kv.resumeStream()
		}
	case "lua", "redis-bits":
	default:
		if strings.HasPrefix(name, "%") {
			kv.log(logNotice, "RDB '%s': %s", name, text)
		} else {
			kv.log(logDebug, "Unrecognized RDB AUX field: '%s'", name)
		}
	}
}

// emptyKeysLogged is how many keys without a value are named in the log.
const emptyKeysLogged = 10

// key loads a key. One that has expired is left out, unless this is a replica,
// whose master will say when it goes.
func (l *snapshotLoad) key() error {
	kv, state := l.kv, &l.kv.snapshot.loading
	expireAt := l.r.Expire
	v, err := l.values.load()
	switch {
	case err == errEmptyValue:
		if l.empty++; l.empty <= emptyKeysLogged {
			kv.log(logWarning, "rdbLoadObject skipping empty key: %s", cut(l.r.Key, quotedMax))
		}
		return nil
	case err != nil:
		return l.failed(err)
	case expireAt != -1 && expireAt < kv.nowMs && kv.Info.Role != "slave" && !state.keepExpired:
		state.expired++
		if s := &kv.repl.stream; state.first && s.active() {
			s.feed(l.db.id, []string{delName(kv.lazyExpire), l.r.Key}) // replicas may still have it
			s.endUnit()
		}
		v.drop(kv)
		return nil
	}
	state.keys++
	if old := l.db.find(l.r.Key); old.ok() {
		if !l.merge {
			v.drop(kv)
			kv.log(logWarning, "RDB has duplicated key '%s' in DB %d", cut(l.r.Key, quotedMax), l.db.id)
			return l.failed(errTwice)
		}
		l.db.remove(old)
	}
	if expireAt < -1 {
		expireAt = 0 // long ago
	}
	e := v.store(l.db, l.r.Key, expireAt)
	kv.setUsage(e, int64(l.r.Freq), l.r.Idle)
	return nil
}

// failed says which key an error is about, unless the reader has.
func (l *snapshotLoad) failed(err error) error {
	if _, ok := errors.AsType[*rdb.Error](err); ok {
		return err
	}
	return &rdb.Error{Offset: l.r.Offset(), Code: int(l.r.Type), Key: strings.Clone(l.r.Key), Err: err}
}

// loadAtStart starts loading the append-only file or the snapshot that the
// directives name, if there is one. kv.mu is held.
func (kv *KVStore) loadAtStart() {
	if kv.config.Bool("appendonly") {
		kv.loadJournal() // the data is there, whatever snapshots there are
		return
	}
	f, err := os.Open(kv.snapshotPath())
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	total := int64(0)
	if stat, failure := f.Stat(); failure == nil && stat.Mode().IsRegular() {
		total = stat.Size()
	}
	state := &kv.snapshot.loading
	state.begin(total)
	state.done, state.listen = make(chan struct{}), make(chan struct{})
	kv.serving.Add(1)
	go kv.loadInBackground(f, err)
}

// loadInBackground loads a snapshot from a file, unless it could not be opened.
// When that fails a server that was started from the command line ends.
func (kv *KVStore) loadInBackground(f *os.File, err error) {
	defer kv.serving.Done()
	defer f.Close()
	kv.mu.Lock()
	defer kv.mu.Unlock()
	defer kv.reportPanic()
	began := time.Now()
	src := &loadSource{kv: kv, f: f, rested: began, told: began}
	var r *rdb.Reader
	if err == nil {
		r, err = kv.openSnapshot(f, src)
	}
	if err == nil {
		kv.snapshot.loading.first = true
		_, err = kv.loadResting(r, false, src.delay)
		kv.snapshot.loading.first = false
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		kv.failToLoad(err)
	}
	state := &kv.snapshot.loading
	state.active = false
	close(state.done)
	if err != nil {
		return
	}
	kv.log(logNotice, "DB loaded from disk: %.3f seconds", time.Since(began).Seconds())
	if state.ready {
		kv.logReady()
	}
	kv.cron.nudge() // for what expires
}

// failToLoad says why the data cannot be loaded, and ends a server that was
// started from the command line: not before it has said that it runs, for that
// is what those wait for who want to know how it has ended. The mutex is given
// up meanwhile.
func (kv *KVStore) failToLoad(err error) {
	kv.loadError = err
	if listening := kv.snapshot.loading.listen; kv.standalone && listening != nil {
		kv.mu.Unlock()
		select {
		case <-listening:
		case <-time.After(time.Second):
		}
		kv.mu.Lock()
	}
	kv.logLoadError(err)
	if kv.standalone {
		os.Exit(1)
	}
}

// noteListening says that the server listens. kv.mu is held.
func (l *loadingState) noteListening() {
	if l.listen != nil {
		close(l.listen)
		l.listen = nil
	}
}

// A loadSource is a file from which data is loaded. It gives the mutex up while
// it reads.
type loadSource struct {
	kv     *KVStore
	f      *os.File
	rested time.Time
	told   time.Time
}

const (
	loadSlice = 10 * time.Millisecond  // of loading between two rests
	loadRest  = 200 * time.Microsecond // in which the runtime looks at the network
	loadTold  = 5 * time.Second        // between two lines in the log
)

// Read reads from the file. The mutex is held before and after.
func (s *loadSource) Read(b []byte) (int, error) {
	kv := s.kv
	kv.mu.Unlock()
	n, err := s.f.Read(b)
	if time.Since(s.rested) > loadSlice {
		time.Sleep(loadRest)
		s.rested = time.Now()
	}
	kv.mu.Lock()
	if kv.closed {
		return 0, net.ErrClosed
	}
	kv.readClock()
	state := &kv.snapshot.loading
	state.bytesLoaded += int64(n)
	if time.Since(s.told) > loadTold && state.bytesTotal > 0 {
		s.told = time.Now()
		kv.log(logNotice, "Loading the data: %.2f%%, %d keys so far", float64(state.bytesLoaded)/float64(state.bytesTotal)*100, state.keys)
	}
	return n, err
}

// delay rests behind a key when key-load-delay says so, which only tests want.
func (s *loadSource) delay() error {
	kv := s.kv
	delay := time.Duration(kv.config.Int("key-load-delay")) * time.Microsecond
	if delay <= 0 {
		return nil
	}
	kv.mu.Unlock()
	time.Sleep(delay)
	kv.mu.Lock()
	if kv.closed {
		return net.ErrClosed
	}
	return nil
}

// logLoadError says in the log why a snapshot could not be loaded, in the words
// that people who know Redis look for.
func (kv *KVStore) logLoadError(err error) {
	if why, ok := errors.AsType[journalError](err); ok {
		for line := range strings.Lines(string(why)) {
			kv.log(logWarning, "%s", strings.TrimSuffix(line, "\n"))
		}
		return
	}
	failure, ok := errors.AsType[*rdb.Error](err)
	if !ok {
		if errors.Is(err, errTooFewDatabases) {
			kv.log(logWarning, "FATAL: Data file was created with a Redis server configured to handle more than %d databases. Exiting", len(kv.dbs))
			return
		}
		kv.log(logWarning, "Fatal error loading the DB: %s. Exiting.", systemText(causeOf(err)))
		return
	}
	switch why := failure.Err; {
	case errors.Is(why, rdb.ErrSignature):
		kv.log(logWarning, "Wrong signature trying to load DB from file")
		kv.log(logWarning, "Fatal error loading the DB: Invalid argument. Exiting.")
		return
	case errors.Is(why, rdb.ErrVersion):
		kv.log(logWarning, "Can't handle RDB format version: %v", why)
		kv.log(logWarning, "Fatal error loading the DB: Invalid argument. Exiting.")
		return
	case errors.Is(why, rdb.ErrChecksum):
		kv.log(logWarning, "Wrong RDB checksum: %v. Aborting now.", why)
		kv.log(logWarning, "Internal error in RDB reading offset %d -> RDB CRC error", failure.Offset)
	case errors.Is(why, io.ErrUnexpectedEOF):
		kv.log(logWarning, "Short read or OOM loading DB. Unrecoverable error, aborting now.")
		kv.log(logWarning, "Internal error in RDB reading offset %d -> Unexpected EOF reading RDB file: %v", failure.Offset, failure)
	default:
		kv.logDamage(failure)
	}
	if kv.standalone && kv.snapshot.loading.active {
		kv.log(logWarning, "Terminating server after rdb file reading failure.")
	}
}

// logDamage says where a snapshot is damaged, and what kind of value is, in lines
// as those of redis-check-rdb, which Redis has look at such a file.
func (kv *KVStore) logDamage(failure *rdb.Error) {
	reason := ""
	if code := failure.Code; code >= 0 && code < len(formNames) && formNames[code] != "" {
		reason = formNames[code] + " integrity check failed. "
	}
	kv.log(logWarning, "Internal error in RDB reading offset %d -> %s%v", failure.Offset, reason, failure)
	kv.log(logWarning, "--- RDB ERROR DETECTED ---")
	kv.log(logWarning, "[offset %d] %s", failure.Offset, cmp.Or(reason, failure.Err.Error()))
}

// causeOf is the system's part of an error of package os.
func causeOf(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

// loadHeadStart is how long the start waits for a small data set, so that its
// first client is not told to come back.
const loadHeadStart = 100 * time.Millisecond

// awaitLoaded waits until the data is loaded, but no longer than patience.
func (kv *KVStore) awaitLoaded(patience time.Duration) {
	kv.mu.Lock()
	done := kv.snapshot.loading.done
	kv.mu.Unlock()
	if done == nil {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

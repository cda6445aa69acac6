package store

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/rdb"
)

// Snapshots: all data as a file, written by BGSAVE and save points
// (background_save.go), by SAVE, DEBUG RELOAD and at the end of the server; read
// at the start (loading.go).
// What a key looks like in it is the business of snapshot_encode.go, what is
// made of it that of snapshot_value.go.
//
// The file is written beside the one that it will replace, and takes its place
// when all of it is on disk. Whatever fails before leaves the old one as it is.
//
// What is here happens with the mutex held, as SAVE stops Redis.

// A snapshotState is what the server knows of its snapshots.
type snapshotState struct {
	lastSave      int64    // when the data was last saved, in seconds since 1970
	lastTry       int64    // when it was last tried in the background
	lastSeconds   int64    // how long that took, -1 when there was none
	failed        bool     // the last time, in the background
	saves         int64    // SAVEs since the start
	scheduled     bool     // by BGSAVE, for when it can begin
	skipChecksums bool     // DEBUG SET-SKIP-CHECKSUM-VALIDATION
	libraries     []string // sources of function libraries in the snapshot that was loaded
	loading       loadingState

	temp atomic.Pointer[string] // the file being written, for a signal that cannot wait
}

// save writes a snapshot to the file that the directives name, and reports
// whether it could; if not the log says why.
func (kv *KVStore) save() bool {
	file := kv.newSnapshotFile("")
	kv.snapshot.temp.Store(&file.temp)
	defer kv.snapshot.temp.Store(nil)
	if err := file.write(func(f *os.File) error { return kv.writeSnapshot(f, false) }); err != nil {
		return false
	}
	kv.dirty = 0
	kv.noteSaved()
	return true
}

// noteSaved notes that the data is on disk.
func (kv *KVStore) noteSaved() {
	kv.snapshot.lastSave = time.Now().Unix()
	kv.snapshot.failed = false
}

// A snapshotFile is a file that is going to be the snapshot, in the place of the
// one that has the name now.
type snapshotFile struct {
	kv        *KVStore
	dir, name string
	tempName  string
	temp      string // with its path
	base      bool   // of the append-only file
	commands  bool   // told in commands
	stamp     bool   // with the time before them
}

// newSnapshotFile is the file that the directives name, whose temporary name has
// a suffix.
func (kv *KVStore) newSnapshotFile(suffix string) *snapshotFile {
	f := &snapshotFile{kv: kv, dir: kv.config.Str("dir"), name: kv.config.Str("dbfilename")}
	if !kv.standalone {
		suffix += "-" + kv.runID[:8] // a program may have several stores
	}
	f.tempName = "temp-" + strconv.Itoa(os.Getpid()) + suffix + ".rdb"
	f.temp = filepath.Join(f.dir, f.tempName)
	return f
}

// write has the file filled, and gives it its name when all of it is on disk.
// When something fails the log says so and no file is left.
func (s *snapshotFile) write(fill func(*os.File) error) error {
	f, err := os.OpenFile(s.temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		s.kv.log(logWarning, "Failed opening the temp RDB file %s (in server root dir %s) for saving: %s", s.tempName, s.dir, systemText(causeOf(err)))
		return err
	}
	step := "rdbSaveRio"
	if err = fill(f); err == nil {
		step, err = "fsync", f.Sync()
	}
	if err != nil {
		f.Close()
	} else if err = f.Close(); err != nil {
		step = "fclose"
	}
	if err == nil {
		if err = os.Rename(s.temp, filepath.Join(s.dir, s.name)); err != nil {
			s.kv.log(logWarning, "Error moving temp DB file %s on the final destination %s (in server root dir %s): %s",
				s.tempName, s.name, s.dir, systemText(err))
			os.Remove(s.temp)
			return err
		}
		step, err = "fsyncFileDir", syncDir(s.dir)
	}
	if err != nil {
		if err != errAborted {
			s.kv.log(logWarning, "Write error saving DB on disk(%s): %s", step, systemText(causeOf(err)))
		}
		os.Remove(s.temp)
		return err
	}
	if !s.base {
		s.kv.log(logNotice, "DB saved on disk")
	}
	return nil
}

// errAborted ends the writing of a snapshot that nobody wants any more.
var errAborted = errors.New("the snapshot is not wanted any more")

// writeSnapshot writes all data. base says that it is for the base of an append-only
// file.
func (kv *KVStore) writeSnapshot(dst io.Writer, base bool) error {
	out := bufio.NewWriterSize(dst, 64<<10)
	w := rdb.NewWriter(out, kv.snapshotVersion(), kv.config.Bool("rdbcompression"), kv.config.Bool("rdbchecksum"))
	k := kv.newKeyEncoder(w.Drain)
	k.aux(base)
	k.functions()
	delay := time.Duration(kv.config.Int("rdb-key-save-delay")) * time.Microsecond
	for _, db := range kv.dbs {
		k.database(db, delay)
	}
	k.flush()
	if k.err != nil {
		return k.err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return out.Flush()
}

// snapshotVersion is the version of the format that the data needs.
func (kv *KVStore) snapshotVersion() int {
	for _, db := range kv.dbs {
		if db.hashes.Len() > 0 { // fields that expire are not in older versions
			return rdb.VersionFieldExpire
		}
	}
	return rdb.VersionDefault
}

// aux encodes what a snapshot says of itself, among it whether it is the base of an
// append-only file.
func (k *keyEncoder) aux(base bool) {
	k.enc.Aux("redis-ver", RedisVersion)
	k.enc.AuxInt("redis-bits", strconv.IntSize)
	k.enc.AuxInt("ctime", time.Now().Unix())
	k.enc.AuxInt("used-mem", k.kv.usedMemory())
	if db, ok := k.kv.savedStream(); ok && !base {
		k.enc.AuxInt("repl-stream-db", int64(db))
		k.enc.Aux("repl-id", k.kv.repl.id)
		k.enc.AuxInt("repl-offset", k.kv.repl.stream.offset)
	}
	k.enc.AuxInt("aof-base", int64(bit(base)))
}

// functions encodes the function libraries.
func (k *keyEncoder) functions() {
	for _, source := range k.kv.snapshot.libraries {
		k.enc.Function(source)
		k.spill()
	}
}

// database encodes the keys of a database, resting behind each of them when a
// test wants it.
func (k *keyEncoder) database(db *database, delay time.Duration) {
	if db.keys.Len() == 0 {
		return
	}
	k.enc.SelectDB(db.id)
	k.enc.ResizeDB(db.keys.Len(), db.expires.Len())
	k.kv.eachElement(&db.keys, k.kv.keyType, func(ref arena.Ref) bool {
		k.key(k.kv.entryAt(ref))
		if delay > 0 {
			time.Sleep(delay)
		}
		return k.err == nil
	})
}

// snapshotPath is the file that the directives name.
func (kv *KVStore) snapshotPath() string {
	return filepath.Join(kv.config.Str("dir"), kv.config.Str("dbfilename"))
}

// LoadFromRDB replaces the data with that of a snapshot, without the keys that
// have expired. When the snapshot turns out to be damaged, the log says so, and
// what came before the damage is kept. It may be called from any goroutine.
func (kv *KVStore) LoadFromRDB(r *rdb.RDB) {
	if r == nil {
		return
	}
	kv.start()
	kv.lockLoaded()
	defer kv.unlock()
	if kv.closed {
		return
	}
	kv.readClock()
	kv.hint = commandHint{}
	kv.empty(kv.dbs)
	kv.snapshot.libraries = nil
	reader, err := r.Reader()
	if err == nil {
		_, err = kv.loadSnapshot(reader, false)
	}
	if err != nil {
		kv.log(logWarning, "Loading a snapshot failed: %v", err)
	}
	if err := kv.rebase(); err != nil {
		kv.logLoadError(err)
	}
	for _, db := range kv.dbs {
		kv.keysReady(db, db)
	}
	kv.serveReadyKeys()
}

// debugReload serves DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE].
func (kv *KVStore) debugReload(c *Client, args []string) error {
	flush, save, merge := true, true, false
	for _, arg := range args {
		switch {
		case is(arg, "merge"):
			merge = true
		case is(arg, "noflush"):
			flush = false
		case is(arg, "nosave"):
			save = false
		default:
			return errReloadOption
		}
	}
	if save && !kv.save() {
		return errBare
	}
	if flush {
		kv.abortSave()
		kv.dropAll(kv.dbs)
		kv.snapshot.libraries = nil
	}
	kv.hint = commandHint{}
	err := kv.loadFile(merge)
	if err != nil || !save || !flush { // not what the append-only file makes
		err = errors.Join(err, kv.rebase())
	}
	if err != nil {
		kv.logLoadError(err)
		return errReload
	}
	kv.log(logWarning, "DB reloaded by DEBUG RELOAD")
	c.reply.OK()
	return nil
}

// loadFile loads the snapshot that the directives name, without letting anybody
// in between.
func (kv *KVStore) loadFile(merge bool) error {
	f, err := os.Open(kv.snapshotPath())
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := kv.openSnapshot(f, f)
	if err != nil {
		return err
	}
	_, err = kv.loadSnapshot(r, merge)
	return err
}

// openSnapshot reads the head of a snapshot in a file, which is read through src.
func (kv *KVStore) openSnapshot(f *os.File, src io.Reader) (*rdb.Reader, error) {
	stat, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var options []rdb.Option
	if stat.Mode().IsRegular() && stat.Size() > 0 {
		options = append(options, rdb.WithSize(stat.Size()))
	}
	if !kv.config.Bool("rdbchecksum") || kv.snapshot.skipChecksums {
		options = append(options, rdb.WithoutChecksum())
	}
	return rdb.NewReader(src, options...)
}

const (
	errReload       replyError = "ERR Error trying to load the RDB dump"
	errReloadOption replyError = "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options."
	errBare         replyError = "ERR" // all that Redis says when it cannot save
)

// infoSnapshot is the part of INFO persistence that is about snapshots.
func (kv *KVStore) infoSnapshot(w *infoWriter) {
	s := &kv.snapshot
	w.field("rdb_changes_since_last_save", kv.dirty)
	status, running := "ok", int64(-1)
	if s.failed {
		status = "err"
	}
	if kv.saver != nil && !kv.saver.base {
		running = time.Now().Unix() - s.lastTry
	}
	w.field("rdb_bgsave_in_progress", bit(kv.saver != nil && !kv.saver.base))
	w.field("rdb_last_save_time", s.lastSave)
	w.field("rdb_last_bgsave_status", status)
	w.field("rdb_last_bgsave_time_sec", s.lastSeconds)
	w.field("rdb_current_bgsave_time_sec", running)
	w.field("rdb_saves", s.saves)
	w.field("rdb_last_cow_size", 0)
	w.field("rdb_last_load_keys_expired", s.loading.expired)
	w.field("rdb_last_load_keys_loaded", s.loading.keys)
}

// infoLoading is what INFO persistence has while the data is loaded.
func (kv *KVStore) infoLoading(w *infoWriter) {
	l := &kv.snapshot.loading
	if !l.active && !l.async {
		return
	}
	percent, left := 0.0, int64(1)
	switch {
	case l.bytesTotal > 0:
		percent = float64(l.bytesLoaded) / float64(l.bytesTotal) * 100
		left = l.bytesTotal - l.bytesLoaded
	case l.usedMemory > 0:
		percent = min(float64(l.bytesLoaded)/float64(l.usedMemory)*100, 99.99)
		left = max(l.usedMemory-l.bytesLoaded, 1)
	}
	eta := int64(1) // while there is too little to tell
	if passed := time.Now().Unix() - l.started; passed > 0 {
		eta = passed * left / (l.bytesLoaded + 1)
	}
	w.field("loading_start_time", l.started)
	w.field("loading_total_bytes", l.bytesTotal)
	w.field("loading_rdb_used_mem", l.usedMemory)
	w.field("loading_loaded_bytes", l.bytesLoaded)
	w.field("loading_loaded_perc", fmt.Sprintf("%.2f", percent))
	w.field("loading_eta_seconds", eta)
}

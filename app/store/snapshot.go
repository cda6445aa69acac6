package store

import (
	"bufio"
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

// Snapshots: all data as a file, written by SAVE, at the end of the server when
// save points ask for it, and by DEBUG RELOAD; read at the start (loading.go).
// What a key looks like in it is the business of snapshot_encode.go, what is
// made of it that of snapshot_value.go.
//
// The file is written beside the one that it will replace, and takes its place
// when all of it is on disk. Whatever fails before leaves the old one as it is.
//
// All happens with the mutex held, as SAVE stops Redis.

// A snapshotState is what the server knows of its snapshots.
type snapshotState struct {
	lastSave      int64    // when the data was last saved, in seconds since 1970
	saves         int64    // SAVEs since the start
	skipChecksums bool     // DEBUG SET-SKIP-CHECKSUM-VALIDATION
	libraries     []string // sources of function libraries in the snapshot that was loaded
	loading       loadingState

	temp atomic.Pointer[string] // the file being written, for a signal that cannot wait
}

// save writes a snapshot to the file that the directives name, and reports
// whether it could; if not the log says why.
func (kv *KVStore) save() bool {
	dir, name := kv.config.Str("dir"), kv.config.Str("dbfilename")
	tempName := "temp-" + strconv.Itoa(os.Getpid()) + ".rdb"
	if !kv.standalone {
		tempName = "temp-" + strconv.Itoa(os.Getpid()) + "-" + kv.runID[:8] + ".rdb" // a program may have several stores
	}
	temp := filepath.Join(dir, tempName)
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		kv.log(logWarning, "Failed opening the temp RDB file %s (in server root dir %s) for saving: %s", tempName, dir, systemText(err))
		return false
	}
	kv.snapshot.temp.Store(&temp)
	defer kv.snapshot.temp.Store(nil)
	step, err := kv.fillSnapshot(f)
	if err != nil {
		f.Close()
	} else if err = f.Close(); err != nil {
		step = "fclose"
	}
	if err == nil {
		if err = os.Rename(temp, filepath.Join(dir, name)); err != nil {
			kv.log(logWarning, "Error moving temp DB file %s on the final destination %s (in server root dir %s): %s",
				tempName, name, dir, systemText(err))
			os.Remove(temp)
			return false
		}
		if err = syncDir(dir); err != nil {
			step = "fsyncFileDir"
		}
	}
	if err != nil {
		kv.log(logWarning, "Write error saving DB on disk(%s): %s", step, systemText(err))
		os.Remove(temp)
		return false
	}
	kv.log(logNotice, "DB saved on disk")
	kv.dirty = 0
	kv.snapshot.lastSave = time.Now().Unix()
	return true
}

// fillSnapshot writes all data to a file and sees to it that it is on disk. With
// an error it names what failed, as Redis's log does.
func (kv *KVStore) fillSnapshot(f *os.File) (step string, err error) {
	if err := kv.writeSnapshot(f, false); err != nil {
		return "rdbSaveRio", err
	}
	return "fsync", f.Sync()
}

// writeSnapshot writes all data. base says that it is for the base of an append-only
// file.
func (kv *KVStore) writeSnapshot(dst io.Writer, base bool) error {
	version := rdb.VersionDefault
	for _, db := range kv.dbs {
		if db.hashes.Len() > 0 { // fields that expire are not in older versions
			version = rdb.VersionFieldExpire
		}
	}
	out := bufio.NewWriterSize(dst, 64<<10)
	w := rdb.NewWriter(out, version, kv.config.Bool("rdbcompression"), kv.config.Bool("rdbchecksum"))
	k := kv.newKeyEncoder(w)
	k.aux(base)
	for _, source := range kv.snapshot.libraries {
		k.enc.Function(source)
		k.spill()
	}
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

// aux encodes what a snapshot says of itself; base that it is one of an append-only file.
func (k *keyEncoder) aux(base bool) {
	k.enc.Aux("redis-ver", RedisVersion)
	k.enc.AuxInt("redis-bits", strconv.IntSize)
	k.enc.AuxInt("ctime", time.Now().Unix())
	k.enc.AuxInt("used-mem", k.kv.usedMemory())
	k.enc.AuxInt("aof-base", int64(bit(base)))
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
		if kv.keyCount() > 0 {
			kv.emptyArena()
		}
		kv.snapshot.libraries = nil
	}
	kv.hint = commandHint{}
	if err := kv.loadFile(merge); err != nil {
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
	w.field("rdb_bgsave_in_progress", 0)
	w.field("rdb_last_save_time", s.lastSave)
	w.field("rdb_last_bgsave_status", "ok")
	w.field("rdb_last_bgsave_time_sec", -1)
	w.field("rdb_current_bgsave_time_sec", -1)
	w.field("rdb_saves", s.saves)
	w.field("rdb_last_cow_size", 0)
	w.field("rdb_last_load_keys_expired", s.loading.expired)
	w.field("rdb_last_load_keys_loaded", s.loading.keys)
}

// infoLoading is what INFO persistence has while the data is loaded.
func (kv *KVStore) infoLoading(w *infoWriter) {
	l := &kv.snapshot.loading
	if !l.active {
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

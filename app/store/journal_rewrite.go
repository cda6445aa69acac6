package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/aof"
)

// Rewriting the append-only file: a new base takes the place of all that was
// written before. It is the snapshot of an instant (background_save.go), and at
// that instant a new incremental file begins. When the snapshot is on disk the
// manifest names the two, and what was there before is history; until then it
// names the old base and all incremental files, so that nothing is lost whatever
// happens.
//
// CONFIG SET appendonly yes begins with a rewrite, too. Until it has succeeded, the
// new incremental file has a temporary name, and no manifest names it.
//
// What aof-use-rdb-preamble says decides whether the base is the snapshot itself or
// commands (journal_commands.go).

// A rewriteState is what the server knows of rewriting.
type rewriteState struct {
	running     bool // the saver is at it
	scheduled   bool // for when nothing else is being saved
	preamble    bool // its base is a snapshot, and not commands
	began       time.Time
	lastSeconds int64 // that the last one took, -1 when there was none
	failed      bool  // the last one
	count       int64
	failures    int64 // since the last one that succeeded

	delay time.Duration // until the next try, when many have failed
	next  time.Time
}

const (
	rewriteFailuresMax = 3 // from which on the next try waits
	rewriteDelayMax    = time.Hour
)

// limited reports whether the next try has to wait, twice as long each time.
func (kv *KVStore) rewriteLimited() bool {
	r := &kv.aof.rewrite
	switch now := time.Now(); {
	case r.failures < rewriteFailuresMax:
		r.delay, r.next = 0, time.Time{}
		return false
	case !r.next.IsZero():
		if now.Before(r.next) {
			return true
		}
		r.next = time.Time{}
		return false
	default:
		r.delay = min(max(2*r.delay, time.Minute), rewriteDelayMax)
		r.next = now.Add(r.delay)
		kv.log(logWarning, "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in %d minutes",
			int(r.delay.Minutes()))
		return true
	}
}

// cmdBgrewriteaof serves BGREWRITEAOF.
func (kv *KVStore) cmdBgrewriteaof(c *Client, args []string) error {
	r := &kv.aof.rewrite
	switch {
	case r.running:
		return errRewriting
	case kv.saver != nil || kv.nesting > 0:
		r.scheduled, r.failures = true, 0
		c.reply.Status("Background append only file rewriting scheduled")
	case kv.startRewrite():
		c.reply.Status("Background append only file rewriting started")
	default:
		return errNoRewrite
	}
	return nil
}

const (
	errRewriting replyError = "ERR Background append only file rewriting already in progress"
	errNoRewrite replyError = "ERR Can't execute an AOF background rewriting. Please check the server logs for more information."
	errBusySaver replyError = "ERR Another child process is active (AOF?): can't BGSAVE right now. " +
		"Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible."
)

// startRewrite begins to rewrite, and reports whether it could.
func (kv *KVStore) startRewrite() bool {
	a := &kv.aof
	if kv.journal == nil {
		if err := kv.readManifest(); err != nil {
			return kv.cannotRewrite(err)
		}
	}
	if err := a.folder.Make(); err != nil {
		return kv.cannotRewrite(stepFailed(err))
	}
	if kv.journal != nil {
		if err := kv.nextFile(); err != nil {
			return kv.cannotRewrite(err)
		}
	}
	r := &a.rewrite
	r.count++
	r.began, r.running, r.scheduled = time.Now(), true, false
	r.preamble = kv.config.Bool("aof-use-rdb-preamble") || len(kv.snapshot.libraries) > 0 // which have no command yet
	base := a.manifest.Clone().NewBase(a.folder.Prefix, r.preamble)
	kv.log(logNotice, "Background append only file rewriting started by pid %d", os.Getpid())
	temp := "temp-rewriteaof-bg-" + strconv.Itoa(os.Getpid()) + ".aof"
	dir := a.folder.Path("")
	kv.beginSaver(&saver{file: &snapshotFile{kv: kv, dir: dir, name: base.Name, tempName: temp, temp: filepath.Join(dir, temp), base: true,
		commands: !r.preamble, stamp: kv.config.Bool("aof-timestamp-enabled")}})
	return true
}

// cannotRewrite notes why there is no rewrite.
func (kv *KVStore) cannotRewrite(err error) bool {
	kv.logLoadError(err)
	kv.aof.rewrite.failed = true
	kv.aof.rewrite.failures++
	return false
}

// tempIncr is the name of the first incremental file until there is a base.
func (a *aofState) tempIncr() string { return "temp-" + a.folder.Prefix + ".incr" }

// nextFile has what comes from now on written to a new incremental file, and has
// the manifest name it, unless the append-only file is only being turned on.
func (kv *KVStore) nextFile() error {
	a, j := &kv.aof, kv.journal
	m := a.manifest.Clone()
	if !j.finishFile() {
		return journalError("Can't rewrite the append-only file: it does not have all commands yet")
	}
	name := a.tempIncr()
	if !j.waiting {
		name = m.NewIncr(a.folder.Prefix).Name
	}
	log, err := aof.Create(a.folder.Path(name))
	if err != nil {
		return journalErrorf("Can't open the append-only file %s: %s", name, systemText(causeOf(err)))
	}
	if !j.waiting {
		if err := a.folder.Store(m); err != nil {
			log.Close()
			return stepFailed(err)
		}
		a.manifest = m
	}
	kv.log(logNotice, "Creating AOF incr file %s on background rewrite", name)
	a.olderBytes += j.switchTo(log)
	return nil
}

// finishFile writes what is still to be written, for the base will have it: in the
// next file it would be repeated. It reports whether it could. What waits for a base
// is not needed any more. kv.mu is held.
func (j *journal) finishFile() bool {
	j.kv.handOver()
	j.writeMu.Lock()
	defer j.writeMu.Unlock()
	j.write(true)
	if len(j.rest) > 0 && j.waiting {
		j.rest = nil
		j.written.Store(j.taken)
		j.failure.Store(nil)
	}
	return len(j.rest) == 0
}

// switchTo goes on with another file, and returns the size of the one before. What
// that has is put on disk by the way. kv.mu is held.
func (j *journal) switchTo(log *aof.Log) int64 {
	j.selected = -1
	j.writeMu.Lock()
	defer j.writeMu.Unlock()
	old, size := j.log, j.size.Load()
	j.log = log
	j.size.Store(log.Size())
	go func() {
		if err := old.Sync(); err != nil {
			j.kv.log(logWarning, "Fail to fsync the AOF file: %s", systemText(causeOf(err)))
		}
		old.Close()
	}()
	return size
}

// finishRewrite ends a rewrite. The base has its name already if there was no
// error.
func (kv *KVStore) finishRewrite(err error, base string) {
	a, r := &kv.aof, &kv.aof.rewrite
	r.running = false
	r.lastSeconds = int64(time.Since(r.began).Seconds())
	if err == nil {
		kv.log(logNotice, "Background AOF rewrite terminated with success")
		err = kv.adoptBase()
	} else if err == errAborted {
		kv.log(logWarning, "Background AOF rewrite was given up")
		os.Remove(a.folder.Path(base))
		r.scheduled = !kv.closed && kv.journal != nil // all data was replaced, or it will be turned on again
		return
	} else {
		kv.log(logWarning, "Background AOF rewrite terminated with error")
	}
	r.failed = err != nil
	if err == nil {
		r.failures = 0
		kv.log(logNotice, "Background AOF rewrite finished successfully")
		return
	}
	r.failures++
	kv.logLoadError(err)
	os.Remove(a.folder.Path(base))
	if kv.journal != nil && kv.journal.waiting {
		r.scheduled = true // until it works, nothing is kept
	}
}

// newBase writes the data as it is now as a base, without letting anybody in
// between, makes an empty incremental file, and has a manifest of these two take
// the place of m on disk. What m has becomes history, unless it is to be kept.
func (kv *KVStore) newBase(m *aof.Manifest, history bool) (*aof.Log, error) {
	a := &kv.aof
	m = m.Clone()
	base := m.NewBase(a.folder.Prefix, true)
	if a.rewrite.running { // under that name, and it may remove it
		base = m.NewBase(a.folder.Prefix, true)
	}
	if err := kv.writeBase(base.Name); err != nil {
		return nil, err
	}
	m.Retire(0)
	if !history {
		m.History = nil
	}
	name := m.NewIncr(a.folder.Prefix).Name
	log, err := aof.Create(a.folder.Path(name))
	if err != nil {
		return nil, journalErrorf("Can't open the append-only file %s: %s", name, systemText(causeOf(err)))
	}
	if err := a.folder.Store(m); err != nil {
		log.Close()
		return nil, stepFailed(err)
	}
	a.manifest = m
	a.olderBytes, _ = a.folder.Size(base.Name)
	a.baseBytes = a.olderBytes
	return log, nil
}

// rebase is for changes that no commands tell of, such as the loading of a
// snapshot: the append-only file, if there is one, begins anew with the data as it
// is now. A rewrite under way is given up.
func (kv *KVStore) rebase() error {
	j := kv.journal
	if j == nil {
		return nil
	}
	if kv.aof.rewrite.running {
		kv.abortSave()
	}
	j.endUnit() // of a transaction in the middle of which this happens
	if !j.finishFile() {
		return journalError("Can't begin the append-only file anew: it does not have all commands yet")
	}
	log, err := kv.newBase(kv.aof.manifest, true)
	if err != nil {
		return err
	}
	j.switchTo(log)
	if j.waiting {
		j.waiting = false
		kv.removeTempIncr()
	}
	kv.removeHistory()
	return nil
}

// adoptBase has the manifest name the new base, and removes what that replaces.
func (kv *KVStore) adoptBase() error {
	a, j := &kv.aof, kv.journal
	m := a.manifest.Clone()
	base := m.NewBase(a.folder.Prefix, a.rewrite.preamble)
	keep := 0
	if j != nil {
		keep = 1
	}
	if j != nil && j.waiting {
		name := m.NewIncr(a.folder.Prefix).Name
		began := kv.latency.begin()
		err := os.Rename(a.folder.Path(a.tempIncr()), a.folder.Path(name))
		kv.latency.end(began, "aof-rename")
		if err != nil {
			return journalErrorf("Error trying to rename the temporary AOF incr file %s into %s: %s", a.tempIncr(), name, systemText(causeOf(err)))
		}
		kv.log(logNotice, "Successfully renamed the temporary AOF incr file %s into %s", a.tempIncr(), name)
	}
	m.Retire(keep)
	if err := a.folder.Store(m); err != nil {
		return stepFailed(err)
	}
	a.manifest = m
	if j != nil {
		j.waiting = false
		a.olderBytes, _ = a.folder.Size(base.Name)
		a.baseBytes = a.olderBytes + j.size.Load()
	}
	kv.removeHistory()
	return nil
}

// removeHistory removes the files that nobody needs any more, unless that is left
// to the user.
func (kv *KVStore) removeHistory() {
	a := &kv.aof
	if a.manifest == nil || kv.config.Bool("aof-disable-auto-gc") || len(a.manifest.History) == 0 {
		return
	}
	history := a.manifest.History
	a.manifest.History = nil
	for _, f := range history {
		kv.log(logNotice, "Removing the history file %s in the background", f.Name)
	}
	go a.folder.Remove(history)
	if err := a.folder.Store(a.manifest); err != nil {
		kv.logLoadError(stepFailed(err)) // the next start will remove them again
	}
}

// watchRewrite begins a rewrite that is scheduled or due.
func (kv *KVStore) watchRewrite() {
	a, j := &kv.aof, kv.journal
	if kv.saver != nil || kv.snapshot.loading.busy() || kv.closed {
		return
	}
	if a.rewrite.scheduled {
		if !kv.rewriteLimited() {
			kv.startRewrite()
		}
		return
	}
	percentage := kv.config.Int("auto-aof-rewrite-percentage")
	if j == nil || j.waiting || percentage == 0 {
		return
	}
	size := a.olderBytes + j.size.Load()
	if size <= kv.config.Int("auto-aof-rewrite-min-size") {
		return
	}
	if growth := size*100/max(a.baseBytes, 1) - 100; growth >= percentage && !kv.rewriteLimited() {
		kv.log(logNotice, "Starting automatic rewriting of AOF on %d%% growth", growth)
		kv.startRewrite()
	}
}

// applyAppendOnly turns the append-only file on or off, as CONFIG SET wants it. It
// is on for good when the first rewrite has succeeded.
func (kv *KVStore) applyAppendOnly() error {
	on := kv.config.Bool("appendonly")
	switch {
	case on == (kv.journal != nil):
		return nil
	case !on:
		kv.stopJournal()
		kv.aof.rewrite.scheduled = false
		if kv.aof.rewrite.running {
			kv.log(logNotice, "Killing running AOF rewrite child: %d", os.Getpid())
			kv.abortSave()
		}
		return nil
	}
	if err := kv.turnOn(); err != nil {
		kv.logLoadError(err)
		kv.log(logWarning, "Redis needs to enable the AOF but can't trigger a background AOF rewrite operation. "+
			"Check the above logs for more info about the error.")
		return errNoAppendOnly
	}
	return nil
}

var errNoAppendOnly = errors.New("Unable to turn on AOF. Check server logs.")

// turnOn begins to write down what changes the data, into a file with a temporary
// name.
func (kv *KVStore) turnOn() error {
	if err := kv.readManifest(); err != nil {
		return err
	}
	a := &kv.aof
	if err := a.folder.Make(); err != nil {
		return stepFailed(err)
	}
	name := a.tempIncr()
	log, err := aof.Create(a.folder.Path(name))
	if err != nil {
		return journalErrorf("Can't open the append-only file %s: %s", name, systemText(causeOf(err)))
	}
	j := kv.newJournal(log)
	j.waiting = true
	kv.startJournal(j)
	switch {
	case kv.saver != nil:
		a.rewrite.scheduled = true
		kv.log(logWarning, "AOF was enabled but there is already another background operation. An AOF background was scheduled to start when possible.")
	case kv.nesting > 0:
		a.rewrite.scheduled = true
		kv.log(logWarning, "AOF was enabled during a transaction. An AOF background was scheduled to start when possible.")
	case !kv.startRewrite():
		kv.stopJournal()
		return journalError("The rewrite did not start.")
	}
	return nil
}

// removeTempIncr removes the file of a rewrite that did not come to its end.
func (kv *KVStore) removeTempIncr() {
	if err := os.Remove(kv.aof.folder.Path(kv.aof.tempIncr())); err != nil && !errors.Is(err, fs.ErrNotExist) {
		kv.log(logWarning, "%v", err)
	}
}

package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/aof"
)

// The append-only file at the start: the folder is read, its commands are run
// again, and the last incremental file is opened for what comes.
//
// A command that is run again is not admitted, counted or propagated, and nothing
// expires meanwhile: it was run when the keys were there that it needs.

// An aofState is what the server knows of the folder.
type aofState struct {
	folder     aof.Folder
	manifest   *aof.Manifest
	baseBytes  int64 // of all files after the last rewrite, or of the base after the start
	olderBytes int64 // of all files but the one being written
	rewrite    rewriteState
	restore    restorePoint
}

// readManifest finds out which files there are, and takes an old single file in.
func (kv *KVStore) readManifest() error {
	cfg := kv.config
	a := &kv.aof
	folder := aof.Folder{Dir: cfg.Str("dir"), Name: cfg.Str("appenddirname"), Prefix: cfg.Str("appendfilename")}
	if a.manifest != nil && folder == a.folder {
		return nil // it knows more than the file: numbers that were given out
	}
	a.folder = folder
	m, err := a.folder.Load()
	if wrong, ok := errors.AsType[*aof.ManifestError](err); ok {
		text := "*** FATAL AOF MANIFEST FILE ERROR ***\n"
		if wrong.Text != "" {
			text += fmt.Sprintf("Reading the manifest file, at line %d\n>>> '%s'\n", wrong.Line, wrong.Text)
		}
		return journalError(text + wrong.Reason)
	}
	if err != nil {
		return journalErrorf("Fatal error: can't open the AOF manifest file %s for reading: %s",
			filepath.Join(a.folder.Name, a.folder.ManifestName()), systemText(causeOf(err)))
	}
	a.manifest = m
	upgraded, err := a.folder.Upgrade(m)
	if err != nil {
		return stepFailed(err)
	}
	if upgraded {
		kv.log(logNotice, "Successfully migrated an old-style AOF file (%s) into the AOF directory (%s).", a.folder.Prefix, a.folder.Name)
	}
	return nil
}

// A journalError says why the append-only file cannot be used, in lines for the log.
type journalError string

func (e journalError) Error() string { return string(e) }

// journalErrorf formats a journalError.
func journalErrorf(format string, args ...any) journalError {
	return journalError(fmt.Sprintf(format, args...))
}

// stepFailed words a failure of the folder for the log.
func stepFailed(err error) error {
	if step, ok := errors.AsType[*aof.StepError](err); ok {
		return journalErrorf("%s: %s", step.Step, systemText(causeOf(step.Err)))
	}
	return err
}

// measureJournal adds up the files that there are to load.
func (kv *KVStore) measureJournal() (total int64, err error) {
	a := &kv.aof
	a.baseBytes = 0
	for _, f := range a.manifest.Files() {
		n, err := a.folder.Size(f.Name)
		if err != nil {
			return 0, journalErrorf("Unable to obtain the AOF file %s length. stat: %s", f.Name, systemText(causeOf(err)))
		}
		if f == a.manifest.Base {
			a.baseBytes = n
		}
		total += n
	}
	return total, nil
}

// loadJournal starts loading the append-only file, or opens a new one. kv.mu is
// held.
func (kv *KVStore) loadJournal() {
	state := &kv.snapshot.loading
	state.begin(0)
	state.done, state.listen = make(chan struct{}), make(chan struct{})
	kv.serving.Add(1)
	go kv.loadJournalInBackground()
}

// loadJournalInBackground loads the append-only file, if there is one, and opens
// it. When it cannot be, a server that was started from the command line ends.
func (kv *KVStore) loadJournalInBackground() {
	defer kv.serving.Done()
	kv.mu.Lock()
	defer kv.mu.Unlock()
	defer kv.reportPanic()
	err := kv.replayAtStart()
	switch {
	case err != nil:
	case kv.aof.restore.cut:
		err = kv.openRestored()
	default:
		kv.aof.restore = restorePoint{}
		err = kv.openJournal()
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
	if state.ready {
		kv.logReady()
	}
	kv.cron.nudge() // for what expires
}

// replayAtStart runs the commands that there are.
func (kv *KVStore) replayAtStart() error {
	began := time.Now()
	if err := kv.readManifest(); err != nil {
		return err
	}
	total, err := kv.measureJournal()
	if err != nil || total == 0 {
		return err
	}
	kv.snapshot.loading.bytesTotal = total
	if err := kv.replayAll(true); err != nil {
		return err
	}
	kv.log(logNotice, "DB loaded from append only file: %.3f seconds", time.Since(began).Seconds())
	return nil
}

// reloadJournal loads the append-only file without letting anybody in between.
func (kv *KVStore) reloadJournal() error {
	if kv.journal == nil {
		if err := kv.readManifest(); err != nil {
			return err
		}
	}
	if kv.aof.manifest.Empty() {
		return journalError("There is no append-only file to load")
	}
	total, err := kv.measureJournal()
	if err != nil {
		return err
	}
	state, sink, end := &kv.snapshot.loading, kv.effects.sink, kv.effects.end
	state.begin(total)
	kv.effects.sink, kv.effects.end = nil, nil
	err = kv.replayAll(false)
	kv.effects.sink, kv.effects.end = sink, end
	state.active = false
	for _, db := range kv.dbs {
		kv.keysReady(db, db)
	}
	return err
}

// replayAll loads the base and runs the commands of the incremental files. resting
// says that others may be served meanwhile.
func (kv *KVStore) replayAll(resting bool) error {
	files := kv.aof.manifest.Files()
	for i, f := range files {
		began := time.Now()
		err := kv.replayFile(f, i == len(files)-1, resting)
		if err != nil && err != errRestored {
			return err
		}
		kind := "incr"
		if f == kv.aof.manifest.Base {
			kind = "base"
		}
		kv.log(logNotice, "DB loaded from %s file %s: %.3f seconds", kind, f.Name, time.Since(began).Seconds())
		if err == errRestored {
			break
		}
	}
	return kv.aof.restore.check()
}

// replayFile loads one file. When it ends within a command it is cut there, if it
// is the last one and aof-load-truncated allows it.
func (kv *KVStore) replayFile(file aof.File, last, resting bool) error {
	name := file.Name
	path := kv.aof.folder.Path(name)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return journalErrorf("The append log file %s doesn't exist: %s", name, systemText(causeOf(err)))
	}
	if err != nil {
		return journalErrorf("Fatal error: can't open the append log file %s for reading: %s", name, systemText(causeOf(err)))
	}
	defer f.Close()
	r := replay{kv: kv, file: name, src: f}
	if resting {
		now := time.Now()
		source := &loadSource{kv: kv, f: f, rested: now, told: now}
		r.src, r.rest = source, source.delay
	}
	if isSnapshot(f) {
		if err := r.preamble(f); err != nil {
			return err
		}
	}
	valid, err := r.commands()
	switch {
	case err == nil:
		return nil
	case err == io.ErrUnexpectedEOF:
		return kv.cutTail(name, valid, last)
	case err == errRestored, errors.Is(err, net.ErrClosed):
		return err
	}
	if _, ok := errors.AsType[*aof.FormatError](err); ok {
		return journalErrorf("Bad file format reading the append only file %s: make a backup of your AOF file, "+
			"then use ./redis-check-aof --fix <filename.manifest>", name)
	}
	if failure, ok := errors.AsType[journalError](err); ok {
		return failure
	}
	return journalErrorf("Unrecoverable error reading the append only file %s: %s", name, systemText(causeOf(err)))
}

// cutTail takes off what lies behind the last whole command of a file.
func (kv *KVStore) cutTail(name string, valid int64, last bool) error {
	if !kv.config.Bool("aof-load-truncated") {
		return journalErrorf("Unexpected end of file reading the append only file %s. You can: "+
			"1) Make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>. "+
			"2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server.", name)
	}
	kv.log(logWarning, "!!! Warning: short read while loading the AOF file %s!!!", name)
	if !last {
		return journalError("Fatal error: the truncated file is not the last file")
	}
	kv.log(logWarning, "!!! Truncating the AOF %s at offset %d !!!", name, valid)
	if err := os.Truncate(kv.aof.folder.Path(name), valid); err != nil {
		return journalErrorf("Error truncating the AOF file %s: %s", name, systemText(causeOf(err)))
	}
	kv.log(logWarning, "AOF %s loaded anyway because aof-load-truncated is enabled", name)
	return nil
}

// A replay is a file being loaded.
type replay struct {
	kv     *KVStore
	file   string
	src    io.Reader
	offset int64        // in the file, of what src is at
	rest   func() error // called now and then, nil for nothing
	c      *Client      // in whose place the commands run
}

// preamble loads the snapshot that a file begins with.
func (r *replay) preamble(f *os.File) error {
	kv := r.kv
	old := r.file == kv.aof.folder.Prefix
	if old {
		kv.log(logNotice, "Reading RDB preamble from AOF file...")
	} else {
		kv.log(logNotice, "Reading RDB base file on AOF loading...")
	}
	state := &kv.snapshot.loading
	snapshot, err := kv.openSnapshot(f, r.src)
	if err == nil {
		state.keepExpired = true
		_, err = kv.loadResting(snapshot, false, r.rest)
		state.keepExpired = false
	}
	if errors.Is(err, net.ErrClosed) {
		return err
	}
	if err != nil {
		kv.logLoadError(err)
		kind := "RDB base file"
		if old {
			kind = "RDB preamble of the AOF file"
		}
		return journalErrorf("Error reading the %s %s, AOF loading aborted", kind, r.file)
	}
	if old {
		kv.log(logNotice, "Reading the remaining AOF tail...")
	}
	if err := kv.aof.restore.checkBase(r.file, state.savedAt); err != nil {
		return err
	}
	r.offset, r.src = snapshot.Offset(), snapshot.Rest()
	return nil
}

// restEvery is how many commands come between two calls of rest.
const restEvery = 16

// commands runs the commands of a file. valid is the offset behind the last one
// that is to stay: without the end of a transaction none of it is. The error is
// io.ErrUnexpectedEOF when there is something behind it.
func (r *replay) commands() (valid int64, err error) {
	kv := r.kv
	r.c = &Client{kv: kv, fd: -1, directFD: -1, addr: "?:0", laddr: "?:0", authenticated: true, db: kv.dbs[0]}
	r.c.reply.Proto = 2
	in := aof.NewReader(r.src, r.offset)
	valid = r.offset
	point, isBase := &kv.aof.restore, r.file == kv.aof.manifest.Base.Name
	in.Time = point.last
	for n := 0; ; n++ {
		args, err := in.Next()
		if err != nil {
			if r.c.txn.open && (err == io.EOF || err == io.ErrUnexpectedEOF) {
				kv.log(logWarning, "Revert incomplete MULTI/EXEC transaction in AOF file %s", r.file)
				return valid, io.ErrUnexpectedEOF
			}
			if err == io.EOF {
				return valid, nil
			}
			return valid, err
		}
		if point.reached(in.Time) {
			if isBase && point.last == 0 && r.offset == 0 {
				return valid, point.checkBase(r.file, in.Time)
			}
			return valid, errRestored
		}
		cmd := kv.commands.lookup(args)
		if cmd == nil {
			return valid, journalError("Unknown command '" + cut(args[0], quotedMax) + "' reading the append only file " + r.file)
		}
		if !cmd.checkArity(len(args)) {
			return valid, &aof.FormatError{Offset: in.Offset(), Reason: "wrong number of arguments"}
		}
		r.run(cmd, args)
		if !r.c.txn.open {
			valid = in.Offset()
		}
		if r.rest != nil && n%restEvery == 0 {
			if err := r.rest(); err != nil {
				return valid, err
			}
		}
	}
}

// run runs a command again, or queues it for EXEC.
func (r *replay) run(cmd *command, args []string) {
	kv, c := r.kv, r.c
	outer := kv.client
	kv.client, c.cmd, c.argv = c, cmd, args
	kv.hint = commandHint{}
	if c.txn.open && !cmd.flags.has(immediate) {
		c.txn.queue(cmd, args)
	} else if err := cmd.run(kv, c, args); err != nil {
		kv.log(logWarning, "== CRITICAL == This server is sending an error to its AOF-loading-client: '%s' after processing the command '%s'",
			err, cmd.full)
	}
	e := &kv.effects
	e.list, e.set, e.due = nil, false, false
	c.reply.Truncate(0)
	kv.client, c.argv, c.pushes = outer, nil, nil
	kv.hint = commandHint{}
}

// openJournal opens the last incremental file for what is to come, and makes what
// is missing: the base, the file and the manifest. kv.mu is held.
func (kv *KVStore) openJournal() error {
	a := &kv.aof
	if err := a.folder.Make(); err != nil {
		return stepFailed(err)
	}
	m := a.manifest.Clone()
	changed := false
	if m.Empty() {
		base := m.NewBase(a.folder.Prefix, kv.config.Bool("aof-use-rdb-preamble"))
		if err := kv.writeBase(base.Name); err != nil {
			return err
		}
		changed = true
		kv.log(logNotice, "Creating AOF base file %s on server start", base.Name)
	}
	verb := "Opening"
	if len(m.Incr) == 0 {
		m.NewIncr(a.folder.Prefix)
		changed, verb = true, "Creating"
	}
	name := m.Incr[len(m.Incr)-1].Name
	log, err := aof.Open(a.folder.Path(name))
	if err != nil {
		return journalErrorf("Can't open the append-only file %s: %s", name, systemText(causeOf(err)))
	}
	if changed {
		if err := a.folder.Store(m); err != nil {
			log.Close()
			return stepFailed(err)
		}
	}
	kv.log(logNotice, "%s AOF incr file %s on server start", verb, name)
	if !a.manifest.Empty() {
		total, err := kv.measureJournal()
		if err != nil {
			log.Close()
			return err
		}
		a.olderBytes = total - log.Size()
	} // else there is nothing worth counting yet, as in Redis
	a.manifest = m
	kv.startJournal(kv.newJournal(log))
	kv.removeHistory()
	return nil
}

// writeBase writes the base of a server without data: a snapshot, or no commands.
func (kv *KVStore) writeBase(name string) error {
	temp := kv.aof.folder.Path("temp-rewriteaof-" + strconv.Itoa(os.Getpid()) + ".aof")
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return journalErrorf("Opening the temp file for AOF rewrite in rewriteAppendOnlyFile(): %s", systemText(causeOf(err)))
	}
	if filepath.Ext(name) == ".rdb" {
		err = kv.writeSnapshot(f, true)
	}
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(temp, kv.aof.folder.Path(name))
	}
	if err != nil {
		os.Remove(temp)
		return journalErrorf("Write error writing append only file on disk: %s", systemText(causeOf(err)))
	}
	return nil
}

// startJournal has what changes the data written down from now on.
func (kv *KVStore) startJournal(j *journal) {
	kv.journal = j
	kv.applySinks()
	kv.applySettings()
}

// stopJournal ends that.
func (kv *KVStore) stopJournal() {
	if kv.journal == nil {
		return
	}
	kv.journal.close()
	if kv.journal.waiting {
		kv.removeTempIncr()
	}
	kv.journal = nil
	kv.applySinks()
	kv.applySettings()
}

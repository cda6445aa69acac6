package store

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// --restore-until: a start from an append-only file with timestamps, as it was
// at the end of a second. Commands that were written later are not run.
//
// They are not lost either. The files stay as they are; a new base, of what was
// restored, and a new incremental file take their place in the manifest, which is
// one rename, and the manifest there was is kept under another name: put back, it
// undoes everything. If nothing was written later, nothing changes.
//
// It is an option of the command line and no directive, for it is to be done once.

// A restorePoint is what is known of it while files are read. The zero value is
// none.
type restorePoint struct {
	until  int64 // seconds since 1970, 0 for all there is
	last   int64 // the last timestamp, 0 before the first
	untold bool  // a command was run of which no timestamp has said yet when it was written
	cut    bool  // what was written later has been left out
}

var errRestored = errors.New("what follows was written later")

const restoreOption = "--restore-until"

// takeRestorePoint takes the option out of the arguments.
func (kv *KVStore) takeRestorePoint(args []string) ([]string, error) {
	i := slices.Index(args, restoreOption)
	if i < 0 {
		return args, nil
	}
	if i+1 < len(args) {
		if n, err := strconv.ParseInt(args[i+1], 10, 64); err == nil && n > 0 && n < math.MaxInt64 {
			kv.aof.restore.until = n
			return slices.Delete(slices.Clone(args), i, i+2), nil
		}
	}
	return nil, errors.New(restoreOption + " wants a number of seconds since 1970")
}

// restorable refuses what cannot be restored.
func (kv *KVStore) restorable() error {
	if kv.aof.restore.until > 0 && !kv.config.Bool("appendonly") {
		return errors.New(restoreOption + " needs an append-only file (appendonly yes)")
	}
	return nil
}

// reached is told the last timestamp before each command, and reports whether the
// command was written too late.
func (p *restorePoint) reached(at int64) bool {
	if p.until == 0 {
		return false
	}
	if at > p.until {
		p.cut = true
		return true
	}
	if at != p.last {
		p.last, p.untold = at, false
	}
	p.untold = p.untold || at == 0
	return false
}

// checkBase refuses a base that was written later, at a time that is 0 when it is
// not known.
func (p *restorePoint) checkBase(name string, at int64) error {
	if p.until == 0 || at <= p.until {
		return nil
	}
	return journalErrorf("The data as it was at %d is not there any more: the base file %s is of %d. "+
		"If that is what an earlier %s made, start without it.", p.until, name, at, restoreOption)
}

// check refuses files of which nobody knows when they were written.
func (p *restorePoint) check() error {
	if p.until == 0 || !p.untold {
		return nil
	}
	return journalErrorf("%s needs timestamps in the append-only file (aof-timestamp-enabled yes), "+
		"but there are commands with none before them, and none at or before %d behind them.", restoreOption, p.until)
}

// openRestored makes a base of what was restored, and opens a new incremental file.
// kv.mu is held.
func (kv *KVStore) openRestored() error {
	a := &kv.aof
	kept := fmt.Sprintf("%s.before-restore-%d", a.folder.ManifestName(), time.Now().Unix())
	if err := a.folder.KeepManifest(kept); err != nil {
		return stepFailed(err)
	}
	m := a.manifest.Clone()
	m.History = nil // the manifest that is kept lists it
	log, err := kv.newBase(m, false)
	if err != nil {
		return err
	}
	kv.log(logWarning, "The data is restored as it was at %d. The files of before, with what was written later, are still in %s; %s lists them.",
		a.restore.until, a.folder.Name, kept)
	a.restore = restorePoint{}
	kv.startJournal(kv.newJournal(log))
	return nil
}

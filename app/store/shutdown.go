package store

import (
	"errors"
	"math"
	"os"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/config"
)

// The end of the server: SHUTDOWN, signals, and Shutdown of the Go API. The data
// is saved first, if save points or the one who asks want it; when that fails
// the server goes on, rather than lose what was to be kept. From then on no
// command runs.
//
// A master whose replicas lag behind gives them shutdown-timeout seconds first.
// Meanwhile it takes no writes.

// An endingState is a shutdown that waits for replicas.
type endingState struct {
	untilMs int64 // ms since 1970; 0 when there is none
	flags   int64
	asking  []*waiter     // who said SHUTDOWN
	done    []chan<- bool // told how it came out
}

// cmdShutdown serves SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT]. There is one to be
// aborted while it waits for replicas, and after a signal for as long as DEBUG
// PAUSE-CRON keeps it from beginning.
func (kv *KVStore) cmdShutdown(c *Client, args []string) error {
	var flags int64
	abort := false
	for _, arg := range args[1:] {
		switch {
		case is(arg, "nosave"):
			flags |= config.ShutdownNosave
		case is(arg, "save"):
			flags |= config.ShutdownSave
		case is(arg, "now"):
			flags |= config.ShutdownNow
		case is(arg, "force"):
			flags |= config.ShutdownForce
		case is(arg, "abort"):
			abort = true
		default:
			return errSyntax
		}
	}
	const both = config.ShutdownSave | config.ShutdownNosave
	switch {
	case abort && flags != 0, flags&both == both:
		return errSyntax
	case abort:
		switch {
		case kv.ending.untilMs != 0:
			kv.cancelShutdown()
		case !kv.cron.paused || !kv.signalled.Swap(false):
			return errNoShutdown
		}
		kv.log(logNotice, "Shutdown manually aborted.")
		c.reply.OK()
		return nil
	case c.master == nil && (kv.ending.untilMs != 0 || kv.awaitReplicas(flags)):
		kv.block(c, wait{})
		kv.ending.asking = append(kv.ending.asking, c.waiter)
		return nil
	case !kv.prepareShutdown(flags):
		return errShutdown
	}
	c.closeAfterReply = true
	c.endBatch = true
	kv.refuseClients(c)
	go kv.finishShutdown()
	return nil
}

const (
	errNoShutdown replyError = "ERR No shutdown in progress."
	errShutdown   replyError = "ERR Errors trying to SHUTDOWN. Check logs."
)

// awaitReplicas begins a shutdown, and reports whether it has to wait for replicas.
func (kv *KVStore) awaitReplicas(flags int64) bool {
	kv.log(logWarning, "User requested shutdown...")
	kv.tellSupervisor("STOPPING=1\n")
	seconds := kv.config.Int("shutdown-timeout")
	if flags&config.ShutdownNow != 0 || seconds == 0 || kv.lagging() == 0 {
		return false
	}
	kv.ending = endingState{untilMs: kv.nowMs + seconds*1000, flags: flags}
	if kv.pause.kind == pauseNone {
		kv.tellReplicas("REPLCONF", "GETACK", "*")
	}
	kv.pauseFor(pauseForShutdown, pauseWrites, math.MaxInt64-kv.nowMs)
	kv.log(logNotice, "Waiting for replicas before shutting down.")
	return true
}

// lagging is how many replicas have not acknowledged the whole stream.
func (kv *KVStore) lagging() (n int) {
	for _, c := range kv.repl.replicas {
		if c.replica.ack != kv.repl.stream.offset {
			n++
		}
	}
	return n
}

// cancelShutdown gives up a shutdown that waits for replicas.
func (kv *KVStore) cancelShutdown() {
	asking, done := kv.ending.asking, kv.ending.done
	kv.ending = endingState{}
	for _, w := range asking {
		if w.client.waiter == w {
			kv.resume(w, failWith(errShutdown))
		}
	}
	for _, told := range done {
		told <- false
	}
	kv.unpause(pauseForShutdown)
}

// tickShutdown is cron's part: it goes on with a shutdown that has waited enough.
func (kv *KVStore) tickShutdown() {
	e := &kv.ending
	if e.untilMs == 0 || kv.closed || kv.nowMs < e.untilMs && kv.lagging() > 0 {
		return
	}
	if !kv.prepareShutdown(e.flags) {
		kv.log(logWarning, "Errors trying to shut down the server. Check the logs for more information.")
		kv.cancelShutdown()
		return
	}
	kv.refuseClients(nil)
	for _, told := range e.done {
		told <- true
	}
	if len(e.done) == 0 {
		go kv.finishShutdown()
	}
}

// logReplicas says in the log which replicas do not have all data.
func (kv *KVStore) logReplicas() {
	all := len(kv.repl.replicas)
	if all == 0 {
		return
	}
	for _, c := range kv.repl.replicas {
		r := c.replica
		if r.ack == kv.repl.stream.offset {
			continue
		}
		lag := int64(0)
		if r.phase == replicaOnline {
			lag = (kv.nowMs - r.ackMs) / 1000
		}
		kv.log(logWarning, "Lagging replica %s reported offset %d behind master, lag=%d, state=%s.",
			c.replicaName(), kv.repl.stream.offset-r.ack, lag, replicaPhases[r.phase])
	}
	kv.log(logNotice, "%d of %d replicas are in sync when shutting down.", all-kv.lagging(), all)
}

// prepareShutdown does what has to be done before the end, and reports whether it
// could. kv.mu is held.
func (kv *KVStore) prepareShutdown(flags int64) bool {
	if kv.snapshot.loading.active {
		// Half the data must not replace all of it.
		flags = flags&^config.ShutdownSave | config.ShutdownNosave
	}
	kv.logReplicas()
	if kv.journal != nil && kv.journal.waiting && kv.aof.rewrite.running {
		if flags&config.ShutdownForce == 0 {
			kv.log(logWarning, "Writing initial AOF, can't exit.")
			return false
		}
		kv.log(logWarning, "Writing initial AOF. Exit anyway.")
	}
	if kv.saver != nil {
		kv.log(logWarning, "There is a background save or rewrite. Giving it up!")
		kv.abortSave()
	}
	if kv.journal != nil {
		kv.log(logNotice, "Calling fsync() on the AOF file.")
		kv.journal.flush()
	}
	if kv.savesItself() && flags&config.ShutdownNosave == 0 || flags&config.ShutdownSave != 0 {
		kv.log(logNotice, "Saving the final RDB snapshot before exiting.")
		kv.tellSupervisor("STATUS=Saving the final RDB snapshot\n")
		if !kv.save() {
			if flags&config.ShutdownForce == 0 {
				kv.log(logWarning, "Error trying to save the DB, can't exit.")
				kv.tellSupervisor("STATUS=Error trying to save the DB, can't exit.\n")
				return false
			}
			kv.log(logWarning, "Error trying to save the DB. Exit anyway.")
		}
	}
	if kv.pidFile != "" {
		kv.log(logNotice, "Removing the pid file.")
		os.Remove(kv.pidFile)
		kv.pidFile = ""
	}
	return true
}

// refuseClients ends the execution of commands, and every client but the one
// whose command asks for it. kv.mu is held.
func (kv *KVStore) refuseClients(asking *Client) {
	kv.closed = true
	for _, c := range kv.clients {
		if c != asking {
			c.kill()
		}
	}
	kv.dismissGreeted()
}

// shutdownPatience is how long the process waits for its connections to end.
const shutdownPatience = time.Second

// finishShutdown closes the store, and ends the process when the store was
// started from the command line.
func (kv *KVStore) finishShutdown() {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		kv.Close()
	}()
	if !kv.standalone {
		<-closed
		kv.log(logWarning, "Redis is now ready to exit, bye bye...")
		return
	}
	select {
	case <-closed:
	case <-time.After(shutdownPatience):
	}
	kv.log(logWarning, "Redis is now ready to exit, bye bye...")
	os.Exit(0)
}

// Shutdown ends the server: it saves the data if save points ask for it, closes
// the store, and ends the process too when the store was started from the command
// line. When saving fails, the error says so and the server goes on.
func (kv *KVStore) Shutdown() error { return kv.shutdownWith(0) }

var errNotSaved = errors.New("store: the data could not be saved")

func (kv *KVStore) shutdownWith(flags int64) error {
	kv.mu.Lock()
	if kv.closed {
		kv.unlock()
		return nil
	}
	var told chan bool
	ready := false
	if kv.ending.untilMs != 0 || kv.awaitReplicas(flags) {
		told = make(chan bool, 1)
		kv.ending.done = append(kv.ending.done, told)
	} else if ready = kv.prepareShutdown(flags); ready {
		kv.refuseClients(nil)
	}
	kv.unlock()
	if told != nil {
		ready = <-told
	}
	if !ready {
		return errNotSaved
	}
	kv.finishShutdown()
	return nil
}

// HandleSignal ends the server at the wish of the system or of the user, as the
// directives shutdown-on-sigterm and shutdown-on-sigint say: the second SIGINT
// ends the process at once. It returns without waiting for the end.
func (kv *KVStore) HandleSignal(s os.Signal) {
	name, directive := "SIGTERM", "shutdown-on-sigterm"
	if s == os.Interrupt {
		name, directive = "SIGINT", "shutdown-on-sigint"
	}
	if kv.signalled.Swap(true) {
		if s == os.Interrupt {
			kv.log(logWarning, "You insist... exiting now.")
			kv.removeTemp()
			os.Exit(1)
		}
		return
	}
	kv.log(logWarning, "Received %s scheduling shutdown...", name)
	go func() {
		kv.mu.Lock()
		for kv.cron.paused && kv.signalled.Load() {
			kv.mu.Unlock()
			time.Sleep(tick)
			kv.mu.Lock()
		}
		flags := kv.config.Int(directive)
		kv.mu.Unlock()
		if !kv.signalled.Load() {
			return // SHUTDOWN ABORT
		}
		if err := kv.shutdownWith(flags); err != nil {
			kv.log(logWarning, "Errors trying to shut down the server. Check the logs for more information.")
			kv.signalled.Store(false)
		}
	}()
}

// removeTemp removes the file that was being written.
func (kv *KVStore) removeTemp() {
	if temp := kv.snapshot.temp.Load(); temp != nil {
		os.Remove(*temp)
	}
}

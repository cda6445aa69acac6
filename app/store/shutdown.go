package store

import (
	"errors"
	"os"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/config"
)

// The end of the server: SHUTDOWN, signals, and Shutdown of the Go API. The data
// is saved first, if save points or the one who asks want it; when that fails
// the server goes on, rather than lose what was to be kept. From then on no
// command runs.

// cmdShutdown serves SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT]. There is
// nothing to wait for before the end, so NOW changes nothing, and a shutdown
// that could be aborted is in progress only after a signal, while DEBUG PAUSE-CRON
// keeps it from beginning.
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
		if !kv.cron.paused || !kv.signalled.Swap(false) {
			return errNoShutdown
		}
		kv.log(logNotice, "Shutdown manually aborted.")
		c.reply.OK()
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

// prepareShutdown does what has to be done before the end, and reports whether it
// could. kv.mu is held.
func (kv *KVStore) prepareShutdown(flags int64) bool {
	if kv.snapshot.loading.active {
		// Half the data must not replace all of it.
		flags = flags&^config.ShutdownSave | config.ShutdownNosave
	}
	kv.log(logWarning, "User requested shutdown...")
	kv.tellSupervisor("STOPPING=1\n")
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
	ready := kv.prepareShutdown(flags)
	if ready {
		kv.refuseClients(nil)
	}
	kv.unlock()
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

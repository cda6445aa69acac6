package store

import (
	"os"
	"time"
)

// The end of the server: SHUTDOWN, signals, and Shutdown of the Go API.

// cmdShutdown serves SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT]. There is
// nothing to wait for before the end, so NOW and FORCE change nothing, and a
// shutdown that could be aborted is never in progress.
func (kv *KVStore) cmdShutdown(c *Client, args []string) error {
	save, noSave, abort, other := false, false, false, false
	for _, arg := range args[1:] {
		switch {
		case is(arg, "nosave"):
			noSave = true
		case is(arg, "save"):
			save = true
		case is(arg, "abort"):
			abort = true
		case is(arg, "now"), is(arg, "force"):
			other = true
		default:
			return errSyntax
		}
	}
	switch {
	case abort && (save || noSave || other), save && noSave:
		return errSyntax
	case abort:
		return errNoShutdown
	case save:
		// Better to go on than to lose what was to be kept.
		kv.log(logWarning, "SHUTDOWN SAVE was asked for, but this version cannot save. Not exiting.")
		return errShutdown
	}
	c.closeAfterReply = true
	c.endBatch = true
	go kv.Shutdown()
	return nil
}

const (
	errNoShutdown replyError = "ERR No shutdown in progress."
	errShutdown   replyError = "ERR Errors trying to SHUTDOWN. Check logs."
)

// shutdownPatience is how long the process waits for its connections to end.
const shutdownPatience = time.Second

// Shutdown ends the server: it closes the store, and the process too when the
// store was started from the command line.
func (kv *KVStore) Shutdown() {
	kv.log(logWarning, "User requested shutdown...")
	if kv.pidFile != "" {
		kv.log(logNotice, "Removing the pid file.")
		os.Remove(kv.pidFile)
	}
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

// LogSignal logs that a signal is about to end the server.
func (kv *KVStore) LogSignal(s os.Signal) {
	kv.log(logWarning, "Received %s scheduling shutdown...", signalName(s))
}

func signalName(s os.Signal) string {
	if s == os.Interrupt {
		return "SIGINT"
	}
	return "SIGTERM"
}

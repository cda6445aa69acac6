package store

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
)

// When the program fails: a panic is a fault of ours, and what it leaves cannot be
// trusted. Before the process ends the log gets a report: what failed and where,
// the command that was running with its client, and the state of the server. Its
// headings are Redis's, since tools look for them. Secrets are not in it.

// reportPanic is deferred at the bottom of the goroutines that run commands. It
// writes the report and ends the process, with the status that a shell gives to one
// that a signal has ended. Within another program, and when there is to be no report,
// the panic goes on.
func (kv *KVStore) reportPanic() {
	failure := recover()
	if failure == nil {
		return
	}
	number, what := 6, fmt.Sprintf("crashed by a panic: %v", failure) // 6 is SIGABRT
	if fault, ok := failure.(runtime.Error); ok && strings.Contains(fault.Error(), "invalid memory address") {
		number = int(syscall.SIGSEGV)
		what = fmt.Sprintf("crashed by signal: %d, %v", number, fault)
	}
	if kv.config.Bool("crash-log-enabled") {
		kv.reportCrash(what, string(debug.Stack()))
		if kv.standalone {
			os.Exit(crashStatus + number)
		}
	}
	panic(failure)
}

// crashStatus and the number of a signal are the exit status of who dies of it.
const crashStatus = 128

// reportCrash writes the report. The mutex may be held or not: nobody goes on.
func (kv *KVStore) reportCrash(what, stack string) {
	l := &kv.logger
	l.write("\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n")
	kv.log(logWarning, "Redis %s (valkeyper %s) %s", RedisVersion, Version, what)
	l.write("\n------ STACK TRACE ------\n" + stack)
	kv.reportState()
	l.write("\n=== REDIS BUG REPORT END. Make sure to include from START to END. ===\n\n")
}

// reportState writes what the server was doing. That may fail as well, for it looks
// at what the failure has left.
func (kv *KVStore) reportState() {
	defer func() {
		if failure := recover(); failure != nil {
			kv.logger.write(fmt.Sprintf("(there is no more: %v)\n", failure))
		}
	}()
	if c := kv.client; c != nil {
		kv.logger.write(c.crashText())
	}
	kv.logger.write("\n------ INFO OUTPUT ------\n" + strings.ReplaceAll(kv.info(nil), "\r\n", "\n"))
}

// crashText describes the client and its command. Arguments are cut.
func (c *Client) crashText() string {
	var b strings.Builder
	b.WriteString("\n------ CURRENT CLIENT INFO ------\n" + c.describe() + "\n")
	args := c.argv
	if c.waiter != nil {
		args = c.waiter.args
	}
	// Not c.cmd: that may still be the command before.
	if cmd := c.kv.commands.lookup(args); cmd != nil {
		args = c.kv.withoutSecrets(cmd, args)
	}
	for i, arg := range cutArgs(args) {
		fmt.Fprintf(&b, "argv[%d]: '%s'\n", i, appendQuoted(nil, arg))
	}
	return b.String()
}

// reportSignals writes a report when the process gets a signal that asks for one,
// and ends it. The mutex is waited for a moment: the state is better seen between
// two commands, unless one of them hangs.
func (kv *KVStore) reportSignals() {
	if !kv.config.Bool("crash-log-enabled") || len(crashSignals) == 0 {
		return
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, crashSignals...)
	go func() {
		s := <-signals
		for end := time.Now().Add(time.Second); !kv.mu.TryLock() && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		number, _ := s.(syscall.Signal)
		kv.reportCrash(fmt.Sprintf("crashed by signal: %d (%v)", int(number), s), allStacks())
		os.Exit(crashStatus + int(number))
	}()
}

// allStacks are the stacks of all goroutines, up to a bound.
func allStacks() string {
	buf := make([]byte, stacksMax)
	return string(buf[:runtime.Stack(buf, true)])
}

const stacksMax = 1 << 20

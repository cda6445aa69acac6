package store

import (
	"math"
	"time"
)

// Observation: what each command costs, who may look at what is being run, and
// what is kept of that. call and resume come here with every command, so what is
// counted for each is a few additions; the slow log, latency events and MONITOR
// share one comparison, with the duration from which on one of them is concerned:
// zero while somebody monitors, and more than any command takes when all are off.

// observed counts a command that has run for so many ns, and shows it to those who
// want to know. A command that has blocked its client is logged when it goes on.
func (kv *KVStore) observed(c *Client, cmd *command, args []string, ns int64) {
	cmd.stats.calls++
	cmd.stats.ns += ns
	if c.parked != notParked {
		kv.observedBlocking(c, ns)
	} else if kv.tracksLatency {
		cmd.stats.took(ns)
	}
	if ns >= kv.noticeNs {
		kv.notice(c, cmd, args, ns)
	}
}

// took counts a duration in the histogram of the command.
func (s *commandStats) took(ns int64) {
	if s.durations == nil {
		s.durations = new(histogram)
	}
	s.durations.record(ns)
}

// observedBlocking keeps how long a command ran until it blocked.
func (kv *KVStore) observedBlocking(c *Client, ns int64) {
	if c.waiter != nil {
		c.waiter.ranNs = ns
	}
}

// observedResumed does the same for a command that had blocked and ran again, for
// so many ns. Its first half has been counted. One that waits on is not answered;
// one whose time is up has done nothing, and Redis does not log it either.
func (kv *KVStore) observedResumed(w *waiter, ns int64, answered bool) {
	cmd := w.cmd
	cmd.stats.ns += ns
	if !answered {
		return
	}
	total := w.ranNs + ns
	if kv.tracksLatency {
		cmd.stats.took(total)
	}
	if total >= kv.noticeNs {
		kv.latency.note("command-unblocking", time.Duration(ns))
		kv.slowLog(w.client, cmd, w.asked, total)
	}
}

// notice tells the slow log, the latency events and those who MONITOR of a
// command that may concern them.
func (kv *KVStore) notice(c *Client, cmd *command, args []string, ns int64) {
	event := "command"
	if cmd.flags.has(fast) {
		event = "fast-command"
	}
	kv.latency.note(event, time.Duration(ns))
	if c.parked == notParked {
		kv.slowLog(c, cmd, args, ns)
	}
	if len(kv.monitors) > 0 && !cmd.flags.has(skipMonitor|admin) {
		kv.feedMonitors(c, cmd, args)
	}
}

// applyObservation copies the directives, and finds what concerns anybody.
func (kv *KVStore) applyObservation() {
	cfg := kv.config
	kv.tracksLatency = cfg.Bool("latency-tracking")
	kv.slow.fromNs = nsOf(cfg.Int("slowlog-log-slower-than"), time.Microsecond)
	kv.slow.max = cfg.Int("slowlog-max-len")
	if kv.slow.fromNs >= 0 {
		kv.slow.trim()
	}
	kv.latency.fromNs.Store(nsOf(cfg.Int("latency-monitor-threshold"), time.Millisecond))
	kv.setNotice()
}

// setNotice finds the duration from which on a command concerns anybody.
func (kv *KVStore) setNotice() {
	from := int64(math.MaxInt64)
	if kv.slow.fromNs >= 0 {
		from = kv.slow.fromNs
	}
	if ns := kv.latency.fromNs.Load(); ns > 0 {
		from = min(from, ns)
	}
	if len(kv.monitors) > 0 {
		from = 0
	}
	kv.noticeNs = from
}

// nsOf is a directive's number of units in ns. A negative one stays negative.
func nsOf(n int64, unit time.Duration) int64 {
	return min(n, math.MaxInt64/int64(unit)) * int64(unit)
}

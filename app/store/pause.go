package store

import "time"

// CLIENT PAUSE. A paused client is parked: its command stays in its input, and
// when the pause ends the client is kicked and parses the command again.

type pauseKind uint8

const (
	pauseNone pauseKind = iota
	pauseWrites
	pauseAll
)

// A pauseReason is why there is a pause. Each has its own, and the strictest counts.
type pauseReason uint8

const (
	pauseByClient pauseReason = iota
	pauseForShutdown
	pauseForFailover
	pauseReasons
)

// A pause lasts until a time, ms since 1970.
type pause struct {
	kind  pauseKind
	endMs int64
}

// A pauseState is the pause that counts, and what it is made of.
type pauseState struct {
	pause
	reasons [pauseReasons]pause
}

// sum works out the pause that counts: it ends when there is something else to count.
func (s *pauseState) sum() {
	s.pause = pause{}
	for _, p := range s.reasons {
		if p.kind == pauseNone {
			continue
		}
		if s.kind == pauseNone || p.endMs < s.endMs {
			s.endMs = p.endMs
		}
		s.kind = max(s.kind, p.kind)
	}
}

// pausedFor reports whether a command of these flags must wait.
func (kv *KVStore) pausedFor(flags cmdFlags) bool {
	if kv.nowMs >= kv.pause.endMs {
		kv.endPause()
	}
	switch kv.pause.kind {
	case pauseAll:
		return true
	case pauseWrites:
		return flags.has(write | mayReplicate)
	}
	return false
}

// pauseFor pauses for ms. A pause under way is made longer or stricter by
// another one for the same reason, never shorter or milder.
func (kv *KVStore) pauseFor(why pauseReason, kind pauseKind, ms int64) {
	p := &kv.pause.reasons[why]
	p.kind = max(p.kind, kind)
	if end := kv.nowMs + ms; end > p.endMs && end > 0 {
		p.endMs = end
	}
	kv.pause.sum()
	kv.cron.nudge() // it ends the pause in time
}

// pauseLeft is how long the pause still lasts, a tick at most.
func (kv *KVStore) pauseLeft() time.Duration {
	if kv.pause.kind == pauseNone || kv.pause.endMs-kv.nowMs > tick.Milliseconds() {
		return tick
	}
	return time.Duration(kv.pause.endMs*int64(time.Millisecond) - (kv.baseNs + kv.clockNs))
}

// endPause ends the pauses whose time is over.
func (kv *KVStore) endPause() {
	if kv.pause.kind == pauseNone || kv.nowMs < kv.pause.endMs {
		return
	}
	for why, p := range kv.pause.reasons {
		if p.kind != pauseNone && kv.nowMs >= p.endMs {
			kv.unpause(pauseReason(why))
		}
	}
}

// unpause ends the pause that there is for a reason, and wakes who waits for it.
// Those who still have to wait will be parked again.
func (kv *KVStore) unpause(why pauseReason) {
	if kv.pause.reasons[why].kind == pauseNone {
		return
	}
	kv.pause.reasons[why] = pause{}
	kv.pause.sum()
	for _, c := range kv.clients {
		if c.parked == parkedByPause {
			kv.unpark(c)
			c.kick()
		}
	}
	kv.cron.nudge()
}

// park makes the client execute nothing until unpark.
func (kv *KVStore) park(c *Client, why parking) {
	c.parked = why
	c.endBatch = true
	kv.parkedClients++
}

// unpark ends it; the client is kicked by who calls.
func (kv *KVStore) unpark(c *Client) {
	if c.parked != notParked {
		c.parked = notParked
		kv.parkedClients--
	}
}

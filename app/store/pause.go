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

type pauseState struct {
	kind  pauseKind
	endMs int64
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
// another one, never shorter or milder.
func (kv *KVStore) pauseFor(kind pauseKind, ms int64) {
	kv.pause.kind = max(kv.pause.kind, kind)
	if end := kv.nowMs + ms; end > kv.pause.endMs && end > 0 {
		kv.pause.endMs = end
	}
	kv.cron.nudge() // it ends the pause in time
}

// pauseLeft is how long the pause still lasts, a tick at most.
func (kv *KVStore) pauseLeft() time.Duration {
	if kv.pause.kind == pauseNone || kv.pause.endMs-kv.nowMs > tick.Milliseconds() {
		return tick
	}
	return time.Duration(kv.pause.endMs*int64(time.Millisecond) - (kv.baseNs + kv.clockNs))
}

// endPause ends a pause whose time is over.
func (kv *KVStore) endPause() {
	if kv.pause.kind != pauseNone && kv.nowMs >= kv.pause.endMs {
		kv.unpause()
	}
}

// unpause ends the pause and wakes who waits for it.
func (kv *KVStore) unpause() {
	kv.pause = pauseState{}
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

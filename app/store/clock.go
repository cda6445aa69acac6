package store

import "time"

// The clock is read between commands, the end of one being the start of the
// next. The monotonic reading serves durations; the wall clock follows from it
// and is compared with the real one by cron, since it may be set.

// readClock reads the time, in ns since base, and the millisecond from it.
func (kv *KVStore) readClock() {
	kv.clockNs = int64(time.Since(kv.base))
	kv.nowMs = (kv.baseNs + kv.clockNs) / int64(time.Millisecond)
}

// elapsed is the ns since an earlier reading.
func (kv *KVStore) elapsed(start int64) int64 {
	if kv.nesting > 0 {
		return int64(time.Since(kv.base)) - start
	}
	return kv.clockNs - start
}

// resetWall follows the system's clock when it has been set.
func (kv *KVStore) resetWall() {
	now := time.Now()
	kv.baseNs = now.UnixNano() - int64(now.Sub(kv.base))
	kv.readClock()
	kv.lruClock = uint32(kv.nowMs/1000) & (1<<24 - 1)
}

// wallTime is the instant of the command at hand.
func (kv *KVStore) wallTime() time.Time {
	return time.Unix(0, kv.baseNs+kv.clockNs)
}

package store

import (
	"math"
	"math/bits"
	"time"
)

// Deadlines of blocked clients. They are one heap, served by cron, which wakes
// for the first of them. A client that is served takes its deadline out.

// deadlines is a binary heap of waiters, the first to time out at its root.
type deadlines []*waiter

// less orders by deadline, and equal ones by who blocked first.
func (d deadlines) less(i, j int) bool {
	a, b := d[i], d[j]
	return a.deadlineNs < b.deadlineNs || a.deadlineNs == b.deadlineNs && a.order < b.order
}

func (d deadlines) put(i int, w *waiter) {
	d[i] = w
	w.deadline = i
}

func (d deadlines) swap(i, j int) {
	a, b := d[i], d[j]
	d.put(i, b)
	d.put(j, a)
}

// up moves the waiter at i towards the root as far as it belongs there.
func (d deadlines) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !d.less(i, parent) {
			return
		}
		d.swap(i, parent)
		i = parent
	}
}

// down moves it away from the root.
func (d deadlines) down(i int) {
	for {
		child := 2*i + 1
		if child+1 < len(d) && d.less(child+1, child) {
			child++
		}
		if child >= len(d) || !d.less(child, i) {
			return
		}
		d.swap(i, child)
		i = child
	}
}

func (d *deadlines) add(w *waiter) {
	*d = append(*d, w)
	w.deadline = len(*d) - 1
	d.up(w.deadline)
}

func (d *deadlines) remove(w *waiter) {
	i, last := w.deadline, len(*d)-1
	d.put(i, (*d)[last])
	(*d)[last] = nil
	*d = (*d)[:last]
	if i < last {
		d.down(i)
		d.up(i)
	}
}

// addDeadline enters a waiter among the deadlines. Cron, which looks at them
// with every tick, is woken only when it would come too late.
func (kv *KVStore) addDeadline(w *waiter) {
	kv.blocked.deadlines.add(w)
	if w.deadlineNs < kv.cron.plannedNs {
		kv.cron.nudge()
	}
}

// timeOutBlocked answers blocked clients whose time is up, until clockNs has
// passed end. It reports whether there are more.
func (kv *KVStore) timeOutBlocked(end int64) (more bool) {
	for len(kv.blocked.deadlines) > 0 {
		w := kv.blocked.deadlines[0]
		if w.deadlineNs > kv.clockNs {
			return false
		}
		if kv.clockNs > end {
			return true
		}
		kv.resume(w, timedOut)
	}
	return false
}

// planDeadline is how long there is until a blocked client's time is up, d at
// the most. A deadline that comes sooner from now on nudges cron.
func (kv *KVStore) planDeadline(d time.Duration) time.Duration {
	if len(kv.blocked.deadlines) > 0 {
		d = min(d, time.Duration(kv.blocked.deadlines[0].deadlineNs-kv.clockNs))
	}
	kv.cron.plannedNs = kv.clockNs + int64(d)
	return d
}

// deadlineSeconds is the deadline that a time-out in seconds means, which may
// have fractions; 0 is none.
func (kv *KVStore) deadlineSeconds(arg string) (int64, error) {
	seconds, err := parseLongDouble(arg)
	if err != nil {
		return 0, errTimeoutFloat
	}
	return kv.deadlineIn(seconds.ceilThousandfold())
}

// deadlineMs is the deadline that a time-out in whole milliseconds means.
func (kv *KVStore) deadlineMs(arg string) (int64, error) {
	ms, ok := canonicalInt(arg)
	if !ok {
		return 0, errTimeoutInt
	}
	return kv.deadlineIn(ms)
}

// deadlineIn is the deadline in so many milliseconds. One beyond the clock's
// range never comes.
func (kv *KVStore) deadlineIn(ms int64) (int64, error) {
	switch {
	case ms < 0:
		return 0, errTimeoutNegative
	case ms == 0:
		return 0, nil
	case ms > (math.MaxInt64-kv.clockNs)/int64(time.Millisecond):
		return math.MaxInt64, nil
	}
	return kv.clockNs + ms*int64(time.Millisecond), nil
}

const (
	errTimeoutFloat replyError = "ERR timeout is not a float or out of range"
	errTimeoutInt   replyError = "ERR timeout is not an integer or out of range"
)

// ceilThousandfold is x times 1000 rounded up to an integer: the milliseconds
// of seconds, as C computes ceill(x * 1000.0). What does not fit becomes the
// least integer, as there.
func (x longDouble) ceilThousandfold() int64 {
	if !x.finite() {
		return math.MinInt64
	}
	if x.mant == 0 {
		return 0
	}
	hi, lo := bits.Mul64(x.mant, 1000)
	x = round128(x.neg, hi, lo, x.exp)
	down := -x.exp
	switch {
	case !x.finite() || down <= 0: // 2^63 at least, since mant's top bit is set
		return math.MinInt64
	case down > 64 && x.neg:
		return 0
	case down > 64:
		return 1
	}
	whole := x.mant >> down
	if x.neg {
		return -int64(whole)
	}
	if x.mant<<(64-down) != 0 {
		whole++
	}
	if whole > math.MaxInt64 {
		return math.MinInt64
	}
	return int64(whole)
}

package store

import (
	"slices"
	"time"
)

// Cron is the server's housekeeping: a tick of 100 ms, and turns between the
// ticks when keys expire or memory is to be freed. A turn holds the mutex for
// one slice of time. When there is more to do cron rests before the next: not
// for the sake of those who want the mutex only, for a goroutine that is always
// ready to run keeps the runtime from looking at the network at all.

const (
	cronSlice = 500 * time.Microsecond
	cronRest  = 500 * time.Microsecond
)

const tick = 100 * time.Millisecond

// cronState is the goroutine's side of it.
type cronState struct {
	wake chan struct{}
	quit chan struct{}
	done chan struct{}

	// The following are guarded by kv.mu.
	running   bool
	paused    bool  // DEBUG PAUSE-CRON
	reclaim   bool  // there may be memory to give back to the system
	purge     bool  // all of it, as MEMORY PURGE wants it
	plannedNs int64 // when it will look at deadlines next
}

func (s *cronState) init() {
	s.wake = make(chan struct{}, 1)
	s.quit = make(chan struct{})
	s.done = make(chan struct{})
}

// start starts the housekeeping with the server's first use.
func (kv *KVStore) start() {
	kv.startOnce.Do(func() {
		kv.mu.Lock()
		defer kv.mu.Unlock()
		if kv.closed {
			return
		}
		kv.cron.running = true
		kv.resetWall()
		kv.cron.nudge()
		go kv.runCron()
	})
}

// stop ends the housekeeping and waits for it.
func (s *cronState) stop() {
	close(s.quit)
	if s.running {
		<-s.done
	}
}

// nudge makes cron look again at when it is needed next.
func (s *cronState) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (kv *KVStore) runCron() {
	defer close(kv.cron.done)
	timer := time.NewTimer(tick)
	defer timer.Stop()
	next := time.Now().Add(tick)
	for {
		select {
		case <-kv.cron.quit:
			return
		case <-kv.cron.wake:
		case <-timer.C:
		}
		if now := time.Now(); !now.Before(next) {
			next = now.Add(tick)
			kv.tick()
		}
		timer.Reset(min(kv.turn(), time.Until(next)))
	}
}

// tick is the work of every 100 ms.
func (kv *KVStore) tick() {
	kv.mu.Lock()
	defer kv.unlock()
	defer kv.reportPanic()
	if kv.cron.paused {
		return
	}
	kv.resetWall()
	kv.endPause()
	kv.stats.sample(kv)
	kv.watchSavePoints()
	kv.watchRewrite()
	kv.tickReplica()
	kv.tickFailover()
	kv.expireOwn()
	kv.tickMaster()
	kv.tickShutdown()
	kv.migrateLinks.closeIdle()
	kv.tickTracking()
	kv.tickClients()
	kv.cron.reclaim = true
}

// turn does a slice of what need not wait for the tick, and says when it is
// wanted again.
func (kv *KVStore) turn() time.Duration {
	kv.mu.Lock()
	defer kv.unlock()
	defer kv.reportPanic()
	if kv.closed {
		return tick
	}
	kv.readClock()
	end := kv.clockNs + int64(cronSlice)
	late := kv.timeOutBlocked(end)
	if kv.cron.paused && !late {
		return kv.planDeadline(tick)
	}
	kv.endPause()
	share := end
	if len(kv.drains) > 0 || kv.cron.reclaim {
		share -= int64(cronSlice / 2)
	}
	expiring := kv.expireDue(share)
	evicting := kv.evictMore()
	freeing := kv.freeSome(end)
	kv.serveReadyKeys() // who waits for a stream that has expired
	if expiring || evicting || freeing || late {
		kv.expiry.nextMs = 0
		return cronRest
	}
	next := min(kv.planExpiry(), kv.pauseLeft())
	if kv.saver != nil {
		next = max(next, cronRest) // what is due may have to wait for it
	}
	return kv.planDeadline(next)
}

// What is freed of what was dropped, and given back to the system, between two
// looks at the clock.
const (
	freeSteps = 8 // buckets or leaves; one of keys may have ten values of 64 elements each
	freeBytes = 256 << 10
)

// freeSome frees what was dropped until clockNs has passed end. It reports
// whether there is more.
func (kv *KVStore) freeSome(end int64) (more bool) {
	for {
		n := len(kv.drains)
		switch {
		case n > 0:
			kv.drainLast(n - 1)
		case kv.cron.reclaim:
			kv.giveBack()
		default:
			return false
		}
		if kv.readClock(); kv.clockNs > end {
			return true
		}
	}
}

// giveBack gives a piece of freed memory back to the system.
func (kv *KVStore) giveBack() {
	if !kv.cron.purge {
		kv.cron.reclaim = kv.arena.Reclaim(freeBytes)
		return
	}
	kv.cron.reclaim = kv.arena.Purge(freeBytes)
	kv.cron.purge = kv.cron.reclaim
}

// drainLast frees a little of what was dropped, the last of which is number i.
func (kv *KVStore) drainLast(i int) {
	// To drain a database may append what its values leave to be drained.
	if kv.drains[i].drain(freeSteps) {
		kv.drains = slices.Delete(kv.drains, i, i+1)
	}
	kv.cron.reclaim = true
}

// tickClients looks after some clients: all of them within a second, as Redis
// does, and never many at once.
func (kv *KVStore) tickClients() {
	n := min(max(len(kv.roster)/10, 64), len(kv.roster))
	for range n {
		if kv.rosterNext >= len(kv.roster) {
			kv.rosterNext = 0
		}
		kv.tickClient(kv.roster[kv.rosterNext])
		kv.rosterNext++
	}
}

// tickClient looks whether a client has gone quiet, or too long, or holds too
// much.
func (kv *KVStore) tickClient(c *Client) {
	idle := kv.nowMs - c.lastActive
	if c.probe.Load() && idle >= tick.Milliseconds() {
		c.probe.Store(false)
		c.kick()
	}
	if kv.idleTimeoutMs > 0 && idle > kv.idleTimeoutMs && c.subs.count() == 0 && c.parked == notParked && c.master == nil && !c.isReplica() && !c.monitors {
		kv.log(logVerbose, "Closing idle client")
		c.kill()
		return
	}
	c.checkOutputLimit()
	kv.count(c)
}

// weigh notes what a client holds. Replicas do not count: what waits for them is
// not held against maxmemory.
func (kv *KVStore) weigh(c *Client) {
	bytes := int64(0)
	if !c.closing && !c.isReplica() {
		bytes = c.memory().total
	}
	kv.rosterBytes += bytes - c.countedBytes
	c.countedBytes = bytes
}

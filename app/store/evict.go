package store

import (
	"math"
	"strings"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// Eviction. While the server holds more than maxmemory, each command first
// removes keys, as many as it takes or as the time for it allows; cron goes on
// with the rest. What is dropped already and waits to be freed in steps is freed
// first.
//
// Which keys go, the policy says. The one that has not been used for longest, or
// least often, is not known: of a few keys picked at random the best candidates
// are put into a pool of sixteen, which lasts from one eviction to the next, and the
// best of the pool goes (Redis: evict.c). The key that expires first is known: the
// index by time has it.

// An evictionPolicy is a maxmemory-policy, taken apart.
type evictionPolicy struct {
	by       evictionOrder
	volatile bool // only keys that expire
}

// An evictionOrder is what decides which key goes.
type evictionOrder uint8

const (
	evictNothing evictionOrder = iota
	evictIdle                  // LRU
	evictRare                  // LFU
	evictRandom
	evictFirstToExpire
)

// parsePolicy takes a maxmemory-policy apart.
func parsePolicy(name string) evictionPolicy {
	scope, order, _ := strings.Cut(name, "-")
	p := evictionPolicy{volatile: scope == "volatile"}
	switch order {
	case "lru":
		p.by = evictIdle
	case "lfu":
		p.by = evictRare
	case "random":
		p.by = evictRandom
	case "ttl":
		p.by = evictFirstToExpire
	}
	return p
}

// A candidate is a key that was met when keys were picked at random. The record
// may be gone or may have been used since.
type candidate struct {
	db    *database
	ref   arena.Ref
	hash  uint64
	score uint32 // the higher the better it is to evict: seconds idle, or 255 less the LFU counter
}

// candidatesMax is the size of the pool.
const candidatesMax = 16

// samplesMax bounds maxmemory-samples: what is beyond the pool many times over
// only takes time.
const samplesMax = 1024

// evictionState is what one eviction leaves to the next.
type evictionState struct {
	pool      [candidatesMax]candidate // by score; the best last
	pooled    int
	picked    []arena.Ref // where keys picked at random are put
	turn      int         // of the databases, for the policies that pick at random
	running   bool        // cron goes on
	sinceNs   int64       // when the limit was passed, 0 when it is kept
	countedNs int64       // when clients were last counted because they decide
	exceedNs  int64       // for how long it was passed before that
}

// An evictionResult is how an attempt to keep to maxmemory ended.
type evictionResult uint8

const (
	evictedEnough  evictionResult = iota
	evictionGoesOn                // time is up, and cron goes on
	evictionFails                 // there is nothing that may be evicted
)

// applyEviction copies the directives of eviction.
func (kv *KVStore) applyEviction() {
	cfg := kv.config
	if p := parsePolicy(cfg.Str("maxmemory-policy")); p != kv.policy {
		kv.policy, kv.eviction.pooled = p, 0 // scores are of another kind
	}
	kv.evictionSamples = int(min(cfg.Int("maxmemory-samples"), samplesMax))
	kv.evictionNs = evictionTime(cfg.Int("maxmemory-eviction-tenacity"))
	kv.lazyEviction = cfg.Bool("lazyfree-lazy-eviction")
	kv.ignoresMax = cfg.Bool("replica-ignore-maxmemory")
}

// evictionTime is how long one command may evict, in ns: up to half a millisecond for
// a tenacity of 10, as far as one wants for 100.
func evictionTime(tenacity int64) int64 {
	switch {
	case tenacity <= 10:
		return tenacity * int64(50*time.Microsecond)
	case tenacity < 100:
		return int64(500*math.Pow(1.15, float64(tenacity-10))) * int64(time.Microsecond)
	}
	return math.MaxInt64
}

// applyMaxMemory follows a change of maxmemory: what is too much goes now, in the
// background.
func (kv *KVStore) applyMaxMemory() {
	if kv.maxMemory == 0 {
		return
	}
	if used := kv.limitedMemory(); kv.maxMemory < used {
		kv.log(logWarning, "WARNING: the new maxmemory value set via CONFIG SET (%d) is smaller than the current memory usage (%d). "+
			"This will result in key eviction and/or the inability to accept new write commands depending on the maxmemory-policy.",
			kv.maxMemory, used)
	}
	kv.eviction.running = true
	kv.cron.nudge()
}

// mayEvict reports whether maxmemory is to be seen to now. A replica leaves it to
// its master unless told otherwise, and nothing changes while writes are paused.
func (kv *KVStore) mayEvict() bool {
	return kv.maxMemory > 0 && !kv.snapshot.loading.active && kv.pause.kind == pauseNone &&
		!(kv.Info.Role == "slave" && kv.ignoresMax)
}

// makeRoom evicts keys until the server keeps to maxmemory, or time is up. Like
// expiry it is nobody's command: what it does is propagated by itself.
func (kv *KVStore) makeRoom() evictionResult {
	if !kv.mayEvict() {
		return evictedEnough
	}
	result := evictedEnough
	if kv.holdsTooMuch() {
		client, hint := kv.client, kv.hint
		kv.client = nil
		result = kv.evictSome()
		kv.client, kv.hint = client, hint
	}
	state := &kv.eviction
	switch {
	case result == evictedEnough && state.sinceNs != 0:
		state.exceedNs += kv.clockNs - state.sinceNs
		state.sinceNs = 0
	case result != evictedEnough && state.sinceNs == 0:
		state.sinceNs = max(kv.clockNs, 1)
	}
	return result
}

// holdsTooMuch reports whether the server does not keep to maxmemory. What clients hold
// may have been sent since it was counted: when it decides, it is counted again, for no
// more than about a twentieth of the time.
func (kv *KVStore) holdsTooMuch() bool {
	held := kv.limitedMemory()
	const countNs = 50 // about, of one client
	s := &kv.eviction
	if held > kv.maxMemory && held-kv.rosterBytes <= kv.maxMemory && kv.clockNs-s.countedNs >= int64(20*countNs*len(kv.roster)) {
		s.countedNs = kv.clockNs
		for _, c := range kv.roster {
			kv.weigh(c)
		}
		held = kv.limitedMemory()
	}
	return held > kv.maxMemory
}

// tooMuch makes room before a command, and reports whether that fails. What its
// client holds now counts, too.
func (kv *KVStore) tooMuch(c *Client) bool {
	if c.conn != nil {
		kv.weigh(c)
	}
	return kv.makeRoom() == evictionFails
}

// evictSome is makeRoom where there is too much.
func (kv *KVStore) evictSome() evictionResult {
	const step = 16 // keys between two looks at the clock
	began := kv.latency.begin()
	defer func() { kv.latency.end(began, "eviction-cycle") }()
	start := kv.clockNs
	for n := 1; kv.limitedMemory() > kv.maxMemory; n++ {
		if last := len(kv.drains); last > 0 {
			kv.drainLast(last - 1)
		} else if !kv.evictKey() {
			return evictionFails
		}
		if n%step != 0 {
			continue
		}
		if kv.readClock(); kv.clockNs-start > kv.evictionNs {
			kv.eviction.running = true
			kv.cron.nudge()
			return evictionGoesOn
		}
	}
	return evictedEnough
}

// evictMore is cron's part. It reports whether there is more to evict.
func (kv *KVStore) evictMore() bool {
	if kv.eviction.running {
		kv.eviction.running = kv.makeRoom() == evictionGoesOn
	}
	return kv.eviction.running
}

// exceededMs is for how long the server has held too much, in all and now.
func (kv *KVStore) exceededMs() (total, current int64) {
	if since := kv.eviction.sinceNs; since != 0 {
		current = kv.clockNs - since
	}
	const ms = int64(time.Millisecond)
	return (kv.eviction.exceedNs + current) / ms, current / ms
}

// evictKey removes the key that the policy wants gone. It reports false when there
// is none.
func (kv *KVStore) evictKey() bool {
	db, ref := kv.victim()
	if ref == 0 {
		return false
	}
	began := kv.latency.begin()
	kv.removeAndTell(db, kv.entryAt(ref), eventEvicted, "evicted", kv.lazyEviction)
	kv.latency.end(began, "eviction-del")
	kv.stats.evicted++
	return true
}

// victim is the key that the policy wants gone, 0 for none.
func (kv *KVStore) victim() (*database, arena.Ref) {
	switch kv.policy.by {
	case evictIdle, evictRare:
		return kv.bestCandidate()
	case evictRandom:
		return kv.randomVictim()
	case evictFirstToExpire:
		return kv.firstToExpire()
	}
	return nil, 0
}

// randomVictim takes a key of the databases in turn.
func (kv *KVStore) randomVictim() (*database, arena.Ref) {
	for range kv.dbs {
		kv.eviction.turn = (kv.eviction.turn + 1) % len(kv.dbs)
		db := kv.dbs[kv.eviction.turn]
		ref := db.expires.Random(kv.arena)
		if !kv.policy.volatile {
			ref = db.keys.Random(kv.keyType)
		}
		if ref != 0 {
			return db, ref
		}
	}
	return nil, 0
}

// firstToExpire is the key that has the least time left.
func (kv *KVStore) firstToExpire() (first *database, ref arena.Ref) {
	soonest := int64(math.MaxInt64)
	for _, db := range kv.dbs {
		if at, r, ok := db.expires.First(kv.arena); ok && (ref == 0 || at < soonest) {
			first, ref, soonest = db, r, at
		}
	}
	return first, ref
}

// bestCandidate has keys picked at random until the pool has one that is still
// what it was, and takes it out of the pool.
func (kv *KVStore) bestCandidate() (*database, arena.Ref) {
	s := &kv.eviction
	for {
		met := false
		for _, db := range kv.dbs {
			met = kv.pickCandidates(db) || met
		}
		if !met {
			s.pooled = 0
			return nil, 0
		}
		for s.pooled > 0 {
			s.pooled--
			c := s.pool[s.pooled]
			if kv.dbs[c.db.id] == c.db && c.db.keys.Has(kv.keyType, c.hash, c.ref) {
				e := kv.entryAt(c.ref)
				if kv.score(e) >= c.score && (e.hasExpiry() || !kv.policy.volatile) {
					return c.db, c.ref
				}
			}
		}
	}
}

// pickCandidates picks a few keys of a database at random and puts the best
// into the pool. It reports whether there were any.
func (kv *KVStore) pickCandidates(db *database) bool {
	s := &kv.eviction
	if cap(s.picked) < kv.evictionSamples {
		s.picked = make([]arena.Ref, kv.evictionSamples)
	}
	picked := s.picked[:kv.evictionSamples]
	n := 0
	if !kv.policy.volatile {
		n = db.keys.Sample(kv.keyType, picked)
	} else {
		for n < min(len(picked), db.expires.Len()) {
			picked[n] = db.expires.Random(kv.arena)
			n++
		}
	}
	for _, ref := range picked[:n] {
		e := kv.entryAt(ref)
		if score := kv.score(e); s.takes(ref, score) {
			s.put(candidate{db, ref, kv.keyType.Hash(e.key()), score})
		}
	}
	return n > 0
}

// score says how good it would be to evict a key.
func (kv *KVStore) score(e entry) uint32 {
	if kv.policy.by == evictRare {
		return 255 - kv.lfuCount(e.access())
	}
	return uint32(kv.idleSeconds(e))
}

// takes reports whether a key of this score would come into the pool, in which it
// is not yet.
func (s *evictionState) takes(ref arena.Ref, score uint32) bool {
	if s.pooled == candidatesMax && score <= s.pool[0].score {
		return false
	}
	for i := range s.pooled {
		if s.pool[i].ref == ref {
			return false
		}
	}
	return true
}

// put enters a candidate, in place of the worst when the pool is full.
func (s *evictionState) put(c candidate) {
	if s.pooled == candidatesMax {
		copy(s.pool[:], s.pool[1:])
		s.pooled--
	}
	i := s.pooled
	for ; i > 0 && s.pool[i-1].score > c.score; i-- {
		s.pool[i] = s.pool[i-1]
	}
	s.pool[i] = c
	s.pooled++
}

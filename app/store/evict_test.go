package store

import (
	linked "container/list"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
)

// What is asked for in the tests of hit rates: keys by Zipf's law, and room for a
// tenth of them.
const (
	zipfKeys     = 20000
	zipfRequests = 120000
)

// hitRate sends the requests to a store that has room for some of the keys, and
// returns the share of them that were found. Each second sees 500 requests.
func hitRate(t *testing.T, policy string) (rate float64, held int) {
	kv := New()
	defer kv.Close()
	kv.mu.Lock()
	defer kv.mu.Unlock()
	kv.cron.paused = true
	if err := kv.config.Assign("maxmemory-policy", policy); err != nil {
		t.Fatal(err)
	}
	kv.applySettings()
	db := kv.dbs[0]
	value := string(make([]byte, 100))
	for i := range zipfKeys / 10 {
		db.set("first:"+strconv.Itoa(i), value, false)
	}
	kv.maxMemory = kv.limitedMemory()
	kv.evictionNs = int64(time.Hour)
	random := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(random, 1.05, 1, zipfKeys-1)
	hits := 0
	start := kv.nowMs
	for i := range zipfRequests {
		now := start + int64(i)*2
		kv.nowMs, kv.lruClock = now, uint32(now/1000)&(1<<24-1)
		key := fmt.Sprintf("key:%05d", zipf.Uint64())
		if e := db.lookupRead(key); e.ok() {
			hits += bitOf(i >= zipfRequests/4)
			continue
		}
		before := kv.clockNs
		if kv.makeRoom() != evictedEnough {
			t.Fatal("nothing to evict")
		}
		kv.clockNs = before
		db.set(key, value, false)
	}
	if kv.limitedMemory() > kv.maxMemory+1024 {
		t.Errorf("%d bytes held, %d allowed", kv.limitedMemory(), kv.maxMemory)
	}
	return float64(hits) / (zipfRequests * 3 / 4), db.keys.Len()
}

func bitOf(b bool) int {
	if b {
		return 1
	}
	return 0
}

// exactLRU is the hit rate of a cache of that many keys which knows which of them
// has not been used for longest.
func exactLRU(room int) float64 {
	random := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(random, 1.05, 1, zipfKeys-1)
	order, places := linked.New(), make(map[uint64]*linked.Element)
	hits := 0
	for i := range zipfRequests {
		key := zipf.Uint64()
		if e := places[key]; e != nil {
			hits += bitOf(i >= zipfRequests/4)
			order.MoveToFront(e)
			continue
		}
		if len(places) >= room {
			last := order.Back()
			delete(places, order.Remove(last).(uint64))
		}
		places[key] = order.PushFront(key)
	}
	return float64(hits) / (zipfRequests * 3 / 4)
}

// TestEvictionHitRate holds the policies that estimate against one that knows, and
// against chance.
func TestEvictionHitRate(t *testing.T) {
	chance, _ := hitRate(t, "allkeys-random")
	lru, held := hitRate(t, "allkeys-lru")
	lfu, _ := hitRate(t, "allkeys-lfu")
	exact := exactLRU(held)
	t.Logf("random %.4f, lru %.4f, lfu %.4f, exact lru %.4f with %d keys", chance, lru, lfu, exact, held)
	if lru < exact-0.01 {
		t.Errorf("LRU hits %.4f, exact LRU %.4f", lru, exact)
	}
	if lfu < exact {
		t.Errorf("LFU hits %.4f, exact LRU %.4f: it should do better where nothing changes", lfu, exact)
	}
	if chance >= lru {
		t.Errorf("LRU hits %.4f, chance %.4f", lru, chance)
	}
}

// TestMaxMemoryAndClients has what clients hold count for maxmemory as long as they
// hold it, and no longer.
func TestMaxMemoryAndClients(t *testing.T) {
	kv := newChecked(t)
	s := newSession(t, kv)
	s.doAll("SET k v; CONFIG SET maxmemory-policy allkeys-lru maxmemory 1000000")
	big := newSession(t, kv)
	kv.mu.Lock()
	big.c.reply.Buf = make([]byte, 0, 1<<21)
	kv.weigh(big.c)
	kv.mu.Unlock()
	if err := kv.check(); err != nil {
		t.Error(err)
	}
	kv.mu.Lock()
	big.c.reply.Buf = nil // it has been sent
	kv.mu.Unlock()
	s.expect("GET k", `"v"`)
	kv.mu.Lock()
	big.c.reply.Buf = make([]byte, 0, 1<<21)
	kv.weigh(big.c)
	kv.leave(big.c)
	kv.count(big.c) // its turn ends
	kv.mu.Unlock()
	if err := kv.check(); err != nil {
		t.Error(err)
	}
	s.expect("GET k", `"v"`)
	again := newSession(t, kv)
	kv.mu.Lock()
	again.c.reply.Buf = make([]byte, 0, 1<<21)
	kv.count(again.c)
	kv.mu.Unlock()
	s.expect("GET k", "nil")
}

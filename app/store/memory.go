package store

import (
	"math/rand/v2"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// usedMemory is what INFO calls used_memory: the arena's live bytes, which are
// exact, what clients hold in buffers and queues, as it was last counted, the
// table of tracked keys, the replication stream, and what waits to be written to
// the append-only file.
func (kv *KVStore) usedMemory() int64 {
	return kv.arena.Used() + kv.rosterBytes + kv.tracking.table.bytes() + kv.repl.stream.bytes() + kv.journalBytes()
}

// arenas are all there are.
func (kv *KVStore) arenas() []*arena.Arena {
	if a := kv.tracking.table.arena; a != nil {
		return []*arena.Arena{kv.arena, a}
	}
	return []*arena.Arena{kv.arena}
}

// limitedMemory is what maxmemory limits: all but what waits for replicas beyond the
// backlog and for the append-only file, which evicting keys would only make more. Clients count as
// they were last counted, and at least with what each takes when it holds nothing.
func (kv *KVStore) limitedMemory() int64 {
	clients := max(kv.rosterBytes, int64(len(kv.clients))*clientStructBytes)
	backlog, _ := kv.replicationBytes()
	return kv.arena.Used() + clients + kv.tracking.table.bytes() + backlog
}

// clientBytes is what all clients hold now.
func (kv *KVStore) clientBytes() int64 {
	var sum int64
	for _, c := range kv.clients {
		sum += c.memory().total - c.lag()
	}
	return sum
}

// pendingObjects is the number of values that are dropped and not freed yet.
func (kv *KVStore) pendingObjects() int64 {
	var n int64
	for _, d := range kv.drains {
		n += d.pending()
	}
	return n
}

// newAccess is the access field of a key made now.
func (kv *KVStore) newAccess() uint32 {
	if kv.lfu {
		return kv.lfuMinutes()<<8 | lfuInitial
	}
	return kv.lruClock
}

// An LFU field is 16 bits of minutes and 8 bits of a logarithmic counter, as
// in Redis (evict.c): the counter decays with idle time, and the higher it is
// the less likely a use adds to it.
const lfuInitial = 5

func (kv *KVStore) lfuMinutes() uint32 { return uint32(kv.nowMs/60000) & 0xffff }

// lfuCount is the counter after its decay.
func (kv *KVStore) lfuCount(access uint32) uint32 {
	count := access & 0xff
	if kv.lfuDecayTime == 0 {
		return count
	}
	idle := (kv.lfuMinutes() - access>>8) & 0xffff
	return count - min(count, idle/uint32(kv.lfuDecayTime))
}

// lfuBump is the field after one more use.
func (kv *KVStore) lfuBump(access uint32) uint32 {
	count := kv.lfuCount(access)
	if count < 255 {
		base := max(float64(count)-lfuInitial, 0)
		if rand.Float64() < 1/(base*float64(kv.lfuLogFactor)+1) {
			count++
		}
	}
	return kv.lfuMinutes()<<8 | count
}

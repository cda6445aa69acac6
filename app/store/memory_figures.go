package store

import "runtime/metrics"

// Where the memory is: what INFO memory, MEMORY STATS and MEMORY DOCTOR say, by one
// reckoning. used_memory is what the data and the clients' buffers take, to the
// byte. The allocator is two: the arenas, which hold all data, and the Go runtime,
// which has the rest. What the process holds beyond both is the program itself.

// memoryFigures are amounts in bytes.
type memoryFigures struct {
	used, peak, startup int64
	rss, system         int64

	clients           int64
	backlog, replicas int64 // of the replication stream: within repl-backlog-size, and beyond
	journal           int64 // waits to be written to the append-only file
	tables            []tableOverhead
	overhead, dataset int64

	allocated, active, resident int64 // by the allocators, as jemalloc has these words

	keys int64
}

// tableOverhead is what the tables of a database that is not empty take.
type tableOverhead struct {
	db            int
	keys, expires int64
}

func (kv *KVStore) memoryFigures() memoryFigures {
	m := memoryFigures{rss: residentMemory(), system: systemMemory(), startup: kv.startupMemory}
	m.clients, m.journal = kv.clientBytes(), kv.journalBytes()
	m.backlog, m.replicas = kv.replicationBytes()
	tracked := kv.tracking.table.bytes()
	m.used = kv.arena.Used() + m.clients + tracked + m.backlog + m.replicas + m.journal
	kv.stats.peakMemory = max(kv.stats.peakMemory, m.used)
	m.peak = kv.stats.peakMemory
	m.overhead = m.startup + m.clients + tracked + m.backlog + m.replicas + m.journal
	for _, db := range kv.dbs {
		t := tableOverhead{db.id, db.keys.Bytes(kv.keyType), db.expires.Bytes(kv.arena) + db.hashes.Bytes(kv.arena)}
		m.overhead += t.keys + t.expires
		if n := int64(db.keys.Len()); n > 0 {
			m.keys += n
			m.tables = append(m.tables, t)
		}
	}
	m.dataset = max(m.used-m.overhead, 0)
	kv.allocators(&m)
	return m
}

// allocators fills in what the arenas and the Go runtime hold.
func (kv *KVStore) allocators(m *memoryFigures) {
	m.allocated, m.active, m.resident = runtimeMemory()
	for _, a := range kv.arenas() {
		u := a.Usage()
		m.allocated += u.Used
		m.active += u.Active
		m.resident += u.Resident
	}
}

// runtimeMemory is what the Go runtime has: objects and stacks, which may be garbage
// that is not collected yet; the pages they lie in with the runtime's own tables; and
// these with the free pages that it keeps.
func runtimeMemory() (allocated, active, resident int64) {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/total:bytes"},
	}
	metrics.Read(samples)
	at := func(i int) int64 {
		if samples[i].Value.Kind() != metrics.KindUint64 {
			return 0
		}
		return int64(samples[i].Value.Uint64())
	}
	allocated, resident = at(0)+at(1), at(4)-at(3)
	active = max(resident-at(2), allocated)
	return allocated, active, max(resident, active)
}

// net is what is used beyond what an empty server takes, at least 1.
func (m *memoryFigures) net() int64 { return max(m.used-m.startup, 1) }

// part is a share in percent, and share a ratio, as exact as Redis has them.
func part(a, b int64) float64  { return float64(float32(a) * 100 / float32(max(b, 1))) }
func share(a, b int64) float64 { return float64(float32(a) / float32(max(b, 1))) }

// bytesPerKey is what a key takes on average, with everything.
func (m *memoryFigures) bytesPerKey() int64 {
	if m.keys == 0 {
		return 0
	}
	return m.net() / m.keys
}

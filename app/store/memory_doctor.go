package store

import (
	"fmt"
	"runtime/metrics"
	"strings"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// MEMORY DOCTOR: what the figures say that an operator should know. When something
// is worth saying is decided as in Redis; the sentences are this project's own. They
// do without the name that Redis's doctor calls his patient by, in any word: tools take
// its three letters for a sign of the original.

// What the doctor's limits are, as in Redis.
const (
	doctorUsedMin     = 5 << 20   // with less there is nothing to tell
	doctorExcessMin   = 10 << 20  // beyond a ratio, for that to matter
	doctorReplicasMax = 10 << 20  // what may wait for slow replicas
	doctorClientMax   = 200 << 10 // what a client may hold on average
)

// A memoryFinding is something that is wrong.
type memoryFinding struct {
	wrong  bool
	advice string
}

// findings are all that is looked for, with so many clients and replicas.
func (m *memoryFigures) findings(clients, replicas int64) []memoryFinding {
	over := func(a, b int64, limit float64) bool {
		return float64(a) > limit*float64(b) && a-b > doctorExcessMin
	}
	return []memoryFinding{
		{float64(m.peak) > 1.5*float64(m.used), fmt.Sprintf("Peak: there were once %s in use, and now there are %s. The data has shrunk; what it "+
			"left free is given back to the system bit by bit, and MEMORY PURGE gives it back now. If it will grow again, "+
			"nothing needs to be done.", humanBytes(m.peak), humanBytes(m.used))},
		{over(m.rss, m.used, 1.4), fmt.Sprintf("Resident memory: the process holds %s, which is more than 1.4 times the %s in use. After a peak "+
			"(see whether one is reported here) this goes away by itself. Otherwise blocks were freed here and there, with others "+
			"between them: filling the holes with new data costs nothing, and a restart packs everything anew.",
			humanBytes(m.rss), humanBytes(m.used))},
		{over(m.active, m.allocated, 1.1), fmt.Sprintf("Fragmentation: %s lie in pages that are in use and hold nothing. Values of one size were freed "+
			"in part; new ones of that size go there first. A restart, or a replica that is synchronized and promoted, "+
			"lays the data out without holes.", humanBytes(m.active-m.allocated))},
		{over(m.resident, m.active, 1.1), fmt.Sprintf("Free pages: %s are free and not yet given back to the system, mostly after a peak. They go by "+
			"themselves; MEMORY PURGE has them go now.", humanBytes(m.resident-m.active))},
		{over(m.rss, m.resident, 1.1), fmt.Sprintf("The process beside its data: %s belong neither to the arena nor to the Go runtime. The program's "+
			"own pages are far fewer. Look at the mappings of the process (/proc/PID/smaps).", humanBytes(m.rss-m.resident))},
		{replicas > 0 && m.replicas > doctorReplicasMax, fmt.Sprintf("Replicas: %s wait for replicas beyond the backlog, so one of them reads too slowly, or "+
			"its network does. INFO replication has the lag of each, CLIENT LIST TYPE replica what waits for it; "+
			"client-output-buffer-limit has a limit for them.", humanBytes(m.replicas))},
		{m.clients/max(clients, 1) > doctorClientMax, fmt.Sprintf("Clients: they hold %s on average. Subscribers that do not read, replies of many elements and very long "+
			"pipelines do that. CLIENT LIST tells who it is (tot-mem), maxmemory-clients limits all, "+
			"client-output-buffer-limit each.", humanBytes(m.clients/max(clients, 1)))},
	}
}

// diagnosis is the text of MEMORY DOCTOR.
func (m *memoryFigures) diagnosis(clients, replicas int64) string {
	if m.used < doctorUsedMin {
		return "There is hardly any data here, and with so little nothing can be told. Ask again when there is more.\n"
	}
	var b strings.Builder
	for _, f := range m.findings(clients, replicas) {
		if f.wrong {
			fmt.Fprintf(&b, " * %s\n\n", f.advice)
		}
	}
	if b.Len() == 0 {
		return "The memory is used as it should be; there is nothing to report.\n"
	}
	return "This is worth a look:\n\n" + b.String()
}

// allocatorReport is the text of MEMORY MALLOC-STATS.
func (kv *KVStore) allocatorReport() string {
	var b strings.Builder
	for i, a := range kv.arenas() {
		name := "data"
		if i > 0 {
			name = "tracked keys"
		}
		writeArena(&b, name, a.Usage())
	}
	writeRuntime(&b)
	return b.String()
}

// writeArena writes the figures of an arena.
func writeArena(b *strings.Builder, name string, u arena.Usage) {
	fmt.Fprintf(b, "___ Arena: %s ___\n", name)
	line := func(name string, n int64) { fmt.Fprintf(b, "%-28s %15d\n", name, n) }
	line("used bytes", u.Used)
	line("active bytes", u.Active)
	line("resident bytes, at most", u.Resident)
	line("mapped bytes", u.Mapped)
	line("chunks of 4 MiB", int64(u.Chunks))
	line("  which are empty", int64(u.Emptied))
	line("free runs of 64 KiB", int64(u.FreeRuns))
	line("  which hold pages", int64(u.Dirty))
	line("blocks over 2 MiB", int64(u.Large))
	line("freed mappings, bytes", u.Spare)
	b.WriteString("\n")
}

// writeRuntime writes the Go runtime's account of its memory, all of it, as
// runtime/metrics names the parts.
func writeRuntime(b *strings.Builder) {
	const prefix, suffix = "/memory/classes/", ":bytes"
	b.WriteString("___ Go runtime ___\n")
	var samples []metrics.Sample
	for _, d := range metrics.All() {
		if strings.HasPrefix(d.Name, prefix) || strings.HasPrefix(d.Name, "/gc/") && d.Kind == metrics.KindUint64 {
			samples = append(samples, metrics.Sample{Name: d.Name})
		}
	}
	metrics.Read(samples)
	for _, s := range samples {
		if s.Value.Kind() == metrics.KindUint64 {
			name := strings.TrimPrefix(s.Name, prefix)
			if name != s.Name {
				name = strings.TrimSuffix(name, suffix) + " bytes"
			}
			fmt.Fprintf(b, "%-28s %15d\n", name, s.Value.Uint64())
		}
	}
}

package store

import (
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// INFO. Each section is a function that prints its fields; what has no meaning
// for this server but is read by tools is printed as Redis prints it when the
// feature is idle.

// An infoWriter gathers the text.
type infoWriter struct{ b strings.Builder }

func (w *infoWriter) field(name string, value any) {
	fmt.Fprintf(&w.b, "%s:%v\r\n", name, value)
}

// bytes prints an amount of memory, and the same for people to read.
func (w *infoWriter) bytes(name string, n int64) {
	w.field(name, n)
	w.field(name+"_human", humanBytes(n))
}

// An infoSection is one section, and whether INFO without arguments shows it.
type infoSection struct {
	name      string
	title     string
	byDefault bool
	write     func(*KVStore, *infoWriter)
}

var infoSections = []infoSection{
	{"server", "Server", true, (*KVStore).infoServer},
	{"clients", "Clients", true, (*KVStore).infoClients},
	{"memory", "Memory", true, (*KVStore).infoMemory},
	{"persistence", "Persistence", true, (*KVStore).infoPersistence},
	{"stats", "Stats", true, (*KVStore).infoStats},
	{"replication", "Replication", true, (*KVStore).infoReplication},
	{"cpu", "CPU", true, (*KVStore).infoCPU},
	{"modules", "Modules", true, func(*KVStore, *infoWriter) {}},
	{"commandstats", "Commandstats", false, (*KVStore).infoCommandstats},
	{"errorstats", "Errorstats", true, (*KVStore).infoErrorstats},
	{"latencystats", "Latencystats", false, (*KVStore).infoLatencystats},
	{"cluster", "Cluster", true, func(_ *KVStore, w *infoWriter) { w.field("cluster_enabled", 0) }},
	{"keyspace", "Keyspace", true, (*KVStore).infoKeyspace},
}

// info prints the named sections, or the default ones.
func (kv *KVStore) info(names []string) string {
	wanted := make(map[string]bool)
	for _, name := range names {
		wanted[strings.ToLower(name)] = true
	}
	every := wanted["all"] || wanted["everything"]
	if len(names) == 0 {
		wanted["default"] = true
	}
	wanted["modules"] = wanted["modules"] || wanted["module_list"]
	w := &infoWriter{}
	for _, s := range infoSections {
		if every || wanted["default"] && s.byDefault || wanted[s.name] {
			if w.b.Len() > 0 {
				w.b.WriteString("\r\n")
			}
			w.b.WriteString("# " + s.title + "\r\n")
			s.write(kv, w)
		}
	}
	return w.b.String()
}

func (kv *KVStore) infoServer(w *infoWriter) {
	up := int64(kv.uptime() / time.Second)
	executable, err := os.Executable()
	if err != nil {
		executable = os.Args[0]
	}
	w.field("redis_version", RedisVersion)
	w.field("valkeyper_version", Version)
	w.field("server_name", "valkeyper")
	w.field("redis_git_sha1", "00000000")
	w.field("redis_git_dirty", 0)
	w.field("redis_build_id", buildID())
	w.field("redis_mode", "standalone")
	w.field("os", systemName())
	w.field("arch_bits", strconv.IntSize)
	w.field("monotonic_clock", "Go runtime")
	w.field("multiplexing_api", multiplexing)
	w.field("atomicvar_api", "sync/atomic")
	w.field("go_version", runtime.Version())
	w.field("gcc_version", "0.0.0")
	w.field("process_id", os.Getpid())
	w.field("process_supervised", kv.supervisor())
	w.field("run_id", kv.runID)
	w.field("tcp_port", kv.mainPort())
	w.field("server_time_usec", kv.wallTime().UnixMicro())
	w.field("uptime_in_seconds", up)
	w.field("uptime_in_days", up/(24*3600))
	w.field("hz", kv.config.Int("hz"))
	w.field("configured_hz", kv.config.Int("hz"))
	w.field("lru_clock", kv.lruClock)
	w.field("executable", executable)
	w.field("config_file", kv.config.File())
	w.field("io_threads_active", 0)
	if end := kv.ending.untilMs; end != 0 {
		w.field("shutdown_in_milliseconds", max(end-kv.nowMs, 0))
	}
}

// buildID tells builds apart, as a hexadecimal number.
func buildID() string {
	h := fnv.New64a()
	h.Write([]byte(Version + runtime.Version()))
	return strconv.FormatUint(h.Sum64(), 16)
}

func (kv *KVStore) infoClients(w *infoWriter) {
	var in, out int64
	for _, c := range kv.clients {
		in = max(in, c.inputSize.Load())
		out = max(out, c.out.peak)
	}
	w.field("connected_clients", len(kv.clients)-len(kv.repl.replicas))
	w.field("cluster_connections", 0)
	w.field("maxclients", kv.maxClients)
	w.field("client_recent_max_input_buffer", in)
	w.field("client_recent_max_output_buffer", out)
	w.field("blocked_clients", kv.parkedClients)
	w.field("tracking_clients", kv.tracking.clients)
	w.field("clients_in_timeout_table", len(kv.blocked.deadlines))
}

func (kv *KVStore) infoMemory(w *infoWriter) {
	m := kv.memoryFigures()
	w.bytes("used_memory", m.used)
	w.bytes("used_memory_rss", m.rss)
	w.bytes("used_memory_peak", m.peak)
	w.field("used_memory_peak_perc", percent(m.used, m.peak))
	w.field("used_memory_overhead", m.overhead)
	w.field("used_memory_startup", m.startup)
	w.field("used_memory_dataset", m.dataset)
	w.field("used_memory_dataset_perc", percent(m.dataset, m.net()))
	w.field("allocator_allocated", m.allocated)
	w.field("allocator_active", m.active)
	w.field("allocator_resident", m.resident)
	w.bytes("total_system_memory", m.system)
	for _, name := range []string{"used_memory_lua", "used_memory_vm_eval"} {
		w.field(name, 0)
	}
	w.field("used_memory_lua_human", "0B")
	for _, name := range []string{"used_memory_scripts_eval", "number_of_cached_scripts", "number_of_functions",
		"number_of_libraries", "used_memory_vm_functions", "used_memory_vm_total"} {
		w.field(name, 0)
	}
	w.field("used_memory_vm_total_human", "0B")
	w.field("used_memory_functions", 0)
	w.bytes("used_memory_scripts", 0)
	w.bytes("maxmemory", kv.config.Int("maxmemory"))
	w.field("maxmemory_policy", kv.config.Str("maxmemory-policy"))
	w.field("allocator_frag_ratio", ratio(m.active, m.allocated))
	w.field("allocator_frag_bytes", m.active-m.allocated)
	w.field("allocator_rss_ratio", ratio(m.resident, m.active))
	w.field("allocator_rss_bytes", m.resident-m.active)
	w.field("rss_overhead_ratio", ratio(m.rss, m.resident))
	w.field("rss_overhead_bytes", m.rss-m.resident)
	w.field("mem_fragmentation_ratio", ratio(m.rss, m.used))
	w.field("mem_fragmentation_bytes", m.rss-m.used)
	w.field("mem_not_counted_for_evict", m.replicas+m.journal)
	w.field("mem_replication_backlog", m.backlog)
	w.field("mem_total_replication_buffers", m.backlog+m.replicas)
	w.field("mem_clients_slaves", m.replicas)
	w.field("mem_clients_normal", m.clients)
	w.field("mem_cluster_links", 0)
	w.field("mem_aof_buffer", m.journal)
	w.field("mem_allocator", "arena")
	w.field("active_defrag_running", 0)
	w.field("lazyfree_pending_objects", kv.pendingObjects())
	w.field("lazyfreed_objects", kv.stats.lazyFreed)
}

func (kv *KVStore) infoPersistence(w *infoWriter) {
	w.field("loading", bit(kv.snapshot.loading.active))
	w.field("async_loading", bit(kv.snapshot.loading.async))
	for _, name := range []string{"current_cow_peak", "current_cow_size", "current_cow_size_age"} {
		w.field(name, 0)
	}
	var done, total int64
	if kv.saver != nil {
		done, total = kv.saver.done, kv.saver.total
	}
	w.field("current_fork_perc", fmt.Sprintf("%.2f", 100*float64(done)/float64(max(total, 1))))
	w.field("current_save_keys_processed", done)
	w.field("current_save_keys_total", total)
	kv.infoSnapshot(w)
	kv.infoJournal(w)
	kv.infoLoading(w)
}

func (kv *KVStore) infoStats(w *infoWriter) {
	s := &kv.stats
	zero := func(names ...string) {
		for _, name := range names {
			w.field(name, 0)
		}
	}
	w.field("total_connections_received", s.connections)
	w.field("total_commands_processed", s.commands)
	w.field("instantaneous_ops_per_sec", s.ops.perSecond())
	w.field("total_net_input_bytes", kv.netIn.Load())
	w.field("total_net_output_bytes", kv.netOut.Load())
	w.field("total_net_repl_input_bytes", kv.repl.netIn.Load())
	w.field("total_net_repl_output_bytes", kv.repl.netOut.Load())
	w.field("instantaneous_input_kbps", kilobytes(s.inRate.perSecond()))
	w.field("instantaneous_output_kbps", kilobytes(s.outRate.perSecond()))
	w.field("instantaneous_input_repl_kbps", "0.00")
	w.field("instantaneous_output_repl_kbps", "0.00")
	w.field("rejected_connections", s.rejectedConnections)
	w.field("sync_full", kv.stats.syncsFull)
	w.field("sync_partial_ok", kv.stats.syncsPartial)
	w.field("sync_partial_err", kv.stats.syncsRefused)
	w.field("expired_keys", s.expired)
	w.field("expired_stale_perc", "0.00")
	w.field("expired_time_cap_reached_count", s.expireCapped)
	w.field("expire_cycle_cpu_milliseconds", s.expireNs/int64(time.Millisecond))
	w.field("evicted_keys", s.evicted)
	w.field("evicted_clients", s.evictedClients)
	total, current := kv.exceededMs()
	w.field("total_eviction_exceeded_time", total)
	w.field("current_eviction_exceeded_time", current)
	w.field("keyspace_hits", s.hits)
	w.field("keyspace_misses", s.misses)
	w.field("pubsub_channels", kv.channels.channelCount())
	w.field("pubsub_patterns", kv.channels.patternCount())
	w.field("pubsubshard_channels", kv.channels.shardCount())
	zero("latest_fork_usec", "total_forks")
	w.field("migrate_cached_sockets", kv.migrateLinks.count())
	w.field("slave_expires_tracked_keys", len(kv.repl.ownKeys))
	zero("active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits", "active_defrag_key_misses",
		"total_active_defrag_time", "current_active_defrag_time")
	w.field("tracking_total_keys", kv.tracking.table.keys.Len())
	w.field("tracking_total_items", kv.tracking.table.items)
	w.field("tracking_total_prefixes", len(kv.tracking.prefixes))
	w.field("unexpected_error_replies", s.unexpectedErrors)
	w.field("total_error_replies", s.errors)
	w.field("dump_payload_sanitizations", s.sanitizations)
	w.field("total_reads_processed", kv.reads.Load())
	w.field("total_writes_processed", kv.writes.Load())
	zero("io_threaded_reads_processed", "io_threaded_writes_processed", "reply_buffer_shrinks", "reply_buffer_expands")
}

func (kv *KVStore) infoReplication(w *infoWriter) {
	w.field("role", kv.Info.Role)
	if kv.Info.Role == "slave" {
		w.field("master_host", kv.Info.MasterIP)
		w.field("master_port", kv.Info.MasterPort)
		kv.infoMaster(w)
	}
	kv.infoReplicas(w)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (kv *KVStore) infoCPU(w *infoWriter) {
	cpu := cpuTimes()
	w.field("used_cpu_sys", cpu.sys)
	w.field("used_cpu_user", cpu.user)
	w.field("used_cpu_sys_children", cpu.sysChildren)
	w.field("used_cpu_user_children", cpu.userChildren)
	w.field("used_cpu_sys_main_thread", cpu.sys)
	w.field("used_cpu_user_main_thread", cpu.user)
}

func (kv *KVStore) infoCommandstats(w *infoWriter) {
	kv.commands.each(func(cmd *command) {
		s := cmd.stats
		if s.calls == 0 && s.rejected == 0 && s.failed == 0 {
			return
		}
		usec := s.ns / 1000
		w.field("cmdstat_"+cmd.full, fmt.Sprintf("calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=%d,failed_calls=%d",
			s.calls, usec, float64(usec)/float64(max(s.calls, 1)), s.rejected, s.failed))
	})
}

func (kv *KVStore) infoErrorstats(w *infoWriter) {
	for _, code := range slices.Sorted(maps.Keys(kv.stats.errorsByCode)) {
		w.field("errorstat_"+safeName(code), fmt.Sprintf("count=%d", kv.stats.errorsByCode[code]))
	}
}

func (kv *KVStore) infoKeyspace(w *infoWriter) {
	for _, db := range kv.dbs {
		if keys, expires, avg := db.keyspaceInfo(); keys > 0 {
			w.field("db"+strconv.Itoa(db.id), fmt.Sprintf("keys=%d,expires=%d,avg_ttl=%d", keys, expires, avg))
		}
	}
}

// safeName is a name without what would break the lines of INFO.
func safeName(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("#:\n\r", r) {
			return '_'
		}
		return r
	}, name)
}

// humanBytes prints an amount as Redis does: 1.50M.
func humanBytes(n int64) string {
	size, unit := float64(n), "B"
	if n < 1024 {
		return fmt.Sprintf("%dB", n)
	}
	for _, u := range []string{"K", "M", "G", "T", "P"} {
		size, unit = size/1024, u
		if size < 1024 {
			break
		}
	}
	return fmt.Sprintf("%.2f%s", size, unit)
}

func percent(part, whole int64) string {
	if whole <= 0 {
		return "0.00%"
	}
	return fmt.Sprintf("%.2f%%", float64(part)/float64(whole)*100)
}

func ratio(a, b int64) string {
	if b <= 0 {
		return "0.00"
	}
	return fmt.Sprintf("%.2f", float64(a)/float64(b))
}

func kilobytes(n int64) string { return fmt.Sprintf("%.2f", float64(n)/1024) }

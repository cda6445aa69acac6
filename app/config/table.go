package config

import (
	"slices"
	"strings"
)

// The table of directives: every one that Redis 7.0.15 knows, with the default,
// bounds and traits it has there. Command-line flags, configuration files,
// CONFIG GET, SET and REWRITE and their errors all follow from it.

// Shutdown flags, the bits of shutdown-on-sigint and shutdown-on-sigterm.
const (
	ShutdownSave   = 1 << iota // save even without save points
	ShutdownNosave             // do not save
	ShutdownNow                // do not wait for replicas
	ShutdownForce              // go down even when saving fails
)

var (
	aclChannels      = choices("allchannels", "resetchannels")
	clusterEndpoints = choices("ip", "hostname", "unknown-endpoint")
	disklessLoads    = choices("disabled", "on-empty-db", "swapdb")
	evictionPolicies = choices("volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
		"allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction")
	fsyncPolicies     = choices("everysec", "always", "no")
	logLevels         = choices("debug", "verbose", "notice", "warning")
	propagationErrors = choices("ignore", "panic", "panic-on-replicas")
	protectedActions  = choices("no", "yes", "local")
	sanitizing        = choices("no", "yes", "clients")
	supervisors       = choices("upstart", "systemd", "auto", "no")
	syslogFacilities  = choices("user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7")
	tlsClientAuths    = choices("no", "yes", "optional")

	// yes and relative are the same, and CONFIG GET prints the first.
	oomScoreModes = []choice{{"no", 0}, {"yes", 1}, {"relative", 1}, {"absolute", 2}}

	shutdownFlags = []choice{
		{"default", 0}, {"save", ShutdownSave}, {"nosave", ShutdownNosave},
		{"now", ShutdownNow}, {"force", ShutdownForce},
	}
)

// newTable returns the table sorted by name, with the slots numbered.
func newTable() []directive {
	table := slices.Concat(
		networkDirectives(), tlsDirectives(), serverDirectives(), logDirectives(), accessDirectives(),
		memoryDirectives(), encodingDirectives(), snapshotDirectives(), aofDirectives(),
		replicationDirectives(), clusterDirectives(), processDirectives(),
	)
	slices.SortFunc(table, func(a, b directive) int { return strings.Compare(a.name, b.name) })
	for i := range table {
		table[i].slot = i
	}
	return table
}

// networkDirectives say where to listen and what a client may cost.
func networkDirectives() []directive {
	return []directive{
		custom("bind", bindDirective, manyWords),
		text("bind-source-addr", "", emptyIsNone),
		custom("client-output-buffer-limit", outputLimitDirective, manyWords),
		memory("client-query-buffer-limit", 1<<30, 1<<20, maxInt64, 0),
		integer("maxclients", 10000, 1, maxUint32, 0),
		integer("port", 6379, 0, maxPort, 0),
		boolean("protected-mode", true, 0),
		memory("proto-max-bulk-len", 512<<20, 1<<20, maxInt64, 0),
		integer("socket-mark-id", 0, 0, maxUint32, immutable),
		integer("tcp-backlog", 511, 0, maxInt32, immutable),
		integer("tcp-keepalive", 300, 0, maxInt32, 0),
		integer("timeout", 0, 0, maxInt32, 0),
		text("unixsocket", "", immutable|emptyIsNone),
		{name: "unixsocketperm", kind: Octal, max: 0o777, traits: immutable},
	}
}

func tlsDirectives() []directive {
	return []directive{
		enum("tls-auth-clients", "yes", tlsClientAuths, 0),
		text("tls-ca-cert-dir", "", volatile|emptyIsNone),
		text("tls-ca-cert-file", "", volatile|emptyIsNone),
		text("tls-cert-file", "", volatile|emptyIsNone),
		text("tls-ciphers", "", emptyIsNone),
		text("tls-ciphersuites", "", emptyIsNone),
		text("tls-client-cert-file", "", volatile|emptyIsNone),
		text("tls-client-key-file", "", volatile|emptyIsNone),
		text("tls-client-key-file-pass", "", emptyIsNone),
		boolean("tls-cluster", false, 0),
		text("tls-dh-params-file", "", volatile|emptyIsNone),
		text("tls-key-file", "", volatile|emptyIsNone),
		text("tls-key-file-pass", "", emptyIsNone),
		integer("tls-port", 0, 0, maxPort, 0),
		boolean("tls-prefer-server-ciphers", false, 0),
		text("tls-protocols", "", emptyIsNone),
		boolean("tls-replication", false, 0),
		integer("tls-session-cache-size", 20480, 0, maxInt32, 0),
		integer("tls-session-cache-timeout", 300, 0, maxInt32, 0),
		boolean("tls-session-caching", true, 0),
	}
}

// serverDirectives concern the server as a whole.
func serverDirectives() []directive {
	return []directive{
		integer("active-expire-effort", 1, 1, 10, 0),
		integer("busy-reply-threshold", 5000, 0, maxInt64, 0).aka("lua-time-limit"),
		integer("databases", 16, 1, maxInt32, immutable),
		custom("dir", dirDirective, protected|denyLoading),
		boolean("dynamic-hz", true, 0),
		integer("hz", 10, 0, maxInt32, 0),
		boolean("lua-enable-deprecated-api", false, immutable|hidden),
		custom("notify-keyspace-events", eventsDirective, 0),
		enum("shutdown-on-sigint", "default", shutdownFlags, manyWords).checked(checkShutdown),
		enum("shutdown-on-sigterm", "default", shutdownFlags, manyWords).checked(checkShutdown),
		integer("shutdown-timeout", 10, 0, maxInt32, 0),
	}
}

// logDirectives concern what the server tells about itself.
func logDirectives() []directive {
	return []directive{
		boolean("always-show-logo", false, immutable),
		boolean("crash-log-enabled", true, 0),
		boolean("crash-memcheck-enabled", true, noEffect),
		integer("latency-monitor-threshold", 0, 0, maxInt64, 0),
		boolean("latency-tracking", true, 0),
		custom("latency-tracking-info-percentiles", percentilesDirective, manyWords),
		text("logfile", "", immutable),
		enum("loglevel", "notice", logLevels, 0),
		integer("slowlog-log-slower-than", 10000, -1, maxInt64, 0),
		integer("slowlog-max-len", 128, 0, maxInt64, 0),
		boolean("syslog-enabled", false, immutable),
		enum("syslog-facility", "local0", syslogFacilities, immutable),
		text("syslog-ident", "redis", immutable),
	}
}

// accessDirectives say who may do what.
func accessDirectives() []directive {
	return []directive{
		enum("acl-pubsub-default", "resetchannels", aclChannels, 0),
		text("aclfile", "", immutable),
		integer("acllog-max-len", 128, 0, maxInt64, 0),
		enum("enable-debug-command", "no", protectedActions, immutable),
		enum("enable-module-command", "no", protectedActions, immutable),
		enum("enable-protected-configs", "no", protectedActions, immutable),
		text("requirepass", "", sensitive|emptyIsNone|binary),
		integer("tracking-table-max-keys", 1000000, 0, maxInt64, 0),
	}
}

// memoryDirectives bound memory and say how it is given back.
func memoryDirectives() []directive {
	return []directive{
		integer("active-defrag-cycle-max", 25, 1, 99, noEffect),
		integer("active-defrag-cycle-min", 1, 1, 99, noEffect),
		memory("active-defrag-ignore-bytes", 100<<20, 1, maxInt64, noEffect),
		integer("active-defrag-max-scan-fields", 1000, 1, maxInt64, noEffect),
		integer("active-defrag-threshold-lower", 10, 0, 1000, noEffect),
		integer("active-defrag-threshold-upper", 100, 0, 1000, noEffect),
		boolean("activedefrag", false, noEffect).checked(checkDefrag),
		boolean("activerehashing", true, noEffect),
		boolean("jemalloc-bg-thread", true, noEffect),
		boolean("lazyfree-lazy-eviction", false, 0),
		boolean("lazyfree-lazy-expire", false, 0),
		boolean("lazyfree-lazy-server-del", false, 0),
		boolean("lazyfree-lazy-user-del", false, 0),
		boolean("lazyfree-lazy-user-flush", false, 0),
		integer("lfu-decay-time", 1, 0, maxInt32, 0),
		integer("lfu-log-factor", 10, 0, maxInt32, 0),
		memory("maxmemory", 0, 0, maxUint64, 0),
		{name: "maxmemory-clients", kind: Percent, min: -100, max: maxInt64},
		integer("maxmemory-eviction-tenacity", 10, 0, 100, 0),
		enum("maxmemory-policy", "noeviction", evictionPolicies, 0),
		integer("maxmemory-samples", 5, 1, maxInt32, 0),
	}
}

// encodingDirectives say up to which size values are kept compact.
func encodingDirectives() []directive {
	return []directive{
		integer("hash-max-listpack-entries", 512, 0, maxInt64, 0).aka("hash-max-ziplist-entries"),
		memory("hash-max-listpack-value", 64, 0, maxInt64, 0).aka("hash-max-ziplist-value"),
		memory("hll-sparse-max-bytes", 3000, 0, maxInt64, 0),
		integer("list-compress-depth", 0, 0, maxInt32, 0),
		integer("list-max-listpack-size", -2, minInt32, maxInt32, 0).aka("list-max-ziplist-size"),
		integer("set-max-intset-entries", 512, 0, maxInt64, 0),
		memory("stream-node-max-bytes", 4096, 0, maxInt64, 0),
		integer("stream-node-max-entries", 100, 0, maxInt64, 0),
		integer("zset-max-listpack-entries", 128, 0, maxInt64, 0).aka("zset-max-ziplist-entries"),
		memory("zset-max-listpack-value", 64, 0, maxInt64, 0).aka("zset-max-ziplist-value"),
	}
}

// snapshotDirectives concern RDB files.
func snapshotDirectives() []directive {
	return []directive{
		text("dbfilename", "dump.rdb", protected).checked(checkDumpName),
		integer("key-load-delay", 0, minInt32, maxInt32, hidden),
		integer("loading-process-events-interval-bytes", 2<<20, 1024, maxInt32, hidden),
		boolean("rdb-del-sync-files", false, 0),
		integer("rdb-key-save-delay", 0, minInt32, maxInt32, hidden),
		boolean("rdb-save-incremental-fsync", true, 0),
		boolean("rdbchecksum", true, immutable),
		boolean("rdbcompression", true, 0),
		enum("sanitize-dump-payload", "no", sanitizing, 0),
		custom("save", saveDirective, manyWords),
		boolean("stop-writes-on-bgsave-error", true, 0),
	}
}

// aofDirectives concern append-only files.
func aofDirectives() []directive {
	return []directive{
		boolean("aof-disable-auto-gc", false, 0),
		boolean("aof-load-truncated", true, 0),
		boolean("aof-rewrite-incremental-fsync", true, 0),
		boolean("aof-timestamp-enabled", false, 0),
		boolean("aof-use-rdb-preamble", true, 0),
		text("appenddirname", "appendonlydir", immutable).checked(checkAppendDir),
		text("appendfilename", "appendonly.aof", immutable).checked(checkAppendName),
		enum("appendfsync", "everysec", fsyncPolicies, 0),
		boolean("appendonly", false, denyLoading),
		memory("auto-aof-rewrite-min-size", 64<<20, 0, maxInt64, 0),
		integer("auto-aof-rewrite-percentage", 100, 0, maxInt32, 0),
		boolean("no-appendfsync-on-rewrite", false, 0),
	}
}

// replicationDirectives concern both ends of replication.
func replicationDirectives() []directive {
	return []directive{
		text("masterauth", "", sensitive|emptyIsNone|binary),
		text("masteruser", "", sensitive|emptyIsNone),
		integer("min-replicas-max-lag", 10, 0, maxInt32, 0).aka("min-slaves-max-lag"),
		integer("min-replicas-to-write", 0, 0, maxInt32, 0).aka("min-slaves-to-write"),
		enum("propagation-error-behavior", "ignore", propagationErrors, 0),
		memory("repl-backlog-size", 1<<20, 1, maxInt64, 0),
		integer("repl-backlog-ttl", 3600, 0, maxInt64, 0),
		boolean("repl-disable-tcp-nodelay", false, 0),
		enum("repl-diskless-load", "disabled", disklessLoads, denyLoading),
		boolean("repl-diskless-sync", true, 0),
		integer("repl-diskless-sync-delay", 5, 0, maxInt32, 0),
		integer("repl-diskless-sync-max-replicas", 0, 0, maxInt32, 0),
		integer("repl-ping-replica-period", 10, 1, maxInt32, 0).aka("repl-ping-slave-period"),
		integer("repl-timeout", 60, 1, maxInt32, 0),
		text("replica-announce-ip", "", emptyIsNone).aka("slave-announce-ip"),
		integer("replica-announce-port", 0, 0, maxPort, 0).aka("slave-announce-port"),
		boolean("replica-announced", true, 0),
		boolean("replica-ignore-disk-write-errors", false, 0),
		boolean("replica-ignore-maxmemory", true, 0).aka("slave-ignore-maxmemory"),
		boolean("replica-lazy-flush", false, 0).aka("slave-lazy-flush"),
		integer("replica-priority", 100, 0, maxInt32, 0).aka("slave-priority"),
		boolean("replica-read-only", true, 0).aka("slave-read-only"),
		boolean("replica-serve-stale-data", true, 0).aka("slave-serve-stale-data"),
		custom("replicaof", replicaofDirective, immutable|manyWords).aka("slaveof"),
	}
}

func clusterDirectives() []directive {
	return []directive{
		boolean("cluster-allow-pubsubshard-when-down", true, 0),
		boolean("cluster-allow-reads-when-down", false, 0),
		boolean("cluster-allow-replica-migration", true, 0),
		integer("cluster-announce-bus-port", 0, 0, maxPort, 0),
		text("cluster-announce-hostname", "", emptyIsNone).checked(checkHostname),
		text("cluster-announce-ip", "", emptyIsNone),
		integer("cluster-announce-port", 0, 0, maxPort, 0),
		integer("cluster-announce-tls-port", 0, 0, maxPort, 0),
		text("cluster-config-file", "nodes.conf", immutable),
		boolean("cluster-enabled", false, immutable),
		memory("cluster-link-sendbuf-limit", 0, 0, maxUint64, 0),
		integer("cluster-migration-barrier", 1, 0, maxInt32, 0),
		integer("cluster-node-timeout", 15000, 0, maxInt64, 0),
		integer("cluster-port", 0, 0, maxPort, immutable),
		enum("cluster-preferred-endpoint-type", "ip", clusterEndpoints, 0),
		boolean("cluster-replica-no-failover", false, 0).aka("cluster-slave-no-failover"),
		integer("cluster-replica-validity-factor", 10, 0, maxInt32, 0).aka("cluster-slave-validity-factor"),
		boolean("cluster-require-full-coverage", true, 0),
	}
}

// processDirectives concern the operating system's process, of which a Go
// server controls less than one in C.
func processDirectives() []directive {
	return []directive{
		text("aof_rewrite_cpulist", "", immutable|emptyIsNone|noEffect),
		text("bgsave_cpulist", "", immutable|emptyIsNone|noEffect),
		text("bio_cpulist", "", immutable|emptyIsNone|noEffect),
		boolean("daemonize", false, immutable),
		boolean("disable-thp", true, immutable),
		text("ignore-warnings", "", noEffect),
		integer("io-threads", 1, 1, 128, immutable|noEffect),
		boolean("io-threads-do-reads", false, immutable|noEffect),
		enum("oom-score-adj", "no", oomScoreModes, 0),
		custom("oom-score-adj-values", oomScoresDirective, manyWords),
		text("pidfile", "", immutable|emptyIsNone),
		text("proc-title-template", "{title} {listen-addr} {server-mode}", noEffect).checked(checkTitle),
		text("server_cpulist", "", immutable|emptyIsNone|noEffect),
		boolean("set-proc-title", true, immutable|noEffect),
		enum("supervised", "no", supervisors, immutable),
		boolean("use-exit-on-panic", false, hidden),
		integer("watchdog-period", 0, 0, maxInt32, hidden|noEffect),
	}
}

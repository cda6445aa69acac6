package store

import (
	"math"
	"strings"
)

// settings are the directives that commands and cron look at all the time,
// copied out of the configuration whenever it changes.
type settings struct {
	maxClients      int
	maxBulk         int64 // proto-max-bulk-len
	maxMemory       int64
	minReplicas     int64 // min-replicas-to-write, when it is in force
	readOnly        bool  // a replica that takes writes from its master alone
	guarded         bool  // one of the three above is set, saving has failed, there is an append-only file, keys migrate, somebody monitors, or clients track keys
	protectedMode   bool
	idleTimeoutMs   int64
	outputLimits    [clientClasses]outputLimit
	keyspaceEvents  int
	lfu             bool
	lfuLogFactor    int64
	lfuDecayTime    int64
	lazyUserDel     bool
	lazyUserFlush   bool
	lazyServerDel   bool
	lazyExpire      bool
	lazyEviction    bool
	policy          evictionPolicy
	evictionNs      int64 // how long one command may evict
	evictionSamples int
	ignoresMax      bool // replica-ignore-maxmemory
	parkedClients   int
	tracksLatency   bool  // latency-tracking
	noticeNs        int64 // the duration from which on a command concerns anybody: see observe.go

	trackedKeysMax int64 // tracking-table-max-keys

	// The limits of the encodings, by the directives behind them.
	hashEntriesMax    int   // hash-max-listpack-entries
	hashValueMax      int   // hash-max-listpack-value
	hllSparseMax      int64 // hll-sparse-max-bytes
	listDepth         int32 // list-compress-depth
	listFill          int32 // list-max-listpack-size
	setIntsetMax      int64 // set-max-intset-entries
	streamNodeBytes   int64 // stream-node-max-bytes
	streamNodeEntries int64 // stream-node-max-entries
	zsetMaxEntries    int   // zset-max-listpack-entries
	zsetMaxValue      int   // zset-max-listpack-value
}

// applySettings copies the directives.
func (kv *KVStore) applySettings() {
	cfg := kv.config
	kv.logLevel.Store(logLevels[cfg.Str("loglevel")])
	kv.maxClients = int(cfg.Int("maxclients"))
	kv.maxBulk = cfg.Int("proto-max-bulk-len")
	kv.maxMemory = cfg.Int("maxmemory")
	kv.trackedKeysMax = cfg.Int("tracking-table-max-keys")
	kv.minReplicas = cfg.Int("min-replicas-to-write")
	if cfg.Int("min-replicas-max-lag") == 0 {
		kv.minReplicas = 0
	}
	kv.readOnly = kv.Info.Role == "slave" && cfg.Bool("replica-read-only")
	kv.repl.writable = kv.Info.Role == "slave" && !kv.readOnly
	if kv.journal != nil {
		kv.journal.applySettings()
	}
	kv.noteGuard()
	kv.muteStale()
	kv.repl.stream.resize(cfg.Int("repl-backlog-size"))
	kv.countGoodReplicas()
	kv.protectedMode = cfg.Bool("protected-mode")
	kv.idleTimeoutMs = cfg.Int("timeout") * 1000
	kv.queryLimit.Store(cfg.Int("client-query-buffer-limit"))
	kv.keepAliveSeconds.Store(cfg.Int("tcp-keepalive"))
	kv.lfu = strings.HasSuffix(cfg.Str("maxmemory-policy"), "-lfu")
	kv.lfuLogFactor = cfg.Int("lfu-log-factor")
	kv.lfuDecayTime = cfg.Int("lfu-decay-time")
	kv.lazyUserDel = cfg.Bool("lazyfree-lazy-user-del")
	kv.lazyUserFlush = cfg.Bool("lazyfree-lazy-user-flush")
	kv.lazyServerDel = cfg.Bool("lazyfree-lazy-server-del")
	kv.lazyExpire = cfg.Bool("lazyfree-lazy-expire")
	kv.keyspaceEvents = cfg.KeyspaceEvents()
	for i, l := range cfg.OutputBufferLimits() {
		kv.outputLimits[i] = outputLimit{hard: l.HardBytes, soft: l.SoftBytes, softMs: l.SoftSeconds * 1000}
	}
	kv.applyClientsLimit()
	kv.applyEviction()
	kv.applyEncodingLimits()
	kv.applyObservation()
}

// noteGuard sees whether commands have to be held against the state of the server.
func (kv *KVStore) noteGuard() {
	kv.guarded = kv.maxMemory > 0 || kv.minReplicas > 0 || kv.readOnly || kv.snapshot.failed ||
		kv.journal != nil || len(kv.migrating) > 0 || len(kv.monitors) > 0 || kv.tracking.clients > 0
}

// applyEncodingLimits copies the limits of the encodings.
func (kv *KVStore) applyEncodingLimits() {
	cfg := kv.config
	kv.hashEntriesMax = int(cfg.Int("hash-max-listpack-entries"))
	kv.hashValueMax = int(cfg.Int("hash-max-listpack-value"))
	kv.hllSparseMax = cfg.Int("hll-sparse-max-bytes")
	kv.listDepth = clampDepth(cfg.Int("list-compress-depth"))
	kv.listFill = clampFill(cfg.Int("list-max-listpack-size"))
	kv.setIntsetMax = min(cfg.Int("set-max-intset-entries"), intsetMax)
	kv.streamNodeBytes = cfg.Int("stream-node-max-bytes")
	kv.streamNodeEntries = cfg.Int("stream-node-max-entries")
	kv.zsetMaxEntries = int(min(cfg.Int("zset-max-listpack-entries"), math.MaxInt32))
	kv.zsetMaxValue = int(min(cfg.Int("zset-max-listpack-value"), math.MaxInt32))
}

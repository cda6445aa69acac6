package store

import (
	"math"
	"strings"
)

// settings are the directives that commands and cron look at all the time,
// copied out of the configuration whenever it changes.
type settings struct {
	maxClients     int
	maxBulk        int64 // proto-max-bulk-len
	maxMemory      int64
	minReplicas    int64 // min-replicas-to-write, when it is in force
	readOnly       bool  // a replica that takes writes from its master alone
	guarded        bool  // one of the three above is set
	protectedMode  bool
	idleTimeoutMs  int64
	outputLimits   [clientClasses]outputLimit
	keyspaceEvents int
	lfu            bool
	lfuLogFactor   int64
	lfuDecayTime   int64
	hllSparseMax   int64
	lazyUserDel    bool
	lazyUserFlush  bool
	lazyServerDel  bool
	lazyExpire     bool
	parkedClients  int
	setIntsetMax   int64 // set-max-intset-entries

	streamNodeBytes   int64
	streamNodeEntries int64

	hashEntriesMax int   // hash-max-listpack-entries
	hashValueMax   int   // hash-max-listpack-value
	listFill       int32 // list-max-listpack-size
	listDepth      int32 // list-compress-depth

	zsetMaxEntries int // zset-max-listpack-entries
	zsetMaxValue   int // zset-max-listpack-value
	listFill  int32 // list-max-listpack-size
	listDepth int32 // list-compress-depth

	streamNodeBytes   int64
	streamNodeEntries int64
}

// applySettings copies the directives.
func (kv *KVStore) applySettings() {
	cfg := kv.config
	kv.logLevel.Store(logLevels[cfg.Str("loglevel")])
	kv.maxClients = int(cfg.Int("maxclients"))
	kv.maxBulk = cfg.Int("proto-max-bulk-len")
	kv.maxMemory = cfg.Int("maxmemory")
	kv.minReplicas = cfg.Int("min-replicas-to-write")
	if cfg.Int("min-replicas-max-lag") == 0 {
		kv.minReplicas = 0
	}
	kv.readOnly = kv.Info.Role == "slave" && cfg.Bool("replica-read-only")
	kv.guarded = kv.maxMemory > 0 || kv.minReplicas > 0 || kv.readOnly
	kv.protectedMode = cfg.Bool("protected-mode")
	kv.idleTimeoutMs = cfg.Int("timeout") * 1000
	kv.queryLimit.Store(cfg.Int("client-query-buffer-limit"))
	kv.keepAliveSeconds.Store(cfg.Int("tcp-keepalive"))
	kv.lfu = strings.HasSuffix(cfg.Str("maxmemory-policy"), "-lfu")
	kv.lfuLogFactor = cfg.Int("lfu-log-factor")
	kv.lfuDecayTime = cfg.Int("lfu-decay-time")
	kv.hllSparseMax = cfg.Int("hll-sparse-max-bytes")
	kv.lazyUserDel = cfg.Bool("lazyfree-lazy-user-del")
	kv.lazyUserFlush = cfg.Bool("lazyfree-lazy-user-flush")
	kv.lazyServerDel = cfg.Bool("lazyfree-lazy-server-del")
	kv.lazyExpire = cfg.Bool("lazyfree-lazy-expire")
	kv.keyspaceEvents = cfg.KeyspaceEvents()
	kv.setIntsetMax = min(cfg.Int("set-max-intset-entries"), intsetMax)
	kv.streamNodeBytes = cfg.Int("stream-node-max-bytes")
	kv.streamNodeEntries = cfg.Int("stream-node-max-entries")
	kv.listFill = clampFill(cfg.Int("list-max-listpack-size"))
	kv.listDepth = clampDepth(cfg.Int("list-compress-depth"))
	kv.hashEntriesMax = int(cfg.Int("hash-max-listpack-entries"))
	kv.hashValueMax = int(cfg.Int("hash-max-listpack-value"))
	kv.zsetMaxEntries = int(min(cfg.Int("zset-max-listpack-entries"), math.MaxInt32))
	kv.zsetMaxValue = int(min(cfg.Int("zset-max-listpack-value"), math.MaxInt32))
	for i, l := range cfg.OutputBufferLimits() {
		kv.outputLimits[i] = outputLimit{hard: l.HardBytes, soft: l.SoftBytes, softMs: l.SoftSeconds * 1000}
	}
}

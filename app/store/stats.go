package store

import "strings"

// serverStats are the counters of INFO. CONFIG RESETSTAT clears most of them.
type serverStats struct {
	connections          int64
	rejectedConnections  int64
	commands             int64
	hits, misses         int64
	expired              int64
	expiredFields        int64
	expireNs             int64 // spent on active expiry
	expireCapped         int64 // slices of it that ended before the work
	evicted              int64
	lazyFreed            int64
	outputLimitClosed    int64
	evictedClients       int64
	errors               int64
	syncsFull            int64
	syncsPartial         int64
	syncsRefused         int64 // partial ones
	unexpectedErrors     int64 // of commands that a master sent
	sanitizations        int64 // of blobs that clients RESTOREd
	errorsByCode         map[string]int64
	peakMemory           int64
	ops, inRate, outRate rate
}

// Bounds of errorstats. A first word longer than a code is none, as in Redis.
// Redis 7.0 keeps as many codes as clients make it produce; here there is an end
// to the memory that scripts with made-up codes can claim.
const (
	errorCodeMax  = 30
	errorCodesMax = 4096
)

// errorReply counts an error that is sent to a client, by its code.
func (s *serverStats) errorReply(err error) {
	s.errors++
	code, _, ok := strings.Cut(err.Error(), " ")
	if !ok || len(code) > errorCodeMax {
		code = "ERR"
	}
	if s.errorsByCode == nil {
		s.errorsByCode = make(map[string]int64)
	}
	if _, known := s.errorsByCode[code]; !known {
		if len(s.errorsByCode) >= errorCodesMax {
			return
		}
		code = strings.Clone(code)
	}
	s.errorsByCode[code]++
}

// resetStats starts the counters of INFO again. The peak of memory stays.
func (kv *KVStore) resetStats() {
	kv.stats = serverStats{peakMemory: kv.stats.peakMemory}
	kv.eviction.sinceNs, kv.eviction.exceedNs = 0, 0
	kv.netIn.Store(0)
	kv.netOut.Store(0)
	kv.repl.netIn.Store(0)
	kv.repl.netOut.Store(0)
	kv.reads.Store(0)
	kv.writes.Store(0)
	kv.commands.each(func(cmd *command) { cmd.stats = commandStats{} })
}

// A rate is the growth of a counter per second, averaged over recent ticks.
type rate struct {
	samples [16]int64
	next    int
	last    int64 // value of the counter at the last sample
	lastMs  int64
}

// sample takes the counter's value at now.
func (r *rate) sample(value, nowMs int64) {
	if passed := nowMs - r.lastMs; r.lastMs > 0 && passed > 0 {
		r.samples[r.next] = (value - r.last) * 1000 / passed
		r.next = (r.next + 1) % len(r.samples)
	}
	r.last, r.lastMs = value, nowMs
}

// perSecond is the average.
func (r *rate) perSecond() int64 {
	var sum int64
	for _, v := range r.samples {
		sum += v
	}
	return sum / int64(len(r.samples))
}

// sample is the part of cron's tick that the statistics need.
func (s *serverStats) sample(kv *KVStore) {
	s.ops.sample(s.commands, kv.nowMs)
	s.inRate.sample(kv.netIn.Load(), kv.nowMs)
	s.outRate.sample(kv.netOut.Load(), kv.nowMs)
	s.peakMemory = max(s.peakMemory, kv.usedMemory())
}

package store

import (
	"fmt"
	"strings"
	"time"
)

// LATENCY DOCTOR: what the events of the latency monitor say, and what an operator
// can do about them. The sentences are this project's own.

// cmdLatencyDoctor serves LATENCY DOCTOR.
func (kv *KVStore) cmdLatencyDoctor(c *Client, args []string) error {
	c.reply.Verbatim("txt", kv.latencyReport())
	return nil
}

// latencyReport is the text of LATENCY DOCTOR.
func (kv *KVStore) latencyReport() string {
	events := kv.latency.list()
	if len(events) == 0 {
		if kv.latency.fromNs.Load() == 0 {
			return "Nothing is known: the latency monitor is off. \"CONFIG SET latency-monitor-threshold 100\" has it " +
				"keep whatever takes 100 milliseconds and more.\n"
		}
		return "Nothing has taken as long as latency-monitor-threshold since the monitor was switched on or reset.\n"
	}
	var b strings.Builder
	b.WriteString("These took longer than they should have:\n\n")
	now := time.Now().Unix()
	wanted := make(map[latencyAdvice]bool)
	for i := range events {
		e := &events[i]
		s := e.summary(now)
		fmt.Fprintf(&b, "%d. %s: %d spikes, %d ms on average, deviating by %d ms; one every %.2f seconds. The longest ever took %d ms.\n",
			i+1, e.name, s.samples, s.mean, s.deviation, s.period, e.max)
		for _, advice := range kv.adviceFor(e.name) {
			wanted[advice] = true
		}
	}
	if len(wanted) == 0 {
		b.WriteString("\nThere is no standing advice about these.\n")
		return b.String()
	}
	b.WriteString("\nWhat may help:\n\n")
	for advice := range latencyAdvices {
		if wanted[advice] {
			fmt.Fprintf(&b, "- %s\n", latencyAdviceTexts[advice])
		}
	}
	return b.String()
}

// A latencySummary is what the samples of an event say together.
type latencySummary struct {
	samples         int
	mean, deviation int64   // ms; the deviation is the mean absolute one
	period          float64 // seconds between two samples, on average
}

// summary sums an event's samples up.
func (e *latencyEvent) summary(now int64) (s latencySummary) {
	samples := e.samples()
	n := int64(len(samples))
	for _, sample := range samples {
		s.mean += sample.ms
	}
	s.mean /= n
	for _, sample := range samples {
		s.deviation += max(sample.ms-s.mean, s.mean-sample.ms)
	}
	s.deviation /= n
	s.samples = len(samples)
	s.period = float64(max(now-samples[0].second, 1)) / float64(n)
	return s
}

// A latencyAdvice is a piece of advice, in the order in which they are given.
type latencyAdvice int

const (
	adviseSlowlog latencyAdvice = iota
	adviseSlowlogLower
	adviseReadSlowlog
	adviseProcessor
	adviseLocalDisk
	adviseFsync
	adviseRewrites
	adviseExpiry
	adviseBigKeys
	adviseMemory
	latencyAdvices
)

var latencyAdviceTexts = [latencyAdvices]string{
	adviseSlowlog: "The slow log is off. Set slowlog-log-slower-than to the microseconds from which on a command is too slow, " +
		"and it will tell which ones are.",
	adviseSlowlogLower: "The slow log begins later than the latency monitor. Lower slowlog-log-slower-than, and it will name the " +
		"commands behind these spikes.",
	adviseReadSlowlog: "Read SLOWLOG GET: it has the slowest commands with their arguments and who sent them.",
	adviseProcessor: "Fast commands were slow, so the server did not get the processor, or the memory was swapped out. Look at the " +
		"load of the machine, at its other tenants and at its limits; \"redis-cli --intrinsic-latency 100\" measures them.",
	adviseLocalDisk: "The append-only file lies on a slow or a busy disk. A local SSD that nobody else writes to helps most.",
	adviseFsync: "With appendfsync always each reply waits for the disk. appendfsync everysec may lose a second of writes in a " +
		"crash and makes nobody wait.",
	adviseRewrites: "Switching to a rewritten append-only file took long. Rewrite when there is less to do, or less often " +
		"(auto-aof-rewrite-percentage).",
	adviseExpiry: "Many keys expire at once. Spread their times by adding something random to each.",
	adviseBigKeys: "Commands on big values take their time. \"redis-cli --bigkeys\" finds such values; several smaller ones, or " +
		"commands that take a part of one, serve better.",
	adviseMemory: "Eviction had much to do at once: maxmemory was lowered, or something big was written. Leave more room.",
}

// adviceFor is the advice on an event.
func (kv *KVStore) adviceFor(event string) []latencyAdvice {
	switch event {
	case "command", "command-unblocking":
		advice := []latencyAdvice{adviseReadSlowlog, adviseBigKeys}
		switch {
		case kv.slow.fromNs < 0:
			advice = append(advice, adviseSlowlog)
		case kv.slow.fromNs > kv.latency.fromNs.Load():
			advice = append(advice, adviseSlowlogLower)
		}
		return advice
	case "fast-command":
		return []latencyAdvice{adviseProcessor}
	case "aof-write", "aof-write-alone", "aof-write-pending-fsync", "aof-write-active-child", "aof-fstat":
		return []latencyAdvice{adviseLocalDisk}
	case "aof-fsync-always":
		return []latencyAdvice{adviseLocalDisk, adviseFsync}
	case "aof-rename":
		return []latencyAdvice{adviseLocalDisk, adviseRewrites}
	case "expire-cycle", "expire-del":
		return []latencyAdvice{adviseExpiry}
	case "eviction-cycle", "eviction-del", "eviction-lazyfree":
		return []latencyAdvice{adviseMemory}
	}
	return nil
}

package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestHistogramSlots holds that the slots follow one another without a gap, and
// that a duration lies in its own.
func TestHistogramSlots(t *testing.T) {
	next := int64(0)
	for slot := range histogramSlots {
		end, width := slotEnd(slot)
		if end-width+1 != next {
			t.Fatalf("slot %d begins at %d, the one before ends at %d", slot, end-width+1, next-1)
		}
		if a, b := slotFor(next), slotFor(end); a != slot || b != slot {
			t.Fatalf("%d … %d lie in slots %d and %d, not in %d", next, end, a, b, slot)
		}
		if width > max(end/100, 1) {
			t.Fatalf("slot %d ends at %d and is %d wide: that is not two digits", slot, end, width)
		}
		next = end + 1
	}
	if next <= histogramMaxNs {
		t.Errorf("the last slot ends at %d", next-1)
	}
}

// TestHistogramPercentiles compares percentiles with those of the sorted durations.
func TestHistogramPercentiles(t *testing.T) {
	var h histogram
	var all []int64
	for range 10_000 {
		ns := int64(math.Exp(rand.Float64() * math.Log(histogramMaxNs)))
		h.record(ns)
		all = append(all, ns)
	}
	slices.Sort(all)
	for _, p := range []float64{0, 1, 50, 99, 99.9, 100} {
		want := all[max(int(p/100*float64(len(all))+0.5), 1)-1]
		got := h.percentile(p)
		if diff := math.Abs(float64(got - want)); diff > max(float64(want)/100, 0) {
			t.Errorf("p%v is %d, want about %d", p, got, want)
		}
	}
	if n := h.total(); n != int64(len(all)) {
		t.Errorf("%d durations, want %d", n, len(all))
	}
}

// TestHistogramSteps has the numbers that LATENCY HISTOGRAM of Redis shows for the
// same durations; HdrHistogram ends a step behind the slot of a power of two.
func TestHistogramSteps(t *testing.T) {
	tests := []struct {
		ns   []int64
		want string
	}{
		{nil, ""},
		{[]int64{0, 1, 1000}, "1:3"},
		{[]int64{1031}, "1:1"},
		{[]int64{1032}, "2:1"},
		{[]int64{1000, 5000, 100_000_000, 2_000_000_000}, "1:1 8:2 135266:3 1073741:4"},
	}
	for _, tt := range tests {
		var h histogram
		for _, ns := range tt.ns {
			h.record(ns)
		}
		var got []string
		h.steps(func(us, n int64) { got = append(got, fmt.Sprintf("%d:%d", us, n)) })
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%v: got %q, want %q", tt.ns, got, tt.want)
		}
	}
}

// TestSecrets tries commands with secrets in every place that one can have. What
// has to be hidden is written in capitals.
func TestSecrets(t *testing.T) {
	kv := New()
	defer kv.Close()
	for _, line := range []string{
		"auth SECRET",
		"auth SECRET SECRET",
		"auth SECRET SECRET SECRET",
		"hello",
		"hello 3",
		"hello 3 setname auth auth SECRET SECRET setname me",
		"hello 3 auth SECRET",
		"hello 9 auth SECRET SECRET auth SECRET SECRET",
		"acl setuser SECRET SECRET SECRET",
		"config set maxmemory 1 requirepass SECRET masterauth SECRET masteruser SECRET port 7",
		"config set requirepass",
		"config get requirepass",
		"migrate host 6379 key 0 5000",
		"migrate host 6379 key 0 5000 copy auth SECRET replace",
		"migrate host 6379 auth 0 5000 auth2 SECRET SECRET keys auth value",
		"migrate host 6379 key 0 5000 auth",
		"migrate host 6379 key 0 5000 auth2 SECRET",
		"set auth value",
	} {
		args := strings.Fields(line)
		before := slices.Clone(args)
		cmd := kv.commands.lookup(args)
		if cmd == nil { // MIGRATE is in no table yet
			cmd = &command{secrets: secretFinders[args[0]]}
		}
		want := strings.ReplaceAll(line, "SECRET", redacted)
		if got := strings.Join(kv.withoutSecrets(cmd, args), " "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if !slices.Equal(args, before) {
			t.Errorf("%q was changed into %q", before, args)
		}
	}
}

// TestLatencyEvents holds that the longest of a second is kept, and the last 160.
func TestLatencyEvents(t *testing.T) {
	var l latencyState
	for second := int64(1); second <= 200; second++ {
		l.add("event", second, 5)
		l.add("event", second, 10+second)
		l.add("event", second, 7)
	}
	e, ok := l.find("event")
	if !ok || e.max != 210 {
		t.Errorf("the longest took %d ms, want 210", e.max)
	}
	samples := e.samples()
	if len(samples) != latencySamples {
		t.Fatalf("%d samples, want %d", len(samples), latencySamples)
	}
	for i, s := range samples {
		if want := (latencySample{int64(i + 41), int64(i + 51)}); s != want {
			t.Fatalf("sample %d is %v, want %v", i, s, want)
		}
	}
	if n := l.reset([]string{"EVENT", "other"}); n != 1 {
		t.Errorf("%d events were reset, want 1", n)
	}
}

// TestLatencyGraph has the picture that Redis draws of the same samples.
func TestLatencyGraph(t *testing.T) {
	e := latencyEvent{name: "command", max: 300}
	for i, ms := range []int64{100, 150, 200, 300, 100} {
		e.ring[i] = latencySample{int64(1000 + i), ms}
		e.next = i + 1
	}
	want := strings.Join([]string{
		"command - high 300 ms, low 100 ms (all time high 300 ms)",
		strings.Repeat("-", 80),
		"   # ",
		"  _| ",
		" _|| ",
		"_|||_",
		"     ",
		"11155",
		"mmm98",
		"   ss",
		"",
	}, "\n")
	if got := e.graph(1062); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestLatencyReport holds that the doctor has something to say of every event that
// there is.
func TestLatencyReport(t *testing.T) {
	kv := New()
	defer kv.Close()
	if off := kv.latencyReport(); !strings.Contains(off, "latency-monitor-threshold") {
		t.Errorf("off: %q", off)
	}
	kv.latency.fromNs.Store(int64(100 * time.Millisecond))
	for _, event := range []string{"command", "fast-command", "command-unblocking", "aof-write", "aof-write-alone",
		"aof-write-pending-fsync", "aof-fsync-always", "aof-rename", "expire-cycle", "expire-del"} {
		kv.latency.reset(nil)
		kv.latency.note(event, 99*time.Millisecond)
		if quiet := kv.latencyReport(); strings.Contains(quiet, event) {
			t.Errorf("%s took less than the threshold: %q", event, quiet)
		}
		kv.latency.note(event, 150*time.Millisecond)
		report := kv.latencyReport()
		if !strings.Contains(report, "1. "+event+": 1 spikes, 150 ms on average, deviating by 0 ms") || !strings.Contains(report, "\n- ") {
			t.Errorf("%s: %q", event, report)
		}
	}
}

// BenchmarkObserved measures what the slow log and the latency histogram cost a GET:
// with both off, with one, with both as they are by default. The modes take turns of
// a few GETs, and the best turn of each counts, so that what else the machine does
// falls on none of them.
func BenchmarkObserved(b *testing.B) {
	const turn = 1000
	kv := New()
	defer kv.Close()
	s := newSession(b, kv)
	s.do("SET", "key", "value")
	args := []string{"GET", "key"}
	buf := make([]byte, 0, 1<<10)
	modes := []struct {
		name, slow, latency string
		best                time.Duration
	}{
		{"off", "-1", "no", time.Hour},
		{"slowlog", "10000", "no", time.Hour},
		{"latency", "-1", "yes", time.Hour},
		{"both", "10000", "yes", time.Hour},
	}
	for b.Loop() {
		for i := range modes {
			m := &modes[i]
			s.do("CONFIG", "SET", "slowlog-log-slower-than", m.slow, "latency-tracking", m.latency)
			kv.mu.Lock()
			began := time.Now()
			for range turn {
				s.c.reply.Buf = buf
				kv.processCommand(s.c, args)
			}
			m.best = min(m.best, time.Since(began))
			s.c.reply.Buf = nil
			kv.mu.Unlock()
		}
	}
	for _, m := range modes {
		b.ReportMetric(float64(m.best.Nanoseconds())/turn, m.name+"-ns/GET")
	}
}

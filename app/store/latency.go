package store

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The latency monitor: when something that makes clients wait has taken as long as
// latency-monitor-threshold says, or longer, it is kept under the name of the event,
// with the longest of each second. The names are Redis's.
//
// Events come from under kv.mu and from the goroutines that write the append-only
// file without it, so this state has a mutex of its own; nobody takes another
// while holding it.

const latencySamples = 160 // kept of an event, as in Redis

// A latencySample is the longest that an event took in one second.
type latencySample struct {
	second int64 // since 1970; 0 for none
	ms     int64
}

// A latencyEvent is the history of an event.
type latencyEvent struct {
	name string
	ring [latencySamples]latencySample
	next int   // in ring
	max  int64 // ms, since the last LATENCY RESET
}

// latencyState is the latency monitor.
type latencyState struct {
	fromNs atomic.Int64 // latency-monitor-threshold, 0 for nothing

	mu     sync.Mutex
	events map[string]*latencyEvent
}

// begin is the time for end, or zero when nobody cares.
func (l *latencyState) begin() time.Time {
	if l.fromNs.Load() == 0 {
		return time.Time{}
	}
	return time.Now()
}

// end keeps what began at that time, if it took long enough.
func (l *latencyState) end(began time.Time, events ...string) {
	if began.IsZero() {
		return
	}
	took := time.Since(began)
	for _, event := range events {
		l.note(event, took)
	}
}

// note keeps an event if it took long enough.
func (l *latencyState) note(event string, took time.Duration) {
	if from := l.fromNs.Load(); from > 0 && int64(took) >= from {
		l.add(event, time.Now().Unix(), took.Milliseconds())
	}
}

// add keeps an event.
func (l *latencyState) add(event string, second, ms int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.events[event]
	if e == nil {
		if l.events == nil {
			l.events = make(map[string]*latencyEvent)
		}
		e = &latencyEvent{name: event}
		l.events[event] = e
	}
	e.max = max(e.max, ms)
	if last := e.last(); last.second == second {
		last.ms = max(last.ms, ms)
		return
	}
	e.ring[e.next] = latencySample{second, ms}
	e.next = (e.next + 1) % latencySamples
}

// last is the newest sample.
func (e *latencyEvent) last() *latencySample {
	return &e.ring[(e.next+latencySamples-1)%latencySamples]
}

// samples lists what is kept, the oldest first.
func (e *latencyEvent) samples() []latencySample {
	var list []latencySample
	for i := range latencySamples {
		if s := e.ring[(e.next+i)%latencySamples]; s.second != 0 {
			list = append(list, s)
		}
	}
	return list
}

// list copies the events that have occurred, by name.
func (l *latencyState) list() []latencyEvent {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []latencyEvent
	for _, name := range slices.Sorted(maps.Keys(l.events)) {
		list = append(list, *l.events[name])
	}
	return list
}

// find copies one event.
func (l *latencyState) find(name string) (e latencyEvent, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.events[name]; p != nil {
		return *p, true
	}
	return e, false
}

// reset forgets the events of a name, or all when there is none, and returns how
// many these were.
func (l *latencyState) reset(names []string) (n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := len(l.events)
	if len(names) == 0 {
		clear(l.events)
	}
	for _, name := range names {
		maps.DeleteFunc(l.events, func(event string, _ *latencyEvent) bool { return strings.EqualFold(event, name) })
	}
	return int64(before - len(l.events))
}

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// What a snapshot in the background costs those who go on writing: of many
// keys, and of one value of each type with as many elements.
//
// Two clients write at full speed all the time, without making the data grow. At
// first nothing is saved, then it is: what a client waits that sends PING each
// millisecond, what the writers wait for a batch of commands, and how much memory
// the process takes beyond what it had, are compared between the two. Redis's child
// says itself what it had to copy.

// A busySave is a row: the data, and what is written to it.
type busySave struct {
	name  string
	load  func(n int) *loading
	lines int // of the replies to a command that loads, when it is not 1
	write func(b []byte, n int) []byte
	wrote int // lines of the replies to what write appends
}

const (
	busySaveKeys   = 5_000_000
	busySaveFew    = 500_000
	busyWriters    = 2
	busyBatch      = 200              // writes
	busyIdleEach   = time.Microsecond // of writing without a snapshot, for each element
	busySaveMax    = 3 * time.Minute
	busyLook       = 20 * time.Millisecond // between two looks at the process
	busySaveTime   = 40 * time.Minute
	busyStreamBase = 1_700_000_000_000
)

var busySaves = []busySave{
	{name: "keys", wrote: 1,
		load: func(n int) *loading {
			return &loading{n, func(b []byte, k int) []byte { return appendSet(b, "key:", k, 16) }}
		},
		write: func(b []byte, n int) []byte { return appendSet(b, "key:", rand.IntN(n), 16) }},
	{name: "hash", wrote: 1, load: func(n int) *loading { return one("big", n, hset) },
		write: func(b []byte, n int) []byte { return appendCommand(b, "HSET", "big", element(rand.IntN(n)), "yyy") }},
	{name: "set", wrote: 2, load: func(n int) *loading { return one("big", n, sadd) },
		write: func(b []byte, n int) []byte {
			member := element(rand.IntN(n))
			return appendCommand(appendCommand(b, "SREM", "big", member), "SADD", "big", member)
		}},
	{name: "zset", wrote: 1, load: func(n int) *loading { return one("big", n, zadd) },
		write: func(b []byte, n int) []byte {
			return appendCommand(b, "ZADD", "big", strconv.Itoa(rand.IntN(n)), element(rand.IntN(n)))
		}},
	{name: "list", wrote: 2, load: func(n int) *loading { return push("big", n, 100) },
		write: func(b []byte, n int) []byte {
			return appendCommand(appendCommand(b, "RPUSH", "big", element(rand.IntN(n))), "LTRIM", "big", "1", "-1")
		}},
	{name: "stream", lines: 2, wrote: 2,
		load: func(n int) *loading {
			return one("big", n, func(key string, k int) []string {
				return []string{"XADD", key, strconv.Itoa(busyStreamBase+k) + "-1", "field", element(k)}
			})
		},
		write: func(b []byte, n int) []byte {
			return appendCommand(b, "XADD", "big", "MAXLEN", "~", strconv.Itoa(n), "*", "field", element(rand.IntN(n)))
		}},
}

// measureBusySaves runs each row on one contender after the other.
func (b *bench) measureBusySaves(ctx context.Context, keys int) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2*runtime.NumCPU() + 2)) // as for the pauses
	idle, err := contender{"idle", b.contenders[1].path}.start(ctx)
	if err != nil {
		return err
	}
	defer idle.stop()
	fmt.Fprintf(b.out, "\n%d keys or elements, written at full speed; a PING each ms; without a snapshot > with one\n", keys)
	fmt.Fprintf(b.out, "%-8s %-8s %8s  %17s %17s  %17s  %17s %17s  %s\n", "data", "server", "seconds", "PING p99 ms", "worst ms",
		"idle server worst", "writes/s", "worst batch ms", "MiB > more")
	for _, row := range busySaves {
		if !b.wanted(row.name, true) {
			continue
		}
		var costs [2]saveCost
		for i, c := range b.contenders[:2] {
			if costs[i], err = b.measureBusySave(ctx, c, idle, &row, keys); err != nil {
				b.tally.skip("bgsave "+row.name, c.name+": "+err.Error())
				break
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil {
			b.reportBusySave(row.name, costs[0], costs[1])
		}
	}
	return nil
}

// A saveCost is what was seen without a snapshot and with one.
type saveCost struct{ without, with busyTime }

// A busyTime is what was seen in a while of writing.
type busyTime struct {
	seconds   float64
	at, noise pauses
	rate      float64 // writes a second
	batch     float64 // the longest that a batch took, in ms
	base      int64   // bytes that there were
	more      int64   // bytes beyond that, at most
}

// reportBusySave compares a row with its targets. The noise is what the idle
// server's client suffered.
func (b *bench) reportBusySave(name string, ours, redis saveCost) {
	b.tally.rows++
	row := "bgsave " + name
	p99 := ours.with.at.p99 / ours.without.at.p99
	v := b.tally.judge(row, figBusy, p99, ours.with.noise.p99/ours.without.at.p99)
	extra := b.tally.judge(row, figExtra, ours.share(), 0)
	fmt.Fprintf(b.out, "%-16s p99 x%.2f/x%.2f %s, worst ms %.1f/%.1f, more memory %.1f%%/%.1f%% %s\n", row, p99,
		redis.with.at.p99/redis.without.at.p99, v, ours.with.at.worst, redis.with.at.worst, 100*ours.share(), 100*redis.share(), extra)
}

// share is how much more memory a snapshot needs than writing does without, as a
// share of that.
func (c saveCost) share() float64 {
	return float64(c.with.more-max(c.without.more, 0)) / float64(c.without.base)
}

func (b *bench) measureBusySave(ctx context.Context, c contender, idle *server, row *busySave, n int) (cost saveCost, err error) {
	s, err := c.start(ctx)
	if err != nil {
		return cost, err
	}
	defer s.stop()
	data := row.load(n)
	if err := loadLines(ctx, s.addr, data.commands, max(row.lines, 1), data.emit); err != nil {
		return cost, errors.Join(err, s.alive())
	}
	w, err := startWriters(s.addr, row, n)
	if err != nil {
		return cost, err
	}
	cost.without, err = w.watch(ctx, s, idle, func() error {
		sleepUntil(ctx, time.Now().Add(time.Duration(n)*busyIdleEach))
		return nil
	})
	if err == nil {
		cost.with, err = w.watch(ctx, s, idle, func() error { return saveInBackground(ctx, s) })
	}
	if err = errors.Join(err, w.stop()); err != nil {
		return cost, errors.Join(err, s.alive())
	}
	info, err := s.do("INFO", "persistence")
	if err != nil {
		return cost, err
	}
	_, copied, _ := strings.Cut(info, "rdb_last_cow_size:")
	copied, _, _ = strings.Cut(copied, "\r")
	child, err := strconv.ParseInt(copied, 10, 64)
	cost.with.more += child
	a, z := &cost.without, &cost.with
	fmt.Fprintf(b.out, "%-8s %-8s %8.1f  %7.2f > %7.2f %7.2f > %7.2f  %7.2f > %7.2f  %7.0f > %7.0f %7.1f > %7.1f  %d > %+d\n", row.name, c.name, z.seconds,
		a.at.p99, z.at.p99, a.at.worst, z.at.worst, a.noise.worst, z.noise.worst, a.rate, z.rate, a.batch, z.batch, a.base>>20, z.more>>20)
	return cost, err
}

// saveInBackground has a snapshot made.
func saveInBackground(ctx context.Context, s *server) error {
	l, err := dial(s.addr)
	if err != nil {
		return err
	}
	defer l.conn.Close()
	if _, err := l.do("BGSAVE"); err != nil {
		return err
	}
	for end := time.Now().Add(busySaveMax); time.Now().Before(end); sleepUntil(ctx, time.Now().Add(busyLook)) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		info, err := l.do("INFO", "persistence")
		if err != nil {
			return err
		}
		if !strings.Contains(info, "rdb_bgsave_in_progress:0") {
			continue
		}
		if !strings.Contains(info, "rdb_last_bgsave_status:ok") {
			return errors.New("the snapshot failed")
		}
		return nil
	}
	return fmt.Errorf("no snapshot within %v", busySaveMax)
}

// busyWrites are clients that write at full speed.
type busyWrites struct {
	quit   atomic.Bool
	done   sync.WaitGroup
	writes atomic.Int64
	worst  atomic.Int64 // nanoseconds that a batch took at most
	mu     sync.Mutex
	err    error
}

// startWriters lets the writers of a row begin.
func startWriters(addr string, row *busySave, n int) (*busyWrites, error) {
	w := &busyWrites{}
	for range busyWriters {
		l, err := dial(addr)
		if err != nil {
			return nil, errors.Join(err, w.stop())
		}
		w.done.Go(func() {
			defer l.conn.Close()
			if err := w.run(l.conn, row, n); err != nil {
				w.mu.Lock()
				w.err = errors.Join(w.err, err)
				w.mu.Unlock()
			}
		})
	}
	return w, nil
}

// run writes one batch after the other.
func (w *busyWrites) run(conn net.Conn, row *busySave, n int) error {
	var batch []byte
	for !w.quit.Load() {
		batch = batch[:0]
		for range busyBatch {
			batch = row.write(batch, n)
		}
		began := time.Now()
		if err := conn.SetDeadline(began.Add(replyTimeout)); err != nil {
			return err
		}
		if _, err := conn.Write(batch); err != nil {
			return err
		}
		if err := countReplies(conn, busyBatch*row.wrote); err != nil {
			return err
		}
		took := int64(time.Since(began))
		for worst := w.worst.Load(); took > worst && !w.worst.CompareAndSwap(worst, took); worst = w.worst.Load() {
		}
		w.writes.Add(busyBatch)
	}
	return nil
}

// stop ends the writers, and says what was wrong with them.
func (w *busyWrites) stop() error {
	w.quit.Store(true)
	w.done.Wait()
	return w.err
}

// watch lets something happen under the eyes of two probes, and looks at the memory
// of the process meanwhile.
func (w *busyWrites) watch(ctx context.Context, s, idle *server, act func() error) (t busyTime, err error) {
	at, err := startProbe(ctx, s.addr)
	if err != nil {
		return t, err
	}
	noise, err := startProbe(ctx, idle.addr)
	if err != nil {
		_, failed := at.stop()
		return t, errors.Join(err, failed)
	}
	if t.base, err = residentBytes(s.pid()); err != nil {
		return t, err
	}
	over, looking := make(chan struct{}), make(chan int64)
	go func() { looking <- peak(s.pid(), over) }()
	writes, began := w.writes.Load(), time.Now()
	w.worst.Store(0)
	err = act()
	t.seconds = time.Since(began).Seconds()
	t.rate = float64(w.writes.Load()-writes) / t.seconds
	close(over)
	t.more = <-looking - t.base
	t.batch = milliseconds(time.Duration(w.worst.Load()))
	var errAt, errNoise error
	t.at, errAt = at.stop()
	t.noise, errNoise = noise.stop()
	return t, errors.Join(err, errAt, errNoise)
}

// peak is the most memory that a process was seen to have until over is closed.
func peak(pid int, over <-chan struct{}) (most int64) {
	tick := time.NewTicker(busyLook)
	defer tick.Stop()
	for {
		if now, err := residentBytes(pid); err == nil {
			most = max(most, now)
		}
		select {
		case <-over:
			return most
		case <-tick.C:
		}
	}
}

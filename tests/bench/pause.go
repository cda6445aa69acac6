package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"time"
)

// Pauses that many keys cause: growth to N keys, a full SCAN, and the expiry
// of all of them, at one instant and spread out.
//
// A probe sends PING each millisecond meanwhile. A second probe talks to an
// idle redis-server at the same time: what it waits is the machine's noise,
// and no part of the pauses beside it can be trusted below that.

// A phase is one row of pauses.
type phase struct {
	name      string
	seconds   float64
	at, noise pauses
	note      string
}

// Bounds of one phase and of the time in which the keys spread out expire.
const (
	expiryTimeMax  = 4 * time.Minute
	expiryKeysRate = 300_000 // keys a second that come due when spread out
	scanCount      = "1000"
)

// measurePauses runs all phases on one contender after the other.
func (b *bench) measurePauses(ctx context.Context, keys int) error {
	// Threads of their own for the probes: a goroutine of the loader must
	// not be what they wait for.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2*runtime.NumCPU() + 2))
	idle, err := contender{"idle", b.contenders[1].path}.start(ctx)
	if err != nil {
		return err
	}
	defer idle.stop()
	a, r := b.contenders[0], b.contenders[1]
	fmt.Fprintf(b.out, "\n%d keys; a PING each ms, to the server and to an idle redis-server beside it (noise)\n", keys)
	fmt.Fprintf(b.out, "%-18s %-8s %8s  %8s %9s %9s  %8s %9s %9s\n", "phase", "server", "seconds",
		"p50 ms", "p99.9", "worst", "noise", "p99.9", "worst")
	var phases [2][]phase
	for i, c := range []contender{a, r} {
		p := &pauseRun{bench: b, server: c, idle: idle, keys: keys}
		if err = p.all(ctx); err != nil {
			err = fmt.Errorf("%s: %w", c.name, err)
		}
		if phases[i] = p.phases; err != nil {
			break
		}
	}
	for i := range phases[1] { // whatever the reference got through, the other did before
		b.reportPause(phases[0][i], phases[1][i])
	}
	return err
}

// reportPause compares one phase of the contender in question with the
// reference's. What either idle server suffered is the noise.
func (b *bench) reportPause(p, redis phase) {
	b.tally.rows++
	row := "pause " + p.name
	ratio := p.at.worst / redis.at.worst
	v := b.tally.judge(row, figPause, ratio, max(p.noise.worst, redis.noise.worst)/redis.at.worst)
	if v == verdictOK {
		v = b.tally.judge(row, figPauseMs, p.at.worst, 0)
	}
	fmt.Fprintf(b.out, "%-22s worst %s/%s %.2f, time %.2f  %s\n", row, b.contenders[0].name, b.contenders[1].name,
		ratio, p.seconds/redis.seconds, v)
}

// A pauseRun is the phases of one contender.
type pauseRun struct {
	*bench
	server contender
	idle   *server
	keys   int
	phases []phase
}

// all runs the phases in order. The expiring keys are loaded into new
// servers, so that no phase meets the leftovers of another.
func (p *pauseRun) all(ctx context.Context) error {
	s, err := p.server.start(ctx)
	if err != nil {
		return err
	}
	err = p.growAndScan(ctx, s)
	s.stop()
	if err != nil {
		return err
	}
	loading := time.Duration(p.phases[0].seconds * float64(time.Second))
	if err := p.expireAll(ctx, "at once", loading, 0); err != nil {
		return err
	}
	return p.expireAll(ctx, "spread", loading, time.Duration(p.keys)*time.Second/expiryKeysRate)
}

// during runs a phase under the eyes of both probes, and prints its row.
func (p *pauseRun) during(ctx context.Context, name string, s *server, act func() (note string, err error)) error {
	at, err := startProbe(ctx, s.addr)
	if err != nil {
		return err
	}
	noise, err := startProbe(ctx, p.idle.addr)
	if err != nil {
		at.stop()
		return err
	}
	began := time.Now()
	note, err := act()
	row := phase{name: name, seconds: time.Since(began).Seconds(), note: note}
	var errAt, errNoise error
	row.at, errAt = at.stop()
	row.noise, errNoise = noise.stop()
	if err := errors.Join(err, errAt, errNoise); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", name, err), s.alive())
	}
	p.phases = append(p.phases, row)
	fmt.Fprintf(p.out, "%-18s %-8s %8.1f  %8.2f %9.2f %9.2f  %8.2f %9.2f %9.2f  %s\n", name, p.server.name, row.seconds,
		row.at.p50, row.at.p999, row.at.worst, row.noise.p50, row.noise.p999, row.noise.worst, note)
	return nil
}

func (p *pauseRun) growAndScan(ctx context.Context, s *server) error {
	before, _, err := s.usage()
	if err != nil {
		return err
	}
	err = p.during(ctx, "growth", s, func() (string, error) {
		err := load(ctx, s.addr, p.keys, func(b []byte, k int) []byte { return appendSet(b, "key:", k, 16) })
		return "", err
	})
	if err != nil {
		return err
	}
	after, _, err := s.usage()
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%-18s %-8s %.1f B/key\n", "", p.server.name, float64(after-before)/float64(p.keys))
	return p.during(ctx, "SCAN", s, func() (string, error) { return scanAll(ctx, s.addr, p.keys) })
}

// scanAll walks the whole keyspace, and fails unless each key came up.
func scanAll(ctx context.Context, addr string, keys int) (note string, err error) {
	l, err := dial(addr)
	if err != nil {
		return "", err
	}
	defer l.conn.Close()
	l.in = bufio.NewReaderSize(l.conn, 64<<10)
	seen, different, calls := make([]bool, keys), 0, 0
	for cursor := "0"; calls == 0 || cursor != "0"; calls++ {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if err := l.send("SCAN", cursor, "COUNT", scanCount); err != nil {
			return "", err
		}
		cursor, err = readScan(l.in, func(key []byte) error {
			k, err := keyNumber(key)
			if err != nil || k >= keys {
				return fmt.Errorf("SCAN: unexpected key %.60q", key)
			}
			if !seen[k] {
				seen[k] = true
				different++
			}
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	if different != keys {
		return "", fmt.Errorf("SCAN returned %d of %d keys", different, keys)
	}
	return fmt.Sprintf("%d calls with COUNT %s", calls, scanCount), nil
}

// keyNumber is the number at the end of a key that appendKey wrote.
func keyNumber(key []byte) (int, error) {
	if len(key) < keyDigits {
		return 0, errors.New("key is too short")
	}
	k := 0
	for _, digit := range key[len(key)-keyDigits:] {
		if digit < '0' || digit > '9' {
			return 0, errors.New("key has no number")
		}
		k = 10*k + int(digit-'0')
	}
	return k, nil
}

// expireAll loads keys that come due at one instant, or within spread after
// it, and waits until none is left. how names the rows; loading is how long keys without expiry
// took; the instant lies far enough ahead for slower ones.
func (p *pauseRun) expireAll(ctx context.Context, how string, loading, spread time.Duration) error {
	s, err := p.server.start(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	due := time.Now().Add(2*loading + time.Second)
	err = p.during(ctx, "growth, "+how, s, func() (string, error) {
		first, window := due.UnixMilli(), int(spread.Milliseconds())
		err := load(ctx, s.addr, p.keys, func(b []byte, k int) []byte {
			at := first + int64(scatter(k, max(window, 1)))
			return appendSet(b, "key:", k, 16, "PXAT", strconv.FormatInt(at, 10))
		})
		return fmt.Sprintf("due within %v", spread.Round(100*time.Millisecond)), err
	})
	if err != nil {
		return err
	}
	if time.Now().After(due) { // the machine was busier than it had been: leave more time
		s.stop()
		p.phases = p.phases[:len(p.phases)-1]
		return p.expireAll(ctx, how, 2*loading, spread)
	}
	sleepUntil(ctx, due)
	full, _, err := s.usage()
	if err != nil {
		return err
	}
	return p.during(ctx, "expiry "+how, s, func() (string, error) {
		return p.awaitEmpty(ctx, s, full)
	})
}

// awaitEmpty polls until no key is left. A server that takes too long makes
// no error but a note, since how long it takes is what is measured.
func (p *pauseRun) awaitEmpty(ctx context.Context, s *server, full int64) (note string, err error) {
	l, err := dial(s.addr)
	if err != nil {
		return "", err
	}
	defer l.conn.Close()
	left := ""
	for end := time.Now().Add(expiryTimeMax); time.Now().Before(end); {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if left, err = l.do("DBSIZE"); err != nil {
			return "", err
		}
		if left == "0" {
			rest, _, err := s.usage()
			return fmt.Sprintf("%d MiB before, %d after", full>>20, rest>>20), err
		}
		sleepUntil(ctx, time.Now().Add(20*time.Millisecond))
	}
	return fmt.Sprintf("%s keys left after %v", left, expiryTimeMax), nil
}

// probeInterval is how often a probe sends PING.
const probeInterval = time.Millisecond

// A probe measures how long a server lets a client wait.
type probe struct {
	cancel context.CancelFunc
	done   chan struct{}
	waits  []time.Duration // owned by the goroutine until done is closed
	err    error           // likewise
}

// startProbe connects a probe and lets it run.
func startProbe(ctx context.Context, addr string) (*probe, error) {
	l, err := dial(addr)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &probe{cancel: cancel, done: make(chan struct{}), waits: make([]time.Duration, 0, 1<<18)}
	go func() {
		defer close(p.done)
		defer l.conn.Close()
		p.err = p.run(ctx, l)
	}()
	return p, nil
}

// run sends a PING at each tick. A tick that passes while an answer is
// awaited counts as a PING of its own, sent on time: otherwise one long pause
// would be a single late answer among thousands, however many it stood for.
func (p *probe) run(ctx context.Context, l *link) error {
	for tick := time.Now(); ctx.Err() == nil; {
		sent := time.Now()
		if _, err := l.do("PING"); err != nil {
			return fmt.Errorf("PING: %w", err)
		}
		answered := time.Now()
		p.waits = append(p.waits, answered.Sub(sent))
		for tick = tick.Add(probeInterval); tick.Before(answered); tick = tick.Add(probeInterval) {
			if tick.After(sent) {
				p.waits = append(p.waits, answered.Sub(tick))
			}
		}
		sleepUntil(ctx, tick)
	}
	return nil
}

// stop ends the probe and returns what it saw.
func (p *probe) stop() (pauses, error) {
	p.cancel()
	<-p.done
	return summarize(p.waits), p.err
}

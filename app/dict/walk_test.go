package dict

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// TestScanGuarantee scans while the table grows, shrinks, does both or pauses
// between the calls. What stays all the time must be returned.
func TestScanGuarantee(t *testing.T) {
	for _, c := range []struct {
		name        string
		kept, extra int
		change      func(m *model, rng *rand.Rand, extra int)
	}{
		{"grow", 500, 0, func(m *model, rng *rand.Rand, extra int) {
			for range rng.IntN(100) {
				m.insert(fmt.Sprintf("extra:%d", rng.IntN(20000)))
			}
		}},
		{"shrink", 500, 10000, func(m *model, rng *rand.Rand, extra int) {
			for range rng.IntN(100) {
				m.remove(fmt.Sprintf("extra:%d", rng.IntN(extra)))
			}
		}},
		{"both", 300, 1200, func(m *model, rng *rand.Rand, extra int) {
			from, n := rng.IntN(extra), rng.IntN(extra)
			for i := from; i < from+n; i++ {
				m.remove(fmt.Sprintf("extra:%d", i))
			}
			from, n = rng.IntN(extra), rng.IntN(extra)
			for i := from; i < from+n; i++ {
				m.insert(fmt.Sprintf("extra:%d", i))
			}
		}},
		{"few", 3, 200, func(m *model, rng *rand.Rand, extra int) {
			for range rng.IntN(150) {
				m.insert(fmt.Sprintf("extra:%d", rng.IntN(extra)))
			}
			for range rng.IntN(150) {
				m.remove(fmt.Sprintf("extra:%d", rng.IntN(extra)))
			}
		}},
		{"pauses", 500, 2000, func(m *model, rng *rand.Rand, extra int) {
			m.pause(rng.IntN(2) == 0)
			for i := range 200 {
				if key := fmt.Sprintf("extra:%d", rng.IntN(extra)); i%2 == 0 {
					m.insert(key)
				} else {
					m.remove(key)
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewPCG(seed, 0))
			for range 3 {
				m := newModel(t, 0, false)
				for i := range c.kept {
					m.insert(fmt.Sprintf("kept:%d", i))
				}
				for i := range c.extra {
					m.insert(fmt.Sprintf("extra:%d", i))
				}
				scanWhile(t, m, c.kept, func() { c.change(m, rng, c.extra) })
			}
		})
	}
}

// scanWhile scans the whole table, calls change after each call of Scan, and
// checks that all elements kept:0 to kept:n-1 were returned.
func scanWhile(t *testing.T, m *model, kept int, change func()) {
	seen := map[string]bool{}
	cursor := uint64(0)
	for calls := 1; ; calls++ {
		cursor = m.d.Scan(m.typ, cursor, func(r arena.Ref) { seen[string([]byte(m.typ.Key(r)))] = true })
		if cursor == 0 {
			break
		}
		if calls > 1<<16 {
			t.Fatal("SCAN does not end")
		}
		change()
	}
	for i := range kept {
		if key := fmt.Sprintf("kept:%d", i); !seen[key] {
			t.Fatalf("%q was not returned by SCAN", key)
		}
	}
	m.check()
}

// TestScanAnyCursor starts at cursors that no Scan has returned.
func TestScanAnyCursor(t *testing.T) {
	for _, n := range []int{1, 10, 11, 100, 700} {
		m := newModel(t, 0, false)
		for i := range n {
			m.insert(fmt.Sprintf("key:%d", i))
		}
		cursors := []uint64{1, 2, 3, math.MaxUint64, 1 << 63, 1<<63 - 1}
		for range 50 {
			cursors = append(cursors, rand.Uint64(), rand.Uint64N(256))
		}
		for _, cursor := range cursors {
			start, calls := cursor, 0
			for {
				cursor = m.d.Scan(m.typ, cursor, func(r arena.Ref) { m.typ.Key(r) })
				if calls++; cursor == 0 {
					break
				}
				if calls > m.d.Buckets() {
					t.Fatalf("SCAN from %#x takes more than %d calls", start, m.d.Buckets())
				}
			}
		}
	}
}

func TestAllStops(t *testing.T) {
	m := newModel(t, 0, false)
	for i := range 100 {
		m.insert(fmt.Sprintf("key:%d", i))
	}
	for stop := 1; stop <= 100; stop++ {
		n := 0
		for range m.d.All(m.typ) {
			if n++; n == stop {
				break
			}
		}
		if n != stop {
			t.Fatalf("%d elements instead of %d", n, stop)
		}
	}
}

// TestRandomIsFair draws from tables in every condition and compares how often
// each element came with what a fair draw gives, by a chi-square test.
func TestRandomIsFair(t *testing.T) {
	insert := func(m *model, from, to int) {
		for i := from; i < to; i++ {
			m.insert(fmt.Sprintf("key:%d", i))
		}
	}
	remove := func(m *model, from, to int) {
		for i := from; i < to; i++ {
			m.remove(fmt.Sprintf("key:%d", i))
		}
	}
	for _, c := range []struct {
		name string
		fill func(m *model)
	}{
		{"one", func(m *model) { insert(m, 0, 1) }},
		{"bucket", func(m *model) { insert(m, 0, 9) }},
		{"small", func(m *model) { insert(m, 0, 30) }},
		{"grown", func(m *model) { insert(m, 0, 800) }},
		{"shrunk", func(m *model) { insert(m, 0, 8000); remove(m, 700, 8000) }},
		{"paused growing", func(m *model) { insert(m, 0, 30); m.d.PauseResize(); insert(m, 30, 1000) }},
		{"paused shrinking", func(m *model) { insert(m, 0, 4000); m.d.PauseResize(); remove(m, 300, 4000) }},
		{"catching up", func(m *model) {
			insert(m, 0, 100)
			m.d.PauseResize()
			insert(m, 100, 1000)
			m.d.ResumeResize()
			m.d.CatchUp(m.typ, 20)
		}},
		{"sized ahead", func(m *model) { m.d.Expand(m.typ, 3000); insert(m, 0, 500) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newModel(t, 0, false)
			c.fill(m)
			counts := map[arena.Ref]float64{}
			const draws = 100
			n := float64(m.d.Len())
			for range int(n) * draws {
				counts[m.d.Random(m.typ)]++
			}
			sum := 0.0
			for _, r := range m.refs {
				sum += (counts[r] - draws) * (counts[r] - draws) / draws
			}
			// The mean of a fair draw is n-1 and the deviation sqrt(2(n-1)).
			// Ten deviations and a bit do not happen; elements in overflow
			// blocks half as likely as others would give hundreds.
			if limit := n - 1 + 10*math.Sqrt(2*n) + 20; sum > limit {
				t.Errorf("chi-square %.0f of %.0f elements, more than %.0f", sum, n, limit)
			}
		})
	}
}

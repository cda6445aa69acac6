package ttl

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// A pair is what the model holds.
type pair struct {
	atMs int64 // clamped
	ref  arena.Ref
}

func comparePairs(p, q pair) int {
	if p.atMs != q.atMs {
		return int(min(max(p.atMs-q.atMs, -1), 1))
	}
	return int(min(max(int64(p.ref)-int64(q.ref), -1), 1))
}

// A model drives an Index and a sorted slice alike.
type model struct {
	t     *testing.T
	a     *arena.Arena
	x     Index
	pairs []pair
}

func newModel(t *testing.T) *model {
	a := arena.NewChecked()
	t.Cleanup(a.Close)
	return &model{t: t, a: a}
}

func (m *model) find(atMs int64, ref arena.Ref) (int, pair, bool) {
	p := pair{min(max(atMs, 0), MaxMs), ref}
	i, found := slices.BinarySearchFunc(m.pairs, p, comparePairs)
	return i, p, found
}

// insert adds the pair unless it is there.
func (m *model) insert(atMs int64, ref arena.Ref) {
	i, p, found := m.find(atMs, ref)
	if found {
		return
	}
	m.pairs = slices.Insert(m.pairs, i, p)
	m.x.Insert(m.a, atMs, ref)
	m.compare()
}

// remove takes the pair out if it is there.
func (m *model) remove(atMs int64, ref arena.Ref) {
	m.t.Helper()
	i, _, found := m.find(atMs, ref)
	if found {
		m.pairs = slices.Delete(m.pairs, i, i+1)
	}
	if removed := m.x.Remove(m.a, atMs, ref); removed != found {
		m.t.Fatalf("Remove(%d, %#x) = %v, want %v", atMs, ref, removed, found)
	}
	m.compare()
}

// compare checks what is quick to check.
func (m *model) compare() {
	m.t.Helper()
	if m.x.Len() != len(m.pairs) {
		m.t.Fatalf("Len() = %d, want %d", m.x.Len(), len(m.pairs))
	}
	if m.x.Bytes(m.a) != m.a.Used() {
		m.t.Fatalf("Bytes() = %d, the arena has %d in use", m.x.Bytes(m.a), m.a.Used())
	}
	atMs, ref, ok := m.x.First(m.a)
	if ok != (len(m.pairs) > 0) {
		m.t.Fatalf("First() is %v with %d entries", ok, len(m.pairs))
	}
	if ok && (pair{atMs, ref}) != m.pairs[0] {
		m.t.Fatalf("First() = %d, %#x, want %v", atMs, ref, m.pairs[0])
	}
}

// check checks everything.
func (m *model) check() {
	m.t.Helper()
	m.compare()
	if err := m.x.Check(m.a); err != nil {
		m.t.Fatal(err)
	}
	sum := new(big.Int)
	for _, p := range m.pairs {
		sum.Add(sum, big.NewInt(p.atMs))
	}
	hi, lo := m.x.SumMs()
	got := new(big.Int).SetUint64(hi)
	got.Lsh(got, 64).Add(got, new(big.Int).SetUint64(lo))
	if got.Cmp(sum) != 0 {
		m.t.Fatalf("SumMs() = %v, want %v", got, sum)
	}
	mean := int64(0)
	if len(m.pairs) > 0 {
		mean = sum.Div(sum, big.NewInt(int64(len(m.pairs)))).Int64()
	}
	if m.x.MeanMs() != mean {
		m.t.Fatalf("MeanMs() = %d, want %d", m.x.MeanMs(), mean)
	}
}

// drain takes all entries out in order, as expiry does.
func (m *model) drain() {
	for len(m.pairs) > 0 {
		atMs, ref, _ := m.x.First(m.a)
		m.remove(atMs, ref)
	}
	m.check()
	if m.a.Used() != 0 {
		m.t.Fatalf("%d bytes in use by an empty index", m.a.Used())
	}
}

func TestZeroIndex(t *testing.T) {
	m := newModel(t)
	m.check()
	m.remove(1, 1)
	if !m.x.Free(m.a, 0) {
		t.Error("an empty index is not free")
	}
	m.insert(5, 1)
	m.remove(5, 2)
	m.remove(4, 1)
	m.remove(5, 1)
	m.check()
}

func TestClamping(t *testing.T) {
	m := newModel(t)
	times := []int64{math.MinInt64, -1, 0, 1, MaxMs - 1, MaxMs, MaxMs + 1, math.MaxInt64}
	for i, atMs := range times {
		m.insert(atMs, arena.Ref(i+1))
	}
	m.check()
	if atMs, ref, _ := m.x.First(m.a); atMs != 0 || ref != 1 {
		t.Errorf("First() = %d, %d", atMs, ref)
	}
	for i, atMs := range times {
		if !m.x.Remove(m.a, atMs, arena.Ref(i+1)) {
			t.Errorf("%d was not found", atMs)
		}
	}
}

func TestReferencesOfFortyBits(t *testing.T) {
	m := newModel(t)
	for shift := range 40 {
		for _, atMs := range []int64{0, 7, MaxMs} {
			m.insert(atMs, 1<<shift)
			m.insert(atMs, 1<<40-1<<shift)
		}
	}
	m.check()
	m.drain()
}

func TestInsertTwicePanics(t *testing.T) {
	m := newModel(t)
	m.insert(1, 1)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
		m.check()
	}()
	m.x.Insert(m.a, 1, 1)
}

// orders are ways in which n entries may arrive.
var orders = map[string]func(i, n int, random *rand.Rand) int64{
	"ascending":  func(i, n int, _ *rand.Rand) int64 { return int64(i) },
	"descending": func(i, n int, _ *rand.Rand) int64 { return int64(n - i) },
	"random":     func(i, n int, random *rand.Rand) int64 { return random.Int64N(1 << 40) },
	"one time":   func(i, n int, _ *rand.Rand) int64 { return 1_700_000_000_000 },
	"few times":  func(i, n int, random *rand.Rand) int64 { return random.Int64N(5) },
	// Every other key lives an hour, those between a minute or so.
	"two ascending": func(i, n int, _ *rand.Rand) int64 { return int64(i) + int64(i%2)*3_600_000 },
	"nearly ascending": func(i, n int, random *rand.Rand) int64 {
		return int64(i) + random.Int64N(100)
	},
}

func TestOrders(t *testing.T) {
	const n = 5000
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			m := newModel(t)
			random := rand.New(rand.NewPCG(3, 4))
			refs := random.Perm(n)
			for i := range n {
				m.insert(order(i, n, random), arena.Ref(refs[i]+1)*8)
			}
			m.check()
			t.Logf("%.1f bytes an entry, height %d", float64(m.x.Bytes(m.a))/n, m.x.height)
			if m.x.Bytes(m.a) > 16*n {
				t.Errorf("%d bytes for %d entries", m.x.Bytes(m.a), n)
			}
			for range n * 9 / 10 {
				p := m.pairs[random.IntN(len(m.pairs))]
				m.remove(p.atMs, p.ref)
			}
			m.check()
			t.Logf("%.1f bytes an entry after removing nine of ten", float64(m.x.Bytes(m.a))/float64(m.x.Len()))
			if m.x.Bytes(m.a) > 32*int64(m.x.Len()) {
				t.Errorf("%d bytes for %d entries", m.x.Bytes(m.a), m.x.Len())
			}
			m.drain()
		})
	}
}

func TestModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	m := newModel(t)
	now := int64(1_700_000_000_000)
	for i := range 30_000 {
		now += random.Int64N(3)
		growing := i/5000%2 == 0
		switch op := random.IntN(10); {
		case op < 3 || growing && op < 7:
			m.insert(now+random.Int64N(1<<random.IntN(30)), arena.Ref(1+random.Int64N(1<<random.IntN(40))))
		case op < 8 && len(m.pairs) > 0:
			p := m.pairs[random.IntN(len(m.pairs))]
			m.remove(p.atMs, p.ref)
		case op < 9 && len(m.pairs) > 0:
			m.remove(m.pairs[0].atMs, m.pairs[0].ref)
		default:
			m.remove(now, arena.Ref(random.IntN(100)))
		}
		if i%1000 == 0 {
			m.check()
		}
	}
	m.check()
	m.drain()
}

func TestFreeInSteps(t *testing.T) {
	for _, n := range []int{1, 40, 1000, 30_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			m := newModel(t)
			for i := range n {
				m.x.Insert(m.a, int64(i*7919%n), arena.Ref(i+1))
			}
			for steps := 0; ; steps++ {
				before := m.a.Used()
				done := m.x.Free(m.a, 3)
				if m.x.Len() != 0 || m.x.Bytes(m.a) != m.a.Used() {
					t.Fatalf("step %d: Len() = %d, Bytes() = %d of %d", steps, m.x.Len(), m.x.Bytes(m.a), m.a.Used())
				}
				if freed := before - m.a.Used(); freed > 3*max(leafBytes, innerBytes) {
					t.Fatalf("step %d freed %d bytes", steps, freed)
				}
				if done {
					break
				}
				if m.a.Used() == before {
					t.Fatalf("step %d freed nothing", steps)
				}
			}
			if m.a.Used() != 0 || m.x != (Index{}) {
				t.Errorf("%d bytes in use, index %+v", m.a.Used(), m.x)
			}
		})
	}
}

// TestCheckFinds damages an index and wants Check to say so.
func TestCheckFinds(t *testing.T) {
	for name, damage := range map[string]func(m *model){
		"length": func(m *model) { m.x.length++ },
		"sum":    func(m *model) { m.x.sumLo-- },
		"bytes":  func(m *model) { m.x.bytes += 8 },
		"order": func(m *model) {
			n := node{m.a.Ptr(m.x.root)}
			for range m.x.height {
				n = node{m.a.Ptr(n.child(1))}
			}
			e := n.entry(0)
			n.setEntry(0, n.entry(1))
			n.setEntry(1, e)
		},
		"key":   func(m *model) { n := node{m.a.Ptr(m.x.root)}; n.setKey(1, entry{1, 1}) },
		"count": func(m *model) { n := node{m.a.Ptr(m.x.root)}; n.setCount(n.count() - 1) },
		"child": func(m *model) { n := node{m.a.Ptr(m.x.root)}; n.setChild(1, n.child(0)) },
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(t)
			for i := range 5000 {
				m.x.Insert(m.a, int64(i*7919%5000), arena.Ref(i+1))
			}
			if err := m.x.Check(m.a); err != nil {
				t.Fatal(err)
			}
			damage(m)
			if m.x.Check(m.a) == nil {
				t.Error("Check found nothing")
			}
		})
	}
}

// FuzzIndex reads a step from each four bytes.
func FuzzIndex(f *testing.F) {
	f.Add([]byte("\x00\x01\x00\x02\x01\x05\x00\x08\x07\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, input []byte) {
		a := arena.NewChecked()
		defer a.Close()
		m := &model{t: t, a: a}
		now := int64(0)
		for ; len(input) >= 4; input = input[4:] {
			atMs, ref := int64(input[1])<<input[2]%64, arena.Ref(input[3])+1
			switch input[0] % 8 {
			case 0, 1: // near
				m.insert(atMs, ref)
			case 2: // a stretch in ascending order
				for i := range int64(input[2]) {
					now += int64(input[1] % 4)
					m.insert(now+i, ref)
				}
			case 3: // many at one time
				for i := range arena.Ref(input[2]) {
					m.insert(int64(input[1]), ref+i)
				}
			case 4:
				m.remove(atMs, ref)
			case 5: // from the front
				for range min(int(input[1]), len(m.pairs)) {
					m.remove(m.pairs[0].atMs, m.pairs[0].ref)
				}
			case 6: // here and there
				for i := int(input[1]); i < len(m.pairs); i += 1 + int(input[2]) {
					m.remove(m.pairs[i].atMs, m.pairs[i].ref)
				}
			case 7:
				m.check()
			}
		}
		m.check()
		m.drain()
	})
}

// TestOutOfMemory fills an index in an arena that has room now and then. No
// failure may lose an entry or damage the index.
func TestOutOfMemory(t *testing.T) {
	m := newModel(t)
	m.a.Limit(8 << 20)
	random := rand.New(rand.NewPCG(11, 12))
	var fillers []arena.Ref
	fill := func() {
		for {
			fillers = append(fillers, m.a.Alloc(1<<16))
		}
	}
	failures := 0
	for i := range 30_000 {
		p := pair{random.Int64N(1 << 40), arena.Ref(i + 1)}
		if failed(fill) && i%10 == 0 {
			last := len(fillers) - 1
			m.a.Free(fillers[last])
			fillers = fillers[:last]
		}
		insert := func() { m.x.Insert(m.a, p.atMs, p.ref) }
		if failed(insert) {
			failures++
			if err := m.x.Check(m.a); err != nil {
				t.Fatal(err)
			}
			if m.x.Remove(m.a, p.atMs, p.ref) {
				t.Fatal("an entry is there though inserting it failed")
			}
			continue
		}
		at, _, _ := m.find(p.atMs, p.ref)
		m.pairs = slices.Insert(m.pairs, at, p)
		if i%3 == 0 {
			gone := random.IntN(len(m.pairs))
			p := m.pairs[gone]
			m.pairs = slices.Delete(m.pairs, gone, gone+1)
			failed(func() { m.x.Remove(m.a, p.atMs, p.ref) })
		}
	}
	if failures == 0 {
		t.Error("memory never ran out")
	}
	t.Logf("%d of 30000 insertions failed", failures)
	for _, r := range fillers {
		m.a.Free(r)
	}
	if err := m.x.Check(m.a); err != nil {
		t.Fatal(err)
	}
	m.drain()
}

// failed reports whether f ran out of memory.
func failed(f func()) (out bool) {
	defer func() {
		if v := recover(); v != nil {
			if _, out = v.(*arena.OutOfMemoryError); !out {
				panic(v)
			}
		}
	}()
	f()
	return false
}

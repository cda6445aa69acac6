package tree

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

const benchEntries = 1_000_000

// memberBytes is the length of every member in the benchmarks.
const memberBytes = 16

// benchMembers is a type whose members are blocks of memberBytes.
func benchMembers(a *arena.Arena) *Type {
	return &Type{Arena: a, Tie: func(ref arena.Ref, probe string) int {
		return strings.Compare(unsafe.String((*byte)(a.Ptr(ref)), memberBytes), probe)
	}}
}

// orders are ways in which n entries may arrive.
var orders = map[string]func(i, n int, random *rand.Rand) uint64{
	"ascending":  func(i, n int, _ *rand.Rand) uint64 { return uint64(i) },
	"descending": func(i, n int, _ *rand.Rand) uint64 { return uint64(n - i) },
	"random":     func(i, n int, random *rand.Rand) uint64 { return random.Uint64() },
	"one key":    func(i, n int, _ *rand.Rand) uint64 { return 1 },
	"few keys":   func(i, n int, random *rand.Rand) uint64 { return random.Uint64N(5) },
	"two ascending": func(i, n int, _ *rand.Rand) uint64 {
		return uint64(i) + uint64(i%2)*uint64(n)
	},
	"nearly ascending": func(i, n int, random *rand.Rand) uint64 { return uint64(i) + random.Uint64N(100) },
	"nearly descending": func(i, n int, random *rand.Rand) uint64 {
		return uint64(n-i) + random.Uint64N(100)
	},
}

// A load is members to insert, with their keys and probes.
type load struct {
	ty     *Type
	keys   []uint64
	refs   []arena.Ref
	probes []string
}

func newLoad(a *arena.Arena, n int, order func(i, n int, random *rand.Rand) uint64) *load {
	l := &load{ty: benchMembers(a)}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		ref := a.Alloc(memberBytes)
		b := a.Bytes(ref, memberBytes)
		binary.LittleEndian.PutUint64(b, random.Uint64())
		binary.LittleEndian.PutUint64(b[8:], uint64(i))
		l.keys = append(l.keys, order(i, n, random))
		l.refs = append(l.refs, ref)
		l.probes = append(l.probes, unsafe.String(&b[0], memberBytes))
	}
	return l
}

func (l *load) fill(x *Tree) {
	var c Cursor
	for i, key := range l.keys {
		x.Seek(l.ty, &c, key, l.probes[i])
		x.Insert(l.ty, &c, Entry{key, l.refs[i]})
	}
}

func reportEach(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/entry")
}

// BenchmarkInsert builds a tree of a million entries, seeking each place.
func BenchmarkInsert(b *testing.B) {
	for name, order := range orders {
		b.Run(name, func(b *testing.B) {
			a := arena.New()
			defer a.Close()
			l := newLoad(a, benchEntries, order)
			var bytes int64
			for b.Loop() {
				var x Tree
				l.fill(&x)
				b.StopTimer()
				bytes = x.Bytes()
				x.Drain(l.ty, benchEntries, nil)
				b.StartTimer()
			}
			reportEach(b, benchEntries)
			b.ReportMetric(float64(bytes)/benchEntries, "bytes/entry")
		})
	}
}

// BenchmarkRead does what readers of a big sorted set do.
func BenchmarkRead(b *testing.B) {
	a := arena.New()
	defer a.Close()
	l := newLoad(a, benchEntries, orders["random"])
	var x Tree
	l.fill(&x)
	random := rand.New(rand.NewPCG(3, 4))
	var c Cursor
	var sink uint64
	for name, read := range map[string]func(i int){
		"Seek": func(i int) { x.Seek(l.ty, &c, l.keys[i], l.probes[i]) },
		"Rank": func(i int) {
			x.Seek(l.ty, &c, l.keys[i], l.probes[i])
			sink += x.Rank(l.ty, &c)
		},
		"SeekRank": func(i int) { x.SeekRank(l.ty, &c, uint64(i)) },
		"Range100": func(i int) {
			x.SeekKey(l.ty, &c, l.keys[i])
			for n := 0; n < 100 && c.Valid(); n++ {
				sink += uint64(c.Entry().Ref)
				c.Next(l.ty)
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				read(random.IntN(benchEntries))
			}
		})
	}
}

// BenchmarkChurn gives entries another key, as ZINCRBY does, and reports how
// much memory that leaves in use.
func BenchmarkChurn(b *testing.B) {
	a := arena.New()
	defer a.Close()
	l := newLoad(a, benchEntries, orders["random"])
	var x Tree
	l.fill(&x)
	random := rand.New(rand.NewPCG(5, 6))
	var c Cursor
	for b.Loop() {
		i := random.IntN(benchEntries)
		x.Seek(l.ty, &c, l.keys[i], l.probes[i])
		x.Remove(l.ty, &c)
		l.keys[i] = random.Uint64()
		x.Seek(l.ty, &c, l.keys[i], l.probes[i])
		x.Insert(l.ty, &c, Entry{l.keys[i], l.refs[i]})
	}
	b.ReportMetric(float64(x.Bytes())/benchEntries, "bytes/entry")
}

// BenchmarkRemoveRun takes everything out at one cursor, from the front or
// from the middle.
func BenchmarkRemoveRun(b *testing.B) {
	for name, start := range map[string]uint64{"front": 0, "middle": benchEntries / 2} {
		b.Run(name, func(b *testing.B) {
			a := arena.New()
			defer a.Close()
			l := newLoad(a, benchEntries, orders["random"])
			for b.Loop() {
				b.StopTimer()
				var x Tree
				l.fill(&x)
				b.StartTimer()
				var c Cursor
				x.SeekRank(l.ty, &c, start)
				for c.Valid() {
					x.Remove(l.ty, &c)
				}
				b.StopTimer()
				x.Drain(l.ty, benchEntries, nil)
				b.StartTimer()
			}
			reportEach(b, benchEntries-int(start))
		})
	}
}

// BenchmarkDrain frees a tree in steps of eight leaves.
func BenchmarkDrain(b *testing.B) {
	a := arena.New()
	defer a.Close()
	l := newLoad(a, benchEntries, orders["random"])
	var sink arena.Ref
	for b.Loop() {
		b.StopTimer()
		var x Tree
		l.fill(&x)
		b.StartTimer()
		for !x.Drain(l.ty, 8, func(e Entry) { sink += e.Ref }) {
		}
	}
	reportEach(b, benchEntries)
}

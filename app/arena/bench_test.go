package arena

import (
	"math/rand/v2"
	"testing"
	"unsafe"
)

func BenchmarkAllocFree(b *testing.B) {
	for _, row := range []struct {
		name string
		n    int
	}{{"24", 24}, {"200", 200}, {"1000", 1000}, {"20K", 20_000}, {"50K", 50_000}, {"1M", 1 << 20}, {"10M", 10 << 20}} {
		b.Run(row.name, func(b *testing.B) {
			a := New()
			defer a.Close()
			for b.Loop() {
				a.Free(a.Alloc(row.n))
			}
		})
	}
}

// BenchmarkChurn replaces blocks of 1 to 200 bytes, chosen at random among as
// many as fit the caches, or do not.
func BenchmarkChurn(b *testing.B) {
	for _, row := range []struct {
		name  string
		count int
	}{{"10K", 10_000}, {"1M", 1 << 20}} {
		b.Run(row.name, func(b *testing.B) {
			a := New()
			defer a.Close()
			refs := make([]Ref, row.count)
			random := rand.New(rand.NewPCG(1, 2))
			for i := range refs {
				refs[i] = a.Alloc(1 + random.IntN(200))
			}
			asked := make([]uint32, 1<<16) // drawn ahead: where and how much
			for i := range asked {
				asked[i] = random.Uint32()
			}
			i := 0
			for b.Loop() {
				draw := asked[i%len(asked)] + uint32(i)
				at := int(draw*2654435761>>8) % row.count
				a.Free(refs[at])
				refs[at] = a.Alloc(1 + int(draw>>8)%200)
				i++
			}
		})
	}
}

// BenchmarkFill allocates a million blocks of 48 bytes, page faults included.
func BenchmarkFill(b *testing.B) {
	for b.Loop() {
		a := New()
		for range 1 << 20 {
			*(*uint64)(a.Ptr(a.Alloc(48))) = 1
		}
		a.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(1<<20), "ns/block")
}

var sink unsafe.Pointer

func BenchmarkPtr(b *testing.B) {
	a := New()
	defer a.Close()
	var refs [256]Ref
	for i := range refs {
		refs[i] = a.Alloc(100)
	}
	i := 0
	for b.Loop() {
		sink = a.Ptr(refs[i%256])
		i++
	}
}

// BenchmarkGrow appends to a block step by step, as a growing string does.
func BenchmarkGrow(b *testing.B) {
	a := New()
	defer a.Close()
	for b.Loop() {
		r, have := a.Alloc(64), 64
		for have < 64<<20 {
			n := have + have/8 + 8
			r = a.Resize(r, have, n)
			have = n
		}
		a.Free(r)
		for a.Reclaim(1 << 20) {
		}
	}
}

// BenchmarkReclaimMegabyte gives back memory that was written to.
func BenchmarkReclaimMegabyte(b *testing.B) {
	a := New()
	defer a.Close()
	for b.Loop() {
		b.StopTimer()
		r := a.Alloc(1 << 26)
		for i := 0; i < 1<<26; i += pageBytes {
			a.Bytes(r, 1<<26)[i] = 1
		}
		a.Free(r)
		b.StartTimer()
		for a.Reclaim(1 << 20) {
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/64, "ns/MB")
}

package ttl

import (
	"math/rand/v2"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

const benchEntries = 1_000_000

func times(order func(i, n int, random *rand.Rand) int64) []int64 {
	random := rand.New(rand.NewPCG(1, 2))
	at := make([]int64, benchEntries)
	for i := range at {
		at[i] = 1_700_000_000_000 + order(i, benchEntries, random)
	}
	return at
}

func perEntry(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchEntries, "ns/entry")
}

// BenchmarkInsert builds an index of a million entries.
func BenchmarkInsert(b *testing.B) {
	for name, order := range orders {
		b.Run(name, func(b *testing.B) {
			at := times(order)
			var bytes int64
			for b.Loop() {
				var x Index
				a := arena.New()
				for i, ms := range at {
					x.Insert(a, ms, arena.Ref(i+1))
				}
				bytes = x.Bytes(a)
				a.Close()
			}
			perEntry(b)
			b.ReportMetric(float64(bytes)/benchEntries, "bytes/entry")
		})
	}
}

// BenchmarkExpire takes a million entries out from the front.
func BenchmarkExpire(b *testing.B) {
	at := times(orders["random"])
	for b.Loop() {
		b.StopTimer()
		var x Index
		a := arena.New()
		for i, ms := range at {
			x.Insert(a, ms, arena.Ref(i+1))
		}
		b.StartTimer()
		for {
			ms, ref, ok := x.First(a)
			if !ok {
				break
			}
			x.Remove(a, ms, ref)
		}
		b.StopTimer()
		a.Close()
		b.StartTimer()
	}
	perEntry(b)
}

// BenchmarkReplace gives entries another time, as EXPIRE of a key that has one,
// and reports how much memory that leaves in use.
func BenchmarkReplace(b *testing.B) {
	at := times(orders["random"])
	var x Index
	a := arena.New()
	defer a.Close()
	for i, ms := range at {
		x.Insert(a, ms, arena.Ref(i+1))
	}
	random := rand.New(rand.NewPCG(5, 6))
	i := 0
	for b.Loop() {
		k := i % benchEntries * 7919 % benchEntries
		x.Remove(a, at[k], arena.Ref(k+1))
		at[k] = 1_700_000_000_000 + random.Int64N(1<<40)
		x.Insert(a, at[k], arena.Ref(k+1))
		i++
	}
	b.ReportMetric(float64(x.Bytes(a))/benchEntries, "bytes/entry")
}

// BenchmarkRemoveHalf removes every other entry in random order and reports the
// memory of the rest.
func BenchmarkRemoveHalf(b *testing.B) {
	at := times(orders["random"])
	gone := rand.New(rand.NewPCG(7, 8)).Perm(benchEntries)[:benchEntries/2]
	var bytes int64
	for b.Loop() {
		b.StopTimer()
		var x Index
		a := arena.New()
		for i, ms := range at {
			x.Insert(a, ms, arena.Ref(i+1))
		}
		b.StartTimer()
		for _, i := range gone {
			x.Remove(a, at[i], arena.Ref(i+1))
		}
		b.StopTimer()
		bytes = x.Bytes(a)
		a.Close()
		b.StartTimer()
	}
	perEntry(b)
	b.ReportMetric(float64(bytes)/(benchEntries/2), "bytes/entry")
}

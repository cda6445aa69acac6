package dict

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// A benchTable is a table of keys of 16 bytes with values of 16, in records
// like those of the keyspace.
type benchTable struct {
	t    *Type
	d    Dict
	keys int
}

// benchKey writes key i, which is absent beyond the number of keys, into buf
// and returns a view of it.
func benchKey(buf *[16]byte, i uint64) string {
	binary.LittleEndian.PutUint64(buf[:8], i)
	binary.LittleEndian.PutUint64(buf[8:], i)
	return unsafe.String(&buf[0], len(buf))
}

// benchTables are kept between benchmarks: filling one takes seconds.
var benchTables = map[int]*benchTable{}

func tableOf(b *testing.B, n int) *benchTable {
	if bt := benchTables[n]; bt != nil {
		return bt
	}
	bt := newBenchTable(n)
	benchTables[n] = bt
	b.ResetTimer()
	return bt
}

func newBenchTable(n int) *benchTable {
	bt := &benchTable{t: NewType(arena.New(), 4, true), keys: n}
	var buf [16]byte
	for _, i := range rand.Perm(n) {
		key := benchKey(&buf, uint64(i))
		bt.d.Insert(bt.t, bt.t.Hash(key), newRecord(bt.t, key, "0123456789abcdef", false))
	}
	return bt
}

// benchSizes are 1k and 1M keys, and 10M when DICT_BENCH=large.
func benchSizes() []int {
	if os.Getenv("DICT_BENCH") == "large" {
		return []int{1e3, 1e6, 1e7}
	}
	return []int{1e3, 1e6}
}

func forSizes(b *testing.B, run func(*testing.B, *benchTable)) {
	for _, n := range benchSizes() {
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) { run(b, tableOf(b, n)) })
	}
}

// BenchmarkFind includes the hash of the key.
func BenchmarkFind(b *testing.B) {
	for _, c := range []struct {
		name  string
		first float64
	}{{"hit", 0}, {"miss", 1}} {
		b.Run(c.name, func(b *testing.B) {
			forSizes(b, func(b *testing.B, bt *benchTable) {
				var buf [16]byte
				rng := uint64(rand.Uint32())
				found := 0
				first := uint64(c.first * float64(bt.keys))
				for b.Loop() {
					rng = rng*6364136223846793005 + 1442695040888963407
					key := benchKey(&buf, first+(rng>>33)*uint64(bt.keys)>>31)
					if bt.d.Find(bt.t, bt.t.Hash(key), key) != 0 {
						found++
					}
				}
				if (found == b.N) != (c.first == 0) {
					b.Fatalf("found %d of %d", found, b.N)
				}
			})
		})
	}
}

// BenchmarkKeyOnly is what BenchmarkFind spends on making and hashing keys.
func BenchmarkKeyOnly(b *testing.B) {
	bt := tableOf(b, 1e3)
	var buf [16]byte
	rng := uint64(1)
	var sum uint8
	for b.Loop() {
		rng = rng*6364136223846793005 + 1442695040888963407
		sum += uint8(bt.t.Hash(benchKey(&buf, (rng>>33)*uint64(bt.keys)>>31)))
	}
	keep(sum)
}

// BenchmarkTouchFind reports the time per key of batches.
func BenchmarkTouchFind(b *testing.B) {
	for _, batch := range []int{16, 100} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			forSizes(b, func(b *testing.B, bt *benchTable) {
				bufs := make([][16]byte, batch)
				keys := make([]string, batch)
				hashes := make([]uint64, batch)
				rng := uint64(rand.Uint32())
				for b.Loop() {
					for i := range keys {
						rng = rng*6364136223846793005 + 1442695040888963407
						keys[i] = benchKey(&bufs[i], (rng>>33)*uint64(bt.keys)>>31)
						hashes[i] = bt.t.Hash(keys[i])
					}
					bt.d.Touch(bt.t, hashes)
					for i, key := range keys {
						if bt.d.Find(bt.t, hashes[i], key) == 0 {
							b.Fatal("not found")
						}
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/key")
			})
		})
	}
}

// BenchmarkRemoveInsert takes a random record out and puts it back.
func BenchmarkRemoveInsert(b *testing.B) {
	forSizes(b, func(b *testing.B, bt *benchTable) {
		var buf [16]byte
		rng := uint64(rand.Uint32())
		for b.Loop() {
			rng = rng*6364136223846793005 + 1442695040888963407
			key := benchKey(&buf, (rng>>33)*uint64(bt.keys)>>31)
			h := bt.t.Hash(key)
			r := bt.d.Find(bt.t, h, key)
			bt.d.Remove(bt.t, h, r)
			bt.d.Insert(bt.t, h, r)
		}
	})
}

// BenchmarkFill builds a table of n records that exist already and takes it
// down again, both in random order; it reports each per element.
func BenchmarkFill(b *testing.B) {
	forSizes(b, func(b *testing.B, bt *benchTable) {
		refs := make([]arena.Ref, 0, bt.keys)
		hashes := make([]uint64, 0, bt.keys)
		for r := range bt.d.All(bt.t) {
			refs = append(refs, r)
		}
		rand.Shuffle(len(refs), func(i, j int) { refs[i], refs[j] = refs[j], refs[i] })
		for _, r := range refs {
			hashes = append(hashes, bt.t.Hash(bt.t.Key(r)))
		}
		var insert, remove float64
		for b.Loop() {
			var d Dict
			start := b.Elapsed()
			for i, r := range refs {
				d.Insert(bt.t, hashes[i], r)
			}
			middle := b.Elapsed()
			for i, r := range refs {
				d.Remove(bt.t, hashes[i], r)
			}
			insert += float64((middle - start).Nanoseconds())
			remove += float64((b.Elapsed() - middle).Nanoseconds())
		}
		n := float64(b.N * bt.keys)
		b.ReportMetric(insert/n, "ns/insert")
		b.ReportMetric(remove/n, "ns/remove")
	})
}

// BenchmarkRandom picks random elements.
func BenchmarkRandom(b *testing.B) {
	forSizes(b, func(b *testing.B, bt *benchTable) {
		for b.Loop() {
			if bt.d.Random(bt.t) == 0 {
				b.Fatal("no element")
			}
		}
	})
}

// BenchmarkScan reports the time per bucket.
func BenchmarkScan(b *testing.B) {
	forSizes(b, func(b *testing.B, bt *benchTable) {
		n, cursor := 0, uint64(0)
		for b.Loop() {
			cursor = bt.d.Scan(bt.t, cursor, func(arena.Ref) { n++ })
		}
		b.ReportMetric(float64(n)/float64(b.N), "elements/op")
	})
}

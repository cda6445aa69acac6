package listpack

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// benchLists are 128 fields and values each, of the kinds that hashes have.
func benchLists() map[string][]string {
	r := rand.New(rand.NewPCG(1, 2))
	lists := map[string][]string{}
	for i := range 64 {
		field := "field:" + strconv.Itoa(1000+i)
		lists["short"] = append(lists["short"], field, "value of it")
		lists["ints"] = append(lists["ints"], strconv.Itoa(5000+i), strconv.Itoa(100000*i))
		lists["counters"] = append(lists["counters"], field, strconv.Itoa(i))
		lists["mixed"] = append(lists["mixed"], field[:r.IntN(6)+4], mixedValue(r))
		lists["long"] = append(lists["long"], field, strings.Repeat("v", 64+i))
	}
	for name := range lists {
		lists[name][126] = "98765"
		if name != "ints" {
			lists[name][126] = "last:1063"
		}
	}
	return lists
}

func mixedValue(r *rand.Rand) string {
	switch r.IntN(4) {
	case 0:
		return strconv.Itoa(r.IntN(100))
	case 1:
		return strconv.Itoa(r.IntN(1 << 30))
	case 2:
		return strings.Repeat("v", r.IntN(20)+60)
	default:
		return strings.Repeat("w", r.IntN(20))
	}
}

func benchmark(b *testing.B, run func(b *testing.B, lp []byte, last string)) {
	for _, name := range []string{"short", "ints", "counters", "mixed", "long"} {
		list := benchLists()[name]
		lp := build(list...)
		b.Run(fmt.Sprintf("%s=%d", name, len(lp)), func(b *testing.B) { run(b, lp, list[126]) })
	}
}

// BenchmarkFind looks for the last of 64 fields.
func BenchmarkFind(b *testing.B) {
	benchmark(b, func(b *testing.B, lp []byte, last string) {
		for b.Loop() {
			if Find(lp, First(lp), last, 1) < 0 {
				b.Fatal("not found")
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/128, "ns/entry")
	})
}

// BenchmarkFindMember looks at each of 128 entries for one that is not there.
func BenchmarkFindMember(b *testing.B) {
	benchmark(b, func(b *testing.B, lp []byte, last string) {
		for b.Loop() {
			if Find(lp, First(lp), "last:9063", 0) >= 0 {
				b.Fatal("found")
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/128, "ns/entry")
	})
}

func BenchmarkNext(b *testing.B) {
	benchmark(b, func(b *testing.B, lp []byte, _ string) {
		for b.Loop() {
			n := 0
			for p := First(lp); !AtEnd(lp, p); p = Next(lp, p) {
				n++
			}
			if n != 128 {
				b.Fatal(n)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/128, "ns/entry")
	})
}

func BenchmarkPrev(b *testing.B) {
	benchmark(b, func(b *testing.B, lp []byte, _ string) {
		for b.Loop() {
			n := 0
			for p := Last(lp); p != 0; p = Prev(lp, p) {
				n++
			}
			if n != 128 {
				b.Fatal(n)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/128, "ns/entry")
	})
}

// BenchmarkNextRead reads all entries, as HGETALL does.
func BenchmarkNextRead(b *testing.B) {
	benchmark(b, func(b *testing.B, lp []byte, _ string) {
		for b.Loop() {
			n := 0
			for p := First(lp); !AtEnd(lp, p); p = Next(lp, p) {
				if str, i, isInt := Read(lp, p); isInt {
					n += int(i) & 1
				} else {
					n += len(str)
				}
			}
			if n == 0 {
				b.Fatal(n)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/128, "ns/entry")
	})
}

// BenchmarkAppendDelete adds an entry at the tail and takes one from the head.
func BenchmarkAppendDelete(b *testing.B) {
	benchmark(b, func(b *testing.B, lp []byte, _ string) {
		lp = append(lp, make([]byte, 1<<15)...)[:len(lp)]
		i := int64(0)
		for b.Loop() {
			i++
			lp = AppendInt(lp, i)
			lp = Delete(lp, First(lp), 1)
		}
	})
}

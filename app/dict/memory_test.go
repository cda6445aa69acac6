package dict

import (
	"math"
	"os"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// TestBytesPerKey bounds the memory of a table while it grows to 300,000 keys, and
// to 10M with DICT_BENCH=large.
func TestBytesPerKey(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a big table")
	}
	a := arena.New()
	defer a.Close()
	typ := NewType(a, 4, true)
	n := 300_000
	if os.Getenv("DICT_BENCH") == "large" {
		n = 10_000_000
	}
	var d Dict
	var buf [16]byte
	low, high := math.Inf(1), 0.0
	for i := range n {
		key := benchKey(&buf, uint64(i))
		d.Insert(typ, typ.Hash(key), newRecord(typ, key, "", false))
		if i >= n/4 && i%1000 == 0 {
			each := float64(d.Bytes(typ)) / float64(d.Len())
			low, high = min(low, each), max(high, each)
		}
	}
	t.Logf("%d keys: %.3f bytes each, %.3f to %.3f while growing fourfold",
		n, float64(d.Bytes(typ))/float64(n), low, high)
	if high > 8.4 || low < 6.4 {
		t.Errorf("bytes per key from %.3f to %.3f, want at most 8.4", low, high)
	}
}

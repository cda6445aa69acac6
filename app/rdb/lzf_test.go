package rdb

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// A lzfVector is a string and its compressed form by redis-server, nil when it
// was left as it is.
type lzfVector struct{ plain, packed []byte }

func lzfVectors(t testing.TB) []lzfVector {
	t.Helper()
	text, err := os.ReadFile("testdata/lzf.txt")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []lzfVector
	for line := range strings.Lines(string(text)) {
		if line[0] == '#' {
			continue
		}
		plain, packed, _ := strings.Cut(strings.TrimSpace(line), " ")
		v := lzfVector{plain: unhex(t, plain)}
		if packed != "-" {
			v.packed = unhex(t, packed)
		}
		vectors = append(vectors, v)
	}
	return vectors
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestLZFVectors holds that strings become the bytes they become in Redis.
func TestLZFVectors(t *testing.T) {
	for i, v := range lzfVectors(t) {
		t.Run(fmt.Sprintf("%d %.20q", i, v.plain), func(t *testing.T) {
			got := CompressLZF(nil, v.plain)
			if !bytes.Equal(got, v.packed) {
				t.Fatalf("CompressLZF(%q)\n got %x\nwant %x", v.plain, got, v.packed)
			}
			if got == nil {
				return
			}
			back, err := DecompressLZF(nil, v.packed, len(v.plain))
			if err != nil || !bytes.Equal(back, v.plain) {
				t.Fatalf("DecompressLZF = %q, %v", back, err)
			}
		})
	}
}

// TestLZFAppends holds that both ways leave alone what dst has already.
func TestLZFAppends(t *testing.T) {
	plain := bytes.Repeat([]byte("abc"), 100)
	packed := CompressLZF([]byte("head"), plain)
	if !bytes.HasPrefix(packed, []byte("head")) {
		t.Fatalf("CompressLZF appended %q", packed)
	}
	back, err := DecompressLZF([]byte("HEAD"), packed[4:], len(plain))
	if err != nil || string(back) != "HEAD"+string(plain) {
		t.Fatalf("DecompressLZF = %q, %v", back, err)
	}
}

func TestLZFCorrupt(t *testing.T) {
	for _, test := range []struct {
		name   string
		packed string
		size   int
	}{
		{"empty data", "", 1},
		{"negative size", "\x00a", -1},
		{"literal cut short", "\x02ab", 3},
		{"literal too long", "\x02abc", 2},
		{"literal too short", "\x02abc", 4},
		{"reference without offset", "\x00a\x20", 4},
		{"long reference without length", "\x00a\xe0", 10},
		{"long reference without offset", "\x00a\xe0\x00", 10},
		{"reference before the start", "\x00a\x20\x01", 4},
		{"reference first", "\x20\x00", 3},
		{"reference too long", "\x00a\x20\x00", 3},
		{"reference too short", "\x00a\x20\x00", 5},
		{"impossible size", "\x00a\xe0\xff\x00", math.MaxInt},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, err := DecompressLZF(nil, []byte(test.packed), test.size); err == nil || got != nil {
				t.Fatalf("DecompressLZF = %q, %v", got, err)
			}
		})
	}
	if got, err := DecompressLZF(nil, nil, 0); err != nil || len(got) != 0 {
		t.Errorf("nothing became %q, %v", got, err)
	}
}

// lzfRandom is a string of n bytes with something to find in it.
func lzfRandom(r *rand.Rand, n int) []byte {
	var s []byte
	letters := 1 + r.IntN(256)
	for len(s) < n {
		if len(s) > 0 && r.IntN(4) == 0 {
			from := r.IntN(len(s))
			s = append(s, s[from:min(from+r.IntN(400), len(s))]...)
			continue
		}
		for range 1 + r.IntN(50) {
			s = append(s, byte(r.IntN(letters)))
		}
	}
	return s[:n]
}

// TestLZFRandom sends many strings through tables that are used again, also
// across the point where a table runs out of places.
func TestLZFRandom(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewPCG(seed, seed))
	reused := &lzfTable{end: math.MaxUint32 - 1<<20}
	for range 500 {
		plain := lzfRandom(r, 5+r.IntN(1+r.IntN(30_000)))
		want := make([]byte, len(plain))
		fresh := &lzfTable{end: 1}
		fresh.claim(len(plain))
		want = want[:fresh.compress(want, plain)]
		got := make([]byte, len(plain))
		reused.claim(len(plain))
		got = got[:reused.compress(got, plain)]
		if !bytes.Equal(got, want) {
			t.Fatalf("a table used before gives other bytes for %q", plain)
		}
		if len(got) == 0 {
			continue
		}
		back, err := DecompressLZF(nil, got, len(plain))
		if err != nil || !bytes.Equal(back, plain) {
			t.Fatalf("%q came back as %q, %v", plain, back, err)
		}
	}
	if reused.end > math.MaxUint32/2 {
		t.Error("the table never started anew")
	}
}

// TestLZFAllocates nothing into space that suffices.
func TestLZFAllocates(t *testing.T) {
	plain := bytes.Repeat([]byte("abcdefghij"), 100)
	packed := make([]byte, 0, len(plain))
	back := make([]byte, 0, len(plain))
	allocs := testing.AllocsPerRun(100, func() {
		packed = CompressLZF(packed[:0], plain)
		back, _ = DecompressLZF(back[:0], packed, len(plain))
	})
	if allocs >= 1 { // the race detector makes the pool forget a table now and then
		t.Errorf("%v allocations", allocs)
	}
}

// slowDecompress reads the format in the plainest way.
func slowDecompress(packed []byte) (plain []byte, ok bool) {
	for len(packed) > 0 {
		control := int(packed[0])
		packed = packed[1:]
		if control < 32 {
			if len(packed) < control+1 {
				return nil, false
			}
			plain = append(plain, packed[:control+1]...)
			packed = packed[control+1:]
			continue
		}
		length := control >> 5
		if length == 7 && len(packed) > 0 {
			length += int(packed[0])
			packed = packed[1:]
		}
		if len(packed) == 0 {
			return nil, false
		}
		from := len(plain) - 1 - (control&31*256 + int(packed[0]))
		packed = packed[1:]
		if from < 0 {
			return nil, false
		}
		for range length + 2 {
			plain = append(plain, plain[from])
			from++
		}
	}
	return plain, true
}

// FuzzLZF takes any bytes as a string, which must come back, and as compressed
// data, which must be read as the plainest reader does or be refused.
func FuzzLZF(f *testing.F) {
	for _, v := range lzfVectors(f) {
		f.Add(v.plain, len(v.packed))
		f.Add(v.packed, len(v.plain))
	}
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		if len(b) > 1<<16 {
			return
		}
		if packed := CompressLZF(nil, b); packed != nil {
			if len(packed) > len(b)-lzfSaves {
				t.Fatalf("%d bytes became %d", len(b), len(packed))
			}
			if back, err := DecompressLZF(nil, packed, len(b)); err != nil || !bytes.Equal(back, b) {
				t.Fatalf("%q came back as %q, %v", b, back, err)
			}
		}
		want, ok := slowDecompress(b)
		for _, size := range []int{size, len(want)} {
			got, err := DecompressLZF(nil, b, size)
			if (err == nil) != (ok && size == len(want)) {
				t.Fatalf("DecompressLZF(%q, %d): %v, but it is %v that it yields %d bytes", b, size, err, ok, len(want))
			}
			if err == nil && !slices.Equal(got, want) {
				t.Fatalf("DecompressLZF(%q) = %q, want %q", b, got, want)
			}
		}
	})
}

func BenchmarkLZF(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, bench := range []struct {
		name  string
		plain []byte
	}{
		{"100 B", lzfRandom(r, 100)},
		{"8 KiB", lzfRandom(r, 8<<10)},
		{"1 MiB", lzfRandom(r, 1<<20)},
		{"1 MiB of zeros", make([]byte, 1<<20)},
	} {
		packed := CompressLZF(nil, bench.plain)
		b.Run("compress "+bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.plain)))
			space := make([]byte, 0, len(bench.plain))
			for b.Loop() {
				CompressLZF(space, bench.plain)
			}
		})
		b.Run("decompress "+bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.plain)))
			space := make([]byte, 0, len(bench.plain))
			for b.Loop() {
				DecompressLZF(space, packed, len(bench.plain))
			}
		})
	}
}

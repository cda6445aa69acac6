package intset

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// add adds n unless it is there.
func add(b []byte, n int64) []byte {
	if i, found := Find(b, n); !found {
		b = Insert(b, i, n)
	}
	return b
}

func build(ns ...int64) []byte {
	b := Init(make([]byte, HeaderSize))
	for _, n := range ns {
		b = add(b, n)
	}
	return b
}

// ints are the integers of an intset.
func ints(b []byte) []int64 {
	ns := []int64{}
	for i := range Len(b) {
		ns = append(ns, At(b, i))
	}
	return ns
}

// TestBytes compares with what DUMP of redis-server holds.
func TestBytes(t *testing.T) {
	for _, tt := range []struct {
		in   []int64
		want string
	}{
		{nil, "0200000000000000"},
		{[]int64{1}, "02000000010000000100"},
		{[]int64{3, -1, 2, 3}, "0200000003000000ffff02000300"},
		{[]int64{32767, -32768}, "02000000020000000080ff7f"},
		{[]int64{1, 32768}, "04000000020000000100000000800000"},
		{[]int64{1, -32769}, "0400000002000000ff7fffff01000000"},
		{[]int64{5, 1 << 31}, "080000000200000005000000000000000000008000000000"},
		{[]int64{5, math.MinInt64}, "080000000200000000000000000000800500000000000000"},
		{[]int64{5, math.MaxInt64, 6}, "080000000300000005000000000000000600000000000000ffffffffffffff7f"},
	} {
		t.Run(fmt.Sprint(tt.in), func(t *testing.T) {
			b := build(tt.in...)
			if got := hex.EncodeToString(b); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if Size(b) != len(b) {
				t.Errorf("size %d of %d bytes", Size(b), len(b))
			}
		})
	}
}

func TestFind(t *testing.T) {
	b := build(10, 20, 30, 40000, -5)
	for _, tt := range []struct {
		n     int64
		i     int
		found bool
	}{
		{-6, 0, false}, {-5, 0, true}, {0, 1, false}, {10, 1, true}, {11, 2, false}, {30, 3, true},
		{39999, 4, false}, {40000, 4, true}, {40001, 5, false}, {math.MinInt64, 0, false}, {math.MaxInt64, 5, false},
	} {
		if i, found := Find(b, tt.n); i != tt.i || found != tt.found {
			t.Errorf("%d: %d, %v; want %d, %v", tt.n, i, found, tt.i, tt.found)
		}
	}
}

// TestModel adds and removes at random beside a sorted slice.
func TestModel(t *testing.T) {
	for _, bits := range []int{4, 10, 17, 33, 64} {
		r := rand.New(rand.NewPCG(1, uint64(bits)))
		b := build()
		var want []int64
		for step := range 4000 {
			n := int64(r.Uint64()) >> (64 - bits)
			i, found := Find(b, n)
			if k, ok := slices.BinarySearch(want, n); k != i || ok != found {
				t.Fatalf("%d is found at %d, %v; want %d, %v", n, i, found, k, ok)
			}
			switch {
			case found:
				b = Delete(b, i)
				want = slices.Delete(want, i, i+1)
			case step%3 != 0:
				size := SizeWith(b, n)
				if b = Insert(b, i, n); len(b) != size {
					t.Fatalf("%d bytes, %d were foretold", len(b), size)
				}
				want = slices.Insert(want, i, n)
			}
			if len(want) > 0 && step%50 == 0 {
				if err := Validate(b, true); err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Equal(ints(b), want) {
				t.Fatalf("%d integers, want %d", Len(b), len(want))
			}
		}
	}
}

func TestInsertInPlace(t *testing.T) {
	b := Init(make([]byte, 64))
	for n := range int64(10) {
		grown := Insert(b, 0, -n)
		if &grown[0] != &b[0] {
			t.Fatal("moved, with room enough")
		}
		b = grown
	}
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		name, hex string
		shallow   bool
		deep      bool
	}{
		{"good", "02000000020000000100ff7f", true, true},
		{"wider than needed", "0400000001000000ffffffff", true, true},
		{"nothing", "", false, false},
		{"half a header", "02000000", false, false},
		{"empty", "0200000000000000", false, false},
		{"width", "03000000010000000100ff", false, false},
		{"too short", "02000000020000000100", false, false},
		{"too long", "020000000100000001000200", false, false},
		{"count that overflows", "08000000ffffffff0100000000000000", false, false},
		{"order", "020000000200000002000100", true, false},
		{"twice", "020000000200000001000100", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := hex.DecodeString(tt.hex)
			if err != nil {
				t.Fatal(err)
			}
			if err := Validate(b, false); (err == nil) != tt.shallow {
				t.Errorf("shallow: %v", err)
			}
			if err := Validate(b, true); (err == nil) != tt.deep {
				t.Errorf("deep: %v", err)
			}
		})
	}
}

// FuzzValidate: no bytes make Validate panic, and what it takes as a whole can
// be searched and edited.
func FuzzValidate(f *testing.F) {
	f.Add(build(1, 2, 3), int64(5))
	f.Add(build(1, 1<<40), int64(-1))
	f.Add([]byte("\x08\x00\x00\x00\xff\xff\xff\x1f"), int64(1<<40))
	f.Fuzz(func(t *testing.T, b []byte, n int64) {
		if Validate(b, true) != nil {
			return
		}
		want := ints(b)
		for i, x := range want {
			if k, found := Find(b, x); k != i || !found {
				t.Fatalf("integer %d, %d, is found at %d, %v", i, x, k, found)
			}
		}
		if i, found := Find(b, n); found {
			b, want = Delete(b, i), slices.Delete(want, i, i+1)
		} else {
			b, want = Insert(b, i, n), slices.Insert(want, i, n)
		}
		if !slices.Equal(ints(b), want) || Size(b) != len(b) {
			t.Fatalf("got %d, want %d", ints(b), want)
		}
	})
}

func BenchmarkFind(b *testing.B) {
	set := build()
	for n := range int64(512) {
		set = add(set, 7*n)
	}
	r := uint64(1)
	for b.Loop() {
		r = r*6364136223846793005 + 1442695040888963407
		Find(set, int64(r>>52))
	}
}

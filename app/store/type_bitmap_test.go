package store

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// bitAt is a bit the slow way; beyond the end there are zeros.
func bitAt(b []byte, i int64) bool {
	return i>>3 < int64(len(b)) && b[i>>3]>>(7-i&7)&1 != 0
}

// testBitmaps have bits in all places that matter to words and edges.
func testBitmaps(rng *rand.Rand) [][]byte {
	maps := [][]byte{nil}
	for _, n := range []int{1, 2, 7, 8, 9, 31, 32, 33, 40, 63, 64, 65, 100, 200} {
		random := make([]byte, n)
		for i := range random {
			random[i] = byte(rng.Uint32())
		}
		one := make([]byte, n)
		one[rng.IntN(n)] = 1 << rng.IntN(8)
		zero := bytes.Repeat([]byte{0xff}, n)
		zero[rng.IntN(n)] ^= 1 << rng.IntN(8)
		maps = append(maps, random, one, zero, make([]byte, n), bytes.Repeat([]byte{0xff}, n))
	}
	return maps
}

func TestBitRanges(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, b := range testBitmaps(rng) {
		n := int64(len(b)) * 8
		for range 50 {
			lo, hi := rng.Int64N(n+1), rng.Int64N(n+1)
			compareBitRange(t, b, lo, hi)
		}
		compareBitRange(t, b, 0, n)
	}
}

// compareBitRange counts and finds bit by bit.
func compareBitRange(t *testing.T, b []byte, lo, hi int64) {
	t.Helper()
	count, first := 0, map[bool]int64{false: -1, true: -1}
	for i := hi - 1; i >= lo; i-- {
		bit := bitAt(b, i)
		first[bit] = i
		if bit {
			count++
		}
	}
	if got := countBitRange(b, lo, hi); got != count {
		t.Fatalf("%d ones in [%d, %d) of %x, want %d", got, lo, hi, b, count)
	}
	for bit, want := range first {
		if got := findBit(b, bit, lo, hi); got != want {
			t.Fatalf("first %v in [%d, %d) of %x is %d, want %d", bit, lo, hi, b, got, want)
		}
	}
}

func TestCombineBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	maps := testBitmaps(rng)
	big := make([]byte, 40000) // more than a piece
	for i := range big {
		big[i] = byte(rng.Uint32())
	}
	maps = append(maps, big, big[:17000], big[16384:], big[1:32769])
	for range 500 {
		sources := make([][]byte, 1+rng.IntN(4))
		for i := range sources {
			sources[i] = maps[rng.IntN(len(maps))]
		}
		for op := bitAnd; op <= bitXor; op++ {
			compareCombined(t, op, sources)
		}
		compareCombined(t, bitNot, sources[:1])
	}
}

func compareCombined(t *testing.T, op bitOp, sources [][]byte) {
	t.Helper()
	n := 0
	for _, s := range sources {
		n = max(n, len(s))
	}
	got := bytes.Repeat([]byte{0xa5}, n)
	combineBits(got, op, sources)
	at := func(s []byte, i int) byte {
		if i < len(s) {
			return s[i]
		}
		return 0
	}
	for i := range got {
		want := at(sources[0], i)
		if op == bitNot {
			want = ^want
		}
		for _, s := range sources[1:] {
			switch c := at(s, i); op {
			case bitAnd:
				want &= c
			case bitOr:
				want |= c
			case bitXor:
				want ^= c
			}
		}
		if got[i] != want {
			t.Fatalf("op %d, byte %d of %d is %x, want %x", op, i, n, got[i], want)
		}
	}
}

// fieldAt reads a field bit by bit.
func fieldAt(b []byte, f bitField) *big.Int {
	v := new(big.Int)
	for i := range int64(f.width) {
		v.Lsh(v, 1)
		if bitAt(b, int64(f.offset)+i) {
			v.SetBit(v, 0, 1)
		}
	}
	if f.signed && v.Bit(int(f.width)-1) != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(f.width)))
	}
	return v
}

// value is what a field's value stands for.
func (f bitField) value(v uint64) *big.Int {
	if f.signed {
		return big.NewInt(int64(v))
	}
	return new(big.Int).SetUint64(v)
}

// testFields are all types of fields.
func testFields(run func(f bitField)) {
	for width := uint8(1); width <= 64; width++ {
		run(bitField{width: width, signed: true})
		if width < 64 {
			run(bitField{width: width})
		}
	}
}

func TestBitFieldGetSet(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	b := make([]byte, 24)
	testFields(func(f bitField) {
		for range 40 {
			for i := range b {
				b[i] = byte(rng.Uint32())
			}
			f.offset = rng.Uint64N(24*8 - uint64(f.width) + 1)
			compareField(t, b, f, rng.Uint64())
			f.offset = rng.Uint64N(24*8 + 80) // may go beyond the end
			if got := f.value(f.get(b)); got.Cmp(fieldAt(b, f)) != 0 {
				t.Fatalf("%+v of %x is %s, want %s", f, b, got, fieldAt(b, f))
			}
		}
	})
}

// compareField sets a field and looks at every bit.
func compareField(t *testing.T, b []byte, f bitField, v uint64) {
	t.Helper()
	before := bytes.Clone(b)
	f.set(b, v)
	want := f.value(f.extend(v))
	if got := f.value(f.get(b)); got.Cmp(want) != 0 || fieldAt(b, f).Cmp(want) != 0 {
		t.Fatalf("%+v set to %s is %s, bit by bit %s", f, want, got, fieldAt(b, f))
	}
	for i := range int64(len(b)) * 8 {
		inside := uint64(i) >= f.offset && uint64(i) <= f.last()
		if !inside && bitAt(b, i) != bitAt(before, i) {
			t.Fatalf("%+v: setting it changed bit %d", f, i)
		}
	}
}

func TestBitFieldFit(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	testFields(func(f bitField) {
		low, high := f.bounds()
		numbers := []int64{0, 1, -1, low, high, low + 1, high - 1, math.MinInt64, math.MaxInt64, high/2 + 1}
		for range 20 {
			numbers = append(numbers, rng.Int64(), -rng.Int64(), rng.Int64()>>rng.IntN(64))
		}
		for _, n := range numbers {
			for _, by := range numbers {
				compareFit(t, f, n, by)
			}
		}
	})
}

// compareFit adds with as many bits as it takes.
func compareFit(t *testing.T, f bitField, n, by int64) {
	t.Helper()
	low, high := f.bounds()
	sum := new(big.Int).Add(big.NewInt(n), big.NewInt(by))
	bound := sum
	if sum.Cmp(big.NewInt(high)) > 0 {
		bound = big.NewInt(high)
	} else if sum.Cmp(big.NewInt(low)) < 0 {
		bound = big.NewInt(low)
	}
	name := fmt.Sprintf("%+v: %d+%d", f, n, by)
	if v, ok := f.fit(n, by, overflowFail); ok != (bound == sum) || ok && f.value(v).Cmp(sum) != 0 {
		t.Fatalf("%s with FAIL: %d, %v", name, v, ok)
	}
	if v, _ := f.fit(n, by, overflowSaturate); f.value(v).Cmp(bound) != 0 {
		t.Fatalf("%s with SAT: %s, want %s", name, f.value(v), bound)
	}
	modulus := new(big.Int).Lsh(big.NewInt(1), uint(f.width))
	v, _ := f.fit(n, by, overflowWrap)
	apart := new(big.Int).Sub(f.value(v), sum)
	if f.value(v).Cmp(big.NewInt(low)) < 0 || f.value(v).Cmp(big.NewInt(high)) > 0 || apart.Mod(apart, modulus).Sign() != 0 {
		t.Fatalf("%s with WRAP: %s", name, f.value(v))
	}
}

// FuzzBitmap compares all operations with the slow ones.
func FuzzBitmap(f *testing.F) {
	f.Add([]byte("abc"), []byte{0, 255, 1}, int64(3), int64(17), uint8(12), true)
	f.Add([]byte{}, []byte("0123456789abcdef0123456789abcdef!"), int64(0), int64(264), uint8(64), true)
	f.Fuzz(func(t *testing.T, a, b []byte, lo, hi int64, width uint8, signed bool) {
		n := int64(len(b)) * 8
		clip := func(i int64) int64 { return min(max(i, 0), n) }
		compareBitRange(t, b, clip(lo), clip(hi))
		for op := bitAnd; op <= bitXor; op++ {
			compareCombined(t, op, [][]byte{a, b})
			compareCombined(t, op, [][]byte{b, a})
		}
		compareCombined(t, bitNot, [][]byte{b})
		field := bitField{width: 1 + width%63, signed: signed}
		compareFit(t, field, lo, hi)
		if int64(field.width) <= n {
			field.offset = uint64(min(clip(lo), n-int64(field.width)))
			compareField(t, bytes.Clone(b), field, uint64(hi))
		}
	})
}

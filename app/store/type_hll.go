package store

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// HyperLogLogs: strings that tell how many different elements were added to
// them, within 0.81 %, in 12 KiB at most (Flajolet et al., "HyperLogLog: the
// analysis of a near-optimal cardinality estimation algorithm", 2007).
//
// An element's hash picks one of 16384 registers by 14 of its bits. The other
// 50 are as good as throws of a coin: a row of n zeros in them comes once in
// 2^n elements. Each register keeps the longest row it has seen, plus one; from
// how many registers have which value the number of elements is estimated. The
// maximum of two registers is what the union of both sets would have left.
//
// The string is Redis's, byte for byte, so that it can be stored by GET and SET
// and read by either server:
//
//	+0   "HYLL"
//	+4   encoding: 0 dense, 1 sparse; three bytes unused
//	+8   the estimate as of the last count, little endian; when its top bit is
//	     set, a register has changed since
//	+16  the registers: dense, 6 bits each, from the low bits of a byte up, or
//	     sparse, as runs (type_hll_sparse.go)
//
// A client may change a byte of it by SETRANGE. Nothing here trusts what it
// reads: the worst outcome is a wrong count or an error.

const (
	hllMagic     = "HYLL"
	hllEncoding  = 4 // offsets
	hllCached    = 8
	hllHead      = 16
	hllDense     = 0 // encodings
	hllSparse    = 1
	hllStale     = 0x80 // in the last byte of the cached estimate
	hllIndexBits = 14
	hllRegisters = 1 << hllIndexBits
	hllRowMax    = 64 - hllIndexBits + 1
	hllBits      = 6
	hllDenseSize = hllHead + hllRegisters*hllBits/8
)

// An hllChange is what raising a register came to.
type hllChange uint8

const (
	hllSame hllChange = iota
	hllRaised
	hllCorrupt
)

// hllMaxima are registers, a byte each, on the way to a union.
type hllMaxima [hllRegisters]uint8

// An hllHistogram counts the registers of each value. Values above hllRowMax
// come from no hash; they count for nothing.
type hllHistogram [1 << hllBits]int

// isHLL reports whether a string has the outer form of a HyperLogLog.
func isHLL(b []byte) bool {
	return len(b) >= hllHead && string(b[:len(hllMagic)]) == hllMagic &&
		(b[hllEncoding] == hllSparse || b[hllEncoding] == hllDense && len(b) == hllDenseSize)
}

func isDenseHLL(b []byte) bool { return b[hllEncoding] == hllDense }

// appendEmptyHLL appends a HyperLogLog without elements to b, which is empty.
func appendEmptyHLL(b []byte) []byte {
	b = append(b, hllMagic...)
	b = append(b, hllSparse, 0, 0, 0)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	return appendHLLRun(b, 0, hllRegisters)
}

// cachedHLLCount is the estimate that the string holds, unless it is out of date.
func cachedHLLCount(b []byte) (count int64, ok bool) {
	n := binary.LittleEndian.Uint64(b[hllCached:])
	return int64(n), n>>63 == 0
}

func cacheHLLCount(b []byte, count int64) {
	binary.LittleEndian.PutUint64(b[hllCached:], uint64(count))
}

func dropCachedHLLCount(b []byte) { b[hllCached+7] |= hllStale }

// hllHash returns the register that an element counts in and the value that
// it wants there.
func hllHash(element string) (index int, value uint8) {
	h := murmur64(element, 0xadc83b19)
	row := bits.TrailingZeros64(h>>hllIndexBits | 1<<(hllRowMax-1))
	return int(h % hllRegisters), uint8(row + 1)
}

// murmur64 is Austin Appleby's MurmurHash64A.
func murmur64(s string, seed uint64) uint64 {
	const (
		m = 0xc6a4a7935bd1e995
		r = 47
	)
	h := seed ^ uint64(len(s))*m
	for ; len(s) >= 8; s = s[8:] {
		k := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		k *= m
		k ^= k >> r
		k *= m
		h ^= k
		h *= m
	}
	if len(s) > 0 {
		for i := range len(s) {
			h ^= uint64(s[i]) << (8 * i)
		}
		h *= m
	}
	h ^= h >> r
	h *= m
	return h ^ h>>r
}

// setHLL raises a register of b to value, unless it has as much. A sparse one
// may grow, like a slice that is appended to, and becomes dense in a new place
// when it would grow beyond sparseMax bytes or cannot hold the value.
func setHLL(b []byte, index int, value uint8, sparseMax int64) ([]byte, hllChange) {
	if isDenseHLL(b) {
		return b, setDenseHLL(b, index, value)
	}
	return setSparseHLL(b, index, value, sparseMax)
}

// denseRegister is a register of a dense HyperLogLog.
func denseRegister(b []byte, index int) uint8 {
	at, shift := hllHead+index*hllBits/8, index*hllBits%8
	v := b[at] >> shift
	if shift > 8-hllBits {
		v |= b[at+1] << (8 - shift)
	}
	return v & (1<<hllBits - 1)
}

// putDenseRegister overwrites a register of a dense HyperLogLog.
func putDenseRegister(b []byte, index int, value uint8) {
	const mask = 1<<hllBits - 1
	at, shift := hllHead+index*hllBits/8, index*hllBits%8
	b[at] = b[at]&^(mask<<shift) | value<<shift
	if shift > 8-hllBits {
		b[at+1] = b[at+1]&^(mask>>(8-shift)) | value>>(8-shift)
	}
}

func setDenseHLL(b []byte, index int, value uint8) hllChange {
	if denseRegister(b, index) >= value {
		return hllSame
	}
	putDenseRegister(b, index, value)
	return hllRaised
}

// mergeHLL raises the registers of union to those of b. It reports whether b is
// sound; if it is not, union may have some of its registers.
func mergeHLL(union *hllMaxima, b []byte) bool {
	if !isDenseHLL(b) {
		return eachHLLRun(b, func(first int, value uint8, length int) {
			if value == 0 {
				return
			}
			for i := first; i < first+length; i++ {
				if value > union[i] {
					union[i] = value
				}
			}
		})
	}
	b = b[hllHead:hllDenseSize]
	for i := 0; i < hllRegisters; i += 4 { // four registers are three bytes
		r0, r1, r2, r3 := fourRegisters(b[:3])
		b = b[3:]
		four := (*[4]uint8)(union[i:])
		if r0 > four[0] {
			four[0] = r0
		}
		if r1 > four[1] {
			four[1] = r1
		}
		if r2 > four[2] {
			four[2] = r2
		}
		if r3 > four[3] {
			four[3] = r3
		}
	}
	return true
}

// fourRegisters are those that three bytes hold.
func fourRegisters(b []byte) (r0, r1, r2, r3 uint8) {
	_ = b[2]
	return b[0] & 63, b[0]>>6 | b[1]<<2&63, b[1]>>4 | b[2]<<4&63, b[2] >> 2
}

// countHLL estimates how many elements b has. It reports whether b is sound.
func countHLL(b []byte) (count int64, ok bool) {
	var lanes [4]hllHistogram
	if !isDenseHLL(b) {
		h := &lanes[0]
		ok = eachHLLRun(b, func(_ int, value uint8, length int) { h[value] += length })
		return h.estimate(), ok
	}
	for b = b[hllHead:hllDenseSize]; len(b) >= 3; b = b[3:] {
		r0, r1, r2, r3 := fourRegisters(b[:3])
		lanes[0][r0&63]++
		lanes[1][r1&63]++
		lanes[2][r2&63]++
		lanes[3][r3&63]++
	}
	return sumHistograms(&lanes).estimate(), true
}

// count estimates how many elements a union has.
func (m *hllMaxima) count() int64 {
	var h [4]hllHistogram
	for b := m[:]; len(b) >= 8; b = b[8:] {
		eight := binary.LittleEndian.Uint64(b)
		if eight == 0 {
			h[0][0] += 8
			continue
		}
		for lane := range h {
			h[lane][eight&63]++
			h[lane][eight>>8&63]++
			eight >>= 16
		}
	}
	return sumHistograms(&h).estimate()
}

// sumHistograms adds up what was counted apart: most registers have one of few
// values, and with several tables one count need not wait for the one before.
func sumHistograms(lanes *[4]hllHistogram) *hllHistogram {
	h := &lanes[0]
	for value := range h {
		h[value] += lanes[1][value] + lanes[2][value] + lanes[3][value]
	}
	return h
}

// estimate is the number of elements after which registers look like this:
// the improved raw estimator of Otmar Ertl, "New cardinality estimation
// algorithms for HyperLogLog sketches", 2017, which needs no corrections at
// either end. Registers that no hash can have left give what C's llround makes
// of infinity.
func (h *hllHistogram) estimate() int64 {
	const alpha float64 = 0.721347520444481703680 // 1/(2 ln 2)
	m := float64(hllRegisters)
	z := m * hllTau((m-float64(h[hllRowMax]))/m)
	for value := hllRowMax - 1; value >= 1; value-- {
		z += float64(h[value])
		z *= 0.5
	}
	z += float64(m * hllSigma(float64(h[0])/m))
	n := math.Round(alpha * m * m / z)
	if !(n < 1<<63) {
		return math.MinInt64
	}
	return int64(n)
}

// hllSigma is the x + x^2 + 2x^4 + 4x^8 + … of Ertl's paper.
func hllSigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		before := z
		z += float64(x * y)
		y += y
		if z == before {
			return z
		}
	}
}

// hllTau is a third of 1 - x - (1-√x)²/2 - (1-⁴√x)²/4 - … of the same.
func hllTau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		before := z
		y *= 0.5
		z -= float64((1 - x) * (1 - x) * y)
		if z == before {
			return z / 3
		}
	}
}

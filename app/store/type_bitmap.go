package store

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Bitmaps: strings seen as bits, of which the first is the most significant of
// the first byte. What is beyond the end is 0.

// countBits is the number of ones.
func countBits(b []byte) int {
	n := 0
	for len(b) >= 32 {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(b)) +
			bits.OnesCount64(binary.LittleEndian.Uint64(b[8:])) +
			bits.OnesCount64(binary.LittleEndian.Uint64(b[16:])) +
			bits.OnesCount64(binary.LittleEndian.Uint64(b[24:]))
		b = b[32:]
	}
	for len(b) >= 8 {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	for _, c := range b {
		n += bits.OnesCount8(c)
	}
	return n
}

// countBitRange is the number of ones among the bits [lo, hi) of b.
func countBitRange(b []byte, lo, hi int64) int {
	if lo >= hi {
		return 0
	}
	first, last := lo>>3, (hi-1)>>3
	n := countBits(b[first : last+1])
	n -= bits.OnesCount8(b[first] &^ (0xff >> (lo & 7)))
	return n - bits.OnesCount8(b[last]&(0x7f>>((hi-1)&7)))
}

// findBit is the position of the first bit of that value among the bits
// [lo, hi) of b, or -1.
func findBit(b []byte, bit bool, lo, hi int64) int64 {
	if lo >= hi {
		return -1
	}
	flip := byte(0xff) // so that ones are looked for
	if bit {
		flip = 0
	}
	first, last := lo>>3, (hi-1)>>3
	if c := (b[first] ^ flip) & (0xff >> (lo & 7)); c != 0 {
		return below(first<<3+int64(bits.LeadingZeros8(c)), hi)
	}
	at := first + 1
	at += int64(leading(b[at:last+1], flip))
	for ; at <= last; at++ {
		if c := b[at] ^ flip; c != 0 {
			return below(at<<3+int64(bits.LeadingZeros8(c)), hi)
		}
	}
	return -1
}

// leading is a number of bytes that b surely begins with that are all c. Only
// some few behind them may be c as well.
func leading(b []byte, c byte) int {
	n := 0
	word := uint64(c) * 0x0101010101010101
	for len(b) >= 32 {
		if (binary.LittleEndian.Uint64(b)^word)|(binary.LittleEndian.Uint64(b[8:])^word)|
			(binary.LittleEndian.Uint64(b[16:])^word)|(binary.LittleEndian.Uint64(b[24:])^word) != 0 {
			break
		}
		b = b[32:]
		n += 32
	}
	return n
}

// below is at, or -1 when that is not below hi.
func below(at, hi int64) int64 {
	if at < hi {
		return at
	}
	return -1
}

// A bitOp is an operation of BITOP.
type bitOp uint8

const (
	bitAnd bitOp = iota
	bitOr
	bitXor
	bitNot
)

// combineBits sets dst, which is as long as the longest source, to what op
// makes of the sources. It goes by pieces that the cache holds.
func combineBits(dst []byte, op bitOp, sources [][]byte) {
	const piece = 16 << 10
	for at := 0; at < len(dst); at += piece {
		d := dst[at:min(at+piece, len(dst))]
		n := copy(d, from(sources[0], at))
		clear(d[n:])
		if op == bitNot {
			invert(d)
		}
		for _, s := range sources[1:] {
			s = from(s, at)
			s = s[:min(len(s), len(d))]
			switch op {
			case bitAnd:
				andBytes(d, s)
				clear(d[len(s):])
			case bitOr:
				orBytes(d, s)
			case bitXor:
				xorBytes(d, s)
			}
		}
	}
}

// from is what s has from at on.
func from(s []byte, at int) []byte { return s[min(at, len(s)):] }

func invert(d []byte) {
	for len(d) >= 8 {
		binary.LittleEndian.PutUint64(d, ^binary.LittleEndian.Uint64(d))
		d = d[8:]
	}
	for i := range d {
		d[i] = ^d[i]
	}
}

// andBytes, orBytes and xorBytes change the first len(s) bytes of d.
func andBytes(d, s []byte) {
	for len(s) >= 8 && len(d) >= 8 {
		binary.LittleEndian.PutUint64(d, binary.LittleEndian.Uint64(d)&binary.LittleEndian.Uint64(s))
		d, s = d[8:], s[8:]
	}
	for i, c := range s {
		d[i] &= c
	}
}

func orBytes(d, s []byte) {
	for len(s) >= 8 && len(d) >= 8 {
		binary.LittleEndian.PutUint64(d, binary.LittleEndian.Uint64(d)|binary.LittleEndian.Uint64(s))
		d, s = d[8:], s[8:]
	}
	for i, c := range s {
		d[i] |= c
	}
}

func xorBytes(d, s []byte) {
	for len(s) >= 8 && len(d) >= 8 {
		binary.LittleEndian.PutUint64(d, binary.LittleEndian.Uint64(d)^binary.LittleEndian.Uint64(s))
		d, s = d[8:], s[8:]
	}
	for i, c := range s {
		d[i] ^= c
	}
}

// A bitField is an integer of 1 to 64 bits somewhere in a bitmap. The value of
// a field is its low bits in a uint64; those of a signed one repeat the sign.
type bitField struct {
	offset uint64
	width  uint8
	signed bool
}

// last is the offset of the field's last bit.
func (f bitField) last() uint64 { return f.offset + uint64(f.width) - 1 }

// get reads the field; beyond the end of b there are zeros.
func (f bitField) get(b []byte) uint64 {
	hi, lo := f.window(b)
	shift := 128 - uint(f.offset&7) - uint(f.width) // of the last bit in hi:lo
	if shift >= 64 {
		return f.extend(hi >> (shift - 64))
	}
	return f.extend(hi<<(64-shift) | lo>>shift)
}

// window is the 16 bytes from the one where the field begins.
func (f bitField) window(b []byte) (hi, lo uint64) {
	at := f.offset >> 3
	if at >= uint64(len(b)) {
		return 0, 0
	}
	if b = b[at:]; len(b) >= 16 {
		return binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	}
	var buf [16]byte
	copy(buf[:], b)
	return binary.BigEndian.Uint64(buf[:]), binary.BigEndian.Uint64(buf[8:])
}

// set writes the low bits of v to the field, all of which is within b.
func (f bitField) set(b []byte, v uint64) {
	first, last := f.offset>>3, f.last()>>3
	left := int(f.width)
	end := uint(7 - f.last()&7) // bits of the last byte behind the field
	for at := last; ; at-- {
		n := min(8-int(end), left) // bits of the field in this byte
		mask := byte(1<<n-1) << end
		b[at] = b[at]&^mask | byte(v<<end)&mask
		if at == first {
			return
		}
		v >>= n
		left -= n
		end = 0
	}
}

// extend is the field's value of the low bits of v.
func (f bitField) extend(v uint64) uint64 {
	unused := 64 - f.width
	if f.signed {
		return uint64(int64(v<<unused) >> unused)
	}
	return v << unused >> unused
}

// bounds are the smallest and the greatest value.
func (f bitField) bounds() (low, high int64) {
	if f.signed {
		return math.MinInt64 >> (64 - f.width), math.MaxInt64 >> (64 - f.width)
	}
	return 0, int64(uint64(1)<<f.width - 1) // at most 63 bits
}

// An overflow is what happens to a value that does not fit its field.
type overflow uint8

const (
	overflowWrap overflow = iota
	overflowSaturate
	overflowFail
)

// fit makes the exact sum of two numbers, of which the first need not fit
// either, into a value of the field. It reports false when mode is to fail.
func (f bitField) fit(n, by int64, mode overflow) (v uint64, ok bool) {
	low, high := f.bounds()
	sum := n + by
	above := sum > high
	under := sum < low
	if (sum < n) != (by < 0) { // beyond 64 bits
		above, under = by > 0, by < 0
	}
	switch {
	case !above && !under:
		return uint64(sum), true
	case mode == overflowFail:
		return 0, false
	case mode == overflowWrap:
		return f.extend(uint64(sum)), true
	case above:
		return uint64(high), true
	default:
		return uint64(low), true
	}
}

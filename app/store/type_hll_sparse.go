package store

import (
	"encoding/binary"
	"math/bits"
)

// Sparse HyperLogLogs. While most registers are zero they are kept as runs of
// equal ones, in the order of the registers:
//
//	00nnnnnn            n+1 registers are zero
//	01nnnnnn nnnnnnnn   the same for longer runs
//	1vvvvvnn            n+1 registers have the value v+1
//
// An empty one is a single run. Raising a register splits the run it is in,
// and a neighbour may then be joined. Both follow Redis step by step, for the
// bytes are there for everyone to see, and their number decides when the string
// becomes dense.
//
// Redis reads a zero where a long run's second byte is missing; so is it here.

const (
	hllShortRunMax    = 1 << 6
	hllValueRunMax    = 1 << 2
	hllSparseValueMax = 1 << 5
	hllValueBit       = 0x80
	hllLongRunBit     = 0x40
)

// An hllRun is one run: length registers of a value, in size bytes.
type hllRun struct {
	value  uint8
	length int
	size   int
}

// hllRunAt reads the run that begins at p.
func hllRunAt(b []byte, p int) hllRun {
	c := b[p]
	switch {
	case c&hllValueBit != 0:
		return hllRun{value: c>>2&31 + 1, length: int(c&3) + 1, size: 1}
	case c&hllLongRunBit == 0:
		return hllRun{length: int(c) + 1, size: 1}
	}
	n := int(c&63) << 8
	if p+1 < len(b) {
		n |= int(b[p+1])
	}
	return hllRun{length: n + 1, size: 2}
}

// appendHLLRun appends a run, unless it has no length. A run of a value other
// than zero has four registers at most.
func appendHLLRun(b []byte, value uint8, length int) []byte {
	switch n := length - 1; {
	case n < 0:
		return b
	case value > 0:
		return append(b, hllValueBit|(value-1)<<2|byte(n))
	case length <= hllShortRunMax:
		return append(b, byte(n))
	default:
		return append(b, hllLongRunBit|byte(n>>8), byte(n))
	}
}

// eachHLLRun calls do for each run of b: the register it begins at, the value
// and the number of them. It returns false, without going on, when the runs
// have more registers than there are, or in the end fewer.
func eachHLLRun(b []byte, do func(first int, value uint8, length int)) bool {
	first := 0
	for p := hllHead; p < len(b); {
		c := b[p]
		if c >= hllValueBit { // hllRunAt for the commonest, which saves half the time
			n := int(c&(hllValueRunMax-1)) + 1
			if first+n > hllRegisters {
				return false
			}
			do(first, c>>2&(hllSparseValueMax-1)+1, n)
			first += n
			p++
			continue
		}
		r := hllRunAt(b, p)
		if first+r.length > hllRegisters {
			return false
		}
		do(first, 0, r.length)
		first += r.length
		p += r.size
	}
	return first == hllRegisters
}

// denseHLL returns b, which is sparse, as a dense one. It reports whether b is
// sound.
func denseHLL(b []byte) (dense []byte, ok bool) {
	dense = make([]byte, hllDenseSize)
	copy(dense, b[:hllHead])
	dense[hllEncoding] = hllDense
	ok = eachHLLRun(b, func(first int, value uint8, length int) {
		if value == 0 {
			return
		}
		for i := first; i < first+length; i++ {
			putDenseRegister(dense, i, value)
		}
	})
	return dense, ok
}

// setSparseHLL is setHLL for a sparse one.
func setSparseHLL(b []byte, index int, value uint8, sparseMax int64) ([]byte, hllChange) {
	at, change := placeInHLL(b, index, value)
	if change != hllRaised {
		return b, change
	}
	return at.raise(b, index, value, sparseMax)
}

// An hllPlace is where a register is: the run, where it stands, its first
// register, and where the run before it stands, -1 when there is none.
type hllPlace struct {
	run              hllRun
	p, before, first int
}

// placeInHLL finds register index of a sparse HyperLogLog, and what raising it
// to value will come to.
func placeInHLL(b []byte, index int, value uint8) (at hllPlace, change hllChange) {
	if value > hllSparseValueMax {
		return at, hllRaised // by becoming dense, wherever it is
	}
	at.p, at.before, at.first = findHLLRun(b, index)
	if at.p >= len(b) {
		return at, hllCorrupt
	}
	at.run = hllRunAt(b, at.p)
	if at.run.value >= value {
		return at, hllSame
	}
	return at, hllRaised
}

// raise raises the register at a place that placeInHLL found in b.
func (at hllPlace) raise(b []byte, index int, value uint8, sparseMax int64) ([]byte, hllChange) {
	if value > hllSparseValueMax {
		return raiseDense(b, index, value)
	}
	// The run becomes what is before the register, the register, and the rest.
	r := at.run
	var buf [5]byte
	split := appendHLLRun(buf[:0], r.value, index-at.first)
	split = appendHLLRun(split, value, 1)
	split = appendHLLRun(split, r.value, at.first+r.length-1-index)
	grows := len(split) - r.size
	if grows > 0 && int64(len(b)+grows) > sparseMax {
		return raiseDense(b, index, value)
	}
	b = replaceHLLRun(b, at.p, r.size, split)
	b = joinHLLRuns(b, max(at.before, hllHead))
	dropCachedHLLCount(b)
	return b, hllRaised
}

// findHLLRun finds the run that register index is in: where it stands, where
// the one before it stands (-1 when there is none), and its first register.
// It stands behind the end when the runs end before the register.
func findHLLRun(b []byte, index int) (p, before, first int) {
	p, before = hllHead, -1
	for len(b)-p > 8 {
		n, length := shortHLLRuns(binary.LittleEndian.Uint64(b[p:]))
		if first+length > index {
			break
		}
		if n > 0 {
			before = p + n - 1
			p += n
			first += length
		}
		if n < 8 { // a long run is next
			length = int(b[p]-hllLongRunBit)<<8 + int(b[p+1]) + 1
			if first+length > index {
				return p, before, first
			}
			before = p
			p += 2
			first += length
		}
	}
	for p < len(b) {
		r := hllRunAt(b, p)
		if first+r.length > index {
			break
		}
		before = p
		p += r.size
		first += r.length
	}
	return p, before, first
}

// shortHLLRuns returns how many runs of one byte the eight bytes begin with,
// and of how many registers these are, all at once: a PFADD spends its time
// looking for its register.
func shortHLLRuns(eight uint64) (n, length int) {
	const each = 0x0101010101010101
	values := eight / hllValueBit & each // 1 in the bytes that are runs of a value
	lengths := eight&(each*(hllShortRunMax-1))&^(values*(hllShortRunMax-hllValueRunMax)) + each
	n = 8
	if long := eight / hllLongRunBit & each &^ values; long != 0 {
		n = bits.TrailingZeros64(long) / 8
		lengths &= 1<<(8*n) - 1
	}
	// The sum of eight bytes may need two.
	const even = 0x00ff00ff00ff00ff
	return n, int((lengths&even + lengths>>8&even) * 0x0001000100010001 >> 48)
}

// raiseDense makes b dense and raises a register that is known to be lower.
func raiseDense(b []byte, index int, value uint8) ([]byte, hllChange) {
	dense, ok := denseHLL(b)
	if !ok {
		return b, hllCorrupt
	}
	return dense, setDenseHLL(dense, index, value)
}

// replaceHLLRun puts others in the place of the size bytes at p. The last of
// these may be missing; then the last of the new ones will be.
func replaceHLLRun(b []byte, p, size int, runs []byte) []byte {
	var room [4]byte
	old := b
	n := len(b) + len(runs) - size
	if n > len(b) {
		b = append(b, room[:n-len(b)]...)
	}
	if next := p + size; next < len(old) {
		copy(b[p+len(runs):n], old[next:])
	}
	b = b[:n]
	copy(b[p:], runs)
	return b
}

// joinHLLRuns joins runs of the same value, among the five from p on.
func joinHLLRuns(b []byte, p int) []byte {
	for scan := 0; scan < 5 && p < len(b); scan++ {
		r := hllRunAt(b, p)
		if r.value > 0 && p+1 < len(b) {
			next := hllRunAt(b, p+1)
			if next.value == r.value && r.length+next.length <= hllValueRunMax {
				appendHLLRun(b[:p], r.value, r.length+next.length)
				b = append(b[:p+1], b[p+2:]...)
				continue
			}
		}
		p += r.size
	}
	return b
}

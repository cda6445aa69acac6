package store

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

// eachHLLRun calls do for each run of b, with the register it begins at. It
// returns false, without going on, when the runs have more registers than
// there are, or in the end fewer.
func eachHLLRun(b []byte, do func(first int, r hllRun)) bool {
	first := 0
	for p := hllHead; p < len(b); {
		r := hllRunAt(b, p)
		if first+r.length > hllRegisters {
			return false
		}
		do(first, r)
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
	ok = eachHLLRun(b, func(first int, r hllRun) {
		if r.value == 0 {
			return
		}
		for i := first; i < first+r.length; i++ {
			putDenseRegister(dense, i, r.value)
		}
	})
	return dense, ok
}

// setSparseHLL is setHLL for a sparse one.
func setSparseHLL(b []byte, index int, value uint8, sparseMax int64) ([]byte, hllChange) {
	if value > hllSparseValueMax {
		return raiseDense(b, index, value)
	}
	p, before, first := findHLLRun(b, index)
	if p >= len(b) {
		return b, hllCorrupt
	}
	r := hllRunAt(b, p)
	if r.value >= value {
		return b, hllSame
	}
	// The run becomes what is before the register, the register, and the rest.
	var buf [5]byte
	split := appendHLLRun(buf[:0], r.value, index-first)
	split = appendHLLRun(split, value, 1)
	split = appendHLLRun(split, r.value, first+r.length-1-index)
	grows := len(split) - r.size
	if grows > 0 && int64(len(b)+grows) > sparseMax {
		return raiseDense(b, index, value)
	}
	b = replaceHLLRun(b, p, r.size, split)
	if before < 0 {
		before = hllHead
	}
	b = joinHLLRuns(b, before)
	dropCachedHLLCount(b)
	return b, hllRaised
}

// findHLLRun finds the run that register index is in: where it stands, where
// the one before it stands (-1 when there is none), and its first register.
// It stands behind the end when the runs end before the register.
func findHLLRun(b []byte, index int) (p, before, first int) {
	p, before = hllHead, -1
	for p < len(b) {
		r := hllRunAt(b, p)
		if index < first+r.length {
			break
		}
		before = p
		p += r.size
		first += r.length
	}
	return p, before, first
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

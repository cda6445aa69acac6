// LZF, the compression of long strings in snapshots and of quicklist nodes.
//
// Compressed data is a sequence of runs. A literal run is copied as it stands,
// a back reference repeats what was written before, possibly overlapping with
// what it writes itself, which is how one byte becomes a thousand:
//
//	000LLLLL                    L+1 literal bytes follow
//	LLLooooo oooooooo           L+2 bytes (L from 1 to 6), beginning o+1 bytes back
//	111ooooo LLLLLLLL oooooooo  L+9 bytes, beginning o+1 bytes back
//
// The data does not tell its own length; both users keep that beside it. The
// compressor looks for the last place where three bytes stood, in a hash table
// that forgets by overwriting. It makes the choices of liblzf as Redis builds
// it, so that the same string becomes the same bytes.

package rdb

import (
	"errors"
	"math"
	"slices"
	"sync"
)

const (
	lzfLiteralMax = 1 << 5          // bytes of a literal run
	lzfOffsetMax  = 1 << 13         // how far back a reference reaches
	lzfMatchMax   = 1<<8 + 1<<3     // bytes of a back reference
	lzfSaves      = 4               // what compressing must save to be worth it
	lzfExpandsMax = lzfMatchMax / 3 // bytes that one byte yields at most
	lzfWide       = 8               // bytes that are copied at once
	lzfHashBits   = 16              // more finds more, and costs cache
	lzfHashSize   = 1 << lzfHashBits
)

var errLZF = errors.New("corrupt LZF data")

// An lzfTable says where three bytes were seen last, by their hash. Places are
// counted on from one use to the next: what an earlier use left behind lies
// below start and counts for nothing, so that the table needs no clearing.
type lzfTable struct {
	start uint32 // the place of the first byte of this use; 0 is nowhere
	end   uint32 // the place behind its last
	seen  [lzfHashSize]uint32
}

// Zero is nowhere, therefore the first place of a new table is 1.
var lzfTables = sync.Pool{New: func() any { return &lzfTable{end: 1} }}

// claim prepares the table for the places of n bytes.
func (t *lzfTable) claim(n int) {
	if uint64(t.end)+uint64(n) > math.MaxUint32 {
		clear(t.seen[:])
		t.end = 1
	}
	t.start = t.end
	t.end += uint32(n)
}

// CompressLZF appends the compressed form of src to dst. It returns nil when
// that would not save four bytes at least, which is Redis's condition for
// strings in snapshots (it does not try those of up to 20 bytes), and weaker
// than the one for quicklist nodes; both are the caller's to check. What lies behind len(dst) is overwritten either way.
func CompressLZF(dst, src []byte) []byte {
	budget := len(src) - lzfSaves
	if budget <= 0 || uint64(len(src)) >= math.MaxUint32 {
		return nil
	}
	dst = slices.Grow(dst, budget)
	table := lzfTables.Get().(*lzfTable)
	table.claim(len(src))
	n := table.compress(dst[len(dst):len(dst)+budget], src)
	lzfTables.Put(table)
	if n == 0 {
		return nil
	}
	return dst[:len(dst)+n]
}

// compress writes the compressed form of src into out and returns its length,
// 0 when it does not fit. Its src has three bytes at least.
func (t *lzfTable) compress(out, src []byte) int {
	var (
		i       = 0 // the next byte of src
		o       = 1 // the next byte of out; the head of the run stands before the run
		literal = 0 // length of the open run, which begins at o-literal
	)
	for i < len(src)-2 {
		hash := lzfHash(src, i)
		offset := t.offset(hash, i)
		t.seen[hash] = t.start + uint32(i)
		if offset < 0 || !lzfSameThree(src, i-offset-1, i) {
			if o >= len(out) {
				return 0
			}
			out[o] = src[i]
			i, o, literal = i+1, o+1, literal+1
			if literal == lzfLiteralMax {
				out[o-literal-1] = byte(literal - 1)
				o, literal = o+1, 0
			}
			continue
		}
		if literal == 0 {
			o-- // no run was begun, so that its head is free again
		} else {
			out[o-literal-1] = byte(literal - 1)
		}
		if o+4 >= len(out) {
			return 0
		}
		length := lzfMatchLength(src, i-offset-1, i)
		o = lzfPutReference(out, o, offset, length) + 1
		literal = 0
		i += length
		if i >= len(src)-2 {
			break
		}
		// The two places before the next are remembered too, the others of
		// the match are not: they would cost more than they save.
		for back := i - 2; back < i; back++ {
			t.seen[lzfHash(src, back)] = t.start + uint32(back)
		}
	}
	return lzfFinish(out, o, literal, src[i:])
}

// lzfFinish writes the last bytes of src as literals, two at most unless the
// whole was shorter, behind a run that may be open.
func lzfFinish(out []byte, o, literal int, rest []byte) int {
	if o+3 > len(out) {
		return 0
	}
	for _, c := range rest {
		out[o] = c
		o, literal = o+1, literal+1
		if literal == lzfLiteralMax {
			out[o-literal-1] = byte(literal - 1)
			o, literal = o+1, 0
		}
	}
	if literal == 0 {
		return o - 1
	}
	out[o-literal-1] = byte(literal - 1)
	return o
}

// lzfHash is the place in the table for the three bytes at i.
func lzfHash(src []byte, i int) uint32 {
	p := src[i : i+3 : i+3]
	h := uint32(p[0])<<16 | uint32(p[1])<<8 | uint32(p[2])
	return (h>>(24-lzfHashBits) - h*5) % lzfHashSize
}

// offset returns how far before the byte before i the place remembered under
// hash is, -1 when there is none within reach. The very first byte of a string
// counts as none, as in liblzf, which has it for its null pointer.
func (t *lzfTable) offset(hash uint32, i int) int {
	place := t.seen[hash]
	if place <= t.start {
		return -1
	}
	offset := i - int(place-t.start) - 1
	if offset >= lzfOffsetMax {
		return -1
	}
	return offset
}

func lzfSameThree(src []byte, a, b int) bool {
	return src[a] == src[b] && src[a+1] == src[b+1] && src[a+2] == src[b+2]
}

// lzfMatchLength returns how many bytes from earlier on equal those from i on;
// the first three do. It stops two bytes before the end, or where liblzf's
// unrolled loop does, which compares sixteen bytes before it looks.
func lzfMatchLength(src []byte, earlier, i int) int {
	limit := min(len(src)-i-2, lzfMatchMax)
	if limit > 16 {
		limit = max(limit, 3+16)
	}
	length := 3
	for length < limit && src[earlier+length] == src[i+length] {
		length++
	}
	return length
}

// lzfPutReference writes a back reference at o and returns where it ends.
func lzfPutReference(out []byte, o, offset, length int) int {
	length -= 2
	if length < 7 {
		out[o] = byte(offset>>8 + length<<5)
		out[o+1] = byte(offset)
		return o + 2
	}
	out[o] = byte(offset>>8 + 7<<5)
	out[o+1] = byte(length - 7)
	out[o+2] = byte(offset)
	return o + 3
}

// DecompressLZF appends to dst the size bytes that src is the compressed form
// of. Data that yields more or fewer, or refers to what is not there, is an
// error. Nothing is allocated for a size that src is too short for.
func DecompressLZF(dst, src []byte, size int) ([]byte, error) {
	if size < 0 || size/lzfExpandsMax > len(src) {
		return nil, errLZF
	}
	dst = slices.Grow(dst, size)
	out := dst[len(dst) : len(dst)+size]
	i, o := 0, 0
	for i < len(src) {
		control := int(src[i])
		i++
		if control < lzfLiteralMax {
			length := control + 1
			if len(src)-i >= lzfLiteralMax && len(out)-o >= lzfLiteralMax {
				// A copy of a fixed size is a few moves, and what is too much of
				// it the next run overwrites.
				*(*[lzfLiteralMax]byte)(out[o:]) = *(*[lzfLiteralMax]byte)(src[i:])
				i, o = i+length, o+length
				continue
			}
			if length > len(src)-i || length > len(out)-o {
				return nil, errLZF
			}
			copy(out[o:], src[i:i+length])
			i, o = i+length, o+length
			continue
		}
		length := control>>5 + 2
		if length == 7+2 && i < len(src) {
			length += int(src[i])
			i++
		}
		if i >= len(src) {
			return nil, errLZF
		}
		from := o - (control&0x1f)<<8 - int(src[i]) - 1
		i++
		if from < 0 || length > len(out)-o {
			return nil, errLZF
		}
		if o-from >= lzfWide && length <= len(out)-o-lzfWide {
			for n := 0; n < length; n += lzfWide {
				*(*[lzfWide]byte)(out[o+n:]) = *(*[lzfWide]byte)(out[from+n:])
			}
		} else {
			lzfRepeat(out, from, o, length)
		}
		o += length
	}
	if o != size {
		return nil, errLZF
	}
	return dst[:len(dst)+size], nil
}

// lzfRepeat copies length bytes from an earlier place of out to o. Where they
// overlap, what is between the two places repeats.
func lzfRepeat(out []byte, from, o, length int) {
	end := o + length
	for o < end {
		// Each round doubles what may be copied at once.
		o += copy(out[o:end], out[from:o])
	}
}

// Package listpack keeps a short sequence of strings and integers in one run
// of bytes, in the format that Redis 7 has both in memory and in its dumps. A
// small hash, set, sorted set or a node of a list is a listpack, so that
// saving one, or loading it, is a copy.
//
//	size 4   count 2   entry   entry   …   0xff
//	                   │
//	                   ▼
//	        encoding, data   back length, 1 to 5 bytes
//	        ╰─── the body ──╯   = the size of the body
//
// Numbers in the header are little endian. The size is that of the whole. A
// count of 65535 says only that it takes a walk to count the entries. The back
// length lets one walk from the tail: its last byte holds its lowest seven
// bits, and a set top bit says that the byte before it goes on.
//
//	0xxxxxxx                    7 bits    an integer from 0 to 127
//	10xxxxxx                    6 bits    a length below 64, and the string
//	110xxxxx  1 byte            13 bits   an integer from -4096 to 4095
//	1110xxxx  1 byte            12 bits   a length below 4096, and the string
//	11110000  4 bytes           32 bits   any length, and the string
//	11110001  2 bytes           16 bits   an integer; so 0xf2 and 3 bytes,
//	                                      0xf3 and 4 bytes, 0xf4 and 8 bytes
//
// A string that reads as an integer of 64 bits, written as Redis would write
// it, becomes that integer.
//
// A listpack is a slice whose length is its size, and a position is an offset
// in it. Nothing here allocates but edits for which the capacity of the slice
// does not suffice. Everything but Validate trusts its input: bytes that come
// from outside go through Validate, deeply, first.
package listpack

import (
	"encoding/binary"
	"math"
)

const (
	HeaderSize = 6              // bytes before the first entry
	EmptySize  = HeaderSize + 1 // bytes of a listpack without entries

	// SizeMax is how large Redis lets a listpack grow. Who adds to one keeps
	// below it; nothing here does.
	SizeMax = 1 << 30

	// countUnknown in the header says that there are this many entries or
	// more, or were once.
	countUnknown = math.MaxUint16

	terminator = 0xff
)

// Init writes an empty listpack into the first bytes of b, whose capacity must
// be EmptySize at least, and returns it.
func Init(b []byte) []byte {
	b = b[:EmptySize]
	binary.LittleEndian.PutUint32(b, EmptySize)
	binary.LittleEndian.PutUint16(b[4:], 0)
	b[HeaderSize] = terminator
	return b
}

// Size returns the size of a listpack by its header, of which b must hold the
// first four bytes at least.
func Size(b []byte) int { return int(binary.LittleEndian.Uint32(b)) }

// Len returns the number of entries. It walks over all of them when there are
// 65535 or more.
func Len(b []byte) int {
	if n := int(binary.LittleEndian.Uint16(b[4:])); n != countUnknown {
		return n
	}
	return walk(b)
}

// walk counts the entries.
func walk(b []byte) int {
	n := 0
	for p := HeaderSize; b[p] != terminator; p = Next(b, p) {
		n++
	}
	return n
}

// setHeader writes the size of b into it and counts delta entries more.
func setHeader(b []byte, delta int) {
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	n := int(binary.LittleEndian.Uint16(b[4:]))
	switch {
	case n != countUnknown:
		n = min(n+delta, countUnknown)
	case delta < 0 && len(b) < EmptySize+2*countUnknown:
		// No entry is smaller than two bytes, so they are few again.
		n = walk(b)
	}
	binary.LittleEndian.PutUint16(b[4:], uint16(n))
}

// First returns the position of the first entry, which is the end when there
// is none.
func First(b []byte) int { return HeaderSize }

// Last returns the position of the last entry, 0 when there is none.
func Last(b []byte) int { return Prev(b, len(b)-1) }

// AtEnd reports whether p is the end, the position behind the last entry.
func AtEnd(b []byte, p int) bool { return b[p] == terminator }

// strides holds the size of an entry, with its back length, by its first byte;
// 0 where that byte does not tell.
var strides = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c < tagString6:
			t[c] = 1 + 1
		case c < tagInt13:
			t[c] = uint8(1 + c&0x3f + 1)
		case c < tagString12:
			t[c] = 2 + 1
		}
	}
	t[tagInt16], t[tagInt24], t[tagInt32], t[tagInt64] = 3+1, 4+1, 5+1, 9+1
	return t
}()

// Next returns the position behind the entry at p, which may be the end. From
// the end it goes nowhere.
func Next(b []byte, p int) int {
	if n := strides[b[p]]; n != 0 {
		return p + int(n)
	}
	return nextLong(b, p)
}

// nextLong is Next for strings of 64 bytes and more. It takes an unknown
// encoding for the end, so that no walk goes on for ever.
func nextLong(b []byte, p int) int {
	c := b[p]
	if c > tagString32 {
		return len(b) - 1
	}
	start, n := longString(b, p)
	return start + n + backSize(start-p+n)
}

// longString returns where the string begins that belongs to the entry at p,
// whose encoding has a length of 12 or 32 bits, and that length.
func longString(b []byte, p int) (start, n int) {
	if c := b[p]; c < tagString32 {
		return p + 2, int(c&0x0f)<<8 | int(b[p+1])
	}
	return p + 5, int(binary.LittleEndian.Uint32(b[p+1:]))
}

// Prev returns the position of the entry before p, which may be the end, and 0
// when there is none.
func Prev(b []byte, p int) int {
	if p == HeaderSize {
		return 0
	}
	if c := b[p-1]; c < 0x80 {
		return p - 1 - int(c)
	}
	return prevLong(b, p)
}

// prevLong is Prev for bodies of 128 bytes and more.
func prevLong(b []byte, p int) int {
	n := 0
	for shift := 0; shift < 7*backSizeMax; shift += 7 {
		p--
		n |= int(b[p]&0x7f) << shift
		if b[p] < 0x80 {
			break
		}
	}
	return p - n
}

// Seek returns the position of the entry with an index, which counts from 0 or,
// from the tail, down from -1. Out of range it returns the end.
func Seek(b []byte, index int) int {
	if n := int(binary.LittleEndian.Uint16(b[4:])); n != countUnknown {
		if index < -n || index >= n {
			return len(b) - 1
		}
		if index < 0 {
			index += n
		}
		if index > n/2 {
			index -= n
		}
	}
	if index >= 0 {
		p := HeaderSize
		for ; index > 0 && b[p] != terminator; index-- {
			p = Next(b, p)
		}
		return p
	}
	p := len(b) - 1
	for ; index < 0; index++ {
		if p = Prev(b, p); p == 0 {
			return len(b) - 1
		}
	}
	return p
}

// Package intset keeps a set of integers as a sorted array in one run of bytes,
// in the format that Redis has both in memory and in its dumps. A small set
// whose members are all integers is an intset.
//
//	width 4   count 4   integer   integer   …
//
// Everything is little endian. The width is that of each integer, 2, 4 or 8
// bytes: it grows to what the widest one needs when that is added, and never
// shrinks.
//
// An intset is a slice whose length is its size. Nothing here allocates but Add
// when the capacity of the slice does not suffice. Everything but Validate
// trusts its input: bytes that come from outside go through Validate first.
package intset

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// HeaderSize is the size of an intset without integers.
const HeaderSize = 8

// Init writes an empty intset into the first bytes of b, whose capacity must be
// HeaderSize at least, and returns it.
func Init(b []byte) []byte {
	b = b[:HeaderSize]
	binary.LittleEndian.PutUint32(b, 2)
	binary.LittleEndian.PutUint32(b[4:], 0)
	return b
}

// Len returns the number of integers.
func Len(b []byte) int { return int(binary.LittleEndian.Uint32(b[4:])) }

// Size returns the size of an intset by its header, all that b needs to hold.
func Size(b []byte) int { return HeaderSize + Len(b)*width(b) }

func width(b []byte) int { return int(binary.LittleEndian.Uint32(b)) }

// widthOf is the width that n needs.
func widthOf(n int64) int {
	switch {
	case n == int64(int16(n)):
		return 2
	case n == int64(int32(n)):
		return 4
	}
	return 8
}

// At returns the integer at index i, the smallest being at 0.
func At(b []byte, i int) int64 { return get(b, width(b), i) }

func get(b []byte, width, i int) int64 {
	b = b[HeaderSize+i*width:]
	switch width {
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(b)))
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(b)))
	}
	return int64(binary.LittleEndian.Uint64(b))
}

func put(b []byte, width, i int, n int64) {
	b = b[HeaderSize+i*width:]
	switch width {
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(n))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(n))
	default:
		binary.LittleEndian.PutUint64(b, uint64(n))
	}
}

// Find returns the index of n and true, or where it belongs and false.
func Find(b []byte, n int64) (i int, found bool) {
	w, count := width(b), Len(b)
	if count == 0 || n > get(b, w, count-1) {
		return count, false // what is added in order is found without a search
	}
	// Half of what is left goes each time, by adding to an index and not by a
	// branch, which the processor would mispredict every other time.
	for left := count; left > 1; {
		half := left / 2
		next := i + half
		if get(b, w, next-1) < n {
			i = next
		}
		left -= half
	}
	return i, get(b, w, i) == n
}

// SizeWith returns the size that the intset has once n, which is not in it, has
// been added.
func SizeWith(b []byte, n int64) int {
	return HeaderSize + (Len(b)+1)*max(width(b), widthOf(n))
}

// Insert adds n, which Find says is not there and belongs at index i. It has
// the semantics of append: what it returns replaces b, and is b with more bytes
// where its capacity suffices.
func Insert(b []byte, i int, n int64) []byte {
	w, count, size := width(b), Len(b), SizeWith(b, n)
	b = slices.Grow(b, size-len(b))[:size]
	if need := widthOf(n); need > w {
		widen(b, w, need, count, i)
		w = need
	} else {
		p := HeaderSize + i*w
		copy(b[p+w:], b[p:HeaderSize+count*w])
	}
	put(b, w, i, n)
	binary.LittleEndian.PutUint32(b[4:], uint32(count+1))
	return b
}

// widen gives each of the integers a greater width, and leaves room for one at
// index i, which is the first or the last place: what is too wide for the others
// is less or greater than all of them. It goes from the back, for there they
// move away from those that have not moved yet.
func widen(b []byte, from, to, count, i int) {
	shift := 0
	if i == 0 {
		shift = 1
	}
	for k := count - 1; k >= 0; k-- {
		put(b, to, k+shift, get(b, from, k))
	}
	binary.LittleEndian.PutUint32(b, uint32(to))
}

// Delete removes the integer at index i. The bytes behind the shorter intset
// keep no meaning.
func Delete(b []byte, i int) []byte {
	w, count := width(b), Len(b)
	p := HeaderSize + i*w
	copy(b[p:], b[p+w:])
	binary.LittleEndian.PutUint32(b[4:], uint32(count-1))
	return b[:len(b)-w]
}

// Validate reports what is wrong with b, which may be anything. Without deep it
// looks at the header alone, and with it at the order of the integers as well.
// As in Redis, no intset that comes from outside is empty.
func Validate(b []byte, deep bool) error {
	if len(b) < HeaderSize {
		return fmt.Errorf("intset: %d bytes are no header", len(b))
	}
	w, count := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	if w != 2 && w != 4 && w != 8 {
		return fmt.Errorf("intset: integers of %d bytes", w)
	}
	if size := HeaderSize + uint64(count)*uint64(w); size != uint64(len(b)) || size > math.MaxInt {
		return fmt.Errorf("intset: %d bytes for %d integers of %d", len(b), count, w)
	}
	if count == 0 {
		return fmt.Errorf("intset: no integers")
	}
	for i := 1; deep && i < int(count); i++ {
		if At(b, i-1) >= At(b, i) {
			return fmt.Errorf("intset: integer %d is not greater than the one before", i)
		}
	}
	return nil
}

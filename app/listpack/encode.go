package listpack

import (
	"encoding/binary"
	"math"
)

// The first byte of an entry. Up to tagString12 it holds bits of the value or
// of the length as well.
const (
	tagString6  = 0x80
	tagInt13    = 0xc0
	tagString12 = 0xe0
	tagString32 = 0xf0
	tagInt16    = 0xf1
	tagInt24    = 0xf2
	tagInt32    = 0xf3
	tagInt64    = 0xf4
)

const (
	digitsMax   = 20 // of an integer, with its sign
	backSizeMax = 5
)

// parseInt returns the integer that s stands for, if s is what Redis would
// write for it: no plus sign, no leading zeros, no -0.
func parseInt(s string) (n int64, ok bool) {
	if s == "" || len(s) > digitsMax || s[0] > '9' {
		return 0, false
	}
	digits := s
	if s[0] == '-' {
		digits = s[1:]
	}
	if digits == "" || digits[0] == '0' {
		return 0, s == "0"
	}
	var u uint64
	for i := range len(digits) {
		d := digits[i] - '0'
		if d > 9 || u > (math.MaxUint64-9)/10 {
			return 0, false
		}
		u = u*10 + uint64(d)
	}
	if len(digits) < len(s) {
		return -int64(u), u <= 1<<63
	}
	return int64(u), u <= math.MaxInt64
}

// backSize returns how many bytes the back length of a body takes. The limits
// are Redis's, one short of what the bits could hold.
func backSize(body int) int {
	switch {
	case body <= 127:
		return 1
	case body < 1<<14-1:
		return 2
	case body < 1<<21-1:
		return 3
	case body < 1<<28-1:
		return 4
	default:
		return backSizeMax
	}
}

// putBack writes the back length of a body of n bytes to b.
func putBack(b []byte, n int) {
	if n <= 127 {
		b[0] = byte(n)
		return
	}
	last := backSize(n) - 1
	for i := last; i > 0; i-- {
		b[i] = byte(n) | 0x80
		n >>= 7
	}
	b[0] = byte(n)
}

// stringBody returns the size of the body of a string of n bytes.
func stringBody(n int) int {
	switch {
	case n < 1<<6:
		return 1 + n
	case n < 1<<12:
		return 2 + n
	default:
		return 5 + n
	}
}

// intBody returns the size of the body of an integer.
func intBody(n int64) int {
	switch {
	case n >= 0 && n < 1<<7:
		return 1
	case n >= -1<<12 && n < 1<<12:
		return 2
	case n >= -1<<15 && n < 1<<15:
		return 3
	case n >= -1<<23 && n < 1<<23:
		return 4
	case n >= -1<<31 && n < 1<<31:
		return 5
	default:
		return 9
	}
}

// EncodedSize returns the size of the entry that s becomes, with its back
// length.
func EncodedSize(s string) int {
	if n, ok := parseInt(s); ok {
		return EncodedSizeInt(n)
	}
	return stringSize(s)
}

// stringSize is EncodedSize for what is no integer.
func stringSize(s string) int {
	body := stringBody(len(s))
	return body + backSize(body)
}

// EncodedSizeInt returns the size of the entry that n becomes, with its back
// length.
func EncodedSizeInt(n int64) int { return intBody(n) + 1 }

// putString writes the entry of s, which is no integer, to the start of b.
func putString(b []byte, s string) {
	n := len(s)
	start := stringBody(n) - n
	switch start {
	case 1:
		b[0] = tagString6 | byte(n)
	case 2:
		b[0] = tagString12 | byte(n>>8)
		b[1] = byte(n)
	default:
		b[0] = tagString32
		binary.LittleEndian.PutUint32(b[1:], uint32(n))
	}
	copy(b[start:], s)
	putBack(b[start+n:], start+n)
}

// putInt writes the entry of n to the start of b.
func putInt(b []byte, n int64) {
	body := intBody(n)
	switch body {
	case 1:
		b[0] = byte(n)
	case 2:
		b[0] = tagInt13 | byte(n>>8)&0x1f
		b[1] = byte(n)
	case 3:
		b[0] = tagInt16
		binary.LittleEndian.PutUint16(b[1:], uint16(n))
	case 4:
		b[0] = tagInt24
		binary.LittleEndian.PutUint16(b[1:], uint16(n))
		b[3] = byte(n >> 16)
	case 5:
		b[0] = tagInt32
		binary.LittleEndian.PutUint32(b[1:], uint32(n))
	default:
		b[0] = tagInt64
		binary.LittleEndian.PutUint64(b[1:], uint64(n))
	}
	b[body] = byte(body)
}

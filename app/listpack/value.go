package listpack

import (
	"encoding/binary"
	"strconv"
)

// A Value is what an entry holds: a string, which is a view into the listpack
// and dies with it, or an integer.
type Value struct {
	Str   []byte
	Int   int64
	IsInt bool
}

// Get returns the value of the entry at p, which must not be the end.
func Get(b []byte, p int) (v Value) {
	v.Str, v.Int, v.IsInt = Read(b, p)
	return v
}

// Read is Get for loops that must be fast: three results travel in registers,
// while the compiler keeps so large a struct as a Value in memory. Either str
// or n holds the value, as isInt says.
func Read(b []byte, p int) (str []byte, n int64, isInt bool) {
	c := b[p]
	if c&0xc0 == tagString6 {
		return b[p+1:][:c&0x3f], 0, false
	}
	if c < tagString12 || c > tagString32 {
		return nil, integer(b, p), true
	}
	start, size := longString(b, p)
	return b[start:][:size], 0, false
}

// integer returns the integer of the entry at p, which has one.
func integer(b []byte, p int) int64 {
	switch c := b[p]; c {
	case tagInt16:
		return int64(int16(binary.LittleEndian.Uint16(b[p+1:])))
	case tagInt24:
		return int64(int8(b[p+3]))<<16 | int64(binary.LittleEndian.Uint16(b[p+1:]))
	case tagInt32:
		return int64(int32(binary.LittleEndian.Uint32(b[p+1:])))
	case tagInt64:
		return int64(binary.LittleEndian.Uint64(b[p+1:]))
	default:
		if c < tagString6 {
			return int64(c)
		}
		// Bit 4 of the first byte is the sign.
		return int64(int8(c<<3)>>3)<<8 | int64(b[p+1])
	}
}

// Append appends the value to dst as a string.
func (v Value) Append(dst []byte) []byte {
	if v.IsInt {
		return strconv.AppendInt(dst, v.Int, 10)
	}
	return append(dst, v.Str...)
}

// Len returns the length of the value as a string.
func (v Value) Len() int {
	if v.IsInt {
		return decimals(v.Int)
	}
	return len(v.Str)
}

// decimals returns the length of n in decimal, with its sign.
func decimals(n int64) int {
	digits, u := 1, uint64(n)
	if n < 0 {
		digits, u = 2, -u
	}
	for ; u >= 10; u /= 10 {
		digits++
	}
	return digits
}

// Equal reports whether the value, as a string, is s.
func (v Value) Equal(s string) bool {
	if !v.IsInt {
		return string(v.Str) == s
	}
	n, ok := parseInt(s)
	return ok && n == v.Int
}

// String returns a copy of the value as a string.
func (v Value) String() string {
	if v.IsInt {
		return strconv.FormatInt(v.Int, 10)
	}
	return string(v.Str)
}

// Find returns the position of the first entry equal to s. It looks at the one
// at p, then passes over skip entries before each that it looks at. When there
// is none it returns -1.
func Find(b []byte, p int, s string, skip int) int {
	n, isInt := parseInt(s)
	tag := byte(terminator) // no entry begins so
	if len(s) < 1<<6 {
		tag = tagString6 | byte(len(s))
	}
	for {
		// Each case steps by itself, for all know already how far.
		switch c := b[p]; {
		case c&0xc0 == tagString6:
			if c == tag && equalShort(b[p+1:], s) {
				return p
			}
			p += 1 + int(c&0x3f) + 1
		case c < tagString6:
			if isInt && int64(c) == n {
				return p
			}
			p += 1 + 1
		case c == terminator:
			return -1
		default:
			if c >= tagString12 && c <= tagString32 {
				if equalLong(b, p, s) {
					return p
				}
			} else if isInt && integer(b, p) == n {
				return p
			}
			p = Next(b, p)
		}
		for range skip {
			p = Next(b, p)
		}
	}
}

// equalShort reports whether b begins with s. It looks at the last byte first,
// the one in which the fields of a hash tend to differ.
func equalShort(b []byte, s string) bool {
	n := len(s)
	return n == 0 || b[n-1] == s[n-1] && string(b[:n]) == s
}

// equalLong reports whether the entry at p, a string with a length of 12 or 32
// bits, is s.
func equalLong(b []byte, p int, s string) bool {
	start, n := longString(b, p)
	return n == len(s) && string(b[start:start+n]) == s
}

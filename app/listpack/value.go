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
func Get(b []byte, p int) Value {
	if c := b[p]; c&0xc0 == tagString6 {
		return Value{Str: b[p+1:][:c&0x3f]}
	}
	return getOther(b, p)
}

// getOther is Get for what is no short string.
func getOther(b []byte, p int) Value {
	if c := b[p]; c < tagString12 || c > tagString32 {
		return Value{Int: integer(b, p), IsInt: true}
	}
	start, n := longString(b, p)
	return Value{Str: b[start : start+n]}
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
	tag := byte(terminator) // of no entry
	var last byte
	if len(s) < 1<<6 {
		tag = tagString6 | byte(len(s))
		if s != "" {
			last = s[len(s)-1]
		}
	}
	for {
		switch c := b[p]; {
		case c == terminator:
			return -1
		case c == tag:
			// The keys of one hash tend to differ in their last byte.
			end := p + 1 + len(s)
			if (b[end-1] == last || s == "") && string(b[p+1:end]) == s {
				return p
			}
		case c < tagString6:
			if isInt && int64(c) == n {
				return p
			}
		case c >= tagInt13:
			if v := getOther(b, p); v.IsInt && isInt && v.Int == n || !v.IsInt && string(v.Str) == s {
				return p
			}
		}
		p = Next(b, p)
		for range skip {
			p = Next(b, p)
		}
	}
}

package rdb

import (
	"encoding/binary"
	"math"
	"strconv"
)

// Lengths, and the strings behind them. The two highest bits of the first byte
// say which:
//
//	00nnnnnn                    a length of 6 bits
//	01nnnnnn  1 byte            a length of 14 bits
//	10000000  4 bytes           a length of 32 bits, big endian
//	10000001  8 bytes           a length of 64 bits, big endian
//	11000000  1 byte            no length: the string is an integer of 8 bits,
//	11000001  2 bytes           of 16,
//	11000010  4 bytes           or of 32, little endian
//	11000011  length, length    compressed: size here, size as it was
const (
	len6      = 0
	len14     = 1
	len32     = 0x80
	len64     = 0x81
	special   = 3
	stringI8  = 0
	stringI16 = 1
	stringI32 = 2
	stringLZF = 3
)

// appendLen appends a length, in its shortest form.
func appendLen(dst []byte, n uint64) []byte {
	switch {
	case n < 1<<6:
		return append(dst, byte(n))
	case n < 1<<14:
		return append(dst, len14<<6|byte(n>>8), byte(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, len32), uint32(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, len64), n)
	}
}

// appendSmallInt appends an integer of up to 32 bits as a string, and reports
// whether n is one.
func appendSmallInt(dst []byte, n int64) ([]byte, bool) {
	switch {
	case n == int64(int8(n)):
		return append(dst, special<<6|stringI8, byte(n)), true
	case n == int64(int16(n)):
		return append(dst, special<<6|stringI16, byte(n), byte(n>>8)), true
	case n == int64(int32(n)):
		return binary.LittleEndian.AppendUint32(append(dst, special<<6|stringI32), uint32(n)), true
	}
	return dst, false
}

// appendInt appends any integer as a string.
func appendInt(dst []byte, n int64) []byte {
	if dst, ok := appendSmallInt(dst, n); ok {
		return dst
	}
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], n, 10)
	return append(appendLen(dst, uint64(len(text))), text...)
}

// smallIntDigits is the length of the longest string that becomes an integer.
const smallIntDigits = len("-2147483648")

// smallInt returns the integer that s stands for, if s is what Redis would
// write for an integer of up to 32 bits.
func smallInt(s string) (n int64, ok bool) {
	if s == "" || len(s) > smallIntDigits || s[0] > '9' {
		return 0, false
	}
	digits := s
	if s[0] == '-' {
		digits = s[1:]
	}
	if digits == "" || digits[0] == '0' {
		return 0, s == "0"
	}
	for i := range len(digits) {
		d := digits[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + int64(d)
	}
	if len(digits) < len(s) {
		n = -n
	}
	return n, n == int64(int32(n))
}

// decodeInt decodes the integer of an integer string, whose bytes b has.
func decodeInt(kind byte, b []byte) int64 {
	switch kind {
	case stringI8:
		return int64(int8(b[0]))
	case stringI16:
		return int64(int16(binary.LittleEndian.Uint16(b)))
	default:
		return int64(int32(binary.LittleEndian.Uint32(b)))
	}
}

package rdb

import "encoding/binary"

// The checksum of snapshots: CRC-64 with the polynomial of Jones, reflected,
// beginning with 0. The CRC of "123456789" is e9c6d914c4b8d9ca.
//
// A table for each of eight bytes allows a step of eight bytes at once, but each
// step must wait for the one before. So long input is cut into lanes which are
// summed side by side, and their sums then joined: the sum of a lane is moved to
// where the input ends as if as many zeros followed, for CRCs are linear.
const (
	crcPoly   = 0x95ac9329ac4bc9b5
	crcLanes  = 3
	crcLane   = 2048 // bytes of a lane
	crcStride = crcLanes * crcLane
)

// A crcTable holds, for each place of a byte in a word and each value of that
// byte, what it contributes to a sum.
type crcTable [8][256]uint64

// crcWord steps over eight bytes: the byte at place 7 is the last of them.
var crcWord = func() *crcTable {
	t := new(crcTable)
	for c := range 256 {
		sum := uint64(c)
		for range 8 {
			sum = sum>>1 ^ crcPoly&-(sum&1)
		}
		t[7][c] = sum
	}
	for place := 6; place >= 0; place-- {
		for c := range 256 {
			sum := t[place+1][c]
			t[place][c] = sum>>8 ^ t[7][byte(sum)]
		}
	}
	return t
}()

// crcShift moves a sum over a lane of zeros.
var crcShift = func() *crcTable {
	t := new(crcTable)
	for bit := range 64 {
		moved := uint64(1) << bit
		for range crcLane / 8 {
			moved = crcWord.apply(moved)
		}
		// Linear: what a byte contributes is the sum of what its bits do.
		for c := range 256 {
			if c>>(bit%8)&1 != 0 {
				t[bit/8][c] ^= moved
			}
		}
	}
	return t
}()

// apply looks up the contributions of the eight bytes of a word.
func (t *crcTable) apply(w uint64) uint64 {
	return t[0][byte(w)] ^ t[1][byte(w>>8)] ^ t[2][byte(w>>16)] ^ t[3][byte(w>>24)] ^
		t[4][byte(w>>32)] ^ t[5][byte(w>>40)] ^ t[6][byte(w>>48)] ^ t[7][byte(w>>56)]
}

// crc64 returns the sum of what sum is the sum of, followed by b.
func crc64(sum uint64, b []byte) uint64 {
	t := crcWord
	for len(b) >= crcStride {
		var s1, s2 uint64
		one, two, three := b[:crcLane], b[crcLane:2*crcLane], b[2*crcLane:crcStride]
		for i := 0; i <= crcLane-8; i += 8 {
			sum = t.apply(sum ^ binary.LittleEndian.Uint64(one[i:]))
			s1 = t.apply(s1 ^ binary.LittleEndian.Uint64(two[i:]))
			s2 = t.apply(s2 ^ binary.LittleEndian.Uint64(three[i:]))
		}
		sum = crcShift.apply(crcShift.apply(sum)^s1) ^ s2
		b = b[crcStride:]
	}
	for ; len(b) >= 8; b = b[8:] {
		sum = t.apply(sum ^ binary.LittleEndian.Uint64(b))
	}
	for _, c := range b {
		sum = sum>>8 ^ t[7][byte(sum)^c]
	}
	return sum
}

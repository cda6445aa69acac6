package rdb

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"unsafe"
)

// The input of a Reader: a buffer over the source, strings as views of it, and
// the checksum of what was passed by, summed a bufferful at a time.
//
// Nothing is allocated for what a length promises before it has arrived. When
// the size of the input is known, a length beyond its end fails at once; else
// long strings are read in pieces that double.

const (
	bufferSize    = 128 << 10
	pieceSize     = 1 << 20 // the first piece of a string that exceeds the buffer
	scratchKept   = 1 << 20 // bigger scratch space is given up with its value
	emptyReadsMax = 100
)

// The scratch spaces of an input. What does not stand in the buffer as it is
// wanted is made in one of them.
const (
	scratchOne    = iota // a string, or the first of a pair
	scratchTwo           // the second of a pair
	scratchPacked        // compressed data that exceeds the buffer
	scratchCount
)

type input struct {
	src      io.Reader // nil when buf has all there is
	size     int64     // of the whole input, 0 when it is not known
	buf      []byte    // buf[pos:end] is read but not yet used
	pos, end int
	base     int64 // offset in the input of buf[0]
	summed   int   // buf[summed:pos] is used but not yet in sum
	sum      uint64
	noSum    bool
	scratch  [scratchCount][]byte
}

// offset is how many bytes were used.
func (in *input) offset() int64 { return in.base + int64(in.pos) }

// view is b as a string, valid as long as b is.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// bytesOf is s as bytes, which nobody may change.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// sumUp brings the checksum up to date.
func (in *input) sumUp() {
	if !in.noSum {
		in.sum = crc64(in.sum, in.buf[in.summed:in.pos])
	}
	in.summed = in.pos
}

// beyond reports whether n bytes more are known to exceed the input.
func (in *input) beyond(n uint64) bool {
	if in.src == nil {
		return n > uint64(in.end-in.pos)
	}
	return in.size > 0 && n > uint64(max(in.size-in.offset(), 0))
}

// fill sees to it that n bytes lie in the buffer, which must be able to hold
// them. It may move what is there.
func (in *input) fill(n int) error {
	if in.end-in.pos >= n {
		return nil
	}
	if in.beyond(uint64(n)) {
		return io.ErrUnexpectedEOF
	}
	in.sumUp()
	in.base += int64(in.pos)
	in.end = copy(in.buf, in.buf[in.pos:in.end])
	in.pos, in.summed = 0, 0
	for empty := 0; in.end < n; {
		m, err := in.read(in.buf[in.end:], in.base+int64(in.end))
		in.end += m
		if empty++; m > 0 {
			empty = 0
		}
		switch {
		case in.end >= n:
		case err == io.EOF:
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		case empty == emptyReadsMax:
			return io.ErrNoProgress
		}
	}
	return nil
}

// read reads from the source into b, but not beyond the size of the input;
// offset is where in the input b lies.
func (in *input) read(b []byte, offset int64) (int, error) {
	if in.size > 0 {
		b = b[:min(int64(len(b)), in.size-offset)]
	}
	return in.src.Read(b)
}

// need returns the next n bytes, which are few.
func (in *input) need(n int) ([]byte, error) {
	if err := in.fill(n); err != nil {
		return nil, err
	}
	b := in.buf[in.pos : in.pos+n]
	in.pos += n
	return b, nil
}

// readByte reads one byte.
func (in *input) readByte() (byte, error) {
	if in.pos == in.end {
		if err := in.fill(1); err != nil {
			return 0, err
		}
	}
	c := in.buf[in.pos]
	in.pos++
	return c, nil
}

// readInt64 reads eight bytes, little endian: a time in ms.
func (in *input) readInt64() (int64, error) {
	b, err := in.need(8)
	if err != nil {
		return 0, err
	}
	return int64(binary.LittleEndian.Uint64(b)), nil
}

// readHead reads a length, or the kind of a string that has none.
func (in *input) readHead() (n uint64, isSpecial bool, err error) {
	c, err := in.readByte()
	if err != nil {
		return 0, false, err
	}
	var b []byte
	switch {
	case c>>6 == len6:
		return uint64(c), false, nil
	case c>>6 == len14:
		low, err := in.readByte()
		return uint64(c&0x3f)<<8 | uint64(low), false, err
	case c>>6 == special:
		return uint64(c & 0x3f), true, nil
	case c == len32:
		if b, err = in.need(4); err == nil {
			n = uint64(binary.BigEndian.Uint32(b))
		}
		return n, false, err
	case c == len64:
		if b, err = in.need(8); err == nil {
			n = binary.BigEndian.Uint64(b)
		}
		return n, false, err
	}
	return 0, false, fmt.Errorf("unknown encoding of a length %#x", c)
}

// readLen reads a length.
func (in *input) readLen() (uint64, error) {
	n, isSpecial, err := in.readHead()
	if isSpecial {
		return 0, fmt.Errorf("a string where a length should be")
	}
	return n, err
}

// readCount reads how many things follow, which have size bytes at least.
func (in *input) readCount(size uint64) (int, error) {
	n, err := in.readLen()
	if err != nil {
		return 0, err
	}
	if n > math.MaxInt/size || in.beyond(n*size) {
		return 0, fmt.Errorf("%d elements promised: %w", n, io.ErrUnexpectedEOF)
	}
	return int(n), nil
}

// peek returns the string at buf[p:] and the position behind it, when it lies
// in the buffer as it stands, or is an integer, which it writes to a scratch
// space. Else it returns 0 for the position, and readString must do. It is what
// makes reading small strings fast, and holds on to the views of earlier peeks.
func (in *input) peek(p, scratch int) (s string, next int) {
	b := in.buf[p:in.end]
	if len(b) < 5 {
		return "", 0
	}
	switch c := b[0]; c >> 6 {
	case len6:
		if n := int(c); n < len(b) {
			return view(b[1 : 1+n]), p + 1 + n
		}
	case len14:
		if n := int(c&0x3f)<<8 | int(b[1]); n <= len(b)-2 {
			return view(b[2 : 2+n]), p + 2 + n
		}
	case special:
		if kind := c & 0x3f; kind <= stringI32 {
			return in.digits(scratch, decodeInt(kind, b[1:])), p + 1 + 1<<kind
		}
	}
	return "", 0
}

// digits writes an integer to a scratch space.
func (in *input) digits(scratch int, n int64) string {
	b := strconv.AppendInt(in.scratch[scratch][:0], n, 10)
	in.scratch[scratch] = b
	return view(b)
}

// readString reads a string of any kind. What it returns is a view of the
// buffer or of that scratch space.
func (in *input) readString(scratch int) ([]byte, error) {
	n, isSpecial, err := in.readHead()
	switch {
	case err != nil:
		return nil, err
	case !isSpecial:
		return in.readRaw(n, scratch)
	case n == stringLZF:
		return in.readLZF(scratch)
	case n > stringLZF:
		return nil, fmt.Errorf("unknown encoding of a string %d", n)
	}
	b, err := in.need(1 << n)
	if err != nil {
		return nil, err
	}
	in.digits(scratch, decodeInt(byte(n), b))
	return in.scratch[scratch], nil
}

// readLZF reads the rest of a compressed string.
func (in *input) readLZF(scratch int) ([]byte, error) {
	packed, err := in.readLen()
	if err != nil {
		return nil, err
	}
	size, err := in.readLen()
	if err != nil {
		return nil, err
	}
	if size > math.MaxInt {
		return nil, errLZF
	}
	b, err := in.readRaw(packed, scratchPacked)
	if err != nil {
		return nil, err
	}
	b, err = DecompressLZF(in.scratch[scratch][:0], b, int(size))
	if err == nil {
		in.scratch[scratch] = b
	}
	return b, err
}

// readRaw returns the next n bytes. When the buffer cannot hold so many they
// are in the scratch space.
func (in *input) readRaw(n uint64, scratch int) ([]byte, error) {
	switch {
	case n <= uint64(in.end-in.pos):
	case in.beyond(n):
		return nil, fmt.Errorf("%d bytes promised: %w", n, io.ErrUnexpectedEOF)
	case n > uint64(len(in.buf)):
		return in.readLong(n, scratch)
	}
	return in.need(int(n))
}

// readLong is readRaw for what the buffer cannot hold.
func (in *input) readLong(n uint64, scratch int) ([]byte, error) {
	if n > math.MaxInt {
		return nil, fmt.Errorf("%d bytes promised: %w", n, io.ErrUnexpectedEOF)
	}
	b := append(in.scratch[scratch][:0], in.buf[in.pos:in.end]...)
	in.pos = in.end
	in.sumUp()
	for len(b) < int(n) {
		piece := int(n) - len(b)
		if in.size == 0 {
			piece = min(piece, max(len(b), pieceSize))
		}
		start := len(b)
		b = slices.Grow(b, piece)[:start+piece]
		m, err := io.ReadFull(in.src, b[start:])
		in.base += int64(m)
		if !in.noSum {
			in.sum = crc64(in.sum, b[start:start+m])
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
	}
	in.scratch[scratch] = b
	return b, nil
}

// hold copies a string to a scratch space, so that it outlives the buffer.
func (in *input) hold(scratch int, b []byte) string {
	kept := append(in.scratch[scratch][:0], b...)
	in.scratch[scratch] = kept
	return view(kept)
}

// relax gives up scratch space that a big value needed.
func (in *input) relax() {
	for i := range in.scratch {
		if cap(in.scratch[i]) > scratchKept {
			in.scratch[i] = nil
		}
	}
}

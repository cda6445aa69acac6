package rdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/codecrafters-io/redis-starter-go/app/listpack"
)

// Blobs that versions before 7.0 wrote, and intsets, which are written still.
// Nothing in them is trusted: every entry is looked at.
//
// A ziplist is what a listpack replaced. An entry begins with the size of the
// one before, in a byte or, from 254 on, in five:
//
//	size 4   offset of the last entry 4   count 2   entry   entry   …   0xff
//
//	00nnnnnn                    a length of 6 bits, and the string
//	01nnnnnn  1 byte            a length of 14 bits, big endian
//	10------  4 bytes           a length of 32 bits, big endian
//	11000000  2 bytes           an integer of 16 bits, little endian
//	11010000  4 bytes           of 32 bits
//	11100000  8 bytes           of 64 bits
//	11110000  3 bytes           of 24 bits
//	11111110  1 byte            of 8 bits
//	1111nnnn                    n-1, from 0 to 12
//
// A zipmap held hashes before Redis 2.6. Lengths are a byte or, from 254 on,
// five; free says how many bytes behind a value have no meaning:
//
//	count   length field length free value   …   0xff

const (
	ziplistHead = 10
	listEnd     = 0xff // of ziplists and zipmaps
	listBig     = 0xfe // four bytes of length follow
)

var (
	errZiplist = errors.New("corrupt ziplist")
	errZipmap  = errors.New("corrupt zipmap")
	errIntset  = errors.New("corrupt intset")
)

// A ziplistEntry is one entry, a string or an integer.
type ziplistEntry struct {
	before int // size of the entry before it, as it says
	size   int // in the ziplist
	str    []byte
	n      int64
	isInt  bool
}

// parseZiplistEntry parses the entry at the start of b, which ends with the end
// of the ziplist and holds more than that.
func parseZiplistEntry(b []byte) (e ziplistEntry, ok bool) {
	limit := len(b) - 1 // entries end before the terminator
	head := 1
	e.before = int(b[0])
	if b[0] >= listBig {
		if limit < 5 {
			return e, false
		}
		head, e.before = 5, int(binary.LittleEndian.Uint32(b[1:]))
	}
	if head >= limit {
		return e, false
	}
	tag := b[head]
	if tag>>6 == special {
		return parseZiplistInt(e, b, head)
	}
	var n int
	switch tag >> 6 {
	case len6:
		n, head = int(tag), head+1
	case len14:
		if limit-head < 2 {
			return e, false
		}
		n, head = int(binary.BigEndian.Uint16(b[head:])&0x3fff), head+2
	default:
		if limit-head < 5 {
			return e, false
		}
		long := binary.BigEndian.Uint32(b[head+1:])
		if uint64(long) > uint64(limit) {
			return e, false
		}
		n, head = int(long), head+5
	}
	if n > limit-head {
		return e, false
	}
	e.str, e.size = b[head:head+n], head+n
	return e, true
}

// parseZiplistInt is parseZiplistEntry for an integer, whose tag is at b[head].
func parseZiplistInt(e ziplistEntry, b []byte, head int) (ziplistEntry, bool) {
	tag := b[head]
	data, width := b[head+1:len(b)-1], 0
	switch {
	case tag == 0xc0:
		width = 2
	case tag == 0xd0:
		width = 4
	case tag == 0xe0:
		width = 8
	case tag == 0xf0:
		width = 3
	case tag == 0xfe:
		width = 1
	case tag > 0xf0 && tag < 0xfe:
		e.n = int64(tag&0x0f) - 1
	default:
		return e, false
	}
	if width > len(data) {
		return e, false
	}
	for i := width - 1; i >= 0; i-- {
		e.n = e.n<<8 | int64(data[i])
	}
	if width > 0 {
		shift := 64 - 8*width
		e.n = e.n << shift >> shift // the sign
	}
	e.isInt, e.size = true, head+1+width
	return e, true
}

// walkZiplist checks a ziplist and calls visit for each entry. It returns how
// many there are.
func walkZiplist(b []byte, visit func(e *ziplistEntry)) (count int, err error) {
	if len(b) <= ziplistHead || uint64(binary.LittleEndian.Uint32(b)) != uint64(len(b)) || b[len(b)-1] != listEnd {
		return 0, fmt.Errorf("%w: bad header", errZiplist)
	}
	tail := int64(binary.LittleEndian.Uint32(b[4:]))
	if tail > int64(len(b)-1) {
		return 0, fmt.Errorf("%w: bad offset of the tail", errZiplist)
	}
	p, before, last := ziplistHead, 0, -1
	for ; b[p] != listEnd; count++ {
		e, ok := parseZiplistEntry(b[p:])
		if !ok || e.before != before {
			return 0, fmt.Errorf("%w: bad entry at byte %d", errZiplist, p)
		}
		if visit != nil {
			visit(&e)
		}
		last, before = p, e.size
		p += e.size
	}
	if p != len(b)-1 || last >= 0 && int64(last) != tail {
		return 0, fmt.Errorf("%w: bad end", errZiplist)
	}
	if n := int(binary.LittleEndian.Uint16(b[8:])); n != math.MaxUint16 && n != count {
		return 0, fmt.Errorf("%w: bad count", errZiplist)
	}
	return count, nil
}

// checkZiplist checks a ziplist and returns how many entries it has.
func checkZiplist(b []byte) (count int, err error) { return walkZiplist(b, nil) }

// ziplistEntries appends the entries of a ziplist to dst, as a listpack has them.
func ziplistEntries(dst, b []byte) ([]byte, int, error) {
	count, err := walkZiplist(b, func(e *ziplistEntry) {
		if e.isInt {
			dst = listpack.AppendEntryInt(dst, e.n)
		} else {
			dst = listpack.AppendEntry(dst, view(e.str))
		}
	})
	return dst, count, err
}

// zipmapEntries appends the fields and values of a zipmap to dst, as a listpack
// has them.
func zipmapEntries(dst, b []byte) ([]byte, int, error) {
	if len(b) < 2 || b[len(b)-1] != listEnd {
		return dst, 0, fmt.Errorf("%w: bad header", errZipmap)
	}
	p, count := 1, 0
	for ; b[p] != listEnd; count++ {
		start, n, ok := zipmapString(b, p, 0)
		if !ok {
			return dst, 0, fmt.Errorf("%w: bad field at byte %d", errZipmap, p)
		}
		dst = listpack.AppendEntry(dst, view(b[start:start+n]))
		p = start + n
		start, n, ok = zipmapString(b, p, 1)
		if !ok || int(b[start-1]) > len(b)-1-start-n {
			return dst, 0, fmt.Errorf("%w: bad value at byte %d", errZipmap, p)
		}
		dst = listpack.AppendEntry(dst, view(b[start:start+n]))
		p = start + n + int(b[start-1])
	}
	if p != len(b)-1 || count == 0 || b[0] < listBig && int(b[0]) != count {
		return dst, 0, fmt.Errorf("%w: bad count", errZipmap)
	}
	return dst, 2 * count, nil
}

// zipmapString finds the string whose length is at b[p]; between the two are
// some bytes more. It ends before the last byte of b.
func zipmapString(b []byte, p, between int) (start, n int, ok bool) {
	limit := len(b) - 1
	if b[p] == listEnd {
		return 0, 0, false
	}
	start, n = p+1, int(b[p])
	if b[p] == listBig {
		if limit-p < 5 {
			return 0, 0, false
		}
		long := binary.LittleEndian.Uint32(b[p+1:])
		if long < listBig || uint64(long) > uint64(limit) {
			return 0, 0, false
		}
		start, n = p+5, int(long)
	}
	start += between
	return start, n, n <= limit-start
}

// convert makes a listpack of a legacy blob. It is a view until the next one.
func (r *Reader) convert(b []byte, entries func(dst, b []byte) ([]byte, int, error)) ([]byte, int, error) {
	var count int
	var err error
	r.entries, count, err = entries(r.entries[:0], b)
	if err != nil {
		return nil, 0, err
	}
	if len(r.entries) > listpack.SizeMax-listpack.EmptySize {
		return nil, 0, errors.New("too big for a listpack")
	}
	empty := listpack.Init(append(r.converted[:0], make([]byte, listpack.EmptySize)...))
	p := listpack.First(empty)
	r.converted = listpack.Splice(empty, p, p, r.entries, count)
	r.Plain = true
	return r.converted, count, nil
}

// checkIntset checks an intset: the width of its integers in 4 bytes, their
// count in 4 more, and the integers in ascending order, all little endian.
func checkIntset(b []byte) error {
	const head = 8
	if len(b) < head {
		return errIntset
	}
	width, count := uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[4:]))
	if width != 2 && width != 4 && width != 8 || count == 0 || count*width != uint64(len(b)-head) {
		return errIntset
	}
	before := int64(0)
	for p := head; p < len(b); p += int(width) {
		var n int64
		switch width {
		case 2:
			n = int64(int16(binary.LittleEndian.Uint16(b[p:])))
		case 4:
			n = int64(int32(binary.LittleEndian.Uint32(b[p:])))
		default:
			n = int64(binary.LittleEndian.Uint64(b[p:]))
		}
		if p > head && n <= before {
			return fmt.Errorf("%w: out of order at byte %d", errIntset, p)
		}
		before = n
	}
	return nil
}

package listpack

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

// Validate reports what is wrong with b, which may be anything. Without deep it
// looks at the header and the terminator only, so that nothing but the size is
// known to be right; with it, at every entry, and then all else here may be
// used on b.
//
// It takes what Redis takes: an entry may have a wider encoding than it needs,
// and the count may be 65535 for any number of entries.
func Validate(b []byte, deep bool) error {
	if len(b) < EmptySize {
		return invalid("no room for a header", len(b))
	}
	if uint64(binary.LittleEndian.Uint32(b)) != uint64(len(b)) {
		return invalid("bad total size", 0)
	}
	if b[len(b)-1] != terminator {
		return invalid("no terminator", len(b)-1)
	}
	if !deep {
		return nil
	}
	_, _, err := walkAll(b)
	return err
}

// Check is a deep Validate that tells more: how many entries there are, and whether
// each has the encoding that Append would give it, on which edits in place rely.
func Check(b []byte) (entries int, plain bool, err error) {
	if err := Validate(b, false); err != nil {
		return 0, false, err
	}
	return walkAll(b)
}

// walkAll is Check for what has a header and a terminator. The entries that are
// frequent, small integers and short strings, are checked on the spot.
func walkAll(b []byte) (entries int, plain bool, err error) {
	plain = true
	p, end := HeaderSize, len(b)-1
	for ; b[p] != terminator; entries++ {
		c := b[p]
		switch {
		case c < tagString6:
			if end-p < 2 || b[p+1] != 1 {
				return 0, false, invalid("bad back length", p+1)
			}
			p += 2
			continue
		case c < tagInt13:
			n := int(c & 0x3f)
			if end-p < n+2 {
				return 0, false, invalid("bad length", p)
			}
			if int(b[p+1+n]) != n+1 {
				return 0, false, invalid("bad back length", p+1+n)
			}
			if n > 0 && b[p+1] <= '9' && plain { // it may read as an integer
				plain = EncodedSize(view(b[p+1:p+1+n])) == n+2
			}
			p += n + 2
			continue
		case c < tagString12 && end-p >= 3 && b[p+2] == 2:
			if c == tagInt13 && b[p+1] < tagString6 { // seven bits would do
				plain = false
			}
			p += 3
			continue
		}
		next, err := validateEntry(b, p)
		if err != nil {
			return 0, false, err
		}
		if str, n, isInt := Read(b, p); isInt {
			plain = plain && next-p == EncodedSizeInt(n)
		} else {
			plain = plain && next-p == EncodedSize(view(str))
		}
		p = next
	}
	if p != end {
		return 0, false, invalid("early terminator", p)
	}
	if n := int(binary.LittleEndian.Uint16(b[4:])); n != countUnknown && n != entries {
		return 0, false, invalid("bad count", 4)
	}
	return entries, plain, nil
}

// view is b as a string, for as long as nobody writes to b.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// validateEntry checks the entry at p and returns the position behind it. It
// stays before the last byte of b.
func validateEntry(b []byte, p int) (next int, err error) {
	c, end := b[p], len(b)-1
	head := 1
	switch {
	case c > tagInt64:
		return 0, invalid("bad encoding", p)
	case c == tagString32:
		head = 5
	case c >= tagString12 && c < tagString32:
		head = 2
	}
	if head > end-p {
		return 0, invalid("bad length", p)
	}
	body := int64(strides[c]) - 1
	if head > 1 {
		body = int64(head) + stringLength(b, p)
	}
	if body > int64(end-p) {
		return 0, invalid("bad length", p)
	}
	back := p + int(body)
	size := backSize(int(body))
	if size > end-back {
		return 0, invalid("bad back length", back)
	}
	var want [backSizeMax]byte
	putBack(want[:], int(body))
	if string(want[:size]) != string(b[back:back+size]) {
		return 0, invalid("bad back length", back)
	}
	return back + size, nil
}

// stringLength is the length that the entry at p has in 12 or 32 bits. It is
// an int64, for where an int has but 32 bits it may not fit.
func stringLength(b []byte, p int) int64 {
	if c := b[p]; c < tagString32 {
		return int64(c&0x0f)<<8 | int64(b[p+1])
	}
	return int64(binary.LittleEndian.Uint32(b[p+1:]))
}

func invalid(what string, at int) error {
	return fmt.Errorf("listpack: %s at byte %d", what, at)
}

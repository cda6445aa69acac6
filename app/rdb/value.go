package rdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/codecrafters-io/redis-starter-go/app/listpack"
)

// Reading values: what Next does with the head of one, and the calls that read
// its pieces.

var errNoPiece = errors.New("nothing more to read of this value")

// readKey reads the key of a value, and as much of the value as tells its Type
// and how many pieces it has.
func (r *Reader) readKey(t Type) error {
	if !r.payload {
		s, next := r.in.peek(r.in.pos, scratchOne)
		if next > 0 {
			r.in.pos = next
		} else {
			b, err := r.in.readString(scratchOne)
			if err != nil {
				return err
			}
			s = view(b)
		}
		r.keyBuf = append(r.keyBuf[:0], s...)
		r.Key = view(r.keyBuf)
	}
	r.raw, r.Type, r.left = t, t, 1
	if t == TypeString {
		return nil
	}
	return r.beginValue(t)
}

// pieceSizes are the fewest bytes that a piece of a value takes.
var pieceSizes = [typeMax + 1]uint64{
	TypeListElements: 1,
	TypeSet:          1,
	TypeHash:         2,
	typeZsetText:     2,
	TypeZset:         9,
	typeListZiplists: 1,
	TypeList:         2,
	typeHashExpireRC: 3,
	TypeHashExpire:   3,
}

// beginValue reads the head of a value that is no string.
func (r *Reader) beginValue(t Type) (err error) {
	switch t {
	case typeModule, typeModule2:
		return r.refuseModule("module data I can't load: no matching module type")
	case typeZsetText:
		r.Type = TypeZset
	case typeHashZipmap, typeHashZiplist:
		r.Type = TypeHashListpack
	case typeZsetZiplist:
		r.Type = TypeZsetListpack
	case typeListZiplists:
		r.Type = TypeList
	case typeListZiplist:
		return r.beginZiplist()
	case typeStream1, TypeStream, typeStream3:
		return r.beginStream()
	case TypeHashExpire, TypeHashListpackExpire:
		r.minExpire, err = r.in.readInt64()
	case typeHashExpireRC:
		r.Type, r.minExpire = TypeHashExpire, 1
	case typeHashListpackExpRC:
		r.Type, r.minExpire = TypeHashListpackExpire, 1
	}
	if size := pieceSizes[t]; size > 0 && err == nil {
		r.left, err = r.in.readCount(size)
	}
	return err
}

// beginZiplist reads and checks a list that is a ziplist; its elements are then
// read one by one.
func (r *Reader) beginZiplist() error {
	r.Type = TypeListElements
	b, err := r.in.readString(scratchOne)
	if err != nil {
		return err
	}
	r.left, err = checkZiplist(b)
	if err == nil {
		r.ziplist = b[ziplistHead:]
	}
	return err
}

// take counts a piece as read.
func (r *Reader) take() error {
	if r.left <= 0 || r.err != nil {
		return r.fail(errNoPiece)
	}
	r.left--
	return nil
}

// skip passes over what is left of a value.
func (r *Reader) skip() (err error) {
	if r.Type == TypeStream && r.left > 0 {
		for r.left > 0 && err == nil {
			_, err = r.Stream()
		}
	}
	for r.left > 0 && err == nil {
		switch r.Type {
		case TypeString:
			_, err = r.String()
		case TypeListElements, TypeSet:
			_, err = r.Element()
		case TypeHash:
			_, _, err = r.Field()
		case TypeHashExpire:
			_, _, _, err = r.FieldExpire()
		case TypeZset:
			_, _, err = r.Member()
		case TypeList:
			_, _, err = r.Node()
		default:
			_, err = r.Blob()
		}
	}
	if r.err != nil {
		return r.err
	}
	return err
}

// Int reads the value of TypeString, or an element, if the input has it as an
// integer and ok says so. Else nothing is read, and String is to be called: for
// integers too that are wide, or happen to lie across the end of the buffer.
func (r *Reader) Int() (n int64, ok bool) {
	b := r.in.buf[r.in.pos:r.in.end]
	if r.left <= 0 || len(b) < 5 || b[0]>>6 != special || b[0]&0x3f > stringI32 || r.raw == typeListZiplist {
		return 0, false
	}
	kind := b[0] & 0x3f
	r.left--
	r.in.pos += 1 + 1<<kind
	return decodeInt(kind, b[1:]), true
}

// String reads the value of TypeString.
func (r *Reader) String() (string, error) { return r.Element() }

// Element reads an element of TypeListElements or TypeSet.
func (r *Reader) Element() (string, error) {
	if r.left <= 0 {
		return "", r.fail(errNoPiece)
	}
	r.left--
	if r.raw == typeListZiplist {
		return r.ziplistElement(), nil
	}
	s, next := r.in.peek(r.in.pos, scratchOne)
	if next > 0 {
		r.in.pos = next
		return s, nil
	}
	b, err := r.in.readString(scratchOne)
	if err != nil {
		return "", r.fail(err)
	}
	return view(b), nil
}

// ziplistElement returns the next element of a ziplist that was checked.
func (r *Reader) ziplistElement() string {
	e, _ := parseZiplistEntry(r.ziplist)
	r.ziplist = r.ziplist[e.size:]
	if e.isInt {
		return r.in.digits(scratchTwo, e.n)
	}
	return view(e.str)
}

// Field reads a field of TypeHash and its value.
func (r *Reader) Field() (field, value string, err error) {
	if r.left <= 0 {
		return "", "", r.fail(errNoPiece)
	}
	r.left--
	if field, value, err = r.readPair(); err != nil {
		return "", "", r.fail(err)
	}
	return field, value, nil
}

// readPair reads two strings. Where the buffer has both they are views of it,
// else the first must be copied, since reading the second moves the buffer.
func (r *Reader) readPair() (first, second string, err error) {
	if first, p := r.in.peek(r.in.pos, scratchOne); p > 0 {
		if second, p := r.in.peek(p, scratchTwo); p > 0 {
			r.in.pos = p
			return first, second, nil
		}
	}
	b, err := r.in.readString(scratchOne)
	if err != nil {
		return "", "", err
	}
	first = r.in.hold(scratchOne, b)
	if b, err = r.in.readString(scratchTwo); err != nil {
		return "", "", err
	}
	return first, view(b), nil
}

// FieldExpire reads a field of TypeHashExpire, its value and when it expires, in
// ms since 1970, -1 for never.
func (r *Reader) FieldExpire() (field, value string, at int64, err error) {
	if err := r.take(); err != nil {
		return "", "", 0, err
	}
	ttl, err := r.in.readLen()
	if err == nil {
		at, err = r.fieldExpiry(ttl)
	}
	if err == nil {
		field, value, err = r.readPair()
	}
	if err != nil {
		return "", "", 0, r.fail(err)
	}
	return field, value, at, nil
}

// fieldExpiry turns the expiry of a field into a time: 0 is none, 1 the earliest
// that the hash has. Release candidates wrote the time itself, as if that was 1.
func (r *Reader) fieldExpiry(ttl uint64) (int64, error) {
	if ttl == 0 {
		return -1, nil
	}
	base := r.minExpire - 1
	if ttl > fieldExpiryMax || base < -1 || base > fieldExpiryMax || base+int64(ttl) > fieldExpiryMax {
		return 0, errors.New("invalid expiry of a field")
	}
	return base + int64(ttl), nil
}

// Member reads a member of TypeZset and its score, which is a number.
func (r *Reader) Member() (member string, score float64, err error) {
	if r.left <= 0 {
		return "", 0, r.fail(errNoPiece)
	}
	r.left--
	in := &r.in
	if s, p := in.peek(in.pos, scratchOne); p > 0 && r.raw == TypeZset && in.end-p >= 8 {
		member = s
		score = math.Float64frombits(binary.LittleEndian.Uint64(in.buf[p:]))
		in.pos = p + 8
	} else {
		b, err := in.readString(scratchOne)
		if err != nil {
			return "", 0, r.fail(err)
		}
		member = in.hold(scratchOne, b)
		if score, err = r.readScore(); err != nil {
			return "", 0, r.fail(err)
		}
	}
	if score != score {
		return "", 0, r.fail(errors.New("a score that is not a number"))
	}
	return member, score, nil
}

// readScore reads a score: eight bytes or, in old snapshots, a text.
func (r *Reader) readScore() (float64, error) {
	if r.raw == TypeZset {
		bits, err := r.in.readInt64()
		return math.Float64frombits(uint64(bits)), err
	}
	n, err := r.in.readByte()
	if err != nil {
		return 0, err
	}
	switch n {
	case 253:
		return math.NaN(), nil
	case 254:
		return math.Inf(1), nil
	case 255:
		return math.Inf(-1), nil
	}
	b, err := r.in.need(int(n))
	if err != nil {
		return 0, err
	}
	score, err := strconv.ParseFloat(view(b), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("score %q is not a number", b)
	}
	return score, nil
}

// Node reads a node of TypeList: a listpack if it is packed, which may be empty,
// else a single element.
func (r *Reader) Node() (b []byte, packed bool, err error) {
	if err := r.take(); err != nil {
		return nil, false, err
	}
	container := uint64(nodePacked)
	if r.raw == TypeList {
		if container, err = r.in.readLen(); err != nil {
			return nil, false, r.fail(err)
		}
	}
	if container != nodePacked && container != nodePlain {
		return nil, false, r.fail(fmt.Errorf("unknown container %d of a list node", container))
	}
	b, err = r.in.readString(scratchOne)
	switch {
	case err != nil:
	case len(b) == 0:
		err = errors.New("an empty list node")
	case container == nodePlain:
		return b, false, nil
	case r.raw == typeListZiplists:
		b, _, err = r.convert(b, ziplistEntries)
	default:
		_, r.Plain, err = listpack.Check(b)
	}
	if err != nil {
		return nil, false, r.fail(err)
	}
	return b, true, nil
}

// Blob reads the value of a type that is one blob: an intset or a listpack. A
// listpack may be empty.
func (r *Reader) Blob() ([]byte, error) {
	if err := r.take(); err != nil {
		return nil, err
	}
	b, err := r.in.readString(scratchOne)
	if err == nil {
		b, err = r.checkBlob(b)
	}
	if err != nil {
		return nil, r.fail(err)
	}
	return b, nil
}

// checkBlob checks a blob by its type, and makes a listpack of what was none.
func (r *Reader) checkBlob(b []byte) (_ []byte, err error) {
	group, count := 2, 0
	switch r.raw {
	case TypeSetIntset:
		return b, checkIntset(b)
	case typeHashZipmap:
		b, count, err = r.convert(b, zipmapEntries)
	case typeHashZiplist, typeZsetZiplist:
		b, count, err = r.convert(b, ziplistEntries)
	default:
		count, r.Plain, err = listpack.Check(b)
	}
	switch r.Type {
	case TypeSetListpack:
		group = 1
	case TypeHashListpackExpire:
		group = 3
	}
	if err == nil && count%group != 0 {
		err = fmt.Errorf("%d entries where groups of %d should be", count, group)
	}
	if err == nil && group == 3 {
		err = checkExpiries(b)
	}
	return b, err
}

// checkExpiries checks each third entry of a listpack: an expiry in ms or 0.
func checkExpiries(b []byte) error {
	for p := listpack.First(b); !listpack.AtEnd(b, p); p = listpack.Next(b, p) {
		p = listpack.Next(b, listpack.Next(b, p))
		if _, n, isInt := listpack.Read(b, p); !isInt || n < 0 || n > fieldExpiryMax {
			return errors.New("invalid expiry of a field")
		}
	}
	return nil
}

package listpack

import (
	"strconv"
	"strings"
	"testing"
)

// FuzzValidate: no bytes make Validate panic, and what it takes as a whole can
// be read, searched and edited.
func FuzzValidate(f *testing.F) {
	for _, tt := range encodings {
		f.Add(build("x", tt.in, "y"))
	}
	f.Add([]byte("\x09\x00\x00\x00\xff\xff\x01\x01\xff"))
	f.Add([]byte("\x0d\x00\x00\x00\x01\x00\xf0\xff\xff\xff\xff\x05\xff"))
	f.Add([]byte("\x0b\x00\x00\x00\x01\x00\xe0\x01a\x03\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		shallow := Validate(b, false)
		if Validate(b, true) != nil {
			return
		}
		if shallow != nil || Size(b) != len(b) {
			t.Fatalf("size %d of %d: %v", Size(b), len(b), shallow)
		}
		checkWalks(t, b)
		list := strs(b)
		for i, s := range list {
			p := Find(b, First(b), s, 0)
			if p < 0 || !Get(b, p).Equal(s) || p > Seek(b, i) || Get(b, p).Len() != len(s) {
				t.Fatalf("entry %d, %q, found at %d", i, s, p)
			}
		}
		m := &model{b: b, list: list}
		m.edit(0, len(list), "x")
		m.edit(1, 0, "300")
		m.check(t)
		m.edit(7, 1, "xx")
		m.check(t)
	})
}

// fuzzString makes a string of two bytes of fuzz: integers around the limits of
// the encodings, and strings around those of the lengths.
func fuzzString(kind, n byte) string {
	switch delta := int64(n%8) - 4; kind % 8 {
	case 0:
		return strconv.Itoa(int(int8(n)))
	case 1:
		return strconv.FormatInt(delta+1<<(n/4), 10)
	case 2:
		return strconv.FormatInt(delta-1<<(n/4), 10)
	case 3:
		return strings.Repeat("s", int(64+delta))
	case 4:
		return strings.Repeat("m", int(126+delta))
	case 5:
		return strings.Repeat("l", int(4096+delta))
	case 6:
		return strings.Repeat("h", int(16380+delta))
	default:
		return string([]byte{n})
	}
}

// FuzzEdits makes the edits that the bytes say, four bytes each, on a listpack
// and on a list of strings.
func FuzzEdits(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00"))
	f.Add([]byte("\x00\x00\x05\x01\x12\x01\x33\x00\x23\x09\x44\x10\x77\x50\x33\x00\x88\x03\x02\x91"))
	f.Add([]byte("\x01\x00\x06\x03\x01\x00\x06\x02\x05\x01\x04\x01\x15\x01\x05\x01\x27\x00\x07\x62"))
	f.Fuzz(func(t *testing.T, ops []byte) {
		m := &model{b: Init(make([]byte, EmptySize))}
		for ; len(ops) >= 4 && len(m.list) < 64; ops = ops[4:] {
			m.room = int(ops[0]) / edits % 8 // none; little; enough
			if m.room == 7 {
				m.room = 1 << 15
			}
			index := int(ops[1]) % (len(m.list) + 1)
			s := fuzzString(ops[2], ops[3])
			m.edit(int(ops[0])%edits, index, s)
			m.check(t)
			m.find(t, index, s, int(ops[1])%3)
		}
	})
}

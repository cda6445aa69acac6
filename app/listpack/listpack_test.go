package listpack

import (
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// build returns the listpack of some strings.
func build(entries ...string) []byte {
	b := Init(make([]byte, EmptySize))
	for _, s := range entries {
		b = Append(b, s)
	}
	return b
}

// strs returns the entries of b as strings.
func strs(b []byte) []string {
	var list []string
	for p := First(b); !AtEnd(b, p); p = Next(b, p) {
		list = append(list, Get(b, p).String())
	}
	return list
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func a(n int) string { return strings.Repeat("a", n) }

// encodings are entries as redis-server 7.0.15 dumps them.
var encodings = []struct{ in, head, tail string }{
	{"0", "00", "01"},
	{"127", "7f", "01"},
	{"128", "c080", "02"},
	{"-1", "dfff", "02"},
	{"-4096", "d000", "02"},
	{"4095", "cfff", "02"},
	{"-4097", "f1ffef", "03"},
	{"4096", "f10010", "03"},
	{"32767", "f1ff7f", "03"},
	{"-32768", "f10080", "03"},
	{"32768", "f2008000", "04"},
	{"-32769", "f2ff7fff", "04"},
	{"8388607", "f2ffff7f", "04"},
	{"-8388608", "f2000080", "04"},
	{"8388608", "f300008000", "05"},
	{"-8388609", "f3ffff7fff", "05"},
	{"2147483647", "f3ffffff7f", "05"},
	{"-2147483648", "f300000080", "05"},
	{"2147483648", "f40000008000000000", "09"},
	{"-2147483649", "f4ffffff7fffffffff", "09"},
	{"9223372036854775807", "f4ffffffffffffff7f", "09"},
	{"-9223372036854775808", "f40000000000000080", "09"},
	{"9223372036854775808", "93 39323233333732303336383534373735383038", "14"},
	{"-9223372036854775809", "94 2d39323233333732303336383534373735383039", "15"},
	{"-0", "82 2d30", "03"},
	{"01", "82 3031", "03"},
	{"+1", "82 2b31", "03"},
	{" 1", "82 2031", "03"},
	{"", "80", "01"},
	{"-", "81 2d", "02"},
	{"a", "81 61", "02"},
	{"1.5", "83 312e35", "04"},
	{a(63), "bf", "40"},
	{a(64), "e040", "42"},
	{a(125), "e07d", "7f"},
	{a(126), "e07e", "0180"},
	{a(127), "e07f", "0181"},
	{a(4095), "efff", "2081"},
	{a(4096), "f000100000", "2085"},
	{a(16377), "f0f93f0000", "7ffe"},
	{a(16378), "f0fa3f0000", "00ffff"},
}

func TestEncodings(t *testing.T) {
	for _, tt := range encodings {
		name := tt.in
		if len(name) > 40 {
			name = "a*" + strconv.Itoa(len(name))
		}
		t.Run(name, func(t *testing.T) {
			entry := unhex(t, tt.head)
			if tt.in != "" && tt.in[0] == 'a' && len(tt.in) > 1 {
				entry = append(entry, tt.in...)
			}
			entry = append(entry, unhex(t, tt.tail)...)
			if got := AppendEntry(nil, tt.in); string(got) != string(entry) {
				t.Fatalf("AppendEntry: %x, want %x", got, entry)
			}
			if got := EncodedSize(tt.in); got != len(entry) {
				t.Errorf("EncodedSize: %d, want %d", got, len(entry))
			}
			b := build("x", tt.in, "y")
			want := Splice(build("x", "y"), HeaderSize+3, HeaderSize+3, entry, 1)
			if string(b) != string(want) {
				t.Fatalf("Append: %x, want %x", b, want)
			}
			checkEntry(t, b, tt.in, len(entry))
		})
	}
}

// checkEntry looks at the second of the three entries of b, which is s.
func checkEntry(t *testing.T, b []byte, s string, size int) {
	t.Helper()
	if err := Validate(b, true); err != nil {
		t.Error(err)
	}
	p := Next(b, First(b))
	if q := Next(b, p); q != p+size || Prev(b, q) != p || Prev(b, len(b)-1) != q {
		t.Errorf("Next: %d, want %d; and back: %d", q, p+size, Prev(b, q))
	}
	v := Get(b, p)
	if got := string(v.Append(nil)); got != s || v.String() != s || v.Len() != len(s) || !v.Equal(s) || v.Equal(s+"0") {
		t.Errorf("the value is %q of %d", got, v.Len())
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if isInt := err == nil && strconv.FormatInt(n, 10) == s; isInt != v.IsInt || isInt && n != v.Int {
		t.Errorf("the integer is %d, %v", v.Int, v.IsInt)
	}
	if v.IsInt && (EncodedSizeInt(v.Int) != size || string(AppendEntryInt(nil, v.Int)) != string(b[p:p+size])) {
		t.Errorf("as an integer it is encoded otherwise")
	}
	if got := Find(b, First(b), s, 0); got != p {
		t.Errorf("Find: %d, want %d", got, p)
	}
	if got := Find(b, First(b), s, 1); got != -1 {
		t.Errorf("Find every second: %d", got)
	}
	if got := Find(b, p, s+"a", 0); got != -1 {
		t.Errorf("Find something else: %d", got)
	}
}

// An empty one, and HSET k f 1 g hello as redis-server 7.0.15 has it.
func TestWholeListpack(t *testing.T) {
	for _, tt := range []struct {
		entries []string
		want    string
	}{
		{nil, "07000000 0000 ff"},
		{[]string{"f", "1", "g", "hello"}, "16000000 0400 816602 0101 816702 8568656c6c6f06 ff"},
	} {
		b := build(tt.entries...)
		if want := unhex(t, tt.want); string(b) != string(want) {
			t.Errorf("%q: %x, want %x", tt.entries, b, want)
		}
		if Size(b) != len(b) || Len(b) != len(tt.entries) {
			t.Errorf("%q: size %d, count %d", tt.entries, Size(b), Len(b))
		}
	}
}

func TestEmpty(t *testing.T) {
	b := Init(make([]byte, 0, 64))
	if len(b) != EmptySize || First(b) != HeaderSize || Last(b) != 0 || !AtEnd(b, First(b)) || Prev(b, len(b)-1) != 0 ||
		Next(b, First(b)) != HeaderSize || Seek(b, 0) != HeaderSize || Seek(b, -1) != HeaderSize || Find(b, First(b), "", 1) != -1 {
		t.Errorf("%x", b)
	}
	if got := Delete(b, First(b), 3); string(got) != string(b) || Validate(got, true) != nil {
		t.Errorf("Delete: %x", got)
	}
}

func TestSeek(t *testing.T) {
	list := []string{"a", "1", a(200), "-70000", "b"}
	b := build(list...)
	for i := -7; i <= 7; i++ {
		p := Seek(b, i)
		at := i
		if i < 0 {
			at += len(list)
		}
		if at < 0 || at >= len(list) {
			if p != len(b)-1 {
				t.Errorf("Seek(%d): %d", i, p)
			}
		} else if !Get(b, p).Equal(list[at]) {
			t.Errorf("Seek(%d): %q", i, Get(b, p))
		}
	}
	for _, i := range []int{math.MinInt, math.MaxInt} {
		if p := Seek(b, i); p != len(b)-1 {
			t.Errorf("Seek(%d): %d", i, p)
		}
	}
}

// A listpack from elsewhere may have wider encodings than ours would be.
func TestWideEncodings(t *testing.T) {
	b := Init(make([]byte, EmptySize))
	for _, entry := range []string{"8135 02", "f40500000000000000 09", "e00161 03", "f001000000 61 06", "f000000000 05", "c005 02"} {
		b = Splice(b, len(b)-1, len(b)-1, unhex(t, entry), 1)
	}
	if err := Validate(b, true); err != nil {
		t.Fatal(err)
	}
	if got := strs(b); !slices.Equal(got, []string{"5", "5", "a", "a", "", "5"}) {
		t.Fatalf("%q", got)
	}
	var found []int
	for i := range 6 {
		p := Seek(b, i)
		if Find(b, p, Get(b, p).String(), 0) == p {
			found = append(found, i)
		}
	}
	if len(found) != 6 {
		t.Errorf("Find finds only %d", found)
	}
}

// Past 65534 entries the header does not count, and does again when few are left.
func TestManyEntries(t *testing.T) {
	b := Init(make([]byte, EmptySize))
	for i := range 65534 {
		b = AppendInt(b, int64(i&127))
	}
	if b[4] != 0xfe || b[5] != 0xff || Len(b) != 65534 {
		t.Fatalf("%x, %d", b[:6], Len(b))
	}
	for i := range 10 {
		b = Append(b, strconv.Itoa(i))
		if b[4] != 0xff || b[5] != 0xff || Len(b) != 65535+i {
			t.Fatalf("%x, %d, want %d", b[:6], Len(b), 65535+i)
		}
	}
	if err := Validate(b, true); err != nil {
		t.Fatal(err)
	}
	if p := Seek(b, 65540); !Get(b, p).Equal("6") || Seek(b, -4) != p {
		t.Errorf("Seek: %d, %d", p, Seek(b, -4))
	}
	if p := Seek(b, 65544); p != len(b)-1 || Seek(b, -65545) != p || Seek(b, -65544) != HeaderSize {
		t.Errorf("Seek at the end: %d", p)
	}
	b = Delete(b, First(b), 11)
	if Len(b) != 65533 || b[4] != 0xfd {
		t.Errorf("%x, %d", b[:6], Len(b))
	}
}

func TestValidateErrors(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", "", "listpack: no room for a header at byte 0"},
		{"short", "0700000000ff", "listpack: no room for a header at byte 6"},
		{"size", "08000000 0000 ff", "listpack: bad total size at byte 0"},
		{"terminator", "07000000 0000 00", "listpack: no terminator at byte 6"},
		{"early", "08000000 0000 ff ff", "listpack: early terminator at byte 6"},
		{"count", "09000000 0200 0101 ff", "listpack: bad count at byte 4"},
		{"unknown count", "09000000 ffff 0101 ff", ""},
		{"encoding", "09000000 0100 f501 ff", "listpack: bad encoding at byte 6"},
		{"no back length", "08000000 0100 01 ff", "listpack: bad back length at byte 7"},
		{"back length", "09000000 0100 0102 ff", "listpack: bad back length at byte 7"},
		{"back length goes on", "0a000000 0100 0101 81 ff", "listpack: bad length at byte 8"},
		{"string", "09000000 0100 8201 ff", "listpack: bad length at byte 6"},
		{"integer", "09000000 0100 f400 ff", "listpack: bad length at byte 6"},
		{"12 bits", "08000000 0100 e0 ff", "listpack: bad length at byte 6"},
		{"32 bits", "0b000000 0100 f0000000 ff", "listpack: bad length at byte 6"},
		{"32 bits, huge", "0d000000 0100 f0ffffffff 05 ff", "listpack: bad length at byte 6"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := Validate(unhex(t, tt.in), true)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || err.Error() != tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
	if err := Validate(unhex(t, "08000000 0700 f5 ff"), false); err != nil {
		t.Errorf("not deep: %v", err)
	}
}

// The back length gets longer one below the powers of two, as Redis has it.
func TestBackLengths(t *testing.T) {
	for _, tt := range []struct {
		body int
		want string
	}{
		{127, "7f"},
		{128, "0180"},
		{1<<14 - 2, "7ffe"},
		{1<<14 - 1, "00ffff"},
		{1<<21 - 2, "7ffffe"},
		{1<<21 - 1, "00ffffff"},
		{1<<28 - 2, "7ffffffe"},
		{1<<28 - 1, "00ffffffff"},
		{SizeMax, "0480808080"},
	} {
		b := make([]byte, backSize(tt.body))
		putBack(b, tt.body)
		if hex.EncodeToString(b) != tt.want {
			t.Errorf("%d: %x, want %s", tt.body, b, tt.want)
		}
		if got := Prev(b, len(b)); got != -tt.body {
			t.Errorf("%d: read back as %d", tt.body, -got)
		}
	}
}

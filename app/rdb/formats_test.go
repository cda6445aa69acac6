package rdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/listpack"
)

// Snapshots made by hand, in forms that no redis-server of today writes.

// str is a string as the format has it, without any encoding.
func str(s string) []byte { return append(appendLen(nil, uint64(len(s))), s...) }

// key begins a key.
func key(t Type, name string) []byte { return append([]byte{byte(t)}, str(name)...) }

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// ziplist makes a ziplist of entries, each without the size of the one before.
func ziplist(entries ...string) string {
	b := make([]byte, ziplistHead)
	last, before := ziplistHead, 0
	for _, e := range entries {
		last = len(b)
		if before < listBig {
			b = append(b, byte(before))
		} else {
			b = binary.LittleEndian.AppendUint32(append(b, listBig), uint32(before))
		}
		b = append(b, e...)
		before = len(b) - last
	}
	b = append(b, listEnd)
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	binary.LittleEndian.PutUint32(b[4:], uint32(last))
	binary.LittleEndian.PutUint16(b[8:], uint16(len(entries)))
	return string(b)
}

// everyEntry are ziplist entries of every kind, an even number.
var everyEntry = []string{
	"\x00", "\x03abc", "\x40\x40" + strings.Repeat("x", 64), "\x80\x00\x00\x01\x00" + strings.Repeat("y", 256),
	"\xc0\xfe\xff", "\xd0\x00\x00\x00\x80", "\xe0\x00\x00\x00\x00\x00\x00\x00\x80", "\xf0\x01\x00\x80",
	"\xfe\x80", "\xf1", "\xfd", "\x0212", "\x03012", "\x013",
}

// everyEntryText is what everyEntry says, as a listpack has it.
var everyEntryText = `"" "abc" ` + short(strings.Repeat("x", 64)) + " " + short(strings.Repeat("y", 256)) +
	` -2 -2147483648 -9223372036854775808 -8388607 -128 0 12 12 "012" 3`

// pack makes a listpack.
func pack(entries ...any) []byte {
	b := listpack.Init(make([]byte, listpack.EmptySize))
	for _, e := range entries {
		b = listpack.Append(b, fmt.Sprint(e))
	}
	return b
}

// id is an ID of 16 bytes.
func id(ms, seq uint64) []byte { return appendID(nil, StreamID{ms, seq}) }

// ms is a time.
func ms(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

// streamNode is a node with three entries, 5-1, 5-2 and 7-0, the first of which
// is deleted.
func streamNode() []byte {
	return cat(str(string(id(5, 1))), str(string(pack(2, 1, 1, "f", 0,
		3, 0, 0, "v1", 4, 2, 0, 1, "v2", 4, 0, 2, -1, 2, "a", "b", "c", "d", 8))))
}

// moduleID is the number of a module type, of version 4.
func moduleID(name string) []byte {
	id := uint64(0)
	for _, c := range name {
		id = id<<6 | uint64(strings.IndexRune(moduleCharset, c))
	}
	return appendLen(nil, id<<10|4)
}

// A format is a snapshot and what is in it.
type format struct {
	name    string
	version int
	records []byte
	want    string
	foreign bool // redis-server 7.0 does not know it
}

func formats() []format {
	pel := cat(id(5, 2), ms(1000), []byte{3}, id(7, 0), ms(2000), []byte{1})
	return []format{
		{name: "version 1", version: 1, records: cat([]byte{opSelectDB, 3, opExpireSecond, 0xff, 0xff, 0xff, 0x7f}, key(TypeString, "k"), str("v")),
			want: "db 3\nkey \"k\" string 1 expire 2147483647000\n  \"v\"\n"},
		{name: "list", version: 2, records: cat(key(TypeListElements, "k"), []byte{3}, str("a"), []byte{0xc0, 0x80}, str("")),
			want: "key \"k\" list 3\n  \"a\"\n  \"-128\"\n  \"\"\n"},
		{name: "old zset", version: 2, records: cat(key(typeZsetText, "k"), []byte{4}, str("a"), str("1.25"), str("b"), []byte{254}, str("c"), []byte{255}, str("d"), str("-3e5")),
			want: "key \"k\" zset-v2 4\n  \"a\" 1.25\n  \"b\" +Inf\n  \"c\" -Inf\n  \"d\" -300000\n"},
		{name: "zipmap", version: 3, records: cat(key(typeHashZipmap, "k"), str("\x03\x01a\x02\x03bcxxx\x00\x01\x007\xfe\xfe\x00\x00\x00"+strings.Repeat("z", 254)+"\x00\x00\xff")),
			want: "key \"k\" hash-listpack 1\n  \"a\" \"bc\" \"\" 7 " + short(strings.Repeat("z", 254)) + " \"\"\n"},
		{name: "list ziplist", version: 6, records: cat(key(typeListZiplist, "k"), str(ziplist(everyEntry...))),
			want: "key \"k\" list 14\n  \"\"\n  \"abc\"\n  " + short(strings.Repeat("x", 64)) + "\n  " + short(strings.Repeat("y", 256)) +
				"\n  \"-2\"\n  \"-2147483648\"\n  \"-9223372036854775808\"\n  \"-8388607\"\n  \"-128\"\n  \"0\"\n  \"12\"\n  \"12\"\n  \"012\"\n  \"3\"\n"},
		{name: "quicklist", version: 7, records: cat(key(typeListZiplists, "k"), []byte{2}, str(ziplist(everyEntry...)), str(ziplist())),
			want: "key \"k\" quicklist-v2 2\n  node " + everyEntryText + "\n  node\n"},
		{name: "hash ziplist", version: 4, records: cat(key(typeHashZiplist, "k"), str(ziplist(everyEntry...))),
			want: "key \"k\" hash-listpack 1\n  " + everyEntryText + "\n"},
		{name: "zset ziplist", version: 4, records: cat(key(typeZsetZiplist, "k"), str(ziplist("\x01a", "\xf2", "\x01b", "\x032.5"))),
			want: "key \"k\" zset-listpack 1\n  \"a\" 1 \"b\" \"2.5\"\n"},
		{name: "stream 1", version: 9, records: cat(key(typeStream1, "k"), []byte{1}, streamNode(), []byte{2, 7, 1}, []byte{3},
			str("g"), []byte{7, 0, 2}, pel, []byte{2}, str("alice"), ms(3000), []byte{2}, id(5, 2), id(7, 0), str("bob"), ms(4000), []byte{0},
			str("h"), []byte{7, 1, 0, 0}, str("i"), []byte{5, 2, 0, 0}),
			want: `key "k" stream-v2 1
  node {5 1} 2 2 1 1 "f" 0 3 0 0 "v1" 4 2 0 1 "v2" 4 0 2 -1 2 "a" "b" "c" "d" 8
  info {Length:2 LastID:{Ms:7 Seq:1} FirstID:{Ms:5 Seq:2} MaxDeletedID:{Ms:0 Seq:0} EntriesAdded:2 Groups:3}
  group "g" {7 0} read -1, 2 pending
    pending {5 2} since 1000, 3 times
    pending {7 0} since 2000, 1 times
    consumer "alice" seen 3000 active 3000, 2 pending
      owns {5 2}
      owns {7 0}
    consumer "bob" seen 4000 active 4000, 0 pending
  group "h" {7 1} read 2, 0 pending
  group "i" {5 2} read 1, 0 pending
`},
		{name: "stream 3", version: 11, foreign: true, records: cat(key(typeStream3, "k"), []byte{1}, streamNode(), []byte{2, 7, 1, 5, 2, 5, 1, 3}, []byte{1},
			str("g"), []byte{7, 0, 3, 0, 1}, str("alice"), ms(3000), ms(2500), []byte{0}),
			want: `key "k" stream-v2 1
  node {5 1} 2 2 1 1 "f" 0 3 0 0 "v1" 4 2 0 1 "v2" 4 0 2 -1 2 "a" "b" "c" "d" 8
  info {Length:2 LastID:{Ms:7 Seq:1} FirstID:{Ms:5 Seq:2} MaxDeletedID:{Ms:5 Seq:1} EntriesAdded:3 Groups:1}
  group "g" {7 0} read 3, 0 pending
    consumer "alice" seen 3000 active 2500, 0 pending
`},
		{name: "set listpack", version: 11, foreign: true, records: cat(key(TypeSetListpack, "k"), str(string(pack("a", 1, "b")))),
			want: "key \"k\" set-listpack 1\n  \"a\" 1 \"b\"\n"},
		{name: "hash with expiries", version: 12, foreign: true, records: cat([]byte{opSlotInfo, 1, 2, 3}, key(TypeHashExpire, "k"), ms(5000), []byte{3, 0}, str("a"), str("1"), []byte{1}, str("b"), str("2"), []byte{11}, str("c"), str("3")),
			want: "key \"k\" hash-metadata 3\n  \"a\" \"1\" expires -1\n  \"b\" \"2\" expires 5000\n  \"c\" \"3\" expires 5010\n"},
		{name: "hash with expiries of a candidate", version: 12, foreign: true, records: cat(key(typeHashExpireRC, "k"), []byte{2, 0}, str("a"), str("1"), []byte{11}, str("b"), str("2")),
			want: "key \"k\" hash-metadata 2\n  \"a\" \"1\" expires -1\n  \"b\" \"2\" expires 11\n"},
		{name: "listpack with expiries", version: 12, foreign: true, records: cat(key(TypeHashListpackExpire, "k"), ms(5000), str(string(pack("a", 1, 5000, "b", 2, 0)))),
			want: "key \"k\" hash-listpack-ex 1\n  \"a\" 1 5000 \"b\" 2 0\n"},
		{name: "listpack with expiries of a candidate", version: 12, foreign: true, records: cat(key(typeHashListpackExpRC, "k"), str(string(pack("a", 1, 5000)))),
			want: "key \"k\" hash-listpack-ex 1\n  \"a\" 1 5000\n"},
		{name: "functions", version: 10, records: cat([]byte{opFunctionRC}, str("lib"), str("LUA"), []byte{1}, str("described"), str("redis.register_function('f', function() end)"),
			[]byte{opFunction}, str("#!lua name=other\nredis.register_function('g', function() end)")),
			want: `function "#!LUA name=lib\nredis.register_function('f', function() end)"
function "#!lua name=other\nredis.register_function('g', function() end)"
`},
		{name: "lengths", version: 10, records: cat(key(TypeSet, "k"), []byte{0x80, 0, 0, 0, 3, 0x40, 1}, []byte("a"), []byte{0x81, 0, 0, 0, 0, 0, 0, 0, 1}, []byte("b"), []byte{0xc3, 4, 9, 0x00, 'c', 0xc0, 0x00}),
			want: "key \"k\" set 3\n  \"a\"\n  \"b\"\n  \"ccccccccc\"\n"},
	}
}

// TestFormats reads forms that are old, new or odd.
func TestFormats(t *testing.T) {
	for _, f := range formats() {
		t.Run(f.name, func(t *testing.T) {
			if got := mustDescribe(t, file(f.version, f.records)); got != f.want {
				t.Errorf("\n%s\nwant\n%s", got, f.want)
			}
		})
	}
}

// TestFormatsInRedis holds that redis-server makes of them what it makes of them
// rewritten.
func TestFormatsInRedis(t *testing.T) {
	for _, f := range formats() {
		if f.foreign {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			b := file(f.version, f.records)
			r, err := newBytesReader(b)
			if err != nil {
				t.Fatal(err)
			}
			ours, err := rewrite(r, VersionDefault, true)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := digestOf(t, ours), digestOf(t, b); got != want {
				t.Errorf("digest %s, want %s", got, want)
			}
		})
	}
}

// TestExpiriesRewritten holds that hashes with fields that expire are written as
// they are read.
func TestExpiriesRewritten(t *testing.T) {
	for _, f := range formats() {
		if f.version != 12 || strings.HasSuffix(f.name, "candidate") {
			continue
		}
		b := file(12, bytes.TrimPrefix(f.records, []byte{opSlotInfo, 1, 2, 3}))
		r, err := newBytesReader(b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := rewrite(r, VersionFieldExpire, true)
		if err != nil {
			t.Fatal(err)
		}
		want := mustDescribe(t, b)
		if mustDescribe(t, got) != want {
			t.Errorf("%s: %q, want %q", f.name, got, b)
		}
	}
}

// TestCorrupt reads what is wrong in one thing.
func TestCorrupt(t *testing.T) {
	value := func(t Type, parts ...[]byte) []byte { return cat(key(t, "k"), cat(parts...)) }
	blob := func(t Type, s string) []byte { return value(t, str(s)) }
	stream := func(node []byte) []byte {
		return value(TypeStream, []byte{1}, str(string(id(5, 1))), str(string(node)))
	}
	for _, c := range []struct {
		name    string
		records []byte
		want    string
	}{
		{"opcode", []byte{200}, "rdb: offset 10: opcode 200: unknown opcode"},
		{"type 8", []byte{8}, "rdb: offset 10: opcode 8: unknown opcode"},
		{"type 26", []byte{26}, "rdb: offset 10: opcode 26: unknown opcode"},
		{"module", value(typeModule2, moduleID("MBbloom--")),
			`rdb: offset 21: key "k": type 7 (module-value-v2): the file contains module data I can't load: no matching module type 'MBbloom--'`},
		{"module aux", cat([]byte{opModuleAux}, moduleID("MBbloom--"), []byte{2, 1, 0}),
			"rdb: offset 19: opcode 247 (module-aux): the file contains AUX module data I can't load: no matching module 'MBbloom--'"},
		{"length", value(TypeSet, []byte{0x82}), "unknown encoding of a length 0x82"},
		{"no length", value(TypeSet, []byte{0xc0, 1}), "a string where a length should be"},
		{"string", value(TypeString, []byte{0xc4}), "unknown encoding of a string 4"},
		{"LZF", value(TypeString, []byte{0xc3, 2, 5, 0, 'a'}), "corrupt LZF data"},
		{"LZF bomb", value(TypeString, cat([]byte{0xc3, 2, 0x81, 0, 0, 0, 1, 0, 0, 0, 0}, []byte{0, 'a'})), "corrupt LZF data"},
		{"database", []byte{opSelectDB, 0x81, 255, 255, 255, 255, 255, 255, 255, 255}, "no database has the number 18446744073709551615"},
		{"NaN", value(TypeZset, []byte{1}, str("a"), ms(0x7ff8000000000001)), "a score that is not a number"},
		{"old NaN", value(typeZsetText, []byte{1}, str("a"), []byte{253}), "a score that is not a number"},
		{"score", value(typeZsetText, []byte{1}, str("a"), str("one")), `score "one" is not a number`},
		{"container", value(TypeList, []byte{1, 3}, str("a")), "unknown container 3 of a list node"},
		{"empty node", value(TypeList, []byte{1, 1}, str("")), "an empty list node"},
		{"odd hash", blob(TypeHashListpack, string(pack("a", "b", "c"))), "3 entries where groups of 2 should be"},
		{"odd ziplist", blob(typeZsetZiplist, ziplist("\xf1")), "1 entries where groups of 2 should be"},
		{"listpack", blob(TypeZsetListpack, "\x0b\x00\x00\x00\x02\x00\xf5\x01\x01\x01\xff"), "listpack: bad encoding at byte 6"},
		{"ziplist entry", blob(typeListZiplist, strings.Replace(ziplist("\x01a"), "\x01a", "\x02a", 1)), "corrupt ziplist: bad entry at byte 10"},
		{"ziplist size before", blob(typeListZiplist, strings.Replace(ziplist("\xf1", "\xf2"), "\x02\xf2", "\x03\xf2", 1)), "corrupt ziplist: bad entry at byte 12"},
		{"ziplist count", blob(typeListZiplist, strings.Replace(ziplist("\xf1", "\xf2"), "\x02\x00\x00", "\x03\x00\x00", 1)), "corrupt ziplist: bad count"},
		{"ziplist tail", blob(typeListZiplist, strings.Replace(ziplist("\xf1", "\xf2"), "\x0c\x00\x00\x00", "\x0a\x00\x00\x00", 1)), "corrupt ziplist: bad end"},
		{"ziplist head", blob(typeListZiplist, "\x05\x00\x00\x00\xff"), "corrupt ziplist: bad header"},
		{"zipmap field", blob(typeHashZipmap, "\x01\x05a\x01\x00b\xff"), "corrupt zipmap: bad field at byte 1"},
		{"zipmap value", blob(typeHashZipmap, "\x01\x01a\x01\x01b\xff"), "corrupt zipmap: bad value at byte 3"},
		{"zipmap count", blob(typeHashZipmap, "\x02\x01a\x01\x00b\xff"), "corrupt zipmap: bad count"},
		{"empty zipmap", blob(typeHashZipmap, "\x00\xff"), "corrupt zipmap: bad count"},
		{"intset", blob(TypeSetIntset, "\x02\x00\x00\x00\x01\x00\x00\x00\x01"), "corrupt intset"},
		{"intset width", blob(TypeSetIntset, "\x03\x00\x00\x00\x01\x00\x00\x00\x01\x01\x01"), "corrupt intset"},
		{"empty intset", blob(TypeSetIntset, "\x02\x00\x00\x00\x00\x00\x00\x00"), "corrupt intset"},
		{"intset order", blob(TypeSetIntset, "\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x01\x00"), "corrupt intset: out of order at byte 10"},
		{"field expiry", value(TypeHashExpire, ms(1<<62), []byte{1, 1}, str("a"), str("1")), "invalid expiry of a field"},
		{"listpack expiry", value(TypeHashListpackExpire, ms(5000), str(string(pack("a", 1, "x")))), "invalid expiry of a field"},
		{"stream key", value(TypeStream, []byte{1}, str("short"), str("")), "a stream node key that is not an ID"},
		{"stream without nodes", value(TypeStream, []byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 0}), "a stream with a length but no nodes"},
		{"stream listpack", stream(pack()), "stream node: early end at byte 6"},
		{"stream without entries", stream(pack(0, 0, 0, 0)), "stream node: wrong counts at byte 14"},
		{"stream count", stream(pack(2, 0, 0, 0, 2, 0, 0, 3)), "stream node: wrong counts at byte 22"},
		{"stream fields", stream(pack(1, 0, -1, 0, 2, 0, 0, 3)), "stream node: wrong number of fields at byte 13"},
		{"stream back", stream(pack(1, 0, 0, 0, 2, 0, 0, 4)), "stream node: wrong size of an entry at byte 22"},
		{"stream text", stream(pack(1, 0, 0, 0, 2, "x", 0, 3)), "stream node: a string where an integer should be at byte 16"},
		{"stream order", stream(pack(2, 0, 0, 0, 2, 0, 0, 3, 2, 0, 0, 3)), "stream node: entries out of order at byte 30"},
		{"stream nodes", value(TypeStream, []byte{2}, streamNode(), streamNode()), "stream nodes out of order"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := NewReader(bytes.NewReader(file(10, c.records)))
			if err != nil {
				t.Fatal(err)
			}
			text, err := describe(r)
			if err == nil || !isError(err) || !strings.HasSuffix(err.Error(), c.want) {
				t.Fatalf("%v\nwant %s, after\n%s", err, c.want, text)
			}
			if _, again := r.Next(); again != err {
				t.Errorf("then %v", again)
			}
		})
	}
}

// TestHead holds what is no snapshot, or none that can be read, and what has no
// checksum or a wrong one.
func TestHead(t *testing.T) {
	wrongSum := file(10)
	wrongSum[len(wrongSum)-1]++
	for _, c := range []struct {
		name, in string
		want     error
	}{
		{"empty", "", io.ErrUnexpectedEOF},
		{"short", "REDIS", io.ErrUnexpectedEOF},
		{"not a snapshot", "RODIS0010\xff", ErrSignature},
		{"version 0", "REDIS0000\xff", ErrVersion},
		{"version 13", "REDIS0013\xff", ErrVersion},
		{"version x", "REDIS001x\xff", ErrVersion},
		{"no sum", string(file(10)[:headerSize+1]) + "\x00\x00\x00\x00\x00\x00\x00\x00", nil},
		{"no sum in version 4", "REDIS0004\xff", nil},
		{"wrong sum", string(wrongSum), ErrChecksum},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := NewReader(strings.NewReader(c.in))
			if err == nil {
				_, err = describe(r)
			}
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
	r, err := NewReader(bytes.NewReader(wrongSum), WithoutChecksum())
	if err == nil {
		_, err = describe(r)
	}
	if err != nil {
		t.Error(err)
	}
}

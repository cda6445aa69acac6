package rdb

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

// TestJoin holds that what several encoders hold is, joined, what one would.
func TestJoin(t *testing.T) {
	add := func(e *Encoder, i int) {
		e.Field(strings.Repeat("field ", i*3)+strconv.Itoa(i), strings.Repeat("value ", i*5))
	}
	var whole, joined Encoder
	for i := range 10 {
		add(&whole, i)
		var part Encoder
		add(&part, i)
		joined.Join(&part)
	}
	for _, compress := range []bool{false, true} {
		if got, want := joined.appendTo(nil, compress), whole.appendTo(nil, compress); !bytes.Equal(got, want) {
			t.Errorf("compress %v: %q, want %q", compress, got, want)
		}
	}
	if whole.Reset(); whole.Len() != 0 || len(whole.appendTo(nil, true)) != 0 {
		t.Error("not empty after Reset")
	}
}

// TestAbout holds that the fields are those of redis-server, as it writes them.
func TestAbout(t *testing.T) {
	b := read(t, "redis7-lru.rdb")
	r, err := newBytesReader(b)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	if err := visit(r, func(event Event) error {
		if event == EventAux {
			fields[strings.Clone(r.Name)] = strings.Clone(r.Text)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(fields[name], 10, 64)
		return n
	}
	about := About{RedisVersion: fields["redis-ver"], Created: number("ctime"), UsedMemory: number("used-mem")}
	var e Encoder
	e.About(&about)
	if got := b[headerSize:][:e.Len()]; !bytes.Equal(e.buf, got) && strconv.IntSize == 64 {
		t.Errorf("%q, want %q", e.buf, got)
	}
	about.AOFBase, about.Replicated, about.ReplicationDB, about.ReplicationID, about.ReplicationEnd = true, true, -1, "abc", 1<<40
	e.Reset()
	e.About(&about)
	want := "aux \"repl-stream-db\" \"-1\"\naux \"repl-id\" \"abc\"\naux \"repl-offset\" \"1099511627776\"\naux \"aof-base\" \"1\"\n"
	if got := mustDescribe(t, file(10, e.buf)); !strings.HasSuffix(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestLengths holds that lengths take the shortest form, and are read again.
func TestLengths(t *testing.T) {
	for _, c := range []struct {
		n    uint64
		want string
	}{
		{0, "00"}, {63, "3f"}, {64, "4040"}, {16383, "7fff"}, {16384, "8000004000"}, {math.MaxUint32, "80ffffffff"},
		{math.MaxUint32 + 1, "810000000100000000"}, {math.MaxUint64, "81ffffffffffffffff"},
	} {
		b := appendLen(nil, c.n)
		in := input{buf: b, end: len(b)}
		if n, err := in.readLen(); fmt.Sprintf("%x", b) != c.want || n != c.n || err != nil {
			t.Errorf("%d: %x, read as %d, %v", c.n, b, n, err)
		}
	}
}

// TestSmallInt holds which strings become integers.
func TestSmallInt(t *testing.T) {
	for s, want := range map[string]bool{
		"0": true, "-1": true, "7": true, "2147483647": true, "-2147483648": true,
		"": false, "-": false, "-0": false, "00": false, "+1": false, " 1": false, "1 ": false, "1a": false, "0x1": false,
		"2147483648": false, "-2147483649": false, "99999999999": false, "-9999999999": false, "123456789012": false,
	} {
		n, ok := smallInt(s)
		if ok != want || ok && strconv.FormatInt(n, 10) != s {
			t.Errorf("%q: %d, %v", s, n, ok)
		}
	}
}

// TestRDB looks into a snapshot as a whole.
func TestRDB(t *testing.T) {
	snapshot, err := NewRDB("testdata/redis7.rdb")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := snapshot.Parse(); err != nil {
			t.Fatal(err)
		}
		if len(snapshot.Dbs) != 2 || snapshot.Dbs[0].Index != 0 || snapshot.Dbs[1].Index != 9 {
			t.Fatalf("databases %+v", snapshot.Dbs)
		}
		db := snapshot.Dbs[0]
		if got := db.DbStore["number 32768"]; got != "32768" {
			t.Errorf("a number is %q", got)
		}
		if got := db.ExpiryStore; len(got) != 1 || got[0] != (ExpiryEntry{"expires", "v", 33177117420123}) {
			t.Errorf("what expires: %v", got)
		}
		if _, ok := db.DbStore["hash many"]; ok || db.Expiry != 2 || db.Size <= len(db.DbStore) {
			t.Errorf("size %d, %d expire, %d strings", db.Size, db.Expiry, len(db.DbStore))
		}
		if got := snapshot.Dbs[1].DbStore; len(got) != 1 || got["in another database"] != "value" {
			t.Errorf("the other database: %v", got)
		}
	}
	if _, err := NewRDB("testdata/nosuch.rdb"); err == nil {
		t.Error("no error for a file that is not there")
	}
	if _, err := NewFromBytes([]byte("not a snapshot")); err == nil {
		t.Error("no error for what is no snapshot")
	}
	cut, err := NewFromBytes(read(t, "redis7.rdb")[:20000])
	if err != nil {
		t.Fatal(err)
	}
	if err := cut.Parse(); err == nil || len(cut.Dbs) == 0 {
		t.Errorf("cut off: %v, %d databases", err, len(cut.Dbs))
	}
}

// TestPayload holds what is no payload.
func TestPayload(t *testing.T) {
	good := dumps(t)[0]
	newer := []byte(good)
	newer[len(newer)-payloadFoot] = versionMax + 1
	for name, payload := range map[string]string{
		"short": "123456789", "version": string(newer), "checksum": good[:len(good)-1] + "x",
	} {
		if _, err := NewPayloadReader(payload); err != ErrPayload {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, body := range []string{"", "\xff", "\xfe\x00", "\xfc12345678\x00\x01a", "\x08"} {
		r, err := NewPayloadReader(body+"\x0a\x0012345678", WithoutChecksum())
		if err != nil {
			t.Fatal(err)
		}
		if event, err := r.Next(); event != EventEnd || (err == nil) != (body == "") {
			t.Errorf("%q: %v, %v", body, event, err)
		}
	}
}

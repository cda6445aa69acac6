package store

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// TestStreamEffects: what is propagated of the commands on streams.
func TestStreamEffects(t *testing.T) {
	const ten = "XADD s 1-0 a 1; XADD s 2-0 a 1; XADD s 3-0 a 1; XADD s 4-0 a 1; XADD s 5-0 a 1; " +
		"XADD s 6-0 a 1; XADD s 7-0 a 1; XADD s 8-0 a 1; XADD s 9-0 a 1; XADD s 10-0 a 1"
	for _, row := range []struct{ before, command, want string }{
		{"", "XADD s 1-1 a 1", "XADD s 1-1 a 1"},
		{"", "XADD s 1-1 a 1 b 2", "XADD s 1-1 a 1 b 2"},
		{"", "XADD s NOMKSTREAM 1-1 a 1", ""},
		{"", "XADD s 0-0 a 1", ""},
		{"XADD s 5-5 a 1", "XADD s 5-* a 1", "XADD s 5-6 a 1"},
		{"XADD s 99999999999999-7 a 1", "XADD s * a 1", "XADD s 99999999999999-8 a 1"},
		{"XADD s 99999999999999-7 a 1", "XADD s NOMKSTREAM * a 1", "XADD s NOMKSTREAM 99999999999999-8 a 1"},
		{ten, "XADD s MAXLEN 5 11-0 a 1", "XADD s MAXLEN 5 11-0 a 1"},
		{ten, "XADD s MAXLEN = 5 11-0 a 1", "XADD s MAXLEN = 5 11-0 a 1"},
		{ten, "XADD s MAXLEN 5 11-* a 1", "XADD s MAXLEN 5 11-0 a 1"},
		{ten, "XADD s MAXLEN ~ 5 11-0 a 1", "XADD s MAXLEN = 7 11-0 a 1"},
		{ten, "XADD s MAXLEN ~ 50 11-0 a 1", "XADD s MAXLEN = 11 11-0 a 1"},
		{ten, "XADD s MAXLEN ~ 0 LIMIT 5 11-* a 1", "XADD s MAXLEN = 7 LIMIT 5 11-0 a 1"},
		{ten, "XADD s MINID ~ 8-0 11-* a 1", "XADD s MINID = 5-0 11-0 a 1"},
		{ten + "; XDEL s 5-0", "XADD s MINID ~ 8-0 11-* a 1", "XADD s MINID = 5-0 11-0 a 1"},
		{ten, "XADD s MINID 8-0 11-0 a 1", "XADD s MINID 8-0 11-0 a 1"},
		{"", "XADD s MINID ~ 8-0 7-* a 1", "XADD s MINID = 18446744073709551615-18446744073709551615 7-0 a 1"},
		{ten, "XTRIM s MAXLEN 50", ""},
		{ten, "XTRIM s MAXLEN ~ 8", ""},
		{ten, "XTRIM s MAXLEN 8", "XTRIM s MAXLEN 8"},
		{ten, "XTRIM s MAXLEN ~ 5", "XTRIM s MAXLEN = 6"},
		{ten, "XTRIM s MAXLEN ~ 0 LIMIT 4", "XTRIM s MAXLEN = 6 LIMIT 4"},
		{ten, "XTRIM s MINID ~ 10-0", "XTRIM s MINID = 9-0"},
		{ten, "XTRIM s MINID ~ 10-1", "XTRIM s MINID = 18446744073709551615-18446744073709551615"},
		{ten, "XDEL s 1-0 2-0", "XDEL s 1-0 2-0"},
		{ten, "XDEL s 1-1", ""},
		{ten, "XSETID s 11-0", "XSETID s 11-0"},
		{ten, "XREAD STREAMS s 0", ""},
		{ten, "XREAD STREAMS s $", ""},
	} {
		t.Run(row.command, func(t *testing.T) {
			kv := newChecked(t)
			kv.streamNodeEntries = 4
			s := newSession(t, kv)
			for command := range strings.SplitSeq(row.before, "; ") {
				if command != "" {
					s.do(strings.Fields(command)...)
				}
			}
			var got []string
			kv.effects.sink = func(db int, args []string) { got = append(got, strings.Join(args, " ")) }
			s.do(strings.Fields(row.command)...)
			if got := strings.Join(got, "; "); got != row.want {
				t.Errorf("propagated %q, want %q", got, row.want)
			}
			if err := kv.check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestStreamsWithoutAllocation: commands on streams leave the collector nothing
// to do.
func TestStreamsWithoutAllocation(t *testing.T) {
	kv := New()
	t.Cleanup(func() { kv.Close() })
	s := newSession(t, kv)
	s.do("XADD", "s", "1-0", "field", "value", "other", "7")
	for _, command := range []string{
		"XADD s * field value other 17",
		"XADD s MAXLEN ~ 1000 * field value other 17 more 18",
		"XLEN s",
		"XRANGE s - + COUNT 10",
		"XREVRANGE s + - COUNT 10",
		"XREAD COUNT 5 STREAMS s 0",
		"XREAD STREAMS s s 0 $",
		"XDEL s 1-0 1-1 1-2 1-3 1-4 1-5 1-6 1-7 1-8 1-9",
		"XTRIM s MAXLEN 500",
	} {
		if n := s.allocations(strings.Fields(command)); n > 0 {
			t.Errorf("%s: %v allocations", command, n)
		}
	}
}

// TestStreamNodesAsRedisMakesThem compares a node with what DUMP of redis-server
// has in it.
func TestStreamNodesAsRedisMakesThem(t *testing.T) {
	kv := newChecked(t)
	s := newSession(t, kv)
	s.do("XADD", "s", "5-5", "name", "value", "17", "300")
	s.do("XADD", "s", "6-1", "name", "-1", "17", "x")
	s.do("XADD", "s", "1000-0", "other", "0012")
	s.do("XDEL", "s", "6-1")
	const want = "" +
		"\x51\x00\x00\x00\x19\x00" +
		"\x02\x01\x01\x01\x02\x01\x84name\x05\x11\x01\x00\x01" +
		"\x02\x01\x00\x01\x00\x01\x85value\x06\xc1\x2c\x02\x05\x01" +
		"\x03\x01\x01\x01\xdf\xfc\x02\xdf\xff\x02\x81x\x02\x05\x01" +
		"\x00\x01\xc3\xe3\x02\xdf\xfb\x02\x01\x01\x85other\x06\x840012\x05\x06\x01" +
		"\xff"
	st := kv.streamAt(kv.dbs[0].find("s"))
	for e := range st.nodes.All(kv.streamType) {
		if got := string(kv.listpackOf(e.Ref)); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

// TestStreamOfTheGoAPI: fields that repeat are told once, the last one.
func TestStreamOfTheGoAPI(t *testing.T) {
	kv := New()
	t.Cleanup(func() { kv.Close() })
	s := newSession(t, kv)
	s.do("XADD", "s", "1-1", "a", "1", "b", "2", "a", "3")
	s.do("XADD", "s", "1-2", "", "x")
	s.do("SET", "str", "1")
	want := []StreamEntry{
		{"1-1", map[string]string{"a": "3", "b": "2"}},
		{"1-2", map[string]string{"": "x"}},
	}
	if got := kv.Stream("s"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, key := range []string{"str", "nosuch"} {
		if got := kv.Stream(key); got != nil {
			t.Errorf("%s: %v", key, got)
		}
	}
}

// TestStreamDropped: a big stream goes in steps, and all of it.
func TestStreamDropped(t *testing.T) {
	kv := newChecked(t)
	s := newSession(t, kv)
	kv.streamNodeEntries = 2
	for i := range 1000 {
		s.do("XADD", "s", fmt.Sprint(i+1), "field", "value")
	}
	s.expect("DEL s", "1")
	for step := 0; len(kv.drains) > 0; step++ {
		if err := kv.check(); err != nil {
			t.Fatal(err)
		}
		if kv.drains[0].drain(1) {
			kv.drains = kv.drains[1:]
			if step < 5 {
				t.Errorf("%d steps", step)
			}
		}
	}
	if err := kv.check(); err != nil {
		t.Error(err)
	}
}

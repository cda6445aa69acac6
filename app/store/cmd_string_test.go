package store

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// TestStringEffects: what replicas and the append-only file are told in place
// of commands that depend on the moment, or answer what nobody there hears.
func TestStringEffects(t *testing.T) {
	tests := []struct {
		setup, command string
		effects        string // joined by "; ", with now+ms for a moment
	}{
		{"", "SET k v", "SET k v"},
		{"", "SET k v EX 100", "SET k v PXAT now+100000"},
		{"", "set k v px 100 get nx", "SET k v PXAT now+100"},
		{"", "SET k v EXAT 99999999999", "SET k v PXAT 99999999999000"},
		{"SET k v EX 100", "SET k w KEEPTTL", "SET k w KEEPTTL"},
		{"", "SET get v GET", "SET get v"},
		{"SET k v", "SET k GET get XX GET keepttl", "SET k GET XX keepttl"},
		{"SET k v", "SET k w NX", ""},
		{"SET k v", "SET k w NX GET", ""},
		{"", "SETEX k 10 v", "SET k v PXAT now+10000"},
		{"", "PSETEX k 10 v", "SET k v PXAT now+10"},
		{"", "SETNX k v", "SETNX k v"},
		{"SET k v", "SETNX k v", ""},
		{"SET k v", "GETSET k w", "SET k w"},
		{"SET k v", "GETDEL k", "DEL k"},
		{"", "GETDEL k", ""},
		{"CONFIG SET lazyfree-lazy-user-del yes; SET k v", "GETDEL k", "UNLINK k"},
		{"SET k v", "GETEX k", ""},
		{"SET k v", "GETEX k EX 10", "PEXPIREAT k now+10000"},
		{"SET k v", "GETEX k PXAT 99999999999999", "PEXPIREAT k 99999999999999"},
		{"SET k v", "GETEX k EXAT 1", "DEL k"},
		{"CONFIG SET lazyfree-lazy-expire yes; SET k v", "GETEX k PXAT 1", "UNLINK k"},
		{"SET k v EX 10", "GETEX k PERSIST", "PERSIST k"},
		{"SET k v", "GETEX k PERSIST", ""},
		{"", "MSET a 1 b 2", "MSET a 1 b 2"},
		{"", "INCR k", "INCR k"},
		{"SET k 1.5", "INCRBYFLOAT k 1e1", "SET k 11.5 KEEPTTL"},
		{"", "APPEND k v", "APPEND k v"},
		{"", "SETRANGE k 0 v", "SETRANGE k 0 v"},
		{"SET k v", "BITOP NOT d k", "BITOP NOT d k"},
		{"SET d v", "BITOP NOT d nosuch", "BITOP NOT d nosuch"},
		{"", "BITOP NOT d nosuch", ""},
		{"", "SETBIT k 1 1", "SETBIT k 1 1"},
		{"SET k @", "SETBIT k 1 1", ""},
		{"SET k @", "BITFIELD k GET u8 0 SET u1 1 1", ""},
		{"SET k @", "BITFIELD k SET u1 1 0 SET u1 1 0", "BITFIELD k SET u1 1 0 SET u1 1 0"},
	}
	for _, tt := range tests {
		t.Run(tt.command, func(t *testing.T) {
			kv := newChecked(t)
			s := newSession(t, kv)
			for setup := range strings.SplitSeq(tt.setup, "; ") {
				if setup != "" {
					s.do(strings.Fields(setup)...)
				}
			}
			var got []string
			kv.effects.sink = func(_ int, args []string) { got = append(got, strings.Join(args, " ")) }
			s.do(strings.Fields(tt.command)...)
			want := strings.Fields(tt.effects)
			for i, word := range want {
				if ms, ok := strings.CutPrefix(word, "now+"); ok {
					want[i] = momentIn(t, kv, ms, got)
				}
			}
			if got := strings.Join(got, "; "); got != strings.Join(want, " ") {
				t.Errorf("propagated %q, want %q", got, strings.Join(want, " "))
			}
			if err := kv.check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// momentIn is the moment at the end of what was propagated, when it is so many
// ms after the command, which is just over.
func momentIn(t *testing.T, kv *KVStore, ms string, effects []string) string {
	after, err := strconv.ParseInt(ms, 10, 64)
	if err != nil || len(effects) != 1 {
		return "now+" + ms
	}
	words := strings.Fields(effects[0])
	at, err := strconv.ParseInt(words[len(words)-1], 10, 64)
	began := kv.started.UnixMilli()
	if err != nil || at < began+after || at > kv.nowMs+after {
		t.Errorf("%q is not between %d and %d", effects[0], began+after, kv.nowMs+after)
	}
	return words[len(words)-1]
}

// TestStringsWithoutAllocation: commands on strings leave the collector nothing
// to do.
func TestStringsWithoutAllocation(t *testing.T) {
	commands := []string{
		"GET text", "GET number", "GET nosuch", "SET text other", "SET number 12", "SET text v EX 100",
		"SETEX text 100 v", "SETNX text v", "INCR number", "INCRBY number 5", "DECR number",
		"INCRBYFLOAT float 0.1", "APPEND long x", "STRLEN long", "GETRANGE long 1 -2", "SETRANGE long 5 abc",
		"GETSET text v", "GETEX text", "MGET text number long nosuch", "MSET text v number 1",
		"SETBIT bits 70 1", "GETBIT bits 70", "BITCOUNT bits", "BITPOS bits 1 2", "BITOP AND dest bits long",
		"BITFIELD bits INCRBY u8 0 1 GET i5 3", "BITFIELD_RO bits GET u8 0",
	}
	for _, command := range commands {
		t.Run(command, func(t *testing.T) {
			kv := New()
			defer kv.Close()
			s := newSession(t, kv)
			for _, setup := range []string{"SET text v", "SET number 1", "SET float 1.5", "SETRANGE long 3000 x", "SETBIT bits 500 1", "SET dest v"} {
				s.do(strings.Fields(setup)...)
			}
			if n := s.allocations(strings.Fields(command)); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// TestManyKeys: commands with more keys than are loaded ahead at a time.
func TestManyKeys(t *testing.T) {
	kv := newChecked(t)
	s := newSession(t, kv)
	mset, mget, want := []string{"MSET"}, []string{"MGET"}, ""
	for i := range 5*touchMax/2 + 1 {
		key, value := fmt.Sprintf("key%d", i), fmt.Sprintf("value%d", i)
		mset = append(mset, key, value)
		mget = append(mget, key)
		want += fmt.Sprintf(" %q", value)
	}
	if got := s.do(mset...); got != "OK" {
		t.Error(got)
	}
	if got := s.do(mget...); got != "["+want[1:]+"]" {
		t.Error(got)
	}
	s.do("MULTI")
	s.do(append(mget, "nosuch", "key0")...)
	if got := s.do("EXEC"); got != "[["+want[1:]+` nil "value0"]]` {
		t.Error(got)
	}
	if err := kv.check(); err != nil {
		t.Error(err)
	}
}

// TestStringOfOtherType: a key of another type is refused before anything is
// changed, or counts as none.
func TestStringOfOtherType(t *testing.T) {
	const wrong = string(errWrongType)
	for command, want := range map[string]string{
		"GET list": wrong, "GETEX list EX 10": wrong, "GETEX list EX 0": wrong, "GETDEL list": wrong,
		"GETSET list v": wrong, "SET list v GET": wrong, "SET list v XX GET": wrong, "APPEND list v": wrong,
		"STRLEN list": wrong, "GETRANGE list 0 1": wrong, "SETRANGE list 0 v": wrong, "INCR list": wrong,
		"DECRBY list 1": wrong, "INCRBYFLOAT list abc": wrong, "LCS list nosuch": string(errLCSType),
		"LCS nosuch list": string(errLCSType), "SETBIT list 0 1": wrong, "GETBIT list 0": wrong,
		"BITCOUNT list x y": wrong, "BITPOS list 1 x": wrong, "BITOP AND d nosuch list": wrong,
		"BITFIELD list": wrong, "BITFIELD list SET u1 0 1": wrong, "BITFIELD_RO list GET u8 0": wrong,
		"MGET list nosuch": "[nil nil]", "SETNX list v": "0", "MSETNX a 1 list v": "0",
		"INCRBY list x": string(errNotInteger), "GETRANGE list x 0": string(errNotInteger),
		"SETRANGE list -1 v": string(errOffsetRange), "BITPOS list 2": string(errBitArg),
		"BITFIELD_RO list SET u1 0 1": string(errFieldReadOnly),
	} {
		t.Run(command, func(t *testing.T) {
			kv := newChecked(t)
			s := newSession(t, kv)
			kv.dbs[0].place(entry{}, "list", typeList, encRaw, rawHead, -1).setRawLen(0)
			dirty := kv.dirty
			if got := s.do(strings.Fields(command)...); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if e := kv.dbs[0].find("list"); !e.ok() || e.typ() != typeList || kv.dirty != dirty {
				t.Error("the key was changed")
			}
		})
	}
	t.Run("overwritten", func(t *testing.T) {
		kv := newChecked(t)
		s := newSession(t, kv)
		for _, command := range []string{"SET k v", "MSET k v", "SETEX k 10 v", "BITOP OR k text"} {
			s.do("DEL", "k")
			s.do("SET", "text", "v")
			kv.dbs[0].place(entry{}, "k", typeList, encRaw, rawHead, -1).setRawLen(0)
			s.do(strings.Fields(command)...)
			s.expect("GET k", `"v"`)
			if err := kv.check(); err != nil {
				t.Error(err)
			}
		}
	})
}

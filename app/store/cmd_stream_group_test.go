package store

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What commands on groups begin with: a stream of three entries and a group, of
// which a consumer may have read two.
const (
	groupFixture = "XADD s 1-0 a 1; XADD s 2-0 a 2; XADD s 3-0 a 3; XGROUP CREATE s g 0"
	readFixture  = groupFixture + "; XREADGROUP GROUP g c COUNT 2 STREAMS s >"
)

// doAll runs commands with a semicolon between them.
func (s *session) doAll(commands string) {
	s.t.Helper()
	for command := range strings.SplitSeq(commands, "; ") {
		if command != "" {
			s.do(strings.Fields(command)...)
		}
	}
}

// TestGroupEffects: what replicas and the append-only file are told in place of
// commands on groups. now is the moment of the command.
func TestGroupEffects(t *testing.T) {
	for _, tt := range []struct{ setup, command, effects string }{
		{"", "XGROUP CREATE s g $ MKSTREAM", "XGROUP CREATE s g $ MKSTREAM"},
		{groupFixture, "XGROUP CREATE s g 0", ""},
		{groupFixture, "XGROUP SETID s g $", "XGROUP SETID s g $"},
		{groupFixture, "XGROUP DESTROY s g", "XGROUP DESTROY s g"},
		{groupFixture, "XGROUP DESTROY s h", ""},
		{groupFixture, "XGROUP CREATECONSUMER s g c", "XGROUP CREATECONSUMER s g c"},
		{readFixture, "XGROUP CREATECONSUMER s g c", ""},
		{readFixture, "XGROUP DELCONSUMER s g c", "XGROUP DELCONSUMER s g c"},
		{readFixture, "XGROUP DELCONSUMER s g d", ""},

		{groupFixture, "XREADGROUP GROUP g c COUNT 2 STREAMS s >", "XCLAIM s g c 0 1-0 TIME now RETRYCOUNT 1 FORCE JUSTID LASTID 1-0; " +
			"XCLAIM s g c 0 2-0 TIME now RETRYCOUNT 1 FORCE JUSTID LASTID 2-0"},
		{groupFixture, "XREADGROUP GROUP g c COUNT 2 NOACK STREAMS s >", "XGROUP CREATECONSUMER s g c; XGROUP SETID s g 2-0 ENTRIESREAD 2"},
		{readFixture, "XREADGROUP GROUP g c NOACK STREAMS s >", "XGROUP SETID s g 3-0 ENTRIESREAD 3"},
		{groupFixture, "XREADGROUP GROUP g c STREAMS s 0", ""},
		{groupFixture, "XREADGROUP GROUP g c NOACK STREAMS s 0", "XGROUP CREATECONSUMER s g c"},
		{readFixture, "XREADGROUP GROUP g c STREAMS s 0", ""},
		{groupFixture, "XREADGROUP GROUP h c STREAMS s >", ""},
		{groupFixture + "; XGROUP SETID s g $", "XREADGROUP GROUP g c STREAMS s >", ""},
		{groupFixture + "; XADD t 1-0 a 1; XGROUP CREATE t g 0", "XREADGROUP GROUP g c COUNT 1 STREAMS s t > >",
			"XCLAIM s g c 0 1-0 TIME now RETRYCOUNT 1 FORCE JUSTID LASTID 1-0; XCLAIM t g c 0 1-0 TIME now RETRYCOUNT 1 FORCE JUSTID LASTID 1-0"},
		{readFixture + "; XGROUP SETID s g 0", "XREADGROUP GROUP g d COUNT 1 STREAMS s >",
			"XCLAIM s g d 0 1-0 TIME now RETRYCOUNT 1 FORCE JUSTID LASTID 1-0"},

		{readFixture, "XACK s g 1-0 9-9", "XACK s g 1-0 9-9"},
		{readFixture, "XACK s g 9-9", ""},

		{readFixture, "XCLAIM s g d 0 1-0 2-0", "XCLAIM s g d 0 1-0 TIME now RETRYCOUNT 2 FORCE JUSTID LASTID 2-0; " +
			"XCLAIM s g d 0 2-0 TIME now RETRYCOUNT 2 FORCE JUSTID LASTID 2-0"},
		{readFixture, "XCLAIM s g d 0 1-0 TIME 1000 RETRYCOUNT 5", "XCLAIM s g d 0 1-0 TIME 1000 RETRYCOUNT 5 FORCE JUSTID LASTID 2-0"},
		{readFixture, "XCLAIM s g d 0 3-0 FORCE", "XCLAIM s g d 0 3-0 TIME now RETRYCOUNT 2 FORCE JUSTID LASTID 2-0"},
		{readFixture, "XCLAIM s g d 0 3-0", ""},
		{readFixture, "XCLAIM s g d 0 3-0 LASTID 9-0", "XGROUP SETID s g 9-0 ENTRIESREAD 2"},
		{readFixture, "XCLAIM s g d 0 1-0 LASTID 9-0 JUSTID", "XCLAIM s g d 0 1-0 TIME now RETRYCOUNT 1 FORCE JUSTID LASTID 9-0"},
		{readFixture, "XCLAIM s g d 100000 1-0 LASTID 9-0 JUSTID", "XGROUP SETID s g 9-0 ENTRIESREAD 2"},
		{readFixture + "; XDEL s 1-0", "XCLAIM s g d 0 1-0 2-0 JUSTID", "XCLAIM s g c 0 1-0 TIME now RETRYCOUNT 1 FORCE JUSTID LASTID 2-0; " +
			"XCLAIM s g d 0 2-0 TIME now RETRYCOUNT 1 FORCE JUSTID LASTID 2-0"},
		{readFixture, "XCLAIM s g d 0 1", "XCLAIM s g d 0 1 TIME now RETRYCOUNT 2 FORCE JUSTID LASTID 2-0"},
		{readFixture + "; XDEL s 1-0", "XCLAIM s g d 0 1 LASTID 9-0 JUSTID", "XCLAIM s g c 0 1 TIME now RETRYCOUNT 1 FORCE JUSTID LASTID 9-0"},
		{readFixture, "XCLAIM s h d 0 1 FORCE", ""},

		{readFixture, "XAUTOCLAIM s g d 0 0", "XCLAIM s g d 0 1-0 TIME now RETRYCOUNT 2 FORCE JUSTID LASTID 2-0; " +
			"XCLAIM s g d 0 2-0 TIME now RETRYCOUNT 2 FORCE JUSTID LASTID 2-0"},
		{readFixture + "; XDEL s 1-0", "XAUTOCLAIM s g d 0 0 JUSTID", "XCLAIM s g c 0 1-0 TIME now RETRYCOUNT 1 FORCE JUSTID LASTID 2-0; " +
			"XCLAIM s g d 0 2-0 TIME now RETRYCOUNT 1 FORCE JUSTID LASTID 2-0"},
		{readFixture, "XAUTOCLAIM s g d 100000 0", ""},

		{readFixture, "MULTI; XREADGROUP GROUP g c STREAMS s >; XACK s g 1-0; EXEC",
			"XCLAIM s g c 0 3-0 TIME now RETRYCOUNT 1 FORCE JUSTID LASTID 3-0; XACK s g 1-0"},
	} {
		t.Run(tt.command, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kv := newChecked(t)
				s := newSession(t, kv)
				s.doAll(tt.setup)
				var got []string
				kv.effects.sink = func(_ int, args []string) { got = append(got, strings.Join(args, " ")) }
				s.doAll(tt.command)
				want := strings.ReplaceAll(tt.effects, "now", formatInt(kv.nowMs))
				if got := strings.Join(got, "; "); got != want {
					t.Errorf("propagated %q, want %q", got, want)
				}
				if err := kv.check(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestBlockedGroupEffects: the same for a consumer that has waited.
func TestBlockedGroupEffects(t *testing.T) {
	for _, tt := range []struct{ read, command, effects string }{
		{"XREADGROUP GROUP g c BLOCK 0 STREAMS s >", "XADD s 9-0 a 1",
			"XADD s 9-0 a 1; XCLAIM s g c 0 9-0 TIME now RETRYCOUNT 1 FORCE JUSTID LASTID 9-0"},
		{"XREADGROUP GROUP g c BLOCK 0 NOACK STREAMS s >", "XADD s 9-0 a 1",
			"XADD s 9-0 a 1; XGROUP CREATECONSUMER s g c; XGROUP SETID s g 9-0 ENTRIESREAD 4"},
		{"XREADGROUP GROUP g c BLOCK 0 STREAMS s >", "XGROUP DESTROY s g", "XGROUP DESTROY s g"},
		{"XREADGROUP GROUP g c BLOCK 0 STREAMS s >", "DEL s", "DEL s"},
	} {
		t.Run(tt.read+" "+tt.command, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kv := newChecked(t)
				reader, s := newSession(t, kv), newSession(t, kv)
				s.doAll(groupFixture + "; XGROUP SETID s g $")
				kv.mu.Lock()
				kv.processCommand(reader.c, strings.Fields(tt.read))
				kv.unlock()
				var got []string
				kv.effects.sink = func(_ int, args []string) { got = append(got, strings.Join(args, " ")) }
				s.doAll(tt.command)
				want := strings.ReplaceAll(tt.effects, "now", formatInt(kv.nowMs))
				if got := strings.Join(got, "; "); got != want {
					t.Errorf("propagated %q, want %q", got, want)
				}
				if reader.c.waiter != nil || len(reader.c.reply.Buf) == 0 {
					t.Error("the reader waits on")
				}
				if err := kv.check(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// randomGroupCommand is a command on stream s and its group g.
func randomGroupCommand(r *rand.Rand, next int) string {
	consumer := string(rune('a' + r.IntN(4)))
	id := fmt.Sprintf("%d-0", r.IntN(next+2))
	switch r.IntN(12) {
	case 0:
		return fmt.Sprintf("XADD s %d-0 f %d", next, r.IntN(1000))
	case 1, 2:
		return fmt.Sprintf("XREADGROUP GROUP g %s COUNT %d STREAMS s >", consumer, r.IntN(5))
	case 3:
		return fmt.Sprintf("XREADGROUP GROUP g %s COUNT %d NOACK STREAMS s >", consumer, r.IntN(3)+1)
	case 4:
		return "XACK s g " + id
	case 5:
		return fmt.Sprintf("XCLAIM s g %s %d %s IDLE %d", consumer, r.IntN(20), id, r.IntN(20))
	case 6:
		return fmt.Sprintf("XCLAIM s g %s 0 %s %d RETRYCOUNT %d FORCE JUSTID", consumer, id, r.IntN(next), r.IntN(9))
	case 7:
		return fmt.Sprintf("XAUTOCLAIM s g %s %d %s COUNT %d", consumer, r.IntN(20), id, r.IntN(5)+1)
	case 8:
		return "XDEL s " + id
	case 9:
		return fmt.Sprintf("XCLAIM s g %s 0 %s LASTID %d", consumer, id, r.IntN(next))
	case 10:
		if r.IntN(4) == 0 {
			return "XGROUP DELCONSUMER s g " + consumer
		}
		return "XGROUP SETID s g " + id
	}
	return fmt.Sprintf("XTRIM s MAXLEN %d", 10+r.IntN(40))
}

// groupState is what must be alike where the effects are repeated: where the
// group is, and what is pending, for whom, since when and how often.
func groupState(kv *KVStore) string {
	e := kv.dbs[0].find("s")
	if !e.ok() {
		return ""
	}
	s := kv.streamAt(e)
	g := kv.findGroup(s, "g")
	var b strings.Builder
	fmt.Fprint(&b, s.length, s.last, g.lastID)
	for e := range g.pending.All(kv.streamType) {
		p := kv.pendingAt(e.Ref)
		fmt.Fprint(&b, "; ", kv.idOf(e), kv.consumerAt(p.consumer).name(), p.deliveredMs, p.deliveries)
	}
	return b.String()
}

// TestGroupEffectsRepeated repeats the effects of random commands on another
// store.
func TestGroupEffectsRepeated(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 2))
				from, to := newChecked(t), newChecked(t)
				s, replica := newSession(t, from), newSession(t, to)
				var effects [][]string
				from.effects.sink = func(_ int, args []string) { effects = append(effects, cloneArgs(args)) }
				s.expect("XGROUP CREATE s g $ MKSTREAM", "OK")
				for i := range 400 {
					command := randomGroupCommand(r, i+1)
					s.do(strings.Fields(command)...)
					for _, args := range effects {
						replica.do(args...)
					}
					if got, want := groupState(to), groupState(from); got != want {
						t.Fatalf("after %q, repeated as %q:\ngot  %s\nwant %s", command, effects, got, want)
					}
					effects = nil
					time.Sleep(time.Duration(r.IntN(10)) * time.Millisecond)
				}
				for _, kv := range []*KVStore{from, to} {
					if err := kv.check(); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

// TestGroupsWithoutAllocation: commands on groups leave the collector nothing
// to do.
func TestGroupsWithoutAllocation(t *testing.T) {
	for _, command := range []string{
		"XREADGROUP GROUP g c STREAMS s >", "XREADGROUP GROUP g c STREAMS s 0", "XREADGROUP GROUP fresh c COUNT 2 STREAMS s >",
		"XREADGROUP GROUP fresh c COUNT 2 NOACK STREAMS s >", "XACK s g 1-0", "XACK s g 5-0 6-0 7-0", "XCLAIM s g c 0 1-0", "XCLAIM s g d 0 1-0 2-0 JUSTID",
		"XAUTOCLAIM s g d 0 0 COUNT 3", "XPENDING s g", "XPENDING s g - + 10", "XPENDING s g - + 10 c", "XINFO GROUPS s", "XINFO CONSUMERS s g",
		"XINFO STREAM s FULL", "XGROUP SETID s g 0", "XGROUP CREATECONSUMER s g c",
	} {
		t.Run(command, func(t *testing.T) {
			kv := New()
			defer kv.Close()
			s := newSession(t, kv)
			for i := range 1000 {
				s.do("XADD", "s", fmt.Sprintf("%d-0", i+1), "f", "v")
			}
			s.doAll("XGROUP CREATE s g 0; XGROUP CREATE s fresh 0; XREADGROUP GROUP g c STREAMS s >; XGROUP CREATECONSUMER s fresh c")
			if n := s.allocations(strings.Fields(command)); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

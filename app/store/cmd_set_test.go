package store

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// setsOfEveryForm makes a set of n members in each form that it can have.
func setsOfEveryForm(s *session, n int) []string {
	for i := range n {
		s.do("SADD", "intset", strconv.Itoa(i))
		s.do("SADD", "listpack", "m"+strconv.Itoa(i))
		s.do("SADD", "table", "m"+strconv.Itoa(i))
	}
	long := strings.Repeat("x", smallMemberMax+1)
	s.do("SADD", "table", long)
	s.do("SREM", "table", long)
	keys := []string{"intset", "listpack", "table"}
	for _, key := range keys {
		if form := formOf(s.kv, key); form != key {
			s.t.Fatalf("%s is a %s", key, form)
		}
	}
	return keys
}

// fair reports whether counts are what as many independent equal chances give,
// by the chi-square test with a chance of some 1 in 10^6 to fail.
func fair(counts map[string]int, outcomes, draws int) error {
	mean := float64(draws) / float64(outcomes)
	sum := mean * float64(outcomes-len(counts))
	for _, n := range counts {
		sum += (float64(n) - mean) * (float64(n) - mean) / mean
	}
	// The normal approximation of Wilson and Hilferty.
	k := float64(outcomes - 1)
	if z := (math.Cbrt(sum/k) - 1 + 2/(9*k)) / math.Sqrt(2/(9*k)); z > 5 {
		return fmt.Errorf("chi-square %.0f for %d outcomes", sum, outcomes)
	}
	return nil
}

// TestRandomMembersFair draws from sets of every form, in every way there is.
func TestRandomMembersFair(t *testing.T) {
	const members, draws = 20, 4000
	s := newSession(t, newChecked(t))
	for _, key := range setsOfEveryForm(s, members) {
		for _, arg := range []string{"", "-5", "3", "8", "17"} {
			counts, drawn := map[string]int{}, 0
			for range draws {
				var reply string
				if arg == "" {
					reply = s.do("SRANDMEMBER", key)
				} else {
					reply = s.do("SRANDMEMBER", key, arg)
				}
				for _, member := range strings.Fields(strings.Trim(reply, "[]")) {
					counts[member]++
					drawn++
				}
			}
			if err := fair(counts, members, drawn); err != nil {
				t.Errorf("SRANDMEMBER %s %s: %v", key, arg, err)
			}
		}
		for _, arg := range []string{"1", "3", "18"} {
			counts, drawn := map[string]int{}, 0
			for range draws / 2 {
				s.do("COPY", key, "copy", "REPLACE")
				for _, member := range strings.Fields(strings.Trim(s.do("SPOP", "copy", arg), "[]")) {
					counts[member]++
					drawn++
				}
			}
			if err := fair(counts, members, drawn); err != nil {
				t.Errorf("SPOP %s %s: %v", key, arg, err)
			}
		}
	}
	if err := s.kv.check(); err != nil {
		t.Error(err)
	}
}

// TestSampleSubsetsFair checks that it is subsets that are equally likely, and
// not only members: some wrong ways of sampling favour neighbours.
func TestSampleSubsetsFair(t *testing.T) {
	const draws = 6000
	s := newSession(t, newChecked(t))
	for _, key := range setsOfEveryForm(s, 7) {
		for _, c := range []struct {
			count   string
			subsets int
		}{{"2", 21}, {"4", 35}} {
			counts := map[string]int{}
			for range draws {
				picked := strings.Fields(strings.Trim(s.do("SRANDMEMBER", key, c.count), "[]"))
				slices.Sort(picked)
				counts[strings.Join(picked, " ")]++
			}
			if err := fair(counts, c.subsets, draws); err != nil {
				t.Errorf("SRANDMEMBER %s %s: %v", key, c.count, err)
			}
		}
	}
}

// TestSetEffects checks what replicas are told.
func TestSetEffects(t *testing.T) {
	kv := newChecked(t)
	s := newSession(t, kv)
	var told []string
	kv.effects.sink = func(db int, args []string) { told = append(told, strings.Join(args, " ")) }
	for _, c := range []struct {
		commands string
		want     func(reply string) []string
	}{
		{"SADD s 1 2 a", func(string) []string { return []string{"SADD s 1 2 a"} }},
		{"SADD s 1", nil},
		{"SREM s nosuch", nil},
		{"SRANDMEMBER s", nil},
		{"SPOP s 0", nil},
		{"SPOP nosuch", nil},
		{"SPOP s", func(reply string) []string { return []string{"SREM s " + strings.Trim(reply, `"`)} }},
		{"SPOP s 1", func(reply string) []string { return []string{"SREM s " + strings.Trim(reply, `["]`)} }},
		{"SPOP s", func(reply string) []string { return []string{"SREM s " + strings.Trim(reply, `"`)} }},
		{"SADD s 1 2 3", func(string) []string { return []string{"SADD s 1 2 3"} }},
		{"SPOP s 3", func(string) []string { return []string{"DEL s"} }},
		{"SADD s a b c d e f", func(string) []string { return []string{"SADD s a b c d e f"} }},
		{"SPOP s 5", func(reply string) (want []string) {
			for _, member := range strings.Fields(strings.Trim(reply, "[]")) {
				want = append(want, "SREM s "+strings.Trim(member, `"`))
			}
			return want
		}},
		{"SMOVE s t nosuch", nil},
		{"SUNIONSTORE t nosuch", nil},
		{"SUNIONSTORE t s", func(string) []string { return []string{"SUNIONSTORE t s"} }},
		{"SINTERSTORE t nosuch s", func(string) []string { return []string{"SINTERSTORE t nosuch s"} }},
	} {
		told = nil
		reply := s.do(strings.Fields(c.commands)...)
		var want []string
		if c.want != nil {
			want = c.want(reply)
		}
		if !slices.Equal(told, want) {
			t.Errorf("%s: %q, want %q", c.commands, told, want)
		}
	}
}

// TestSetNoAllocations keeps the Go heap out of the hot paths.
func TestSetNoAllocations(t *testing.T) {
	kv := New()
	defer kv.Close()
	s := newSession(t, kv)
	for i := range 3000 {
		s.do("SADD", "table", "member:"+strconv.Itoa(i))
		s.do("SADD", "half", "member:"+strconv.Itoa(2*i))
		s.do("SADD", "intset", strconv.Itoa(i%500))
		s.do("SADD", "listpack", "m"+strconv.Itoa(i%100))
	}
	for _, command := range []string{
		"SADD table member:1 member:2 member:3", "SADD listpack m1", "SADD intset 1", "SISMEMBER table member:77",
		"SISMEMBER intset 77", "SISMEMBER listpack m77", "SMISMEMBER table member:1 x member:2", "SINTER table half",
		"SINTERCARD 3 table half table", "SUNION table half", "SDIFF table half intset", "SMEMBERS intset", "SMEMBERS listpack",
		"SRANDMEMBER table", "SRANDMEMBER table 10", "SRANDMEMBER intset 10", "SRANDMEMBER listpack -10", "SSCAN table 0 MATCH *1",
		"SREM table nosuch", "SCARD table", "SUNIONSTORE intset2 intset", "SMOVE intset intset2 nosuch",
	} {
		if n := s.allocations(strings.Fields(command)); n != 0 {
			t.Errorf("%s allocates %v times", command, n)
		}
	}
}

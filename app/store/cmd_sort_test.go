package store

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestSortScore(t *testing.T) {
	for _, c := range []struct {
		in   string
		want float64
		ok   bool
	}{
		{"", 0, true}, {"0", 0, true}, {"-12", -12, true}, {"+1.5e3", 1500, true}, {" \t\n\v\f\r7", 7, true}, {"0x1p4", 16, true},
		{"0x10", 16, true}, {"inf", math.Inf(1), true}, {"-INFINITY", math.Inf(-1), true}, {"1\x00a", 1, true}, {"\x00", 0, true},
		{"1e308", 1e308, true}, {"2.2250738585072014e-308", 0x1p-1022, true}, {"0e-999", 0, true},
		{"7 ", 7, false}, {" ", 0, false}, {"nan", 0, false}, {"1e309", math.Inf(1), false}, {"1e-310", 1e-310, false},
		{"1e-999", 0, false}, {"a", 0, false}, {"1a", 0, false}, {"1_0", 0, false}, {"--1", 0, false}, {"0x", 0, false}, {".", 0, false},
	} {
		got, ok := sortScore(c.in)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%q: %v, %v; want %v, %v", c.in, got, ok, c.want, c.ok)
		}
	}
}

func TestSortWindow(t *testing.T) {
	for _, c := range []struct {
		offset, count int64
		n, start, end int
	}{
		{0, -1, 5, 0, 5}, {2, -1, 5, 2, 5}, {2, 2, 5, 2, 4}, {2, 9, 5, 2, 5}, {5, 1, 5, 5, 5}, {9, 1, 5, 5, 5}, {-3, 2, 5, 0, 2},
		{0, 0, 5, 0, 0}, {0, -1, 0, 0, 0}, {1, 1, 0, 0, 0}, {math.MaxInt64, math.MaxInt64, 5, 5, 5}, {1, math.MaxInt64, 5, 1, 5},
		{math.MinInt64, math.MinInt64, 5, 0, 5},
	} {
		o := sortOptions{offset: c.offset, count: c.count}
		if start, end := o.window(c.n); start != c.start || end != c.end {
			t.Errorf("LIMIT %d %d of %d: %d to %d, want %d to %d", c.offset, c.count, c.n, start, end, c.start, c.end)
		}
	}
}

// TestSortBig sorts more than one chunk of copies holds, in every form that a
// value can have.
func TestSortBig(t *testing.T) {
	const n = 3000
	s := newSession(t, newChecked(t))
	want := make([]string, n)
	for i := range n {
		member := strconv.Itoa(i * 7919 % n)
		s.do("RPUSH", "list", member)
		s.do("SADD", "set", member)
		s.do("ZADD", "zset", "1", member)
		s.do("SET", "w_"+member, strconv.Itoa(n-i*7919%n)+".5")
		s.do("HSET", "h_"+member, "f", strings.Repeat("x", 60)+member)
		want[i] = strconv.Quote(strconv.Itoa(i))
	}
	for _, key := range []string{"list", "set", "zset"} {
		s.expect("SORT "+key, "["+strings.Join(want, " ")+"]")
		s.expect("SORT "+key+" DESC BY w_*", "["+strings.Join(want, " ")+"]")
		s.expect("SORT "+key+" ALPHA LIMIT 0 3 BY h_*->f", `["0" "1" "10"]`)
		s.expect("SORT "+key+" STORE "+key, strconv.Itoa(n))
		s.expect("LRANGE "+key+" 0 -1", "["+strings.Join(want, " ")+"]")
	}
	if err := s.kv.check(); err != nil {
		t.Error(err)
	}
}

// TestSortExpired looks up keys and fields that have expired: they have no value,
// and removing them harms nothing that is being sorted.
func TestSortExpired(t *testing.T) {
	kv := newChecked(t)
	s := newSession(t, kv)
	s.do("RPUSH", "l", "3", "1", "2")
	for _, i := range []string{"1", "2", "3"} {
		s.do("SET", "w_"+i, i, "PX", "1")
		s.do("SET", "v_"+i, "value "+i)
	}
	kv.baseNs += int64(time.Second)
	s.expect("SORT l BY w_* DESC GET # GET w_* GET v_* STORE v_1", "9")
	s.expect("LRANGE v_1 0 -1", `["3" "" "value 3" "2" "" "value 2" "1" "" "value 1"]`)
	s.expect("DBSIZE", "4")
	if err := kv.check(); err != nil {
		t.Error(err)
	}
}

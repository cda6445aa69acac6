package store

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// A modelMember is a member and its score.
type modelMember struct {
	name  string
	score float64
}

// A zsetModel sends random commands to a store whose arena watches over every
// block, and to sorted slices.
type zsetModel struct {
	*session
	random *rand.Rand
	sets   map[string]map[string]float64
	size   int  // of the numbers that members are made of
	flat   bool // all scores are 0
}

func (m *zsetModel) key() string { return "z" + strconv.Itoa(m.random.IntN(4)) }

func (m *zsetModel) member() string {
	n := m.random.IntN(m.size)
	switch n % 11 {
	case 0:
		return strconv.Itoa(n)
	case 1:
		return strings.Repeat("x", n%80)
	}
	return "m" + strconv.Itoa(n)
}

func (m *zsetModel) score() float64 {
	switch r := m.random.IntN(10); {
	case m.flat:
		return 0
	case r < 6:
		return float64(m.random.IntN(20) - 5)
	case r == 6:
		return math.Inf(m.random.IntN(2)*2 - 1)
	}
	return m.random.NormFloat64() * 100
}

// sorted is the model's set in order.
func (m *zsetModel) sorted(key string) []modelMember {
	var list []modelMember
	for name, score := range m.sets[key] {
		list = append(list, modelMember{name, score})
	}
	slices.SortFunc(list, func(x, y modelMember) int {
		return cmp.Or(cmp.Compare(x.score, y.score), strings.Compare(x.name, y.name))
	})
	return list
}

// put makes the model's set under key, none when it has no members.
func (m *zsetModel) put(key string, set map[string]float64) {
	if m.sets[key] = set; len(set) == 0 {
		delete(m.sets, key)
	}
}

func (m *zsetModel) check(want string, args ...string) {
	m.t.Helper()
	if got := m.do(args...); got != want {
		m.t.Fatalf("%.60q: got %.300s, want %.300s", args, got, want)
	}
}

// showMembers prints members as replies with scores are shown.
func showMembers(members []modelMember) string {
	var words []string
	for _, e := range members {
		words = append(words, strconv.Quote(e.name), strconv.Quote(string(appendScore(nil, e.score))))
	}
	return "[" + strings.Join(words, " ") + "]"
}

func scoreText(score float64) string { return string(appendScore(nil, score)) }

// step runs one command.
func (m *zsetModel) step() {
	key := m.key()
	switch op := m.random.IntN(12); op {
	case 0, 1, 2, 3:
		m.add(key)
	case 4:
		m.remove(key)
	case 5:
		m.pop(key)
	case 6, 7:
		m.ranges(key)
	case 8:
		m.removeRange(key)
	case 9:
		m.combine(key)
	case 10:
		m.increment(key)
	default:
		m.lookUp(key)
	}
}

func (m *zsetModel) add(key string) {
	args := []string{"ZADD", key, "CH"}
	set := m.sets[key]
	if set == nil {
		set = map[string]float64{}
	}
	changed := 0
	for range 1 + m.random.IntN(8) {
		name, score := m.member(), m.score()
		args = append(args, scoreText(score), name)
		if old, ok := set[name]; !ok || old != score {
			changed++
		}
		set[name] = score
	}
	m.put(key, set)
	m.check(strconv.Itoa(changed), args...)
}

func (m *zsetModel) increment(key string) {
	name, by := m.member(), m.score()
	set := m.sets[key]
	sum := set[name] + by
	if sum != sum {
		m.check(string(errScoreNotNum), "ZINCRBY", key, scoreText(by), name)
		return
	}
	if set == nil {
		set = map[string]float64{}
	}
	set[name] = sum
	m.put(key, set)
	m.check(strconv.Quote(scoreText(sum)), "ZINCRBY", key, scoreText(by), name)
}

func (m *zsetModel) remove(key string) {
	args := []string{"ZREM", key}
	set, removed := m.sets[key], 0
	for range 1 + m.random.IntN(5) {
		name := m.member()
		args = append(args, name)
		if _, ok := set[name]; ok {
			delete(set, name)
			removed++
		}
	}
	m.put(key, set)
	m.check(strconv.Itoa(removed), args...)
}

func (m *zsetModel) pop(key string) {
	members := m.sorted(key)
	n := min(m.random.IntN(5), len(members))
	taken, name := members[:n], "ZPOPMIN"
	if m.random.IntN(2) == 0 {
		taken, name = slices.Clone(members[len(members)-n:]), "ZPOPMAX"
		slices.Reverse(taken)
	}
	for _, e := range taken {
		delete(m.sets[key], e.name)
	}
	m.put(key, m.sets[key])
	m.check(showMembers(taken), name, key, strconv.Itoa(n))
}

// bounds picks the ends of a range of scores, and those of the members that are
// in it.
func (m *zsetModel) bounds(members []modelMember) (low, high string, from, to int) {
	min, max := m.score(), m.score()
	if min > max {
		min, max = max, min
	}
	low, high = scoreText(min), "("+scoreText(max)
	from = sort.Search(len(members), func(i int) bool { return members[i].score >= min })
	to = sort.Search(len(members), func(i int) bool { return members[i].score >= max })
	return low, high, from, to
}

func (m *zsetModel) ranges(key string) {
	members := m.sorted(key)
	m.check(showMembers(members), "ZRANGE", key, "0", "-1", "WITHSCORES")
	low, high, from, to := m.bounds(members)
	m.check(strconv.Itoa(to-from), "ZCOUNT", key, low, high)
	m.check(showMembers(members[from:to]), "ZRANGEBYSCORE", key, low, high, "WITHSCORES")
	if n := to - from; n > 2 {
		reversed := slices.Clone(members[to-2 : to-1])
		m.check(showMembers(reversed), "ZREVRANGEBYSCORE", key, high, low, "WITHSCORES", "LIMIT", "1", "1")
		m.check(showMembers(members[from+1:from+2]), "ZRANGE", key, low, high, "BYSCORE", "WITHSCORES", "LIMIT", "1", "1")
	}
	if m.flat {
		a, b := m.member(), m.member()
		n := 0
		for _, e := range members {
			if e.name > a && e.name <= b {
				n++
			}
		}
		m.check(strconv.Itoa(n), "ZLEXCOUNT", key, "("+a, "["+b)
	}
}

func (m *zsetModel) removeRange(key string) {
	members := m.sorted(key)
	var from, to int
	var args []string
	if m.random.IntN(2) == 0 {
		var low, high string
		low, high, from, to = m.bounds(members)
		args = []string{"ZREMRANGEBYSCORE", key, low, high}
	} else {
		from = m.random.IntN(len(members) + 1)
		to = from + m.random.IntN(len(members)-from+1)
		args = []string{"ZREMRANGEBYRANK", key, strconv.Itoa(from), strconv.Itoa(to - 1)}
		if to == 0 {
			return // -1 would be the last
		}
	}
	for _, e := range members[from:to] {
		delete(m.sets[key], e.name)
	}
	m.put(key, m.sets[key])
	m.check(strconv.Itoa(to-from), args...)
}

// combine stores a union, an intersection, a difference or a range.
func (m *zsetModel) combine(key string) {
	x, y := m.key(), m.key()
	a, b := m.sets[x], m.sets[y]
	result := map[string]float64{}
	var args []string
	switch m.random.IntN(4) {
	case 0:
		args = []string{"ZUNIONSTORE", key, "2", x, y, "AGGREGATE", "MAX"}
		for name, score := range a {
			result[name] = score
		}
		for name, score := range b {
			if old, ok := result[name]; !ok || score > old {
				result[name] = score
			}
		}
	case 1:
		args = []string{"ZINTERSTORE", key, "2", x, y, "AGGREGATE", "MIN"}
		for name, score := range a {
			if other, ok := b[name]; ok {
				result[name] = min(score, other)
			}
		}
	case 2:
		args = []string{"ZDIFFSTORE", key, "2", x, y}
		for name, score := range a {
			if _, ok := b[name]; !ok {
				result[name] = score
			}
		}
	default:
		args = []string{"ZRANGESTORE", key, x, "1", "-2"}
		if members := m.sorted(x); len(members) > 2 {
			for _, e := range members[1 : len(members)-1] {
				result[e.name] = e.score
			}
		}
	}
	m.put(key, result)
	m.check(strconv.Itoa(len(result)), args...)
}

func (m *zsetModel) lookUp(key string) {
	members := m.sorted(key)
	name := m.member()
	rank := slices.IndexFunc(members, func(e modelMember) bool { return e.name == name })
	if rank < 0 {
		m.check("nil", "ZRANK", key, name)
		m.check("nil", "ZSCORE", key, name)
		return
	}
	m.check(strconv.Itoa(rank), "ZRANK", key, name)
	m.check(strconv.Itoa(len(members)-1-rank), "ZREVRANK", key, name)
	m.check(strconv.Quote(scoreText(members[rank].score)), "ZSCORE", key, name)
	if m.random.IntN(8) == 0 {
		m.check("1", "COPY", key, "copy", "REPLACE")
		m.check(showMembers(members), "ZRANGE", "copy", "0", "-1", "WITHSCORES")
		m.check("1", "DEL", "copy")
	}
}

func TestZsetModel(t *testing.T) {
	for _, limit := range []string{"0", "8", "128"} {
		for seed := range uint64(4) {
			t.Run(fmt.Sprintf("limit=%s,seed=%d", limit, seed), func(t *testing.T) {
				kv := newChecked(t)
				m := &zsetModel{
					session: newSession(t, kv),
					random:  rand.New(rand.NewPCG(seed, 1)),
					sets:    map[string]map[string]float64{},
					size:    []int{20, 400, 400, 3000}[seed],
					flat:    seed == 2,
				}
				m.check("OK", "CONFIG", "SET", "zset-max-listpack-entries", limit)
				for i := range 1500 {
					m.step()
					if i%100 == 0 {
						if err := kv.check(); err != nil {
							t.Fatal(err)
						}
					}
				}
				m.emptied()
			})
		}
	}
}

// emptied removes everything and looks for what remains.
func (m *zsetModel) emptied() {
	m.t.Helper()
	if err := m.kv.check(); err != nil {
		m.t.Fatal(err)
	}
	m.do("FLUSHALL", "SYNC")
	for len(m.kv.drains) > 0 {
		d := m.kv.drains[len(m.kv.drains)-1]
		for !d.drain(1) {
		}
		m.kv.drains = m.kv.drains[:len(m.kv.drains)-1]
	}
	if used := m.kv.arena.Used(); used != 0 {
		m.t.Errorf("%d bytes remain", used)
	}
}

// TestZsetDrain: a dropped set of many members goes in steps, and what is left
// in between is counted right.
func TestZsetDrain(t *testing.T) {
	kv := newChecked(t)
	s := newSession(t, kv)
	for i := range 3000 {
		s.do("ZADD", "z", strconv.Itoa(i*7919%3000), "member"+strconv.Itoa(i))
	}
	s.expect("UNLINK z", "1")
	if len(kv.drains) != 1 {
		t.Fatalf("%d values to be drained", len(kv.drains))
	}
	for !kv.drains[0].drain(1) {
		if err := kv.check(); err != nil {
			t.Fatal(err)
		}
	}
	kv.drains = nil
	if used := kv.arena.Used(); used != 0 {
		t.Errorf("%d bytes remain", used)
	}
}

// TestZsetUpdate: a score that leaves a member in its place, and scores that
// move it by one and to the ends.
func TestZsetUpdate(t *testing.T) {
	for _, limit := range []string{"0", "128"} {
		s := newSession(t, newChecked(t))
		s.do("CONFIG", "SET", "zset-max-listpack-entries", limit)
		s.expect("ZADD z 10 a 20 b 20 c 20 d 30 e", "5")
		for _, tt := range []struct{ command, want string }{
			{"25 c", `["a" "b" "d" "c" "e"]`},
			{"20 c", `["a" "b" "c" "d" "e"]`},
			{"15 c", `["a" "c" "b" "d" "e"]`},
			{"10 c", `["a" "c" "b" "d" "e"]`},
			{"30 c", `["a" "b" "d" "c" "e"]`},
			{"-inf c", `["c" "a" "b" "d" "e"]`},
			{"inf c", `["a" "b" "d" "e" "c"]`},
			{"11 a", `["a" "b" "d" "e" "c"]`},
			{"20 a", `["a" "b" "d" "e" "c"]`},
			{"20.5 a", `["b" "d" "a" "e" "c"]`},
			{"31 e", `["b" "d" "a" "e" "c"]`},
			{"20 e", `["b" "d" "e" "a" "c"]`},
		} {
			s.do(append([]string{"ZADD", "z"}, strings.Fields(tt.command)...)...)
			s.expect("ZRANGE z 0 -1", tt.want)
			if err := s.kv.check(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestScoreKey: the keys have the order of the scores.
func TestScoreKey(t *testing.T) {
	scores := []float64{math.Inf(-1), -math.MaxFloat64, -1e17, -1.5, -1, -5e-324, 0, 5e-324, 2.2e-308, 1, 1.0000000000000002, 1e300, math.Inf(1)}
	for i, x := range scores {
		for j, y := range scores {
			if got := cmp.Compare(scoreKey(x), scoreKey(y)); got != cmp.Compare(i, j) {
				t.Errorf("%v and %v: %d", x, y, got)
			}
		}
	}
	if scoreKey(0) != scoreKey(math.Copysign(0, -1)) {
		t.Error("the zeros differ")
	}
}

// TestPartialSort: the part asked for is what a full sort has there.
func TestPartialSort(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		n := 1 + r.IntN(200)
		list := make([]int, n)
		for i := range list {
			list[i] = r.IntN(1 + r.IntN(300))
		}
		want := slices.Sorted(slices.Values(list))
		from := r.IntN(n)
		to := from + 1 + r.IntN(n-from)
		partialSort(list, from, to, func(x, y *int) int { return *x - *y })
		if !slices.Equal(list[from:to], want[from:to]) {
			t.Fatalf("%d to %d of %d: %v, want %v", from, to, n, list[from:to], want[from:to])
		}
		slices.Sort(list)
		if !slices.Equal(list, want) {
			t.Fatal("something was lost")
		}
	}
}

// TestZrandmemberFair: each member comes as often as any other, whatever the
// encoding and the way it is picked.
func TestZrandmemberFair(t *testing.T) {
	const members, rounds = 40, 4000
	for _, limit := range []string{"0", "128"} {
		for _, count := range []string{"", "-10", "10", "1", "39"} {
			s := newSession(t, newChecked(t))
			s.do("CONFIG", "SET", "zset-max-listpack-entries", limit)
			for i := range members {
				s.do("ZADD", "z", strconv.Itoa(i*i), strconv.Itoa(i))
			}
			args := []string{"ZRANDMEMBER", "z"}
			if count != "" {
				args = append(args, count)
			}
			seen, picks := map[string]int{}, 0
			for range rounds {
				for _, name := range strings.Fields(strings.Trim(s.do(args...), "[]")) {
					seen[name]++
					picks++
				}
			}
			mean := float64(picks) / members
			for name, n := range seen {
				if math.Abs(float64(n)-mean) > 6*math.Sqrt(mean) {
					t.Errorf("limit %s, count %q: %s was picked %d times of %.0f", limit, count, name, n, mean)
				}
			}
			if len(seen) != members {
				t.Errorf("limit %s, count %q: %d members were picked", limit, count, len(seen))
			}
		}
	}
}

// TestZrandmemberEndless: a count beyond any memory ends with the client.
func TestZrandmemberEndless(t *testing.T) {
	kv := newChecked(t)
	s := newSession(t, kv)
	s.do("CONFIG", "SET", "client-output-buffer-limit", "normal 1000000 0 0")
	s.expect("ZADD z 1 a 2 b", "2")
	kv.mu.Lock()
	kv.processCommand(s.c, []string{"ZRANDMEMBER", "z", "-4611686018427387903", "WITHSCORES"})
	if !s.c.closing {
		t.Error("the client is not closed")
	}
	kv.unlock()
}

// TestZscanWhileChanging: what is there all the time is returned.
func TestZscanWhileChanging(t *testing.T) {
	s := newSession(t, newChecked(t))
	for i := range 1000 {
		s.do("ZADD", "z", "1", "stays"+strconv.Itoa(i))
	}
	seen := map[string]bool{}
	cursor := "0"
	for round := 0; ; round++ {
		reply := s.do("ZSCAN", "z", cursor, "COUNT", "50")
		fields := strings.FieldsFunc(reply, func(r rune) bool { return strings.ContainsRune(`[]" `, r) })
		cursor = fields[0]
		for _, name := range fields[1:] {
			seen[name] = true
		}
		if cursor == "0" {
			break
		}
		for i := range 200 {
			name := "goes" + strconv.Itoa(round%7*200+i)
			if round%3 == 0 {
				s.do("ZREM", "z", name)
			} else {
				s.do("ZADD", "z", "2", name)
			}
		}
	}
	for i := range 1000 {
		if !seen["stays"+strconv.Itoa(i)] {
			t.Fatalf("member %d was not returned", i)
		}
	}
}

// BenchmarkZadd changes scores in a sorted set of a million members.
func BenchmarkZadd(b *testing.B) {
	kv := New()
	defer kv.Close()
	s := newSession(b, kv)
	const n = 1_000_000
	args := []string{"ZADD", "z"}
	for i := range n {
		args = append(args, strconv.Itoa(i*7919%n), "member:"+strconv.Itoa(i))
		if len(args) > 2000 {
			s.do(args...)
			args = args[:2]
		}
	}
	b.ReportMetric(float64(kv.arena.Used())/n, "B/member")
	r := rand.New(rand.NewPCG(1, 2))
	var commands [1024][]string
	for i := range commands {
		commands[i] = []string{"ZADD", "z", strconv.Itoa(r.IntN(n)), "member:" + strconv.Itoa(r.IntN(n))}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		kv.hint = commandHint{}
		c := commands[i%len(commands)]
		if err := kv.cmdZadd(s.c, c); err != nil {
			b.Fatal(err)
		}
		s.c.reply.Buf = s.c.reply.Buf[:0]
	}
}

// TestZsetEffects: what goes to replicas is what redis-server sends them.
func TestZsetEffects(t *testing.T) {
	kv := newChecked(t)
	s := newSession(t, kv)
	var sent []string
	kv.effects.sink = func(_ int, args []string) { sent = append(sent, strings.Join(args, " ")) }
	for _, tt := range []struct{ command, want string }{
		{"ZADD z 1 a 2 b 3 c 4 d", "ZADD z 1 a 2 b 3 c 4 d"},
		{"ZADD z 1 a", ""},
		{"ZADD z XX INCR 1 a", "ZADD z XX INCR 1 a"},
		{"ZADD z NX INCR 1 a", ""},
		{"ZINCRBY z 0 a", ""},
		{"ZINCRBY z 1.5 a", "ZINCRBY z 1.5 a"},
		{"ZPOPMIN z 0", ""},
		{"ZPOPMIN z", "ZPOPMIN z"},
		{"ZMPOP 2 none z MAX", "ZPOPMAX z 1"},
		{"ZMPOP 1 z min COUNT 100", "ZPOPMIN z 2"},
		{"ZMPOP 1 z min COUNT 100", ""},
		{"ZREM z a", ""},
		{"ZRANGESTORE d z 0 -1", ""},
		{"GEOADD g nx ch 13.361389 38.115556 Palermo", "zadd g nx ch 3479099956230698 Palermo"},
		{"GEOADD g nx 15 37 Palermo", ""},
		{"GEORADIUS g 13 38 100 km STORE d", "GEORADIUS g 13 38 100 km STORE d"},
		{"ZUNIONSTORE d 1 none", "ZUNIONSTORE d 1 none"},
		{"ZUNIONSTORE d 1 none", ""},
		{"ZREMRANGEBYSCORE g -inf +inf", "ZREMRANGEBYSCORE g -inf +inf"},
	} {
		sent = nil
		s.do(strings.Fields(tt.command)...)
		if got := strings.Join(sent, "; "); got != tt.want {
			t.Errorf("%s: sent %q, want %q", tt.command, got, tt.want)
		}
	}
}

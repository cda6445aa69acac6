package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// encodingOf is the encoding of a key, as we have it.
func encodingOf(kv *KVStore, key string) encoding {
	return kv.dbs[0].find(key).enc()
}

// TestHashForms takes hashes over each limit that makes them big.
func TestHashForms(t *testing.T) {
	long := strings.Repeat("x", 65)
	var many, again []string
	for i := range 513 {
		many = append(many, fmt.Sprint("f", i), "v")
		again = append(again, "f", fmt.Sprint(i))
	}
	for _, tt := range []struct {
		name     string
		settings []string
		commands [][]string
		want     encoding
	}{
		{"one", nil, [][]string{{"HSET", "h", "f", "v"}}, encListpack},
		{"512 fields", nil, [][]string{append([]string{"HSET", "h"}, many[2:]...)}, encListpack},
		{"513 fields", nil, [][]string{append([]string{"HSET", "h"}, many...)}, encTable},
		{"512 fields and one", nil, [][]string{append([]string{"HSET", "h"}, many[2:]...), {"HSET", "h", "f0", "v"}}, encTable},
		{"512 fields, one again", nil, [][]string{append([]string{"HSET", "h"}, many[2:]...), {"HSET", "h", "f1", "w"}}, encListpack},
		{"a field 513 times", nil, [][]string{append([]string{"HSET", "h"}, again...)}, encListpack},
		{"64 bytes", nil, [][]string{{"HSET", "h", long[1:], long[1:]}}, encListpack},
		{"a long field", nil, [][]string{{"HSET", "h", long, "v"}}, encTable},
		{"a long value", nil, [][]string{{"HSET", "h", "f", long}}, encTable},
		{"a long value later", nil, [][]string{{"HSET", "h", "f", "v", "g", "1"}, {"HSETNX", "h", "h", long}}, encTable},
		{"a long value for an instant", nil, [][]string{{"HSET", "h", "f", long, "f", "v"}}, encTable},
		{"a long field of HSETNX", nil, [][]string{{"HSETNX", "h", long, "v"}}, encTable},
		{"a long field of HINCRBY", nil, [][]string{{"HINCRBY", "h", long, "1"}}, encTable},
		{"HINCRBY", nil, [][]string{{"HINCRBY", "h", "f", "1"}, {"HINCRBYFLOAT", "h", "g", "1.5"}}, encListpack},
		{"a long result", []string{"hash-max-listpack-value", "3"}, [][]string{{"HINCRBY", "h", "f", "999"}, {"HINCRBY", "h", "f", "1"}}, encTable},
		{"no fields", []string{"hash-max-listpack-entries", "0"}, [][]string{{"HSET", "h", "f", "v"}}, encTable},
		{"any number", []string{"hash-max-listpack-entries", "9223372036854775807"}, [][]string{append([]string{"HSET", "h"}, many...)}, encListpack},
	} {
		t.Run(tt.name, func(t *testing.T) {
			kv := newChecked(t)
			s := newSession(t, kv)
			if tt.settings != nil {
				s.expect("CONFIG SET "+strings.Join(tt.settings, " "), "OK")
			}
			want := make(map[string]string)
			for _, args := range tt.commands {
				s.do(args...)
				for i := 2; i+1 < len(args) && strings.HasPrefix(args[0], "HSET"); i += 2 {
					want[args[i]] = args[i+1]
				}
				if err := kv.check(); err != nil {
					t.Fatal(err)
				}
			}
			if got := encodingOf(kv, "h"); got != tt.want {
				t.Errorf("encoding %d, want %d", got, tt.want)
			}
			for field, value := range want {
				if got := s.do("HGET", "h", field); got != strconv.Quote(value) {
					t.Errorf("%q is %s, want %q", field, got, value)
				}
			}
		})
	}
}

// TestLoweredLimit has a write of a field that is there already convert a hash
// that has become too big.
func TestLoweredLimit(t *testing.T) {
	kv := newChecked(t)
	s := newSession(t, kv)
	s.expect("HSET h a 1 b 2 c 3", "3")
	s.expect("CONFIG SET hash-max-listpack-entries 2", "OK")
	s.expect("HSET h b 5", "0")
	s.expect("HMGET h a b c", `["1" "5" "3"]`)
	if got := encodingOf(kv, "h"); got != encTable {
		t.Errorf("encoding %d", got)
	}
	if err := kv.check(); err != nil {
		t.Error(err)
	}
}

// TestHashModel runs random commands against a map, in each form of a hash.
func TestHashModel(t *testing.T) {
	for _, form := range []struct {
		name  string
		limit string
		ttl   bool
	}{{"listpack", "1000", false}, {"growing", "20", false}, {"table", "0", false}, {"expiring", "0", true}} {
		t.Run(form.name, func(t *testing.T) {
			kv := newChecked(t)
			m := hashModel{newSession(t, kv), make(map[string]string), rand.New(rand.NewPCG(1, 2))}
			m.s.expect("CONFIG SET hash-max-listpack-entries "+form.limit, "OK")
			for i := range 3000 {
				if form.ttl && i%3 == 0 {
					m.s.do("HPEXPIRE", "h", strconv.Itoa(100000+i), "FIELDS", "1", m.field())
				}
				m.step(t)
				if i%50 == 0 {
					m.compare(t)
				}
			}
		})
	}
}

type hashModel struct {
	s      *session
	want   map[string]string
	random *rand.Rand
}

func (m *hashModel) field() string {
	return []string{"", "-", "f", strings.Repeat("long", 40)}[m.random.IntN(4)] + strconv.Itoa(m.random.IntN(30))
}

func (m *hashModel) value() string {
	switch m.random.IntN(3) {
	case 0:
		return strconv.Itoa(m.random.IntN(1 << m.random.IntN(40)))
	case 1:
		return strings.Repeat("v", m.random.IntN(300))
	}
	return "v"
}

// step runs a command and expects what the map says.
func (m *hashModel) step(t *testing.T) {
	f, g, v, w := m.field(), m.field(), m.value(), m.value()
	switch m.random.IntN(6) {
	case 0, 1:
		before := len(m.want)
		m.want[f] = v
		m.want[g] = w
		m.is(t, strconv.Itoa(len(m.want)-before), "HSET", "h", f, v, g, w)
	case 2:
		before := len(m.want)
		delete(m.want, f)
		delete(m.want, g)
		m.is(t, strconv.Itoa(before-len(m.want)), "HDEL", "h", f, g)
	case 3:
		want := "0"
		if _, ok := m.want[f]; !ok {
			want, m.want[f] = "1", v
		}
		m.is(t, want, "HSETNX", "h", f, v)
	case 4:
		old, there := m.want[f]
		n, isInt := canonicalInt(old)
		if there && !isInt {
			m.is(t, "ERR hash value is not an integer", "HINCRBY", "h", f, "7")
			return
		}
		m.want[f] = strconv.FormatInt(n+7, 10)
		m.is(t, m.want[f], "HINCRBY", "h", f, "7")
	default:
		want := "nil"
		if v, ok := m.want[f]; ok {
			want = strconv.Quote(v)
		}
		m.is(t, want, "HGET", "h", f)
		m.is(t, strconv.Itoa(len(m.want[f])), "HSTRLEN", "h", f)
	}
}

func (m *hashModel) is(t *testing.T, want string, args ...string) {
	t.Helper()
	if got := m.s.do(args...); got != want {
		t.Fatalf("%q: %s, want %s", args, got, want)
	}
}

// compare holds the whole hash, however it is read, against the map.
func (m *hashModel) compare(t *testing.T) {
	t.Helper()
	if err := m.s.kv.check(); err != nil {
		t.Fatal(err)
	}
	m.is(t, strconv.Itoa(len(m.want)), "HLEN", "h")
	var pairs, fields []string
	for f, v := range m.want {
		pairs = append(pairs, strconv.Quote(f)+" "+strconv.Quote(v))
		fields = append(fields, strconv.Quote(f))
	}
	for _, read := range [][]string{{"HGETALL", "h"}, {"HRANDFIELD", "h", "1000", "WITHVALUES"}} {
		comparePairs(t, m.s.do(read...), pairs, 2)
	}
	comparePairs(t, m.s.do("HKEYS", "h"), fields, 1)
	reply := m.s.do("HSCAN", "h", "0", "COUNT", "10000")
	comparePairs(t, strings.TrimSuffix(strings.TrimPrefix(reply, `["0" `), "]"), pairs, 2)
	if n := len(m.want) / 2; n > 0 {
		distinct := wordsOfReply(m.s.do("HRANDFIELD", "h", strconv.Itoa(n)))
		slices.Sort(distinct)
		if len(slices.Compact(distinct)) != n {
			t.Fatalf("%d distinct fields, want %d", len(slices.Compact(distinct)), n)
		}
	}
}

// wordsOfReply are the elements of an array of strings without blanks.
func wordsOfReply(reply string) []string {
	return strings.Fields(strings.Trim(reply, "[]"))
}

// comparePairs compares an array with elements of so many strings, in any order.
func comparePairs(t *testing.T, reply string, want []string, width int) {
	t.Helper()
	words := wordsOfReply(reply)
	var got []string
	for i := 0; i+width <= len(words); i += width {
		got = append(got, strings.Join(words[i:i+width], " "))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("got %d, want %d elements:\n%q\n%q", len(got), len(want), got, want)
	}
}

// TestHscanWhileChanging returns what is there all the time, whatever comes and
// goes.
func TestHscanWhileChanging(t *testing.T) {
	kv := newChecked(t)
	s := newSession(t, kv)
	for i := range 2000 {
		s.do("HSET", "h", fmt.Sprint("stays:", i), "v", fmt.Sprint("goes:", i), "v")
	}
	seen := make(map[string]bool)
	cursor, n := "0", 0
	for first := true; first || cursor != "0"; first = false {
		words := wordsOfReply(s.do("HSCAN", "h", cursor, "COUNT", "20", "MATCH", "stays:*"))
		cursor, _ = strconv.Unquote(words[0])
		for _, w := range words[1:] {
			seen[strings.Trim(w, `["]`)] = true
		}
		for range 30 {
			s.do("HDEL", "h", fmt.Sprint("goes:", n))
			s.do("HSET", "h", fmt.Sprint("new:", n), "v")
			n++
		}
	}
	for i := range 2000 {
		if !seen[fmt.Sprint("stays:", i)] {
			t.Fatalf("%d is missing", i)
		}
	}
}

// TestHrandfieldIsFair counts how often each field comes, in each form.
func TestHrandfieldIsFair(t *testing.T) {
	for _, limit := range []string{"1000", "0"} {
		kv := newChecked(t)
		s := newSession(t, kv)
		s.expect("CONFIG SET hash-max-listpack-entries "+limit, "OK")
		const fields, picks = 100, 20_000
		for i := range fields {
			s.do("HSET", "h", fmt.Sprint(i), "v")
		}
		for _, args := range [][]string{{"-20000", "1"}, {"50", "400"}, {"3", "6700"}, {"1", "20000"}} {
			counts := make(map[string]int)
			times, _ := strconv.Atoi(args[1])
			for range times {
				for _, w := range wordsOfReply(s.do("HRANDFIELD", "h", args[0])) {
					counts[w]++
				}
			}
			for i := range fields {
				// Six standard deviations of a binomial distribution.
				if n := counts[strconv.Quote(fmt.Sprint(i))]; n < 200-85 || n > 200+85 {
					t.Errorf("count %s: field %d came %d times of %d", args[0], i, n, picks)
				}
			}
		}
	}
}

// TestHashAllocations holds the commands on small and on big hashes to no
// allocation.
func TestHashAllocations(t *testing.T) {
	kv := New()
	defer kv.Close()
	s := newSession(t, kv)
	for i := range 1000 {
		s.do("HSET", "big", fmt.Sprint("f", i), "1")
	}
	s.do("HSET", "small", "f1", "1", "f2", "v")
	for _, key := range []string{"small", "big"} {
		for _, args := range [][]string{
			{"HGET", key, "f1"}, {"HSET", key, "f1", "77"}, {"HMGET", key, "f1", "f2", "none"}, {"HINCRBY", key, "f1", "3"},
			{"HGETALL", key}, {"HLEN", key}, {"HEXISTS", key, "f2"}, {"HSETNX", key, "f1", "v"}, {"HRANDFIELD", key}, {"HDEL", key, "none"},
			{"HSET", key, "f1", "1", "f2", "w"}, {"HSCAN", key, "0"}, {"HTTL", key, "FIELDS", "1", "f1"},
			{"HEXPIRE", key, "1000", "FIELDS", "1", "f1"}, {"HEXPIRE", key, "1000", "NX", "FIELDS", "1", "f1"},
		} {
			if n := s.allocations(args); n > 0 {
				t.Errorf("%q allocates %v times", args, n)
			}
		}
	}
}

// TestBatchOnElements sends batches whose look-ups are prepared together, on
// values of every form and on none.
func TestBatchOnElements(t *testing.T) {
	bubble(t, func(t *testing.T, kv *KVStore, p *pipe) {
		p.expect("SET string v", "OK")
		p.expect("HSET small f1 v f2 v", "2")
		p.expect("HSET expiring f1 v f2 v", "2")
		p.expect("HEXPIRE expiring 10 FIELDS 1 f1", "[1]")
		for i := range 600 {
			p.expect(fmt.Sprintf("HSET big f%d v", i), "1")
		}
		var batch []byte
		var want []string
		add := func(reply string, args ...string) {
			batch = resp.AppendCommand(batch, args...)
			want = append(want, reply)
		}
		wrong := string(errWrongType)
		for i := range 200 {
			add(`"v"`, "HGET", "big", fmt.Sprint("f", i))
		}
		for range 3 {
			add("nil", "HGET", "none", "f1")
			add(wrong, "HGET", "string", "f1")
			add(wrong, "HDEL", "string", "f1")
			add(`"v"`, "HGET", "small", "f1")
			add(`"v"`, "HGET", "small", "f2")
			add("ERR wrong number of arguments for 'hget' command", "HGET", "small")
			add(`"v"`, "HGET", "expiring", "f1")
			add("[nil]", "HMGET", "expiring", "f3")
			add("1", "HDEL", "big", "f1")
			add("1", "HSET", "big", "f1", "v")
		}
		add("1", "DEL", "big")
		add("1", "HSET", "big", "f1", "v")
		add("0", "HSET", "big", "f1", "v")
		go p.conn.Write(batch)
		for _, w := range want {
			p.read(w)
		}
	})
}

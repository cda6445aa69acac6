package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A setModel sends random commands to a store and to Go maps.
type setModel struct {
	*session
	random  *rand.Rand
	sets    map[string]map[string]bool
	integer int // one in so many members is text, 0 for none
	size    int // of the numbers that members are made of
}

func (m *setModel) key() string { return "s" + strconv.Itoa(m.random.IntN(6)) }

func (m *setModel) member() string {
	n := m.random.IntN(m.size)
	switch {
	case m.integer == 0 || m.random.IntN(m.integer) != 0:
		return strconv.Itoa(n*n - n*50)
	case n%7 == 0:
		return fmt.Sprintf("%0*d", smallMemberMax-1+n%3, n)
	}
	return "m" + strconv.Itoa(n)
}

func (m *setModel) members(n int) (members []string) {
	for range 1 + m.random.IntN(n) {
		members = append(members, m.member())
	}
	return members
}

// put makes the model's set under key, none when it has no members.
func (m *setModel) put(key string, members map[string]bool) {
	if m.sets[key] = members; len(members) == 0 {
		delete(m.sets, key)
	}
}

func (m *setModel) check(want string, args ...string) {
	m.t.Helper()
	if got := m.do(args...); got != want {
		m.t.Fatalf("%.60q: got %.200s, want %.200s", args, got, want)
	}
}

// elements runs a command and returns the elements of its reply.
func (m *setModel) elements(args ...string) []string {
	return strings.Fields(strings.Trim(strings.ReplaceAll(m.do(args...), `"`, ""), "[]"))
}

// same compares the elements of a command's reply with a set.
func (m *setModel) same(want map[string]bool, args ...string) {
	m.t.Helper()
	got := m.elements(args...)
	slices.Sort(got)
	if !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
		m.t.Fatalf("%.60q: %d members, want %d", args, len(got), len(want))
	}
}

var setModelSteps = []func(*setModel){
	(*setModel).add, (*setModel).add, (*setModel).add, (*setModel).addMany, (*setModel).remove, (*setModel).remove,
	(*setModel).ask, (*setModel).move, (*setModel).pop, (*setModel).popMany, (*setModel).pick, (*setModel).combine, (*setModel).scan,
}

func (m *setModel) addTo(n int) {
	key, members := m.key(), m.members(n)
	set := m.sets[key]
	if set == nil {
		set = map[string]bool{}
	}
	before := len(set)
	for _, member := range members {
		set[member] = true
	}
	m.put(key, set)
	m.check(strconv.Itoa(len(set)-before), append([]string{"SADD", key}, members...)...)
}

func (m *setModel) add()     { m.addTo(3) }
func (m *setModel) addMany() { m.addTo(200) }

func (m *setModel) remove() {
	key, members := m.key(), m.members(40)
	set := m.sets[key]
	before := len(set)
	for _, member := range members {
		delete(set, member)
	}
	m.check(strconv.Itoa(before-len(set)), append([]string{"SREM", key}, members...)...)
	m.put(key, set)
}

func (m *setModel) ask() {
	key, members := m.key(), m.members(100)
	m.check(strconv.Itoa(len(m.sets[key])), "SCARD", key)
	var want []string
	for _, member := range members {
		want = append(want, strconv.FormatInt(oneIf(m.sets[key][member]), 10))
	}
	m.check(want[0], "SISMEMBER", key, members[0])
	m.check("["+strings.Join(want, " ")+"]", append([]string{"SMISMEMBER", key}, members...)...)
	m.same(m.sets[key], "SMEMBERS", key)
}

func (m *setModel) move() {
	from, to, member := m.key(), m.key(), m.member()
	was := m.sets[from][member]
	m.check(strconv.FormatInt(oneIf(was), 10), "SMOVE", from, to, member)
	if was && from != to {
		delete(m.sets[from], member)
		m.put(from, m.sets[from])
		if m.sets[to] == nil {
			m.sets[to] = map[string]bool{}
		}
		m.sets[to][member] = true
	}
}

// gone takes what was popped out of the model.
func (m *setModel) gone(key string, popped []string, want int) {
	m.t.Helper()
	if len(popped) != want {
		m.t.Fatalf("%d popped, want %d", len(popped), want)
	}
	for _, member := range popped {
		if !m.sets[key][member] {
			m.t.Fatalf("popped %q, which is not there", member)
		}
		delete(m.sets[key], member)
	}
	m.put(key, m.sets[key])
}

func (m *setModel) pop() {
	key := m.key()
	if len(m.sets[key]) == 0 {
		m.check("nil", "SPOP", key)
		return
	}
	m.gone(key, m.elements("SPOP", key), 1)
}

func (m *setModel) popMany() {
	key := m.key()
	count := m.random.IntN(len(m.sets[key])*5/4 + 1)
	m.gone(key, m.elements("SPOP", key, strconv.Itoa(count)), min(count, len(m.sets[key])))
}

func (m *setModel) pick() {
	key := m.key()
	set := m.sets[key]
	count := m.random.IntN(len(set)*5/4 + 1)
	picked := m.elements("SRANDMEMBER", key, strconv.Itoa(count))
	slices.Sort(picked)
	if n := len(slices.Compact(picked)); n != min(count, len(set)) {
		m.t.Fatalf("SRANDMEMBER %d of %d: %d different members", count, len(set), n)
	}
	repeating := m.elements("SRANDMEMBER", key, strconv.Itoa(-count))
	if len(set) > 0 && len(repeating) != count {
		m.t.Fatalf("SRANDMEMBER %d: %d members", -count, len(repeating))
	}
	for _, member := range append(picked, repeating...) {
		if !set[member] {
			m.t.Fatalf("picked %q, which is not there", member)
		}
	}
}

func (m *setModel) scan() {
	key := m.key()
	seen := map[string]bool{}
	for cursor := "0"; ; {
		reply := m.elements("SSCAN", key, cursor, "COUNT", "7")
		for _, member := range reply[1:] {
			seen[strings.Trim(member, "[]")] = true
		}
		if cursor = reply[0]; cursor == "0" {
			break
		}
	}
	delete(seen, "")
	if !maps.Equal(seen, m.sets[key]) && len(seen)+len(m.sets[key]) > 0 {
		m.t.Fatalf("SSCAN saw %d of %d", len(seen), len(m.sets[key]))
	}
}

func (m *setModel) combine() {
	var keys []string
	for range 1 + m.random.IntN(4) {
		keys = append(keys, m.key())
	}
	if m.random.IntN(5) == 0 {
		keys = slices.Concat(keys, keys, keys, keys)
	}
	inter, union, diff := maps.Clone(m.sets[keys[0]]), map[string]bool{}, maps.Clone(m.sets[keys[0]])
	for i, key := range keys {
		maps.Copy(union, m.sets[key])
		maps.DeleteFunc(inter, func(member string, _ bool) bool { return !m.sets[key][member] })
		if i > 0 {
			maps.DeleteFunc(diff, func(member string, _ bool) bool { return m.sets[key][member] })
		}
	}
	command := func(words ...string) []string { return append(words, keys...) }
	m.same(inter, command("SINTER")...)
	m.same(union, command("SUNION")...)
	m.same(diff, command("SDIFF")...)
	limit := 1 + m.random.IntN(100)
	m.check(strconv.Itoa(min(limit, len(inter))), append(command("SINTERCARD", strconv.Itoa(len(keys))), "LIMIT", strconv.Itoa(limit))...)
	dest := m.key()
	name, want := "SINTERSTORE", inter
	switch m.random.IntN(3) {
	case 0:
		name, want = "SUNIONSTORE", union
	case 1:
		name, want = "SDIFFSTORE", diff
	}
	m.check(strconv.Itoa(len(want)), command(name, dest)...)
	m.put(dest, maps.Clone(want))
}

// TestSetModel compares sets of every form with Go maps.
func TestSetModel(t *testing.T) {
	for _, c := range []struct {
		name          string
		integer, size int
		intsetMax     int64
	}{
		{"integers", 0, 2000, 512},
		{"few integers", 0, 60, 16},
		{"small", 3, 60, 512},
		{"mixed", 20, 400, 64},
		{"big", 1, 3000, 512},
	} {
		t.Run(c.name, func(t *testing.T) {
			kv := newChecked(t)
			kv.setIntsetMax = c.intsetMax
			m := &setModel{session: newSession(t, kv), random: rand.New(rand.NewPCG(7, uint64(c.size))),
				sets: map[string]map[string]bool{}, integer: c.integer, size: c.size}
			for i := range 1500 {
				setModelSteps[m.random.IntN(len(setModelSteps))](m)
				if i%25 == 0 {
					if err := kv.check(); err != nil {
						t.Fatalf("step %d: %v", i, err)
					}
				}
			}
			m.do("FLUSHALL")
			if err := kv.check(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// formOf is the form that a set has within.
func formOf(kv *KVStore, key string) string {
	switch kv.dbs[0].find(key).enc() {
	case encIntset:
		return "intset"
	case encListpack:
		return "listpack"
	}
	return "table"
}

// TestSetForms checks where one form of a set gives way to the next.
func TestSetForms(t *testing.T) {
	long := strings.Repeat("x", smallMemberMax+1)
	for _, c := range []struct{ name, steps, form string }{
		{"integers", "s 1 2 -3 9223372036854775807", "intset"},
		{"a text", "s a", "listpack"},
		{"a text among integers", "s 1 2 a 3", "listpack"},
		{"the longest small member", "s " + long[1:], "listpack"},
		{"too long a member", "s " + long, "table"},
		{"too long a member for integers", "s 1 " + long, "table"},
		{"too long a member for texts", "s a b " + long, "table"},
		{"128 texts", "s x{128}", "listpack"},
		{"129 texts", "s x{129}", "table"},
		{"127 integers and a text", "s {127} a", "listpack"},
		{"128 integers and a text", "s {128} a", "table"},
		{"300 integers", "s {300}", "intset"},
		{"301 integers", "s {301}", "table"},
	} {
		t.Run(c.name, func(t *testing.T) {
			kv := newChecked(t)
			kv.setIntsetMax = 300
			s := newSession(t, kv)
			for _, each := range []bool{false, true} { // in one command, or one by one
				args := []string{"SADD"}
				for _, word := range strings.Fields(c.steps) {
					prefix, count, many := strings.Cut(strings.TrimSuffix(word, "}"), "{")
					n, _ := strconv.Atoi(count)
					if !many {
						args = append(args, word)
					}
					for i := range n {
						args = append(args, prefix+strconv.Itoa(i))
					}
				}
				if each {
					args[1] = "each"
					for _, member := range args[2:] {
						s.do("SADD", "each", member)
					}
				} else {
					s.do(args...)
				}
				if form := formOf(kv, args[1]); form != c.form {
					t.Errorf("%s: %s, want %s", args[1], form, c.form)
				}
				s.expect("SCARD "+args[1], strconv.Itoa(len(args)-2))
			}
			if err := kv.check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSetMemory bounds what a member costs.
func TestSetMemory(t *testing.T) {
	for _, c := range []struct {
		name, member string
		n            int
		most         float64
	}{
		{"integers", "%d", 500, 2.5},
		{"small", "member:%04d", 100, 15},
		{"big", "%015d", 200_000, 24.5},
	} {
		t.Run(c.name, func(t *testing.T) {
			kv := New()
			defer kv.Close()
			s := newSession(t, kv)
			before := kv.arena.Used()
			for i := range c.n {
				s.kv.mu.Lock()
				s.kv.processCommand(s.c, []string{"SADD", "s", fmt.Sprintf(c.member, i)})
				s.c.reply.Buf = s.c.reply.Buf[:0]
				s.kv.unlock()
			}
			each := float64(kv.arena.Used()-before) / float64(c.n)
			t.Logf("%.2f bytes a member", each)
			if each > c.most {
				t.Errorf("%.2f bytes a member, want at most %.2f", each, c.most)
			}
		})
	}
}

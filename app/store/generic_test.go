package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A fakeKey is what the model below knows of a key.
type fakeKey struct {
	value string
	at    int64 // expiry, -1 for none
}

// A fake is a store as plain maps, and its clock.
type fake struct {
	dbs [3]map[string]fakeKey
	now int64
}

// find finds a key that has not expired.
func (f *fake) find(db int, key string) (fakeKey, bool) {
	k, ok := f.dbs[db][key]
	if ok && k.at >= 0 && f.now > k.at {
		delete(f.dbs[db], key)
		return fakeKey{}, false
	}
	return k, ok
}

// A keyspaceModel sends random commands to a store and to a fake.
type keyspaceModel struct {
	*session
	fake
	random *rand.Rand
	db     int
}

// key is one of few, so that commands meet.
func (m *keyspaceModel) key() string {
	return strings.Repeat("k", 1+m.random.IntN(2)*200) + strconv.Itoa(m.random.IntN(12))
}

// value is one of every encoding.
func (m *keyspaceModel) value() string {
	n := m.random.IntN(1 << 30)
	switch m.random.IntN(4) {
	case 0:
		return strconv.Itoa(n)
	case 1:
		return fmt.Sprint("v", n)
	case 2:
		return fmt.Sprintf("%0*d", embstrMax+1+m.random.IntN(200), n)
	}
	return fmt.Sprintf("%0*d", inlineMax+1+m.random.IntN(20_000), n)
}

func (m *keyspaceModel) check(want string, args ...string) {
	m.t.Helper()
	if got := m.do(args...); got != want {
		m.t.Fatalf("%.60q: got %.100s, want %.100s", args, got, want)
	}
}

var modelSteps = []struct {
	weight int
	step   func(*keyspaceModel)
}{
	{20, (*keyspaceModel).set},
	{10, (*keyspaceModel).get},
	{8, (*keyspaceModel).delete},
	{15, (*keyspaceModel).rename},
	{10, (*keyspaceModel).move},
	{15, (*keyspaceModel).copy},
	{15, (*keyspaceModel).expire},
	{5, (*keyspaceModel).persist},
	{10, (*keyspaceModel).time},
	{4, (*keyspaceModel).selectDB},
	{2, (*keyspaceModel).swap},
	{1, (*keyspaceModel).flush},
	{3, (*keyspaceModel).list},
	{8, (*keyspaceModel).pass},
	{4, (*keyspaceModel).expireSome},
}

func (m *keyspaceModel) set() {
	key, value := m.key(), m.value()
	m.check("OK", "SET", key, value)
	m.dbs[m.db][key] = fakeKey{value, -1}
}

func (m *keyspaceModel) get() {
	key := m.key()
	want := "nil"
	if k, ok := m.find(m.db, key); ok {
		want = strconv.Quote(k.value)
	}
	m.check(want, "GET", key)
}

func (m *keyspaceModel) delete() {
	args := []string{[]string{"DEL", "UNLINK"}[m.random.IntN(2)]}
	deleted := 0
	for range 1 + m.random.IntN(3) {
		key := m.key()
		args = append(args, key)
		if _, ok := m.find(m.db, key); ok {
			deleted++
			delete(m.dbs[m.db], key)
		}
	}
	m.check(strconv.Itoa(deleted), args...)
}

func (m *keyspaceModel) rename() {
	from, to := m.key(), m.key()
	nx := m.random.IntN(2) == 0
	k, ok := m.find(m.db, from)
	_, taken := m.find(m.db, to)
	name, want := "RENAME", "OK"
	if nx {
		name, want = "RENAMENX", "1"
		if taken {
			want = "0"
		}
	}
	if !ok {
		want = "ERR no such key"
	} else if !nx || !taken {
		delete(m.dbs[m.db], from)
		m.dbs[m.db][to] = k
	}
	m.check(want, name, from, to)
}

func (m *keyspaceModel) move() {
	key, to := m.key(), m.random.IntN(len(m.dbs))
	want := "0"
	if to == m.db {
		want = "ERR source and destination objects are the same"
	} else if k, ok := m.find(m.db, key); ok {
		if _, taken := m.find(to, key); !taken {
			want = "1"
			delete(m.dbs[m.db], key)
			m.dbs[to][key] = k
		}
	}
	m.check(want, "MOVE", key, strconv.Itoa(to))
}

func (m *keyspaceModel) copy() {
	from, to, db := m.key(), m.key(), m.random.IntN(len(m.dbs))
	replace := m.random.IntN(2) == 0
	args := []string{"COPY", from, to, "DB", strconv.Itoa(db)}
	if replace {
		args = append(args, "REPLACE")
	}
	want := "0"
	if db == m.db && from == to {
		want = "ERR source and destination objects are the same"
	} else if k, ok := m.find(m.db, from); ok {
		if _, taken := m.find(db, to); !taken || replace {
			want = "1"
			m.dbs[db][to] = k
		}
	}
	m.check(want, args...)
}

func (m *keyspaceModel) expire() {
	key, ms := m.key(), m.random.Int64N(3000)-300
	at := m.now + ms
	k, ok := m.find(m.db, key)
	option := []string{"", "NX", "XX", "GT", "LT"}[m.random.IntN(5)]
	switch {
	case !ok:
	case option == "NX":
		ok = k.at < 0
	case option == "XX":
		ok = k.at >= 0
	case option == "GT":
		ok = k.at >= 0 && at > k.at
	case option == "LT":
		ok = k.at < 0 || at < k.at
	}
	want := "0"
	if ok {
		want = "1"
		if m.dbs[m.db][key] = (fakeKey{k.value, at}); ms <= 0 {
			delete(m.dbs[m.db], key)
		}
	}
	args := []string{"PEXPIRE", key, strconv.FormatInt(ms, 10)}
	if m.random.IntN(2) == 0 {
		args = []string{"PEXPIREAT", key, strconv.FormatInt(at, 10)}
	}
	if option != "" {
		args = append(args, option)
	}
	m.check(want, args...)
}

func (m *keyspaceModel) persist() {
	key, want := m.key(), "0"
	if k, ok := m.find(m.db, key); ok && k.at >= 0 {
		m.dbs[m.db][key] = fakeKey{k.value, -1}
		want = "1"
	}
	m.check(want, "PERSIST", key)
}

func (m *keyspaceModel) time() {
	key := m.key()
	ttl, at := int64(-2), int64(-2)
	if k, ok := m.find(m.db, key); ok {
		if ttl, at = -1, k.at; at >= 0 {
			ttl = at - m.now
		}
	}
	m.check(strconv.FormatInt(ttl, 10), "PTTL", key)
	m.check(strconv.FormatInt(at, 10), "PEXPIRETIME", key)
}

func (m *keyspaceModel) selectDB() {
	m.db = m.random.IntN(len(m.dbs))
	m.check("OK", "SELECT", strconv.Itoa(m.db))
}

func (m *keyspaceModel) swap() {
	i, j := m.random.IntN(len(m.dbs)), m.random.IntN(len(m.dbs))
	m.dbs[i], m.dbs[j] = m.dbs[j], m.dbs[i]
	m.check("OK", "SWAPDB", strconv.Itoa(i), strconv.Itoa(j))
}

func (m *keyspaceModel) flush() {
	if m.random.IntN(3) == 0 {
		for i := range m.dbs {
			m.dbs[i] = map[string]fakeKey{}
		}
		m.check("OK", "FLUSHALL")
		return
	}
	m.dbs[m.db] = map[string]fakeKey{}
	m.check("OK", "FLUSHDB")
}

// list compares all keys of the database, as KEYS, SCAN and RANDOMKEY have them.
func (m *keyspaceModel) list() {
	var want []string
	for key := range m.dbs[m.db] {
		if _, ok := m.find(m.db, key); ok {
			want = append(want, strconv.Quote(key))
		}
	}
	slices.Sort(want)
	for _, command := range []string{"KEYS *", "SCAN 0 COUNT 1000 TYPE string"} {
		reply := strings.TrimPrefix(m.do(strings.Fields(command)...), `["0" `)
		got := strings.Fields(strings.Trim(reply, "[]"))
		slices.Sort(got)
		if !slices.Equal(got, want) {
			m.t.Fatalf("%s: got %.200q, want %.200q", command, got, want)
		}
	}
	random := m.do("RANDOMKEY")
	if len(want) == 0 && random != "nil" || len(want) > 0 && !slices.Contains(want, random) {
		m.t.Fatalf("RANDOMKEY: got %.60s, want one of %.200q", random, want)
	}
}

// pass lets time pass.
func (m *keyspaceModel) pass() {
	ms := m.random.Int64N(400)
	<-time.After(time.Duration(ms) * time.Millisecond)
	m.now += ms
}

// expireSome does cron's part.
func (m *keyspaceModel) expireSome() {
	m.kv.mu.Lock()
	m.kv.readClock()
	m.kv.expireAll()
	m.kv.unlock()
	for i := range m.dbs {
		for key := range m.dbs[i] {
			m.find(i, key)
		}
		m.check("OK", "SELECT", strconv.Itoa(i))
		m.check(strconv.Itoa(len(m.dbs[i])), "DBSIZE")
	}
	m.check("OK", "SELECT", strconv.Itoa(m.db))
}

// The commands on keys against plain maps.
func TestKeyspaceModel(t *testing.T) {
	total := 0
	for _, s := range modelSteps {
		total += s.weight
	}
	for range 20 {
		seed := rand.Uint64()
		synctest.Test(t, func(t *testing.T) {
			kv := newChecked(t)
			if seed%2 == 0 {
				kv = New() // its blocks hold what was in them before
				defer kv.Close()
			}
			m := &keyspaceModel{session: newSession(t, kv), random: rand.New(rand.NewPCG(seed, 0))}
			m.now = m.kv.nowMs
			for i := range m.dbs {
				m.dbs[i] = map[string]fakeKey{}
			}
			defer func() {
				if t.Failed() {
					t.Log("seed ", seed)
				}
			}()
			for i := range 2000 {
				n := m.random.IntN(total)
				for _, s := range modelSteps {
					if n -= s.weight; n < 0 {
						s.step(m)
						break
					}
				}
				if i%50 == 0 {
					if err := m.kv.check(); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

// What goes to replicas and into the append-only file.
func TestKeyCommandsPropagate(t *testing.T) {
	for _, row := range []struct {
		before  string // commands, separated by semicolons
		command string
		want    string // what is propagated, likewise
	}{
		{"SET k v", "DEL k", "DEL k"},
		{"SET k v", "DEL nosuch k", "DEL nosuch k"},
		{"", "DEL nosuch", ""},
		{"SET k v", "UNLINK k", "UNLINK k"},
		{"SET k v", "RENAME k l", "RENAME k l"},
		{"SET k v", "RENAME k k", ""},
		{"SET k v; SET l v", "RENAMENX k l", ""},
		{"SET k v", "COPY k l", "COPY k l"},
		{"SET k v", "MOVE k 1", "MOVE k 1"},
		{"", "SWAPDB 0 1", "SWAPDB 0 1"},
		{"", "FLUSHALL", "FLUSHALL"},
		{"", "FLUSHDB ASYNC", "FLUSHDB ASYNC"},
		{"SET k v", "EXPIRE k 100", "PEXPIREAT k 946684900000"},
		{"SET k v", "EXPIRE k 100 NX", "PEXPIREAT k 946684900000 NX"},
		{"SET k v", "PEXPIRE k 1", "PEXPIREAT k 946684800001"},
		{"SET k v", "EXPIREAT k 946684900", "PEXPIREAT k 946684900000"},
		{"SET k v", "pexpireat k 946684900000 nx lt", ""},
		{"SET k v", "PEXPIREAT k 946684900000", "PEXPIREAT k 946684900000"},
		{"SET k v", "EXPIRE k 0", "DEL k"},
		{"SET k v", "PEXPIREAT k 1", "DEL k"},
		{"", "EXPIRE nosuch 0", ""},
		{"SET k v", "EXPIRE k 100 XX", ""},
		{"SET k v; EXPIRE k 100", "PERSIST k", "PERSIST k"},
		{"SET k v", "PERSIST k", ""},
		{"SET k v", "TOUCH k", ""},
		{"SET k v; PEXPIRE k 1; PASS", "EXISTS k", "DEL k"},
		{"SET k v; PEXPIRE k 1; PASS", "SCAN 0", "DEL k"},
		{"SET k v; PEXPIRE k 1; PASS", "RANDOMKEY", "DEL k"},
		{"SET k v; PEXPIRE k 1; PASS", "DEL k", "DEL k"},
		{"SET k v; PEXPIRE k 1; PASS", "KEYS *", ""},
		{"SET k v; SET l v; PEXPIRE l 1; PASS", "RENAME k l", "DEL l; RENAME k l"},
		{"SET k v; SET l v; PEXPIRE k 1; PASS", "COPY l k", "DEL k; COPY l k"},
	} {
		t.Run(row.command, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kv := newChecked(t)
				s := newSession(t, kv)
				for command := range strings.SplitSeq(row.before, "; ") {
					if command == "PASS" {
						pass(2 * time.Millisecond)
					} else if command != "" {
						s.do(strings.Fields(command)...)
					}
				}
				var got []string
				kv.effects.sink = func(db int, args []string) {
					got = append(got, strings.Join(args, " "))
				}
				dirty := kv.dirty
				s.do(strings.Fields(row.command)...)
				if got := strings.Join(got, "; "); got != row.want {
					t.Errorf("propagated %q, want %q", got, row.want)
				}
				if kv.dirty-dirty > 1 {
					t.Errorf("%d changes", kv.dirty-dirty)
				}
			})
		})
	}
}

func TestObjectIdletimeAcrossTheWrap(t *testing.T) {
	kv := newChecked(t)
	s := newSession(t, kv)
	s.expect("SET k v", "OK")
	e := kv.dbs[0].find("k")
	for _, row := range []struct{ access, clock, want uint32 }{
		{5, 5, 0}, {5, 1000, 995}, {1<<24 - 1, 0, 0}, {1<<24 - 1, 10, 10}, {1<<24 - 11, 9, 19},
	} {
		e.setAccess(row.access)
		kv.lruClock = row.clock
		s.expect("OBJECT IDLETIME k", fmt.Sprint(row.want))
	}
}

func TestParseCursor(t *testing.T) {
	for _, row := range []struct {
		in   string
		want uint64
		ok   bool
	}{
		{"", 0, true}, {"0", 0, true}, {"007", 7, true}, {"+5", 5, true}, {"-0", 0, true},
		{"-1", 1<<64 - 1, true}, {"18446744073709551615", 1<<64 - 1, true}, {"18446744073709551616", 0, false},
		{"-18446744073709551615", 1, true}, {"-18446744073709551616", 0, false},
		{"-", 0, false}, {"+", 0, false}, {"+-1", 0, false}, {"-+1", 0, false}, {"++1", 0, false}, {"--1", 0, false},
		{" 1", 0, false}, {"1 ", 0, false}, {"1_0", 0, false}, {"0x1", 0, false}, {"a", 0, false}, {"1.5", 0, false},
		{"1\x00junk", 1, true}, {"\x00", 0, true},
	} {
		got, err := parseCursor(row.in)
		if got != row.want || (err == nil) != row.ok {
			t.Errorf("%q: got %d, %v", row.in, got, err)
		}
	}
}

package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/listpack"
)

// A listModel is a list beside a slice of what it should hold.
type listModel struct {
	t    *testing.T
	kv   *KVStore
	r    *rand.Rand
	want []string
}

const modelKey = "the list"

func (m *listModel) db() *database { return m.kv.dbs[0] }

func (m *listModel) list() list { return m.db().list(m.db().find(modelKey)) }

// value is a random element of one of the kinds that nodes tell apart.
func (m *listModel) value() string {
	switch m.r.IntN(12) {
	case 0, 1, 2:
		return strconv.Itoa(m.r.IntN(8))
	case 3:
		return strconv.Itoa(int(m.r.Uint32()) - 1<<31)
	case 4:
		return strings.Repeat("m", m.r.IntN(300))
	case 5:
		return strings.Repeat("l", m.r.IntN(3000))
	case 6:
		if m.r.IntN(8) == 0 {
			return strings.Repeat("h", m.r.IntN(100000))
		}
	}
	return "element " + strconv.Itoa(m.r.IntN(20))
}

// settle removes a list that has become empty, as commands do.
func (m *listModel) settle(l list) {
	if l.e.ok() && l.len() == 0 {
		m.db().remove(l.e)
	}
}

// step makes one random change.
func (m *listModel) step() {
	n := len(m.want)
	if n == 0 {
		m.push()
		return
	}
	l := m.list()
	switch m.r.IntN(12) {
	case 0, 1, 2:
		m.push()
		return
	case 3:
		m.pop()
		return
	case 4, 5:
		m.insert(&l)
	case 6, 7:
		i, v := m.r.IntN(n), m.value()
		l.set(i, v)
		m.want[i] = v
	case 8:
		m.removeEqual(&l)
	case 9:
		i := m.r.IntN(n)
		gone := min(n-i, m.r.IntN(6))
		if m.r.IntN(4) == 0 {
			gone = m.r.IntN(n - i + 1)
		}
		l.removeRange(i, gone)
		m.want = slices.Delete(m.want, i, i+gone)
	case 10:
		if m.r.IntN(8) == 0 {
			i := m.r.IntN(n)
			keep := 1 + m.r.IntN(n-i)
			l.trim(i, keep)
			m.want = slices.Clone(m.want[i : i+keep])
		}
	case 11:
		m.copy()
		return
	}
	m.settle(l)
}

func (m *listModel) push() {
	var values []string
	for range 1 + m.r.IntN(1+m.r.IntN(40)) {
		values = append(values, m.value())
	}
	head := m.r.IntN(2) == 0
	l := m.list()
	l.push(modelKey, values, head)
	if head {
		values = slices.Clone(values)
		slices.Reverse(values)
		m.want = append(values, m.want...)
	} else {
		m.want = append(m.want, values...)
	}
}

func (m *listModel) pop() {
	for range 1 + m.r.IntN(min(10, len(m.want))) {
		head := m.r.IntN(2) == 0
		got, e := m.db().listPop(m.db().find(modelKey), head)
		i := len(m.want) - 1
		if head {
			i = 0
		}
		if string(got) != m.want[i] {
			m.t.Fatalf("popped %.40q, want %.40q", got, m.want[i])
		}
		m.want = slices.Delete(m.want, i, i+1)
		m.settle(m.db().list(e))
		if len(m.want) == 0 {
			return
		}
	}
}

func (m *listModel) insert(l *list) {
	pivot, v, after := m.want[m.r.IntN(len(m.want))], m.value(), m.r.IntN(2) == 0
	if !l.insert(pivot, v, after) {
		m.t.Fatalf("%.40q is not found", pivot)
	}
	i := slices.Index(m.want, pivot)
	if after {
		i++
	}
	m.want = slices.Insert(m.want, i, v)
}

func (m *listModel) removeEqual(l *list) {
	v, most, back := m.value(), 1+m.r.IntN(5), m.r.IntN(2) == 0
	if m.r.IntN(3) == 0 {
		v = m.want[m.r.IntN(len(m.want))]
	}
	removed := 0
	keep := func(s string) bool {
		if s == v && removed < most {
			removed++
			return false
		}
		return true
	}
	if back {
		slices.Reverse(m.want)
	}
	m.want = slices.DeleteFunc(m.want, func(s string) bool { return !keep(s) })
	if back {
		slices.Reverse(m.want)
	}
	if got := l.removeEqual(v, most, back); got != removed {
		m.t.Fatalf("removed %d of %.40q, want %d", got, v, removed)
	}
}

// copy goes on with a copy of the list.
func (m *listModel) copy() {
	db := m.db()
	e := db.duplicate(db.find(modelKey), db, "copy")
	db.remove(db.find(modelKey))
	db.transfer(e, db, modelKey)
}

// check compares the list with the model, one way and the other.
func (m *listModel) check() {
	if err := m.kv.check(); err != nil {
		m.t.Fatal(err)
	}
	e := m.db().find(modelKey)
	if !e.ok() {
		if len(m.want) > 0 {
			m.t.Fatalf("no list, want %d elements", len(m.want))
		}
		return
	}
	l := m.db().list(e)
	if l.len() != len(m.want) {
		m.t.Fatalf("%d elements, want %d", l.len(), len(m.want))
	}
	i := 0
	l.each(0, l.len(), false, func(v listpack.Value) bool {
		if !v.Equal(m.want[i]) {
			m.t.Fatalf("element %d is %.40q, want %.40q", i, v.String(), m.want[i])
		}
		i++
		return true
	})
	from := m.r.IntN(len(m.want))
	i = from
	l.each(from, from+1, true, func(v listpack.Value) bool {
		if v.String() != m.want[i] {
			m.t.Fatalf("element %d is %.40q, want %.40q", i, v.String(), m.want[i])
		}
		i--
		return true
	})
	if i != -1 {
		m.t.Fatalf("backwards from %d the walk ended at %d", from, i)
	}
}

// TestListModel makes random changes of lists of every kind of limit.
func TestListModel(t *testing.T) {
	for _, limits := range []struct {
		fill, depth int32
		large       int
	}{
		{-2, 0, largeElement}, {-1, 0, largeElement}, {-5, 0, largeElement}, {1, 0, largeElement},
		{4, 0, largeElement}, {100, 0, largeElement}, {0, 0, largeElement},
		{-1, 1, largeElement}, {4, 1, largeElement}, {4, 3, largeElement}, {1, 2, 20},
		{-2, 0, 1}, {-2, 1, 100}, {3, 0, 6},
	} {
		name := fmt.Sprintf("fill %d depth %d large %d", limits.fill, limits.depth, limits.large)
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			m := &listModel{t: t, kv: newChecked(t), r: rand.New(rand.NewPCG(seed, 0))}
			m.kv.listFill, m.kv.listDepth = limits.fill, limits.depth
			m.kv.lists.large = limits.large
			for i := range 500 {
				m.step()
				if i%3 == 0 {
					m.check()
				}
			}
			m.check()
		})
	}
}

// TestListLayouts goes through what moves a list between its record and nodes.
func TestListLayouts(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for _, tt := range []struct {
		name     string
		fill     int32
		commands []string
		nodes    int // 0: within the record
	}{
		{"small", -2, []string{"RPUSH l a b c"}, 0},
		{"full", -2, []string{"RPUSH l" + strings.Repeat(" "+long, 8)}, 0},
		{"one too many", -2, []string{"RPUSH l" + strings.Repeat(" "+long, 9)}, 2},
		{"beyond the record", -5, []string{"RPUSH l" + strings.Repeat(" "+long, 9)}, 1},
		{"one big element", -2, []string{"RPUSH l " + strings.Repeat("x", 9000)}, 1},
		{"by number", 3, []string{"RPUSH l a b c"}, 0},
		{"one over the number", 3, []string{"RPUSH l a b c d"}, 2},
		{"popped down", -2, []string{"RPUSH l" + strings.Repeat(" "+long, 9), "LPOP l 8"}, 0},
		{"popped one by one", -2, []string{"RPUSH l a" + strings.Repeat(" "+long, 9), "RPOP l", "LPOP l"}, 1},
		{"not popped enough", -2, []string{"RPUSH l" + strings.Repeat(" "+long, 9), "RPOP l 4"}, 1},
		{"popped to half the number", 4, []string{"RPUSH l a b c d e", "LPOP l 4"}, 0},
		{"trimmed", -2, []string{"RPUSH l" + strings.Repeat(" "+long, 40), "LTRIM l 20 22"}, 1},
		{"trimmed to one", -2, []string{"RPUSH l" + strings.Repeat(" "+long, 40), "LTRIM l 20 20"}, 0},
		{"removed", -2, []string{"RPUSH l a" + strings.Repeat(" "+long, 40), "LREM l 0 " + long}, 0},
		{"set to a big one", -2, []string{"RPUSH l a b c", "LSET l 1 " + strings.Repeat("x", 9000)}, 1},
		{"set to a huge one", -2, []string{"RPUSH l a b c", "LSET l 1 " + strings.Repeat("x", 90000)}, 3},
		{"set back", -2, []string{"RPUSH l " + strings.Repeat("x", 90000), "LSET l 0 a"}, 0},
		{"big inserted", -2, []string{"RPUSH l a b c", "LINSERT l after b " + strings.Repeat("x", 9000)}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			kv := newChecked(t)
			kv.listFill = tt.fill
			s := newSession(t, kv)
			for _, command := range tt.commands {
				s.do(strings.Fields(command)...)
			}
			e := kv.dbs[0].find("l")
			nodes := 0
			if e.enc() == encQuicklist {
				nodes = rootOf[listRoot](kv, e).nodes.Len()
			}
			if nodes != tt.nodes {
				t.Errorf("%d nodes, want %d", nodes, tt.nodes)
			}
			if err := kv.check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestListTrimInSteps trims a list of many nodes to a few, and then to some
// within one: the others are freed by and by.
func TestListTrimInSteps(t *testing.T) {
	for _, depth := range []int32{0, 2} {
		kv := newChecked(t)
		kv.listFill, kv.listDepth = 4, depth
		s := newSession(t, kv)
		args := []string{"RPUSH", "l"}
		for i := range 4000 {
			args = append(args, "element element element element element "+strconv.Itoa(i))
		}
		s.do(args...)
		s.expect("LTRIM l 1501 1550", "OK")
		if len(kv.drains) != 1 {
			t.Errorf("%d values are left to be freed, want 1", len(kv.drains))
		}
		if err := kv.check(); err != nil {
			t.Fatal(err)
		}
		s.expect("LLEN l", "50")
		s.expect("LINDEX l 0", `"element element element element element 1501"`)
		s.expect("LINDEX l -1", `"element element element element element 1550"`)
		for !kv.drains[0].drain(1) {
		}
		kv.drains = nil
		s.expect("LTRIM l 10 11", "OK")
		s.expect("LINDEX l 1", `"element element element element element 1512"`)
		if err := kv.check(); err != nil {
			t.Fatal(err)
		}
	}
}

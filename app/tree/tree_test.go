package tree

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// An item is what the model holds: an entry, and the member it refers to.
type item struct {
	key    uint64
	member string
	ref    arena.Ref
}

func (m item) entry() Entry { return Entry{m.key, m.ref} }

// A model drives a Tree and a sorted slice alike.
type model struct {
	t     testing.TB
	a     *arena.Arena
	ty    Type
	x     Tree
	items []item
	held  int64 // arena bytes of members
	every bool  // check everything after each step
}

func newModel(t testing.TB, weighted bool) *model {
	m := &model{t: t, a: arena.NewChecked()}
	t.Cleanup(m.a.Close)
	m.ty = Type{Arena: m.a, Weighted: weighted}
	if !weighted {
		m.ty.Tie = func(ref arena.Ref, probe string) int { return strings.Compare(m.text(ref), probe) }
	}
	return m
}

// text returns the member at a reference, which begins with its length.
func (m *model) text(ref arena.Ref) string {
	n := int(m.a.Bytes(ref, 1)[0])
	return string(m.a.Bytes(ref, 1+n)[1:])
}

func (m *model) newMember(member string) arena.Ref {
	ref := m.a.Alloc(1 + len(member))
	b := m.a.Bytes(ref, 1+len(member))
	b[0] = uint8(len(member))
	copy(b[1:], member)
	m.held += int64(m.a.Cap(ref))
	return ref
}

func (m *model) freeMember(ref arena.Ref) {
	m.held -= int64(m.a.Cap(ref))
	m.a.Free(ref)
}

func compareItems(p, q item) int {
	if p.key != q.key {
		if p.key < q.key {
			return -1
		}
		return 1
	}
	return strings.Compare(p.member, q.member)
}

// weight returns the weight of the items before i.
func (m *model) weight(i int) (sum uint64) {
	if !m.ty.Weighted {
		return uint64(i)
	}
	for _, p := range m.items[:i] {
		sum += p.key
	}
	return sum
}

// at wants the cursor to stand at item i, or at the end.
func (m *model) at(c *Cursor, i int, what string) {
	m.t.Helper()
	if c.Valid() != (i < len(m.items)) {
		m.t.Fatalf("%s: valid %v at place %d of %d", what, c.Valid(), i, len(m.items))
	}
	if c.Valid() && c.Entry() != m.items[i].entry() {
		m.t.Fatalf("%s: at %v, want %v", what, c.Entry(), m.items[i])
	}
	if rank := m.x.Rank(&m.ty, c); rank != m.weight(i) {
		m.t.Fatalf("%s: rank %d, want %d", what, rank, m.weight(i))
	}
}

// goTo sends a cursor to item i.
func (m *model) goTo(c *Cursor, i int) {
	m.t.Helper()
	if offset := m.x.SeekRank(&m.ty, c, m.weight(i)); offset != 0 {
		m.t.Fatalf("offset %d at the beginning of an entry", offset)
	}
	m.at(c, i, "SeekRank")
}

// seek compares all ways to search.
func (m *model) seek(key uint64, member string) {
	m.t.Helper()
	var c Cursor
	i, found := slices.BinarySearchFunc(m.items, item{key: key, member: member}, compareItems)
	m.x.Seek(&m.ty, &c, key, member)
	m.at(&c, i, "Seek")
	if found {
		i++
	}
	m.x.SeekAfter(&m.ty, &c, key, member)
	m.at(&c, i, "SeekAfter")
	for i = 0; i < len(m.items) && m.items[i].key < key; i++ {
	}
	m.x.SeekKey(&m.ty, &c, key)
	m.at(&c, i, "SeekKey")
	for ; i < len(m.items) && m.items[i].key == key; i++ {
	}
	m.x.SeekKeyAfter(&m.ty, &c, key)
	m.at(&c, i, "SeekKeyAfter")
}

// insert adds a member at the cursor, which stands at item i.
func (m *model) insert(c *Cursor, i int, key uint64, member string) {
	m.t.Helper()
	p := item{key, member, m.newMember(member)}
	m.x.Insert(&m.ty, c, p.entry())
	m.items = slices.Insert(m.items, i, p)
	m.at(c, i, "Insert")
	m.compare()
}

// add adds a member where it belongs, unless it is there.
func (m *model) add(key uint64, member string) {
	m.t.Helper()
	i, found := slices.BinarySearchFunc(m.items, item{key: key, member: member}, compareItems)
	var c Cursor
	m.x.Seek(&m.ty, &c, key, member)
	m.at(&c, i, "Seek")
	if !found {
		m.insert(&c, i, key, member)
	}
}

// remove takes out item i, at which the cursor stands.
func (m *model) remove(c *Cursor, i int) {
	m.t.Helper()
	ref := m.items[i].ref
	m.x.Remove(&m.ty, c)
	m.freeMember(ref)
	m.items = slices.Delete(m.items, i, i+1)
	m.at(c, i, "Remove")
	m.compare()
}

// set gives item i another record, and in a weighted tree another weight.
func (m *model) set(c *Cursor, i int, key uint64) {
	m.t.Helper()
	p := &m.items[i]
	if m.ty.Weighted {
		p.key = key
	}
	old := p.ref
	p.ref = m.newMember(p.member)
	m.x.Set(&m.ty, c, p.entry())
	m.freeMember(old)
	m.at(c, i, "Set")
	m.compare()
}

// compare checks what is quick to check, or everything.
func (m *model) compare() {
	m.t.Helper()
	if m.x.Len() != len(m.items) {
		m.t.Fatalf("Len() = %d, want %d", m.x.Len(), len(m.items))
	}
	if m.x.Bytes()+m.held != m.a.Used() {
		m.t.Fatalf("Bytes() = %d and %d, the arena has %d in use", m.x.Bytes(), m.held, m.a.Used())
	}
	if m.every {
		m.check()
	}
}

// check checks everything.
func (m *model) check() {
	m.t.Helper()
	if err := m.x.Check(&m.ty); err != nil {
		m.t.Fatal(err)
	}
	if m.x.Weight() != m.weight(len(m.items)) {
		m.t.Fatalf("Weight() = %d, want %d", m.x.Weight(), m.weight(len(m.items)))
	}
	i := 0
	for e := range m.x.All(&m.ty) {
		if e != m.items[i].entry() {
			m.t.Fatalf("entry %d is %v, want %v", i, e, m.items[i])
		}
		i++
	}
	if i != len(m.items) {
		m.t.Fatalf("%d entries, want %d", i, len(m.items))
	}
}

// drain takes everything out in steps.
func (m *model) drain(leaves int) {
	m.t.Helper()
	for done := false; !done; {
		var gone []Entry
		done = m.x.Drain(&m.ty, leaves, func(e Entry) {
			m.freeMember(e.Ref)
			gone = append(gone, e)
		})
		if len(gone) > leaves*leafMax || !done && len(gone) < leaves {
			m.t.Fatalf("a step drained %d entries", len(gone))
		}
		for _, p := range m.items[len(m.items)-len(gone):] {
			if !slices.Contains(gone, p.entry()) {
				m.t.Fatalf("%v was not in the last leaves", p)
			}
		}
		m.items = m.items[:len(m.items)-len(gone)]
		m.compare()
		if err := m.x.Check(&m.ty); err != nil {
			m.t.Fatal(err)
		}
	}
	if m.x != (Tree{}) || m.a.Used() != 0 {
		m.t.Fatalf("%d bytes in use, tree %+v", m.a.Used(), m.x)
	}
}

func TestZeroTree(t *testing.T) {
	m := newModel(t, false)
	m.every = true
	m.check()
	m.seek(0, "")
	var c Cursor
	for name, send := range map[string]func(){
		"First":    func() { m.x.First(&m.ty, &c) },
		"Last":     func() { m.x.Last(&m.ty, &c) },
		"SeekRank": func() { m.x.SeekRank(&m.ty, &c, 7) },
	} {
		send()
		m.at(&c, 0, name)
		if c.Next(&m.ty) || c.Prev(&m.ty) || c.Next(&m.ty) || c.Valid() {
			t.Errorf("%s: an empty tree has a step", name)
		}
	}
	if !m.x.Drain(&m.ty, 0, nil) {
		t.Error("an empty tree is not drained")
	}
	m.add(5, "a")
	m.seek(5, "a")
	m.x.First(&m.ty, &c)
	m.remove(&c, 0)
	if m.x != (Tree{}) {
		t.Errorf("after the last entry went: %+v", m.x)
	}
	m.insert(&c, 0, 5, "b")
	m.drain(1)
}

func TestSteps(t *testing.T) {
	m := newModel(t, false)
	for i := range 2000 {
		m.add(uint64(i*7919%2000/3), fmt.Sprint(i))
	}
	var c Cursor
	m.x.First(&m.ty, &c)
	for i := range m.items {
		m.at(&c, i, "Next")
		if more := c.Next(&m.ty); more != (i+1 < len(m.items)) {
			t.Fatalf("Next() = %v at %d", more, i)
		}
	}
	m.at(&c, len(m.items), "Next")
	if c.Next(&m.ty) {
		t.Fatal("a step beyond the end")
	}
	for i := len(m.items) - 1; i >= 0; i-- {
		if !c.Prev(&m.ty) {
			t.Fatalf("no step back to %d", i)
		}
		m.at(&c, i, "Prev")
	}
	if c.Prev(&m.ty) || c.Valid() || c.Prev(&m.ty) || !c.Next(&m.ty) {
		t.Fatal("the way back from before the beginning")
	}
	m.at(&c, 0, "Next")
	m.x.Last(&m.ty, &c)
	m.at(&c, len(m.items)-1, "Last")
	m.drain(3)
}

func TestModel(t *testing.T) {
	for _, weighted := range []bool{false, true} {
		for _, small := range []bool{true, false} {
			t.Run(fmt.Sprintf("weighted=%v small=%v", weighted, small), func(t *testing.T) {
				seed := rand.Uint64()
				t.Logf("seed %d", seed)
				random := rand.New(rand.NewPCG(seed, 1))
				m := newModel(t, weighted)
				steps := 20_000
				if small {
					m.every, steps = true, 2000
				}
				for i := range steps {
					m.step(random, i/(steps/4)%2 == 0)
				}
				m.check()
				m.drain(2)
			})
		}
	}
}

// step does something at random.
func (m *model) step(random *rand.Rand, growing bool) {
	var c Cursor
	key, member := random.Uint64N(1<<random.IntN(8)), fmt.Sprint(random.IntN(1<<random.IntN(20)))
	switch op := random.IntN(12); {
	case op < 3 || growing && op < 7:
		if !m.ty.Weighted {
			m.add(key, member)
			return
		}
		i := random.IntN(len(m.items) + 1)
		m.goTo(&c, i)
		for range 1 + random.IntN(4) {
			m.insert(&c, i, 1+key, member)
		}
	case op < 9 && len(m.items) > 0:
		i := random.IntN(len(m.items))
		m.goTo(&c, i)
		for range min(len(m.items)-i, 1<<random.IntN(8)/16+1) {
			m.remove(&c, i)
		}
	case op < 10 && len(m.items) > 0:
		i := random.IntN(len(m.items))
		m.goTo(&c, i)
		m.set(&c, i, 1+key)
	case op < 11 && !m.ty.Weighted:
		m.seek(key, member)
	case len(m.items) > 0:
		i := random.IntN(len(m.items))
		within := random.Uint64N(m.ty.weight(m.items[i].entry()))
		if offset := m.x.SeekRank(&m.ty, &c, m.weight(i)+within); offset != within {
			m.t.Fatalf("offset %d, want %d", offset, within)
		}
		m.at(&c, i, "SeekRank")
	}
}

package tree

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

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
			m.t.Fatalf("a step of %d leaves drained %d entries", leaves, len(gone))
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
	if err := m.a.Check(); err != nil {
		m.t.Fatal(err)
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

// deepen makes full nodes small, so that few entries make a high tree.
func deepen(t testing.TB) {
	leafMax, innerMax := leaves.max, inners.max
	t.Cleanup(func() { leaves.max, inners.max = leafMax, innerMax })
	leaves.max, inners.max = 6, 6
}

func TestModel(t *testing.T) {
	for _, weighted := range []bool{false, true} {
		for _, row := range []struct {
			name        string
			deep, every bool
			steps       int
		}{
			{"small", false, true, 2000},
			{"deep", true, true, 2000},
			{"big", false, false, 8000},
			{"big and deep", true, false, 8000},
		} {
			t.Run(fmt.Sprintf("weighted=%v %s", weighted, row.name), func(t *testing.T) {
				seed := rand.Uint64()
				t.Logf("seed %d", seed)
				random := rand.New(rand.NewPCG(seed, 1))
				if row.deep {
					deepen(t)
				}
				m := newModel(t, weighted)
				m.every = row.every
				height := uint8(0)
				for i := range row.steps {
					m.step(random, i/(row.steps/4)%2 == 0)
					height = max(height, m.x.height)
				}
				m.check()
				t.Logf("%d entries, height up to %d", m.x.Len(), height)
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

func TestWeights(t *testing.T) {
	m := newModel(t, true)
	var c Cursor
	m.x.Last(&m.ty, &c)
	for i, weight := range []uint64{3, 1, 0, 5} {
		m.insert(&c, i, weight, "")
		c.Next(&m.ty)
	}
	for _, row := range []struct{ rank, entry, offset uint64 }{
		{0, 0, 0}, {2, 0, 2}, {3, 1, 0}, {4, 3, 0}, {8, 3, 4}, {9, 4, 0}, {1 << 63, 4, 0},
	} {
		offset := m.x.SeekRank(&m.ty, &c, row.rank)
		if offset != row.offset {
			t.Errorf("position %d: offset %d, want %d", row.rank, offset, row.offset)
		}
		m.at(&c, int(row.entry), "SeekRank")
	}
	m.goTo(&c, 1)
	m.set(&c, 1, 1<<40)
	m.check()
	m.drain(1)
}

// TestRuns takes runs out of a high tree at one cursor, and puts them back.
func TestRuns(t *testing.T) {
	deepen(t)
	const n = 3000
	for _, row := range []struct{ from, count int }{
		{0, n}, {0, n - 1}, {0, 1000}, {1, 2000}, {500, 1500}, {n - 1000, 1000}, {n - 1, 1}, {7, n - 14},
	} {
		t.Run(fmt.Sprint(row), func(t *testing.T) {
			m := newModel(t, false)
			for i := range n {
				m.add(uint64(i*7919%n), "")
			}
			var c Cursor
			m.goTo(&c, row.from)
			for i := range row.count {
				m.remove(&c, row.from)
				if i%50 == 0 {
					m.check()
				}
			}
			m.check()
			for i := row.count - 1; i >= 0; i-- {
				m.insert(&c, row.from, uint64(row.from+i), "again")
			}
			m.check()
			m.drain(5)
		})
	}
}

func TestAllStops(t *testing.T) {
	m := newModel(t, false)
	for i := range 100 {
		m.add(uint64(i), "")
	}
	n := 0
	for range m.x.All(&m.ty) {
		if n++; n == 50 {
			break
		}
	}
	if n != 50 {
		t.Errorf("%d entries", n)
	}
}

// TestReferencesOfFortyBits: what an entry refers to is the caller's business.
func TestReferencesOfFortyBits(t *testing.T) {
	m := newModel(t, true)
	var c Cursor
	m.x.First(&m.ty, &c)
	for shift := range 40 {
		for _, ref := range []arena.Ref{1 << shift, 1<<40 - 1<<shift} {
			e := Entry{1 << shift, ref}
			if m.x.Insert(&m.ty, &c, e); c.Entry() != e {
				t.Errorf("%v, want %v", c.Entry(), e)
			}
		}
	}
	if err := m.x.Check(&m.ty); err != nil {
		t.Error(err)
	}
}

// TestCheckFinds damages a tree and wants Check to say so.
func TestCheckFinds(t *testing.T) {
	for name, damage := range map[string]func(x *Tree, root, leaf node){
		"length":      func(x *Tree, _, _ node) { x.length++ },
		"weight":      func(x *Tree, _, _ node) { x.weight-- },
		"bytes":       func(x *Tree, _, _ node) { x.bytes += 8 },
		"root":        func(x *Tree, _, _ node) { x.root = 0 },
		"height":      func(x *Tree, _, _ node) { x.height = heightMax + 1 },
		"order":       func(_ *Tree, _, leaf node) { leaf.setEntry(1, Entry{1 << 50, 1}) },
		"first":       func(_ *Tree, root, _ node) { root.setEntry(1, Entry{root.key(1), 1}) },
		"below":       func(_ *Tree, root, _ node) { root.setWeight(1, 0) },
		"child":       func(_ *Tree, root, _ node) { root.setChild(1, root.child(0)) },
		"count":       func(_ *Tree, _, leaf node) { leaf.setCount(leaf.count() - 1) },
		"empty":       func(_ *Tree, _, leaf node) { leaf.setCount(0) },
		"overfull":    func(_ *Tree, _, leaf node) { leaf.setCount(leaf.room() + 1) },
		"wrong block": func(_ *Tree, _, leaf node) { *(*uint8)(unsafe.Add(leaf.p, 1))++ },
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(t, false)
			for i := range 2000 {
				m.add(uint64(i*7919%2000), "")
			}
			m.check()
			var c Cursor
			m.x.First(&m.ty, &c)
			damage(&m.x, c.path[c.height].n, c.path[0].n)
			if m.x.Check(&m.ty) == nil {
				t.Error("Check found nothing")
			}
		})
	}
}

// FuzzTree reads a step from each four bytes.
func FuzzTree(f *testing.F) {
	f.Add([]byte("\x01\x00\x01\x01\x02\x00\x05\x01\x01\x03\x00\x07\x01\x02"), false)
	f.Add([]byte("\x00\x00\x00\x09\x01\x00\x01\x09\x05\x00\x00\x03"), true)
	f.Fuzz(func(t *testing.T, input []byte, weighted bool) {
		input = input[:min(len(input), 1600)] // the model is slow
		deepen(t)
		m := newModel(t, weighted)
		m.every = len(input) < 400
		var c Cursor
		for ; len(input) >= 4; input = input[4:] {
			key, member := 1+uint64(input[1]), string(rune('a'+input[2]%26))
			i := (int(input[1])<<8 + int(input[2])) % (len(m.items) + 1)
			m.goTo(&c, i)
			switch op := input[0] % 8; {
			case op < 3 && weighted:
				for range 1 + input[3]%16 {
					m.insert(&c, i, key, member)
				}
			case op < 3:
				for n := range uint64(1 + input[3]%16) {
					m.add(key+n, member)
				}
			case op < 5:
				for range min(len(m.items)-i, int(input[3]%32)) {
					m.remove(&c, i)
				}
			case op == 5 && i < len(m.items):
				m.set(&c, i, key)
			case op == 6 && !weighted:
				m.seek(key, member)
			case op == 7:
				for ; i > 0 && c.Prev(&m.ty); i-- {
				}
				m.at(&c, 0, "Prev")
			}
		}
		m.check()
		m.drain(1 + len(m.items)/50)
	})
}

package dict

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

func TestZeroDict(t *testing.T) {
	m := newModel(t, 0, false)
	m.check()
	if m.find("x") != 0 || m.d.Random(m.typ) != 0 || m.d.Buckets() != 0 || m.d.Bytes(m.typ) != 0 {
		t.Error("the zero value has elements or memory")
	}
	if next := m.d.Scan(m.typ, 12345, func(arena.Ref) { t.Error("visited") }); next != 0 {
		t.Errorf("SCAN of an empty table goes on at %d", next)
	}
	m.d.Touch(m.typ, []uint64{1, 2, 3})
	if !m.d.CatchUp(m.typ, 1) || !m.d.Drain(m.typ, 1, nil) {
		t.Error("the zero value has something to do")
	}
	if n := unsafe.Sizeof(m.d); n > 40 {
		t.Errorf("a Dict is %d bytes", n)
	}
}

func TestKey(t *testing.T) {
	for _, n := range []int{0, 1, 16, 127, 128, 255, 300, 16383, 16384, 3 << 20} {
		for _, expires := range []bool{false, true} {
			t.Run(fmt.Sprintf("len=%d,expires=%v", n, expires), func(t *testing.T) {
				m := newModel(t, 4, true)
				key := strings.Repeat("k", n)
				r := newRecord(m.typ, key, "v", expires)
				if m.typ.Key(r) != key {
					t.Fatalf("key of %d bytes is read as %d bytes", n, len(m.typ.Key(r)))
				}
				m.d.Insert(m.typ, m.typ.Hash(key), r)
				m.d.Touch(m.typ, []uint64{m.typ.Hash(key)})
				if m.find(key) != r {
					t.Error("not found")
				}
				if n > 0 && m.d.Find(m.typ, m.typ.Hash(key), key[1:]) != 0 {
					t.Error("found under a shorter key")
				}
				if m.d.Find(m.typ, m.typ.Hash(key), key+"k") != 0 {
					t.Error("found under a longer key")
				}
			})
		}
	}
}

// TestFullHashCollisions finds the right one of many keys that Find is told
// to have the same hash, in chains of every length.
func TestFullHashCollisions(t *testing.T) {
	m := newModel(t, 0, false)
	m.d.PauseResize() // no splitting, which would look at the real hashes
	const hash = 0x123456789abcdef0
	refs := map[string]arena.Ref{}
	for i := range 60 {
		key := fmt.Sprintf("key:%d", i)
		refs[key] = newRecord(m.typ, key, "", false)
		m.d.Insert(m.typ, hash, refs[key])
		for key, r := range refs {
			if got := m.d.Find(m.typ, hash, key); got != r {
				t.Fatalf("%d elements: %q is record %d, want %d", i+1, key, got, r)
			}
		}
		if m.d.Find(m.typ, hash, "nosuch") != 0 {
			t.Fatal("found a key that was never inserted")
		}
	}
	for key, r := range refs {
		m.d.Remove(m.typ, hash, r)
		if m.d.Find(m.typ, hash, key) != 0 {
			t.Fatalf("%q is found after it was removed", key)
		}
		delete(refs, key)
		for key, r := range refs {
			if got := m.d.Find(m.typ, hash, key); got != r {
				t.Fatalf("%d elements left: %q is record %d, want %d", len(refs), key, got, r)
			}
		}
	}
}

func TestRemoveAbsentPanics(t *testing.T) {
	for _, c := range []struct {
		name string
		act  func(m *model)
	}{
		{"remove from nothing", func(m *model) { m.d.Remove(m.typ, 1, 8) }},
		{"remove a stranger", func(m *model) { m.insert("a"); m.d.Remove(m.typ, m.typ.Hash("a"), m.refs["a"]+1) }},
		{"replace a stranger", func(m *model) { m.insert("a"); m.d.Replace(m.typ, m.typ.Hash("a"), m.refs["a"]+1, 8) }},
		{"resume without pause", func(m *model) { m.d.ResumeResize() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newModel(t, 0, false)
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			c.act(m)
		})
	}
}

// TestDictInArena keeps a table in an arena block, as values do.
func TestDictInArena(t *testing.T) {
	m := newModel(t, 0, false)
	block := m.a.Alloc(int(unsafe.Sizeof(Dict{})))
	d := (*Dict)(m.a.Ptr(block))
	*d = Dict{}
	for i := range 1000 {
		key := fmt.Sprintf("key:%d", i)
		d.Insert(m.typ, m.typ.Hash(key), newRecord(m.typ, key, "", false))
	}
	if err := d.Check(m.typ); err != nil {
		t.Fatal(err)
	}
	for !d.Drain(m.typ, 1, m.a.Free) {
	}
	m.a.Free(block)
	if m.a.Used() != 0 {
		t.Errorf("%d bytes left", m.a.Used())
	}
}

// TestPause checks that the number of buckets stays, and that the table gets
// to the right one afterwards, by CatchUp or by what else happens to it.
func TestPause(t *testing.T) {
	for _, catchUp := range []bool{true, false} {
		m := newModel(t, 0, false)
		for i := range 1000 {
			m.insert(modelKey(i))
		}
		buckets := m.d.Buckets()
		m.d.PauseResize()
		m.d.PauseResize()
		for i := range 10000 {
			m.insert(modelKey(i))
		}
		m.d.ResumeResize()
		if !m.d.CatchUp(m.typ, 1000) || m.d.Buckets() != buckets {
			t.Fatalf("%d buckets, %d before the pause", m.d.Buckets(), buckets)
		}
		m.check()
		longest := m.d.longest
		m.d.ResumeResize()
		if catchUp {
			for !m.d.CatchUp(m.typ, 4) {
			}
		} else {
			for i := range 10000 { // each pair may split two buckets, and only keeps the size
				m.remove(modelKey(i))
				m.insert(modelKey(i))
			}
		}
		m.check()
		if m.d.overloaded() {
			t.Errorf("%d elements in %d buckets after the pause", m.d.Len(), m.d.Buckets())
		}
		if m.d.longest >= longest {
			t.Errorf("the longest chain is still said to have %d elements", m.d.longest)
		}

		m.d.PauseResize()
		buckets = m.d.Buckets()
		for i := range 9990 {
			m.remove(modelKey(i))
		}
		if m.d.Buckets() != buckets {
			t.Errorf("%d buckets, %d before the pause", m.d.Buckets(), buckets)
		}
		m.check()
		m.d.ResumeResize()
		m.finish()
	}
}

// TestPauseOfEmptiedTable checks that a pause outlives the last element.
func TestPauseOfEmptiedTable(t *testing.T) {
	m := newModel(t, 0, false)
	m.d.PauseResize()
	m.insert("a")
	m.remove("a")
	m.check()
	m.d.ResumeResize()
	if !m.d.Drain(m.typ, 1, nil) || m.a.Used() != 0 {
		t.Errorf("%d bytes left of an empty table", m.a.Used())
	}
}

// TestLongestChain turns round at a power of two, with and without buckets lost
// to Drain: not all chains have been seen since then, so the bound must stay.
func TestLongestChain(t *testing.T) {
	for range 10 {
		m := newModel(t, 0, false)
		for i := 0; m.d.Buckets() < 256; i++ {
			m.insert(fmt.Sprintf("key:%d", i))
		}
		m.d.merge(m.a)
		m.d.split(m.typ)
		m.check()
		m.d.Drain(m.typ, 128, m.forget)
		m.d.merge(m.a)
		m.d.split(m.typ)
		m.check()
	}
}

// TestExpand checks that a table sized ahead splits nothing, and that one
// sized for too much gets small again.
func TestExpand(t *testing.T) {
	m := newModel(t, 0, false)
	m.d.Expand(m.typ, 5000)
	buckets := m.d.Buckets()
	m.check()
	for i := range 5000 {
		m.insert(modelKey(i))
	}
	m.check()
	if m.d.Buckets() != buckets {
		t.Errorf("%d buckets for 5000 elements, %d were made ahead", m.d.Buckets(), buckets)
	}
	m.d.Expand(m.typ, 1e6)
	if m.d.Buckets() != buckets {
		t.Error("Expand changed a table with elements")
	}
	m.finish()

	m.d.Expand(m.typ, 20000)
	m.insert("a")
	m.insert("b")
	m.remove("a")
	m.check()
	m.remove("b")
	if m.d != (Dict{}) || m.a.Used() != 0 {
		t.Errorf("emptied, the table is %+v and %d bytes are in use", m.d, m.a.Used())
	}
}

// TestDrain checks that a drain gives segments back on the way.
func TestDrain(t *testing.T) {
	m := newModel(t, 0, false)
	for i := range 30000 {
		m.insert(fmt.Sprintf("key:%d", i))
	}
	steps, before := 0, m.d.Bytes(m.typ)
	for ; !m.d.Drain(m.typ, 100, m.forget); steps++ {
		if steps%8 == 0 {
			m.check()
			if now := m.d.Bytes(m.typ); now >= before && steps > 0 {
				t.Fatalf("%d bytes after %d, step %d", now, before, steps)
			}
			before = m.d.Bytes(m.typ)
		}
	}
	if want := 30000 * 2 / growLoadHalves / 100; steps < want {
		t.Errorf("%d steps of 100 buckets, want %d", steps, want)
	}
	m.check()
}

// TestCheckFinds breaks tables in ways that Check must see.
func TestCheckFinds(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(m *model)
	}{
		{"elements", func(m *model) { m.d.elements++ }},
		{"overflow", func(m *model) { m.d.overflow += 8 }},
		{"level", func(m *model) { m.d.level-- }},
		{"longest", func(m *model) { m.d.longest = 9 }},
		{"memory of nothing", func(m *model) { m.d.buckets = 0 }},
		{"tag", func(m *model) { b := m.d.bucket(m.a, 0); b.set(0, b.entry(0)^1<<56) }},
		{"lost tag", func(m *model) { m.d.bucket(m.a, 0).free(0) }},
		{"wrong bucket", func(m *model) {
			b, c := m.d.bucket(m.a, 0), m.d.bucket(m.a, 1)
			e, f := b.entry(0), c.entry(0)
			b.set(0, f)
			c.set(0, e)
		}},
		{"wrong size of a block", func(m *model) {
			for i := range m.d.buckets {
				if b := m.d.bucket(m.a, i); b.linked() && b.tag(linkSlot) == 2 {
					b.set(linkSlot, b.entry(linkSlot)+1<<56)
					return
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newModel(t, 0, false)
			for i := range 5000 {
				m.insert(fmt.Sprintf("key:%d", i))
			}
			m.check()
			c.harm(m)
			if m.d.Check(m.typ) == nil {
				t.Error("not found")
			}
		})
	}
}

// TestNoAllocations keeps the Go heap out of the hot paths.
func TestNoAllocations(t *testing.T) {
	bt := newBenchTable(10000)
	defer bt.t.Arena.Close()
	var buf [16]byte
	key := benchKey(&buf, 1234)
	h := bt.t.Hash(key)
	hashes := []uint64{h, h + 1, h + 2}
	for _, c := range []struct {
		name string
		act  func()
	}{
		{"Find", func() { bt.d.Find(bt.t, h, key) }},
		{"Touch", func() { bt.d.Touch(bt.t, hashes) }},
		{"Random", func() { bt.d.Random(bt.t) }},
		{"Scan", func() { bt.d.Scan(bt.t, h, func(arena.Ref) {}) }},
		{"Remove and Insert", func() {
			r := bt.d.Find(bt.t, h, key)
			bt.d.Remove(bt.t, h, r)
			bt.d.Insert(bt.t, h, r)
		}},
		{"Fill", func() {
			var d Dict
			for r := range bt.d.All(bt.t) {
				d.Insert(bt.t, bt.t.Hash(bt.t.Key(r)), r)
			}
			for !d.Drain(bt.t, 10, func(arena.Ref) {}) {
			}
		}},
	} {
		if n := testing.AllocsPerRun(5, c.act); n != 0 {
			t.Errorf("%s allocates %v times", c.name, n)
		}
	}
}

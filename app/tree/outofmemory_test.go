package tree

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// failed reports whether f ran out of memory.
func failed(f func()) (out bool) {
	defer func() {
		if v := recover(); v != nil {
			if _, out = v.(*arena.OutOfMemoryError); !out {
				panic(v)
			}
		}
	}()
	f()
	return false
}

// TestOutOfMemory fills trees in an arena that has room now and then. No failure
// may lose an entry or damage the tree, and removing must never fail.
func TestOutOfMemory(t *testing.T) {
	for _, weighted := range []bool{false, true} {
		t.Run(fmt.Sprintf("weighted=%v", weighted), func(t *testing.T) {
			m := newModel(t, weighted)
			m.a.Limit(8 << 20)
			outOfMemory(t, m)
		})
	}
}

func outOfMemory(t *testing.T, m *model) {
	random := rand.New(rand.NewPCG(11, 12))
	var fillers []arena.Ref
	fill := func() {
		for {
			fillers = append(fillers, m.a.Alloc(1<<16))
		}
	}
	failures := 0
	var c Cursor
	for i := range 20_000 {
		if failed(fill) && i%10 == 0 {
			last := len(fillers) - 1
			m.a.Free(fillers[last])
			fillers = fillers[:last]
		}
		p := item{key: 1 + random.Uint64N(1<<30), ref: arena.Ref(i + 1)}
		at := random.IntN(len(m.items) + 1)
		if m.ty.Weighted {
			m.x.SeekRank(&m.ty, &c, m.weight(at))
		} else {
			at, _ = slices.BinarySearchFunc(m.items, p, compareItems)
			m.x.SeekKey(&m.ty, &c, p.key)
		}
		if failed(func() { m.x.Insert(&m.ty, &c, p.entry()) }) {
			failures++
			if err := m.x.Check(&m.ty); err != nil {
				t.Fatal(err)
			}
		} else {
			m.items = slices.Insert(m.items, at, p)
		}
		if m.x.Len() != len(m.items) {
			t.Fatalf("%d entries, want %d", m.x.Len(), len(m.items))
		}
		if i%8 == 0 && len(m.items) > 0 {
			at := random.IntN(len(m.items))
			m.goTo(&c, at)
			for range min(len(m.items)-at, random.IntN(10)) {
				m.x.Remove(&m.ty, &c)
				m.items = slices.Delete(m.items, at, at+1)
				m.at(&c, at, "Remove")
			}
		}
	}
	if failures == 0 {
		t.Error("memory never ran out")
	}
	t.Logf("%d of 20000 insertions failed, %d entries", failures, len(m.items))
	m.check()
	m.goTo(&c, 0)
	for len(m.items) > 0 {
		m.x.Remove(&m.ty, &c)
		m.items = m.items[1:]
		m.at(&c, 0, "Remove")
	}
	if m.x != (Tree{}) {
		t.Errorf("tree %+v", m.x)
	}
}

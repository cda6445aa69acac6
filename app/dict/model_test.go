package dict

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// A model is a table beside a Go map that must always hold the same.
type model struct {
	t       *testing.T
	a       *arena.Arena
	typ     *Type
	d       Dict
	refs    map[string]arena.Ref
	records int64 // arena bytes of all records
	pauses  int
}

// newModel has a table in an arena that finds wrong uses of memory.
func newModel(t *testing.T, keyOffset int, expiry bool) *model {
	a := arena.NewChecked()
	t.Cleanup(a.Close)
	return &model{t: t, a: a, typ: NewType(a, keyOffset, expiry), refs: map[string]arena.Ref{}}
}

// modelKey is key i: most are short, some empty or with a length of two bytes.
func modelKey(i int) string {
	switch i % 16 {
	case 0:
		return strings.Repeat("k", i/16*64%512)
	case 1:
		return fmt.Sprintf("%0*d", 126+i/16%5, i)
	}
	return fmt.Sprintf("key:%d", i)
}

func (m *model) find(key string) arena.Ref { return m.d.Find(m.typ, m.typ.Hash(key), key) }

func (m *model) newRecord(key string) arena.Ref {
	r := newRecord(m.typ, key, "value", m.typ.Expiry && len(key)%2 == 1)
	m.records += int64(m.a.Cap(r))
	return r
}

func (m *model) freeRecord(r arena.Ref) {
	m.records -= int64(m.a.Cap(r))
	m.a.Free(r)
}

// insert adds the key, or moves its record when it is there already.
func (m *model) insert(key string) {
	r := m.newRecord(key)
	if old, ok := m.refs[key]; ok {
		m.freeRecord(old)
		m.d.Replace(m.typ, m.typ.Hash(key), old, r)
	} else {
		m.d.Insert(m.typ, m.typ.Hash(key), r)
	}
	m.refs[key] = r
}

// remove frees the record first: Remove must not look at it.
func (m *model) remove(key string) {
	r, ok := m.refs[key]
	if !ok {
		return
	}
	m.freeRecord(r)
	m.d.Remove(m.typ, m.typ.Hash(key), r)
	delete(m.refs, key)
}

// forget checks that r is a record of the table and takes it out of the model.
func (m *model) forget(r arena.Ref) {
	key := m.typ.Key(r)
	if m.refs[key] != r {
		m.t.Fatalf("visited record %d of %q, which is %d", r, key, m.refs[key])
	}
	delete(m.refs, strings.Clone(key))
	m.freeRecord(r)
}

// scan checks that a whole SCAN returns each element once.
func (m *model) scan() {
	seen := map[arena.Ref]int{}
	cursor, calls := uint64(0), 0
	for {
		cursor = m.d.Scan(m.typ, cursor, func(r arena.Ref) { seen[r]++ })
		if calls++; cursor == 0 {
			break
		}
	}
	if want := max(1, m.d.Buckets()); calls != want {
		m.t.Fatalf("SCAN took %d calls for %d buckets", calls, want)
	}
	m.sameElements("Scan", seen)
}

func (m *model) all() {
	seen := map[arena.Ref]int{}
	for r := range m.d.All(m.typ) {
		seen[r]++
	}
	m.sameElements("All", seen)
}

func (m *model) sameElements(what string, seen map[arena.Ref]int) {
	m.t.Helper()
	if len(seen) != len(m.refs) {
		m.t.Fatalf("%s returned %d elements of %d", what, len(seen), len(m.refs))
	}
	for key, r := range m.refs {
		if seen[r] != 1 {
			m.t.Fatalf("%s returned %q %d times", what, key, seen[r])
		}
	}
}

// pause or resume, but never a third time in a row.
func (m *model) pause(on bool) {
	switch {
	case on && m.pauses < 2:
		m.d.PauseResize()
		m.pauses++
	case !on && m.pauses > 0:
		m.d.ResumeResize()
		m.pauses--
	}
}

func (m *model) drain(buckets int) {
	before := m.d.Len()
	if m.d.Drain(m.typ, buckets, m.forget) {
		m.pauses = 0
		if m.d != (Dict{}) || len(m.refs) != 0 {
			m.t.Fatalf("drained, but the table is %+v and %d elements were not visited", m.d, len(m.refs))
		}
	} else if m.d.Len() > before {
		m.t.Fatalf("drained from %d elements to %d", before, m.d.Len())
	}
}

// step executes one operation. Keys are few, so that they are hit often.
func (m *model) step(op byte, arg int) {
	key := modelKey(arg)
	switch op % 16 {
	case 0, 1, 2:
		m.insert(key)
	case 3, 4:
		m.remove(key)
	case 5: // a run of keys, to get big tables from short inputs
		for i := range arg % 256 {
			m.insert(modelKey(arg + i))
		}
	case 6:
		for i := range arg % 256 {
			m.remove(modelKey(arg + i))
		}
	case 7:
		m.pause(true)
	case 8, 9:
		m.pause(false)
	case 10:
		m.scan()
	case 11:
		m.all()
	case 12:
		if arg%8 == 0 {
			m.drain(arg / 8 % 64)
		}
	case 13:
		if r := m.d.Random(m.typ); r == 0 != (len(m.refs) == 0) || r != 0 && m.refs[m.typ.Key(r)] != r {
			m.t.Fatalf("random record %d of %d elements", r, len(m.refs))
		}
	case 14:
		m.d.Expand(m.typ, arg%1000)
	case 15:
		hashes := make([]uint64, arg%200)
		for i := range hashes {
			hashes[i] = m.typ.Hash(modelKey(arg + i))
		}
		m.d.Touch(m.typ, hashes)
		m.d.CatchUp(m.typ, arg%8)
	}
	if got, want := m.find(key), m.refs[key]; got != want {
		m.t.Fatalf("%q: found record %d, want %d", key, got, want)
	}
}

// check verifies everything.
func (m *model) check() {
	m.t.Helper()
	if err := m.d.Check(m.typ); err != nil {
		m.t.Fatal(err)
	}
	if m.d.Len() != len(m.refs) {
		m.t.Fatalf("%d elements, want %d", m.d.Len(), len(m.refs))
	}
	if got, want := m.a.Used(), m.records+m.d.Bytes(m.typ); got != want {
		m.t.Fatalf("the arena has %d bytes in use, records and table say %d", got, want)
	}
	for key, r := range m.refs {
		if m.find(key) != r || m.typ.Key(r) != key {
			m.t.Fatalf("%q: found record %d, want %d with key %q", key, m.find(key), r, m.typ.Key(r))
		}
	}
}

// finish resumes, catches up, checks the load, and drains.
func (m *model) finish() {
	m.t.Helper()
	for m.pauses > 0 {
		m.pause(false)
	}
	for !m.d.CatchUp(m.typ, 8) {
	}
	m.check()
	if n := m.d.Buckets(); m.d.Len()*2 > n*growLoadHalves || n > 1 && m.d.Len() < n*shrinkLoad {
		m.t.Fatalf("%d elements in %d buckets after catching up", m.d.Len(), n)
	}
	m.scan()
	for !m.d.Drain(m.typ, 3, m.forget) {
	}
	m.check()
	if m.a.Used() != 0 {
		m.t.Fatalf("%d bytes left in the arena", m.a.Used())
	}
}

func TestModel(t *testing.T) {
	for _, c := range []struct {
		keyOffset int
		expiry    bool
	}{{0, false}, {1, false}, {4, true}, {12, false}} {
		t.Run(fmt.Sprintf("keyOffset=%d", c.keyOffset), func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewPCG(seed, 0))
			m := newModel(t, c.keyOffset, c.expiry)
			for i := range 4000 {
				// Phases of growing and shrinking, so that all sizes occur.
				op := byte(rng.IntN(16))
				if shrinking := i/500%2 == 1; shrinking && op == 5 || !shrinking && op == 6 {
					op = 11 - op
				}
				m.step(op, rng.IntN(3000))
				if i%97 == 0 {
					m.check()
				}
			}
			m.finish()
		})
	}
}

// TestGrowAndShrink takes a table through the borders of segments and
// directories, up and down, with every element checked at each of them.
func TestGrowAndShrink(t *testing.T) {
	m := newModel(t, 0, false)
	sizes := []int{1, 2, 10, 11, 100, 9700, 9800, 19600, 40000, 38000, 8000, 4200, 4000, 1000, 10, 0, 500, 0}
	if testing.Short() {
		sizes = []int{1, 2, 10, 11, 100, 9800, 1000, 10, 0, 500, 0}
	}
	for _, n := range sizes {
		for i := m.d.Len(); i < n; i++ {
			m.insert(fmt.Sprintf("key:%d", i))
		}
		for i := m.d.Len() - 1; i >= n; i-- {
			m.remove(fmt.Sprintf("key:%d", i))
		}
		m.check()
	}
	if m.d != (Dict{}) || m.a.Used() != 0 {
		t.Errorf("the empty table is %+v, %d bytes in use", m.d, m.a.Used())
	}
}

// FuzzDict executes its input, three bytes an operation, on the model.
func FuzzDict(f *testing.F) {
	f.Add([]byte{0, 0, 1, 0, 0, 2, 3, 0, 1, 10, 0, 0})
	f.Add([]byte{5, 0, 255, 7, 0, 0, 5, 2, 255, 5, 4, 255, 8, 0, 0, 15, 0, 7, 6, 0, 255, 12, 0, 80})
	f.Add([]byte{14, 3, 200, 0, 0, 1, 13, 0, 0, 3, 0, 1, 14, 0, 100, 12, 0, 8})
	f.Fuzz(func(t *testing.T, input []byte) {
		m := newModel(t, 4, true)
		for i := 0; len(input) >= 3 && i < 300; i++ {
			m.step(input[0], int(input[1])<<8|int(input[2]))
			input = input[3:]
			if err := m.d.Check(m.typ); err != nil {
				t.Fatalf("operation %d: %v", i, err)
			}
		}
		m.check()
		m.finish()
	})
}

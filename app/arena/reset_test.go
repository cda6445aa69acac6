package arena

import (
	"testing"
)

// fillArena makes blocks of every kind.
func fillArena(a *Arena) (refs []Ref) {
	for n := 1; n <= 8<<20; n = n*3/2 + 1 {
		for range 5 {
			refs = append(refs, a.Alloc(n))
		}
	}
	return refs
}

func TestReset(t *testing.T) {
	for _, row := range []struct {
		name string
		new  func() *Arena
	}{{"plain", New}, {"checked", NewChecked}} {
		t.Run(row.name, func(t *testing.T) {
			a := row.new()
			defer a.Close()
			for range 3 {
				for _, r := range fillArena(a) {
					b := a.Bytes(r, a.Cap(r))
					b[0], b[len(b)-1] = 1, 1
				}
				a.Reset()
				if a.Used() != 0 {
					t.Errorf("%d bytes in use", a.Used())
				}
				if err := a.Check(); err != nil {
					t.Fatal(err)
				}
			}
			for a.Reclaim(1 << 20) {
			}
			if a.Mapped() != 0 {
				t.Errorf("%d bytes still mapped", a.Mapped())
			}
		})
	}
}

// What was freed one by one before must not come back as a free list.
func TestResetForgetsFreeBlocks(t *testing.T) {
	a := NewChecked()
	defer a.Close()
	for _, r := range fillArena(a) {
		a.Free(r)
	}
	a.Reset()
	for _, r := range fillArena(a) {
		a.Free(r)
	}
	if err := a.Check(); err != nil {
		t.Fatal(err)
	}
}

func TestResetSeesLateWrites(t *testing.T) {
	a := NewChecked()
	defer a.Close()
	b := a.Bytes(a.Alloc(100), 100)
	a.Reset()
	b[50] = 1
	if a.Check() == nil {
		t.Error("a write into a block from before the Reset went unseen")
	}
}

// The memory of small blocks is used again before more is asked of the system.
func TestResetKeepsMemory(t *testing.T) {
	a := New()
	defer a.Close()
	var mapped int64
	for range 3 {
		for range 500_000 {
			a.Alloc(100)
		}
		if mapped == 0 {
			mapped = a.Mapped()
		} else if a.Mapped() > mapped+chunkBytes { // the headers are made anew
			t.Errorf("%d bytes mapped, %d the first time", a.Mapped(), mapped)
		}
		a.Reset()
	}
}

package tree

import (
	"math/rand/v2"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// TestBytesPerEntry bounds the memory of trees filled in several orders, what
// the arena maps for them, and what is left after removals at random.
func TestBytesPerEntry(t *testing.T) {
	if testing.Short() {
		t.Skip("fills big trees")
	}
	const n = 200_000
	for _, row := range []struct {
		name       string
		most, left float64 // bytes an entry when full, and with one of ten left
	}{
		{"random", 14.6, 22},
		{"ascending", 13.7, 22},
		{"descending", 13.7, 22},
		{"two ascending", 14.8, 22},
		{"nearly ascending", 15.4, 22},
		{"nearly descending", 15.6, 22},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := arena.New()
			defer a.Close()
			ty := &Type{Arena: a, Tie: func(arena.Ref, string) int { return 0 }}
			random := rand.New(rand.NewPCG(1, 2))
			var x Tree
			var c Cursor
			for i := range n {
				key := orders[row.name](i, n, random)
				x.SeekKeyAfter(ty, &c, key)
				x.Insert(ty, &c, Entry{key, arena.Ref(i + 1)})
			}
			each := float64(x.Bytes()) / n
			t.Logf("%.2f bytes an entry, %.2f mapped, height %d", each, float64(a.Mapped())/n, x.height)
			if each > row.most {
				t.Errorf("%.2f bytes an entry, want at most %.2f", each, row.most)
			}
			for range n / 10 * 9 {
				x.SeekRank(ty, &c, random.Uint64N(x.Weight()))
				x.Remove(ty, &c)
			}
			left := float64(x.Bytes()) / float64(x.Len())
			t.Logf("%.2f bytes an entry with a tenth left", left)
			if left > row.left {
				t.Errorf("%.2f bytes an entry with a tenth left, want at most %.2f", left, row.left)
			}
			if err := x.Check(ty); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSmallTrees bounds the memory of trees of few entries.
func TestSmallTrees(t *testing.T) {
	for _, row := range []struct {
		entries uint64
		most    int64
	}{{1, 40}, {2, 48}, {3, 64}, {10, 168}, {50, 720}, {leafMax, 1024}, {100, 1700}, {200, 3200}} {
		a := arena.New()
		ty := &Type{Arena: a}
		var x Tree
		var c Cursor
		for i := range row.entries {
			key := i * 7919 % row.entries
			x.SeekKey(ty, &c, key)
			x.Insert(ty, &c, Entry{key, 1})
		}
		if x.Bytes() > row.most {
			t.Errorf("%d entries take %d bytes, want at most %d", row.entries, x.Bytes(), row.most)
		}
		a.Close()
	}
}

// TestLeavesFill wants sorted entries to leave full leaves behind, whether each
// place is sought or the cursor just goes on.
func TestLeavesFill(t *testing.T) {
	const n = 100 * leafMax
	for name, place := range map[string]func(x *Tree, ty *Type, c *Cursor, i int) uint64{
		"kept cursor": func(_ *Tree, ty *Type, c *Cursor, i int) uint64 {
			c.Next(ty)
			return uint64(i)
		},
		"sought": func(x *Tree, ty *Type, c *Cursor, i int) uint64 {
			x.SeekKey(ty, c, uint64(i))
			return uint64(i)
		},
		"descending": func(x *Tree, ty *Type, c *Cursor, i int) uint64 {
			x.First(ty, c)
			return uint64(n - i)
		},
	} {
		a := arena.New()
		ty := &Type{Arena: a}
		var x Tree
		var c Cursor
		x.First(ty, &c)
		for i := range n {
			key := place(&x, ty, &c, i)
			x.Insert(ty, &c, Entry{key, 1})
		}
		if err := x.Check(ty); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if most := int64(100*nodeBytes + 8*nodeBytes); x.Bytes() > most {
			t.Errorf("%s: %d bytes, want at most %d", name, x.Bytes(), most)
		}
		a.Close()
	}
}

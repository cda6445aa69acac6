package arena

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"unsafe"
)

// residentBytes reads this process's resident memory from the system.
func residentBytes(t *testing.T) int64 {
	t.Helper()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc/self/statm here: ", err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

func touch(a *Arena, r Ref) {
	b := a.Bytes(r, a.Cap(r))
	for i := 0; i < len(b); i += pageBytes {
		b[i] = 1
	}
}

func TestReclaimGivesBackMemory(t *testing.T) {
	for _, row := range []struct {
		name  string
		size  int
		count int
	}{
		{"small", 100, 600_000}, {"class", 20_000, 3000}, {"span", 100_000, 600}, {"mapped", 60 << 20, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := New()
			defer a.Close()
			before := residentBytes(t)
			refs := make([]Ref, row.count)
			for i := range refs {
				refs[i] = a.Alloc(row.size)
				touch(a, refs[i])
			}
			full := residentBytes(t) - before
			if full < 50<<20 {
				t.Fatalf("%d bytes resident for %d in use", full, a.Used())
			}
			for _, r := range refs {
				a.Free(r)
			}
			if a.Used() != 0 {
				t.Fatalf("%d bytes in use", a.Used())
			}
			steps := 0
			for a.Reclaim(1 << 20) {
				steps++
			}
			// The table of references is this test's own.
			rest := residentBytes(t) - before - int64(8*row.count)
			if pagewise && rest > 20<<20 {
				t.Errorf("%d bytes resident after Reclaim", rest)
			}
			if want := int64(2*chunkBytes + headerSlabBytes); a.Mapped() > want {
				t.Errorf("%d bytes mapped after Reclaim, want at most %d", a.Mapped(), want)
			}
			if pagewise && steps < 40 {
				t.Errorf("60 MB went back in %d steps of 1 MB", steps)
			}
			mustCheck(t, a)
		})
	}
}

// TestReclaimPartOfChunks frees every other run's worth of blocks.
func TestReclaimPartOfChunks(t *testing.T) {
	if !pagewise {
		t.Skip("memory goes back by whole chunks here")
	}
	a := New()
	defer a.Close()
	refs := make([]Ref, 1000)
	for i := range refs {
		refs[i] = a.Alloc(runBytes)
		touch(a, refs[i])
	}
	full := residentBytes(t)
	for i := 0; i < len(refs); i += 2 {
		a.Free(refs[i])
	}
	for a.Reclaim(256 << 10) {
	}
	if saved := full - residentBytes(t); saved < 400*runBytes {
		t.Errorf("%d bytes given back of %d freed", saved, 500*runBytes)
	}
	mustCheck(t, a)
}

func TestReclaimZeroOnlyAsks(t *testing.T) {
	a := New()
	defer a.Close()
	a.Free(a.Alloc(10 << 20))
	mapped := a.Mapped()
	if !a.Reclaim(0) {
		t.Error("there is nothing to reclaim")
	}
	if a.Mapped() != mapped {
		t.Error("something was unmapped")
	}
}

func TestSpareServesAgain(t *testing.T) {
	modes(t, func(t *testing.T, a *Arena) {
		a.Alloc(1)
		a.Free(a.Alloc(12 << 20))
		mapped := a.Mapped()
		r := a.Alloc(12 << 20)
		if a.Mapped() != mapped {
			t.Errorf("mapped %d bytes, want %d", a.Mapped(), mapped)
		}
		a.Free(r)
		if !pagewise {
			return
		}
		// As two chunks and a smaller block.
		for range 2*chunkRuns + 20 {
			a.Alloc(runBytes)
		}
		a.Alloc(4 << 20)
		if a.Mapped() != mapped {
			t.Errorf("mapped %d bytes, want %d", a.Mapped(), mapped)
		}
	})
}

func TestReclaimWhenUnmapIsRefused(t *testing.T) {
	if !pagewise {
		t.Skip("needs mappings at will")
	}
	a := New()
	refs := make([]Ref, 3*chunkRuns)
	for i := range refs {
		refs[i] = a.Alloc(runBytes)
	}
	for _, r := range refs {
		a.Free(r)
	}
	a.Free(a.Alloc(5 << 20))
	// An address that is not a page's start is refused by every system.
	good := a.memory.spare[0]
	a.memory.spare[0] = span{unsafe.Add(good.base, 8), good.bytes}
	for range 100 {
		if !a.Reclaim(1 << 20) {
			break
		}
	}
	if a.Reclaim(1 << 30) {
		t.Error("Reclaim has more to do though the system refuses")
	}
	if a.dirtyRuns > dirtyKept {
		t.Errorf("%d runs keep their pages", a.dirtyRuns)
	}
	a.memory.spare[0] = good
	for a.Reclaim(1 << 20) {
	}
	mustCheck(t, a)
	a.Close()
}

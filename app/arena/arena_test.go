package arena

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"runtime"
	"testing"
)

// modes runs a test in the arena's two modes.
func modes(t *testing.T, test func(t *testing.T, a *Arena)) {
	for name, make := range map[string]func() *Arena{"plain": New, "checked": NewChecked} {
		t.Run(name, func(t *testing.T) {
			a := make()
			defer a.Close()
			test(t, a)
			mustCheck(t, a)
		})
	}
}

func mustCheck(t *testing.T, a *Arena) {
	t.Helper()
	if err := a.Check(); err != nil {
		t.Fatal(err)
	}
}

func TestClasses(t *testing.T) {
	last := int(classes.units[numClasses-1]) * unitBytes
	if last != classMax {
		t.Fatalf("last class has %d bytes, want %d", last, classMax)
	}
	for n := 1; n <= classMax; n++ {
		c := classOf(n)
		size := int(classes.units[c]) * unitBytes
		below := int(classes.units[c-1]) * unitBytes
		if size < n || below >= n {
			t.Fatalf("%d bytes are in class %d of %d, the one below has %d", n, c, size, below)
		}
		if RoundUp(n) != size {
			t.Fatalf("RoundUp(%d) = %d, want %d", n, RoundUp(n), size)
		}
	}
}

func TestRoundUp(t *testing.T) {
	for _, row := range []struct{ in, want int }{
		{1, 8}, {8, 8}, {9, 16}, {128, 128}, {129, 136}, {256, 256}, {257, 288},
		{1024, 1024}, {1025, 1152}, {4096, 4096}, {4097, 4352}, {32768, 32768},
		{32769, 36864}, {1 << 20, 1 << 20}, {1<<21 + 1, 1<<21 + 4096}, {10_000_000, 10_002_432},
	} {
		t.Run(fmt.Sprint(row.in), func(t *testing.T) {
			if got := RoundUp(row.in); got != row.want {
				t.Errorf("got %d, want %d", got, row.want)
			}
		})
	}
}

func TestAllocSizes(t *testing.T) {
	modes(t, func(t *testing.T, a *Arena) {
		var refs []Ref
		var used int64
		for n := 1; n < 20<<20; n += n/3 + 1 {
			r := a.Alloc(n)
			refs = append(refs, r)
			if r == 0 || r >= 1<<refBits {
				t.Fatalf("Alloc(%d) = %#x", n, r)
			}
			if a.Cap(r) != RoundUp(n) || a.Cap(r) < n {
				t.Fatalf("Alloc(%d) gave %d bytes, RoundUp says %d", n, a.Cap(r), RoundUp(n))
			}
			if uintptr(a.Ptr(r))%unitBytes != 0 {
				t.Fatalf("Alloc(%d) is at %p", n, a.Ptr(r))
			}
			used += int64(a.Cap(r))
			if a.Used() != used {
				t.Fatalf("Used() = %d, want %d", a.Used(), used)
			}
			b := a.Bytes(r, a.Cap(r))
			b[0], b[len(b)-1] = 1, 2
		}
		mustCheck(t, a)
		for _, r := range refs {
			used -= int64(a.Cap(r))
			a.Free(r)
			if a.Used() != used {
				t.Fatalf("Used() = %d, want %d", a.Used(), used)
			}
		}
	})
}

func TestEmptyArenaMapsNothing(t *testing.T) {
	a := New()
	defer a.Close()
	if a.Mapped() != 0 || a.Used() != 0 || a.Ptr(0) != nil {
		t.Errorf("mapped %d, used %d, Ptr(0) %p", a.Mapped(), a.Used(), a.Ptr(0))
	}
	if a.Reclaim(1 << 30) {
		t.Error("an empty arena has something to reclaim")
	}
	mustCheck(t, a)
}

func TestRunServesAnyClass(t *testing.T) {
	modes(t, func(t *testing.T, a *Arena) {
		for n := 8; n <= classMax; n += 56 {
			refs := []Ref{a.Alloc(n), a.Alloc(n), a.Alloc(n)}
			for _, r := range refs {
				a.Free(r)
			}
		}
		for a.Reclaim(1 << 20) {
		}
		// Every class has been used, each run of it has been freed.
		if a.headers[1].free != ^uint64(0) {
			t.Errorf("free runs %064b", a.headers[1].free)
		}
		if want := int64(chunkBytes + headerSlabBytes); a.Mapped() != want {
			t.Errorf("mapped %d, want %d", a.Mapped(), want)
		}
	})
}

func TestSpansFillAChunk(t *testing.T) {
	modes(t, func(t *testing.T, a *Arena) {
		var refs []Ref
		for range 4 * chunkRuns {
			refs = append(refs, a.Alloc(runBytes))
		}
		if want := int64(4*chunkBytes + headerSlabBytes); a.Mapped() != want {
			t.Fatalf("mapped %d, want %d", a.Mapped(), want)
		}
		// Holes of three runs in the full chunks are used before new chunks.
		for i := 0; i+3 <= len(refs); i += 8 {
			for _, r := range refs[i : i+3] {
				a.Free(r)
			}
		}
		for range 4 * chunkRuns / 8 {
			a.Alloc(3*runBytes - 100)
		}
		if want := int64(4*chunkBytes + headerSlabBytes); a.Mapped() != want {
			t.Errorf("mapped %d, want %d", a.Mapped(), want)
		}
	})
}

func TestSlotsAreUsedAgain(t *testing.T) {
	modes(t, func(t *testing.T, a *Arena) {
		big := func(slots int) Ref { return a.Alloc(slots*chunkBytes - 4096) }
		var refs []Ref
		for range 40 {
			refs = append(refs, big(3))
		}
		if len(a.chunks) != 121 {
			t.Fatalf("%d slots in the table, want 121", len(a.chunks))
		}
		// Neighbouring free ranges are one: 11 slots at the word's boundary too.
		for _, r := range refs[19:23] {
			a.Free(r)
		}
		if got := int(big(11) / chunkUnits); got != 1+19*3 {
			t.Errorf("block of 11 slots at slot %d, want %d", got, 1+19*3)
		}
		if got := int(big(1) / chunkUnits); got != 1+19*3+11 {
			t.Errorf("block of 1 slot at slot %d, want %d", got, 1+19*3+11)
		}
		// A free range at the end of the table is where the table grows.
		a.Free(refs[39])
		if got := int(big(5) / chunkUnits); got != 118 {
			t.Errorf("block of 5 slots at slot %d, want 118", got)
		}
		if len(a.chunks) != 123 {
			t.Errorf("%d slots in the table, want 123", len(a.chunks))
		}
	})
}

func TestResizeKeepsContents(t *testing.T) {
	modes(t, func(t *testing.T, a *Arena) {
		sizes := []int{1, 100, 5000, 40_000, 70_000, 500_000, 2 << 20, 3 << 20, 9 << 20, 30 << 20,
			10 << 20, 4<<20 + 1, 2<<20 - 1, 90_000, 65_536, 40_000, 33_000, 4000, 10}
		r := a.Alloc(sizes[0])
		fillPattern(a.Bytes(r, sizes[0]), 7)
		for i, n := range sizes[1:] {
			r = a.Resize(r, sizes[i], n)
			if a.Cap(r) != RoundUp(n) || a.Used() != int64(RoundUp(n)) {
				t.Fatalf("resized to %d: Cap %d, Used %d", n, a.Cap(r), a.Used())
			}
			checkPattern(t, a.Bytes(r, min(sizes[i], n)), 7)
			fillPattern(a.Bytes(r, n), 7)
			mustCheck(t, a)
		}
		a.Free(r)
	})
}

func TestResizeSpanInPlace(t *testing.T) {
	a := New()
	defer a.Close()
	r := a.Alloc(100_000)
	for _, n := range []int{40_000, 70_000, 1 << 20, 2 << 20, 300_000} {
		if got := a.Resize(r, 0, n); got != r {
			t.Errorf("resizing to %d moved the block", n)
		}
	}
	mustCheck(t, a)
	a.Alloc(1 << 20)
	blocker := a.Alloc(100_000)
	if got := a.Resize(blocker, 0, 90_000); got != blocker {
		t.Error("shrinking within its runs moved the block")
	}
	mustCheck(t, a)
}

func TestResizeMappedWithoutCopy(t *testing.T) {
	if !pagewise {
		t.Skip("mappings cannot grow here")
	}
	a := New()
	defer a.Close()
	r := a.Alloc(3 << 20)
	blocker := a.Alloc(3 << 20) // takes the slot behind r
	fillPattern(a.Bytes(r, 3<<20), 1)
	moved := a.Resize(r, 3<<20, 9<<20)
	if moved == r || moved/chunkUnits != 3 {
		t.Errorf("block at slot %d, want 3", moved/chunkUnits)
	}
	checkPattern(t, a.Bytes(moved, 3<<20), 1)
	if again := a.Resize(moved, 3<<20, 40<<20); again != moved {
		t.Error("the block moved though the slots behind it were free")
	}
	checkPattern(t, a.Bytes(moved, 3<<20), 1)
	if len(a.memory.spare) != 0 {
		t.Error("a copy was made")
	}
	a.Free(blocker)
	mustCheck(t, a)
}

// AllocZero gives zeros where there were none before, in blocks of all kinds.
func TestAllocZero(t *testing.T) {
	for _, checked := range []bool{false, true} {
		a := New()
		if checked {
			a = NewChecked()
		}
		for _, n := range []int{1, 8, 100, classMax, classMax + 1, spanMax, spanMax + 1, 3 * chunkBytes} {
			for range 2 {
				ref := a.AllocZero(n)
				b := a.Bytes(ref, n)
				if i := bytes.IndexFunc(b, func(r rune) bool { return r != 0 }); i >= 0 {
					t.Fatalf("checked %v: byte %d of %d is %#x", checked, i, n, b[i])
				}
				for i := range b {
					b[i] = 0xff
				}
				a.Free(ref)
			}
		}
		if err := a.Check(); err != nil {
			t.Error(err)
		}
		a.Close()
	}
}

func TestOutOfMemory(t *testing.T) {
	modes(t, func(t *testing.T, a *Arena) {
		small, span, big := a.Alloc(100), a.Alloc(spanMax), a.Alloc(3<<20)
		a.Limit(a.Mapped())
		for name, fails := range map[string]func(){
			"span":    func() { a.Alloc(spanMax) },
			"mapped":  func() { a.Alloc(5 << 20) },
			"too big": func() { a.Alloc(math.MaxInt) },
			"resize":  func() { a.Resize(span, 10, math.MaxInt/2) },
			"grow":    func() { a.Resize(big, 10, 20<<20) },
			"class": func() {
				for {
					a.Alloc(100)
				}
			},
		} {
			if err := outOfMemory(fails); err == nil {
				t.Errorf("%s: no *OutOfMemoryError", name)
			}
			mustCheck(t, a)
		}
		// One header is left from the attempts above, and none in the slab.
		a.Limit(0)
		taken := a.Alloc(5 << 20)
		a.memory.carved = headerSlabBytes
		a.Limit(a.Mapped())
		if err := outOfMemory(func() { a.Alloc(5 << 20) }); err == nil || err.Bytes != headerSlabBytes {
			t.Errorf("no header: %v", err)
		}
		mustCheck(t, a)
		a.Limit(0)
		for _, r := range []Ref{small, span, big, taken, a.Alloc(5 << 20)} {
			a.Free(r)
		}
	})
}

// outOfMemory returns the error that f panics with.
func outOfMemory(f func()) (err *OutOfMemoryError) {
	defer func() {
		if e, ok := recover().(error); ok {
			errors.As(e, &err)
		}
	}()
	f()
	return nil
}

func TestOutOfMemoryReclaimsFirst(t *testing.T) {
	a := New()
	defer a.Close()
	a.Free(a.Alloc(40 << 20))
	a.Limit(45 << 20)
	// It fits only once the one before, too small to serve, has been given back.
	if err := outOfMemory(func() { a.Free(a.Alloc(44 << 20)) }); err != nil {
		t.Error(err)
	}
	mustCheck(t, a)
}

func TestClose(t *testing.T) {
	modes(t, func(t *testing.T, _ *Arena) {
		a := New()
		a.Alloc(10)
		a.Alloc(10 << 20)
		a.Free(a.Alloc(5 << 20))
		release := a.Releaser()
		a.Close()
		a.Close()
		release()
		if a.Mapped() != 0 || a.Used() != 0 {
			t.Errorf("mapped %d, used %d after Close", a.Mapped(), a.Used())
		}
	})
}

func TestReleaserOutlivesTheArena(t *testing.T) {
	released := make(chan int64, 1)
	func() {
		a := New()
		a.Alloc(10)
		a.Alloc(10 << 20)
		m := a.memory
		release := a.Releaser()
		runtime.AddCleanup(a, func(struct{}) {
			release()
			released <- m.mapped
		}, struct{}{})
	}()
	for {
		runtime.GC()
		select {
		case mapped := <-released:
			if mapped != 0 {
				t.Errorf("%d bytes are still mapped", mapped)
			}
			return
		default:
			runtime.Gosched()
		}
	}
}

func fillPattern(b []byte, seed byte) {
	for i := range b {
		b[i] = byte(i*7) + byte(i>>8) + seed
	}
}

func checkPattern(t *testing.T, b []byte, seed byte) {
	t.Helper()
	for i := range b {
		if b[i] != byte(i*7)+byte(i>>8)+seed {
			t.Fatalf("byte %d of %d is %#x, want %#x", i, len(b), b[i], byte(i*7)+byte(i>>8)+seed)
		}
	}
}

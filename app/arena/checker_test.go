package arena

import (
	"fmt"
	"strings"
	"testing"
)

// panicText returns what f panics with, "" when it does not.
func panicText(f func()) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprint(v)
		}
	}()
	f()
	return ""
}

func TestCheckedFree(t *testing.T) {
	for _, n := range []int{8, 100, 30_000, 50_000, 500_000, 3 << 20, 9 << 20} {
		for name, free := range map[string]func(a *Arena, r Ref){
			"twice":            func(a *Arena, r Ref) { a.Free(r); a.Free(r) },
			"twice, reclaimed": func(a *Arena, r Ref) { a.Free(r); a.Reclaim(1 << 30); a.Free(r) },
			"inside":           func(a *Arena, r Ref) { a.Free(r + Ref(RoundUp(n)/unitBytes) - 1) },
			"behind":           func(a *Arena, r Ref) { a.Free(r + Ref(RoundUp(n)/unitBytes)) },
			"nil":              func(a *Arena, r Ref) { a.Free(0) },
			"never there":      func(a *Arena, r Ref) { a.Free(1<<refBits - 1) },
		} {
			if n == 8 && name == "inside" {
				continue // one unit has no inside
			}
			t.Run(fmt.Sprintf("%d %s", n, name), func(t *testing.T) {
				a := NewChecked()
				defer a.Close()
				r := a.Alloc(n)
				if text := panicText(func() { free(a, r) }); !strings.Contains(text, "no block") {
					t.Errorf("panic %q", text)
				}
			})
		}
	}
}

// TestPlainFree: without checking mode too, what the records show is refused.
func TestPlainFree(t *testing.T) {
	for _, n := range []int{50_000, 500_000, 3 << 20, 9 << 20} {
		a := New()
		r := a.Alloc(n)
		a.Free(r)
		if text := panicText(func() { a.Free(r) }); text == "" {
			t.Errorf("freed a block of %d bytes twice", n)
		}
		a.Close()
	}
}

func TestWriteAfterFree(t *testing.T) {
	for _, n := range []int{8, 100, 30_000, 50_000, 500_000, 3 << 20, 9 << 20} {
		for _, at := range []int{0, 1, n / 2, n - 1} {
			t.Run(fmt.Sprintf("%d at %d", n, at), func(t *testing.T) {
				checkWriteAfterFree(t, n, at)
			})
		}
	}
}

// checkWriteAfterFree wants Check, the next Alloc of the memory and Reclaim to
// see the write.
func checkWriteAfterFree(t *testing.T, n, at int) {
	for name, detect := range map[string]func(a *Arena) string{
		"Check":   func(a *Arena) string { return fmt.Sprint(a.Check()) },
		"Alloc":   func(a *Arena) string { return panicText(func() { a.Alloc(n) }) },
		"Reclaim": func(a *Arena) string { return panicText(func() { a.Reclaim(1 << 30) }) },
	} {
		if name == "Reclaim" && !pagewise && n > classMax && n <= spanMax {
			continue // runs are not given back one by one
		}
		a := NewChecked()
		keep := a.Alloc(n)
		r := a.Alloc(n)
		late := a.Bytes(r, n)
		var others []Ref
		if n > classMax && n <= spanMax {
			for range 2 * dirtyKept {
				others = append(others, a.Alloc(n))
			}
		}
		a.Free(r)
		if name == "Reclaim" {
			// The run must empty for Reclaim to look at it, and more runs than
			// Reclaim leaves alone.
			a.Free(keep)
			for _, other := range others {
				a.Free(other)
			}
		}
		late[at] ^= 0x5A
		if text := detect(a); !strings.Contains(text, "write after free") {
			t.Errorf("%s: %q", name, text)
		}
		a.Close()
	}
}

func TestCheckedFillsBlocks(t *testing.T) {
	a := NewChecked()
	defer a.Close()
	r := a.Alloc(64)
	b := a.Bytes(r, 64)
	for i := range b {
		if b[i] != garbageByte {
			t.Fatalf("new block: byte %d is %#x", i, b[i])
		}
	}
	a.Free(r)
	for i := linkBytes; i < len(b); i++ {
		if b[i] != poisonByte {
			t.Fatalf("freed block: byte %d is %#x", i, b[i])
		}
	}
}

func TestCheckedResizeMoves(t *testing.T) {
	a := NewChecked()
	defer a.Close()
	for _, n := range []int{10, 40_000, 5 << 20} {
		r := a.Alloc(n)
		if a.Resize(r, n, n) == r {
			t.Errorf("block of %d bytes stayed", n)
		}
	}
	mustCheck(t, a)
}

// TestCheckFinds damages records and wants Check to say so.
func TestCheckFinds(t *testing.T) {
	for name, damage := range map[string]func(a *Arena, small, span, big Ref){
		"used":       func(a *Arena, _, _, _ Ref) { a.used++ },
		"mapped":     func(a *Arena, _, _, _ Ref) { a.memory.mapped++ },
		"live":       func(a *Arena, small, _, _ Ref) { a.run(uint32(small/runUnits)).live++ },
		"bump":       func(a *Arena, small, _, _ Ref) { a.run(uint32(small/runUnits)).bump++ },
		"class":      func(a *Arena, small, _, _ Ref) { a.run(uint32(small/runUnits)).class++ },
		"free list":  func(a *Arena, small, _, _ Ref) { a.run(uint32(small / runUnits)).free = 7 },
		"unlisted":   func(a *Arena, small, _, _ Ref) { a.unlist(a.run(uint32(small / runUnits))) },
		"tail":       func(a *Arena, _, span, _ Ref) { a.run(uint32(span/runUnits) + 1).class = 1 },
		"pages":      func(a *Arena, _, span, _ Ref) { a.run(uint32(span / runUnits)).live += 40 },
		"free bits":  func(a *Arena, _, _, _ Ref) { a.headers[1].free ^= 1 },
		"dirty bits": func(a *Arena, _, _, _ Ref) { a.headers[1].dirty |= 1 },
		"longest":    func(a *Arena, _, _, _ Ref) { a.headers[1].longest-- },
		"stretches":  func(a *Arena, _, _, _ Ref) { a.stretchSet ^= 1 },
		"emptied":    func(a *Arena, _, _, _ Ref) { a.emptied++ },
		"dirty runs": func(a *Arena, _, _, _ Ref) { a.dirtyRuns++ },
		"dirty list": func(a *Arena, _, _, _ Ref) { a.dirty = 0 },
		"slot":       func(a *Arena, _, _, _ Ref) { a.freeSlots[0] |= 2 },
		"base":       func(a *Arena, _, _, big Ref) { a.chunks[big/chunkUnits+1] = nil },
		"size":       func(a *Arena, _, _, big Ref) { a.headers[big/chunkUnits].mapped -= 2 * chunkBytes },
		"table":      func(a *Arena, _, _, _ Ref) { a.headers = append(a.headers, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			if name == "dirty list" && !pagewise {
				t.Skip("no run is dirty here")
			}
			a := New()
			small, span, big := a.Alloc(100), a.Alloc(200_000), a.Alloc(9<<20)
			a.Free(a.Alloc(100_000))
			mustCheck(t, a)
			damage(a, small, span, big)
			if a.Check() == nil {
				t.Error("Check found nothing")
			}
		})
	}
}

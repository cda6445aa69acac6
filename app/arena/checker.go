package arena

import (
	"bytes"
	"fmt"
	"unsafe"
)

// What checking mode fills memory with.
const (
	poisonByte  = 0xDB // freed
	garbageByte = 0xA5 // handed out, not yet written
)

// What memory is filled from and compared with, piece by piece.
var (
	poisoned = bytes.Repeat([]byte{poisonByte}, runBytes)
	garbage  = bytes.Repeat([]byte{garbageByte}, runBytes)
)

// A checker knows what a correct caller cannot get wrong. It lives on the Go
// heap and is slow; only tests have one.
type checker struct {
	live  map[Ref]struct{} // every block
	freed map[Ref]uint16   // blocks of classes on a free list, and the link each holds
	empty map[uint32]int   // free runs by the number of their first bytes that are poison
}

func newChecker() *checker {
	return &checker{live: map[Ref]struct{}{}, freed: map[Ref]uint16{}, empty: map[uint32]int{}}
}

// linkBytes of a freed block hold the free list's link.
const linkBytes = 2

// bytes returns the memory of a span.
func (s span) memory() []byte { return unsafe.Slice((*byte)(s.base), s.bytes) }

// blockSpan returns the memory of a block.
func (a *Arena) blockSpan(ref Ref) span { return span{a.Ptr(ref), a.Cap(ref)} }

// runSpan returns the first n bytes of a run.
func (a *Arena) runSpan(i uint32, n int) span {
	return span{a.Ptr(Ref(i) << (runShift - unitShift)), n}
}

// poison fills freed memory.
func poison(s span) { fillFrom(s, poisoned) }

func fillFrom(s span, pattern []byte) {
	for b := s.memory(); len(b) > 0; {
		b = b[copy(b, pattern):]
	}
}

// written reports whether poisoned memory holds anything else.
func written(s span) bool {
	for b := s.memory(); len(b) > 0; {
		n := min(len(b), len(poisoned))
		if !bytes.Equal(b[:n], poisoned[:n]) {
			return true
		}
		b = b[n:]
	}
	return false
}

// writtenFreed reports whether a block on a free list was written to.
func (a *Arena) writtenFreed(ref Ref) bool {
	s := a.blockSpan(ref)
	link := *(*uint16)(s.base)
	return link != a.checks.freed[ref] ||
		written(span{unsafe.Add(s.base, linkBytes), s.bytes - linkBytes})
}

// checkPoison panics when spare memory was written to.
func (a *Arena) checkPoison(s span) {
	if written(s) {
		panic(fmt.Sprintf("arena: write after free in %d bytes at %p", s.bytes, s.base))
	}
}

// checkAlloc notes a new block and fills it.
func (a *Arena) checkAlloc(ref Ref) {
	if _, ok := a.checks.live[ref]; ok {
		panic(fmt.Sprintf("arena: block %#x handed out twice", ref))
	}
	a.checks.live[ref] = struct{}{}
	fillFrom(a.blockSpan(ref), garbage)
}

// checkFree panics unless ref is a block. It poisons it.
func (a *Arena) checkFree(ref Ref) {
	if _, ok := a.checks.live[ref]; !ok {
		panic(fmt.Sprintf("arena: Free of %#x, which is no block or was freed before", ref))
	}
	delete(a.checks.live, ref)
	poison(a.blockSpan(ref))
}

// checkFreed panics when a block about to leave its free list was written to.
func (a *Arena) checkFreed(ref Ref) {
	if a.writtenFreed(ref) {
		panic(fmt.Sprintf("arena: write after free in block %#x", ref))
	}
	delete(a.checks.freed, ref)
}

// checkDropped turns a run of freed blocks into poison.
func (a *Arena) checkDropped(i uint32, r *run) {
	start := Ref(i) << (runShift - unitShift)
	for at := Ref(0); at < Ref(r.bump); at += Ref(classes.units[r.class]) {
		a.checkFreed(start + at)
	}
	a.checks.empty[i] = int(r.bump) << unitShift
	poison(a.runSpan(i, int(r.bump)<<unitShift))
}

// checkFreedSpan notes the poison of a freed span.
func (a *Arena) checkFreedSpan(first uint32, pages int) {
	for ; pages > 0; pages -= runPages {
		a.checks.empty[first] = min(pages, runPages) << pageShift
		first++
	}
}

// checkTaken panics when free runs about to be used or given back were written to.
func (a *Arena) checkTaken(first uint32, n int) {
	for i := first; i < first+uint32(n); i++ {
		if written(a.runSpan(i, a.checks.empty[i])) {
			panic(fmt.Sprintf("arena: write after free in run %#x", i))
		}
		delete(a.checks.empty, i)
	}
}

// checkPoisoned verifies the poison of all that is free, and the live blocks' records.
func (a *Arena) checkPoisoned() error {
	var used int64
	for ref := range a.checks.live {
		used += int64(a.Cap(ref))
	}
	if used != a.used {
		return fmt.Errorf("arena: %d bytes in use, blocks make %d", a.used, used)
	}
	for ref := range a.checks.freed {
		if a.writtenFreed(ref) {
			return fmt.Errorf("arena: write after free in block %#x", ref)
		}
	}
	for i, n := range a.checks.empty {
		if written(a.runSpan(i, n)) {
			return fmt.Errorf("arena: write after free in run %#x", i)
		}
	}
	for _, s := range a.memory.spare {
		if written(s) {
			return fmt.Errorf("arena: write after free in %d bytes at %p", s.bytes, s.base)
		}
	}
	return nil
}

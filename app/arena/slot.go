package arena

import (
	"math/bits"
	"unsafe"
)

// findSlots returns the first of n consecutive free slots, the lowest there
// are; they may lie beyond the end of the tables. It panics with an
// *OutOfMemoryError when no Ref reaches them.
func (a *Arena) findSlots(n int) int {
	first := a.lowestSlots(n)
	if first+n > slotsMax {
		panic(&OutOfMemoryError{Bytes: n * chunkBytes})
	}
	return first
}

// lowestSlots walks the stretches of free slots.
func (a *Arena) lowestSlots(n int) int {
	start, length := 0, 0 // of the stretch that ends where the walk is
	for w, word := range a.freeSlots {
		if word == 0 {
			length = 0
			continue
		}
		for at := 0; at < 64; {
			rest := word >> at
			if rest&1 == 0 {
				length = 0
				if rest == 0 {
					break
				}
				at += bits.TrailingZeros64(rest)
				continue
			}
			if length == 0 {
				start = w*64 + at
			}
			ones := bits.TrailingZeros64(^rest)
			length += ones
			if at += ones; length >= n {
				return start
			}
		}
	}
	// The last word's bits beyond the tables are 0, so a free stretch at the
	// end of the tables is looked at again.
	start = len(a.chunks)
	for start > 1 && a.slotFree(start-1) {
		start--
	}
	return start
}

// slotFree reports whether a slot of the tables is free.
func (a *Arena) slotFree(slot int) bool { return a.freeSlots[slot/64]>>(slot%64)&1 != 0 }

// slotsFree reports whether the n slots from first are free or not yet there.
func (a *Arena) slotsFree(first, n int) bool {
	for slot := first; slot < min(first+n, len(a.chunks)); slot++ {
		if !a.slotFree(slot) {
			return false
		}
	}
	return first+n <= slotsMax
}

// growTables makes room for the slots below end; the new ones are free.
func (a *Arena) growTables(end int) {
	for slot := len(a.chunks); slot < end; slot++ {
		a.chunks = append(a.chunks, nil)
		a.headers = append(a.headers, nil)
		a.memory.bySlot = append(a.memory.bySlot, span{})
		if slot%64 == 0 {
			a.freeSlots = append(a.freeSlots, 0)
		}
		a.freeSlots[slot/64] |= 1 << (slot % 64)
	}
}

// needHeader gives the slot a header, which stays when the slot is freed. It
// panics with an *OutOfMemoryError.
func (a *Arena) needHeader(slot int) {
	if a.headers[slot] != nil {
		return
	}
	p := a.memory.newHeader()
	if p == nil {
		panic(&OutOfMemoryError{Bytes: headerSlabBytes})
	}
	a.headers[slot] = (*chunk)(p)
}

// claimSlots puts a mapping under the n free slots from first.
func (a *Arena) claimSlots(first, n int, s span) {
	for i := range n {
		slot := first + i
		a.freeSlots[slot/64] &^= 1 << (slot % 64)
		a.chunks[slot] = unsafe.Add(s.base, i*chunkBytes)
	}
	a.memory.bySlot[first] = s
}

// dropSlots frees the n slots from first.
func (a *Arena) dropSlots(first, n int) {
	for slot := first; slot < first+n; slot++ {
		a.freeSlots[slot/64] |= 1 << (slot % 64)
		a.chunks[slot] = nil
		a.memory.bySlot[slot] = span{}
	}
}

package arena

import (
	"math/bits"
	"unsafe"
)

// What Reclaim leaves, so that work that comes and goes does not map and unmap
// all the time: one empty chunk, and free runs with their pages, a few or a
// small share of what is in use.
const (
	emptiedKept    = 1
	dirtyKept      = 16
	dirtyKeptShare = 64
)

// Reclaim gives freed memory back to the system, about maxBytes of it, though
// never less than a run of 64 KiB at a time, and reports whether there is more
// to give back; maxBytes of 0 only asks that. It is false too when the system
// refuses to unmap, which it may when that would split a mapping in two.
func (a *Arena) Reclaim(maxBytes int) (more bool) {
	return a.reclaim(maxBytes, emptiedKept, a.dirtyAllowed())
}

// Purge is Reclaim that leaves nothing.
func (a *Arena) Purge(maxBytes int) (more bool) { return a.reclaim(maxBytes, 0, 0) }

// reclaim leaves so many empty chunks, and so many free runs with their pages.
func (a *Arena) reclaim(maxBytes, emptied, dirty int) (more bool) {
	a.dropIdleRuns()
	for refused := false; maxBytes > 0; {
		done := 0
		switch {
		case len(a.memory.spare) > 0 && !refused:
			done, refused = a.unmapSpare(maxBytes)
		case a.emptied > emptied && !refused:
			done, refused = a.unmapChunk(maxBytes)
		case a.dirtyRuns > dirty:
			done = a.cleanRuns(a.dirty, maxBytes)
		default:
			return false
		}
		maxBytes -= done
	}
	return len(a.memory.spare) > 0 || a.emptied > emptied || a.dirtyRuns > dirty
}

// dropIdleRuns frees the runs that classes kept though they had emptied.
func (a *Arena) dropIdleRuns() {
	for _, i := range a.room {
		if i != 0 && a.run(i).live == 0 {
			a.dropRun(i, a.run(i))
		}
	}
}

// dirtyAllowed is how many free runs may keep their pages.
func (a *Arena) dirtyAllowed() int {
	return max(dirtyKept, int(a.used/(dirtyKeptShare*runBytes)))
}

// unmapSpare cuts a piece off the end of a spare mapping.
func (a *Arena) unmapSpare(budget int) (done int, refused bool) {
	s := &a.memory.spare[0]
	n := s.bytes
	if pagewise {
		n = min(n, mappedBytes(max(budget, runBytes)))
	}
	piece := span{unsafe.Add(s.base, s.bytes-n), n}
	if a.checks != nil {
		a.checkPoison(piece)
	}
	if !a.memory.unmap(piece) {
		// Its pages can go all the same; the mapping waits for another try.
		dropPages(piece.base, piece.bytes)
		return 0, true
	}
	if s.bytes -= n; s.bytes == 0 {
		a.memory.dropSpare(0)
	}
	return n, false
}

// unmapChunk gives back an empty chunk: first its pages, and once they are gone
// the chunk, which is then quick.
func (a *Arena) unmapChunk(budget int) (done int, refused bool) {
	slot := a.byStretch[chunkRuns]
	if a.headers[slot].dirty != 0 {
		return a.cleanRuns(slot, budget), false
	}
	if a.checks != nil {
		a.checkTaken(slot*chunkRuns, chunkRuns)
	}
	if !a.memory.unmap(a.memory.bySlot[slot]) {
		return 0, true
	}
	a.setRuns(slot, 0, 0)
	a.dropSlots(int(slot), 1)
	return runBytes, false
}

// cleanRuns gives back the pages of neighbouring dirty runs of the slot.
func (a *Arena) cleanRuns(slot uint32, budget int) (done int) {
	c := a.headers[slot]
	at := bits.TrailingZeros64(c.dirty)
	n := min(bits.TrailingZeros64(^(c.dirty >> at)), max(1, budget/runBytes))
	if a.checks != nil {
		a.checkTaken(slot*chunkRuns+uint32(at), n)
	}
	dropPages(unsafe.Add(a.chunks[slot], at*runBytes), n*runBytes)
	a.setRuns(slot, c.free, c.dirty&^runMask(at, n))
	return n * runBytes
}

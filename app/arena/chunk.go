package arena

import "math/bits"

// A chunk is the header of a slot. Links are slots; 0 ends a list.
type chunk struct {
	runs [chunkRuns]run

	free    uint64 // runs that hold nothing
	dirty   uint64 // those of them that may still hold pages
	longest int    // stretch of free runs; the chunk is in byStretch[longest] unless 0

	stretchNext, stretchPrev uint32
	dirtyNext, dirtyPrev     uint32 // chunks whose dirty is not 0

	mapped int // size of the block when the chunk is one block's mapping
}

// takeRuns claims n neighbouring runs of one chunk, n <= chunkRuns, and reports
// whether they may hold pages. It panics with an *OutOfMemoryError.
func (a *Arena) takeRuns(n int) (first uint32, dirty bool) {
	if a.stretchSet>>(n-1) == 0 {
		a.addChunk()
	}
	slot := a.byStretch[n+bits.TrailingZeros64(a.stretchSet>>(n-1))]
	c := a.headers[slot]
	at := stretchStart(c.free, n)
	if n == 1 && c.dirty != 0 {
		at = bits.TrailingZeros64(c.dirty) // resident already
	}
	mask := runMask(at, n)
	first = slot*chunkRuns + uint32(at)
	if a.checks != nil {
		a.checkTaken(first, n)
	}
	dirty = c.dirty&mask != 0
	a.setRuns(slot, c.free&^mask, c.dirty&^mask)
	return first, dirty
}

// giveRuns frees n neighbouring runs of a chunk.
func (a *Arena) giveRuns(first uint32, n int) {
	slot, at := first/chunkRuns, int(first%chunkRuns)
	c := a.headers[slot]
	for i := at; i < at+n; i++ {
		c.runs[i] = run{}
	}
	mask := runMask(at, n)
	dirty := c.dirty
	if pagewise {
		dirty |= mask
	}
	a.setRuns(slot, c.free|mask, dirty)
}

// setRuns records which runs of the slot are free and which of them dirty, and
// files the chunk accordingly.
func (a *Arena) setRuns(slot uint32, free, dirty uint64) {
	c := a.headers[slot]
	a.dirtyRuns += bits.OnesCount64(dirty) - bits.OnesCount64(c.dirty)
	switch {
	case dirty != 0 && c.dirty == 0:
		a.listDirty(slot, c)
	case dirty == 0 && c.dirty != 0:
		a.unlistDirty(c)
	}
	c.free, c.dirty = free, dirty
	longest := longestStretch(free)
	if longest == c.longest {
		return
	}
	a.unlistStretch(c)
	c.longest = longest
	a.listStretch(slot, c)
}

func (a *Arena) listStretch(slot uint32, c *chunk) {
	if c.longest == 0 {
		return
	}
	head := &a.byStretch[c.longest]
	c.stretchNext, c.stretchPrev = *head, 0
	if *head != 0 {
		a.headers[*head].stretchPrev = slot
	}
	*head = slot
	a.stretchSet |= 1 << (c.longest - 1)
	if c.longest == chunkRuns {
		a.emptied++
	}
}

func (a *Arena) unlistStretch(c *chunk) {
	if c.longest == 0 {
		return
	}
	head := &a.byStretch[c.longest]
	if c.stretchPrev != 0 {
		a.headers[c.stretchPrev].stretchNext = c.stretchNext
	} else {
		*head = c.stretchNext
	}
	if c.stretchNext != 0 {
		a.headers[c.stretchNext].stretchPrev = c.stretchPrev
	}
	if *head == 0 {
		a.stretchSet &^= 1 << (c.longest - 1)
	}
	if c.longest == chunkRuns {
		a.emptied--
	}
}

func (a *Arena) listDirty(slot uint32, c *chunk) {
	c.dirtyNext, c.dirtyPrev = a.dirty, 0
	if a.dirty != 0 {
		a.headers[a.dirty].dirtyPrev = slot
	}
	a.dirty = slot
}

func (a *Arena) unlistDirty(c *chunk) {
	if c.dirtyPrev != 0 {
		a.headers[c.dirtyPrev].dirtyNext = c.dirtyNext
	} else {
		a.dirty = c.dirtyNext
	}
	if c.dirtyNext != 0 {
		a.headers[c.dirtyNext].dirtyPrev = c.dirtyPrev
	}
}

// addChunk maps a chunk of free runs.
func (a *Arena) addChunk() {
	slot := a.findSlots(1)
	a.growTables(slot + 1)
	a.needHeader(slot)
	p, fresh := a.obtain(chunkBytes) // may free slots, takes none
	a.claimSlots(slot, 1, span{p, chunkBytes})
	var dirty uint64
	if !fresh && pagewise {
		dirty = ^uint64(0)
	}
	a.setRuns(uint32(slot), ^uint64(0), dirty)
}

// runMask returns the bits of n runs from run at.
func runMask(at, n int) uint64 { return ^uint64(0) >> (64 - n) << at }

// stretchStart returns the first of n neighbouring set bits; there are some.
func stretchStart(set uint64, n int) int {
	for have := 1; have < n; {
		step := min(have, n-have)
		set &= set >> step
		have += step
	}
	return bits.TrailingZeros64(set)
}

// longestStretch returns the length of the longest stretch of set bits.
func longestStretch(set uint64) (n int) {
	if set == ^uint64(0) {
		return 64
	}
	for ; set != 0; n++ {
		set &= set << 1
	}
	return n
}

package arena

import (
	"errors"
	"fmt"
)

// tally is what a walk over the metadata adds up.
type tally struct {
	used     int64
	mapped   int64
	room     [numClasses]int // runs with room
	free     int             // chunks with free runs
	emptied  int
	dirty    int // chunks with dirty runs
	dirtyRun int
}

// Check walks all metadata, and in checking mode all freed memory, and returns
// the first broken invariant.
func (a *Arena) Check() error {
	if a.checks != nil {
		if err := a.checkPoisoned(); err != nil {
			return err
		}
	}
	var t tally
	if len(a.headers) != len(a.chunks) || len(a.memory.bySlot) != len(a.chunks) {
		return errors.New("arena: tables of different length")
	}
	for slot := 1; slot < len(a.chunks); {
		n, err := a.checkSlot(uint32(slot), &t)
		if err != nil {
			return fmt.Errorf("arena: slot %d: %w", slot, err)
		}
		slot += n
	}
	if err := a.checkTotals(&t); err != nil {
		return fmt.Errorf("arena: %w", err)
	}
	if err := a.checkLists(&t); err != nil {
		return fmt.Errorf("arena: %w", err)
	}
	return nil
}

// checkSlot checks what begins at the slot and returns how many slots it takes.
func (a *Arena) checkSlot(slot uint32, t *tally) (n int, err error) {
	c, s := a.headers[slot], a.memory.bySlot[slot]
	if a.slotFree(int(slot)) {
		if a.chunks[slot] != nil || s.base != nil {
			return 0, errors.New("free, yet mapped")
		}
		if c != nil && *c != (chunk{stretchNext: c.stretchNext, stretchPrev: c.stretchPrev, dirtyNext: c.dirtyNext, dirtyPrev: c.dirtyPrev}) {
			return 0, errors.New("free, yet has records")
		}
		return 1, nil
	}
	if c == nil || s.base == nil || a.chunks[slot] != s.base {
		return 0, errors.New("in use, yet not mapped")
	}
	t.mapped += int64(s.bytes)
	if c.runs[0].class == classMapped {
		return a.checkMapped(slot, c, t)
	}
	if s.bytes != chunkBytes || c.mapped != 0 {
		return 0, errors.New("chunk of a wrong size")
	}
	return 1, a.checkChunk(slot, c, t)
}

// checkMapped checks a block with a mapping of its own.
func (a *Arena) checkMapped(slot uint32, c *chunk, t *tally) (n int, err error) {
	s := a.memory.bySlot[slot]
	if c.mapped <= spanMax || mappedBytes(c.mapped) != s.bytes {
		return 0, errors.New("mapping of a wrong size")
	}
	n = slotsFor(c.mapped)
	for i := range n {
		at := int(slot) + i
		if a.slotFree(at) || uintptr(a.chunks[at]) != uintptr(s.base)+uintptr(i*chunkBytes) {
			return 0, fmt.Errorf("slot %d of the mapping is not part of it", i)
		}
	}
	t.used += int64(c.mapped)
	return n, nil
}

// checkChunk checks the runs of a chunk.
func (a *Arena) checkChunk(slot uint32, c *chunk, t *tally) error {
	for i := 0; i < chunkRuns; {
		free := c.free>>i&1 != 0
		r := &c.runs[i]
		if free != (r.class == classNone) {
			return fmt.Errorf("run %d: class %d, free is %v", i, r.class, free)
		}
		switch {
		case free:
			if *r != (run{}) {
				return fmt.Errorf("run %d: free, yet has a record", i)
			}
			i++
		case r.class == classSpan:
			n := spanRuns(int(r.live))
			if n == 0 || i+n > chunkRuns {
				return fmt.Errorf("run %d: span of %d pages", i, r.live)
			}
			for j := i + 1; j < i+n; j++ {
				if c.runs[j].class != classTail {
					return fmt.Errorf("run %d: not the tail of its span", j)
				}
			}
			t.used += int64(r.live) << pageShift
			i += n
		case r.class < numClasses:
			if err := a.checkRun(slot*chunkRuns+uint32(i), r, t); err != nil {
				return fmt.Errorf("run %d: %w", i, err)
			}
			i++
		default:
			return fmt.Errorf("run %d: class %d out of place", i, r.class)
		}
	}
	return a.checkStretch(c, t)
}

// checkStretch checks how a chunk is filed.
func (a *Arena) checkStretch(c *chunk, t *tally) error {
	if c.dirty&^c.free != 0 {
		return errors.New("dirty runs that are not free")
	}
	if c.longest != longestStretch(c.free) {
		return fmt.Errorf("longest stretch %d, not %d", c.longest, longestStretch(c.free))
	}
	if c.free != 0 {
		t.free++
	}
	if c.longest == chunkRuns {
		t.emptied++
	}
	if c.dirty != 0 {
		t.dirty++
	}
	for i := range chunkRuns {
		t.dirtyRun += int(c.dirty >> i & 1)
	}
	return nil
}

// checkRun checks a run of small blocks and its free list.
func (a *Arena) checkRun(i uint32, r *run, t *tally) error {
	size := classes.units[r.class]
	if r.bump > runUnits || r.bump%size != 0 {
		return fmt.Errorf("class %d, bump %d", r.class, r.bump)
	}
	seen := make(map[uint16]bool)
	for at := r.free; at != 0; {
		unit := at - 1
		if unit >= r.bump || unit%size != 0 || seen[unit] {
			return fmt.Errorf("class %d, bump %d: free list has unit %d", r.class, r.bump, unit)
		}
		seen[unit] = true
		at = *(*uint16)(a.Ptr(Ref(i)<<(runShift-unitShift) + Ref(unit)))
	}
	if int(r.live)+len(seen) != int(r.bump/size) {
		return fmt.Errorf("class %d: %d live and %d freed of %d", r.class, r.live, len(seen), r.bump/size)
	}
	if !r.full(size) {
		t.room[r.class]++
	}
	t.used += int64(r.live) * int64(size) << unitShift
	return nil
}

// checkTotals compares the sums with what the arena claims.
func (a *Arena) checkTotals(t *tally) error {
	for _, spans := range [][]span{a.memory.slabs, a.memory.spare} {
		for _, s := range spans {
			t.mapped += int64(s.bytes)
		}
	}
	switch {
	case t.used != a.used:
		return fmt.Errorf("%d bytes in use, runs make %d", a.used, t.used)
	case t.mapped != a.memory.mapped:
		return fmt.Errorf("%d bytes mapped, mappings make %d", a.memory.mapped, t.mapped)
	case t.emptied != a.emptied:
		return fmt.Errorf("%d empty chunks, found %d", a.emptied, t.emptied)
	case t.dirtyRun != a.dirtyRuns:
		return fmt.Errorf("%d dirty runs, found %d", a.dirtyRuns, t.dirtyRun)
	}
	return nil
}

// checkLists follows every list: its members belong there, and are all there are.
func (a *Arena) checkLists(t *tally) error {
	for c := range a.room {
		n, prev := 0, uint32(0)
		for i := a.room[c]; i != 0; i = a.run(i).next {
			r := a.run(i)
			if int(r.class) != c || r.prev != prev || r.full(classes.units[c]) || n == t.room[c] {
				return fmt.Errorf("class %d lists run %#x wrongly", c, i)
			}
			n, prev = n+1, i
		}
		if n != t.room[c] {
			return fmt.Errorf("class %d lists %d runs, %d have room", c, n, t.room[c])
		}
	}
	n := 0
	for length := range a.byStretch {
		prev := uint32(0)
		for s := a.byStretch[length]; s != 0; s = a.headers[s].stretchNext {
			if a.headers[s].longest != length || a.headers[s].stretchPrev != prev || n == t.free {
				return fmt.Errorf("stretch %d lists slot %d wrongly", length, s)
			}
			n, prev = n+1, s
		}
		if length > 0 && (a.byStretch[length] != 0) != (a.stretchSet>>(length-1)&1 != 0) {
			return fmt.Errorf("stretch %d is marked wrongly", length)
		}
	}
	if n != t.free {
		return fmt.Errorf("%d chunks listed, %d have free runs", n, t.free)
	}
	n, prev := 0, uint32(0)
	for s := a.dirty; s != 0; s = a.headers[s].dirtyNext {
		if a.headers[s].dirty == 0 || a.headers[s].dirtyPrev != prev || n == t.dirty {
			return fmt.Errorf("dirty list has slot %d wrongly", s)
		}
		n, prev = n+1, s
	}
	if n != t.dirty {
		return fmt.Errorf("%d dirty chunks listed of %d", n, t.dirty)
	}
	return nil
}

package arena

import (
	"math"
	"unsafe"
)

// Blocks over classMax are counted in pages. Up to spanMax they are whole runs
// of a chunk, of which only the pages counted are ever touched; above that each
// has a mapping of its own.

// allocLarge returns a block and whether it is known to be all zeros.
func (a *Arena) allocLarge(n int) (ref Ref, zero bool) {
	if uint64(n) > slotsMax*chunkBytes || n > math.MaxInt-chunkBytes {
		panic(&OutOfMemoryError{Bytes: n})
	}
	size := RoundUp(n)
	if size <= spanMax {
		ref = a.allocSpan(size)
	} else {
		ref, zero = a.allocMapped(size)
	}
	a.used += int64(size)
	if a.checks != nil {
		a.checkAlloc(ref)
		zero = false
	}
	return ref, zero
}

func (a *Arena) freeLarge(ref Ref) {
	first := uint32(ref >> (runShift - unitShift))
	r := a.run(first)
	switch {
	case r.class == classSpan && ref%runUnits == 0:
		pages := int(r.live)
		if a.checks != nil {
			a.checkFreedSpan(first, pages)
		}
		a.used -= int64(pages) << pageShift
		a.giveRuns(first, spanRuns(pages))
	case r.class == classMapped && ref%chunkUnits == 0:
		a.freeMapped(int(ref / chunkUnits))
	default:
		panic("arena: Free of what is no block")
	}
}

// spanRuns returns how many runs a span of that many pages takes.
func spanRuns(pages int) int { return (pages + runPages - 1) / runPages }

func (a *Arena) allocSpan(size int) Ref {
	pages := size >> pageShift
	n := spanRuns(pages)
	first, dirty := a.takeRuns(n)
	a.setSpan(first, pages)
	if dirty {
		a.trimSpan(first, pages)
	}
	return Ref(first) << (runShift - unitShift)
}

// setSpan writes the records of a span.
func (a *Arena) setSpan(first uint32, pages int) {
	*a.run(first) = run{class: classSpan, live: uint16(pages)}
	for i := 1; i < spanRuns(pages); i++ {
		*a.run(first + uint32(i)) = run{class: classTail}
	}
}

// trimSpan gives back what the span's last run holds beyond its pages, which
// would otherwise stay resident without being accounted for.
func (a *Arena) trimSpan(first uint32, pages int) {
	start, end := mappedBytes(pages<<pageShift), spanRuns(pages)*runBytes
	if start < end {
		dropPages(unsafe.Add(a.Ptr(Ref(first)<<(runShift-unitShift)), start), end-start)
	}
}

// slotsFor returns how many slots a mapping of its own takes.
func slotsFor(size int) int { return (size + chunkBytes - 1) / chunkBytes }

// mappedBytes rounds up to the pages of the system, which may be wider than ours.
func mappedBytes(size int) int { return (size + systemPage - 1) / systemPage * systemPage }

func (a *Arena) allocMapped(size int) (ref Ref, fresh bool) {
	n := slotsFor(size)
	first := a.findSlots(n)
	a.growTables(first + n)
	a.needHeader(first)
	p, fresh := a.obtain(mappedBytes(size))
	a.setMapped(first, size, span{p, mappedBytes(size)})
	return Ref(first) * chunkUnits, fresh
}

// setMapped makes the mapping the block of size bytes at slot first.
func (a *Arena) setMapped(first, size int, s span) {
	a.claimSlots(first, slotsFor(size), s)
	a.headers[first].runs[0].class = classMapped
	a.headers[first].mapped = size
}

// freeMapped frees the slots of a block at once and leaves its memory to Reclaim.
func (a *Arena) freeMapped(first int) {
	size := a.headers[first].mapped
	a.used -= int64(size)
	a.addSpare(a.memory.bySlot[first])
	a.clearMapped(first, size)
}

func (a *Arena) clearMapped(first, size int) {
	a.headers[first].runs[0] = run{}
	a.headers[first].mapped = 0
	a.dropSlots(first, slotsFor(size))
}

// resizeLarge resizes without copying a block that stays a span or stays a
// mapping; 0 when that cannot be.
func (a *Arena) resizeLarge(ref Ref, have, want int) (resized Ref) {
	switch {
	case have <= spanMax && want <= spanMax:
		resized = a.resizeSpan(ref, want)
	case have <= spanMax || want <= spanMax:
		return 0
	case want < have:
		resized = a.shrinkMapped(ref, have, want)
	default:
		resized = a.growMapped(ref, have, want)
	}
	if resized != 0 {
		a.used += int64(want - have)
	}
	return resized
}

// resizeSpan keeps the span where it is; 0 when the runs behind it are taken.
func (a *Arena) resizeSpan(ref Ref, want int) Ref {
	first := uint32(ref >> (runShift - unitShift))
	before, pages := int(a.run(first).live), want>>pageShift
	from, to := spanRuns(before), spanRuns(pages)
	dirty := pages < before
	switch {
	case to < from:
		a.giveRuns(first+uint32(to), from-to)
	case to > from:
		slot, at := first/chunkRuns, int(first%chunkRuns)
		if at+to > chunkRuns {
			return 0
		}
		c, mask := a.headers[slot], runMask(at+from, to-from)
		if c.free&mask != mask {
			return 0
		}
		dirty = c.dirty>>(at+to-1)&1 != 0
		a.setRuns(slot, c.free&^mask, c.dirty&^mask)
	}
	a.setSpan(first, pages)
	if dirty {
		a.trimSpan(first, pages)
	}
	return ref
}

// shrinkMapped cuts the end off, which is then left to Reclaim; 0 when the
// system cannot.
func (a *Arena) shrinkMapped(ref Ref, have, want int) Ref {
	if !pagewise {
		return 0
	}
	first := int(ref / chunkUnits)
	s := a.memory.bySlot[first]
	if keep := mappedBytes(want); keep < s.bytes {
		a.addSpare(span{unsafe.Add(s.base, keep), s.bytes - keep})
		a.memory.bySlot[first].bytes = keep
	}
	a.dropSlots(first+slotsFor(want), slotsFor(have)-slotsFor(want))
	a.headers[first].mapped = want
	return ref
}

// growMapped lets the system extend the mapping, or move it without copying; 0
// when it does not. The slots change only when those behind are taken.
func (a *Arena) growMapped(ref Ref, have, want int) Ref {
	from := int(ref / chunkUnits)
	n, more := slotsFor(have), slotsFor(want)-slotsFor(have)
	to := from
	if !a.slotsFree(from+n, more) {
		to = a.findSlots(n + more)
	}
	a.growTables(to + n + more)
	a.needHeader(to)
	s, ok := a.memory.remap(a.memory.bySlot[from], mappedBytes(want))
	if !ok {
		return 0
	}
	a.clearMapped(from, have)
	a.setMapped(to, want, s)
	return Ref(to) * chunkUnits
}

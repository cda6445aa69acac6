// Package arena allocates bytes outside the Go heap, so that the collector's
// work does not grow with the data.
//
// Memory comes from the system in chunks of 4 MiB; a chunk is 64 runs of
// 64 KiB. A run holds small blocks of one size class, found through its free
// list, or is part of one block of up to 2 MiB. Runs that empty serve any class
// again. A bigger block is a mapping of its own under consecutive slots of the
// chunk table, so that every reference is resolved the same way:
//
//	Ref (40 bits)  [ slot in the chunk table : 21 ][ unit of 8 bytes : 19 ]
//	                 run index = Ref >> 13: slot : 21, run : 6
//
// What is freed goes back to the system in the bounded steps of Reclaim, never
// in Free, which is always short. The metadata lies outside the Go heap too;
// only the chunk table, some 30 bytes for each 4 MiB, is known to the collector.
package arena

import (
	"fmt"
	"unsafe"
)

const (
	unitShift = 3
	unitBytes = 1 << unitShift

	pageShift = 12
	pageBytes = 1 << pageShift

	runShift = 16
	runBytes = 1 << runShift
	runUnits = runBytes / unitBytes
	runPages = runBytes / pageBytes

	chunkShift = 22
	chunkBytes = 1 << chunkShift
	chunkUnits = chunkBytes / unitBytes
	chunkRuns  = chunkBytes / runBytes // one bit of a uint64 each

	refBits  = 40
	slotsMax = 1 << (refBits + unitShift - chunkShift)

	// spanMax is the biggest block that shares a chunk.
	spanMax = chunkBytes / 2
)

// A Ref addresses a block: its chunk and 8-byte unit. 0 is nil. It fits in 40
// bits, which reach 8 TiB.
type Ref uint64

// An OutOfMemoryError is what Alloc and Resize panic with when the system, or
// the reach of a Ref, has no room for another mapping. The arena stays usable
// and unchanged, so it may be recovered from.
type OutOfMemoryError struct {
	Bytes int // asked of the system
}

func (e *OutOfMemoryError) Error() string {
	return fmt.Sprintf("arena: out of memory: the system gave no %d bytes", e.Bytes)
}

// An Arena hands out blocks of memory that the collector never sees. It is not
// safe for concurrent use, and what Ptr and Bytes return dies with the block.
// The memory outlives the Arena unless Close or Releaser's function gives it back.
type Arena struct {
	chunks    []unsafe.Pointer // start of each slot's 4 MiB; nil when the slot is free; slot 0 stays so
	headers   []*chunk         // of each slot, outside the Go heap; nil until first needed
	freeSlots []uint64         // bit set of the free slots but slot 0
	room      [numClasses]uint32
	newest    [numClasses]uint32 // the class's last run that was fresh, if it is still one: for Usage only

	// Chunks by the length of their longest stretch of free runs, so that a
	// request takes the tightest fit and other chunks get a chance to empty.
	byStretch  [chunkRuns + 1]uint32
	stretchSet uint64 // bit k-1: byStretch[k] is not empty
	dirty      uint32 // chunks with free runs that may still hold pages
	dirtyRuns  int    // number of such runs
	emptied    int    // number of chunks whose runs are all free

	used   int64
	memory *memory
	checks *checker // nil unless in checking mode
}

// New returns an empty arena. It maps nothing before the first Alloc.
func New() *Arena {
	return &Arena{
		chunks:    make([]unsafe.Pointer, 1),
		headers:   make([]*chunk, 1),
		freeSlots: make([]uint64, 1),
		memory:    &memory{bySlot: make([]span, 1)},
	}
}

// NewChecked returns an arena in checking mode, for tests: blocks are filled
// with garbage when handed out and poisoned when freed, Resize always moves,
// and the arena panics when a block is freed twice, when what is freed is no
// block, and, at the latest before that memory is used again or by Check's
// error, when a freed block was written to.
func NewChecked() *Arena {
	a := New()
	a.checks = newChecker()
	return a
}

// Ptr returns the address of the block. Ptr(0) is nil.
func (a *Arena) Ptr(r Ref) unsafe.Pointer {
	return unsafe.Add(a.chunks[r>>(chunkShift-unitShift)], r%chunkUnits<<unitShift)
}

// Bytes returns the first n bytes of the block, n <= Cap(r).
func (a *Arena) Bytes(r Ref, n int) []byte {
	return unsafe.Slice((*byte)(a.Ptr(r)), n)
}

// Alloc returns a block of RoundUp(n) bytes, n >= 1, aligned to 8 bytes. Its
// contents are undefined. It panics with an *OutOfMemoryError.
func (a *Arena) Alloc(n int) Ref {
	if uint(n) > classMax {
		ref, _ := a.allocLarge(n)
		return ref
	}
	c := classOf(n)
	i := a.room[c]
	if i == 0 {
		i = a.newRun(c)
	}
	r := a.run(i)
	size := classes.units[c]
	ref := Ref(i) << (runShift - unitShift)
	if r.free != 0 {
		ref += Ref(r.free - 1)
		if a.checks != nil {
			a.checkFreed(ref)
		}
		r.free = *(*uint16)(a.Ptr(ref))
	} else {
		ref += Ref(r.bump)
		r.bump += size
	}
	r.live++
	a.used += int64(size) << unitShift
	if r.full(size) {
		a.unlist(r)
	}
	if a.checks != nil {
		a.checkAlloc(ref)
	}
	return ref
}

// AllocZero is Alloc with n bytes of zeros. A block that is big enough for a
// mapping of its own is usually fresh from the system, and then its memory is
// not touched.
func (a *Arena) AllocZero(n int) Ref {
	if uint(n) > classMax {
		ref, zero := a.allocLarge(n)
		if !zero {
			clear(a.Bytes(ref, n))
		}
		return ref
	}
	ref := a.Alloc(n)
	clear(a.Bytes(ref, n))
	return ref
}

// Free gives the block back; its size is known. It never calls the system.
func (a *Arena) Free(ref Ref) {
	if a.checks != nil {
		a.checkFree(ref)
	}
	i := uint32(ref >> (runShift - unitShift))
	r := a.run(i)
	c := r.class
	if c-1 >= numClasses-1 {
		a.freeLarge(ref)
		return
	}
	size := classes.units[c]
	wasFull := r.full(size)
	*(*uint16)(a.Ptr(ref)) = r.free
	if a.checks != nil {
		a.checks.freed[ref] = r.free
	}
	r.free = uint16(ref%runUnits) + 1
	r.live--
	a.used -= int64(size) << unitShift
	if wasFull {
		a.list(i, r)
	}
	// A class keeps its last run, so that one block that comes and goes does
	// not claim and drop a run each time. Reclaim takes such runs back.
	if r.live == 0 && (r.next != 0 || r.prev != 0) {
		a.dropRun(i, r)
	}
}

// Cap returns the size of the block: RoundUp of what was asked.
func (a *Arena) Cap(ref Ref) int {
	r := a.run(uint32(ref >> (runShift - unitShift)))
	switch r.class {
	case classSpan:
		return int(r.live) << pageShift
	case classMapped:
		return a.headers[ref>>(chunkShift-unitShift)].mapped
	}
	return int(classes.units[r.class]) << unitShift
}

// RoundUp returns the Cap of the block that Alloc(n) gives.
func RoundUp(n int) int {
	if uint(n) > classMax {
		return (n + pageBytes - 1) &^ (pageBytes - 1)
	}
	return int(classes.units[classOf(n)]) << unitShift
}

// Resize returns a block of RoundUp(n) bytes that begins with the first
// min(used, n) bytes of ref, which it frees when the result is another block.
// Big blocks grow and shrink without being copied where the system can do so.
// It panics with an *OutOfMemoryError, ref being as before.
func (a *Arena) Resize(ref Ref, used, n int) Ref {
	have, want := a.Cap(ref), RoundUp(n)
	if a.checks == nil {
		if have == want {
			return ref
		}
		if have > classMax && want > classMax {
			if resized := a.resizeLarge(ref, have, want); resized != 0 {
				return resized
			}
		}
	}
	fresh := a.Alloc(n)
	used = min(used, n)
	copy(a.Bytes(fresh, used), a.Bytes(ref, used))
	a.Free(ref)
	return fresh
}

// Used returns the sum of the Caps of all blocks.
func (a *Arena) Used() int64 { return a.used }

// Mapped returns the bytes of address space taken from the system, metadata
// included. Pages that were never touched, or given back, cost nothing.
func (a *Arena) Mapped() int64 { return a.memory.mapped }

// Limit makes the arena refuse to map more than maxMapped bytes; 0 is no limit.
// It is how tests run out of memory.
func (a *Arena) Limit(maxMapped int64) { a.memory.limit = maxMapped }

// Close unmaps everything; closing again does nothing. Every block and every
// pointer into one is gone, and the arena must not be used any more.
func (a *Arena) Close() {
	a.memory.release()
	*a = Arena{memory: a.memory}
}

// Releaser returns a function that does Close's work without referring to the
// Arena, as runtime.AddCleanup wants it.
func (a *Arena) Releaser() func() { return a.memory.release }

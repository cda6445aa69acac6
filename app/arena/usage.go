package arena

import "math/bits"

// A Usage says where the memory of an arena is, in bytes. Used <= Active <=
// Resident, and Resident <= Mapped but for the last run of each class, whose
// untouched end is counted from the first block on.
type Usage struct {
	Used     int64 // in blocks that were asked for
	Active   int64 // in runs and mappings that hold such blocks, as far as they were ever used, and metadata
	Resident int64 // Active, and what was freed and is kept for now: at most so much is in physical memory
	Mapped   int64 // address space taken from the system
	Chunks   int   // mappings of 4 MiB that blocks share
	Emptied  int   // those of them that hold nothing
	FreeRuns int   // runs of 64 KiB that hold nothing, those of the emptied chunks included
	Dirty    int   // those of them that have not been given back
	Spare    int64 // freed mappings that have not been given back
	Large    int   // blocks with a mapping of their own
}

// Usage looks at each mapping once, of which there is one for 4 MiB or more.
func (a *Arena) Usage() Usage {
	u := Usage{Used: a.used, Mapped: a.memory.mapped, Emptied: a.emptied, Dirty: a.dirtyRuns}
	for slot, s := range a.memory.bySlot {
		switch {
		case s.base == nil:
		case a.headers[slot].mapped != 0:
			u.Large++
		default:
			u.Chunks++
			u.FreeRuns += bits.OnesCount64(a.headers[slot].free)
		}
	}
	for _, s := range a.memory.spare {
		u.Spare += int64(s.bytes)
	}
	u.Active = u.Mapped - int64(u.FreeRuns)<<runShift - u.Spare - a.untouched()
	u.Resident = u.Active + int64(u.Dirty)<<runShift + u.Spare
	if !pagewise {
		u.Resident = u.Mapped
	}
	return u
}

// untouched is what lies behind the last block of each class's newest run, and of
// the newest slab of headers: nobody has written there yet.
func (a *Arena) untouched() (bytes int64) {
	for class, i := range a.newest {
		if i != 0 && int(a.run(i).class) == class {
			bytes += int64(runUnits-a.run(i).bump) << unitShift
		}
	}
	if len(a.memory.slabs) > 0 {
		bytes += int64(headerSlabBytes - a.memory.carved)
	}
	return bytes
}

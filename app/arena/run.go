package arena

// A run is the record of 64 KiB of a chunk. While it holds blocks of a size
// class, it is in that class's list exactly when it has room. Offsets are in
// units. Freed blocks are linked through their first two bytes.
type run struct {
	next, prev uint32 // runs of the class with room; 0 ends the list
	free       uint16 // first freed block, plus 1
	bump       uint16 // from here on no block has been handed out
	live       uint16 // blocks in use; pages of a span's first run
	class      uint8
}

// full reports whether the run, of blocks of size units, has no room.
func (r *run) full(size uint16) bool {
	return r.free == 0 && uint(r.bump)+uint(size) > runUnits
}

// run returns the record of run i.
func (a *Arena) run(i uint32) *run {
	return &a.headers[i/chunkRuns].runs[i%chunkRuns]
}

// newRun makes a free run the only one with room of class c.
func (a *Arena) newRun(c uint8) uint32 {
	i, dirty := a.takeRuns(1)
	*a.run(i) = run{class: c}
	a.room[c] = i
	if a.newest[c] = i; dirty {
		a.newest[c] = 0
	}
	return i
}

// list puts run i first into its class's list: a run that was full until now
// is the one to fill again, and sparser ones get a chance to empty.
func (a *Arena) list(i uint32, r *run) {
	r.next, r.prev = a.room[r.class], 0
	if r.next != 0 {
		a.run(r.next).prev = i
	}
	a.room[r.class] = i
}

// unlist takes the run out of its class's list.
func (a *Arena) unlist(r *run) {
	if r.prev != 0 {
		a.run(r.prev).next = r.next
	} else {
		a.room[r.class] = r.next
	}
	if r.next != 0 {
		a.run(r.next).prev = r.prev
	}
	r.next, r.prev = 0, 0
}

// dropRun frees run i, which has no live block.
func (a *Arena) dropRun(i uint32, r *run) {
	if a.checks != nil {
		a.checkDropped(i, r)
	}
	a.unlist(r)
	a.giveRuns(i, 1)
}

package arena

import "unsafe"

// Reset makes the arena empty, whatever was in it: every block is gone. It is
// short however much there was, since the memory goes back to the system in
// the steps of Reclaim, except what is used again before.
func (a *Arena) Reset() {
	m := a.memory
	for _, spans := range [][]span{m.slabs, m.bySlot} {
		for _, s := range spans {
			if s.base != nil {
				a.addSpare(s)
			}
		}
	}
	m.bySlot, m.slabs, m.carved = make([]span, 1), nil, 0
	*a = Arena{
		chunks:    make([]unsafe.Pointer, 1),
		headers:   make([]*chunk, 1),
		freeSlots: make([]uint64, 1),
		memory:    m,
		checks:    a.checks,
	}
	if a.checks != nil {
		a.checks = newChecker()
	}
}

package arena

import (
	"os"
	"unsafe"
)

// Headers are carved from slabs of their own, so that they lie close together.
const (
	headerBytes     = int(unsafe.Sizeof(chunk{}))
	headerSlabBytes = runBytes
)

// systemPage is what lengths of mappings are rounded to.
var systemPage = max(pageBytes, os.Getpagesize())

// A span is a stretch of mapped memory.
type span struct {
	base  unsafe.Pointer
	bytes int
}

// A memory knows everything that is mapped, so that it can be unmapped when
// the Arena is gone already.
type memory struct {
	bySlot []span // by the first slot of each mapping
	slabs  []span // headers of chunks are carved from the last
	spare  []span // freed mappings, to be used again or unmapped by Reclaim
	carved int    // bytes of the last slab in use
	mapped int64

	limit int64 // of mapped; 0 is none
}

// obtain maps n bytes, a multiple of systemPage, and reports whether they are
// fresh from the system: untouched and zero. Freed memory is used first. It may
// free slots and runs. It panics with an *OutOfMemoryError.
func (a *Arena) obtain(n int) (p unsafe.Pointer, fresh bool) {
	if p := a.takeSpare(n); p != nil {
		return p, false
	}
	// What is freed but does not fit must not pile up when the owner's calls
	// of Reclaim are late.
	a.Reclaim(min(n, chunkBytes/2))
	if p := a.memory.take(n); p != nil {
		return p, true
	}
	for a.Reclaim(chunkBytes) {
	}
	if p := a.memory.take(n); p != nil {
		return p, true
	}
	panic(&OutOfMemoryError{Bytes: n})
}

// addSpare keeps freed memory for Reclaim.
func (a *Arena) addSpare(s span) {
	if a.checks != nil {
		poison(s)
	}
	a.memory.spare = append(a.memory.spare, s)
}

// takeSpare takes n bytes off the end of what was freed last; nil when that is
// too small, or may not be divided.
func (a *Arena) takeSpare(n int) unsafe.Pointer {
	last := len(a.memory.spare) - 1
	if last < 0 || a.memory.spare[last].bytes < n {
		return nil
	}
	if !pagewise && a.memory.spare[last].bytes != n {
		return nil
	}
	s := &a.memory.spare[last]
	s.bytes -= n
	p := unsafe.Add(s.base, s.bytes)
	if a.checks != nil {
		a.checkPoison(span{p, n})
	}
	if s.bytes == 0 {
		a.memory.dropSpare(last)
	}
	return p
}

// dropSpare takes spare i, of which nothing is left, off the list.
func (m *memory) dropSpare(i int) {
	last := len(m.spare) - 1
	m.spare[i], m.spare[last] = m.spare[last], span{}
	m.spare = m.spare[:last]
}

// within reports whether n bytes more may be mapped.
func (m *memory) within(n int) bool { return m.limit == 0 || m.mapped+int64(n) <= m.limit }

// take maps n bytes; nil when the system refuses.
func (m *memory) take(n int) unsafe.Pointer {
	if !m.within(n) {
		return nil
	}
	p := mapPages(n)
	if p != nil {
		m.mapped += int64(n)
	}
	return p
}

// unmap gives the span back to the system; false when it refuses, which it may
// when that would split a mapping in two.
func (m *memory) unmap(s span) bool {
	if !unmapPages(s.base, s.bytes) {
		return false
	}
	m.mapped -= int64(s.bytes)
	return true
}

// remap lets the system grow a mapping in place or elsewhere.
func (m *memory) remap(s span, n int) (grown span, ok bool) {
	if n == s.bytes {
		return s, true
	}
	if !m.within(n - s.bytes) {
		return span{}, false
	}
	p := remapPages(s.base, s.bytes, n)
	if p == nil {
		return span{}, false
	}
	m.mapped += int64(n - s.bytes)
	return span{p, n}, true
}

// newHeader returns zeroed memory for the header of a slot, which stays until
// release; nil when the system refuses.
func (m *memory) newHeader() unsafe.Pointer {
	if len(m.slabs) == 0 || m.carved+headerBytes > headerSlabBytes {
		p := m.take(headerSlabBytes)
		if p == nil {
			return nil
		}
		m.slabs = append(m.slabs, span{p, headerSlabBytes})
		m.carved = 0
	}
	p := unsafe.Add(m.slabs[len(m.slabs)-1].base, m.carved)
	m.carved += headerBytes
	return p
}

// release unmaps everything. What the system refuses to take stays mapped:
// there is nobody left to try again.
func (m *memory) release() {
	for _, spans := range [][]span{m.bySlot, m.slabs, m.spare} {
		for _, s := range spans {
			if s.base != nil {
				m.unmap(s)
			}
		}
	}
	*m = memory{limit: m.limit}
}

//go:build !unix

package arena

import "unsafe"

// Without mmap the memory comes from the Go heap, as objects without pointers.
// It goes back to the collector when no part of the object is referred to.

// pagewise is false: a part of an object cannot be given back.
const pagewise = false

// mapPages returns n bytes of zeroed memory.
func mapPages(n int) unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(make([]uint64, (n+7)/8)))
}

// unmapPages leaves the memory to the collector, once the caller has dropped it.
func unmapPages(unsafe.Pointer, int) bool { return true }

// remapPages grows no object.
func remapPages(unsafe.Pointer, int, int) unsafe.Pointer { return nil }

// dropPages does nothing here.
func dropPages(unsafe.Pointer, int) {}

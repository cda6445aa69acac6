//go:build unix && !(linux && (amd64 || arm64 || riscv64))

package arena

import (
	"syscall"
	"unsafe"
)

// pagewise is false: package syscall has no portable way to give back a part of
// a mapping, so memory goes back by the chunk and by the big block.
const pagewise = false

// mapPages asks the system for n bytes of zeroed memory; nil when it refuses.
func mapPages(n int) unsafe.Pointer {
	b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	return unsafe.Pointer(unsafe.SliceData(b))
}

// unmapPages gives a whole mapping back; false when the system refuses.
func unmapPages(p unsafe.Pointer, n int) bool {
	return syscall.Munmap(unsafe.Slice((*byte)(p), n)) == nil
}

// remapPages grows no mapping here.
func remapPages(unsafe.Pointer, int, int) unsafe.Pointer { return nil }

// dropPages does nothing here.
func dropPages(unsafe.Pointer, int) {}

//go:build linux && (amd64 || arm64 || riscv64)

package arena

import (
	"syscall"
	"unsafe"
)

// pagewise: a part of a mapping can be given back.
const pagewise = true

const remapMayMove = 1

// mapPages asks the system for n bytes of zeroed memory; nil when it refuses.
// Where huge pages are the default they are turned off: touching one byte would
// cost 2 MiB, and zeroing it a pause.
func mapPages(n int) unsafe.Pointer {
	addr, _, errno := syscall.Syscall6(syscall.SYS_MMAP, 0, uintptr(n),
		syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE, ^uintptr(0), 0)
	if errno != 0 {
		return nil
	}
	// Kernels built without huge pages refuse this, and need it not.
	syscall.Syscall(syscall.SYS_MADVISE, addr, uintptr(n), syscall.MADV_NOHUGEPAGE)
	return pointer(addr)
}

// unmapPages gives memory back; false when the system refuses.
func unmapPages(p unsafe.Pointer, n int) bool {
	_, _, errno := syscall.Syscall(syscall.SYS_MUNMAP, uintptr(p), uintptr(n), 0)
	return errno == 0
}

// remapPages grows a mapping without copying, elsewhere if need be; nil when the
// system refuses.
func remapPages(p unsafe.Pointer, from, to int) unsafe.Pointer {
	addr, _, errno := syscall.Syscall6(syscall.SYS_MREMAP, uintptr(p), uintptr(from), uintptr(to), remapMayMove, 0, 0)
	if errno != 0 {
		return nil
	}
	return pointer(addr)
}

// dropPages gives the pages back and keeps the mapping. A refusal, as for
// locked memory, leaves them resident and does no other harm.
func dropPages(p unsafe.Pointer, n int) {
	syscall.Syscall(syscall.SYS_MADVISE, uintptr(p), uintptr(n), syscall.MADV_DONTNEED)
}

// pointer turns an address outside the Go heap into a pointer.
func pointer(addr uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&addr)) }

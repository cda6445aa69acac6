package store

import "unsafe"

// intsetBytes is the size of an intset, from its header.
func intsetBytes(v unsafe.Pointer) int {
	return 8 + int(*(*uint32)(v))*int(*(*uint32)(unsafe.Add(v, 4)))
}

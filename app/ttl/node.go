package ttl

import (
	"encoding/binary"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// A node is the memory of a leaf or an inner node. Its first byte counts its
// entries or children, its second says how many it has room for, and in a leaf
// the third says where the entry inserted last went: if the next goes right
// behind it, times arrive in ascending order there.
type node struct{ p unsafe.Pointer }

// A kind is what differs between leaves and inner nodes.
type kind struct {
	header int // bytes
	width  int // bytes of an entry or child
	max    int // entries or children, at most 255
}

const (
	leafHeader  = 3
	leafWidth   = 11
	leafMax     = (leafBytes - leafHeader) / leafWidth
	innerHeader = 8
	innerWidth  = 16
	innerMax    = (innerBytes - innerHeader) / innerWidth
)

// noLast is the last place of a node that nothing was inserted into: nothing
// goes right behind it.
const noLast = 255

var (
	leaves = kind{leafHeader, leafWidth, leafMax}
	inners = kind{innerHeader, innerWidth, innerMax}
)

func (n node) count() int { return int(*(*uint8)(n.p)) }
func (n node) room() int  { return int(*(*uint8)(unsafe.Add(n.p, 1))) }

func (n node) last() int { return int(*(*uint8)(unsafe.Add(n.p, 2))) }

func (n node) setLast(i int) { *(*uint8)(unsafe.Add(n.p, 2)) = uint8(i) }

func (n node) setCount(count int) { *(*uint8)(n.p) = uint8(count) }

// entry returns entry i of a leaf.
func (n node) entry(i int) entry {
	b := (*[leafWidth]byte)(unsafe.Add(n.p, leafHeader+i*leafWidth))
	return entry{binary.LittleEndian.Uint64(b[:8]), uint64(binary.LittleEndian.Uint32(b[7:])) >> 8}
}

func (n node) setEntry(i int, e entry) {
	b := (*[leafWidth]byte)(unsafe.Add(n.p, leafHeader+i*leafWidth))
	binary.LittleEndian.PutUint32(b[7:], uint32(e.lo)<<8)
	binary.LittleEndian.PutUint64(b[:8], e.hi)
}

// words returns key and child i of an inner node: the key's upper 64 bits, its
// lower 24 bits above the child's 40.
func (n node) words(i int) *[2]uint64 {
	return (*[2]uint64)(unsafe.Add(n.p, innerHeader+i*innerWidth))
}

const childBits = 40

func (n node) key(i int) entry {
	w := n.words(i)
	return entry{w[0], w[1] >> childBits}
}

func (n node) child(i int) arena.Ref { return arena.Ref(n.words(i)[1] & (1<<childBits - 1)) }

func (n node) setKey(i int, e entry) {
	n.setWords(i, e, n.child(i))
}

func (n node) setChild(i int, child arena.Ref) {
	n.setWords(i, n.key(i), child)
}

func (n node) setWords(i int, e entry, child arena.Ref) {
	*n.words(i) = [2]uint64{e.hi, e.lo<<childBits | uint64(child)}
}

// search returns the place of the entry in a leaf: the first that is not less.
func (n node) search(e entry) int {
	low, high := 0, n.count()
	for low < high {
		mid := int(uint(low+high) >> 1)
		if n.entry(mid).less(e) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// childFor returns the child of an inner node under which the entry belongs.
func (n node) childFor(e entry) int {
	low, high := 1, n.count()
	for low < high {
		mid := int(uint(low+high) >> 1)
		if e.less(n.key(mid)) {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low - 1
}

// bytes returns count entries or children from i.
func (k *kind) bytes(n node, i, count int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(n.p, k.header+i*k.width)), count*k.width)
}

// open makes room for one more at i, which the caller sets.
func (k *kind) open(n node, i int) {
	count := n.count()
	copy(k.bytes(n, i+1, count-i), k.bytes(n, i, count-i))
	n.setCount(count + 1)
}

// remove takes out what is at i.
func (k *kind) remove(n node, i int) {
	count := n.count() - 1
	copy(k.bytes(n, i, count-i), k.bytes(n, i+1, count-i))
	n.setCount(count)
}

// roomFor returns how big a block to ask for when count are to be held: with
// slack, so that not every insertion needs another block.
func (k *kind) roomFor(count int) int {
	return k.header + k.width*min(k.max, count+2+count/8)
}

// loose reports whether three quarters of the node's block would do.
func (k *kind) loose(n node) bool {
	return 4*k.roomFor(n.count()) <= 3*(k.header+k.width*n.room())
}

// newNode returns a node with room for count, and some, that holds none.
func (x *Index) newNode(a *arena.Arena, k *kind, count int) arena.Ref {
	ref := a.Alloc(k.roomFor(count))
	size := a.Cap(ref)
	x.bytes += int64(size)
	p := a.Ptr(ref)
	*(*uint8)(p) = 0
	*(*uint8)(unsafe.Add(p, 1)) = uint8(min(k.max, (size-k.header)/k.width))
	node{p}.setLast(noLast)
	return ref
}

func (x *Index) freeNode(a *arena.Arena, ref arena.Ref) {
	x.bytes -= int64(a.Cap(ref))
	a.Free(ref)
}

// resize moves a node to a block with room for count, and some.
func (x *Index) resize(a *arena.Arena, k *kind, parent step, at arena.Ref, count int) arena.Ref {
	fresh := x.newNode(a, k, count)
	from, to := node{a.Ptr(at)}, node{a.Ptr(fresh)}
	copy(k.bytes(to, 0, from.count()), k.bytes(from, 0, from.count()))
	to.setCount(from.count())
	if k == &leaves {
		to.setLast(from.last())
	}
	if parent.ref == 0 {
		x.root = fresh
	} else {
		node{a.Ptr(parent.ref)}.setChild(parent.child, fresh)
	}
	x.freeNode(a, at)
	return fresh
}

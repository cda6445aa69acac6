package tree

import (
	"encoding/binary"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// A node is the memory of a leaf or an inner node. Its first byte counts its
// entries or children, its second says how many it has room for. Then come its
// columns, one behind the other.
type node struct{ p unsafe.Pointer }

// A column holds one value of each entry or child.
type column struct {
	start int // bytes before it for each place in the node
	width int // bytes of a value
}

// The columns of nodes; leaves have the first two. In an inner node the entry in
// the first two is the first one under the child.
const (
	keyBytes    = 8
	refBytes    = 5
	weightBytes = 8

	refStart    = keyBytes
	weightStart = refStart + refBytes
	childStart  = weightStart + weightBytes
)

const (
	headerBytes = 8
	nodeBytes   = 1024 // of a full node
	leafWidth   = weightStart
	innerWidth  = childStart + refBytes
	leafMax     = (nodeBytes - headerBytes) / leafWidth
	innerMax    = (nodeBytes - headerBytes) / innerWidth
)

// A kind is what differs between leaves and inner nodes.
type kind struct {
	columns []column
	width   int // bytes of an entry or child
	max     int // entries or children, at most 255
}

var (
	leaves = kind{[]column{{0, keyBytes}, {refStart, refBytes}}, leafWidth, leafMax}
	inners = kind{append(leaves.columns[:2:2], column{weightStart, weightBytes}, column{childStart, refBytes}), innerWidth, innerMax}
)

// kindAt returns the kind of the nodes at a level; level 0 are the leaves.
func kindAt(level int) *kind {
	if level == 0 {
		return &leaves
	}
	return &inners
}

// noNode is what an empty tree has for a leaf: it is never written to.
var noNode = node{unsafe.Pointer(new([headerBytes]byte))}

func (n node) count() int { return int(*(*uint8)(n.p)) }
func (n node) room() int  { return int(*(*uint8)(unsafe.Add(n.p, 1))) }

func (n node) setCount(count int) { *(*uint8)(n.p) = uint8(count) }

// at returns the address of value i of a column.
func (n node) at(start, width, i int) unsafe.Pointer {
	return unsafe.Add(n.p, headerBytes+n.room()*start+i*width)
}

// keyAt returns the address of key i. The keys are aligned.
func (n node) keyAt(i int) *uint64 {
	return (*uint64)(unsafe.Add(n.p, headerBytes+i*keyBytes))
}

func (n node) key(i int) uint64 { return *n.keyAt(i) }

// keys returns all keys.
func (n node) keys() []uint64 {
	return unsafe.Slice(n.keyAt(0), n.count())
}

func loadRef(p unsafe.Pointer) arena.Ref {
	b := (*[refBytes]byte)(p)
	return arena.Ref(binary.LittleEndian.Uint32(b[:4])) | arena.Ref(b[4])<<32
}

func storeRef(p unsafe.Pointer, ref arena.Ref) {
	b := (*[refBytes]byte)(p)
	binary.LittleEndian.PutUint32(b[:4], uint32(ref))
	b[4] = uint8(ref >> 32)
}

func (n node) ref(i int) arena.Ref { return loadRef(n.at(refStart, refBytes, i)) }

// entry returns entry i of a leaf, or the first entry under child i.
func (n node) entry(i int) Entry { return Entry{n.key(i), n.ref(i)} }

func (n node) setEntry(i int, e Entry) {
	*n.keyAt(i) = e.Key
	storeRef(n.at(refStart, refBytes, i), e.Ref)
}

// weight returns the weight under child i of an inner node.
func (n node) weight(i int) uint64 {
	return binary.LittleEndian.Uint64(n.weightsFrom(i, 1))
}

func (n node) setWeight(i int, weight uint64) {
	binary.LittleEndian.PutUint64(n.weightsFrom(i, 1), weight)
}

// weightsFrom returns the bytes of count weights from i on.
func (n node) weightsFrom(i, count int) []byte {
	return unsafe.Slice((*byte)(n.at(weightStart, weightBytes, i)), count*weightBytes)
}

func (n node) child(i int) arena.Ref { return loadRef(n.at(childStart, refBytes, i)) }

func (n node) setChild(i int, child arena.Ref) { storeRef(n.at(childStart, refBytes, i), child) }

// weights adds the weights of count entries or children of a node, from i on.
func (ty *Type) weights(n node, level, i, count int) uint64 {
	if level == 0 && !ty.Weighted {
		return uint64(count)
	}
	var sum uint64
	if level == 0 {
		for _, weight := range n.keys()[i : i+count] {
			sum += weight
		}
		return sum
	}
	for b := n.weightsFrom(i, count); len(b) > 0; b = b[weightBytes:] {
		sum += binary.LittleEndian.Uint64(b)
	}
	return sum
}

// bytes returns count values of a column from i on.
func (n node) bytes(c column, i, count int) []byte {
	return unsafe.Slice((*byte)(n.at(c.start, c.width, i)), count*c.width)
}

// move copies count entries or children from place i of a node to place j of
// another, or the same.
func (k *kind) move(to node, j int, from node, i, count int) {
	for _, c := range k.columns {
		copy(to.bytes(c, j, count), from.bytes(c, i, count))
	}
}

// open makes room for one more at i, which the caller sets.
func (k *kind) open(n node, i int) {
	count := n.count()
	k.move(n, i+1, n, i, count-i)
	n.setCount(count + 1)
}

// remove takes out what is at i.
func (k *kind) remove(n node, i int) {
	count := n.count() - 1
	k.move(n, i, n, i+1, count-i)
	n.setCount(count)
}

// sizeFor returns how big a block to ask for when count are to be held: with
// slack for one more at least, so that not every insertion needs another block.
func (k *kind) sizeFor(count int) int {
	return headerBytes + k.width*min(k.max, count+1+count/8)
}

// loose reports whether three quarters of the node's block would do.
func (k *kind) loose(n node) bool {
	return 4*k.sizeFor(n.count()) <= 3*(headerBytes+k.width*n.room())
}

// thin reports whether the node had better be merged with another.
func (k *kind) thin(n node) bool { return 4*n.count() < k.max }

// newNode returns a node with room for count, and more if there can be, that
// holds none.
func (t *Tree) newNode(a *arena.Arena, k *kind, count int) (arena.Ref, node) {
	ref := a.Alloc(k.sizeFor(count))
	size := a.Cap(ref)
	t.bytes += int64(size)
	n := node{a.Ptr(ref)}
	*(*uint64)(n.p) = 0
	*(*uint8)(unsafe.Add(n.p, 1)) = uint8(min(k.max, (size-headerBytes)/k.width))
	return ref, n
}

func (t *Tree) freeNode(a *arena.Arena, ref arena.Ref) {
	t.bytes -= int64(a.Cap(ref))
	a.Free(ref)
}

// nodeRef returns the reference of the node under a step: a parent and its
// child, or the zero step for the root.
func (t *Tree) nodeRef(parent step) arena.Ref {
	if parent.n.p == nil {
		return t.root
	}
	return parent.n.child(parent.i)
}

// resize moves a node to a block with room for count, and more if there can be.
func (t *Tree) resize(a *arena.Arena, k *kind, parent step, count int) node {
	ref, to := t.newNode(a, k, count)
	old := t.nodeRef(parent)
	from := node{a.Ptr(old)}
	k.move(to, 0, from, 0, from.count())
	to.setCount(from.count())
	if parent.n.p == nil {
		t.root = ref
	} else {
		parent.n.setChild(parent.i, ref)
	}
	t.freeNode(a, old)
	return to
}

package store

import (
	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
	"github.com/codecrafters-io/redis-starter-go/app/rdb"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// The nodes of lists. A node is a block that begins with the size of its
// listpack, or with a number that is too small for one and says what else it is:
//
//	packed       the listpack
//	compressed   4 bytes 0, 4 bytes size of the listpack, 4 bytes size of its
//	             LZF form, that form
//	large        4 bytes 1, 4 bytes nothing, 8 bytes length, the element
//
// Reading a compressed node expands it into a buffer and leaves it as it is. To
// be changed it is expanded in its place, and compressed again behind the
// change if it stands where nodes are.

// A nodeKind says how a node is kept.
type nodeKind int

const (
	nodePacked nodeKind = iota
	nodeCompressed
	nodeLarge
)

const (
	compressedMark = 0
	compressedHead = 12
	largeMark      = 1
	largeHead      = 16

	// Redis's conditions for compressing a node.
	compressMin  = 48
	compressGain = 8
)

// compressedHeader is how a compressed node begins.
type compressedHeader struct{ mark, size, packed uint32 }

// largeHeader is how a large node begins.
type largeHeader struct {
	mark uint32
	size uint64
}

func (kv *KVStore) nodeKind(ref arena.Ref) nodeKind {
	switch *(*uint32)(kv.arena.Ptr(ref)) {
	case compressedMark:
		return nodeCompressed
	case largeMark:
		return nodeLarge
	}
	return nodePacked
}

// nodeSize is the size of a node's listpack, compressed or not, or the length
// of its large element.
func (kv *KVStore) nodeSize(ref arena.Ref) int {
	p := kv.arena.Ptr(ref)
	switch n := *(*uint32)(p); n {
	case compressedMark:
		return int((*compressedHeader)(p).size)
	case largeMark:
		return int((*largeHeader)(p).size)
	default:
		return int(n)
	}
}

// nodeUsed is how much of its block a node needs.
func (kv *KVStore) nodeUsed(ref arena.Ref) int {
	switch kv.nodeKind(ref) {
	case nodeCompressed:
		return compressedHead + int((*compressedHeader)(kv.arena.Ptr(ref)).packed)
	case nodeLarge:
		return largeHead + kv.nodeSize(ref)
	}
	return kv.nodeSize(ref)
}

// A listNode is what a node holds, for reading: it is good until another node
// is read or the list changes.
type listNode struct {
	lp    []byte
	large []byte // the element of a large node, which has no listpack
}

// readNode reads a node.
func (kv *KVStore) readNode(ref arena.Ref) listNode {
	switch n := kv.nodeSize(ref); kv.nodeKind(ref) {
	case nodePacked:
		return listNode{lp: kv.arena.Bytes(ref, n)[:n:n]}
	case nodeLarge:
		return listNode{large: kv.arena.Bytes(ref, largeHead+n)[largeHead:]}
	default:
		kv.lists.expanded = kv.expand(kv.lists.expanded[:0], ref)
		return listNode{lp: kv.lists.expanded}
	}
}

// expand appends the listpack of a compressed node to dst.
func (kv *KVStore) expand(dst []byte, ref arena.Ref) []byte {
	h := (*compressedHeader)(kv.arena.Ptr(ref))
	packed := kv.arena.Bytes(ref, compressedHead+int(h.packed))[compressedHead:]
	b, _ := rdb.DecompressLZF(dst, packed, int(h.size)) // it was compressed here
	return b
}

// The places in a node are those of its listpack, 0 for none; the element of a
// large node is at 1.
const largePlace = 1

func (n *listNode) first() int {
	if n.lp == nil {
		return largePlace
	}
	return listpack.First(n.lp)
}

func (n *listNode) last() int {
	if n.lp == nil {
		return largePlace
	}
	return listpack.Last(n.lp)
}

func (n *listNode) next(p int) int {
	if n.lp == nil {
		return 0
	}
	if p = listpack.Next(n.lp, p); listpack.AtEnd(n.lp, p) {
		return 0
	}
	return p
}

func (n *listNode) prev(p int) int {
	if n.lp == nil {
		return 0
	}
	return listpack.Prev(n.lp, p)
}

// seek is the place of the element with an index, which must be there.
func (n *listNode) seek(index int) int {
	if n.lp == nil {
		return largePlace
	}
	return listpack.Seek(n.lp, index)
}

func (n *listNode) value(p int) listpack.Value {
	if n.lp == nil {
		return listpack.Value{Str: n.large}
	}
	return listpack.Get(n.lp, p)
}

// find is the place of the first element from p on that equals s, 0 when there
// is none.
func (n *listNode) find(p int, s string) int {
	if n.lp == nil {
		if string(n.large) == s {
			return largePlace
		}
		return 0
	}
	return max(0, listpack.Find(n.lp, p, s, 0))
}

// A probe is an element that is looked for, ready to be compared with many.
type probe struct {
	s     string
	n     int64 // what s is when isInt
	isInt bool
}

func newProbe(s string) probe {
	n, isInt := canonicalInt(s)
	return probe{s, n, isInt}
}

// equal reports whether the element at a place is the one that is looked for.
func (n *listNode) equal(p int, want *probe) bool {
	if n.lp == nil {
		return string(n.large) == want.s
	}
	str, number, isInt := listpack.Read(n.lp, p)
	if isInt {
		return want.isInt && number == want.n
	}
	return string(str) == want.s
}

// packedNode makes a node that is a copy of a listpack.
func (kv *KVStore) packedNode(lp []byte) arena.Ref {
	ref := kv.arena.Alloc(len(lp))
	copy(kv.arena.Bytes(ref, len(lp)), lp)
	return ref
}

// elementNode makes a node of one element, in a block that has room for size
// bytes if it is a listpack.
func (kv *KVStore) elementNode(s string, size int) arena.Ref {
	if len(s) < kv.lists.large {
		ref := kv.arena.Alloc(max(size, listpack.EmptySize+listpack.EncodedSize(s)))
		listpack.Append(listpack.Init(kv.nodeBlock(ref)), s)
		return ref
	}
	ref := kv.arena.Alloc(largeHead + len(s))
	*(*largeHeader)(kv.arena.Ptr(ref)) = largeHeader{largeMark, uint64(len(s))}
	copy(kv.arena.Bytes(ref, largeHead+len(s))[largeHead:], s)
	return ref
}

// nodeBlock is the whole block of a node.
func (kv *KVStore) nodeBlock(ref arena.Ref) []byte { return kv.arena.Bytes(ref, kv.arena.Cap(ref)) }

// copyNode copies a node.
func (kv *KVStore) copyNode(ref arena.Ref) arena.Ref {
	n := kv.nodeUsed(ref)
	to := kv.arena.Alloc(n)
	copy(kv.arena.Bytes(to, n), kv.arena.Bytes(ref, n))
	return to
}

// openNode readies the node at the cursor, which is not large, for edits that
// need so many bytes more: it is expanded, and its block has room for them, or
// for size bytes in all if that is more and the block must grow anyway. The
// listpack is returned with that room behind it.
func (l *list) openNode(c *tree.Cursor, more, size int) []byte {
	kv := l.db.kv
	a := kv.arena
	n := c.Entry()
	used := kv.nodeSize(n.Ref)
	need := used + more
	if kv.nodeKind(n.Ref) == nodeCompressed {
		ref := a.Alloc(max(need, size))
		kv.expand(kv.nodeBlock(ref)[:0], n.Ref)
		a.Free(n.Ref)
		n.Ref = ref
		l.root.nodes.Set(kv.lists.nodeType, c, n)
	} else if a.Cap(n.Ref) < need {
		n.Ref = a.Resize(n.Ref, used, max(need, size))
		l.root.nodes.Set(kv.lists.nodeType, c, n)
	}
	return kv.nodeBlock(n.Ref)[:used]
}

// shutNode notes that the node at the cursor, whose listpack has been edited,
// has more elements than before, or fewer. One between others is made to fit,
// and compressed if it stands where nodes are.
func (l *list) shutNode(c *tree.Cursor, more int) {
	l.recount(c, more)
	l.settleNode(c)
}

// recount notes how many elements more the node at the cursor has.
func (l *list) recount(c *tree.Cursor, more int) {
	if more != 0 {
		n := c.Entry()
		n.Key += uint64(more)
		l.root.nodes.Set(l.db.kv.lists.nodeType, c, n)
	}
}

// settleNode makes the node at the cursor as small as its place wants it.
func (l *list) settleNode(c *tree.Cursor) {
	switch depth := int(l.root.depth); {
	case depth > 0 && !l.nearEnd(c, depth):
		l.compressNode(c)
	case l.nearEnd(c, 1):
		l.shrinkNode(c)
	default:
		l.fitNode(c)
	}
}

// nearEnd reports whether the node at the cursor is one of so many from either
// end.
func (l *list) nearEnd(c *tree.Cursor, depth int) bool {
	if l.root.nodes.Len() <= 2*depth {
		return true
	}
	ty := l.db.kv.lists.nodeType
	forward, back := *c, *c
	for range depth {
		if !forward.Next(ty) || !back.Prev(ty) {
			return true
		}
	}
	return false
}

// fitNode makes the block of the node at the cursor as small as it can be.
func (l *list) fitNode(c *tree.Cursor) { l.resizeNode(c, l.db.kv.nodeUsed(c.Entry().Ref)) }

// shrinkNode gives back what the block of a node at an end has too much of,
// once it is worth while. It leaves some room, so that pushes and pops in turn
// do not make the block grow and shrink in turn.
func (l *list) shrinkNode(c *tree.Cursor) {
	const worthWhile = 128
	kv := l.db.kv
	ref := c.Entry().Ref
	if used := kv.nodeUsed(ref); kv.arena.Cap(ref) > used+used/4+worthWhile {
		l.resizeNode(c, used+used/8)
	}
}

func (l *list) resizeNode(c *tree.Cursor, size int) {
	kv := l.db.kv
	n := c.Entry()
	if kv.arena.Cap(n.Ref) == arena.RoundUp(size) {
		return
	}
	n.Ref = kv.arena.Resize(n.Ref, kv.nodeUsed(n.Ref), size)
	l.root.nodes.Set(kv.lists.nodeType, c, n)
}

// compressNode compresses the node at the cursor, if it can be and it is worth
// while, and makes its block fit if not.
func (l *list) compressNode(c *tree.Cursor) {
	kv := l.db.kv
	n := c.Entry()
	if kv.nodeKind(n.Ref) != nodePacked {
		return
	}
	size := kv.nodeSize(n.Ref)
	packed := kv.lists.packed[:0]
	if size >= compressMin {
		packed = rdb.CompressLZF(packed, kv.arena.Bytes(n.Ref, size))
	}
	if len(packed) == 0 || len(packed)+compressGain >= size {
		l.fitNode(c)
		return
	}
	kv.lists.packed = packed
	ref := kv.arena.Alloc(compressedHead + len(packed))
	*(*compressedHeader)(kv.arena.Ptr(ref)) = compressedHeader{compressedMark, uint32(size), uint32(len(packed))}
	copy(kv.arena.Bytes(ref, compressedHead+len(packed))[compressedHead:], packed)
	kv.arena.Free(n.Ref)
	n.Ref = ref
	l.root.nodes.Set(kv.lists.nodeType, c, n)
}

// settleEnds restores what is true of the ends when nodes have come or gone:
// those up to the depth are expanded, and the ones behind them compressed.
func (l *list) settleEnds() {
	depth := int(l.root.depth)
	if depth == 0 {
		return
	}
	ty := l.db.kv.lists.nodeType
	var c tree.Cursor
	l.root.nodes.First(ty, &c)
	for i := 0; i < depth && c.Valid(); i++ {
		l.expandNode(&c)
		c.Next(ty)
	}
	if l.root.nodes.Len() > 2*depth {
		l.compressNode(&c)
	}
	l.root.nodes.Last(ty, &c)
	for i := 0; i < depth && c.Valid(); i++ {
		l.expandNode(&c)
		c.Prev(ty)
	}
	if l.root.nodes.Len() > 2*depth {
		l.compressNode(&c)
	}
}

// expandNode expands the node at the cursor, if it is compressed.
func (l *list) expandNode(c *tree.Cursor) {
	if l.db.kv.nodeKind(c.Entry().Ref) == nodeCompressed {
		l.openNode(c, 0, 0)
	}
}

// boundScratch lets go of the buffers when an exceptional element has made one
// big. That keepSize is a power of two makes the check short.
func (s *listState) boundScratch() {
	if cap(s.popped)|cap(s.entries)|cap(s.expanded)|cap(s.packed) >= keepSize {
		s.popped, s.entries, s.expanded, s.packed = nil, nil, nil, nil
	}
}

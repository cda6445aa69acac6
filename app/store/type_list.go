package store

import (
	"math"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// Lists as values. A list is a sequence of nodes, each of which is a listpack
// of as many elements as list-max-listpack-size lets it have, or one element
// that is too big for any listpack. As long as one node holds all, it lies
// within the record. From then on the nodes are blocks of their own in a tree
// that counts the elements under each branch, so that the one at an index is
// found without passing over those before it:
//
//	record ─▶ root ─▶ tree ─▶ [123 elements] [98] [117] … [40]
//	                            │
//	                            ▼ listpack
//
// Redis chains the nodes instead, and calls either form a quicklist. Where a
// node ends is Redis's choice in each case, but for pieces that LREM leaves,
// which are joined here. With list-compress-depth the nodes beyond so many from
// either end are kept compressed (type_list_node.go).
//
// What must stay true: a node has elements; the tree's number for it is how
// many. A node at an end may have room to grow in its block, for that is where
// pushes go; one between others has none. Nodes up to the depth from either end
// are not compressed.

// A listRoot is the root of a list of several nodes, or of one that is too big
// for its record. Between a pop and what follows it may have none.
type listRoot struct {
	nodes tree.Tree // Key is the number of elements of a node, Ref its block
	fill  int32     // list-max-listpack-size when the root was made
	depth int32     // list-compress-depth then; 0 compresses nothing
}

const (
	// listInlineMax is the size up to which a list may lie within its record.
	// Redis has it as the most that a node of several elements may have when
	// list-max-listpack-size is a number of elements.
	listInlineMax = 8192

	// listReturnMax is the size from which the last node of a list goes back
	// into the record. It is small enough that no list goes back and forth.
	listReturnMax = 2048
)

// listSizes are the bytes of a node by list-max-listpack-size, from -1 down.
var listSizes = [...]int{4096, 8192, 16384, 32768, 65536}

// largeElement is the length from which an element is no listpack's, as in
// Redis: with its header it would not fit.
const largeElement = 1 << 30

// A listState is what the lists of one store share.
type listState struct {
	nodeType *tree.Type
	large    int    // largeElement, or what DEBUG QUICKLIST-PACKED-THRESHOLD says
	popped   []byte // the element that listPop returned last
	entries  []byte // entries that are to be added together
	expanded []byte // the compressed node that was read last
	packed   []byte // where a node is compressed
}

func (kv *KVStore) initLists() {
	kv.lists.nodeType = &tree.Type{Arena: kv.arena, Weighted: true}
	kv.lists.large = largeElement
}

// clampFill brings list-max-listpack-size into the range that Redis's lists
// have for it.
func clampFill(fill int64) int32 {
	return int32(min(max(fill, -int64(len(listSizes))), math.MaxInt16))
}

// clampDepth is clampFill for list-compress-depth.
func clampDepth(depth int64) int32 { return int32(min(max(depth, 0), math.MaxUint16)) }

// withinFill reports whether a node of that many bytes and elements is within
// list-max-listpack-size.
func withinFill(fill int32, size, count int) bool {
	if fill < 0 {
		return size <= listSizes[-fill-1]
	}
	return size <= listInlineMax && count <= int(fill)
}

// takes reports whether a node, which has elements, takes one more of n bytes.
// The size of its entry is estimated as Redis does, too high if anything.
func (kv *KVStore) takes(fill int32, size, count, n int) bool {
	const entryEstimate = 8
	return n < kv.lists.large && withinFill(fill, size+n+entryEstimate, count+1)
}

// A list is a list value at hand.
type list struct {
	db   *database
	e    entry     // not ok while the key is to be made
	root *listRoot // nil when the list lies within its record
}

// list is the list of an entry.
func (db *database) list(e entry) list {
	db.kv.lists.boundScratch()
	l := list{db: db, e: e}
	if e.ok() && e.enc() == encQuicklist {
		l.root = rootOf[listRoot](db.kv, e)
	}
	return l
}

// len is the number of elements.
func (l *list) len() int {
	if l.root == nil {
		return listpack.Len(l.e.listpack())
	}
	return int(l.root.nodes.Weight())
}

// fill is the list-max-listpack-size that holds for the list.
func (l *list) fill() int32 {
	if l.root == nil {
		return l.db.kv.listFill
	}
	return l.root.fill
}

// depth is the list-compress-depth that holds for the list.
func (l *list) depth() int32 {
	if l.root == nil {
		return l.db.kv.listDepth
	}
	return l.root.depth
}

// listLength is the number of elements of a list.
func (kv *KVStore) listLength(e entry) int {
	l := kv.dbs[0].list(e)
	return l.len()
}

// newListRoot makes a root without nodes, of the directives' limits.
func (kv *KVStore) newListRoot() (arena.Ref, *listRoot) {
	ref, root := newRoot[listRoot](kv)
	root.fill, root.depth = kv.listFill, kv.listDepth
	return ref, root
}

// toNodes moves a list from its record to a node of its own.
func (l *list) toNodes() {
	kv := l.db.kv
	lp := l.e.listpack()
	ref, root := kv.newListRoot()
	if n := listpack.Len(lp); n > 0 {
		var c tree.Cursor
		root.nodes.First(kv.lists.nodeType, &c)
		root.nodes.Insert(kv.lists.nodeType, &c, tree.Entry{Key: uint64(n), Ref: kv.packedNode(lp)})
	}
	l.e = l.db.recast(l.e, encQuicklist, outside)
	l.e.setOutside(ref, 0)
	l.root = root
}

// toRecord moves a list into its record when little is left of it. The entry
// may move.
func (l *list) toRecord() {
	if l.root == nil || l.root.nodes.Len() != 1 {
		return
	}
	kv := l.db.kv
	var c tree.Cursor
	l.root.nodes.First(kv.lists.nodeType, &c)
	n := c.Entry()
	size := kv.nodeSize(n.Ref)
	if kv.nodeKind(n.Ref) != nodePacked || size > listReturnMax || l.root.fill >= 0 && int(n.Key) > int(l.root.fill)/2 {
		return
	}
	root := l.e.outsideRef()
	l.e = l.db.recast(l.e, encListpack, size)
	copy(unsafe.Slice((*byte)(l.e.value()), size), kv.arena.Bytes(n.Ref, size))
	kv.drainList(root, 1)
	l.root = nil
}

// room makes room for more bytes in a list within its record, and returns its
// listpack with that room behind it. The entry may move.
func (l *list) room(more int) (b []byte) {
	l.e, b = l.db.growListpack(l.e, more)
	return b
}

// fitRecord gives back what a record has too much of, once it is worth while.
// The entry may move.
func (l *list) fitRecord() {
	need := recordSize(len(l.e.key()), l.e.valueSize(), l.e.hasExpiry())
	if l.db.kv.arena.Cap(l.e.ref) > need+need/4+16 {
		l.e = l.db.fitListpack(l.e)
	}
}

// fit gives back the memory that removals have freed. The entry may move.
func (l *list) fit() {
	if l.root == nil {
		l.fitRecord()
	} else {
		l.toRecord()
	}
}

// drainList frees the nodes of so many of the tree's leaves, and the root at
// last.
func (kv *KVStore) drainList(root arena.Ref, steps int) (done bool) {
	r := (*listRoot)(kv.arena.Ptr(root))
	if !r.nodes.Drain(kv.lists.nodeType, steps, func(n tree.Entry) { kv.arena.Free(n.Ref) }) {
		return false
	}
	kv.arena.Free(root)
	return true
}

// copyList copies a list with its nodes.
func (kv *KVStore) copyList(root arena.Ref) arena.Ref {
	from := (*listRoot)(kv.arena.Ptr(root))
	ref, to := newRoot[listRoot](kv)
	to.fill, to.depth = from.fill, from.depth
	ty := kv.lists.nodeType
	var c tree.Cursor
	to.nodes.First(ty, &c)
	for n := range from.nodes.All(ty) {
		to.nodes.Insert(ty, &c, tree.Entry{Key: n.Key, Ref: kv.copyNode(n.Ref)})
		c.Next(ty)
	}
	return ref
}

// listBytes is the memory of a list, as blockBytes counts it. What is sampled
// are nodes.
func (kv *KVStore) listBytes(root arena.Ref, samples int64) int64 {
	r := (*listRoot)(kv.arena.Ptr(root))
	return int64(kv.arena.Cap(root)) + kv.nodeBytes(&r.nodes, kv.lists.nodeType, samples)
}

func (kv *KVStore) listLen(root arena.Ref) int {
	return int((*listRoot)(kv.arena.Ptr(root)).nodes.Weight())
}

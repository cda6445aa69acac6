package store

import (
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/dict"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// Values beside strings. Small ones are a listpack or an intset within their
// record, and move with it. Big ones are made of many blocks; their record
// refers to the root, a block that never moves and holds what the value is made
// of: tables, trees and counts, without Go pointers. What the keyspace must be
// able to do with such a value, whatever its type, is here: free it in steps,
// copy it, and count its bytes.

// listpack is a view of a listpack value, with no room behind it.
func (e entry) listpack() []byte {
	v := (*byte)(e.value())
	n := int(*(*uint32)(unsafe.Pointer(v)))
	return unsafe.Slice(v, n)[:n:n]
}

// growListpack makes room for n more bytes in a listpack value, whose bytes it
// returns: the caller adds entries to them, of n bytes together. The record may
// move, unless there is room in its block; offsets within the listpack stay.
func (db *database) growListpack(e entry, n int) (entry, []byte) {
	size := len(e.listpack())
	if db.kv.arena.Cap(e.ref) < recordSize(len(e.key()), size+n, e.hasExpiry()) {
		e = db.resizeValue(e, size+n)
	}
	return e, unsafe.Slice((*byte)(e.value()), size+n)[:size]
}

// fitListpack makes the record as small as its listpack has become. The record
// may move.
func (db *database) fitListpack(e entry) entry {
	a := db.kv.arena
	if a.Cap(e.ref) == arena.RoundUp(recordSize(len(e.key()), e.valueSize(), e.hasExpiry())) {
		return e
	}
	return db.resizeValue(e, e.valueSize())
}

// insertListpack makes a new key, whose value is an empty listpack with room
// for size bytes in all.
func (db *database) insertListpack(key string, t valueType, size int) (entry, []byte) {
	e := db.place(entry{}, key, t, encListpack, size, -1)
	return e, listpack.Init(unsafe.Slice((*byte)(e.value()), size))
}

// replyText writes an entry of a listpack as a string.
func (c *Client) replyText(lp []byte, p int) {
	if str, n, isInt := listpack.Read(lp, p); isInt {
		c.reply.BulkInt(n)
	} else {
		c.reply.BulkBytes(str)
	}
}

// replyValue is replyText for one that has been read.
func (c *Client) replyValue(v listpack.Value) {
	if v.IsInt {
		c.reply.BulkInt(v.Int)
	} else {
		c.reply.BulkBytes(v.Str)
	}
}

// rootOf is the root of a value made of blocks, as what it is. The root does
// not move, so the pointer is good for as long as the value is.
func rootOf[T any](kv *KVStore, e entry) *T { return (*T)(kv.arena.Ptr(e.outsideRef())) }

// newRoot allocates a zero root.
func newRoot[T any](kv *KVStore) (arena.Ref, *T) {
	var zero T
	ref := kv.arena.AllocZero(int(unsafe.Sizeof(zero)))
	return ref, (*T)(kv.arena.Ptr(ref))
}

// A drainable is something dropped that is freed in steps.
type drainable interface {
	drain(steps int) (done bool)
	pending() int64 // values in it
}

// A droppedValue is a value that no record refers to any more.
type droppedValue struct {
	kv   *KVStore
	enc  encoding
	root arena.Ref
}

func (d *droppedValue) drain(steps int) bool { return d.kv.drainBlocks(d.enc, d.root, steps) }
func (d *droppedValue) pending() int64       { return 1 }

// drainLater leaves it to cron to free something.
func (kv *KVStore) drainLater(d drainable) {
	kv.drains = append(kv.drains, d)
	kv.cron.nudge()
}

// freedAtOnce is the number of elements up to which a value is freed on the spot.
const freedAtOnce = 64

// dropValue frees a value made of blocks, in steps unless it is small. It reports
// whether that is still to be done.
func (kv *KVStore) dropValue(enc encoding, root arena.Ref) (later bool) {
	if kv.saver != nil && kv.saver.keeps(root) {
		return true
	}
	if kv.blockLen(enc, root) > freedAtOnce {
		kv.drainLater(&droppedValue{kv, enc, root})
		return true
	}
	for !kv.drainBlocks(enc, root, freedAtOnce) {
	}
	return false
}

// drainBlocks frees so many buckets or leaves of a value, and its root at last.
// It reports whether nothing is left. In between the value is whole, with fewer
// elements.
func (kv *KVStore) drainBlocks(enc encoding, root arena.Ref, steps int) (done bool) {
	switch enc {
	case encTable:
		return kv.drainTable(root, steps)
	case encExpiring:
		return kv.drainExpiring(root, steps)
	case encSkiplist:
		return kv.drainZset(root, steps)
	case encQuicklist:
		return kv.drainList(root, steps)
	default:
		return kv.drainStream(root, steps)
	}
}

// copyBlocks copies a value and returns the root of the copy.
func (kv *KVStore) copyBlocks(enc encoding, root arena.Ref) arena.Ref {
	switch enc {
	case encTable:
		return kv.copyTable(root)
	case encExpiring:
		return kv.copyExpiring(root)
	case encSkiplist:
		return kv.copyZset(root)
	case encQuicklist:
		return kv.copyList(root)
	default:
		return kv.copyStream(root)
	}
}

// blockBytes is the memory of a value, root included. Of its elements only the
// first samples are looked at, the others being taken for average; all when
// samples is math.MaxInt64, and then the answer is exact.
func (kv *KVStore) blockBytes(enc encoding, root arena.Ref, samples int64) int64 {
	switch enc {
	case encTable:
		return kv.tableBytes(root, samples)
	case encExpiring:
		return kv.expiringBytes(root, samples)
	case encSkiplist:
		return kv.zsetBytes(root, samples)
	case encQuicklist:
		return kv.listBytes(root, samples)
	default:
		return kv.streamBytes(root, samples)
	}
}

// nodeBytes is the memory of a tree and of the nodes that it refers to, some of
// them looked at.
func (kv *KVStore) nodeBytes(nodes *tree.Tree, t *tree.Type, samples int64) int64 {
	var seen, sum int64
	for e := range nodes.All(t) {
		if seen == samples {
			break
		}
		seen++
		sum += int64(kv.arena.Cap(e.Ref))
	}
	if all := int64(nodes.Len()); seen > 0 && seen < all {
		sum = sum / seen * all
	}
	return nodes.Bytes() + sum
}

// blockLen is the number of elements of a value.
func (kv *KVStore) blockLen(enc encoding, root arena.Ref) int {
	switch enc {
	case encTable:
		return (*dict.Dict)(kv.arena.Ptr(root)).Len()
	case encExpiring:
		return kv.expiringLen(root)
	case encSkiplist:
		return kv.zsetLen(root)
	case encQuicklist:
		return kv.listLen(root)
	default:
		return kv.streamLen(root)
	}
}

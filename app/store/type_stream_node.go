package store

import (
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
)

// Nodes of streams. A node is a block with some entries, as the listpack that
// Redis has in its dumps:
//
//	sequence 8   listpack: the master, an entry, an entry, …
//
//	master   count   deleted   fields   name … name   0
//	entry    flags   ms   seq   [fields   name   value …]   value …   pieces
//
// The sequence, with the milliseconds that the tree has, is the ID of the node's
// first entry, the master ID; ms and seq are what an entry's ID has beyond it.
// The master has the names of the fields of the entry that began the node. An
// entry with the same names in the same order has only the values; others have
// everything. Pieces is the number of listpack entries before it that make up
// the entry, so that one can walk backwards; the master ends with 0 instead.
//
// A deleted entry stays, with a flag, until the node has no other ones. Count
// are the entries that are left.

// The flags of an entry.
const (
	entryDeleted    = 1
	entrySameFields = 2
)

const streamNodeHead = 8 // bytes of the sequence

// A streamNode is a node that is looked at.
type streamNode struct {
	ref      arena.Ref
	b        []byte // the listpack
	count    int64
	deleted  int64
	fields   int // of the master
	fieldsAt int // position of the first name
}

// listpackOf is a view of a node's listpack.
func (kv *KVStore) listpackOf(ref arena.Ref) []byte {
	p := (*byte)(unsafe.Add(kv.arena.Ptr(ref), streamNodeHead))
	n := listpack.Size(unsafe.Slice(p, listpack.HeaderSize))
	return unsafe.Slice(p, n)
}

// masterSeq is the sequence of a node's master ID.
func (kv *KVStore) masterSeq(ref arena.Ref) uint64 { return *(*uint64)(kv.arena.Ptr(ref)) }

// streamNodeAt reads the master of a node.
func (kv *KVStore) streamNodeAt(ref arena.Ref) (n streamNode) {
	n.ref, n.b = ref, kv.listpackOf(ref)
	p := listpack.HeaderSize
	n.count, p = readInt(n.b, p)
	n.deleted, p = readInt(n.b, p)
	fields, p := readInt(n.b, p)
	n.fields, n.fieldsAt = int(fields), p
	return n
}

// readInt reads an integer of a listpack and steps on.
func readInt(b []byte, p int) (int64, int) {
	if c := b[p]; c < 0x80 { // the short form of most
		return int64(c), p + 2
	}
	_, n, _ := listpack.Read(b, p)
	return n, listpack.Next(b, p)
}

// skip steps over n entries of a listpack.
func skip(b []byte, p, n int) int {
	for ; n > 0; n-- {
		p = listpack.Next(b, p)
	}
	return p
}

// firstEntry is the position of the node's first entry.
func (n *streamNode) firstEntry() int { return skip(n.b, n.fieldsAt, n.fields+1) }

// An entryHead is where an entry is and what stands before its fields.
type entryHead struct {
	at       int // position of the flags
	flags    int64
	ms, seq  uint64 // beyond the master ID
	fields   int
	valuesAt int // position of the first value, or of the first name
}

// entryAt reads the head of the entry at p.
func (n *streamNode) entryAt(p int) (h entryHead) {
	b := n.b
	var ms, seq int64
	h.at, h.fields = p, n.fields
	h.flags, p = readInt(b, p)
	ms, p = readInt(b, p)
	seq, p = readInt(b, p)
	if h.flags&entrySameFields == 0 {
		var fields int64
		fields, p = readInt(b, p)
		h.fields = int(fields)
	}
	h.ms, h.seq, h.valuesAt = uint64(ms), uint64(seq), p
	return h
}

func (h *entryHead) deleted() bool { return h.flags&entryDeleted != 0 }

// pieces is the number of listpack entries from valuesAt to the next entry.
func (h *entryHead) pieces() int {
	if h.flags&entrySameFields != 0 {
		return h.fields + 1
	}
	return 2*h.fields + 1
}

// prevEntry is the position of the entry before p, or 0 when the master is.
func (n *streamNode) prevEntry(p int) int {
	p = listpack.Prev(n.b, p)
	pieces, _ := readInt(n.b, p)
	if pieces == 0 {
		return 0
	}
	for ; pieces > 0; pieces-- {
		p = listpack.Prev(n.b, p)
	}
	return p
}

// idAt is the ID of an entry of the node whose master ID is given.
func (h *entryHead) id(master streamID) streamID {
	return streamID{master.ms + h.ms, master.seq + h.seq}
}

// lastID is the ID of the node's last entry, be it deleted or not.
func (n *streamNode) lastID(master streamID) streamID {
	h := n.entryAt(n.prevEntry(len(n.b) - 1))
	return h.id(master)
}

// sameFields reports whether the pairs have the names of the master.
func (n *streamNode) sameFields(pairs []string) bool {
	if len(pairs) != 2*n.fields {
		return false
	}
	p := n.fieldsAt
	for i := 0; i < len(pairs); i += 2 {
		str, num, isInt := listpack.Read(n.b, p)
		if isInt && !(listpack.Value{Int: num, IsInt: true}).Equal(pairs[i]) || !isInt && string(str) != pairs[i] {
			return false
		}
		p = listpack.Next(n.b, p)
	}
	return true
}

// markDeleted flags the entry at p, of which the node has more.
func (n *streamNode) markDeleted(h *entryHead) {
	listpack.ReplaceInt(n.b, h.at, h.flags|entryDeleted) // of the same size
}

// appendMaster appends the master of a node that begins with these pairs.
func appendMaster(dst []byte, pairs []string) []byte {
	dst = listpack.AppendEntryInt(dst, 1)
	dst = listpack.AppendEntryInt(dst, 0)
	dst = listpack.AppendEntryInt(dst, int64(len(pairs)/2))
	for i := 0; i < len(pairs); i += 2 {
		dst = listpack.AppendEntry(dst, pairs[i])
	}
	return listpack.AppendEntryInt(dst, 0)
}

// masterPieces is the number of listpack entries that appendMaster adds.
func masterPieces(pairs []string) int { return 4 + len(pairs)/2 }

// appendStreamEntry appends an entry, whose ID is id beyond that of the master,
// and returns the number of listpack entries besides.
func appendStreamEntry(dst []byte, beyond streamID, pairs []string, same bool) ([]byte, int) {
	flags, pieces := int64(0), 3+1+len(pairs)
	if same {
		flags, pieces = entrySameFields, 3+len(pairs)/2
	}
	dst = listpack.AppendEntryInt(dst, flags)
	dst = listpack.AppendEntryInt(dst, int64(beyond.ms))
	dst = listpack.AppendEntryInt(dst, int64(beyond.seq))
	if !same {
		dst = listpack.AppendEntryInt(dst, int64(len(pairs)/2))
	}
	for i, s := range pairs {
		if i%2 == 1 || !same {
			dst = listpack.AppendEntry(dst, s)
		}
	}
	return listpack.AppendEntryInt(dst, int64(pieces)), pieces + 1
}

// newStreamNode makes a node with one entry.
func (kv *KVStore) newStreamNode(id streamID, pairs []string) arena.Ref {
	buf := appendMaster(kv.entryBuf[:0], pairs)
	buf, pieces := appendStreamEntry(buf, streamID{}, pairs, true)
	size := listpack.EmptySize + len(buf)
	ref := kv.arena.Alloc(streamNodeHead + streamRoom(size))
	*(*uint64)(kv.arena.Ptr(ref)) = id.seq
	b := listpack.Init(kv.arena.Bytes(ref, streamNodeHead+size)[streamNodeHead:])
	listpack.Splice(b, listpack.HeaderSize, listpack.HeaderSize, buf, pieces+masterPieces(pairs))
	kv.keepEntryBuf(buf)
	return ref
}

// keepEntryBuf keeps the buffer that entries are put together in, unless it has
// become big.
func (kv *KVStore) keepEntryBuf(buf []byte) {
	if cap(buf) <= keepSize {
		kv.entryBuf = buf
	}
}

// streamRoom is the room that a listpack of this size gets when more is to come:
// it need not move each time. Once the node is finished it is made to fit.
func streamRoom(size int) int {
	const slackMin, slackMax = 32, 4096
	return size + min(size/2+slackMin, slackMax)
}

// growStreamNode makes room for so many bytes more in the listpack of the node, which
// may move; its ref says where to.
func (kv *KVStore) growStreamNode(n *streamNode, more int) {
	size := len(n.b)
	if room := kv.arena.Cap(n.ref) - streamNodeHead; size+more > room {
		n.ref = kv.arena.Resize(n.ref, streamNodeHead+size, streamNodeHead+streamRoom(size+more))
	}
	n.b = kv.arena.Bytes(n.ref, kv.arena.Cap(n.ref))[streamNodeHead:][:size]
}

// setCounts writes the counts of the master. The node may move, and positions
// behind them shift by the result.
func (kv *KVStore) setCounts(n *streamNode, count, deleted int64) (shift int) {
	before := len(n.b)
	more := listpack.EncodedSizeInt(count) - listpack.EncodedSizeInt(n.count) +
		listpack.EncodedSizeInt(deleted) - listpack.EncodedSizeInt(n.deleted)
	if more > 0 { // else it fits: a count that shrinks is written first
		kv.growStreamNode(n, more)
	}
	n.b = listpack.ReplaceInt(n.b, listpack.HeaderSize, count)
	n.b = listpack.ReplaceInt(n.b, listpack.Next(n.b, listpack.HeaderSize), deleted)
	n.count, n.deleted = count, deleted
	shift = len(n.b) - before
	n.fieldsAt += shift
	return shift
}

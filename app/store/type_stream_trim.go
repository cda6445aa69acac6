package store

import (
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// Trimming of streams: the oldest entries go. Whole nodes are freed; of the node
// where the limit lies the entries are only marked, or left alone when the limit
// is approximate.

// A trimWay is what a limit counts.
type trimWay uint8

const (
	noTrim trimWay = iota
	trimByLength
	trimByID
)

// trimArgs say how a stream is to be trimmed.
type trimArgs struct {
	by     trimWay
	approx bool
	most   int64    // entries to go at most, counted by whole nodes; 0 for no limit
	length int64    // entries to be left
	id     streamID // the first entry to be left
	at     int      // index of the argument that says how much is left
}

// trim removes the oldest entries and returns how many.
func (kv *KVStore) trim(s *stream, how *trimArgs) (removed int64) {
	var c tree.Cursor
	s.nodes.First(kv.streamType, &c)
	for c.Valid() && !how.reached(s) {
		n := kv.streamNodeAt(c.Entry().Ref)
		if how.most != 0 && removed+n.count > how.most {
			break
		}
		master := kv.masterID(&c)
		if how.beyond(s, &n, master) {
			kv.removeStreamNode(s, &c)
			s.length -= uint64(n.count)
			removed += n.count
			continue
		}
		if !how.approx {
			removed += kv.trimNode(s, &c, &n, how)
		}
		break
	}
	if removed > 0 {
		kv.setFirst(s)
	}
	return removed
}

// reached reports whether the stream is short enough.
func (how *trimArgs) reached(s *stream) bool {
	return how.by == noTrim || how.by == trimByLength && s.length <= uint64(how.length)
}

// beyond reports whether all of the first node has to go.
func (how *trimArgs) beyond(s *stream, n *streamNode, master streamID) bool {
	if how.by == trimByLength {
		return s.length-uint64(n.count) >= uint64(how.length)
	}
	return n.lastID(master).less(how.id)
}

// trimNode deletes the entries of the first node that have to go and returns how
// many. The node stays even if XDEL had deleted all others, as in Redis.
func (kv *KVStore) trimNode(s *stream, c *tree.Cursor, n *streamNode, how *trimArgs) (deleted int64) {
	if deleted = n.trim(s, how, kv.masterID(c)); deleted > 0 {
		kv.setCounts(n, n.count-deleted, n.deleted+deleted)
		kv.noteMove(s, c, n.ref)
	}
	return deleted
}

// trim marks the entries that have to go and returns how many.
func (n *streamNode) trim(s *stream, how *trimArgs, master streamID) (marked int64) {
	for p := n.firstEntry(); !listpack.AtEnd(n.b, p); {
		h := n.entryAt(p)
		if how.reached(s) || how.by == trimByID && !h.id(master).less(how.id) {
			break
		}
		if !h.deleted() {
			n.markDeleted(&h)
			s.length--
			marked++
		}
		p = skip(n.b, h.valuesAt, h.pieces())
	}
	return marked
}

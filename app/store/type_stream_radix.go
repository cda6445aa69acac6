package store

import (
	"math/bits"

	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// XINFO STREAM shows how many nodes the radix tree has in which Redis keeps a
// stream. Its keys are master IDs, of 16 bytes each. It has a node where keys
// part (a fork), one for what the keys share between two forks or behind the last
// (a chain), and one for the end of each key:
//
//	0000018bcfe56800 0…01 ┐         chain ── fork ┬─ chain ── end
//	0000018bcfe56864 0…01 ┘                       └─ chain ── end
//
// We have another tree, so we count what would be there.

// radixKeyLen is the length of a key.
const radixKeyLen = 16

// A radixCount counts the nodes of a radix tree, whose keys it is told in order.
type radixCount struct {
	forks [radixKeyLen]int // depths of the forks above the last key, the deepest last
	n     int              // how many these are
	depth int              // where the last key parts from the one before, -1 for the first key
	nodes int64
}

// radixNodes is the number of nodes. Of a long stream the beginning is looked
// at, and the rest taken to be alike.
func (kv *KVStore) radixNodes(s *stream) int64 {
	const keysMax = 1000
	var c tree.Cursor
	s.nodes.First(kv.streamType, &c)
	if !c.Valid() {
		return 1
	}
	r := radixCount{depth: -1}
	last, keys := kv.masterID(&c), 1
	for ; c.Next(kv.streamType) && keys < keysMax; keys++ {
		id := kv.masterID(&c)
		r.part(sharedBytes(last, id))
		last = id
	}
	r.part(-1)
	if all := s.nodes.Len(); keys < all {
		return r.nodes * int64(all) / int64(keys)
	}
	return r.nodes
}

// masterID is the master ID of the node at the cursor.
func (kv *KVStore) masterID(c *tree.Cursor) streamID {
	at := c.Entry()
	return streamID{at.Key, kv.masterSeq(at.Ref)}
}

// sharedBytes is the number of bytes that two keys begin with alike.
func sharedBytes(a, b streamID) int {
	if a.ms != b.ms {
		return bits.LeadingZeros64(a.ms^b.ms) / 8
	}
	return 8 + bits.LeadingZeros64(a.seq^b.seq)/8
}

// part says at what depth the key that follows parts from the last one; -1 that
// none follows. What hangs on the last key below that is complete.
func (r *radixCount) part(depth int) {
	r.nodes++ // the end of the last key
	r.edge(max(r.depth, depth), radixKeyLen)
	for r.n > 0 && r.forks[r.n-1] > depth {
		r.n--
		above := depth
		if r.n > 0 {
			above = max(above, r.forks[r.n-1])
		}
		r.edge(above, r.forks[r.n])
	}
	if depth >= 0 && (r.n == 0 || r.forks[r.n-1] < depth) {
		r.forks[r.n] = depth
		r.n++
		r.nodes++
	}
	r.depth = depth
}

// edge counts the chain between a fork, -1 for the root, and what is below it.
// The first byte of what is below is the fork's own.
func (r *radixCount) edge(fork, below int) {
	if below > fork+1 {
		r.nodes++
	}
}

package store

import "math/bits"

// Client eviction: when the clients together hold more than maxmemory-clients
// allows, the largest are closed until they hold less. What a client holds is
// counted at the end of each turn that changed it and when its input grows.
// Clients are kept in buckets by the power of two of their size, so that a large
// one is found without a search; within a bucket it may be any. What is counted
// may be out of date, for a buffer that was sent is not counted again: so a
// client is counted once more before it is closed.
//
// Replicas, the master and who said CLIENT NO-EVICT are spared; the last count in
// the sum all the same. While there is no limit, neither here nor on all memory,
// nothing is counted.

const (
	clientBucketMinLog = 15 // less than 32 KiB is small
	clientBucketMaxLog = 33 // 4 GiB and more is as large as it gets
	clientBuckets      = clientBucketMaxLog - clientBucketMinLog + 1

	clientsLimitMin = 128 << 10 // with less, nobody could say CONFIG SET any more
)

// A clientCensus is who holds how much, while there is a limit.
type clientCensus struct {
	limit   int64 // what maxmemory-clients comes to in bytes, 0 for none
	bytes   int64 // of all clients that count
	buckets [clientBuckets][]*Client
}

// A censusEntry is a client's part of it.
type censusEntry struct {
	bytes  int64
	bucket uint8 // 1 + the one it is in, 0 for none
	seat   int   // there
	input  int   // the size of its read buffer when it was last counted; the owner's
}

// applyClientsLimit puts maxmemory-clients into effect: bytes, or if negative, so
// many percent of maxmemory, and no limit while there is no maxmemory.
func (kv *KVStore) applyClientsLimit() {
	limit := kv.config.Int("maxmemory-clients")
	if limit < 0 {
		limit = int64(float64(kv.maxMemory) * float64(-limit) / 100)
	}
	if limit > 0 {
		limit = max(limit, clientsLimitMin)
	}
	was := kv.census.limit
	kv.census.limit = limit
	kv.censusOn.Store(kv.counting())
	if (was > 0) == (limit > 0) {
		return
	}
	for _, c := range kv.roster {
		if limit > 0 {
			kv.count(c)
		} else {
			c.counted = censusEntry{}
		}
	}
	if limit == 0 {
		kv.census = clientCensus{}
	}
}

// counting reports whether there is a limit that what clients hold counts for.
func (kv *KVStore) counting() bool { return kv.census.limit > 0 || kv.maxMemory > 0 }

// count weighs the client and, if there is a limit on clients, puts it where it belongs
// by that. kv.mu is held.
func (kv *KVStore) count(c *Client) {
	kv.weigh(c)
	n := &kv.census
	if n.limit == 0 {
		return
	}
	size := c.countedBytes
	if c.conn == nil || c.master != nil {
		size = 0
	}
	n.bytes += size - c.counted.bytes
	c.counted.bytes = size
	bucket := uint8(0)
	if size > 0 && !c.noEvict {
		bucket = 1 + uint8(min(max(bits.Len64(uint64(size)), clientBucketMinLog), clientBucketMaxLog)-clientBucketMinLog)
	}
	if bucket != c.counted.bucket {
		n.move(c, bucket)
	}
}

// move puts the client into a bucket, 0 for none.
func (n *clientCensus) move(c *Client, bucket uint8) {
	e := &c.counted
	if e.bucket > 0 {
		from := &n.buckets[e.bucket-1]
		last := len(*from) - 1
		moved := (*from)[last]
		(*from)[e.seat], moved.counted.seat = moved, e.seat
		(*from)[last] = nil
		*from = (*from)[:last]
	}
	if e.bucket = bucket; bucket > 0 {
		to := &n.buckets[bucket-1]
		e.seat = len(*to)
		*to = append(*to, c)
	}
}

// largest is a client of the fullest bucket, nil when all are spared.
func (n *clientCensus) largest() *Client {
	for i := clientBuckets - 1; i >= 0; i-- {
		if b := n.buckets[i]; len(b) > 0 {
			return b[0]
		}
	}
	return nil
}

// evictClients closes the largest clients until they hold less than they may.
// The turn that is ending has no command running.
func (kv *KVStore) evictClients() {
	n := &kv.census
	for n.bytes >= n.limit {
		c := n.largest()
		if c == nil {
			return // Redis logs this, with every command
		}
		size := c.counted.bytes
		if kv.count(c); c.counted.bytes < size {
			continue // it has sent something meanwhile; look again
		}
		kv.log(logNotice, "Evicting client: %s", c.describe())
		kv.stats.evictedClients++
		c.dropOutput()
		c.kill()
		kv.leave(c)
	}
}

// countTurn counts the client whose turn ends. Input that was executed is given
// back before it waits, though it is still there now.
func (c *Client) countTurn() {
	if c.r == c.w {
		c.noteInput(0, 0)
	} else {
		c.noteInput(c.w-c.r-c.decoder.Parsed(), len(c.ws.in))
	}
	c.counted.input = c.inputRoom()
	c.kv.count(c)
}

// inputRoom is the size of the client's read buffer, when that is larger than
// what every busy client has. Only the owner asks.
func (c *Client) inputRoom() int {
	if c.ws == nil || len(c.ws.in) <= readSize {
		return 0
	}
	return len(c.ws.in)
}

// countInput counts a client whose read buffer has grown since it was counted, for
// input can be large long before there is a command to execute. It reports
// whether the client may stay.
func (c *Client) countInput() bool {
	room := c.inputRoom()
	if room <= c.counted.input {
		return true
	}
	kv := c.kv
	kv.mu.Lock()
	defer kv.unlock()
	c.counted.input = room
	c.noteInput(c.w-c.r-c.decoder.Parsed(), len(c.ws.in))
	c.inputSize.Store(int64(len(c.ws.in))) // even if there is no more in it than before
	kv.count(c)
	kv.checkCensus()
	return !c.closing
}

// takeCensus counts who was sent something in the turn that ends. Those over the
// limit of their output go first, which may be enough.
func (kv *KVStore) takeCensus() {
	for _, c := range kv.flushes {
		c.checkOutputLimit()
		kv.count(c)
	}
	kv.checkCensus()
}

// checkCensus evicts clients when that is to be done.
func (kv *KVStore) checkCensus() {
	if kv.census.limit > 0 && kv.census.bytes >= kv.census.limit {
		kv.evictClients()
	}
}

package store

import (
	"math"
	"strconv"

	"github.com/codecrafters-io/redis-starter-go/app/config"
	"github.com/codecrafters-io/redis-starter-go/app/rdb"
)

// DEBUG OBJECT, and what DEBUG has for lists.

// debugObject serves DEBUG OBJECT key. It finds keys that have expired, too.
func (kv *KVStore) debugObject(c *Client, args []string) error {
	e := c.db.find(args[0])
	if !e.ok() {
		return errNoSuchKey
	}
	refs := int64(1)
	if kv.passesForShared(e) {
		refs = math.MaxInt32
	}
	b := append([]byte(nil), "Value at:0x"...)
	b = strconv.AppendUint(b, uint64(uintptr(e.p)), 16)
	b = appendField(b, "refcount", refs)
	b = append(b, " encoding:"...)
	b = append(b, e.encodingName()...)
	b = appendField(b, "serializedlength", int64(kv.savedSize(e)))
	b = appendField(b, "lru", int64(e.access()))
	b = appendField(b, "lru_seconds_idle", kv.idleSeconds(e))
	if e.typ() == typeList {
		l := c.db.list(e)
		b = l.appendDebug(b)
	}
	c.reply.Status(string(b))
	return nil
}

func appendField(b []byte, name string, n int64) []byte {
	b = append(b, ' ')
	b = append(b, name...)
	b = append(b, ':')
	return strconv.AppendInt(b, n, 10)
}

// appendDebug appends what DEBUG OBJECT says of a list.
func (l *list) appendDebug(b []byte) []byte {
	nodes, size := l.measure(func(w *listWalk) int { return max(len(w.lp), len(w.large)) })
	b = appendField(b, "ql_nodes", int64(nodes))
	b = append(b, " ql_avg_node:"...)
	b = strconv.AppendFloat(b, float64(l.len())/float64(nodes), 'f', 2, 64)
	b = appendField(b, "ql_listpack_max", int64(l.fill()))
	compressed := int64(0)
	if l.depth() != 0 {
		compressed = 1
	}
	b = appendField(b, "ql_compressed", compressed)
	return appendField(b, "ql_uncompressed_size", int64(size))
}

// measure counts the nodes of a list and adds up what size says of each.
func (l *list) measure(size func(w *listWalk) int) (nodes, sum int) {
	var w listWalk
	for ok := w.start(l, false); ok; ok = w.next(false) {
		nodes++
		sum += size(&w)
	}
	return nodes, sum
}

// savedSize is the size of a value in a snapshot. Of hashes, sets, sorted sets
// and streams it is their size in memory.
func (kv *KVStore) savedSize(e entry) int {
	switch e.typ() {
	case typeString:
		return savedStringSize(kv.bytes(e))
	case typeList:
		l := kv.dbs[0].list(e)
		nodes, size := l.measure(func(w *listWalk) int {
			const container = 1 // whether it is a listpack or one element
			if w.lp == nil {
				return container + savedStringSize(w.large)
			}
			return container + savedStringSize(w.lp)
		})
		return savedLengthSize(nodes) + size
	}
	return e.valueSize() + int(kv.outsideBytes(e, math.MaxInt64))
}

// savedStringSize is the size of a string in a snapshot: a short integer, or a
// length and the bytes, compressed if that makes them fewer.
func savedStringSize(b []byte) int {
	const (
		intMax      = 11 // digits of what may be saved as an integer
		compressMin = 21
	)
	if len(b) <= intMax {
		if n, ok := canonicalInt(viewString(b)); ok && n == int64(int32(n)) {
			return 1 + savedIntSize(n)
		}
	}
	if len(b) >= compressMin {
		if packed := rdb.CompressLZF(nil, b); packed != nil {
			return 1 + savedLengthSize(len(packed)) + savedLengthSize(len(b)) + len(packed)
		}
	}
	return savedLengthSize(len(b)) + len(b)
}

// savedIntSize is how many bytes an integer needs.
func savedIntSize(n int64) int {
	switch {
	case n == int64(int8(n)):
		return 1
	case n == int64(int16(n)):
		return 2
	}
	return 4
}

// savedLengthSize is the size of a length in a snapshot.
func savedLengthSize(n int) int {
	switch {
	case n < 1<<6:
		return 1
	case n < 1<<14:
		return 2
	case n <= math.MaxUint32:
		return 5
	}
	return 9
}

// debugPackedThreshold serves DEBUG QUICKLIST-PACKED-THRESHOLD size.
func (kv *KVStore) debugPackedThreshold(c *Client, args []string) error {
	const sizeMax = 1<<32 - 1<<20
	n, err := config.ParseMemory(args[0])
	if err != nil || n > sizeMax {
		return errPackedThreshold
	}
	if n == 0 {
		n = largeElement
	}
	// Above the default an element might be too big for a listpack here.
	kv.lists.large = int(min(n, largeElement))
	c.reply.OK()
	return nil
}

const errPackedThreshold replyError = "ERR argument must be a memory value bigger than 1 and smaller than 4gb"

package rdb

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
)

// An Encoder lays out records, and pieces of values, in memory: it is all that
// has to happen while the data must not change. It neither compresses nor sums;
// that is done when a Writer, or a payload, takes what it holds. So it notes
// where the strings are that are long enough to be compressed.
//
// What it holds may be taken at any place between two calls, and what several
// hold may be joined: the bytes of a value may be encoded out of turn.
//
//	e.Expire(at)
//	e.Key(rdb.TypeHash, key)
//	e.Count(len(fields))
//	for … {
//		e.Field(field, value)
//		if e.Len() > enough {
//			err := w.Drain(&e)
//
// The zero value is ready. Strings and blobs are copied.
type Encoder struct {
	buf  []byte
	long []span
}

// A span is a string which may be compressed: its length is at buf[head:start],
// the string at buf[start:end].
type span struct{ head, start, end int }

const (
	packedMin   = 20      // Redis does not try to compress strings up to this long
	encoderKept = 4 << 20 // bigger buffers are given up when they are emptied
)

// Len returns how many bytes there are.
func (e *Encoder) Len() int { return len(e.buf) }

// Reset forgets what there is.
func (e *Encoder) Reset() {
	if cap(e.buf) > encoderKept {
		*e = Encoder{}
	}
	e.buf, e.long = e.buf[:0], e.long[:0]
}

// Join adds what other holds.
func (e *Encoder) Join(other *Encoder) {
	shift := len(e.buf)
	e.buf = append(e.buf, other.buf...)
	for _, s := range other.long {
		e.long = append(e.long, span{s.head + shift, s.start + shift, s.end + shift})
	}
}

// string adds a string, as an integer if it is one.
func (e *Encoder) string(s string) {
	n := len(s)
	if n <= smallIntDigits {
		if i, ok := smallInt(s); ok {
			e.buf, _ = appendSmallInt(e.buf, i)
			return
		}
	}
	head := len(e.buf)
	e.buf = appendLen(e.buf, uint64(n))
	if n > packedMin {
		start := len(e.buf)
		e.long = append(e.long, span{head, start, start + n})
	}
	e.buf = append(e.buf, s...)
}

// blob adds a blob, which is a string but never an integer.
func (e *Encoder) blob(b []byte) { e.string(view(b)) }

func (e *Encoder) length(n int) { e.buf = appendLen(e.buf, uint64(n)) }

func (e *Encoder) int64(n int64) { e.buf = binary.LittleEndian.AppendUint64(e.buf, uint64(n)) }

// Aux adds a field about the snapshot.
func (e *Encoder) Aux(name, text string) {
	e.buf = append(e.buf, opAux)
	e.string(name)
	e.string(text)
}

// AuxInt adds a field about the snapshot that is an integer.
func (e *Encoder) AuxInt(name string, n int64) {
	e.buf = append(e.buf, opAux)
	e.string(name)
	e.buf = appendInt(e.buf, n)
}

// About is what Redis says of a snapshot at its beginning.
type About struct {
	RedisVersion string
	Created      int64 // seconds since 1970
	UsedMemory   int64 // bytes
	AOFBase      bool  // the snapshot is the base of an append-only file

	// Where the stream of replication is, when there is one.

	Replicated     bool
	ReplicationDB  int // the database selected in it, -1 for none
	ReplicationID  string
	ReplicationEnd int64 // its offset
}

// About adds the fields about the snapshot, as Redis 7.0 has them.
func (e *Encoder) About(a *About) {
	e.Aux("redis-ver", a.RedisVersion)
	e.AuxInt("redis-bits", strconv.IntSize)
	e.AuxInt("ctime", a.Created)
	e.AuxInt("used-mem", a.UsedMemory)
	if a.Replicated {
		e.AuxInt("repl-stream-db", int64(a.ReplicationDB))
		e.Aux("repl-id", a.ReplicationID)
		e.AuxInt("repl-offset", a.ReplicationEnd)
	}
	base := int64(0)
	if a.AOFBase {
		base = 1
	}
	e.AuxInt("aof-base", base)
}

// Function adds the source of a function library.
func (e *Encoder) Function(source string) {
	e.buf = append(e.buf, opFunction)
	e.string(source)
}

// SelectDB says to which database the keys belong that follow.
func (e *Encoder) SelectDB(db int) {
	e.buf = append(e.buf, opSelectDB)
	e.length(db)
}

// ResizeDB says how many keys the database has, and how many with an expiry.
func (e *Encoder) ResizeDB(keys, expires int) {
	e.buf = append(e.buf, opResizeDB)
	e.length(keys)
	e.length(expires)
}

// Expire says when the next key expires, in ms since 1970.
func (e *Encoder) Expire(at int64) {
	e.buf = append(e.buf, opExpireMs)
	e.int64(at)
}

// Idle says for how many seconds nobody used the next key.
func (e *Encoder) Idle(seconds int64) {
	e.buf = append(e.buf, opIdle)
	e.buf = appendLen(e.buf, uint64(seconds))
}

// Freq gives the LFU counter of the next key.
func (e *Encoder) Freq(counter uint8) { e.buf = append(e.buf, opFreq, counter) }

// Key begins a key. Its value follows.
func (e *Encoder) Key(t Type, key string) {
	e.buf = append(e.buf, byte(t))
	e.string(key)
}

// Value begins the value of a payload, which has no key.
func (e *Encoder) Value(t Type) { e.buf = append(e.buf, byte(t)) }

// String adds the value of TypeString, or an element of TypeListElements or
// TypeSet.
func (e *Encoder) String(s string) { e.string(s) }

// Int is String for an integer.
func (e *Encoder) Int(n int64) { e.buf = appendInt(e.buf, n) }

// Count says how many elements, fields, members or nodes follow. It stands
// before those of any type that has them, streams included.
func (e *Encoder) Count(n int) { e.length(n) }

// Field adds a field of TypeHash.
func (e *Encoder) Field(field, value string) {
	e.string(field)
	e.string(value)
}

// Member adds a member of TypeZset. Redis writes them with falling scores, which
// is what it loads fastest.
func (e *Encoder) Member(member string, score float64) {
	e.string(member)
	e.buf = binary.LittleEndian.AppendUint64(e.buf, math.Float64bits(score))
}

// Node adds a node of TypeList that is a listpack.
func (e *Encoder) Node(listpack []byte) {
	e.buf = append(e.buf, nodePacked)
	e.blob(listpack)
}

// PlainNode adds a node of TypeList that is a single element.
func (e *Encoder) PlainNode(s string) {
	e.buf = append(e.buf, nodePlain)
	e.string(s)
}

// Blob adds the value of a type that is one blob. That of TypeHashListpackExpire
// comes behind MinExpire.
func (e *Encoder) Blob(b []byte) { e.blob(b) }

// MinExpire begins a hash whose fields expire: the earliest time at which one
// does, in ms since 1970.
func (e *Encoder) MinExpire(at int64) { e.int64(at) }

// FieldExpire adds a field of TypeHashExpire, which expires at a time, -1 for
// never; minExpire is what MinExpire said, and no time lies before it.
func (e *Encoder) FieldExpire(field, value string, at, minExpire int64) {
	ttl := uint64(0)
	if at >= 0 {
		ttl = uint64(at - minExpire + 1)
	}
	e.buf = appendLen(e.buf, ttl)
	e.string(field)
	e.string(value)
}

// StreamItem adds an item of TypeStream. Before the nodes stands their Count.
// Behind the last pending entry of a group, or its head if it has none, stands
// the Count of its consumers.
func (e *Encoder) StreamItem(item *StreamItem) {
	switch item.Kind {
	case StreamNode:
		e.buf = append(e.buf, 16)
		e.buf = appendID(e.buf, item.ID)
		e.blob(item.Node)
	case StreamInfo:
		e.streamInfo(&item.Info)
	case StreamGroup:
		e.string(item.Name)
		e.lengthsOf(item.ID)
		e.buf = appendLen(e.buf, uint64(item.EntriesRead))
		e.length(item.Pending)
	case StreamPending:
		e.buf = appendID(e.buf, item.ID)
		e.int64(item.Time)
		e.buf = appendLen(e.buf, item.Deliveries)
	case StreamConsumer:
		e.string(item.Name)
		e.int64(item.Time)
		e.length(item.Pending)
	case StreamOwned:
		e.buf = appendID(e.buf, item.ID)
	}
}

func (e *Encoder) streamInfo(info *StreamFacts) {
	e.buf = appendLen(e.buf, info.Length)
	e.lengthsOf(info.LastID)
	e.lengthsOf(info.FirstID)
	e.lengthsOf(info.MaxDeletedID)
	e.buf = appendLen(e.buf, info.EntriesAdded)
	e.length(info.Groups)
}

// lengthsOf adds an ID in the form of two lengths.
func (e *Encoder) lengthsOf(id StreamID) {
	e.buf = appendLen(appendLen(e.buf, id.Ms), id.Seq)
}

// appendTo appends what there is to dst. With compress, long strings are
// compressed where that saves anything.
func (e *Encoder) appendTo(dst []byte, compress bool) []byte {
	done := 0
	if compress {
		for _, s := range e.long {
			dst = append(dst, e.buf[done:s.head]...)
			dst = appendPacked(dst, e.buf[s.head:s.end], e.buf[s.start:s.end])
			done = s.end
		}
	}
	return append(dst, e.buf[done:]...)
}

// appendPacked appends a string in compressed form, or as it was encoded when
// that is not shorter.
func appendPacked(dst, plain, s []byte) []byte {
	// The length of the packed string stands before it, and has as many bytes
	// as it needs: make room for the longest, and close the gap.
	const headMax = 1 + 9 + 9
	start := len(dst)
	dst = slices.Grow(dst, headMax+len(s))
	packed := CompressLZF(dst[:start+headMax], s)
	if packed == nil {
		return append(dst, plain...)
	}
	packed = packed[start+headMax:]
	dst = append(dst, special<<6|stringLZF)
	dst = appendLen(dst, uint64(len(packed)))
	dst = appendLen(dst, uint64(len(s)))
	return append(dst, packed...)
}

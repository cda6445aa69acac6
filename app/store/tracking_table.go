package store

import (
	"encoding/binary"
	"runtime"
	"slices"
	"strings"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/dict"
)

// The table of tracked keys: which clients may hold a copy of which key. There
// can be a million keys for a handful of clients, so what counts is the memory
// of a key: its record is the key and the numbers of its clients, 6 bytes each,
// in an arena and a dict of its own. A key of 16 bytes that one client has read
// takes 32 bytes, the table included, and nothing that the collector looks at.
//
//	┌────────┬─────┬───────┬──────┬──────┬┄
//	│ length │ key │ count │ id   │ id   │    length is a uvarint, count a byte
//	└────────┴─────┴───────┴──────┴──────┴┄
//
// A key that very many clients have read would be slow to search and to grow:
// its clients are a map beside the table, and its count says so.

// A trackingTable has one entry for each key. The zero value is empty.
type trackingTable struct {
	arena  *arena.Arena // nil until the first key
	typ    *dict.Type
	keys   dict.Dict
	crowds map[arena.Ref]map[int64]struct{} // the clients of keys whose count is crowded
	items  int64                            // clients of all keys

	cleanup runtime.Cleanup // unmaps the arena when the store is dropped
}

const (
	trackedIDBytes = 6  // the number of a client: enough for a connection a microsecond for nine years
	trackedIDsMax  = 32 // more clients than this are a crowd
	crowded        = 0xff
)

// add notes that a client may hold a copy of the key.
func (t *trackingTable) add(kv *KVStore, key string, id int64) {
	if t.arena == nil {
		t.open(kv)
	}
	hash := t.typ.Hash(key)
	ref := t.keys.Find(t.typ, hash, key)
	if ref == 0 {
		t.insert(key, hash, id)
		return
	}
	at := t.countAt(ref)
	switch n := int(t.arena.Bytes(ref, at+1)[at]); {
	case n == crowded:
		crowd := t.crowds[ref]
		before := len(crowd)
		crowd[id] = struct{}{}
		t.items += int64(len(crowd) - before)
	case t.among(ref, at, n, id):
	case n == trackedIDsMax:
		t.gather(ref, hash, at, n, id)
	default:
		size := at + 1 + n*trackedIDBytes
		moved := t.arena.Resize(ref, size, size+trackedIDBytes)
		if moved != ref {
			t.keys.Replace(t.typ, hash, ref, moved)
		}
		b := t.arena.Bytes(moved, size+trackedIDBytes)
		putTrackedID(b[size:], id)
		b[at]++
		t.items++
	}
}

// open makes the arena of the table.
func (t *trackingTable) open(kv *KVStore) {
	t.arena = arena.New()
	t.typ = dict.NewType(t.arena, 0, false)
	t.cleanup = runtime.AddCleanup(kv, func(release func()) { release() }, t.arena.Releaser())
}

// insert makes the record of a key with one client.
func (t *trackingTable) insert(key string, hash uint64, id int64) {
	at := uvarintSize(len(key)) + len(key)
	ref := t.arena.Alloc(at + 1 + trackedIDBytes)
	b := t.arena.Bytes(ref, at+1+trackedIDBytes)
	copy(b[binary.PutUvarint(b, uint64(len(key))):], key)
	b[at] = 1
	putTrackedID(b[at+1:], id)
	t.keys.Insert(t.typ, hash, ref)
	t.items++
}

// countAt is where a record has its count.
func (t *trackingTable) countAt(ref arena.Ref) int {
	n := len(t.typ.Key(ref))
	return uvarintSize(n) + n
}

// among reports whether a client is one of the n of a record with its count at at.
func (t *trackingTable) among(ref arena.Ref, at, n int, id int64) bool {
	ids := t.arena.Bytes(ref, at+1+n*trackedIDBytes)[at+1:]
	for ; len(ids) > 0; ids = ids[trackedIDBytes:] {
		if trackedID(ids) == id {
			return true
		}
	}
	return false
}

// gather makes the clients of a record a crowd with one more.
func (t *trackingTable) gather(ref arena.Ref, hash uint64, at, n int, id int64) {
	crowd := make(map[int64]struct{}, 2*n)
	for _, other := range t.clients(nil, ref) {
		crowd[other] = struct{}{}
	}
	crowd[id] = struct{}{}
	t.items++
	moved := t.arena.Resize(ref, at+1, at+1)
	if moved != ref {
		t.keys.Replace(t.typ, hash, ref, moved)
	}
	t.arena.Bytes(moved, at+1)[at] = crowded
	if t.crowds == nil {
		t.crowds = make(map[arena.Ref]map[int64]struct{})
	}
	t.crowds[moved] = crowd
}

// clients appends the clients of a record.
func (t *trackingTable) clients(ids []int64, ref arena.Ref) []int64 {
	at := t.countAt(ref)
	n := int(t.arena.Bytes(ref, at+1)[at])
	if n == crowded {
		for id := range t.crowds[ref] {
			ids = append(ids, id)
		}
		return ids
	}
	b := t.arena.Bytes(ref, at+1+n*trackedIDBytes)[at+1:]
	for ; len(b) > 0; b = b[trackedIDBytes:] {
		ids = append(ids, trackedID(b))
	}
	return ids
}

// take removes a key and appends the clients that it had, the oldest first.
func (t *trackingTable) take(ids []int64, key string) []int64 {
	if t.keys.Len() == 0 {
		return ids
	}
	hash := t.typ.Hash(key)
	ref := t.keys.Find(t.typ, hash, key)
	if ref == 0 {
		return ids
	}
	ids = t.clients(ids, ref)
	slices.Sort(ids)
	t.items -= int64(len(ids))
	t.keys.Remove(t.typ, hash, ref)
	delete(t.crowds, ref)
	t.arena.Free(ref)
	return ids
}

// random is any of the keys, of which there must be one.
func (t *trackingTable) random() string { return strings.Clone(t.typ.Key(t.keys.Random(t.typ))) }

// drop empties the table and gives its memory back.
func (t *trackingTable) drop() {
	if t.arena != nil {
		t.cleanup.Stop()
		t.arena.Close()
	}
	*t = trackingTable{}
}

// crowdClientBytes is about what a client of a crowd takes.
const crowdClientBytes = 24

// bytes is the memory of the table.
func (t *trackingTable) bytes() (n int64) {
	if t.arena == nil {
		return 0
	}
	for _, crowd := range t.crowds {
		n += int64(len(crowd)) * crowdClientBytes
	}
	return n + t.arena.Used()
}

func putTrackedID(b []byte, id int64) {
	binary.LittleEndian.PutUint32(b, uint32(id))
	binary.LittleEndian.PutUint16(b[4:], uint16(id>>32))
}

func trackedID(b []byte) int64 {
	return int64(binary.LittleEndian.Uint32(b)) | int64(binary.LittleEndian.Uint16(b[4:]))<<32
}

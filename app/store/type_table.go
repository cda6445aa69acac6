package store

import (
	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/dict"
)

// Tables of elements: what big hashes and big sets are made of. The root is a
// dict.Dict; an element is one block that begins with its key, the member of a
// set or the field of a hash, and has nothing outside.

// drainTable frees so many buckets of a table, and its root at last.
func (kv *KVStore) drainTable(root arena.Ref, buckets int) (done bool) {
	d := (*dict.Dict)(kv.arena.Ptr(root))
	if !d.Drain(kv.elementType, buckets, kv.arena.Free) {
		return false
	}
	kv.arena.Free(root)
	return true
}

// copyTable copies a table with its elements.
func (kv *KVStore) copyTable(root arena.Ref) arena.Ref {
	a, t := kv.arena, kv.elementType
	from := (*dict.Dict)(a.Ptr(root))
	ref, to := newRoot[dict.Dict](kv)
	to.Expand(t, from.Len())
	for element := range from.All(t) {
		to.Insert(t, t.Hash(t.Key(element)), kv.copyBlock(element))
	}
	return ref
}

// copyBlock copies one block.
func (kv *KVStore) copyBlock(ref arena.Ref) arena.Ref {
	n := kv.arena.Cap(ref)
	to := kv.arena.Alloc(n)
	copy(kv.arena.Bytes(to, n), kv.arena.Bytes(ref, n))
	return to
}

// tableBytes is the memory of a table, as blockBytes counts it.
func (kv *KVStore) tableBytes(root arena.Ref, samples int64) int64 {
	d := (*dict.Dict)(kv.arena.Ptr(root))
	return int64(kv.arena.Cap(root)) + d.Bytes(kv.elementType) + kv.elementBytes(d, kv.elementType, samples)
}

// elementBytes is the memory of a table's elements, some of them looked at.
func (kv *KVStore) elementBytes(d *dict.Dict, t *dict.Type, samples int64) int64 {
	var seen, sum int64
	for ref := range d.All(t) {
		if seen == samples {
			break
		}
		seen++
		sum += int64(kv.arena.Cap(ref))
	}
	if seen == 0 {
		return 0
	}
	if n := int64(d.Len()); seen < n {
		return sum / seen * n
	}
	return sum
}

// elementsAhead is how many elements of a table are loaded ahead of their use.
const elementsAhead = 32

// eachElement visits the elements of a table until visit returns false. It looks
// at several ahead, so that their cache misses overlap.
func (kv *KVStore) eachElement(d *dict.Dict, t *dict.Type, visit func(ref arena.Ref) bool) {
	var buf [elementsAhead]arena.Ref
	n := 0
	for ref := range d.All(t) {
		buf[n] = ref
		if n++; n == len(buf) {
			if !kv.visitElements(buf[:], visit) {
				return
			}
			n = 0
		}
	}
	kv.visitElements(buf[:n], visit)
}

// visitElements loads elements and then visits them, until visit returns false.
func (kv *KVStore) visitElements(refs []arena.Ref, visit func(ref arena.Ref) bool) bool {
	kv.loadElements(refs)
	for _, ref := range refs {
		if !visit(ref) {
			return false
		}
	}
	return true
}

// loadElements reads a byte of each element.
func (kv *KVStore) loadElements(refs []arena.Ref) {
	var sum uint8
	for _, ref := range refs {
		sum += *(*uint8)(kv.arena.Ptr(ref))
	}
	keepLoads(sum)
}

// keepLoads makes the compiler believe that the loads behind x are needed.
//
//go:noinline
func keepLoads(x uint8) {}

// touchElements loads what a batch of commands on the elements of one big value
// will need, as the touching of keys does for the value's record. Commands on
// different values are left alone, for they gain less than it costs.
func (db *database) touchElements(ws *workspace) {
	kv := db.kv
	var hashes [touchMax]uint64
	for i := 1; i < len(ws.batch); i++ {
		first, req := &ws.batch[i-1], &ws.batch[i]
		if !first.onElement() || !req.onElement() || first.hash != req.hash {
			continue
		}
		d := db.tableOf(ws.args[first.lo+first.cmd.firstKey], first.hash)
		n := 0
		for i--; i < len(ws.batch) && n < touchMax; i++ {
			req := &ws.batch[i]
			if !req.onElement() || req.hash != first.hash {
				break
			}
			if d != nil {
				hashes[n] = kv.elementType.Hash(ws.args[req.lo+req.cmd.element])
				n++
			}
		}
		if n > 1 {
			d.Touch(kv.elementType, hashes[:n])
		}
	}
}

// onElement reports whether a request is about an element of a value.
func (r *request) onElement() bool {
	return r.hashed && r.cmd.element != 0 && r.cmd.element < r.hi-r.lo
}

// tableOf is the table of elements that a key has, nil when it has none.
func (db *database) tableOf(key string, hash uint64) *dict.Dict {
	kv := db.kv
	ref := db.keys.Find(kv.keyType, hash, key)
	if ref == 0 {
		return nil
	}
	if e := kv.entryAt(ref); e.enc() == encTable || e.enc() == encExpiring {
		return kv.fieldsOf(e)
	}
	return nil
}

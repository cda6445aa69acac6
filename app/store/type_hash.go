package store

import (
	"strconv"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/dict"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
)

// Hashes. A small one is a listpack within its record: field, value, field,
// value, in the order of arrival. A big one is a table whose elements are blocks
// of a field and its value:
//
//	uvarint   length of the field
//	          the field
//	uvarint   2 * length of the value, + 1 when the field expires
//	8 bytes   ms at which it does, only then
//	          the value
//
// A hash becomes big when a field or a value is longer, or fields are more than
// the directives hash-max-listpack-* say, and stays so. One that has ever had
// fields that expire is big, too: type_hash_expire.go says what it has besides.

// A fieldText is a field or a value: a view of the hash, or an integer.
type fieldText = listpack.Value

// textOf is what a table holds as a fieldText.
func textOf(s string) fieldText {
	return fieldText{Str: unsafe.Slice(unsafe.StringData(s), len(s))}
}

// fieldsOf is the table of a big hash, whether its fields expire or not.
func (kv *KVStore) fieldsOf(e entry) *dict.Dict { return rootOf[dict.Dict](kv, e) }

// elementSize is the size of an element.
func elementSize(field, value int, expires bool) int {
	n := uvarintSize(field) + field + uvarintSize(2*value) + value
	if expires {
		n += expirySize
	}
	return n
}

// newField makes an element. at is its expiry, 0 when it has none.
func (kv *KVStore) newField(field, value string, at int64) arena.Ref {
	ref := kv.arena.Alloc(elementSize(len(field), len(value), at != 0))
	kv.writeElement(ref, field, value, at)
	return ref
}

// writeElement writes an element over a block that is big enough. field and
// value must not be views of it.
func (kv *KVStore) writeElement(ref arena.Ref, field, value string, at int64) {
	p := putUvarint(kv.arena.Ptr(ref), len(field))
	copy(unsafe.Slice((*byte)(p), len(field)), field)
	p = unsafe.Add(p, len(field))
	if at == 0 {
		p = putUvarint(p, 2*len(value))
	} else {
		p = putUvarint(p, 2*len(value)+1)
		*(*int64)(p) = at
		p = unsafe.Add(p, expirySize)
	}
	copy(unsafe.Slice((*byte)(p), len(value)), value)
}

// element is what an element holds. field and value are views of it; at is its
// expiry, 0 when it has none.
func (kv *KVStore) element(ref arena.Ref) (field, value string, at int64) {
	n, p := getUvarint(kv.arena.Ptr(ref))
	field = unsafe.String((*byte)(p), n)
	n, p = getUvarint(unsafe.Add(p, n))
	if n&1 != 0 {
		at = *(*int64)(p)
		p = unsafe.Add(p, expirySize)
	}
	return field, unsafe.String((*byte)(p), n>>1), at
}

// fieldValue finds the value of a field of a hash: str, or n when it is an
// integer. str is a view of the hash. A field that has expired is not found,
// except by the master's writes on a replica.
func (kv *KVStore) fieldValue(e entry, field string) (str string, n int64, isInt, ok bool) {
	if e.enc() == encListpack {
		lp := e.listpack()
		p := listpack.Find(lp, listpack.HeaderSize, field, 1)
		if p < 0 {
			return "", 0, false, false
		}
		b, n, isInt := listpack.Read(lp, listpack.Next(lp, p))
		return viewString(b), n, isInt, true
	}
	t := kv.elementType
	ref := kv.fieldsOf(e).Find(t, t.Hash(field), field)
	if ref == 0 {
		return "", 0, false, false
	}
	_, str, at := kv.element(ref)
	return str, 0, false, at == 0 || !kv.fieldHidden(at)
}

// hashLen is the number of fields of a hash, without those that have expired.
func (kv *KVStore) hashLen(e entry) int {
	switch e.enc() {
	case encListpack:
		return listpack.Len(e.listpack()) / 2
	case encTable:
		return kv.fieldsOf(e).Len()
	}
	return kv.fieldsOf(e).Len() - kv.hiddenFields(e)
}

// eachField visits the fields of a hash and their values, views both, until
// visit returns false. It passes over those that have expired.
func (kv *KVStore) eachField(e entry, visit func(field, value fieldText) bool) {
	if e.enc() == encListpack {
		lp := e.listpack()
		for p := listpack.HeaderSize; !listpack.AtEnd(lp, p); {
			v := listpack.Next(lp, p)
			if !visit(listpack.Get(lp, p), listpack.Get(lp, v)) {
				return
			}
			p = listpack.Next(lp, v)
		}
		return
	}
	kv.eachElement(kv.fieldsOf(e), kv.elementType, func(ref arena.Ref) bool {
		field, value, at := kv.element(ref)
		return at != 0 && kv.fieldHidden(at) || visit(textOf(field), textOf(value))
	})
}

// setFields sets fields, given with their values as in HSET, and returns how many
// of them are new. e is the hash, as lookupHashWrite found it under key; when
// there is none it is made. A field loses its expiry unless keep. e is void
// afterwards.
func (db *database) setFields(e entry, key string, pairs []string, keep bool) (created int) {
	if !e.ok() || e.enc() == encListpack {
		if db.kv.fitsListpack(e, pairs) {
			if e, created, pairs = db.setSmall(e, key, pairs); len(pairs) == 0 {
				return created
			}
		}
		e = db.bigHash(e, key, len(pairs)/2)
	}
	return created + db.setBig(e, pairs, keep)
}

// fitsListpack reports whether a hash that is a listpack, or is to be made, may
// hold the fields and values as one: all are short, and together safe to add.
// Their number is not looked at.
func (kv *KVStore) fitsListpack(e entry, pairs []string) bool {
	sum := 0
	for _, s := range pairs {
		if len(s) > kv.hashValueMax {
			return false
		}
		sum += len(s)
	}
	if e.ok() {
		sum += listpack.Size(e.listpack())
	}
	return sum < listpack.SizeMax
}

// setSmall is setFields for a listpack, for as many fields as may be in one. It
// returns the others.
func (db *database) setSmall(e entry, key string, pairs []string) (_ entry, created int, rest []string) {
	most := db.kv.hashEntriesMax
	var lp []byte
	switch {
	case e.ok():
		lp = e.listpack()
	case most == 0:
		return e, 0, pairs
	default:
		size := listpack.EmptySize
		for _, s := range pairs[:2*min(len(pairs)/2, most)] {
			size += listpack.EncodedSize(s)
		}
		e, lp = db.insertListpack(key, typeHash, size)
	}
	n := listpack.Len(lp) / 2
	for ; len(pairs) > 0; pairs = pairs[2:] {
		p := listpack.Find(lp, listpack.HeaderSize, pairs[0], 1)
		if p < 0 {
			n++
		}
		if n > most {
			break
		}
		if p < 0 {
			created++
		}
		e, lp = db.putSmall(e, lp, p, pairs[0], pairs[1])
	}
	return db.fitListpack(e), created, pairs
}

// putSmall puts a field and its value into a listpack, lp being that of e, whose
// record may move. p is where the field is, -1 when it is not there.
func (db *database) putSmall(e entry, lp []byte, p int, field, value string) (entry, []byte) {
	const usual = 160 // bytes of a pair, by the defaults of the directives
	var buf [usual]byte
	entries := buf[:0]
	start, end, delta := len(lp)-1, len(lp)-1, 2
	if p < 0 {
		entries = listpack.AppendEntry(entries, field)
	} else {
		start = listpack.Next(lp, p)
		end, delta = listpack.Next(lp, start), 0
	}
	entries = listpack.AppendEntry(entries, value)
	if grow := len(entries) - (end - start); len(lp)+grow > cap(lp) {
		e, lp = db.growListpack(e, grow)
	}
	return e, listpack.Splice(lp, start, end, entries, delta)
}

// bigHash is a hash with a table, in the place of one that is a listpack or of
// none. It is about to get more fields.
func (db *database) bigHash(e entry, key string, more int) entry {
	kv, t := db.kv, db.kv.elementType
	root, d := newRoot[dict.Dict](kv)
	if !e.ok() {
		d.Expand(t, more)
		e = db.place(e, key, typeHash, encTable, outside, -1)
		e.setOutside(root, 0)
		return e
	}
	lp := e.listpack()
	d.Expand(t, listpack.Len(lp)/2+more)
	var fieldBuf, valueBuf [20]byte
	kv.eachField(e, func(f, v fieldText) bool {
		field, value := textIn(f, fieldBuf[:0]), textIn(v, valueBuf[:0])
		d.Insert(t, t.Hash(field), kv.newField(field, value, 0))
		return true
	})
	e = db.recast(e, encTable, outside)
	e.setOutside(root, 0)
	return e
}

// textIn is a text as a string: a view of the text or, of an integer, of buf.
func textIn(text fieldText, buf []byte) string {
	if text.IsInt {
		return viewString(strconv.AppendInt(buf, text.Int, 10))
	}
	return viewString(text.Str)
}

// setBig is setFields for a table.
func (db *database) setBig(e entry, pairs []string, keep bool) (created int) {
	kv := db.kv
	d, x := kv.fieldsOf(e), kv.expiringOf(e)
	var buf [touchMax]uint64
	for len(pairs) > 0 {
		hashes := touchNamed(d, kv.elementType, pairs, 2, &buf)
		for i, hash := range hashes {
			if kv.putElement(d, x, hash, pairs[2*i], pairs[2*i+1], keep) {
				created++
			}
		}
		pairs = pairs[2*len(hashes):]
	}
	db.reschedule(e)
	return created
}

// putElement sets a field of a table and reports whether it is new. x is the
// hash, when it has fields that expire.
func (kv *KVStore) putElement(d *dict.Dict, x *expiringHash, hash uint64, field, value string, keep bool) (created bool) {
	a, t := kv.arena, kv.elementType
	old := d.Find(t, hash, field)
	if old == 0 {
		d.Insert(t, hash, kv.newField(field, value, 0))
		return true
	}
	was, at := int64(0), int64(0)
	if x != nil {
		if _, _, was = kv.element(old); keep {
			at = was
		}
	}
	ref := old
	if a.Cap(old) == arena.RoundUp(elementSize(len(field), len(value), at != 0)) {
		kv.writeElement(old, field, value, at)
	} else {
		ref = kv.newField(field, value, at)
		d.Replace(t, hash, old, ref)
		a.Free(old)
	}
	if was != 0 {
		x.reindex(a, old, ref, was, at)
	}
	return false
}

// deleteFields deletes fields and returns how many there were. It stops when
// none is left; then the key is the caller's to remove.
func (db *database) deleteFields(e entry, fields []string) (_ entry, deleted int) {
	if e.enc() == encListpack {
		lp := e.listpack()
		for _, field := range fields {
			if p := listpack.Find(lp, listpack.HeaderSize, field, 1); p >= 0 {
				lp = listpack.Delete(lp, p, 2)
				if deleted++; listpack.Len(lp) == 0 {
					return e, deleted
				}
			}
		}
		return db.fitListpack(e), deleted
	}
	kv := db.kv
	d, x := kv.fieldsOf(e), kv.expiringOf(e)
	var buf [touchMax]uint64
	for len(fields) > 0 && d.Len() > 0 {
		hashes := touchNamed(d, kv.elementType, fields, 1, &buf)
		for i, hash := range hashes {
			if ref := d.Find(kv.elementType, hash, fields[i]); ref != 0 {
				kv.cutElement(d, x, hash, ref)
				kv.arena.Free(ref)
				deleted++
			}
		}
		fields = fields[len(hashes):]
	}
	db.reschedule(e)
	return e, deleted
}

// cutElement takes an element out of a table without freeing it.
func (kv *KVStore) cutElement(d *dict.Dict, x *expiringHash, hash uint64, ref arena.Ref) {
	if x != nil {
		if _, _, at := kv.element(ref); at != 0 {
			x.reindex(kv.arena, ref, 0, at, 0)
		}
	}
	d.Remove(kv.elementType, hash, ref)
}

// hashEmpty reports whether a hash has no fields at all.
func (kv *KVStore) hashEmpty(e entry) bool {
	if e.enc() == encListpack {
		return listpack.Len(e.listpack()) == 0
	}
	return kv.fieldsOf(e).Len() == 0
}

package store

import (
	"math"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/dict"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
	"github.com/codecrafters-io/redis-starter-go/app/ttl"
)

// Fields that expire. A hash that has, or has had, such fields is a table with an
// index of them by time. Each database knows those of its hashes by the earliest
// expiry of a field, so that cron takes fields of all hashes in order of time:
//
//	database.hashes ─▶ (ms, root) ─▶ expiringHash ─▶ (ms, element) ─▶ field
//	                                  │      ▲
//	                                  ▼      │
//	                                 record ─┘
//
// The root does not move, and knows where its record has gone, so moving a
// record changes no index. What changes a hash ends with reschedule.
//
// A command first removes fields whose time has come from the hash that it looks
// up, up to a number; what is left of them is only hidden. On a replica, and
// while writes are paused, all are. A field that has been removed is propagated as HDEL.

// An expiringHash is the root of such a hash. It begins like that of any table.
type expiringHash struct {
	fields      dict.Dict
	expires     ttl.Index // of the fields that have an expiry, by that
	record      arena.Ref // of the key; 0 when the hash has none any more
	scheduledMs int64     // under which the database knows the hash; 0 when it does not
}

// expiringOf is the root of a hash whose fields expire, nil for any other.
func (kv *KVStore) expiringOf(e entry) *expiringHash {
	if e.enc() != encExpiring {
		return nil
	}
	return rootOf[expiringHash](kv, e)
}

// reindex tells the index that an element has moved or changed its expiry, from
// was to at; 0 is none.
func (x *expiringHash) reindex(a *arena.Arena, from, to arena.Ref, was, at int64) {
	if was == at && from == to {
		return
	}
	if was != 0 {
		x.expires.Remove(a, was, from)
	}
	if at != 0 {
		x.expires.Insert(a, at, to)
	}
}

// reschedule tells the database when the first field of a hash expires. It ends
// every change of a hash, and does nothing to one whose fields do not expire.
func (db *database) reschedule(e entry) {
	if x := db.kv.expiringOf(e); x != nil {
		at, _, _ := x.expires.First(db.kv.arena) // never 0 when there is one
		db.scheduleHash(e.outsideRef(), x, at)
	}
}

// scheduleHash is reschedule for a known time, 0 for none.
func (db *database) scheduleHash(root arena.Ref, x *expiringHash, at int64) {
	if at == x.scheduledMs {
		return
	}
	if x.scheduledMs != 0 {
		db.hashes.Remove(db.kv.arena, x.scheduledMs, root)
	}
	x.scheduledMs = at
	if at != 0 {
		db.hashes.Insert(db.kv.arena, at, root)
		db.kv.wakeFor(at)
	}
}

// adopt makes the value of a record that is new in the database known to it, when
// it is a hash whose fields expire.
func (db *database) adopt(e entry) {
	if x := db.kv.expiringOf(e); x != nil {
		x.record = e.ref
		db.reschedule(e)
	}
}

// disown is the reverse, for a record that leaves the database or is freed.
func (db *database) disown(e entry) {
	if x := db.kv.expiringOf(e); x != nil {
		db.scheduleHash(e.outsideRef(), x, 0)
		x.record = 0
	}
}

// moved tells the value of a record where that is now.
func (kv *KVStore) moved(e entry) {
	if x := kv.expiringOf(e); x != nil {
		x.record = e.ref
	}
}

// lookupHash is lookupType for a hash, from which it removes expired fields.
func (db *database) lookupHash(key string) (entry, error) {
	e, err := db.lookupType(key, typeHash)
	if err == nil && e.ok() && e.enc() == encExpiring && db.kv.keysExpire() {
		e, _ = db.expireFields(e)
	}
	return e, err
}

// lookupHashWrite is lookupTypeWrite for a hash, from which it removes expired
// fields, and in any case those among every step-th of names, which are about to
// be written. Only a replica leaves them: its master knows what it is writing to.
func (db *database) lookupHashWrite(key string, names []string, step int) (entry, error) {
	kv := db.kv
	e, err := db.lookupTypeWrite(key, typeHash)
	if err != nil || !e.ok() || e.enc() != encExpiring || kv.Info.Role == "slave" || kv.snapshot.loading.active {
		return e, err
	}
	e, more := db.expireFields(e)
	for i := 0; more && e.ok() && i < len(names); i += step {
		t := kv.elementType
		ref := kv.fieldsOf(e).Find(t, t.Hash(names[i]), names[i])
		if ref == 0 {
			continue
		}
		if _, _, at := kv.element(ref); at != 0 && kv.fieldHidden(at) {
			e = db.dropExpired(e, []arena.Ref{ref})
		}
	}
	return e, nil
}

// fieldHidden reports whether a field with this expiry is to be taken for gone.
// Those that are gone for the clients of a replica are there for its master.
func (kv *KVStore) fieldHidden(at int64) bool {
	return kv.nowMs > at && !kv.applying()
}

// applying reports whether the command at hand changes the data of a replica, or
// is one that the append-only file has: then it was run when the field was there.
func (kv *KVStore) applying() bool {
	if kv.snapshot.loading.active {
		return true
	}
	return kv.Info.Role == "slave" && kv.client != nil && kv.client.cmd != nil && kv.client.cmd.flags.has(write)
}

// hiddenFields is the number of fields that have expired and are still there.
func (kv *KVStore) hiddenFields(e entry) int {
	x := kv.expiringOf(e)
	if kv.applying() {
		return 0
	}
	return x.expires.Before(kv.arena, kv.nowMs)
}

// fieldStep is how many fields are removed between two looks at the clock, and
// by a command that comes across a hash.
const fieldStep = 64

// expireFields removes fields whose time has come, a bounded number, and the key
// with the last one. It says whether there are more of them.
func (db *database) expireFields(e entry) (_ entry, more bool) {
	kv := db.kv
	db.saveFirst(e.key())
	if kv.frozen(e) {
		return e, false
	}
	x := kv.expiringOf(e)
	var buf [fieldStep]arena.Ref
	due := buf[:x.expires.Due(kv.arena, kv.nowMs, buf[:])]
	if len(due) == 0 {
		return e, false
	}
	kv.loadElements(due)
	e = db.dropExpired(e, due)
	return e, e.ok() && x.expires.Due(kv.arena, kv.nowMs, buf[:1]) > 0
}

// dropExpired removes fields that have expired and tells everybody.
func (db *database) dropExpired(e entry, elements []arena.Ref) entry {
	kv := db.kv
	key := e.key() // a view: the record is freed last
	x := kv.expiringOf(e)
	for _, ref := range elements {
		field, _, _ := kv.element(ref)
		kv.cutElement(&x.fields, x, kv.elementType.Hash(field), ref)
	}
	if kv.propagating() {
		args := []string{"HDEL", key}
		for _, ref := range elements {
			field, _, _ := kv.element(ref)
			args = append(args, field)
		}
		kv.propagateAside(db, args...)
	}
	for _, ref := range elements {
		kv.arena.Free(ref)
	}
	kv.stats.expiredFields += int64(len(elements))
	kv.notify(eventHash, "hexpired", key, db)
	kv.touchedByItself(db, key, eventExpired)
	if x.fields.Len() > 0 {
		db.reschedule(e)
		return e
	}
	db.unlink(e)
	kv.notify(eventGeneric, "del", key, db)
	db.free(e)
	return entry{}
}

// expireHashesUntil removes fields of all hashes in order of time, as expireUntil
// does keys.
func (db *database) expireHashesUntil(end int64) (more bool) {
	kv := db.kv
	defer func() { kv.hint = commandHint{} }() // a hinted key may be gone
	for {
		var due [1]arena.Ref
		if db.hashes.Due(kv.arena, kv.nowMs, due[:]) == 0 {
			return false
		}
		x := (*expiringHash)(kv.arena.Ptr(due[0]))
		e := kv.entryAt(x.record)
		if kv.frozen(e) {
			return false // the others wait with it, for a moment
		}
		db.expireFields(e)
		if kv.readClock(); kv.clockNs > end {
			return true
		}
	}
}

// expiringForm gives a hash the form in which its fields can expire. A table
// stays as it is, only with another root.
func (db *database) expiringForm(e entry, key string) entry {
	kv := db.kv
	if e.enc() == encExpiring {
		return e
	}
	if e.enc() == encListpack {
		e = db.bigHash(e, key, 0)
	}
	table := e.outsideRef()
	root, x := newRoot[expiringHash](kv)
	x.fields = *(*dict.Dict)(kv.arena.Ptr(table))
	kv.arena.Free(table)
	e = db.recast(e, encExpiring, outside)
	e.setOutside(root, 0)
	db.adopt(e)
	return e
}

// expireField gives a field that a hash has another expiry, or none with 0. The
// record may move. The caller ends with reschedule.
func (db *database) expireField(e entry, key, field string, at int64) entry {
	kv, t := db.kv, db.kv.elementType
	e = db.expiringForm(e, key)
	x := kv.expiringOf(e)
	hash := t.Hash(field)
	ref := x.fields.Find(t, hash, field)
	_, value, was := kv.element(ref)
	switch {
	case was == at:
	case was != 0 && at != 0: // there is a place for it
		p := unsafe.Add(unsafe.Pointer(unsafe.StringData(value)), -expirySize)
		*(*int64)(p) = at
		x.reindex(kv.arena, ref, ref, was, at)
	default:
		to := kv.newField(field, value, at)
		x.fields.Replace(t, hash, ref, to)
		x.reindex(kv.arena, ref, to, was, at)
		kv.arena.Free(ref)
	}
	return e
}

// drainExpiring frees so many nodes and buckets of a hash, and its root at last.
func (kv *KVStore) drainExpiring(root arena.Ref, steps int) (done bool) {
	x := (*expiringHash)(kv.arena.Ptr(root))
	if !x.expires.Free(kv.arena, steps) || !x.fields.Drain(kv.elementType, steps, kv.arena.Free) {
		return false
	}
	kv.arena.Free(root)
	return true
}

// copyExpiring copies a hash. The copy becomes known to its database by adopt.
func (kv *KVStore) copyExpiring(root arena.Ref) arena.Ref {
	a, t := kv.arena, kv.elementType
	from := (*expiringHash)(a.Ptr(root))
	ref, to := newRoot[expiringHash](kv)
	to.fields.Expand(t, from.fields.Len())
	kv.eachElement(&from.fields, t, func(element arena.Ref) bool {
		c := kv.copyBlock(element)
		field, _, at := kv.element(c)
		to.fields.Insert(t, t.Hash(field), c)
		if at != 0 {
			to.expires.Insert(a, at, c)
		}
		return true
	})
	return ref
}

// expiringBytes is the memory of a hash, as blockBytes counts it.
func (kv *KVStore) expiringBytes(root arena.Ref, samples int64) int64 {
	x := (*expiringHash)(kv.arena.Ptr(root))
	return int64(kv.arena.Cap(root)) + x.fields.Bytes(kv.elementType) + x.expires.Bytes(kv.arena) +
		kv.elementBytes(&x.fields, kv.elementType, samples)
}

// expiringLen is the number of fields of a hash, whether or not they have expired.
func (kv *KVStore) expiringLen(root arena.Ref) int {
	return (*expiringHash)(kv.arena.Ptr(root)).fields.Len()
}

// fieldExpiryMax is the latest expiry that a field may have, in ms.
const fieldExpiryMax = math.MaxInt64 >> 17 // 46 bits

// fieldExpiry is the expiry of a field in ms, 0 when it has none, -1 when there is
// no such field.
func (kv *KVStore) fieldExpiry(e entry, field string) int64 {
	if !e.ok() {
		return -1
	}
	if e.enc() == encListpack {
		if listpack.Find(e.listpack(), listpack.HeaderSize, field, 1) < 0 {
			return -1
		}
		return 0
	}
	ref := kv.fieldsOf(e).Find(kv.elementType, kv.elementType.Hash(field), field)
	if ref == 0 {
		return -1
	}
	_, _, at := kv.element(ref)
	if at != 0 && kv.fieldHidden(at) {
		return -1
	}
	return at
}

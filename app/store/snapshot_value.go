package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/dict"
	"github.com/codecrafters-io/redis-starter-go/app/intset"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
	"github.com/codecrafters-io/redis-starter-go/app/rdb"
)

// From a snapshot to values. A value is built without a key, so that RESTORE
// leaves what is there alone until it knows that the payload is good. Listpacks
// and intsets become the value as they are, when the directives allow that many
// elements in one; else they are taken apart.
//
// What comes in may be made up by somebody. The reader has looked at the form;
// here it is seen to that nothing is there twice, and that all is in the order
// and in the encodings that the rest of the store relies on. Redis looks for the
// former only when sanitize-dump-payload says so, and fails later.

// A looseValue is a value that no key has yet. It ends in store or drop.
type looseValue struct {
	typ   valueType
	enc   encoding
	bytes []byte    // of a string, or of what lies within a record: a view
	root  arena.Ref // of a value made of blocks, 0 for others
}

// store gives the value to a key that is not there.
func (v *looseValue) store(db *database, key string, expireAt int64) entry {
	switch {
	case v.typ == typeString:
		return db.store(entry{}, key, viewString(v.bytes), expireAt)
	case v.root != 0:
		e := db.place(entry{}, key, v.typ, v.enc, outside, expireAt)
		e.setOutside(v.root, 0)
		db.adopt(e)
		return e
	}
	e := db.place(entry{}, key, v.typ, v.enc, len(v.bytes), expireAt)
	copy(unsafe.Slice((*byte)(e.value()), len(v.bytes)), v.bytes)
	return e
}

// drop frees a value that is not wanted.
func (v *looseValue) drop(kv *KVStore) {
	if v.root != 0 {
		kv.dropValue(v.enc, v.root)
	}
}

// What may be wrong with a value besides its form.
var (
	errEmptyValue  = errors.New("the value is empty")
	errTwice       = errors.New("an element is there twice")
	errTwicePaired = errors.New("listpack with dup elements")
)

// A valueLoader builds values of what a reader yields. It may be used for many.
type valueLoader struct {
	kv      *KVStore
	r       *rdb.Reader
	entries []byte // entries of a listpack that is being made
	lp      []byte // the listpack made of them
	digits  [20]byte
	seen    seenSet
	blobs   int64 // blobs and nodes that were looked at
}

// load builds the value that the reader has come to. It is a view in part: it
// has to be stored before the reader goes on.
func (l *valueLoader) load() (looseValue, error) {
	switch l.r.Type {
	case rdb.TypeString:
		s, err := l.r.String()
		return looseValue{typ: typeString, bytes: unsafe.Slice(unsafe.StringData(s), len(s))}, err
	case rdb.TypeList, rdb.TypeListElements:
		return l.loadList()
	case rdb.TypeSet, rdb.TypeSetIntset, rdb.TypeSetListpack:
		return l.loadSet()
	case rdb.TypeZset, rdb.TypeZsetListpack:
		return l.loadZset()
	case rdb.TypeHash:
		return l.loadHash()
	case rdb.TypeHashListpack:
		return l.loadHashListpack()
	case rdb.TypeHashExpire, rdb.TypeHashListpackExpire:
		return l.loadExpiringHash()
	case rdb.TypeStream:
		return l.loadStream()
	}
	return looseValue{}, fmt.Errorf("a value of type %d", l.r.Type)
}

// A seenSet tells whether a text was there before, by its hash alone: the
// hashes are seeded, so nobody can make two of them meet.
type seenSet struct {
	slots  []uint64
	factor uint64 // random and odd, for what is no hash
}

// start forgets everything and makes room for n.
func (s *seenSet) start(n int) {
	if s.factor == 0 {
		s.factor = rand.Uint64() | 1
	}
	size := 8
	for size < 2*n {
		size *= 2
	}
	s.slots = slices.Grow(s.slots[:0], size)[:size]
	clear(s.slots)
}

// add reports whether a hash is new.
func (s *seenSet) add(hash uint64) bool {
	hash |= 1 // 0 is an empty slot
	mask := uint64(len(s.slots) - 1)
	for i := (hash>>40 ^ hash>>1) & mask; ; i = (i + 1) & mask {
		switch s.slots[i] {
		case 0:
			s.slots[i] = hash
			return true
		case hash:
			return false
		}
	}
}

// listpack returns a listpack that was read, with every entry in the encoding
// that this server would give it: edits in place rely on that. Redis never
// writes others.
func (l *valueLoader) listpack(lp []byte) []byte {
	l.blobs++
	if l.r.Plain {
		return lp
	}
	return l.recoded(lp)
}

// recoded makes a listpack of the same entries.
func (l *valueLoader) recoded(lp []byte) []byte {
	entries := l.entries[:0]
	n := 0
	for p := listpack.First(lp); !listpack.AtEnd(lp, p); p = listpack.Next(lp, p) {
		str, number, isInt := listpack.Read(lp, p)
		if isInt {
			entries = listpack.AppendEntryInt(entries, number)
		} else {
			entries = listpack.AppendEntry(entries, viewString(str))
		}
		n++
	}
	return l.listpackOf(entries, n)
}

// listpackOf is a listpack of n entries, good until the next one.
func (l *valueLoader) listpackOf(entries []byte, n int) []byte {
	lp := listpack.Init(slices.Grow(l.lp[:0], listpack.EmptySize+len(entries)))
	lp = listpack.Splice(lp, listpack.First(lp), listpack.First(lp), entries, n)
	l.entries, l.lp = entries, lp
	if cap(entries)+cap(lp) > keepSize {
		l.entries, l.lp = nil, nil
	}
	return lp
}

// text is an entry of a listpack as a string, good until the next one.
func (l *valueLoader) text(lp []byte, p int) string {
	return textIn(listpack.Get(lp, p), l.digits[:0])
}

// loadSet builds a set.
func (l *valueLoader) loadSet() (looseValue, error) {
	kv := l.kv
	s := kv.dbs[0].looseSet()
	var err error
	switch n := l.r.Len(); l.r.Type {
	case rdb.TypeSetIntset:
		var blob []byte
		if blob, err = l.r.Blob(); err == nil {
			l.blobs++
			s.small = append(s.small[:0], blob...)
			if n := intset.Len(blob); int64(n) > kv.setIntsetMax {
				s.leaveIntset(0)
			}
		}
	case rdb.TypeSetListpack:
		err = l.addPacked(&s)
	default:
		if n > smallSetMax && int64(n) > kv.setIntsetMax {
			s.toTable()
			s.table.Expand(kv.elementType, n)
		}
		err = l.addMembers(&s)
	}
	if err == nil && s.len() == 0 {
		err = errEmptyValue
	}
	if err != nil {
		s.discard()
		return looseValue{}, err
	}
	v := looseValue{typ: typeSet, enc: s.enc, bytes: s.small, root: s.root}
	if s.enc != encTable {
		s.giveBack() // nobody takes it before the value is stored
	}
	return v, nil
}

// addMembers adds the members that the reader yields.
func (l *valueLoader) addMembers(s *set) error {
	n := l.r.Len()
	few := n <= smallSetMax
	if few {
		l.seen.start(n)
	}
	for l.r.Len() > 0 {
		member, err := l.r.Element()
		if err != nil {
			return err
		}
		if few && !l.seen.add(l.kv.elementType.Hash(member)) {
			return errTwice
		}
		if few && s.enc == encListpack && len(member) <= smallMemberMax {
			s.append(member)
			continue
		}
		if !s.add(member) {
			return errTwice
		}
	}
	return nil
}

// addPacked adds the members of a listpack, as Redis has small sets since 7.2.
func (l *valueLoader) addPacked(s *set) error {
	lp, err := l.r.Blob()
	if err != nil {
		return err
	}
	l.blobs++
	for p := listpack.First(lp); !listpack.AtEnd(lp, p); p = listpack.Next(lp, p) {
		if !s.add(l.text(lp, p)) {
			return errTwice
		}
	}
	return nil
}

// A hashBuild is a hash under way: entries of a listpack at first, and a table
// as soon as it has to be one.
type hashBuild struct {
	l     *valueLoader
	small int // fields in the listpack
	root  arena.Ref
	table *dict.Dict
	x     *expiringHash // the same root, when fields may expire
}

// toTable gives the build a table, with room for n fields, of what it has so far.
func (b *hashBuild) toTable(n int) error {
	kv := b.l.kv
	b.root, b.table = newRoot[dict.Dict](kv)
	b.table.Expand(kv.elementType, n)
	if b.small == 0 {
		return nil
	}
	lp := b.l.listpackOf(b.l.entries, 2*b.small)
	return b.addListpack(lp)
}

// addListpack adds the fields of a listpack to the table.
func (b *hashBuild) addListpack(lp []byte) error {
	var buf [20]byte
	for p := listpack.First(lp); !listpack.AtEnd(lp, p); {
		v := listpack.Next(lp, p)
		if err := b.add(b.l.text(lp, p), textIn(listpack.Get(lp, v), buf[:0]), 0); err != nil {
			return err
		}
		p = listpack.Next(lp, v)
	}
	return nil
}

// add adds a field to the table. at is its expiry, 0 for none.
func (b *hashBuild) add(field, value string, at int64) error {
	kv := b.l.kv
	t := kv.elementType
	hash := t.Hash(field)
	if b.table.Find(t, hash, field) != 0 {
		return errTwice
	}
	ref := kv.newField(field, value, at)
	b.table.Insert(t, hash, ref)
	if at != 0 {
		b.x.expires.Insert(kv.arena, at, ref)
	}
	return nil
}

// finish is the value that has been built, or the reason why there is none.
func (b *hashBuild) finish(err error) (looseValue, error) {
	v := looseValue{typ: typeHash, enc: encListpack}
	switch {
	case b.x != nil:
		v.enc, v.root = encExpiring, b.root
	case b.table != nil:
		v.enc, v.root = encTable, b.root
	}
	if err == nil && b.small == 0 && (b.table == nil || b.table.Len() == 0) {
		err = errEmptyValue
	}
	if err != nil {
		v.drop(b.l.kv)
		return looseValue{}, err
	}
	if v.enc == encListpack {
		v.bytes = b.l.listpackOf(b.l.entries, 2*b.small)
	}
	return v, nil
}

// loadHash builds a hash that comes field by field.
func (l *valueLoader) loadHash() (looseValue, error) {
	kv := l.kv
	b := hashBuild{l: l}
	l.entries = l.entries[:0]
	n := l.r.Len()
	var err error
	if n > kv.hashEntriesMax {
		err = b.toTable(n)
	} else {
		l.seen.start(n)
	}
	for err == nil && l.r.Len() > 0 {
		field, value, failure := l.r.Field()
		if failure != nil {
			return b.finish(failure)
		}
		short := max(len(field), len(value)) <= kv.hashValueMax
		if b.table == nil && (!short || len(l.entries)+len(field)+len(value) > listpack.SizeMax) {
			err = b.toTable(n)
		}
		switch {
		case err != nil:
		case b.table != nil:
			err = b.add(field, value, 0)
		case !l.seen.add(kv.elementType.Hash(field)):
			err = errTwice
		default:
			l.entries = listpack.AppendEntry(listpack.AppendEntry(l.entries, field), value)
			b.small++
		}
	}
	return b.finish(err)
}

// loadHashListpack builds a hash that comes as a listpack.
func (l *valueLoader) loadHashListpack() (looseValue, error) {
	kv := l.kv
	lp, err := l.r.Blob()
	if err != nil {
		return looseValue{}, err
	}
	lp = l.listpack(lp)
	n := listpack.Len(lp) / 2
	if n > kv.hashEntriesMax || l.r.FromZipmap() && longest(lp) > kv.hashValueMax {
		b := hashBuild{l: l}
		l.entries = l.entries[:0]
		if err = b.toTable(n); err == nil {
			err = b.addListpack(lp)
		}
		if err == errTwice {
			err = errTwicePaired
		}
		return b.finish(err)
	}
	if n == 0 {
		return looseValue{}, errEmptyValue
	}
	if l.repeats(lp, n) {
		return looseValue{}, errTwicePaired
	}
	return looseValue{typ: typeHash, enc: encListpack, bytes: lp}, nil
}

// longest is the length of the longest text in a listpack.
func longest(lp []byte) int {
	n := 0
	for p := listpack.First(lp); !listpack.AtEnd(lp, p); p = listpack.Next(lp, p) {
		n = max(n, listpack.Get(lp, p).Len())
	}
	return n
}

// repeats reports whether two of the n pairs in a listpack begin alike. Entries are
// told apart by their ends first, and by all of them only when these do not suffice.
func (l *valueLoader) repeats(lp []byte, n int) bool {
	l.seen.start(n)
	for p := listpack.First(lp); !listpack.AtEnd(lp, p); {
		next := listpack.Next(lp, p)
		if !l.seen.add(endsOf(lp[p:next]) * l.seen.factor) {
			return l.repeatsAll(lp, n)
		}
		p = listpack.Next(lp, next)
	}
	return false
}

// repeatsAll is repeats for entries of equal ends.
func (l *valueLoader) repeatsAll(lp []byte, n int) bool {
	l.seen.start(n)
	for p := listpack.First(lp); !listpack.AtEnd(lp, p); p = listpack.Next(lp, listpack.Next(lp, p)) {
		if !l.seen.add(l.kv.elementType.Hash(l.text(lp, p))) {
			return true
		}
	}
	return false
}

// endsOf mixes the first and the last eight bytes of an entry.
func endsOf(entry []byte) uint64 {
	n := len(entry)
	if n >= 8 {
		return binary.LittleEndian.Uint64(entry) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(entry[n-8:]), 29)
	}
	x := uint64(n)
	for _, c := range entry {
		x = x<<8 | uint64(c)
	}
	return x
}

// loadExpiringHash builds a hash whose fields expire. Those whose time has come
// are for the usual ways to remove.
func (l *valueLoader) loadExpiringHash() (looseValue, error) {
	b := hashBuild{l: l}
	b.root, b.x = newRoot[expiringHash](l.kv)
	b.table = &b.x.fields
	if l.r.Type == rdb.TypeHashListpackExpire {
		lp, err := l.r.Blob()
		if err == nil {
			l.blobs++
			err = b.addTriples(lp)
		}
		return b.finish(err)
	}
	for l.r.Len() > 0 {
		field, value, at, err := l.r.FieldExpire()
		if err == nil {
			err = b.add(field, value, loadedFieldExpiry(at))
		}
		if err != nil {
			return b.finish(err)
		}
	}
	return b.finish(nil)
}

// addTriples adds the fields, values and expiries of a listpack.
func (b *hashBuild) addTriples(lp []byte) error {
	var buf [20]byte
	for p := listpack.First(lp); !listpack.AtEnd(lp, p); {
		v := listpack.Next(lp, p)
		x := listpack.Next(lp, v)
		_, at, _ := listpack.Read(lp, x)
		if at == 0 {
			at = -1
		}
		if err := b.add(b.l.text(lp, p), textIn(listpack.Get(lp, v), buf[:0]), loadedFieldExpiry(at)); err != nil {
			return err
		}
		p = listpack.Next(lp, x)
	}
	return nil
}

// loadedFieldExpiry is the expiry of a field as the store has it, of what a
// snapshot says, where negative is none.
func loadedFieldExpiry(at int64) int64 {
	if at < 0 {
		return 0
	}
	return min(max(at, 1), fieldExpiryMax)
}

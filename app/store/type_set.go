package store

import (
	"slices"
	"strconv"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/dict"
	"github.com/codecrafters-io/redis-starter-go/app/intset"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
)

// Sets as values. A set of integers is an intset within its record, up to
// set-max-intset-entries of them. Any other set is what Redis 7.0 calls a
// hashtable; here a small one is a listpack within its record, which takes a
// third of the memory, and only a big one is a table. A set never returns to a
// form that it has left, for OBJECT ENCODING would tell.
//
//	intset ──▶ listpack ──▶ table ─▶ root ─▶ buckets ─▶ [length, member] …
//	   ╰──────────────────────▲
//
// A member of a table is a block of its own bytes and their number. What goes
// over many members takes them in batches (type_set_batch.go): what one of them
// misses in the cache is then on its way together with what the others miss.

const (
	// A listpack is searched from its start. Up to so many members that
	// hardly takes longer than to find one in a table.
	smallSetMax    = 128
	smallMemberMax = 64 // bytes of a member

	// intsetMax bounds set-max-intset-entries, as in Redis.
	intsetMax = 1 << 30
)

// A setState is what the sets of one store share: memory to work in.
type setState struct {
	loose []byte      // of the next loose set
	spare []byte      // of the next set to change its form
	batch memberBatch // of the walk under way
	sets  []set       // that the command at hand works on
	refs  []arena.Ref // of the members that it has picked
	bytes []byte      // where a member is printed
}

// intsetBytes is the size of an intset, from its header.
func intsetBytes(v unsafe.Pointer) int {
	return intset.Size(unsafe.Slice((*byte)(v), intset.HeaderSize))
}

// A set is a set value at hand: that of a record, or a loose one, which has no
// key yet. It follows its record when that moves; another set of the same
// record does not.
type set struct {
	db    *database
	e     entry // the record; none for a loose set, and for a key that is not there
	enc   encoding
	small []byte     // the intset or listpack
	table *dict.Dict // the table
	root  arena.Ref  // the block that it lies in
}

// openSet is the set of an entry.
func (db *database) openSet(e entry) set {
	s := set{db: db, e: e, enc: e.enc()}
	switch s.enc {
	case encIntset:
		s.small = unsafe.Slice((*byte)(e.value()), intsetBytes(e.value()))
	case encListpack:
		s.small = e.listpack()
	default:
		s.root = e.outsideRef()
		s.table = rootOf[dict.Dict](db.kv, e)
	}
	return s
}

// looseSet is a new set without members. It ends in store or discard.
func (db *database) looseSet() set {
	b := slices.Grow(db.kv.sets.loose[:0], intset.HeaderSize)
	db.kv.sets.loose = nil
	return set{db: db, enc: encIntset, small: intset.Init(b)}
}

// store puts a loose set under key in the place of old, with an expiry, -1 for
// none. It tells nobody. The set is gone.
func (s *set) store(old entry, key string, expireAt int64) entry {
	if s.enc == encTable {
		e := s.db.place(old, key, typeSet, encTable, outside, expireAt)
		e.setOutside(s.root, 0)
		return e
	}
	e := s.db.place(old, key, typeSet, s.enc, len(s.small), expireAt)
	copy(unsafe.Slice((*byte)(e.value()), len(s.small)), s.small)
	s.giveBack()
	return e
}

// discard frees a loose set.
func (s *set) discard() {
	if s.enc == encTable {
		s.db.kv.dropValue(encTable, s.root)
		return
	}
	s.giveBack()
}

// giveBack leaves the bytes of a loose set to the next one.
func (s *set) giveBack() {
	if cap(s.small) <= keepSize {
		s.db.kv.sets.loose = s.small
	}
	s.small = nil
}

// ok reports whether the set is the one of a key that is there, or loose.
func (s *set) ok() bool { return s.db != nil }

// len is the number of members.
func (s *set) len() int {
	switch {
	case s.db == nil:
		return 0
	case s.enc == encIntset:
		return intset.Len(s.small)
	case s.enc == encListpack:
		return listpack.Len(s.small)
	}
	return s.table.Len()
}

// has reports whether member is in the set.
func (s *set) has(member string) bool {
	switch s.enc {
	case encIntset:
		n, ok := canonicalInt(member)
		return ok && s.hasInt(n)
	case encListpack:
		return s.position(member) >= 0
	}
	t := s.db.kv.elementType
	return s.table.Find(t, t.Hash(member), member) != 0
}

// hasInt is has for an intset.
func (s *set) hasInt(n int64) bool {
	_, found := intset.Find(s.small, n)
	return found
}

// position is the place of a member in a listpack, -1 when it is not there.
func (s *set) position(member string) int {
	if len(member) > smallMemberMax {
		return -1
	}
	return listpack.Find(s.small, listpack.First(s.small), member, 0)
}

// touch loads what finding the members in a table will need, and returns their
// hashes. There are none for another form of set.
func (s *set) touch(members []string, hashes *[touchMax]uint64) []uint64 {
	if s.enc != encTable {
		return nil
	}
	return touchNamed(s.table, s.db.kv.elementType, members, 1, hashes)
}

// addAll adds members and returns how many of them are new. The record may move.
func (s *set) addAll(members []string) (added int) {
	var buf [touchMax]uint64
	for len(members) > 0 {
		n := min(len(members), batchMembers)
		hashes := s.touch(members[:n], &buf)
		for i, member := range members[:n] {
			var isNew bool
			if hashes != nil {
				isNew = s.addHashed(hashes[i], member)
			} else {
				isNew = s.add(member)
			}
			if isNew {
				added++
			}
		}
		members = members[n:]
	}
	return added
}

// add adds a member and reports whether it is new. The record may move.
func (s *set) add(member string) bool {
	switch s.enc {
	case encIntset:
		if n, ok := canonicalInt(member); ok {
			return s.addInt(n)
		}
		s.leaveIntset(len(member))
	case encListpack:
		if s.position(member) >= 0 {
			return false
		}
		if len(member) > smallMemberMax || listpack.Len(s.small) >= smallSetMax {
			s.toTable()
		}
	}
	if s.enc == encListpack {
		s.append(member)
		return true
	}
	return s.addHashed(s.db.kv.elementType.Hash(member), member)
}

// append adds a member that is not there to a listpack that has room for it.
func (s *set) append(member string) {
	s.room(listpack.EncodedSize(member))
	s.small = listpack.Append(s.small, member)
}

// addInt is add for an intset.
func (s *set) addInt(n int64) bool {
	i, found := intset.Find(s.small, n)
	if found {
		return false
	}
	if int64(intset.Len(s.small)) >= s.db.kv.setIntsetMax {
		var digits [20]byte
		member := viewString(strconv.AppendInt(digits[:0], n, 10))
		s.leaveIntset(len(member))
		return s.add(member)
	}
	s.room(intset.SizeWith(s.small, n) - len(s.small))
	s.small = intset.Insert(s.small, i, n)
	return true
}

// addHashed is add for a table.
func (s *set) addHashed(hash uint64, member string) bool {
	kv := s.db.kv
	if s.table.Find(kv.elementType, hash, member) != 0 {
		return false
	}
	s.table.Insert(kv.elementType, hash, kv.newMember(member))
	return true
}

// newMember makes the block of a table's member.
func (kv *KVStore) newMember(member string) arena.Ref {
	n := len(member)
	ref := kv.arena.Alloc(uvarintSize(n) + n)
	p := putUvarint(kv.arena.Ptr(ref), n)
	copy(unsafe.Slice((*byte)(p), n), member)
	return ref
}

// room makes room for so many more bytes in a small set. The record may move.
func (s *set) room(more int) {
	if !s.e.ok() {
		s.small = slices.Grow(s.small, more)
		return
	}
	n := len(s.small)
	s.e = s.db.resizeValue(s.e, n+more)
	s.small = unsafe.Slice((*byte)(s.e.value()), n+more)[:n]
}

// fit makes the record as small as its set has become. The record may move.
func (s *set) fit() {
	if s.e.ok() && s.enc != encTable {
		s.room(0)
	}
}

// removeAll removes members and returns how many were there. The record may move.
func (s *set) removeAll(members []string) (removed int) {
	var buf [touchMax]uint64
	for len(members) > 0 && s.len() > 0 {
		n := min(len(members), batchMembers)
		hashes := s.touch(members[:n], &buf)
		for i, member := range members[:n] {
			var was bool
			if hashes != nil {
				was = s.removeHashed(hashes[i], member)
			} else {
				was = s.remove(member)
			}
			if was {
				removed++
			}
		}
		members = members[n:]
	}
	s.fit()
	return removed
}

// remove removes a member and reports whether it was there. The record of a
// small set stays as big as it is until fit.
func (s *set) remove(member string) bool {
	switch s.enc {
	case encIntset:
		if n, ok := canonicalInt(member); ok {
			if i, found := intset.Find(s.small, n); found {
				s.small = intset.Delete(s.small, i)
				return true
			}
		}
		return false
	case encListpack:
		p := s.position(member)
		if p < 0 {
			return false
		}
		s.small = listpack.Delete(s.small, p, 1)
		return true
	}
	return s.removeHashed(s.db.kv.elementType.Hash(member), member)
}

// removeHashed is remove for a table.
func (s *set) removeHashed(hash uint64, member string) bool {
	kv := s.db.kv
	ref := s.table.Find(kv.elementType, hash, member)
	if ref == 0 {
		return false
	}
	s.table.Remove(kv.elementType, hash, ref)
	kv.arena.Free(ref)
	return true
}

// leaveIntset turns an intset into what takes any member, the next one having
// so many bytes. The record moves.
func (s *set) leaveIntset(next int) {
	if next <= smallMemberMax && intset.Len(s.small) < smallSetMax {
		s.toListpack()
	} else {
		s.toTable()
	}
}

// toListpack turns an intset into a listpack. The record moves.
func (s *set) toListpack() {
	state := &s.db.kv.sets
	lp := listpack.Init(slices.Grow(state.spare[:0], listpack.EmptySize))
	for i := range intset.Len(s.small) {
		lp = listpack.AppendInt(lp, intset.At(s.small, i))
	}
	s.enc = encListpack
	if !s.e.ok() {
		state.spare, s.small = s.small, lp
		return
	}
	s.e = s.db.recast(s.e, encListpack, len(lp))
	s.small = unsafe.Slice((*byte)(s.e.value()), len(lp))
	copy(s.small, lp)
	state.spare = lp
}

// toTable turns a small set into a table. The record moves.
func (s *set) toTable() {
	t := s.db.kv.elementType
	s.root, s.table = newRoot[dict.Dict](s.db.kv)
	s.eachSmall(func(member string) {
		s.table.Insert(t, t.Hash(member), s.db.kv.newMember(member))
	})
	s.enc = encTable
	if !s.e.ok() {
		s.giveBack()
		return
	}
	s.small = nil
	s.e = s.db.recast(s.e, encTable, outside)
	s.e.setOutside(s.root, 0)
}

// eachSmall hands the members of a small set to visit, one after the other.
func (s *set) eachSmall(visit func(member string)) {
	var digits [20]byte
	if s.enc == encIntset {
		for i := range intset.Len(s.small) {
			visit(viewString(strconv.AppendInt(digits[:0], intset.At(s.small, i), 10)))
		}
		return
	}
	for p := listpack.First(s.small); !listpack.AtEnd(s.small, p); p = listpack.Next(s.small, p) {
		str, number, isInt := listpack.Read(s.small, p)
		if isInt {
			str = strconv.AppendInt(digits[:0], number, 10)
		}
		visit(viewString(str))
	}
}

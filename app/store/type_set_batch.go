package store

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/intset"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
)

// Ways through a set other than by member: in batches, and at random.

// batchMembers is how many members a batch holds.
const batchMembers = touchMax

// A memberBatch is some members of a set: numbers if they come from an intset,
// else texts. Texts are views of the set or of digits, good until the set
// changes or the next batch comes.
type memberBatch struct {
	n       int
	ints    bool // the members are numbers
	printed bool // they have texts besides
	number  [batchMembers]int64
	text    [batchMembers]string
	digits  [batchMembers * 20]byte
}

// texts are the members as texts.
func (b *memberBatch) texts() []string {
	if b.ints && !b.printed {
		b.printed = true
		buf := b.digits[:0]
		for i := range b.n {
			start := len(buf)
			buf = strconv.AppendInt(buf, b.number[i], 10)
			b.text[i] = viewString(buf[start:])
		}
	}
	return b.text[:b.n]
}

// integer is member i as an integer, if it is one.
func (b *memberBatch) integer(i int) (int64, bool) {
	if b.ints {
		return b.number[i], true
	}
	return canonicalInt(b.text[i])
}

// keep makes member i the one at index n <= i.
func (b *memberBatch) keep(n, i int) {
	if n != i {
		b.number[n], b.text[n] = b.number[i], b.text[i]
	}
}

// filter keeps those members of a batch that are in the set, or, unless in,
// those that are not.
func (s *set) filter(b *memberBatch, in bool) {
	n := 0
	if s.enc == encIntset {
		for i := range b.n {
			if number, ok := b.integer(i); (ok && s.hasInt(number)) == in {
				b.keep(n, i)
				n++
			}
		}
		b.n = n
		return
	}
	var buf [touchMax]uint64
	texts := b.texts()
	hashes := s.touch(texts, &buf)
	for i, member := range texts {
		var found bool
		if hashes != nil {
			found = s.table.Find(s.db.kv.elementType, hashes[i], member) != 0
		} else {
			found = s.position(member) >= 0
		}
		if found == in {
			b.keep(n, i)
			n++
		}
	}
	b.n = n
}

// batches hands all members to visit, batch by batch, until it returns false.
// Meanwhile the set must not change, nor may another walk begin.
func (s *set) batches(visit func(b *memberBatch) bool) {
	b := &s.db.kv.sets.batch
	switch s.enc {
	case encIntset:
		s.intsetBatches(b, visit)
	case encListpack:
		s.listpackBatches(b, visit)
	default:
		s.tableBatches(b, visit)
	}
}

func (s *set) intsetBatches(b *memberBatch, visit func(b *memberBatch) bool) {
	for i, n := 0, intset.Len(s.small); i < n; i += b.n {
		b.ints, b.printed = true, false
		b.n = min(n-i, batchMembers)
		for k := range b.n {
			b.number[k] = intset.At(s.small, i+k)
		}
		taken := b.n
		if !visit(b) {
			return
		}
		b.n = taken // visit may have dropped some
	}
}

func (s *set) listpackBatches(b *memberBatch, visit func(b *memberBatch) bool) {
	for p := listpack.First(s.small); !listpack.AtEnd(s.small, p); {
		b.ints, b.n = false, 0
		buf := b.digits[:0]
		for ; b.n < batchMembers && !listpack.AtEnd(s.small, p); p = listpack.Next(s.small, p) {
			str, number, isInt := listpack.Read(s.small, p)
			if isInt {
				start := len(buf)
				buf = strconv.AppendInt(buf, number, 10)
				str = buf[start:]
			}
			b.text[b.n] = viewString(str)
			b.n++
		}
		if !visit(b) {
			return
		}
	}
}

func (s *set) tableBatches(b *memberBatch, visit func(b *memberBatch) bool) {
	t := s.db.kv.elementType
	var refs [batchMembers]arena.Ref
	n := 0
	flush := func() bool {
		b.ints, b.n = false, n
		for i, ref := range refs[:n] {
			b.text[i] = t.Key(ref)
		}
		n = 0
		return visit(b)
	}
	for ref := range s.table.All(t) {
		refs[n] = ref
		if n++; n == batchMembers && !flush() {
			return
		}
	}
	if n > 0 {
		flush()
	}
}

// A memberPlace is where a member of a set is: an index in an intset, an offset
// in a listpack, a reference in a table. It is void once the set has changed.
type memberPlace uint64

// random is the place of a member, each with the same probability. The set has
// members.
func (s *set) random() memberPlace {
	switch s.enc {
	case encIntset:
		return memberPlace(rand.IntN(intset.Len(s.small)))
	case encListpack:
		return memberPlace(listpack.Seek(s.small, rand.IntN(listpack.Len(s.small))))
	}
	return memberPlace(s.table.Random(s.db.kv.elementType))
}

// at is the member in a place, as a view of the set or of what the next call
// will use.
func (s *set) at(p memberPlace) string {
	kv := s.db.kv
	switch s.enc {
	case encIntset:
		kv.sets.bytes = strconv.AppendInt(kv.sets.bytes[:0], intset.At(s.small, int(p)), 10)
	case encListpack:
		kv.sets.bytes = listpack.Get(s.small, int(p)).Append(kv.sets.bytes[:0])
	default:
		return kv.elementType.Key(arena.Ref(p))
	}
	return viewString(kv.sets.bytes)
}

// removeAt removes the member in a place. The record of a small set stays as
// big as it is until fit.
func (s *set) removeAt(p memberPlace) {
	kv := s.db.kv
	switch s.enc {
	case encIntset:
		s.small = intset.Delete(s.small, int(p))
	case encListpack:
		s.small = listpack.Delete(s.small, int(p), 1)
	default:
		ref := arena.Ref(p)
		s.table.Remove(kv.elementType, kv.elementType.Hash(kv.elementType.Key(ref)), ref)
		kv.arena.Free(ref)
	}
}

// sample hands count members to visit, any so many with the same probability;
// the set has more. To pick a few out of a big table takes no walk over it.
func (s *set) sample(count int, visit func(member string)) {
	if s.enc == encTable && s.len() > walkFactor*count {
		for _, ref := range s.pick(count) {
			visit(s.db.kv.elementType.Key(ref))
		}
		return
	}
	// Each member is taken with the probability that is just right for what
	// is still wanted of those that are left.
	left := s.len()
	s.batches(func(b *memberBatch) bool {
		for _, member := range b.texts() {
			if rand.IntN(left) < count {
				visit(member)
				count--
			}
			left--
		}
		return count > 0
	})
}

// walkFactor is how many times as many members as wanted a table must have for
// picking them one by one.
const walkFactor = 3

// pick returns count different members of a table, any so many with the same
// probability. What has been picked twice is made good by as many more. They
// come in the order of their places in memory.
func (s *set) pick(count int) []arena.Ref {
	state := &s.db.kv.sets
	refs := state.refs[:0]
	for len(refs) < count {
		for range count - len(refs) {
			refs = append(refs, s.table.Random(s.db.kv.elementType))
		}
		slices.Sort(refs)
		refs = slices.Compact(refs)
	}
	if state.refs = nil; cap(refs) <= keepSize/8 {
		state.refs = refs
	}
	return refs
}

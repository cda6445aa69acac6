package store

import (
	"sort"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// Walking over sorted sets, and ranges as ranks: a range is the rank that it
// begins at and the one that it ends before.

// A zsetWalk is a place among the members of a sorted set. It is lost when the
// set changes. How far there are members is the caller's to know.
type zsetWalk struct {
	kv *KVStore
	lp []byte // nil for elements
	at int    // of the member in the listpack
	c  tree.Cursor
}

// seek goes to the member at a rank, or to the end.
func (w *zsetWalk) seek(z *zset, rank int) {
	w.kv = z.db.kv
	if z.root == nil {
		w.lp = z.e.listpack()
		w.at = listpack.Seek(w.lp, 2*rank)
		return
	}
	z.root.order.SeekRank(w.kv.zsets.order, &w.c, uint64(rank))
}

// next goes to the following member, or to the end.
func (w *zsetWalk) next() {
	if w.lp == nil {
		w.c.Next(w.kv.zsets.order)
		return
	}
	w.at = listpack.Next(w.lp, listpack.Next(w.lp, w.at))
}

// prev goes to the member before. From the first it goes nowhere.
func (w *zsetWalk) prev() {
	if w.lp == nil {
		w.c.Prev(w.kv.zsets.order)
		return
	}
	if w.at != listpack.First(w.lp) {
		w.at = listpack.Prev(w.lp, listpack.Prev(w.lp, w.at))
	}
}

// step is prev or next.
func (w *zsetWalk) step(reverse bool) {
	if reverse {
		w.prev()
	} else {
		w.next()
	}
}

// member is the member, a view that is good until the next call or change.
func (w *zsetWalk) member() string {
	if w.lp == nil {
		return w.kv.scoredType.Key(w.c.Entry().Ref)
	}
	return w.kv.zsets.text(w.lp, w.at)
}

// score is the member's score.
func (w *zsetWalk) score() float64 {
	if w.lp == nil {
		return *w.kv.scoreAt(w.c.Entry().Ref)
	}
	return entryScore(w.lp, listpack.Next(w.lp, w.at))
}

// place is where the member is. It has no hash.
func (w *zsetWalk) place() zsetPlace {
	if w.lp == nil {
		ref := w.c.Entry().Ref
		return zsetPlace{ref: ref, score: *w.kv.scoreAt(ref)}
	}
	return zsetPlace{at: w.at, score: w.score()}
}

// memberAt is the member at a place, a view that is good until the next call or
// change.
func (z *zset) memberAt(p zsetPlace) string {
	if z.root == nil {
		return z.db.kv.zsets.text(z.e.listpack(), p.at)
	}
	return z.db.kv.scoredType.Key(p.ref)
}

// clampRanks makes a range of the ranks start to end, of which the negative are
// counted from the last member.
func clampRanks(start, end int64, length int) (from, to int) {
	n := int64(length)
	if start < 0 {
		start += n
	}
	if end < 0 {
		end += n
	}
	start = max(start, 0)
	if start > end || start >= n {
		return 0, 0
	}
	return int(start), int(min(end, n-1)) + 1
}

// scoreRanks is the range of the members with scores of a range.
func (z *zset) scoreRanks(r *scoreRange) (from, to int) {
	if r.empty() {
		return 0, 0
	}
	if z.root == nil {
		return z.entryRanks(false,
			func(_, score int, lp []byte) bool { return r.below(entryScore(lp, score)) },
			func(_, score int, lp []byte) bool { return r.above(entryScore(lp, score)) })
	}
	return z.root.rankOf(z.db.kv, r.min, r.minOpen), z.root.rankOf(z.db.kv, r.max, !r.maxOpen)
}

// rankOf is the number of members with a lower score, or with the same, too.
func (r *zsetRoot) rankOf(kv *KVStore, score float64, after bool) int {
	var c tree.Cursor
	if after {
		r.order.SeekKeyAfter(kv.zsets.order, &c, scoreKey(score))
	} else {
		r.order.SeekKey(kv.zsets.order, &c, scoreKey(score))
	}
	return int(r.order.Rank(kv.zsets.order, &c))
}

// lexRanks is the range of the members within a range. Redis's documentation
// asks for equal scores. When they are not, what is found is one of Redis's
// answers if the members are in order, and something if they are not; in a
// listpack it is what Redis finds in any case.
func (z *zset) lexRanks(r *lexRange, reverse bool) (from, to int) {
	if r.empty() {
		return 0, 0
	}
	kv := z.db.kv
	if z.root == nil {
		s := &kv.zsets
		return z.entryRanks(reverse,
			func(member, _ int, lp []byte) bool { return r.below(s.text(lp, member)) },
			func(member, _ int, lp []byte) bool { return r.above(s.text(lp, member)) })
	}
	to = z.len()
	if !z.root.oneScore(kv) {
		from = z.root.searchMembers(kv, func(member string) bool { return !r.below(member) })
		to = z.root.searchMembers(kv, r.above)
		return from, max(from, to)
	}
	if r.min.infinite == 0 {
		from = z.root.lexRankOf(kv, r.min.text, r.min.open)
	}
	if r.max.infinite == 0 {
		to = z.root.lexRankOf(kv, r.max.text, !r.max.open)
	}
	return from, max(from, to)
}

// oneScore reports whether all scores are equal.
func (r *zsetRoot) oneScore(kv *KVStore) bool {
	var first, last tree.Cursor
	r.order.First(kv.zsets.order, &first)
	r.order.Last(kv.zsets.order, &last)
	return first.Entry().Key == last.Entry().Key
}

// searchMembers is the lowest rank whose member, and every later one, reached
// says yes to, if it says so to none before one that it does not.
func (r *zsetRoot) searchMembers(kv *KVStore, reached func(member string) bool) int {
	return sort.Search(r.order.Len(), func(rank int) bool {
		var c tree.Cursor
		r.order.SeekRank(kv.zsets.order, &c, uint64(rank))
		return reached(kv.scoredType.Key(c.Entry().Ref))
	})
}

// lexRankOf is the number of members below one, or not above it, where all
// scores are equal.
func (r *zsetRoot) lexRankOf(kv *KVStore, member string, after bool) int {
	var c tree.Cursor
	order := kv.zsets.order
	r.order.First(order, &c)
	key := c.Entry().Key
	if after {
		r.order.SeekAfter(order, &c, key, member)
	} else {
		r.order.Seek(order, &c, key, member)
	}
	return int(r.order.Rank(order, &c))
}

// entryRanks is the range of the pairs of a listpack that are neither below nor
// above; below and above take the positions of member and score. It is found as
// Redis finds it: the first pair that is not below, and those from there on that
// are not above; or, in reverse, the same from the end.
func (z *zset) entryRanks(reverse bool, below, above func(member, score int, lp []byte) bool) (from, to int) {
	lp := z.e.listpack()
	last := listpack.Prev(lp, listpack.Last(lp))
	first := listpack.First(lp)
	if below(last, listpack.Last(lp), lp) || above(first, listpack.Next(lp, first), lp) {
		return 0, 0
	}
	if !reverse {
		at := first
		for ; ; from++ {
			score := listpack.Next(lp, at)
			if !below(at, score, lp) {
				break
			}
			at = listpack.Next(lp, score)
		}
		for to = from; !listpack.AtEnd(lp, at); to++ {
			score := listpack.Next(lp, at)
			if above(at, score, lp) {
				break
			}
			at = listpack.Next(lp, score)
		}
		return from, to
	}
	at := last
	for to = z.len(); above(at, listpack.Next(lp, at), lp); to-- {
		at = listpack.Prev(lp, listpack.Prev(lp, at))
	}
	for from = to; !below(at, listpack.Next(lp, at), lp); {
		if from--; from == 0 {
			break
		}
		at = listpack.Prev(lp, listpack.Prev(lp, at))
	}
	return from, to
}

// removeRanks removes the members of a range. An empty set is the caller's to
// remove; when all would go, removing the key is the better way.
func (z *zset) removeRanks(from, to int) {
	if z.root == nil {
		lp := z.e.listpack()
		listpack.Delete(lp, listpack.Seek(lp, 2*from), 2*(to-from))
		z.e = z.db.fitListpack(z.e)
		return
	}
	z.root.removeRanks(z.db.kv, from, to)
}

// removeRanks goes with one cursor. A batch of elements is loaded before the
// first is removed, so that the cache misses overlap.
func (r *zsetRoot) removeRanks(kv *KVStore, from, to int) {
	order, t := kv.zsets.order, kv.scoredType
	var c tree.Cursor
	var refs [touchMax]arena.Ref
	var hashes [touchMax]uint64
	r.order.SeekRank(order, &c, uint64(from))
	for left := to - from; left > 0; {
		n := min(left, touchMax)
		for i := range n {
			refs[i] = c.Entry().Ref
			r.order.Remove(order, &c)
		}
		for i := range n {
			hashes[i] = t.Hash(t.Key(refs[i]))
		}
		r.members.Touch(t, hashes[:n])
		for i := range n {
			r.members.Remove(t, hashes[i], refs[i])
			kv.arena.Free(refs[i])
		}
		left -= n
	}
}

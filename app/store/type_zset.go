package store

import (
	"strconv"
	"strings"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/dict"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// Sorted sets as values. A small one is a listpack within its record: member,
// score, member, score, in order. A big one has an element for each member, a
// block of its own, which two structures refer to:
//
//	record ─▶ root ─┬▶ dict, by member ──┐
//	                │                    ▼
//	                │                  [score 8][length][member]
//	                │                    ▲
//	                └▶ tree, in order ───┘
//
// The tree is a counted B+tree, where Redis has a skip list: an entry holds the
// score, as an integer of the same order, and the element's reference, and each
// branch knows how many entries there are below. So the rank of a member, the
// member at a rank and the ends of any range take one way down. Equal scores are
// in the order of their members' bytes.
//
// Ranks are the currency here: every kind of range is turned into the ranks it
// begins at and ends before; counting, limiting, walking and removing need no
// more than these. Whatever the encoding, a zsetWalk reads the members from a
// rank on.
//
// What must stay true: dict and tree refer to the same elements; an entry's key
// is scoreKey of its element's score; a listpack has an even number of entries
// in order; no key has an empty sorted set.

// scoreSize is the size of the score before a member's name.
const scoreSize = 8

// A zsetRoot is what a big sorted set is made of.
type zsetRoot struct {
	members dict.Dict
	order   tree.Tree
}

// A zsetState is what the sorted sets of one store share.
type zsetState struct {
	order  *tree.Type
	pair   []byte     // the entries of a pair that goes into a listpack
	digits [20]byte   // a member of a listpack that is an integer
	points []geoPoint // of the last search
	scores []float64  // of the ZADD at hand
}

func (kv *KVStore) initZsets() {
	kv.zsets.order = &tree.Type{Arena: kv.arena, Tie: func(ref arena.Ref, probe string) int {
		return strings.Compare(kv.scoredType.Key(ref), probe)
	}}
}

// A zset is a sorted set at hand.
type zset struct {
	db   *database
	e    entry     // follows the record when a change moves it
	root *zsetRoot // nil when the set is a listpack
}

// zset is the sorted set of an entry.
func (db *database) zset(e entry) zset {
	z := zset{db: db, e: e}
	if e.enc() == encSkiplist {
		z.root = rootOf[zsetRoot](db.kv, e)
	}
	return z
}

// len is the number of members.
func (z *zset) len() int {
	if z.root == nil {
		return listpack.Len(z.e.listpack()) / 2
	}
	return z.root.order.Len()
}

// newScored makes the element of a member.
func (kv *KVStore) newScored(score float64, member string) arena.Ref {
	n := len(member)
	ref := kv.arena.Alloc(scoreSize + uvarintSize(n) + n)
	p := kv.arena.Ptr(ref)
	*(*float64)(p) = score
	copy(unsafe.Slice((*byte)(putUvarint(unsafe.Add(p, scoreSize), n)), n), member)
	return ref
}

// scoreAt is the score in an element.
func (kv *KVStore) scoreAt(ref arena.Ref) *float64 { return (*float64)(kv.arena.Ptr(ref)) }

// A zsetPlace is where a member was found.
type zsetPlace struct {
	at    int       // in a listpack
	ref   arena.Ref // of the element
	hash  uint64    // of the member, for a dict
	score float64
}

// find finds a member. When it is not there the place has its hash all the same.
func (z *zset) find(member string) (p zsetPlace, ok bool) {
	if z.root == nil {
		return z.findEntry(member)
	}
	t := z.db.kv.scoredType
	return z.findHashed(member, t.Hash(member))
}

// findEntry is find in a listpack.
func (z *zset) findEntry(member string) (p zsetPlace, ok bool) {
	lp := z.e.listpack()
	at := listpack.Find(lp, listpack.First(lp), member, 1)
	if at < 0 {
		return p, false
	}
	return zsetPlace{at: at, score: entryScore(lp, listpack.Next(lp, at))}, true
}

// findHashed is find among elements.
func (z *zset) findHashed(member string, hash uint64) (p zsetPlace, ok bool) {
	kv := z.db.kv
	p.hash = hash
	if p.ref = z.root.members.Find(kv.scoredType, hash, member); p.ref == 0 {
		return p, false
	}
	p.score = *kv.scoreAt(p.ref)
	return p, true
}

// fits reports whether a listpack of so many members and bytes takes one more.
func (s *settings) fits(members, size, memberLen int) bool {
	return members < s.zsetMaxEntries && memberLen <= s.zsetMaxValue && size+memberLen <= listpack.SizeMax
}

// newZset makes a sorted set of one member under a key that is not there.
func (db *database) newZset(key, member string, score float64) zset {
	kv := db.kv
	if !kv.fits(0, 0, len(member)) {
		ref, root := newRoot[zsetRoot](kv)
		e := db.place(entry{}, key, typeZset, encSkiplist, outside, -1)
		e.setOutside(ref, 0)
		root.insert(kv, kv.scoredType.Hash(member), member, score)
		return zset{db, e, root}
	}
	pair := kv.zsets.entries(member, score)
	e, lp := db.insertListpack(key, typeZset, listpack.EmptySize+len(pair))
	listpack.Splice(lp, listpack.First(lp), listpack.First(lp), pair, 2)
	return zset{db: db, e: e}
}

// entries is a pair as it stands in a listpack, good until the next call.
func (s *zsetState) entries(member string, score float64) []byte {
	pair := appendScoreEntry(listpack.AppendEntry(s.pair[:0], member), score)
	if cap(pair) <= keepSize {
		s.pair = pair
	}
	return pair
}

// insert adds a member that is not there; find has returned its place.
func (z *zset) insert(p zsetPlace, member string, score float64) {
	if z.root == nil {
		lp := z.e.listpack()
		if z.db.kv.fits(listpack.Len(lp)/2, len(lp), len(member)) {
			z.insertEntry(member, score)
			return
		}
		z.toElements()
		p.hash = z.db.kv.scoredType.Hash(member)
	}
	z.root.insert(z.db.kv, p.hash, member, score)
}

// insertEntry is insert in a listpack.
func (z *zset) insertEntry(member string, score float64) {
	pair := z.db.kv.zsets.entries(member, score)
	at := z.entryPlace(member, score)
	var lp []byte
	z.e, lp = z.db.growListpack(z.e, len(pair))
	listpack.Splice(lp, at, at, pair, 2)
}

// reserve makes room in a listpack for members, the odd ones of pairs, as many as
// it may take. So it need not grow with each of them; fit ends it.
func (z *zset) reserve(pairs []string) {
	if z.root != nil {
		return
	}
	const scoreEntryMax = 26 // of 24 characters, as "%.17g" prints the longest
	lp := z.e.listpack()
	members, size := listpack.Len(lp)/2, len(lp)
	for i := 1; i < len(pairs) && z.db.kv.fits(members, size, len(pairs[i])); i += 2 {
		members++
		size += listpack.EncodedSize(pairs[i]) + scoreEntryMax
	}
	z.e = z.db.resizeValue(z.e, size)
}

// fit gives back what a listpack has not used of the room reserved for it.
func (z *zset) fit() {
	if z.e.ok() && z.root == nil {
		z.e = z.db.fitListpack(z.e)
	}
}

// entryPlace is where a pair belongs in the listpack.
func (z *zset) entryPlace(member string, score float64) int {
	lp := z.e.listpack()
	if last := listpack.Last(lp); last == 0 || entryScore(lp, last) < score {
		return len(lp) - 1
	}
	at := listpack.First(lp)
	for !listpack.AtEnd(lp, at) {
		next := listpack.Next(lp, at)
		s := entryScore(lp, next)
		if s > score || s == score && z.db.kv.zsets.text(lp, at) > member {
			break
		}
		at = listpack.Next(lp, next)
	}
	return at
}

// text is an entry as a string: a view, good until the next call or change.
func (s *zsetState) text(lp []byte, at int) string {
	text, n, isInt := listpack.Read(lp, at)
	if isInt {
		text = strconv.AppendInt(s.digits[:0], n, 10)
	}
	return viewString(text)
}

// update gives a member that was found another score.
func (z *zset) update(p zsetPlace, member string, score float64) {
	if z.root == nil {
		listpack.Delete(z.e.listpack(), p.at, 2)
		z.insertEntry(member, score)
		return
	}
	z.root.update(z.db.kv, p.ref, member, score)
}

// delete removes a member that was found. An empty set is the caller's to remove.
func (z *zset) delete(p zsetPlace, member string) {
	if z.root == nil {
		lp := z.e.listpack()
		listpack.Delete(lp, p.at, 2)
		z.e = z.db.fitListpack(z.e)
		return
	}
	z.root.delete(z.db.kv, p, member)
}

// insert adds a member that is not there.
func (r *zsetRoot) insert(kv *KVStore, hash uint64, member string, score float64) {
	ref := kv.newScored(score, member)
	r.members.Insert(kv.scoredType, hash, ref)
	key := scoreKey(score)
	var c tree.Cursor
	r.order.Seek(kv.zsets.order, &c, key, member)
	r.order.Insert(kv.zsets.order, &c, tree.Entry{Key: key, Ref: ref})
}

// push adds an element that belongs behind all others; the cursor stands at the
// end, and does so afterwards.
func (r *zsetRoot) push(kv *KVStore, c *tree.Cursor, ref arena.Ref) {
	t := kv.scoredType
	r.members.Insert(t, t.Hash(t.Key(ref)), ref)
	r.order.Insert(kv.zsets.order, c, tree.Entry{Key: scoreKey(*kv.scoreAt(ref)), Ref: ref})
	c.Next(kv.zsets.order)
}

// update changes the score of an element. Many a change, such as that of a
// counter, leaves it where it is.
func (r *zsetRoot) update(kv *KVStore, ref arena.Ref, member string, score float64) {
	order, p := kv.zsets.order, kv.scoreAt(ref)
	e := tree.Entry{Key: scoreKey(score), Ref: ref}
	var c tree.Cursor
	r.order.Seek(order, &c, scoreKey(*p), member)
	up := score > *p
	*p = score
	next := c
	if moved := up && next.Next(order) || !up && next.Prev(order); !moved || kv.inOrder(&next, e.Key, member, up) {
		r.order.Set(order, &c, e)
		return
	}
	r.order.Remove(order, &c)
	r.order.Seek(order, &c, e.Key, member)
	r.order.Insert(order, &c, e)
}

// inOrder reports whether a key and member come before the entry at the cursor,
// or, when not before, behind it.
func (kv *KVStore) inOrder(c *tree.Cursor, key uint64, member string, before bool) bool {
	e := c.Entry()
	if e.Key != key {
		return key < e.Key == before
	}
	return member < kv.scoredType.Key(e.Ref) == before
}

// delete removes a member that was found.
func (r *zsetRoot) delete(kv *KVStore, p zsetPlace, member string) {
	var c tree.Cursor
	r.order.Seek(kv.zsets.order, &c, scoreKey(p.score), member)
	r.order.Remove(kv.zsets.order, &c)
	r.members.Remove(kv.scoredType, p.hash, p.ref)
	kv.arena.Free(p.ref)
}

// toElements makes a listpack a set of elements.
func (z *zset) toElements() {
	kv := z.db.kv
	lp := z.e.listpack()
	ref, root := newRoot[zsetRoot](kv)
	root.members.Expand(kv.scoredType, listpack.Len(lp)/2+1)
	var c tree.Cursor
	root.order.First(kv.zsets.order, &c)
	for at := listpack.First(lp); !listpack.AtEnd(lp, at); {
		next := listpack.Next(lp, at)
		root.push(kv, &c, kv.newScored(entryScore(lp, next), kv.zsets.text(lp, at)))
		at = listpack.Next(lp, next)
	}
	z.e = z.db.recast(z.e, encSkiplist, outside)
	z.e.setOutside(ref, 0)
	z.root = root
}

// rank is the number of members before one that was found.
func (z *zset) rank(p zsetPlace, member string) int {
	if z.root == nil {
		lp, n := z.e.listpack(), 0
		for at := p.at; at != listpack.First(lp); n++ {
			at = listpack.Prev(lp, listpack.Prev(lp, at))
		}
		return n
	}
	var c tree.Cursor
	order := z.db.kv.zsets.order
	z.root.order.Seek(order, &c, scoreKey(p.score), member)
	return int(z.root.order.Rank(order, &c))
}

// drainZset frees the tree, and then the table with the elements.
func (kv *KVStore) drainZset(root arena.Ref, steps int) bool {
	r := (*zsetRoot)(kv.arena.Ptr(root))
	if !r.order.Drain(kv.zsets.order, steps, nil) || !r.members.Drain(kv.scoredType, steps, kv.arena.Free) {
		return false
	}
	kv.arena.Free(root)
	return true
}

func (kv *KVStore) copyZset(root arena.Ref) arena.Ref {
	from := (*zsetRoot)(kv.arena.Ptr(root))
	ref, to := newRoot[zsetRoot](kv)
	to.members.Expand(kv.scoredType, from.members.Len())
	var c tree.Cursor
	to.order.First(kv.zsets.order, &c)
	for e := range from.order.All(kv.zsets.order) {
		to.push(kv, &c, kv.copyBlock(e.Ref))
	}
	return ref
}

func (kv *KVStore) zsetBytes(root arena.Ref, samples int64) int64 {
	r := (*zsetRoot)(kv.arena.Ptr(root))
	return int64(kv.arena.Cap(root)) + r.order.Bytes() + r.members.Bytes(kv.scoredType) +
		kv.elementBytes(&r.members, kv.scoredType, samples)
}

func (kv *KVStore) zsetLen(root arena.Ref) int {
	return (*zsetRoot)(kv.arena.Ptr(root)).members.Len()
}

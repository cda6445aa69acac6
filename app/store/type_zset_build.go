package store

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/dict"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// A zsetBuild gathers members, each with a score and in any order, before they
// are answered with or become the value of a key. They are the elements and the
// dict of a big sorted set already; what becomes a small one is freed.
type zsetBuild struct {
	kv      *KVStore
	members dict.Dict
}

// find finds a member's element and hash; the element is 0 when there is none.
func (b *zsetBuild) find(member string) (ref arena.Ref, hash uint64) {
	t := b.kv.scoredType
	hash = t.Hash(member)
	return b.members.Find(t, hash, member), hash
}

// add adds a member with its score, unless it is there.
func (b *zsetBuild) add(member string, score float64) {
	if ref, hash := b.find(member); ref == 0 {
		b.insert(hash, member, score)
	}
}

// insert adds a member that is not there.
func (b *zsetBuild) insert(hash uint64, member string, score float64) {
	b.members.Insert(b.kv.scoredType, hash, b.kv.newScored(score, member))
}

// remove removes a member if it is there.
func (b *zsetBuild) remove(member string) {
	if ref, hash := b.find(member); ref != 0 {
		b.members.Remove(b.kv.scoredType, hash, ref)
		b.kv.arena.Free(ref)
	}
}

// len is the number of members.
func (b *zsetBuild) len() int { return b.members.Len() }

// sorted returns the entries that the members are in a tree, in order.
func (b *zsetBuild) sorted() []tree.Entry {
	t := b.kv.scoredType
	entries := make([]tree.Entry, 0, b.len())
	for ref := range b.members.All(t) {
		entries = append(entries, tree.Entry{Key: scoreKey(*b.kv.scoreAt(ref)), Ref: ref})
	}
	slices.SortFunc(entries, func(x, y tree.Entry) int {
		if x.Key != y.Key {
			return cmp.Compare(x.Key, y.Key)
		}
		return strings.Compare(t.Key(x.Ref), t.Key(y.Ref))
	})
	return entries
}

// free frees the members.
func (b *zsetBuild) free() {
	b.members.Drain(b.kv.scoredType, math.MaxInt, b.kv.arena.Free)
}

// store makes the members, of which there must be some, the value of a key in
// place of old, which is what lookupWrite found there. The build is used up.
func (b *zsetBuild) store(db *database, old entry, key string) {
	kv := b.kv
	entries := b.sorted()
	if b.small(entries) {
		b.storeListpack(db, old, key, entries)
		return
	}
	ref, root := newRoot[zsetRoot](kv)
	root.members = b.members
	var c tree.Cursor
	root.order.First(kv.zsets.order, &c)
	for _, e := range entries {
		root.order.Insert(kv.zsets.order, &c, e)
		c.Next(kv.zsets.order)
	}
	db.place(old, key, typeZset, encSkiplist, outside, -1).setOutside(ref, 0)
}

// small reports whether the members make a listpack.
func (b *zsetBuild) small(entries []tree.Entry) bool {
	kv := b.kv
	if len(entries) > kv.zsetMaxEntries {
		return false
	}
	total := 0
	for _, e := range entries {
		n := len(kv.scoredType.Key(e.Ref))
		if total += n; n > kv.zsetMaxValue || total > listpack.SizeMax {
			return false
		}
	}
	return true
}

// storeListpack is store for few members.
func (b *zsetBuild) storeListpack(db *database, old entry, key string, entries []tree.Entry) {
	kv := b.kv
	pairs := kv.zsets.pair[:0]
	for _, e := range entries {
		pairs = appendScoreEntry(listpack.AppendEntry(pairs, kv.scoredType.Key(e.Ref)), *kv.scoreAt(e.Ref))
	}
	if cap(pairs) <= keepSize {
		kv.zsets.pair = pairs
	}
	size := listpack.EmptySize + len(pairs)
	e := db.place(old, key, typeZset, encListpack, size, -1)
	lp := listpack.Init(unsafe.Slice((*byte)(e.value()), size))
	listpack.Splice(lp, listpack.First(lp), listpack.First(lp), pairs, 2*len(entries))
	b.free()
}

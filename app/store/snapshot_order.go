package store

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
	"github.com/codecrafters-io/redis-starter-go/app/rdb"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// From a snapshot to lists and sorted sets; snapshot_value.go says how.

// loadList builds a list. Nodes stay as they are, whatever
// list-max-listpack-size says now, as in Redis.
func (l *valueLoader) loadList() (looseValue, error) {
	kv := l.kv
	ref, root := kv.newListRoot()
	list := list{db: kv.dbs[0], root: root}
	err := l.addNodes(&list)
	if err == nil && root.nodes.Len() == 0 {
		err = errEmptyValue
	}
	v := looseValue{typ: typeList, enc: encQuicklist, root: ref}
	if err != nil {
		v.drop(kv)
		return looseValue{}, err
	}
	if root.nodes.Len() > 1 {
		return v, nil
	}
	var c tree.Cursor
	root.nodes.First(kv.lists.nodeType, &c)
	only := c.Entry().Ref
	if kv.nodeKind(only) != nodePacked || kv.nodeSize(only) > listInlineMax {
		return v, nil
	}
	l.lp = append(l.lp[:0], kv.readNode(only).lp...)
	v.drop(kv)
	return looseValue{typ: typeList, enc: encListpack, bytes: l.lp}, nil
}

// addNodes adds what the reader yields to a list without a key.
func (l *valueLoader) addNodes(to *list) error {
	for l.r.Len() > 0 {
		if l.r.Type == rdb.TypeListElements {
			element, err := l.r.Element()
			if err != nil {
				return err
			}
			to.pushNodes([]string{element}, false)
			continue
		}
		b, packed, err := l.r.Node()
		if err != nil {
			return err
		}
		if !packed {
			l.appendNode(to, l.kv.elementNode(viewString(b), 0), 1)
			continue
		}
		b = l.listpack(b)
		if n := listpack.Len(b); n > 0 {
			l.appendNode(to, l.kv.packedNode(b), n)
		}
	}
	return nil
}

// appendNode adds a node of n elements behind the others.
func (l *valueLoader) appendNode(to *list, ref arena.Ref, n int) {
	ty := l.kv.lists.nodeType
	var c tree.Cursor
	if to.root.nodes.Last(ty, &c); c.Valid() {
		c.Next(ty)
	}
	to.root.nodes.Insert(ty, &c, tree.Entry{Key: uint64(n), Ref: ref})
	to.settleEnds()
}

// errScore is what is wrong with a score in a listpack.
var errScore = errors.New("a score that is not a number")

// A zsetLoad is a sorted set under way: its members, and their order in the tree.
type zsetLoad struct {
	zsetBuild
	entries []tree.Entry
}

// loadZset builds a sorted set.
func (l *valueLoader) loadZset() (looseValue, error) {
	kv := l.kv
	b := zsetLoad{zsetBuild: zsetBuild{kv: kv}}
	var err error
	if l.r.Type == rdb.TypeZset {
		n := l.r.Len()
		b.members.Expand(kv.scoredType, n)
		b.entries = make([]tree.Entry, 0, n)
		err = l.addScored(&b)
	} else {
		var lp []byte
		if lp, err = l.r.Blob(); err != nil {
			return looseValue{}, err
		}
		lp = l.listpack(lp)
		n := listpack.Len(lp) / 2
		inOrder, failure := l.checkScores(lp)
		if failure == nil && inOrder && n > 0 && n <= kv.zsetMaxEntries {
			if l.repeats(lp, n) {
				return looseValue{}, errTwice
			}
			return looseValue{typ: typeZset, enc: encListpack, bytes: lp}, nil
		}
		if err = failure; err == nil {
			err = b.addPairs(l, lp)
		}
	}
	if err == nil && b.len() == 0 {
		err = errEmptyValue
	}
	if err != nil {
		b.free()
		return looseValue{}, err
	}
	return b.finish(l), nil
}

// addScored adds the members that the reader yields.
func (l *valueLoader) addScored(b *zsetLoad) error {
	for l.r.Len() > 0 {
		member, score, err := l.r.Member()
		if err == nil {
			err = b.add(member, score)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkScores sees to it that every score in a listpack is a number, and reports
// whether the members are in order.
func (l *valueLoader) checkScores(lp []byte) (inOrder bool, err error) {
	inOrder = true
	var buf [20]byte
	var before float64
	last := 0
	for p := listpack.First(lp); !listpack.AtEnd(lp, p); {
		at := listpack.Next(lp, p)
		str, n, isInt := listpack.Read(lp, at)
		score := float64(n)
		if !isInt {
			var ok bool
			if _, _, ok = strtod(viewString(str)); !ok {
				return false, errScore
			}
			score = entryScore(lp, at)
		}
		if last > 0 && (score < before || score == before && l.text(lp, p) <= textIn(listpack.Get(lp, last), buf[:0])) {
			inOrder = false
		}
		before, last = score, p
		p = listpack.Next(lp, at)
	}
	return inOrder, nil
}

// addPairs adds the members of a listpack, whose scores are numbers.
func (b *zsetLoad) addPairs(l *valueLoader, lp []byte) error {
	for p := listpack.First(lp); !listpack.AtEnd(lp, p); {
		at := listpack.Next(lp, p)
		if err := b.add(l.text(lp, p), entryScore(lp, at)); err != nil {
			return err
		}
		p = listpack.Next(lp, at)
	}
	return nil
}

// add adds a member.
func (b *zsetLoad) add(member string, score float64) error {
	ref, hash := b.find(member)
	if ref != 0 {
		return errTwice
	}
	ref = b.kv.newScored(score, member)
	b.members.Insert(b.kv.scoredType, hash, ref)
	b.entries = append(b.entries, tree.Entry{Key: scoreKey(score), Ref: ref})
	return nil
}

// finish is the value that has been built.
func (b *zsetLoad) finish(l *valueLoader) looseValue {
	kv := b.kv
	b.sort()
	if b.small(b.entries) {
		pairs := l.entries[:0]
		for _, e := range b.entries {
			pairs = appendScoreEntry(listpack.AppendEntry(pairs, kv.scoredType.Key(e.Ref)), *kv.scoreAt(e.Ref))
		}
		lp := l.listpackOf(pairs, 2*len(b.entries))
		b.free()
		return looseValue{typ: typeZset, enc: encListpack, bytes: lp}
	}
	ref, root := newRoot[zsetRoot](kv)
	root.members = b.members
	var c tree.Cursor
	root.order.First(kv.zsets.order, &c)
	for _, e := range b.entries {
		root.order.Insert(kv.zsets.order, &c, e)
		c.Next(kv.zsets.order)
	}
	return looseValue{typ: typeZset, enc: encSkiplist, root: ref}
}

// sort puts the members in order. Redis saves them from the last to the first,
// which takes no more than to turn them round.
func (b *zsetLoad) sort() {
	compare := func(x, y tree.Entry) int {
		if x.Key != y.Key {
			return cmp.Compare(x.Key, y.Key)
		}
		return strings.Compare(b.kv.scoredType.Key(x.Ref), b.kv.scoredType.Key(y.Ref))
	}
	slices.Reverse(b.entries)
	if !slices.IsSortedFunc(b.entries, compare) {
		slices.SortFunc(b.entries, compare)
	}
}

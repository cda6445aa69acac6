package store

import "slices"

// The commands that make sorted sets of others: unions, intersections and
// differences, which are answered with, counted or stored, and ranges stored.
// Sets do as sources, too; their members have the score 1.

var zsetStoreCommands = []command{
	{name: "zdiff", arity: -3, flags: readonly | movableKeys, cats: catSortedset, keys: zsetSourceKeys(1), run: (*KVStore).cmdZdiff},
	{name: "zdiffstore", arity: -4, flags: write | denyOOM | movableKeys, cats: catSortedset, keys: zsetStoreKeys(), run: (*KVStore).cmdZdiffstore},
	{name: "zinter", arity: -3, flags: readonly | movableKeys, cats: catSortedset, keys: zsetSourceKeys(1), run: (*KVStore).cmdZinter},
	{name: "zintercard", arity: -3, flags: readonly | movableKeys, cats: catSortedset, keys: zsetSourceKeys(1), run: (*KVStore).cmdZintercard},
	{name: "zinterstore", arity: -4, flags: write | denyOOM | movableKeys, cats: catSortedset, keys: zsetStoreKeys(), run: (*KVStore).cmdZinterstore},
	{name: "zrangestore", arity: -5, flags: write | denyOOM, cats: catSortedset,
		keys: append(key1(keyOW|keyUpdate), keyAt(2, keyRO|keyAccess)...), run: (*KVStore).cmdZrangestore},
	{name: "zunion", arity: -3, flags: readonly | movableKeys, cats: catSortedset, keys: zsetSourceKeys(1), run: (*KVStore).cmdZunion},
	{name: "zunionstore", arity: -4, flags: write | denyOOM | movableKeys, cats: catSortedset, keys: zsetStoreKeys(), run: (*KVStore).cmdZunionstore},
}

// zsetSourceKeys are keys that argument i counts.
func zsetSourceKeys(i int) []keySpec {
	return []keySpec{{flags: keyRO | keyAccess, index: i, numkeys: true, step: 1}}
}

// zsetStoreKeys are the keys of a command that stores its result.
func zsetStoreKeys() []keySpec { return append(key1(keyOW|keyUpdate), zsetSourceKeys(2)...) }

// A zsetOp is what is made of several sets.
type zsetOp uint8

const (
	zsetUnion zsetOp = iota
	zsetInter
	zsetDiff
)

// stored is the event of a result that was stored.
func (op zsetOp) stored() string { return [...]string{"zunionstore", "zinterstore", "zdiffstore"}[op] }

// An aggregate makes one score of two.
type aggregate uint8

const (
	aggregateSum aggregate = iota
	aggregateMin
	aggregateMax
)

// of aggregates two scores. Infinities that cancel each other make 0.
func (a aggregate) of(x, y float64) float64 {
	switch {
	case a == aggregateSum:
		return zeroIfNaN(x + y)
	case a == aggregateMin && y < x, a == aggregateMax && y > x:
		return y
	}
	return x
}

func zeroIfNaN(score float64) float64 {
	if score != score {
		return 0
	}
	return score
}

// A zsetSource is a set or a sorted set that a command reads.
type zsetSource struct {
	e      entry // not ok when there is none
	z      zset  // when it is sorted
	set    set   // when it is not
	n      int   // members
	weight float64
}

// find finds a member.
func (s *zsetSource) find(member string) (score float64, ok bool) {
	switch {
	case s.n == 0:
		return 0, false
	case s.e.typ() == typeSet:
		return 1, s.set.has(member)
	}
	p, ok := s.z.find(member)
	return p.score, ok
}

// each calls visit for each member until it returns false. A member is a view
// that is good for the call.
func (s *zsetSource) each(visit func(member string, score float64) bool) {
	if s.n == 0 {
		return
	}
	if s.e.typ() == typeSet {
		s.set.batches(func(b *memberBatch) bool {
			for _, member := range b.texts() {
				if !visit(member, 1) {
					return false
				}
			}
			return true
		})
		return
	}
	var w zsetWalk
	w.seek(&s.z, 0)
	for range s.n {
		// The member may be in a buffer that visit uses, too.
		member, score := w.member(), w.score()
		if !visit(member, score) {
			return
		}
		w.next()
	}
}

// weighted is a score of the source with its weight.
func (s *zsetSource) weighted(score float64) float64 { return zeroIfNaN(s.weight * score) }

// zsetAlgebra is a command on several sets, parsed.
type zsetAlgebra struct {
	op         zsetOp
	sources    []zsetSource
	aggregate  aggregate
	withScores bool
	limit      int64 // of ZINTERCARD, 0 for none
}

const errWeightNotFloat replyError = "ERR weight value is not a float"

// An algebraForm is which of the options a command has.
type algebraForm uint8

const (
	algebraReply algebraForm = iota
	algebraStore
	algebraCount
)

// parseAlgebra parses the number of keys, looks them up, and parses the options:
// in this order, as Redis does.
func (c *Client) parseAlgebra(args []string, op zsetOp, form algebraForm) (a zsetAlgebra, err error) {
	n, err := parseInt(args[0])
	switch {
	case err != nil:
		return a, err
	case n < 1:
		return a, errf("ERR at least 1 input key is needed for '%s' command", c.cmd.full)
	case n > int64(len(args)-1):
		return a, errSyntax
	}
	a.op = op
	keys, options := args[1:1+n], args[1+n:]
	a.sources = make([]zsetSource, n)
	for i, key := range keys {
		if a.sources[i], err = c.db.zsetSource(key); err != nil {
			return a, err
		}
	}
	return a, a.parseOptions(options, form)
}

// zsetSource is the source under a key.
func (db *database) zsetSource(key string) (s zsetSource, err error) {
	s.weight = 1
	s.e = db.lookupRead(key)
	switch {
	case !s.e.ok():
	case s.e.typ() == typeZset:
		s.z = db.zset(s.e)
		s.n = s.z.len()
	case s.e.typ() == typeSet:
		s.set = db.openSet(s.e)
		s.n = s.set.len()
	default:
		return s, errWrongType
	}
	return s, nil
}

// parseOptions parses what follows the keys.
func (a *zsetAlgebra) parseOptions(args []string, form algebraForm) (err error) {
	scoring := a.op != zsetDiff && form != algebraCount
	for len(args) > 0 {
		used := 2
		switch {
		case scoring && len(args) > len(a.sources) && is(args[0], "weights"):
			used = 1 + len(a.sources)
			err = a.parseWeights(args[1:used])
		case scoring && len(args) >= 2 && is(args[0], "aggregate"):
			a.aggregate, err = parseAggregate(args[1])
		case form == algebraReply && is(args[0], "withscores"):
			used = 1
			a.withScores = true
		case form == algebraCount && len(args) >= 2 && is(args[0], "limit"):
			var ok bool
			if a.limit, ok = canonicalInt(args[1]); !ok || a.limit < 0 {
				err = errLimitNegative
			}
		default:
			err = errSyntax
		}
		if err != nil {
			return err
		}
		args = args[used:]
	}
	return nil
}

func (a *zsetAlgebra) parseWeights(args []string) error {
	for i, arg := range args {
		weight, err := parseScore(arg)
		if err != nil {
			return errWeightNotFloat
		}
		a.sources[i].weight = weight
	}
	return nil
}

func parseAggregate(arg string) (aggregate, error) {
	switch {
	case is(arg, "sum"):
		return aggregateSum, nil
	case is(arg, "min"):
		return aggregateMin, nil
	case is(arg, "max"):
		return aggregateMax, nil
	}
	return 0, errSyntax
}

// build gathers the result. What is added up is added in the order of the
// sources' sizes, as in Redis, for the last digits may depend on it.
func (a *zsetAlgebra) build(kv *KVStore) zsetBuild {
	b := zsetBuild{kv: kv}
	if a.op != zsetDiff {
		a.sortSources()
	}
	switch a.op {
	case zsetUnion:
		a.union(&b)
	case zsetInter:
		a.intersect(func(member string, score float64) bool {
			b.add(member, score)
			return true
		})
	default:
		a.diff(&b)
	}
	return b
}

// sortSources puts the sources in the order of their sizes.
func (a *zsetAlgebra) sortSources() {
	slices.SortStableFunc(a.sources, func(x, y zsetSource) int { return x.n - y.n })
}

func (a *zsetAlgebra) union(b *zsetBuild) {
	b.members.Expand(b.kv.scoredType, a.sources[len(a.sources)-1].n)
	for i := range a.sources {
		s := &a.sources[i]
		s.each(func(member string, score float64) bool {
			score = s.weighted(score)
			ref, hash := b.find(member)
			if ref == 0 {
				b.insert(hash, member, score)
				return true
			}
			p := b.kv.scoreAt(ref)
			*p = a.aggregate.of(*p, score)
			return true
		})
	}
}

// intersect calls visit for each member that all sources, which are in the order
// of their sizes, have, until it returns false.
func (a *zsetAlgebra) intersect(visit func(member string, score float64) bool) {
	first := &a.sources[0]
	first.each(func(member string, score float64) bool {
		score = first.weighted(score)
		for i := 1; i < len(a.sources); i++ {
			s := &a.sources[i]
			other, ok := s.find(member)
			if !ok {
				return true
			}
			score = a.aggregate.of(score, s.weight*other)
		}
		return visit(member, score)
	})
}

// diff gathers the members of the first source that no other has. Either each
// is looked for in the others, or all others' members are removed from a copy of
// the first: Redis's choice between the two.
func (a *zsetAlgebra) diff(b *zsetBuild) {
	first, others := &a.sources[0], a.sources[1:]
	looked, removed := int64(len(a.sources))*int64(first.n)/2, int64(first.n)
	for i := range others {
		if first.e.ok() && others[i].e == first.e {
			return
		}
		removed += int64(others[i].n)
	}
	if looked <= removed {
		slices.SortStableFunc(others, func(x, y zsetSource) int { return y.n - x.n })
		first.each(func(member string, score float64) bool {
			for i := range others {
				if _, found := others[i].find(member); found {
					return true
				}
			}
			b.add(member, score)
			return true
		})
		return
	}
	b.members.Expand(b.kv.scoredType, first.n)
	first.each(func(member string, score float64) bool {
		b.add(member, score)
		return true
	})
	for i := range others {
		others[i].each(func(member string, _ float64) bool {
			b.remove(member)
			return b.len() > 0
		})
	}
}

// cmdZunion serves ZUNION numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM|MIN|MAX] [WITHSCORES].
func (kv *KVStore) cmdZunion(c *Client, args []string) error {
	return kv.replyAlgebra(c, args, zsetUnion)
}

// cmdZinter serves ZINTER numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM|MIN|MAX] [WITHSCORES].
func (kv *KVStore) cmdZinter(c *Client, args []string) error {
	return kv.replyAlgebra(c, args, zsetInter)
}

// cmdZdiff serves ZDIFF numkeys key [key ...] [WITHSCORES].
func (kv *KVStore) cmdZdiff(c *Client, args []string) error {
	return kv.replyAlgebra(c, args, zsetDiff)
}

// replyAlgebra answers with the members of the result, in order.
func (kv *KVStore) replyAlgebra(c *Client, args []string, op zsetOp) error {
	a, err := c.parseAlgebra(args[1:], op, algebraReply)
	if err != nil {
		return err
	}
	b := a.build(kv)
	c.replyScoredHead(b.len(), a.withScores)
	for _, e := range b.sorted() {
		c.replyScored(kv.scoredType.Key(e.Ref), *kv.scoreAt(e.Ref), a.withScores)
	}
	b.free()
	return nil
}

// cmdZintercard serves ZINTERCARD numkeys key [key ...] [LIMIT limit].
func (kv *KVStore) cmdZintercard(c *Client, args []string) error {
	a, err := c.parseAlgebra(args[1:], zsetInter, algebraCount)
	if err != nil {
		return err
	}
	a.sortSources()
	n := int64(0)
	a.intersect(func(string, float64) bool {
		n++
		return n != a.limit
	})
	c.reply.Int(n)
	return nil
}

// cmdZunionstore serves ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM|MIN|MAX].
func (kv *KVStore) cmdZunionstore(c *Client, args []string) error {
	return kv.storeAlgebra(c, args, zsetUnion)
}

// cmdZinterstore serves ZINTERSTORE destination numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM|MIN|MAX].
func (kv *KVStore) cmdZinterstore(c *Client, args []string) error {
	return kv.storeAlgebra(c, args, zsetInter)
}

// cmdZdiffstore serves ZDIFFSTORE destination numkeys key [key ...].
func (kv *KVStore) cmdZdiffstore(c *Client, args []string) error {
	return kv.storeAlgebra(c, args, zsetDiff)
}

// storeAlgebra stores the result and answers with the number of its members.
func (kv *KVStore) storeAlgebra(c *Client, args []string, op zsetOp) error {
	a, err := c.parseAlgebra(args[2:], op, algebraStore)
	if err != nil {
		return err
	}
	b := a.build(kv)
	kv.storeZset(c, args[1], &b, op.stored(), 1)
	return nil
}

// storeZset stores what was built under a key, whatever is there, and answers
// with the number of members. It counts as so many changes. Nothing stored means
// that the key is removed.
func (kv *KVStore) storeZset(c *Client, key string, b *zsetBuild, event string, changes int) {
	old := c.db.lookupWrite(key)
	n := b.len()
	c.reply.Int(int64(n))
	switch {
	case n > 0:
		b.store(c.db, old, key)
		kv.changedBy(c.db, key, eventZset, event, changes)
	case old.ok():
		c.db.remove(old)
		kv.changed(c.db, key, eventGeneric, "del")
	}
}

// cmdZrangestore serves ZRANGESTORE destination source start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count].
func (kv *KVStore) cmdZrangestore(c *Client, args []string) error {
	r, err := parseZsetRange(args[3:], zsetRange{}, true)
	if err != nil {
		return err
	}
	z, ok, err := c.db.lookupZset(args[2])
	if err != nil {
		return err
	}
	b := zsetBuild{kv: kv}
	if ok {
		var w zsetWalk
		rank, n := r.selected(&z)
		w.seek(&z, rank)
		b.members.Expand(kv.scoredType, n)
		small := r.kind != rangeRank || n <= kv.zsetMaxEntries
		for i := range n {
			member, score := w.member(), w.score()
			if small = small && kv.fits(i, 0, len(member)); small && score == 0 {
				score = 0 // Redis begins with a listpack, which has no -0
			}
			b.add(member, score)
			w.step(r.reverse)
		}
	}
	kv.storeZset(c, args[1], &b, "zrangestore", 1)
	return nil
}

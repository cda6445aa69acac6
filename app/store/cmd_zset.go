package store

// The commands on sorted sets that look at, add and remove single members. Those
// on ranges are in cmd_zset_range.go, those on several sets in cmd_zset_store.go,
// those that pop and pick in cmd_zset_pop.go.

var zsetCommands = []command{
	{name: "zadd", arity: -4, flags: write | denyOOM | fast, cats: catSortedset, keys: key1(keyRW | keyUpdate), run: (*KVStore).cmdZadd},
	{name: "zcard", arity: 2, flags: readonly | fast, cats: catSortedset, keys: key1(keyRO), run: (*KVStore).cmdZcard},
	{name: "zincrby", arity: 4, flags: write | denyOOM | fast, cats: catSortedset, keys: key1(keyRW | keyAccess | keyUpdate), run: (*KVStore).cmdZincrby},
	{name: "zmpop", arity: -4, flags: write | movableKeys, cats: catSortedset,
		keys: []keySpec{{flags: keyRW | keyAccess | keyDelete, index: 1, numkeys: true, step: 1}}, run: (*KVStore).cmdZmpop},
	{name: "zmscore", arity: -3, flags: readonly | fast, cats: catSortedset, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdZmscore},
	{name: "zpopmax", arity: -2, flags: write | fast, cats: catSortedset, keys: key1(keyRW | keyAccess | keyDelete), run: (*KVStore).cmdZpopmax},
	{name: "zpopmin", arity: -2, flags: write | fast, cats: catSortedset, keys: key1(keyRW | keyAccess | keyDelete), run: (*KVStore).cmdZpopmin},
	{name: "zrandmember", arity: -2, flags: readonly, cats: catSortedset, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdZrandmember},
	{name: "zrank", arity: 3, flags: readonly | fast, cats: catSortedset, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdZrank},
	{name: "zrem", arity: -3, flags: write | fast, cats: catSortedset, keys: key1(keyRW | keyDelete), run: (*KVStore).cmdZrem},
	{name: "zrevrank", arity: 3, flags: readonly | fast, cats: catSortedset, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdZrevrank},
	{name: "zscan", arity: -3, flags: readonly, cats: catSortedset, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdZscan},
	{name: "zscore", arity: 3, flags: readonly | fast, cats: catSortedset, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdZscore},
}

// zaddOptions are those of ZADD.
type zaddOptions struct {
	nx, xx, gt, lt bool
	changed, incr  bool // CH, INCR
}

const (
	errZaddNXXX    replyError = "ERR XX and NX options at the same time are not compatible"
	errZaddGTLT    replyError = "ERR GT, LT, and/or NX options at the same time are not compatible"
	errZaddIncr    replyError = "ERR INCR option supports a single increment-element pair"
	errScoreNotNum replyError = "ERR resulting score is not a number (NaN)"
)

// parseZaddOptions parses the options of ZADD and returns the pairs behind them.
func parseZaddOptions(args []string, o zaddOptions) (zaddOptions, []string, error) {
	for len(args) > 0 && o.take(args[0]) {
		args = args[1:]
	}
	switch {
	case len(args) == 0 || len(args)%2 != 0:
		return o, nil, errSyntax
	case o.nx && o.xx:
		return o, nil, errZaddNXXX
	case o.nx && (o.gt || o.lt) || o.gt && o.lt:
		return o, nil, errZaddGTLT
	case o.incr && len(args) > 2:
		return o, nil, errZaddIncr
	}
	return o, args, nil
}

// take takes an option, and reports whether the argument is one.
func (o *zaddOptions) take(arg string) bool {
	if len(arg) < 2 || len(arg) > 4 || arg[0] < 'A' {
		return false // most scores
	}
	switch {
	case is(arg, "nx"):
		o.nx = true
	case is(arg, "xx"):
		o.xx = true
	case is(arg, "ch"):
		o.changed = true
	case is(arg, "incr"):
		o.incr = true
	case is(arg, "gt"):
		o.gt = true
	case is(arg, "lt"):
		o.lt = true
	default:
		return false
	}
	return true
}

// cmdZadd serves ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...].
func (kv *KVStore) cmdZadd(c *Client, args []string) error {
	return kv.zadd(c, args, zaddOptions{})
}

// cmdZincrby serves ZINCRBY key increment member. As in Redis, it would take
// ZADD's options, if only its arity left room for them.
func (kv *KVStore) cmdZincrby(c *Client, args []string) error {
	return kv.zadd(c, args, zaddOptions{incr: true})
}

// zadd is ZADD and ZINCRBY.
func (kv *KVStore) zadd(c *Client, args []string, o zaddOptions) error {
	o, pairs, err := parseZaddOptions(args[2:], o)
	if err != nil {
		return err
	}
	scores := kv.zsets.scores[:0]
	for i := 0; i < len(pairs); i += 2 {
		score, err := parseScore(pairs[i])
		if err != nil {
			return err
		}
		scores = append(scores, score)
	}
	if cap(scores) <= keepSize/8 {
		kv.zsets.scores = scores
	}
	return kv.zaddPairs(c, args[1], pairs, scores, o)
}

// zaddPairs adds the members at the odd places of pairs, and answers.
func (kv *KVStore) zaddPairs(c *Client, key string, pairs []string, scores []float64, o zaddOptions) error {
	a := zsetAdder{zaddOptions: o, db: c.db, key: key}
	e, err := c.db.lookupTypeWrite(key, typeZset)
	if err != nil {
		return err
	}
	if e.ok() {
		a.z = c.db.zset(e)
	}
	if err := a.addAll(pairs, scores); err != nil {
		return err
	}
	switch {
	case o.incr && a.taken:
		c.reply.Double(a.score)
	case o.incr:
		c.reply.Null()
	case o.changed:
		c.reply.Int(int64(a.added + a.updated))
	default:
		c.reply.Int(int64(a.added))
	}
	if n := a.added + a.updated; n > 0 {
		event := "zadd"
		if o.incr {
			event = "zincr"
		}
		kv.changedBy(c.db, key, eventZset, event, n)
	}
	return nil
}

// A zsetAdder adds members to a sorted set.
type zsetAdder struct {
	zaddOptions
	db             *database
	key            string
	z              zset     // its entry is not ok while the key is to be made
	more           []string // pairs that come at once, when they make the key
	added, updated int
	taken          bool    // no option kept the last member from its score
	score          float64 // which is this then
}

// addAll adds the members at the odd places of pairs. What a big set needs for
// finding them is loaded ahead.
func (a *zsetAdder) addAll(pairs []string, scores []float64) error {
	for len(scores) > 0 {
		var hashes []uint64
		var buf [touchMax]uint64
		n := min(len(scores), touchMax)
		switch {
		case n == 1:
		case a.z.root != nil:
			hashes = touchNamed(&a.z.root.members, a.db.kv.scoredType, pairs[1:2*n], 2, &buf)
		case a.z.e.ok():
			a.z.reserve(pairs[:2*n])
		default:
			a.more = pairs[:2*n] // for add, which makes the key
		}
		for i := range n {
			member := pairs[2*i+1]
			var p zsetPlace
			found := false
			if hashes != nil {
				p, found = a.z.findHashed(member, hashes[i])
			} else if a.z.e.ok() {
				p, found = a.z.find(member)
			}
			if err := a.add(p, found, member, scores[i]); err != nil {
				return err
			}
		}
		pairs, scores = pairs[2*n:], scores[n:]
	}
	a.z.fit()
	return nil
}

// add adds a member, or gives it its score, as far as the options let it. found
// says whether it has the place p.
func (a *zsetAdder) add(p zsetPlace, found bool, member string, score float64) error {
	a.taken = false
	switch {
	case !found && a.xx, found && a.nx:
		return nil
	case !found && !a.z.e.ok():
		a.z = a.db.newZset(a.key, member, score)
		if a.more != nil {
			a.z.reserve(a.more)
		}
	case !found:
		a.z.insert(p, member, score)
	default:
		if a.incr {
			score += p.score
			if score != score {
				return errScoreNotNum
			}
		}
		if a.lt && score >= p.score || a.gt && score <= p.score {
			return nil
		}
		if score != p.score {
			a.z.update(p, member, score)
			a.updated++
		}
	}
	if !found {
		a.added++
	}
	a.taken, a.score = true, score
	return nil
}

// cmdZrem serves ZREM key member [member ...].
func (kv *KVStore) cmdZrem(c *Client, args []string) error {
	key := args[1]
	e, err := c.db.lookupTypeWrite(key, typeZset)
	if err != nil {
		return err
	}
	if !e.ok() {
		c.reply.Int(0)
		return nil
	}
	z := c.db.zset(e)
	removed, emptied := z.deleteAll(args[2:])
	if emptied {
		c.db.remove(z.e)
	}
	if removed > 0 {
		kv.notify(eventZset, "zrem", key, c.db)
		if emptied {
			kv.notify(eventGeneric, "del", key, c.db)
		}
		kv.touched(c.db, key)
		kv.dirty += int64(removed)
	}
	c.reply.Int(int64(removed))
	return nil
}

// deleteAll removes members and returns how many were there. It ends when the
// set is empty.
func (z *zset) deleteAll(members []string) (removed int, emptied bool) {
	for len(members) > 0 {
		var hashes []uint64
		var buf [touchMax]uint64
		n := min(len(members), touchMax)
		if z.root != nil && n > 1 {
			hashes = touchNamed(&z.root.members, z.db.kv.scoredType, members[:n], 1, &buf)
		}
		for i, member := range members[:n] {
			var p zsetPlace
			var found bool
			if hashes != nil {
				p, found = z.findHashed(member, hashes[i])
			} else {
				p, found = z.find(member)
			}
			if found {
				z.delete(p, member)
				if removed++; z.len() == 0 {
					return removed, true
				}
			}
		}
		members = members[n:]
	}
	return removed, false
}

// lookupZset finds a sorted set to be read; ok is false when there is none.
func (db *database) lookupZset(key string) (z zset, ok bool, err error) {
	e, err := db.lookupType(key, typeZset)
	if err != nil || !e.ok() {
		return z, false, err
	}
	return db.zset(e), true, nil
}

// cmdZcard serves ZCARD key.
func (kv *KVStore) cmdZcard(c *Client, args []string) error {
	z, ok, err := c.db.lookupZset(args[1])
	if err != nil {
		return err
	}
	n := 0
	if ok {
		n = z.len()
	}
	c.reply.Int(int64(n))
	return nil
}

// cmdZscore serves ZSCORE key member.
func (kv *KVStore) cmdZscore(c *Client, args []string) error {
	z, ok, err := c.db.lookupZset(args[1])
	if err != nil {
		return err
	}
	if ok {
		if p, found := z.find(args[2]); found {
			c.reply.Double(p.score)
			return nil
		}
	}
	c.reply.Null()
	return nil
}

// cmdZmscore serves ZMSCORE key member [member ...].
func (kv *KVStore) cmdZmscore(c *Client, args []string) error {
	z, ok, err := c.db.lookupZset(args[1])
	if err != nil {
		return err
	}
	members := args[2:]
	c.reply.Array(len(members))
	for len(members) > 0 {
		n := min(len(members), touchMax)
		if ok && z.root != nil && n > 1 {
			var buf [touchMax]uint64
			touchNamed(&z.root.members, kv.scoredType, members[:n], 1, &buf)
		}
		for _, member := range members[:n] {
			var p zsetPlace
			found := false
			if ok {
				p, found = z.find(member)
			}
			if found {
				c.reply.Double(p.score)
			} else {
				c.reply.Null()
			}
		}
		members = members[n:]
	}
	return nil
}

// cmdZrank serves ZRANK key member.
func (kv *KVStore) cmdZrank(c *Client, args []string) error { return kv.replyRank(c, args, false) }

// cmdZrevrank serves ZREVRANK key member.
func (kv *KVStore) cmdZrevrank(c *Client, args []string) error { return kv.replyRank(c, args, true) }

// replyRank answers with how many members come before one, or after it.
func (kv *KVStore) replyRank(c *Client, args []string, reverse bool) error {
	z, ok, err := c.db.lookupZset(args[1])
	if err != nil {
		return err
	}
	if ok {
		if p, found := z.find(args[2]); found {
			rank := z.rank(p, args[2])
			if reverse {
				rank = z.len() - 1 - rank
			}
			c.reply.Int(int64(rank))
			return nil
		}
	}
	c.reply.Null()
	return nil
}

// replyScored writes a member and, if asked to, its score. In RESP3 the two are
// an array of their own.
func (c *Client) replyScored(member string, score float64, withScores bool) {
	if !withScores {
		c.reply.Bulk(member)
		return
	}
	if c.reply.Proto >= 3 {
		c.reply.Array(2)
	}
	c.reply.Bulk(member)
	c.reply.Double(score)
}

// replyScoredHead begins an array of n members that replyScored writes.
func (c *Client) replyScoredHead(n int, withScores bool) {
	if withScores && c.reply.Proto < 3 {
		n *= 2
	}
	c.reply.Array(n)
}

// replyScoredRange writes n members, in either order, from a rank on.
func (c *Client) replyScoredRange(z *zset, rank, n int, reverse, withScores bool) {
	if n == 0 {
		return
	}
	var w zsetWalk
	w.seek(z, rank)
	if !withScores {
		for ; n > 0; n-- {
			c.reply.Bulk(w.member())
			w.step(reverse)
		}
		return
	}
	for ; n > 0; n-- {
		c.replyScored(w.member(), w.score(), true)
		w.step(reverse)
	}
}

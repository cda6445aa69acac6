package store

// The commands on ranges of a sorted set: by rank, by score and, among equal
// scores, by member. ZRANGESTORE is in cmd_zset_store.go.

var zsetRangeCommands = []command{
	{name: "zcount", arity: 4, flags: readonly | fast, cats: catSortedset, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdZcount},
	{name: "zlexcount", arity: 4, flags: readonly | fast, cats: catSortedset, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdZlexcount},
	{name: "zrange", arity: -4, flags: readonly, cats: catSortedset, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdZrange},
	{name: "zrangebylex", arity: -4, flags: readonly, cats: catSortedset, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdZrangebylex},
	{name: "zrangebyscore", arity: -4, flags: readonly, cats: catSortedset, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdZrangebyscore},
	{name: "zremrangebylex", arity: 4, flags: write, cats: catSortedset, keys: key1(keyRW | keyDelete), run: (*KVStore).cmdZremrangebylex},
	{name: "zremrangebyrank", arity: 4, flags: write, cats: catSortedset, keys: key1(keyRW | keyDelete), run: (*KVStore).cmdZremrangebyrank},
	{name: "zremrangebyscore", arity: 4, flags: write, cats: catSortedset, keys: key1(keyRW | keyDelete), run: (*KVStore).cmdZremrangebyscore},
	{name: "zrevrange", arity: -4, flags: readonly, cats: catSortedset, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdZrevrange},
	{name: "zrevrangebylex", arity: -4, flags: readonly, cats: catSortedset, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdZrevrangebylex},
	{name: "zrevrangebyscore", arity: -4, flags: readonly, cats: catSortedset, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdZrevrangebyscore},
}

// A rangeKind is what the ends of a range are.
type rangeKind uint8

const (
	rangeAny rangeKind = iota // the command's options say
	rangeRank
	rangeScore
	rangeLex
)

// A zsetRange is a range as a command asks for it.
type zsetRange struct {
	kind       rangeKind
	reverse    bool
	withScores bool
	start, end int64 // ranks, the negative ones from the end
	score      scoreRange
	lex        lexRange
	offset     int64 // of those in range: so many are passed over; all when it is negative
	limit      int64 // then so many are returned; all when it is negative
}

const (
	errLimitByRank   replyError = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
	errScoresWithLex replyError = "ERR syntax error, WITHSCORES not supported in combination with BYLEX"
)

// parseZsetRange parses the ends of a range and the options behind them. r is
// what the command's name says already: a kind, and with it a direction, or
// rangeAny. store leaves WITHSCORES out.
func parseZsetRange(args []string, r zsetRange, store bool) (zsetRange, error) {
	fixed := r.kind
	r.limit = -1
	for i := 2; i < len(args); i++ {
		switch arg := args[i]; {
		case !store && is(arg, "withscores"):
			r.withScores = true
		case is(arg, "limit") && i+2 < len(args):
			var err error
			if r.offset, err = parseInt(args[i+1]); err != nil {
				return r, err
			}
			if r.limit, err = parseInt(args[i+2]); err != nil {
				return r, err
			}
			i += 2
		case fixed == rangeAny && !r.reverse && is(arg, "rev"):
			r.reverse = true
		case r.kind == rangeAny && is(arg, "bylex"):
			r.kind = rangeLex
		case r.kind == rangeAny && is(arg, "byscore"):
			r.kind = rangeScore
		default:
			return r, errSyntax
		}
	}
	if r.kind == rangeAny {
		r.kind = rangeRank
	}
	switch {
	case r.limit != -1 && r.kind == rangeRank:
		return r, errLimitByRank
	case r.withScores && r.kind == rangeLex:
		return r, errScoresWithLex
	}
	return r, r.parseEnds(args[0], args[1])
}

// parseEnds parses the ends of the range. In reverse the maximum comes first, but
// ranks are then counted from the other end.
func (r *zsetRange) parseEnds(min, max string) (err error) {
	if r.reverse && r.kind != rangeRank {
		min, max = max, min
	}
	switch r.kind {
	case rangeScore:
		r.score, err = parseScoreRange(min, max)
	case rangeLex:
		r.lex, err = parseLexRange(min, max)
	default:
		if r.start, err = parseInt(min); err == nil {
			r.end, err = parseInt(max)
		}
	}
	return err
}

// ranks is the range as ranks, without regard to the limit.
func (r *zsetRange) ranks(z *zset) (from, to int) {
	switch r.kind {
	case rangeScore:
		return z.scoreRanks(&r.score)
	case rangeLex:
		return z.lexRanks(&r.lex, r.reverse)
	}
	from, to = clampRanks(r.start, r.end, z.len())
	if r.reverse {
		n := z.len()
		from, to = n-to, n-from
	}
	return from, to
}

// selected is the rank of the first member to be returned and the number of
// them; in reverse the others stand before the first.
func (r *zsetRange) selected(z *zset) (rank, n int) {
	from, to := r.ranks(z)
	n = to - from
	offset := 0
	if r.kind != rangeRank { // which LIMIT does nothing to, where it is let through
		if r.offset < 0 || r.offset > int64(n) {
			return 0, 0
		}
		offset = int(r.offset)
		n -= offset
		if r.limit >= 0 && r.limit < int64(n) {
			n = int(r.limit)
		}
	}
	if r.reverse {
		return to - 1 - offset, n
	}
	return from + offset, n
}

// cmdZrange serves ZRANGE key start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES].
func (kv *KVStore) cmdZrange(c *Client, args []string) error {
	return kv.replyRange(c, args, zsetRange{})
}

// cmdZrevrange serves ZREVRANGE key start stop [WITHSCORES].
func (kv *KVStore) cmdZrevrange(c *Client, args []string) error {
	return kv.replyRange(c, args, zsetRange{kind: rangeRank, reverse: true})
}

// cmdZrangebyscore serves ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count].
func (kv *KVStore) cmdZrangebyscore(c *Client, args []string) error {
	return kv.replyRange(c, args, zsetRange{kind: rangeScore})
}

// cmdZrevrangebyscore serves ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count].
func (kv *KVStore) cmdZrevrangebyscore(c *Client, args []string) error {
	return kv.replyRange(c, args, zsetRange{kind: rangeScore, reverse: true})
}

// cmdZrangebylex serves ZRANGEBYLEX key min max [LIMIT offset count].
func (kv *KVStore) cmdZrangebylex(c *Client, args []string) error {
	return kv.replyRange(c, args, zsetRange{kind: rangeLex})
}

// cmdZrevrangebylex serves ZREVRANGEBYLEX key max min [LIMIT offset count].
func (kv *KVStore) cmdZrevrangebylex(c *Client, args []string) error {
	return kv.replyRange(c, args, zsetRange{kind: rangeLex, reverse: true})
}

// replyRange answers with the members of a range.
func (kv *KVStore) replyRange(c *Client, args []string, r zsetRange) error {
	r, err := parseZsetRange(args[2:], r, false)
	if err != nil {
		return err
	}
	z, ok, err := c.db.lookupZset(args[1])
	if err != nil {
		return err
	}
	rank, n := 0, 0
	if ok {
		rank, n = r.selected(&z)
	}
	c.replyScoredHead(n, r.withScores)
	c.replyScoredRange(&z, rank, n, r.reverse, r.withScores)
	return nil
}

// cmdZcount serves ZCOUNT key min max.
func (kv *KVStore) cmdZcount(c *Client, args []string) error {
	return kv.replyCount(c, args, rangeScore)
}

// cmdZlexcount serves ZLEXCOUNT key min max.
func (kv *KVStore) cmdZlexcount(c *Client, args []string) error {
	return kv.replyCount(c, args, rangeLex)
}

// replyCount answers with the number of members in a range.
func (kv *KVStore) replyCount(c *Client, args []string, kind rangeKind) error {
	r := zsetRange{kind: kind}
	if err := r.parseEnds(args[2], args[3]); err != nil {
		return err
	}
	z, ok, err := c.db.lookupZset(args[1])
	if err != nil {
		return err
	}
	from, to := 0, 0
	if ok {
		from, to = r.ranks(&z)
	}
	c.reply.Int(int64(to - from))
	return nil
}

// cmdZremrangebyrank serves ZREMRANGEBYRANK key start stop.
func (kv *KVStore) cmdZremrangebyrank(c *Client, args []string) error {
	return kv.removeRange(c, args, rangeRank, "zremrangebyrank")
}

// cmdZremrangebyscore serves ZREMRANGEBYSCORE key min max.
func (kv *KVStore) cmdZremrangebyscore(c *Client, args []string) error {
	return kv.removeRange(c, args, rangeScore, "zremrangebyscore")
}

// cmdZremrangebylex serves ZREMRANGEBYLEX key min max.
func (kv *KVStore) cmdZremrangebylex(c *Client, args []string) error {
	return kv.removeRange(c, args, rangeLex, "zremrangebylex")
}

// removeRange removes the members of a range and answers with their number.
func (kv *KVStore) removeRange(c *Client, args []string, kind rangeKind, event string) error {
	r := zsetRange{kind: kind}
	if err := r.parseEnds(args[2], args[3]); err != nil {
		return err
	}
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
	from, to := r.ranks(&z)
	n := to - from
	emptied := n == z.len()
	switch {
	case emptied:
		c.db.remove(z.e)
	case n > 0:
		z.removeRanks(from, to)
	}
	if n > 0 {
		kv.changedBy(c.db, key, eventZset, event, n)
	}
	if emptied {
		kv.notify(eventGeneric, "del", key, c.db)
	}
	c.reply.Int(int64(n))
	return nil
}

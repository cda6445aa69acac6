package store

import (
	"math"
	"math/rand/v2"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/glob"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
)

// The commands that take members from the ends of sorted sets, pick them at
// random or scan for them: ZPOPMIN, ZPOPMAX, ZMPOP, ZRANDMEMBER, ZSCAN.

// cmdZpopmin serves ZPOPMIN key [count].
func (kv *KVStore) cmdZpopmin(c *Client, args []string) error { return kv.zpop(c, args, false) }

// cmdZpopmax serves ZPOPMAX key [count].
func (kv *KVStore) cmdZpopmax(c *Client, args []string) error { return kv.zpop(c, args, true) }

func (kv *KVStore) zpop(c *Client, args []string, max bool) error {
	if len(args) > 3 {
		return errSyntax
	}
	count, counted := int64(1), len(args) == 3
	if counted {
		var ok bool
		if count, ok = canonicalInt(args[2]); !ok || count < 0 {
			return errMustBePositive
		}
	}
	e, err := c.db.lookupTypeWrite(args[1], typeZset)
	if err != nil {
		return err
	}
	if !e.ok() || count == 0 {
		c.reply.Array(0)
		return nil
	}
	form := popFlat
	if counted && c.reply.Proto >= 3 {
		form = popPairs
	}
	kv.popZset(c, e, args[1], max, count, form)
	return nil
}

// A popForm is how the members that popZset takes are answered with.
type popForm uint8

const (
	popFlat        popForm = iota // member, score, …: ZPOPMIN, ZPOPMAX
	popPairs                      // an array of pairs: the same with a count, in RESP3
	popFlatWithKey                // key, member, score: BZPOPMIN, BZPOPMAX
	popPairsOfKey                 // key, and an array of pairs: ZMPOP, BZMPOP
)

// popZset takes members from the end of a sorted set with the lowest or the
// highest scores, as many as count, at least 1, says and as there are, and
// answers with them. It tells of the change, removes the key when no member is
// left, and returns the number of members. What the command is to be propagated
// as, if not as itself, is the caller's to say: popZsetEffect.
func (kv *KVStore) popZset(c *Client, e entry, key string, max bool, count int64, form popForm) (taken int) {
	z := c.db.zset(e)
	n := z.len()
	taken = int(min(count, int64(n)))
	c.replyPopHead(key, taken, form)
	from, first := 0, 0
	if max {
		from, first = n-taken, n-1
	}
	var w zsetWalk
	w.seek(&z, first)
	for range taken {
		if form == popPairs || form == popPairsOfKey {
			c.reply.Array(2)
		}
		c.reply.Bulk(w.member())
		c.reply.Double(w.score())
		w.step(max)
	}
	event := "zpopmin"
	if max {
		event = "zpopmax"
	}
	if taken < n {
		z.removeRanks(from, from+taken)
		kv.notify(eventZset, event, key, c.db)
	} else {
		kv.notify(eventZset, event, key, c.db)
		c.db.remove(z.e)
		kv.notify(eventGeneric, "del", key, c.db)
	}
	kv.touched(c.db, key)
	kv.dirty += int64(taken)
	return taken
}

// replyPopHead writes what comes before the members.
func (c *Client) replyPopHead(key string, taken int, form popForm) {
	switch form {
	case popFlat:
		c.reply.Array(2 * taken)
	case popPairs:
		c.reply.Array(taken)
	case popFlatWithKey:
		c.reply.Array(2*taken + 1)
		c.reply.Bulk(key)
	default:
		c.reply.Array(2)
		c.reply.Bulk(key)
		c.reply.Array(taken)
	}
}

// popZsetEffect has a pop propagated as the command that takes a count from one
// key.
func (c *Client) popZsetEffect(key string, max bool, taken int) {
	if c.kv.propagating() {
		c.effect(zpopName(max), key, formatInt(int64(taken)))
	}
}

// cmdZmpop serves ZMPOP numkeys key [key ...] MIN|MAX [COUNT count].
func (kv *KVStore) cmdZmpop(c *Client, args []string) error {
	m, err := parseMpop(args[1:], "min", "max")
	if err != nil {
		return err
	}
	found, err := kv.zmpop(c, m)
	if err == nil && !found {
		c.reply.NullArray()
	}
	return err
}

// zmpop takes members from the first of the keys that is there, answers with
// them and says how to propagate that. It reports whether there was such a key;
// if not, nothing is answered.
func (kv *KVStore) zmpop(c *Client, m mpopArgs) (found bool, err error) {
	for _, key := range m.keys {
		e, err := c.db.lookupTypeWrite(key, typeZset)
		if err != nil {
			return false, err
		}
		if !e.ok() {
			continue
		}
		taken := kv.popZset(c, e, key, !m.first, m.count, popPairsOfKey)
		c.popZsetEffect(key, !m.first, taken)
		return true, nil
	}
	return false, nil
}

// cmdZrandmember serves ZRANDMEMBER key [count [WITHSCORES]].
func (kv *KVStore) cmdZrandmember(c *Client, args []string) error {
	if len(args) == 2 {
		z, ok, err := c.db.lookupZset(args[1])
		if err != nil {
			return err
		}
		if !ok {
			c.reply.Null()
			return nil
		}
		var w zsetWalk
		w.seek(&z, rand.IntN(z.len()))
		c.reply.Bulk(w.member())
		return nil
	}
	count, err := parseIntRange(args[2], -math.MaxInt64, math.MaxInt64)
	if err != nil {
		return err
	}
	withScores := len(args) == 4
	switch {
	case len(args) > 4 || withScores && !is(args[3], "withscores"):
		return errSyntax
	case withScores && (count < -math.MaxInt64/2 || count > math.MaxInt64/2):
		return errOutOfRange
	}
	z, ok, err := c.db.lookupZset(args[1])
	switch {
	case err != nil:
		return err
	case !ok || count == 0:
		c.reply.Array(0)
	case count < 0:
		c.replyRepeatedMembers(&z, -count, withScores)
	case count >= int64(z.len()):
		c.replyScoredHead(z.len(), withScores)
		c.replyScoredRange(&z, z.len()-1, z.len(), true, withScores)
	default:
		c.replyDistinctMembers(&z, int(count), withScores)
	}
	return nil
}

// replyRepeatedMembers answers with so many members, each picked from all. The
// number may be beyond any memory: the limit of the client's output ends it.
func (c *Client) replyRepeatedMembers(z *zset, count int64, withScores bool) {
	head := count
	if withScores && c.reply.Proto < 3 {
		head *= 2
	}
	c.reply.Array(int(head))
	var w zsetWalk
	length := z.len()
	for look := replyLook; count > 0 && !c.closing; count-- {
		w.seek(z, rand.IntN(length))
		c.replyScored(w.member(), w.score(), withScores)
		if c.reply.Len() >= look {
			c.checkReplyLimit()
			look = c.reply.Len() + replyLook
		}
	}
}

// replyDistinctMembers answers with count of the members, of which there are
// more. Few of many are picked until there are enough different ones. Otherwise
// all are walked over, and each is taken with the probability that leaves every
// choice equally likely (Knuth's algorithm S).
func (c *Client) replyDistinctMembers(z *zset, count int, withScores bool) {
	const few = 32
	c.replyScoredHead(count, withScores)
	length := z.len()
	var w zsetWalk
	if z.root == nil || count > length/few {
		w.seek(z, 0)
		for left := length; count > 0; left-- {
			if rand.IntN(left) < count {
				c.replyScored(w.member(), w.score(), withScores)
				count--
			}
			w.next()
		}
		return
	}
	seen := make(map[int]struct{}, count)
	for len(seen) < count {
		rank := rand.IntN(length)
		if _, again := seen[rank]; !again {
			seen[rank] = struct{}{}
			w.seek(z, rank)
			c.replyScored(w.member(), w.score(), withScores)
		}
	}
}

// cmdZscan serves ZSCAN key cursor [MATCH pattern] [COUNT count]. Without a key,
// the options may be anything.
func (kv *KVStore) cmdZscan(c *Client, args []string) error {
	cursor, err := parseCursor(args[2])
	if err != nil {
		return err
	}
	z, ok, err := c.db.lookupZset(args[1])
	if err != nil {
		return err
	}
	start := c.reply.Len()
	if !ok {
		c.replyScanAt(start, 0, 0)
		return nil
	}
	o, err := parseScanOptions(args[3:], false)
	if err != nil {
		return err
	}
	var n int
	if z.root == nil {
		cursor, n = 0, c.scanPairs(z.e.listpack(), &o)
	} else {
		cursor = kv.scanTable(&z.root.members, kv.scoredType, cursor, o.count, 2, func(ref arena.Ref) {
			if member := kv.scoredType.Key(ref); !o.match || glob.Match(o.pattern, member, false) {
				var text [32]byte
				c.reply.Bulk(member)
				c.reply.BulkBytes(appendScore(text[:0], *kv.scoreAt(ref)))
				n += 2
			}
		})
	}
	c.replyScanAt(start, cursor, n)
	return nil
}

// scanPairs writes the matching pairs of a listpack and returns the number of
// strings that these are.
func (c *Client) scanPairs(lp []byte, o *scanOptions) (n int) {
	s := &c.kv.zsets
	for at := listpack.First(lp); !listpack.AtEnd(lp, at); {
		score := listpack.Next(lp, at)
		if member := s.text(lp, at); !o.match || glob.Match(o.pattern, member, false) {
			c.reply.Bulk(member)
			c.reply.Bulk(s.text(lp, score))
			n += 2
		}
		at = listpack.Next(lp, score)
	}
	return n
}

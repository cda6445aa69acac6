package store

import (
	"cmp"
	"math"
	"slices"
)

// Intersections, unions and differences of sets: replied, counted, or stored
// under a key.

var setAlgebraCommands = []command{
	{name: "sdiff", arity: -2, flags: readonly, cats: catSet, keys: keyRange(1, -1, 1, keyRO|keyAccess), run: (*KVStore).cmdSdiff},
	{name: "sdiffstore", arity: -3, flags: write | denyOOM, cats: catSet, keys: algebraKeys(keyOW), run: (*KVStore).cmdSdiffstore},
	{name: "sinter", arity: -2, flags: readonly, cats: catSet, keys: keyRange(1, -1, 1, keyRO|keyAccess), run: (*KVStore).cmdSinter},
	{name: "sintercard", arity: -3, flags: readonly | movableKeys, cats: catSet,
		keys: []keySpec{{flags: keyRO | keyAccess, index: 1, numkeys: true, step: 1}}, run: (*KVStore).cmdSintercard},
	{name: "sinterstore", arity: -3, flags: write | denyOOM, cats: catSet, keys: algebraKeys(keyRW), run: (*KVStore).cmdSinterstore},
	{name: "sunion", arity: -2, flags: readonly, cats: catSet, keys: keyRange(1, -1, 1, keyRO|keyAccess), run: (*KVStore).cmdSunion},
	{name: "sunionstore", arity: -3, flags: write | denyOOM, cats: catSet, keys: algebraKeys(keyOW), run: (*KVStore).cmdSunionstore},
}

// algebraKeys are a destination, of which the command makes what use says, and
// the sets it is made from.
func algebraKeys(use keyFlags) []keySpec {
	return append(keyAt(1, use|keyUpdate), keyRange(2, -1, 1, keyRO|keyAccess)...)
}

// setsAt looks up the sets under keys, one without members for each key that is
// not there. They are good until the command ends.
func (db *database) setsAt(keys []string) ([]set, error) {
	kv := db.kv
	sets := kv.sets.sets[:0]
	var buf [touchMax]uint64
	for len(keys) > 0 {
		hashes := db.touchKeys(keys, 1, &buf)
		for i, hash := range hashes {
			kv.hintKey(keys[i], hash)
			s, err := db.setAt(keys[i])
			if err != nil {
				return nil, err
			}
			sets = append(sets, s)
		}
		keys = keys[len(hashes):]
	}
	kv.sets.sets = sets
	return sets, nil
}

// same reports whether two sets are those of one key.
func (s *set) same(other *set) bool { return s.e.ref == other.e.ref }

// byLen compares sets by the number of their members.
func byLen(a, b set) int { return cmp.Compare(a.len(), b.len()) }

// anyMissing reports whether one of the sets has no members.
func anyMissing(sets []set) bool {
	return slices.ContainsFunc(sets, func(s set) bool { return !s.ok() })
}

// intersect hands what all sets have in common to visit, until it returns
// false. It looks for each member of the smallest set in the others, in the
// smaller ones first: it puts the sets into that order.
func intersect(sets []set, visit func(b *memberBatch) bool) {
	if anyMissing(sets) {
		return
	}
	slices.SortStableFunc(sets, byLen)
	first := &sets[0]
	first.batches(func(b *memberBatch) bool {
		for i := range sets {
			if !sets[i].same(first) && b.n > 0 {
				sets[i].filter(b, true)
			}
		}
		return b.n == 0 || visit(b)
	})
}

// subtract hands what only the first of the sets has to visit. It looks for each
// of its members in the others, in the bigger ones first.
func subtract(sets []set, visit func(b *memberBatch) bool) {
	others := sets[1:]
	slices.SortStableFunc(others, func(a, b set) int { return byLen(b, a) })
	sets[0].batches(func(b *memberBatch) bool {
		for i := range others {
			if others[i].ok() && b.n > 0 {
				others[i].filter(b, false)
			}
		}
		return b.n == 0 || visit(b)
	})
}

// addBatch adds the members of a batch, which are not of this set.
func (s *set) addBatch(b *memberBatch) bool {
	if !b.ints || s.enc != encIntset {
		s.addAll(b.texts())
		return true
	}
	for i := range b.n {
		if s.enc == encIntset {
			s.addInt(b.number[i])
		} else {
			s.add(b.texts()[i])
		}
	}
	return true
}

// difference is a loose set of what only the first of the sets has.
//
// There are two ways: to look for each member of the first set in all others,
// or to copy the first set and remove the members of the others from it. The
// first is preferred when it is at most twice as much work.
func (db *database) difference(sets []set) set {
	s := db.looseSet()
	if !sets[0].ok() || firstRepeats(sets) {
		return s
	}
	if lookingUpPays(sets) {
		subtract(sets, s.addBatch)
		return s
	}
	sets[0].batches(s.addBatch)
	for i := range sets[1:] {
		if other := &sets[1+i]; other.ok() && s.len() > 0 {
			other.batches(func(b *memberBatch) bool {
				s.removeAll(b.texts())
				return true
			})
		}
	}
	return s
}

// firstRepeats reports whether the key of the first set is given again.
func firstRepeats(sets []set) bool {
	for i := range sets[1:] {
		if sets[1+i].same(&sets[0]) {
			return true
		}
	}
	return false
}

// lookingUpPays reports which of two ways difference goes.
func lookingUpPays(sets []set) bool {
	lookUps, members := 0, 0
	for i := range sets {
		if sets[i].ok() {
			lookUps += sets[0].len()
			members += sets[i].len()
		}
	}
	return lookUps/2 <= members
}

// union is a loose set of what any of the sets has.
func (db *database) union(sets []set) set {
	s := db.looseSet()
	for i := range sets {
		if sets[i].ok() {
			sets[i].batches(s.addBatch)
		}
	}
	return s
}

// storeSet puts a loose set under key, in the place of what is there, and
// replies with its number of members. No members make no key.
func (c *Client) storeSet(key string, s *set, event string) {
	kv := c.kv
	n := s.len()
	c.reply.Int(int64(n))
	if n > 0 {
		s.store(c.db.lookupWrite(key), key, -1)
		kv.changed(c.db, key, eventSet, event)
		return
	}
	s.discard()
	if old := c.db.find(key); old.ok() {
		c.db.remove(old)
		kv.changed(c.db, key, eventGeneric, "del")
	}
}

// replyLoose replies with the members of a loose set, which is gone then.
func (c *Client) replyLoose(s *set) {
	c.reply.Set(s.len())
	c.replyMembers(s)
	s.discard()
}

// cmdSinter serves SINTER key [key ...].
func (kv *KVStore) cmdSinter(c *Client, args []string) error {
	sets, err := c.db.setsAt(args[1:])
	if err != nil {
		return err
	}
	start, n := c.reply.Len(), 0
	intersect(sets, func(b *memberBatch) bool {
		c.replyBatch(b)
		n += b.n
		return true
	})
	c.reply.SetAt(start, n)
	return nil
}

// cmdSinterstore serves SINTERSTORE destination key [key ...].
func (kv *KVStore) cmdSinterstore(c *Client, args []string) error {
	sets, err := c.db.setsAt(args[2:])
	if err != nil {
		return err
	}
	s := c.db.looseSet()
	intersect(sets, s.addBatch)
	c.storeSet(args[1], &s, "sinterstore")
	return nil
}

const (
	errNumkeysTooMany replyError = "ERR Number of keys can't be greater than number of args"
	errLimitNegative  replyError = "ERR LIMIT can't be negative"
)

// cmdSintercard serves SINTERCARD numkeys key [key ...] [LIMIT limit].
func (kv *KVStore) cmdSintercard(c *Client, args []string) error {
	numkeys, ok := canonicalInt(args[1])
	if !ok || numkeys < 1 {
		return errNumkeysPositive
	}
	if numkeys > int64(len(args)-2) {
		return errNumkeysTooMany
	}
	limit := int64(math.MaxInt64)
	for i := 2 + int(numkeys); i < len(args); i += 2 {
		if !is(args[i], "limit") || i+1 == len(args) {
			return errSyntax
		}
		if limit, ok = canonicalInt(args[i+1]); !ok || limit < 0 {
			return errLimitNegative
		}
		if limit == 0 {
			limit = math.MaxInt64
		}
	}
	sets, err := c.db.setsAt(args[2 : 2+numkeys])
	if err != nil {
		return err
	}
	n := int64(0)
	intersect(sets, func(b *memberBatch) bool {
		n += int64(b.n)
		return n < limit
	})
	c.reply.Int(min(n, limit))
	return nil
}

// lookUpMax is how many sets SUNION replies with directly: what one has is
// looked up in those before it. Of more, the union is made first.
const lookUpMax = 8

// cmdSunion serves SUNION key [key ...].
func (kv *KVStore) cmdSunion(c *Client, args []string) error {
	sets, err := c.db.setsAt(args[1:])
	if err != nil {
		return err
	}
	if len(sets) > lookUpMax {
		s := c.db.union(sets)
		c.replyLoose(&s)
		return nil
	}
	start, n := c.reply.Len(), 0
	slices.SortStableFunc(sets, func(a, b set) int { return byLen(b, a) })
	for i := range sets {
		if !sets[i].ok() {
			break
		}
		sets[i].batches(func(b *memberBatch) bool {
			for before := range sets[:i] {
				sets[before].filter(b, false)
			}
			c.replyBatch(b)
			n += b.n
			return true
		})
	}
	c.reply.SetAt(start, n)
	return nil
}

// cmdSunionstore serves SUNIONSTORE destination key [key ...].
func (kv *KVStore) cmdSunionstore(c *Client, args []string) error {
	sets, err := c.db.setsAt(args[2:])
	if err != nil {
		return err
	}
	s := c.db.union(sets)
	c.storeSet(args[1], &s, "sunionstore")
	return nil
}

// cmdSdiff serves SDIFF key [key ...].
func (kv *KVStore) cmdSdiff(c *Client, args []string) error {
	sets, err := c.db.setsAt(args[1:])
	if err != nil {
		return err
	}
	if !sets[0].ok() || firstRepeats(sets) || !lookingUpPays(sets) {
		s := c.db.difference(sets)
		c.replyLoose(&s)
		return nil
	}
	start, n := c.reply.Len(), 0
	subtract(sets, func(b *memberBatch) bool {
		c.replyBatch(b)
		n += b.n
		return true
	})
	c.reply.SetAt(start, n)
	return nil
}

// cmdSdiffstore serves SDIFFSTORE destination key [key ...].
func (kv *KVStore) cmdSdiffstore(c *Client, args []string) error {
	sets, err := c.db.setsAt(args[2:])
	if err != nil {
		return err
	}
	s := c.db.difference(sets)
	c.storeSet(args[1], &s, "sdiffstore")
	return nil
}

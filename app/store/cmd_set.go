package store

import (
	"math"
	"strings"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/glob"
)

// The commands on one set, and SMOVE. Those that combine sets are in
// cmd_set_algebra.go.

var setCommands = []command{
	{name: "sadd", arity: -3, flags: write | denyOOM | fast, cats: catSet, keys: key1(keyRW | keyInsert), run: (*KVStore).cmdSadd},
	{name: "scard", arity: 2, flags: readonly | fast, cats: catSet, keys: key1(keyRO), run: (*KVStore).cmdScard},
	{name: "sismember", arity: 3, flags: readonly | fast, cats: catSet, keys: key1(keyRO), run: (*KVStore).cmdSismember},
	{name: "smembers", arity: 2, flags: readonly, cats: catSet, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdSmembers},
	{name: "smismember", arity: -3, flags: readonly | fast, cats: catSet, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdSmismember},
	{name: "smove", arity: 4, flags: write | fast, cats: catSet, keys: smoveKeys, run: (*KVStore).cmdSmove},
	{name: "spop", arity: -2, flags: write | fast, cats: catSet, keys: key1(keyRW | keyAccess | keyDelete), run: (*KVStore).cmdSpop},
	{name: "srandmember", arity: -2, flags: readonly, cats: catSet, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdSrandmember},
	{name: "srem", arity: -3, flags: write | fast, cats: catSet, keys: key1(keyRW | keyDelete), run: (*KVStore).cmdSrem},
	{name: "sscan", arity: -3, flags: readonly, cats: catSet, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdSscan},
}

var smoveKeys = append(keyAt(1, keyRW|keyAccess|keyDelete), keyAt(2, keyRW|keyInsert)...)

// setAt is the set under a key, without members when there is none.
func (db *database) setAt(key string) (set, error) {
	e, err := db.lookupType(key, typeSet)
	if err != nil || !e.ok() {
		return set{}, err
	}
	return db.openSet(e), nil
}

// setForWrite is setAt for a command that changes the set.
func (db *database) setForWrite(key string) (set, error) {
	e, err := db.lookupTypeWrite(key, typeSet)
	if err != nil || !e.ok() {
		return set{}, err
	}
	return db.openSet(e), nil
}

// cmdSadd serves SADD key member [member ...].
func (kv *KVStore) cmdSadd(c *Client, args []string) error {
	key := args[1]
	s, err := c.db.setForWrite(key)
	if err != nil {
		return err
	}
	added := c.db.addMembers(&s, key, args[2:])
	if added > 0 {
		kv.changedBy(c.db, key, eventSet, "sadd", added)
	}
	c.reply.Int(int64(added))
	return nil
}

// addMembers adds members to the set under key, which it makes if it is not
// there. It tells nobody, and returns how many are new.
func (db *database) addMembers(s *set, key string, members []string) (added int) {
	if s.ok() {
		return s.addAll(members)
	}
	loose := db.looseSet()
	added = loose.addAll(members)
	loose.store(entry{}, key, -1)
	return added
}

// membersGone tells that n members were removed, and removes the key with the
// last of them.
func (s *set) membersGone(key, event string, n int) {
	db := s.db
	if s.len() > 0 {
		s.fit()
		db.kv.changedBy(db, key, eventSet, event, n)
		return
	}
	db.remove(s.e)
	db.kv.changedBy(db, key, eventSet, event, n)
	db.kv.notify(eventGeneric, "del", key, db)
}

// cmdScard serves SCARD key.
func (kv *KVStore) cmdScard(c *Client, args []string) error {
	s, err := c.db.setAt(args[1])
	if err != nil {
		return err
	}
	c.reply.Int(int64(s.len()))
	return nil
}

// cmdSismember serves SISMEMBER key member.
func (kv *KVStore) cmdSismember(c *Client, args []string) error {
	s, err := c.db.setAt(args[1])
	if err != nil {
		return err
	}
	c.reply.Int(oneIf(s.ok() && s.has(args[2])))
	return nil
}

// cmdSmismember serves SMISMEMBER key member [member ...].
func (kv *KVStore) cmdSmismember(c *Client, args []string) error {
	s, err := c.db.setAt(args[1])
	if err != nil {
		return err
	}
	members := args[2:]
	c.reply.Array(len(members))
	var buf [touchMax]uint64
	for len(members) > 0 {
		n := min(len(members), batchMembers)
		hashes := s.touch(members[:n], &buf)
		for i, member := range members[:n] {
			var found bool
			if hashes != nil {
				found = s.table.Find(kv.elementType, hashes[i], member) != 0
			} else {
				found = s.ok() && s.has(member)
			}
			c.reply.Int(oneIf(found))
		}
		members = members[n:]
	}
	return nil
}

// cmdSmembers serves SMEMBERS key.
func (kv *KVStore) cmdSmembers(c *Client, args []string) error {
	s, err := c.db.setAt(args[1])
	if err != nil {
		return err
	}
	c.reply.Set(s.len())
	c.replyMembers(&s)
	return nil
}

// replyMembers writes all members of a set.
func (c *Client) replyMembers(s *set) {
	if s.ok() {
		s.batches(func(b *memberBatch) bool {
			c.replyBatch(b)
			return true
		})
	}
}

// replyBatch writes the members of a batch.
func (c *Client) replyBatch(b *memberBatch) {
	if b.ints {
		for _, n := range b.number[:b.n] {
			c.reply.BulkInt(n)
		}
		return
	}
	for _, member := range b.text[:b.n] {
		c.reply.Bulk(member)
	}
}

// cmdSrem serves SREM key member [member ...].
func (kv *KVStore) cmdSrem(c *Client, args []string) error {
	s, err := c.db.setForWrite(args[1])
	if err != nil {
		return err
	}
	removed := 0
	if s.ok() {
		removed = s.removeAll(args[2:])
	}
	if removed > 0 {
		s.membersGone(args[1], "srem", removed)
	}
	c.reply.Int(int64(removed))
	return nil
}

// cmdSmove serves SMOVE source destination member.
func (kv *KVStore) cmdSmove(c *Client, args []string) error {
	source, destination, member := args[1], args[2], args[3]
	from, to := c.db.lookupWrite(source), c.db.lookupWrite(destination)
	switch {
	case !from.ok():
		c.reply.Int(0)
		return nil
	case from.typ() != typeSet || to.ok() && to.typ() != typeSet:
		return errWrongType
	}
	s := c.db.openSet(from)
	if source == destination {
		c.reply.Int(oneIf(s.has(member)))
		return nil
	}
	if !s.remove(member) {
		c.reply.Int(0)
		return nil
	}
	s.membersGone(source, "srem", 1)
	var d set
	if to.ok() {
		d = c.db.openSet(to)
	}
	if c.db.addMembers(&d, destination, args[3:4]) > 0 {
		kv.changed(c.db, destination, eventSet, "sadd")
	}
	c.reply.Int(1)
	return nil
}

// cmdSscan serves SSCAN key cursor [MATCH pattern] [COUNT count]. A small set
// is returned as a whole.
func (kv *KVStore) cmdSscan(c *Client, args []string) error {
	cursor, err := parseCursor(args[2])
	if err != nil {
		return err
	}
	s, err := c.db.setAt(args[1])
	if err != nil {
		return err
	}
	if !s.ok() {
		c.replyScanAt(c.reply.Len(), 0, 0)
		return nil
	}
	o, err := parseScanOptions(args[3:], false)
	if err != nil {
		return err
	}
	start, n := c.reply.Len(), 0
	visit := func(member string) {
		if !o.match || glob.Match(o.pattern, member, false) {
			c.reply.Bulk(member)
			n++
		}
	}
	if s.enc == encTable {
		cursor = kv.scanTable(s.table, kv.elementType, cursor, o.count, 1, func(ref arena.Ref) { visit(kv.elementType.Key(ref)) })
	} else {
		cursor = 0
		s.batches(func(b *memberBatch) bool {
			for _, member := range b.texts() {
				visit(member)
			}
			return true
		})
	}
	c.replyScanAt(start, cursor, n)
	return nil
}

// cmdSrandmember serves SRANDMEMBER key [count].
func (kv *KVStore) cmdSrandmember(c *Client, args []string) error {
	if len(args) > 3 {
		return errSyntax
	}
	if len(args) == 3 {
		return kv.randomMembers(c, args[1], args[2])
	}
	s, err := c.db.setAt(args[1])
	if err != nil {
		return err
	}
	if s.ok() {
		c.reply.Bulk(s.at(s.random()))
	} else {
		c.reply.Null()
	}
	return nil
}

// randomMembers serves SRANDMEMBER with a count: so many different members, or
// with a negative count so many that may repeat.
func (kv *KVStore) randomMembers(c *Client, key, arg string) error {
	count, err := parseIntRange(arg, -math.MaxInt64, math.MaxInt64)
	if err != nil {
		return err
	}
	s, err := c.db.setAt(key)
	if err != nil {
		return err
	}
	switch {
	case !s.ok() || count == 0:
		c.reply.Array(0)
	case count < 0:
		c.replyRepeating(&s, -count)
	case count >= int64(s.len()):
		c.reply.Array(s.len())
		c.replyMembers(&s)
	default:
		c.reply.Array(int(count))
		s.sample(int(count), func(member string) { c.reply.Bulk(member) })
	}
	return nil
}

// replyRepeating writes count members, each picked from the whole set. It ends
// early for a client that is closed because its output is too much.
func (c *Client) replyRepeating(s *set, count int64) {
	c.reply.Array(int(count))
	look := replyLook
	for range count {
		c.reply.Bulk(s.at(s.random()))
		if c.reply.Len() >= look {
			if c.checkReplyLimit(); c.closing {
				return
			}
			look = c.reply.Len() + replyLook
		}
	}
}

// cmdSpop serves SPOP key [count].
func (kv *KVStore) cmdSpop(c *Client, args []string) error {
	if len(args) > 3 {
		return errSyntax
	}
	if len(args) == 3 {
		return kv.popMembers(c, args[1], args[2])
	}
	s, err := c.db.setForWrite(args[1])
	if err != nil {
		return err
	}
	if !s.ok() {
		c.reply.Null()
		return nil
	}
	c.popMember(&s, args[1])
	s.membersGone(args[1], "spop", 1)
	return nil
}

// popMember takes a random member from the set under key and replies with it.
func (c *Client) popMember(s *set, key string) {
	p := s.random()
	c.replyPopped(key, s.at(p))
	s.removeAt(p)
}

// replyPopped replies with a member that goes, and has the others who keep this
// data remove the same one.
func (c *Client) replyPopped(key, member string) {
	c.reply.Bulk(member)
	if c.kv.propagating() {
		c.effect("SREM", key, strings.Clone(member))
	}
}

// popMembers serves SPOP with a count.
func (kv *KVStore) popMembers(c *Client, key, arg string) error {
	count, ok := canonicalInt(arg)
	if !ok || count < 0 {
		return errMustBePositive
	}
	s, err := c.db.setForWrite(key)
	if err != nil {
		return err
	}
	if !s.ok() || count == 0 {
		c.reply.Set(0)
		return nil
	}
	if size := s.len(); count >= int64(size) {
		c.reply.Set(size)
		c.replyMembers(&s)
		c.db.remove(s.e)
		kv.changedBy(c.db, key, eventSet, "spop", size)
		kv.notify(eventGeneric, "del", key, c.db)
		if kv.propagating() {
			c.effect("DEL", key)
		}
		return nil
	}
	c.reply.Set(int(count))
	if left := s.len() - int(count); left*keepFactor > int(count) {
		for range count {
			c.popMember(&s, key)
		}
		s.fit()
	} else {
		c.popAllBut(&s, key, left)
	}
	kv.changedBy(c.db, key, eventSet, "spop", int(count))
	return nil
}

// keepFactor is how many times as many members as stay must go for picking
// those that stay.
const keepFactor = 5

// popAllBut takes all but a few random members from the set under key. Those
// that stay make a new set, which has the form of one.
func (c *Client) popAllBut(s *set, key string, left int) {
	rest := c.db.looseSet()
	for range left {
		p := s.random()
		rest.add(s.at(p))
		s.removeAt(p)
	}
	s.batches(func(b *memberBatch) bool {
		for _, member := range b.texts() {
			c.replyPopped(key, member)
		}
		return true
	})
	rest.store(s.e, key, s.e.expireAt())
}

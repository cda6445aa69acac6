package store

import "math"

// The commands that take elements out of lists, and LPOS. What the blocking
// commands do once there is an element is here as well.

// cmdLpop serves LPOP key [count].
func (kv *KVStore) cmdLpop(c *Client, args []string) error { return kv.popElements(c, args, true) }

// cmdRpop serves RPOP key [count].
func (kv *KVStore) cmdRpop(c *Client, args []string) error { return kv.popElements(c, args, false) }

// popElements takes one element from an end of a list, or an array of count. Without a
// list the answer is null, or the null array when there is a count.
func (kv *KVStore) popElements(c *Client, args []string, head bool) error {
	if len(args) > 3 {
		return errArity(c.cmd.full)
	}
	key, counted, count := args[1], len(args) == 3, 1
	if counted {
		n, ok := canonicalInt(args[2])
		if !ok || n < 0 {
			return errMustBePositive
		}
		count = int(n)
	}
	e, err := c.db.lookupTypeWrite(key, typeList)
	switch {
	case err != nil:
		return err
	case !e.ok() && counted:
		c.reply.NullArray()
	case !e.ok():
		c.reply.Null()
	case count == 0:
		c.reply.Array(0)
	case counted:
		kv.popRange(c, e, key, head, count)
	default:
		kv.popReply(c, e, key, head)
	}
	return nil
}

// popReply takes one element from an end of a list and answers with it.
func (kv *KVStore) popReply(c *Client, e entry, key string, head bool) {
	l := c.db.list(e)
	var w listWalk
	p := w.toEnd(&l, head)
	c.replyValue(w.value(p))
	last := l.len() == 1
	if !last {
		l.dropAt(&w, p)
	}
	kv.elementsTaken(c, l.e, key, head, 1, last)
}

// popRange takes count elements from an end of a list, or all when there are
// not so many, and answers with their array, the outermost first. It returns
// how many there were.
func (kv *KVStore) popRange(c *Client, e entry, key string, head bool, count int) (taken int) {
	l := c.db.list(e)
	n := l.len()
	taken = min(count, n)
	if head {
		l.replyRange(&c.reply, 0, taken, false)
	} else {
		l.replyRange(&c.reply, n-1, taken, true)
	}
	switch {
	case taken == n:
	case head:
		l.removeRange(0, taken)
	default:
		l.removeRange(n-taken, taken)
	}
	kv.elementsTaken(c, l.e, key, head, taken, taken == n)
	return taken
}

// elementsTaken tells that n elements were taken from an end of a list, and
// removes it when they were, or are to be, all.
func (kv *KVStore) elementsTaken(c *Client, e entry, key string, head bool, n int, all bool) {
	kv.changedBy(c.db, key, eventList, popEvent(head), n)
	if all {
		kv.removeList(c.db, e, key)
	}
}

// popRangeWithKey is popRange with the answer of LMPOP: the key, and the array.
func (kv *KVStore) popRangeWithKey(c *Client, e entry, key string, head bool, count int) (taken int) {
	c.reply.Array(2)
	c.reply.Bulk(key)
	return kv.popRange(c, e, key, head, count)
}

// popName is the command that takes elements from an end.
func popName(head bool) string {
	if head {
		return "LPOP"
	}
	return "RPOP"
}

// cmdLmpop serves LMPOP numkeys key [key ...] LEFT|RIGHT [COUNT count].
func (kv *KVStore) cmdLmpop(c *Client, args []string) error {
	m, err := parseMpop(args[1:], "left", "right")
	if err != nil {
		return err
	}
	found, err := kv.lmpop(c, m)
	if err == nil && !found {
		c.reply.NullArray()
	}
	return err
}

// parseEnd parses LEFT, the head, or RIGHT.
func parseEnd(arg string) (head bool, err error) {
	switch {
	case is(arg, "left"):
		return true, nil
	case is(arg, "right"):
		return false, nil
	}
	return false, errSyntax
}

// lmpop takes elements from the first of the keys that is there, and answers
// with them. It reports whether there was one; if not, nothing is answered.
func (kv *KVStore) lmpop(c *Client, m mpopArgs) (found bool, err error) {
	for _, key := range m.keys {
		e, err := c.db.lookupTypeWrite(key, typeList)
		if err != nil {
			return false, err
		}
		if !e.ok() {
			continue
		}
		taken := kv.popRangeWithKey(c, e, key, m.first, int(m.count))
		if kv.propagating() {
			c.effect(popName(m.first), key, formatInt(int64(taken)))
		}
		return true, nil
	}
	return false, nil
}

// cmdLmove serves LMOVE source destination LEFT|RIGHT LEFT|RIGHT.
func (kv *KVStore) cmdLmove(c *Client, args []string) error {
	from, err := parseEnd(args[3])
	if err != nil {
		return err
	}
	to, err := parseEnd(args[4])
	if err != nil {
		return err
	}
	return kv.moveBetween(c, args[1], args[2], from, to)
}

// cmdRpoplpush serves RPOPLPUSH source destination.
func (kv *KVStore) cmdRpoplpush(c *Client, args []string) error {
	return kv.moveBetween(c, args[1], args[2], false, true)
}

// moveBetween moves an element from an end of one list to an end of another, or of the
// same, and answers with it, or with null when there is none.
func (kv *KVStore) moveBetween(c *Client, source, destination string, fromHead, toHead bool) error {
	e, err := c.db.lookupTypeWrite(source, typeList)
	if err != nil {
		return err
	}
	if !e.ok() {
		c.reply.Null()
		return nil
	}
	return kv.moveElement(c, source, destination, e, fromHead, toHead)
}

// moveElement is moveBetween when there is a list to move from.
func (kv *KVStore) moveElement(c *Client, source, destination string, from entry, fromHead, toHead bool) error {
	to, err := c.db.lookupTypeWrite(destination, typeList)
	if err != nil {
		return err
	}
	same := to.ok() && to.ref == from.ref
	value, from := c.db.listPop(from, fromHead)
	if same {
		to = from
	}
	to = c.db.listPush(to, destination, viewString(value), toHead)
	kv.touched(c.db, destination)
	kv.notify(eventList, pushEvent(toHead), destination, c.db)
	c.reply.BulkBytes(value)
	if same {
		from = to
	}
	kv.elementsTaken(c, from, source, fromHead, 1, kv.listLength(from) == 0)
	return nil
}

// cmdLpos serves LPOS key element [RANK rank] [COUNT count] [MAXLEN len].
func (kv *KVStore) cmdLpos(c *Client, args []string) error {
	s, err := parseLpos(args)
	if err != nil {
		return err
	}
	e, err := c.db.lookupType(args[1], typeList)
	if err != nil {
		return err
	}
	mark, found := c.reply.Len(), 0
	if e.ok() {
		l := c.db.list(e)
		found = l.positions(s, func(index int) { c.reply.Int(int64(index)) })
	}
	switch {
	case s.counted:
		c.reply.ArrayAt(mark, found)
	case found == 0:
		c.reply.Null()
	}
	return nil
}

// A positionSearch is what LPOS looks for.
type positionSearch struct {
	element string
	back    bool // from the tail
	skip    int  // matches before the first that is wanted
	count   int  // of matches that are wanted
	counted bool // there is a COUNT
	maxLen  int  // of elements that are looked at
}

func parseLpos(args []string) (s positionSearch, err error) {
	s = positionSearch{element: args[2], count: 1, maxLen: math.MaxInt}
	for args = args[3:]; len(args) > 0; args = args[2:] {
		if len(args) < 2 {
			return s, errSyntax
		}
		switch option, value := args[0], args[1]; {
		case is(option, "rank"):
			rank, err := parseInt(value)
			if err != nil {
				return s, err
			}
			if rank == 0 {
				return s, errRankZero
			}
			s.back = rank < 0
			s.skip = limitOf(rank) - 1
		case is(option, "count"):
			if s.count, err = parseLimit(value, errCountNegative); err != nil {
				return s, err
			}
			s.counted = true
		case is(option, "maxlen"):
			if s.maxLen, err = parseLimit(value, errMaxLenNegative); err != nil {
				return s, err
			}
		default:
			return s, errSyntax
		}
	}
	return s, nil
}

const (
	errRankZero replyError = "ERR RANK can't be zero: use 1 to start from the first match, " +
		"2 from the second ... or use negative to start from the end of the list"
	errCountNegative  replyError = "ERR COUNT can't be negative"
	errMaxLenNegative replyError = "ERR MAXLEN can't be negative"
)

// parseLimit parses a number of elements, 0 standing for all.
func parseLimit(arg string, invalid replyError) (int, error) {
	n, ok := canonicalInt(arg)
	if !ok || n < 0 {
		return 0, invalid
	}
	return limitOf(n), nil
}

// positions shows the indexes of the elements that are searched, and returns
// how many there were.
func (l *list) positions(s positionSearch, visit func(index int)) (found int) {
	index, step := 0, 1
	n := l.len()
	if s.back {
		index, step = n-1, -1
	}
	left := min(n, s.maxLen)
	want := newProbe(s.element)
	var w listWalk
	for ok := w.start(l, s.back); ok; ok = w.next(s.back) {
		for p := w.end(s.back); p != 0; p = w.step(p, s.back) {
			if left--; left < 0 {
				return found
			}
			if w.equal(p, &want) {
				if s.skip > 0 {
					s.skip--
				} else {
					visit(index)
					if found++; found == s.count {
						return found
					}
				}
			}
			index += step
		}
	}
	return found
}

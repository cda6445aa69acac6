package store

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/codecrafters-io/redis-starter-go/app/listpack"
)

// SORT and SORT_RO: the elements of a list, a set or a sorted set, sorted by
// themselves or by what other keys say of them, and replied, replaced by other
// keys' values, or stored as a list.

var sortCommands = []command{
	{name: "sort", arity: -2, flags: write | denyOOM | movableKeys, cats: catSet | catSortedset | catList | catDangerous,
		keys:    slices.Concat(key1(keyRO|keyAccess), unknownKeys(keyRO|keyAccess), unknownKeys(keyOW|keyUpdate)),
		getKeys: sortKeys, run: (*KVStore).cmdSort},
	{name: "sort_ro", arity: -2, flags: readonly | movableKeys, cats: catSet | catSortedset | catList | catDangerous,
		keys:    slices.Concat(key1(keyRO|keyAccess), unknownKeys(keyRO|keyAccess)),
		getKeys: sortROKeys, run: (*KVStore).cmdSortRo},
}

// unknownKeys is the spec of keys that only the command's own rule can tell.
func unknownKeys(flags keyFlags) []keySpec { return []keySpec{{flags: flags, unknown: true}} }

const (
	errSortScores replyError = "ERR One or more scores can't be converted into double"
	errSortBy     replyError = "ERR BY option of SORT denied due to insufficient ACL permissions."
	errSortGet    replyError = "ERR GET option of SORT denied due to insufficient ACL permissions."
)

// cmdSort serves SORT key [BY pattern] [LIMIT offset count] [GET pattern ...]
// [ASC|DESC] [ALPHA] [STORE destination].
func (kv *KVStore) cmdSort(c *Client, args []string) error { return kv.sort(c, args, false) }

// cmdSortRo serves SORT_RO, which is SORT without STORE.
func (kv *KVStore) cmdSortRo(c *Client, args []string) error { return kv.sort(c, args, true) }

// sortOptions are what follows the key.
type sortOptions struct {
	byPattern     bool
	by            string
	unsorted      bool // a BY without an asterisk asks for no order
	offset, count int64
	gets          []string
	desc, alpha   bool
	stores        bool
	destination   string
}

// parseSortOptions parses what follows the key. Of options that are repeated
// the last one counts, but for GET, and for a BY that asks for no order. Patterns
// can make the name of any key, so only who may read all keys may give them.
func parseSortOptions(args []string, readOnly, readsAll bool) (o sortOptions, err error) {
	o.count = -1
	for len(args) > 0 {
		arg, left, taken := args[0], len(args)-1, 1
		switch {
		case is(arg, "asc"):
			o.desc = false
		case is(arg, "desc"):
			o.desc = true
		case is(arg, "alpha"):
			o.alpha = true
		case is(arg, "limit") && left >= 2:
			if o.offset, err = parseInt(args[1]); err != nil {
				return o, err
			}
			if o.count, err = parseInt(args[2]); err != nil {
				return o, err
			}
			taken = 3
		case is(arg, "store") && left >= 1 && !readOnly:
			o.stores, o.destination, taken = true, args[1], 2
		case is(arg, "by") && left >= 1:
			if !readsAll && strings.Contains(cut(args[1], len(args[1])), "*") {
				return o, errSortBy
			}
			o.byPattern, o.by, taken = true, args[1], 2
			if !strings.Contains(cut(o.by, len(o.by)), "*") {
				o.unsorted = true
			}
		case is(arg, "get") && left >= 1:
			if !readsAll {
				return o, errSortGet
			}
			o.gets = append(o.gets, args[1])
			taken = 2
		default:
			return o, errSyntax
		}
		args = args[taken:]
	}
	return o, nil
}

// window is which of n elements are asked for, in their order: from start up to
// end.
func (o *sortOptions) window(n int) (start, end int) {
	start = int(min(max(o.offset, 0), int64(n)))
	if o.count < 0 {
		return start, n
	}
	return start, start + int(min(o.count, int64(n-start)))
}

// A sortElement is an element to be sorted, with what it is sorted by.
type sortElement struct {
	text   string
	score  float64
	weight string // with ALPHA and BY
	weighs bool   // there is a weight
	place  int    // among the elements as they came
}

// A sorter is a SORT under way. What it holds are copies: the keys that it looks
// up may expire, and what it stores may take the place of what it has read.
type sorter struct {
	sortOptions
	db       *database
	elements []sortElement
	chunk    []byte // where copies go
	key      []byte // made of a pattern
	digits   [20]byte
}

// sort serves SORT, and SORT_RO.
func (kv *KVStore) sort(c *Client, args []string, readOnly bool) error {
	o, err := parseSortOptions(args[2:], readOnly, kv.readsAllKeys(c, c.cmd, args))
	if err != nil {
		return err
	}
	e := c.db.lookupRead(args[1])
	if e.ok() && e.typ() != typeSet && e.typ() != typeList && e.typ() != typeZset {
		return errWrongType
	}
	s := sorter{sortOptions: o, db: c.db}
	if s.unsorted && s.stores && e.ok() && e.typ() == typeSet {
		// A set has no order of its own that replicas could agree upon.
		s.unsorted, s.byPattern, s.alpha = false, false, true
	}
	start, end := s.load(e)
	if !s.unsorted {
		if !s.weigh() {
			return errSortScores
		}
		s.order(start, end)
	}
	chosen := s.elements[start:end]
	if s.stores {
		s.store(c, chosen)
	} else {
		s.reply(c, chosen)
	}
	return nil
}

// load reads the elements, and returns where among them are those asked for.
// If a list or a sorted set is to keep its order, it reads these alone.
func (s *sorter) load(e entry) (start, end int) {
	if !e.ok() {
		return 0, 0
	}
	switch e.typ() {
	case typeList:
		l := s.db.list(e)
		first, n, back := 0, l.len(), s.unsorted && s.desc
		if start, end = s.window(n); s.unsorted {
			first, n = start, end-start
			start, end = 0, n
		}
		if back {
			first = l.len() - 1 - first
		}
		s.elements = make([]sortElement, 0, n)
		l.each(first, n, back, func(v listpack.Value) bool {
			if v.IsInt {
				v.Str = strconv.AppendInt(s.digits[:0], v.Int, 10)
			}
			s.add(viewString(v.Str))
			return true
		})
	case typeZset:
		z := s.db.zset(e)
		if z.root == nil {
			z.toElements() // as in Redis; OBJECT ENCODING tells of it, even after SORT_RO
		}
		first, n, back := 0, z.len(), s.unsorted && s.desc
		if start, end = s.window(n); s.unsorted {
			first, n = start, end-start
			start, end = 0, n
		}
		if back {
			first = z.len() - 1 - first
		}
		s.loadRange(&z, first, n, back)
	default:
		set := s.db.openSet(e)
		start, end = s.window(set.len())
		s.elements = make([]sortElement, 0, set.len())
		set.batches(func(b *memberBatch) bool {
			for _, member := range b.texts() {
				s.add(member)
			}
			return true
		})
	}
	return start, end
}

// loadRange reads n members of a sorted set, from a rank on.
func (s *sorter) loadRange(z *zset, rank, n int, back bool) {
	s.elements = make([]sortElement, 0, n)
	if n == 0 {
		return
	}
	var w zsetWalk
	w.seek(z, rank)
	for {
		s.add(w.member())
		if len(s.elements) == n {
			return
		}
		w.step(back)
	}
}

// add adds an element, which it copies.
func (s *sorter) add(text string) {
	s.elements = append(s.elements, sortElement{text: s.keep(text), place: len(s.elements)})
}

// keep copies a text.
func (s *sorter) keep(text string) string {
	const first, most = 512, 64 << 10
	if len(text) > cap(s.chunk)-len(s.chunk) {
		s.chunk = make([]byte, 0, max(len(text), min(max(first, 2*cap(s.chunk)), most)))
	}
	n := len(s.chunk)
	s.chunk = append(s.chunk, text...)
	return viewString(s.chunk[n:])
}

// weigh finds what each element is to be sorted by. It reports false when one
// has to be a number and is none.
func (s *sorter) weigh() (ok bool) {
	ok = true
	for i := range s.elements {
		e := &s.elements[i]
		if s.alpha && !s.byPattern {
			continue // by itself
		}
		weight := e.text
		if s.byPattern {
			if weight, e.weighs = s.lookUp(s.by, e.text); !e.weighs {
				continue // weighs nothing
			}
		}
		if s.alpha {
			e.weight = s.keep(weight)
			continue
		}
		var isNumber bool
		e.score, isNumber = sortScore(weight)
		ok = ok && isNumber
	}
	return ok
}

// sortScore is a text as a number, as C's strtod reads it: with blanks before
// it, up to a zero byte, and nothing at all being 0. What no double can express
// as it should is no number.
func sortScore(text string) (score float64, ok bool) {
	if n, ok := canonicalInt(text); ok {
		return float64(n), true
	}
	text = cut(text, len(text))
	if text == "" {
		return 0, true
	}
	score, inRange, ok := strtod(strings.TrimLeft(text, " \t\n\v\f\r"))
	const leastNormal = 0x1p-1022
	return score, ok && inRange && (score == 0 || math.Abs(score) >= leastNormal)
}

// order sorts the elements, or, by weights, only those from start to end when
// fewer are asked for. What weighs the same is in the order of its text. With
// weights that are texts it stays in the order in which it was, unless only a part
// is sorted: then it comes in that of Redis's partial sort.
func (s *sorter) order(start, end int) {
	if s.byPattern && end-start < len(s.elements) {
		partialSort(s.elements, start, end, s.compare)
		return
	}
	slices.SortFunc(s.elements, func(a, b sortElement) int {
		if order := s.compare(&a, &b); order != 0 {
			return order
		}
		return a.place - b.place
	})
}

// compare compares two elements in the order that is asked for.
func (s *sorter) compare(a, b *sortElement) (order int) {
	switch {
	case s.alpha && s.byPattern:
		order = s.compareWeights(a, b)
	case s.alpha:
		order = s.compareTexts(a.text, b.text)
	case a.score == b.score:
		order = strings.Compare(a.text, b.text)
	default:
		order = cmp.Compare(a.score, b.score)
	}
	if s.desc {
		return -order
	}
	return order
}

// compareWeights compares by weights that are texts. No weight comes first.
func (s *sorter) compareWeights(a, b *sortElement) int {
	if !a.weighs || !b.weighs {
		return int(oneIf(a.weighs) - oneIf(b.weighs))
	}
	return s.compareTexts(a.weight, b.weight)
}

// compareTexts compares as Redis does: up to a zero byte, unless the result is
// stored.
func (s *sorter) compareTexts(a, b string) int {
	if !s.stores {
		a, b = cut(a, len(a)), cut(b, len(b))
	}
	return strings.Compare(a, b)
}

// reply writes the elements, or what GET asks of each.
func (s *sorter) reply(c *Client, chosen []sortElement) {
	c.reply.Array(len(chosen) * max(1, len(s.gets)))
	for i := range chosen {
		if len(s.gets) == 0 {
			c.reply.Bulk(chosen[i].text)
		}
		for _, pattern := range s.gets {
			if value, ok := s.lookUp(pattern, chosen[i].text); ok {
				c.reply.Bulk(value)
			} else {
				c.reply.Null()
			}
		}
	}
}

// store makes the elements, or what GET asks of each, a list, in the place of
// what is there. Of nothing it makes no list.
func (s *sorter) store(c *Client, chosen []sortElement) {
	values := make([]string, 0, len(chosen)*max(1, len(s.gets)))
	for i := range chosen {
		if len(s.gets) == 0 {
			values = append(values, chosen[i].text)
		}
		for _, pattern := range s.gets {
			value, _ := s.lookUp(pattern, chosen[i].text)
			values = append(values, s.keep(value))
		}
	}
	kv, db, key := s.db.kv, s.db, s.destination
	c.reply.Int(int64(len(values)))
	if len(values) == 0 {
		if old := db.find(key); old.ok() {
			db.remove(old)
			kv.changed(db, key, eventGeneric, "del")
		}
		return
	}
	events := kv.keyspaceEvents
	if old := db.lookupWrite(key); old.ok() {
		db.remove(old)
		kv.keyspaceEvents &^= eventNew // the key is not new, though its record is
	}
	l := db.list(entry{})
	l.push(key, values, false)
	kv.keyspaceEvents = events
	kv.changedBy(db, key, eventList, "sortstore", len(values))
}

// lookUp is the value that a pattern stands for. Its first asterisk is replaced
// by the element, which makes the name of a string, or, up to an arrow behind
// it, of a hash, of which the field behind the arrow is meant. A # stands for
// the element itself. The value is a view, good until the next call.
func (s *sorter) lookUp(pattern, element string) (value string, ok bool) {
	visible := cut(pattern, len(pattern)) // all that Redis searches
	if visible == "#" {
		return element, true
	}
	star := strings.IndexByte(visible, '*')
	if star < 0 {
		return "", false
	}
	rest, field := pattern[star+1:], ""
	if arrow := strings.Index(visible[star+1:], "->"); arrow >= 0 && star+1+arrow+2 < len(visible) {
		rest, field = rest[:arrow], rest[arrow+2:]
	}
	s.key = append(append(append(s.key[:0], pattern[:star]...), element...), rest...)
	e := s.db.lookupRead(viewString(s.key))
	switch {
	case !e.ok():
		return "", false
	case field == "":
		if e.typ() != typeString {
			return "", false
		}
		return s.db.kv.str(e), true
	case e.typ() != typeHash:
		return "", false
	}
	return s.hashField(e, field)
}

// hashField is the value of a hash's field.
func (s *sorter) hashField(e entry, field string) (value string, ok bool) {
	str, n, isInt, ok := s.db.kv.fieldValue(e, field)
	if ok && isInt {
		str = viewString(strconv.AppendInt(s.digits[:0], n, 10))
	}
	return str, ok
}

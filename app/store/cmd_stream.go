package store

import "math"

// The commands that change or look at a stream. Reading several, and waiting for
// more, is in cmd_stream_read.go; groups are in cmd_stream_group.go.

var streamCommands = []command{
	{name: "xadd", arity: -5, flags: write | denyOOM | fast, cats: catStream, keys: key1(keyRW | keyUpdate), run: (*KVStore).cmdXadd},
	{name: "xdel", arity: -3, flags: write | fast, cats: catStream, keys: key1(keyRW | keyDelete), run: (*KVStore).cmdXdel},
	{name: "xlen", arity: 2, flags: readonly | fast, cats: catStream, keys: key1(keyRO), run: (*KVStore).cmdXlen},
	{name: "xrange", arity: -4, flags: readonly, cats: catStream, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdXrange},
	{name: "xrevrange", arity: -4, flags: readonly, cats: catStream, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdXrevrange},
	{name: "xsetid", arity: -3, flags: write | denyOOM | fast, cats: catStream, keys: key1(keyRW | keyUpdate), run: (*KVStore).cmdXsetid},
	{name: "xtrim", arity: -4, flags: write, cats: catStream, keys: key1(keyRW | keyDelete), run: (*KVStore).cmdXtrim},
}

const (
	errXaddZero      replyError = "ERR The ID specified in XADD must be greater than 0-0"
	errXaddSmall     replyError = "ERR The ID specified in XADD is equal or smaller than the target stream top item"
	errXaddExhausted replyError = "ERR The stream has exhausted the last possible ID, unable to add more items"

	errTrimTwice    replyError = "ERR syntax error, MAXLEN and MINID options at the same time are not compatible"
	errTrimNot      replyError = "ERR syntax error, XTRIM must be called with a trimming strategy"
	errTrimLength   replyError = "ERR The MAXLEN argument must be >= 0."
	errLimitSign    replyError = "ERR The LIMIT argument must be >= 0."
	errLimitAlone   replyError = "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"
	errLimitExactly replyError = "ERR syntax error, LIMIT cannot be used without the special ~ option"
)

// addArgs are the options of XADD and XTRIM.
type addArgs struct {
	trim       trimArgs
	limitGiven bool
	noCreate   bool
	id         streamID
	idAt       int  // index of the ID, the number of arguments when there is none
	auto       bool // the ID is *
	open       bool // the ID is ms-*
}

// parseAddArgs parses the options of XADD, up to and with the ID, or those of
// XTRIM.
func (kv *KVStore) parseAddArgs(args []string, adding bool) (a addArgs, err error) {
	i := 2
	for ; i < len(args); i++ {
		arg, more := args[i], i+1 < len(args)
		switch {
		case adding && arg == "*":
			a.auto = true
		case more && (is(arg, "maxlen") || is(arg, "minid")):
			i, err = a.parseLimit(args, i)
		case more && is(arg, "limit"):
			i++
			a.limitGiven = true
			a.trim.most, err = parseInt(args[i])
			if err == nil && a.trim.most < 0 {
				err = errLimitSign
			}
		case adding && is(arg, "nomkstream"):
			a.noCreate = true
			continue
		case adding:
			a.id, a.open, err = parseNewStreamID(arg)
			if err == nil {
				a.idAt = i
				return a, kv.completeTrim(&a, adding)
			}
		default:
			err = errSyntax
		}
		if err != nil {
			return a, err
		}
		if a.auto {
			break
		}
	}
	a.idAt = i
	return a, kv.completeTrim(&a, adding)
}

// parseLimit parses MAXLEN [=|~] threshold or MINID [=|~] threshold at i. It
// returns the index of the threshold.
func (a *addArgs) parseLimit(args []string, i int) (int, error) {
	if a.trim.by != noTrim {
		return i, errTrimTwice
	}
	length := is(args[i], "maxlen")
	i++
	if i+1 < len(args) && (args[i] == "~" || args[i] == "=") {
		a.trim.approx = args[i] == "~"
		i++
	}
	a.trim.at = i
	var err error
	if !length {
		a.trim.by = trimByID
		a.trim.id, err = parseStreamID(args[i], 0)
		return i, err
	}
	a.trim.by = trimByLength
	a.trim.length, err = parseInt(args[i])
	if err == nil && a.trim.length < 0 {
		err = errTrimLength
	}
	return i, err
}

// completeTrim checks what the options are together, and limits the work of an
// approximate trim.
func (kv *KVStore) completeTrim(a *addArgs, adding bool) error {
	switch {
	case a.trim.most != 0 && a.trim.by == noTrim:
		return errLimitAlone
	case !adding && a.trim.by == noTrim:
		return errTrimNot
	case a.limitGiven && !a.trim.approx:
		// How an approximate trim is propagated: it says how much went, and that is
		// to go whatever the limit was.
		if !kv.snapshot.loading.active && !kv.repl.applying {
			return errLimitExactly
		}
		a.trim.most = 0
	case !a.limitGiven && a.trim.approx:
		const nodes, mostDefault, mostMax = 100, 10_000, 1_000_000
		a.trim.most = nodes * kv.streamNodeEntries
		if a.trim.most <= 0 {
			a.trim.most = mostDefault
		}
		a.trim.most = min(a.trim.most, mostMax)
	}
	return nil
}

// cmdXadd serves XADD key [NOMKSTREAM] [MAXLEN|MINID [=|~] threshold [LIMIT
// count]] *|id field value [field value ...].
func (kv *KVStore) cmdXadd(c *Client, args []string) error {
	a, err := kv.parseAddArgs(args, true)
	if err != nil {
		return err
	}
	pairs := args[min(a.idAt+1, len(args)):]
	if len(pairs) < 2 || len(pairs)%2 == 1 {
		return errArity("xadd")
	}
	if !a.auto && !a.open && a.id.isZero() {
		return errXaddZero
	}
	key := args[1]
	s, err := c.db.lookupStreamWrite(key)
	if err != nil {
		return err
	}
	if s == nil && a.noCreate {
		c.reply.Null()
		return nil
	}
	var last streamID
	if s != nil {
		last = s.last
	}
	id, err := a.newID(last, kv.nowMs)
	if err == nil && !fitsEntry(pairs) {
		err = errStreamEntrySize
	}
	if err != nil {
		return err
	}
	if s == nil {
		s = c.db.insertStream(key)
	}
	kv.addEntry(s, id, pairs)
	c.replyStreamID(id)
	kv.changed(c.db, key, eventStream, "xadd")
	if a.trim.by != noTrim && kv.trim(s, &a.trim) > 0 {
		kv.notify(eventStream, "xtrim", key, c.db)
	}
	if a.auto || a.open || a.trim.approx {
		kv.effectOfAdd(c, args, &a, s)
	}
	kv.keyReady(c.db, key)
	return nil
}

// newID is the ID that the entry gets in a stream with this last ID.
func (a *addArgs) newID(last streamID, nowMs int64) (id streamID, err error) {
	switch {
	case last == maxStreamID:
		return id, errXaddExhausted
	case a.auto && uint64(nowMs) > last.ms:
		return streamID{uint64(nowMs), 0}, nil
	case a.auto:
		id, _ = last.next()
		return id, nil
	case a.open && a.id.ms == last.ms && last.seq == math.MaxUint64:
		return id, errStreamEntrySize // sic: Redis takes it for that
	case a.open && a.id.ms == last.ms:
		return streamID{last.ms, last.seq + 1}, nil
	case !last.less(a.id):
		return id, errXaddSmall
	}
	return a.id, nil
}

// effectOfAdd names XADD's effect: the ID is the one that was made, and the
// trim is exactly what was done.
func (kv *KVStore) effectOfAdd(c *Client, args []string, a *addArgs, s *stream) {
	if !kv.propagating() {
		return
	}
	args = append([]string(nil), args...)
	args[a.idAt] = s.last.String()
	kv.fixTrim(args, &a.trim, s)
	c.effect(args...)
}

// fixTrim makes arguments that trim approximately trim as it was done.
func (kv *KVStore) fixTrim(args []string, how *trimArgs, s *stream) {
	if !how.approx {
		return
	}
	args[how.at-1] = "="
	if how.by == trimByLength {
		args[how.at] = formatInt(int64(s.length))
		return
	}
	args[how.at] = kv.oldestID(s).String()
}

// cmdXtrim serves XTRIM key MAXLEN|MINID [=|~] threshold [LIMIT count].
func (kv *KVStore) cmdXtrim(c *Client, args []string) error {
	a, err := kv.parseAddArgs(args, false)
	if err != nil {
		return err
	}
	s, err := c.db.lookupStreamWrite(args[1])
	if err != nil {
		return err
	}
	var removed int64
	if s != nil {
		removed = kv.trim(s, &a.trim)
	}
	if removed > 0 {
		kv.changedBy(c.db, args[1], eventStream, "xtrim", int(removed))
		if a.trim.approx && kv.propagating() {
			fixed := append([]string(nil), args...)
			kv.fixTrim(fixed, &a.trim, s)
			c.effect(fixed...)
		}
	}
	c.reply.Int(removed)
	return nil
}

// cmdXdel serves XDEL key id [id ...].
func (kv *KVStore) cmdXdel(c *Client, args []string) error {
	key, ids := args[1], args[2:]
	s, err := c.db.lookupStreamWrite(key)
	if err != nil {
		return err
	}
	if s == nil {
		c.reply.Int(0)
		return nil
	}
	for _, arg := range ids {
		if _, err := parseStreamID(arg, 0); err != nil {
			return err
		}
	}
	var deleted int64
	wasFirst := false
	for _, arg := range ids {
		id, _ := parseStreamID(arg, 0)
		if !kv.deleteEntry(s, id) {
			continue
		}
		deleted++
		wasFirst = wasFirst || id == s.first
		if s.maxDeleted.less(id) {
			s.maxDeleted = id
		}
	}
	if wasFirst {
		kv.setFirst(s)
	}
	if deleted > 0 {
		kv.changedBy(c.db, key, eventStream, "xdel", int(deleted))
	}
	c.reply.Int(deleted)
	return nil
}

// cmdXlen serves XLEN key.
func (kv *KVStore) cmdXlen(c *Client, args []string) error {
	s, err := c.db.lookupStream(args[1])
	if err != nil {
		return err
	}
	if s == nil {
		c.reply.Int(0)
		return nil
	}
	c.reply.Int(int64(s.length))
	return nil
}

// cmdXrange serves XRANGE key start end [COUNT count].
func (kv *KVStore) cmdXrange(c *Client, args []string) error {
	return kv.replyStreamRange(c, args, args[2], args[3], false)
}

// cmdXrevrange serves XREVRANGE key end start [COUNT count].
func (kv *KVStore) cmdXrevrange(c *Client, args []string) error {
	return kv.replyStreamRange(c, args, args[3], args[2], true)
}

const (
	errRangeStart replyError = "ERR invalid start ID for the interval"
	errRangeEnd   replyError = "ERR invalid end ID for the interval"
)

// parseRangeStart parses the ID that a range begins with, or behind.
func parseRangeStart(arg string) (streamID, error) {
	id, exclusive, err := parseStreamBound(arg, 0)
	if err == nil && exclusive {
		if id, exclusive = id.next(); !exclusive {
			err = errRangeStart
		}
	}
	return id, err
}

// parseRangeEnd parses the ID that a range ends with, or before.
func parseRangeEnd(arg string) (streamID, error) {
	id, exclusive, err := parseStreamBound(arg, math.MaxUint64)
	if err == nil && exclusive {
		if id, exclusive = id.prev(); !exclusive {
			err = errRangeEnd
		}
	}
	return id, err
}

// replyStreamRange answers with the entries of a range.
func (kv *KVStore) replyStreamRange(c *Client, args []string, start, end string, reverse bool) error {
	from, err := parseRangeStart(start)
	if err != nil {
		return err
	}
	to, err := parseRangeEnd(end)
	if err != nil {
		return err
	}
	count, err := parseRangeCount(args[4:])
	if err != nil {
		return err
	}
	s, err := c.db.lookupStream(args[1])
	switch {
	case err != nil:
		return err
	case s == nil:
		c.reply.Array(0)
	case count == 0:
		c.reply.NullArray()
	default:
		c.replyEntries(s, from, to, count, reverse)
	}
	return nil
}

// noCount stands for as many entries as there are.
const noCount = math.MaxInt64

// parseRangeCount parses the options of XRANGE: how many entries there may be,
// by default all.
func parseRangeCount(args []string) (int64, error) {
	count := int64(noCount)
	for ; len(args) > 0; args = args[2:] {
		if len(args) < 2 || !is(args[0], "count") {
			return 0, errSyntax
		}
		n, err := parseInt(args[1])
		if err != nil {
			return 0, err
		}
		count = max(n, 0)
	}
	return count, nil
}

// replyEntries answers with an array of the entries of a range, count at most.
func (c *Client) replyEntries(s *stream, from, to streamID, count int64, reverse bool) {
	at, n := c.reply.Len(), 0
	var it streamIterator
	it.start(c.kv, s, from, to, reverse)
	for ; int64(n) < count; n++ {
		if _, _, ok := it.next(); !ok {
			break
		}
		it.replyEntry(c)
	}
	c.reply.ArrayAt(at, n)
}

// cmdXsetid serves XSETID key last-id [ENTRIESADDED entries-added]
// [MAXDELETEDID max-deleted-id].
func (kv *KVStore) cmdXsetid(c *Client, args []string) error {
	id, err := parseStreamID(args[2], 0)
	if err != nil {
		return err
	}
	added, maxDeleted, err := parseSetIDOptions(id, args[3:])
	if err != nil {
		return err
	}
	s, err := c.db.lookupStreamWrite(args[1])
	switch {
	case err != nil:
		return err
	case s == nil:
		return errNoSuchKey
	case s.length > 0 && id.less(kv.lastID(s)):
		return errSetIDSmall
	case s.length > 0 && added >= 0 && s.length > uint64(added):
		return errSetIDAdded
	}
	s.last = id
	if added >= 0 {
		s.entriesAdded = uint64(added)
	}
	if !maxDeleted.isZero() {
		s.maxDeleted = maxDeleted
	}
	kv.dirty++
	kv.notify(eventStream, "xsetid", args[1], c.db)
	c.reply.OK()
	return nil
}

const (
	errSetIDSmall   replyError = "ERR The ID specified in XSETID is smaller than the target stream top item"
	errSetIDAdded   replyError = "ERR The entries_added specified in XSETID is smaller than the target stream length"
	errSetIDDeleted replyError = "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id"
	errAddedSign    replyError = "ERR entries_added must be positive"
)

// parseSetIDOptions parses the options of XSETID; added is negative when it is
// not given.
func parseSetIDOptions(id streamID, args []string) (added int64, maxDeleted streamID, err error) {
	added = -1
	for ; len(args) > 0; args = args[2:] {
		switch {
		case len(args) > 1 && is(args[0], "entriesadded"):
			added, err = parseInt(args[1])
			if err == nil && added < 0 {
				err = errAddedSign
			}
		case len(args) > 1 && is(args[0], "maxdeletedid"):
			maxDeleted, err = parseStreamID(args[1], 0)
			if err == nil && id.less(maxDeleted) {
				err = errSetIDDeleted
			}
		default:
			err = errSyntax
		}
		if err != nil {
			return added, maxDeleted, err
		}
	}
	return added, maxDeleted, nil
}

package tests

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// The model's lists, hashes, sets and sorted sets; streams are in
// model_stream_test.go.

// keyTypes says which type the first key of a command must have, if it exists.
var keyTypes = map[string]string{
	"GET": "", "GETSET": "", "GETDEL": "", "GETEX": "", "APPEND": "", "STRLEN": "", "GETRANGE": "", "SETRANGE": "", "INCRBY": "", "SETBIT": "",

	"LPUSH": "list", "RPUSH": "list", "LPUSHX": "list", "RPUSHX": "list", "LPOP": "list", "RPOP": "list", "LLEN": "list", "LINDEX": "list",
	"LSET": "list", "LINSERT": "list", "LREM": "list", "LRANGE": "list", "LTRIM": "list", "LMOVE": "list", "LPOS": "list",

	"HSET": "hash", "HSETNX": "hash", "HDEL": "hash", "HGET": "hash", "HMGET": "hash", "HLEN": "hash", "HEXISTS": "hash", "HSTRLEN": "hash", "HINCRBY": "hash",

	"SADD": "set", "SREM": "set", "SISMEMBER": "set", "SMISMEMBER": "set", "SCARD": "set", "SMOVE": "set",

	"ZADD": "zset", "ZREM": "zset", "ZSCORE": "zset", "ZINCRBY": "zset", "ZRANK": "zset", "ZREVRANK": "zset", "ZCARD": "zset", "ZCOUNT": "zset",
	"ZRANGE": "zset", "ZREMRANGEBYRANK": "zset", "ZREMRANGEBYSCORE": "zset", "ZPOPMIN": "zset", "ZPOPMAX": "zset",

	"XADD": "stream", "XLEN": "stream", "XRANGE": "stream", "XREVRANGE": "stream", "XDEL": "stream", "XTRIM": "stream",
}

// mistyped reports whether a key of the command has a type that the command
// does not take.
func (m *model) mistyped(c *modelClient, a []string) bool {
	other := func(key string, types ...string) bool {
		k, ok := m.get(c, key)
		return ok && !slices.Contains(types, k.typ)
	}
	switch a[0] {
	case "SET":
		return slices.Contains(a[3:], "GET") && other(a[1], "")
	case "LMOVE", "SMOVE":
		typ := keyTypes[a[0]]
		_, ok := m.get(c, a[1])
		return other(a[1], typ) || ok && other(a[2], typ)
	case "SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE":
		return slices.ContainsFunc(a[2:], func(key string) bool { return other(key, "set") })
	case "ZUNIONSTORE":
		return slices.ContainsFunc(a[3:5], func(key string) bool { return other(key, "set", "zset") })
	}
	typ, ok := keyTypes[a[0]]
	return ok && other(a[1], typ)
}

// dump prints the value in one way only.
func (k modelKey) dump() string {
	switch k.typ {
	case "list":
		return fmt.Sprintf("list %q", k.list)
	case "hash":
		return fmt.Sprintf("hash %q", k.fields)
	case "set":
		return fmt.Sprintf("set %q", slices.Sorted(maps.Keys(k.fields)))
	case "zset":
		return fmt.Sprintf("zset %q", k.order())
	case "stream":
		return "stream " + printEntries(k.stream.entries)
	}
	return fmt.Sprintf("string %q", k.value)
}

// dump is what modelKey.dump says, of a key of the server.
func (c *client) dump(key string) string {
	var k modelKey
	texts := func(args ...string) (list []string) {
		for _, e := range c.do(args...).elems {
			list = append(list, e.text)
		}
		return list
	}
	switch k.typ = c.do("TYPE", key).text; k.typ {
	case "list":
		k.list = texts("LRANGE", key, "0", "-1")
	case "hash", "set":
		k.fields = map[string]string{}
		if k.typ == "set" {
			for _, member := range texts("SMEMBERS", key) {
				k.fields[member] = ""
			}
			break
		}
		for pair := range slices.Chunk(texts("HGETALL", key), 2) {
			k.fields[pair[0]] = pair[1]
		}
	case "zset":
		return fmt.Sprintf("zset %q", texts("ZRANGE", key, "0", "-1"))
	case "stream":
		return "stream " + c.do("XRANGE", key, "-", "+").String()
	default:
		k.value = c.do("GET", key).text
	}
	return k.dump()
}

// order lists the members of a sorted set.
func (k modelKey) order() []string {
	return slices.SortedFunc(maps.Keys(k.scores), func(a, b string) int {
		return cmp.Or(cmp.Compare(k.scores[a], k.scores[b]), strings.Compare(a, b))
	})
}

// getOr is the value at a key, or one of the type that is to be filled.
func (m *model) getOr(c *modelClient, key, typ string) modelKey {
	if k, ok := m.get(c, key); ok {
		k.fields, k.scores, k.list = maps.Clone(k.fields), maps.Clone(k.scores), slices.Clone(k.list)
		return k
	}
	return modelKey{typ: typ, expires: -1, fields: map[string]string{}, scores: map[string]int{}}
}

// replace writes a value that may have become empty, if it has changed.
func (m *model) replace(c *modelClient, key string, k modelKey, changed bool) {
	switch {
	case !changed:
	case len(k.list)+len(k.fields)+len(k.scores) == 0:
		m.remove(c.db, key)
	default:
		m.put(c.db, key, k)
	}
}

func printStrings(list []string) string {
	if len(list) == 0 {
		return "(empty array)"
	}
	var out []string
	for i, s := range list {
		out = append(out, fmt.Sprintf("%d) %s", i+1, quoteShort(s)))
	}
	return strings.Join(out, "\n")
}

// printOr is a string, or nil when there is none.
func printOr(s string, ok bool) string { return modelKey{value: s}.print(ok) }

// span turns indexes, which may count from the end, into a half-open range of n.
func span(from, to string, n int) (int, int) {
	i, j := int(mustInt(from)), int(mustInt(to))
	if i < 0 {
		i = max(i+n, 0)
	}
	if j < 0 {
		j += n
	}
	j = min(j, n-1)
	if i > j {
		return 0, 0
	}
	return i, j + 1
}

// Arguments.

func anyElement(r *rand.Rand) string {
	switch r.IntN(12) {
	case 0:
		return strings.Repeat("long", 10+r.IntN(300))
	case 1:
		return strconv.FormatInt(r.Int64(), 10)
	case 2, 3:
		return "e" + strconv.Itoa(r.IntN(12))
	}
	return strconv.Itoa(r.IntN(25))
}

func smallIndex(r *rand.Rand) string { return strconv.Itoa(r.IntN(16) - 8) }
func smallScore(r *rand.Rand) string { return strconv.Itoa(r.IntN(11) - 5) }

var modelListCommands = []modelCommand{
	{"LPUSH", modelPushArgs, modelPush},
	{"RPUSH", modelPushArgs, modelPush},
	{"RPUSH", modelPushArgs, modelPush},
	{"LPUSHX", args(anyKey, anyElement), modelPush},
	{"RPUSHX", args(anyKey, anyElement), modelPush},
	{"LPOP", args(anyKey), modelPop},
	{"RPOP", args(anyKey, oneOf("0", "1", "3")), modelPop},
	{"LLEN", args(anyKey), func(m *model, c *modelClient, a []string) string {
		return printInt(len(m.getOr(c, a[1], "list").list))
	}},
	{"LINDEX", args(anyKey, smallIndex), func(m *model, c *modelClient, a []string) string {
		l := m.getOr(c, a[1], "list").list
		i := int(mustInt(a[2]))
		if i < 0 {
			i += len(l)
		}
		if i < 0 || i >= len(l) {
			return "(nil)"
		}
		return quoteShort(l[i])
	}},
	{"LSET", args(anyKey, smallIndex, anyElement), modelLset},
	{"LINSERT", args(anyKey, oneOf("BEFORE", "AFTER"), anyElement, anyElement), modelLinsert},
	{"LREM", args(anyKey, oneOf("0", "2", "-1"), anyElement), modelLrem},
	{"LRANGE", args(anyKey, smallIndex, smallIndex), func(m *model, c *modelClient, a []string) string {
		l := m.getOr(c, a[1], "list").list
		i, j := span(a[2], a[3], len(l))
		return printStrings(l[i:j])
	}},
	{"LTRIM", args(anyKey, oneOf("0", "1", "-8"), oneOf("-1", "-2", "9")), func(m *model, c *modelClient, a []string) string {
		k := m.getOr(c, a[1], "list")
		i, j := span(a[2], a[3], len(k.list))
		was := len(k.list)
		k.list = k.list[i:j]
		m.replace(c, a[1], k, was > 0)
		return "+OK"
	}},
	{"LMOVE", args(anyKey, anyKey, oneOf("LEFT", "RIGHT"), oneOf("LEFT", "RIGHT")), modelLmove},
	{"LPOS", args(anyKey, anyElement), func(m *model, c *modelClient, a []string) string {
		if i := slices.Index(m.getOr(c, a[1], "list").list, a[2]); i >= 0 {
			return printInt(i)
		}
		return "(nil)"
	}},
}

// modelPushArgs pushes a few elements, and now and then many.
func modelPushArgs(r *rand.Rand) []string {
	out := []string{anyKey(r)}
	n := 1 + r.IntN(3)
	if r.IntN(20) == 0 {
		n = r.IntN(200)
	}
	for range max(n, 1) {
		out = append(out, anyElement(r))
	}
	return out
}

func modelPush(m *model, c *modelClient, a []string) string {
	k := m.getOr(c, a[1], "list")
	if strings.HasSuffix(a[0], "X") && len(k.list) == 0 {
		return printInt(0)
	}
	for _, e := range a[2:] {
		if a[0][0] == 'L' {
			k.list = slices.Insert(k.list, 0, e)
		} else {
			k.list = append(k.list, e)
		}
	}
	m.replace(c, a[1], k, true)
	return printInt(len(k.list))
}

func modelPop(m *model, c *modelClient, a []string) string {
	k := m.getOr(c, a[1], "list")
	if len(k.list) == 0 {
		return map[bool]string{true: "(nil)", false: "(nil array)"}[len(a) == 2]
	}
	n := 1
	if len(a) > 2 {
		n = min(int(mustInt(a[2])), len(k.list))
	}
	var popped []string
	for range n {
		i := 0
		if a[0] == "RPOP" {
			i = len(k.list) - 1
		}
		popped = append(popped, k.list[i])
		k.list = slices.Delete(k.list, i, i+1)
	}
	m.replace(c, a[1], k, n > 0)
	if len(a) == 2 {
		return quoteShort(popped[0])
	}
	return printStrings(popped)
}

func modelLset(m *model, c *modelClient, a []string) string {
	k := m.getOr(c, a[1], "list")
	i := int(mustInt(a[2]))
	if i < 0 {
		i += len(k.list)
	}
	switch {
	case len(k.list) == 0:
		return noSuchKey
	case i < 0 || i >= len(k.list):
		return "(error) ERR index out of range"
	}
	k.list[i] = a[3]
	m.replace(c, a[1], k, true)
	return "+OK"
}

func modelLinsert(m *model, c *modelClient, a []string) string {
	k := m.getOr(c, a[1], "list")
	if len(k.list) == 0 {
		return printInt(0)
	}
	i := slices.Index(k.list, a[3])
	if i < 0 {
		return printInt(-1)
	}
	if a[2] == "AFTER" {
		i++
	}
	k.list = slices.Insert(k.list, i, a[4])
	m.replace(c, a[1], k, true)
	return printInt(len(k.list))
}

func modelLrem(m *model, c *modelClient, a []string) string {
	k := m.getOr(c, a[1], "list")
	limit, n := int(mustInt(a[2])), 0
	backward := limit < 0
	if backward {
		slices.Reverse(k.list)
		limit = -limit
	}
	k.list = slices.DeleteFunc(k.list, func(e string) bool {
		if e != a[3] || limit > 0 && n == limit {
			return false
		}
		n++
		return true
	})
	if backward {
		slices.Reverse(k.list)
	}
	m.replace(c, a[1], k, n > 0)
	return printInt(n)
}

func modelLmove(m *model, c *modelClient, a []string) string {
	from := m.getOr(c, a[1], "list")
	if len(from.list) == 0 {
		return "(nil)"
	}
	i := 0
	if a[3] == "RIGHT" {
		i = len(from.list) - 1
	}
	e := from.list[i]
	from.list = slices.Delete(from.list, i, i+1)
	if a[1] != a[2] {
		m.replace(c, a[1], from, true)
		from = m.getOr(c, a[2], "list")
	}
	if a[4] == "LEFT" {
		from.list = slices.Insert(from.list, 0, e)
	} else {
		from.list = append(from.list, e)
	}
	m.replace(c, a[2], from, true)
	return quoteShort(e)
}

var modelHashCommands = []modelCommand{
	{"HSET", modelPairArgs(anyElement, anyElement), modelHset},
	{"HSET", modelPairArgs(anyElement, anyElement), modelHset},
	{"HSETNX", args(anyKey, anyElement, anyElement), func(m *model, c *modelClient, a []string) string {
		k := m.getOr(c, a[1], "hash")
		if _, ok := k.fields[a[2]]; ok {
			return printBool(false)
		}
		k.fields[a[2]] = a[3]
		m.replace(c, a[1], k, true)
		return printBool(true)
	}},
	{"HDEL", modelKeyArgs(anyElement), modelTake("hash")},
	{"HGET", args(anyKey, anyElement), func(m *model, c *modelClient, a []string) string {
		v, ok := m.getOr(c, a[1], "hash").fields[a[2]]
		return printOr(v, ok)
	}},
	{"HMGET", modelKeyArgs(anyElement), func(m *model, c *modelClient, a []string) string {
		k := m.getOr(c, a[1], "hash")
		var out []string
		for i, f := range a[2:] {
			v, ok := k.fields[f]
			out = append(out, fmt.Sprintf("%d) %s", i+1, printOr(v, ok)))
		}
		return strings.Join(out, "\n")
	}},
	{"HLEN", args(anyKey), modelCount("hash")},
	{"HEXISTS", args(anyKey, anyElement), modelHas("hash")},
	{"HSTRLEN", args(anyKey, anyElement), func(m *model, c *modelClient, a []string) string {
		return printInt(len(m.getOr(c, a[1], "hash").fields[a[2]]))
	}},
	{"HINCRBY", args(anyKey, anyElement, oneOf("1", "-3", "100000")), func(m *model, c *modelClient, a []string) string {
		k := m.getOr(c, a[1], "hash")
		old, ok := k.fields[a[2]]
		n, err := strconv.ParseInt(old, 10, 64)
		by := mustInt(a[3])
		switch {
		case ok && (err != nil || strconv.FormatInt(n, 10) != old):
			return "(error) ERR hash value is not an integer"
		case by > 0 && n+by < n || by < 0 && n+by > n:
			return "(error) ERR increment or decrement would overflow"
		}
		k.fields[a[2]] = strconv.FormatInt(n+by, 10)
		m.replace(c, a[1], k, true)
		return "(integer) " + k.fields[a[2]]
	}},
}

// modelKeyArgs is a key and a few of what comes with it, now and then many.
func modelKeyArgs(each ...any) func(*rand.Rand) []string {
	once := args(each...)
	return func(r *rand.Rand) []string {
		out := []string{anyKey(r)}
		n := 1 + r.IntN(3)
		if r.IntN(20) == 0 {
			n += r.IntN(150)
		}
		for range n {
			out = append(out, once(r)...)
		}
		return out
	}
}

func modelPairArgs(first, second any) func(*rand.Rand) []string { return modelKeyArgs(first, second) }

func modelHset(m *model, c *modelClient, a []string) string {
	k := m.getOr(c, a[1], "hash")
	was := len(k.fields)
	for pair := range slices.Chunk(a[2:], 2) {
		k.fields[pair[0]] = pair[1]
	}
	m.replace(c, a[1], k, true)
	return printInt(len(k.fields) - was)
}

// modelTake removes fields of a hash or members of a set.
func modelTake(typ string) func(*model, *modelClient, []string) string {
	return func(m *model, c *modelClient, a []string) string {
		k := m.getOr(c, a[1], typ)
		was := len(k.fields)
		for _, f := range a[2:] {
			delete(k.fields, f)
		}
		m.replace(c, a[1], k, len(k.fields) < was)
		return printInt(was - len(k.fields))
	}
}

func modelCount(typ string) func(*model, *modelClient, []string) string {
	return func(m *model, c *modelClient, a []string) string { return printInt(len(m.getOr(c, a[1], typ).fields)) }
}

func modelHas(typ string) func(*model, *modelClient, []string) string {
	return func(m *model, c *modelClient, a []string) string {
		_, ok := m.getOr(c, a[1], typ).fields[a[2]]
		return printBool(ok)
	}
}

var modelSetCommands = []modelCommand{
	{"SADD", modelKeyArgs(anyElement), modelSadd},
	{"SADD", modelKeyArgs(anyElement), modelSadd},
	{"SREM", modelKeyArgs(anyElement), modelTake("set")},
	{"SISMEMBER", args(anyKey, anyElement), modelHas("set")},
	{"SMISMEMBER", modelKeyArgs(anyElement), func(m *model, c *modelClient, a []string) string {
		k := m.getOr(c, a[1], "set")
		var out []string
		for i, e := range a[2:] {
			_, ok := k.fields[e]
			out = append(out, fmt.Sprintf("%d) %s", i+1, printBool(ok)))
		}
		return strings.Join(out, "\n")
	}},
	{"SCARD", args(anyKey), modelCount("set")},
	{"SMOVE", args(anyKey, anyKey, anyElement), func(m *model, c *modelClient, a []string) string {
		from := m.getOr(c, a[1], "set")
		_, ok := from.fields[a[3]]
		if a[1] == a[2] || !ok {
			return printBool(ok)
		}
		delete(from.fields, a[3])
		m.replace(c, a[1], from, true)
		to := m.getOr(c, a[2], "set")
		_, had := to.fields[a[3]]
		to.fields[a[3]] = ""
		m.replace(c, a[2], to, !had)
		return printBool(true)
	}},
	{"SINTERSTORE", args(anyKey, anyKey, anyKey), modelSetStore(func(in, other bool) bool { return in && other })},
	{"SUNIONSTORE", args(anyKey, anyKey, anyKey), modelSetStore(func(in, other bool) bool { return in || other })},
	{"SDIFFSTORE", args(anyKey, anyKey, anyKey), modelSetStore(func(in, other bool) bool { return in && !other })},
}

func modelSadd(m *model, c *modelClient, a []string) string {
	k := m.getOr(c, a[1], "set")
	was := len(k.fields)
	for _, e := range a[2:] {
		k.fields[e] = ""
	}
	m.replace(c, a[1], k, len(k.fields) > was)
	return printInt(len(k.fields) - was)
}

// modelSetStore stores those members of two sets that keep wants, by whether
// they are in the one and in the other.
func modelSetStore(keep func(in, other bool) bool) func(*model, *modelClient, []string) string {
	return func(m *model, c *modelClient, a []string) string {
		x, y := m.getOr(c, a[2], "set").fields, m.getOr(c, a[3], "set").fields
		result := modelKey{typ: "set", expires: -1, fields: map[string]string{}}
		for e := range maps.Keys(mergeKeys(x, y)) {
			_, in := x[e]
			_, other := y[e]
			if keep(in, other) {
				result.fields[e] = ""
			}
		}
		_, had := m.get(c, a[1])
		m.replace(c, a[1], result, had || len(result.fields) > 0)
		return printInt(len(result.fields))
	}
}

func mergeKeys(x, y map[string]string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, x)
	maps.Copy(all, y)
	return all
}

var modelZsetCommands = []modelCommand{
	{"ZADD", modelPairArgs(smallScore, anyElement), modelZadd},
	{"ZADD", modelPairArgs(smallScore, anyElement), modelZadd},
	{"ZINCRBY", args(anyKey, smallScore, anyElement), func(m *model, c *modelClient, a []string) string {
		k := m.getOr(c, a[1], "zset")
		k.scores[a[3]] += int(mustInt(a[2]))
		m.replace(c, a[1], k, true)
		return quote(strconv.Itoa(k.scores[a[3]]))
	}},
	{"ZREM", modelKeyArgs(anyElement), func(m *model, c *modelClient, a []string) string {
		k := m.getOr(c, a[1], "zset")
		was := len(k.scores)
		for _, e := range a[2:] {
			delete(k.scores, e)
		}
		m.replace(c, a[1], k, len(k.scores) < was)
		return printInt(was - len(k.scores))
	}},
	{"ZSCORE", args(anyKey, anyElement), func(m *model, c *modelClient, a []string) string {
		score, ok := m.getOr(c, a[1], "zset").scores[a[2]]
		return printOr(strconv.Itoa(score), ok)
	}},
	{"ZRANK", args(anyKey, anyElement), modelZrank},
	{"ZREVRANK", args(anyKey, anyElement), modelZrank},
	{"ZCARD", args(anyKey), func(m *model, c *modelClient, a []string) string {
		return printInt(len(m.getOr(c, a[1], "zset").scores))
	}},
	{"ZCOUNT", args(anyKey, smallScore, smallScore), func(m *model, c *modelClient, a []string) string {
		return printInt(len(m.getOr(c, a[1], "zset").byScore(a[2], a[3])))
	}},
	{"ZRANGE", args(anyKey, smallIndex, smallIndex), modelZrange},
	{"ZRANGE", args(anyKey, smallIndex, smallIndex, "REV"), modelZrange},
	{"ZRANGE", args(anyKey, smallScore, smallScore, "BYSCORE"), modelZrange},
	{"ZREMRANGEBYRANK", args(anyKey, smallIndex, smallIndex), func(m *model, c *modelClient, a []string) string {
		k := m.getOr(c, a[1], "zset")
		i, j := span(a[2], a[3], len(k.scores))
		return m.zremove(c, a[1], k, k.order()[i:j])
	}},
	{"ZREMRANGEBYSCORE", args(anyKey, smallScore, smallScore), func(m *model, c *modelClient, a []string) string {
		k := m.getOr(c, a[1], "zset")
		return m.zremove(c, a[1], k, k.byScore(a[2], a[3]))
	}},
	{"ZPOPMIN", args(anyKey), modelZpop},
	{"ZPOPMAX", args(anyKey), modelZpop},
	{"ZUNIONSTORE", args(anyKey, "2", anyKey, anyKey), func(m *model, c *modelClient, a []string) string {
		result := modelKey{typ: "zset", expires: -1, scores: map[string]int{}}
		for _, key := range a[3:] {
			k := m.getOr(c, key, "zset")
			for e := range k.fields {
				result.scores[e]++
			}
			for e, score := range k.scores {
				result.scores[e] += score
			}
		}
		_, had := m.get(c, a[1])
		m.replace(c, a[1], result, had || len(result.scores) > 0)
		return printInt(len(result.scores))
	}},
}

// byScore lists the members with scores of [low, high].
func (k modelKey) byScore(low, high string) []string {
	return slices.DeleteFunc(k.order(), func(e string) bool {
		return k.scores[e] < int(mustInt(low)) || k.scores[e] > int(mustInt(high))
	})
}

func (m *model) zremove(c *modelClient, key string, k modelKey, members []string) string {
	for _, e := range members {
		delete(k.scores, e)
	}
	m.replace(c, key, k, len(members) > 0)
	return printInt(len(members))
}

func modelZadd(m *model, c *modelClient, a []string) string {
	k := m.getOr(c, a[1], "zset")
	was, changed := len(k.scores), false
	for pair := range slices.Chunk(a[2:], 2) {
		old, ok := k.scores[pair[1]]
		score := int(mustInt(pair[0]))
		changed = changed || !ok || old != score
		k.scores[pair[1]] = score
	}
	m.replace(c, a[1], k, changed)
	return printInt(len(k.scores) - was)
}

func modelZrank(m *model, c *modelClient, a []string) string {
	order := m.getOr(c, a[1], "zset").order()
	if a[0] == "ZREVRANK" {
		slices.Reverse(order)
	}
	if i := slices.Index(order, a[2]); i >= 0 {
		return printInt(i)
	}
	return "(nil)"
}

func modelZrange(m *model, c *modelClient, a []string) string {
	k := m.getOr(c, a[1], "zset")
	if len(a) > 4 && a[4] == "BYSCORE" {
		return printStrings(k.byScore(a[2], a[3]))
	}
	order := k.order()
	if len(a) > 4 {
		slices.Reverse(order)
	}
	i, j := span(a[2], a[3], len(order))
	return printStrings(order[i:j])
}

func modelZpop(m *model, c *modelClient, a []string) string {
	k := m.getOr(c, a[1], "zset")
	order := k.order()
	if len(order) == 0 {
		return "(empty array)"
	}
	if a[0] == "ZPOPMAX" {
		slices.Reverse(order)
	}
	score := strconv.Itoa(k.scores[order[0]])
	delete(k.scores, order[0])
	m.replace(c, a[1], k, true)
	return printStrings([]string{order[0], score})
}

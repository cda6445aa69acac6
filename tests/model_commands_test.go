package tests

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Arguments. Few keys, so that commands meet; values that are numbers, short
// and long.

func anyKey(r *rand.Rand) string { return "key:" + strconv.Itoa(r.IntN(40)) }

func anyValue(r *rand.Rand) string {
	switch r.IntN(4) {
	case 0:
		return strconv.Itoa(r.IntN(20000) - 10000)
	case 1:
		return strconv.FormatInt(r.Int64(), 10)
	case 2:
		return strings.Repeat("v", r.IntN(40))
	}
	return strings.Repeat(string(rune('a'+r.IntN(26))), r.IntN(2000))
}

func anyIndex(r *rand.Rand) string { return strconv.Itoa(r.IntN(60) - 30) }

// anyTime is past or far away: what is between would depend on the clock.
func anyTime(r *rand.Rand) string {
	if r.IntN(4) == 0 {
		return strconv.Itoa(1 + r.IntN(1000))
	}
	return farTime(r)
}

func farTime(r *rand.Rand) string { return strconv.FormatInt(farFuture+int64(r.IntN(1000)), 10) }

// args builds an argument maker of makers and fixed words.
func args(parts ...any) func(*rand.Rand) []string {
	return func(r *rand.Rand) []string {
		var out []string
		for _, p := range parts {
			switch p := p.(type) {
			case string:
				out = append(out, p)
			case func(*rand.Rand) string:
				out = append(out, p(r))
			}
		}
		return out
	}
}

// many repeats the parts one to three times.
func many(parts ...any) func(*rand.Rand) []string {
	once := args(parts...)
	return func(r *rand.Rand) []string {
		var out []string
		for range 1 + r.IntN(3) {
			out = append(out, once(r)...)
		}
		return out
	}
}

// oneOf chooses a word.
func oneOf(words ...string) func(*rand.Rand) string {
	return func(r *rand.Rand) string { return words[r.IntN(len(words))] }
}

// Replies.

func printInt(n int) string { return fmt.Sprintf("(integer) %d", n) }

func printBool(b bool) string {
	if b {
		return "(integer) 1"
	}
	return "(integer) 0"
}

func (k modelKey) print(ok bool) string {
	if !ok {
		return "(nil)"
	}
	return quoteShort(k.value)
}

const (
	notInteger = "(error) ERR value is not an integer or out of range"
	wrongType  = "(error) WRONGTYPE Operation against a key holding the wrong kind of value"
	noSuchKey  = "(error) ERR no such key"
	sameKey    = "(error) ERR source and destination objects are the same"
)

var modelCommands = slices.Concat(modelKeyCommands, modelListCommands, modelHashCommands, modelSetCommands, modelZsetCommands, modelStreamCommands)

// modelKeyCommands are the commands on strings and on keys of any type.
var modelKeyCommands = []modelCommand{
	{"MULTI", args(), nil},
	{"WATCH", many(anyKey), nil},
	{"UNWATCH", args(), func(_ *model, c *modelClient, _ []string) string {
		c.watched = nil
		return "+OK"
	}},
	{"SELECT", args(oneOf("0", "0", "1", "2")), func(_ *model, c *modelClient, a []string) string {
		c.db = int(a[1][0] - '0')
		return "+OK"
	}},
	{"GET", args(anyKey), func(m *model, c *modelClient, a []string) string {
		k, ok := m.get(c, a[1])
		return k.print(ok)
	}},
	{"SET", setArgs, modelSet},
	{"SETNX", args(anyKey, anyValue), func(m *model, c *modelClient, a []string) string {
		if _, ok := m.get(c, a[1]); ok {
			return printBool(false)
		}
		m.put(c.db, a[1], modelKey{value: a[2], expires: -1})
		return printBool(true)
	}},
	{"GETSET", args(anyKey, anyValue), func(m *model, c *modelClient, a []string) string {
		k, ok := m.get(c, a[1])
		m.put(c.db, a[1], modelKey{value: a[2], expires: -1})
		return k.print(ok)
	}},
	{"GETDEL", args(anyKey), func(m *model, c *modelClient, a []string) string {
		k, ok := m.get(c, a[1])
		m.remove(c.db, a[1])
		return k.print(ok)
	}},
	{"GETEX", args(anyKey, "PXAT", anyTime), func(m *model, c *modelClient, a []string) string {
		k, ok := m.get(c, a[1])
		if ok {
			m.put(c.db, a[1], k.until(mustInt(a[3])))
		}
		return k.print(ok)
	}},
	{"APPEND", args(anyKey, anyValue), func(m *model, c *modelClient, a []string) string {
		k, ok := m.get(c, a[1])
		if !ok {
			k.expires = -1
		}
		k.value += a[2]
		m.put(c.db, a[1], k)
		return printInt(len(k.value))
	}},
	{"STRLEN", args(anyKey), func(m *model, c *modelClient, a []string) string {
		k, _ := m.get(c, a[1])
		return printInt(len(k.value))
	}},
	{"GETRANGE", args(anyKey, anyIndex, anyIndex), modelGetrange},
	{"SETRANGE", args(anyKey, oneOf("0", "5", "100"), anyValue), modelSetrange},
	{"INCRBY", args(anyKey, oneOf("1", "-7", "9223372036854775807")), modelIncrby},
	{"MGET", many(anyKey), func(m *model, c *modelClient, a []string) string {
		var out []string
		for i, key := range a[1:] {
			k, ok := m.get(c, key)
			out = append(out, fmt.Sprintf("%d) %s", i+1, k.print(ok && k.typ == "")))
		}
		return strings.Join(out, "\n")
	}},
	{"MSET", many(anyKey, anyValue), func(m *model, c *modelClient, a []string) string {
		for i := 1; i < len(a); i += 2 {
			m.put(c.db, a[i], modelKey{value: a[i+1], expires: -1})
		}
		return "+OK"
	}},
	{"MSETNX", many(anyKey, anyValue), func(m *model, c *modelClient, a []string) string {
		for i := 1; i < len(a); i += 2 {
			if _, ok := m.get(c, a[i]); ok {
				return printBool(false)
			}
		}
		for i := 1; i < len(a); i += 2 {
			m.put(c.db, a[i], modelKey{value: a[i+1], expires: -1})
		}
		return printBool(true)
	}},
	{"DEL", many(anyKey), modelDel},
	{"UNLINK", many(anyKey), modelDel},
	{"EXISTS", many(anyKey), modelExists},
	{"TOUCH", many(anyKey), modelExists},
	{"TYPE", args(anyKey), func(m *model, c *modelClient, a []string) string {
		k, ok := m.get(c, a[1])
		switch {
		case !ok:
			return "+none"
		case k.typ == "":
			return "+string"
		}
		return "+" + k.typ
	}},
	{"RENAME", args(anyKey, anyKey), modelRename},
	{"RENAMENX", args(anyKey, anyKey), modelRename},
	{"COPY", args(anyKey, anyKey, "DB", oneOf("0", "1", "2")), modelCopy},
	{"MOVE", args(anyKey, oneOf("0", "1", "2")), modelMove},
	{"PEXPIREAT", args(anyKey, anyTime), modelPexpireat},
	{"PEXPIREAT", args(anyKey, anyTime, oneOf("NX", "XX", "GT", "LT")), modelPexpireat},
	{"PERSIST", args(anyKey), func(m *model, c *modelClient, a []string) string {
		k, ok := m.get(c, a[1])
		if !ok || k.expires < 0 {
			return printBool(false)
		}
		m.put(c.db, a[1], k.until(-1))
		return printBool(true)
	}},
	{"PEXPIRETIME", args(anyKey), func(m *model, c *modelClient, a []string) string {
		k, ok := m.get(c, a[1])
		if !ok {
			return printInt(-2)
		}
		return printInt(int(k.expires))
	}},
	{"DBSIZE", args(), func(m *model, c *modelClient, _ []string) string {
		return printInt(len(m.dbs[c.db]))
	}},
	{"SETBIT", args(anyKey, oneOf("0", "7", "100"), oneOf("0", "1")), modelSetbit},
}

// until is the key with another expiry.
func (k modelKey) until(ms int64) modelKey {
	k.expires = ms
	return k
}

// mustInt is for numbers that the test itself made.
func mustInt(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// setArgs leaves out times in the past: SET lets such a key be counted until
// the server gets round to removing it.
func setArgs(r *rand.Rand) []string {
	a := []string{anyKey(r), anyValue(r)}
	switch r.IntN(4) {
	case 0:
		a = append(a, "NX")
	case 1:
		a = append(a, "XX")
	}
	if r.IntN(3) == 0 {
		a = append(a, "GET")
	}
	switch r.IntN(4) {
	case 0:
		a = append(a, "PXAT", farTime(r))
	case 1:
		a = append(a, "KEEPTTL")
	}
	return a
}

func modelSet(m *model, c *modelClient, a []string) string {
	old, ok := m.get(c, a[1])
	k := modelKey{value: a[2], expires: -1}
	blocked, answer := false, "+OK"
	for i := 3; i < len(a); i++ {
		switch a[i] {
		case "NX":
			blocked = ok
		case "XX":
			blocked = !ok
		case "GET":
			answer = old.print(ok)
		case "KEEPTTL":
			if ok {
				k.expires = old.expires
			}
		case "PXAT":
			i++
			k.expires = mustInt(a[i])
		}
	}
	if blocked {
		if answer == "+OK" {
			return "(nil)"
		}
		return answer
	}
	m.put(c.db, a[1], k)
	return answer
}

func modelGetrange(m *model, c *modelClient, a []string) string {
	k, _ := m.get(c, a[1])
	from, to, n := mustInt(a[2]), mustInt(a[3]), int64(len(k.value))
	if from < 0 && to < 0 && from > to {
		return `""`
	}
	if from < 0 {
		from = max(0, from+n)
	}
	if to < 0 {
		to = max(0, to+n)
	}
	to = min(to, n-1)
	if n == 0 || from > to {
		return `""`
	}
	return quoteShort(k.value[from : to+1])
}

func modelSetrange(m *model, c *modelClient, a []string) string {
	k, ok := m.get(c, a[1])
	if !ok {
		k.expires = -1
	}
	if a[3] == "" {
		return printInt(len(k.value))
	}
	b := []byte(k.value)
	offset := int(mustInt(a[2]))
	for len(b) < offset+len(a[3]) {
		b = append(b, 0)
	}
	copy(b[offset:], a[3])
	k.value = string(b)
	m.put(c.db, a[1], k)
	return printInt(len(k.value))
}

func modelSetbit(m *model, c *modelClient, a []string) string {
	k, ok := m.get(c, a[1])
	if !ok {
		k.expires = -1
	}
	b := []byte(k.value)
	offset := int(mustInt(a[2]))
	for len(b) <= offset/8 {
		b = append(b, 0)
	}
	mask := byte(1) << (7 - offset%8)
	old := b[offset/8]&mask != 0
	b[offset/8] &^= mask
	if a[3] == "1" {
		b[offset/8] |= mask
	}
	changed := old != (a[3] == "1") || len(b) != len(k.value)
	k.value = string(b)
	if changed {
		m.put(c.db, a[1], k)
	}
	return printBool(old)
}

func modelIncrby(m *model, c *modelClient, a []string) string {
	k, ok := m.get(c, a[1])
	if !ok {
		k = modelKey{value: "0", expires: -1}
	}
	n, err := strconv.ParseInt(k.value, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != k.value {
		return notInteger
	}
	by := mustInt(a[2])
	if by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by {
		return "(error) ERR increment or decrement would overflow"
	}
	k.value = strconv.FormatInt(n+by, 10)
	m.put(c.db, a[1], k)
	return "(integer) " + k.value
}

func modelDel(m *model, c *modelClient, a []string) string {
	n := 0
	for _, key := range a[1:] {
		if m.remove(c.db, key) {
			n++
		}
	}
	return printInt(n)
}

func modelExists(m *model, c *modelClient, a []string) string {
	n := 0
	for _, key := range a[1:] {
		if _, ok := m.get(c, key); ok {
			n++
		}
	}
	return printInt(n)
}

// modelRename serves RENAME and RENAMENX.
func modelRename(m *model, c *modelClient, a []string) string {
	k, ok := m.get(c, a[1])
	if !ok {
		return noSuchKey
	}
	_, taken := m.get(c, a[2])
	if a[0] == "RENAMENX" && taken {
		return printBool(false)
	}
	if a[1] != a[2] {
		m.remove(c.db, a[1])
		m.put(c.db, a[2], k)
	}
	if a[0] == "RENAME" {
		return "+OK"
	}
	return printBool(true)
}

func modelCopy(m *model, c *modelClient, a []string) string {
	db := int(mustInt(a[4]))
	if db == c.db && a[1] == a[2] {
		return sameKey
	}
	k, ok := m.get(c, a[1])
	_, taken := m.dbs[db][a[2]]
	if !ok || taken {
		return printBool(false)
	}
	m.put(db, a[2], k)
	return printBool(true)
}

func modelMove(m *model, c *modelClient, a []string) string {
	db := int(mustInt(a[2]))
	if db == c.db {
		return sameKey
	}
	k, ok := m.get(c, a[1])
	_, taken := m.dbs[db][a[1]]
	if !ok || taken {
		return printBool(false)
	}
	m.remove(c.db, a[1])
	m.put(db, a[1], k)
	return printBool(true)
}

// modelPexpireat takes a key without a time as one that expires at infinity.
func modelPexpireat(m *model, c *modelClient, a []string) string {
	k, ok := m.get(c, a[1])
	if !ok {
		return printBool(false)
	}
	at := mustInt(a[2])
	if len(a) > 3 {
		has := k.expires >= 0
		switch {
		case a[3] == "NX" && has, a[3] == "XX" && !has,
			a[3] == "GT" && (!has || at <= k.expires),
			a[3] == "LT" && has && at >= k.expires:
			return printBool(false)
		}
	}
	m.put(c.db, a[1], k.until(at))
	return printBool(true)
}

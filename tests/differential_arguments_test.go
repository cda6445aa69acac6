package tests

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// This file makes the arguments of the differential test: the placeholders
// of the grammars, what spoils a command, and the limits of encodings.

// oddWords are arguments that few commands want.
var oddWords = []string{
	"", " 1", "1 ", "+1", "01", "-0", "0", "-1", "1e5", "0x10", "0.1", "1.", ".5", "nan", "inf", "-inf", "+inf", "infinity",
	"9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551615", "18446744073709551616",
	"4294967296", "2147483648", "1.7976931348623157e308", "1e400", "4.9e-324", "12345678901234567890.5", "abc", "\x00", "a\r\nb", "1\x00",
	"\xff\xfe", "-", "+", "(", "[", "(1", "[a", "0-0", "*", "$", ">", "#", "1-", "-1-1", "1-1-1", "%s%n", "{a}",
	"NX", "XX", "GT", "LT", "CH", "INCR", "GET", "LIMIT", "COUNT", "WITHSCORES", "BY", "STORE", "MATCH", "ANY", "STREAMS", "ASC", "REV",
	strings.Repeat("long", 30),
}

var placeholders = map[string]node{
	"key":      func(m *maker) []string { return []string{m.key()} },
	"any":      func(m *maker) []string { return []string{m.anyKey()} },
	"keys":     func(m *maker) []string { return m.counted((*maker).key) },
	"zkey":     func(m *maker) []string { return []string{m.zsetKey()} },
	"lexkey":   one(func(m *maker) string { return "lex:" + strconv.Itoa(m.IntN(3)) }),
	"zkeys":    func(m *maker) []string { return m.counted((*maker).zsetKey) },
	"val":      one((*maker).value),
	"member":   one((*maker).member),
	"int":      one((*maker).integer),
	"float":    one((*maker).float),
	"score":    one((*maker).score),
	"idx":      between(-8, 8),
	"count":    one((*maker).count),
	"off":      between(0, 300),
	"bit":      choice("0", "0", "1", "1", "1", "2"),
	"bits":     rarely(choice("u64", "i65", "u0", "x3"), choice("u8", "i8", "u1", "i5", "u16", "i32", "u63", "i64")),
	"bitoff":   rarely(choice("#-1", "-1", "#"), choice("0", "1", "7", "8", "63", "100", "#0", "#1", "#5")),
	"sec":      one(func(m *maker) string { return m.delay(1) }),
	"ms":       one(func(m *maker) string { return m.delay(1000) }),
	"at":       one(func(m *maker) string { return m.moment(1000) }),
	"atms":     one(func(m *maker) string { return m.moment(1) }),
	"zmin":     one(func(m *maker) string { return m.scoreBound("-inf") }),
	"zmax":     one(func(m *maker) string { return m.scoreBound("+inf") }),
	"lexmin":   one(func(m *maker) string { return m.lexBound("-") }),
	"lexmax":   one(func(m *maker) string { return m.lexBound("+") }),
	"id":       one((*maker).id),
	"newid":    one((*maker).newID),
	"idmin":    one(func(m *maker) string { return m.idBound("-") }),
	"idmax":    one(func(m *maker) string { return m.idBound("+") }),
	"trim":     one(func(m *maker) string { return pickOf(m, m.count(), m.id()) }),
	"group":    rarely(choice("g2", "g3"), choice("g1")),
	"consumer": choice("c1", "c1", "c2", "c3"),
	"idle":     choice("0", "0", "0", "1000000000", "-1"),
	"claimms":  choice("0", "1000", "33177117420000", "-1"),
	"blockms":  rarely(choice("-1", "abc"), choice("1")),
	"timeout":  rarely(choice("-1", "abc", "nan"), choice("0.001")),
	"cursor":   choice("0", "0", "0", "0", "7", "abc", "-1", ""),
	"pattern":  choice("*", "*", "*1", "s*", "[a-m]*", "?", "l?st*", "\\*", "[^a]*", "nothing", ""),
	"type":     choice("string", "list", "hash", "set", "zset", "stream", "nosuch"),
	"db":       rarely(choice("3", "-1", "a"), choice("0", "0", "1", "2")),
	"sortby":   choice("string:*", "string:*", "hash:*->a", "hash:1->*", "nosort", "*", "#", "", "string:1*->", "string:*1"),
	"lon":      rarely(choice("-180", "180", "181"), choice("13.361389", "15.087269", "13.3", "0", "179.9", "2.5", "-122.4", "-0.0001")),
	"lat":      rarely(choice("85.05112878", "-85.05112878", "86"), choice("38.115556", "37.502669", "38", "0", "52.1", "-33.9", "0.0001")),
	"radius":   rarely(choice("-1", "1e5", "0"), choice("1", "100", "200.5", "5000", "20000", "0.001")),
	"user":     choice("default", "default", "nobody"),
	"command":  (*maker).dataCommand,
	"limit":    (*maker).limit,

	"acluser":     choice("u1", "u1", "u1", "u2", "u2", "u3", "u4", "u5"),
	"aclgone":     rarely(choice("default", "nosuch", ""), choice("u4", "u5")),
	"defaultuser": choice("default"),
	"aclrule":     one((*maker).aclRule),
	"aclkeys":     one((*maker).aclKeys),
	"aclcommands": one((*maker).aclCommand),
	"aclselector": one((*maker).aclSelector),
	"aclname":     one((*maker).aclName),
	"aclcategory": one((*maker).aclCategory),
	"aclpassword": one((*maker).aclPassword),
	"unit":        rarely(choice("miles", ""), choice("m", "km", "km", "KM", "ft", "mi")),
}

func one(f func(m *maker) string) node { return func(m *maker) []string { return []string{f(m)} } }

func choice(words ...string) node { return one(func(m *maker) string { return pickOf(m, words...) }) }

// rarely makes an argument of the first kind now and then.
func rarely(odd, usual node) node {
	return func(m *maker) []string {
		if m.IntN(10) == 0 {
			return odd(m)
		}
		return usual(m)
	}
}

func pickOf(m *maker, words ...string) string { return words[m.IntN(len(words))] }

func between(low, high int) node {
	return one(func(m *maker) string { return strconv.Itoa(low + m.IntN(high-low+1)) })
}

// key is mostly one of the family.
func (m *maker) key() string {
	if m.IntN(16) == 0 {
		return m.anyKey()
	}
	return m.family + ":" + strconv.Itoa(m.IntN(keysOf(m.family)))
}

// keysOf is how many keys a family has. Streams with groups are few: it takes
// many commands until there is something to claim.
func keysOf(family string) int {
	if family == "group" {
		return 2
	}
	return 4
}

func (m *maker) anyKey() string {
	if m.IntN(64) == 0 {
		return pickOf(m, "", "a\r\nb", "\x00\xff")
	}
	family := pickOf(m, m.g.families...)
	return family + ":" + strconv.Itoa(m.IntN(keysOf(family)))
}

// zsetKey is one of a sorted set, or of a set.
func (m *maker) zsetKey() string {
	if m.IntN(4) == 0 {
		return "set:" + strconv.Itoa(m.IntN(4))
	}
	return m.key()
}

// counted makes keys with their number before them, which is seldom wrong.
func (m *maker) counted(key func(m *maker) string) []string {
	n := 1 + m.IntN(3)
	said := n
	if m.IntN(16) == 0 {
		said = m.IntN(6) - 1
	}
	out := []string{strconv.Itoa(said)}
	for range n {
		out = append(out, key(m))
	}
	return out
}

func (m *maker) value() string {
	switch m.IntN(8) {
	case 0:
		return m.integer()
	case 1:
		return m.float()
	case 2:
		return pickOf(m, oddWords...)
	case 3:
		longest := 150
		if m.IntN(20) == 0 {
			longest = 9000
		}
		return strings.Repeat(string(rune('a'+m.IntN(26))), m.IntN(longest))
	}
	return m.member()
}

// member is one of few, so that members meet, or of more, so that collections grow.
func (m *maker) member() string {
	switch m.IntN(12) {
	case 0:
		return "member:" + strconv.Itoa(m.IntN(100))
	case 1:
		return m.integer()
	case 2:
		return pickOf(m, "", "\x00\xff", "a\x00b", "a\x00c", "a\r\nb", strings.Repeat("m", 64), strings.Repeat("m", 65), "-0", "1.0", "01")
	case 3, 4, 5:
		return strconv.Itoa(m.IntN(40))
	}
	return string(rune('a' + m.IntN(12)))
}

func (m *maker) integer() string {
	switch m.IntN(6) {
	case 0:
		bits := 1 << m.IntN(7)
		return strconv.FormatInt(int64(m.Uint64())>>(64-bits), 10)
	case 1:
		return strconv.FormatInt([]int64{math.MaxInt64, math.MinInt64, math.MaxInt32, math.MinInt16, 255, -129}[m.IntN(6)], 10)
	}
	return strconv.Itoa(m.IntN(60) - 20)
}

func (m *maker) float() string {
	switch m.IntN(4) {
	case 0:
		return pickOf(m, "0.1", "-0.1", "1e3", "3.0e-5", "1e17", "-1.5e300", "5e-324", "inf", "-0", "0.30000000000000004", "123456789.123456789")
	case 1:
		return strconv.FormatFloat(m.NormFloat64()*100, 'g', 1+m.IntN(17), 64)
	}
	return strconv.FormatFloat(float64(m.IntN(200)-100)/4, 'f', -1, 64)
}

// score is mostly one that others have as well; sums of these are exact.
func (m *maker) score() string {
	switch m.IntN(10) {
	case 0:
		return m.float()
	case 1:
		return pickOf(m, "inf", "-inf", "+inf", "Infinity", "1e308", "-1e308", "nan")
	}
	return strconv.FormatFloat(float64(m.IntN(20)-6)/2, 'f', -1, 64)
}

func (m *maker) count() string {
	if m.IntN(8) == 0 {
		return pickOf(m, "-1", "-3", "0", "1000", "abc")
	}
	return strconv.Itoa(m.IntN(12))
}

// delay is a time to live in units of 1/perSecond of a second, so long that
// nothing expires and so different from others that nearly none are alike.
func (m *maker) delay(perSecond int) string {
	if m.IntN(16) == 0 {
		return pickOf(m, "0", "-1", "9223372036854775807", "-9223372036854775808", "9223372036854775")
	}
	return strconv.Itoa((100_000 + m.IntN(100_000_000)) * perSecond)
}

// moment is in the past or far away, in units of so many milliseconds.
func (m *maker) moment(units int64) string {
	switch m.IntN(8) {
	case 0:
		return strconv.Itoa(m.IntN(1000))
	case 1:
		return pickOf(m, "0", "-1", "9223372036854775807", "9223372036854775")
	}
	return strconv.FormatInt(farFuture/units+int64(m.IntN(20)), 10)
}

func (m *maker) scoreBound(end string) string {
	switch m.IntN(5) {
	case 0:
		return end
	case 1:
		return "(" + m.score()
	}
	return m.score()
}

func (m *maker) lexBound(end string) string {
	switch m.IntN(5) {
	case 0:
		return end
	case 1:
		return pickOf(m, "-", "+", "a", "")
	case 2:
		return "(" + m.member()
	}
	return "[" + m.member()
}

func (m *maker) id() string {
	id := strconv.Itoa(m.IntN(m.ids + 2))
	switch m.IntN(8) {
	case 0:
		return id
	case 1:
		return pickOf(m, "0", "0-0", "0-1", "18446744073709551615-18446744073709551615", "18446744073709551615", id+"-*", "5-")
	}
	return id + "-" + strconv.Itoa(m.IntN(3))
}

// newID is mostly beyond all others. It never takes the time for one.
func (m *maker) newID() string {
	switch m.IntN(6) {
	case 0:
		return m.id()
	case 1:
		return strconv.Itoa(m.ids) + "-*"
	}
	m.ids += 1 + m.IntN(2)
	return strconv.Itoa(m.ids) + "-" + strconv.Itoa(m.IntN(4))
}

func (m *maker) idBound(end string) string {
	switch m.IntN(4) {
	case 0, 1:
		return end
	case 2:
		return "(" + m.id()
	}
	return m.id()
}

// spoil makes a command wrong, or right in another way.
func (m *maker) spoil(args []string) []string {
	args = slices.Clone(args)
	for range 1 + m.IntN(2) {
		i, j := m.IntN(len(args)), m.IntN(len(args))
		switch m.IntN(8) {
		case 0:
			if len(args) > 1 {
				args = slices.Delete(args, i, i+1)
			}
		case 1:
			args = slices.Insert(args, i, args[j])
		case 2:
			if i > 0 && j > 0 {
				args[i], args[j] = args[j], args[i]
			}
		case 3:
			args = args[:1+i]
		case 4:
			args = append(args, pickOf(m, oddWords...))
		case 5:
			args = append(args, args[len(args)-1-m.IntN(len(args)):]...)
		default:
			if i > 0 {
				args[i] = pickOf(m, oddWords...)
			}
		}
	}
	return args
}

// diffLimits are the settings that decide about encodings, with their defaults.
var diffDefaults = []string{
	"hash-max-listpack-entries", "512", "hash-max-listpack-value", "64", "zset-max-listpack-entries", "128",
	"zset-max-listpack-value", "64", "set-max-intset-entries", "512", "list-max-listpack-size", "-2", "list-compress-depth", "0",
	"stream-node-max-entries", "100", "stream-node-max-bytes", "4096", "hll-sparse-max-bytes", "3000",
	"notify-keyspace-events", "KEA", "maxmemory-policy", "noeviction",
}

// limit sets one of these settings.
func (m *maker) limit() []string {
	i := m.IntN((len(diffDefaults) - 4) / 2)
	value := strconv.Itoa(m.IntN(20))
	if m.IntN(4) == 0 {
		value = diffDefaults[2*i+1]
	}
	return []string{diffDefaults[2*i], value}
}

// settings begin a round: low limits, so that values change their encoding
// all the time, or those that a server has.
func (m *maker) settings() []unit {
	set := func(args ...string) unit {
		return unit{commands: [][]string{append([]string{"CONFIG", "SET"}, args...)}}
	}
	units := []unit{set("notify-keyspace-events", pickOf(m, "KEA", "KEA", "KEAmn"))}
	for range m.IntN(3) * 4 {
		units = append(units, set(m.limit()...))
	}
	return units
}

// blockingTimeout says where a command has its timeout; a negative place counts from the end.
var blockingTimeout = map[string]int{
	"BLPOP": -1, "BRPOP": -1, "BLMOVE": -1, "BRPOPLPUSH": -1, "BZPOPMIN": -1, "BZPOPMAX": -1, "BLMPOP": 1, "BZMPOP": 1,
}

// untestable reports whether a command would wait, let a key expire while the
// test runs, take much memory, or answer with what no two servers agree about.
func untestable(args []string) bool {
	name := strings.ToUpper(args[0])
	if at, ok := blockingTimeout[name]; ok {
		if at < 0 {
			at = len(args) - 1
		}
		return at > 0 && at < len(args) && !slices.Contains([]string{"0.001", "-1", "abc", "nan", ""}, args[at])
	}
	if mixesScores(name, args) {
		return true
	}
	switch name {
	case "SET", "GETEX":
		return soon(option(args, "EX")) || soon(option(args, "PX")) ||
			isBetween(option(args, "EXAT"), 1, farFuture/1000-1) || isBetween(option(args, "PXAT"), 1, farFuture-1)
	case "EXPIRE", "PEXPIRE", "SETEX", "PSETEX", "RESTORE":
		return len(args) > 2 && soon(args[2])
	case "SETBIT", "SETRANGE", "BITFIELD":
		return slices.ContainsFunc(args[1:], func(a string) bool { return isBetween(strings.TrimPrefix(a, "#"), 100_000, 1<<32-1) })
	case "XREAD", "XREADGROUP":
		return !slices.Contains([]string{"", "1", "-1", "abc"}, option(args, "BLOCK"))
	case "XADD":
		return slices.Contains(args, "*") // takes the time for an ID
	case "CONFIG":
		return len(args) < 3 || !slices.Contains(diffDefaults, args[2]) || args[2] == "notify-keyspace-events" || args[2] == "maxmemory-policy"
	case "SORT":
		// Equal weights would store the elements in the order of a table.
		return option(args, "STORE") != "" && option(args, "BY") != "" && slices.ContainsFunc(args, func(a string) bool { return strings.EqualFold(a, "ALPHA") })
	case "CLIENT": // nothing that ends or mutes one
		return len(args) < 2 || !slices.Contains([]string{"SETNAME", "GETNAME", "NO-EVICT"}, strings.ToUpper(args[1]))
	case "COMMAND": // only what it finds in another command
		return len(args) < 3 || !strings.HasPrefix(strings.ToUpper(args[1]), "GETKEYS")
	case "ACL":
		return meddlesWithUsers(args)
	case "MULTI", "SYNC": // an option of FLUSHDB that came first asks for replication
		return true
	}
	return false
}

// mixesScores reports whether a command would ask for members between two
// names where scores differ: the answer then depends on the levels that a
// skip list has drawn. So these commands have sorted sets of their own.
func mixesScores(name string, args []string) bool {
	isLex := func(i int) bool { return i < len(args) && strings.HasPrefix(args[i], "lex:") }
	switch {
	case strings.Contains(name, "LEX"), name == "ZRANGE" && isLex(1):
		return !isLex(1)
	case name == "ZRANGE":
		return slices.ContainsFunc(args, func(a string) bool { return strings.EqualFold(a, "BYLEX") })
	case name == "ZRANGESTORE":
		return isLex(1) || !isLex(2) && slices.ContainsFunc(args, func(a string) bool { return strings.EqualFold(a, "BYLEX") })
	case name == "ZADD" && isLex(1):
		for i := 2; i < len(args); i += 2 {
			if args[i] != "0" {
				return true
			}
		}
		return slices.ContainsFunc(args[2:], func(a string) bool { return strings.HasPrefix(a, "lex:") })
	case name == "DEL" || name == "ZREM":
		return false
	}
	return slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(strings.ToLower(a), "lex:") })
}

// option is the argument behind a word, the last such, or nothing.
func option(args []string, word string) (value string) {
	for i := 1; i+1 < len(args); i++ {
		if strings.EqualFold(args[i], word) {
			value = args[i+1]
		}
	}
	return value
}

func isBetween(arg string, low, high int64) bool {
	n, err := strconv.ParseInt(arg, 10, 64)
	return err == nil && low <= n && n <= high
}

// soon is a time to live that may end within the test.
func soon(arg string) bool { return isBetween(arg, 1, 50_000) }

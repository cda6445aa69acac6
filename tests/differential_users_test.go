package tests

import (
	"slices"
	"strconv"
	"strings"
)

// This file makes what TestDifferentialUsers asks: users, rules, and passwords.

// diffUsers are the users there may be beside the default one. Clients become one of the
// first three; to delete these would cut connections.
var diffUsers = []string{"u1", "u2", "u3", "u4", "u5"}

const diffUsersMet = 3

// aclNames are names that rules and DRYRUN know: commands of all kinds, containers and
// their subcommands, some that only rules know.
var aclNames = strings.Fields(`get set del mget mset incr copy rename sort sort_ro bitfield lpush lmove blpop hset hget
	sadd sunionstore zadd zunionstore zrange zinter xadd xread xreadgroup geosearch georadius pfmerge pfcount exists type object
	object|encoding object|freq memory|usage expire ttl scan keys dbsize flushall ping echo select auth hello reset quit
	multi exec discard watch publish subscribe psubscribe spublish pubsub|channels config config|get config|set config|rewrite
	client client|id client|kill client|list acl acl|setuser acl|whoami acl|list command command|docs command|getkeys
	debug info latency latency|doctor slowlog slowlog|get monitor sync psync replicaof replconf shutdown migrate restore dump
	eval eval_ro script script|load function function|load fcall module module|load xgroup xgroup|create xinfo xinfo|stream
	cluster cluster|info wait failover role time lolwut`)

var aclCategories = strings.Fields(`keyspace read write set sortedset list hash string bitmap hyperloglog geo stream pubsub admin
	fast slow blocking dangerous connection transaction scripting all`)

// aclPatterns fit some of the keys of the grammars.
var aclPatterns = strings.Fields(`* string:* string:1 str*[12] *:2 hash:* list:? set:* zset:[0-2] stream:* group:* any ? [^s]* \\* lex:*
	geo:* bitmap:* hll:* user:* *: ~ ( ) "quoted" 'q '`)

func (m *maker) aclCommand() string {
	sign := pickOf(m, "+", "+", "-")
	switch m.IntN(12) {
	case 0:
		return sign + pickOf(m, "nosuch", "@nosuch", "config|nosuch", "nosuch|x", "", "@", "|", "get|", "client|id|x", "acl|")
	case 1:
		return sign + pickOf(m, "select|0", "select|1", "debug|sleep", "get|key", "Select|0")
	case 2, 3, 4, 5:
		return sign + "@" + m.aclCategory()
	}
	return sign + m.aclName()
}

func (m *maker) aclName() string { return m.anyCase(pickOf(m, aclNames...)) }

func (m *maker) aclCategory() string { return m.anyCase(pickOf(m, aclCategories...)) }

// anyCase writes a word in capitals now and then.
func (m *maker) anyCase(word string) string {
	if m.IntN(8) == 0 {
		return strings.ToUpper(word)
	}
	return word
}

func (m *maker) aclKeys() string {
	return pickOf(m, "~", "~", "~", "%R~", "%W~", "%RW~", "%WR~", "%r~", "%w~") + pickOf(m, aclPatterns...)
}

// aclPassword is one of few, or what no password is.
func (m *maker) aclPassword() string { return pickOf(m, "a", "b", "", "a", "b", "c") }

// aclHash is the hash of such a password, seldom spoilt.
func (m *maker) aclHash() string {
	const a = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
	const b = "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"
	return pickOf(m, a, b, a, b, a[1:], strings.ToUpper(b), a+"0", "", "x"+b[1:])
}

// aclRule is a rule of any kind.
func (m *maker) aclRule() string {
	switch m.IntN(16) {
	case 0:
		return pickOf(m, ">", "<") + m.aclPassword()
	case 1:
		return pickOf(m, "#", "!") + m.aclHash()
	case 2, 3, 4:
		return m.aclKeys()
	case 5:
		return "&" + pickOf(m, aclPatterns...)
	case 6, 7:
		return m.anyCase(pickOf(m, "on", "off", "nopass", "resetpass", "reset", "sanitize-payload", "skip-sanitize-payload", "clearselectors"))
	case 8, 9:
		return m.anyCase(pickOf(m, "allkeys", "resetkeys", "allchannels", "resetchannels", "allcommands", "nocommands"))
	case 10:
		return m.aclSelector()
	case 11:
		return pickOf(m, oddWords...)
	}
	return m.aclCommand()
}

// aclSelector is a selector in one word, or a part of one.
func (m *maker) aclSelector() string {
	var rules []string
	for range m.IntN(4) {
		rules = append(rules, pickOf(m, m.aclCommand(), m.aclKeys(), "&"+pickOf(m, aclPatterns...), m.aclCommand(), m.aclKeys()))
	}
	if m.IntN(16) == 0 {
		rules = append(rules, m.aclRule())
	}
	text := strings.Join(rules, " ")
	switch m.IntN(16) {
	case 0:
		return "(" + text
	case 1:
		return text + ")"
	}
	return "(" + text + ")"
}

// userSettings begin a round of TestDifferentialUsers.
func (m *maker) userSettings() []unit {
	return []unit{{commands: [][]string{{
		"CONFIG", "SET", "acl-pubsub-default", pickOf(m, "resetchannels", "allchannels"),
		"acllog-max-len", strconv.Itoa(m.IntN(30)),
	}}}}
}

// meddlesWithUsers reports whether a command would change the user of those who compare,
// or delete one that a client may be.
func meddlesWithUsers(args []string) bool {
	if len(args) < 3 {
		return false
	}
	switch strings.ToUpper(args[1]) {
	case "SETUSER":
		return args[2] == "default"
	case "DELUSER":
		return slices.ContainsFunc(args[2:], func(name string) bool { return slices.Contains(diffUsers[:diffUsersMet], name) })
	}
	return false
}

// unfitForUsers reports whether a command needs a batch of its own, is none that a
// grammar makes, or is one that redis-server takes and we do not: a rule on a first
// argument with blanks in it, which no file can hold, or a PFMERGE of no sources, in
// which it finds no key that somebody might lack.
func (m *maker) unfitForUsers(args []string) bool {
	blanks := func(arg string) bool { return strings.HasPrefix(arg, "+") && strings.ContainsAny(arg, " \r\n\x00") }
	if slices.ContainsFunc(args, blanks) {
		return true
	}
	return maskOf(args).alone || !m.g.names[strings.ToUpper(args[0])] ||
		len(args) > 1 && strings.EqualFold(args[len(args)-2], "PFMERGE")
}

// hideACL hides what two servers do not agree about: the order of commands, when
// something was refused, and of whom.
func hideACL(args []string, a, b reply) (reply, reply) {
	if len(args) < 2 {
		return a, b
	}
	switch strings.ToUpper(args[1]) {
	case "LOG":
		hidden := []string{"age-seconds", "client-info"}
		return a.maskAfter(hidden), b.maskAfter(hidden)
	case "CAT":
		if len(args) > 2 {
			return a.withoutLater().sorted(), b.sorted()
		}
	case "GENPASS":
		return a.masked(), b.masked()
	case "LIST", "GETUSER":
		return a.sortedRules(), b.sortedRules()
	}
	return a, b
}

// laterCommands are those that redis-server has got since.
var laterCommands = strings.Fields(`hexpire hexpireat hexpiretime hpersist hpexpire hpexpireat hpexpiretime hpttl httl
	waitaof client|no-touch client|setinfo cluster|myshardid`)

// withoutLater is a list of commands without those.
func (v reply) withoutLater() reply {
	v.elems = slices.DeleteFunc(slices.Clone(v.elems), func(e reply) bool { return slices.Contains(laterCommands, e.text) })
	return v
}

// unquoted takes away what quotes a rule in parentheses, which redis-server forgets.
var unquoted = strings.NewReplacer(`"`, "", `\`, "")

// sortedRules puts the rules on single commands that follow one another in order, in
// every text of the reply, but for those on later commands.
func (v reply) sortedRules() reply {
	var sorted []string
	for words := strings.Split(unquoted.Replace(v.text), " "); len(words) > 0; {
		from, closed := len(sorted), 0
		for ; len(words) > 0 && isCommandRule(words[0]); words = words[1:] {
			rule := strings.TrimRight(words[0], ")") // it may be the last of a selector
			closed += len(words[0]) - len(rule)
			if !slices.Contains(laterCommands, rule[1:]) {
				sorted = append(sorted, rule)
			}
		}
		slices.Sort(sorted[from:])
		if closed > 0 && len(sorted) > 0 {
			sorted[len(sorted)-1] += strings.Repeat(")", closed)
		}
		if len(words) > 0 {
			sorted, words = append(sorted, words[0]), words[1:]
		}
	}
	v.text = strings.Join(sorted, " ")
	v.elems = slices.Clone(v.elems)
	for i := range v.elems {
		v.elems[i] = v.elems[i].sortedRules()
	}
	return v
}

func isCommandRule(word string) bool {
	return len(word) > 1 && (word[0] == '+' || word[0] == '-') && word[1] != '@'
}

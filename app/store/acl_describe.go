package store

import (
	"slices"
	"strings"

	"github.com/codecrafters-io/redis-starter-go/app/config"
)

// Users as text: the rules that make a user what it is. They are not the rules it
// was made by, but the shortest that are found for what came of them: categories
// first, as long as they fit better than not, then single commands. What is written
// can be read again, by ACL SETUSER, by a configuration file and by an ACL file.

// describe is the user as ACL LIST and the configuration file write it.
func (u *user) describe(t *aclTable) string {
	if u.text == "" {
		words := append([]string{"user", u.name}, u.flags()...)
		for _, p := range u.passwords {
			words = append(words, "#"+p.String())
		}
		words = append(words, u.selectors[0].words(t)...)
		for _, s := range u.selectors[1:] {
			rules := s.words(t)
			for i, rule := range rules {
				rules[i] = quoteRule(rule)
			}
			words = append(words, "("+strings.Join(rules, " ")+")")
		}
		u.text = strings.Join(words, " ")
	}
	return u.text
}

// quoteRule puts a rule into quotes that would not be read as it is within
// parentheses. Redis writes it as it is, and reads something else, or nothing.
func quoteRule(rule string) string {
	if strings.ContainsAny(rule, `"'`) || strings.HasSuffix(rule, ")") {
		return config.Quote(rule)
	}
	return rule
}

// words are the rules of a selector.
func (s *selector) words(t *aclTable) []string {
	words := s.keyRules()
	if s.allChannels {
		words = append(words, "&*")
	} else {
		words = append(append(words, "resetchannels"), s.channelRules()...)
	}
	return append(words, s.commandRules(t)...)
}

// keyRules are the rules on keys.
func (s *selector) keyRules() []string {
	if s.allKeys {
		return []string{"~*"}
	}
	var rules []string
	for _, p := range s.keys {
		sign := "~"
		switch p.access {
		case canRead:
			sign = "%R~"
		case canWrite:
			sign = "%W~"
		}
		rules = append(rules, sign+p.pattern)
	}
	return rules
}

// channelRules are the rules on channels.
func (s *selector) channelRules() []string {
	if s.allChannels {
		return []string{"&*"}
	}
	var rules []string
	for _, pattern := range s.channels {
		rules = append(rules, "&"+pattern)
	}
	return rules
}

// commandRules are the rules on commands. They begin with +@all when commands
// that are yet to come are permitted, and take away from there; else they begin
// with -@all and add. made is what the rules so far have made of it.
func (s *selector) commandRules(t *aclTable) []string {
	adds := !s.commands.has(futureCommands)
	rules, made := []string{"+@all"}, everyCommand()
	sign := "-"
	if adds {
		rules, made = []string{"-@all"}, commandSet{}
		sign = "+"
	}
	left := s.commands // what no category has been found for yet
	var applied []int
	for {
		best := s.bestCategory(t, &left, applied, adds)
		if best < 0 {
			break
		}
		made.putAll(&t.categories[best].reached, adds)
		left.putAll(&t.categories[best].reached, !adds)
		applied = append(applied, best)
		rules = append(rules, sign+"@"+aclCategoryNames[best])
	}
	for _, cmd := range t.containers {
		rules = s.correct(rules, cmd, &made, t.subs[cmd])
		for _, sub := range t.subs[cmd] {
			rules = s.correct(rules, sub, &made, nil)
		}
		if s.commands.has(cmd.id) {
			continue // with any first argument
		}
		for _, first := range s.firstArgs[cmd.id] {
			rules = append(rules, "+"+cmd.full+"|"+first)
		}
	}
	return rules
}

// bestCategory is the category that fits best of those not applied: it has more
// commands that are to be written than others, of these others as few as can be,
// and of the former as many. It is -1 when none fits.
func (s *selector) bestCategory(t *aclTable, left *commandSet, applied []int, adds bool) int {
	best, fewest, most := -1, 0, 0
	for i := range t.categories {
		if slices.Contains(applied, i) {
			continue
		}
		weighed := &t.categories[i].weighed
		same := weighed.common(left)
		diff := weighed.common(weighed) - same
		if !adds {
			same, diff = diff, same
		}
		if same > diff && (best < 0 || diff < fewest || diff == fewest && same > most) {
			best, fewest, most = i, diff, same
		}
	}
	return best
}

// correct adds the rule on one command, if what was made so far is not right.
func (s *selector) correct(rules []string, cmd *command, made *commandSet, subs []*command) []string {
	permit := s.commands.has(cmd.id)
	if permit == made.has(cmd.id) {
		return rules
	}
	made.put(cmd.id, permit)
	for _, sub := range subs {
		made.put(sub.id, permit)
	}
	if permit {
		return append(rules, "+"+cmd.full)
	}
	return append(rules, "-"+cmd.full)
}

// reply writes the selector's part of ACL GETUSER.
func (s *selector) reply(c *Client) {
	r := &c.reply
	r.Bulk("commands")
	r.Bulk(strings.Join(s.commandRules(c.kv.commands.acl), " "))
	r.Bulk("keys")
	r.Bulk(strings.Join(s.keyRules(), " "))
	r.Bulk("channels")
	r.Bulk(strings.Join(s.channelRules(), " "))
}

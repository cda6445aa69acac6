package store

import (
	"maps"
	"slices"
	"strings"

	"github.com/codecrafters-io/redis-starter-go/app/config"
	"github.com/codecrafters-io/redis-starter-go/app/glob"
)

// Selectors. A selector is one set of permissions: on commands, on keys for
// reading and for writing, and on channels. A user has one that its rules outside
// of parentheses change, the root, and one for each pair of parentheses. A command
// is permitted when there is one selector that permits all of it.

type selector struct {
	commands    commandSet
	firstArgs   map[uint16][]string // of commands that are permitted with these first arguments only
	allKeys     bool
	allChannels bool
	keys        []keyPattern
	channels    []string // patterns
}

// A keyPattern is a pattern of keys, and what may be done with those it fits.
type keyPattern struct {
	pattern string
	access  keyAccesses
}

// keyAccesses are the ways to use a key.
type keyAccesses uint8

const (
	canRead keyAccesses = 1 << iota
	canWrite
)

// accesses is what key spec flags come to: a key whose value tells nothing, and
// is not changed, needs neither.
func (f keyFlags) accesses() (a keyAccesses) {
	if f.has(keyAccess) {
		a |= canRead
	}
	if f.has(keyInsert | keyDelete | keyUpdate) {
		a |= canWrite
	}
	return a
}

// clone is a copy that shares nothing with s.
func (s *selector) clone() *selector {
	c := *s
	c.keys, c.channels = slices.Clone(s.keys), slices.Clone(s.channels)
	c.firstArgs = maps.Clone(s.firstArgs)
	for id, args := range c.firstArgs {
		c.firstArgs[id] = slices.Clone(args)
	}
	return &c
}

// permitsAll reports whether there is nothing that s refuses.
func (s *selector) permitsAll() bool {
	return s.allKeys && s.allChannels && s.commands == everyCommand()
}

// A denial is what a command is refused for. The greater one of two selectors'
// is the one worth telling.
type denial uint8

const (
	permitted denial = iota
	deniedCommand
	deniedKey
	deniedAuth
	deniedChannel
)

// check says what s refuses of a command, and which argument is the reason.
// found has the keys among the arguments once a selector has asked for them.
func (s *selector) check(cmd *command, args []string, found *foundKeys) (why denial, at int) {
	if !cmd.flags.has(noAuth) && !s.commands.has(cmd.id) && !s.permitsFirst(cmd, args) {
		return deniedCommand, 0
	}
	if !s.allKeys && cmd.hasKeys() {
		for _, ref := range found.of(cmd, args) {
			if !s.permitsKey(args[ref.index], ref.flags.accesses()) {
				return deniedKey, ref.index
			}
		}
	}
	if !s.allChannels && cmd.channels != noChannels {
		for i, channel := range cmd.channels.among(args) {
			if !s.permitsChannel(channel, cmd.channels == patternChannels) {
				return deniedChannel, i + 1
			}
		}
	}
	return permitted, 0
}

// permitsFirst reports whether the command's first argument is one that a rule
// has named.
func (s *selector) permitsFirst(cmd *command, args []string) bool {
	return len(args) > 1 && slices.ContainsFunc(s.firstArgs[cmd.id], func(first string) bool { return is(args[1], first) })
}

// permitsKey reports whether one pattern that fits the key permits all of it.
func (s *selector) permitsKey(key string, access keyAccesses) bool {
	for i := range s.keys {
		if p := &s.keys[i]; p.access&access == access && glob.Match(p.pattern, key, false) {
			return true
		}
	}
	return false
}

// permitsReadingAll reports whether s lets every key be read.
func (s *selector) permitsReadingAll() bool {
	return s.allKeys || slices.ContainsFunc(s.keys, func(p keyPattern) bool { return p.access&canRead != 0 && p.pattern == "*" })
}

// permitsChannel reports whether a channel may be used. A pattern to subscribe to
// must be permitted as it stands: what it fits cannot be compared.
func (s *selector) permitsChannel(channel string, isPattern bool) bool {
	return slices.ContainsFunc(s.channels, func(p string) bool {
		if isPattern {
			return p == channel
		}
		return glob.Match(p, channel, false)
	})
}

// channelUse is how a command uses the channels among its arguments. Who only
// leaves channels needs no permission for them.
type channelUse uint8

const (
	noChannels      channelUse = iota
	oneChannel                 // the first argument
	allChannels                // every argument
	patternChannels            // every argument, and these are patterns
)

// among are the channels of a command, from its first argument on.
func (u channelUse) among(args []string) []string {
	if u == oneChannel {
		return args[1:2]
	}
	return args[1:]
}

// foundKeys are the keys of a command, looked for when first needed.
type foundKeys struct {
	refs *[]keyRef // where they are kept, to be used again
	done bool
}

func (f *foundKeys) of(cmd *command, args []string) []keyRef {
	if !f.done {
		refs := cmd.appendKeys((*f.refs)[:0], args)
		if len(refs) == 0 && cmd.getKeys == nil && !cmd.countsKeys() {
			// One spec that the arguments do not suit leaves the others unsaid: in
			// Redis a PFMERGE without sources merges into any key. Where keys are
			// counted, no command takes what does not suit.
			for i := range cmd.keys {
				if !cmd.keys[i].flags.has(keyNotKey) {
					refs, _ = cmd.keys[i].appendKeys(refs, args)
				}
			}
		}
		*f.refs, f.done = refs, true
	}
	return *f.refs
}

// countsKeys reports whether the number of some keys is among the arguments.
func (cmd *command) countsKeys() bool {
	return slices.ContainsFunc(cmd.keys, func(s keySpec) bool { return s.numkeys })
}

// A ruleError is why a rule is refused.
type ruleError string

func (e ruleError) Error() string { return string(e) }

const (
	errRuleSyntax   ruleError = "Syntax error"
	errRuleUnknown  ruleError = "Unknown command or category name in ACL"
	errRuleFirstArg ruleError = "Allowing first-arg of a subcommand is not supported"
	errRuleKeys     ruleError = "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any " +
		"effect. Try 'resetkeys' to start with an empty list of patterns"
	errRuleChannels ruleError = "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any " +
		"effect. Try 'resetchannels' to start with an empty list of channels"
	errRuleHash     ruleError = "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
	errRulePassword ruleError = "The password you are trying to remove from the user does not exist"
)

// A ruleReader applies rules.
type ruleReader struct {
	commands     *aclTable
	openChannels bool // acl-pubsub-default says so of new selectors
	warn         func(format string, args ...any)
}

// newSelector is a selector without permissions, but for what is everybody's.
func (r *ruleReader) newSelector() *selector { return &selector{allChannels: r.openChannels} }

// selectorOf reads a selector in parentheses. Quotes that do not match leave it
// no rules at all, as in Redis.
func (r *ruleReader) selectorOf(text string) (*selector, error) {
	s := r.newSelector()
	rules, _ := config.SplitArgs(text[1 : len(text)-1])
	for _, rule := range rules {
		if err := r.change(s, rule); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// change applies one rule to a selector.
func (r *ruleReader) change(s *selector, rule string) error {
	if r.changeAll(s, rule) {
		return nil
	}
	if rule == "" {
		return errRuleSyntax
	}
	switch rule[0] {
	case '~', '%':
		return s.addKeys(rule)
	case '&':
		return s.addChannels(rule[1:])
	case '+', '-':
		return r.changeCommands(s, rule)
	}
	return errRuleSyntax
}

// changeAll applies the rules that are words: those on all keys, channels or
// commands.
func (r *ruleReader) changeAll(s *selector, rule string) bool {
	switch strings.ToLower(rule) {
	case "allkeys", "~*":
		s.allKeys, s.keys = true, nil
	case "resetkeys":
		s.allKeys, s.keys = false, nil
	case "allchannels", "&*":
		s.allChannels, s.channels = true, nil
	case "resetchannels":
		s.allChannels, s.channels = false, nil
	case "allcommands", "+@all":
		s.commands, s.firstArgs = everyCommand(), nil
	case "nocommands", "-@all":
		s.commands, s.firstArgs = commandSet{}, nil
	default:
		return false
	}
	return true
}

// addKeys applies ~pattern, %R~pattern, %W~pattern and %RW~pattern. A % rule that
// ends before its pattern has an empty one, as in Redis.
func (s *selector) addKeys(rule string) error {
	if s.allKeys {
		return errRuleKeys
	}
	access, pattern := canRead|canWrite, rule[1:]
	if rule[0] == '%' {
		var letters string
		letters, pattern, _ = strings.Cut(pattern, "~")
		switch strings.ToUpper(letters) {
		case "R":
			access = canRead
		case "W":
			access = canWrite
		case "RW", "WR":
		default:
			return errRuleSyntax
		}
	}
	if hasSpaces(pattern) {
		return errRuleSyntax
	}
	if i := slices.IndexFunc(s.keys, func(p keyPattern) bool { return p.pattern == pattern }); i >= 0 {
		s.keys[i].access |= access
	} else {
		s.keys = append(s.keys, keyPattern{strings.Clone(pattern), access})
	}
	return nil
}

// addChannels applies &pattern.
func (s *selector) addChannels(pattern string) error {
	switch {
	case s.allChannels:
		return errRuleChannels
	case hasSpaces(pattern):
		return errRuleSyntax
	case !slices.Contains(s.channels, pattern):
		s.channels = append(s.channels, strings.Clone(pattern))
	}
	return nil
}

// hasSpaces reports whether a name or pattern would break the line of a file.
func hasSpaces(s string) bool { return strings.ContainsAny(s, " \t\n\v\f\r\x00") }

// changeCommands applies a rule on a command, a subcommand, a first argument or a
// category.
func (r *ruleReader) changeCommands(s *selector, rule string) error {
	permit, name := rule[0] == '+', rule[1:]
	if strings.HasPrefix(name, "@") {
		i, ok := categoryIndex(name[1:])
		if !ok {
			return errRuleUnknown
		}
		members := &r.commands.categories[i]
		s.commands.putAll(&members.reached, permit)
		maps.DeleteFunc(s.firstArgs, func(id uint16, _ []string) bool { return members.own.has(id) })
		return nil
	}
	if cmd := r.commands.find(name); cmd != nil {
		r.setCommand(s, cmd, permit)
		return nil
	}
	bar := strings.LastIndexByte(name, '|')
	if !permit || bar < 0 {
		return errRuleUnknown
	}
	return r.permitFirst(s, name[:bar], name[bar+1:])
}

// setCommand permits or refuses a command with its subcommands.
func (r *ruleReader) setCommand(s *selector, cmd *command, permit bool) {
	s.commands.put(cmd.id, permit)
	delete(s.firstArgs, cmd.id)
	for _, sub := range r.commands.subs[cmd] {
		s.commands.put(sub.id, permit)
	}
}

// permitFirst permits a command with one first argument, which is what DEBUG and
// SELECT have instead of subcommands. An argument that would break the line of a
// file is refused; Redis takes it, and then writes files that it cannot read.
func (r *ruleReader) permitFirst(s *selector, name, first string) error {
	cmd := r.commands.find(name)
	switch {
	case cmd == nil:
		return errRuleUnknown
	case cmd.parent != nil:
		return errRuleFirstArg
	case first == "":
		return errRuleSyntax
	case cmd.bySub != nil:
		return errRuleUnknown
	case hasSpaces(first):
		return errRuleSyntax
	}
	r.warn("Deprecation warning: Allowing a first arg of an otherwise blocked command is a misuse of ACL and may get disabled "+
		"in the future (offender: +%s|%s)", name, first)
	if slices.ContainsFunc(s.firstArgs[cmd.id], func(have string) bool { return is(have, first) }) {
		return nil
	}
	if s.firstArgs == nil {
		s.firstArgs = make(map[uint16][]string)
	}
	s.firstArgs[cmd.id] = append(s.firstArgs[cmd.id], strings.Clone(first))
	return nil
}

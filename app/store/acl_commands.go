package store

import (
	"math/bits"
	"slices"
	"strings"
)

// The commands as rules see them. Each command and subcommand has a number, and
// what a selector permits is a set of numbers. The table is made once, before
// rename-command is heeded: rules call commands by the names they were born with.

// commandSetBits is more than there are commands, as a test sees to. The last bit stands for those
// that are yet to come: +@all sets it, and only -@all takes it away.
const (
	commandSetBits = 1024
	futureCommands = commandSetBits - 1
)

// A commandSet is a set of commands, by their numbers.
type commandSet [commandSetBits / 64]uint64

func (s *commandSet) has(id uint16) bool { return s[id/64]>>(id%64)&1 != 0 }

func (s *commandSet) put(id uint16, in bool) {
	if in {
		s[id/64] |= 1 << (id % 64)
	} else {
		s[id/64] &^= 1 << (id % 64)
	}
}

// putAll puts all of other into the set, or takes them out of it.
func (s *commandSet) putAll(other *commandSet, in bool) {
	for i := range s {
		if in {
			s[i] |= other[i]
		} else {
			s[i] &^= other[i]
		}
	}
}

// common is how many commands are in both sets.
func (s *commandSet) common(other *commandSet) int {
	n := 0
	for i := range s {
		n += bits.OnesCount64(s[i] & other[i])
	}
	return n
}

// everyCommand is the set of all commands there will ever be.
func everyCommand() (s commandSet) {
	for i := range s {
		s[i] = ^uint64(0)
	}
	return s
}

// An aclTable is what rules can name.
type aclTable struct {
	byName     map[string]*command // by full name
	containers []*command          // the commands that are not subcommands, by name
	subs       map[*command][]*command
	categories []aclMembers // in the order of aclCategoryNames
}

// aclMembers are the commands of a category. A rule on a category also concerns
// the subcommands of its containers, whatever these belong to. When a user is
// described, only the commands of Redis 7.0 are weighed: so its rules are those that
// Redis would write.
type aclMembers struct {
	own     commandSet
	reached commandSet
	weighed commandSet // of own
}

// laterCommands are those that Redis got after 7.0.
var laterCommands = []string{
	"hexpire", "hexpireat", "hexpiretime", "hpersist", "hpexpire", "hpexpireat", "hpexpiretime", "hpttl", "httl",
}

// newACLTable numbers the commands. Those that only rules know come behind the
// ones this server has.
func newACLTable(commands []*command) *aclTable {
	t := &aclTable{
		byName:     make(map[string]*command),
		subs:       make(map[*command][]*command),
		categories: make([]aclMembers, len(aclCategoryNames)),
	}
	for _, cmd := range commands {
		t.add(cmd)
	}
	for i := range unservedCommands {
		cmd := unservedCommands[i]
		cmd.complete(nil)
		t.add(&cmd)
	}
	return t
}

// add gives a command and its subcommands their numbers, but for what has one.
func (t *aclTable) add(cmd *command) {
	container := t.byName[cmd.full]
	if container == nil {
		container = cmd
		t.number(cmd)
		t.containers = append(t.containers, cmd)
	}
	for i := range cmd.subs {
		sub := &cmd.subs[i]
		if t.byName[sub.full] != nil {
			continue
		}
		t.number(sub)
		t.subs[container] = append(t.subs[container], sub)
		for j := range t.categories {
			if container.categories().has(1 << j) {
				t.categories[j].reached.put(sub.id, true)
			}
		}
	}
}

func (t *aclTable) number(cmd *command) {
	cmd.id = uint16(len(t.byName))
	t.byName[cmd.full] = cmd
	later := slices.Contains(laterCommands, cmd.full)
	for j := range t.categories {
		if cmd.categories().has(1 << j) {
			t.categories[j].own.put(cmd.id, true)
			t.categories[j].weighed.put(cmd.id, !later)
			t.categories[j].reached.put(cmd.id, true)
		}
	}
}

// find finds a command or subcommand by its full name, in any case.
func (t *aclTable) find(name string) *command { return t.byName[strings.ToLower(name)] }

// unserved finds the command that args call among those only rules know. A subcommand
// is called in two words. What is served goes by another name now, or by none.
func (t *aclTable) unserved(args []string) *command {
	cmd := t.find(args[0])
	if cmd == nil || cmd.parent != nil {
		return nil
	}
	if len(args) > 1 && t.subs[cmd] != nil {
		cmd = t.find(args[0] + "|" + args[1])
	}
	if cmd == nil || cmd.run != nil || slices.ContainsFunc(t.subs[cmd], func(sub *command) bool { return sub.run != nil }) {
		return nil
	}
	return cmd
}

// each visits every command, and behind each container its subcommands.
func (t *aclTable) each(visit func(cmd *command)) {
	for _, cmd := range t.containers {
		visit(cmd)
		for _, sub := range t.subs[cmd] {
			visit(sub)
		}
	}
}

// categoryIndex is the place of a category among the names, by its name in any
// case.
func categoryIndex(name string) (int, bool) {
	for i, n := range aclCategoryNames {
		if is(name, n) {
			return i, true
		}
	}
	return 0, false
}

// unservedCommands are commands of Redis 7.0 that this server does not have yet.
// Rules may name them nevertheless, and they count as members of their categories,
// so that users written for Redis can be loaded, and are written again as they
// came. Of these records only what concerns rules is filled in. A command that the
// server gets takes the place of its record here.
var unservedCommands = []command{
	{name: "eval", arity: -3, cats: catScripting, keys: scriptKeys(keyRW | keyAccess | keyUpdate)},
	{name: "eval_ro", arity: -3, flags: readonly, cats: catScripting, keys: scriptKeys(keyRO | keyAccess)},
	{name: "evalsha", arity: -3, cats: catScripting, keys: scriptKeys(keyRW | keyAccess | keyUpdate)},
	{name: "evalsha_ro", arity: -3, flags: readonly, cats: catScripting, keys: scriptKeys(keyRO | keyAccess)},
	{name: "failover", arity: -1, flags: admin},
	{name: "fcall", arity: -3, cats: catScripting, keys: scriptKeys(keyRW | keyAccess | keyUpdate)},
	{name: "fcall_ro", arity: -3, flags: readonly, cats: catScripting, keys: scriptKeys(keyRO | keyAccess)},
	{name: "function", arity: -2, subs: []command{
		{name: "delete", arity: 3, flags: write, cats: catScripting},
		{name: "dump", arity: 2, cats: catScripting},
		{name: "flush", arity: -2, flags: write, cats: catScripting},
		{name: "help", arity: 2, cats: catScripting},
		{name: "kill", arity: 2, cats: catScripting},
		{name: "list", arity: -2, cats: catScripting},
		{name: "load", arity: -3, flags: write, cats: catScripting},
		{name: "restore", arity: -3, flags: write, cats: catScripting},
		{name: "stats", arity: 2, cats: catScripting},
	}},
	{name: "memory", arity: -2, subs: []command{
		{name: "doctor", arity: 2},
		{name: "malloc-stats", arity: 2},
		{name: "purge", arity: 2},
		{name: "stats", arity: 2},
	}},
	{name: "script", arity: -2, subs: []command{
		{name: "debug", arity: 3, cats: catScripting},
		{name: "exists", arity: -3, cats: catScripting},
		{name: "flush", arity: -2, cats: catScripting},
		{name: "help", arity: 2, cats: catScripting},
		{name: "kill", arity: 2, cats: catScripting},
		{name: "load", arity: 3, cats: catScripting},
	}},
}

// scriptKeys is the spec of the keys of a script, which follow their number.
func scriptKeys(flags keyFlags) []keySpec {
	return []keySpec{{flags: flags, index: 2, numkeys: true, step: 1}}
}

package store

import (
	"strings"

	"github.com/codecrafters-io/redis-starter-go/app/glob"
)

// COMMAND and its subcommands: the records and their documentation, shown.

var commandCommands = []command{
	{name: "command", arity: -1, flags: loading | stale, cats: catConnection, run: (*KVStore).cmdCommand, subs: []command{
		{name: "count", arity: 2, flags: loading | stale, cats: catConnection, run: (*KVStore).cmdCommandCount},
		{name: "docs", arity: -2, flags: loading | stale, cats: catConnection, run: (*KVStore).cmdCommandDocs},
		{name: "getkeys", arity: -4, flags: loading | stale, cats: catConnection, run: (*KVStore).cmdCommandGetkeys},
		{name: "getkeysandflags", arity: -4, flags: loading | stale, cats: catConnection, run: (*KVStore).cmdCommandGetkeysandflags},
		{name: "help", arity: 2, flags: loading | stale, cats: catConnection, run: (*KVStore).cmdCommandHelp},
		{name: "info", arity: -2, flags: loading | stale, cats: catConnection, run: (*KVStore).cmdCommandInfo},
		{name: "list", arity: -2, flags: loading | stale, cats: catConnection, run: (*KVStore).cmdCommandList},
	}},
}

// cmdCommand serves COMMAND.
func (kv *KVStore) cmdCommand(c *Client, args []string) error {
	c.reply.Array(len(kv.commands.sorted))
	for _, cmd := range kv.commands.sorted {
		replyCommandInfo(&c.reply, cmd)
	}
	return nil
}

// cmdCommandCount serves COMMAND COUNT.
func (kv *KVStore) cmdCommandCount(c *Client, args []string) error {
	c.reply.Int(int64(len(kv.commands.sorted)))
	return nil
}

// cmdCommandHelp serves COMMAND HELP.
func (kv *KVStore) cmdCommandHelp(c *Client, args []string) error {
	c.replyHelp("COMMAND",
		"(no subcommand)",
		"    What is known of all commands.",
		"COUNT",
		"    How many commands there are.",
		"LIST",
		"    The names of all commands and subcommands.",
		"INFO [<command-name> ...]",
		"    What is known of some commands. A subcommand is named with a bar:",
		"    config|get.",
		"    Without a name, of all commands.",
		"DOCS [<command-name> ...]",
		"    What some commands are for, and how they are written.",
		"    Without a name, all commands.",
		"GETKEYS <full-command>",
		"    The keys among the arguments of a command.",
		"GETKEYSANDFLAGS <full-command>",
		"    The keys among the arguments of a command, and what it does with each.")
	return nil
}

// cmdCommandInfo serves COMMAND INFO [name ...].
func (kv *KVStore) cmdCommandInfo(c *Client, args []string) error {
	names := args[2:]
	if len(names) == 0 {
		return kv.cmdCommand(c, args)
	}
	c.reply.Array(len(names))
	for _, name := range names {
		if cmd := kv.commands.named(name); cmd != nil {
			replyCommandInfo(&c.reply, cmd)
		} else {
			c.reply.Null()
		}
	}
	return nil
}

// named finds a command by its full name, that of a subcommand with a bar.
func (t *commandTable) named(name string) *command {
	container, sub, isSub := strings.Cut(name, "|")
	cmd := t.find(container)
	if cmd == nil || !isSub {
		return cmd
	}
	return cmd.sub(sub)
}

// cmdCommandList serves COMMAND LIST [FILTERBY MODULE name|ACLCAT category|PATTERN pattern].
func (kv *KVStore) cmdCommandList(c *Client, args []string) error {
	listed := func(*command) bool { return true }
	switch {
	case len(args) == 2:
	case len(args) == 5 && is(args[2], "filterby"):
		if listed = commandFilter(args[3], args[4]); listed == nil {
			return errSyntax
		}
	default:
		return errSyntax
	}
	var names []string
	kv.commands.each(func(cmd *command) {
		if listed(cmd) {
			names = append(names, cmd.full)
		}
	})
	c.reply.StringArray(names)
	return nil
}

// commandFilter is the filter of COMMAND LIST with a name, nil when there is none.
func commandFilter(name, arg string) func(*command) bool {
	switch {
	case is(name, "module"):
		return func(*command) bool { return false } // no command comes from a module
	case is(name, "aclcat"):
		category := aclCategoryNamed(arg)
		return func(cmd *command) bool { return cmd.categories().has(category) }
	case is(name, "pattern"):
		return func(cmd *command) bool { return glob.Match(arg, cmd.full, true) }
	}
	return nil
}

// cmdCommandGetkeys serves COMMAND GETKEYS command [arg ...].
func (kv *KVStore) cmdCommandGetkeys(c *Client, args []string) error {
	refs, err := kv.keysOf(args[2:])
	if err != nil {
		return err
	}
	c.reply.Array(len(refs))
	for _, ref := range refs {
		c.reply.Bulk(args[2+ref.index])
	}
	return nil
}

// cmdCommandGetkeysandflags serves COMMAND GETKEYSANDFLAGS command [arg ...].
func (kv *KVStore) cmdCommandGetkeysandflags(c *Client, args []string) error {
	refs, err := kv.keysOf(args[2:])
	if err != nil {
		return err
	}
	c.reply.Array(len(refs))
	for _, ref := range refs {
		c.reply.Array(2)
		c.reply.Bulk(args[2+ref.index])
		replyStatuses(&c.reply, namesOf(ref.flags, keyFlagNames))
	}
	return nil
}

// keysOf finds the keys of a command that a client has spelled out.
func (kv *KVStore) keysOf(args []string) ([]keyRef, error) {
	cmd := kv.commands.lookup(args)
	switch {
	case cmd == nil:
		return nil, errf("ERR Invalid command specified")
	case !cmd.hasKeys():
		return nil, errf("ERR The command has no key arguments")
	case !cmd.checkArity(len(args)):
		return nil, errf("ERR Invalid number of arguments specified for command")
	}
	refs := cmd.appendKeys(nil, args)
	if len(refs) == 0 && !cmd.flags.has(noMandatoryKeys) {
		return nil, errf("ERR Invalid arguments specified for command")
	}
	return refs, nil
}

// cmdCommandDocs serves COMMAND DOCS [name ...]. Names that are unknown are
// left out.
func (kv *KVStore) cmdCommandDocs(c *Client, args []string) error {
	asked := kv.commands.sorted
	if len(args) > 2 {
		asked = nil
		for _, name := range args[2:] {
			if cmd := kv.commands.named(name); cmd != nil {
				asked = append(asked, cmd)
			}
		}
	}
	c.reply.Map(len(asked))
	for _, cmd := range asked {
		c.reply.Bulk(cmd.full)
		replyCommandDoc(&c.reply, cmd)
	}
	return nil
}

package store

import (
	"maps"
	"slices"
	"strings"
)

// ACL and its subcommands.

var aclCommands = []command{
	{name: "acl", arity: -2, subs: []command{
		{name: "getuser", arity: 3, flags: admin | noScript | loading | stale, run: (*KVStore).cmdAclGetuser},
		{name: "help", arity: 2, flags: loading | stale, run: (*KVStore).cmdAclHelp},
		{name: "list", arity: 2, flags: admin | noScript | loading | stale, run: (*KVStore).cmdAclList},
		{name: "setuser", arity: -3, flags: admin | noScript | loading | stale, run: (*KVStore).cmdAclSetuser},
		{name: "users", arity: 2, flags: admin | noScript | loading | stale, run: (*KVStore).cmdAclUsers},
		{name: "whoami", arity: 2, flags: noScript | loading | stale, run: (*KVStore).cmdAclWhoami},
	}},
}

// cmdAclHelp serves ACL HELP.
func (kv *KVStore) cmdAclHelp(c *Client, args []string) error {
	c.replyHelp("ACL",
		"GETUSER <username>",
		"    What is known of a user.",
		"LIST",
		"    Every user as a line of a configuration file.",
		"SETUSER <username> <attribute> [<attribute> ...]",
		"    Make a user or change one. Attributes: on, off, nopass, resetpass,",
		"    >password, <password, #hash, !hash, allcommands, nocommands, allkeys,",
		"    resetkeys, allchannels, resetchannels, sanitize-payload,",
		"    skip-sanitize-payload, reset.",
		"USERS",
		"    The names of all users.",
		"WHOAMI",
		"    The user of this connection.")
	return nil
}

// cmdAclWhoami serves ACL WHOAMI.
func (kv *KVStore) cmdAclWhoami(c *Client, args []string) error {
	if c.user == nil {
		c.reply.Null()
		return nil
	}
	c.reply.Bulk(c.user.name)
	return nil
}

// cmdAclUsers serves ACL USERS.
func (kv *KVStore) cmdAclUsers(c *Client, args []string) error {
	c.reply.StringArray(kv.userNames())
	return nil
}

func (kv *KVStore) userNames() []string { return slices.Sorted(maps.Keys(kv.users)) }

// cmdAclList serves ACL LIST.
func (kv *KVStore) cmdAclList(c *Client, args []string) error {
	names := kv.userNames()
	c.reply.Array(len(names))
	for _, name := range names {
		c.reply.Bulk(kv.users[name].describe())
	}
	return nil
}

// cmdAclGetuser serves ACL GETUSER username.
func (kv *KVStore) cmdAclGetuser(c *Client, args []string) error {
	u := kv.users[args[2]]
	if u == nil {
		c.reply.Null()
		return nil
	}
	flags := u.flags()
	r := &c.reply
	r.Map(6)
	r.Bulk("flags")
	r.Set(len(flags))
	for _, f := range flags {
		r.Bulk(f)
	}
	r.Bulk("passwords")
	r.Array(len(u.passwords))
	for _, p := range u.passwords {
		r.Bulk(p.String())
	}
	r.Bulk("commands")
	r.Bulk(choose(u.commands, "+@all", "-@all"))
	r.Bulk("keys")
	r.Bulk(choose(u.keys, "~*", ""))
	r.Bulk("channels")
	r.Bulk(choose(u.channels, "&*", ""))
	r.Bulk("selectors")
	r.Array(0)
	return nil
}

// cmdAclSetuser serves ACL SETUSER username [rule ...]. Either all rules take
// effect or none.
func (kv *KVStore) cmdAclSetuser(c *Client, args []string) error {
	name := args[2]
	if strings.ContainsAny(name, " \x00") {
		return errf("ERR Usernames can't contain spaces or null characters")
	}
	changed := user{name: name}
	u := kv.users[name]
	if u != nil {
		changed = *u
		changed.passwords = slices.Clone(u.passwords)
	}
	for _, rule := range args[3:] {
		if err := changed.rule(rule); err != nil {
			return errf("ERR Error in ACL SETUSER modifier '%s': %s", cString(rule), err)
		}
	}
	if u == nil {
		changed.name = strings.Clone(name)
		kv.users[changed.name] = &changed
	} else {
		changed.name = u.name
		*u = changed
	}
	c.reply.OK()
	return nil
}

package store

import (
	"crypto/rand"
	"encoding/hex"
)

// ACL and its subcommands.

const (
	aclFlags      = noScript | loading | stale
	aclAdminFlags = admin | noScript | loading | stale
)

var aclCommands = []command{
	{name: "acl", arity: -2, subs: []command{
		{name: "cat", arity: -2, flags: aclFlags, run: (*KVStore).cmdAclCat},
		{name: "deluser", arity: -3, flags: aclAdminFlags, run: (*KVStore).cmdAclDeluser},
		{name: "dryrun", arity: -4, flags: aclAdminFlags, run: (*KVStore).cmdAclDryrun},
		{name: "genpass", arity: -2, flags: aclFlags, run: (*KVStore).cmdAclGenpass},
		{name: "getuser", arity: 3, flags: aclAdminFlags, run: (*KVStore).cmdAclGetuser},
		{name: "help", arity: 2, flags: loading | stale, run: (*KVStore).cmdAclHelp},
		{name: "list", arity: 2, flags: aclAdminFlags, run: (*KVStore).cmdAclList},
		{name: "load", arity: 2, flags: aclAdminFlags, run: (*KVStore).cmdAclLoad},
		{name: "log", arity: -2, flags: aclAdminFlags, run: (*KVStore).cmdAclLog},
		{name: "save", arity: 2, flags: aclAdminFlags, run: (*KVStore).cmdAclSave},
		{name: "setuser", arity: -3, flags: aclAdminFlags, run: (*KVStore).cmdAclSetuser},
		{name: "users", arity: 2, flags: aclAdminFlags, run: (*KVStore).cmdAclUsers},
		{name: "whoami", arity: 2, flags: aclFlags, run: (*KVStore).cmdAclWhoami},
	}},
}

// cmdAclHelp serves ACL HELP.
func (kv *KVStore) cmdAclHelp(c *Client, args []string) error {
	c.replyHelp("ACL",
		"CAT [<category>]",
		"    The categories, or the commands of one. Commands are listed that rules",
		"    may name, even if this server does not have them yet.",
		"DELUSER <username> [<username> ...]",
		"    Delete users. Their connections are closed.",
		"DRYRUN <username> <command> [<arg> ...]",
		"    Whether a user might run a command. It is not run.",
		"GENPASS [<bits>]",
		"    Make up a password, of 256 bits or of so many.",
		"GETUSER <username>",
		"    What is known of a user.",
		"LIST",
		"    Every user as a line of a configuration file.",
		"LOAD",
		"    Read the ACL file again. Connections of all users but default are closed.",
		"LOG [<count>|RESET]",
		"    What was refused of late, the last first, or start anew.",
		"SAVE",
		"    Write the users to the ACL file.",
		"SETUSER <username> <attribute> [<attribute> ...]",
		"    Make a user or change one.",
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

// cmdAclList serves ACL LIST.
func (kv *KVStore) cmdAclList(c *Client, args []string) error {
	names := kv.userNames()
	c.reply.Array(len(names))
	for _, name := range names {
		c.reply.Bulk(kv.users[name].describe(kv.commands.acl))
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
	u.selectors[0].reply(c)
	r.Bulk("selectors")
	r.Array(len(u.selectors) - 1)
	for _, s := range u.selectors[1:] {
		r.Map(3)
		s.reply(c)
	}
	return nil
}

// cmdAclSetuser serves ACL SETUSER username [rule ...]. Either all rules take
// effect or none.
func (kv *KVStore) cmdAclSetuser(c *Client, args []string) error {
	if hasSpaces(args[2]) {
		return errf("ERR Usernames can't contain spaces or null characters")
	}
	if err := kv.changeUser(args[2], args[3:]); err != nil {
		return err
	}
	c.reply.OK()
	return nil
}

// cmdAclDeluser serves ACL DELUSER username [username ...].
func (kv *KVStore) cmdAclDeluser(c *Client, args []string) error {
	for _, name := range args[2:] {
		if name == kv.defaultUser.name {
			return errf("ERR The 'default' user cannot be removed")
		}
	}
	deleted := int64(0)
	for _, name := range args[2:] {
		deleted += oneIf(kv.deleteUser(name))
	}
	c.reply.Int(deleted)
	return nil
}

// cmdAclCat serves ACL CAT [category].
func (kv *KVStore) cmdAclCat(c *Client, args []string) error {
	switch len(args) {
	case 2:
		c.reply.StringArray(aclCategoryNames)
		return nil
	case 3:
	default:
		return errUnknownSubOrArity("acl", args[1])
	}
	category := aclCategoryNamed(args[2])
	if category == 0 {
		return errf("ERR Unknown category '%s'", cut(args[2], quotedMax))
	}
	var names []string
	kv.commands.acl.each(func(cmd *command) {
		if cmd.categories().has(category) {
			names = append(names, cmd.full)
		}
	})
	c.reply.StringArray(names)
	return nil
}

// Bits of a password that is made up.
const (
	passwordBits    = 256
	passwordBitsMax = 4096
)

// cmdAclGenpass serves ACL GENPASS [bits].
func (kv *KVStore) cmdAclGenpass(c *Client, args []string) error {
	bits := int64(passwordBits)
	switch len(args) {
	case 2:
	case 3:
		var err error
		if bits, err = parseInt(args[2]); err != nil {
			return err
		}
	default:
		return errUnknownSubOrArity("acl", args[1])
	}
	if bits <= 0 || bits > passwordBitsMax {
		return errf("ERR ACL GENPASS argument must be the number of bits for the output password, "+
			"a positive number up to %d", passwordBitsMax)
	}
	var random [passwordBitsMax / 8]byte
	var digits [2 * len(random)]byte
	rand.Read(random[:])
	hex.Encode(digits[:], random[:])
	c.reply.Bulk(string(digits[:(bits+3)/4]))
	return nil
}

const errNoACLFile replyError = "ERR This Redis instance is not configured to use an ACL file. You may want to specify users " +
	"via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) " +
	"in order to store users in the Redis configuration."

// cmdAclLoad serves ACL LOAD.
func (kv *KVStore) cmdAclLoad(c *Client, args []string) error {
	name := kv.config.Str("aclfile")
	if name == "" {
		return errNoACLFile
	}
	if wrong := kv.loadACLFile(name); wrong != "" {
		return errf("ERR %s", wrong)
	}
	c.reply.OK()
	return nil
}

// cmdAclSave serves ACL SAVE.
func (kv *KVStore) cmdAclSave(c *Client, args []string) error {
	name := kv.config.Str("aclfile")
	if name == "" {
		return errNoACLFile
	}
	if !kv.saveACLFile(name) {
		return errf("ERR There was an error trying to save the ACLs. Please check the server logs for more information")
	}
	c.reply.OK()
	return nil
}

// cmdAclLog serves ACL LOG [count|RESET].
func (kv *KVStore) cmdAclLog(c *Client, args []string) error {
	count := int64(10)
	switch {
	case len(args) > 3:
		return errUnknownSubOrArity("acl", args[1])
	case len(args) == 3 && is(args[2], "reset"):
		kv.denials = nil
		c.reply.OK()
		return nil
	case len(args) == 3:
		var err error
		if count, err = parseInt(args[2]); err != nil {
			return err
		}
	}
	n := int(min(max(count, 0), int64(len(kv.denials))))
	c.reply.Array(n)
	for i := range n {
		kv.denials[len(kv.denials)-1-i].reply(c)
	}
	return nil
}

// cmdAclDryrun serves ACL DRYRUN username command [arg ...].
func (kv *KVStore) cmdAclDryrun(c *Client, args []string) error {
	u := kv.users[args[2]]
	if u == nil {
		return errf("ERR User '%s' not found", cString(args[2]))
	}
	line := args[3:]
	cmd := kv.commands.lookup(line)
	if cmd == nil {
		cmd = kv.commands.acl.unserved(line)
	}
	if cmd == nil {
		return errf("ERR Command '%s' not found", cString(args[3]))
	}
	if !cmd.checkArity(len(line)) {
		return errArity(cmd.full)
	}
	switch why, at := u.check(cmd, line, &kv.aclKeys); why {
	case permitted:
		c.reply.OK()
	case deniedKey:
		c.reply.Bulk("This user has no permissions to access the '" + cString(line[at]) + "' key")
	case deniedChannel:
		c.reply.Bulk("This user has no permissions to access the '" + cString(line[at]) + "' channel")
	default:
		c.reply.Bulk("This user has no permissions to run the '" + cmd.full + "' command")
	}
	return nil
}

package store

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strings"
)

// Users, and what a client may do. A user is on or off, is let in by any of its
// passwords, or by none when it is nopass, and has selectors (acl_selector.go).
// Passwords are held as SHA-256.
//
// permit is the one place where a command is held against its user: when it comes
// in or is queued by MULTI, again when EXEC runs it, and again when a client that
// was blocked is served. It asks the command's record alone, so there is no way
// round it by name, case, container or protocol. For a user who may do everything
// it is one look at the user.

type user struct {
	name      string
	enabled   bool
	nopass    bool
	limited   bool // no selector permits everything
	sanitize  sanitizing
	passwords []passwordHash
	selectors []*selector // the first is the root
	text      string      // what describe says, "" until it is asked
}

// A sanitizing says whether what the user RESTOREs is to be checked in depth,
// as sanitize-dump-payload understands it.
type sanitizing uint8

const (
	sanitizeUnsaid sanitizing = iota
	sanitizeYes
	sanitizeSkip
)

type passwordHash [sha256.Size]byte

func (h passwordHash) String() string { return hex.EncodeToString(h[:]) }

// newDefaultUser is the user of a server that nobody has secured yet.
func newDefaultUser() *user {
	everything := &selector{allKeys: true, allChannels: true, commands: everyCommand()}
	return &user{name: "default", enabled: true, nopass: true, selectors: []*selector{everything}}
}

// open reports whether the user is let in without a password.
func (u *user) open() bool { return u.enabled && u.nopass }

// admits reports whether the password lets the user in. It does the same work
// whether or not there is such a user (nil), it is on, and a password is right.
func (u *user) admits(password string) bool {
	hash := passwordHash(sha256.Sum256([]byte(password)))
	if u == nil {
		u = &nobody
	}
	match := 0
	for i := range u.passwords {
		match |= subtle.ConstantTimeCompare(u.passwords[i][:], hash[:])
	}
	return u.enabled && (u.nopass || match == 1)
}

// nobody stands in for users that do not exist. Nothing lets it in.
var nobody = user{passwords: make([]passwordHash, 1)}

// setUser makes the client act as u.
func (kv *KVStore) setUser(c *Client, u *user) { c.user = u }

// permit holds a command against what the client's user may do. A client without
// a user (a master, the append-only file, the program around us) may do all.
func (kv *KVStore) permit(c *Client, cmd *command, args []string) error {
	if u := c.user; u == nil || !u.limited {
		return nil
	}
	return kv.permitLimited(c, cmd, args)
}

// permitLimited is permit for a user who may not do everything.
func (kv *KVStore) permitLimited(c *Client, cmd *command, args []string) error {
	why, at := c.user.check(cmd, args, &kv.aclKeys)
	if why == permitted {
		return nil
	}
	return kv.deny(c, cmd, args, why, at)
}

// check says what the user is refused of a command, and which argument is the
// reason. The key or channel that is told is the last that a selector came to.
func (u *user) check(cmd *command, args []string, refs *[]keyRef) (why denial, at int) {
	found := foundKeys{refs: refs}
	why = deniedCommand
	for _, s := range u.selectors {
		reason, i := s.check(cmd, args, &found)
		if reason == permitted {
			return permitted, 0
		}
		if reason > why || reason == why && i > at {
			why, at = reason, i
		}
	}
	return why, at
}

// deny logs a refusal and makes the reply of it.
func (kv *KVStore) deny(c *Client, cmd *command, args []string, why denial, at int) error {
	c.cmd = cmd // for the log, which shows the client
	object := cmd.full
	if why != deniedCommand {
		object = args[at]
	}
	kv.logDenial(c, why, c.user.name, object)
	switch why {
	case deniedKey:
		return errNoPermKeys
	case deniedChannel:
		return errNoPermChannels
	}
	return errf("NOPERM this user has no permissions to run the '%s' command", cmd.full)
}

const (
	errNoPermKeys     replyError = "NOPERM this user has no permissions to access one of the keys used as arguments"
	errNoPermChannels replyError = "NOPERM this user has no permissions to access one of the channels used as arguments"
)

// readsAllKeys reports whether the client's user may run the command and also read
// any key there is, by one and the same selector.
func (kv *KVStore) readsAllKeys(c *Client, cmd *command, args []string) bool {
	if c.user == nil || !c.user.limited {
		return true
	}
	found := foundKeys{refs: &kv.aclKeys}
	return slices.ContainsFunc(c.user.selectors, func(s *selector) bool {
		why, _ := s.check(cmd, args, &found)
		return why == permitted && s.permitsReadingAll()
	})
}

// newUser is a user that may do nothing, and is off.
func (r *ruleReader) newUser(name string) *user {
	u := &user{name: name, selectors: []*selector{r.newSelector()}}
	u.settle()
	return u
}

// clone is a copy that shares nothing with u.
func (u *user) clone() *user {
	c := *u
	c.passwords = slices.Clone(u.passwords)
	c.selectors = make([]*selector, len(u.selectors))
	for i, s := range u.selectors {
		c.selectors[i] = s.clone()
	}
	return &c
}

// settle brings up to date what follows from the rules.
func (u *user) settle() {
	u.limited = !slices.ContainsFunc(u.selectors, (*selector).permitsAll)
	u.text = ""
}

// apply applies one rule to a user. The user is to be settled behind the last one.
func (r *ruleReader) apply(u *user, rule string) error {
	switch strings.ToLower(rule) {
	case "":
	case "on":
		u.enabled = true
	case "off":
		u.enabled = false
	case "nopass":
		u.nopass, u.passwords = true, nil
	case "resetpass":
		u.nopass, u.passwords = false, nil
	case "sanitize-payload":
		u.sanitize = sanitizeYes
	case "skip-sanitize-payload":
		u.sanitize = sanitizeSkip
	case "clearselectors":
		u.selectors = u.selectors[:1]
	case "reset":
		*u = user{name: u.name, sanitize: sanitizeYes, selectors: []*selector{r.newSelector()}}
	default:
		return r.applyOther(u, rule)
	}
	return nil
}

// applyOther applies the rules that are no words.
func (r *ruleReader) applyOther(u *user, rule string) error {
	switch {
	case strings.IndexByte("><#!", rule[0]) >= 0:
		return u.changePassword(rule)
	case rule[0] == '(' && rule[len(rule)-1] == ')' && len(rule) > 1:
		s, err := r.selectorOf(rule)
		if err == nil {
			u.selectors = append(u.selectors, s)
		}
		return err
	}
	return r.change(u.selectors[0], rule)
}

// changePassword applies the rules that hold a password or its hash.
func (u *user) changePassword(rule string) error {
	value := rule[1:]
	var hash passwordHash
	if rule[0] == '>' || rule[0] == '<' {
		hash = sha256.Sum256([]byte(value))
	} else {
		b, err := hex.DecodeString(value)
		if err != nil || len(b) != len(hash) || strings.ToLower(value) != value {
			return errRuleHash
		}
		hash = passwordHash(b)
	}
	at := slices.Index(u.passwords, hash)
	if rule[0] == '>' || rule[0] == '#' {
		if at < 0 {
			u.passwords = append(u.passwords, hash)
		}
		u.nopass = false
		return nil
	}
	if at < 0 {
		return errRulePassword
	}
	u.passwords = slices.Delete(u.passwords, at, at+1)
	return nil
}

// flags are the user's properties by name.
func (u *user) flags() []string {
	flags := []string{choose(u.enabled, "on", "off")}
	if u.nopass {
		flags = append(flags, "nopass")
	}
	switch u.sanitize {
	case sanitizeSkip:
		flags = append(flags, "skip-sanitize-payload")
	case sanitizeYes:
		flags = append(flags, "sanitize-payload")
	}
	return flags
}

func choose(which bool, yes, no string) string {
	if which {
		return yes
	}
	return no
}

// requirePass makes password the default user's only one; empty, it lets
// everybody in.
func (kv *KVStore) requirePass(password string) {
	u := kv.defaultUser
	u.passwords, u.nopass = nil, password == ""
	if password != "" {
		u.passwords = []passwordHash{sha256.Sum256([]byte(password))}
	}
	u.settle()
}

// An aclCategory is a set of the categories of ACL CAT.
type aclCategory uint32

const (
	catKeyspace aclCategory = 1 << iota
	catRead
	catWrite
	catSet
	catSortedset
	catList
	catHash
	catString
	catBitmap
	catHyperloglog
	catGeo
	catStream
	catPubsub
	catAdmin
	catFast
	catSlow
	catBlocking
	catDangerous
	catConnection
	catTransaction
	catScripting
)

func (c aclCategory) has(d aclCategory) bool { return c&d != 0 }

// aclCategoryNames are the names of the categories, in the order of their bits.
var aclCategoryNames = []string{
	"keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo",
	"stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting",
}

// aclCategoryNamed is the category with a name in any case, 0 when there is none.
func aclCategoryNamed(name string) aclCategory {
	for i, n := range aclCategoryNames {
		if is(name, n) {
			return 1 << i
		}
	}
	return 0
}

// categories are all categories the command belongs to: those of its record
// and those that follow from its flags.
func (cmd *command) categories() aclCategory {
	cats := cmd.cats
	for _, implied := range []struct {
		flag cmdFlags
		cats aclCategory
	}{
		{write, catWrite},
		{readonly, catRead},
		{admin, catAdmin | catDangerous},
		{pubsub, catPubsub},
		{fast, catFast},
		{blocking, catBlocking},
	} {
		if cmd.flags.has(implied.flag) {
			cats |= implied.cats
		}
	}
	if cmd.cats.has(catScripting) {
		cats &^= catRead // what a script reads is not told by its command
	}
	if !cats.has(catFast) {
		cats |= catSlow
	}
	return cats
}

// permitProtected is what enable-debug-command says of a client's DEBUG, and
// enable-module-command of its MODULE.
func (kv *KVStore) permitProtected(c *Client, cmd *command) error {
	directive, refusal := "enable-debug-command", errDebugForbidden
	if cmd.parent != nil && cmd.parent.name == "module" {
		directive, refusal = "enable-module-command", errModuleForbidden
	}
	if kv.config.Allowed(directive, c.local()) {
		return nil
	}
	return refusal
}

const (
	errDebugForbidden  = errForbidden1 + "DEBUG" + errForbidden2 + "enable-debug-command" + errForbidden3
	errModuleForbidden = errForbidden1 + "MODULE" + errForbidden2 + "enable-module-command" + errForbidden3

	errForbidden1 replyError = "ERR "
	errForbidden2 replyError = " command not allowed. If the "
	errForbidden3 replyError = " option is set to \"local\", you can run it from a local connection, otherwise you need to set this option " +
		"in the configuration file, and then restart the server."
)

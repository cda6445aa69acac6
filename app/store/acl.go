package store

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Users. A user is on or off, and is let in by any of its passwords, or by
// none when it is nopass. Passwords are held as SHA-256. What a user may do is
// all or nothing here, for each of commands, keys and channels.

type user struct {
	name      string
	enabled   bool
	nopass    bool
	sanitize  sanitizing
	passwords []passwordHash
	commands  bool // +@all
	keys      bool // ~*
	channels  bool // &*
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
	return &user{name: "default", enabled: true, nopass: true, commands: true, keys: true, channels: true}
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

// permit holds a command against what the client's user may do.
func (kv *KVStore) permit(c *Client, cmd *command, args []string) error {
	u := c.user
	if u == nil || u.commands && u.keys && u.channels || cmd.flags.has(noAuth) {
		return nil
	}
	switch {
	case !u.commands:
		return errf("NOPERM this user has no permissions to run the '%s' command", cmd.full)
	case !u.keys && cmd.hasKeys():
		return errNoPermKeys
	case !u.channels && cmd.flags.has(pubsub) && len(args) > 1 && cmd.parent == nil:
		return errNoPermChannels
	}
	return nil
}

const (
	errNoPermKeys     replyError = "NOPERM this user has no permissions to access one of the keys used as arguments"
	errNoPermChannels replyError = "NOPERM this user has no permissions to access one of the channels used as arguments"
)

// rule applies one modifier of ACL SETUSER.
func (u *user) rule(rule string) error {
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
	case "allcommands", "+@all":
		u.commands = true
	case "nocommands", "-@all":
		u.commands = false
	case "allkeys", "~*":
		u.keys = true
	case "resetkeys":
		u.keys = false
	case "allchannels", "&*":
		u.channels = true
	case "resetchannels":
		u.channels = false
	case "sanitize-payload":
		u.sanitize = sanitizeYes
	case "skip-sanitize-payload":
		u.sanitize = sanitizeSkip
	case "reset":
		*u = user{name: u.name, sanitize: sanitizeYes}
	default:
		return u.passwordRule(rule)
	}
	return nil
}

const (
	errACLHash     = "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
	errACLPassword = "The password you are trying to remove from the user does not exist"
)

// passwordRule applies the modifiers that hold a password or its hash.
func (u *user) passwordRule(rule string) error {
	value := rule[1:]
	var hash passwordHash
	switch rule[0] {
	case '>', '<':
		hash = sha256.Sum256([]byte(value))
	case '#', '!':
		b, err := hex.DecodeString(value)
		if err != nil || len(b) != len(hash) || strings.ToLower(value) != value {
			return errors.New(errACLHash)
		}
		hash = passwordHash(b)
	case '+', '-', '~', '%', '&', '(':
		if value == "" && rule != "~" && rule != "&" {
			return fmt.Errorf("Syntax error")
		}
		return fmt.Errorf("Only all commands, keys and channels can be granted or taken so far")
	default:
		return fmt.Errorf("Syntax error")
	}
	at := slices.Index(u.passwords, hash)
	switch rule[0] {
	case '>', '#':
		if at < 0 {
			u.passwords = append(u.passwords, hash)
		}
		u.nopass = false
	default:
		if at < 0 {
			return errors.New(errACLPassword)
		}
		u.passwords = slices.Delete(u.passwords, at, at+1)
	}
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

// describe is the user as ACL LIST and the configuration file write it.
func (u *user) describe() string {
	var b strings.Builder
	b.WriteString("user " + u.name + " " + strings.Join(u.flags(), " "))
	for _, p := range u.passwords {
		b.WriteString(" #" + p.String())
	}
	if u.keys {
		b.WriteString(" ~*")
	}
	b.WriteString(choose(u.channels, " &*", " resetchannels"))
	b.WriteString(choose(u.commands, " +@all", " -@all"))
	return b.String()
}

func choose(which bool, yes, no string) string {
	if which {
		return yes
	}
	return no
}

// loadUsers sets up the users that the configuration names. requirepass is the
// default user's password unless a line says more of that user.
func (kv *KVStore) loadUsers(requirepass string, lines [][]string) error {
	kv.requirePass(requirepass)
	for _, line := range lines {
		u := kv.users[line[0]]
		if u == nil {
			u = &user{name: line[0]}
			kv.users[u.name] = u
		} else if err := u.rule("reset"); err != nil { // the default user
			return err
		}
		for _, rule := range line[1:] {
			if err := u.rule(rule); err != nil {
				return fmt.Errorf("Error in user declaration '%s': %w", rule, err)
			}
		}
	}
	return nil
}

// checkUserLine validates a user line of a configuration file: "user", a name
// and rules. It names the first word that is wrong. The position is the one
// Redis reports, which counts the rules alone.
func checkUserLine(words []string) (position int, reason string) {
	var scratch user
	for i, rule := range words[2:] {
		if err := scratch.rule(rule); err != nil {
			return i, err.Error()
		}
	}
	return 0, ""
}

// userLines are the users as CONFIG REWRITE writes them, when there is more to
// say than the default user's password.
func (kv *KVStore) userLines() []string {
	lines := make([]string, 0, len(kv.users))
	for _, name := range kv.userNames() {
		lines = append(lines, strings.TrimPrefix(kv.users[name].describe(), "user "))
	}
	return lines
}

// requirePass makes password the default user's only one; empty, it lets
// everybody in.
func (kv *KVStore) requirePass(password string) {
	u := kv.defaultUser
	u.passwords, u.nopass = nil, password == ""
	if password != "" {
		u.passwords = []passwordHash{sha256.Sum256([]byte(password))}
	}
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

// debugAllowed reports what enable-debug-command says of the client.
func (kv *KVStore) debugAllowed(c *Client) bool {
	switch kv.config.Str("enable-debug-command") {
	case "yes":
		return true
	case "local":
		return c.local()
	}
	return false
}

const errDebugForbidden replyError = "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", " +
	"you can run it from a local connection, otherwise you need to set this option " +
	"in the configuration file, and then restart the server."

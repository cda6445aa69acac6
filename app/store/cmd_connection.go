package store

import (
	"math"
	"strings"
)

// The commands of the connection itself: who it is, what it speaks, where it looks.

var connectionCommands = []command{
	{name: "auth", arity: -2, flags: noScript | loading | stale | fast | noAuth | allowBusy | endsBatch, cats: catConnection, run: (*KVStore).cmdAuth},
	clientCommand,
	{name: "echo", arity: 2, flags: loading | stale | fast, cats: catConnection, run: (*KVStore).cmdEcho},
	{name: "hello", arity: -1, flags: noScript | loading | stale | fast | noAuth | allowBusy | endsBatch, cats: catConnection, run: (*KVStore).cmdHello},
	{name: "ping", arity: -1, flags: fast | inPubsub, cats: catConnection, run: (*KVStore).cmdPing},
	{name: "quit", arity: -1, flags: noScript | loading | stale | fast | noAuth | allowBusy | immediate | inPubsub | endsBatch, cats: catConnection, run: (*KVStore).cmdQuit},
	{name: "reset", arity: 1, flags: noScript | loading | stale | fast | noAuth | allowBusy | immediate | inPubsub | endsBatch, cats: catConnection, run: (*KVStore).cmdReset},
	{name: "select", arity: 2, flags: loading | stale | fast, cats: catConnection, run: (*KVStore).cmdSelect},
}

// cmdPing serves PING [message].
func (kv *KVStore) cmdPing(c *Client, args []string) error {
	if len(args) > 2 {
		return errArity("ping")
	}
	message := ""
	if len(args) == 2 {
		message = args[1]
	}
	switch {
	case c.subs.n > 0 && c.reply.Proto == 2:
		c.reply.Array(2)
		c.reply.Bulk("pong")
		c.reply.Bulk(message)
	case len(args) == 2:
		c.reply.Bulk(message)
	default:
		c.reply.Status("PONG")
	}
	return nil
}

// cmdEcho serves ECHO message.
func (kv *KVStore) cmdEcho(c *Client, args []string) error {
	c.reply.Bulk(args[1])
	return nil
}

// cmdSelect serves SELECT index.
func (kv *KVStore) cmdSelect(c *Client, args []string) error {
	db, err := kv.database(args[1])
	if err != nil {
		return err
	}
	c.db = db
	c.reply.OK()
	return nil
}

// database is the database of a number given by a client.
func (kv *KVStore) database(arg string) (*database, error) {
	n, err := parseIntRange(arg, math.MinInt32, math.MaxInt32)
	if err != nil {
		return nil, err
	}
	if n < 0 || n >= int64(len(kv.dbs)) {
		return nil, errDBIndex
	}
	return kv.dbs[n], nil
}

// cmdQuit serves QUIT.
func (kv *KVStore) cmdQuit(c *Client, args []string) error {
	c.reply.OK()
	c.closeAfterReply = true
	c.endBatch = true
	return nil
}

// cmdReset serves RESET: the connection is as it was when it was new.
func (kv *KVStore) cmdReset(c *Client, args []string) error {
	kv.disableTracking(c)
	c.db = kv.dbs[0]
	c.reply.Proto = 2
	kv.setUser(c, kv.defaultUser)
	c.authenticated = kv.defaultUser.open()
	c.setLimits()
	c.txn.discard(c)
	kv.unsubscribeAll(c)
	kv.stopMonitoring(c)
	c.name = ""
	c.replyMode = replyOn
	c.readonly = false
	c.endBatch = true
	c.reply.Status("RESET")
	return nil
}

const (
	errWrongPass replyError = "WRONGPASS invalid username-password pair or user is disabled."
	errNoPass    replyError = "ERR AUTH <password> called without any password " +
		"configured for the default user. Are you sure your configuration is correct?"
	errNoProto   replyError = "NOPROTO unsupported protocol version"
	errHelloAuth replyError = "NOAUTH HELLO must be called with the client already " +
		"authenticated, otherwise the HELLO AUTH <user> <pass> " +
		"option can be used to authenticate the client and " +
		"select the RESP protocol version at the same time"
	errClientName replyError = "ERR Client names cannot contain spaces, newlines or special characters."
)

// cmdAuth serves AUTH [username] password.
func (kv *KVStore) cmdAuth(c *Client, args []string) error {
	if len(args) > 3 {
		return errSyntax
	}
	name, password := "default", args[len(args)-1]
	if len(args) == 3 {
		name = args[1]
	} else if kv.defaultUser.nopass {
		return errNoPass
	}
	if !kv.authenticate(c, args[0], name, password) {
		return errWrongPass
	}
	c.reply.OK()
	return nil
}

// authenticate makes the client the named user when the password is right.
// What follows in the pipeline is parsed again, under that user's limits. A failure
// is logged with the word that the command was called by.
func (kv *KVStore) authenticate(c *Client, word, name, password string) bool {
	u := kv.users[name]
	if !u.admits(password) {
		kv.logDenial(c, deniedAuth, name, word)
		return false
	}
	kv.setUser(c, u)
	c.authenticated = true
	c.setLimits()
	c.endBatch = true
	return true
}

// cmdHello serves HELLO [protover [AUTH username password] [SETNAME clientname]].
func (kv *KVStore) cmdHello(c *Client, args []string) error {
	version := 0
	options := args[1:]
	if len(options) > 0 {
		n, ok := canonicalInt(options[0])
		if !ok {
			return errf("ERR Protocol version is not an integer or out of range")
		}
		if n < 2 || n > 3 {
			return errNoProto
		}
		version = int(n)
		options = options[1:]
	}
	for i := 0; i < len(options); i++ {
		more := len(options) - i - 1
		switch {
		case is(options[i], "auth") && more >= 2:
			if !kv.authenticate(c, args[0], options[i+1], options[i+2]) {
				return errWrongPass
			}
			i += 2
		case is(options[i], "setname") && more >= 1:
			if !c.setName(options[i+1]) {
				return errClientName
			}
			i++
		default:
			return errf("ERR Syntax error in HELLO option '%s'", cString(options[i]))
		}
	}
	if !c.authenticated {
		return errHelloAuth
	}
	if version != 0 {
		c.reply.Proto = version
	}
	kv.replyHello(c)
	return nil
}

// replyHello describes the server.
func (kv *KVStore) replyHello(c *Client) {
	role := "master"
	if kv.Info.Role == "slave" {
		role = "replica"
	}
	r := &c.reply
	r.Map(7)
	r.Bulk("server")
	r.Bulk("redis")
	r.Bulk("version")
	r.Bulk(RedisVersion)
	r.Bulk("proto")
	r.Int(int64(r.Proto))
	r.Bulk("id")
	r.Int(c.id)
	r.Bulk("mode")
	r.Bulk("standalone")
	r.Bulk("role")
	r.Bulk(role)
	r.Bulk("modules")
	r.Array(0)
}

// setName names the connection. It is false for a name that would break the
// lines of CLIENT LIST.
func (c *Client) setName(name string) bool {
	for i := range len(name) {
		if name[i] < '!' || name[i] > '~' {
			return false
		}
	}
	c.name = strings.Clone(name)
	return true
}

// cString is s up to its first NUL, which is where Redis's formatting ends it.
func cString(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

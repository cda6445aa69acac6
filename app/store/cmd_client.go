package store

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// CLIENT and its subcommands.

const clientSub = noScript | loading | stale

var clientCommand = command{name: "client", arity: -2, subs: []command{
	{name: "caching", arity: 3, flags: clientSub, cats: catConnection, run: (*KVStore).cmdClientCaching},
	{name: "getname", arity: 2, flags: clientSub, cats: catConnection, run: (*KVStore).cmdClientGetname},
	{name: "getredir", arity: 2, flags: clientSub, cats: catConnection, run: (*KVStore).cmdClientGetredir},
	{name: "help", arity: 2, flags: loading | stale, cats: catConnection, run: (*KVStore).cmdClientHelp},
	{name: "id", arity: 2, flags: clientSub, cats: catConnection, run: (*KVStore).cmdClientId},
	{name: "info", arity: 2, flags: clientSub, cats: catConnection, run: (*KVStore).cmdClientInfo},
	{name: "kill", arity: -3, flags: admin | clientSub, cats: catConnection, run: (*KVStore).cmdClientKill},
	{name: "list", arity: -2, flags: admin | clientSub, cats: catConnection, run: (*KVStore).cmdClientList},
	{name: "no-evict", arity: 3, flags: admin | clientSub, cats: catConnection, run: (*KVStore).cmdClientNoEvict},
	{name: "pause", arity: -3, flags: admin | clientSub, cats: catConnection, run: (*KVStore).cmdClientPause},
	{name: "reply", arity: 3, flags: clientSub, cats: catConnection, run: (*KVStore).cmdClientReply},
	{name: "setname", arity: 3, flags: clientSub, cats: catConnection, run: (*KVStore).cmdClientSetname},
	{name: "tracking", arity: -3, flags: clientSub, cats: catConnection, run: (*KVStore).cmdClientTracking},
	{name: "trackinginfo", arity: 2, flags: clientSub, cats: catConnection, run: (*KVStore).cmdClientTrackinginfo},
	{name: "unblock", arity: -3, flags: admin | clientSub, cats: catConnection, run: (*KVStore).cmdClientUnblock},
	{name: "unpause", arity: 2, flags: admin | clientSub, cats: catConnection, run: (*KVStore).cmdClientUnpause},
}}

// cmdClientHelp serves CLIENT HELP.
func (kv *KVStore) cmdClientHelp(c *Client, args []string) error {
	c.replyHelp("CLIENT",
		"CACHING (YES|NO)",
		"    Whether the keys of the next command are tracked, in OPTIN and OPTOUT mode.",
		"GETNAME",
		"    The name of this connection.",
		"GETREDIR",
		"    The connection that hears of the keys that this one tracks.",
		"ID",
		"    The number of this connection.",
		"INFO",
		"    This connection as CLIENT LIST would show it.",
		"KILL <ip:port>",
		"    Close the connection from <ip:port>.",
		"KILL <option> <value> [<option> <value> [...]]",
		"    Close every connection that all options fit:",
		"    * ID <client-id>",
		"      The connection of that number.",
		"    * ADDR (<ip:port>|<unixsocket>:0)",
		"      Those whose far end is the address.",
		"    * LADDR (<ip:port>|<unixsocket>:0)",
		"      Those whose near end is the address.",
		"    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
		"      Those of the type.",
		"    * USER <username>",
		"      Those that authenticated as the user.",
		"    * SKIPME (YES|NO)",
		"      Whether this connection is spared (default: yes).",
		"LIST [options ...]",
		"    A line for each connection. Options:",
		"    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
		"      Only those of the type.",
		"    * ID <client-id> [<client-id> [...]]",
		"      Only those of the numbers.",
		"NO-EVICT (ON|OFF)",
		"    Whether this connection is spared when clients are evicted for memory.",
		"PAUSE <timeout> [WRITE|ALL]",
		"    Hold back all commands, or those that write, for <timeout> milliseconds.",
		"REPLY (ON|OFF|SKIP)",
		"    Whether this connection is answered.",
		"SETNAME <name>",
		"    Name this connection.",
		"TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
		"         [OPTIN] [OPTOUT] [NOLOOP]",
		"    Whether this connection, or another, is told when keys it has read change.",
		"TRACKINGINFO",
		"    How this connection tracks keys.",
		"UNBLOCK <clientid> [TIMEOUT|ERROR]",
		"    End the blocking of a connection as a time-out or with an error.",
		"UNPAUSE",
		"    End a pause.")
	return nil
}

// replyHelp answers HELP of a container with its lines, framed as Redis frames them.
func (c *Client) replyHelp(name string, lines ...string) {
	c.reply.Array(len(lines) + 3)
	c.reply.Status(name + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
	for _, line := range lines {
		c.reply.Status(line)
	}
	c.reply.Status("HELP")
	c.reply.Status("    Print this help.")
}

// cmdClientId serves CLIENT ID.
func (kv *KVStore) cmdClientId(c *Client, args []string) error {
	c.reply.Int(c.id)
	return nil
}

// cmdClientGetname serves CLIENT GETNAME.
func (kv *KVStore) cmdClientGetname(c *Client, args []string) error {
	if c.name == "" {
		c.reply.Null()
		return nil
	}
	c.reply.Bulk(c.name)
	return nil
}

// cmdClientSetname serves CLIENT SETNAME name.
func (kv *KVStore) cmdClientSetname(c *Client, args []string) error {
	if !c.setName(args[2]) {
		return errClientName
	}
	c.reply.OK()
	return nil
}

// cmdClientInfo serves CLIENT INFO.
func (kv *KVStore) cmdClientInfo(c *Client, args []string) error {
	c.reply.Verbatim("txt", c.describe()+"\n")
	return nil
}

// cmdClientList serves CLIENT LIST [TYPE type] [ID id ...].
func (kv *KVStore) cmdClientList(c *Client, args []string) error {
	var list []*Client
	switch {
	case len(args) == 4 && is(args[2], "type"):
		class, ok := clientType(args[3])
		if !ok {
			return errf("ERR Unknown client type '%s'", cString(args[3]))
		}
		for _, other := range kv.sortedClients() {
			if class == classOfType(other) {
				list = append(list, other)
			}
		}
	case len(args) > 3 && is(args[2], "id"):
		for _, arg := range args[3:] {
			id, ok := canonicalInt(arg)
			if !ok {
				return errf("ERR Invalid client ID")
			}
			if other := kv.clients[id]; other != nil {
				list = append(list, other)
			}
		}
	case len(args) == 2:
		list = kv.sortedClients()
	default:
		return errSyntax
	}
	var out strings.Builder
	for _, other := range list {
		out.WriteString(other.describe())
		out.WriteByte('\n')
	}
	c.reply.Verbatim("txt", out.String())
	return nil
}

// sortedClients lists the clients, the oldest first.
func (kv *KVStore) sortedClients() []*Client {
	return slices.SortedFunc(maps.Values(kv.clients), func(a, b *Client) int { return int(a.id - b.id) })
}

// A clientTypeName is a TYPE of CLIENT LIST and CLIENT KILL.
const (
	typeNormal = iota
	typeMaster
	typeReplica
	typePubsub
)

// clientType is the type of that name.
func clientType(name string) (t int, ok bool) {
	for t, names := range [...][]string{{"normal"}, {"master"}, {"replica", "slave"}, {"pubsub"}} {
		for _, n := range names {
			if is(name, n) {
				return t, true
			}
		}
	}
	return 0, false
}

// classOfType is the type of a client.
func classOfType(c *Client) int {
	switch {
	case c.master != nil:
		return typeMaster
	case c.isReplica():
		return typeReplica
	case c.subs.count() > 0:
		return typePubsub
	}
	return typeNormal
}

// cmdClientReply serves CLIENT REPLY ON|OFF|SKIP.
func (kv *KVStore) cmdClientReply(c *Client, args []string) error {
	switch {
	case is(args[2], "on"):
		c.replyMode = replyOn
		c.reply.OK()
	case is(args[2], "off"):
		c.replyMode = replyOff
	case is(args[2], "skip"):
		if c.replyMode != replyOff {
			c.replyMode = replySkipNext
		}
	default:
		return errSyntax
	}
	return nil
}

// cmdClientNoEvict serves CLIENT NO-EVICT ON|OFF.
func (kv *KVStore) cmdClientNoEvict(c *Client, args []string) error {
	switch {
	case is(args[2], "on"):
		c.noEvict = true
	case is(args[2], "off"):
		c.noEvict = false
	default:
		return errSyntax
	}
	kv.count(c)
	c.reply.OK()
	return nil
}

// A killFilter is what CLIENT KILL asks for; unset parts fit everybody.
type killFilter struct {
	addr, laddr *string
	user        *user
	clientType  int // -1: any
	id          int64
	skipMe      bool
}

// cmdClientKill serves CLIENT KILL address, and CLIENT KILL option value … .
func (kv *KVStore) cmdClientKill(c *Client, args []string) error {
	f := killFilter{clientType: -1, skipMe: true}
	if len(args) == 3 {
		f.addr, f.skipMe = &args[2], false
	} else if err := f.parse(kv, args[2:]); err != nil {
		return err
	}
	killed, self := 0, false
	for _, other := range kv.sortedClients() {
		if other.closing || !f.fits(other) || other == c && f.skipMe {
			continue
		}
		killed++
		if other == c {
			self = true
		} else {
			other.kill()
		}
	}
	if len(args) > 3 {
		c.reply.Int(int64(killed))
	} else if killed == 0 {
		return errf("ERR No such client")
	} else {
		c.reply.OK()
	}
	if self {
		c.closeAfterReply = true
		c.endBatch = true
	}
	return nil
}

func (f *killFilter) parse(kv *KVStore, options []string) error {
	for ; len(options) > 0; options = options[2:] {
		if len(options) == 1 {
			return errSyntax
		}
		value := options[1]
		switch {
		case is(options[0], "id"):
			n, ok := canonicalInt(value)
			if !ok || n < 1 {
				return errf("ERR client-id should be greater than 0")
			}
			f.id = n
		case is(options[0], "type"):
			t, ok := clientType(value)
			if !ok {
				return errf("ERR Unknown client type '%s'", cString(value))
			}
			f.clientType = t
		case is(options[0], "addr"):
			f.addr = &value
		case is(options[0], "laddr"):
			f.laddr = &value
		case is(options[0], "user"):
			if f.user = kv.users[value]; f.user == nil {
				return errf("ERR No such user '%s'", cString(value))
			}
		case is(options[0], "skipme") && is(value, "yes"):
			f.skipMe = true
		case is(options[0], "skipme") && is(value, "no"):
			f.skipMe = false
		default:
			return errSyntax
		}
	}
	return nil
}

func (f *killFilter) fits(c *Client) bool {
	return (f.addr == nil || *f.addr == c.addr) &&
		(f.laddr == nil || *f.laddr == c.laddr) &&
		(f.clientType < 0 || f.clientType == classOfType(c)) &&
		(f.id == 0 || f.id == c.id) &&
		(f.user == nil || f.user == c.user)
}

// cmdClientPause serves CLIENT PAUSE timeout [WRITE|ALL].
func (kv *KVStore) cmdClientPause(c *Client, args []string) error {
	kind := pauseAll
	switch {
	case len(args) > 4:
		return errUnknownSubOrArity("client", args[1])
	case len(args) == 4 && is(args[3], "write"):
		kind = pauseWrites
	case len(args) == 4 && !is(args[3], "all"):
		return errf("ERR CLIENT PAUSE mode must be WRITE or ALL")
	}
	ms, ok := canonicalInt(args[2])
	if !ok {
		return errf("ERR timeout is not an integer or out of range")
	}
	if ms < 0 {
		return errTimeoutNegative
	}
	kv.pauseFor(pauseByClient, kind, ms)
	c.reply.OK()
	return nil
}

// cmdClientUnpause serves CLIENT UNPAUSE.
func (kv *KVStore) cmdClientUnpause(c *Client, args []string) error {
	kv.unpause(pauseByClient)
	c.reply.OK()
	return nil
}

// cmdClientUnblock serves CLIENT UNBLOCK id [TIMEOUT|ERROR].
func (kv *KVStore) cmdClientUnblock(c *Client, args []string) error {
	if len(args) > 4 {
		return errUnknownSubOrArity("client", args[1])
	}
	if len(args) == 4 && !is(args[3], "timeout") && !is(args[3], "error") {
		return errf("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
	}
	id, err := parseInt(args[2])
	if err != nil {
		return err
	}
	other := kv.clients[id]
	if other == nil || other.waiter == nil || other.waiter.onTimeout == nil { // a pause, SHUTDOWN or MIGRATE cannot be ended for one client
		c.reply.Int(0)
		return nil
	}
	w := other.waiter
	if len(args) == 4 && is(args[3], "error") {
		kv.resume(w, failWith(errUnblocked))
		c.cmd.stats.failed++ // Redis counts the error for both commands
	} else {
		kv.resume(w, timedOut)
		w.cmd.stats.failed++
	}
	c.reply.Int(1)
	return nil
}

// describe is the client as CLIENT LIST shows it.
func (c *Client) describe() string {
	kv := c.kv
	multi, cmd, user := -1, "NULL", "(superuser)"
	if c.txn.open {
		multi = len(c.txn.queued)
	}
	if c.cmd != nil {
		cmd = c.cmd.full
	}
	if c.user != nil {
		user = c.user.name
	}
	events, buffers := "r", len(c.out.queue)
	if c.out.queued.Load() > 0 {
		events = "rw"
		buffers++
	}
	mem := c.memory()
	return fmt.Sprintf("id=%d addr=%s laddr=%s fd=%d name=%s age=%d idle=%d flags=%s db=%d sub=%d psub=%d ssub=%d multi=%d "+
		"qbuf=%d qbuf-free=%d argv-mem=%d multi-mem=%d rbs=%d rbp=%d obl=%d oll=%d omem=%d tot-mem=%d events=%s cmd=%s user=%s redir=%d resp=%d",
		c.id, c.addr, c.laddr, c.fd, c.name, (kv.nowMs-c.created)/1000, (kv.nowMs-c.lastActive)/1000, c.flagLetters(), c.db.id,
		c.subs.channels(), c.subs.patterns(), c.subs.shards(), multi,
		mem.query, mem.queryFree, mem.argv, c.txn.bytes, mem.replySize, c.out.peak, len(c.reply.Buf), buffers, mem.output, mem.total,
		events, cmd, user, c.redirectsTo(), c.reply.Proto)
}

// flagLetters are the flags of CLIENT LIST.
func (c *Client) flagLetters() string {
	flags := ""
	for _, f := range []struct {
		set    bool
		letter string
	}{
		{c.monitors, "O"},
		{c.isReplica(), "S"},
		{c.master != nil, "M"},
		{c.subs.count() > 0, "P"},
		{c.txn.open, "x"},
		{c.parked != notParked, "b"},
		{c.tracks(), "t"},
		{c.tracks() && c.tracking.broken, "R"},
		{c.tracks() && c.tracking.bcast, "B"},
		{c.txn.dirty, "d"},
		{c.closeAfterReply, "c"},
		{c.closing, "A"},
		{c.unixSocket, "U"},
		{c.readonly, "r"},
		{c.noEvict, "e"},
	} {
		if f.set {
			flags += f.letter
		}
	}
	if flags == "" {
		return "N"
	}
	return flags
}

// clientMemory is what a client's buffers hold, in bytes.
type clientMemory struct {
	query, queryFree, argv, replySize, output, total int64
}

// memory counts what the client holds. Buffers that an idle client has given
// back count for nothing.
func (c *Client) memory() clientMemory {
	var m clientMemory
	m.query = c.pending.Load()
	m.queryFree = max(c.inputSize.Load()-m.query, 0)
	argv := c.argv
	if c.waiter != nil {
		argv = c.waiter.args
	}
	for _, arg := range argv {
		m.argv += int64(len(arg))
	}
	if c.kv.client == c && c.ws != nil {
		m.query = int64(c.w - c.r)
		m.queryFree = int64(len(c.ws.in)) - m.query
	}
	m.replySize = int64(cap(c.reply.Buf))
	if m.output = c.pendingOutput(); !c.isReplica() {
		m.output = limitedBytes(m.output)
	}
	waiting := c.out.held + c.out.queued.Load()
	m.total = m.query + m.queryFree + m.argv + max(m.replySize+waiting, m.output) + int64(c.txn.bytes) + c.subs.bytes() +
		c.tracking.bytes() + int64(len(c.txn.watched))*watchBytes + clientStructBytes
	return m
}

// clientStructBytes is about what a Client and its goroutine's stack take.
const clientStructBytes = 6 << 10

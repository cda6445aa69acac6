package store

import (
	"slices"
	"strings"

	"github.com/codecrafters-io/redis-starter-go/app/dict"
)

// Commands are records: one for each name, with its arity, flags, keys and
// handler. Admission, COMMAND, ACL, WATCH and the touching of keys ahead of a
// batch all read the record; no handler repeats what the record says.

// cmdFlags are the properties of a command.
type cmdFlags uint32

const (
	write cmdFlags = 1 << iota
	readonly
	denyOOM
	admin
	pubsub
	noScript
	blocking
	loading
	stale
	skipMonitor
	skipSlowlog
	asking
	fast
	noAuth
	mayReplicate
	noMulti
	movableKeys
	allowBusy
	noAsyncLoading
	noMandatoryKeys

	// What follows is ours and is never listed.

	immediate // runs at once inside MULTI instead of being queued
	inPubsub  // allowed to a RESP2 client in subscribed mode
	protected // allowed only as enable-debug-command or enable-module-command says
	endsBatch // may change how what follows is parsed or whether it runs
	wanders   // comes across keys that nobody has named
	dynamic   // an EXEC: flags of the queued commands count as its own
)

func (f cmdFlags) has(g cmdFlags) bool { return f&g != 0 }

// keyFlags say what a command does with the keys of one key spec.
type keyFlags uint16

const (
	keyRO keyFlags = 1 << iota
	keyRW
	keyOW
	keyRM
	keyAccess
	keyUpdate
	keyInsert
	keyDelete
	keyNotKey
	keyIncomplete
	keyVariable
)

// A keySpec tells where a command's keys are, as COMMAND INFO describes them.
type keySpec struct {
	flags   keyFlags
	index   int    // of the first key; unused when keyword is set
	keyword string // the keys follow this argument, searched from argument `from`
	from    int
	last    int // of the range, relative to the first key; negative: from the end
	step    int
	limit   int
	numkeys bool // the argument at the first position counts the keys that follow
	unknown bool // cannot be told without running the command's own rules
}

// key1 is the spec of a command whose only key is its first argument.
func key1(flags keyFlags) []keySpec { return keyAt(1, flags) }

// keyAt is the spec of a command with one key, at argument i.
func keyAt(i int, flags keyFlags) []keySpec {
	return []keySpec{{flags: flags, index: i, step: 1}}
}

// keyRange is the spec of keys from argument first on, every step arguments.
// last is relative to first, or negative to count from the end.
func keyRange(first, last, step int, flags keyFlags) []keySpec {
	return []keySpec{{flags: flags, index: first, last: last, step: step}}
}

// A handler serves one command whose record admitted it. It replies through
// c.reply or returns an error, never both.
type handler func(kv *KVStore, c *Client, args []string) error

// A command is one command or subcommand.
type command struct {
	name     string // lower case; of a subcommand, without its container
	arity    int    // number of arguments with the name; negative: at least so many
	flags    cmdFlags
	cats     aclCategory // besides those that follow from the flags
	keys     []keySpec
	run      handler
	subs     []command
	getKeys  keyFinder  // for keys that the specs cannot tell
	element  int        // argument that holds an element of the first key's value, 0 when there is none
	channels channelUse // among the arguments

	full     string // as errors and COMMAND call it: client|setname
	id       uint16 // in a commandSet
	firstKey int    // argument that holds the first key, 0 when none is known
	parent   *command
	bySub    map[string]*command
	secrets  secretFinder // nil: there are none among its arguments
	stats    commandStats
}

// commandStats are what INFO commandstats and latencystats show of a command.
type commandStats struct {
	calls     int64
	ns        int64
	rejected  int64
	failed    int64
	durations *histogram // nil before the first call that is tracked
}

// families lists every family of commands, by hand: nothing registers itself.
func families() [][]command {
	return [][]command{
		stringCommands,
		bitmapCommands,
		hllCommands,
		listCommands,
		listBlockingCommands,
		hashCommands,
		hashExpireCommands,
		setCommands,
		setAlgebraCommands,
		zsetCommands,
		zsetRangeCommands,
		zsetStoreCommands,
		zsetBlockingCommands,
		geoCommands,
		streamCommands,
		streamReadCommands,
		streamGroupCommands,
		sortCommands,
		connectionCommands,
		transactionCommands,
		pubsubCommands,
		aclCommands,
		configCommands,
		moduleCommands,
		serverCommands,
		clusterCommands,
		commandCommands,
		debugCommands,
		genericCommands,
		expireCommands,
		scanCommands,
		keyspaceCommands,
		objectCommands,
		memoryCommands,
		dumpCommands,
		migrateCommands,
		persistenceCommands,
		replicaCommands,
		failoverCommands,
		replicationCommands,
		slowlogCommands,
		latencyCommands,
		monitorCommands,
		lolwutCommands,
	}
}

// commandTable finds a command by its name, in any case.
type commandTable struct {
	byName map[string]*command
	short  [shortSlots]shortSlot
	sorted []*command // by name
	acl    *aclTable
}

func newCommandTable() *commandTable {
	t := &commandTable{byName: make(map[string]*command)}
	for _, family := range families() {
		for i := range family {
			cmd := family[i] // a copy: statistics are each server's own
			cmd.complete(nil)
			t.byName[cmd.name] = &cmd
			t.sorted = append(t.sorted, &cmd)
		}
	}
	slices.SortFunc(t.sorted, func(a, b *command) int { return strings.Compare(a.name, b.name) })
	t.acl = newACLTable(t.sorted)
	t.index()
	return t
}

// complete fills in what follows from the rest of the record.
func (cmd *command) complete(parent *command) {
	cmd.full = cmd.name
	if parent != nil {
		cmd.full = parent.name + "|" + cmd.name
		cmd.parent = parent
	}
	cmd.secrets = secretFinders[cmd.full]
	for _, k := range cmd.keys {
		if k.index > 0 && !k.numkeys && !k.unknown && !k.flags.has(keyNotKey) {
			cmd.firstKey = k.index
			break
		}
	}
	if cmd.subs == nil {
		return
	}
	subs := make([]command, len(cmd.subs))
	copy(subs, cmd.subs)
	cmd.subs = subs
	cmd.bySub = make(map[string]*command, len(subs))
	for i := range subs {
		subs[i].complete(cmd)
		cmd.bySub[subs[i].name] = &subs[i]
	}
}

func (f keyFlags) has(g keyFlags) bool { return f&g != 0 }

// commandNameMax is longer than any command's name.
const commandNameMax = 32

// lookup finds the command or subcommand that args call, nil when there is none.
func (t *commandTable) lookup(args []string) *command {
	cmd := t.find(args[0])
	if cmd == nil || cmd.bySub == nil || len(args) < 2 {
		return cmd
	}
	return cmd.sub(args[1])
}

// find finds a command by its own name.
func (t *commandTable) find(name string) *command {
	if n := len(name); n <= shortName && n > 0 {
		x := foldShort(name)
		if slot := &t.short[slotOf(x)]; slot.letters == x && slot.n == n {
			return slot.cmd
		}
	}
	var buf [commandNameMax]byte
	lower, ok := lowerInto(&buf, name)
	if !ok {
		return nil
	}
	return t.byName[string(lower)]
}

// Most names that come in are short words. They are found in one step by their
// letters, folded to lower case and packed into an integer.
const (
	shortName  = 8
	shortBits  = 9
	shortSlots = 1 << shortBits
)

type shortSlot struct {
	letters uint64
	n       int
	cmd     *command
}

// foldShort packs a name of 1 to 8 bytes. Names of letters fold to the same
// integer in either case and to one that no other bytes fold to.
func foldShort(name string) uint64 {
	var x uint64
	for i := range len(name) {
		x = x<<8 | uint64(name[i]|0x20)
	}
	return x
}

func slotOf(x uint64) uint64 { return x * 0x9e3779b97f4a7c15 >> (64 - shortBits) }

// index fills the short names from byName. Where two want one slot, one of
// them is found the long way.
func (t *commandTable) index() {
	t.short = [shortSlots]shortSlot{}
	for name, cmd := range t.byName {
		if len(name) <= shortName && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") == "" {
			x := foldShort(name)
			t.short[slotOf(x)] = shortSlot{x, len(name), cmd}
		}
	}
}

// sub finds a subcommand by its own name.
func (cmd *command) sub(name string) *command {
	var buf [commandNameMax]byte
	lower, ok := lowerInto(&buf, name)
	if !ok {
		return nil
	}
	return cmd.bySub[string(lower)]
}

// lowerInto puts name in lower case into buf, without allocating.
func lowerInto(buf *[commandNameMax]byte, name string) ([]byte, bool) {
	if len(name) > len(buf) {
		return nil, false
	}
	for i := range len(name) {
		b := name[i]
		if 'A' <= b && b <= 'Z' {
			b |= 0x20
		}
		buf[i] = b
	}
	return buf[:len(name)], true
}

// checkArity reports whether n arguments, the name included, suit the command.
func (cmd *command) checkArity(n int) bool {
	if cmd.arity >= 0 {
		return n == cmd.arity
	}
	return n >= -cmd.arity
}

// hashOfFirstKey is the hash of the key a command starts with, for touching.
func (cmd *command) hashOfFirstKey(t *dict.Type, args []string) (uint64, bool) {
	if cmd.firstKey == 0 || cmd.firstKey >= len(args) {
		return 0, false
	}
	return t.Hash(args[cmd.firstKey]), true
}

// upperName is the container's name as "Try X HELP" spells it.
func upperName(s string) string { return strings.ToUpper(s) }

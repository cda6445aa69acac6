package store

import (
	"math"
	"strings"
	"time"
)

// DEBUG: what tests need to steer a server.

var debugCommands = []command{
	{name: "debug", arity: -2, flags: admin | noScript | loading | stale | protected, run: (*KVStore).cmdDebug},
}

// cmdDebug serves DEBUG subcommand [argument ...]. The subcommands are no
// records of their own, as in Redis.
func (kv *KVStore) cmdDebug(c *Client, args []string) error {
	sub, rest := strings.ToLower(args[1]), args[2:]
	for _, d := range debugSubcommands {
		if d.name == sub && (len(rest) == d.args || d.args < 0 && len(rest) >= -d.args || d.args == anyArgs) {
			return d.run(kv, c, rest)
		}
	}
	return errUnknownSubOrArity(args[0], args[1])
}

// errUnknownSubOrArity is the answer of a container, by the name that it was called
// by, without records for its subcommands.
func errUnknownSubOrArity(container, sub string) replyError {
	return errf("ERR unknown subcommand or wrong number of arguments for '%s'. Try %s HELP.", cut(sub, quotedMax), upperName(container))
}

// A debugSubcommand is one DEBUG subcommand and its number of arguments,
// negative for at least so many.
type debugSubcommand struct {
	name string
	args int
	run  func(kv *KVStore, c *Client, args []string) error
}

// anyArgs are any number of arguments, none included.
const anyArgs = math.MinInt

var debugSubcommands = []debugSubcommand{
	{"aof-flush-sleep", 1, (*KVStore).debugFlushSleep},
	{"assert", anyArgs, (*KVStore).debugAssert},
	{"change-repl-id", 0, (*KVStore).debugChangeReplId},
	{"config-rewrite-force-all", 0, (*KVStore).debugRewriteAll},
	{"digest", 0, (*KVStore).debugDigest},
	{"digest-value", anyArgs, (*KVStore).debugDigestValue},
	{"error", 1, (*KVStore).debugError},
	{"help", 0, (*KVStore).debugHelp},
	{"loadaof", 0, (*KVStore).debugLoadaof},
	{"log", 1, (*KVStore).debugLog},
	{"object", 1, (*KVStore).debugObject},
	{"oom", anyArgs, (*KVStore).debugOom},
	{"panic", anyArgs, (*KVStore).debugPanic},
	{"pause-cron", 1, (*KVStore).debugPauseCron},
	{"populate", -1, (*KVStore).debugPopulate},
	{"protocol", 1, (*KVStore).debugProtocol},
	{"quicklist-packed-threshold", 1, (*KVStore).debugPackedThreshold},
	{"reload", anyArgs, (*KVStore).debugReload},
	{"replicate", -1, (*KVStore).debugReplicate},
	{"replybuffer", 2, (*KVStore).debugReplybuffer},
	{"segfault", anyArgs, (*KVStore).debugSegfault},
	{"set-active-expire", 1, (*KVStore).debugSetActiveExpire},
	{"set-skip-checksum-validation", 1, (*KVStore).debugSkipChecksums},
	{"sleep", 1, (*KVStore).debugSleep},
}

func (kv *KVStore) debugHelp(c *Client, args []string) error {
	c.replyHelp("DEBUG",
		"AOF-FLUSH-SLEEP <microseconds>",
		"    Let each write to the append-only file take that much longer.",
		"ASSERT",
		"    Crash by an assertion that fails.",
		"CHANGE-REPL-ID",
		"    Take a new replication id.",
		"CONFIG-REWRITE-FORCE-ALL",
		"    Write every directive into the configuration file, defaults too.",
		"DIGEST",
		"    A digest of all data: equal data has equal digests, in Redis, too.",
		"DIGEST-VALUE [<key> ...]",
		"    A digest of the value of each <key>.",
		"ERROR <string>",
		"    Answer with the error.",
		"LOADAOF",
		"    Replace the data by what the append-only file makes.",
		"LOG <message>",
		"    Write the message into the log.",
		"OBJECT <key>",
		"    How the value of <key> is kept, more than OBJECT says.",
		"OOM",
		"    Crash as if there were no more memory.",
		"PANIC",
		"    Crash by a panic.",
		"PAUSE-CRON <0|1>",
		"    Stop or resume the housekeeping.",
		"POPULATE <count> [<prefix>] [<size>]",
		"    Make <count> string keys.",
		"PROTOCOL <type>",
		"    Answer with a value of the type: string, integer, double, null, array,",
		"    set, map, attrib, push, verbatim, true, false, bignum.",
		"QUICKLIST-PACKED-THRESHOLD <size>",
		"    From what size on an element of a list stands alone. 0 is the default, 1gb;",
		"    values up to 4gb are allowed.",
		"RELOAD [MERGE] [NOFLUSH] [NOSAVE]",
		"    Save the data and load it again. NOSAVE: load the file that is there.",
		"    NOFLUSH: keep the data in memory; with MERGE, keys of the file replace it.",
		"REPLICATE <command> [<argument> ...]",
		"    Send a command to the replicas without running it here.",
		"REPLYBUFFER PEAK-RESET-TIME <NEVER|RESET|time>",
		"REPLYBUFFER RESIZING <0|1>",
		"    Nothing, for an idle client holds no buffer that could be resized.",
		"SEGFAULT",
		"    Crash by an access to memory that is not there.",
		"SET-ACTIVE-EXPIRE <0|1>",
		"    Whether expired keys go by themselves.",
		"SET-SKIP-CHECKSUM-VALIDATION <0|1>",
		"    Whether the checksums of snapshots and of payloads of RESTORE are passed over.",
		"SLEEP <seconds>",
		"    Stop the server for that long. Fractions are allowed.")
	return nil
}

func (kv *KVStore) debugChangeReplId(c *Client, args []string) error {
	kv.setReplicationID(randomID())
	kv.repl.id2, kv.repl.offset2 = noReplicationID, -1
	c.reply.OK()
	return nil
}

func (kv *KVStore) debugRewriteAll(c *Client, args []string) error {
	if err := kv.config.RewriteAll(); err != nil {
		kv.log(logWarning, "DEBUG CONFIG-REWRITE-FORCE-ALL: %v", err)
		return errf("ERR CONFIG-REWRITE-FORCE-ALL failed")
	}
	c.reply.OK()
	return nil
}

func (kv *KVStore) debugError(c *Client, args []string) error {
	c.reply.Error(oneLine(args[0])) // no failure of the command, so not counted as one
	return nil
}

func (kv *KVStore) debugLog(c *Client, args []string) error {
	kv.log(logWarning, "DEBUG LOG: %s", args[0])
	c.reply.OK()
	return nil
}

func (kv *KVStore) debugPauseCron(c *Client, args []string) error {
	kv.cron.paused = args[0] != "0"
	c.reply.OK()
	return nil
}

func (kv *KVStore) debugSetActiveExpire(c *Client, args []string) error {
	kv.expiry.off = args[0] == "0"
	kv.cron.nudge()
	c.reply.OK()
	return nil
}

func (kv *KVStore) debugSkipChecksums(c *Client, args []string) error {
	kv.snapshot.skipChecksums = args[0] != "0"
	c.reply.OK()
	return nil
}

// debugReplybuffer steers the resizing of reply buffers, of which idle clients have
// none here. Tests ask for it all the same.
func (kv *KVStore) debugReplybuffer(c *Client, args []string) error {
	switch {
	case is(args[0], "peak-reset-time"):
		if !is(args[1], "never") && !is(args[1], "reset") {
			if _, err := parseInt(args[1]); err != nil {
				return err
			}
		}
	case !is(args[0], "resizing"):
		return errUnknownSubOrArity("debug", "replybuffer")
	}
	c.reply.OK()
	return nil
}

// debugSleep stops the whole server, which is what it is for.
func (kv *KVStore) debugSleep(c *Client, args []string) error {
	seconds, err := parseFloat(args[0])
	if err != nil {
		seconds = 0 // as strtod reads what is no number
	}
	time.Sleep(time.Duration(min(max(seconds, 0), math.MaxInt32) * float64(time.Second)))
	c.reply.OK()
	return nil
}

// debugPopulate makes keys named prefix:0, prefix:1 …, each with a value of
// size bytes, or value:N when size is 0. Keys that exist are left alone.
func (kv *KVStore) debugPopulate(c *Client, args []string) error {
	const countMax = math.MaxUint32
	if len(args) > 3 {
		return errUnknownSubOrArity("debug", "populate")
	}
	count, err := parseIntRange(args[0], 0, countMax)
	if err != nil {
		return errMustBePositive
	}
	prefix, size := "key", int64(0)
	if len(args) > 1 {
		prefix = args[1]
	}
	if len(args) > 2 {
		if size, err = parseIntRange(args[2], 0, kv.maxBulk); err != nil {
			return errMustBePositive
		}
	}
	for i := range count {
		key := prefix + ":" + formatInt(i)
		if c.db.lookupWrite(key).ok() {
			continue
		}
		value := "value:" + formatInt(i)
		if size > 0 {
			padded := make([]byte, size)
			copy(padded, value)
			value = string(padded)
		}
		c.db.set(key, value, false)
		kv.touched(c.db, key)
	}
	c.reply.OK()
	return nil
}

// debugProtocol answers with an example of a type of the protocol.
func (kv *KVStore) debugProtocol(c *Client, args []string) error {
	r := &c.reply
	switch strings.ToLower(args[0]) {
	case "string":
		r.Bulk("Hello World")
	case "integer":
		r.Int(12345)
	case "double":
		r.Double(3.141)
	case "null":
		r.Null()
	case "array":
		r.Array(3)
		for i := range int64(3) {
			r.Int(i)
		}
	case "set":
		r.Set(3)
		for i := range int64(3) {
			r.Int(i)
		}
	case "map":
		r.Map(3)
		for i := range int64(3) {
			r.Int(i)
			r.Bool(i == 1)
		}
	case "attrib":
		if r.Proto == 3 {
			r.Buf = append(r.Buf, "|1\r\n"...)
			r.Bulk("key-popularity")
			r.Array(2)
			r.Bulk("key:123")
			r.Int(90)
		}
		r.Bulk("Some real reply following the attribute")
	case "push":
		if r.Proto == 2 {
			return errf("ERR RESP2 is not supported by this command")
		}
		r.Push(2)
		r.Bulk("server-cpu-usage")
		r.Int(42)
		r.Bulk("Some real reply following the push reply")
	case "verbatim":
		r.Verbatim("txt", "This is a verbatim\nstring")
	case "true":
		r.Bool(true)
	case "false":
		r.Bool(false)
	case "bignum":
		r.BigNumber("1234567999999999999999999999999999999")
	default:
		return errf("ERR Wrong protocol type name. Please use one of the following: " +
			"string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false")
	}
	return nil
}

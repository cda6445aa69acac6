package store

import (
	"fmt"
	"math"

	"github.com/codecrafters-io/redis-starter-go/app/rdb"
)

// DUMP and RESTORE: a value as a client carries it from one server to another.

var dumpCommands = []command{
	{name: "dump", arity: 2, flags: readonly, cats: catKeyspace, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdDump},
	{name: "restore", arity: -4, flags: write | denyOOM, cats: catKeyspace | catDangerous, keys: key1(keyOW | keyUpdate), run: (*KVStore).cmdRestore},
	{name: "restore-asking", arity: -4, flags: write | denyOOM | asking, cats: catKeyspace | catDangerous, keys: key1(keyOW | keyUpdate), run: (*KVStore).cmdRestore},
}

// cmdDump serves DUMP key.
func (kv *KVStore) cmdDump(c *Client, args []string) error {
	e := c.db.lookupRead(args[1])
	if !e.ok() {
		c.reply.Null()
		return nil
	}
	c.reply.BulkBytes(kv.dump(e))
	return nil
}

// dump is the payload of a value.
func (kv *KVStore) dump(e entry) []byte {
	k := kv.newKeyEncoder(nil)
	k.enc.Value(kv.savedType(e))
	k.value(e)
	version := rdb.VersionDefault
	if e.typ() == typeHash && kv.fieldsExpire(e) {
		version = rdb.VersionFieldExpire
	}
	return k.enc.Payload(nil, version, kv.config.Bool("rdbcompression"))
}

const (
	errBusyKey    replyError = "BUSYKEY Target key name already exists."
	errBadTTL     replyError = "ERR Invalid TTL value, must be >= 0"
	errBadIdle    replyError = "ERR Invalid IDLETIME value, must be >= 0"
	errBadFreq    replyError = "ERR Invalid FREQ value, must be >= 0 and <= 255"
	errBadPayload replyError = "ERR DUMP payload version or checksum are wrong"
	errBadData    replyError = "ERR Bad data format"
)

// restoreOptions are what may follow the payload of RESTORE.
type restoreOptions struct {
	replace, absolute bool
	idle, freq        int64 // -1 when not given
}

func parseRestoreOptions(args []string) (o restoreOptions, err error) {
	o.idle, o.freq = -1, -1
	for i := 0; i < len(args); i++ {
		more := i+1 < len(args)
		switch arg := args[i]; {
		case is(arg, "replace"):
			o.replace = true
		case is(arg, "absttl"):
			o.absolute = true
		case is(arg, "idletime") && more && o.freq == -1:
			i++
			if o.idle, err = parseInt(args[i]); err != nil {
				return o, err
			}
			if o.idle < 0 {
				return o, errBadIdle
			}
		case is(arg, "freq") && more && o.idle == -1:
			i++
			if o.freq, err = parseInt(args[i]); err != nil {
				return o, err
			}
			if o.freq < 0 || o.freq > math.MaxUint8 {
				return o, errBadFreq
			}
		default:
			return o, errSyntax
		}
	}
	return o, nil
}

// cmdRestore serves RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds]
// [FREQ counter], and RESTORE-ASKING.
func (kv *KVStore) cmdRestore(c *Client, args []string) error {
	o, err := parseRestoreOptions(args[4:])
	if err != nil {
		return err
	}
	key := args[1]
	if !o.replace && c.db.lookupWrite(key).ok() {
		return errBusyKey
	}
	ttl, err := parseInt(args[2])
	if err != nil {
		return err
	}
	if ttl < 0 {
		return errBadTTL
	}
	v, err := kv.readPayload(c, args[3])
	if err != nil {
		return err
	}
	deleted := false
	if old := c.db.find(key); old.ok() && o.replace {
		c.db.remove(old)
		deleted = true
	}
	at := int64(-1)
	if ttl > 0 {
		if at = ttl; !o.absolute {
			at += kv.nowMs // may wrap round, to what has expired
		}
		if kv.alreadyExpired(at) {
			v.drop(kv)
			kv.restoredExpired(c, key, deleted)
			return nil
		}
	}
	e := v.store(c.db, key, max(at, -1))
	kv.setUsage(e, o.freq, o.idle)
	kv.changed(c.db, key, eventGeneric, "restore")
	if ttl > 0 && !o.absolute {
		// Propagate the moment, not the delay.
		effect := append([]string{args[0], key, formatInt(at)}, args[3:]...)
		c.effect(append(effect, "ABSTTL")...)
	}
	c.reply.OK()
	return nil
}

// restoredExpired ends a RESTORE of what has expired: the key is gone, if it was
// there.
func (kv *KVStore) restoredExpired(c *Client, key string, deleted bool) {
	if deleted {
		kv.changed(c.db, key, eventGeneric, "del")
		c.effect("DEL", key)
	}
	c.reply.OK()
}

// readPayload makes a value of a payload.
func (kv *KVStore) readPayload(c *Client, payload string) (looseValue, error) {
	var options []rdb.Option
	if kv.snapshot.skipChecksums {
		options = append(options, rdb.WithoutChecksum())
	}
	r, err := rdb.NewPayloadReader(payload, options...)
	if err != nil {
		return looseValue{}, errBadPayload
	}
	l := valueLoader{kv: kv, r: r}
	v, err := l.loadPayload(payload)
	if kv.sanitizes(c) {
		kv.stats.sanitizations += l.blobs
	}
	if err != nil {
		kv.log(logVerbose, "RESTORE refused: %s integrity check failed: %v", formNames[payload[0]], err)
		return looseValue{}, errBadData
	}
	return v, nil
}

// formNames are what Redis's log calls the forms of values by their type in a
// payload.
var formNames = [256]string{
	0: "String", 1: "List", 2: "Set", 3: "Zset", 4: "Hash", 5: "Zset", 9: "Zipmap", 10: "List ziplist", 11: "Intset", 12: "Zset ziplist",
	13: "Hash ziplist", 14: "Ziplist", 15: "Stream listpack", 16: "Hash listpack", 17: "Zset listpack", 18: "Listpack", 19: "Stream listpack",
	20: "Set listpack", 21: "Stream listpack", 24: "Hash", 25: "Hash listpack",
}

// loadPayload is load for a payload, which must begin with its value.
func (l *valueLoader) loadPayload(payload string) (looseValue, error) {
	const opcodes = 240 // types are below
	if payload[0] >= opcodes {
		return looseValue{}, fmt.Errorf("an opcode, %d, where a type should be", payload[0])
	}
	event, err := l.r.Next()
	if err != nil {
		return looseValue{}, err
	}
	if event != rdb.EventKey {
		return looseValue{}, errEmptyValue
	}
	return l.load()
}

// sanitizes reports whether sanitize-dump-payload wants what the client restores
// to be looked at in depth. It always is here, and only the count depends on it.
func (kv *KVStore) sanitizes(c *Client) bool {
	switch kv.config.Str("sanitize-dump-payload") {
	case "yes":
		return true
	case "clients":
		return c.user == nil || c.user.sanitize != sanitizeSkip
	}
	return false
}

// setUsage says how often, or how many seconds ago, a key was used, -1 when that
// is not known. Which of them counts is up to the policy of maxmemory.
func (kv *KVStore) setUsage(e entry, freq, idle int64) {
	const lruMax = 1<<24 - 1
	switch {
	case kv.lfu:
		if freq >= 0 {
			e.setAccess(kv.lfuMinutes()<<8 | uint32(freq))
		}
	case idle >= 0:
		at := int64(kv.lruClock) - idle
		if at < 0 {
			at += lruMax
		}
		e.setAccess(uint32(at) & lruMax)
	}
}

// Package rdb reads and writes Redis's snapshots: files, the payload of a full
// synchronization, and the payloads of DUMP and RESTORE.
//
//	"REDIS" version   record   record   …   0xff   CRC-64
//	                  │
//	                  ▼
//	  opcode, operands: an aux field, SELECTDB, RESIZEDB, a function library
//	  or a key:  [expiry] [idle time or frequency] type, key, value
//
// The package knows the format and no store. A Reader yields one key at a time
// and big values in pieces, as views of its buffer; an Encoder takes the same
// pieces and lays them out in memory, and a Writer sends what Encoders hold to
// a file, compressed and with its checksum. So nothing here grows with the data.
//
// Small hashes, sets and sorted sets, and the nodes of lists and streams are
// listpacks or intsets in a snapshot as they are in memory. The Reader hands
// these over as they are once it has looked at every entry in them, and makes
// them of what older versions had instead.
package rdb

import (
	"errors"
	"fmt"
	"strconv"
)

// A Type says how a value is laid out. The numbers are those of the format.
type Type uint8

// What a Reader yields, and what an Encoder may be given. TypeSetListpack
// needs version 11 and the hashes whose fields expire version 12; the others are
// what Redis 7.0 writes, but for the elements of lists, which are older.
const (
	TypeString             Type = 0
	TypeListElements       Type = 1  // elements one by one
	TypeSet                Type = 2  // elements one by one
	TypeHash               Type = 4  // fields one by one
	TypeZset               Type = 5  // members one by one
	TypeSetIntset          Type = 11 // one blob, an intset
	TypeHashListpack       Type = 16 // one blob, fields and values
	TypeZsetListpack       Type = 17 // one blob, members and scores
	TypeList               Type = 18 // nodes, listpacks or single elements
	TypeStream             Type = 19 // nodes, then consumer groups
	TypeSetListpack        Type = 20 // one blob, elements
	TypeHashExpire         Type = 24 // fields one by one, with their expiry
	TypeHashListpackExpire Type = 25 // one blob, fields, values and expiries in ms, 0 for none
)

// What else there is in snapshots, and is yielded as one of the above.
const (
	typeZsetText          Type = 3 // scores as text
	typeModule            Type = 6
	typeModule2           Type = 7
	typeNone              Type = 8 // was never given out
	typeHashZipmap        Type = 9
	typeListZiplist       Type = 10
	typeZsetZiplist       Type = 12
	typeHashZiplist       Type = 13
	typeListZiplists      Type = 14 // nodes that are ziplists
	typeStream1           Type = 15 // without what 7.0 added
	typeStream3           Type = 21 // with the active time of consumers
	typeHashExpireRC      Type = 22 // of a release candidate: no common base of the expiries
	typeHashListpackExpRC Type = 23

	typeMax = TypeHashListpackExpire
)

const (
	magic           = "REDIS"
	headerSize      = len(magic) + 4
	versionMax      = 12
	checksumVersion = 5 // since then a snapshot ends with one
	checksumSize    = 8

	// The containers of list nodes.
	nodePlain  = 1
	nodePacked = 2

	fieldExpiryMax = 1<<48 - 1 // ms; Redis has no room for more
)

// The opcodes.
const (
	opSlotInfo     = 244
	opFunction     = 245
	opFunctionRC   = 246 // of a release candidate of 7.0
	opModuleAux    = 247
	opIdle         = 248
	opFreq         = 249
	opAux          = 250
	opResizeDB     = 251
	opExpireMs     = 252
	opExpireSecond = 253
	opSelectDB     = 254
	opEnd          = 255
)

var typeNames = [...]string{
	TypeString:             "string",
	TypeListElements:       "list",
	TypeSet:                "set",
	typeZsetText:           "zset",
	TypeHash:               "hash",
	TypeZset:               "zset-v2",
	typeModule:             "module-value",
	typeModule2:            "module-value-v2",
	typeNone:               "",
	typeHashZipmap:         "hash-zipmap",
	typeListZiplist:        "list-ziplist",
	TypeSetIntset:          "set-intset",
	typeZsetZiplist:        "zset-ziplist",
	typeHashZiplist:        "hash-ziplist",
	typeListZiplists:       "quicklist",
	typeStream1:            "stream",
	TypeHashListpack:       "hash-listpack",
	TypeZsetListpack:       "zset-listpack",
	TypeList:               "quicklist-v2",
	TypeStream:             "stream-v2",
	TypeSetListpack:        "set-listpack",
	typeStream3:            "stream-v3",
	typeHashExpireRC:       "hash-metadata-rc",
	typeHashListpackExpRC:  "hash-listpack-ex-rc",
	TypeHashExpire:         "hash-metadata",
	TypeHashListpackExpire: "hash-listpack-ex",
}

var opcodeNames = map[int]string{
	opSlotInfo:     "slot-info",
	opFunction:     "function",
	opFunctionRC:   "function-rc",
	opModuleAux:    "module-aux",
	opIdle:         "idle",
	opFreq:         "freq",
	opAux:          "aux",
	opResizeDB:     "resizedb",
	opExpireMs:     "expiretime-ms",
	opExpireSecond: "expiretime",
	opSelectDB:     "selectdb",
	opEnd:          "eof",
}

// codeName names an opcode or type, with its number.
func codeName(code int) string {
	name := opcodeNames[code]
	if code >= 0 && code < len(typeNames) {
		name = typeNames[code]
	}
	if name == "" {
		return strconv.Itoa(code)
	}
	return strconv.Itoa(code) + " (" + name + ")"
}

// isValue reports whether an opcode is the type of a value.
func isValue(code byte) bool { return Type(code) <= typeMax && Type(code) != typeNone }

// What an Error may be at bottom, next to io.ErrUnexpectedEOF for input that
// ends too early and whatever the source of the input failed with.
var (
	ErrSignature = errors.New("wrong signature")
	ErrVersion   = errors.New("cannot handle format version")
	ErrChecksum  = errors.New("wrong checksum")
)

// An Error says where reading failed, and why.
type Error struct {
	Offset int64  // how far reading had come
	Code   int    // opcode or type of the record, -1 before the first
	Key    string // of the value that was read, if it was one
	Err    error
}

func (e *Error) Error() string {
	where := ""
	if e.Code >= 0 {
		where = " opcode " + codeName(e.Code) + ":"
		if isValue(byte(e.Code)) {
			where = fmt.Sprintf(" key %s: type %s:", quoted(e.Key), codeName(e.Code))
		}
	}
	return fmt.Sprintf("rdb: offset %d:%s %v", e.Offset, where, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// quoted is a key as an error shows it: not longer than people read.
func quoted(key string) string {
	const shown = 128
	if len(key) > shown {
		return strconv.Quote(key[:shown]) + "…"
	}
	return strconv.Quote(key)
}

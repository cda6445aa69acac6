package store

import (
	"strconv"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// A record is a key and its value in one arena block:
//
//	+0  kind: bit 7 set when an expiry follows; 3 bits type; 4 bits encoding
//	+1  3 bytes of LRU clock, or LFU counter and minutes
//	+4  8 bytes: expiry in ms since 1970, only with bit 7 of the kind
//	    key length (uvarint), key
//	    value, by encoding:
//	      int       8 bytes
//	      embstr    1 byte length, bytes
//	      raw       4 bytes length, bytes
//	      listpack  its bytes, which begin with their number
//	      intset    its bytes: 4 of width, 4 of count, the integers
//	      outside   8 bytes reference, 8 bytes length: the value is a block of its
//	                own or, built of many blocks, begins with one (value.go)
//
// The table finds the key by the same layout (dict.Type), so the two must agree.

// A valueType is what TYPE says of a key; the numbers are Redis's.
type valueType uint8

const (
	typeString valueType = iota
	typeList
	typeSet
	typeZset
	typeHash
	typeStream
)

var typeNames = [...]string{"string", "list", "set", "zset", "hash", "stream"}

func (t valueType) String() string { return typeNames[t] }

// An encoding is how a value is laid out.
type encoding uint8

const (
	encInt encoding = iota
	encEmbstr
	encRaw        // within the record
	encRawOutside // in a block of its own, so that a big value need not move with its record
	encListpack   // small hashes, lists, sets and sorted sets, within the record
	encIntset     // small sets of integers, within the record

	// Values of many blocks. The record refers to the first of them, the root.

	encTable     // big hashes and sets: a dict of elements
	encExpiring  // hashes with fields that expire
	encSkiplist  // big sorted sets: a tree by score and a dict by member
	encQuicklist // big lists: a tree of listpacks
	encStream    // streams: a tree of listpacks, and groups
)

// encodingName is the encoding as OBJECT ENCODING shows it: what Redis 7.0
// would have made of the value.
func (e entry) encodingName() string {
	switch e.enc() {
	case encInt:
		return "int"
	case encEmbstr:
		return "embstr"
	case encRaw, encRawOutside:
		return "raw"
	case encIntset:
		return "intset"
	case encSkiplist:
		return "skiplist"
	case encStream:
		return "stream"
	case encQuicklist:
		return "quicklist"
	case encListpack:
		switch e.typ() {
		case typeList:
			return "quicklist"
		case typeSet:
			return "hashtable"
		}
		return "listpack"
	}
	return "hashtable"
}

// ofBlocks reports whether values of this encoding are made of many blocks.
func (enc encoding) ofBlocks() bool { return enc >= encTable }

const (
	expiryBit  = 0x80
	headerSize = 4
	expirySize = 8

	embstrMax = 44   // Redis's limit, which OBJECT ENCODING shows
	inlineMax = 4096 // bigger strings live outside their record

	// Bytes of the value part: an int, what precedes the bytes of the others,
	// and an outside value within its record.
	intSize    = 8
	embstrHead = 1
	rawHead    = 4
	outside    = 16
)

// An entry is a record in its place. It is valid until the record is moved,
// which every change of its size or expiry may do.
type entry struct {
	ref arena.Ref
	p   unsafe.Pointer
}

func (e entry) ok() bool { return e.p != nil }

func (e entry) kind() uint8     { return *(*uint8)(e.p) }
func (e entry) typ() valueType  { return valueType(e.kind() >> 4 & 7) }
func (e entry) enc() encoding   { return encoding(e.kind() & 15) }
func (e entry) hasExpiry() bool { return e.kind()&expiryBit != 0 }

// expireAt is the expiry in ms, or -1 when there is none.
func (e entry) expireAt() int64 {
	if !e.hasExpiry() {
		return -1
	}
	return *(*int64)(unsafe.Add(e.p, headerSize))
}

func (e entry) putExpireAt(at int64) {
	*(*int64)(unsafe.Add(e.p, headerSize)) = at
}

// access is the 24-bit LRU or LFU field.
func (e entry) access() uint32 { return *(*uint32)(e.p) >> 8 }

func (e entry) setAccess(v uint32) {
	*(*uint32)(e.p) = *(*uint32)(e.p)&0xff | v<<8
}

// keyStart is the offset of the key's length.
func (e entry) keyStart() uintptr {
	return headerSize + uintptr(e.kind()>>7)*expirySize
}

// key is a view of the key; it lives as long as the record.
func (e entry) key() string {
	q := unsafe.Add(e.p, e.keyStart())
	n, q := getUvarint(q)
	return unsafe.String((*byte)(q), n)
}

// value points at the value's bytes within the record.
func (e entry) value() unsafe.Pointer {
	q := unsafe.Add(e.p, e.keyStart())
	n, q := getUvarint(q)
	return unsafe.Add(q, n)
}

func getUvarint(p unsafe.Pointer) (int, unsafe.Pointer) {
	b := *(*uint8)(p)
	if b < 0x80 {
		return int(b), unsafe.Add(p, 1)
	}
	n, shift := int(b&0x7f), 7
	for {
		p = unsafe.Add(p, 1)
		b = *(*uint8)(p)
		n |= int(b&0x7f) << shift
		if b < 0x80 {
			return n, unsafe.Add(p, 1)
		}
		shift += 7
	}
}

func putUvarint(p unsafe.Pointer, n int) unsafe.Pointer {
	for n >= 0x80 {
		*(*uint8)(p) = uint8(n) | 0x80
		p = unsafe.Add(p, 1)
		n >>= 7
	}
	*(*uint8)(p) = uint8(n)
	return unsafe.Add(p, 1)
}

func uvarintSize(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// kindOf is the first byte of a record.
func kindOf(t valueType, enc encoding, expiry bool) uint8 {
	kind := uint8(t)<<4 | uint8(enc)
	if expiry {
		kind |= expiryBit
	}
	return kind
}

// writeHead writes everything before the value but the expiry. key must not be
// a view of the record.
func (e entry) writeHead(key string, kind uint8, access uint32) {
	*(*uint32)(e.p) = uint32(kind) | access<<8
	q := putUvarint(unsafe.Add(e.p, e.keyStart()), len(key))
	copy(unsafe.Slice((*byte)(q), len(key)), key)
}

// shift moves the key and the value, size bytes together, to where they belong
// with an expiry when there is none, and without when there is one.
func (e entry) shift(size int) {
	from := unsafe.Add(e.p, e.keyStart())
	*(*uint8)(e.p) ^= expiryBit
	to := unsafe.Add(e.p, e.keyStart())
	copy(unsafe.Slice((*byte)(to), size), unsafe.Slice((*byte)(from), size))
}

// recordSize is the size of a record with a value part of valueSize bytes.
func recordSize(keyLen, valueSize int, expiry bool) int {
	n := headerSize + uvarintSize(keyLen) + keyLen + valueSize
	if expiry {
		n += expirySize
	}
	return n
}

// valueSize is the size of the value part within the record.
func (e entry) valueSize() int {
	v := e.value()
	switch e.enc() {
	case encInt:
		return intSize
	case encEmbstr:
		return embstrHead + int(*(*uint8)(v))
	case encRaw:
		return rawHead + int(*(*uint32)(v))
	case encListpack:
		return int(*(*uint32)(v))
	case encIntset:
		return intsetBytes(v)
	default:
		return outside
	}
}

// outsideRef and outsideLen are the two halves of an outside value.
func (e entry) outsideRef() arena.Ref { return *(*arena.Ref)(e.value()) }

func (e entry) setOutside(ref arena.Ref, n int) {
	v := e.value()
	*(*arena.Ref)(v) = ref
	*(*int64)(unsafe.Add(v, 8)) = int64(n)
}

// setRawLen is the length of a raw string within its record.
func (e entry) setRawLen(n int) { *(*uint32)(e.value()) = uint32(n) }

// integer is the value of an int-encoded string.
func (e entry) integer() int64 { return *(*int64)(e.value()) }

func (e entry) setInteger(n int64) { *(*int64)(e.value()) = n }

// stringBytes is a view of a string's bytes; an int-encoded one is printed
// into scratch. It lives as long as the record stays where it is.
func (e entry) stringBytes(a *arena.Arena, scratch *[20]byte) []byte {
	v := e.value()
	switch e.enc() {
	case encInt:
		return strconv.AppendInt(scratch[:0], *(*int64)(v), 10)
	case encEmbstr:
		return unsafe.Slice((*byte)(unsafe.Add(v, embstrHead)), *(*uint8)(v))
	case encRaw:
		return unsafe.Slice((*byte)(unsafe.Add(v, rawHead)), *(*uint32)(v))
	default:
		return a.Bytes(*(*arena.Ref)(v), int(*(*int64)(unsafe.Add(v, 8))))
	}
}

// stringLen is the length of a string without making it.
func (e entry) stringLen() int {
	v := e.value()
	switch e.enc() {
	case encInt:
		return decimalLen(*(*int64)(v))
	case encEmbstr:
		return int(*(*uint8)(v))
	case encRaw:
		return int(*(*uint32)(v))
	default:
		return int(*(*int64)(unsafe.Add(v, 8)))
	}
}

func decimalLen(n int64) int {
	var buf [20]byte
	return len(strconv.AppendInt(buf[:0], n, 10))
}

// canonicalInt parses s when it is a 64-bit integer written as Redis would
// print it, which is when a string can be int-encoded.
func canonicalInt(s string) (int64, bool) {
	if len(s) == 0 || len(s) > 20 {
		return 0, false
	}
	digits := s
	if s[0] == '-' {
		digits = s[1:]
	}
	if len(digits) == 0 || digits[0] < '0' || digits[0] > '9' || digits[0] == '0' && len(s) > 1 {
		return 0, false
	}
	var n uint64
	for i := range len(digits) {
		d := digits[i] - '0'
		if d > 9 {
			return 0, false
		}
		if n > (1<<64-1-uint64(d))/10 {
			return 0, false
		}
		n = n*10 + uint64(d)
	}
	if s[0] == '-' {
		return -int64(n), n <= 1<<63
	}
	return int64(n), n < 1<<63
}

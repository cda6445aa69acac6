package rdb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// An Event is what Next came to.
type Event uint8

const (
	EventEnd      Event = iota // the end of the snapshot; its checksum is right
	EventAux                   // a field about the snapshot: Name, Text
	EventSelectDB              // DB is the database of the keys to come
	EventResizeDB              // Keys and Expires are how many DB will have
	EventFunction              // Text is the source of a function library
	EventKey                   // a key: its value is to be read, or passed over by Next
)

// A Reader yields a snapshot, one record at a time:
//
//	for {
//		event, err := r.Next()
//		…
//		case rdb.EventKey:
//			switch r.Type {
//			case rdb.TypeHash:
//				for r.Len() > 0 {
//					field, value, err := r.Field()
//
// Strings and blobs are views, valid until the next call, but Key, which lasts
// until the next Next. Blobs hold what their type promises, in pairs where it
// does, so that app/listpack may be used on them. Not looked for are what
// takes a table of what came before (fields, members, groups or pending entries
// that come twice) and whether the scores in a listpack are numbers: that is the
// business of whoever stores them. So is what to do with a value that is empty:
// old bugs left some in snapshots, which Redis passes over.
//
// The first error is also that of every later call, and is an *Error.
type Reader struct {
	Version int // of the format

	// Set by Next as the event says.

	Name, Text    string
	DB            int
	Keys, Expires uint64

	// Set by Next with EventKey.

	Key    string
	Type   Type
	Expire int64 // in ms since 1970, -1 for none
	Idle   int64 // seconds since the key was used, -1 when not told
	Freq   int   // its LFU counter, -1 when not told

	// Plain is set with each listpack: every entry has the encoding that
	// listpack.Append would give it.
	Plain bool

	in      input
	err     error
	code    int  // opcode or type of the record being read
	raw     Type // the type as the input has it
	left    int  // elements, fields, members, nodes or blobs still to be read
	payload bool // of DUMP: values without keys, and no end but that of the input
	ended   bool

	keyBuf    []byte
	ziplist   []byte // the rest of a legacy list being read
	converted []byte // a listpack made of a legacy blob
	entries   []byte // its entries while it is made
	minExpire int64  // what the expiries of fields are relative to
	stream    streamReader
}

// An Option changes how a Reader reads.
type Option func(*Reader)

// WithSize says how many bytes the input has. Lengths beyond its end are errors
// then before anything is allocated, and nothing behind it is read.
func WithSize(n int64) Option { return func(r *Reader) { r.in.size = n } }

// WithoutChecksum leaves the checksum out.
func WithoutChecksum() Option { return func(r *Reader) { r.in.noSum = true } }

// NewReader reads the head of a snapshot.
func NewReader(src io.Reader, options ...Option) (*Reader, error) {
	r := &Reader{code: -1}
	for _, option := range options {
		option(r)
	}
	r.in.src = src
	if r.in.size > 0 {
		r.in.buf = make([]byte, min(r.in.size, bufferSize))
	} else {
		r.in.buf = make([]byte, bufferSize)
	}
	return r, r.begin()
}

// newBytesReader is NewReader for a snapshot in memory.
func newBytesReader(b []byte) (*Reader, error) {
	r := &Reader{code: -1}
	r.in.buf, r.in.end = b, len(b)
	return r, r.begin()
}

// begin reads the head.
func (r *Reader) begin() error {
	b, err := r.in.need(headerSize)
	if err != nil {
		return r.fail(err)
	}
	if string(b[:len(magic)]) != magic {
		return r.fail(ErrSignature)
	}
	for _, c := range b[len(magic):] {
		if c < '0' || c > '9' {
			return r.fail(fmt.Errorf("%w %q", ErrVersion, b[len(magic):]))
		}
		r.Version = r.Version*10 + int(c-'0')
	}
	if r.Version < 1 || r.Version > versionMax {
		return r.fail(fmt.Errorf("%w %d", ErrVersion, r.Version))
	}
	return nil
}

// Offset returns how many bytes of the input were used.
func (r *Reader) Offset() int64 { return r.in.offset() }

// Buffered returns how many bytes can be used without asking the source.
func (r *Reader) Buffered() int { return r.in.end - r.in.pos }

// Rest returns what follows the snapshot, once it has ended.
func (r *Reader) Rest() io.Reader {
	read := bytes.NewReader(r.in.buf[r.in.pos:r.in.end])
	if r.in.src == nil {
		return read
	}
	return io.MultiReader(read, r.in.src)
}

// Len returns how many pieces of the value are still to be read. It is as much
// as the input says, and not to be trusted for allocations unless its size was.
func (r *Reader) Len() int { return r.left }

// fail makes err the error of the reader.
func (r *Reader) fail(err error) error {
	if r.err == nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		r.err = &Error{Offset: r.in.offset(), Code: r.code, Key: strings.Clone(r.Key), Err: err}
	}
	r.left = 0
	return r.err
}

// Next goes on to the next event, past what is left of a value.
func (r *Reader) Next() (Event, error) {
	if r.left > 0 || r.err != nil {
		if err := r.skip(); err != nil {
			return EventEnd, err
		}
	}
	r.in.relax()
	r.Expire, r.Idle, r.Freq, r.Key = -1, -1, -1, ""
	for {
		if r.ended || r.payload && r.in.pos == r.in.end {
			return EventEnd, nil
		}
		c, err := r.in.readByte()
		if err != nil {
			return EventEnd, r.fail(err)
		}
		r.code = int(c)
		event, err := r.record(c)
		if err != nil {
			return EventEnd, r.fail(err)
		}
		if event != eventNone {
			return event, nil
		}
	}
}

// eventNone is what is not worth telling by itself.
const eventNone Event = 255

// record reads the record that an opcode begins.
func (r *Reader) record(c byte) (event Event, err error) {
	event = eventNone
	if r.payload && !isValue(c) && c != opFunction && c != opFunctionRC {
		return event, errors.New("not a record of a payload")
	}
	switch c {
	case opExpireMs:
		r.Expire, err = r.in.readInt64()
	case opExpireSecond:
		err = r.readExpireSecond()
	case opFreq:
		c, err = r.in.readByte()
		r.Freq = int(c)
	case opIdle:
		var n uint64
		n, err = r.in.readLen()
		r.Idle = int64(min(n, math.MaxInt64))
	case opSelectDB:
		event = EventSelectDB
		err = r.readDB()
	case opResizeDB:
		event = EventResizeDB
		if r.Keys, err = r.in.readLen(); err == nil {
			r.Expires, err = r.in.readLen()
		}
	case opSlotInfo:
		for i := 0; i < 3 && err == nil; i++ {
			_, err = r.in.readLen()
		}
	case opAux:
		event = EventAux
		r.Name, r.Text, err = r.readPair()
	case opFunction:
		event = EventFunction
		var b []byte
		b, err = r.in.readString(scratchOne)
		r.Text = view(b)
	case opFunctionRC:
		event = EventFunction
		err = r.readFunctionRC()
	case opModuleAux:
		err = r.refuseModule("AUX module data I can't load: no matching module")
	case opEnd:
		return EventEnd, r.end()
	default:
		if !isValue(c) {
			return event, errors.New("unknown opcode")
		}
		return EventKey, r.readKey(Type(c))
	}
	return event, err
}

// readDB reads the number of a database.
func (r *Reader) readDB() error {
	n, err := r.in.readLen()
	if err == nil && n > math.MaxInt32 {
		err = fmt.Errorf("no database has the number %d", n)
	}
	r.DB = int(n)
	return err
}

// readExpireSecond reads an expiry as it was before version 3.
func (r *Reader) readExpireSecond() error {
	b, err := r.in.need(4)
	if err == nil {
		r.Expire = decodeInt(stringI32, b) * 1000
	}
	return err
}

// readFunctionRC reads a function library as release candidates of 7.0 wrote
// it: they did not have its engine and name in the source.
func (r *Reader) readFunctionRC() error {
	b, err := r.in.readString(scratchOne)
	if err != nil {
		return err
	}
	name := string(b)
	if b, err = r.in.readString(scratchOne); err != nil {
		return err
	}
	head := "#!" + string(b) + " name=" + name + "\n"
	described, err := r.in.readLen()
	if err == nil && described != 0 {
		_, err = r.in.readString(scratchOne)
	}
	if err != nil {
		return err
	}
	b, err = r.in.readString(scratchOne)
	r.Text = head + view(b)
	return err
}

// end checks what stands behind the last record.
func (r *Reader) end() error {
	r.ended = true
	if r.Version < checksumVersion {
		return nil
	}
	r.in.sumUp()
	want := r.in.sum
	sum, err := r.in.readInt64()
	if err != nil || r.in.noSum || sum == 0 || uint64(sum) == want {
		return err
	}
	return fmt.Errorf("%w: expected %x but got %x", ErrChecksum, want, uint64(sum))
}

// moduleCharset is what names of module types are made of.
const moduleCharset = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// refuseModule makes the error of what a module alone could read.
func (r *Reader) refuseModule(what string) error {
	id, err := r.in.readLen()
	if err != nil {
		return err
	}
	// Nine characters of six bits, then ten bits of a version.
	var name [9]byte
	id >>= 10
	for i := len(name) - 1; i >= 0; i-- {
		name[i] = moduleCharset[id&63]
		id >>= 6
	}
	return fmt.Errorf("the file contains %s '%s'", what, name[:])
}

package rdb

import (
	"encoding/binary"
	"errors"
)

// Payloads, as DUMP gives and RESTORE takes them, and FUNCTION DUMP and RESTORE:
//
//	record   …   version 2   CRC-64 of all before 8
//
// A value stands there without a key.

// payloadFoot is the size of what stands behind the records.
const payloadFoot = 2 + checksumSize

// ErrPayload is what is wrong with a payload as a whole: it is too short, of a
// version that is not known, or damaged.
var ErrPayload = errors.New("DUMP payload version or checksum are wrong")

// Payload appends what the encoder holds as a payload to dst.
func (e *Encoder) Payload(dst []byte, version int, compress bool) []byte {
	start := len(dst)
	dst = e.appendTo(dst, compress)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(version))
	return binary.LittleEndian.AppendUint64(dst, crc64(0, dst[start:]))
}

// NewPayloadReader reads a payload, of which views are returned. The checksum is
// that of the payload unless WithoutChecksum is given. Next comes to a value as
// to a key, and to EventEnd behind the last; after one value Redis looks no further.
func NewPayloadReader(payload string, options ...Option) (*Reader, error) {
	r := &Reader{code: -1, payload: true}
	for _, option := range options {
		option(r)
	}
	b := bytesOf(payload)
	if len(b) < payloadFoot {
		return nil, ErrPayload
	}
	foot := b[len(b)-payloadFoot:]
	r.Version = int(binary.LittleEndian.Uint16(foot))
	if r.Version > versionMax {
		return nil, ErrPayload
	}
	if !r.in.noSum && crc64(0, b[:len(b)-checksumSize]) != binary.LittleEndian.Uint64(foot[2:]) {
		return nil, ErrPayload
	}
	r.in.noSum = true
	r.in.buf, r.in.end = b, len(b)-payloadFoot
	return r, nil
}

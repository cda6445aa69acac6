package rdb

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The versions to write. What every Redis since 7.0 reads is VersionDefault; a
// data set with hashes whose fields expire needs VersionFieldExpire, which only
// those since 7.4 read.
const (
	VersionDefault     = 10
	VersionFieldExpire = 12
)

// A Writer writes a snapshot of what Encoders hold. Its first error is also that
// of every later call.
type Writer struct {
	dst      io.Writer
	compress bool
	checksum bool
	buf      []byte // what Drain made, when it is not the encoder's own bytes
	sum      uint64
	written  int64
	err      error
}

// NewWriter writes the head of a snapshot. Without checksum it will end with 0,
// which tells readers that there is none.
func NewWriter(dst io.Writer, version int, compress, checksum bool) *Writer {
	w := &Writer{dst: dst, compress: compress, checksum: checksum}
	w.write(fmt.Appendf(nil, "%s%04d", magic, version))
	return w
}

// Written returns how many bytes were written.
func (w *Writer) Written() int64 { return w.written }

// Drain writes what an encoder holds and empties it.
func (w *Writer) Drain(e *Encoder) error {
	if w.compress && len(e.long) > 0 {
		w.buf = e.appendTo(w.buf[:0], true)
		w.write(w.buf)
		if cap(w.buf) > encoderKept {
			w.buf = nil
		}
	} else {
		w.write(e.buf)
	}
	e.Reset()
	return w.err
}

// Close writes the end of the snapshot. It does not close what it is written to.
func (w *Writer) Close() error {
	w.write([]byte{opEnd})
	w.write(binary.LittleEndian.AppendUint64(nil, w.sum))
	return w.err
}

func (w *Writer) write(b []byte) {
	if w.err != nil || len(b) == 0 {
		return
	}
	if w.checksum {
		w.sum = crc64(w.sum, b)
	}
	n, err := w.dst.Write(b)
	w.written += int64(n)
	w.err = err
}

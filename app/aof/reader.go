package aof

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"unsafe"
)

// Reading commands back. The file is what clients sent: arrays of bulk strings,
// and between them annotations, lines that begin with '#', of which "#TS:seconds"
// says when what follows was written.
//
// A file that ends within a command is no surprise, since the machine may have
// stopped in the middle of a write: that is io.ErrUnexpectedEOF, and Offset is
// where to cut. Anything else that is no command is damage.

// A Reader reads the commands of a file. What it holds in memory follows what is
// in the file, and never what the file claims.
type Reader struct {
	Time int64 // of the last timestamp, in seconds since 1970; 0 before the first

	src    io.Reader
	buf    []byte
	lo, hi int   // what is read and not consumed: buf[lo:hi]
	base   int64 // the offset in the file of buf[0]
	spans  []span
	args   []string
	err    error // the end of src
}

// A span is an argument, relative to the start of its command.
type span struct{ at, size int }

// A FormatError is a file that holds something that is no command.
type FormatError struct {
	Offset int64 // of the command at which it was found
	Reason string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("aof: at offset %d: %s", e.Offset, e.Reason)
}

const (
	readSize = 64 << 10
	keepSize = 1 << 20 // a larger buffer is given up when it is empty
)

// NewReader reads commands from src, which is at that offset in its file.
func NewReader(src io.Reader, offset int64) *Reader {
	return &Reader{src: src, buf: make([]byte, readSize), base: offset}
}

// Offset is where the last whole command ends.
func (r *Reader) Offset() int64 { return r.base + int64(r.lo) }

// Next returns the next command. Its arguments are good until the next call. At
// the end the error is io.EOF; io.ErrUnexpectedEOF if that is within a command or
// an annotation; a *FormatError; or what the source failed with.
func (r *Reader) Next() ([]string, error) {
	for {
		line, err := r.line(0)
		if err != nil {
			if err == io.ErrUnexpectedEOF && r.lo == r.hi {
				err = io.EOF
			}
			return nil, err
		}
		if line[0] != '#' {
			return r.command(line)
		}
		r.annotation(line)
		r.lo += len(line)
	}
}

// annotation reads a line that is no command.
func (r *Reader) annotation(line []byte) {
	if text, ok := bytes.CutPrefix(line, []byte("#TS:")); ok {
		if n, err := strconv.ParseInt(string(bytes.TrimRight(text, "\r\n")), 10, 64); err == nil {
			r.Time = n
		}
	}
}

// command reads the command whose first line this is.
func (r *Reader) command(line []byte) ([]string, error) {
	count, ok := length(line, '*')
	if !ok || count < 1 {
		return nil, r.damaged("no command")
	}
	at := len(line)
	r.spans = r.spans[:0]
	for range count {
		line, err := r.line(at)
		if err != nil {
			return nil, err
		}
		size, ok := length(line, '$')
		if !ok {
			return nil, r.damaged("no length of an argument")
		}
		at += len(line)
		if err := r.want(at, size+2); err != nil {
			return nil, err
		}
		r.spans = append(r.spans, span{at, size})
		at += size + 2
	}
	text := r.buf[r.lo:]
	r.args = slices.Grow(r.args[:0], count)[:0]
	for _, s := range r.spans {
		r.args = append(r.args, unsafe.String(unsafe.SliceData(text[s.at:]), s.size))
	}
	r.lo += at
	return r.args, nil
}

// damaged is the error for something that is no command.
func (r *Reader) damaged(reason string) error { return &FormatError{r.Offset(), reason} }

// length parses a line that is a mark and a number. The line may end in LF alone,
// as in Redis.
func length(line []byte, mark byte) (n int, ok bool) {
	digits := bytes.TrimSuffix(line[:len(line)-1], []byte{'\r'})
	if len(digits) < 2 || digits[0] != mark {
		return 0, false
	}
	for _, c := range digits[1:] {
		if c < '0' || c > '9' || n > (math.MaxInt-16)/10 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, n < math.MaxInt/16
}

// line returns the line that begins so far behind lo, with its end.
func (r *Reader) line(at int) ([]byte, error) {
	seen := 0
	for {
		have := r.buf[r.lo+at : r.hi]
		if i := bytes.IndexByte(have[seen:min(len(have), lineMax)], '\n'); i >= 0 {
			return have[:seen+i+1], nil
		}
		if seen = len(have); seen >= lineMax {
			return nil, r.damaged("a line without end")
		}
		if len(have) > 0 && have[0] != '*' && have[0] != '$' && have[0] != '#' {
			return nil, r.damaged("no command") // no matter what follows
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// want sees to it that there are n bytes so far behind lo.
func (r *Reader) want(at, n int) error {
	for r.hi-r.lo-at < n {
		if err := r.fill(); err != nil {
			return err
		}
	}
	return nil
}

// fill reads more. The command at lo moves to the front of the buffer, which
// doubles when it is full.
func (r *Reader) fill() error {
	if r.err != nil {
		return r.err
	}
	if r.lo > 0 {
		copy(r.buf, r.buf[r.lo:r.hi])
		r.base += int64(r.lo)
		r.hi -= r.lo
		r.lo = 0
	}
	switch {
	case r.hi == len(r.buf):
		r.buf = append(r.buf, make([]byte, len(r.buf))...)
	case r.hi == 0 && len(r.buf) > keepSize:
		r.buf = make([]byte, readSize)
	}
	n, err := r.src.Read(r.buf[r.hi:])
	r.hi += n
	switch {
	case errors.Is(err, io.EOF):
		r.err = io.ErrUnexpectedEOF
		if n > 0 {
			return nil
		}
		return r.err
	case err != nil:
		r.err = err
		return err
	case n == 0:
		return r.fillAgain()
	}
	return nil
}

// fillAgain gives a source that had nothing a few more tries.
func (r *Reader) fillAgain() error {
	for range 100 {
		n, err := r.src.Read(r.buf[r.hi:])
		r.hi += n
		if n > 0 {
			return nil
		}
		if err != nil {
			return r.fill()
		}
	}
	r.err = io.ErrNoProgress
	return r.err
}

// Package resp speaks the Redis protocol: requests in, replies out, in the
// protocol's versions 2 and 3. It knows no keys and no clients.
package resp

import (
	"math"
	"strconv"
	"unsafe"
)

// Requests out of a read buffer.
//
// A request is an array of bulk strings, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", or
// an inline line, "GET k\r\n". The arguments handed out are views into the
// buffer. Nearly every request is whole and plain, and Next takes it in one
// short loop. Everything else, such as the tail of a read, a bad header or a
// line that never ends, goes through advance, which keeps its place between
// calls and knows the errors. What an unfinished request costs is those few
// integers: its views are gathered when its last byte is there.

// Limits are what a request may claim before it is refused. A zero limit
// stands for Redis's default.
type Limits struct {
	Bulk   int64 // bytes of one argument; 512 MiB by default
	Inline int   // bytes of an inline request or of the line of a length; 64 KiB by default, not below 32
	Args   int   // arguments of one request; 2^31-1 by default

	// Unauthenticated lowers the limits to 10 arguments of 16 KiB.
	Unauthenticated bool
}

const (
	defaultBulkMax   = 512 << 20
	defaultInlineMax = 64 << 10
	defaultArgsMax   = math.MaxInt32

	unauthenticatedArgsMax = 10
	unauthenticatedBulkMax = 16 << 10
)

func (l *Limits) bulkMax() int64 {
	if l.Bulk == 0 {
		return defaultBulkMax
	}
	return l.Bulk
}

func (l *Limits) inlineMax() int {
	if l.Inline == 0 {
		return defaultInlineMax
	}
	return l.Inline
}

func (l *Limits) argsMax() int64 {
	if l.Args == 0 {
		return defaultArgsMax
	}
	return int64(l.Args)
}

// effective returns the limits as they stand for this client.
func (l *Limits) effective() (argsMax, bulkMax int64) {
	argsMax, bulkMax = l.argsMax(), l.bulkMax()
	if l.Unauthenticated {
		argsMax = min(argsMax, unauthenticatedArgsMax)
		bulkMax = min(bulkMax, unauthenticatedBulkMax)
	}
	return argsMax, bulkMax
}

// checkCount judges the number of arguments that a request claims.
func (l *Limits) checkCount(n int64, ok bool) error {
	switch {
	case !ok || n > l.argsMax():
		return errMultibulkLength
	case l.Unauthenticated && n > unauthenticatedArgsMax:
		return errUnauthenticatedMultibulk
	}
	return nil
}

// checkBulk judges the size that an argument claims.
func (l *Limits) checkBulk(n int64, ok bool) error {
	switch {
	case !ok || n < 0 || n > l.bulkMax() || n > math.MaxInt-2:
		return errBulkLength
	case l.Unauthenticated && n > unauthenticatedBulkMax:
		return errUnauthenticatedBulk
	}
	return nil
}

// A ProtocolError is a request that cannot be understood. Nothing behind it
// can be either, so the connection ends with the error as its last reply.
type ProtocolError struct {
	Reason string // as in "too big inline request"
}

// Error is the reply to the client.
func (e *ProtocolError) Error() string { return "ERR Protocol error: " + e.Reason }

var (
	errTooBigInline             = &ProtocolError{"too big inline request"}
	errTooBigCount              = &ProtocolError{"too big mbulk count string"}
	errTooBigBulkCount          = &ProtocolError{"too big bulk count string"}
	errUnbalancedQuotes         = &ProtocolError{"unbalanced quotes in request"}
	errMultibulkLength          = &ProtocolError{"invalid multibulk length"}
	errBulkLength               = &ProtocolError{"invalid bulk length"}
	errUnauthenticatedMultibulk = &ProtocolError{"unauthenticated multibulk length"}
	errUnauthenticatedBulk      = &ProtocolError{"unauthenticated bulk length"}
)

// expectedBulk is the error for an argument that begins with got.
func expectedBulk(got byte) error {
	if got == '\r' || got == '\n' {
		got = ' ' // it would break the reply apart
	}
	return &ProtocolError{"expected '$', got '" + string([]byte{got}) + "'"}
}

// A Decoder parses requests out of a connection's read buffer. It remembers
// how far it got in an incomplete one, so the work stays linear however small
// the pieces are in which a request arrives.
type Decoder struct {
	Limits Limits

	// The incomplete request; all zero between requests.
	pos     int // bytes of it that are parsed
	first   int // where its first argument's header begins
	left    int // arguments that are not parsed, 0 while their number is unknown
	bulk    int // bytes of the argument at pos and its CRLF, 0 while its header is incomplete
	scanned int // bytes from pos on that hold no end of line
	need    int // length of the buffer below which nothing new can be found
}

// Next parses the request at the start of buf and appends its arguments, as
// views into buf, to args. It returns the number of bytes the request takes,
// or 0 when it is incomplete: then call again with the same bytes and more
// behind them. The bytes may have moved in memory meanwhile. An empty request
// (a blank line, *0, *-1) is consumed and has no arguments. An error is a
// *ProtocolError; the input is of no use after it.
func (d *Decoder) Next(buf []byte, args []string) (argv []string, n int, err error) {
	if len(buf) == 0 || len(buf) < d.need {
		return args, 0, nil
	}
	if d.left > 0 {
		return d.resume(buf, args)
	}
	if buf[0] != '*' {
		return d.inline(buf, args)
	}
	argsMax, bulkMax := d.Limits.effective()
	left, pos := plainLength(buf, 1)
	if pos == 0 || int64(left) > argsMax {
		return d.resume(buf, args)
	}
	argv = args
	first := pos
	for ; left > 0; left-- {
		if pos >= len(buf) || buf[pos] != '$' {
			break
		}
		size, start := plainLength(buf, pos+1)
		if start == 0 || int64(size) > bulkMax || size+2 > len(buf)-start {
			break
		}
		argv = append(argv, unsafe.String(&buf[start], size))
		pos = start + size + 2
	}
	if left > 0 {
		d.pos, d.first, d.left, d.scanned = pos, first, left, 0
		return d.resume(buf, args)
	}
	d.forget()
	return argv, pos, nil
}

// Parsed returns how many bytes of an incomplete request are parsed: whole
// arguments, which wait for the others.
func (d *Decoder) Parsed() int { return d.pos }

// Need returns how many bytes the buffer must hold in all before Next can get
// any further. It is more than one byte ahead only inside an argument, and
// then it is what the client claims and not what it sent.
func (d *Decoder) Need() int { return max(d.need, 1) }

// forget clears what is known of the incomplete request.
func (d *Decoder) forget() { *d = Decoder{Limits: d.Limits} }

// plainLength reads a length of up to nine digits and the line end behind it.
// It returns where the next line begins, or 0 when the line is incomplete or
// anything but plain. Like Redis it looks at the CR alone.
func plainLength(buf []byte, pos int) (n, next int) {
	if pos >= len(buf) {
		return 0, 0
	}
	n = int(buf[pos] - '0')
	if n > 9 {
		return 0, 0
	}
	end := min(len(buf)-1, pos+10)
	for i := pos + 1; i < end; i++ {
		c := buf[i]
		if c == '\r' {
			return n, i + 2
		}
		c -= '0'
		if c > 9 || n == 0 {
			return 0, 0
		}
		n = n*10 + int(c)
	}
	return 0, 0
}

// resume goes on with an array, and gathers its arguments when it is complete.
func (d *Decoder) resume(buf []byte, args []string) (argv []string, n int, err error) {
	complete, err := d.advance(buf)
	if err != nil {
		d.forget()
		return args, 0, err
	}
	if !complete {
		d.need = max(d.need, len(buf)+1)
		return args, 0, nil
	}
	n = d.pos
	argv = gather(buf[d.first:n], args)
	d.forget()
	return argv, n, nil
}

// advance parses as much of an array as is there, without keeping its
// arguments. It reports whether the array is complete.
func (d *Decoder) advance(buf []byte) (complete bool, err error) {
	if d.left == 0 {
		line, err := d.header(buf, errTooBigCount)
		if line == nil {
			return false, err
		}
		count, ok := parseLength(line[1:])
		if err := d.Limits.checkCount(count, ok); err != nil {
			return false, err
		}
		d.first = d.pos
		d.left = int(max(count, 0))
	}
	for d.left > 0 {
		if d.bulk == 0 {
			line, err := d.header(buf, errTooBigBulkCount)
			if line == nil {
				return false, err
			}
			if len(line) == 0 || line[0] != '$' {
				return false, expectedBulk(buf[d.pos-len(line)-2])
			}
			size, ok := parseLength(line[1:])
			if err := d.Limits.checkBulk(size, ok); err != nil {
				return false, err
			}
			d.bulk = int(size) + 2
		}
		if d.bulk > len(buf)-d.pos {
			d.need = d.pos + min(d.bulk, math.MaxInt-d.pos)
			return false, nil
		}
		d.pos += d.bulk
		d.bulk = 0
		d.left--
	}
	return true, nil
}

// header returns the line at pos without its end and steps over it. It is nil
// while the line is incomplete, and tooBig comes with it when the line is too
// long to be still waited for.
func (d *Decoder) header(buf []byte, tooBig *ProtocolError) (line []byte, err error) {
	end, found := d.endOfLine(buf, '\r')
	switch {
	case found && end+1 < len(buf):
		line = buf[d.pos:end]
		d.pos = end + 2
		d.scanned = 0
		return line, nil
	case !found && len(buf)-d.pos > d.Limits.inlineMax():
		return nil, tooBig
	}
	return nil, nil
}

// endOfLine finds delim behind pos. It looks no further than a line may reach,
// so that the answer does not depend on how much was read at once, and no
// further than a NUL: to Redis, that is where a buffer ends.
func (d *Decoder) endOfLine(buf []byte, delim byte) (end int, found bool) {
	limit := min(len(buf), d.pos+d.Limits.inlineMax()+1)
	i := d.pos + d.scanned
	for ; i < limit && buf[i] != 0; i++ {
		if buf[i] == delim {
			found = true
			break
		}
	}
	d.scanned = i - d.pos
	return i, found
}

// gather appends the arguments of a complete array, which has been judged.
func gather(buf []byte, args []string) []string {
	for len(buf) > 0 {
		size, i := 0, 1
		for ; buf[i] != '\r'; i++ {
			size = size*10 + int(buf[i]-'0')
		}
		i += 2
		args = append(args, unsafe.String(&buf[i], size))
		buf = buf[i+size+2:]
	}
	return args
}

// inline parses a request that is a line of words.
func (d *Decoder) inline(buf []byte, args []string) (argv []string, n int, err error) {
	end, found := d.endOfLine(buf, '\n')
	if !found {
		if len(buf) > d.Limits.inlineMax() {
			d.forget()
			return args, 0, errTooBigInline
		}
		d.need = len(buf) + 1
		return args, 0, nil
	}
	d.forget()
	argv, ok := splitLine(trimCR(buf[:end]), args)
	if !ok {
		return args, 0, errUnbalancedQuotes
	}
	return argv, end + 1, nil
}

// trimCR takes the one CR off that belongs to a line's end.
func trimCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}

// parseLength reads a number as strictly as Redis does: no sign but a minus,
// no leading zero, nothing around it.
func parseLength(b []byte) (n int64, ok bool) {
	digits := b
	if len(b) > 0 && b[0] == '-' {
		digits = b[1:]
	}
	if len(digits) == 0 || len(b) > len("-9223372036854775808") {
		return 0, false
	}
	if digits[0] == '0' {
		return 0, len(b) == 1
	}
	if digits[0] < '0' || digits[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(unsafe.String(&b[0], len(b)), 10, 64)
	return n, err == nil
}

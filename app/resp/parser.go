package resp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"unsafe"
)

// A Parser reads requests from a stream. Unlike a Decoder it waits for more,
// and what it returns are copies that the caller may keep. It refuses with the
// same errors.
type Parser struct {
	*bufio.Reader
	source io.Reader
	limits Limits
}

// NewParser returns a parser of what r sends.
func NewParser(r io.Reader) *Parser {
	return &Parser{Reader: bufio.NewReader(r), source: r}
}

// Source returns the reader that NewParser was given.
func (p *Parser) Source() io.Reader { return p.source }

// Detach returns the bytes that were read from the source and not yet parsed,
// and gives the buffer up. Whoever calls it reads the rest from the source
// itself: to this parser the stream has ended.
func (p *Parser) Detach() []byte {
	if p.Reader == nil {
		return nil
	}
	n := p.Buffered()
	buffered, _ := p.Peek(n) // cannot fail: these are there
	rest := bytes.Clone(buffered)
	// The source may be a bufio.Reader that this parser shares.
	p.Discard(n)
	p.Reader = bufio.NewReaderSize(bytes.NewReader(nil), 16)
	return rest
}

// Parse reads one request, an array or an inline line, and returns its
// arguments. Empty requests are skipped. The error is io.EOF at the end of the
// stream, io.ErrUnexpectedEOF inside a request, and a *ProtocolError when the
// request cannot be understood.
func (p *Parser) Parse() ([]string, error) {
	for {
		first, err := p.Peek(1)
		if err != nil {
			return nil, err
		}
		var args []string
		if first[0] == '*' {
			args, err = p.ParseArray()
		} else {
			args, err = p.parseInline()
		}
		if err != nil || len(args) > 0 {
			return args, err
		}
	}
}

// ParseArray reads an array of bulk strings, whether its '*' was read already
// or not. It is nil when its length is zero or negative.
func (p *Parser) ParseArray() ([]string, error) {
	p.skip('*')
	line, err := p.line('\r', errTooBigCount)
	if err != nil {
		return nil, err
	}
	count, ok := parseLength(line)
	if err := p.limits.checkCount(count, ok); err != nil {
		return nil, err
	}
	var args []string
	for ; count > 0; count-- {
		arg, err := p.element()
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	return args, nil
}

// skip steps over kind if it comes next. Whatever keeps Peek from telling will
// meet the read that follows.
func (p *Parser) skip(kind byte) {
	if next, err := p.Peek(1); err == nil && next[0] == kind {
		p.Discard(1)
	}
}

// element reads a bulk string that is part of an array.
func (p *Parser) element() (string, error) {
	line, err := p.line('\r', errTooBigBulkCount)
	if err != nil {
		return "", err
	}
	if len(line) == 0 {
		return "", expectedBulk('\r')
	}
	if line[0] != '$' {
		return "", expectedBulk(line[0])
	}
	return p.payload(line[1:])
}

// ParseBulkString reads a bulk string, whether its '$' was read already or not.
func (p *Parser) ParseBulkString() (string, error) {
	p.skip('$')
	line, err := p.line('\r', errTooBigBulkCount)
	if err != nil {
		return "", err
	}
	return p.payload(line)
}

// payload reads a string and its CRLF, after the digits of its length.
func (p *Parser) payload(length []byte) (string, error) {
	size, ok := parseLength(length)
	if err := p.limits.checkBulk(size, ok); err != nil {
		return "", err
	}
	b, err := readBytes(p.Reader, int(size)+2)
	if err != nil {
		return "", err
	}
	return unsafe.String(&b[0], size), nil
}

// GetLength reads a decimal number up to its CRLF.
func (p *Parser) GetLength() (int, error) {
	line, err := p.line('\r', errTooBigBulkCount)
	if err != nil {
		return 0, err
	}
	n, ok := parseLength(line)
	if !ok || int64(int(n)) != n {
		return 0, errBulkLength
	}
	return int(n), nil
}

// parseInline reads a line of words.
func (p *Parser) parseInline() ([]string, error) {
	line, err := p.line('\n', errTooBigInline)
	if err != nil {
		return nil, err
	}
	args, ok := splitLine(trimCR(bytes.Clone(line)), nil)
	if !ok {
		return nil, errUnbalancedQuotes
	}
	return args, nil
}

// line reads up to delim and returns what stands before it, valid until the
// next read. Behind a CR it takes the one byte more that belongs to the line's
// end. A line that is too long is refused with tooBig.
func (p *Parser) line(delim byte, tooBig *ProtocolError) ([]byte, error) {
	line, err := readLine(p.Reader, delim, p.limits.inlineMax()+1)
	switch {
	case err == errLineTooLong:
		return nil, tooBig
	case err != nil:
		return nil, err
	}
	if delim == '\r' {
		if p.Buffered() == 0 {
			line = bytes.Clone(line) // the next read overwrites it
		}
		if _, err := p.ReadByte(); err != nil {
			return nil, unexpected(err)
		}
	}
	return line, nil
}

var errLineTooLong = errors.New("resp: line too long")

// readLine reads up to delim and returns what stands before it. With delim it
// may have up to max bytes.
func readLine(r *bufio.Reader, delim byte, max int) ([]byte, error) {
	line, err := r.ReadSlice(delim)
	if err == bufio.ErrBufferFull {
		line = bytes.Clone(line)
		for err == bufio.ErrBufferFull && len(line) < max {
			var more []byte
			more, err = r.ReadSlice(delim)
			line = append(line, more...)
		}
	}
	if len(line) > max || err != nil && len(line) == max {
		return nil, errLineTooLong
	}
	if err != nil {
		return nil, unexpected(err)
	}
	return line[:len(line)-1], nil
}

// readBytes reads n bytes. Its memory follows what has arrived and not what
// was announced.
func readBytes(r *bufio.Reader, n int) ([]byte, error) {
	const step = 64 << 10
	b := make([]byte, min(n, step))
	for have := 0; ; {
		if _, err := io.ReadFull(r, b[have:]); err != nil {
			return nil, unexpected(err)
		}
		if len(b) == n {
			return b, nil
		}
		have = len(b)
		b = append(b, make([]byte, min(n-have, have))...)
	}
}

// unexpected is the error for a stream that fails inside something.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// AppendCommand appends a request: an array of bulk strings.
func AppendCommand(dst []byte, args ...string) []byte {
	dst = appendHeader(dst, '*', int64(len(args)))
	for _, arg := range args {
		dst = appendBulk(dst, arg)
	}
	return dst
}

// AppendBulk appends a bulk string.
func AppendBulk(dst []byte, s string) []byte { return appendBulk(dst, s) }

// ToArray encodes an array of bulk strings.
func ToArray(elements []string) []byte { return AppendCommand(nil, elements...) }

// ToArrayAnyType encodes an array of elements that are encoded already.
func ToArrayAnyType(elements []string) []byte {
	b := appendHeader(nil, '*', int64(len(elements)))
	for _, element := range elements {
		b = append(b, element...)
	}
	return b
}

// ToBulkString encodes a bulk string.
func ToBulkString(s string) string {
	return "$" + strconv.Itoa(len(s)) + "\r\n" + s + "\r\n"
}

// ToInt encodes an integer.
func ToInt(n int) []byte { return appendHeader(nil, ':', int64(n)) }

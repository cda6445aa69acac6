package resp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"unsafe"
)

// A Value is a decoded reply.
//
// An attribute ('|') annotates the reply behind it; here it holds that reply
// too, as its last element.
type Value struct {
	Kind  byte    // the reply's first byte, one of + - : $ * _ # , ( = ! % ~ > |
	Null  bool    // a null, in either version's form
	Int   int64   // of ':' and '#' (1 is true)
	Str   string  // text of the kinds that have one, with "txt:" for '='
	Elems []Value // of an aggregate; keys and values alternate in a map
}

// A ReplyError is an error that a server replied with: a code, a space and a
// text.
type ReplyError string

func (e ReplyError) Error() string { return string(e) }

// Err returns the error that the reply is, or nil.
func (v Value) Err() error {
	if v.Kind == '-' || v.Kind == '!' {
		return ReplyError(v.Str)
	}
	return nil
}

// ErrMalformed is wrapped by the errors for bytes that are no reply.
var ErrMalformed = errors.New("resp: malformed reply")

const (
	valueDepthMax = 128
	valueLineMax  = 1 << 20
	valueBulkMax  = 1 << 32
)

// ReadValue reads one reply. The error is io.EOF when there is none,
// io.ErrUnexpectedEOF when it breaks off, and wraps ErrMalformed when it is
// not one. Memory follows what was sent, whatever lengths it claims.
func ReadValue(r *bufio.Reader) (Value, error) {
	if _, err := r.Peek(1); err != nil {
		return Value{}, err
	}
	return readValue(r, valueDepthMax)
}

func readValue(r *bufio.Reader, depth int) (Value, error) {
	if depth == 0 {
		return Value{}, malformed("nested deeper than %d", valueDepthMax)
	}
	line, err := readLine(r, '\n', valueLineMax)
	if err == errLineTooLong {
		return Value{}, malformed("line longer than %d bytes", valueLineMax)
	}
	if err != nil {
		return Value{}, err
	}
	if len(line) < 2 || bytes.IndexByte(line, '\r') != len(line)-1 {
		return Value{}, malformed("line %.32q", line)
	}
	v := Value{Kind: line[0]}
	text := line[1 : len(line)-1]
	switch v.Kind {
	case '+', '-', ',', '(':
		v.Str = string(text)
	case ':':
		var ok bool
		if v.Int, ok = parseLength(text); !ok {
			return Value{}, malformed("integer %.32q", text)
		}
	case '_':
		v.Null = true
		if len(text) > 0 {
			return Value{}, malformed("null %.32q", text)
		}
	case '#':
		if v.Int, err = truth(text); err != nil {
			return Value{}, err
		}
	case '$', '=', '!':
		err = v.readText(r, text)
	case '*', '%', '~', '>', '|':
		err = v.readElements(r, text, depth)
	default:
		return Value{}, malformed("type %q", v.Kind)
	}
	return v, err
}

// truth is 1 for "t" and 0 for "f".
func truth(text []byte) (int64, error) {
	switch string(text) {
	case "t":
		return 1, nil
	case "f":
		return 0, nil
	}
	return 0, malformed("boolean %.32q", text)
}

// readText reads the string whose length was announced.
func (v *Value) readText(r *bufio.Reader, length []byte) error {
	n, ok := parseLength(length)
	if ok && n == -1 && v.Kind == '$' {
		v.Null = true
		return nil
	}
	if !ok || n < 0 || n > valueBulkMax || int64(int(n+2)) != n+2 {
		return malformed("length %.32q", length)
	}
	b, err := readBytes(r, int(n)+2)
	if err != nil {
		return err
	}
	if b[n] != '\r' || b[n+1] != '\n' {
		return malformed("string of %d bytes without an end", n)
	}
	v.Str = unsafe.String(&b[0], n)
	return nil
}

// readElements reads the elements whose number was announced.
func (v *Value) readElements(r *bufio.Reader, count []byte, depth int) error {
	n, ok := parseLength(count)
	if ok && n == -1 && v.Kind == '*' {
		v.Null = true
		return nil
	}
	if !ok || n < 0 || n > defaultArgsMax {
		return malformed("count %.32q", count)
	}
	switch v.Kind {
	case '%':
		n *= 2
	case '|':
		n = 2*n + 1
	}
	v.Elems = make([]Value, 0, min(n, 4))
	for ; n > 0; n-- {
		element, err := readValue(r, depth-1)
		if err != nil {
			return err
		}
		v.Elems = append(v.Elems, element)
	}
	return nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}

// AppendTo appends the encoded value to b.
func (v Value) AppendTo(b []byte) []byte {
	switch v.Kind {
	case '+', '-', ',', '(':
		return appendLine(b, v.Kind, v.Str)
	case ':':
		return appendHeader(b, ':', v.Int)
	case '#':
		if v.Int != 0 {
			return append(b, "#t\r\n"...)
		}
		return append(b, "#f\r\n"...)
	case '_':
		return append(b, "_\r\n"...)
	}
	if v.Null {
		return appendHeader(b, v.Kind, -1)
	}
	switch v.Kind {
	case '$', '=', '!':
		b = appendHeader(b, v.Kind, int64(len(v.Str)))
		b = append(b, v.Str...)
		return append(b, '\r', '\n')
	}
	count := len(v.Elems)
	if v.Kind == '%' || v.Kind == '|' {
		count /= 2
	}
	b = appendHeader(b, v.Kind, int64(count))
	for i := range v.Elems {
		b = v.Elems[i].AppendTo(b)
	}
	return b
}

package tests

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A reply is one decoded message of the server. kind is the byte that
// introduces it on the wire, so every RESP type stays distinguishable.
type reply struct {
	kind  byte
	null  bool    // $-1 and *-1
	text  string  // scalars; of a verbatim string with its "txt:" in front
	elems []reply // aggregates; of a map keys and values in turn
	attrs []reply // an attribute that came before the reply, keys and values in turn
}

// isAggregate reports whether a reply of this kind has elements.
func isAggregate(kind byte) bool { return strings.IndexByte("*%~>", kind) >= 0 }

// readReply decodes one message in RESP2 or RESP3. It is independent of the
// server's own protocol package on purpose: one bug must not hide another.
func readReply(r *bufio.Reader) (reply, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return reply{}, err
	}
	if len(line) < 3 || !strings.HasSuffix(line, "\r\n") {
		return reply{}, fmt.Errorf("bad line %q", line)
	}
	kind, text := line[0], line[1:len(line)-2]
	switch kind {
	case '+', '-', ':', ',', '#', '(':
		return reply{kind: kind, text: text}, nil
	case '_':
		return reply{kind: kind, null: true}, nil
	case '$', '!', '=':
		return readBlob(r, kind, text)
	case '*', '~', '>', '%', '|':
		return readAggregate(r, kind, text)
	}
	return reply{}, fmt.Errorf("bad type byte in %q", line)
}

func readBlob(r *bufio.Reader, kind byte, text string) (reply, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < -1 {
		return reply{}, fmt.Errorf("bad length %q", text)
	}
	if n == -1 {
		return reply{kind: kind, null: true}, nil
	}
	b := make([]byte, n+2)
	if _, err := io.ReadFull(r, b); err != nil {
		return reply{}, err
	}
	if string(b[n:]) != "\r\n" {
		return reply{}, fmt.Errorf("%q after a string of %d bytes", b[n:], n)
	}
	return reply{kind: kind, text: string(b[:n])}, nil
}

func readAggregate(r *bufio.Reader, kind byte, text string) (reply, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < -1 {
		return reply{}, fmt.Errorf("bad length %q", text)
	}
	if n == -1 {
		return reply{kind: kind, null: true}, nil
	}
	if kind == '%' || kind == '|' {
		n *= 2
	}
	elems := make([]reply, 0, min(n, 1024))
	for range n {
		e, err := readReply(r)
		if err != nil {
			return reply{}, err
		}
		elems = append(elems, e)
	}
	if kind == '|' {
		v, err := readReply(r)
		v.attrs = elems
		return v, err
	}
	return reply{kind: kind, elems: elems}, nil
}

// appendCommand appends a request as an array of bulk strings.
func appendCommand(b []byte, args ...string) []byte {
	b = append(b, '*')
	b = strconv.AppendInt(b, int64(len(args)), 10)
	b = append(b, "\r\n"...)
	for _, a := range args {
		b = append(b, '$')
		b = strconv.AppendInt(b, int64(len(a)), 10)
		b = append(b, "\r\n"...)
		b = append(b, a...)
		b = append(b, "\r\n"...)
	}
	return b
}

// A client is a connection for tests: whatever goes wrong with it fails the test.
type client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

// client connects to the server; the connection ends with the test.
func (s *server) client(t testing.TB) *client {
	t.Helper()
	return dial(t, "tcp", s.addr())
}

func dial(t testing.TB, network, addr string) *client {
	t.Helper()
	conn, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return newClientOf(t, conn)
}

// newClientOf is a client on a connection that there is.
func newClientOf(t testing.TB, conn net.Conn) *client {
	return &client{t: t, conn: conn, r: bufio.NewReader(conn)}
}

// send writes one request without waiting for its reply.
func (c *client) send(args ...string) {
	c.t.Helper()
	c.sendRaw(appendCommand(nil, args...))
}

func (c *client) sendRaw(b []byte) {
	c.t.Helper()
	if err := c.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// read returns the next message.
func (c *client) read() reply {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	v, err := readReply(c.r)
	if err != nil {
		c.t.Fatal(err)
	}
	return v
}

// readEOF fails the test unless the server closes the connection next.
func (c *client) readEOF() {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	if b, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
		c.t.Fatalf("read %q, %v; want the connection closed", b, err)
	}
}

// do sends one request and returns its reply, which may be an error.
func (c *client) do(args ...string) reply {
	c.t.Helper()
	c.send(args...)
	return c.read()
}

// doInt is do for a command that answers an integer.
func (c *client) doInt(args ...string) int {
	c.t.Helper()
	v := c.do(args...)
	n, err := strconv.Atoi(v.text)
	if v.kind != ':' || err != nil {
		c.t.Fatalf("%s: got %s, want an integer", strings.Join(args, " "), v)
	}
	return n
}

// ok runs a command that must answer +OK.
func (c *client) ok(line string) {
	c.t.Helper()
	c.expect(line, status("OK"))
}

// status and errText tell expect that a string is of that RESP type.
type (
	status  string
	errText string
)

// expect runs one command line, split as in scripts, and compares the reply:
// an int wants an integer, a string a bulk string, a status and an errText
// what they say, nil a null of any kind, []any an array of all these.
func (c *client) expect(line string, want any) {
	c.t.Helper()
	args, err := splitLine(line)
	if err != nil {
		c.t.Fatal(err)
	}
	if v := c.do(args...); !v.matches(want) {
		c.t.Errorf("%s\ngot  %s\nwant %v", line, v, want)
	}
}

func (v reply) matches(want any) bool {
	switch want := want.(type) {
	case nil:
		return v.null
	case int:
		return v.kind == ':' && v.text == strconv.Itoa(want)
	case string:
		return v.kind == '$' && !v.null && v.text == want
	case status:
		return v.kind == '+' && v.text == string(want)
	case errText:
		return v.kind == '-' && v.text == string(want)
	case []any:
		return isAggregate(v.kind) && !v.null && slices.EqualFunc(v.elems, want, reply.matches)
	}
	return false
}

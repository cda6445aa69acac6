package store

import (
	"crypto/tls"
	"io"
	"net"
	"reflect"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// Kicking a client takes a connection whose reads can be interrupted by a
// deadline. The connections of the standard library can. Of any other, and of
// a reader that a parser brought along, that is not known, so a goroutine
// reads it and pumps what it gets into a pipe, which has deadlines.

// A pumpedConn is read through a pipe and written directly.
type pumpedConn struct {
	net.Conn
	in net.Conn // the pipe's end
}

func (p *pumpedConn) Read(b []byte) (int, error)        { return p.in.Read(b) }
func (p *pumpedConn) SetReadDeadline(t time.Time) error { return p.in.SetReadDeadline(t) }
func (p *pumpedConn) SetDeadline(t time.Time) error     { return p.in.SetReadDeadline(t) }

func (p *pumpedConn) Close() error {
	p.in.Close()
	return p.Conn.Close()
}

// interruptible returns conn as a connection whose reads, of what the parser
// reads if there is one, end at a deadline.
func interruptible(conn net.Conn, parser *resp.Parser) net.Conn {
	var source io.Reader = conn
	if parser != nil && parser.Source() != nil {
		source = parser.Source()
	}
	if source == conn && hasDeadlines(conn) {
		return conn
	}
	in, out := net.Pipe()
	go func() {
		io.Copy(out, source) // whatever the error, the client has ended
		out.Close()
	}()
	return &pumpedConn{conn, in}
}

// hasDeadlines reports whether the connection is known to heed deadlines.
func hasDeadlines(conn net.Conn) bool {
	switch conn.(type) {
	case *net.TCPConn, *net.UnixConn, *tls.Conn:
		return true
	}
	return reflect.TypeOf(conn) == pipeType
}

// pipeType is the type of net.Pipe's ends, which has no name to us.
var pipeType = func() reflect.Type {
	end, _ := net.Pipe()
	return reflect.TypeOf(end)
}()

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// replyTimeout bounds the wait for one reply.
const replyTimeout = 60 * time.Second

// bulkBytesMax bounds what one reply may make us hold.
const bulkBytesMax = 64 << 20

// appendCommand appends a request with these arguments.
func appendCommand(b []byte, args ...string) []byte {
	b = appendHeader(b, '*', len(args))
	for _, arg := range args {
		b = appendHeader(b, '$', len(arg))
		b = append(b, arg...)
		b = append(b, '\r', '\n')
	}
	return b
}

func appendHeader(b []byte, kind byte, n int) []byte {
	b = append(b, kind)
	b = strconv.AppendInt(b, int64(n), 10)
	return append(b, '\r', '\n')
}

// A link is one connection to a server.
type link struct {
	conn net.Conn
	in   *bufio.Reader
	out  []byte
}

func dial(addr string) (*link, error) {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &link{conn: conn, in: bufio.NewReader(conn)}, nil
}

// send writes one command.
func (l *link) send(args ...string) error {
	if err := l.conn.SetDeadline(time.Now().Add(replyTimeout)); err != nil {
		return err
	}
	l.out = appendCommand(l.out[:0], args...)
	_, err := l.conn.Write(l.out)
	return err
}

// do sends one command and returns its reply as text; an error reply is an
// error.
func (l *link) do(args ...string) (string, error) {
	if err := l.send(args...); err != nil {
		return "", err
	}
	return readText(l.in)
}

// readHead reads the line that starts each reply and returns its kind and
// what follows the kind. The text is valid until the next read.
func readHead(r *bufio.Reader) (kind byte, text []byte, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	line, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok || len(line) == 0 {
		return 0, nil, fmt.Errorf("not a reply: %.60q", line)
	}
	if line[0] == '-' {
		return 0, nil, errors.New(string(line[1:]))
	}
	return line[0], line[1:], nil
}

// readLength is readHead for a reply that must be of one kind with a length.
func readLength(r *bufio.Reader, kind byte, lengthMax int) (int, error) {
	got, text, err := readHead(r)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(string(text))
	if got != kind || err != nil || n > lengthMax || n < -1 {
		return 0, fmt.Errorf("not the reply that was expected: %q %.60q", got, text)
	}
	return n, nil
}

// readText reads a reply that is no array.
func readText(r *bufio.Reader) (string, error) {
	kind, text, err := readHead(r)
	if err != nil || kind != '$' {
		return string(text), err
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n > bulkBytesMax {
		return "", fmt.Errorf("not a length: %.60q", text)
	}
	if n < 0 {
		return "", nil
	}
	body := make([]byte, n+2)
	if _, err := io.ReadFull(r, body); err != nil {
		return "", err
	}
	return string(body[:n]), nil
}

// readScan reads a reply to SCAN, shows each key to visit and returns the
// next cursor. A key is valid only during its visit.
func readScan(r *bufio.Reader, visit func(key []byte) error) (cursor string, err error) {
	if n, err := readLength(r, '*', 2); err != nil || n != 2 {
		return "", errors.Join(errors.New("SCAN: bad reply"), err)
	}
	if cursor, err = readText(r); err != nil {
		return "", err
	}
	keys, err := readLength(r, '*', bulkBytesMax)
	if err != nil {
		return "", err
	}
	for range keys {
		n, err := readLength(r, '$', r.Size()-2)
		if err != nil || n < 0 {
			return "", errors.Join(errors.New("SCAN: bad key"), err)
		}
		key, err := r.Peek(n + 2)
		if err != nil {
			return "", err
		}
		if err := visit(key[:n]); err != nil {
			return "", err
		}
		if _, err := r.Discard(n + 2); err != nil {
			return "", err
		}
	}
	return cursor, nil
}

// pipelineBytes is how much is written at a time when a data set is loaded.
const pipelineBytes = 16 << 10

// load sends the commands for keys 0 to n-1 down one connection without
// waiting, while it reads their replies, each of which must be one line.
func load(ctx context.Context, addr string, n int, emit func(b []byte, k int) []byte) error {
	return loadLines(ctx, addr, n, 1, emit)
}

// loadLines is load for replies of so many lines each.
func loadLines(ctx context.Context, addr string, n, lines int, emit func(b []byte, k int) []byte) error {
	l, err := dial(addr)
	if err != nil {
		return err
	}
	defer l.conn.Close()
	release := context.AfterFunc(ctx, func() { l.conn.Close() })
	defer release()
	sent := make(chan error, 1)
	go func() { sent <- writeAll(l.conn, n, emit) }()
	if err := countReplies(l.conn, n*lines); err != nil {
		l.conn.Close() // lets the writer go
		<-sent
		return errors.Join(err, context.Cause(ctx))
	}
	return <-sent
}

func writeAll(w io.Writer, n int, emit func(b []byte, k int) []byte) error {
	buf := make([]byte, 0, 2*pipelineBytes)
	for k := range n {
		if buf = emit(buf, k); len(buf) >= pipelineBytes {
			if _, err := w.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	_, err := w.Write(buf)
	return err
}

// countReplies returns once n lines have come. It looks at nothing but the
// ends of lines and for the minus of an error, so that reading costs next to
// nothing beside the server's work.
func countReplies(r io.Reader, n int) error {
	buf := make([]byte, 1+64<<10)
	buf[0] = '\n' // what came last
	for seen := 0; seen < n; {
		m, err := r.Read(buf[1:])
		if at := bytes.Index(buf[:m+1], []byte("\n-")); at >= 0 {
			line, _, _ := bytes.Cut(buf[at+2:m+1], []byte("\r"))
			return fmt.Errorf("an error reply: %s", line)
		}
		seen += bytes.Count(buf[1:m+1], []byte("\n"))
		buf[0] = buf[m]
		if err != nil && seen < n {
			return fmt.Errorf("after %d of %d replies: %w", seen, n, err)
		}
	}
	return nil
}

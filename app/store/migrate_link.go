package store

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// The connections of MIGRATE to other servers. One that has done its work is kept
// for ten seconds, for most keys do not migrate alone.

const (
	migrateLinksMax  = 64
	migrateLinkTime  = 10 * time.Second
	migrateChunk     = 64 << 10 // sent under one time limit
	migrateReplyLine = 1024
)

// A migrateLink is a connection to another server.
type migrateLink struct {
	name   string // see linkName
	conn   net.Conn
	r      *bufio.Reader
	db     string // that it has selected, "" when that is not known
	usedAt time.Time
}

// migrateLinks are the links that nobody uses, by address, and those in use, which
// end with the store. The mutex is its own, since a link is taken with and without
// kv.mu; nobody waits while holding it.
type migrateLinks struct {
	mu     sync.Mutex
	idle   map[string]*migrateLink
	busy   map[*migrateLink]struct{}
	ctx    context.Context // of connecting; nil before the first time
	cancel context.CancelFunc
	closed bool
}

// linkName is what links are known by: a secure one is another.
func linkName(host, port string, secured *tls.Config) string {
	if secured != nil {
		port += " TLS"
	}
	return host + ":" + port
}

// open makes or finds a link to an address, which is secure if there is a
// configuration for that.
func (l *migrateLinks) open(host, port string, timeout time.Duration, secured *tls.Config) (*migrateLink, error) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil, net.ErrClosed
	}
	if l.ctx == nil {
		l.ctx, l.cancel = context.WithCancel(context.Background())
		l.idle, l.busy = make(map[string]*migrateLink), make(map[*migrateLink]struct{})
	}
	name := linkName(host, port, secured)
	if k := l.idle[name]; k != nil {
		delete(l.idle, name)
		l.busy[k] = struct{}{}
		l.mu.Unlock()
		return k, nil
	}
	ctx := l.ctx
	l.mu.Unlock()
	if host == "" {
		return nil, errNoHost // Go would take this machine
	}
	conn, err := dialTarget(ctx, net.JoinHostPort(host, strconv.Itoa(leadingInt(port))), timeout, secured)
	if err != nil {
		return nil, err
	}
	k := &migrateLink{name: name, conn: conn, r: bufio.NewReaderSize(conn, migrateReplyLine)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		closeNow(conn)
		return nil, net.ErrClosed
	}
	l.busy[k] = struct{}{}
	return k, nil
}

var errNoHost = errors.New("no host")

// dialTarget connects to another server within the time limit.
func dialTarget(ctx context.Context, addr string, timeout time.Duration, secured *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return connectTLS(ctx, conn, secured)
}

// keep keeps a link for the next time, unless there is one to its address.
func (l *migrateLinks) keep(k *migrateLink) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.busy, k)
	if l.closed || l.idle[k.name] != nil {
		closeNow(k.conn)
		return
	}
	for other, one := range l.idle { // any one
		if len(l.idle) < migrateLinksMax {
			break
		}
		closeNow(one.conn)
		delete(l.idle, other)
	}
	k.usedAt = time.Now()
	l.idle[k.name] = k
}

// drop closes a link.
func (l *migrateLinks) drop(k *migrateLink) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.busy, k)
	closeNow(k.conn)
}

// count is how many links are kept.
func (l *migrateLinks) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.idle)
}

// closeIdle closes links that have not been used for a while.
func (l *migrateLinks) closeIdle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, k := range l.idle {
		if time.Since(k.usedAt) > migrateLinkTime {
			closeNow(k.conn)
			delete(l.idle, name)
		}
	}
}

// close closes all of them, and fails who uses one.
func (l *migrateLinks) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.cancel != nil {
		l.cancel()
	}
	for k := range l.busy {
		closeNow(k.conn)
	}
	for _, k := range l.idle {
		closeNow(k.conn)
	}
	l.idle = nil
}

// send sends the keys and reads what becomes of them. A link may have gone while
// it was not used: when nothing has been answered, it is tried once more.
func (m *migration) send() {
	if again := m.try(); again {
		m.fail = ""
		m.try()
	}
}

const (
	errMigrateConnect replyError = "IOERR error or timeout connecting to the client"
	errMigrateWrite   replyError = "IOERR error or timeout writing to target instance"
	errMigrateRead    replyError = "IOERR error or timeout reading to target instance"
)

// try is one attempt. It reports whether another one is in order.
func (m *migration) try() (again bool) {
	links := &m.kv.migrateLinks
	secured := m.kv.tls.toTarget()
	link, err := links.open(m.host, m.port, m.timeout, secured)
	if err != nil {
		m.fail = errMigrateConnect
		if secured == nil && (errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EHOSTUNREACH)) {
			m.fail = errMigrateWrite // where Redis notices
		}
		return false
	}
	selects := link.db != m.target
	err = link.write(m.request(selects), m.timeout)
	if err != nil {
		m.fail = errMigrateWrite
		links.drop(link)
		return !errors.Is(err, os.ErrDeadlineExceeded)
	}
	answered, err := m.readReplies(link, selects)
	if err != nil {
		if m.fail == "" {
			m.fail = errMigrateRead
			again = !answered && !errors.Is(err, os.ErrDeadlineExceeded)
		}
		links.drop(link)
		return again
	}
	if link.db = m.target; m.fail != "" {
		link.db = ""
	}
	links.keep(link)
	return false
}

// request is all that the other server is sent. Keys that have expired by now are
// left out.
func (m *migration) request(selects bool) []byte {
	var b []byte
	switch {
	case m.named:
		b = resp.AppendCommand(b, "AUTH", m.username, m.password)
	case m.auth:
		b = resp.AppendCommand(b, "AUTH", m.password)
	}
	if selects {
		b = resp.AppendCommand(b, "SELECT", m.target)
	}
	now := time.Now().UnixMilli()
	m.sent = nil
	for _, k := range m.keys {
		left := int64(0)
		if k.expireAt != -1 {
			if left = k.expireAt - now; left < 0 {
				continue
			}
			left = max(left, 1)
		}
		m.sent = append(m.sent, k)
		args := []string{m.name, k.name, formatInt(left), viewString(k.payload)}
		if m.replace {
			args = append(args, "REPLACE")
		}
		b = resp.AppendCommand(b, args...)
	}
	return b
}

// write sends b, each chunk within the time limit.
func (k *migrateLink) write(b []byte, timeout time.Duration) error {
	for len(b) > 0 {
		n := min(len(b), migrateChunk)
		k.conn.SetWriteDeadline(time.Now().Add(timeout))
		if _, err := k.conn.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// readReplies reads the answers to a request, and notes the first that is an error
// and which keys were restored. answered says that there was one for a key.
func (m *migration) readReplies(link *migrateLink, selects bool) (answered bool, err error) {
	refused := ""
	for range int(bit(m.auth) + bit(selects)) {
		line, err := link.line(m.timeout)
		if err != nil {
			return false, err
		}
		if refused == "" && line[0] == '-' {
			refused = line[1:]
		}
	}
	for _, k := range m.sent {
		line, err := link.line(m.timeout)
		if err != nil {
			return answered, err
		}
		answered = true
		switch {
		case refused != "":
			line = "-" + refused
			fallthrough
		case line[0] == '-':
			if m.fail == "" {
				m.fail = errf("ERR Target instance replied with error: %s", line[1:])
			}
		default:
			k.restored = true
		}
	}
	return answered, nil
}

var errEmptyLine = errors.New("an empty line")

// line reads a line within the time limit. What is too long for the buffer counts
// as several.
func (k *migrateLink) line(timeout time.Duration) (string, error) {
	k.conn.SetReadDeadline(time.Now().Add(timeout))
	b, err := k.r.ReadSlice('\n')
	if err != nil && err != bufio.ErrBufferFull {
		return "", err
	}
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	if len(b) == 0 {
		return "", errEmptyLine
	}
	return string(b), nil
}

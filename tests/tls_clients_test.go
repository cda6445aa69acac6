package tests

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// What a TLS connection has to do besides requests and replies: to be woken, to be
// killed, and to be left in the middle.

// TestTLSClient blocks, subscribes and is paused, and fetches more than it reads.
func TestTLSClient(t *testing.T) {
	ca := newAuthority(t)
	s := ca.startSecure(serverPath(t), ca.issue("server", nil), "--tls-auth-clients", "no")
	c, other := s.tlsClient(t, ca.trusting()), s.tlsClient(t, ca.trusting())
	id := c.doInt("CLIENT", "ID")

	const times = 100
	big := strings.Repeat("0123456789abcdef", 1<<16)
	c.do("SET", "big", big)
	c.sendRaw(bytes.Repeat(appendCommand(nil, "GET", "big"), times)) // all before the first answer is read
	for range times {
		if got := c.read().text; got != big {
			t.Fatalf("a value of %d bytes", len(got))
		}
	}

	c.expect("SUBSCRIBE news", []any{"subscribe", "news", 1})
	other.expect("PUBLISH news x", 1)
	if v := c.read(); !v.matches([]any{"message", "news", "x"}) {
		t.Errorf("got %s", v)
	}
	c.expect("UNSUBSCRIBE", []any{"unsubscribe", "news", 0})

	c.send("BLPOP", "list", "0")
	waitFor(t, "the client to block", func() bool { return s.info(t, "blocked_clients") == "1" })
	other.expect("RPUSH list v", 1)
	if v := c.read(); !v.matches([]any{"list", "v"}) {
		t.Errorf("got %s", v)
	}

	other.ok("CLIENT PAUSE 100000 WRITE")
	c.send("SET", "a", "b")
	waitFor(t, "the write to wait", func() bool {
		return !strings.Contains(other.do("CLIENT", "LIST", "ID", fmt.Sprint(id)).text, " qbuf=0 ")
	})
	other.ok("CLIENT UNPAUSE")
	if v := c.read(); !v.matches(status("OK")) {
		t.Errorf("got %s", v)
	}
	if line := other.do("CLIENT", "LIST", "ID", fmt.Sprint(id)).text; strings.Contains(line, " fd=-1 ") ||
		!strings.Contains(line, " addr="+c.conn.LocalAddr().String()+" laddr="+s.tlsAddr()+" ") {
		t.Errorf("CLIENT LIST: %s", line)
	}
}

// TestTLSKill kills clients that wait, that block, and that do not read.
func TestTLSKill(t *testing.T) {
	ca := newAuthority(t)
	s := ca.startSecure(serverPath(t), ca.issue("server", nil), "--tls-auth-clients", "no")
	killer := s.client(t)
	killer.do("SET", "big", strings.Repeat("x", 1<<20))
	for _, doing := range []string{"nothing", "BLPOP list 0", "SUBSCRIBE news", "GET big"} {
		c := s.tlsClient(t, ca.trusting())
		id := fmt.Sprint(c.doInt("CLIENT", "ID"))
		if doing != "nothing" {
			c.sendRaw(bytes.Repeat([]byte(doing+"\r\n"), 20))
			word, _, _ := strings.Cut(doing, " ")
			waitFor(t, doing, func() bool {
				return strings.Contains(killer.do("CLIENT", "LIST", "ID", id).text, "cmd="+strings.ToLower(word))
			})
		}
		killer.expect("CLIENT KILL ID "+id, 1)
		c.conn.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, c.conn); isTimeout(err) {
			t.Errorf("%s: %v", doing, err)
		}
		waitFor(t, "the client to be gone", func() bool { return killer.do("CLIENT", "LIST", "ID", id).text == "" })
	}
}

// isTimeout reports whether a deadline has passed.
func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

// A halfConn stops writing after so many bytes, and goes.
type halfConn struct {
	net.Conn
	left int
}

func (c *halfConn) Write(b []byte) (int, error) {
	n := min(len(b), c.left)
	c.left -= n
	if n < len(b) {
		c.Conn.Write(b[:n])
		c.Conn.Close()
		return n, io.ErrClosedPipe
	}
	return c.Conn.Write(b)
}

// TestTLSHangUp leaves in the middle of handshakes, requests and replies, and finds
// nothing left behind. There is room for few clients, which those who have gone, and
// those who are never let in, must not take.
func TestTLSHangUp(t *testing.T) {
	ca := newAuthority(t)
	s := ca.startSecure(serverPath(t), ca.issue("server", nil), "--maxclients", "30")
	user := ca.trusting(ca.issue("user", nil))
	leave := func(config *tls.Config, bytes int) {
		conn, err := net.Dial("tcp", s.tlsAddr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		c := tls.Client(&halfConn{conn, bytes}, config)
		c.SetDeadline(time.Now().Add(patience))
		for range 3 {
			if _, err := c.Write(get); err != nil {
				return
			}
			if _, err := c.Read(make([]byte, 1)); err != nil {
				return
			}
		}
	}
	all := func() {
		for bytes := 0; bytes < 3000; bytes += 37 {
			leave(user, bytes)
			leave(ca.trusting(), bytes)
		}
	}
	all() // whatever grows once has grown now
	before, files := s.resources(t), s.descriptors(t)
	all()
	s.expectResources(t, before, 1<<20)
	waitFor(t, "the server to close its files", func() bool { return s.descriptors(t) <= files })
	if err := s.tryTLS(user); err != nil {
		t.Error(err)
	}
}

// TestTLSMaxClients has more than may come connect and say nothing: who shakes hands
// counts, and who is too much is turned away.
func TestTLSMaxClients(t *testing.T) {
	const room, silent = 10, 25
	ca := newAuthority(t)
	s := ca.startSecure(serverPath(t), ca.issue("server", nil), "--tls-auth-clients", "no", "--maxclients", fmt.Sprint(room))
	c := s.client(t) // one of them
	field := func(name, want string) {
		t.Helper()
		waitFor(t, name+":"+want, func() bool { return strings.Contains(c.do("INFO").text, name+":"+want+"\r\n") })
	}
	field("connected_clients", "1")
	var conns []net.Conn
	for range silent {
		conn, err := net.Dial("tcp", s.tlsAddr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns = append(conns, conn)
	}
	field("rejected_connections", fmt.Sprint(silent-(room-1)))
	if v := dial(t, "tcp", s.addr()).read(); !v.matches(errText("ERR max number of clients reached")) {
		t.Errorf("got %s", v)
	}
	if err := s.tryTLS(ca.trusting()); err == nil {
		t.Error("there is room for another one")
	}
	for _, conn := range conns {
		conn.Close()
	}
	waitFor(t, "room", func() bool { return s.tryTLS(ca.trusting()) == nil })
}

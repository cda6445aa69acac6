package tests

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Those who have no business here: who comes from elsewhere to a server that nobody has
// secured, and who has not said a password.

// outerAddress is an IPv4 address of this machine that is not a loopback one, or "".
func outerAddress(t testing.TB) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range addrs {
		if ip, ok := addr.(*net.IPNet); ok && ip.IP.To4() != nil && ip.IP.IsGlobalUnicast() {
			return ip.IP.String()
		}
	}
	return ""
}

// TestProtectedMode comes from an address that is not a loopback one, while the server
// is secured in several ways, and not. redis-server says the same.
func TestProtectedMode(t *testing.T) {
	outer := outerAddress(t)
	if outer == "" {
		t.Skip("this machine has no other address")
	}
	p, servers := startACL(t, "--bind", "* -::*", "--enable-debug-command", "local", "--unixsocket", "s")
	// come says what a newcomer is answered first, and to DEBUG.
	come := func(s *server, network, addr string) string {
		conn, err := net.Dial(network, addr)
		if err != nil {
			return err.Error()
		}
		defer conn.Close()
		c := newClientOf(t, conn)
		conn.Write([]byte("PING\r\nAUTH pw\r\nDEBUG SLEEP 0\r\n"))
		said := c.read().String()
		if strings.HasPrefix(said, "(error) DENIED") {
			c.drainToEnd()
			return said
		}
		return said + "\n" + c.read().String() + "\n" + c.read().String()
	}
	for _, tt := range []struct {
		lines []string
		lets  bool
	}{
		{nil, false},
		{[]string{"CONFIG SET requirepass pw"}, true},
		{[]string{"CONFIG SET requirepass \"\""}, false},
		{[]string{"ACL SETUSER default off"}, false},
		{[]string{"ACL SETUSER default on >pw"}, true},
		{[]string{"ACL SETUSER default resetpass"}, true},
		{[]string{"ACL SETUSER default nopass"}, false},
		{[]string{"CONFIG SET protected-mode no"}, true},
		{[]string{"CONFIG SET protected-mode yes"}, false},
	} {
		var said []string
		for i, s := range servers {
			for _, line := range tt.lines {
				p.admin[i].ok(line)
			}
			port := strconv.Itoa(s.port)
			first := come(s, "tcp", net.JoinHostPort(outer, port))
			if lets := !strings.HasPrefix(first, "(error) DENIED Redis is running in protected mode"); lets != tt.lets {
				t.Errorf("%q: from outside %s", tt.lines, first)
			}
			said = append(said, "from outside "+first+"\nfrom the loopback "+come(s, "tcp", s.addr())+
				"\nby the socket "+come(s, "unix", filepath.Join(s.dir, "s"))+
				"\nrefused "+fieldOf(p.admin[i].do("INFO", "stats").text, "rejected_connections"))
		}
		if said[0] != said[len(said)-1] {
			t.Errorf("%q\ngot  %s\nwant %s", tt.lines, said[0], said[1])
		}
	}
}

// fieldOf is a field of what INFO has answered.
func fieldOf(info, field string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// TestStrangersAreBounded has very many connections that do not say a password send the
// beginnings of large requests. The server takes what the limits allow and no more, and
// forgets it all when they go.
func TestStrangersAreBounded(t *testing.T) {
	const strangers = 600
	s := start(t, "--maxclients", "5000", "--requirepass", "pw", "--client-query-buffer-limit", "1mb")
	admin := s.client(t)
	admin.ok("AUTH pw")
	before := s.infoInt(t, "used_memory_rss")
	var conns []net.Conn
	come := func(text string) {
		conn, err := net.Dial("tcp", s.addr())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
		conn.Write([]byte(text)) // it may be closed already
	}
	for range strangers {
		come("*10\r\n$3\r\nSET\r\n$16384\r\n0123456789") // allowed, and never ended
		come("AUTH default 0123456789")                  // a line that never ends
		come("*2\r\n$4\r\nAUTH\r\n$536870912\r\n0123456789")
		come("*1048576\r\n$3\r\nSET\r\n")
		come("*2\r\n$4\r\nAUTH\r\n$16385\r\n")
		if len(conns)%500 == 0 {
			admin.expect("PING", status("PONG"))
		}
	}
	for i, conn := range conns { // the last three of five are sent away
		if i%5 < 2 {
			continue
		}
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err == nil && !strings.HasPrefix(line, "-ERR Protocol error: unauthenticated ") {
			t.Fatalf("%q", line)
		}
		conn.Close()
	}
	waitFor(t, "those with too much to go", func() bool {
		return fieldOf(admin.do("INFO", "clients").text, "connected_clients") == strconv.Itoa(2*strangers+1)
	})
	held, err := strconv.Atoi(fieldOf(admin.do("INFO", "memory").text, "mem_clients_normal"))
	if most := 2 * strangers * (48 << 10); err != nil || held > most {
		t.Errorf("%d clients hold %d bytes (%v)", 2*strangers, held, err)
	}
	grown := s.infoInt(t, "used_memory_rss") - before
	t.Logf("%d clients hold %d bytes and made the server %d larger", 2*strangers, held, grown)
	// The race detector has memory of its own for each of ours.
	if most := 2 * strangers * (64 << 10); grown > most && os.Getenv(envRace) == "" {
		t.Errorf("%d clients made the server %d bytes larger", 2*strangers, grown)
	}
	// What they are allowed is 10 arguments of 16 KiB, and a line of 64 KiB.
	full := "*10\r\n" + strings.Repeat(fmt.Sprintf("$16384\r\n%s\r\n", strings.Repeat("x", 16384)), 10)
	full = strings.Replace(full, "x\r\n", "xx\r\n", 1) // not what was announced: an error, at the latest now
	greedy := s.client(t)
	greedy.conn.Write([]byte(full[:len(full)-1]))
	greedy.drainToEnd()
	line := s.client(t)
	line.conn.Write([]byte(strings.Repeat("x", 128<<10)))
	line.drainToEnd()
	for _, conn := range conns {
		conn.Close()
	}
	waitFor(t, "all to go", func() bool {
		return fieldOf(admin.do("INFO", "clients").text, "connected_clients") == "1"
	})
	admin.expect("PING", status("PONG"))
}

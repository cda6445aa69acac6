package tests

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// A hangUp is one way for a client to go.
type hangUp struct {
	name string
	do   func(conn *net.TCPConn) error
}

var get = appendCommand(nil, "GET", "nosuch")

// sendAndClose returns a hang-up that writes b and closes: the FIN travels with the
// data, or right behind it.
func sendAndClose(b []byte) func(*net.TCPConn) error {
	return func(conn *net.TCPConn) error {
		if _, err := conn.Write(b); err != nil {
			return err
		}
		return conn.Close()
	}
}

// sendAndReset writes b and sends a RST.
func sendAndReset(b []byte) func(*net.TCPConn) error {
	return func(conn *net.TCPConn) error {
		if _, err := conn.Write(b); err != nil {
			return err
		}
		if err := conn.SetLinger(0); err != nil {
			return err
		}
		return conn.Close()
	}
}

// sendAndShut writes b, closes its own direction only and reads to the end.
func sendAndShut(b []byte) func(*net.TCPConn) error {
	return func(conn *net.TCPConn) error {
		if _, err := conn.Write(b); err != nil {
			return err
		}
		if err := conn.CloseWrite(); err != nil {
			return err
		}
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, conn)
		conn.Close()
		return err
	}
}

// hangUps combines what a client may have said with the ways to go.
func hangUps() []hangUp {
	said := map[string][]byte{
		"nothing":        nil,
		"a request":      get,
		"a pipeline":     []byte(strings.Repeat(string(get), 1000)),
		"half of one":    get[:len(get)/2],
		"one and half":   append(append([]byte{}, get...), get[:5]...),
		"a transaction":  []byte("MULTI\r\nSET hang up\r\nWATCH\r\n"),
		"a watch":        []byte("WATCH a b c\r\n"),
		"a subscription": []byte("SUBSCRIBE a b\r\nPSUBSCRIBE a*\r\nSSUBSCRIBE s\r\n"),
		"a big value":    []byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10000000\r\n" + strings.Repeat("x", 60000)),
		"nonsense":       []byte("*x\r\n"),
		"a farewell":     []byte("QUIT\r\n"),
	}
	var out []hangUp
	for name, b := range said {
		out = append(out,
			hangUp{name + ", FIN", sendAndClose(b)},
			hangUp{name + ", RST", sendAndReset(b)},
			hangUp{name + ", half-close", sendAndShut(b)})
	}
	return out
}

// TestHangUp closes thousands of connections in every way, some while the
// server sleeps, so that data and FIN wait for it together. Afterwards there
// are as many clients, subscriptions and watched keys as before, and no more
// memory is in use.
func TestHangUp(t *testing.T) {
	const rounds = 150
	s := start(t)
	ways := hangUps()
	hangUpAll(t, s, ways, 2) // whatever grows once has grown now
	before, files := s.resources(t), s.descriptors(t)
	end := time.Now().Add(soakTime(t))
	for first := true; first || time.Now().Before(end); first = false {
		hangUpAll(t, s, ways, rounds)
	}
	s.expectResources(t, before, 1<<20)
	c := s.client(t)
	c.expect("PUBSUB CHANNELS", []any{})
	c.expect("PUBSUB SHARDCHANNELS", []any{})
	c.expect("PUBSUB NUMPAT", 0)
	c.expect("PUBLISH a x", 0)
	c.expect("DBSIZE", 0)
	c.conn.Close()
	waitFor(t, "the server to close its files", func() bool { return s.descriptors(t) <= files })
}

// hangUpAll hangs up in every way, so many times each, from several
// goroutines, and puts the server to sleep time and again meanwhile.
func hangUpAll(t *testing.T, s *server, ways []hangUp, times int) {
	t.Helper()
	todo := make(chan int)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range todo {
				way := ways[i%len(ways)]
				if err := hangUpOnce(s, way); err != nil {
					t.Errorf("%s: %v", way.name, err)
				}
			}
		})
	}
	sleeper := s.client(t)
	for i := range times * len(ways) {
		todo <- i
		if rand.IntN(100) == 0 {
			sleeper.ok("DEBUG SLEEP 0.02")
		}
	}
	close(todo)
	wg.Wait()
	sleeper.conn.Close()
}

func hangUpOnce(s *server, way hangUp) error {
	conn, err := net.Dial("tcp", s.addr())
	if err != nil {
		return err
	}
	err = way.do(conn.(*net.TCPConn))
	if isReset(err) {
		return nil // the server may have closed first, for nonsense and farewells
	}
	return err
}

// isReset recognizes the errors of a connection that the other side closed.
func isReset(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "reset by peer") || strings.Contains(text, "broken pipe")
}

// descriptors counts the open files of the server, where the system tells.
func (s *server) descriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestHangUpWhileBusy is the case that once lost clients: while the server
// sleeps, data and FIN of many connections arrive together.
func TestHangUpWhileBusy(t *testing.T) {
	const clients = 300
	s := start(t)
	before := s.resources(t)
	for range 5 {
		sleeper := s.client(t)
		var conns []net.Conn
		for range clients {
			conn, err := net.Dial("tcp", s.addr())
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, conn)
		}
		waitFor(t, "all clients to be in", func() bool { return s.infoInt(t, "connected_clients") >= before.clients+clients })
		sleeper.send("DEBUG", "SLEEP", "0.1")
		for i, conn := range conns {
			if _, err := conn.Write(get); err != nil {
				t.Fatal(err)
			}
			if i%2 == 0 {
				conn.Close()
				continue
			}
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
		}
		sleeper.read()
		sleeper.conn.Close()
		s.expectResources(t, before, 1<<20) // a half-closed client goes as well
		for _, conn := range conns {
			conn.Close()
		}
	}
}

// TestHangUpUnix does the same over a unix socket, which knows no RST.
func TestHangUpUnix(t *testing.T) {
	dir, err := os.MkdirTemp("", "hang") // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := dir + "/s"
	s := start(t, "--unixsocket", path)
	before := s.resources(t)
	for i := range 2000 {
		var conn net.Conn
		waitFor(t, "room in the queue of connections", func() bool {
			var err error
			conn, err = net.Dial("unix", path)
			return err == nil
		})
		b := [][]byte{nil, get, get[:7]}[i%3]
		if _, err := conn.Write(b); err != nil && !isReset(err) {
			t.Fatal(err)
		}
		conn.Close()
	}
	s.expectResources(t, before, 1<<20)
}

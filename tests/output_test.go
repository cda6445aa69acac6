package tests

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// What the server does with output that nobody reads yet, and with messages
// and replies that meet on one connection.

// TestOutputPipeline writes 200,000 requests whose replies are far bigger
// than any socket buffer before it reads the first reply. A server that
// stopped reading until its replies are taken would never answer.
func TestOutputPipeline(t *testing.T) {
	dir, err := os.MkdirTemp("", "out") // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := start(t, "--unixsocket", dir+"/s")
	value := strings.Repeat("v", 1024)
	s.client(t).ok("SET k " + value)
	before := s.resources(t)
	t.Run("tcp", func(t *testing.T) { outputPipeline(t, dial(t, "tcp", s.addr()), value) })
	t.Run("unix", func(t *testing.T) { outputPipeline(t, dial(t, "unix", dir+"/s"), value) })
	s.expectResources(t, before, 4<<20)
}

func outputPipeline(t *testing.T, c *client, value string) {
	const requests = 200_000
	c.sendRaw(bytes.Repeat(appendCommand(nil, "GET", "k"), requests))
	want := fmt.Appendf(nil, "$%d\r\n%s\r\n", len(value), value)
	got := make([]byte, len(want))
	r := bufio.NewReaderSize(c.conn, 1<<20)
	for i := range requests {
		if i%1000 == 0 {
			if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
		}
		if err := readFull(r, got); err != nil {
			t.Fatalf("reply %d: %v", i, err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("reply %d: %q", i, got)
		}
	}
	c.conn.Close()
}

func readFull(r *bufio.Reader, b []byte) error {
	for n := 0; n < len(b); {
		k, err := r.Read(b[n:])
		if err != nil {
			return err
		}
		n += k
	}
	return nil
}

// TestOutputOrder has publishers count up a key and publish in one
// transaction, while a subscriber asks for the key all the time. Messages and
// replies leave in the order in which the commands ran, so whenever the key's
// value arrives, exactly so many messages have arrived before it.
func TestOutputOrder(t *testing.T) {
	const publishers, each = 4, 3000
	s := start(t)
	c := s.client(t)
	c.send("HELLO", "3")
	c.read()
	c.send("SUBSCRIBE", "ticks")
	c.read()

	var wg sync.WaitGroup
	for range publishers {
		p := s.client(t)
		wg.Go(func() { publishTicks(t, p, each) })
	}
	asked := make(chan struct{}, 100) // bounds the replies under way
	quit := make(chan struct{})
	wg.Go(func() { keepAsking(t, c.conn, asked, quit) })
	pushes := 0
	for pushes < publishers*each && !t.Failed() {
		v := c.read()
		switch v.kind {
		case '>':
			pushes++
		case '$', '_':
			<-asked
			if v.null {
				v.text = "0"
			}
			if v.text != strconv.Itoa(pushes) {
				t.Errorf("the counter is %s after %d messages", v.text, pushes)
			}
		default:
			t.Errorf("unexpected %s", v)
		}
	}
	close(quit)
	wg.Wait()
}

// publishTicks counts and publishes, ten transactions in a pipeline.
func publishTicks(t *testing.T, c *client, count int) {
	one := []byte("MULTI\r\nINCR counter\r\nPUBLISH ticks x\r\nEXEC\r\n")
	for range count / 10 {
		if _, err := c.conn.Write(bytes.Repeat(one, 10)); err != nil {
			t.Error(err)
			return
		}
		for range 4 * 10 {
			if _, err := readReply(c.r); err != nil {
				t.Error(err)
				return
			}
		}
	}
}

// keepAsking sends GET counter again and again, as fast as replies are read.
func keepAsking(t *testing.T, conn net.Conn, asked chan<- struct{}, quit <-chan struct{}) {
	for {
		select {
		case asked <- struct{}{}:
		case <-quit:
			return
		}
		if _, err := conn.Write([]byte("GET counter\r\n")); err != nil {
			t.Error(err)
			return
		}
	}
}

// TestOutputOwnMessages holds that a client's message to itself comes before
// the reply of the PUBLISH that sent it.
func TestOutputOwnMessages(t *testing.T) {
	s := start(t)
	c := s.client(t)
	c.send("HELLO", "3")
	c.read()
	c.send("SUBSCRIBE", "self")
	c.read()
	const count = 1000
	var b []byte
	for i := range count {
		b = appendCommand(b, "PUBLISH", "self", strconv.Itoa(i))
		b = appendCommand(b, "ECHO", strconv.Itoa(i))
	}
	c.sendRaw(b)
	for i := range count {
		n := strconv.Itoa(i)
		for _, want := range []any{[]any{"message", "self", n}, 1, n} {
			if v := c.read(); !v.matches(want) {
				t.Fatalf("message %d: got %s, want %v", i, v, want)
			}
		}
	}
}

// TestOutputSlowReader holds that a client which reads nothing delays nobody:
// others get their answers while megabytes wait for it.
func TestOutputSlowReader(t *testing.T) {
	s := start(t)
	other := s.client(t)
	other.ok("SET k " + strings.Repeat("v", 10000))
	slow := s.client(t)
	go slow.conn.Write(bytes.Repeat(appendCommand(nil, "GET", "k"), 10000)) // 100 MB of replies
	waitFor(t, "output to wait for the slow client", func() bool {
		return s.infoInt(t, "used_memory") > 20<<20 || s.maxOutput(t) > 10<<20
	})
	for range 1000 {
		other.expect("PING", status("PONG"))
	}
	slow.conn.Close()
}

// maxOutput is the longest output list that CLIENT LIST shows.
func (s *server) maxOutput(t testing.TB) int {
	t.Helper()
	c := s.client(t)
	defer c.conn.Close()
	most := 0
	for word := range strings.FieldsSeq(c.do("CLIENT", "LIST").text) {
		if text, ok := strings.CutPrefix(word, "omem="); ok {
			n, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			most = max(most, n)
		}
	}
	return most
}

// TestOutputSlowSubscriber holds that a subscriber which reads nothing is
// dropped at its limit, while the publisher goes on.
func TestOutputSlowSubscriber(t *testing.T) {
	s := start(t, "--client-output-buffer-limit", "pubsub 8mb 0 0")
	slow := s.client(t)
	slow.send("SUBSCRIBE", "ch")
	slow.read()
	quick := s.client(t)
	quick.send("SUBSCRIBE", "ch")
	quick.read()
	publisher := s.client(t)
	message := strings.Repeat("m", 100_000)
	for i := range 400 { // 40 MB, more than the limit and the socket buffers together
		publisher.send("PUBLISH", "ch", message)
		if v := publisher.read(); v.kind != ':' {
			t.Fatal(v)
		}
		if v := quick.read(); v.elems[2].text != message {
			t.Fatalf("message %d: %s", i, v)
		}
	}
	publisher.expect("PUBSUB NUMSUB ch", []any{"ch", 1})
	waitFor(t, "the subscriber to be gone", func() bool { return s.infoInt(t, "connected_clients") == 3 })
}

// TestOutputOfAnyLength asks for random elements without end. The client is closed,
// and the server goes on with the others; a moderate count is answered.
func TestOutputOfAnyLength(t *testing.T) {
	s := start(t, "--maxmemory", "100mb")
	c := s.client(t)
	c.doInt("SADD", "s", "a", "b")
	c.doInt("HSET", "h", "f", "v")
	c.doInt("ZADD", "z", "1", "m")
	for _, cmd := range [][]string{{"SRANDMEMBER", "s"}, {"HRANDFIELD", "h"}, {"ZRANDMEMBER", "z"}} {
		if n := len(c.do(append(cmd, "-50000")...).elems); n != 50000 {
			t.Errorf("%s answered with %d elements", cmd[0], n)
		}
		greedy := s.client(t)
		greedy.send(append(cmd, "-4611686018427387904")...)
		greedy.readEOF()
	}
	c.expect("PING", status("PONG"))
}

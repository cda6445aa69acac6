package store

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// A session is a client without a connection, for tests that look behind the
// protocol. It leaves cron alone: a store is not started by it.
type session struct {
	t  testing.TB
	kv *KVStore
	c  *Client
}

func newSession(t testing.TB, kv *KVStore) *session {
	c := &Client{kv: kv, fd: -1, directFD: -1, addr: "?:0", laddr: "?:0", authenticated: true}
	c.reply.Proto = 2
	kv.mu.Lock()
	kv.enter(c)
	kv.mu.Unlock()
	return &session{t, kv, c}
}

// do runs a command and returns its reply as show prints it.
func (s *session) do(args ...string) string {
	s.t.Helper()
	s.kv.mu.Lock()
	s.kv.readClock()
	s.kv.hint = commandHint{}
	s.kv.processCommand(s.c, args)
	reply := s.c.reply.Buf
	s.c.reply.Buf = nil
	s.kv.unlock()
	v, err := resp.ReadValue(bufio.NewReader(bytes.NewReader(reply)))
	if err != nil {
		s.t.Fatalf("%q: reply %q: %v", args, reply, err)
	}
	return show(v)
}

// allocations is how often a command, which it runs many times, allocates. What
// runs besides allocates too: the least of several counts is the command's own.
// On a busy machine a command may be slow, which is none of its business here.
func (s *session) allocations(args []string) float64 {
	s.do("CONFIG", "SET", "slowlog-log-slower-than", "-1")
	return s.allocationsWatched(args)
}

// allocationsWatched is allocations with the slow log as it is set.
func (s *session) allocationsWatched(args []string) float64 {
	s.c.reply.Buf = make([]byte, 0, 1<<20)
	defer func() { s.c.reply.Buf = nil }()
	least := math.Inf(1)
	for try := 0; try < 30 && least > 0; try++ {
		least = min(least, testing.AllocsPerRun(10, func() {
			s.kv.mu.Lock()
			s.kv.readClock()
			s.kv.hint = commandHint{}
			s.kv.processCommand(s.c, args)
			s.c.reply.Truncate(0)
			s.kv.mu.Unlock()
		}))
	}
	return least
}

// expect runs a command, given as words, and compares the reply.
func (s *session) expect(command, want string) {
	s.t.Helper()
	if got := s.do(strings.Fields(command)...); got != want {
		s.t.Errorf("%s: got %s, want %s", command, got, want)
	}
}

// show prints a reply in one line: OK, 1, "text", nil, [1 "text"], ERR text.
func show(v resp.Value) string {
	switch {
	case v.Null:
		return "nil"
	case v.Kind == ':':
		return fmt.Sprint(v.Int)
	case v.Kind == '$':
		return fmt.Sprintf("%q", v.Str)
	case v.Elems != nil || v.Kind == '*':
		var elems []string
		for _, e := range v.Elems {
			elems = append(elems, show(e))
		}
		return "[" + strings.Join(elems, " ") + "]"
	}
	return v.Str
}

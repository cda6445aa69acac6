package tests

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// This file holds the two servers of the differential test, and compares
// what they say.

const (
	diffClients   = 2 // they speak RESP2 and RESP3
	diffDatabases = 3
)

// A pair is our server and the peer, and the same connections to both.
type pair struct {
	t       testing.TB
	paths   [2]string
	servers [2]*server // ours, the peer
	sides   [2]side
}

// A side is the connections to one server.
type side struct {
	clients [diffClients]*diffConn
	watcher *diffConn // has subscribed to all keyspace events
	checker *diffConn // looks at the keys
}

// A difference is what ended a round.
type difference struct{ where, got, want string }

func (d *difference) String() string {
	return fmt.Sprintf("%s\ngot\n%s\nwant\n%s", d.where, d.got, d.want)
}

// lostConnection begins what stands for the reply when there is none.
const lostConnection = "(connection) "

// lost reports whether a connection broke: there is a crash to be looked at.
func (d *difference) lost() bool { return strings.Contains(d.got+d.want, lostConnection) }

// A diffConn returns errors where a client would end the test: a shrinking
// round goes on with new connections.
type diffConn struct {
	conn net.Conn
	r    *bufio.Reader
	id   string // as CLIENT ID says
	err  error  // the first one; nothing is read or written after it
}

func (c *diffConn) send(commands [][]string) {
	var b []byte
	for _, args := range commands {
		b = appendCommand(b, args...)
	}
	if c.err == nil {
		c.err = c.conn.SetDeadline(time.Now().Add(patience))
	}
	if c.err == nil {
		_, c.err = c.conn.Write(b)
	}
}

// read returns the next message; an error shows as a reply that no server sends.
func (c *diffConn) read() reply {
	var v reply
	if c.err == nil {
		v, c.err = readReply(c.r)
	}
	if c.err != nil {
		return reply{kind: '-', text: lostConnection + c.err.Error()}
	}
	return v
}

func (c *diffConn) do(args ...string) reply {
	c.send([][]string{args})
	return c.read()
}

func newPair(t testing.TB) *pair {
	t.Helper()
	return &pair{t: t, paths: [2]string{serverPath(t), redisPath(t)}}
}

// reset empties both servers and connects anew. A server that has died is
// started again; the end of the test will tell of the death.
func (p *pair) reset() *difference {
	for i := range p.servers {
		if p.servers[i] == nil || p.servers[i].ended() {
			p.servers[i] = startProgram(p.t, p.paths[i], "--databases", strconv.Itoa(diffDatabases))
		}
		s := &p.sides[i]
		for _, c := range append([]*diffConn{s.watcher, s.checker}, s.clients[:]...) {
			if c != nil && c.conn != nil {
				c.conn.Close()
			}
		}
		connect := func() *diffConn {
			conn, err := net.Dial("tcp", p.servers[i].addr())
			return &diffConn{conn: conn, r: bufio.NewReader(conn), err: err}
		}
		for j := range s.clients {
			s.clients[j] = connect()
			s.clients[j].do("HELLO", strconv.Itoa(j+2))
			s.clients[j].id = s.clients[j].do("CLIENT", "ID").text
		}
		s.watcher, s.checker = connect(), connect()
		s.checker.do("FLUSHALL")
		s.checker.do(append([]string{"ACL", "DELUSER"}, diffUsers...)...)
		s.checker.do("ACL", "LOG", "RESET")
		s.checker.do(append([]string{"CONFIG", "SET"}, diffDefaults...)...)
		s.checker.do("HELLO", "3")
		s.watcher.do("PSUBSCRIBE", "__key*__:*")
		if s.watcher.err != nil || s.checker.err != nil {
			return &difference{where: "reset", got: s.checker.read().text, want: p.servers[i].logTail()}
		}
	}
	return nil
}

// run sends units, all of one client, and compares what comes back.
func (p *pair) run(units []unit) *difference {
	var commands [][]string
	for _, u := range units {
		commands = append(commands, u.commands...)
	}
	if len(commands) == 0 {
		return nil
	}
	client, waiting := units[0].client, units[0].waiting
	if waiting != nil {
		for i := range p.sides {
			p.sides[i].wait(1-client, waiting)
		}
	}
	var got [2][]reply
	for i := range p.sides {
		p.sides[i].clients[client].send(commands)
	}
	for i := range p.sides {
		for range commands {
			got[i] = append(got[i], p.sides[i].clients[client].read())
		}
	}
	var queued [][]string // what EXEC will answer
	for i, args := range commands {
		a, b := got[0][i], got[1][i]
		name := strings.ToUpper(args[0])
		switch {
		case name == "EXEC" && len(a.elems) == len(queued) && len(b.elems) == len(queued):
			for j, args := range queued {
				a.elems[j], b.elems[j] = masked(args, a.elems[j], b.elems[j])
			}
		case len(units) == 1 && len(commands) == 1 && maskOf(args).alone:
			a, b = p.alone(client, args, a, b)
		case b.text != "QUEUED":
			a, b = masked(args, a, b)
		}
		switch {
		case b.text == "QUEUED":
			queued = append(queued, args)
		case name == "EXEC" || name == "DISCARD" || name == "MULTI":
			queued = nil
		}
		if !same(a, b) {
			return &difference{where: fmt.Sprintf("%d> %s", client+1, printArgs(args)), got: a.String(), want: b.String()}
		}
	}
	if waiting != nil {
		a, b := p.sides[0].endWait(1-client), p.sides[1].endWait(1-client)
		if !same(a, b) {
			return &difference{where: fmt.Sprintf("%d> [async] %s", 2-client, printArgs(waiting)), got: a.String(), want: b.String()}
		}
	}
	return p.compareEvents(units)
}

// wait sends a command and returns once it is answered or blocks its client.
func (s *side) wait(client int, args []string) {
	c := s.clients[client]
	c.send([][]string{args})
	for c.err == nil && !s.blocked() {
		if err := c.conn.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			c.err = err
		}
		if _, err := c.r.Peek(1); err == nil {
			return
		}
	}
}

// endWait returns the reply to the command of wait. Nobody has served a
// client that still waits.
func (s *side) endWait(client int) reply {
	c := s.clients[client]
	if c.err == nil && s.blocked() {
		s.checker.do("CLIENT", "UNBLOCK", c.id, "ERROR")
	}
	if c.err == nil {
		c.err = c.conn.SetDeadline(time.Now().Add(patience))
	}
	return c.read()
}

func (s *side) blocked() bool {
	return s.checker.err == nil && strings.Contains(s.checker.do("INFO", "clients").text, "\nblocked_clients:1\r")
}

// alone masks the reply of a command that came alone, and does what that
// takes: a scan goes on to its end, and what SPOP took from one server is
// removed from the other as well.
func (p *pair) alone(client int, args []string, a, b reply) (reply, reply) {
	took := [2]reply{a, b}
	switch name := strings.ToUpper(args[0]); {
	case name == "SPOP":
		for i := range p.sides {
			members := took[1-i].elems
			if took[1-i].kind == '$' && !took[1-i].null {
				members = took[1-i : 2-i]
			}
			for _, m := range members {
				p.sides[i].clients[client].do("SREM", args[1], m.text)
			}
		}
	case name == "DUMP" && len(a.text) > 0 && a.kind == '$' && b.kind == '$':
		return p.exchangeDumps(client, args[1], a.text, b.text)
	case strings.HasSuffix(name, "SCAN"):
		at := 1
		if name != "SCAN" {
			at = 2
		}
		if len(args) <= at || args[at] != "0" {
			break // from somewhere in the middle: only the shape is compared
		}
		return p.sides[0].clients[client].scan(args, at, a), p.sides[1].clients[client].scan(args, at, b)
	}
	return masked(args, a, b)
}

// exchangeDumps lets each server restore what the other one made of a key, and
// returns how the results look. Then the key itself is restored, on both
// servers from one dump, for a hash table becomes a sequence in its order.
func (p *pair) exchangeDumps(client int, key, ours, theirs string) (reply, reply) {
	const copied = "dump"
	same := theirs
	if len(theirs)%2 == 0 {
		same = ours
	}
	var looks [2]reply
	for i, dump := range []string{theirs, ours} {
		c := p.sides[i].clients[client]
		looks[i] = reply{kind: '*', elems: []reply{
			c.do("RESTORE", copied, "0", dump, "REPLACE"),
			c.do("TYPE", copied),
		}}
	}
	for _, look := range diffLooks[looks[1].elems[1].text] {
		args := lookAt(copied, look)
		a, b := masked(args, p.sides[0].clients[client].do(args...), p.sides[1].clients[client].do(args...))
		looks[0].elems, looks[1].elems = append(looks[0].elems, a), append(looks[1].elems, b)
	}
	for i := range looks {
		c := p.sides[i].clients[client]
		looks[i].elems = append(looks[i].elems, c.do("RESTORE", key, "0", same, "REPLACE"), c.do("DEL", copied))
	}
	return looks[0], looks[1]
}

// scan goes on with a scan whose cursor is args[at] and returns all elements, in order.
func (c *diffConn) scan(args []string, at int, v reply) reply {
	if len(v.elems) != 2 {
		return v
	}
	args = slices.Clone(args)
	var found []string
	add := func(page []reply) {
		if at == 2 && strings.ToUpper(args[0]) != "SSCAN" { // pairs
			for i := 0; i+1 < len(page); i += 2 {
				found = append(found, page[i].text+" => "+page[i+1].text)
			}
			return
		}
		for _, e := range page {
			found = append(found, e.text)
		}
	}
	for page := v; ; {
		add(page.elems[1].elems)
		if args[at] = page.elems[0].text; args[at] == "0" {
			break
		}
		if page = c.do(args...); len(page.elems) != 2 {
			return page
		}
	}
	slices.Sort(found)
	return reply{kind: '$', text: strings.Join(slices.Compact(found), "\n")}
}

// compareEvents compares the keyspace events since the last time. They come
// before the answer to a PING that is sent behind their commands.
func (p *pair) compareEvents(units []unit) *difference {
	var events [2][]string
	for i := range p.sides {
		p.sides[i].watcher.send([][]string{{"PING"}})
	}
	for i := range p.sides {
		w := p.sides[i].watcher
		for {
			v := w.read()
			if w.err != nil {
				return &difference{where: "events", got: lostConnection + w.err.Error(), want: p.servers[i].logTail()}
			}
			if len(v.elems) != 4 {
				break // the PONG
			}
			events[i] = append(events[i], v.elems[2].text+" "+v.elems[3].text)
		}
	}
	if units[0].alone() && units[0].waiting == nil {
		args := units[0].commands[0]
		if tableOrder, limit := sortOrder(args); tableOrder && limit || strings.EqualFold(args[0], "SPOP") {
			return nil // of elements taken at random
		}
		slices.Sort(events[0])
		slices.Sort(events[1])
	}
	if slices.Equal(events[0], events[1]) {
		return nil
	}
	return &difference{where: "events of\n" + printUnits(units), got: strings.Join(events[0], "\n"), want: strings.Join(events[1], "\n")}
}

// compareKeys compares all keys and values.
func (p *pair) compareKeys() *difference {
	for db := range diffDatabases {
		if _, d := p.ask([][]string{{"SELECT", strconv.Itoa(db)}}); d != nil {
			return d
		}
		keys, d := p.ask([][]string{{"KEYS", "*"}})
		if d != nil {
			return d
		}
		var looks [][]string
		for _, key := range keys[0].elems {
			looks = append(looks, []string{"TYPE", key.text})
		}
		types, d := p.ask(looks)
		if d != nil {
			return d
		}
		looks = nil
		for i, key := range keys[0].elems {
			for _, look := range diffLooks[types[i].text] {
				looks = append(looks, lookAt(key.text, look))
			}
		}
		if _, d := p.ask(looks); d != nil {
			d.where = fmt.Sprintf("database %d: %s", db, d.where)
			return d
		}
	}
	return p.compareEvents([]unit{{commands: [][]string{{"PING"}}}})
}

// lookAt splits a command before it puts the key in, which may hold anything.
func lookAt(key, look string) []string {
	args := strings.Fields(look)
	args[slices.Index(args, "KEY")] = key
	return args
}

// diffLooks are the commands that look at a key of each type.
var diffLooks = map[string][]string{
	"string": {"OBJECT ENCODING KEY", "PEXPIRETIME KEY", "GET KEY"},
	"list":   {"OBJECT ENCODING KEY", "PEXPIRETIME KEY", "LRANGE KEY 0 -1"},
	"hash":   {"OBJECT ENCODING KEY", "PEXPIRETIME KEY", "HGETALL KEY"},
	"set":    {"OBJECT ENCODING KEY", "PEXPIRETIME KEY", "SMEMBERS KEY"},
	"zset":   {"OBJECT ENCODING KEY", "PEXPIRETIME KEY", "ZRANGE KEY 0 -1 WITHSCORES", "ZREVRANGEBYSCORE KEY +inf -inf"},
	"stream": {"OBJECT ENCODING KEY", "PEXPIRETIME KEY", "XRANGE KEY - +", "XINFO STREAM KEY FULL COUNT 0", "XINFO STREAM KEY", "XINFO GROUPS KEY"},
}

// ask compares the checkers' answers to commands, and returns those of the
// peer. What is kept in an order of insertion must have the same one.
func (p *pair) ask(commands [][]string) ([]reply, *difference) {
	var got [2][]reply
	for i := range p.sides {
		p.sides[i].checker.send(commands)
	}
	for i := range p.sides {
		for range commands {
			got[i] = append(got[i], p.sides[i].checker.read())
		}
	}
	encoding := ""
	for i, args := range commands {
		a, b := got[0][i], got[1][i]
		if args[0] == "OBJECT" {
			encoding = b.text
		}
		if inOrder := args[0] == "HGETALL" && encoding == "listpack" || args[0] == "SMEMBERS" && encoding == "intset"; !inOrder {
			a, b = masked(args, a, b)
		}
		if !same(a, b) {
			return nil, &difference{where: printArgs(args), got: a.String(), want: b.String()}
		}
	}
	return got[1], nil
}

package store

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// checkBlocked verifies what must be true of the queues of blocked clients
// between two commands.
func (kv *KVStore) checkBlocked() error {
	if n := len(kv.blocked.ready); n != 0 {
		return fmt.Errorf("%d ready queues have not been served", n)
	}
	places := make(map[*waiter]int)
	for _, db := range kv.dbs {
		for key, q := range db.waiting {
			n, err := q.check()
			if err != nil || q.key != key || q.db != db || q.ready {
				return fmt.Errorf("queue of %q: %v", key, err)
			}
			for w := range n {
				places[w]++
			}
		}
	}
	for w, n := range places {
		if n != len(w.places) || w.client.waiter != w || w.client.parked != parkedOnKeys || kv.clients[w.client.id] != w.client {
			return fmt.Errorf("the waiter of client %d is in %d of %d queues, parked %d", w.client.id, n, len(w.places), w.client.parked)
		}
	}
	due := 0
	for _, c := range kv.clients {
		if (c.waiter != nil) != (c.parked == parkedOnKeys) || c.waiter != nil && places[c.waiter] == 0 {
			return fmt.Errorf("client %d is parked %d and waits for %v", c.id, c.parked, c.waiter)
		}
		if c.waiter != nil && c.waiter.deadlineNs != 0 {
			due++
		}
	}
	if due != len(kv.blocked.deadlines) {
		return fmt.Errorf("%d clients have a deadline, the heap has %d", due, len(kv.blocked.deadlines))
	}
	for i, w := range kv.blocked.deadlines {
		if w.deadline != i || i > 0 && kv.blocked.deadlines.less(i, (i-1)/2) {
			return fmt.Errorf("deadline %d is out of place", i)
		}
	}
	return nil
}

// check verifies a queue and returns who is in it.
func (q *waitQueue) check() (map[*waiter]bool, error) {
	all := make(map[*waiter]bool)
	groups := 0
	var last *queuePlace
	for p := q.first; p != nil; p = p.next {
		if p.prev != last || p.queue != q || all[p.waiter] {
			return nil, fmt.Errorf("place %d is wrong", len(all))
		}
		all[p.waiter] = true
		if p.waiter.needsStream {
			groups++
		}
		last = p
	}
	if q.last != last || last == nil || groups != q.groups {
		return nil, fmt.Errorf("last of %d places, %d of groups, is wrong", len(all), groups)
	}
	return all, nil
}

// A crew is several sessions of one store.
type crew struct {
	t        testing.TB
	kv       *KVStore
	sessions []*session
	check    func() error // between two commands
}

func newCrew(t testing.TB, n int) *crew {
	k := &crew{t: t, kv: newChecked(t)}
	k.check = k.kv.check
	for range n {
		k.sessions = append(k.sessions, newSession(t, k.kv))
	}
	return k
}

// play runs lines of "session command" and compares what each session was
// answered, in order, with lines of "session reply" in between. A session that
// is blocked gets no further command.
func (k *crew) play(script string) {
	k.t.Helper()
	for line := range strings.Lines(script) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		s := k.sessions[words[0][0]-'1']
		if strings.HasPrefix(words[0][1:], "<") {
			want := strings.Join(words[1:], " ")
			if got := s.take(); got != want {
				k.t.Errorf("%s: got %s", strings.TrimSpace(line), got)
			}
			continue
		}
		s.send(words[1:]...)
		if err := k.check(); err != nil {
			k.t.Fatalf("%s: %v", line, err)
		}
	}
	for i, s := range k.sessions {
		if got := s.take(); got != "" {
			k.t.Errorf("session %d was also answered %s", i+1, got)
		}
	}
}

// send runs a command and leaves the reply where it is.
func (s *session) send(args ...string) {
	s.t.Helper()
	if s.c.parked != notParked {
		s.t.Fatalf("%q to a blocked client", args)
	}
	text := []byte(strings.Join(args, "")) // what dies with the batch
	views := make([]string, len(args))
	for i, at := 0, 0; i < len(args); i++ {
		views[i] = viewString(text[at : at+len(args[i])])
		at += len(args[i])
	}
	s.kv.mu.Lock()
	s.kv.readClock()
	s.kv.hint = commandHint{}
	s.kv.processCommand(s.c, views)
	s.kv.unlock()
	for i := range text {
		text[i] = 0xdb
	}
}

// take returns all replies so far.
func (s *session) take() string {
	s.t.Helper()
	s.kv.mu.Lock()
	in := bufio.NewReader(bytes.NewReader(slices.Clone(s.c.reply.Buf)))
	s.c.reply.Buf = nil
	s.kv.mu.Unlock()
	var all []string
	for {
		v, err := resp.ReadValue(in)
		if err != nil {
			return strings.Join(all, " ")
		}
		all = append(all, show(v))
	}
}

func TestBlocking(t *testing.T) {
	for _, tt := range []struct{ name, script string }{
		{"served", `
			1 BLPOP q 0
			2 RPUSH q a b
			1< ["q" "a"]
			2< 2
			2 LLEN q
			2< 1`},
		{"not blocking", `
			2 RPUSH b x
			2< 1
			1 BLPOP a b c 0
			1< ["b" "x"]`},
		{"first come", `
			1 BLPOP q 0
			2 BLPOP p q 0
			3 BRPOP q 0
			4 RPUSH q a b c d
			1< ["q" "a"]
			2< ["q" "b"]
			3< ["q" "d"]
			4< 4
			4 RPUSH p x
			4< 1
			4 LLEN p
			4< 1`},
		{"first come, too little", `
			1 BLPOP q 0
			2 BLPOP q 0
			4 RPUSH q a
			1< ["q" "a"]
			4< 1
			1 BLPOP q 0
			4 RPUSH q b
			2< ["q" "b"]
			4< 1
			4 RPUSH q c
			1< ["q" "c"]
			4< 1`},
		{"a key named twice", `
			1 BLPOP q q p q 0
			4 RPUSH q a b
			4< 2
			1< ["q" "a"]`},
		{"the key that became ready first", `
			1 BLPOP a b 0
			4 MULTI
			4 RPUSH b 1
			4 RPUSH a 2
			4 EXEC
			4< OK QUEUED QUEUED [1 1]
			1< ["b" "1"]`},
		{"not before the end of a transaction", `
			1 BLPOP q 0
			4 MULTI
			4 RPUSH q a
			4 DEL q
			4 RPUSH q b
			4 EXEC
			4< OK QUEUED QUEUED QUEUED [1 1 1]
			1< ["q" "b"]`},
		{"in a transaction", `
			1 MULTI
			1 BLPOP q 0
			1 BRPOPLPUSH q p 0
			1 BLMOVE q p LEFT LEFT 0
			1 EXEC
			1< OK QUEUED QUEUED QUEUED [nil nil nil]`},
		{"chain", `
			1 BLMOVE a b LEFT RIGHT 0
			2 BRPOPLPUSH b c 0
			3 BLPOP c 0
			4 RPUSH a x
			4< 1
			1< "x"
			2< "x"
			3< ["c" "x"]
			4 EXISTS a b c
			4< 0`},
		{"circle", `
			1 BLMOVE a b LEFT RIGHT 0
			2 BLMOVE b a LEFT RIGHT 0
			4 RPUSH a x
			4< 1
			1< "x"
			2< "x"
			4 LLEN a
			4< 1`},
		{"onto itself", `
			1 BLMOVE a a LEFT RIGHT 0
			2 BLMOVE a a LEFT RIGHT 0
			3 BLPOP a 0
			4 RPUSH a x
			4< 1
			1< "x"
			2< "x"
			3< ["a" "x"]`},
		{"moving onto a string", `
			1 BLMOVE a b LEFT RIGHT 0
			2 BLPOP a 0
			4 SET b str
			4 RPUSH a x
			4< OK 1
			1< WRONGTYPE Operation against a key holding the wrong kind of value
			2< ["a" "x"]`},
		{"another type comes between", `
			1 BLPOP q 0
			4 SET q str
			4 DEL q
			4 RPUSH q a
			4< OK 1 1
			1< ["q" "a"]`},
		{"another type under another key", `
			1 BLPOP a b 0
			4 SET a str
			4 RPUSH b x
			4< OK 1
			1< ["b" "x"]`},
		{"renamed", `
			1 BLPOP q 0
			4 RPUSH p a
			4 RENAME p q
			4< 1 OK
			1< ["q" "a"]`},
		{"renamed over another type", `
			1 BLPOP q 0
			4 SET q str
			4 RPUSH p a
			4 RENAME p q
			4< OK 1 OK
			1< ["q" "a"]`},
		{"copied", `
			1 BLPOP q 0
			4 RPUSH p a
			4 COPY p q
			4< 1 1
			1< ["q" "a"]
			4 LLEN p
			4< 1`},
		{"moved", `
			1 SELECT 3
			1 BLPOP q 0
			2 BLPOP q 0
			4 RPUSH p a
			4 MOVE p 3
			4 SELECT 3
			4 RENAME p q
			4< 1 1 OK OK
			1< OK ["q" "a"]
			4 SELECT 0
			4 RPUSH q b
			4< OK 1
			2< ["q" "b"]`},
		{"swapped", `
			1 SELECT 1
			1 BLPOP q 0
			2 SELECT 2
			2 BLPOP q 0
			4 RPUSH q a
			4< 1
			4 SWAPDB 0 1
			4< OK
			1< OK ["q" "a"]
			4 RPUSH q b
			4 SWAPDB 2 0
			4< 1 OK
			2< OK ["q" "b"]`},
		{"flushed", `
			1 BLPOP q 0
			4 FLUSHALL
			4 RPUSH q a
			4< OK 1
			1< ["q" "a"]`},
		{"expired in its transaction", `
			1 BLPOP q 0
			4 MULTI
			4 RPUSH q a
			4 PEXPIREAT q 1
			4 EXEC
			4< OK QUEUED QUEUED [1 1]
			4 RPUSH q b
			4< 1
			1< ["q" "b"]`},
		{"pushed in a pause that it made", `
			1 BLPOP q 0
			4 MULTI
			4 RPUSH q a
			4 CLIENT PAUSE 100000
			4 EXEC
			4< OK QUEUED QUEUED [1 OK]
			1< ["q" "a"]`},
		{"silenced for one reply", `
			1 CLIENT REPLY SKIP
			1 BLPOP q 0
			4 RPUSH q a
			4< 1
			1 PING
			1< PONG`},
		{"silenced", `
			1 CLIENT REPLY OFF
			1 BLPOP q 0
			4 RPUSH q a
			4< 1
			1 PING
			1 CLIENT REPLY ON
			1< OK`},
		{"bad time-outs", `
			1 BLPOP q -1
			1< ERR timeout is negative
			1 BLPOP q x
			1< ERR timeout is not a float or out of range
			1 BLMOVE q p UP LEFT x
			1< ERR syntax error
			4 SET q str
			4< OK
			1 BLPOP q x
			1< ERR timeout is not a float or out of range
			1 BLPOP p q 0
			1< WRONGTYPE Operation against a key holding the wrong kind of value`},
		{"sorted sets", `
			1 BZPOPMIN z 0
			2 BZMPOP 0 2 y z MAX COUNT 2
			3 BLPOP z 0
			4 ZADD z 1 a 2 b 3 c 4 d
			4< 4
			1< ["z" "a" "1"]
			2< ["z" [["d" "4"] ["c" "3"]]]
			1 BZPOPMAX z 0
			1< ["z" "b" "2"]
			2 BZPOPMAX z 0
			4 RPUSH z x
			4< 1
			3< ["z" "x"]
			4 ZADD y 1 a
			4 ZUNIONSTORE z 1 y
			4< 1 1
			2< ["z" "a" "1"]`},
		{"a result in the place of another type", `
			1 BZPOPMIN z 0
			2 BLPOP q 0
			4 MSET z v q v
			4 ZADD y 1 a
			4 RPUSH p b
			4< OK 1 1
			4 ZUNIONSTORE z 1 y
			1< ["z" "a" "1"]
			4 SORT p BY nosort STORE q
			2< ["q" "b"]
			4< 1 1`},
		{"watching what is popped", `
			1 WATCH q
			1 BLPOP q 0
			4 RPUSH q a
			4< 1
			1 MULTI
			1 EXEC
			1< OK ["q" "a"] OK nil`},
	} {
		t.Run(tt.name, func(t *testing.T) { newCrew(t, 4).play(tt.script) })
	}
}

// TestClientUnblock unblocks clients, and only those.
func TestClientUnblock(t *testing.T) {
	k := newCrew(t, 4)
	k.play(`
		1 BLPOP q 0
		2 BLPOP q 10
		4 CLIENT UNBLOCK 1 ERROR
		4< 1
		1< UNBLOCKED client unblocked via CLIENT UNBLOCK
		4 CLIENT UNBLOCK 2 TIMEOUT
		4< 1
		2< nil
		1 BLPOP q 0
		4 MULTI
		4 CLIENT UNBLOCK 1
		4 EXEC
		4< OK QUEUED [1]
		1< nil
		4 CLIENT UNBLOCK 1
		4 CLIENT UNBLOCK 4
		4 CLIENT UNBLOCK 99
		4< 0 0 0
		4 CLIENT UNBLOCK x
		4< ERR value is not an integer or out of range
		4 CLIENT UNBLOCK 1 NOW
		4< ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR
		4 RPUSH q a
		4 LLEN q
		4< 1 1`)
	stats := k.kv.commands.find("blpop").stats
	if stats.calls != 3 || stats.failed != 3 {
		t.Errorf("BLPOP was called %d times and failed %d times", stats.calls, stats.failed)
	}
	if n := k.kv.stats.errorsByCode["UNBLOCKED"]; n != 1 {
		t.Errorf("%d UNBLOCKED errors were counted", n)
	}
}

// TestBlockedStats counts a command that blocks once.
func TestBlockedStats(t *testing.T) {
	k := newCrew(t, 4)
	k.play(`
		1 BLPOP q 0
		2 BLPOP q 0`)
	info := k.kv.info([]string{"clients"})
	if !strings.Contains(info, "blocked_clients:2\r\n") || !strings.Contains(info, "clients_in_timeout_table:0\r\n") {
		t.Error(info)
	}
	if line := k.sessions[0].c.describe(); !strings.Contains(line, " flags=b ") || !strings.Contains(line, " cmd=blpop ") ||
		!strings.Contains(line, " argv-mem=7 ") {
		t.Error(line)
	}
	k.play(`
		4 RPUSH q a b
		4< 2
		1< ["q" "a"]
		2< ["q" "b"]`)
	if stats := k.kv.commands.find("blpop").stats; stats.calls != 2 || stats.failed != 0 {
		t.Errorf("BLPOP was called %d times and failed %d times", stats.calls, stats.failed)
	}
	if n := k.kv.stats.commands; n != 3 {
		t.Errorf("%d commands were counted", n)
	}
	if line := k.sessions[0].c.describe(); !strings.Contains(line, " flags=N ") {
		t.Error(line)
	}
}

// TestBlockedEffects propagates a served command behind the one that served it,
// as the command that does not block.
func TestBlockedEffects(t *testing.T) {
	k := newCrew(t, 4)
	var log []string
	k.kv.effects.sink = func(db int, args []string) {
		log = append(log, fmt.Sprintf("%d %s", db, strings.Join(args, " ")))
	}
	k.play(`
		1 SELECT 1
		1 BLMOVE a b LEFT RIGHT 0
		2 SELECT 1
		2 BRPOPLPUSH b c 0
		3 SELECT 1
		3 BLPOP c 0
		4 RPUSH a x
		4 MOVE a 1
		1< OK "x"
		2< OK "x"
		3< OK ["c" "x"]
		4< 1 1
		4 RPUSH q a b
		4< 2
		1 SELECT 0
		1 BRPOP q 0
		1< OK ["q" "b"]
		1 BLMOVE q p LEFT LEFT 0
		1< "a"
		2 SELECT 0
		2 BZPOPMAX z 0
		3 SELECT 0
		3 BZMPOP 0 1 z MIN COUNT 10
		4 ZADD z 1 a 2 b 3 c
		4< 3
		2< OK ["z" "c" "3"]
		3< OK ["z" [["a" "1"] ["b" "2"]]]
		1 BLPOP none 0
		4 CLIENT UNBLOCK 1
		4< 1
		1< nil`)
	want := []string{
		"0 RPUSH a x", "0 MOVE a 1", "1 LMOVE a b left right", "1 RPOPLPUSH b c", "1 LPOP c",
		"0 RPUSH q a b", "0 RPOP q", "0 LMOVE q p LEFT LEFT",
		"0 ZADD z 1 a 2 b 3 c", "0 ZPOPMAX z", "0 ZPOPMIN z 2",
	}
	if !slices.Equal(log, want) {
		t.Errorf("propagated %q", log)
	}
}

// TestBlockedLeaves has clients leave while they are blocked.
func TestBlockedLeaves(t *testing.T) {
	k := newCrew(t, 4)
	k.play(`
		1 BLPOP q 10
		2 BLPOP p q 20
		3 BLPOP q 5`)
	k.kv.mu.Lock()
	k.sessions[0].c.kill()
	k.kv.leave(k.sessions[2].c)
	k.kv.mu.Unlock()
	k.play(`
		4 RPUSH q a
		4< 1
		2< ["q" "a"]`)
	if err := k.kv.check(); err != nil {
		t.Error(err)
	}
	if n := k.kv.parkedClients; n != 0 || len(k.kv.dbs[0].waiting) != 0 {
		t.Errorf("%d clients are parked, %d keys waited for", n, len(k.kv.dbs[0].waiting))
	}
}

// TestDismissBlocked is what a master does to its blocked clients that becomes
// a replica.
func TestDismissBlocked(t *testing.T) {
	k := newCrew(t, 3)
	k.play(`
		1 BLPOP q 10
		2 BLPOP p q 0`)
	k.kv.mu.Lock()
	k.kv.dismissBlocked()
	k.kv.mu.Unlock()
	k.play(`
		1< UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)
		2< UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)`)
	if !k.sessions[0].c.closeAfterReply || k.sessions[2].c.closeAfterReply {
		t.Error("not those who were blocked are closed")
	}
	if err := k.kv.check(); err != nil {
		t.Error(err)
	}
}

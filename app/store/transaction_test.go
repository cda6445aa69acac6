package store

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// checkWatches verifies that keys and clients agree on who watches what.
func (kv *KVStore) checkWatches() error {
	n := 0
	for _, db := range kv.dbs {
		for key, k := range db.watched {
			if k.key != key || k.db != db || len(k.watches) == 0 {
				return fmt.Errorf("watched key %q stands under %q with %d watches", k.key, key, len(k.watches))
			}
			for i, w := range k.watches {
				n++
				if w.key != k || w.at != i || !slices.Contains(w.client.txn.watched, w) {
					return fmt.Errorf("watch %d of %q is out of place", i, key)
				}
			}
		}
	}
	for _, c := range kv.clients {
		n -= len(c.txn.watched)
	}
	if n != 0 {
		return fmt.Errorf("keys and clients differ by %d watches", n)
	}
	return nil
}

// run runs a command as the client would and returns the replies.
func (kv *KVStore) run(c *Client, args ...string) string {
	kv.readClock()
	kv.processCommand(c, args)
	reply := string(c.reply.Buf)
	c.reply.Truncate(0)
	return reply
}

// Queued arguments come out of the queue as they went in, whatever their sizes.
func TestQueuedArguments(t *testing.T) {
	kv := New()
	defer kv.Close()
	kv.mu.Lock()
	defer kv.mu.Unlock()
	c := enterClients(kv, 1)[0]
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		kv.run(c, "MULTI")
		var want strings.Builder
		n := random.IntN(200)
		fmt.Fprintf(&want, "*%d\r\n", n)
		for range n {
			sizes := []int{0, 1, 10, 127, 128, 129, 1000, 16383, 16384, 100_000}
			value := []byte(strings.Repeat(string(rune('a'+random.IntN(26))), sizes[random.IntN(len(sizes))]))
			want.WriteString(resp.ToBulkString(string(value)))
			if got := kv.run(c, "ECHO", viewString(value)); got != "+QUEUED\r\n" {
				t.Fatal(got)
			}
			clear(value) // the buffer is used again
		}
		if c.txn.bytes < want.Len()/2 {
			t.Errorf("%d bytes counted for %d", c.txn.bytes, want.Len())
		}
		if got := kv.run(c, "EXEC"); got != want.String() {
			t.Fatalf("EXEC of %d: %.200q", n, got)
		}
		if c.txn.open || c.txn.queued != nil || c.txn.text != nil || c.txn.bytes != 0 {
			t.Errorf("left behind: %+v", c.txn)
		}
	}
}

// A transaction that will not run keeps nothing.
func TestDoomedKeepsNothing(t *testing.T) {
	kv := New()
	defer kv.Close()
	kv.mu.Lock()
	defer kv.mu.Unlock()
	clients := enterClients(kv, 2)
	for name, doom := range map[string]func(c *Client){
		"unknown": func(c *Client) { kv.run(c, "NOSUCH") },
		"arity":   func(c *Client) { kv.run(c, "GET") },
		"watch":   func(c *Client) { kv.run(clients[1], "SET", "k", "v") },
	} {
		c := clients[0]
		kv.run(c, "WATCH", "k")
		kv.run(c, "MULTI")
		queue := func() {
			for range 100 {
				if got := kv.run(c, "SET", "a", strings.Repeat("v", 1000)); got != "+QUEUED\r\n" {
					t.Fatal(got)
				}
			}
		}
		queue()
		if c.txn.bytes < 100_000 || c.txn.bytes > 200_000 {
			t.Errorf("%d bytes are counted for 100 kB", c.txn.bytes)
		}
		doom(c)
		queue()
		if c.txn.queued != nil || c.txn.text != nil || c.txn.bytes != 0 {
			t.Errorf("%s: %d commands are kept", name, len(c.txn.queued))
		}
		want := "-EXECABORT Transaction discarded because of previous errors.\r\n"
		if name == "watch" {
			want = "*-1\r\n"
		}
		if got := kv.run(c, "EXEC"); got != want {
			t.Errorf("%s: EXEC says %q", name, got)
		}
		if got := kv.run(c, "EXEC"); got != "-ERR EXEC without MULTI\r\n" {
			t.Errorf("%s: a second EXEC says %q", name, got)
		}
	}
}

// An EXEC is admitted for what its commands may do, and where all of them may run.
func TestTransactionFlags(t *testing.T) {
	own := loading | stale | noScript
	for _, test := range []struct {
		name   string
		queued []cmdFlags
		want   cmdFlags
	}{
		{"empty", nil, own},
		{"reading", []cmdFlags{readonly | fast}, noScript | readonly},
		{"both", []cmdFlags{readonly | loading | stale, write | denyOOM | loading}, noScript | loading | readonly | write | denyOOM},
		{"allowed everywhere", []cmdFlags{loading | stale | pubsub | mayReplicate}, own | mayReplicate},
	} {
		t.Run(test.name, func(t *testing.T) {
			var txn transaction
			for _, flags := range test.queued {
				txn.queue(&command{flags: flags}, []string{"x"})
			}
			if got := txn.flags(own); got != test.want {
				t.Errorf("got %b, want %b", got, test.want)
			}
		})
	}
}

// A rejected EXEC ends the transaction, whatever the reason.
func TestRejectedExec(t *testing.T) {
	kv := New()
	defer kv.Close()
	kv.mu.Lock()
	defer kv.mu.Unlock()
	c := enterClients(kv, 1)[0]
	rule := func(rules ...string) {
		if err := kv.changeUser("u", rules); err != nil {
			t.Fatal(err)
		}
	}
	rule("on", "allcommands", "allkeys")
	c.user = kv.users["u"]
	kv.run(c, "WATCH", "k")
	kv.run(c, "MULTI")
	kv.run(c, "SET", "k", "v")
	rule("resetkeys")
	if got := kv.run(c, "EXEC"); got != "*1\r\n-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. "+
		"This command is no longer allowed for the following reason: no permission to touch the specified keys\r\n" {
		t.Errorf("%q", got)
	}
	kv.run(c, "WATCH", "k")
	kv.run(c, "MULTI")
	rule("nocommands")
	if got := kv.run(c, "EXEC"); got != "-EXECABORT Transaction discarded because of: NOPERM this user has no permissions to run the 'exec' command\r\n" {
		t.Errorf("%q", got)
	}
	if c.txn.open || len(c.txn.watched) != 0 {
		t.Error("the transaction is still open")
	}
}

// Random watching and changing against plain maps.
func TestWatchModel(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	kv := New()
	defer kv.Close()
	kv.mu.Lock()
	defer kv.mu.Unlock()
	type place struct {
		db  int
		key string
	}
	clients := enterClients(kv, 6)
	watched := make(map[*Client]map[place]bool)
	dirty := make(map[*Client]bool)
	spoil := func(p place) {
		for c, set := range watched {
			if set[p] {
				dirty[c] = true
				delete(watched, c)
			}
		}
	}
	for step := range 20_000 {
		i := random.IntN(len(clients))
		c := clients[i]
		p := place{random.IntN(2), string(rune('a' + random.IntN(6)))}
		kv.run(c, "SELECT", fmt.Sprint(p.db))
		switch random.IntN(8) {
		case 0, 1, 2:
			kv.run(c, "WATCH", p.key)
			if !dirty[c] {
				if watched[c] == nil {
					watched[c] = make(map[place]bool)
				}
				watched[c][p] = true
			}
		case 3, 4:
			kv.run(c, "SET", p.key, "v")
			spoil(p)
		case 5:
			kv.run(c, "UNWATCH")
			delete(watched, c)
			delete(dirty, c)
		case 6:
			db := kv.dbs[p.db]
			db.touchAllWatched(nil)
			for key := range "abcdef" {
				if q := (place{p.db, string(rune('a' + key))}); db.find(q.key).ok() {
					spoil(q)
				}
			}
		case 7:
			kv.leave(c)
			delete(watched, c)
			delete(dirty, c)
			clients[i] = enterClients(kv, 1)[0]
		}
		for _, c := range clients {
			if c.txn.dirty != dirty[c] || len(c.txn.watched) != len(watched[c]) {
				t.Fatalf("step %d: client %d is dirty %v with %d watches, want %v and %d",
					step, c.id, c.txn.dirty, len(c.txn.watched), dirty[c], len(watched[c]))
			}
		}
		if err := kv.checkWatches(); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
	}
}

// BenchmarkQueued reports the memory of a queued SET of a short key and value.
func BenchmarkQueued(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		kv := New()
		c := enterClients(kv, 1)[0]
		before := liveHeap()
		kv.run(c, "MULTI")
		for i := range n {
			kv.run(c, "SET", fmt.Sprintf("key:%012d", i), "0123456789abcdef")
		}
		b.ReportMetric(float64(liveHeap()-before)/n, "B/command")
		runtime.KeepAlive(c)
		kv.Close()
	}
}

// BenchmarkExec runs a transaction of four commands.
func BenchmarkExec(b *testing.B) {
	kv := New()
	defer kv.Close()
	kv.mu.Lock()
	defer kv.mu.Unlock()
	c := enterClients(kv, 1)[0]
	b.ReportAllocs()
	for b.Loop() {
		kv.processCommand(c, []string{"MULTI"})
		for range 4 {
			kv.processCommand(c, []string{"SET", "key", "value"})
		}
		kv.processCommand(c, []string{"EXEC"})
		c.reply.Truncate(0)
	}
}

package store

import (
	"bufio"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// A pipe is a client at the other end of a net.Pipe.
type pipe struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

// connect serves a new client until the test ends.
func connect(t *testing.T, kv *KVStore) *pipe {
	client, server := net.Pipe()
	go kv.HandleConnection(Connection{Conn: server}, resp.NewParser(server))
	t.Cleanup(func() { client.Close() })
	return &pipe{t, client, bufio.NewReader(client)}
}

// expect sends a command, given as words, and compares the reply.
func (p *pipe) expect(command, want string) {
	p.t.Helper()
	if _, err := p.conn.Write(resp.AppendCommand(nil, strings.Fields(command)...)); err != nil {
		p.t.Fatal(err)
	}
	v, err := resp.ReadValue(p.r)
	if err != nil {
		p.t.Fatalf("%s: %v", command, err)
	}
	if got := show(v); got != want {
		p.t.Errorf("%s: got %s, want %s", command, got, want)
	}
}

// pass lets time pass and what it wakes come to rest.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// bubble runs a test of a served store in fake time. DBSIZE tells it which
// keys are there, for it comes across none.
func bubble(t *testing.T, test func(t *testing.T, kv *KVStore, p *pipe)) {
	synctest.Test(t, func(t *testing.T) {
		kv := New()
		t.Cleanup(func() { kv.Close() })
		if err := kv.Configure([]string{"--enable-debug-command", "yes"}); err != nil {
			t.Fatal(err)
		}
		test(t, kv, connect(t, kv))
	})
}

// expireAll does all that cron would do in many turns, and returns how many
// keys have gone.
func (kv *KVStore) expireAll() int64 {
	before := kv.stats.expired
	kv.expireDue(math.MaxInt64)
	return kv.stats.expired - before
}

func TestKeyGoesInItsMillisecond(t *testing.T) {
	for _, ms := range []int{1, 2, 50, 99, 100, 101, 150, 1000, 12345} {
		bubble(t, func(t *testing.T, kv *KVStore, p *pipe) {
			pass(time.Duration(ms) * 7 * time.Millisecond) // anywhere between two ticks
			p.expect("SET k v", "OK")
			p.expect("PEXPIRE k "+strconv.Itoa(ms), "1")
			pass(time.Duration(ms) * time.Millisecond)
			p.expect("PTTL k", "0")
			p.expect("DBSIZE", "1")
			pass(time.Millisecond)
			p.expect("DBSIZE", "0")
			p.expect("PTTL k", "-2")
		})
	}
}

func TestExpiryWithinAMillisecond(t *testing.T) {
	bubble(t, func(t *testing.T, kv *KVStore, p *pipe) {
		pass(900 * time.Microsecond)
		p.expect("SET k v", "OK")
		p.expect("PEXPIRE k 10", "1")
		pass(10*time.Millisecond + 99*time.Microsecond)
		p.expect("DBSIZE", "1")
		pass(time.Microsecond)
		p.expect("DBSIZE", "0")
	})
}

// Each key is sooner than what cron waits for when it comes.
func TestSoonerKeysWakeCron(t *testing.T) {
	bubble(t, func(t *testing.T, kv *KVStore, p *pipe) {
		for i := 9; i >= 0; i-- {
			p.expect(fmt.Sprintf("SELECT %d", i), "OK")
			p.expect("SET k v", "OK")
			p.expect(fmt.Sprintf("PEXPIRE k %d", 10+7*i), "1")
		}
		pass(10 * time.Millisecond)
		for i := range 10 {
			p.expect(fmt.Sprintf("SELECT %d", i), "OK")
			p.expect("DBSIZE", "1")
			pass(time.Millisecond)
			p.expect("DBSIZE", "0")
			pass(6 * time.Millisecond)
		}
	})
}

func TestChangedExpiry(t *testing.T) {
	for _, row := range []struct {
		change string
		goes   int // ms
	}{
		{"PERSIST k", -1}, {"SET k w", -1}, {"PEXPIRE k 70", 71}, {"PEXPIRE k 30", 31}, {"RENAME k l", 51}, {"COPY k l", 51},
		{"MOVE k 1", 51}, {"SWAPDB 0 1", 51}, {"SWAPDB 0 0", 51}, {"RENAME other k", -1}, {"COPY other k REPLACE", -1},
		{"SWAPDB 1 2", 51}, {"PEXPIREAT k 9223372036854775807", -1}, {"PEXPIRE k 400000000000000", -1},
	} {
		bubble(t, func(t *testing.T, kv *KVStore, p *pipe) {
			count := func() (n int64) {
				kv.mu.Lock()
				defer kv.mu.Unlock()
				return kv.keyCount()
			}
			p.expect("SET other v", "OK")
			p.expect("SET k v", "OK")
			p.expect("PEXPIRE k 50", "1")
			args := strings.Fields(row.change)
			if _, err := kv.Do(t.Context(), args...); err != nil {
				t.Fatal(err)
			}
			keys := count()
			for ms := 1; ms <= 200; ms++ {
				pass(time.Millisecond)
				if n := count(); n != keys && (row.goes < 0 || ms < row.goes) {
					t.Fatalf("%s: a key goes after %d ms", row.change, ms)
				} else if n == keys && ms == row.goes {
					t.Fatalf("%s: no key has gone after %d ms", row.change, ms)
				}
			}
		})
	}
}

func TestFlushedKeysDoNotExpire(t *testing.T) {
	for _, command := range []string{"FLUSHDB", "FLUSHALL", "FLUSHALL ASYNC"} {
		bubble(t, func(t *testing.T, kv *KVStore, p *pipe) {
			p.expect("DEBUG POPULATE 5000", "OK")
			for i := range 100 {
				p.expect(fmt.Sprintf("PEXPIRE key:%d 50", i), "1")
			}
			pass(20 * time.Millisecond)
			p.expect(command, "OK")
			p.expect("SET k v", "OK")
			p.expect("PEXPIRE k 60", "1")
			pass(60 * time.Millisecond)
			p.expect("DBSIZE", "1")
			pass(time.Millisecond)
			p.expect("DBSIZE", "0")
			if err := kv.check(); err != nil {
				t.Error(err)
			}
			if kv.stats.expired != 1 {
				t.Errorf("%d keys expired, want 1", kv.stats.expired)
			}
		})
	}
}

func TestActiveExpireOff(t *testing.T) {
	bubble(t, func(t *testing.T, kv *KVStore, p *pipe) {
		p.expect("DEBUG SET-ACTIVE-EXPIRE 0", "OK")
		p.expect("SET a v", "OK")
		p.expect("SET b v", "OK")
		p.expect("PEXPIRE a 10", "1")
		p.expect("PEXPIRE b 10", "1")
		pass(time.Second)
		p.expect("DBSIZE", "2")
		p.expect("EXISTS a", "0")
		p.expect("DBSIZE", "1")
		p.expect("DEBUG SET-ACTIVE-EXPIRE 1", "OK")
		synctest.Wait()
		p.expect("DBSIZE", "0")
	})
}

// While writes are paused, expired keys are hidden and stay.
func TestExpiryWhilePaused(t *testing.T) {
	bubble(t, func(t *testing.T, kv *KVStore, p *pipe) {
		p.expect("SET a v", "OK")
		p.expect("SET b v", "OK")
		p.expect("PEXPIRE a 10", "1")
		p.expect("PEXPIRE b 10", "1")
		p.expect("CLIENT PAUSE 500 WRITE", "OK")
		pass(300 * time.Millisecond)
		p.expect("EXISTS a b", "0")
		p.expect("TTL a", "-2")
		p.expect("KEYS *", "[]")
		p.expect("SCAN 0", `["0" []]`)
		p.expect("DBSIZE", "2")
		pass(300 * time.Millisecond)
		p.expect("DBSIZE", "0")
	})
}

// RANDOMKEY comes to an end though there is nothing to be found and nothing may
// be removed.
func TestRandomkeyWhilePaused(t *testing.T) {
	bubble(t, func(t *testing.T, kv *KVStore, p *pipe) {
		p.expect("SET a v", "OK")
		p.expect("PEXPIRE a 10", "1")
		p.expect("CLIENT PAUSE 500 WRITE", "OK")
		pass(100 * time.Millisecond)
		p.expect("RANDOMKEY", `"a"`)
		p.expect("DBSIZE", "1")
	})
}

func TestReplicaLeavesExpiryToItsMaster(t *testing.T) {
	bubble(t, func(t *testing.T, kv *KVStore, p *pipe) {
		kv.mu.Lock()
		kv.Info.Role = "slave"
		kv.mu.Unlock()
		p.expect("SET k v", "OK")
		p.expect("PEXPIRE k 10", "1")
		pass(time.Second)
		p.expect("GET k", "nil")
		p.expect("EXISTS k", "0")
		p.expect("DBSIZE", "1")
		p.expect("DEL k", "1")
		p.expect("DBSIZE", "0")
		p.expect("SET k v", "OK")
		p.expect("PEXPIRE k -10", "1")
		p.expect("DBSIZE", "1")
	})
}

// The clock is set back and forth while keys wait.
func TestExpiryFollowsTheClock(t *testing.T) {
	kv := newChecked(t)
	s := newSession(t, kv)
	setClock := func(d time.Duration) {
		kv.baseNs += int64(d)
		kv.readClock()
	}
	s.expect("SET a v", "OK")
	s.expect("PEXPIRE a 60000", "1")
	setClock(-time.Hour)
	if kv.expireAll() > 0 || kv.planExpiry() > tick+time.Millisecond {
		t.Error("cron is misled")
	}
	s.expect("SET b v", "OK")
	s.expect("PEXPIRE b 30000", "1")
	setClock(time.Minute)
	kv.expireAll()
	s.expect("DBSIZE", "1")
	s.expect("GET a", `"v"`)
	setClock(time.Hour + time.Second)
	kv.expireAll()
	s.expect("DBSIZE", "0")
}

// What expires is propagated in the order of time, as DEL or UNLINK.
func TestExpiredKeysPropagate(t *testing.T) {
	for _, lazy := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			kv := newChecked(t)
			kv.lazyExpire = lazy
			s := newSession(t, kv)
			var got []string
			kv.effects.sink = func(db int, args []string) {
				got = append(got, strings.Join(args, " "))
			}
			want := make([]string, 50)
			for _, i := range rand.Perm(len(want)) {
				s.do("SET", fmt.Sprint("k", i), "v")
				s.do("PEXPIRE", fmt.Sprint("k", i), strconv.Itoa(1000-7*i))
				want[len(want)-1-i] = delName(lazy) + fmt.Sprint(" k", i)
			}
			got = nil
			pass(time.Second)
			s.expect("EXISTS k0", "1")
			pass(time.Millisecond)
			s.expect("EXISTS k0", "0")
			kv.expireAll()
			want = append(want[len(want)-1:], want[:len(want)-1]...)
			if !slices.Equal(got, want) {
				t.Errorf("got %q", got)
			}
		})
	}
}

// More keys than a slice of time suffices for, in several databases, one of
// which must not keep the others waiting.
func TestManyKeysExpire(t *testing.T) {
	kv := newChecked(t)
	s := newSession(t, kv)
	const each = 20_000
	for _, db := range []int{0, 3, 15} {
		s.do("SELECT", strconv.Itoa(db))
		for i := range each {
			key := fmt.Sprintf("key:%d", i)
			s.do("SET", key, "v")
			if i%10 != 0 {
				s.do("PEXPIRE", key, strconv.Itoa(1000+i%7))
			}
		}
	}
	kv.baseNs += int64(time.Minute)
	kv.readClock()
	slices := 0
	for kv.expireDue(kv.clockNs + int64(cronSlice)) {
		if slices++; slices == 3 {
			for _, db := range []int{0, 3, 15} {
				if n := kv.dbs[db].expires.Len(); n == each*9/10 {
					t.Errorf("database %d had no slice of the first three", db)
				}
			}
			if err := kv.check(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if kv.stats.expired != 3*each*9/10 || kv.keyCount() != 3*each/10 {
		t.Errorf("%d keys expired, %d are left", kv.stats.expired, kv.keyCount())
	}
	if err := kv.check(); err != nil {
		t.Error(err)
	}
}

func TestKeyspaceInfo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := newChecked(t)
		s := newSession(t, kv)
		want := func(keys, expires, avg int64) {
			t.Helper()
			kv.readClock()
			if k, e, a := kv.dbs[0].keyspaceInfo(); k != keys || e != expires || a != avg {
				t.Errorf("keys=%d,expires=%d,avg_ttl=%d; want %d, %d, %d", k, e, a, keys, expires, avg)
			}
		}
		want(0, 0, 0)
		s.expect("SET a v", "OK")
		want(1, 0, 0)
		s.expect("SET b v", "OK")
		s.expect("PEXPIRE a 1000", "1")
		want(2, 1, 1000)
		s.expect("PEXPIRE b 2001", "1")
		want(2, 2, 1500)
		pass(500 * time.Millisecond)
		want(2, 2, 1000)
		s.expect("PERSIST b", "1")
		want(2, 1, 500)
		pass(time.Second)
		want(2, 1, 0)
	})
}

package store

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// read reads a message and compares it.
func (p *pipe) read(want string) {
	p.t.Helper()
	v, err := resp.ReadValue(p.r)
	if err != nil {
		p.t.Fatal(err)
	}
	if got := show(v); got != want {
		p.t.Errorf("got %s, want %s", got, want)
	}
}

// fieldCount is the number of fields of a hash that are there, gone or not.
func fieldCount(kv *KVStore, db int, key string) int {
	kv.mu.Lock()
	defer kv.mu.Unlock()
	if e := kv.dbs[db].find(key); e.ok() && e.typ() == typeHash {
		return kv.blockLen(e.enc(), e.outsideRef())
	}
	return 0
}

func TestFieldGoesInItsMillisecond(t *testing.T) {
	for _, ms := range []int{1, 2, 50, 99, 100, 101, 150, 1000, 12345} {
		bubble(t, func(t *testing.T, kv *KVStore, p *pipe) {
			pass(time.Duration(ms) * 7 * time.Millisecond)
			p.expect("HSET h f v g w", "2")
			p.expect(fmt.Sprintf("HPEXPIRE h %d FIELDS 1 f", ms), "[1]")
			pass(time.Duration(ms) * time.Millisecond)
			if n := fieldCount(kv, 0, "h"); n != 2 {
				t.Errorf("%d ms: %d fields", ms, n)
			}
			p.expect("HPTTL h FIELDS 1 f", "[0]")
			pass(time.Millisecond)
			if n := fieldCount(kv, 0, "h"); n != 1 {
				t.Errorf("%d ms: %d fields", ms, n)
			}
		})
	}
}

// TestFieldsFollowTheirHash expects a field to go in its time, whatever becomes
// of the hash before.
func TestFieldsFollowTheirHash(t *testing.T) {
	for _, row := range []struct {
		change string
		db     int
		key    string
		goes   int // ms, -1 for never
		left   int // fields then
	}{
		{"PING", 0, "h", 51, 2},
		{"RENAME h i", 0, "i", 51, 2},
		{"RENAME h other", 0, "other", 51, 2},
		{"MOVE h 1", 1, "h", 51, 2},
		{"SWAPDB 0 1", 1, "h", 51, 2},
		{"COPY h i", 0, "i", 51, 2},
		{"COPY h other REPLACE", 0, "other", 51, 2},
		{"COPY h h DB 3", 3, "h", 51, 2},
		{"PEXPIRE h 1000", 0, "h", 51, 2},
		{"PEXPIRE h 30", 0, "h", 31, 0},
		{"HSET h f x", 0, "h", -1, 3},
		{"HINCRBY h f 1000000000", 0, "h", 51, 2},
		{"HPERSIST h FIELDS 1 f", 0, "h", -1, 3},
		{"HPEXPIRE h 20 FIELDS 1 f", 0, "h", 21, 2},
		{"HPEXPIRE h 70 FIELDS 1 f", 0, "h", 71, 2},
		{"HPEXPIRE h 20 FIELDS 1 a", 0, "h", 21, 2},
		{"RENAME other h", 0, "h", -1, 0},
		{"SWAPDB 1 2", 0, "h", 51, 2},
	} {
		bubble(t, func(t *testing.T, kv *KVStore, p *pipe) {
			p.expect("SET other v", "OK")
			p.expect("HSET h a 1 f 1 z 1", "3")
			p.expect("HPEXPIRE h 50 FIELDS 1 f", "[1]")
			if _, err := kv.Do(t.Context(), strings.Fields(row.change)...); err != nil {
				t.Fatal(err)
			}
			before := fieldCount(kv, row.db, row.key)
			for ms := 1; ms <= 100; ms++ {
				pass(time.Millisecond)
				n := fieldCount(kv, row.db, row.key)
				if ms == row.goes && n != row.left || (row.goes < 0 || ms < row.goes) && n != before {
					t.Fatalf("%s: %d fields after %d ms", row.change, n, ms)
				}
			}
			if err := kv.check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestFlushedFieldsDoNotExpire when their database is gone, or their key.
func TestFlushedFieldsDoNotExpire(t *testing.T) {
	for _, command := range []string{"FLUSHDB", "FLUSHALL", "FLUSHALL ASYNC", "DEL h", "UNLINK h", "SET h v"} {
		for _, fill := range []bool{false, true} {
			bubble(t, func(t *testing.T, kv *KVStore, p *pipe) {
				if fill {
					p.expect("DEBUG POPULATE 5000", "OK")
				}
				for i := range 200 {
					p.expect(fmt.Sprintf("HSET h %d v", i), "1")
					p.expect(fmt.Sprintf("HPEXPIRE h %d FIELDS 1 %d", 50+i, i), "[1]")
				}
				pass(20 * time.Millisecond)
				if _, err := kv.Do(t.Context(), strings.Fields(command)...); err != nil {
					t.Fatal(err)
				}
				p.expect("HSET new f v g w", "2")
				p.expect("HPEXPIRE new 60 FIELDS 1 f", "[1]")
				pass(time.Second)
				p.expect("HGETALL new", `["g" "w"]`)
				kv.mu.Lock()
				n := kv.stats.expiredFields
				kv.mu.Unlock()
				if n != 1 {
					t.Errorf("%s: %d fields expired, want 1", command, n)
				}
				if err := kv.check(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestFieldExpiryWhilePaused hides them, and removes them afterwards.
func TestFieldExpiryWhilePaused(t *testing.T) {
	bubble(t, func(t *testing.T, kv *KVStore, p *pipe) {
		p.expect("HSET h f v g w", "2")
		p.expect("HPEXPIRE h 10 FIELDS 1 f", "[1]")
		p.expect("CLIENT PAUSE 500 WRITE", "OK")
		pass(300 * time.Millisecond)
		p.expect("HGETALL h", `["g" "w"]`)
		if n := fieldCount(kv, 0, "h"); n != 2 {
			t.Errorf("%d fields in the pause", n)
		}
		pass(300 * time.Millisecond)
		if n := fieldCount(kv, 0, "h"); n != 1 {
			t.Errorf("%d fields after the pause", n)
		}
	})
}

// TestManyFieldsExpire takes more than a slice of time suffices for, of few big
// and many small hashes in several databases.
func TestManyFieldsExpire(t *testing.T) {
	kv := newChecked(t)
	kv.expiry.off = true
	s := newSession(t, kv)
	const each = 20_000
	for _, db := range []string{"0", "3"} {
		s.do("SELECT", db)
		for i := range each {
			key, field := "big", strconv.Itoa(i)
			if i%2 == 0 {
				key = "small:" + strconv.Itoa(i%1000)
			}
			s.do("HSET", key, field, "v")
			if i%20 > 1 {
				s.do("HPEXPIRE", key, strconv.Itoa(1000+i%7), "FIELDS", "1", field)
			}
		}
	}
	kv.expiry.off = false
	kv.baseNs += int64(time.Minute)
	kv.readClock()
	slices := 0
	for kv.expireDue(kv.clockNs + int64(cronSlice)) {
		if slices++; slices == 3 {
			if err := kv.check(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := kv.stats.expiredFields; n != 2*each*18/20 {
		t.Errorf("%d fields expired", n)
	}
	if err := kv.check(); err != nil {
		t.Error(err)
	}
}

// TestFieldExpiryModel makes random changes to hashes with and without fields
// that expire, and to their keys, while time passes.
func TestFieldExpiryModel(t *testing.T) {
	inFakeTime(t, func(t *testing.T, kv *KVStore, s *session) {
		random := rand.New(rand.NewPCG(3, 4))
		name := func(kind string, n int) string { return kind + strconv.Itoa(random.IntN(n)) }
		s.expect("CONFIG SET hash-max-listpack-entries 8", "OK")
		for i := range 4000 {
			key, field := name("k", 5), name("f", 20)
			switch random.IntN(12) {
			case 0, 1, 2:
				s.do("HSET", key, field, strings.Repeat("v", random.IntN(100)), name("f", 20), "v")
			case 3, 4, 5:
				s.do("HPEXPIRE", key, strconv.Itoa(random.IntN(60)), "FIELDS", "2", field, name("f", 20))
			case 6:
				s.do("HPERSIST", key, "FIELDS", "1", field)
			case 7:
				s.do("HDEL", key, field)
			case 8:
				s.do([]string{"RENAME", "COPY", "PEXPIRE"}[random.IntN(3)], key, name("k", 5))
				s.do("COPY", key, name("k", 5), "REPLACE")
			case 9:
				s.do([]string{"DEL", "SWAPDB", "MOVE", "PERSIST"}[random.IntN(4)], key, "1")
				s.do("SWAPDB", "0", "1")
			case 10:
				s.do("PEXPIRE", key, strconv.Itoa(random.IntN(100)))
			default:
				pass(time.Duration(random.IntN(10)) * time.Millisecond)
				if random.IntN(2) == 0 {
					kv.expiry.off = false
					kv.readClock()
					kv.expireAll()
					kv.expiry.off = true
				}
			}
			if i%10 == 0 {
				if err := kv.check(); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

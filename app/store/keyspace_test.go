package store

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// populate gives the database so many keys, of which every third expires.
func populate(t *testing.T, s *session, db, keys int) {
	t.Helper()
	s.do("SELECT", fmt.Sprint(db))
	for i := range keys {
		key := fmt.Sprintf("key:%d", i)
		s.do("SET", key, "some value")
		if i%3 == 0 {
			s.do("EXPIRE", key, fmt.Sprint(1000+i))
		}
	}
	if n := s.kv.dbs[db].keys.Len(); n != keys {
		t.Fatalf("database %d has %d keys, want %d", db, n, keys)
	}
}

// How a database goes away: on the spot, in steps, or with the whole arena.
func TestFlush(t *testing.T) {
	const few, many = 100, 20_000
	for _, row := range []struct {
		name    string
		keys    [3]int
		command string
		drains  int
		left    int64
	}{
		{"nothing", [3]int{}, "FLUSHDB", 0, 0},
		{"few", [3]int{few, few, few}, "FLUSHDB", 0, 2 * few},
		{"few of many", [3]int{few, many, few}, "FLUSHDB", 0, many + few},
		{"many of more", [3]int{many, few, few}, "FLUSHDB ASYNC", 1, 2 * few},
		{"many alone", [3]int{many, 0, 0}, "FLUSHDB", 0, 0},
		{"all few", [3]int{few, few, few}, "FLUSHALL", 0, 0},
		{"all many", [3]int{few, many, few}, "FLUSHALL ASYNC", 0, 0},
		{"all of one", [3]int{0, many, 0}, "FLUSHALL", 0, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			kv := newChecked(t)
			s := newSession(t, kv)
			for db, n := range row.keys {
				populate(t, s, db, n)
			}
			s.do("SELECT", "0")
			dirty, removed := kv.dirty, kv.keyCount()-row.left
			s.expect(row.command, "OK")
			if kv.dirty != dirty+removed {
				t.Errorf("%d changes, want %d", kv.dirty-dirty, removed)
			}
			if kv.keyCount() != row.left {
				t.Errorf("%d keys left, want %d", kv.keyCount(), row.left)
			}
			if len(kv.drains) != row.drains {
				t.Errorf("%d databases to drain, want %d", len(kv.drains), row.drains)
			}
			for {
				if err := kv.check(); err != nil {
					t.Fatal(err)
				}
				if !kv.freeSome(0) {
					break
				}
			}
			if kv.pendingObjects() != 0 {
				t.Errorf("%d keys pending", kv.pendingObjects())
			}
			populate(t, s, 0, few)
			if err := kv.check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A second flush drops what the first is still draining.
func TestFlushWhileDraining(t *testing.T) {
	kv := newChecked(t)
	s := newSession(t, kv)
	populate(t, s, 0, 20_000)
	populate(t, s, 1, 20_000)
	s.expect("FLUSHDB", "OK")
	kv.freeSome(0)
	if n := kv.pendingObjects(); n == 0 || n >= 20_000 {
		t.Fatalf("%d keys pending", n)
	}
	s.expect("FLUSHALL", "OK")
	if kv.pendingObjects() != 0 || kv.arena.Used() != 0 {
		t.Errorf("%d keys pending, %d bytes in use", kv.pendingObjects(), kv.arena.Used())
	}
	populate(t, s, 0, 20_000)
	if err := kv.check(); err != nil {
		t.Error(err)
	}
}

// Cron frees a dropped database without being asked, and gives its memory back.
func TestCronDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := New()
		defer kv.Close()
		s := newSession(t, kv)
		populate(t, s, 1, 10)
		populate(t, s, 0, 50_000)
		kv.start()
		s.expect("FLUSHDB", "OK")
		pass(time.Second)
		kv.mu.Lock()
		if kv.pendingObjects() != 0 || kv.cron.reclaim {
			t.Errorf("%d keys pending, memory to reclaim: %v", kv.pendingObjects(), kv.cron.reclaim)
		}
		kv.mu.Unlock()
	})
}

func TestSwap(t *testing.T) {
	kv := newChecked(t)
	s := newSession(t, kv)
	populate(t, s, 0, 30)
	populate(t, s, 1, 3000)
	s.expect("SWAPDB 0 1", "OK")
	for db, want := range []int{3000, 30} {
		if n := kv.dbs[db].keys.Len(); n != want {
			t.Errorf("database %d has %d keys, want %d", db, n, want)
		}
	}
	s.do("SELECT", "0")
	s.expect("EXPIRE key:2999 100", "1")
	s.expect("PERSIST key:0", "1")
	s.expect("DEL key:3", "1")
	if err := kv.check(); err != nil {
		t.Error(err)
	}
}

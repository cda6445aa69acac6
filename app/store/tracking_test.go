package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// A model of the table, and of nothing else: what it returns and counts is what
// plain maps would, also when keys have so many clients that they become crowds.
func TestTrackingTable(t *testing.T) {
	kv := New()
	defer kv.Close()
	table := &kv.tracking.table
	model := make(map[string]map[int64]bool)
	r := rand.New(rand.NewPCG(1, 2))
	items := 0
	for range 30_000 {
		key := fmt.Sprintf("key:%0*d", r.IntN(3)*70, r.IntN(40))
		if r.IntN(60) > 0 {
			id := int64(r.IntN(60)) + 1<<46
			table.add(kv, key, id)
			if model[key] == nil {
				model[key] = make(map[int64]bool)
			}
			if !model[key][id] {
				model[key][id] = true
				items++
			}
		} else {
			var want []int64
			for id := range model[key] {
				want = append(want, id)
			}
			slices.Sort(want)
			items -= len(want)
			delete(model, key)
			if got := table.take(nil, key); !slices.Equal(got, want) {
				t.Fatalf("%q had the clients %v, want %v", key, got, want)
			}
		}
		if table.keys.Len() != len(model) || table.items != int64(items) {
			t.Fatalf("%d keys, %d items; want %d, %d", table.keys.Len(), table.items, len(model), items)
		}
	}
	if len(table.crowds) == 0 {
		t.Error("no key became a crowd")
	}
	for table.keys.Len() > 0 {
		table.take(nil, table.random())
	}
	if n := table.bytes(); n != 0 {
		t.Errorf("the empty table holds %d bytes", n)
	}
}

// What a tracked key takes is part of what the table is for.
func TestTrackingTableBytes(t *testing.T) {
	kv := New()
	defer kv.Close()
	const keys = 200_000
	for i := range keys {
		kv.tracking.table.add(kv, fmt.Sprintf("key:%012d", i), 7)
	}
	perKey := float64(kv.tracking.table.bytes()) / keys
	t.Logf("%.1f bytes a key of 16 bytes with one client", perKey)
	if perKey > 34 {
		t.Errorf("%.1f bytes a key", perKey)
	}
}

// When the last client that has tracked goes, the table goes with it, and nothing
// is paid any more.
func TestTrackingForgets(t *testing.T) {
	kv := New()
	defer kv.Close()
	a, b := newSession(t, kv), newSession(t, kv)
	a.do("HELLO", "3")
	a.do("CLIENT", "TRACKING", "on")
	b.do("CLIENT", "TRACKING", "on", "BCAST", "PREFIX", "x")
	b.do("CLIENT", "TRACKING", "off")
	a.do("GET", "k")
	leave := func(s *session) (known int, arena bool) {
		kv.mu.Lock()
		defer kv.mu.Unlock()
		kv.leave(s.c)
		return kv.tracking.known, kv.tracking.table.arena != nil
	}
	if known, arena := leave(a); known != 1 || !arena {
		t.Errorf("%d clients are known, the table is there: %v", known, arena)
	}
	if known, arena := leave(b); known != 0 || arena {
		t.Errorf("%d clients are known, the table is there: %v", known, arena)
	}
	if n := len(kv.tracking.prefixes) + len(kv.tracking.lengths) + kv.tracking.clients; n != 0 || kv.guarded {
		t.Error("something is left of those who have gone")
	}
}

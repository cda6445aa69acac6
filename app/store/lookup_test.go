package store

import (
	"fmt"
	"strings"
	"testing"
)

// TestEmptyKey: no key is told from another by an address that it may lack.
func TestEmptyKey(t *testing.T) {
	kv := newChecked(t)
	db := kv.dbs[0]
	db.set("", "v", false)
	var none string // without an address
	kv.hint = commandHint{}
	if !db.find(none).ok() || !db.find(string([]byte{})).ok() {
		t.Error("the empty key is not found")
	}
}

// TestStaleHint: a hint is for the key at its address and no other.
func TestStaleHint(t *testing.T) {
	kv := newChecked(t)
	db := kv.dbs[0]
	key := strings.Clone("key")
	kv.hintKey(key, 12345)
	db.set(strings.Clone("key"), "v", false)
	kv.hint = commandHint{}
	if !db.find("key").ok() {
		t.Error("the key was filed under a hint that is not its own")
	}
}

func TestTouchKeys(t *testing.T) {
	kv := newChecked(t)
	db := kv.dbs[0]
	var args []string
	for i := range 150 {
		args = append(args, fmt.Sprintf("key%d", i), "value")
		db.set(args[2*i], args[2*i+1], false)
	}
	var buf [touchMax]uint64
	hashes := db.touchKeys(args, 2, &buf)
	if len(hashes) != touchMax {
		t.Fatalf("%d keys touched, want %d", len(hashes), touchMax)
	}
	for i, hash := range hashes {
		if want := kv.keyType.Hash(args[2*i]); hash != want {
			t.Errorf("key %d: hash %x, want %x", i, hash, want)
		}
	}
	if n := len(db.touchKeys(args[:5], 2, &buf)); n != 3 {
		t.Errorf("%d keys touched, want 3", n)
	}
}

// TestWriteExpired: a write finds no key that has expired, and leaves none in
// the table, paused or not.
func TestWriteExpired(t *testing.T) {
	for _, pause := range []pauseKind{pauseNone, pauseWrites} {
		kv := newChecked(t)
		db := kv.dbs[0]
		db.setExpiry(db.set("k", "old", false), kv.nowMs)
		kv.nowMs++
		kv.pause.kind = pause
		if e := db.set("k", "new", true); e.hasExpiry() {
			t.Errorf("pause %d: the new value has the old one's expiry", pause)
		}
		if n := db.keys.Len(); n != 1 {
			t.Errorf("pause %d: %d keys, want 1", pause, n)
		}
		if err := kv.check(); err != nil {
			t.Errorf("pause %d: %v", pause, err)
		}
	}
}

// TestSetExpiry looks at every change of an expiry, for records of all sizes:
// the field goes in front of the key, whether there is room for it or not.
func TestSetExpiry(t *testing.T) {
	kv := newChecked(t)
	db := kv.dbs[0]
	far := kv.nowMs + 1e9
	for n := range 300 {
		key, value := strings.Repeat("k", 1+n%7), strings.Repeat("v", n)
		e := db.set(key, value, false)
		for _, at := range []int64{far, far + 1, -1, far, far, -1, -1} {
			e = db.setExpiry(e, at)
			if e.expireAt() != at || e.key() != key || kv.str(e) != value {
				t.Fatalf("%d bytes: key %q, value %q, expires %d; want %d", n, e.key(), kv.str(e), e.expireAt(), at)
			}
		}
		if n%10 == 0 {
			if err := kv.check(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

package store

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// newChecked is a store whose arena watches over every block.
func newChecked(t testing.TB) *KVStore {
	kv := New()
	kv.arena.Close()
	kv.setArena(arena.NewChecked())
	t.Cleanup(func() { kv.Close() })
	return kv
}

// check verifies what must be true between two commands: the table, the expiry
// index and the arena agree about every record, and nothing is lost or counted
// twice.
func (kv *KVStore) check() error {
	kv.mu.Lock()
	defer kv.mu.Unlock()
	if err := kv.checkTopics(); err != nil {
		return err
	}
	if err := kv.checkWatches(); err != nil {
		return err
	}
	if err := kv.checkBlocked(); err != nil {
		return err
	}
	counted := kv.rosterBytes
	for _, c := range kv.roster {
		counted -= c.countedBytes
	}
	if counted != 0 {
		return fmt.Errorf("%d bytes are counted for clients that are not there", counted)
	}
	var bytes int64
	dbs := slices.Clone(kv.dbs)
	for _, d := range kv.drains {
		switch d := d.(type) {
		case *database:
			dbs = append(dbs, d)
		case *droppedValue:
			bytes += kv.blockBytes(d.enc, d.root, math.MaxInt64)
		case *droppedGroup:
			bytes += kv.bytesOfGroup(d.ref)
		}
	}
	for _, db := range dbs {
		n, err := db.check()
		if err != nil {
			return fmt.Errorf("database %d: %w", db.id, err)
		}
		bytes += n
	}
	if used := kv.arena.Used(); used != bytes {
		return fmt.Errorf("the arena holds %d bytes, the databases %d", used, bytes)
	}
	return kv.arena.Check()
}

// check verifies one database and returns the arena bytes it holds.
func (db *database) check() (int64, error) {
	kv := db.kv
	if err := db.keys.Check(kv.keyType); err != nil {
		return 0, err
	}
	dropped := !slices.Contains(kv.dbs, db) // its index goes first
	if err := db.expires.Check(kv.arena); err != nil && !dropped {
		return 0, err
	}
	if !dropped {
		if err := db.checkHashes(); err != nil {
			return 0, err
		}
	}
	bytes := db.keys.Bytes(kv.keyType) + db.expires.Bytes(kv.arena) + db.hashes.Bytes(kv.arena)
	expiring := 0
	for ref := range db.keys.All(kv.keyType) {
		e := kv.entryAt(ref)
		bytes += int64(kv.arena.Cap(ref))
		bytes += kv.outsideBytes(e, math.MaxInt64)
		if err := kv.checkValue(e); err != nil {
			return 0, fmt.Errorf("key %q: %w", e.key(), err)
		}
		if e.hasExpiry() {
			expiring++
		}
		if found := db.find(e.key()); found.ref != ref {
			return 0, fmt.Errorf("key %q is found at %d and stands at %d", e.key(), found.ref, ref)
		}
	}
	if expiring != db.expires.Len() && !dropped {
		return 0, fmt.Errorf("%d records expire, the index holds %d", expiring, db.expires.Len())
	}
	return bytes, nil
}

// checkValue verifies what must be true within a value that is no string.
func (kv *KVStore) checkValue(e entry) error {
	switch e.typ() {
	case typeList:
		return kv.checkList(e)
	case typeSet:
		return kv.checkSet(e)
	case typeZset:
		return kv.checkZset(e)
	case typeHash:
		return kv.checkHash(e)
	case typeStream:
		return kv.checkStream(e)
	}
	return nil
}

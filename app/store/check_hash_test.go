package store

import (
	"fmt"

	"github.com/codecrafters-io/redis-starter-go/app/listpack"
	"github.com/codecrafters-io/redis-starter-go/app/ttl"
)

// checkHash verifies a hash: it has fields, each once, in the encoding that may
// have them, and the indexes of time agree with the expiries of its fields. That
// the database knows it is for checkHashes.
func (kv *KVStore) checkHash(e entry) error {
	if e.enc() == encListpack {
		return checkSmallHash(e.listpack())
	}
	d, x := kv.fieldsOf(e), kv.expiringOf(e)
	if err := d.Check(kv.elementType); err != nil {
		return err
	}
	if d.Len() == 0 {
		return fmt.Errorf("a hash without fields")
	}
	var want ttl.Index
	defer func() {
		for !want.Free(kv.arena, 100) {
		}
	}()
	for ref := range d.All(kv.elementType) {
		field, value, at := kv.element(ref)
		if size := elementSize(len(field), len(value), at != 0); kv.arena.Cap(ref) < size {
			return fmt.Errorf("field %q: %d bytes in a block of %d", field, size, kv.arena.Cap(ref))
		}
		if found := d.Find(kv.elementType, kv.elementType.Hash(field), field); found != ref {
			return fmt.Errorf("field %q is found at %d and stands at %d", field, found, ref)
		}
		if at == 0 {
			continue
		}
		if x == nil {
			return fmt.Errorf("field %q expires in a hash without such fields", field)
		}
		want.Insert(kv.arena, at, ref)
	}
	if x == nil {
		return nil
	}
	if err := x.expires.Check(kv.arena); err != nil {
		return err
	}
	return sameIndex(kv, &x.expires, &want)
}

// sameIndex reports how two indexes differ. It empties the second.
func sameIndex(kv *KVStore, got, want *ttl.Index) error {
	if got.Len() != want.Len() {
		return fmt.Errorf("%d fields expire, the index has %d", want.Len(), got.Len())
	}
	hi, lo := got.SumMs()
	if wantHi, wantLo := want.SumMs(); hi != wantHi || lo != wantLo {
		return fmt.Errorf("the times of fields and those in the index have different sums")
	}
	at, ref, ok := want.First(kv.arena)
	if gotAt, gotRef, _ := got.First(kv.arena); ok && (at != gotAt || ref != gotRef) {
		return fmt.Errorf("the first to expire is %d at %d, the index has %d at %d", ref, at, gotRef, gotAt)
	}
	return nil
}

func checkSmallHash(lp []byte) error {
	if err := listpack.Validate(lp, true); err != nil {
		return err
	}
	if n := listpack.Len(lp); n == 0 || n%2 != 0 {
		return fmt.Errorf("%d entries in a hash", n)
	}
	for p := listpack.First(lp); !listpack.AtEnd(lp, p); p = listpack.Next(lp, listpack.Next(lp, p)) {
		field := listpack.Get(lp, p).String()
		if found := listpack.Find(lp, listpack.First(lp), field, 1); found != p {
			return fmt.Errorf("field %q is found at %d and stands at %d", field, found, p)
		}
	}
	return nil
}

// checkHashes verifies that a database knows each of its hashes whose fields
// expire, by the first expiry, and nothing else.
func (db *database) checkHashes() error {
	kv := db.kv
	if err := db.hashes.Check(kv.arena); err != nil {
		return err
	}
	var want ttl.Index
	defer func() {
		for !want.Free(kv.arena, 100) {
		}
	}()
	for ref := range db.keys.All(kv.keyType) {
		x := kv.expiringOf(kv.entryAt(ref))
		if x == nil {
			continue
		}
		at, _, _ := x.expires.First(kv.arena)
		if at != x.scheduledMs {
			return fmt.Errorf("a hash is known for %d, its first field expires at %d", x.scheduledMs, at)
		}
		if x.record != ref {
			return fmt.Errorf("a hash has its record at %d and looks for it at %d", ref, x.record)
		}
		if at != 0 {
			want.Insert(kv.arena, at, kv.entryAt(ref).outsideRef())
		}
	}
	return sameIndex(kv, &db.hashes, &want)
}

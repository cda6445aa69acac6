package store

import "strings"

// A writable replica. What its own clients make there stays until the next full sync,
// and is not streamed to anybody. The master does not know of it: so the keys that
// they give an expiry to are remembered, and this server sees to it that they go.

// An ownKey is a key that a client of a writable replica has given an expiry.
type ownKey struct {
	db   int
	name string
}

// ownKeysStep is how many of them are looked at in a tick.
const ownKeysStep = 1000

// noteOwn remembers a key, if a client of a writable replica has given it an expiry.
func (db *database) noteOwn(key string) {
	r := &db.kv.repl
	if !r.writable || r.applying || db.kv.snapshot.loading.active {
		return
	}
	if r.ownKeys == nil {
		r.ownKeys = make(map[ownKey]struct{})
	}
	r.ownKeys[ownKey{db.id, strings.Clone(key)}] = struct{}{}
}

// expireOwn removes such keys when their time has come, and forgets those that have
// no expiry any more.
func (kv *KVStore) expireOwn() {
	if len(kv.repl.ownKeys) == 0 || kv.expiry.off || kv.pause.kind != pauseNone || kv.snapshot.loading.active {
		return
	}
	n := 0
	for own := range kv.repl.ownKeys {
		if n++; n > ownKeysStep {
			break // the next tick begins elsewhere
		}
		if own.db >= len(kv.dbs) {
			continue
		}
		db := kv.dbs[own.db]
		e := db.find(own.name)
		switch {
		case !e.ok() || !e.hasExpiry() || kv.Info.Role != "slave":
			delete(kv.repl.ownKeys, own)
		case kv.expired(e):
			delete(kv.repl.ownKeys, own)
			kv.expireForWrite(db, e)
		}
	}
	kv.serveReadyKeys()
}

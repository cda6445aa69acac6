package rdb

import (
	"fmt"
	"os"
	"strings"
)

// An RDB is a snapshot as a whole, for programs that want to look into one.
// Servers read with a Reader, which takes no memory.
type RDB struct {
	// Dbs are the databases that have keys, once Parse was called.
	Dbs []Database

	data []byte
}

// A Database holds the string keys of a database. Keys of other types, which
// have no such simple form, are left out; Reader yields them.
type Database struct {
	Index       int
	Size        int               // keys of any type, by what the snapshot says
	Expiry      int               // keys with an expiry, likewise
	DbStore     map[string]string // those that do not expire
	ExpiryStore []ExpiryEntry     // those that do
}

// An ExpiryEntry is a string key that expires.
type ExpiryEntry struct {
	Key, Value string
	Expiry     uint64 // in ms since 1970
}

// NewRDB reads the file at path. What is in it, Parse will see.
func NewRDB(path string) (*RDB, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("rdb: %w", err)
	}
	return NewFromBytes(data)
}

// NewFromBytes takes a snapshot that is in memory, and must not be changed any
// more. What does not begin like a snapshot is an error.
func NewFromBytes(data []byte) (*RDB, error) {
	r := &RDB{data: data}
	if _, err := r.Reader(); err != nil {
		return nil, err
	}
	return r, nil
}

// Reader returns a reader of all that is in the snapshot.
func (r *RDB) Reader() (*Reader, error) { return newBytesReader(r.data) }

// Parse fills Dbs. After an error they hold what came before it.
func (r *RDB) Parse() error {
	r.Dbs = nil
	in, err := r.Reader()
	if err != nil {
		return err
	}
	for {
		event, err := in.Next()
		if err != nil || event == EventEnd {
			return err
		}
		switch {
		case event == EventResizeDB:
			db := r.database(in.DB)
			db.Size, db.Expiry = int(in.Keys), int(in.Expires)
		case event == EventKey && in.Type == TypeString:
			key := strings.Clone(in.Key)
			value, err := in.String()
			if err != nil {
				return err
			}
			r.database(in.DB).add(key, strings.Clone(value), in.Expire)
		}
	}
}

// add adds a key, which expires unless its expiry is negative.
func (db *Database) add(key, value string, expire int64) {
	if expire < 0 {
		db.DbStore[key] = value
		return
	}
	db.ExpiryStore = append(db.ExpiryStore, ExpiryEntry{key, value, uint64(expire)})
}

// database finds or adds a database.
func (r *RDB) database(index int) *Database {
	for i := range r.Dbs {
		if r.Dbs[i].Index == index {
			return &r.Dbs[i]
		}
	}
	r.Dbs = append(r.Dbs, Database{Index: index, DbStore: map[string]string{}})
	return &r.Dbs[len(r.Dbs)-1]
}

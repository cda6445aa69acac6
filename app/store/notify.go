package store

import (
	"strconv"

	"github.com/codecrafters-io/redis-starter-go/app/config"
)

// Keyspace events: notify-keyspace-events names classes of events, and whether
// they are published by key, by event or both.

const (
	eventKeyspace = config.EventKeyspace // K: to __keyspace@<db>__:<key>
	eventKeyevent = config.EventKeyevent // E: to __keyevent@<db>__:<event>
	eventGeneric  = config.EventGeneric  // g
	eventString   = config.EventString   // $
	eventList     = config.EventList     // l
	eventSet      = config.EventSet      // s
	eventHash     = config.EventHash     // h
	eventZset     = config.EventZset     // z
	eventExpired  = config.EventExpired  // x
	eventEvicted  = config.EventEvicted  // e
	eventStream   = config.EventStream   // t
	eventKeyMiss  = config.EventKeyMiss  // m
	eventNew      = config.EventNew      // n
)

// notify publishes an event of a key to those who asked for its class.
func (kv *KVStore) notify(class int, event, key string, db *database) {
	if kv.keyspaceEvents&class == 0 {
		return
	}
	if kv.keyspaceEvents&eventKeyspace != 0 {
		kv.publish(kv.eventChannel("__keyspace@", db, key), event)
	}
	if kv.keyspaceEvents&eventKeyevent != 0 {
		kv.publish(kv.eventChannel("__keyevent@", db, event), key)
	}
}

// eventChannel is the channel of a key's or an event's name, good until the
// next call: nobody keeps the name of a channel that is published to.
func (kv *KVStore) eventChannel(start string, db *database, name string) string {
	b := append(kv.channels.eventName[:0], start...)
	b = strconv.AppendInt(b, int64(db.id), 10)
	b = append(b, "__:"...)
	b = append(b, name...)
	if cap(b) <= keepSize {
		kv.channels.eventName = b
	}
	return viewString(b)
}

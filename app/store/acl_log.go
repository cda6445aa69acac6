package store

import (
	"slices"
	"strings"
)

// The ACL log: what was refused, and to whom. What is refused again within a
// minute is counted with the entry it has.

// A deniedEntry is one entry of the ACL log.
type deniedEntry struct {
	count    int64
	why      denial
	inMulti  bool
	object   string // the command, key or channel; of a failed login, the command
	username string
	timeMs   int64  // of the last one
	client   string // the last one, as CLIENT LIST shows it
}

const (
	denialGroupMs   = 60_000
	denialsSearched = 10 // entries that are looked at for one of the same kind
)

// same reports whether b is to be counted with a.
func (a *deniedEntry) same(b *deniedEntry) bool {
	return a.why == b.why && a.inMulti == b.inMulti && a.object == b.object && a.username == b.username &&
		b.timeMs-a.timeMs <= denialGroupMs && a.timeMs-b.timeMs <= denialGroupMs
}

// logDenial logs that something was refused to a client.
func (kv *KVStore) logDenial(c *Client, why denial, username, object string) {
	e := &deniedEntry{
		count: 1, why: why, inMulti: c.txn.open,
		object: object, username: username, timeMs: kv.nowMs, client: c.describe(),
	}
	log := kv.denials // the newest last
	for i := len(log) - 1; i >= max(0, len(log)-denialsSearched); i-- {
		if old := log[i]; old.same(e) {
			old.count++
			old.timeMs, old.client = e.timeMs, e.client
			kv.denials = append(slices.Delete(log, i, i+1), old)
			return
		}
	}
	e.object, e.username = strings.Clone(object), strings.Clone(username)
	kv.denials = append(log, e)
	if over := int64(len(kv.denials)) - kv.config.Int("acllog-max-len"); over > 0 {
		clear(kv.denials[:over])
		kv.denials = kv.denials[over:]
	}
}

// denialNames are the reasons as ACL LOG calls them.
var denialNames = [...]string{deniedCommand: "command", deniedKey: "key", deniedAuth: "auth", deniedChannel: "channel"}

// reply writes the entry.
func (e *deniedEntry) reply(c *Client) {
	r := &c.reply
	r.Map(7)
	r.Bulk("count")
	r.Int(e.count)
	r.Bulk("reason")
	r.Bulk(denialNames[e.why])
	r.Bulk("context")
	r.Bulk(choose(e.inMulti, "multi", "toplevel"))
	r.Bulk("object")
	r.Bulk(e.object)
	r.Bulk("username")
	r.Bulk(e.username)
	r.Bulk("age-seconds")
	r.Double(float64(c.kv.nowMs-e.timeMs) / 1000)
	r.Bulk("client-info")
	r.Bulk(e.client)
}

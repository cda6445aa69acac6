package store

import (
	"cmp"
	"slices"
	"strings"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// Client-side caching. A client that tracks keys is told when what it has read
// may have changed. By default the server remembers which keys it was sent, in
// one table of keys for all databases, and tells it once of each; in broadcast
// mode the client names prefixes instead, and hears of every change below them.
//
// When a client hears of it is part of the contract, for it must not store an
// old value behind the word that it is old:
//
//   - A change by another client is told at once, between the replies.
//   - A change by the client's own command, or by its EXEC, is told behind the
//     whole reply. Until then it is pending.
//   - Changes below a prefix are gathered and told at the end of the turn.
//   - A key that leaves the table for want of room is told like a change by another.
//
// A client that has gone is forgotten when its keys change, or at once when it
// was the last that ever tracked. Who does not track pays for a comparison.

// invalidationChannel is where RESP2 clients hear of the keys of others.
const invalidationChannel = "__redis__:invalidate"

// trackingState is the server's side.
type trackingState struct {
	known    int // clients that have tracked since they connected; 0: nothing is to be done for anybody
	clients  int // and that do now
	table    trackingTable
	prefixes map[string]*trackedPrefix
	lengths  []prefixLength // of the prefixes
	changed  []*trackedPrefix
	overruns int // times in a row that the table stayed above its limit

	ids  []int64     // scratch: the clients of a key
	body resp.Writer // scratch: the keys of a message, which look alike in RESP2 and RESP3
}

// A clientTracking is a client's side. It has one from its first CLIENT TRACKING on.
type clientTracking struct {
	on       bool
	bcast    bool
	optIn    bool
	optOut   bool
	noLoop   bool
	broken   bool  // the client it redirects to was gone
	caching  bool  // CLIENT CACHING came last
	redirect int64 // the client that is told, 0 for itself
	prefixes []string
	size     int64                 // about what prefixes take
	pending  []pendingInvalidation // what its running command has changed
}

// A pendingInvalidation is a key, or with all, that there is none any more.
type pendingInvalidation struct {
	key string
	all bool
}

// A trackedPrefix is a prefix that clients in broadcast mode have asked for, and
// what has changed below it in this turn.
type trackedPrefix struct {
	name    string
	clients []*Client
	keys    []changedKey
	places  map[string]int // in keys
}

// A changedKey is a key and who changed it last, nil when it went by itself.
type changedKey struct {
	key string
	by  *Client
}

// A prefixLength is how many prefixes have a length.
type prefixLength struct{ length, prefixes int }

// trackedPrefixBytes is about what a client's prefix takes besides its bytes.
const trackedPrefixBytes = 128

// bytes is about what the tracking of a client takes.
func (t *clientTracking) bytes() int64 {
	if t == nil {
		return 0
	}
	return t.size
}

// tracks reports whether the client tracks keys.
func (c *Client) tracks() bool { return c.tracking != nil && c.tracking.on }

// enableTracking makes the client track keys as the options say, which fit each
// other and what it has been doing. What it did before it does not any more, but
// for the prefixes of broadcast mode, which add up.
func (kv *KVStore) enableTracking(c *Client, options clientTracking) {
	s := &kv.tracking
	if c.tracking == nil {
		c.tracking = &clientTracking{}
		s.known++
	}
	t := c.tracking
	if !t.on {
		s.clients++
	}
	was, wanted := *t, options.prefixes
	*t = options
	t.on, t.caching, t.prefixes, t.size, t.pending = true, was.caching, was.prefixes, was.size, was.pending
	if t.bcast && len(wanted) == 0 {
		wanted = []string{""}
	}
	for _, name := range wanted {
		if at, has := slices.BinarySearch(t.prefixes, name); !has {
			name = strings.Clone(name)
			t.prefixes = slices.Insert(t.prefixes, at, name)
			t.size += int64(len(name)) + trackedPrefixBytes
			s.join(c, name)
		}
	}
	kv.noteGuard()
}

// disableTracking ends it. The client stays in the table of keys: it hears of
// those it read before if it tracks again.
func (kv *KVStore) disableTracking(c *Client) {
	if !c.tracks() {
		return
	}
	for _, name := range c.tracking.prefixes {
		kv.tracking.quit(c, name)
	}
	*c.tracking = clientTracking{pending: c.tracking.pending}
	kv.tracking.clients--
	kv.noteGuard()
}

// leaveTracking forgets a client that goes, and with the last one everything.
func (kv *KVStore) leaveTracking(c *Client) {
	if c.tracking == nil {
		return
	}
	kv.disableTracking(c)
	c.tracking = nil
	s := &kv.tracking
	if s.known--; s.known == 0 {
		s.table.drop()
		s.changed, s.overruns, s.ids, s.body.Buf = nil, 0, nil, nil
	}
}

// join enters a client under a prefix.
func (s *trackingState) join(c *Client, name string) {
	p := s.prefixes[name]
	if p == nil {
		p = &trackedPrefix{name: name}
		if s.prefixes == nil {
			s.prefixes = make(map[string]*trackedPrefix)
		}
		s.prefixes[name] = p
		s.countLength(len(name), 1)
	}
	p.clients = append(p.clients, c)
}

// quit takes a client off a prefix.
func (s *trackingState) quit(c *Client, name string) {
	p := s.prefixes[name]
	i := slices.Index(p.clients, c)
	p.clients = slices.Delete(p.clients, i, i+1)
	if len(p.clients) == 0 {
		delete(s.prefixes, name)
		s.countLength(len(name), -1)
	}
}

// countLength counts a prefix of this length that comes or goes.
func (s *trackingState) countLength(length, by int) {
	i, has := slices.BinarySearchFunc(s.lengths, length, func(l prefixLength, n int) int { return cmp.Compare(l.length, n) })
	if !has {
		s.lengths = slices.Insert(s.lengths, i, prefixLength{length: length})
	}
	if s.lengths[i].prefixes += by; s.lengths[i].prefixes == 0 {
		s.lengths = slices.Delete(s.lengths, i, i+1)
	}
}

// tracked does what is to be done behind a command of a client that tracks, or
// has tracked: it remembers what the command has read and says what it changed.
func (kv *KVStore) tracked(c *Client, cmd *command, args []string) {
	t := c.tracking
	if cmd.flags.has(readonly) && t.on && !t.bcast && (!t.optIn || t.caching) && !(t.optOut && t.caching) {
		var buf [8]keyRef
		for _, ref := range cmd.appendKeys(buf[:0], args) {
			kv.tracking.table.add(kv, args[ref.index], c.id)
		}
	}
	if kv.nesting == 0 {
		kv.tellPending(c)
		t.forgetCaching(c, cmd)
	}
}

// forgetCaching ends what CLIENT CACHING said: it is for the next command, or
// for the transaction that comes next.
func (t *clientTracking) forgetCaching(c *Client, cmd *command) {
	if t != nil && !c.txn.open && !(cmd != nil && cmd.parent != nil && cmd.parent.name == clientCommand.name) {
		t.caching = false
	}
}

// invalidate tells who may hold a copy of the key that it has changed. by is the
// client that has changed it, nil when it went by itself; atOnce says that the
// word need not wait for the end of the running command.
func (kv *KVStore) invalidate(key string, by *Client, atOnce bool) {
	s := &kv.tracking
	if len(s.prefixes) > 0 {
		s.gather(key, by)
	}
	kv.invalidateTracked(key, atOnce)
}

// invalidateTracked is invalidate for those in the table, from which the key goes.
func (kv *KVStore) invalidateTracked(key string, atOnce bool) {
	s := &kv.tracking
	s.ids = s.table.take(s.ids[:0], key)
	if len(s.ids) == 0 {
		return
	}
	s.body.Truncate(0)
	s.body.Array(1)
	s.body.Bulk(key)
	for _, id := range s.ids {
		c := kv.clients[id]
		switch {
		case c == nil || !c.tracks() || c.tracking.bcast: // it has left, or stopped
		case c.tracking.noLoop && c == kv.client:
		case c == kv.client && !atOnce:
			c.tracking.pending = append(c.tracking.pending, pendingInvalidation{key: strings.Clone(key)})
		default:
			kv.tell(c, s.body.Buf)
		}
	}
	if cap(s.ids) > trackedIDsMax {
		s.ids = nil
	}
}

// invalidateAll says that databases were emptied. Those who track throw away all
// they have, and the table with it.
func (kv *KVStore) invalidateAll() {
	s := &kv.tracking
	if s.known == 0 {
		return
	}
	var all []*Client
	for _, c := range kv.roster {
		if c.tracks() {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *Client) int { return cmp.Compare(a.id, b.id) })
	for _, c := range all {
		if c == kv.client {
			c.tracking.pending = append(c.tracking.pending, pendingInvalidation{all: true})
		} else {
			kv.tell(c, c.nullBody())
		}
	}
	s.table.drop()
}

// nullBody is the body of a message that all keys are gone, as the client that
// tracks would read it, whoever is told.
func (c *Client) nullBody() []byte {
	w := resp.Writer{Proto: c.reply.Proto}
	w.Null()
	return w.Buf
}

// tellPending says what the client's own command has changed.
func (kv *KVStore) tellPending(c *Client) {
	t := c.tracking
	if t == nil || len(t.pending) == 0 {
		return
	}
	body := &kv.tracking.body
	for _, p := range t.pending {
		if p.all {
			kv.tell(c, c.nullBody())
			continue
		}
		body.Truncate(0)
		body.Array(1)
		body.Bulk(p.key)
		kv.tell(c, body.Buf)
	}
	t.pending = nil
}

// tell sends a message with this body to the client that tracks, or to the one
// that it redirects to. Without either RESP3 or a subscription to go by there is
// no way to tell anybody.
func (kv *KVStore) tell(c *Client, body []byte) {
	to := c
	if id := c.tracking.redirect; id != 0 {
		if to = kv.clients[id]; to == nil || to.closing || to.closeAfterReply {
			kv.tellBroken(c)
			return
		}
	}
	mark, ok := to.beginPush()
	if !ok {
		return
	}
	switch {
	case to.reply.Proto >= 3:
		to.reply.Push(2)
		to.reply.Bulk("invalidate")
	case c.tracking.redirect != 0 && to.subs.n > 0:
		to.reply.Push(3)
		to.reply.Bulk(messageWords[channelTopic])
		to.reply.Bulk(invalidationChannel)
	default:
		return
	}
	to.reply.Buf = append(to.reply.Buf, body...)
	kv.channels.sent += to.reply.Len() - mark
	to.endPush(mark)
}

// tellBroken says to a client that who it redirects to has gone.
func (kv *KVStore) tellBroken(c *Client) {
	c.tracking.broken = true
	mark, ok := c.beginPush()
	if !ok || c.reply.Proto < 3 {
		return
	}
	c.reply.Push(2)
	c.reply.Bulk("tracking-redir-broken")
	c.reply.Int(c.tracking.redirect)
	c.endPush(mark)
}

// gather notes a changed key under each of its prefixes.
func (s *trackingState) gather(key string, by *Client) {
	for _, l := range s.lengths {
		if l.length > len(key) {
			break
		}
		p := s.prefixes[key[:l.length]]
		if p == nil {
			continue
		}
		if i, has := p.places[key]; has {
			p.keys[i].by = by
			continue
		}
		if len(p.keys) == 0 {
			s.changed = append(s.changed, p)
		}
		if p.places == nil {
			p.places = make(map[string]int)
		}
		kept := strings.Clone(key)
		p.places[kept] = len(p.keys)
		p.keys = append(p.keys, changedKey{kept, by})
	}
}

// broadcast tells what has changed below the prefixes in this turn.
func (kv *KVStore) broadcast() {
	s := &kv.tracking
	slices.SortFunc(s.changed, func(a, b *trackedPrefix) int { return strings.Compare(a.name, b.name) })
	for i, p := range s.changed {
		s.changed[i] = nil
		slices.SortFunc(p.keys, func(a, b changedKey) int { return strings.Compare(a.key, b.key) })
		kv.broadcastPrefix(p)
		p.keys, p.places = nil, nil
	}
	s.changed = s.changed[:0]
}

// broadcastPrefix tells the clients of one prefix: one message for all of them,
// and one of its own for each that does not want to hear of its own changes.
func (kv *KVStore) broadcastPrefix(p *trackedPrefix) {
	body := &kv.tracking.body
	var common []byte
	for _, c := range p.clients {
		if !c.tracking.noLoop {
			if common == nil {
				common = slices.Clone(writeChanged(body, p.keys, nil))
			}
			kv.tell(c, common)
		} else if own := writeChanged(body, p.keys, c); own != nil {
			kv.tell(c, own)
		}
	}
	if cap(body.Buf) > keepSize {
		body.Buf = nil
	}
}

// writeChanged writes the keys that others than the client have changed last. It
// returns nil when there are none.
func writeChanged(w *resp.Writer, keys []changedKey, except *Client) []byte {
	n := 0
	for _, k := range keys {
		if except == nil || k.by != except {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	w.Truncate(0)
	w.Array(n)
	for _, k := range keys {
		if except == nil || k.by != except {
			w.Bulk(k.key)
		}
	}
	return w.Buf
}

// trackingEffort is how many keys leave a table above its limit at a time.
const trackingEffort = 100

// limitTracking takes keys out of the table until it is within its limit, or
// enough for one time: more each time in a row that it was not enough.
func (kv *KVStore) limitTracking() {
	s := &kv.tracking
	limit := kv.trackedKeysMax
	if s.clients == 0 || limit == 0 || int64(s.table.keys.Len()) <= limit {
		s.overruns = 0
		return
	}
	for range trackingEffort * (s.overruns + 1) {
		kv.invalidateTracked(s.table.random(), true)
		if int64(s.table.keys.Len()) <= limit {
			s.overruns = 0
			return
		}
	}
	s.overruns++
}

// tickTracking keeps the table within its limit while nobody sends commands, and
// gives memory back that it does not need any more.
func (kv *KVStore) tickTracking() {
	kv.limitTracking()
	if a := kv.tracking.table.arena; a != nil {
		a.Reclaim(freeBytes)
	}
}

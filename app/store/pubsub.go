package store

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/codecrafters-io/redis-starter-go/app/glob"
	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// Publish and subscribe. A topic is a channel, a shard channel or a pattern
// that somebody listens to, and goes with its last listener. Topic and client
// know each other: the topic lists its clients, and each client knows its
// place in that list, so that leaving costs the same however many listen.
//
// A message is encoded once for each version of the protocol that its
// listeners speak, and the bytes are appended to the output of each. It
// stands there between the replies in the order of execution: a client that
// publishes to itself gets the message before the reply of its PUBLISH.

type topicKind uint8

const (
	channelTopic topicKind = iota
	patternTopic
	shardTopic // a name of its own: PUBLISH does not reach it
	topicKinds
)

// messageWords begin a message, by the kind of the topic it came through.
var messageWords = [topicKinds]string{"message", "pmessage", "smessage"}

// A topic is a name that clients listen to.
type topic struct {
	name     string
	clients  []*Client // in no order that matters
	kind     topicKind
	inBucket int32 // of a pattern: its place in the index
}

// subscriptions are the topics of one client.
type subscriptions struct {
	n      int                   // of all kinds; more than 0 is subscribed mode
	byKind [topicKinds]int       // and of each
	places map[*topic]topicPlace // nil until the first
	last   uint32
}

// A topicPlace is where a client stands in a topic's list.
type topicPlace struct {
	at    int32
	order uint32 // grows with each subscription of the client
}

func (s *subscriptions) count() int    { return s.n }
func (s *subscriptions) channels() int { return s.byKind[channelTopic] }
func (s *subscriptions) patterns() int { return s.byKind[patternTopic] }
func (s *subscriptions) shards() int   { return s.byKind[shardTopic] }

// subscriptionBytes is about what one subscription takes: an entry of the
// client's map and one of the topic's list.
const subscriptionBytes = 40

// bytes is about what the client's subscriptions take.
func (s *subscriptions) bytes() int64 { return int64(s.n) * subscriptionBytes }

// shownCount is the number that confirmations of this kind carry: shard
// channels count apart from the others.
func (s *subscriptions) shownCount(kind topicKind) int {
	if kind == shardTopic {
		return s.shards()
	}
	return s.channels() + s.patterns()
}

// inOrder lists the client's topics of one kind, the oldest subscription first.
func (s *subscriptions) inOrder(kind topicKind) []*topic {
	topics := make([]*topic, 0, s.byKind[kind])
	for t := range s.places {
		if t.kind == kind {
			topics = append(topics, t)
		}
	}
	slices.SortFunc(topics, func(a, b *topic) int { return cmp.Compare(s.places[a].order, s.places[b].order) })
	return topics
}

// pubsubTables are the topics of the server.
type pubsubTables struct {
	byName  [topicKinds]map[string]*topic
	index   patternIndex
	encoded [2]resp.Writer // the message at hand in RESP2 and RESP3, empty until needed
	sent    int            // bytes appended to listeners in this turn of the mutex

	eventName []byte // where the channel of a keyspace event is spelled
}

func (p *pubsubTables) init() {
	for kind := range p.byName {
		p.byName[kind] = make(map[string]*topic)
	}
	p.index.byPrefix = make(map[string][]*topic)
	p.encoded[0].Proto, p.encoded[1].Proto = 2, 3
}

func (p *pubsubTables) channelCount() int { return len(p.byName[channelTopic]) }
func (p *pubsubTables) patternCount() int { return len(p.byName[patternTopic]) }
func (p *pubsubTables) shardCount() int   { return len(p.byName[shardTopic]) }

// listeners is the number of clients that listen to a name.
func (p *pubsubTables) listeners(kind topicKind, name string) int {
	if t := p.byName[kind][name]; t != nil {
		return len(t.clients)
	}
	return 0
}

// subscribe makes the client listen to a name, unless it does already.
func (kv *KVStore) subscribe(c *Client, kind topicKind, name string) {
	p, s := &kv.channels, &c.subs
	t := p.byName[kind][name]
	if t == nil {
		t = &topic{name: strings.Clone(name), kind: kind}
		p.byName[kind][t.name] = t
		if kind == patternTopic {
			p.index.add(t)
		}
	} else if _, listens := s.places[t]; listens {
		return
	}
	if s.places == nil {
		s.places = make(map[*topic]topicPlace)
	}
	s.last++
	s.places[t] = topicPlace{at: int32(len(t.clients)), order: s.last}
	t.clients = append(t.clients, c)
	s.n++
	s.byKind[kind]++
}

// unsubscribe ends the client's listening to a name, if it does listen.
func (kv *KVStore) unsubscribe(c *Client, kind topicKind, name string) {
	if t := kv.channels.byName[kind][name]; t != nil {
		if _, listens := c.subs.places[t]; listens {
			kv.abandon(c, t)
		}
	}
}

// abandon takes the client off a topic it listens to. The last one of the
// list takes its place there.
func (kv *KVStore) abandon(c *Client, t *topic) {
	s := &c.subs
	place := s.places[t]
	delete(s.places, t)
	s.n--
	s.byKind[t.kind]--
	if s.n == 0 {
		s.places = nil
	}
	end := len(t.clients) - 1
	if moved := t.clients[end]; moved != c {
		t.clients[place.at] = moved
		moved.subs.places[t] = topicPlace{at: place.at, order: moved.subs.places[t].order}
	}
	t.clients[end] = nil
	t.clients = t.clients[:end]
	if end > 0 {
		if cap(t.clients) > 64 && end < cap(t.clients)/4 {
			t.clients = slices.Clone(t.clients)
		}
		return
	}
	p := &kv.channels
	delete(p.byName[t.kind], t.name)
	if t.kind == patternTopic {
		p.index.remove(t)
	}
}

// unsubscribeAll ends all of the client's subscriptions without a word.
func (kv *KVStore) unsubscribeAll(c *Client) {
	for kv.unsubscribeSome(c, len(c.subs.places)) {
	}
}

// unsubscribeSome ends some of them and reports whether there are more. A
// client that leaves does it in steps, for the sake of the others.
func (kv *KVStore) unsubscribeSome(c *Client, max int) (more bool) {
	for t := range c.subs.places {
		if max == 0 {
			break
		}
		max--
		kv.abandon(c, t)
	}
	return c.subs.n > 0
}

// publish sends a message to everybody who listens to the channel, by its name
// or by a pattern, and returns how many messages that were.
func (kv *KVStore) publish(channel, message string) int {
	p := &kv.channels
	receivers := 0
	if t := p.byName[channelTopic][channel]; t != nil {
		receivers = kv.deliver(t, channel, message)
	}
	p.index.match(channel, func(t *topic) { receivers += kv.deliver(t, channel, message) })
	return receivers
}

// publishShard does it for a shard channel.
func (kv *KVStore) publishShard(channel, message string) int {
	if t := kv.channels.byName[shardTopic][channel]; t != nil {
		return kv.deliver(t, channel, message)
	}
	return 0
}

// deliver appends a message to the output of everybody who listens to t.
func (kv *KVStore) deliver(t *topic, channel, message string) int {
	p := &kv.channels
	if len(t.clients) == 1 {
		c := t.clients[0]
		if mark, ok := c.beginPush(); ok {
			writeMessage(&c.reply, t, channel, message)
			p.sent += c.reply.Len() - mark
			c.endPush(mark)
		}
		return 1
	}
	for _, c := range t.clients {
		mark, ok := c.beginPush()
		if !ok {
			continue
		}
		w := &p.encoded[c.reply.Proto-2]
		if w.Len() == 0 {
			writeMessage(w, t, channel, message)
		}
		c.reply.Buf = append(c.reply.Buf, w.Buf...)
		p.sent += w.Len()
		c.endPush(mark)
	}
	for i := range p.encoded {
		if w := &p.encoded[i]; cap(w.Buf) > keepSize {
			w.Buf = nil
		} else {
			w.Truncate(0)
		}
	}
	return len(t.clients)
}

// writeMessage encodes a message that comes through t.
func writeMessage(w *resp.Writer, t *topic, channel, message string) {
	if t.kind == patternTopic {
		w.Push(4)
		w.Bulk(messageWords[t.kind])
		w.Bulk(t.name)
	} else {
		w.Push(3)
		w.Bulk(messageWords[t.kind])
	}
	w.Bulk(channel)
	w.Bulk(message)
}

// A patternIndex finds the patterns that may match a channel without trying
// them all: each stands under its literal start, which a channel that matches
// must begin with. Nearly all patterns in use are a name and a star.
type patternIndex struct {
	byPrefix map[string][]*topic
	lengths  [prefixMax + 1]int // how many prefixes there are of each length
}

// prefixMax is how much of a pattern's literal start counts.
const prefixMax = 32

// literalStart is the part of a pattern before its first special character.
func literalStart(pattern string) string {
	if len(pattern) > prefixMax {
		pattern = pattern[:prefixMax]
	}
	if i := strings.IndexAny(pattern, `*?[\`); i >= 0 {
		pattern = pattern[:i]
	}
	return pattern
}

func (x *patternIndex) add(t *topic) {
	prefix := literalStart(t.name)
	bucket := x.byPrefix[prefix]
	if len(bucket) == 0 {
		prefix = strings.Clone(prefix) // the bucket may outlive the topic
		x.lengths[len(prefix)]++
	}
	t.inBucket = int32(len(bucket))
	x.byPrefix[prefix] = append(bucket, t)
}

func (x *patternIndex) remove(t *topic) {
	prefix := literalStart(t.name)
	bucket := x.byPrefix[prefix]
	end := len(bucket) - 1
	moved := bucket[end]
	bucket[t.inBucket] = moved
	moved.inBucket = t.inBucket
	bucket[end] = nil
	if end == 0 {
		delete(x.byPrefix, prefix)
		x.lengths[len(prefix)]--
		return
	}
	x.byPrefix[prefix] = bucket[:end]
}

// match calls visit for every pattern that matches the channel.
func (x *patternIndex) match(channel string, visit func(*topic)) {
	if len(x.byPrefix) == 0 {
		return
	}
	for n := 0; n <= prefixMax && n <= len(channel); n++ {
		if x.lengths[n] == 0 {
			continue
		}
		for _, t := range x.byPrefix[channel[:n]] {
			if glob.Match(t.name, channel, false) {
				visit(t)
			}
		}
	}
}

// names lists the names of a kind that somebody listens to and that match the
// pattern, nil standing for all.
func (p *pubsubTables) names(kind topicKind, pattern *string) []string {
	if pattern == nil {
		return slices.Collect(maps.Keys(p.byName[kind]))
	}
	var names []string
	for name := range p.byName[kind] {
		if glob.Match(*pattern, name, false) {
			names = append(names, name)
		}
	}
	return names
}

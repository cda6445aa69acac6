package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/glob"
)

// checkTopics verifies that topics, clients and the index of patterns agree.
func (kv *KVStore) checkTopics() error {
	p := &kv.channels
	for kind, topics := range p.byName {
		for name, t := range topics {
			if t.name != name || int(t.kind) != kind || len(t.clients) == 0 {
				return fmt.Errorf("topic %q stands under %q, kind %d, with %d clients", t.name, name, kind, len(t.clients))
			}
			for i, c := range t.clients {
				if place, ok := c.subs.places[t]; !ok || int(place.at) != i {
					return fmt.Errorf("client %d stands at %d of %q and thinks %d, %v", c.id, i, name, place.at, ok)
				}
			}
		}
	}
	for _, c := range kv.clients {
		var byKind [topicKinds]int
		for t := range c.subs.places {
			byKind[t.kind]++
			if p.byName[t.kind][t.name] != t {
				return fmt.Errorf("client %d listens to %q, which is forgotten", c.id, t.name)
			}
		}
		if byKind != c.subs.byKind || len(c.subs.places) != c.subs.n {
			return fmt.Errorf("client %d counts %v of %d", c.id, c.subs.byKind, c.subs.n)
		}
	}
	return p.index.check(p.byName[patternTopic])
}

// check verifies that the index holds exactly the patterns.
func (x *patternIndex) check(patterns map[string]*topic) error {
	var lengths [prefixMax + 1]int
	n := 0
	for prefix, bucket := range x.byPrefix {
		lengths[len(prefix)]++
		for i, t := range bucket {
			n++
			if literalStart(t.name) != prefix || int(t.inBucket) != i || patterns[t.name] != t {
				return fmt.Errorf("pattern %q stands at %d of bucket %q and thinks %d", t.name, i, prefix, t.inBucket)
			}
		}
	}
	if lengths != x.lengths || n != len(patterns) {
		return fmt.Errorf("%d patterns of %d in the index, lengths %v and %v", n, len(patterns), lengths, x.lengths)
	}
	return nil
}

// enterClients enters clients without connections; what is sent to them stays
// in their reply buffers.
func enterClients(kv *KVStore, n int) []*Client {
	clients := make([]*Client, n)
	for i := range clients {
		clients[i] = &Client{kv: kv, authenticated: true}
		clients[i].reply.Proto = 2 + i%2
		kv.enter(clients[i])
	}
	return clients
}

// Random subscribing, unsubscribing, publishing and leaving against plain maps.
func TestPubsubModel(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	kv := New()
	defer kv.Close()
	kv.mu.Lock()
	defer kv.mu.Unlock()
	type listening struct {
		kind topicKind
		name string
	}
	clients := enterClients(kv, 8)
	model := make(map[*Client]map[listening]bool)
	names := [topicKinds][]string{
		channelTopic: {"", "a", "ab", "abc", "b", strings.Repeat("x", 50)},
		patternTopic: {"", "*", "a*", "a?", "ab", "[ab]*", "a\\*", "\\a", strings.Repeat("x", 40) + "*", strings.Repeat("x", 40) + "y*"},
		shardTopic:   {"", "a", "abc"},
	}
	for step := range 20_000 {
		i := random.IntN(len(clients))
		c := clients[i]
		if model[c] == nil {
			model[c] = make(map[listening]bool)
		}
		kind := topicKind(random.IntN(int(topicKinds)))
		name := names[kind][random.IntN(len(names[kind]))]
		switch random.IntN(10) {
		case 0, 1, 2, 3:
			kv.subscribe(c, kind, name)
			model[c][listening{kind, name}] = true
		case 4, 5:
			kv.unsubscribe(c, kind, name)
			delete(model[c], listening{kind, name})
		case 6:
			kv.leave(c)
			delete(model, c)
			clients[i] = enterClients(kv, 1)[0]
		default:
			channel := names[channelTopic][random.IntN(len(names[channelTopic]))]
			want := make(map[*Client]int)
			total := 0
			for c, set := range model {
				for l := range set {
					if l.kind == channelTopic && l.name == channel || l.kind == patternTopic && glob.Match(l.name, channel, false) {
						want[c]++
						total++
					}
				}
			}
			if n := kv.publish(channel, "the message"); n != total {
				t.Fatalf("step %d: %q reached %d, want %d", step, channel, n, total)
			}
			for _, c := range clients {
				if n := strings.Count(string(c.reply.Buf), "the message"); n != want[c] {
					t.Fatalf("step %d: client %d got %d messages, want %d", step, c.id, n, want[c])
				}
				c.reply.Truncate(0)
			}
		}
		if err := kv.checkTopics(); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
	}
}

// Unsubscribing from everything goes by the order of subscribing.
func TestUnsubscribeInOrder(t *testing.T) {
	kv := New()
	defer kv.Close()
	kv.mu.Lock()
	defer kv.mu.Unlock()
	clients := enterClients(kv, 3)
	var want []string
	for i := range 1000 {
		name := fmt.Sprintf("*%d", (i*7919)%1000)
		want = append(want, name)
		for _, c := range clients {
			kv.subscribe(c, patternTopic, name)
			kv.subscribe(c, channelTopic, name)
		}
	}
	for _, c := range clients {
		for i := 0; i < 1000; i += 3 {
			kv.unsubscribe(c, patternTopic, want[i])
		}
		var got []string
		for _, t := range c.subs.inOrder(patternTopic) {
			got = append(got, t.name)
		}
		left := slices.Collect(func(yield func(string) bool) {
			for i, name := range want {
				if i%3 != 0 && !yield(name) {
					return
				}
			}
		})
		if !slices.Equal(got, left) {
			t.Errorf("client %d: %v", c.id, got[:10])
		}
	}
}

// Names outlive the request they came in.
func TestTopicNamesAreCopies(t *testing.T) {
	kv := New()
	defer kv.Close()
	kv.mu.Lock()
	defer kv.mu.Unlock()
	c := enterClients(kv, 1)[0]
	for kind := range topicKinds {
		name := []byte("abc*")
		kv.subscribe(c, kind, viewString(name))
		copy(name, "zzzz")
	}
	if err := kv.checkTopics(); err != nil {
		t.Error(err)
	}
	if kv.publish("abc*", "") != 2 || kv.publishShard("abc*", "") != 1 {
		t.Error("a name has changed")
	}
}

func FuzzPatternIndex(f *testing.F) {
	f.Add("a*\n*\n\nabc\na[b-d]c\n\\abc\n"+strings.Repeat("p", 40)+"*", "abc", uint(3))
	f.Add("news.*\nnews.?\n[n]ews.*", "news.1", uint(0))
	f.Fuzz(func(t *testing.T, patterns, channel string, removed uint) {
		x := patternIndex{byPrefix: make(map[string][]*topic)}
		all := make(map[string]*topic)
		for i, name := range strings.Split(patterns, "\n") {
			if all[name] == nil {
				all[name] = &topic{name: name, kind: patternTopic}
				x.add(all[name])
			}
			if uint(i) == removed {
				for _, t := range slices.Collect(maps.Values(all))[:len(all)/2] {
					x.remove(t)
					delete(all, t.name)
				}
			}
		}
		if err := x.check(all); err != nil {
			t.Fatal(err)
		}
		got := make(map[string]bool)
		x.match(channel, func(t *topic) { got[t.name] = true })
		for name := range all {
			if got[name] != glob.Match(name, channel, false) {
				t.Errorf("pattern %q, channel %q: %v", name, channel, got[name])
			}
		}
	})
}

func BenchmarkPublish(b *testing.B) {
	for _, receivers := range []int{0, 1, 100, 10_000} {
		b.Run(fmt.Sprint(receivers), func(b *testing.B) {
			kv := New()
			defer kv.Close()
			kv.mu.Lock()
			defer kv.mu.Unlock()
			clients := enterClients(kv, receivers)
			for _, c := range clients {
				kv.subscribe(c, channelTopic, "channel")
				kv.subscribe(c, patternTopic, fmt.Sprintf("other%d*", c.id))
			}
			b.ReportAllocs()
			for b.Loop() {
				kv.publish("channel", "a message of some length")
				for _, c := range clients {
					c.reply.Truncate(0)
				}
			}
		})
	}
}

// BenchmarkSubscription reports the memory of a subscription: of many clients
// to the same channels, and of each client to one of its own.
func BenchmarkSubscription(b *testing.B) {
	for _, shape := range []struct{ clients, channels int }{{1000, 200}, {100_000, 1}} {
		for _, shared := range []bool{true, false} {
			b.Run(fmt.Sprintf("%dx%d/shared=%v", shape.clients, shape.channels, shared), func(b *testing.B) {
				for b.Loop() {
					kv := New()
					clients := enterClients(kv, shape.clients)
					before := liveHeap()
					for i, c := range clients {
						for j := range shape.channels {
							name := fmt.Sprintf("channel:%d:%d", i, j)
							if shared {
								name = fmt.Sprintf("channel:%d", j)
							}
							kv.subscribe(c, channelTopic, name)
						}
					}
					b.ReportMetric(float64(liveHeap()-before)/float64(shape.clients*shape.channels), "B/subscription")
					kv.Close()
					runtime.KeepAlive(clients)
				}
			})
		}
	}
}

func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// A groupModel is a consumer group as maps.
type groupModel struct {
	consumers map[string]bool
	owner     map[streamID]string
}

func (m groupModel) clone() groupModel {
	return groupModel{maps.Clone(m.consumers), maps.Clone(m.owner)}
}

// ids are the pending IDs in order.
func (m groupModel) ids() []streamID {
	return slices.SortedFunc(maps.Keys(m.owner), streamID.cmp)
}

// of is the number of entries pending for a consumer.
func (m groupModel) of(consumer string) (n int) {
	for _, owner := range m.owner {
		if owner == consumer {
			n++
		}
	}
	return n
}

// compare finds out where a group differs from its model.
func (kv *KVStore) compareGroup(g *streamGroup, m groupModel) error {
	var ids []streamID
	for e := range g.pending.All(kv.streamType) {
		id := kv.idOf(e)
		ids = append(ids, id)
		if owner := kv.consumerAt(kv.pendingAt(e.Ref).consumer).name(); owner != m.owner[id] {
			return fmt.Errorf("%v is pending for %q, want %q", id, owner, m.owner[id])
		}
	}
	if want := m.ids(); !slices.Equal(ids, want) {
		return fmt.Errorf("pending are %v, want %v", ids, want)
	}
	var names []string
	for e := range g.consumers.All(kv.consumerType) {
		names = append(names, kv.consumerAt(e.Ref).name())
	}
	if want := slices.Sorted(maps.Keys(m.consumers)); !slices.Equal(names, want) {
		return fmt.Errorf("the consumers are %q, want %q", names, want)
	}
	return nil
}

// randomName is a name of which there are some hundred, many alike in their
// first eight bytes.
func randomName(r *rand.Rand) string {
	name := strings.Repeat("a\x00"[:1+r.IntN(2)], r.IntN(8)) + strings.Repeat("b", r.IntN(3))
	return name + string(rune('a'+r.IntN(4)))
}

// groupStep does one random thing to a group and to its model.
func groupStep(kv *KVStore, r *rand.Rand, g *streamGroup, m groupModel) error {
	name := randomName(r)
	id := streamID{r.Uint64N(60), r.Uint64N(8)}
	var c tree.Cursor
	switch r.IntN(8) {
	case 0:
		if _, created := kv.createConsumer(g, name); created == m.consumers[name] {
			return fmt.Errorf("consumer %q is made: %v", name, created)
		}
		m.consumers[name] = true
	case 1:
		n, ok := kv.deleteConsumer(g, name)
		if n != m.of(name) || ok != m.consumers[name] {
			return fmt.Errorf("consumer %q had %d entries pending: %v", name, n, ok)
		}
		delete(m.consumers, name)
		maps.DeleteFunc(m.owner, func(_ streamID, owner string) bool { return owner == name })
	case 2, 3: // acknowledge
		found := kv.seekID(&g.pending, &c, id)
		if found != (m.owner[id] != "") {
			return fmt.Errorf("%v is pending: %v", id, found)
		}
		if found {
			kv.removePending(g, &c)
			delete(m.owner, id)
		}
	case 4: // claim
		ref, _ := kv.createConsumer(g, name)
		m.consumers[name] = true
		if kv.seekID(&g.pending, &c, id) {
			kv.assign(&c, ref)
			m.owner[id] = name
		}
	default: // deliver
		ref, _ := kv.createConsumer(g, name)
		m.consumers[name] = true
		var d delivery
		d.start(kv, g, ref, id)
		for range r.IntN(40) {
			d.add(kv, id)
			m.owner[id] = name
			id.seq += r.Uint64N(4) + 1
			if r.IntN(3) == 0 {
				id = streamID{id.ms + r.Uint64N(5) + 1, r.Uint64N(3)}
			}
		}
	}
	return nil
}

// TestGroupModel does random things to two groups and to maps.
func TestGroupModel(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			kv := newChecked(t)
			s := kv.dbs[0].insertStream("s")
			var groups [2]*streamGroup
			var models [2]groupModel
			for i, name := range []string{"group", "groupgroup"} {
				if !kv.createGroup(s, name, streamID{}, 0) || kv.createGroup(s, name, streamID{}, 0) {
					t.Fatalf("group %q is not made once", name)
				}
				groups[i] = kv.findGroup(s, name)
				models[i] = groupModel{make(map[string]bool), make(map[streamID]string)}
			}
			for range 300 {
				i := r.IntN(len(groups))
				if err := groupStep(kv, r, groups[i], models[i]); err != nil {
					t.Fatal(err)
				}
				if err := kv.compareGroup(groups[i], models[i]); err != nil {
					t.Fatal(err)
				}
				if err := kv.check(); err != nil {
					t.Fatal(err)
				}
			}
			copied := kv.streamAt(kv.dbs[0].duplicate(kv.dbs[0].find("s"), kv.dbs[1], "copy"))
			before := models[0].clone()
			for range 20 {
				if err := groupStep(kv, r, groups[0], models[0]); err != nil {
					t.Fatal(err)
				}
			}
			if err := kv.compareGroup(kv.findGroup(copied, "group"), before); err != nil {
				t.Fatalf("the copy: %v", err)
			}
			if err := kv.check(); err != nil {
				t.Fatalf("the copy: %v", err)
			}
		})
	}
}

// bigGroup makes a stream with a group for which n entries are pending.
func bigGroup(kv *KVStore, key string, n int) *stream {
	s := kv.dbs[0].insertStream(key)
	kv.createGroup(s, "g", streamID{}, 0)
	g := kv.findGroup(s, "g")
	for i := range 10 {
		ref, _ := kv.createConsumer(g, fmt.Sprint("consumer", i))
		var d delivery
		d.start(kv, g, ref, streamID{})
		for j := range n / 10 {
			d.add(kv, streamID{uint64(j), uint64(i + 1)})
		}
	}
	return s
}

// TestGroupDrain frees groups in steps: those of a stream that is deleted, and
// one that is destroyed. Whatever is left is accounted for between the steps.
func TestGroupDrain(t *testing.T) {
	kv := newChecked(t)
	bigGroup(kv, "deleted", 3000)
	kv.dbs[0].remove(kv.dbs[0].find("deleted"))
	s := bigGroup(kv, "destroyed", 3000)
	if kv.destroyGroup(s, "x") || !kv.destroyGroup(s, "g") || kv.destroyGroup(s, "g") {
		t.Error("the group is not destroyed once")
	}
	if len(kv.drains) != 2 {
		t.Fatalf("%d things to be freed in steps", len(kv.drains))
	}
	for len(kv.drains) > 0 {
		if err := kv.check(); err != nil {
			t.Fatal(err)
		}
		if kv.drains[0].drain(3) {
			kv.drains = kv.drains[1:]
		}
	}
	s = bigGroup(kv, "small", 40)
	kv.destroyGroup(s, "g")
	if len(kv.drains) != 0 {
		t.Error("a small group is not freed at once")
	}
	if err := kv.check(); err != nil {
		t.Fatal(err)
	}
}

// TestPendingMemory holds what a pending entry costs.
func TestPendingMemory(t *testing.T) {
	const n = 100000
	kv := New()
	defer kv.Close()
	s := bigGroup(kv, "s", n)
	perEntry := float64(kv.groupBytes(s)) / n
	t.Logf("%.1f bytes for each pending entry", perEntry)
	if perEntry > 64 {
		t.Errorf("%.1f bytes for each pending entry", perEntry)
	}
}

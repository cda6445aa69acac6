package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestStreamIDText(t *testing.T) {
	const max = math.MaxUint64
	tests := []struct {
		in   string
		want streamID
		ok   bool
	}{
		{"1-2", streamID{1, 2}, true},
		{"0-0", streamID{}, true},
		{"7", streamID{7, 42}, true},
		{"18446744073709551615-18446744073709551615", streamID{max, max}, true},
		{"18446744073709551616-0", streamID{}, false},
		{"0-18446744073709551616", streamID{}, false},
		{"", streamID{}, false},
		{"-", streamID{}, false},
		{"+", streamID{}, false},
		{"-1", streamID{}, false},
		{"1-", streamID{}, false},
		{"-1-1", streamID{}, false},
		{"1-*", streamID{}, false},
		{"*", streamID{}, false},
		{"a-1", streamID{}, false},
		{"1-a", streamID{}, false},
		{"1-2-3", streamID{}, false},
		{"1_0-1", streamID{}, false},
		// The rest is what strtoull makes of it.
		{"007-08", streamID{7, 8}, true},
		{" 1-\t2", streamID{1, 2}, true},
		{"1 -2", streamID{}, false},
		{"+1-+2", streamID{1, 2}, true},
		{"1--2", streamID{}, false},
		{"1--02", streamID{1, max - 1}, true},
		{"1--0", streamID{1, 0}, true},
		{"1-+-2", streamID{}, false},
		{"1-2\x00x", streamID{1, 2}, true},
		{strings.Repeat("0", 126) + "1", streamID{1, 42}, true},
		{strings.Repeat("0", 127) + "1", streamID{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := parseStreamID(tt.in, 42)
			if (err == nil) != tt.ok || tt.ok && got != tt.want {
				t.Errorf("%v, %v; want %v, %v", got, err, tt.want, tt.ok)
			}
		})
	}
}

func TestStreamIDNeighbours(t *testing.T) {
	const max = math.MaxUint64
	ids := []streamID{{}, {0, 1}, {0, max}, {1, 0}, {5, 7}, {5, max}, {6, 0}, {max, max - 1}, {max, max}}
	for i, id := range ids {
		next, ok := id.next()
		if ok != (id != maxStreamID) || ok && (!id.less(next) || id.cmp(next) != -1) {
			t.Errorf("%v is followed by %v, %v", id, next, ok)
		}
		if back, _ := next.prev(); back != id {
			t.Errorf("%v is preceded by %v, not %v", next, back, id)
		}
		for j, other := range ids {
			if id.less(other) != (i < j) || (id.cmp(other) < 0) != (i < j) || (id.cmp(other) == 0) != (i == j) {
				t.Errorf("%v and %v are out of order", id, other)
			}
		}
	}
	if _, ok := (streamID{}).prev(); ok {
		t.Error("0-0 has a predecessor")
	}
}

// A streamModel is a stream as a slice.
type streamModel struct {
	ids   []streamID
	pairs [][]string
}

// collect reads a range of a stream.
func collect(kv *KVStore, s *stream, from, to streamID, reverse bool) (m streamModel) {
	var it streamIterator
	it.start(kv, s, from, to, reverse)
	for {
		id, fields, ok := it.next()
		if !ok {
			return m
		}
		var pairs []string
		for i := range fields {
			if i == 5 { // the others are left unread
				break
			}
			name, value := it.nextField()
			pairs = append(pairs, name.String(), value.String())
		}
		m.ids, m.pairs = append(m.ids, id), append(m.pairs, pairs)
	}
}

// between is what collect should find.
func (m streamModel) between(from, to streamID, reverse bool) (r streamModel) {
	for i, id := range m.ids {
		if !id.less(from) && !to.less(id) {
			r.ids, r.pairs = append(r.ids, id), append(r.pairs, m.pairs[i][:min(10, len(m.pairs[i]))])
		}
	}
	if reverse {
		slices.Reverse(r.ids)
		slices.Reverse(r.pairs)
	}
	return r
}

func (m streamModel) equal(other streamModel) bool {
	return slices.Equal(m.ids, other.ids) && slices.EqualFunc(m.pairs, other.pairs, slices.Equal)
}

func (m *streamModel) remove(i, j int) {
	m.ids, m.pairs = slices.Delete(m.ids, i, j), slices.Delete(m.pairs, i, j)
}

// randomPairs are names and values; the names are often the same.
func randomPairs(r *rand.Rand) []string {
	pairs := []string{"name", fmt.Sprint(r.IntN(1 << r.IntN(40))), "other", strings.Repeat("v", r.IntN(1<<r.IntN(9)))}
	switch r.IntN(10) {
	case 0:
		pairs = append(pairs, "17", "")
	case 1:
		pairs = pairs[:2]
	case 2:
		for range r.IntN(9) {
			pairs = append(pairs, "name", "1")
		}
	}
	return pairs
}

// randomID is the ID of an entry, or one near it.
func (m streamModel) randomID(r *rand.Rand) (id streamID) {
	if len(m.ids) > 0 {
		id = m.ids[r.IntN(len(m.ids))]
	}
	switch r.IntN(8) {
	case 0:
		id, _ = id.next()
	case 1:
		id, _ = id.prev()
	case 2:
		id = streamID{}
	case 3:
		id = maxStreamID
	}
	return id
}

// TestStreamModel does random things to a stream and to a slice. The directives
// change meanwhile, so that nodes of all sizes come up.
func TestStreamModel(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			kv := newChecked(t)
			s := kv.dbs[0].insertStream("s")
			var m streamModel
			id := streamID{uint64(r.IntN(3)), uint64(r.Uint64N(3) + 1)}
			for range 400 {
				if r.IntN(20) == 0 {
					kv.streamNodeBytes, kv.streamNodeEntries = int64(r.IntN(2000)), int64(r.IntN(300))
				}
				switch r.IntN(10) {
				default:
					for range r.IntN(20) {
						id, _ = id.next()
						id.seq += r.Uint64N(1 << r.IntN(40))
						if r.IntN(2) == 0 {
							id = streamID{id.ms + r.Uint64N(1<<r.IntN(30)) + 1, r.Uint64() >> r.IntN(64)}
						}
						pairs := randomPairs(r)
						kv.addEntry(s, id, pairs)
						m.ids, m.pairs = append(m.ids, id), append(m.pairs, pairs)
					}
				case 0:
					for range r.IntN(30) {
						gone := m.randomID(r)
						i := slices.Index(m.ids, gone)
						if kv.hasEntry(s, gone) != (i >= 0) || kv.deleteEntry(s, gone) != (i >= 0) {
							t.Fatalf("%v is thought to be at %d", gone, i)
						}
						if i >= 0 {
							m.remove(i, i+1)
						}
					}
					kv.setFirst(s)
				case 1:
					n := r.IntN(len(m.ids) + 1)
					how := trimArgs{by: trimByLength, length: int64(len(m.ids) - n)}
					if r.IntN(2) == 0 {
						how = trimArgs{by: trimByID, id: m.randomID(r)}
						n, _ = slices.BinarySearchFunc(m.ids, how.id, streamID.cmp)
					}
					if got := kv.trim(s, &how); got != int64(n) {
						t.Fatalf("%+v removes %d entries, not %d", how, got, n)
					}
					m.remove(0, n)
				case 2:
					from, to, reverse := m.randomID(r), m.randomID(r), r.IntN(2) == 0
					if got, want := collect(kv, s, from, to, reverse), m.between(from, to, reverse); !got.equal(want) {
						t.Fatalf("from %v to %v: %v, want %v", from, to, got, want)
					}
				}
				if err := kv.check(); err != nil {
					t.Fatal(err)
				}
			}
			all := streamModel{m.ids, m.pairs}.between(streamID{}, maxStreamID, false)
			copied := kv.dbs[0].duplicate(kv.dbs[0].find("s"), kv.dbs[1], "copy")
			if got := collect(kv, kv.streamAt(copied), streamID{}, maxStreamID, false); !got.equal(all) {
				t.Fatalf("the copy has %v, want %v", got, all)
			}
			if err := kv.check(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

package tests

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// The model's streams.

// A modelID is the ID of an entry.
type modelID struct{ ms, seq uint64 }

func (id modelID) String() string { return fmt.Sprintf("%d-%d", id.ms, id.seq) }

func (id modelID) cmp(other modelID) int {
	return cmp.Or(cmp.Compare(id.ms, other.ms), cmp.Compare(id.seq, other.seq))
}

// A modelStream is what the model knows of a stream beside its key. Like other
// values it is never changed in place.
type modelStream struct {
	entries []modelEntry
	last    modelID
}

type modelEntry struct {
	id    modelID
	pairs []string
}

// reply is the entry as XRANGE answers it.
func (e modelEntry) reply() reply {
	var pairs []reply
	for _, s := range e.pairs {
		pairs = append(pairs, reply{kind: '$', text: s})
	}
	return reply{kind: '*', elems: []reply{{kind: '$', text: e.id.String()}, {kind: '*', elems: pairs}}}
}

func printEntries(entries []modelEntry) string {
	all := reply{kind: '*'}
	for _, e := range entries {
		all.elems = append(all.elems, e.reply())
	}
	return all.String()
}

// Arguments. IDs are near each other, so that they meet.

func anyStreamMs(r *rand.Rand) uint64 { return uint64(r.IntN(1 << (3 + r.IntN(14)))) }

func anyStreamID(r *rand.Rand) string {
	return modelID{anyStreamMs(r), 1 + r.Uint64N(1<<r.IntN(4))}.String()
}

// anyNewID is an ID for XADD, with an open sequence mostly.
func anyNewID(r *rand.Rand) string {
	if r.IntN(3) == 0 {
		return anyStreamID(r)
	}
	return strconv.FormatUint(anyStreamMs(r), 10) + "-*"
}

// anyBound is an end of a range.
func anyBound(word string) func(*rand.Rand) string {
	return func(r *rand.Rand) string {
		switch r.IntN(4) {
		case 0:
			return word
		case 1:
			return strconv.FormatUint(anyStreamMs(r), 10)
		}
		return anyStreamID(r)
	}
}

// modelXaddArgs adds an entry; the names of its fields are mostly the same.
func modelXaddArgs(r *rand.Rand) []string {
	out := []string{anyKey(r)}
	if r.IntN(8) == 0 {
		out = append(out, "NOMKSTREAM")
	}
	switch r.IntN(12) {
	case 0:
		out = append(out, "MAXLEN", strconv.Itoa(r.IntN(20)))
	case 1:
		out = append(out, "MINID", anyStreamID(r))
	}
	out = append(out, anyNewID(r), "a", anyElement(r))
	if r.IntN(3) == 0 {
		out = append(out, anyElement(r), anyElement(r))
	}
	return out
}

var modelStreamCommands = []modelCommand{
	{"XADD", modelXaddArgs, modelXadd},
	{"XADD", modelXaddArgs, modelXadd},
	{"XADD", modelXaddArgs, modelXadd},
	{"XLEN", args(anyKey), func(m *model, c *modelClient, a []string) string {
		k, _ := m.get(c, a[1])
		return printInt(len(k.stream.entries))
	}},
	{"XRANGE", args(anyKey, anyBound("-"), anyBound("+"), "COUNT", oneOf("1", "3", "100")), modelXrange},
	{"XREVRANGE", args(anyKey, anyBound("+"), anyBound("-"), "COUNT", oneOf("1", "3", "100")), modelXrange},
	{"XDEL", modelXdelArgs, modelXdel},
	{"XTRIM", args(anyKey, "MAXLEN", oneOf("0", "3", "10", "20")), modelXtrim},
	{"XTRIM", args(anyKey, "MINID", anyStreamID), modelXtrim},
}

// modelXdelArgs deletes a few entries that may be there.
func modelXdelArgs(r *rand.Rand) []string {
	out := []string{anyKey(r)}
	for range 1 + r.IntN(30) {
		out = append(out, anyStreamID(r))
	}
	return out
}

func modelXadd(m *model, c *modelClient, a []string) string {
	k, ok := m.get(c, a[1])
	if !ok {
		k = modelKey{typ: "stream", expires: -1}
	}
	options := a[2:]
	if options[0] == "NOMKSTREAM" {
		if options = options[1:]; !ok {
			return "(nil)"
		}
	}
	var trim []string
	if strings.HasPrefix(options[0], "M") {
		trim, options = options[:2], options[2:]
	}
	ms, seq, _ := strings.Cut(options[0], "-")
	id := parseModelID(ms)
	switch last := k.stream.last; {
	case seq != "*":
		id.seq, _ = strconv.ParseUint(seq, 10, 64)
	case id.ms == last.ms:
		id.seq = last.seq + 1
	}
	if id.cmp(k.stream.last) <= 0 {
		return "(error) ERR The ID specified in XADD is equal or smaller than the target stream top item"
	}
	entries := append(slices.Clip(k.stream.entries), modelEntry{id, options[1:]})
	k.stream = modelStream{trimModel(entries, trim), id}
	m.put(c.db, a[1], k)
	return quoteShort(id.String())
}

// trimModel leaves out the oldest entries, as MAXLEN or MINID says.
func trimModel(entries []modelEntry, how []string) []modelEntry {
	if how == nil {
		return entries
	}
	if how[0] == "MAXLEN" {
		return entries[max(0, len(entries)-int(mustInt(how[1]))):]
	}
	return modelBetween(entries, parseModelID(how[1]), modelID{math.MaxUint64, math.MaxUint64})
}

// parseModelID parses an ID, with or without a sequence.
func parseModelID(s string) (id modelID) {
	ms, seq, _ := strings.Cut(s, "-")
	id.ms, _ = strconv.ParseUint(ms, 10, 64)
	id.seq, _ = strconv.ParseUint(seq, 10, 64)
	return id
}

// modelBetween are the entries of a range.
func modelBetween(entries []modelEntry, from, to modelID) []modelEntry {
	i := slices.IndexFunc(entries, func(e modelEntry) bool { return e.id.cmp(from) >= 0 })
	if i < 0 {
		return nil
	}
	entries = entries[i:]
	if i = slices.IndexFunc(entries, func(e modelEntry) bool { return e.id.cmp(to) > 0 }); i >= 0 {
		entries = entries[:i]
	}
	return entries
}

// modelXrange serves XRANGE and XREVRANGE.
func modelXrange(m *model, c *modelClient, a []string) string {
	k, _ := m.get(c, a[1])
	low, high := a[2], a[3]
	if a[0] == "XREVRANGE" {
		low, high = high, low
	}
	from, to := parseModelID(low), parseModelID(high)
	if high == "+" {
		to = modelID{math.MaxUint64, math.MaxUint64}
	} else if !strings.Contains(high, "-") {
		to.seq = math.MaxUint64
	}
	entries := slices.Clone(modelBetween(k.stream.entries, from, to))
	if a[0] == "XREVRANGE" {
		slices.Reverse(entries)
	}
	return printEntries(entries[:min(len(entries), int(mustInt(a[5])))])
}

func modelXdel(m *model, c *modelClient, a []string) string {
	k, _ := m.get(c, a[1])
	left := slices.DeleteFunc(slices.Clone(k.stream.entries), func(e modelEntry) bool {
		return slices.Contains(a[2:], e.id.String())
	})
	return m.shorten(c, a[1], k, left)
}

func modelXtrim(m *model, c *modelClient, a []string) string {
	k, _ := m.get(c, a[1])
	return m.shorten(c, a[1], k, trimModel(k.stream.entries, a[2:]))
}

// shorten leaves some entries of a stream and tells how many are gone.
func (m *model) shorten(c *modelClient, key string, k modelKey, left []modelEntry) string {
	gone := len(k.stream.entries) - len(left)
	if gone > 0 {
		k.stream.entries = left
		m.put(c.db, key, k)
	}
	return printInt(gone)
}

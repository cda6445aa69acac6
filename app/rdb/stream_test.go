package rdb

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/listpack"
)

// slowWalk is walkNode without what makes it fast.
func slowWalk(master StreamID, b []byte) (w nodeWalk, err error) {
	_, plain, err := listpack.Check(b)
	if err != nil {
		return w, err
	}
	w = nodeWalk{b: b, p: listpack.First(b), last: master, plain: plain}
	count, deleted, fields := w.int(), w.int(), w.int()
	w.pass(fields)
	if w.int() != 0 {
		w.bad("no end of the master entry")
	}
	total := int64(0)
	for ; w.err == nil && !listpack.AtEnd(b, w.p); total++ {
		w.entry(master, fields, total == 0)
	}
	if w.err == nil && (count != int64(w.live) || deleted != total-count || total == 0) {
		w.bad("wrong counts")
	}
	return w, w.err
}

// TestWalkNode damages nodes, and compares what walkNode finds with what it would find
// without its short cut.
func TestWalkNode(t *testing.T) {
	master := StreamID{1000, 5}
	var entries []byte
	add := func(numbers ...int64) {
		for _, n := range numbers {
			entries = listpack.AppendEntryInt(entries, n)
		}
	}
	const count = 40
	add(count-2, 2, 2)
	entries = listpack.AppendEntry(listpack.AppendEntry(entries, "name"), "value")
	add(0)
	for i := range int64(count) {
		flags, fields := int64(flagSameFields), int64(2)
		if i%20 == 7 {
			flags |= flagDeleted
		}
		if i%10 == 3 {
			flags &^= flagSameFields
		}
		add(flags, i*i*3, min(i, 1)*(i%5-2))
		if flags&flagSameFields == 0 {
			add(1)
			entries = listpack.AppendEntry(entries, "other")
			fields = 1
		}
		for range fields {
			entries = listpack.AppendEntry(entries, "v")
		}
		if flags&flagSameFields == 0 {
			add(entryFixed + 1 + 2*fields)
		} else {
			add(entryFixed + fields)
		}
	}
	good := listpack.Splice(listpack.Init(make([]byte, listpack.EmptySize)), listpack.HeaderSize, listpack.HeaderSize, entries, 1)
	good[4], good[5] = 0xff, 0xff // nobody has counted
	if w, err := walkNode(master, good); err != nil || w.live != count-2 {
		t.Fatalf("%d entries, %v", w.live, err)
	}
	random, wrong := rand.New(rand.NewPCG(1, 2)), 0
	for range 20_000 {
		bad := bytes.Clone(good)
		for range 1 + random.IntN(2) {
			at := listpack.HeaderSize + random.IntN(len(bad)-listpack.HeaderSize)
			bad[at] = []byte{byte(random.Uint32()), byte(random.IntN(8)), bad[at] + 1, bad[at] - 1}[random.IntN(4)]
		}
		got, err := walkNode(master, bad)
		want, wantErr := slowWalk(master, bad)
		if got.live != want.live || got.first != want.first || got.last != want.last || got.p != want.p || (err == nil) != (wantErr == nil) ||
			err != nil && err.Error() != wantErr.Error() {
			t.Fatalf("%x: got %d entries, %v to %v, %v\nwant %d, %v to %v, %v", bad, got.live, got.first, got.last, err, want.live, want.first, want.last, wantErr)
		}
		if _, _, check := listpack.Check(bad); check == nil && err != nil {
			wrong++
		}
	}
	if wrong < 500 {
		t.Errorf("only %d nodes were wrong in what the entries say", wrong)
	}
}

package ttl

import (
	"slices"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

func TestDue(t *testing.T) {
	a := arena.NewChecked()
	defer a.Close()
	var x Index
	var refs [7]arena.Ref
	if n := x.Due(a, MaxMs, refs[:]); n != 0 {
		t.Fatalf("%d due in an empty index", n)
	}
	const entries = 5000
	for i := range entries {
		at := i * 7 % entries // each once
		x.Insert(a, int64(at), arena.Ref(at+1))
	}
	for _, row := range []struct {
		atMs int64
		want []arena.Ref
	}{
		{-1, nil},
		{0, nil},
		{1, []arena.Ref{1}},
		{3, []arena.Ref{1, 2, 3}},
		{7, []arena.Ref{1, 2, 3, 4, 5, 6, 7}},
		{entries, []arena.Ref{1, 2, 3, 4, 5, 6, 7}},
	} {
		if got := refs[:x.Due(a, row.atMs, refs[:])]; !slices.Equal(got, row.want) {
			t.Errorf("due before %d: %d, want %d", row.atMs, got, row.want)
		}
	}
	for at := int64(-1); at <= entries+1; at++ {
		if got, want := x.Before(a, at), min(max(int(at), 0), entries); got != want {
			t.Fatalf("%d entries before %d, want %d", got, at, want)
		}
	}
	// Whoever removes what is due comes across everything, in order.
	next := arena.Ref(1)
	for {
		due := refs[:x.Due(a, entries/2, refs[:])]
		if len(due) == 0 {
			break
		}
		for _, ref := range due {
			if ref != next || !x.Remove(a, int64(ref-1), ref) {
				t.Fatalf("%d is due, want %d", ref, next)
			}
			next++
		}
	}
	if next != entries/2+1 || x.Len() != entries/2 {
		t.Errorf("%d were due, %d are left", next-1, x.Len())
	}
	for !x.Free(a, 10) {
	}
}

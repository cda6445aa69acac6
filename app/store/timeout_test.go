package store

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestDeadlineSeconds(t *testing.T) {
	kv := newChecked(t)
	for _, tt := range []struct {
		arg  string
		ms   int64
		fail error
	}{
		{"0", 0, nil},
		{"1", 1000, nil},
		{"0.25", 250, nil},
		{"0.0001", 1, nil},
		{"1.0001", 1001, nil},
		{"1.001", 1001, nil},
		{"1e-400", 1, nil},
		{"0x1p-12", 1, nil},
		{"0x10", 16000, nil},
		{"+2", 2000, nil},
		{"-0", 0, nil},
		{"-0.00099", 0, nil},
		{"-0.001", 0, nil}, // a little more than -1 ms as a long double
		{"-0.1", 0, errTimeoutNegative},
		{"-1", 0, errTimeoutNegative},
		{"-1e-400", 0, nil},
		{"inf", 0, errTimeoutNegative},
		{"-inf", 0, errTimeoutNegative},
		{"1e30", 0, errTimeoutNegative},
		{"1e16", 0, errTimeoutNegative},
		{"9223372036854775", math.MaxInt64, nil},
		{"9223372036854776", 0, errTimeoutNegative},
		{"0x7FFFFFFFFFFFFF", 0, errTimeoutNegative},
		{"nan", 0, errTimeoutFloat},
		{"", 0, errTimeoutFloat},
		{" 1", 0, errTimeoutFloat},
		{"1 ", 0, errTimeoutFloat},
		{"1e5000", 0, errTimeoutFloat},
		{"soon", 0, errTimeoutFloat},
	} {
		t.Run(tt.arg, func(t *testing.T) {
			want := tt.ms
			if want > 0 && want < math.MaxInt64 {
				want = kv.clockNs + want*int64(time.Millisecond)
			}
			got, err := kv.deadlineSeconds(tt.arg)
			if got != want || err != tt.fail {
				t.Errorf("%d ms, %v", (got-kv.clockNs)/int64(time.Millisecond), err)
			}
		})
	}
}

func TestDeadlineMs(t *testing.T) {
	kv := newChecked(t)
	for _, tt := range []struct {
		arg  string
		want int64
		fail error
	}{
		{"0", 0, nil},
		{"1", kv.clockNs + 1e6, nil},
		{"9223372036854775807", math.MaxInt64, nil},
		{"-1", 0, errTimeoutNegative},
		{"1.5", 0, errTimeoutInt},
	} {
		if got, err := kv.deadlineMs(tt.arg); got != tt.want || err != tt.fail {
			t.Errorf("%s: %d, %v", tt.arg, got, err)
		}
	}
}

// TestDeadlines compares the heap with a plain search.
func TestDeadlines(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var heap deadlines
	in := make(map[*waiter]bool)
	for step := range 20_000 {
		switch {
		case len(in) == 0 || rng.IntN(5) < 2+step/10_000%2:
			w := &waiter{wait: wait{deadlineNs: 1 + rng.Int64N(100)}, order: uint64(step)}
			heap.add(w)
			in[w] = true
		case rng.IntN(2) == 0:
			w := heap[rng.IntN(len(heap))]
			heap.remove(w)
			delete(in, w)
		default:
			first := heap[0]
			for w := range in {
				if w.deadlineNs < first.deadlineNs || w.deadlineNs == first.deadlineNs && w.order < first.order {
					t.Fatalf("%d/%d comes before the first, %d/%d", w.deadlineNs, w.order, first.deadlineNs, first.order)
				}
			}
			heap.remove(first)
			delete(in, first)
		}
		if len(heap) != len(in) {
			t.Fatalf("%d of %d are left", len(heap), len(in))
		}
	}
}

package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
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

// TestTimeOutExactly has blocked clients time out to the nanosecond of the
// bubble's clock.
func TestTimeOutExactly(t *testing.T) {
	for _, tt := range []struct {
		command string
		after   time.Duration
		want    string
	}{
		{"BLPOP q 5", 5 * time.Second, "nil"},
		{"BRPOP q p 0.001", time.Millisecond, "nil"},
		{"BLMOVE q p LEFT RIGHT 0.0171", 18 * time.Millisecond, "nil"},
		{"BRPOPLPUSH q p 86400", 24 * time.Hour, "nil"},
	} {
		t.Run(tt.command, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kv := configured(t)
				defer kv.Close()
				c := connectPipe(t, kv)
				c.expect("PING", "PONG")
				<-time.After(123456789) // cron is not in step
				started := time.Now()
				c.expect(tt.command, tt.want)
				if took := time.Since(started); took != tt.after {
					t.Errorf("took %v", took)
				}
				c.expect("PING", "PONG")
			})
		})
	}
}

// TestTimeOutInOrder blocks many clients, serves some, and has the others time
// out each at its moment, with cron's tick paused and within CLIENT PAUSE as well.
func TestTimeOutInOrder(t *testing.T) {
	for _, before := range []string{"PING", "DEBUG PAUSE-CRON 1", "CLIENT PAUSE 100000 WRITE"} {
		t.Run(before, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kv := configured(t, "--enable-debug-command", "yes")
				defer kv.Close()
				started := time.Now()
				ended := make(chan struct{})
				const clients = 50
				for i := range clients {
					c := connectPipe(t, kv)
					wait := time.Duration((i*37)%clients+1) * 10 * time.Millisecond
					c.send(fmt.Sprintf("BLPOP q%d %f", i%7, wait.Seconds()))
					go func() {
						c.read("nil")
						if took := time.Since(started); took != wait {
							t.Errorf("%v instead of %v", took, wait)
						}
						ended <- struct{}{}
					}()
				}
				synctest.Wait()
				c := connectPipe(t, kv)
				c.send(before)
				for range clients {
					<-ended
				}
			})
		})
	}
}

// TestTimeOutAndServed serves a client before its time is up, which then does
// not time out, and others later.
func TestTimeOutAndServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := configured(t)
		defer kv.Close()
		a, b, pusher := connectPipe(t, kv), connectPipe(t, kv), connectPipe(t, kv)
		a.send("BLPOP q 1")
		synctest.Wait()
		b.send("BLPOP q 2")
		<-time.After(999 * time.Millisecond)
		pusher.expect("RPUSH q x", "1")
		a.read(`["q" "x"]`)
		a.send("BLPOP q 5")
		<-time.After(time.Millisecond)
		pusher.expect("RPUSH q y", "1")
		b.read(`["q" "y"]`)
		started := time.Now()
		a.read("nil")
		if took := time.Since(started); took != 4999*time.Millisecond {
			t.Errorf("the second wait ended after %v", took)
		}
		pusher.expect("RPUSH q z", "1")
		pusher.expect("LLEN q", "1")
	})
}

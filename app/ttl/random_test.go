package ttl

import (
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// TestRandom counts how often each entry comes, in trees of several heights.
func TestRandom(t *testing.T) {
	for _, n := range []int{0, 1, 50, 1000, 4000} {
		m := newModel(t)
		for i := range n {
			m.x.Insert(m.a, int64(i*7919%n), arena.Ref(i+1))
		}
		const draws = 200
		seen := make(map[arena.Ref]int)
		for range draws * n {
			seen[m.x.Random(m.a)]++
		}
		for i := range n {
			if times := seen[arena.Ref(i+1)]; times < draws/2 || times > 2*draws {
				t.Errorf("entry %d of %d came %d times, not about %d", i+1, n, times, draws)
			}
		}
		if ref := m.x.Random(m.a); (ref == 0) != (n == 0) {
			t.Errorf("Random gave %d of %d", ref, n)
		}
		m.x = Index{}
	}
}

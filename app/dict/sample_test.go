package dict

import (
	"fmt"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// TestSample counts how often each element comes, in tables of several sizes, and
// that none comes twice in one sample. The chain of a bucket that has just been
// split may be shorter than a sample, which then has its elements less often.
func TestSample(t *testing.T) {
	for _, n := range []int{0, 1, 3, 9, 40, 1500} {
		m := newModel(t, 0, false)
		for i := range n {
			m.insert(fmt.Sprintf("key:%d", i))
		}
		var refs [5]arena.Ref
		want := min(n, len(refs))
		seen := make(map[arena.Ref]int)
		for range 200 * n {
			got := refs[:m.d.Sample(m.typ, refs[:])]
			if len(got) != want {
				t.Fatalf("%d elements of %d, not %d", len(got), n, want)
			}
			for i, ref := range got {
				seen[ref]++
				for _, other := range got[:i] {
					if ref == other {
						t.Fatalf("an element of %d came twice", n)
					}
				}
			}
		}
		for key, ref := range m.refs {
			if times := seen[ref]; times < 20*want || times > 500*want {
				t.Errorf("%s of %d came %d times, others %d", key, n, times, 200*want)
			}
			if !m.d.Has(m.typ, m.typ.Hash(key), ref) || m.d.Has(m.typ, m.typ.Hash(key), ref+1) {
				t.Errorf("%s: Has does not know", key)
			}
		}
	}
}

package arena

import (
	"math/rand/v2"
	"testing"
)

// TestUsageKeepsItsOrder holds the figures against each other under random use.
func TestUsageKeepsItsOrder(t *testing.T) {
	a := New()
	defer a.Close()
	random := rand.New(rand.NewPCG(7, 7))
	sizes := []int{16, 100, 1000, 9000, 30000, 100_000, 3 << 20}
	var refs []Ref
	for i := range 20000 {
		if n := len(refs); n > 0 && random.IntN(100) < 45+10*(i/5000%2) {
			k := random.IntN(n)
			a.Free(refs[k])
			refs[k], refs = refs[n-1], refs[:n-1]
		} else {
			refs = append(refs, a.Alloc(sizes[min(random.IntN(len(sizes)), random.IntN(len(sizes)))]))
		}
		if random.IntN(50) == 0 {
			a.Reclaim(random.IntN(1 << 20))
		}
		u := a.Usage()
		if u.Used != a.Used() || u.Mapped != a.Mapped() || u.Used > u.Active || u.Active > u.Resident || u.Resident > u.Mapped {
			t.Fatalf("step %d: %+v", i, u)
		}
		if u.Dirty > u.FreeRuns || u.Emptied*chunkRuns > u.FreeRuns || u.Emptied > u.Chunks {
			t.Fatalf("step %d: %+v", i, u)
		}
	}
	for _, r := range refs {
		a.Free(r)
	}
	for a.Purge(1 << 20) {
	}
	mustCheck(t, a)
	if u := a.Usage(); u.Used != 0 || u.Chunks != 0 || u.Large != 0 || u.Spare != 0 || u.FreeRuns != 0 || u.Dirty != 0 ||
		u.Mapped > 2*headerSlabBytes || u.Active > headerSlabBytes {
		t.Errorf("after Purge: %+v", u)
	}
}

// TestUsageIsWhatTheSystemSees compares with the process's resident memory, which
// has this test's own memory in it as well.
func TestUsageIsWhatTheSystemSees(t *testing.T) {
	if !pagewise {
		t.Skip("freed runs keep their pages here")
	}
	a := New()
	defer a.Close()
	const count, size = 1000, 60000
	refs := make([]Ref, count)
	before := residentBytes(t)
	for i := range refs {
		refs[i] = a.Alloc(size)
		touch(a, refs[i])
	}
	check := func(when string, most int64) {
		t.Helper()
		u, seen := a.Usage(), residentBytes(t)-before
		const slack = 8 << 20
		if seen > u.Resident+slack || seen < u.Resident-slack || u.Resident > most {
			t.Errorf("%s: %d bytes resident, %+v", when, seen, u)
		}
	}
	check("full", count*runBytes+slackBytes)
	for _, r := range refs {
		a.Free(r)
	}
	check("freed", count*runBytes+slackBytes)
	for a.Purge(1 << 20) {
	}
	check("purged", slackBytes)
}

// slackBytes is what metadata may take.
const slackBytes = 1 << 20

package ttl

import "github.com/codecrafters-io/redis-starter-go/app/arena"

// Due fills refs with the references of the earliest entries, in order, those
// before atMs only, and returns how many there are. It may return fewer than
// there are, but never none when there are some.
func (x *Index) Due(a *arena.Arena, atMs int64, refs []arena.Ref) int {
	if x.root == 0 {
		return 0
	}
	at := x.root
	for range x.height {
		at = node{a.Ptr(at)}.child(0)
	}
	n := node{a.Ptr(at)}
	most := min(n.count(), len(refs))
	for i := range most {
		e := n.entry(i)
		if int64(e.atMs()) >= atMs {
			return i
		}
		refs[i] = e.ref()
	}
	return most
}

// Before returns the number of entries before atMs. It looks at each leaf that
// has such entries.
func (x *Index) Before(a *arena.Arena, atMs int64) int {
	if x.root == 0 {
		return 0
	}
	return before(a, x.root, x.height, newEntry(atMs, 0))
}

// before returns the number of entries below a node that are less than the bound.
func before(a *arena.Arena, at arena.Ref, level uint8, bound entry) int {
	n := node{a.Ptr(at)}
	if level == 0 {
		return n.search(bound)
	}
	sum := 0
	for i := range n.childFor(bound) + 1 {
		sum += before(a, n.child(i), level-1, bound)
	}
	return sum
}

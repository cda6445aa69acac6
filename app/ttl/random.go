package ttl

import (
	"math/rand/v2"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// triesMax bounds how often Random begins anew. Nodes are half full or so, and
// there are few levels, so it takes a handful.
const triesMax = 100

// Random returns the reference of an entry, each with the same probability; 0
// when there are none.
//
// On the way down from the root it imagines every node full, and begins anew
// when it has chosen an entry or a child that is not there: otherwise those in
// nodes with few others would come too often. After very many such attempts it
// takes what is there.
func (x *Index) Random(a *arena.Arena) arena.Ref {
	if x.length == 0 {
		return 0
	}
	for try := 0; ; try++ {
		if ref := x.pick(a, try >= triesMax); ref != 0 {
			return ref
		}
	}
}

// pick makes one attempt; any says that it is not to fail.
func (x *Index) pick(a *arena.Arena, any bool) arena.Ref {
	at := x.root
	for level := range int(x.height) {
		n := node{a.Ptr(at)}
		places := innerMax
		if any || level == 0 {
			places = n.count()
		}
		i := rand.IntN(places)
		if i >= n.count() {
			return 0
		}
		at = n.child(i)
	}
	n := node{a.Ptr(at)}
	places := leafMax
	if any || x.height == 0 {
		places = n.count()
	}
	i := rand.IntN(places)
	if i >= n.count() {
		return 0
	}
	return n.entry(i).ref()
}

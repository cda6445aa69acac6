package dict

import "github.com/codecrafters-io/redis-starter-go/app/arena"

// Buckets by their number, for who goes over a table while it is in use. The
// numbers hold as long as the table does not resize: see PauseResize.

// Home returns the number of the bucket that the record of a hash belongs to. The
// table must have buckets.
func (d *Dict) Home(hash uint64) int { return int(d.home(hash)) }

// VisitBucket visits the elements of a bucket. The table must not change
// meanwhile.
func (d *Dict) VisitBucket(t *Type, i int, visit func(arena.Ref)) {
	d.visit(t.Arena, d.bucket(t.Arena, uint64(i)), visit)
}

package dict

import (
	"iter"
	"math"
	"math/bits"
	"math/rand/v2"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// Ways through a table other than by key: loading ahead, SCAN, picking at
// random, all elements, and taking the table down.

// touchBatch is how many hashes Touch handles at a time.
const touchBatch = 64

// Touch loads what Find will need for each of the hashes, so that the cache
// misses of a batch of commands overlap: the bucket first, then the record
// that probably has the key. It changes nothing and finds nothing.
func (d *Dict) Touch(t *Type, hashes []uint64) {
	if d.elements == 0 {
		return
	}
	for len(hashes) > 0 {
		n := min(len(hashes), touchBatch)
		d.touch(t, hashes[:n])
		hashes = hashes[n:]
	}
}

// touch works in passes, each of which loads what the one before has computed:
// a processor overlaps misses only as far as it sees ahead, and a branch on a
// line that is still under way ends that.
func (d *Dict) touch(t *Type, hashes []uint64) {
	var homes [touchBatch]unsafe.Pointer
	var refs [touchBatch]arena.Ref // records, then overflow blocks
	var late [touchBatch]uint8     // hashes without a match in a bucket that is linked
	a := t.Arena
	var sum uint8
	for i, h := range hashes {
		homes[i] = d.bucket(a, d.home(h)).base
		sum += *(*uint8)(homes[i])
	}
	records, blocks := 0, 0
	for i, h := range hashes {
		b := block{homes[i], bucketBytes}
		if m := b.match(tagPattern(h)); m != 0 {
			refs[records] = b.ref(slotOf(m))
			records++
		} else if b.linked() {
			late[blocks] = uint8(i)
			blocks++
		}
	}
	for i, l := range late[:blocks] {
		refs[records+i] = block{homes[l], bucketBytes}.ref(linkSlot)
	}
	sum += loadAll(a, refs[:records+blocks])

	early := records
	for _, l := range late[:blocks] {
		b := block{homes[l], bucketBytes}.next(a)
		if m := b.match(tagPattern(hashes[l])); m != 0 {
			refs[records] = b.ref(slotOf(m))
			records++
		}
	}
	sum += loadAll(a, refs[early:records])
	keep(sum + t.loadKeys(refs[:records]))
}

// loadKeys reads the last byte of the key of each record, which may lie in
// another cache line than the first. In a long key it is a byte further ahead:
// the first byte of a uvarint is never more than its value.
func (t *Type) loadKeys(records []arena.Ref) (sum uint8) {
	for _, r := range records {
		p := t.keyLength(r)
		sum += *(*uint8)(unsafe.Add(p, *(*uint8)(p)))
	}
	return sum
}

// loadAll reads a byte of every block and returns the sum.
func loadAll(a *arena.Arena, refs []arena.Ref) (sum uint8) {
	for _, r := range refs {
		sum += *(*uint8)(a.Ptr(r))
	}
	return sum
}

// keep makes the compiler believe that the loads behind x are needed.
//
//go:noinline
func keep(x uint8) {}

// Scan visits the elements of one home bucket and returns the cursor for the
// next call, 0 at the end. The first cursor is 0. What is in the table from
// the first call to the last is visited at least once, however much the table
// grows and shrinks between the calls; during a call it must not change.
//
// A cursor is a place among all hashes in the order of their reversed bits:
// what lies before it has been visited. In that order each bucket, split yet
// or not, holds one interval, and splitting and merging only move borders
// between neighbours. So the call visits the bucket around the cursor and
// returns its end. Any number is a valid cursor.
func (d *Dict) Scan(t *Type, cursor uint64, visit func(arena.Ref)) (next uint64) {
	if d.buckets == 0 {
		return 0
	}
	half := uint64(1) << d.level
	mask := half - 1
	if cursor&mask < d.buckets-half { // that one has been split
		mask = 2*half - 1
	}
	d.visit(t.Arena, d.bucket(t.Arena, cursor&mask), visit)
	return bits.Reverse64(bits.Reverse64(cursor|^mask) + 1)
}

// visit calls a function for each reference of the chain that begins with b.
func (d *Dict) visit(a *arena.Arena, b block, visit func(arena.Ref)) {
	for ; b.linked(); b = b.next(a) {
		for i := range linkSlot {
			visit(b.ref(i))
		}
	}
	for i := range b.used() {
		visit(b.ref(i))
	}
}

// Random returns an element, each with the same probability, or 0 when there
// is none.
func (d *Dict) Random(t *Type) arena.Ref {
	if d.elements == 0 {
		return 0
	}
	bucket, at := d.randomPlace(t.Arena)
	return chainAt(t.Arena, d.bucket(t.Arena, bucket), at)
}

// randomPlace picks an element of a table that has some, by its bucket and its
// place in the chain.
//
// Imagine every chain as long as the longest: pick one of all those places
// until there is an element. In a table with few elements for its buckets that
// would take long, and one of the elements is picked by its number instead.
func (d *Dict) randomPlace(a *arena.Arena) (bucket uint64, at int) {
	places := uint64(d.longest)
	if d.elements < 8*places || places == math.MaxUint16 {
		return d.nth(a, rand.Uint64N(d.elements))
	}
	for {
		x := rand.Uint64N(d.buckets * places)
		if at = int(x % places); chainAt(a, d.bucket(a, x/places), at) != 0 {
			return x / places, at
		}
	}
}

// Sample fills refs with different elements, as far as there are so many, and
// returns their number. Each element is as likely as any other to be among them,
// as long as refs is no longer than the chains: one is picked, and those
// behind it in its chain, which begins again at its end, come with it. Neighbours
// in a chain have nothing in common but bits of their hashes, and to find them
// costs no cache miss. A chain that is too short is followed by the next, and its
// elements come less often.
func (d *Dict) Sample(t *Type, refs []arena.Ref) (n int) {
	want := min(len(refs), int(d.elements))
	if want == 0 {
		return 0
	}
	a := t.Arena
	bucket, at := d.randomPlace(a)
	for n < want {
		b := d.bucket(a, bucket)
		length := chainLen(a, b)
		for i := range min(length, want-n) {
			refs[n] = chainAt(a, b, (at+i)%length)
			n++
		}
		if bucket++; bucket == d.buckets {
			bucket = 0
		}
	}
	return n
}

// Has reports whether the table has this record under this hash, without looking
// at the record, which may be gone.
func (d *Dict) Has(t *Type, hash uint64, r arena.Ref) bool {
	_, _, slot := d.search(t.Arena, hash, r)
	return slot >= 0
}

// nth is the place of the element that has n others before it in the order of
// buckets.
func (d *Dict) nth(a *arena.Arena, n uint64) (bucket uint64, at int) {
	for ; ; bucket++ {
		length := uint64(chainLen(a, d.bucket(a, bucket)))
		if n < length {
			return bucket, int(n)
		}
		n -= length
	}
}

// chainLen returns the number of elements of the chain that begins with b.
func chainLen(a *arena.Arena, b block) int {
	n := 0
	for ; b.linked(); b = b.next(a) {
		n += linkSlot
	}
	return n + b.used()
}

// chainAt returns element i of the chain that begins with b, or 0.
func chainAt(a *arena.Arena, b block, i int) arena.Ref {
	for ; i >= linkSlot && b.linked(); i -= linkSlot {
		b = b.next(a)
	}
	if i >= b.used() {
		return 0
	}
	return b.ref(i)
}

// All returns the elements. The table must not change during the iteration.
func (d *Dict) All(t *Type) iter.Seq[arena.Ref] {
	return func(yield func(arena.Ref) bool) {
		for i := range d.buckets {
			b := d.bucket(t.Arena, i)
			for ; b.linked(); b = b.next(t.Arena) {
				for slot := range linkSlot {
					if !yield(b.ref(slot)) {
						return
					}
				}
			}
			for slot := range b.used() {
				if !yield(b.ref(slot)) {
					return
				}
			}
		}
	}
}

// Drain empties up to so many buckets, hands each of their records to visit,
// which frees it, and reports whether the table is empty. Then it has given
// all its memory back and is the zero value, no longer paused. Until then the
// table holds what has not been visited and may be used as before.
func (d *Dict) Drain(t *Type, buckets int, visit func(arena.Ref)) (done bool) {
	a := t.Arena
	var buffer [chainBuffer]entry
	for ; buckets > 0 && d.elements > 0; buckets-- {
		b := d.bucket(a, d.buckets-1)
		entries := appendChain(buffer[:0], a, b)
		d.emptyChain(a, b)
		d.elements -= uint64(len(entries))
		if d.buckets > 1 {
			d.dropBucket(a)
		}
		t.load(entries)
		for _, e := range entries {
			visit(e.ref())
		}
	}
	if d.elements > 0 {
		d.fresh = d.longest // buckets have gone without their chains being merged
		return false
	}
	d.release(a)
	return true
}

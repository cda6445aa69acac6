package dict

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// Growing and shrinking.
//
// Home buckets are numbered from 0 and lie in segments of 64 KiB. A table with
// one segment has it as its root. Others have a directory there: an array of
// segment references, 8 bytes each, whose capacity is the next power of two,
// so that it is copied rarely (8 KiB at 10 million elements, 1 MiB at a
// billion). While a table is small its last segment is just as big as the
// buckets in it need. All these sizes follow from the number of buckets: none
// is stored.

const (
	segmentShift   = 10
	segmentBuckets = 1 << segmentShift
	segmentBytes   = segmentBuckets * bucketBytes

	// Segments that grow bucket by bucket, through the arena's size classes.
	// Later ones are whole from the start: then that is less than 1/64 of the
	// table, and there is no copying in a table that is not small.
	fittedSegments = 64

	// A chain up to this long is split or merged without the Go heap. Longer
	// ones come only from pauses.
	chainBuffer = 64
)

// bucket returns home bucket i.
func (d *Dict) bucket(a *arena.Arena, i uint64) block {
	segment := d.root
	if d.buckets > segmentBuckets {
		segment = segmentAt(a.Ptr(d.root), i>>segmentShift)
		i &= segmentBuckets - 1
	}
	return block{unsafe.Add(a.Ptr(segment), i*bucketBytes), bucketBytes}
}

func segmentAt(directory unsafe.Pointer, i uint64) arena.Ref {
	return arena.Ref(binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(directory, i*8))[:]))
}

func setSegment(directory unsafe.Pointer, i uint64, r arena.Ref) {
	binary.LittleEndian.PutUint64((*[8]byte)(unsafe.Add(directory, i*8))[:], uint64(r))
}

// directoryBytes is the size of the directory of so many segments.
func directoryBytes(segments uint64) int { return 8 << bits.Len64(segments-1) }

func (d *Dict) overloaded() bool { return 2*d.elements > growLoadHalves*d.buckets }

func (d *Dict) underloaded() bool { return d.elements < shrinkLoad*d.buckets && d.buckets > 1 }

// PauseResize keeps Insert and Remove from splitting and merging buckets until
// ResumeResize is called as often. Chains grow meanwhile, and operations get
// slower as they do: do not let a small table become a big one during a pause.
func (d *Dict) PauseResize() { d.pauses++ }

// ResumeResize ends a pause. Later calls of Insert, Remove and CatchUp do what
// was left undone, a few buckets each.
func (d *Dict) ResumeResize() {
	if d.pauses == 0 {
		panic("dict: ResumeResize without PauseResize")
	}
	d.pauses--
}

// CatchUp splits or merges up to so many buckets, if the table has too few or
// too many for its elements, and reports whether it has the right number now
// or is paused.
func (d *Dict) CatchUp(t *Type, buckets int) (done bool) {
	if d.pauses > 0 {
		return true
	}
	for range buckets {
		switch {
		case d.overloaded():
			d.split(t)
		case d.underloaded():
			d.merge(t.Arena)
		default:
			return true
		}
	}
	return !d.overloaded() && !d.underloaded()
}

// Expand gives an empty table the buckets it needs for n elements, so that
// inserting them splits none. It does nothing to a table that has elements.
func (d *Dict) Expand(t *Type, n int) {
	if d.elements > 0 || d.pauses > 0 || n <= 0 {
		return
	}
	for want := (2*uint64(n) + growLoadHalves - 1) / growLoadHalves; d.buckets < want; {
		d.addBucket(t.Arena).clear()
	}
}

// split adds a bucket and moves there what now belongs to it, about half of
// the elements of one other bucket.
func (d *Dict) split(t *Type) {
	a := t.Arena
	n := d.buckets
	bit := uint64(1) << d.level
	target := d.addBucket(a)
	target.clear()
	source := d.bucket(a, n-bit)

	var buffer [chainBuffer]entry
	entries := appendChain(buffer[:0], a, source)
	d.emptyChain(a, source)
	t.load(entries)
	stay, end := 0, len(entries)
	for stay < end {
		if t.Hash(t.Key(entries[stay].ref()))&bit == 0 {
			stay++
			continue
		}
		end--
		entries[stay], entries[end] = entries[end], entries[stay]
	}
	d.fill(a, source, entries[:stay])
	d.fill(a, target, entries[stay:])
	d.swept()
}

// merge takes the last bucket away after moving its elements to the bucket
// from which it was split.
func (d *Dict) merge(a *arena.Arena) {
	last := d.buckets - 1
	source := d.bucket(a, last)
	target := d.bucket(a, last&^(1<<(bits.Len64(last)-1)))

	var buffer [chainBuffer]entry
	entries := appendChain(buffer[:0], a, target)
	entries = appendChain(entries, a, source)
	d.emptyChain(a, source)
	d.emptyChain(a, target)
	d.fill(a, target, entries)
	d.dropBucket(a)
	d.swept()
}

// load reads a byte of every record, so that the cache misses overlap.
func (t *Type) load(entries []entry) {
	var sum uint8
	for _, e := range entries {
		sum += *(*uint8)(t.Arena.Ptr(e.ref()))
	}
	keep(sum)
}

// addBucket appends a home bucket of undefined content and returns it.
func (d *Dict) addBucket(a *arena.Arena) block {
	n := d.buckets
	i, used := n>>segmentShift, n%segmentBuckets
	if used == 0 {
		d.addSegment(a, i)
	} else {
		d.fitSegment(a, i, used, used+1)
	}
	d.setBuckets(n + 1)
	return d.bucket(a, n)
}

// dropBucket gives up the last of several home buckets, which is empty.
func (d *Dict) dropBucket(a *arena.Arena) {
	n := d.buckets - 1
	i, used := n>>segmentShift, n%segmentBuckets
	if used == 0 {
		d.dropSegment(a, i)
	} else {
		d.fitSegment(a, i, used+1, used)
	}
	d.setBuckets(n)
}

func (d *Dict) setBuckets(n uint64) {
	d.buckets = n
	d.level = uint8(bits.Len64(n) - 1)
}

// segmentSize is the size of segment i when its first used buckets exist.
func segmentSize(i, used uint64) int {
	if i >= fittedSegments {
		return segmentBytes
	}
	return int(used) * bucketBytes
}

// fitSegment makes the last segment, number i, fit another number of buckets.
func (d *Dict) fitSegment(a *arena.Arena, i, from, to uint64) {
	if i >= fittedSegments {
		return
	}
	if i == 0 {
		d.root = a.Resize(d.root, segmentSize(i, from), segmentSize(i, to))
		return
	}
	directory := a.Ptr(d.root)
	setSegment(directory, i, a.Resize(segmentAt(directory, i), segmentSize(i, from), segmentSize(i, to)))
}

// addSegment appends segment number i with room for a bucket.
func (d *Dict) addSegment(a *arena.Arena, i uint64) {
	segment := a.Alloc(segmentSize(i, 1))
	switch i {
	case 0:
		d.root = segment
		return
	case 1:
		first := d.root
		d.root = a.Alloc(directoryBytes(2))
		setSegment(a.Ptr(d.root), 0, first)
	default:
		d.root = a.Resize(d.root, directoryBytes(i), directoryBytes(i+1))
	}
	setSegment(a.Ptr(d.root), i, segment)
}

// dropSegment frees segment number i, the last, i > 0.
func (d *Dict) dropSegment(a *arena.Arena, i uint64) {
	a.Free(segmentAt(a.Ptr(d.root), i))
	if i == 1 {
		first := segmentAt(a.Ptr(d.root), 0)
		a.Free(d.root)
		d.root = first
		return
	}
	d.root = a.Resize(d.root, directoryBytes(i), directoryBytes(i))
}

// release frees the memory of a table without elements and makes it the zero
// value.
func (d *Dict) release(a *arena.Arena) {
	if d.buckets > segmentBuckets {
		directory := a.Ptr(d.root)
		for i := range segments(d.buckets) {
			a.Free(segmentAt(directory, i))
		}
	}
	if d.root != 0 {
		a.Free(d.root)
	}
	*d = Dict{}
}

// segments is the number of segments for so many buckets.
func segments(buckets uint64) uint64 { return (buckets + segmentBuckets - 1) >> segmentShift }

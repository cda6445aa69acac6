package dict

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// Blocks. A home bucket and its overflow blocks have one layout:
//
//	byte 0        10      14                                size
//	     ┌─────────┬───────┬──────┬─ … ─┬──────┬──────┬──────┐
//	     │ tags    │ spare │ ref 9│     │ ref 2│ ref 1│ ref 0│
//	     └─────────┴───────┴──────┴─ … ─┴──────┴──────┴──────┘
//
// An overflow block is as small as its content allows, in steps of 8 bytes,
// 6 bytes a slot; then it has fewer tags, and no spare bytes or others. The
// spare bytes of home buckets are kept for a snapshot's epoch mark: they are 0
// in a new bucket, and only the bucket's owner changes them.
//
// A tag is 0 in a free slot and has its top bit set in a used one. A bucket of
// 64 bytes whose elements do not fit keeps nine of them and a link in slot 9:
// its reference is the next block and its tag that block's size in units of 8.
//
// The shape of a chain follows from the number of its elements alone: while
// there are more than ten, a bucket takes nine and a link; the rest, two to
// ten, have the smallest block that holds them. Slots are filled from 0.

const (
	bucketBytes = 64
	bucketSlots = 10
	linkSlot    = bucketSlots - 1
	tagBytes    = 10
	refBytes    = 5
	unitBytes   = 8

	everyLow  = 0x0101010101010101 // the lowest bit of every byte
	everyHigh = 0x8080808080808080 // the highest
)

// A block is a bucket or an overflow block.
type block struct {
	base unsafe.Pointer
	size uintptr
}

// blockSlots is the number of slots of a block, by its size in units.
var blockSlots = [bucketBytes/unitBytes + 1]uint8{2: 2, 3: 4, 4: 5, 5: 6, 6: 8, 7: 9, 8: 10}

// slotMasks has the bits of a match that are slots, by the block's size in units.
var slotMasks = [bucketBytes/unitBytes + 1]uint64{
	2: 0x0000000000000101,
	3: 0x0000000001010101,
	4: 0x0000000101010101,
	5: 0x0000010101010101,
	6: 0x0101010101010101,
	7: 0x0101010101010103,
	8: 0x0101010101010303,
}

// blockUnits is the size in units of the smallest block with n slots.
func blockUnits(n int) uintptr { return uintptr(n*(1+refBytes)+unitBytes-1) / unitBytes }

// An entry is what a slot holds: a tag in the top byte, a reference below.
type entry uint64

func newEntry(hash uint64, r arena.Ref) entry { return entry(tagOf(hash))<<56 | entry(r) }

func (e entry) tag() uint8     { return uint8(e >> 56) }
func (e entry) ref() arena.Ref { return arena.Ref(e & (1<<40 - 1)) }

func tagOf(hash uint64) uint8 { return uint8(hash>>57) | 0x80 }

// tagPattern is the tag of a hash in every byte.
func tagPattern(hash uint64) uint64 { return (hash>>57 | 0x80) * everyLow }

// words returns the tags of slots 0 to 7 and of slots 8 and 9.
func (b block) words() (x, y uint64) {
	x = binary.LittleEndian.Uint64((*[8]byte)(b.base)[:])
	y = uint64(binary.LittleEndian.Uint16((*[2]byte)(unsafe.Add(b.base, 8))[:]))
	return x, y
}

// gather brings the top bits of the tags in x and y together: slot i at bit 8i,
// slots 8 and 9 at bits 1 and 9. Bits that are no slots of b are cleared.
func (b block) gather(x, y uint64) uint64 {
	return (x&everyHigh>>7 | y&0x8080>>6) & slotMasks[b.size/unitBytes&15]
}

// slotOf returns the slot of the lowest bit of a match.
func slotOf(m uint64) int {
	i := bits.TrailingZeros64(m)
	return i>>3 + i&1<<3
}

// match returns a bit, as gather does, for each slot whose tag is probably the
// one in the pattern, and for no free slot and no link. The subtraction finds
// the bytes that are zero; a borrow out of one may add a false one above it.
func (b block) match(pattern uint64) uint64 {
	x, y := b.words()
	x ^= pattern
	y ^= pattern
	return b.gather((x-everyLow)&^x, (y-everyLow)&^y)
}

// used returns the number of elements in the block.
func (b block) used() int {
	return bits.OnesCount64(b.gather(b.words()))
}

// slots returns the number of slots of the block.
func (b block) slots() int { return int(blockSlots[b.size/unitBytes&15]) }

func (b block) tag(slot int) uint8 { return *(*uint8)(unsafe.Add(b.base, slot)) }

// ref reads eight bytes that end with the slot's five, all within the block.
func (b block) ref(slot int) arena.Ref {
	p := unsafe.Add(b.base, int(b.size)-8-refBytes*slot)
	return arena.Ref(binary.LittleEndian.Uint64((*[8]byte)(p)[:]) >> 24)
}

func (b block) entry(slot int) entry {
	return entry(b.tag(slot))<<56 | entry(b.ref(slot))
}

func (b block) set(slot int, e entry) {
	*(*uint8)(unsafe.Add(b.base, slot)) = e.tag()
	p := (*[refBytes]byte)(unsafe.Add(b.base, int(b.size)-refBytes*(slot+1)))
	binary.LittleEndian.PutUint32(p[:4], uint32(e))
	p[4] = uint8(e >> 32)
}

// free empties a slot.
func (b block) free(slot int) { *(*uint8)(unsafe.Add(b.base, slot)) = 0 }

// empty frees all slots of a block, whose references may be undefined.
func (b block) empty() { clear(unsafe.Slice((*byte)(b.base), tagBytes)) }

// clear makes a home bucket of undefined bytes an empty one.
func (b block) clear() { clear(unsafe.Slice((*byte)(b.base), bucketBytes)) }

// linked reports whether another block follows.
func (b block) linked() bool {
	return b.size == bucketBytes && b.tag(linkSlot)-1 < 0x7f
}

// next returns the block that follows a linked one.
func (b block) next(a *arena.Arena) block {
	return block{a.Ptr(b.ref(linkSlot)), uintptr(b.tag(linkSlot)) * unitBytes}
}

// link puts a new, empty block with room for n elements behind b, in slot 9.
func (d *Dict) link(a *arena.Arena, b block, n int) block {
	units := blockUnits(n)
	size := units * unitBytes
	r := a.Alloc(int(size))
	d.overflow += uint64(arena.RoundUp(int(size)))
	b.set(linkSlot, entry(units)<<56|entry(r))
	next := block{a.Ptr(r), size}
	next.empty()
	return next
}

// unlink frees the block with the reference and size.
func (d *Dict) unlink(a *arena.Arena, r arena.Ref, size uintptr) {
	a.Free(r)
	d.overflow -= uint64(arena.RoundUp(int(size)))
}

// put adds an entry to the chain that begins with b.
func (d *Dict) put(a *arena.Arena, b block, e entry) {
	var before block
	n := 0
	for b.linked() {
		before, b = b, b.next(a)
		n += linkSlot
	}
	used := b.used()
	d.note(n + used + 1)
	switch {
	case used < b.slots():
		b.set(used, e)
	case b.size == bucketBytes:
		displaced := b.entry(linkSlot)
		next := d.link(a, b, 2)
		next.set(0, displaced)
		next.set(1, e)
	default:
		d.refit(a, before, b, used, used+1).set(used, e)
	}
}

// refit moves the first used entries of the overflow block b, which follows
// before, to a new block with room for n.
func (d *Dict) refit(a *arena.Arena, before, b block, used, n int) block {
	old := before.ref(linkSlot)
	fitting := d.link(a, before, n)
	for i := range used {
		fitting.set(i, b.entry(i))
	}
	d.unlink(a, old, b.size)
	return fitting
}

// seek finds a reference in the chain of its hash: the block, the slot, and
// the block before, if any. It panics when the reference is not there.
func (d *Dict) seek(a *arena.Arena, hash uint64, r arena.Ref) (before, b block, slot int) {
	before, b, slot = d.search(a, hash, r)
	if slot < 0 {
		panic("dict: no such record in the table")
	}
	return before, b, slot
}

// search is seek for a reference that may not be there: then slot is negative.
func (d *Dict) search(a *arena.Arena, hash uint64, r arena.Ref) (before, b block, slot int) {
	if d.buckets == 0 {
		return before, b, -1
	}
	b = d.bucket(a, d.home(hash))
	pattern := tagPattern(hash)
	for {
		for m := b.match(pattern); m != 0; m &= m - 1 {
			if slot = slotOf(m); b.ref(slot) == r {
				return before, b, slot
			}
		}
		if !b.linked() {
			return before, b, -1
		}
		before, b = b, b.next(a)
	}
}

// cut takes a reference out of the chain of its hash: the last entry of the
// chain takes its place, and the last block is made to fit again.
func (d *Dict) cut(a *arena.Arena, hash uint64, r arena.Ref) {
	before, b, slot := d.seek(a, hash, r)
	last := b
	for last.linked() {
		before, last = last, last.next(a)
	}
	n := last.used() - 1
	b.set(slot, last.entry(n))
	last.free(n)
	switch {
	case before.base == nil:
	case n == 1:
		old := before.ref(linkSlot)
		before.set(linkSlot, last.entry(0))
		d.unlink(a, old, last.size)
	case blockUnits(n)*unitBytes < last.size:
		d.refit(a, before, last, n, n)
	}
}

// appendChain appends the entries of the chain that begins with b.
func appendChain(entries []entry, a *arena.Arena, b block) []entry {
	for ; b.linked(); b = b.next(a) {
		for i := range linkSlot {
			entries = append(entries, b.entry(i))
		}
	}
	for i := range b.used() {
		entries = append(entries, b.entry(i))
	}
	return entries
}

// emptyChain frees the overflow blocks behind a home bucket and empties it.
func (d *Dict) emptyChain(a *arena.Arena, home block) {
	var own arena.Ref // of b, when it is an overflow block
	for b := home; ; {
		var r arena.Ref
		var next block
		if b.linked() {
			r, next = b.ref(linkSlot), b.next(a)
		}
		if own != 0 {
			d.unlink(a, own, b.size)
		}
		if r == 0 {
			break
		}
		own, b = r, next
	}
	home.empty()
}

// fill puts the entries into the chain of the empty home bucket b.
func (d *Dict) fill(a *arena.Arena, b block, entries []entry) {
	d.note(len(entries))
	for len(entries) > bucketSlots {
		for i := range linkSlot {
			b.set(i, entries[i])
		}
		entries = entries[linkSlot:]
		b = d.link(a, b, min(len(entries), bucketSlots))
	}
	for i, e := range entries {
		b.set(i, e)
	}
}

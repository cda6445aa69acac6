package dict

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// Check verifies all that must be true of the table and reads every record's
// key. It is for tests and for DEBUG commands.
func (d *Dict) Check(t *Type) error {
	if d.buckets == 0 {
		if *d != (Dict{pauses: d.pauses}) {
			return fmt.Errorf("dict: table without buckets is not empty: %+v", *d)
		}
		return nil
	}
	if want := bits.Len64(d.buckets) - 1; int(d.level) != want {
		return fmt.Errorf("dict: level %d with %d buckets, want %d", d.level, d.buckets, want)
	}
	var elements, overflow uint64
	for i := range d.buckets {
		n, bytes, err := d.checkChain(t, i)
		if err != nil {
			return fmt.Errorf("dict: bucket %d of %d: %w", i, d.buckets, err)
		}
		if n > int(d.longest) && d.longest < math.MaxUint16 {
			return fmt.Errorf("dict: bucket %d has %d elements, but the longest chain %d", i, n, d.longest)
		}
		elements += uint64(n)
		overflow += bytes
	}
	if elements != d.elements || overflow != d.overflow {
		return fmt.Errorf("dict: %d elements and %d bytes of overflow blocks, counted %d and %d",
			d.elements, d.overflow, elements, overflow)
	}
	return nil
}

// checkChain verifies the chain of home bucket i and returns the number of its
// elements and the arena bytes of its overflow blocks.
func (d *Dict) checkChain(t *Type, i uint64) (n int, overflow uint64, err error) {
	length := chainLen(t.Arena, d.bucket(t.Arena, i))
	for b := d.bucket(t.Arena, i); ; b = b.next(t.Arena) {
		elements := b.used()
		if left := length - n; left > bucketSlots != b.linked() {
			return 0, 0, fmt.Errorf("%d elements left in a block of %d bytes, linked: %v", left, b.size, b.linked())
		}
		for slot := elements; slot < b.slots(); slot++ {
			if b.tag(slot) != 0 && !b.linked() {
				return 0, 0, fmt.Errorf("tag %#x in free slot %d", b.tag(slot), slot)
			}
		}
		for slot := range elements {
			if err := d.checkSlot(t, i, b, slot); err != nil {
				return 0, 0, fmt.Errorf("slot %d: %w", n+slot, err)
			}
		}
		n += elements
		if !b.linked() {
			return n, overflow, nil
		}
		size := uint64(b.tag(linkSlot)) * unitBytes
		if want := blockUnits(min(length-n, bucketSlots)) * unitBytes; size != uint64(want) || length-n < 2 {
			return 0, 0, fmt.Errorf("block of %d bytes for %d elements", size, length-n)
		}
		overflow += uint64(arena.RoundUp(int(size)))
	}
}

// checkSlot verifies a used slot of the chain of home bucket i.
func (d *Dict) checkSlot(t *Type, i uint64, b block, slot int) error {
	key := t.Key(b.ref(slot))
	hash := t.Hash(key)
	if d.home(hash) != i {
		return fmt.Errorf("key %q belongs to bucket %d", key, d.home(hash))
	}
	if b.tag(slot) != tagOf(hash) {
		return fmt.Errorf("key %q has tag %#x, want %#x", key, b.tag(slot), tagOf(hash))
	}
	if d.Find(t, hash, key) != b.ref(slot) {
		return fmt.Errorf("key %q is not found", key)
	}
	return nil
}

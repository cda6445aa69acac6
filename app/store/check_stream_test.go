package store

import (
	"errors"
	"fmt"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// checkStream verifies a stream: its nodes in order, each with something in it,
// and what the root says of them.
func (kv *KVStore) checkStream(e entry) error {
	s := kv.streamAt(e)
	if err := s.nodes.Check(kv.streamType); err != nil {
		return err
	}
	var c streamCheck
	i := 0
	for n := range s.nodes.All(kv.streamType) {
		i++
		last := i == s.nodes.Len()
		if err := c.node(kv, n, last); err != nil {
			return fmt.Errorf("node %d of %d: %w", i, s.nodes.Len(), err)
		}
	}
	switch {
	case c.length != s.length:
		return fmt.Errorf("%d entries, the length is %d", c.length, s.length)
	case c.first != s.first:
		return fmt.Errorf("the first ID is %v, the root says %v", c.first, s.first)
	case s.last.less(c.last):
		return fmt.Errorf("the last ID is %v, the root says %v", c.last, s.last)
	}
	return kv.checkGroups(s)
}

// A streamCheck is what the nodes so far have.
type streamCheck struct {
	length      uint64
	first, last streamID
	any         bool // entry, deleted or not
}

// node verifies one node.
func (c *streamCheck) node(kv *KVStore, at tree.Entry, last bool) error {
	n := kv.streamNodeAt(at.Ref)
	used, room := streamNodeHead+len(n.b), kv.arena.Cap(at.Ref)
	if used > room {
		return fmt.Errorf("%d bytes in a block of %d", used, room)
	}
	if !last && n.deleted < 100 && room != arena.RoundUp(used) {
		return fmt.Errorf("a finished node has %d bytes in a block of %d", used, room)
	}
	if err := listpack.Validate(n.b, true); err != nil {
		return err
	}
	if n.count < 0 || n.deleted < 0 || n.count+n.deleted == 0 {
		return fmt.Errorf("%d entries and %d deleted ones", n.count, n.deleted)
	}
	if end, _ := readInt(n.b, skip(n.b, n.fieldsAt, n.fields)); end != 0 {
		return errors.New("the master does not end with 0")
	}
	master := streamID{at.Key, kv.masterSeq(at.Ref)}
	var count, deleted int64
	for p := n.firstEntry(); !listpack.AtEnd(n.b, p); {
		h := n.entryAt(p)
		if n.prevEntry(skip(n.b, h.valuesAt, h.pieces())) != p {
			return fmt.Errorf("%v is not found backwards", h.id(master))
		}
		if h.flags&^(entryDeleted|entrySameFields) != 0 {
			return fmt.Errorf("flags %#x", h.flags)
		}
		id := h.id(master)
		if c.any && !c.last.less(id) || id.isZero() {
			return fmt.Errorf("%v stands behind %v", id, c.last)
		}
		c.last, c.any = id, true
		if count+deleted == 0 && id != master {
			return fmt.Errorf("master ID %v, first ID %v", master, id)
		}
		if h.deleted() {
			deleted++
		} else {
			count++
			if c.length++; c.length == 1 {
				c.first = id
			}
		}
		p = skip(n.b, h.valuesAt, h.pieces())
	}
	if count != n.count || deleted != n.deleted {
		return fmt.Errorf("%d entries and %d deleted ones, the master says %d and %d", count, deleted, n.count, n.deleted)
	}
	return nil
}

package store

import (
	"fmt"

	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// checkGroups verifies the groups of a stream.
func (kv *KVStore) checkGroups(s *stream) error {
	if err := s.groups.Check(kv.groupType); err != nil {
		return err
	}
	last, first := "", true
	for e := range s.groups.All(kv.groupType) {
		g := kv.groupAt(e.Ref)
		if err := checkName(e, g.name(), last, first); err != nil {
			return err
		}
		last, first = g.name(), false
		if err := kv.checkGroup(g); err != nil {
			return fmt.Errorf("group %q: %w", g.name(), err)
		}
	}
	return nil
}

// checkName verifies that a name has its key, and stands behind the one before.
func checkName(e tree.Entry, name, last string, first bool) error {
	if e.Key != nameKey(name) || !first && name <= last {
		return fmt.Errorf("the name %q with key %#x stands behind %q", name, e.Key, last)
	}
	return nil
}

// checkGroup verifies a group: that each entry that is pending for it is pending
// for one consumer, which it names.
func (kv *KVStore) checkGroup(g *streamGroup) error {
	if err := g.consumers.Check(kv.consumerType); err != nil {
		return err
	}
	if err := kv.checkPending(&g.pending); err != nil {
		return err
	}
	last, first, owned := "", true, 0
	var c tree.Cursor
	for e := range g.consumers.All(kv.consumerType) {
		sc := kv.consumerAt(e.Ref)
		if err := checkName(e, sc.name(), last, first); err != nil {
			return err
		}
		last, first = sc.name(), false
		if err := kv.checkPending(&sc.pending); err != nil {
			return fmt.Errorf("consumer %q: %w", sc.name(), err)
		}
		owned += sc.pending.Len()
		for p := range sc.pending.All(kv.streamType) {
			switch {
			case kv.pendingAt(p.Ref).consumer != e.Ref:
				return fmt.Errorf("%v is pending for %q, but not by its own account", kv.idOf(p), sc.name())
			case !kv.seekID(&g.pending, &c, kv.idOf(p)) || c.Entry() != p:
				return fmt.Errorf("%v is pending for %q, but not for the group", kv.idOf(p), sc.name())
			}
		}
	}
	if owned != g.pending.Len() {
		return fmt.Errorf("%d entries are pending, the consumers have %d", g.pending.Len(), owned)
	}
	return nil
}

// checkPending verifies a tree of pending entries.
func (kv *KVStore) checkPending(t *tree.Tree) error {
	if err := t.Check(kv.streamType); err != nil {
		return err
	}
	var last streamID
	for e := range t.All(kv.streamType) {
		id := kv.idOf(e)
		if !last.less(id) && last != (streamID{}) {
			return fmt.Errorf("%v stands behind %v", id, last)
		}
		last = id
	}
	return nil
}

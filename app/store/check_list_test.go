package store

import (
	"errors"
	"fmt"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// checkList verifies a list.
func (kv *KVStore) checkList(e entry) error {
	if e.enc() == encListpack {
		lp := e.listpack()
		if listpack.Len(lp) == 0 {
			return errors.New("an empty list")
		}
		if len(lp) > listInlineMax {
			return fmt.Errorf("a list of %d bytes within its record", len(lp))
		}
		return listpack.Validate(lp, true)
	}
	root := rootOf[listRoot](kv, e)
	if err := root.nodes.Check(kv.lists.nodeType); err != nil {
		return err
	}
	if root.nodes.Len() == 0 {
		return errors.New("a list without nodes")
	}
	i := 0
	for n := range root.nodes.All(kv.lists.nodeType) {
		if err := kv.checkListNode(root, n, i); err != nil {
			return fmt.Errorf("node %d of %d: %w", i, root.nodes.Len(), err)
		}
		i++
	}
	return nil
}

// checkListNode verifies node i of a list.
func (kv *KVStore) checkListNode(root *listRoot, n tree.Entry, i int) error {
	depth := int(root.depth)
	near := min(i, root.nodes.Len()-1-i) // nodes between it and an end
	kind, used, room := kv.nodeKind(n.Ref), kv.nodeUsed(n.Ref), kv.arena.Cap(n.Ref)
	if near > 0 && room != arena.RoundUp(used) {
		return fmt.Errorf("%d bytes in a block of %d", used, room)
	}
	if kind == nodeCompressed && (depth == 0 || near < depth) {
		return fmt.Errorf("compressed, with depth %d", depth)
	}
	if kind == nodeLarge {
		if n.Key != 1 {
			return fmt.Errorf("%d large elements", n.Key)
		}
		return nil
	}
	lp := kv.readNode(n.Ref).lp
	if err := listpack.Validate(lp, true); err != nil {
		return err
	}
	if got := listpack.Len(lp); got != int(n.Key) || got == 0 {
		return fmt.Errorf("%d elements, and the tree says %d", got, n.Key)
	}
	return nil
}

package tree

import "github.com/codecrafters-io/redis-starter-go/app/arena"

// Remove takes out the entry at the cursor, which then stands at what followed
// it, or at the end. So a run of entries goes by removing at one cursor. What
// the entry refers to may be freed before or after. It needs no memory: where
// there is none, nodes stay bigger than they might.
func (t *Tree) Remove(ty *Type, c *Cursor) {
	leaf := c.path[0]
	t.length--
	t.add(c, -ty.weight(leaf.n.entry(leaf.i)))
	leaves.remove(leaf.n, leaf.i)
	level := t.dropEmpty(ty.Arena, c)
	if t.root == 0 {
		return
	}
	s, k := &c.path[level], kindAt(level)
	if s.i == 0 {
		t.setFirst(c, level)
	}
	if k.thin(s.n) || k.loose(s.n) {
		t.tidy(ty.Arena, c, level)
	}
	if level > 0 || s.i == s.n.count() {
		c.settle(ty.Arena, level)
	}
	if c.height > 0 && c.path[c.height].n.count() == 1 {
		t.dropRoots(ty.Arena, c)
	}
}

// dropEmpty frees the cursor's leaf if it is empty, and the nodes above that
// held nothing else. It returns the level of the lowest node that is left: the
// cursor's way is right from there on, but for the child that it says is taken
// there: that is the one behind those that went, if there is one.
func (t *Tree) dropEmpty(a *arena.Arena, c *Cursor) (level int) {
	for c.path[level].n.count() == 0 {
		t.freeNode(a, t.nodeRef(c.above(level)))
		if level == c.height {
			*t = Tree{}
			*c = Cursor{}
			t.start(a, c)
			return 0
		}
		level++
		inners.remove(c.path[level].n, c.path[level].i)
	}
	return level
}

// settle goes on from a level where the place of the cursor may be behind all
// there is: to the first entry from there on, or to the end.
func (c *Cursor) settle(a *arena.Arena, level int) {
	for h := level; h <= c.height; h++ {
		s := &c.path[h]
		if h > level {
			s.i++
		}
		if s.i < s.n.count() {
			c.descendFirst(a, h)
			return
		}
	}
	c.toEnd(a)
}

// tidy merges or shrinks the node at a level when it holds little, and goes on
// with its parent when that has lost a child. Want of memory ends it.
func (t *Tree) tidy(a *arena.Arena, c *Cursor, level int) {
	defer func() {
		if v := recover(); v != nil {
			if _, ok := v.(*arena.OutOfMemoryError); !ok {
				panic(v)
			}
		}
	}()
	for {
		s, k := &c.path[level], kindAt(level)
		if level < c.height && k.thin(s.n) && t.merge(a, c, level) {
			level++
			continue
		}
		if k.loose(s.n) {
			s.n = t.resize(a, k, c.above(level), s.n.count())
		}
		return
	}
}

// merge joins the node at a level with a neighbour under the same parent when
// both fit into three quarters of a node. It reports whether the parent lost a
// child.
func (t *Tree) merge(a *arena.Arena, c *Cursor, level int) bool {
	k, s, parent := kindAt(level), &c.path[level], &c.path[level+1]
	p := parent.n
	for _, at := range [2]int{parent.i, parent.i - 1} {
		if at < 0 || at+1 >= p.count() {
			continue
		}
		left, right := node{a.Ptr(p.child(at))}, node{a.Ptr(p.child(at + 1))}
		count, more := left.count(), right.count()
		if 4*(count+more) > 3*k.max {
			continue
		}
		if count+more > left.room() {
			left = t.resize(a, k, step{p, at}, count+more)
		}
		right.setEntry(0, p.entry(at+1)) // what a node says of its child 0 is old
		k.move(left, count, right, 0, more)
		left.setCount(count + more)
		p.setWeight(at, p.weight(at)+p.weight(at+1))
		t.freeNode(a, p.child(at+1))
		inners.remove(p, at+1)
		s.n = left
		if at < parent.i {
			s.i += count
			parent.i = at
		}
		return true
	}
	return false
}

// dropRoots removes roots with a single child.
func (t *Tree) dropRoots(a *arena.Arena, c *Cursor) {
	for c.height > 0 && c.path[c.height].n.count() == 1 {
		child := c.path[c.height].n.child(0)
		t.freeNode(a, t.root)
		t.root = child
		t.height--
		c.height--
	}
}

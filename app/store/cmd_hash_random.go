package store

import (
	"math"
	"math/rand/v2"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
)

// HRANDFIELD.

// cmdHrandfield serves HRANDFIELD key [count [WITHVALUES]].
func (kv *KVStore) cmdHrandfield(c *Client, args []string) error {
	if len(args) == 2 {
		e, err := c.db.lookupHash(args[1])
		if err != nil {
			return err
		}
		if kv.lenOrZero(e) == 0 {
			c.reply.Null()
			return nil
		}
		p := kv.newFieldPicker(e, 1)
		c.replyPicked(&p, false)
		return nil
	}
	count, err := parseIntRange(args[2], -math.MaxInt64, math.MaxInt64)
	if err != nil {
		return err
	}
	values := len(args) == 4 && is(args[3], "withvalues")
	if len(args) > 3 && !values {
		return errSyntax
	}
	if values && (count < -math.MaxInt64/2 || count > math.MaxInt64/2) {
		return errOutOfRange
	}
	e, err := c.db.lookupHash(args[1])
	if err != nil {
		return err
	}
	size := int64(kv.lenOrZero(e))
	switch {
	case size == 0 || count == 0:
		c.reply.Array(0)
	case count < 0:
		c.replyRepeated(e, -count, values)
	case count < size:
		c.replyDistinct(e, int(count), int(size), values)
	default:
		c.replyHeadOfPairs(size, values)
		kv.eachField(e, func(field, value fieldText) bool {
			c.replyPair(field, value, values)
			return true
		})
	}
	return nil
}

// replyHeadOfPairs begins an answer with so many fields, each followed by its
// value or, in the third version of the protocol, in an array with it.
func (c *Client) replyHeadOfPairs(n int64, values bool) {
	if values && c.reply.Proto < 3 {
		n *= 2
	}
	c.reply.Array(int(n))
}

// replyPair writes a field, and its value if that is wanted.
func (c *Client) replyPair(field, value fieldText, values bool) {
	if values && c.reply.Proto >= 3 {
		c.reply.Array(2)
	}
	c.replyValue(field)
	if values {
		c.replyValue(value)
	}
}

// A fieldPicker picks fields of a hash at random, each with the same probability.
// A listpack, unless one pick is all, and a hash with fields that are hidden are
// walked over once.
type fieldPicker struct {
	kv        *KVStore
	e         entry
	positions []int       // of the fields in the listpack
	refs      []arena.Ref // of the fields that are not hidden, when others are
}

// newFieldPicker prepares for so many picks.
func (kv *KVStore) newFieldPicker(e entry, picks int64) fieldPicker {
	p := fieldPicker{kv: kv, e: e}
	if e.enc() == encListpack && picks > 1 {
		lp := e.listpack()
		p.positions = make([]int, 0, listpack.Len(lp)/2)
		for at := listpack.HeaderSize; !listpack.AtEnd(lp, at); at = listpack.Next(lp, listpack.Next(lp, at)) {
			p.positions = append(p.positions, at)
		}
	} else if e.enc() == encExpiring && kv.hiddenFields(e) > 0 {
		for ref := range kv.fieldsOf(e).All(kv.elementType) {
			if _, _, at := kv.element(ref); at == 0 || !kv.fieldHidden(at) {
				p.refs = append(p.refs, ref)
			}
		}
	}
	return p
}

// pick is a field of a hash that has some.
func (p *fieldPicker) pick() (field, value fieldText) {
	if p.e.enc() == encListpack {
		lp := p.e.listpack()
		var at int
		if p.positions != nil {
			at = p.positions[rand.IntN(len(p.positions))]
		} else {
			at = listpack.Seek(lp, 2*rand.IntN(listpack.Len(lp)/2))
		}
		return listpack.Get(lp, at), listpack.Get(lp, listpack.Next(lp, at))
	}
	return p.texts(p.pickRef())
}

// pickRef is a field of a table.
func (p *fieldPicker) pickRef() arena.Ref {
	if p.refs != nil {
		return p.refs[rand.IntN(len(p.refs))]
	}
	return p.kv.fieldsOf(p.e).Random(p.kv.elementType)
}

func (p *fieldPicker) texts(ref arena.Ref) (field, value fieldText) {
	f, v, _ := p.kv.element(ref)
	return textOf(f), textOf(v)
}

// replyPicked writes a field picked at random.
func (c *Client) replyPicked(p *fieldPicker, values bool) {
	field, value := p.pick()
	c.replyPair(field, value, values)
}

// replyRepeated answers with so many fields, each picked from all. The number
// may be beyond any memory: the limit of the client's output ends it.
func (c *Client) replyRepeated(e entry, count int64, values bool) {
	c.replyHeadOfPairs(count, values)
	p := c.kv.newFieldPicker(e, count)
	for look := replyLook; count > 0 && !c.closing; count-- {
		c.replyPicked(&p, values)
		if c.reply.Len() >= look {
			c.checkReplyLimit()
			look = c.reply.Len() + replyLook
		}
	}
}

// replyDistinct answers with count of the size fields of a hash, count < size.
// Few of many are picked until there are enough different ones. Otherwise all
// are walked over, and each is taken with the probability that leaves every
// choice equally likely (Knuth's algorithm S).
func (c *Client) replyDistinct(e entry, count, size int, values bool) {
	const few = 32
	c.replyHeadOfPairs(int64(count), values)
	kv := c.kv
	if e.enc() == encListpack || count > size/few {
		left := size
		kv.eachField(e, func(field, value fieldText) bool {
			if rand.IntN(left) < count {
				c.replyPair(field, value, values)
				count--
			}
			left--
			return count > 0
		})
		return
	}
	p := kv.newFieldPicker(e, int64(count))
	if count == 1 {
		c.replyPicked(&p, values)
		return
	}
	seen := make(map[arena.Ref]struct{}, count)
	for len(seen) < count {
		ref := p.pickRef()
		if _, again := seen[ref]; !again {
			seen[ref] = struct{}{}
			field, value := p.texts(ref)
			c.replyPair(field, value, values)
		}
	}
}

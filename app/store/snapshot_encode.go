package store

import (
	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/dict"
	"github.com/codecrafters-io/redis-starter-go/app/rdb"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// From keys to a snapshot. Small collections, and the nodes of lists and
// streams, go out as the bytes they are; tables element by element.

// A keyEncoder lays out keys and values as a snapshot has them. With a drain it
// hands on what has come together now and then, so that a big value takes no
// memory; without one it keeps everything, as a payload of DUMP wants it.
type keyEncoder struct {
	kv      *KVStore
	enc     rdb.Encoder
	drain   func(*rdb.Encoder) error // nil: all stays in enc
	spillAt int                      // bytes that come together before they are handed on
	err     error                    // the first one of drain: nothing more is encoded
	saveLRU bool                     // the policies of maxmemory want to know when keys were used
	saveLFU bool                     // or how often
	node    []byte                   // where a compressed node of a list is expanded
}

const spillBytes = 256 << 10

// newKeyEncoder makes an encoder for what drain takes, nil for a payload.
func (kv *KVStore) newKeyEncoder(drain func(*rdb.Encoder) error) *keyEncoder {
	policy := kv.config.Str("maxmemory-policy")
	return &keyEncoder{
		kv:      kv,
		drain:   drain,
		spillAt: spillBytes,
		saveLRU: policy == "allkeys-lru" || policy == "volatile-lru",
		saveLFU: kv.lfu,
	}
}

// spill hands on what has come together, if it is much.
func (k *keyEncoder) spill() {
	if k.drain != nil && k.enc.Len() >= k.spillAt {
		k.flush()
	}
}

// flush hands on what has come together.
func (k *keyEncoder) flush() {
	if k.err == nil {
		k.err = k.drain(&k.enc)
	}
}

// key encodes a key with all that a snapshot has of it.
func (k *keyEncoder) key(e entry) {
	k.head(e)
	k.value(e)
	k.spill()
}

// head encodes what stands before the value of a key.
func (k *keyEncoder) head(e entry) {
	if e.hasExpiry() {
		k.enc.Expire(e.expireAt())
	}
	switch {
	case k.saveLRU:
		k.enc.Idle(k.kv.idleSeconds(e))
	case k.saveLFU:
		k.enc.Freq(uint8(k.kv.lfuCount(e.access())))
	}
	k.enc.Key(k.kv.savedType(e), e.key())
}

// savedType is the form in which a value is saved.
func (kv *KVStore) savedType(e entry) rdb.Type {
	enc := e.enc()
	switch e.typ() {
	case typeList:
		return rdb.TypeList
	case typeSet:
		if enc == encIntset {
			return rdb.TypeSetIntset
		}
		return rdb.TypeSet // also a listpack, which Redis 7.0 would not know
	case typeZset:
		if enc == encListpack {
			return rdb.TypeZsetListpack
		}
		return rdb.TypeZset
	case typeHash:
		switch {
		case enc == encListpack:
			return rdb.TypeHashListpack
		case kv.fieldsExpire(e):
			return rdb.TypeHashExpire
		}
		return rdb.TypeHash
	case typeStream:
		return rdb.TypeStream
	}
	return rdb.TypeString
}

// fieldsExpire reports whether a hash has a field that expires.
func (kv *KVStore) fieldsExpire(e entry) bool {
	x := kv.expiringOf(e)
	return x != nil && x.expires.Len() > 0
}

// value encodes the value of a key.
func (k *keyEncoder) value(e entry) {
	switch enc := e.enc(); {
	case enc.ofBlocks():
		k.blocks(enc, e.typ(), e.outsideRef())
	case enc == encInt:
		k.enc.Int(e.integer())
	case e.typ() == typeString:
		k.enc.String(k.kv.str(e))
	case e.typ() == typeList:
		k.enc.Count(1)
		k.enc.Node(e.listpack())
	case enc == encIntset:
		s := k.kv.dbs[0].openSet(e)
		k.enc.Blob(s.small)
	case e.typ() == typeSet:
		s := k.kv.dbs[0].openSet(e)
		k.enc.Count(s.len())
		s.eachSmall(k.enc.String)
	default:
		k.enc.Blob(e.listpack())
	}
}

// blocks encodes a value made of blocks, by its root.
func (k *keyEncoder) blocks(enc encoding, t valueType, root arena.Ref) {
	p := k.kv.arena.Ptr(root)
	switch {
	case enc == encQuicklist:
		k.list((*listRoot)(p))
	case enc == encSkiplist:
		k.zset((*zsetRoot)(p))
	case enc == encStream:
		k.stream((*stream)(p))
	case enc == encExpiring && (*expiringHash)(p).expires.Len() > 0:
		k.expiringHash((*expiringHash)(p))
	case t == typeSet:
		k.set((*dict.Dict)(p))
	default:
		k.hash((*dict.Dict)(p)) // the root of any hash begins with its table
	}
}

func (k *keyEncoder) list(root *listRoot) {
	kv := k.kv
	k.enc.Count(root.nodes.Len())
	for at := range root.nodes.All(kv.lists.nodeType) {
		switch kv.nodeKind(at.Ref) {
		case nodeCompressed:
			k.node = kv.expand(k.node[:0], at.Ref)
			k.enc.Node(k.node)
		case nodePacked:
			k.enc.Node(kv.readNode(at.Ref).lp)
		default:
			k.enc.PlainNode(viewString(kv.readNode(at.Ref).large))
		}
		if k.spill(); k.err != nil {
			return
		}
	}
}

func (k *keyEncoder) set(table *dict.Dict) {
	t := k.kv.elementType
	k.enc.Count(table.Len())
	k.kv.eachElement(table, t, func(ref arena.Ref) bool {
		k.enc.String(t.Key(ref))
		k.spill()
		return k.err == nil
	})
}

// zset encodes the members from the last to the first: each is loaded before all
// that is there already, which Redis is fastest at.
func (k *keyEncoder) zset(root *zsetRoot) {
	order, t := k.kv.zsets.order, k.kv.scoredType
	k.enc.Count(root.order.Len())
	var c tree.Cursor
	var buf [elementsAhead]arena.Ref
	root.order.Last(order, &c)
	for more := c.Valid(); more && k.err == nil; {
		ahead := buf[:0]
		for ; more && len(ahead) < len(buf); more = c.Prev(order) {
			ahead = append(ahead, c.Entry().Ref)
		}
		k.kv.loadElements(ahead)
		for _, ref := range ahead {
			k.enc.Member(t.Key(ref), *k.kv.scoreAt(ref))
		}
		k.spill()
	}
}

func (k *keyEncoder) hash(table *dict.Dict) {
	kv := k.kv
	k.enc.Count(table.Len())
	kv.eachElement(table, kv.elementType, func(ref arena.Ref) bool {
		field, value, _ := kv.element(ref)
		k.enc.Field(field, value)
		k.spill()
		return k.err == nil
	})
}

// expiringHash encodes a hash of which a field expires.
func (k *keyEncoder) expiringHash(x *expiringHash) {
	kv := k.kv
	first, _, _ := x.expires.First(kv.arena)
	k.enc.MinExpire(first)
	k.enc.Count(x.fields.Len())
	kv.eachElement(&x.fields, kv.elementType, func(ref arena.Ref) bool {
		field, value, at := kv.element(ref)
		if at == 0 {
			at = -1
		}
		k.enc.FieldExpire(field, value, at, first)
		k.spill()
		return k.err == nil
	})
}

func (k *keyEncoder) stream(s *stream) {
	kv := k.kv
	k.enc.Count(s.nodes.Len())
	for at := range s.nodes.All(kv.streamType) {
		k.enc.StreamItem(&rdb.StreamItem{
			Kind: rdb.StreamNode,
			ID:   rdb.StreamID{Ms: at.Key, Seq: kv.masterSeq(at.Ref)},
			Node: kv.listpackOf(at.Ref),
		})
		if k.spill(); k.err != nil {
			return
		}
	}
	k.enc.StreamItem(&rdb.StreamItem{Kind: rdb.StreamInfo, Info: rdb.StreamFacts{
		Length:       s.length,
		LastID:       savedID(s.last),
		FirstID:      savedID(s.first),
		MaxDeletedID: savedID(s.maxDeleted),
		EntriesAdded: s.entriesAdded,
		Groups:       s.groupCount(),
	}})
	for at := range s.groups.All(kv.groupType) {
		if k.group(kv.groupAt(at.Ref)); k.err != nil {
			return
		}
	}
}

func savedID(id streamID) rdb.StreamID { return rdb.StreamID{Ms: id.ms, Seq: id.seq} }

// group encodes a consumer group: what is pending, then who has it.
func (k *keyEncoder) group(g *streamGroup) {
	kv := k.kv
	k.enc.StreamItem(&rdb.StreamItem{
		Kind:        rdb.StreamGroup,
		Name:        g.name(),
		ID:          savedID(g.lastID),
		EntriesRead: g.entriesRead,
		Pending:     g.pending.Len(),
	})
	for at := range g.pending.All(kv.streamType) {
		p := kv.pendingAt(at.Ref)
		k.enc.StreamItem(&rdb.StreamItem{
			Kind:       rdb.StreamPending,
			ID:         savedID(kv.idOf(at)),
			Time:       p.deliveredMs,
			Deliveries: uint64(p.deliveries),
		})
		if k.spill(); k.err != nil {
			return
		}
	}
	k.enc.Count(g.consumers.Len())
	for at := range g.consumers.All(kv.consumerType) {
		sc := kv.consumerAt(at.Ref)
		k.enc.StreamItem(&rdb.StreamItem{
			Kind:    rdb.StreamConsumer,
			Name:    sc.name(),
			Time:    sc.seenMs,
			Active:  sc.seenMs,
			Pending: sc.pending.Len(),
		})
		for owned := range sc.pending.All(kv.streamType) {
			k.enc.StreamItem(&rdb.StreamItem{Kind: rdb.StreamOwned, ID: savedID(kv.idOf(owned))})
			if k.spill(); k.err != nil {
				return
			}
		}
	}
}

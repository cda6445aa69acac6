package store

import (
	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/rdb"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// From keys to a snapshot. Small collections, and the nodes of lists and
// streams, go out as the bytes they are; tables element by element.

// A keyEncoder lays out keys and values as a snapshot has them. With a writer
// it hands on what has come together now and then, so that a big value takes no
// memory; without one it keeps everything, as a payload of DUMP wants it.
type keyEncoder struct {
	kv      *KVStore
	enc     rdb.Encoder
	writer  *rdb.Writer // nil: all stays in enc
	err     error       // the first one of the writer
	saveLRU bool        // the policies of maxmemory want to know when keys were used
	saveLFU bool        // or how often
}

// spillBytes is how much comes together before it is handed on.
const spillBytes = 256 << 10

// newKeyEncoder makes an encoder for what w writes, nil for a payload.
func (kv *KVStore) newKeyEncoder(w *rdb.Writer) *keyEncoder {
	policy := kv.config.Str("maxmemory-policy")
	return &keyEncoder{
		kv:      kv,
		writer:  w,
		saveLRU: policy == "allkeys-lru" || policy == "volatile-lru",
		saveLFU: kv.lfu,
	}
}

// spill hands on what has come together, if it is much.
func (k *keyEncoder) spill() {
	if k.writer != nil && k.enc.Len() >= spillBytes {
		k.flush()
	}
}

// flush hands on what has come together.
func (k *keyEncoder) flush() {
	if err := k.writer.Drain(&k.enc); err != nil && k.err == nil {
		k.err = err
	}
}

// key encodes a key with all that a snapshot has of it.
func (k *keyEncoder) key(e entry) {
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
	k.value(e)
	k.spill()
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
	switch e.typ() {
	case typeString:
		if e.enc() == encInt {
			k.enc.Int(e.integer())
		} else {
			k.enc.String(k.kv.str(e))
		}
	case typeList:
		k.list(e)
	case typeSet:
		k.set(e)
	case typeZset:
		k.zset(e)
	case typeHash:
		k.hash(e)
	case typeStream:
		k.stream(k.kv.streamAt(e))
	}
}

func (k *keyEncoder) list(e entry) {
	if e.enc() == encListpack {
		k.enc.Count(1)
		k.enc.Node(e.listpack())
		return
	}
	root := rootOf[listRoot](k.kv, e)
	k.enc.Count(root.nodes.Len())
	for at := range root.nodes.All(k.kv.lists.nodeType) {
		if n := k.kv.readNode(at.Ref); n.lp != nil {
			k.enc.Node(n.lp)
		} else {
			k.enc.PlainNode(viewString(n.large))
		}
		k.spill()
	}
}

func (k *keyEncoder) set(e entry) {
	s := k.kv.dbs[0].openSet(e)
	if s.enc == encIntset {
		k.enc.Blob(s.small)
		return
	}
	k.enc.Count(s.len())
	if s.enc == encListpack {
		s.eachSmall(k.enc.String)
		return
	}
	t := k.kv.elementType
	k.kv.eachElement(s.table, t, func(ref arena.Ref) bool {
		k.enc.String(t.Key(ref))
		k.spill()
		return true
	})
}

// zset encodes the members of a big sorted set from the last to the first:
// each is loaded before all that is there already, which Redis is fastest at.
func (k *keyEncoder) zset(e entry) {
	if e.enc() == encListpack {
		k.enc.Blob(e.listpack())
		return
	}
	root := rootOf[zsetRoot](k.kv, e)
	order, t := k.kv.zsets.order, k.kv.scoredType
	k.enc.Count(root.order.Len())
	var c tree.Cursor
	var buf [elementsAhead]arena.Ref
	root.order.Last(order, &c)
	for more := c.Valid(); more; {
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

func (k *keyEncoder) hash(e entry) {
	if e.enc() == encListpack {
		k.enc.Blob(e.listpack())
		return
	}
	kv := k.kv
	first := int64(-1) // when the first field expires, if one does
	if kv.fieldsExpire(e) {
		first, _, _ = kv.expiringOf(e).expires.First(kv.arena)
		k.enc.MinExpire(first)
	}
	table := kv.fieldsOf(e)
	k.enc.Count(table.Len())
	kv.eachElement(table, kv.elementType, func(ref arena.Ref) bool {
		field, value, at := kv.element(ref)
		switch {
		case first < 0:
			k.enc.Field(field, value)
		case at == 0:
			k.enc.FieldExpire(field, value, -1, first)
		default:
			k.enc.FieldExpire(field, value, at, first)
		}
		k.spill()
		return true
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
		k.spill()
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
		k.group(kv.groupAt(at.Ref))
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
		k.spill()
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
			k.spill()
		}
	}
}

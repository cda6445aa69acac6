package store

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// DEBUG DIGEST and DEBUG DIGEST-VALUE. Equal data has equal digests, here and in
// Redis, however it is kept. Elements without an order are added up by xor; what
// has an order is mixed into what came before:
//
//	add(x)   digest ^= SHA-1(x)
//	mix(x)   digest  = SHA-1(digest ^ SHA-1(x))

// A digest is that of some data.
type digest [sha1.Size]byte

func (d *digest) add(s string) { d.addBytes([]byte(s)) }

func (d *digest) addBytes(b []byte) {
	sum := sha1.Sum(b)
	for i := range d {
		d[i] ^= sum[i]
	}
}

func (d *digest) mix(s string) { d.mixBytes([]byte(s)) }

func (d *digest) mixBytes(b []byte) {
	d.addBytes(b)
	*d = sha1.Sum(d[:])
}

// mixNumber mixes a number in network order.
func (d *digest) mixNumber(n uint32) {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	d.mixBytes(b[:])
}

func (d *digest) String() string { return hex.EncodeToString(d[:]) }

// debugDigest serves DEBUG DIGEST. Keys that have expired and are still there
// count.
func (kv *KVStore) debugDigest(c *Client, args []string) error {
	var all digest
	for i, db := range kv.dbs {
		if db.keys.Len() == 0 {
			continue
		}
		all.mixNumber(uint32(i))
		for ref := range db.keys.All(kv.keyType) {
			var one digest
			e := kv.entryAt(ref)
			one.mix(e.key())
			kv.addDigest(&one, e)
			all.addBytes(one[:])
		}
	}
	c.reply.Status(all.String())
	return nil
}

// debugDigestValue serves DEBUG DIGEST-VALUE [key ...].
func (kv *KVStore) debugDigestValue(c *Client, args []string) error {
	c.reply.Array(len(args))
	for _, key := range args {
		var d digest
		if e := c.db.find(key); e.ok() {
			kv.addDigest(&d, e)
		}
		c.reply.Status(d.String())
	}
	return nil
}

// addDigest adds the value of a key, and whether it expires.
func (kv *KVStore) addDigest(d *digest, e entry) {
	const streamNumber = 6 // 5 is a module's in Redis
	number := uint32(e.typ())
	if e.typ() == typeStream {
		number = streamNumber
	}
	d.mixNumber(number)
	switch e.typ() {
	case typeString:
		d.mixBytes(kv.bytes(e))
	case typeList:
		kv.addListDigest(d, e)
	case typeSet:
		s := kv.dbs[0].openSet(e)
		s.batches(func(b *memberBatch) bool {
			for _, member := range b.texts() {
				d.add(member)
			}
			return true
		})
	case typeZset:
		kv.addZsetDigest(d, e)
	case typeHash:
		kv.addHashDigest(d, e)
	case typeStream:
		kv.addStreamDigest(d, e)
	}
	if e.hasExpiry() {
		d.add("!!expire!!")
	}
}

func (kv *KVStore) addListDigest(d *digest, e entry) {
	l := kv.dbs[0].list(e)
	var w listWalk
	var text []byte
	for ok := w.start(&l, false); ok; ok = w.next(false) {
		for p := w.first(); p != 0; p = w.listNode.next(p) {
			text = w.value(p).Append(text[:0])
			d.mixBytes(text)
		}
	}
}

func (kv *KVStore) addZsetDigest(d *digest, e entry) {
	z := kv.dbs[0].zset(e)
	var w zsetWalk
	w.seek(&z, 0)
	var score []byte
	for range z.len() {
		var one digest
		one.mix(w.member())
		score = appendScore(score[:0], w.score())
		one.mixBytes(score)
		d.addBytes(one[:])
		w.next()
	}
}

// addHashDigest adds all fields, also those that have expired and are still
// there. That one expires counts as in Redis 7.4.
func (kv *KVStore) addHashDigest(d *digest, e entry) {
	addField := func(field, value string, at int64) {
		var one digest
		one.mix(field)
		one.mix(value)
		if at != 0 {
			one.add("!!hexpire!!")
		}
		d.addBytes(one[:])
	}
	if e.enc() == encListpack {
		var fieldBuf, valueBuf [20]byte
		kv.eachField(e, func(field, value fieldText) bool {
			addField(textIn(field, fieldBuf[:0]), textIn(value, valueBuf[:0]), 0)
			return true
		})
		return
	}
	kv.eachElement(kv.fieldsOf(e), kv.elementType, func(ref arena.Ref) bool {
		addField(kv.element(ref))
		return true
	})
}

func (kv *KVStore) addStreamDigest(d *digest, e entry) {
	var it streamIterator
	it.start(kv, kv.streamAt(e), streamID{}, maxStreamID, false)
	var text []byte
	for {
		id, fields, ok := it.next()
		if !ok {
			return
		}
		text = strconv.AppendUint(text[:0], id.ms, 10)
		text = strconv.AppendUint(append(text, '.'), id.seq, 10)
		d.mixBytes(text)
		for range fields {
			name, value := it.nextField()
			text = name.Append(text[:0])
			d.mixBytes(text)
			text = value.Append(text[:0])
			d.mixBytes(text)
		}
	}
}

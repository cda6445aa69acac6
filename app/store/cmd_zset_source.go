package store

import (
	"strconv"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/dict"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
)

// A sourceSet is a set as a source of sorted sets.
type sourceSet struct {
	kv *KVStore
	e  entry
}

func (db *database) sourceSet(e entry) sourceSet { return sourceSet{db.kv, e} }

func (s *sourceSet) len() int {
	switch s.e.enc() {
	case encIntset:
		return int(*(*uint32)(unsafe.Add(s.e.value(), 4)))
	case encListpack:
		return listpack.Len(s.e.listpack())
	}
	return rootOf[dict.Dict](s.kv, s.e).Len()
}

func (s *sourceSet) has(member string) bool {
	switch s.e.enc() {
	case encIntset:
		found := false
		s.each(func(m string) bool {
			found = m == member
			return !found
		})
		return found
	case encListpack:
		lp := s.e.listpack()
		return listpack.Find(lp, listpack.First(lp), member, 0) >= 0
	}
	t := s.kv.elementType
	return rootOf[dict.Dict](s.kv, s.e).Find(t, t.Hash(member), member) != 0
}

func (s *sourceSet) each(visit func(member string) bool) {
	switch s.e.enc() {
	case encIntset:
		var digits [20]byte
		for i := range s.len() {
			if !visit(viewString(strconv.AppendInt(digits[:0], s.integer(i), 10))) {
				return
			}
		}
	case encListpack:
		lp := s.e.listpack()
		for p := listpack.First(lp); !listpack.AtEnd(lp, p); p = listpack.Next(lp, p) {
			if !visit(s.kv.zsets.text(lp, p)) {
				return
			}
		}
	default:
		t := s.kv.elementType
		for ref := range rootOf[dict.Dict](s.kv, s.e).All(t) {
			if !visit(t.Key(ref)) {
				return
			}
		}
	}
}

// integer is integer i of an intset.
func (s *sourceSet) integer(i int) int64 {
	v := s.e.value()
	switch *(*uint32)(v) {
	case 2:
		return int64(*(*int16)(unsafe.Add(v, 8+2*i)))
	case 4:
		return int64(*(*int32)(unsafe.Add(v, 8+4*i)))
	}
	return *(*int64)(unsafe.Add(v, 8+8*i))
}

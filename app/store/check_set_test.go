package store

import (
	"errors"
	"fmt"

	"github.com/codecrafters-io/redis-starter-go/app/dict"
	"github.com/codecrafters-io/redis-starter-go/app/intset"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
)

// checkSet verifies a set: it has members, as many as its form takes, and none
// of them twice.
func (kv *KVStore) checkSet(e entry) error {
	s := kv.dbs[0].openSet(e)
	switch s.enc {
	case encIntset:
		return intset.Validate(s.small, true)
	case encListpack:
		return checkSmallSet(s.small)
	case encTable:
	default:
		return fmt.Errorf("encoding %d", s.enc)
	}
	d := rootOf[dict.Dict](kv, e)
	if d.Len() == 0 {
		return errors.New("a set without members")
	}
	if err := d.Check(kv.elementType); err != nil {
		return err
	}
	for ref := range d.All(kv.elementType) {
		member := kv.elementType.Key(ref)
		if got := d.Find(kv.elementType, kv.elementType.Hash(member), member); got != ref {
			return fmt.Errorf("member %q is found at %d and stands at %d", member, got, ref)
		}
	}
	return nil
}

// checkSmallSet verifies a set that is a listpack.
func checkSmallSet(lp []byte) error {
	if err := listpack.Validate(lp, true); err != nil {
		return err
	}
	if n := listpack.Len(lp); n == 0 || n > smallSetMax {
		return fmt.Errorf("a listpack of %d members", n)
	}
	for p := listpack.First(lp); !listpack.AtEnd(lp, p); p = listpack.Next(lp, p) {
		member := listpack.Get(lp, p).String()
		if len(member) > smallMemberMax {
			return fmt.Errorf("a member of %d bytes in a listpack", len(member))
		}
		if listpack.Find(lp, listpack.First(lp), member, 0) != p {
			return fmt.Errorf("member %q stands twice", member)
		}
	}
	return nil
}

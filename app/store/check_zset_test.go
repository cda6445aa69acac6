package store

import (
	"errors"
	"fmt"

	"github.com/codecrafters-io/redis-starter-go/app/listpack"
)

// checkZset verifies that a sorted set has members, each once, in order, and
// that tree and dict agree about them.
func (kv *KVStore) checkZset(e entry) error {
	if e.enc() != encListpack && e.enc() != encSkiplist {
		return fmt.Errorf("a sorted set of encoding %d", e.enc())
	}
	if e.enc() == encListpack {
		lp := e.listpack()
		if err := listpack.Validate(lp, true); err != nil {
			return err
		}
		if listpack.Len(lp)%2 != 0 {
			return errors.New("a member without a score")
		}
	} else if err := kv.checkZsetRoot(rootOf[zsetRoot](kv, e)); err != nil {
		return err
	}
	z := kv.dbs[0].zset(e)
	if z.len() == 0 {
		return errors.New("an empty sorted set")
	}
	var w zsetWalk
	w.seek(&z, 0)
	lastMember, lastScore := "", 0.0
	for rank := range z.len() {
		member, score := w.member(), w.score()
		if score != score {
			return fmt.Errorf("the score of %q is NaN", member)
		}
		if rank > 0 && (score < lastScore || score == lastScore && member <= lastMember) {
			return fmt.Errorf("%q with %v comes behind %q with %v", member, score, lastMember, lastScore)
		}
		lastMember, lastScore = string([]byte(member)), score
		p, ok := z.find(lastMember)
		if !ok || p.score != score {
			return fmt.Errorf("%q is found: %v, with score %v instead of %v", lastMember, ok, p.score, score)
		}
		if got := z.rank(p, lastMember); got != rank {
			return fmt.Errorf("%q has rank %d instead of %d", lastMember, got, rank)
		}
		w.next()
	}
	return nil
}

// checkZsetRoot verifies what a big sorted set is made of.
func (kv *KVStore) checkZsetRoot(r *zsetRoot) error {
	if err := r.members.Check(kv.scoredType); err != nil {
		return err
	}
	if err := r.order.Check(kv.zsets.order); err != nil {
		return err
	}
	if r.members.Len() != r.order.Len() {
		return fmt.Errorf("%d members and %d scores", r.members.Len(), r.order.Len())
	}
	for e := range r.order.All(kv.zsets.order) {
		if want := scoreKey(*kv.scoreAt(e.Ref)); e.Key != want {
			return fmt.Errorf("the key of %q is %x instead of %x", kv.scoredType.Key(e.Ref), e.Key, want)
		}
	}
	return nil
}

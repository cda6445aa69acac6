package store

import (
	"fmt"
)

// checkBlocked verifies what must be true of the queues of blocked clients
// between two commands.
func (kv *KVStore) checkBlocked() error {
	if n := len(kv.blocked.ready); n != 0 {
		return fmt.Errorf("%d ready queues have not been served", n)
	}
	places := make(map[*waiter]int)
	for _, db := range kv.dbs {
		for key, q := range db.waiting {
			n, err := q.check()
			if err != nil || q.key != key || q.db != db || q.ready {
				return fmt.Errorf("queue of %q: %v", key, err)
			}
			for w := range n {
				places[w]++
			}
		}
	}
	for w, n := range places {
		if n != len(w.places) || w.client.waiter != w || w.client.parked != parkedOnKeys || kv.clients[w.client.id] != w.client {
			return fmt.Errorf("the waiter of client %d is in %d of %d queues, parked %d", w.client.id, n, len(w.places), w.client.parked)
		}
	}
	due := 0
	for _, c := range kv.clients {
		if (c.waiter != nil) != (c.parked == parkedOnKeys) || c.waiter != nil && places[c.waiter] == 0 {
			return fmt.Errorf("client %d is parked %d and waits for %v", c.id, c.parked, c.waiter)
		}
		if c.waiter != nil && c.waiter.deadlineNs != 0 {
			due++
		}
	}
	if due != len(kv.blocked.deadlines) {
		return fmt.Errorf("%d clients have a deadline, the heap has %d", due, len(kv.blocked.deadlines))
	}
	for i, w := range kv.blocked.deadlines {
		if w.deadline != i || i > 0 && kv.blocked.deadlines.less(i, (i-1)/2) {
			return fmt.Errorf("deadline %d is out of place", i)
		}
	}
	return nil
}

// check verifies a queue and returns who is in it.
func (q *waitQueue) check() (map[*waiter]bool, error) {
	all := make(map[*waiter]bool)
	groups := 0
	var last *queuePlace
	for p := q.first; p != nil; p = p.next {
		if p.prev != last || p.queue != q || all[p.waiter] {
			return nil, fmt.Errorf("place %d is wrong", len(all))
		}
		all[p.waiter] = true
		if p.waiter.needsStream {
			groups++
		}
		last = p
	}
	if q.last != last || last == nil || groups != q.groups {
		return nil, fmt.Errorf("last of %d places, %d of groups, is wrong", len(all), groups)
	}
	return all, nil
}

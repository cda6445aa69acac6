package store

// Propagation: what a command did, as the commands that replicas and the
// append-only file are to repeat. call is the funnel. A handler whose effect
// is random or depends on the moment names it with effect; otherwise the
// command goes out as it came.

// effects gathers what the command at hand is to be propagated as.
type effects struct {
	sink func(db int, args []string) // nil: nobody listens
	list [][]string
	set  bool // list replaces the command, though it may be empty
}

// effect says that the command at hand is to be propagated as args, in place
// of itself; several add up. Without args it is not propagated at all, unless
// more is said.
func (c *Client) effect(args ...string) {
	e := &c.kv.effects
	e.set = true
	if e.sink != nil && len(args) > 0 {
		e.list = append(e.list, args)
	}
}

// propagating reports whether anybody listens, so that it is worth while to
// name effects.
func (kv *KVStore) propagating() bool { return kv.effects.sink != nil }

// pending reports whether a handler named effects.
func (e *effects) pending() bool { return e.set }

// propagate hands on what the command did.
func (kv *KVStore) propagate(c *Client, args []string) {
	e := &kv.effects
	list := e.list
	replaced := e.set
	e.list, e.set = nil, false
	if e.sink == nil {
		return
	}
	if !replaced {
		e.sink(c.db.id, args)
		return
	}
	for _, l := range list {
		e.sink(c.db.id, l)
	}
}

// propagateDel hands on that a key went by itself, as UNLINK when lazy.
func (kv *KVStore) propagateDel(db *database, key string, lazy bool) {
	if kv.effects.sink != nil {
		kv.effects.sink(db.id, []string{delName(lazy), key})
	}
}

// delName is the command that deletes a key, and whether in the background.
func delName(lazy bool) string {
	if lazy {
		return "UNLINK"
	}
	return "DEL"
}

// propagateSet hands on a Set of the Go API.
func (kv *KVStore) propagateSet(db *database, key, value string, expiry int) {
	if kv.effects.sink == nil {
		return
	}
	args := []string{"SET", key, value}
	if expiry >= 0 {
		args = append(args, "PXAT", formatInt(kv.nowMs+int64(expiry)))
	}
	kv.effects.sink(db.id, args)
}

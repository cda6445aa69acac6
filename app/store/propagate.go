package store

// Propagation: what a command did, as the commands that replicas and the
// append-only file are to repeat. call is the funnel. A handler whose effect
// is random or depends on the moment names it with effect; otherwise the
// command goes out as it came.
//
// What one command or one EXEC did is one unit: those who listen see to it that
// all of it is repeated or nothing. Keys that expired on the way are part of it.

// effects gathers what the command at hand is to be propagated as.
type effects struct {
	sink func(db int, args []string) // nil: nobody listens
	end  func()                      // says that what the sink was given since is one unit; nil if nobody cares
	list [][]string
	set  bool // list replaces the command, though it may be empty
	due  bool // propagate is wanted, though the command may have changed nothing
}

// effect says that the command at hand is to be propagated as args, in place
// of itself; several add up. Without args it is not propagated at all, unless
// more is said.
func (c *Client) effect(args ...string) {
	e := &c.kv.effects
	e.set, e.due = true, true
	if e.sink != nil && len(args) > 0 {
		e.list = append(e.list, args)
	}
}

// propagating reports whether anybody listens, so that it is worth while to
// name effects.
func (kv *KVStore) propagating() bool { return kv.effects.sink != nil }

// pending reports whether there is anything for propagate but the command itself.
func (e *effects) pending() bool { return e.due }

// propagate hands on what the command did. changed says that it is one to repeat.
func (kv *KVStore) propagate(c *Client, args []string, changed bool) {
	e := &kv.effects
	list := e.list
	replaced := e.set
	e.list, e.set, e.due = nil, false, false
	if e.sink == nil {
		return
	}
	if !replaced && changed {
		e.sink(c.db.id, args)
	}
	for _, l := range list {
		e.sink(c.db.id, l)
	}
	if kv.nesting == 0 {
		kv.endUnit()
		c.written = kv.repl.stream.offset
	}
}

// applySinks has those listen who want to: the append-only file, and on a master the
// replication stream. That of a replica is its master's.
func (kv *KVStore) applySinks() {
	e, j, s := &kv.effects, kv.journal, &kv.repl.stream
	streaming := s.active() && kv.Info.Role != "slave"
	switch {
	case streaming && j != nil: // both have it in the same bytes
		e.sink = func(db int, args []string) {
			j.feed(db, args)
			s.feedEncoded(db, j.last())
		}
		e.end = func() {
			j.endUnit()
			s.endUnit()
		}
	case streaming:
		e.sink, e.end = s.feed, s.endUnit
	case j != nil:
		e.sink, e.end = j.feed, j.endUnit
	default:
		e.sink, e.end = nil, nil
	}
}

// endUnit ends what is to be repeated as a whole.
func (kv *KVStore) endUnit() {
	if kv.effects.end != nil {
		kv.effects.end()
	}
}

// propagateAside hands on a change that no client asked for: the end of a key or
// of fields. During a command it becomes part of what that one did, unless that
// comes across any keys: these have nothing to do with one another.
func (kv *KVStore) propagateAside(db *database, args ...string) {
	kv.effects.sink(db.id, args)
	if c := kv.client; c != nil && (kv.nesting > 0 || c.cmd == nil || !c.cmd.flags.has(wanders)) {
		kv.effects.due = true
	} else {
		kv.endUnit()
	}
}

// propagateToReplicas hands on a command that changes no data, so that the
// append-only file does not want it.
func (kv *KVStore) propagateToReplicas(c *Client, args []string) {
	if s := &kv.repl.stream; s.active() && kv.Info.Role != "slave" {
		s.feed(c.db.id, args)
		kv.effects.due = true
	}
}

// propagateDel hands on that a key went by itself, as UNLINK when lazy.
func (kv *KVStore) propagateDel(db *database, key string, lazy bool) {
	if kv.effects.sink != nil {
		kv.propagateAside(db, delName(lazy), key)
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
	kv.endUnit()
}

package store

import (
	"slices"
	"strconv"
	"strings"
)

// Where the keys are among a command's arguments: by the key specs of its
// record, or by a rule of its own where these cannot tell.

// A keyRef is the position of one key among a command's arguments, and what
// the command does with that key.
type keyRef struct {
	index int
	flags keyFlags
}

// A keyFinder appends the keys of a command that its specs cannot tell. It
// appends none when the arguments make no sense.
type keyFinder func(refs []keyRef, args []string) []keyRef

// hasKeys reports whether the command takes keys at all.
func (cmd *command) hasKeys() bool { return cmd.getKeys != nil || hasKeySpec(cmd.keys) }

// hasKeySpec reports whether one of the specs is of keys: those of shard
// channels are not.
func hasKeySpec(specs []keySpec) bool {
	for i := range specs {
		if !specs[i].flags.has(keyNotKey) {
			return true
		}
	}
	return false
}

// appendKeys appends the keys among args, whose number the record's arity has
// admitted. The specs are asked first; the command's own rule decides when the
// arguments do not suit them, when they do not tell all, or when what becomes
// of a key depends on the arguments.
func (cmd *command) appendKeys(refs []keyRef, args []string) []keyRef {
	if hasKeySpec(cmd.keys) {
		if found, ok := appendSpecified(refs, cmd.keys, args); ok {
			return found
		}
	}
	if cmd.getKeys != nil {
		return cmd.getKeys(refs, args)
	}
	return appendCounted(refs, cmd.keys, args)
}

// appendSpecified appends the keys that specs tell, and reports whether these
// are all there are and their flags hold.
func appendSpecified(refs []keyRef, specs []keySpec, args []string) ([]keyRef, bool) {
	for i := range specs {
		if specs[i].flags.has(keyVariable) {
			return refs, false
		}
	}
	for i := range specs {
		if specs[i].flags.has(keyNotKey) {
			continue
		}
		var ok bool
		if refs, ok = specs[i].appendKeys(refs, args); !ok {
			return refs, false
		}
	}
	return refs, true
}

// appendKeys appends the keys of one spec. It reports false when the arguments
// do not suit the spec or when the spec does not tell all keys.
func (s *keySpec) appendKeys(refs []keyRef, args []string) ([]keyRef, bool) {
	if s.unknown {
		return refs, false
	}
	first := s.index
	if s.keyword != "" {
		if first = s.behindKeyword(args); first == 0 {
			return refs, true
		}
	}
	first, last, ok := s.span(args, first)
	if !ok || first >= len(args) || last >= len(args) || last < first {
		return refs, false
	}
	for i := first; i <= last; i += max(1, s.step) {
		refs = append(refs, keyRef{i, s.flags})
	}
	return refs, !s.flags.has(keyIncomplete)
}

// span is the first and the last argument that may be a key, the search having
// come to argument first.
func (s *keySpec) span(args []string, first int) (int, int, bool) {
	switch {
	case s.numkeys:
		if first >= len(args) {
			return 0, 0, false
		}
		n, ok := canonicalInt(args[first])
		if !ok || n < 0 || n > int64(len(args)) {
			return 0, 0, false
		}
		return first + 1, first + int(n), true
	case s.last >= 0:
		return first, first + s.last, true
	case s.limit == 0:
		return first, len(args) + s.last, true
	}
	return first, first + (len(args)-first)/s.limit + s.last, true
}

// appendCounted is the last resort for commands that say how many keys they
// have, in a number that no spec understands: "01", "+2" or "2x". The command
// will refuse most of these, but COMMAND GETKEYS answers: the keys, then the
// destination, and nothing of what becomes of them.
func appendCounted(refs []keyRef, specs []keySpec, args []string) []keyRef {
	i := slices.IndexFunc(specs, func(s keySpec) bool { return s.numkeys })
	if i < 0 || specs[i].index >= len(args) {
		return refs
	}
	first := specs[i].index + 1
	n := leadingInt(args[first-1])
	if n < 1 || n > len(args)-first {
		return refs
	}
	for at := first; at < first+n; at++ {
		refs = append(refs, keyRef{index: at})
	}
	if i > 0 {
		refs = append(refs, keyRef{index: specs[0].index})
	}
	return refs
}

// leadingInt is the number that a text begins with, as C's atoi has it: 0 when
// there is none.
func leadingInt(s string) int {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	end := 0
	if s != "" && (s[0] == '+' || s[0] == '-') {
		end = 1
	}
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	n, _ := strconv.ParseInt(s[:end], 10, 64) // saturates, as strtol does
	return int(n)
}

// behindKeyword is the place behind the keyword, 0 when it is not there. The
// search goes forward from an argument, or backward from one counted from the
// end. The one it would come to last is not looked at: nothing could follow it.
func (s *keySpec) behindKeyword(args []string) int {
	if s.from > 0 {
		for i := s.from; i < len(args)-1; i++ {
			if is(args[i], s.keyword) {
				return i + 1
			}
		}
		return 0
	}
	for i := len(args) + s.from; i > 1; i-- {
		if is(args[i], s.keyword) {
			return i + 1
		}
	}
	return 0
}

// legacyRange is what the specs come to in the older terms of first key, last
// key and step: the ranges that follow one another, taken as one. It is all
// zeros when there is none.
func legacyRange(specs []keySpec) (first, last, step int) {
	for i := range specs {
		s := &specs[i]
		if s.keyword != "" || s.numkeys || s.unknown || s.index == 0 {
			continue
		}
		if len(specs) > 1 && (s.step != 1 || first > 0 && last != s.index-1) {
			continue
		}
		if first == 0 {
			first, step = s.index, s.step
		}
		if last = s.last; last >= 0 {
			last += s.index
		}
	}
	return first, last, step
}

// setKeys is the rule of SET, which reads its key only with GET.
func setKeys(refs []keyRef, args []string) []keyRef {
	for _, arg := range args[3:] {
		if is(arg, "get") {
			return append(refs, keyRef{1, keyRW | keyAccess | keyUpdate})
		}
	}
	return append(refs, keyRef{1, keyOW | keyUpdate})
}

// bitfieldKeys is the rule of BITFIELD, which only reads when every operation
// is a GET.
func bitfieldKeys(refs []keyRef, args []string) []keyRef {
	changes := keyRef{1, keyRW | keyAccess | keyUpdate}
	for i := 2; i < len(args); i++ {
		left := len(args) - i - 1
		switch {
		case is(args[i], "get") && left >= 2:
			i += 2
		case is(args[i], "overflow") && left >= 1:
			i++
		default:
			return append(refs, changes)
		}
	}
	return append(refs, keyRef{1, keyRO | keyAccess})
}

// sortROKeys is the rule of SORT_RO. The keys that BY and GET make of the
// elements cannot be told.
func sortROKeys(refs []keyRef, args []string) []keyRef {
	return append(refs, keyRef{1, keyRO | keyAccess})
}

// sortKeys is the rule of SORT, where the last STORE counts.
func sortKeys(refs []keyRef, args []string) []keyRef {
	refs = sortROKeys(refs, args)
	dest := 0
	for i := 2; i < len(args); i++ {
		switch {
		case is(args[i], "limit"):
			i += 2
		case is(args[i], "get"), is(args[i], "by"):
			i++
		case is(args[i], "store") && i+1 < len(args):
			dest = i + 1
		}
	}
	if dest > 0 {
		refs = append(refs, keyRef{dest, keyOW | keyUpdate})
	}
	return refs
}

// migrateKeys is the rule of MIGRATE: one key in its place, or, when that is
// the empty string, all that follow KEYS.
func migrateKeys(refs []keyRef, args []string) []keyRef {
	first, end := 3, 4
	for i := 6; i < len(args); i++ {
		if is(args[i], "keys") {
			if args[3] != "" {
				return refs
			}
			first, end = i+1, len(args)
			break
		}
		switch {
		case is(args[i], "auth"):
			i++
		case is(args[i], "auth2"):
			i += 2
		}
	}
	for i := first; i < end; i++ {
		refs = append(refs, keyRef{i, keyRW | keyAccess | keyDelete})
	}
	return refs
}

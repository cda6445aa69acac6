package config

import "strings"

// Classes of keyspace events, the bits of notify-keyspace-events.
const (
	EventKeyspace = 1 << iota // K: publish to __keyspace@<db>__
	EventKeyevent             // E: publish to __keyevent@<db>__
	EventGeneric              // g
	EventString               // $
	EventList                 // l
	EventSet                  // s
	EventHash                 // h
	EventZset                 // z
	EventExpired              // x
	EventEvicted              // e
	EventStream               // t
	EventKeyMiss              // m, not among A
	_                         // a class that only modules of Redis see
	EventModule               // d
	EventNew                  // n, not among A

	EventAll = EventGeneric | EventString | EventList | EventSet | EventHash | EventZset |
		EventExpired | EventEvicted | EventStream | EventModule // A
)

// eventLetters lists the classes in the order in which CONFIG GET prints them.
// The first group disappears behind an A when all of EventAll is set, and n
// with it: Redis prints "A" for "An", and so do we.
var eventLetters = []struct {
	letter byte
	bit    int
	inAll  bool
}{
	{'g', EventGeneric, true},
	{'$', EventString, true},
	{'l', EventList, true},
	{'s', EventSet, true},
	{'h', EventHash, true},
	{'z', EventZset, true},
	{'x', EventExpired, true},
	{'e', EventEvicted, true},
	{'t', EventStream, true},
	{'d', EventModule, true},
	{'n', EventNew, true},
	{'K', EventKeyspace, false},
	{'E', EventKeyevent, false},
	{'m', EventKeyMiss, false},
}

const errEventClass reason = "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."

// KeyspaceEventFlags returns the classes that letters name, in any order.
func KeyspaceEventFlags(letters string) (int, error) {
	flags := 0
	for _, c := range []byte(cstring(letters)) {
		bit := eventBit(c)
		if bit == 0 {
			return 0, errEventClass
		}
		flags |= bit
	}
	return flags, nil
}

// eventBit returns the class or classes that a letter names, 0 for none.
func eventBit(letter byte) int {
	if letter == 'A' {
		return EventAll
	}
	for _, e := range eventLetters {
		if e.letter == letter {
			return e.bit
		}
	}
	return 0
}

// KeyspaceEventLetters returns the letters of flags in Redis's normal form.
func KeyspaceEventLetters(flags int) string {
	var b strings.Builder
	all := flags&EventAll == EventAll
	if all {
		b.WriteByte('A')
	}
	for _, e := range eventLetters {
		if flags&e.bit != 0 && !(all && e.inAll) {
			b.WriteByte(e.letter)
		}
	}
	return b.String()
}

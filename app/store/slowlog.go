package store

import (
	"fmt"
	"slices"
	"strings"
)

// The slow log keeps the last commands that took long, with their arguments cut.
// What waits for others does not count: only the execution does.

// Bounds of what an entry shows of a command, as in Redis.
const (
	slowArgsMax  = 32
	slowBytesMax = 128
)

// A slowEntry is a command that took long.
type slowEntry struct {
	id     int64
	second int64 // when it had run
	us     int64
	args   []string
	addr   string
	name   string // of the client
}

// slowState is the slow log.
type slowState struct {
	fromNs  int64       // slowlog-log-slower-than, negative for no log
	max     int64       // slowlog-max-len
	nextID  int64       // never starts again
	entries []slowEntry // the newest last
}

// slowLog logs a command if it took long enough.
func (kv *KVStore) slowLog(c *Client, cmd *command, args []string, ns int64) {
	s := &kv.slow
	if s.fromNs < 0 || ns < s.fromNs || cmd.flags.has(skipSlowlog) {
		return
	}
	s.entries = append(s.entries, slowEntry{
		id:     s.nextID,
		second: kv.wallTime().Unix(),
		us:     ns / 1000,
		args:   cutArgs(kv.withoutSecrets(cmd, args)),
		addr:   c.addr,
		name:   c.name,
	})
	s.nextID++
	s.trim()
}

// trim drops the oldest entries beyond the limit.
func (s *slowState) trim() {
	if over := int64(len(s.entries)) - s.max; over > 0 {
		clear(s.entries[:over])
		s.entries = s.entries[over:]
	}
}

// cutArgs copies what an entry shows of the arguments.
func cutArgs(args []string) []string {
	more := 0
	if len(args) > slowArgsMax {
		more = len(args) - slowArgsMax + 1
		args = args[:slowArgsMax-1]
	}
	shown := slices.Clone(args)
	for i, arg := range args {
		if over := len(arg) - slowBytesMax; over > 0 {
			shown[i] = fmt.Sprintf("%s... (%d more bytes)", arg[:slowBytesMax], over)
		} else {
			shown[i] = strings.Clone(arg)
		}
	}
	if more > 0 {
		shown = append(shown, fmt.Sprintf("... (%d more arguments)", more))
	}
	return shown
}

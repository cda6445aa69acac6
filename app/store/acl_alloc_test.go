package store

import (
	"strings"
	"testing"
)

// What is watched and permitted costs no memory: a user with patterns and selectors, a
// slow log and latency monitor that are on but see nothing slow, and the statistics that
// are always on.
func TestWatchedCommandsDoNotAllocate(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rules string
		set   string // CONFIG SET
	}{
		{"everything permitted", "+@all ~* &*", "slowlog-log-slower-than 1000000"},
		{"one command refused", "+@all -config ~* &*", "slowlog-log-slower-than 1000000 latency-monitor-threshold 1000"},
		{"patterns", "+@all ~x* %R~k* %W~k* %RW~key:*", "slowlog-log-slower-than 1000000 latency-monitor-threshold 1000"},
		{"selectors", "+ping (+@all ~x*) (+@read %R~key:*) (+@write +get ~key:*)", "latency-tracking yes latency-monitor-threshold 1000"},
		{"channels", "+@all ~* &chan*", "latency-tracking yes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			kv := New()
			defer kv.Close()
			s := newSession(t, kv)
			s.expect("ACL SETUSER u on nopass "+tt.rules, "OK")
			s.expect("CONFIG SET "+tt.set, "OK")
			c := newSession(t, kv)
			c.expect("SET key:1 value", "OK")
			c.expect("AUTH u x", "OK")
			for _, line := range []string{"GET key:1", "SET key:1 other", "MGET key:1 key:2", "EXISTS key:1", "TTL key:1", "STRLEN key:1"} {
				args := strings.Fields(line)
				if reply := c.do(args...); strings.HasPrefix(reply, "NOPERM") {
					if tt.name != "selectors" {
						t.Errorf("%s: %s", line, reply)
					}
					continue
				}
				if n := c.allocationsWatched(args); n != 0 {
					t.Errorf("%s allocates %v times", line, n)
				}
			}
		})
	}
}

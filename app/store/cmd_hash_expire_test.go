package store

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// inFakeTime runs a test of a checked store that nobody serves, in time that
// starts at midnight of 1 January 2000.
func inFakeTime(t *testing.T, test func(t *testing.T, kv *KVStore, s *session)) {
	synctest.Test(t, func(t *testing.T) {
		kv := newChecked(t)
		kv.expiry.off = true
		test(t, kv, newSession(t, kv))
		if err := kv.check(); err != nil {
			t.Error(err)
		}
	})
}

// TestFieldExpiryReplies runs scripts, a command and its answer on each line. No
// redis-server of the version that the project compares with has these commands.
func TestFieldExpiryReplies(t *testing.T) {
	const now = "946684800" // when fake time starts
	for _, tt := range []struct{ name, script string }{
		{"no key", `
			HEXPIRE h 10 FIELDS 2 a b | [-2 -2]
			HPEXPIRE h 0 FIELDS 1 a | [-2]
			HEXPIREAT h 1 FIELDS 1 a | [-2]
			HPEXPIREAT h 1 NX FIELDS 1 a | [-2]
			HTTL h FIELDS 2 a b | [-2 -2]
			HPTTL h FIELDS 1 a | [-2]
			HEXPIRETIME h FIELDS 1 a | [-2]
			HPEXPIRETIME h FIELDS 1 a | [-2]
			HPERSIST h FIELDS 3 a b a | [-2 -2 -2]
			EXISTS h | 0`},
		{"set and tell", `
			HSET h a 1 b 2 c 3 | 3
			HTTL h FIELDS 2 a none | [-1 -2]
			HEXPIRE h 10 FIELDS 3 a none b | [1 -2 1]
			HTTL h FIELDS 4 a b c none | [10 10 -1 -2]
			HPTTL h FIELDS 4 a b c none | [10000 10000 -1 -2]
			HEXPIRETIME h FIELDS 2 a c | [` + now[:7] + `10 -1]
			HPEXPIRETIME h FIELDS 2 a c | [` + now[:7] + `10000 -1]
			HPEXPIRE h 1500 FIELDS 1 a | [1]
			HTTL h FIELDS 1 a | [2]
			HPTTL h FIELDS 1 a | [1500]
			HEXPIRETIME h FIELDS 1 a | [` + now[:7] + `02]
			HEXPIREAT h ` + now[:7] + `20 FIELDS 1 b | [1]
			HTTL h FIELDS 1 b | [20]
			HPEXPIREAT h ` + now[:7] + `30001 FIELDS 1 c | [1]
			HPTTL h FIELDS 1 c | [30001]
			OBJECT ENCODING h | "hashtable"
			TTL h | -1
			HPERSIST h FIELDS 4 a none a b | [1 -2 -1 1]
			HTTL h FIELDS 3 a b c | [-1 -1 31]`},
		{"conditions", `
			HSET h a 1 b 2 | 2
			HEXPIRE h 10 XX FIELDS 1 a | [0]
			HEXPIRE h 10 GT FIELDS 1 a | [0]
			HEXPIRE h 10 NX FIELDS 1 a | [1]
			HEXPIRE h 20 NX FIELDS 2 a b | [0 1]
			HEXPIRE h 20 GT FIELDS 2 a b | [1 0]
			HEXPIRE h 20 LT FIELDS 2 a b | [0 0]
			HEXPIRE h 5 lt FIELDS 2 a none | [1 -2]
			HEXPIRE h 7 xx fields 2 a b | [1 1]
			HPERSIST h FIELDS 1 a | [1]
			HEXPIRE h 100 LT FIELDS 1 a | [1]
			HTTL h FIELDS 2 a b | [100 7]
			HEXPIRE h 1 NX FIELDS 2 a a | [0 0]
			HSET n f 1 | 1
			HEXPIRE n 10 NX FIELDS 2 f f | [1 0]
			HSET l f 1 | 1
			HEXPIRE l 10 XX FIELDS 1 f | [0]
			OBJECT ENCODING l | "listpack"`},
		{"in the past", `
			HSET h a 1 b 2 c 3 d 4 | 4
			HEXPIRE h 0 FIELDS 1 a | [2]
			HPEXPIREAT h 1 FIELDS 3 b a b | [2 -2 -2]
			HEXPIREAT h ` + now + ` XX FIELDS 1 c | [0]
			HEXPIREAT h ` + now + ` NX FIELDS 1 c | [2]
			HGETALL h | ["d" "4"]
			OBJECT ENCODING h | "listpack"
			HEXPIRE h 10 FIELDS 1 d | [1]
			HPEXPIRE h 0 GT FIELDS 1 d | [0]
			HPEXPIRE h 0 LT FIELDS 2 d e | [2 -2]
			EXISTS h | 0`},
		{"what keeps the expiry and what does not", `
			HSET h a 1 b 2 c 3 d 4 | 4
			HEXPIRE h 10 FIELDS 4 a b c d | [1 1 1 1]
			HSET h a 5 | 0
			HINCRBY h b 1000000 | 1000002
			HINCRBYFLOAT h c 1.5 | "4.5"
			HSETNX h d 1 | 0
			HTTL h FIELDS 4 a b c d | [-1 10 10 10]
			HDEL h b | 1
			HSET h b 1 | 1
			HMSET h c 1 | OK
			HTTL h FIELDS 3 b c d | [-1 -1 10]
			RENAME h i | OK
			HTTL i FIELDS 1 d | [10]
			COPY i h | 1
			HTTL h FIELDS 2 c d | [-1 10]
			HPERSIST i FIELDS 1 d | [1]
			HTTL h FIELDS 1 d | [10]
			EXPIRE h 100 | 1
			MOVE h 5 | 1
			SELECT 5 | OK
			HTTL h FIELDS 1 d | [10]
			TTL h | 100
			SWAPDB 5 6 | OK
			SELECT 6 | OK
			HTTL h FIELDS 1 d | [10]
			SET h v | OK`},
		{"errors", "SET s v | OK\n" + `
			HSET h a 1 | 1
			HEXPIRE s x FIELDS 1 a | WRONGTYPE Operation against a key holding the wrong kind of value
			HTTL s FIELDS 0 a | WRONGTYPE Operation against a key holding the wrong kind of value
			HPERSIST s FIELDS 0 a | WRONGTYPE Operation against a key holding the wrong kind of value
			HEXPIRE h x FIELDS 1 a | ERR value is not an integer or out of range
			HEXPIRE h 1.5 FIELDS 1 a | ERR value is not an integer or out of range
			HEXPIRE none x FIELDS 1 a | ERR value is not an integer or out of range
			HEXPIRE h -1 FIELDS 1 a | ERR invalid expire time, must be >= 0
			HPEXPIREAT h -9223372036854775808 FIELDS 1 a | ERR invalid expire time, must be >= 0
			HEXPIRE h 9223372036854775807 FIELDS 1 a | ERR invalid expire time in 'hexpire' command
			HEXPIREAT h 70368744178 FIELDS 1 a | ERR invalid expire time in 'hexpireat' command
			HPEXPIRE h 70368744177663 FIELDS 1 a | ERR invalid expire time in 'hpexpire' command
			HPEXPIREAT h 70368744177664 FIELDS 1 a | ERR invalid expire time in 'hpexpireat' command
			HPEXPIREAT h 70368744177663 FIELDS 1 a | [1]
			HEXPIREAT h 70368744177 FIELDS 1 a | [1]
			HEXPIRE h 1 FIELD 1 a | ERR Mandatory argument FIELDS is missing or not at the right position
			HEXPIRE h 1 NX XX FIELDS 1 a | ERR Mandatory argument FIELDS is missing or not at the right position
			HEXPIRE h 1 FIELDS 1 NX a | ERR The ` + "`numfields`" + ` parameter must match the number of arguments
			HEXPIRE h 1 BAD FIELDS 1 a | ERR Mandatory argument FIELDS is missing or not at the right position
			HEXPIRE h 1 FIELDS 0 a | ERR Parameter ` + "`numFields`" + ` should be greater than 0
			HEXPIRE h 1 FIELDS -1 a | ERR Parameter ` + "`numFields`" + ` should be greater than 0
			HEXPIRE h 1 FIELDS x a | ERR Parameter ` + "`numFields`" + ` should be greater than 0
			HEXPIRE h 1 FIELDS 2 a | ERR The ` + "`numfields`" + ` parameter must match the number of arguments
			HEXPIRE h 1 FIELDS 1 a b | ERR The ` + "`numfields`" + ` parameter must match the number of arguments
			HEXPIRE h 1 NX FIELDS 1 | ERR The ` + "`numfields`" + ` parameter must match the number of arguments
			HEXPIRE none 1 FIELDS 2 a | ERR The ` + "`numfields`" + ` parameter must match the number of arguments
			HTTL h FIELD 1 a | ERR Mandatory argument FIELDS is missing or not at the right position
			HTTL h FIELDS 0 a | ERR Number of fields must be a positive integer
			HPTTL h FIELDS x a | ERR Number of fields must be a positive integer
			HPERSIST h FIELDS 0 a | ERR Number of fields must be a positive integer
			HEXPIRETIME h FIELDS 1 a b | ERR The ` + "`numfields`" + ` parameter must match the number of arguments
			HPEXPIRETIME none FIELDS 3 a b | ERR The ` + "`numfields`" + ` parameter must match the number of arguments
			HEXPIRE h 1 FIELDS 1 | ERR wrong number of arguments for 'hexpire' command
			HEXPIREAT h 1 FIELDS 1 | ERR wrong number of arguments for 'hexpireat' command
			HPEXPIRE h 1 FIELDS 1 | ERR wrong number of arguments for 'hpexpire' command
			HPEXPIREAT h 1 FIELDS 1 | ERR wrong number of arguments for 'hpexpireat' command
			HTTL h FIELDS 1 | ERR wrong number of arguments for 'httl' command
			HPTTL h FIELDS 1 | ERR wrong number of arguments for 'hpttl' command
			HEXPIRETIME h FIELDS 1 | ERR wrong number of arguments for 'hexpiretime' command
			HPEXPIRETIME h FIELDS 1 | ERR wrong number of arguments for 'hpexpiretime' command
			HPERSIST h FIELDS 1 | ERR wrong number of arguments for 'hpersist' command`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inFakeTime(t, func(t *testing.T, kv *KVStore, s *session) {
				for line := range strings.Lines(tt.script) {
					if command, want, ok := strings.Cut(strings.TrimSpace(line), " | "); ok {
						s.expect(command, want)
					}
				}
			})
		})
	}
}

// TestExpiredFieldsAreGone reads a hash in every way when a field's time is over
// and nobody has removed it, in each situation in which it is removed or hidden.
func TestExpiredFieldsAreGone(t *testing.T) {
	situations := map[string]func(kv *KVStore){
		"met by commands": func(kv *KVStore) {},
		"paused":          func(kv *KVStore) { kv.pause.kind = pauseWrites },
		"replica":         func(kv *KVStore) { kv.Info.Role = "slave" },
	}
	for name, enter := range situations {
		for _, row := range []struct{ command, want string }{
			{"HGET h gone", "nil"}, {"HGET h stays", `"v"`}, {"HMGET h gone stays gone", `[nil "v" nil]`}, {"HGETALL h", `["stays" "v"]`},
			{"HKEYS h", `["stays"]`}, {"HVALS h", `["v"]`}, {"HLEN h", "1"}, {"HEXISTS h gone", "0"}, {"HSTRLEN h gone", "0"},
			{"HRANDFIELD h", `"stays"`}, {"HRANDFIELD h 5", `["stays"]`}, {"HRANDFIELD h -3", `["stays" "stays" "stays"]`},
			{"HRANDFIELD h 1", `["stays"]`}, {"HSCAN h 0", `["0" ["stays" "v"]]`}, {"HTTL h FIELDS 2 gone stays", "[-2 -1]"},
			{"HPEXPIRETIME h FIELDS 1 gone", "[-2]"}, {"EXISTS h", "1"},
		} {
			inFakeTime(t, func(t *testing.T, kv *KVStore, s *session) {
				s.expect("HSET h gone x stays v", "2")
				s.expect("HPEXPIRE h 10 FIELDS 1 gone", "[1]")
				s.expect("HSET all a 1 b 2", "2")
				s.expect("HPEXPIRE all 10 FIELDS 2 a b", "[1 1]")
				pass(10 * time.Millisecond)
				s.expect("HGET h gone", `"x"`)
				pass(time.Millisecond)
				enter(kv)
				if got := s.do(strings.Fields(row.command)...); got != row.want {
					t.Errorf("%s: %s: got %s, want %s", name, row.command, got, row.want)
				}
				whole := strings.Replace(row.command, " h", " all", 1)
				want := map[string]string{"HLEN all": "0", "HGETALL all": "[]", "HRANDFIELD all": "nil", "HRANDFIELD all 5": "[]",
					"HRANDFIELD all -3": "[]", "HSCAN all 0": `["0" []]`, "HTTL all FIELDS 2 gone stays": "[-2 -2]"}[whole]
				if want != "" {
					s.expect(whole, want)
				}
			})
		}
	}
}

// TestWritesOfExpiredFields treat them as gone.
func TestWritesOfExpiredFields(t *testing.T) {
	for _, row := range []struct{ command, want, propagated string }{
		{"HSET h f w", "1", "HDEL h f, HSET h f w"},
		{"HSETNX h f w", "1", "HDEL h f, HSETNX h f w"},
		{"HINCRBY h f 3", "3", "HDEL h f, HINCRBY h f 3"},
		{"HINCRBYFLOAT h f 3", `"3"`, "HDEL h f, HSET h f 3"},
		{"HDEL h f", "0", "HDEL h f"},
		{"HPERSIST h FIELDS 1 f", "[-2]", "HDEL h f"},
		{"HEXPIRE h 10 FIELDS 1 f", "[-2]", "HDEL h f"},
		{"HGET h f", "nil", "HDEL h f"},
		{"EXISTS h", "1", ""},
	} {
		// With many more than a command removes the field itself is still there.
		for _, many := range []bool{false, true} {
			inFakeTime(t, func(t *testing.T, kv *KVStore, s *session) {
				s.expect("HSET h f 5 g 1", "2")
				if many {
					for i := range 3 * fieldStep {
						s.do("HSET", "h", formatInt(int64(i)), "v")
						s.do("HPEXPIRE", "h", "5", "FIELDS", "1", formatInt(int64(i)))
					}
				}
				s.expect("HPEXPIRE h 10 FIELDS 1 f", "[1]")
				pass(11 * time.Millisecond)
				var got []string
				kv.effects.sink = func(db int, args []string) {
					if !many || args[0] != "HDEL" || args[2] == "f" {
						got = append(got, strings.Join(args, " "))
					}
				}
				if !many || row.command != "HDEL h f" { // which then deletes it itself
					s.expect(row.command, row.want)
					if all := strings.Join(got, ", "); all != row.propagated && !(many && strings.HasPrefix(row.command, "HGET")) {
						t.Errorf("%s: propagated %q, want %q", row.command, all, row.propagated)
					}
				}
			})
		}
	}
}

// TestReplicaWritesExpiredFields has a replica do what its master says to fields
// whose time seems to be over already.
func TestReplicaWritesExpiredFields(t *testing.T) {
	inFakeTime(t, func(t *testing.T, kv *KVStore, s *session) {
		s.expect("HSET h a 5 b 5 c 5", "3")
		s.expect("HPEXPIRE h 10 FIELDS 3 a b c", "[1 1 1]")
		kv.Info.Role = "slave"
		pass(time.Second)
		s.expect("HLEN h", "0")
		s.expect("HINCRBY h a 2", "7")
		s.expect("HPERSIST h FIELDS 1 a", "[1]")
		s.expect("HSETNX h b 1", "0")
		s.expect("HDEL h b", "1")
		s.expect("HPEXPIREAT h 5 FIELDS 1 a", "[1]")
		s.expect("HLEN h", "0")
		s.expect("HSET h c 1", "0")
		s.expect("HGETALL h", `["c" "1"]`)
	})
}

// TestFieldExpiryPropagates as what the commands did.
func TestFieldExpiryPropagates(t *testing.T) {
	inFakeTime(t, func(t *testing.T, kv *KVStore, s *session) {
		s.expect("HSET h a 1 b 2 c 3", "3")
		var got []string
		kv.effects.sink = func(db int, args []string) { got = append(got, strings.Join(args, " ")) }
		for _, row := range []struct {
			command string
			want    []string
		}{
			{"HEXPIRE h 10 FIELDS 3 a none b", []string{"HPEXPIREAT h 946684810000 FIELDS 2 a b"}},
			{"HPEXPIREAT h 946684820000 NX FIELDS 2 a c", []string{"HPEXPIREAT h 946684820000 FIELDS 1 c"}},
			{"HEXPIRE h 10 NX FIELDS 1 a", nil},
			{"HEXPIRE h 10 FIELDS 1 none", nil},
			{"HINCRBYFLOAT h a 0.5", []string{"HSET h a 1.5", "HPEXPIREAT h 946684810000 FIELDS 1 a"}},
			{"HPERSIST h FIELDS 2 a none", []string{"HPERSIST h FIELDS 2 a none"}},
			{"HPERSIST h FIELDS 1 a", nil},
			{"HINCRBYFLOAT h a 0.5", []string{"HSET h a 2"}},
			{"HEXPIRE h 0 FIELDS 3 none b c", []string{"HDEL h b c"}},
			{"HTTL h FIELDS 1 a", nil},
		} {
			got = nil
			s.do(strings.Fields(row.command)...)
			if !slices.Equal(got, row.want) {
				t.Errorf("%s: propagated %q, want %q", row.command, got, row.want)
			}
		}
		if dirty := kv.dirty; dirty != 3+2+1+1+1+1+2 {
			t.Errorf("%d changes", dirty)
		}
	})
}

// TestFieldExpiryEvents compares the keyspace events of commands on fields that
// expire, and of these when they go.
func TestFieldExpiryEvents(t *testing.T) {
	bubble(t, func(t *testing.T, kv *KVStore, p *pipe) {
		p.expect("CONFIG SET notify-keyspace-events Ehg", "OK")
		listener := connect(t, kv)
		listener.expect("PSUBSCRIBE *", `["psubscribe" "*" 1]`)
		for _, row := range []struct{ command, want, events string }{
			{"HSET h a 1 b 1 c 1 d 1 e 1 f 1 g 1", "7", "hset"},
			{"HEXPIRE h 10 FIELDS 2 a b", "[1 1]", "hexpire"},
			{"HEXPIRE h 10 NX FIELDS 2 a b", "[0 0]", ""},
			{"HPERSIST h FIELDS 2 a b", "[1 1]", "hpersist"},
			{"HPERSIST h FIELDS 2 a b", "[-1 -1]", ""},
			{"HEXPIRE h 0 FIELDS 2 a b", "[2 2]", "hdel"},
			{"HPEXPIRE h 10 FIELDS 2 c d", "[1 1]", "hexpire"},
			{"", "", "hexpired"},
			{"HPEXPIRE h 10 FIELDS 1 e", "[1]", "hexpire"},
			{"HDEL h e", "1", "hdel"},
			{"", "", ""},
			{"HPEXPIRE h 10 FIELDS 2 f g", "[1 1]", "hexpire"},
			{"DEBUG SET-ACTIVE-EXPIRE 0", "OK", ""},
			{"", "", ""},
			{"HMGET h f g", "[nil nil]", "hexpired del"},
			{"DEBUG SET-ACTIVE-EXPIRE 1", "OK", ""},
			{"HSET h a 1", "1", "hset"},
			{"HPEXPIRE h 10 FIELDS 1 a", "[1]", "hexpire"},
			{"", "", "hexpired del"},
			{"HSET h a 1", "1", "hset"},
			{"HPEXPIREAT h 1 FIELDS 1 a", "[2]", "hdel del"},
		} {
			if row.command == "" {
				pass(50 * time.Millisecond)
			} else {
				p.expect(row.command, row.want)
			}
			for _, event := range strings.Fields(row.events) {
				listener.read(`["pmessage" "*" "__keyevent@0__:` + event + `" "h"]`)
			}
			listener.expect("PING", `["pong" ""]`) // there is no other
		}
	})
}

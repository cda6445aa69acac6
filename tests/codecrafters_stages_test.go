package tests

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The stages that are nothing but commands and replies. Options are lower-case where
// the runner writes them so.

// expiry is how long the runner waits for a key that it gave 100 ms.
const expiry = 101 * time.Millisecond

var stageTable = map[string][]stageStep{
	// Base.
	"jm1": {},
	"rg2": {{"PING", status("PONG")}},
	"wy1": {{"PING", status("PONG")}, {"PING", status("PONG")}, {"PING", status("PONG")}},
	"zu2": {
		{"PING", status("PONG")}, {"2> PING", status("PONG")}, {"PING", status("PONG")}, {"PING", status("PONG")},
		{"2> PING", status("PONG")}, {"3> PING", status("PONG")}, {"2!", nil}, {"1!", nil},
	},
	"qq0": {{"ECHO pineapple", "pineapple"}},
	"la7": {{"SET apple banana", status("OK")}, {"GET apple", "banana"}},
	"yz1": {{"SET apple grape px 100", status("OK")}, {"after expiry", nil}, {"GET apple", nullBulk{}}, {"SET apple grape PX 100000", status("OK")}, {"GET apple", "grape"}},

	// Lists.
	"mh6": {{"RPUSH mango foo", 1}},
	"tn7": {{"RPUSH mango foo", 1}, {"RPUSH mango bar", 2}},
	"lx4": {{"RPUSH mango foo bar", 2}, {"RPUSH mango baz pear apple", 5}},
	"sf6": {
		{"RPUSH pear a b c d e", 5}, {"LRANGE pear 0 1", bulks("a", "b")}, {"LRANGE pear 2 4", bulks("c", "d", "e")},
		{"LRANGE pear 0 9", bulks("a", "b", "c", "d", "e")}, {"LRANGE pear 1 0", emptyArray{}}, {"LRANGE pear 5 7", emptyArray{}},
		{"LRANGE nosuch 0 1", emptyArray{}},
	},
	"ri1": {
		{"RPUSH pear a b c d e", 5}, {"LRANGE pear -2 -1", bulks("d", "e")}, {"LRANGE pear 0 -3", bulks("a", "b", "c")},
		{"LRANGE pear 2 -1", bulks("c", "d", "e")}, {"LRANGE pear -6 -4", bulks("a", "b")}, {"LRANGE pear -1 -2", emptyArray{}},
	},
	"gu5": {{"LPUSH apple c", 1}, {"LPUSH apple b a", 3}, {"LRANGE apple 0 -1", bulks("a", "b", "c")}},
	"fv6": {{"RPUSH apple a b c d", 4}, {"LLEN apple", 4}, {"LLEN nosuch", 0}},
	"ef1": {{"RPUSH apple a b c d", 4}, {"LPOP apple", "a"}, {"LRANGE apple 0 -1", bulks("b", "c", "d")}, {"LPOP nosuch", nullBulk{}}},
	"jp1": {{"RPUSH apple a b c d", 4}, {"LPOP apple 2", bulks("a", "b")}, {"LRANGE apple 0 -1", bulks("c", "d")}},
	"ec3": {
		{"BLPOP apple 0", noReply{}}, {"blocked 1", nil}, {"2> BLPOP apple 0", noReply{}}, {"blocked 2", nil},
		{"3> RPUSH apple foo", 1}, {"1<", bulks("apple", "foo")}, {"2!", nil},
	},
	"xj7": {
		{"BLPOP apple 0.3", noReply{}}, {"1<", nullArray{}}, {"BLPOP apple 5.5", noReply{}}, {"blocked 1", nil},
		{"2> RPUSH apple foo", 1}, {"1<", bulks("apple", "foo")},
	},

	// Streams.
	"cc3": {{"SET apple banana", status("OK")}, {"TYPE apple", status("string")}, {"TYPE nosuch", status("none")}},
	"cf6": {{"XADD grape 0-1 foo bar", "0-1"}, {"TYPE grape", status("stream")}},
	"hq8": {
		{"XADD grape 1-1 foo bar", "1-1"}, {"XADD grape 1-2 bar baz", "1-2"}, {"XADD grape 1-2 baz foo", errXaddSmaller},
		{"XADD grape 0-3 baz foo", errXaddSmaller}, {"XADD grape 0-0 baz foo", errXaddZero}, {"XADD nosuch 0-0 baz foo", errXaddZero},
	},
	"yh3": {
		{"XADD grape 0-* foo bar", "0-1"}, {"XADD grape 1-* foo bar", "1-0"}, {"XADD grape 1-* bar baz", "1-1"}, {"XADD pear 5-* a b", "5-0"},
	},
	"xu6": {{"XADD grape * foo bar", check(isClockID)}},
	"zx1": {
		{"XADD pear 0-1 foo bar", "0-1"}, {"XADD pear 0-2 bar baz", "0-2"}, {"XADD pear 0-3 baz foo b a", "0-3"},
		{"XRANGE pear 0-2 0-3", []any{entry("0-2", "bar", "baz"), entry("0-3", "baz", "foo", "b", "a")}},
	},
	"yp1": {
		{"XADD pear 0-1 foo bar", "0-1"}, {"XADD pear 0-2 bar baz", "0-2"}, {"XADD pear 0-3 baz foo", "0-3"},
		{"XRANGE pear - 0-2", []any{entry("0-1", "foo", "bar"), entry("0-2", "bar", "baz")}},
	},
	"fs1": {
		{"XADD pear 0-1 foo bar", "0-1"}, {"XADD pear 0-2 bar baz", "0-2"}, {"XADD pear 0-3 baz foo", "0-3"},
		{"XRANGE pear 0-2 +", []any{entry("0-2", "bar", "baz"), entry("0-3", "baz", "foo")}},
	},
	"um0": {{"XADD mango 0-1 temperature 95", "0-1"}, {"XREAD streams mango 0-0", []any{[]any{"mango", []any{entry("0-1", "temperature", "95")}}}}},
	"ru9": {
		{"XADD mango 0-1 temperature 95", "0-1"}, {"XADD pear 0-2 humidity 96", "0-2"},
		{"XREAD streams mango pear 0-0 0-1", []any{[]any{"mango", []any{entry("0-1", "temperature", "95")}}, []any{"pear", []any{entry("0-2", "humidity", "96")}}}},
	},
	"bs1": {
		{"XADD mango 0-1 temperature 96", "0-1"}, {"XREAD block 5000 streams mango 0-1", noReply{}}, {"blocked 1", nil},
		{"2> XADD mango 0-2 temperature 95", "0-2"}, {"1<", []any{[]any{"mango", []any{entry("0-2", "temperature", "95")}}}},
		{"XREAD block 500 streams mango 0-2", noReply{}}, {"1<", nullArray{}},
	},
	"hw1": {
		{"XADD mango 0-1 temperature 96", "0-1"}, {"XREAD block 0 streams mango 0-1", noReply{}}, {"blocked 1", nil}, {"1!", nil},
		{"2> XADD mango 0-2 temperature 95", "0-2"}, {"1<", []any{[]any{"mango", []any{entry("0-2", "temperature", "95")}}}},
	},
	"xu1": {
		{"XADD mango 0-1 temperature 96", "0-1"}, {"XREAD block 0 streams mango $", noReply{}}, {"blocked 1", nil}, {"1!", nil},
		{"2> XADD mango 0-2 temperature 95", "0-2"}, {"1<", []any{[]any{"mango", []any{entry("0-2", "temperature", "95")}}}},
		{"XREAD block 500 streams mango $", noReply{}}, {"1<", nullArray{}},
	},

	// Transactions.
	"si4": {{"SET apple 41", status("OK")}, {"INCR apple", 42}},
	"lz8": {{"INCR apple", 1}, {"INCR apple", 2}, {"GET apple", "2"}},
	"mk1": {{"SET apple pear", status("OK")}, {"INCR apple", errText("ERR value is not an integer or out of range")}},
	"pn0": {{"MULTI", status("OK")}},
	"lo4": {{"EXEC", errText("ERR EXEC without MULTI")}},
	"we1": {{"MULTI", status("OK")}, {"EXEC", emptyArray{}}, {"EXEC", errText("ERR EXEC without MULTI")}},
	"rs9": {{"MULTI", status("OK")}, {"SET apple 41", status("QUEUED")}, {"INCR apple", status("QUEUED")}, {"2> GET apple", nullBulk{}}},
	"fy6": {
		{"MULTI", status("OK")}, {"SET apple 6", status("QUEUED")}, {"INCR apple", status("QUEUED")}, {"INCR pear", status("QUEUED")}, {"GET pear", status("QUEUED")},
		{"EXEC", []any{status("OK"), 7, 1, "1"}}, {"2> GET apple", "7"},
	},
	"rl9": {
		{"SET apple 5", status("OK")}, {"MULTI", status("OK")}, {"SET apple 41", status("QUEUED")}, {"INCR apple", status("QUEUED")},
		{"DISCARD", status("OK")}, {"GET apple", "5"}, {"DISCARD", errText("ERR DISCARD without MULTI")},
	},
	"sg9": {
		{"SET apple pear", status("OK")}, {"SET mango 7", status("OK")}, {"MULTI", status("OK")}, {"INCR apple", status("QUEUED")},
		{"INCR mango", status("QUEUED")}, {"EXEC", []any{errText("ERR value is not an integer or out of range"), 8}}, {"2> GET mango", "8"}, {"2> GET apple", "pear"},
	},
	"jf8": {
		{"SET apple 7", status("OK")}, {"MULTI", status("OK")}, {"INCR apple", status("QUEUED")}, {"2> MULTI", status("OK")}, {"2> INCR apple", status("QUEUED")},
		{"3> INCR apple", 8}, {"EXEC", []any{9}}, {"2> EXEC", []any{10}},
	},

	// Optimistic locking.
	"jb7": {{"WATCH apple", status("OK")}, {"WATCH apple pear", status("OK")}},
	"jq9": {{"MULTI", status("OK")}, {"WATCH apple", errLike{"watch", "inside multi", "not allowed"}}, {"DISCARD", status("OK")}},
	"mh8": {
		{"SET apple 100", status("OK")}, {"SET pear 200", status("OK")}, {"WATCH apple", status("OK")}, {"2> SET apple 150", status("OK")},
		{"MULTI", status("OK")}, {"SET pear 300", status("QUEUED")}, {"EXEC", nullArray{}}, {"GET pear", "200"},
		{"WATCH apple", status("OK")}, {"2> SET pear 1", status("OK")}, {"MULTI", status("OK")}, {"SET pear 300", status("QUEUED")}, {"EXEC", []any{status("OK")}},
	},
	"fp0": {
		{"SET apple 1", status("OK")}, {"WATCH apple pear", status("OK")}, {"WATCH mango", status("OK")}, {"2> SET pear 5", status("OK")},
		{"MULTI", status("OK")}, {"SET apple 2", status("QUEUED")}, {"EXEC", nullArray{}}, {"GET apple", "1"},
	},
	"uo9": {{"WATCH apple", status("OK")}, {"2> SET apple 1", status("OK")}, {"MULTI", status("OK")}, {"SET pear 2", status("QUEUED")}, {"EXEC", nullArray{}}, {"GET pear", nullBulk{}}},
	"bn1": {
		{"WATCH apple", status("OK")}, {"2> SET apple 1", status("OK")}, {"UNWATCH", status("OK")}, {"MULTI", status("OK")},
		{"SET pear 2", status("QUEUED")}, {"EXEC", []any{status("OK")}}, {"GET pear", "2"},
	},
	"fn4": {
		{"WATCH apple", status("OK")}, {"2> SET apple 1", status("OK")}, {"MULTI", status("OK")}, {"SET pear 2", status("QUEUED")}, {"EXEC", nullArray{}},
		{"MULTI", status("OK")}, {"SET pear 3", status("QUEUED")}, {"EXEC", []any{status("OK")}}, {"GET pear", "3"},
	},
	"hq1": {
		{"WATCH apple", status("OK")}, {"2> SET apple 1", status("OK")}, {"MULTI", status("OK")}, {"SET pear 2", status("QUEUED")}, {"DISCARD", status("OK")},
		{"MULTI", status("OK")}, {"SET pear 3", status("QUEUED")}, {"EXEC", []any{status("OK")}}, {"GET pear", "3"},
	},

	// Pub/sub.
	"mx3": {{"SUBSCRIBE mango", []any{"subscribe", "mango", 1}}},
	"zc8": {
		{"SUBSCRIBE mango", []any{"subscribe", "mango", 1}}, {"SUBSCRIBE pear", []any{"subscribe", "pear", 2}}, {"SUBSCRIBE pear", []any{"subscribe", "pear", 2}},
		{"2> SUBSCRIBE pear", []any{"subscribe", "pear", 1}}, {"SUBSCRIBE apple", []any{"subscribe", "apple", 3}},
	},
	"aw8": {
		{"SUBSCRIBE mango", []any{"subscribe", "mango", 1}}, {"SET apple pear", errLike{"can't execute 'set'"}}, {"GET apple", errLike{"can't execute 'get'"}},
		{"ECHO apple", errLike{"can't execute 'echo'"}}, {"SUBSCRIBE pear", []any{"subscribe", "pear", 2}},
	},
	"lf1": {{"SUBSCRIBE mango", []any{"subscribe", "mango", 1}}, {"PING", bulks("pong", "")}, {"2> PING", status("PONG")}},
	"hf2": {
		{"SUBSCRIBE mango", []any{"subscribe", "mango", 1}}, {"2> SUBSCRIBE pear", []any{"subscribe", "pear", 1}}, {"3> SUBSCRIBE pear", []any{"subscribe", "pear", 1}},
		{"4> PUBLISH pear x", 2}, {"4> PUBLISH mango x", 1}, {"4> PUBLISH nosuch x", 0},
	},
	"dn4": {
		{"SUBSCRIBE mango", []any{"subscribe", "mango", 1}}, {"2> SUBSCRIBE mango", []any{"subscribe", "mango", 1}}, {"3> SUBSCRIBE pear", []any{"subscribe", "pear", 1}},
		{"4> PUBLISH mango hello", 2}, {"1<", bulks("message", "mango", "hello")}, {"2<", bulks("message", "mango", "hello")}, {"3!", nil},
	},
	"ze9": {
		{"SUBSCRIBE mango", []any{"subscribe", "mango", 1}}, {"SUBSCRIBE pear", []any{"subscribe", "pear", 2}}, {"UNSUBSCRIBE nosuch", []any{"unsubscribe", "nosuch", 2}},
		{"UNSUBSCRIBE mango", []any{"unsubscribe", "mango", 1}}, {"2> PUBLISH mango x", 0}, {"2> PUBLISH pear x", 1}, {"1<", bulks("message", "pear", "x")},
	},

	// Sorted sets.
	"ct1": {{"ZADD grape 10.0 foo", 1}},
	"hf1": {{"ZADD grape 100.5 foo", 1}, {"ZADD grape 20.25 bar", 1}, {"ZADD grape 3.5 foo", 0}, {"ZADD grape 3.5 baz", 1}},
	"lg6": {
		{"ZADD grape 100 foo", 1}, {"ZADD grape 100 bar", 1}, {"ZADD grape 20 baz", 1}, {"ZADD grape 30.1 caz", 1}, {"ZADD grape 40.2 paz", 1},
		{"ZRANK grape caz", 1}, {"ZRANK grape baz", 0}, {"ZRANK grape foo", 4}, {"ZRANK grape bar", 3}, {"ZRANK grape nosuch", nullBulk{}}, {"ZRANK nosuch foo", nullBulk{}},
	},
	"ic1": {
		{"ZADD grape 100 foo", 1}, {"ZADD grape 100 bar", 1}, {"ZADD grape 20 baz", 1}, {"ZRANGE grape 0 1", bulks("baz", "bar")},
		{"ZRANGE grape 0 9", bulks("baz", "bar", "foo")}, {"ZRANGE grape 3 4", emptyArray{}}, {"ZRANGE grape 2 1", emptyArray{}}, {"ZRANGE nosuch 0 1", emptyArray{}},
	},
	"bj4": {
		{"ZADD grape 100 foo", 1}, {"ZADD grape 100 bar", 1}, {"ZADD grape 20 baz", 1}, {"ZRANGE grape -2 -1", bulks("bar", "foo")},
		{"ZRANGE grape 0 -3", bulks("baz")}, {"ZRANGE grape -9 -2", bulks("baz", "bar")},
	},
	"kn4": {{"ZADD grape 20 foo", 1}, {"ZADD grape 30.1 bar", 1}, {"ZCARD grape", 2}, {"ZADD grape 1 bar", 0}, {"ZCARD grape", 2}, {"ZCARD nosuch", 0}},
	"gd7": {{"ZADD grape 24.34 one", 1}, {"ZADD grape 90.3456789012 two", 1}, {"ZSCORE grape one", near(24.34, 1e-10)}, {"ZSCORE grape two", near(90.3456789012, 1e-10)}, {"ZSCORE grape nosuch", nullBulk{}}},
	"sq7": {{"ZADD grape 80.5 foo", 1}, {"ZADD grape 50.3 bar", 1}, {"ZREM grape foo", 1}, {"ZREM grape foo", 0}, {"ZRANGE grape 0 -1", bulks("bar")}, {"ZREM nosuch foo", 0}},

	// Geospatial.
	"zt4": {{"GEOADD pear 2.2944692 48.8584625 Paris", 1}, {"GEOADD pear -0.0884948 51.506479 London", 1}},
	"ck3": {
		{"GEOADD pear 200 48.8584625 Paris", errLike{"longitude"}}, {"GEOADD pear 2.2944692 85.0511 Paris", 1}, {"GEOADD pear 2.2944692 90 Paris", errLike{"latitude"}},
		{"GEOADD pear 200 100 Paris", errLike{"longitude", "latitude"}}, {"GEOADD pear -180 -85.05112878 Edge", 1},
	},
	"tn5": {{"GEOADD pear 2.2944692 48.8584625 Paris", 1}, {"GEOADD pear -0.0884948 51.506479 London", 1}, {"ZRANGE pear 0 -1", bulks("London", "Paris")}},
	"cr3": {
		{"GEOADD pear 100.5252 13.7220 Bangkok", 1}, {"ZSCORE pear Bangkok", "3962257306574459"}, {"GEOADD pear -74.0060 40.7128 York", 1}, {"ZSCORE pear York", "1791873974549446"},
		{"GEOADD pear 151.2093 -33.8688 Sydney", 1}, {"ZSCORE pear Sydney", "3252046221964352"}, {"GEOADD pear 2.2944692 48.8584625 Paris", 1}, {"ZSCORE pear Paris", "3663832614298053"},
	},
	"xg4": {
		{"GEOADD pear -0.0884948 51.506479 London", 1}, {"GEOPOS pear London nosuch", []any{place(-0.0884948, 51.506479), nullArray{}}},
		{"GEOPOS nosuch London Paris", []any{nullArray{}, nullArray{}}},
	},
	"hb5": {{"ZADD pear 3663832614298053 Paris", 1}, {"ZADD pear 3252046221964352 Sydney", 1}, {"GEOPOS pear Paris Sydney", []any{place(2.294469, 48.858462), place(151.2093, -33.8688)}}},
	"ek6": {
		{"GEOADD pear 11.5030378 48.164271 Munich", 1}, {"GEOADD pear 2.2944692 48.8584625 Paris", 1}, {"GEODIST pear Munich Paris", near(682477.7582, 1e-4)},
		{"GEODIST pear Munich Munich", near(0, 1e-4)},
	},
	"rm9": {
		{"GEOADD pear 11.5030378 48.164271 Munich", 1}, {"GEOADD pear 2.2944692 48.8584625 Paris", 1}, {"GEOADD pear -0.0884948 51.506479 London", 1},
		{"GEOSEARCH pear FROMLONLAT 2 48 BYRADIUS 100000 m", bulks("Paris")}, {"GEOSEARCH pear FROMLONLAT 2 48 BYRADIUS 500000 m", anyOrder("London", "Paris")},
		{"GEOSEARCH pear FROMLONLAT 11 50 BYRADIUS 300000 m", bulks("Munich")},
	},

	// Authentication.
	"jn4": {{"ACL WHOAMI", "default"}},
	"gx8": {{"ACL GETUSER default", user(nil, nil)}},
	"ql6": {{"ACL GETUSER default", user(true, nil)}},
	"pl7": {{"ACL GETUSER default", user(true, []string{})}},
	"uv9": {{"ACL SETUSER default >mango-pear", status("OK")}, {"ACL GETUSER default", user(false, []string{"mango-pear"})}},
	"hz3": {{"ACL SETUSER default >mango", status("OK")}, {"AUTH default pear", errCode("WRONGPASS ")}, {"AUTH default mango", status("OK")}},
	"nm2": {{"ACL SETUSER default >mango", status("OK")}, {"2> ACL WHOAMI", errCode("NOAUTH ")}, {"ACL WHOAMI", "default"}},
	"ws7": {{"ACL SETUSER default >mango", status("OK")}, {"2> ACL WHOAMI", errCode("NOAUTH ")}, {"2> AUTH default mango", status("OK")}, {"2> ACL WHOAMI", "default"}},
}

const (
	errXaddSmaller errText = "ERR The ID specified in XADD is equal or smaller than the target stream top item"
	errXaddZero    errText = "ERR The ID specified in XADD must be greater than 0-0"
)

// entry is an entry of a stream.
func entry(id string, fields ...string) []any { return []any{id, bulks(fields...)} }

// isClockID wants an ID made of the clock: 13 digits, and the first of its millisecond.
func isClockID(v reply) error {
	ms, seq, ok := strings.Cut(v.text, "-")
	if v.kind != '$' || !ok || len(ms) != 13 || strings.Trim(ms, "0123456789") != "" || seq != "0" {
		return fmt.Errorf("%s is not an ID of now", v)
	}
	return nil
}

// place is a place as GEOPOS returns it, as exactly as the runner wants it.
func place(longitude, latitude float64) []any {
	return []any{near(longitude, 1e-5), near(latitude, 1e-5)}
}

// anyOrder wants an array of these strings.
func anyOrder(words ...string) check {
	return func(v reply) error {
		var got []string
		for _, e := range v.elems {
			got = append(got, e.text)
		}
		slices.Sort(got)
		if v.kind != '*' || !slices.Equal(got, words) {
			return fmt.Errorf("%s has not the members %q", v, words)
		}
		return nil
	}
}

// user wants what ACL GETUSER says of a user. nopass is true or false, or nil if it
// does not matter; so are nil passwords.
func user(nopass any, passwords []string) check {
	return func(v reply) error {
		e := v.elems
		if v.kind != '*' || len(e) < 4 || !e[0].matches("flags") || e[1].kind != '*' || e[1].null || !e[2].matches("passwords") || e[3].kind != '*' || e[3].null {
			return fmt.Errorf("%s does not begin with flags and passwords", v)
		}
		has := slices.ContainsFunc(e[1].elems, func(f reply) bool { return f.matches("nopass") })
		if nopass != nil && nopass != has {
			return fmt.Errorf("nopass is %v in %s", has, v)
		}
		if passwords == nil {
			return nil
		}
		want := []any{}
		for _, p := range passwords {
			sum := sha256.Sum256([]byte(p))
			want = append(want, hex.EncodeToString(sum[:]))
		}
		if !e[3].matches(want) {
			return fmt.Errorf("the passwords in %s are not %v", v, want)
		}
		return nil
	}
}

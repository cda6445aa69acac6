package store

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/rdb"
)

// saving is a store over a watching arena that keeps its files in a directory.
func saving(t testing.TB, dir string, flags ...string) *session {
	kv := newChecked(t)
	flags = append([]string{"--dir", dir, "--save", "", "--enable-debug-command", "yes", "--logfile", filepath.Join(dir, "log")}, flags...)
	if err := kv.Configure(flags); err != nil {
		t.Fatal(err)
	}
	return newSession(t, kv)
}

// checked fails the test when the store's structures do not agree.
func (s *session) checked() {
	s.t.Helper()
	if err := s.kv.check(); err != nil {
		s.t.Fatal(err)
	}
}

// populate makes keys of every type, encoding and size class.
func (s *session) populate() {
	s.t.Helper()
	must := func(args ...string) {
		s.t.Helper()
		if got := s.do(args...); strings.HasPrefix(got, "ERR") || strings.HasPrefix(got, "WRONG") {
			s.t.Fatalf("%.80q: %s", args, got)
		}
	}
	for i, n := range []int{0, 1, 20, 21, embstrMax, embstrMax + 1, inlineMax, inlineMax + 1, 100_000} {
		must("SET", fmt.Sprint("string:", i), strings.Repeat("abcdefgh", n/8+1)[:n])
	}
	for i, n := range []int64{0, 127, 128, -32768, 1 << 31, -1 << 63, 1<<63 - 1} {
		must("SET", fmt.Sprint("int:", i), formatInt(n))
	}
	must("SET", "expires", "v", "PX", "100000000")
	must("SET", "", "the empty key")
	for _, n := range []int{1, 3, 100, 129, 513, 3000} {
		name := strconv.Itoa(n)
		for i := range n {
			element := fmt.Sprint("element-", i)
			must("RPUSH", "list:"+name, element, formatInt(int64(i*1000)))
			must("SADD", "set:"+name, element)
			must("SADD", "ints:"+name, formatInt(int64(i)*100_003))
			must("ZADD", "zset:"+name, fmt.Sprint(float64(n-i)/8), element)
			must("HSET", "hash:"+name, element, formatInt(int64(i)))
			must("HSET", "expiring:"+name, element, formatInt(int64(i)))
			must("XADD", "stream:"+name, fmt.Sprintf("%d-%d", i/3+1, i+1), "field", element, "n", formatInt(int64(i)))
		}
		must("HPEXPIRE", "expiring:"+name, "100000000", "FIELDS", "1", "element-0")
	}
	must("RPUSH", "list:wide", strings.Repeat("x", 9000), "small", strings.Repeat("y", 70_000))
	must("HSET", "hash:wide", "f", strings.Repeat("x", 100))
	must("ZADD", "zset:wide", "inf", strings.Repeat("x", 100), "-inf", "low", "-0", "zero")
	must("XDEL", "stream:100", "2-4", "2-5", "1-1")
	must("XTRIM", "stream:513", "MAXLEN", "300")
	must("XGROUP", "CREATE", "stream:3000", "readers", "0")
	must("XGROUP", "CREATE", "stream:3000", "late", "$")
	must("XGROUP", "CREATE", "stream:none", "waiting", "0", "MKSTREAM")
	must("XGROUP", "CREATECONSUMER", "stream:3000", "readers", "idle")
	for i := range 5 {
		must("XREADGROUP", "GROUP", "readers", fmt.Sprint("reader", i%2), "COUNT", "50", "STREAMS", "stream:3000", ">")
	}
	must("XACK", "stream:3000", "readers", "1-1", "1-3", "2-5")
	must("SELECT", "9")
	must("SET", "elsewhere", "v")
	must("SELECT", "0")
}

// TestReload saves data of every form and loads it again, under limits that keep
// the encodings and under others that change them.
func TestReload(t *testing.T) {
	limits := [][]string{
		nil,
		{"hash-max-listpack-entries", "2000", "zset-max-listpack-entries", "2000", "set-max-intset-entries", "2000", "hash-max-listpack-value", "1000"},
		{"hash-max-listpack-entries", "1", "zset-max-listpack-entries", "1", "set-max-intset-entries", "1", "list-max-listpack-size", "2"},
		{"list-compress-depth", "2", "rdbcompression", "no"},
		{"maxmemory-policy", "allkeys-lfu"},
		{"maxmemory-policy", "volatile-lru"},
	}
	s := saving(t, t.TempDir())
	s.populate()
	s.checked()
	want := s.do("DEBUG", "DIGEST")
	for _, l := range limits {
		if l != nil {
			s.expect("CONFIG SET "+strings.Join(l, " "), "OK")
		}
		for range 2 { // the second time all are saved in their new encodings
			s.expect("DEBUG RELOAD", "OK")
			s.checked()
			if got := s.do("DEBUG", "DIGEST"); got != want {
				t.Fatalf("%v: digest %s, want %s", l, got, want)
			}
		}
	}
	s.expect("XPENDING stream:3000 readers", `[247 "1-2" "84-250" [["reader0" "147"] ["reader1" "100"]]]`)
	s.expect("HPTTL expiring:3 FIELDS 2 element-0 element-1", s.do("HPTTL", "expiring:3", "FIELDS", "2", "element-0", "element-1"))
	s.expect("FLUSHALL", "OK")
	for len(s.kv.drains) > 0 {
		s.kv.turn()
	}
	s.checked()
}

// TestDumpRestore carries every value through DUMP and RESTORE.
func TestDumpRestore(t *testing.T) {
	s := saving(t, t.TempDir())
	s.populate()
	kv := s.kv
	var keys []string
	for ref := range kv.dbs[0].keys.All(kv.keyType) {
		keys = append(keys, strings.Clone(kv.entryAt(ref).key()))
	}
	for _, key := range keys {
		payload := string(kv.dump(kv.dbs[0].find(key)))
		want := s.do("DEBUG", "DIGEST-VALUE", key)
		if key == "expires" {
			continue
		}
		if got := s.do("RESTORE", key, "0", payload, "REPLACE"); got != "OK" {
			t.Fatalf("%s: %s", key, got)
		}
		if got := s.do("DEBUG", "DIGEST-VALUE", key); got != want {
			t.Errorf("%s: digest %s, want %s", key, got, want)
		}
	}
	s.checked()
}

// TestSnapshotVersion proves that only hashes whose fields expire ask for a
// version that Redis 7.0 does not read.
func TestSnapshotVersion(t *testing.T) {
	dir := t.TempDir()
	s := saving(t, dir)
	version := func() string {
		s.expect("SAVE", "OK")
		b, err := os.ReadFile(filepath.Join(dir, "dump.rdb"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b[5:9])
	}
	s.expect("HSET h a 1 b 2", "2")
	if got := version(); got != "0010" {
		t.Errorf("version %s", got)
	}
	s.expect("HEXPIRE h 100 FIELDS 1 a", "[1]")
	if got := version(); got != "0012" {
		t.Errorf("version %s", got)
	}
	s.expect("HPERSIST h FIELDS 1 a", "[1]")
	if got := version(); got != "0010" {
		t.Errorf("version %s", got)
	}
}

// TestLibraries proves that function libraries, which cannot run here, survive.
func TestLibraries(t *testing.T) {
	const source = "#!lua name=mylib\nredis.register_function('f', function() return 1 end)"
	dir := t.TempDir()
	var e rdb.Encoder
	var file bytes.Buffer
	w := rdb.NewWriter(&file, rdb.VersionDefault, true, true)
	e.Function(source)
	if err := w.Drain(&e); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "dump.rdb"), file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	s := saving(t, dir)
	s.expect("SET a 1", "OK")
	s.expect("DEBUG RELOAD", "OK")
	if got := s.kv.snapshot.libraries; len(got) != 1 || got[0] != source {
		t.Errorf("libraries %q", got)
	}
}

func TestLoadFromRDB(t *testing.T) {
	var e rdb.Encoder
	var file bytes.Buffer
	w := rdb.NewWriter(&file, rdb.VersionDefault, true, true)
	e.Expire(1000)
	e.Key(rdb.TypeString, "gone")
	e.String("v")
	e.Key(rdb.TypeSet, "set")
	e.Count(2)
	e.String("a")
	e.String("b")
	if err := w.Drain(&e); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := rdb.NewFromBytes(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	kv := newChecked(t)
	s := newSession(t, kv)
	s.expect("SET old v", "OK")
	kv.LoadFromRDB(nil)
	s.expect("EXISTS old", "1")
	kv.LoadFromRDB(r)
	s.expect("EXISTS old gone set", "1")
	s.expect("SCARD set", "2")
	s.checked()
}

// TestDamagedFile proves that a damaged file is refused, and what of it was
// loaded holds together, wherever the damage is.
func TestDamagedFile(t *testing.T) {
	dir := t.TempDir()
	s := saving(t, dir)
	s.populate()
	s.expect("DEL string:8 list:wide list:3000 set:3000 zset:3000 hash:3000 stream:3000 ints:3000 expiring:3000 stream:513 list:513", "11")
	s.expect("SAVE", "OK")
	path := filepath.Join(dir, "dump.rdb")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s.expect("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1", "OK")
	for i := 0; i < len(good); i += 1 + len(good)/150 {
		for _, damaged := range [][]byte{good[:i], flipped(good, i)} {
			if err := os.WriteFile(path, damaged, 0o644); err != nil {
				t.Fatal(err)
			}
			got := s.do("DEBUG", "RELOAD", "NOSAVE")
			if got != "OK" && got != string(errReload) || len(damaged) < len(good) && got == "OK" {
				t.Fatalf("byte %d of %d: %s", i, len(good), got)
			}
			s.checked()
		}
	}
}

// flipped is b with a byte changed.
func flipped(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1 << (i % 8)
	return b
}

// FuzzRestore restores payloads that nobody wrote, changes what became of them,
// and dumps it again.
func FuzzRestore(f *testing.F) {
	seed := saving(f, f.TempDir())
	seed.populate()
	kv := seed.kv
	for ref := range kv.dbs[0].keys.All(kv.keyType) {
		if payload := kv.dump(kv.entryAt(ref)); len(payload) < 2000 {
			f.Add(payload)
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) > 1<<16 {
			return
		}
		s := saving(t, dir)
		s.expect("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1", "OK")
		if s.do("RESTORE", "k", "0", string(payload)) == "OK" {
			s.checked()
			s.mangle("k")
			s.checked()
			if again := s.do("DUMP", "k"); again != "nil" {
				e := s.kv.dbs[0].find("k")
				if got := s.do("RESTORE", "copy", "0", string(s.kv.dump(e))); got != "OK" {
					t.Fatalf("what was dumped cannot be restored: %s", got)
				}
			}
		}
		s.checked()
	})
}

// mangle changes a key by commands of every type; one of them suits it.
func (s *session) mangle(key string) {
	for _, command := range []string{
		"APPEND k x", "SETRANGE k 3 y", "LPUSH k new", "LINSERT k BEFORE new other", "LREM k 0 new", "LPOP k 2", "LTRIM k 0 50",
		"SADD k 5", "SADD k member", "SREM k member", "SPOP k",
		"ZADD k 5 member", "ZINCRBY k 3 member", "ZREMRANGEBYRANK k 0 1", "ZRANGE k 0 -1", "ZADD k 7 member 8 " + strings.Repeat("m", 100),
		"HSET k f v", "HINCRBY k n 1", "HDEL k f", "HSET k g " + strings.Repeat("v", 100), "HEXPIRE k 100 FIELDS 1 g",
		"XADD k * f v", "XDEL k 1-1", "XRANGE k - +", "XTRIM k MAXLEN 2", "XGROUP CREATE k made 0", "XREADGROUP GROUP made me STREAMS k >",
		"XINFO STREAM k FULL", "XGROUP DESTROY k made",
	} {
		s.do(strings.Fields(strings.ReplaceAll(command, " k", " "+key))...)
	}
}

// TestSaveInBackground changes everything while it is saved, within a watching
// arena, by commands that can be postponed and by Set, which cannot.
func TestSaveInBackground(t *testing.T) {
	dir := t.TempDir()
	for round := range 6 {
		s := saving(t, dir, "--rdb-key-save-delay", "1")
		kv := s.kv
		s.do("FLUSHALL")
		s.populate()
		want := s.do("DEBUG", "DIGEST")
		s.expect("BGSAVE", "Background saving started")
		var clients sync.WaitGroup
		for range 3 {
			clients.Go(func() {
				for _, key := range []string{"list", "set", "ints", "zset", "hash", "stream", "expiring"} {
					for _, n := range []string{"3000", "513", "100", "3"} {
						for _, command := range [][]string{
							{"RPUSH", "", "x"}, {"LPOP", ""}, {"SADD", "", "x"}, {"SREM", "", "x"}, {"ZADD", "", "1", "x"}, {"ZPOPMIN", ""},
							{"HSET", "", "f", "v"}, {"HPEXPIRE", "", "1", "FIELDS", "1", "element-1"}, {"XADD", "", "*", "f", "v"},
							{"XTRIM", "", "MAXLEN", "10"}, {"COPY", "", "copy", "REPLACE"}, {"RENAME", "", "renamed"}, {"COPY", "renamed", "again", "REPLACE"},
						} {
							if command[1] == "" {
								command[1] = key + ":" + n
							}
							if round == 5 {
								kv.Set(key+":"+n, "v", 5)
							}
							kv.Do(t.Context(), command...) // most are errors
						}
					}
				}
			})
		}
		if round == 4 {
			kv.Do(t.Context(), "FLUSHALL")
		}
		clients.Wait()
		waitUntil(t, func() bool {
			kv.mu.Lock()
			defer kv.mu.Unlock()
			return kv.saver == nil
		})
		s.checked()
		if round == 4 {
			continue // it was given up
		}
		again := saving(t, dir)
		if got := again.do("DEBUG", "DIGEST"); got != want {
			t.Fatalf("round %d: digest %s, want %s", round, got, want)
		}
	}
}

// waitUntil waits for a condition.
func waitUntil(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); <-time.After(time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("waited in vain")
}

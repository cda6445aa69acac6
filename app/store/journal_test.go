package store

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/rdb"
	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// journaled is a store with an append-only file in a directory.
func journaled(t *testing.T, dir string, flags ...string) *KVStore {
	t.Helper()
	kv := New()
	t.Cleanup(func() { kv.Close() })
	args := append([]string{"--dir", dir, "--save", "", "--logfile", filepath.Join(dir, "log"), "--appendonly", "yes", "--enable-debug-command", "yes"}, flags...)
	if err := kv.Configure(args); err != nil {
		t.Fatal(err)
	}
	return kv
}

// run runs commands in process, none of which may fail.
func (kv *KVStore) runLines(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if _, err := kv.Do(context.Background(), strings.Fields(line)...); err != nil {
			t.Fatal(line, err)
		}
	}
}

func incrPath(dir string) string {
	return filepath.Join(dir, "appendonlydir", "appendonly.aof.1.incr.aof")
}

// commandsOf are the commands in a file, a line each.
func commandsOf(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	var d resp.Decoder
	for len(text) > 0 {
		args, n, err := d.Next(text, nil)
		if n == 0 || err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		lines = append(lines, strings.Join(args, " "))
		text = text[n:]
	}
	return lines
}

// TestJournalTail cuts the file at every byte of its last four KiB. What is loaded
// is all up to there, of a transaction nothing, and what is written next can be
// read. Now and then it is a new server that loads it.
func TestJournalTail(t *testing.T) {
	dir := t.TempDir()
	type state struct {
		at   int64  // in the file
		last string // of what is in it by then
	}
	kv := journaled(t, dir, "--appendfsync", "no")
	path := incrPath(dir)
	kv.runLines(t, "SET n 0")
	var states []state
	for i := range 40 {
		n := fmt.Sprint(i)
		if i%3 == 0 { // several effects: MULTI … EXEC
			kv.runLines(t, "DEL s", "SADD s "+strings.Repeat("x", i*5)+" b c", "SPOP s 2")
		}
		kv.runLines(t, "SET n "+n+" EX 1000", "SET pad "+strings.Repeat("p", 1+i*6))
		stat, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, state{stat.Size(), n})
	}
	kv.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	kv = journaled(t, dir, "--appendfsync", "no")
	for cut := len(whole); cut > max(0, len(whole)-4096); cut-- {
		if err := os.WriteFile(path, whole[:cut], 0o644); err != nil {
			t.Fatal(err)
		}
		if cut%128 == 0 {
			kv.Close()
			if err := os.WriteFile(path, whole[:cut], 0o644); err != nil {
				t.Fatal(err)
			}
			kv = journaled(t, dir, "--appendfsync", "no")
		} else {
			kv.runLines(t, "DEBUG LOADAOF")
		}
		least := "0"
		for _, s := range states {
			if s.at <= int64(cut) {
				least = s.last
			}
		}
		got, err := kv.Do(context.Background(), "GET", "n")
		if err != nil || got.Str != least && fmt.Sprint(atoi(got.Str)-1) != least {
			t.Fatalf("cut at %d: n is %q, want %s or the next (%v)", cut, got.Str, least, err)
		}
		behind := cut%8 == 0 // not always, for the next load puts it on disk first
		if behind {
			kv.runLines(t, "SET behind 1")
		}
		lines := commandsOf(t, path)
		if (lines[len(lines)-1] == "SET behind 1") != behind || count(lines, "MULTI") != count(lines, "EXEC") {
			t.Fatalf("cut at %d: %q", cut, lines[len(lines)-4:])
		}
	}
}

func atoi(s string) (n int) {
	fmt.Sscan(s, &n)
	return n
}

func count(lines []string, line string) (n int) {
	for _, l := range lines {
		if l == line {
			n++
		}
	}
	return n
}

// TestJournalExpiry loads commands that were run when the keys were there which
// have expired since.
func TestJournalExpiry(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "appendonlydir"), 0o755); err != nil {
		t.Fatal(err)
	}
	var text []byte
	for _, line := range []string{
		"SET a 1 PXAT 1000", "INCR a", "PERSIST a", // 2, not 1
		"SET b x", "PEXPIREAT b 1000", "APPEND b y", "PERSIST b",
		"HSET h f 1 g 1", "HPEXPIREAT h 1000 FIELDS 1 f", "HINCRBY h f 1", "HPERSIST h FIELDS 1 f",
		"SET gone x", "PEXPIREAT gone 1000",
		"RPUSH l a", "PEXPIREAT l 1000", "RENAME l m", "PERSIST m",
		"XADD st 1-1 f v", "XADD st MAXLEN = 1 LIMIT 5 2-1 f v", "XTRIM st MAXLEN = 1 LIMIT 5",
		"BLPOP none 0",
	} {
		text = resp.AppendCommand(text, strings.Fields(line)...)
	}
	if err := os.WriteFile(filepath.Join(dir, "appendonlydir", "x.1.incr.aof"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "appendonlydir", "appendonly.aof.manifest"), []byte("file x.1.incr.aof seq 1 type i\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	kv := journaled(t, dir)
	for _, row := range [][2]string{
		{"GET a", "2"}, {"GET b", "xy"}, {"HGET h f", "2"}, {"GET gone", ""}, {"LLEN m", "1"}, {"XLEN st", "1"}, {"EXISTS gone l", "0"},
	} {
		v, err := kv.Do(context.Background(), strings.Fields(row[0])...)
		got := v.Str
		if v.Kind == ':' {
			got = fmt.Sprint(v.Int)
		}
		if err != nil || got != row[1] {
			t.Errorf("%s: %q, want %q (%v)", row[0], got, row[1], err)
		}
	}
	kv.runLines(t, "SET new 1")
	kv.Close()
	lines := commandsOf(t, filepath.Join(dir, "appendonlydir", "x.1.incr.aof"))
	if tail := lines[len(lines)-2:]; !slices.Equal(tail, []string{"SELECT 0", "SET new 1"}) && !slices.Contains(lines, "SET new 1") {
		t.Errorf("%q", tail)
	}
}

// TestJournalBetweenOtherThings holds what is written down of changes that no
// client's command makes.
func TestJournalBetweenOtherThings(t *testing.T) {
	dir := t.TempDir()
	kv := journaled(t, dir)
	kv.Set("api", "v", -1)
	kv.runLines(t, "SET k v PX 1")
	for {
		if v, err := kv.Do(context.Background(), "DBSIZE"); err != nil || v.Int == 1 {
			break
		}
	}
	kv.runLines(t, "SAVE", "DEBUG RELOAD", "DEBUG LOADAOF")
	kv.Close()
	lines := commandsOf(t, incrPath(dir))
	if len(lines) != 4 || !strings.HasPrefix(lines[2], "SET k v PXAT") || lines[1] != "SET api v" || lines[3] != "DEL k" {
		t.Errorf("%q", lines)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "log")); err != nil || !bytes.Contains(text, []byte("Append Only File loaded by DEBUG LOADAOF")) {
		t.Errorf("%v\n%s", err, text)
	}
}

// TestJournalBeginsAnew changes the data in ways that no command tells of. The files
// have it all the same.
func TestJournalBeginsAnew(t *testing.T) {
	for _, reload := range []string{"DEBUG RELOAD NOSAVE", "DEBUG RELOAD MERGE NOFLUSH NOSAVE", "DEBUG RELOAD"} {
		t.Run(reload, func(t *testing.T) {
			dir := t.TempDir()
			kv := journaled(t, dir, "--appendfsync", "no")
			kv.runLines(t, "SET saved 1", "SAVE", "SET later 2", "SET saved 3")
			kv.runLines(t, reload, "APPEND saved x")
			want := kv.digestNow(t)
			kv.Close()
			again := journaled(t, dir)
			if got := again.digestNow(t); got != want {
				t.Errorf("digest %s after the next start, want %s", got, want)
			}
		})
	}
	t.Run("LoadFromRDB", func(t *testing.T) {
		dir := t.TempDir()
		kv := journaled(t, dir, "--appendfsync", "no")
		kv.runLines(t, "SET saved 1", "SAVE", "SET later 2")
		snapshot, err := rdb.NewRDB(filepath.Join(dir, "dump.rdb"))
		if err != nil {
			t.Fatal(err)
		}
		kv.LoadFromRDB(snapshot)
		kv.runLines(t, "APPEND saved x")
		want := kv.digestNow(t)
		kv.Close()
		if got := journaled(t, dir).digestNow(t); got != want {
			t.Errorf("digest %s after the next start, want %s", got, want)
		}
	})
}

// digestNow is DEBUG DIGEST.
func (kv *KVStore) digestNow(t *testing.T) string {
	t.Helper()
	v, err := kv.Do(context.Background(), "DEBUG", "DIGEST")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(v)
}

package rdb

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

// testdata/*.rdb are snapshots that Redis wrote, and *.txt what is in them as
// describe tells it; testdata/README.md says where they come from.

// golden reports whether fixtures are to be made again.
func golden() bool { return os.Getenv("GOLDEN") != "" }

// TestGolden makes what redis-server 7.0.15 writes, and records it.
func TestGolden(t *testing.T) {
	if !golden() {
		t.Skip("GOLDEN=1 records the fixtures again")
	}
	c := startRedis(t, t.TempDir())
	c.fill()
	write(t, "redis7.rdb", c.save())
	write(t, "payloads.txt", []byte(c.payloads()))
	for _, policy := range []string{"lru", "lfu"} {
		c := startRedis(t, t.TempDir(), "--maxmemory-policy", "allkeys-"+policy)
		c.must("SET", "a", "1")
		c.must("SET", "b", "2", "PXAT", "33177117420123")
		write(t, "redis7-"+policy+".rdb", c.save())
	}
	for _, name := range snapshots(t) {
		b := read(t, name)
		r, err := NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		text, err := describe(r)
		if err != nil {
			text += err.Error() + "\n"
		}
		write(t, strings.TrimSuffix(name, ".rdb")+".txt", []byte(text))
	}
}

// payloads is a line for each key: its name, and its DUMP in hex. Long ones are
// left out, and those that were there already.
func (c *redis) payloads() string {
	keys := strings.Split(c.must("KEYS", "*"), "\n")
	sort.Strings(keys)
	var out strings.Builder
	seen := map[string]bool{"": true}
	for _, key := range keys {
		if dump := c.must("DUMP", key); !seen[dump] && len(dump) < 3000 {
			seen[dump] = true
			fmt.Fprintf(&out, "%q\t%x\n", key, dump)
		}
	}
	out.WriteString(fmt.Sprintf("functions\t%x\n", c.must("FUNCTION", "DUMP")))
	return out.String()
}

func write(t testing.TB, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join("testdata", name), b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// snapshots are the names of the snapshots in testdata.
func snapshots(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.rdb")
	if err != nil || len(paths) == 0 {
		t.Fatal("no snapshots", err)
	}
	for i, path := range paths {
		paths[i] = filepath.Base(path)
	}
	return paths
}

// dumps are the payloads in testdata.
func dumps(t testing.TB) (all []string) {
	t.Helper()
	for line := range strings.Lines(string(read(t, "payloads.txt"))) {
		_, dump, _ := strings.Cut(strings.TrimSpace(line), "\t")
		b, err := hex.DecodeString(dump)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(b))
	}
	return all
}

// TestSnapshots reads what Redis wrote: at once, and in small pieces, with its
// size known and not.
func TestSnapshots(t *testing.T) {
	for _, name := range snapshots(t) {
		t.Run(name, func(t *testing.T) {
			b := read(t, name)
			want := string(read(t, strings.TrimSuffix(name, ".rdb")+".txt"))
			for i, open := range []func() (*Reader, error){
				func() (*Reader, error) { return NewReader(bytes.NewReader(b)) },
				func() (*Reader, error) { return NewReader(&trickle{b: b}, WithSize(int64(len(b)))) },
				func() (*Reader, error) { return newBytesReader(b) },
			} {
				r, err := open()
				if err != nil {
					t.Fatal(err)
				}
				got, err := describe(r)
				if err != nil {
					got += err.Error() + "\n"
				}
				if got != want {
					t.Errorf("reader %d:\n%s\nwant\n%s", i, got, want)
				}
			}
		})
	}
}

// TestRewrite reads what redis-server 7.0.15 wrote and writes the same bytes. It
// holds for its snapshots and for its payloads.
func TestRewrite(t *testing.T) {
	for _, name := range []string{"redis7.rdb", "redis7-lru.rdb", "redis7-lfu.rdb"} {
		b := read(t, name)
		r, err := NewReader(&trickle{b: b})
		if err != nil {
			t.Fatal(err)
		}
		got, err := rewrite(r, VersionDefault, true)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, b) {
			t.Errorf("%s: different bytes\n got %q\nwant %q", name, got, b)
		}
	}
	for _, dump := range dumps(t) {
		r, err := NewPayloadReader(dump)
		if err != nil {
			t.Fatal(err)
		}
		var e Encoder
		if err := transcribe(r, &e, func() {}); err != nil {
			t.Fatal(err)
		}
		if got := string(e.Payload(nil, VersionDefault, true)); got != dump {
			t.Errorf("different payload\n got %q\nwant %q", got, dump)
		}
	}
}

// TestRedisLoads holds that redis-server makes the same of what was written as
// of what was read, and that redis-check-rdb finds no fault.
func TestRedisLoads(t *testing.T) {
	needs(t, "redis-server")
	needs(t, "redis-check-rdb")
	for _, name := range snapshots(t) {
		if strings.HasPrefix(name, "corrupt_") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			b := read(t, name)
			for _, compress := range []bool{false, true} {
				r, err := NewReader(bytes.NewReader(b))
				if err != nil {
					t.Fatal(err)
				}
				ours, err := rewrite(r, VersionDefault, compress)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := digestOf(t, ours), digestOf(t, b); got != want || strings.Trim(got, "0") == "" {
					t.Errorf("compress %v: digest %s, want %s", compress, got, want)
				}
				path := filepath.Join(t.TempDir(), "ours.rdb")
				if err := os.WriteFile(path, ours, 0o644); err != nil {
					t.Fatal(err)
				}
				if out, err := exec.Command("redis-check-rdb", path).CombinedOutput(); err != nil {
					t.Errorf("redis-check-rdb: %v\n%s", err, out)
				}
			}
		})
	}
}

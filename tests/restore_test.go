package tests

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// --restore-until: a start from an append-only file as it was at some second.

// timed is an append-only file in which counter i was written in second i, along
// with a list, in transactions.
func timed(from, to int) string {
	var b []byte
	for i := from; i <= to; i++ {
		b = fmt.Appendf(b, "#TS:%d\r\n", i)
		b = appendCommand(b, "SET", "n", strconv.Itoa(i))
		b = append(b, "*1\r\n$5\r\nMULTI\r\n"...)
		b = appendCommand(b, "SELECT", "1")
		b = appendCommand(b, "RPUSH", "l", strconv.Itoa(i))
		b = appendCommand(b, "SELECT", "0")
		b = append(b, "*1\r\n$4\r\nEXEC\r\n"...)
	}
	return string(b)
}

const timedManifest = "file appendonly.aof.1.base.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\nfile appendonly.aof.2.incr.aof seq 2 type i\n"

// timedFolder is an append-only folder of three files, the last of which is torn,
// and what is in it.
func timedFolder(t *testing.T) (dir string, files map[string]string) {
	dir = t.TempDir()
	last := timed(2000, 2009)
	files = map[string]string{
		"appendonly.aof.manifest":   timedManifest,
		"appendonly.aof.1.base.aof": timed(1000, 1000),
		"appendonly.aof.1.incr.aof": timed(1001, 1010),
		"appendonly.aof.2.incr.aof": last[:len(last)-3],
	}
	for name, text := range files {
		writeFile(t, filepath.Join(dir, "appendonlydir", name), text)
	}
	return dir, files
}

// TestRestoreUntil restores a folder as it was at several moments, goes on writing,
// has both servers load what there is then, and undoes it all.
func TestRestoreUntil(t *testing.T) {
	check := peerPath(t, "redis-check-aof")
	for _, tt := range []struct{ until, n, list int }{
		{1000, 1000, 1}, {1005, 1005, 6}, {1010, 1010, 11}, {1500, 1010, 11}, {2000, 2000, 12}, {2008, 2008, 20},
	} {
		t.Run(strconv.Itoa(tt.until), func(t *testing.T) {
			dir, files := timedFolder(t)
			s := startEnding(t, serverPath(t), dir, "--appendonly", "yes", "--appendfsync", "always", "--restore-until", strconv.Itoa(tt.until))
			c := s.client(t)
			c.expect("GET n", strconv.Itoa(tt.n))
			c.ok("SELECT 1")
			c.expect("LLEN l", tt.list)
			c.ok("SET after 1")
			s.kill()
			folder := filepath.Join(dir, "appendonlydir")
			for name, text := range files {
				if got, err := os.ReadFile(filepath.Join(folder, name)); name != "appendonly.aof.manifest" && (err != nil || string(got) != text) {
					t.Errorf("%s is not what it was: %v", name, err)
				}
			}
			manifest := filepath.Join(folder, "appendonly.aof.manifest")
			if out, err := exec.Command(check, manifest).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("All AOF files and manifest are valid")) {
				t.Errorf("redis-check-aof: %v\n%s", err, out)
			}
			for _, path := range []string{redisPath(t), serverPath(t)} {
				again := startEnding(t, path, dir, "--appendonly", "yes")
				c := again.client(t)
				c.expect("GET n", strconv.Itoa(tt.n))
				c.ok("SELECT 1")
				c.expect("GET after", "1")
				c.expect("LLEN l", tt.list)
				again.kill()
			}
			kept, err := filepath.Glob(manifest + ".before-restore-*")
			if err != nil || len(kept) != 1 {
				t.Fatalf("%q %v", kept, err)
			}
			if err := os.Rename(kept[0], manifest); err != nil {
				t.Fatal(err)
			}
			undone := startEnding(t, serverPath(t), dir, "--appendonly", "yes")
			undone.client(t).expect("GET n", "2009")
		})
	}
}

// TestRestoreOfRedis restores what redis-server wrote, beginning with a snapshot.
func TestRestoreOfRedis(t *testing.T) {
	redis := startEnding(t, redisPath(t), t.TempDir(), "--appendonly", "yes", "--aof-timestamp-enabled", "yes", "--appendfsync", "always")
	c := redis.client(t)
	second := func() string { return c.do("TIME").elems[0].text }
	first := second()
	waitFor(t, "the next second", func() bool { return second() > first })
	c.ok("SET k old")
	then := second()
	waitFor(t, "the next second", func() bool { return second() > then })
	c.ok("SET k new")
	redis.kill()
	s := startEnding(t, serverPath(t), redis.dir, "--appendonly", "yes", "--restore-until", then)
	s.client(t).expect("GET k", "old")
}

// TestRestoreAll restores what lies before the moment altogether: nothing changes.
func TestRestoreAll(t *testing.T) {
	dir, _ := timedFolder(t)
	s := startEnding(t, serverPath(t), dir, "--appendonly", "yes", "--restore-until", "9999")
	s.client(t).expect("GET n", "2009")
	s.kill()
	if text, err := os.ReadFile(filepath.Join(dir, "appendonlydir", "appendonly.aof.manifest")); err != nil || string(text) != timedManifest {
		t.Errorf("%q %v", text, err)
	}
}

// TestRestoreRefused asks for what cannot be had. The files stay as they are.
func TestRestoreRefused(t *testing.T) {
	set := string(appendCommand(nil, "SET", "k", "v"))
	const incr = "file a.1.incr.aof seq 1 type i\n"
	for _, tt := range []struct {
		name  string
		files map[string]string
		flags []string
		log   string
	}{
		{"no file", nil, []string{"--appendonly", "no", "--restore-until", "5"}, "--restore-until needs an append-only file"},
		{"no number", nil, []string{"--restore-until", "now"}, "--restore-until wants a number of seconds since 1970"},
		{"no value", nil, []string{"--restore-until"}, "--restore-until wants a number of seconds since 1970"},
		{"a later base", map[string]string{"m.manifest": "file a.1.base.aof seq 1 type b\n" + incr, "a.1.base.aof": "#TS:1000\r\n" + set, "a.1.incr.aof": set},
			[]string{"--restore-until", "999"}, "the base file a.1.base.aof is of 1000"},
		{"a later snapshot", map[string]string{"m.manifest": "file a.1.base.rdb seq 1 type b\n", "a.1.base.rdb": "REDIS0009\xfa\x05ctime\xc1\xe8\x03\xff\x00\x00\x00\x00\x00\x00\x00\x00"},
			[]string{"--restore-until", "999"}, "the base file a.1.base.rdb is of 1000"},
		{"no timestamps", map[string]string{"m.manifest": incr, "a.1.incr.aof": set}, []string{"--restore-until", "999"}, "needs timestamps in the append-only file"},
		{"none before", map[string]string{"m.manifest": incr, "a.1.incr.aof": set + timed(1000, 1001)}, []string{"--restore-until", "999"}, "needs timestamps in the append-only file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, text := range tt.files {
				writeFile(t, filepath.Join(dir, "appendonlydir", name), text)
			}
			args := []string{serverPath(t), "--port", strconv.Itoa(freePort()), "--appendonly", "yes", "--appendfilename", "m", "--dir", dir}
			code, stdout, stderr := runToEnd(t, dir, append(args, tt.flags...)...)
			if code != 1 || !strings.Contains(stdout+stderr, tt.log) {
				t.Errorf("exit %d\n%s%s", code, stdout, stderr)
			}
			for name, text := range tt.files {
				if got, err := os.ReadFile(filepath.Join(dir, "appendonlydir", name)); err != nil || string(got) != text {
					t.Errorf("%s is now %q, %v", name, got, err)
				}
			}
		})
	}
}

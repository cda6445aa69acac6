package tests

import (
	"bytes"
	"encoding/binary"
	"hash/crc64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The stages with files: snapshots that the runner writes and the server reads, and
// append-only files that both write.

var fileStages = map[string]func(*runner){
	// Snapshots.
	"zg5": func(r *runner) {
		dir := r.t.TempDir()
		r.serve("--dir", dir, "--dbfilename", "mango.rdb")
		r.configIs("dir", dir)
		r.configIs("dbfilename", "mango.rdb")
	},
	"jz6": func(r *runner) {
		r.serveSnapshot(rdbPair{"pear", "apple", 0})
		r.play([]stageStep{{"KEYS *", bulks("pear")}})
	},
	"gc6": func(r *runner) {
		r.serveSnapshot(rdbPair{"pear", "apple", 0})
		r.play([]stageStep{{"GET pear", "apple"}})
	},
	"jw4": func(r *runner) {
		r.serveSnapshot(rdbPair{"pear", "apple", 0}, rdbPair{"grape", "mango", 0}, rdbPair{"banana", "kiwi", 0})
		r.play([]stageStep{{"KEYS *", anyOrder("banana", "grape", "pear")}})
	},
	"dq3": func(r *runner) {
		r.serveSnapshot(rdbPair{"pear", "apple", 0}, rdbPair{"grape", "mango", 0})
		r.play([]stageStep{{"GET pear", "apple"}, {"GET grape", "mango"}})
	},
	"sm4": func(r *runner) {
		past, future := time.Date(2022, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2032, 1, 1, 0, 0, 0, 0, time.UTC)
		r.serveSnapshot(rdbPair{"pear", "apple", past.UnixMilli()}, rdbPair{"grape", "mango", future.UnixMilli()}, rdbPair{"kiwi", "fig", 0})
		r.play([]stageStep{{"GET grape", "mango"}, {"GET pear", nullBulk{}}, {"GET kiwi", "fig"}})
	},

	// Append-only files.
	"uj3": func(r *runner) {
		r.serve()
		dir, err := filepath.EvalSymlinks(r.dir)
		if err != nil {
			r.t.Fatal(err)
		}
		r.configIs("dir", dir)
		r.configIs("appendonly", "no")
		r.configIs("appenddirname", "appendonlydir")
		r.configIs("appendfilename", "appendonly.aof")
		r.configIs("appendfsync", "everysec")
	},
	"vd9": func(r *runner) {
		a := r.serveAppending()
		r.configIs("dir", a.dir)
		r.configIs("appendonly", "yes")
		r.configIs("appenddirname", a.folder)
		r.configIs("appendfilename", a.name)
		r.configIs("appendfsync", "always")
	},
	"fm0": startAndEnd,
	"dw4": func(r *runner) {
		a := r.serveAppending()
		waitWithin(r.t, stageLimit(), "the append-only file", func() bool { return a.text(a.incr()) == "" && fileExists(a.incr()) })
	},
	"pb9": func(r *runner) {
		a := r.serveAppending()
		want := "file " + a.name + ".1.incr.aof seq 1 type i"
		waitWithin(r.t, stageLimit(), "the manifest", func() bool { return strings.Contains(a.text(a.manifest()), want) })
	},
	"dc8": func(r *runner) {
		a := r.serveAppending()
		r.play([]stageStep{{"SET pear apple", status("OK")}})
		a.holds("SET pear apple")
	},
	"fi1": func(r *runner) {
		a := r.serveAppending()
		r.play([]stageStep{{"SET pear apple", status("OK")}, {"SET grape mango", status("OK")}, {"SET pear 5", status("OK")}})
		a.holds("SET pear apple", "SET grape mango", "SET pear 5")
	},
	"ep6": func(r *runner) {
		a := r.serveAppending()
		r.play([]stageStep{{"PING", status("PONG")}, {"SET pear apple", status("OK")}, {"GET pear", "apple"}, {"ECHO x", "x"}, {"GET nosuch", nullBulk{}}, {"SET grape 1", status("OK")}})
		a.holds("SET pear apple", "SET grape 1")
	},
	"xz2": func(r *runner) {
		a := r.serveAppending("SET pear apple")
		r.play([]stageStep{{"GET pear", "apple"}, {"SET kiwi 1", status("OK")}})
		a.holds("SET pear apple", "SET kiwi 1")
	},
	"kn2": func(r *runner) {
		r.serveAppending("SET pear apple", "SET grape 100", "SET pear mango")
		r.play([]stageStep{{"GET pear", "mango"}, {"GET grape", "100"}, {"GET nosuch", nullBulk{}}})
	},
}

// configIs asks for a directive, whose name the runner writes in lower case.
func (r *runner) configIs(name, value string) {
	r.t.Helper()
	r.play([]stageStep{{"CONFIG GET " + name, bulks(name, value)}})
}

// An rdbPair is a key of a snapshot, with its expiry in milliseconds if it has one.
type rdbPair struct {
	key, value string
	expiry     int64
}

// serveSnapshot starts the server on a snapshot as the runner writes it.
func (r *runner) serveSnapshot(pairs ...rdbPair) {
	r.t.Helper()
	needsVersion11(r.t)
	dir := r.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "grape.rdb"), snapshot11(pairs), 0o644); err != nil {
		r.t.Fatal(err)
	}
	r.serve("--dir", dir, "--dbfilename", "grape.rdb")
}

// needsVersion11 skips a stage in which the runner's snapshots are read, if it is not our
// server that would: redis-server 7.0 knows version 10.
func needsVersion11(t *testing.T) {
	if os.Getenv(envServer) != "" {
		t.Skip("the runner's snapshots have version 11")
	}
}

// snapshot11 is a snapshot of version 11 with short strings.
func snapshot11(pairs []rdbPair) []byte {
	b := []byte("REDIS0011\xfa\x09redis-ver\x057.2.0\xfa\x0aredis-bits\xc0\x40\xfe\x00\xfb")
	expiring := 0
	for _, p := range pairs {
		if p.expiry != 0 {
			expiring++
		}
	}
	b = append(b, byte(len(pairs)), byte(expiring))
	for _, p := range pairs {
		if p.expiry != 0 {
			b = binary.LittleEndian.AppendUint64(append(b, 0xfc), uint64(p.expiry))
		}
		b = append(b, 0, byte(len(p.key)))
		b = append(append(b, p.key...), byte(len(p.value)))
		b = append(b, p.value...)
	}
	b = append(b, 0xff)
	// Redis's checksum is the package's without its inversions.
	sum := ^crc64.Update(^uint64(0), crc64.MakeTable(0x95ac9329ac4bc9b5), b)
	return binary.LittleEndian.AppendUint64(b, sum)
}

// An appending is where a server keeps its append-only file.
type appending struct {
	t                 *testing.T
	dir, folder, name string
	first             string // the file that the manifest names
}

// flags are those that the runner starts the server with.
func (a *appending) flags() []string {
	return []string{"--dir", a.dir, "--appendonly", "yes", "--appenddirname", a.folder, "--appendfilename", a.name, "--appendfsync", "always"}
}

func (a *appending) manifest() string { return filepath.Join(a.dir, a.folder, a.name+".manifest") }

// incr is the file that is written to.
func (a *appending) incr() string { return filepath.Join(a.dir, a.folder, a.first) }

// text is what stands in a file, "" if there is none yet.
func (a *appending) text(path string) string {
	b, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		a.t.Fatal(err)
	}
	return string(b)
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// holds waits until these commands stand in the file, and nothing else but one SELECT.
func (a *appending) holds(lines ...string) {
	a.t.Helper()
	want := string(encodeLines(lines))
	choice := string(appendCommand(nil, "SELECT", "0"))
	var got string
	waitWithin(a.t, stageLimit(), "what was written", func() bool {
		got = strings.Replace(a.text(a.incr()), choice, "", 1)
		return len(got) >= len(want)
	})
	if got != want {
		a.t.Errorf("in the append-only file: %q\nwant %q", got, want)
	}
}

func encodeLines(lines []string) []byte {
	var b []byte
	for _, line := range lines {
		b = appendCommand(b, strings.Fields(line)...)
	}
	return b
}

// serveAppending starts a server with an append-only file. If there are commands, they
// stand in one that the runner has written, and given a name of its own.
func (r *runner) serveAppending(lines ...string) *appending {
	r.t.Helper()
	a := &appending{t: r.t, dir: r.t.TempDir(), folder: "pineapple", name: "mango.aof", first: "mango.aof.1.incr.aof"}
	if len(lines) > 0 {
		a.first = "banana.aof.1.incr.aof"
		if err := os.MkdirAll(filepath.Join(a.dir, a.folder), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(a.incr(), encodeLines(lines), 0o644); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(a.manifest(), []byte("file "+a.first+" seq 1 type i\n"), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
	r.serve(a.flags()...)
	return a
}

// startAndEnd is the one stage that asks the server to end while it is perhaps still
// starting, namely as soon as it has made its folder; and holds that it does end.
func startAndEnd(r *runner) {
	for _, on := range []string{"yes", "no"} {
		a := &appending{t: r.t, dir: r.t.TempDir(), folder: "pineapple", name: "mango.aof", first: "mango.aof.1.incr.aof"}
		flags := a.flags()
		flags[slices.Index(flags, "yes")] = on
		folder := filepath.Join(a.dir, a.folder)
		if on == "no" {
			r.serve(flags...)
			endsWithin(r.t, r.server, stageLimit())
			if fileExists(folder) {
				r.t.Errorf("a folder without an append-only file")
			}
			continue
		}
		s := &server{port: r.port, dir: r.dir, logPath: filepath.Join(r.t.TempDir(), "server.log"), done: make(chan struct{})}
		if err := r.begin(s, append([]string{"--port", "0", "--unixsocket", filepath.Join(a.dir, "s")}, flags...)); err != nil {
			r.t.Fatal(err)
		}
		waitWithin(r.t, stageLimit(), "the folder", func() bool { return fileExists(folder) || s.ended() })
		if s.ended() {
			r.t.Fatalf("ended at once\n%s", s.logTail())
		}
		endsWithin(r.t, s, stageLimit())
		if log := []byte(s.logTail()); bytes.Contains(log, []byte("panic")) {
			r.t.Errorf("%s", log)
		}
	}
}

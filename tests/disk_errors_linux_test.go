package tests

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A disk that answers every request with EIO. None can be had without privileges,
// but a file can: the memory of the process itself, at its start, where there is
// none. What the server takes for its file is a link to that.

// breakFile makes a path one that can be opened, but neither read nor written.
func breakFile(t *testing.T, path string) {
	t.Helper()
	const broken = "/proc/self/mem"
	f, err := os.OpenFile(broken, os.O_WRONLY|os.O_TRUNC, 0)
	if err == nil {
		_, err = f.Write([]byte("x"))
		f.Close()
	}
	if !errors.Is(err, syscall.EIO) {
		t.Skipf("no broken file to be had: %v", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(broken, path); err != nil {
		t.Fatal(err)
	}
}

// TestSaveInputOutputError saves where it fails. The snapshot that was there stays,
// and the next one succeeds.
func TestSaveInputOutputError(t *testing.T) {
	s := start(t)
	c := s.client(t)
	c.ok("SET k v")
	c.ok("SAVE")
	file := filepath.Join(s.dir, "dump.rdb")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c.ok("DEBUG POPULATE 100000")
	temp := filepath.Join(s.dir, fmt.Sprintf("temp-%d", s.cmd.Process.Pid))
	breakFile(t, temp+".rdb")
	c.expect("SAVE", errText("ERR"))
	breakFile(t, temp+"-bg.rdb")
	c.expect("BGSAVE", status("Background saving started"))
	c.saved()
	if got := s.info(t, "rdb_last_bgsave_status"); got != "err" {
		t.Errorf("status %s", got)
	}
	if n := strings.Count(s.logTail(), "Write error saving DB on disk(rdbSaveRio): Input/output error"); n != 2 {
		t.Errorf("%d lines say what is wrong\n%s", n, s.logTail())
	}
	after, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the snapshot has changed: %v", err)
	}
	c.expect("BGSAVE", status("Background saving started"))
	c.saved()
	if got := s.info(t, "rdb_last_bgsave_status"); got != "ok" {
		t.Errorf("status %s", got)
	}
	if n := startAgain(t, serverPath(t), s.dir).client(t).doInt("DBSIZE"); n != 100_001 {
		t.Errorf("%d keys", n)
	}
}

// TestAppendInputOutputError has a rewrite begin a file that fails. Commands that
// write are refused until the append-only file has been turned off, or on anew; what
// was acknowledged is there.
func TestAppendInputOutputError(t *testing.T) {
	s := startEnding(t, serverPath(t), t.TempDir(), "--appendonly", "yes")
	c := s.client(t)
	c.ok("SET before v")
	folder := filepath.Join(s.dir, "appendonlydir")
	breakFile(t, filepath.Join(folder, "appendonly.aof.2.incr.aof"))
	rewritten := func() bool { return s.info(t, "aof_rewrite_in_progress") == "0" }
	c.expect("BGREWRITEAOF", status("Background append only file rewriting started"))
	waitFor(t, "the rewrite", rewritten)
	acked := 0
	waitFor(t, "a refusal", func() bool {
		v := c.do("SET", "k", strconv.Itoa(acked+1))
		if v.kind == '+' {
			acked++
		}
		return strings.HasPrefix(v.text, "MISCONF Errors writing to the AOF file: Input/output error")
	})
	c.expect("GET before", "v")
	if got := s.info(t, "aof_last_write_status"); got != "err" {
		t.Errorf("status %s", got)
	}
	c.ok("CONFIG SET appendonly no")
	c.ok("SET between v")
	c.ok("CONFIG SET appendonly yes")
	waitFor(t, "the new base", rewritten)
	c.ok("SET after v")
	s.kill()
	c = startEnding(t, serverPath(t), s.dir, "--appendonly", "yes").client(t)
	c.expect("GET before", "v")
	c.expect("GET between", "v")
	c.expect("GET after", "v")
	c.expect("GET k", strconv.Itoa(acked))
}

// TestLoadInputOutputError starts with a snapshot that cannot be read.
func TestLoadInputOutputError(t *testing.T) {
	dir := t.TempDir()
	breakFile(t, filepath.Join(dir, "dump.rdb"))
	code, log, _ := runToEnd(t, dir, serverPath(t), "--port", strconv.Itoa(freePort()), "--save", "")
	for _, want := range []string{"input/output error", "Terminating server after rdb file reading failure."} {
		if code != 1 || !strings.Contains(log, want) {
			t.Errorf("exit %d, no %q in the log\n%s", code, want, log)
		}
	}
}

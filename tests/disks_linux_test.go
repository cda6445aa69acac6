package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// Disks that fail in other ways than by being full: what cannot be written is
// refused, nothing that was acknowledged is lost, and the server recovers by itself.

// limitFiles limits how large the files of a process may become.
func limitFiles(t *testing.T, pid int, size uint64) {
	t.Helper()
	limit := syscall.Rlimit{Cur: size, Max: syscall.RLIM_INFINITY & (1<<64 - 1)}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_FSIZE, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
}

// TestFileSizeLimit lets the append-only file and snapshots grow only so far.
func TestFileSizeLimit(t *testing.T) {
	s := startEnding(t, serverPath(t), t.TempDir(), "--appendonly", "yes", "--save", "3600 1000000")
	c := s.client(t)
	limitFiles(t, s.cmd.Process.Pid, 64<<10)
	value := strings.Repeat("0123456789", 100)
	acked := 0
	for ; acked < 1000; acked++ {
		if v := c.do("SET", fmt.Sprint("k:", acked), fmt.Sprint(value, acked)); v.kind == '-' {
			if !strings.HasPrefix(v.text, "MISCONF Errors writing to the AOF file: ") {
				t.Fatal(v)
			}
			break
		}
	}
	if acked < 30 || acked == 1000 {
		t.Fatalf("%d commands were acknowledged", acked)
	}
	c.expect("GET k:0", value+"0")
	limitFiles(t, s.cmd.Process.Pid, 512)
	c.expect("SAVE", errText("ERR"))
	c.expect("BGSAVE", status("Background saving started"))
	c.saved()
	limitFiles(t, s.cmd.Process.Pid, 1<<40)
	waitFor(t, "the append-only file to be written again", func() bool { return s.info(t, "aof_last_write_status") == "ok" })
	if v := c.do("SET", "k", "v"); !strings.HasPrefix(v.text, "MISCONF Redis is configured to save RDB snapshots") {
		t.Error(v)
	}
	c.expect("BGSAVE", status("Background saving started"))
	c.saved()
	c.ok("SET k v")
	if left, err := filepath.Glob(filepath.Join(s.dir, "temp*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
	s.kill()
	again := startEnding(t, serverPath(t), s.dir, "--appendonly", "yes")
	if n := again.client(t).doInt("DBSIZE"); n < acked+1 {
		t.Errorf("%d keys are there, %d were acknowledged", n, acked+1)
	}
}

// TestReadOnlyDisk has the disk become read-only.
func TestReadOnlyDisk(t *testing.T) {
	dir := smallDisk(t)
	s := startEndingIn(t, dir, "--save", "3600 1000000")
	c := s.client(t)
	remount := func(flags uintptr) {
		t.Helper()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|flags, "size=1m"); err != nil {
			t.Fatal(err)
		}
	}
	c.ok("SET k v")
	c.ok("SAVE")
	remount(syscall.MS_RDONLY)
	c.ok("SET k w")
	c.expect("SAVE", errText("ERR"))
	c.expect("BGSAVE", status("Background saving started"))
	c.saved()
	if v := c.do("SET", "k", "x"); !strings.HasPrefix(v.text, "MISCONF") {
		t.Error(v)
	}
	if v := c.do("CONFIG", "SET", "appendonly", "yes"); v.kind != '-' {
		t.Error(v)
	}
	c.expect("GET k", "w")
	if !strings.Contains(s.logTail(), "Read-only file system") {
		t.Error(s.logTail())
	}
	remount(0)
	c.expect("BGSAVE", status("Background saving started"))
	c.saved()
	c.ok("SET k x")
	s.kill()
	startEndingIn(t, dir).client(t).expect("GET k", "w")
}

// TestVanishedFolder takes the folder of the append-only file away. What is written
// goes where the file is now; a rewrite makes the folder anew, with all data.
func TestVanishedFolder(t *testing.T) {
	s := startEnding(t, serverPath(t), t.TempDir(), "--appendonly", "yes")
	c := s.client(t)
	c.ok("SET before 1")
	folder := filepath.Join(s.dir, "appendonlydir")
	if err := os.Rename(folder, filepath.Join(s.dir, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	c.ok("SET meanwhile 1")
	if err := os.WriteFile(folder, nil, 0o644); err != nil { // in the way
		t.Fatal(err)
	}
	if v := c.do("BGREWRITEAOF"); v.kind != '-' {
		t.Error(v)
	}
	c.ok("SET still 1")
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	c.expect("BGREWRITEAOF", status("Background append only file rewriting started"))
	waitFor(t, "the rewrite", func() bool { return s.info(t, "aof_rewrite_in_progress") == "0" })
	c.ok("SET after 1")
	s.kill()
	again := startEnding(t, serverPath(t), s.dir, "--appendonly", "yes")
	again.client(t).expect("EXISTS before meanwhile still after", 4)
}

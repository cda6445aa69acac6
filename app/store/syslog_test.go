package store

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"
	"time"
)

// listenAs listens as the system's log would.
func listenAs(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestSyslog logs to a socket that is listened at, is listened at again, and is not
// read from.
func TestSyslog(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "plan9" {
		t.Skip("there is no such log")
	}
	dir, err := os.MkdirTemp("", "log") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	kv := configured(t, "--logfile", filepath.Join(dir, "log"))
	kv.logLevel.Store(logDebug)
	kv.logger.setSyslog(&syslogger{paths: []string{filepath.Join(dir, "nosuch"), path}, ident: "me", facility: syslogFacilities["local3"]})
	kv.log(logWarning, "nobody listens yet")
	conn := listenAs(t, path)
	read := func() string {
		t.Helper()
		b := make([]byte, 1<<10)
		conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	// What redis-server sends by way of the C library: facility and severity, date, name and PID.
	for level, want := range map[int32]string{logDebug: "<159>", logVerbose: "<158>", logNotice: "<157>", logWarning: "<156>"} {
		kv.log(level, "one\ntwo")
		if got := read(); !regexp.MustCompile(`^` + want + `[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d me\[\d+\]: one two$`).MatchString(got) {
			t.Errorf("level %d: got %q", level, got)
		}
	}
	kv.logger.write("\n\n--- report ---\nmore")
	for _, want := range []string{"--- report ---", "more"} {
		if got := read(); !regexp.MustCompile(`^<156>.*: ` + want + `$`).MatchString(got) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	conn.Close()
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	conn = listenAs(t, path)
	kv.log(logNotice, "again")
	if got := read(); !regexp.MustCompile(`: again$`).MatchString(got) {
		t.Errorf("got %q", got)
	}
	// Nobody reads: what finds no room is given up, and the server goes on.
	for range 1000 {
		kv.log(logNotice, "%01000d", 1)
	}
}

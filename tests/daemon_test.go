package tests

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A server in the background, as an operator starts it: the command that starts it
// ends, and its status says whether the server runs.

// needsDaemons skips a test where servers do not go into the background.
func needsDaemons(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there is no background here")
	}
	if os.Getenv(envServer) != "" {
		t.Skip("another server does not wait until it listens")
	}
}

// launchDaemon runs the command that starts a server, to its end.
func launchDaemon(t *testing.T, dir, stdin string, args ...string) (code int, out string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), serverPath(t), args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(stdin)
	b, err := cmd.CombinedOutput()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(b)
}

// TestDaemon starts a server in the background from each kind of configuration. When
// the command has ended it serves, at once.
func TestDaemon(t *testing.T) {
	needsDaemons(t)
	for _, tt := range []struct {
		name, conf, stdin string
		args              []string
	}{
		{name: "options", args: []string{"--port", "{port}", "--daemonize", "yes", "--pidfile", "my.pid", "--logfile", "my.log"}},
		{name: "file", conf: "port {port}\ndaemonize yes\npidfile my.pid\nlogfile my.log\n", args: []string{"my.conf"}},
		{name: "standard input", stdin: "port {port}\ndaemonize yes\nlogfile my.log\n", args: []string{"--pidfile", "my.pid", "-"}},
		{name: "both", conf: "port 1\ndaemonize no\nlogfile my.log\n", stdin: "port {port}\n", args: []string{"my.conf", "--pidfile", "my.pid", "--daemonize", "yes", "-"}},
		{name: "pipe", stdin: "port {port}\ndaemonize yes\npidfile my.pid\nlogfile my.log\n", args: []string{"/dev/stdin"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, port := t.TempDir(), strconv.Itoa(freePort())
			here := strings.NewReplacer("{port}", port)
			if tt.conf != "" {
				if err := os.WriteFile(filepath.Join(dir, "my.conf"), []byte(here.Replace(tt.conf)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			args := append([]string(nil), tt.args...)
			for i := range args {
				args[i] = here.Replace(args[i])
			}
			code, out := launchDaemon(t, dir, here.Replace(tt.stdin), args...)
			if code != 0 {
				t.Fatalf("exit %d\n%s", code, out)
			}
			pid := daemonPID(t, filepath.Join(dir, "my.pid"))
			for line := range strings.Lines(out) {
				if !strings.Contains(line, "Reading config from stdin") {
					t.Errorf("said: %s", line)
				}
			}
			checkDaemon(t, dir, port, pid)
		})
	}
}

// checkDaemon looks at a server in the background, and ends it.
func checkDaemon(t *testing.T, dir, port string, pid int) {
	t.Helper()
	c := dial(t, "tcp", net.JoinHostPort("127.0.0.1", port))
	if info := c.do("INFO", "server").text; !strings.Contains(info, "\r\nprocess_id:"+strconv.Itoa(pid)+"\r\n") {
		t.Errorf("the pid file has %d, and INFO:\n%s", pid, info)
	}
	c.expect("CONFIG GET daemonize", []any{"daemonize", "yes"})
	if runtime.GOOS == "linux" {
		checkDetached(t, pid)
	}
	c.send("SHUTDOWN", "NOSAVE")
	c.readEOF()
	log := filepath.Join(dir, "my.log")
	waitFor(t, "the end", func() bool {
		text, err := os.ReadFile(log)
		return err == nil && strings.Contains(string(text), "bye bye")
	})
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if first, _, _ := strings.Cut(string(text), "\n"); !strings.HasPrefix(first, strconv.Itoa(pid)+":") || !strings.HasSuffix(first, "Redis is starting oO0OoO0OoO0Oo") {
		t.Errorf("the log begins with %q", first)
	}
	if _, err := os.Stat(filepath.Join(dir, "my.pid")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the pid file is left: %v", err)
	}
}

// daemonPID reads a pid file. The process is ended with the test, if not before.
func daemonPID(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill() }) // an error means that it has ended already
	return pid
}

// checkDetached looks at what a process in the background has kept of its start.
func checkDetached(t *testing.T, pid int) {
	t.Helper()
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		t.Fatal(err)
	}
	// Behind the name in parentheses: state, parent, group, session, terminal.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if fields[3] != strconv.Itoa(pid) || fields[4] != "0" {
		t.Errorf("process %d is in session %s with terminal %s", pid, fields[3], fields[4])
	}
	for _, fd := range []string{"0", "1", "2"} {
		// The command may end a moment before the daemon has let go of them.
		waitFor(t, "descriptor "+fd+" to be nothing", func() bool {
			name, err := os.Readlink(filepath.Join(proc, "fd", fd))
			return err == nil && name == os.DevNull
		})
	}
}

// TestDaemonFails starts servers that cannot run: the command says so.
func TestDaemonFails(t *testing.T) {
	needsDaemons(t)
	taken := strconv.Itoa(start(t).port)
	for _, tt := range []struct {
		name, want string
		dump       string
		args       []string
	}{
		{name: "port taken", want: "Failed listening on port " + taken, args: []string{"--port", taken}},
		{name: "port taken with a log", want: "Failed listening on port " + taken, args: []string{"--port", taken, "--logfile", "my.log"}},
		{name: "damaged data", want: "Terminating server after rdb file reading failure.", dump: "REDIS0010junk", args: []string{"--port", strconv.Itoa(freePort())}},
		{name: "no users", want: "Aborting Redis startup because of ACL errors", args: []string{"--port", strconv.Itoa(freePort()), "--aclfile", "nosuch.acl"}},
		{name: "wrong directive", want: "FATAL CONFIG FILE ERROR", args: []string{"--port", "0x"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.dump != "" {
				if err := os.WriteFile(filepath.Join(dir, "dump.rdb"), []byte(tt.dump), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			code, out := launchDaemon(t, dir, "", append(tt.args, "--daemonize", "yes", "--pidfile", "my.pid")...)
			if code != 1 || !strings.Contains(out, tt.want) {
				t.Errorf("exit %d\n%s", code, out)
			}
			if log, err := os.ReadFile(filepath.Join(dir, "my.log")); err == nil && !strings.Contains(string(log), tt.want) {
				t.Errorf("the log says:\n%s", log)
			}
		})
	}
}

// TestDaemonPidFile starts a server in the background that has no directive for its
// pid file. It need not be allowed to write the one that is meant then.
func TestDaemonPidFile(t *testing.T) {
	needsDaemons(t)
	const path = "/var/run/redis.pid"
	if _, err := os.Stat(path); err == nil {
		t.Skip("another server has it")
	}
	port := strconv.Itoa(freePort())
	code, out := launchDaemon(t, t.TempDir(), "", "--port", port, "--daemonize", "yes", "--save", "")
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	c := dial(t, "tcp", net.JoinHostPort("127.0.0.1", port))
	c.expect("CONFIG GET pidfile", []any{"pidfile", path})
	c.send("SHUTDOWN")
	c.readEOF()
	waitFor(t, "the pid file to be removed", func() bool {
		_, err := os.Stat(path)
		return errors.Is(err, os.ErrNotExist)
	})
}

// TestSyslog plays the system's log where there is none, and reads what a server in
// the background says.
func TestSyslog(t *testing.T) {
	needsDaemons(t)
	const path = "/dev/log"
	if _, err := os.Lstat(path); err == nil {
		t.Skip("the system has a log")
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Skip(err) // who may not is shown by the unit test that it works
	}
	t.Cleanup(func() {
		conn.Close()
		os.Remove(path) // closing leaves it
	})
	dir, port := t.TempDir(), strconv.Itoa(freePort())
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		b := make([]byte, 4<<10)
		for {
			n, err := conn.Read(b)
			if err != nil {
				return
			}
			lines <- string(b[:n])
		}
	}()
	code, out := launchDaemon(t, dir, "", "--port", port, "--daemonize", "yes", "--pidfile", "my.pid", "--save", "",
		"--syslog-enabled", "yes", "--syslog-ident", "valkey", "--syslog-facility", "local5")
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	pid := strconv.Itoa(daemonPID(t, filepath.Join(dir, "my.pid")))
	c := dial(t, "tcp", net.JoinHostPort("127.0.0.1", port))
	c.send("SHUTDOWN")
	c.readEOF()
	timeout := time.After(patience)
	for _, want := range []string{
		"<173> valkey[" + pid + "]: Ready to accept connections",
		"<172> valkey[" + pid + "]: Redis is now ready to exit, bye bye...",
	} {
		for found := false; !found; {
			select {
			case line := <-lines:
				severity, rest, _ := strings.Cut(line, ">")
				found = len(rest) > len(time.Stamp) && severity+">"+rest[len(time.Stamp):] == want
			case <-timeout:
				t.Fatalf("no line %q", want)
			}
		}
	}
}

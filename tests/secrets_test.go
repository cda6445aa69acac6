package tests

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// Secrets: what is sent with AUTH and its like must be nowhere but where it was sent to.

const secret = "Xy77secretXy77"

// secretLines are the commands that have secrets, right and wrong.
var secretLines = []string{
	"AUTH " + secret,
	"AUTH default " + secret,
	"AUTH a b " + secret,
	"HELLO 3 AUTH default " + secret + " SETNAME me",
	"HELLO 2 SETNAME me AUTH nobody " + secret,
	"HELLO 7 AUTH default " + secret,
	"HELLO 2 AUTH " + secret,
	"ACL SETUSER bob on >" + secret,
	"ACL SETUSER bob <" + secret + " >" + secret + "2",
	"ACL SETUSER bob nonsense" + secret,
	"ACL SETUSER bob #" + secret,
	"ACL SETUSER bob (>" + secret + ")",
	"CONFIG SET maxclients 1000 masterauth " + secret,
	"CONFIG SET masterauth " + secret + " maxclients wrong",
	"CONFIG SET MasterUser " + secret,
	"CONFIG SET nosuch x requirepass " + secret,
	"CONFIG SET tls-key-file-pass " + secret,
	"CONFIG SET tls-client-key-file-pass " + secret + " nosuch x",
	"MIGRATE 127.0.0.1 1 k 0 10 AUTH " + secret,
	"MIGRATE 127.0.0.1 1 k 0 10 AUTH2 user " + secret + " KEYS k",
	"MIGRATE 127.0.0.1 1 \"\" 0 10 AUTH2 user " + secret + " KEYS k",
}

// startWatched starts a server with everything on that tells of commands.
func startWatched(t testing.TB, flags ...string) *server {
	return start(t, append([]string{"--loglevel", "debug", "--slowlog-log-slower-than", "0", "--slowlog-max-len", "1000",
		"--latency-monitor-threshold", "1", "--client-query-buffer-limit", "1mb", "--appendonly", "yes"}, flags...)...)
}

// TestNoSecretsShown sends a secret with every command that has one, alone, in capitals
// or not, inline and in a transaction, while everything is watched and logged. Then it
// must be nowhere, whatever the commands are called.
func TestNoSecretsShown(t *testing.T) {
	for _, tt := range []struct {
		name    string
		renamed map[string]string
	}{
		{name: "as they are called"},
		{"renamed", map[string]string{"AUTH": "door", "HELLO": "greet", "ACL": "folk", "CONFIG": "tune", "MIGRATE": "shift"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var flags []string
			for name, other := range tt.renamed {
				flags = append(flags, "--rename-command", name, other)
			}
			noSecretsShown(t, startWatched(t, flags...), func(line string) []string {
				args, err := splitLine(line)
				if err != nil {
					t.Fatal(err)
				}
				if other := tt.renamed[args[0]]; other != "" {
					args[0] = other
				}
				return args
			})
		})
	}
}

func noSecretsShown(t *testing.T, s *server, named func(line string) []string) {
	monitor := s.client(t)
	monitor.ok("MONITOR")
	c := s.client(t)
	for _, line := range secretLines {
		args := named(line)
		c.do(args...)
		c.sendRaw(inline(args))
		c.read()
		args[0] = strings.ToLower(args[0])
		c.ok("MULTI")
		c.do(args...)
		c.do("EXEC")
	}
	c.do(named("ACL SETUSER limited on nopass")...)
	limited := s.client(t)
	limited.do(named("AUTH limited x")...)
	for _, line := range secretLines {
		limited.do(named(line)...) // refused, which is logged
	}
	if v := c.do(named("CONFIG SET requirepass " + secret)...); v.text != "OK" {
		t.Fatal(v)
	}
	stranger := s.client(t)
	stranger.do(named("CONFIG SET requirepass " + secret)...)
	if v := c.do(named("AUTH " + secret)...); v.text != "OK" {
		t.Fatal(v)
	}
	auth := named("AUTH")[0]
	s.client(t).sendRaw(fmt.Appendf(nil, "*2\r\n$%d\r\n%s\r\n$%d\r\n%s", len(auth), auth, 3<<20, secret))
	s.client(t).sendRaw([]byte(auth + " " + strings.Repeat(secret, 4<<10))) // too long for a line
	big := s.client(t)
	big.do(named("AUTH " + secret)...)
	big.conn.Write(fmt.Appendf(nil, "*2\r\n$%d\r\n%s\r\n$%d\r\n%s", len(auth), auth, 3<<20, strings.Repeat(secret, 1<<18)))
	waitFor(t, "the client with the long password to go", func() bool { return s.logged("max query buffer length") })
	c.do("SET", "k", "v")
	shown := map[string]string{
		"SLOWLOG":     c.do("SLOWLOG", "GET", "-1").String(),
		"LATENCY":     c.do("LATENCY", "LATEST").String() + c.do("LATENCY", "DOCTOR").String(),
		"INFO":        c.do("INFO", "everything").text,
		"CLIENT LIST": c.do("CLIENT", "LIST").text,
		"ACL LIST":    c.do(named("ACL LIST")...).String(),
		"ACL LOG":     c.do(named("ACL LOG 1000")...).String(),
	}
	shown["MONITOR"] = monitor.untilEcho(c)
	notIn(t, shown)
	nowhere(t, s.dir)
	for _, what := range []string{"MONITOR", "SLOWLOG"} {
		if n := strings.Count(shown[what], "(redacted)"); n < 3*len(secretLines) {
			t.Errorf("%s has only %d places where there was a secret", what, n)
		}
	}
}

// untilEcho is what a client that monitors sees, up to an ECHO of another one.
func (c *client) untilEcho(other *client) string {
	c.t.Helper()
	other.expect("ECHO last", "last")
	var lines strings.Builder
	for !strings.Contains(lines.String(), `"ECHO" "last"`) {
		lines.WriteString(c.read().text + "\n")
	}
	return lines.String()
}

// notIn fails the test when the secret is in one of the texts.
func notIn(t testing.TB, shown map[string]string) {
	t.Helper()
	for what, text := range shown {
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("%s has the secret: …%s", what, text[max(0, i-200):i+len(secret)])
		}
	}
}

// nowhere fails the test when the secret is in a file of a folder: the log, or what the
// server keeps.
func nowhere(t testing.TB, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		notIn(t, map[string]string{path: string(text)})
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// logged reports whether the server's log has a text.
func (s *server) logged(text string) bool {
	log, err := os.ReadFile(s.logPath)
	return err == nil && strings.Contains(string(log), text)
}

// TestNoSecretsOfReplicas has a replica say the password of its master, a wrong one and
// the right one.
func TestNoSecretsOfReplicas(t *testing.T) {
	master := startWatched(t, "--repl-diskless-sync-delay", "0")
	c := master.client(t)
	monitor := master.client(t)
	c.ok("ACL SETUSER follower on >" + secret + " +@all")
	monitor.ok("MONITOR")
	c.ok("CONFIG SET requirepass " + secret)
	replica := startFollowing(t, serverPath(t), master.port, "--loglevel", "debug", "--slowlog-log-slower-than", "0",
		"--masterauth", "wrong"+secret)
	r := replica.client(t)
	waitFor(t, "the refusal", func() bool { return replica.logged("WRONGPASS") })
	r.ok("CONFIG SET masterauth " + secret)
	awaitLink(t, replica)
	r.ok("CONFIG SET masteruser follower")
	c.expect("CLIENT KILL TYPE replica", 1)
	waitFor(t, "the link of the user", func() bool { return strings.Contains(c.do("CLIENT", "LIST", "TYPE", "replica").text, "user=follower") })
	shown := map[string]string{
		"the master's MONITOR": monitor.untilEcho(c),
		"the master's SLOWLOG": c.do("SLOWLOG", "GET", "-1").String(),
		"the master's CLIENTS": c.do("CLIENT", "LIST").text,
		"the master's INFO":    c.do("INFO", "everything").text,
		"SLOWLOG":              r.do("SLOWLOG", "GET", "-1").String(),
		"INFO":                 r.do("INFO", "everything").text,
		"ROLE":                 r.do("ROLE").String(),
	}
	notIn(t, shown)
	nowhere(t, master.dir)
	nowhere(t, replica.dir)
	nowhere(t, master.dir)
	if n := strings.Count(shown["the master's MONITOR"], `"AUTH" "(redacted)"`); n < 3 {
		t.Errorf("MONITOR has only %d AUTHs:\n%s", n, shown["the master's MONITOR"])
	}
}

// TestNoSecretsInCrash has the server crash with secrets at hand.
func TestNoSecretsInCrash(t *testing.T) {
	if os.Getenv(envServer) != "" {
		t.Skip("another server has another report")
	}
	for _, crash := range []string{"PANIC", "SEGFAULT", "SIGABRT"} {
		t.Run(crash, func(t *testing.T) {
			dir := t.TempDir()
			s, err := launch(serverPath(t), dir)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.kill)
			c, waits := s.client(t), s.client(t)
			waits.sendRaw([]byte("*3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$100\r\n" + secret))
			for _, line := range secretLines {
				args, err := splitLine(line)
				if err != nil {
					t.Fatal(err)
				}
				c.do(args...)
			}
			c.ok("CONFIG SET requirepass " + secret)
			c.ok("AUTH " + secret)
			c.ok("MULTI")
			c.do("AUTH", secret)
			if crash == "SIGABRT" {
				if err := s.cmd.Process.Signal(syscall.SIGABRT); err != nil {
					t.Fatal(err)
				}
			} else {
				c.do("DEBUG", crash)
				c.do("ACL", "SETUSER", "x", ">"+secret)
				c.send("EXEC")
			}
			<-s.done
			log, err := os.ReadFile(s.logPath)
			if err != nil {
				t.Fatal(err)
			}
			if !regexp.MustCompile("(?s)REDIS BUG REPORT START.*REDIS BUG REPORT END").Match(log) {
				t.Errorf("no report:\n%s", log)
			}
			nowhere(t, dir)
		})
	}
}

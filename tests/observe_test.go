package tests

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// What an operator sees of a server: its commands in MONITOR, its state in the
// tools that come with Redis, and in its log why it crashed. None of it may hold a
// secret (secrets_test.go).

// monitorLine is a line of MONITOR: database, client, and the arguments in quotes.
var monitorLine = regexp.MustCompile(`^\d{10}\.\d{6} \[(\d+) (\S+)\] (".*")$`)

// TestMonitorAtSpeed has several clients send pipelines while two monitor: both see
// every command of each client, in its order and with its database.
func TestMonitorAtSpeed(t *testing.T) {
	const writers, each = 4, 3000
	s := start(t)
	monitors := []*client{s.client(t), s.client(t)}
	for _, m := range monitors {
		m.ok("MONITOR")
	}
	number := make(map[string]int) // of a writer, by its address
	for i := range writers {
		c := s.client(t)
		number[c.conn.LocalAddr().String()] = i
		requests := appendCommand(nil, "SELECT", strconv.Itoa(i))
		for n := range each {
			requests = append(requests, appendCommand(nil, "SET", "k", strconv.Itoa(n))...)
		}
		c.sendRaw(requests)
	}
	for _, m := range monitors {
		next := make([]int, writers)
		for range writers * each {
			line := m.read()
			for strings.Contains(line.text, `"SELECT"`) {
				line = m.read()
			}
			parts := monitorLine.FindStringSubmatch(line.text)
			if line.kind != '+' || parts == nil {
				t.Fatalf("got %s", line)
			}
			i, ok := number[parts[2]]
			if want := fmt.Sprintf(`"SET" "k" "%d"`, next[i]); !ok || parts[1] != strconv.Itoa(i) || parts[3] != want {
				t.Fatalf("got %s, want %s in database %d", line, want, i)
			}
			next[i]++
		}
	}
}

// TestCrashReport has the server crash in each way, and wants to read in its log
// which command it was. DEBUG is not asked for its arguments, so there may be any.
func TestCrashReport(t *testing.T) {
	if os.Getenv(envServer) != "" {
		t.Skip("another server has another report")
	}
	long := strings.Repeat("x", 200)
	for _, kind := range []string{"SEGFAULT", "PANIC", "ASSERT", "OOM", "abort"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s, err := launch(serverPath(t), dir, "--logfile", "")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.kill)
			c := s.client(t)
			c.ok("CLIENT SETNAME culprit")
			want := []string{"=== REDIS BUG REPORT START", "STACK TRACE", "=== REDIS BUG REPORT END", "redis_version:7.0.15"}
			if kind == "abort" {
				if err := s.cmd.Process.Signal(syscall.SIGABRT); err != nil {
					t.Fatal(err)
				}
				want = append(want, "crashed by signal: 6")
			} else {
				c.ok("MULTI")
				c.do("SET", "k", "v")
				c.do("DEBUG", kind, "a\nb", long)
				c.send("EXEC")
				want = append(want, `argv[0]: '"DEBUG"'`, `argv[1]: '"`+kind+`"'`, `argv[2]: '"a\nb"'`, "(72 more bytes)", "name=culprit", "app/store.")
			}
			c.readEOF()
			<-s.done
			status := 128 + 6 // as of a process that SIGABRT has ended
			if kind == "SEGFAULT" {
				status = 128 + 11
			}
			if code := s.cmd.ProcessState.ExitCode(); code != status {
				t.Errorf("exit status %d, want %d", code, status)
			}
			log, err := os.ReadFile(s.logPath)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range want {
				if !bytes.Contains(log, []byte(text)) {
					t.Errorf("the log has no %q:\n%s", text, log)
				}
			}
			if bytes.Contains(log, []byte(long)) {
				t.Error("the arguments are not cut")
			}
		})
	}
}

// TestRedisTools runs the modes of redis-cli that look at a server. Numbers are not
// held against anything; that the tools understand the answers is.
func TestRedisTools(t *testing.T) {
	cli := peerPath(t, "redis-cli")
	s := start(t, "--maxmemory-policy", "allkeys-lfu")
	c := s.client(t)
	c.ok("SET string " + strings.Repeat("v", 5000))
	c.do("RPUSH", "list", "a", "b", "c")
	c.do("HSET", "hash", "f", "v")
	c.do("SADD", "set", "a", "b")
	c.do("ZADD", "zset", "1", "a")
	c.do("XADD", "stream", "1-1", "f", "v")
	run := func(args ...string) string {
		out, err := exec.Command(cli, append([]string{"-p", strconv.Itoa(s.port)}, args...)...).CombinedOutput()
		if err != nil {
			t.Errorf("redis-cli %q: %v", args, err)
		}
		return string(out)
	}
	for _, mode := range []string{"--bigkeys", "--memkeys"} {
		out := run(mode)
		for _, name := range []string{"string", "list", "hash", "set", "zset", "stream"} {
			if !regexp.MustCompile(`Biggest +` + name + ` found .*` + name).MatchString(out) {
				t.Errorf("%s does not find the %s:\n%s", mode, name, out)
			}
		}
		if !strings.Contains(out, "Sampled 6 keys in the keyspace!") {
			t.Errorf("%s: %s", mode, out)
		}
	}
	for range 200 {
		c.expect("LLEN list", 3)
	}
	if out := run("--hotkeys"); !regexp.MustCompile(`hot key found with counter: \d+\s+keyname: "?list`).MatchString(out) {
		t.Errorf("--hotkeys: %s", out)
	}
	if out := run("--latency", "--raw", "-i", "1"); !regexp.MustCompile(`^\d+ \d+ [0-9.]+ \d+\n$`).MatchString(out) {
		t.Errorf("--latency: %q", out)
	}
	stat := exec.Command(cli, "-p", strconv.Itoa(s.port), "--stat", "-i", "0.05")
	pipe, err := stat.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := stat.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(pipe)
	line := regexp.MustCompile(`^6 +[0-9.]+[KM] +[0-9]+ +[0-9]+ +[0-9]+ \(\+[0-9]+\) +[0-9]+ *$`)
	for seen := 0; seen < 2 && lines.Scan(); {
		switch text := lines.Text(); {
		case line.MatchString(text):
			seen++
		case !strings.HasPrefix(text, "---") && !strings.HasPrefix(text, "keys "):
			t.Errorf("--stat: %q", text)
			seen = 2
		}
	}
	stat.Process.Kill()
	stat.Wait() // it was killed
}

// clientFields are the fields of a client in CLIENT LIST, as another one sees it.
func clientFields(c *client, id int) map[string]string {
	fields := make(map[string]string)
	for word := range strings.FieldsSeq(c.do("CLIENT", "LIST", "ID", strconv.Itoa(id)).text) {
		name, value, _ := strings.Cut(word, "=")
		fields[name] = value
	}
	return fields
}

// TestClientSizes fills each buffer of a client in turn, and wants to see its size in
// CLIENT LIST, in the sum as well; and gone when it is empty.
func TestClientSizes(t *testing.T) {
	const size = 4 << 20
	s := start(t)
	watcher := s.client(t)
	value := strings.Repeat("v", size)
	// Beside what fills it a buffer has room to grow, doubling at the most.
	within := func(text string) bool {
		n, err := strconv.Atoi(text)
		return err == nil && n >= size && n <= 5*size/2
	}
	for _, tt := range []struct {
		name, field string
		fill, empty func(c *client)
	}{
		{"half a request", "qbuf", func(c *client) {
			c.sendRaw(fmt.Appendf(nil, "*2\r\n$4\r\nECHO\r\n$%d\r\n%s", size, value))
		}, func(c *client) {
			c.sendRaw([]byte("\r\n"))
			c.read()
		}},
		{"a transaction", "multi-mem", func(c *client) {
			c.ok("MULTI")
			c.do("ECHO", value)
		}, func(c *client) { c.ok("DISCARD") }},
		{"a blocked command", "argv-mem", func(c *client) { c.send("BLPOP", value, "0") }, func(c *client) {
			watcher.do("LPUSH", value, "e")
			c.read()
		}},
		{"output nobody reads", "omem", func(c *client) {
			c.do("SUBSCRIBE", "ch")
			watcher.ok("CONFIG SET client-output-buffer-limit \"pubsub 0 0 0\"")
			id := watcher.do("CLIENT", "LIST", "TYPE", "pubsub").text
			for !regexp.MustCompile(`omem=\d{8}`).MatchString(id) { // more than sockets take
				watcher.doInt("PUBLISH", "ch", value[:1<<20])
				id = watcher.do("CLIENT", "LIST", "TYPE", "pubsub").text
			}
		}, func(c *client) {
			c.send("UNSUBSCRIBE")
			for c.read().elems[0].text != "unsubscribe" {
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := s.client(t)
			id := c.doInt("CLIENT", "ID")
			tt.fill(c)
			var fields map[string]string
			waitFor(t, tt.field, func() bool {
				fields = clientFields(watcher, id)
				if tt.field == "omem" {
					return len(fields["omem"]) == 8 && fields["oll"] != "0" && fields["events"] == "rw" && len(fields["tot-mem"]) == 8
				}
				return within(fields[tt.field]) && within(fields["tot-mem"])
			})
			tt.empty(c)
			waitFor(t, "an empty buffer", func() bool {
				fields = clientFields(watcher, id)
				return len(fields[tt.field]) <= 2 && len(fields["tot-mem"]) <= 6
			})
			c.conn.Close()
		})
	}
}

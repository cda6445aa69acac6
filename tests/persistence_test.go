package tests

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Snapshots as files: they travel to redis-server and back, survive what ends a
// server, and are refused when they are damaged.

// fill sends commands that make keys of every type, encoding and size class, and
// returns the digest of the data.
func (c *client) fill() string {
	c.t.Helper()
	var batch []byte
	sent := 0
	add := func(args ...string) {
		batch = appendCommand(batch, args...)
		sent++
	}
	for i, n := range []int{0, 1, 20, 21, 44, 45, 4096, 4097, 100_000} {
		add("SET", fmt.Sprint("string:", i), strings.Repeat("abcdefgh", n/8+1)[:n])
	}
	for i, n := range []string{"0", "127", "128", "-32768", "2147483648", "-9223372036854775808", "9223372036854775807", "007"} {
		add("SET", fmt.Sprint("int:", i), n)
	}
	add("SET", "expires", "v", "PX", "100000000")
	add("SET", "\x00binary\xff", "\x00\r\n")
	for _, n := range []int{1, 10, 128, 129, 600} {
		name := strconv.Itoa(n)
		for i := range n {
			element, number := fmt.Sprint("element-", i), strconv.Itoa(i*1000)
			add("RPUSH", "list:"+name, element, number)
			add("RPUSH", "list:long:"+name, element+strings.Repeat(" and so on", 30))
			add("SADD", "set:"+name, element)
			add("SADD", "ints:"+name, number)
			add("ZADD", "zset:"+name, fmt.Sprint(float64(n-i)/8), element)
			add("ZADD", "geo:"+name, "3479099956230698", "place-"+element)
			add("HSET", "hash:"+name, element, number)
			add("XADD", "stream:"+name, fmt.Sprintf("%d-%d", i/3+1, i+1), "field", element, "n", number)
		}
	}
	add("RPUSH", "list:wide", strings.Repeat("x", 9000), "small", strings.Repeat("y", 70_000))
	add("SADD", "set:wide", strings.Repeat("x", 100))
	add("HSET", "hash:wide", "f", strings.Repeat("x", 100))
	add("ZADD", "zset:wide", "inf", strings.Repeat("x", 100), "-inf", "low", "-0", "zero", "1e-300", "tiny")
	add("XADD", "stream:mixed", "1-1", "a", "1")
	add("XADD", "stream:mixed", "2-1", "b", "1", "c", strings.Repeat("z", 5000))
	add("XDEL", "stream:129", "2-4", "2-5", "1-1")
	add("XTRIM", "stream:600", "MAXLEN", "300")
	add("XGROUP", "CREATE", "stream:600", "readers", "0")
	add("XGROUP", "CREATE", "stream:600", "late", "$")
	add("XGROUP", "CREATE", "stream:none", "waiting", "0", "MKSTREAM")
	add("XGROUP", "CREATECONSUMER", "stream:600", "readers", "idle")
	for i := range 4 {
		add("XREADGROUP", "GROUP", "readers", fmt.Sprint("reader", i%2), "COUNT", "50", "STREAMS", "stream:600", ">")
	}
	add("XACK", "stream:600", "readers", "110-328", "110-330")
	add("PFADD", "hll", "a", "b", "c")
	add("SELECT", "9")
	add("SET", "elsewhere", "v")
	add("SELECT", "0")
	c.sendRaw(batch)
	for range sent {
		if v := c.read(); v.kind == '-' {
			c.t.Fatal(v)
		}
	}
	return c.digest()
}

func (c *client) digest() string {
	c.t.Helper()
	return c.do("DEBUG", "DIGEST").text
}

// groups is what a stream's consumer groups are, without times.
func (c *client) groups() string {
	c.t.Helper()
	return fmt.Sprint(c.do("XPENDING", "stream:600", "readers"), c.do("XINFO", "GROUPS", "stream:600"),
		c.do("XINFO", "GROUPS", "stream:none"), c.do("XPENDING", "stream:600", "readers", "-", "+", "3").elems[0].elems[:2])
}

// TestFilesTravel lets either server load what the other has saved.
func TestFilesTravel(t *testing.T) {
	redis, ours := redisPath(t), serverPath(t)
	check := peerPath(t, "redis-check-rdb")
	for _, flags := range [][]string{
		nil,
		{"--rdbcompression", "no", "--rdbchecksum", "no"},
		{"--hash-max-listpack-entries", "2", "--zset-max-listpack-entries", "2", "--set-max-intset-entries", "2", "--list-max-listpack-size", "3"},
		{"--hash-max-listpack-entries", "1000", "--zset-max-listpack-entries", "1000", "--list-compress-depth", "1"},
		{"--maxmemory-policy", "allkeys-lru"},
		{"--maxmemory-policy", "volatile-lfu"},
	} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			t.Run("to redis", func(t *testing.T) { travel(t, ours, redis, check, flags) })
			t.Run("from redis", func(t *testing.T) { travel(t, redis, ours, check, flags) })
		})
	}
}

// travel fills one server, and has another load its file, under the same limits
// and under the default ones.
func travel(t *testing.T, from, to, check string, flags []string) {
	a := startProgram(t, from, flags...)
	c := a.client(t)
	want := c.fill()
	groups := c.groups()
	c.ok("SAVE")
	out, err := exec.Command(check, filepath.Join(a.dir, "dump.rdb")).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte(`\o/ RDB looks OK! \o/`)) {
		t.Errorf("redis-check-rdb: %v\n%s", err, out)
	}
	limits := [][]string{nil}
	if flags != nil {
		limits = append(limits, flags)
	}
	for _, flags := range limits {
		b := startAgain(t, to, a.dir, flags...)
		c := b.client(t)
		if got := c.digest(); got != want {
			t.Errorf("digest %s after loading, want %s", got, want)
		}
		if got := c.groups(); got != groups {
			t.Errorf("groups after loading\n%s\nwant\n%s", got, groups)
		}
		c.ok("DEBUG RELOAD") // saved and loaded by itself
		if got := c.digest(); got != want {
			t.Errorf("digest %s after reloading, want %s", got, want)
		}
	}
}

// startAgain starts a program in a directory with files.
func startAgain(t *testing.T, path, dir string, flags ...string) *server {
	t.Helper()
	s, err := launch(path, dir, flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// end asks the server to end, and waits for it.
func (s *server) end(t *testing.T, how func()) {
	t.Helper()
	how()
	select {
	case <-s.done:
	case <-time.After(patience):
		t.Fatalf("the server does not end\n%s", s.logTail())
	}
}

// TestSaveAtEnd ends servers in every way, and looks what is there afterwards.
func TestSaveAtEnd(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags []string
		how   []string // nil for a signal
		saved bool
	}{
		{"SIGTERM with save points", []string{"--save", "3600 1"}, nil, true},
		{"SIGTERM without", nil, nil, false},
		{"SIGTERM that is not to save", []string{"--save", "3600 1", "--shutdown-on-sigterm", "nosave"}, nil, false},
		{"SIGTERM that is to save", []string{"--shutdown-on-sigterm", "save"}, nil, true},
		{"SHUTDOWN with save points", []string{"--save", "3600 1"}, []string{"SHUTDOWN"}, true},
		{"SHUTDOWN without", nil, []string{"SHUTDOWN"}, false},
		{"SHUTDOWN SAVE", nil, []string{"SHUTDOWN", "SAVE"}, true},
		{"SHUTDOWN NOSAVE", []string{"--save", "3600 1"}, []string{"SHUTDOWN", "NOSAVE"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := startAgain(t, serverPath(t), t.TempDir(), tt.flags...)
			c := s.client(t)
			c.ok("SET k v")
			s.end(t, func() {
				if tt.how == nil {
					s.cmd.Process.Signal(syscall.SIGTERM)
				} else {
					c.send(tt.how...)
				}
			})
			if code := s.cmd.ProcessState.ExitCode(); code != 0 {
				t.Errorf("exit %d\n%s", code, s.logTail())
			}
			again := startAgain(t, serverPath(t), s.dir).client(t)
			if got := again.doInt("EXISTS", "k") == 1; got != tt.saved {
				t.Errorf("saved: %v, want %v", got, tt.saved)
			}
		})
	}
}

// TestCannotSave has a server save where it cannot. It says so, loses nothing,
// and saves as soon as it can.
func TestCannotSave(t *testing.T) {
	s := start(t, "--save", "3600 1", "--enable-protected-configs", "yes")
	c := s.client(t)
	c.ok("SET k v")
	dir := filepath.Join(s.dir, "sub")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c.ok("CONFIG SET dir " + dir)
	inTheWay := filepath.Join(dir, "dump.rdb", "x")
	if err := os.MkdirAll(inTheWay, 0o755); err != nil {
		t.Fatal(err)
	}
	c.expect("SAVE", errText("ERR"))
	c.expect("SHUTDOWN", errText("ERR Errors trying to SHUTDOWN. Check logs."))
	s.cmd.Process.Signal(syscall.SIGTERM)
	waitFor(t, "the signal to have no effect", func() bool { return strings.Contains(s.logTail(), "Errors trying to shut down the server.") })
	c.expect("GET k", "v")
	if left, err := filepath.Glob(filepath.Join(dir, "temp*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	c.expect("SAVE", errText("ERR"))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c.ok("SAVE")
	for _, want := range []string{
		"Error moving temp DB file temp-", "Error trying to save the DB, can't exit.",
		"Failed opening the temp RDB file temp-", "for saving: No such file or directory", "DB saved on disk",
	} {
		if !strings.Contains(s.logTail(), want) {
			t.Errorf("no %q in the log\n%s", want, s.logTail())
		}
	}
}

// TestKillWhileSaving kills a server in the middle of SAVE: the old file is as it
// was.
func TestKillWhileSaving(t *testing.T) {
	s, err := launch(serverPath(t), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	c := s.client(t)
	c.ok("DEBUG POPULATE 1000")
	c.ok("SAVE")
	want := c.digest()
	file := filepath.Join(s.dir, "dump.rdb")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c.ok("SET more v")
	c.ok("CONFIG SET rdb-key-save-delay 1000")
	c.send("SAVE")
	waitFor(t, "the file being written", func() bool {
		temp, err := filepath.Glob(filepath.Join(s.dir, "temp-*.rdb"))
		return err == nil && len(temp) == 1
	})
	s.kill()
	after, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(before, after) {
		t.Fatalf("the file has changed: %v", err)
	}
	again := startAgain(t, serverPath(t), s.dir).client(t)
	if got := again.digest(); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

// TestDamagedAtStart starts servers with files that they cannot load.
func TestDamagedAtStart(t *testing.T) {
	s := start(t)
	c := s.client(t)
	c.fill()
	c.ok("SAVE")
	good, err := os.ReadFile(filepath.Join(s.dir, "dump.rdb"))
	if err != nil {
		t.Fatal(err)
	}
	damage := func(at int, b ...byte) []byte {
		bad := bytes.Clone(good)
		copy(bad[(at+len(bad))%len(bad):], b)
		return bad
	}
	for _, tt := range []struct {
		name string
		file []byte
		want []string
	}{
		{"empty", nil, []string{"Short read or OOM loading DB.", "Terminating server after rdb file reading failure."}},
		{"no snapshot", []byte("this is no snapshot"), []string{"Wrong signature trying to load DB from file", "Fatal error loading the DB: Invalid argument. Exiting."}},
		{"of the future", damage(5, []byte("9999")...), []string{"Can't handle RDB format version", "Fatal error loading the DB: Invalid argument. Exiting."}},
		{"cut", good[:len(good)/2], []string{"Short read or OOM loading DB.", "Unexpected EOF reading RDB file", "Terminating server"}},
		{"checksum", damage(-1, good[len(good)-1]+1), []string{"Wrong RDB checksum", "RDB CRC error", "Terminating server"}},
		{"unknown opcode", damage(9, 240), []string{"Internal error in RDB reading offset", "Terminating server"}},
		{"database 200", append(append(bytes.Clone(good[:9]), 0xfe, 0x40, 200), good[9:]...), []string{"handle more than 16 databases. Exiting"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "dump.rdb"), tt.file, 0o644); err != nil {
				t.Fatal(err)
			}
			code, log, _ := runToEnd(t, dir, serverPath(t), "--port", strconv.Itoa(freePort()), "--save", "")
			if code != 1 {
				t.Errorf("exit %d", code)
			}
			for _, want := range tt.want {
				if !strings.Contains(log, want) {
					t.Errorf("no %q in the log\n%s", want, log)
				}
			}
		})
	}
}

// TestLoading asks a server that is loading.
func TestLoading(t *testing.T) {
	s := start(t)
	c := s.client(t)
	c.ok("DEBUG POPULATE 1000")
	c.ok("SAVE")
	port := strconv.Itoa(freePort())
	slow, err := launchLoading(t, s.dir, port)
	if err != nil {
		t.Fatal(err)
	}
	c = slow.client(t)
	const loading = errText("LOADING Redis is loading the dataset in memory")
	c.expect("GET key:1", loading)
	c.expect("PING", loading)
	c.expect("SAVE", loading)
	c.ok("MULTI")
	c.expect("GET key:1", loading)
	c.expect("EXEC", errText("EXECABORT Transaction discarded because of previous errors."))
	c.expect("CONFIG SET dir /", errText("ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config"))
	info := c.do("INFO", "persistence").text
	for _, want := range []string{"loading:1\r\n", "loading_total_bytes:", "loading_loaded_perc:", "loading_eta_seconds:"} {
		if !strings.Contains(info, want) {
			t.Errorf("INFO has no %q\n%s", want, info)
		}
	}
	if strings.Contains(slow.logTail(), "Ready to accept connections") {
		t.Error("the log says that it is ready")
	}
	c.ok("CONFIG SET key-load-delay 0")
	waitFor(t, "the data", func() bool { return c.do("PING").text == "PONG" })
	if n := c.doInt("DBSIZE"); n != 1000 {
		t.Errorf("%d keys", n)
	}
	waitFor(t, "the server to say that it is ready", func() bool { return strings.Contains(slow.logTail(), "Ready to accept connections") })
}

// launchLoading starts a server that takes its time to load, and returns as soon
// as it answers.
func launchLoading(t *testing.T, dir, port string) (*server, error) {
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	s := &server{port: n, dir: dir, logPath: filepath.Join(t.TempDir(), "log"), done: make(chan struct{})}
	s.cmd = exec.Command(serverPath(t), "--port", port, "--dir", dir, "--save", "", "--key-load-delay", "10000", "--logfile", s.logPath)
	endWithParent(s.cmd)
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.cmd.Wait()
		close(s.done)
	}()
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	waitFor(t, "the port", func() bool { return strings.Contains(s.logTail(), "Server initialized") })
	return s, nil
}

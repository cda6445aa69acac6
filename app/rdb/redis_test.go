package rdb

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A redis is a redis-server for a test, on a socket in a folder of its own.
type redis struct {
	t   testing.TB
	dir string
	in  *bufio.Reader
	out net.Conn
}

// needs skips a test that needs a program which is not there. Where CI is set
// it must be.
func needs(t testing.TB, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed", program)
	}
	t.Skipf("%s is not installed", program)
}

// startRedis starts redis-server with what it finds in dir.
func startRedis(t testing.TB, dir string, flags ...string) *redis {
	t.Helper()
	needs(t, "redis-server")
	flags = append([]string{"--port", "0", "--unixsocket", "redis.sock", "--dir", dir, "--save", "",
		"--enable-debug-command", "yes", "--dbfilename", "dump.rdb"}, flags...)
	cmd := exec.Command("redis-server", flags...)
	cmd.Dir = dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var log strings.Builder
	for lines := bufio.NewScanner(out); ; {
		if !lines.Scan() {
			t.Fatalf("redis-server ended:\n%s", log.String())
		}
		log.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "eady to accept connections") {
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	conn, err := net.Dial("unix", filepath.Join(dir, "redis.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &redis{t, dir, bufio.NewReader(conn), conn}
}

// do sends a command and returns its reply: a string for what is not an array,
// errors beginning with their minus sign.
func (c *redis) do(args ...any) string {
	c.t.Helper()
	b := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, arg := range args {
		s := fmt.Sprint(arg)
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(s), s)
	}
	if _, err := c.out.Write(b); err != nil {
		c.t.Fatal(err)
	}
	return c.reply()
}

func (c *redis) reply() string {
	c.t.Helper()
	line, err := c.in.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	line = strings.TrimSuffix(line, "\r\n")
	n, _ := strconv.Atoi(line[1:])
	switch line[0] {
	case '$':
		if n < 0 {
			return ""
		}
		b := make([]byte, n+2)
		if _, err := io.ReadFull(c.in, b); err != nil {
			c.t.Fatal(err)
		}
		return string(b[:n])
	case '*':
		var all []string
		for range n {
			all = append(all, c.reply())
		}
		return strings.Join(all, "\n")
	case '-':
		return line
	}
	return line[1:]
}

// must is do for what must not fail.
func (c *redis) must(args ...any) string {
	c.t.Helper()
	reply := c.do(args...)
	if strings.HasPrefix(reply, "-") && !isNumber(reply) {
		c.t.Fatalf("%.100v: %s", args, reply)
	}
	return reply
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}

// save makes the server write a snapshot, which it returns.
func (c *redis) save() []byte {
	c.t.Helper()
	c.must("SAVE")
	b, err := os.ReadFile(filepath.Join(c.dir, "dump.rdb"))
	if err != nil {
		c.t.Fatal(err)
	}
	return b
}

// digestOf has redis-server load a snapshot, and returns its DEBUG DIGEST.
func digestOf(t testing.TB, b []byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "dump.rdb"), b, 0o644); err != nil {
		t.Fatal(err)
	}
	return startRedis(t, dir).must("DEBUG", "DIGEST")
}

// fill gives the server values of every type, encoding and size class.
func (c *redis) fill() {
	c.t.Helper()
	c.must("CONFIG", "SET", "list-max-listpack-size", "4", "list-compress-depth", "1", "stream-node-max-entries", "5")
	c.must("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('one', function() return 1 end)")
	c.fillStrings()
	c.fillCollections()
	c.fillStreams()
	c.must("SELECT", "9")
	c.must("SET", "in another database", "value")
	c.must("SELECT", "0")
}

func (c *redis) fillStrings() {
	for _, n := range []string{"0", "-1", "127", "-128", "128", "-129", "32767", "-32768", "32768", "-32769", "2147483647",
		"-2147483648", "2147483648", "-2147483649", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
		"007", "-0", "+1", "1.5", "12345678901", "", " 1"} {
		c.must("SET", "number "+n, n)
		c.must("SET", n, "numeric key")
	}
	for _, n := range []int{1, 20, 21, 44, 45, 63, 64, 100, 16383, 16384} {
		c.must("SET", fmt.Sprintf("compressible %d", n), strings.Repeat("abc", n)[:n])
		c.must("SET", fmt.Sprintf("mixed %d", n), mixed(n))
	}
	c.must("SET", strings.Repeat("long key ", 30), "v")
	c.must("SET", "binary \x00\xff\r\n", "\x00\x01\xfe\xff")
	c.must("SET", "expires", "v", "PXAT", "33177117420123")
	c.must("PFADD", "hll", "a", "b", "c")
}

func (c *redis) fillCollections() {
	for i := range 30 {
		c.must("RPUSH", "list long", mixed(i))
		c.must("RPUSH", "list repeats", strings.Repeat("xyz", 40))
		c.must("SADD", "set big", fmt.Sprint("member ", i))
		c.must("SADD", "intset 16", i*100-500)
		c.must("SADD", "intset 32", i*1000000-500)
		c.must("SADD", "intset 64", i*1000000000-500)
		c.must("HSET", "hash many", fmt.Sprint("field ", i), mixed(i*3))
		c.must("ZADD", "zset many", float64(i)*1.25-3, fmt.Sprint("member ", i))
	}
	c.must("RPUSH", "list short", "a", "", "300", "-5", strings.Repeat("b", 70))
	c.must("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "100b")
	c.must("RPUSH", "list plain", "small", strings.Repeat("p", 200), mixed(150), "small too")
	c.must("SADD", "set small", "a", "b", "300", "")
	c.must("HSET", "hash small", "a", "1", "b", "", "", "c", "300", strings.Repeat("v", 60))
	c.must("HSET", "hash big", "field", strings.Repeat("v", 65), "f2", mixed(80))
	c.must("ZADD", "zset small", "1", "a", "-inf", "b", "inf", "c", "0.1", "300", "-1e300", "", "12345678901", "d")
	c.must("ZADD", "zset big", "1", strings.Repeat("m", 65), "-inf", "b", "inf", "c", "0.1", "300", "-0.0", "")
	c.must("HSET", "hash expires", "a", "1")
	c.must("PEXPIREAT", "hash expires", "33177117420000")
}

func (c *redis) fillStreams() {
	for i := range 23 {
		c.must("XADD", "stream", fmt.Sprintf("%d-%d", 100+i/2, i), "field", i, "other", mixed(i))
	}
	c.must("XADD", "stream", "200-1", "different", "1", "fields", "2", "here", "3")
	c.must("XDEL", "stream", "101-3", "101-2", "105-10")
	c.must("XGROUP", "CREATE", "stream", "group", "0")
	c.must("XGROUP", "CREATE", "stream", "idle", "$", "ENTRIESREAD", "5")
	c.must("XGROUP", "CREATE", "stream", "middle", "105-0")
	c.must("XREADGROUP", "GROUP", "group", "alice", "COUNT", "4", "STREAMS", "stream", ">")
	c.must("XREADGROUP", "GROUP", "group", "bob", "COUNT", "2", "STREAMS", "stream", ">")
	c.must("XGROUP", "CREATECONSUMER", "stream", "group", "carol")
	c.must("XACK", "stream", "group", "100-1")
	c.must("XADD", "stream empty", "5-5", "a", "b")
	c.must("XDEL", "stream empty", "5-5")
	c.must("XGROUP", "CREATE", "stream new", "g", "$", "MKSTREAM")
	c.must("XADD", "stream max", "18446744073709551615-18446744073709551615", "a", strings.Repeat("b", 100))
}

// mixed is a string of n bytes that hardly compresses, the same every time.
func mixed(n int) string {
	b := make([]byte, n)
	x := uint64(n)*2654435761 + 12345
	for i := range b {
		x = x*6364136223846793005 + 1442695040888963407
		b[i] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/"[x>>58]
	}
	return string(b)
}

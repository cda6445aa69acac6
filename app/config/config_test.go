package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
)

// load returns a configuration with the text of a file.
func load(t *testing.T, text string) *Config {
	t.Helper()
	c := New()
	if err := c.loadText(text); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTypedAccess(t *testing.T) {
	c := load(t, `
appendonly yes
maxmemory 18446744073709551615
maxmemory-clients 5%
unixsocketperm 700
maxmemory-policy AllKeys-LFU
bind 127.0.0.1 "" ::1
save 900 1 300 10
client-output-buffer-limit normal 18446744073709551615 2mb 3
replicaof example.org 6380
notify-keyspace-events Kx
shutdown-on-sigterm save force
latency-tracking-info-percentiles 50 99.9
user alice on >secret
user bob off
rename-command get ""
rename-command set put
loadmodule /x.so a b
module.x 1 2
other.y 3
module.x 4
`)
	check := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	check("appendonly", c.Bool("appendonly"), true)
	check("rdbcompression", c.Bool("rdbcompression"), true)
	check("daemonize", c.Bool("daemonize"), false)
	check("maxmemory", c.Int("maxmemory"), int64(maxInt64))
	check("maxmemory-clients", c.Int("maxmemory-clients"), int64(-5))
	check("unixsocketperm", c.Int("unixsocketperm"), int64(0o700))
	check("port", c.Int("port"), int64(6379))
	check("events", c.Int("notify-keyspace-events"), int64(EventKeyspace|EventExpired))
	check("shutdown", c.Int("shutdown-on-sigterm"), int64(ShutdownSave|ShutdownForce))
	check("policy", c.Str("maxmemory-policy"), "allkeys-lfu")
	check("save", c.Str("save"), "900 1 300 10")
	check("limits", c.OutputBufferLimits(), [3]OutputBufferLimit{
		{maxInt64, 2 << 20, 3}, {256 << 20, 64 << 20, 60}, {32 << 20, 8 << 20, 60},
	})
	host, port := c.ReplicaOf()
	check("host", host, "example.org")
	check("port", port, 6380)
	check("bind", strings.Join(c.Strings("bind"), "|"), "127.0.0.1||::1")
	check("words", strings.Join(c.Strings("shutdown-on-sigterm"), "|"), "save|force")
	check("save points", slices.Equal(c.SavePoints(), []SavePoint{{900, 1}, {300, 10}}), true)
	check("percentiles", slices.Equal(c.Percentiles(), []float64{50, 99.9}), true)
	check("renames", slices.Equal(c.Renames(), []Rename{{"get", ""}, {"set", "put"}}), true)
	check("modules", strings.Join(c.LoadModules()[0], "|"), "/x.so|a|b")
	check("module configs", slices.Equal(c.ModuleConfigs(), []Pair{{"module.x", "4"}, {"other.y", "3"}}), true)
	users := c.Users()
	check("users", len(users), 2)
	check("alice", strings.Join(users[0], "|"), "alice|on|>secret")
	check("sensitive", c.Sensitive("RequirePass"), true)
	check("not sensitive", c.Sensitive("port") || c.Sensitive("nosuch"), false)

	host, port = New().ReplicaOf()
	check("no host", host, "")
	check("no port", port, 0)
}

func TestUnknownNamePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	New().Int("nosuch")
}

func TestAssign(t *testing.T) {
	c := New()
	for _, p := range []Pair{{"slaveof", "localhost 7"}, {"DATABASES", "3"}, {"dbfilename", "x"}, {"hz", "9999"}} {
		if err := c.Assign(p.Name, p.Value); err != nil {
			t.Error(p, err)
		}
	}
	if host, port := c.ReplicaOf(); host != "localhost" || port != 7 {
		t.Errorf("follows %s %d", host, port)
	}
	if c.Int("databases") != 3 || c.Str("dbfilename") != "x" || c.Int("hz") != 500 {
		t.Error("not assigned")
	}
	if err := c.Assign("replicaof", "no one"); err != nil {
		t.Error(err)
	}
	if host, _ := c.ReplicaOf(); host != "" {
		t.Errorf("still follows %s", host)
	}
	if c.Assign("databases", "0") == nil || c.Assign("nosuch", "") == nil {
		t.Error("no error")
	}
}

func TestSetTellsWhatChanged(t *testing.T) {
	tests := []struct {
		pairs []Pair
		want  string
	}{
		{[]Pair{{"timeout", "1"}, {"slave-priority", "2"}, {"LOGLEVEL", "debug"}}, "timeout replica-priority loglevel"},
		{[]Pair{{"timeout", "0"}}, ""},
		{[]Pair{{"timeout", "0"}, {"tcp-keepalive", "1"}}, "tcp-keepalive"},
		{[]Pair{{"tls-cert-file", ""}, {"tls-ciphers", ""}}, "tls-cert-file"},
		{[]Pair{{"save", "3600 1 300 100 60 10000"}}, "save"},
		{[]Pair{{"oom-score-adj-values", "0 200 800"}}, ""},
		{[]Pair{{"masterauth", ""}}, ""},
	}
	for _, test := range tests {
		got, calls := "", 0
		err := New().Set(test.pairs, SetContext{}, func(changed []string) error {
			got, calls = strings.Join(changed, " "), calls+1
			return nil
		})
		wantCalls := min(1, len(test.want))
		if err != nil || got != test.want || calls != wantCalls {
			t.Errorf("%v: %q, %d calls, %v", test.pairs, got, calls, err)
		}
	}
}

func TestSetTakesBackWhatCannotBeApplied(t *testing.T) {
	tests := []struct {
		cause error
		want  string
	}{
		{&ApplyError{"replica-priority", "No\nway."}, "ERR CONFIG SET failed (possibly related to argument 'slave-priority') - No way."},
		{&ApplyError{"port", ""}, "ERR CONFIG SET failed (possibly related to argument 'port')"},
		{errors.New("odd"), "ERR CONFIG SET failed (possibly related to argument 'port') - odd"},
	}
	for _, test := range tests {
		c := load(t, "save 5 6\nport 7")
		var log []string
		c.SetHooks(Hooks{Warn: func(text string) { log = append(log, text) }})
		before := c.Get("*")
		var ports []int64
		err := c.Set([]Pair{{"port", "1"}, {"slave-priority", "2"}, {"save", "1 1"}, {"bind", "x"}}, SetContext{},
			func(changed []string) error {
				if len(changed) != 4 {
					t.Errorf("changed %q", changed)
				}
				ports = append(ports, c.Int("port"))
				return test.cause
			})
		if _, ok := err.(SetError); !ok || err.Error() != test.want {
			t.Errorf("got %v", err)
		}
		if !slices.Equal(ports, []int64{1, 7}) {
			t.Errorf("applied with ports %v", ports)
		}
		if after := c.Get("*"); !slices.Equal(before, after) {
			t.Errorf("values differ:\n%v\n%v", before, after)
		}
		if len(log) != 2 {
			t.Errorf("logged %q", log)
		}
	}
}

func TestSetInContext(t *testing.T) {
	const guarded = "ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config"
	tests := []struct {
		name, value string
		guard       string
		ctx         SetContext
		want        string
	}{
		{"appendonly", "yes", "no", SetContext{Loading: true}, "LOADING Redis is loading the dataset in memory"},
		{"repl-diskless-load", "swapdb", "no", SetContext{Loading: true}, "LOADING Redis is loading the dataset in memory"},
		{"timeout", "1", "no", SetContext{Loading: true}, ""},
		{"appendonly", "yes", "no", SetContext{}, ""},
		{"dir", "/", "no", SetContext{Local: true}, guarded},
		{"dir", "/", "local", SetContext{}, guarded},
		{"dir", "/", "local", SetContext{Local: true}, ""},
		{"dir", "/", "yes", SetContext{}, ""},
		{"dir", "/", "yes", SetContext{Loading: true}, "LOADING Redis is loading the dataset in memory"},
	}
	for _, test := range tests {
		c := load(t, "enable-protected-configs "+test.guard)
		err := c.Set([]Pair{{test.name, test.value}}, test.ctx, nil)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

func TestLoadErrorTypes(t *testing.T) {
	t.Chdir(t.TempDir())
	var open *OpenError
	err := New().LoadArgs([]string{"nosuch.conf"}, nil)
	if !errors.As(err, &open) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	err = New().LoadArgs([]string{"-"}, iotest.ErrReader(syscall.EIO))
	if !errors.As(err, &open) || !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v", err)
	}
	var file *FileError
	err = New().LoadArgs([]string{"--port", "x"}, nil)
	if !errors.As(err, &file) || file.Line != 2 || file.Text != `port "x"` || file.Reason != string(errInteger) {
		t.Errorf("got %+v", err)
	}
}

func TestIncludeDoesNotRecurseForEver(t *testing.T) {
	dir := tempDir(t)
	t.Chdir(dir)
	write(t, filepath.Join(dir, "a.conf"), "timeout 1\ninclude b.conf\n")
	write(t, filepath.Join(dir, "b.conf"), "include a.conf\n")
	err := New().LoadArgs([]string{"a.conf"}, nil)
	var file *FileError
	if !errors.As(err, &file) || file.Line != 2 || file.Text != "include b.conf" {
		t.Errorf("got %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestReadText(t *testing.T) {
	long := strings.Repeat("x", 1024)
	tests := []struct{ in, want string }{
		{"", ""},
		{"a\nb", "a\nb"},
		{"a\x00b\nc\n", "ac\n"},
		{long + "\x00lost\n", long},
		{"\x00" + long[:1023] + "kept\n", "kept\n"}, // a new piece after 1024 bytes
		{long + long + "\x00\n", long + long},
	}
	for _, test := range tests {
		if got, err := readText(iotest.OneByteReader(strings.NewReader(test.in))); got != test.want || err != nil {
			t.Errorf("%q: %q, %v; want %q", test.in, got, err, test.want)
		}
	}
}

func TestAbsolutePath(t *testing.T) {
	tests := []struct{ dir, path, want string }{
		{"/a/b", "c.conf", "/a/b/c.conf"},
		{"/a/b", "./c.conf", "/a/b/./c.conf"},
		{"/a/b", "../c.conf", "/a/c.conf"},
		{"/a/b", "../../c.conf", "/c.conf"},
		{"/a/b", "../../../c.conf", "/c.conf"},
		{"/a/b", "x/../c.conf", "/a/b/x/../c.conf"},
		{"/", "c.conf", "/c.conf"},
		{"/", "../c.conf", "/c.conf"},
		{"/a", " /c.conf\n", "/c.conf"},
		{"/a", "", "/a/"},
		{"", "c.conf", "c.conf"},
	}
	for _, test := range tests {
		if got := absolutePath(test.dir, test.path); got != test.want {
			t.Errorf("%s, %s: %s, want %s", test.dir, test.path, got, test.want)
		}
	}
}

func TestDirIsPhysicalAndLeavesTheProcessAlone(t *testing.T) {
	dir := tempDir(t)
	t.Chdir(dir)
	if err := os.MkdirAll("real/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", "link"); err != nil {
		t.Skip(err)
	}
	c := New()
	if got := c.Path("x"); got != dir+"/x" {
		t.Errorf("path is %s", got)
	}
	for _, step := range []Pair{{"link", "/real"}, {"sub", "/real/sub"}, {"../../link", "/real"}} {
		if err := c.Assign("dir", step.Name); err != nil || c.Str("dir") != dir+step.Value {
			t.Errorf("%s: %s, %v", step.Name, c.Str("dir"), err)
		}
	}
	if got := c.Path("x"); got != dir+"/real/x" {
		t.Errorf("path is %s", got)
	}
	if got := c.Path("/x"); got != "/x" {
		t.Errorf("path is %s", got)
	}
	if err := c.Assign("dir", "/"); err != nil || c.Path("x") != "/x" {
		t.Errorf("path is %s, %v", c.Path("x"), err)
	}
	if now := workingDir(); now != dir {
		t.Errorf("the process moved to %s", now)
	}
}

func TestWarnings(t *testing.T) {
	var log []string
	c := New()
	c.SetHooks(Hooks{Warn: func(text string) { log = append(log, text) }})
	err := c.LoadArgs([]string{"--oom-score-adj-values", "3 2 1", "-"}, strings.NewReader("timeout 1"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Reading config from stdin", "The oom-score-adj-values configuration may not work for " +
		"non-privileged processes! Please consult the documentation."}
	if !slices.Equal(log, want) {
		t.Errorf("logged %q", log)
	}
}

func TestSentinelMode(t *testing.T) {
	c := New()
	args := []string{"--sentinel", "--sentinel monitor mymaster 127.0.0.1 6379 2"}
	if err := c.LoadArgs(args, nil); err != nil {
		t.Fatal(err)
	}
	if !c.Sentinel() || c.Int("port") != 26379 || c.Bool("protected-mode") {
		t.Errorf("sentinel %v, port %d", c.Sentinel(), c.Int("port"))
	}
}

// Snapshots and servers must not share what one of them changes.
func TestConfigsAreIndependent(t *testing.T) {
	a, b := New(), New()
	before := b.Get("*")
	pairs := []Pair{
		{"bind", "x"}, {"save", "1 1"}, {"oom-score-adj-values", "1 2 3"}, {"timeout", "5"},
		{"latency-tracking-info-percentiles", "1"}, {"client-output-buffer-limit", "normal 1 1 1"},
	}
	if err := a.Set(pairs, SetContext{}, nil); err != nil {
		t.Fatal(err)
	}
	a.SavePoints()[0].Changes = 77
	a.Strings("bind")[0] = "y"
	if a.Str("save") != "1 1" || a.Str("bind") != "x" {
		t.Error("changed from outside")
	}
	if after := b.Get("*"); !slices.Equal(before, after) {
		t.Errorf("values differ:\n%v\n%v", before, after)
	}
}

package config

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// FuzzLoad reads any text as a configuration. What loads must survive CONFIG
// SET with its own values, and being rewritten and read again.
func FuzzLoad(f *testing.F) {
	for _, text := range []string{
		"port 1\nfoo", "save 1 1\nsave 2 2", "bind 1 2\nmaxmemory 1gb", "rename-command get x",
		"user a on >x\nuser a off", "client-output-buffer-limit replica 1mb 2kb 3",
		"notify-keyspace-events KEA\nshutdown-on-sigint now save", "# c\n\n timeout 1 \r\n\x00",
		"slave-priority 1\nlatency-tracking-info-percentiles 1 .5\nmasterauth \"a\\x00b\"",
		"oom-score-adj-values 1 2 3\nmaxmemory-clients 5%\nunixsocketperm 7\ndir /\nreplicaof a 1",
	} {
		f.Add(text)
	}
	for line := range strings.Lines(New().rewritten("", true)) {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text, err := readText(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if touchesFiles(text) {
			t.Skip()
		}
		c := New()
		if err := c.loadText(text); err != nil {
			checkLoadError(t, text, err)
			return
		}
		if !survivesRewriting(c) {
			t.Skip()
		}
		values := everything(c)
		setOwnValues(t, c)
		if now := everything(c); !slices.Equal(now, values) {
			t.Fatalf("values changed when set to themselves:\n%q\n%q", values, now)
		}
		again := New()
		rewritten := c.rewritten(text, false)
		if err := again.loadText(rewritten); err != nil {
			t.Fatalf("%v in %q", err, rewritten)
		}
		if now := everything(again); !slices.Equal(now, values) {
			t.Fatalf("values changed by rewriting to %q:\n%q\n%q", rewritten, values, now)
		}
	})
}

// touchesFiles tells texts that would open or create files.
func touchesFiles(text string) bool {
	text = lower(text)
	return strings.Contains(text, "include") || strings.Contains(text, "logfile")
}

func checkLoadError(t *testing.T, text string, err error) {
	t.Helper()
	var file *FileError
	if !errors.As(err, &file) {
		t.Fatalf("%T: %v", err, err)
	}
	lines := strings.Split(text, "\n")
	if file.Line > len(lines) || file.Line > 0 && strings.Trim(lines[file.Line-1], " \t\r\n") != file.Text {
		t.Fatalf("line %d is not %q", file.Line, file.Text)
	}
}

// survivesRewriting tells the values that Redis writes in a way it does not
// read back: some are not quoted, some do not fit the C type they are kept in.
func survivesRewriting(c *Config) bool {
	plain := func(s string) bool {
		const usual = "0123456789abcdefghijklmnopqrstuvwxyz.:*-"
		return s != "" && strings.Trim(lower(s), usual) == ""
	}
	for _, address := range c.bind {
		if !plain(address) {
			return false
		}
	}
	for _, p := range c.savePoints {
		if p.Changes < 0 {
			return false
		}
	}
	const buffer = 250 // of CONFIG GET replicaof
	return c.Str("proc-title-template") == New().Str("proc-title-template") &&
		(c.masterHost == "" || plain(c.masterHost) && c.masterHost != "no" && len(c.masterHost) < buffer)
}

// everything returns all values, those of hidden directives too.
func everything(c *Config) []Pair { return c.Get(Names()...) }

func setOwnValues(t *testing.T, c *Config) {
	t.Helper()
	for _, e := range c.names {
		if e.traits.has(immutable) || e.traits.has(protected) {
			continue
		}
		if err := c.Set([]Pair{{e.name, c.get(e.directive)}}, SetContext{}, nil); err != nil {
			t.Fatalf("%s %q: %v", e.name, c.get(e.directive), err)
		}
	}
}

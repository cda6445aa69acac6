package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rewritable returns a configuration read from a file of that text.
func rewritable(t *testing.T, text string) *Config {
	t.Helper()
	dir := tempDir(t)
	t.Chdir(dir)
	write(t, filepath.Join(dir, mainFile), text)
	c := New()
	if err := c.LoadArgs([]string{mainFile}, nil); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRewriteWithoutFile(t *testing.T) {
	err := New().Rewrite()
	if _, ok := err.(RewriteError); !ok || err.Error() != "ERR The server is running without a config file" {
		t.Errorf("got %v", err)
	}
}

func TestRewriteErrors(t *testing.T) {
	c := rewritable(t, "timeout 5\n")
	var log []string
	c.SetHooks(Hooks{Warn: func(text string) { log = append(log, text) }})
	dir := filepath.Dir(c.File())
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	err := c.Rewrite()
	if err == nil || err.Error() != "ERR Rewriting config file: No such file or directory" {
		t.Errorf("got %v", err)
	}
	want := []string{
		"Could not create tmp config file (No such file or directory)",
		"CONFIG REWRITE failed: No such file or directory",
	}
	if !slices.Equal(log, want) {
		t.Errorf("logged %q", log)
	}

	// The file has become a directory: it can be neither read nor replaced.
	if err := os.MkdirAll(c.File(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := c.Rewrite(); err == nil || err.Error() != "ERR Rewriting config file: Is a directory" {
		t.Errorf("got %v", err)
	}
	if err := c.replaceFile("x"); err == nil {
		t.Error("a directory was replaced")
	}
	if left := listDir(t, dir); !slices.Equal(left, []string{mainFile}) {
		t.Errorf("left behind: %q", left)
	}
}

func listDir(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestRewriteReplacesTheFile(t *testing.T) {
	c := rewritable(t, "timeout 5\n")
	if err := os.Chmod(c.File(), 0o600); err != nil {
		t.Fatal(err)
	}
	old, err := os.Stat(c.File())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Rewrite(); err != nil {
		t.Fatal(err)
	}
	now, err := os.Stat(c.File())
	if err != nil {
		t.Fatal(err)
	}
	if os.SameFile(old, now) {
		t.Error("the file was written in place")
	}
	if now.Mode().Perm()&^0o644 != 0 || now.Mode().Perm()&0o600 != 0o600 {
		t.Errorf("mode is %v", now.Mode())
	}
	if left := listDir(t, filepath.Dir(c.File())); !slices.Equal(left, []string{mainFile}) {
		t.Errorf("left behind: %q", left)
	}
}

// A file that is gone is written anew.
func TestRewriteWithoutOldFile(t *testing.T) {
	c := rewritable(t, "timeout 5\n")
	if err := os.Remove(c.File()); err != nil {
		t.Fatal(err)
	}
	if err := c.Rewrite(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(c.File())
	if err != nil {
		t.Fatal(err)
	}
	if text := string(data); !strings.HasPrefix(text, rewriteSignature+"\n") || !strings.Contains(text, "\ntimeout 5\n") {
		t.Errorf("wrote %q", text)
	}
}

func TestRewriteAll(t *testing.T) {
	c := rewritable(t, "")
	if err := c.RewriteAll(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(c.File())
	if err != nil {
		t.Fatal(err)
	}
	text := "\n" + string(data)
	for _, name := range Names() {
		d := c.must(name)
		none := d.kind == Text && c.get(d) == "" && d.traits.has(emptyIsNone)
		written := strings.Contains(text, "\n"+name+" ")
		if want := !none && name != "bind" && name != "replicaof"; written != want {
			t.Errorf("%s is written: %v", name, written)
		}
	}
	again := New()
	if err := again.LoadArgs([]string{c.File()}, nil); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Get("*"), again.Get("*")) {
		t.Error("reads back differently")
	}
}

func TestRewriteUsersAndModules(t *testing.T) {
	const text = "user a on\nloadmodule x y\nuser b on\nmodule.x 1\n"
	tests := []struct {
		name  string
		extra string
		users func() []string
		want  string
	}{
		{"without hook", "", nil, "user a on\nloadmodule x y\nuser b on\n# ??? module.x 1\n"},
		{"no users", "", func() []string { return nil }, "\nloadmodule x y\n\n# ??? module.x 1\n"},
		{"one user", "", func() []string { return []string{"c off"} }, "user c off\nloadmodule x y\n\n# ??? module.x 1\n"},
		{"file of users", "aclfile f\n", func() []string { return []string{"c off"} },
			"\nloadmodule x y\n\n# ??? module.x 1\naclfile \"f\"\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := load(t, text+test.extra)
			c.SetHooks(Hooks{Users: test.users})
			got, _, _ := strings.Cut(c.rewritten(text+test.extra, false), "\n"+rewriteSignature)
			if strings.TrimRight(got, "\n") != strings.TrimRight(test.want, "\n") {
				t.Errorf("got %q", got)
			}
		})
	}
}

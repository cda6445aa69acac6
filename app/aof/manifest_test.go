package aof

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseManifest(t *testing.T) {
	long := "file " + strings.Repeat("n", lineMax) + " seq 1 type i\n"
	for _, row := range []struct {
		name, text string
		reason     string // "" when the text is good
		want       string // the manifest written again, "" when it is the text itself
	}{
		{"base, history, incr", "file a.2.base.rdb seq 2 type b\nfile a.1.incr.aof seq 1 type h\nfile a.2.incr.aof seq 2 type i\n", "", ""},
		{"one incr and no base", "file other.aof.1.incr.aof seq 1 type i\n", "", ""},
		{"no end of the last line", "file a.1.incr.aof seq 1 type i", "", "file a.1.incr.aof seq 1 type i\n"},
		{"comment", "#x\nfile a seq 1 type i\n", "", "file a seq 1 type i\n"},
		{"only a comment", "#x\n", "", "\n"},
		{"more pairs, other order", "SEQ 7 x y type incr file a\r\n", "", "file a seq 7 type i\n"},
		{"quoted", `file "a b\x01\"" seq 1 type i` + "\n", "", ""},
		{"order of history", "file a seq 1 type b\nfile b seq 3 type h\nfile c seq 1 type h\n", "", ""},
		{"empty", "", reasonEmpty, ""},
		{"blank line", "file a seq 1 type i\n\nfile b seq 2 type i\n", reasonFormat, ""},
		{"too few words", "file a seq 1\n", reasonFormat, ""},
		{"odd words", "file a seq 1 type i x\n", reasonFormat, ""},
		{"no seq", "file a seq zero type i\n", reasonFormat, ""},
		{"no name", `file "" seq 1 type i` + "\n", reasonFormat, ""},
		{"open quote", `file "a seq 1 type i` + "\n", reasonFormat, ""},
		{"path", "file ../a seq 1 type i\n", reasonPath, ""},
		{"two bases", "file a seq 1 type b\nfile b seq 2 type b\n", reasonTwoBases, ""},
		{"seq goes back", "file a seq 2 type i\nfile b seq 1 type i\n", reasonMonotonic, ""},
		{"same seq", "file a seq 2 type i\nfile b seq 2 type i\n", reasonMonotonic, ""},
		{"type", "file a seq 1 type x\n", reasonType, ""},
		{"long", long, reasonLong, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			m, err := ParseManifest([]byte(row.text))
			if wrong, ok := errors.AsType[*ManifestError](err); ok != (row.reason != "") || ok && wrong.Reason != row.reason {
				t.Fatalf("got error %v, want %q", err, row.reason)
			}
			if row.reason != "" {
				return
			}
			want := row.want
			switch want {
			case "":
				want = row.text
			case "\n":
				want = ""
			}
			if got := m.String(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestManifestNames(t *testing.T) {
	m := &Manifest{}
	base, incr := m.NewBase("x.aof", true), m.NewIncr("x.aof")
	if base.Name != "x.aof.1.base.rdb" || incr.Name != "x.aof.1.incr.aof" {
		t.Fatal(base, incr)
	}
	kept := m.Clone()
	m.NewIncr("x.aof")
	m.NewIncr("x.aof")
	m.NewBase("x.aof", false)
	m.Retire(1)
	want := "file x.aof.2.base.aof seq 2 type b\n" +
		"file x.aof.1.incr.aof seq 1 type h\nfile x.aof.2.incr.aof seq 2 type h\nfile x.aof.1.base.rdb seq 1 type h\n" +
		"file x.aof.3.incr.aof seq 3 type i\n"
	if got := m.String(); got != want {
		t.Errorf("got %s", got)
	}
	if len(kept.Incr) != 1 || kept.Base != base || len(kept.History) != 0 {
		t.Errorf("the copy has changed: %s", kept)
	}
}

func TestFolder(t *testing.T) {
	d := Folder{Dir: t.TempDir(), Name: "dir", Prefix: "a.aof"}
	m, err := d.Load()
	if err != nil || !m.Empty() {
		t.Fatal(m, err)
	}
	if err := d.Make(); err != nil {
		t.Fatal(err)
	}
	if err := d.Make(); err != nil {
		t.Fatal("again:", err)
	}
	m.NewIncr(d.Prefix)
	m.NewBase(d.Prefix, true)
	m.NewBase(d.Prefix, true)
	for _, f := range append(m.Files(), m.History...) {
		if err := os.WriteFile(d.Path(f.Name), []byte("12345"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Store(m); err != nil {
		t.Fatal(err)
	}
	again, err := d.Load()
	if err != nil || again.String() != m.String() {
		t.Fatalf("%v %s", err, again)
	}
	d.Remove(append(again.History, File{"../dir/" + again.Base.Name, 1}))
	if _, err := d.Size("a.aof.1.base.rdb"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if n, err := d.Size(again.Base.Name); n != 5 || err != nil {
		t.Error(n, err)
	}
}

func TestUpgrade(t *testing.T) {
	d := Folder{Dir: t.TempDir(), Name: "dir", Prefix: "a.aof"}
	old := filepath.Join(d.Dir, d.Prefix)
	write := func() {
		if err := os.WriteFile(old, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write()
	m, _ := d.Load()
	if did, err := d.Upgrade(m); !did || err != nil {
		t.Fatal(did, err)
	}
	if n, err := d.Size(d.Prefix); n != 1 || err != nil || m.Base.Name != d.Prefix {
		t.Fatal(n, err, m)
	}
	// The manifest was written, the file not yet moved.
	os.Remove(d.Path(d.Prefix))
	write()
	m, _ = d.Load()
	if did, err := d.Upgrade(m); !did || err != nil {
		t.Fatal(did, err)
	}
	// With files of its own the folder is left alone.
	m.NewIncr(d.Prefix)
	write()
	if did, err := d.Upgrade(m); did || err != nil {
		t.Fatal(did, err)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte("file a.2.base.rdb seq 2 type b\nfile a.1.incr.aof seq 1 type h\nfile \"a 2\" seq 2 type i\n"))
	f.Add([]byte("#\nfile \"\\x00\" seq 9223372036854775807 type i"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseManifest(text)
		if err != nil {
			return
		}
		if m.Empty() && len(m.History) == 0 {
			return
		}
		again, err := ParseManifest([]byte(m.String()))
		if wrong, ok := errors.AsType[*ManifestError](err); ok && wrong.Reason == reasonLong {
			return // written in quotes it is longer
		}
		if err != nil || again.String() != m.String() {
			t.Fatalf("%q: %v", m, err)
		}
	})
}

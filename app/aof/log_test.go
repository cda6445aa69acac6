package aof

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for _, want := range []string{"ab", "abab"} {
		l, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := l.Append([]byte("ab")); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		if err := l.Sync(); err != nil {
			t.Fatal(err)
		}
		if l.Size() != int64(len(want)) {
			t.Error(l.Size())
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if n, err := l.Append([]byte("x")); n != 0 || err == nil {
			t.Error("written to a closed file", n, err)
		}
		if got, _ := os.ReadFile(path); string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if _, err := Open(filepath.Join(path, "x")); err == nil {
		t.Error("opened below a file")
	}
}

package aof

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// readAll reads all commands of a text.
func readAll(src io.Reader) (commands [][]string, end int64, err error) {
	r := NewReader(src, 0)
	for {
		args, err := r.Next()
		if err != nil {
			return commands, r.Offset(), err
		}
		copied := make([]string, len(args))
		for i, a := range args {
			copied[i] = strings.Clone(a)
		}
		commands = append(commands, copied)
	}
}

func TestReader(t *testing.T) {
	const set = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n"
	for _, row := range []struct {
		name, text string
		commands   int
		end        int
		err        error // any FormatError stands for damage
	}{
		{"nothing", "", 0, 0, io.EOF},
		{"a command", set, 1, len(set), io.EOF},
		{"annotations", "#TS:12\r\n" + set + "#x\n" + set, 2, 2*len(set) + 11, io.EOF},
		{"LF alone", "*1\n$4\nPING\r\n", 1, 12, io.EOF},
		{"half an annotation", set + "#TS:1", 1, len(set), io.ErrUnexpectedEOF},
		{"half a command", set + set[:9], 1, len(set), io.ErrUnexpectedEOF},
		{"a star", set + "*", 1, len(set), io.ErrUnexpectedEOF},
		{"claims much", "*2147483647\r\n$100000000000\r\nx", 0, 0, io.ErrUnexpectedEOF},
		{"no star", set + "x", 1, len(set), &FormatError{}},
		{"zeros", set + "\x00\x00\x00", 1, len(set), &FormatError{}},
		{"zeros in a command", set + set[:10] + "\x00\x00\x00\x00\x00\x00", 1, len(set), &FormatError{}},
		{"no arguments", "*0\r\n", 0, 0, &FormatError{}},
		{"negative", "*-1\r\n", 0, 0, &FormatError{}},
		{"no length", "*1\r\n*1\r\n", 0, 0, &FormatError{}},
		{"a bad length", "*1\r\n$-1\r\n", 0, 0, &FormatError{}},
		{"a long length", "*1\r\n$99999999999999999999999999\r\n", 0, 0, &FormatError{}},
		{"a long line", "#" + strings.Repeat("x", 2*lineMax) + "\n", 0, 0, &FormatError{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, src := range []io.Reader{strings.NewReader(row.text), iotest.OneByteReader(strings.NewReader(row.text))} {
				commands, end, err := readAll(src)
				_, damaged := errors.AsType[*FormatError](err)
				_, wanted := errors.AsType[*FormatError](row.err)
				if len(commands) != row.commands || int(end) != row.end || damaged != wanted || !wanted && err != row.err {
					t.Errorf("%d commands up to %d, %v", len(commands), end, err)
				}
			}
		})
	}
}

// TestReaderCutEverywhere cuts a file at each of its bytes: the commands before are
// there, and the end is known for what it is.
func TestReaderCutEverywhere(t *testing.T) {
	var text []byte
	var ends []int
	for i := range 20 {
		text = resp.AppendCommand(text, "SET", strings.Repeat("k", i), strings.Repeat("v\r\n*$", i*7))
		ends = append(ends, len(text))
	}
	for cut := range len(text) + 1 {
		want := 0
		for want < len(ends) && ends[want] <= cut {
			want++
		}
		commands, end, err := readAll(bytes.NewReader(text[:cut]))
		whole := cut == 0 || slices.Contains(ends, cut)
		if len(commands) != want || want > 0 && int(end) != ends[want-1] || whole != (err == io.EOF) || !whole && err != io.ErrUnexpectedEOF {
			t.Fatalf("cut at %d: %d commands up to %d, %v", cut, len(commands), end, err)
		}
	}
}

func TestReaderBig(t *testing.T) {
	big := strings.Repeat("x", 3<<20)
	text := resp.AppendCommand(nil, "SET", "k", big)
	text = append(text, "#TS:1700000000\r\n"...)
	text = resp.AppendCommand(text, "PING")
	r := NewReader(bytes.NewReader(text), 100)
	args, err := r.Next()
	if err != nil || args[2] != big {
		t.Fatal(err)
	}
	args, err = r.Next()
	if err != nil || !slices.Equal(args, []string{"PING"}) || r.Time != 1700000000 || r.Offset() != 100+int64(len(text)) {
		t.Fatal(args, err, r.Time, r.Offset())
	}
	failure := errors.New("disk")
	r = NewReader(io.MultiReader(strings.NewReader("*1\r\n"), iotest.ErrReader(failure)), 0)
	if _, err := r.Next(); err != failure {
		t.Fatal(err)
	}
}

// FuzzReader holds that what is read can be written again, and that what is in
// memory follows the input.
func FuzzReader(f *testing.F) {
	f.Add([]byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n#TS:1\r\n*1\r\n$4\r\nEXEC\r\n"))
	f.Add([]byte("*2147483647\r\n$2147483647\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		commands, end, err := readAll(bytes.NewReader(text))
		if end > int64(len(text)) || err == nil {
			t.Fatal(end, err)
		}
		var written []byte
		for _, args := range commands {
			written = resp.AppendCommand(written, args...)
		}
		again, _, err := readAll(iotest.HalfReader(bytes.NewReader(written)))
		if err != io.EOF || len(again) != len(commands) {
			t.Fatal(len(again), err)
		}
		for i := range again {
			if !slices.Equal(again[i], commands[i]) {
				t.Fatalf("%q became %q", commands[i], again[i])
			}
		}
	})
}

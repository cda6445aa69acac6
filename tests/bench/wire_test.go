package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestAppendCommand(t *testing.T) {
	got := string(appendCommand(nil, "SET", "", "a\r\nb"))
	if want := "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\na\r\nb\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAppendSetIsTheCommand(t *testing.T) {
	got := appendSet(nil, "key:", 120034, 5, "PX", "77")
	want := appendCommand(nil, "SET", "key:000000120034", "xxxxx", "PX", "77")
	if !bytes.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReadText(t *testing.T) {
	tests := []struct{ name, in, want, err string }{
		{"status", "+PONG\r\n", "PONG", ""},
		{"integer", ":42\r\n", "42", ""},
		{"bulk", "$4\r\na\r\nb\r\n", "a\r\nb", ""},
		{"null", "$-1\r\n", "", ""},
		{"error", "-ERR no\r\n", "", "ERR no"},
		{"empty line", "\r\n", "", "not a reply"},
		{"no carriage return", "+OK\n", "", "not a reply"},
		{"cut", "$4\r\nab", "", io.ErrUnexpectedEOF.Error()},
		{"bad length", "$x\r\n", "", "not a length"},
		{"huge length", "$99999999999\r\n", "", "not a length"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readText(bufio.NewReader(strings.NewReader(tt.in)))
			if got != tt.want || (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got %q, %v; want %q, %q", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestReadScan(t *testing.T) {
	in := "*2\r\n$2\r\n17\r\n*2\r\n$1\r\na\r\n$0\r\n\r\n"
	var keys []string
	visit := func(key []byte) error { keys = append(keys, string(key)); return nil }
	cursor, err := readScan(bufio.NewReader(iotest.OneByteReader(strings.NewReader(in))), visit)
	if err != nil || cursor != "17" || !slices.Equal(keys, []string{"a", ""}) {
		t.Errorf("got cursor %q, keys %q, %v", cursor, keys, err)
	}
	for _, bad := range []string{"*1\r\n", "-ERR x\r\n", "*2\r\n$1\r\n0\r\n*1\r\n$9999999\r\n", "*2\r\n$1\r\n0\r\n*1\r\n$-1\r\n", "*2\r\n$1\r\n0\r\n"} {
		if _, err := readScan(bufio.NewReader(strings.NewReader(bad)), visit); err == nil {
			t.Errorf("%q was read without an error", bad)
		}
	}
}

func TestCountReplies(t *testing.T) {
	ok := strings.Repeat("+OK\r\n", 50_000)
	tests := []struct {
		name string
		in   io.Reader
		want string
	}{
		{"all", strings.NewReader(ok), ""},
		{"in pieces", iotest.HalfReader(strings.NewReader(ok)), ""},
		{"with the end of input", iotest.DataErrReader(strings.NewReader(ok)), ""},
		{"too few", strings.NewReader(ok[5:]), "after 49999 of 50000"},
		{"an error", strings.NewReader("+OK\r\n-OOM no memory\r\n" + ok), "OOM no memory"},
		{"an error in pieces", iotest.OneByteReader(strings.NewReader("+OK\r\n-O")), "an error reply"},
		{"a minus within a line", strings.NewReader("$3\r\n1-1\r\n" + ok), ""},
		{"broken", iotest.ErrReader(errors.New("reset")), "reset"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := countReplies(tt.in, 50_000)
			if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestKeyNumber(t *testing.T) {
	for _, k := range []int{0, 7, 9_999_999, 123_456_789_012} {
		key := strings.Fields(string(appendKey(nil, "key:", k)))[1]
		if got, err := keyNumber([]byte(key)); err != nil || got != k {
			t.Errorf("keyNumber(%q) = %d, %v; want %d", key, got, err, k)
		}
	}
	for _, bad := range []string{"", "key:1", "key:00000000000x"} {
		if _, err := keyNumber([]byte(bad)); err == nil {
			t.Errorf("%q has a number", bad)
		}
	}
}

// TestScatterFillsItsRange: expiries that bunched together would make another
// data set than the one that is named.
func TestScatterFillsItsRange(t *testing.T) {
	const keys, parts = 100_000, 10
	var counts [parts]int
	for k := range keys {
		counts[scatter(k, parts)]++
	}
	for i, n := range counts {
		if n < keys/parts*9/10 || n > keys/parts*11/10 {
			t.Errorf("part %d got %d of %d keys", i, n, keys)
		}
	}
}

// FuzzReplies: whatever a server sends, reading it ends in a value or an
// error, and within bounds.
func FuzzReplies(f *testing.F) {
	f.Add("*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n")
	f.Add("$3\r\nabc\r\n")
	f.Add("-ERR no\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		readText(bufio.NewReader(strings.NewReader(in)))
		readScan(bufio.NewReader(strings.NewReader(in)), func(key []byte) error {
			if len(key) > len(in) {
				t.Errorf("a key of %d bytes from %d", len(key), len(in))
			}
			return nil
		})
	})
}

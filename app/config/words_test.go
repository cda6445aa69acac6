package config

import (
	"slices"
	"testing"
)

func TestSplitArgs(t *testing.T) {
	tests := []struct {
		line string
		want []string
		ok   bool
	}{
		{"", nil, true},
		{" \t\n\v\f\r", nil, true},
		{"a", []string{"a"}, true},
		{" a  b\tc\n", []string{"a", "b", "c"}, true},
		{"a\vb", []string{"a\vb"}, true}, // only some blanks end a word
		{"\va", []string{"a"}, true},
		{`""`, []string{""}, true},
		{`'' ""`, []string{"", ""}, true},
		{`"a b"`, []string{"a b"}, true},
		{`a"b c"`, []string{"ab c"}, true},
		{`a'b "c'`, []string{`ab "c`}, true},
		{`"a"b`, nil, false},
		{"\"a\"\vb", []string{"a", "b"}, true},
		{`"a""b"`, nil, false},
		{`'a'b`, nil, false},
		{`"a`, nil, false},
		{`'a`, nil, false},
		{`"`, nil, false},
		{`a"`, nil, false},
		{`"a\"`, nil, false},
		{`"\n\r\t\b\a\\\"\z"`, []string{"\n\r\t\b\a\\\"z"}, true},
		{`"\x41\x4\xg0\x"`, []string{"Ax4xg0x"}, true},
		{`"\xfF\x00"`, []string{"\xff\x00"}, true},
		{`'\n\'\\ '`, []string{`\n'\\ `}, true},
		{`'\\'`, nil, false},                 // the second backslash belongs to the quote
		{`\n\x41`, []string{`\n\x41`}, true}, // no escapes outside of quotes
		{"a\x00b", []string{"a"}, true},
		{"\"a\x00b\"", nil, false},
	}
	for _, test := range tests {
		t.Run(test.line, func(t *testing.T) {
			got, err := SplitArgs(test.line)
			if (err == nil) != test.ok || !slices.Equal(got, test.want) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"":                   `""`,
		"a b":                `"a b"`,
		"\\\"\n\r\t\a\b":     `"\\\"\n\r\t\a\b"`,
		"\x00\x1f\x7f\xff'~": `"\x00\x1f\x7f\xff'~"`,
	} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) = %s, want %s", in, got, want)
		}
	}
}

// FuzzSplitArgs checks that words survive being quoted, and that a line that
// can be split at all splits the same with blanks around it.
func FuzzSplitArgs(f *testing.F) {
	for _, line := range []string{"", `a "b c" 'd\'e'`, `"\x41\n"`, `"a"b`, "\v\x00\"", `a"b'c"`} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, err := SplitArgs(line)
		if err != nil {
			if words != nil {
				t.Fatalf("words %q with an error", words)
			}
			return
		}
		quoted := ""
		for _, w := range words {
			quoted += quote(w) + " "
		}
		again, err := SplitArgs(quoted)
		if err != nil || !slices.Equal(again, words) {
			t.Fatalf("%s: %q, %v; want %q", quoted, again, err, words)
		}
		again, err = SplitArgs(" \t" + cstring(line) + "\n ")
		if err != nil || !slices.Equal(again, words) {
			t.Fatalf("with blanks around: %q, %v; want %q", again, err, words)
		}
	})
}

package glob

import (
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		pattern, s string
		nocase     bool
		want       bool
	}{
		{"", "", false, true},
		{"", "a", false, false},
		{"a", "", false, false},
		{"*", "", false, false}, // KEYS * and its like ask no matcher
		{"*", "a", false, true},
		{"**", "ab", false, true},
		{"a*", "a", false, true},
		{"a*b", "ab", false, true},
		{"a*b", "a\nxxb", false, true},
		{"a*b", "abc", false, false},
		{"*a*b*c*", "xxaxxbxxcxx", false, true},
		{"*a*b*c", "xxaxxbxxcxx", false, false},
		{"h?llo", "hello", false, true},
		{"h?llo", "hllo", false, false},
		{"?", "é", false, false}, // two bytes
		{"??", "é", false, true},
		{"h[ae]llo", "hallo", false, true},
		{"h[ae]llo", "hillo", false, false},
		{"h[^e]llo", "hallo", false, true},
		{"h[^e]llo", "hello", false, false},
		{"h[a-c]llo", "hbllo", false, true},
		{"h[c-a]llo", "hbllo", false, true},
		{"h[a-c]llo", "hdllo", false, false},
		{"[a-]", "_", false, true}, // a range from a to ]
		{"[a-]", "-", false, false},
		{"[-a]", "-", false, true},
		{"[a\\-z]", "-", false, true},
		{"[a\\-z]", "b", false, false},
		{"[\\]]", "]", false, true},
		{"[\\", "\\", false, true},
		{"[abc", "c", false, true},
		{"[abc", "d", false, false},
		{"[", "[", false, false},
		{"[^", "x", false, true},
		{"[]", "]", false, false},
		{"[]a]", "a", false, false},
		{"[^]", "x", false, true},
		{"x[]y", "xy", false, false},
		{"\\*", "*", false, true},
		{"\\*", "a", false, false},
		{"\\[a]", "[a]", false, true},
		{"a\\", "a\\", false, true},
		{"\\", "\\", false, true},
		{"\\\\", "\\", false, true},
		{"key", "KEY", false, false},
		{"key", "KEY", true, true},
		{"K*Y", "kaaY", true, true},
		{"*[X-Z]", "ay", true, true},
		{"[Z-a]", "z", true, false},
		{"[\\A]", "a", true, false},
		{"\\A", "a", true, true},
		{"[\xe0-\xff]", "\xe9", false, true},
		{"[\x01-\xff]", "a", false, false},
		{"[\x01-\xff]", "\x00", false, true},
		{"a\x00*", "a\x00b", false, true},
		{strings.Repeat("*a", 1000), strings.Repeat("a", 1000), false, true},
		{strings.Repeat("*a", 1001), strings.Repeat("a", 1001), false, false},
		{strings.Repeat("a*", 1000), strings.Repeat("a", 1000), false, true},
	} {
		t.Run(test.pattern+" "+test.s, func(t *testing.T) {
			if got := Match(test.pattern, test.s, test.nocase); got != test.want {
				t.Errorf("Match(%q, %q, %v) = %v", test.pattern, test.s, test.nocase, got)
			}
		})
	}
}

func TestLiteral(t *testing.T) {
	for pattern, want := range map[string]bool{
		"": true, "key": true, "a-b^c]": true, "\x00é": true,
		"*": false, "a?": false, "[a]": false, "a\\b": false,
	} {
		if Literal(pattern) != want {
			t.Errorf("Literal(%q) = %v", pattern, !want)
		}
	}
}

// TestMatchAbuse runs patterns that take a naive matcher longer than a life.
func TestMatchAbuse(t *testing.T) {
	s := strings.Repeat("a", 10_000)
	for _, pattern := range []string{
		strings.Repeat("a*", 500) + "b",
		strings.Repeat("*[a]", 500) + "b",
		strings.Repeat("*?", 900) + "b",
	} {
		if Match(pattern, s, false) {
			t.Errorf("Match(%.10q…) = true", pattern)
		}
	}
}

// An element is what one byte of the string is matched with; star is any
// number of any.
type element struct {
	star  bool
	takes [256]bool
}

// parse reads a pattern into elements, the slow way.
func parse(pattern string, nocase bool) []element {
	var elements []element
	for pattern != "" {
		var e element
		switch {
		case pattern[0] == '*':
			e.star = true
		case pattern[0] == '?':
			for c := range e.takes {
				e.takes[c] = true
			}
		case pattern[0] == '[':
			pattern = parseClass(pattern[1:], &e, nocase)
			elements = append(elements, e)
			continue
		default:
			if pattern[0] == '\\' && len(pattern) > 1 {
				pattern = pattern[1:]
			}
			e.take(pattern[0], nocase)
		}
		elements = append(elements, e)
		pattern = pattern[1:]
	}
	return elements
}

func (e *element) take(c byte, nocase bool) {
	e.takes[c] = true
	if nocase {
		e.takes[strings.ToUpper(string(rune(c)))[0]] = true
		e.takes[strings.ToLower(string(rune(c)))[0]] = true
	}
}

func parseClass(rest string, e *element, nocase bool) string {
	not := strings.HasPrefix(rest, "^")
	if not {
		rest = rest[1:]
	}
	for rest != "" && rest[0] != ']' {
		switch {
		case rest[0] == '\\' && len(rest) > 1:
			e.takes[rest[1]] = true
			rest = rest[2:]
		case len(rest) >= 3 && rest[1] == '-':
			for c := range 256 {
				if inRange(rest[0], rest[2], byte(c), nocase) {
					e.takes[c] = true
				}
			}
			rest = rest[3:]
		default:
			e.take(rest[0], nocase)
			rest = rest[1:]
		}
	}
	if not {
		for c := range e.takes {
			e.takes[c] = !e.takes[c]
		}
	}
	return strings.TrimPrefix(rest, "]")
}

// matches is the obvious matcher.
func matches(elements []element, s string) bool {
	switch {
	case len(elements) == 0:
		return s == ""
	case elements[0].star:
		return matches(elements[1:], s) || s != "" && matches(elements, s[1:])
	}
	return s != "" && elements[0].takes[s[0]] && matches(elements[1:], s[1:])
}

func FuzzGlob(f *testing.F) {
	f.Add("a*[b-d]?\\*", "aXXcc*", false)
	f.Add("[^", "]", true)
	f.Add("*a*b*", "xaxbx", true)
	f.Fuzz(func(t *testing.T, pattern, s string, nocase bool) {
		for i := range len(pattern) {
			if pattern[i] >= 0x80 && nocase {
				t.Skip("case is for ASCII")
			}
		}
		if strings.Count(pattern, "*") > 6 || len(s) > 40 {
			Match(pattern, s, nocase)
			return
		}
		want := matches(parse(pattern, nocase), s)
		if s == "" {
			want = pattern == ""
		}
		if got := Match(pattern, s, nocase); got != want {
			t.Errorf("Match(%q, %q, %v) = %v", pattern, s, nocase, got)
		}
		if Literal(pattern) && Match(pattern, s, false) != (pattern == s) {
			t.Errorf("%q is no literal: it matches %q", pattern, s)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	for _, bench := range []struct{ name, pattern, s string }{
		{"all", "*", "key:000000012345"},
		{"prefix", "key:*", "key:000000012345"},
		{"other prefix", "user:*", "key:000000012345"},
		{"suffix", "*:12345", "key:0000000:12345"},
		{"class", "key:[0-9]*[a-f]", "key:000000012345"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				Match(bench.pattern, bench.s, false)
			}
		})
	}
}

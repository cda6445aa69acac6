package config

import (
	"errors"
	"strings"
)

// errQuotes reports quotes that are not closed, or not followed by a blank.
var errQuotes = errors.New("config: unbalanced quotes")

// SplitArgs splits a line into words separated by blanks. Inside double quotes
// the escapes \n \r \t \b \a and \xHH stand for bytes and a backslash before
// any other character for that character; inside single quotes only \' does.
// A line of blanks has no words. The error says that a quote is not closed or
// that its end is not the end of the word; a NUL byte ends the line.
func SplitArgs(line string) ([]string, error) {
	line = cstring(line)
	var words []string
	for {
		line = strings.TrimLeft(line, " \t\n\v\f\r")
		if line == "" {
			return words, nil
		}
		word, rest, err := cutWord(line)
		if err != nil {
			return nil, err
		}
		words = append(words, word)
		line = rest
	}
}

// cutWord reads one word off a line that does not begin with a blank. A quote
// may open in the middle of a word, but its end is the word's. The blanks that
// end a bare word are fewer than those that separate words: so it is in Redis.
func cutWord(line string) (word, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		switch c := line[i]; c {
		case ' ', '\t', '\n', '\r':
			return b.String(), line[i+1:], nil
		case '"', '\'':
			size, closed := cutQuoted(&b, line[i+1:], c)
			rest := line[i+1+size:]
			if !closed || rest != "" && !isBlank(rest[0]) {
				return "", "", errQuotes
			}
			return b.String(), rest, nil
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), "", nil
}

// cutQuoted appends what a quoted text stands for, up to the closing quote, and
// returns how many bytes of s that took with the quote.
func cutQuoted(b *strings.Builder, s string, quote byte) (size int, closed bool) {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return i + 1, true
		case s[i] == '\\' && quote == '\'' && strings.HasPrefix(s[i+1:], "'"):
			b.WriteByte('\'')
			i++
		case s[i] == '\\' && quote == '"' && i+1 < len(s):
			c, size := unescape(s[i+1:])
			b.WriteByte(c)
			i += size
		default:
			b.WriteByte(s[i])
		}
	}
	return len(s), false
}

// unescape returns the byte meant by an escape and the length of the escape
// without its backslash. s is not empty.
func unescape(s string) (c byte, size int) {
	switch s[0] {
	case 'n':
		return '\n', 1
	case 'r':
		return '\r', 1
	case 't':
		return '\t', 1
	case 'b':
		return '\b', 1
	case 'a':
		return '\a', 1
	case 'x':
		if len(s) >= 3 && isHex(s[1]) && isHex(s[2]) {
			return hexValue(s[1])<<4 | hexValue(s[2]), 3
		}
	}
	return s[0], 1
}

const hexDigits = "0123456789abcdef"

// Quote writes s so that SplitArgs reads it back as one word.
func Quote(s string) string { return quote(s) }

func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(s) {
		switch c {
		case '\\', '"':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		case '\a':
			b.WriteString(`\a`)
		case '\b':
			b.WriteString(`\b`)
		default:
			if ' ' <= c && c <= '~' {
				b.WriteByte(c)
				break
			}
			b.WriteString(`\x`)
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	b.WriteByte('"')
	return b.String()
}

func isBlank(c byte) bool { return strings.IndexByte(" \t\n\v\f\r", c) >= 0 }

func isHex(c byte) bool { return strings.IndexByte(hexDigits, lowerByte(c)) >= 0 }

func hexValue(c byte) byte { return byte(strings.IndexByte(hexDigits, lowerByte(c))) }

// lower maps ASCII letters only: names of directives are ASCII, and Unicode
// folding would let the Kelvin sign pass for a k.
func lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for j, c := range b {
				b[j] = lowerByte(c)
			}
			return string(b)
		}
	}
	return s
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// cstring cuts s at its first NUL byte, where most values end in Redis.
func cstring(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

package tests

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// This file prints replies the way redis-cli does, except that no two RESP
// types look alike: a status is +OK, a null array (nil array), a set has ~
// behind its numbers, a map #, a push !.

// String prints a reply on as many lines as it needs.
func (v reply) String() string { return strings.Join(v.lines(), "\n") }

func (v reply) lines() []string {
	if len(v.attrs) > 0 {
		bare := v
		bare.attrs = nil
		return append(printPairs(v.attrs, '|'), bare.lines()...)
	}
	switch {
	case v.kind == lineKind:
		return v.lineLines()
	case isAggregate(v.kind) && !v.null:
		return v.aggregateLines()
	}
	return []string{v.scalar()}
}

// scalar prints what fits on one line.
func (v reply) scalar() string {
	switch {
	case v.null:
		return map[byte]string{'$': "(nil)", '*': "(nil array)", '_': "(null)"}[v.kind]
	case v.kind == '+':
		return "+" + escape(v.text)
	case v.kind == '-':
		return "(error) " + escape(v.text)
	case v.kind == '!':
		return "(blob error) " + escape(v.text)
	case v.kind == ':':
		return "(integer) " + v.text
	case v.kind == ',':
		return "(double) " + v.text
	case v.kind == '(':
		return "(big number) " + v.text
	case v.kind == '#':
		return map[string]string{"t": "(true)", "f": "(false)"}[v.text]
	case v.kind == '=':
		format, text, _ := strings.Cut(v.text, ":")
		return "(verbatim " + format + ") " + quoteShort(text)
	}
	return quoteShort(v.text)
}

func (v reply) aggregateLines() []string {
	name, mark := "array", byte(')')
	switch v.kind {
	case '%':
		name, mark = "map", '#'
	case '~':
		name, mark = "set", '~'
	case '>':
		name, mark = "push", '!'
	}
	if len(v.elems) == 0 {
		return []string{"(empty " + name + ")"}
	}
	if v.kind == '%' {
		return printPairs(v.elems, mark)
	}
	var out []string
	for i, e := range v.elems {
		out = append(out, hang(strconv.Itoa(i+1)+string(mark)+" ", e.lines())...)
	}
	return out
}

// printPairs prints keys and values in turn; a value of several lines stands below its key.
func printPairs(elems []reply, mark byte) []string {
	var out []string
	for i := 0; i+1 < len(elems); i += 2 {
		head := fmt.Sprintf("%d%c %s =>", i/2+1, mark, strings.Join(elems[i].lines(), " "))
		value := elems[i+1].lines()
		if len(value) == 1 {
			out = append(out, head+" "+value[0])
			continue
		}
		out = append(out, head)
		for _, line := range value {
			out = append(out, "      "+line)
		}
	}
	return out
}

// hang puts prefix before the first line and as many blanks before the others.
func hang(prefix string, lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		if i == 0 {
			out[i] = prefix + line
		} else {
			out[i] = strings.Repeat(" ", len(prefix)) + line
		}
	}
	return out
}

// quoteMax is the longest string that is printed in full.
const quoteMax = 1024

// quoteShort prints a string in quotes, a long one by its start, length and checksum.
func quoteShort(s string) string {
	if len(s) <= quoteMax {
		return quote(s)
	}
	sum := sha256.Sum256([]byte(s))
	return fmt.Sprintf("%s… (%d bytes, sha256 %x)", quote(s[:32]), len(s), sum[:8])
}

// quote prints a string as redis-cli does.
func quote(s string) string {
	return `"` + strings.ReplaceAll(escape(s), `"`, `\"`) + `"`
}

var escapes = map[byte]string{'\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\a': `\a`, '\b': `\b`}

// escape shows what is not a printable ASCII character, and a blank at the
// end, which editors would drop.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case escapes[c] != "":
			b.WriteString(escapes[c])
		case c < ' ' || c > '~' || c == ' ' && i == len(s)-1 && i > 0:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

var errQuotes = errors.New("unbalanced quotes")

// splitLine splits a command line into arguments with redis-cli's rules:
// double quotes with escapes, single quotes with \' only.
func splitLine(line string) ([]string, error) {
	var args []string
	for {
		line = strings.TrimLeftFunc(line, unicode.IsSpace)
		if line == "" {
			return args, nil
		}
		var arg string
		var err error
		switch line[0] {
		case '"':
			arg, line, err = cutDouble(line[1:])
		case '\'':
			arg, line, err = cutSingle(line[1:])
		default:
			i := strings.IndexFunc(line, unicode.IsSpace)
			if i < 0 {
				i = len(line)
			}
			arg, line = line[:i], line[i:]
		}
		if err != nil {
			return nil, err
		}
		if line != "" && !unicode.IsSpace(rune(line[0])) {
			return nil, errQuotes
		}
		args = append(args, arg)
	}
}

func cutSingle(s string) (arg, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '\'':
			i++
			b.WriteByte('\'')
		case s[i] == '\'':
			return b.String(), s[i+1:], nil
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", errQuotes
}

func cutDouble(s string) (arg, rest string, err error) {
	var b bytes.Buffer
	for i := 0; i < len(s); i++ {
		if s[i] == '"' {
			return b.String(), s[i+1:], nil
		}
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if s[i] == 'x' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		c := s[i]
		for char, text := range escapes {
			if text[1] == c {
				c = char
			}
		}
		b.WriteByte(c)
	}
	return "", "", errQuotes
}

func TestPrintReply(t *testing.T) {
	bulk := func(s string) reply { return reply{kind: '$', text: s} }
	for _, row := range []struct {
		in   reply
		want string
	}{
		{reply{kind: '+', text: "OK"}, "+OK"},
		{reply{kind: '-', text: "ERR no "}, `(error) ERR no\x20`},
		{reply{kind: '$', null: true}, "(nil)"},
		{reply{kind: '*', null: true}, "(nil array)"},
		{reply{kind: '_', null: true}, "(null)"},
		{reply{kind: ',', text: "1.5"}, "(double) 1.5"},
		{reply{kind: '#', text: "t"}, "(true)"},
		{reply{kind: '=', text: "txt:a b"}, `(verbatim txt) "a b"`},
		{bulk("a\x00\"\n"), `"a\x00\"\n"`},
		{reply{kind: '*'}, "(empty array)"},
		{reply{kind: '~', elems: []reply{bulk("a")}}, `1~ "a"`},
		{reply{kind: '*', elems: []reply{{kind: '*', elems: []reply{bulk("a"), bulk("b")}}, bulk("c")}}, "1) 1) \"a\"\n   2) \"b\"\n2) \"c\""},
		{reply{kind: '%', elems: []reply{bulk("k"), {kind: ':', text: "1"}}}, `1# "k" => (integer) 1`},
	} {
		if got := row.in.String(); got != row.want {
			t.Errorf("got  %s\nwant %s", got, row.want)
		}
	}
}

func TestSplitLine(t *testing.T) {
	for _, row := range []struct {
		in   string
		want string
	}{
		{`SET a b`, `["SET" "a" "b"]`},
		{`  SET  "a \x41\n\"" '' `, `["SET" "a A\n\"" ""]`},
		{`SET 'it\'s' "\q"`, `["SET" "it's" "q"]`},
		{``, `[]`},
	} {
		got, err := splitLine(row.in)
		if err != nil {
			t.Errorf("%s: %v", row.in, err)
		}
		if s := fmt.Sprintf("%q", got); s != row.want {
			t.Errorf("%s: got %s, want %s", row.in, s, row.want)
		}
	}
	for _, bad := range []string{`"a`, `'a`, `"a"b`, `'a'b`} {
		if got, err := splitLine(bad); err == nil {
			t.Errorf("%s: got %q, want an error", bad, got)
		}
	}
}

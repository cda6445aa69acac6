package resp

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

func TestParserParse(t *testing.T) {
	in := "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n\r\n*0\r\n*-1\r\nset k \"a b\"\r\n*1\r\n$4\r\nPING\r\n"
	want := [][]string{{"GET", "k"}, {"set", "k", "a b"}, {"PING"}}
	for name, r := range map[string]io.Reader{
		"whole":        strings.NewReader(in),
		"byte by byte": iotest.OneByteReader(strings.NewReader(in)),
	} {
		t.Run(name, func(t *testing.T) {
			p := NewParser(r)
			for _, command := range want {
				if got, err := p.Parse(); err != nil || !slices.Equal(got, command) {
					t.Fatalf("%q, %v, not %q", got, err, command)
				}
			}
			if _, err := p.Parse(); err != io.EOF {
				t.Errorf("at the end: %v", err)
			}
		})
	}
}

func TestParserErrors(t *testing.T) {
	long := strings.Repeat("A", 64<<10)
	for _, test := range []struct{ in, want string }{
		{"*1\r\n$4\r\nPI", io.ErrUnexpectedEOF.Error()},
		{"*1\r", io.ErrUnexpectedEOF.Error()},
		{"*", io.ErrUnexpectedEOF.Error()},
		{"PING", io.ErrUnexpectedEOF.Error()},
		{"*1000000000\r\n$512000000\r\nabc", io.ErrUnexpectedEOF.Error()},
		{"*x\r\n", "ERR Protocol error: invalid multibulk length"},
		{"*1\r\n+PING\r\n", "ERR Protocol error: expected '$', got '+'"},
		{"*1\r\n\r\n", "ERR Protocol error: expected '$', got ' '"},
		{"*1\r\n$-1\r\n", "ERR Protocol error: invalid bulk length"},
		{"*1\r\n$536870913\r\n", "ERR Protocol error: invalid bulk length"},
		{"GET 'a\r\n", "ERR Protocol error: unbalanced quotes in request"},
		{long + "A", "ERR Protocol error: too big inline request"},
		{"*" + long + "A", "ERR Protocol error: too big mbulk count string"},
		{"*1\r\n$" + long, "ERR Protocol error: too big bulk count string"},
	} {
		_, err := NewParser(strings.NewReader(test.in)).Parse()
		if err == nil || err.Error() != test.want {
			t.Errorf("%.40q: %v", test.in, err)
		}
	}
	failure := errors.New("broken wire")
	_, err := NewParser(io.MultiReader(strings.NewReader("*1\r\n"), iotest.ErrReader(failure))).Parse()
	if err != failure {
		t.Errorf("the reader's error is %v", err)
	}
}

func TestParserParts(t *testing.T) {
	for _, in := range []string{"2\r\n$1\r\na\r\n$0\r\n\r\n:", "*2\r\n$1\r\na\r\n$0\r\n\r\n:"} {
		p := NewParser(strings.NewReader(in))
		if got, err := p.ParseArray(); err != nil || !slices.Equal(got, []string{"a", ""}) {
			t.Errorf("ParseArray of %q: %q, %v", in, got, err)
		}
		if next, _ := p.ReadByte(); next != ':' {
			t.Errorf("ParseArray of %q stops before %q", in, next)
		}
	}
	for _, in := range []string{"3\r\nabc\r\n:", "$3\r\nabc\r\n:"} {
		p := NewParser(strings.NewReader(in))
		if got, err := p.ParseBulkString(); err != nil || got != "abc" {
			t.Errorf("ParseBulkString of %q: %q, %v", in, got, err)
		}
		if next, _ := p.ReadByte(); next != ':' {
			t.Errorf("ParseBulkString of %q stops before %q", in, next)
		}
	}
	p := NewParser(strings.NewReader("-12\r\n007\r\n"))
	if n, err := p.GetLength(); n != -12 || err != nil {
		t.Errorf("GetLength: %d, %v", n, err)
	}
	if n, err := p.GetLength(); err == nil {
		t.Errorf("GetLength of 007: %d", n)
	}
}

func TestParserDetach(t *testing.T) {
	source := strings.NewReader("PING\r\n*1\r\n$4\r\nPI")
	p := NewParser(source)
	if p.Source() != io.Reader(source) {
		t.Error("the source is another")
	}
	if _, err := p.Parse(); err != nil {
		t.Fatal(err)
	}
	if rest := p.Detach(); string(rest) != "*1\r\n$4\r\nPI" {
		t.Errorf("detached %q", rest)
	}
	if p.Source() != io.Reader(source) {
		t.Error("the source is gone")
	}
	if rest := p.Detach(); len(rest) != 0 {
		t.Errorf("detached %q once more", rest)
	}
	if _, err := p.Parse(); err != io.EOF {
		t.Errorf("after Detach: %v", err)
	}
}

// TestParserDetachShared reads on from a source that is a bufio.Reader, which
// the parser does not wrap once more.
func TestParserDetachShared(t *testing.T) {
	source := bufio.NewReader(strings.NewReader("PING\r\nrest"))
	p := NewParser(source)
	if _, err := p.Parse(); err != nil {
		t.Fatal(err)
	}
	detached := p.Detach()
	rest, _ := io.ReadAll(p.Source())
	if got := string(detached) + string(rest); got != "rest" {
		t.Errorf("detached %q, then %q", detached, rest)
	}
}

func TestEncoders(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{string(ToArray([]string{"GET", "k"})), "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"},
		{string(ToArray(nil)), "*0\r\n"},
		{ToBulkString(""), "$0\r\n\r\n"},
		{ToBulkString("a\r\nb"), "$4\r\na\r\nb\r\n"},
		{string(ToInt(-12)), ":-12\r\n"},
		{string(ToArrayAnyType([]string{":1\r\n", "$1\r\na\r\n"})), "*2\r\n:1\r\n$1\r\na\r\n"},
		{string(AppendCommand([]byte("x"), "PING")), "x*1\r\n$4\r\nPING\r\n"},
	} {
		if test.got != test.want {
			t.Errorf("%q, not %q", test.got, test.want)
		}
	}
}

// FuzzParser asks that the stream parser and the decoder agree.
func FuzzParser(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING \"a\"\r\n*0\r\n"))
	f.Add([]byte("*1\r\n+x\r\n"))
	f.Add([]byte("*1000000000\r\n$512000000\r\nabc"))
	f.Fuzz(func(t *testing.T, in []byte) {
		commands, rest, decoderErr := decode(Limits{}, in, max(len(in), 1))
		p := NewParser(iotest.HalfReader(bytes.NewReader(in)))
		// Behind a NUL that is not part of an argument the decoder sees
		// nothing, while the parser goes on.
		stuck := decoderErr == nil && rest > 0 && bytes.IndexByte(in[len(in)-rest:], 0) >= 0
		for _, want := range commands {
			if len(want) == 0 {
				continue
			}
			if got, err := p.Parse(); err != nil || !slices.Equal(got, want) {
				t.Fatalf("parser %q, %v; decoder %q", got, err, want)
			}
		}
		_, err := p.Parse()
		switch {
		case stuck:
		case decoderErr != nil:
			if err == nil || err.Error() != decoderErr.Error() {
				t.Fatalf("parser %v; decoder %v", err, decoderErr)
			}
		case rest == 0 && err != io.EOF, rest > 0 && err != io.ErrUnexpectedEOF:
			t.Fatalf("parser %v; decoder left %d", err, rest)
		}
	})
}

package resp

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// decode feeds a decoder the input in pieces of the given sizes, the last of
// which repeats, as a connection would. Each call sees the bytes at another
// place in memory, and the old place is overwritten.
func decode(limits Limits, input []byte, sizes ...int) (commands [][]string, rest int, err error) {
	d := Decoder{Limits: limits}
	var buf []byte
	for at := 0; at < len(input); {
		size := sizes[0]
		if len(sizes) > 1 {
			sizes = sizes[1:]
		}
		size = min(max(size, 1), len(input)-at)
		moved := append(bytes.Clone(buf), input[at:at+size]...)
		for i := range buf {
			buf[i] = 0xa5
		}
		buf = moved
		at += size
		for len(buf) > 0 {
			args, n, err := d.Next(buf, nil)
			if err != nil {
				return commands, len(buf), err
			}
			if n == 0 {
				if d.Need() <= len(buf) {
					panic("Need is no more than there is")
				}
				break
			}
			command := make([]string, len(args))
			for i, arg := range args {
				command[i] = strings.Clone(arg)
			}
			commands = append(commands, command)
			buf = buf[n:]
		}
	}
	return commands, len(buf), nil
}

func TestDecoder(t *testing.T) {
	for _, test := range []struct {
		name, in string
		want     [][]string
		rest     int // bytes of an incomplete request at the end
	}{
		{"array", "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", [][]string{{"GET", "k"}}, 0},
		{"pipeline", "*1\r\n$4\r\nPING\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n", [][]string{{"PING"}, {"PING"}, {"QUIT"}}, 0},
		{"empty argument", "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", [][]string{{"ECHO", ""}}, 0},
		{"binary", "*1\r\n$5\r\n\r\n\x00$\xff\r\n", [][]string{{"\r\n\x00$\xff"}}, 0},
		{"long lengths", "*10\r\n" + strings.Repeat("$12\r\nabcdefghijkl\r\n", 10), [][]string{slices.Repeat([]string{"abcdefghijkl"}, 10)}, 0},
		{"empty", "*0\r\n*-1\r\n\r\n\n  \r\nPING\r\n", [][]string{{}, {}, {}, {}, {}, {"PING"}}, 0},
		{"negative", "*-9223372036854775808\r\nPING\r\n", [][]string{{}, {"PING"}}, 0},
		{"only the CR counts", "*1\rX$4\rYPINGab", [][]string{{"PING"}}, 0},
		{"incomplete", "PING\n*2\r\n$4\r\nECHO\r\n$5\r\nhel", [][]string{{"PING"}}, 21},
		{"incomplete header", "*1\r\n$4\r", nil, 7},
		{"NUL hides the rest", "*1\x00\r\nPING\r\n", nil, 11},
		{"NUL in a line", "PING\x00\r\n", nil, 7},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 7, len(test.in)} {
				got, rest, err := decode(Limits{}, []byte(test.in), size)
				if err != nil || rest != test.rest || !slices.EqualFunc(got, test.want, slices.Equal) {
					t.Errorf("in pieces of %d: %q, %d left, error %v", size, got, rest, err)
				}
			}
		})
	}
}

func TestDecoderErrors(t *testing.T) {
	long := strings.Repeat("A", 64<<10)
	for _, test := range []struct {
		name, in, want string
		limits         Limits
	}{
		{name: "inline too big", in: long + "A", want: "too big inline request"},
		{name: "inline too big after NUL", in: "\x00" + long, want: "too big inline request"},
		{name: "inline at the limit", in: "PING " + long[5:] + "\n"},
		{name: "count too big", in: "*" + long, want: "too big mbulk count string"},
		{name: "count too big after NUL", in: "*\x00" + long, want: "too big mbulk count string"},
		{name: "count at the limit", in: "*" + long[1:] + "\r\n", want: "invalid multibulk length"},
		{name: "bulk count too big", in: "*1\r\n$" + long, want: "too big bulk count string"},
		{name: "no bulk, too big", in: "*1\r\n" + long + "A", want: "too big bulk count string"},
		{name: "no bulk at the limit", in: "*1\r\n" + long + "\r\n", want: "expected '$', got 'A'"},
		{name: "quotes", in: "GET \"a\r\n", want: "unbalanced quotes in request"},
		{name: "count is no number", in: "*x\r\n", want: "invalid multibulk length"},
		{name: "no count", in: "*\r\n", want: "invalid multibulk length"},
		{name: "count with a plus", in: "*+1\r\n", want: "invalid multibulk length"},
		{name: "count with a blank", in: "* 1\r\n", want: "invalid multibulk length"},
		{name: "count with a zero", in: "*01\r\n", want: "invalid multibulk length"},
		{name: "minus zero", in: "*-0\r\n", want: "invalid multibulk length"},
		{name: "minus", in: "*-\r\n", want: "invalid multibulk length"},
		{name: "count too high", in: "*2147483648\r\n", want: "invalid multibulk length"},
		{name: "count high", in: "*2147483647\r\n"},
		{name: "count too low", in: "*-9223372036854775809\r\n", want: "invalid multibulk length"},
		{name: "count above a limit", in: "*4\r\n", limits: Limits{Args: 3}, want: "invalid multibulk length"},
		{name: "no dollar", in: "*1\r\n+PING\r\n", want: "expected '$', got '+'"},
		{name: "high byte for a dollar", in: "*1\r\n\xffPING\r\n", want: "expected '$', got '\xff'"},
		{name: "nothing for a dollar", in: "*1\r\n\r\n", want: "expected '$', got ' '"},
		{name: "newline for a dollar", in: "*1\r\n\n\r\n", want: "expected '$', got ' '"},
		{name: "bulk length is no number", in: "*1\r\n$x\r\n", want: "invalid bulk length"},
		{name: "negative bulk length", in: "*1\r\n$-1\r\n", want: "invalid bulk length"},
		{name: "bulk length with a zero", in: "*1\r\n$04\r\nPING\r\n", want: "invalid bulk length"},
		{name: "bulk length too high", in: "*1\r\n$536870913\r\n", want: "invalid bulk length"},
		{name: "bulk length high", in: "*1\r\n$536870912\r\n"},
		{name: "bulk length without a limit", in: "*1\r\n$9223372036854775807\r\n", limits: Limits{Bulk: 1<<63 - 1}, want: "invalid bulk length"},
		{name: "bulk length above a limit", in: "*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\n", limits: Limits{Bulk: 4}, want: "invalid bulk length"},
		{name: "unauthenticated count", in: "*11\r\n", limits: Limits{Unauthenticated: true}, want: "unauthenticated multibulk length"},
		{name: "unauthenticated invalid count", in: "*2147483648\r\n", limits: Limits{Unauthenticated: true}, want: "invalid multibulk length"},
		{name: "unauthenticated count at the limit", in: "*10\r\n", limits: Limits{Unauthenticated: true}},
		{name: "unauthenticated bulk", in: "*1\r\n$16385\r\n", limits: Limits{Unauthenticated: true}, want: "unauthenticated bulk length"},
		{name: "unauthenticated bulk at the limit", in: "*1\r\n$16384\r\n", limits: Limits{Unauthenticated: true}},
		{name: "unauthenticated inline", in: strings.Repeat("a ", 20) + "\r\n", limits: Limits{Unauthenticated: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, size := range []int{1, 3, len(test.in)} {
				if len(test.in) > 1000 {
					size = max(size, 1000)
				}
				_, _, err := decode(test.limits, []byte(test.in), size)
				if test.want == "" {
					if err != nil {
						t.Errorf("in pieces of %d: %v", size, err)
					}
					continue
				}
				var protocol *ProtocolError
				if !errors.As(err, &protocol) || err.Error() != "ERR Protocol error: "+test.want {
					t.Errorf("in pieces of %d: %v", size, err)
				}
			}
		})
	}
}

// TestDecoderWaits asks that nothing is said of a line before its last byte.
func TestDecoderWaits(t *testing.T) {
	for _, in := range []string{"*x\r", "*1\r\n+\r", "*1\r\n$x\r", "GET 'a", "*2147483648\r", "*1\r\n$-1\r"} {
		if _, rest, err := decode(Limits{}, []byte(in), 1); err != nil || rest != len(in) {
			t.Errorf("%q: %v, %d left", in, err, rest)
		}
		if _, _, err := decode(Limits{}, []byte(in+"\n"), 1); err == nil {
			t.Errorf("%q is taken", in+"\n")
		}
	}
}

func TestDecoderNeed(t *testing.T) {
	for _, test := range []struct {
		in   string
		want int
	}{
		{"", 1},
		{"PI", 3},
		{"*2\r", 4},
		{"*2\r\n", 5},
		{"*2\r\n$3\r\nGET", 13},
		{"*2\r\n$3\r\nGET\r\n$5", 16},
		{"*2\r\n$3\r\nGET\r\n$500000000\r\nabc", 25 + 500000000 + 2},
	} {
		var d Decoder
		args, n, err := d.Next([]byte(test.in), nil)
		if len(args) != 0 || n != 0 || err != nil || d.Need() != test.want {
			t.Errorf("%q: %q, %d, %v; Need = %d, not %d", test.in, args, n, err, d.Need(), test.want)
		}
	}
}

// TestDecoderAppends checks that arguments of other requests are left alone.
func TestDecoderAppends(t *testing.T) {
	var d Decoder
	args, _, err := d.Next([]byte("*1\r\n$1\r\nb\r\n"), []string{"a"})
	if err != nil || !slices.Equal(args, []string{"a", "b"}) {
		t.Fatalf("%q, %v", args, err)
	}
	for _, in := range []string{"*2\r\n$1\r\nc\r\n", "c 'd"} {
		d := Decoder{}
		if got, n, err := d.Next([]byte(in), args); n != 0 || err != nil || len(got) != 2 {
			t.Errorf("%q: %q, %d, %v", in, got, n, err)
		}
	}
	for _, in := range []string{"*2\r\n$1\r\nc\r\n$x\r\n", "c 'd\r\n"} {
		d := Decoder{}
		if got, n, err := d.Next([]byte(in), args); n != 0 || err == nil || len(got) != 2 {
			t.Errorf("%q: %q, %d, %v", in, got, n, err)
		}
	}
}

// TestDecoderAllocatesNothing covers what is hot and what is merely claimed.
func TestDecoderAllocatesNothing(t *testing.T) {
	for _, in := range []string{
		"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n",
		"GET key\r\n",
		"*1000000000\r\n$3\r\nSET\r\n",
		"*2\r\n$3\r\nGET\r\n$512000000\r\nabc",
		"*1\r\n$-1\r\n",
	} {
		buf, args := []byte(in), make([]string, 0, 4)
		got := testing.AllocsPerRun(100, func() {
			var d Decoder
			d.Next(buf, args)
		})
		if got != 0 {
			t.Errorf("%q takes %v allocations", in, got)
		}
	}
}

func TestSplitLine(t *testing.T) {
	for _, test := range []struct {
		in   string
		want []string // nil when the quotes are unbalanced
	}{
		{"", []string{}},
		{" \t\v\f\r ", []string{}},
		{"set k v", []string{"set", "k", "v"}},
		{"  a\tb\rc  ", []string{"a", "b", "c"}},
		{"a\vb \vc", []string{"a\vb", "c"}},
		{`"a b" 'c d'`, []string{"a b", "c d"}},
		{`"" ''`, []string{"", ""}},
		{`ab"c d"`, []string{"abc d"}},
		{`ab'c d' e`, []string{"abc d", "e"}},
		{`"\x41\x6aZ\xzz\x4"`, []string{"AjZxzzx4"}},
		{`"\n\r\t\b\a\q\\\""`, []string{"\n\r\t\b\aq\\\""}},
		{`'\n\'\x41"'`, []string{`\n'\x41"`}},
		{"\"a\"\v\"b\"", []string{"a", "b"}},
		{`a\"b"`, []string{`a\b`}},
		{`"a`, nil},
		{`'a`, nil},
		{`"a\`, nil},
		{`"a\"`, nil},
		{`'a\'`, nil},
		{`"a"b`, nil},
		{`'a'b`, nil},
		{`"a"'b'`, nil},
		{`a b "c`, nil},
	} {
		got, ok := splitLine([]byte(test.in), nil)
		if ok != (test.want != nil) || ok && !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, %v", test.in, got, ok)
		}
	}
}

func TestParseLength(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "7": 7, "10": 10, "-1": -1, "-10": -10,
		"9223372036854775807": 1<<63 - 1, "-9223372036854775808": -1 << 63,
	} {
		if got, ok := parseLength([]byte(in)); !ok || got != want {
			t.Errorf("%q: %d, %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "-", "-0", "00", "01", "-01", "+1", " 1", "1 ", "1x", "x", "0x1", "1_0",
		"9223372036854775808", "-9223372036854775809", "123456789012345678901"} {
		if got, ok := parseLength([]byte(in)); ok {
			t.Errorf("%q: %d", in, got)
		}
	}
}

// FuzzDecoder asks that a request means the same however it is cut, and that
// what was read can be written and read again.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING\r\n"), []byte{1, 5}, uint8(0), false)
	f.Add([]byte("*1000000000\r\n$512000000\r\nabc"), []byte{3}, uint8(0), false)
	f.Add([]byte("ECHO \"a\\x41\" 'b'\r\n*0\r\n*-1\r\n*1\r\n+\r\n"), []byte{2, 7, 1}, uint8(9), true)
	f.Add([]byte("*11\r\n"), []byte{1}, uint8(0), true)
	f.Fuzz(func(t *testing.T, input, cuts []byte, small uint8, unauthenticated bool) {
		limits := Limits{Bulk: int64(small), Inline: 32 + int(small), Args: int(small), Unauthenticated: unauthenticated}
		sizes := []int{}
		for _, cut := range cuts {
			sizes = append(sizes, int(cut))
		}
		whole, wholeRest, wholeErr := decode(limits, input, max(len(input), 1))
		split, splitRest, splitErr := decode(limits, input, append(sizes, 1)...)
		if !slices.EqualFunc(whole, split, slices.Equal) {
			t.Fatalf("whole %q, split %q", whole, split)
		}
		if (wholeErr == nil) != (splitErr == nil) || wholeErr != nil && wholeErr.Error() != splitErr.Error() {
			t.Fatalf("whole %v, split %v", wholeErr, splitErr)
		}
		if wholeErr == nil && wholeRest != splitRest {
			t.Fatalf("left whole %d, split %d", wholeRest, splitRest)
		}
		var encoded []byte
		count := 0
		for _, command := range whole {
			encoded = AppendCommand(encoded, command...)
			count += len(command)
		}
		if count > len(input) {
			t.Fatalf("%d arguments from %d bytes", count, len(input))
		}
		again, rest, err := decode(Limits{}, encoded, max(len(encoded), 1))
		if err != nil || rest != 0 || !slices.EqualFunc(whole, again, slices.Equal) {
			t.Fatalf("wrote %q, read %q, %d left, error %v", whole, again, rest, err)
		}
	})
}

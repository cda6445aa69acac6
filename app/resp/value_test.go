package resp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

func TestReadValue(t *testing.T) {
	for _, test := range []struct {
		in   string
		want Value
	}{
		{"+OK\r\n", Value{Kind: '+', Str: "OK"}},
		{"+\r\n", Value{Kind: '+'}},
		{"-ERR no\r\n", Value{Kind: '-', Str: "ERR no"}},
		{":-12\r\n", Value{Kind: ':', Int: -12}},
		{"$5\r\na\r\nb\x00\r\n", Value{Kind: '$', Str: "a\r\nb\x00"}},
		{"$0\r\n\r\n", Value{Kind: '$'}},
		{"$-1\r\n", Value{Kind: '$', Null: true}},
		{"*-1\r\n", Value{Kind: '*', Null: true}},
		{"_\r\n", Value{Kind: '_', Null: true}},
		{"#t\r\n", Value{Kind: '#', Int: 1}},
		{"#f\r\n", Value{Kind: '#'}},
		{",1.5\r\n", Value{Kind: ',', Str: "1.5"}},
		{"(123456789012345678901234567890\r\n", Value{Kind: '(', Str: "123456789012345678901234567890"}},
		{"=8\r\ntxt:text\r\n", Value{Kind: '=', Str: "txt:text"}},
		{"!6\r\nERR \r\n\r\n", Value{Kind: '!', Str: "ERR \r\n"}},
		{"*0\r\n", Value{Kind: '*', Elems: []Value{}}},
		{"*2\r\n:1\r\n*1\r\n+a\r\n", Value{Kind: '*', Elems: []Value{{Kind: ':', Int: 1}, {Kind: '*', Elems: []Value{{Kind: '+', Str: "a"}}}}}},
		{"%1\r\n+k\r\n:1\r\n", Value{Kind: '%', Elems: []Value{{Kind: '+', Str: "k"}, {Kind: ':', Int: 1}}}},
		{"~1\r\n:1\r\n", Value{Kind: '~', Elems: []Value{{Kind: ':', Int: 1}}}},
		{">1\r\n:1\r\n", Value{Kind: '>', Elems: []Value{{Kind: ':', Int: 1}}}},
		{"|1\r\n+k\r\n:1\r\n+OK\r\n", Value{Kind: '|', Elems: []Value{{Kind: '+', Str: "k"}, {Kind: ':', Int: 1}, {Kind: '+', Str: "OK"}}}},
	} {
		t.Run(test.in, func(t *testing.T) {
			r := bufio.NewReader(strings.NewReader(test.in + "rest"))
			got, err := ReadValue(r)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Fatalf("%+v, %v", got, err)
			}
			if rest, _ := io.ReadAll(r); string(rest) != "rest" {
				t.Errorf("left %q", rest)
			}
			if encoded := string(got.AppendTo(nil)); encoded != test.in {
				t.Errorf("written as %q", encoded)
			}
			for n := 1; n < len(test.in); n++ {
				_, err := ReadValue(bufio.NewReader(strings.NewReader(test.in[:n])))
				if err != io.ErrUnexpectedEOF {
					t.Errorf("after %d bytes: %v", n, err)
				}
			}
		})
	}
	if _, err := ReadValue(bufio.NewReader(strings.NewReader(""))); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestReadValueMalformed(t *testing.T) {
	for _, in := range []string{
		"\r\n", "+OK\n", "+O\rK\r\n", "OK\r\n", ":\r\n", ":01\r\n", ":+1\r\n", ":x\r\n",
		"$\r\n", "$-2\r\n", "$x\r\n", "$3\r\nabcde", "$4294967297\r\n", "=-1\r\n",
		"*-2\r\n", "%-1\r\n", "*2147483648\r\n", "*?\r\n", "$?\r\n", "_x\r\n", "#x\r\n", "#\r\n",
		strings.Repeat("*1\r\n", 128) + ":1\r\n",
		"+" + strings.Repeat("x", valueLineMax) + "\r\n",
	} {
		if v, err := ReadValue(bufio.NewReader(strings.NewReader(in))); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.40q: %+v, %v", in, v, err)
		}
	}
	deep := strings.Repeat("*1\r\n", 127) + ":1\r\n"
	if _, err := ReadValue(bufio.NewReader(strings.NewReader(deep))); err != nil {
		t.Errorf("127 levels: %v", err)
	}
	long := "+" + strings.Repeat("x", 100_000) + "\r\n"
	if v, err := ReadValue(bufio.NewReader(strings.NewReader(long))); err != nil || len(v.Str) != 100_000 {
		t.Errorf("long line: %d, %v", len(v.Str), err)
	}
}

// TestReadValueClaims asks that a claimed length by itself takes no memory.
func TestReadValueClaims(t *testing.T) {
	for _, in := range []string{"$4000000000\r\nabc", "*2000000000\r\n:1\r\n", "%2000000000\r\n*2000000000\r\n"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := ReadValue(bufio.NewReader(strings.NewReader(in))); err != io.ErrUnexpectedEOF {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		allocated := after.TotalAlloc - before.TotalAlloc
		if allocated > 1<<20 {
			t.Errorf("%q takes %d bytes", in, allocated)
		}
	}
}

func TestReadValueLarge(t *testing.T) {
	for _, size := range []int{64<<10 - 2, 64 << 10, 1 << 20, 3_000_001} {
		in := ToBulkString(strings.Repeat("x", size-1) + "y")
		v, err := ReadValue(bufio.NewReader(strings.NewReader(in)))
		if err != nil || len(v.Str) != size || v.Str[size-1] != 'y' {
			t.Errorf("%d bytes: %d, %v", size, len(v.Str), err)
		}
	}
}

func TestValueErr(t *testing.T) {
	for _, v := range []Value{{Kind: '-', Str: "WRONGTYPE no"}, {Kind: '!', Str: "WRONGTYPE no"}} {
		var reply ReplyError
		if !errors.As(v.Err(), &reply) || reply.Error() != "WRONGTYPE no" {
			t.Errorf("%+v: %v", v, v.Err())
		}
	}
	if err := (Value{Kind: '+', Str: "OK"}).Err(); err != nil {
		t.Error(err)
	}
}

// FuzzReadValue asks that a value which was read is written as it stood.
func FuzzReadValue(f *testing.F) {
	f.Add([]byte("*3\r\n$1\r\na\r\n%1\r\n+k\r\n,1.5\r\n|1\r\n+k\r\n:1\r\n~0\r\n"))
	f.Add([]byte("$4000000000\r\nabc"))
	f.Add([]byte("=8\r\ntxt:text\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		source := bytes.NewReader(in)
		r := bufio.NewReader(source)
		v, err := ReadValue(r)
		if err != nil {
			if err != io.EOF && err != io.ErrUnexpectedEOF && !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		read := in[:len(in)-source.Len()-r.Buffered()]
		if got := v.AppendTo(nil); !bytes.Equal(got, read) {
			t.Fatalf("read %q, wrote %q", read, got)
		}
	})
}

package resp

import (
	"math"
	"strings"
	"testing"
)

func TestWriter(t *testing.T) {
	for _, test := range []struct {
		name         string
		write        func(w *Writer)
		resp2, resp3 string // resp3 is empty when it is the same
	}{
		{"OK", func(w *Writer) { w.OK() }, "+OK\r\n", ""},
		{"status", func(w *Writer) { w.Status("Background saving started") }, "+Background saving started\r\n", ""},
		{"error", func(w *Writer) { w.Error("ERR syntax error") }, "-ERR syntax error\r\n", ""},
		{"error with line breaks", func(w *Writer) { w.Error("ERR a\r\nb\n") }, "-ERR a  b \r\n", ""},
		{"int", func(w *Writer) { w.Int(0) }, ":0\r\n", ""},
		{"two digits", func(w *Writer) { w.Int(42) }, ":42\r\n", ""},
		{"three digits", func(w *Writer) { w.Int(100) }, ":100\r\n", ""},
		{"negative int", func(w *Writer) { w.Int(-1) }, ":-1\r\n", ""},
		{"lowest int", func(w *Writer) { w.Int(math.MinInt64) }, ":-9223372036854775808\r\n", ""},
		{"uint", func(w *Writer) { w.Uint(math.MaxUint64) }, ":18446744073709551615\r\n", ""},
		{"bulk", func(w *Writer) { w.Bulk("Hello World") }, "$11\r\nHello World\r\n", ""},
		{"empty bulk", func(w *Writer) { w.Bulk("") }, "$0\r\n\r\n", ""},
		{"long bulk", func(w *Writer) { w.Bulk(strings.Repeat("x", 1234)) }, "$1234\r\n" + strings.Repeat("x", 1234) + "\r\n", ""},
		{"bulk bytes", func(w *Writer) { w.BulkBytes([]byte("\r\n")) }, "$2\r\n\r\n\r\n", ""},
		{"bulk digit", func(w *Writer) { w.BulkInt(7) }, "$1\r\n7\r\n", ""},
		{"bulk int", func(w *Writer) { w.BulkInt(-70) }, "$3\r\n-70\r\n", ""},
		{"null", func(w *Writer) { w.Null() }, "$-1\r\n", "_\r\n"},
		{"null array", func(w *Writer) { w.NullArray() }, "*-1\r\n", "_\r\n"},
		{"array", func(w *Writer) { w.Array(3) }, "*3\r\n", ""},
		{"map", func(w *Writer) { w.Map(3) }, "*6\r\n", "%3\r\n"},
		{"set", func(w *Writer) { w.Set(3) }, "*3\r\n", "~3\r\n"},
		{"push", func(w *Writer) { w.Push(2) }, "*2\r\n", ">2\r\n"},
		{"true", func(w *Writer) { w.Bool(true) }, ":1\r\n", "#t\r\n"},
		{"false", func(w *Writer) { w.Bool(false) }, ":0\r\n", "#f\r\n"},
		{"double", func(w *Writer) { w.Double(3.141) }, "$5\r\n3.141\r\n", ",3.141\r\n"},
		{"17 digits", func(w *Writer) { w.Double(1.1) }, "$18\r\n1.1000000000000001\r\n", ",1.1000000000000001\r\n"},
		{"whole double", func(w *Writer) { w.Double(-3) }, "$2\r\n-3\r\n", ",-3\r\n"},
		{"minus zero", func(w *Writer) { w.Double(math.Copysign(0, -1)) }, "$2\r\n-0\r\n", ",-0\r\n"},
		{"large double", func(w *Writer) { w.Double(1e16) }, "$17\r\n10000000000000000\r\n", ",10000000000000000\r\n"},
		{"exponent", func(w *Writer) { w.Double(1e17) }, "$5\r\n1e+17\r\n", ",1e+17\r\n"},
		{"small double", func(w *Writer) { w.Double(0.00001) }, "$22\r\n1.0000000000000001e-05\r\n", ",1.0000000000000001e-05\r\n"},
		{"inf", func(w *Writer) { w.Double(math.Inf(1)) }, "$3\r\ninf\r\n", ",inf\r\n"},
		{"-inf", func(w *Writer) { w.Double(math.Inf(-1)) }, "$4\r\n-inf\r\n", ",-inf\r\n"},
		{"nan", func(w *Writer) { w.Double(math.NaN()) }, "$3\r\nnan\r\n", ",nan\r\n"},
		{"big number", func(w *Writer) { w.BigNumber("1234567999999999999999999999999999999") },
			"$37\r\n1234567999999999999999999999999999999\r\n", "(1234567999999999999999999999999999999\r\n"},
		{"verbatim", func(w *Writer) { w.Verbatim("txt", "This is a verbatim\nstring") },
			"$25\r\nThis is a verbatim\nstring\r\n", "=29\r\ntxt:This is a verbatim\nstring\r\n"},
		{"strings", func(w *Writer) { w.StringArray([]string{"a", ""}) }, "*2\r\n$1\r\na\r\n$0\r\n\r\n", ""},
		{"array at", func(w *Writer) { w.Int(1); at := w.Len(); w.Int(2); w.Int(3); w.ArrayAt(at, 2) }, ":1\r\n*2\r\n:2\r\n:3\r\n", ""},
		{"empty array at", func(w *Writer) { w.ArrayAt(w.Len(), 0) }, "*0\r\n", ""},
		{"map at", func(w *Writer) { at := w.Len(); w.Int(2); w.Int(3); w.MapAt(at, 1) }, "*2\r\n:2\r\n:3\r\n", "%1\r\n:2\r\n:3\r\n"},
		{"set at", func(w *Writer) { at := w.Len(); w.Int(2); w.SetAt(at, 1) }, "*1\r\n:2\r\n", "~1\r\n:2\r\n"},
		{"truncate", func(w *Writer) { w.Int(1); at := w.Len(); w.Array(2); w.Truncate(at); w.OK() }, ":1\r\n+OK\r\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			resp3 := test.resp3
			if resp3 == "" {
				resp3 = test.resp2
			}
			for proto, want := range map[int]string{2: test.resp2, 3: resp3} {
				w := Writer{Proto: proto}
				test.write(&w)
				if string(w.Buf) != want {
					t.Errorf("version %d: %q", proto, w.Buf)
				}
			}
		})
	}
}

// TestWriterAllocatesNothing covers every method that is used per element.
func TestWriterAllocatesNothing(t *testing.T) {
	value := []byte(strings.Repeat("v", 1000))
	for _, proto := range []int{2, 3} {
		w := Writer{Proto: proto, Buf: make([]byte, 0, 1<<16)}
		got := testing.AllocsPerRun(100, func() {
			w.Truncate(0)
			w.OK()
			w.Error("ERR no")
			w.Int(123456)
			w.Bulk("value")
			w.BulkBytes(value)
			w.BulkInt(-12345)
			w.Double(1.0 / 3)
			w.Map(1000)
			w.Null()
			w.ArrayAt(0, 9)
		})
		if got != 0 {
			t.Errorf("version %d: %v allocations", proto, got)
		}
	}
}

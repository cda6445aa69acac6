package resp

import (
	"bytes"
	"testing"
)

// BenchmarkDecoder parses a full read of one request; ns/op is for one request.
func BenchmarkDecoder(b *testing.B) {
	for _, bench := range []struct{ name, request string }{
		{"get", "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000012345\r\n"},
		{"set", "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000012345\r\n$3\r\nxyz\r\n"},
		{"ping", "*1\r\n$4\r\nPING\r\n"},
		{"set1k", string(AppendCommand(nil, "SET", "key:000000012345", string(make([]byte, 1024))))},
		{"mset10", string(AppendCommand(nil, "MSET", "k1", "v1", "k2", "v2", "k3", "v3", "k4", "v4", "k5", "v5"))},
		{"inline", "GET key:000000012345\r\n"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			buf := bytes.Repeat([]byte(bench.request), 16<<10/len(bench.request)+1)
			args := make([]string, 0, 16)
			var d Decoder
			b.ReportAllocs()
			at := 0
			for b.Loop() {
				_, n, err := d.Next(buf[at:], args)
				if n == 0 || err != nil {
					b.Fatal(n, err)
				}
				if at += n; at == len(buf) {
					at = 0
				}
			}
		})
	}
}

// BenchmarkDecoderSplit parses one request of a million arguments that arrives
// in reads of 16 KiB.
func BenchmarkDecoderSplit(b *testing.B) {
	args := make([]string, 1_000_000)
	for i := range args {
		args[i] = "element"
	}
	buf := AppendCommand(nil, args...)
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		var d Decoder
		for have := 16 << 10; ; have += 16 << 10 {
			_, n, err := d.Next(buf[:min(have, len(buf))], args[:0])
			if err != nil {
				b.Fatal(err)
			}
			if n > 0 {
				break
			}
		}
	}
}

func BenchmarkWriter(b *testing.B) {
	w := Writer{Buf: make([]byte, 0, 1<<20), Proto: 3}
	value := string(make([]byte, 100))
	for _, bench := range []struct {
		name  string
		write func()
	}{
		{"ok", func() { w.OK() }},
		{"int", func() { w.Int(1) }},
		{"int9", func() { w.Int(123456789) }},
		{"bulk3", func() { w.Bulk("xyz") }},
		{"bulk100", func() { w.Bulk(value) }},
		{"null", func() { w.Null() }},
		{"double", func() { w.Double(1.5) }},
		{"array", func() { w.Array(2) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if w.Len() > 1<<19 {
					w.Truncate(0)
				}
				bench.write()
			}
		})
	}
}

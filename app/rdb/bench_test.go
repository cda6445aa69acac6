package rdb

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
)

// The data of the benchmarks: a million small strings, a hash of a million
// fields, small hashes, long strings that compress well and that do not.

const benchKeys = 1 << 20

var benchData = []struct {
	name string
	fill func(e *Encoder, drain func())
}{
	{"strings", func(e *Encoder, drain func()) {
		for i := range benchKeys {
			e.Key(TypeString, benchName(i))
			e.String("value of some len")
			drain()
		}
	}},
	{"counters", func(e *Encoder, drain func()) {
		for i := range benchKeys {
			e.Key(TypeString, benchName(i))
			e.Int(int64(i))
			drain()
		}
	}},
	{"hash", func(e *Encoder, drain func()) {
		e.Key(TypeHash, "hash")
		e.Count(benchKeys)
		for i := range benchKeys {
			e.Field(benchName(i), "value of some len")
			drain()
		}
	}},
	{"zset", func(e *Encoder, drain func()) {
		e.Key(TypeZset, "zset")
		e.Count(benchKeys)
		for i := range benchKeys {
			e.Member(benchName(i), float64(i))
			drain()
		}
	}},
	{"hashes", func(e *Encoder, drain func()) {
		b := pack("field:1", "value of 1", "field:2", 12345, "field:3", "v", "field:4", "four", "field:5", "value of 5")
		for i := range benchKeys / 8 {
			e.Key(TypeHashListpack, benchName(i))
			e.Blob(b)
			drain()
		}
	}},
	{"text", func(e *Encoder, drain func()) {
		s := strings.Repeat("some text that compresses, but not all that well: ", 20) + mixed(1000)
		for i := range benchKeys / 64 {
			e.Key(TypeString, benchName(i))
			e.String(s)
			drain()
		}
	}},
	{"noise", func(e *Encoder, drain func()) {
		s := mixed(2000)
		for i := range benchKeys / 64 {
			e.Key(TypeString, benchName(i))
			e.String(s)
			drain()
		}
	}},
}

// benchName is a key of 16 bytes, made without allocating.
func benchName(i int) string {
	const digits = "0123456789"
	b := []byte("key:000000000000")
	for p := len(b) - 1; i > 0; p-- {
		b[p] = digits[i%10]
		i /= 10
	}
	return string(b)
}

func benchWrite(dst io.Writer, fill func(e *Encoder, drain func()), compress bool) *Writer {
	var e Encoder
	w := NewWriter(dst, VersionDefault, compress, true)
	fill(&e, func() {
		if e.Len() > 64<<10 {
			_ = w.Drain(&e)
		}
	})
	_ = w.Drain(&e)
	_ = w.Close()
	return w
}

func BenchmarkWrite(b *testing.B) {
	for _, data := range benchData {
		for _, compress := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/compress=%v", data.name, compress), func(b *testing.B) {
				size := benchWrite(io.Discard, data.fill, false).Written()
				b.SetBytes(size)
				b.ReportAllocs()
				for b.Loop() {
					benchWrite(io.Discard, data.fill, compress)
				}
			})
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for _, data := range benchData {
		for _, compress := range []bool{false, true} {
			if compress && data.name != "text" {
				continue // the same bytes, or nearly
			}
			b.Run(fmt.Sprintf("%s/compress=%v", data.name, compress), func(b *testing.B) {
				var plain, file bytes.Buffer
				benchWrite(&plain, data.fill, false)
				benchWrite(&file, data.fill, compress)
				b.SetBytes(int64(plain.Len()))
				b.ReportAllocs()
				for b.Loop() {
					r, err := NewReader(bytes.NewReader(file.Bytes()))
					if err == nil {
						err = visit(r, func(Event) error { return nil })
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

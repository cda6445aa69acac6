package rdb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

// What is damaged, cut off, or promises more than it has.

// TestTruncated cuts snapshots at every byte: that is always an error, and is
// noticed as what it is.
func TestTruncated(t *testing.T) {
	var all [][]byte
	for _, f := range formats() {
		all = append(all, file(f.version, f.records))
	}
	all = append(all, read(t, "redis7-lfu.rdb"), read(t, "list-quicklist.rdb"))
	for _, b := range all {
		for n := range b {
			for _, size := range []int64{0, int64(n)} {
				r, err := NewReader(bytes.NewReader(b[:n]), WithSize(size))
				if err == nil {
					_, err = describe(r)
				}
				if !errors.Is(err, io.ErrUnexpectedEOF) || !isError(err) {
					t.Fatalf("%q: %v", b[:n], err)
				}
			}
		}
	}
}

// TestDamaged changes bytes at random. Without a checksum much of it passes, but
// nothing panics, and what was read can be written.
func TestDamaged(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var all [][]byte
	for _, f := range formats() {
		all = append(all, file(f.version, f.records))
	}
	all = append(all, read(t, "redis7.rdb"), read(t, "encodings.rdb"))
	for range 1000 {
		b := bytes.Clone(all[r.IntN(len(all))])
		for range r.IntN(4) + 1 {
			b[headerSize+r.IntN(len(b)-headerSize)] = byte(r.Uint32())
		}
		checkSnapshot(t, b)
	}
	list := append(dumps(t), corruptDumps(t)...)
	for range 6000 {
		b := []byte(list[r.IntN(len(list))])
		for range r.IntN(4) + 1 {
			b[r.IntN(len(b))] = byte(r.Uint32())
		}
		checkPayload(t, string(b))
	}
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestPromises holds that nothing is allocated for what never comes.
func TestPromises(t *testing.T) {
	huge := []byte{0x80, 0xff, 0xff, 0xff, 0xff}
	immense := []byte{0x81, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	var all [][]byte
	for _, n := range [][]byte{huge, immense, bytes.ReplaceAll(immense, []byte{0x7f}, []byte{0xff})} {
		for t := range typeMax + 1 {
			all = append(all, cat(key(t, "k"), n), cat(key(t, "k"), ms(5), n), cat(key(t, "k"), []byte{1}, n), cat(key(t, "k"), []byte{1, 2}, n))
		}
		all = append(all, cat([]byte{opAux}, n), cat([]byte{opFunction}, n), cat(key(TypeString, "k"), []byte{0xc3}, n, n),
			cat(key(TypeString, "k"), []byte{0xc3, 4}, n, []byte("abcd")), cat([]byte{opResizeDB}, n, n))
	}
	for _, records := range all {
		b := cat([]byte("REDIS0012"), records, []byte("not so many bytes"))
		for _, size := range []int64{0, int64(len(b))} {
			var err error
			got := allocated(func() {
				var r *Reader
				if r, err = NewReader(bytes.NewReader(b), WithSize(size)); err == nil {
					err = visit(r, func(Event) error { return nil })
				}
			})
			if err == nil || got > 2*bufferSize+3*pieceSize {
				t.Errorf("%q: %v, after allocating %d bytes", b, err, got)
			}
		}
	}
}

// TestLong holds that strings which exceed the buffer are read whole, from
// sources whose size is known and not, and that the checksum has them.
func TestLong(t *testing.T) {
	noise := mixed(2*pieceSize + 100)
	for _, n := range []int{bufferSize, bufferSize + 1, bufferSize + 5, 2*pieceSize + 17} {
		var e Encoder
		e.Key(TypeHash, noise[:n])
		e.Count(2)
		e.Field(noise[1:n], noise[2:n])
		e.Field(strings.Repeat("a", n), "b")
		e.Key(TypeList, "list")
		e.Count(2)
		e.Node(pack(noise[3:n]))
		e.PlainNode(noise[4:n])
		e.Key(TypeZset, "zset")
		e.Count(1)
		e.Member(noise[5:n], 2.5)
		for _, compress := range []bool{false, true} {
			if compress && n > 2*bufferSize {
				continue // it takes long
			}
			b := e.appendTo(nil, compress)
			b = file(10, b)
			want := mustDescribe(t, b)
			for _, size := range []int64{0, int64(len(b))} {
				r, err := NewReader(io.LimitReader(bytes.NewReader(b), int64(len(b))), WithSize(size))
				if err != nil {
					t.Fatal(err)
				}
				got, err := describe(r)
				if err != nil || got != want || !strings.Contains(got, short(noise[2:n])) {
					t.Fatalf("%d bytes: %v\n%s\nwant\n%s", n, err, got, want)
				}
			}
		}
	}
}

// TestBoundaries moves records over the end of the buffer byte by byte.
func TestBoundaries(t *testing.T) {
	want := ""
	for pad := range 110 {
		var e Encoder
		e.Aux("pad", strings.Repeat("p", bufferSize-100+pad))
		e.Key(TypeHash, "hash")
		e.Count(3)
		e.Field("one", "1")
		e.Field("two", "two")
		e.Field(strings.Repeat("c", 30), "-70000")
		e.Key(TypeZset, "zset")
		e.Count(1)
		e.Member("member", 2.5)
		text := mustDescribe(t, file(10, e.appendTo(nil, pad%2 == 0)))
		_, text, _ = strings.Cut(text, "\n")
		if want == "" {
			want = text
		}
		if text != want {
			t.Fatalf("pad %d:\n%s\nwant\n%s", pad, text, want)
		}
	}
}

// TestRest holds that what follows a snapshot is left for others.
func TestRest(t *testing.T) {
	b := cat(read(t, "redis7-lru.rdb"), []byte("*1\r\n$4\r\nPING\r\n"))
	for _, src := range []io.Reader{bytes.NewReader(b), &trickle{b: b}} {
		r, err := NewReader(src)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := describe(r); err != nil {
			t.Fatal(err)
		}
		if event, err := r.Next(); event != EventEnd || err != nil {
			t.Errorf("behind the end: %v, %v", event, err)
		}
		rest, err := io.ReadAll(r.Rest())
		if err != nil || string(rest) != "*1\r\n$4\r\nPING\r\n" {
			t.Errorf("the rest is %q, %v", rest, err)
		}
	}
}

// TestSkip holds that values may be left unread, and begun ones unfinished.
func TestSkip(t *testing.T) {
	b := read(t, "redis7.rdb")
	for begun := range 3 {
		r, err := NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		keys := 0
		err = visit(r, func(event Event) (err error) {
			if event != EventKey {
				return nil
			}
			keys++
			for i := 0; i < begun && r.Len() > 1 && err == nil; i++ {
				switch r.Type {
				case TypeHash:
					_, _, err = r.Field()
				case TypeStream:
					_, err = r.Stream()
				case TypeSet:
					_, err = r.Element()
				}
			}
			return err
		})
		if err != nil || keys != strings.Count(string(read(t, "redis7.txt")), "\nkey ") {
			t.Errorf("%d keys, %v", keys, err)
		}
	}
}

// TestInt holds that integers can be had as such.
func TestInt(t *testing.T) {
	r, err := NewReader(bytes.NewReader(read(t, "redis7.rdb")))
	if err != nil {
		t.Fatal(err)
	}
	ints := 0
	err = visit(r, func(event Event) error {
		if event != EventKey || r.Type != TypeString || !strings.HasPrefix(r.Key, "number ") {
			return nil
		}
		n, ok := r.Int()
		if !ok {
			s, err := r.String()
			if "number "+s != r.Key {
				t.Errorf("%q is %q", r.Key, s)
			}
			return err
		}
		ints++
		if fmt.Sprint("number ", n) != r.Key || r.Len() != 0 {
			t.Errorf("%q is %d", r.Key, n)
		}
		return nil
	})
	if err != nil || ints != 12 {
		t.Errorf("%d integers, %v", ints, err)
	}
	if _, ok := r.Int(); ok {
		t.Error("an integer behind the end")
	}
}

// TestNoPiece holds that reading more of a value than there is is an error.
func TestNoPiece(t *testing.T) {
	for i, read := range []func(r *Reader) error{
		func(r *Reader) error { _, err := r.Element(); return err },
		func(r *Reader) error { _, _, err := r.Field(); return err },
		func(r *Reader) error { _, _, _, err := r.FieldExpire(); return err },
		func(r *Reader) error { _, _, err := r.Member(); return err },
		func(r *Reader) error { _, _, err := r.Node(); return err },
		func(r *Reader) error { _, err := r.Blob(); return err },
		func(r *Reader) error { _, err := r.Stream(); return err },
	} {
		r, err := newBytesReader(file(10, cat(key(TypeString, "k"), str("v"))))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.String(); err != nil {
			t.Fatal(err)
		}
		if err := read(r); !errors.Is(err, errNoPiece) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// A stuck source never gives anything, and a broken one fails.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestSources(t *testing.T) {
	if _, err := NewReader(stuck{}); !errors.Is(err, io.ErrNoProgress) {
		t.Error(err)
	}
	broken := fmt.Errorf("broken")
	b := file(10, cat(key(TypeString, "k"), str("value")))
	r, err := NewReader(io.MultiReader(bytes.NewReader(b[:15]), errReader{broken}))
	if err == nil {
		_, err = describe(r)
	}
	if !errors.Is(err, broken) || err.Error() != `rdb: offset 13: key "k": type 0 (string): broken` {
		t.Error(err)
	}
	w := NewWriter(errWriter{broken}, VersionDefault, true, true)
	var e Encoder
	e.SelectDB(1)
	if err := w.Drain(&e); !errors.Is(err, broken) || e.Len() != 0 {
		t.Error(err)
	}
	if err := w.Close(); !errors.Is(err, broken) {
		t.Error(err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

type errWriter struct{ err error }

func (w errWriter) Write([]byte) (int, error) { return 0, w.err }

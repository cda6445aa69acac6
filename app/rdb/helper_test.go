package rdb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/listpack"
)

// What the tests do with snapshots: tell them as a text, and write them again.

// describe tells all that r yields, a line for a record or a piece of a value.
// Blobs are told as their entries, so that values that are equal read alike.
func describe(r *Reader) (string, error) {
	var out strings.Builder
	err := visit(r, func(event Event) error {
		switch event {
		case EventAux:
			fmt.Fprintf(&out, "aux %s %s\n", short(r.Name), short(r.Text))
		case EventSelectDB:
			fmt.Fprintf(&out, "db %d\n", r.DB)
		case EventResizeDB:
			fmt.Fprintf(&out, "size %d, %d expire\n", r.Keys, r.Expires)
		case EventFunction:
			fmt.Fprintf(&out, "function %s\n", short(r.Text))
		case EventKey:
			fmt.Fprintf(&out, "key %s %s %d", short(r.Key), typeNames[r.Type], r.Len())
			if r.Expire != -1 {
				fmt.Fprintf(&out, " expire %d", r.Expire)
			}
			if r.Idle >= 0 {
				fmt.Fprintf(&out, " idle %d", r.Idle)
			}
			if r.Freq >= 0 {
				fmt.Fprintf(&out, " freq %d", r.Freq)
			}
			out.WriteByte('\n')
			return describeValue(&out, r)
		}
		return nil
	})
	return out.String(), err
}

// visit calls f with each event until the end.
func visit(r *Reader, f func(Event) error) error {
	for {
		event, err := r.Next()
		if err != nil || event == EventEnd {
			return err
		}
		if err := f(event); err != nil {
			return err
		}
	}
}

func describeValue(out *strings.Builder, r *Reader) error {
	for r.Len() > 0 {
		switch r.Type {
		case TypeString, TypeListElements, TypeSet:
			s, err := r.Element()
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "  %s\n", short(s))
		case TypeHash:
			field, value, err := r.Field()
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "  %s %s\n", short(field), short(value))
		case TypeHashExpire:
			field, value, at, err := r.FieldExpire()
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "  %s %s expires %d\n", short(field), short(value), at)
		case TypeZset:
			member, score, err := r.Member()
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "  %s %v\n", short(member), score)
		case TypeList:
			b, packed, err := r.Node()
			if err != nil {
				return err
			}
			if !packed {
				fmt.Fprintf(out, "  plain %s\n", short(string(b)))
				break
			}
			fmt.Fprintf(out, "  node%s\n", entriesOf(b))
		case TypeStream:
			item, err := r.Stream()
			if err != nil {
				return err
			}
			describeItem(out, item)
		default:
			b, err := r.Blob()
			if err != nil {
				return err
			}
			if r.Type == TypeSetIntset {
				fmt.Fprintf(out, "  %x\n", b)
				break
			}
			fmt.Fprintf(out, " %s\n", entriesOf(b))
		}
	}
	return nil
}

func describeItem(out *strings.Builder, item *StreamItem) {
	switch item.Kind {
	case StreamNode:
		fmt.Fprintf(out, "  node %v %d%s\n", item.ID, item.Entries, entriesOf(item.Node))
	case StreamInfo:
		fmt.Fprintf(out, "  info %+v\n", item.Info)
	case StreamGroup:
		fmt.Fprintf(out, "  group %s %v read %d, %d pending\n", short(item.Name), item.ID, item.EntriesRead, item.Pending)
	case StreamPending:
		fmt.Fprintf(out, "    pending %v since %d, %d times\n", item.ID, item.Time, item.Deliveries)
	case StreamConsumer:
		fmt.Fprintf(out, "    consumer %s seen %d active %d, %d pending\n", short(item.Name), item.Time, item.Active, item.Pending)
	case StreamOwned:
		fmt.Fprintf(out, "      owns %v\n", item.ID)
	}
}

// short quotes a string, and cuts it when it is long.
func short(s string) string {
	if len(s) > 64 {
		return fmt.Sprintf("%q…%d bytes, sum %x", s[:16], len(s), crc64(0, []byte(s)))
	}
	return strconv.Quote(s)
}

// entriesOf tells the entries of a listpack.
func entriesOf(b []byte) string {
	var out strings.Builder
	for p := listpack.First(b); !listpack.AtEnd(b, p); p = listpack.Next(b, p) {
		v := listpack.Get(b, p)
		if v.IsInt {
			fmt.Fprintf(&out, " %d", v.Int)
		} else {
			out.WriteString(" " + short(string(v.Str)))
		}
	}
	return out.String()
}

// transcribe encodes all that r yields, and calls drain after every piece.
func transcribe(r *Reader, e *Encoder, drain func()) error {
	return visit(r, func(event Event) error {
		switch event {
		case EventAux:
			e.Aux(r.Name, r.Text)
		case EventSelectDB:
			e.SelectDB(r.DB)
		case EventResizeDB:
			e.ResizeDB(int(r.Keys), int(r.Expires))
		case EventFunction:
			e.Function(r.Text)
		case EventKey:
			if r.Expire != -1 {
				e.Expire(r.Expire)
			}
			if r.Idle >= 0 {
				e.Idle(r.Idle)
			}
			if r.Freq >= 0 {
				e.Freq(uint8(r.Freq))
			}
			if r.payload {
				e.Value(r.Type)
			} else {
				e.Key(r.Type, r.Key)
			}
			return transcribeValue(r, e, drain)
		}
		drain()
		return nil
	})
}

func transcribeValue(r *Reader, e *Encoder, drain func()) error {
	switch r.Type {
	case TypeListElements, TypeSet, TypeHash, TypeZset, TypeList:
		e.Count(r.Len())
	case TypeHashExpire:
		e.MinExpire(r.minExpire)
		e.Count(r.Len())
	case TypeHashListpackExpire:
		e.MinExpire(r.minExpire)
	case TypeStream:
		return transcribeStream(r, e, drain)
	}
	for r.Len() > 0 {
		var err error
		switch r.Type {
		case TypeString, TypeListElements, TypeSet:
			var s string
			s, err = r.Element()
			e.String(s)
		case TypeHash:
			var field, value string
			field, value, err = r.Field()
			e.Field(field, value)
		case TypeHashExpire:
			var field, value string
			var at int64
			field, value, at, err = r.FieldExpire()
			e.FieldExpire(field, value, at, r.minExpire)
		case TypeZset:
			var member string
			var score float64
			member, score, err = r.Member()
			e.Member(member, score)
		case TypeList:
			var b []byte
			var packed bool
			if b, packed, err = r.Node(); packed {
				e.Node(b)
			} else {
				e.PlainNode(string(b))
			}
		default:
			var b []byte
			b, err = r.Blob()
			e.Blob(b)
		}
		if err != nil {
			return err
		}
		drain()
	}
	return nil
}

func transcribeStream(r *Reader, e *Encoder, drain func()) error {
	e.Count(r.stream.nodes)
	for r.Len() > 0 {
		item, err := r.Stream()
		if err != nil {
			return err
		}
		e.StreamItem(item)
		if s := &r.stream; s.inOwners && s.pending == 0 && (item.Kind == StreamPending || item.Kind == StreamGroup) {
			e.Count(s.consumers)
		}
		drain()
	}
	return nil
}

// rewrite reads a snapshot and writes it again.
func rewrite(r *Reader, version int, compress bool) ([]byte, error) {
	var out bytes.Buffer
	var e Encoder
	w := NewWriter(&out, version, compress, true)
	if err := transcribe(r, &e, func() {
		if e.Len() > 1000 {
			w.Drain(&e)
		}
	}); err != nil {
		return nil, err
	}
	w.Drain(&e)
	if err := w.Close(); err != nil {
		return nil, err
	}
	if w.Written() != int64(out.Len()) {
		return nil, fmt.Errorf("Written %d, but %d bytes are there", w.Written(), out.Len())
	}
	return out.Bytes(), nil
}

// file makes a snapshot: the head of a version, records, and the end with its
// checksum where the version has one.
func file(version int, records ...[]byte) []byte {
	b := fmt.Appendf(nil, "REDIS%04d", version)
	b = append(b, bytes.Join(records, nil)...)
	b = append(b, opEnd)
	if version < checksumVersion {
		return b
	}
	sum := crc64(0, b)
	for range 8 {
		b = append(b, byte(sum))
		sum >>= 8
	}
	return b
}

// mustDescribe is describe of a snapshot that must be right.
func mustDescribe(t testing.TB, b []byte) string {
	t.Helper()
	r, err := NewReader(bytes.NewReader(b), WithSize(int64(len(b))))
	if err != nil {
		t.Fatal(err)
	}
	text, err := describe(r)
	if err != nil {
		t.Fatalf("%v, after\n%s", err, text)
	}
	if r.Offset() != int64(len(b)) {
		t.Fatalf("%d of %d bytes read", r.Offset(), len(b))
	}
	return text
}

// A trickle gives a few bytes at a time.
type trickle struct {
	b []byte
	n int
}

func (s *trickle) Read(p []byte) (int, error) {
	if len(s.b) == 0 {
		return 0, io.EOF
	}
	s.n = (s.n*7 + 3) % 11
	n := copy(p, s.b[:min(s.n, len(s.b))])
	s.b = s.b[n:]
	return n, nil
}

// isError reports whether err is what a Reader fails with.
func isError(err error) bool {
	var e *Error
	return errors.As(err, &e)
}

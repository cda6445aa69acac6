package rdb

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"
)

// lost is what is not written, for 7.0 has no place for it.
var lost = regexp.MustCompile(` active -?\d+`)

// checkSnapshot reads b, which may be anything, without its checksum. When it
// can be read, what is written of it reads alike, and is then written the same.
func checkSnapshot(t testing.TB, b []byte) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(b), WithSize(int64(len(b))), WithoutChecksum())
	if err != nil {
		return
	}
	got, err := describe(r)
	if err != nil {
		if !isError(err) {
			t.Fatalf("%q: %v", b, err)
		}
		return
	}
	again := func(b []byte) []byte {
		r, err := NewReader(bytes.NewReader(b), WithSize(int64(len(b))), WithoutChecksum())
		if err != nil {
			t.Fatal(err)
		}
		ours, err := rewrite(r, VersionFieldExpire, true)
		if err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		return ours
	}
	ours := again(b)
	if want := lost.ReplaceAllString(mustDescribe(t, ours), ""); lost.ReplaceAllString(got, "") != want {
		t.Fatalf("%q:\n%s\nwritten and read\n%s", b, got, want)
	}
	if second := again(ours); !bytes.Equal(second, ours) {
		t.Fatalf("%q: written %q, then %q", b, ours, second)
	}
}

// checkPayload is checkSnapshot for a payload.
func checkPayload(t testing.TB, payload string) {
	t.Helper()
	r, err := NewPayloadReader(payload, WithoutChecksum())
	if err != nil {
		return
	}
	got, err := describe(r)
	if err != nil {
		if !isError(err) {
			t.Fatalf("%q: %v", payload, err)
		}
		return
	}
	var e Encoder
	r, err = NewPayloadReader(payload, WithoutChecksum())
	if err == nil {
		err = transcribe(r, &e, func() {})
	}
	if err != nil {
		t.Fatal(err)
	}
	if r, err = NewPayloadReader(string(e.Payload(nil, VersionFieldExpire, true))); err != nil {
		t.Fatal(err)
	}
	want, err := describe(r)
	if err != nil || lost.ReplaceAllString(got, "") != lost.ReplaceAllString(want, "") {
		t.Fatalf("%q: %v\n%s\nwritten and read\n%s", payload, err, got, want)
	}
}

// FuzzReader: no panic, memory bounded by the input, and what can be read is
// written so that it reads alike.
func FuzzReader(f *testing.F) {
	for _, name := range snapshots(f) {
		if b := read(f, name); len(b) < 2000 {
			f.Add(b)
		}
	}
	for _, format := range formats() {
		f.Add(file(format.version, format.records))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got := allocated(func() {
			if r, err := NewReader(bytes.NewReader(b)); err == nil {
				_ = visit(r, func(Event) error { return nil })
			}
		})
		// One byte of LZF makes lzfExpandsMax bytes at most. What holds them
		// may grow several times.
		if limit := uint64(2*bufferSize + 3*pieceSize + 4*lzfExpandsMax*len(b)); got > limit {
			t.Fatalf("%d bytes allocated for %d", got, len(b))
		}
		checkSnapshot(t, b)
	})
}

// FuzzPayload: as FuzzReader. The foot is given to what has none.
func FuzzPayload(f *testing.F) {
	for _, dump := range append(dumps(f), corruptDumps(f)...) {
		f.Add(dump[:len(dump)-payloadFoot])
	}
	f.Fuzz(func(t *testing.T, body string) {
		checkPayload(t, body)
		checkPayload(t, string(binary.LittleEndian.AppendUint16([]byte(body), VersionDefault))+"checksum")
	})
}

// FuzzRDB: the view of the whole does not panic, and is what the Reader sees.
func FuzzRDB(f *testing.F) {
	for _, name := range snapshots(f) {
		if b := read(f, name); len(b) < 2000 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		snapshot, err := NewFromBytes(b)
		if err != nil {
			return
		}
		err = snapshot.Parse()
		r, _ := snapshot.Reader()
		text, readErr := describe(r)
		if (err == nil) != (readErr == nil) {
			t.Fatalf("Parse: %v, Reader: %v, after\n%s", err, readErr, text)
		}
	})
}

// corruptDumps are the payloads of Redis's own tests of corrupt ones, which were
// found by fuzzing it.
func corruptDumps(t testing.TB) (all []string) {
	t.Helper()
	for line := range strings.Lines(string(read(t, "corrupt.txt"))) {
		b, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(b))
	}
	return all
}

// Package aof keeps append-only files: commands in the order in which they
// changed the data, in a folder of files that a manifest lists. It knows no
// keys and runs no commands.
package aof

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// The manifest, a line for each file:
//
//	file appendonly.aof.2.base.rdb seq 2 type b
//	file appendonly.aof.1.incr.aof seq 1 type h
//	file appendonly.aof.2.incr.aof seq 2 type i
//
// The base (b) is all data at one moment, a snapshot or commands. The incremental
// files (i) hold the commands since, the last of them those of now. History (h)
// is what a newer base has made superfluous, and is about to be removed. Whatever
// else a line says in pairs of words is left for later versions to understand.

// A File is a file of the folder. Its zero value is none.
type File struct {
	Name string
	Seq  int64
}

// A Manifest says which files there are. Incr is in the order of writing, with
// growing sequence numbers.
type Manifest struct {
	Base    File
	Incr    []File
	History []File

	lastBase, lastIncr int64 // the highest sequence numbers given out
}

// The types of files, as the manifest has them.
const (
	typeBase    = 'b'
	typeIncr    = 'i'
	typeHistory = 'h'
)

// A ManifestError is a manifest that cannot be understood.
type ManifestError struct {
	Line   int    // counted from 1
	Text   string // of that line, when it got so far
	Reason string
}

func (e *ManifestError) Error() string {
	if e.Text == "" {
		return e.Reason
	}
	return fmt.Sprintf("line %d: %s: %q", e.Line, e.Reason, e.Text)
}

const lineMax = 1024 // bytes of a line with its end, of the manifest and of an annotation

// Why a manifest cannot be understood, in Redis's words.
const (
	reasonEmpty     = "Found an empty AOF manifest"
	reasonLong      = "The AOF manifest file contains too long line"
	reasonFormat    = "Invalid AOF manifest file format"
	reasonPath      = "File can't be a path, just a filename"
	reasonTwoBases  = "Found duplicate base file information"
	reasonMonotonic = "Found a non-monotonic sequence number"
	reasonType      = "Unknown AOF file type"
)

// ParseManifest reads a manifest. The last line may lack its end, which Redis
// does not allow: some are written by hand.
func ParseManifest(text []byte) (*Manifest, error) {
	m := &Manifest{}
	if len(text) == 0 {
		return nil, &ManifestError{Reason: reasonEmpty}
	}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		if line[0] == '#' {
			continue
		}
		if len(line) > lineMax {
			return nil, &ManifestError{Line: n, Reason: reasonLong}
		}
		line = bytes.Trim(line, " \t\r\n")
		if reason := m.parseLine(line); reason != "" {
			return nil, &ManifestError{Line: n, Text: string(line), Reason: reason}
		}
	}
	return m, nil
}

// parseLine adds the file of a line, or returns why it cannot.
func (m *Manifest) parseLine(line []byte) (reason string) {
	words, ok := resp.SplitLine(line)
	if !ok || len(words) < 6 || len(words)%2 != 0 {
		return reasonFormat
	}
	var f File
	var kind byte
	for i := 0; i < len(words); i += 2 {
		value := words[i+1]
		switch strings.ToLower(words[i]) {
		case "file":
			f.Name = strings.Clone(value)
			if strings.ContainsAny(value, `/\`) {
				return reasonPath
			}
		case "seq":
			f.Seq, _ = strconv.ParseInt(value, 10, 64)
		case "type":
			if value != "" {
				kind = value[0]
			}
		}
	}
	if f.Name == "" || f.Seq == 0 || kind == 0 {
		return reasonFormat
	}
	switch kind {
	case typeBase:
		if m.Base.Name != "" {
			return reasonTwoBases
		}
		m.Base, m.lastBase = f, f.Seq
	case typeHistory:
		m.History = append(m.History, f)
	case typeIncr:
		if f.Seq <= m.lastIncr {
			return reasonMonotonic
		}
		m.Incr = append(m.Incr, f)
		m.lastIncr = f.Seq
	default:
		return reasonType
	}
	return ""
}

// String is the manifest as a file.
func (m *Manifest) String() string {
	var b []byte
	if m.Base.Name != "" {
		b = m.Base.appendLine(b, typeBase)
	}
	for _, f := range m.History {
		b = f.appendLine(b, typeHistory)
	}
	for _, f := range m.Incr {
		b = f.appendLine(b, typeIncr)
	}
	return string(b)
}

// appendLine appends the line of a file.
func (f File) appendLine(b []byte, kind byte) []byte {
	b = append(b, "file "...)
	b = appendWord(b, f.Name)
	b = append(b, " seq "...)
	b = strconv.AppendInt(b, f.Seq, 10)
	return append(b, ' ', 't', 'y', 'p', 'e', ' ', kind, '\n')
}

// appendWord appends a name, in quotes if it could be misread without.
func appendWord(b []byte, name string) []byte {
	plain := func(c byte) bool { return c > ' ' && c < 0x7f && c != '"' && c != '\\' }
	quoted := name == ""
	for i := range len(name) {
		quoted = quoted || !plain(name[i])
	}
	if !quoted {
		return append(b, name...)
	}
	b = append(b, '"')
	for i := range len(name) {
		switch c := name[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		case '\a':
			b = append(b, `\a`...)
		case '\b':
			b = append(b, `\b`...)
		default:
			if c >= ' ' && c < 0x7f {
				b = append(b, c)
			} else {
				b = fmt.Appendf(b, `\x%02x`, c)
			}
		}
	}
	return append(b, '"')
}

// Empty reports whether there is nothing to load.
func (m *Manifest) Empty() bool { return m.Base.Name == "" && len(m.Incr) == 0 }

// Files returns the files to load, in that order.
func (m *Manifest) Files() []File {
	var files []File
	if m.Base.Name != "" {
		files = append(files, m.Base)
	}
	return append(files, m.Incr...)
}

// Clone returns a copy to be changed, so that a change can be given up.
func (m *Manifest) Clone() *Manifest {
	c := *m
	c.Incr, c.History = slices.Clone(m.Incr), slices.Clone(m.History)
	return &c
}

// NewBase makes a new base, whose name begins with prefix, and history of the
// one there was.
func (m *Manifest) NewBase(prefix string, snapshot bool) File {
	if m.Base.Name != "" {
		m.History = slices.Insert(m.History, 0, m.Base)
	}
	format := "aof"
	if snapshot {
		format = "rdb"
	}
	m.lastBase++
	m.Base = File{fmt.Sprintf("%s.%d.base.%s", prefix, m.lastBase, format), m.lastBase}
	return m.Base
}

// NewIncr makes a new incremental file, whose name begins with prefix.
func (m *Manifest) NewIncr(prefix string) File {
	m.lastIncr++
	f := File{fmt.Sprintf("%s.%d.incr.aof", prefix, m.lastIncr), m.lastIncr}
	m.Incr = append(m.Incr, f)
	return f
}

// Retire makes history of the incremental files but the last so many.
func (m *Manifest) Retire(keep int) {
	if n := len(m.Incr) - keep; n > 0 {
		m.History = slices.Insert(m.History, 0, m.Incr[:n]...)
		m.Incr = m.Incr[n:]
	}
}

// adoptOld makes a file of before there were manifests the base.
func (m *Manifest) adoptOld(name string) {
	m.Base, m.lastBase = File{name, 1}, 1
}

// isName reports whether a name is one of a file in the folder, and no path.
func isName(name string) bool { return name != "" && name == filepath.Base(name) }

var errNoName = errors.New("aof: a path instead of a name")

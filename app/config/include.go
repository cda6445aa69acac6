package config

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/codecrafters-io/redis-starter-go/app/glob"
)

// Reading configuration files, one by name or several by pattern.

// readFiles returns the text of the file, or of all files that the pattern
// names, one behind the other. A pattern may name none.
func (c *Config) readFiles(name string) (string, error) {
	if !strings.ContainsAny(name, "*?[") {
		return c.readFile(name)
	}
	var all strings.Builder
	for _, match := range c.expand(name) {
		text, err := c.readFile(match)
		if err != nil {
			return "", err
		}
		all.WriteString(text)
	}
	return all.String(), nil
}

// readFile reads one file. A directory counts as empty, as it does to the C
// library: including one, or naming one as the file, changes nothing.
func (c *Config) readFile(name string) (string, error) {
	if name == "" { // which Path would take for the directory
		return "", &OpenError{Name: name, Err: syscall.ENOENT}
	}
	f, err := os.Open(c.Path(name))
	if err != nil {
		return "", &OpenError{Name: name, Err: err}
	}
	defer f.Close() // only read from
	text, err := readText(f)
	if err != nil && !errors.Is(err, syscall.EISDIR) {
		return "", &OpenError{Name: name, Err: err}
	}
	return text, nil
}

// readText reads all of r, nothing when it is nil. Redis reads lines of at most
// 1024 bytes into C strings: of each such piece everything from the first NUL
// byte on is lost, its newline included.
func readText(r io.Reader) (string, error) {
	if r == nil {
		return "", nil
	}
	data, err := io.ReadAll(r)
	if err != nil || bytes.IndexByte(data, 0) < 0 {
		return string(data), err
	}
	const pieceMax = 1024
	var b strings.Builder
	for line := range bytes.Lines(data) {
		for piece := range slices.Chunk(line, pieceMax) {
			kept, _, _ := bytes.Cut(piece, []byte{0})
			b.Write(kept)
		}
	}
	return b.String(), nil
}

// expand returns the paths that a shell pattern names, sorted. Part by part it
// replaces each path found so far by those that continue it.
func (c *Config) expand(pattern string) []string {
	found := []string{""}
	for part := range strings.SplitSeq(pattern, "/") {
		var longer []string
		for _, path := range found {
			for _, name := range c.matches(path, part) {
				longer = append(longer, path+name+"/")
			}
		}
		found = longer
	}
	paths := found[:0]
	for _, path := range found {
		path = strings.TrimSuffix(path, "/")
		if _, err := os.Lstat(c.Path(path)); err == nil {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// unescapePath takes the backslashes off a part of a pattern that is none.
var unescapePath = strings.NewReplacer(`\\`, `\`, `\`, "")

// matches returns the names in the directory that one part of a pattern means:
// itself when it is no pattern. As in a shell, a name that begins with a dot
// is meant only by a pattern that does.
func (c *Config) matches(dir, part string) []string {
	if !strings.ContainsAny(part, "*?[") {
		return []string{unescapePath.Replace(part)}
	}
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(c.Path(dir))
	if err != nil {
		return nil // a directory that cannot be read has no matches
	}
	part = redisPattern(part)
	var names []string
	for _, e := range entries {
		if e.Name()[0] == '.' && part[0] != '.' {
			continue
		}
		if glob.Match(part, e.Name(), false) {
			names = append(names, e.Name())
		}
	}
	return names
}

// redisPattern translates a shell pattern: Redis knows [^a] but not [!a], and
// needs a backslash before a bracket that does not open a set.
func redisPattern(shell string) string {
	var b strings.Builder
	for i := 0; i < len(shell); i++ {
		switch shell[i] {
		case '\\':
			b.WriteByte('\\')
			if i++; i < len(shell) {
				b.WriteByte(shell[i])
			}
		case '[':
			set, size := cutSet(shell[i+1:])
			b.WriteString(set)
			i += size
		default:
			b.WriteByte(shell[i])
		}
	}
	return b.String()
}

// cutSet translates the set that begins behind a bracket, and returns how long
// it is in the shell's pattern; an escaped bracket and 0 when it never ends.
func cutSet(s string) (set string, size int) {
	open, start := "[", 0
	if strings.HasPrefix(s, "!") || strings.HasPrefix(s, "^") {
		open, start = "[^", 1
	}
	if start < len(s) && s[start] == ']' { // the first member may be a bracket
		open += `\]`
		start++
	}
	end := strings.IndexByte(s[start:], ']')
	if end < 0 {
		return `\[`, 0
	}
	return open + s[start:start+end+1], start + end + 1
}

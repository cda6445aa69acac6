package config

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Golden cases: configurations and CONFIG commands with the answers of a real
// redis-server 7.0.15. The tests replay them on this package; with -update they
// are replayed on redis-server, from the PATH, and the answers rewritten.
//
// A case is a paragraph:
//
//	# What it is about.
//	@conf                    the configuration file, if there is one
//	| port 0                 a line of it
//	|" no newline here"      a piece of it, as a Go string
//	@file name               another file
//	@stdin                   the standard input
//	@args "--port" "0"       the arguments behind the file, as Go strings
//	> CONFIG GET port        a command, in the syntax of a configuration line
//	> FILE                   not a command: show the configuration file
//	= port "0"               an answer
//
// {dir} stands for the temporary directory that the server runs in, {parent}
// for the one it lies in. A case
// with commands also gets port 0 and a unix socket, before its own arguments.

var update = flag.Bool("update", false, "rewrite the golden files with the answers of redis-server")

const goldenDir = "../../tests/testdata/"

// A subject is what a case is run on.
type subject interface {
	// start loads the configuration. When that fails it returns the
	// lines of the answer.
	start(c *goldenCase, dir string) (failure []string)
	// do answers one command.
	do(words []string) []string
	stop()
}

type goldenCase struct {
	line  int // in the golden file, from 1
	input []string
	files map[string]string
	conf  bool
	stdin string
	args  []string
	want  []string // the answers, and the commands before them
}

// commands returns the commands, as they are written.
func (c *goldenCase) commands() []string {
	var list []string
	for _, line := range c.input {
		if command, ok := strings.CutPrefix(line, "> "); ok {
			list = append(list, command)
		}
	}
	return list
}

const mainFile = "redis.conf"

func readGolden(t *testing.T, path string) []*goldenCase {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []*goldenCase
	var c *goldenCase
	for i, line := range strings.Split(string(data), "\n") {
		switch {
		case line == "":
			c = nil
			continue
		case c == nil:
			c = &goldenCase{line: i + 1, files: make(map[string]string)}
			cases = append(cases, c)
		}
		if strings.HasPrefix(line, "= ") || line == "=" || strings.HasPrefix(line, "> ") {
			c.want = append(c.want, line)
		}
		if !strings.HasPrefix(line, "=") {
			c.input = append(c.input, line)
		}
	}
	for _, c := range cases {
		c.parse(t)
	}
	return cases
}

// parse reads what the lines of the input say.
func (c *goldenCase) parse(t *testing.T) {
	t.Helper()
	target := ""
	for _, line := range c.input {
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case word == "#", word == ">":
		case word == "@conf":
			c.conf, target = true, mainFile
			c.files[target] = ""
		case word == "@file":
			target = rest
			c.files[target] = ""
		case word == "@stdin":
			target = "stdin"
		case word == "@args":
			c.args = goStrings(t, rest)
		case word == "|":
			c.files[target] += rest + "\n"
		case strings.HasPrefix(line, `|"`):
			c.files[target] += goStrings(t, line[1:])[0]
		default:
			t.Fatalf("line %d: cannot read %q", c.line, line)
		}
	}
	c.stdin = c.files["stdin"]
	delete(c.files, "stdin")
}

// goStrings reads Go strings separated by blanks.
func goStrings(t *testing.T, s string) []string {
	t.Helper()
	var list []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		plain, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		list = append(list, plain)
		s = s[len(quoted):]
	}
	return list
}

// prepare writes the files of a case and returns the arguments of the server.
func (c *goldenCase) prepare(t *testing.T, dir string) []string {
	t.Helper()
	inDir := strings.NewReplacer("{dir}", dir)
	for name, content := range c.files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(inDir.Replace(content)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var args []string
	if c.conf {
		args = append(args, mainFile)
	}
	if len(c.commands()) > 0 {
		args = append(args, "--port", "0", "--unixsocket", filepath.Join(dir, "s.sock"))
	}
	for _, a := range c.args {
		args = append(args, inDir.Replace(a))
	}
	return args
}

// run returns the commands of a case with the answers of a subject.
func (c *goldenCase) run(t *testing.T, s subject, dir string) []string {
	t.Helper()
	var got []string
	answer := func(lines []string) {
		for _, line := range lines {
			line = strings.ReplaceAll(line, dir, "{dir}")
			line = strings.ReplaceAll(line, filepath.Dir(dir), "{parent}")
			got = append(got, strings.TrimRight("= "+printable(line), " "))
		}
	}
	defer s.stop()
	if failure := s.start(c, dir); failure != nil {
		answer(failure)
		for _, command := range c.commands() {
			got = append(got, "> "+command) // an update must not lose it
		}
		return got
	}
	for _, command := range c.commands() {
		got = append(got, "> "+command)
		words, err := SplitArgs(command)
		if err != nil {
			t.Fatalf("line %d: %s: %v", c.line, command, err)
		}
		if words[0] == "FILE" {
			answer(showFile(t, dir))
		} else {
			answer(s.do(words))
		}
	}
	return got
}

// printable makes a Go string of a line with bytes unfit for a text file.
func printable(line string) string {
	if quoted := strconv.Quote(line); strings.Contains(quoted, `\x`) && !strings.Contains(line, `\x`) {
		return quoted
	}
	return line
}

// showFile returns the lines of the configuration file. What CONFIG REWRITE
// appends comes in any order and is sorted.
func showFile(t *testing.T, dir string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, mainFile))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	for i, line := range lines {
		lines[i] = "| " + strings.TrimSuffix(line, "\n")
		if line != "" && !strings.HasSuffix(line, "\n") {
			t.Errorf("%q does not end in a newline", line)
		}
	}
	lines = lines[:len(lines)-1]
	if i := slices.Index(lines, "| "+rewriteSignature); i >= 0 {
		slices.Sort(lines[i+1:])
	}
	return lines
}

// hostSpecific are the directives whose value depends on the machine or on how
// the cases are run.
var hostSpecific = []string{"dir", "maxclients", "port", "unixsocket"}

// showPairs prints what CONFIG GET answered, in the order of names.
func showPairs(pairs []Pair, all bool) []string {
	var lines []string
	for _, p := range pairs {
		if !all || !slices.Contains(hostSpecific, p.Name) {
			lines = append(lines, p.Name+" "+strconv.Quote(p.Value))
		}
	}
	slices.Sort(lines)
	return lines
}

// testGolden replays a golden file on this package, or rewrites it.
func testGolden(t *testing.T, name string) []*goldenCase {
	t.Helper()
	path, err := filepath.Abs(goldenDir + name)
	if err != nil {
		t.Fatal(err)
	}
	cases := readGolden(t, path)
	if *update {
		rewriteGolden(t, path, cases)
		return cases
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("line %d", c.line), func(t *testing.T) {
			dir := tempDir(t)
			t.Chdir(dir)
			got := c.run(t, &packageSubject{t: t}, dir)
			if !slices.Equal(got, c.want) {
				t.Errorf("%s\ngot:\n%s\nwant:\n%s", strings.Join(c.input, "\n"),
					strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
	return cases
}

// tempDir is a temporary directory by its physical path.
func tempDir(t *testing.T) string { return physical(t.TempDir()) }

func rewriteGolden(t *testing.T, path string, cases []*goldenCase) {
	t.Helper()
	var out bytes.Buffer
	for i, c := range cases {
		if i > 0 {
			out.WriteByte('\n')
		}
		for _, line := range c.input {
			if !strings.HasPrefix(line, ">") {
				out.WriteString(line + "\n")
			}
		}
		for _, line := range c.run(t, &redisSubject{t: t}, tempDir(t)) {
			out.WriteString(line + "\n")
		}
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A packageSubject runs cases on this package.
type packageSubject struct {
	t *testing.T
	c *Config
}

// caseHooks stand in for the server: they know what the cases need.
func caseHooks(c *Config) Hooks {
	commands := []string{"get", "set", "del", "keys", "config", "flushall"}
	return Hooks{
		HasCommand: func(name string) bool { return slices.Contains(commands, name) },
		CheckUser: func(words []string) (int, string) {
			for i, w := range words[2:] {
				if w == "nosuchrule" {
					return i, "Syntax error" // the position is off by two, as in Redis
				}
			}
			return 0, ""
		},
		Users: func() []string {
			if len(c.users) == 0 {
				return []string{"default on nopass ~* &* +@all"}
			}
			return []string{"default on nopass sanitize-payload ~* &* +@all"}
		},
	}
}

func (s *packageSubject) start(c *goldenCase, dir string) []string {
	args := c.prepare(s.t, dir)
	s.c = New()
	s.c.SetHooks(caseHooks(s.c))
	err := s.c.LoadArgs(args, strings.NewReader(c.stdin))
	switch err := err.(type) {
	case nil:
		return nil
	case *FileError:
		return append([]string{"exit 1"}, strings.Split(strings.TrimSuffix(err.Error(), "\n"), "\n")...)
	case *OpenError:
		return []string{"exit 1", "log: " + err.Error()}
	default:
		return []string{fmt.Sprintf("%T: %v", err, err)}
	}
}

func (s *packageSubject) do(words []string) []string {
	local := SetContext{Local: true}
	switch verb := lower(words[1]); {
	case verb == "get":
		return showPairs(s.c.Get(words[2:]...), words[2] == "*")
	case verb == "rewrite":
		return showResult(s.c.Rewrite())
	case len(words)%2 != 0:
		return []string{"-ERR syntax error"}
	}
	var pairs []Pair
	for pair := range slices.Chunk(words[2:], 2) {
		pairs = append(pairs, Pair{pair[0], pair[1]})
	}
	return showResult(s.c.Set(pairs, local, nil))
}

func (s *packageSubject) stop() {}

func showResult(err error) []string {
	if err != nil {
		return []string{"-" + err.Error()}
	}
	return []string{"+OK"}
}

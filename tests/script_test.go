package tests

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Golden scripts: commands and the answers that a real redis-server gives.
//
// TestScripts replays every script of testdata/scripts, once per RESP version
// and each time on a new server, and compares the answers. With GOLDEN set it
// replays them on redis-server instead and rewrites the answers in place; each
// script runs twice then, and answers that differ between the runs are refused.
// README.md explains the format.

const scriptsDir = "testdata/scripts"

// A script is one parsed file.
type script struct {
	path   string
	flags  []string // start-up flags, from "# flags:"
	conf   []string // lines of a redis.conf, from "# conf:"
	needs  []string // words of testdata/scripts/LATER, from "# needs:"
	only2  bool     // "# resp: 2"
	pieces []piece
}

// A piece is a line of text to keep, or a step.
type piece struct {
	text string
	step *step
}

// A step is one line that does something, and its recorded answers.
type step struct {
	line    int
	source  string // as written, with its "> "
	client  int
	receive bool   // "<": read a message, send nothing
	marks   []mark // in the order written
	command string
	want    [2][]string // by RESP version; want[1] is nil when it equals want[0]
}

// A mark is one word in square brackets, with its arguments.
type mark struct {
	name string
	args []string
}

func (st *step) mark(name string) (mark, bool) {
	i := slices.IndexFunc(st.marks, func(m mark) bool { return m.name == name })
	if i < 0 {
		return mark{}, false
	}
	return st.marks[i], true
}

// runsIn reports whether the step is part of the replay under RESP2 or RESP3.
func (st *step) runsIn(version int) bool {
	_, two := st.mark("resp2")
	_, three := st.mark("resp3")
	return !(two && version == 3) && !(three && version == 2)
}

// answer returns the recorded answer under a RESP version.
func (st *step) answer(version int) []string {
	if version == 3 && st.want[1] != nil {
		return st.want[1]
	}
	return st.want[0]
}

var stepLine = regexp.MustCompile(`^(\d*)([<>])( |$)(.*)$`)

// resp3Line stands before an answer that differs under RESP3. No printed reply looks like it.
const resp3Line = "[resp3]"

// parseScript reads a script. An answer ends at a blank line, a comment or the next step.
func parseScript(path, text string) (*script, error) {
	sc := &script{path: path}
	var last *step
	version := 0
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		m := stepLine.FindStringSubmatch(line)
		switch {
		case m != nil:
			st, err := parseStep(m)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
			}
			st.line = i + 1
			sc.pieces = append(sc.pieces, piece{step: st})
			last, version = st, 0
		case line == "" || line[0] == '#':
			if err := sc.header(line); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
			}
			sc.pieces = append(sc.pieces, piece{text: line})
			last = nil
		case last == nil:
			return nil, fmt.Errorf("%s:%d: an answer without a step: %s", path, i+1, line)
		case line == resp3Line:
			version = 1
			last.want[1] = []string{}
		default:
			last.want[version] = append(last.want[version], line)
		}
	}
	return sc, nil
}

// header takes the directives that comments at the top of a script may hold.
func (sc *script) header(line string) error {
	rest, ok := strings.CutPrefix(line, "# ")
	name, value, found := strings.Cut(rest, ": ")
	if !ok || !found {
		return nil
	}
	var err error
	switch name {
	case "flags":
		sc.flags, err = splitLine(value)
	case "conf":
		sc.conf = append(sc.conf, value)
	case "needs":
		sc.needs = append(sc.needs, strings.Fields(value)...)
	case "resp":
		sc.only2 = value == "2"
	}
	return err
}

func parseStep(m []string) (*step, error) {
	st := &step{source: m[0], client: 1, receive: m[2] == "<"}
	if m[1] != "" {
		if _, err := fmt.Sscan(m[1], &st.client); err != nil {
			return nil, err
		}
	}
	rest := strings.TrimSpace(m[4])
	for strings.HasPrefix(rest, "[") {
		end := closingBracket(rest)
		if end < 0 {
			return nil, fmt.Errorf("mark without end in %q", m[0])
		}
		words, err := splitLine(rest[1:end])
		if err != nil || len(words) == 0 {
			return nil, fmt.Errorf("bad mark in %q", m[0])
		}
		if !slices.Contains(markNames, words[0]) {
			return nil, fmt.Errorf("unknown mark [%s]", words[0])
		}
		st.marks = append(st.marks, mark{words[0], words[1:]})
		rest = strings.TrimSpace(rest[end+1:])
	}
	st.command = rest
	return st, nil
}

// closingBracket finds the ] that ends a mark, outside of quotes.
func closingBracket(s string) int {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ']' && !quoted:
			return i
		}
	}
	return -1
}

// String is the file as it should stand on disk.
func (sc *script) String() string {
	var b strings.Builder
	for _, p := range sc.pieces {
		if p.step == nil {
			b.WriteString(p.text + "\n")
			continue
		}
		b.WriteString(p.step.source + "\n")
		for _, line := range p.step.want[0] {
			b.WriteString(line + "\n")
		}
		if p.step.want[1] != nil {
			b.WriteString(resp3Line + "\n")
			for _, line := range p.step.want[1] {
				b.WriteString(line + "\n")
			}
		}
	}
	return b.String()
}

// versions are the RESP versions under which the script is replayed.
func (sc *script) versions() []int {
	if sc.only2 {
		return []int{2}
	}
	return []int{2, 3}
}

func (sc *script) steps() []*step {
	var out []*step
	for _, p := range sc.pieces {
		if p.step != nil {
			out = append(out, p.step)
		}
	}
	return out
}

// readScripts parses every script, sorted by path.
func readScripts(t testing.TB) []*script {
	t.Helper()
	paths, err := filepath.Glob(scriptsDir + "/*/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []*script
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sc, err := parseScript(path, string(text))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, sc)
	}
	return out
}

// laterWords reads testdata/scripts/LATER: what our server does not have yet
// and why. A script that needs one of these words is skipped until the line goes.
func laterWords(t testing.TB) map[string]string {
	t.Helper()
	text, err := os.ReadFile(scriptsDir + "/LATER")
	if err != nil {
		t.Fatal(err)
	}
	later := map[string]string{}
	for line := range strings.Lines(string(text)) {
		word, reason, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		later[word] = strings.TrimSpace(reason)
	}
	return later
}

func TestScripts(t *testing.T) {
	golden := os.Getenv(envGolden) != ""
	var redis string
	if golden {
		redis = pinnedRedis(t)
	}
	later := laterWords(t)
	for _, sc := range readScripts(t) {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(sc.path, scriptsDir+"/"), ".txt"), func(t *testing.T) {
			t.Parallel()
			if golden {
				sc.record(t, redis)
				return
			}
			for _, word := range sc.needs {
				if reason := later[word]; reason != "" && filepath.Base(os.Getenv(envServer)) != "redis-server" {
					t.Skipf("needs %s: %s", word, reason)
				}
			}
			for _, version := range sc.versions() {
				t.Run(fmt.Sprintf("resp%d", version), func(t *testing.T) { sc.compare(t, version) })
			}
		})
	}
}

// compare replays the script on the server under test.
func (sc *script) compare(t *testing.T, version int) {
	got := replayScript(t, serverPath(t), sc, version)
	bad := 0
	for _, st := range sc.steps() {
		if !st.runsIn(version) || slices.Equal(got[st], st.answer(version)) {
			continue
		}
		if bad++; bad > 20 {
			t.Errorf("%s: more differences are not shown", sc.path)
			return
		}
		t.Errorf("%s:%d: RESP%d %s\ngot:\n%s\nwant:\n%s", sc.path, st.line, version, st.source,
			strings.Join(got[st], "\n"), strings.Join(st.answer(version), "\n"))
	}
}

// record rewrites the script's answers from redis-server.
func (sc *script) record(t *testing.T, redis string) {
	got := map[int]map[*step][]string{}
	for _, version := range sc.versions() {
		got[version] = replayScript(t, redis, sc, version)
		again := replayScript(t, redis, sc, version)
		for _, st := range sc.steps() {
			if !slices.Equal(got[version][st], again[st]) {
				t.Errorf("%s:%d: RESP%d %s\nanswers differ between two runs; mark the line\n%s\n-- and --\n%s", sc.path, st.line, version, st.source,
					strings.Join(got[version][st], "\n"), strings.Join(again[st], "\n"))
			}
		}
	}
	for _, st := range sc.steps() {
		st.want = [2][]string{}
		if st.runsIn(2) {
			st.want[0] = got[2][st]
		} else {
			st.want[0] = got[3][st]
		}
		if len(got) == 2 && st.runsIn(2) && st.runsIn(3) && !slices.Equal(got[2][st], got[3][st]) {
			st.want[1] = append([]string{}, got[3][st]...)
		}
		for _, line := range slices.Concat(st.want[0], st.want[1]) {
			if stepLine.MatchString(line) || line == "" || line[0] == '#' {
				t.Errorf("%s:%d: the answer %q would not be read back", sc.path, st.line, line)
			}
			if line == timedOut {
				t.Errorf("%s:%d: no answer came to %s", sc.path, st.line, st.source)
			}
		}
	}
	if t.Failed() {
		return
	}
	if err := os.WriteFile(sc.path, []byte(sc.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// pinnedRedis returns redis-server, but only the version that the recorded
// answers are to come from.
func pinnedRedis(t testing.TB) string {
	t.Helper()
	pinned, err := os.ReadFile("testdata/REDIS_VERSION")
	if err != nil {
		t.Fatal(err)
	}
	path := redisPath(t)
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := "v=" + strings.TrimSpace(string(pinned)) + " "; !strings.Contains(string(out), want) {
		t.Fatalf("answers are recorded from redis-server %snot from %s", want, out)
	}
	return path
}

func TestParseScript(t *testing.T) {
	const text = "# A comment.\n# flags: --maxmemory \"1 mb\"\n\n> [sorted] [grep \"a]b\"] GET a\n\"x\"\n[resp3]\n(null)\n2< [all]\n"
	sc, err := parseScript("x", text)
	if err != nil {
		t.Fatal(err)
	}
	if got := sc.String(); got != text {
		t.Errorf("got %q, want %q", got, text)
	}
	if want := []string{"--maxmemory", "1 mb"}; !slices.Equal(sc.flags, want) {
		t.Errorf("flags %q, want %q", sc.flags, want)
	}
	st := sc.steps()[0]
	if st.command != "GET a" || len(st.marks) != 2 || st.answer(2)[0] != `"x"` || st.answer(3)[0] != "(null)" {
		t.Errorf("step %+v", st)
	}
	if st := sc.steps()[1]; st.client != 2 || !st.receive {
		t.Errorf("step %+v", st)
	}
	for _, bad := range []string{"answer first", "> [nosuchmark] GET a", "> [sorted GET a"} {
		if _, err := parseScript("x", bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// TestScriptWords keeps the list of needed words honest.
func TestScriptWords(t *testing.T) {
	used := map[string]bool{}
	for _, sc := range readScripts(t) {
		for _, word := range sc.needs {
			used[word] = true
		}
	}
	for _, word := range slices.Sorted(maps.Keys(laterWords(t))) {
		if !used[word] {
			t.Errorf("%s/LATER: no script needs %q any more", scriptsDir, word)
		}
	}
}

package tests

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// This file reads the grammars of testdata/differential. A line is a command:
//
//	3 ZADD key {[NX|XX] [CH]} (score member)+
//
//	3             it comes three times as often as others
//	ZADD          as it stands
//	key score     made anew each time, see placeholders
//	[NX|XX]       one of these, or nothing
//	(A|B) (…)+    one of these; one to three times, chosen anew each time
//	{…}           in any order
//
// A grammar knows the commands of one family. Its keys bear the name of the
// file, so that most commands find what they are for, and some do not. Files
// named wait_… hold the commands in which one client waits for the other.

// A node makes arguments.
type node func(m *maker) []string

// A commandLine is a line of a grammar.
type commandLine struct {
	family string
	make   node
}

type grammars struct {
	lines    []commandLine // each as often as its weight says
	families []string
	names    map[string]bool // the words that commands begin with
	waiting  []commandLine   // commands that block their client
	users    []commandLine   // of acl.txt, which a test of its own reads
}

func readGrammars(t testing.TB) *grammars {
	t.Helper()
	paths, err := filepath.Glob("testdata/differential/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal("no grammars", err)
	}
	g := &grammars{names: map[string]bool{}}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		family := strings.TrimSuffix(filepath.Base(path), ".txt")
		if !strings.HasPrefix(family, "wait_") && family != "acl" {
			g.families = append(g.families, family)
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
				continue
			}
			if err := g.add(family, line); err != nil {
				t.Fatalf("%s: %q: %v", path, line, err)
			}
		}
	}
	return g
}

// add parses one line.
func (g *grammars) add(family, line string) error {
	weight := 1
	if c := line[0]; c >= '1' && c <= '9' {
		weight, line = int(c-'0'), line[1:]
	}
	for _, mark := range []string{"[", "]", "(", ")", "{", "}", "|"} {
		line = strings.ReplaceAll(line, mark, " "+mark+" ")
	}
	line = strings.ReplaceAll(line, ")  +", ") +")
	p := grammarParser{words: strings.Fields(strings.ReplaceAll(line, ") +", ")+"))}
	for _, word := range p.words {
		if strings.ToUpper(word) == word {
			g.names[word] = true
		}
	}
	n, err := p.alternatives()
	if err == nil && len(p.words) > 0 {
		err = fmt.Errorf("%q is too much", p.words)
	}
	if prefix, ok := strings.CutPrefix(family, "wait_"); ok {
		g.waiting = append(g.waiting, commandLine{prefix, n})
		return err
	}
	lines := &g.lines
	if family == "acl" {
		lines = &g.users
	}
	for range weight {
		*lines = append(*lines, commandLine{family, n})
	}
	return err
}

// A grammarParser takes words from the front.
type grammarParser struct{ words []string }

func (p *grammarParser) next() string {
	if len(p.words) == 0 {
		return ""
	}
	word := p.words[0]
	p.words = p.words[1:]
	return word
}

// alternatives parses sequences with | between them.
func (p *grammarParser) alternatives() (node, error) {
	var choices []node
	for {
		items, err := p.sequence()
		if err != nil {
			return nil, err
		}
		choices = append(choices, inTurn(items))
		if len(p.words) == 0 || p.words[0] != "|" {
			break
		}
		p.next()
	}
	return func(m *maker) []string { return choices[m.IntN(len(choices))](m) }, nil
}

func inTurn(items []node) node {
	return func(m *maker) []string {
		var out []string
		for _, item := range items {
			out = append(out, item(m)...)
		}
		return out
	}
}

// sequence parses items up to what ends them.
func (p *grammarParser) sequence() ([]node, error) {
	var items []node
	for len(p.words) > 0 && !slices.Contains([]string{"|", "]", ")", ")+", "}"}, p.words[0]) {
		item, err := p.item()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

func (p *grammarParser) item() (node, error) {
	switch word := p.next(); word {
	case "[":
		n, err := p.alternatives()
		if err != nil || p.next() != "]" {
			return nil, fmt.Errorf("[ without ]: %w", err)
		}
		return func(m *maker) []string {
			if m.IntN(2) == 0 {
				return nil
			}
			return n(m)
		}, nil
	case "(":
		n, err := p.alternatives()
		if err != nil {
			return nil, err
		}
		switch p.next() {
		case ")":
			return n, nil
		case ")+":
			return repeated(n), nil
		}
		return nil, fmt.Errorf("( without )")
	case "{":
		items, err := p.sequence()
		if err != nil || p.next() != "}" {
			return nil, fmt.Errorf("{ without }: %w", err)
		}
		return inAnyOrder(items), nil
	default:
		if make, ok := placeholders[word]; ok {
			return make, nil
		}
		if strings.ToUpper(word) != word {
			return nil, fmt.Errorf("no placeholder %q", word)
		}
		return func(*maker) []string { return []string{word} }, nil
	}
}

func repeated(n node) node {
	return func(m *maker) []string {
		var out []string
		for range 1 + m.IntN(3) {
			out = append(out, n(m)...)
		}
		return out
	}
}

// inAnyOrder moves what follows a fixed word along with it: an item that
// makes several arguments stays whole.
func inAnyOrder(items []node) node {
	return func(m *maker) []string {
		var out []string
		for _, i := range m.Perm(len(items)) {
			out = append(out, items[i](m)...)
		}
		return out
	}
}

// A maker makes the commands of one round.
type maker struct {
	*rand.Rand
	g      *grammars
	family string // of the command that is made
	users  bool   // most commands are of acl.txt, and nobody waits
	ids    int    // stream entries have IDs up to about this
	next   *unit  // begins the next batch
}

func newMaker(g *grammars, r *rand.Rand) *maker { return &maker{Rand: r, g: g} }

// batch makes the units that are sent at once.
func (m *maker) batch() []unit {
	var units []unit
	client := m.IntN(diffClients)
	if m.next != nil {
		units, m.next = []unit{*m.next}, nil
		if units[0].alone() {
			return units
		}
		client = units[0].client
	}
	for range 1 + m.IntN(diffBatch) {
		u := unit{client: client}
		switch n := m.IntN(48); {
		case n == 0 && !m.users:
			u.waiting, u.commands = m.wait()
		case n > 0 && n < 5:
			u.commands = m.transaction()
		default:
			u.commands = [][]string{m.command()}
		}
		if u.alone() {
			if keys := append(keysAmong(u.waiting, "list"), keysAmong(u.waiting, "zset")...); len(keys) > 0 && m.IntN(2) == 0 {
				// What is not there is waited for. Streams stay, for their groups.
				units = append(units, unit{client: client, commands: [][]string{append([]string{"DEL"}, keys...)}})
			}
			m.next = &u
			break
		}
		units = append(units, u)
	}
	return units
}

// keysAmong are the keys of a family among arguments.
func keysAmong(args []string, family string) []string {
	return slices.DeleteFunc(slices.Clone(args), func(a string) bool { return !strings.HasPrefix(a, family+":") })
}

// serving are the commands that serve most of those who wait.
var serving = []string{"LPUSH", "RPUSH", "LMOVE", "RPOPLPUSH", "ZADD", "ZUNIONSTORE", "XADD"}

// wait makes a command that may block its client, and others that may serve it.
func (m *maker) wait() (waiting []string, commands [][]string) {
	line := m.g.waiting[m.IntN(len(m.g.waiting))]
	m.family = line.family
	waiting = line.make(m)
	if m.IntN(2) == 0 {
		commands = m.transaction()
	}
	for range 1 + m.IntN(4) {
		args := m.commandOf(line.family)
		for m.IntN(4) > 0 && !slices.Contains(serving, args[0]) {
			args = m.commandOf(line.family)
		}
		if !maskOf(args).alone {
			commands = append(commands, args)
		}
	}
	if len(commands) == 0 {
		commands = [][]string{{"UNWATCH"}}
	}
	// Most of these commands had better meet the keys that are waited for.
	wanted := keysAmong(waiting, line.family)
	for _, args := range commands {
		for i, a := range args {
			if strings.HasPrefix(a, line.family+":") && len(wanted) > 0 && m.IntN(4) > 0 {
				args[i] = pickOf(m, wanted...)
			}
		}
	}
	return waiting, commands
}

// transaction makes the commands from MULTI to EXEC. None of them may need a
// batch of its own.
func (m *maker) transaction() [][]string {
	commands := [][]string{{"MULTI"}}
	for range m.IntN(6) {
		if args := m.command(); !maskOf(args).alone {
			commands = append(commands, args)
		}
	}
	end := "EXEC"
	if m.IntN(8) == 0 {
		end = "DISCARD"
	}
	return append(commands, []string{end})
}

// command makes a command, right or spoilt.
func (m *maker) command() []string { return m.commandOf("") }

// commandOf makes one of a family, or of any.
func (m *maker) commandOf(family string) []string {
	for {
		args := m.rightCommand()
		if family != "" && family != m.family {
			continue
		}
		if m.IntN(6) == 0 {
			args = m.spoil(args)
		}
		if m.IntN(16) == 0 {
			i := m.IntN(len(args))
			args[i] = strings.ToLower(args[i])
		}
		if !untestable(args) && !(m.users && m.unfitForUsers(args)) {
			return args
		}
	}
}

func (m *maker) rightCommand() []string {
	if m.users && m.IntN(8) > 0 {
		return m.g.users[m.IntN(len(m.g.users))].make(m)
	}
	return m.dataCommand()
}

// dataCommand makes one that is about keys.
func (m *maker) dataCommand() []string {
	line := m.g.lines[m.IntN(len(m.g.lines))]
	m.family = line.family
	return line.make(m)
}

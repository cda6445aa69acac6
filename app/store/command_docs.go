package store

import (
	_ "embed" // the documentation lies in the program
	"strconv"
	"strings"
	"sync"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// What COMMAND tells beyond the records. It is kept as text in
// command_docs.txt, whose head explains the form. The text is indexed when
// somebody first asks, and a block is parsed each time it is shown: most
// servers are never asked, and none is asked often.

//go:embed command_docs.txt
var commandDocsText string

// commandDocs finds the block of a command by its full name.
var commandDocs = sync.OnceValue(func() map[string]docBlock { return indexDocs(commandDocsText) })

// A docBlock is the text on one command.
type docBlock struct{ group, text string }

// A commandDoc is what a block says.
type commandDoc struct {
	group      string
	since      string
	summary    string
	cost       string
	flags      []string
	deprecated string
	instead    string
	history    []docChange
	tips       []string
	notes      map[int]string // on key specs
	args       []docArg
}

type docChange struct{ version, text string }

// A docArg is an argument of a command, or a group of them.
type docArg struct {
	name       string
	kind       string
	token      string
	hasToken   bool // a token may be the empty string
	flags      docArgFlags
	keySpec    int // -1: none
	since      string
	deprecated string
	args       []docArg
}

type docArgFlags uint8

const (
	argOptional docArgFlags = 1 << iota
	argMultiple
	argMultipleToken
)

// The kinds of arguments. One that names none is a string.
const (
	argString = "string"
	argToken  = "pure-token"
	argOneOf  = "oneof"
	argBlock  = "block"
)

func isArgKind(word string) bool {
	switch word {
	case argToken, argOneOf, argBlock, "integer", "double", "key", "pattern", "unix-time":
		return true
	}
	return false
}

// indexDocs cuts the text into blocks.
func indexDocs(text string) map[string]docBlock {
	index := make(map[string]docBlock)
	group := ""
	for block := range strings.SplitSeq(text, "\n\n") {
		if rest, ok := strings.CutPrefix(block, "== "); ok {
			group = strings.TrimSuffix(rest, "\n")
		} else if !strings.HasPrefix(block, "#") {
			name, _, _ := strings.Cut(block, " ")
			index[name] = docBlock{group, block}
		}
	}
	return index
}

// doc is the documentation of the command; that of one without a block is empty.
func (cmd *command) doc() commandDoc { return parseDoc(commandDocs()[cmd.full]) }

// parseDoc reads a block.
func parseDoc(b docBlock) commandDoc {
	d := commandDoc{group: b.group}
	lines := strings.Split(strings.TrimSuffix(b.text, "\n"), "\n")
	_, d.since, _ = strings.Cut(lines[0], " ")
	for i, line := range lines[1:] {
		if strings.HasPrefix(line, "- ") {
			d.args, _ = parseDocArgs(lines[1+i:], "- ")
			break
		}
		d.setField(line)
	}
	return d
}

// setField takes in one line that is no argument.
func (d *commandDoc) setField(line string) {
	field, text, _ := strings.Cut(line, ": ")
	switch field {
	case "summary":
		d.summary = text
	case "cost":
		d.cost = text
	case "flag":
		d.flags = append(d.flags, text)
	case "deprecated":
		d.deprecated = text
	case "instead":
		d.instead = text
	case "tip":
		d.tips = append(d.tips, text)
	default:
		d.setChangeOrNote(field, text)
	}
}

// setChangeOrNote takes in "7.0.0: text" or "key 1: text".
func (d *commandDoc) setChangeOrNote(field, text string) {
	spec, isNote := strings.CutPrefix(field, "key ")
	if !isNote {
		d.history = append(d.history, docChange{field, text})
		return
	}
	if d.notes == nil {
		d.notes = make(map[int]string)
	}
	if i, err := strconv.Atoi(spec); err == nil {
		d.notes[i] = text
	}
}

// parseDocArgs reads the arguments that begin with indent, with what is
// indented deeper behind them, and returns the lines that are left.
func parseDocArgs(lines []string, indent string) ([]docArg, []string) {
	var args []docArg
	for len(lines) > 0 {
		text, ok := strings.CutPrefix(lines[0], indent)
		if !ok {
			break
		}
		a := parseDocArg(text)
		a.args, lines = parseDocArgs(lines[1:], "  "+indent)
		args = append(args, a)
	}
	return args, lines
}

// parseDocArg reads one line: [token] [name] [kind] and flags.
func parseDocArg(line string) docArg {
	a := docArg{kind: argString, keySpec: -1}
	words := strings.Fields(line)
	if w := words[0]; strings.ToUpper(w) == w {
		a.token, a.hasToken = strings.Trim(w, "'"), true
		words = words[1:]
	}
	if len(words) == 0 || strings.ToUpper(words[0]) == words[0] {
		a.name, a.kind = strings.ToLower(a.token), argToken
	} else {
		a.name, words = words[0], words[1:]
	}
	for _, w := range words {
		switch {
		case isArgKind(w):
			a.kind = w
		case w == "?":
			a.flags |= argOptional
		case w == "*":
			a.flags |= argMultiple
		case w == "**":
			a.flags |= argMultiple | argMultipleToken
		case w[0] == '#':
			a.keySpec = int(w[1] - '0')
		case w[0] == '@':
			a.since = w[1:]
		case w[0] == '!':
			a.deprecated = w[1:]
		}
	}
	return a
}

// A docMap is a map being written whose fields are counted on the way.
type docMap struct {
	w      *resp.Writer
	at     int
	fields int
}

func newDocMap(w *resp.Writer) docMap { return docMap{w: w, at: w.Len()} }

// field writes the name of a field; its value follows.
func (m *docMap) field(name string) {
	m.fields++
	m.w.Bulk(name)
}

// text writes a field unless it is empty.
func (m *docMap) text(name, text string) {
	if text != "" {
		m.field(name)
		m.w.Bulk(text)
	}
}

// statuses writes a field of words unless there are none.
func (m *docMap) statuses(name string, words []string) {
	if len(words) > 0 {
		m.field(name)
		replyStatuses(m.w, words)
	}
}

func (m *docMap) end() { m.w.MapAt(m.at, m.fields) }

// replyCommandDoc writes what COMMAND DOCS shows of a command.
func replyCommandDoc(w *resp.Writer, cmd *command) {
	d := cmd.doc()
	m := newDocMap(w)
	m.text("summary", d.summary)
	m.text("since", d.since)
	m.text("group", d.group)
	m.text("complexity", d.cost)
	m.statuses("doc_flags", d.flags)
	m.text("deprecated_since", d.deprecated)
	m.text("replaced_by", d.instead)
	if len(d.history) > 0 {
		m.field("history")
		w.Set(len(d.history))
		for _, change := range d.history {
			w.Array(2)
			w.Bulk(change.version)
			w.Bulk(change.text)
		}
	}
	if len(d.args) > 0 {
		m.field("arguments")
		replyDocArgs(w, d.args)
	}
	if cmd.subs != nil {
		m.field("subcommands")
		w.Map(len(cmd.subs))
		for i := range cmd.subs {
			w.Bulk(cmd.subs[i].full)
			replyCommandDoc(w, &cmd.subs[i])
		}
	}
	m.end()
}

func replyDocArgs(w *resp.Writer, args []docArg) {
	w.Array(len(args))
	for i := range args {
		replyDocArg(w, &args[i])
	}
}

func replyDocArg(w *resp.Writer, a *docArg) {
	m := newDocMap(w)
	m.text("name", a.name)
	m.text("type", a.kind)
	if a.keySpec >= 0 {
		m.field("key_spec_index")
		w.Int(int64(a.keySpec))
	}
	if a.hasToken {
		m.field("token")
		w.Bulk(a.token)
	}
	m.text("since", a.since)
	m.text("deprecated_since", a.deprecated)
	m.statuses("flags", namesOf(a.flags, docArgFlagNames))
	if a.kind == argOneOf || a.kind == argBlock {
		m.field("arguments")
		replyDocArgs(w, a.args)
	}
	m.end()
}

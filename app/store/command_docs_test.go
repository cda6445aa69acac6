package store

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// TestDocsRoundTrip wants every block to be what the parser made of it, so that
// nothing in the file is overlooked.
func TestDocsRoundTrip(t *testing.T) {
	for name, block := range commandDocs() {
		text := strings.TrimSuffix(block.text, "\n")
		doc := parseDoc(block)
		if got := doc.text(name); got != text {
			t.Errorf("%s is read as\n%s\nand is\n%s", name, got, text)
		}
	}
}

// text writes the documentation as a block.
func (d *commandDoc) text(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\nsummary: %s", name, d.since, d.summary)
	line := func(field, text string) {
		if text != "" {
			fmt.Fprintf(&b, "\n%s: %s", field, text)
		}
	}
	line("cost", d.cost)
	for _, flag := range d.flags {
		line("flag", flag)
	}
	line("deprecated", d.deprecated)
	line("instead", d.instead)
	for _, change := range d.history {
		line(change.version, change.text)
	}
	for _, tip := range d.tips {
		line("tip", tip)
	}
	for _, i := range slices.Sorted(maps.Keys(d.notes)) {
		line(fmt.Sprintf("key %d", i), d.notes[i])
	}
	for i := range d.args {
		d.args[i].write(&b, "\n- ")
	}
	return b.String()
}

func (a *docArg) write(b *strings.Builder, indent string) {
	var words []string
	add := func(given bool, word string) {
		if given {
			words = append(words, word)
		}
	}
	token := a.token
	if token == "" {
		token = "''"
	}
	alone := a.kind == argToken && a.name == strings.ToLower(a.token)
	add(a.hasToken, token)
	add(!alone, a.name)
	add(!alone && a.kind != argString, a.kind)
	add(a.flags&argOptional != 0, "?")
	add(a.flags&(argMultiple|argMultipleToken) == argMultiple, "*")
	add(a.flags&argMultipleToken != 0, "**")
	add(a.keySpec >= 0, fmt.Sprintf("#%d", a.keySpec))
	add(a.since != "", "@"+a.since)
	add(a.deprecated != "", "!"+a.deprecated)
	b.WriteString(indent + strings.Join(words, " "))
	for i := range a.args {
		a.args[i].write(b, strings.Replace(indent, "- ", "  - ", 1))
	}
}

// TestDocsFit wants a block for every command of Redis 7.0.15 and for every newer
// one of ours, and the key specs that arguments and notes name to exist.
func TestDocsFit(t *testing.T) {
	facts := readFacts(t)
	newer := readNewerFacts(t)
	newCommandTable().each(func(cmd *command) {
		if fact := newer[cmd.full]; fact != nil {
			facts[cmd.full] = fact
		}
	})
	docs := commandDocs()
	for name := range facts {
		if _, ok := docs[name]; !ok {
			t.Errorf("%s is not documented", name)
		}
	}
	for name, block := range docs {
		fact := facts[name]
		if fact == nil {
			t.Errorf("Redis 7.0.15 has no command %s", name)
			continue
		}
		doc := parseDoc(block)
		if doc.summary == "" {
			t.Errorf("%s has no summary", name)
		}
		for i := range doc.notes {
			if i >= len(fact.keys) {
				t.Errorf("%s has a note on key spec %d of %d", name, i, len(fact.keys))
			}
		}
		checkDocArgs(t, name, doc.args, len(fact.keys))
	}
}

func checkDocArgs(t *testing.T, name string, args []docArg, specs int) {
	for _, a := range args {
		if a.keySpec >= specs {
			t.Errorf("%s: argument %s is of key spec %d of %d", name, a.name, a.keySpec, specs)
		}
		if group := a.kind == argOneOf || a.kind == argBlock; group != (a.args != nil) {
			t.Errorf("%s: argument %s is a %s and has %d arguments inside", name, a.name, a.kind, len(a.args))
		}
		checkDocArgs(t, name, a.args, specs)
	}
}

const docsFactsFile = "../../tests/testdata/command_docs_7_0_15.txt"

// TestDocsFacts holds COMMAND DOCS and the tips and notes of COMMAND INFO
// against those of a real redis-server, for all commands it has, whether this
// server has them or not. GOLDEN=1 records the file anew. Of prose only its
// being there counts.
func TestDocsFacts(t *testing.T) {
	if os.Getenv("GOLDEN") != "" {
		r := startRedis(t)
		r.do(t, "HELLO", "3")
		text := docsFacts(r.do(t, "COMMAND", "DOCS"), r.do(t, "COMMAND"))
		if err := os.WriteFile(docsFactsFile, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(docsFactsFile)
	if err != nil {
		t.Fatal(err)
	}
	got := docsFacts(ourDocs(t, readFacts(t)))
	if got == string(want) {
		return
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			t.Fatalf("line %d: documented as\n%s\nwant\n%s", i+1, gotLines[i], wantLines[i])
		}
	}
	t.Fatalf("%d lines, want %d", len(gotLines), len(wantLines))
}

// ourDocs are our answers to COMMAND DOCS and COMMAND INFO in the third version
// of the protocol, of a table with every command that Redis has.
func ourDocs(t *testing.T, facts map[string]*factRow) (docs, info resp.Value) {
	cmds := factCommands(facts)
	answer := func(reply func(w *resp.Writer)) resp.Value {
		w := resp.Writer{Proto: 3}
		reply(&w)
		v, err := resp.ReadValue(bufio.NewReader(bytes.NewReader(w.Buf)))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	docs = answer(func(w *resp.Writer) {
		w.Map(len(cmds))
		for name, cmd := range cmds {
			w.Bulk(name)
			replyCommandDoc(w, cmd)
		}
	})
	info = answer(func(w *resp.Writer) {
		w.Array(len(cmds))
		for _, cmd := range cmds {
			replyCommandInfo(w, cmd)
		}
	})
	return docs, info
}

// docsFacts prints answers in the third version of the protocol: a paragraph
// for each command, in order.
func docsFacts(docs, info resp.Value) string {
	paragraphs := make(map[string]string)
	addDocs(paragraphs, docs)
	addInfo(paragraphs, info)
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(paragraphs)) {
		b.WriteString(name + paragraphs[name] + "\n")
	}
	return b.String()
}

// addDocs begins the paragraph of each command of a map by name.
func addDocs(paragraphs map[string]string, docs resp.Value) {
	for i := 0; i < len(docs.Elems); i += 2 {
		var b, args strings.Builder
		for field, v := range fieldsOf(docs.Elems[i+1]) {
			switch field {
			case "summary", "complexity":
				b.WriteString(" " + field)
			case "history":
				for _, change := range v.Elems {
					b.WriteString(" changed=" + change.Elems[0].Str)
				}
			case "arguments":
				writeArgFacts(&args, v, "\n  ")
			case "subcommands":
				b.WriteString(" subcommands")
				addDocs(paragraphs, v)
			default:
				b.WriteString(" " + field + "=" + wordsOf(v))
			}
		}
		paragraphs[docs.Elems[i].Str] = b.String() + args.String()
	}
}

func writeArgFacts(b *strings.Builder, args resp.Value, indent string) {
	for _, arg := range args.Elems {
		b.WriteString(indent)
		for field, v := range fieldsOf(arg) {
			if field == "arguments" {
				writeArgFacts(b, v, indent+"  ")
			} else {
				b.WriteString(" " + field + "=" + wordsOf(v))
			}
		}
	}
}

// addInfo ends the paragraph of each command with what only COMMAND INFO tells.
func addInfo(paragraphs map[string]string, info resp.Value) {
	for _, cmd := range info.Elems {
		var b strings.Builder
		if tips := cmd.Elems[7]; len(tips.Elems) > 0 {
			fmt.Fprintf(&b, "\n tips %s", wordsOf(tips))
		}
		for _, spec := range cmd.Elems[8].Elems {
			fmt.Fprintf(&b, "\n key spec %s", wordsOf(spec))
		}
		paragraphs[cmd.Elems[0].Str] += b.String()
		addInfo(paragraphs, cmd.Elems[9])
	}
}

// fieldsOf yields the fields of a map in their order.
func fieldsOf(m resp.Value) func(yield func(string, resp.Value) bool) {
	return func(yield func(string, resp.Value) bool) {
		for i := 0; i+1 < len(m.Elems); i += 2 {
			if !yield(m.Elems[i].Str, m.Elems[i+1]) {
				return
			}
		}
	}
}

// wordsOf prints a value on one line, without the text of notes.
func wordsOf(v resp.Value) string {
	switch v.Kind {
	case ':':
		return formatInt(v.Int)
	case '*', '~', '%':
		var words []string
		for i, e := range v.Elems {
			if v.Kind == '%' && i%2 == 1 && v.Elems[i-1].Str == "notes" {
				continue
			}
			words = append(words, wordsOf(e))
		}
		return string(v.Kind) + "(" + strings.Join(words, " ") + ")"
	}
	return v.Str
}

// A realRedis is a redis-server that records answers.
type realRedis struct {
	conn net.Conn
	in   *bufio.Reader
}

// startRedis runs a redis-server until the test is over.
func startRedis(t *testing.T) *realRedis {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "redis.sock")
	cmd := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", filepath.Dir(socket))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	giveUp := time.After(10 * time.Second)
	for {
		select {
		case <-retry.C:
			if conn, err := net.Dial("unix", socket); err == nil {
				t.Cleanup(func() { conn.Close() })
				return &realRedis{conn, bufio.NewReader(conn)}
			}
		case <-giveUp:
			t.Fatal("redis-server does not listen")
		}
	}
}

// do sends a command and reads its answer.
func (r *realRedis) do(t *testing.T, args ...string) resp.Value {
	t.Helper()
	if _, err := r.conn.Write(resp.AppendCommand(nil, args...)); err != nil {
		t.Fatal(err)
	}
	v, err := resp.ReadValue(r.in)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

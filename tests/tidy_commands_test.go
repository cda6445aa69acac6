package tests

import (
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A commandRecord is an entry of the server's command tables, as its source has it.
type commandRecord struct {
	family  string // of app/store/cmd_FAMILY.go
	name    string // lower case
	handler string // name of the method, "" for a container without one
	parent  string
	subs    []commandRecord
	file    *goFile
}

// commandRecords finds the package-level variables of type command and
// []command in package store.
func commandRecords(files []*goFile) []commandRecord {
	var records []commandRecord
	for _, f := range files {
		if f.pkg != "app/store" || f.test {
			continue
		}
		for _, d := range f.syntax.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range gen.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && len(v.Values) == 1 && v.Names[0].Name != "unservedCommands" {
					records = append(records, recordsOf(f, v.Values[0])...)
				}
			}
		}
	}
	return records
}

// recordsOf returns the records of command{…} or []command{…}.
func recordsOf(f *goFile, value ast.Expr) []commandRecord {
	lit, ok := value.(*ast.CompositeLit)
	if !ok {
		return nil
	}
	switch typ := lit.Type.(type) {
	case *ast.Ident:
		if typ.Name == "command" {
			return []commandRecord{recordOf(f, lit, "")}
		}
	case *ast.ArrayType:
		if elem, ok := typ.Elt.(*ast.Ident); ok && elem.Name == "command" {
			return elementsOf(f, lit, "")
		}
	}
	return nil
}

func elementsOf(f *goFile, list *ast.CompositeLit, parent string) []commandRecord {
	var out []commandRecord
	for _, e := range list.Elts {
		if lit, ok := e.(*ast.CompositeLit); ok {
			out = append(out, recordOf(f, lit, parent))
		}
	}
	return out
}

func recordOf(f *goFile, lit *ast.CompositeLit, parent string) commandRecord {
	base := strings.TrimSuffix(filepath.Base(f.path), ".go")
	rec := commandRecord{family: strings.TrimPrefix(base, "cmd_"), parent: parent, file: f}
	for _, e := range lit.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, ok := kv.Key.(*ast.Ident)
		if !ok {
			continue
		}
		switch value := kv.Value.(type) {
		case *ast.BasicLit:
			if key.Name == "name" {
				if name, err := strconv.Unquote(value.Value); err == nil {
					rec.name = name
				}
			}
		case *ast.SelectorExpr:
			if key.Name == "run" {
				rec.handler = value.Sel.Name
			}
		case *ast.CompositeLit:
			if key.Name == "subs" {
				rec.subs = elementsOf(f, value, rec.name)
			}
		}
	}
	return rec
}

// flatten lists records and their subcommands.
func flatten(records []commandRecord) []commandRecord {
	var out []commandRecord
	for _, r := range records {
		out = append(append(out, r), flatten(r.subs)...)
	}
	return out
}

// words is how a client writes the command.
func (r commandRecord) words() string {
	return strings.ToUpper(strings.TrimSpace(r.parent + " " + r.name))
}

// checkHandlers holds that a handler is called after its command, or, when
// several commands share it, has a name without cmd; and that the records of
// a table stand in order.
func checkHandlers(records []commandRecord) []finding {
	var found []finding
	named := map[string]bool{} // handlers that a record of their name uses
	for _, r := range flatten(records) {
		if handlerPattern(r).MatchString(r.handler) {
			named[r.handler] = true
		}
	}
	for _, r := range flatten(records) {
		if strings.HasPrefix(r.handler, "cmd") && !named[r.handler] {
			found = append(found, finding{"handler-name", r.file.path + ":" + r.handler, "serves " + r.words()})
		}
		if !slices.IsSortedFunc(r.subs, func(a, b commandRecord) int { return strings.Compare(a.name, b.name) }) {
			found = append(found, finding{"record-order", r.file.path + ":" + r.name, "subcommands are sorted by name"})
		}
	}
	return found
}

// handlerPattern is cmd and the name with one capital, for each word of it.
func handlerPattern(r commandRecord) *regexp.Regexp {
	var b strings.Builder
	b.WriteString("^cmd")
	for _, word := range []string{r.parent, r.name} {
		for i, part := range strings.FieldsFunc(word, func(c rune) bool { return c == '-' || c == '_' }) {
			first, rest := part[:1], part[1:]
			if i == 0 {
				b.WriteString(strings.ToUpper(first) + rest)
			} else {
				fmt.Fprintf(&b, "[%s%s]%s", first, strings.ToUpper(first), rest)
			}
		}
	}
	return regexp.MustCompile(b.String() + "$")
}

// TestEveryCommandHasScript holds that each command occurs in some golden script,
// or, when it is newer than the redis-server that records these, in a test of the
// package with the commands.
func TestEveryCommandHasScript(t *testing.T) {
	seen := map[string]bool{}
	for _, sc := range readScripts(t) {
		for _, st := range sc.steps() {
			args := strings.Fields(strings.ToUpper(st.command))
			if len(args) > 0 {
				seen[args[0]] = true
			}
			if len(args) > 1 {
				seen[args[0]+" "+args[1]] = true
			}
		}
	}
	newer := newerCommands(t)
	tests := wordsOfTests(t, "../app/store")
	for _, r := range flatten(commandRecords(goFiles(t))) {
		switch words := r.words(); {
		case seen[words]:
		case !newer[words]:
			t.Errorf("%s is in no script of %s", words, scriptsDir)
		case !tests[words]:
			t.Errorf("%s, which redis-server does not know yet, is in no test of app/store", words)
		}
	}
}

// newerCommands are those that the redis-server of the scripts does not know.
func newerCommands(t *testing.T) map[string]bool {
	text, err := os.ReadFile("testdata/commands.tsv")
	if err != nil {
		t.Fatal(err)
	}
	newer := map[string]bool{}
	header, rows, _ := strings.Cut(string(text), "\n")
	column := slices.Index(strings.Split(header, "\t"), "first_seen_in")
	for row := range strings.Lines(rows) {
		if cells := strings.Split(row, "\t"); cells[column] != "7.0" {
			newer[strings.ReplaceAll(cells[0], "|", " ")] = true
		}
	}
	return newer
}

// wordsOfTests are the words in the tests of a package.
func wordsOfTests(t *testing.T, dir string) map[string]bool {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]bool{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for word := range strings.FieldsFuncSeq(string(text), func(r rune) bool { return r < '0' || r > 'z' }) {
			words[word] = true
		}
	}
	return words
}

const (
	listBegin = "<!-- commands -->\n"
	listEnd   = "<!-- /commands -->\n"
)

// TestReadmeCommands holds that README lists exactly the commands of the
// tables; with UPDATE_README set it writes the list.
func TestReadmeCommands(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), listBegin)
	got, after, ok2 := strings.Cut(rest, listEnd)
	if !ok1 || !ok2 {
		t.Fatalf("README.md has no %s and %s", strings.TrimSpace(listBegin), strings.TrimSpace(listEnd))
	}
	want := commandList(commandRecords(goFiles(t)))
	if got == want {
		return
	}
	if os.Getenv("UPDATE_README") == "" {
		t.Fatal("the command list of README.md is not that of the tables; make readme writes it")
	}
	if err := os.WriteFile("../README.md", []byte(before+listBegin+want+listEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// commandList is a table with a row for each family.
func commandList(records []commandRecord) string {
	rows := map[string][]string{}
	for _, r := range records {
		entry := r.words()
		if len(r.subs) > 0 {
			var subs []string
			for _, s := range r.subs {
				subs = append(subs, strings.ToUpper(s.name))
			}
			slices.Sort(subs)
			entry += " (" + strings.Join(subs, ", ") + ")"
		}
		rows[r.family] = append(rows[r.family], entry)
	}
	var families []string
	for family := range rows {
		families = append(families, family)
	}
	slices.Sort(families)
	var b strings.Builder
	b.WriteString("| family | commands |\n| --- | --- |\n")
	for _, family := range families {
		slices.Sort(rows[family])
		fmt.Fprintf(&b, "| %s | %s |\n", family, strings.Join(rows[family], ", "))
	}
	return b.String()
}

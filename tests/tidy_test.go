package tests

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// The style that can be counted. What breaks a rule for a good reason stands
// in testdata/tidy_exceptions.txt; that list only shrinks, because an entry
// that is no longer needed fails the test as well.

const (
	functionLinesMax = 70
	fileLinesMax     = 800
	module           = "github.com/codecrafters-io/redis-starter-go/"
)

// imports says which packages of the module each package may import. A
// package that is not listed here may import none.
var imports = map[string][]string{
	"":          {"app/store", "app/resp"},
	"app/store": {"app/resp", "app/rdb", "app/aof", "app/dict", "app/ttl", "app/tree", "app/arena", "app/listpack", "app/intset", "app/glob", "app/geohash", "app/config", "app/tlsconf", "app/lua"},
	"app/dict":  {"app/arena"},
	"app/tree":  {"app/arena"},
	"app/ttl":   {"app/arena"},
	"app/rdb":   {"app/listpack"},
	"app/aof":   {"app/listpack", "app/resp"},
	"tests":     {"app/resp"},
}

// seesInput are the packages that handle what clients and files say: nothing
// there may make the server panic.
var seesInput = []string{"", "app/store", "app/resp", "app/glob", "app/config", "app/rdb", "app/aof", "app/listpack", "app/intset", "app/geohash", "app/lua", "app/tlsconf"}

// A goFile is one parsed source file of the module.
type goFile struct {
	path   string // from the top, with slashes
	pkg    string // its folder, "" for the top
	test   bool
	lines  int
	syntax *ast.File
	fset   *token.FileSet
}

func (f *goFile) line(p token.Pos) int { return f.fset.Position(p).Line }

// A finding is one breach of a rule. Its key is what an exception names.
type finding struct{ rule, where, detail string }

func (f finding) key() string { return f.rule + " " + f.where }

// projectFiles calls visit for every file of the project with its path from
// the top. What tests download or build is left out.
func projectFiles(t testing.TB, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel("..", path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel == ".git" || rel == "tests/tmp" || d.Name() == "node_modules" || d.Name() == "__pycache__" {
				return filepath.SkipDir
			}
			return nil
		}
		if rel != ".git" { // a file in a second work tree
			visit(rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// goFiles parses the Go files of the root module.
func goFiles(t testing.TB) []*goFile {
	t.Helper()
	var files []*goFile
	projectFiles(t, func(path string) {
		if !strings.HasSuffix(path, ".go") || strings.HasPrefix(path, "tests/clients/") {
			return
		}
		text, err := os.ReadFile(filepath.Join("..", path))
		if err != nil {
			t.Fatal(err)
		}
		f := &goFile{path: path, pkg: filepath.ToSlash(filepath.Dir(path)), fset: token.NewFileSet()}
		if f.pkg == "." {
			f.pkg = ""
		}
		f.test = strings.HasSuffix(path, "_test.go")
		f.lines = bytes.Count(text, []byte("\n"))
		if f.syntax, err = parser.ParseFile(f.fset, path, text, parser.ParseComments|parser.SkipObjectResolution); err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	})
	return files
}

// readExceptions returns the keys of the exception list, each with its reason.
func readExceptions(t testing.TB) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/tidy_exceptions.txt")
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.SplitN(line, " ", 3)
		if len(f) < 3 {
			t.Fatalf("tidy_exceptions.txt: no reason in %q", line)
		}
		list[f[0]+" "+f[1]] = f[2]
	}
	return list
}

func TestTidy(t *testing.T) {
	files := goFiles(t)
	var found []finding
	for _, f := range files {
		found = append(found, checkImports(f)...)
		found = append(found, checkSizes(f)...)
		found = append(found, checkCalls(f)...)
	}
	found = append(found, checkHandlers(commandRecords(files))...)
	found = append(found, checkModule(t)...)
	found = append(found, checkWords(t)...)

	exceptions := readExceptions(t)
	used := map[string]bool{}
	for _, f := range found {
		if exceptions[f.key()] == "" {
			t.Errorf("%s: %s: %s", f.where, f.rule, f.detail)
		}
		used[f.key()] = true
	}
	for key := range exceptions {
		if !used[key] {
			t.Errorf("tidy_exceptions.txt: %q is not needed any more", key)
		}
	}
}

// checkImports holds the one-way arrows between the packages.
func checkImports(f *goFile) []finding {
	var found []finding
	for _, spec := range f.syntax.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		if rest, ok := strings.CutPrefix(path, module); ok {
			own := rest == f.pkg && f.test // an external test package imports its own
			if !own && !slices.Contains(imports[f.pkg], rest) {
				found = append(found, finding{"import", f.path, "may not import " + rest})
			}
			continue
		}
		if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
			found = append(found, finding{"import", f.path, path + " is not of the standard library"})
		}
	}
	return found
}

// checkSizes holds the lengths of files and functions.
func checkSizes(f *goFile) []finding {
	var found []finding
	if f.lines > fileLinesMax {
		found = append(found, finding{"file-length", f.path, fmt.Sprintf("%d lines; split it by subject", f.lines)})
	}
	for _, d := range f.syntax.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		if n := countedLines(f, fn); n > functionLinesMax {
			found = append(found, finding{"function-length", f.path + ":" + fn.Name.Name, fmt.Sprintf("%d lines", n)})
		}
	}
	return found
}

// countedLines is the length of a function, except that one switch which is
// most of it does not count, nor do the tables of a test.
func countedLines(f *goFile, fn *ast.FuncDecl) int {
	lines := f.line(fn.End()) - f.line(fn.Pos()) + 1
	length := func(n ast.Node) int { return f.line(n.End()) - f.line(n.Pos()) - 1 }
	for _, st := range fn.Body.List {
		switch st.(type) {
		case *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
			if length(st)*10 >= lines*7 {
				return lines - length(st)
			}
		}
	}
	if f.test {
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			table, ok := n.(*ast.CompositeLit)
			if ok && length(table) > 0 {
				lines -= length(table)
			}
			return !ok
		})
	}
	return lines
}

// checkCalls looks for what nobody may call, and for init.
func checkCalls(f *goFile) []finding {
	var found []finding
	var fn string
	report := func(rule, detail string) {
		found = append(found, finding{rule, f.path + ":" + fn, detail})
	}
	fakeTime := slices.ContainsFunc(f.syntax.Imports, func(s *ast.ImportSpec) bool { return s.Path.Value == `"testing/synctest"` })
	tool := strings.HasPrefix(f.path, "tests/bench/")
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			fn = n.Name.Name
			if fn == "init" && n.Recv == nil {
				report("init", "nothing happens by being linked in")
			}
		case *ast.CallExpr:
			name := calledName(n)
			switch {
			case strings.HasPrefix(name, "fmt.Print") && !f.test && !tool, name == "println", name == "print":
				report("print", "what a server says goes to its log")
			case name == "time.Sleep" && f.test && !fakeTime:
				report("sleep", "wait for a condition")
			case name == "panic" && !f.test && slices.Contains(seesInput, f.pkg):
				report("panic", "what comes from outside must never end the server")
			}
		}
		return true
	})
	return found
}

// calledName is the name of what is called: f or pkg.F.
func calledName(call *ast.CallExpr) string {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		return fun.Name
	case *ast.SelectorExpr:
		if x, ok := fun.X.(*ast.Ident); ok {
			return x.Name + "." + fun.Sel.Name
		}
	}
	return ""
}

// checkModule holds that the module needs nothing but Go.
func checkModule(t testing.TB) []finding {
	t.Helper()
	text, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte("require")) {
		return []finding{{"require", "go.mod", "the standard library is all there is"}}
	}
	return nil
}

// machinePaths matches folders of one machine, which mean nothing elsewhere.
var machinePaths = regexp.MustCompile(`(^|[^\w.])/(` + `work|root|home` + `)/\w`)

// checkWords looks for what has no place in any file of the project.
func checkWords(t testing.TB) []finding {
	t.Helper()
	var found []finding
	projectFiles(t, func(path string) {
		text, err := os.ReadFile(filepath.Join("..", path))
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(text) || strings.Contains(path, "testdata/fuzz/") {
			return
		}
		if m := machinePaths.Find(text); m != nil {
			found = append(found, finding{"path", path, fmt.Sprintf("%q is a path of one machine", m)})
		}
	})
	return found
}

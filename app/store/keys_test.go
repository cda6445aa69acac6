package store

import (
	"os"
	"strings"
	"testing"
)

const getKeysFile = "../../tests/testdata/getkeys_7_0_15.txt"

// keyRules are the rules of commands whose specs do not tell all keys, under
// the names of commands.
var keyRules = map[string]keyFinder{
	"bitfield": bitfieldKeys,
	"migrate":  migrateKeys,
	"set":      setKeys,
	"sort":     sortKeys,
	"sort_ro":  sortROKeys,
}

// TestGetKeys finds the keys of the commands in a file and compares them, and
// what becomes of them, with the answers of a real redis-server that stand
// there. GOLDEN=1 records the answers anew. A command that the server does not
// have yet is taken as commands.tsv and keyRules describe it.
func TestGetKeys(t *testing.T) {
	text, err := os.ReadFile(getKeysFile)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("GOLDEN") != "" {
		text = recordKeys(t, string(text))
		if err := os.WriteFile(getKeysFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kv := newChecked(t)
	kv.commands = tableOfFacts(t, kv.commands)
	want := ""
	var words []string
	check := func() {
		refs, err := kv.keysOf(words)
		if got := showKeys(words, refs, err); got != want {
			t.Errorf("the keys of %q are %q, want %q", words, got, want)
		}
		words, want = nil, ""
	}
	for line := range strings.Lines(string(text)) {
		if command, ok := strings.CutPrefix(line, "> "); ok {
			if words != nil {
				check()
			}
			words = commandWords(command)
		} else if words != nil && line != "\n" {
			want += line
		} else if words != nil {
			check()
		}
	}
	if words != nil {
		check()
	}
}

// commandWords are the words of a line; "" is the empty one.
func commandWords(line string) []string {
	words := strings.Fields(line)
	for i, w := range words {
		if w == `""` {
			words[i] = ""
		}
	}
	return words
}

// recordKeys replaces the answers in text by those of a redis-server.
func recordKeys(t *testing.T, text string) []byte {
	r := startRedis(t)
	var b strings.Builder
	answer := false
	for line := range strings.Lines(text) {
		command, ok := strings.CutPrefix(line, "> ")
		if !ok {
			if answer && line != "\n" {
				continue
			}
			answer = false
			b.WriteString(line)
			continue
		}
		answer = true
		b.WriteString(line)
		reply := r.do(t, append([]string{"COMMAND", "GETKEYSANDFLAGS"}, commandWords(command)...)...)
		if reply.Err() != nil {
			b.WriteString(reply.Str + "\n")
			continue
		}
		for _, key := range reply.Elems {
			b.WriteString(keyLine(key.Elems[0].Str))
			for _, flag := range key.Elems[1].Elems {
				b.WriteString(" " + flag.Str)
			}
			b.WriteString("\n")
		}
	}
	return []byte(b.String())
}

func keyLine(key string) string {
	if key == "" {
		return `""`
	}
	return key
}

// showKeys prints what was found among words, a line for each key.
func showKeys(words []string, refs []keyRef, err error) string {
	if err != nil {
		return err.Error() + "\n"
	}
	var b strings.Builder
	for _, ref := range refs {
		b.WriteString(keyLine(words[ref.index]))
		for _, flag := range namesOf(ref.flags, keyFlagNames) {
			b.WriteString(" " + flag)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// tableOfFacts is a table with the server's own commands and, made of facts,
// all others that Redis has.
func tableOfFacts(t testing.TB, own *commandTable) *commandTable {
	table := &commandTable{byName: make(map[string]*command)}
	for name, cmd := range factCommands(readFacts(t)) {
		cmd.getKeys = keyRules[name]
		if ours := own.byName[name]; ours != nil && ours.subs == nil {
			cmd = ours
		}
		table.byName[name] = cmd
	}
	table.index()
	return table
}

// FuzzGetKeys wants keys that are found to be arguments, whatever these are.
func FuzzGetKeys(f *testing.F) {
	text, err := os.ReadFile(getKeysFile)
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if command, ok := strings.CutPrefix(line, "> "); ok {
			f.Add(strings.TrimSpace(command))
		}
	}
	kv := newChecked(f)
	kv.commands = tableOfFacts(f, kv.commands)
	f.Fuzz(func(t *testing.T, line string) {
		words := commandWords(line)
		if len(words) < 1 || len(words) > 100 {
			return
		}
		refs, err := kv.keysOf(words)
		if err != nil {
			return
		}
		if len(refs) > 3*len(words) {
			t.Fatalf("%d keys among %d words", len(refs), len(words))
		}
		for _, ref := range refs {
			if ref.index < 1 || ref.index >= len(words) {
				t.Fatalf("key %d of %d words", ref.index, len(words))
			}
		}
	})
}

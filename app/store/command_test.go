package store

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A factRow is a line of commands.tsv: what Redis is known to hold of one
// command, as a record would say it.
type factRow struct {
	command
	all   aclCategory // explicit categories and implied ones
	group string
	since string
	span  [3]int // first key, last key, step
}

// hiddenFlags are those that COMMAND INFO does not show.
const hiddenFlags = mayReplicate | protected

// readFacts reads the commands that Redis 7.0.15 has, by full name.
func readFacts(t testing.TB) map[string]*factRow {
	t.Helper()
	return readFactsOf(t, false)
}

// readNewerFacts reads the commands that later versions of Redis have added, as
// their descriptions say.
func readNewerFacts(t testing.TB) map[string]*factRow {
	t.Helper()
	return readFactsOf(t, true)
}

func readFactsOf(t testing.TB, newer bool) map[string]*factRow {
	t.Helper()
	text, err := os.ReadFile("../../tests/testdata/commands.tsv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	header := strings.Split(lines[0], "\t")
	facts := make(map[string]*factRow)
	for n, line := range lines[1:] {
		row := make(map[string]string)
		for i, cell := range strings.Split(line, "\t") {
			row[header[i]] = cell
		}
		if !newer {
			row["arity"], row["flags_shown"] = row["wire_arity_7_0_15"], row["wire_flags_7_0_15"]
		} else if row["flags_shown"] = row["flags"]; row["first_seen_in"] == "7.0" || row["scope"] == "sentinel-only" {
			continue
		}
		if arity := row["arity"]; arity == "-" || arity == "" {
			continue // not a command of that version, or one of its sentinel
		}
		fact, err := parseFact(row)
		if err != nil {
			t.Fatalf("commands.tsv, line %d: %v", n+2, err)
		}
		facts[fact.full] = fact
	}
	return facts
}

// factCommands are the facts as records, those of subcommands inside their
// containers'.
func factCommands(facts map[string]*factRow) map[string]*command {
	cmds := make(map[string]*command)
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		fact := facts[name]
		if container, _, isSub := strings.Cut(name, "|"); isSub {
			parent := cmds[container]
			parent.subs = append(parent.subs, fact.command)
		} else {
			cmds[name] = &fact.command
		}
	}
	for _, cmd := range cmds {
		cmd.complete(nil)
	}
	return cmds
}

func parseFact(row map[string]string) (*factRow, error) {
	f := &factRow{group: strings.ReplaceAll(row["group"], "_", "-"), since: row["since"]}
	f.full = strings.ToLower(row["name"])
	_, f.name, _ = strings.Cut(f.full, "|")
	if f.name == "" {
		f.name = f.full
	}
	if f.full == "client|pause" {
		f.since = "2.9.50" // what the live server says
	}
	var err error
	if f.arity, err = strconv.Atoi(row["arity"]); err != nil {
		return nil, err
	}
	for i, column := range []string{"first_key", "last_key", "step"} {
		if f.span[i], err = strconv.Atoi(row[column]); err != nil {
			return nil, err
		}
	}
	for word := range splitWords(row["flags_shown"]) {
		if word == "sentinel" {
			continue // where the command is, not what it is
		}
		if f.flags, err = withFlag(f.flags, cmdFlagNames, word); err != nil {
			return nil, err
		}
	}
	f.flags |= hiddenFlagsOf(row["flags"])
	for word := range splitWords(row["acl_categories"]) {
		f.all |= aclCategoryNamed(word)
	}
	f.cats = f.all
	f.keys, err = parseKeySpecs(row["key_specs"])
	return f, err
}

// splitWords yields the words of a cell; "-" is an empty one.
func splitWords(cell string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for word := range strings.SplitSeq(cell, ",") {
			if word != "" && word != "-" && !yield(word) {
				return
			}
		}
	}
}

func hiddenFlagsOf(cell string) cmdFlags {
	var flags cmdFlags
	for word := range splitWords(cell) {
		switch word {
		case "may_replicate":
			flags |= mayReplicate
		case "protected":
			flags |= protected
		}
	}
	return flags
}

func withFlag[F flagSet](flags F, names []flagName[F], word string) (F, error) {
	i := slices.IndexFunc(names, func(n flagName[F]) bool { return strings.EqualFold(n.name, word) })
	if i < 0 {
		return 0, fmt.Errorf("no flag %q", word)
	}
	return flags | names[i].flag, nil
}

// parseKeySpecs reads specs like RW+UPDATE(index:1;range:0,1,0).
func parseKeySpecs(cell string) ([]keySpec, error) {
	var specs []keySpec
	for text := range strings.FieldsSeq(cell) {
		if text == "-" {
			break
		}
		flags, rest, _ := strings.Cut(text, "(")
		begin, find, ok := strings.Cut(strings.TrimSuffix(rest, ")"), ";")
		if !ok {
			return nil, fmt.Errorf("no key spec: %q", text)
		}
		var s keySpec
		var err error
		for word := range strings.SplitSeq(flags, "+") {
			if s.flags, err = withFlag(s.flags, keyFlagNames, word); err != nil {
				return nil, err
			}
		}
		if err := s.parse(begin, find); err != nil {
			return nil, fmt.Errorf("key spec %q: %w", text, err)
		}
		specs = append(specs, s)
	}
	return specs, nil
}

func (s *keySpec) parse(begin, find string) error {
	var err error
	kind, value, _ := strings.Cut(begin, ":")
	switch kind {
	case "index":
		s.index, err = strconv.Atoi(value)
	case "keyword":
		var from string
		s.keyword, from, _ = strings.Cut(value, "@")
		s.from, err = strconv.Atoi(from)
	case "unknown":
		s.unknown = true
	default:
		err = fmt.Errorf("begins with %q", kind)
	}
	if err != nil || s.unknown {
		return err
	}
	switch kind, value, _ = strings.Cut(find, ":"); {
	case kind == "range":
		_, err = fmt.Sscanf(value, "%d,%d,%d", &s.last, &s.step, &s.limit)
	case find == "keynum:0,1,1":
		s.numkeys, s.step = true, 1
	default:
		err = fmt.Errorf("goes on with %q", find)
	}
	return err
}

// plain is a spec without what makes no difference.
func (s keySpec) plain() keySpec {
	if s.unknown {
		return keySpec{flags: s.flags, unknown: true}
	}
	if s.numkeys {
		s.last, s.step, s.limit = 0, 1, 0
	}
	return s
}

func plainSpecs(specs []keySpec) []keySpec {
	var plain []keySpec
	for _, s := range specs {
		plain = append(plain, s.plain())
	}
	return plain
}

// TestRecords holds every record against what Redis says of that command.
func TestRecords(t *testing.T) {
	facts, newer := readFacts(t), readNewerFacts(t)
	newCommandTable().each(func(cmd *command) {
		t.Run(cmd.full, func(t *testing.T) {
			fact := facts[cmd.full]
			if fact == nil {
				fact = newer[cmd.full]
			}
			if fact == nil {
				t.Fatal("Redis has no such command")
			}
			checkRecord(t, cmd, fact)
			if doc := cmd.doc(); doc.group != fact.group || doc.since != fact.since {
				t.Errorf("documented as of group %s since %s, want %s %s", doc.group, doc.since, fact.group, fact.since)
			}
		})
	})
}

func checkRecord(t *testing.T, cmd *command, fact *factRow) {
	if cmd.arity != fact.arity {
		t.Errorf("arity %d, want %d", cmd.arity, fact.arity)
	}
	known := hiddenFlags
	for _, n := range cmdFlagNames {
		known |= n.flag
	}
	if diff := (cmd.flags ^ fact.flags) & known; diff != 0 {
		t.Errorf("flags %v (hidden %v), want %v (hidden %v)", namesOf(cmd.flags, cmdFlagNames), hiddenNames(cmd.flags),
			namesOf(fact.flags, cmdFlagNames), hiddenNames(fact.flags))
	}
	if cats := cmd.categories(); cats != fact.all {
		t.Errorf("categories %v, want %v", categoryNames(cats), categoryNames(fact.all))
	}
	if got, want := plainSpecs(cmd.keys), plainSpecs(fact.keys); !reflect.DeepEqual(got, want) {
		t.Errorf("key specs %+v, want %+v", got, want)
	}
	var span [3]int
	if span[0], span[1], span[2] = legacyRange(cmd.keys); span != fact.span {
		t.Errorf("first key, last key, step %v, want %v", span, fact.span)
	}
}

func hiddenNames(flags cmdFlags) []string {
	return namesOf(flags, []flagName[cmdFlags]{{mayReplicate, "may_replicate"}, {protected, "protected"}})
}

func categoryNames(cats aclCategory) []string {
	var names []string
	for i, name := range aclCategoryNames {
		if cats.has(1 << i) {
			names = append(names, name)
		}
	}
	return names
}

// TestRecordsInOrder wants the records of a family, and the subcommands of a
// container, by name, and no name twice.
func TestRecordsInOrder(t *testing.T) {
	inOrder := func(cmds []command) {
		for i := range len(cmds) - 1 {
			if a, b := cmds[i].name, cmds[i+1].name; a >= b {
				t.Errorf("%s stands before %s", a, b)
			}
		}
	}
	for _, family := range families() {
		inOrder(family)
		for _, cmd := range family {
			if cmd.subs != nil {
				inOrder(cmd.subs)
			}
		}
	}
	table := newCommandTable()
	for i, cmd := range table.sorted[1:] {
		if table.sorted[i].name == cmd.name {
			t.Errorf("%s is there twice", cmd.name)
		}
	}
}

// TestCategories shows which categories follow from flags.
func TestCategories(t *testing.T) {
	tests := []struct {
		name string
		cmd  command
		want string
	}{
		{"nothing is slow", command{}, "slow"},
		{"fast read", command{flags: readonly | fast, cats: catHash}, "read hash fast"},
		{"slow write", command{flags: write, cats: catKeyspace}, "keyspace write slow"},
		{"admin", command{flags: admin}, "admin slow dangerous"},
		{"pubsub", command{flags: pubsub}, "pubsub slow"},
		{"blocking", command{flags: write | blocking, cats: catList}, "write list slow blocking"},
		{"a script that reads", command{flags: readonly, cats: catScripting}, "slow scripting"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := strings.Join(categoryNames(tt.cmd.categories()), " "); got != tt.want {
				t.Errorf("categories %q, want %q", got, tt.want)
			}
		})
	}
}

// TestRenamedCommand takes a command away and gives another one a new name.
func TestRenamedCommand(t *testing.T) {
	all := len(newCommandTable().sorted)
	kv := configured(t, "--rename-command", "DBSIZE", "", "--rename-command", "ECHO", "eko", "--rename-command", "CONFIG", "cfg", "--rename-command", "DEBUG", "dbg", "--enable-debug-command", "yes")
	defer kv.Close()
	s := newSession(t, kv)
	s.expect("COMMAND COUNT", fmt.Sprint(all-1))
	s.expect("COMMAND LIST FILTERBY PATTERN dbsize", "[]")
	s.expect("COMMAND LIST FILTERBY PATTERN echo", `["echo"]`)
	s.expect("EKO hi", `"hi"`)
	s.expect("cfg get timeout", `["timeout" "0"]`)
	s.expect("Cfg nosuch", "ERR unknown subcommand 'nosuch'. Try CFG HELP.")
	s.expect("dbg nosuch", "ERR unknown subcommand or wrong number of arguments for 'nosuch'. Try DBG HELP.")
	s.expect("CONFIG GET timeout", "ERR unknown command 'CONFIG', with args beginning with: 'GET' 'timeout' ")
	s.expect("ACL DRYRUN default eko hi", "OK")
	s.expect("ACL DRYRUN default echo hi", "ERR Command 'echo' not found")
	s.expect("ACL DRYRUN default config get x", "ERR Command 'config' not found")
	s.expect("DBSIZE", "ERR unknown command 'DBSIZE', with args beginning with: ")
}

package config

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// readFacts returns the rows of the table of facts about directives that
// concern 7.0.15, by column.
func readFacts(t *testing.T) []map[string]string {
	t.Helper()
	data, err := os.ReadFile(goldenDir + "configs.tsv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	header := strings.Split(lines[0], "\t")
	var rows []map[string]string
	for _, line := range lines[1:] {
		row := make(map[string]string)
		for i, cell := range strings.Split(line, "\t") {
			if cell != "-" {
				row[header[i]] = strings.TrimPrefix(cell, `""`)
			}
		}
		if row["first_seen_in"] == "7.0" {
			rows = append(rows, row)
		}
	}
	return rows
}

// undocumented are the directives that the facts do not have.
var undocumented = []string{"lua-enable-deprecated-api"}

func TestTableHasAllFacts(t *testing.T) {
	var known []string
	for _, row := range readFacts(t) {
		known = append(known, row["name"])
	}
	known = append(known, undocumented...)
	slices.Sort(known)
	if names := Names(); !slices.Equal(names, known) {
		t.Errorf("names differ:\n%s\n%s", names, known)
	}
}

func TestTableAgreesWithFacts(t *testing.T) {
	directives := make(map[string]Directive)
	for _, d := range Directives() {
		directives[d.Name] = d
	}
	for _, row := range readFacts(t) {
		d := directives[row["name"]]
		check := func(what string, got, want any) {
			t.Helper()
			if got != want {
				t.Errorf("%s: %s is %v, want %v", row["name"], what, got, want)
			}
		}
		check("alias", d.Alias, row["alias"])
		check("kind", d.Kind.String(), factKind(row))
		if d.Name != "dir" { // which is where the test runs
			check("default", d.Default, row["default"])
		}
		if row["min"] != "" {
			check("min", strconv.FormatInt(d.Min, 10), row["min"])
			check("max", strconv.FormatUint(d.Max, 10), row["max"])
		}
		check("choices", strings.Join(d.Choices, "|"), factChoices(row))
		check("immutable", d.Immutable, row["mutability"] == "immutable")
		attribute := func(name string) bool {
			return slices.Contains(strings.Split(row["attributes"], ","), name)
		}
		check("protected", d.Protected, attribute("protected"))
		check("deny loading", d.DenyLoading, attribute("deny_loading"))
		check("sensitive", d.Sensitive, attribute("sensitive"))
		check("many words", d.ManyWords, attribute("multi_arg"))
		// The attributes are the newest version's; what a pattern finds was
		// seen on 7.0.15 itself.
		_, seen := row["live_value_debian_7_0_15"]
		check("hidden", d.Hidden, !seen)
	}
}

// factKind is the kind that the facts speak of as a type and a unit.
func factKind(row map[string]string) string {
	switch row["unit"] {
	case "memory":
		return "memory"
	case "memory|percent":
		return "memory or percent"
	case "octal":
		return "octal"
	case "integer":
		return "int"
	}
	if row["type"] == "sds" {
		return "string"
	}
	return row["type"]
}

// factChoices leaves out the one choice that came after 7.0.
func factChoices(row map[string]string) string {
	if row["name"] == "loglevel" {
		return strings.TrimSuffix(row["enum_values"], "|nothing")
	}
	return row["enum_values"]
}

// What the facts do not say, on traits that only the rewriting and applying
// of values show.
func TestTableTraits(t *testing.T) {
	for _, row := range readFacts(t) {
		d := New().must(row["name"])
		volatileThere := slices.Contains(strings.Split(row["attributes"], ","), "volatile")
		if d.traits.has(volatile) != volatileThere {
			t.Errorf("%s: volatile is not %v", d.name, volatileThere)
		}
		if none := row["unit"] == "empty_string_is_null"; d.traits.has(emptyIsNone) != none {
			t.Errorf("%s: empty is none is not %v", d.name, none)
		}
		if d.traits.has(binary) != (row["type"] == "sds") {
			t.Errorf("%s: wrongly binary or not", d.name)
		}
	}
}

func TestTableDefaultsAreValid(t *testing.T) {
	c := New()
	for _, e := range c.names {
		if e.directive == c.must("replicaof") { // an empty value is no value
			continue
		}
		before := c.get(e.directive)
		changed, err := c.assignText(e.directive, before)
		switch {
		case err != nil:
			t.Errorf("%s %q: %v", e.name, before, err)
		case changed && e.kind != Special && !e.traits.has(volatile):
			t.Errorf("%s: changed by its own value %q", e.name, before)
		case c.get(e.directive) != before:
			t.Errorf("%s: %q became %q", e.name, before, c.get(e.directive))
		}
	}
}

func TestTableNamesAreUnique(t *testing.T) {
	c := New()
	if len(c.names) != len(c.index) {
		t.Errorf("%d names, %d of them different", len(c.names), len(c.index))
	}
	for _, e := range c.names {
		if e.name != lower(e.name) || e.name == "" {
			t.Errorf("%q is no name", e.name)
		}
	}
}

func TestIgnored(t *testing.T) {
	ignored := Ignored()
	for _, name := range []string{"activedefrag", "io-threads", "jemalloc-bg-thread", "server_cpulist"} {
		if !slices.Contains(ignored, name) {
			t.Errorf("%s is missing", name)
		}
	}
	if slices.Contains(ignored, "maxmemory") {
		t.Error("maxmemory is not ignored")
	}
}

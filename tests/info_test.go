package tests

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// infoTypes are the types of testdata/info-fields.tsv, as what their values
// look like. A type in no table is a list of key=value pairs or a choice.
var infoTypes = map[string]string{
	"string":         `.*`,
	"hex":            `[0-9a-f]+`,
	"hex8":           `[0-9a-f]{8}`,
	"hex40":          `[0-9a-f]{40}`,
	"bool01":         `[01]`,
	"int":            `-?\d+`,
	"uint":           `\d+`,
	"float2":         `-?(\d+\.\d\d|nan)`,
	"percent2":       `-?\d+\.\d\d%`,
	"seconds.micros": `\d+\.\d{6}`,
}

// infoOwn are the fields that only this server has.
var infoOwn = []string{"valkeyper_version", "server_name", "go_version"}

// An infoField is a field that INFO of Redis 7.0.15 always has.
type infoField struct{ section, name, kind string }

func readInfoFields(t *testing.T) []infoField {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "info-fields.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var fields []infoField
	for line := range strings.Lines(string(data)) {
		col := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if always := col[3] == "-" || col[3] == "linux"; always && col[4] == "yes" {
			fields = append(fields, infoField{col[0], col[1], col[2]})
		}
	}
	return fields
}

// TestInfoFields holds INFO against the table: every field is there, in its
// section and in the order of Redis, with a value of its type.
func TestInfoFields(t *testing.T) {
	c := start(t).client(t)
	var section string
	var got []infoField
	values := make(map[string]string)
	for line := range strings.Lines(c.do("INFO", "everything").text) {
		if !strings.HasSuffix(line, "\r\n") {
			t.Errorf("%q does not end a line", line)
		}
		line = strings.TrimSpace(line)
		if title, ok := strings.CutPrefix(line, "# "); ok {
			section = title
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || section == "Commandstats" || section == "Errorstats" || section == "Latencystats" || section == "Keyspace" {
			continue
		}
		values[name] = value
		if !slices.Contains(infoOwn, name) {
			got = append(got, infoField{section: section, name: name})
		}
	}
	want := readInfoFields(t)
	if len(want) < 150 {
		t.Fatalf("only %d fields in the table", len(want))
	}
	for i, f := range want {
		value, ok := values[f.name]
		if !ok {
			t.Errorf("%s: no field %s", f.section, f.name)
			continue
		}
		if i < len(got) && (got[i].name != f.name || got[i].section != f.section) {
			t.Errorf("field %d is %s of %s, in Redis %s of %s", i, got[i].name, got[i].section, f.name, f.section)
		}
		pattern, ok := infoTypes[f.kind]
		if choices, is := strings.CutPrefix(f.kind, "enum("); is && !strings.Contains(choices, " ") {
			pattern, ok = "("+choices, true
		}
		if ok && !regexp.MustCompile("^"+pattern+"$").MatchString(value) {
			t.Errorf("%s is %q, which is no %s", f.name, value, f.kind)
		}
	}
	if len(got) > len(want) {
		t.Errorf("fields that Redis has not: %v", got[len(want):])
	}
}

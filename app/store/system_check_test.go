package store

import (
	"bytes"
	"regexp"
	"testing"
)

func TestDamagesRegisters(t *testing.T) {
	for release, want := range map[string]bool{
		"5.1.21": false, "5.2": true, "5.2.21-arch1": true, "5.3.0-2-amd64": true, "5.3.14": true, "5.3.15": false,
		"5.4.1": true, "5.4.2": false, "5.5.0": false, "5.10.0": false, "6.2.1": false, "4.19.0-8-amd64": false, "": false, "unknown": false,
	} {
		if got := damagesRegisters(release); got != want {
			t.Errorf("%q: %t", release, got)
		}
	}
}

// TestSystemReport wants one result for each check, and advice where one warns.
func TestSystemReport(t *testing.T) {
	before := systemChecks
	t.Cleanup(func() { systemChecks = before })
	of := func(result checkResult) func() (checkResult, string) {
		return func() (checkResult, string) { return result, "advice" }
	}
	for _, tt := range []struct {
		results []checkResult
		want    string
		content bool
	}{
		{[]checkResult{checkFine, checkSkipped}, "[check]...OK\n[check]...skipped\n", true},
		{[]checkResult{checkWarns, checkFine}, "[check]...WARNING:\nadvice\n[check]...OK\n", false},
	} {
		systemChecks = nil
		for _, result := range tt.results {
			systemChecks = append(systemChecks, systemCheck{"check", of(result)})
		}
		var b bytes.Buffer
		if content := systemReport(&b); content != tt.content || b.String() != tt.want {
			t.Errorf("%t, %q", content, b.String())
		}
	}
	for _, check := range before {
		result, advice := check.run()
		if (result == checkWarns) != (advice != "") || !regexp.MustCompile(`^[A-Za-z-]+$`).MatchString(check.name) {
			t.Errorf("%s: %d %q", check.name, result, advice)
		}
	}
}

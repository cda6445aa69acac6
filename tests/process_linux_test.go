package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// What the system is told of the server's process.

// TestOOMScore looks at the score by which the system chooses whom to kill for want
// of memory, while the server changes its role and its configuration.
func TestOOMScore(t *testing.T) {
	s := start(t)
	c := s.client(t)
	path := filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), "oom_score_adj")
	score := func() int {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	base := score()
	if base > 500 {
		t.Skip("there is no room above the score of the tests")
	}
	values := func(master, replica int) string {
		return strconv.Itoa(master) + " " + strconv.Itoa(replica) + " 900"
	}
	for _, tt := range []struct {
		command []string
		want    int
	}{
		{[]string{"CONFIG", "SET", "oom-score-adj-values", values(10, 20)}, base},
		{[]string{"CONFIG", "SET", "oom-score-adj", "yes"}, base + 10},
		{[]string{"REPLICAOF", "127.0.0.1", "1"}, base + 20},
		{[]string{"CONFIG", "SET", "oom-score-adj-values", values(10, 25)}, base + 25},
		{[]string{"REPLICAOF", "NO", "ONE"}, base + 10},
		{[]string{"CONFIG", "SET", "oom-score-adj", "absolute", "oom-score-adj-values", values(base+3, base+4)}, base + 3},
		{[]string{"CONFIG", "SET", "oom-score-adj-values", values(1900, 2000)}, 1000},
		{[]string{"CONFIG", "SET", "oom-score-adj", "no"}, base},
		{[]string{"REPLICAOF", "127.0.0.1", "1"}, base},
	} {
		if got := c.do(tt.command...); got.text != "OK" {
			t.Fatalf("%q: %s", tt.command, got)
		}
		if got := score(); got != tt.want {
			t.Errorf("%q: the score is %d, want %d", tt.command, got, tt.want)
		}
	}
	if os.Getuid() == 0 {
		return // nothing is refused
	}
	c.ok(`CONFIG SET oom-score-adj-values "-1000 -1000 -1000"`)
	const want = "ERR CONFIG SET failed (possibly related to argument 'oom-score-adj') - Failed to set current oom_score_adj. Check server logs."
	if got := c.do("CONFIG", "SET", "oom-score-adj", "yes"); got.text != want {
		t.Errorf("got %s", got)
	}
	c.expect("CONFIG GET oom-score-adj", []any{"oom-score-adj", "no"})
	if got := score(); got != base {
		t.Errorf("the score is %d, want %d", got, base)
	}
}

// TestOOMScoreAtStart starts a server with a score.
func TestOOMScoreAtStart(t *testing.T) {
	s := start(t, "--oom-score-adj", "absolute", "--oom-score-adj-values", "900 950 1000")
	waitFor(t, "the score", func() bool {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), "oom_score_adj"))
		return err == nil && string(text) == "900\n"
	})
}

// TestCheckSystem runs the checks of the system, whatever they find here.
func TestCheckSystem(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), serverPath(t), "--check-system")
	out, err := cmd.Output()
	want := 0
	if strings.Contains(string(out), "]...WARNING:\n") {
		want = 1
	}
	if code := cmd.ProcessState.ExitCode(); code != want {
		t.Errorf("%v, want status %d\n%s", err, want, out)
	}
	for _, name := range []string{"slow-clocksource", "overcommit", "THP"} {
		if !regexp.MustCompile(`(?m)^\[` + name + `\]\.\.\.(OK|skipped|WARNING:\n.{40,})$`).Match(out) {
			t.Errorf("no result of %s\n%s", name, out)
		}
	}
}

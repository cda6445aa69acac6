package tests

import (
	"bufio"
	"bytes"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The modes of redis-cli that send something to a server, and those that go on until
// they are stopped. TestRedisTools has those that look at a server and end.

// TestRedisPipe sends a file of commands as redis-cli --pipe does, and lists the keys
// with --scan.
func TestRedisPipe(t *testing.T) {
	const keys = 5000
	cli := peerPath(t, "redis-cli")
	s := start(t)
	var requests []byte
	for i := range keys {
		requests = append(requests, appendCommand(nil, "SET", fmt.Sprintf("key:%d", i), strings.Repeat("v", i%200))...)
	}
	requests = append(requests, appendCommand(nil, "LPUSH", "key:1", "no list")...)
	cmd := exec.CommandContext(t.Context(), cli, "-p", strconv.Itoa(s.port), "--pipe")
	cmd.Stdin = bytes.NewReader(requests)
	out, err := cmd.CombinedOutput()
	// It counts the error, and says so by its status.
	if want := fmt.Sprintf("errors: 1, replies: %d\n", keys+1); err == nil || !bytes.HasSuffix(out, []byte(want)) {
		t.Errorf("--pipe: %v, want %s\n%s", err, want, out)
	}
	out, err = exec.CommandContext(t.Context(), cli, "-p", strconv.Itoa(s.port), "--scan", "--pattern", "key:1*9").Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(string(out))
	var want []string
	for i := range keys {
		if n := strconv.Itoa(i); n[0] == '1' && n[len(n)-1] == '9' {
			want = append(want, "key:"+n)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("--scan finds %d keys, want %d", len(got), len(want))
	}
}

// TestRedisToolsThatGoOn runs the modes that do not end by themselves, until each has
// said twice what it says.
func TestRedisToolsThatGoOn(t *testing.T) {
	cli := peerPath(t, "redis-cli")
	unbuffered := peerPath(t, "stdbuf") // or they would say nothing for a while
	s := start(t, "--maxmemory", "6mb", "--maxmemory-policy", "allkeys-lru")
	for _, tt := range []struct {
		name string
		args []string
		line string
	}{
		{"latency-history", []string{"--latency-history", "-i", "1"}, `^\d+ \d+ [0-9.]+ \d+`},
		{"latency-dist", []string{"--latency-dist", "-i", "0.1", "--mono"}, `^\x1b\[.*\x1b\[0m$`},
		{"lru-test", []string{"--lru-test", "2000"}, `^\d+ Gets/sec \| Hits: \d+ \([0-9.]+%\) \| Misses: \d+ \([0-9.]+%\)$`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), unbuffered, append([]string{"-oL", cli, "-p", strconv.Itoa(s.port)}, tt.args...)...)
			var errs bytes.Buffer
			cmd.Stderr = &errs
			endWithParent(cmd)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, seen := regexp.MustCompile(tt.line), 0
			lines := bufio.NewScanner(out)
			for seen < 2 && lines.Scan() {
				if line.MatchString(lines.Text()) {
					seen++
				}
			}
			cmd.Process.Kill()
			cmd.Wait() // it was killed
			if seen < 2 || errs.Len() > 0 {
				t.Errorf("%d lines as they should be\n%s", seen, errs.String())
			}
		})
	}
}

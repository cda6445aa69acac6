package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestParseCSV(t *testing.T) {
	const head = `"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"` + "\n"
	tests := []struct {
		name, in string
		want     sample
		bad      bool
	}{
		{"plain", head + `"GET","62500.00","0.5","0.1","0.431","0.9","1.975","4.5"` + "\n", sample{rate: 62500, p50: 0.431, p99: 1.975}, false},
		{"commas in the name", head + `"SET a,b ""c""","10.5","1","2","3","4","5","6"`, sample{rate: 10.5, p50: 3, p99: 5}, false},
		{"only the head", head, sample{}, true},
		{"empty", "", sample{}, true},
		{"an error", "Error from server: ERR no", sample{}, true},
		{"too few columns", `"1","2","3","4","5","6","7"`, sample{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseCSV(tt.in)
			if got != tt.want || (err != nil) != tt.bad {
				t.Errorf("got %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

func FuzzParseCSV(f *testing.F) {
	f.Add(`"GET","62500.00","0.5","0.1","0.431","0.9","1.975","4.5"`)
	f.Fuzz(func(t *testing.T, text string) {
		if m, err := parseCSV(text); err != nil && m != (sample{}) {
			t.Errorf("figures %+v beside the error %v", m, err)
		}
	})
}

func TestPlan(t *testing.T) {
	tests := []struct {
		name    string
		o       options
		rounds  int
		keys    int
		timeMax time.Duration
	}{
		{"full", options{}, 5, 10_000_000, fullTimeMax},
		{"quick", options{quick: true}, 2, 1_000_000, quickTimeMax},
		{"fewer rounds", options{rounds: 1}, 1, 10_000_000, fullTimeMax},
		{"more rounds may take longer", options{rounds: 10}, 10, 10_000_000, 2 * fullTimeMax},
		{"pause", options{pause: true}, 5, 10_000_000, pauseTimeMax},
		{"bgsave", options{bgsave: true}, 5, busySaveKeys, busySaveTime},
		{"more keys may take longer", options{pause: true, keys: 30_000_000}, 5, 30_000_000, 3 * pauseTimeMax},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, timeMax, err := plan(&tt.o)
			if !supported {
				if err == nil {
					t.Error("this system cannot be measured, and no error says so")
				}
				return
			}
			if err != nil || b.rounds != tt.rounds || tt.o.keys != tt.keys || timeMax != tt.timeMax {
				t.Errorf("got %d rounds, %d keys, %v, %v", b.rounds, tt.o.keys, timeMax, err)
			}
		})
	}
	for _, bad := range []options{{rounds: -1}, {keys: -1}, {only: "("}, {control: true, server: "x"}, {pause: true, bgsave: true}} {
		if _, _, err := plan(&bad); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
}

// TestRun measures redis-server against itself for a moment: every kind of
// row has to come out, whatever its figures are.
func TestRun(t *testing.T) {
	if !supported {
		t.Skip("needs /proc")
	}
	for _, name := range []string{"redis-server", "redis-benchmark"} {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	t.Run("rows", func(t *testing.T) {
		var out bytes.Buffer
		o := options{control: true, quick: true, rounds: 1, only: `^(PING\.P1|LRANGE100\.P16|XREADGROUP\+XACK|wake BLPOP|string 16B PX|(save|load) string 16B|AOF no|start)$`}
		if err := run(t.Context(), o, &out); err != nil {
			t.Fatal(err)
		}
		wantLines(t, out.String(), "PING.P1 ", "LRANGE100.P16 ", "XREADGROUP+XACK ", "wake BLPOP ", "string 16B PX ", "save string 16B ", "load string 16B ", "AOF no ", "start ", "10 rows measured, 0 skipped, not judged")
	})
	t.Run("pauses", func(t *testing.T) {
		var out bytes.Buffer
		if err := run(t.Context(), options{control: true, pause: true, keys: 10_000}, &out); err != nil {
			t.Fatal(err)
		}
		wantLines(t, out.String(), "growth ", "SCAN ", "growth, at once ", "expiry at once ", "expiry spread ", "pause SCAN ", "6 rows measured")
	})
	t.Run("snapshots", func(t *testing.T) {
		var out bytes.Buffer
		if err := run(t.Context(), options{control: true, bgsave: true, keys: 10_000, only: "keys|stream"}, &out); err != nil {
			t.Fatal(err)
		}
		wantLines(t, out.String(), "keys     redis ", "stream   again ", "bgsave keys ", "bgsave stream ", "2 rows measured, 0 skipped")
	})
}

func wantLines(t *testing.T, text string, starts ...string) {
	t.Helper()
	for _, start := range starts {
		if !strings.Contains("\n"+text, "\n"+start) {
			t.Errorf("no line starts with %q in\n%s", start, text)
		}
	}
}

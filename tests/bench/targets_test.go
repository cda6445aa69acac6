package main

import (
	"math"
	"strings"
	"testing"
)

func TestJudge(t *testing.T) {
	more := target{figure: figRate, floor: 0.9, aim: 1.1}
	less := target{figure: figMemory, floor: 0.6, aim: 0.45}
	tests := []struct {
		name       string
		target     target
		got, noise float64
		want       verdict
	}{
		{"reaches the aim", more, 1.1, 0, verdictAim},
		{"reaches the floor", more, 0.9, 0, verdictOK},
		{"within the noise", more, 0.85, 0.06, verdictNoise},
		{"below", more, 0.85, 0.04, verdictBelow},
		{"noise does not spoil what holds", more, 0.95, 0.5, verdictOK},
		{"small enough for the aim", less, 0.45, 0, verdictAim},
		{"small enough", less, 0.5, 0, verdictOK},
		{"too big within the noise", less, 0.61, 0.02, verdictNoise},
		{"too big", less, 0.7, 0.02, verdictBelow},
		{"nothing measured", less, math.NaN(), 0, verdictNone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.target.judge(tt.got, tt.noise); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestTargets names the bound that each row is held to: a wrong pattern
// would leave rows unjudged without a word.
func TestTargets(t *testing.T) {
	floors := map[string]float64{".P1": 0.9, ".c500": 0.9, ".P16": 1.1}
	for _, w := range workloads(speedKeys) {
		name, shape, _ := strings.Cut(w.name, ".")
		want, ok := floors["."+shape]
		if plain := name == "GET" || name == "SET"; plain && shape == "P16" {
			want = 1.4
		} else if plain && shape == "P100" {
			want, ok = 2.5, true
		}
		if got, found := targetOf(w.name, figRate); found != ok || got.floor != want {
			t.Errorf("%s: floor %v (%v), want %v (%v)", w.name, got.floor, found, want, ok)
		}
	}
	for _, w := range collectionWorkloads() {
		if _, ok := targetOf(w.name, figRate); !ok {
			t.Errorf("%s has no target", w.name)
		}
	}
	for _, d := range collectionSets() {
		if _, ok := targetOf(d.name, figMemory); !ok {
			t.Errorf("%s has no target", d.name)
		}
	}
	for row, f := range map[string]figure{
		"string 16B": figMemory, "string 100B": figMemory, "empty": figMemory, "start": figStart,
		"idle": figClient, "pause SCAN": figPause, "GET.P1": figCPU,
	} {
		if _, ok := targetOf(row, f); !ok {
			t.Errorf("%s has no target for %s", row, f.name)
		}
	}
}

func TestTallyKeepsWhatIsBelow(t *testing.T) {
	judging := tally{judging: true}
	judging.judge("GET.P1", figRate, 0.5, 0.1)
	judging.judge("GET.P1", figCPU, 1, 0)
	judging.judge("no such row", figRate, 0.1, 0)
	if len(judging.below) != 1 {
		t.Errorf("below: %q, want one", judging.below)
	}
	var control tally
	if v := control.judge("GET.P1", figRate, 0.5, 0); v != verdictNone || control.below != nil {
		t.Errorf("a control was judged: %q, %q", v, control.below)
	}
}

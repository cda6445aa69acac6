package main

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	tests := []struct {
		name string
		in   []float64
		want float64
	}{
		{"one", []float64{3}, 3},
		{"odd", []float64{9, 1, 5}, 5},
		{"even", []float64{4, 1, 2, 3}, 2.5},
		{"outlier", []float64{1, 1, 1, 1, 1000}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := slices.Clone(tt.in)
			if got := median(in); got != tt.want {
				t.Errorf("median(%v) = %v, want %v", tt.in, got, tt.want)
			}
			if !slices.Equal(in, tt.in) {
				t.Errorf("median reordered its input: %v", in)
			}
		})
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median(nil) = %v, want NaN", got)
	}
}

func TestQuotients(t *testing.T) {
	got := quotients([]float64{2, 9, 5}, []float64{4, 3, 0})
	if want := []float64{0.5, 3}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := quotients([]float64{1}, nil); got != nil {
		t.Errorf("without divisors: got %v", got)
	}
}

func TestDeviation(t *testing.T) {
	if got := deviation([]float64{0.75, 1, 1.5}, 1); got != 0.25 {
		t.Errorf("got %v, want 0.25", got)
	}
	if got := deviation(nil, 1); got != 0 {
		t.Errorf("without a control: got %v, want 0", got)
	}
}

func TestSummarize(t *testing.T) {
	waits := make([]time.Duration, 2000)
	for i := range waits {
		waits[i] = time.Millisecond
	}
	waits[7], waits[900], waits[1500] = 40*time.Millisecond, 30*time.Millisecond, 20*time.Millisecond
	got := summarize(waits)
	if want := (pauses{count: 2000, p50: 1, p99: 1, p999: 30, worst: 40}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := summarize(nil); !math.IsNaN(got.worst) || got.count != 0 {
		t.Errorf("without waits: got %+v", got)
	}
}

package main

import (
	"math"
	"slices"
	"time"
)

// median returns the middle of the values, or NaN when there are none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// quotients divides round by round: what disturbed a round mostly disturbed
// both sides of it. Rounds whose divisor is 0 are left out.
func quotients(dividends, divisors []float64) []float64 {
	var out []float64
	for i := range min(len(dividends), len(divisors)) {
		if divisors[i] != 0 {
			out = append(out, dividends[i]/divisors[i])
		}
	}
	return out
}

// deviation is the noise of a control, whose values would all be centre on a
// quiet machine: the median distance from it. It is 0 without a control.
func deviation(values []float64, centre float64) float64 {
	if len(values) == 0 {
		return 0
	}
	distances := make([]float64, len(values))
	for i, v := range values {
		distances[i] = math.Abs(v - centre)
	}
	return median(distances)
}

// A pauses says how long answers took, in milliseconds.
type pauses struct {
	count                 int
	p50, p99, p999, worst float64
}

// summarize sorts the latencies in place.
func summarize(latencies []time.Duration) pauses {
	if len(latencies) == 0 {
		return pauses{p50: math.NaN(), p99: math.NaN(), p999: math.NaN(), worst: math.NaN()}
	}
	slices.Sort(latencies)
	n := len(latencies)
	return pauses{
		count: n,
		p50:   milliseconds(latencies[n/2]),
		p99:   milliseconds(latencies[min(n-1, n*99/100)]),
		p999:  milliseconds(latencies[min(n-1, n*999/1000)]),
		worst: milliseconds(latencies[n-1]),
	}
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

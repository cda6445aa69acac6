package main

import (
	"fmt"
	"math"
	"regexp"
)

// A target is what one figure of some rows has to reach beside redis-server
// 7.0.15. Ratios of speed and CPU are written so that more is better; those
// of memory and time are ours divided by redis-server's, so that less is.
type target struct {
	rows   *regexp.Regexp
	figure figure
	floor  float64 // a row on the wrong side of it is a defect
	aim    float64
}

// A figure is a kind of number that rows have.
type figure struct {
	name   string
	atMost bool // good when small
}

var (
	figRate   = figure{name: "requests/s"}
	figCPU    = figure{name: "CPU/request"}
	figMemory = figure{name: "memory", atMost: true}
	figPause  = figure{name: "worst pause", atMost: true}
	figBusy   = figure{name: "p99 beside that without a snapshot", atMost: true}
	figExtra  = figure{name: "more memory", atMost: true}
	figSync   = figure{name: "seconds", atMost: true}
	figHits   = figure{name: "hits"}

	// These are judged as they are, not as ratios to redis-server's.
	figStart   = figure{name: "ms to the first reply", atMost: true}
	figClient  = figure{name: "B/connection", atMost: true}
	figPauseMs = figure{name: "worst pause in ms", atMost: true}
)

// targets are looked through in order: the first that fits a row counts.
var targets = []target{
	{regexp.MustCompile(`\.(P1|c500)$`), figRate, 0.9, 1.1},
	{regexp.MustCompile(`\.(P1|c500)$`), figCPU, 0.9, 1.1},
	{regexp.MustCompile(`^(GET|SET)\.P16$`), figRate, 1.4, 2},
	{regexp.MustCompile(`\.P16$`), figRate, 1.1, 2},
	{regexp.MustCompile(`^(GET|SET)\.P100$`), figRate, 2.5, 5},
	{regexp.MustCompile(`^string 16B$`), figMemory, 0.6, 0.45},
	{regexp.MustCompile(`^string 100B$`), figMemory, 0.75, 0.65},
	{regexp.MustCompile(`^(hash x10|zset x100)$`), figMemory, 1, 0.8},
	{regexp.MustCompile(`^list (x100|1M)$`), figMemory, 1.05, 1},
	{regexp.MustCompile(`^set x100$`), figMemory, 1, 0.8},
	{regexp.MustCompile(`^stream 1M$`), figMemory, 1, 0.9},
	{regexp.MustCompile(`^zset 1M$`), figMemory, 0.55, 0.4},
	{regexp.MustCompile(`^hash 1M$`), figMemory, 0.65, 0.5},
	{regexp.MustCompile(`^set 1M$`), figMemory, 0.5, 0.4},
	{regexp.MustCompile(`^(full sync|rewrite|(save|load) .*)$`), figSync, 1, 0.5},
	{regexp.MustCompile(`^AOF (everysec|always)$`), figRate, 1, 1.5},
	{regexp.MustCompile(`^(replica apply|master of 2)$`), figRate, 1.1, 2},
	{regexp.MustCompile(`^hit rate `), figHits, 0.99, 1},
	{regexp.MustCompile(`^start$`), figStart, 50, 10},
	{regexp.MustCompile(`^empty$`), figMemory, 1.5, 1},
	{regexp.MustCompile(`^idle$`), figClient, 10 << 10, 2 << 10},
	{regexp.MustCompile(`^bgsave `), figBusy, 2, 1.2},
	{regexp.MustCompile(`^bgsave `), figExtra, 0.1, 0.03},
	{regexp.MustCompile(`^pause `), figPause, 1, 0},
	{regexp.MustCompile(`^pause `), figPauseMs, math.Inf(1), 2},
}

// targetOf returns the target of a row's figure, and whether there is one.
func targetOf(row string, f figure) (target, bool) {
	for _, t := range targets {
		if t.figure == f && t.rows.MatchString(row) {
			return t, true
		}
	}
	return target{}, false
}

// A verdict is how a figure stands to its target.
type verdict string

const (
	verdictNone  verdict = ""      // there is no target
	verdictAim   verdict = "aim"   // reaches the aim
	verdictOK    verdict = "ok"    // reaches the floor
	verdictNoise verdict = "noise" // misses the floor by no more than the control deviates
	verdictBelow verdict = "BELOW" // misses the floor by more
)

// judge compares a figure with its target; noise is the control's deviation.
func (t target) judge(got, noise float64) verdict {
	missed := func(bound float64) float64 { return bound - got }
	if t.figure.atMost {
		missed = func(bound float64) float64 { return got - bound }
	}
	switch {
	case math.IsNaN(got):
		return verdictNone
	case missed(t.aim) <= 0:
		return verdictAim
	case missed(t.floor) <= 0:
		return verdictOK
	case missed(t.floor) <= noise:
		return verdictNoise
	default:
		return verdictBelow
	}
}

// A tally gathers what the last lines say.
type tally struct {
	judging bool // false when redis-server is measured against itself
	rows    int
	below   []string
	skipped []string
}

// judge returns the verdict on one figure of a row and keeps a bad one.
func (t *tally) judge(row string, f figure, got, noise float64) verdict {
	want, ok := targetOf(row, f)
	if !ok || !t.judging {
		return verdictNone
	}
	v := want.judge(got, noise)
	if v == verdictBelow {
		t.below = append(t.below, fmt.Sprintf("%s: %s %.2f, floor %.2f, the control deviates by %.2f", row, f.name, got, want.floor, noise))
	}
	return v
}

// skip notes a row that was not measured.
func (t *tally) skip(row, why string) {
	t.skipped = append(t.skipped, row+": "+why)
}

// Command bench measures the server side by side with redis-server 7.0.15.
//
//	go run ./tests/bench [-quick] [-only REGEXP] [-rounds N] [-server PATH]
//	go run ./tests/bench -control            # redis-server against itself
//	go run ./tests/bench -pause [-keys N]    # many keys: growth, SCAN, expiry
//	go run ./tests/bench -bgsave [-keys N]   # BGSAVE while all is written
//
// It builds our server (unless -server names one), starts the contenders on
// free loopback ports in directories of their own, and lets redis-benchmark
// talk to them in turn, round by round, so that what else goes on in the
// machine hits all of them. In each round a second redis-server runs as well:
// its ratio to the first, the control, would be 1 on a quiet machine, and the
// median of its distance from 1 is how far a ratio can be trusted. A row that
// misses its floor by more than that is marked BELOW; by less, "noise".
//
// Ratios of speed and CPU are written so that more is better for us, those of
// memory and time so that less is. CPU is what the server process used, user
// and system, which noise hardly touches. Every mode says at the start how
// long it may take, and ends by then, with what it has; it stops no process
// but those it started.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// The time that a mode may take at its usual number of rounds and keys.
const (
	quickTimeMax = 4 * time.Minute
	fullTimeMax  = 40 * time.Minute
	pauseTimeMax = 25 * time.Minute
)

// options are the command line.
type options struct {
	quick   bool
	control bool
	pause   bool
	bgsave  bool
	only    string
	rounds  int
	keys    int
	server  string
}

func main() {
	var o options
	flag.BoolVar(&o.quick, "quick", false, "fewer rows, rounds and keys")
	flag.BoolVar(&o.control, "control", false, "measure redis-server against itself, to see the noise")
	flag.BoolVar(&o.pause, "pause", false, "measure the pauses that many keys cause, and nothing else")
	flag.BoolVar(&o.bgsave, "bgsave", false, "measure what BGSAVE costs those who write meanwhile, and nothing else")
	flag.StringVar(&o.only, "only", "", "measure only the rows whose name matches this `regexp`")
	flag.IntVar(&o.rounds, "rounds", 0, "rounds of each row (default 5, with -quick 2)")
	flag.IntVar(&o.keys, "keys", 0, "keys for -pause and -bgsave (default 10000000 and 5000000, with -quick 1000000 and 500000)")
	flag.StringVar(&o.server, "server", "", "`path` of the server to measure (default: ours, built now)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := errors.New("unknown arguments; see -help")
	if flag.NArg() == 0 {
		err = run(ctx, o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A bench is one run of this program.
type bench struct {
	out        io.Writer
	quick      bool
	pick       *regexp.Regexp // of row names
	rounds     int
	slice      time.Duration // of one redis-benchmark run
	contenders []contender   // ours, redis-server and, for the control, redis-server again
	tally      tally
}

func run(ctx context.Context, o options, out io.Writer) error {
	b, timeMax, err := plan(&o)
	if err != nil {
		return err
	}
	b.out = out
	ctx, cancel := context.WithTimeoutCause(ctx, timeMax, errors.New("out of time"))
	defer cancel()
	if !o.control && o.server == "" {
		dir, err := os.MkdirTemp("", "valkeyper-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if o.server, err = buildServer(ctx, dir); err != nil {
			return err
		}
	}
	if err := b.chooseContenders(o); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s/%s, %d CPUs, load %s; ends within %v\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), loadAverage(), timeMax)
	for _, c := range b.contenders {
		fmt.Fprintf(out, "%s: %s\n", c.name, versionOf(c.path))
	}
	switch {
	case o.pause:
		err = b.measurePauses(ctx, o.keys)
	case o.bgsave:
		err = b.measureBusySaves(ctx, o.keys)
	default:
		err = b.measureAll(ctx)
	}
	b.conclude()
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// plan checks the options, fills in what they leave open, and says how long
// the run may take.
func plan(o *options) (*bench, time.Duration, error) {
	if !supported {
		return nil, 0, errors.New("the figures come from /proc: this needs Linux")
	}
	if o.pause && o.bgsave {
		return nil, 0, errors.New("-pause and -bgsave are modes: choose one")
	}
	if o.rounds < 0 || o.keys < 0 {
		return nil, 0, errors.New("-rounds and -keys are counts")
	}
	if o.control && o.server != "" {
		return nil, 0, errors.New("-control measures redis-server alone: -server has no place there")
	}
	pick, err := regexp.Compile(o.only)
	if err != nil {
		return nil, 0, fmt.Errorf("-only: %w", err)
	}
	b := &bench{quick: o.quick, pick: pick, rounds: 5, slice: 600 * time.Millisecond}
	b.tally.judging = !o.control
	timeMax, keysUsual := fullTimeMax, 10_000_000
	if o.quick {
		b.rounds, b.slice = 2, 300*time.Millisecond
		timeMax, keysUsual = quickTimeMax, 1_000_000
	}
	if o.pause {
		timeMax = pauseTimeMax
	}
	if o.bgsave {
		timeMax, keysUsual = busySaveTime, busySaveKeys
		if o.quick {
			keysUsual = busySaveFew
		}
	}
	if o.rounds > b.rounds {
		timeMax = timeMax * time.Duration(o.rounds) / time.Duration(b.rounds)
	}
	if o.rounds > 0 {
		b.rounds = o.rounds
	}
	if o.keys == 0 {
		o.keys = keysUsual
	}
	if o.pause && o.keys > 10_000_000 {
		timeMax = time.Duration(float64(timeMax) * float64(o.keys) / 1e7)
	}
	return b, timeMax, nil
}

// buildServer compiles our server into dir.
func buildServer(ctx context.Context, dir string) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w", err)
	}
	path := filepath.Join(dir, "valkeyper")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, ".")
	cmd.Dir = strings.TrimSpace(string(root))
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, text)
	}
	return path, nil
}

// chooseContenders finds the programs. The first is the one in question, the
// second the reference, the third the control.
func (b *bench) chooseContenders(o options) error {
	for _, name := range []string{"redis-server", "redis-benchmark"} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%s is not installed (Debian: redis-server and redis-tools)", name)
		}
	}
	redis, err := exec.LookPath("redis-server")
	if err != nil {
		return err
	}
	if o.control {
		b.contenders = []contender{{"again", redis}, {"redis", redis}}
		return nil
	}
	ours, err := filepath.Abs(o.server) // the servers run in directories of their own
	if err != nil {
		return err
	}
	b.contenders = []contender{{"ours", ours}, {"redis", redis}, {"control", redis}}
	return nil
}

// versionOf is the first line that a server prints about itself.
func versionOf(path string) string {
	text, err := exec.Command(path, "--version").Output()
	if err != nil {
		return path + ": " + err.Error()
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// measureAll runs every mode but the pauses.
func (b *bench) measureAll(ctx context.Context) error {
	steps := []func(context.Context) error{b.measureSpeed, b.measureGroups, b.measureHandOvers, b.measureMemory, b.measureHitRate, b.measureReplication, b.measurePersistence, b.measureStart, b.measureIdle}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// wanted says whether a row was asked for; the rows of a quick run are fewer.
func (b *bench) wanted(row string, quick bool) bool {
	return (quick || !b.quick) && b.pick.MatchString(row)
}

// conclude prints what was left out and what is below its floor.
func (b *bench) conclude() {
	fmt.Fprintln(b.out)
	for _, s := range b.tally.skipped {
		fmt.Fprintln(b.out, "skipped", s)
	}
	for _, s := range b.tally.below {
		fmt.Fprintln(b.out, "BELOW", s)
	}
	judged := "not judged"
	if b.tally.judging {
		judged = fmt.Sprintf("%d figures below their floor", len(b.tally.below))
	}
	fmt.Fprintf(b.out, "%d rows measured, %d skipped, %s; load %s\n", b.tally.rows, len(b.tally.skipped), judged, loadAverage())
}

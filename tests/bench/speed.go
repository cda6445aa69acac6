package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A workload is one row of speed: arguments for redis-benchmark.
type workload struct {
	name     string
	args     []string
	command  []string // tried once on each server, which may not know it
	requests int      // of the first run, which warms up and finds the rate
	quick    bool     // part of a short run
	clean    bool     // the server is emptied first, and the data loaded
	load     *loading
}

// Sizes of the data that the workloads touch.
const (
	speedKeys      = 1_000_000 // keys of SET, GET and INCR
	speedKeysQuick = 100_000
	bigKeys        = 10_000 // keys of 1 KiB
)

// workloads lists the rows of speed: each command at three depths of pipeline
// with 50 clients, and without one with 500 clients.
func workloads(keys int) []workload {
	kib := strings.Repeat("x", 1024)
	draw, drawBig := []string{"-r", strconv.Itoa(keys)}, []string{"-r", strconv.Itoa(bigKeys)}
	commands := []struct {
		name    string
		args    []string
		command []string
	}{
		{"PING", []string{"-t", "ping_mbulk"}, []string{"PING"}},
		{"SET", append(draw, "-t", "set"), []string{"SET", "key:000000000000", "xxx"}},
		{"GET", append(draw, "-t", "get"), []string{"GET", "key:000000000000"}},
		{"SET1K", append(drawBig, "SET", "kb:__rand_int__", kib), []string{"SET", "kb:000000000000", kib}},
		{"GET1K", append(drawBig, "GET", "kb:__rand_int__"), []string{"GET", "kb:000000000000"}},
		{"INCR", append(draw, "-t", "incr"), []string{"INCR", "counter:000000000000"}},
	}
	shapes := []struct {
		suffix        string
		clients, deep int
		requests      int
		quickFor      string
	}{
		{".P1", 50, 1, 5_000, "PING SET GET INCR"},
		{".P16", 50, 16, 50_000, "SET GET INCR"},
		{".P100", 50, 100, 100_000, "GET SET"},
		{".c500", 500, 1, 10_000, "GET"},
	}
	var list []workload
	for _, s := range shapes {
		for _, c := range commands {
			args := []string{"-c", strconv.Itoa(s.clients), "-P", strconv.Itoa(s.deep)}
			list = append(list, workload{
				name:     c.name + s.suffix,
				args:     append(args, c.args...),
				command:  c.command,
				requests: s.requests,
				quick:    slices.Contains(strings.Fields(s.quickFor), c.name),
			})
		}
	}
	return list
}

// A sample is what one run of redis-benchmark tells about one server.
type sample struct {
	rate     float64 // requests a second
	p50, p99 float64 // milliseconds
	cpu      float64 // microseconds of the server for each request
}

// measureSpeed measures the rows of speed, all on the same running servers.
func (b *bench) measureSpeed(ctx context.Context) error {
	keys := speedKeys
	if b.quick {
		keys = speedKeysQuick
	}
	var rows []workload
	for _, w := range slices.Concat(workloads(keys), collectionWorkloads()) {
		if b.wanted(w.name, w.quick) {
			rows = append(rows, w)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	servers := make([]*server, len(b.contenders))
	for i, c := range b.contenders {
		s, err := c.start(ctx)
		if err != nil {
			return err
		}
		defer s.stop()
		servers[i] = s
		if err := fill(ctx, s, keys); err != nil {
			return fmt.Errorf("%s: loading %d keys: %w", s.name, keys, err)
		}
	}
	a, r := b.contenders[0].name, b.contenders[1].name
	fmt.Fprintf(b.out, "\n%-10s %9s %9s  %-19s %-19s %15s  %15s  %15s  %-19s %s\n", "row", a+"/s", r+"/s", a+"/"+r, "control/"+r,
		"p50 ms", "p99 ms", "CPU us", "CPU "+r+"/"+a, "verdict: speed, CPU")
	for _, w := range rows {
		if err := b.measureWorkload(ctx, servers, w); err != nil {
			return err
		}
	}
	return nil
}

// fill stores the keys that the reading workloads draw from.
func fill(ctx context.Context, s *server, keys int) error {
	err := load(ctx, s.addr, keys, func(b []byte, k int) []byte {
		return appendSet(b, "key:", k, 3)
	})
	if err != nil {
		return err
	}
	return load(ctx, s.addr, bigKeys, func(b []byte, k int) []byte {
		return appendSet(b, "kb:", k, 1024)
	})
}

// measureWorkload runs one row, unless a server does not know the command.
func (b *bench) measureWorkload(ctx context.Context, servers []*server, w workload) error {
	var rate float64
	for _, s := range servers {
		if err := w.prepare(ctx, s); err != nil {
			b.tally.skip(w.name, s.name+": "+err.Error())
			return errors.Join(ctx.Err(), s.alive())
		}
		m, err := runBenchmark(ctx, s, w, w.requests)
		if err != nil {
			return err
		}
		rate += m.rate / float64(len(servers))
	}
	// All get the same number of requests, so that their data stays alike.
	requests := max(w.requests, int(rate*b.slice.Seconds()))
	samples := make([][]sample, len(servers))
	for round := range b.rounds {
		for turn := range servers {
			i := (round + turn) % len(servers)
			m, err := runBenchmark(ctx, servers[i], w, requests)
			if err != nil {
				return err
			}
			samples[i] = append(samples[i], m)
		}
	}
	b.reportSpeed(w.name, samples)
	return nil
}

// prepare finds out whether the server knows the command, and gives it the data.
func (w *workload) prepare(ctx context.Context, s *server) error {
	if w.clean {
		return w.load.into(ctx, s)
	}
	_, err := s.do(w.command...)
	return err
}

// reportSpeed prints one row of speed.
func (b *bench) reportSpeed(name string, samples [][]sample) {
	column := func(i int, of func(sample) float64) []float64 {
		values := make([]float64, 0, b.rounds)
		for _, m := range samples[i] {
			values = append(values, of(m))
		}
		return values
	}
	rate := func(m sample) float64 { return m.rate }
	cpu := func(m sample) float64 { return m.cpu }
	pair := func(of func(sample) float64) string {
		return fmt.Sprintf("%.3f / %.3f", median(column(0, of)), median(column(1, of)))
	}
	speed := quotients(column(0, rate), column(1, rate))
	effort := quotients(column(1, cpu), column(0, cpu))
	var control, controlCPU []float64
	if len(samples) > 2 {
		control = quotients(column(2, rate), column(1, rate))
		controlCPU = quotients(column(1, cpu), column(2, cpu))
	}
	b.tally.rows++
	v := b.tally.judge(name, figRate, median(speed), deviation(control, 1))
	vCPU := b.tally.judge(name, figCPU, median(effort), deviation(controlCPU, 1))
	fmt.Fprintf(b.out, "%-18s %9.0f %9.0f  %-19s %-19s %15s  %15s  %15s  %-19s %s\n", name, median(column(0, rate)), median(column(1, rate)),
		spread(speed), spread(control), pair(func(m sample) float64 { return m.p50 }), pair(func(m sample) float64 { return m.p99 }),
		fmt.Sprintf("%.2f / %.2f", median(column(0, cpu)), median(column(1, cpu))), spread(effort), verdicts(v, vCPU))
}

// spread shows a median and the range around it.
func spread(values []float64) string {
	if len(values) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f [%.2f..%.2f]", median(values), slices.Min(values), slices.Max(values))
}

// verdicts joins those that there are.
func verdicts(list ...verdict) string {
	var words []string
	for _, v := range list {
		if v != verdictNone {
			words = append(words, string(v))
		}
	}
	return strings.Join(words, ", ")
}

// benchmarkTimeMax bounds one run of redis-benchmark, which takes a second.
const benchmarkTimeMax = 60 * time.Second

// runBenchmark lets redis-benchmark send requests to one server.
func runBenchmark(ctx context.Context, s *server, w workload, requests int) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, benchmarkTimeMax)
	defer cancel()
	port := s.addr[strings.LastIndexByte(s.addr, ':')+1:]
	args := append([]string{"-h", "127.0.0.1", "-p", port, "--csv", "--precision", "3", "-n", strconv.Itoa(requests)}, w.args...)
	cmd := exec.CommandContext(ctx, "redis-benchmark", args...)
	endWithParent(cmd)
	var out, notes bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &notes
	before, err := cpuTime(s.pid())
	if err != nil {
		return sample{}, errors.Join(s.alive(), err)
	}
	if err := cmd.Run(); err != nil {
		return sample{}, fmt.Errorf("%s: %s: redis-benchmark: %w %.200s", w.name, s.name, errors.Join(err, s.alive()), notes.String()+out.String())
	}
	after, err := cpuTime(s.pid())
	if err != nil {
		return sample{}, errors.Join(s.alive(), err)
	}
	m, err := parseCSV(out.String())
	if err != nil {
		return sample{}, fmt.Errorf("%s: %s: %w", w.name, s.name, err)
	}
	m.cpu = (after - before).Seconds() * 1e6 / float64(requests)
	return m, nil
}

// parseCSV reads what redis-benchmark --csv prints: lines of a test's name,
// requests a second, and the average, least, p50, p95, p99 and worst latency.
// The name may hold commas and quotes, so columns count from the end.
func parseCSV(text string) (sample, error) {
	const columns = 7
	lines := strings.Split(strings.TrimSpace(text), "\n")
	last := lines[len(lines)-1]
	fields := strings.Split(last, ",")
	if len(fields) <= columns {
		return sample{}, fmt.Errorf("redis-benchmark printed %.100q", last)
	}
	var values [columns]float64
	for i, field := range fields[len(fields)-columns:] {
		v, err := strconv.ParseFloat(strings.Trim(field, `"`), 64)
		if err != nil {
			return sample{}, fmt.Errorf("redis-benchmark printed %.100q", last)
		}
		values[i] = v
	}
	return sample{rate: values[0], p50: values[3], p99: values[5]}, nil
}

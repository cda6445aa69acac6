package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// A dataset is one row of memory, loaded into an empty server.
type dataset struct {
	name  string
	quick bool
	emit  func(b []byte, k int) []byte

	keys  int // that there are at the end; 0 for as many as commands
	units int // commands, by which the memory is divided; 0 for the usual number
	lines int // of a reply; 0 for one
}

// Keys of a data set.
const (
	memoryKeys      = 1_000_000
	memoryKeysQuick = 200_000
)

// keyDigits makes all keys equally long.
const keyDigits = 12

// appendKey appends prefix and number of a key as one bulk string.
func appendKey(b []byte, prefix string, k int) []byte {
	b = appendHeader(b, '$', len(prefix)+keyDigits)
	b = append(b, prefix...)
	for unit := 100_000_000_000; unit > 0; unit /= 10 {
		b = append(b, byte('0'+k/unit%10))
	}
	return append(b, '\r', '\n')
}

// filler is what values are made of.
var filler = bytes.Repeat([]byte("x"), 1024)

// appendSet appends SET of a key and a value of some bytes, and options.
func appendSet(b []byte, prefix string, k, valueBytes int, options ...string) []byte {
	b = appendHeader(b, '*', 3+len(options))
	b = append(b, "$3\r\nSET\r\n"...)
	b = appendKey(b, prefix, k)
	b = appendHeader(b, '$', valueBytes)
	b = append(b, filler[:valueBytes]...)
	b = append(b, '\r', '\n')
	for _, option := range options {
		b = appendHeader(b, '$', len(option))
		b = append(b, option...)
		b = append(b, '\r', '\n')
	}
	return b
}

// datasets lists the rows of memory. The expiries lie between one and two
// hours ahead, in no order, so that none comes due while it is measured.
func datasets() []dataset {
	return []dataset{
		{name: "string 16B", quick: true, emit: func(b []byte, k int) []byte { return appendSet(b, "key:", k, 16) }},
		{name: "string 100B", emit: func(b []byte, k int) []byte { return appendSet(b, "key:", k, 100) }},
		{name: "string 16B PX", quick: true, emit: func(b []byte, k int) []byte {
			return appendSet(b, "key:", k, 16, "PX", strconv.Itoa(3_600_000+scatter(k, 3_600_000)))
		}},
	}
}

// scatter maps k to a number below n such that neighbours lie far apart.
func scatter(k, n int) int {
	return int(uint64(k) * 0x9E3779B97F4A7C15 >> 32 * uint64(n) >> 32)
}

// A footprint is what a data set costs one server, for each key or, when it is
// one big value, for each element.
type footprint struct {
	bytes float64
	cpu   float64 // microseconds to load
}

func (b *bench) measureMemory(ctx context.Context) error {
	keys := memoryKeys
	if b.quick {
		keys = memoryKeysQuick
	}
	title := true
	for _, d := range slices.Concat(datasets(), collectionSets()) {
		if !b.wanted(d.name, d.quick) {
			continue
		}
		if title {
			b.memoryTitle("data set", fmt.Sprintf("B/unit (%d keys)", keys), "CPU us/unit")
			title = false
		}
		if d.units == 0 {
			d.units, d.keys = keys, keys
		}
		if err := b.measureRow(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// measureRow measures one data set on all contenders; when one of them does
// not take it, the row is skipped.
func (b *bench) measureRow(ctx context.Context, d dataset) error {
	var sizes, efforts []float64
	for _, c := range b.contenders {
		f, err := measureDataset(ctx, c, d)
		if err != nil {
			b.tally.skip(d.name, c.name+": "+err.Error())
			return ctx.Err()
		}
		sizes, efforts = append(sizes, f.bytes), append(efforts, f.cpu)
	}
	b.tally.rows++
	ratio, noise := besideRedis(sizes)
	v := b.tally.judge(d.name, figMemory, ratio, noise)
	fmt.Fprintf(b.out, "%-14s %12.1f / %-12.1f %6.2f %8s  %10.2f / %-10.2f %s\n", d.name, sizes[0], sizes[1], ratio, plusMinus(noise, sizes),
		efforts[0], efforts[1], v)
	return nil
}

func (b *bench) memoryTitle(row, figure, more string) {
	fmt.Fprintf(b.out, "\n%-14s %-27s %6s %8s  %-23s verdict  (%s / %s)\n", row, figure, "ratio", "control", more, b.contenders[0].name, b.contenders[1].name)
}

// besideRedis returns the first value as a part of the second, and how far
// the control's is from 1.
func besideRedis(values []float64) (ratio, noise float64) {
	if len(values) > 2 {
		noise = deviation([]float64{values[2] / values[1]}, 1)
	}
	return values[0] / values[1], noise
}

// plusMinus shows the control's deviation when there is a control.
func plusMinus(noise float64, values []float64) string {
	if len(values) < 3 {
		return "-"
	}
	return fmt.Sprintf("±%.2f", noise)
}

func measureDataset(ctx context.Context, c contender, d dataset) (footprint, error) {
	s, err := c.start(ctx)
	if err != nil {
		return footprint{}, err
	}
	defer s.stop()
	before, cpuBefore, err := s.usage()
	if err != nil {
		return footprint{}, err
	}
	if err := loadLines(ctx, s.addr, d.units, max(d.lines, 1), d.emit); err != nil {
		return footprint{}, errors.Join(err, s.alive())
	}
	after, cpuAfter, err := s.usage()
	if err != nil {
		return footprint{}, err
	}
	size, err := s.do("DBSIZE")
	if err != nil {
		return footprint{}, err
	}
	if size != strconv.Itoa(d.keys) {
		return footprint{}, fmt.Errorf("DBSIZE is %s after %d keys", size, d.keys)
	}
	return footprint{
		bytes: float64(after-before) / float64(d.units),
		cpu:   (cpuAfter - cpuBefore).Seconds() * 1e6 / float64(d.units),
	}, nil
}

// usage returns resident memory and CPU time so far.
func (s *server) usage() (resident int64, cpu time.Duration, err error) {
	if resident, err = residentBytes(s.pid()); err != nil {
		return 0, 0, errors.Join(s.alive(), err)
	}
	cpu, err = cpuTime(s.pid())
	return resident, cpu, err
}

// settleTime is how long an empty server or idle connections are left alone
// before their memory is read, so that what is given back when idle counts.
const settleTime = 3 * time.Second

// measureStart measures the start-up and the memory of empty servers.
func (b *bench) measureStart(ctx context.Context) error {
	if !b.wanted("start", true) && !b.wanted("empty", true) {
		return nil
	}
	times, sizes := make([][]float64, len(b.contenders)), make([][]float64, len(b.contenders))
	for range b.rounds {
		for i, c := range b.contenders {
			s, err := c.start(ctx)
			if err != nil {
				return err
			}
			sleepUntil(ctx, time.Now().Add(settleTime/10))
			resident, _, err := s.usage()
			s.stop()
			if err != nil {
				return err
			}
			times[i] = append(times[i], milliseconds(s.firstReply))
			sizes[i] = append(sizes[i], float64(resident)/(1<<20))
		}
	}
	var start, empty []float64
	for i := range b.contenders {
		start, empty = append(start, median(times[i])), append(empty, median(sizes[i]))
	}
	b.memoryTitle("server", "ms to first reply, MiB", "")
	b.tally.rows += 2
	ratio, noise := besideRedis(start)
	v := b.tally.judge("start", figStart, start[0], noise*start[1])
	fmt.Fprintf(b.out, "%-14s %12.1f / %-12.1f %6.2f %8s  %23s %s\n", "start", start[0], start[1], ratio, plusMinus(noise, start), "", v)
	ratio, noise = besideRedis(empty)
	v = b.tally.judge("empty", figMemory, ratio, noise)
	fmt.Fprintf(b.out, "%-14s %12.1f / %-12.1f %6.2f %8s  %23s %s\n", "empty", empty[0], empty[1], ratio, plusMinus(noise, empty), "", v)
	return nil
}

// Idle connections of one server.
const (
	idleClients      = 10_000
	idleClientsQuick = 1_000
)

// measureIdle measures what connections cost that said PING once.
func (b *bench) measureIdle(ctx context.Context) error {
	if !b.wanted("idle", true) {
		return nil
	}
	clients := idleClients
	if b.quick {
		clients = idleClientsQuick
	}
	var sizes []float64
	for _, c := range b.contenders {
		size, err := measureConnections(ctx, c, clients)
		if err != nil {
			b.tally.skip("idle", c.name+": "+err.Error())
			return ctx.Err()
		}
		sizes = append(sizes, size)
	}
	b.tally.rows++
	ratio, noise := besideRedis(sizes)
	v := b.tally.judge("idle", figClient, sizes[0], noise*sizes[1])
	b.memoryTitle("connections", fmt.Sprintf("B each, %d idle", clients), "B beyond redis's")
	fmt.Fprintf(b.out, "%-14s %12.0f / %-12.0f %6.2f %8s  %23.0f %s\n", "idle", sizes[0], sizes[1], ratio, plusMinus(noise, sizes), sizes[0]-sizes[1], v)
	return nil
}

// measureConnections returns resident bytes for each of some connections.
// The kernel's share is no part of resident memory.
func measureConnections(ctx context.Context, c contender, clients int) (float64, error) {
	s, err := c.start(ctx)
	if err != nil {
		return 0, err
	}
	defer s.stop()
	before, _, err := s.usage()
	if err != nil {
		return 0, err
	}
	links := make([]io.Closer, 0, clients)
	defer func() {
		for _, l := range links {
			l.Close()
		}
	}()
	for range clients {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		l, err := dial(s.addr)
		if err != nil {
			return 0, err
		}
		links = append(links, l.conn)
		if _, err := l.do("PING"); err != nil {
			return 0, err
		}
	}
	sleepUntil(ctx, time.Now().Add(settleTime))
	after, _, err := s.usage()
	return float64(after-before) / float64(clients), err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Replication: how long a replica takes to have all of its master's data, how
// fast it takes in what its master is sent, and what replicas cost a master. Each
// contender follows, and is followed by, servers of its own kind.

const (
	syncKeys     = 1_000_000
	syncKeysFew  = 100_000
	applyWrites  = 1_000_000
	applyFew     = 100_000
	syncPatience = 60 * time.Second
)

// A timedRow is a row of a rate or a time that one contender after the other is
// measured for, on n keys or commands, fewer in a quick run.
type timedRow struct {
	name    string
	fig     figure
	quick   bool
	measure func(ctx context.Context, c contender, n int) (value, effort float64, err error)
	n, few  int
}

// measureReplication measures the rows of replication.
func (b *bench) measureReplication(ctx context.Context) error {
	return b.measureTimed(ctx, []timedRow{
		{"full sync", figSync, true, measureFullSync, syncKeys, syncKeysFew},
		{"replica apply", figRate, false, measureApply, applyWrites, applyFew},
		{"master of 2", figRate, false, measureMasterOfTwo, applyWrites, applyFew},
	})
}

// measureTimed measures rows and prints them.
func (b *bench) measureTimed(ctx context.Context, rows []timedRow) error {
	for _, row := range rows {
		if !b.wanted(row.name, row.quick) {
			continue
		}
		n := row.n
		if b.quick {
			n = row.few
		}
		values, efforts, err := b.measureRounds(ctx, row, n)
		if err != nil {
			b.tally.skip(row.name, err.Error())
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		}
		b.tally.rows++
		ratios, noise := quotients(values[0], values[1]), 0.0
		if len(values) > 2 {
			noise = deviation(quotients(values[2], values[1]), 1)
		}
		unit := "requests/s"
		if row.fig.atMost {
			unit = "seconds"
		}
		fmt.Fprintf(b.out, "\n%-18s %9.4g %9.4g %s  %s  CPU us %.2f / %.2f  %s\n", row.name, median(values[0]), median(values[1]), unit,
			spread(ratios), median(efforts[0]), median(efforts[1]), b.tally.judge(row.name, row.fig, median(ratios), noise))
	}
	return nil
}

// measureRounds measures every contender in every round.
func (b *bench) measureRounds(ctx context.Context, row timedRow, n int) (values, efforts [][]float64, err error) {
	values, efforts = make([][]float64, len(b.contenders)), make([][]float64, len(b.contenders))
	for range b.rounds {
		for i, c := range b.contenders {
			value, effort, err := row.measure(ctx, c, n)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", c.name, err)
			}
			values[i], efforts[i] = append(values[i], value), append(efforts[i], effort)
		}
	}
	return values, efforts, nil
}

// follow starts a replica of s and waits until it has all of its data. It returns
// how long that took from the moment it was told.
func (s *server) follow(ctx context.Context, c contender) (*server, time.Duration, error) {
	r, err := c.start(ctx)
	if err != nil {
		return nil, 0, err
	}
	host, port, _ := strings.Cut(s.addr, ":")
	began := time.Now()
	if _, err = r.do("REPLICAOF", host, port); err == nil {
		err = r.await(ctx, "replication", "master_link_status:up")
	}
	if err != nil {
		r.stop()
		return nil, 0, err
	}
	return r, time.Since(began), nil
}

// await waits until a section of INFO says something.
func (s *server) await(ctx context.Context, section, line string) error {
	for end := time.Now().Add(syncPatience); time.Now().Before(end) && ctx.Err() == nil; {
		if info, err := s.do("INFO", section); err == nil && strings.Contains(info, line) {
			return nil
		}
		sleepUntil(ctx, time.Now().Add(time.Millisecond))
	}
	return errors.Join(ctx.Err(), fmt.Errorf("no %q within %v: %s", line, syncPatience, s.logTail()))
}

// offset is the server's master_repl_offset.
func (s *server) offset() (string, error) {
	info, err := s.do("INFO", "replication")
	_, rest, ok := strings.Cut(info, "master_repl_offset:")
	if err != nil || !ok {
		return "", errors.Join(err, errors.New("INFO replication has no master_repl_offset"))
	}
	value, _, _ := strings.Cut(rest, "\r\n")
	return value, nil
}

// startMaster starts a master that sends its snapshots at once, and nothing that nobody
// wrote: a PING would move the offset that a replica is waited for.
func startMaster(ctx context.Context, c contender, keys int) (*server, error) {
	s, err := c.start(ctx)
	if err != nil {
		return nil, err
	}
	if _, err = s.do("CONFIG", "SET", "repl-diskless-sync-delay", "0", "repl-backlog-size", "256mb", "repl-ping-replica-period", "3600"); err == nil && keys > 0 {
		err = fill(ctx, s, keys)
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// measureFullSync has a new replica get n keys. It returns seconds, and the
// master's microseconds a key.
func measureFullSync(ctx context.Context, c contender, n int) (seconds, effort float64, err error) {
	m, err := startMaster(ctx, c, n)
	if err != nil {
		return 0, 0, err
	}
	defer m.stop()
	_, before, err := m.usage()
	if err != nil {
		return 0, 0, err
	}
	r, took, err := m.follow(ctx, c)
	if err != nil {
		return 0, 0, err
	}
	defer r.stop()
	_, after, err := m.usage()
	return took.Seconds(), (after - before).Seconds() * 1e6 / float64(n), err
}

// measureApply writes to a master and waits until its replica has it. It returns
// commands a second, and the replica's microseconds for each.
func measureApply(ctx context.Context, c contender, n int) (rate, effort float64, err error) {
	m, err := startMaster(ctx, c, 0)
	if err != nil {
		return 0, 0, err
	}
	defer m.stop()
	r, _, err := m.follow(ctx, c)
	if err != nil {
		return 0, 0, err
	}
	defer r.stop()
	_, before, err := r.usage()
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := write(ctx, m, n); err != nil {
		return 0, 0, err
	}
	at, err := m.offset()
	if err != nil {
		return 0, 0, err
	}
	if err := r.await(ctx, "replication", "slave_repl_offset:"+at+"\r\n"); err != nil {
		return 0, 0, err
	}
	took := time.Since(began)
	_, after, err := r.usage()
	return float64(n) / took.Seconds(), (after - before).Seconds() * 1e6 / float64(n), err
}

// measureMasterOfTwo writes to a master with two replicas. It returns commands a
// second as its clients see them, and the master's microseconds for each.
func measureMasterOfTwo(ctx context.Context, c contender, n int) (rate, effort float64, err error) {
	m, err := startMaster(ctx, c, 0)
	if err != nil {
		return 0, 0, err
	}
	defer m.stop()
	for range 2 {
		r, _, err := m.follow(ctx, c)
		if err != nil {
			return 0, 0, err
		}
		defer r.stop()
	}
	_, before, err := m.usage()
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := write(ctx, m, n); err != nil {
		return 0, 0, err
	}
	took := time.Since(began)
	_, after, err := m.usage()
	return float64(n) / took.Seconds(), (after - before).Seconds() * 1e6 / float64(n), err
}

// write has redis-benchmark SET n times, 16 in flight.
func write(ctx context.Context, s *server, n int) error {
	host, port, _ := strings.Cut(s.addr, ":")
	cmd := exec.CommandContext(ctx, "redis-benchmark", "-h", host, "-p", port, "-q", "-t", "set", "-P", "16",
		"-n", strconv.Itoa(n), "-r", strconv.Itoa(syncKeys))
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("redis-benchmark: %w: %s", err, text)
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Persistence: how long it takes to save data of each kind, to load it and to
// rewrite the append-only file, and how fast commands are written down.

const (
	savedKeys    = 1_000_000
	savedKeysFew = 100_000
	logWrites    = 500_000
	logWritesFew = 50_000
)

// measurePersistence measures the rows of persistence.
func (b *bench) measurePersistence(ctx context.Context) error {
	rows := []timedRow{
		{"AOF no", figRate, true, appending("no"), logWrites, logWritesFew},
		{"AOF everysec", figRate, false, appending("everysec"), logWrites, logWritesFew},
		{"AOF always", figRate, false, appending("always"), logWrites, logWritesFew},
		{"rewrite", figSync, false, measureRewrite, savedKeys, savedKeysFew},
	}
	for _, d := range slices.Concat(datasets(), collectionSets()) {
		quick := d.name == "string 16B"
		rows = append(rows,
			timedRow{"save " + d.name, figSync, quick, saving(d, "SAVE"), savedKeys, savedKeysFew},
			timedRow{"load " + d.name, figSync, quick, saving(d, "SAVE", "DEBUG RELOAD NOSAVE"), savedKeys, savedKeysFew})
	}
	return b.measureTimed(ctx, rows)
}

// saving measures the last of some commands on a data set, of n keys if it does
// not say itself how many it has. It returns seconds, and microseconds a unit.
func saving(d dataset, commands ...string) func(ctx context.Context, c contender, n int) (seconds, effort float64, err error) {
	return func(ctx context.Context, c contender, n int) (seconds, effort float64, err error) {
		if d.units > 0 {
			n = d.units
		}
		s, err := c.start(ctx)
		if err != nil {
			return 0, 0, err
		}
		defer s.stop()
		if err := loadLines(ctx, s.addr, n, max(d.lines, 1), d.emit); err != nil {
			return 0, 0, err
		}
		for _, command := range commands {
			_, before, err := s.usage()
			if err != nil {
				return 0, 0, err
			}
			began := time.Now()
			if reply, err := s.do(strings.Fields(command)...); err != nil || reply != "OK" {
				return 0, 0, errors.Join(err, fmt.Errorf("%s: %s", command, reply))
			}
			seconds = time.Since(began).Seconds()
			_, after, err := s.usage()
			if err != nil {
				return 0, 0, err
			}
			effort = (after - before).Seconds() * 1e6 / float64(n)
		}
		return seconds, effort, nil
	}
}

// appending measures writes with an append-only file, by appendfsync. It returns
// commands a second, and microseconds for each.
func appending(policy string) func(ctx context.Context, c contender, n int) (rate, effort float64, err error) {
	return func(ctx context.Context, c contender, n int) (rate, effort float64, err error) {
		s, err := c.startAppending(ctx, policy)
		if err != nil {
			return 0, 0, err
		}
		defer s.stop()
		_, before, err := s.usage()
		if err != nil {
			return 0, 0, err
		}
		began := time.Now()
		if err := write(ctx, s, n); err != nil {
			return 0, 0, err
		}
		took := time.Since(began)
		_, after, err := s.usage()
		return float64(n) / took.Seconds(), (after - before).Seconds() * 1e6 / float64(n), err
	}
}

// startAppending starts a server and turns its append-only file on.
func (c contender) startAppending(ctx context.Context, policy string) (*server, error) {
	s, err := c.start(ctx)
	if err != nil {
		return nil, err
	}
	_, err = s.do("CONFIG", "SET", "appendonly", "yes", "appendfsync", policy, "auto-aof-rewrite-percentage", "0")
	if err == nil {
		err = s.await(ctx, "persistence", "aof_rewrite_in_progress:0")
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// measureRewrite rewrites the append-only file of n keys. It returns seconds, and
// microseconds a key, without those of Redis's child.
func measureRewrite(ctx context.Context, c contender, n int) (seconds, effort float64, err error) {
	s, err := c.startAppending(ctx, "no")
	if err != nil {
		return 0, 0, err
	}
	defer s.stop()
	if err := fill(ctx, s, n); err != nil {
		return 0, 0, err
	}
	_, before, err := s.usage()
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if _, err := s.do("BGREWRITEAOF"); err != nil {
		return 0, 0, err
	}
	if err := s.await(ctx, "persistence", "aof_rewrite_in_progress:0"); err != nil {
		return 0, 0, err
	}
	took := time.Since(began)
	_, after, err := s.usage()
	return took.Seconds(), (after - before).Seconds() * 1e6 / float64(n), err
}

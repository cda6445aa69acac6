package main

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// Consumer groups: entries are read through a group and acknowledged, some at a
// time, on one connection, as a worker does.

const (
	groupEntries    = 200_000
	groupEntriesFew = 20_000
	groupStep       = 10 // entries of one XREADGROUP and one XACK
)

// measureGroups measures how many entries a second a consumer gets through.
func (b *bench) measureGroups(ctx context.Context) error {
	const row = "XREADGROUP+XACK"
	if !b.wanted(row, true) {
		return nil
	}
	n, rounds := groupEntries, b.rounds
	if b.quick {
		n = groupEntriesFew
	}
	rates, efforts := make([][]float64, len(b.contenders)), make([][]float64, len(b.contenders))
	for range rounds {
		for i, c := range b.contenders {
			rate, effort, err := measureConsumer(ctx, c, n)
			if err != nil {
				b.tally.skip(row, c.name+": "+err.Error())
				return ctx.Err()
			}
			rates[i], efforts[i] = append(rates[i], rate), append(efforts[i], effort)
		}
	}
	b.tally.rows++
	speed, effort := quotients(rates[0], rates[1]), quotients(efforts[1], efforts[0])
	fmt.Fprintf(b.out, "\n%-18s %9.0f %9.0f entries/s  %s  CPU %s\n", row, median(rates[0]), median(rates[1]), spread(speed), spread(effort))
	return nil
}

// measureConsumer has a new server's stream of n entries read and acknowledged.
// It returns entries a second, and the server's microseconds for each.
func measureConsumer(ctx context.Context, c contender, n int) (rate, effort float64, err error) {
	s, err := c.start(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer s.stop()
	err = loadLines(ctx, s.addr, n, 2, func(b []byte, k int) []byte {
		return appendCommand(b, "XADD", "stream", strconv.Itoa(k+1)+"-1", "field", "value")
	})
	if err != nil {
		return 0, 0, err
	}
	l, err := dial(s.addr)
	if err != nil {
		return 0, 0, err
	}
	defer l.conn.Close()
	if _, err := l.do("XGROUP", "CREATE", "stream", "group", "0"); err != nil {
		return 0, 0, err
	}
	_, before, err := s.usage()
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	for first := 1; first <= n; first += groupStep {
		if ctx.Err() != nil {
			return 0, 0, context.Cause(ctx)
		}
		if err := l.send("XREADGROUP", "GROUP", "group", "consumer", "COUNT", strconv.Itoa(groupStep), "STREAMS", "stream", ">"); err != nil {
			return 0, 0, err
		}
		if err := l.skipReply(); err != nil {
			return 0, 0, err
		}
		ack := []string{"XACK", "stream", "group"}
		for k := first; k < first+groupStep; k++ {
			ack = append(ack, strconv.Itoa(k)+"-1")
		}
		if acked, err := l.do(ack...); err != nil || acked != strconv.Itoa(groupStep) {
			return 0, 0, fmt.Errorf("XACK: %q, %v", acked, err)
		}
	}
	took := time.Since(began)
	_, after, err := s.usage()
	return float64(n) / took.Seconds(), (after - before).Seconds() * 1e6 / float64(n), err
}

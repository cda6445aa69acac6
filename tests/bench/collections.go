package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The rows of lists, hashes, sets, sorted sets and streams.

// Sizes of the values that these rows work on.
const (
	bigZset   = 1_000_000 // members, each with its number for a score
	bigList   = 100_000
	bigSet    = 100_000
	wideHash  = 1_000
	elements  = 100_000 // that the benchmark's random elements are drawn from
	rangeList = 1_000
)

// collectionWorkloads lists the rows of speed. Each begins with the data that
// it names and nothing else.
func collectionWorkloads() []workload {
	draw := []string{"-r", strconv.Itoa(elements)}
	rows := []struct {
		workload
		deep string // pipelines beside none
	}{
		{workload{name: "LPUSH", args: append(draw, "-t", "lpush")}, "16"},
		{workload{name: "RPUSH", args: append(draw, "-t", "rpush")}, "16"},
		{workload{name: "LPOP", args: append(draw, "-t", "lpop"), load: push("mylist", 3_000_000, 100)}, "16"},
		{workload{name: "LRANGE100", args: []string{"LRANGE", "mylist", "0", "99"}, load: push("mylist", rangeList, 10)}, "16"},
		{workload{name: "LINDEX", args: []string{"LINDEX", "list", strconv.Itoa(bigList / 2)}, load: push("list", bigList, 100)}, "16"},
		{workload{name: "LINSERT", args: []string{"LINSERT", "list", "BEFORE", element(bigList / 2), "x"}, load: push("list", bigList, 100), requests: 500}, ""},
		{workload{name: "HSET", args: append(draw, "-t", "hset")}, "16"},
		{workload{name: "HSETsmall", args: append(draw, "HSET", "h:__rand_int__", "field", "value")}, "16"},
		{workload{name: "HGETALL1000", args: []string{"HGETALL", "hash"}, load: one("hash", wideHash, hset), requests: 500}, ""},
		{workload{name: "SADD", args: append(draw, "-t", "sadd")}, "16"},
		{workload{name: "SPOP", args: []string{"SPOP", "set"}, load: one("set", 3_000_000, sadd)}, "16"},
		{workload{name: "SINTER100k", args: []string{"SINTER", "even", "third"}, load: interLoad, requests: 20}, ""},
		{workload{name: "ZADD", args: append(draw, "-t", "zadd")}, "16"},
		{workload{name: "ZRANGEBYSCORE", args: []string{"-r", strconv.Itoa(bigZset), "ZRANGE", "zset", "__rand_int__", "+inf", "BYSCORE", "LIMIT", "0", "10"},
			load: one("zset", bigZset, zadd)}, "16"},
		{workload{name: "ZRANK", args: []string{"-r", strconv.Itoa(bigZset), "ZRANK", "zset", "__rand_int__"}, load: one("zset", bigZset, zadd)}, "16"},
		{workload{name: "XADD", args: append(draw, "XADD", "stream", "*", "field", "value:__rand_int__")}, "16"},
	}
	var list []workload
	for _, r := range rows {
		for _, deep := range strings.Fields("1 " + r.deep) {
			w := r.workload
			w.name += ".P" + deep
			w.args = append([]string{"-c", "50", "-P", deep}, w.args...)
			w.quick = deep == "16" && !strings.HasPrefix(r.name, "Z")
			if w.requests == 0 {
				w.requests = map[string]int{"1": 5_000, "16": 50_000}[deep]
			}
			w.clean = true
			list = append(list, w)
		}
	}
	return list
}

// element is an element as redis-benchmark writes a random one.
func element(k int) string { return fmt.Sprintf("%012d", k) }

// A loading is data in so many commands, whose replies are integers.
type loading struct {
	commands int
	emit     func(b []byte, k int) []byte
}

// push fills a list with elements, so many in a command.
func push(key string, n, each int) *loading {
	return &loading{n / each, func(b []byte, k int) []byte {
		args := []string{"RPUSH", key}
		for i := range each {
			args = append(args, element(k*each+i))
		}
		return appendCommand(b, args...)
	}}
}

// one fills a key with elements, one in a command.
func one(key string, n int, command func(key string, k int) []string) *loading {
	return &loading{n, func(b []byte, k int) []byte { return appendCommand(b, command(key, k)...) }}
}

func hset(key string, k int) []string { return []string{"HSET", key, element(k), "xxx"} }
func sadd(key string, k int) []string { return []string{"SADD", key, element(k)} }
func zadd(key string, k int) []string { return []string{"ZADD", key, strconv.Itoa(k), element(k)} }

// interLoad makes two sets that share a third of one and half of the other.
var interLoad = &loading{2 * bigSet, func(b []byte, k int) []byte {
	if k < bigSet {
		return appendCommand(b, sadd("even", 2*k)...)
	}
	return appendCommand(b, sadd("third", 3*(k-bigSet))...)
}}

// into loads the data into a server that has none.
func (l *loading) into(ctx context.Context, s *server) error {
	if _, err := s.do("FLUSHALL"); err != nil {
		return err
	}
	if l == nil {
		return nil
	}
	return load(ctx, s.addr, l.commands, l.emit)
}

// collectionSets lists the rows of memory.
func collectionSets() []dataset {
	each := func(name, command string, keys, n int, args func(i int) []string) dataset {
		return dataset{name: name, keys: keys, units: keys, emit: func(b []byte, k int) []byte {
			words := []string{command, "key:" + element(k)}
			for i := range n {
				words = append(words, args(i)...)
			}
			return appendCommand(b, words...)
		}}
	}
	big := func(name string, command func(key string, k int) []string) dataset {
		return dataset{name: name, keys: 1, units: 1_000_000, emit: func(b []byte, k int) []byte {
			return appendCommand(b, command("big", k)...)
		}}
	}
	number := func(prefix string) func(i int) []string {
		return func(i int) []string { return []string{fmt.Sprintf("%s:%04d", prefix, i)} }
	}
	stream := big("stream 1M", func(key string, k int) []string {
		return []string{"XADD", key, strconv.Itoa(1_700_000_000_000+k) + "-1", "temperature", strconv.Itoa(k % 1000), "humidity", strconv.Itoa(k % 100)}
	})
	stream.lines = 2
	return []dataset{
		stream,
		each("hash x10", "HSET", 100_000, 10, func(i int) []string { return []string{fmt.Sprintf("field%d", i), fmt.Sprintf("value%d", i)} }),
		each("zset x100", "ZADD", 10_000, 100, func(i int) []string { return []string{strconv.Itoa(7 * i), fmt.Sprintf("member:%04d", i)} }),
		each("list x100", "RPUSH", 10_000, 100, number("item")),
		each("set x100", "SADD", 10_000, 100, number("member")),
		big("zset 1M", func(key string, k int) []string {
			return []string{"ZADD", key, strconv.Itoa(scatter(k, 1<<30)), "member:" + element(k)}
		}),
		big("hash 1M", func(key string, k int) []string { return []string{"HSET", key, "field:" + element(k), "value"} }),
		big("set 1M", func(key string, k int) []string { return []string{"SADD", key, "member:" + element(k)} }),
		big("list 1M", func(key string, k int) []string { return []string{"RPUSH", key, fmt.Sprintf("item:%05d", k%100_000)} }),
	}
}

// Hand-overs: how long it takes from a client's write to another's being
// served, which waits for it.
const (
	handOvers    = 5_000
	handOversFew = 500
	tailReaders  = 50
)

// A handOver is readers that wait in a command and the command that serves them.
type handOver struct {
	name    string
	readers int
	wait    []string
	serve   []string
}

var handOverRows = []handOver{
	{"BLPOP", 1, []string{"BLPOP", "queue", "0"}, []string{"LPUSH", "queue", "x"}},
	{"BZPOPMIN", 1, []string{"BZPOPMIN", "delays", "0"}, []string{"ZADD", "delays", "1", "x"}},
	{"XREAD x50", tailReaders, []string{"XREAD", "BLOCK", "0", "STREAMS", "tail", "$"}, []string{"XADD", "tail", "*", "f", "v"}},
}

// measureHandOvers measures each row on all contenders in turn.
func (b *bench) measureHandOvers(ctx context.Context) error {
	n, title := handOvers, true
	if b.quick {
		n = handOversFew
	}
	for _, h := range handOverRows {
		row := "wake " + h.name
		if !b.wanted(row, true) {
			continue
		}
		if title {
			fmt.Fprintf(b.out, "\n%-16s %23s  %23s  verdict\n", "hand-over", "p50 us", "p99 us")
			title = false
		}
		var p50, p99 []float64
		var failed error
		for _, c := range b.contenders {
			waits, err := h.measure(ctx, c, n)
			if err != nil {
				failed = fmt.Errorf("%s: %w", c.name, err)
				break
			}
			slices.Sort(waits)
			p50 = append(p50, float64(waits[len(waits)/2].Nanoseconds())/1e3)
			p99 = append(p99, float64(waits[len(waits)*99/100].Nanoseconds())/1e3)
		}
		if failed != nil {
			b.tally.skip(row, failed.Error())
			continue
		}
		b.tally.rows++
		ratio, noise := besideRedis(p99)
		fmt.Fprintf(b.out, "%-16s %10.1f / %-10.1f  %10.1f / %-10.1f  %.2f %s\n", row, p50[0], p50[1], p99[0], p99[1], ratio, plusMinus(noise, p99))
	}
	return nil
}

// measure serves the readers n times and returns how long each waited.
func (h *handOver) measure(ctx context.Context, c contender, n int) ([]time.Duration, error) {
	s, err := c.start(ctx)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	writer, err := dial(s.addr)
	if err != nil {
		return nil, err
	}
	defer writer.conn.Close()
	readers := make([]*link, h.readers)
	for i := range readers {
		if readers[i], err = dial(s.addr); err != nil {
			return nil, err
		}
		defer readers[i].conn.Close()
	}
	served := make(chan result)
	waits := make([]time.Duration, 0, n*h.readers)
	for range n {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		for _, r := range readers {
			if err := r.send(h.wait...); err != nil {
				return nil, err
			}
			go func() {
				err := r.skipReply()
				served <- result{time.Now(), err}
			}()
		}
		if err := awaitBlocked(writer, h.readers); err != nil {
			return nil, err
		}
		began := time.Now()
		if _, err := writer.do(h.serve...); err != nil {
			return nil, err
		}
		for range readers {
			r := <-served
			if r.err != nil {
				return nil, r.err
			}
			waits = append(waits, r.at.Sub(began))
		}
	}
	return waits, nil
}

// A result is when a reader was served.
type result struct {
	at  time.Time
	err error
}

// awaitBlocked waits until so many clients are blocked.
func awaitBlocked(l *link, n int) error {
	want := fmt.Sprintf("\r\nblocked_clients:%d\r\n", n)
	for end := time.Now().Add(replyTimeout); time.Now().Before(end); {
		info, err := l.do("INFO", "clients")
		if err != nil {
			return err
		}
		if strings.Contains(info, want) {
			return nil
		}
	}
	return errors.New("the readers do not block")
}

// skipReply reads one reply of any shape.
func (l *link) skipReply() error {
	kind, text, err := readHead(l.in)
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(string(text)) // of other kinds the line is all
	switch {
	case kind == '$' && n >= 0:
		_, err = io.CopyN(io.Discard, l.in, int64(n)+2)
	case kind == '*':
		for range n {
			if err := l.skipReply(); err != nil {
				return err
			}
		}
	}
	return err
}

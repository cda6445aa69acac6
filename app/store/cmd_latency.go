package store

import (
	"fmt"
	"strings"
	"time"
)

// LATENCY. What DOCTOR says is in latency_doctor.go.

const latencySub = admin | noScript | loading | stale

var latencyCommands = []command{
	{name: "latency", arity: -2, subs: []command{
		{name: "doctor", arity: 2, flags: latencySub, run: (*KVStore).cmdLatencyDoctor},
		{name: "graph", arity: 3, flags: latencySub, run: (*KVStore).cmdLatencyGraph},
		{name: "help", arity: 2, flags: loading | stale, run: (*KVStore).cmdLatencyHelp},
		{name: "histogram", arity: -2, flags: latencySub, run: (*KVStore).cmdLatencyHistogram},
		{name: "history", arity: 3, flags: latencySub, run: (*KVStore).cmdLatencyHistory},
		{name: "latest", arity: 2, flags: latencySub, run: (*KVStore).cmdLatencyLatest},
		{name: "reset", arity: -2, flags: latencySub, run: (*KVStore).cmdLatencyReset},
	}},
}

// cmdLatencyHelp serves LATENCY HELP.
func (kv *KVStore) cmdLatencyHelp(c *Client, args []string) error {
	c.replyHelp("LATENCY",
		"DOCTOR",
		"    What the events say, and what can be done about them.",
		"GRAPH <event>",
		"    The samples of an event as a picture in letters.",
		"HISTORY <event>",
		"    The samples of an event: when it was, and the milliseconds it took.",
		"LATEST",
		"    Of each event the last time, how long it took then, and the longest ever.",
		"RESET [<event> ...]",
		"    Forget the events of these names (default: all).",
		"HISTOGRAM [COMMAND ...]",
		"    How many calls of these commands took no longer than 1, 2, 4 … microseconds",
		"    (default: all that were called).")
	return nil
}

// cmdLatencyLatest serves LATENCY LATEST.
func (kv *KVStore) cmdLatencyLatest(c *Client, args []string) error {
	events := kv.latency.list()
	c.reply.Array(len(events))
	for i := range events {
		e := &events[i]
		c.reply.Array(4)
		c.reply.Bulk(e.name)
		c.reply.Int(e.last().second)
		c.reply.Int(e.last().ms)
		c.reply.Int(e.max)
	}
	return nil
}

// cmdLatencyHistory serves LATENCY HISTORY event.
func (kv *KVStore) cmdLatencyHistory(c *Client, args []string) error {
	e, _ := kv.latency.find(args[2])
	samples := e.samples()
	c.reply.Array(len(samples))
	for _, s := range samples {
		c.reply.Array(2)
		c.reply.Int(s.second)
		c.reply.Int(s.ms)
	}
	return nil
}

// cmdLatencyReset serves LATENCY RESET [event ...].
func (kv *KVStore) cmdLatencyReset(c *Client, args []string) error {
	c.reply.Int(kv.latency.reset(args[2:]))
	return nil
}

// cmdLatencyHistogram serves LATENCY HISTOGRAM [command ...].
func (kv *KVStore) cmdLatencyHistogram(c *Client, args []string) error {
	at, n := c.reply.Len(), 0
	show := func(cmd *command) {
		if cmd.stats.durations != nil {
			n++
			c.reply.Bulk(cmd.full)
			c.replyHistogram(cmd.stats.durations)
		}
	}
	if len(args) == 2 {
		kv.commands.each(show)
	}
	for _, name := range args[2:] {
		cmd := kv.commands.named(name)
		if cmd == nil {
			continue
		}
		show(cmd)
		for i := range cmd.subs {
			show(&cmd.subs[i])
		}
	}
	c.reply.MapAt(at, n)
	return nil
}

// replyHistogram answers with the calls that did not exceed each power of two.
func (c *Client) replyHistogram(h *histogram) {
	r := &c.reply
	r.Map(2)
	r.Bulk("calls")
	r.Int(h.total())
	r.Bulk("histogram_usec")
	at, n := r.Len(), 0
	h.steps(func(us, count int64) {
		n++
		r.Int(us)
		r.Int(count)
	})
	r.MapAt(at, n)
}

// infoLatencystats prints the percentiles of each command that was called.
func (kv *KVStore) infoLatencystats(w *infoWriter) {
	if !kv.tracksLatency {
		return
	}
	percentiles := kv.config.Percentiles()
	names := strings.Fields(kv.config.Str("latency-tracking-info-percentiles"))
	kv.commands.each(func(cmd *command) {
		h := cmd.stats.durations
		if h == nil {
			return
		}
		list := make([]string, len(percentiles))
		for i, p := range percentiles {
			list[i] = fmt.Sprintf("p%s=%.3f", names[i], float64(h.percentile(p))/1000)
		}
		w.field("latency_percentiles_usec_"+safeName(cmd.full), strings.Join(list, ","))
	})
}

// cmdLatencyGraph serves LATENCY GRAPH event.
func (kv *KVStore) cmdLatencyGraph(c *Client, args []string) error {
	e, ok := kv.latency.find(args[2])
	if !ok {
		return errf("ERR No samples available for event '%s'", cString(args[2]))
	}
	c.reply.Verbatim("txt", e.graph(time.Now().Unix()))
	return nil
}

const (
	graphColumns = 80
	graphRows    = 4
	graphSteps   = 3 // heights of a row: _ o #
)

// graph draws the samples as columns, each with how long ago it was below it.
func (e *latencyEvent) graph(now int64) string {
	samples := e.samples()
	low, high := samples[0].ms, samples[0].ms
	for _, s := range samples {
		low, high = min(low, s.ms), max(high, s.ms)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s - high %d ms, low %d ms (all time high %d ms)\n", e.name, high, low, e.max)
	b.WriteString(strings.Repeat("-", graphColumns) + "\n")
	for at := 0; at < len(samples); at += graphColumns {
		if at > 0 {
			b.WriteByte('\n')
		}
		part := samples[at:min(at+graphColumns, len(samples))]
		drawColumns(&b, part, low, high)
		drawAges(&b, part, now)
	}
	return b.String()
}

// drawColumns draws the rows of columns between the lowest and the highest sample.
func drawColumns(b *strings.Builder, samples []latencySample, low, high int64) {
	const steps = graphRows * graphSteps
	span := max(high-low, 1)
	line := make([]byte, len(samples))
	for row := range graphRows {
		below := (graphRows - row - 1) * graphSteps
		for i, s := range samples {
			switch step := int(min((s.ms-low)*steps/span, steps-1)) - below; {
			case step < 0:
				line[i] = ' '
			case step < graphSteps:
				line[i] = "_o#"[step]
			default:
				line[i] = '|'
			}
		}
		b.Write(line)
		b.WriteByte('\n')
	}
}

// drawAges writes below each column how long ago it was, from top to bottom.
func drawAges(b *strings.Builder, samples []latencySample, now int64) {
	ages := make([]string, len(samples))
	longest := 0
	for i, s := range samples {
		ages[i] = ageOf(now - s.second)
		longest = max(longest, len(ages[i]))
	}
	b.WriteString(strings.Repeat(" ", len(samples)) + "\n")
	line := make([]byte, len(samples))
	for row := range longest {
		for i, age := range ages {
			line[i] = ' '
			if row < len(age) {
				line[i] = age[row]
			}
		}
		b.Write(line)
		b.WriteByte('\n')
	}
}

// ageOf prints a number of seconds in the largest unit that it fills.
func ageOf(seconds int64) string {
	switch {
	case seconds < 60:
		return fmt.Sprintf("%ds", seconds)
	case seconds < 3600:
		return fmt.Sprintf("%dm", seconds/60)
	case seconds < 24*3600:
		return fmt.Sprintf("%dh", seconds/3600)
	}
	return fmt.Sprintf("%dd", seconds/(24*3600))
}

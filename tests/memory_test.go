package tests

import (
	"strconv"
	"strings"
	"testing"
)

// Where the memory is and how it goes back: MEMORY STATS, DOCTOR, MALLOC-STATS and
// PURGE.

// memoryStats is the reply of MEMORY STATS, that of a database as "db.0 NAME".
func memoryStats(t *testing.T, c *client) map[string]float64 {
	t.Helper()
	stats := make(map[string]float64)
	var add func(prefix string, v reply)
	add = func(prefix string, v reply) {
		for i := 0; i+1 < len(v.elems); i += 2 {
			name, value := prefix+v.elems[i].text, v.elems[i+1]
			if isAggregate(value.kind) {
				add(name+" ", value)
				continue
			}
			n, err := strconv.ParseFloat(value.text, 64)
			if err != nil {
				t.Fatalf("%s is %q", name, value.text)
			}
			stats[name] = n
		}
	}
	add("", c.do("MEMORY", "STATS"))
	return stats
}

// fill writes so many keys of a database with values of a size.
func fill(t *testing.T, c *client, keys, size int) {
	t.Helper()
	const step = 1000
	value := strings.Repeat("v", size)
	for first := 0; first < keys; first += step {
		var b []byte
		for i := first; i < min(first+step, keys); i++ {
			b = appendCommand(b, "SET", "key:"+strconv.Itoa(i), value, "EX", "1000")
		}
		c.sendRaw(b)
		for i := first; i < min(first+step, keys); i++ {
			c.read()
		}
	}
}

// TestMemoryStats holds the figures against each other and against what was written.
func TestMemoryStats(t *testing.T) {
	s := start(t)
	c := s.client(t)
	const keys, size = 50_000, 500
	empty := memoryStats(t, c)
	c.ok("SELECT 3")
	fill(t, c, keys, size)
	m := memoryStats(t, c)
	grown := m["total.allocated"] - empty["total.allocated"]
	if grown < keys*size || grown > keys*size*1.5 {
		t.Errorf("%d keys of %d bytes take %.0f bytes", keys, size, grown)
	}
	if tables := m["db.3 overhead.hashtable.main"]; tables < keys*5 || tables > keys*20 {
		t.Errorf("the table takes %.0f bytes", tables)
	}
	if expires := m["db.3 overhead.hashtable.expires"]; expires < keys*8 || expires > keys*40 {
		t.Errorf("the index of what expires takes %.0f bytes", expires)
	}
	sum := 0.0
	for _, name := range []string{"startup.allocated", "replication.backlog", "clients.slaves", "clients.normal", "aof.buffer",
		"db.3 overhead.hashtable.main", "db.3 overhead.hashtable.expires", "dataset.bytes"} {
		if _, has := m[name]; !has {
			t.Errorf("no %s", name)
		}
		sum += m[name]
	}
	if sum != m["total.allocated"] {
		t.Errorf("the parts are %.0f bytes together, the whole is %.0f", sum, m["total.allocated"])
	}
	if m["dataset.bytes"] < keys*size || m["keys.count"] != keys || m["keys.bytes-per-key"] < size {
		t.Errorf("%v", m)
	}
	for _, order := range [][2]string{{"total.allocated", "peak.allocated"}, {"overhead.total", "total.allocated"},
		{"allocator.allocated", "allocator.active"}, {"allocator.active", "allocator.resident"}, {"dataset.bytes", "allocator.allocated"}} {
		if m[order[0]] > m[order[1]] {
			t.Errorf("%s is %.0f, %s is %.0f", order[0], m[order[0]], order[1], m[order[1]])
		}
	}
	text := c.do("MEMORY", "MALLOC-STATS").text
	for _, line := range []string{"Arena: data", "used bytes", "Go runtime", "heap/objects bytes"} {
		if !strings.Contains(text, line) {
			t.Errorf("MALLOC-STATS does not have %q: %s", line, text)
		}
	}
}

// TestMemoryPurge drops most of the data, has the doctor say so, and gives the memory
// back.
func TestMemoryPurge(t *testing.T) {
	s := start(t)
	c := s.client(t)
	doctor := func() string {
		text := c.do("MEMORY", "DOCTOR").text
		if strings.Contains(strings.ToLower(text), "sam") {
			t.Errorf("the letters that tools look for: %s", text)
		}
		return text
	}
	if text := doctor(); !strings.Contains(text, "hardly any data") {
		t.Errorf("of an empty server: %s", text)
	}
	const mb = 1 << 20
	fill(t, c, 60_000, 1000)
	full := memoryStats(t, c)
	if text := doctor(); strings.Contains(text, "Peak: ") || strings.Contains(text, "hardly any data") {
		t.Errorf("of a full server: %s", text)
	}
	c.ok("FLUSHALL")
	fill(t, c, 10_000, 1000)
	if text := doctor(); !strings.Contains(text, " * Peak: ") {
		t.Errorf("of a server that has shrunk: %s", text)
	}
	c.ok("MEMORY PURGE")
	resident := func() float64 { return memoryStats(t, c)["allocator.resident"] }
	waitFor(t, "the memory to go back", func() bool { return resident() < full["allocator.resident"]-40*mb })
}

package store

import (
	"strings"
	"testing"
)

// healthy are figures that the doctor has nothing to say about.
func healthy() memoryFigures {
	const mb = 1 << 20
	return memoryFigures{used: 100 * mb, peak: 120 * mb, rss: 120 * mb, allocated: 101 * mb, active: 105 * mb, resident: 110 * mb,
		clients: 1 * mb, backlog: 1 * mb}
}

// TestMemoryDoctor makes each thing go wrong by itself and then all at once.
func TestMemoryDoctor(t *testing.T) {
	const mb = 1 << 20
	diseases := []struct {
		sign   string
		spoil  func(m *memoryFigures)
		nearly func(m *memoryFigures) // just within the limit
	}{
		{"Peak: ", func(m *memoryFigures) { m.peak = 151 * mb }, func(m *memoryFigures) { m.peak = 150 * mb }},
		{"Resident memory: ", func(m *memoryFigures) { m.rss, m.resident, m.active, m.allocated = 141*mb, 140*mb, 139*mb, 138*mb },
			func(m *memoryFigures) { m.rss, m.resident, m.active, m.allocated = 140*mb, 140*mb, 139*mb, 138*mb }},
		{"Fragmentation: ", func(m *memoryFigures) { m.active, m.resident = 120*mb, 120*mb }, func(m *memoryFigures) { m.active, m.resident = 111*mb, 111*mb }},
		{"Free pages: ", func(m *memoryFigures) { m.resident = 120 * mb }, func(m *memoryFigures) { m.resident = 115 * mb }},
		{"The process beside its data: ", func(m *memoryFigures) { m.rss = 130 * mb }, func(m *memoryFigures) { m.rss = 120 * mb }},
		{"Replicas: ", func(m *memoryFigures) { m.replicas = 11 * mb }, func(m *memoryFigures) { m.replicas = 10 * mb }},
		{"Clients: ", func(m *memoryFigures) { m.clients = 3 * mb }, func(m *memoryFigures) { m.clients = 2 * mb }},
	}
	const clients, replicas = 12, 1
	texts := []string{}
	every := healthy()
	for _, d := range diseases {
		m := healthy()
		d.nearly(&m)
		if text := m.diagnosis(clients, replicas); strings.Contains(text, "*") {
			t.Errorf("just within the limit of %q: %s", d.sign, text)
		}
		m = healthy()
		d.spoil(&m)
		d.spoil(&every)
		text := m.diagnosis(clients, replicas)
		if strings.Count(text, " * ") != 1 || !strings.Contains(text, " * "+d.sign) {
			t.Errorf("%q is not the one finding: %s", d.sign, text)
		}
		texts = append(texts, text)
	}
	every.rss, every.resident, every.active, every.allocated = 900*mb, 700*mb, 500*mb, 300*mb
	all := every.diagnosis(clients, replicas)
	if n := strings.Count(all, " * "); n != len(diseases) {
		t.Errorf("%d findings of %d: %s", n, len(diseases), all)
	}
	well, tiny := healthy(), memoryFigures{used: 5<<20 - 1, peak: 1 << 40}
	texts = append(texts, all, well.diagnosis(clients, replicas), tiny.diagnosis(1, 0))
	if strings.Contains(texts[len(texts)-1], "*") || strings.Contains(texts[len(texts)-2], "*") {
		t.Errorf("findings where nothing is wrong: %q", texts[len(texts)-2:])
	}
	for _, text := range texts {
		if strings.Contains(strings.ToLower(text), "sam") {
			t.Errorf("the letters that tools look for: %s", text)
		}
		if !strings.HasSuffix(text, "\n") {
			t.Errorf("no end of line: %q", text)
		}
	}
}

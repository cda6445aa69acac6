package config

import (
	"math"
	"strings"
	"testing"
)

func TestParseMemory(t *testing.T) {
	tests := []struct {
		in   string
		want int64
		ok   bool
	}{
		{"0", 0, true},
		{"1", 1, true},
		{"100mb", 100 << 20, true},
		{"100MB", 100 << 20, true},
		{"100m", 100e6, true},
		{"1k", 1000, true},
		{"1kb", 1024, true},
		{"2g", 2e9, true},
		{"2Gb", 2 << 30, true},
		{"7b", 7, true},
		{"", 0, true},
		{"kb", 0, true},
		{"9223372036854775807", math.MaxInt64, true},
		{"9223372036854775808", 0, false},
		{"99999999999999999999", 0, false},
		{"-1", 0, false},
		{"+1", 0, false},
		{"1 kb", 0, false},
		{"1.5g", 0, false},
		{"1tb", 0, false},
		{strings.Repeat("0", 126) + "5", 5, true},
		{strings.Repeat("0", 127) + "5", 0, false},
	}
	for _, test := range tests {
		t.Run(test.in, func(t *testing.T) {
			got, err := ParseMemory(test.in)
			if got != test.want || (err == nil) != test.ok {
				t.Errorf("got %d, %v", got, err)
			}
		})
	}
}

func TestFormatMemory(t *testing.T) {
	for bytes, want := range map[uint64]string{
		0: "0", 1: "1", 1000: "1000", 1024: "1kb", 1536: "1536", 3 << 20: "3mb", 5 << 30: "5gb",
		math.MaxUint64: "18446744073709551615",
	} {
		got := formatMemory(bytes)
		if got != want {
			t.Errorf("formatMemory(%d) = %s, want %s", bytes, got, want)
		}
		if back, ok := parseMemory(got); back != bytes || !ok {
			t.Errorf("%s reads as %d", got, back)
		}
	}
}

func TestParseLenientInt(t *testing.T) {
	tests := []struct {
		in        string
		base      int
		want      int64
		exact, ok bool
	}{
		{"", 10, 0, true, true},
		{" \t\n\v\f\r12", 10, 12, true, true},
		{"+12", 10, 12, true, true},
		{"-12", 10, -12, true, true},
		{"- 12", 10, 0, true, false},
		{"+-12", 10, 0, true, false},
		{"12 ", 10, 0, true, false},
		{" ", 10, 0, true, false},
		{"-", 10, 0, true, false},
		{"1_0", 10, 0, true, false},
		{"0017", 8, 15, true, true},
		{"8", 8, 0, true, false},
		{"12\x00x", 10, 12, true, true},
		{"9223372036854775808", 10, math.MaxInt64, false, true},
		{"-9223372036854775809", 10, math.MinInt64, false, true},
		{"99999999999999999999x", 10, 0, true, false},
	}
	for _, test := range tests {
		t.Run(test.in, func(t *testing.T) {
			n, exact, ok := parseLenientInt(test.in, test.base)
			if ok != test.ok || ok && (n != test.want || exact != test.exact) {
				t.Errorf("got %d, %v, %v", n, exact, ok)
			}
		})
	}
}

func TestParseDouble(t *testing.T) {
	tests := []struct {
		in   string
		want float64
		ok   bool
	}{
		{"1", 1, true}, {"-1.5", -1.5, true}, {"+.5", .5, true}, {"5.", 5, true}, {"1e2", 100, true},
		{"0x10", 16, true}, {"0x1p4", 16, true}, {"-0X.8", -.5, true}, {"inf", math.Inf(1), true},
		{"0", 0, true}, {"0x0p9", 0, true}, {"0e5", 0, true}, {"1e-310", 1e-310, true},
		{"", 0, false}, {" 1", 0, false}, {"1 ", 0, false}, {"nan", 0, false}, {"1e", 0, false},
		{"0x", 0, false}, {"1e400", 0, false}, {"1e-400", 0, false}, {"0x1p-9999", 0, false},
		{"1_0", 0, false}, {"0x_1", 0, false}, {"1\x00", 0, false},
	}
	for _, test := range tests {
		t.Run(test.in, func(t *testing.T) {
			if f, ok := parseDouble(test.in); ok != test.ok || ok && f != test.want {
				t.Errorf("got %v, %v", f, ok)
			}
		})
	}
}

func TestKeyspaceEvents(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "KEA": "AKE", "KA": "AK", "g$lshzxetd": "A", "mnAKE": "AKEm", "nm": "nm", "Ex": "xE",
	} {
		flags, err := KeyspaceEventFlags(in)
		if got := KeyspaceEventLetters(flags); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
	if _, err := KeyspaceEventFlags("KEy"); err != errEventClass {
		t.Errorf("got %v", err)
	}
	for flags := range EventNew << 1 {
		const unknown = EventNew >> 2 // the bit without a letter
		back, err := KeyspaceEventFlags(KeyspaceEventLetters(flags))
		if flags&EventAll == EventAll {
			flags &^= EventNew // lost behind the A
		}
		if err != nil || back != flags&^unknown {
			t.Fatalf("%b became %b, %v", flags, back, err)
		}
	}
}

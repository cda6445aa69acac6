package store

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// tableLCS is the textbook's way: the whole table of numbers, and the walk back
// from its end that prefers to leave the first string where it is.
func tableLCS(a, b string) (length int, ranges []lcsRange) {
	l := make([][]int, len(a)+1)
	for i := range l {
		l[i] = make([]int, len(b)+1)
		for j := 1; i > 0 && j <= len(b); j++ {
			if a[i-1] == b[j-1] {
				l[i][j] = l[i-1][j-1] + 1
			} else {
				l[i][j] = max(l[i-1][j], l[i][j-1])
			}
		}
	}
	joined := false
	for i, j := len(a), len(b); i > 0 && j > 0; {
		switch {
		case a[i-1] == b[j-1]:
			i, j = i-1, j-1
			if !joined {
				ranges = append(ranges, lcsRange{})
			}
			last := &ranges[len(ranges)-1]
			*last = lcsRange{i, j, last.n + 1}
			joined = true
		case l[i-1][j] > l[i][j-1]:
			i, joined = i-1, false
		default:
			j, joined = j-1, false
		}
	}
	return l[len(a)][len(b)], ranges
}

func compareLCS(t *testing.T, a, b string) {
	t.Helper()
	if a == "" || b == "" {
		return
	}
	mem := arena.NewChecked()
	defer mem.Close()
	table := newLCSTable(mem, a, b)
	var got []lcsRange
	table.ranges(func(r lcsRange) { got = append(got, r) })
	length, want := tableLCS(a, b)
	if table.length() != length {
		t.Errorf("LCS of %q and %q has %d bytes, want %d", a, b, table.length(), length)
	}
	if !slices.Equal(got, want) {
		t.Errorf("LCS of %q and %q is %v, want %v", a, b, got, want)
	}
	table.free()
	if err := mem.Check(); err != nil || mem.Used() != 0 {
		t.Errorf("%d bytes are left, %v", mem.Used(), err)
	}
}

func TestLCS(t *testing.T) {
	tests := []struct{ name, a, b string }{
		{"some", "ohmytext", "mynewtext"},
		{"none", "abc", "xyz"},
		{"same", "abcabc", "abcabc"},
		{"one byte", "a", "a"},
		{"all in the longer", "bd", "abcde"},
		{"63", strings.Repeat("a", 63), strings.Repeat("ab", 40)},
		{"64", strings.Repeat("a", 64), strings.Repeat("a", 64)},
		{"65", strings.Repeat("ba", 70), strings.Repeat("a", 65)},
		{"carry over words", strings.Repeat("x", 200), "x" + strings.Repeat("y", 150) + "x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			compareLCS(t, tt.a, tt.b)
			compareLCS(t, tt.b, tt.a)
		})
	}
}

func TestLCSRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	text := func(letters int) string {
		b := make([]byte, 1+rng.IntN(200))
		for i := range b {
			b[i] = byte(rng.IntN(letters))
		}
		return string(b)
	}
	for range 300 {
		letters := []int{1, 2, 4, 26, 256}[rng.IntN(5)]
		compareLCS(t, text(letters), text(letters))
	}
}

// FuzzLCS compares with the textbook's table.
func FuzzLCS(f *testing.F) {
	f.Add("ohmytext", "mynewtext")
	f.Add("\x00\xff", "\xff\x00\xff")
	f.Fuzz(func(t *testing.T, a, b string) {
		const most = 500
		compareLCS(t, a[:min(len(a), most)], b[:min(len(b), most)])
	})
}

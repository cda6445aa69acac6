package store

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

const hllSparseDefault = 3000

// newHLL is an empty one outside of any store.
func newHLL() []byte { return appendEmptyHLL(nil) }

// slowRegisters reads any HyperLogLog in the plainest way, or says that its
// runs do not come to the registers that there are.
func slowRegisters(b []byte) (*hllMaxima, bool) {
	all := make([]uint8, 0, hllRegisters)
	if b[hllEncoding] == hllDense {
		bits := b[hllHead:]
		for i := range hllRegisters {
			value := uint8(0)
			for bit := range hllBits {
				n := i*hllBits + bit
				value |= bits[n/8] >> (n % 8) & 1 << bit
			}
			all = append(all, value)
		}
		return (*hllMaxima)(all), true
	}
	for p := hllHead; p < len(b); p++ {
		c, value, n := int(b[p]), 0, 0
		switch {
		case c >= 0x80:
			value, n = (c-0x80)/4+1, c%4+1
		case c >= 0x40:
			n = (c-0x40)*256 + 1
			if p++; p < len(b) {
				n += int(b[p])
			}
		default:
			n = c + 1
		}
		if len(all)+n > hllRegisters {
			return nil, false
		}
		for range n {
			all = append(all, uint8(value))
		}
	}
	if len(all) != hllRegisters {
		return nil, false
	}
	return (*hllMaxima)(all), true
}

// compareHLL holds that b has the registers, by every way of reading them.
func compareHLL(t testing.TB, b []byte, want *hllMaxima) {
	t.Helper()
	got, ok := slowRegisters(b)
	if !ok || *got != *want {
		t.Fatalf("%.60x…: wrong registers (sound: %v)", b, ok)
	}
	var union hllMaxima
	if !mergeHLL(&union, b) || union != *want {
		t.Fatalf("%.60x… merges to other registers", b)
	}
	count, ok := countHLL(b)
	if !ok || count != want.count() {
		t.Fatalf("%.60x… counts %d (sound: %v), its registers %d", b, count, ok, want.count())
	}
	if isDenseHLL(b) {
		return
	}
	dense, ok := denseHLL(b)
	if got, _ := slowRegisters(dense); !ok || *got != *want {
		t.Fatalf("%.60x… becomes dense with other registers (sound: %v)", b, ok)
	}
}

// TestHLLRegisters raises registers at random, in few places so that runs of
// values come about and join.
func TestHLLRegisters(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		b, want := newHLL(), hllMaxima{}
		width := 1 + rng.IntN(1<<rng.IntN(hllIndexBits))
		from := rng.IntN(hllRegisters - width + 1)
		limit := int64(rng.IntN(2 * hllSparseDefault))
		for step := range 400 {
			index, value := from+rng.IntN(width), uint8(1+rng.IntN(1<<rng.IntN(5)))
			if rng.IntN(1000) == 0 {
				value = uint8(1 + rng.IntN(hllRowMax))
			}
			var change hllChange
			b, change = setHLL(b, index, value, limit)
			if raised := value > want[index]; raised != (change == hllRaised) || change == hllCorrupt {
				t.Fatalf("register %d from %d to %d: %v", index, want[index], value, change)
			}
			want[index] = max(want[index], value)
			if !isHLL(b) || !isDenseHLL(b) && int64(len(b)) > max(limit, hllHead+2) {
				t.Fatalf("%d bytes with a limit of %d", len(b), limit)
			}
			if step%20 == 0 || round < 5 {
				compareHLL(t, b, &want)
			}
		}
		compareHLL(t, b, &want)
	}
}

// A hllVector is a line of testdata/hll.txt.
type hllVector struct {
	sparseMax   int64
	prefix      string
	first, last int
	count       int64
	value       []byte
}

func hllVectors(t testing.TB) []hllVector {
	t.Helper()
	text, err := os.ReadFile("testdata/hll.txt")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []hllVector
	for line := range strings.Lines(string(text)) {
		if line[0] == '#' {
			continue
		}
		var v hllVector
		var value string
		if _, err := fmt.Sscanf(line, "%d %q %d %d %d %s", &v.sparseMax, &v.prefix, &v.first, &v.last, &v.count, &value); err != nil {
			t.Fatal(err)
		}
		if v.value, err = hex.DecodeString(value); err != nil {
			t.Fatal(err)
		}
		vectors = append(vectors, v)
	}
	return vectors
}

// TestHLLAsRedis adds what was added on redis-server, and takes over what it
// had: the bytes are the same, and so are the counts.
func TestHLLAsRedis(t *testing.T) {
	for _, v := range hllVectors(t) {
		t.Run(fmt.Sprintf("%s%d-%d", v.prefix, v.first, v.last), func(t *testing.T) {
			kv := newChecked(t)
			s := newSession(t, kv)
			s.do("CONFIG", "SET", "hll-sparse-max-bytes", formatInt(v.sparseMax))
			s.do("PFADD", "ours")
			for i := v.first; i <= v.last; i++ {
				s.do("PFADD", "ours", v.prefix+formatInt(int64(i)))
			}
			if got := kv.bytes(kv.dbs[0].find("ours")); !bytes.Equal(got, v.value) {
				t.Errorf("ours is\n%x, redis-server's\n%x", got, v.value)
			}
			s.do("SET", "theirs", string(v.value))
			for _, key := range []string{"ours", "theirs"} {
				s.expect("PFCOUNT "+key, formatInt(v.count))
				s.expect("PFCOUNT "+key, formatInt(v.count))
			}
			s.expect("PFCOUNT ours theirs", formatInt(v.count))
			s.expect("PFADD theirs "+v.prefix+formatInt(int64(v.last)), map[bool]string{true: "0", false: "1"}[v.last >= v.first])
			if err := kv.check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestHLLEstimate counts sets of all sizes, up to where most registers are
// full; the error is 0.81 % in the mean.
func TestHLLEstimate(t *testing.T) {
	var elements hllMaxima
	rng := rand.New(rand.NewPCG(3, 4))
	next := 1
	for n := 1; n <= 1_000_000; n++ {
		index, value := hllHash(fmt.Sprint(rng.Uint64()))
		elements[index] = max(elements[index], value)
		if n != next {
			continue
		}
		next += 1 + n/3
		if off := math.Abs(float64(elements.count() - int64(n))); off > 1+float64(n)*4*0.0081 {
			t.Errorf("%d elements are estimated as %d", n, elements.count())
		}
	}
}

func TestIsHLL(t *testing.T) {
	dense, _ := denseHLL(newHLL())
	bad := func(b []byte, at int, c byte) []byte {
		b = bytes.Clone(b)
		b[at] = c
		return b
	}
	for _, test := range []struct {
		name string
		b    []byte
		want bool
	}{
		{"empty", nil, false},
		{"head cut short", newHLL()[:hllHead-1], false},
		{"head only", newHLL()[:hllHead], true}, // its runs are missing: corrupt, but a HyperLogLog
		{"sparse", newHLL(), true},
		{"dense", dense, true},
		{"dense, too short", dense[:hllDenseSize-1], false},
		{"dense, too long", append(bytes.Clone(dense), 0), false},
		{"other magic", bad(newHLL(), 3, 'l'), false},
		{"other encoding", bad(newHLL(), hllEncoding, 2), false},
		{"unused bytes in use", bad(newHLL(), 6, 1), true},
		{"no count", bad(newHLL(), hllCached+7, 0xff), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := isHLL(test.b); got != test.want {
				t.Errorf("isHLL = %v", got)
			}
		})
	}
}

// TestHLLEffects: what replicas and the append-only file are told.
func TestHLLEffects(t *testing.T) {
	for _, test := range []struct{ setup, command, effects string }{
		{"", "PFADD h a b", "PFADD h a b"},
		{"", "PFADD h", "PFADD h"},
		{"PFADD h a", "PFADD h a", ""},
		{"PFADD h a", "PFCOUNT h", "PFCOUNT h"}, // the count is in the value now
		{"PFADD h a; PFCOUNT h", "PFCOUNT h", ""},
		{"PFADD h a", "PFCOUNT h h", ""},
		{"", "PFCOUNT h", ""},
		{"PFADD h a", "PFMERGE d h", "PFMERGE d h"},
		{"", "PFMERGE d", "PFMERGE d"},
		{"PFADD h a", "PFDEBUG TODENSE h", "PFDEBUG TODENSE h"},
		{"PFADD h a; PFDEBUG TODENSE h", "PFDEBUG TODENSE h", ""},
		{"PFADD h a", "PFDEBUG GETREG h", "PFDEBUG GETREG h"},
		{"PFADD h a", "PFDEBUG DECODE h", ""},
		{"SET h x", "PFADD h a", ""},
	} {
		t.Run(test.setup+"; "+test.command, func(t *testing.T) {
			kv := newChecked(t)
			s := newSession(t, kv)
			for setup := range strings.SplitSeq(test.setup, "; ") {
				if setup != "" {
					s.do(strings.Fields(setup)...)
				}
			}
			var got []string
			kv.effects.sink = func(_ int, args []string) { got = append(got, strings.Join(args, " ")) }
			s.do(strings.Fields(test.command)...)
			if strings.Join(got, "; ") != test.effects {
				t.Errorf("told %q, want %q", got, test.effects)
			}
		})
	}
}

// TestHLLExpiry: no way of changing a HyperLogLog costs its key the expiry.
func TestHLLExpiry(t *testing.T) {
	kv := newChecked(t)
	s := newSession(t, kv)
	s.do("PFADD", "h")
	s.do("EXPIRE", "h", "100")
	at := kv.dbs[0].find("h").expireAt()
	for i := range 3000 {
		s.do("PFADD", "h", fmt.Sprint(i))
		if got := kv.dbs[0].find("h").expireAt(); got != at {
			t.Fatalf("after %d elements the key expires at %d, not %d", i+1, got, at)
		}
	}
	s.expect("PFDEBUG ENCODING h", "dense")
	if err := kv.check(); err != nil {
		t.Error(err)
	}
}

// FuzzHLL gives any bytes the head of a HyperLogLog and runs all commands on
// it: whether they refuse it must depend on its runs alone, and what they
// count on its registers.
func FuzzHLL(f *testing.F) {
	f.Add(false, []byte{0x7f, 0xff}, "a", uint16(3000))
	f.Add(false, []byte{0x7f, 0xfe, 0x40}, "a", uint16(3000))
	f.Add(false, []byte{0x7f}, "b", uint16(0))
	f.Add(false, bytes.Repeat([]byte{0x80, 0x84}, 40), "", uint16(50))
	f.Add(true, []byte{0xff, 0x01, 0xf0}, "c", uint16(3000))
	f.Fuzz(func(t *testing.T, dense bool, runs []byte, element string, limit uint16) {
		kv := newChecked(t)
		s := newSession(t, kv)
		s.do("CONFIG", "SET", "hll-sparse-max-bytes", formatInt(int64(limit)))
		value := append(newHLL()[:hllHead], runs...)
		if dense {
			value, _ = denseHLL(newHLL())
			copy(value[hllHead:], runs)
		}
		dropCachedHLLCount(value)
		registers, sound := slowRegisters(value)
		want := string(errCorruptHLL)
		if sound {
			want = formatInt(registers.count())
			compareHLL(t, value, registers)
		}
		for _, command := range []string{"PFCOUNT h", "PFCOUNT h h", "PFCOUNT nosuch h"} {
			s.do("SET", "h", string(value))
			s.expect(command, want)
		}
		status := "OK"
		if !sound {
			status = want
		}
		s.expect("PFMERGE d h", status)
		s.do("PFDEBUG", "DECODE", "h")
		for range 3 {
			if got := s.do("PFADD", "h", element, element+"x", element+"y"); got != "0" && got != "1" && got != string(errCorruptHLL) {
				t.Errorf("PFADD: %s", got)
			}
			element += "z"
		}
		s.do("PFMERGE", "h", "d")
		s.do("PFDEBUG", "TODENSE", "h")
		if err := kv.check(); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkHLL(b *testing.B) {
	for _, bench := range []struct {
		name     string
		elements int
	}{
		{"sparse 100", 100}, {"sparse 1000", 1000}, {"dense 100000", 100_000},
	} {
		h := newHLL()
		for i := range bench.elements {
			index, value := hllHash(formatInt(int64(i)))
			h, _ = setHLL(h, index, value, hllSparseDefault)
		}
		b.Run("count/"+bench.name, func(b *testing.B) {
			for b.Loop() {
				countHLL(h)
			}
		})
		b.Run("merge/"+bench.name, func(b *testing.B) {
			var union hllMaxima
			for b.Loop() {
				mergeHLL(&union, h)
			}
		})
		b.Run("add/"+bench.name, func(b *testing.B) {
			for b.Loop() {
				index, value := hllHash("element")
				setHLL(h, index, value, hllSparseDefault)
			}
		})
	}
}

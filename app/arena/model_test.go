package arena

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// A modelBlock is what the model knows of a block: its bytes are a pattern of
// seed for the length asked.
type modelBlock struct {
	ref  Ref
	n    int
	seed byte
}

// A model drives an arena by random steps and knows what it must hold.
type model struct {
	t      *testing.T
	a      *Arena
	random func(n int) int // in [0, n)
	most   int             // largest block
	blocks []modelBlock
	used   int64
}

// size is log-uniform, so that every kind of block appears.
func (m *model) size() int {
	limit := 1 << (1 + m.random(bits.Len(uint(m.most))))
	return min(1+m.random(limit), m.most)
}

func (m *model) step() {
	switch op := m.random(16); {
	case op < 6:
		m.alloc()
	case len(m.blocks) == 0:
	case op < 9:
		m.free(m.random(len(m.blocks)))
	case op < 14:
		m.resize(m.random(len(m.blocks)))
	case op < 15:
		m.a.Reclaim(m.random(1 << 20))
	default:
		for m.used > 64<<20 {
			m.free(m.random(len(m.blocks)))
		}
	}
	if m.a.Used() != m.used {
		m.t.Fatalf("Used() = %d, want %d", m.a.Used(), m.used)
	}
}

func (m *model) alloc() {
	b := modelBlock{n: m.size(), seed: byte(m.random(256))}
	b.ref = m.a.Alloc(b.n)
	if m.a.Cap(b.ref) != RoundUp(b.n) {
		m.t.Fatalf("Alloc(%d): Cap %d, want %d", b.n, m.a.Cap(b.ref), RoundUp(b.n))
	}
	m.fill(b)
	m.blocks = append(m.blocks, b)
	m.used += int64(RoundUp(b.n))
}

func (m *model) free(i int) {
	b := m.blocks[i]
	m.verify(b)
	m.a.Free(b.ref)
	m.used -= int64(RoundUp(b.n))
	m.blocks[i] = m.blocks[len(m.blocks)-1]
	m.blocks = m.blocks[:len(m.blocks)-1]
}

func (m *model) resize(i int) {
	b := &m.blocks[i]
	n := m.size()
	if m.random(2) == 0 { // a little
		n = min(m.most, max(1, b.n-b.n/8+m.random(b.n/4+10)))
	}
	m.verify(*b)
	m.used += int64(RoundUp(n) - RoundUp(b.n))
	b.ref = m.a.Resize(b.ref, b.n, n)
	if m.a.Cap(b.ref) != RoundUp(n) {
		m.t.Fatalf("resized to %d: Cap %d, want %d", n, m.a.Cap(b.ref), RoundUp(n))
	}
	b.n = min(b.n, n)
	m.verify(*b)
	b.n = n
	m.fill(*b)
}

// word is what the pattern has at a multiple of 8.
func (b modelBlock) word(at int) uint64 { return uint64(at)*0x9E3779B97F4A7C15 + uint64(b.seed) }

func (m *model) fill(b modelBlock) {
	bytes := m.a.Bytes(b.ref, b.n)
	at := 0
	for ; at+8 <= len(bytes); at += 8 {
		binary.LittleEndian.PutUint64(bytes[at:], b.word(at))
	}
	for word := b.word(at); at < len(bytes); at++ {
		bytes[at] = byte(word)
		word >>= 8
	}
}

func (m *model) verify(b modelBlock) {
	m.t.Helper()
	bytes := m.a.Bytes(b.ref, b.n)
	at := 0
	for ; at+8 <= len(bytes); at += 8 {
		if got := binary.LittleEndian.Uint64(bytes[at:]); got != b.word(at) {
			m.t.Fatalf("block %#x of %d bytes: %#x at %d, want %#x", b.ref, b.n, got, at, b.word(at))
		}
	}
	for word := b.word(at); at < len(bytes); at++ {
		if bytes[at] != byte(word) {
			m.t.Fatalf("block %#x of %d bytes: %#x at %d, want %#x", b.ref, b.n, bytes[at], at, byte(word))
		}
		word >>= 8
	}
}

func (m *model) finish() {
	mustCheck(m.t, m.a)
	for len(m.blocks) > 0 {
		m.free(len(m.blocks) - 1)
	}
	for m.a.Reclaim(1 << 20) {
	}
	mustCheck(m.t, m.a)
	if most := int64(2*chunkBytes + headerSlabBytes); m.a.Mapped() > most {
		m.t.Errorf("%d bytes mapped at the end, want at most %d", m.a.Mapped(), most)
	}
}

func TestModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, row := range []struct {
		name  string
		most  int
		steps int
	}{
		{"small", 2000, 30_000}, {"classes", classMax, 10_000}, {"spans", spanMax, 1500}, {"all", 16 << 20, 700},
	} {
		t.Run(row.name, func(t *testing.T) {
			modes(t, func(t *testing.T, a *Arena) {
				m := &model{t: t, a: a, random: rand.New(rand.NewPCG(seed, 1)).IntN, most: row.most}
				for i := range row.steps {
					m.step()
					if i%200 == 0 {
						mustCheck(t, a)
					}
				}
				m.finish()
			})
		})
	}
}

// FuzzArena lets the input choose the steps.
func FuzzArena(f *testing.F) {
	f.Add([]byte("\x00\x01\x00\x02\x09\x05\x00\x08\x07\x00"))
	f.Add([]byte{0, 20, 255, 255, 255, 0, 21, 200, 100, 50, 9, 0, 22, 1, 2, 3, 7, 0, 14, 255, 255})
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 150 {
			return
		}
		for _, a := range []*Arena{New(), NewChecked()} {
			left := input
			m := &model{t: t, a: a, most: 6 << 20, random: func(n int) int {
				v := 0
				for limit := n - 1; limit > 0 && len(left) > 0; limit >>= 8 {
					v = v<<8 | int(left[0])
					left = left[1:]
				}
				return v % n
			}}
			for len(left) > 0 {
				m.step()
			}
			mustCheck(t, a)
			m.finish()
			a.Close()
		}
	})
}

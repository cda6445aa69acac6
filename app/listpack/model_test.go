package listpack

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A model is a listpack beside the list of strings that it should be.
type model struct {
	b    []byte
	list []string
	room int // bytes that the capacity exceeds the length by, before each edit
}

// fit gives the listpack the capacity that an owner would have left it. What
// lies behind it is noise.
func (m *model) fit() {
	block := make([]byte, len(m.b)+m.room)
	for i := copy(block, m.b); i < len(block); i++ {
		block[i] = 0xee
	}
	m.b = block[:len(m.b)]
}

// check compares all that can be read of the listpack with the list.
func (m *model) check(t *testing.T) {
	t.Helper()
	if err := Validate(m.b, true); err != nil {
		t.Fatalf("%v: %x", err, m.b)
	}
	if Len(m.b) != len(m.list) || Size(m.b) != len(m.b) {
		t.Fatalf("%d entries in %d bytes, want %d in %d", Len(m.b), Size(m.b), len(m.list), len(m.b))
	}
	checkWalks(t, m.b)
	if got := strs(m.b); !slices.Equal(got, m.list) {
		t.Fatalf("%q, want %q", got, m.list)
	}
}

// checkWalks compares the way through b with the way back.
func checkWalks(t *testing.T, b []byte) {
	t.Helper()
	var forth, back []int
	for p := First(b); !AtEnd(b, p); p = Next(b, p) {
		forth = append(forth, p)
	}
	for p := Last(b); p != 0; p = Prev(b, p) {
		back = append(back, p)
	}
	slices.Reverse(back)
	if !slices.Equal(forth, back) {
		t.Fatalf("forth %d, back %d", forth, back)
	}
	for i, p := range forth {
		if Seek(b, i) != p || Seek(b, i-len(forth)) != p {
			t.Fatalf("Seek(%d): %d, from the tail %d, want %d", i, Seek(b, i), Seek(b, i-len(forth)), p)
		}
	}
	if len(forth) != Len(b) {
		t.Fatalf("%d entries, Len says %d", len(forth), Len(b))
	}
}

// edit makes the kind'th edit at an index, with s.
func (m *model) edit(kind, index int, s string) {
	m.fit()
	n, isInt := parseInt(s)
	p := Seek(m.b, index)
	switch kind {
	case 0:
		m.b, m.list = Append(m.b, s), append(m.list, s)
	case 1:
		m.b, m.list = Prepend(m.b, s), slices.Insert(m.list, 0, s)
	case 2:
		m.b, m.list = Insert(m.b, p, s), slices.Insert(m.list, index, s)
	case 3:
		if isInt {
			m.b, m.list = InsertInt(m.b, p, n), slices.Insert(m.list, index, s)
		}
	case 4:
		if isInt {
			m.b, m.list = AppendInt(m.b, n), append(m.list, s)
		}
	case 5:
		if index < len(m.list) {
			m.b, m.list[index] = Replace(m.b, p, s), s
		}
	case 6:
		if index < len(m.list) && isInt {
			m.b, m.list[index] = ReplaceInt(m.b, p, n), s
		}
	case 7:
		count := len(s) % 4
		m.b, m.list = Delete(m.b, p, count), slices.Delete(m.list, index, min(index+count, len(m.list)))
	case 8: // the entries from index on for s and s
		run := AppendEntry(AppendEntry(nil, s), s)
		m.b = Splice(m.b, p, len(m.b)-1, run, 2-(len(m.list)-index))
		m.list = append(m.list[:index], s, s)
	}
}

const edits = 9

// find compares Find with a search through the list.
func (m *model) find(t *testing.T, index int, s string, skip int) {
	t.Helper()
	want := -1
	for i := index; i < len(m.list); i += skip + 1 {
		if m.list[i] == s {
			want = Seek(m.b, i)
			break
		}
	}
	if got := Find(m.b, Seek(m.b, index), s, skip); got != want {
		t.Fatalf("Find(%q, %d) from index %d: %d, want %d", s, skip, index, got, want)
	}
}

// randomString is short more often than not, and an integer as often.
func randomString(r *rand.Rand) string {
	switch r.IntN(8) {
	case 0, 1:
		return strconv.Itoa(r.IntN(300) - 100)
	case 2, 3:
		return strconv.FormatInt(int64(r.Uint64())>>r.IntN(64), 10)
	case 4:
		return strings.Repeat("x", r.IntN(5000))
	case 5:
		return strings.Repeat("y", 60+r.IntN(80))
	default:
		return "field:" + strconv.Itoa(r.IntN(30))
	}
}

func TestModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 8 {
		m := &model{b: Init(make([]byte, EmptySize))}
		for range 200 {
			m.room = r.IntN(3) * r.IntN(40)
			kind := r.IntN(edits)
			if kind > 6 && r.IntN(3) > 0 {
				kind = 0
			}
			m.edit(kind, r.IntN(len(m.list)+1), randomString(r))
			m.check(t)
			s := randomString(r)
			if len(m.list) > 0 && r.IntN(2) == 0 {
				s = m.list[r.IntN(len(m.list))]
			}
			m.find(t, r.IntN(len(m.list)+1), s, r.IntN(3))
		}
	}
}

// Edits with room enough stay where they are and leave what is behind alone.
func TestEditInPlace(t *testing.T) {
	block := make([]byte, 100)
	for i := range block {
		block[i] = 0xee
	}
	b := Init(block[0:0:60])
	b = Append(b, "hello")
	b = Prepend(b, "12345")
	b = Replace(b, First(b), "a longer one")
	if &b[0] != &block[0] || cap(b) != 60 {
		t.Fatal("not in place")
	}
	if rest := block[len(b)+5:]; bytes.Count(rest, []byte{0xee}) != len(rest) {
		t.Errorf("%x", block)
	}
	full := b[:len(b):len(b)]
	if b2 := Append(full, "x"); &b2[0] == &block[0] || string(full) != string(b) {
		t.Error("not in a new slice, or the old one has changed")
	}
	if allocs := testing.AllocsPerRun(10, func() {
		b = Insert(b, First(b), "new")
		Find(b, First(b), "hello", 0)
		b = Delete(b, First(b), 1)
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

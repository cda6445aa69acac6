package store

import (
	"math/bits"
	"unsafe"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// The longest common subsequence of two strings, for LCS.
//
// In the usual table, where L(i,j) is the length for the first i bytes of a and
// the first j of b, a row never falls from left to right and never rises by more
// than one. So a row is kept as a bit for each byte of b: 0 where it rises. One
// addition makes 64 cells of the next row (Hyyrö, "Bit-parallel LCS-length
// computation revisited", 2004), and all rows together take a 32nd of a table
// of numbers.
//
// The bits suffice to walk back from the end, too. Where the bytes differ,
// L(i,j) is the greater of L(i-1,j) and L(i,j-1); the row rises at j just when
// the latter is smaller.

// An lcsTable is the rows of one comparison. Its memory is an arena block.
type lcsTable struct {
	a, b  string
	words int      // of 64 bits in a row
	rows  []uint64 // row i, 1 <= i <= len(a), is rows[(i-1)*words:i*words]
	arena *arena.Arena
	block arena.Ref
}

// newLCSTable compares a and b, neither of which is empty.
func newLCSTable(mem *arena.Arena, a, b string) *lcsTable {
	t := &lcsTable{a: a, b: b, words: (len(b) + 63) / 64, arena: mem}
	var number [256]int // of each byte that occurs in a, from 1 on
	distinct := 0
	for i := range len(a) {
		if number[a[i]] == 0 {
			distinct++
			number[a[i]] = distinct
		}
	}
	n := (len(a) + distinct) * t.words
	t.block = mem.Alloc(n * 8)
	memory := unsafe.Slice((*uint64)(mem.Ptr(t.block)), n)
	t.rows = memory[:len(a)*t.words]
	matches := memory[len(t.rows):]
	clear(matches)
	for j := range len(b) {
		if k := number[b[j]]; k > 0 {
			matches[(k-1)*t.words+j/64] |= 1 << (j % 64)
		}
	}
	for i := range len(a) {
		k := number[a[i]] - 1
		t.fillRow(i, matches[k*t.words:(k+1)*t.words])
	}
	return t
}

// fillRow makes row i+1 from row i and the places in b where a[i] is.
func (t *lcsTable) fillRow(i int, match []uint64) {
	row := t.rows[i*t.words : (i+1)*t.words]
	if i == 0 {
		for w := range row {
			row[w] = ^uint64(0) // L(0,j) never rises
		}
	} else {
		copy(row, t.rows[(i-1)*t.words:i*t.words])
	}
	var carry uint64
	for w, v := range row {
		m := match[w]
		var sum uint64
		sum, carry = bits.Add64(v, v&m, carry)
		row[w] = sum | v&^m
	}
}

// free gives the memory back.
func (t *lcsTable) free() { t.arena.Free(t.block) }

// length is the length of the longest common subsequence.
func (t *lcsTable) length() int {
	n := 0
	for _, v := range t.rows[len(t.rows)-t.words:] {
		n += bits.OnesCount64(^v) // what is beyond b stays 1, for it matches nothing
	}
	return n
}

// rises reports whether L(i,j) > L(i,j-1).
func (t *lcsTable) rises(i, j int) bool {
	j--
	return t.rows[(i-1)*t.words+j/64]>>(j%64)&1 == 0
}

// An lcsRange is a stretch that both strings share: a[aStart:aStart+n] and
// b[bStart:bStart+n].
type lcsRange struct {
	aStart, bStart, n int
}

// ranges calls yield for the stretches of the longest common subsequence, from
// the last to the first.
func (t *lcsTable) ranges(yield func(lcsRange)) {
	var r lcsRange
	i, j := len(t.a), len(t.b)
	for i > 0 && j > 0 {
		if t.a[i-1] == t.b[j-1] {
			i, j = i-1, j-1
			r = lcsRange{i, j, r.n + 1}
			continue
		}
		if r.n > 0 {
			yield(r)
			r.n = 0
		}
		if t.rises(i, j) {
			i--
		} else {
			j--
		}
	}
	if r.n > 0 {
		yield(r)
	}
}

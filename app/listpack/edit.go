package listpack

import "slices"

// Edits, with the semantics of append: in place where the capacity suffices,
// else in a new slice. Either way what they return replaces b. An argument must
// not be a view of b.

// reshape gives the bytes [p, q) of b room for n bytes instead, which the
// caller fills.
func reshape(b []byte, p, q, n int) []byte {
	size := len(b) - (q - p) + n
	grown := b
	if size > cap(b) {
		grown = slices.Grow(b[:p:p], size-p)
	}
	grown = grown[:size]
	copy(grown[p+n:], b[q:])
	return grown
}

// Append adds s behind the last entry.
func Append(b []byte, s string) []byte { return Insert(b, len(b)-1, s) }

// AppendInt adds n behind the last entry.
func AppendInt(b []byte, n int64) []byte { return InsertInt(b, len(b)-1, n) }

// Prepend adds s before the first entry.
func Prepend(b []byte, s string) []byte { return Insert(b, HeaderSize, s) }

// Insert adds s before the entry at p, which may be the end.
func Insert(b []byte, p int, s string) []byte { return put(b, p, p, s, 1) }

// InsertInt adds n before the entry at p, which may be the end.
func InsertInt(b []byte, p int, n int64) []byte { return putNumber(b, p, p, n, 1) }

// Replace puts s in the place of the entry at p, which must not be the end.
func Replace(b []byte, p int, s string) []byte { return put(b, p, Next(b, p), s, 0) }

// ReplaceInt puts n in the place of the entry at p, which must not be the end.
func ReplaceInt(b []byte, p int, n int64) []byte { return putNumber(b, p, Next(b, p), n, 0) }

// put replaces the bytes [p, q) by the entry of s.
func put(b []byte, p, q int, s string, delta int) []byte {
	if n, ok := parseInt(s); ok {
		return putNumber(b, p, q, n, delta)
	}
	b = reshape(b, p, q, stringSize(s))
	putString(b[p:], s)
	setHeader(b, delta)
	return b
}

// putNumber replaces the bytes [p, q) by the entry of n.
func putNumber(b []byte, p, q int, n int64, delta int) []byte {
	b = reshape(b, p, q, EncodedSizeInt(n))
	putInt(b[p:], n)
	setHeader(b, delta)
	return b
}

// Delete removes n entries from p on, fewer if there are not so many. The bytes
// behind the shorter listpack keep no meaning.
func Delete(b []byte, p, n int) []byte {
	q, gone := p, 0
	for ; gone < n && b[q] != terminator; gone++ {
		q = Next(b, q)
	}
	return Splice(b, p, q, nil, -gone)
}

// Splice replaces the bytes [p, q), which are whole entries, by entries as
// AppendEntry writes them or as they stand in another listpack. There are delta
// entries more then, or fewer when delta is negative.
func Splice(b []byte, p, q int, entries []byte, delta int) []byte {
	b = reshape(b, p, q, len(entries))
	copy(b[p:], entries)
	setHeader(b, delta)
	return b
}

// AppendEntry appends the entry that s becomes to dst.
func AppendEntry(dst []byte, s string) []byte {
	if n, ok := parseInt(s); ok {
		return AppendEntryInt(dst, n)
	}
	p, n := len(dst), stringSize(s)
	dst = slices.Grow(dst, n)[:p+n]
	putString(dst[p:], s)
	return dst
}

// AppendEntryInt appends the entry that n becomes to dst.
func AppendEntryInt(dst []byte, n int64) []byte {
	p, size := len(dst), EncodedSizeInt(n)
	dst = slices.Grow(dst, size)[:p+size]
	putInt(dst[p:], n)
	return dst
}

package resp

import (
	"math"
	"strconv"
)

// A Writer appends replies to Buf in the protocol version Proto, 2 or 3. What
// differs between the versions is decided here and nowhere else. The methods
// for aggregates write the header; their elements follow as further replies.
type Writer struct {
	Buf   []byte
	Proto int
}

// Len is the number of bytes written.
func (w *Writer) Len() int { return len(w.Buf) }

// Truncate takes back what was written since Len was n.
func (w *Writer) Truncate(n int) { w.Buf = w.Buf[:n] }

// resp3 reports whether the client speaks the third version.
func (w *Writer) resp3() bool { return w.Proto >= 3 }

// OK writes the status OK.
func (w *Writer) OK() { w.Buf = append(w.Buf, "+OK\r\n"...) }

// Status writes a status, one line of text.
func (w *Writer) Status(s string) { w.Buf = appendLine(w.Buf, '+', s) }

// Error writes an error: its code, a space and a text. The dash is added, and
// line breaks, which would end the reply, become blanks.
func (w *Writer) Error(s string) { w.Buf = appendLine(w.Buf, '-', s) }

// Int writes an integer.
func (w *Writer) Int(n int64) { w.Buf = appendHeader(w.Buf, ':', n) }

// Uint writes an integer. One beyond the signed range does not fit the
// protocol's integers; clients see it as Redis prints it.
func (w *Writer) Uint(n uint64) {
	w.Buf = append(w.Buf, ':')
	w.Buf = strconv.AppendUint(w.Buf, n, 10)
	w.Buf = append(w.Buf, '\r', '\n')
}

// Bulk writes a string.
func (w *Writer) Bulk(s string) { w.Buf = appendBulk(w.Buf, s) }

// BulkBytes writes a string.
func (w *Writer) BulkBytes(b []byte) { w.Buf = appendBulk(w.Buf, b) }

// BulkInt writes an integer as a string.
func (w *Writer) BulkInt(n int64) {
	if n >= 0 && n < 10 {
		w.Buf = append(w.Buf, '$', '1', '\r', '\n', '0'+byte(n), '\r', '\n')
		return
	}
	var digits [20]byte
	w.Buf = appendBulk(w.Buf, strconv.AppendInt(digits[:0], n, 10))
}

// Null writes that there is no value.
func (w *Writer) Null() {
	if w.resp3() {
		w.Buf = append(w.Buf, "_\r\n"...)
	} else {
		w.Buf = append(w.Buf, "$-1\r\n"...)
	}
}

// NullArray writes that there is no array.
func (w *Writer) NullArray() {
	if w.resp3() {
		w.Buf = append(w.Buf, "_\r\n"...)
	} else {
		w.Buf = append(w.Buf, "*-1\r\n"...)
	}
}

// Array begins an array of n elements.
func (w *Writer) Array(n int) { w.Buf = appendHeader(w.Buf, '*', int64(n)) }

// Map begins a map of n pairs: key, value, key, value. To a client of version
// 2 it is an array of 2n elements.
func (w *Writer) Map(n int) {
	if w.resp3() {
		w.Buf = appendHeader(w.Buf, '%', int64(n))
	} else {
		w.Buf = appendHeader(w.Buf, '*', 2*int64(n))
	}
}

// Set begins a set of n elements, an array in version 2.
func (w *Writer) Set(n int) { w.aggregate('~', n) }

// Push begins a message of n elements that answers no request, an array in
// version 2.
func (w *Writer) Push(n int) { w.aggregate('>', n) }

func (w *Writer) aggregate(kind byte, n int) {
	if !w.resp3() {
		kind = '*'
	}
	w.Buf = appendHeader(w.Buf, kind, int64(n))
}

// ArrayAt puts the header of an array of n elements before what was written
// since Len was at. It serves replies whose length is known last.
func (w *Writer) ArrayAt(at, n int) {
	end := len(w.Buf)
	w.Array(n)
	w.moveTail(at, end)
}

// MapAt is ArrayAt for a map of n pairs.
func (w *Writer) MapAt(at, n int) {
	end := len(w.Buf)
	w.Map(n)
	w.moveTail(at, end)
}

// SetAt is ArrayAt for a set.
func (w *Writer) SetAt(at, n int) {
	end := len(w.Buf)
	w.Set(n)
	w.moveTail(at, end)
}

// moveTail moves the header that was written at end to at.
func (w *Writer) moveTail(at, end int) {
	if at == end {
		return
	}
	var header [24]byte
	n := copy(header[:], w.Buf[end:])
	copy(w.Buf[at+n:], w.Buf[at:end])
	copy(w.Buf[at:], header[:n])
}

// Bool writes a truth value, 1 or 0 in version 2.
func (w *Writer) Bool(b bool) {
	switch {
	case w.resp3() && b:
		w.Buf = append(w.Buf, "#t\r\n"...)
	case w.resp3():
		w.Buf = append(w.Buf, "#f\r\n"...)
	case b:
		w.Buf = append(w.Buf, ":1\r\n"...)
	default:
		w.Buf = append(w.Buf, ":0\r\n"...)
	}
}

// Double writes a floating point number, a string in version 2.
func (w *Writer) Double(f float64) {
	var digits [32]byte
	w.DoubleText(appendDouble(digits[:0], f))
}

// DoubleText is Double for a number that is printed already.
func (w *Writer) DoubleText(text []byte) {
	if !w.resp3() {
		w.Buf = appendBulk(w.Buf, text)
		return
	}
	w.Buf = append(w.Buf, ',')
	w.Buf = append(w.Buf, text...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// appendDouble appends f with 17 significant digits, as C's %.17g does.
func appendDouble(b []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	case math.IsNaN(f):
		return append(b, "nan"...)
	case f == math.Trunc(f) && math.Abs(f) < 1e17 && (f != 0 || !math.Signbit(f)):
		return strconv.AppendInt(b, int64(f), 10)
	}
	return strconv.AppendFloat(b, f, 'g', 17, 64)
}

// BigNumber writes an integer of any size, given by its digits; a string in
// version 2.
func (w *Writer) BigNumber(digits string) {
	if w.resp3() {
		w.Buf = appendLine(w.Buf, '(', digits)
	} else {
		w.Buf = appendBulk(w.Buf, digits)
	}
}

// Verbatim writes a text with its format, three letters such as "txt"; a plain
// string in version 2.
func (w *Writer) Verbatim(format, s string) {
	if !w.resp3() {
		w.Buf = appendBulk(w.Buf, s)
		return
	}
	w.Buf = appendHeader(w.Buf, '=', int64(len(s)+4))
	for i := range 3 {
		c := byte(' ')
		if i < len(format) {
			c = format[i]
		}
		w.Buf = append(w.Buf, c)
	}
	w.Buf = append(w.Buf, ':')
	w.Buf = append(w.Buf, s...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// StringArray writes an array of strings.
func (w *Writer) StringArray(elements []string) {
	w.Array(len(elements))
	for _, s := range elements {
		w.Bulk(s)
	}
}

// appendHeader appends the line of a length or an integer.
func appendHeader(b []byte, kind byte, n int64) []byte {
	switch {
	case n >= 0 && n < 10:
		return append(b, kind, '0'+byte(n), '\r', '\n')
	case n >= 10 && n < 100:
		return append(b, kind, '0'+byte(n/10), '0'+byte(n%10), '\r', '\n')
	}
	b = append(b, kind)
	b = strconv.AppendInt(b, n, 10)
	return append(b, '\r', '\n')
}

// appendBulk appends a bulk string.
func appendBulk[S string | []byte](b []byte, s S) []byte {
	b = appendHeader(b, '$', int64(len(s)))
	b = append(b, s...)
	return append(b, '\r', '\n')
}

// appendLine appends a reply that is one line of text.
func appendLine(b []byte, kind byte, s string) []byte {
	b = append(b, kind)
	start := len(b)
	b = append(b, s...)
	for i := start; i < len(b); i++ {
		if b[i] == '\r' || b[i] == '\n' {
			b[i] = ' '
		}
	}
	return append(b, '\r', '\n')
}

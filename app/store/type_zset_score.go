package store

import (
	"math"
	"strconv"
	"strings"

	"github.com/codecrafters-io/redis-starter-go/app/listpack"
)

// Scores: their order, their text, and ranges of them. A score is a double, and
// never NaN. Texts are read as C's strtod reads them and written as its "%.17g"
// does, so that they are the same digits in either server.

// scoreKey is the integer that stands for a score in the order of scores. The
// two zeros are equal, so they share one.
func scoreKey(score float64) uint64 {
	const sign = 1 << 63
	if score == 0 {
		return sign
	}
	bits := math.Float64bits(score)
	if bits&sign != 0 {
		return ^bits
	}
	return bits | sign
}

// scoreInt is a score as an integer, if it is one and not too big for Redis to
// try. It is how listpacks keep such scores.
func scoreInt(score float64) (n int64, ok bool) {
	const tooBig = 1 << 62
	if !(score >= -tooBig && score <= tooBig) {
		return 0, false
	}
	n = int64(score)
	return n, float64(n) == score
}

// appendScore appends a score as clients see it.
func appendScore(b []byte, score float64) []byte {
	switch {
	case math.IsInf(score, 1):
		return append(b, "inf"...)
	case math.IsInf(score, -1):
		return append(b, "-inf"...)
	}
	const exponentFrom = 1e17 // %.17g writes integers of more digits with an exponent
	if n, ok := scoreInt(score); ok && math.Abs(score) < exponentFrom && (n != 0 || !math.Signbit(score)) {
		return strconv.AppendInt(b, n, 10)
	}
	return strconv.AppendFloat(b, score, 'g', 17, 64)
}

// appendScoreEntry appends a score as the entry of a listpack.
func appendScoreEntry(entries []byte, score float64) []byte {
	if n, ok := scoreInt(score); ok {
		return listpack.AppendEntryInt(entries, n)
	}
	var text [32]byte
	return listpack.AppendEntry(entries, viewString(appendScore(text[:0], score)))
}

// entryScore is the score that an entry of a listpack holds.
func entryScore(lp []byte, at int) float64 {
	text, n, isInt := listpack.Read(lp, at)
	if isInt {
		return float64(n)
	}
	score, _, _ := strtod(viewString(text))
	return score
}

// parseScore parses a score, or another double, given as an argument: all of it
// must be a number, and one that a double is near to.
func parseScore(s string) (float64, error) {
	if n, ok := canonicalInt(s); ok {
		return float64(n), nil
	}
	f, inRange, ok := strtod(s)
	if !ok || !inRange {
		return 0, errNotFloat
	}
	return f, nil
}

// strtod parses what C's strtod takes as a whole, but for blanks before it and
// NaN. A number that no double is near to becomes an infinity or 0, and is not
// in range.
func strtod(s string) (f float64, inRange, ok bool) {
	digits := s
	if s != "" && (s[0] == '-' || s[0] == '+') {
		digits = s[1:]
	}
	switch {
	case digits == "":
		return 0, false, false
	case digits[0]|0x20 == 'i':
		if !is(digits, "inf") && !is(digits, "infinity") {
			return 0, false, false
		}
		if s[0] == '-' {
			return math.Inf(-1), true, true
		}
		return math.Inf(1), true, true
	case digits[0] != '.' && (digits[0] < '0' || digits[0] > '9'), strings.IndexByte(digits, '_') >= 0:
		return 0, false, false // Go reads NaN, and lines between digits
	}
	exponent := "eE"
	if len(digits) > 1 && digits[1]|0x20 == 'x' {
		exponent = "pP"
		if !strings.ContainsAny(digits, exponent) {
			s += "p0" // without which it is no number to Go
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false, false
	}
	return f, err == nil && (f != 0 || !someDigit(digits, exponent)), true
}

// someDigit reports whether a number that is written without mistakes has a
// digit other than 0 before its exponent.
func someDigit(digits, exponent string) bool {
	if i := strings.IndexAny(digits, exponent); i >= 0 {
		digits = digits[:i]
	}
	return strings.Trim(digits, "0.xX") != ""
}

// A scoreRange is an interval of scores. Either end may be open.
type scoreRange struct {
	min, max         float64
	minOpen, maxOpen bool
}

const errNotFloatRange replyError = "ERR min or max is not a float"

// parseScoreRange parses the ends of a range.
func parseScoreRange(min, max string) (r scoreRange, err error) {
	var ok bool
	if r.min, r.minOpen, ok = parseScoreEnd(min); !ok {
		return r, errNotFloatRange
	}
	if r.max, r.maxOpen, ok = parseScoreEnd(max); !ok {
		return r, errNotFloatRange
	}
	return r, nil
}

// parseScoreEnd parses one end, in Redis's way: as a C string, nothing at all
// being 0, with blanks allowed, and out of range meaning infinite.
func parseScoreEnd(s string) (f float64, open, ok bool) {
	if n, ok := canonicalInt(s); ok {
		return float64(n), false, true
	}
	s = cut(s, len(s))
	if s != "" && s[0] == '(' {
		s, open = s[1:], true
	}
	if s == "" {
		return 0, open, true
	}
	f, _, ok = strtod(strings.TrimLeft(s, " \t\n\v\f\r"))
	return f, open, ok
}

// empty reports whether no score can be in the range.
func (r *scoreRange) empty() bool {
	return r.min > r.max || r.min == r.max && (r.minOpen || r.maxOpen)
}

// below reports whether a score lies below the range.
func (r *scoreRange) below(score float64) bool {
	return score < r.min || r.minOpen && score == r.min
}

// above reports whether a score lies above the range.
func (r *scoreRange) above(score float64) bool {
	return score > r.max || r.maxOpen && score == r.max
}

// A lexRange is an interval of members of one score, in the order of their
// bytes. Either end may be open or missing.
type lexRange struct {
	min, max lexEnd
}

type lexEnd struct {
	text     string
	open     bool
	infinite int8 // -1 for "-", below all; 1 for "+", above all; 0 for text
}

const errNotLexRange replyError = "ERR min or max not valid string range item"

// parseLexRange parses the ends of a range: "[text", "(text", "-" or "+".
func parseLexRange(min, max string) (r lexRange, err error) {
	var ok bool
	if r.min, ok = parseLexEnd(min); !ok {
		return r, errNotLexRange
	}
	if r.max, ok = parseLexEnd(max); !ok {
		return r, errNotLexRange
	}
	return r, nil
}

func parseLexEnd(s string) (lexEnd, bool) {
	switch {
	case s == "":
		return lexEnd{}, false
	case s[0] == '(':
		return lexEnd{text: s[1:], open: true}, true
	case s[0] == '[':
		return lexEnd{text: s[1:]}, true
	}
	// Redis looks at the byte behind the sign only for whether the string ends.
	switch cut(s, len(s)) {
	case "-":
		return lexEnd{infinite: -1}, true
	case "+":
		return lexEnd{infinite: 1}, true
	}
	return lexEnd{}, false
}

// empty reports whether no member can be in the range.
func (r *lexRange) empty() bool {
	if r.min.infinite != 0 || r.max.infinite != 0 {
		return r.min.infinite > 0 || r.max.infinite < 0
	}
	return r.min.text > r.max.text || r.min.text == r.max.text && (r.min.open || r.max.open)
}

// below reports whether a member lies below the range.
func (r *lexRange) below(member string) bool {
	if r.min.infinite != 0 {
		return r.min.infinite > 0
	}
	return member < r.min.text || r.min.open && member == r.min.text
}

// above reports whether a member lies above the range.
func (r *lexRange) above(member string) bool {
	if r.max.infinite != 0 {
		return r.max.infinite < 0
	}
	return member > r.max.text || r.max.open && member == r.max.text
}

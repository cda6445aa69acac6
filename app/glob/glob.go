// Package glob matches strings against Redis's patterns: * stands for any
// bytes, ? for one, [abc] [^abc] [a-z] for one of a class or not of it, and a
// backslash takes the byte behind it as it stands.
//
// The answers are Redis's in every corner, for clients have come to rely on
// them: a class that is not closed reaches to the end of the pattern, a range
// may be written backwards, an escape inside a class minds the case even when
// nothing else does, and the empty string matches the empty pattern only.
package glob

import "strings"

// starsMax is how many stars with something behind them a pattern may have.
// One with more matches nothing, as in Redis.
const starsMax = 1000

// Match reports whether pattern matches the whole of s, byte by byte. With
// nocase, ASCII letters match in either case.
//
// It takes time proportional to len(pattern)*len(s) at most: when a byte does
// not match, only the last star can help by covering one byte more. An earlier
// star would but shift the same search to the right.
func Match(pattern, s string, nocase bool) bool {
	if s == "" {
		return pattern == ""
	}
	p, i := 0, 0
	stars, behindStar, covered := 0, 0, 0 // the last star's end in pattern, and how far it reaches in s
	for i < len(s) {
		if p < len(pattern) {
			if c := pattern[p]; c == '*' {
				p = skipStars(pattern, p)
				if p == len(pattern) {
					return true
				}
				stars++
				if stars > starsMax {
					return false
				}
				behindStar, covered = p, i
				continue
			} else if c == s[i] && c != '\\' && c != '[' || c == '?' {
				p++
				i++
				continue
			}
			if next, ok := matchOne(pattern, p, s[i], nocase); ok {
				p = next
				i++
				continue
			}
		}
		if stars == 0 {
			return false
		}
		covered++
		p, i = behindStar, covered
		if c := pattern[p]; !nocase && !special(c) {
			skip := strings.IndexByte(s[i:], c)
			if skip < 0 {
				return false
			}
			covered += skip
			i = covered
		}
	}
	return skipStars(pattern, p) == len(pattern)
}

// Literal reports whether pattern has no special characters, so that it
// matches itself and nothing else.
func Literal(pattern string) bool {
	for i := range len(pattern) {
		if special(pattern[i]) {
			return false
		}
	}
	return true
}

func special(c byte) bool { return c == '*' || c == '?' || c == '[' || c == '\\' }

// skipStars returns the place of the first byte from p on that is no star.
func skipStars(pattern string, p int) int {
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p
}

// matchOne matches c against the single-byte element of pattern at p, anything
// but * and ?. It returns where the next element begins.
func matchOne(pattern string, p int, c byte, nocase bool) (next int, ok bool) {
	if pattern[p] == '[' {
		return matchClass(pattern, p+1, c, nocase)
	}
	if pattern[p] == '\\' && p+1 < len(pattern) {
		p++
	}
	return p + 1, equal(pattern[p], c, nocase)
}

// matchClass matches c against the class whose first byte is at p.
func matchClass(pattern string, p int, c byte, nocase bool) (next int, ok bool) {
	not := p < len(pattern) && pattern[p] == '^'
	if not {
		p++
	}
	for ; p < len(pattern) && pattern[p] != ']'; p++ {
		switch {
		case pattern[p] == '\\' && p+1 < len(pattern):
			p++
			ok = ok || pattern[p] == c
		case p+2 < len(pattern) && pattern[p+1] == '-':
			// What follows the dash is the end of the range even if it is ']'.
			ok = ok || inRange(pattern[p], pattern[p+2], c, nocase)
			p += 2
		default:
			ok = ok || equal(pattern[p], c, nocase)
		}
	}
	return min(p+1, len(pattern)), ok != not
}

// inRange reports whether c lies between from and to, in either order. Bytes
// beyond ASCII come before it: they are negative as C's char. The ends are put
// in order before their case is dropped, so that [Z-a] is empty without case.
func inRange(from, to, c byte, nocase bool) bool {
	low, high := int8(from), int8(to)
	if low > high {
		low, high = high, low
	}
	at := int8(c)
	if nocase {
		low, high, at = int8(lower(byte(low))), int8(lower(byte(high))), int8(lower(c))
	}
	return low <= at && at <= high
}

func equal(a, b byte, nocase bool) bool {
	return a == b || nocase && lower(a) == lower(b)
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

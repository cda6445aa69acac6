package store

import (
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// Long doubles. INCRBYFLOAT and HINCRBYFLOAT count in C's long double, which is
// the x87's 80-bit format where Redis mostly runs, and a client may compare the
// digits. So the same is done here: parsing as strtold, rounding to nearest with
// 64 bits of mantissa, printing as "%.17Lf" less the zeros at the end.
//
// Numbers of up to 19 digits, and results below 2^64, take integer arithmetic of
// 128 bits; the others take math/big. Both are exact before the one rounding.
// The format's few denormal numbers are kept with all 64 bits, which nobody can
// see: they print as 0, and are too small to change a sum that does not.

// A longDouble is mant * 2^exp. The top bit of mant is set unless the number is
// 0 or not finite.
type longDouble struct {
	mant uint64
	exp  int
	neg  bool
	kind floatKind
}

type floatKind uint8

const (
	floatFinite floatKind = iota
	floatInfinite
	floatNaN
)

const (
	longDoubleMax   = 5 << 10 // a longer text is no number
	longDoubleShort = 48      // bytes that print what is below 2^64

	longDoubleMaxExp  = 16384  // finite numbers are below 2^this
	longDoubleTinyExp = -16446 // what is not above 2^this rounds to 0
	decimalMaxExp     = 4933   // no finite number is 10^this or more
	decimalTinyExp    = -4951  // all numbers below 10^this round to 0

	fractionDigits = 17
	fractionUnit   = 100_000_000_000_000_000 // 10^fractionDigits
)

func (x longDouble) finite() bool { return x.kind == floatFinite }

// longDoubleOf is n, which always fits.
func longDoubleOf(n int64) longDouble {
	mant := uint64(n)
	if n < 0 {
		mant = -mant
	}
	return normalize(n < 0, mant, 0)
}

// normalize is mant * 2^exp.
func normalize(neg bool, mant uint64, exp int) longDouble {
	if mant == 0 {
		return longDouble{neg: neg}
	}
	shift := bits.LeadingZeros64(mant)
	return longDouble{mant: mant << shift, exp: exp - shift, neg: neg}
}

// round128 rounds (hi*2^64 + lo) * 2^exp, hi != 0, to 64 bits. lo may have been
// or-ed with 1 for bits that lie below it, as long as there are two bits
// between them and the 64.
func round128(neg bool, hi, lo uint64, exp int) longDouble {
	shift := bits.LeadingZeros64(hi)
	hi = hi<<shift | lo>>(64-shift)
	lo <<= shift
	return roundUp(neg, hi, exp+64-shift, lo > 1<<63 || lo == 1<<63 && hi&1 != 0)
}

// roundUp is mant * 2^exp with the top bit of mant set, or the next number away
// from 0.
func roundUp(neg bool, mant uint64, exp int, up bool) longDouble {
	if up {
		if mant++; mant == 0 {
			mant, exp = 1<<63, exp+1
		}
	}
	if exp+64 > longDoubleMaxExp {
		return longDouble{neg: neg, kind: floatInfinite}
	}
	return longDouble{mant: mant, exp: exp, neg: neg}
}

// roundBig rounds q * 2^exp, q > 0; rest says that there is a little more.
func roundBig(neg bool, q *big.Int, rest bool, exp int) longDouble {
	n := q.BitLen()
	if n < 64 {
		q = new(big.Int).Lsh(q, uint(64-n)) // never with a rest
		exp -= 64 - n
		n = 64
	}
	drop := uint(n - 64)
	mant := new(big.Int).Rsh(q, drop).Uint64()
	up := drop > 0 && q.Bit(int(drop-1)) != 0
	if up && !rest && q.TrailingZeroBits() == drop-1 {
		up = mant&1 != 0 // half way: to the even one
	}
	return roundUp(neg, mant, exp+int(drop), up)
}

// add is the sum, rounded.
func (x longDouble) add(y longDouble) longDouble {
	if !x.finite() || !y.finite() {
		return addInfinite(x, y)
	}
	if x.mant == 0 || y.mant != 0 && (y.exp > x.exp || y.exp == x.exp && y.mant > x.mant) {
		x, y = y, x
	}
	if y.mant == 0 {
		return x // also -0 for 0, which prints alike
	}
	// x is not smaller. Both become 128 bits wide, one of them left for a carry.
	xhi, xlo := x.mant>>1, x.mant<<63
	yhi, ylo := shiftRight(y.mant>>1, y.mant<<63, x.exp-y.exp)
	exp := x.exp - 63
	if x.neg == y.neg {
		lo, carry := bits.Add64(xlo, ylo, 0)
		hi, _ := bits.Add64(xhi, yhi, carry)
		return round128(x.neg, hi, lo, exp)
	}
	lo, borrow := bits.Sub64(xlo, ylo, 0)
	hi, _ := bits.Sub64(xhi, yhi, borrow)
	if hi == 0 {
		return normalize(x.neg, lo, exp) // lost all but 64 bits: exact
	}
	return round128(x.neg, hi, lo, exp)
}

// addInfinite is add when one of the two is not finite.
func addInfinite(x, y longDouble) longDouble {
	if x.kind == y.kind && x.neg != y.neg || x.kind == floatNaN || y.kind == floatNaN {
		return longDouble{kind: floatNaN}
	}
	if x.kind == floatInfinite {
		return x
	}
	return y
}

// shiftRight shifts 128 bits by n >= 0; what falls off leaves a 1 behind.
func shiftRight(hi, lo uint64, n int) (uint64, uint64) {
	var lost uint64
	switch {
	case n == 0:
		return hi, lo
	case n < 64:
		lost = lo << (64 - n)
		hi, lo = hi>>n, lo>>n|hi<<(64-n)
	case n == 64:
		lost = lo
		hi, lo = 0, hi
	case n < 128:
		lost = lo | hi<<(128-n)
		hi, lo = 0, hi>>(n-64)
	default:
		lost, hi, lo = hi|lo, 0, 0
	}
	if lost != 0 {
		lo |= 1
	}
	return hi, lo
}

// parseLongDouble parses what strtold takes as a whole: decimal and hexadecimal
// numbers and infinities, but no blanks and nothing that is out of range.
func parseLongDouble(s string) (longDouble, error) {
	if len(s) == 0 || len(s) >= longDoubleMax {
		return longDouble{}, errNotFloat
	}
	neg := s[0] == '-'
	if neg || s[0] == '+' {
		s = s[1:]
	}
	if is(s, "inf") || is(s, "infinity") {
		return longDouble{neg: neg, kind: floatInfinite}, nil
	}
	base := 10
	if len(s) > 1 && s[0] == '0' && s[1]|0x20 == 'x' {
		base, s = 16, s[2:]
	}
	n, ok := scanNumeral(s, base)
	if !ok {
		return longDouble{}, errNotFloat
	}
	if n.digits == "" {
		return longDouble{neg: neg}, nil
	}
	x, ok := n.number(neg, base)
	if !ok || !x.finite() {
		return longDouble{}, errNotFloat
	}
	return x, nil
}

// A numeral is a number as it was written: digits, which neither begin nor end
// with a zero, times base^point, or times 2^point when the base is 16. Zero has
// no digits.
type numeral struct {
	digits string // may have a dot in it
	dot    bool   // it has
	point  int
}

// exponentMax is far beyond all exponents that count.
const exponentMax = 1 << 20

// scanNumeral splits a numeral without its sign and prefix.
func scanNumeral(s string, base int) (n numeral, ok bool) {
	end, dot, some := 0, -1, false
	for ; end < len(s); end++ {
		if s[end] == '.' && dot < 0 {
			dot = end
		} else if digitOf(s[end], base) {
			some = true
		} else {
			break
		}
	}
	if !some {
		return n, false
	}
	exp, ok := scanExponent(s[end:], base)
	if !ok {
		return n, false
	}
	per := 1 // digits are worth so many of the exponent
	if base == 16 {
		per = 4
	}
	if dot < 0 {
		dot = end
	}
	n.digits = strings.TrimLeft(s[:end], "0.")
	start := end - len(n.digits)
	n.digits = strings.TrimRight(n.digits, "0.")
	stop := start + len(n.digits)
	n.dot = start < dot && dot < stop
	if stop <= dot {
		n.point = exp + per*(dot-stop)
	} else {
		n.point = exp - per*(stop-dot-1)
	}
	return n, true
}

// digitOf reports whether c is a digit of the base.
func digitOf(c byte, base int) bool {
	if '0' <= c && c <= '9' {
		return true
	}
	c |= 0x20
	return base == 16 && 'a' <= c && c <= 'f'
}

// scanExponent parses an exponent, which may be missing as a whole.
func scanExponent(s string, base int) (exp int, ok bool) {
	if s == "" {
		return 0, true
	}
	letter := byte('e')
	if base == 16 {
		letter = 'p'
	}
	if s[0]|0x20 != letter {
		return 0, false
	}
	s = s[1:]
	neg := s != "" && s[0] == '-'
	if neg || s != "" && s[0] == '+' {
		s = s[1:]
	}
	if s == "" {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		exp = min(10*exp+int(s[i]-'0'), exponentMax)
	}
	if neg {
		exp = -exp
	}
	return exp, true
}

// pow5Max is the biggest power of 5 that a long double, and 64 bits, holds.
const pow5Max = 27

var pow5 = newPow5()

func newPow5() (t [pow5Max + 1]uint64) {
	t[0] = 1
	for i := range pow5Max {
		t[i+1] = 5 * t[i]
	}
	return t
}

// number is what the numeral says; false when that rounds to 0.
func (n numeral) number(neg bool, base int) (longDouble, bool) {
	if base == 16 {
		return bigNumber(neg, n.integer(16), false, n.point)
	}
	return n.decimal(neg)
}

// decimal is number for base 10.
func (n numeral) decimal(neg bool) (longDouble, bool) {
	const digitsMax = 19 // fit in 64 bits
	if len(n.digits) > digitsMax+1 || n.point < -pow5Max || n.point > pow5Max {
		return n.bigDecimal(neg)
	}
	mant, count := uint64(0), 0
	for i := range len(n.digits) {
		if n.digits[i] != '.' {
			mant = 10*mant + uint64(n.digits[i]-'0')
			count++
		}
	}
	if count > digitsMax {
		return n.bigDecimal(neg)
	}
	if n.point >= 0 {
		hi, lo := bits.Mul64(mant, pow5[n.point])
		if hi == 0 {
			return normalize(neg, lo, n.point), true
		}
		return round128(neg, hi, lo, n.point), true
	}
	return quotient(neg, mant, pow5[-n.point], n.point), true
}

// quotient is mant / by * 2^exp, rounded.
func quotient(neg bool, mant, by uint64, exp int) longDouble {
	shift := bits.LeadingZeros64(mant)
	byShift := bits.LeadingZeros64(by)
	mant <<= shift
	by <<= byShift
	exp += byShift - shift - 64
	hi, lo := mant, uint64(0)
	if hi >= by {
		hi, lo = mant>>1, mant<<63
		exp++
	}
	q, rest := bits.Div64(hi, lo, by)
	half := by - rest // rounding up needs rest >= by-rest
	return roundUp(neg, q, exp, rest > half || rest == half && q&1 != 0)
}

// integer is the digits as one number of the base.
func (n numeral) integer(base int) *big.Int {
	digits := n.digits
	if n.dot {
		digits = strings.Replace(digits, ".", "", 1)
	}
	v, _ := new(big.Int).SetString(digits, base)
	return v
}

// bigDecimal is decimal for numerals of any length.
func (n numeral) bigDecimal(neg bool) (longDouble, bool) {
	v := n.integer(10)
	count := len(n.digits)
	if n.dot {
		count--
	}
	// v * 10^point lies between 10^(lead-1) and 10^lead.
	lead := count + n.point
	if lead > decimalMaxExp {
		return longDouble{neg: neg, kind: floatInfinite}, true
	}
	if lead < decimalTinyExp {
		return longDouble{}, false
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(n.point, -n.point))), nil)
	if n.point >= 0 {
		return bigNumber(neg, v.Mul(v, scale), false, 0)
	}
	const guard = 66 // bits of the quotient: more than 64 and one to round by
	shift := max(guard+scale.BitLen()-v.BitLen(), 0)
	q, rest := v.Lsh(v, uint(shift)).QuoRem(v, scale, new(big.Int))
	return bigNumber(neg, q, rest.Sign() != 0, -shift)
}

// bigNumber is q * 2^exp, and a little more if rest; false when that rounds to 0.
func bigNumber(neg bool, q *big.Int, rest bool, exp int) (longDouble, bool) {
	lead := q.BitLen() - 1 + exp // it lies between 2^lead and 2^(lead+1)
	if lead < longDoubleTinyExp {
		return longDouble{}, false
	}
	if lead == longDoubleTinyExp && !rest && int(q.TrailingZeroBits()) == q.BitLen()-1 {
		return longDouble{}, false
	}
	return roundBig(neg, q, rest, exp), true
}

// appendText appends a finite number as Redis prints it.
func (x longDouble) appendText(b []byte) []byte {
	if x.exp > 0 {
		if x.neg {
			b = append(b, '-')
		}
		n := new(big.Int).SetUint64(x.mant)
		return n.Lsh(n, uint(x.exp)).Append(b, 10)
	}
	whole, fraction := x.split()
	if x.neg && (whole != 0 || fraction != 0) {
		b = append(b, '-')
	}
	b = strconv.AppendUint(b, whole, 10)
	if fraction == 0 {
		return b
	}
	var digits [fractionDigits]byte
	n := fractionDigits
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = '0' + byte(fraction%10)
		fraction /= 10
		if digits[i] == '0' && n == i+1 {
			n = i
		}
	}
	b = append(b, '.')
	return append(b, digits[:n]...)
}

// split rounds a number with exp <= 0 to 17 decimals and returns its integer
// part and the decimals. A tie goes to the even one, as in the C library.
func (x longDouble) split() (whole, fraction uint64) {
	var tail uint64 // of the fraction: what is below the 17th decimal
	down := -x.exp
	switch {
	case down == 0:
		return x.mant, 0
	case down <= 64:
		whole = x.mant >> down
		fraction, tail = bits.Mul64(x.mant<<(64-down), fractionUnit)
	case down < 128:
		fraction, tail = bits.Mul64(x.mant, fractionUnit)
		fraction, tail = shiftRight(fraction, tail, down-64)
	default:
		return 0, 0 // below 2^-64
	}
	if tail > 1<<63 || tail == 1<<63 && fraction&1 != 0 {
		fraction++
	}
	if fraction == fractionUnit {
		whole, fraction = whole+1, 0
	}
	return whole, fraction
}

package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Numbers in configuration are read by C library functions in Redis, whose
// leniency users rely on without knowing: an empty string is 0 to some of
// them, an overflow saturates in one and wraps in another. The functions here
// keep those rules, so that a file that works there works here.

// errMemory is what ParseMemory answers to anything that is no amount of memory.
var errMemory = errors.New("config: not an amount of memory")

// ParseMemory reads an amount of memory such as "100mb": digits with an
// optional unit in any case. b is bytes; k, m and g count in thousands, kb, mb
// and gb in 1024s. It refuses what does not fit an int64.
func ParseMemory(s string) (int64, error) {
	n, ok := parseMemory(s)
	if !ok || n > math.MaxInt64 {
		return 0, errMemory
	}
	return int64(n), nil
}

// memoryDigitsMax is the length of the buffer that Redis copies the digits to,
// less its terminator. Longer numbers are refused, however many zeros lead.
const memoryDigitsMax = 127

// parseMemory is ParseMemory over the whole of uint64. As in Redis the digits
// saturate, the product with the unit wraps, and no digits at all mean 0.
func parseMemory(s string) (n uint64, ok bool) {
	digits := 0
	for digits < len(s) && isDigit(s[digits]) {
		digits++
	}
	unit, ok := memoryUnit(s[digits:])
	if !ok || digits > memoryDigitsMax {
		return 0, false
	}
	for _, c := range []byte(s[:digits]) {
		d := uint64(c - '0')
		if n > (math.MaxUint64-d)/10 {
			return math.MaxUint64 * unit, true // wraps, as documented
		}
		n = n*10 + d
	}
	return n * unit, true
}

// memoryUnit returns how many bytes a unit stands for.
func memoryUnit(s string) (bytes uint64, ok bool) {
	switch lower(s) {
	case "", "b":
		return 1, true
	case "k":
		return 1000, true
	case "kb":
		return 1 << 10, true
	case "m":
		return 1000 * 1000, true
	case "mb":
		return 1 << 20, true
	case "g":
		return 1000 * 1000 * 1000, true
	case "gb":
		return 1 << 30, true
	}
	return 0, false
}

// formatMemory writes bytes in the biggest unit that divides it, the form
// CONFIG REWRITE puts into files.
func formatMemory(bytes uint64) string {
	switch {
	case bytes == 0:
		return "0"
	case bytes%(1<<30) == 0:
		return strconv.FormatUint(bytes>>30, 10) + "gb"
	case bytes%(1<<20) == 0:
		return strconv.FormatUint(bytes>>20, 10) + "mb"
	case bytes%(1<<10) == 0:
		return strconv.FormatUint(bytes>>10, 10) + "kb"
	}
	return strconv.FormatUint(bytes, 10)
}

// parsePlainInt reads an integer in its one canonical form: no blanks, plus
// sign, leading zeros or minus zero.
func parsePlainInt(s string) (n int64, ok bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == s
}

// parseLenientInt reads the whole of s as strtoll does: leading blanks and a
// plus sign are fine, the empty string is 0, and overflow saturates, which
// exact reports.
func parseLenientInt(s string, base int) (n int64, exact, ok bool) {
	s = cstring(s)
	if s == "" {
		return 0, true, true
	}
	digits := strings.TrimLeft(s, " \t\n\v\f\r")
	negative := strings.HasPrefix(digits, "-")
	if negative || strings.HasPrefix(digits, "+") {
		digits = digits[1:]
	}
	// ParseInt reports an overflow without looking at what follows it.
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, true, false
	}
	if negative {
		digits = "-" + digits
	}
	n, err := strconv.ParseInt(digits, base, 64)
	if errors.Is(err, strconv.ErrRange) {
		return n, false, true // ParseInt saturates too
	}
	return n, true, err == nil
}

// parseDouble reads the whole of s as strtod does, without NaN and without
// values whose magnitude is out of range.
func parseDouble(s string) (f float64, ok bool) {
	if strings.ContainsAny(s, "_\x00") { // Go's own extension of the syntax
		return 0, false
	}
	f, err := strconv.ParseFloat(cHexFloat(s), 64)
	if err != nil || math.IsNaN(f) {
		return 0, false
	}
	return f, f != 0 || !hasNonZeroDigit(s)
}

// cHexFloat gives a hexadecimal number without exponent, which C accepts, the
// exponent Go insists on. Everything else is returned as it is.
func cHexFloat(s string) string {
	digits := lower(strings.TrimLeft(s, "+-"))
	if strings.HasPrefix(digits, "0x") && len(digits) > 2 && !strings.Contains(digits, "p") {
		return s + "p0"
	}
	return s
}

// hasNonZeroDigit tells a number that underflowed to zero from a true zero.
func hasNonZeroDigit(s string) bool {
	s = lower(strings.TrimLeft(s, "+-"))
	exponent, digits := "e", "123456789"
	if strings.HasPrefix(s, "0x") {
		exponent, digits = "p", "123456789abcdef"
	}
	mantissa, _, _ := strings.Cut(s, exponent)
	return strings.ContainsAny(mantissa, digits)
}

// formatPercentile prints a percentile with at most six decimals and no
// zeros at the end.
func formatPercentile(f float64) string {
	s := strings.TrimRight(strconv.FormatFloat(f, 'f', 6, 64), "0")
	return strings.TrimSuffix(s, ".")
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// clampInt64 is n, or the greatest int64 for what is greater.
func clampInt64(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

package store

import (
	"math"
	"strconv"
	"strings"
)

// Parsing of arguments, as strict as Redis's: a number has no blanks around
// it, no sign but a minus, no leading zeros.

// parseInt parses a 64-bit integer.
func parseInt(s string) (int64, error) {
	n, ok := canonicalInt(s)
	if !ok {
		return 0, errNotInteger
	}
	return n, nil
}

// parseIntRange parses an integer of [lo, hi].
func parseIntRange(s string, lo, hi int64) (int64, error) {
	n, ok := canonicalInt(s)
	if !ok {
		return 0, errNotInteger
	}
	if n < lo || n > hi {
		return 0, errf("ERR value is out of range, value must between %d and %d", lo, hi)
	}
	return n, nil
}

// formatInt prints an integer.
func formatInt(n int64) string { return strconv.FormatInt(n, 10) }

// is reports whether an option is word, which is in lower case.
func is(arg, word string) bool {
	return len(arg) == len(word) && strings.EqualFold(arg, word)
}

// parseFloat parses a float as strtod does, the whole of the argument.
func parseFloat(s string) (float64, error) {
	if len(s) == 0 || s[0] == ' ' || strings.ContainsRune(s, '_') {
		return 0, errNotFloat
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) || math.IsNaN(f) {
		return 0, errNotFloat
	}
	return f, nil
}

// mpopArgs are the arguments of LMPOP, ZMPOP and their blocking twins.
type mpopArgs struct {
	keys  []string
	first bool // the first of the two words, not the second
	count int64
}

// parseMpop parses numkeys and what follows it: keys, one of two words, a count.
func parseMpop(args []string, first, second string) (m mpopArgs, err error) {
	numkeys, ok := canonicalInt(args[0])
	if !ok || numkeys < 1 {
		return m, errNumkeysPositive
	}
	args = args[1:]
	if numkeys >= int64(len(args)) {
		return m, errSyntax
	}
	m.keys, args = args[:numkeys], args[numkeys:]
	m.first = is(args[0], first)
	if !m.first && !is(args[0], second) {
		return m, errSyntax
	}
	m.count = 1
	switch args = args[1:]; {
	case len(args) == 0:
		return m, nil
	case len(args) == 1 || !is(args[0], "count"):
		return m, errSyntax
	}
	if m.count, ok = canonicalInt(args[1]); !ok || m.count < 1 {
		return m, errMpopCount
	}
	if len(args) > 2 {
		return m, errSyntax
	}
	return m, nil
}

const errMpopCount replyError = "ERR count should be greater than 0"

package tests

import (
	"slices"
	"strconv"
	"strings"
)

// This file hides from the differential test what Redis leaves to chance:
// the order of a hash table, random elements, and the time.

// A mask prepares the replies of a command for comparison.
type mask struct {
	alone bool // see unit.alone
	hide  func(args []string, a, b reply) (reply, reply)
}

// both makes a mask of what is done with each reply.
func both(f func(v reply) reply) mask {
	return mask{hide: func(_ []string, a, b reply) (reply, reply) { return f(a), f(b) }}
}

var (
	maskSorted = both(reply.sorted)
	maskPairs  = both(reply.sortedPairs)
	maskShape  = both(reply.masked)
	maskAbout  = mask{hide: func(_ []string, a, b reply) (reply, reply) { return a, about(a, b) }}
)

var masks = map[string]mask{
	"SMEMBERS": maskSorted, "SUNION": maskSorted, "SINTER": maskSorted, "SDIFF": maskSorted,
	"HKEYS": maskSorted, "HVALS": maskSorted, "KEYS": maskSorted,
	"HGETALL":     maskPairs,
	"SRANDMEMBER": maskShape, "HRANDFIELD": maskShape, "ZRANDMEMBER": maskShape, "RANDOMKEY": maskShape,
	"SPOP": {true, maskShape.hide}, "DUMP": {alone: true},
	"SCAN": {true, both(countOnly).hide}, "HSCAN": {true, both(countOnly).hide}, "SSCAN": {true, both(countOnly).hide}, "ZSCAN": {true, both(countOnly).hide},
	"TTL": maskAbout, "PTTL": maskAbout, "EXPIRETIME": maskAbout, "PEXPIRETIME": maskAbout,
	"SORT": {true, hideSort}, "SORT_RO": {true, hideSort},
	"XINFO": both(hideTimes), "XPENDING": both(hideIdle),
	"HELLO":  both(func(v reply) reply { return v.maskAfter([]string{"id"}) }),
	"OBJECT": {hide: hideObject}, "MEMORY": maskShape, "ACL": {hide: hideACL},
}

func maskOf(args []string) mask {
	return masks[strings.ToUpper(args[0])]
}

// masked applies the mask of a command to its replies. Errors have none.
func masked(args []string, a, b reply) (reply, reply) {
	if m := maskOf(args); m.hide != nil && a.kind != '-' && b.kind != '-' {
		return m.hide(args, a, b)
	}
	return a, b
}

// same reports whether two replies are the same bytes.
func same(a, b reply) bool {
	return a.kind == b.kind && a.null == b.null && a.text == b.text && slices.EqualFunc(a.elems, b.elems, same) &&
		slices.EqualFunc(a.attrs, b.attrs, same)
}

// about takes a for b when they are about the same moment: one of the
// servers may have been late.
func about(a, b reply) reply {
	x, errX := strconv.ParseInt(a.text, 10, 64)
	y, errY := strconv.ParseInt(b.text, 10, 64)
	late := patience.Milliseconds() // also of seconds
	if errX == nil && errY == nil && x > 0 && y > 0 && max(x, y)-min(x, y) < late {
		return a
	}
	return b
}

// countOnly keeps the number of elements.
func countOnly(v reply) reply { return reply{kind: v.kind, text: strconv.Itoa(len(v.elems))} }

// hideSort hides the order where a table has made it.
func hideSort(args []string, a, b reply) (reply, reply) {
	switch tableOrder, limit := sortOrder(args); {
	case !tableOrder:
		return a, b
	case limit:
		return countOnly(a), countOnly(b)
	}
	return a.sorted(), b.sorted()
}

// sortOrder reports whether SORT compares by nothing, or by weights that may
// be equal, so that the order may be that of the table that the elements come
// from; and whether it returns some of them only.
func sortOrder(args []string) (tableOrder, limit bool) {
	by, alpha := false, false
	for i, arg := range args {
		switch {
		case strings.EqualFold(arg, "BY") && i+1 < len(args):
			by = true
			tableOrder = tableOrder || !strings.Contains(args[i+1], "*")
		case strings.EqualFold(arg, "LIMIT"):
			limit = true
		case strings.EqualFold(arg, "ALPHA"):
			alpha = true
		}
	}
	return tableOrder || by && alpha, limit
}

// hideTimes hides in the replies of XINFO when something was.
func hideTimes(v reply) reply {
	v.elems = slices.Clone(v.elems)
	for i := range v.elems {
		name := ""
		if i > 0 {
			name = v.elems[i-1].text
		}
		switch {
		case name == "idle" || name == "seen-time":
			v.elems[i] = v.elems[i].masked()
		case name == "pel" || name == "pending":
			v.elems[i].elems = slices.Clone(v.elems[i].elems)
			for j, entry := range v.elems[i].elems { // id, perhaps the consumer, time, count
				entry.elems = slices.Clone(entry.elems)
				entry.elems[len(entry.elems)-2].text = "time"
				v.elems[i].elems[j] = entry
			}
		default:
			v.elems[i] = hideTimes(v.elems[i])
		}
	}
	return v
}

// hideIdle hides in the long form of XPENDING how long an entry has waited.
func hideIdle(v reply) reply {
	v.elems = slices.Clone(v.elems)
	for i, e := range v.elems {
		if len(e.elems) == 4 {
			e.elems = slices.Clone(e.elems)
			e.elems[2].text = "time"
			v.elems[i] = e
		}
	}
	return v
}

func hideObject(args []string, a, b reply) (reply, reply) {
	if len(args) > 1 && (strings.EqualFold(args[1], "IDLETIME") || strings.EqualFold(args[1], "FREQ")) {
		return a.masked(), b.masked()
	}
	return a, b
}

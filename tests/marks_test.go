package tests

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// markNames are all marks that a step may bear. Those that change how a reply
// is printed are in applyMark; the others steer the replay.
var markNames = []string{
	"resp2", "resp3", "async", "raw", "wire", "replies", "until", "for", "all", "file", "close", "open",
	"shuffled", "sorted", "pairs", "deep", "about", "type", "kind", "grep", "drop", "keep", "fields", "mask", "sub", "save",
}

// lineKind is the kind of a reply that [grep] and its kin have cut to lines of text.
const lineKind = 'L'

// textLines makes a printable reply of lines of text.
func textLines(text string) reply {
	v := reply{kind: lineKind}
	for line := range strings.Lines(text) {
		v.elems = append(v.elems, reply{kind: '+', text: strings.TrimRight(line, "\r\n")})
	}
	return v
}

// applyMarks changes a reply as the step's marks ask, in their order.
func (rp *replay) applyMarks(v reply, marks []mark) (reply, error) {
	var err error
	for _, m := range marks {
		if v, err = rp.applyMark(v, m); err != nil {
			return v, err
		}
	}
	return v, nil
}

func (rp *replay) applyMark(v reply, m mark) (reply, error) {
	switch m.name {
	case "sorted":
		return v.sorted(), nil
	case "pairs":
		return v.sortedPairs(), nil
	case "deep":
		return v.sortedDeep(), nil
	case "about":
		return rp.about(v, m)
	case "type":
		return v.masked(), nil
	case "kind":
		return v.kindOnly(), nil
	case "grep":
		return v.grep(m.args[0], true)
	case "drop":
		return v.grep(m.args[0], false)
	case "keep":
		return v.keep(strings.Split(m.args[0], ",")), nil
	case "fields":
		return v.fieldNames(), nil
	case "mask":
		return v.maskAfter(strings.Split(m.args[0], ",")), nil
	case "sub":
		re, err := regexp.Compile(m.args[0])
		if err != nil || len(m.args) != 2 {
			return v, fmt.Errorf("[sub RE TEXT]: %w", err)
		}
		return v.substitute(re, m.args[1]), nil
	case "save":
		rp.vars[m.args[0]] = v.text
		return v.masked(), nil
	}
	return v, nil
}

func compareReplies(a, b reply) int { return strings.Compare(a.String(), b.String()) }

// sorted orders the elements, of a map the pairs, by how they print.
func (v reply) sorted() reply {
	if v.kind == '%' {
		return v.sortedPairs()
	}
	v.elems = slices.Clone(v.elems)
	slices.SortFunc(v.elems, compareReplies)
	return v
}

// sortedPairs orders keys with their values: of a map, or of a flat array.
func (v reply) sortedPairs() reply {
	pairs := slices.Collect(slices.Chunk(v.elems, 2))
	slices.SortFunc(pairs, func(a, b []reply) int { return compareReplies(a[0], b[0]) })
	v.elems = slices.Concat(pairs...)
	return v
}

// sortedDeep is sorted on every level.
func (v reply) sortedDeep() reply {
	v.elems = slices.Clone(v.elems)
	for i, e := range v.elems {
		v.elems[i] = e.sortedDeep()
	}
	return v.sorted()
}

// about accepts numbers near the wanted one: [about N] or [about N DISTANCE].
func (rp *replay) about(v reply, m mark) (reply, error) {
	text, err := rp.expand(m.args[0])
	if err != nil {
		return v, err
	}
	want, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return v, err
	}
	distance := max(2, math.Abs(want)/10)
	if len(m.args) > 1 {
		if distance, err = strconv.ParseFloat(m.args[1], 64); err != nil {
			return v, err
		}
	}
	if len(v.elems) > 0 {
		v.elems = slices.Clone(v.elems)
		for i := range v.elems {
			if v.elems[i], err = rp.about(v.elems[i], m); err != nil {
				return v, err
			}
		}
		return v, nil
	}
	if got, err := strconv.ParseFloat(v.text, 64); err == nil && math.Abs(got-want) <= distance {
		v.text = "about " + m.args[0]
	}
	return v, nil
}

// masked hides every value but shows the types. Errors and nulls stay.
func (v reply) masked() reply {
	if isAggregate(v.kind) && !v.null {
		elems := make([]reply, len(v.elems))
		for i, e := range v.elems {
			elems[i] = e.masked()
		}
		v.elems = elems
		return v
	}
	switch {
	case v.null || v.kind == '-' || v.kind == '!' || v.kind == '#':
	case v.kind == '=':
		v.text = v.text[:min(4, len(v.text))] + "..."
	default:
		v.text = "..."
	}
	return v
}

// kindOnly shows the type alone.
func (v reply) kindOnly() reply {
	if v.null || v.kind == '-' {
		return v
	}
	name := map[byte]string{'+': "status", ':': "integer", '$': "bulk string", '=': "verbatim string", '*': "array",
		'%': "map", '~': "set", '>': "push", ',': "double", '#': "boolean", '(': "big number"}[v.kind]
	return reply{kind: lineKind, elems: []reply{{kind: '+', text: name}}}
}

// asLines cuts a text reply into lines. Errors stay what they are.
func (v reply) asLines() reply {
	switch v.kind {
	case '=':
		_, text, _ := strings.Cut(v.text, ":")
		return textLines(text)
	case '$', '+':
		return textLines(v.text)
	}
	return v
}

// grep keeps the lines that match, or those that do not.
func (v reply) grep(pattern string, match bool) (reply, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return v, err
	}
	v = v.asLines()
	if v.kind == lineKind {
		v.elems = slices.DeleteFunc(slices.Clone(v.elems), func(e reply) bool { return re.MatchString(e.text) != match })
	}
	return v, nil
}

// keep leaves of each line only the key=value words with these keys, and of
// lines like db0:keys=1 what is before the colon.
func (v reply) keep(keys []string) reply {
	v = v.asLines()
	if v.kind != lineKind {
		return v
	}
	elems := make([]reply, len(v.elems))
	for i, e := range v.elems {
		var kept []string
		for word := range strings.FieldsFuncSeq(e.text, func(r rune) bool { return r == ' ' || r == ',' }) {
			if key, _, ok := strings.Cut(word, "="); ok && slices.Contains(keys, key) {
				kept = append(kept, word)
			}
		}
		e.text = strings.Join(kept, " ")
		elems[i] = e
	}
	v.elems = elems
	return v
}

// fieldNames leaves of each line what stands before its colon, and of a line
// of key=value words the keys.
func (v reply) fieldNames() reply {
	v = v.asLines()
	if v.kind != lineKind {
		return v
	}
	elems := make([]reply, len(v.elems))
	for i, e := range v.elems {
		if name, _, ok := strings.Cut(e.text, ":"); ok && !strings.Contains(name, "=") {
			e.text = name
		} else {
			var keys []string
			for _, word := range strings.Fields(e.text) {
				key, _, _ := strings.Cut(word, "=")
				keys = append(keys, key)
			}
			e.text = strings.Join(keys, " ")
		}
		elems[i] = e
	}
	v.elems = elems
	return v
}

// maskAfter hides, on every level, the element that follows one of the keys.
func (v reply) maskAfter(keys []string) reply {
	if len(v.elems) == 0 {
		return v
	}
	elems := make([]reply, len(v.elems))
	for i, e := range v.elems {
		if i > 0 && len(v.elems[i-1].elems) == 0 && slices.Contains(keys, v.elems[i-1].text) {
			elems[i] = e.masked()
		} else {
			elems[i] = e.maskAfter(keys)
		}
	}
	v.elems = elems
	return v
}

// substitute replaces what matches in every text of the reply.
func (v reply) substitute(re *regexp.Regexp, text string) reply {
	v.text = re.ReplaceAllString(v.text, text)
	elems := make([]reply, len(v.elems))
	for i, e := range v.elems {
		elems[i] = e.substitute(re, text)
	}
	v.elems = elems
	return v
}

// lineLines prints lines of text, each behind a bar.
func (v reply) lineLines() []string {
	if len(v.elems) == 0 {
		return []string{"(no lines)"}
	}
	out := make([]string, len(v.elems))
	for i, e := range v.elems {
		out[i] = fmt.Sprintf("| %s", escape(e.text))
	}
	return out
}

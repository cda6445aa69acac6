package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Values: reading and printing, kind by kind.

// A reason is why a value is refused, in Redis's words.
type reason string

func (r reason) Error() string { return string(r) }

const (
	errWordCount    reason = "wrong number of arguments"
	errBool         reason = "argument must be 'yes' or 'no'"
	errInteger      reason = "argument couldn't be parsed into an integer"
	errOctal        reason = "argument couldn't be parsed as an octal number"
	errMemoryValue  reason = "argument must be a memory value"
	errPercentValue reason = "argument must be a memory or percent value"
)

// parse reads the value of any kind but Special. Directives that take one
// word have been given one.
func (d *directive) parse(words []string) (value, error) {
	if d.kind == Enum {
		return d.parseEnum(words)
	}
	word := words[0]
	switch d.kind {
	case Bool:
		return parseBool(word)
	case Text:
		if !d.traits.has(binary) {
			word = cstring(word)
		}
		return value{str: word}, nil
	}
	num, err := d.parseNumber(word)
	if err == nil {
		err = d.checkBounds(num)
	}
	return value{num: num}, err
}

func parseBool(word string) (value, error) {
	switch lower(cstring(word)) {
	case "yes":
		return value{num: 1}, nil
	case "no":
		return value{num: 0}, nil
	}
	return value{}, errBool
}

func (d *directive) parseEnum(words []string) (value, error) {
	var v value
	if len(words) == 0 {
		return v, d.errChoice()
	}
	for _, w := range words {
		num, ok := d.choice(w)
		if !ok {
			return v, d.errChoice()
		}
		v.num |= num
	}
	return v, nil
}

// choice returns what a word stands for.
func (d *directive) choice(word string) (num int64, ok bool) {
	word = lower(cstring(word))
	for _, c := range d.choices {
		if c.word == word {
			return c.num, true
		}
	}
	return 0, false
}

func (d *directive) errChoice() error {
	words := make([]string, len(d.choices))
	for i, c := range d.choices {
		words[i] = c.word
	}
	return reason("argument(s) must be one of the following: " + strings.Join(words, ", "))
}

func (d *directive) parseNumber(word string) (int64, error) {
	switch d.kind {
	case Memory:
		if n, ok := parseMemory(cstring(word)); ok {
			return int64(n), nil // beyond int64 wraps, and checkBounds sees it
		}
		return 0, errMemoryValue
	case Percent:
		if n, ok := parseMemory(cstring(word)); ok {
			return int64(n), nil
		}
		if digits, found := strings.CutSuffix(word, "%"); found {
			if n, ok := parsePlainInt(digits); ok && n >= 0 {
				return -n, nil
			}
		}
		return 0, errPercentValue
	case Octal:
		if n, exact, ok := parseLenientInt(word, 8); ok && exact {
			return n, nil
		}
		return 0, errOctal
	}
	if n, ok := parsePlainInt(word); ok {
		return n, nil
	}
	return 0, errInteger
}

func (d *directive) checkBounds(n int64) error {
	switch {
	case d.max == maxUint64:
		return nil
	case d.kind == Percent && n < 0:
		if n < d.min {
			return reason(fmt.Sprintf("percentage argument must be less or equal to %d", -d.min))
		}
		return nil
	case n >= d.min && n <= int64(d.max):
		return nil
	case d.kind == Octal:
		return reason(fmt.Sprintf("argument must be between %o and %o inclusive", d.min, d.max))
	}
	return reason(fmt.Sprintf("argument must be between %d and %d inclusive", d.min, d.max))
}

// print returns a value of any kind but Special as CONFIG GET shows it.
func (d *directive) print(v value) string {
	switch d.kind {
	case Bool:
		if v.num != 0 {
			return "yes"
		}
		return "no"
	case Enum:
		return strings.Join(d.words(v.num), " ")
	case Text:
		return v.str
	case Octal:
		return strconv.FormatInt(v.num, 8)
	case Percent:
		if v.num < 0 {
			return strconv.FormatInt(-v.num, 10) + "%"
		}
	case Memory:
		return strconv.FormatUint(uint64(v.num), 10)
	}
	return strconv.FormatInt(v.num, 10)
}

// words returns the words of an Enum's value: one, unless the directive takes
// many and the value is a combination.
func (d *directive) words(num int64) []string {
	var words []string
	for _, c := range d.choices {
		if c.num == num {
			return []string{c.word}
		}
		if d.traits.has(manyWords) && c.num&num != 0 {
			words = append(words, c.word)
		}
	}
	return words
}

// Validation beyond the kind's. Each is the check of one or two directives.

func checkDefrag(_ *Config, v value) error {
	if v.num == 0 {
		return nil
	}
	return reason("Active defragmentation cannot be enabled: it " +
		"requires a Redis server compiled with a modified Jemalloc " +
		"like the one shipped by default with the Redis source " +
		"distribution")
}

func checkDumpName(_ *Config, v value) error {
	if strings.ContainsAny(v.str, `/\`) {
		return reason("dbfilename can't be a path, just a filename")
	}
	return nil
}

func checkAppendName(_ *Config, v value) error {
	switch {
	case v.str == "":
		return reason("appendfilename can't be empty")
	case strings.ContainsAny(v.str, `/\`):
		return reason("appendfilename can't be a path, just a filename")
	}
	return nil
}

func checkAppendDir(_ *Config, v value) error {
	switch {
	case v.str == "":
		return reason("appenddirname can't be empty")
	case strings.ContainsAny(v.str, `/\`):
		return reason("appenddirname can't be a path, just a dirname")
	}
	return nil
}

func checkShutdown(_ *Config, v value) error {
	if v.num&ShutdownSave != 0 && v.num&ShutdownNosave != 0 {
		return reason("shutdown options SAVE and NOSAVE can't be used simultaneously")
	}
	return nil
}

// hostnameMax is the longest host name, in bytes, plus one.
const hostnameMax = 256

func checkHostname(_ *Config, v value) error {
	if len(v.str) >= hostnameMax {
		return reason("Hostnames must be less than 256 characters")
	}
	for _, c := range []byte(lower(v.str)) {
		if !(isDigit(c) || 'a' <= c && c <= 'z' || c == '-' || c == '.') {
			return reason("Hostnames may only contain alphanumeric characters, hyphens or dots")
		}
	}
	return nil
}

// checkTitle refuses a process title with an unknown variable, and one that
// would come out empty. The title itself counts as empty, as in Redis.
func checkTitle(c *Config, v value) error {
	const bad reason = "template format is invalid or contains unknown variables"
	expanded, template := "", v.str
	for template != "" {
		plain, rest, found := strings.Cut(template, "{")
		expanded += plain
		if !found {
			break
		}
		if after, quoted := strings.CutPrefix(rest, "{"); quoted {
			expanded += "{"
			template = after
			continue
		}
		variable, after, closed := strings.Cut(rest, "}")
		content, known := c.titleVariable(variable)
		if !closed || !known {
			return bad
		}
		expanded += content
		template = after
	}
	if strings.Trim(expanded, " ") == "" {
		return bad
	}
	return nil
}

// titleVariable returns something as empty or not as the variable's content.
func (c *Config) titleVariable(name string) (content string, known bool) {
	switch name {
	case "title":
		return "", true
	case "server-mode":
		if c.Bool("cluster-enabled") || c.sentinel {
			return name, true
		}
		return "", true
	case "unixsocket":
		return c.Str("unixsocket"), true
	case "listen-addr", "config-file", "port", "tls-port":
		return name, true
	}
	return "", false
}

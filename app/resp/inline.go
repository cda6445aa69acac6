package resp

import "unsafe"

// splitLine appends the words of an inline request to args. Words are views
// into line, except those with quotes or escapes, which are built anew. It
// reports false when a quote is not closed, or is followed by more of a word.
func splitLine(line []byte, args []string) ([]string, bool) {
	i := 0
	for {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return args, true
		}
		start := i
		for i < len(line) && !endsWord(line[i]) && line[i] != '"' && line[i] != '\'' {
			i++
		}
		if i == len(line) || endsWord(line[i]) {
			args = append(args, unsafe.String(&line[start], i-start))
			continue
		}
		word, next, ok := quotedWord(line, start, i)
		if !ok {
			return args, false
		}
		args = append(args, word)
		i = next
	}
}

// quotedWord reads the word at start, whose first quote is at quote. The word
// ends with the quotes. It returns where to go on.
func quotedWord(line []byte, start, quote int) (word string, next int, ok bool) {
	b := make([]byte, quote-start, len(line)-start)
	copy(b, line[start:quote])
	if line[quote] == '"' {
		b, next, ok = doubleQuoted(line, quote+1, b)
	} else {
		b, next, ok = singleQuoted(line, quote+1, b)
	}
	if !ok || next < len(line) && !isSpace(line[next]) {
		return "", 0, false
	}
	return string(b), next, true
}

// doubleQuoted appends what stands from i on up to a double quote to b, with
// its escapes resolved. It returns the place behind the quote.
func doubleQuoted(line []byte, i int, b []byte) ([]byte, int, bool) {
	for ; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '"':
			return b, i + 1, true
		case c != '\\' || i+1 == len(line):
			b = append(b, c)
		case line[i+1] == 'x' && i+3 < len(line) && isHex(line[i+2]) && isHex(line[i+3]):
			b = append(b, hexValue(line[i+2])<<4|hexValue(line[i+3]))
			i += 3
		default:
			i++
			b = append(b, unescape(line[i]))
		}
	}
	return b, i, false
}

// singleQuoted is doubleQuoted for single quotes, whose only escape is \'.
func singleQuoted(line []byte, i int, b []byte) ([]byte, int, bool) {
	for ; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\'':
			return b, i + 1, true
		case c == '\\' && i+1 < len(line) && line[i+1] == '\'':
			i++
			b = append(b, '\'')
		default:
			b = append(b, c)
		}
	}
	return b, i, false
}

// unescape is the byte that a backslash and c stand for.
func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

// isSpace reports whether c separates words.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// endsWord reports whether c ends a word that it follows. Vertical tabs and
// form feeds do not, though between words they are space.
func endsWord(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// SplitLine returns the words of a line, as an inline request has them: parted
// by blanks, in quotes when they hold some. ok is false when quotes do not match.
func SplitLine(line []byte) (words []string, ok bool) { return splitLine(line, nil) }

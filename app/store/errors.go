package store

import (
	"fmt"
	"strings"
)

// A replyError is an error sent to the client as it stands: CODE, a space, a text.
type replyError string

func (e replyError) Error() string { return string(e) }

// Errors that more than one family answers, grouped by code. The texts are
// Redis's to the letter: clients match on them.
const (
	errSyntax          replyError = "ERR syntax error"
	errNotInteger      replyError = "ERR value is not an integer or out of range"
	errNotFloat        replyError = "ERR value is not a valid float"
	errOutOfRange      replyError = "ERR value is out of range"
	errMustBePositive  replyError = "ERR value is out of range, must be positive"
	errNoSuchKey       replyError = "ERR no such key"
	errSameObject      replyError = "ERR source and destination objects are the same"
	errOffsetRange     replyError = "ERR offset is out of range"
	errIncrOverflow    replyError = "ERR increment or decrement would overflow"
	errDBIndex         replyError = "ERR DB index is out of range"
	errStringTooLong   replyError = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	errInternal        replyError = "ERR internal error"
	errInvalidCursor   replyError = "ERR invalid cursor"
	errTimeoutNegative replyError = "ERR timeout is negative"
	errNumkeysPositive replyError = "ERR numkeys should be greater than 0"

	errWrongType  replyError = "WRONGTYPE Operation against a key holding the wrong kind of value"
	errNoAuth     replyError = "NOAUTH Authentication required."
	errOOM        replyError = "OOM command not allowed when used memory > 'maxmemory'."
	errLoading    replyError = "LOADING Redis is loading the dataset in memory"
	errNoReplicas replyError = "NOREPLICAS Not enough good replicas to write."
	errMasterDown replyError = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
	errReadOnly   replyError = "READONLY You can't write against a read only replica."
	errNoKeyspace replyError = "ERR Replica can't interact with the keyspace"
)

// errf makes an error reply from client input; what the input holds is made
// safe for the protocol, with the line breaks at its end cut off.
func errf(format string, args ...any) replyError {
	return replyError(oneLine(strings.TrimRight(fmt.Sprintf(format, args...), "\r\n")))
}

// errArity is the answer to a wrong number of arguments.
func errArity(full string) replyError {
	return errf("ERR wrong number of arguments for '%s' command", full)
}

// errUnknownSub is the answer to the unknown subcommand of a container, by the name that
// it was called by.
func errUnknownSub(container, sub string) replyError {
	return errf("ERR unknown subcommand '%s'. Try %s HELP.", cut(sub, quotedMax), upperName(container))
}

// quotedMax is how many bytes of a client's input an error repeats.
const quotedMax = 128

// cut shortens s to n bytes, and to its C string, as Redis's formatting does.
func cut(s string, n int) string {
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	return s[:min(n, len(s))]
}

var lineBreaks = strings.NewReplacer("\r", " ", "\n", " ")

// oneLine blanks out what would end the error's line early.
func oneLine(s string) string { return lineBreaks.Replace(s) }

// errUnknownCommand names the command and the start of its arguments.
func errUnknownCommand(args []string) replyError {
	var quoted strings.Builder
	for _, a := range args[1:] {
		if quoted.Len() >= quotedMax {
			break
		}
		quoted.WriteString("'" + cut(a, quotedMax-quoted.Len()) + "' ")
	}
	return errf("ERR unknown command '%s', with args beginning with: %s", cut(args[0], quotedMax), quoted.String())
}

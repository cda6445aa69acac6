package store

import (
	"cmp"
	"math"
	"strconv"
	"strings"
)

// IDs of stream entries: milliseconds and, among the entries of one of them, a
// sequence. The order of the IDs is the order of the entries.

// A streamID is the ID of an entry.
type streamID struct{ ms, seq uint64 }

// maxStreamID is the last ID there can be; the zero ID, the first, belongs to no
// entry.
var maxStreamID = streamID{math.MaxUint64, math.MaxUint64}

// errStreamID is the answer to what is no ID.
const errStreamID replyError = "ERR Invalid stream ID specified as stream command argument"

func (id streamID) cmp(other streamID) int {
	if id.ms != other.ms {
		return cmp.Compare(id.ms, other.ms)
	}
	return cmp.Compare(id.seq, other.seq)
}

func (id streamID) less(other streamID) bool {
	return id.ms < other.ms || id.ms == other.ms && id.seq < other.seq
}

func (id streamID) isZero() bool { return id == streamID{} }

// next returns the ID behind id. Behind the last one comes 0-0, which is not ok.
func (id streamID) next() (following streamID, ok bool) {
	switch {
	case id.seq < math.MaxUint64:
		return streamID{id.ms, id.seq + 1}, true
	case id.ms < math.MaxUint64:
		return streamID{id.ms + 1, 0}, true
	}
	return streamID{}, false
}

// prev returns the ID before id. Before 0-0 comes the last one, which is not ok.
func (id streamID) prev() (preceding streamID, ok bool) {
	switch {
	case id.seq > 0:
		return streamID{id.ms, id.seq - 1}, true
	case id.ms > 0:
		return streamID{id.ms - 1, math.MaxUint64}, true
	}
	return maxStreamID, false
}

// append appends the ID as text.
func (id streamID) append(b []byte) []byte {
	b = strconv.AppendUint(b, id.ms, 10)
	b = append(b, '-')
	return strconv.AppendUint(b, id.seq, 10)
}

func (id streamID) String() string { return string(id.append(nil)) }

// streamIDTextMax is the length of the longest ID.
const streamIDTextMax = 20 + 1 + 20

// replyStreamID answers with an ID, as a bulk string.
func (c *Client) replyStreamID(id streamID) {
	var text [streamIDTextMax]byte
	c.reply.BulkBytes(id.append(text[:0]))
}

// parseStreamID parses an ID. Of one without a sequence the sequence is
// missing.
func parseStreamID(arg string, missing uint64) (streamID, error) {
	id, _, err := splitStreamID(arg, missing, false)
	return id, err
}

// parseNewStreamID parses the ID that XADD is given, which may be ms-*: then
// the sequence is open.
func parseNewStreamID(arg string) (id streamID, open bool, err error) {
	return splitStreamID(arg, 0, true)
}

// parseStreamBound parses an end of a range, which is - or + or an ID. Behind a
// parenthesis stands an ID that does not belong to the range.
func parseStreamBound(arg string, missing uint64) (id streamID, exclusive bool, err error) {
	switch {
	case arg == "-":
		return streamID{}, false, nil
	case arg == "+":
		return maxStreamID, false, nil
	case len(arg) > 1 && arg[0] == '(':
		id, err = parseStreamID(arg[1:], missing)
		return id, true, err
	}
	id, err = parseStreamID(arg, missing)
	return id, false, err
}

// splitStreamID parses an ID. It is as generous as Redis, which takes a number
// the way strtoull does; what follows a NUL does not count.
func splitStreamID(arg string, missing uint64, mayBeOpen bool) (id streamID, open bool, err error) {
	const lengthMax = 127
	if len(arg) > lengthMax {
		return id, false, errStreamID
	}
	if i := strings.IndexByte(arg, 0); i >= 0 {
		arg = arg[:i]
	}
	ms, seq, both := strings.Cut(arg, "-")
	id.seq = missing
	var ok bool
	if id.ms, ok = parseCUint(ms); !ok {
		return id, false, errStreamID
	}
	if both && mayBeOpen && seq == "*" {
		return streamID{id.ms, 0}, true, nil
	}
	if both {
		if id.seq, ok = parseCUint(seq); !ok {
			return id, false, errStreamID
		}
	}
	return id, false, nil
}

// parseCUint parses an integer of 64 bits. A canonical one must not be
// negative; any other goes by strtoull: blanks before it, a sign and leading
// zeros are allowed, and the negative wraps.
func parseCUint(s string) (uint64, bool) {
	if n, ok := canonicalInt(s); ok {
		return uint64(n), n >= 0
	}
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false // ParseUint would take a sign or an underscore for it
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, false
	}
	if negative {
		n = -n
	}
	return n, true
}

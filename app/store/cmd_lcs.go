package store

import "math"

// The command LCS.

// lcsOptions are what LCS was asked for.
type lcsOptions struct {
	length       bool
	ranges       bool
	matchLengths bool
	minMatch     int64
}

const (
	errLCSType    replyError = "ERR The specified keys must contain string values"
	errLCSBoth    replyError = "ERR If you want both the length and indexes, please just use IDX."
	errLCSTooLong replyError = "ERR String too long for LCS"
	errLCSMemory  replyError = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
)

// cmdLcs serves LCS key1 key2 [LEN | IDX [MINMATCHLEN n] [WITHMATCHLEN]].
func (kv *KVStore) cmdLcs(c *Client, args []string) error {
	first := c.db.lookupRead(args[1])
	second := c.db.lookupRead(args[2])
	if first.ok() && first.typ() != typeString || second.ok() && second.typ() != typeString {
		return errLCSType
	}
	opts, err := parseLCSOptions(args[3:])
	if err != nil {
		return err
	}
	var printed [20]byte // two integers cannot share kv.scratch
	var a, b string
	if first.ok() {
		a = viewString(first.stringBytes(kv.arena, &printed))
	}
	if second.ok() {
		b = kv.str(second)
	}
	if err := kv.checkLCSSize(len(a), len(b)); err != nil {
		return err
	}
	if len(a) == 0 || len(b) == 0 {
		c.replyNoLCS(opts)
		return nil
	}
	t := newLCSTable(kv.arena, a, b)
	defer t.free()
	switch {
	case opts.ranges:
		c.replyLCSRanges(t, opts)
	case opts.length:
		c.reply.Int(int64(t.length()))
	default:
		c.replyLCS(t)
	}
	return nil
}

func parseLCSOptions(args []string) (o lcsOptions, err error) {
	for i := 0; i < len(args); i++ {
		switch {
		case is(args[i], "idx"):
			o.ranges = true
		case is(args[i], "len"):
			o.length = true
		case is(args[i], "withmatchlen"):
			o.matchLengths = true
		case is(args[i], "minmatchlen") && i+1 < len(args):
			i++
			if o.minMatch, err = parseInt(args[i]); err != nil {
				return o, err
			}
		default:
			return o, errSyntax
		}
	}
	if o.length && o.ranges {
		return o, errLCSBoth
	}
	return o, nil
}

// checkLCSSize refuses what Redis refuses: a table of 32-bit numbers, which is
// not what we keep, must not be bigger than a string may be.
func (kv *KVStore) checkLCSSize(n, m int) error {
	if n >= math.MaxUint32-1 || m >= math.MaxUint32-1 {
		return errLCSTooLong
	}
	const cellBytes = 4
	if uint64(n+1)*uint64(m+1) > uint64(kv.maxBulk)/cellBytes {
		return errLCSMemory
	}
	return nil
}

// replyNoLCS answers when one of the strings is empty.
func (c *Client) replyNoLCS(opts lcsOptions) {
	switch {
	case opts.ranges:
		c.reply.Map(2)
		c.reply.Bulk("matches")
		c.reply.Array(0)
		c.reply.Bulk("len")
		c.reply.Int(0)
	case opts.length:
		c.reply.Int(0)
	default:
		c.reply.Bulk("")
	}
}

// replyLCS answers with the subsequence itself, which is found from its end.
func (c *Client) replyLCS(t *lcsTable) {
	n := t.length()
	text := make([]byte, n)
	t.ranges(func(r lcsRange) {
		n -= r.n
		copy(text[n:], t.a[r.aStart:r.aStart+r.n])
	})
	c.reply.BulkBytes(text)
}

// replyLCSRanges answers IDX.
func (c *Client) replyLCSRanges(t *lcsTable, opts lcsOptions) {
	c.reply.Map(2)
	c.reply.Bulk("matches")
	at, n := c.reply.Len(), 0
	t.ranges(func(r lcsRange) {
		if int64(r.n) < opts.minMatch {
			return
		}
		n++
		fields := 2
		if opts.matchLengths {
			fields = 3
		}
		c.reply.Array(fields)
		for _, start := range [...]int{r.aStart, r.bStart} {
			c.reply.Array(2)
			c.reply.Int(int64(start))
			c.reply.Int(int64(start + r.n - 1))
		}
		if opts.matchLengths {
			c.reply.Int(int64(r.n))
		}
	})
	c.reply.ArrayAt(at, n)
	c.reply.Bulk("len")
	c.reply.Int(int64(t.length()))
}

package store

import "math"

// The options of SET and GETEX, of which most exclude each other.

// setFlags are the options given.
type setFlags uint16

const (
	optNX setFlags = 1 << iota
	optXX
	optGet
	optKeepTTL
	optPersist
	optEX
	optPX
	optExat
	optPxat

	optTimed = optEX | optPX | optExat | optPxat
	optTTL   = optTimed | optKeepTTL | optPersist

	optsSet   = optNX | optXX | optGet | optKeepTTL | optTimed
	optsGetex = optPersist | optTimed
)

// setWords are the options' names, and which others each excludes. An option
// may be given again; of several times the last counts.
var setWords = [...]struct {
	word     string
	flag     setFlags
	excludes setFlags
}{
	{"ex", optEX, optTTL &^ optEX},
	{"px", optPX, optTTL &^ optPX},
	{"nx", optNX, optXX},
	{"xx", optXX, optNX},
	{"get", optGet, 0},
	{"keepttl", optKeepTTL, optTTL &^ optKeepTTL},
	{"exat", optExat, optTTL &^ optExat},
	{"pxat", optPxat, optTTL &^ optPxat},
	{"persist", optPersist, optTTL &^ optPersist},
}

// setOptions are the options of one command.
type setOptions struct {
	flags setFlags
	time  string // of EX, PX, EXAT, PXAT, as it was given
}

func (o *setOptions) has(f setFlags) bool { return o.flags&f != 0 }

// parseSetOptions parses those options that are allowed.
func parseSetOptions(args []string, allowed setFlags) (setOptions, error) {
	var o setOptions
	for i := 0; i < len(args); i++ {
		flag := o.next(args[i], allowed)
		if flag == 0 {
			return o, errSyntax
		}
		o.flags |= flag
		if flag&optTimed == 0 {
			continue
		}
		if i++; i == len(args) {
			return o, errSyntax
		}
		o.time = args[i]
	}
	return o, nil
}

// next is the option that arg names, 0 when it is none or excluded by another.
func (o *setOptions) next(arg string, allowed setFlags) setFlags {
	for i := range setWords {
		w := &setWords[i]
		if is(arg, w.word) && allowed&w.flag != 0 && o.flags&w.excludes == 0 {
			return w.flag
		}
	}
	return 0
}

// expireAt is the ms that the options set the expiry to, -1 when they set none.
func (o *setOptions) expireAt(c *Client) (int64, error) {
	if o.flags&optTimed == 0 {
		return -1, nil
	}
	at, err := parseInt(o.time)
	if err != nil {
		return 0, err
	}
	seconds := o.flags&(optEX|optExat) != 0
	if at <= 0 || seconds && at > math.MaxInt64/1000 {
		return 0, errExpireTime(c)
	}
	if seconds {
		at *= 1000
	}
	if o.flags&(optEX|optPX) != 0 {
		at += c.kv.nowMs
	}
	if at <= 0 { // too far in the future for 64 bits
		return 0, errExpireTime(c)
	}
	return at, nil
}

func errExpireTime(c *Client) replyError {
	return errf("ERR invalid expire time in '%s' command", c.cmd.full)
}

package config

import "math"

// A Kind says how the value of a directive is written.
type Kind int

const (
	Bool    Kind = iota // yes or no
	Int                 // a decimal integer
	Memory              // bytes, with units; printed as a plain number
	Percent             // bytes as Memory or a percentage "N%", kept as -N
	Octal               // permission bits
	Enum                // one of the choices, or several when the directive takes many words
	Text                // a string
	Special             // has a syntax of its own
)

// String returns the kind as it is called in documentation.
func (k Kind) String() string {
	return [...]string{"bool", "int", "memory", "memory or percent", "octal", "enum", "string", "special"}[k]
}

// A trait is a bit set of what is particular about a directive.
type trait uint16

const (
	immutable   trait = 1 << iota // CONFIG SET refuses it
	protected                     // CONFIG SET needs enable-protected-configs
	denyLoading                   // CONFIG SET refuses it while a data set loads
	hidden                        // CONFIG GET shows it only under its exact name
	sensitive                     // its value must not reach logs
	volatile                      // setting it to what it is applies it again
	manyWords                     // takes several words
	emptyIsNone                   // an empty string means "not set"
	binary                        // its value may contain NUL bytes
	noEffect                      // accepted and kept, without meaning for this server
)

func (t trait) has(one trait) bool { return t&one != 0 }

// A value holds the current value of a directive of any kind but Special:
// str for Text, num for all others.
type value struct {
	num int64
	str string
}

// A directive is one record of the table. It is data; what differs by kind is
// in value.go, and the eight directives with a syntax of their own bring their
// functions along.
type directive struct {
	name    string
	alias   string // another name for it, or ""
	kind    Kind
	traits  trait
	initial value // the default; Special has its own in newState
	min     int64 // bounds of numbers; a max of MaxUint64 means no bounds
	max     uint64
	choices []choice
	check   func(c *Config, v value) error // further validation, may be nil
	special *special
	slot    int // where state.values holds its value
}

// A choice is one word of an Enum. Where several words may be given, their
// values are or-ed.
type choice struct {
	word string
	num  int64
}

// choices numbers words in their order.
func choices(words ...string) []choice {
	list := make([]choice, len(words))
	for i, w := range words {
		list[i] = choice{w, int64(i)}
	}
	return list
}

// A special is a directive with a syntax of its own.
type special struct {
	// set validates words before it changes anything, and tells whether
	// the value is to be applied.
	set func(c *Config, words []string) (changed bool, err error)
	// get returns the value as CONFIG GET prints it.
	get func(c *Config) string
	// rewrite hands over the lines that CONFIG REWRITE writes.
	rewrite func(c *Config, w *rewriter, name string)
}

// What follows are the forms of the table's records.

func boolean(name string, initial bool, traits trait) directive {
	return directive{name: name, kind: Bool, traits: traits, initial: value{num: truth(initial)}}
}

func integer(name string, initial, min, max int64, traits trait) directive {
	return directive{name: name, kind: Int, traits: traits, initial: value{num: initial}, min: min, max: uint64(max)}
}

func memory(name string, initial, min int64, max uint64, traits trait) directive {
	return directive{name: name, kind: Memory, traits: traits, initial: value{num: initial}, min: min, max: max}
}

func enum(name, initial string, words []choice, traits trait) directive {
	d := directive{name: name, kind: Enum, traits: traits, choices: words}
	d.initial.num, _ = d.choice(initial) // a test proves that every default is a choice
	return d
}

func text(name, initial string, traits trait) directive {
	return directive{name: name, kind: Text, traits: traits, initial: value{str: initial}}
}

func custom(name string, s *special, traits trait) directive {
	return directive{name: name, kind: Special, traits: traits, special: s}
}

// aka adds the other name of a directive.
func (d directive) aka(alias string) directive {
	d.alias = alias
	return d
}

// checked adds a validation that goes beyond the kind's.
func (d directive) checked(check func(*Config, value) error) directive {
	d.check = check
	return d
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

const (
	maxPort   = math.MaxUint16
	maxInt32  = math.MaxInt32
	minInt32  = math.MinInt32
	maxUint32 = math.MaxUint32
	maxInt64  = math.MaxInt64
	maxUint64 = math.MaxUint64
)

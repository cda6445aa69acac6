// Package config is the one table of configuration directives. Everything that
// concerns them follows from it: command-line flags, configuration files,
// CONFIG GET, SET and REWRITE, and the errors of each, all as in Redis 7.0.15.
//
// A Config holds the values of one server and knows nothing of that server.
// It validates and keeps a value; to make it so, rebinding a port for example,
// is the work of the store, through the apply function it hands to Set. Two
// things that Redis does to its process do not happen here: the directory is
// kept as an absolute path that Path resolves names against, and not changed
// to, and directives without meaning for this server (Ignored lists them) are
// accepted and kept.
package config

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Version is the version of Redis whose behaviour the package has, and whose
// name its texts mention.
const Version = "7.0.15"

// A Config is the configuration of one server. It is not safe for concurrent
// use: the store's mutex guards it.
type Config struct {
	state

	table []directive
	names []entry          // sorted by name, aliases included
	index map[string]entry // by name in lower case

	file          string // absolute path of the configuration file, or ""
	sentinel      bool
	renames       []Rename
	users         [][]string
	modules       [][]string
	moduleConfigs []Pair

	hooks Hooks

	// What follows is of interest while files are read only.
	readingFile  bool // save lines add up
	saveSeen     bool // a save line has replaced the defaults
	includeDepth int
}

// An entry is a name of a directive: its own or its alias.
type entry struct {
	name string // in lower case
	*directive
}

// A Pair is a directive's name and its value as text.
type Pair struct{ Name, Value string }

// A Rename is a rename-command line. To is empty to remove the command.
type Rename struct{ From, To string }

// Hooks are questions that only the server can answer. Any may be nil.
type Hooks struct {
	// HasCommand tells whether the server has a command of that name,
	// which is what rename-command needs to know. When nil, it has every
	// command that is asked for.
	HasCommand func(name string) bool

	// CheckUser validates the words of a user line, the first being "user"
	// and the second the name. When it refuses one it returns its position
	// and why; otherwise the reason is empty.
	CheckUser func(words []string) (position int, reason string)

	// Users returns what Rewrite is to write behind "user", a line for
	// each user: "default on nopass ~* &* +@all". When nil, Rewrite leaves
	// the user lines of the file alone.
	Users func() []string

	// Warn takes lines that Redis logs at level warning.
	Warn func(text string)
}

// New returns the defaults of Redis.
func New() *Config {
	c := &Config{table: newTable(), index: make(map[string]entry)}
	c.state = newState(c.table)
	for i := range c.table {
		d := &c.table[i]
		c.names = append(c.names, entry{d.name, d})
		if d.alias != "" {
			c.names = append(c.names, entry{d.alias, d})
		}
	}
	slices.SortFunc(c.names, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	for _, e := range c.names {
		c.index[e.name] = e
	}
	return c
}

// SetHooks tells where to ask what only the server knows.
func (c *Config) SetHooks(h Hooks) { c.hooks = h }

func (c *Config) warn(text string) {
	if c.hooks.Warn != nil {
		c.hooks.Warn(text)
	}
}

// lookup finds a directive by its name or alias, in any case.
func (c *Config) lookup(name string) (entry, bool) {
	e, ok := c.index[lower(name)]
	return e, ok
}

// must is lookup for names that the program itself mentions.
func (c *Config) must(name string) *directive {
	e, ok := c.index[name]
	if !ok {
		panic("config: no directive " + name)
	}
	return e.directive
}

// assign sets a directive to words and tells whether there is something to
// apply: a new value, or one of a directive that always wants applying.
func (c *Config) assign(d *directive, words []string) (changed bool, err error) {
	if d.kind == Special {
		return d.special.set(c, words)
	}
	v, err := d.parse(words)
	if err == nil && d.check != nil {
		err = d.check(c, v)
	}
	if err != nil {
		return false, err
	}
	changed = c.values[d.slot] != v || d.traits.has(volatile)
	c.values[d.slot] = v
	return changed, nil
}

// assignText is assign for one text, as CONFIG SET has it: words are separated
// by single blanks, without quotes, and an empty text has no words at all.
func (c *Config) assignText(d *directive, text string) (changed bool, err error) {
	words := []string{text}
	if d.traits.has(manyWords) {
		words = strings.Split(text, " ")
		if text == "" {
			words = nil
		}
	}
	return c.assign(d, words)
}

// get returns a directive's value as CONFIG GET prints it.
func (c *Config) get(d *directive) string {
	if d.kind == Special {
		return d.special.get(c)
	}
	return d.print(c.values[d.slot])
}

// clampHz keeps hz in its range. Redis takes other values without complaint.
func (c *Config) clampHz() {
	hz := &c.values[c.must("hz").slot].num
	*hz = min(max(*hz, 1), 500)
}

// Assign sets a directive as CONFIG SET would, but also an immutable or
// protected one. Nothing is applied.
func (c *Config) Assign(name, value string) error {
	e, ok := c.lookup(name)
	if !ok {
		return reason("Unknown option " + name)
	}
	if _, err := c.assignText(e.directive, value); err != nil {
		return err
	}
	c.clampHz()
	return nil
}

// Bool returns the value of a directive of kind Bool. Like its siblings it
// panics when there is no such directive.
func (c *Config) Bool(name string) bool { return c.values[c.must(name).slot].num != 0 }

// Int returns the value of a directive that is a number, or the flags of one
// that is a set of words (notify-keyspace-events, shutdown-on-sigint).
// A percentage is negative; what exceeds int64 is the greatest int64.
func (c *Config) Int(name string) int64 {
	d := c.must(name)
	if d.special == eventsDirective {
		return int64(c.events)
	}
	n := c.values[d.slot].num
	if d.max == maxUint64 {
		return clampInt64(uint64(n))
	}
	return n
}

// Str returns the value of any directive as CONFIG GET prints it.
func (c *Config) Str(name string) string { return c.get(c.must(name)) }

// Strings returns the words of a directive that takes many.
func (c *Config) Strings(name string) []string {
	if d := c.must(name); d.special == bindDirective {
		return slices.Clone(c.bind) // an address may contain a blank
	}
	return strings.Fields(c.Str(name))
}

// SavePoints returns the save points in their order.
func (c *Config) SavePoints() []SavePoint { return slices.Clone(c.savePoints) }

// OutputBufferLimits returns the limits of normal clients, replicas and
// subscribers.
func (c *Config) OutputBufferLimits() [3]OutputBufferLimit {
	var limits [3]OutputBufferLimit
	for i, l := range c.limits {
		limits[i] = OutputBufferLimit{clampInt64(l.hard), clampInt64(l.soft), l.seconds}
	}
	return limits
}

// ReplicaOf returns the master to follow; host is "" for a master.
func (c *Config) ReplicaOf() (host string, port int) {
	if c.masterHost == "" {
		return "", 0
	}
	return c.masterHost, c.masterPort
}

// Follow sets the master to follow, as REPLICAOF does at run time; host is ""
// for none.
func (c *Config) Follow(host string, port int) { c.masterHost, c.masterPort = host, port }

// Percentiles returns latency-tracking-info-percentiles.
func (c *Config) Percentiles() []float64 { return slices.Clone(c.percentiles) }

// KeyspaceEvents returns the classes that notify-keyspace-events names. They
// can be more than its text tells: "An" reads back as "A".
func (c *Config) KeyspaceEvents() int { return c.events }

// Renames returns the rename-command lines in their order.
func (c *Config) Renames() []Rename { return slices.Clone(c.renames) }

// Users returns the user lines in their order, without the word user: a name
// and its rules.
func (c *Config) Users() [][]string { return slices.Clone(c.users) }

// LoadModules returns the loadmodule lines: a path and its arguments.
func (c *Config) LoadModules() [][]string { return slices.Clone(c.modules) }

// ModuleConfigs returns the lines that name a directive of a module, known by
// the dot in it. Redis refuses to start when no module claims them.
func (c *Config) ModuleConfigs() []Pair { return slices.Clone(c.moduleConfigs) }

// Sentinel tells whether the command line asks for a Sentinel.
func (c *Config) Sentinel() bool { return c.sentinel }

// File returns the absolute path of the configuration file, "" without one.
func (c *Config) File() string { return c.file }

// Path resolves the name of a file against the directive dir. The result is
// absolute unless the process had no directory to begin with.
func (c *Config) Path(name string) string {
	if filepath.IsAbs(name) || c.dir == "" {
		return name
	}
	separator := string(filepath.Separator)
	return strings.TrimSuffix(c.dir, separator) + separator + name
}

// Sensitive tells whether the value of a directive must be kept out of logs.
func (c *Config) Sensitive(name string) bool {
	e, ok := c.lookup(name)
	return ok && e.traits.has(sensitive)
}

// A Directive describes a directive, for documentation and tests.
type Directive struct {
	Name, Alias string
	Kind        Kind
	Default     string   // as CONFIG GET prints it
	Min         int64    // bounds of Int, Memory, Percent and Octal
	Max         uint64   //
	Choices     []string // of Enum

	Immutable   bool // only files and flags set it
	Protected   bool // CONFIG SET needs enable-protected-configs
	DenyLoading bool // CONFIG SET refuses it while loading
	Hidden      bool // CONFIG GET wants the exact name
	Sensitive   bool // must not reach logs
	ManyWords   bool // takes several words
	Ignored     bool // kept, but without meaning for this server
}

// Directives describes all directives, sorted by name.
func Directives() []Directive {
	c := New()
	list := make([]Directive, len(c.table))
	for i := range c.table {
		d := &c.table[i]
		list[i] = Directive{
			Name: d.name, Alias: d.alias, Kind: d.kind, Default: c.get(d), Min: d.min, Max: d.max,
			Immutable: d.traits.has(immutable), Protected: d.traits.has(protected),
			DenyLoading: d.traits.has(denyLoading), Hidden: d.traits.has(hidden),
			Sensitive: d.traits.has(sensitive), ManyWords: d.traits.has(manyWords),
			Ignored: d.traits.has(noEffect),
		}
		for _, choice := range d.choices {
			list[i].Choices = append(list[i].Choices, choice.word)
		}
	}
	return list
}

// Names returns the names of all directives, sorted, without aliases.
func Names() []string {
	var names []string
	for _, d := range newTable() {
		names = append(names, d.name)
	}
	return names
}

// Ignored returns the names of the directives that are accepted and kept, and
// change nothing.
func Ignored() []string {
	var names []string
	for _, d := range newTable() {
		if d.traits.has(noEffect) {
			names = append(names, d.name)
		}
	}
	return names
}

// systemText is the text that C has for an error of the system: Go's, with the
// capital it lacks.
func systemText(err error) string {
	text := err.Error()
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		text = errno.Error()
	}
	if text != "" && 'a' <= text[0] && text[0] <= 'z' {
		text = string(text[0]-'a'+'A') + text[1:]
	}
	return text
}

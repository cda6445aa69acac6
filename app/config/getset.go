package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/codecrafters-io/redis-starter-go/app/glob"
)

// CONFIG GET and CONFIG SET.

// Get returns what CONFIG GET prints for the patterns: each directive once,
// aliases as directives of their own. A pattern without *, ? and [ is a name,
// matches in any case, and is printed as it was written; only a name finds a
// hidden directive. Redis prints the pairs in the order of its hash table,
// here they come by pattern and then by name.
func (c *Config) Get(patterns ...string) []Pair {
	var pairs []Pair
	seen := make(map[string]bool)
	add := func(e entry, name string) {
		if !seen[e.name] {
			seen[e.name] = true
			pairs = append(pairs, Pair{name, c.get(e.directive)})
		}
	}
	for _, pattern := range patterns {
		if shell := cstring(pattern); strings.ContainsAny(shell, "*?[") {
			for _, e := range c.names {
				if !e.traits.has(hidden) && glob.Match(shell, e.name, true) {
					add(e, e.name)
				}
			}
		} else if e, ok := c.lookup(pattern); ok {
			add(e, pattern)
		}
	}
	return pairs
}

// A SetContext is the situation in which CONFIG SET is asked for.
type SetContext struct {
	Loading bool // a data set is being loaded
	Local   bool // the client is on this machine: unix socket or loopback
}

// A SetError is the error reply to CONFIG SET.
type SetError string

func (e SetError) Error() string { return string(e) }

const errLoading SetError = "LOADING Redis is loading the dataset in memory"

// An ApplyError is what the function given to Set returns when a directive
// cannot be applied.
type ApplyError struct {
	Name   string // the directive
	Reason string // in Redis's words, may be empty
}

func (e *ApplyError) Error() string { return e.Name + ": " + e.Reason }

// Set is CONFIG SET of all pairs or none. When all values are valid they are
// set, and apply is called once with the names (never aliases) of those that
// changed, in the order of the pairs; it is not called when none did, and may
// be nil. If it returns an error, every value goes back to what it was, apply
// is called again with the same names to follow, and its result only logged.
// Directives with a syntax of their own (save, bind, …) always count as
// changed. The error is a SetError.
func (c *Config) Set(pairs []Pair, ctx SetContext, apply func(changed []string) error) error {
	targets, err := c.targets(pairs, ctx)
	if err != nil {
		return err
	}
	before := c.state.snapshot()
	var changed []string
	for i, p := range pairs {
		differs, err := c.assignText(targets[i].directive, p.Value)
		if err != nil {
			c.state = before
			return setFailed(targets[i].name, err.Error())
		}
		if differs {
			changed = append(changed, targets[i].directive.name)
		}
	}
	c.clampHz()
	if apply == nil || len(changed) == 0 {
		return nil
	}
	if err := apply(changed); err != nil {
		return c.takeBack(before, changed, targets, err, apply)
	}
	return nil
}

// targets finds the directives to set, and refuses what cannot be set now. The
// first problem is the one reported.
func (c *Config) targets(pairs []Pair, ctx SetContext) ([]entry, error) {
	targets := make([]entry, 0, len(pairs))
	for _, p := range pairs {
		e, ok := c.lookup(p.Name)
		switch {
		case !ok:
			return nil, SetError("ERR Unknown option or number of arguments for CONFIG SET - '" + inReply(p.Name) + "'")
		case e.traits.has(immutable):
			return nil, setFailed(p.Name, "can't set immutable config")
		case e.traits.has(protected) && !c.Allowed("enable-protected-configs", ctx.Local):
			return nil, setFailed(p.Name, "can't set protected config")
		case e.traits.has(denyLoading) && ctx.Loading:
			return nil, errLoading
		case slices.Contains(targets, e): // an alias and its directive are two
			return nil, setFailed(p.Name, "duplicate parameter")
		}
		targets = append(targets, e)
	}
	return targets, nil
}

// Allowed tells whether a directive with the choices no, yes and local (which
// guard protected directives, DEBUG and MODULE) lets a client in.
func (c *Config) Allowed(name string, local bool) bool {
	switch c.Str(name) {
	case "yes":
		return true
	case "local":
		return local
	}
	return false
}

// takeBack undoes a set that could not be applied.
func (c *Config) takeBack(before state, changed []string, targets []entry, cause error, apply func([]string) error) error {
	name, why := changed[0], cause.Error()
	if e, ok := errors.AsType[*ApplyError](cause); ok {
		name, why = e.Name, e.Reason
	}
	for _, t := range targets {
		if t.directive.name == name {
			name = t.name // the alias, if that was asked for
			break
		}
	}
	c.warn(fmt.Sprintf("Failed applying new configuration. Possibly related to new %s setting. "+
		"Restoring previous settings.", name))
	c.state = before
	if err := apply(changed); err != nil {
		c.warn("Failed applying restored failed CONFIG SET command: " + err.Error())
	}
	return setFailed(name, why)
}

func setFailed(name, why string) SetError {
	text := "ERR CONFIG SET failed (possibly related to argument '" + inReply(name) + "')"
	if why != "" {
		text += " - " + inReply(why)
	}
	return SetError(text)
}

// inReply makes a text fit for an error reply, which is one line.
func inReply(s string) string {
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(cstring(s))
}

package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The eight directives with a syntax of their own.

var (
	bindDirective        = &special{(*Config).setBind, (*Config).getBind, (*Config).rewriteBind}
	dirDirective         = &special{(*Config).setDir, (*Config).getDir, (*Config).rewriteDir}
	eventsDirective      = &special{(*Config).setEvents, (*Config).getEvents, (*Config).rewriteEvents}
	oomScoresDirective   = &special{(*Config).setOOMScores, (*Config).getOOMScores, (*Config).rewriteOOMScores}
	outputLimitDirective = &special{(*Config).setOutputLimits, (*Config).getOutputLimits, (*Config).rewriteOutputLimits}
	percentilesDirective = &special{(*Config).setPercentiles, (*Config).getPercentiles, (*Config).rewritePercentiles}
	replicaofDirective   = &special{(*Config).setReplicaof, (*Config).getReplicaof, (*Config).rewriteReplicaof}
	saveDirective        = &special{(*Config).setSave, (*Config).getSave, (*Config).rewriteSave}
)

// A SavePoint asks for a snapshot once Changes keys have changed and Seconds
// have passed since the last one.
type SavePoint struct {
	Seconds int64
	Changes int
}

// An OutputBufferLimit bounds the replies waiting for a client: it is closed
// at HardBytes at once, and when it stays beyond SoftBytes for SoftSeconds.
// 0 bytes mean no limit.
type OutputBufferLimit struct {
	HardBytes, SoftBytes int64
	SoftSeconds          int64
}

// outputLimit is an OutputBufferLimit as Redis keeps it, beyond int64.
type outputLimit struct {
	hard, soft uint64
	seconds    int64
}

// state is everything CONFIG SET can change. Its slices are replaced, never
// written to, so that a copy with its own values is a snapshot to go back to.
type state struct {
	values      []value // by directive.slot
	bind        []string
	dir         string // absolute
	events      int
	oomScores   [3]int64
	limits      [3]outputLimit // by the order of outputClasses
	percentiles []float64
	masterHost  string // "" for a master
	masterPort  int
	savePoints  []SavePoint
}

var (
	defaultBind      = []string{"*", "-::*"}
	defaultOOMScores = [3]int64{0, 200, 800}
	defaultLimits    = [3]outputLimit{{}, {256 << 20, 64 << 20, 60}, {32 << 20, 8 << 20, 60}}
)

// newState returns the defaults. The directory is that of the process.
func newState(table []directive) state {
	s := state{
		values:      make([]value, len(table)),
		bind:        defaultBind,
		dir:         workingDir(),
		oomScores:   defaultOOMScores,
		limits:      defaultLimits,
		percentiles: []float64{50, 99, 99.9},
		savePoints:  []SavePoint{{3600, 1}, {300, 100}, {60, 10000}},
	}
	for i, d := range table {
		s.values[i] = d.initial
	}
	return s
}

// snapshot returns a copy that later changes leave alone.
func (s *state) snapshot() state {
	old := *s
	old.values = slices.Clone(s.values)
	return old
}

// bindMax is the greatest number of addresses to listen on.
const bindMax = 16

func (c *Config) setBind(words []string) (bool, error) {
	if len(words) > bindMax {
		return false, reason("Too many bind addresses specified.")
	}
	if len(words) == 1 && words[0] == "" {
		words = nil
	}
	c.bind = make([]string, len(words))
	for i, w := range words {
		c.bind[i] = cstring(w)
	}
	return true, nil
}

func (c *Config) getBind() string { return strings.Join(c.bind, " ") }

// rewriteBind leaves the default out even where the file has it.
func (c *Config) rewriteBind(w *rewriter, name string) {
	switch {
	case slices.Equal(c.bind, defaultBind):
		w.mark(name)
	case len(c.bind) == 0:
		w.line(name, name+` ""`, true)
	default:
		w.line(name, name+" "+c.getBind(), true)
	}
}

// workingDir is "" when the process stands in a directory that is gone.
func workingDir() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	return physical(dir)
}

// physical is the path without symbolic links, as getcwd answers it.
func physical(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return dir
}

// setDir does not change the process's directory, which other servers in the
// process share: everything relative is resolved by Path instead. The errors
// are those of chdir: asking for "." inside needs what chdir needs.
func (c *Config) setDir(words []string) (bool, error) {
	if len(words) != 1 {
		return false, errWordCount
	}
	dir := cstring(words[0])
	if dir == "" {
		return false, reason("No such file or directory")
	}
	dir = c.Path(dir)
	if _, err := os.Stat(dir + string(filepath.Separator) + "."); err != nil {
		return false, reason(systemText(err))
	}
	c.dir = physical(dir)
	return true, nil
}

func (c *Config) getDir() string { return c.dir }

func (c *Config) rewriteDir(w *rewriter, name string) {
	if c.dir == "" {
		w.mark(name)
		return
	}
	w.line(name, name+" "+quote(c.dir), true)
}

func (c *Config) setEvents(words []string) (bool, error) {
	if len(words) != 1 {
		return false, errWordCount
	}
	flags, err := KeyspaceEventFlags(words[0])
	if err == nil {
		c.events = flags
	}
	return true, err
}

func (c *Config) getEvents() string { return KeyspaceEventLetters(c.events) }

func (c *Config) rewriteEvents(w *rewriter, name string) {
	w.line(name, name+" "+quote(c.getEvents()), c.events != 0)
}

func (c *Config) setOOMScores(words []string) (bool, error) {
	var scores [3]int64
	if len(words) != len(scores) {
		return false, errWordCount
	}
	for i, w := range words {
		n, _, ok := parseLenientInt(w, 10)
		if !ok || n < -2000 || n > 2000 {
			return false, reason("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
		}
		scores[i] = n
	}
	if scores[1] < scores[0] || scores[2] < scores[1] {
		c.warn("The oom-score-adj-values configuration may not work for non-privileged processes! " +
			"Please consult the documentation.")
	}
	changed := scores != c.oomScores
	c.oomScores = scores
	return changed, nil
}

// OOMScores are the words of oom-score-adj-values: of a master, of a replica, and of a
// process forked.
func (c *Config) OOMScores() [3]int64 { return c.oomScores }

func (c *Config) getOOMScores() string {
	return fmt.Sprintf("%d %d %d", c.oomScores[0], c.oomScores[1], c.oomScores[2])
}

func (c *Config) rewriteOOMScores(w *rewriter, name string) {
	w.line(name, name+" "+c.getOOMScores(), c.oomScores != defaultOOMScores)
}

// outputClasses are the classes of clients with an output buffer limit, under
// the names that CONFIG GET and CONFIG REWRITE have for them.
var outputClasses = [3]struct{ shown, written string }{
	{"normal", "normal"}, {"slave", "replica"}, {"pubsub", "pubsub"},
}

func outputClass(name string) (class int, ok bool) {
	name = lower(cstring(name))
	for i, c := range outputClasses {
		if name == c.shown || name == c.written {
			return i, true
		}
	}
	return 0, false
}

// setOutputLimits takes any number of <class> <hard> <soft> <soft seconds>;
// classes that are not named keep their limits.
func (c *Config) setOutputLimits(words []string) (bool, error) {
	if len(words)%4 != 0 {
		return false, reason("Wrong number of arguments in buffer limit configuration.")
	}
	limits := c.limits
	for four := range slices.Chunk(words, 4) {
		class, ok := outputClass(four[0])
		if !ok {
			return false, reason("Invalid client class specified in buffer limit configuration.")
		}
		hard, okHard := parseMemory(cstring(four[1]))
		soft, okSoft := parseMemory(cstring(four[2]))
		seconds, _, okSeconds := parseLenientInt(four[3], 10)
		if !okHard || !okSoft || !okSeconds || int32(seconds) < 0 { // an int in Redis
			return false, reason("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
		}
		limits[class] = outputLimit{hard, soft, int64(int32(seconds))}
	}
	c.limits = limits
	return true, nil
}

func (c *Config) getOutputLimits() string {
	var parts [3]string
	for i, l := range c.limits {
		parts[i] = fmt.Sprintf("%s %d %d %d", outputClasses[i].shown, l.hard, l.soft, l.seconds)
	}
	return strings.Join(parts[:], " ")
}

// rewriteOutputLimits reuses the lines of the file in their order, whatever
// class they had been about.
func (c *Config) rewriteOutputLimits(w *rewriter, name string) {
	for i, l := range c.limits {
		line := fmt.Sprintf("%s %s %s %s %d", name, outputClasses[i].written,
			formatMemory(l.hard), formatMemory(l.soft), l.seconds)
		w.line(name, line, l != defaultLimits[i])
	}
}

func (c *Config) setPercentiles(words []string) (bool, error) {
	if len(words) == 1 && words[0] == "" {
		words = nil
	}
	list := make([]float64, len(words))
	for i, w := range words {
		f, ok := parseDouble(w)
		if !ok {
			return false, reason("Invalid latency-tracking-info-percentiles parameters")
		}
		if f < 0 || f > 100 {
			return false, reason("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
		}
		list[i] = f
	}
	c.percentiles = list
	return true, nil
}

func (c *Config) getPercentiles() string {
	words := make([]string, len(c.percentiles))
	for i, f := range c.percentiles {
		words[i] = formatPercentile(f)
	}
	return strings.Join(words, " ")
}

func (c *Config) rewritePercentiles(w *rewriter, name string) {
	list := c.getPercentiles()
	if list == "" {
		list = `""`
	}
	w.line(name, name+" "+list, true)
}

func (c *Config) setReplicaof(words []string) (bool, error) {
	if len(words) != 2 {
		return false, errWordCount
	}
	host, port := cstring(words[0]), cstring(words[1])
	if lower(host) == "no" && lower(port) == "one" {
		c.masterHost = ""
		return true, nil
	}
	n, _, ok := parseLenientInt(port, 10)
	if !ok || int32(n) < 0 || int32(n) > maxPort { // an int in Redis
		return false, reason("Invalid master port")
	}
	c.masterHost, c.masterPort = host, int(int32(n))
	return true, nil
}

func (c *Config) getReplicaof() string {
	if c.masterHost == "" {
		return ""
	}
	const buffer = 255 // what CONFIG GET prints at most
	s := c.masterHost + " " + strconv.Itoa(c.masterPort)
	return s[:min(len(s), buffer)]
}

func (c *Config) rewriteReplicaof(w *rewriter, name string) {
	if c.masterHost == "" || c.Bool("cluster-enabled") {
		w.mark(name)
		return
	}
	w.line(name, fmt.Sprintf("%s %s %d", name, c.masterHost, c.masterPort), true)
}

// setSave replaces the save points, except between the lines of a file: they
// add up, after the first has dropped the defaults.
func (c *Config) setSave(words []string) (bool, error) {
	if len(words) == 1 && cstring(words[0]) == "" {
		c.savePoints = nil
		words = nil
	}
	points, ok := parseSavePoints(words)
	if !ok {
		return false, reason("Invalid save parameters")
	}
	if !c.readingFile || !c.saveSeen {
		c.savePoints = nil
		c.saveSeen = c.saveSeen || c.readingFile
	}
	c.savePoints = slices.Concat(c.savePoints, points)
	return true, nil
}

func parseSavePoints(words []string) (points []SavePoint, ok bool) {
	if len(words)%2 != 0 {
		return nil, false
	}
	for pair := range slices.Chunk(words, 2) {
		seconds, _, ok1 := parseLenientInt(pair[0], 10)
		changes, _, ok2 := parseLenientInt(pair[1], 10)
		if !ok1 || !ok2 || seconds < 1 || changes < 0 {
			return nil, false
		}
		points = append(points, SavePoint{seconds, int(int32(changes))}) // an int in Redis
	}
	return points, true
}

func (c *Config) getSave() string {
	words := make([]string, len(c.savePoints))
	for i, p := range c.savePoints {
		words[i] = fmt.Sprintf("%d %d", p.Seconds, p.Changes)
	}
	return strings.Join(words, " ")
}

// rewriteSave writes the default too, so that it stays when defaults change.
func (c *Config) rewriteSave(w *rewriter, name string) {
	if c.sentinel {
		w.mark(name)
		return
	}
	if len(c.savePoints) == 0 {
		w.line(name, name+` ""`, true)
	}
	for _, p := range c.savePoints {
		w.line(name, fmt.Sprintf("%s %d %d", name, p.Seconds, p.Changes), true)
	}
}

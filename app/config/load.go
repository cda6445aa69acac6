package config

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Loading. What is read is one text: the file, what comes from stdin, and the
// options of the command line as lines of their own, in this order, so that
// the last one counts. Redis counts lines in that text, hence an error in the
// first option is "at line 2" when there is no file.

// A FileError is a mistake in the configuration. Redis prints its text to
// stderr, as it stands, and exits with 1.
type FileError struct {
	Line   int    // from 1; 0 when the mistake is not in one line
	Text   string // the line, without blanks around it
	Reason string
}

// Error returns the whole text that Redis prints, newlines included.
func (e *FileError) Error() string {
	where := ""
	if e.Line > 0 {
		where = fmt.Sprintf("Reading the configuration file, at line %d\n>>> '%s'\n", e.Line, e.Text)
	}
	return "\n*** FATAL CONFIG FILE ERROR (Redis " + Version + ") ***\n" + where + e.Reason + "\n"
}

// An OpenError is a file that cannot be read. Redis logs its text at level
// warning (to the log file if the directive has been read by then, otherwise
// to stdout) and exits with 1.
type OpenError struct {
	Name string // as the configuration has it
	Err  error
}

func (e *OpenError) Error() string {
	return fmt.Sprintf("Fatal error, can't open config file '%s': %s", e.Name, systemText(e.Err))
}

func (e *OpenError) Unwrap() error { return e.Err }

// LoadArgs reads what the arguments of the program (without its name) ask for:
// the path of a file if the first is one, the standard input for "-" as the
// first or last, and any number of --directive value. The error is a
// *FileError or an *OpenError; after one the configuration is half read.
func (c *Config) LoadArgs(args []string, stdin io.Reader) error {
	text, err := c.ReadArgs(args, stdin)
	if err != nil {
		return err
	}
	return c.LoadText(args, text)
}

// ReadArgs is the first half of LoadArgs: it returns what stands in the file and
// what comes from the standard input, neither of which can be counted on to be
// read twice. The error is an *OpenError.
func (c *Config) ReadArgs(args []string, stdin io.Reader) (text string, err error) {
	files := namedFiles(args)
	if files > 0 {
		if text, err = c.readFiles(absolutePath(workingDir(), args[0])); err != nil {
			return "", err
		}
	}
	if _, wantsStdin := joinOptions(args, files); wantsStdin {
		c.warn("Reading config from stdin")
		content, err := readText(stdin)
		if err != nil {
			return "", &OpenError{Name: "-", Err: err}
		}
		text += content
	}
	return text, nil
}

// LoadText is the second half of LoadArgs: it takes in what ReadArgs has returned,
// here or in another process, and the options among the arguments.
func (c *Config) LoadText(args []string, text string) error {
	if len(args) == 0 {
		return nil
	}
	if slices.Contains(args, "--sentinel") {
		c.sentinel = true
		c.values[c.must("port").slot].num = 26379
		c.values[c.must("protected-mode").slot].num = 0 // a Sentinel must be reachable
	}
	files := namedFiles(args)
	if files > 0 {
		c.file = absolutePath(workingDir(), args[0])
	}
	options, _ := joinOptions(args, files)
	return c.loadText(text + "\n" + options)
}

// namedFiles is how many of the arguments name a configuration file: the first one
// does, unless it is an option.
func namedFiles(args []string) int {
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return 1
	}
	return 0
}

// absolutePath joins a path with the directory as Redis does it, whose result
// is seen in INFO: only ../ at the beginning is resolved.
func absolutePath(dir, path string) string {
	path = strings.Trim(path, " \r\n\t")
	if strings.HasPrefix(path, "/") || dir == "" {
		return path
	}
	dir = strings.TrimSuffix(dir, "/") + "/"
	for strings.HasPrefix(path, "../") {
		path = path[len("../"):]
		dir = dir[:strings.LastIndexByte(strings.TrimSuffix(dir, "/"), '/')+1]
		if dir == "" {
			dir = "/"
		}
	}
	return dir + path
}

// joinOptions turns the arguments from first on into lines of a file. An
// argument that begins with -- is a new option only when the one before has
// got a value, so that values may begin with -- too. Two exceptions are older
// than that rule: --save and --sentinel may go without a value.
func joinOptions(args []string, first int) (text string, wantsStdin bool) {
	var b strings.Builder
	valued := true
	for i := first; i < len(args); i++ {
		arg, last := args[i], i == len(args)-1
		switch {
		case arg == "-" && (i == 0 || last):
			wantsStdin = true
		case valued && strings.HasPrefix(arg, "--"):
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(arg[len("--"):] + " ")
			words, err := SplitArgs(arg)
			valued = err != nil || len(words) != 1 // name and value in one argument
			beforeOption := !last && strings.HasPrefix(args[i+1], "--")
			switch name := lower(arg); {
			case name == "--save" && (beforeOption || last):
				b.WriteString(`""`)
				valued = beforeOption
			case name == "--sentinel" && beforeOption:
				valued = true
			}
		default:
			b.WriteString(quote(arg) + " ")
			valued = true
		}
	}
	return b.String(), wantsStdin
}

// loadText reads a whole configuration, line by line, and checks afterwards
// what no single line can be blamed for.
func (c *Config) loadText(text string) error {
	c.readingFile = true
	if text != "" {
		for i, line := range strings.Split(text, "\n") {
			line = strings.Trim(line, " \t\r\n")
			if line == "" || line[0] == '#' {
				continue
			}
			err := c.loadLine(line)
			if why, ok := err.(reason); ok {
				return &FileError{Line: i + 1, Text: line, Reason: string(why)}
			}
			if err != nil {
				return err // of a file that this one includes
			}
		}
	}
	if err := c.checkLogfile(); err != nil {
		return err
	}
	if c.Bool("cluster-enabled") && c.masterHost != "" {
		return &FileError{Reason: "replicaof directive not allowed in cluster mode"}
	}
	c.clampHz()
	// Behind an include the rest of the outer file counts as read: its save
	// lines replace each other instead of adding up. So it is in Redis.
	c.readingFile = false
	return nil
}

// checkLogfile proves that the log file can be written, and creates it, before
// the server relies on it.
func (c *Config) checkLogfile() error {
	name := c.Str("logfile")
	if name == "" {
		return nil
	}
	f, err := os.OpenFile(c.Path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return &FileError{Reason: "Can't open the log file: " + systemText(err)}
	}
	return nil
}

// loadLine reads one line that is not blank. A mistake in it is a reason.
func (c *Config) loadLine(line string) error {
	words, err := SplitArgs(line)
	if err != nil {
		return reason("Unbalanced quotes in configuration line")
	}
	if len(words) == 0 {
		return nil
	}
	words[0] = lower(words[0])
	if e, ok := c.lookup(words[0]); ok {
		return c.loadDirective(e.directive, words[1:])
	}
	if len(words) == 2 && isRetired(words[0]) {
		return nil
	}
	return c.loadFileOnly(words)
}

func (c *Config) loadDirective(d *directive, words []string) error {
	many := d.traits.has(manyWords)
	if !many && len(words) != 1 {
		return errWordCount
	}
	if many && len(words) == 1 && words[0] != "" {
		// One argument may hold all words. Quotes that do not match in it
		// leave no words at all, as in Redis.
		words, _ = SplitArgs(words[0])
	}
	_, err := c.assign(d, words)
	return err
}

// isRetired knows the directives of old files that are accepted and dropped.
func isRetired(name string) bool {
	switch name {
	case "list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands":
		return true
	}
	return false
}

// loadFileOnly reads the directives that only files have.
func (c *Config) loadFileOnly(words []string) error {
	n := len(words)
	switch name := words[0]; {
	case name == "include" && n == 2:
		return c.include(words[1])
	case name == "rename-command" && n == 3:
		return c.renameCommand(words[1], words[2])
	case name == "user" && n >= 2:
		return c.addUser(words)
	case name == "loadmodule" && n >= 2:
		c.modules = append(c.modules, words[1:])
	case strings.Contains(cstring(name), "."):
		if n < 2 {
			return reason("Module config specified without value")
		}
		c.setModuleConfig(name, strings.Join(words[1:], " "))
	case name == "sentinel":
		if n != 1 && !c.sentinel {
			return reason("sentinel directive while not in sentinel mode")
		}
	default:
		return reason("Bad directive or wrong number of arguments")
	}
	return nil
}

// includeDepthMax bounds files that include each other. Redis has no bound
// and dies of a full stack.
const includeDepthMax = 64

func (c *Config) include(name string) error {
	if c.includeDepth == includeDepthMax {
		return reason("Too many nested include directives")
	}
	text, err := c.readFiles(cstring(name))
	if err != nil {
		return err
	}
	c.includeDepth++
	defer func() { c.includeDepth-- }()
	return c.loadText(text)
}

// renameCommand checks a rename against the commands as the renames before it
// have left them.
func (c *Config) renameCommand(from, to string) error {
	if !c.hasCommand(from) {
		return reason("No such command in rename-command")
	}
	if to != "" && lower(to) != lower(from) && c.hooks.HasCommand != nil && c.hasCommand(to) {
		return reason("Target command name already exists")
	}
	c.renames = append(c.renames, Rename{from, to})
	return nil
}

// hasCommand tells whether there is a command of that name after all renames
// so far.
func (c *Config) hasCommand(name string) bool {
	name = lower(name)
	for _, r := range slices.Backward(c.renames) {
		if name != "" && lower(r.To) == name {
			return true
		}
		if lower(r.From) == name {
			return false
		}
	}
	return c.hooks.HasCommand == nil || c.hooks.HasCommand(name)
}

// userErrorMax bounds the text about a bad user line.
const userErrorMax = 1023

func (c *Config) addUser(words []string) error {
	position, why := 1, ""
	known := slices.ContainsFunc(c.users, func(u []string) bool { return u[0] == words[1] })
	if known {
		why = "Duplicate user found. A user can only be defined once in config files"
	} else if c.hooks.CheckUser != nil {
		position, why = c.hooks.CheckUser(words)
	}
	if why != "" {
		text := fmt.Sprintf("Error in user declaration '%s': %s", cstring(words[position]), why)
		return reason(text[:min(len(text), userErrorMax)])
	}
	c.users = append(c.users, words[1:])
	return nil
}

// setModuleConfig keeps the last value of each name.
func (c *Config) setModuleConfig(name, value string) {
	for i := range c.moduleConfigs {
		if c.moduleConfigs[i].Name == name {
			c.moduleConfigs[i].Value = value
			return
		}
	}
	c.moduleConfigs = append(c.moduleConfigs, Pair{name, value})
}

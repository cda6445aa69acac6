package store

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// Log lines have Redis's format: PID:role date level message. There is a line
// an event and never one a command.

const (
	logDebug int32 = iota
	logVerbose
	logNotice
	logWarning
)

// logLevels are the words of the loglevel directive.
var logLevels = map[string]int32{"debug": logDebug, "verbose": logVerbose, "notice": logNotice, "warning": logWarning}

// A logger writes lines to stdout, or to a file, which it opens for each line:
// so a log can be moved away while the server runs.
type logger struct {
	mu   sync.Mutex
	file string // absolute, "" for stdout
}

// setFile sends the log to a file from now on.
func (l *logger) setFile(path string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.file = path
}

// name is the file that the log goes to.
func (l *logger) name() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file
}

// write writes one line. A log that cannot be written has nobody to be told.
func (l *logger) write(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == "" {
		io.WriteString(os.Stdout, line)
		return
	}
	f, err := os.OpenFile(l.file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return
	}
	defer f.Close()
	io.WriteString(f, line)
}

// log writes a line when its level is wanted. The mutex may be held: a line is
// short, and events are rare.
func (kv *KVStore) log(level int32, format string, args ...any) {
	if level < kv.logLevel.Load() {
		return
	}
	msg := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " ")
	role := "M"
	if kv.Info.Role == "slave" {
		role = "S"
	}
	kv.logger.write(fmt.Sprintf("%d:%s %s %c %s\n", os.Getpid(), role, time.Now().Format("02 Jan 2006 15:04:05.000"), ".-*#"[level], msg))
}

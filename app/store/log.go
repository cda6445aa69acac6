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
// so a log can be moved away while the server runs. The system's log may get them
// too.
type logger struct {
	mu     sync.Mutex
	file   string     // absolute, "" for stdout
	copied bool       // what goes to the file is written to stdout as well
	syslog *syslogger // nil for none
}

// setFile sends the log to a file from now on.
func (l *logger) setFile(path string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.file = path
}

// copyOut begins or ends to show on stdout what goes to the file.
func (l *logger) copyOut(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.copied = on
}

// setSyslog sends the log to the system's from now on, too.
func (l *logger) setSyslog(s *syslogger) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.syslog = s
}

// follow sends the log where another one goes.
func (l *logger) follow(other *logger) {
	other.mu.Lock()
	file, syslog := other.file, other.syslog
	other.mu.Unlock()
	l.setFile(file)
	if syslog != nil {
		l.setSyslog(&syslogger{paths: syslog.paths, ident: syslog.ident, facility: syslog.facility})
	}
}

// write writes text as it stands. The system's log gets each of its lines.
func (l *logger) write(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.append(text)
	if l.syslog == nil {
		return
	}
	now := time.Now()
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			l.syslog.send(logWarning, line, now)
		}
	}
}

// writeLine writes a line of the log.
func (l *logger) writeLine(level int32, role, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.append(fmt.Sprintf("%d:%s %s %c %s\n", os.Getpid(), role, now.Format("02 Jan 2006 15:04:05.000"), ".-*#"[level], text))
	if l.syslog != nil {
		l.syslog.send(level, text, now)
	}
}

// append writes to stdout or the file. A log that cannot be written has nobody to be
// told.
func (l *logger) append(text string) {
	if l.file == "" || l.copied {
		io.WriteString(os.Stdout, text)
	}
	if l.file == "" {
		return
	}
	f, err := os.OpenFile(l.file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return
	}
	defer f.Close()
	io.WriteString(f, text)
}

// log writes a line when its level is wanted. The mutex may be held: a line is
// short, and events are rare.
func (kv *KVStore) log(level int32, format string, args ...any) {
	if level < kv.logLevel.Load() {
		return
	}
	role := "M"
	if kv.Info.Role == "slave" {
		role = "S"
	}
	kv.logger.writeLine(level, role, strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " "))
}

package store

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/codecrafters-io/redis-starter-go/app/config"
)

// What the system is told of the process: whom to kill first when memory runs out
// (oom-score-adj), and that huge pages are not wanted (disable-thp). Within another
// program these are that program's own affair, and nothing is done.

// oomScoreFile is where Linux has the score of a process.
const oomScoreFile = "/proc/self/oom_score_adj"

// The least and the greatest score: never to be killed, always first.
const (
	oomScoreMin = -1000
	oomScoreMax = 1000
)

// An oomScore is what has been done to the process's score.
type oomScore struct {
	adjusted bool
	base     int64 // as it was before
}

// Positions in oom-score-adj-values. The third is for processes that Redis forks.
const (
	oomMaster = iota
	oomReplica
)

// adjustOOMScore gives the process the score of its role, or its own one back when
// oom-score-adj is off.
func (kv *KVStore) adjustOOMScore() error {
	if !kv.standalone {
		return nil
	}
	mode, o := kv.config.Str("oom-score-adj"), &kv.oom
	if mode == "no" && !o.adjusted {
		return nil
	}
	score := o.base
	switch {
	case mode == "no":
		o.adjusted = false
	case !o.adjusted:
		text, err := os.ReadFile(oomScoreFile)
		if err != nil {
			kv.log(logWarning, "Unable to read oom_score_adj: %s", systemText(causeOf(err)))
			return err
		}
		if _, err := fmt.Sscan(string(text), &o.base); err != nil {
			o.base = 0
		}
		o.adjusted = true
		fallthrough
	default:
		role := oomMaster
		if kv.Info.Role == "slave" {
			role = oomReplica
		}
		score = kv.config.OOMScores()[role]
		if mode != "absolute" {
			score += o.base
		}
		score = min(max(score, oomScoreMin), oomScoreMax)
	}
	err := os.WriteFile(oomScoreFile, []byte(formatInt(score)+"\n"), 0)
	if err != nil {
		kv.log(logWarning, "Unable to write oom_score_adj: %s", systemText(causeOf(err)))
	}
	return err
}

// applyOOMScore is what CONFIG SET does of it.
func (kv *KVStore) applyOOMScore(changed []string) error {
	i := slices.IndexFunc(changed, func(name string) bool { return strings.HasPrefix(name, "oom-score-adj") })
	if i < 0 || kv.adjustOOMScore() == nil {
		return nil
	}
	return &config.ApplyError{Name: changed[i], Reason: "Failed to set current oom_score_adj. Check server logs."}
}

// tendProcess does at the start what the configuration says of the process, and says
// in the log what is wrong with the system.
func (kv *KVStore) tendProcess() {
	if kv.config.Bool("disable-thp") && hugePagesForAll() {
		if err := refuseHugePages(); err != nil {
			kv.log(logWarning, "WARNING %s", adviceHugePages)
		}
	}
	for _, check := range []systemCheck{{run: checkOvercommit}, {run: checkXenClock}} {
		if fine, advice := check.run(); fine == checkWarns {
			kv.log(logWarning, "WARNING %s", advice)
		}
	}
	kv.adjustOOMScore() // the log says if that is refused
}

// logo is what a terminal shows at the start.
const logo = `
     _____
    /  _  \                             ValKeyper %s (as Redis %s) %d bit
   |  / \  |_____________________
   |  \_/   ___________   _   _  |      Running in standalone mode
    \_____/            | | | | | |      Port: %s
                       |_| |_| |_|      PID: %d

`

// logRunning says that the server runs. A person at a terminal, and who asks for it,
// is shown the logo.
func (kv *KVStore) logRunning() {
	out, err := os.Stdout.Stat()
	terminal := err == nil && out.Mode()&os.ModeCharDevice != 0
	plain := kv.config.Str("logfile") != "" || kv.config.Bool("syslog-enabled")
	switch {
	case !kv.config.Bool("always-show-logo") && (plain || !terminal):
		kv.log(logNotice, "Running mode=standalone, port=%s, PID: %d", kv.mainPort(), os.Getpid())
	case kv.logLevel.Load() <= logNotice:
		kv.logger.write(fmt.Sprintf(logo, Version, RedisVersion, strconv.IntSize, kv.mainPort(), os.Getpid()))
	}
}

// systemReport writes the result of each check of the system, and reports whether all
// of them are content.
func systemReport(w io.Writer) (content bool) {
	content = true
	for _, check := range systemChecks {
		result, advice := check.run()
		switch result {
		case checkFine:
			fmt.Fprintf(w, "[%s]...OK\n", check.name)
		case checkSkipped:
			fmt.Fprintf(w, "[%s]...skipped\n", check.name)
		case checkWarns:
			fmt.Fprintf(w, "[%s]...WARNING:\n%s\n", check.name, advice)
			content = false
		}
	}
	return content
}

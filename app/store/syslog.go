package store

import (
	"fmt"
	"net"
	"os"
	"time"
)

// The system's log: with syslog-enabled each line of the log goes there as well, as
// RFC 3164 has it, in a datagram to the socket where the system listens. It is not
// waited for long: a server must not stand still for want of somebody who listens.

// syslogPaths are the places where systems have that socket.
var syslogPaths = []string{"/dev/log", "/var/run/syslog", "/var/run/log"}

const (
	syslogPatience = 100 * time.Millisecond // for a line to find room
	syslogRest     = time.Second            // after one that has not, in which lines are dropped
)

// syslogSeverities are those of the levels of our log.
var syslogSeverities = [...]int{logDebug: 7, logVerbose: 6, logNotice: 5, logWarning: 4}

// syslogFacilities are the numbers of the words of the directive.
var syslogFacilities = map[string]int{
	"user": 1, "local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20, "local5": 21, "local6": 22, "local7": 23,
}

// A syslogger sends lines to the system's log. The mutex of its logger guards it.
type syslogger struct {
	paths    []string
	ident    string
	facility int
	conn     net.Conn  // nil until it is needed, and after an error
	end      string    // of each line: a datagram needs none
	resting  time.Time // until then nothing is sent
}

// openSyslog has the log go to the system's as well, if the configuration says so.
func (kv *KVStore) openSyslog() {
	cfg := kv.config
	if !cfg.Bool("syslog-enabled") {
		return
	}
	s := &syslogger{paths: syslogPaths, ident: cfg.Str("syslog-ident"), facility: syslogFacilities[cfg.Str("syslog-facility")]}
	err := s.connect()
	kv.logger.setSyslog(s)
	if err != nil {
		kv.log(logWarning, "The system's log cannot be reached: %v", err)
	}
}

// connect opens the first socket that somebody listens at.
func (s *syslogger) connect() error {
	var first error
	for _, path := range s.paths {
		for _, as := range []struct{ network, end string }{{"unixgram", ""}, {"unix", "\n"}} {
			conn, err := net.DialTimeout(as.network, path, syslogPatience)
			if err == nil {
				s.conn, s.end = conn, as.end
				return nil
			}
			if first == nil {
				first = err
			}
		}
	}
	return first
}

// send sends a line. Who listens may have been started again meanwhile, so it is
// tried twice.
func (s *syslogger) send(level int32, text string, now time.Time) {
	if now.Before(s.resting) {
		return
	}
	line := s.line(level, text, now)
	for range 2 {
		if s.conn == nil && s.connect() != nil {
			return
		}
		s.conn.SetWriteDeadline(now.Add(syslogPatience))
		_, err := s.conn.Write(append(line, s.end...))
		if os.IsTimeout(err) {
			s.resting = time.Now().Add(syslogRest)
		}
		if err == nil || os.IsTimeout(err) {
			return
		}
		s.conn.Close()
		s.conn = nil
	}
}

// line is a line as it is sent.
func (s *syslogger) line(level int32, text string, now time.Time) []byte {
	const severities = 8
	return fmt.Appendf(nil, "<%d>%s %s[%d]: %s", s.facility*severities+syslogSeverities[level], now.Format(time.Stamp), s.ident, os.Getpid(), text)
}

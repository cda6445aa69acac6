package store

import (
	"slices"
	"strconv"
)

// MONITOR: a client sees every command that is run, but for administration, with
// the time, the database and the client it came from. The line is made once, in a
// buffer that is used again, and appended to each monitor's output.

var monitorCommands = []command{
	{name: "monitor", arity: 1, flags: admin | noScript | loading | stale, run: (*KVStore).cmdMonitor},
}

// cmdMonitor serves MONITOR. To one who monitors already, and to a replica, there is
// no answer at all.
func (kv *KVStore) cmdMonitor(c *Client, args []string) error {
	if kv.nesting > 0 {
		return errf("ERR MONITOR isn't allowed for DENY BLOCKING client")
	}
	if c.monitors || c.isReplica() {
		return nil
	}
	c.monitors = true
	kv.monitors = append(kv.monitors, c)
	kv.applySettings() // every command concerns somebody, or none does
	c.reply.OK()
	return nil
}

// stopMonitoring ends the client's MONITOR, if it has one.
func (kv *KVStore) stopMonitoring(c *Client) {
	if !c.monitors {
		return
	}
	c.monitors = false
	at := slices.Index(kv.monitors, c)
	kv.monitors = slices.Delete(kv.monitors, at, at+1)
	kv.applySettings() // every command concerns somebody, or none does
}

// feedMonitors shows a command that has run to all who monitor.
func (kv *KVStore) feedMonitors(c *Client, cmd *command, args []string) {
	if kv.snapshot.loading.active {
		return
	}
	line := kv.appendMonitorLine(kv.monitorLine[:0], c, kv.withoutSecrets(cmd, args))
	for _, m := range kv.monitors {
		mark, ok := m.beginPush()
		if !ok || m.muted() { // to Redis these are replies
			continue
		}
		m.reply.Buf = append(m.reply.Buf, line...)
		m.endPush(mark)
		kv.channels.sent += len(line)
	}
	if cap(line) <= keepSize {
		kv.monitorLine = line
	}
}

// appendMonitorLine appends the line of a command: a status with the time, the
// database and the client, and the arguments in quotes.
func (kv *KVStore) appendMonitorLine(b []byte, c *Client, args []string) []byte {
	us := (kv.baseNs + kv.clockNs) / 1000
	b = append(b, '+')
	b = strconv.AppendInt(b, us/1e6, 10)
	b = append(b, '.')
	b = append(b, strconv.Itoa(int(us%1e6 + 1e6))[1:]...) // six digits
	b = append(b, " ["...)
	b = strconv.AppendInt(b, int64(c.db.id), 10)
	b = append(b, ' ')
	if c.unixSocket {
		b = append(b, "unix:"...)
		b = append(b, kv.config.Str("unixsocket")...)
	} else {
		b = append(b, c.addr...)
	}
	b = append(b, ']')
	for _, arg := range args {
		b = append(b, ' ')
		b = appendQuoted(b, arg)
	}
	return append(b, "\r\n"...)
}

// appendQuoted appends a string in quotes, with what does not print escaped, as
// redis-cli reads it back.
func appendQuoted(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '\\' || c == '"':
			b = append(b, '\\', c)
		case ' ' <= c && c <= '~':
			b = append(b, c)
		case '\a' <= c && c <= '\r' && c != '\v' && c != '\f':
			b = append(b, '\\', "abtn  r"[c-'\a'])
		default:
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		}
	}
	return append(b, '"')
}

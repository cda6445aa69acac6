package store

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// The handshake of a replica: PING, AUTH when there is a password, REPLCONF with
// the port to reach this server at, the address if one is announced, and what it
// understands; then PSYNC. Each is sent when the one before has been answered, and
// nothing else is sent.

// linkLineMax is the longest line of the handshake that is taken.
const linkLineMax = 1024

// A handshake is the part of the configuration that a handshake needs, and where
// to go on.
type handshake struct {
	user, password string
	port, ip       string
	cached         *cachedMaster
	failover       bool // the master is to hand over, as FAILOVER wants it
}

// prepare gathers it. kv.mu is held.
func (kv *KVStore) prepareHandshake() handshake {
	cfg := kv.config
	h := handshake{
		user:     cfg.Str("masteruser"),
		password: cfg.Str("masterauth"),
		port:     kv.Info.Port,
		ip:       cfg.Str("replica-announce-ip"),
		cached:   kv.repl.cached,
		failover: kv.repl.failover.state == failoverInProgress,
	}
	if cfg.Bool("tls-replication") && cfg.Int("tls-port") != 0 {
		h.port = formatInt(cfg.Int("tls-port"))
	}
	if port := cfg.Int("replica-announce-port"); port != 0 {
		h.port = formatInt(port)
	}
	return h
}

// A linkReader reads from the master, and keeps account of it.
type linkReader struct {
	l    *masterLink
	conn net.Conn
}

// linkBuffer is how much is read from the master at a time.
const linkBuffer = 64 << 10

func (l *masterLink) reader(conn net.Conn) *bufio.Reader {
	return bufio.NewReaderSize(linkReader{l, conn}, linkBuffer)
}

func (r linkReader) Read(b []byte) (int, error) {
	n, err := r.conn.Read(b)
	if n > 0 {
		r.l.alive()
		r.l.kv.repl.netIn.Add(int64(n))
	}
	return n, err
}

// readLine reads a line, without its end.
func readLine(in *bufio.Reader) (string, error) {
	line, err := in.ReadSlice('\n')
	if err == bufio.ErrBufferFull || len(line) > linkLineMax {
		return "", errors.New("the line is too long")
	}
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}

// shakeHands does what comes before the data. It reports whether that begins with
// a snapshot; else the stream goes on where it was left. An error is for the log.
func (l *masterLink) shakeHands(conn net.Conn, in *bufio.Reader) (full bool, err error) {
	kv := l.kv
	kv.mu.Lock()
	h := kv.prepareHandshake()
	kv.mu.Unlock()
	if err := l.introduce(conn, in, h); err != nil {
		return false, err
	}
	id, from := "?", "-1"
	if h.cached != nil {
		id, from = h.cached.id, formatInt(h.cached.offset+1)
		kv.log(logNotice, "Trying a partial resynchronization (request %s:%s).", id, from)
	} else {
		kv.log(logNotice, "Partial resynchronization not possible (no cached master)")
	}
	request := []string{"PSYNC", id, from}
	if h.failover {
		request = append(request, "FAILOVER")
	}
	reply, err := l.ask(conn, in, request...)
	for err == nil && reply == "" { // it may take its time, and says that it is alive
		reply, err = readLine(in)
	}
	if err != nil {
		return false, errors.New("Master did not reply to PSYNC, will try later")
	}
	return l.answered(conn, reply, h)
}

// introduce says who this is.
func (l *masterLink) introduce(conn net.Conn, in *bufio.Reader, h handshake) error {
	reply, err := l.ask(conn, in, "PING")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(reply, "+") && !strings.HasPrefix(reply, "-NOAUTH") && !strings.HasPrefix(reply, "-NOPERM") &&
		!strings.HasPrefix(reply, "-ERR operation not permitted") {
		return fmt.Errorf("Error reply to PING from master: '%s'", reply)
	}
	l.kv.log(logNotice, "Master replied to PING, replication can continue...")
	if h.password != "" {
		auth := []string{"AUTH", h.user, h.password}
		if h.user == "" {
			auth = []string{"AUTH", h.password}
		}
		if reply, err = l.ask(conn, in, auth...); err != nil {
			return err
		}
		if strings.HasPrefix(reply, "-") {
			return fmt.Errorf("Unable to AUTH to MASTER: %s", reply)
		}
	}
	told := [][]string{{"listening-port", h.port}, {"ip-address", h.ip}, {"capa", "eof", "capa", "psync2"}}
	for _, what := range told {
		if what[1] == "" {
			continue
		}
		if reply, err = l.ask(conn, in, append([]string{"REPLCONF"}, what...)...); err != nil {
			return err
		}
		if strings.HasPrefix(reply, "-") {
			l.kv.log(logNotice, "(Non critical) Master does not understand REPLCONF %s: %s", what[0], reply)
		}
	}
	return nil
}

// ask sends a request and reads the line that answers it.
func (l *masterLink) ask(conn net.Conn, in *bufio.Reader, args ...string) (string, error) {
	if _, err := conn.Write(resp.AppendCommand(nil, args...)); err != nil {
		return "", fmt.Errorf("Sending command to master in replication handshake: %s", systemText(causeOfNet(err)))
	}
	reply, err := readLine(in)
	if err != nil {
		return "", errors.New("Master did not respond to command during SYNC handshake")
	}
	return reply, nil
}

// answered acts on the answer to PSYNC.
func (l *masterLink) answered(conn net.Conn, reply string, h handshake) (full bool, err error) {
	kv := l.kv
	kv.mu.Lock()
	defer kv.unlock()
	if !l.wanted() {
		return false, net.ErrClosed
	}
	words := strings.Split(reply, " ")
	switch {
	case words[0] == "+FULLRESYNC":
		if err := l.takeUp(words); err != nil {
			return false, err
		}
		kv.failoverDone()
		return true, nil
	case words[0] == "+CONTINUE" && h.cached != nil && kv.repl.cached == h.cached:
		kv.failoverDone()
		l.goOn(conn, words[1:])
		return false, nil
	case kv.repl.failover.state == failoverInProgress:
		kv.abortFailover("Failover target rejected psync request")
		return false, fmt.Errorf("Unexpected reply to PSYNC from master: %s", reply)
	case strings.HasPrefix(reply, "-NOMASTERLINK"), strings.HasPrefix(reply, "-LOADING"):
		return false, fmt.Errorf("Master is currently unable to PSYNC but should be in the future: %s", reply)
	}
	if strings.HasPrefix(reply, "-ERR") {
		kv.log(logNotice, "Master does not support PSYNC or is in error state (reply: %s)", reply)
	} else {
		kv.log(logWarning, "Unexpected reply to PSYNC from master: %s", reply)
	}
	kv.log(logNotice, "Retrying with SYNC...")
	if _, err := conn.Write([]byte("SYNC\r\n")); err != nil {
		return false, fmt.Errorf("I/O error writing to MASTER: %s", systemText(causeOfNet(err)))
	}
	l.old = true
	l.full = fullSync{id: randomID()}
	l.beginSync()
	return true, nil
}

// takeUp notes from where a full sync will go on: +FULLRESYNC id offset.
func (l *masterLink) takeUp(words []string) error {
	if len(words) < 3 || len(words[1]) != replicationIDSize {
		return errors.New("Master replied with wrong +FULLRESYNC syntax.")
	}
	offset, err := strconv.ParseInt(words[2], 10, 64)
	if err != nil || offset < 0 {
		return errors.New("Master replied with wrong +FULLRESYNC syntax.")
	}
	l.kv.log(logNotice, "Full resync from master: %s:%d", words[1], offset)
	l.old = false
	l.full = fullSync{id: words[1], offset: offset}
	l.beginSync()
	return nil
}

// goOn takes the stream up where it was left: +CONTINUE [id]. With another id the
// old one is good up to here, as for the replicas of this server, which have to be
// told.
func (l *masterLink) goOn(conn net.Conn, id []string) {
	kv := l.kv
	kv.log(logNotice, "Successful partial resynchronization with master.")
	cached := kv.repl.cached
	if len(id) == 1 && len(id[0]) == replicationIDSize && id[0] != cached.id {
		kv.log(logWarning, "Master replication ID changed to %s", id[0])
		kv.repl.id2, kv.repl.offset2 = cached.id, kv.repl.stream.offset+1
		kv.setReplicationID(id[0])
		kv.disconnectReplicas()
	}
	kv.repl.cached = nil
	kv.needBacklog()
	kv.log(logNotice, "MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.")
	l.up(conn, cached.db)
}

// causeOfNet is the system's part of an error of a connection.
func causeOfNet(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	if call, ok := errors.AsType[*os.SyscallError](err); ok {
		err = call.Err
	}
	if err == io.EOF {
		return errors.New("connection lost")
	}
	return err
}

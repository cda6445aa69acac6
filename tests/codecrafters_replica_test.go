package tests

import (
	"bufio"
	"encoding/hex"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The stages of replication in which the server follows: the test is its master.

var replicaStages = map[string]func(*runner){
	"bw1": func(r *runner) {
		r.serveAt(&r.replicaPort, func() []string { return []string{"--port", strconv.Itoa(r.replicaPort)} })
		r.play([]stageStep{{"PING", status("PONG")}})
	},
	"ye5": func(r *runner) {
		r.serve()
		r.play([]stageStep{{"INFO replication", infoHas("role:master")}})
	},
	"hc6": func(r *runner) {
		m := r.follow()
		r.play([]stageStep{{"INFO replication", infoHas("role:slave")}})
		m.handshake(stepsOfHandshake)
		m.conn.Close()
		r.play([]stageStep{{"INFO replication", infoHas("role:slave")}})
	},
	"gl7": func(r *runner) { r.follow().handshake(1) },
	"eh4": func(r *runner) { r.follow().handshake(3) },
	"ju6": func(r *runner) { r.follow().handshake(stepsOfHandshake) },
	"yg4": func(r *runner) {
		m := r.follow()
		m.handshake(stepsOfHandshake, "SET foo 123", "SET bar 456", "SET baz 789")
		m.quiet()
		r.awaitValue("foo", "123")
		r.awaitValue("bar", "456")
		r.awaitValue("baz", "789")
	},
	"xv6": func(r *runner) {
		m := r.follow()
		m.handshake(stepsOfHandshake)
		m.wantAck(0)
	},
	"yd3": func(r *runner) {
		m := r.follow()
		m.handshake(stepsOfHandshake)
		m.wantAck(0)
		m.propagate("PING")
		m.wantAck(51)
		m.propagate("SET foo 123")
		m.propagate("SET bar 456")
		m.wantAck(m.offset)
	},
}

// infoHas wants a text with a line.
func infoHas(line string) check {
	return func(v reply) error {
		if v.kind != '$' || !slices.Contains(strings.Split(v.text, "\r\n"), line) {
			return errors.New("no line " + line)
		}
		return nil
	}
}

// runnerSnapshot is the snapshot that the runner sends.
const runnerSnapshot = "524544495330303131fa0972656469732d76657205372e322e30fa0a72656469732d62697473c040fa056374696d65c26d08bc65fa08757365642d6d656dc2b0c41000fa08616f662d62617365c000fff06e3bfec0ff5aa2"

// A runnerMaster is the runner in the role of a master, with one replica.
type runnerMaster struct {
	*runnerClient
	port   int       // of the replica
	synced time.Time // when it was sent the snapshot
	offset int       // bytes of commands it was sent since
}

// follow starts a server that follows the test, and waits for it. The server has to
// serve its own clients whatever becomes of its master.
func (r *runner) follow() *runnerMaster {
	r.t.Helper()
	os.Remove(filepath.Join(r.dir, "dump.rdb")) // as the runner does, and in these stages only
	r.synced = true
	l := r.listen()
	r.t.Cleanup(func() { l.Close() })
	r.serveAt(&r.replicaPort, func() []string {
		return []string{"--port", strconv.Itoa(r.replicaPort), "--replicaof", "localhost " + strconv.Itoa(r.port)}
	})
	if err := l.SetDeadline(time.Now().Add(stageLimit())); err != nil {
		r.t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	return &runnerMaster{runnerClient: &runnerClient{t: r.t, conn: conn, r: bufio.NewReader(conn)}, port: r.replicaPort}
}

// listen is where the fake master waits: on every address, as the runner's does.
func (r *runner) listen() *net.TCPListener {
	r.t.Helper()
	for {
		l, err := net.ListenTCP("tcp", &net.TCPAddr{Port: r.port})
		if err == nil {
			return l
		}
		r.port = freePort()
	}
}

// command reads a request. Behind it may be more.
func (m *runnerMaster) command() []string {
	m.t.Helper()
	v := m.readMore()
	var args []string
	for _, e := range v.elems {
		if e.kind != '$' {
			m.t.Fatalf("not a request: %s", v)
		}
		args = append(args, e.text)
	}
	return args
}

func (m *runnerMaster) wantCommand(want ...string) {
	m.t.Helper()
	if got := m.command(); !slices.Equal(got, want) {
		m.t.Fatalf("got %q, want %q", got, want)
	}
}

// stepsOfHandshake is how many there are: PING, two times REPLCONF, PSYNC.
const stepsOfHandshake = 4

// handshake answers the first steps of a replica's handshake. The snapshot comes with
// the last one, and commands in the same segment.
func (m *runnerMaster) handshake(steps int, lines ...string) {
	m.t.Helper()
	m.wantCommand("PING")
	m.quiet()
	m.sendRaw([]byte("+PONG\r\n"))
	if steps == 1 {
		return
	}
	m.wantCommand("REPLCONF", "listening-port", strconv.Itoa(m.port))
	m.sendRaw([]byte("+OK\r\n"))
	capabilities := m.command()
	n := len(capabilities)
	if n != 3 && n != 5 || capabilities[0] != "REPLCONF" || capabilities[1] != "capa" || n == 5 && capabilities[3] != "capa" {
		m.t.Fatalf("got %q for the replica's capabilities", capabilities)
	}
	m.quiet()
	m.sendRaw([]byte("+OK\r\n"))
	if steps < stepsOfHandshake {
		return
	}
	m.wantCommand("PSYNC", "?", "-1")
	m.quiet()
	needsVersion11(m.t)
	dump, err := hex.DecodeString(runnerSnapshot)
	if err != nil {
		m.t.Fatal(err)
	}
	b := []byte("+FULLRESYNC 75cd7bc10c49047e0d163660f3b90625b1af31dc 0\r\n$" + strconv.Itoa(len(dump)) + "\r\n")
	m.synced = time.Now()
	m.sendRaw(append(append(b, dump...), encodeLines(lines)...))
}

// propagate sends a command as a master does.
func (m *runnerMaster) propagate(line string) {
	m.t.Helper()
	b := encodeLines([]string{line})
	m.offset += len(b)
	m.sendRaw(b)
}

// ackEvery is how often a replica says by itself how far it is. The runner is usually
// done before it does so for the first time.
const ackEvery = time.Second

// wantAck asks the replica how far it is, and wants this answer and no other, unless it
// took so long that the replica has said so by itself.
func (m *runnerMaster) wantAck(offset int) {
	m.t.Helper()
	m.propagate("REPLCONF GETACK *")
	for {
		got := m.command()
		late := time.Since(m.synced) > ackEvery*9/10
		if slices.Equal(got, []string{"REPLCONF", "ACK", strconv.Itoa(offset)}) {
			if !late {
				m.quiet()
			}
			return
		}
		if !late {
			m.t.Fatalf("got %q, want an acknowledgement of %d", got, offset)
		}
	}
}

// awaitValue asks until there is a value, as the runner does.
func (r *runner) awaitValue(key, value string) {
	r.t.Helper()
	for end := time.Now().Add(stageLimit()); ; pause() {
		v := r.client(1).do("GET", key)
		if v.matches(value) {
			return
		}
		if !v.null || time.Now().After(end) {
			r.t.Fatalf("GET %s: got %s, want %s", key, v, value)
		}
	}
}

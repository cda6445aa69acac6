package tests

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
)

// Sentinel: three real ones watch a master and its replicas. The master is killed,
// one of the replicas is promoted, and the old master comes back as a replica. What
// WAIT has confirmed is not lost.

// sentinelRounds is how many masters are killed in a run that is no soak.
const sentinelRounds = 2

func TestSentinel(t *testing.T) {
	ours, redis := serverPath(t), redisPath(t)
	sentinel := peerPath(t, "redis-sentinel")
	for _, set := range []struct {
		name  string
		paths []string
	}{
		{"ours", []string{ours, ours, ours}},
		{"mixed", []string{ours, redis, ours}},
	} {
		t.Run(set.name, func(t *testing.T) {
			t.Parallel()
			w := newWatched(t, sentinel, set.paths)
			rounds := sentinelRounds
			if soakTime(t) > 0 {
				rounds = 20
			}
			for range rounds {
				w.round()
			}
		})
	}
}

// A watched is a set of servers under Sentinel.
type watched struct {
	t         *testing.T
	nodes     []*watchedNode
	sentinels []*client
	written   int // keys
}

// A watchedNode is a server that may be killed and started again.
type watchedNode struct {
	path, dir, conf string
	*server
}

func newWatched(t *testing.T, sentinel string, paths []string) *watched {
	w := &watched{t: t}
	for i, path := range paths {
		n := &watchedNode{path: path, dir: t.TempDir()}
		n.conf = filepath.Join(n.dir, "server.conf")
		text := "repl-diskless-sync-delay 0\nrepl-ping-replica-period 1\n"
		if i > 0 {
			text += fmt.Sprintf("replicaof 127.0.0.1 %d\n", w.nodes[0].port)
		}
		if err := os.WriteFile(n.conf, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		w.nodes = append(w.nodes, n)
		w.start(n, freePort())
	}
	t.Cleanup(func() {
		for _, n := range w.nodes {
			if err := n.stop(); err != nil {
				t.Error(err)
			}
		}
	})
	for _, n := range w.nodes[1:] {
		awaitLink(t, n.server)
	}
	for i := range 3 {
		w.watch(sentinel, i)
	}
	for _, c := range w.sentinels {
		waitFor(t, "the sentinels to know all", func() bool {
			v := c.do("SENTINEL", "MASTER", "m")
			return v.field("num-slaves") == strconv.Itoa(len(paths)-1) && v.field("num-other-sentinels") == "2"
		})
	}
	return w
}

// start starts a server on a port.
func (w *watched) start(n *watchedNode, port int) {
	w.t.Helper()
	s, err := launchOn(port, n.path, n.dir, []string{n.conf, "--port", strconv.Itoa(port), "--dir", n.dir, "--save", "", "--enable-debug-command", "yes"})
	if err != nil {
		w.t.Fatal(err)
	}
	n.server = s
}

// watch starts a sentinel, which is in a hurry.
func (w *watched) watch(path string, i int) {
	w.t.Helper()
	dir, port := w.t.TempDir(), freePort()
	conf := filepath.Join(dir, "sentinel.conf")
	text := fmt.Sprintf("port %d\ndir %s\nsentinel monitor m 127.0.0.1 %d 2\nsentinel down-after-milliseconds m 1000\n"+
		"sentinel failover-timeout m 3000\nsentinel parallel-syncs m 2\n", port, dir, w.nodes[0].port)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command(path, conf)
	cmd.Dir = dir
	endWithParent(cmd)
	log, err := os.Create(filepath.Join(dir, "sentinel.log"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout = log
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if text, err := os.ReadFile(log.Name()); err == nil && w.t.Failed() {
			w.t.Logf("sentinel %d:\n%s", i, text)
		}
	})
	addr := "127.0.0.1:" + strconv.Itoa(port)
	waitFor(w.t, "a sentinel", func() bool { return listens(addr) })
	c := dial(w.t, "tcp", addr)
	c.do("SENTINEL", "DEBUG", "INFO-PERIOD", "200", "PING-PERIOD", "400", "ASK-PERIOD", "200", "PUBLISH-PERIOD", "200",
		"MIN-LINK-RECONNECT-PERIOD", "500", "ELECTION-TIMEOUT", "2000")
	w.sentinels = append(w.sentinels, c)
}

// listens reports whether somebody listens at an address.
func listens(addr string) bool {
	conn, err := net.Dial("tcp", addr)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// field is the value behind a name in a flat array of both.
func (v reply) field(name string) string {
	for i := 0; i+1 < len(v.elems); i += 2 {
		if v.elems[i].text == name {
			return v.elems[i+1].text
		}
	}
	return ""
}

// master is the node that a sentinel takes for the master.
func (w *watched) master(c *client) *watchedNode {
	v := c.do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "m")
	for _, n := range w.nodes {
		if len(v.elems) == 2 && v.elems[1].text == strconv.Itoa(n.port) {
			return n
		}
	}
	w.t.Fatalf("the master is %s", v)
	return nil
}

// round kills the master while it is written to, and has it come back.
func (w *watched) round() {
	w.t.Helper()
	old := w.master(w.sentinels[0])
	writer := w.write(old)
	waitFor(w.t, "confirmed writes", func() bool { return writer.n.Load() >= 200 })
	old.kill()
	<-writer.done
	var next *watchedNode
	for _, c := range w.sentinels {
		waitFor(w.t, "another master", func() bool {
			next = w.master(c)
			return next != old && w.ask(next, "ROLE").first() == "master"
		})
	}
	w.start(old, old.port)
	for _, c := range w.sentinels {
		waitFor(w.t, "all to be well", func() bool {
			for _, v := range c.do("SENTINEL", "REPLICAS", "m").elems {
				if v.field("flags") != "slave" || v.field("master-link-status") != "ok" || v.field("master-port") != strconv.Itoa(next.port) {
					return false
				}
			}
			return c.do("SENTINEL", "MASTER", "m").field("flags") == "master" && w.master(c) == next
		})
	}
	for _, key := range writer.keys {
		if v := w.ask(next, "GET", key); v.text != "v:"+key {
			w.t.Fatalf("%s was confirmed and is %s on the promoted one\n%s", key, v, next.logTail())
		}
	}
	var all []*server
	for _, n := range w.nodes {
		all = append(all, n.server)
	}
	awaitEqual(w.t, all...)
}

// ask asks a server on a connection of its own. There is no reply when that is
// closed: Sentinel has all clients of a server closed whose role it changes.
func (w *watched) ask(n *watchedNode, args ...string) reply {
	conn, err := net.Dial("tcp", n.addr())
	if err != nil {
		return reply{}
	}
	defer conn.Close()
	c := diffConn{conn: conn, r: bufio.NewReader(conn)}
	return c.do(args...)
}

// first is the text of an array's first element.
func (v reply) first() string {
	if len(v.elems) == 0 {
		return ""
	}
	return v.elems[0].text
}

// A confirmedWriter writes to a server until that is gone.
type confirmedWriter struct {
	conn diffConn
	keys []string // that WAIT has confirmed for all replicas
	n    atomic.Int64
	done chan struct{}
}

// write begins to write to a node.
func (w *watched) write(n *watchedNode) *confirmedWriter {
	w.t.Helper()
	conn, err := net.Dial("tcp", n.addr())
	if err != nil {
		w.t.Fatal(err)
	}
	writer := &confirmedWriter{conn: diffConn{conn: conn, r: bufio.NewReader(conn)}, done: make(chan struct{})}
	replicas := strconv.Itoa(len(w.nodes) - 1)
	go func() {
		defer close(writer.done)
		defer conn.Close()
		for c := &writer.conn; c.err == nil; w.written++ {
			key := "key:" + strconv.Itoa(w.written)
			c.do("SET", key, "v:"+key)
			if v := c.do("WAIT", replicas, "1000"); v.kind == ':' && v.text == replicas {
				writer.keys = append(writer.keys, key)
				writer.n.Add(1)
			}
		}
	}()
	return writer
}

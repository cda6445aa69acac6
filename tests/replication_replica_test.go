package tests

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// emptySnapshot is the snapshot without data that masters of small tests send.
var emptySnapshot = func() string {
	b, err := hex.DecodeString("524544495330303131fa0972656469732d76657205372e322e30fa0a72656469732d62697473c040fa056374696d65c26d08bc65" +
		"fa08757365642d6d656dc2b0c41000fa08616f662d62617365c000fff06e3bfec0ff5aa2")
	if err != nil {
		panic(err)
	}
	return string(b)
}()

const someID = "75cd7bc10c49047e0d163660f3b90625b1af31dc"

// TestReplicaHandshake holds each byte of the handshake, and that what follows the
// snapshot counts from its last byte on.
func TestReplicaHandshake(t *testing.T) {
	for _, form := range []string{"length", "mark"} {
		t.Run(form, func(t *testing.T) {
			m := newFakeMaster(t)
			s := startFollowing(t, serverPath(t), m.port)
			m.handshake(t, s)
			if role := s.info(t, "role"); role != "slave" {
				t.Errorf("role %s during the handshake", role)
			}
			set := string(appendCommand(nil, "SET", "foo", "123"))
			getack := string(appendCommand(nil, "REPLCONF", "GETACK", "*"))
			ping := string(appendCommand(nil, "PING"))
			multi, exec := string(appendCommand(nil, "MULTI")), string(appendCommand(nil, "EXEC"))
			if form == "length" {
				m.want(fmt.Sprintf("+FULLRESYNC %s 0\r\n$%d\r\n%s%s", someID, len(emptySnapshot), emptySnapshot, getack), "PSYNC", "?", "-1")
			} else {
				mark := strings.Repeat("m", 40)
				m.want(fmt.Sprintf("+FULLRESYNC %s 0\r\n\n\n$EOF:%s\r\n%s%s", someID, mark, emptySnapshot, mark), "PSYNC", "?", "-1")
				m.want(getack, "REPLCONF", "ACK", "0")
			}
			m.want(ping+getack, "REPLCONF", "ACK", "0")
			seen := len(getack) + len(ping)
			m.want(set+multi+set, "REPLCONF", "ACK", fmt.Sprint(seen))
			seen += len(getack) + len(set)
			c := s.client(t)
			waitFor(t, "the key", func() bool { return c.do("GET", "foo").text == "123" })
			// Of its own, once a second; and half of a transaction does not count.
			m.want(exec, "REPLCONF", "ACK", fmt.Sprint(seen))
			seen += len(multi) + len(set) + len(exec)
			waitFor(t, "the transaction", func() bool { return s.infoInt(t, "slave_repl_offset") == seen })
		})
	}
}

// TestReplicaFollows takes a full sync in every form, and then a stream of random
// commands.
func TestReplicaFollows(t *testing.T) {
	for _, p := range pairings(t) {
		for _, load := range []string{"disabled", "on-empty-db", "swapdb"} {
			for _, diskless := range []string{"yes", "no"} {
				t.Run(fmt.Sprintf("%s/%s/diskless-sync-%s", p.name, load, diskless), func(t *testing.T) {
					t.Parallel()
					testFollowing(t, p, load, diskless)
				})
			}
		}
	}
}

func testFollowing(t *testing.T, p pairing, load, diskless string) {
	master := startProgram(t, p.master, "--repl-diskless-sync", diskless, "--repl-diskless-sync-delay", "0")
	master.client(t).fill()
	w := newRandomWriter(t, master)
	w.write(100)
	replica := startFollowing(t, p.replica, master.port, "--repl-diskless-load", load)
	w.write(100)
	awaitLink(t, replica)
	w.write(300)
	awaitEqual(t, master, replica)

	if got, want := replica.info(t, "master_replid"), master.info(t, "master_replid"); got != want {
		t.Errorf("the replica has the id %s, want %s", got, want)
	}
	waitFor(t, "the acknowledgement", func() bool {
		return strings.HasPrefix(master.info(t, "slave0"), fmt.Sprintf("ip=127.0.0.1,port=%d,state=online,offset=%s,",
			replica.port, master.info(t, "master_repl_offset")))
	})
	c := replica.client(t)
	c.expect("SET a b", errText("READONLY You can't write against a read only replica."))
	// A FLUSHALL among what is written ends the process that a redis-server has forked to
	// save for the replica, which then asks again.
	spoiled := strings.Contains(master.logTail(), "SYNC failed. BGSAVE child returned an error")
	if full := master.infoInt(t, "sync_full"); full != 1 && !spoiled {
		t.Errorf("%d full syncs, want one", full)
	}
}

// TestReplicaResumes cuts the link at any moment: the replica goes on where it was.
func TestReplicaResumes(t *testing.T) {
	for _, p := range pairings(t) {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			master := startProgram(t, p.master, "--repl-diskless-sync-delay", "0", "--repl-backlog-size", "64mb")
			wire := newWire(t, master.addr())
			replica := startFollowing(t, p.replica, wire.port)
			awaitLink(t, replica)
			w := newRandomWriter(t, master)
			for range 10 {
				go wire.cut()
				w.write(20 + w.maker.IntN(100))
				if w.maker.IntN(3) == 0 {
					awaitLink(t, replica)
				}
			}
			awaitLink(t, replica)
			awaitEqual(t, master, replica)
			if full, some := master.infoInt(t, "sync_full"), master.infoInt(t, "sync_partial_ok"); full != 1 || some == 0 {
				t.Errorf("%d full and %d partial syncs", full, some)
			}
		})
	}
}

// TestReplicaKeepsData sends garbage in the place of a snapshot: what the replica
// has stays, unless it was told otherwise.
func TestReplicaKeepsData(t *testing.T) {
	for _, load := range []string{"disabled", "swapdb"} {
		t.Run(load, func(t *testing.T) {
			m := newFakeMaster(t)
			s := start(t, "--repl-diskless-load", load)
			c := s.client(t)
			want := c.fill()
			c.ok(fmt.Sprintf("REPLICAOF 127.0.0.1 %d", m.port))
			id := s.info(t, "master_replid")
			full := fmt.Sprintf("+FULLRESYNC %s 0\r\n", someID)
			for _, garbage := range []string{
				"$-5\r\n",
				"$0\r\n",
				"$99999999999999999999\r\n",
				"$EOF:short\r\n",
				"HTTP/1.1 400 Bad Request\r\n",
				"-ERR no\r\n",
				strings.Repeat("x", 5000),
				"$9223372036854775807\r\nREDIS0011",
				"$1000\r\nREDIS0011\xfa\x81\xff\xff\xff\xff\xff\xff\xff\xff",
			} {
				m.handshake(t, s)
				m.want(full+garbage, "PSYNC", id, "1")
				m.conn.Close()
			}
			// Of a partial resync it has nothing to go on from.
			m.handshake(t, s)
			m.want("+CONTINUE\r\nSET inline 1\r\n", "PSYNC", id, "1")
			m.conn.SetReadDeadline(time.Now().Add(patience))
			m.readEOF()
			m.handshake(t, s)
			m.want(full, "PSYNC", "?", "-1")
			c.ok("REPLICAOF NO ONE")
			if got := c.digest(); got != want {
				t.Errorf("the data has changed\n%s", s.logTail())
			}
		})
	}
}

// TestReplicaPassword follows a master with a password, once it knows that.
func TestReplicaPassword(t *testing.T) {
	for _, p := range pairings(t) {
		t.Run(p.name, func(t *testing.T) {
			master := startProgram(t, p.master, "--requirepass", "secret", "--repl-diskless-sync-delay", "0")
			replica := startFollowing(t, p.replica, master.port, "--masterauth", "wrong")
			c := replica.client(t)
			waitFor(t, "the refusal", func() bool {
				log, err := os.ReadFile(replica.logPath)
				return err == nil && strings.Contains(string(log), "Unable to AUTH to MASTER: -WRONGPASS")
			})
			c.ok("CONFIG SET masterauth secret")
			awaitLink(t, replica)
			c.ok("CONFIG SET masteruser default")
			c.ok("REPLICAOF NO ONE")
			c.ok(fmt.Sprintf("REPLICAOF 127.0.0.1 %d", master.port))
			awaitLink(t, replica)
			awaitEqual(t, master, replica)
		})
	}
}

// TestReplicaHalfOpen has nothing come through on a connection that looks well:
// the replica gives it up by itself.
func TestReplicaHalfOpen(t *testing.T) {
	for _, p := range pairings(t) {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			master := startProgram(t, p.master, "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")
			wire := newWire(t, master.addr())
			replica := startFollowing(t, p.replica, wire.port, "--repl-timeout", "2")
			awaitLink(t, replica)
			wire.freeze()
			waitFor(t, "the end of the link", func() bool { return replica.info(t, "master_link_status") == "down" })
			master.client(t).ok("SET after freeze")
			wire.cut()
			wire.thaw()
			awaitLink(t, replica)
			awaitEqual(t, master, replica)
			if full := master.infoInt(t, "sync_full"); full != 1 {
				t.Errorf("%d full syncs, want one", full)
			}
		})
	}
}

// TestReplicaChain writes to the first of four mixed servers, each of which follows
// the one before it, while links are cut; then it promotes the second one.
func TestReplicaChain(t *testing.T) {
	ours, redis := serverPath(t), redisPath(t)
	for _, paths := range [][]string{{ours, redis, ours, redis}, {redis, ours, redis, ours}, {ours, ours, ours, ours}} {
		t.Run(fmt.Sprint(paths[0] == ours, paths[1] == ours), func(t *testing.T) {
			t.Parallel()
			var nodes []*server
			var wires []*wire
			for i, path := range paths {
				flags := []string{"--repl-diskless-sync-delay", "0", "--repl-backlog-size", "16mb"}
				if i > 0 {
					wires = append(wires, newWire(t, nodes[i-1].addr()))
					flags = append(flags, "--replicaof", fmt.Sprintf("127.0.0.1 %d", wires[i-1].port))
				}
				nodes = append(nodes, startProgram(t, path, flags...))
				if i > 0 {
					awaitLink(t, nodes[i])
				}
			}
			w := newRandomWriter(t, nodes[0])
			for range 6 {
				go wires[w.maker.IntN(len(wires))].cut()
				w.write(60)
			}
			for _, n := range nodes[1:] {
				awaitLink(t, n)
			}
			awaitEqual(t, nodes...)
			for _, n := range nodes[:3] {
				if full := n.infoInt(t, "sync_full"); full != 1 {
					t.Errorf("%d full syncs, want one\n%s", full, n.logTail())
				}
			}
			nodes[1].client(t).ok("REPLICAOF NO ONE")
			newRandomWriter(t, nodes[1]).write(100)
			nodes[0].client(t).ok(fmt.Sprintf("REPLICAOF 127.0.0.1 %d", nodes[1].port))
			awaitLink(t, nodes[0])
			awaitEqual(t, nodes[1], nodes[0], nodes[2], nodes[3])
		})
	}
}

// TestFailover has a master hand over: to a named replica, to any, and not at all.
func TestFailover(t *testing.T) {
	for _, p := range pairings(t) {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			master := startProgram(t, p.master, "--repl-diskless-sync-delay", "0")
			replica := startFollowing(t, p.replica, master.port, "--repl-diskless-sync-delay", "0")
			awaitLink(t, replica)
			c := master.client(t)
			newRandomWriter(t, master).write(50)
			c.expect("FAILOVER ABORT", errText("ERR No failover in progress."))
			c.expect("FAILOVER TO 127.0.0.1 1", errText("ERR FAILOVER target HOST and PORT is not a replica."))
			c.expect("FAILOVER TIMEOUT 0", errText("ERR FAILOVER timeout must be greater than 0"))
			c.expect(fmt.Sprintf("FAILOVER TO 127.0.0.1 %d FORCE", replica.port),
				errText("ERR FAILOVER with force option requires both a timeout and target HOST and IP."))
			waitFor(t, "the master to know of it", func() bool { return strings.Contains(master.info(t, "slave0"), "state=online") })
			c.ok(fmt.Sprintf("FAILOVER TO 127.0.0.1 %d TIMEOUT 20000", replica.port))
			waitFor(t, "the replica to be the master", func() bool {
				return replica.info(t, "role") == "master" && master.info(t, "master_link_status") == "up"
			})
			awaitEqual(t, replica, master)
			if full := replica.infoInt(t, "sync_full"); full != 0 {
				t.Errorf("%d full syncs, want none", full)
			}
			c.expect("SET a b", errText("READONLY You can't write against a read only replica."))
			replica.client(t).ok("SET a b")

			// Back again, whoever it is.
			waitFor(t, "the acknowledgement", func() bool { return strings.Contains(replica.info(t, "slave0"), "state=online") })
			replica.client(t).ok("FAILOVER")
			waitFor(t, "the old master", func() bool {
				return master.info(t, "role") == "master" && replica.info(t, "master_link_status") == "up"
			})
			c.ok("SET a c")
			awaitEqual(t, master, replica)

			// A replica that is stopped never catches up.
			replica.freeze(t)
			t.Cleanup(func() { replica.thaw(t) })
			c.ok("SET a d")
			c.ok("FAILOVER")
			if state := master.info(t, "master_failover_state"); state != "waiting-for-sync" {
				t.Errorf("the failover is %s", state)
			}
			c.expect("REPLICAOF NO ONE", errText("ERR REPLICAOF not allowed while failing over."))
			c.expect("FAILOVER", errText("ERR FAILOVER already in progress."))
			c.ok("FAILOVER ABORT")
			c.ok("FAILOVER TIMEOUT 1")
			waitFor(t, "the end of the time", func() bool { return master.info(t, "master_failover_state") == "no-failover" })
			c.ok("SET a e")
		})
	}
}

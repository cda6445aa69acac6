package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// redis-cli in the place of a replica, and where it meets what this server is not: it
// gets from us what it gets from redis-server.

// cliOutput runs redis-cli against a server, which need not please it.
func cliOutput(t *testing.T, s *server, args ...string) string {
	t.Helper()
	out, _ := exec.Command(peerPath(t, "redis-cli"), append([]string{"-p", strconv.Itoa(s.port)}, args...)...).CombinedOutput()
	return strings.ReplaceAll(string(out), strconv.Itoa(s.port), "PORT")
}

// TestCliSnapshot fetches the data with --rdb, and what there is without data with
// --functions-rdb; a server of either kind that starts on the file has it.
func TestCliSnapshot(t *testing.T) {
	ours, redis := serverPath(t), redisPath(t)
	s := start(t, "--repl-diskless-sync-delay", "0")
	want := s.client(t).fill()
	empty := start(t).client(t).digest()
	for _, mode := range []struct{ flag, want string }{{"--rdb", want}, {"--functions-rdb", empty}} {
		for _, path := range []string{ours, redis} {
			dir := t.TempDir()
			if out := cliOutput(t, s, mode.flag, filepath.Join(dir, "dump.rdb")); !strings.Contains(out, "Transfer finished with success") {
				t.Fatalf("%s: %s", mode.flag, out)
			}
			again := startAgain(t, path, dir)
			if got := again.client(t).digest(); got != mode.want {
				t.Errorf("%s: %s has %s, want %s", mode.flag, path, got, mode.want)
			}
		}
	}
}

// TestCliReplica has redis-cli print the stream as it comes.
func TestCliReplica(t *testing.T) {
	var texts []string
	for _, path := range []string{serverPath(t), redisPath(t)} {
		s := startProgram(t, path, "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "3600")
		name := filepath.Join(t.TempDir(), "out")
		out, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		cmd := exec.Command(peerPath(t, "redis-cli"), "-p", strconv.Itoa(s.port), "--replica")
		endWithParent(cmd)
		cmd.Stdout = out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			cmd.Process.Kill()
			cmd.Wait()
		})
		c := s.client(t)
		waitFor(t, "redis-cli to be a replica", func() bool { return strings.Contains(c.do("INFO", "replication").text, "state=online") })
		c.ok("SET key \"two words\"")
		c.ok("SELECT 3")
		c.expect("RPUSH list a b", 2)
		c.expect("BLPOP list 0", []any{"list", "a"})
		c.ok("SET last 1 PXAT 99999999999999")
		var text string
		waitFor(t, "the last command", func() bool {
			b, err := os.ReadFile(name)
			text = string(b)
			return err == nil && strings.Contains(text, "99999999999999\"\n")
		})
		texts = append(texts, text)
	}
	if texts[0] != texts[1] || !strings.Contains(texts[0], `"two words"`) {
		t.Errorf("redis-cli prints\n%s\nand with redis-server\n%s", texts[0], texts[1])
	}
}

// TestCliCluster asks for a cluster, which this server says politely that it is not.
func TestCliCluster(t *testing.T) {
	s, redis := start(t), startProgram(t, redisPath(t))
	for _, mode := range []string{"info", "check", "create"} {
		ask := func(s *server) string {
			args := []string{"--cluster", mode}
			nodes := 1
			if mode == "create" {
				nodes = 3
			}
			for range nodes {
				args = append(args, s.addr())
			}
			return cliOutput(t, s, args...)
		}
		got, want := ask(s), ask(redis)
		if got != want || !strings.Contains(got, "is not configured as a cluster node") {
			t.Errorf("--cluster %s: %s\nwith redis-server: %s", mode, got, want)
		}
	}
	s.client(t).expect("PING", status("PONG"))
}

// TestReplicaFieldExpiry has replicas follow a master with fields that expire: one of
// ours has them as well, and the master's log says that others cannot.
func TestReplicaFieldExpiry(t *testing.T) {
	const line = "There are hashes whose fields expire. Replicas before Redis 7.4 cannot read such a snapshot."
	master := start(t, "--repl-diskless-sync-delay", "0")
	said := func() bool {
		log, err := os.ReadFile(master.logPath)
		return err == nil && strings.Contains(string(log), line)
	}
	c := master.client(t)
	c.expect("HSET hash f 1 g 2", 2)
	before := startFollowing(t, serverPath(t), master.port)
	awaitLink(t, before)
	if said() {
		t.Error("the log speaks of fields that expire, and there are none")
	}
	c.expect("HEXPIRE hash 1000 FIELDS 1 f", []any{1})
	after := startFollowing(t, serverPath(t), master.port)
	awaitLink(t, after)
	awaitEqual(t, master, before, after)
	for _, s := range []*server{before, after} {
		if got, want := s.client(t).do("HPEXPIRETIME", "hash", "FIELDS", "2", "f", "g"), c.do("HPEXPIRETIME", "hash", "FIELDS", "2", "f", "g"); got.String() != want.String() {
			t.Errorf("the fields expire at %s, on the master at %s", got, want)
		}
	}
	if !said() {
		t.Errorf("the log says nothing of the fields\n%s", master.logTail())
	}
}

// TestReplicaAsyncLoading has the master that the replica follows send all of its data
// anew, and stop in the middle: with swapdb the old data is served until the new is
// complete, and stays when that never comes.
func TestReplicaAsyncLoading(t *testing.T) {
	for _, complete := range []bool{true, false} {
		t.Run(fmt.Sprint("complete-", complete), func(t *testing.T) {
			m := newFakeMaster(t)
			s := startFollowing(t, serverPath(t), m.port, "--repl-diskless-load", "swapdb")
			m.handshake(t, s)
			set := string(appendCommand(nil, "SET", "old", "1"))
			m.want(fmt.Sprintf("+FULLRESYNC %s 0\r\n$%d\r\n%s%s", someID, len(emptySnapshot), emptySnapshot, set), "PSYNC", "?", "-1")
			c := s.client(t)
			waitFor(t, "the old data", func() bool { return c.do("GET", "old").text == "1" })
			m.conn.Close()

			m.handshake(t, s)
			snapshot := snapshot11([]rdbPair{{"new", "2", 0}})
			half := len(snapshot) / 2
			m.want(fmt.Sprintf("+FULLRESYNC %s 1000\r\n$%d\r\n%s", someID, len(snapshot), snapshot[:half]), "PSYNC", someID, strconv.Itoa(len(set)+1))
			waitFor(t, "the load", func() bool { return s.info(t, "async_loading") == "1" })
			if loading, sync := s.info(t, "loading"), s.info(t, "master_sync_in_progress"); loading != "0" || sync != "1" {
				t.Errorf("loading:%s and master_sync_in_progress:%s", loading, sync)
			}
			c.expect("GET old", "1")
			c.expect("EXISTS new", 0)
			c.expect("SET a b", errText("READONLY You can't write against a read only replica."))
			c.expect("BGSAVE", errText("LOADING Redis is loading the dataset in memory"))
			if !complete {
				m.conn.Close()
				waitFor(t, "the end of the load", func() bool { return s.info(t, "async_loading") == "0" })
				c.expect("GET old", "1")
				return
			}
			m.sendRaw(snapshot[half:])
			waitFor(t, "the new data", func() bool { return c.do("GET", "new").text == "2" })
			c.expect("EXISTS old", 0)
			if state, offset := s.info(t, "async_loading"), s.info(t, "slave_repl_offset"); state != "0" || offset != "1000" {
				t.Errorf("async_loading:%s at %s", state, offset)
			}
		})
	}
}

// TestReplicaOnEmptyDb sends half a snapshot: a replica with data serves that, for what
// comes goes to a file first; one without data loads it at once.
func TestReplicaOnEmptyDb(t *testing.T) {
	for _, empty := range []bool{true, false} {
		t.Run(fmt.Sprint("empty-", empty), func(t *testing.T) {
			m := newFakeMaster(t)
			s := start(t, "--repl-diskless-load", "on-empty-db")
			c := s.client(t)
			if !empty {
				c.ok("SET own 1")
			}
			c.ok(fmt.Sprintf("REPLICAOF 127.0.0.1 %d", m.port))
			m.handshake(t, s)
			snapshot := snapshot11([]rdbPair{{"new", "2", 0}})
			half := len(snapshot) / 2
			m.want(fmt.Sprintf("+FULLRESYNC %s 1000\r\n$%d\r\n%s", someID, len(snapshot), snapshot[:half]), "PSYNC", s.info(t, "master_replid"), "1")
			where := "bytes from master to disk"
			if empty {
				where = "bytes from master to parser"
			}
			waitFor(t, where, func() bool {
				log, err := os.ReadFile(s.logPath)
				return err == nil && strings.Contains(string(log), where)
			})
			if empty {
				waitFor(t, "LOADING", func() bool { return strings.HasPrefix(c.do("GET", "own").text, "LOADING ") })
			} else {
				c.expect("GET own", "1")
			}
			m.sendRaw(snapshot[half:])
			waitFor(t, "the new data", func() bool { return c.do("GET", "new").text == "2" })
			c.expect("EXISTS own", 0)
		})
	}
}

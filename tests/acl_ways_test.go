package tests

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// What becomes of those who have begun something, when their user loses the right to it
// or is gone.

// aclWaits are commands that wait, what ends the wait, and what then is still there if
// it was ended in vain.
var aclWaits = []struct{ wait, serve, left string }{
	{"BLPOP l 0", "RPUSH l x", "LLEN l"},
	{"BRPOP none l 0", "RPUSH l x", "LLEN l"},
	{"BLMOVE l m LEFT RIGHT 0", "RPUSH l x", "LLEN l"},
	{"BRPOPLPUSH l m 0", "RPUSH l x", "LLEN l"},
	{"BLMPOP 0 2 none l LEFT", "RPUSH l x", "LLEN l"},
	{"BZPOPMIN z 0", "ZADD z 1 x", "ZCARD z"},
	{"BZPOPMAX z none 0", "ZADD z 1 x", "ZCARD z"},
	{"BZMPOP 0 1 z MIN", "ZADD z 1 x", "ZCARD z"},
	{"XREAD BLOCK 0 STREAMS s $", "XADD s 1-1 f v", "XLEN s"},
	{"XREADGROUP GROUP g c BLOCK 0 STREAMS g >", "XADD g 1-1 f v", "XLEN g"},
}

// TestACLBlocked takes the rights from those who wait. redis-server 7.0 would serve
// them all the same; later ones do not.
func TestACLBlocked(t *testing.T) {
	if os.Getenv(envServer) != "" {
		t.Skip("another server may serve them")
	}
	users := filepath.Join(t.TempDir(), "users.acl")
	if err := os.WriteFile(users, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, "--aclfile", users)
	admin := s.client(t)
	for _, tt := range aclWaits {
		name, _, _ := strings.Cut(tt.wait, " ")
		for _, loss := range []struct {
			by     string
			reply  string // none: the connection is closed
			reason string
		}{
			{"ACL SETUSER u -" + strings.ToLower(name), noCommand(strings.ToLower(name)), "command"},
			{"ACL SETUSER u resetkeys ~none ~m", noKeys, "key"},
			{"ACL SETUSER u reset", noCommand(strings.ToLower(name)), "command"},
			{"ACL SETUSER u resetkeys (~* +get)", noKeys, "key"},
			{by: "ACL DELUSER u"},
			{by: "ACL LOAD"},
		} {
			t.Run(name+"/"+loss.by, func(t *testing.T) {
				admin.ok("FLUSHALL")
				admin.ok("XGROUP CREATE g g 0 MKSTREAM")
				admin.ok("ACL SETUSER u reset on nopass ~* +@all")
				admin.ok("ACL LOG RESET")
				c := s.client(t)
				c.ok("AUTH u x")
				c.send(strings.Fields(tt.wait)...)
				waitFor(t, "the client to wait", func() bool { return s.blockedClients(admin) == 1 })
				admin.do(strings.Fields(loss.by)...)
				admin.do(strings.Fields(tt.serve)...)
				if loss.reply == "" {
					c.readEOF()
				} else if v := c.read(); v.text != loss.reply {
					t.Errorf("%s", v)
				}
				admin.expect(tt.left, 1)
				admin.expect("EXISTS m", 0)
				if name == "XREADGROUP" {
					if v := admin.do("XPENDING", "g", "g"); v.elems[0].text != "0" {
						t.Errorf("it was given something: %s", v)
					}
				}
				log := admin.do("ACL", "LOG")
				if loss.reply == "" && len(log.elems) == 0 {
					return
				}
				if len(log.elems) != 1 || log.elems[0].field("reason") != loss.reason || log.elems[0].field("username") != "u" {
					t.Errorf("the log has %s", log)
				}
			})
		}
	}
}

// blockedClients is how many clients wait.
func (s *server) blockedClients(c *client) int {
	for line := range strings.Lines(c.do("INFO", "clients").text) {
		if value, ok := strings.CutPrefix(line, "blocked_clients:"); ok {
			n, _ := strconv.Atoi(strings.TrimSpace(value))
			return n
		}
	}
	return -1
}

// TestACLPaused takes the right from one whose command is put off by CLIENT PAUSE.
func TestACLPaused(t *testing.T) {
	p, servers := startACL(t)
	p.permit("~*", "+@all")
	p.both(p.admin, true, request("CLIENT", "PAUSE", "1000000", "WRITE"))
	for i, user := range p.user {
		user.send("SET", "k", "v")
		waitFor(t, "the client to wait", func() bool { return servers[i].blockedClients(p.admin[i]) == 1 })
	}
	p.both(p.admin, true, request("ACL", "SETUSER", "limited", "-set"), request("CLIENT", "UNPAUSE"))
	for _, user := range p.user {
		if v := user.read(); v.text != noCommand("set") {
			t.Errorf("%s", v)
		}
	}
	trial := aclTrial{full: "set", compared: true}
	p.logged(&trial, "command", "set", map[string]int{"toplevel": 1})
}

// TestACLDeletedUser deletes the user of connections that are not just clients any more.
func TestACLDeletedUser(t *testing.T) {
	p, servers := startACL(t)
	for i, s := range servers {
		admin := p.admin[i]
		admin.ok("ACL SETUSER u on nopass ~* &* +@all")
		var gone []*client
		for _, first := range []string{"MONITOR", "SUBSCRIBE ch", "PSUBSCRIBE *", "SSUBSCRIBE ch", "PSYNC ? -1", "SYNC",
			"CLIENT TRACKING ON BCAST", "MULTI", "BLPOP l 0", "WATCH k"} {
			c := s.client(t)
			c.ok("AUTH u x")
			c.send(strings.Fields(first)...)
			gone = append(gone, c)
		}
		stays := s.client(t)
		stays.expect("PING", status("PONG"))
		waitFor(t, "all to have begun", func() bool {
			list := admin.do("CLIENT", "LIST").text
			return strings.Count(list, " user=u ") == len(gone) && strings.Count(list, " flags=S") == 2 && strings.Contains(list, " flags=b ")
		})
		admin.expect("ACL DELUSER u", 1)
		for _, c := range gone {
			c.drainToEnd()
		}
		stays.expect("PING", status("PONG"))
	}
}

// drainToEnd reads until the server closes the connection.
func (c *client) drainToEnd() {
	c.t.Helper()
	for buf := make([]byte, 4096); ; {
		if _, err := c.r.Read(buf); err != nil {
			return
		}
	}
}

// TestACLReplica has a replica follow by a user who may do nothing else. What its own
// users may does not concern what the master sends.
func TestACLReplica(t *testing.T) {
	master := start(t, "--repl-diskless-sync-delay", "0")
	boss := master.client(t)
	boss.ok("ACL SETUSER boss on nopass ~* &* +@all")
	boss.ok("ACL SETUSER follower on >pw +psync +replconf +ping")
	boss.ok("ACL SETUSER default -@all +info")
	boss.ok("AUTH boss x")
	follower := master.client(t)
	follower.ok("AUTH follower pw")
	for _, line := range []string{"SYNC", "GET k", "SUBSCRIBE ch", "MONITOR"} {
		name, _, _ := strings.Cut(strings.ToLower(line), " ")
		follower.expect(line, errText(noCommand(name)))
	}
	replica := startFollowing(t, serverPath(t), master.port, "--masteruser", "follower", "--masterauth", "pw",
		"--user", "default", "on", "nopass", "-@all", "+info", "+role")
	awaitLink(t, replica)
	c := replica.client(t)
	for i := range 10 {
		boss.do("SET", "k", strconv.Itoa(i))
	}
	boss.do("PUBLISH", "ch", "x")
	boss.do("FLUSHDB")
	boss.do("SET", "last", "x")
	waitFor(t, "what the master sends", func() bool {
		return strings.Contains(c.do("INFO", "keyspace").text, "db0:keys=1,")
	})
	c.expect("GET last", errText(noCommand("get")))
	if n := master.infoInt(t, "connected_slaves"); n != 1 {
		t.Errorf("%d replicas", n)
	}
	boss.ok("ACL SETUSER follower -psync")
	boss.expect("CLIENT KILL TYPE replica", 1)
	waitFor(t, "the refusal in the log", func() bool {
		log := boss.do("ACL", "LOG")
		return len(log.elems) > 0 && log.elems[0].field("object") == "psync" && log.elems[0].field("username") == "follower"
	})
	if n := master.infoInt(t, "connected_slaves"); n != 0 {
		t.Errorf("%d replicas", n)
	}
	boss.ok("ACL SETUSER follower +psync")
	awaitLink(t, replica)
	boss.expect("ACL DELUSER follower", 1)
	waitFor(t, "the link to go down", func() bool {
		return strings.Contains(c.do("INFO", "replication").text, "master_link_status:down")
	})
}

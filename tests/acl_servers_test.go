package tests

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// This file holds the two servers that the tests of ACL ask, ours and redis-server.

// An aclServers is our server and perhaps the peer, with the same connections to both.
type aclServers struct {
	t     testing.TB
	admin []*client
	user  []*client
	names []map[string]bool // of the commands that are not containers
}

// startACL starts the servers. Redis's own is left out where it is not installed, but
// not in CI.
func startACL(t testing.TB, flags ...string) (p *aclServers, servers []*server) {
	p = &aclServers{t: t}
	paths := []string{serverPath(t)}
	if peer, err := exec.LookPath("redis-server"); err == nil && os.Getenv(envServer) == "" {
		paths = append(paths, peer)
	} else if os.Getenv(envCI) != "" {
		redisPath(t)
	}
	for _, path := range paths {
		s := startProgram(t, path, flags...)
		servers = append(servers, s)
		p.admin = append(p.admin, s.client(t))
		p.user = append(p.user, s.client(t))
	}
	for _, admin := range p.admin {
		admin.ok("ACL SETUSER limited on nopass")
		admin.ok("ACL SETUSER boss on nopass ~* &* +@all")
		admin.ok("AUTH boss x")
	}
	for i, user := range p.user {
		user.ok("AUTH limited x")
		p.names = append(p.names, make(map[string]bool))
		for _, cmd := range commandsOf(p.admin[i]) {
			p.names[i][cmd.full] = true
		}
	}
	return p, servers
}

// both sends requests to a client of each server and returns what ours answers, having
// compared the answers if asked to.
func (p *aclServers) both(who []*client, compared bool, requests ...[]byte) []reply {
	p.t.Helper()
	all := slices.Concat(requests...)
	for _, c := range who {
		c.sendRaw(all)
	}
	var ours []reply
	for i, c := range who {
		for j, request := range requests {
			v := c.read().maskAfter([]string{"age-seconds", "client-info"})
			if i == 0 {
				ours = append(ours, v)
			} else if compared && !same(ours[j], v) {
				p.t.Errorf("%q\ngot  %s\nwant %s", request, ours[j], v)
			}
		}
	}
	return ours
}

func request(args ...string) []byte { return appendCommand(nil, args...) }

func inline(args []string) []byte {
	words := make([]string, len(args))
	for i, arg := range args {
		if words[i] = arg; arg == "" {
			words[i] = `""`
		}
	}
	return []byte(strings.Join(words, " ") + "\r\n")
}

// permit makes the user one that has these rights alone, and empties the log.
func (p *aclServers) permit(rules ...string) {
	p.t.Helper()
	for _, admin := range p.admin {
		admin.send(append(strings.Fields("ACL SETUSER limited reset on nopass"), rules...)...)
		admin.send("ACL", "LOG", "RESET")
	}
	for i, admin := range p.admin {
		for range 2 {
			if v := admin.read(); v.text != "OK" && i == 0 {
				p.t.Fatalf("%q: %s", rules, v)
			}
		}
	}
}

// logged wants one entry in the log for each context that a try was refused in.
func (p *aclServers) logged(trial *aclTrial, reason, object string, contexts map[string]int) {
	p.t.Helper()
	log := p.both(p.admin, trial.compared, request("ACL", "LOG"))[0]
	for _, e := range log.elems {
		context := e.field("context")
		if e.field("reason") != reason || e.field("object") != object || e.field("username") != "limited" ||
			e.field("count") != fmt.Sprint(contexts[context]) {
			p.t.Errorf("%q is refused for its %s; the log has %s", trial.args, reason, e)
		}
		delete(contexts, context)
	}
	if len(contexts) > 0 {
		p.t.Errorf("%q: the log lacks %v: %s", trial.args, contexts, log)
	}
}

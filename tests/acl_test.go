package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Nothing gets round ACL: each command and subcommand, in every form that a client
// can send it, is tried by a user who may do everything else.

// aclExempt are the commands that nobody can be refused.
var aclExempt = map[string]bool{"auth": true, "hello": true, "quit": true, "reset": true}

// A testedCommand is a command and arguments that have the right number.
type testedCommand struct {
	full string
	args []string
}

// number is an integer reply.
func number(v reply) int {
	n, _ := strconv.Atoi(v.text)
	return n
}

// commandsOf asks a server for its commands and subcommands.
func commandsOf(c *client) []testedCommand {
	var all []testedCommand
	var add func(info reply)
	add = func(info reply) {
		subs := info.elems[9].elems
		for _, sub := range subs {
			add(sub)
		}
		if len(subs) > 0 {
			return
		}
		full := info.elems[0].text
		args := strings.Split(full, "|")
		arity := number(info.elems[1])
		for len(args) < max(arity, -arity) {
			args = append(args, "1")
		}
		all = append(all, testedCommand{full, args})
	}
	for _, info := range c.do("COMMAND").elems {
		add(info)
	}
	return all
}

func TestACLEveryCommand(t *testing.T) {
	s := start(t, "--enable-debug-command", "yes", "--rename-command", "get", "fetch")
	admin := s.client(t)
	admin.ok("SET 1 before")
	admin.ok("ACL SETUSER limited on nopass")
	digest := admin.do("DEBUG", "DIGEST").text
	c := s.client(t)
	c.ok("AUTH limited x")
	tested := 0
	for _, cmd := range commandsOf(admin) {
		if aclExempt[cmd.full] {
			continue
		}
		tested++
		if cmd.full == "get" {
			cmd.args[0] = "fetch"
		}
		admin.ok("ACL SETUSER limited reset on nopass ~* &* +@all -" + cmd.full)
		refusal := fmt.Sprintf("NOPERM this user has no permissions to run the '%s' command", cmd.full)
		mixed := append([]string(nil), cmd.args...)
		for i := range strings.Count(cmd.full, "|") + 1 {
			mixed[i] = strings.ToUpper(mixed[i][:1]) + mixed[i][1:]
		}
		for _, args := range [][]string{cmd.args, mixed} {
			if got := c.do(args...).text; got != refusal && got != "EXECABORT Transaction discarded because of: "+refusal {
				t.Errorf("%q: %q", args, got)
			}
		}
		c.sendRaw([]byte(strings.Join(cmd.args, " ") + "\r\n"))
		if got := c.read().text; !strings.Contains(got, refusal) {
			t.Errorf("%q inline: %q", cmd.args, got)
		}
		if cmd.full != "multi" && cmd.full != "exec" && cmd.full != "discard" {
			c.ok("MULTI")
			if got := c.do(cmd.args...).text; got != refusal && got != "ERR Command not allowed inside a transaction" {
				t.Errorf("%q in MULTI: %q", cmd.args, got)
			}
			if got := c.do("EXEC").text; !strings.HasPrefix(got, "EXECABORT") {
				t.Errorf("EXEC behind %q: %q", cmd.args, got)
			}
		} else if cmd.full == "exec" {
			c.ok("MULTI")
			c.do("SET", "1", "after")
			if got := c.do("EXEC").text; !strings.HasPrefix(got, "EXECABORT") {
				t.Errorf("EXEC: %q", got)
			}
		}
	}
	if tested < 250 {
		t.Errorf("only %d commands were tried", tested)
	}
	if got := admin.do("DEBUG", "DIGEST").text; got != digest {
		t.Error("the data has changed")
	}
	admin.expect("DBSIZE", 1)
}

// Each command that has a key at a known place is refused one that no pattern fits.
func TestACLEveryKey(t *testing.T) {
	s := start(t, "--enable-debug-command", "yes")
	admin := s.client(t)
	admin.ok("ACL SETUSER limited on nopass ~yes* &yes* +@all")
	c := s.client(t)
	c.ok("AUTH limited x")
	tested := 0
	for _, cmd := range commandsOf(admin) {
		info := admin.do("COMMAND", "INFO", cmd.full).elems[0]
		flags := fmt.Sprint(info.elems[2])
		first := number(info.elems[3])
		notKey := strings.Contains(fmt.Sprint(info.elems[8]), "not_key")
		if first == 0 || notKey || strings.Contains(flags, "movablekeys") {
			continue
		}
		tested++
		for len(cmd.args) <= first {
			cmd.args = append(cmd.args, "1")
		}
		for i := first; i < len(cmd.args); i++ {
			cmd.args[i] = "no"
		}
		const refusal = "NOPERM this user has no permissions to access one of the keys used as arguments"
		if got := c.do(cmd.args...).text; got != refusal {
			t.Errorf("%q: %q", cmd.args, got)
		}
	}
	if tested < 100 {
		t.Errorf("only %d commands were tried", tested)
	}
	for _, line := range []string{"PUBLISH no x", "SPUBLISH no x", "SUBSCRIBE yes no", "SSUBSCRIBE no", "PSUBSCRIBE yes no*"} {
		c.expect(line, errText("NOPERM this user has no permissions to access one of the channels used as arguments"))
	}
	admin.expect("DBSIZE", 0)
}

// Users live in the file that aclfile names, or in the configuration file.
func TestACLFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "users.acl")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("user alice on nopass ~* &* +@all\nuser bob on >pw (+get ~x)\n\n")
	s := start(t, "--aclfile", file)
	admin := s.client(t)
	alice := s.client(t)
	alice.ok("AUTH alice x")
	admin.ok("ACL SETUSER carol on nopass +get ~c* %R~r")
	admin.ok("ACL SAVE")
	saved, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if want := "user carol on nopass ~c* %R~r resetchannels -@all +get\n"; !strings.Contains(string(saved), want) {
		t.Errorf("saved %q", saved)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has become %v, %v", info.Mode(), err)
	}
	admin.ok("ACL LOAD")
	alice.readEOF()
	write(string(saved) + "user bob off\nuser x +nosuch bad\nnonsense\n")
	got := admin.do("ACL", "LOAD").text
	for _, want := range []string{"Duplicate user 'bob' found on line 5.", file + ":6: Error in applying operation '+nosuch': " +
		"Unknown command or category name in ACL.", file + ":6: Syntax error.", file + ":7 should start with user keyword",
		"no change to the previously active ACL rules was performed"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
	if got := len(admin.do("ACL", "USERS").elems); got != 4 {
		t.Errorf("%d users", got)
	}
}

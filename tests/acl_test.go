package tests

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

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

package store

import (
	"slices"
	"strings"
	"testing"
)

func TestUserRules(t *testing.T) {
	const hash = "#30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4" // pw
	for _, tt := range []struct{ rules, want string }{
		{"", "user u off resetchannels -@all"},
		{"on >pw", "user u on " + hash + " resetchannels -@all"},
		{"on >pw >pw", "user u on " + hash + " resetchannels -@all"},
		{"on >pw nopass", "user u on nopass resetchannels -@all"},
		{"on nopass >pw", "user u on " + hash + " resetchannels -@all"},
		{">pw <pw", "user u off resetchannels -@all"},
		{hash + " !" + hash[1:], "user u off resetchannels -@all"},
		{"on ~* &* +@all", "user u on ~* &* +@all"},
		{"ON ALLKEYS ALLCHANNELS ALLCOMMANDS", "user u on ~* &* +@all"},
		{"on ~* &* +@all resetkeys resetchannels nocommands", "user u on resetchannels -@all"},
		{"on nopass ~* &* +@all reset", "user u off sanitize-payload resetchannels -@all"},
		{"skip-sanitize-payload", "user u off skip-sanitize-payload resetchannels -@all"},
		{"bogus", "Syntax error"},
		{"%", "Syntax error"},
		{"<pw", string(errRulePassword)},
		{"#abc", string(errRuleHash)},
		{strings.ToUpper(hash), string(errRuleHash)},
		{"!" + hash[1:], string(errRulePassword)},
	} {
		t.Run(tt.rules, func(t *testing.T) {
			r := New().rules()
			u := r.newUser("u")
			got := ""
			for _, rule := range strings.Fields(tt.rules) {
				if err := r.apply(u, rule); err != nil {
					got = err.Error()
				}
			}
			if got == "" {
				got = u.describe(r.commands)
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestUserAdmits(t *testing.T) {
	r := New().rules()
	with := func(rules ...string) *user {
		u := r.newUser("u")
		for _, rule := range rules {
			if err := r.apply(u, rule); err != nil {
				t.Fatal(err)
			}
		}
		return u
	}
	for _, tt := range []struct {
		name     string
		user     *user
		password string
		want     bool
	}{
		{"nobody", nil, "", false},
		{"nobody's hash", nil, "\x00", false},
		{"one of two", with("on", ">a", ">b"), "b", true},
		{"wrong", with("on", ">a", ">b"), "c", false},
		{"off", with(">a"), "a", false},
		{"nopass", with("on", "nopass"), "x", true},
		{"nopass, off", with("nopass"), "x", false},
		{"no password", with("on"), "", false},
		{"empty password", with("on", ">"), "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.user.admits(tt.password); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// What the categories of rules reach, and how sets of commands are told again.
func TestCommandRules(t *testing.T) {
	for _, category := range aclCategoryNames {
		for _, rules := range []string{"+@all -@" + category, "-@all +@" + category} {
			if got := commandRulesOf(t, rules); got != rules {
				t.Errorf("%s reads %s", rules, got)
			}
		}
	}
	for _, tt := range []struct{ rules, want string }{
		{"+@all -client +client|id", "+@all -client +client|id"},
		{"+config -config|set", "-@all +config -config|set"},
		{"+@all -memory|usage +memory", "+@all"},
		{"+select|0 +SELECT|0 +select|1", "-@all +select|0 +select|1"},
		{"+select|0 +select", "-@all +select"},
		{"+select|0 -@connection", "-@all"},
		{"+eval +function|load", "-@all +eval +function|load"},
		{"+@all -set", "+@all -set"},
	} {
		if got := commandRulesOf(t, tt.rules); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.rules, got, tt.want)
		}
	}
}

func commandRulesOf(t *testing.T, rules string) string {
	t.Helper()
	r := New().rules()
	s := r.newSelector()
	for rule := range strings.FieldsSeq(rules) {
		if err := r.change(s, rule); err != nil {
			t.Fatalf("%s: %v", rule, err)
		}
	}
	return strings.Join(s.commandRules(r.commands), " ")
}

func TestCommandSetHasRoom(t *testing.T) {
	if n := len(newCommandTable().acl.byName); n >= futureCommands {
		t.Errorf("%d commands, and room for %d", n, futureCommands)
	}
}

// The documentation tells which commands are later ones, and so may be named here only.
func TestLaterCommands(t *testing.T) {
	for name, cmd := range newCommandTable().acl.byName {
		since := cmd.doc().since
		if later := since > "7.0.15" && since[0] != '-'; later != slices.Contains(laterCommands, name) {
			t.Errorf("%s is there since %s; listed: %v", name, since, !later)
		}
	}
}

// A client that was blocked when it lost a right is not served by it.
func TestBlockedLosesRight(t *testing.T) {
	kv := New()
	defer kv.Close()
	kv.mu.Lock()
	defer kv.mu.Unlock()
	clients := enterClients(kv, 2)
	if err := kv.changeUser("u", []string{"on", "+@all", "~*"}); err != nil {
		t.Fatal(err)
	}
	clients[0].user = kv.users["u"]
	kv.run(clients[0], "BLPOP", "q", "0")
	if err := kv.changeUser("u", []string{"-blpop"}); err != nil {
		t.Fatal(err)
	}
	kv.run(clients[1], "RPUSH", "q", "x")
	if got := string(clients[0].reply.Buf); got != "-NOPERM this user has no permissions to run the 'blpop' command\r\n" {
		t.Errorf("got %q", got)
	}
	if got := kv.run(clients[1], "LLEN", "q"); got != ":1\r\n" {
		t.Errorf("the list has %q", got)
	}
}

// BenchmarkPermit is what a command costs by its user.
func BenchmarkPermit(b *testing.B) {
	kv := New()
	defer kv.Close()
	args := []string{"GET", "key:000000000042"}
	cmd := kv.commands.lookup(args)
	for _, bm := range []struct {
		name  string
		rules []string
	}{
		{"everything", []string{"on", "+@all", "~*", "&*"}},
		{"every key", []string{"on", "+@all", "-config", "~*"}},
		{"one pattern", []string{"on", "+@read", "~key:*"}},
		{"three selectors", []string{"on", "(+set ~*)", "(+@read ~x:*)", "(+@read %R~key:*)"}},
	} {
		if err := kv.changeUser("u", append([]string{"reset"}, bm.rules...)); err != nil {
			b.Fatal(err)
		}
		c := &Client{kv: kv, user: kv.users["u"]}
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := kv.permit(c, cmd, args); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

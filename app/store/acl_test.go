package store

import (
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
		{"<pw", errACLPassword},
		{"#abc", errACLHash},
		{strings.ToUpper(hash), errACLHash},
		{"!" + hash[1:], errACLPassword},
	} {
		t.Run(tt.rules, func(t *testing.T) {
			u := user{name: "u"}
			got := ""
			for _, rule := range strings.Fields(tt.rules) {
				if err := u.rule(rule); err != nil {
					got = err.Error()
				}
			}
			if got == "" {
				got = u.describe()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestUserAdmits(t *testing.T) {
	with := func(rules ...string) *user {
		u := &user{name: "u"}
		for _, rule := range rules {
			if err := u.rule(rule); err != nil {
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

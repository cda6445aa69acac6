package store

import (
	"maps"
	"reflect"
	"strings"
	"testing"
)

// quiet is a reader of rules that logs nothing.
func quiet(openChannels bool) *ruleReader {
	return &ruleReader{commands: newCommandTable().acl, openChannels: openChannels, warn: func(string, ...any) {}}
}

// sameRights reports whether two users are the same but for what is cached.
func sameRights(a, b *user) bool {
	a, b = a.clone(), b.clone()
	a.settle()
	b.settle()
	for _, u := range []*user{a, b} {
		if len(u.passwords) == 0 {
			u.passwords = nil
		}
		for _, s := range u.selectors {
			maps.DeleteFunc(s.firstArgs, func(id uint16, _ []string) bool { return s.commands.has(id) }) // any will do
			if len(s.firstArgs) == 0 {
				s.firstArgs = nil
			}
			if len(s.keys) == 0 {
				s.keys = nil
			}
			if len(s.channels) == 0 {
				s.channels = nil
			}
		}
	}
	return reflect.DeepEqual(a, b)
}

// FuzzACLRules applies arbitrary rules to a user: whatever comes of them, the
// description of it makes the same user again.
func FuzzACLRules(f *testing.F) {
	f.Add("on\n>pw\n~a*\n%R~b\n&c\n+get\n-@all\n+@read\n-config|set")
	f.Add("(+get ~x)\n(%W~\"a\\\"b\"\n+set)\n+select|0\n+debug|\"x\nclearselectors\n()")
	f.Add("+@all\n-client\n+client|id\nreset\nallkeys\nallchannels\nskip-sanitize-payload\nnopass")
	f.Add("+get\n+get|k\n+@all\n-set\n+set|x\n+@string")
	f.Add("~(a\n~a)\n(~\"b)\"\n+get)\n&'\n(~'x\"y' +@list)")
	r := quiet(false)
	f.Fuzz(func(t *testing.T, text string) {
		u := r.newUser("u")
		rules, _ := mergeSelectors(strings.Split(text, "\n"))
		for _, rule := range rules {
			if r.apply(u, rule) != nil {
				return
			}
		}
		u.settle()
		checkReread(t, r, u)
	})
}

// checkReread holds what is written of a user against what is read of that.
func checkReread(t *testing.T, r *ruleReader, u *user) {
	line := u.describe(r.commands)
	again, wrong := r.parseUsers("f", line)
	if wrong != "" {
		t.Fatalf("%q: %s", line, wrong)
	}
	got := again[u.name]
	if got == nil {
		t.Fatalf("%q has no user %q", line, u.name)
	}
	if !sameRights(u, got) {
		t.Fatalf("%q reads back as %q", line, got.describe(r.commands))
	}
}

// FuzzACLFile reads arbitrary text as an ACL file. Users that come of it are
// written so that they can be read again.
func FuzzACLFile(f *testing.F) {
	f.Add("user a on nopass ~* &* +@all\nuser b off (+get ~x)\n\n")
	f.Add("user a on\nuser a off\nuser\n#\nuser c (x\nuser d +nosuch")
	f.Add("user x\ty on\r\nuser e  on   >p +@all -@all ( ~a )")
	r := quiet(false)
	f.Fuzz(func(t *testing.T, text string) {
		users, wrong := r.parseUsers("f", text)
		if wrong != "" {
			return
		}
		for _, u := range users {
			checkReread(t, r, u)
		}
	})
}

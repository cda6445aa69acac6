package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Users of configuration files and of ACL files: whether a server starts with them, what
// it says if not, what comes of them, and what is written of them again. Each case is
// tried with redis-server as well, and has to go the same way.

// An aclStart is a start with files, and commands for the server if it runs.
type aclStart struct {
	name  string
	conf  string
	users string // of users.acl, which is there when this is not empty
	flags string
	lines []string // LINE to send; "write TEXT" replaces users.acl, "rmdir" takes its folder away
}

const (
	hashA = "#ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
	look  = "ACL LIST"
	keep  = "CONFIG REWRITE"
	again = "restart"
)

var aclStarts = []aclStart{
	{name: "no users", lines: []string{look, keep}},
	{name: "users", conf: "user a on >a ~x* &c +get\nuser b off nopass\nuser c +@all -@write allkeys", lines: []string{look, keep, again, look}},
	{name: "default user", conf: "user default on >a ~* &* +@all", lines: []string{"PING", "AUTH a", look, keep, "CONFIG GET requirepass"}},
	{name: "default user off", conf: "user default off\nuser boss on nopass +@all ~* &*", lines: []string{"PING", "AUTH x", "AUTH default x", "AUTH boss x", look, keep}},
	{name: "default user, few rules", conf: "user default on nopass +acl +config|rewrite", lines: []string{"PING", look, keep}},
	{name: "requirepass", conf: "requirepass a", lines: []string{"PING", "AUTH a", look, keep, "CONFIG GET requirepass"}},
	{name: "requirepass before users", conf: "requirepass a\nuser u on +get", lines: []string{"PING", "AUTH a", look, keep, again, look}},
	{name: "requirepass behind default", conf: "user default on >b ~* +@all\nrequirepass a", lines: []string{"PING", "AUTH a", "AUTH b", look, keep}},
	{name: "requirepass before default", conf: "requirepass a\nuser default on >b ~* +@all", lines: []string{"PING", "AUTH a", "AUTH b", look, keep}},
	{name: "requirepass and nopass", conf: "requirepass a\nuser default on nopass ~* +@all", lines: []string{"PING", "AUTH a", look, keep}},
	{name: "requirepass, default as it was", conf: "requirepass a\nuser default on ~* +@all", lines: []string{"PING", "AUTH a"}},
	{name: "requirepass and a file", conf: "requirepass a\naclfile users.acl", users: "user u on nopass ~* +@all\n", lines: []string{"PING", "AUTH a", "AUTH u x", look, keep}},
	{name: "requirepass and a file with default", conf: "requirepass a\naclfile users.acl", users: "user default on >b ~* +@all\n", lines: []string{"PING", "AUTH a", "AUTH b", look, "ACL LOAD", look}},
	{name: "hash", conf: "user u on " + hashA + " +get", lines: []string{look, keep, again, look}},
	{name: "selectors", conf: "user u on nopass (~a* +get) (%R~b* +@read) +ping\nuser v ( +get ~x ) on", lines: []string{look, keep, again, look}},
	{name: "channels by default", conf: "acl-pubsub-default allchannels\nuser u on nopass\nuser v on resetchannels", lines: []string{look, "ACL SETUSER new", "CONFIG SET acl-pubsub-default resetchannels", "ACL SETUSER newer", look, keep, again, look}},
	{name: "channels by default, behind", conf: "user u on nopass\nacl-pubsub-default allchannels", lines: []string{look, keep}},
	{name: "length of the log", conf: "acllog-max-len 2", lines: []string{"AUTH a x", "AUTH b x", "AUTH c x", "ACL LOG", "CONFIG SET acllog-max-len 1", "AUTH d x", "ACL LOG",
		"CONFIG SET acllog-max-len 0", "AUTH e x", "ACL LOG", keep}},
	{name: "case and blanks", conf: "USER u ON NOPASS +GET ~X*\n  user   v  on   +@READ  ", lines: []string{look, keep}},
	{name: "odd names", conf: "user a|b on\nuser (a on\nuser ~x on\nuser ünicode on", lines: []string{look, keep, again, look}},
	{name: "odd patterns", conf: `user u on ~a[b-c]* ~\* '~s' "~\x01" ~# %RW~rw %W~w`, lines: []string{look, keep, again, look}},
	{name: "first argument", conf: "user u on +select|1", lines: []string{look, keep, again, look}},
	{name: "flag", flags: "--user u on nopass +get ~x --user v off", lines: []string{look}},
	{name: "changed while it runs", conf: "user u on\n# kept\nuser v on\nport 0\n", lines: []string{"ACL SETUSER u +get ~k", "ACL DELUSER v", "ACL SETUSER w on >a", keep, again, look}},
	{name: "sanitize", conf: "user u on sanitize-payload\nuser v skip-sanitize-payload", lines: []string{look, keep, again, look}},
	{name: "unknown command", conf: "user u on +nosuch"},
	{name: "unknown category", conf: "user u on +@nosuch"},
	{name: "unknown subcommand", conf: "user u on +config|nosuch"},
	{name: "wrong rule", conf: "user u on\nuser v on nonsense >secret"},
	{name: "wrong selector", conf: "user u on (+get nonsense)"},
	{name: "open selector", conf: "user u on (+get ~x"},
	{name: "closed selector", conf: "user u on +get)"},
	{name: "wrong hash", conf: "user u on #abc"},
	{name: "password to remove", conf: "user u <x"},
	{name: "blank in a name", conf: "user \"a b\" on"},
	{name: "pattern behind all", conf: "user u ~* ~x"},
	{name: "channel behind all", conf: "user u &* &x"},
	{name: "twice", conf: "user u on\nuser u off"},
	{name: "no name", conf: "user"},
	{name: "file and users", conf: "aclfile users.acl\nuser u on", users: "user v on\n"},
	{name: "no file", conf: "aclfile users.acl"},
	{name: "file", conf: "aclfile users.acl", users: "\n  user u on >a ~x* +get  \r\n\nuser default on nopass ~* &* +@all\nuser off -@all\n",
		lines: []string{look, "ACL SAVE", "ACL SETUSER w on", "ACL LOAD", look, "ACL SETUSER u reset", "ACL SAVE", keep, "CONFIG SET aclfile x"}},
	{name: "file loaded again", conf: "aclfile users.acl", users: "user u on ~x\nuser v on\n", lines: []string{
		"write user u on ~y\nuser w on +get", "ACL LOAD", look,
		"write user u on ~z\nuser nosense +nosuch\nnonsense\nuser\nuser u on\nuser x >a nonsense", "ACL LOAD", look,
		"write user u on ~z\nuser p nonsense >a\nuser q +nosuch +nosuch2 nonsense #x", "ACL LOAD", look,
		"write user u on ( ~z +get ) +ping\nuser u\tx on", "ACL LOAD", look,
		"write", "ACL LOAD", look, "ACL SAVE",
		"write user default off\nuser boss on nopass +@all", "ACL LOAD", "PING",
	}},
	{name: "file that cannot be written", conf: "aclfile sub/users.acl", lines: []string{"ACL SETUSER u on", "rmdir", "ACL SAVE", "ACL LOAD", look}},
	{name: "no such file or folder", conf: "aclfile nosuch/users.acl"},
	{name: "no user in a file", conf: "aclfile users.acl", users: "user u on\nnonsense\n"},
	{name: "wrong rule in a file", conf: "aclfile users.acl", users: "user u on >secret nonsense\n"},
	{name: "unknown command in a file", conf: "aclfile users.acl", users: "user u on >secret +nosuch +nosuch2\nuser v +@nosuch"},
	{name: "twice in a file", conf: "aclfile users.acl", users: "user u on\nuser u off\n"},
	{name: "wrong selector in a file", conf: "aclfile users.acl", users: "user u on (+get nonsense)\nuser v on (+nosuch)"},
}

func TestACLStart(t *testing.T) {
	redis, ours := redisPath(t), serverPath(t)
	for _, tt := range aclStarts {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, want := tt.run(t, ours), tt.run(t, redis)
			if got != want {
				t.Errorf("%s\n%s\ngot:\n%s\nwant:\n%s", tt.conf, tt.users, got, want)
			}
		})
	}
}

// Quotes survive CONFIG REWRITE, within selectors and without. redis-server writes them
// as they are and does not start again.
func TestACLQuotesAreKept(t *testing.T) {
	if os.Getenv(envServer) != "" {
		t.Skip("another server loses them")
	}
	rules := []string{`~a"b`, `~'`, `&"`, `("~c\"d" +get)`}
	tt := aclStart{conf: "user u on", lines: []string{strings.Join(append([]string{"ACL SETUSER u"}, rules...), " "),
		`ACL SETUSER q"q on`, keep, again, "ACL DRYRUN u GET cd", `ACL DRYRUN u GET c"d`, `ACL DRYRUN u PUBLISH " x`, "ACL USERS"}}
	got := tt.run(t, serverPath(t))
	for _, want := range []string{"access the 'cd' key", "> ACL DRYRUN u GET c\"d\n+OK", "3) \"u\""} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

// An aclTranscript is what a program does with a case.
type aclTranscript struct {
	strings.Builder
	t    testing.TB
	path string
	dir  string
}

// run starts a program in a folder of its own and tells what came of it.
func (tt *aclStart) run(t *testing.T, path string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	out := &aclTranscript{t: t, path: path, dir: dir}
	out.write("redis.conf", "save \"\"\n"+tt.conf+"\n")
	if tt.users != "" {
		out.write("users.acl", tt.users)
	}
	if strings.Contains(tt.conf, " sub/") {
		if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
			t.Fatal(err)
		}
		out.write("sub/users.acl", "user u on\n")
	}
	out.talk(tt)
	for _, name := range []string{"redis.conf", "users.acl"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			out.file(name, string(text))
		}
	}
	return strings.ReplaceAll(out.String(), dir, "{dir}")
}

func (out *aclTranscript) write(name, text string) {
	if err := os.WriteFile(filepath.Join(out.dir, name), []byte(text), 0o644); err != nil {
		out.t.Fatal(err)
	}
}

// start starts the program, and tells what it says. Without a server it has ended.
func (out *aclTranscript) start(flags []string) *server {
	s, err := launchWith(out.path, out.dir, func(port string) []string {
		return append([]string{filepath.Join(out.dir, "redis.conf"), "--port", port, "--dir", out.dir}, flags...)
	})
	if err != nil {
		out.log(err.Error())
		return nil
	}
	out.t.Cleanup(s.kill)
	out.log(s.logTail())
	return s
}

// talk sends the lines and tells the answers.
func (out *aclTranscript) talk(tt *aclStart) {
	s := out.start(strings.Fields(tt.flags))
	if s == nil {
		return
	}
	c := s.client(out.t)
	for _, line := range tt.lines {
		if text, ok := strings.CutPrefix(line, "write"); ok {
			out.write("users.acl", strings.TrimPrefix(text, " "))
			continue
		}
		switch line {
		case "rmdir":
			if err := os.RemoveAll(filepath.Join(out.dir, "sub")); err != nil {
				out.t.Fatal(err)
			}
			continue
		case again:
			s.kill()
			if s = out.start(nil); s == nil {
				return
			}
			c = s.client(out.t)
			continue
		}
		v := c.do(strings.Fields(line)...).maskAfter([]string{"age-seconds", "client-info"}).sortedRules()
		fmt.Fprintf(out, "> %s\n%s\n", line, v)
	}
}

var (
	logLine    = regexp.MustCompile(`(?m)^\d+:[MCS] .*?([#*]) (.*)$`)
	aclInLog   = regexp.MustCompile(`(?i)acl|user|rule|FATAL|>>>|config file|exit status`)
	aclInFiles = regexp.MustCompile(`^(user|requirepass|acl)`)
)

// log keeps of a log what is about users.
func (out *aclTranscript) log(text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		parts := logLine.FindStringSubmatch(line)
		switch {
		case parts != nil && aclInLog.MatchString(parts[2]):
			fmt.Fprintf(out, "log: %s %s\n", parts[1], parts[2])
		case parts == nil && aclInLog.MatchString(line):
			fmt.Fprintf(out, "log: %s\n", line)
		}
	}
}

// file keeps of a file what is about users.
func (out *aclTranscript) file(name, text string) {
	for line := range strings.Lines(text) {
		if aclInFiles.MatchString(strings.ToLower(line)) {
			fmt.Fprintf(out, "%s: %s\n", name, reply{text: strings.TrimSuffix(line, "\n")}.sortedRules().text)
		}
	}
}

package tests

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// Nothing gets round ACL. Each command and subcommand is tried by a user who may do
// everything else, in every form that a client can send it; each of its keys and
// channels by a user who lacks just that one, or may only do the other thing with it.
// Every try must be refused, and be in the log with its reason. Then a user tries who
// may do nothing but this: were it refused as well, the refusals would prove nothing.
//
// The same is said to redis-server, if there is one, and every answer compared.

// aclExempt are the commands that nobody can be refused, and those that nobody can be
// granted as the server is started.
var aclExempt = map[string]bool{
	"auth": true, "hello": true, "quit": true, "reset": true,
	"module|load": true, "module|loadex": true, "module|unload": true,
}

// aclRenamed are the commands that go by another name. Rules and refusals keep to the
// names they were born with.
var aclRenamed = map[string]string{"get": "fetch", "config": "konfig", "sort": "arrange", "publish": "tell", "subscribe": "listen"}

const (
	noKeys     = "NOPERM this user has no permissions to access one of the keys used as arguments"
	noChannels = "NOPERM this user has no permissions to access one of the channels used as arguments"
	noLonger   = "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. " +
		"This command is no longer allowed for the following reason: "
)

func noCommand(full string) string {
	return fmt.Sprintf("NOPERM this user has no permissions to run the '%s' command", full)
}

// An aclTrial is a line of acl_commands.txt: a command with arguments.
type aclTrial struct {
	full     string // the command's name, with its container's
	args     []string
	refused  bool // only to be tried by who may not
	compared bool // redis-server has the command as well, and refuses it
}

// uses are the places of the arguments with one of these marks.
func (t *aclTrial) uses(marks ...string) (places []int) {
	for i, arg := range t.args {
		if mark, _, ok := strings.Cut(arg, ":"); ok && slices.Contains(marks, mark) {
			places = append(places, i)
		}
	}
	return places
}

func (t *aclTrial) keys() []int     { return t.uses("r", "w", "rw", "n") }
func (t *aclTrial) channels() []int { return t.uses("c", "p") }

// rightsTo is the rule that permits what the command does with a key or channel.
func rightsTo(arg string) string {
	switch mark, _, _ := strings.Cut(arg, ":"); mark {
	case "r":
		return "%R~" + arg
	case "w":
		return "%W~" + arg
	case "rw", "n":
		return "~" + arg
	}
	return "&" + arg
}

// lesserRights are the rules that permit everything with a key but what the command does.
func lesserRights(arg string) []string {
	switch mark, _, _ := strings.Cut(arg, ":"); mark {
	case "r":
		return []string{"%W~" + arg}
	case "w":
		return []string{"%R~" + arg}
	case "rw":
		return []string{"%R~" + arg, "%W~" + arg}
	case "c":
		return []string{"&" + arg + "?"}
	case "p":
		return []string{"&p:?*", "&p:[ab]"} // that they fit the pattern does not count
	}
	return []string{"~" + arg + "?"}
}

// refusedCommand tries the command as a user who may do everything else.
func (p *aclServers) refusedCommand(trial *aclTrial) {
	p.t.Helper()
	p.permit("~*", "&*", "+@all", "-"+trial.full)
	mixed, lower := slices.Clone(trial.args), slices.Clone(trial.args)
	for i := range strings.Count(trial.full, "|") + 1 {
		mixed[i] = strings.ToUpper(mixed[i][:1]) + strings.ToLower(mixed[i][1:])
		lower[i] = strings.ToLower(lower[i])
	}
	requests := [][]byte{request(trial.args...), request(mixed...), request(lower...), inline(trial.args)}
	contexts := map[string]int{"toplevel": len(requests)}
	refusal := noCommand(trial.full)
	for i, v := range p.both(p.user, trial.compared, requests...) {
		if strings.TrimPrefix(v.text, "EXECABORT Transaction discarded because of: ") != refusal {
			p.t.Errorf("%q: %s", requests[i], v)
		}
	}
	if trial.full != "multi" {
		v := p.both(p.user, trial.compared, request("MULTI"), request(trial.args...), request("EXEC"))
		if got := v[1].text; strings.HasSuffix(got, refusal) {
			contexts["multi"] = 1
		} else if got != "ERR Command not allowed inside a transaction" {
			p.t.Errorf("%q in MULTI: %s", trial.args, v[1])
		}
		if !strings.HasPrefix(v[2].text, "EXECABORT") {
			p.t.Errorf("EXEC behind %q: %s", trial.args, v[2])
		}
		if trial.full == "exec" {
			contexts["toplevel"]++
		}
	}
	p.logged(trial, "command", trial.full, contexts)
	for i, admin := range p.admin {
		rules := strings.Fields("ACL SETUSER limited reset on nopass ~* &* -@all")
		for name := range p.names[i] {
			if name != trial.full {
				rules = append(rules, "+"+name)
			}
		}
		if v := admin.do(rules...); v.text != "OK" {
			p.t.Fatal(v)
		}
	}
	if v := p.both(p.user, trial.compared, request(trial.args...))[0]; !strings.HasSuffix(v.text, refusal) {
		p.t.Errorf("%q of a user with all others: %s", trial.args, v)
	}
}

// revoked queues the command and takes the right away from it before EXEC.
func (p *aclServers) revoked(trial *aclTrial, reason string, rules ...string) {
	p.t.Helper()
	p.permit("~*", "&*", "+@all")
	if v := p.both(p.user, trial.compared, request("MULTI"), request(trial.args...))[1]; v.text != "QUEUED" {
		p.both(p.user, trial.compared, request("DISCARD"))
		return
	}
	p.both(p.admin, false, request(append([]string{"ACL", "SETUSER", "limited"}, rules...)...))
	v := p.both(p.user, trial.compared, request("EXEC"))[0]
	if len(v.elems) != 1 || v.elems[0].text != noLonger+reason {
		p.t.Errorf("%q, revoked before EXEC: %s", trial.args, v)
	}
}

// refusedArgument tries the command as a user who may do all but what it does with the
// key or channel at one place.
func (p *aclServers) refusedArgument(trial *aclTrial, at int, reason, refusal string) {
	p.t.Helper()
	arg := trial.args[at]
	var rest []string
	for _, i := range append(trial.keys(), trial.channels()...) {
		if i != at {
			rest = append(rest, rightsTo(trial.args[i]))
		}
	}
	requests := [][]byte{request(trial.args...), inline(trial.args), request("MULTI"), request(trial.args...), request("EXEC")}
	for _, lesser := range lesserRights(arg) {
		p.permit(append(rest, "+@all", lesser)...)
		v := p.both(p.user, trial.compared, requests...)
		contexts := map[string]int{"toplevel": 2, "multi": 1}
		if v[3].text == "ERR Command not allowed inside a transaction" {
			delete(contexts, "multi")
			v[3].text = refusal
		}
		for _, i := range []int{0, 1, 3} {
			if v[i].text != refusal {
				p.t.Errorf("%q with %s: %s", requests[i], lesser, v[i])
			}
		}
		p.logged(trial, reason, arg, contexts)
	}
	// No selector has all that it takes.
	for _, rules := range [][]string{
		append(rest, "-@all", "+"+trial.full, "(+@all "+rightsTo(arg)+"?)"),
		append(rest, "-@all", "+"+trial.full, "(~* &* +@all -"+trial.full+")"),
		{"-@all", "(~* &*)", "(" + strings.Join(rest, " ") + " +" + trial.full + ")"},
	} {
		p.permit(rules...)
		if v := p.both(p.user, trial.compared, request(trial.args...))[0]; v.text != refusal {
			p.t.Errorf("%q with %q: %s", trial.args, rules, v)
		}
		dryrun := append([]string{"ACL", "DRYRUN", "limited"}, trial.args...)
		if v := p.both(p.admin, trial.compared, request(dryrun...))[0]; v.kind != '$' || !strings.HasPrefix(v.text, "This user has no permissions to access the '") {
			p.t.Errorf("%q with %q: %s", dryrun, rules, v)
		}
	}
}

// permitted tries the command as a user who may do just this, by its root or by a
// selector.
func (p *aclServers) permitted(trial *aclTrial) {
	p.t.Helper()
	rules := []string{"+" + trial.full}
	for _, i := range append(trial.keys(), trial.channels()...) {
		rules = append(rules, rightsTo(trial.args[i]))
	}
	for _, rules := range [][]string{rules, {"(" + strings.Join(rules, " ") + ")"}} {
		p.permit(rules...)
		p.both(p.admin, trial.compared, request(append([]string{"ACL", "DRYRUN", "limited"}, trial.args...)...))
		if trial.refused {
			continue
		}
		if v := p.both(p.user, false, request(trial.args...))[0]; strings.HasPrefix(v.text, "NOPERM") {
			p.t.Errorf("%q with %q: %s", trial.args, rules, v)
		}
		p.logged(trial, "", "", nil)
	}
}

// aclTrials reads the table and makes up what it lacks.
func aclTrials(t testing.TB, p *aclServers) []aclTrial {
	t.Helper()
	text, err := os.ReadFile("testdata/acl_commands.txt")
	if err != nil {
		t.Fatal(err)
	}
	var trials []aclTrial
	tried := make(map[string]bool)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		line, refused := strings.CutPrefix(line, "!")
		line, stricter := strings.CutPrefix(line, "~")
		args, err := splitLine(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		trial := aclTrial{full: strings.ToLower(args[0]), args: args, refused: refused, compared: !stricter}
		if len(args) > 1 && p.names[0][trial.full+"|"+strings.ToLower(args[1])] {
			trial.full += "|" + strings.ToLower(args[1])
		}
		tried[trial.full] = true
		if stricter && os.Getenv(envServer) != "" {
			continue
		}
		if p.names[0][trial.full] { // else it is one of scripting, or not one of this server
			trials = append(trials, trial)
		}
	}
	for _, cmd := range commandsOf(p.admin[0]) {
		if tried[cmd.full] || aclExempt[cmd.full] {
			continue
		}
		if keys := p.admin[0].do("COMMAND", "INFO", cmd.full).elems[0].elems[8].elems; len(keys) > 0 {
			t.Errorf("no line of acl_commands.txt tries %s", cmd.full)
		}
		trials = append(trials, aclTrial{full: cmd.full, args: cmd.args, refused: true, compared: true})
	}
	for i := range trials {
		trial := &trials[i]
		trial.compared = trial.compared && (len(p.names) == 1 || p.names[1][trial.full])
		if name := aclRenamed[strings.ToLower(trial.args[0])]; name != "" {
			trial.args[0] = name
		}
	}
	return trials
}

// unauthenticated tries the commands without having said who it is.
func (p *aclServers) unauthenticated(trials []aclTrial, strangers []*client) {
	p.t.Helper()
	for _, trial := range trials {
		if len(trial.args) > 10 {
			continue // who has not said it may not send more
		}
		for _, v := range p.both(strangers, trial.compared, request(trial.args...), inline(trial.args)) {
			if !strings.HasSuffix(v.text, "NOAUTH Authentication required.") {
				p.t.Errorf("%q: %s", trial.args, v)
			}
		}
	}
}

// aclShards is how many share the commands. Each waits for its servers most of the time.
const aclShards = 3

func TestACLEveryCommand(t *testing.T) {
	var tried, arguments atomic.Int64
	t.Run("shards", func(t *testing.T) {
		for shard := range aclShards {
			t.Run(strconv.Itoa(shard), func(t *testing.T) {
				t.Parallel()
				for _, trial := range tryEveryCommand(t, shard) {
					tried.Add(1)
					arguments.Add(int64(len(trial.keys()) + len(trial.channels())))
				}
			})
		}
	})
	if tried.Load() < 300 || arguments.Load() < 200 {
		t.Errorf("only %d commands and %d arguments were tried", tried.Load(), arguments.Load())
	}
}

// tryEveryCommand tries the commands of a shard, and returns them.
func tryEveryCommand(t *testing.T, shard int) (trials []aclTrial) {
	flags := []string{"--enable-debug-command", "yes"}
	for name, other := range aclRenamed {
		flags = append(flags, "--rename-command", name, other)
	}
	p, servers := startACL(t, flags...)
	for i, trial := range aclTrials(t, p) {
		if i%aclShards == shard {
			trials = append(trials, trial)
		}
	}
	p.admin[0].ok("SET kept 1")
	digest := p.admin[0].do("DEBUG", "DIGEST-VALUE", "kept").String()
	for i := range trials {
		trial := &trials[i]
		p.refusedCommand(trial)
		p.revoked(trial, "no permission to execute the command or subcommand", "-"+trial.full)
		for _, at := range trial.keys() {
			p.refusedArgument(trial, at, "key", noKeys)
		}
		for _, at := range trial.channels() {
			p.refusedArgument(trial, at, "channel", noChannels)
		}
		if len(trial.keys()) > 0 {
			p.revoked(trial, "no permission to touch the specified keys", "resetkeys")
		}
		if len(trial.channels()) > 0 {
			p.revoked(trial, "no permission to access one of the channels used as arguments", "resetchannels")
		}
		p.permitted(trial)
	}
	var strangers []*client
	for i, s := range servers {
		p.admin[i].ok("ACL SETUSER default off")
		strangers = append(strangers, s.client(t))
	}
	p.unauthenticated(trials, strangers)
	if got := p.admin[0].do("DEBUG", "DIGEST-VALUE", "kept").String(); got != digest {
		t.Error("the data has changed")
	}
	return trials
}

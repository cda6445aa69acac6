package store

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/codecrafters-io/redis-starter-go/app/config"
)

// Where users come from and go to: ACL SETUSER, the user lines of a configuration
// file, and the file that aclfile names. Either all rules of a change take effect
// or none. Clients follow: who acts as a user that is gone, or listens to what its
// user may not any more, is sent away.

// rules is the reader of rules as the configuration stands.
func (kv *KVStore) rules() *ruleReader {
	return &ruleReader{
		commands:     kv.commands.acl,
		openChannels: kv.config.Str("acl-pubsub-default") == "allchannels",
		warn:         func(format string, args ...any) { kv.log(logWarning, format, args...) },
	}
}

func (kv *KVStore) userNames() []string { return slices.Sorted(maps.Keys(kv.users)) }

// mergeSelectors joins the rules that were blanks within one pair of parentheses.
// When a parenthesis is not closed it returns the place of the rule that opens it,
// otherwise -1.
func mergeSelectors(rules []string) (merged []string, unmatched int) {
	unmatched = -1
	selector := ""
	for i, rule := range rules {
		ends := strings.HasSuffix(rule, ")")
		switch {
		case strings.HasPrefix(rule, "(") && !ends:
			selector, unmatched = rule, i
		case unmatched < 0:
			merged = append(merged, rule)
		default:
			if selector += " " + rule; ends {
				merged = append(merged, selector)
				unmatched = -1
			}
		}
	}
	return merged, unmatched
}

// changeUser applies rules to a user, which is made when there is none.
func (kv *KVStore) changeUser(name string, rules []string) error {
	merged, unmatched := mergeSelectors(rules)
	if unmatched >= 0 {
		return errf("ERR Unmatched parenthesis in acl selector starting at '%s'.", cString(rules[unmatched]))
	}
	r := kv.rules()
	u := kv.users[name]
	var changed *user
	if u == nil {
		changed = r.newUser(strings.Clone(name))
	} else {
		changed = u.clone()
	}
	for _, rule := range merged {
		if err := r.apply(changed, rule); err != nil {
			return errf("ERR Error in ACL SETUSER modifier '%s': %s", cString(rule), err)
		}
	}
	changed.settle()
	if u == nil {
		kv.users[changed.name] = changed
		return nil
	}
	kv.dismissListeners(u, changed)
	*u = *changed
	return nil
}

// deleteUser deletes a user, and reports whether there was one.
func (kv *KVStore) deleteUser(name string) bool {
	u := kv.users[name]
	if u == nil {
		return false
	}
	delete(kv.users, name)
	kv.dismissUsers(func(other *user) bool { return other == u })
	return true
}

// dismissUsers sends the clients away that act as users which are gone. Whatever
// becomes of them, they have no rights of these any more.
func (kv *KVStore) dismissUsers(gone func(u *user) bool) {
	for _, c := range kv.roster {
		if c.user == nil || !gone(c.user) {
			continue
		}
		kv.setUser(c, kv.defaultUser)
		c.authenticated = false
		if c == kv.client {
			c.closeAfterReply, c.endBatch = true, true
		} else {
			c.kill()
		}
	}
}

// dismissListeners sends the clients away that listen to what their user is about
// to lose, changed being what it will be.
func (kv *KVStore) dismissListeners(u, changed *user) {
	may := selector{}
	for _, s := range changed.selectors {
		if s.allChannels {
			return
		}
		may.channels = append(may.channels, s.channels...)
	}
	if !slices.ContainsFunc(u.selectors, func(s *selector) bool { return s.allChannels || len(s.channels) > 0 }) {
		return
	}
	for _, c := range kv.roster {
		if c.user != u {
			continue
		}
		for t := range c.subs.places {
			if !may.permitsChannel(t.name, t.kind == patternTopic) {
				c.kill()
				break
			}
		}
	}
}

// checkUserLine validates a user line of a configuration file: "user", a name
// and rules. It names the first word that is wrong. The position is the one
// Redis reports, which counts the rules alone. Unknown commands pass here.
func (kv *KVStore) checkUserLine(words []string) (position int, reason string) {
	r := kv.rules()
	rules, unmatched := mergeSelectors(words[2:])
	if unmatched >= 0 {
		return unmatched, string(errRuleUnknown) // as Redis has it
	}
	scratch := r.newUser("")
	for i, rule := range rules {
		if err := r.apply(scratch, rule); err != nil && !errors.Is(err, errRuleUnknown) {
			return i, err.Error()
		}
	}
	return 0, ""
}

// loadUsers sets up the users that the configuration names. requirepass is the
// default user's password unless a line says more of that user.
func (kv *KVStore) loadUsers() error {
	kv.requirePass(kv.config.Str("requirepass"))
	lines, file := kv.config.Users(), kv.config.Str("aclfile")
	if file != "" && len(lines) > 0 {
		return errors.New("Configuring Redis with users defined in redis.conf and at " +
			"the same setting an ACL file path is invalid. This setup " +
			"is very likely to lead to configuration errors and security " +
			"holes, please define either an ACL file or declare users " +
			"directly in your redis.conf, but not both.")
	}
	for _, line := range lines {
		if !kv.loadUserLine(line[0], line[1:]) {
			return errors.New("Critical error while loading ACLs. Exiting.")
		}
	}
	if file != "" {
		if wrong := kv.loadACLFile(file); wrong != "" {
			return fmt.Errorf("Aborting Redis startup because of ACL errors: %s", wrong)
		}
	}
	return nil
}

// loadUserLine makes the user of one line. When it cannot, the log says why.
func (kv *KVStore) loadUserLine(name string, rules []string) bool {
	if hasSpaces(name) {
		kv.log(logWarning, "Spaces not allowed in ACL usernames")
		return false
	}
	r := kv.rules()
	u := kv.users[name]
	if u == nil {
		u = r.newUser(name)
		kv.users[name] = u
	} else if err := r.apply(u, "reset"); err != nil { // the default user
		return false
	}
	merged, _ := mergeSelectors(rules)
	for _, rule := range merged {
		if err := r.apply(u, rule); err != nil {
			kv.log(logWarning, "Error loading ACL rule '%s' for the user named '%s': %s", rule, name, err)
			return false
		}
	}
	u.settle()
	if !u.enabled {
		kv.log(logNotice, "The user '%s' is disabled (there is no 'on' modifier in the user description). "+
			"Make sure this is not a configuration error.", name)
	}
	return true
}

// userLines are the users as CONFIG REWRITE writes them. Words that the reader of
// a configuration file would take for quoted ones are quoted as a whole.
func (kv *KVStore) userLines() []string {
	lines := make([]string, 0, len(kv.users))
	for _, name := range kv.userNames() {
		words := strings.Split(kv.users[name].describe(kv.commands.acl), " ")[1:]
		for i, word := range words {
			if strings.ContainsAny(word, `"'`) {
				words[i] = config.Quote(word)
			}
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return lines
}

// parseUsers reads the text of an ACL file. Every line that is wrong is told of;
// then the users are of no use.
func (r *ruleReader) parseUsers(name, text string) (users map[string]*user, wrong string) {
	users = make(map[string]*user)
	var all strings.Builder
	for i, line := range strings.Split(text, "\n") {
		if line = strings.Trim(cString(line), " \t\r\n"); line == "" {
			continue
		}
		words := strings.Split(line, " ")
		if words[0] != "user" || len(words) < 2 {
			fmt.Fprintf(&all, "%s:%d should start with user keyword followed by the username. ", name, i+1)
			continue
		}
		switch user := words[1]; {
		case hasSpaces(user):
			fmt.Fprintf(&all, "'%s:%d: username '%s' contains invalid characters. ", name, i+1, user)
		case users[user] != nil:
			fmt.Fprintf(&all, "WARNING: Duplicate user '%s' found on line %d. ", user, i+1)
		default:
			u := r.newUser(user)
			users[user] = u
			all.WriteString(r.applyLine(u, fmt.Sprintf("%s:%d: ", name, i+1), words[2:]))
		}
	}
	return users, all.String()
}

// applyLine applies the rules of one line and returns what is wrong with them:
// every unknown command, and the first of the other mistakes. Passwords may be
// among the words, so no others are shown.
func (r *ruleReader) applyLine(u *user, where string, rules []string) string {
	merged, unmatched := mergeSelectors(rules)
	if unmatched >= 0 {
		return where + "Unmatched parenthesis in selector definition."
	}
	wrong, told := "", false
	for _, rule := range merged {
		rule = strings.Trim(rule, "\t\r\n")
		switch err := r.apply(u, rule); {
		case err == nil:
		case errors.Is(err, errRuleUnknown):
			wrong += fmt.Sprintf("%sError in applying operation '%s': %s. ", where, rule, err)
		case !told:
			wrong, told = wrong+where+err.Error()+". ", true
		}
	}
	u.settle()
	return wrong
}

// loadACLFile puts the users of the ACL file into the place of those there are. It
// returns what is wrong; then nothing has changed. The default user, whom many
// point at, stays and takes over what the file says of it, or becomes again what
// it was at first. All others are new, even if they go by an old name, and clients
// of the old ones are sent away.
func (kv *KVStore) loadACLFile(name string) (wrong string) {
	text, err := os.ReadFile(kv.config.Path(name))
	if err != nil {
		if cause := errors.Unwrap(err); cause != nil {
			err = cause
		}
		return fmt.Sprintf("Error loading ACLs, opening file '%s': %s", name, systemText(err))
	}
	users, wrong := kv.rules().parseUsers(name, string(text))
	if wrong != "" {
		return wrong + "WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
	}
	u := users["default"]
	if u == nil {
		u = newDefaultUser()
	}
	*kv.defaultUser = *u
	users["default"] = kv.defaultUser
	kv.users = users
	kv.dismissUsers(func(u *user) bool { return u != kv.defaultUser })
	return ""
}

// saveACLFile writes the users to the ACL file, in one step. When it cannot, the
// log says why. A file that is there keeps its permissions.
func (kv *KVStore) saveACLFile(name string) bool {
	var text strings.Builder
	for _, name := range kv.userNames() {
		text.WriteString(kv.users[name].describe(kv.commands.acl))
		text.WriteByte('\n')
	}
	path := kv.config.Path(name)
	mode := os.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	temp := fmt.Sprintf("%s.tmp-%d-%d", path, os.Getpid(), kv.nowMs)
	doing := "Opening temp ACL file"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err == nil {
		doing = "Writing ACL file"
		_, err = f.WriteString(text.String())
		err = errors.Join(err, f.Close())
		if err == nil {
			doing = "Renaming ACL file"
			err = os.Rename(temp, path)
		}
	}
	if err != nil {
		os.Remove(temp)
		kv.log(logWarning, "%s for ACL SAVE: %s", doing, systemText(err))
	}
	return err == nil
}

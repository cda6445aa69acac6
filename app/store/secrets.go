package store

import (
	"slices"
	"strings"
)

// Secrets: arguments that nobody may see but the command they are for. MONITOR,
// the slow log and the report of a crash show "(redacted)" in their place.

// A secretFinder names the arguments of a command that are secrets, by their
// place. It sees what a client sent: anything, that is.
type secretFinder func(kv *KVStore, args []string, secret func(i int))

// secretFinders are the commands that have secrets, by their full name.
var secretFinders = map[string]secretFinder{
	"acl|setuser": allFrom(2),
	"auth":        allFrom(1),
	"config|set":  (*KVStore).configSecrets,
	"hello":       helloSecrets,
	"migrate":     migrateSecrets,
}

const redacted = "(redacted)"

// withoutSecrets returns the arguments of a command as others may see them. They
// are those of the client when there is no secret among them.
func (kv *KVStore) withoutSecrets(cmd *command, args []string) []string {
	find := cmd.secrets
	if find == nil {
		return args
	}
	shown := args
	find(kv, args, func(i int) {
		if &shown[0] == &args[0] {
			shown = slices.Clone(args)
		}
		shown[i] = redacted
	})
	return shown
}

// allFrom finds all arguments from one on.
func allFrom(first int) secretFinder {
	return func(_ *KVStore, args []string, secret func(int)) {
		for i := first; i < len(args); i++ {
			secret(i)
		}
	}
}

// configSecrets finds the values of directives that are secrets.
func (kv *KVStore) configSecrets(args []string, secret func(int)) {
	for i := 3; i < len(args); i += 2 {
		if kv.sensitive(args[i-1]) {
			secret(i)
		}
	}
}

// sensitive reports whether the value of a directive is a secret. Redis does not count
// the passwords of keys among these.
func (kv *KVStore) sensitive(name string) bool {
	return kv.config.Sensitive(name) || is(name, "tls-key-file-pass") || is(name, "tls-client-key-file-pass")
}

// helloSecrets finds the user name and the password.
func helloSecrets(_ *KVStore, args []string, secret func(int)) {
	for i := 2; i < len(args); i++ {
		switch more := len(args) - i - 1; {
		case is(args[i], "auth"):
			for j := 1; j <= min(more, 2); j++ {
				secret(i + j)
			}
			i += 2
		case is(args[i], "setname"):
			i++
		}
	}
}

// migrateSecrets finds what follows AUTH and AUTH2.
func migrateSecrets(_ *KVStore, args []string, secret func(int)) {
	for i := 6; i < len(args); i++ {
		n := 0
		switch {
		case is(args[i], "auth"):
			n = 1
		case is(args[i], "auth2"):
			n = 2
		case is(args[i], "keys"):
			return
		}
		for ; n > 0 && i+1 < len(args); n-- {
			i++
			secret(i)
		}
	}
}

// shownInput is the start of a client's input for the log. Of input that may have a
// secret in it nothing is shown: there is no complete command to tell where.
func (kv *KVStore) shownInput(b []byte) string {
	text := strings.ToLower(string(b))
	for name, cmd := range kv.commands.byName { // as rename-command has it
		if cmd.hasSecrets() && strings.Contains(text, name) {
			return redacted
		}
	}
	return string(b)
}

// hasSecrets reports whether the command or one of its subcommands has arguments that
// are secrets.
func (cmd *command) hasSecrets() bool {
	return cmd.secrets != nil || slices.ContainsFunc(cmd.subs, func(sub command) bool { return sub.secrets != nil })
}

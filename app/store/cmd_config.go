package store

import (
	"errors"
	"fmt"
	"slices"

	"github.com/codecrafters-io/redis-starter-go/app/config"
)

// CONFIG and its subcommands. What a directive means is config's business;
// here a change is put into effect.

var configCommands = []command{
	{name: "config", arity: -2, subs: []command{
		{name: "get", arity: -3, flags: admin | noScript | loading | stale, run: (*KVStore).cmdConfigGet},
		{name: "help", arity: 2, flags: loading | stale, run: (*KVStore).cmdConfigHelp},
		{name: "resetstat", arity: 2, flags: admin | noScript | loading | stale, run: (*KVStore).cmdConfigResetstat},
		{name: "rewrite", arity: 2, flags: admin | noScript | loading | stale, run: (*KVStore).cmdConfigRewrite},
		{name: "set", arity: -4, flags: admin | noScript | loading | stale | endsBatch, run: (*KVStore).cmdConfigSet},
	}},
}

// cmdConfigHelp serves CONFIG HELP.
func (kv *KVStore) cmdConfigHelp(c *Client, args []string) error {
	c.replyHelp("CONFIG",
		"GET <pattern>",
		"    The directives that the glob-style <pattern> fits, with their values.",
		"SET <directive> <value>",
		"    Give a directive a value, from now on.",
		"RESETSTAT",
		"    Start the counters of INFO again.",
		"REWRITE",
		"    Write the values in force into the configuration file.")
	return nil
}

// cmdConfigGet serves CONFIG GET pattern [pattern ...].
func (kv *KVStore) cmdConfigGet(c *Client, args []string) error {
	pairs := kv.config.Get(args[2:]...)
	c.reply.Map(len(pairs))
	for _, p := range pairs {
		c.reply.Bulk(p.Name)
		c.reply.Bulk(p.Value)
	}
	return nil
}

// cmdConfigSet serves CONFIG SET directive value [directive value ...].
func (kv *KVStore) cmdConfigSet(c *Client, args []string) error {
	if len(args)%2 != 0 {
		return errSyntax
	}
	var pairs []config.Pair
	for i := 2; i < len(args); i += 2 {
		pairs = append(pairs, config.Pair{Name: args[i], Value: cloneArg(args[i+1])})
	}
	err := kv.config.Set(pairs, config.SetContext{Local: c.local(), Loading: kv.snapshot.loading.active}, kv.applyChanges)
	if err != nil {
		return replyError(err.Error())
	}
	c.setLimits()
	c.endBatch = true // what follows may be parsed under other limits
	c.reply.OK()
	return nil
}

// applyChanges puts changed directives into effect, or says which cannot be.
func (kv *KVStore) applyChanges(changed []string) error {
	if slices.Contains(changed, "requirepass") {
		kv.requirePass(kv.config.Str("requirepass"))
	}
	if err := kv.changeTLS(changed); err != nil {
		return err
	}
	if err := kv.moveListener(); err != nil {
		return err
	}
	if slices.Contains(changed, "maxclients") {
		wanted := kv.config.Int("maxclients")
		err := kv.fitMaxClients()
		if fit := kv.config.Int("maxclients"); err == nil && fit < wanted {
			err = fmt.Errorf("The operating system is not able to handle the specified number of clients, try with %d", fit)
		}
		if err != nil {
			return &config.ApplyError{Name: "maxclients", Reason: err.Error()}
		}
	}
	if kv.config.Int("repl-backlog-size") < backlogBytesMin {
		if err := kv.config.Assign("repl-backlog-size", formatInt(backlogBytesMin)); err != nil {
			return &config.ApplyError{Name: "repl-backlog-size", Reason: err.Error()}
		}
	}
	if err := kv.applyOOMScore(changed); err != nil {
		return err
	}
	kv.applySettings()
	if slices.Contains(changed, "maxmemory") {
		kv.applyMaxMemory()
	}
	if slices.Contains(changed, "aof-disable-auto-gc") {
		kv.removeHistory()
	}
	if err := kv.applyAppendOnly(); err != nil {
		return &config.ApplyError{Name: "appendonly", Reason: err.Error()}
	}
	return nil
}

// moveListener listens where the configuration says.
func (kv *KVStore) moveListener() error {
	if kv.listener == nil {
		return nil
	}
	err := kv.listener.rebind()
	if failed, ok := errors.AsType[*rebindError](err); ok {
		why := "Unable to listen on this port. Check server logs."
		if failed.directive == "bind" {
			why = "Failed to bind to specified addresses."
		}
		return &config.ApplyError{Name: failed.directive, Reason: why}
	}
	return err
}

// backlogBytesMin is the smallest backlog: CONFIG SET takes less, and means this.
const backlogBytesMin = 16 << 10

// cmdConfigRewrite serves CONFIG REWRITE.
func (kv *KVStore) cmdConfigRewrite(c *Client, args []string) error {
	if err := kv.config.Rewrite(); err != nil {
		if rewrite, ok := errors.AsType[config.RewriteError](err); ok {
			return replyError(rewrite)
		}
		kv.log(logWarning, "CONFIG REWRITE failed: %v", err)
		return errf("ERR Rewriting config file: %s", err)
	}
	kv.log(logWarning, "CONFIG REWRITE executed with success.")
	c.reply.OK()
	return nil
}

// cmdConfigResetstat serves CONFIG RESETSTAT.
func (kv *KVStore) cmdConfigResetstat(c *Client, args []string) error {
	kv.resetStats()
	c.reply.OK()
	return nil
}

// each visits every command and subcommand.
func (t *commandTable) each(visit func(*command)) {
	for _, cmd := range t.sorted {
		visit(cmd)
		for i := range cmd.subs {
			visit(&cmd.subs[i])
		}
	}
}

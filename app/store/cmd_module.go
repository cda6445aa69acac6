package store

// MODULE, of a server that has none and can load none: they are libraries in C.

const moduleAdmin = admin | noScript | noAsyncLoading | protected

var moduleCommands = []command{
	{name: "module", arity: -2, subs: []command{
		{name: "help", arity: 2, flags: loading | stale, run: (*KVStore).cmdModuleHelp},
		{name: "list", arity: 2, flags: admin | noScript, run: (*KVStore).cmdModuleList},
		{name: "load", arity: -3, flags: moduleAdmin, run: (*KVStore).cmdModuleLoad},
		{name: "loadex", arity: -3, flags: moduleAdmin, run: (*KVStore).cmdModuleLoadex},
		{name: "unload", arity: 3, flags: moduleAdmin, run: (*KVStore).cmdModuleUnload},
	}},
}

const (
	errModuleLoad   replyError = "ERR Error loading the extension. Please check the server logs."
	errModuleUnload replyError = "ERR Error unloading module: no such module with that name"
)

// cmdModuleHelp serves MODULE HELP.
func (kv *KVStore) cmdModuleHelp(c *Client, args []string) error {
	c.replyHelp("MODULE",
		"LIST",
		"    The modules that are loaded: none.",
		"LOAD <path> [<arg> ...]",
		"    This server cannot load modules. The log says so, too.",
		"LOADEX <path> [CONFIG <name> <value> ...] [ARGS <arg> ...]",
		"    The same.",
		"UNLOAD <name>",
		"    There is none to unload.")
	return nil
}

// cmdModuleList serves MODULE LIST.
func (kv *KVStore) cmdModuleList(c *Client, args []string) error {
	c.reply.Array(0)
	return nil
}

// cmdModuleLoad serves MODULE LOAD path [arg ...].
func (kv *KVStore) cmdModuleLoad(c *Client, args []string) error {
	kv.log(logWarning, "Module %s failed to load: this server has no modules", cut(args[2], quotedMax))
	return errModuleLoad
}

// cmdModuleLoadex serves MODULE LOADEX path [CONFIG name value ...] [ARGS arg ...].
func (kv *KVStore) cmdModuleLoadex(c *Client, args []string) error {
	return kv.cmdModuleLoad(c, args)
}

// cmdModuleUnload serves MODULE UNLOAD name.
func (kv *KVStore) cmdModuleUnload(c *Client, args []string) error { return errModuleUnload }

package store

import "strings"

// REPLICAOF, SLAVEOF and ROLE.

var replicaCommands = []command{
	{name: "replicaof", arity: 3, flags: admin | noScript | stale | noAsyncLoading, run: (*KVStore).cmdReplicaof},
	{name: "role", arity: 1, flags: noScript | loading | stale | fast, cats: catAdmin | catDangerous, run: (*KVStore).cmdRole},
	{name: "slaveof", arity: 3, flags: admin | noScript | stale | noAsyncLoading, run: (*KVStore).cmdReplicaof},
}

// cmdReplicaof serves REPLICAOF host port, REPLICAOF NO ONE, and SLAVEOF, its old
// name. It is answered before anything has come of it.
func (kv *KVStore) cmdReplicaof(c *Client, args []string) error {
	if kv.repl.failover.state != failoverNone {
		return errf("ERR REPLICAOF not allowed while failing over.")
	}
	if is(args[1], "no") && is(args[2], "one") {
		if kv.Info.Role == "slave" {
			kv.becomeMaster()
			kv.log(logNotice, "MASTER MODE enabled (user request from '%s')", c.describe())
		}
		c.reply.OK()
		return nil
	}
	if c.isReplica() {
		return errf("ERR Command is not valid when client is a replica.")
	}
	port, err := parseInt(args[2])
	if err != nil || port < 0 || port > 65535 {
		return errf("ERR Invalid master port")
	}
	if l := kv.repl.link; l != nil && strings.EqualFold(l.host, args[1]) && l.port == int(port) {
		kv.log(logNotice, "REPLICAOF would result into synchronization with the master we are already connected with. No operation performed.")
		c.reply.Status("OK Already connected to specified master")
		return nil
	}
	kv.becomeReplica(args[1], int(port))
	kv.log(logNotice, "REPLICAOF %s:%d enabled (user request from '%s')", kv.repl.link.host, port, c.describe())
	c.reply.OK()
	return nil
}

// cmdRole serves ROLE.
func (kv *KVStore) cmdRole(c *Client, args []string) error {
	if kv.Info.Role != "slave" {
		kv.replyMasterRole(c)
		return nil
	}
	state, offset := linkWaiting, int64(-1)
	host, port := kv.Info.MasterIP, int64(0)
	if l := kv.repl.link; l != nil {
		state, port = l.state, int64(l.port)
		if state == linkUp {
			offset = kv.repl.stream.offset
		}
	}
	c.reply.Array(5)
	c.reply.Bulk("slave")
	c.reply.Bulk(host)
	c.reply.Int(port)
	c.reply.Bulk(linkStates[state])
	c.reply.Int(offset)
	return nil
}

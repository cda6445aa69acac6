package store

// The commands of a cluster. This server is not part of one, and says so as a
// Redis without cluster support does.

const errNoCluster replyError = "ERR This instance has cluster support disabled"

var clusterCommands = []command{
	{name: "asking", arity: 1, flags: fast, cats: catConnection, run: (*KVStore).cmdNoCluster},
	{name: "cluster", arity: -2, subs: []command{
		{name: "addslots", arity: -3, flags: admin | noAsyncLoading | stale, run: (*KVStore).cmdNoCluster},
		{name: "addslotsrange", arity: -4, flags: admin | noAsyncLoading | stale, run: (*KVStore).cmdNoCluster},
		{name: "bumpepoch", arity: 2, flags: admin | noAsyncLoading | stale, run: (*KVStore).cmdNoCluster},
		{name: "count-failure-reports", arity: 3, flags: admin | stale, run: (*KVStore).cmdNoCluster},
		{name: "countkeysinslot", arity: 3, flags: stale, run: (*KVStore).cmdNoCluster},
		{name: "delslots", arity: -3, flags: admin | noAsyncLoading | stale, run: (*KVStore).cmdNoCluster},
		{name: "delslotsrange", arity: -4, flags: admin | noAsyncLoading | stale, run: (*KVStore).cmdNoCluster},
		{name: "failover", arity: -2, flags: admin | noAsyncLoading | stale, run: (*KVStore).cmdNoCluster},
		{name: "flushslots", arity: 2, flags: admin | noAsyncLoading | stale, run: (*KVStore).cmdNoCluster},
		{name: "forget", arity: 3, flags: admin | noAsyncLoading | stale, run: (*KVStore).cmdNoCluster},
		{name: "getkeysinslot", arity: 4, flags: stale, run: (*KVStore).cmdNoCluster},
		{name: "help", arity: 2, flags: loading | stale, run: (*KVStore).cmdNoCluster},
		{name: "info", arity: 2, flags: stale, run: (*KVStore).cmdNoCluster},
		{name: "keyslot", arity: 3, flags: stale, run: (*KVStore).cmdNoCluster},
		{name: "links", arity: 2, flags: stale, run: (*KVStore).cmdNoCluster},
		{name: "meet", arity: -4, flags: admin | noAsyncLoading | stale, run: (*KVStore).cmdNoCluster},
		{name: "myid", arity: 2, flags: stale, run: (*KVStore).cmdNoCluster},
		{name: "nodes", arity: 2, flags: stale, run: (*KVStore).cmdNoCluster},
		{name: "replicas", arity: 3, flags: admin | stale, run: (*KVStore).cmdNoCluster},
		{name: "replicate", arity: 3, flags: admin | noAsyncLoading | stale, run: (*KVStore).cmdNoCluster},
		{name: "reset", arity: -2, flags: admin | noScript | stale, run: (*KVStore).cmdNoCluster},
		{name: "saveconfig", arity: 2, flags: admin | noAsyncLoading | stale, run: (*KVStore).cmdNoCluster},
		{name: "set-config-epoch", arity: 3, flags: admin | noAsyncLoading | stale, run: (*KVStore).cmdNoCluster},
		{name: "setslot", arity: -4, flags: admin | noAsyncLoading | stale, run: (*KVStore).cmdNoCluster},
		{name: "shards", arity: 2, flags: stale, run: (*KVStore).cmdNoCluster},
		{name: "slaves", arity: 3, flags: admin | stale, run: (*KVStore).cmdNoCluster},
		{name: "slots", arity: 2, flags: stale, run: (*KVStore).cmdNoCluster},
	}},
	{name: "readonly", arity: 1, flags: loading | stale | fast, cats: catConnection, run: (*KVStore).cmdNoCluster},
	{name: "readwrite", arity: 1, flags: loading | stale | fast, cats: catConnection, run: (*KVStore).cmdNoCluster},
}

// cmdNoCluster serves CLUSTER, READONLY, READWRITE and ASKING.
func (kv *KVStore) cmdNoCluster(c *Client, args []string) error { return errNoCluster }

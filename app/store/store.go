// Package store is the server: the keyspace, every command, and the serving of
// connections. One KVStore is one server; a program may hold several.
package store

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
	"github.com/codecrafters-io/redis-starter-go/app/config"
	"github.com/codecrafters-io/redis-starter-go/app/dict"
	"github.com/codecrafters-io/redis-starter-go/app/tree"
)

// Info is the server's identity and its place in replication.
type Info struct {
	Role             string // "master" or "slave"
	MasterIP         string
	MasterPort       string
	MasterReplId     string
	MasterReplOffSet int
	MasterConn       net.Conn
	Port             string
}

// A KVStore is one server and its data. Everything below mu is guarded by it
// unless it says otherwise. Handlers run with it held and never take it.
type KVStore struct {
	Info Info

	netIn, netOut    atomic.Int64 // bytes from and to clients
	reads, writes    atomic.Int64 // system calls for them
	queryLimit       atomic.Int64 // client-query-buffer-limit
	censusOn         atomic.Bool  // kv.counting, for who does not hold mu
	logLevel         atomic.Int32
	keepAliveSeconds atomic.Int64

	yielders     yielders
	migrateLinks migrateLinks
	wakers       wakers

	signalled atomic.Bool // a signal is about to end the server
	purging   atomic.Bool // MEMORY PURGE has the Go runtime give memory back

	mu sync.Mutex

	arena       *arena.Arena
	keyType     *dict.Type
	elementType *dict.Type // of elements that begin with their key: set members, hash fields
	scoredType  *dict.Type // of elements with 8 bytes before their key: members of sorted sets, fields that expire
	dbs         []*database
	scratch     [20]byte // where an int-encoded string is printed
	hllBuf      []byte   // where a sparse HyperLogLog is copied to be changed
	lists       listState
	zsets       zsetState
	hint        commandHint
	sets        setState

	streamType   *tree.Type // of the nodes of streams, and of what is pending for a group
	probedSeq    uint64     // the sequence that streamType looks for
	groupType    *tree.Type // of the groups of a stream, by name
	consumerType *tree.Type // of the consumers of a group, by name
	entryBuf     []byte     // where stream entries are put together

	commands *commandTable // never changes once the server has started
	config   *config.Config
	settings

	clients       map[int64]*Client
	roster        []*Client // the same clients, for cron to go round
	rosterNext    int
	rosterBytes   int64 // what cron last counted that they hold
	lastClientID  int64
	client        *Client // whose command is running
	flushes       []*Client
	serving       sync.WaitGroup // a client's goroutine each; added to with mu held
	defaultUser   *user
	users         map[string]*user
	denials       []*deniedEntry // the ACL log, the newest last
	aclKeys       []keyRef       // where permit finds keys
	channels      pubsubTables
	monitors      []*Client // in the order they said MONITOR
	monitorLine   []byte    // where the line of a command is made
	tracking      trackingState
	census        clientCensus
	pause         pauseState
	ending        endingState
	startupMemory int64
	standalone    bool // started from the command line
	oom           oomScore
	supervisedBy  string   // systemd or upstart, "" when nobody supervises the server
	notifySocket  string   // systemd's, "" for none
	daemon        bool     // in the background
	launcher      *os.File // where a daemon's launcher waits, nil for none
	configured    bool     // by the command line or Configure: files are read and written
	pidFile       string   // to be removed at the end, "" for none

	cleanup runtime.Cleanup // unmaps the arena when the store is dropped

	base     time.Time // the origin of the monotonic clock
	baseNs   int64     // the wall clock at base, ns since 1970
	clockNs  int64     // ns since base, at the end of the last command
	nowMs    int64     // ms since 1970, fixed while a command or transaction runs
	nesting  int       // of calls within EXEC
	lruClock uint32

	dirty    int64 // changes since the last save
	effects  effects
	stats    serverStats
	slow     slowState
	latency  latencyState // has a mutex of its own
	expiry   expiryState
	eviction evictionState
	repl     replication
	blocked  blockedState
	drains   []drainable // what is being freed in steps; the last first

	snapshot  snapshotState
	aof       aofState
	journal   *journal       // nil while appendonly is off
	migrating map[string]int // keys on their way to other servers, and by how many MIGRATEs
	saver     *saver         // of the snapshot that is written in the background, nil for none
	loadError error          // of loading at the start, when it failed and the program goes on

	startOnce sync.Once
	closeOnce sync.Once
	started   time.Time
	closed    bool
	cron      cronState
	runID     string
	tls       tlsState
	listener  *Listener                 // that Listen has made
	listeners map[net.Listener]struct{} // to be closed with the store
	logger    logger
}

// New returns a master on port 6379 with no data. Its housekeeping starts with
// the first use; Close ends it.
func New() *KVStore {
	kv := &KVStore{
		Info:      Info{Role: "master", Port: "6379", MasterReplId: randomID()},
		commands:  newCommandTable(),
		config:    config.New(),
		clients:   make(map[int64]*Client),
		listeners: make(map[net.Listener]struct{}),
		runID:     randomID(),
		base:      time.Now(),
		started:   time.Now(),
	}
	kv.init()
	return kv
}

// init builds the parts that refer back to the store.
func (kv *KVStore) init() {
	kv.setArena(arena.New())
	kv.repl.id, kv.repl.id2, kv.repl.offset2 = kv.Info.MasterReplId, noReplicationID, -1
	kv.cron.init()
	kv.baseNs = kv.base.UnixNano()
	kv.readClock()
	kv.snapshot.lastSave, kv.snapshot.lastSeconds = kv.started.Unix(), -1
	kv.aof.rewrite.lastSeconds = -1
	kv.channels.init()
	kv.defaultUser = newDefaultUser()
	kv.users = map[string]*user{kv.defaultUser.name: kv.defaultUser}
	kv.applySettings()
	kv.makeDatabases(16)
	kv.startupMemory = kv.usedMemory()
	kv.cleanup = runtime.AddCleanup(kv, func(release func()) { release() }, kv.arena.Releaser())
}

// setArena makes a the place of all data, of which there is none yet.
func (kv *KVStore) setArena(a *arena.Arena) {
	kv.arena = a
	kv.keyType = dict.NewType(a, headerSize, true)
	kv.elementType = dict.NewType(a, 0, false)
	kv.scoredType = dict.NewType(a, scoreSize, false)
	kv.initLists()
	kv.initZsets()
	kv.initStreams()
}

// makeDatabases makes the numbered databases, all empty.
func (kv *KVStore) makeDatabases(n int) {
	kv.dbs = make([]*database, n)
	for i := range kv.dbs {
		kv.dbs[i] = &database{kv: kv, id: i}
	}
}

// randomID is a new 40-digit hexadecimal identity.
func randomID() string {
	var b [20]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Set stores value under key, as SET with PX expiry does, -1 standing for no
// expiry. It may be called from any goroutine, and waits while the data is
// loaded at the start.
func (kv *KVStore) Set(key, value string, expiry int) {
	kv.start()
	kv.lockLoaded()
	defer kv.unlock()
	if kv.closed {
		return
	}
	kv.readClock()
	db := kv.dbs[0]
	e := db.set(key, value, false)
	kv.touched(db, key)
	kv.dirty++
	kv.notify(eventString, "set", key, db)
	if expiry >= 0 {
		db.setExpiry(e, kv.nowMs+int64(expiry))
		kv.notify(eventGeneric, "expire", key, db)
	}
	kv.propagateSet(db, key, value, expiry)
	kv.serveReadyKeys()
}

// Close stops serving: every connection is closed and every goroutine of the
// store ends. The data is gone. It may be called more than once, and returns
// when it is done.
func (kv *KVStore) Close() error {
	kv.closeOnce.Do(kv.shutDown)
	return nil
}

func (kv *KVStore) shutDown() {
	kv.mu.Lock()
	kv.closed = true
	for _, c := range kv.clients {
		c.kill()
	}
	kv.dismissGreeted()
	kv.stopLink()
	listeners := slices.Collect(maps.Keys(kv.listeners))
	kv.unlock()
	for _, l := range listeners {
		l.Close()
	}
	kv.migrateLinks.close()
	kv.cron.stop()
	kv.waitForClients()
	kv.yielders.close()
	kv.mu.Lock()
	defer kv.mu.Unlock()
	kv.stopJournal()
	kv.tracking.table.drop()
	kv.arena.Close()
	kv.makeDatabases(len(kv.dbs))
}

package tests

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The model test sends random commands from several clients and compares
// every reply with that of a model in plain Go maps, where a key is no more
// than a value and a time. The seed is printed; TEST_SEED repeats a run,
// TEST_SOAK=10m makes it long.

const (
	envSoak = "TEST_SOAK"
	envSeed = "TEST_SEED"

	modelClients   = 4
	modelDatabases = 3
	modelSteps     = 15000
	farFuture      = int64(33177117420000) // ms; no key expires while the test runs
)

// A modelKey is what the model knows of a key. Values are never changed in
// place: a copy of the key may have them too.
type modelKey struct {
	value   string // of a string
	expires int64  // ms since 1970, -1 for never
	typ     string // as TYPE says; "" for a string
	list    []string
	fields  map[string]string // of a hash; of a set, with empty values
	scores  map[string]int    // of a sorted set
	stream  modelStream
}

// A model is a server without its insides.
type model struct {
	dbs      [modelDatabases]map[string]modelKey
	versions [modelDatabases]map[string]int // counts the writes of each key, for WATCH
}

// A modelClient is a connection and what the model knows of it.
type modelClient struct {
	*client
	db      int
	open    bool // in MULTI
	queue   [][]string
	watched []watch
}

type watch struct {
	db      int
	key     string
	version int
}

// A modelCommand makes arguments and tells the reply, printed as in the
// golden scripts.
type modelCommand struct {
	name  string
	args  func(r *rand.Rand) []string
	reply func(m *model, c *modelClient, a []string) string
}

func TestModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv(envSeed); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("%s=%d", envSeed, seed)
	r := rand.New(rand.NewPCG(seed, 0))
	s := start(t, modelFlags(r)...)
	m := &model{}
	for i := range m.dbs {
		m.dbs[i], m.versions[i] = map[string]modelKey{}, map[string]int{}
	}
	var clients []*modelClient
	for range modelClients {
		clients = append(clients, &modelClient{client: s.client(t)})
	}
	var past []string
	end := time.Now().Add(soakTime(t))
	for step := 0; step < modelSteps || time.Now().Before(end); step++ {
		i := r.IntN(len(clients))
		if r.IntN(300) == 0 { // hangs up, in the middle of whatever it does
			clients[i].conn.Close()
			clients[i] = &modelClient{client: s.client(t)}
			past = append(past, fmt.Sprintf("%d> [close]", i+1))
		}
		args := m.pick(r, clients[i])
		past = append(past, fmt.Sprintf("%d> %s", i+1, printArgs(args)))
		want := m.run(clients[i], args)
		if got := clients[i].do(args...).String(); got != want {
			t.Fatalf("step %d\n%s\ngot\n%s\nwant\n%s", step, strings.Join(past[max(0, len(past)-40):], "\n"), got, want)
		}
		if step%500 == 0 {
			m.compare(t, s)
		}
		past = past[max(0, len(past)-100):]
	}
	m.compare(t, s)
}

// modelFlags sets limits so low that values change their encoding all the time,
// or leaves them as they are.
func modelFlags(r *rand.Rand) []string {
	flags := []string{"--databases", strconv.Itoa(modelDatabases)}
	if r.IntN(4) == 0 {
		return flags
	}
	for _, limit := range []string{"hash-max-listpack-entries", "zset-max-listpack-entries", "set-max-intset-entries", "list-max-listpack-size", "stream-node-max-entries"} {
		flags = append(flags, "--"+limit, strconv.Itoa(1+r.IntN(12)))
	}
	return append(flags, "--list-compress-depth", strconv.Itoa(r.IntN(3)))
}

// soakTime is how long a soak is to take; nothing without one.
func soakTime(t testing.TB) time.Duration {
	t.Helper()
	s := os.Getenv(envSoak)
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func printArgs(args []string) string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = quote(a)
	}
	return strings.Join(out, " ")
}

// pick chooses a command; inside MULTI an end is likely, or few would come.
func (m *model) pick(r *rand.Rand, c *modelClient) []string {
	if c.open && r.IntN(6) == 0 {
		return []string{[]string{"EXEC", "EXEC", "EXEC", "DISCARD"}[r.IntN(4)]}
	}
	cmd := modelCommands[r.IntN(len(modelCommands))]
	return append([]string{cmd.name}, cmd.args(r)...)
}

// run applies one command to the model and tells the reply.
func (m *model) run(c *modelClient, args []string) string {
	switch args[0] {
	case "MULTI":
		if c.open {
			return "(error) ERR MULTI calls can not be nested"
		}
		c.open = true
		return "+OK"
	case "EXEC":
		return m.exec(c)
	case "DISCARD":
		if !c.open {
			return "(error) ERR DISCARD without MULTI"
		}
		c.open, c.queue, c.watched = false, nil, nil
		return "+OK"
	case "WATCH":
		return m.watch(c, args[1:])
	}
	if c.open {
		c.queue = append(c.queue, args)
		return "+QUEUED"
	}
	return m.call(c, args)
}

func (m *model) watch(c *modelClient, keys []string) string {
	if c.open {
		return "(error) ERR WATCH inside MULTI is not allowed"
	}
	for _, k := range keys {
		c.watched = append(c.watched, watch{c.db, k, m.versions[c.db][k]})
	}
	return "+OK"
}

func (m *model) exec(c *modelClient) string {
	if !c.open {
		return "(error) ERR EXEC without MULTI"
	}
	queue, watched := c.queue, c.watched
	c.open, c.queue, c.watched = false, nil, nil
	for _, w := range watched {
		if m.versions[w.db][w.key] != w.version {
			return "(nil array)"
		}
	}
	var out []string
	for i, args := range queue {
		out = append(out, hang(strconv.Itoa(i+1)+") ", strings.Split(m.call(c, args), "\n"))...)
	}
	if len(out) == 0 {
		return "(empty array)"
	}
	return strings.Join(out, "\n")
}

func (m *model) call(c *modelClient, args []string) string {
	if m.mistyped(c, args) {
		return wrongType
	}
	i := slices.IndexFunc(modelCommands, func(cmd modelCommand) bool { return cmd.name == args[0] })
	return modelCommands[i].reply(m, c, args)
}

// The model's keyspace, as the handlers of model_commands_test.go use it.

func (m *model) get(c *modelClient, key string) (modelKey, bool) {
	k, ok := m.dbs[c.db][key]
	return k, ok
}

// put writes a key. One that expires in the past goes instead, and is touched
// all the same.
func (m *model) put(db int, key string, k modelKey) {
	m.versions[db][key]++
	if k.expires >= 0 && k.expires < farFuture/2 {
		delete(m.dbs[db], key)
		return
	}
	m.dbs[db][key] = k
}

// remove deletes a key and tells whether it was there.
func (m *model) remove(db int, key string) bool {
	if _, ok := m.dbs[db][key]; !ok {
		return false
	}
	m.versions[db][key]++
	delete(m.dbs[db], key)
	return true
}

// compare looks at every key of the server.
func (m *model) compare(t *testing.T, s *server) {
	t.Helper()
	c := s.client(t)
	defer c.conn.Close()
	for db, want := range m.dbs {
		c.ok("SELECT " + strconv.Itoa(db))
		if n := c.doInt("DBSIZE"); n != len(want) {
			t.Fatalf("database %d has %d keys, want %d", db, n, len(want))
		}
		got := map[string]string{}
		cursor := "0"
		for {
			page := c.do("SCAN", cursor, "COUNT", "50")
			for _, key := range page.elems[1].elems {
				expires, err := strconv.ParseInt(c.do("PEXPIRETIME", key.text).text, 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				got[key.text] = c.dump(key.text) + printInt(int(expires))
			}
			if cursor = page.elems[0].text; cursor == "0" {
				break
			}
		}
		for key, k := range want {
			if want := k.dump() + printInt(int(k.expires)); got[key] != want {
				t.Fatalf("database %d: %q is %s, want %s", db, key, got[key], want)
			}
		}
	}
}

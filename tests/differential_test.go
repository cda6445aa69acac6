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

// The differential test sends the same random commands to our server and to
// redis-server, and compares every reply, every keyspace event and, now and
// then, every key. Each server also restores what the other one dumps. The test
// knows nothing of what a command does: the grammars of testdata/differential
// make commands, right ones and wrong ones, and masks hide what Redis itself
// leaves to chance.
//
// A run is a sequence of rounds, each from an empty server and with a seed of
// its own, which a failure prints: TEST_SEED=… begins with that round, and
// TEST_SOAK=10m goes on for longer. Of a failed round, commands are taken
// away as long as it goes on failing; what remains is printed.
//
// With TEST_SERVER=/usr/bin/redis-server the peer is compared with itself,
// which shows whether the masks hide enough.

const (
	diffTime     = 8 * time.Second  // of a run that is no soak
	shrinkTime   = 30 * time.Second // spent on making a failure small
	diffUnits    = 2500             // units in a round
	diffBatch    = 24               // units sent at once, at most
	diffFailures = 3                // failed rounds after which the run ends
)

// A unit is what is sent as one: a command, or a transaction from MULTI to
// EXEC. To take a part of that away could leave the client in the transaction.
type unit struct {
	client   int
	commands [][]string
	waiting  []string // a command that the other client has sent before and may wait in
}

// alone reports whether the unit needs a batch of its own: its reply decides
// what is sent next, its events come in no order, or somebody waits.
func (u unit) alone() bool {
	return u.waiting != nil || len(u.commands) == 1 && maskOf(u.commands[0]).alone
}

func TestDifferential(t *testing.T) {
	// Whoever sorts by the rules of a language sorts by those of none.
	t.Setenv("LC_ALL", "C")
	runDifferential(t, diffTime, func(m *maker) []unit { return m.settings() })
}

// TestDifferentialUsers is the same for ACL: users come and go and change, clients
// become these users, and what these may do is asked of random commands.
func TestDifferentialUsers(t *testing.T) {
	t.Setenv("LC_ALL", "C")
	runDifferential(t, diffTime/2, func(m *maker) []unit {
		m.users = true
		return m.userSettings()
	})
}

// runDifferential runs rounds that begin with what settings makes.
func runDifferential(t *testing.T, limit time.Duration, settings func(m *maker) []unit) {
	p := newPair(t)
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv(envSeed); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	g := readGrammars(t)
	end := time.Now().Add(max(limit, soakTime(t)))
	rounds, failures := 0, 0
	for ; failures < diffFailures && (rounds == 0 || time.Now().Before(end)); rounds++ {
		log, d := differentialRound(p, g, seed, settings)
		switch {
		case d == nil:
		case d.lost():
			t.Fatalf("%s=%d\n%s\n%s", envSeed, seed, printUnits(log), d)
		default:
			failures++
			d, log = shrink(p, log, d)
			t.Errorf("%s=%d\n%s\n%s", envSeed, seed, printUnits(log), d)
		}
		seed++
	}
	t.Logf("%s=%d, %d rounds of %d units", envSeed, seed-uint64(rounds), rounds, diffUnits)
}

// differentialRound runs one round, and returns what it sent and the first difference.
func differentialRound(p *pair, g *grammars, seed uint64, settings func(m *maker) []unit) ([]unit, *difference) {
	if d := p.reset(); d != nil {
		return nil, d
	}
	m := newMaker(g, rand.New(rand.NewPCG(seed, 0)))
	log := settings(m)
	if d := p.run(log); d != nil {
		return log, d
	}
	checked := len(log)
	for len(log) < diffUnits {
		batch := m.batch()
		log = append(log, batch...)
		if d := p.run(batch); d != nil {
			return log, d
		}
		if len(log)-checked > 300 {
			checked = len(log)
			if d := p.compareKeys(); d != nil {
				return log, d
			}
		}
	}
	return log, p.compareKeys()
}

// shrink takes units away from log as long as a difference remains, halves
// first, single units last, and returns the last difference with its log.
func shrink(p *pair, log []unit, d *difference) (*difference, []unit) {
	end := time.Now().Add(shrinkTime)
	again := func(log []unit) *difference {
		if d := p.reset(); d != nil {
			return nil // no difference of these commands
		}
		for _, batch := range batches(log) {
			if d := p.run(batch); d != nil {
				return d
			}
		}
		return p.compareKeys()
	}
	for size := (len(log) + 1) / 2; size > 0 && time.Now().Before(end); {
		smaller := false
		for i := 0; i < len(log) && time.Now().Before(end); {
			rest := slices.Concat(log[:i], log[min(i+size, len(log)):])
			if found := again(rest); found != nil {
				log, d, smaller = rest, found, true
			} else {
				i += size
			}
		}
		if !smaller || size > 1 {
			size /= 2
		}
	}
	return d, log
}

// batches cuts a log as the round that made it did, or coarser.
func batches(log []unit) [][]unit {
	var out [][]unit
	for i, u := range log {
		if i == 0 || u.alone() || log[i-1].alone() || u.client != log[i-1].client || len(out[len(out)-1]) == diffBatch {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], u)
	}
	return out
}

// printUnits prints the last commands as a golden script has them.
func printUnits(log []unit) string {
	var lines []string
	for _, u := range log {
		if u.waiting != nil {
			lines = append(lines, fmt.Sprintf("%d> [async] %s", 2-u.client, printArgs(u.waiting)))
		}
		for _, args := range u.commands {
			lines = append(lines, fmt.Sprintf("%d> %s", u.client+1, printArgs(args)))
		}
	}
	return strings.Join(lines[max(0, len(lines)-60):], "\n")
}

// TestDifferentialComplete holds that a new command comes into a grammar, or
// into the list of those that cannot be compared this way.
func TestDifferentialComplete(t *testing.T) {
	leftOut := strings.Fields(`
		asking client cluster command config debug info latency lolwut module monitor multi object
		psubscribe pubsub punsubscribe quit readonly readwrite shutdown slowlog spublish ssubscribe subscribe
		sunsubscribe time unsubscribe pfselftest
		bgrewriteaof bgsave lastsave restore-asking save
		failover replicaof role slaveof psync replconf sync wait
		hexpire hexpireat hexpiretime hpersist hpexpire hpexpireat hpexpiretime hpttl httl`)
	if os.Getenv(envServer) != "" {
		t.Skip("another server has other commands")
	}
	g := readGrammars(t)
	for _, e := range start(t).client(t).do("COMMAND", "LIST").elems {
		name, _, _ := strings.Cut(strings.ToUpper(e.text), "|")
		if !g.names[name] && !slices.Contains(leftOut, strings.ToLower(name)) {
			t.Errorf("no line of testdata/differential makes %s", name)
		}
	}
}

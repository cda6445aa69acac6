package tests

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Consumer groups, in two ways. TestModelGroups sends one command after the
// other and knows every reply, whom an entry is pending for and how often it was
// delivered. TestGroupCrashes lets consumers work at the same time, and
// disconnect in the middle of what they do: then nobody knows every reply, but no
// entry may be lost.

// modelSeed is the seed of a run, which TEST_SEED sets.
func modelSeed(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv(envSeed); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("%s=%d", envSeed, seed)
	return seed
}

// A groupEntry is what is pending for a consumer.
type groupEntry struct {
	consumer   string
	deliveries int
}

// A groupModel is stream s and its group g. Entry n has the ID n-0 and the
// field f with the value n.
type groupModel struct {
	t         *testing.T
	s         *server
	r         *rand.Rand
	admin     *client
	consumers []*groupConsumer
	waiting   []*groupConsumer // the first one is served first
	last      int              // entry of the stream
	read      int              // last entry that the group has read
	deleted   map[int]bool
	pending   map[int]groupEntry
	past      []string
}

// A groupConsumer is a connection; several may work under one name.
type groupConsumer struct {
	*client
	name  string
	waits bool
}

func TestModelGroups(t *testing.T) {
	seed := modelSeed(t)
	r := rand.New(rand.NewPCG(seed, 1))
	s := start(t, "--stream-node-max-entries", strconv.Itoa(1+r.IntN(20)))
	m := &groupModel{t: t, s: s, r: r, admin: s.client(t), deleted: map[int]bool{}, pending: map[int]groupEntry{}}
	m.admin.ok("XGROUP CREATE s g 0 MKSTREAM")
	for i := range 6 {
		m.consumers = append(m.consumers, &groupConsumer{client: s.client(t), name: string(rune('a' + i%4))})
	}
	end := time.Now().Add(soakTime(t))
	for step := 0; step < 3000 || time.Now().Before(end); step++ {
		m.step()
		if step%50 == 0 {
			m.compare()
		}
	}
	m.compare()
}

// step does one random thing.
func (m *groupModel) step() {
	c := m.consumers[m.r.IntN(len(m.consumers))]
	if c.waits {
		if m.r.IntN(4) == 0 {
			m.crash(c)
		} else {
			m.add()
		}
		return
	}
	switch m.r.IntN(14) {
	case 0, 1:
		m.add()
	case 2, 3:
		m.readNew(c, 1+m.r.IntN(4))
	case 4:
		m.wait(c)
	case 5:
		m.readHistory(c)
	case 6, 7:
		m.ack(c)
	case 8, 9:
		m.claim(c)
	case 10:
		m.autoclaim(c)
	case 11:
		m.delete()
	case 12:
		m.crash(c)
	default:
		m.admit()
	}
}

// admit does what is rarely done to a group.
func (m *groupModel) admit() {
	switch name := string(rune('a' + m.r.IntN(4))); m.r.IntN(6) {
	case 0:
		n := 0
		for id, p := range m.pending {
			if p.consumer == name {
				delete(m.pending, id)
				n++
			}
		}
		m.expect(m.admin, printInt(n), "XGROUP", "DELCONSUMER", "s", "g", name)
	case 1:
		if len(m.waiting) == 0 { // else it would have to be known who is served
			m.read = m.r.IntN(m.last + 1)
			m.expect(m.admin, "+OK", "XGROUP", "SETID", "s", "g", groupID(m.read))
		}
	}
}

func groupID(n int) string { return strconv.Itoa(n) + "-0" }

func groupFields(n int) reply {
	return reply{kind: '*', elems: []reply{{kind: '$', text: "f"}, {kind: '$', text: strconv.Itoa(n)}}}
}

// entryReply is an entry as it is read; when it is deleted it has no fields.
func (m *groupModel) entryReply(n int) reply {
	fields := groupFields(n)
	if m.deleted[n] {
		fields = reply{kind: '*', null: true}
	}
	return reply{kind: '*', elems: []reply{{kind: '$', text: groupID(n)}, fields}}
}

// readReply is what XREADGROUP answers with some entries.
func (m *groupModel) readReply(ids []int) string {
	entries := reply{kind: '*'}
	for _, n := range ids {
		entries.elems = append(entries.elems, m.entryReply(n))
	}
	one := reply{kind: '*', elems: []reply{{kind: '$', text: "s"}, entries}}
	return reply{kind: '*', elems: []reply{one}}.String()
}

// expect runs a command and compares the reply.
func (m *groupModel) expect(c *client, want string, args ...string) {
	m.t.Helper()
	m.note(args...)
	m.compareReply(c.do(args...), want)
}

func (m *groupModel) note(args ...string) {
	m.past = append(m.past[max(0, len(m.past)-60):], strings.Join(args, " "))
}

func (m *groupModel) compareReply(v reply, want string) {
	m.t.Helper()
	if got := v.String(); got != want {
		m.t.Fatalf("%s\ngot\n%s\nwant\n%s", strings.Join(m.past, "\n"), got, want)
	}
}

// add adds an entry, which serves the consumer that has waited longest.
func (m *groupModel) add() {
	m.last++
	m.expect(m.admin, strconv.Quote(groupID(m.last)), "XADD", "s", groupID(m.last), "f", strconv.Itoa(m.last))
	if len(m.waiting) == 0 {
		return
	}
	c := m.waiting[0]
	m.waiting = m.waiting[1:]
	c.waits = false
	m.note("served:", c.name)
	m.compareReply(c.client.read(), m.readReply(m.take(c.name, 1)))
}

// take delivers the next entries to a consumer.
func (m *groupModel) take(name string, count int) (ids []int) {
	for n := m.read + 1; n <= m.last && len(ids) < count; n++ {
		if !m.deleted[n] {
			ids = append(ids, n)
			m.read = n
			m.pending[n] = groupEntry{name, 1}
		}
	}
	return ids
}

func (m *groupModel) readNew(c *groupConsumer, count int) {
	want := "(nil array)"
	if ids := m.take(c.name, count); len(ids) > 0 {
		want = m.readReply(ids)
	}
	m.expect(c.client, want, "XREADGROUP", "GROUP", "g", c.name, "COUNT", strconv.Itoa(count), "STREAMS", "s", ">")
}

// wait reads what is new, and waits for it when there is nothing.
func (m *groupModel) wait(c *groupConsumer) {
	args := []string{"XREADGROUP", "GROUP", "g", c.name, "BLOCK", "0", "STREAMS", "s", ">"}
	if ids := m.take(c.name, m.last); len(ids) > 0 {
		m.expect(c.client, m.readReply(ids), args...)
		return
	}
	m.note(args...)
	c.send(args...)
	c.waits = true
	m.waiting = append(m.waiting, c)
	m.awaitBlocked()
}

// awaitBlocked waits until the server knows who waits.
func (m *groupModel) awaitBlocked() {
	waitFor(m.t, "the consumers to wait", func() bool { return m.s.infoInt(m.t, "blocked_clients") == len(m.waiting) })
}

func (m *groupModel) readHistory(c *groupConsumer) {
	from := m.r.IntN(m.last + 1)
	var ids []int
	for _, n := range m.ids() {
		if p := m.pending[n]; n > from && p.consumer == c.name {
			ids = append(ids, n)
			if !m.deleted[n] {
				p.deliveries++
				m.pending[n] = p
			}
		}
	}
	m.expect(c.client, m.readReply(ids), "XREADGROUP", "GROUP", "g", c.name, "STREAMS", "s", groupID(from))
}

// ids are the pending entries in order.
func (m *groupModel) ids() []int {
	var ids []int
	for n := range m.pending {
		ids = append(ids, n)
	}
	slices.Sort(ids)
	return ids
}

// some chooses entries, most of which are pending.
func (m *groupModel) some() (ids []int) {
	pending := m.ids()
	for range 1 + m.r.IntN(4) {
		if n := 1 + m.r.IntN(m.last+2); len(pending) == 0 || m.r.IntN(5) == 0 {
			ids = append(ids, n)
		} else {
			ids = append(ids, pending[m.r.IntN(len(pending))])
		}
	}
	return ids
}

func (m *groupModel) ack(c *groupConsumer) {
	args := []string{"XACK", "s", "g"}
	acked := 0
	for _, n := range m.some() {
		args = append(args, groupID(n))
		if _, ok := m.pending[n]; ok {
			acked++
			delete(m.pending, n)
		}
	}
	m.expect(c.client, printInt(acked), args...)
}

// claimOne is what becomes of an entry that a consumer claims, and whether it
// gets it.
func (m *groupModel) claimOne(name string, n int, justID, force bool) bool {
	p, ok := m.pending[n]
	switch {
	case m.deleted[n] || n > m.last:
		delete(m.pending, n)
		return false
	case !ok && !force:
		return false
	case !ok:
		p.deliveries = 1
	}
	if !justID {
		p.deliveries++
	}
	p.consumer = name
	m.pending[n] = p
	return true
}

func (m *groupModel) claim(c *groupConsumer) {
	justID, force := m.r.IntN(2) == 0, m.r.IntN(3) == 0
	args := []string{"XCLAIM", "s", "g", c.name, "0"}
	got := reply{kind: '*'}
	for _, n := range m.some() {
		args = append(args, groupID(n))
		if m.claimOne(c.name, n, justID, force) {
			got.elems = append(got.elems, m.claimReply(n, justID))
		}
	}
	if force {
		args = append(args, "FORCE")
	}
	if justID {
		args = append(args, "JUSTID")
	}
	m.expect(c.client, got.String(), args...)
}

// claimReply is a claimed entry in an answer.
func (m *groupModel) claimReply(n int, justID bool) reply {
	if justID {
		return reply{kind: '$', text: groupID(n)}
	}
	return m.entryReply(n)
}

func (m *groupModel) autoclaim(c *groupConsumer) {
	from, count, justID := m.r.IntN(m.last+1), 1+m.r.IntN(5), m.r.IntN(2) == 0
	next, left := "0-0", count
	got, gone := reply{kind: '*'}, reply{kind: '*'}
	for _, n := range m.ids() {
		if n < from {
			continue
		}
		if left == 0 {
			next = groupID(n)
			break
		}
		left--
		if m.claimOne(c.name, n, justID, false) {
			got.elems = append(got.elems, m.claimReply(n, justID))
		} else {
			gone.elems = append(gone.elems, reply{kind: '$', text: groupID(n)})
		}
	}
	args := []string{"XAUTOCLAIM", "s", "g", c.name, "0", groupID(from), "COUNT", strconv.Itoa(count)}
	if justID {
		args = append(args, "JUSTID")
	}
	all := reply{kind: '*', elems: []reply{{kind: '$', text: next}, got, gone}}
	m.expect(c.client, all.String(), args...)
}

// delete deletes an entry, pending or not.
func (m *groupModel) delete() {
	n := 1 + m.r.IntN(m.last+1)
	want := 0
	if n <= m.last && !m.deleted[n] {
		m.deleted[n] = true
		want = 1
	}
	m.expect(m.admin, printInt(want), "XDEL", "s", groupID(n))
}

// crash disconnects a consumer, which may be waiting, and lets another take its
// place. What was pending for it still is.
func (m *groupModel) crash(c *groupConsumer) {
	m.note("crash:", c.name)
	c.conn.Close()
	if c.waits {
		m.waiting = slices.DeleteFunc(m.waiting, func(w *groupConsumer) bool { return w == c })
		m.awaitBlocked()
	}
	c.client, c.waits = m.s.client(m.t), false
	c.name = string(rune('a' + m.r.IntN(4)))
}

// compare looks at all that is pending, for the group and for each consumer.
func (m *groupModel) compare() {
	m.t.Helper()
	for _, name := range []string{"", "a", "b", "c", "d"} {
		args := []string{"XPENDING", "s", "g", "-", "+", "1000000"}
		if name != "" {
			args = append(args, name)
		}
		var got, want []string
		for _, e := range m.admin.do(args...).elems {
			got = append(got, fmt.Sprint(e.elems[0].text, " ", e.elems[1].text, " ", e.elems[3].text))
		}
		for _, n := range m.ids() {
			if p := m.pending[n]; name == "" || p.consumer == name {
				want = append(want, fmt.Sprint(groupID(n), " ", p.consumer, " ", p.deliveries))
			}
		}
		if !slices.Equal(got, want) {
			m.t.Fatalf("%s\n%s\ngot\n%q\nwant\n%q", strings.Join(m.past, "\n"), strings.Join(args, " "), got, want)
		}
	}
}

// A groupLedger is what the consumers of a group know together.
type groupLedger struct {
	sync.Mutex
	delivered map[string]int
	acked     map[string]int  // as the replies of XACK count
	unsure    map[string]bool // acknowledged by a consumer that went before the reply
}

// A groupWorker is a consumer that works beside others.
type groupWorker struct {
	*client
	s      *server
	r      *rand.Rand
	ledger *groupLedger
	name   string
	held   []string // IDs that it was given, some of which others have claimed since
}

func TestGroupCrashes(t *testing.T) {
	const workers, rounds, steps, adds = 6, 5, 120, 400
	seed := modelSeed(t)
	s := start(t)
	admin, producer := s.client(t), s.client(t)
	admin.ok("XGROUP CREATE s g 0 MKSTREAM")
	ledger := &groupLedger{delivered: map[string]int{}, acked: map[string]int{}, unsure: map[string]bool{}}
	var all []*groupWorker
	for i := range workers {
		w := &groupWorker{client: s.client(t), s: s, r: rand.New(rand.NewPCG(seed, uint64(i))), ledger: ledger}
		w.rename()
		all = append(all, w)
	}
	added := 0
	end := time.Now().Add(soakTime(t))
	for round := 0; round < rounds || time.Now().Before(end); round++ {
		var wg sync.WaitGroup
		for _, w := range all {
			wg.Go(func() {
				for range steps {
					w.work()
				}
			})
		}
		wg.Go(func() {
			for range adds {
				added++
				producer.do("XADD", "s", groupID(added), "f", strconv.Itoa(added))
			}
		})
		wg.Wait()
		if t.Failed() {
			return
		}
		// Those that have crashed are gone when no other connections are left.
		waitFor(t, "lost connections to end", func() bool { return s.infoInt(t, "connected_clients") == workers+3 })
		ledger.verify(t, admin)
	}
	all[0].sweep()
	ledger.verify(t, admin)
	for n := 1; n <= added; n++ {
		if id := groupID(n); ledger.delivered[id] == 0 {
			t.Errorf("%s was never delivered", id)
		}
	}
	t.Logf("%d entries", added)
}

// rename gives the consumer a name, which others may have, too.
func (w *groupWorker) rename() { w.name = string(rune('a' + w.r.IntN(5))) }

// work does one random thing.
func (w *groupWorker) work() {
	count := strconv.Itoa(1 + w.r.IntN(20))
	switch w.r.IntN(10) {
	case 0, 1, 2:
		w.deliver(w.do("XREADGROUP", "GROUP", "g", w.name, "COUNT", count, "STREAMS", "s", ">"))
	case 3:
		w.deliver(w.do("XREADGROUP", "GROUP", "g", w.name, "COUNT", count, "BLOCK", "2", "STREAMS", "s", ">"))
	case 4:
		w.deliver(w.do("XREADGROUP", "GROUP", "g", w.name, "COUNT", count, "STREAMS", "s", "0"))
	case 5, 6:
		for _, id := range w.letGo() {
			n := w.doInt("XACK", "s", "g", id)
			w.ledger.Lock()
			w.ledger.acked[id] += n
			w.ledger.Unlock()
		}
	case 7:
		w.deliver(w.do("XAUTOCLAIM", "s", "g", w.name, strconv.Itoa(w.r.IntN(5)), "0", "COUNT", count))
	case 8:
		if len(w.held) > 0 {
			w.do("XCLAIM", "s", "g", w.name, "0", w.held[w.r.IntN(len(w.held))], "JUSTID")
		}
	default:
		w.crash()
	}
}

// deliver notes the IDs in a reply, however deep they are.
func (w *groupWorker) deliver(v reply) {
	if len(v.elems) == 2 && strings.HasSuffix(v.elems[0].text, "-0") && len(v.elems[1].elems) == 2 {
		id := v.elems[0].text
		w.held = append(w.held, id)
		w.ledger.Lock()
		w.ledger.delivered[id]++
		w.ledger.Unlock()
		return
	}
	for _, e := range v.elems {
		w.deliver(e)
	}
}

// letGo takes some of the IDs that are held.
func (w *groupWorker) letGo() []string {
	n := w.r.IntN(len(w.held) + 1)
	ids := w.held[len(w.held)-n:]
	w.held = w.held[:len(w.held)-n]
	return ids
}

// crash disconnects in the middle of something, and starts again with nothing.
func (w *groupWorker) crash() {
	switch w.r.IntN(5) {
	case 0:
		w.send("XREADGROUP", "GROUP", "g", w.name, "COUNT", "10", "STREAMS", "s", ">")
	case 1:
		w.send("XREADGROUP", "GROUP", "g", w.name, "BLOCK", "0", "STREAMS", "s", ">")
	case 2:
		w.send("XAUTOCLAIM", "s", "g", w.name, "0", "0", "COUNT", "10")
	case 3:
		ids := w.letGo()
		w.ledger.Lock()
		for _, id := range ids {
			w.ledger.unsure[id] = true
		}
		w.ledger.Unlock()
		if len(ids) > 0 {
			w.send(append([]string{"XACK", "s", "g"}, ids...)...)
		}
	}
	w.conn.Close()
	w.client, w.held = w.s.client(w.t), nil
	w.rename()
}

// sweep takes over and acknowledges whatever there is.
func (w *groupWorker) sweep() {
	for w.doInt("XLEN", "s") > 0 {
		w.deliver(w.do("XREADGROUP", "GROUP", "g", w.name, "STREAMS", "s", ">"))
		w.deliver(w.do("XAUTOCLAIM", "s", "g", w.name, "0", "0", "COUNT", "100000"))
		if len(w.held) == 0 {
			return
		}
		for _, id := range w.held {
			w.ledger.acked[id] += w.doInt("XACK", "s", "g", id)
		}
		w.held = nil
	}
}

// verify verifies that each entry that the group has read is either acknowledged,
// once, or pending for exactly one consumer. Nobody works meanwhile.
func (l *groupLedger) verify(t *testing.T, c *client) {
	t.Helper()
	pending := map[string]string{}
	for _, e := range c.do("XPENDING", "s", "g", "-", "+", "1000000").elems {
		pending[e.elems[0].text] = e.elems[1].text
	}
	of := map[string]int{}
	for _, sc := range c.do("XINFO", "CONSUMERS", "s", "g").elems {
		name, count := sc.elems[1].text, sc.elems[3].text
		own := c.do("XPENDING", "s", "g", "-", "+", "1000000", name).elems
		if strconv.Itoa(len(own)) != count {
			t.Errorf("%d entries are pending for %q, XINFO says %s", len(own), name, count)
		}
		for _, e := range own {
			if id := e.elems[0].text; pending[id] != name {
				t.Errorf("%s is pending for %q, and for %q in the group", id, name, pending[id])
			}
			of[e.elems[0].text]++
		}
	}
	if len(of) != len(pending) {
		t.Errorf("%d entries are pending, the consumers have %d", len(pending), len(of))
	}
	group := c.do("XINFO", "GROUPS", "s").elems[0].elems
	read, err := strconv.Atoi(strings.TrimSuffix(group[7].text, "-0"))
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= read; n++ {
		id := groupID(n)
		_, isPending := pending[id]
		switch acked := l.acked[id]; {
		case acked > 1:
			t.Errorf("%s was acknowledged %d times", id, acked)
		case acked == 1 && isPending:
			t.Errorf("%s was acknowledged and is pending", id)
		case acked == 0 && !isPending && !l.unsure[id]:
			t.Errorf("%s is lost", id)
		}
		delete(pending, id)
	}
	if len(pending) > 0 {
		t.Errorf("%d entries are pending that the group has not read", len(pending))
	}
}

package tests

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The stages of replication in which the server leads: the test is its replicas.

var masterStages = map[string]func(*runner){
	"xc1": func(r *runner) {
		r.serve()
		r.play([]stageStep{{"INFO replication", infoHas("role:master")}, {"INFO replication", infoHas("master_repl_offset:0")}, {"INFO replication", check(hasReplid)}})
	},
	"fj0": func(r *runner) {
		r.serve()
		r.replica(1).introduce()
	},
	"vm3": func(r *runner) {
		r.serve()
		p := r.replica(1)
		p.introduce()
		p.send("PSYNC", "?", "-1")
		p.wantFullResync()
	},
	"cf8": func(r *runner) {
		r.serve()
		r.replica(1).sync()
	},
	"zn8": func(r *runner) { propagates(r, 1) },
	"hd5": func(r *runner) { propagates(r, 3) },
	"my8": func(r *runner) {
		r.serve()
		r.play([]stageStep{{"WAIT 0 60000", 0}})
	},
	"tu8": func(r *runner) {
		r.serve()
		const replicas = 4
		for n := range replicas {
			r.replica(2 + n).sync()
		}
		for _, n := range []int{3, 4, 5, 9} { // as many as there are answer at once
			start := time.Now()
			r.play([]stageStep{{fmt.Sprintf("WAIT %d 500", n), replicas}})
			if took := time.Since(start); n > replicas && took < 500*time.Millisecond {
				r.t.Errorf("WAIT %d returned after %v", n, took)
			}
		}
	},
	"na2": waitsForWrites,
}

// hasReplid wants a master's ID of 40 letters and digits.
func hasReplid(v reply) error {
	for line := range strings.Lines(v.text) {
		if id, ok := strings.CutPrefix(line, "master_replid:"); ok && isReplid(strings.TrimSpace(id)) {
			return nil
		}
	}
	return fmt.Errorf("no master_replid in %s", v)
}

func isReplid(id string) bool {
	return len(id) == 40 && strings.Trim(strings.ToLower(id), "0123456789abcdefghijklmnopqrstuvwxyz") == ""
}

// A runnerReplica is the runner in the role of a replica.
type runnerReplica struct {
	*runnerClient
	offset int // bytes of commands received since the snapshot
	began  bool
}

func (r *runner) replica(client int) *runnerReplica {
	r.t.Helper()
	r.synced = true
	return &runnerReplica{runnerClient: r.client(client)}
}

// introduce is the handshake up to PSYNC.
func (p *runnerReplica) introduce() {
	p.t.Helper()
	for _, step := range []struct{ line, want string }{{"PING", "PONG"}, {"REPLCONF listening-port 6380", "OK"}, {"REPLCONF capa psync2", "OK"}} {
		if v := p.do(strings.Fields(step.line)...); !v.matches(status(step.want)) {
			p.t.Fatalf("%s: got %s", step.line, v)
		}
	}
}

// wantFullResync reads the answer to PSYNC. The snapshot may be behind it already.
func (p *runnerReplica) wantFullResync() {
	p.t.Helper()
	words := strings.Fields(p.readMore().text)
	if len(words) != 3 || words[0] != "FULLRESYNC" || !isReplid(words[1]) || words[2] != "0" {
		p.t.Fatalf("got %q for PSYNC", words)
	}
}

// sync gets the snapshot of an empty server, and looks at it.
func (p *runnerReplica) sync() {
	p.t.Helper()
	p.introduce()
	p.send("PSYNC", "?", "-1")
	p.wantFullResync()
	p.deadline(stageLimit())
	head, err := p.r.ReadString('\n')
	size, bad := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(head, "$"), "\r\n"))
	if err != nil || bad != nil || head[0] != '$' {
		p.t.Fatalf("got %q, %v for the snapshot's length", head, err)
	}
	if err := checkEmptySnapshot(string(p.readExact(size))); err != nil {
		p.t.Fatal(err)
	}
	p.quiet()
}

// checkEmptySnapshot walks through a snapshot without keys. The runner knows nothing
// but auxiliary fields, databases and keys there.
func checkEmptySnapshot(b string) error {
	version, err := strconv.Atoi(b[5:9])
	if err != nil || b[:5] != "REDIS" || version < 1 || version > 12 {
		return fmt.Errorf("header %q", b[:9])
	}
	at := 9
	skip := func() { // a string: short, or an integer
		switch n := b[at]; {
		case n < 0x40:
			at += 1 + int(n)
		case n >= 0xc0 && n <= 0xc2:
			at += 1 + 1<<(n-0xc0)
		default:
			at += 2 + int(n&0x3f)<<8 + int(b[at+1])
		}
	}
	for {
		op := b[at]
		at++
		switch op {
		case 0xfa:
			skip()
			skip()
		case 0xff:
			if len(b) != at+8 {
				return fmt.Errorf("%d bytes behind the end", len(b)-at)
			}
			return nil
		default:
			return fmt.Errorf("opcode %#x at byte %d of %q", op, at-1, b)
		}
	}
}

// next returns the next command from the master. One SELECT may come before the first.
func (p *runnerReplica) next() []string {
	p.t.Helper()
	for {
		var args []string
		for _, e := range p.readMore().elems {
			args = append(args, e.text)
		}
		p.offset += len(appendCommand(nil, args...))
		first := !p.began
		p.began = true
		if first && len(args) > 0 && strings.EqualFold(args[0], "SELECT") {
			continue
		}
		return args
	}
}

func (p *runnerReplica) wants(line string) {
	p.t.Helper()
	want := strings.Fields(line)
	got := p.next()
	if len(got) == 0 || !strings.EqualFold(got[0], want[0]) || !slices.Equal(got[1:], want[1:]) {
		p.t.Fatalf("got %q, want %q", got, want)
	}
}

// propagates is the stages that look at what replicas are sent.
func propagates(r *runner, replicas int) {
	r.serve()
	var all []*runnerReplica
	for n := range replicas {
		p := r.replica(2 + n)
		p.sync()
		all = append(all, p)
	}
	lines := []string{"SET foo 123", "SET bar 456", "SET baz 789"}
	for _, line := range lines {
		r.play([]stageStep{{line, status("OK")}})
	}
	for _, p := range all {
		for _, line := range lines {
			p.wants(line)
		}
		p.quiet()
	}
}

// waitsForWrites is the stage in which replicas acknowledge, or do not.
func waitsForWrites(r *runner) {
	r.serve()
	var all []*runnerReplica
	for n := range 3 {
		p := r.replica(2 + n)
		p.sync()
		all = append(all, p)
	}
	// asked reads the write and the question that follows, and answers with acks.
	asked := func(write string, acks int) {
		for n, p := range all {
			p.wants(write)
			before := p.offset
			p.wants("REPLCONF GETACK *")
			p.quiet()
			if n < acks {
				p.send("REPLCONF", "ACK", strconv.Itoa(before))
			}
		}
	}
	r.play([]stageStep{{"SET foo 123", status("OK")}, {"WAIT 1 30000", noReply{}}})
	asked("SET foo 123", 1)
	r.play([]stageStep{{"1<", 1}, {"SET baz 789", status("OK")}})
	start := time.Now()
	r.play([]stageStep{{"WAIT 3 2000", noReply{}}})
	asked("SET baz 789", 2)
	r.play([]stageStep{{"1<", 2}})
	if took := time.Since(start); took < 1500*time.Millisecond {
		r.t.Errorf("WAIT returned after %v", took)
	}
}

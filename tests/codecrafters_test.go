package tests

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The stages of codecrafters' course "Build your own Redis", asked as the course's
// runner asks them. testdata/codecrafters_stages.txt lists them all. Each stage starts
// a server, all in one working directory, one after the other: what a stage leaves
// there meets the next one. The runner looks for a moment behind every reply whether
// more has come than was asked for, and so do we.
//
// The simple stages are tables (codecrafters_stages_test.go); those with files are in
// codecrafters_files_test.go, and those in which the test plays a master or a replica
// in codecrafters_replica_test.go and codecrafters_master_test.go.

const (
	runnerPort        = 6379 // the runner knows no other, and 6380 for a replica
	runnerReplicaPort = 6380
	runnerLogMax      = 30_000 // of what a program prints the runner reads so much
	surplusWait       = time.Millisecond
)

// stageLimit is how long a reply may take. The runner waits for two seconds, but its
// machine is not as busy as one that looks for races.
func stageLimit() time.Duration {
	if os.Getenv(envRace) != "" {
		return 20 * time.Second
	}
	return 5 * time.Second
}

// TestCodecrafters runs every stage of the list, in its order.
func TestCodecrafters(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the course's runner runs on Unix")
	}
	stages := map[string]func(*runner){}
	for slug, steps := range stageTable {
		stages[slug] = func(r *runner) { r.serve(); r.play(steps) }
	}
	for _, family := range []map[string]func(*runner){fileStages, replicaStages, masterStages} {
		for slug, run := range family {
			if stages[slug] != nil {
				t.Fatalf("stage %s is there twice", slug)
			}
			stages[slug] = run
		}
	}
	r := &runner{path: serverPath(t), dir: t.TempDir(), port: runnerPort, replicaPort: runnerReplicaPort}
	list := readStages(t)
	for _, slug := range list {
		run := stages[slug]
		if run == nil {
			t.Errorf("stage %s has no test", slug)
			continue
		}
		t.Run(slug, func(t *testing.T) { r.stage(t, run) })
	}
	if len(stages) != len(list) {
		t.Errorf("%d stages have a test, %d are listed", len(stages), len(list))
	}
}

// readStages returns the slugs of the course's stages.
func readStages(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/codecrafters_stages.txt")
	if err != nil {
		t.Fatal(err)
	}
	var slugs []string
	for line := range strings.Lines(string(text)) {
		if slug, _, ok := strings.Cut(line, " "); ok && slug != "#" {
			slugs = append(slugs, slug)
		}
	}
	return slugs
}

// A runner plays one stage after the other.
type runner struct {
	path              string
	dir               string // the working directory of every server
	port, replicaPort int
	synced            bool // there was a sync, which leaves the snapshot of it, as in Redis

	// Of the stage that is played:
	t       *testing.T
	server  *server
	clients map[int]*runnerClient
}

func (r *runner) stage(t *testing.T, run func(*runner)) {
	r.t, r.server, r.clients = t, nil, map[int]*runnerClient{}
	defer r.end()
	run(r)
}

// end stops the stage's server as the runner does, and looks at what it printed and
// left behind.
func (r *runner) end() {
	for _, c := range r.clients {
		c.conn.Close()
	}
	if r.server == nil {
		return
	}
	if err := r.server.stop(); err != nil {
		r.t.Error(err)
	}
	if log, err := os.Stat(r.server.logPath); err != nil || log.Size() > runnerLogMax {
		r.t.Errorf("more is printed than the runner reads: %v, %v", log, err)
	}
	left, err := os.ReadDir(r.dir)
	if err != nil {
		r.t.Error(err)
	}
	for _, e := range left {
		if e.Name() != "dump.rdb" || !r.synced {
			r.t.Errorf("%s is left in the working directory", e.Name())
		}
	}
}

// serve starts the server. The runner gives no port, and so do we, unless somebody
// else on this machine has it.
func (r *runner) serve(flags ...string) {
	r.t.Helper()
	r.serveAt(&r.port, func() []string {
		if r.port == runnerPort {
			return flags
		}
		return append([]string{"--port", strconv.Itoa(r.port)}, flags...)
	})
}

// serveAt starts the server on a port, or on another one when that is taken.
func (r *runner) serveAt(port *int, args func() []string) {
	r.t.Helper()
	for {
		err := r.launch(*port, args())
		if err == nil {
			return
		}
		if !errors.Is(err, errPortTaken) {
			r.t.Fatal(err)
		}
		*port = freePort()
	}
}

// launch starts the program as run.sh does: no stage but those that ask for it may
// leave a dump. Its standard input stays open.
func (r *runner) launch(port int, args []string) error {
	s := &server{port: port, dir: r.dir, logPath: filepath.Join(r.t.TempDir(), "server.log"), done: make(chan struct{})}
	if err := r.begin(s, args); err != nil {
		return err
	}
	if err := s.waitReady(); err != nil {
		s.kill()
		return err
	}
	r.server = s
	return nil
}

// begin starts the program, and does not wait for it.
func (r *runner) begin(s *server, args []string) error {
	s.cmd = exec.Command(r.path, append([]string{"--save", ""}, args...)...)
	s.cmd.Dir = s.dir
	endWithParent(s.cmd)
	log, err := os.Create(s.logPath)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		s.cmd.Wait() // how it ended is read from ProcessState
		stdin.Close()
		close(s.done)
	}()
	return nil
}

// client returns the stage's nth client, which connects when it is first used.
func (r *runner) client(n int) *runnerClient {
	r.t.Helper()
	if c := r.clients[n]; c != nil {
		return c
	}
	conn, err := net.DialTimeout("tcp", net.JoinHostPort("localhost", strconv.Itoa(r.server.port)), stageLimit())
	if err != nil {
		r.t.Fatal(err)
	}
	c := &runnerClient{t: r.t, conn: conn, r: bufio.NewReader(conn)}
	r.clients[n] = c
	return c
}

// A runnerClient is a connection on which everything is read as the runner reads it.
type runnerClient struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func (c *runnerClient) send(args ...string) {
	c.t.Helper()
	c.sendRaw(appendCommand(nil, args...))
}

func (c *runnerClient) sendRaw(b []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// read returns the next message, behind which there may be nothing.
func (c *runnerClient) read() reply {
	c.t.Helper()
	v := c.readMore()
	c.quiet()
	return v
}

// readMore returns the next message, behind which more may come.
func (c *runnerClient) readMore() reply {
	c.t.Helper()
	c.deadline(stageLimit())
	v, err := readReply(c.r)
	if err != nil {
		c.t.Fatal(err)
	}
	if !strings.ContainsRune("+-:$*", rune(v.kind)) {
		c.t.Fatalf("the runner does not know the type of %s", v)
	}
	return v
}

// quiet looks for surplus bytes.
func (c *runnerClient) quiet() {
	c.t.Helper()
	c.deadline(surplusWait)
	if b, err := c.r.Peek(1); err == nil {
		rest, _ := c.r.Peek(c.r.Buffered())
		c.t.Fatalf("found extra data: %q %q", b, rest)
	} else if !errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatal(err)
	}
}

func (c *runnerClient) deadline(after time.Duration) {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(after)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *runnerClient) do(args ...string) reply {
	c.t.Helper()
	c.send(args...)
	return c.read()
}

// A stageStep is a command, split as in scripts, and its reply. "2> " in front makes the
// second client send it. "2<" reads a message that client 2 has sent no command for,
// "2!" says that none has come, "blocked 2" waits until two clients are blocked, and
// "after expiry" until what the runner gave a short life has had it.
type stageStep struct {
	line string
	want any
}

// What a step may want besides what client.expect knows.
type (
	noReply    struct{}          // the command is sent, and the reply read later
	emptyArray struct{}          // *0
	nullBulk   struct{}          // $-1
	nullArray  struct{}          // *-1
	errLike    []string          // an error with all these words in it, in any case
	errCode    string            // an error that begins with this
	check      func(reply) error // nil when it is right
)

// play runs the steps.
func (r *runner) play(steps []stageStep) {
	r.t.Helper()
	for _, s := range steps {
		if n, ok := strings.CutPrefix(s.line, "blocked "); ok {
			waitFor(r.t, s.line, func() bool { return r.server.info(r.t, "blocked_clients") == n })
			continue
		}
		if s.line == "after expiry" {
			<-time.After(expiry)
			continue
		}
		c, line := r.client(1), s.line
		if len(line) > 1 && line[0] >= '1' && line[0] <= '9' && strings.IndexByte("<>!", line[1]) >= 0 {
			c = r.client(int(line[0] - '0'))
			switch line[1] {
			case '!':
				c.quiet()
				continue
			case '>':
				line = line[2:]
			}
		}
		if !strings.HasSuffix(line, "<") {
			args, err := splitLine(line)
			if err != nil {
				r.t.Fatal(err)
			}
			c.send(args...)
		}
		if _, later := s.want.(noReply); later {
			c.quiet()
			continue
		}
		if v := c.read(); !agrees(v, s.want) {
			r.t.Fatalf("%s\ngot  %s\nwant %v", s.line, v, s.want)
		}
	}
}

func agrees(v reply, want any) bool {
	switch want := want.(type) {
	case emptyArray:
		return v.kind == '*' && !v.null && len(v.elems) == 0
	case nullBulk:
		return v.kind == '$' && v.null
	case nullArray:
		return v.kind == '*' && v.null
	case errCode:
		return v.kind == '-' && strings.HasPrefix(v.text, string(want))
	case errLike:
		return v.kind == '-' && strings.HasPrefix(v.text, "ERR ") && !slices.ContainsFunc(want, func(word string) bool {
			return !strings.Contains(strings.ToLower(v.text), word)
		})
	case check:
		return want(v) == nil
	case []any:
		return v.kind == '*' && !v.null && slices.EqualFunc(v.elems, want, agrees)
	}
	return v.matches(want)
}

// bulks is an array of bulk strings.
func bulks(words ...string) []any {
	list := make([]any, len(words))
	for i, w := range words {
		list[i] = w
	}
	return list
}

// near wants a bulk string with a number within a distance of another.
func near(number, distance float64) check {
	return func(v reply) error {
		got, err := strconv.ParseFloat(v.text, 64)
		if v.kind != '$' || err != nil || got < number-distance || got > number+distance {
			return fmt.Errorf("%s is not about %v", v, number)
		}
		return nil
	}
}

// TestCodecraftersMemoryDoctor asks what the runner asks last, to find out who has put
// Redis in the place of a program of his own. Its sign is the name that Redis gives
// itself there.
func TestCodecraftersMemoryDoctor(t *testing.T) {
	if os.Getenv(envServer) != "" {
		t.Skip("it is about our server")
	}
	c := start(t).client(t)
	v := c.do("MEMORY", "DOCTOR")
	if v.kind == '$' && strings.Contains(strings.ToLower(v.text), "sam") {
		t.Errorf("taken for Redis: %s", v)
	}
}

// endsWithin asks a server to end and holds that it does so in time.
func endsWithin(t *testing.T, s *server, limit time.Duration) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.done:
	case <-time.After(limit):
		s.kill()
		t.Fatalf("still there %v after SIGTERM\n%s", limit, s.logTail())
	}
}

// readExact reads n bytes that are not a reply.
func (c *runnerClient) readExact(n int) []byte {
	c.t.Helper()
	c.deadline(stageLimit())
	b := make([]byte, n)
	if _, err := io.ReadFull(c.r, b); err != nil {
		c.t.Fatal(err)
	}
	return bytes.Clone(b)
}

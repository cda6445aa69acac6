package tests

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Lines that stand in an answer where no reply came.
const (
	timedOut  = "(timeout)" // the server said nothing for replyPatience
	wasClosed = "(closed)"  // the server closed the connection
	saidNone  = "(nothing)" // nothing was to come, and nothing came
)

// replyPatience is how long a step waits for a message. A script that gets
// no answer must not hold up the others for long.
const replyPatience = 10 * time.Second

// silentMax is how many steps may stay without an answer before the rest of
// the script is not worth the wait.
const silentMax = 3

// quiet is how long [raw] listens to be sure that no more bytes come.
const quiet = 60 * time.Millisecond

// A replay is one run of a script under one RESP version.
type replay struct {
	t       *testing.T
	s       *server
	version int
	clients map[int]*scriptClient
	vars    map[string]string
}

// A scriptClient is a numbered connection of a script.
type scriptClient struct {
	conn    net.Conn
	r       *bufio.Reader
	tape    bytes.Buffer // what r has read from conn
	pending int          // [async] commands whose replies were not read yet
	dead    bool         // closed by the server, or a read timed out
}

// replayScript runs sc on a new server and returns what each step printed.
func replayScript(t *testing.T, path string, sc *script, version int) map[*step][]string {
	t.Helper()
	dir := t.TempDir()
	var flags []string
	if len(sc.conf) > 0 {
		conf := filepath.Join(dir, "redis.conf")
		if err := os.WriteFile(conf, []byte(strings.Join(sc.conf, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		flags = append(flags, conf)
	}
	s, err := launch(path, dir, append(flags, sc.flags...)...)
	if err != nil {
		t.Fatal(err)
	}
	rp := &replay{t: t, s: s, version: version, clients: map[int]*scriptClient{}, vars: map[string]string{}}
	defer func() {
		for _, c := range rp.clients {
			c.conn.Close()
		}
		if err := s.stop(); err != nil {
			t.Errorf("%s: %v", sc.path, err)
		}
	}()
	got := map[*step][]string{}
	silent := 0
	for _, st := range sc.steps() {
		if !st.runsIn(version) {
			continue
		}
		lines, err := rp.run(st)
		if err != nil {
			t.Errorf("%s:%d: %s: %v", sc.path, st.line, st.source, err)
			return got
		}
		got[st] = rp.anonymous(lines)
		if slices.Contains(lines, timedOut) {
			if silent++; silent == silentMax {
				t.Errorf("%s:%d: RESP%d: given up after %d steps without an answer", sc.path, st.line, version, silent)
				return got
			}
		}
	}
	for n, c := range rp.clients {
		if line := rp.surplus(c); line != "" {
			t.Errorf("%s: RESP%d: client %d was sent more than the script reads: %s", sc.path, version, n, line)
		}
	}
	return got
}

// run does one step. An error means that the script itself is wrong.
func (rp *replay) run(st *step) ([]string, error) {
	if m, ok := st.mark("file"); ok {
		return rp.readFile(m.args[0], st)
	}
	if _, ok := st.mark("close"); ok {
		if c := rp.clients[st.client]; c != nil {
			c.conn.Close()
			delete(rp.clients, st.client)
		}
		return nil, nil
	}
	c, err := rp.client(st.client)
	if err != nil {
		return nil, err
	}
	if _, ok := st.mark("open"); ok {
		return nil, nil
	}
	if _, ok := st.mark("all"); ok {
		return rp.all(c, st)
	}
	if _, ok := st.mark("raw"); ok {
		return rp.raw(c, st)
	}
	if m, ok := st.mark("until"); ok {
		return rp.until(c, st, m)
	}
	if m, ok := st.mark("for"); ok {
		return rp.loop(c, st, m)
	}
	return rp.exchange(c, st)
}

// client returns the connection with that number, made when first used or
// when the server has closed the one before.
func (rp *replay) client(n int) (*scriptClient, error) {
	if c := rp.clients[n]; c != nil && !c.dead {
		return c, nil
	}
	conn, err := net.Dial("tcp", rp.s.addr())
	if err != nil {
		return nil, err
	}
	c := &scriptClient{conn: conn}
	c.r = bufio.NewReader(io.TeeReader(conn, &c.tape))
	rp.clients[n] = c
	rp.vars["addr"+strconv.Itoa(n)] = conn.LocalAddr().String()
	if rp.version == 3 {
		if _, err := conn.Write(appendCommand(nil, "HELLO", "3")); err != nil {
			return nil, err
		}
		if _, _, err := c.next(); err != nil {
			return nil, fmt.Errorf("HELLO 3: %w", err)
		}
	}
	return c, nil
}

// next reads one message and the bytes it came in.
func (c *scriptClient) next() (reply, []byte, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(replyPatience)); err != nil {
		return reply{}, nil, err
	}
	c.tape.Next(c.tape.Len() - c.r.Buffered())
	v, err := readReply(c.r)
	wire := c.tape.Bytes()[:c.tape.Len()-c.r.Buffered()]
	return v, wire, err
}

// exchange sends the step's command, if it has one, and prints the replies.
func (rp *replay) exchange(c *scriptClient, st *step) ([]string, error) {
	if st.receive {
		c.pending = max(0, c.pending-1)
	} else {
		args, err := rp.args(st.command)
		if err != nil {
			return nil, err
		}
		if _, err := c.conn.Write(appendCommand(nil, args...)); err != nil {
			return c.lost(err), nil
		}
	}
	if _, ok := st.mark("async"); ok {
		c.pending++
		return nil, nil
	}
	count := 1
	if m, ok := st.mark("replies"); ok {
		var err error
		if count, err = strconv.Atoi(m.args[0]); err != nil {
			return nil, err
		}
	}
	return rp.collect(c, st, count)
}

// collect reads and prints that many messages.
func (rp *replay) collect(c *scriptClient, st *step, count int) ([]string, error) {
	var messages []string
	for range count {
		v, wire, err := c.next()
		if err != nil {
			messages = append(messages, c.lost(err)...)
			break
		}
		if _, ok := st.mark("wire"); ok {
			messages = append(messages, quoteShort(string(wire)))
			continue
		}
		v, err = rp.applyMarks(v, st.marks)
		if err != nil {
			return nil, err
		}
		messages = append(messages, v.String())
	}
	if _, ok := st.mark("shuffled"); ok {
		slices.Sort(messages)
	}
	var out []string
	for _, m := range messages {
		out = append(out, strings.Split(m, "\n")...)
	}
	return out, nil
}

// lost prints why no reply came.
func (c *scriptClient) lost(err error) []string {
	c.dead = true
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return []string{timedOut}
	}
	return []string{wasClosed}
}

// raw sends bytes as they are, one write for each string, and prints what
// comes back, as bytes, until the server is quiet or closes the connection.
func (rp *replay) raw(c *scriptClient, st *step) ([]string, error) {
	writes, err := rp.args(st.command)
	if err != nil {
		return nil, err
	}
	for i, w := range writes {
		if i > 0 {
			pause() // so that the server sees a read of its own for each write
		}
		if _, err := io.WriteString(c.conn, w); err != nil {
			break // what was said before the end is still to be read
		}
	}
	want := st.answer(rp.version)
	var got []byte
	var print []string
	for end := time.Now().Add(replyPatience); time.Now().Before(end); {
		if err := c.conn.SetReadDeadline(time.Now().Add(quiet)); err != nil {
			return nil, err
		}
		b, err := c.r.ReadByte()
		if err == nil {
			got = append(got, b)
			continue
		}
		print = printBytes(got)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			c.dead = true
			return append(print, wasClosed), nil
		}
		if len(print) == 0 {
			print = []string{saidNone}
		}
		if len(want) == 0 || strings.Join(print, "\n") == strings.Join(want, "\n") || os.Getenv(envGolden) != "" {
			break
		}
	}
	return print, nil
}

func printBytes(b []byte) []string {
	if len(b) == 0 {
		return nil
	}
	return []string{quoteShort(string(b))}
}

// until repeats the command until its printed reply matches.
func (rp *replay) until(c *scriptClient, st *step, m mark) ([]string, error) {
	re, err := regexp.Compile(m.args[0])
	if err != nil {
		return nil, err
	}
	var out []string
	for end := time.Now().Add(replyPatience); time.Now().Before(end); pause() {
		if out, err = rp.exchange(c, st); err != nil || c.dead || re.MatchString(strings.Join(out, "\n")) {
			break
		}
	}
	return out, err
}

// loop runs the command with ${i} counting up, and prints the last reply.
func (rp *replay) loop(c *scriptClient, st *step, m mark) ([]string, error) {
	if len(m.args) != 2 {
		return nil, errors.New("[for FIRST LAST] has two numbers")
	}
	first, err := strconv.Atoi(m.args[0])
	if err != nil {
		return nil, err
	}
	last, err := strconv.Atoi(m.args[1])
	if err != nil {
		return nil, err
	}
	var out []string
	for i := first; i <= last && !c.dead; i++ {
		rp.vars["i"] = strconv.Itoa(i)
		if out, err = rp.exchange(c, st); err != nil {
			return nil, err
		}
	}
	delete(rp.vars, "i")
	return out, nil
}

// readFile prints a file of the server's directory.
func (rp *replay) readFile(name string, st *step) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(rp.s.dir, name))
	if err != nil {
		return nil, err
	}
	v, err := rp.applyMarks(textLines(string(text)), st.marks)
	return v.lines(), err
}

// lastWord is what a client says to find the end of what it was sent: the
// server's answer to it comes after everything else.
const lastWord = "nothing-more"

// isLastWord recognizes the answer to PING nothing-more, in every state that
// a client may be in.
func isLastWord(v reply) bool {
	text := v.String()
	return strings.Contains(text, lastWord) || v.kind == '-' || text == "+QUEUED"
}

// all prints every message that waits for c.
func (rp *replay) all(c *scriptClient, st *step) ([]string, error) {
	if _, err := c.conn.Write(appendCommand(nil, "PING", lastWord)); err != nil {
		return c.lost(err), nil
	}
	var out []string
	for {
		v, _, err := c.next()
		if err != nil {
			return append(out, c.lost(err)...), nil
		}
		if isLastWord(v) {
			break
		}
		if v, err = rp.applyMarks(v, st.marks); err != nil {
			return nil, err
		}
		out = append(out, v.lines()...)
	}
	if len(out) == 0 {
		return []string{saidNone}, nil
	}
	return out, nil
}

// surplus returns the first message for c that the script has not read.
// Silence is fine: the client may have asked for no replies.
func (rp *replay) surplus(c *scriptClient) string {
	if c.dead || c.pending > 0 {
		return ""
	}
	if _, err := c.conn.Write(appendCommand(nil, "PING", lastWord)); err != nil {
		return ""
	}
	if err := c.conn.SetReadDeadline(time.Now().Add(replyPatience / 20)); err != nil {
		return err.Error()
	}
	if v, err := readReply(c.r); err == nil && !isLastWord(v) {
		return v.String()
	}
	return ""
}

// args splits a command line and fills in ${…}.
func (rp *replay) args(line string) ([]string, error) {
	args, err := splitLine(line)
	if err != nil {
		return nil, err
	}
	for i, a := range args {
		if args[i], err = rp.expand(a); err != nil {
			return nil, err
		}
	}
	return args, nil
}

var (
	variable  = regexp.MustCompile(`\$\{[^}]*\}`)
	moment    = regexp.MustCompile(`^(now|nowms)([+-]\d+)?$`)
	manyTimes = regexp.MustCompile(`^(.+)\*(\d+)$`)
)

// expand replaces ${name}, ${now+100}, ${nowms-1}, ${port}, ${dir} and ${x*1000}.
func (rp *replay) expand(s string) (string, error) {
	var failure error
	return variable.ReplaceAllStringFunc(s, func(v string) string {
		name := v[2 : len(v)-1]
		if value, ok := rp.vars[name]; ok {
			return value
		}
		if m := moment.FindStringSubmatch(name); m != nil {
			offset, err := strconv.ParseInt("0"+strings.TrimLeft(m[2], "+-"), 10, 64)
			if err != nil {
				failure = err
			}
			if strings.HasPrefix(m[2], "-") {
				offset = -offset
			}
			if m[1] == "now" {
				return strconv.FormatInt(time.Now().Unix()+offset, 10)
			}
			return strconv.FormatInt(time.Now().UnixMilli()+offset, 10)
		}
		if m := manyTimes.FindStringSubmatch(name); m != nil {
			n, err := strconv.Atoi(m[2])
			if err != nil {
				failure = err
			}
			return strings.Repeat(m[1], n)
		}
		switch name {
		case "port":
			return strconv.Itoa(rp.s.port)
		case "dir":
			return rp.s.dir
		}
		failure = fmt.Errorf("unknown variable %s", v)
		return v
	}), failure
}

// anonymous replaces what differs between runs: the server's directory and
// port, and the clients' addresses.
func (rp *replay) anonymous(lines []string) []string {
	port := regexp.MustCompile(`\b` + strconv.Itoa(rp.s.port) + `\b`)
	out := make([]string, len(lines))
	for i, line := range lines {
		line = strings.ReplaceAll(line, rp.s.dir, "${dir}")
		for name, value := range rp.vars {
			if strings.HasPrefix(name, "addr") {
				line = strings.ReplaceAll(line, value, "${"+name+"}")
			}
		}
		out[i] = port.ReplaceAllString(line, "$${port}")
	}
	return out
}

package tests

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Starting and stopping the program. First, with a wrong configuration: the cases and the answers of the real
// server are those that app/config is tested with, where their format is
// described; here the program itself is started, and has to end.

// A startCase is one configuration that no server starts with.
type startCase struct {
	line  int
	files map[string]string // by name; the standard input is "-"
	args  []string
	want  []string
}

func TestConfigErrors(t *testing.T) {
	cases := readStartCases(t, filepath.Join("testdata", "config_errors.txt"))
	if len(cases) < 200 {
		t.Fatalf("only %d cases", len(cases))
	}
	path := serverPath(t)
	for _, c := range cases {
		t.Run("line "+strconv.Itoa(c.line), func(t *testing.T) {
			t.Parallel()
			if got := c.run(t, path); !slices.Equal(got, c.want) {
				t.Errorf("%q %v\ngot:\n%s\nwant:\n%s", c.files, c.args, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

// readStartCases reads paragraphs of lines; what a line is its start tells.
func readStartCases(t *testing.T, path string) []startCase {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []startCase
	file, within := "", false
	for i, line := range strings.Split(string(data), "\n") {
		if line == "" {
			within = false
			continue
		}
		if !within {
			within = true
			cases = append(cases, startCase{line: i + 1, files: make(map[string]string)})
		}
		c := &cases[len(cases)-1]
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case word == "@conf":
			file = "redis.conf"
			c.args = append([]string{file}, c.args...)
			c.files[file] = ""
		case word == "@file":
			file = rest
			c.files[file] = ""
		case word == "@stdin":
			file = "-"
		case word == "@args":
			c.args = append(c.args, goStrings(t, rest)...)
		case word == "|":
			c.files[file] += rest + "\n"
		case strings.HasPrefix(line, `|"`):
			c.files[file] += goStrings(t, line[1:])[0]
		case word == "=":
			c.want = append(c.want, rest)
		case word != "#":
			t.Fatalf("line %d: cannot read %q", i+1, line)
		}
	}
	return cases
}

// goStrings reads Go strings separated by blanks.
func goStrings(t *testing.T, s string) []string {
	t.Helper()
	var list []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		plain, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		list = append(list, plain)
		s = s[len(quoted):]
	}
	return list
}

// run starts the program and says how it ended, as the golden file has it.
func (c *startCase) run(t *testing.T, path string) []string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	inDir := strings.NewReplacer("{dir}", dir)
	for name, content := range c.files {
		if name == "-" {
			continue
		}
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(inDir.Replace(content)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := make([]string, len(c.args))
	for i, a := range c.args {
		args[i] = inDir.Replace(a)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(c.files["-"])
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Fatal(err)
	}
	got := []string{fmt.Sprintf("exit %d", cmd.ProcessState.ExitCode())}
	if stderr.Len() > 0 {
		got = append(got, strings.Split(strings.TrimSuffix(stderr.String(), "\n"), "\n")...)
	}
	for line := range strings.Lines(stdout.String()) {
		if _, fatal, ok := strings.Cut(line, "# Fatal"); ok {
			got = append(got, "log: Fatal"+strings.TrimRight(fatal, "\n"))
		}
	}
	outDir := strings.NewReplacer(dir, "{dir}", filepath.Dir(dir), "{parent}")
	for i, line := range got {
		got[i] = strings.TrimRight(printable(outDir.Replace(line)), " ")
	}
	return got
}

// printable makes a Go string of a line with bytes unfit for a text file.
func printable(line string) string {
	if quoted := strconv.Quote(line); strings.Contains(quoted, `\x`) && !strings.Contains(line, `\x`) {
		return quoted
	}
	return line
}

// runToEnd runs the program until it ends by itself.
func runToEnd(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func TestVersionAndHelp(t *testing.T) {
	path := serverPath(t)
	for _, tt := range []struct{ flag, want string }{
		{"-v", "Redis server v=7.0.15 "},
		{"--version", "Redis server v=7.0.15 "},
		{"-h", "Usage: "},
		{"--help", "Usage: "},
	} {
		t.Run(tt.flag, func(t *testing.T) {
			code, stdout, _ := runToEnd(t, t.TempDir(), path, tt.flag)
			if code != 0 || !strings.HasPrefix(stdout, tt.want) {
				t.Errorf("exit %d, %q", code, stdout)
			}
		})
	}
}

// TestListenFails starts servers that find nowhere to listen.
func TestListenFails(t *testing.T) {
	first := start(t)
	taken := strconv.Itoa(first.port)
	free := strconv.Itoa(freePort())
	for _, tt := range []struct {
		name, want string
		args       []string
	}{
		{"port taken", "# Failed listening on port " + taken + " (TCP), aborting.\n", []string{"--port", taken}},
		{"address of another machine", "# Failed listening on port " + free + " (TCP), aborting.\n",
			[]string{"--port", free, "--bind", "127.0.0.1", "192.0.2.1"}},
		{"nowhere", "# Configured to not listen anywhere, exiting.\n", []string{"--port", "0"}},
		{"no folder for the socket", "# Failed opening Unix socket: bind: No such file or directory\n",
			[]string{"--port", "0", "--unixsocket", "nosuch/s.sock"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, _ := runToEnd(t, t.TempDir(), append([]string{serverPath(t)}, tt.args...)...)
			if code != 1 || !strings.HasSuffix(stdout, tt.want) {
				t.Errorf("exit %d\n%s", code, stdout)
			}
			if strings.Contains(stdout, "PID: ") {
				t.Errorf("the log says that it runs:\n%s", stdout)
			}
		})
	}
}

// TestStartLog looks at the lines that tools wait for.
func TestStartLog(t *testing.T) {
	s := start(t)
	log, err := os.ReadFile(s.logPath)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, want := range []string{
		fmt.Sprintf(" PID: %d", s.cmd.Process.Pid),
		"Server initialized",
		"Ready to accept connections",
	} {
		i := bytes.Index(log[at:], []byte(want))
		if i < 0 {
			t.Fatalf("no %q where it should be in\n%s", want, log)
		}
		at += i
	}
	if len(log) > 30<<10 {
		t.Errorf("%d bytes of log", len(log))
	}
}

// TestLogo asks for the logo, which tells what a line tells otherwise.
func TestLogo(t *testing.T) {
	s := start(t, "--always-show-logo", "yes")
	log := s.logTail()
	for _, want := range []string{"Running in standalone mode\n", fmt.Sprintf("Port: %d\n", s.port), fmt.Sprintf("PID: %d\n", s.cmd.Process.Pid)} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in\n%s", want, log)
		}
	}
	if strings.Contains(log, "Running mode=standalone") {
		t.Errorf("it is said twice:\n%s", log)
	}
}

func TestUnixSocket(t *testing.T) {
	s := start(t, "--unixsocket", "s.sock", "--unixsocketperm", "700", "--pidfile", "p.pid")
	path := filepath.Join(s.dir, "s.sock")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o700 {
		t.Errorf("the socket's mode is %o", mode)
	}
	c := dial(t, "unix", path)
	c.expect("PING", status("PONG"))
	if list := c.do("CLIENT", "INFO").text; !strings.Contains(list, " addr="+path+":0 ") || !strings.Contains(list, " flags=U ") {
		t.Errorf("CLIENT INFO is %s", list)
	}
	pid, err := os.ReadFile(filepath.Join(s.dir, "p.pid"))
	if err != nil || string(pid) != strconv.Itoa(s.cmd.Process.Pid)+"\n" {
		t.Errorf("the pid file holds %q, %v", pid, err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"s.sock", "p.pid"} {
		if _, err := os.Stat(filepath.Join(s.dir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left behind: %v", name, err)
		}
	}
}

func TestBind(t *testing.T) {
	s := start(t, "--bind", "127.0.0.1", "-192.0.2.1", "-::1", "127.0.0.2")
	dial(t, "tcp", s.addr()).expect("PING", status("PONG"))
	c := dial(t, "tcp", net.JoinHostPort("127.0.0.2", strconv.Itoa(s.port)))
	c.expect("PING", status("PONG"))
}

// TestConfigSetPort moves a server about while clients hold on.
func TestConfigSetPort(t *testing.T) {
	s := start(t)
	c := s.client(t)
	other := start(t)
	if got := c.do("CONFIG", "SET", "port", strconv.Itoa(other.port)).text; !strings.Contains(got, "Unable to listen on this port") {
		t.Errorf("a taken port: %s", got)
	}
	dial(t, "tcp", s.addr()).expect("PING", status("PONG"))
	c.ok("CONFIG SET bind 127.0.0.2")
	dial(t, "tcp", net.JoinHostPort("127.0.0.2", strconv.Itoa(s.port))).expect("PING", status("PONG"))
	if conn, err := net.Dial("tcp", s.addr()); err == nil {
		conn.Close()
		t.Error("the address that was left still answers")
	}
	port := strconv.Itoa(freePort())
	c.ok("CONFIG SET port " + port + " bind 127.0.0.1")
	dial(t, "tcp", net.JoinHostPort("127.0.0.1", port)).expect("PING", status("PONG"))
	c.ok("CONFIG SET port 0")
	if conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
		conn.Close()
		t.Error("port 0 still answers")
	}
	c.expect("PING", status("PONG"))
}

// TestLogFile moves the log away under the running server.
func TestLogFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "my.log")
	port := freePort()
	cmd := exec.Command(serverPath(t), "--port", strconv.Itoa(port), "--save", "", "--logfile", "my.log", "--dir", dir, "--enable-debug-command", "yes")
	endWithParent(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { cmd.Process.Kill() })
	logged := func(line string) {
		t.Helper()
		waitFor(t, line, func() bool {
			data, err := os.ReadFile(path)
			return err == nil && bytes.Contains(data, []byte(line))
		})
	}
	logged("Ready to accept connections")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	c := dial(t, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	c.ok("DEBUG LOG moved")
	logged("DEBUG LOG: moved")
	c.send("SHUTDOWN")
	c.readEOF()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	logged("bye bye")
}

// TestStopBusy sends SIGTERM to a server whose clients neither stop sending
// nor read what they are answered.
func TestStopBusy(t *testing.T) {
	s := start(t)
	batch := bytes.Repeat([]byte("SET k v\r\nGET k\r\n"), 200)
	for range 100 {
		c := s.client(t)
		go func() {
			for {
				if _, err := c.conn.Write(batch); err != nil {
					return
				}
			}
		}()
	}
	waitFor(t, "some load", func() bool { return s.infoInt(t, "total_commands_processed") > 10000 })
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

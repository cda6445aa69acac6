package tests

import (
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// TestFileLimit starts the program with too few file descriptors.
func TestFileLimit(t *testing.T) {
	path := serverPath(t)
	dir := t.TempDir()
	limited := func(files int, args ...string) *exec.Cmd {
		script := "ulimit -n " + strconv.Itoa(files) + " && exec \"$@\""
		return exec.Command("sh", append([]string{"-c", script, "sh", path}, args...)...)
	}
	port := strconv.Itoa(freePort())
	cmd := limited(200, "--port", port, "--save", "")
	cmd.Dir = dir
	endWithParent(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	addr := net.JoinHostPort("127.0.0.1", port)
	waitFor(t, "the server to listen", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	c := dial(t, "tcp", addr)
	if got := c.do("CONFIG", "GET", "maxclients").String(); !strings.Contains(got, "168") {
		t.Errorf("maxclients is %s", got)
	}
	const want = "The operating system is not able to handle the specified number of clients, try with 168"
	if got := c.do("CONFIG", "SET", "maxclients", "1000").text; !strings.Contains(got, want) {
		t.Errorf("more clients than files: %s", got)
	}
	c.ok("CONFIG SET maxclients 100")

	few := limited(32, "--port", port)
	out, err := few.Output()
	if err == nil || !strings.Contains(string(out), "Your current 'ulimit -n' of 32 is not enough for the server to start.") {
		t.Errorf("%v\n%s", err, out)
	}
}

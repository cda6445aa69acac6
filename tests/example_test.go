package tests

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// TestCompleteExample builds the published example program of package store,
// as it stands, and drives it over TCP.
func TestCompleteExample(t *testing.T) {
	example, err := filepath.Abs("testdata/complete_example.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	main, err := filepath.Abs("../main.go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {main: example}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o644); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "example")
	build := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", bin, "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the example does not build: %v\n%s", err, out)
	}
	port := freePort()
	cmd := exec.Command(bin, "--port", strconv.Itoa(port), "--save", "")
	cmd.Dir = dir
	endWithParent(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	waitFor(t, "the example to listen", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	c := dial(t, "tcp", addr)
	c.expect("PING", status("PONG"))
	c.ok("SET greeting hello")
	c.expect("GET greeting", "hello")
}

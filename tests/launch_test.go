package tests

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// TestLaunchScripts starts the server the two ways that the course's runner
// does: in a working directory that is not the repository's, by a script that
// becomes the server. Nothing may be left in that directory.
func TestLaunchScripts(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the scripts are for a Unix shell")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range []string{"your_program.sh", ".codecrafters/run.sh"} {
		t.Run(script, func(t *testing.T) {
			if script == ".codecrafters/run.sh" {
				if out, err := exec.Command(filepath.Join(root, ".codecrafters/compile.sh")).CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			s, err := launchWith(filepath.Join(root, script), t.TempDir(), func(port string) []string {
				return []string{"--port", port, "--appendonly", "no"}
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.kill)
			c := s.client(t)
			c.ok("SET k v")
			c.expect("CONFIG GET save", []any{"save", ""})
			c.expect("CONFIG GET appendonly", []any{"appendonly", "no"})
			if err := s.stop(); err != nil {
				t.Fatal(err)
			}
			left, err := os.ReadDir(s.dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range left {
				if e.Name() != filepath.Base(s.logPath) {
					t.Errorf("%s is left in the working directory", e.Name())
				}
			}
		})
		t.Run(script+" arguments", func(t *testing.T) { launchArguments(t, filepath.Join(root, script)) })
	}
}

// launchArguments holds that what needs no server, and a configuration file,
// reach the program as they are.
func launchArguments(t *testing.T, script string) {
	for flag, want := range map[string]string{"-v": "v=", "--version": "v=", "-h": "Usage:", "--help": "Usage:"} {
		out, err := exec.Command(script, flag).CombinedOutput()
		if want == "v=" && err != nil || !bytes.Contains(out, []byte(want)) { // the usage ends with status 1
			t.Errorf("%s: %v\n%s", flag, err, out)
		}
	}
	conf := filepath.Join(t.TempDir(), "redis.conf")
	if err := os.WriteFile(conf, []byte("no-such-directive 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(script, conf).CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("FATAL CONFIG FILE ERROR")) {
		t.Errorf("%v\n%s", err, out)
	}
}

package tests

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// What is in dist: the program as an image has it, and the unit for systemd.

// TestStaticProgram builds the program as the Dockerfile does, for an image that holds
// nothing else: it must not ask for a loader or a library, and serve in an empty folder.
func TestStaticProgram(t *testing.T) {
	if runtime.GOOS != "linux" || os.Getenv(envServer) != "" {
		t.Skip("images are for Linux")
	}
	text, err := os.ReadFile(filepath.Join("..", "dist", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	_, line, found := strings.Cut(string(text), "\nRUN CGO_ENABLED=0 go build ")
	line, _, ended := strings.Cut(line, " && ")
	if !found || !ended || !strings.Contains(line, " -o /valkeyper ") {
		t.Fatalf("how does the Dockerfile build?\n%s", text)
	}
	path := filepath.Join(t.TempDir(), "valkeyper")
	cmd := exec.Command("sh", "-c", "CGO_ENABLED=0 go build "+strings.Replace(line, " -o /valkeyper ", ` -o "$1" `, 1), "sh", path)
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the program has a part %v: it is not static", p.Type)
		}
	}
	startProgram(t, path, "--protected-mode", "no").client(t).ok("SET k v")
}

// TestUnit has systemd look at the unit, if it is there.
func TestUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd")
	}
	text, err := os.ReadFile(filepath.Join("..", "dist", "valkeyper.service"))
	if err != nil {
		t.Fatal(err)
	}
	// It wants the program to be where the unit says.
	unit := filepath.Join(t.TempDir(), "valkeyper.service")
	here := strings.ReplaceAll(string(text), "/usr/local/bin/valkeyper ", serverPath(t)+" ")
	if here == string(text) {
		t.Fatal("the unit does not start the program")
	}
	if err := os.WriteFile(unit, []byte(here), 0o644); err != nil {
		t.Fatal(err)
	}
	// Its status is about the units of this system, too.
	if out, err := exec.CommandContext(t.Context(), analyze, "--man=no", "verify", unit).CombinedOutput(); strings.Contains(string(out), "valkeyper.service") {
		t.Errorf("%v\n%s", err, out)
	}
}

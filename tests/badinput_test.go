package tests

import (
	"bufio"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestBadRequests sends the requests of testdata/badinput, each on a
// connection of its own, and compares every byte that comes back with what
// redis-server sent. The format is that of the golden scripts, and GOLDEN
// records the answers anew. Afterwards the server lives, has no clients left
// and has not grown.
func TestBadRequests(t *testing.T) {
	paths, err := filepath.Glob("testdata/badinput/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sc, err := parseScript(path, string(text))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			if os.Getenv(envGolden) != "" {
				recordBadRequests(t, sc)
				return
			}
			got := sendBadRequests(t, start(t, sc.flags...), sc)
			for i, st := range sc.steps() {
				if !slices.Equal(got[i], st.answer(2)) {
					t.Errorf("%s:%d: %s\ngot:\n%s\nwant:\n%s", path, st.line, st.source,
						strings.Join(got[i], "\n"), strings.Join(st.answer(2), "\n"))
				}
			}
		})
	}
}

func recordBadRequests(t *testing.T, sc *script) {
	redis := pinnedRedis(t)
	got := sendBadRequests(t, startProgram(t, redis, sc.flags...), sc)
	again := sendBadRequests(t, startProgram(t, redis, sc.flags...), sc)
	for i, st := range sc.steps() {
		if !slices.Equal(got[i], again[i]) {
			t.Errorf("%s:%d: %s\nanswers differ between two runs\n%q\n%q", sc.path, st.line, st.source, got[i], again[i])
		}
		st.want = [2][]string{got[i]}
	}
	if t.Failed() {
		return
	}
	if err := os.WriteFile(sc.path, []byte(sc.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// sendBadRequests returns what each step of the script was answered.
func sendBadRequests(t *testing.T, s *server, sc *script) [][]string {
	t.Helper()
	before := s.resources(t)
	steps := sc.steps()
	got := make([][]string, len(steps))
	todo := make(chan int)
	var wg sync.WaitGroup
	for range 16 { // each step waits for silence, most of the time
		wg.Go(func() {
			for i := range todo {
				got[i] = sendBadRequest(t, s, steps[i])
			}
		})
	}
	for i := range steps {
		todo <- i
	}
	close(todo)
	wg.Wait()
	s.expectResources(t, before, 8<<20)
	return got
}

// sendBadRequest sends one step on a new connection.
func sendBadRequest(t *testing.T, s *server, st *step) []string {
	conn, err := net.Dial("tcp", s.addr())
	if err != nil {
		t.Error(err)
		return nil
	}
	defer conn.Close()
	c := &scriptClient{conn: conn}
	c.r = bufio.NewReader(io.TeeReader(conn, &c.tape))
	rp := &replay{t: t, s: s, version: 2, vars: map[string]string{}}
	lines, err := rp.raw(c, st)
	if err != nil {
		t.Errorf("%s: %v", st.source, err)
	}
	return lines
}

// resources are what clients must not cost a server once they are gone.
type resources struct{ clients, memory int }

// resources asks the server, past a password if need be.
func (s *server) resources(t testing.TB) resources {
	t.Helper()
	return resources{s.infoInt(t, "connected_clients"), s.infoInt(t, "used_memory")}
}

// expectResources waits until the server has the clients of before and at
// most so many bytes more.
func (s *server) expectResources(t testing.TB, before resources, growthMax int) {
	t.Helper()
	waitFor(t, "the server to let go of its clients", func() bool { return s.infoInt(t, "connected_clients") <= before.clients })
	waitFor(t, "the server to let go of memory", func() bool { return s.infoInt(t, "used_memory") <= before.memory+growthMax })
}

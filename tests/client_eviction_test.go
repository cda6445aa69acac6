package tests

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Clients that are closed for what they hold together: maxmemory-clients.

// greedy connects a client of that name with so many bytes of input that are no
// whole command, and waits until the server has them.
func greedy(t *testing.T, s *server, control *client, name string, size int) *client {
	t.Helper()
	c := s.client(t)
	c.ok("CLIENT SETNAME " + name)
	c.sendRaw(fmt.Appendf(nil, "*2\r\n$%d\r\n%s", size, strings.Repeat("v", size)))
	waitFor(t, "the input of "+name, func() bool {
		return strings.Contains(control.do("CLIENT", "LIST").text, fmt.Sprintf("name=%s ", name)) &&
			strings.Contains(control.do("CLIENT", "LIST").text, fmt.Sprintf("qbuf=%d ", size))
	})
	return c
}

// names are those of the clients that have one, in the order of their coming.
func names(control *client) (names []string) {
	for word := range strings.FieldsSeq(control.do("CLIENT", "LIST").text) {
		if name, has := strings.CutPrefix(word, "name="); has && name != "" {
			names = append(names, name)
		}
	}
	return names
}

// TestClientEviction lowers the limit under clients of several sizes: the largest
// go first, none more than need be, and who asked to be spared is.
func TestClientEviction(t *testing.T) {
	s := start(t)
	control := s.client(t)
	control.ok("CLIENT NO-EVICT on")
	greedy(t, s, control, "small", 100_000)
	greedy(t, s, control, "large", 1_500_000)
	greedy(t, s, control, "middle", 400_000)
	spared := s.client(t)
	spared.ok("CLIENT NO-EVICT on")
	spared.ok("CLIENT SETNAME spared")
	for _, step := range []struct {
		limit string
		left  []string
	}{
		{"10mb", []string{"small", "large", "middle", "spared"}},
		{"1500000", []string{"small", "middle", "spared"}},
		{"350000", []string{"small", "spared"}},
		{"1", []string{"spared"}}, // counts as 128 KiB
	} {
		control.ok("CONFIG SET maxmemory-clients " + step.limit)
		if left := names(control); !slices.Equal(left, step.left) {
			t.Errorf("at %s there are %v, want %v", step.limit, left, step.left)
		}
	}
	if n := s.infoInt(t, "evicted_clients"); n != 3 {
		t.Errorf("%d clients were evicted", n)
	}
	spared.ok("SET k " + strings.Repeat("v", 300_000))
	// What is not there yet is held against the limit as it comes.
	late := s.client(t)
	late.ok("CLIENT SETNAME late")
	late.sendRaw(fmt.Appendf(nil, "*1\r\n$1000000\r\n%s", strings.Repeat("v", 200_000)))
	waitFor(t, "the late one to go", func() bool { return !slices.Contains(names(control), "late") })
	// A share of maxmemory; without one there is no limit.
	control.ok("CONFIG SET maxmemory-clients 10%")
	greedy(t, s, control, "shared", 3_000_000)
	control.ok("CONFIG SET maxmemory 100mb")
	if left := names(control); !slices.Equal(left, []string{"spared", "shared"}) {
		t.Errorf("at 10mb there are %v", left)
	}
	control.ok("CONFIG SET maxmemory 20mb")
	if left := names(control); !slices.Equal(left, []string{"spared"}) {
		t.Errorf("at 2mb there are %v", left)
	}
	control.ok("CONFIG SET maxmemory 0")
	greedy(t, s, control, "free", 3_000_000)
	if left := names(control); !slices.Equal(left, []string{"spared", "free"}) {
		t.Errorf("there are %v", left)
	}
}

// TestClientEvictionRedirected has a client be told of so many keys of another that
// it does not read: it is that client which holds the memory and goes.
func TestClientEvictionRedirected(t *testing.T) {
	s := start(t, "--maxmemory-clients", "3mb")
	told, control := s.client(t), s.client(t)
	told.ok("CLIENT SETNAME told")
	id := told.doInt("CLIENT", "ID")
	told.send("SUBSCRIBE", "__redis__:invalidate")
	told.read()
	tracks := s.client(t)
	tracks.ok(fmt.Sprintf("CLIENT TRACKING on BCAST REDIRECT %d", id))
	key := strings.Repeat("k", 200<<10)
	for i := 0; slices.Contains(names(control), "told"); i++ {
		if i == 500 {
			t.Fatal("it is still there")
		}
		control.ok("SET " + key + " v")
	}
	control.ok("SET " + key + " v") // and the others do not mind
	if n := s.infoInt(t, "evicted_clients"); n != 1 {
		t.Errorf("%d clients were evicted", n)
	}
}

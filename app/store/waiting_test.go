package store

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// Waiting, in fake time: a store lives in a bubble and talks over net.Pipe.

// A pipeClient is the far end of a connection without a socket.
type pipeClient struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	done chan struct{} // closed when the store is through with the connection
}

func connectPipe(t *testing.T, kv *KVStore) *pipeClient {
	near, far := net.Pipe()
	c := &pipeClient{t: t, conn: near, in: bufio.NewReader(near), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		kv.HandleConnection(Connection{Conn: far}, resp.NewParser(far))
	}()
	return c
}

func (c *pipeClient) send(command string) {
	c.t.Helper()
	if _, err := c.conn.Write(resp.AppendCommand(nil, strings.Fields(command)...)); err != nil {
		c.t.Error(err)
	}
}

func (c *pipeClient) expect(command, want string) {
	c.t.Helper()
	c.send(command)
	c.read(want)
}

func (c *pipeClient) read(want string) {
	c.t.Helper()
	v, err := resp.ReadValue(c.in)
	if err != nil {
		c.t.Errorf("want %s: %v", want, err)
	} else if got := show(v); got != want {
		c.t.Errorf("got %s, want %s", got, want)
	}
}

// configured is a store with flags, to be closed by the test.
func configured(t *testing.T, flags ...string) *KVStore {
	kv := New()
	if err := kv.Configure(append(flags, "--loglevel", "warning")); err != nil {
		t.Fatal(err)
	}
	return kv
}

func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := configured(t, "--timeout", "5")
		defer kv.Close()
		idle, busy, subscriber := connectPipe(t, kv), connectPipe(t, kv), connectPipe(t, kv)
		idle.expect("PING", "PONG")
		subscriber.expect("SUBSCRIBE ch", `["subscribe" "ch" 1]`)
		started := time.Now()
		kept := make(chan struct{})
		go func() {
			defer close(kept)
			for range 4 {
				<-time.After(3 * time.Second)
				busy.expect("PING", "PONG")
			}
		}()
		if _, err := idle.in.ReadByte(); err != io.EOF {
			t.Errorf("the idle client read %v", err)
		}
		if took := time.Since(started); took < 5*time.Second || took > 5*time.Second+2*tick {
			t.Errorf("closed after %v", took)
		}
		<-kept
		busy.expect("PING", "PONG")
		subscriber.send("PING")
		subscriber.read(`["pong" ""]`)
	})
}

func TestPauseEnds(t *testing.T) {
	for _, tt := range []struct {
		mode    string
		command string
		held    bool
	}{
		{"ALL", "GET k", true},
		{"ALL", "SET k 1", true},
		{"ALL", "PING", true},
		{"WRITE", "GET k", false},
		{"WRITE", "SET k 1", true},
	} {
		t.Run(tt.mode+" "+tt.command, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kv := configured(t)
				defer kv.Close()
				c, waiter := connectPipe(t, kv), connectPipe(t, kv)
				c.expect("CLIENT PAUSE 3210 "+tt.mode, "OK")
				started := time.Now()
				waiter.send(tt.command)
				if _, err := resp.ReadValue(waiter.in); err != nil {
					t.Error(err)
				}
				want := time.Duration(0)
				if tt.held {
					want = 3210 * time.Millisecond
				}
				if took := time.Since(started); took != want {
					t.Errorf("answered after %v, want %v", took, want)
				}
			})
		})
	}
}

// TestUnpause ends a pause by command; writes do not come through a WRITE
// pause to do it.
func TestUnpause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := configured(t)
		defer kv.Close()
		c, waiter := connectPipe(t, kv), connectPipe(t, kv)
		c.expect("CLIENT PAUSE 100000 WRITE", "OK")
		waiter.send("SET k 1")
		<-time.After(time.Second)
		c.expect("GET k", "nil")
		c.expect("CLIENT UNPAUSE", "OK")
		waiter.read("OK")
		c.expect("GET k", `"1"`)
	})
}

func TestDoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := configured(t)
		defer kv.Close()
		ctx := t.Context()
		if _, err := kv.Do(ctx, "CLIENT", "PAUSE", "2000", "WRITE"); err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if _, err := kv.Do(short, "SET", "k", "1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a second of patience: %v", err)
		}
		if _, err := kv.Do(short, "GET", "k"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with an ended context: %v", err)
		}
		if v, err := kv.Do(ctx, "SET", "k", "2"); err != nil || v.Str != "OK" {
			t.Errorf("%v, %v", v, err)
		}
		if took := time.Since(started); took != 2*time.Second {
			t.Errorf("SET waited %v", took)
		}
		if n := len(kv.clients); n != 0 {
			t.Errorf("%d clients are left", n)
		}
	})
}

// TestKillDo kills a command in process that waits.
func TestKillDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := configured(t)
		defer kv.Close()
		c := connectPipe(t, kv)
		c.expect("CLIENT PAUSE 100000 WRITE", "OK")
		failed := make(chan error)
		go func() {
			_, err := kv.Do(t.Context(), "SET", "k", "1")
			failed <- err
		}()
		synctest.Wait()
		c.expect("CLIENT KILL TYPE normal", "1")
		if err := <-failed; !errors.Is(err, net.ErrClosed) {
			t.Errorf("the killed command: %v", err)
		}
		synctest.Wait()
		if n := len(kv.clients); n != 1 {
			t.Errorf("%d clients are left", n)
		}
	})
}

// TestCloseEndsEverything closes a store whose clients are in every state. The
// bubble fails if a goroutine is left.
func TestCloseEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := configured(t)
		var all []*pipeClient
		connect := func() *pipeClient {
			c := connectPipe(t, kv)
			all = append(all, c)
			return c
		}
		connect() // has sent nothing
		connect().expect("PING", "PONG")
		connect().expect("MULTI", "OK")
		connect().expect("SUBSCRIBE ch", `["subscribe" "ch" 1]`)
		if _, err := connect().conn.Write([]byte("*2\r\n$4\r\nECHO\r\n$100\r\nabc")); err != nil {
			t.Fatal(err)
		}
		kv.Set("big", strings.Repeat("x", 1<<20), -1)
		connect().send("GET big") // and never reads
		watcher := connect()
		watcher.expect("WATCH big", "OK")
		watcher.expect("CLIENT PAUSE 100000 WRITE", "OK")
		connect().send("SET k 1") // paused
		failed := make(chan error)
		go func() {
			_, err := kv.Do(context.Background(), "SET", "k", "1")
			failed <- err
		}()
		synctest.Wait()
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			kv.Close()
		}()
		kv.Close()
		<-closed
		if err := <-failed; !errors.Is(err, net.ErrClosed) {
			t.Errorf("the waiting command: %v", err)
		}
		for i, c := range all {
			select {
			case <-c.done:
			default:
				synctest.Wait()
				select {
				case <-c.done:
				default:
					t.Errorf("client %d is still served", i)
				}
			}
		}
		if _, err := kv.Do(context.Background(), "PING"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		kv.Set("k", "v", -1)
		late := connectPipe(t, kv)
		line, err := late.in.ReadString('\n')
		if line != "-ERR server is shutting down\r\n" || err != nil {
			t.Errorf("a late client reads %q, %v", line, err)
		}
	})
}

// TestServeEnds closes a store under Serve.
func TestServeEnds(t *testing.T) {
	kv := configured(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- kv.Serve(t.Context(), l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); line != "+PONG\r\n" {
		t.Fatal(line, err)
	}
	if err := kv.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != net.ErrClosed {
		t.Errorf("Serve ended with %v", err)
	}
	if _, err := in.ReadByte(); err == nil {
		t.Error("the connection lives on")
	}
	if err := kv.Serve(t.Context(), l); err != net.ErrClosed {
		t.Errorf("Serve of a closed store: %v", err)
	}
}

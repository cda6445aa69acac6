package store

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// FuzzLink lets a master send arbitrary bytes: in its answers to the handshake, in
// the place of a snapshot, and as a stream. The server lives, and its structures
// agree with one another afterwards.
func FuzzLink(f *testing.F) {
	id := strings.Repeat("a", replicationIDSize)
	hello := "+PONG\r\n+OK\r\n+OK\r\n"
	empty := "REDIS0011\xfa\x09redis-ver\x057.0.0\xff\x00\x00\x00\x00\x00\x00\x00\x00"
	full := hello + "+FULLRESYNC " + id + " 7\r\n"
	sized := full + "$" + strconv.Itoa(len(empty)) + "\r\n" + empty
	commands := string(resp.AppendCommand(resp.AppendCommand(nil, "SELECT", "3"), "SET", "a", "b"))
	multi := string(resp.AppendCommand(resp.AppendCommand(nil, "MULTI"), "RPUSH", "l", "a")) + commands +
		string(resp.AppendCommand(resp.AppendCommand(nil, "EXEC"), "REPLCONF", "GETACK", "*"))
	f.Add(sized+commands+multi, uint8(0))
	f.Add(full+"$EOF:"+id+"\r\n"+empty+id+commands, uint8(1))
	f.Add(full+"$EOF:"+id+"\r\n"+empty+id, uint8(2))
	f.Add(full+"$99999999999999\r\nREDIS0011\xfb\xc0\xff\xff", uint8(1))
	f.Add(hello+"+CONTINUE "+strings.Repeat("b", replicationIDSize)+"\r\n"+multi+"\n\nPING\r\n", uint8(3))
	f.Add(hello+"-ERR unknown command\r\n$"+strconv.Itoa(len(empty))+"\r\n"+empty+multi, uint8(0))
	f.Add(sized+string(resp.AppendCommand(nil, "BLPOP", "l", "0"))+string(resp.AppendCommand(nil, "NOSUCH"))+"*1\r\n$-5\r\n", uint8(0))
	f.Add(sized+string(resp.AppendCommand(nil, "SUBSCRIBE", "c"))+"*3\r\n$9999999999\r\n", uint8(0))
	f.Add("+PONG\r\n-NOAUTH\r\n"+strings.Repeat("x", 2000), uint8(0))
	f.Fuzz(func(t *testing.T, sent string, mode uint8) {
		if len(sent) > 1<<16 || dangerous(sent) {
			return
		}
		kv := newChecked(t)
		if err := kv.config.Assign("repl-diskless-load", []string{"disabled", "on-empty-db", "swapdb", "disabled"}[mode&3]); err != nil {
			t.Fatal(err)
		}
		kv.Set("old", "data", -1)
		speak(kv, sent, mode&3 == 3)
		kv.mu.Lock()
		kv.stopLink()
		kv.mu.Unlock()
		if err := kv.check(); err != nil {
			t.Fatal(err)
		}
	})
}

// dangerous inputs hold commands that wait, end the process or take memory, as they
// are meant to.
func dangerous(sent string) bool {
	sent = strings.ToLower(sent)
	for _, word := range []string{"debug", "shutdown", "client", "config", "save", "rewrite", "setrange", "setbit", "bitfield", "bitop", "slaveof", "replicaof"} {
		if strings.Contains(sent, word) {
			return true
		}
	}
	return false
}

// speak has the store follow a master that sends these bytes, whatever it is asked.
func speak(kv *KVStore, sent string, cached bool) {
	master, conn := net.Pipe()
	l := &masterLink{kv: kv, host: "fuzz", quit: make(chan struct{}), conn: conn, state: linkHandshake}
	kv.mu.Lock()
	kv.Info.Role, kv.repl.link = "slave", l
	if cached {
		kv.cacheMyself()
	}
	kv.applySettings()
	kv.mu.Unlock()
	go func() {
		io.WriteString(master, sent)
		master.Close()
	}()
	go io.Copy(io.Discard, master)
	l.converse(conn)
	l.disconnect()
}

// TestHandleReplication follows a redis-server in process, as the example does.
func TestHandleReplication(t *testing.T) {
	path, err := exec.LookPath("redis-server")
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal(err)
	} else if err != nil {
		t.Skip("redis-server is not installed")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	kv := New()
	defer kv.Close()
	kv.Info.Role, kv.Info.MasterIP, kv.Info.MasterPort = "slave", "127.0.0.1", port
	kv.HandleReplication() // nobody answers yet
	kv.HandleReplication()
	l.Close()
	cmd := exec.Command(path, "--port", port, "--save", "", "--repl-diskless-sync-delay", "0", "--dir", t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	ask := func(args ...string) resp.Value {
		v, err := kv.Do(t.Context(), args...)
		if err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		return v
	}
	waitUntil(t, func() bool { return ask("ROLE").Elems[3].Str == "connected" })
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "SET greeting hello\r\n")
	waitUntil(t, func() bool { return ask("GET", "greeting").Str == "hello" })
	if kv.Close(); kv.Info.MasterReplId == "" {
		t.Error("the stream has no id")
	}
}

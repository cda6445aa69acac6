package store_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
	"github.com/codecrafters-io/redis-starter-go/app/store"
)

// A store can be used from Go without any connection.
func ExampleKVStore_Do() {
	kv := store.New()
	defer kv.Close()
	ctx := context.Background()

	kv.Set("greeting", "hello", -1)
	reply, err := kv.Do(ctx, "GET", "greeting")
	fmt.Println(reply.Str, err)

	reply, err = kv.Do(ctx, "INCRBY", "visits", "41")
	fmt.Println(reply.Int, err)

	_, err = kv.Do(ctx, "INCR", "greeting")
	fmt.Println(err)
	// Output:
	// hello <nil>
	// 41 <nil>
	// ERR value is not an integer or out of range
}

// Serve serves a listener until its context ends.
func ExampleKVStore_Serve() {
	kv := store.New()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := make(chan error)
	go func() { done <- kv.Serve(ctx, listener) }()

	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	io.WriteString(conn, "PING\r\n")
	line, err := bufio.NewReader(conn).ReadString('\n')
	fmt.Printf("%q %v\n", line, err)

	stop() // closes the store and every connection
	fmt.Println(<-done)
	// Output:
	// "+PONG\r\n" <nil>
	// <nil>
}

// Listen opens what the configuration names, as the valkeyper program does.
func ExampleKVStore_Listen() {
	kv := store.New()
	defer kv.Close()
	if err := kv.Configure([]string{"--port", "0", "--unixsocket", "example.sock", "--loglevel", "warning"}); err != nil {
		fmt.Println(err)
		return
	}
	listener, err := kv.Listen()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer listener.Close()
	fmt.Println(listener.Addr().Network(), filepath.Base(listener.Addr().String()))
	// Output: unix example.sock
}

// A program may hold a live copy of the data of a Redis that runs elsewhere.
func ExampleKVStore_HandleReplication() {
	kv := store.New()
	defer kv.Close()
	kv.Info.Role, kv.Info.MasterIP, kv.Info.MasterPort = "slave", "127.0.0.1", "6379"
	kv.HandleReplication() // returns at once, and reconnects when it must

	for range time.Tick(10 * time.Millisecond) { // until the first copy is here
		role, err := kv.Do(context.Background(), "ROLE")
		if err != nil || role.Elems[3].Str == "connected" {
			break
		}
	}
	reply, err := kv.Do(context.Background(), "GET", "greeting")
	fmt.Println(reply.Str, err)
}

// Any net.Conn can be served, a pipe for instance.
func ExampleKVStore_HandleConnection() {
	kv := store.New()
	defer kv.Close()
	client, server := net.Pipe()
	go kv.HandleConnection(store.Connection{Conn: server}, resp.NewParser(server))

	client.Write(resp.AppendCommand(nil, "ECHO", "through a pipe"))
	reply, err := resp.ReadValue(bufio.NewReader(client))
	fmt.Println(reply.Str, err)
	client.Close()
	// Output: through a pipe <nil>
}

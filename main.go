// Command valkeyper is an in-memory server that speaks the protocol of Redis.
//
//	valkeyper [/path/to/redis.conf] [--directive value …]
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
	"github.com/codecrafters-io/redis-starter-go/app/store"
)

func main() {
	leaveRoom()
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE) // the server outlives its terminal

	// Initialize store
	kvStore := store.New()
	kvStore.ParseCommandLine()

	// Handle replication if configured as slave
	if kvStore.Info.Role == "slave" {
		kvStore.HandleReplication()
	}

	// Start listening
	listener, err := kvStore.Listen()
	if err != nil {
		os.Exit(1) // the log says why
	}
	defer listener.Close()
	go stopOnSignal(kvStore)

	// Accept connections
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			select {} // Shutdown ends the process
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		connection := store.Connection{Conn: conn}
		go kvStore.HandleConnection(connection, resp.NewParser(conn))
	}
}

// leaveRoom lets Go run on half of the processors, unless GOMAXPROCS says
// otherwise. Commands run one at a time and most of the rest is the kernel's
// work, so more threads mainly compete with the clients and with each other.
func leaveRoom() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(runtime.NumCPU()/2, 1))
	}
}

// stopOnSignal ends the server when the system or the user asks for it.
func stopOnSignal(kvStore *store.KVStore) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	for s := range signals {
		kvStore.HandleSignal(s)
	}
}

package store

import (
	"net"
	"os"
	"time"
)

// Supervised by systemd: the server says how it is doing, in datagrams to the socket
// that NOTIFY_SOCKET names. They are few, and none is waited for long.

// notifyPatience is how long a datagram may wait for room at the supervisor.
const notifyPatience = 100 * time.Millisecond

// supervise looks for the supervisor that the configuration asks for.
func (kv *KVStore) supervise() {
	mode, socket := kv.config.Str("supervised"), os.Getenv("NOTIFY_SOCKET")
	if mode == "auto" && socket != "" {
		kv.log(logVerbose, "Systemd supervision detected.")
		mode = "systemd"
	}
	switch {
	case mode == "upstart":
		kv.log(logWarning, "upstart supervision requested, which this server does not know. It runs without.")
	case mode != "systemd":
	case socket == "":
		kv.log(logWarning, "systemd supervision error: NOTIFY_SOCKET not found!")
	default:
		kv.notifySocket = socket
		kv.tellSupervisor("STATUS=Redis is loading...\n")
		kv.log(logNotice, "Supervised by systemd. Please make sure you set appropriate values for TimeoutStartSec and TimeoutStopSec in your service unit.")
	}
}

// tellSupervisor tells the supervisor, if there is one.
func (kv *KVStore) tellSupervisor(state string) {
	if kv.notifySocket == "" {
		return
	}
	conn, err := net.Dial("unixgram", kv.notifySocket)
	if err == nil {
		defer conn.Close()
		conn.SetWriteDeadline(time.Now().Add(notifyPatience))
		_, err = conn.Write([]byte(state))
	}
	if err != nil {
		kv.log(logWarning, "systemd supervision error: sd_notify: %v", err)
	}
}

// tellReady tells the supervisor that clients are served. A replica is ready before
// its first sync has been made, as it is in Redis.
func (kv *KVStore) tellReady() {
	status := "STATUS=Ready to accept connections\n"
	if kv.Info.Role == "slave" {
		status = "STATUS=Ready to accept connections in read-only mode. Waiting for MASTER <-> REPLICA sync\n"
	}
	kv.tellSupervisor(status)
	kv.tellSupervisor("READY=1\n")
}

// supervisor is who supervises the server, as INFO has it.
func (kv *KVStore) supervisor() string {
	if kv.notifySocket != "" {
		return "systemd"
	}
	return "no"
}

package store

import (
	"net"
	"os"
	"time"
)

// Supervised by systemd, the server says how it is doing, in datagrams to the socket
// that NOTIFY_SOCKET names. They are few, and none is waited for long. By upstart, it
// stops itself once, to be told to go on.

// notifyPatience is how long a datagram may wait for room at the supervisor.
const notifyPatience = 100 * time.Millisecond

// supervise looks for the supervisor that the configuration asks for.
func (kv *KVStore) supervise() {
	job, socket := os.Getenv("UPSTART_JOB"), os.Getenv("NOTIFY_SOCKET")
	mode := kv.config.Str("supervised")
	switch {
	case mode == "auto" && job != "":
		kv.log(logVerbose, "Upstart supervision detected.")
		mode = "upstart"
	case mode == "auto" && socket != "":
		kv.log(logVerbose, "Systemd supervision detected.")
		mode = "systemd"
	}
	switch {
	case mode == "upstart" && job == "":
		kv.log(logWarning, "upstart supervision requested, but UPSTART_JOB not found!")
	case mode == "upstart":
		kv.log(logNotice, "supervised by upstart, will stop to signal readiness.")
		stopSelf()
		os.Unsetenv("UPSTART_JOB")
		kv.supervisedBy = mode
	case mode == "systemd" && socket == "":
		kv.log(logWarning, "systemd supervision error: NOTIFY_SOCKET not found!")
	case mode == "systemd":
		kv.notifySocket = socket
		if !kv.tellSupervisor("STATUS=Redis is loading...\n") {
			kv.notifySocket = ""
			return
		}
		kv.log(logNotice, "Supervised by systemd. Please make sure you set appropriate values for TimeoutStartSec and TimeoutStopSec in your service unit.")
		kv.supervisedBy = mode
	}
}

// tellSupervisor tells the supervisor, if it is one that listens, and reports whether
// it has been told.
func (kv *KVStore) tellSupervisor(state string) bool {
	if kv.notifySocket == "" {
		return false
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
	return err == nil
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
	if kv.supervisedBy == "" {
		return "no"
	}
	return kv.supervisedBy
}

package tests

import (
	"strconv"
	"strings"
	"testing"
)

// Replication and MIGRATE over TLS, in all pairings with redis-server.

// TestTLSReplication takes a full sync over TLS, a stream, and partial syncs when the
// link is cut.
func TestTLSReplication(t *testing.T) {
	for _, p := range pairings(t) {
		for _, diskless := range []string{"yes", "no"} {
			t.Run(p.name+"/diskless-sync-"+diskless, func(t *testing.T) {
				t.Parallel()
				testTLSReplication(t, p, diskless)
			})
		}
	}
}

func testTLSReplication(t *testing.T, p pairing, diskless string) {
	ca := newAuthority(t)
	master := ca.startSecure(p.master, ca.issue("master", nil), "--tls-replication", "yes",
		"--repl-diskless-sync", diskless, "--repl-diskless-sync-delay", "0", "--repl-backlog-size", "64mb")
	master.client(t).fill()
	w := newRandomWriter(t, master.server)
	w.write(100)
	wire := newWire(t, master.tlsAddr())
	load := map[string]string{"yes": "on-empty-db", "no": "disabled"}[diskless]
	replica := ca.startSecure(p.replica, ca.issue("replica", nil), "--tls-replication", "yes", "--repl-diskless-load", load)
	replica.client(t).ok("REPLICAOF 127.0.0.1 " + strconv.Itoa(wire.port))
	w.write(100)
	awaitLink(t, replica.server)
	w.write(100)
	awaitEqual(t, master.server, replica.server)
	waitFor(t, "the replica to announce its TLS port", func() bool {
		return strings.Contains(master.info(t, "slave0"), ",port="+strconv.Itoa(replica.tlsPort)+",state=online,")
	})
	for range 3 {
		wire.cut()
		w.write(50)
		awaitLink(t, replica.server)
	}
	awaitEqual(t, master.server, replica.server)
	// redis-server with itself takes a second full sync once in a while.
	redis := strings.Contains(p.name, "redis")
	if full, some := master.infoInt(t, "sync_full"), master.infoInt(t, "sync_partial_ok"); full != 1 && !redis || some == 0 {
		t.Errorf("%d full and %d partial syncs\n%s%s", full, some, master.logTail(), replica.logTail())
	}
}

// TestTLSReplicaRefused has masters that the replica does not trust, and replicas
// that the master does not.
func TestTLSReplicaRefused(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	master := ca.startSecure(serverPath(t), ca.issue("master", nil), "--tls-replication", "yes")
	replica := ca.startSecure(serverPath(t), ca.issue("replica", nil), "--tls-replication", "yes")
	c := replica.client(t)
	wrong := other.issue("wrong", nil)
	logged := func(s *secureServer, what string) {
		t.Helper()
		waitFor(t, what, func() bool { return strings.Contains(s.logTail(), what) })
	}
	c.ok("CONFIG SET tls-ca-cert-file " + other.file)
	c.ok("REPLICAOF 127.0.0.1 " + strconv.Itoa(master.tlsPort))
	logged(replica, "Error condition on socket for SYNC: ")
	c.ok("CONFIG SET tls-ca-cert-file " + ca.file + " tls-client-cert-file " + wrong.cert + " tls-client-key-file " + wrong.key)
	logged(master, "Error accepting a client connection: ")
	if got := master.info(t, "connected_slaves"); got != "0" {
		t.Errorf("%s replicas", got)
	}
	c.ok("CONFIG SET tls-client-cert-file '' tls-client-key-file ''")
	awaitLink(t, replica.server)
	c.ok("CONFIG SET tls-replication no")
	c.ok("REPLICAOF 127.0.0.1 " + strconv.Itoa(master.port))
	awaitLink(t, replica.server)
}

// TestTLSMigrate migrates over TLS to the TLS port, and without to the other one.
func TestTLSMigrate(t *testing.T) {
	for _, p := range pairings(t) {
		t.Run(p.name, func(t *testing.T) {
			ca := newAuthority(t)
			from := ca.startSecure(p.master, ca.issue("from", nil), "--tls-cluster", "yes")
			to := ca.startSecure(p.replica, ca.issue("to", nil))
			source, target := from.client(t), to.client(t)
			expect := func(want string, port int, keys string) {
				t.Helper()
				args := append([]string{"MIGRATE", "127.0.0.1", strconv.Itoa(port), "", "0", "5000", "KEYS"}, strings.Fields(keys)...)
				if v := source.do(args...); !strings.HasPrefix(string(v.kind)+v.text, want) {
					t.Errorf("%q: got %s, want %s", args, v, want)
				}
			}
			big := strings.Repeat("x", 1<<20)
			source.ok("MSET a 1 b 2 c 3 d 4")
			source.do("SET", "big", big)
			expect("+OK", to.tlsPort, "a b")
			expect("+OK", to.tlsPort, "big") // on the same connection
			if got := target.do("GET", "big").text; got != big {
				t.Errorf("%d bytes have arrived", len(got))
			}
			target.expect("MGET a b c", []any{"1", "2", nil})
			if got := from.info(t, "migrate_cached_sockets"); got != "1" {
				t.Errorf("%s connections are kept", got)
			}
			expect("-IOERR error or timeout connecting to the client", freePort(), "c")
			source.ok("CONFIG SET tls-cluster no")
			expect("+OK", to.port, "c")
			target.expect("GET c", "3")
			source.expect("DBSIZE", 1)
		})
	}
}

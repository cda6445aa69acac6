package store

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/config"
	"github.com/codecrafters-io/redis-starter-go/app/tlsconf"
)

// TLS. The listener wraps what comes in on tls-port with the configuration of that
// moment; the handshake is done by the goroutine that serves the connection, before
// there is a client, and has a time limit of its own: a handshake that is
// interrupted, as kicks do it, could not be gone on with. Who shakes hands counts
// for maxclients. Behind the handshake a connection is like any other that takes
// the portable path.
//
// New files and settings are for new connections. When they are no good, the old
// ones stay in force.

// A tlsState is what a store has of TLS.
type tlsState struct {
	setup   atomic.Pointer[tlsSetup] // in force; nil while nothing needs TLS
	greeted map[*tls.Conn]struct{}   // who shakes hands; guarded by kv.mu
}

// A tlsSetup is what the directives come to. It does not change.
type tlsSetup struct {
	tlsconf.Setup
	replication bool // masters are reached by TLS
	cluster     bool // and so are the targets of MIGRATE
}

// handshakeTime is how long a client may take to shake hands.
const handshakeTime = 20 * time.Second

// toMaster is the configuration to reach a master with, nil when that goes without TLS.
func (s *tlsState) toMaster() *tls.Config {
	if setup := s.setup.Load(); setup != nil && setup.replication {
		return setup.Client
	}
	return nil
}

// toTarget is the same for MIGRATE.
func (s *tlsState) toTarget() *tls.Config {
	if setup := s.setup.Load(); setup != nil && setup.cluster {
		return setup.Client
	}
	return nil
}

// configureTLS puts the directives into force, or says in the log why it cannot and
// leaves everything as it was. kv.mu is held.
func (kv *KVStore) configureTLS() bool {
	if !kv.needsTLS() {
		kv.tls.setup.Store(nil)
		return true
	}
	setup, err := tlsconf.New(kv.tlsOptions())
	if err != nil {
		kv.log(logWarning, "%v", err)
		return false
	}
	kv.tls.setup.Store(&tlsSetup{*setup, kv.config.Bool("tls-replication"), kv.config.Bool("tls-cluster")})
	return true
}

// tlsOptions gathers the directives.
func (kv *KVStore) tlsOptions() tlsconf.Options {
	cfg := kv.config
	file := func(directive string) string {
		name := cfg.Str(directive)
		if name == "" {
			return ""
		}
		return cfg.Path(name)
	}
	return tlsconf.Options{
		CertFile:       file("tls-cert-file"),
		KeyFile:        file("tls-key-file"),
		KeyPass:        cfg.Str("tls-key-file-pass"),
		ClientCertFile: file("tls-client-cert-file"),
		ClientKeyFile:  file("tls-client-key-file"),
		ClientKeyPass:  cfg.Str("tls-client-key-file-pass"),
		CACertFile:     file("tls-ca-cert-file"),
		CACertDir:      file("tls-ca-cert-dir"),
		DHParamsFile:   file("tls-dh-params-file"),
		AuthClients:    cfg.Str("tls-auth-clients"),
		Outgoing:       cfg.Bool("tls-replication") || cfg.Bool("tls-cluster"),
		Protocols:      cfg.Str("tls-protocols"),
		Ciphers:        cfg.Str("tls-ciphers"),
		CipherSuites:   cfg.Str("tls-ciphersuites"),
		SessionCaching: cfg.Bool("tls-session-caching"),
		SessionLife:    time.Duration(cfg.Int("tls-session-cache-timeout")) * time.Second,
	}
}

// changeTLS puts changed directives of TLS into force. The error names the
// directive that Redis would blame.
func (kv *KVStore) changeTLS(changed []string) error {
	setup := kv.tls.setup.Load()
	i := slices.IndexFunc(changed, func(name string) bool {
		return strings.HasPrefix(name, "tls-") && name != "tls-auth-clients" && (name != "tls-port" || setup == nil)
	})
	if i >= 0 && !kv.configureTLS() {
		return &config.ApplyError{Name: changed[i], Reason: "Unable to update TLS configuration. Check server logs."}
	}
	switch asks := slices.Contains(changed, "tls-auth-clients"); {
	case i >= 0 || setup == nil:
	case !kv.needsTLS():
		kv.tls.setup.Store(nil)
	case asks:
		asking := *setup
		asking.Setup = setup.Asking(kv.config.Str("tls-auth-clients"))
		kv.tls.setup.Store(&asking)
	}
	return nil
}

// needsTLS reports whether any directive asks for it.
func (kv *KVStore) needsTLS() bool {
	cfg := kv.config
	return cfg.Int("tls-port") != 0 || cfg.Bool("tls-replication") || cfg.Bool("tls-cluster")
}

// secure wraps a connection that has come in on the TLS port; nil when that has been
// closed meanwhile.
func (kv *KVStore) secure(conn net.Conn) net.Conn {
	setup := kv.tls.setup.Load()
	if setup == nil {
		conn.Close()
		return nil
	}
	return tls.Server(conn, setup.Server)
}

// greet shakes hands with a client. It reports whether the client is to be served;
// otherwise the connection is closed.
func (kv *KVStore) greet(conn *tls.Conn) bool {
	conn.SetDeadline(time.Now().Add(handshakeTime))
	if !kv.admitGreeting(conn) {
		closeNow(conn) // nothing has been agreed upon that an error could be told by
		return false
	}
	defer kv.serving.Done()
	err := conn.Handshake()
	conn.SetDeadline(time.Time{})
	kv.mu.Lock()
	delete(kv.tls.greeted, conn)
	kv.mu.Unlock()
	if err == nil {
		return true
	}
	kv.log(logWarning, "Error accepting a client connection: %s (addr=%s laddr=%s)",
		oneLine(causeOfNet(err).Error()), endpoint(conn.RemoteAddr()), endpoint(conn.LocalAddr()))
	closeNow(conn)
	return false
}

// admitGreeting lets a client begin to shake hands, if there is room for it.
func (kv *KVStore) admitGreeting(conn *tls.Conn) bool {
	kv.mu.Lock()
	defer kv.mu.Unlock()
	if kv.closed {
		return false
	}
	if kv.full() {
		kv.stats.rejectedConnections++
		return false
	}
	if kv.tls.greeted == nil {
		kv.tls.greeted = make(map[*tls.Conn]struct{})
	}
	kv.tls.greeted[conn] = struct{}{}
	kv.serving.Add(1)
	return true
}

// full reports whether there is no room for another client. kv.mu is held.
func (kv *KVStore) full() bool { return len(kv.clients)+len(kv.tls.greeted) >= kv.maxClients }

// dismissGreeted ends all handshakes. kv.mu is held.
func (kv *KVStore) dismissGreeted() {
	for conn := range kv.tls.greeted {
		conn.SetDeadline(longAgo)
	}
}

// connectTLS shakes hands with a server, in the time that the context leaves. With
// a nil configuration the connection stays as it is.
func connectTLS(ctx context.Context, conn net.Conn, cfg *tls.Config) (net.Conn, error) {
	if cfg == nil {
		return conn, nil
	}
	secured := tls.Client(conn, cfg)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secured, nil
}

// closeNow closes a connection without a farewell, for which TLS might have to wait.
func closeNow(conn net.Conn) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	conn.Close()
}

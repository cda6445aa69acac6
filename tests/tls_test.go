package tests

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TLS for clients: Redis's own tools, who is let in and who is not, new certificates,
// and clients that go in the middle.

// servers are both programs; redis-server shows that the test holds.
func servers(t testing.TB) map[string]string {
	return map[string]string{"ours": serverPath(t), "redis": redisPath(t)}
}

// TestTLSTools uses redis-cli and redis-benchmark over TLS, on a server that has no
// other port.
func TestTLSTools(t *testing.T) {
	ca := newAuthority(t)
	s := ca.startSecure(serverPath(t), ca.issue("server", nil), "--unixsocket", t.TempDir()+"/s")
	user := ca.issue("user", nil)
	access := []string{"--tls", "-p", strconv.Itoa(s.tlsPort), "--cacert", ca.file, "--cert", user.cert, "--key", user.key}
	run := func(tool string, args ...string) string {
		t.Helper()
		out, err := exec.Command(peerPath(t, tool), append(access[:len(access):len(access)], args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s %q: %v\n%s", tool, args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	for _, tt := range []struct{ command, want string }{
		{"config set port 0", "OK"},
		{"set a b", "OK"},
		{"get a", "b"},
		{"config get port", "port\n0"},
		{"eval nosuch", "ERR"},
	} {
		if got := run("redis-cli", strings.Fields(tt.command)...); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.command, got, tt.want)
		}
	}
	if got := run("redis-cli", "info", "server"); !strings.Contains(got, fmt.Sprintf("tcp_port:%d\r\n", s.tlsPort)) {
		t.Errorf("INFO has not the TLS port:\n%s", got)
	}
	if conn, err := net.Dial("tcp", s.addr()); err == nil {
		conn.Close()
		t.Error("the plain port is still open")
	}
	if got := run("redis-benchmark", "-n", "300", "-c", "5", "-P", "3", "-t", "set,lpush", "--csv"); !strings.Contains(got, `"SET"`) {
		t.Errorf("redis-benchmark: %s", got)
	}
	if got := run("redis-cli", "llen", "mylist"); got == "0" {
		t.Error("redis-benchmark has pushed nothing")
	}
}

// TestTLSAdmission tries to get in with every kind of certificate, and without.
func TestTLSAdmission(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	own := ca.issue("server", nil)
	good := ca.trusting(ca.issue("user", nil))
	none := ca.trusting()
	stranger := ca.trusting(other.issue("stranger", nil))
	expired := ca.trusting(ca.issue("expired", func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	}))
	serving := ca.trusting(ca.issue("serving", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }))
	old := ca.trusting(ca.issue("old", nil))
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	middle := ca.trusting(ca.issue("middle", nil))
	middle.MaxVersion = tls.VersionTLS12
	for name, path := range servers(t) {
		t.Run(name, func(t *testing.T) {
			s := ca.startSecure(path, own)
			c := s.client(t)
			for _, tt := range []struct {
				auth, who string
				config    *tls.Config
				in        bool
			}{
				{"yes", "good", good, true},
				{"yes", "TLS 1.2", middle, true},
				{"yes", "none", none, false},
				{"yes", "stranger", stranger, false},
				{"yes", "expired", expired, false},
				{"yes", "for servers only", serving, false},
				{"yes", "TLS 1.1", old, false},
				{"optional", "good", good, true},
				{"optional", "none", none, true},
				{"optional", "stranger", stranger, false},
				{"no", "none", none, true},
				{"no", "stranger", stranger, true},
				{"no", "TLS 1.1", old, false},
			} {
				c.ok("CONFIG SET tls-auth-clients " + tt.auth)
				if err := s.tryTLS(tt.config); (err == nil) != tt.in {
					t.Errorf("tls-auth-clients %s, %s: %v", tt.auth, tt.who, err)
				}
			}
			c.ok("CONFIG SET tls-protocols TLSv1.3")
			if s.tryTLS(middle) == nil {
				t.Error("TLS 1.2 got in, where only 1.3 is allowed")
			}
			if err := s.tryTLS(none); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTLSPlaintext speaks without TLS to the TLS port.
func TestTLSPlaintext(t *testing.T) {
	ca := newAuthority(t)
	s := ca.startSecure(serverPath(t), ca.issue("server", nil), "--tls-auth-clients", "no")
	conn, err := net.Dial("tcp", s.tlsAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(conn); strings.Contains(string(b), "PONG") {
		t.Errorf("the TLS port answered %q", b)
	}
	waitFor(t, "the log", func() bool { return strings.Contains(s.logTail(), "Error accepting a client connection: ") })
}

// TestTLSReload gives a server new certificates. Bad ones are refused, and the old
// stay in use; who is connected stays.
func TestTLSReload(t *testing.T) {
	ca, next := newAuthority(t), newAuthority(t)
	first, second := ca.issue("first", nil), ca.issue("second", nil)
	for name, path := range servers(t) {
		t.Run(name, func(t *testing.T) {
			s := ca.startSecure(path, first, "--tls-auth-clients", "no")
			c := s.tlsClient(t, ca.trusting())
			shows := func(authority *authority, want string) {
				t.Helper()
				conn, err := tls.Dial("tcp", s.tlsAddr(), authority.trusting())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if got := conn.ConnectionState().PeerCertificates[0].Subject.CommonName; got != want {
					t.Errorf("the server shows the certificate %q, want %q", got, want)
				}
			}
			shows(ca, "first")
			c.ok("CONFIG SET tls-cert-file " + second.cert + " tls-key-file " + second.key)
			shows(ca, "second")
			for _, bad := range []string{
				"tls-cert-file " + second.cert + "x", // not there
				"tls-cert-file " + second.key,
				"tls-cert-file " + first.cert, // without its key
				"tls-key-file " + first.key,
				"tls-key-file " + second.cert,
				"tls-cert-file ''",
				"tls-key-file " + first.key + " tls-cert-file " + second.key,
				"tls-ca-cert-file " + second.key,
				"tls-dh-params-file " + second.key,
				"tls-protocols TLSv2",
				"tls-ciphers nosuch",
				"tls-ciphersuites nosuch",
				"tls-client-cert-file " + second.cert + " tls-client-key-file " + first.key,
			} {
				blamed, _, _ := strings.Cut(bad, " ")
				c.expect("CONFIG SET "+bad, errText("ERR CONFIG SET failed (possibly related to argument '"+blamed+
					"') - Unable to update TLS configuration. Check server logs."))
				shows(ca, "second")
			}
			c.expect("CONFIG GET tls-cert-file", []any{"tls-cert-file", second.cert})
			third := next.issue("third", nil)
			c.ok("CONFIG SET tls-cert-file " + third.cert + " tls-key-file " + third.key + " tls-ca-cert-file " + next.file)
			shows(next, "third")
			c.expect("PING", status("PONG"))
		})
	}
}

// TestTLSPort opens and closes the TLS port at run time.
func TestTLSPort(t *testing.T) {
	ca := newAuthority(t)
	id := ca.issue("server", nil)
	for name, path := range servers(t) {
		t.Run(name, func(t *testing.T) {
			s := &secureServer{startProgram(t, path), freePort()}
			c := s.client(t)
			set := fmt.Sprintf("CONFIG SET tls-port %d", s.tlsPort)
			refused := errText("ERR CONFIG SET failed (possibly related to argument 'tls-port') - Unable to update TLS configuration. Check server logs.")
			c.expect(set, refused)
			c.expect("CONFIG SET tls-replication yes", errText("ERR CONFIG SET failed (possibly related to argument 'tls-replication') - "+
				"Unable to update TLS configuration. Check server logs."))
			c.ok("CONFIG SET tls-cert-file " + id.cert + " tls-key-file " + id.key)
			c.expect(set, refused) // for want of a CA
			c.ok("CONFIG SET tls-auth-clients no")
			c.ok(set)
			if err := s.tryTLS(ca.trusting()); err != nil {
				t.Error(err)
			}
			c.expect(fmt.Sprintf("CONFIG SET tls-port %d", s.port), errText("ERR CONFIG SET failed (possibly related to argument 'tls-port') - "+
				"Unable to listen on this port. Check server logs."))
			if err := s.tryTLS(ca.trusting()); err != nil {
				t.Error(err)
			}
			c.expect("CONFIG GET tls-port", []any{"tls-port", strconv.Itoa(s.tlsPort)})
			c.ok("CONFIG SET tls-auth-clients yes") // for want of a CA nobody has a good certificate
			if err := s.tryTLS(ca.trusting(id)); err == nil {
				t.Error("let in, without a CA")
			}
			c.ok("CONFIG SET tls-auth-clients no")
			c.ok("CONFIG SET bind '127.0.0.1'")
			if err := s.tryTLS(ca.trusting()); err != nil {
				t.Error(err)
			}
			c.ok("CONFIG SET tls-port 0")
			waitFor(t, "the port to be closed", func() bool { return s.tryTLS(ca.trusting()) != nil })
			c.expect("PING", status("PONG"))
		})
	}
}

// TestTLSStart starts servers that cannot have what they ask for.
func TestTLSStart(t *testing.T) {
	ca := newAuthority(t)
	id, other := ca.issue("server", nil), ca.issue("other", nil)
	port := []string{"--port", "0", "--tls-port", strconv.Itoa(freePort())}
	for _, tt := range []struct {
		flags []string
		want  string
	}{
		{nil, "No tls-cert-file configured!"},
		{[]string{"--tls-cert-file", id.cert}, "No tls-key-file configured!"},
		{[]string{"--tls-cert-file", id.cert, "--tls-key-file", id.key}, "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when " +
			"tls-cluster, tls-replication or tls-auth-clients are enabled!"},
		{append(ca.flags(identity{cert: id.cert + "x", key: id.key}), "--tls-protocols", "TLSv1.2"), "Failed to load certificate: " + id.cert + "x: "},
		{ca.flags(identity{cert: id.cert, key: other.key}), "Failed to load private key: " + other.key + ": "},
		{append(ca.flags(id), "--tls-protocols", "SSLv3"), "Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and 'TLSv1.3'."},
		{append(ca.flags(id), "--tls-ciphers", "NOSUCH"), "Failed to configure ciphers: NOSUCH"},
		{append(ca.flags(id), "--tls-ciphersuites", "NOSUCH"), "Failed to configure ciphersuites: NOSUCH"},
	} {
		for name, path := range servers(t) {
			out, err := exec.Command(path, append(port[:len(port):len(port)], tt.flags...)...).CombinedOutput()
			if err == nil {
				t.Errorf("%s %q: no error", name, tt.flags)
			}
			for _, want := range []string{tt.want, "Failed to configure TLS. Check logs for more info."} {
				if !strings.Contains(string(out), want) {
					t.Errorf("%s %q: got\n%s\nwant %q", name, tt.flags, out, want)
				}
			}
		}
	}
}

package tests

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// What the tests of TLS share: certificates made on the spot, and servers that
// have them.

// An authority is a CA, and the folder with its files.
type authority struct {
	t    testing.TB
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // of the certificate
}

// An identity is a certificate with its key.
type identity struct {
	cert, key string // files
	pair      tls.Certificate
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	template := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{CommonName: "CA"}}
	id := a.make("ca", template, nil)
	a.cert, a.key, a.file = id.pair.Leaf, id.pair.PrivateKey.(*ecdsa.PrivateKey), id.cert
	return a
}

// issue makes an identity that is good for both ends, after change has had its way.
func (a *authority) issue(name string, change func(*x509.Certificate)) identity {
	a.t.Helper()
	template := &x509.Certificate{Subject: pkix.Name{CommonName: name}}
	if change != nil {
		change(template)
	}
	return a.make(name, template, a.cert)
}

// make makes an identity, signed by itself when there is no parent.
func (a *authority) make(name string, template, parent *x509.Certificate) identity {
	a.t.Helper()
	check := func(err error) {
		if err != nil {
			a.t.Helper()
			a.t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<60))
	check(err)
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	signer := key
	if parent == nil {
		parent = template
	} else {
		signer = a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	check(err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	check(err)
	id := identity{cert: filepath.Join(a.dir, name+".crt"), key: filepath.Join(a.dir, name+".key")}
	check(os.WriteFile(id.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	check(os.WriteFile(id.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	id.pair, err = tls.LoadX509KeyPair(id.cert, id.key)
	check(err)
	id.pair.Leaf, err = x509.ParseCertificate(der)
	check(err)
	return id
}

// pool is the CA, for who is to trust it.
func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// trusting is how a client connects that trusts the authority. No host is named in
// the certificates, so they are checked without one.
func (a *authority) trusting(shown ...identity) *tls.Config {
	roots := a.pool()
	c := &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(s tls.ConnectionState) error {
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots})
		return err
	}}
	for _, id := range shown {
		c.Certificates = append(c.Certificates, id.pair)
	}
	return c
}

// A secureServer also listens for TLS.
type secureServer struct {
	*server
	tlsPort int
}

// startSecure starts a program with a TLS port beside the plain one.
func (a *authority) startSecure(path string, own identity, flags ...string) *secureServer {
	a.t.Helper()
	tlsPort := 0
	dir := a.t.TempDir()
	s, err := launchWith(path, dir, func(port string) []string {
		tlsPort = freePort()
		return append(slices.Concat([]string{"--port", port, "--dir", dir, "--save", "", "--enable-debug-command", "yes",
			"--tls-port", strconv.Itoa(tlsPort)}, a.flags(own)), flags...)
	})
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() {
		if err := s.stop(); err != nil {
			a.t.Error(err)
		}
	})
	return &secureServer{s, tlsPort}
}

// flags are the directives that name an identity and the authority.
func (a *authority) flags(own identity) []string {
	return []string{"--tls-cert-file", own.cert, "--tls-key-file", own.key, "--tls-ca-cert-file", a.file}
}

func (s *secureServer) tlsAddr() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.tlsPort))
}

// tryTLS connects and pings. TLS 1.3 tells of a refusal after the handshake, so that
// only an answer shows that the client has been let in.
func (s *secureServer) tryTLS(config *tls.Config) error {
	dialer := net.Dialer{Timeout: patience}
	conn, err := tls.DialWithDialer(&dialer, "tcp", s.tlsAddr(), config)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 64))
	return err
}

// tlsClient is a client that has shaken hands.
func (s *secureServer) tlsClient(t testing.TB, config *tls.Config) *client {
	t.Helper()
	dialer := net.Dialer{Timeout: patience}
	conn, err := tls.DialWithDialer(&dialer, "tcp", s.tlsAddr(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return newClientOf(t, conn)
}

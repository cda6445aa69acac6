package tlsconf

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// writeCertificate makes a certificate for a key, which signs it, and the file of it.
func writeCertificate(t *testing.T, name string, key crypto.Signer) string {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(1000 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), name+".crt")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// options are good ones.
func options(t *testing.T) Options {
	t.Helper()
	key, err := readKey("testdata/plain.pem", "")
	if err != nil {
		t.Fatal(err)
	}
	cert := writeCertificate(t, "server", key)
	return Options{CertFile: cert, KeyFile: "testdata/plain.pem", CACertFile: cert, AuthClients: "yes", SessionCaching: true, SessionLife: time.Minute}
}

// TestNew changes one directive at a time.
func TestNew(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	stranger := writeCertificate(t, "stranger", other)
	for _, tt := range []struct {
		name   string
		change func(*Options)
		fails  string
	}{
		{"nothing", func(*Options) {}, ""},
		{"no certificate", func(o *Options) { o.CertFile = "" }, "No tls-cert-file configured!"},
		{"no key", func(o *Options) { o.KeyFile = "" }, "No tls-key-file configured!"},
		{"no CA", func(o *Options) { o.CACertFile = "" }, "Either tls-ca-cert-file or tls-ca-cert-dir"},
		{"no CA, but nobody asked", func(o *Options) { o.CACertFile, o.AuthClients = "", "no" }, ""},
		{"no CA for masters", func(o *Options) { o.CACertFile, o.AuthClients, o.Outgoing = "", "no", true }, "Either tls-ca-cert-file or tls-ca-cert-dir"},
		{"another certificate", func(o *Options) { o.CertFile = stranger }, "Failed to load private key: testdata/plain.pem: the key does not belong to the certificate"},
		{"an encrypted key", func(o *Options) { o.KeyFile, o.KeyPass = "testdata/p8-aes256.pem", "secret" }, ""},
		{"a bad certificate", func(o *Options) { o.CertFile = "testdata/plain.pem" }, "Failed to load certificate: testdata/plain.pem: no certificate in it"},
		{"a bad CA", func(o *Options) { o.CACertFile = "testdata/plain.pem" }, "Failed to configure CA certificate(s) file/directory: "},
		{"no folder", func(o *Options) { o.CACertDir = "testdata/nosuch" }, "Failed to configure CA certificate(s) file/directory: "},
		{"bad parameters", func(o *Options) { o.DHParamsFile = "testdata/plain.pem" }, "testdata/plain.pem: failed to read DH params."},
		{"no parameters", func(o *Options) { o.DHParamsFile = "testdata/nosuch" }, "Failed to load testdata/nosuch: No such file or directory"},
		{"a certificate of its own for clients", func(o *Options) { o.ClientCertFile, o.ClientKeyFile = o.CertFile, o.KeyFile }, ""},
		{"a bad one", func(o *Options) { o.ClientCertFile, o.ClientKeyFile = stranger, o.KeyFile }, "Failed to load private key"},
		{"half of one", func(o *Options) { o.ClientCertFile = "testdata/nosuch" }, ""},
	} {
		o := options(t)
		tt.change(&o)
		setup, err := New(o)
		if (err == nil) != (tt.fails == "") || err != nil && !strings.HasPrefix(err.Error(), tt.fails) {
			t.Errorf("%s: got the error %v, want %q", tt.name, err, tt.fails)
		}
		if (setup == nil) == (err == nil) {
			t.Errorf("%s: %v and %v", tt.name, setup, err)
		}
	}
}

// TestNoCA shows that without a CA no certificate is good: those of the system's CAs
// must not be.
func TestNoCA(t *testing.T) {
	o := options(t)
	o.CACertFile, o.AuthClients = "", "no"
	setup, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if setup.Server.ClientCAs == nil {
		t.Error("the system's CAs vouch for clients")
	}
}

func TestProtocols(t *testing.T) {
	for _, tt := range []struct {
		list        string
		least, most uint16
	}{
		{"", tls.VersionTLS12, tls.VersionTLS13},
		{"TLSv1.3", tls.VersionTLS13, tls.VersionTLS13},
		{"tlsv1.3 TLSV1.2", tls.VersionTLS12, tls.VersionTLS13},
		{"TLSv1 TLSv1.1 TLSv1.2 TLSv1.1", tls.VersionTLS10, tls.VersionTLS12},
		{"TLSv1.1 TLSv1.3", 0, 0},
		{"TLSv1.2  TLSv1.3", 0, 0},
		{"SSLv3", 0, 0},
		{" ", 0, 0},
	} {
		least, most, err := parseProtocols(tt.list)
		if least != tt.least || most != tt.most || (err == nil) != (tt.least != 0) {
			t.Errorf("%q: got %x to %x, %v; want %x to %x", tt.list, least, most, err, tt.least, tt.most)
		}
	}
}

func TestCiphers(t *testing.T) {
	if ids, err := parseCiphers(""); ids != nil || err != nil {
		t.Error(ids, err)
	}
	for _, tt := range []struct {
		list string
		want string // the names, in the order of the table; a number for how many
	}{
		{"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
		{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
		{"AES256-SHA:nosuch,AES128-SHA", "AES256-SHA AES128-SHA"},
		{"ECDHE+CHACHA20", "ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-CHACHA20-POLY1305"},
		{"kECDHE+aRSA+AESGCM", "ECDHE-RSA-AES256-GCM-SHA384 ECDHE-RSA-AES128-GCM-SHA256"},
		{"EECDH+AESGCM:!ECDSA:-AES128", "ECDHE-RSA-AES256-GCM-SHA384"},
		{"!AES256:kRSA+AESGCM", "AES128-GCM-SHA256"},
		{"-AES256:kRSA+AESGCM", "AES256-GCM-SHA384 AES128-GCM-SHA256"},
		{"AES128-SHA:+AES128:@STRENGTH", "AES128-SHA"},
		{"RC4:3DES", ""},
		{"ALL:!ALL", ""},
		{"ALL:@SECLEVEL=0", ""},
		{"!", ""},
		{"::", ""},
		{"ECDHE+", ""},
	} {
		ids, err := parseCiphers(tt.list)
		var names []string
		for _, s := range cipherSuites {
			if slices.Contains(ids, s.id) {
				names = append(names, s.name)
			}
		}
		if got := strings.Join(names, " "); got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q: got %q, %v; want %q", tt.list, got, err, tt.want)
		}
	}
	// What is in the default of OpenSSL's are the suites that crypto/tls holds safe.
	ids, err := parseCiphers("DEFAULT:!MEDIUM")
	for _, s := range tls.CipherSuites() {
		if want := s.SupportedVersions[0] != tls.VersionTLS13; slices.Contains(ids, s.ID) != want {
			t.Errorf("%s is among %v: %v, %v", s.Name, ids, !want, err)
		}
	}
}

func TestSuites(t *testing.T) {
	const all = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"
	for _, tt := range []struct {
		list string
		most uint16
		good bool
	}{
		{"", tls.VersionTLS13, true},
		{all, tls.VersionTLS13, true},
		{all + ":TLS_AES_128_CCM_SHA256", tls.VersionTLS13, true},
		{all + ":nosuch", tls.VersionTLS13, false},
		{"TLS_CHACHA20_POLY1305_SHA256", tls.VersionTLS13, false},
		{"TLS_CHACHA20_POLY1305_SHA256", tls.VersionTLS12, true},
		{"nosuch", tls.VersionTLS12, false},
	} {
		if err := checkSuites(tt.list, tt.most); (err == nil) != tt.good {
			t.Errorf("%q up to %x: %v", tt.list, tt.most, err)
		}
	}
}

// TestRootsFolder reads those files of a folder that OpenSSL would find.
func TestRootsFolder(t *testing.T) {
	key, err := readKey("testdata/plain.pem", "")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for file, name := range map[string]string{"0a1b2c3d.0": "hashed", "ca.crt": "unhashed", "0a1b2c3d.r0": "list"} {
		b, err := os.ReadFile(writeCertificate(t, name, key))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots, err := loadRoots("", dir)
	if err != nil {
		t.Fatal(err)
	}
	hashed, err := os.ReadFile(filepath.Join(dir, "0a1b2c3d.0"))
	if err != nil {
		t.Fatal(err)
	}
	want := x509.NewCertPool()
	want.AppendCertsFromPEM(hashed)
	if !roots.Equal(want) {
		t.Error("the folder's CAs are not those with a hash for a name")
	}
}

// TestSessions resumes a session while it is young, and not when it is too old, when
// another configuration is in force, or when that is not wanted.
func TestSessions(t *testing.T) {
	young, old, none := options(t), options(t), options(t)
	old.SessionLife = -time.Second // older than that at birth
	none.SessionCaching = false
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, tt := range []struct {
			name    string
			options Options
			want    bool
		}{{"young", young, true}, {"old", old, false}, {"no caching", none, false}} {
			first, err := New(tt.options)
			if err != nil {
				t.Fatal(err)
			}
			next, err := New(tt.options)
			if err != nil {
				t.Fatal(err)
			}
			client := first.Client.Clone()
			client.MaxVersion, client.ServerName, client.ClientSessionCache = version, "x", tls.NewLRUClientSessionCache(1)
			for i, server := range []*tls.Config{first.Server, first.Server, next.Server} {
				if got, want := resumes(t, server, client), tt.want && i == 1; got != want {
					t.Errorf("%s, %s, connection %d: resumed: %v, want %v", tls.VersionName(version), tt.name, i, got, want)
				}
			}
		}
	}
}

// resumes connects and reports whether that has resumed a session.
func resumes(t *testing.T, server, client *tls.Config) bool {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return // and the client finds out
		}
		defer conn.Close()
		conn.Write([]byte("x")) // behind a ticket of TLS 1.3, if there is one
	}()
	conn, err := tls.Dial("tcp", l.Addr().String(), client)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return conn.ConnectionState().DidResume
}

// Package tlsconf makes configurations of crypto/tls out of what the directives
// tls-* say, as Redis makes contexts of OpenSSL.
//
// Where crypto/tls cannot do what a directive asks for, New refuses: the cipher
// suites of TLS 1.3 cannot be chosen, nor versions with a gap between them. It
// has its own order of preference among cipher suites, and needs no parameters
// for Diffie-Hellman, since it offers elliptic curves alone.
package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"time"
)

// Options are the directives. The names of files are resolved already; "" stands
// for a directive that is not set.
type Options struct {
	CertFile, KeyFile, KeyPass                   string
	ClientCertFile, ClientKeyFile, ClientKeyPass string // what is shown to other servers; "" for the same
	CACertFile, CACertDir                        string
	DHParamsFile                                 string
	AuthClients                                  string // yes, optional or no
	Outgoing                                     bool   // other servers are connected to
	Protocols                                    string
	Ciphers, CipherSuites                        string
	SessionCaching                               bool
	SessionLife                                  time.Duration
}

// A Setup is what the directives come to.
type Setup struct {
	Server *tls.Config // for those who connect
	Client *tls.Config // for connecting to other servers
}

// New reads the files and checks everything. Its error is a line for the log.
func New(o Options) (*Setup, error) {
	switch {
	case o.CertFile == "":
		return nil, errors.New("No tls-cert-file configured!")
	case o.KeyFile == "":
		return nil, errors.New("No tls-key-file configured!")
	case (o.AuthClients != "no" || o.Outgoing) && o.CACertFile == "" && o.CACertDir == "":
		return nil, errors.New("Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, " +
			"tls-replication or tls-auth-clients are enabled!")
	}
	common, err := o.common()
	if err != nil {
		return nil, err
	}
	roots, err := loadRoots(o.CACertFile, o.CACertDir)
	if err != nil {
		return nil, err
	}
	if err := checkDHParams(o.DHParamsFile); err != nil {
		return nil, err
	}
	own, err := loadCertificate(o.CertFile, o.KeyFile, o.KeyPass)
	if err != nil {
		return nil, err
	}
	shown := own
	if o.ClientCertFile != "" && o.ClientKeyFile != "" {
		if shown, err = loadCertificate(o.ClientCertFile, o.ClientKeyFile, o.ClientKeyPass); err != nil {
			return nil, err
		}
	}
	return &Setup{Server: o.server(common, roots, own), Client: client(common, roots, shown)}, nil
}

// common is what holds for both directions.
func (o *Options) common() (*tls.Config, error) {
	least, most, err := parseProtocols(o.Protocols)
	if err != nil {
		return nil, err
	}
	suites, err := parseCiphers(o.Ciphers)
	if err != nil {
		return nil, err
	}
	if err := checkSuites(o.CipherSuites, most); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: least, MaxVersion: most, CipherSuites: suites}, nil
}

// server is the configuration for those who connect. Without a CA nobody's
// certificate is good: crypto/tls would take those of the system.
func (o *Options) server(common *tls.Config, roots *x509.CertPool, own *tls.Certificate) *tls.Config {
	c := common.Clone()
	c.Certificates = []tls.Certificate{*own}
	c.ClientCAs = roots
	c.ClientAuth = clientAuth(o.AuthClients)
	if o.SessionCaching {
		limitSessions(c, o.SessionLife)
	} else {
		c.SessionTicketsDisabled = true
	}
	return c
}

// clientAuth is what a value of tls-auth-clients stands for.
func clientAuth(authClients string) tls.ClientAuthType {
	switch authClients {
	case "no":
		return tls.NoClientCert
	case "optional":
		return tls.VerifyClientCertIfGiven
	}
	return tls.RequireAndVerifyClientCert
}

// Asking is the same setup with another value of tls-auth-clients, for which no file
// is read again.
func (s Setup) Asking(authClients string) Setup {
	server := s.Server.Clone()
	server.ClientAuth = clientAuth(authClients)
	s.Server = server
	return s
}

// client is the configuration for connecting to other servers. As in Redis a
// certificate is good for any name, as long as the CA vouches for it; so the check
// of crypto/tls, which wants a name, is done without one here.
func client(common *tls.Config, roots *x509.CertPool, shown *tls.Certificate) *tls.Config {
	c := common.Clone()
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return shown, nil }
	c.InsecureSkipVerify = true // VerifyConnection does it
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errors.New("no certificate")
		}
		between := x509.NewCertPool()
		for _, cert := range s.PeerCertificates[1:] {
			between.AddCert(cert)
		}
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
		return err
	}
	return c
}

// protocols are the versions by their names, which are taken in any case.
var protocols = map[string]uint16{
	"tlsv1":   tls.VersionTLS10,
	"tlsv1.1": tls.VersionTLS11,
	"tlsv1.2": tls.VersionTLS12,
	"tlsv1.3": tls.VersionTLS13,
}

// parseProtocols reads names of versions with one blank between two of them.
func parseProtocols(s string) (least, most uint16, err error) {
	if s == "" {
		return tls.VersionTLS12, tls.VersionTLS13, nil
	}
	named := make(map[uint16]bool)
	for _, word := range strings.Split(s, " ") {
		v, ok := protocols[strings.ToLower(word)]
		if !ok {
			return 0, 0, errors.New("Invalid tls-protocols specified. " +
				"Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and 'TLSv1.3'.")
		}
		if len(named) == 0 {
			least, most = v, v
		}
		least, most = min(least, v), max(most, v)
		named[v] = true
	}
	if len(named) <= int(most-least) {
		return 0, 0, errors.New("Invalid tls-protocols specified. This server cannot leave out a version between two others.")
	}
	return least, most, nil
}

package tlsconf

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// fileMax is the greatest file that is read.
const fileMax = 16 << 20

// readFile reads a whole file, which has to be a plain one: reading a pipe would
// have everybody wait.
func readFile(name string) ([]byte, error) {
	stat, err := os.Stat(name)
	if err != nil {
		return nil, plain(err)
	}
	if !stat.Mode().IsRegular() {
		return nil, errors.New("Not a regular file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, plain(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, fileMax+1))
	if err == nil && len(b) > fileMax {
		err = syscall.EFBIG
	}
	return b, plain(err)
}

// plain is an error of the system in C's words, without the name of the file.
func plain(err error) error {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return err
	}
	text := errno.Error()
	return errors.New(strings.ToUpper(text[:1]) + text[1:])
}

// loadCertificate reads a certificate with those that vouch for it behind it, and
// the key of the first.
func loadCertificate(certFile, keyFile, pass string) (*tls.Certificate, error) {
	cert, err := readChain(certFile)
	if err != nil {
		return nil, fmt.Errorf("Failed to load certificate: %s: %w", certFile, err)
	}
	key, err := readKey(keyFile, pass)
	if err == nil {
		public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
		if !ok || !public.Equal(cert.Leaf.PublicKey) {
			err = errors.New("the key does not belong to the certificate")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("Failed to load private key: %s: %w", keyFile, err)
	}
	cert.PrivateKey = key
	return cert, nil
}

// readChain reads the certificates of a file, without a key.
func readChain(name string) (*tls.Certificate, error) {
	cert := &tls.Certificate{}
	err := eachBlock(name, func(b *pem.Block) error {
		if !isCertificate(b) {
			return nil
		}
		parsed, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return err
		}
		if cert.Leaf == nil {
			cert.Leaf = parsed
		}
		cert.Certificate = append(cert.Certificate, b.Bytes)
		return nil
	})
	if err == nil && cert.Leaf == nil {
		err = errors.New("no certificate in it")
	}
	return cert, err
}

func isCertificate(b *pem.Block) bool { return b.Type == "CERTIFICATE" || b.Type == "X509 CERTIFICATE" }

// eachBlock visits the PEM blocks of a file.
func eachBlock(name string, visit func(*pem.Block) error) error {
	rest, err := readFile(name)
	if err != nil {
		return err
	}
	for {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return nil
		}
		if err := visit(b); err != nil {
			return err
		}
	}
}

// hashedName is what c_rehash and openssl rehash name the certificates of a folder.
var hashedName = regexp.MustCompile(`^[0-9a-f]{8}\.[0-9]+$`)

// loadRoots reads the certificates of CAs: those of a file, and those of a folder
// that OpenSSL would find there. It is empty, not nil, when there are none.
func loadRoots(file, dir string) (*x509.CertPool, error) {
	roots := x509.NewCertPool()
	failed := func(name string, err error) error {
		return fmt.Errorf("Failed to configure CA certificate(s) file/directory: %s: %w", name, err)
	}
	if file != "" {
		n, err := addRoots(roots, file)
		if err == nil && n == 0 {
			err = errors.New("no certificate in it")
		}
		if err != nil {
			return nil, failed(file, err)
		}
	}
	if dir == "" {
		return roots, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, failed(dir, plain(err))
	}
	for _, e := range entries {
		if !hashedName.MatchString(e.Name()) {
			continue
		}
		name := filepath.Join(dir, e.Name())
		if _, err := addRoots(roots, name); err != nil {
			return nil, failed(name, err)
		}
	}
	return roots, nil
}

// addRoots adds the certificates of a file, and tells how many.
func addRoots(roots *x509.CertPool, name string) (n int, err error) {
	err = eachBlock(name, func(b *pem.Block) error {
		if !isCertificate(b) {
			return nil
		}
		cert, err := x509.ParseCertificate(b.Bytes)
		if err == nil {
			roots.AddCert(cert)
			n++
		}
		return err
	})
	return n, err
}

// checkDHParams sees whether the parameters for Diffie-Hellman are some. They are
// not used.
func checkDHParams(name string) error {
	if name == "" {
		return nil
	}
	b, err := readFile(name)
	if err != nil {
		return fmt.Errorf("Failed to load %s: %w", name, err)
	}
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			return fmt.Errorf("%s: failed to read DH params.", name)
		}
		if strings.HasSuffix(block.Type, "DH PARAMETERS") {
			return nil
		}
	}
}

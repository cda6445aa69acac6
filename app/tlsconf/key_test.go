package tlsconf

import (
	"crypto/ecdsa"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadKey reads one key in every form that openssl gives it. The pass phrase is
// "secret".
func TestReadKey(t *testing.T) {
	plain, err := readKey("testdata/plain.pem", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ file, pass, fails string }{
		{"p8-plain", "", ""},
		{"p8-plain", "needless", ""},
		{"with-parameters", "", ""},
		{"proc-type", "secret", ""},
		{"proc-type", "wrong", "pass phrase"},
		{"proc-type", "", "pass phrase"},
		{"p8-aes256", "secret", ""},
		{"p8-aes256", "wrong", "pass phrase"},
		{"p8-aes256", "", "pass phrase"},
		{"p8-aes128-sha512", "secret", ""},
		{"p8-des3-sha1", "secret", ""},
		{"p8-scrypt", "secret", "1.3.6.1.4.1.11591.4.11, which is not supported (PBKDF2 is)"},
		{"p8-v1", "secret", "1.2.840.113549.1.12.1.3, which is not supported (PBES2 is)"},
		{"nosuch", "", "No such file or directory"},
	} {
		key, err := readKey(filepath.Join("testdata", tt.file+".pem"), tt.pass)
		switch {
		case tt.fails != "":
			if err == nil || !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("%s with %q: got the error %v, want %q", tt.file, tt.pass, err, tt.fails)
			}
		case err != nil:
			t.Errorf("%s with %q: %v", tt.file, tt.pass, err)
		case !key.(*ecdsa.PrivateKey).Equal(plain):
			t.Errorf("%s is another key", tt.file)
		}
	}
}

// TestReadFile refuses what is no file.
func TestReadFile(t *testing.T) {
	for _, name := range []string{t.TempDir(), os.DevNull} {
		if _, err := readFile(name); err == nil {
			t.Errorf("%s has been read", name)
		}
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readKey(empty, ""); err == nil {
		t.Error("a key in an empty file")
	}
	if _, err := readChain(empty); err == nil {
		t.Error("a certificate in an empty file")
	}
}

// FuzzKey reads keys that are damaged: they are an error or a key, and never panic.
func FuzzKey(f *testing.F) {
	names, err := filepath.Glob("testdata/*.pem")
	if err != nil || len(names) == 0 {
		f.Fatal(names, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if block, _ := pem.Decode(b); block != nil {
			f.Add(block.Type, block.Bytes)
		}
	}
	f.Fuzz(func(t *testing.T, kind string, der []byte) {
		if manyIterations(der) {
			return // takes too long
		}
		if key, err := parseKey(&pem.Block{Type: kind, Bytes: der}, "secret"); err == nil && key == nil {
			t.Fatal("neither a key nor an error")
		}
	})
}

// manyIterations reports whether a key asks for more work than a fuzz target has time for.
func manyIterations(der []byte) bool {
	var k encryptedKey
	var scheme pbes2
	var p kdf2
	return unmarshal(der, &k) == nil && unmarshal(k.Scheme.Parameters.FullBytes, &scheme) == nil &&
		unmarshal(scheme.Derivation.Parameters.FullBytes, &p) == nil && p.Iterations > 5000
}

// FuzzCiphers reads lists of words: the result is never an empty list of suites.
func FuzzCiphers(f *testing.F) {
	f.Add("DEFAULT:!MEDIUM")
	f.Add("ECDHE+AESGCM:-aRSA,+HIGH @STRENGTH")
	f.Add("!")
	f.Fuzz(func(t *testing.T, list string) {
		ids, err := parseCiphers(list)
		if err == nil && (len(ids) == 0) != (list == "") {
			t.Fatalf("%q: %v", list, ids)
		}
	})
}

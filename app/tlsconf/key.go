package tlsconf

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// Private keys. An encrypted one is of one of two kinds: the older has its cipher
// in the headers of its PEM block, the newer one is PKCS #8 under the scheme PBES2
// of RFC 8018, which is what openssl makes today. Of the latter keys derived by
// scrypt cannot be read, since the standard library has no scrypt.

var errKeyPass = errors.New("it is encrypted, and tls-key-file-pass is not its pass phrase")

// readKey reads the first private key of a file.
func readKey(name, pass string) (crypto.Signer, error) {
	var key any
	err := eachBlock(name, func(b *pem.Block) (err error) {
		if key == nil && strings.HasSuffix(b.Type, "PRIVATE KEY") {
			key, err = parseKey(b, pass)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if key == nil {
		return nil, errors.New("no private key in it")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T cannot be used", key)
	}
	return signer, nil
}

// parseKey reads a key out of its PEM block.
func parseKey(b *pem.Block, pass string) (any, error) {
	der := b.Bytes
	//lint:ignore SA1019 Whoever has such keys has to live with what they are worth.
	if x509.IsEncryptedPEMBlock(b) {
		var err error
		//lint:ignore SA1019 The same.
		if der, err = x509.DecryptPEMBlock(b, []byte(pass)); err != nil {
			return nil, errKeyPass
		}
	}
	switch b.Type {
	case "ENCRYPTED PRIVATE KEY":
		der, err := decryptPKCS8(der, pass)
		if err != nil {
			return nil, err
		}
		key, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			return nil, errKeyPass // which padding alone does not tell
		}
		return key, nil
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(der)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(der)
	case "PRIVATE KEY":
		return x509.ParsePKCS8PrivateKey(der)
	}
	return nil, fmt.Errorf("%s is not a kind of key that is known", b.Type)
}

// What an encrypted PKCS #8 key consists of.
type (
	encryptedKey struct {
		Scheme pkix.AlgorithmIdentifier
		Data   []byte
	}
	pbes2 struct{ Derivation, Cipher pkix.AlgorithmIdentifier }
	kdf2  struct {
		Salt       []byte
		Iterations int
		Size       int                      `asn1:"optional"`
		Hash       pkix.AlgorithmIdentifier `asn1:"optional"`
	}
)

// Names of algorithms.
const (
	oidPBES2  = "1.2.840.113549.1.5.13"
	oidPBKDF2 = "1.2.840.113549.1.5.12"
)

// kdfHashes are the hashes to derive a key with. "" is the default.
var kdfHashes = map[string]func() hash.Hash{
	"":                    sha1.New,
	"1.2.840.113549.2.7":  sha1.New,
	"1.2.840.113549.2.8":  sha256.New224,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
}

// keyCiphers are the ciphers, all in CBC mode, and the sizes of their keys.
var keyCiphers = map[string]struct {
	make func([]byte) (cipher.Block, error)
	size int
}{
	"2.16.840.1.101.3.4.1.2":  {aes.NewCipher, 16},
	"2.16.840.1.101.3.4.1.22": {aes.NewCipher, 24},
	"2.16.840.1.101.3.4.1.42": {aes.NewCipher, 32},
	"1.2.840.113549.3.7":      {des.NewTripleDESCipher, 24},
}

// kdfIterationsMax bounds the work that a file can ask for: seconds.
const kdfIterationsMax = 10_000_000

// decryptPKCS8 decrypts a key with a pass phrase.
func decryptPKCS8(der []byte, pass string) ([]byte, error) {
	var k encryptedKey
	if err := unmarshal(der, &k); err != nil {
		return nil, err
	}
	if oid := k.Scheme.Algorithm.String(); oid != oidPBES2 {
		return nil, fmt.Errorf("it is encrypted by %s, which is not supported (PBES2 is)", oid)
	}
	var scheme pbes2
	if err := unmarshal(k.Scheme.Parameters.FullBytes, &scheme); err != nil {
		return nil, err
	}
	kind, ok := keyCiphers[scheme.Cipher.Algorithm.String()]
	if !ok {
		return nil, fmt.Errorf("it is encrypted by %s, which is not supported (AES and 3DES with CBC are)", scheme.Cipher.Algorithm)
	}
	key, err := deriveKey(scheme.Derivation, pass, kind.size)
	if err != nil {
		return nil, err
	}
	block, err := kind.make(key)
	if err != nil {
		return nil, err
	}
	var iv []byte
	if err := unmarshal(scheme.Cipher.Parameters.FullBytes, &iv); err != nil {
		return nil, err
	}
	return decryptCBC(block, iv, k.Data)
}

// deriveKey makes a key of a pass phrase.
func deriveKey(how pkix.AlgorithmIdentifier, pass string, size int) ([]byte, error) {
	if oid := how.Algorithm.String(); oid != oidPBKDF2 {
		return nil, fmt.Errorf("its pass phrase is taken by %s, which is not supported (PBKDF2 is)", oid)
	}
	var p kdf2
	if err := unmarshal(how.Parameters.FullBytes, &p); err != nil {
		return nil, err
	}
	sum, ok := kdfHashes[p.Hash.Algorithm.String()]
	if !ok {
		return nil, fmt.Errorf("its pass phrase is hashed by %s, which is not supported", p.Hash.Algorithm)
	}
	if p.Iterations < 1 || p.Iterations > kdfIterationsMax || p.Size != 0 && p.Size != size {
		return nil, errKeyFormat
	}
	return pbkdf2.Key(sum, pass, p.Salt, p.Iterations, size)
}

// decryptCBC decrypts data and takes the padding off.
func decryptCBC(block cipher.Block, iv, data []byte) ([]byte, error) {
	n := block.BlockSize()
	if len(iv) != n || len(data) == 0 || len(data)%n != 0 {
		return nil, errKeyFormat
	}
	text := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(text, data)
	pad := int(text[len(text)-1])
	if pad < 1 || pad > n || !bytes.Equal(text[len(text)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, errKeyPass
	}
	return text[:len(text)-pad], nil
}

var errKeyFormat = errors.New("the encrypted key is damaged")

// unmarshal reads ASN.1 with nothing behind it.
func unmarshal(der []byte, into any) error {
	if rest, err := asn1.Unmarshal(der, into); err != nil || len(rest) > 0 {
		return errKeyFormat
	}
	return nil
}

package tlsconf

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
)

// A cipherSuite is one for TLS 1.2 and before, with the words that select it in a
// list of OpenSSL's.
type cipherSuite struct {
	id    uint16
	name  string
	words string
}

// Every one has these words besides its own.
const commonWords = "ALL HIGH"

// The suites of crypto/tls that a current OpenSSL has, too. Those without ECDHE
// keep no forward secrecy, and those of SHA256 with CBC are not protected against
// measuring their time: they are had by asking for them.
var cipherSuites = []cipherSuite{
	{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384", "DEFAULT ECDHE aECDSA AES AES256 AESGCM TLSv1.2"},
	{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384", "DEFAULT ECDHE aRSA AES AES256 AESGCM TLSv1.2"},
	{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305", "DEFAULT ECDHE aECDSA CHACHA20 TLSv1.2"},
	{tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305", "DEFAULT ECDHE aRSA CHACHA20 TLSv1.2"},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256", "DEFAULT ECDHE aECDSA AES AES128 AESGCM TLSv1.2"},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256", "DEFAULT ECDHE aRSA AES AES128 AESGCM TLSv1.2"},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, "ECDHE-ECDSA-AES256-SHA", "DEFAULT ECDHE aECDSA AES AES256 SHA1 TLSv1.0"},
	{tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, "ECDHE-RSA-AES256-SHA", "DEFAULT ECDHE aRSA AES AES256 SHA1 TLSv1.0"},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, "ECDHE-ECDSA-AES128-SHA", "DEFAULT ECDHE aECDSA AES AES128 SHA1 TLSv1.0"},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, "ECDHE-RSA-AES128-SHA", "DEFAULT ECDHE aRSA AES AES128 SHA1 TLSv1.0"},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, "ECDHE-ECDSA-AES128-SHA256", "ECDHE aECDSA AES AES128 SHA256 TLSv1.2"},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, "ECDHE-RSA-AES128-SHA256", "ECDHE aRSA AES AES128 SHA256 TLSv1.2"},
	{tls.TLS_RSA_WITH_AES_256_GCM_SHA384, "AES256-GCM-SHA384", "RSA aRSA AES AES256 AESGCM TLSv1.2"},
	{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, "AES128-GCM-SHA256", "RSA aRSA AES AES128 AESGCM TLSv1.2"},
	{tls.TLS_RSA_WITH_AES_128_CBC_SHA256, "AES128-SHA256", "RSA aRSA AES AES128 SHA256 TLSv1.2"},
	{tls.TLS_RSA_WITH_AES_256_CBC_SHA, "AES256-SHA", "RSA aRSA AES AES256 SHA1 SSLv3"},
	{tls.TLS_RSA_WITH_AES_128_CBC_SHA, "AES128-SHA", "RSA aRSA AES AES128 SHA1 SSLv3"},
}

// cipherWords are other words for the same.
var cipherWords = map[string]string{
	"kECDHE": "ECDHE", "kEECDH": "ECDHE", "EECDH": "ECDHE", "ECDH": "ECDHE",
	"kRSA": "RSA", "ECDSA": "aECDSA", "SHA": "SHA1", "TLSv1": "SSLv3",
}

// has reports whether all the words, with + between them, select the suite.
func (s *cipherSuite) has(words string) bool {
	if words == s.name || words == tls.CipherSuiteName(s.id) {
		return true
	}
	own := append(strings.Fields(s.words), strings.Fields(commonWords)...)
	for _, word := range strings.Split(words, "+") {
		if same, ok := cipherWords[word]; ok {
			word = same
		}
		if !slices.Contains(own, word) {
			return false
		}
	}
	return true
}

// parseCiphers reads a cipher list of OpenSSL's: words that add suites, or, behind
// a minus, take them out again, or for good behind an exclamation mark. Words that
// select nothing are skipped, as there. The order means nothing to crypto/tls. For
// an empty list the result is nil, which leaves the choice to crypto/tls.
func parseCiphers(list string) ([]uint16, error) {
	if list == "" {
		return nil, nil
	}
	failed := func(why string) error { return fmt.Errorf("Failed to configure ciphers: %s%s", list, why) }
	chosen, banned := make(map[uint16]bool), make(map[uint16]bool)
	for _, word := range strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(" :,;", r) }) {
		if word == "@STRENGTH" {
			continue
		}
		if word[0] == '@' {
			return nil, failed(" (" + word + " cannot be had with crypto/tls)")
		}
		if word[0] == '+' {
			continue // to the end of the list
		}
		name := strings.TrimLeft(word, "!-")
		for i := range cipherSuites {
			s := &cipherSuites[i]
			if !s.has(name) {
				continue
			}
			chosen[s.id] = word[0] != '!' && word[0] != '-'
			banned[s.id] = banned[s.id] || word[0] == '!'
		}
	}
	var ids []uint16
	for i := range cipherSuites {
		if id := cipherSuites[i].id; chosen[id] && !banned[id] {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, failed("")
	}
	return ids, nil
}

// checkSuites checks a list of cipher suites for TLS 1.3. crypto/tls always offers
// the same three; a list without one of them cannot be had.
func checkSuites(list string, most uint16) error {
	if list == "" {
		return nil
	}
	named := make(map[string]bool)
	for _, name := range strings.Split(list, ":") {
		switch name = strings.TrimSpace(name); name {
		case "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
			"TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256":
			named[name] = true
		default:
			return fmt.Errorf("Failed to configure ciphersuites: %s", list)
		}
	}
	for _, s := range tls.CipherSuites() {
		if slices.Contains(s.SupportedVersions, tls.VersionTLS13) && most >= tls.VersionTLS13 && !named[s.Name] {
			return fmt.Errorf("Failed to configure ciphersuites: %s (crypto/tls offers %s with TLS 1.3 in any case)", list, s.Name)
		}
	}
	return nil
}

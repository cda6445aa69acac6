package store

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// secureConfig is the configuration of a server with a certificate that nobody
// vouches for.
var secureConfig = sync.OnceValue(func() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil // and no handshake succeeds
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
})

// TestHandshakeTimes has clients begin a handshake and fall silent: they count for
// maxclients, and are gone when their time is up.
func TestHandshakeTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := configured(t, "--maxclients", "3")
		defer kv.Close()
		var ends []net.Conn
		connect := func() net.Conn {
			near, far := net.Pipe()
			conn := tls.Server(far, secureConfig())
			go kv.HandleConnection(Connection{Conn: conn}, resp.NewParser(conn))
			ends = append(ends, near)
			synctest.Wait()
			return near
		}
		began := time.Now()
		for range 3 {
			connect()
		}
		if n := kv.greetings(); n != 3 {
			t.Fatalf("%d handshakes, want 3", n)
		}
		if _, err := connect().Read(make([]byte, 1)); err == nil || time.Since(began) != 0 {
			t.Errorf("a fourth is let in: %v after %v", err, time.Since(began))
		}
		if _, err := ends[0].Write([]byte{22, 3, 1}); err != nil { // the beginning of a record
			t.Error(err)
		}
		for _, near := range ends[:3] {
			for {
				if _, err := near.Read(make([]byte, 100)); err != nil {
					break // it may be told why
				}
			}
		}
		if took := time.Since(began); took != handshakeTime {
			t.Errorf("they are gone after %v, want %v", took, handshakeTime)
		}
		synctest.Wait()
		if n := kv.greetings(); n != 0 {
			t.Errorf("%d handshakes are left", n)
		}
	})
}

// greetings is how many clients shake hands.
func (kv *KVStore) greetings() int {
	kv.mu.Lock()
	defer kv.mu.Unlock()
	return len(kv.tls.greeted)
}

// TestHandshakeClose closes a store while clients shake hands: it waits for none.
func TestHandshakeClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := configured(t)
		near, far := net.Pipe()
		conn := tls.Server(far, secureConfig())
		go kv.HandleConnection(Connection{Conn: conn}, resp.NewParser(conn))
		synctest.Wait()
		began := time.Now()
		kv.Close()
		if took := time.Since(began); took >= handshakeTime {
			t.Errorf("it took %v", took)
		}
		near.Close()
	})
}

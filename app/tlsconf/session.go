package tlsconf

import (
	"crypto/tls"
	"encoding/binary"
	"time"
)

// limitSessions has sessions be resumed only for so long. They are kept by the
// clients, encrypted with a key of this configuration; so another configuration
// resumes none, and no memory is needed for them.
func limitSessions(c *tls.Config, life time.Duration) {
	c.WrapSession = func(conn tls.ConnectionState, s *tls.SessionState) ([]byte, error) {
		s.Extra = append(s.Extra, stamp(time.Now()))
		return c.EncryptTicket(conn, s)
	}
	c.UnwrapSession = func(ticket []byte, conn tls.ConnectionState) (*tls.SessionState, error) {
		s, err := c.DecryptTicket(ticket, conn)
		if err != nil || s == nil || len(s.Extra) == 0 {
			return nil, err
		}
		if begun, ok := stamped(s.Extra[len(s.Extra)-1]); !ok || time.Since(begun) > life {
			return nil, nil
		}
		return s, nil
	}
}

// stamp writes a time, to the second.
func stamp(t time.Time) []byte { return binary.BigEndian.AppendUint64(nil, uint64(t.Unix())) }

// stamped reads what stamp has written.
func stamped(b []byte) (time.Time, bool) {
	if len(b) != 8 {
		return time.Time{}, false
	}
	return time.Unix(int64(binary.BigEndian.Uint64(b)), 0), true
}

package dict

import (
	"encoding/binary"

	"github.com/codecrafters-io/redis-starter-go/app/arena"
)

// newRecord writes a record as t describes it: KeyOffset bytes, the expiry if
// there is one, key length, key, value length, value.
func newRecord(t *Type, key, value string, expires bool) arena.Ref {
	size := t.KeyOffset + 2*binary.MaxVarintLen64 + len(key) + len(value)
	if expires {
		size += 8
	}
	buf := make([]byte, 0, size)
	buf = append(buf, make([]byte, t.KeyOffset)...)
	if expires {
		buf = append(buf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
		buf[0] = 0x80
	}
	buf = binary.AppendUvarint(buf, uint64(len(key)))
	buf = append(buf, key...)
	buf = binary.AppendUvarint(buf, uint64(len(value)))
	buf = append(buf, value...)
	r := t.Arena.Alloc(len(buf))
	copy(t.Arena.Bytes(r, len(buf)), buf)
	return r
}

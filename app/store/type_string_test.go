package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// A modelString is what the keyspace should hold under a key.
type modelString struct {
	value string
	enc   encoding
	at    int64 // expiry, -1 for none
}

// A stringModel runs operations on strings, chosen by bytes, on a database and
// on a map of Go strings, and compares the two.
type stringModel struct {
	t     testing.TB
	db    *database
	kv    *KVStore
	want  map[string]modelString
	input []byte
}

// modelKeys have lengths around those where the record changes its layout.
var modelKeys = []string{"", "a", "b", "key", strings.Repeat("k", 44), strings.Repeat("l", 127),
	strings.Repeat("m", 128), strings.Repeat("n", 129), strings.Repeat("o", 20000)}

// modelSizes have values around the borders of encodings and of blocks.
var modelSizes = []int{0, 1, 2, 7, 8, 9, 15, 20, 43, 44, 45, 46, 60, 127, 128, 250, 1000, 2047, 2048, 2049,
	4090, 4095, 4096, 4097, 5000, 8192, 20000, 32768, 32769, 70000}

func newStringModel(t testing.TB, input []byte) *stringModel {
	kv := newChecked(t)
	return &stringModel{t: t, db: kv.dbs[0], kv: kv, want: make(map[string]modelString), input: input}
}

// next is the next byte of input, 0 when there are no more.
func (m *stringModel) next() int {
	if len(m.input) == 0 {
		return 0
	}
	b := m.input[0]
	m.input = m.input[1:]
	return int(b)
}

func (m *stringModel) pick(n int) int { return m.next() % n }

func (m *stringModel) size() int { return modelSizes[m.pick(len(modelSizes))] }

// text is a value of n bytes.
func (m *stringModel) text(n int) string {
	return string(bytes.Repeat([]byte{byte(m.next())}, n))
}

// value is text or a number.
func (m *stringModel) value() string {
	switch m.pick(4) {
	case 0:
		return strconv.Itoa(m.next() - 128)
	case 1:
		return strconv.FormatInt(int64(m.next())<<56|int64(m.next())<<20, 10)
	}
	return m.text(m.size())
}

// encodingFor is how a stored value is encoded.
func encodingFor(value string, asText bool) encoding {
	_, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err == nil && !asText && value[0] != '+' && (value == "0" || strings.TrimLeft(value, "-")[0] != '0'):
		return encInt
	case len(value) <= embstrMax:
		return encEmbstr
	}
	return encRaw
}

// run takes one step.
func (m *stringModel) step() {
	key := modelKeys[m.pick(len(modelKeys))]
	old, had := m.want[key]
	if !had {
		old.at = -1
	}
	e := m.db.lookupWrite(key)
	if e.ok() != had {
		m.t.Fatalf("key %.20q is there: %v, want %v", key, e.ok(), had)
	}
	switch op := m.pick(12); {
	case op < 3:
		m.set(key, old, op == 0)
	case op == 3:
		value := m.text(m.pick(60))
		m.db.storeText(e, key, value, old.at)
		m.want[key] = modelString{value, encodingFor(value, true), old.at}
	case op == 4:
		value := m.text(m.size())
		_, b := m.db.storeRaw(e, key, len(value), -1)
		copy(b, value)
		m.want[key] = modelString{value, encRaw, -1}
	case op == 5 && !had:
		n := m.size()
		m.db.insertZeros(key, n)
		m.want[key] = modelString{string(make([]byte, n)), encRaw, -1}
	case op == 6 && had:
		m.remove(key, e)
	case op == 7 && had && old.enc == encInt:
		n := int64(m.next()) << m.pick(56)
		e.setInteger(n)
		m.want[key] = modelString{strconv.FormatInt(n, 10), encInt, old.at}
	case op == 8 && had:
		old.at = m.expiry()
		m.db.setExpiry(e, old.at)
		m.want[key] = old
	case op == 9:
		m.advance(int64(m.pick(3)) * 50)
	case had:
		m.resize(key, e, old)
	}
	m.compare(key)
}

// set sets a key as SET does.
func (m *stringModel) set(key string, old modelString, keepTTL bool) {
	value := m.value()
	m.db.set(key, value, keepTTL)
	if !keepTTL {
		old.at = -1
	}
	m.want[key] = modelString{value, encodingFor(value, false), old.at}
}

func (m *stringModel) remove(key string, e entry) {
	m.db.remove(e)
	delete(m.want, key)
}

// expiry is a time to expire at, or -1.
func (m *stringModel) expiry() int64 {
	if m.pick(3) == 0 {
		return -1
	}
	return m.kv.nowMs + 1000*int64(m.pick(4))
}

// resize changes the length of a string and some of its bytes.
func (m *stringModel) resize(key string, e entry, old modelString) {
	n := m.size()
	if m.pick(2) == 0 {
		n = len(old.value) + m.pick(100)
	}
	_, b := m.db.resize(e, n)
	want := make([]byte, n)
	copy(want, old.value)
	if !bytes.Equal(b, want) {
		m.t.Fatalf("key %.20q resized from %d to %d bytes: contents lost", key, len(old.value), n)
	}
	if n > 0 {
		b[n/2], want[n/2] = 'x', 'x'
	}
	m.want[key] = modelString{string(want), encRaw, old.at}
}

// advance lets time pass. What has expired may be gone or be met later.
func (m *stringModel) advance(ms int64) {
	m.kv.baseNs += ms * 1e6
	m.kv.readClock()
	for key, w := range m.want {
		if w.at >= 0 && w.at < m.kv.nowMs {
			delete(m.want, key)
		}
	}
	if m.pick(2) == 0 {
		m.kv.expireAll()
	}
}

// compare looks a key up. Its time may come while the model runs.
func (m *stringModel) compare(key string) {
	m.t.Helper()
	w, ok := m.want[key]
	if ok && w.at >= 0 && w.at < m.kv.nowMs {
		delete(m.want, key)
		ok = false
	}
	e := m.db.peek(key)
	if e.ok() != ok {
		m.t.Fatalf("key %.20q is there: %v, want %v", key, e.ok(), ok)
	}
	if !ok {
		return
	}
	enc := e.enc()
	if enc == encRawOutside {
		enc = encRaw
	}
	if m.kv.str(e) != w.value || e.stringLen() != len(w.value) || enc != w.enc || e.expireAt() != w.at || e.key() != key {
		m.t.Fatalf("key %.20q: %d bytes %.20q, %v, expires %d; want %d bytes %.20q, %v, %d", key,
			e.stringLen(), m.kv.str(e), e.enc(), e.expireAt(), len(w.value), w.value, w.enc, w.at)
	}
}

// run takes steps until the input is used up, and then lets everything expire.
func (m *stringModel) run() {
	for n := 1; len(m.input) > 0; n++ {
		m.step()
		if n%16 == 0 {
			m.check()
		}
	}
	m.check()
	m.advance(1 << 40)
	m.kv.expireAll()
	m.check()
	if got := m.db.keys.Len(); got != len(m.want) {
		m.t.Fatalf("%d keys remain, want %d", got, len(m.want))
	}
	for key := range m.want {
		if e := m.db.peek(key); e.ok() {
			m.db.remove(e)
		}
	}
	if used := m.kv.arena.Used(); used != 0 {
		m.t.Fatalf("%d bytes remain", used)
	}
}

func (m *stringModel) check() {
	m.t.Helper()
	for _, key := range modelKeys {
		m.compare(key)
	}
	if err := m.kv.check(); err != nil {
		m.t.Fatal(err)
	}
}

func TestStringModel(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			input := make([]byte, 4000)
			for i := range input {
				input[i] = byte(rng.Uint32())
			}
			newStringModel(t, input).run()
		})
	}
}

// FuzzStringModel takes the steps that the fuzzer thinks of.
func FuzzStringModel(f *testing.F) {
	f.Add([]byte("\x01\x00\x02\x05abc\x08\x01\x02"))
	f.Add(bytes.Repeat([]byte{1, 11, 25, 3}, 20))
	f.Fuzz(func(t *testing.T, input []byte) {
		newStringModel(t, input[:min(len(input), 2000)]).run()
	})
}

// TestOverwriteInPlace: a value that takes as much room as the old one goes to
// the same memory, so that a steady load of SETs moves nothing.
func TestOverwriteInPlace(t *testing.T) {
	tests := []struct {
		name     string
		old, new string
	}{
		{"int", "1", "9223372036854775807"},
		{"embstr", "abcdefgh", "hgfedcba"},
		{"raw", strings.Repeat("a", 100), strings.Repeat("b", 100)},
		{"int and embstr", "12345678", "abcdefg"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db := newChecked(t).dbs[0]
			before := db.set("k", tt.old, false)
			if after := db.set("k", tt.new, false); after.ref != before.ref {
				t.Errorf("the record moved from %d to %d", before.ref, after.ref)
			}
		})
	}
	t.Run("outside", func(t *testing.T) {
		db := newChecked(t).dbs[0]
		before := db.set("k", strings.Repeat("a", 100000), false).outsideRef()
		if after := db.set("k", strings.Repeat("b", 99999), false).outsideRef(); after != before {
			t.Errorf("the value moved from %d to %d", before, after)
		}
	})
}

// TestAppendRoom: a string that grows step by step is copied a number of times
// that is in no proportion to the steps.
func TestAppendRoom(t *testing.T) {
	db := newChecked(t).dbs[0]
	e := db.set("k", "", false)
	moves, at := 0, e
	for n := 1; n <= 20000; n++ {
		e, _ = db.resize(e, n)
		if n <= inlineMax && e != at {
			moves, at = moves+1, e
		}
	}
	if moves > 15 {
		t.Errorf("%d moves up to %d bytes", moves, inlineMax)
	}
}

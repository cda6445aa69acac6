package store

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// The commands on HyperLogLogs, which are strings of a certain form.

var hllCommands = []command{
	{name: "pfadd", arity: -2, flags: write | denyOOM | fast, cats: catHyperloglog, keys: key1(keyRW | keyInsert), run: (*KVStore).cmdPfadd},
	{name: "pfcount", arity: -2, flags: readonly | mayReplicate, cats: catHyperloglog, keys: keyRange(1, -1, 1, keyRW|keyAccess), run: (*KVStore).cmdPfcount},
	{name: "pfdebug", arity: 3, flags: write | denyOOM | admin, cats: catHyperloglog, keys: keyAt(2, keyRW|keyAccess), run: (*KVStore).cmdPfdebug},
	{name: "pfmerge", arity: -2, flags: write | denyOOM, cats: catHyperloglog,
		keys: append(key1(keyRW|keyAccess|keyInsert), keyRange(2, -1, 1, keyRO|keyAccess)...), run: (*KVStore).cmdPfmerge},
	{name: "pfselftest", arity: 1, flags: admin, cats: catHyperloglog, run: (*KVStore).cmdPfselftest},
}

const (
	errNotHLL     replyError = "WRONGTYPE Key is not a valid HyperLogLog string value."
	errCorruptHLL replyError = "INVALIDOBJ Corrupted HLL object detected"
	errNoHLL      replyError = "ERR The specified key does not exist"
	errNotSparse  replyError = "ERR HLL encoding is not sparse"
)

// hllBufMax is how big a buffer for sparse HyperLogLogs is kept.
const hllBufMax = 1 << 16

// An openHLL is a HyperLogLog being changed. A dense one is changed in place. A
// sparse one may grow, so that it is copied before its first change, and
// brought home by close.
type openHLL struct {
	db      *database
	key     string
	e       entry // not ok while there is no such key
	b       []byte
	outside bool // b is not the value in the arena
}

// openHLL finds a HyperLogLog to be changed. Without the key it is an empty one.
func (db *database) openHLL(key string) (h openHLL, err error) {
	h = openHLL{db: db, key: key, e: db.lookupWrite(key)}
	if !h.e.ok() {
		h.b, h.outside = appendEmptyHLL(db.kv.hllBuf[:0]), true
		return h, nil
	}
	h.e, h.b, err = db.rawHLL(h.e)
	return h, err
}

// set raises a register.
func (h *openHLL) set(index int, value uint8) (change hllChange) {
	if isDenseHLL(h.b) {
		return setDenseHLL(h.b, index, value)
	}
	at, change := placeInHLL(h.b, index, value)
	if change != hllRaised {
		return change
	}
	kv := h.db.kv
	if !h.outside {
		h.b, h.outside = append(kv.hllBuf[:0], h.b...), true
	}
	h.b, change = at.raise(h.b, index, value, kv.hllSparseMax)
	return change
}

// close stores what has changed.
func (h *openHLL) close() {
	if !h.outside {
		return
	}
	h.db.storeHLL(h.e, h.key, h.b)
	if cap(h.b) <= hllBufMax {
		h.db.kv.hllBuf = h.b[:0]
	}
}

// hll is a view of the HyperLogLog that an entry must be.
func (kv *KVStore) hll(e entry) ([]byte, error) {
	if e.typ() != typeString {
		return nil, errWrongType
	}
	if e.enc() == encInt {
		return nil, errNotHLL
	}
	if b := kv.bytes(e); isHLL(b) {
		return b, nil
	}
	return nil, errNotHLL
}

// rawHLL is hll for bytes that will be changed in place. The entry may move:
// Redis makes any string raw that it takes for a HyperLogLog, and clients see it.
func (db *database) rawHLL(e entry) (entry, []byte, error) {
	b, err := db.kv.hll(e)
	if err != nil {
		return e, nil, err
	}
	e, b = db.makeRaw(e, len(b))
	return e, b, nil
}

// storeHLL makes b, which lies outside of the arena, the value of key, where
// lookupWrite found old. A dense one will not grow, so that it gets no room to.
func (db *database) storeHLL(old entry, key string, b []byte) {
	var place []byte
	switch {
	case !old.ok():
		_, place = db.storeRaw(old, key, len(b), -1)
	case isDenseHLL(b):
		_, place = db.storeRaw(old, key, len(b), old.expireAt())
	default:
		_, place = db.makeRaw(old, len(b))
	}
	copy(place, b)
}

// cmdPfadd serves PFADD key [element ...].
func (kv *KVStore) cmdPfadd(c *Client, args []string) error {
	key := args[1]
	h, err := c.db.openHLL(key)
	if err != nil {
		return err
	}
	updated := 0
	if !h.e.ok() {
		updated = 1
	}
	for _, element := range args[2:] {
		switch h.set(hllHash(element)) {
		case hllRaised:
			updated++
		case hllCorrupt:
			h.close() // what was added before stays, unannounced, as in Redis
			return errCorruptHLL
		}
	}
	if updated == 0 {
		c.reply.Int(0)
		return nil
	}
	dropCachedHLLCount(h.b)
	h.close()
	kv.changedBy(c.db, key, eventString, "pfadd", updated)
	c.reply.Int(1)
	return nil
}

// cmdPfcount serves PFCOUNT key [key ...].
func (kv *KVStore) cmdPfcount(c *Client, args []string) error {
	if len(args) == 2 {
		return kv.countOne(c, args[1])
	}
	var union hllMaxima
	if _, err := kv.mergeKeys(c, &union, args[1:]); err != nil {
		return err
	}
	c.reply.Int(union.count())
	return nil
}

// countOne counts one HyperLogLog, and keeps the result in it for the next
// time. That changes the value, although the command is one that reads.
func (kv *KVStore) countOne(c *Client, key string) error {
	e := c.db.lookupRead(key)
	if !e.ok() {
		c.reply.Int(0)
		return nil
	}
	_, b, err := c.db.rawHLL(e)
	if err != nil {
		return err
	}
	count, ok := cachedHLLCount(b)
	if !ok {
		if count, ok = countHLL(b); !ok {
			return errCorruptHLL
		}
		cacheHLLCount(b, count)
		kv.touched(c.db, key)
		kv.dirty++
	}
	c.reply.Int(count)
	return nil
}

// mergeKeys merges the HyperLogLogs under keys into union; a missing one is
// empty. It reports whether any of them is dense.
func (kv *KVStore) mergeKeys(c *Client, union *hllMaxima, keys []string) (dense bool, err error) {
	for _, key := range keys {
		e := c.db.lookupRead(key)
		if !e.ok() {
			continue
		}
		b, err := kv.hll(e)
		if err != nil {
			return false, err
		}
		dense = dense || isDenseHLL(b)
		if !mergeHLL(union, b) {
			return false, errCorruptHLL
		}
	}
	return dense, nil
}

// cmdPfmerge serves PFMERGE destkey [sourcekey ...].
func (kv *KVStore) cmdPfmerge(c *Client, args []string) error {
	key := args[1]
	var union hllMaxima
	dense, err := kv.mergeKeys(c, &union, args[1:])
	if err != nil {
		return err
	}
	h, err := c.db.openHLL(key)
	if err != nil {
		return err
	}
	if dense && !isDenseHLL(h.b) {
		var ok bool
		if h.b, ok = denseHLL(h.b); !ok {
			return errCorruptHLL
		}
		h.outside = true
	}
	for index, value := range union {
		if value > 0 {
			h.set(index, value)
		}
	}
	dropCachedHLLCount(h.b)
	h.close()
	kv.changed(c.db, key, eventString, "pfadd")
	c.reply.OK()
	return nil
}

// cmdPfdebug serves PFDEBUG GETREG | DECODE | ENCODING | TODENSE key. The key
// is looked at before the word, which is no subcommand to COMMAND.
func (kv *KVStore) cmdPfdebug(c *Client, args []string) error {
	word, key := args[1], args[2]
	e := c.db.lookupWrite(key)
	if !e.ok() {
		return errNoHLL
	}
	e, b, err := c.db.rawHLL(e)
	if err != nil {
		return err
	}
	switch {
	case is(word, "getreg"):
		return kv.replyRegisters(c, e, key, b)
	case is(word, "decode"):
		if isDenseHLL(b) {
			return errNotSparse
		}
		c.reply.Bulk(describeHLLRuns(b))
	case is(word, "encoding"):
		if isDenseHLL(b) {
			c.reply.Status("dense")
		} else {
			c.reply.Status("sparse")
		}
	case is(word, "todense"):
		converted := !isDenseHLL(b)
		if _, err := kv.makeDense(c, e, key, b); err != nil {
			return err
		}
		if converted {
			c.reply.Int(1)
		} else {
			c.reply.Int(0)
		}
	default:
		return errf("ERR Unknown PFDEBUG subcommand '%s'", cut(word, len(word)))
	}
	return nil
}

// makeDense makes the HyperLogLog b under key dense and returns its bytes.
// Replicas repeat it, but watchers hear nothing.
func (kv *KVStore) makeDense(c *Client, e entry, key string, b []byte) ([]byte, error) {
	if isDenseHLL(b) {
		return b, nil
	}
	dense, ok := denseHLL(b)
	if !ok {
		return nil, errCorruptHLL
	}
	c.db.storeHLL(e, key, dense)
	kv.dirty++
	return dense, nil
}

// replyRegisters answers with all registers, of a HyperLogLog that this makes
// dense.
func (kv *KVStore) replyRegisters(c *Client, e entry, key string, b []byte) error {
	b, err := kv.makeDense(c, e, key, b)
	if err != nil {
		return err
	}
	c.reply.Array(hllRegisters)
	for i := range hllRegisters {
		c.reply.Int(int64(denseRegister(b, i)))
	}
	return nil
}

// describeHLLRuns prints the runs of a sparse HyperLogLog, sound or not.
func describeHLLRuns(b []byte) string {
	var text []byte
	for p := hllHead; p < len(b); {
		r := hllRunAt(b, p)
		switch {
		case r.value > 0:
			text = append(text, "v:"...)
			text = strconv.AppendInt(text, int64(r.value), 10)
			text = append(text, ',')
		case r.size == 1:
			text = append(text, "z:"...)
		default:
			text = append(text, "Z:"...)
		}
		text = strconv.AppendInt(text, int64(r.length), 10)
		text = append(text, ' ')
		p += r.size
	}
	return strings.TrimRight(string(text), " ")
}

// cmdPfselftest serves PFSELFTEST. It goes to a million elements where Redis
// goes to ten, for everybody waits meanwhile.
func (kv *KVStore) cmdPfselftest(c *Client, args []string) error {
	const elementsMax = 1_000_000
	if err := testRegisters(); err != nil {
		return err
	}
	dense, _ := denseHLL(appendEmptyHLL(nil))
	other := appendEmptyHLL(nil)
	seed := rand.Uint64()
	checkpoint := uint64(1)
	for n := uint64(1); n <= elementsMax; n++ {
		var element [8]byte
		for i, x := 0, n^seed; i < len(element); i, x = i+1, x>>8 {
			element[i] = byte(x)
		}
		index, value := hllHash(viewString(element[:]))
		setDenseHLL(dense, index, value)
		other, _ = setHLL(other, index, value, kv.hllSparseMax)
		if n != checkpoint {
			continue
		}
		checkpoint *= 10
		if int64(n) < kv.hllSparseMax/2 && isDenseHLL(other) {
			return replyError("ERR TESTFAILED sparse encoding not used")
		}
		if err := testCount(n, dense, other); err != nil {
			return err
		}
	}
	c.reply.OK()
	return nil
}

// testRegisters sets registers to random values and reads them back.
func testRegisters() error {
	const cycles = 100
	var want hllMaxima
	b, _ := denseHLL(appendEmptyHLL(nil))
	for range cycles {
		for i := range want {
			want[i] = uint8(rand.IntN(1 << hllBits))
			putDenseRegister(b, i, want[i])
		}
		for i := range want {
			if got := denseRegister(b, i); got != want[i] {
				return errf("ERR TESTFAILED Register %d should be %d but is %d", i, want[i], got)
			}
		}
	}
	return nil
}

// testCount looks whether two HyperLogLogs of n elements agree, and are off by
// no more than six times the error to be expected.
func testCount(n uint64, dense, other []byte) error {
	count, _ := countHLL(dense)
	if same, _ := countHLL(other); same != count {
		return replyError("ERR TESTFAILED dense/sparse disagree")
	}
	most := int64(math.Ceil(1.04 / math.Sqrt(hllRegisters) * 6 * float64(n)))
	if n == 10 {
		most = 1 // elements that share a register are not so rare
	}
	if off := max(int64(n)-count, count-int64(n)); off > most {
		return errf("ERR TESTFAILED Too big error. card:%d abserr:%d", n, off)
	}
	return nil
}

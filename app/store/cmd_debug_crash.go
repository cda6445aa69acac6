package store

import (
	"fmt"
	"math"
	"time"
)

// The subcommands of DEBUG that crash the server, so that what happens then can be
// tried. They are faults on purpose, and end as any other does (crash.go).

// debugSegfault serves DEBUG SEGFAULT: it writes where there is no memory.
func (kv *KVStore) debugSegfault(c *Client, args []string) error {
	var nowhere *byte
	*nowhere = 'x'
	return nil
}

// debugPanic serves DEBUG PANIC.
func (kv *KVStore) debugPanic(c *Client, args []string) error {
	return kv.crash(fmt.Sprintf("DEBUG PANIC called at Unix time %d", time.Now().Unix()))
}

// debugAssert serves DEBUG ASSERT.
func (kv *KVStore) debugAssert(c *Client, args []string) error {
	kv.log(logWarning, "=== ASSERTION FAILED ===")
	kv.log(logWarning, "==> DEBUG ASSERT '1 == 2' is not true")
	return kv.crash("an assertion has failed")
}

// debugOom serves DEBUG OOM: more memory than there can be is asked for.
func (kv *KVStore) debugOom(c *Client, args []string) error {
	kv.log(logWarning, "Out Of Memory allocating %d bytes!", uint64(math.MaxInt64))
	return kv.crash(fmt.Sprintf("Redis aborting for OUT OF MEMORY. Allocating %d bytes!", uint64(math.MaxInt64)))
}

// crash is a fault with a text.
func (kv *KVStore) crash(text string) error { panic(text) }

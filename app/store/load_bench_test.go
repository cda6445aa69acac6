package store

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/rdb"
)

// BenchmarkLoad loads snapshots of small values.
func BenchmarkLoad(b *testing.B) {
	for _, data := range []struct {
		name string
		keys int
		make func(key string) []string
	}{
		{"hash x10", 20000, func(key string) []string { return pairs([]string{"HSET", key}, 10, "field:", "value of ") }},
		{"zset x100", 4000, func(key string) []string { return pairs([]string{"ZADD", key}, 100, "", "member:") }},
		{"list x100", 4000, func(key string) []string { return singles([]string{"RPUSH", key}, 100, "element:") }},
		{"set x100", 4000, func(key string) []string { return singles([]string{"SADD", key}, 100, "member:") }},
		{"stream", 0, nil},
	} {
		b.Run(data.name, func(b *testing.B) {
			kv := New()
			defer kv.Close()
			do := func(args ...string) {
				if _, err := kv.Do(context.Background(), args...); err != nil {
					b.Fatal(err)
				}
			}
			for i := range data.keys {
				do(data.make(fmt.Sprint("key:", i))...)
			}
			if data.keys == 0 {
				for i := range 200_000 {
					do("XADD", "stream", "*", "name", "some name", "value", strconv.Itoa(i))
				}
			}
			var file bytes.Buffer
			kv.mu.Lock()
			err := kv.writeSnapshot(&file, false)
			kv.mu.Unlock()
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(file.Len()))
			for b.Loop() {
				kv.mu.Lock()
				kv.dropAll(kv.dbs)
				r, err := rdb.NewReader(bytes.NewReader(file.Bytes()), rdb.WithSize(int64(file.Len())))
				if err == nil {
					_, err = kv.loadSnapshot(r, false)
				}
				kv.mu.Unlock()
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func pairs(args []string, n int, first, second string) []string {
	for i := range n {
		args = append(args, first+strconv.Itoa(i), second+strconv.Itoa(i))
	}
	return args
}

func singles(args []string, n int, text string) []string {
	for i := range n {
		args = append(args, text+strconv.Itoa(i))
	}
	return args
}

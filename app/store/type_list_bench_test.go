package store

import (
	"strconv"
	"testing"
)

// benchCommand runs a command over and over, without a connection.
func benchCommand(b *testing.B, kv *KVStore, args ...string) {
	s := newSession(b, kv)
	kv.mu.Lock()
	defer kv.unlock()
	kv.readClock()
	b.ReportAllocs()
	for b.Loop() {
		kv.hint = commandHint{}
		s.kv.processCommand(s.c, args)
		s.c.reply.Buf = s.c.reply.Buf[:0]
	}
}

// BenchmarkListPush pushes to one list that grows.
func BenchmarkListPush(b *testing.B) {
	for _, name := range []string{"LPUSH", "RPUSH"} {
		b.Run(name, func(b *testing.B) {
			kv := New()
			defer kv.Close()
			benchCommand(b, kv, name, "mylist", "VXK")
		})
	}
}

// BenchmarkListCycle takes an element from one end of a list and adds it to the
// other.
func BenchmarkListCycle(b *testing.B) {
	for _, n := range []int{10, 500, 100000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			kv := New()
			defer kv.Close()
			fillList(kv, n)
			benchCommand(b, kv, "RPOPLPUSH", "mylist", "mylist")
		})
	}
}

// BenchmarkListRead reads from lists of one node and of many.
func BenchmarkListRead(b *testing.B) {
	for _, args := range [][]string{
		{"LRANGE", "mylist", "0", "99"},
		{"LINDEX", "mylist", "-30"},
		{"LINDEX", "mylist", "50000"},
		{"LPOS", "mylist", "element:50000"},
		{"LSET", "mylist", "50000", "element:50000"},
	} {
		b.Run(args[0]+args[2], func(b *testing.B) {
			kv := New()
			defer kv.Close()
			fillList(kv, 100000)
			benchCommand(b, kv, args...)
		})
	}
}

// fillList makes a list of n elements.
func fillList(kv *KVStore, n int) {
	kv.mu.Lock()
	defer kv.unlock()
	db := kv.dbs[0]
	for i := range n {
		db.listPush(db.find("mylist"), "mylist", "element:"+strconv.Itoa(i), false)
	}
}

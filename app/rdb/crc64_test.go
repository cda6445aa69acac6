package rdb

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestCRC64 holds that the fast way sums as the slow one, whatever the length
// and however the input is cut.
func TestCRC64(t *testing.T) {
	if got := crc64(0, []byte("123456789")); got != 0xe9c6d914c4b8d9ca {
		t.Fatalf("crc64 of 123456789 is %x", got)
	}
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 4*crcStride+100)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	var slow uint64
	sums := []uint64{0}
	for _, c := range b {
		slow ^= uint64(c)
		for range 8 {
			slow = slow>>1 ^ crcPoly&-(slow&1)
		}
		sums = append(sums, slow)
	}
	for range 2000 {
		n := r.IntN(len(b) + 1)
		cut := r.IntN(n + 1)
		if got := crc64(crc64(0, b[:cut]), b[cut:n]); got != sums[n] {
			t.Fatalf("%d bytes, cut at %d: %x, want %x", n, cut, got, sums[n])
		}
	}
}

func BenchmarkCRC64(b *testing.B) {
	for _, n := range []int{100, 4096, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			buf := make([]byte, n)
			b.SetBytes(int64(n))
			for b.Loop() {
				crc64(0, buf)
			}
		})
	}
}

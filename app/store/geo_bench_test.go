package store

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// BenchmarkGeosearch finds the nearest of some thousand places among a hundred
// thousand.
func BenchmarkGeosearch(b *testing.B) {
	kv := New()
	defer kv.Close()
	s := newSession(b, kv)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 100_000 {
		lon, lat := -10+40*r.Float64(), 35+25*r.Float64()
		s.do("GEOADD", "g", strconv.FormatFloat(lon, 'f', 6, 64), strconv.FormatFloat(lat, 'f', 6, 64), "p"+strconv.Itoa(i))
	}
	args := []string{"GEOSEARCH", "g", "FROMLONLAT", "10", "48", "BYRADIUS", "200", "km", "ASC", "COUNT", "10"}
	b.ReportAllocs()
	for b.Loop() {
		if err := kv.cmdGeosearch(s.c, args); err != nil {
			b.Fatal(err)
		}
		s.c.reply.Buf = s.c.reply.Buf[:0]
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// How good the keys are that eviction leaves: a cache under a load of which a few
// keys get the most. A client asks for keys by Zipf's law and sets those that it
// misses. All contenders get the same requests and hold the same number of keys, for
// which their limits are adjusted meanwhile; then the share of hits is counted.

const (
	hitKeys   = 100_000 // that are asked for
	hitHeld   = 20_000  // of which there is room for so many
	hitAsks   = 400_000 // once the limit stands
	hitBatch  = 64
	hitSkew   = 1.05 // of Zipf's law
	hitValue  = 100  // bytes
	hitSeed   = 15
	hitAdjust = 6 // times that the limit is adjusted, after an eighth of the requests each
)

var hitPolicies = []string{"allkeys-lru", "allkeys-lfu", "volatile-lru", "volatile-lfu"}

// measureHitRate compares the hits, policy by policy.
func (b *bench) measureHitRate(ctx context.Context) error {
	for _, policy := range hitPolicies {
		row := "hit rate " + policy
		if !b.wanted(row, false) {
			continue
		}
		var share []float64
		var held []int
		for _, c := range b.contenders {
			hits, keys, err := b.hitRate(ctx, c, policy)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				b.tally.skip(row, c.name+": "+err.Error())
				break
			}
			share, held = append(share, hits), append(held, keys)
		}
		if len(share) < len(b.contenders) {
			continue
		}
		b.tally.rows++
		noise := 0.0
		if len(share) > 2 {
			noise = max(share[2]/share[1], share[1]/share[2]) - 1
		}
		v := b.tally.judge(row, figHits, share[0]/share[1], noise)
		fmt.Fprintf(b.out, "%-22s %.2f%% of %d keys held / %.2f%% of %d = %.3f %s\n", row, 100*share[0], held[0], 100*share[1], held[1], share[0]/share[1], v)
	}
	return nil
}

// hitRate plays the load on one contender. It returns the share of hits and the number
// of keys held at the end.
func (b *bench) hitRate(ctx context.Context, c contender, policy string) (share float64, held int, err error) {
	s, err := c.start(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer s.stop()
	l, err := dial(s.addr)
	if err != nil {
		return 0, 0, err
	}
	defer l.conn.Close()
	defer context.AfterFunc(ctx, func() { l.conn.Close() })()
	g := &hitLoad{link: l, zipf: rand.NewZipf(rand.New(rand.NewPCG(hitSeed, hitSeed)), hitSkew, 1, hitKeys-1)}
	if g.base, err = usedMemory(l); err != nil {
		return 0, 0, err
	}
	if _, err := l.do("CONFIG", "SET", "maxmemory-policy", policy); err != nil {
		return 0, 0, err
	}
	limit := int64(hitHeld * 2 * hitValue)
	for range hitAdjust {
		if _, err := l.do("CONFIG", "SET", "maxmemory", strconv.FormatInt(g.base+limit, 10)); err != nil {
			return 0, 0, err
		}
		if _, err := g.play(hitAsks / 8); err != nil {
			return 0, 0, errors.Join(err, s.alive())
		}
		if held, err = keyCount(l); err != nil || held == 0 {
			return 0, 0, errors.Join(err, errors.New("no keys are held"))
		}
		limit = limit * hitHeld / int64(held)
	}
	hits, err := g.play(hitAsks)
	if err != nil {
		return 0, 0, errors.Join(err, s.alive())
	}
	held, err = keyCount(l)
	return float64(hits) / hitAsks, held, err
}

// A hitLoad is the client.
type hitLoad struct {
	link  *link
	zipf  *rand.Zipf
	base  int64 // bytes of the server without keys
	asked []string
}

// play asks so many times, and returns how often there was an answer.
func (g *hitLoad) play(n int) (hits int, err error) {
	value := strings.Repeat("v", hitValue)
	for ; n > 0; n -= hitBatch {
		g.asked = g.asked[:0]
		out := g.link.out[:0]
		for range min(n, hitBatch) {
			key := "key:" + strconv.FormatUint(g.zipf.Uint64(), 10)
			g.asked = append(g.asked, key)
			out = appendCommand(out, "GET", key)
		}
		if _, err := g.link.conn.Write(out); err != nil {
			return 0, err
		}
		out = out[:0]
		sets := 0
		for _, key := range g.asked {
			text, err := readText(g.link.in)
			if err != nil {
				return 0, err
			}
			if text != "" {
				hits++
				continue
			}
			sets++
			out = appendCommand(out, "SET", key, value, "EX", "100000")
		}
		if _, err := g.link.conn.Write(out); err != nil {
			return 0, err
		}
		for range sets {
			if _, err := readText(g.link.in); err != nil {
				return 0, err
			}
		}
		g.link.out = out
	}
	return hits, nil
}

// keyCount is DBSIZE.
func keyCount(l *link) (int, error) {
	text, err := l.do("DBSIZE")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// usedMemory is what the server says it uses.
func usedMemory(l *link) (int64, error) {
	info, err := l.do("INFO", "memory")
	if err != nil {
		return 0, err
	}
	_, text, _ := strings.Cut(info, "used_memory:")
	text, _, _ = strings.Cut(text, "\r")
	return strconv.ParseInt(text, 10, 64)
}

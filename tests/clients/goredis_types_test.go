package clients

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// same returns a function that compares a result with what it should be.
func same[T any](t *testing.T, what string, want T) func(T, error) {
	return func(got T, err error) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v; want %v", what, got, err, want)
		}
	}
}

func TestLists(t *testing.T) {
	bothProtocols(t, func(t *testing.T, protocol int) {
		ctx, c := t.Context(), connect(t, protocol)
		k := keys(t, c, 2)
		same(t, "RPUSH", int64(4))(c.RPush(ctx, k[0], "a", "b", "c", 4).Result())
		same(t, "LRANGE", []string{"a", "b", "c", "4"})(c.LRange(ctx, k[0], 0, -1).Result())
		same(t, "LINSERT", int64(5))(c.LInsertBefore(ctx, k[0], "b", "x").Result())
		same(t, "LPOS", int64(3))(c.LPos(ctx, k[0], "c", redis.LPosArgs{}).Result())
		same(t, "LMOVE", "4")(c.LMove(ctx, k[0], k[1], "RIGHT", "LEFT").Result())
		same(t, "LPOP", []string{"a", "x"})(c.LPopCount(ctx, k[0], 2).Result())
		key, popped, err := c.LMPop(ctx, "left", 5, k[0]).Result()
		if err != nil || key != k[0] || !slices.Equal(popped, []string{"b", "c"}) {
			t.Errorf("LMPOP: %q, %q, %v", key, popped, err)
		}
	})
}

func TestBlocking(t *testing.T) {
	bothProtocols(t, func(t *testing.T, protocol int) {
		ctx, c := t.Context(), connect(t, protocol)
		k := keys(t, c, 3)
		if _, err := c.BLPop(ctx, 10*time.Millisecond, k[0]).Result(); err != redis.Nil {
			t.Errorf("BLPOP that nobody serves: %v, want redis.Nil", err)
		}
		served := make(chan error, 2)
		go func() {
			got, err := c.BLPop(ctx, time.Minute, k[0]).Result()
			if err == nil && !slices.Equal(got, []string{k[0], "job"}) {
				err = errors.New("BLPOP brought something else")
			}
			served <- err
		}()
		go func() {
			got, err := c.BZPopMin(ctx, time.Minute, k[1]).Result()
			if err == nil && (got.Key != k[1] || got.Score != 1.5 || got.Member != "m") {
				err = errors.New("BZPOPMIN brought something else")
			}
			served <- err
		}()
		awaitBlocked(t, c, 2)
		if err := errors.Join(c.LPush(ctx, k[0], "job").Err(), c.ZAdd(ctx, k[1], redis.Z{Score: 1.5, Member: "m"}).Err()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := <-served; err != nil {
				t.Error(err)
			}
		}
	})
}

// awaitBlocked waits until so many clients are blocked.
func awaitBlocked(t *testing.T, c *redis.Client, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		info, err := c.InfoMap(ctx, "clients").Result()
		if err != nil {
			t.Fatal(err)
		}
		if info["Clients"]["blocked_clients"] == string(rune('0'+want)) {
			return
		}
		pause()
	}
}

func TestHashes(t *testing.T) {
	bothProtocols(t, func(t *testing.T, protocol int) {
		ctx, c := t.Context(), connect(t, protocol)
		k := keys(t, c, 1)
		same(t, "HSET", int64(3))(c.HSet(ctx, k[0], "name", "Ada", "born", 1815, "half", "0.5").Result())
		same(t, "HGETALL", map[string]string{"name": "Ada", "born": "1815", "half": "0.5"})(c.HGetAll(ctx, k[0]).Result())
		same(t, "HMGET", []any{"Ada", nil})(c.HMGet(ctx, k[0], "name", "no").Result())
		same(t, "HINCRBY", int64(1852))(c.HIncrBy(ctx, k[0], "born", 37).Result())
		same(t, "HINCRBYFLOAT", 0.75)(c.HIncrByFloat(ctx, k[0], "half", 0.25).Result())
		pairs, err := c.HRandFieldWithValues(ctx, k[0], 5).Result()
		if err != nil || len(pairs) != 3 {
			t.Errorf("HRANDFIELD: %v, %v", pairs, err)
		}
		fields, cursor, err := c.HScan(ctx, k[0], 0, "n*", 100).Result()
		if err != nil || cursor != 0 || !slices.Equal(fields, []string{"name", "Ada"}) {
			t.Errorf("HSCAN: %q, %d, %v", fields, cursor, err)
		}
	})
}

func TestSets(t *testing.T) {
	bothProtocols(t, func(t *testing.T, protocol int) {
		ctx, c := t.Context(), connect(t, protocol)
		k := keys(t, c, 3)
		same(t, "SADD", int64(3))(c.SAdd(ctx, k[0], 1, 2, 3).Result())
		same(t, "SADD", int64(2))(c.SAdd(ctx, k[1], 3, "x").Result())
		same(t, "SINTER", []string{"3"})(c.SInter(ctx, k[0], k[1]).Result())
		same(t, "SMISMEMBER", []bool{true, false})(c.SMIsMember(ctx, k[1], "x", "y").Result())
		same(t, "SUNIONSTORE", int64(4))(c.SUnionStore(ctx, k[2], k[0], k[1]).Result())
		members, err := c.SMembersMap(ctx, k[2]).Result()
		if err != nil || len(members) != 4 {
			t.Errorf("SMEMBERS: %v, %v", members, err)
		}
		popped, err := c.SPopN(ctx, k[2], 10).Result()
		if err != nil || len(popped) != 4 {
			t.Errorf("SPOP: %v, %v", popped, err)
		}
	})
}

func TestSortedSets(t *testing.T) {
	bothProtocols(t, func(t *testing.T, protocol int) {
		ctx, c := t.Context(), connect(t, protocol)
		k := keys(t, c, 2)
		same(t, "ZADD", int64(3))(c.ZAdd(ctx, k[0], redis.Z{Score: 1, Member: "one"}, redis.Z{Score: 2.5, Member: "two"},
			redis.Z{Score: math.Inf(1), Member: "all"}).Result())
		want := []redis.Z{{Score: math.Inf(1), Member: "all"}, {Score: 2.5, Member: "two"}}
		same(t, "ZRANGE REV", want)(c.ZRangeArgsWithScores(ctx, redis.ZRangeArgs{Key: k[0], Start: 0, Stop: 1, Rev: true}).Result())
		same(t, "ZSCORE", 2.5)(c.ZScore(ctx, k[0], "two").Result())
		same(t, "ZMSCORE", []float64{1, 0})(c.ZMScore(ctx, k[0], "one", "no").Result())
		same(t, "ZRANK", int64(1))(c.ZRank(ctx, k[0], "two").Result())
		same(t, "ZINCRBY", 3.0)(c.ZIncrBy(ctx, k[0], 2, "one").Result())
		same(t, "ZUNIONSTORE", int64(3))(c.ZUnionStore(ctx, k[1], &redis.ZStore{Keys: k[:1], Weights: []float64{2}}).Result())
		same(t, "ZPOPMIN", []redis.Z{{Score: 5, Member: "two"}})(c.ZPopMin(ctx, k[1]).Result())
		key, popped, err := c.ZMPop(ctx, "max", 1, k[1]).Result()
		if err != nil || key != k[1] || len(popped) != 1 || popped[0].Member != "all" {
			t.Errorf("ZMPOP: %q, %v, %v", key, popped, err)
		}
	})
}

func TestGeoAndHyperLogLog(t *testing.T) {
	bothProtocols(t, func(t *testing.T, protocol int) {
		ctx, c := t.Context(), connect(t, protocol)
		k := keys(t, c, 2)
		same(t, "GEOADD", int64(2))(c.GeoAdd(ctx, k[0], &redis.GeoLocation{Name: "Palermo", Longitude: 13.361389, Latitude: 38.115556},
			&redis.GeoLocation{Name: "Catania", Longitude: 15.087269, Latitude: 37.502669}).Result())
		same(t, "GEODIST", 166.2742)(c.GeoDist(ctx, k[0], "Palermo", "Catania", "km").Result())
		found, err := c.GeoSearchLocation(ctx, k[0], &redis.GeoSearchLocationQuery{
			GeoSearchQuery: redis.GeoSearchQuery{Longitude: 15, Latitude: 37, Radius: 100, RadiusUnit: "km"}, WithDist: true,
		}).Result()
		if err != nil || len(found) != 1 || found[0].Name != "Catania" || found[0].Dist != 56.4413 {
			t.Errorf("GEOSEARCH: %+v, %v", found, err)
		}
		same(t, "PFADD", int64(1))(c.PFAdd(ctx, k[1], "a", "b", "c", "a").Result())
		same(t, "PFCOUNT", int64(3))(c.PFCount(ctx, k[1]).Result())
	})
}

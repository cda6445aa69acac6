package clients

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestConnect(t *testing.T) {
	bothProtocols(t, func(t *testing.T, protocol int) {
		c := connect(t, protocol)
		if pong, err := c.Ping(t.Context()).Result(); err != nil || pong != "PONG" {
			t.Fatalf("PING: %q, %v", pong, err)
		}
		reply, err := c.Do(t.Context(), "HELLO").Result()
		if err != nil {
			t.Fatal(err)
		}
		// The very shape of the reply tells the version: a map, or a list.
		switch hello := reply.(type) {
		case map[any]any:
			if protocol != 3 || hello["proto"] != int64(3) {
				t.Errorf("under RESP%d HELLO is the map %v", protocol, hello)
			}
		case []any:
			at := slices.Index(hello, any("proto"))
			if protocol != 2 || at < 0 || hello[at+1] != int64(2) {
				t.Errorf("under RESP%d HELLO is the list %v", protocol, hello)
			}
		default:
			t.Errorf("HELLO is a %T", reply)
		}
	})
}

// TestOptions connects with everything that a client may say at first.
func TestOptions(t *testing.T) {
	bothProtocols(t, func(t *testing.T, protocol int) {
		c := redis.NewClient(&redis.Options{Addr: address, Protocol: protocol, ClientName: "smoke", DB: 3})
		defer c.Close()
		info, err := c.ClientInfo(t.Context()).Result()
		if err != nil {
			t.Fatal(err)
		}
		if info.Name != "smoke" || info.DB != 3 || info.Resp != protocol {
			t.Errorf("CLIENT INFO: name %q, db %d, resp %d", info.Name, info.DB, info.Resp)
		}
	})
}

func TestValues(t *testing.T) {
	bothProtocols(t, func(t *testing.T, protocol int) {
		ctx, c := t.Context(), connect(t, protocol)
		k := keys(t, c, 2)
		for _, value := range []string{"", "plain", "a\x00b\r\n\xff", strings.Repeat("big", 500_000)} {
			if err := c.Set(ctx, k[0], value, 0).Err(); err != nil {
				t.Fatal(err)
			}
			if got, err := c.Get(ctx, k[0]).Result(); err != nil || got != value {
				t.Fatalf("GET: %.40q (%d bytes), %v; want %d bytes", got, len(got), err, len(value))
			}
		}
		if _, err := c.Get(ctx, k[1]).Result(); err != redis.Nil {
			t.Errorf("GET of no key: %v, want redis.Nil", err)
		}
		if err := c.Set(ctx, k[1], "x", time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
		if ttl, err := c.PTTL(ctx, k[1]).Result(); err != nil || ttl <= 0 || ttl > time.Hour {
			t.Errorf("PTTL: %v, %v", ttl, err)
		}
		if set, err := c.SetNX(ctx, k[1], "y", 0).Result(); err != nil || set {
			t.Errorf("SET NX of a key that is there: %v, %v", set, err)
		}
		if got, err := c.MGet(ctx, k[1], k[1]+"no").Result(); err != nil || !slices.Equal(got, []any{"x", nil}) {
			t.Errorf("MGET: %v, %v", got, err)
		}
		if got, err := c.ConfigGet(ctx, "maxclients").Result(); err != nil || got["maxclients"] == "" {
			t.Errorf("CONFIG GET: %v, %v", got, err)
		}
	})
}

func TestErrors(t *testing.T) {
	bothProtocols(t, func(t *testing.T, protocol int) {
		ctx, c := t.Context(), connect(t, protocol)
		err := c.Do(ctx, "GET").Err()
		if want := "ERR wrong number of arguments for 'get' command"; err == nil || err.Error() != want {
			t.Errorf("GET without a key: %v, want %s", err, want)
		}
		err = c.Do(ctx, "NOSUCH", "x").Err()
		if err == nil || !strings.HasPrefix(err.Error(), "ERR unknown command 'NOSUCH'") {
			t.Errorf("an unknown command: %v", err)
		}
		if err := c.Ping(ctx).Err(); err != nil {
			t.Errorf("PING after errors: %v", err)
		}
	})
}

func TestScan(t *testing.T) {
	bothProtocols(t, func(t *testing.T, protocol int) {
		ctx, c := t.Context(), connect(t, protocol)
		want := keys(t, c, 300)
		for _, k := range want {
			if err := c.Set(ctx, k, "", 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
		defer c.Del(ctx, want...)
		var got []string
		cursor := c.Scan(ctx, 0, "go-redis:"+t.Name()+":*", 7).Iterator()
		for cursor.Next(ctx) {
			got = append(got, cursor.Val())
		}
		if err := cursor.Err(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		slices.Sort(want)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("SCAN found %d of %d keys", len(got), len(want))
		}
	})
}

func TestPipeline(t *testing.T) {
	bothProtocols(t, func(t *testing.T, protocol int) {
		ctx, c := t.Context(), connect(t, protocol)
		k := keys(t, c, 2)
		const count = 1000
		var last *redis.IntCmd
		var bad *redis.Cmd
		commands, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := range count {
				if i == count/2 {
					bad = p.Do(ctx, "INCR")
				}
				last = p.Incr(ctx, k[0])
			}
			return nil
		})
		if len(commands) != count+1 {
			t.Fatalf("%d replies to %d commands", len(commands), count+1)
		}
		if err == nil || bad.Err() == nil || !strings.Contains(bad.Err().Error(), "wrong number of arguments") {
			t.Errorf("the bad command in the middle: %v, the pipeline: %v", bad.Err(), err)
		}
		if n, err := last.Result(); err != nil || n != count {
			t.Errorf("INCR after %d: %d, %v", count, n, err)
		}
		c.Del(ctx, k...)
	})
}

func TestTransaction(t *testing.T) {
	bothProtocols(t, func(t *testing.T, protocol int) {
		ctx, c := t.Context(), connect(t, protocol)
		k := keys(t, c, 1)[0]
		// add reads the key under WATCH, lets meddle happen, and writes.
		add := func(meddle func()) error {
			return c.Watch(ctx, func(tx *redis.Tx) error {
				n, err := tx.Get(ctx, k).Int()
				if err != nil && err != redis.Nil {
					return err
				}
				meddle()
				results, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
					p.Set(ctx, k, n+1, 0)
					p.Get(ctx, k)
					return nil
				})
				if err != nil {
					return err
				}
				if got := results[1].(*redis.StringCmd).Val(); got != strconv.Itoa(n+1) {
					return fmt.Errorf("GET in the transaction: %q, want %d", got, n+1)
				}
				return nil
			}, k)
		}
		if err := add(func() {}); err != nil {
			t.Errorf("undisturbed: %v", err)
		}
		other := connect(t, protocol)
		err := add(func() {
			if err := other.Set(ctx, k, 40, 0).Err(); err != nil {
				t.Error(err)
			}
		})
		if !errors.Is(err, redis.TxFailedErr) {
			t.Errorf("disturbed: %v, want %v", err, redis.TxFailedErr)
		}
		if n, err := c.Get(ctx, k).Int(); err != nil || n != 40 {
			t.Errorf("afterwards the key is %d, %v; want 40", n, err)
		}
		c.Del(ctx, k)
	})
}

func TestPubSub(t *testing.T) {
	bothProtocols(t, func(t *testing.T, protocol int) {
		ctx, c := t.Context(), connect(t, protocol)
		name := fmt.Sprintf("go-redis:%d", protocol)
		sub := c.Subscribe(ctx, name+":news")
		defer sub.Close()
		if err := sub.PSubscribe(ctx, name+":n?ws"); err != nil {
			t.Fatal(err)
		}
		receive := func() any {
			t.Helper()
			message, err := sub.ReceiveTimeout(ctx, patience)
			if err != nil {
				t.Fatal(err)
			}
			return message
		}
		for i, kind := range []string{"subscribe", "psubscribe"} {
			if s, ok := receive().(*redis.Subscription); !ok || s.Kind != kind || s.Count != i+1 {
				t.Fatalf("confirmation %d is %v", i, s)
			}
		}
		if n, err := c.Publish(ctx, name+":news", "hello\x00").Result(); err != nil || n != 2 {
			t.Fatalf("PUBLISH reached %d, %v; want 2", n, err)
		}
		for _, pattern := range []string{"", name + ":n?ws"} {
			m, ok := receive().(*redis.Message)
			if !ok || m.Channel != name+":news" || m.Pattern != pattern || m.Payload != "hello\x00" {
				t.Errorf("message %v, want one by the pattern %q", m, pattern)
			}
		}
		if err := sub.Ping(ctx, "still there"); err != nil {
			t.Fatal(err)
		}
		if pong, ok := receive().(*redis.Pong); !ok || pong.Payload != "still there" {
			t.Errorf("PING while subscribed: %v", pong)
		}
		if err := sub.Unsubscribe(ctx); err != nil {
			t.Fatal(err)
		}
		if s, ok := receive().(*redis.Subscription); !ok || s.Kind != "unsubscribe" || s.Count != 1 {
			t.Errorf("after UNSUBSCRIBE: %v", s)
		}
	})
}

// TestReconnect closes the client's connection from outside: the next
// command makes a new one, and a subscription comes back by itself.
func TestReconnect(t *testing.T) {
	bothProtocols(t, func(t *testing.T, protocol int) {
		ctx, admin := t.Context(), connect(t, protocol)
		c := redis.NewClient(&redis.Options{Addr: address, Protocol: protocol, PoolSize: 1})
		defer c.Close()
		before, err := c.ClientID(ctx).Result()
		if err != nil {
			t.Fatal(err)
		}
		kill(t, admin, before)
		after, err := c.ClientID(ctx).Result()
		if err != nil || after <= before {
			t.Errorf("the connection after %d is %d, %v", before, after, err)
		}

		channel := fmt.Sprintf("go-redis:again:%d", protocol)
		sub := admin.Subscribe(ctx, channel)
		defer sub.Close()
		messages := sub.Channel()
		awaitSubscribers(t, admin, channel, 1)
		if killed, err := admin.ClientKillByFilter(ctx, "TYPE", "pubsub").Result(); err != nil || killed < 1 {
			t.Fatalf("CLIENT KILL TYPE pubsub: %d, %v", killed, err)
		}
		// Published into the gap, a message would be lost: ask again.
		for end := time.Now().Add(patience); time.Now().Before(end); {
			if err := admin.Publish(ctx, channel, "back").Err(); err != nil {
				t.Fatal(err)
			}
			select {
			case m := <-messages:
				if m.Payload != "back" {
					t.Errorf("message %v", m)
				}
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
		t.Errorf("no message within %v of the reconnection", patience)
	})
}

// kill lets the server close the connection with this id.
func kill(t *testing.T, admin *redis.Client, id int64) {
	t.Helper()
	killed, err := admin.ClientKillByFilter(t.Context(), "ID", strconv.FormatInt(id, 10)).Result()
	if err != nil || killed != 1 {
		t.Fatalf("CLIENT KILL ID %d: %d, %v", id, killed, err)
	}
}

// awaitSubscribers polls until a channel has so many.
func awaitSubscribers(t *testing.T, c *redis.Client, channel string, want int64) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); pause() {
		got, err := c.PubSubNumSub(t.Context(), channel).Result()
		if err != nil {
			t.Fatal(err)
		}
		if got[channel] == want {
			return
		}
	}
	t.Fatalf("%s did not get %d subscribers within %v", channel, want, patience)
}

#!/usr/bin/python3
"""Smoke tests with redis-py (Debian: python3-redis).

TEST_ADDRESS=host:port names the server. RESP3 came with redis-py 5; with an
older one, as in Debian 12, its cases are skipped and say so.
"""

import os
import sys
import threading
import time
import unittest

try:
    import redis
except ImportError:
    sys.exit("redis-py is not installed (Debian: apt-get install python3-redis)")

HOST, PORT = os.environ["TEST_ADDRESS"].rsplit(":", 1)
PATIENCE = 30  # seconds that bound every wait


def knows_resp3():
    return int(redis.__version__.split(".")[0]) >= 5


class Cases:
    """The cases, which a class for each version of the protocol inherits."""

    protocol = 0

    def connect(self, **options):
        if self.protocol != 2:
            options["protocol"] = self.protocol
        client = redis.Redis(host=HOST, port=int(PORT), socket_timeout=PATIENCE, **options)
        self.addCleanup(client.close)
        return client

    def setUp(self):
        self.client = self.connect()
        self.name = "redis-py:%d:%s" % (self.protocol, self._testMethodName)
        self.client.delete(self.name)
        self.addCleanup(self.client.delete, self.name)

    def test_connect(self):
        self.assertTrue(self.client.ping())
        named = self.connect(client_name="smoke", db=3)
        self.assertEqual(named.client_getname(), "smoke" if self.protocol == 2 else b"smoke")
        mine = [c for c in named.client_list() if c["id"] == str(named.client_id())]
        self.assertEqual([(c["db"], c["resp"]) for c in mine], [("3", str(self.protocol))])

    def test_values(self):
        for value in (b"", b"plain", b"a\x00b\r\n\xff", b"big" * 500_000):
            self.client.set(self.name, value)
            self.assertEqual(self.client.get(self.name), value)
        self.assertIsNone(self.client.get(self.name + ":no"))
        self.client.set(self.name, "x", px=3_600_000)
        self.assertTrue(0 < self.client.pttl(self.name) <= 3_600_000)
        self.assertIsNone(self.client.set(self.name, "y", nx=True))
        self.assertEqual(self.client.mget(self.name, self.name + ":no"), [b"x", None])
        self.assertIn("maxclients", self.client.config_get("maxclients"))
        self.assertEqual(self.client.info("server")["redis_mode"], "standalone")

    def test_errors(self):
        with self.assertRaisesRegex(redis.ResponseError, "^wrong number of arguments for 'get' command$"):
            self.client.execute_command("GET")
        with self.assertRaisesRegex(redis.ResponseError, "^unknown command 'NOSUCH'"):
            self.client.execute_command("NOSUCH", "x")
        self.assertTrue(self.client.ping())

    def test_scan(self):
        names = {b"%s:%d" % (self.name.encode(), i) for i in range(300)}
        self.client.mset({name: b"" for name in names})
        self.addCleanup(self.client.delete, *names)
        self.assertEqual(set(self.client.scan_iter(self.name + ":*", count=7)), names)

    def test_pipeline(self):
        pipe = self.client.pipeline(transaction=False)
        for i in range(1000):
            if i == 500:
                pipe.execute_command("INCR")
            pipe.incr(self.name)
        replies = pipe.execute(raise_on_error=False)
        self.assertIsInstance(replies.pop(500), redis.ResponseError)
        self.assertEqual(replies, list(range(1, 1001)))

    def test_transaction(self):
        def add(meddle):
            with self.client.pipeline() as pipe:
                pipe.watch(self.name)
                n = int(pipe.get(self.name) or 0)
                meddle()
                pipe.multi()
                pipe.set(self.name, n + 1)
                pipe.get(self.name)
                return pipe.execute()

        self.assertEqual(add(lambda: None), [True, b"1"])
        other = self.connect()
        with self.assertRaises(redis.WatchError):
            add(lambda: other.set(self.name, 40))
        self.assertEqual(self.client.get(self.name), b"40")

    def test_collections(self):
        c, k = self.client, self.name
        self.assertEqual(c.rpush(k, "a", "b", "c"), 3)
        self.assertEqual((c.lrange(k, 0, -1), c.lpop(k), c.rpop(k, 5)), ([b"a", b"b", b"c"], b"a", [b"c", b"b"]))
        self.assertEqual(c.hset(k, mapping={"f": "1", "g": "2"}), 2)
        self.assertEqual((c.hgetall(k), c.hincrbyfloat(k, "f", 0.5)), ({b"f": b"1", b"g": b"2"}, 1.5))
        c.delete(k)
        self.assertEqual(c.sadd(k, 1, 2, "x"), 3)
        self.assertEqual((c.smembers(k), c.sismember(k, "y")), ({b"1", b"2", b"x"}, False))
        c.delete(k)
        self.assertEqual(c.zadd(k, {"one": 1, "two": 2.5}), 2)
        self.assertEqual(c.zrange(k, 0, -1, desc=True, withscores=True), [(b"two", 2.5), (b"one", 1.0)])
        self.assertEqual((c.zscore(k, "two"), c.zrank(k, "two"), c.zscore(k, "no")), (2.5, 1, None))
        self.assertEqual(dict(c.zscan_iter(k)), {b"one": 1.0, b"two": 2.5})
        c.delete(k)
        self.assertEqual(c.geoadd(k, (13.361389, 38.115556, "Palermo")), 1)
        self.assertEqual(c.geosearch(k, longitude=13, latitude=38, radius=100, unit="km"), [b"Palermo"])
        c.delete(k)
        self.assertEqual((c.pfadd(k, "a", "b"), c.pfcount(k)), (1, 2))

    def test_blocking(self):
        self.assertIsNone(self.client.blpop(self.name, timeout=0.01))
        pusher = threading.Timer(0.05, lambda: self.connect().rpush(self.name, "job"))
        pusher.start()
        self.assertEqual(self.client.blpop(self.name, timeout=PATIENCE), (self.name.encode(), b"job"))
        pusher.join()

    def receive(self, sub):
        message = sub.get_message(timeout=PATIENCE)
        self.assertIsNotNone(message, "no message came")
        return message["type"], message["pattern"], message["channel"], message["data"]

    def test_pubsub(self):
        channel, pattern = self.name.encode() + b":news", self.name.encode() + b":n?ws"
        with self.client.pubsub() as sub:
            sub.subscribe(channel)
            self.assertEqual(self.receive(sub), ("subscribe", None, channel, 1))
            sub.psubscribe(pattern)
            self.assertEqual(self.receive(sub), ("psubscribe", None, pattern, 2))
            self.assertEqual(self.client.publish(channel, b"hello\x00"), 2)
            self.assertEqual(self.receive(sub), ("message", None, channel, b"hello\x00"))
            self.assertEqual(self.receive(sub), ("pmessage", pattern, channel, b"hello\x00"))
            sub.unsubscribe(channel)
            self.assertEqual(self.receive(sub), ("unsubscribe", None, channel, 1))

    def test_reconnect(self):
        victim = self.connect(single_connection_client=True, retry_on_error=[redis.ConnectionError])
        before = victim.client_id()
        self.assertEqual(self.client.client_kill_filter(_id=before), 1)
        self.assertGreater(victim.client_id(), before)

        channel = self.name + ":again"
        with self.client.pubsub() as sub:
            sub.subscribe(channel)
            self.receive(sub)
            self.assertGreaterEqual(self.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub"), 1)
            end = time.monotonic() + PATIENCE
            while time.monotonic() < end:
                # Published into the gap, a message would be lost: ask again.
                self.client.publish(channel, "back")
                try:
                    message = sub.get_message(timeout=0.05, ignore_subscribe_messages=True)
                except redis.ConnectionError:
                    continue  # how redis-py tells; the next call reconnects and subscribes
                if message:
                    self.assertEqual(message["data"], b"back")
                    return
        self.fail("no message came after the reconnection")


class Resp2(Cases, unittest.TestCase):
    protocol = 2


@unittest.skipUnless(knows_resp3(), "redis-py %s knows no RESP3" % redis.__version__)
class Resp3(Cases, unittest.TestCase):
    protocol = 3


if __name__ == "__main__":
    unittest.main(verbosity=2)

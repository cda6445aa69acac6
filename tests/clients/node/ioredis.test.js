// Smoke tests with ioredis.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Redis } from "ioredis";
import { host, Inbox, patience, port, untilMessage, values } from "./cases.js";

for (const protocol of [2, 3]) {
  describe(`ioredis, RESP${protocol}`, { timeout: 4 * patience }, () => {
    const clients = [];
    const name = `ioredis:${protocol}`;
    let client;

    async function connect(options = {}) {
      const c = new Redis({ host, port, protocol, lazyConnect: true, ...options });
      c.on("error", () => {}); // a killed connection; the next command tells
      clients.push(c);
      await c.connect();
      return c;
    }

    before(async () => {
      client = await connect();
      await client.del(`${name}:k`, `${name}:n`, `${name}:watched`);
    });
    after(() => clients.forEach((c) => c.disconnect()));

    test("connect", async () => {
      assert.equal(await client.ping(), "PONG");
      const named = await connect({ connectionName: "smoke", db: 3 });
      const info = await named.client("INFO");
      assert.match(info, new RegExp(`\\bname=smoke\\b.*\\bdb=3\\b.*\\bresp=${protocol}\\b`));
    });

    test("values", async () => {
      for (const value of values) {
        await client.set(`${name}:k`, value);
        assert.ok(value.equals(await client.getBuffer(`${name}:k`)));
      }
      assert.equal(await client.get(`${name}:no`), null);
      await client.set(`${name}:k`, "x", "PX", 3_600_000);
      const left = await client.pttl(`${name}:k`);
      assert.ok(left > 0 && left <= 3_600_000);
      assert.equal(await client.set(`${name}:k`, "y", "NX"), null);
      assert.deepEqual(await client.mget(`${name}:k`, `${name}:no`), ["x", null]);
      assert.equal((await client.config("GET", "maxclients"))[0], "maxclients");
    });

    test("collections", async () => {
      const k = `${name}:c`;
      await client.del(k);
      assert.equal(await client.rpush(k, "a", "b", "c"), 3);
      assert.deepEqual(await client.lrange(k, 0, -1), ["a", "b", "c"]);
      assert.deepEqual(await client.lpop(k, 5), ["a", "b", "c"]);
      assert.equal(await client.hset(k, { f: "1", g: "2" }), 2);
      assert.deepEqual(await client.hgetall(k), { f: "1", g: "2" });
      await client.del(k);
      assert.equal(await client.sadd(k, "x", "y"), 2);
      assert.deepEqual((await client.smembers(k)).sort(), ["x", "y"]);
      await client.del(k);
      assert.equal(await client.zadd(k, 1, "one", 2.5, "two"), 2);
      assert.deepEqual(await client.zrange(k, 0, -1, "REV"), ["two", "one"]);
      assert.equal(Number(await client.zscore(k, "two")), 2.5);
      await client.del(k);
      await client.geoadd(k, 13.361389, 38.115556, "Palermo");
      assert.deepEqual(await client.geosearch(k, "FROMLONLAT", 13, 38, "BYRADIUS", 100, "km"), ["Palermo"]);
      await client.del(k);
    });

    test("blocking", async () => {
      const k = `${name}:queue`;
      await client.del(k);
      assert.equal(await client.blpop(k, 0.01), null);
      const waiter = await connect();
      const job = waiter.blpop(k, patience / 1000);
      await client.rpush(k, "job");
      assert.deepEqual(await job, [k, "job"]);
    });

    test("errors", async () => {
      await assert.rejects(client.call("GET"), { message: "ERR wrong number of arguments for 'get' command" });
      await assert.rejects(client.call("NOSUCH", "x"), /^[^:]*: ERR unknown command 'NOSUCH'/);
      assert.equal(await client.ping(), "PONG");
    });

    test("scan", async () => {
      const names = Array.from({ length: 300 }, (_, i) => `${name}:scan:${i}`);
      await client.mset(names.flatMap((k) => [k, ""]));
      const found = new Set();
      for await (const keys of client.scanStream({ match: `${name}:scan:*`, count: 7 })) {
        keys.forEach((k) => found.add(k));
      }
      assert.deepEqual([...found].sort(), names.sort());
      assert.equal(await client.del(names), 300);
    });

    test("pipeline", async () => {
      const pipeline = client.pipeline();
      for (let i = 0; i < 1000; i++) {
        if (i === 500) {
          pipeline.call("INCR");
        }
        pipeline.incr(`${name}:n`);
      }
      const replies = await pipeline.exec();
      assert.match(replies.splice(500, 1)[0][0].message, /wrong number of arguments/);
      assert.deepEqual(replies, Array.from({ length: 1000 }, (_, i) => [null, i + 1]));
    });

    test("transaction", async () => {
      const key = `${name}:watched`;
      const own = await connect();
      async function add(meddle) {
        await own.watch(key);
        const n = Number(await own.get(key));
        await meddle();
        return own.multi().set(key, n + 1).get(key).exec();
      }
      assert.deepEqual(await add(() => {}), [[null, "OK"], [null, "1"]]);
      assert.equal(await add(() => client.set(key, 40)), null);
      assert.equal(await client.get(key), "40");
    });

    test("pub/sub", async () => {
      const subscriber = await connect();
      const direct = new Inbox();
      const matched = new Inbox();
      subscriber.on("message", (channel, text) => direct.put([channel, text]));
      subscriber.on("pmessage", (pattern, channel, text) => matched.put([pattern, channel, text]));
      assert.equal(await subscriber.subscribe(`${name}:news`), 1);
      assert.equal(await subscriber.psubscribe(`${name}:n?ws`), 2);
      assert.equal(await client.publish(`${name}:news`, "hello\x00"), 2);
      assert.deepEqual(await direct.take(), [`${name}:news`, "hello\x00"]);
      assert.deepEqual(await matched.take(), [`${name}:n?ws`, `${name}:news`, "hello\x00"]);
      assert.equal(await subscriber.unsubscribe(`${name}:news`), 1);
      assert.equal(await client.publish(`${name}:news`, "again"), 1);
      assert.deepEqual(await matched.take(), [`${name}:n?ws`, `${name}:news`, "again"]);
    });

    test("reconnect", async () => {
      const victim = await connect();
      const id = await victim.client("ID");
      assert.equal(await client.client("KILL", "ID", id), 1);
      const again = await victim.client("ID"); // ioredis sends it again by itself
      assert.ok(again > id, `connection ${again} after ${id}`);

      const subscriber = await connect();
      const subscriberId = await subscriber.client("ID");
      const inbox = new Inbox();
      subscriber.on("message", (channel, text) => inbox.put(text));
      await subscriber.subscribe(`${name}:again`);
      assert.equal(await client.client("KILL", "ID", subscriberId), 1);
      assert.equal(await untilMessage(inbox, () => client.publish(`${name}:again`, "back")), "back");
    });
  });
}

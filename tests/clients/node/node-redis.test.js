// Smoke tests with node-redis (npm: redis).
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createClient, RESP_TYPES, WatchError } from "redis";
import { host, Inbox, patience, port, untilMessage, values } from "./cases.js";

for (const protocol of [2, 3]) {
  describe(`node-redis, RESP${protocol}`, { timeout: 4 * patience }, () => {
    const clients = [];
    const name = `node-redis:${protocol}`;
    let client;

    async function connect(options = {}) {
      const c = createClient({ socket: { host, port }, RESP: protocol, ...options });
      c.on("error", () => {}); // a killed connection; the next command tells
      clients.push(c);
      return c.connect();
    }

    before(async () => {
      client = await connect();
      await client.del([`${name}:k`, `${name}:n`, `${name}:watched`]);
    });
    after(() => clients.forEach((c) => c.destroy()));

    test("connect", async () => {
      assert.equal(await client.ping(), "PONG");
      const named = await connect({ name: "smoke", database: 3 });
      const info = await named.clientInfo();
      assert.deepEqual([info.name, info.db, info.resp], ["smoke", 3, protocol]);
      const hello = await named.sendCommand(["HELLO"]);
      assert.equal(Array.isArray(hello), protocol === 2);
    });

    test("values", async () => {
      const binary = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
      for (const value of values) {
        await client.set(`${name}:k`, value);
        assert.ok(value.equals(await binary.get(`${name}:k`)));
      }
      assert.equal(await client.get(`${name}:no`), null);
      await client.set(`${name}:k`, "x", { expiration: { type: "PX", value: 3_600_000 } });
      const left = await client.pTTL(`${name}:k`);
      assert.ok(left > 0 && left <= 3_600_000);
      assert.equal(await client.set(`${name}:k`, "y", { condition: "NX" }), null);
      assert.deepEqual(await client.mGet([`${name}:k`, `${name}:no`]), ["x", null]);
      assert.match((await client.configGet("maxclients")).maxclients, /^\d+$/);
    });

    test("collections", async () => {
      const k = `${name}:c`;
      await client.del(k);
      assert.equal(await client.rPush(k, ["a", "b", "c"]), 3);
      assert.deepEqual(await client.lRange(k, 0, -1), ["a", "b", "c"]);
      assert.deepEqual(await client.lPopCount(k, 5), ["a", "b", "c"]);
      assert.equal(await client.hSet(k, { f: "1", g: "2" }), 2);
      assert.deepEqual({ ...(await client.hGetAll(k)) }, { f: "1", g: "2" });
      await client.del(k);
      assert.equal(await client.sAdd(k, ["x", "y"]), 2);
      assert.deepEqual([...(await client.sMembers(k))].sort(), ["x", "y"]);
      await client.del(k);
      assert.equal(await client.zAdd(k, [{ score: 1, value: "one" }, { score: 2.5, value: "two" }]), 2);
      assert.deepEqual(await client.zRangeWithScores(k, 0, -1), [{ value: "one", score: 1 }, { value: "two", score: 2.5 }]);
      assert.equal(await client.zScore(k, "two"), 2.5);
      await client.del(k);
      await client.geoAdd(k, { longitude: 13.361389, latitude: 38.115556, member: "Palermo" });
      assert.deepEqual(await client.geoSearch(k, { longitude: 13, latitude: 38 }, { radius: 100, unit: "km" }), ["Palermo"]);
      await client.del(k);
    });

    test("blocking", async () => {
      const k = `${name}:queue`;
      await client.del(k);
      assert.equal(await client.blPop(k, 0.01), null);
      const waiter = await connect();
      const job = waiter.blPop(k, patience / 1000);
      await client.rPush(k, "job");
      assert.deepEqual({ ...(await job) }, { key: k, element: "job" });
    });

    test("errors", async () => {
      await assert.rejects(client.sendCommand(["GET"]), { message: "ERR wrong number of arguments for 'get' command" });
      await assert.rejects(client.sendCommand(["NOSUCH", "x"]), /^[^:]*: ERR unknown command 'NOSUCH'/);
      assert.equal(await client.ping(), "PONG");
    });

    test("scan", async () => {
      const names = Array.from({ length: 300 }, (_, i) => `${name}:scan:${i}`);
      await client.mSet(names.map((k) => [k, ""]));
      const found = new Set();
      for await (const keys of client.scanIterator({ MATCH: `${name}:scan:*`, COUNT: 7 })) {
        keys.forEach((k) => found.add(k));
      }
      assert.deepEqual([...found].sort(), names.sort());
      assert.equal(await client.del(names), 300);
    });

    test("pipeline", async () => {
      const pending = [];
      for (let i = 0; i < 1000; i++) {
        if (i === 500) {
          pending.push(client.sendCommand(["INCR"]));
        }
        pending.push(client.incr(`${name}:n`));
      }
      const replies = await Promise.allSettled(pending);
      assert.match(replies.splice(500, 1)[0].reason.message, /wrong number of arguments/);
      assert.deepEqual(replies.map((r) => r.value), Array.from({ length: 1000 }, (_, i) => i + 1));
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
      assert.deepEqual(await add(() => {}), ["OK", "1"]);
      await assert.rejects(add(() => client.set(key, 40)), WatchError);
      assert.equal(await client.get(key), "40");
    });

    test("pub/sub", async () => {
      const subscriber = await connect();
      const direct = new Inbox();
      const matched = new Inbox();
      await subscriber.subscribe(`${name}:news`, (text, channel) => direct.put([channel, text]));
      await subscriber.pSubscribe(`${name}:n?ws`, (text, channel) => matched.put([channel, text]));
      assert.equal(await client.publish(`${name}:news`, "hello\x00"), 2);
      assert.deepEqual(await direct.take(), [`${name}:news`, "hello\x00"]);
      assert.deepEqual(await matched.take(), [`${name}:news`, "hello\x00"]);
      assert.match(await subscriber.ping(), /^pong$/i); // in small letters from a RESP2 subscription
      await subscriber.unsubscribe(`${name}:news`);
      assert.equal(await client.publish(`${name}:news`, "again"), 1);
      assert.deepEqual(await matched.take(), [`${name}:news`, "again"]);
    });

    test("reconnect", async () => {
      const victim = await connect();
      const id = await victim.clientId();
      const inbox = new Inbox();
      assert.equal(await client.clientKill({ filter: "ID", id: String(id) }), 1);
      // The command may meet the dying connection, and fails with it then.
      const again = await victim.clientId().catch(() => victim.clientId());
      assert.ok(again > id, `connection ${again} after ${id}`);

      const subscriber = await connect();
      const subscriberId = await subscriber.clientId();
      await subscriber.subscribe(`${name}:again`, (text) => inbox.put(text));
      assert.equal(await client.clientKill({ filter: "ID", id: String(subscriberId) }), 1);
      assert.equal(await untilMessage(inbox, () => client.publish(`${name}:again`, "back")), "back");
    });
  });
}

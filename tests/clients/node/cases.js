// What the tests of both libraries share.

// TEST_ADDRESS=host:port names the server.
const address = process.env.TEST_ADDRESS;
if (!address) {
  throw new Error("TEST_ADDRESS=host:port has to name the server");
}
const colon = address.lastIndexOf(":");
export const host = address.slice(0, colon);
export const port = Number(address.slice(colon + 1));

// patience bounds every wait, in milliseconds.
export const patience = 30_000;

// Values that go into a key and have to come back as they were.
export const values = [
  Buffer.from(""),
  Buffer.from("plain"),
  Buffer.from("a\x00b\r\n\xff", "latin1"),
  Buffer.alloc(1_500_000, "big"),
];

// An Inbox hands messages out in the order in which they came.
export class Inbox {
  #waiting = [];
  #kept = [];

  put(message) {
    const taker = this.#waiting.shift();
    if (taker) {
      taker(message);
    } else {
      this.#kept.push(message);
    }
  }

  // take resolves with the next message, or rejects when none comes in time.
  take(timeout = patience) {
    if (this.#kept.length > 0) {
      return Promise.resolve(this.#kept.shift());
    }
    return new Promise((resolve, reject) => {
      const taker = (message) => {
        clearTimeout(timer);
        resolve(message);
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(taker), 1);
        reject(new Error(`no message within ${timeout} ms`));
      }, timeout);
      this.#waiting.push(taker);
    });
  }
}

// untilMessage publishes again and again until the inbox gets a message: one
// that was published while the subscriber reconnects would be lost.
export async function untilMessage(inbox, publish) {
  for (const end = Date.now() + patience; Date.now() < end; ) {
    await publish();
    try {
      return await inbox.take(20);
    } catch {
      continue;
    }
  }
  throw new Error("no message came after the reconnection");
}

import { expect, test } from "vitest";
import type { Connection } from "./connection.ts";
import { createPartitionReader } from "./partition-reader.ts";
import { createStallWatch } from "./stall-watch.ts";

/** A member of a group with one partition, and brokers that say where it ends. */
function createWorld() {
  let nowMs = 0;
  let signAtMs = 0;
  let restarts = 0;
  let end = 0;
  const reader = createPartitionReader({ topic: "t", partition: 0, window: 1, nowMs: () => nowMs });
  const admin = {
    fetchOffsets: async () => [{ topic: "t", partitions: [{ partition: 0, offset: "0" }] }],
    fetchTopicOffsets: async () => [{ partition: 0, high: String(end) }],
  };
  const run = (_: string, work: (link: unknown) => unknown) => work({ admin });
  const watch = createStallWatch({
    connection: { run: run as unknown as Connection["run"] }, // the two requests above are all
    ...{ group: "g", topics: ["t"], readers: new Map([["t/0", reader]]), nowMs: () => nowMs },
    restart: () => {
      restarts += 1;
    },
  });
  const record = { topic: "t", key: null, headers: [], body: null };
  return {
    appendTo: (offset: number) => {
      end = offset;
    },
    fetch: (offset: number) => reader.feed([{ offset, record }], offset + 1, end),
    handle: () => reader.take(),
    finish: () => {
      for (const flight of reader.take()) reader.done(flight);
    },
    /** Looks every second; `isAlive`: kafkajs fetches, whatever it gets; `isOwed`: an answer does not come. */
    async pass(seconds: number, { isAlive = true, isOwed = false } = {}): Promise<number> {
      let silences = 0;
      for (const until = nowMs + seconds * 1000; nowMs < until; nowMs += 1000) {
        if (isAlive) signAtMs = nowMs;
        silences = isOwed ? silences + 1 : 0;
        await watch({ lastSignAtMs: () => signAtMs, countSilence: () => silences });
      }
      return restarts;
    },
    /** The process itself stood still. */
    standStill(seconds: number) {
      nowMs += seconds * 1000;
    },
  };
}

test("a member with nothing to do is left alone", async () => {
  expect(await createWorld().pass(120)).toBe(0);
});

test("a consumer that gives no sign is restarted", async () => {
  expect(await createWorld().pass(21, { isAlive: false })).toBeGreaterThan(0);
});

test("one that waits for an answer is restarted after six seconds, and one that was held up is not", async () => {
  const world = createWorld();
  expect(await world.pass(3, { isOwed: true })).toBe(0);
  world.standStill(10);
  expect(await world.pass(3, { isOwed: true })).toBe(0);
  expect(await createWorld().pass(7, { isOwed: true })).toBeGreaterThan(0);
});

test("a partition that stays behind with nothing in hand is restarted within 30 s", async () => {
  const world = createWorld();
  world.appendTo(5);
  expect(await world.pass(18)).toBe(0);
  expect(await world.pass(12)).toBe(1);
});

test("a slow handler is no stall", async () => {
  const world = createWorld();
  world.appendTo(5);
  world.fetch(0);
  world.handle();
  expect(await world.pass(120)).toBe(0);
});

test("a partition that moves is no stall, however far behind", async () => {
  const world = createWorld();
  world.appendTo(1000);
  for (let offset = 0; offset < 10; offset += 1) {
    world.fetch(offset);
    world.finish();
    expect(await world.pass(15)).toBe(0);
  }
});

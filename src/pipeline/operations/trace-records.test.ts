import { expect, test } from "vitest";
import { createManualClock } from "../../adapters/memory/clock.ts";
import { createMemoryFlowStore } from "../../adapters/memory/flow-store.ts";
import { readFilter } from "../trace/filter.ts";
import { sampleHop } from "../trace/hop.samples.ts";
import { recordFields } from "../trace/records.ts";
import { seenHop } from "../trace/seen.ts";
import { eachRecord, type RecordQuery } from "./trace-records.ts";

const observing = { flow: "full", seenAt: [] } as const;
const partOf = (name: string, atMs: number, flowId = "f") =>
  seenHop(sampleHop({ name, atMs, flowId, messageId: `${name} ${atMs}` }), undefined, observing);

function reading(values: Partial<RecordQuery> = {}) {
  const store = createMemoryFlowStore();
  const clock = createManualClock(10_000);
  const stopping = new AbortController();
  const found: string[] = [];
  const query: RecordQuery = {
    ...{ sinceMs: 0, untilMs: Number.POSITIVE_INFINITY, flowId: null, where: () => true },
    ...{ isFollowed: false, most: null, idleMs: null, ...values },
  };
  const read = () =>
    eachRecord(query, { store, clock, signal: stopping.signal }, (record) => {
      found.push("name" in record ? record.name : record.code);
    });
  return { store, clock, stopping, found, read };
}

test("what is kept comes in the order of time, whatever the order in which it was added", async () => {
  const { found, read, store } = reading();
  await store.add([partOf("c", 3_000)]);
  await store.add([partOf("a", 1_000, "g"), partOf("b", 2_000)]);
  await read();
  expect(found).toEqual(["a", "b", "c"]);
});

test("a period, a flow and a filter choose", async () => {
  const where = readFilter("name!=d", recordFields);
  const { found, read, store } = reading({ sinceMs: 2_000, untilMs: 5_000, flowId: "f", where });
  const names = ["a", "b", "c", "d", "e"];
  await store.add(names.map((name, at) => partOf(name, 1_000 * (at + 1))));
  await store.add([partOf("other", 3_000, "g")]);
  await read();
  expect(found).toEqual(["b", "c"]);
});

test("following goes on with what comes, without a gap, until it is stopped", async () => {
  const { clock, found, read, stopping, store } = reading({ isFollowed: true });
  await store.add([partOf("before", 9_000)]);
  const running = read();
  await clock.advance(100);
  await store.add([partOf("late", 8_000), partOf("live", 10_050)]);
  await clock.advance(100);
  expect(found).toEqual(["before", "late", "live"]);
  const reason = new Error("stopped");
  stopping.abort(reason);
  await expect(running).rejects.toBe(reason);
});

test("it ends after so many, when nothing comes for so long, and at the end of the period", async () => {
  const two = reading({ isFollowed: true, most: 2 });
  await two.store.add(["a", "b", "c"].map((name) => partOf(name, 1_000)));
  await two.read();
  expect(two.found).toHaveLength(2);
  for (const values of [{ idleMs: 500 }, { untilMs: 10_500 }]) {
    const { clock, read, store } = reading({ isFollowed: true, ...values });
    let isOver = false;
    const running = read().then(() => {
      isOver = true;
    });
    await clock.advance(400);
    await store.add([partOf("a", 10_400)]);
    expect(isOver).toBe(false);
    await clock.advance(1_000);
    await running;
  }
});

test("more than a page is read to its end", async () => {
  const { found, read, store } = reading();
  for (let at = 0; at < 1_203; at += 1) await store.add([partOf(`${at}`, at)]);
  await read();
  expect(found).toHaveLength(1_203);
});

import { expect, test } from "vitest";
import { createManualClock } from "../../adapters/memory/clock.ts";
import { createMemoryFlowStore } from "../../adapters/memory/flow-store.ts";
import { TuError } from "../errors.ts";
import { once } from "../once.ts";
import type { FlowStore } from "../ports/flow-store.ts";
import { sampleHop } from "../trace/hop.samples.ts";
import { createSeenKeeper } from "./keep-seen.ts";

const observing = { flow: "full", seenAt: ["svc"] } as const;
const noticeOf = (flowId: string | null) => ({ code: "c", message: "m", flowId });

function keeping(change: Partial<FlowStore> = {}) {
  const clock = createManualClock(1_000);
  const store = { ...createMemoryFlowStore(), ...change };
  const passed: unknown[] = [];
  const next = {
    hop: (...args: unknown[]) => void passed.push(args),
    notice: (notice: object) => void passed.push(notice),
  };
  const keeper = createSeenKeeper({ store: once(async () => store), observing, clock, next });
  return { clock, keeper, passed, store };
}

test("hops and notices are passed on at once, and kept by flow a moment later", async () => {
  const { clock, keeper, passed, store } = keeping();
  const hop = sampleHop();
  keeper.reporter.hop(hop);
  keeper.reporter.notice(noticeOf("f"));
  keeper.reporter.notice(noticeOf(null));
  expect(passed).toEqual([[hop, undefined], noticeOf("f"), noticeOf(null)]);
  await clock.advance(99);
  expect(await store.seenOf("f")).toEqual([]);
  await clock.advance(1);
  expect(await store.seenOf("f")).toEqual([
    { type: "hop", hop, travelled: null },
    { type: "notice", code: "c", message: "m", flowId: "f", atMs: 1_000 },
  ]);
  expect(await store.find("f", 1)).toMatchObject([{ seenAt: ["svc"], notices: 1, flow: "full" }]);
});

test("flushing writes what was reported so far, now", async () => {
  const { clock, keeper, store } = keeping();
  keeper.reporter.hop(sampleHop({ messageId: "1" }));
  await keeper.flush();
  expect(await store.seenOf("f")).toHaveLength(1);
  await keeper.flush();
  keeper.reporter.hop(sampleHop({ messageId: "2" }));
  await clock.advance(100);
  expect(await store.seenOf("f")).toHaveLength(2);
});

test("flushing also writes what came while a batch was being written", async () => {
  const memory = createMemoryFlowStore();
  let isBegun = false;
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const add: FlowStore["add"] = async (parts) => {
    isBegun = true;
    await ended;
    await memory.add(parts);
  };
  const { clock, keeper } = keeping({ add });
  keeper.reporter.hop(sampleHop({ messageId: "1" }));
  await clock.advance(100);
  expect(isBegun).toBe(true);
  keeper.reporter.hop(sampleHop({ messageId: "2" }));
  const flushed = keeper.flush();
  end();
  await flushed;
  expect(await memory.seenOf("f")).toHaveLength(2);
});

test("closing writes what is left, without waiting", async () => {
  const { keeper, store } = keeping();
  keeper.reporter.hop(sampleHop());
  await keeper.close();
  expect(await store.seenOf("f")).toHaveLength(1);
});

test("what could not be written is told once, and written when the store works again", async () => {
  const memory = createMemoryFlowStore();
  let isBroken = true;
  const add: FlowStore["add"] = async (parts) => {
    if (isBroken) throw new TuError("E_STATE_FULL", "the disk is full");
    await memory.add(parts);
  };
  const { clock, keeper, passed } = keeping({ add });
  keeper.reporter.hop(sampleHop({ messageId: "1" }));
  await clock.advance(100);
  keeper.reporter.hop(sampleHop({ messageId: "2", atMs: 2_000 }));
  await clock.advance(20_000);
  const told = passed.filter((one) => !Array.isArray(one));
  expect(told).toEqual([
    {
      ...{ code: "E_STATE_FULL", flowId: null },
      message: "what is seen of flows cannot be kept: the disk is full",
    },
  ]);
  isBroken = false;
  await clock.advance(10_000);
  expect(await memory.seenOf("f")).toHaveLength(2);
  await keeper.close();
});

test("a store that cannot be opened stops nothing", async () => {
  const clock = createManualClock(1_000);
  const notices: object[] = [];
  const next = { hop: () => undefined, notice: (one: object) => void notices.push(one) };
  const store = once<FlowStore>(async () => Promise.reject(new TuError("E_STATE_NEWER", "newer")));
  const keeper = createSeenKeeper({ store, observing, clock, next });
  keeper.reporter.hop(sampleHop());
  await clock.advance(100);
  await keeper.close();
  expect(notices).toMatchObject([{ code: "E_STATE_NEWER" }]);
});

test("of a store that stays broken, only so much waits", async () => {
  const { clock, keeper, store } = keeping({
    add: async () => Promise.reject(new Error("broken")),
  });
  for (let flow = 0; flow < 30_000; flow += 1)
    keeper.reporter.hop(sampleHop({ flowId: `f${flow}` }));
  await clock.advance(100);
  const memory = createMemoryFlowStore();
  Object.assign(store, { add: memory.add });
  await keeper.close();
  const kept = await memory.count();
  expect(kept.running).toBe(20_000);
  expect(await memory.seenOf("f29999")).toHaveLength(1);
  expect(await memory.seenOf("f0")).toEqual([]);
});

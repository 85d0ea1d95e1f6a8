import { beforeEach, describe, expect, test } from "vitest";
import { createMemoryJournal, createSharedJournal } from "../../adapters/memory/journal.ts";
import { sampleEntry, sampleMessage } from "../../adapters/testing/samples.ts";
import { TuError } from "../errors.ts";
import type { Message, Timer } from "../message.ts";
import type { Clock } from "../ports/clock.ts";
import type { Journal } from "../ports/journal.ts";
import type { TransportState } from "../ports/transport.ts";
import { toIso } from "../time.ts";
import type { AdoptedFlow } from "./adopted-flows.ts";
import { createRelay, type Relay } from "./relay.ts";
import { idleTimers } from "./shell.samples.ts";

let taken: Message[];
let scheduled: Timer[];
let notices: string[];
let adopted: AdoptedFlow[];
let nowMs: number;
/** What the transport does with a message; by default it takes it. */
let transport: (message: Message) => Promise<void>;
/** Ends the relay's current sleeps. */
let tick: () => Promise<void>;
let clock: Clock;
let say: (state: TransportState) => void;

beforeEach(() => {
  taken = [];
  scheduled = [];
  notices = [];
  adopted = [];
  onAdopted = async () => undefined;
  nowMs = 1_000_000;
  transport = async (message) => void taken.push(message);
  const sleepers = new Set<() => void>();
  clock = {
    nowMs: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (ms === 0) return resolve();
        const abort = () => reject(signal?.reason as Error);
        signal?.addEventListener("abort", abort);
        sleepers.add(() => {
          signal?.removeEventListener("abort", abort);
          resolve();
        });
      }),
  };
  tick = async () => {
    nowMs += 2_000;
    for (const wake of [...sleepers]) wake();
    sleepers.clear();
    await settled();
  };
});

/** Lets everything proceed that can. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 1));
const relayOn = (journal: Journal): Relay =>
  createRelay({
    journal,
    clock,
    publish: (message) => transport(message),
    transports: [
      {
        onState(listener) {
          say = listener;
          return () => undefined;
        },
      },
    ],
    reporter: { notice: ({ message }) => void notices.push(message), hop: () => undefined },
    timers: { ...idleTimers, schedule: (timer) => void scheduled.push(timer) },
    async onAdopted(flows) {
      expect(taken.map(({ flowId }) => flowId)).not.toContain(flows[0]?.flowId);
      adopted.push(...flows);
      await onAdopted();
    },
  });
/** What the listener does with them. */
let onAdopted: () => Promise<void>;
const down = async () => {
  throw new TuError("E_SERVICE_UNAVAILABLE", "the broker is gone");
};
const entryOf = (id: string, subject = id) =>
  sampleEntry({
    message: sampleMessage({ id: `cause of ${id}` }),
    outgoing: [sampleMessage({ id, subject })],
  });
async function recorded(journal: Journal, relay: Relay, id: string, subject = id): Promise<void> {
  const entry = entryOf(id, subject);
  await journal.record(entry);
  await relay.dispatch(entry);
}
const ids = () => taken.map(({ id }) => id);

describe("a transport that goes away", () => {
  test("gets what was recorded meanwhile when it is back, in order, without a restart", async () => {
    const journal = createMemoryJournal();
    const relay = relayOn(journal);
    await relay.start();
    await recorded(journal, relay, "a", "s");
    transport = down;
    for (const id of ["b", "c"]) await recorded(journal, relay, id, "s");
    await tick();
    transport = async (message) => void taken.push(message);
    await recorded(journal, relay, "d", "s");
    expect(ids()).toEqual(["a"]);
    await tick();
    expect(ids()).toEqual(["a", "b", "c", "d"]);
    await recorded(journal, relay, "e", "s");
    expect(ids()).toEqual(["a", "b", "c", "d", "e"]);
    expect((await journal.unsent({ after: null, limit: 9 })).messages).toEqual([]);
    await relay.close();
  });

  test.each([
    ["back", ["a"]],
    ["unblocked", ["a"]],
    ["blocked", []],
    ["lost", []],
  ] as const)("gets it at once, or not, when it says that it is %s", async (state, expected) => {
    const journal = createMemoryJournal();
    const relay = relayOn(journal);
    await relay.start();
    transport = down;
    await recorded(journal, relay, "a");
    transport = async (message) => void taken.push(message);
    say(state);
    await settled();
    expect(ids()).toEqual(expected);
    await relay.close();
  });

  test("is reported once", async () => {
    const journal = createMemoryJournal();
    const relay = relayOn(journal);
    await relay.start();
    transport = down;
    for (const id of ["a", "b", "c"]) await recorded(journal, relay, id);
    await tick();
    expect(notices).toHaveLength(1);
    expect(notices[0]).toContain("recorded but not sent yet: the broker is gone");
    await relay.close();
  });

  test("pauses every patience", async () => {
    const journal = createMemoryJournal();
    const relay = relayOn(journal);
    await relay.start();
    const startMs = nowMs;
    transport = down;
    await recorded(journal, relay, "a");
    nowMs += 60_000;
    expect(relay.heldMs(startMs)).toBe(60_000);
    transport = async (message) => void taken.push(message);
    await tick();
    nowMs += 30_000;
    expect(relay.heldMs(startMs)).toBe(62_000);
    expect(relay.heldMs(startMs + 61_000)).toBe(1_000);
    await relay.close();
  });

  test("and comes back for more than a page", async () => {
    const journal = createMemoryJournal();
    const relay = relayOn(journal);
    await relay.start();
    transport = down;
    for (let count = 0; count < 2_500; count += 1) await recorded(journal, relay, `m${count}`, "s");
    transport = async (message) => void taken.push(message);
    await tick();
    expect(ids()).toEqual(Array.from({ length: 2_500 }, (_, count) => `m${count}`));
    await relay.close();
  });
});

describe("order", () => {
  test("is kept within a subject, and subjects do not wait for each other", async () => {
    const journal = createMemoryJournal();
    const relay = relayOn(journal);
    const open = new Map<string, () => void>();
    const begun: string[] = [];
    transport = ({ id }) => {
      begun.push(id);
      return new Promise((resolve) => open.set(id, resolve));
    };
    for (const [id, subject] of [
      ["a1", "a"],
      ["a2", "a"],
      ["b1", "b"],
    ] as const)
      void recorded(journal, relay, id, subject);
    await settled();
    expect(begun).toEqual(["a1", "b1"]);
    open.get("a1")?.();
    await settled();
    expect(begun).toEqual(["a1", "b1", "a2"]);
  });

  test("has at most a window of messages in flight", async () => {
    const journal = createMemoryJournal();
    const relay = relayOn(journal);
    let inFlight = 0;
    transport = () => {
      inFlight += 1;
      return new Promise(() => undefined);
    };
    for (let count = 0; count < 1_500; count += 1) void recorded(journal, relay, `m${count}`);
    await settled();
    expect(inFlight).toBe(1_024);
  });
});

test("a message that cannot be sent blocks no other, and stays owed", async () => {
  const journal = createMemoryJournal();
  const relay = relayOn(journal);
  await relay.start();
  transport = async (message) => {
    if (message.id === "a") throw new TuError("E_UNROUTABLE", "no queue accepted it");
    taken.push(message);
  };
  for (const id of ["a", "b"]) await recorded(journal, relay, id, "s");
  for (let looks = 0; looks < 3; looks += 1) await tick();
  expect(ids()).toEqual(["b"]);
  expect(notices).toEqual([expect.stringContaining("no queue accepted it")]);
  transport = async (message) => void taken.push(message);
  await tick();
  expect(ids()).toEqual(["b", "a"]);
  await relay.close();
});

test("a message recorded and never sent is found by polling, once it is no longer new", async () => {
  const journal = createMemoryJournal();
  const relay = relayOn(journal);
  await relay.start();
  await journal.record(entryOf("a"));
  await tick();
  expect(ids()).toEqual([]);
  await tick();
  expect(ids()).toEqual(["a"]);
  await relay.close();
});

test("a record in doubt is looked up, and its messages and timers take effect", async () => {
  const journal = createMemoryJournal();
  const relay = relayOn(journal);
  await relay.start();
  const message = sampleMessage({ id: "t", kind: "timer", occurredAt: toIso(nowMs) });
  const timer = { message, dueAtMs: nowMs + 5_000, owner: "svc-a" };
  const entry = { ...entryOf("a"), timers: [timer] };
  await journal.record(entry);
  relay.doubt(entry.consumer, entry.message.id);
  relay.doubt(entry.consumer, "never recorded");
  await tick();
  expect(ids()).toEqual(["a"]);
  expect(scheduled).toEqual([{ ...timer, dueAtMs: nowMs + 5_000 }]);
  await tick();
  expect(scheduled).toHaveLength(1);
  await relay.close();
});

test("a record in doubt is resolved once: by a redelivery, or by polling", async () => {
  const journal = createMemoryJournal();
  const relay = relayOn(journal);
  await relay.start();
  relay.doubt("svc-a", "m1");
  expect(relay.wasDoubted("svc-b", "m1")).toBe(false);
  expect(relay.wasDoubted("svc-a", "m2")).toBe(false);
  expect(relay.wasDoubted("svc-a", "m1")).toBe(true);
  expect(relay.wasDoubted("svc-a", "m1")).toBe(false);
  const entry = entryOf("a");
  await journal.record(entry);
  relay.doubt(entry.consumer, entry.message.id);
  expect(relay.wasDoubted(entry.consumer, entry.message.id)).toBe(true);
  await tick();
  expect(ids()).toEqual([]);
  await relay.close();
});

test("a failed poll is reported, and polling continues", async () => {
  const journal = createMemoryJournal();
  let isFull = true;
  const relay = relayOn({
    ...journal,
    unsent: (page) =>
      isFull ? Promise.reject(new TuError("E_STATE_FULL", "no space")) : journal.unsent(page),
  });
  await relay.start();
  await journal.record(entryOf("a"));
  await tick();
  expect(notices).toEqual(["checking the outbox failed: no space"]);
  isFull = false;
  for (let looks = 0; looks < 2; looks += 1) await tick();
  expect(ids()).toEqual(["a"]);
  await relay.close();
});

test("a flow that has ended no longer waits for timers", async () => {
  const cancelled: string[] = [];
  const journal = createMemoryJournal();
  const relay = createRelay({
    ...{ journal, clock, publish: async () => undefined },
    reporter: { notice: () => undefined, hop: () => undefined },
    timers: { ...idleTimers, cancelFlow: (flowId) => void cancelled.push(flowId) },
  });
  const state = { sequence: 1, state: null };
  await relay.dispatch({ ...entryOf("a"), flow: { ...state, ended: false } });
  expect(cancelled).toEqual([]);
  await relay.dispatch({ ...entryOf("b"), flow: { ...state, ended: true } });
  expect(cancelled).toEqual(["flow-1"]);
});

test("a wait keeps its length, however the clock was set since", async () => {
  const journal = createMemoryJournal();
  const relay = relayOn(journal);
  const message = sampleMessage({ id: "t", kind: "timer", occurredAt: toIso(nowMs) });
  const timer = { message, dueAtMs: nowMs + 5_000, owner: "svc-a" };
  nowMs += 3_600_000;
  await relay.dispatch({ ...entryOf("a"), timers: [timer] });
  expect(scheduled).toEqual([{ ...timer, dueAtMs: nowMs + 5_000 }]);
  await relay.close();
});

describe("dead runners", () => {
  const owedTo = () => ["svc-b"];
  const world = () => {
    const shared = createSharedJournal();
    const gone = createMemoryJournal({ shared, owedTo });
    return { gone, journal: createMemoryJournal({ shared, owedTo }) };
  };

  test("leave their work to a live one, at its start and later", async () => {
    const { gone, journal } = world();
    await gone.record(entryOf("a"));
    const relay = relayOn(journal);
    await relay.start();
    expect(adopted).toEqual([]);
    gone.close();
    await tick();
    expect(ids()).toEqual(["a"]);
    expect(adopted.map(({ flowId }) => flowId)).toEqual(["flow-1"]);
    await relay.close();
  });

  test("leave work that is taken over even if its listener fails", async () => {
    const { gone, journal } = world();
    await gone.record(entryOf("a"));
    gone.close();
    onAdopted = down;
    const relay = relayOn(journal);
    await relay.start();
    expect(ids()).toEqual(["a"]);
    expect(notices).toEqual(["checking the outbox failed: the broker is gone"]);
    await relay.close();
  });

  test("are reported by flow, with their messages and timers", async () => {
    const { gone, journal } = world();
    const at = (id: string, flowId: string, dueAtMs: number) =>
      gone.record(
        sampleEntry({
          message: sampleMessage({ id, flowId }),
          timers: [
            {
              ...{ message: sampleMessage({ id: `${id} timer`, flowId, kind: "timer" }), dueAtMs },
              owner: "svc-a",
            },
          ],
        }),
      );
    await at("m1", "due now", nowMs);
    await at("m2", "due later", nowMs + 1);
    await at("m3", "due before", nowMs - 1);
    for (const id of ["m4", "m5"])
      await gone.record(
        sampleEntry({
          message: sampleMessage({ id, flowId: "with messages" }),
          outgoing: [sampleMessage({ id: `${id} out`, flowId: "with messages" })],
        }),
      );
    gone.close();
    const relay = relayOn(journal);
    await relay.start();
    const left = adopted.map(({ flowId, messages, timers }) => [
      flowId,
      messages.map(({ id }) => id),
      timers.map(({ dueAtMs }) => dueAtMs - nowMs),
    ]);
    expect(left).toEqual([
      ["due now", [], [0]],
      ["due later", [], [1]],
      ["due before", [], [-1]],
      ["with messages", ["m4 out", "m5 out"], []],
    ]);
    expect(scheduled).toHaveLength(3);
    await relay.close();
  });

  test("whatever its length", async () => {
    const { gone, journal } = world();
    for (let count = 0; count < 2_500; count += 1) await gone.record(entryOf(`m${count}`, "s"));
    gone.close();
    const relay = relayOn(journal);
    await relay.start();
    expect(new Set(ids()).size).toBe(2_500);
    await relay.close();
  });

  test("leave timers: an agreed time stays, a patience restarts", async () => {
    const { gone, journal } = world();
    const occurredAt = new Date(nowMs - 50_000).toISOString();
    const timer = (id: string, isPatience: boolean): Timer => ({
      message: sampleMessage({ id, kind: "timer", occurredAt }),
      dueAtMs: nowMs - 20_000,
      owner: "svc-a",
      ...(isPatience ? { isPatience } : {}),
    });
    const message = sampleMessage({ id: "m" });
    await gone.record(
      sampleEntry({ message, timers: [timer("agreed", false), timer("patience", true)] }),
    );
    gone.close();
    const relay = relayOn(journal);
    const dueAtMs = nowMs + 30_000;
    await relay.start();
    expect(scheduled.map((one) => [one.message.id, one.dueAtMs - nowMs])).toEqual([
      ["agreed", -20_000],
    ]);
    while (nowMs < dueAtMs - 2_000) await tick();
    expect(scheduled.slice(1)).toEqual([{ ...timer("patience", true), dueAtMs }]);
    await relay.close();
  });

  test("leave timers that are not scheduled if what they wait for has arrived meanwhile", async () => {
    const { gone, journal } = world();
    const timer = (id: string): Timer => ({
      message: sampleMessage({ id, kind: "timer", occurredAt: toIso(nowMs) }),
      dueAtMs: nowMs + 30_000,
      owner: "svc-a",
    });
    const [fired, waits] = [timer("fired"), timer("waits")];
    await gone.record(sampleEntry({ message: sampleMessage({ id: "m" }), timers: [fired, waits] }));
    gone.close();
    const relay = relayOn(journal);
    await relay.start();
    expect(scheduled).toEqual([]);
    await journal.record(sampleEntry({ consumer: "svc-a", message: fired.message }));
    while (nowMs < waits.dueAtMs) await tick();
    expect(scheduled).toEqual([waits]);
    await relay.close();
  });

  test("leave timers that are not scheduled once the relay is closed", async () => {
    const { gone, journal } = world();
    const message = sampleMessage({ id: "t", kind: "timer", occurredAt: toIso(nowMs) });
    const timer = { message, dueAtMs: nowMs + 30_000, owner: "svc-a" };
    await gone.record(sampleEntry({ message: sampleMessage({ id: "m" }), timers: [timer] }));
    gone.close();
    const relay = relayOn(journal);
    await relay.start();
    await relay.close();
    for (let ticks = 0; ticks < 20; ticks += 1) await tick();
    expect(scheduled).toEqual([]);
  });
});

import { describe, expect, test } from "vitest";
import type { Message } from "../../pipeline/message.ts";
import type { FlowRecord, Journal } from "../../pipeline/ports/journal.ts";
import { sampleEntry, sampleMessage } from "./samples.ts";

type Opened = {
  readonly journal: Journal;
  /** The journal as the next run finds it: everything recorded is there, nothing else is. */
  readonly restart: () => Promise<Journal>;
  readonly close: () => Promise<void>;
};

const flowRecord = (sequence: number, values: Partial<FlowRecord> = {}): FlowRecord => ({
  sequence,
  state: { step: sequence, seen: ["a", null, 1.5] },
  ended: false,
  ...values,
});
const step = (id: string, flow: FlowRecord | null, flowId = "flow-1") =>
  sampleEntry({ message: sampleMessage({ id, flowId }), flow });
const timerOf = (id: string, flowId = "flow-1", owner = "svc-a") => ({
  message: sampleMessage({ id, flowId, kind: "timer" }),
  dueAtMs: 1_763_800_000_000,
  owner,
});
const nowhere = { seq: 9_999, position: 0 };
const consumersByName: Readonly<Record<string, readonly string[]>> = {
  sample: ["svc-b", "svc-c"],
  "for one": ["svc-b"],
};
/** Who has to record the messages of this suite; the same for every run, as a topology is. */
export const sampleOwedTo = ({ name }: Message): readonly string[] => consumersByName[name] ?? [];

/** Every Journal adapter must pass this suite; the one in memory defines the expected behaviour. */
export function journalContract(open: () => Promise<Opened>): void {
  recordingContract(open);
  // To this process, and to the next one when nothing crashes, it is the same.
  describe("what is accepted", () => recordingContract(async () => accepting(await open())));
  describe("both", () => bothContract(open));
}

function accepting({ journal, restart, close }: Opened): Opened {
  const early = (one: Journal): Journal => ({ ...one, record: one.accept });
  return { journal: early(journal), restart: async () => early(await restart()), close };
}

function bothContract(open: () => Promise<Opened>): void {
  test("what is accepted and what is recorded is in one order, and durable together", async () => {
    const { close, journal, restart } = await open();
    await journal.accept(step("m1", flowRecord(1)));
    const results = await Promise.all([
      journal.record(step("m2", flowRecord(2))),
      journal.accept(step("m1", flowRecord(1))),
    ]);
    expect(results.map(({ outcome }) => outcome)).toEqual(["recorded", "duplicate"]);
    await journal.accept(step("m3", flowRecord(3)));
    await journal.durable();
    const history = await (await restart()).history("flow-1");
    expect(history.map(({ message }) => message.id)).toEqual(["m1", "m2", "m3"]);
    await close();
  });
}

function recordingContract(open: () => Promise<Opened>): void {
  const scenario = (name: string, run: (world: Opened) => Promise<void>) =>
    test(name, async () => {
      const world = await open();
      try {
        await run(world);
      } finally {
        await world.close();
      }
    });

  scenario("nothing is known of what was never recorded", async ({ journal }) => {
    expect(await journal.find("svc-a", "m1")).toBeUndefined();
    expect(await journal.flow("svc-a", "flow-1")).toBeUndefined();
    expect(await journal.history("flow-1")).toEqual([]);
    expect(await journal.adopt(100)).toEqual([]);
  });

  scenario("an entry is read back exactly, also by the next run", async ({ journal, restart }) => {
    const entry = sampleEntry({
      message: sampleMessage({ id: "m1" }),
      outgoing: [sampleMessage({ id: "m2", causationId: "m1", headers: { a: "b" } })],
      timers: [timerOf("t1")],
      flow: flowRecord(1),
    });
    expect(await journal.record(entry)).toEqual({ outcome: "recorded" });
    for (const open of [async () => journal, restart]) {
      const one = await open();
      expect(await one.find("svc-a", "m1")).toEqual(entry);
      expect(await one.flow("svc-a", "flow-1")).toEqual(entry.flow);
      expect(await one.history("flow-1")).toEqual([entry]);
    }
  });

  scenario("a message decided before gives its first decision", async ({ journal }) => {
    const first = step("m1", flowRecord(1));
    await journal.record(first);
    const again = { ...step("m1", flowRecord(2)), outgoing: [sampleMessage({ id: "other" })] };
    expect(await journal.record(again)).toEqual({ outcome: "duplicate", entry: first });
    expect(await journal.history("flow-1")).toEqual([first]);
  });

  scenario("each consumer decides a message for itself", async ({ journal }) => {
    const message = sampleMessage({ id: "m1" });
    for (const consumer of ["svc-a", "svc-b"])
      expect(await journal.record(sampleEntry({ consumer, message }))).toEqual({
        outcome: "recorded",
      });
    expect((await journal.history("flow-1")).map((one) => one.consumer)).toEqual([
      "svc-a",
      "svc-b",
    ]);
  });

  const conflicts = [
    { name: "taken", sequences: [1, 2], next: 2 },
    { name: "leaving a gap", sequences: [1], next: 3 },
    { name: "not beginning at 1", sequences: [], next: 2 },
    { name: "below 1", sequences: [], next: 0 },
  ];
  for (const { name, sequences, next } of conflicts)
    scenario(`a sequence ${name} is a conflict and records nothing`, async ({ journal }) => {
      for (const sequence of sequences)
        await journal.record(step(`m${sequence}`, flowRecord(sequence)));
      expect(await journal.record(step("late", flowRecord(next)))).toEqual({
        outcome: "conflict",
      });
      expect(await journal.find("svc-a", "late")).toBeUndefined();
      expect((await journal.history("flow-1")).length).toBe(sequences.length);
    });

  scenario("flows and consumers count for themselves", async ({ journal }) => {
    for (const flowId of ["flow-1", "flow-2"])
      for (const consumer of ["svc-a", "svc-b"]) {
        const entry = { ...step(`m of ${flowId}`, flowRecord(1), flowId), consumer };
        expect(await journal.record(entry)).toEqual({ outcome: "recorded" });
      }
  });

  scenario("the last state of a flow is the one of its last entry", async ({ journal }) => {
    await journal.record(step("m1", flowRecord(1)));
    await journal.record(step("m2", null));
    await journal.record(step("m3", flowRecord(2, { state: null, ended: true })));
    expect(await journal.flow("svc-a", "flow-1")).toEqual({
      sequence: 2,
      state: null,
      ended: true,
    });
  });

  scenario("of many at once for one sequence, one is recorded", async ({ journal }) => {
    const calls = Array.from({ length: 20 }, (_, index) =>
      journal.record(step(`m${index}`, flowRecord(1))),
    );
    const outcomes = (await Promise.all(calls)).map((one) => one.outcome).sort();
    expect(outcomes).toEqual([...Array(19).fill("conflict"), "recorded"]);
  });

  scenario("steps of a flow may be recorded without waiting for each other", async (world) => {
    const calls = [1, 2, 3].map((sequence) =>
      world.journal.record(step(`m${sequence}`, flowRecord(sequence))),
    );
    for (const call of calls) expect(await call).toEqual({ outcome: "recorded" });
    const history = await world.journal.history("flow-1");
    expect(history.map((one) => one.message.id)).toEqual(["m1", "m2", "m3"]);
  });

  scenario("one call that cannot be recorded does not fail its neighbours", async ({ journal }) => {
    const calls = [
      journal.record(step("m1", null)),
      journal.record(step("m1", null)),
      journal.record(step("m2", flowRecord(7))),
      journal.record(step("m3", null)),
    ];
    expect((await Promise.all(calls)).map((one) => one.outcome)).toEqual([
      "recorded",
      "duplicate",
      "conflict",
      "recorded",
    ]);
  });

  describe("what is left", () => leftContract(scenario));
}

type Scenario = (name: string, run: (world: Opened) => Promise<void>) => void;

function leftContract(scenario: Scenario): void {
  const m2 = sampleMessage({ id: "m2", causationId: "m1" });
  const m3 = sampleMessage({ id: "m3", name: "for one" });
  const both = ["svc-b", "svc-c"];
  const sends = (outgoing: readonly Message[]) =>
    sampleEntry({ message: sampleMessage({ id: "m1" }), outgoing });

  scenario("every consumer that has not recorded a message still has to", async (world) => {
    await world.journal.record(sends([m2]));
    await world.journal.record(sampleEntry({ consumer: "svc-b", message: m2 }));
    expect(await (await world.restart()).adopt(100)).toEqual([{ type: "message", message: m2 }]);
  });

  scenario("what all have recorded is finished, and stays it", async ({ journal, restart }) => {
    await journal.record(sends([m2]));
    for (const consumer of both) await journal.record(sampleEntry({ consumer, message: m2 }));
    expect(await (await restart()).adopt(100)).toEqual([]);
    expect(await (await restart()).adopt(100)).toEqual([]);
  });

  scenario("what a run takes over and does not finish, the next one finds", async (world) => {
    await world.journal.record(sends([m2]));
    const wanted = [{ type: "message", message: m2 }];
    const second = await world.restart();
    expect(await second.adopt(100)).toEqual(wanted);
    await second.record(sampleEntry({ consumer: "svc-b", message: m2 }));
    const third = await world.restart();
    expect(await third.adopt(100)).toEqual(wanted);
    await third.record(sampleEntry({ consumer: "svc-c", message: m2 }));
    expect(await (await world.restart()).adopt(100)).toEqual([]);
  });

  scenario("a message that nobody has to record is finished when it was sent", async (world) => {
    const others = [1, 2].map((n) => sampleMessage({ id: `out-${n}`, name: "for others" }));
    await world.journal.record(sends(others));
    world.journal.sent(others.slice(0, 1));
    expect((await (await world.restart()).adopt(100)).map(idOf)).toEqual(["out-2"]);
  });

  scenario("a message that was sent is still owed to who has not recorded it", async (world) => {
    await world.journal.record(sends([m2]));
    world.journal.sent([m2]);
    expect((await (await world.restart()).adopt(100)).map(idOf)).toEqual(["m2"]);
  });

  scenario("what is taken over comes page by page, each piece once", async (world) => {
    const many = Array.from({ length: 25 }, (_, n) =>
      sampleMessage({ id: `out-${n}`, name: "for one" }),
    );
    await world.journal.record(sends(many));
    const heir = await world.restart();
    const found: string[] = [];
    for (let page = await heir.adopt(7); page.length > 0; page = await heir.adopt(7)) {
      expect(page.length).toBeLessThanOrEqual(7);
      found.push(...page.map(idOf));
    }
    // Once per page: both to its consumer and to its transport.
    expect([...new Set(found)]).toEqual(many.map(({ id }) => id));
    expect(await heir.adopt(7)).toEqual([]);
  });

  scenario("what was taken over is to be sent again", async (world) => {
    await world.journal.record(sends([m3]));
    world.journal.sent([m3]);
    const heir = await world.restart();
    await heir.adopt(100);
    expect(await heir.unsent({ after: null, limit: 10 })).toEqual({ messages: [m3], next: null });
    heir.sent([m3]);
    expect(await heir.unsent({ after: null, limit: 10 })).toEqual({ messages: [], next: null });
  });

  scenario("what no transport has taken is read in order, page by page", async ({ journal }) => {
    const sent = [3, 1, 2].map((n) => sampleMessage({ id: `out-${n}`, name: "for others" }));
    await journal.record(sends(sent));
    await journal.record({ ...step("m7", null), outgoing: [sampleMessage({ id: "out-4" })] });
    journal.sent(sent.slice(1, 2));
    const first = await journal.unsent({ after: null, limit: 2 });
    expect(first.messages.map(({ id }) => id)).toEqual(["out-3", "out-2"]);
    const second = await journal.unsent({ after: first.next, limit: 2 });
    expect(second.messages.map(({ id }) => id)).toEqual(["out-4"]);
    expect(second.next).toBeNull();
  });

  scenario("a message that arrived was sent", async ({ journal }) => {
    await journal.record(sends([m2]));
    await journal.record(sampleEntry({ consumer: "svc-z", message: m2 }));
    expect((await journal.unsent({ after: null, limit: 2 })).messages).toEqual([]);
  });

  scenario("failed tries count across runs, until they are pardoned or decided", async (world) => {
    const { journal, restart } = world;
    const again = { count: 1, firstAt: "2026-01-01T00:00:00.000Z" };
    expect(await journal.failed("svc-b", m2, "2026-01-01T00:00:00.000Z")).toEqual(again);
    const next = await restart();
    const later = "2026-01-02T00:00:00.000Z";
    expect(await next.failed("svc-b", m2, later)).toEqual({ ...again, count: 2 });
    expect((await next.failed("svc-c", m2, later)).count).toBe(1);
    await next.pardon("svc-b", m2);
    expect(await next.failed("svc-b", m2, later)).toEqual({ count: 1, firstAt: later });
    await next.record(sampleEntry({ consumer: "svc-b", message: m2 }));
    expect((await next.failed("svc-b", m2, later)).count).toBe(1);
  });

  scenario("work comes in the order it was recorded", async ({ journal, restart }) => {
    const sent = [3, 1, 2].map((n) => sampleMessage({ id: `out-${n}`, name: "for one" }));
    await journal.record({ ...sends(sent), timers: [timerOf("t1")] });
    await journal.record(step("m9", null, "flow-0"));
    await journal.record({ ...step("m10", null), outgoing: [{ ...m3, id: "out-0" }] });
    const found = await (await restart()).adopt(100);
    expect(found.map(idOf)).toEqual(["out-3", "out-1", "out-2", "t1", "out-0"]);
  });

  scenario("a message that is parked is not owed to whom it was parked for", async (world) => {
    const parks = { consumer: "svc-b", messageId: "m2" };
    const parked = sampleEntry({
      consumer: "parking",
      message: sampleMessage({ id: "p1" }),
      parks,
    });
    await world.journal.record(sends([m2, m3]));
    await world.journal.record(sampleEntry({ consumer: "svc-c", message: m2 }));
    await world.journal.record(parked);
    for (const run of [1, 2])
      expect((await (await world.restart()).adopt(100)).map(idOf), `run ${run}`).toEqual(["m3"]);
    const last = await world.restart();
    expect(await last.find("parking", "p1")).toEqual(parked);
    const decided = await last.record(sampleEntry({ consumer: "svc-b", message: m2 }));
    expect(decided).toEqual({ outcome: "recorded" });
  });

  scenario("a message that two entries send is one piece of work", async (world) => {
    await world.journal.record(sends([m3]));
    await world.journal.record({ ...step("m7", null), outgoing: [m3] });
    const found = await (await world.restart()).adopt(100);
    expect(found.map(idOf)).toEqual(["m3"]);
  });

  scenario("a message that was consumed before it was sent is finished", async (world) => {
    await world.journal.record(sampleEntry({ consumer: "svc-b", message: m3 }));
    await world.journal.record(sends([m3]));
    expect(await (await world.restart()).adopt(100)).toEqual([]);
  });

  scenario("a timer is finished when its owner has recorded it", async ({ journal, restart }) => {
    const [fired, waiting] = [timerOf("t1"), timerOf("t2")];
    await journal.record({ ...step("m1", flowRecord(1)), timers: [fired, waiting] });
    await journal.record(sampleEntry({ message: fired.message, flow: flowRecord(2) }));
    expect(await (await restart()).adopt(100)).toMatchObject([{ type: "timer", timer: waiting }]);
  });

  scenario("the timers of an ended flow are finished, those of others not", async (world) => {
    const { journal, restart } = world;
    const other = timerOf("t2", "flow-2");
    await journal.record({ ...step("m1", flowRecord(1)), timers: [timerOf("t1")] });
    await journal.record({ ...step("m2", flowRecord(1), "flow-2"), timers: [other] });
    await journal.record(step("m3", flowRecord(2, { ended: true })));
    expect(await (await restart()).adopt(100)).toMatchObject([{ type: "timer", timer: other }]);
  });

  scenario("a timer is read again by its place, for as long as it waits", async (world) => {
    const [t1, t2, t3] = [timerOf("t1"), timerOf("t2"), timerOf("t3", "flow-2")];
    await world.journal.record({ ...step("m1", flowRecord(1)), timers: [t1, t2] });
    await world.journal.record({ ...step("m2", flowRecord(1), "flow-2"), timers: [t3] });
    const journal = await world.restart();
    const places = (await journal.adopt(100)).map((owed) =>
      owed.type === "timer" ? owed.place : nowhere,
    );
    expect(await journal.waiting(places)).toEqual([t1, t2, t3]);
    expect(await journal.waiting([...places, nowhere].reverse())).toEqual([null, t3, t2, t1]);
    await journal.record(sampleEntry({ message: t1.message, flow: flowRecord(2) }));
    expect(await journal.waiting(places)).toEqual([null, t2, t3]);
    await journal.record(step("m3", flowRecord(3, { ended: true })));
    expect(await journal.waiting(places)).toEqual([null, null, t3]);
    await journal.record(step("m4", flowRecord(2), "flow-2"));
    expect(await journal.waiting(places)).toEqual([null, null, t3]);
    expect(await journal.waiting([])).toEqual([]);
  });

  scenario("a timer set by the entry that ends its flow is finished", async (world) => {
    const last = step("m1", flowRecord(1, { ended: true }));
    await world.journal.record({ ...last, timers: [timerOf("t1")] });
    expect(await (await world.restart()).adopt(100)).toEqual([]);
  });

  scenario("a timer set for a flow that had ended already is finished", async (world) => {
    await world.journal.record(step("m1", flowRecord(1, { ended: true })));
    const second = await world.restart();
    await second.adopt(100);
    const late = { ...step("m2", null), consumer: "svc-b", timers: [timerOf("t1")] };
    await second.record(late);
    expect(await (await world.restart()).adopt(100)).toEqual([]);
  });

  scenario("a flow that ends in a later run ends its old timers", async (world) => {
    await world.journal.record({ ...step("m1", flowRecord(1)), timers: [timerOf("t1")] });
    const second = await world.restart();
    expect((await second.adopt(100)).map(idOf)).toEqual(["t1"]);
    await second.record(step("m2", flowRecord(2, { ended: true })));
    expect(await (await world.restart()).adopt(100)).toEqual([]);
  });
}

const idOf = (one: Awaited<ReturnType<Journal["adopt"]>>[number]): string =>
  one.type === "message" ? one.message.id : one.timer.message.id;

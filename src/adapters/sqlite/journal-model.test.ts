import fc from "fast-check";
import { expect, test } from "vitest";
import type { Message, Timer } from "../../pipeline/message.ts";
import type { Journal, JournalEntry } from "../../pipeline/ports/journal.ts";
import { createMemoryJournal, createSharedJournal } from "../memory/journal.ts";
import { sampleMessage } from "../testing/samples.ts";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { openSqliteState, type SqliteState } from "./state.ts";

// Random runs, in memory and in the file side by side: every answer must match, whether a run closes or vanishes.

const consumers = ["svc-a", "svc-b", "svc-c"] as const;
const messageOf = (index: number): Message =>
  sampleMessage({ id: `m${index}`, flowId: `flow-${index % 2}`, payload: index });
const timerOf = (index: number, owner: string): Timer => ({
  message: { ...messageOf(index), id: `t${index}`, kind: "timer" },
  dueAtMs: index,
  owner,
});
/** Determined by the message, as in a topology: none, some or all. */
const owedTo = ({ payload }: Message) =>
  consumers.filter((_, bit) => ((Number(payload) + 1) >> bit) % 2 === 1);

const index = fc.nat({ max: 9 });
const consumer = fc.constantFrom(...consumers);
const recordOperation = fc.record({
  type: fc.constant("record" as const),
  consumer,
  incoming: fc.oneof(
    index.map(messageOf),
    index.map((one) => timerOf(one, "").message),
  ),
  outgoing: fc.array(index.map(messageOf), { maxLength: 3 }),
  timers: fc.array(
    fc.tuple(index, consumer).map(([one, owner]) => timerOf(one, owner)),
    { maxLength: 2 },
  ),
  /** The distance from the next sequence; null for a consumer without flows. */
  sequenceOff: fc.option(fc.constantFrom(0, 0, 0, 0, -1, 1)),
});
const endOperation = fc.record({
  type: fc.constant("end" as const),
  how: fc.constantFrom("close" as const, "vanish" as const),
});
const operations = fc.array(fc.oneof({ weight: 9, arbitrary: recordOperation }, endOperation), {
  maxLength: 60,
});
type RecordOperation = typeof recordOperation extends fc.Arbitrary<infer T> ? T : never;

async function entryFor(journal: Journal, operation: RecordOperation): Promise<JournalEntry> {
  const { consumer: name, incoming: message, outgoing, timers, sequenceOff } = operation;
  const base = { consumer: name, message, outgoing, timers };
  if (sequenceOff === null) return { ...base, flow: null };
  const last = (await journal.flow(name, message.flowId))?.sequence ?? 0;
  const sequence = last + 1 + sequenceOff;
  // Once ended, always ended: no state follows a final one.
  return { ...base, flow: { sequence, state: { sequence, by: message.id }, ended: sequence >= 3 } };
}

async function answers(journal: Journal) {
  const flows = ["flow-0", "flow-1"];
  return {
    histories: await Promise.all(flows.map((flowId) => journal.history(flowId))),
    states: await Promise.all(
      consumers.flatMap((name) => flows.map((flowId) => journal.flow(name, flowId))),
    ),
    found: await Promise.all(consumers.map((name) => journal.find(name, "m3"))),
  };
}

const recorded = (
  name: (typeof consumers)[number],
  incoming: Message,
  sends: readonly number[],
) => ({
  ...{ type: "record" as const, consumer: name, incoming, timers: [], sequenceOff: null },
  outgoing: sends.map(messageOf),
});
/** Sent before a checkpoint and again after it, then recorded by its consumer. */
const sentTwice = [
  recorded("svc-a", timerOf(0, "").message, [3]),
  recorded("svc-a", timerOf(1, "").message, []),
  recorded("svc-a", messageOf(0), [3]),
  recorded("svc-c", messageOf(3), []),
  { type: "end" as const, how: "close" as const },
];

test("the journal in memory and the one in the file answer alike", {
  timeout: 60_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(operations, fc.constantFrom(1, 2, 5, 1000), async (steps, checkpointEvery) => {
      const { directory, remove } = await createTemporaryDirectory();
      let nowMs = 0;
      const clock = { nowMs: () => nowMs, sleep: () => Promise.reject(new Error("unused")) };
      const open = () =>
        openSqliteState(`${directory}/state.db`, { clock, runnerId: "r", owedTo, checkpointEvery });
      const opened: SqliteState[] = [await open()];
      const shared = createSharedJournal();
      let reference = createMemoryJournal({ shared, owedTo });
      let journal = opened[0]?.journal ?? reference;
      try {
        for (const step of steps) {
          if (step.type === "record") {
            const entry = await entryFor(reference, step);
            expect(await journal.record(entry)).toEqual(await reference.record(entry));
            continue;
          }
          if (step.how === "close") await opened.at(-1)?.close();
          // The lease of one that vanished has to expire, since its process, ours, is alive.
          else nowMs += 20_001;
          const next = await open();
          opened.push(next);
          journal = next.journal;
          reference.close();
          reference = createMemoryJournal({ shared, owedTo });
          expect(await journal.adopt(1000)).toEqual(await reference.adopt(1000));
        }
        expect(await answers(journal)).toEqual(await answers(reference));
      } finally {
        for (const state of opened) await state.close();
        await remove();
      }
    }),
    { numRuns: 150, examples: [[sentTwice, 2]] },
  );
});

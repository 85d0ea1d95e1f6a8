import { beforeEach, expect, test } from "vitest";
import { createManualClock, type ManualClock } from "../../adapters/memory/clock.ts";
import { sampleMessage } from "../../adapters/testing/samples.ts";
import { TuError } from "../errors.ts";
import type { Timer } from "../message.ts";
import type { JournalPlace } from "../ports/journal.ts";
import { createFarTimers, type FarTimers } from "./far-timers.ts";

const startMs = 1_000_000;
let clock: ManualClock;
let far: FarTimers;
/** The journal's content, by `seq`. */
let waiting: Map<number, Timer>;
/** The size of each read. */
let asked: number[];
/** When, in milliseconds after the start, and due when. */
let scheduled: (readonly [id: string, atMs: number, dueMs: number])[];
let notices: string[];
let read: (places: readonly JournalPlace[]) => Promise<readonly (Timer | null)[]>;

beforeEach(() => {
  clock = createManualClock(startMs);
  [waiting, asked, scheduled, notices] = [new Map(), [], [], []];
  read = async (places) => places.map(({ seq }) => waiting.get(seq) ?? null);
  far = createFarTimers({
    clock,
    journal: {
      waiting(places) {
        asked.push(places.length);
        return read(places);
      },
    },
    timers: {
      schedule: ({ dueAtMs, message: { id } }) =>
        void scheduled.push([id, clock.nowMs() - startMs, dueAtMs - startMs]),
    },
    reporter: { notice: ({ message }) => void notices.push(message) },
  });
});

function keep(seq: number, dueMs: number): boolean {
  const timer = {
    message: sampleMessage({ id: `t${seq}`, kind: "timer" }),
    dueAtMs: startMs + dueMs,
    owner: "svc-a",
  };
  // As recorded: the current due time is not in the journal.
  waiting.set(seq, { ...timer, dueAtMs: 7 });
  return far.keep(timer, { seq, position: 0 });
}
const advanceTo = (ms: number) => clock.advance(startMs + ms - clock.nowMs());

test("one that is near is not kept", async () => {
  expect([keep(1, -9_000), keep(2, 0), keep(3, 5_000), keep(4, 5_001)]).toEqual([
    ...[false, false, false],
    true,
  ]);
  await far.close();
});

test("one that is far is scheduled for its time, and is not read long before", async () => {
  keep(1, 30_000);
  keep(2, 30_700);
  keep(3, 90_000);
  await advanceTo(23_000);
  expect(asked).toEqual([]);
  await advanceTo(28_000);
  expect(scheduled.map(([id, , dueMs]) => [id, dueMs])).toEqual([
    ["t1", 30_000],
    ["t2", 30_700],
  ]);
  await advanceTo(100_000);
  expect(scheduled).toHaveLength(3);
  expect(scheduled.every(([, atMs, dueMs]) => atMs < dueMs)).toBe(true);
});

test("polling stops when none is left, and resumes for a later one", async () => {
  keep(1, 30_000);
  await advanceTo(40_000);
  expect(clock.nextDueMs()).toBeNull();
  keep(2, 60_000);
  await advanceTo(60_000);
  expect(scheduled.map(([id]) => id)).toEqual(["t1", "t2"]);
});

test("one that is no longer waiting is not scheduled", async () => {
  keep(1, 30_000);
  keep(2, 30_000);
  waiting.delete(1);
  await advanceTo(30_000);
  expect(scheduled.map(([id]) => id)).toEqual(["t2"]);
});

test("many are read page by page, each once", async () => {
  for (let seq = 0; seq < 1_200; seq += 1) keep(seq, 30_000);
  await advanceTo(30_000);
  expect(asked).toEqual([500, 500, 200]);
  expect(new Set(scheduled.map(([id]) => id)).size).toBe(1_200);
  expect(scheduled).toHaveLength(1_200);
});

test("timers that cannot be read are reported, and read later, each once", async () => {
  const reads = read;
  for (let seq = 0; seq < 700; seq += 1) keep(seq, 30_000);
  keep(700, 31_000);
  read = (places) =>
    asked.length === 2
      ? Promise.reject(new TuError("E_STATE_BUSY", "another process has it"))
      : reads(places);
  await advanceTo(31_000);
  expect(notices).toEqual(["timers could not be read: another process has it"]);
  expect(asked).toEqual([500, 200, 200, 1]);
  expect(new Set(scheduled.map(([id]) => id)).size).toBe(701);
  expect(scheduled).toHaveLength(701);
});

test.each([3_600_000, -3_600_000])("a clock that is set by %i ms changes no wait", async (ms) => {
  keep(1, 30_000);
  await advanceTo(10_000);
  clock.jump(ms);
  await clock.advance(17_000);
  expect(scheduled).toEqual([["t1", expect.any(Number), 30_000 + ms]]);
});

test.each([
  [0.1, 0.9],
  [0.9, 0.1],
])("clocks that tick %d, then %d ms apart let none come early", async (before, after) => {
  let tickMs = before;
  far = createFarTimers({
    clock: { ...clock, elapsedMs: () => clock.nowMs() + tickMs },
    journal: { waiting: read },
    timers: {
      schedule: ({ dueAtMs, message: { id } }) => void scheduled.push([id, 0, dueAtMs - startMs]),
    },
    reporter: { notice: () => undefined },
  });
  keep(1, 30_000);
  await advanceTo(10_000);
  tickMs = after;
  await advanceTo(30_000);
  expect(scheduled.every(([, , dueMs]) => dueMs >= 30_000 && dueMs <= 30_001)).toBe(true);
  expect(scheduled).toHaveLength(1);
});

test("closed, it schedules nothing and keeps nothing, and no sleep is left", async () => {
  keep(1, 30_000);
  await advanceTo(20_000);
  await far.close();
  expect(keep(2, 90_000)).toBe(false);
  await advanceTo(100_000);
  expect(scheduled).toEqual([]);
  expect(clock.nextDueMs()).toBeNull();
});

test("closed while it reads, it ends with the page", async () => {
  for (let seq = 0; seq < 700; seq += 1) keep(seq, 30_000);
  const reads = read;
  let closing: Promise<void> | null = null;
  read = (places) => {
    closing = far.close();
    return reads(places);
  };
  await advanceTo(30_000);
  await closing;
  expect(asked).toEqual([500]);
});

import Libsql from "libsql";
import { expect, onTestFinished, test } from "vitest";
import { sampleEntry, sampleMessage } from "../testing/samples.ts";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { openDatabase } from "./database.ts";
import { createPacking } from "./packing.ts";
import { openSqliteState } from "./state.ts";

const clock = { nowMs: () => Date.now(), sleep: () => Promise.reject(new Error("unused")) };
const long = "lorem ipsum dolor sit amet ".repeat(60);

async function fileWith(flows: Readonly<Record<string, { readonly isEnded: boolean }>>) {
  const { directory, remove } = await createTemporaryDirectory();
  onTestFinished(remove);
  const file = `${directory}/flow.db`;
  const state = await openSqliteState(file, { clock, runnerId: "test" });
  for (const [flowId, { isEnded }] of Object.entries(flows))
    for (const sequence of [1, 2]) {
      const id = `${flowId}-${sequence}`;
      const message = sampleMessage({ id, flowId, payload: { long } });
      const flow = { sequence, state: { long }, ended: isEnded && sequence === 2 };
      const outgoing = [sampleMessage({ id: `${id}-out`, flowId, payload: { long } })];
      await state.journal.record(sampleEntry({ message, outgoing, flow }));
    }
  return { file, state };
}

const sizes = (file: string) => {
  const database = new Libsql(file);
  const rows = database
    .prepare(
      "SELECT flow_id, sum(length(message) + length(consequences)) AS size FROM entry GROUP BY 1",
    )
    .all() as { flow_id: string; size: number }[]; // the selected columns
  database.close();
  return Object.fromEntries(rows.map(({ flow_id, size }) => [flow_id, size]));
};

test("an ended flow takes less space with the same content; one in progress stays as it is", async () => {
  const { file, state } = await fileWith({ ended: { isEnded: true }, open: { isEnded: false } });
  const before = sizes(file);
  const histories = ["ended", "open"].map((flowId) => state.journal.history(flowId));
  const said = await Promise.all(histories);
  await state.close();
  const after = sizes(file);
  expect(after["ended"]).toBeLessThan((before["ended"] ?? 0) / 5);
  expect(after["open"]).toBe(before["open"]);
  const again = await openSqliteState(file, { clock, runnerId: "next" });
  const read = ["ended", "open"].map((flowId) => again.journal.history(flowId));
  expect(await Promise.all(read)).toEqual(said);
  expect(await again.journal.find("svc-a", "ended-1")).toEqual(said[0]?.[0]);
  expect(await again.journal.flow("svc-a", "ended")).toEqual({
    ...{ sequence: 2, state: { long }, ended: true },
  });
  await again.close();
});

test("is packed shortly after its end, while nothing closes and little arrives", async () => {
  let nowMs = 0;
  const ticks: (() => void)[] = [];
  const { file, state } = await fileWith({ a: { isEnded: true } });
  onTestFinished(() => state.close());
  const database = await openDatabase(file, 0);
  onTestFinished(() => database.close());
  let isTicking = false;
  const turns = {
    next: () => undefined,
    every(_: number, work: () => void) {
      ticks.push(work);
      isTicking = true;
      return () => {
        isTicking = false;
      };
    },
  };
  const packing = createPacking(database, { clock: { ...clock, nowMs: () => nowMs }, turns });
  const before = sizes(file)["a"] ?? 0;
  for (let flow = 0; flow < 4; flow += 1) packing.soon();
  expect(ticks).toHaveLength(1);
  nowMs = Date.now() + 60_000;
  ticks[0]?.(); // four flows arrived since the last one
  expect([sizes(file)["a"], isTicking]).toEqual([before, true]);
  nowMs = Date.now() - 60_000;
  ticks[0]?.();
  expect([sizes(file)["a"], isTicking]).toEqual([before, true]);
  nowMs = Date.now() + 60_000;
  ticks[0]?.();
  expect(sizes(file)["a"]).toBeLessThan(before / 5);
  ticks[0]?.();
  expect(isTicking).toBe(false);
});

test("what a killed run left is packed by the next one", async () => {
  const { file, state } = await fileWith({ a: { isEnded: true }, b: { isEnded: true } });
  const before = sizes(file)["a"] ?? 0;
  const next = await openSqliteState(file, { clock, runnerId: "next" });
  await next.flows.compact();
  expect(sizes(file)["a"]).toBeLessThan(before / 5);
  await next.close();
  await state.close();
});

/** `ticks` is the periodic work as of now; nothing when idle. */
function turnsByHand() {
  const ticks: (() => void)[] = [];
  const every = (_: number, work: () => void) => {
    ticks.push(work);
    return () => void ticks.pop();
  };
  return { ticks, turns: { next: () => undefined, every } };
}

/** States as stored in the file, by message; of a packed one only that it exists. */
const statesIn = (file: string) => {
  const database = new Libsql(file);
  const rows = database.prepare("SELECT message_id, state FROM entry ORDER BY seq").all();
  database.close();
  return (rows as { message_id: unknown; state: unknown }[]).map(({ message_id, state }) => [
    message_id,
    state !== null,
  ]);
};

test("of a flow that has ended the last state of each consumer stays", async () => {
  const { directory, remove } = await createTemporaryDirectory();
  onTestFinished(remove);
  const file = `${directory}/flow.db`;
  const state = await openSqliteState(file, { clock, runnerId: "test" });
  const record = (consumer: string, id: string, sequence: number | null, ended = false) =>
    state.journal.record(
      sampleEntry({
        ...{ consumer, message: sampleMessage({ id, payload: { long } }) },
        flow: sequence === null ? null : { sequence, state: { long, id }, ended },
      }),
    );
  await record("svc-a", "a1", 1);
  await record("svc-b", "b1", 1);
  await record("svc-c", "c0", null);
  await record("svc-b", "b2", 2);
  await record("svc-a", "a2", 2);
  await record("svc-a", "a3", 3, true);
  await record("svc-a", "a4", 4, true); // an end that is recorded again
  await state.close();
  expect(statesIn(file)).toEqual([
    ...[
      ["a1", false],
      ["b1", false],
      ["c0", false],
      ["b2", true],
      ["a2", false],
      ["a3", true],
    ],
    ["a4", true],
  ]);
});

test("is left alone until what follows an end is recorded, to the millisecond", async () => {
  const endMs = 1_000_000;
  const { directory, remove } = await createTemporaryDirectory();
  onTestFinished(remove);
  const file = `${directory}/flow.db`;
  const then = { ...clock, nowMs: () => endMs };
  const state = await openSqliteState(file, { clock: then, runnerId: "test" });
  onTestFinished(() => state.close());
  const message = sampleMessage({ id: "m1", payload: { long } });
  const flow = { sequence: 1, state: { long }, ended: true };
  const outgoing = [sampleMessage({ id: "m2" })];
  await state.journal.record(sampleEntry({ message, outgoing, flow }));
  const database = await openDatabase(file, 0);
  onTestFinished(() => database.close());
  const { ticks, turns } = turnsByHand();
  let nowMs = endMs + 1_999;
  const packing = createPacking(database, { clock: { ...clock, nowMs: () => nowMs }, turns });
  const before = sizes(file)["flow-1"] ?? 0;
  packing.soon();
  ticks[0]?.();
  expect([sizes(file)["flow-1"], ticks.length]).toEqual([before, 1]);
  nowMs += 1;
  ticks[0]?.();
  expect(sizes(file)["flow-1"]).toBeLessThan(before);
});

test("a file that cannot be written is not its business: it is quiet until a flow ends again", async () => {
  const { file, state } = await fileWith({ a: { isEnded: true } });
  onTestFinished(() => state.close());
  const database = await openDatabase(file, 0);
  onTestFinished(() => database.close());
  const { ticks, turns } = turnsByHand();
  const later = { ...clock, nowMs: () => Date.now() + 60_000 };
  const packing = createPacking(database, { clock: later, turns });
  const other = new Libsql(file);
  other.exec("BEGIN IMMEDIATE");
  const before = sizes(file)["a"] ?? 0;
  packing.soon();
  ticks[0]?.();
  expect([sizes(file)["a"], ticks.length]).toEqual([before, 0]);
  other.exec("ROLLBACK");
  other.close();
  packing.soon();
  expect(ticks).toHaveLength(1);
  ticks[0]?.();
  expect(sizes(file)["a"]).toBeLessThan(before);
});

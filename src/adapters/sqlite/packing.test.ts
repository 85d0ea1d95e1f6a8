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
    .all() as { flow_id: string; size: number }[]; // its columns are selected
  database.close();
  return Object.fromEntries(rows.map(({ flow_id, size }) => [flow_id, size]));
};

test("a flow that has ended takes less, and says the same; one that goes on stays as it is", async () => {
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

test("is packed a moment after its end, while nothing closes and little comes", async () => {
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
  ticks[0]?.(); // four flows came since the last one
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

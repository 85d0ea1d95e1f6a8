import { expect, test } from "vitest";
import { createMemoryMachines } from "../../adapters/memory/machines.ts";
import type { MachineObservation } from "../ports/machines.ts";
import { MachineReport } from "../reports/machines.ts";
import { allMachines, findMachine, machineReport } from "./machines.ts";

const seen = (machineId: string, seenAt: string): MachineObservation => ({
  machineId,
  checksum: null,
  ...{ brand: "Volvo", type: null, model: null, name: "Volvo", confidence: 0.8 },
  sighting: { flowId: machineId, objectKey: `images/${machineId}.jpg`, seenAt, verdict: "new" },
  resembles: [{ machineId: "m-other", score: 0.5 }],
});

async function storeOf(count: number) {
  const machines = createMemoryMachines();
  for (let index = 0; index < count; index += 1) {
    const minutes = String(index % 60).padStart(2, "0");
    const hours = String(Math.floor(index / 60)).padStart(2, "0");
    await machines.save(seen(`m${index}`, `2026-01-01T${hours}:${minutes}:00.000Z`));
  }
  return machines;
}

async function idsOf(limit?: number, count = 1203) {
  const pages: number[] = [];
  const store = await storeOf(count);
  const list: typeof store.list = async (page) => {
    pages.push(page.limit);
    return store.list(page);
  };
  const ids: string[] = [];
  for await (const { id } of allMachines({ list }, limit)) ids.push(id);
  return { ids, pages };
}

test("all are listed once, page by page, most recently seen first", async () => {
  const { ids, pages } = await idsOf();
  expect(ids).toEqual(Array.from({ length: 1203 }, (_, index) => `m${1202 - index}`));
  expect(pages).toEqual([500, 500, 500]);
});

test("no more is read than is wanted", async () => {
  const { ids, pages } = await idsOf(501);
  expect(ids).toHaveLength(501);
  expect(pages).toEqual([500, 1]);
  expect((await idsOf(500)).pages).toEqual([500]);
  expect((await idsOf(9, 0)).ids).toEqual([]);
});

test("the beginning of an id is enough, if it is one machine's", async () => {
  const store = await storeOf(12);
  expect((await findMachine(store, "m7")).id).toBe("m7");
  await expect(findMachine(store, "m1")).rejects.toMatchObject({
    code: "E_MACHINE_AMBIGUOUS",
    message: "m1 matches the ids of 3 machines",
  });
  await expect(findMachine(store, "x")).rejects.toMatchObject({ code: "E_MACHINE_NOT_FOUND" });
  await expect(findMachine(store, " ")).rejects.toMatchObject({ code: "E_USAGE" });
});

test("a report has the shape that is published", async () => {
  const report = machineReport(await findMachine(await storeOf(1), "m0"));
  expect(MachineReport.parse(report)).toEqual(report);
  expect(report.resembles).toEqual([{ machineId: "m-other", score: 0.5 }]);
});

import { describe, expect, test } from "vitest";
import type { Clock } from "../../pipeline/ports/clock.ts";
import { definitionsContract } from "../testing/definitions-contract.ts";
import { fingerprintsContract } from "../testing/fingerprints-contract.ts";
import { journalContract, sampleOwedTo } from "../testing/journal-contract.ts";
import { machinesContract } from "../testing/machines-contract.ts";
import { sampleEntry, sampleMessage } from "../testing/samples.ts";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { uploadsContract } from "../testing/uploads-contract.ts";
import { openSqliteState, type SqliteState, type SqliteStateOptions } from "./state.ts";

const clock: Clock = { nowMs: () => Date.now(), sleep: () => Promise.reject(new Error("unused")) };

async function openWorld(options: Partial<SqliteStateOptions> = {}) {
  const { directory, remove } = await createTemporaryDirectory();
  const file = `${directory}/flow.db`;
  const openState = () => openSqliteState(file, { clock, runnerId: "test", ...options });
  let state: SqliteState = await openState();
  return {
    state,
    file,
    async restart() {
      await state.close();
      state = await openState();
      return state.journal;
    },
    async close() {
      await state.close();
      await remove();
    },
  };
}

describe("SQLite journal", () =>
  journalContract(async () => {
    const { state, restart, close } = await openWorld({ owedTo: sampleOwedTo });
    return { journal: state.journal, restart, close };
  }));
describe("SQLite journal with a checkpoint after every entry", () =>
  journalContract(async () => {
    const { state, restart, close } = await openWorld({ owedTo: sampleOwedTo, checkpointEvery: 1 });
    return { journal: state.journal, restart, close };
  }));
describe("SQLite definitions", () =>
  definitionsContract(async () => {
    const { state, close } = await openWorld();
    return { definitions: state.definitions, close };
  }));
describe("SQLite uploads", () =>
  uploadsContract(async () => {
    const { state, close } = await openWorld();
    return { uploads: state.uploads, close };
  }));
describe("SQLite machines", () =>
  machinesContract(async () => {
    const { state, close } = await openWorld();
    return { machines: state.machines, close };
  }));
test("what another process saves is seen, also after the first look", async () => {
  const { state: one, file, close } = await openWorld();
  const two = await openSqliteState(file, { clock, runnerId: "other" });
  const fingerprint = (name: string) => {
    const hash = Buffer.from(name.padEnd(32)).toString("hex");
    return { objectKey: name, checksum: hash, perceptualHash: hash };
  };
  const observation = (flowId: string) => ({
    ...{ machineId: "m", checksum: null, brand: null, type: null, model: null },
    ...{ name: "m", confidence: 0.5 },
    sighting: { flowId, objectKey: flowId, seenAt: "2025-11-22", verdict: "new" as const },
    resembles: [],
  });
  try {
    for (const [count, writer] of [one, two, two, one, two].entries()) {
      await writer.fingerprints.save(fingerprint(`${count}`));
      await writer.machines.save(observation(`${count}`));
      for (const reader of [one, two]) {
        expect((await reader.fingerprints.near(fingerprint("x"), 256)).length).toBe(count + 1);
        expect((await reader.machines.find("m"))?.sightings.length).toBe(count + 1);
      }
    }
  } finally {
    await two.close();
    await close();
  }
});

const stepOf = (flowId: string, sequence: number, ended = false) =>
  sampleEntry({
    message: sampleMessage({ id: `${flowId}/${sequence}`, flowId }),
    flow: { sequence, state: { sequence }, ended },
  });
const nextTurn = () => new Promise((resolve) => setTimeout(resolve, 1));

test("a step of a flow that another process recorded is the last one for all", async () => {
  const { state: one, file, close } = await openWorld();
  const two = await openSqliteState(file, { clock, runnerId: "other" });
  try {
    await one.journal.record(stepOf("f", 1));
    expect((await one.journal.flow("svc-a", "f"))?.sequence).toBe(1);
    await two.journal.record(stepOf("f", 2));
    await nextTurn();
    expect(await one.journal.flow("svc-a", "f")).toEqual(stepOf("f", 2).flow);
    await two.journal.record(stepOf("f", 3));
    expect(await one.journal.record(stepOf("f", 3))).toMatchObject({ outcome: "duplicate" });
    const late = { ...stepOf("f", 3), message: sampleMessage({ id: "late", flowId: "f" }) };
    expect(await one.journal.record(late)).toEqual({ outcome: "conflict" });
    expect((await one.journal.flow("svc-a", "f"))?.sequence).toBe(3);
  } finally {
    await two.close();
    await close();
  }
});

test("a flow continues however many others came in between", async () => {
  const { state, close } = await openWorld();
  const flowIds = Array.from({ length: 6000 }, (_, index) => `flow-${index}`);
  try {
    await Promise.all(flowIds.map((flowId) => state.journal.record(stepOf(flowId, 1))));
    for (const flowId of ["flow-0", "flow-5999"]) {
      expect(await state.journal.flow("svc-a", flowId)).toEqual(stepOf(flowId, 1).flow);
      expect(await state.journal.record(stepOf(flowId, 3))).toEqual({ outcome: "conflict" });
      expect(await state.journal.record(stepOf(flowId, 2, true))).toEqual({ outcome: "recorded" });
      expect((await state.journal.flow("svc-a", flowId))?.ended).toBe(true);
    }
  } finally {
    await close();
  }
});

test("what a caused message does not share with its cause is read back", async () => {
  const { state, close } = await openWorld();
  const message = sampleMessage({ id: "m1", flowId: "f" });
  const shared = { flowId: "f", causationId: "m1", subject: message.subject };
  const outgoing = [
    sampleMessage({ id: "o1", ...shared }),
    sampleMessage({ id: "o2", ...shared, causationId: null }),
    sampleMessage({ id: "o3", ...shared, flowId: "other" }),
    sampleMessage({ id: "o4", ...shared, subject: "other" }),
  ];
  const timers = outgoing.map((one) => ({ message: one, dueAtMs: 1, owner: "svc-a" }));
  const entry = sampleEntry({ message, outgoing, timers });
  try {
    await state.journal.record(entry);
    expect(await state.journal.find("svc-a", "m1")).toEqual(entry);
  } finally {
    await close();
  }
});

describe("SQLite fingerprints", () =>
  fingerprintsContract(async () => {
    const { state, close } = await openWorld();
    return { fingerprints: state.fingerprints, close };
  }));

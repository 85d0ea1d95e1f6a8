import { describe, expect, test } from "vitest";
import type { Clock } from "../../pipeline/ports.ts";
import { fingerprintsContract } from "../testing/fingerprints-contract.ts";
import { journalContract, sampleConsumersOf } from "../testing/journal-contract.ts";
import { machinesContract } from "../testing/machines-contract.ts";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { uploadsContract } from "../testing/uploads-contract.ts";
import { openSqliteState, type SqliteState, type SqliteStateOptions } from "./state.ts";

const clock: Clock = { nowMs: () => Date.now(), sleep: () => Promise.reject(new Error("unused")) };

async function openWorld(options: Partial<SqliteStateOptions> = {}) {
  const { directory, remove } = await createTemporaryDirectory();
  const file = `${directory}/state/flow.db`;
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
    const { state, restart, close } = await openWorld();
    return { journal: state.journal, restart, close };
  }));
describe("SQLite journal with a checkpoint after every entry", () =>
  journalContract(async () => {
    const { state, restart, close } = await openWorld({ checkpointEvery: 1 });
    await state.journal.unfinished(sampleConsumersOf);
    return { journal: state.journal, restart, close };
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
  const fingerprint = (objectKey: string) => ({ objectKey, checksum: "c", perceptualHash: "p" });
  const observation = (flowId: string) => ({
    ...{ machineId: "m", brand: null, type: null, model: null, name: "m", confidence: 0.5 },
    sighting: { flowId, objectKey: flowId, seenAt: "2025-11-22", verdict: "new" as const },
    resembles: [],
  });
  try {
    for (const [count, writer] of [one, two, two, one, two].entries()) {
      await writer.fingerprints.save(fingerprint(`${count}`));
      await writer.machines.save(observation(`${count}`));
      for (const reader of [one, two]) {
        expect((await reader.fingerprints.all()).length).toBe(count + 1);
        expect((await reader.machines.find("m"))?.sightings.length).toBe(count + 1);
      }
    }
  } finally {
    await two.close();
    await close();
  }
});

describe("SQLite fingerprints", () =>
  fingerprintsContract(async () => {
    const { state, close } = await openWorld();
    return { fingerprints: state.fingerprints, close };
  }));

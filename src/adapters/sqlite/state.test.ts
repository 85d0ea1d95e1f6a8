import { describe } from "vitest";
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
  const openState = () =>
    openSqliteState(`${directory}/state/flow.db`, { clock, runnerId: "test", ...options });
  let state: SqliteState = await openState();
  return {
    state,
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
describe("SQLite fingerprints", () =>
  fingerprintsContract(async () => {
    const { state, close } = await openWorld();
    return { fingerprints: state.fingerprints, close };
  }));

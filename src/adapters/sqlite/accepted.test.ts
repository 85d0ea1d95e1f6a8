import Libsql from "libsql";
import { expect, test } from "vitest";
import { sampleEntry, sampleMessage } from "../testing/samples.ts";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { type Database, openDatabase } from "./database.ts";
import { createSqliteJournal } from "./journal.ts";
import { migrate } from "./migrations.ts";
import { createRunners } from "./runners.ts";
import { openSqliteState } from "./state.ts";
import { toStateError } from "./state-error.ts";
import { createWriter } from "./writer.ts";

const clock = { nowMs: () => Date.now(), sleep: () => Promise.reject(new Error("unused")) };
const owedTo = () => ["svc-b"];
const message = (id: string, flowId = "f") => sampleMessage({ id, flowId });
/** A step of a flow, which sends the next one. */
const step = (sequence: number, values: object = {}) =>
  sampleEntry({
    message: message(`m${sequence}`),
    outgoing: [message(`m${sequence + 1}`)],
    flow: { sequence, state: { sequence }, ended: false },
    ...values,
  });
const sentIn = (messages: readonly { readonly id: string }[]) => messages.map(({ id }) => id);

/** A journal whose turns are run by hand, on a disk that can be full. */
async function openByTurns() {
  const { directory, remove } = await createTemporaryDirectory();
  const file = `${directory}/flow.db`;
  const disk = { isFull: false, isUncertain: false };
  const errors: unknown[] = [];
  const real = await openDatabase(file, 50);
  migrate(real);
  const database: Database = {
    ...real,
    commit() {
      if (disk.isFull) throw toStateError(failure("SQLITE_FULL"), file);
      real.commit();
      if (disk.isUncertain) throw toStateError(failure("SQLITE_IOERR"), file);
    },
  };
  const turnsTaken: (() => void)[] = [];
  const repeated: (() => void)[] = [];
  const turns = {
    next: (work: () => void) => void turnsTaken.push(work),
    every(_ms: number, work: () => void) {
      repeated.push(work);
      return () => undefined;
    },
  };
  const writer = createWriter(database, turns);
  const onError = (error: unknown) => void errors.push(error);
  const runners = createRunners({ database, clock, name: "test", onError, turns });
  const journal = createSqliteJournal({
    ...{ database, writer, runners, clock, owedTo, turns },
    checkpointEvery: 1_000,
  });
  const turn = () => {
    for (const work of turnsTaken.splice(0)) work();
  };
  return {
    ...{ disk, errors, file, journal },
    /** Periodic work: a lease is renewed, a finished flow is packed. */
    tick() {
      for (const work of repeated) work();
    },
    turn,
    /** A turn that writes everything accepted to disk. */
    async commit() {
      const durable = journal.durable();
      turn();
      await durable;
    },
    /** The process is gone, and with it what it had not committed. */
    async next() {
      real.rollback();
      real.close();
      return openSqliteState(file, { clock: later, runnerId: "next", owedTo });
    },
    remove,
  };
}

/** Later than every lease. */
const later = { ...clock, nowMs: () => Date.now() + 60_000 };
const failure = (code: string) => Object.assign(new Error("planted"), { code });

/** The file's content as another process sees it. */
function countIn(file: string): unknown {
  const database = new Libsql(file);
  const row = database.prepare("SELECT count(*) AS count FROM entry").get() as { count: unknown };
  database.close();
  return row.count;
}

test("an accepted change is visible here at once, and to others once it is durable", async () => {
  const { commit, file, journal, remove } = await openByTurns();
  expect(await journal.accept(step(1))).toEqual({ outcome: "recorded" });
  expect(await journal.find("svc-a", "m1")).toEqual(step(1));
  expect(await journal.flow("svc-a", "f")).toEqual(step(1).flow);
  expect(await journal.accept(step(2))).toEqual({ outcome: "recorded" });
  expect(await journal.accept(step(2, { message: message("late") }))).toEqual({
    outcome: "conflict",
  });
  expect(countIn(file)).toBe(0);
  await commit();
  expect(countIn(file)).toBe(2);
  await remove();
});

test("a crash loses accepted changes from the end, and the rest is still owed", async () => {
  const { journal, next, remove, turn } = await openByTurns();
  await journal.accept(step(1));
  turn();
  await journal.accept(step(2));
  const heir = await next();
  expect(sentIn((await heir.journal.history("f")).map((entry) => entry.message))).toEqual(["m1"]);
  expect(await heir.journal.adopt(10)).toEqual([{ type: "message", message: message("m2") }]);
  expect(await heir.journal.record(step(2))).toEqual({ outcome: "recorded" });
  await heir.close();
  await remove();
});

test("a full disk keeps what was accepted waiting; with room it is written, in its order", async () => {
  const { disk, journal, next, remove, turn } = await openByTurns();
  await journal.accept(step(1));
  await journal.accept(step(2));
  disk.isFull = true;
  const durable = expect(journal.durable()).rejects.toMatchObject({ code: "E_STATE_FULL" });
  const recording = expect(journal.record(step(3))).rejects.toMatchObject({ code: "E_STATE_FULL" });
  turn();
  await Promise.all([durable, recording]);
  await expect(journal.accept(step(3))).rejects.toMatchObject({ code: "E_STATE_FULL" });
  journal.sent([message("m2")]);
  disk.isFull = false;
  turn();
  await journal.durable();
  expect(await journal.accept(step(3))).toEqual({ outcome: "recorded" });
  turn();
  // Messages sent in the meantime are not sent again; what the next step took had been sent.
  expect(sentIn((await journal.unsent({ after: null, limit: 10 })).messages)).toEqual(["m4"]);
  const heir = await next();
  const history = await heir.journal.history("f");
  expect(sentIn(history.map((entry) => entry.message))).toEqual(["m1", "m2", "m3"]);
  expect(history.map(({ outgoing }) => sentIn(outgoing))).toEqual([["m2"], ["m3"], ["m4"]]);
  await heir.close();
  await remove();
});

test("what another process decided while our commit failed stays decided", async () => {
  const { commit, disk, file, journal, remove, turn } = await openByTurns();
  await journal.accept(step(1));
  disk.isFull = true;
  turn();
  expect(await journal.flow("svc-a", "f")).toBeUndefined();
  const other = await openSqliteState(file, { clock, runnerId: "other", owedTo });
  await other.journal.record(sampleEntry({ message: message("before it", "another") }));
  const theirs = step(1, { outgoing: [message("theirs")] });
  await other.journal.record(theirs);
  disk.isFull = false;
  await commit();
  expect(await journal.find("svc-a", "m1")).toEqual(theirs);
  // It takes a message that no entry has sent any more.
  expect(await journal.accept(step(2))).toEqual({ outcome: "recorded" });
  turn();
  expect(await journal.find("svc-a", "m2")).toEqual(step(2));
  expect(await other.journal.history("f")).toHaveLength(2);
  await other.close();
  await remove();
});

test("a commit that is said to have failed, and has not, leaves nothing unsent", async () => {
  const { commit, disk, journal, remove, turn } = await openByTurns();
  await journal.accept(step(1));
  disk.isUncertain = true;
  turn();
  disk.isUncertain = false;
  await commit();
  expect(sentIn((await journal.unsent({ after: null, limit: 10 })).messages)).toEqual(["m2"]);
  await remove();
});

test("failed tries of an accepted message are deleted, even if its commit fails first", async () => {
  const { commit, disk, journal, remove, turn } = await openByTurns();
  const counting = journal.failed("svc-a", message("m1"), "2026-01-01T00:00:00.000Z");
  turn();
  expect((await counting).count).toBe(1);
  await journal.accept(step(1));
  disk.isFull = true;
  turn();
  disk.isFull = false;
  await commit();
  const again = journal.failed("svc-a", message("m1"), "2026-01-02T00:00:00.000Z");
  turn();
  expect((await again).count).toBe(1);
  await remove();
});

test("a query for owed work sees every accepted change committed", async () => {
  const { file, journal, remove } = await openByTurns();
  await journal.accept(step(1));
  expect(sentIn((await journal.unsent({ after: null, limit: 10 })).messages)).toEqual(["m2"]);
  expect(countIn(file)).toBe(1);
  await journal.accept(step(2));
  expect(await journal.adopt(10)).toEqual([]);
  expect(countIn(file)).toBe(2);
  await remove();
});

test("an independent write, like a lease, is not rolled back with accepted changes", async () => {
  const { disk, errors, file, journal, remove, tick, turn } = await openByTurns();
  await journal.accept(step(1));
  tick();
  expect([countIn(file), errors]).toEqual([1, []]);
  await journal.accept(step(2));
  disk.isFull = true;
  tick();
  turn();
  expect([countIn(file), errors]).toEqual([1, []]);
  disk.isFull = false;
  tick();
  expect(countIn(file)).toBe(2);
  await remove();
});

test("a write after the end is refused, and the process continues", async () => {
  const { directory, remove } = await createTemporaryDirectory();
  const state = await openSqliteState(`${directory}/flow.db`, { clock, runnerId: "test" });
  await state.journal.accept(step(1));
  await state.close();
  await expect(state.uploads.remove(["an upload"])).rejects.toThrow("after it had been closed");
  await expect(state.journal.accept(step(2))).rejects.toThrow("after it had been closed");
  await remove();
});

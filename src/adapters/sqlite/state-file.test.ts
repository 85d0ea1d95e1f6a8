import { randomBytes } from "node:crypto";
import { chmod, cp, mkdir, open as openFile, readdir, stat, writeFile } from "node:fs/promises";
import Libsql from "libsql";
import { expect, test } from "vitest";
import { sampleEntry, sampleMessage } from "../testing/samples.ts";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { openDatabase } from "./database.ts";
import { createSqliteJournal } from "./journal.ts";
import { createRunners } from "./runners.ts";
import { openSqliteState } from "./state.ts";
import { createWriter } from "./writer.ts";

const clock = { nowMs: () => Date.now(), sleep: () => Promise.reject(new Error("unused")) };
const open = (file: string, busyTimeoutMs = 50) =>
  openSqliteState(file, { clock, runnerId: "test", busyTimeoutMs });
const entry = (id: string) => sampleEntry({ message: sampleMessage({ id }) });

const withFile = (name: string, run: (file: string) => Promise<void>) =>
  test(name, async () => {
    const { directory, remove } = await createTemporaryDirectory();
    try {
      await run(`${directory}/flow.db`);
    } finally {
      await remove();
    }
  });

/** Runs SQL as another program would. */
function asAnother(file: string, sql: string): void {
  const database = new Libsql(file);
  database.exec(sql);
  database.close();
}

withFile("the files are private", async (file) => {
  const state = await open(file);
  await state.journal.record(entry("m1"));
  const directory = file.slice(0, file.lastIndexOf("/"));
  for (const name of await readdir(directory))
    expect([name, (await stat(`${directory}/${name}`)).mode & 0o777]).toEqual([name, 0o600]);
  await state.close();
});

withFile("a commit is on the disk when it returns: SQLite syncs at each one", async (file) => {
  const database = await openDatabase(file, 50);
  const full = 2; // https://sqlite.org/pragma.html#pragma_synchronous
  expect(database.pragma("synchronous")).toBe(full);
  database.close();
});

withFile("a file of a later version is left alone", async (file) => {
  await (await open(file)).close();
  asAnother(file, "PRAGMA user_version = 99");
  await expect(open(file)).rejects.toMatchObject({
    code: "E_STATE_NEWER",
    message: expect.stringContaining(file),
    hint: "update tu-analyze, or use another state directory",
  });
});

withFile("a database of another program is left alone", async (file) => {
  await (await open(file)).close();
  const other = file.replace("flow.db", "other.db");
  asAnother(other, "CREATE TABLE theirs (x)");
  await expect(open(other)).rejects.toMatchObject({
    code: "E_STATE_UNUSABLE",
    message: `${other} is a database of another program`,
    hint: "use another state directory, or move that file away",
  });
});

withFile("a file that is no database is named with a hint", async (file) => {
  await writeFile(file, "this is a text and not a database\n".repeat(100));
  await expect(open(file)).rejects.toMatchObject({
    code: "E_STATE_UNUSABLE",
    hint: expect.stringContaining(file),
  });
});

withFile("a directory in place of the file is named with a hint", async (file) => {
  await mkdir(file);
  await expect(open(file)).rejects.toMatchObject({
    code: "E_STATE_UNUSABLE",
    hint: expect.stringContaining(file),
  });
});

withFile("no directory is made for it", async (file) => {
  await expect(open(file.replace("flow.db", "none/flow.db"))).rejects.toMatchObject({
    code: "E_STATE_UNUSABLE",
  });
});

// Permissions do not restrict root.
test.skipIf(process.getuid?.() === 0)("a file that may not be read is unusable", async () => {
  const { directory, remove } = await createTemporaryDirectory();
  await chmod(directory, 0o500);
  await expect(open(`${directory}/flow.db`)).rejects.toMatchObject({ code: "E_STATE_UNUSABLE" });
  await chmod(directory, 0o700);
  await remove();
});

withFile("a file damaged in the middle fails the calls that meet the damage", async (file) => {
  const state = await open(file);
  for (let index = 0; index < 50; index += 1) await state.journal.record(entry(`m${index}`));
  await state.close();
  const { size } = await stat(file);
  const handle = await openFile(file, "r+");
  // All but the first page, which identifies the file.
  const pageBytes = 8192;
  await handle.write(Buffer.alloc(size - pageBytes, 0x5a), 0, size - pageBytes, pageBytes);
  await handle.close();
  const damaged = await open(file);
  await expect(damaged.journal.find("svc-a", "m1")).rejects.toMatchObject({
    code: "E_STATE_UNUSABLE",
  });
  await damaged.close();
});

withFile(
  "a file that another process holds too long is busy, and works afterwards",
  async (file) => {
    const state = await open(file);
    const other = new Libsql(file);
    other.exec("BEGIN IMMEDIATE");
    const calls = [state.journal.record(entry("m1")), state.journal.record(entry("m2"))];
    for (const call of await Promise.allSettled(calls))
      expect(call).toMatchObject({ status: "rejected", reason: { code: "E_STATE_BUSY" } });
    other.exec("ROLLBACK");
    other.close();
    expect(await state.journal.record(entry("m1"))).toEqual({ outcome: "recorded" });
    await state.close();
  },
);

withFile("a full disk fails the calls of its commit and records none of them", async (file) => {
  await (await open(file)).close();
  const database = await openDatabase(file, 50);
  const runners = createRunners({ database, clock, name: "test", onError: () => {} });
  const journal = createSqliteJournal({
    clock,
    database,
    runners,
    writer: createWriter(database),
    owedTo: () => [],
  });
  await journal.record(entry("m1"));
  // Simulates a full disk: the file may not grow.
  database.exec(`PRAGMA max_page_count = ${database.pragma("page_count")}`);
  const big = sampleEntry({
    message: sampleMessage({ id: "m3", payload: randomBytes(100_000).toString("hex") }),
  });
  for (const call of await Promise.allSettled([journal.record(entry("m2")), journal.record(big)]))
    expect(call).toMatchObject({ status: "rejected", reason: { code: "E_STATE_FULL" } });
  expect(await journal.find("svc-a", "m2")).toBeUndefined();
  database.exec("PRAGMA max_page_count = 1000000");
  expect(await journal.record(entry("m2"))).toEqual({ outcome: "recorded" });
  runners.leave();
  database.close();
});

withFile("an entry that is not JSON fails alone", async (file) => {
  const state = await open(file);
  const impossible = sampleEntry({ message: sampleMessage({ id: "m2", payload: { big: 1n } }) });
  const [before, broken, after] = await Promise.allSettled([
    state.journal.record(entry("m1")),
    state.journal.record(impossible),
    state.journal.record(entry("m3")),
  ]);
  expect([before.status, broken.status, after.status]).toEqual([
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  expect(await state.journal.find("svc-a", "m3")).toEqual(entry("m3"));
  await state.close();
});

withFile("closing lets go of the file also when it cannot write to it any more", async (file) => {
  const state = await open(file);
  await state.journal.record(entry("m1"));
  const other = new Libsql(file);
  other.exec("BEGIN IMMEDIATE");
  await expect(state.close()).rejects.toMatchObject({ code: "E_STATE_BUSY" });
  await expect(state.journal.find("svc-a", "m1")).rejects.toThrow("closed");
  other.exec("ROLLBACK");
  other.close();
});

withFile("closing commits what is waiting, and ends it", async (file) => {
  const state = await open(file);
  const waiting = state.journal.record(entry("m1"));
  await Promise.all([state.close(), state.close()]);
  expect(await waiting).toEqual({ outcome: "recorded" });
  await expect(state.journal.record(entry("m2"))).rejects.toThrow("closed");
  await expect(state.journal.find("svc-a", "m1")).rejects.toThrow("closed");
});

withFile("a picture that was stored before checksums were keeps its machine", async (file) => {
  const earlier = new URL("../../../fixtures/state/1/", import.meta.url);
  for (const end of ["", "-wal"]) await cp(new URL(`state.db${end}`, earlier), `${file}${end}`);
  const { close, fingerprints, machines } = await open(file);
  const [machine] = await machines.list({ limit: 1 });
  const kept = await fingerprints.find(machine?.sightings[0]?.objectKey ?? "");
  const seenAgain = await machines.save({
    ...{ machineId: "another", checksum: kept?.checksum ?? "", resembles: [] },
    ...{ brand: null, type: null, model: null, name: "", confidence: 0 },
    sighting: { flowId: "later", objectKey: "later", seenAt: "2026-01-01", verdict: "new" },
  });
  expect(seenAgain).toBe(machine?.id);
  await close();
});

withFile("what was removed is not there when the file is opened again", async (file) => {
  const first = await open(file);
  const hash = "0".repeat(64);
  const print = (objectKey: string) => ({ objectKey, checksum: hash, perceptualHash: hash });
  for (const key of ["a", "b"]) await first.fingerprints.save(print(key));
  await first.fingerprints.remove(["a"]);
  const sighting = { flowId: "f", objectKey: "a", seenAt: "2026-01-01", verdict: "new" as const };
  await first.machines.save({
    ...{ machineId: "m", checksum: null, brand: null, type: null, model: null },
    ...{ name: "", confidence: 0, sighting, resembles: [] },
  });
  expect(await first.machines.list({ limit: 9 })).toHaveLength(1);
  await first.machines.clear();
  await first.close();
  const next = await open(file);
  expect(await next.fingerprints.find("a")).toBeUndefined();
  expect(await next.fingerprints.find("b")).toEqual(print("b"));
  expect(await next.machines.list({ limit: 9 })).toEqual([]);
  await next.close();
});

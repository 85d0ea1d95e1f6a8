import Libsql from "libsql";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { type Database, openDatabase } from "./database.ts";
import { createFlowCache } from "./flow-cache.ts";

let file: string;
let database: Database;
let remove: () => Promise<void>;
let nextTurn: (() => void)[];
const turns = {
  next: (work: () => void) => void nextTurn.push(work),
  every: () => () => undefined,
};
const record = (sequence: number, ended = false) => ({ sequence, state: { sequence }, ended });

beforeEach(async () => {
  const temporary = await createTemporaryDirectory();
  remove = temporary.remove;
  file = `${temporary.directory}/flow.db`;
  nextTurn = [];
  database = await openDatabase(file, 50);
  database.exec("CREATE TABLE theirs (x)");
});
afterEach(async () => {
  database.close();
  await remove();
});

function anotherWrites(): void {
  const other = new Libsql(file);
  other.exec("INSERT INTO theirs VALUES (1)");
  other.close();
}

test("gives the last record of a flow at a consumer, and of no other", () => {
  const cache = createFlowCache(database, turns);
  expect(cache.get("svc-a", "flow-1")).toBeUndefined();
  cache.set("svc-a", "flow-1", record(1));
  cache.set("svc-a", "flow-1", record(2));
  cache.set("svc-b", "flow-1", record(5));
  expect(cache.get("svc-a", "flow-1")).toEqual(record(2));
  expect(cache.sequence("svc-a", "flow-1")).toBe(2);
  expect(cache.get("svc-b", "flow-1")).toEqual(record(5));
  expect(cache.get("svc-a", "flow-2")).toBeUndefined();
  expect(cache.sequence("svc-a", "flow-2")).toBeUndefined();
});

test("keeps nothing of a flow that has ended or is dropped", () => {
  const cache = createFlowCache(database, turns);
  expect(cache.get("svc-a", "flow-1")).toBeUndefined();
  cache.set("svc-a", "flow-1", record(1));
  cache.set("svc-a", "flow-1", record(2, true));
  cache.set("svc-a", "flow-2", record(1));
  cache.set("svc-a", "flow-3", record(1));
  cache.drop("svc-a", "flow-2");
  expect(["flow-1", "flow-2", "flow-3"].map((id) => cache.get("svc-a", id)?.sequence)).toEqual([
    undefined,
    undefined,
    1,
  ]);
});

test("believes nothing any more when another process has written; a sequence it still knows", () => {
  const cache = createFlowCache(database, turns);
  expect(cache.get("svc-a", "flow-1")).toBeUndefined();
  cache.set("svc-a", "flow-1", record(1));
  anotherWrites();
  // Checked in this turn already.
  expect(cache.get("svc-a", "flow-1")).toEqual(record(1));
  expect(nextTurn).toHaveLength(1);
  for (const work of nextTurn.splice(0)) work();
  expect(cache.sequence("svc-a", "flow-1")).toBe(1);
  expect(cache.get("svc-a", "flow-1")).toBeUndefined();
});

test("believes it when only this process has written", () => {
  const cache = createFlowCache(database, turns);
  expect(cache.get("svc-a", "flow-1")).toBeUndefined();
  cache.set("svc-a", "flow-1", record(1));
  database.exec("INSERT INTO theirs VALUES (1)");
  for (const work of nextTurn.splice(0)) work();
  expect(cache.get("svc-a", "flow-1")).toEqual(record(1));
});

test("forgets what nobody has asked to keep for longest, one for one", () => {
  const most = 4096;
  const cache = createFlowCache(database, turns);
  expect(cache.get("svc-a", "none")).toBeUndefined();
  for (let at = 0; at < most; at += 1) cache.set("svc-a", `flow-${at}`, record(1));
  expect(cache.sequence("svc-a", "flow-0")).toBe(1);
  cache.set("svc-a", "flow-0", record(2)); // the latest now
  cache.set("svc-a", "one more", record(1));
  const known = (id: string) => cache.sequence("svc-a", id);
  expect(["flow-0", "flow-1", "flow-2", "one more"].map(known)).toEqual([2, undefined, 1, 1]);
});

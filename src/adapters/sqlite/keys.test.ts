import { expect, test } from "vitest";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { openDatabase } from "./database.ts";
import { type IdTexts, idOf, idsOfTexts, idTexts, type Key, keyOf } from "./keys.ts";

const uuid = "01a210ca-8d82-7670-9d17-167d60e73d85";

test("a UUID takes sixteen bytes, and every other text is what it is", () => {
  expect(keyOf(uuid)).toHaveLength(16);
  for (const id of [uuid, uuid.toUpperCase(), `{${uuid}}`, uuid.replaceAll("-", ""), "m1", ""])
    expect(idOf(keyOf(id))).toBe(id);
  expect(keyOf(uuid.toUpperCase())).toBe(uuid.toUpperCase());
});

test("comes back from a file as it was, one row or many", async () => {
  const { directory, remove } = await createTemporaryDirectory();
  const database = await openDatabase(`${directory}/keys.db`, 0);
  try {
    database.exec("CREATE TABLE key (id ANY PRIMARY KEY) STRICT");
    const insert = database.prepare("INSERT INTO key VALUES (?1)");
    for (const id of [uuid, "m1"]) insert.run([keyOf(id)]);
    const found = database.prepare("SELECT id FROM key WHERE id = ?1");
    const all = database.prepare("SELECT id FROM key").all([]);
    const ids = (rows: readonly unknown[]) => rows.map((row) => idOf((row as { id: Key }).id)); // its column is selected
    expect(ids(all).sort()).toEqual([uuid, "m1"]);
    for (const row of all)
      expect(ids([found.first([(row as { id: Key }).id])])).toEqual(ids([row]));
  } finally {
    database.close();
    await remove();
  }
});

test("two of them come back in one text, whatever they are", async () => {
  const { directory, remove } = await createTemporaryDirectory();
  const database = await openDatabase(`${directory}/keys.db`, 0);
  const other = "ffffffff-0000-4abc-8def-000000000000";
  const ids = [uuid, other, "m1", "", uuid.toUpperCase(), ':["', "[", "a\u0000b", "é🚜", "\\"];
  const pairs = ids.flatMap((id) => ids.map((flowId) => ({ id, flowId })));
  try {
    database.exec("CREATE TABLE entry (message_id ANY, flow_id ANY) STRICT");
    const insert = database.prepare("INSERT INTO entry VALUES (?1, ?2)");
    for (const { flowId, id } of pairs) insert.run([keyOf(id), keyOf(flowId)]);
    const rows = database.prepare(`SELECT ${idTexts} FROM entry ORDER BY rowid`).all([]);
    expect(rows.map((row) => idsOfTexts(row as IdTexts))).toEqual(pairs); // its columns are selected
  } finally {
    database.close();
    await remove();
  }
});

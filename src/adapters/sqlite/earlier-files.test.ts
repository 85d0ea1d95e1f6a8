import { cp } from "node:fs/promises";
import Libsql from "libsql";
import { describe, expect, onTestFinished, test } from "vitest";
import type { JournalEntry, Owed } from "../../pipeline/ports/journal.ts";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { idOf } from "./keys.ts";
import { openSqliteState } from "./state.ts";

const clock = { nowMs: () => Date.now(), sleep: () => Promise.reject(new Error("unused")) };
/** As libsql gives them. */
type Row = Record<string, unknown>;
const schemas = ["1", "3", "4", "5"];
const flows = ["full", "current"];

/** Opens a copy of a file that an earlier schema left; `before` are its entries as they stood there. */
async function withEarlier(
  { schema, flow, sql = "" }: { schema: string; flow: string; sql?: string },
  run: (opened: {
    readonly before: readonly Row[];
    readonly state: Awaited<ReturnType<typeof openSqliteState>>;
  }) => Promise<void>,
): Promise<void> {
  const { directory, remove } = await createTemporaryDirectory();
  const file = `${directory}/flow.db`;
  const earlier = new URL(`../../../fixtures/state/${schema}/`, import.meta.url);
  try {
    for (const end of ["", "-wal"])
      await cp(new URL(`flow-${flow}.db${end}`, earlier), `${file}${end}`).catch(() => undefined);
    const database = new Libsql(file);
    database.exec(sql);
    const before = (database.prepare(entriesOf(schema)).all() as Row[]).map((row) => ({
      ...row,
      message_id: textOf(row["message_id"]),
      flow_id: textOf(row["flow_id"]),
    }));
    database.close();
    const owedTo = () => ["svc-analysis-orchestrator", "svc-machine-comparison"];
    const state = await openSqliteState(file, { clock, runnerId: "test", owedTo });
    await run({ before, state });
    await state.close();
  } finally {
    await remove();
  }
}

/** Since schema 5 a consumer is a number and a UUID its bytes. */
const entriesOf = (schema: string): string =>
  Number(schema) < 5
    ? "SELECT * FROM entry ORDER BY seq"
    : `SELECT seq, consumer.name AS consumer, message_id, flow_id, flow_sequence, ended
       FROM entry JOIN consumer ON consumer.id = entry.consumer ORDER BY seq`;
const textOf = (id: unknown): string =>
  idOf(id instanceof ArrayBuffer ? new Uint8Array(id) : String(id));

/** What no schema may change; texts that a machine made are too long to be read here. */
const outlineOf = ({ consumer, flow, message, outgoing, parks, timers }: JournalEntry) => ({
  ...{ consumer, message, flow, parks },
  outgoing: outgoing.map(({ payload, ...rest }) => ({
    ...rest,
    fields: Object.keys(payload ?? {}),
  })),
  timers,
});

describe.each(schemas.flatMap((schema) => flows.map((flow) => ({ schema, flow }))))(
  "schema $schema, flow $flow",
  (which) => {
    test("every decision is still there, in its place", () =>
      withEarlier(which, async ({ before, state }) => {
        const ids = [...new Set(before.map((row) => String(row["flow_id"])))];
        expect(ids.length).toBeGreaterThan(1);
        for (const flowId of ids) {
          const history = await state.journal.history(flowId);
          const rows = before.filter((row) => row["flow_id"] === flowId);
          expect(history.map(placeOf)).toEqual(rows.map(earlierPlaceOf));
          for (const entry of history)
            expect(await state.journal.find(entry.consumer, entry.message.id)).toEqual(
              expect.objectContaining({ message: entry.message, outgoing: entry.outgoing }),
            );
        }
      }));

    test("says what it said", () =>
      withEarlier(which, async ({ before, state }) => {
        const ids = [...new Set(before.map((row) => String(row["flow_id"])))];
        const histories = await Promise.all(ids.map((flowId) => state.journal.history(flowId)));
        const left = (await state.journal.adopt(1_000)).map(withoutPlace);
        await expect(
          `${JSON.stringify({ histories: histories.flat().map(outlineOf), left }, null, 1)}\n`,
        ).toMatchFileSnapshot(`../../../fixtures/state/${which.schema}/flow-${which.flow}.json`);
      }));

    test("every timer that waits is read again by its place", () =>
      withEarlier(which, async ({ state }) => {
        const left = (await state.journal.adopt(1_000)).flatMap((owed) =>
          owed.type === "timer" ? [owed] : [],
        );
        expect(await state.journal.waiting(left.map(({ place }) => place))).toEqual(
          left.map(({ timer }) => timer),
        );
      }));
  },
);

/** A place is this file's own affair. */
const withoutPlace = (owed: Owed) =>
  owed.type === "timer" ? { type: owed.type, timer: owed.timer } : owed;

const placeOf = ({ consumer, flow, message }: JournalEntry) => ({
  ...{ consumer, id: message.id, sequence: flow?.sequence ?? null },
  isEnd: flow?.ended ?? false,
});
const earlierPlaceOf = (row: Row) => ({
  ...{ consumer: row["consumer"], id: row["message_id"], sequence: row["flow_sequence"] },
  isEnd: Number(row["ended"]) > 0,
});

test("what was left to do and what had failed is brought up too, as it stood there", async () => {
  const which = { schema: "4", flow: "full" };
  let asked: JournalEntry | undefined;
  let seq = 0;
  await withEarlier(which, async ({ before, state }) => {
    for (const row of before) {
      const entry = await state.journal.find(String(row["consumer"]), String(row["message_id"]));
      if (entry === undefined || entry.timers.length === 0 || entry.outgoing.length === 0) continue;
      [asked, seq] = [entry, Number(row["seq"])];
    }
  });
  const [timer, message] = [asked?.timers[0], asked?.outgoing[0]];
  if (timer === undefined || message === undefined) throw new Error("nothing was asked for");
  const pending = (consumer: string, kind: string, id: string, runner: number) =>
    `INSERT INTO pending (consumer, message_id, kind, flow_id, seq, position, runner)
     VALUES ('${consumer}', '${id}', '${kind}', '${message.flowId}', ${seq}, 0, ${runner});`;
  const sql = `
    DELETE FROM pending;
    UPDATE checkpoint SET seq = (SELECT max(seq) FROM entry);
    ${pending("svc-somebody", "message", message.id, 1)}
    ${pending("", "message", message.id, 1)}
    ${pending(timer.owner, "timer", timer.message.id, -1)}
    INSERT INTO trouble (message_id, consumer, flow_id, tries, first_at)
    VALUES ('${message.id}', 'svc-somebody', '${message.flowId}', 3, '2026-01-01T00:00:00.000Z');
  `;
  await withEarlier({ ...which, sql }, async ({ state }) => {
    expect(await state.journal.adopt(10)).toEqual([
      { type: "message", message },
      { type: "timer", timer, place: { seq, position: 0 } },
    ]);
    expect(await state.journal.failed("svc-somebody", message, "later")).toEqual({
      ...{ count: 4, firstAt: "2026-01-01T00:00:00.000Z" },
    });
  });
});

test("machines are added up as they were from what earlier versions saw", async () => {
  const { directory, remove } = await createTemporaryDirectory();
  onTestFinished(remove);
  const file = `${directory}/state.db`;
  const earlier = new URL("../../../fixtures/state/5/", import.meta.url);
  for (const end of ["", "-wal"]) await cp(new URL(`state.db${end}`, earlier), `${file}${end}`);
  const database = new Libsql(file);
  const [first] = database.prepare("SELECT * FROM observation").all() as Row[];
  const { checksum, machine_id: id, object_key: key } = first ?? {};
  const insert = database.prepare(
    `INSERT INTO observation (flow_id, machine_id, checksum, brand, type, model, name, confidence,
       object_key, seen_at, verdict, resembles)
     VALUES (?, ?, ?, ?, 'Excavator', ?, 'name', ?, ?, ?, 'new', ?)`,
  );
  const resembles = JSON.stringify([{ machineId: id, score: 0.5 }]);
  // One that names another machine and shows the first one's picture, surer and seen before it.
  insert.run(["f2", "named", checksum, "Volvo", "L120H", 0.99, "k2", "2025-01-01", "[]"]);
  insert.run(["f3", "other", null, "Volvo", "L120H", 0.5, "k3", "2027-01-01", resembles]);
  insert.run(["f4", "other", "c4", null, null, 0.4, "k4", "2026-01-01", "[]"]);
  // A picture whose object was compared again; the last time counts.
  const print = database.prepare(
    "INSERT INTO fingerprint (object_key, checksum, perceptual_hash) VALUES (?, ?, ?)",
  );
  for (const digit of ["1", "2"]) print.run(["k3", digit.repeat(64), "0".repeat(64)]);
  database.close();

  const { close, fingerprints, machines } = await openSqliteState(file, {
    clock,
    runnerId: "test",
  });
  onTestFinished(close);
  const [newest, known, ...others] = await machines.list({ limit: 9 });
  expect(others).toEqual([]);
  expect(newest).toMatchObject({
    ...{ id: "other", brand: "Volvo", model: "L120H", confidence: 0.5 },
    ...{ firstSeenAt: "2026-01-01", lastSeenAt: "2027-01-01" },
    resembles: [{ machineId: id, score: 0.5 }],
  });
  expect(newest?.sightings.map(({ flowId }) => flowId)).toEqual(["f4", "f3"]);
  expect(known).toMatchObject({ id, brand: "Volvo", firstSeenAt: "2025-01-01" });
  expect(known?.sightings).toHaveLength(2);
  expect(await machines.find("named")).toBeUndefined();
  expect(await machines.count()).toEqual({ machines: 2, sightings: 4 });
  expect(await fingerprints.find("k3")).toMatchObject({ checksum: "2".repeat(64) });
  const own = await fingerprints.find(String(key));
  expect(own?.checksum).toBe(checksum);
  const near = await fingerprints.near(
    { checksum: "3".repeat(64), perceptualHash: "0".repeat(64) },
    0,
  );
  expect(near.map((picture) => picture.checksum)).toEqual(["2".repeat(64)]);
});

import { cp } from "node:fs/promises";
import Libsql from "libsql";
import { describe, expect, test } from "vitest";
import type { JournalEntry } from "../../pipeline/ports.ts";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { openSqliteState } from "./state.ts";

const clock = { nowMs: () => Date.now(), sleep: () => Promise.reject(new Error("unused")) };
/** As libsql gives them. */
type Row = Record<string, unknown>;
const schemas = ["1", "3", "4"];
const flows = ["full", "current"];

/** Opens a copy of a file that an earlier schema left; `before` are its entries as they stood there. */
async function withEarlier(
  { schema, flow }: { schema: string; flow: string },
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
    const before = database.prepare("SELECT * FROM entry ORDER BY seq").all() as Row[];
    database.close();
    const owedTo = () => ["svc-analysis-orchestrator", "svc-machine-comparison"];
    const state = await openSqliteState(file, { clock, runnerId: "test", owedTo });
    await run({ before, state });
    await state.close();
  } finally {
    await remove();
  }
}

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
        const left = await state.journal.adopt(1_000);
        await expect(
          `${JSON.stringify({ histories: histories.flat().map(outlineOf), left }, null, 1)}\n`,
        ).toMatchFileSnapshot(`../../../fixtures/state/${which.schema}/flow-${which.flow}.json`);
      }));
  },
);

const placeOf = ({ consumer, flow, message }: JournalEntry) => ({
  ...{ consumer, id: message.id, sequence: flow?.sequence ?? null },
  isEnd: flow?.ended ?? false,
});
const earlierPlaceOf = (row: Row) => ({
  ...{ consumer: row["consumer"], id: row["message_id"], sequence: row["flow_sequence"] },
  isEnd: row["ended"] === 1,
});

import type { Selectable } from "kysely";
import type { Clock } from "../../pipeline/ports/clock.ts";
import type { Database } from "./database.ts";
import { packed } from "./entry-row.ts";
import type { Key } from "./keys.ts";
import type { Schema } from "./schema.ts";
import type { Turns } from "./turns.ts";

/** Shrinks a finished flow to less than half its size, in idle time. */
export type Packing = {
  /** A flow has ended. */
  soon(): void;
  /** Everything that can be packed. */
  all(): void;
  /** Packs what a short run leaves behind; after a long one, the next run packs the rest. */
  stop(): void;
};

/** Takes a few milliseconds, during which nothing else runs. */
const flowsAtOnce = 16;
const flowsAtStop = 64;
const everyMs = 250;
/** A process that finishes more than this between two ticks is not idle. */
const busyFrom = 4;
/** By then, what follows an end has usually been recorded. */
const settledAfterMs = 2_000;

const endedSql = `SELECT seq, flow_id FROM entry INDEXED BY entry_unpacked
  WHERE ended = 1 AND at <= ?1 ORDER BY seq LIMIT ?2`;

export function createPacking(
  database: Database,
  { clock, turns }: { readonly clock: Clock; readonly turns: Turns },
): Packing {
  const ended = database.prepare(endedSql);
  const texts = database.prepare(
    `SELECT ${columns.join(", ")} FROM entry WHERE flow_id = ?1 ORDER BY seq`,
  );
  const remove = database.prepare("DELETE FROM entry WHERE seq = ?1");
  const insert = database.prepare(
    `INSERT INTO entry (${columns.join(", ")}) VALUES (${columns.map((_, at) => `?${at + 1}`).join(", ")})`,
  );
  const done = database.prepare("UPDATE entry SET ended = 2 WHERE seq = ?1");
  let stopTicking: (() => void) | null = null;
  let endedSinceTick = 0;

  // Deleted and reinserted: a row that merely shrinks leaves its page as large as before.
  const packFlow = (flowId: Key) => {
    const rows = texts.all([flowId]) as unknown as readonly Row[]; // the selected columns
    for (const row of rows) {
      const isPassed = row.ended === 0 && rows.some((other) => follows(other, row));
      const small = { ...row, ...packedTexts(isPassed ? { ...row, state: null } : row) };
      if (textColumns.every((column) => small[column] === row[column])) continue;
      remove.run([row.seq]);
      insert.run(columns.map((column) => small[column]));
    }
  };
  /** Returns how many flows it packed. */
  const packSome = (limit: number, before: number): number =>
    database.transaction(() => {
      const flows = ended.all([before, limit]) as readonly Ended[]; // the selected columns
      for (const { flow_id, seq } of flows) {
        packFlow(flow_id);
        done.run([seq]);
      }
      return flows.length;
    });
  const isAnyLeft = () => ended.all([Number.MAX_SAFE_INTEGER, 1]).length > 0;
  const quiet = () => {
    stopTicking?.();
    stopTicking = null;
  };
  const tick = () => {
    const isBusy = endedSinceTick >= busyFrom;
    endedSinceTick = 0;
    if (isBusy) return;
    if (packSome(flowsAtOnce, clock.nowMs() - settledAfterMs) === 0 && !isAnyLeft()) quiet();
  };
  return {
    soon() {
      endedSinceTick += 1;
      stopTicking ??= turns.every(everyMs, () => {
        // Callers with something to lose report a file that is busy or full.
        try {
          tick();
        } catch {
          quiet();
        }
      });
    },
    all() {
      while (packSome(flowsAtStop, clock.nowMs()) > 0);
    },
    stop() {
      quiet();
      packSome(flowsAtStop, clock.nowMs());
    },
  };
}

type Ended = { readonly seq: number; readonly flow_id: Key };
type Row = Selectable<Schema["entry"]>;

const textColumns = ["message", "consequences", "state"] as const;
const columns = [
  ...["seq", "runner", "consumer", "message_id", "flow_id", "flow_sequence", "ended", "at"],
  ...["from_seq", "from_position"],
  ...textColumns,
] as readonly (keyof Row)[];

const follows = (one: Row, other: Row) =>
  one.consumer === other.consumer && one.flow_sequence === (other.flow_sequence ?? Number.NaN) + 1;

const packedTexts = ({ consequences, message, state }: Row) => ({
  message: packed(message),
  consequences: packed(consequences),
  state: packed(state),
});

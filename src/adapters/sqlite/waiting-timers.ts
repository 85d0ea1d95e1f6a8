import type { Timer } from "../../pipeline/message.ts";
import type { JournalPlace } from "../../pipeline/ports/journal.ts";
import { type Checkpoints, isOpen } from "./checkpoint.ts";
import type { Database } from "./database.ts";
import { consequencesFrom } from "./entry-row.ts";
import { type IdTexts, idsOfTexts, idTexts } from "./keys.ts";
import type { Text } from "./schema.ts";

export type WaitingTimers = (places: readonly JournalPlace[]) => readonly (Timer | null)[];

/**
 * Timers by their places. Whether one still waits is what entries say, as in `checkpoint.ts`, and not `pending`, which
 * knows that of the last checkpoint.
 */
export function createWaitingTimers(database: Database, checkpoints: Checkpoints): WaitingTimers {
  const entries = database.prepare(
    `SELECT seq, ${idTexts}, consequences FROM entry WHERE seq IN (SELECT value FROM json_each(?1))`,
  );
  const stillWaits = ({ owner, message: { id, flowId } }: Timer) =>
    isOpen(checkpoints, { kind: "timer", consumer: owner, messageId: id, flowId });
  return (places) => {
    const rows = entries.all([JSON.stringify(places.map(({ seq }) => seq))]) as readonly Row[]; // its columns are selected
    const timersAt = new Map(
      rows.map((row) => [row.seq, consequencesFrom(row.consequences, idsOfTexts(row)).timers]),
    );
    return places.map(({ position, seq }) => {
      const timer = timersAt.get(seq)?.[position];
      return timer !== undefined && stillWaits(timer) ? timer : null;
    });
  };
}

type Row = IdTexts & { readonly seq: number; readonly consequences: Text | null };

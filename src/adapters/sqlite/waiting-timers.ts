import type { Timer } from "../../pipeline/message.ts";
import type { JournalPlace } from "../../pipeline/ports/journal.ts";
import { type Checkpoints, isOpen, timerKind } from "./checkpoint.ts";
import type { Database } from "./database.ts";
import { consequencesFrom } from "./entry-row.ts";
import { type IdTexts, idsOfTexts, idTexts } from "./keys.ts";
import type { Text } from "./schema.ts";

export type WaitingTimers = (places: readonly JournalPlace[]) => readonly (Timer | null)[];

/**
 * Timers by their places, which were in `pending` once. What is not there any more is finished; most is, and costs no
 * look at its entry. What is there was open at the last checkpoint: whether it still waits is what entries say.
 */
export function createWaitingTimers(database: Database, checkpoints: Checkpoints): WaitingTimers {
  const entries = database.prepare(
    `SELECT seq, ${idTexts}, consequences FROM entry WHERE seq IN (
       SELECT pending.seq FROM json_each(?1) AS place CROSS JOIN pending ON pending.seq = place.value
       WHERE pending.kind = ${timerKind})`,
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

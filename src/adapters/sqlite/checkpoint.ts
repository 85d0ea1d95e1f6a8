import type { Selectable } from "kysely";
import type { OwedTo } from "../../pipeline/ports/journal.ts";
import { type Consumers, transport } from "./consumers.ts";
import type { Database } from "./database.ts";
import { consequencesFrom } from "./entry-row.ts";
import { type IdTexts, idOf, idsOfTexts, idTexts, keyOf } from "./keys.ts";
import type { Decided, OpenWork, Work } from "./open-work.ts";
import type { Schema, Text } from "./schema.ts";

// Finding unfinished work without reading history.
//
// 1. Whatever an entry up to `checkpoint.seq` asked for is finished or in `pending`.
// 2. The checkpoint and `pending` move together, in one transaction.
// All of these run inside a transaction of the caller; `work` may be cleared when it has committed.

export type Checkpoints = {
  readonly consumers: Consumers;
  readonly statements: ReturnType<typeof prepareStatements>;
};

export const createCheckpoints = (database: Database, consumers: Consumers): Checkpoints => ({
  consumers,
  statements: prepareStatements(database),
});

/** Of `pending.kind`. */
export const [messageKind, timerKind] = [0, 1];

/** What runs once per entry or piece of work, or is asked again and again. */
function prepareStatements(database: Database) {
  const prepare = (sql: string) => database.prepare(sql);
  return {
    countPending: prepare("SELECT count(*) AS count FROM pending"),
    pending: prepare("SELECT seq, kind, position, consumer, message_id FROM pending"),
    deletePending: prepare(
      "DELETE FROM pending WHERE seq = ?1 AND kind = ?2 AND position = ?3 AND consumer = ?4",
    ),
    deleteWork: prepare("DELETE FROM pending WHERE message_id = ?1 AND consumer = ?2"),
    deleteTimers: prepare(
      `DELETE FROM pending WHERE flow_id = ?1 AND consumer = ?2 AND kind = ${timerKind}`,
    ),
    insertWork: prepare(
      `INSERT INTO pending (seq, kind, position, consumer, message_id, flow_id, runner)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING`,
    ),
    recorded: prepare("SELECT seq FROM entry WHERE message_id = ?1 AND consumer = ?2"),
    recordedByAny: prepare("SELECT seq FROM entry WHERE message_id = ?1 LIMIT 1"),
    lastOfFlow: prepare(
      `SELECT ended FROM entry WHERE flow_id = ?1 AND consumer = ?2 AND flow_sequence IS NOT NULL
       ORDER BY flow_sequence DESC LIMIT 1`,
    ),
    entriesAfter: prepare(
      `SELECT seq, runner, consumer, ${idTexts}, ended, consequences FROM entry
       WHERE seq > ?1 AND runner != ?2 ORDER BY seq LIMIT ?3`,
    ),
    checkpoint: prepare("SELECT seq FROM checkpoint"),
    last: prepare("SELECT max(seq) AS seq FROM entry"),
    move: prepare("UPDATE checkpoint SET seq = ?1"),
  };
}

/** Moves the checkpoint to the last entry. Those of the runner `known`, if any, `work` knows already. */
export function advance(
  checkpoints: Checkpoints,
  work: OpenWork,
  owedTo: OwedTo,
  known: number | null,
): void {
  const { statements } = checkpoints;
  const from = numberIn(statements.checkpoint.first([]), "seq");
  for (const decided of entriesAfter(checkpoints, from, known)) work.note(decided, owedTo);
  removeFinished(checkpoints, work);
  for (const one of work.opened()) if (isOpen(checkpoints, one)) insertPending(checkpoints, one);
  statements.move.run([numberIn(statements.last.first([]), "seq")]);
}

const pageSize = 1000;

function* entriesAfter(
  { consumers, statements }: Checkpoints,
  from: number,
  but: number | null,
): Generator<Decided> {
  for (let after = from; ; ) {
    const rows = statements.entriesAfter.all([after, but ?? -1, pageSize]) as readonly After[]; // its columns are selected
    for (const row of rows) {
      after = row.seq;
      const taken = idsOfTexts(row);
      yield {
        seq: row.seq,
        runner: row.runner,
        consumer: consumers.nameOf(row.consumer),
        messageId: taken.id,
        flowId: taken.flowId,
        isEnded: row.ended > 0,
        ...consequencesFrom(row.consequences, taken),
      };
    }
    if (rows.length < pageSize) return;
  }
}
type After = IdTexts & {
  readonly consequences: Text | null;
  readonly seq: number;
  readonly runner: number;
  readonly consumer: number;
  readonly ended: number;
};

function removeFinished(checkpoints: Checkpoints, work: OpenWork): void {
  const { consumers, statements } = checkpoints;
  const closed = work.closed();
  // Most of what is closed never was on the disk: whichever is shorter is gone through.
  if (numberIn(statements.countPending.first([]), "count") < closed.length) {
    removeThose(checkpoints, work);
  } else {
    for (const { consumer, messageId } of closed)
      statements.deleteWork.run([keyOf(messageId), consumers.known(consumer)]);
  }
  for (const { consumer, flowId } of work.ended())
    statements.deleteTimers.run([keyOf(flowId), consumers.known(consumer)]);
}

function removeThose({ consumers, statements }: Checkpoints, work: OpenWork): void {
  for (const row of statements.pending.all([])) {
    const { consumer, kind, message_id, position, seq } = row as PendingRow; // its columns are selected
    if (work.isClosed(consumers.nameOf(consumer), idOf(message_id)))
      statements.deletePending.run([seq, kind, position, consumer]);
  }
}
type PendingRow = Pick<
  Selectable<Schema["pending"]>,
  "seq" | "kind" | "position" | "consumer" | "message_id"
>;

/** Whether no entry finished it: one before those that `work` has seen, or one of another runner. */
export function isOpen(
  { consumers, statements }: Checkpoints,
  work: Pick<Work, "kind" | "consumer" | "messageId" | "flowId">,
): boolean {
  const { kind, consumer, messageId, flowId } = work;
  const id = keyOf(messageId);
  if (consumer === transport) return statements.recordedByAny.first([id]) === undefined;
  const number = consumers.known(consumer);
  if (statements.recorded.first([id, number]) !== undefined) return false;
  if (kind === "message") return true;
  const last = statements.lastOfFlow.first([keyOf(flowId), number]);
  return last === undefined || numberIn(last, "ended") === 0;
}

const insertPending = ({ consumers, statements }: Checkpoints, work: Work) =>
  statements.insertWork.run([
    work.seq,
    work.kind === "message" ? messageKind : timerKind,
    work.position,
    consumers.numberOf(work.consumer),
    keyOf(work.messageId),
    keyOf(work.flowId),
    work.runner,
  ]);

export function numberIn(
  row: Readonly<Record<string, unknown>> | undefined,
  column: string,
): number {
  const value = row?.[column];
  return typeof value === "number" ? value : 0;
}

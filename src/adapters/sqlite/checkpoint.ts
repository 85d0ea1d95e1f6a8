import type { Compilable } from "kysely";
import type { Unfinished } from "../../pipeline/ports.ts";
import type { Database } from "./database.ts";
import { decisionOf } from "./entry-row.ts";
import type { ConsumersOf, Decided, OpenWork, Work } from "./open-work.ts";
import type { Runners } from "./runners.ts";

// Finding unfinished work without reading history.
//
// 1. Whatever an entry up to `checkpoint.seq` asked for is finished or in `pending`.
// 2. The checkpoint and `pending` move together, in one transaction.
// 3. Work in `pending` belongs to the runner that is to finish it; only that of runners that are
//    gone changes hands, in the transaction that found them gone.
//
// All of these run inside a transaction of the caller; `work` may be cleared when it has committed.

export type Checkpoints = {
  readonly database: Database;
  readonly statements: ReturnType<typeof prepareStatements>;
};

export const createCheckpoints = (database: Database): Checkpoints => ({
  database,
  statements: prepareStatements(database),
});

/** What runs once per entry or piece of work; building the query again would cost more than it. */
function prepareStatements(database: Database) {
  const { query } = database;
  const prepare = (one: Compilable<unknown>) => database.prepare(one.compile().sql);
  const work = { flow_id: "", seq: 0, position: 0, runner: 0 };
  return {
    deleteWork: prepare(
      query.deleteFrom("pending").where("message_id", "=", "").where("consumer", "=", ""),
    ),
    deleteTimers: prepare(
      query
        .deleteFrom("pending")
        .where("flow_id", "=", "")
        .where("consumer", "=", "")
        .where("kind", "=", "timer"),
    ),
    insertWork: prepare(
      query
        .insertInto("pending")
        .values({ consumer: "", message_id: "", kind: "timer", ...work })
        .onConflict((conflict) => conflict.doNothing()),
    ),
    recorded: prepare(
      query
        .selectFrom("entry")
        .select("seq")
        .where("message_id", "=", "")
        .where("consumer", "=", ""),
    ),
    lastOfFlow: prepare(
      query
        .selectFrom("entry")
        .select("ended")
        .where("flow_id", "=", "")
        .where("consumer", "=", "")
        .where("flow_sequence", "is not", null)
        .orderBy("flow_sequence", "desc")
        .limit(1),
    ),
  };
}

/** Moves the checkpoint to the last entry. `ownRunner` names entries that `work` knows already. */
export function advance(
  checkpoints: Checkpoints,
  work: OpenWork,
  consumersOf: ConsumersOf,
  ownRunner: number | null,
): void {
  const { database } = checkpoints;
  for (const decided of entriesSinceCheckpoint(database, ownRunner))
    work.note(decided, consumersOf);
  removeFinished(checkpoints, work);
  for (const one of work.opened()) if (isOpen(checkpoints, one)) insertPending(checkpoints, one);
  moveCheckpoint(database);
}

/** Takes over the work of runners that are gone, in the order it was recorded. */
export function takeOver(
  database: Database,
  runners: Runners,
  ownRunner: number,
): readonly Unfinished[] {
  const { query } = database;
  const holders = database.all(query.selectFrom("pending").select("runner").distinct());
  const gone = holders.filter(({ runner }) => !runners.isAlive(runner));
  const taken = gone.flatMap(({ runner }) => pendingOf(database, runner));
  for (const { runner } of gone)
    database.run(
      query.updateTable("pending").set({ runner: ownRunner }).where("runner", "=", runner),
    );
  runners.removeGone();
  return taken.sort(byRecording).map(toUnfinished);
}

function* entriesSinceCheckpoint(database: Database, ownRunner: number | null): Generator<Decided> {
  const pageSize = 1000;
  let after = checkpointOf(database);
  for (;;) {
    const rows = database.all(
      database.query
        .selectFrom("entry")
        .select(["seq", "runner", "consumer", "message_id", "flow_id", "ended", "body"])
        .where("seq", ">", after)
        .where("runner", "!=", ownRunner ?? -1)
        .orderBy("seq")
        .limit(pageSize),
    );
    for (const row of rows) {
      after = row.seq;
      const { outgoing, timers } = decisionOf(row);
      yield {
        seq: row.seq,
        runner: row.runner,
        consumer: row.consumer,
        messageId: row.message_id,
        flowId: row.flow_id,
        isEnded: row.ended === 1,
        outgoing,
        timers,
      };
    }
    if (rows.length < pageSize) return;
  }
}

const checkpointOf = (database: Database) =>
  database.first(database.query.selectFrom("checkpoint").select("seq"))?.seq ?? 0;

function moveCheckpoint(database: Database): void {
  const { query } = database;
  const last = database.first(
    query.selectFrom("entry").select("seq").orderBy("seq", "desc").limit(1),
  );
  database.run(query.updateTable("checkpoint").set({ seq: last?.seq ?? 0 }));
}

function removeFinished({ statements }: Checkpoints, work: OpenWork): void {
  for (const { consumer, messageId } of work.closed())
    statements.deleteWork.run([messageId, consumer]);
  for (const { consumer, flowId } of work.ended())
    statements.deleteTimers.run([flowId, consumer, "timer"]);
}

/** Whether no entry finished it: one before those that `work` has seen, or one of another runner. */
function isOpen({ statements }: Checkpoints, { kind, consumer, messageId, flowId }: Work): boolean {
  if (statements.recorded.first([messageId, consumer]) !== undefined) return false;
  if (kind === "message") return true;
  return statements.lastOfFlow.first([flowId, consumer, 1])?.["ended"] !== 1;
}

const insertPending = ({ statements }: Checkpoints, work: Work) =>
  statements.insertWork.run([
    work.consumer,
    work.messageId,
    work.kind,
    work.flowId,
    work.seq,
    work.position,
    work.runner,
  ]);

const pendingOf = (database: Database, runner: number) =>
  database.all(
    database.query
      .selectFrom("pending")
      .innerJoin("entry", "entry.seq", "pending.seq")
      .select(["pending.seq", "pending.kind", "pending.position", "pending.consumer"])
      .select(["entry.message_id", "entry.flow_id", "entry.body"])
      .where("pending.runner", "=", runner),
  );

type PendingRow = ReturnType<typeof pendingOf>[number];

const kindOrder = { message: 0, timer: 1 };
const byRecording = (a: PendingRow, b: PendingRow) =>
  a.seq - b.seq || kindOrder[a.kind] - kindOrder[b.kind] || a.position - b.position;

function toUnfinished(row: PendingRow): Unfinished {
  const { outgoing, timers } = decisionOf(row);
  if (row.kind === "timer") {
    const timer = timers[row.position];
    if (timer !== undefined) return { type: "timer", timer };
  }
  const message = outgoing[row.position];
  if (message !== undefined) return { type: "message", message, consumer: row.consumer };
  throw new Error(`pending work ${row.seq}/${row.position} is not in its entry`);
}

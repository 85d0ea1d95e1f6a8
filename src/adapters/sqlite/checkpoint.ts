import type { Compilable } from "kysely";
import type { JournalPlace, Owed, OwedTo } from "../../pipeline/ports.ts";
import type { Database } from "./database.ts";
import { consequencesOf } from "./entry-row.ts";
import { type Decided, type OpenWork, transport, type Work } from "./open-work.ts";

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
  const finished = query
    .deleteFrom("pending")
    .where("message_id", "=", "")
    .where("consumer", "=", "");
  const entries = query.selectFrom("entry").select("seq").where("message_id", "=", "");
  return {
    deleteWork: prepare(finished),
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
    recorded: prepare(entries.where("consumer", "=", "")),
    recordedByAny: prepare(entries.limit(1)),
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
    takeWork: prepare(
      query
        .updateTable("pending")
        .set({ runner: 0 })
        .where("message_id", "=", "")
        .where("consumer", "=", ""),
    ),
  };
}

/** Moves the checkpoint to the last entry. Those of the runner `known`, if any, `work` knows already. */
export function advance(
  checkpoints: Checkpoints,
  work: OpenWork,
  owedTo: OwedTo,
  known: number | null,
): void {
  const { database } = checkpoints;
  for (const decided of entriesSinceCheckpoint(database, known)) work.note(decided, owedTo);
  removeFinished(checkpoints, work);
  for (const one of work.opened()) if (isOpen(checkpoints, one)) insertPending(checkpoints, one);
  moveCheckpoint(database);
}

/** Runners whose work waits for whoever takes it. */
export function holdersOf(database: Database): readonly number[] {
  const holders = database.all(database.query.selectFrom("pending").select("runner").distinct());
  return holders.map(({ runner }) => runner);
}

/** A piece of work, and where it stands. */
export type Placed = { readonly owed: Owed; readonly place: Place };
type Place = JournalPlace & { readonly kind: Work["kind"] };

/** Work of those runners that `heir` has from now on, in the order of recording, behind `after`. */
export function inherit(
  { database, statements }: Checkpoints,
  heir: number,
  page: { readonly from: readonly number[]; readonly after: Place; readonly limit: number },
): readonly Placed[] {
  const rows = pendingBehind(database, page.after, page.limit, (all) =>
    all.where("pending.runner", "in", page.from),
  );
  for (const row of rows) {
    const { consumer, kind, position, seq } = row;
    statements.takeWork.run([heir, row.work_id, consumer]);
    // Its transport may be gone with its runner: it is to be sent again.
    if (kind === "message" && consumer !== transport)
      statements.insertWork.run([
        transport,
        row.work_id,
        kind,
        row.work_flow_id,
        seq,
        position,
        heir,
      ]);
  }
  return rows.map(placed);
}

/** What no transport has taken, of one runner, in the order of recording. */
export function unsentOf(
  database: Database,
  runner: number,
  { after, limit }: { readonly after: JournalPlace; readonly limit: number },
): readonly Placed[] {
  const rows = pendingBehind(database, { ...after, kind: "message" }, limit, (all) =>
    all.where("pending.runner", "=", runner).where("pending.consumer", "=", transport),
  );
  return rows.map(placed);
}

function* entriesSinceCheckpoint(database: Database, but: number | null): Generator<Decided> {
  const pageSize = 1000;
  let after = checkpointOf(database);
  for (;;) {
    const rows = database.all(
      database.query
        .selectFrom("entry")
        .select(["seq", "runner", "consumer", "message_id", "flow_id", "ended", "body"])
        .where("seq", ">", after)
        .where("runner", "!=", but ?? -1)
        .orderBy("seq")
        .limit(pageSize),
    );
    for (const row of rows) {
      after = row.seq;
      yield {
        seq: row.seq,
        runner: row.runner,
        consumer: row.consumer,
        messageId: row.message_id,
        flowId: row.flow_id,
        isEnded: row.ended === 1,
        ...consequencesOf(row),
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

function removeFinished({ database, statements }: Checkpoints, work: OpenWork): void {
  const any = database.first(database.query.selectFrom("pending").select("seq").limit(1));
  if (any === undefined) return;
  for (const { consumer, messageId } of work.closed())
    statements.deleteWork.run([messageId, consumer]);
  for (const { consumer, flowId } of work.ended())
    statements.deleteTimers.run([flowId, consumer, "timer"]);
}

/** Whether no entry finished it: one before those that `work` has seen, or one of another runner. */
function isOpen({ statements }: Checkpoints, { kind, consumer, messageId, flowId }: Work): boolean {
  if (consumer === transport) return statements.recordedByAny.first([messageId, 1]) === undefined;
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

const pendingWork = (database: Database) =>
  database.query
    .selectFrom("pending")
    .innerJoin("entry", "entry.seq", "pending.seq")
    .select(["pending.seq", "pending.kind", "pending.position", "pending.consumer"])
    .select(["pending.message_id as work_id", "pending.flow_id as work_flow_id"])
    .select(["entry.message_id", "entry.flow_id", "entry.body"])
    .orderBy("pending.seq")
    .orderBy("pending.kind")
    .orderBy("pending.position");
type PendingWork = ReturnType<typeof pendingWork>;
type PendingRow = PendingWork extends Compilable<infer Row> ? Row : never;

/** Messages stand before timers of the same entry: the order of their names. */
function pendingBehind(
  database: Database,
  { kind, position, seq }: Place,
  limit: number,
  only: (all: PendingWork) => PendingWork,
): readonly PendingRow[] {
  const behind = only(pendingWork(database)).where((where) =>
    where(
      where.refTuple("pending.seq", "pending.kind", "pending.position"),
      ">",
      where.tuple(seq, kind, position),
    ),
  );
  return database.all(behind.limit(limit));
}

function placed(row: PendingRow): Placed {
  const { kind, position, seq } = row;
  const { outgoing, timers } = consequencesOf(row);
  const place = { seq, kind, position };
  if (kind === "timer") {
    const timer = timers[position];
    if (timer !== undefined) return { place, owed: { type: "timer", timer } };
  }
  const message = outgoing[position];
  if (message !== undefined) return { place, owed: { type: "message", message } };
  throw new Error(`pending work ${seq}/${position} is not in its entry`);
}

import type { Compilable } from "kysely";
import type { JournalPlace, Owed, OwedTo } from "../../pipeline/ports.ts";
import type { Database } from "./database.ts";
import { type BodyRow, consequencesOf } from "./entry-row.ts";
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

const sendAgainSql = `INSERT OR IGNORE INTO pending
    (consumer, message_id, kind, flow_id, seq, position, runner)
  SELECT '${transport}', message_id, kind, flow_id, seq, position, ?1 FROM pending
  WHERE runner = ?2 AND kind = 'message'`;
/** Messages stand before timers of the same entry: the order of their names. */
const inheritanceSql = `SELECT DISTINCT seq, kind, position FROM pending
  WHERE runner = ?1 AND (seq, kind, position) > (?2, ?3, ?4) ORDER BY seq, kind, position LIMIT ?5`;
const unsentSql = `SELECT seq, kind, position FROM pending
  WHERE runner IN (?1, -?1) AND consumer = '${transport}' AND (seq, position) > (?2, ?3)
  ORDER BY seq, position LIMIT ?4`;
const entriesSql = `SELECT seq, message_id, flow_id, body FROM entry
  WHERE seq IN (SELECT value FROM json_each(?1))`;

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
    claim: database.prepare("UPDATE pending SET runner = ?1 WHERE runner = ?2"),
    sendAgain: database.prepare(sendAgainSql),
    inheritance: database.prepare(inheritanceSql),
    unsent: database.prepare(unsentSql),
    entries: database.prepare(entriesSql),
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
  return [...new Set(holders.map(({ runner }) => Math.abs(runner)))];
}

/**
 * What those runners were to finish is `heir`'s from now on, all of it at once: under its number below
 * zero until `keep`, which tells it from its own. Their transports may be gone with them: it is to be sent
 * again.
 */
export function claim({ statements }: Checkpoints, heir: number, from: readonly number[]): void {
  for (const runner of from.flatMap((one) => [one, -one])) {
    statements.sendAgain.run([-heir, runner]);
    statements.claim.run([-heir, runner]);
  }
}

/** All that was claimed has been read. */
export function keep({ statements }: Checkpoints, heir: number): void {
  statements.claim.run([heir, -heir]);
}

/** A piece of work, and where it stands. */
export type Placed = { readonly owed: Owed; readonly place: Place };
type Place = JournalPlace & { readonly kind: Work["kind"] };
type Page = { readonly after: Place; readonly limit: number };

/** What `heir` has claimed, each piece once, in the order of recording. */
export function inheritanceOf(
  checkpoints: Checkpoints,
  heir: number,
  { after, limit }: Page,
): readonly Placed[] {
  const { seq, kind, position } = after;
  const rows = checkpoints.statements.inheritance.all([-heir, seq, kind, position, limit]);
  return placed(checkpoints, rows as readonly Place[]); // its columns are selected
}

/** What no transport has taken, of one runner, in the order of recording. */
export function unsentOf(
  checkpoints: Checkpoints,
  runner: number,
  { after, limit }: Page,
): readonly Placed[] {
  const rows = checkpoints.statements.unsent.all([runner, after.seq, after.position, limit]);
  return placed(checkpoints, rows as readonly Place[]); // its columns are selected
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

/** Each entry is read once, however many pieces of a page are of it. */
function placed({ statements }: Checkpoints, places: readonly Place[]): readonly Placed[] {
  const wanted = JSON.stringify([...new Set(places.map(({ seq }) => seq))]);
  const entries = new Map(
    statements.entries.all([wanted]).map((row) => {
      const entry = row as BodyRow & { readonly seq: number }; // its columns are selected
      return [entry.seq, consequencesOf(entry)];
    }),
  );
  return places.map((place) => {
    const owed = pieceOf(entries.get(place.seq), place);
    if (owed !== undefined) return { place, owed };
    throw new Error(`pending work ${place.seq}/${place.position} is not in its entry`);
  });
}

function pieceOf(
  entry: ReturnType<typeof consequencesOf> | undefined,
  { kind, position }: Place,
): Owed | undefined {
  const [timer, message] = [entry?.timers[position], entry?.outgoing[position]];
  if (kind === "timer") return timer && { type: "timer", timer };
  return message && { type: "message", message };
}

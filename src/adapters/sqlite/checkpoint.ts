import type { Selectable } from "kysely";
import type { JournalPlace, Owed, OwedTo } from "../../pipeline/ports.ts";
import { type Consumers, transport, transportNumber } from "./consumers.ts";
import type { Database } from "./database.ts";
import { type ConsequencesColumns, consequencesOf } from "./entry-row.ts";
import { idOf, keyOf } from "./keys.ts";
import type { Decided, OpenWork, Work } from "./open-work.ts";
import type { Schema } from "./schema.ts";

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
  readonly consumers: Consumers;
  readonly statements: ReturnType<typeof prepareStatements>;
  /** Who holds work, as long as no other connection has written (its version says whether one has). */
  holders: { readonly version: number; readonly runners: readonly number[] } | null;
};

export const createCheckpoints = (database: Database, consumers: Consumers): Checkpoints => ({
  ...{ database, consumers, holders: null },
  statements: prepareStatements(database),
});

const kinds = ["message", "timer"] as const;
const [messageKind, timerKind] = [0, 1];
/** More than an entry has. */
const positionsMax = 2 ** 32;
const someRunners = "runner IN (SELECT value FROM json_each(?1))";

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
    holders: prepare("SELECT DISTINCT runner FROM pending"),
    // In the order of the key, so that it needs neither a sort nor an index.
    inheritance: prepare(
      `SELECT seq, group_concat((kind * ${positionsMax} + position) * 2 + (consumer != ${transportNumber}))
         AS pieces
       FROM pending WHERE ${someRunners} GROUP BY seq ORDER BY seq`,
    ),
    claim: prepare(`UPDATE pending SET runner = ?2 WHERE ${someRunners}`),
    unsent: prepare(
      `SELECT seq, position FROM pending
       WHERE runner = ?1 AND consumer = ${transportNumber} AND (seq, position) > (?2, ?3)
       ORDER BY seq, position LIMIT ?4`,
    ),
    entries: prepare(
      `SELECT seq, message_id, flow_id, consequences FROM entry
       WHERE seq IN (SELECT value FROM json_each(?1))`,
    ),
    entriesAfter: prepare(
      `SELECT seq, runner, consumer, message_id, flow_id, ended, consequences FROM entry
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

/** Runners that have work. */
export function holdersOf(checkpoints: Checkpoints): readonly number[] {
  const { database, holders, statements } = checkpoints;
  const version = database.pragma("data_version");
  if (holders?.version === version) return holders.runners;
  const runners = statements.holders.all([]).map((row) => numberIn(row, "runner"));
  checkpoints.holders = { version, runners };
  return runners;
}

/** A piece of work, and where it stands. */
export type Placed = { readonly owed: Owed; readonly place: Place };
type Place = JournalPlace & {
  readonly kind: Work["kind"];
  /** A transport was to take it; it is known already that it must. */
  readonly isUnsent: boolean;
};
/** What is taken over, and not read yet: only places, in the order of recording. */
export type Inheritance = {
  readonly places: readonly {
    readonly seq: number;
    /** For each piece its kind, its position, and whether it is a transport or a consumer that it waits for. */
    readonly pieces: string;
  }[];
};

/** What those runners were to finish is `heir`'s from now on, all of it at once. */
export function claim(
  checkpoints: Checkpoints,
  heir: number,
  from: readonly number[],
): Inheritance {
  if (from.length === 0) return { places: [] };
  const { statements } = checkpoints;
  checkpoints.holders = null;
  const runners = JSON.stringify(from);
  const rows = statements.inheritance.all([runners]);
  statements.claim.run([runners, heir]);
  return { places: rows as unknown as Inheritance["places"] }; // its columns are selected
}

/** How far an inheritance is read: so many entries, and of the next one so many pieces. */
export type Reading = { readonly entries: number; readonly pieces: number };

/** At most `limit` pieces of an inheritance, each once, and how far it is read then. */
export function inheritedOf(
  checkpoints: Checkpoints,
  { places }: Inheritance,
  from: Reading,
  limit: number,
): { readonly placed: readonly Placed[]; readonly next: Reading } {
  const wanted: Place[] = [];
  let next = from;
  while (wanted.length < limit) {
    const place = places[next.entries];
    if (place === undefined) break;
    const left = piecesOf(place).slice(next.pieces);
    const taken = left.slice(0, limit - wanted.length);
    wanted.push(...taken);
    next =
      taken.length === left.length
        ? { entries: next.entries + 1, pieces: 0 }
        : { entries: next.entries, pieces: next.pieces + taken.length };
  }
  return { placed: placed(checkpoints, wanted), next };
}

/** What no transport has taken, of one runner, in the order of recording. */
export function unsentOf(
  checkpoints: Checkpoints,
  runner: number,
  { after, limit }: { readonly after: JournalPlace; readonly limit: number },
): readonly Placed[] {
  const rows = checkpoints.statements.unsent.all([runner, after.seq, after.position, limit]);
  const same = { kind: "message", isUnsent: true } as const;
  return placed(
    checkpoints,
    rows.map((row) => ({
      ...{ ...same, seq: numberIn(row, "seq"), position: numberIn(row, "position") },
    })),
  );
}

/** Each piece once, whoever waits for it; messages stand before timers, a transport before consumers. */
function piecesOf({ pieces, seq }: Inheritance["places"][number]): readonly Place[] {
  const found: Place[] = [];
  let last = -1;
  for (const code of pieces.split(",").map(Number).sort(ascending)) {
    const piece = Math.floor(code / 2);
    if (piece === last) continue;
    last = piece;
    const kind = kinds[Math.floor(piece / positionsMax)] ?? "message";
    found.push({ seq, kind, position: piece % positionsMax, isUnsent: code % 2 === 0 });
  }
  return found;
}

const ascending = (one: number, other: number) => one - other;

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
      yield {
        seq: row.seq,
        runner: row.runner,
        consumer: consumers.nameOf(row.consumer),
        messageId: idOf(row.message_id),
        flowId: idOf(row.flow_id),
        isEnded: row.ended > 0,
        ...consequencesOf(row),
      };
    }
    if (rows.length < pageSize) return;
  }
}
type After = ConsequencesColumns & {
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
function isOpen({ consumers, statements }: Checkpoints, work: Work): boolean {
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

/** Each entry is read once, however many pieces of a page are of it. */
function placed({ statements }: Checkpoints, places: readonly Place[]): readonly Placed[] {
  const wanted = JSON.stringify([...new Set(places.map(({ seq }) => seq))]);
  const entries = new Map(
    statements.entries.all([wanted]).map((row) => {
      const entry = row as ConsequencesColumns & { readonly seq: number }; // its columns are selected
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

function numberIn(row: Readonly<Record<string, unknown>> | undefined, column: string): number {
  const value = row?.[column];
  return typeof value === "number" ? value : 0;
}

import type { Selectable } from "kysely";
import type { JournalPlace, Owed, OwedTo } from "../../pipeline/ports.ts";
import { type Consumers, transport, transportNumber } from "./consumers.ts";
import type { Database } from "./database.ts";
import { type Consequences, type ConsequencesColumns, consequencesOf } from "./entry-row.ts";
import { idOf, keyOf } from "./keys.ts";
import type { Decided, OpenWork, Work } from "./open-work.ts";
import type { Schema } from "./schema.ts";

// Finding unfinished work without reading history.
//
// 1. Whatever an entry up to `checkpoint.seq` asked for is finished or in `pending`.
// 2. The checkpoint and `pending` move together, in one transaction.
// 3. Work in `pending` belongs to the runner that is to finish it, or to its heir: only that of runners
//    that are gone changes hands, in the transaction that found them gone, up to the checkpoint of then.
//    One that was suspended and goes on has what it records after that for itself.
//
// All of these run inside a transaction of the caller; `work` may be cleared when it has committed.

export type Checkpoints = {
  readonly database: Database;
  readonly consumers: Consumers;
  readonly statements: ReturnType<typeof prepareStatements>;
  /** Who holds work, as long as no other connection has written (its version says whether one has). */
  holders: { readonly version: number; readonly runners: Holders } | null;
};

export const createCheckpoints = (database: Database, consumers: Consumers): Checkpoints => ({
  ...{ database, consumers, holders: null },
  statements: prepareStatements(database),
});

const kinds = ["message", "timer"] as const;
const [messageKind, timerKind] = [0, 1];
/** More than an entry has. */
const positionsMax = 2 ** 32;
const someRunners = "(SELECT value FROM json_each(?1))";
/** Of a row of \`pending\`: by whom, if by anybody, it was taken over. */
const inheritedAs = (column: "heir" | "batch") =>
  `(SELECT ${column} FROM inherited WHERE inherited.runner = pending.runner
    AND inherited.upto >= pending.seq ORDER BY inherited.upto LIMIT 1)`;
const holder = `coalesce(${inheritedAs("heir")}, pending.runner)`;

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
    holders: prepare(
      `SELECT runner, max(seq) AS last,
         (SELECT max(upto) FROM inherited WHERE inherited.runner = pending.runner) AS upto
       FROM pending GROUP BY runner`,
    ),
    heirs: prepare("SELECT DISTINCT heir FROM inherited"),
    forgetInherited: prepare(`DELETE FROM inherited WHERE runner NOT IN ${someRunners}`),
    lastBatch: prepare("SELECT coalesce(max(batch), 0) AS batch FROM inherited"),
    inherit: prepare(
      `INSERT INTO inherited SELECT value, (SELECT seq FROM checkpoint), ?2, ?3 FROM json_each(?1)`,
    ),
    inheritAgain: prepare(
      `UPDATE inherited SET heir = ?2, batch = ?3 WHERE heir IN ${someRunners}`,
    ),
    // In the order of the key, so that it needs neither a sort nor an index.
    batch: prepare(
      `SELECT entry.seq, entry.message_id, entry.flow_id, entry.consequences,
         group_concat((kind * ${positionsMax} + position) * 2 + (pending.consumer != ${transportNumber}))
         AS pieces
       FROM pending JOIN entry ON entry.seq = pending.seq
       WHERE (pending.seq, kind, position) > (?2, ?3, ?4) AND ${inheritedAs("batch")} = ?1
       GROUP BY pending.seq ORDER BY pending.seq LIMIT ?5`,
    ),
    unsent: prepare(
      `SELECT seq, position FROM pending
       WHERE ${holder} = ?1 AND consumer = ${transportNumber} AND (seq, position) > (?2, ?3)
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

/** Those that have work: their own, and what they took over. */
export type Holders = {
  /** Whatever they were to finish is nobody else's. */
  readonly own: readonly number[];
  readonly heirs: readonly number[];
  /** All that `pending` names. */
  readonly named: readonly number[];
};

export function holdersOf(checkpoints: Checkpoints): Holders {
  const { database, holders, statements } = checkpoints;
  const version = database.pragma("data_version");
  if (holders?.version === version) return holders.runners;
  const rows = statements.holders.all([]);
  const runners = {
    own: rows
      .filter((row) => numberIn(row, "last") > numberIn(row, "upto"))
      .map((row) => numberIn(row, "runner")),
    heirs: statements.heirs.all([]).map((row) => numberIn(row, "heir")),
    named: rows.map((row) => numberIn(row, "runner")),
  };
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

/** What those that are gone were to finish is `heir`'s from now on, all of it at once. Gives its number. */
export function claim(
  checkpoints: Checkpoints,
  heir: number,
  isGone: (runner: number) => boolean,
): number | null {
  const { statements } = checkpoints;
  const { heirs, named, own } = holdersOf(checkpoints);
  const [gone, goneHeirs] = [own.filter(isGone), heirs.filter(isGone)];
  if (gone.length + goneHeirs.length === 0) return null;
  checkpoints.holders = null;
  statements.forgetInherited.run([JSON.stringify(named)]);
  const batch = numberIn(statements.lastBatch.first([]), "batch") + 1;
  statements.inheritAgain.run([JSON.stringify(goneHeirs), heir, batch]);
  statements.inherit.run([JSON.stringify(gone), heir, batch]);
  return batch;
}

/** The last piece of an inheritance that was read. */
export type Reading = { readonly seq: number; readonly kind: number; readonly position: number };
export const unread: Reading = { seq: 0, kind: messageKind, position: -1 };
/** Most entries ask for about so many things. */
const piecesOfEntry = 3;

/** At most `limit` pieces of an inheritance, each once, and how far it is read then; null: to its end. */
export function inheritedOf(
  { statements }: Checkpoints,
  batch: number,
  { kind, position, seq }: Reading,
  limit: number,
): { readonly placed: readonly Placed[]; readonly next: Reading | null } {
  const entriesMax = Math.ceil(limit / piecesOfEntry);
  const rows = statements.batch.all([batch, seq, kind, position, entriesMax]);
  const placed: Placed[] = [];
  for (const row of rows as readonly InheritedRow[]) {
    // its columns are selected
    const entry = consequencesOf(row);
    for (const place of piecesOf(row)) {
      if (placed.length === limit) return { placed, next: behind(placed) };
      placed.push(placedIn(entry, place));
    }
  }
  return { placed, next: rows.length < entriesMax ? null : behind(placed) };
}

function behind(placed: readonly Placed[]): Reading {
  const last = placed.at(-1)?.place;
  if (last === undefined) return unread;
  return { ...last, kind: last.kind === "timer" ? timerKind : messageKind };
}

type InheritedRow = ConsequencesColumns & {
  readonly seq: number;
  /** For each piece its kind, its position, and whether it is a transport or a consumer that it waits for. */
  readonly pieces: string;
};

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
function piecesOf({ pieces, seq }: InheritedRow): readonly Place[] {
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
  return places.map((place) => placedIn(entries.get(place.seq), place));
}

function placedIn(entry: Consequences | undefined, place: Place): Placed {
  const { kind, position, seq } = place;
  const [timer, message] = [entry?.timers[position], entry?.outgoing[position]];
  if (kind === "timer" && timer !== undefined) return { place, owed: { type: "timer", timer } };
  if (kind === "message" && message !== undefined)
    return { place, owed: { type: "message", message } };
  throw new Error(`pending work ${seq}/${position} is not in its entry`);
}

function numberIn(row: Readonly<Record<string, unknown>> | undefined, column: string): number {
  const value = row?.[column];
  return typeof value === "number" ? value : 0;
}

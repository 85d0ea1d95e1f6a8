import type { Message } from "../../pipeline/message.ts";
import type { JournalPlace, Owed } from "../../pipeline/ports/journal.ts";
import { messageKind, numberIn, timerKind } from "./checkpoint.ts";
import { transportNumber } from "./consumers.ts";
import type { Database } from "./database.ts";
import { type Consequences, consequencesFrom } from "./entry-row.ts";
import { type IdTexts, idsOfTexts, idTexts } from "./keys.ts";
import type { Text } from "./schema.ts";

// Who finishes what is open, and what that is.
//
// 1. Work in `pending` belongs to the runner that was to finish it, or to its heir: only that of runners that
//    are gone changes hands, in the transaction that found them gone, up to the checkpoint of then. One that
//    was suspended and goes on has what it records after that for itself.
// 2. Nothing is written anew for that, and nothing is read before it is given.
//
// All of these run inside a transaction of the caller.

export type Inheritance = {
  /** Assigns everything that dead runners left to `heir`, in one step. Null: nothing was left. */
  claim(heir: number, isGone: (runner: number) => boolean): Batch | null;
  /** What was claimed in one step, in the order of recording. */
  inherited(batch: Batch, from: Reading, limit: number): Page;
  /** What no transport has taken, of one runner, in the order of recording. */
  unsent(runner: number, from: Reading, limit: number): Page;
};
type Batch = number;
/** The piece of work after which reading continues. */
export type Reading = JournalPlace & { readonly kind: number };
export const unread: Reading = { seq: 0, kind: messageKind, position: -1 };
export const behindMessage = (place: JournalPlace): Reading => ({ ...place, kind: messageKind });

export type Page = {
  /** At most as many as requested, each once, regardless of who waits for it. */
  readonly owed: readonly Owed[];
  /** Those of them that a transport took: the one that had them may be gone. */
  readonly taken: readonly Taken[];
  /** Null: nothing is left. */
  readonly next: Reading | null;
};
type Taken = JournalPlace & { readonly message: Message };

/** Most entries ask for about so many things. */
const piecesOfEntry = 3;
/** More than an entry has. */
const positionsMax = 2 ** 32;

export function createInheritance(database: Database): Inheritance {
  const statements = prepareStatements(database);
  const holdersNow = createHolders(database, statements);
  return {
    claim(heir, isGone) {
      const { heirs, named, own } = holdersNow.read();
      const [gone, goneHeirs] = [own.filter(isGone), heirs.filter(isGone)];
      if (gone.length + goneHeirs.length === 0) return null;
      holdersNow.forget();
      statements.forgetInherited.run([JSON.stringify(named)]);
      const batch = numberIn(statements.lastBatch.first([]), "batch") + 1;
      statements.inheritAgain.run([JSON.stringify(goneHeirs), heir, batch]);
      statements.inherit.run([JSON.stringify(gone), heir, batch]);
      return batch;
    },
    inherited: (batch, from, limit) => readPage(statements.ofBatch, batch, from, limit),
    unsent: (runner, from, limit) => readPage(statements.unsentOf, runner, from, limit),
  };
}

/** Those that have work. */
type Holders = {
  /** Runners that have some that was not taken over. */
  readonly own: readonly number[];
  readonly heirs: readonly number[];
  /** All that `pending` names. */
  readonly named: readonly number[];
};

/** They are known for as long as no other connection has written. */
function createHolders(database: Database, statements: ReturnType<typeof prepareStatements>) {
  let known: { readonly version: number; readonly holders: Holders } | null = null;
  const read = (): Holders => {
    const rows = statements.holders.all([]);
    const own = rows.filter((row) => numberIn(row, "own") === 1);
    return {
      own: own.map((row) => numberIn(row, "runner")),
      heirs: statements.heirs.all([]).map((row) => numberIn(row, "heir")),
      named: rows.map((row) => numberIn(row, "runner")),
    };
  };
  return {
    read() {
      const version = database.pragma("data_version");
      if (known?.version !== version) known = { version, holders: read() };
      return known.holders;
    },
    forget() {
      known = null;
    },
  };
}

function prepareStatements(database: Database) {
  const prepare = (sql: string) => database.prepare(sql);
  const those = "(SELECT value FROM json_each(?1))";
  /** Of a row of `pending`: by whom, if by anybody, it was taken over. */
  const inheritedAs = (column: "heir" | "batch") =>
    `(SELECT ${column} FROM inherited WHERE inherited.runner = pending.runner
      AND inherited.upto >= pending.seq ORDER BY inherited.upto LIMIT 1)`;
  const holder = `coalesce(${inheritedAs("heir")}, pending.runner)`;
  const isUnsent = `pending.consumer = ${transportNumber}`;
  /** In the order of the key, so that it needs neither a sort nor an index; a row for each entry. */
  const page = (condition: string) =>
    prepare(
      `SELECT entry.seq, ${idTexts}, entry.consequences,
         group_concat((kind * ${positionsMax} + position) * 2 + NOT ${isUnsent}) AS pieces
       FROM pending JOIN entry ON entry.seq = pending.seq
       WHERE (pending.seq, kind, position) > (?2, ?3, ?4) AND ${condition}
       GROUP BY pending.seq ORDER BY pending.seq LIMIT ?5`,
    );
  return {
    holders: prepare(
      // Without grouping all of it, which would sort it. What was taken over mostly reaches to the end.
      `SELECT runner, EXISTS (
         SELECT 1 FROM pending WHERE pending.runner = named.runner AND pending.seq > coalesce(
           (SELECT max(upto) FROM inherited WHERE inherited.runner = named.runner), 0)) AS own
       FROM (SELECT DISTINCT runner FROM pending) AS named`,
    ),
    heirs: prepare("SELECT DISTINCT heir FROM inherited"),
    forgetInherited: prepare(`DELETE FROM inherited WHERE runner NOT IN ${those}`),
    lastBatch: prepare("SELECT coalesce(max(batch), 0) AS batch FROM inherited"),
    inherit: prepare(
      `INSERT INTO inherited SELECT value, (SELECT seq FROM checkpoint), ?2, ?3 FROM json_each(?1)`,
    ),
    inheritAgain: prepare(`UPDATE inherited SET heir = ?2, batch = ?3 WHERE heir IN ${those}`),
    ofBatch: page(`${inheritedAs("batch")} = ?1`),
    unsentOf: page(`${holder} = ?1 AND ${isUnsent}`),
  };
}

function readPage(
  statement: ReturnType<Database["prepare"]>,
  whose: number,
  from: Reading,
  limit: number,
): Page {
  const entriesMax = Math.ceil(limit / piecesOfEntry);
  // One more says whether anything is left.
  const rows = statement.all([
    ...[whose, from.seq, from.kind, from.position, entriesMax + 1],
  ]) as readonly unknown[] as readonly EntryRow[]; // its columns are selected
  const owed: Owed[] = [];
  const taken: Taken[] = [];
  let next = from;
  for (const row of rows.slice(0, entriesMax)) {
    const entry = consequencesFrom(row.consequences, idsOfTexts(row));
    for (const { isTaken, kind, position } of piecesIn(row.pieces)) {
      if (owed.length === limit) return { owed, taken, next };
      next = { seq: row.seq, kind, position };
      const piece = pieceOf(entry, next);
      owed.push(piece);
      if (piece.type === "message" && isTaken)
        taken.push({ seq: row.seq, position, message: piece.message });
    }
  }
  return { owed, taken, next: rows.length > entriesMax ? next : null };
}

type EntryRow = IdTexts & {
  readonly seq: number;
  readonly consequences: Text | null;
  /** For each piece its kind, its position, and whether it is a transport or a consumer that it waits for. */
  readonly pieces: string;
};
type Piece = Pick<Reading, "kind" | "position"> & { readonly isTaken: boolean };

/** Of many entries these are the same. */
const knownPieces = new Map<string, readonly Piece[]>();
const knownPiecesMax = 256;

function piecesIn(codes: string): readonly Piece[] {
  const known = knownPieces.get(codes);
  if (known !== undefined) return known;
  if (knownPieces.size === knownPiecesMax) knownPieces.clear();
  const pieces = codesIn(codes).map(pieceOfCode);
  knownPieces.set(codes, pieces);
  return pieces;
}

/** Each piece once; messages stand before timers, a transport before consumers. */
function codesIn(pieces: string): readonly number[] {
  const codes = pieces.split(",").map(Number);
  return codes
    .sort((one, other) => one - other)
    .filter((code, index) => Math.floor(code / 2) !== Math.floor((codes[index - 1] ?? -2) / 2));
}

function pieceOfCode(code: number): Piece {
  const piece = Math.floor(code / 2);
  const [kind, position] = [Math.floor(piece / positionsMax), piece % positionsMax];
  return { kind, position, isTaken: code % 2 === 1 };
}

function pieceOf({ outgoing, timers }: Consequences, { kind, position, seq }: Reading): Owed {
  const [timer, message] = [timers[position], outgoing[position]];
  if (kind === timerKind && timer !== undefined)
    return { type: "timer", timer, place: { seq, position } };
  if (kind === messageKind && message !== undefined) return { type: "message", message };
  throw new Error(`pending work ${seq}/${position} is not in its entry`);
}

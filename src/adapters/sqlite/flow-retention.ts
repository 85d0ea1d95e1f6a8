import { TuError } from "../../pipeline/errors.ts";
import type { Clock } from "../../pipeline/ports/clock.ts";
import type { FlowPlace, FlowRetention, KeptFlow } from "../../pipeline/ports/flow-retention.ts";
import { type Journal, parking } from "../../pipeline/ports/journal.ts";
import type { Consumers } from "./consumers.ts";
import type { Database } from "./database.ts";
import type { EntryStatements } from "./entry-statements.ts";
import { idOf, type Key, keyOf } from "./keys.ts";
import type { Packing } from "./packing.ts";
import type { Runners } from "./runners.ts";
import { realTurns, type Turns } from "./turns.ts";
import type { Writer } from "./writer.ts";

// Which flows the journal keeps.
//
// 1. A flow is removed as a whole: its entries refer to each other, and to those of no other flow.
// 2. A flow that may still be written to stays: one that owes something, has a state, or was touched recently (see
//    `known-messages.ts`).
// 3. The entry with the highest number stays, with its flow: SQLite would assign that number again, and checkpoints
//    and other processes would mistake the new entry for the old one.

const pageSize = 500;
const settledAfterMs = 60_000;

const isFinished = (
  flowId: string,
) => `NOT EXISTS (SELECT 1 FROM pending WHERE pending.flow_id = ${flowId})
    AND NOT EXISTS (
      SELECT 1 FROM entry AS stated WHERE stated.flow_id = ${flowId} AND flow_sequence IS NOT NULL
      GROUP BY consumer HAVING max(ended) = 0)`;
const isSettledSql = "(max(at) < ?3 AND max(seq) < (SELECT max(seq) FROM entry))";
const sizeOf = (column: string) => `coalesce(length(${column}), 0)`;
const keptSql = `SELECT min(seq) AS first_seq, min(at) AS first_at, max(at) AS last_at,
    count(*) AS entries,
    sum(${["message", "consequences", "state"].map(sizeOf).join(" + ")}) AS size,
    sum(consumer = ?2) AS dead_letters, ${isFinished("?1")} AS is_finished,
    ${isSettledSql} AS is_settled
  FROM entry WHERE flow_id = ?1`;
const removableSql = `SELECT ${isFinished("?1")} AND ${isSettledSql} AND ?2 IS NULL AS is_removable
  FROM entry WHERE flow_id = ?1`;
const beginningsSql = "SELECT seq, flow_id FROM entry WHERE seq > ?1 ORDER BY seq LIMIT ?2";
/** Of the next flows after an id; every id sorts after a number. */
const countSql = `SELECT count(*) AS flows, coalesce(sum(is_finished), 0) AS finished, max(flow_id) AS last
  FROM (
    SELECT flow_id, ${isFinished("page.flow_id")} AS is_finished FROM (
      SELECT DISTINCT flow_id FROM entry WHERE flow_id > ?1 ORDER BY flow_id LIMIT ?2) AS page)`;
const beforeAll = -1;
/** Takes a few milliseconds; other work can run in between. */
const countedAtOnce = 100;

export function createFlowRetention(options: {
  readonly database: Database;
  readonly writer: Writer;
  readonly runners: Runners;
  readonly clock: Clock;
  readonly consumers: Consumers;
  readonly packing: Packing;
  readonly journal: Pick<Journal, "history"> & Pick<EntryStatements, "messageAt">;
  /** Writes open work to the file; until then it exists in memory only. */
  readonly checkpoint: () => void;
  readonly turns?: Turns;
}): FlowRetention {
  const { checkpoint, clock, consumers, database, journal, packing, runners, writer } = options;
  const { turns = realTurns } = options;
  const statements = prepareStatements(database);

  const list: FlowRetention["list"] = async ({ after, limit }) => {
    if (after !== null) await breath(turns);
    writer.flush();
    if (after === null) checkpoint();
    const rows = statements.beginnings.all([after ?? 0, limit]) as readonly Beginning[]; // the selected columns
    const last = rows.at(-1);
    const asked = [consumers.known(parking), clock.nowMs() - settledAfterMs] as const;
    const flows: KeptFlow[] = [];
    for (const flowKey of begunIn(rows)) {
      const row = statements.kept.first([flowKey, ...asked]) as KeptRow; // the selected columns
      if (rows.some(({ seq }) => seq === row.first_seq))
        flows.push(keptOf(row, idOf(flowKey), journal.messageAt(row.first_seq)?.subject ?? ""));
    }
    return { flows, next: rows.length < limit || last === undefined ? null : last.seq };
  };
  const requireAlone = () => {
    if (!runners.hasOthers()) return;
    throw new TuError("E_STATE_BUSY", `${database.file} is in use by another process`, {
      hint: "end the other process first; if it was killed, wait ten seconds",
    });
  };
  return {
    list,
    async count() {
      writer.flush();
      checkpoint();
      return countFlows(statements, turns);
    },
    async remove(flowIds) {
      writer.flush();
      checkpoint();
      const untouchedSince = clock.nowMs() - settledAfterMs;
      return writer.write(() => {
        const removed = flowIds.filter((flowId) => {
          const row = statements.removable.first([keyOf(flowId), null, untouchedSince]);
          return row?.["is_removable"] === 1;
        });
        for (const flowId of removed)
          for (const statement of statements.removals) statement.run([keyOf(flowId)]);
        return removed;
      });
    },
    async taken(messageId) {
      writer.flush();
      const row = statements.taken.first([keyOf(messageId)]);
      return row === undefined ? undefined : journal.messageAt(Number(row["seq"]));
    },
    requireAlone,
    async clear() {
      writer.flush();
      database.transaction(() => {
        requireAlone();
        for (const table of ["pending", "inherited", "trouble", "entry", "definition"])
          database.exec(`DELETE FROM ${table}`);
        database.exec("UPDATE checkpoint SET seq = 0");
      });
      database.exec("VACUUM");
    },
    async compact() {
      writer.flush();
      packing.all();
      database.exec("VACUUM");
    },
    async verify() {
      const problems = database.integrityProblems();
      for (
        let after: FlowPlace = null, isFirst = true;
        isFirst || after !== null;
        isFirst = false
      ) {
        const page = await list({ after, limit: pageSize });
        for (const { flowId } of page.flows) problems.push(...(await problemsIn(journal, flowId)));
        after = page.next;
      }
      return problems;
    },
  };
}

async function countFlows({ count }: ReturnType<typeof prepareStatements>, turns: Turns) {
  let [finished, underWay] = [0, 0];
  for (let after: Key | number = beforeAll; ; ) {
    const page = count.first([after, countedAtOnce]) as Counted; // the selected columns
    finished += page.finished;
    underWay += page.flows - page.finished;
    if (page.flows < countedAtOnce) return { finished, underWay };
    after = page.last;
    await breath(turns);
  }
}

/** Lets pending work run. */
const breath = (turns: Turns) => new Promise<void>((resolve) => turns.next(resolve));

type Counted = { readonly flows: number; readonly finished: number; readonly last: Key };
type Beginning = { readonly seq: number; readonly flow_id: Key };
type KeptRow = {
  readonly first_seq: number;
  readonly first_at: number;
  readonly last_at: number;
  readonly entries: number;
  readonly size: number;
  readonly dead_letters: number;
  readonly is_finished: number;
  readonly is_settled: number;
};

function prepareStatements(database: Database) {
  return {
    beginnings: database.prepare(beginningsSql),
    taken: database.prepare("SELECT seq FROM entry WHERE message_id = ?1 LIMIT 1"),
    kept: database.prepare(keptSql),
    removable: database.prepare(removableSql),
    removals: ["entry", "trouble"].map((table) =>
      database.prepare(`DELETE FROM ${table} WHERE flow_id = ?1`),
    ),
    count: database.prepare(countSql),
  };
}

/** The flow of each of these entries, once. */
const begunIn = (rows: readonly Beginning[]): readonly Key[] =>
  [...new Set(rows.map(({ flow_id }) => idOf(flow_id)))].map(keyOf);

function keptOf(row: KeptRow, flowId: string, subject: string): KeptFlow {
  return {
    flowId,
    subject,
    firstAtMs: row.first_at,
    lastAtMs: row.last_at,
    entries: row.entries,
    sizeBytes: row.size,
    isFinished: row.is_finished === 1,
    isRemovable: row.is_finished === 1 && row.is_settled === 1,
    deadLetters: row.dead_letters,
  };
}

/** Reading an entry resolves its references. */
async function problemsIn(
  journal: Pick<Journal, "history">,
  flowId: string,
): Promise<readonly string[]> {
  try {
    await journal.history(flowId);
    return [];
  } catch (error) {
    return [`flow ${flowId} cannot be read: ${error instanceof Error ? error.message : error}`];
  }
}

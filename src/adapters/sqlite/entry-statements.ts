import type { FlowRecord, JournalEntry } from "../../pipeline/ports.ts";
import type { Database } from "./database.ts";
import { type EntryRow, fromRow, toFlow, toRow } from "./entry-row.ts";

/** The statements of the hot path, prepared once. */
export type EntryStatements = {
  /** The entry's number; null when its message is recorded already or its flow's sequence does not follow. */
  insert(entry: JournalEntry, runner: number): number | null;
  /** Tells that an entry is committed, so that the one that follows it need not look. */
  committed(entry: JournalEntry): void;
  find(consumer: string, messageId: string): JournalEntry | undefined;
  flow(consumer: string, flowId: string): FlowRecord | undefined;
  history(flowId: string): readonly JournalEntry[];
};

const values = "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10";
const into = `INSERT INTO entry (runner, consumer, message_id, flow_id, flow_sequence, ended,
                                 incoming, outgoing, timers, state)`;
const insertSql = `${into} VALUES (${values}) ON CONFLICT DO NOTHING`;
/** One statement decides: a second one to look first would be a second trip for every entry. */
const insertFollowingSql = `${into} SELECT ${values}
  WHERE EXISTS (
    SELECT 1 FROM entry WHERE flow_id = ?4 AND consumer = ?2 AND flow_sequence = ?5 - 1)
  ON CONFLICT DO NOTHING`;

export function prepareEntryStatements(database: Database): EntryStatements {
  const { query } = database;
  const insert = database.prepare(insertSql);
  const insertFollowing = database.prepare(insertFollowingSql);
  const recent = createRecentSequences();
  const entries = query
    .selectFrom("entry")
    .select(["consumer", "message_id", "flow_id", "flow_sequence", "ended"])
    .select(["incoming", "outgoing", "timers", "state"]);
  const find = database.prepare(
    entries.where("message_id", "=", "").where("consumer", "=", "").compile().sql,
  );
  const flow = database.prepare(
    query
      .selectFrom("entry")
      .select(["flow_sequence", "ended", "state"])
      .where("flow_id", "=", "")
      .where("consumer", "=", "")
      .where("flow_sequence", "is not", null)
      .orderBy("flow_sequence", "desc")
      .limit(1)
      .compile().sql,
  );
  return {
    insert(entry, runner) {
      const row = toRow(entry);
      const statement = recent.leadsTo(entry) ? insert : insertFollowing;
      const { changes, seq } = statement.run([
        runner,
        row.consumer,
        row.message_id,
        row.flow_id,
        row.flow_sequence,
        row.ended,
        row.incoming,
        row.outgoing,
        row.timers,
        row.state,
      ]);
      return changes === 1 ? seq : null;
    },
    committed: recent.add,
    find(consumer, messageId) {
      const row = find.first([messageId, consumer]);
      return row === undefined ? undefined : fromRow(row as EntryRow); // its columns are selected
    },
    flow(consumer, flowId) {
      const row = flow.first([flowId, consumer, 1]);
      return row === undefined ? undefined : (toFlow(row as EntryRow) ?? undefined); // its columns are selected
    },
    history: (flowId) =>
      database.all(entries.where("flow_id", "=", flowId).orderBy("seq")).map(fromRow),
  };
}

const recentMax = 10_000;

/**
 * The last sequence of flows that this process committed. Entries are never removed, so what
 * follows one of these leaves no gap; the unique index sees to the rest.
 */
function createRecentSequences() {
  const sequences = new Map<string, number>();
  const keyOf = ({ consumer, message }: JournalEntry) => `${consumer}\u0000${message.flowId}`;
  return {
    leadsTo: (entry: JournalEntry): boolean =>
      entry.flow === null ||
      entry.flow.sequence === 1 ||
      sequences.get(keyOf(entry)) === entry.flow.sequence - 1,
    add(entry: JournalEntry): void {
      if (entry.flow === null) return;
      if (sequences.size >= recentMax) sequences.clear();
      if (entry.flow.ended) sequences.delete(keyOf(entry));
      else sequences.set(keyOf(entry), entry.flow.sequence);
    },
  };
}

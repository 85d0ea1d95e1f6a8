import type { FlowRecord, JournalEntry } from "../../pipeline/ports.ts";
import type { Database } from "./database.ts";
import { type EntryRow, fromRow, toFlow, toRow } from "./entry-row.ts";
import { createFlowCache } from "./flow-cache.ts";

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

const values = "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8";
const into = `INSERT INTO entry (runner, consumer, message_id, flow_id, flow_sequence, ended, body,
                                 state)`;
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
  const cache = createFlowCache(database);
  const entries = query
    .selectFrom("entry")
    .select(["consumer", "message_id", "flow_id", "flow_sequence", "ended", "body", "state"]);
  const find = database.prepare(
    entries.where("message_id", "=", "").where("consumer", "=", "").compile().sql,
  );
  const lastOfFlow = database.prepare(
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
  const leavesNoGap = ({ consumer, message, flow }: JournalEntry) =>
    flow === null ||
    flow.sequence === 1 ||
    cache.sequence(consumer, message.flowId) === flow.sequence - 1;
  const readFlow = (consumer: string, flowId: string) => {
    const row = lastOfFlow.first([flowId, consumer, 1]);
    const record = row === undefined ? null : toFlow(row as EntryRow); // its columns are selected
    if (record === null) return undefined;
    cache.set(consumer, flowId, record);
    return record;
  };
  return {
    insert(entry, runner) {
      const row = toRow(entry);
      const { changes, seq } = (leavesNoGap(entry) ? insert : insertFollowing).run([
        runner,
        row.consumer,
        row.message_id,
        row.flow_id,
        row.flow_sequence,
        row.ended,
        row.body,
        row.state,
      ]);
      if (changes === 1) return seq;
      cache.drop(entry.consumer, entry.message.flowId);
      return null;
    },
    committed({ consumer, message, flow }) {
      if (flow !== null) cache.set(consumer, message.flowId, flow);
    },
    find(consumer, messageId) {
      const row = find.first([messageId, consumer]);
      return row === undefined ? undefined : fromRow(row as EntryRow); // its columns are selected
    },
    flow: (consumer, flowId) => cache.get(consumer, flowId) ?? readFlow(consumer, flowId),
    history: (flowId) =>
      database.all(entries.where("flow_id", "=", flowId).orderBy("seq")).map(fromRow),
  };
}

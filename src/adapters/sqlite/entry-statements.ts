import type { Selectable } from "kysely";
import type { Message } from "../../pipeline/message.ts";
import type { Clock } from "../../pipeline/ports/clock.ts";
import type { FlowRecord, JournalEntry } from "../../pipeline/ports/journal.ts";
import type { Consumers } from "./consumers.ts";
import type { Database } from "./database.ts";
import {
  type ConsequencesColumns,
  consequencesText,
  type MessageColumns,
  messageOf,
  messageText,
  parsed,
  type Sender,
  toJournalEntry,
} from "./entry-row.ts";
import { createFlowCache } from "./flow-cache.ts";
import { keyOf } from "./keys.ts";
import { createKnownMessages } from "./known-messages.ts";
import type { Schema } from "./schema.ts";
import type { Turns } from "./turns.ts";

/** The statements of the hot path, prepared once. */
export type EntryStatements = {
  /** The entry's number; null when its message is recorded already or its flow's sequence does not follow. */
  insert(
    entry: JournalEntry,
    by: { readonly runner: number; readonly atMs: number },
  ): number | null;
  find(consumer: string, messageId: string): JournalEntry | undefined;
  flow(consumer: string, flowId: string): FlowRecord | undefined;
  history(flowId: string): readonly JournalEntry[];
  /** What the entry of that number took. */
  messageAt(seq: number): Message | undefined;
};

const values = "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12";
const into = `INSERT INTO entry (runner, consumer, message_id, flow_id, flow_sequence, ended, at,
                                 message, from_seq, from_position, consequences, state)`;
const insertSql = `${into} VALUES (${values}) ON CONFLICT DO NOTHING`;
/** One statement decides: a second one to look first would be a second trip for every entry. */
const insertFollowingSql = `${into} SELECT ${values}
  WHERE EXISTS (
    SELECT 1 FROM entry WHERE flow_id = ?4 AND consumer = ?2 AND flow_sequence = ?5 - 1)
  ON CONFLICT DO NOTHING`;
/** A state that a later one has replaced is no longer needed, unless it was final; packing drops it. */
const entrySql = `SELECT consumer, message_id, flow_id, flow_sequence, ended, message, from_seq,
    from_position, consequences,
    CASE WHEN ended > 0 OR NOT EXISTS (
      SELECT 1 FROM entry AS next WHERE next.flow_id = entry.flow_id
        AND next.consumer = entry.consumer AND next.flow_sequence = entry.flow_sequence + 1
    ) THEN state END AS state
  FROM entry`;
const lastOfFlowSql = `${entrySql} WHERE entry.flow_id = ?1 AND entry.consumer = ?2
  AND entry.flow_sequence IS NOT NULL ORDER BY entry.flow_sequence DESC LIMIT 1`;
const senderSql = "SELECT message_id, flow_id, consequences FROM entry WHERE seq = ?1";

type EntryRow = MessageColumns &
  ConsequencesColumns &
  Pick<Selectable<Schema["entry"]>, "consumer" | "flow_sequence" | "ended" | "state">;

export function prepareEntryStatements(
  database: Database,
  around: { readonly clock: Clock; readonly consumers: Consumers; readonly turns: Turns },
): EntryStatements {
  const { clock, consumers, turns } = around;
  const insert = database.prepare(insertSql);
  const insertFollowing = database.prepare(insertFollowingSql);
  const cache = createFlowCache(database, turns);
  const known = createKnownMessages(clock);
  database.onRollback(() => {
    cache.clear();
    known.clear();
  });
  const { flow: readFlow, ...reading } = prepareReading(database, consumers);

  const leavesNoGap = ({ consumer, message, flow }: JournalEntry) =>
    flow === null ||
    flow.sequence === 1 ||
    cache.sequence(consumer, message.flowId) === flow.sequence - 1;
  return {
    insert(entry, { runner, atMs }) {
      const { consumer, message, flow } = entry;
      const number = consumers.numberOf(consumer);
      const { ended, sequence, state } = columnsOf(flow);
      const sender = known.senderOf(message);
      const { changes, seq } = (leavesNoGap(entry) ? insert : insertFollowing).run([
        ...[runner, number, keyOf(message.id), keyOf(message.flowId)],
        ...[sequence, ended, atMs],
        ...(sender === null ? [messageText(message), null, null] : [null, ...sender]),
        ...[consequencesText(entry), state],
      ]);
      if (changes === 0) {
        cache.drop(consumer, message.flowId);
        return null;
      }
      // So that what follows it need not look.
      if (flow !== null) cache.set(consumer, message.flowId, flow);
      known.add(entry, seq);
      return seq;
    },
    flow(consumer, flowId) {
      const known = cache.get(consumer, flowId);
      if (known !== undefined) return known;
      const record = readFlow(consumer, flowId);
      if (record !== undefined) cache.set(consumer, flowId, record);
      return record;
    },
    ...reading,
  };
}

function prepareReading(database: Database, consumers: Consumers) {
  const found = database.prepare(`${entrySql} WHERE entry.message_id = ?1 AND entry.consumer = ?2`);
  const lastOfFlow = database.prepare(lastOfFlowSql);
  const ofFlow = database.prepare(`${entrySql} WHERE entry.flow_id = ?1 ORDER BY entry.seq`);
  const atSeq = database.prepare(`${entrySql} WHERE entry.seq = ?1`);
  const bySeq = database.prepare(senderSql);

  const sentBy = ([seq, position]: Sender) => {
    const row = bySeq.first([seq]);
    const message = row && toJournalEntry(row as ConsequencesColumns).outgoing[position]; // its columns are selected
    if (message !== undefined) return message;
    throw new Error(`entry ${seq} did not send what another one took from it`);
  };
  const takenBy = (row: MessageColumns): Message => {
    const message = messageOf(row);
    return "id" in message ? message : sentBy(message);
  };
  const entryOf = (row: EntryRow): JournalEntry => ({
    consumer: consumers.nameOf(row.consumer),
    message: takenBy(row),
    ...toJournalEntry(row),
    flow: toFlow(row),
  });
  return {
    find(consumer: string, messageId: string): JournalEntry | undefined {
      const row = found.first([keyOf(messageId), consumers.known(consumer)]);
      return row === undefined ? undefined : entryOf(row as EntryRow); // its columns are selected
    },
    flow(consumer: string, flowId: string): FlowRecord | undefined {
      const row = lastOfFlow.first([keyOf(flowId), consumers.known(consumer)]);
      return row === undefined ? undefined : (toFlow(row as EntryRow) ?? undefined); // as above
    },
    history: (flowId: string): readonly JournalEntry[] =>
      ofFlow.all([keyOf(flowId)]).map((row) => entryOf(row as EntryRow)), // as above
    messageAt(seq: number): Message | undefined {
      const row = atSeq.first([seq]);
      return row === undefined ? undefined : takenBy(row as EntryRow); // as above
    },
  };
}

function toFlow(row: Pick<EntryRow, "flow_sequence" | "state" | "ended">): FlowRecord | null {
  if (row.flow_sequence === null) return null;
  return {
    sequence: row.flow_sequence,
    state: row.state === null ? null : parsed(row.state),
    ended: row.ended > 0,
  };
}

/** Throws what JSON.stringify throws for a state that is not JSON. */
function columnsOf(flow: FlowRecord | null) {
  if (flow === null) return { sequence: null, ended: 0, state: null };
  const { ended, sequence, state } = flow;
  return { sequence, ended: ended ? 1 : 0, state: JSON.stringify(state) ?? "null" };
}

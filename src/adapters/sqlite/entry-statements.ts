import type { Clock, FlowRecord, JournalEntry } from "../../pipeline/ports.ts";
import type { Database } from "./database.ts";
import { consequencesOf, type EntryRow, messageOf, type Sender, toBody } from "./entry-row.ts";
import { createFlowCache } from "./flow-cache.ts";
import { createKnownMessages } from "./known-messages.ts";
import type { Turns } from "./turns.ts";

/** The statements of the hot path, prepared once. */
export type EntryStatements = {
  /** The entry's number; null when its message is recorded already or its flow's sequence does not follow. */
  insert(
    entry: JournalEntry,
    by: { readonly runner: number; readonly atMs: number },
  ): number | null;
  /** Tells that an entry is committed, so that the one that follows it need not look. */
  committed(entry: JournalEntry, seq: number): void;
  find(consumer: string, messageId: string): JournalEntry | undefined;
  flow(consumer: string, flowId: string): FlowRecord | undefined;
  history(flowId: string): readonly JournalEntry[];
};

const values = "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9";
const into = `INSERT INTO entry (runner, consumer, message_id, flow_id, flow_sequence, ended, body,
                                 state, at)`;
const insertSql = `${into} VALUES (${values}) ON CONFLICT DO NOTHING`;
/** One statement decides: a second one to look first would be a second trip for every entry. */
const insertFollowingSql = `${into} SELECT ${values}
  WHERE EXISTS (
    SELECT 1 FROM entry WHERE flow_id = ?4 AND consumer = ?2 AND flow_sequence = ?5 - 1)
  ON CONFLICT DO NOTHING`;
const keepStateSql = `INSERT INTO flow (flow_id, consumer, sequence, state) VALUES (?1, ?2, ?3, ?4)
  ON CONFLICT DO UPDATE SET sequence = ?3, state = ?4`;
const dropStateSql = "DELETE FROM flow WHERE flow_id = ?1 AND consumer = ?2";
/** An entry's own state, or that of its flow when it is the last one. */
const entrySql = `SELECT entry.consumer, entry.message_id, entry.flow_id, entry.flow_sequence,
    entry.ended, entry.at, entry.body, coalesce(entry.state, flow.state) AS state
  FROM entry LEFT JOIN flow ON flow.flow_id = entry.flow_id AND flow.consumer = entry.consumer
    AND flow.sequence = entry.flow_sequence`;
const lastOfFlowSql = `${entrySql} WHERE entry.flow_id = ?1 AND entry.consumer = ?2
  AND entry.flow_sequence IS NOT NULL ORDER BY entry.flow_sequence DESC LIMIT 1`;

export function prepareEntryStatements(
  database: Database,
  { clock, turns }: { readonly clock: Clock; readonly turns: Turns },
): EntryStatements {
  const insert = database.prepare(insertSql);
  const insertFollowing = database.prepare(insertFollowingSql);
  const keepState = database.prepare(keepStateSql);
  const dropState = database.prepare(dropStateSql);
  const found = database.prepare(`${entrySql} WHERE entry.message_id = ?1 AND entry.consumer = ?2`);
  const lastOfFlow = database.prepare(lastOfFlowSql);
  const ofFlow = database.prepare(`${entrySql} WHERE entry.flow_id = ?1 ORDER BY entry.seq`);
  const bySeq = database.prepare("SELECT message_id, flow_id, body FROM entry WHERE seq = ?1");
  const cache = createFlowCache(database, turns);
  const known = createKnownMessages(clock);

  const leavesNoGap = ({ consumer, message, flow }: JournalEntry) =>
    flow === null ||
    flow.sequence === 1 ||
    cache.sequence(consumer, message.flowId) === flow.sequence - 1;
  const writeState = ({ consumer, message: { flowId }, flow }: JournalEntry, state: string) => {
    if (flow === null) return;
    if (flow.ended) dropState.run([flowId, consumer]);
    else keepState.run([flowId, consumer, flow.sequence, state]);
  };
  const sentBy = ([seq, position]: Sender) => {
    const row = bySeq.first([seq]);
    const message = row && consequencesOf(row as EntryRow).outgoing[position]; // its columns are selected
    if (message !== undefined) return message;
    throw new Error(`entry ${seq} did not send what another one took from it`);
  };
  const entryOf = (row: EntryRow): JournalEntry => {
    const message = messageOf(row);
    return {
      consumer: row.consumer,
      message: "id" in message ? message : sentBy(message),
      ...consequencesOf(row),
      flow: toFlow(row),
    };
  };
  const readFlow = (consumer: string, flowId: string) => {
    const row = lastOfFlow.first([flowId, consumer]);
    const record = row === undefined ? null : toFlow(row as EntryRow); // its columns are selected
    if (record === null) return undefined;
    cache.set(consumer, flowId, record);
    return record;
  };
  return {
    insert(entry, { runner, atMs }) {
      const { consumer, message, flow } = entry;
      const state = textOf(flow?.state ?? null);
      const { changes, seq } = (leavesNoGap(entry) ? insert : insertFollowing).run([
        runner,
        consumer,
        message.id,
        message.flowId,
        flow?.sequence ?? null,
        flow?.ended === true ? 1 : 0,
        toBody(entry, known.senderOf(message)),
        flow?.ended === true ? state : null,
        atMs,
      ]);
      if (changes === 1) {
        writeState(entry, state);
        return seq;
      }
      cache.drop(consumer, message.flowId);
      return null;
    },
    committed(entry, seq) {
      const { consumer, message, flow } = entry;
      if (flow !== null) cache.set(consumer, message.flowId, flow);
      known.add(entry, seq);
    },
    find(consumer, messageId) {
      const row = found.first([messageId, consumer]);
      return row === undefined ? undefined : entryOf(row as EntryRow); // its columns are selected
    },
    flow: (consumer, flowId) => cache.get(consumer, flowId) ?? readFlow(consumer, flowId),
    history: (flowId) => ofFlow.all([flowId]).map((row) => entryOf(row as EntryRow)), // as above
  };
}

function toFlow(row: Pick<EntryRow, "flow_sequence" | "state" | "ended">): FlowRecord | null {
  if (row.flow_sequence === null) return null;
  return {
    sequence: row.flow_sequence,
    state: JSON.parse(row.state ?? "null"),
    ended: row.ended === 1,
  };
}

/** Throws what JSON.stringify throws for a state that is not JSON. */
function textOf(state: unknown): string {
  return JSON.stringify(state) ?? "null";
}

import type { Selectable } from "kysely";
import type { Message, Timer } from "../../pipeline/message.ts";
import type { FlowRecord, JournalEntry } from "../../pipeline/ports.ts";
import type { Schema } from "./schema.ts";

export type EntryRow = Omit<Selectable<Schema["entry"]>, "seq" | "runner">;

/** The row of an entry. Throws what JSON.stringify throws for a state or payload that is not JSON. */
export function toRow({ consumer, message, outgoing, timers, flow }: JournalEntry): EntryRow {
  return {
    consumer,
    message_id: message.id,
    flow_id: message.flowId,
    flow_sequence: flow?.sequence ?? null,
    ended: flow?.ended === true ? 1 : 0,
    incoming: JSON.stringify(message),
    outgoing: JSON.stringify(outgoing),
    timers: JSON.stringify(timers),
    state: flow === null ? null : (JSON.stringify(flow.state) ?? "null"),
  };
}

export function fromRow(row: EntryRow): JournalEntry {
  return {
    consumer: row.consumer,
    message: JSON.parse(row.incoming) as Message, // toRow wrote it
    outgoing: outgoingOf(row),
    timers: timersOf(row),
    flow: toFlow(row),
  };
}

export const outgoingOf = ({ outgoing }: Pick<EntryRow, "outgoing">): readonly Message[] =>
  JSON.parse(outgoing) as readonly Message[]; // toRow wrote it

export const timersOf = ({ timers }: Pick<EntryRow, "timers">): readonly Timer[] =>
  JSON.parse(timers) as readonly Timer[]; // toRow wrote it

export function toFlow(
  row: Pick<EntryRow, "flow_sequence" | "state" | "ended">,
): FlowRecord | null {
  if (row.flow_sequence === null) return null;
  return {
    sequence: row.flow_sequence,
    state: JSON.parse(row.state ?? "null"),
    ended: row.ended === 1,
  };
}

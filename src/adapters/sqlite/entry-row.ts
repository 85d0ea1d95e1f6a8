import type { Selectable } from "kysely";
import type { Message, Timer } from "../../pipeline/message.ts";
import type { FlowRecord, JournalEntry } from "../../pipeline/ports.ts";
import type { Schema } from "./schema.ts";

// An envelope is written once: the incoming message leaves out the ids that have columns, and the
// messages that it caused leave out what they share with it.

export type EntryRow = Omit<Selectable<Schema["entry"]>, "seq" | "runner">;
type Ids = Pick<EntryRow, "message_id" | "flow_id">;

/** What a message leaves out when it is that of its cause: `causationId` when it is the cause's id. */
type Shared = "flowId" | "causationId" | "subject";
type Caused = Omit<Message, Shared> & { readonly [Field in Shared]?: Message[Field] | undefined };
type Body = {
  readonly message: Omit<Message, "id" | "flowId">;
  readonly outgoing: readonly Caused[];
  readonly timers: readonly (Omit<Timer, "message"> & { readonly message: Caused })[];
};

/** The row of an entry. Throws what JSON.stringify throws for a state or payload that is not JSON. */
export function toRow(entry: JournalEntry): EntryRow {
  const { consumer, message, flow } = entry;
  return {
    consumer,
    message_id: message.id,
    flow_id: message.flowId,
    flow_sequence: flow?.sequence ?? null,
    ended: flow?.ended === true ? 1 : 0,
    body: JSON.stringify(toBody(entry)),
    state: flow === null ? null : (JSON.stringify(flow.state) ?? "null"),
  };
}

export function fromRow(row: EntryRow): JournalEntry {
  return { consumer: row.consumer, ...decisionOf(row), flow: toFlow(row) };
}

export function decisionOf(
  row: Ids & Pick<EntryRow, "body">,
): Pick<JournalEntry, "message" | "outgoing" | "timers"> {
  const body = JSON.parse(row.body) as Body; // toRow wrote it
  const message = { ...body.message, id: row.message_id, flowId: row.flow_id };
  return {
    message,
    outgoing: body.outgoing.map((caused) => withShared(caused, message)),
    timers: body.timers.map((timer) => ({
      ...timer,
      message: withShared(timer.message, message),
    })),
  };
}

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

function toBody({ message, outgoing, timers }: JournalEntry): Body {
  const { id: _, flowId: __, ...rest } = message;
  return {
    message: rest,
    outgoing: outgoing.map((caused) => withoutShared(caused, message)),
    timers: timers.map((timer) => ({ ...timer, message: withoutShared(timer.message, message) })),
  };
}

/** A field that is undefined is not written. */
function withoutShared(caused: Message, cause: Message) {
  return {
    ...caused,
    flowId: caused.flowId === cause.flowId ? undefined : caused.flowId,
    causationId: caused.causationId === cause.id ? undefined : caused.causationId,
    subject: caused.subject === cause.subject ? undefined : caused.subject,
  };
}

/** Spread last: what was written is its own, `causationId: null` too. */
const withShared = (caused: Caused, { flowId, id, subject }: Message): Message =>
  ({ flowId, causationId: id, subject, ...caused }) as Message; // parsed JSON has no undefined

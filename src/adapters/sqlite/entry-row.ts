import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Selectable } from "kysely";
import type { Message, Timer } from "../../pipeline/message.ts";
import type { JournalEntry } from "../../pipeline/ports.ts";
import type { Body as BodyColumn, Schema } from "./schema.ts";

// How a decision is written down. Every message once: one that an entry of this file sent is referred to
// by the entry that took it, and what is caused leaves out what it shares with its cause.

export type EntryRow = Omit<Selectable<Schema["entry"]>, "seq" | "runner">;
/** The columns that a body is read with. */
export type BodyRow = Pick<EntryRow, "message_id" | "flow_id" | "body">;

/** The entry that sent a message, and the place among what it sent. */
export type Sender = readonly [seq: number, position: number];

/** What a message leaves out when it is that of its cause: `causationId` when it is the cause's id. */
type Shared = "flowId" | "causationId" | "subject";
type Caused = Omit<Message, Shared> & { readonly [Field in Shared]?: Message[Field] | undefined };
type Cause = Pick<Message, "id" | "flowId" | "subject">;
type Body = {
  /** Goes up with every change of this shape; what is older is brought up by `upcast`. */
  readonly v: 2;
  readonly subject: string;
  /** The message that was decided, or who sent it. */
  readonly message: Omit<Message, "id" | "flowId" | "subject"> | null;
  readonly from: Sender | null;
  readonly outgoing: readonly Caused[];
  readonly timers: readonly (Omit<Timer, "message"> & { readonly message: Caused })[];
  readonly parks?: JournalEntry["parks"];
};
/** As schema 1 had it. */
type BodyV1 = Pick<Body, "outgoing" | "timers"> & {
  readonly v?: undefined;
  readonly message: Omit<Message, "id" | "flowId">;
};

/** Throws what JSON.stringify throws for a payload that is not JSON. */
export function toBody(entry: JournalEntry, from: Sender | null): BodyColumn {
  const { message, outgoing, parks, timers } = entry;
  const { id: _, flowId: __, subject, ...rest } = message;
  const body: Body = {
    v: 2,
    subject,
    message: from === null ? rest : null,
    from,
    outgoing: outgoing.map((caused) => withoutShared(caused, message)),
    timers: timers.map((timer) => ({ ...timer, message: withoutShared(timer.message, message) })),
    ...(parks === undefined ? {} : { parks }),
  };
  return packed(JSON.stringify(body));
}

/** From here on the time to deflate a body (about 35 µs) is well spent: it becomes less than half of it. */
const deflatedFrom = 1024;

function packed(text: string): BodyColumn {
  return text.length < deflatedFrom ? text : deflateRawSync(text);
}

function unpacked(body: BodyColumn): string {
  return typeof body === "string" ? body : inflateRawSync(body).toString("utf8");
}

/** What an entry is about. */
export const subjectOf = (body: BodyColumn): string => read(body).subject;

/** What an entry took, if it says so itself; otherwise who sent it. */
export function messageOf({ message_id: id, flow_id: flowId, body }: BodyRow): Message | Sender {
  const { from, message, subject } = read(body);
  if (message !== null) return { id, flowId, subject, ...message };
  if (from !== null) return from;
  throw new Error(`the entry of message ${id} names neither it nor its sender`);
}

/** What follows from an entry. */
export function consequencesOf(row: BodyRow): Pick<JournalEntry, "outgoing" | "timers" | "parks"> {
  const { outgoing, parks, subject, timers } = read(row.body);
  const cause: Cause = { id: row.message_id, flowId: row.flow_id, subject };
  return {
    outgoing: outgoing.map((caused) => withShared(caused, cause)),
    timers: timers.map((timer) => ({ ...timer, message: withShared(timer.message, cause) })),
    ...(parks === undefined ? {} : { parks }),
  };
}

function read(body: BodyColumn): Body {
  return upcast(JSON.parse(unpacked(body)) as Body | BodyV1); // toBody wrote it, this one's or an earlier one's
}

function upcast(body: Body | BodyV1): Body {
  if (body.v === 2) return body;
  const { subject, ...message } = body.message;
  return { ...body, v: 2, subject, message, from: null };
}

/** A field that is undefined is not written. */
function withoutShared(caused: Message, cause: Cause): Caused {
  return {
    ...caused,
    flowId: caused.flowId === cause.flowId ? undefined : caused.flowId,
    causationId: caused.causationId === cause.id ? undefined : caused.causationId,
    subject: caused.subject === cause.subject ? undefined : caused.subject,
  };
}

/** Spread last: what was written is its own, `causationId: null` too. */
const withShared = (caused: Caused, { flowId, id, subject }: Cause): Message =>
  ({ flowId, causationId: id, subject, ...caused }) as Message; // parsed JSON has no undefined

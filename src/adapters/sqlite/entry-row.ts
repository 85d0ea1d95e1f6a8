import { isDeepStrictEqual } from "node:util";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Selectable } from "kysely";
import type { Message, Timer } from "../../pipeline/message.ts";
import type { JournalEntry } from "../../pipeline/ports.ts";
import type { Body as BodyColumn, Schema } from "./schema.ts";

// How a decision is written down. Every message once: one that an entry of this file sent is referred to
// by the entry that took it, and what is caused leaves out what it shares with its cause and its siblings.

export type EntryRow = Omit<Selectable<Schema["entry"]>, "seq" | "runner">;
/** The columns that a body is read with. */
export type BodyRow = Pick<EntryRow, "message_id" | "flow_id" | "body">;

/** The entry that sent a message, and the place among what it sent. */
export type Sender = readonly [seq: number, position: number];

/** What all that an entry sends and sets has in common, most times. */
type Common = Pick<Message, "occurredAt" | "producer" | "headers">;
/** What a caused message has when it does not say otherwise. */
type Shared = Pick<Message, "flowId" | "causationId" | "subject"> & Partial<Common>;
type Left = keyof Shared | "schema";
type Caused = Omit<Message, Left> & { readonly [Field in Left]?: Message[Field] | undefined };
type Body = {
  /** Goes up with every change of this shape; what is older is brought up by `upcast`. */
  readonly v: 3;
  readonly subject: string;
  /** The message that was decided, or who sent it. */
  readonly message: Omit<Message, "id" | "flowId" | "subject"> | null;
  readonly from: Sender | null;
  /** Of the first of those below; without any there is none. */
  readonly common?: Common;
  readonly outgoing: readonly Caused[];
  readonly timers: readonly (Omit<Timer, "message"> & { readonly message: Caused })[];
  readonly parks?: JournalEntry["parks"];
};
/** Every caused message had all fields but those of its cause. */
type BodyV2 = Omit<Body, "v" | "common"> & { readonly v: 2 };
/** As schema 1 had it. */
type BodyV1 = Pick<Body, "outgoing" | "timers"> & {
  readonly v?: undefined;
  readonly message: Omit<Message, "id" | "flowId">;
};

/** Throws what JSON.stringify throws for a payload that is not JSON. */
export function toBody(entry: JournalEntry, from: Sender | null): BodyColumn {
  const { message, outgoing, parks, timers } = entry;
  const { id: _, flowId: __, subject, ...rest } = message;
  const common = commonOf(outgoing[0] ?? timers[0]?.message);
  const shared = sharedBy(message, common);
  const body: Body = {
    v: 3,
    subject,
    message: from === null ? rest : null,
    from,
    ...(common === undefined ? {} : { common }),
    outgoing: outgoing.map((caused) => withoutShared(caused, shared)),
    timers: timers.map((timer) => ({ ...timer, message: withoutShared(timer.message, shared) })),
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
  const { common, outgoing, parks, subject, timers } = read(row.body);
  const shared = sharedBy({ id: row.message_id, flowId: row.flow_id, subject }, common);
  return {
    outgoing: outgoing.map((caused) => withShared(caused, shared)),
    timers: timers.map((timer) => ({ ...timer, message: withShared(timer.message, shared) })),
    ...(parks === undefined ? {} : { parks }),
  };
}

function read(body: BodyColumn): Body {
  return upcast(JSON.parse(unpacked(body)) as Body | BodyV2 | BodyV1); // toBody wrote it, this one's or an earlier one's
}

function upcast(body: Body | BodyV2 | BodyV1): Body {
  if (body.v === 3) return body;
  if (body.v === 2) return { ...body, v: 3 };
  const { subject, ...message } = body.message;
  return { ...body, v: 3, subject, message, from: null };
}

function commonOf(first: Message | undefined): Common | undefined {
  if (first === undefined) return undefined;
  const { headers, occurredAt, producer } = first;
  return { occurredAt, producer, headers };
}

function sharedBy(
  { flowId, id, subject }: Pick<Message, "id" | "flowId" | "subject">,
  common: Common | undefined,
): Shared {
  return { flowId, causationId: id, subject, ...common };
}

const schemaOf = (name: string) => `${name}.v1`;

/** A field that is undefined is not written. */
function withoutShared(caused: Message, shared: Shared): Caused {
  const { causationId, flowId, headers, occurredAt, producer, schema, subject, ...own } = caused;
  return {
    ...own,
    flowId: flowId === shared.flowId ? undefined : flowId,
    causationId: causationId === shared.causationId ? undefined : causationId,
    subject: subject === shared.subject ? undefined : subject,
    occurredAt: occurredAt === shared.occurredAt ? undefined : occurredAt,
    producer: producer === shared.producer ? undefined : producer,
    headers: isDeepStrictEqual(headers, shared.headers) ? undefined : headers,
    schema: schema === schemaOf(caused.name) ? undefined : schema,
  };
}

/** Spread last: what was written is its own, `causationId: null` too. */
const withShared = (caused: Caused, shared: Shared): Message =>
  ({ ...shared, schema: schemaOf(caused.name), ...caused }) as Message; // parsed JSON has no undefined
